// Package targetlist reads the targets of a batch from text.
//
// A text has one of two forms. [Read] tells them apart by the first line that is not empty.
//
//	form     first line                       each further line
//	lines    an instance id                   one instance id
//	table    names of parameters of param     the values of one target, as CSV
//
// The separator of a table's cells is a comma, a semicolon or a tab: the one that occurs first in
// the header. A table needs the column InstanceId or ContainerClusterId. An empty cell means that
// the target has no value of its own for this parameter. The cell of a list, such as
// Detail.diskIdList, has a JSON list or one item on each line. Empty lines and lines that start
// with “#” are skipped in both forms.
//
// [Read] returns either all targets or, if there is a mistake, only an [Error].
package targetlist

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"backupportal/function/jsontext"
	"backupportal/function/param"
)

// Limits of a list.
const (
	MaxTargets  = 10_000  // targets in a list
	MaxSize     = 2 << 20 // bytes of a text
	maxProblems = 100     // problems that [Read] returns; further ones are only counted
	maxColumns  = 64      // columns of a table
	quoted      = 40      // bytes of a wrong value that the text of a problem quotes
)

// A Target is one resource to back up, with the values that the list gives for it.
type Target struct {
	Params param.Params // its own values; never empty
	Line   int          // line of the text, from 1
}

// A Problem is one mistake in a list of targets, with its line and column.
type Problem struct {
	Line, Column int    // from 1; a column counts characters; both are 0 if the problem is about the whole text
	Name         string // name of the table's column; empty if the problem is not about a column
	Mistake      param.Mistake
}

// Problem codes that only this package uses.
const (
	CodeEmpty    = "empty"         // the text has no target
	CodeTooLong  = "too_long"      // more than [MaxSize] bytes
	CodeNotText  = "not_text"      // not UTF-8, or with control characters
	CodeTooMany  = "too_many"      // more than [MaxTargets] targets
	CodeID       = "id"            // a line is not an instance id
	CodeRepeated = "repeated"      // an earlier line has the same target
	CodeCells    = "cells"         // a row has more or fewer cells than the header
	CodeQuotes   = "quotes"        // a quotation mark is missing, or is inside a cell without quotation marks
	CodeHeader   = "header"        // a table without the column InstanceId or ContainerClusterId
	CodeColumns  = "columns"       // a table with too many columns
	CodeNoTarget = "no_target"     // a row without an instance and without a cluster
	CodeTwoKinds = "two_resources" // a row with an instance and a cluster
)

// Texts of the problems.
var (
	msgEmpty    = param.Both("enter at least one target", "请至少输入一个目标")
	msgTooLong  = param.Both("the list must be %v bytes or smaller; it has %v: split it into several batches", "列表不能超过 %v 字节，当前为 %v 字节：请拆分为多个批量备份")
	msgNotText  = param.Both("the text is not UTF-8: save it as CSV UTF-8", "文本不是 UTF-8 编码：请保存为 CSV UTF-8")
	msgControl  = param.Both("there is a control character: remove it", "包含控制字符：请删除")
	msgTooMany  = param.Both("the list has %v targets, %v more than the limit of %v: split it into several batches", "列表有 %v 个目标，比上限 %[3]v 多 %[2]v 个：请拆分为多个批量备份")
	msgID       = param.Both("“%v” is not an instance ID: it starts with “i-” and has letters, digits and hyphens; with several values in a line, the first line has the names of the columns", "“%v”不是实例 ID：应以“i-”开头，由字母、数字和短横线组成；如每行有多个值，第一行应为列名")
	msgRepeated = param.Both("line %v has the same target: remove one of the two", "与第 %v 行的目标相同：请删除其中一行")
	msgCells    = param.Both("the row has %v cells, the first line has %v names", "该行有 %v 个单元格，而第一行有 %v 个列名")
	msgQuotes   = param.Both("a quotation mark is not closed, or is inside a cell without quotation marks", "引号未闭合，或出现在未加引号的单元格中")
	msgHeader   = param.Both("add the column InstanceId or ContainerClusterId", "请添加 InstanceId 或 ContainerClusterId 列")
	msgColumns  = param.Both("the table must have %v columns or fewer", "表格不能超过 %v 列")
	msgNoTarget = param.Both("enter the instance ID", "请输入实例 ID")
	msgTwoKinds = param.Both("enter either an instance or a cluster", "实例和集群只能填写一个")
	msgMore     = param.Both("and %v more", "另有 %v 处")

	textPlace  = param.Both("Line %v, column %v: ", "第 %v 行第 %v 列：")
	textColumn = param.Both("%v: ", "%v：")
)

