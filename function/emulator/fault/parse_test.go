package fault

import (
	stdcmp "cmp"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseSchedule(t *testing.T) {
	for text, want := range map[string]string{
		"":        "",
		" ; ;\n;": "",
		"CreateBackupJob: ok, throttle, 500-after; DescribeBackupJobs2: lag 20s; AssumeRole: expired x2; * : latency 200ms 10%": "CreateBackupJob: ok, throttle, 500-after; DescribeBackupJobs2: lag 20s forever; AssumeRole: expired x2; *: latency 200ms 10% forever",
		"*:drop;seed 42":                                     "seed 42; *: drop",
		"seed 0; *: drop":                                    "*: drop", // 0 is the default seed
		"DescribeRegions: success-false X":                   "DescribeRegions: success-false X",
		"*: drop forever":                                    "*: drop forever",
		"*: drop x1":                                         "*: drop",
		"*: drop 5% x3, reset":                               "*: drop 5% x3, reset",
		"*: drop 5% | reset 0.25%|hang 94%":                  "*: drop 5% | reset 0.25% | hang 94% forever",
		"*: 500 100%":                                        "*: 500 forever",
		"*: latency 1s+latency-after 90s+500-after":          "*: latency 1s + latency-after 1m30s + 500-after",
		"*: html 502, empty-after 200, refuse 404 X.Y":       "*: html 502, empty-after 200, refuse 404 X.Y",
		"*: redirect, redirect http://127.0.0.1:1/a?b=c:d":   "*: redirect, redirect http://127.0.0.1:1/a?b=c:d",
		"DescribeBackupJobs2: lag 1m x1, shift -2 + total 0": "DescribeBackupJobs2: lag 1m0s x1, shift -2 + total 0",
	} {
		s, err := Parse(text)
		if (err == nil) != (want != "" || strings.Trim(text, " ;\n") == "") || s.String() != want {
			t.Errorf("%q is understood as %q, error %v", text, s, err)
		}
	}
}

func TestParseErrorsNameColumn(t *testing.T) {
	for text, want := range map[string]string{
		"CreateBackupJob: ok, thrott":       `column 22: there is no fault "thrott"`,
		"日本: ok":                            `column 1: there is no operation "日本"`,
		"*: ok; CreateBackup: ok":           `column 8: there is no operation "CreateBackup"`,
		"*: ok; *: drop":                    `column 8: there is a rule for * already`,
		"CreateBackupJob drop":              `column 17: a colon belongs behind CreateBackupJob`,
		"CreateBackupJob":                   `column 16: a colon belongs behind CreateBackupJob`,
		"seed":                              `column 5: seed needs a number from 0`,
		"seed 0; seed 0":                    `column 9: there is a seed already`,
		"AssumeRole: success-false X":       `column 13: success-false is for operations of hbr only`,
		"DescribeDisks: success-false X":    `column 16: success-false is for operations of hbr only`,
		"seed -1":                           `column 6: seed needs a number from 0`,
		"seed 1; seed 2":                    `column 9: there is a seed already`,
		"seed 1 2":                          `column 8: "2" stands where a comma or semicolon belongs`,
		"*:":                                `column 3: a fault is missing`,
		"*: ,ok":                            `column 4: a fault is missing`,
		"*: ok,":                            `column 7: a fault is missing`,
		"*: drop 500":                       `column 9: "500" stands where a comma or semicolon belongs`,
		"*: throttle-after":                 `column 4: there is no fault "throttle-after"`,
		"*: latency":                        `column 11: latency needs a duration like "200ms", at most 24h`,
		"*: latency 5":                      `column 12: latency needs a duration like "200ms", at most 24h`,
		"*: latency -5s":                    `column 12: latency needs a duration like "200ms", at most 24h`,
		"*: latency 25h":                    `column 12: latency needs a duration like "200ms", at most 24h`,
		"*: html 204":                       `column 9: html needs a status from 200 to 599 that has a body`,
		"*: html 0502":                      `column 9: html needs a status from 200 to 599 that has a body`,
		"*: refuse 200 X":                   `column 11: refuse needs a status from 400 to 599`,
		"*: refuse 400":                     `column 14: refuse needs a code like "VaultNotExist"`,
		"*: success-false 7":                `column 18: success-false needs a code like "VaultNotExist"`,
		"*: redirect ftp://a":               `column 13: "ftp://a" stands where a comma or semicolon belongs`,
		"*: no-job-id":                      `column 4: no-job-id is for CreateBackupJob only`,
		"AssumeRole: lag 5s":                `column 13: lag is for DescribeBackupJobs2 only`,
		"DescribeBackupJobs2: shift 0":      `column 28: shift needs a number from -99 to 99, and not 0`,
		"DescribeBackupJobs2: shift --1":    `column 28: shift needs a number from -99 to 99, and not 0`,
		"DescribeBackupJobs2: total -1":     `column 28: total needs a number from 0 to 1000000`,
		"DescribeBackupJobs2: lag 5s, drop": `column 28: the step before lasts for ever; x1 makes it end`,
		"*: drop x0":                        `column 9: x needs a number from 1 to 1000000`,
		"*: drop xx":                        `column 9: x needs a number from 1 to 1000000`,
		"*: drop 0%":                        `column 9: a percentage is more than 0 and at most 100, with at most two decimals`,
		"*: drop 100.01%":                   `column 9: a percentage is more than 0 and at most 100, with at most two decimals`,
		"*: drop 1.%":                       `column 9: a percentage is more than 0 and at most 100, with at most two decimals`,
		"*: drop 60% | hang 50%":            `column 23: the choices of one step come to more than 100%`,
		"*: drop | hang":                    `column 15: the choices of one step come to more than 100%`,
		"*: drop + hang":                    `column 11: hang and drop cannot both be the answer`,
		"*: latency 1s + latency 2s":        `column 17: latency 2s stands twice`,
		"*: drop + ok":                      `column 11: ok stands alone`,
		"*: drop 5%x3":                      `column 9: "5%x3" stands where a comma or semicolon belongs`,
		"*: drop forever forever":           `column 17: "forever" stands where a comma or semicolon belongs`,
		"*: drop, : reset":                  `column 10: a fault is missing`,
		"*: 500" + strings.Repeat(" ", 70) + "| | hang": `column 79: a fault is missing`,
	} {
		_, err := Parse(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// drawSchedule returns a random valid schedule of faults.
func drawSchedule(t *rapid.T) Schedule {
	s := Schedule{seed: rapid.Uint64().Draw(t, "seed")}
	actions := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"*", "AssumeRole", "CreateBackupJob", Listing}), 0, 4, rapid.ID)
	for _, action := range actions.Draw(t, "actions") {
		r := rule{action: action}
		for last := false; !last; {
			last = rapid.Bool().Draw(t, "last")
			st := drawStep(t, action)
			if last && rapid.Bool().Draw(t, "forever") {
				st.times = forever
			}
			r.steps = append(r.steps, st)
		}
		s.rules = append(s.rules, r)
	}
	return s
}

func drawStep(t *rapid.T, action string) step {
	st := step{times: rapid.IntRange(1, 1000).Draw(t, "times")}
	if rapid.Bool().Draw(t, "certain") {
		st.choices = []choice{{drawFaults(t, action), fullShare}}
		return st
	}
	for left, more := fullShare, true; left > 0 && more; more = rapid.Bool().Draw(t, "more") {
		// The share is less than fullShare, because a choice of 100 % is written without a
		// percentage.
		share := rapid.IntRange(1, min(left, fullShare-1)).Draw(t, "share")
		st.choices = append(st.choices, choice{drawFaults(t, action), share})
		left -= share
	}
	return st
}

func drawFaults(t *rapid.T, action string) []Fault {
	var faults []Fault
	for range rapid.IntRange(1, 3).Draw(t, "faults") {
		kind := &Kinds[rapid.IntRange(0, len(Kinds)-1).Draw(t, "kind")]
		f := Fault{kind: kind, after: kind.Twin && rapid.Bool().Draw(t, "after")}
		for _, arg := range kind.args {
			word := drawWord(t, arg)
			if !arg.read(&f, word) && !arg.optional {
				t.Fatalf("%s does not take %q", kind.Name, word)
			}
		}
		if (kind.action == "" || kind.action == action) && (kind.product == "" || action != "AssumeRole") && conflict(faults, f) == "" {
			faults = append(faults, f)
		}
	}
	if faults == nil {
		return []Fault{{kind: &Kinds[0]}}
	}
	return faults
}

func drawWord(t *rapid.T, arg argument) string {
	switch arg.wanted {
	case durationArg.wanted:
		return time.Duration(rapid.Int64Range(1, int64(maxTime)).Draw(t, "duration")).String()
	case statusArg.wanted, errorStatusArg.wanted:
		return strconv.Itoa(rapid.IntRange(400, 599).Draw(t, "status"))
	case codeArg.wanted:
		return rapid.StringMatching(`[A-Za-z][A-Za-z0-9._-]{0,20}`).Draw(t, "code")
	case urlArg.wanted:
		return rapid.StringMatching(`(https?://[a-z]{1,9}(:[1-9][0-9]{0,3})?(/[a-z?=:]{0,9})?)?`).Draw(t, "url")
	}
	return strconv.Itoa(rapid.IntRange(1, 99).Draw(t, "number"))
}

func TestScheduleRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawSchedule(t)
		text := want.String()
		got, err := Parse(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		same := cmp.AllowUnexported(Schedule{}, rule{}, step{}, choice{}, Fault{})
		kinds := cmp.Comparer(func(a, b *Kind) bool { return a == b })
		if diff := cmp.Diff(want, got, same, kinds); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", text, diff)
		}
	})
}

