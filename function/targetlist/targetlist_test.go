package targetlist_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/param"
	"backupportal/function/targetlist"
)

// paramsOf returns the parameters of targets.
func paramsOf(all []targetlist.Target) (some []param.Params) {
	for _, one := range all {
		some = append(some, one.Params)
	}
	return some
}

// TestTargetsInAllForms proves that Read accepts both forms of a list of targets (ids on lines, and
// a table), with the separators, empty cells and quotation marks that spreadsheets write.
func TestTargetsInAllForms(t *testing.T) {
	a, b := param.Params{"InstanceId": "i-a"}, param.Params{"InstanceId": "i-b"}
	for name, test := range map[string]struct {
		text string
		want []param.Params
	}{
		"lines":                      {"i-a\ni-b\n", []param.Params{a, b}},
		"lines of Windows":           {"i-a\r\ni-b", []param.Params{a, b}},
		"blanks, comments and mark":  {"\ufeff# web\n\n  i-a \n#i-c\n\ti-b\n", []param.Params{a, b}},
		"one column":                 {"InstanceId\ni-a\ni-b\n", []param.Params{a, b}},
		"tabs of a spreadsheet":      {"InstanceId\tRegion\ni-a\tcn-hangzhou\ni-b\t\n", []param.Params{{"InstanceId": "i-a", "Region": "cn-hangzhou"}, b}},
		"semicolons":                 {"sep=;\nInstanceId;Retention\ni-a;30\n;\ni-b;;\n", []param.Params{{"InstanceId": "i-a", "Retention": "30"}, b}},
		"quotation marks and blanks": {"\"InstanceId\", \"Reason\"\n\"i-a\", \"a \"\"release\"\", again\"\n", []param.Params{{"InstanceId": "i-a", "Reason": `a "release", again`}}},
		"true in capitals":           {"InstanceId,Detail.doCopy\ni-a,TRUE\n", []param.Params{{"InstanceId": "i-a", "Detail.doCopy": "true"}}},
		"a list with lines":          {"InstanceId,Detail.diskIdList\ni-a,\"d-1\nd-2\"\ni-b,\"[\"\"d-3\"\"]\"\n", []param.Params{{"InstanceId": "i-a", "Detail.diskIdList": `["d-1","d-2"]`}, {"InstanceId": "i-b", "Detail.diskIdList": `["d-3"]`}}},
		"a cluster":                  {"ContainerClusterId,SourceType\ncc-1,CONTAINER\n", []param.Params{{"ContainerClusterId": "cc-1", "SourceType": "CONTAINER"}}},
		"empty columns at the end":   {"InstanceId,Region,,\ni-a,cn-hangzhou,,\n", []param.Params{{"InstanceId": "i-a", "Region": "cn-hangzhou"}}},
		"one instance in two places": {"InstanceId,Account\ni-a,one\ni-a,two\n", []param.Params{{"InstanceId": "i-a", "Account": "one"}, {"InstanceId": "i-a", "Account": "two"}}},
	} {
		got, err := targetlist.Read(test.text)
		if diff := cmp.Diff(test.want, paramsOf(got)); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// TestMistakesHaveTheirPlace proves that each mistake in a list of targets is reported with its
// line and column. If there is a mistake, no targets are returned.
func TestMistakesHaveTheirPlace(t *testing.T) {
	for name, test := range map[string]struct {
		text         string
		line, column int
		code         string
		sentence     string
	}{
		"nothing":                {" \n# only this\n", 0, 0, targetlist.CodeEmpty, "Enter at least one target"},
		"no UTF-8":               {"i-a\ni-\xff\n", 2, 3, targetlist.CodeNotText, "Line 2, column 3: The text is not UTF-8: save it as CSV UTF-8"},
		"a control character":    {"i-a\x00\n", 1, 4, targetlist.CodeNotText, "Line 1, column 4: There is a control character: remove it"},
		"no id":                  {"i-a\n\n  web01\n", 3, 3, targetlist.CodeID, "Line 3, column 3: “web01” is not an instance ID: it starts with “i-” and has letters, digits and hyphens; with several values in a line, the first line has the names of the columns"},
		"cells without names":    {"i-a,cn-hangzhou\n", 1, 1, targetlist.CodeID, ""},
		"twice":                  {"i-a\ni-b\ni-a\n", 3, 1, targetlist.CodeRepeated, "Line 3, column 1: Line 1 has the same target: remove one of the two"},
		"a name that is unknown": {"InstanceId,Retentoin\ni-a,3\n", 1, 12, "unknown", "Line 1, column 12: Unknown parameter Retentoin; did you mean Retention?"},
		"a name in capitals":     {"INSTANCEID\ni-a\n", 1, 1, "unknown", ""},
		"a name twice":           {"InstanceId,Region,Region\n", 1, 19, "twice", ""},
		"no resource column":     {"Region,Retention\ncn-hangzhou,3\n", 1, 1, targetlist.CodeHeader, "Line 1, column 1: Add the column InstanceId or ContainerClusterId"},
		"no resource":            {"InstanceId,Region\n,cn-hangzhou\n", 2, 1, targetlist.CodeNoTarget, ""},
		"two resources":          {"InstanceId,ContainerClusterId\ni-a,cc-1\n", 2, 1, targetlist.CodeTwoKinds, ""},
		"a cell too few":         {"InstanceId,Region\ni-a\n", 2, 1, targetlist.CodeCells, "Line 2, column 1: The row has 1 cells, the first line has 2 names"},
		"a cell too many":        {"InstanceId,Region\ni-a,cn-hangzhou,x\n", 2, 1, targetlist.CodeCells, ""},
		"a wrong value":          {"InstanceId,Retention\ni-a,7\n备,soon\n", 3, 1, "pattern", ""},
		"a wrong number":         {"Reason,InstanceId,Retention\n为了发布,i-b,soon\n", 2, 10, "integer", "Line 2, column 10: Retention: The number of days to keep the backup must be a whole number"},
		"an open quote":          {"InstanceId,Reason\ni-a,\"because\n", 2, 13, targetlist.CodeQuotes, ""},
		"a quote inside":         {"InstanceId,Reason\ni-a,be\"cause\n", 2, 7, targetlist.CodeQuotes, ""},
		"below comments":         {"# a\n\nInstanceId,Region\ni-a,Hangzhou\n", 4, 5, "pattern", ""},
		"too long":               {strings.Repeat("x", targetlist.MaxSize+1), 0, 0, targetlist.CodeTooLong, ""},
	} {
		got, err := targetlist.Read(test.text)
		bad, ok := errors.AsType[*targetlist.Error](err)
		if !ok || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		one := bad.Problems[0]
		if one.Line != test.line || one.Column != test.column || one.Mistake.Code != test.code {
			t.Errorf("%s: line %d, column %d, code %q; want %d, %d, %q", name, one.Line, one.Column, one.Mistake.Code, test.line, test.column, test.code)
		}
		if text := one.In(param.English); test.sentence != "" && text != test.sentence {
			t.Errorf("%s: %q, want %q", name, text, test.sentence)
		}
		if text := one.In(param.Chinese); strings.Contains(text, "%!") || one.Line > 0 && !strings.HasPrefix(text, fmt.Sprintf("第 %d 行第 %d 列：", one.Line, one.Column)) {
			t.Errorf("%s: %q", name, text)
		}
	}
}

// TestLimitSaysByHowMuch proves that Read refuses a list with too many targets, that the sentence
// has the number of targets above the limit, and that a list of MaxTargets is accepted.
func TestLimitSaysByHowMuch(t *testing.T) {
	list := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "i-%d\n", i)
		}
		return b.String()
	}
	if got, err := targetlist.Read(list(targetlist.MaxTargets)); err != nil || len(got) != targetlist.MaxTargets {
		t.Fatalf("%d targets, %v", len(got), err)
	}
	_, err := targetlist.Read(list(targetlist.MaxTargets + 412))
	bad, _ := errors.AsType[*targetlist.Error](err)
	const want = "The list has 10,412 targets, 412 more than the limit of 10,000: split it into several batches"
	if bad == nil || len(bad.Problems) != 1 || bad.Problems[0].In(param.English) != want {
		t.Errorf("%v", bad)
	}
	if text := bad.Problems[0].In(param.Chinese); text != "列表有 10,412 个目标，比上限 10,000 多 412 个：请拆分为多个批量备份" {
		t.Error(text)
	}
}