// In returns the problem as a sentence in language l, with its line and column if they are known.
func (p Problem) In(l param.Language) string {
	text := p.Mistake.In(l)
	if p.Name != "" && p.Mistake.Field == p.Name {
		text = textColumn.Fill(l, p.Name) + text
	}
	if p.Line == 0 {
		return text
	}
	return textPlace.Fill(l, p.Line, p.Column) + text
}

// An Error says why [Read] returns no targets.
type Error struct {
	Problems []Problem // at least one, in the order of the lines
	More     int       // number of further problems that are not in Problems
}

// Error returns the line, the column and the code of each problem, for logs. It contains no text of
// the list.
func (e *Error) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Mistake.Code)
	}
	return "targetlist: " + strings.Join(parts, "; ")
}

// In returns one sentence in language l for each problem and, if there are more problems than in
// e.Problems, a last sentence with their number.
func (e *Error) In(l param.Language) []string {
	lines := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		lines = append(lines, p.In(l))
	}
	if e.More > 0 {
		lines = append(lines, msgMore.Fill(l, param.Count(e.More)))
	}
	return lines
}

// Read returns the targets in text, in the order of the lines; at least one. A byte order mark is
// skipped. The error is an [*Error].
func Read(text string) ([]Target, error) {
	text = strings.TrimPrefix(text, jsontext.ByteOrderMark)
	if len(text) > MaxSize {
		return nil, whole(CodeTooLong, msgTooLong, param.Count(MaxSize), param.Count(len(text)))
	}
	r := reader{seen: map[string]int{}}
	if problem, ok := r.strange(text); ok {
		return nil, &Error{Problems: []Problem{problem}}
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	number, first := firstLine(text)
	switch {
	case first == "":
		return nil, whole(CodeEmpty, msgEmpty)
	case isHeader(first):
		r.table(text, number)
	default:
		r.lines(text)
	}
	switch {
	case r.count > MaxTargets:
		return nil, whole(CodeTooMany, msgTooMany, param.Count(r.count), param.Count(r.count-MaxTargets), param.Count(MaxTargets))
	case len(r.problems) > 0:
		return nil, &Error{Problems: r.problems, More: r.more}
	case len(r.targets) == 0:
		return nil, whole(CodeEmpty, msgEmpty)
	}
	return r.targets, nil
}

// whole returns the error for a mistake that concerns the whole text, not one line.
func whole(code string, text param.Text, args ...any) *Error {
	return &Error{Problems: []Problem{{Mistake: param.Mistake{Code: code, Text: text, Args: args}}}}
}

// A reader collects the result of one [Read].
type reader struct {
	targets  []Target       // at most MaxTargets
	count    int            // number of targets in the text; can be more than MaxTargets
	problems []Problem      // at most maxProblems
	more     int            // number of problems that are not in problems
	seen     map[string]int // the line of each target, by its Key
}

// wrong adds a problem, or counts it if there are maxProblems already.
func (r *reader) wrong(line, column int, name string, m param.Mistake) {
	if len(r.problems) == maxProblems {
		r.more++
		return
	}
	r.problems = append(r.problems, Problem{Line: line, Column: column, Name: name, Mistake: m})
}

// add adds a target. If an earlier line has the same target (Key), it adds a problem instead. column
// is the place of the target in its line.
func (r *reader) add(t Target, column int) {
	key := Key(t.Params)
	if first, again := r.seen[key]; again {
		r.wrong(t.Line, column, "", param.Mistake{Code: CodeRepeated, Text: msgRepeated, Args: []any{first}})
		return
	}
	r.seen[key] = t.Line
	if r.count++; r.count <= MaxTargets {
		r.targets = append(r.targets, t)
	}
}

// Key returns a text that identifies the resource of a target: its account, its region, and its
// instance or cluster. Two targets with equal keys are the same target.
func Key(p param.Params) string {
	return strings.Join([]string{p["Account"], p["Region"], p["InstanceId"], p["ContainerClusterId"], p["ContainerResources"]}, "\x00")
}

// strange reports whether text cannot be a list, and returns the problem: text is not UTF-8, or has
// a control character other than a tab or a line break.
func (r *reader) strange(text string) (Problem, bool) {
	line, column := 1, 0
	for i, c := range text {
		column++
		switch {
		case c == '\n':
			line, column = line+1, 0
		case c == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			return Problem{Line: line, Column: column, Mistake: param.Mistake{Code: CodeNotText, Text: msgNotText}}, true
		case c == '\r', c == '\t':
		case unicode.IsControl(c):
			return Problem{Line: line, Column: column, Mistake: param.Mistake{Code: CodeNotText, Text: msgControl}}, true
		}
	}
	return Problem{}, false
}

// firstLine returns the number and the text of the first line that is neither empty nor a comment;
// 0 and "" if there is none. It also skips a line such as “sep=;”, which some spreadsheets write to
// name the separator.
func firstLine(text string) (number int, line string) {
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\n")
		if isBlank(line) || len(line) == len("sep=;") && strings.HasPrefix(line, "sep=") {
			continue
		}
		return number, line
	}
	return 0, ""
}

