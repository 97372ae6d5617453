package policy

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// TestReplayAgainstTruth proves that a comparison is never wrong: with the groups, the address and the tags that
// the history does not have, the two policies decide as the comparison says. It is unclear only if something
// is unknown.
func TestReplayAgainstTruth(t *testing.T) {
	found := map[Change]int{}
	rapid.Check(t, func(t *rapid.T) {
		load := func(x plainPolicy) *Policy {
			text, err := yaml.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Load(text, environment)
			if err != nil {
				t.Fatalf("%s\n%v", text, err)
			}
			return p
		}
		before := drawPolicy(t)
		after := before
		switch change := rapid.SampledFrom([]string{"all", "teams", "fewer rules", "limits"}).Draw(t, "change"); {
		case change == "all":
			after = drawPolicy(t)
		case change == "teams":
			after.Teams = drawPolicy(t).Teams
		case change == "limits":
			after.Defaults = &plainDefaults{Cooldown: "3h", Rate: &plainRate{7, "1h"}}
		case len(before.Rules) > 0:
			after.Rules = before.Rules[1:]
		}
		old, new := load(before), load(after)
		replay := NewReplay(old, new)
		tags := func(context.Context, backup.Target, []string) (map[string]map[string]string, error) {
			return someTags, nil
		}
		oldTrue, newTrue := old.Tagged(tags, time.Now), new.Tagged(tags, time.Now)
		for range 20 {
			x := before
			if rapid.Bool().Draw(t, "near the new policy") {
				x = after
			}
			params, near := drawRequest(t, x)
			among := somePrincipals
			if near != nil {
				among = slices.DeleteFunc(slices.Clone(among), func(p identity.Principal) bool { _, ok := x.sharedTeam(*near, p); return !ok })
			}
			if len(among) == 0 {
				among = somePrincipals
			}
			who := rapid.SampledFrom(among).Draw(t, "who")
			if who.Subject == "" || kindOf(identity.Principal{Issuer: who.Issuer, Subject: who.Subject}) != who.Kind {
				continue // no such principal exists
			}
			_, oldDenied := oldTrue.Decide(t.Context(), who, params)
			_, newDenied := newTrue.Decide(t.Context(), who, params)
			past := Past{Who: identity.Principal{Issuer: who.Issuer, Subject: who.Subject}, Params: params, Allowed: oldDenied == nil}
			if rapid.Bool().Draw(t, "claims are known") {
				past.Who, past.Claims = who, true
			}
			got := replay.Compare(t.Context(), past)
			found[got.Change]++
			wrong := false
			switch got.Change {
			case Same:
				wrong = (oldDenied == nil) != (newDenied == nil)
			case NowRefused:
				wrong = oldDenied != nil || newDenied == nil
			case NowAllowed:
				wrong = oldDenied == nil || newDenied != nil
			case NewValues, NewLimits:
				wrong = oldDenied != nil || newDenied != nil
			case Unclear:
				wrong = past.Claims && len(replay.tags) == 0
			}
			if wrong {
				t.Fatalf("%+v %v: %+v; old %v; new %v", who, params, got, oldDenied, newDenied)
			}
		}
	})
	for _, change := range []Change{NowRefused, NowAllowed, NewLimits, Unclear, Same} {
		if found[change] == 0 && !testing.Short() { // a short run makes too few requests
			t.Errorf("no request with the result %q: the test means little", change)
		}
	}
	t.Log(found)
}

