package policy

import (
	"strings"
	"testing"

	"backupportal/function/identity"
)

// TestRejectionsAreForTheSendersTeamAndOperators proves who may view the rejected messages of a
// sender: people in a team of this sender, and people in a team of the key operators. A team of
// a sender with another kind or name gives no right.
func TestRejectionsAreForTheSendersTeamAndOperators(t *testing.T) {
	text := change(t, base, "      - {source: ci}\n", `      - {source: other}
  - name: web
    members:
      - {issuer: "`+sso+`", subject: "anna"}
      - {source: shop}
      - {event: timer}
  - name: platform
    members:
      - {issuer: "`+sso+`", group: platform}
  - name: auditors
    members:
      - {issuer: "`+sso+`", subject: "aude"}
`) + "operators: [platform]\n"
	p := mustLoad(t, text)
	person := func(subject string, groups ...string) identity.Principal {
		return identity.Principal{Kind: identity.KindHuman, Issuer: sso, Subject: subject, Groups: groups}
	}
	source := identity.Principal{Kind: identity.KindSource, Subject: "shop"}
	timer := identity.Principal{Kind: identity.KindEvent, Subject: "event:timer"}
	unowned := identity.Principal{Kind: identity.KindEvent, Subject: "event:unknown"}
	for _, c := range []struct {
		name        string
		who, sender identity.Principal
		want        bool
	}{
		{"member, own source", person("anna"), source, true},
		{"member, own event", person("anna"), timer, true},
		{"member, unowned event", person("anna"), unowned, false},
		{"member, other source", person("anna"), identity.Principal{Kind: identity.KindSource, Subject: "other"}, false},
		{"member, source with the name of an event", person("anna"), identity.Principal{Kind: identity.KindSource, Subject: "event:timer"}, false},
		{"operator, source", person("olga", "platform"), source, true},
		{"operator, unowned event", person("olga", "platform"), unowned, true},
		{"operator of another issuer", identity.Principal{Kind: identity.KindHuman, Issuer: sso + ".evil", Subject: "olga", Groups: []string{"platform"}}, source, false},
		{"member of another team", person("aude"), source, false},
		{"person without a team", person("zoe"), source, false},
		{"unknown principal", identity.Principal{}, unowned, false},
	} {
		if got := p.MayViewRejections(c.who, c.sender); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	without := mustLoad(t, strings.Replace(text, "operators: [platform]\n", "", 1))
	if without.MayViewRejections(person("olga", "platform"), unowned) {
		t.Error("without operators, an unowned event is visible")
	}
}

func TestLoadRefusesWrongOperatorsAndReceivers(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown team":  {base + "operators: [nowhere]\n", "does not exist"},
		"no list":       {base + "operators: yes\n", "operators"},
		"empty list":    {base + "operators: []\n", "operators"},
		"with accounts": {strings.Replace(withReceivers, "[failed, partial]", "[failed, rejected]", 1), "belong to no account"},
	} {
		if _, err := Load([]byte(c.text), receiverEnvironment); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load([]byte(strings.Replace(withReceivers, "[created]", "[created, rejected]", 1)), receiverEnvironment); err != nil {
		t.Errorf("a receiver without accounts: %v", err)
	}
}