// TestManyMistakes proves that an Error lists only the first 100 of many mistakes, and has the
// number of the others.
func TestManyMistakes(t *testing.T) {
	_, err := targetlist.Read(strings.Repeat("x y\n", 250))
	bad, _ := errors.AsType[*targetlist.Error](err)
	if bad == nil || len(bad.Problems) != 100 || bad.More != 150 {
		t.Fatalf("%d problems and %d more", len(bad.Problems), bad.More)
	}
	if lines := bad.In(param.English); lines[100] != "and 150 more" {
		t.Error(lines[100])
	}
}

// sampleRow returns random values that Field.Check accepts, by the name of the field. Rows with
// different n have different instances.
func sampleRow(r *rand.Rand, n int) map[string]string {
	row := map[string]string{"InstanceId": fmt.Sprintf("i-%x%d", r.Uint32(), n)}
	for name, values := range map[string][]string{
		"Account": {"", "demo", "payments"}, "Region": {"", "cn-hangzhou", "ap-southeast-1"}, "Retention": {"", "1", "30", "365"},
		"Reason":               {"", "=1+1", "+a", "-b", "@c", "'quoted", "''", "a, b; c", "say \"yes\"", "发布 2.0", "＝x"},
		"Detail.doCopy":        {"", "true", "false"},
		"Detail.diskIdList":    {"", `["d-1"]`, `["d-1","d-2"]`},
		"Detail.snapshotGroup": {"", "true"},
	} {
		row[name] = values[r.IntN(len(values))]
	}
	return row
}