// FuzzParse checks two properties of Parse. If Parse accepts a text, the schedule that is written
// as text and parsed again is equal. If Parse refuses a text, the error names a column in the text
// or the column after its end.
func FuzzParse(f *testing.F) {
	f.Add("CreateBackupJob: ok, throttle x2, 500-after; *: latency 200ms 10% | drop 0.5%; seed 42")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if wrong, ok := errors.AsType[syntaxError](err); ok {
			if wrong.column < 1 || wrong.column > len([]rune(text))+1 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		again, err := Parse(s.String())
		if err != nil || again.String() != s.String() {
			t.Errorf("%q is written as %q, which is %q, error %v", text, s, again, err)
		}
	})
}

// TestManualListsEveryFault proves that the table "List of faults" of docs/emulator.md is
// complete. Each fault has a row, with a ✓ exactly if the fault has a variant "-after", and the
// first example of the row is a valid schedule. The first text block of the document is valid,
// too.
func TestManualListsEveryFault(t *testing.T) {
	text, err := os.ReadFile("../../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	manual := string(text)
	for _, kind := range Kinds {
		_, row, ok := strings.Cut(manual, "\n| `"+kind.Name)
		row, _, _ = strings.Cut(row, "\n")
		if !ok || strings.Contains(row, "✓") != kind.Twin {
			t.Errorf("%s is missing, or wrong about its variant: %s", kind.Name, row)
		}
		example, _, _ := strings.Cut(kind.Name+row, "`")
		if _, err := Parse(stdcmp.Or(kind.action, "*") + ": " + example); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
	_, examples, _ := strings.Cut(manual, "```text\n")
	examples, _, _ = strings.Cut(examples, "```")
	for line := range strings.Lines(examples) {
		if _, err := Parse(line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}
