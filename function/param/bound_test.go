package param

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestListsOfMistakesAreBounded proves that Bounded keeps the first 100 mistakes of a list and
// adds one that says how many are left out. Without this limit, a request with thousands of
// wrong names would get an answer of thousands of sentences.
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

// TestChecksOfLongListsAreNotQuadratic proves that the checks of a long Include list and of
// many unknown names take linear time. It compares 10,000 items with 40,000: linear checks take
// about four times as long, quadratic ones 16 times. The test passes if one of 20 comparisons
// is below 9 times, so that a busy machine does not fail it.
func TestChecksOfLongListsAreNotQuadratic(t *testing.T) {
	file, _ := FieldNamed("Include")
	check := func(n int) time.Duration {
		lines, names := make([]string, n), Params{"SourceType": "ECS_FILE"}
		for i := range lines {
			lines[i] = fmt.Sprint("/", i)
			names[fmt.Sprint("x", i)] = "1"
		}
		text := StringList(lines)
		began := time.Now()
		_ = file.checkStrings(text)
		if names.Validate() == nil {
			t.Error("unknown names are taken")
		}
		return time.Since(began)
	}
	var ratio float64
	for range 20 {
		small, large := check(10_000), check(40_000)
		if ratio = float64(large) / float64(small); ratio < 9 {
			return
		}
	}
	t.Errorf("four times the input takes %.1f times as long", ratio)
}