// TestReplaySaysWhy compares requests of which the result is known.
func TestReplaySaysWhy(t *testing.T) {
	const head = `version: 1
enabled: true
accounts:
  - {alias: prod, enabled: true, account_id: "1234567890123456", access: own, regions: [cn-hangzhou]}
teams:
  - {name: a, members: [{issuer: "https://id.example", group: a}]}
  - {name: b, members: [{issuer: "https://id.example", group: b}, {issuer: "https://id.example", group: a}]}
  - {name: ci, members: [{source: ci}]}
presets:
  - {name: nightly, title: {en: nightly backup, zh: 每晚备份}, description: {en: of one instance, zh: 单台实例}, values: {SourceType: UDM_ECS, Retention: "7"}}
rules:
`
	rule := func(id, team, rest string) string {
		return "  - {id: " + id + ", teams: [" + team + "], actions: [backup.create, backup.view], accounts: [prod], regions: [cn-hangzhou], source_types: [UDM_ECS], " + rest + "}\n"
	}
	const any = "any_instance: true, retention_days: {min: 1, max: 30}"
	person, program := identity.Principal{Issuer: "https://id.example", Subject: "1"}, identity.Principal{Subject: "ci"}
	for name, c := range map[string]struct {
		old, new string
		who      identity.Principal
		params   param.Params
		refused  bool // recorded
		want     Change
		why      string
	}{
		"the same rule for a group":      {rule("r", "a", any), rule("r", "a", any), person, nil, false, Same, ""},
		"a team with more groups":        {rule("r", "a", any), rule("r", "b", any), person, nil, false, Same, ""},
		"a team with fewer groups":       {rule("r", "b", any), rule("r", "a", any), person, nil, false, Unclear, "allowed with group a"},
		"no rule for the group":          {rule("r", "a", any), rule("r", "ci", any), person, nil, false, NowRefused, "Account: You have no access"},
		"less time":                      {rule("r", "ci", any), rule("r", "ci", "any_instance: true, retention_days: {min: 1, max: 5}"), program, nil, false, NowRefused, "rule r: Retention: "},
		"more time":                      {rule("r", "ci", "any_instance: true, retention_days: {min: 1, max: 5}"), rule("r", "ci", any), program, nil, true, NowAllowed, "was: rule r: Retention: "},
		"refused before and after":       {rule("r", "b", any), rule("r", "b", any), person, nil, true, Same, ""},
		"refused, a rule for new groups": {rule("r", "a", any), rule("r", "b", any), person, nil, true, Unclear, "allowed with group b"},
		"a value of the rule":            {rule("r", "ci", "any_instance: true, retention_days: {min: 1, max: 30, default: 7}"), rule("r", "ci", "any_instance: true, retention_days: {min: 1, max: 30, default: 14}"), program, param.Params{"Retention": ""}, false, NewValues, `Retention "14" instead of "7"`},
		"a cool-down":                    {rule("r", "ci", any), rule("r", "ci", any+", cooldown: 1h"), program, nil, false, NewLimits, "a cool-down of 1h0m0s instead of 0s"},
		"the same tags":                  {rule("r", "ci", "instance_tags: {team: web}, retention_days: {min: 1, max: 30}"), rule("r", "ci", "instance_tags: {team: web}, retention_days: {min: 1, max: 30}"), program, nil, false, Same, ""},
		"another tag too":                {rule("r", "ci", "instance_tags: {team: web}, retention_days: {min: 1, max: 30}"), rule("r", "ci", "instance_tags: {team: web, stage: prod}, retention_days: {min: 1, max: 30}"), program, nil, false, Unclear, "allowed with tags stage=prod,team=web"},
		"a preset as before":             {rule("r", "ci", any), rule("r", "ci", any), program, param.Params{"Preset": "nightly", "Retention": "7"}, false, Same, ""},
	} {
		old, err := Load([]byte(head+c.old), environment)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		new, err := Load([]byte(head+c.new), environment)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		params := param.Params{"Account": "prod", "Region": "cn-hangzhou", "SourceType": "UDM_ECS", "InstanceId": "i-a", "Retention": "7"}
		for field, value := range c.params {
			params[field] = value
		}
		past := Past{Door: backup.DoorAPI, Who: c.who, Params: params, Allowed: !c.refused}
		if got := NewReplay(old, new).Compare(t.Context(), past); got.Change != c.want || !strings.HasPrefix(got.Why, c.why) || c.why == "" && got.Why != "" {
			t.Errorf("%s: %+v, want %s %q", name, got, c.want, c.why)
		}
	}
	// The new policy has other values for the preset, and none of that name.
	base := head + rule("r", "ci", "any_instance: true, retention_days: {min: 1, max: 10}")
	old, err := Load([]byte(base), environment)
	if err != nil {
		t.Fatal(err)
	}
	past := Past{Door: backup.DoorAPI, Who: program, Allowed: true, Params: param.Params{
		"Account": "prod", "Region": "cn-hangzhou", "SourceType": "UDM_ECS", "InstanceId": "i-a", "Retention": "7", "Preset": "nightly",
	}}
	for text, why := range map[string]string{
		strings.Replace(base, `Retention: "7"`, `Retention: "20"`, 1): "rule r: Retention: ",
		strings.Replace(base, "name: nightly", "name: daily", 1):      "Preset: there is no preset nightly",
	} {
		new, err := Load([]byte(text), environment)
		if err != nil {
			t.Fatal(err)
		}
		if got := NewReplay(old, new).Compare(t.Context(), past); got.Change != NowRefused || !strings.Contains(strings.ToLower(got.Why), strings.ToLower(why)) {
			t.Errorf("%+v, want %q", got, why)
		}
	}
}
