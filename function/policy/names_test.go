package policy

import (
	"strings"
	"testing"

	"backupportal/function/param"
)

// TestNamesAndOwnersInBothLanguages proves that an owner or a display name is one text for both
// languages, or one text for each language.
func TestNamesAndOwnersInBothLanguages(t *testing.T) {
	for written, want := range map[string]param.Text{
		"Core team":              {En: "Core team", Zh: "Core team"},
		`{en: Core., zh: "核心。"}`: {En: "Core", Zh: "核心"},
	} {
		text := change(t, base, "owner: platform team", "owner: "+written)
		text = change(t, text, "alias: prod", "alias: prod\n    display_name: "+written)
		text = change(t, text, "name: payments", "name: payments\n    display_name: "+written)
		p := mustLoad(t, text)

		rule := p.Rules(alice)[0]
		if rule.Owner != want {
			t.Errorf("%s: owner %+v, want %+v", written, rule.Owner, want)
		}
		label := param.Both(want.En+" (prod)", want.Zh+"（prod）")
		account, _ := p.Account("prod")
		if got := account.Label(); got != label || rule.AccountLabels[0] != label {
			t.Errorf("%s: account %+v, in the rule %+v, want %+v", written, got, rule.AccountLabels, label)
		}
		if got, want := p.TeamLabel("payments"), param.Both(want.En+" (payments)", want.Zh+"（payments）"); got != want {
			t.Errorf("%s: team %+v, want %+v", written, got, want)
		}
		_, denied := p.Decide(t.Context(), alice, with(allowed(), "Retention", "31"))
		if got := denied[0].In(param.Chinese); !strings.HasSuffix(got, "请联系："+want.Zh) || denied[0].Rule.Owner != want {
			t.Errorf("%s: refused with %q", written, got)
		}
	}
}

// TestNamesAreOptional proves that without a display name the portal shows the alias of an
// account and the name of a team.
func TestNamesAreOptional(t *testing.T) {
	p := mustLoad(t, base)
	account, _ := p.Account("prod")
	if got := account.Label(); got != param.Both("prod", "prod") {
		t.Errorf("account %+v", got)
	}
	for _, name := range []string{"payments", "nobody"} {
		if got := p.TeamLabel(name); got != param.Both(name, name) {
			t.Errorf("team %+v", got)
		}
	}
}

// TestWrongNamesAreRefused proves that Load refuses malformed display names, such as an empty
// one.
func TestWrongNamesAreRefused(t *testing.T) {
	for written, want := range map[string]string{
		"[Core]":     "write a text",
		"12":         "write a text",
		"{en: Core}": "display_name.zh: is missing",
	} {
		_, err := Load([]byte(change(t, base, "alias: prod", "alias: prod\n    display_name: "+written)), environment)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", written, err, want)
		}
	}
}