// isBlank reports whether a line is empty or a comment.
func isBlank(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || strings.HasPrefix(line, "#")
}

// separators are the characters that separate the cells of a table.
const separators = ",;\t"

// isHeader reports whether a line is the header of a table. The first cell decides: it is the name
// of a parameter (InstanceId also in other case), or it has only letters and dots and further cells
// follow. Therefore a misspelt name is reported as an unknown column, not as an invalid instance id.
func isHeader(line string) bool {
	cell, _, more := strings.Cut(strings.Trim(line, separators+" "), separatorOf(line))
	cell = strings.Trim(cell, `" `)
	if _, known := param.FieldNamed(cell); known || strings.EqualFold(cell, "InstanceId") {
		return true
	}
	return more && cell != "" && !strings.HasPrefix(cell, "i-") && !strings.ContainsFunc(cell, func(c rune) bool {
		return c != '.' && !unicode.IsLetter(c)
	})
}

// separatorOf returns the first separator in a line. It returns a comma if the line has none.
func separatorOf(line string) string {
	if i := strings.IndexAny(line, separators); i >= 0 {
		return line[i : i+1]
	}
	return ","
}

// lines reads a list that has one instance id on each line.
func (r *reader) lines(text string) {
	instance, _ := param.FieldNamed("InstanceId")
	number := 0
	for line := range strings.Lines(text) {
		number++
		if isBlank(line) {
			continue
		}
		id := strings.TrimSpace(line)
		column := utf8.RuneCountInString(line[:strings.Index(line, id)]) + 1
		if instance.Check(id) != nil {
			r.wrong(number, column, "", param.Mistake{Code: CodeID, Text: msgID, Args: []any{param.Text{En: short(id), Zh: short(id)}}})
			continue
		}
		r.add(Target{Params: param.Params{"InstanceId": id}, Line: number}, column)
	}
}

// short returns a wrong value for the text of a problem: cleaned, and cut to quoted bytes.
func short(value string) string { return param.Clean(value, quoted) }

// table reads a table whose header is on the line with the given number.
func (r *reader) table(text string, header int) {
	below := text
	for range header - 1 {
		_, below, _ = strings.Cut(below, "\n")
	}
	line, _, _ := strings.Cut(below, "\n")
	cells := csv.NewReader(strings.NewReader(below))
	cells.Comma = rune(separatorOf(line)[0])
	cells.Comment = '#'
	cells.FieldsPerRecord = -1
	cells.TrimLeadingSpace = cells.Comma != '\t' // a tab is white space too
	t := tableReader{reader: r, cells: cells, before: header - 1, text: strings.Split(below, "\n")}
	for {
		row, err := cells.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.badQuotes(err)
			return
		}
		if t.names == nil {
			if !t.header(row) {
				return
			}
			continue
		}
		t.row(row)
	}
}

// A tableReader reads one table of targets in CSV.
type tableReader struct {
	*reader
	cells  *csv.Reader
	before int      // number of lines above the header
	text   []string // the lines from the header on
	names  []string // names of the columns; nil until the header is read
}

// place returns the line and the column in the whole text of a cell of the current row.
func (t *tableReader) place(cell int) (line, column int) {
	line, column = t.cells.FieldPos(cell)
	return t.before + line, t.characters(line, column)
}

// characters converts a column that counts bytes to a column that counts characters. Both count
// from 1; line 1 is the header.
func (t *tableReader) characters(line, column int) int {
	if line < 1 || line > len(t.text) {
		return max(column, 1)
	}
	text := t.text[line-1]
	return utf8.RuneCountInString(text[:min(max(column-1, 0), len(text))]) + 1
}

// badQuotes adds the problem for an error of the CSV reader. The only possible cause is a wrong
// quotation mark. The rest of the table cannot be read.
func (t *tableReader) badQuotes(err error) {
	line, column := 1, 1
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		line, column = bad.StartLine, 1
		if bad.Line == bad.StartLine {
			column = t.characters(bad.Line, bad.Column)
		}
	}
	t.wrong(t.before+line, column, "", param.Mistake{Code: CodeQuotes, Text: msgQuotes})
}

