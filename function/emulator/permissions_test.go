package emulator

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestStarsMatchAsARegularExpressionWould(t *testing.T) {
	text := rapid.StringMatching(`[ab:]{0,8}`)
	pattern := rapid.StringMatching(`[ab:*]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		p, s := pattern.Draw(t, "pattern"), text.Draw(t, "text")
		slow := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$")
		if got, want := matches(p, s), slow.MatchString(s); got != want {
			t.Fatalf("matches(%q, %q) = %v", p, s, got)
		}
	})
}

func TestPolicyDocumentIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"another version":    `{"Version":"2","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
		"text behind it":     `{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]} {}`,
		"unknown effect":     `{"Version":"1","Statement":[{"Effect":"allow","Action":"*","Resource":"*"}]}`,
		"no action":          `{"Version":"1","Statement":[{"Effect":"Allow","Resource":"*"}]}`,
		"action of no form":  `{"Version":"1","Statement":[{"Effect":"Allow","Action":"everything","Resource":"*"}]}`,
		"no resource":        `{"Version":"1","Statement":[{"Effect":"Allow","Action":"*"}]}`,
		"NotAction":          `{"Version":"1","Statement":[{"Effect":"Allow","NotAction":"*","Resource":"*"}]}`,
		"action of a number": `{"Version":"1","Statement":[{"Effect":"Allow","Action":7,"Resource":"*"}]}`,
	} {
		if got, err := parsePolicy(text); err == nil {
			t.Errorf("%s: parsed as %+v", name, got)
		}
	}
}
