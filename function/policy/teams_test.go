package policy

import (
	"reflect"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

const sso = "https://sso.example.com"

// TestMembers proves that a principal belongs to a team only if its kind, issuer and claim
// match. A similar principal with another issuer, another kind or an empty value does not
// belong to it. Threat T1, requirements CD-7 and CD-9.
func TestMembers(t *testing.T) {
	human := func(change func(*identity.Principal)) identity.Principal {
		p := identity.Principal{Kind: identity.KindHuman, Issuer: sso, Subject: "1", Email: "a@example.com", Groups: []string{"oncall"}}
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		member string
		who    identity.Principal
		want   bool
	}{
		"by subject":             {`issuer: "` + sso + `", subject: "1"`, human(func(p *identity.Principal) {}), true},
		"by group":               {`issuer: "` + sso + `", group: oncall`, human(func(p *identity.Principal) {}), true},
		"by domain":              {`issuer: "` + sso + `", email_domain: example.com`, human(func(p *identity.Principal) {}), true},
		"another issuer":         {`issuer: "` + sso + `", subject: "1"`, human(func(p *identity.Principal) { p.Issuer = "https://sso.example.org" }), false},
		"issuer with a slash":    {`issuer: "` + sso + `", subject: "1"`, human(func(p *identity.Principal) { p.Issuer += "/" }), false},
		"another subject":        {`issuer: "` + sso + `", subject: "1"`, human(func(p *identity.Principal) { p.Subject = "11" }), false},
		"no subject":             {`issuer: "` + sso + `", group: oncall`, human(func(p *identity.Principal) { p.Subject = "" }), false},
		"group in capitals":      {`issuer: "` + sso + `", group: oncall`, human(func(p *identity.Principal) { p.Groups = []string{"Oncall", "oncall-2"} }), false},
		"no address":             {`issuer: "` + sso + `", email_domain: example.com`, human(func(p *identity.Principal) { p.Email = "" }), false},
		"domain below":           {`issuer: "` + sso + `", email_domain: example.com`, human(func(p *identity.Principal) { p.Email = "a@evil.example.com" }), false},
		"domain that ends alike": {`issuer: "` + sso + `", email_domain: example.com`, human(func(p *identity.Principal) { p.Email = "a@evilexample.com" }), false},
		"two at signs":           {`issuer: "` + sso + `", email_domain: example.com`, human(func(p *identity.Principal) { p.Email = "a@evil.example@example.com" }), false},
		"source":                 {`source: ci`, identity.Principal{Kind: identity.KindSource, Subject: "ci"}, true},
		"human called ci":        {`source: ci`, identity.Principal{Kind: identity.KindHuman, Subject: "ci"}, false},
		"source called 1":        {`issuer: "` + sso + `", subject: "1"`, identity.Principal{Kind: identity.KindSource, Issuer: sso, Subject: "1"}, false},
		"event":                  {`event: timer`, identity.Principal{Kind: identity.KindEvent, Subject: "event:timer"}, true},
		"another event":          {`event: timer`, identity.Principal{Kind: identity.KindEvent, Subject: "event:direct"}, false},
		"source called event":    {`event: timer`, identity.Principal{Kind: identity.KindSource, Subject: "event:timer"}, false},
		"nobody":                 {`event: timer`, identity.Principal{}, false},
		"human without a kind":   {`issuer: "` + sso + `", subject: "1"`, human(func(p *identity.Principal) { p.Kind = "" }), false},
	} {
		p := mustLoad(t, change(t, base, "      - {source: ci}\n", "      - {source: other}\n  - name: theirs\n    members:\n      - {"+c.member+"}\n"))
		if got := strings.Contains(strings.Join(p.Teams(c.who), " "), "theirs"); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestForeignRulesAndAccountsAreHidden proves that a refusal tells a principal nothing about the
// rules of other teams, or about accounts that only such rules name. Threats T1 and T11,
// requirement CD-5.
func TestForeignRulesAndAccountsAreHidden(t *testing.T) {
	text := change(t, base, "rules:\n", "  - name: strangers\n    members:\n      - {source: stranger}\nrules:\n  - id: theirs\n    teams: [strangers]\n    actions: [backup.view, backup.create]\n"+
		"    accounts: [sandbox]\n    regions: [cn-hangzhou]\n    source_types: [UDM_ECS]\n    instances: [i-other]\n    retention_days: {min: 1, max: 2}\n")
	p := mustLoad(t, text)
	stranger := identity.Principal{Kind: identity.KindSource, Subject: "stranger"}
	_, hidden := p.Decide(t.Context(), stranger, allowed())
	_, none := p.Decide(t.Context(), stranger, with(allowed(), "Account", "nowhere"))
	hidden[0].Args, none[0].Args = nil, nil // Args is the alias, which the request itself contains
	if !reflect.DeepEqual(hidden, none) {
		t.Errorf("an account of others: %+v\none that is not there: %+v", hidden, none)
	}
	_, denied := p.Decide(t.Context(), stranger, with(allowed(), "Account", "sandbox"))
	if got := sentences(param.English, denied); got != "InstanceId: Rule “theirs” does not include this instance" {
		t.Errorf("got\n%s", got)
	}
	nobody := identity.Principal{Kind: identity.KindHuman, Issuer: sso, Subject: "9"}
	if _, denied := p.Decide(t.Context(), nobody, allowed()); sentences(param.English, denied) != "Account: You have no access to an account “prod”" {
		t.Errorf("to somebody in no team: %s", sentences(param.English, denied))
	}
	if len(p.Accounts(nobody, backup.ActionView)) != 0 || len(p.Rules(nobody)) != 0 || p.Offer(nobody, param.UDMECS).Granted || p.Regions(nobody, "prod") != nil {
		t.Error("somebody in no team is offered something")
	}
	if got := p.Accounts(stranger, backup.ActionView); len(got) != 1 || got[0].Alias != "sandbox" {
		t.Errorf("a stranger is offered %v", got)
	}
	for _, do := range backup.Actions {
		if p.May(t.Context(), stranger, do, allowed()) || p.May(t.Context(), nobody, do, allowed()) {
			t.Errorf("others may %s", do)
		}
	}
}

// TestEnforcedAndDefaultValues proves two things about values in a rule. An enforced value is
// added to a request without the field, and a request with another value is refused. A default
// is added too, but a request may have another value.
func TestEnforcedAndDefaultValues(t *testing.T) {
	p := mustLoad(t, change(t, change(t, base, "any_vault: true", "any_vault: true\n    enforced: {SpeedLimit: \"0:24:1024\"}\n    defaults: {Options.UseVSS: \"true\"}"),
		"max: 7}", "max: 7, default: 5}"))
	files := param.Params{"Account": "sandbox", "Region": "cn-hangzhou", "SourceType": "ECS_FILE", "InstanceId": "i-1", "VaultId": "v-1"}
	grant, denied := p.Decide(t.Context(), alice, files)
	want := param.Params{"SpeedLimit": "0:24:1024", "Options.UseVSS": "true", "Retention": "5"}
	if denied != nil || !reflect.DeepEqual(grant.Values, want) {
		t.Errorf("nothing said: %v, %v", grant.Values, denied)
	}
	grant, denied = p.Decide(t.Context(), alice, with(files, "SpeedLimit", "0:24:1024", "Options.UseVSS", "false", "Retention", "7"))
	if denied != nil || len(grant.Values) != 0 {
		t.Errorf("all said: %v, %v", grant.Values, denied)
	}
	_, denied = p.Decide(t.Context(), alice, with(files, "SpeedLimit", "0:24:2048"))
	if len(denied) != 2 || denied[1].Field != "SpeedLimit" || denied[1].In(param.English) != "Rule “short” requires the value 0:24:1024" || denied[1].Rule.ID != "short" {
		t.Errorf("another limit: %s", sentences(param.English, denied))
	}
	if grant, denied := p.Decide(t.Context(), alice, allowedContainer()); denied != nil || len(grant.Values) != 0 {
		t.Errorf("a backup without these fields: %v, %v", grant.Values, denied)
	}
}

// TestGrantHasLimits proves that a grant has the cool-down of the rule, or the default cool-down if
// the rule has none. A grant also has the limits of the principal, the account and the team.
func TestGrantHasLimits(t *testing.T) {
	text := change(t, base, "accounts:\n", "defaults:\n  cooldown: 15m\n  rate: {burst: 5, per: 1h}\naccounts:\n")
	text = change(t, text, "    access: own\n", "    access: own\n    rate: {burst: 20, per: 10m}\n    daily_jobs: 50\n")
	for added, want := range map[string]string{"": "15m0s", "\n    cooldown: 30m": "30m0s", "\n    skip_cooldown: true": "0s"} {
		grant, denied := mustLoad(t, change(t, text, "id: short", "id: short"+added)).Decide(t.Context(), alice, allowedContainer())
		if denied != nil || grant.Cooldown.String() != want {
			t.Errorf("with %q: %v, %v", added, grant.Cooldown, denied)
		}
		rates := []backup.Rate{{Key: "p:" + alice.ID(), Burst: 5, Per: 3600e9}, {Key: "a:sandbox", Burst: 20, Per: 600e9}}
		quotas := []backup.Quota{{Key: "a:sandbox", Day: 50}, {Key: "t:payments", Day: 40}}
		if !reflect.DeepEqual(grant.Rates, rates) || !reflect.DeepEqual(grant.Quotas, quotas) {
			t.Errorf("got %+v, %+v", grant.Rates, grant.Quotas)
		}
	}
}