// randomTable returns the text of a table with n random rows, and the parameters of the rows. The
// order of the columns, the separator and other details of the text are random too.
func randomTable(t *testing.T, r *rand.Rand, n int) (text string, rows []param.Params) {
	t.Helper()
	columns := []string{"InstanceId", "Account", "Region", "Retention", "Reason", "Detail.doCopy", "Detail.diskIdList", "Detail.snapshotGroup"}
	r.Shuffle(len(columns), func(i, j int) { columns[i], columns[j] = columns[j], columns[i] })
	var cells [][]string
	for i := range n {
		row, params := sampleRow(r, i), param.Params{}
		line := make([]string, len(columns))
		for c, name := range columns {
			if line[c] = row[name]; line[c] != "" {
				params[name] = line[c]
			}
		}
		cells, rows = append(cells, line), append(rows, params)
	}
	var b bytes.Buffer
	if r.IntN(2) == 0 {
		if err := targetlist.Write(&b, columns, cells); err != nil {
			t.Fatal(err)
		}
		return b.String(), rows
	}
	out := csv.NewWriter(&b)
	out.Comma = []rune{',', ';', '\t'}[r.IntN(3)]
	out.UseCRLF = r.IntN(2) == 0
	for _, line := range append([][]string{columns}, cells...) {
		for i, cell := range line {
			if strings.HasPrefix(cell, "'") {
				line[i] = "'" + cell // Read removes the first of two apostrophes
			}
		}
		if err := out.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	out.Flush()
	return b.String(), rows
}

// TestRandomTablesRoundTrip proves that Read returns the values of random tables, also if a value
// looks like a formula of a spreadsheet.
func TestRandomTablesRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		text, want := randomTable(t, r, 1+r.IntN(30))
		got, err := targetlist.Read(text)
		if diff := cmp.Diff(want, paramsOf(got)); err != nil || diff != "" {
			t.Fatalf("seed %d: %v (-want +got):\n%s\n%s", seed, err, diff, text)
		}
	}
}