// header sets t.names from the first row. It adds problems and returns false if a name is unknown or
// repeated, if a required column is missing, or if there are too many columns.
func (t *tableReader) header(row []string) bool {
	before := len(t.problems)
	for len(row) > 1 && strings.TrimSpace(row[len(row)-1]) == "" {
		row = row[:len(row)-1] // spreadsheets add empty columns
	}
	if len(row) > maxColumns {
		t.wrong(t.before+1, 1, "", param.Mistake{Code: CodeColumns, Text: msgColumns, Args: []any{maxColumns}})
		return false
	}
	t.names = make([]string, len(row))
	for i, cell := range row {
		name := strings.TrimSpace(cell)
		line, column := t.place(i)
		if _, known := param.FieldNamed(name); !known {
			t.wrong(line, column, "", param.UnknownField(short(name)))
		} else if slices.Contains(t.names[:i], name) {
			t.wrong(line, column, "", param.RepeatedField(name))
		}
		t.names[i] = name
	}
	if len(t.problems) == before && !slices.Contains(t.names, "InstanceId") && !slices.Contains(t.names, "ContainerClusterId") {
		t.wrong(t.before+1, 1, "", param.Mistake{Code: CodeHeader, Text: msgHeader})
	}
	return len(t.problems) == before
}

// row adds the target of one row of the table, or its problems. It skips a row without values.
func (t *tableReader) row(row []string) {
	for len(row) > len(t.names) && strings.TrimSpace(row[len(row)-1]) == "" {
		row = row[:len(row)-1]
	}
	line, column := t.place(0)
	if !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
		return // spreadsheets add empty rows
	}
	if len(row) != len(t.names) {
		t.wrong(line, column, "", param.Mistake{Code: CodeCells, Text: msgCells, Args: []any{len(row), len(t.names)}})
		return
	}
	target, ok := Target{Params: param.Params{}, Line: line}, true
	for i, cell := range row {
		field, _ := param.FieldNamed(t.names[i])
		value := valueOf(field, cell)
		bad := field.Check(value)
		for _, m := range bad {
			m.Field = field.Name
			cellLine, cellColumn := t.place(i)
			t.wrong(cellLine, cellColumn, field.Name, m)
		}
		ok = ok && bad == nil
		if value != "" {
			target.Params[field.Name] = value
		}
	}
	instance, cluster := target.Params["InstanceId"], target.Params["ContainerClusterId"]
	switch {
	case !ok:
	case instance == "" && cluster == "":
		t.wrong(line, column, "", param.Mistake{Code: CodeNoTarget, Text: msgNoTarget})
	case instance != "" && cluster != "":
		t.wrong(line, column, "", param.Mistake{Code: CodeTwoKinds, Text: msgTwoKinds})
	default:
		t.add(target, column)
	}
}

// valueOf converts the text of a cell to a value of the field. It changes TRUE and FALSE, as
// spreadsheets write them, to small letters, and lines to a JSON list if the field is a list.
func valueOf(f param.Field, cell string) string {
	value := unguarded(strings.TrimSpace(cell))
	switch lower := strings.ToLower(value); {
	case value == "":
		return ""
	case f.Type == param.Boolean && (lower == "true" || lower == "false"):
		return lower
	case f.Type == param.Strings && !strings.HasPrefix(value, "["):
		var items []string
		for item := range strings.Lines(value) {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		return param.StringList(items)
	}
	return value
}

// formulaStarts has the characters at the start of a cell that make a spreadsheet read the cell as
// a formula. The last four are full-width forms, which some spreadsheets treat in the same way.
const formulaStarts = "=+-@\t\r＝＋－＠"

// guard is the apostrophe that marks a cell as text in a spreadsheet. The spreadsheet does not show
// it.
const guard = "'"

// guarded returns the text of a cell in a form that no spreadsheet reads as a formula: it puts an
// apostrophe before a text that looks like a formula, and before a text that starts with an
// apostrophe. [unguarded] is the inverse for a text without white space at its start and end.
func guarded(value string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(value, unicode.IsSpace))
	lead, _ := utf8.DecodeRuneInString(value)
	if value != "" && (strings.ContainsRune(formulaStarts+guard, first) || strings.ContainsRune(formulaStarts, lead)) {
		return guard + value
	}
	return value
}

// unguarded removes the apostrophe that [guarded] has put before a text. It returns any other text
// unchanged.
func unguarded(value string) string {
	rest, ok := strings.CutPrefix(value, guard)
	if !ok || guarded(rest) == rest {
		return value
	}
	return rest
}

// Write writes a table as CSV in UTF-8. It starts with a byte order mark: without the mark, some
// spreadsheets assume another encoding. Each row must have one value for each column. A value that
// a spreadsheet would read as a formula gets an apostrophe, which [Read] removes. The error is that
// of w.
func Write(w io.Writer, columns []string, rows [][]string) error {
	if _, err := io.WriteString(w, jsontext.ByteOrderMark); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	for _, row := range slices.Concat([][]string{columns}, rows) {
		cells := make([]string, len(row))
		for i, value := range row {
			cells[i] = guarded(value)
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
