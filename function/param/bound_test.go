package param

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// However much is wrong with a submission, its sender gets a short list that says how
// much is left out.
func TestListsOfMistakesAreBounded(t *testing.T) {
	many := func(n int) (bad []Mistake) {
		for i := range n {
			bad = append(bad, UnknownField(fmt.Sprint("x", i)))
		}
		return bad
	}
	for n, more := range map[int]string{0: "", 1: "", 100: "", 101: "And 1 more", 102: "And 2 more", 10100: "And 10,000 more"} {
		all := many(n)
		bad := Bounded(all)
		if n <= 100 && len(bad) != n || n > 100 && (len(bad) != 101 || bad[100].In(English) != more || bad[100].Code != CodeMore || bad[100].Field != "") {
			t.Errorf("%d mistakes become %d, the last of them %v", n, len(bad), bad[len(bad)-1])
		}
		if again := Bounded(bad); len(again) != len(bad) {
			t.Errorf("%d mistakes are cut twice", n)
		}
		if n > 100 && all[100].Field != "x100" {
			t.Errorf("the list itself was changed: %v", all[100])
		}
	}
	if text := InvalidError(many(5000)).Error(); strings.Count(text, "unknown") != 100 || !strings.Contains(text, "more") {
		t.Errorf("an error of %d bytes", len(text))
	}
}

func TestSpeedLimitHasAtMost24Windows(t *testing.T) {
	day := make([]Window, 24)
	for hour := range day {
		day[hour] = Window{hour, hour + 1, 1}
	}
	if got, err := ParseSpeedLimit(SpeedLimit(day)); err != nil || !slices.Equal(got, day) {
		t.Errorf("one an hour: %v, %v", got, err)
	}
	for name, text := range map[string]string{
		"one more": SpeedLimit(append(day, Window{0, 1, 1})), "bars alone": strings.Repeat("|", 24), "very many": strings.Repeat("|", 1<<20) + "x",
	} {
		_, err := ParseSpeedLimit(text)
		if bad, ok := err.(InvalidError); !ok || len(bad) != 1 || bad[0].Code != "window_count" || !strings.Contains(bad[0].In(English), "24") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The checks take time in proportion to what they check.
func TestChecksOfLongListsAreNotQuadratic(t *testing.T) {
	lines := make([]string, 200_000)
	for i := range lines {
		lines[i] = fmt.Sprint("/", i)
	}
	names := Params{"SourceType": "ECS_FILE"}
	for i := range 100_000 {
		names[fmt.Sprint("x", i)] = "1"
	}
	file, _ := FieldNamed("Include")
	began := time.Now()
	_ = file.checkStrings(StringList(lines))
	if names.Validate() == nil {
		t.Error("unknown names are taken")
	}
	if took := time.Since(began); took > 10*time.Second { // 200,000 squared is a minute and more
		t.Errorf("they take %v", took)
	}
}