// TestOneBadRowAmongMany proves that one wrong row among many random ones is reported with its
// line, and that no other mistake is reported.
func TestOneBadRowAmongMany(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		n := 2 + r.IntN(40)
		lines := make([]string, n)
		for i := range lines {
			lines[i] = fmt.Sprintf("i-%d-%d,%d", seed, i, 1+r.IntN(300))
		}
		at := r.IntN(n)
		lines[at] = []string{"web01,3", "i-x,soon", "i-x", ",4", "i-x,3,4", "i-x,-3", "i-x,\"3", "i a,3", "=cmd(),3"}[r.IntN(9)]
		got, err := targetlist.Read("InstanceId,Retention\n" + strings.Join(lines, "\n") + "\n")
		bad, ok := errors.AsType[*targetlist.Error](err)
		if !ok || got != nil || len(bad.Problems) != 1 || bad.Problems[0].Line != at+2 {
			t.Fatalf("seed %d: line %d %q: %v, %d targets", seed, at+2, lines[at], err, len(got))
		}
	}
}

// TestExportsHaveNoFormulas proves that an exported table has no cell that a spreadsheet would
// execute as a formula, whatever white space precedes it.
func TestExportsHaveNoFormulas(t *testing.T) {
	values := []string{`=HYPERLINK("http://x")`, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "＋1", "－1", "＠1", "'=1"}
	var b bytes.Buffer
	if err := targetlist.Write(&b, []string{"InstanceId"}, [][]string{values, {"i-a", "web-1", "7"}}); err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff")))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, cell := range rows[1] {
		if !strings.HasPrefix(cell, "'") {
			t.Errorf("%q became %q", values[i], cell)
		}
	}
	if diff := cmp.Diff([]string{"i-a", "web-1", "7"}, rows[2]); diff != "" {
		t.Error(diff)
	}
}

// FuzzRead proves that Read returns, for any text, targets with valid values or an Error with places
// inside the text, and that Write and Read return the same targets again.
func FuzzRead(f *testing.F) {
	f.Add("i-a\ni-b\n")
	f.Add("InstanceId,Retention\r\ni-a,3\r\n")
	f.Add("sep=;\nInstanceId;Reason\ni-a;\"'=1\"\n")
	f.Add("InstanceId\tDetail.diskIdList\ni-a\t\"d-1\nd-2\"\n")
	f.Add("\ufeff#\n\"InstanceId\",Region,,\n\"i-a")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := targetlist.Read(text)
		if bad, ok := errors.AsType[*targetlist.Error](err); err != nil {
			if !ok || len(bad.Problems) == 0 || got != nil {
				t.Fatalf("%T with %d targets", err, len(got))
			}
			for _, p := range bad.Problems {
				if p.Line < 0 || p.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 || (p.Line == 0) != (p.Column == 0) {
					t.Fatalf("line %d, column %d", p.Line, p.Column)
				}
				if s := p.In(param.English) + p.In(param.Chinese); strings.Contains(s, "%!") && !strings.Contains(text, "%!") {
					t.Fatal(s)
				}
			}
			return
		}
		if len(got) == 0 || len(got) > targetlist.MaxTargets {
			t.Fatalf("%d targets", len(got))
		}
		var columns []string
		for _, f := range param.Fields {
			columns = append(columns, f.Name)
		}
		var rows [][]string
		for _, one := range got {
			var row []string
			for _, f := range param.Fields {
				if bad := f.Check(one.Params[f.Name]); bad != nil {
					t.Fatalf("%s: %q", f.Name, one.Params[f.Name])
				}
				row = append(row, one.Params[f.Name])
			}
			rows = append(rows, row)
		}
		var b bytes.Buffer
		if err := targetlist.Write(&b, columns, rows); err != nil {
			t.Fatal(err)
		}
		again, err := targetlist.Read(b.String())
		if diff := cmp.Diff(paramsOf(got), paramsOf(again)); b.Len() <= targetlist.MaxSize && (err != nil || diff != "") {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	})
}
