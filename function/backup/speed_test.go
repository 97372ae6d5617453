package backup

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSpeedLimitGrammar(t *testing.T) {
	for value, want := range map[string]string{
		"0:24:NaN":            "",
		"0:24:1":              "",
		"0:12:5|12:24:NaN":    "",
		"12:24:5|0:12:5":      "",
		"":                    "window_form",
		"0|24|NaN":            "window_form",
		"0:24":                "window_form",
		"0:24:5|":             "window_form",
		"24:24:5":             "window_form",
		"0:25:5":              "window_form",
		"0:0:5":               "window_form",
		"0:24:0":              "window_form",
		"0:24:-1":             "window_form",
		"0:24:+1":             "window_form",
		"0:24:1.5":            "window_form",
		"0:24:nan":            "window_form",
		" 0:24:5":             "window_form",
		"0:24:99999999999999": "window_form",
		"5:5:5":               "window_order",
		"6:5:5":               "window_order",
		"0:12:5|11:13:5":      "window_overlap",
		"0:24:5|5:6:NaN":      "window_overlap",
	} {
		_, err := ParseSpeedLimit(value)
		bad, _ := err.(InvalidError)
		if got := append(bad, Mistake{})[0].Code; got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

// An overlap is found exactly when some hour lies in two windows, and what is
// read is written back the same.
func TestSpeedLimitAgreesWithHoursCountedOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		windows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Window {
			start := rapid.IntRange(0, 23).Draw(t, "start")
			return Window{start, rapid.IntRange(start+1, 24).Draw(t, "end"), rapid.Int64Range(0, 1<<30).Draw(t, "rate")}
		}), 1, 5).Draw(t, "windows")
		var hours [24]int
		overlap := false
		for _, w := range windows {
			for h := w.Start; h < w.End; h++ {
				hours[h]++
				overlap = overlap || hours[h] > 1
			}
		}
		text := SpeedLimit(windows)
		got, err := ParseSpeedLimit(text)
		if (err != nil) != overlap {
			t.Fatalf("%s: error %v, but overlap is %v", text, err, overlap)
		}
		if again := SpeedLimit(got); again != text {
			t.Fatalf("%s became %s", text, again)
		}
	})
}
