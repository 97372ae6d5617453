package pattern_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"backupportal/function/pattern"
)

// samples lists patterns as the portal uses them, each with texts that match it.
var samples = map[string][]string{
	`[a-z][a-z0-9-]{0,62}`:                          {"a", "payments", "a" + strings.Repeat("-", 62)},
	`[0-9]{16}`:                                     {"1000000000000001"},
	`[a-z]{2}(-[a-z0-9]{1,12}){1,4}`:                {"cn-hangzhou", "cn-a-b-c-d"},
	`i-[0-9A-Za-z-]{1,62}`:                          {"i-bp1abc", "i-" + strings.Repeat("x", 62)},
	`cl-[0-9A-Za-z*-]{1,61}`:                        {"cl-0*", "cl--"},
	`[A-Za-z0-9._-]+`:                               {"a", "a.b_c-d"},
	`(/[A-Za-z0-9._-]+)+`:                           {"/a", "/usr/local/bin/x.sh"},
	`(/[^/\x00-\x1f\x7f]*)+`:                        {"/", "//", "/alert/é\xff"},
	`[^\x00-\x1f\x7f-\x9f]+`:                        {"one line", "一行"},
	`[^\pC]{1,128}`:                                 {"a", strings.Repeat("é", 128)},
	`0|[1-9][0-9]{0,8}`:                             {"0", "1", "123456789"},
	`[1-9][0-9]{0,5}(s|m|h)`:                        {"30s", "999999h"},
	`(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?`:            {"0.12", "0", "123456.123456"},
	`https?://[!"$-~]{1,200}`:                       {"http://a", "https://" + strings.Repeat("~", 200)},
	`([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}`: {"example.com", "a--b.c.dd"},
	`[!#-\[\]-~]{1,255}`:                            {"key", "a[]b"},
	`20[0-9]{2}-[0-9]{2}-[0-9]{2}`:                  {"2026-10-01"},
	`[A-Z][A-Z0-9_]{0,127}`:                         {"A", "OPS_1"},
	`"[a-c]{2}"|[a-c]{2}|`:                          {`"ab"`, "ab", ""},
	`a?b*(c|de|)+[+]\\`:                             {"+\\", "abbcde+\\"},
}

// TestMatchAgreesWithRegexp proves that Match agrees with package regexp, for texts that match
// and for texts that differ a little from them.
func TestMatchAgreesWithRegexp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"", "", "-", "/", "a", "Z", "0", "9", ".", "s", "\"", "]", "[", "\\", "+", "\x00", "\x1f", "\u0085", "é", "备", "\xff", "\u202e", "\n", " "}
	for p, texts := range samples {
		re := regexp.MustCompile(`\A(?:` + p + `)\z`)
		check := func(text string) {
			if got, want := pattern.Match(p, text), re.MatchString(text); got != want {
				t.Errorf("Match(%q, %q) = %v, want %v", p, text, got, want)
			}
		}
		check("")
		for _, text := range texts {
			if check(text); !re.MatchString(text) {
				t.Errorf("the sample %q does not match %q", text, p)
			}
			for range 300 {
				near := text
				for range 1 + random.IntN(2) {
					from := random.IntN(len(near) + 1)
					to := min(len(near), from+random.IntN(3))
					near = near[:from] + pieces[random.IntN(len(pieces))] + near[to:]
				}
				check(near)
			}
		}
	}
}

// TestMatchOfALongText proves that a long text takes a few steps for each character, and no
// more stack than a short one.
func TestMatchOfALongText(t *testing.T) {
	for p, text := range map[string]string{
		`(/[A-Za-z0-9._-]+)+`: strings.Repeat("/aaa", 50_000) + "!",
		`[A-Za-z0-9._-]+`:     strings.Repeat("a", 200_000) + "!",
	} {
		if pattern.Match(p, text) {
			t.Errorf("%s matches", p)
		}
	}
}

func TestMatchPanicsForOtherSyntax(t *testing.T) {
	for _, p := range []string{`a.c`, `^a`, `a$`, `(?i)a`, `\d`, `a{x}`, `(a`, `[a`, `*`, `\x1`} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", p)
				}
			}()
			pattern.Match(p, "abc")
		}()
	}
}
