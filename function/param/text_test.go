package param_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"backupportal/function/param"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"Ünïcode 备份 🎉":          "Ünïcode 备份 🎉",
		"a\nb\tc":               "a\ufffdb\ufffdc",
		"a\x1b[2Jb":             "a\ufffd[2Jb",
		"a\u202eb":              "a\ufffdb",
		"a\u2028b\u2029c":       "a\ufffdb\ufffdc",
		"a\x00b\x7fc\u0085d":    "a\ufffdb\ufffdc\ufffdd",
		"a\ufeffb\u200bc":       "a\ufffdb\ufffdc",
		"a\ue000b\U000f0000c":   "a\ufffdb\ufffdc",
		"a\xffb":                "a\ufffdb",
		"a\xed\xa0\x80b":        "a\ufffdb",
		strings.Repeat("a", 40): strings.Repeat("a", 40),
		strings.Repeat("a", 41): strings.Repeat("a", 37) + "…",
		strings.Repeat("é", 21): strings.Repeat("é", 18) + "…",
	} {
		if got := param.Clean(in, 40); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"", "plain", "a\nb", "\u202e", "\xff\xfe", strings.Repeat("长", 99), "\U000e0041"} {
		f.Add(seed, 20)
	}
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = 3 + abs(most)%500
		got := param.Clean(s, most)
		if len(got) > most || !utf8.ValidString(got) {
			t.Errorf("Clean(%q, %d) = %q", s, most, got)
		}
		for _, r := range got {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) {
				t.Errorf("%U in %q", r, got)
			}
		}
		if again := param.Clean(got, most); again != got {
			t.Errorf("not the same again: %q, %q", got, again)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}
