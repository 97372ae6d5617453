package policy

import (
	"fmt"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// withInstanceRules returns the test policy base with one rule for each argument instead of its
// own rules, named r0, r1 and so on. Each rule allows UDM_ECS in the account prod for one day.
// The argument is the part of the rule that selects instances.
func withInstanceRules(instances ...string) string {
	top, _, _ := strings.Cut(base, "rules:\n")
	var b strings.Builder
	b.WriteString(top + "rules:\n")
	for i, which := range instances {
		fmt.Fprintf(&b, "  - id: r%d\n    teams: [payments]\n    actions: [backup.create, backup.view]\n    accounts: [prod]\n    regions: [cn-hangzhou]\n"+
			"    source_types: [UDM_ECS]\n    %s\n    retention_days: {min: 1, max: 1}\n", i, which)
	}
	return b.String()
}

// week returns a request with a retention of 7 days, which no rule of withInstanceRules allows.
func week() param.Params {
	return param.Params{"Account": "prod", "Region": "cn-hangzhou", "SourceType": "UDM_ECS", "InstanceId": "i-web1", "Retention": "7"}
}

// TestRefusalExplainsAtMostTwentyRules proves that a refusal explains at most twenty rules. If the
// teams have more than twenty rules, the refusal explains only the rules that may cover the
// resource.
func TestRefusalExplainsAtMostTwentyRules(t *testing.T) {
	for _, c := range []struct{ others, covering, lines int }{{19, 1, 20}, {18, 3, 3}, {21, 1, 1}, {0, 20, 20}, {0, 21, 20}, {30, 30, 20}} {
		var instances []string
		for range c.others {
			instances = append(instances, "instances: [i-other]")
		}
		for range c.covering {
			instances = append(instances, "any_instance: true")
		}
		_, denied := mustLoad(t, withInstanceRules(instances...)).Decide(t.Context(), alice, week())
		if len(denied) != c.lines {
			t.Errorf("%d rules about others and %d that cover: %d lines", c.others, c.covering, len(denied))
		}
	}
	_, denied := mustLoad(t, withInstanceRules("instances: [i-other]")).Decide(t.Context(), alice, week())
	if len(denied) != 1 || denied[0].Rule == nil {
		t.Errorf("one rule about others: %+v", denied)
	}
}

// TestFirstAllowingRuleWithAndWithoutTags proves that, if several rules allow a backup, the
// first one in the file decides its limits. It does not matter whether the rules have tags.
func TestFirstAllowingRuleWithAndWithoutTags(t *testing.T) {
	const all, web, data = "any_instance: true", "instance_tags: {team: web}", "instance_tags: {team: data}"
	for _, c := range []struct {
		rules []string
		want  string // id of the rule; empty if no rule allows the backup
		asks  bool
	}{
		{[]string{all, web}, "r0", false},
		{[]string{web, all}, "r0", true},
		{[]string{data, all, web}, "r1", true},
		{[]string{data, web, all}, "r1", true},
		{[]string{data, web}, "r1", true},
		{[]string{data}, "", true},
		{[]string{data, "instances: [i-other]"}, "", true},
	} {
		e := &ecs{tags: map[string]map[string]string{"i-web1": {"team": "web"}}}
		p := e.in(t, withInstanceRules(c.rules...))
		grant, denied := p.Decide(t.Context(), alice, with(week(), "Retention", "1"))
		if grant.Rule != c.want || (denied == nil) != (c.want != "") || (e.asked != nil) != c.asks {
			t.Errorf("%q: rule %q, asked %v\n%s", c.rules, grant.Rule, e.asked, sentences(param.English, denied))
		}
		if may := p.May(t.Context(), alice, backup.ActionView, week()); may != (c.want != "") {
			t.Errorf("%q: viewing %v", c.rules, may)
		}
	}
}
