package hbr

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSpeedLimitGrammar(t *testing.T) {
	for text, want := range map[string]bool{
		"":                     true,
		"0:24:NaN":             true,
		"0:24:5120":            true,
		"0:8:1024|8:24:NaN":    true,
		"8:24:1|0:8:1":         true,
		"0:8:1024|7:24:NaN":    false,
		"0:24:1|0:24:1":        false,
		"0|24|NaN":             false,
		"0:24":                 false,
		"0:24:0":               false,
		"0:24:-1":              false,
		"0:24:1.5":             false,
		"0:24:nan":             false,
		"0:25:1":               false,
		"24:24:1":              false,
		"8:8:1":                false,
		"9:8:1":                false,
		"-1:8:1":               false,
		"+0:8:1":               false,
		"00:8:1":               false,
		"0:8:1|":               false,
		"|0:8:1":               false,
		" 0:8:1":               false,
		"0:8:1:1":              false,
		"0:8:9999999999999999": true,
	} {
		if err := checkSpeedLimit(text); (err == nil) != want {
			t.Errorf("checkSpeedLimit(%q) = %v", text, err)
		}
	}
}

// TestSpeedLimitOverlapMatchesReference compares with a reference that counts, for each hour of the
// day, how many rules contain the hour.
func TestSpeedLimitOverlapMatchesReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rules []string
		var claims [24]int
		want := true
		for range rapid.IntRange(1, 5).Draw(t, "rules") {
			start, end := rapid.IntRange(0, 23).Draw(t, "start"), rapid.IntRange(0, 24).Draw(t, "end")
			rules = append(rules, fmt.Sprintf("%d:%d:%d", start, end, rapid.IntRange(1, 9999).Draw(t, "speed")))
			want = want && start < end
			for h := start; h < end; h++ {
				claims[h]++
				want = want && claims[h] == 1
			}
		}
		text := strings.Join(rules, "|")
		if err := checkSpeedLimit(text); (err == nil) != want {
			t.Fatalf("checkSpeedLimit(%q) = %v", text, err)
		}
	})
}
