package param

import (
	"slices"
	"strings"
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
		"0:0:5":               "window_order",
		"0:24:0":              "window_form",
		"0:24:-1":             "window_form",
		"0:24:+1":             "window_form",
		"0:24:1.5":            "window_form",
		"0:24:nan":            "",
		"0:8:5|8:24:NAN":      "",
		"0:24:none":           "window_form",
		"0:24:5KB":            "window_form",
		" 0:24:5":             "",
		"２２：６：１０２４":           "",
		"22:6:1024":           "",
		"22:0:NaN":            "",
		"22:6:5|6:22:NaN":     "",
		"22:6:5|5:7:5":        "window_overlap",
		"22:6:5|20:23:5":      "window_overlap",
		"22:6:5|23:1:5":       "window_overlap",
		"0:24:99999999999999": "window_form",
		"5:5:5":               "window_order",
		"6:5:5":               "",
		"24:0:5":              "window_form",
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

// TestParseSpeedLimitFindsOverlaps proves that ParseSpeedLimit reports an overlap if and only
// if an hour is in two windows. It also proves that SpeedLimit writes the parsed windows back
// unchanged.
func TestParseSpeedLimitFindsOverlaps(t *testing.T) {
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

// TestWindowsOverMidnight proves that a window such as 22:6 becomes two windows. A mistake
// names the position of the window in the caller's text, not in the result.
func TestWindowsOverMidnight(t *testing.T) {
	for value, want := range map[string]string{
		"22:6:1024":         "22:24:1024|0:6:1024",
		"23:1:NaN":          "23:24:NaN|0:1:NaN",
		"22:0:5":            "22:24:5",
		"6:22:NaN|22:6:5":   "6:22:NaN|22:24:5|0:6:5",
		"0:8:1024|8:24:NaN": "0:8:1024|8:24:NaN",
		"0:24:NaN":          "0:24:NaN",
		"8:18:5|18:8:nan":   "8:18:5|18:24:NaN|0:8:NaN",
		"22:00:1024":        "22:24:1024",
		"08:18:0512":        "8:18:512",
		"6:22:NaN | 22:6:1": "6:22:NaN|22:24:1|0:6:1",
	} {
		windows, err := ParseSpeedLimit(value)
		if got := SpeedLimit(windows); err != nil || got != want {
			t.Errorf("%q: got %q, error %v, want %q", value, got, err, want)
		}
		p := Params{"SourceType": "ECS_FILE", "SpeedLimit": value}
		if got := p.WithDefaults()["SpeedLimit"]; got != want {
			t.Errorf("%q is sent as %q, want %q", value, got, want)
		}
	}
	_, err := ParseSpeedLimit("22:6:5|8:9:5|5:8:5")
	bad, _ := err.(InvalidError)
	if len(bad) != 1 || bad[0].Part != "SpeedLimit.2.start" || !slices.Equal(bad[0].Args, []any{3, 1}) {
		t.Errorf("an overlap with the second half: got %+v", bad)
	}
}

// FuzzSpeedLimit proves for any input that SpeedLimit writes accepted windows so that
// ParseSpeedLimit reads the same windows again. Accepted windows are valid hours without
// overlap.
func FuzzSpeedLimit(f *testing.F) {
	for _, value := range []string{"0:24:NaN", "0:12:5|12:24:NaN", "6:5:5", "0:12:5|11:13:5", "00:024:0005", "0|24|NaN", "0:24:5|", "0:24:1099511627777"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		windows, err := ParseSpeedLimit(value)
		if err != nil {
			bad, ok := err.(InvalidError)
			if !ok || len(bad) == 0 {
				t.Fatalf("%q: %v", value, err)
			}
			for _, m := range bad {
				if m.Field != "SpeedLimit" || m.In(English) == "" || m.In(Chinese) == "" {
					t.Errorf("%q: mistake %+v", value, m)
				}
			}
			return
		}
		again, err := ParseSpeedLimit(SpeedLimit(windows))
		if err != nil || !slices.Equal(again, windows) || strings.Count(SpeedLimit(windows), "|") < strings.Count(value, "|") {
			t.Fatalf("%q is read as %v, then as %v, %v", value, windows, again, err)
		}
		for i, w := range windows {
			if w.Start < 0 || w.Start >= w.End || w.End > 24 || w.Rate < 0 {
				t.Errorf("%q has the window %v", value, w)
			}
			for _, other := range windows[:i] {
				if w.Start < other.End && other.Start < w.End {
					t.Errorf("%q has %v and %v", value, other, w)
				}
			}
		}
	})
}
