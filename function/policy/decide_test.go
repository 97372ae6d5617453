package policy

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// allowed returns a request that the rule payments-prod of base allows.
func allowed() param.Params {
	return param.Params{
		"Account": "prod", "Region": "cn-hangzhou", "SourceType": "UDM_ECS", "InstanceId": "i-web1", "Retention": "30",
		"Detail.doCopy": "true", "Detail.destinationRegionId": "cn-shanghai", "Detail.destinationRetention": "3",
		"Detail.appConsistent": "true",
		"Detail.preScriptPath": "/opt/backup/pre.sh", "Detail.postScriptPath": "/opt/backup/post.sh",
	}
}

// allowedContainer returns a request that the rule short of base allows.
func allowedContainer() param.Params {
	return param.Params{
		"Account": "sandbox", "Region": "cn-hangzhou", "SourceType": "CONTAINER", "ContainerClusterId": "cc-0001", "Retention": "7", "VaultId": "v-1",
	}
}

// with returns a copy of p with some values changed. pairs are names and values in turn.
func with(p param.Params, pairs ...string) param.Params {
	p = maps.Clone(p)
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = pairs[i+1]
	}
	return p
}

// sentences returns mistakes as "field: sentence", one on each line.
func sentences(l param.Language, mistakes []param.Mistake) string {
	var lines []string
	for _, m := range mistakes {
		if m.Code != "policy" {
			return fmt.Sprintf("code %q", m.Code)
		}
		lines = append(lines, m.Field+": "+m.In(l))
	}
	return strings.Join(lines, "\n")
}

func TestDecideReturnsFirstAllowingRule(t *testing.T) {
	p := mustLoad(t, base)
	both := mustLoad(t, change(t, base, "id: short", "id: twin\n    teams: [payments]\n    actions: [backup.view, backup.create]\n    accounts: [prod]\n    regions: [cn-hangzhou]\n    source_types: [UDM_ECS]\n"+
		"    any_instance: true\n    retention_days: {min: 1, max: 100}\n  - id: short"))
	plain := param.Params{"Account": "prod", "Region": "cn-hangzhou", "InstanceId": "i-web1", "Retention": "30"}
	for _, c := range []struct {
		name   string
		policy *Policy
		params param.Params
		rule   string
	}{
		{"everything granted", p, allowed(), "payments-prod"},
		{"no copy, no scripts, default kind", p, plain, "payments-prod"},
		{"doCopy false", p, with(plain, "Detail.doCopy", "false"), "payments-prod"},
		{"another region of a copy that is off", p, with(allowed(), "Detail.doCopy", "false", "Detail.destinationRegionId", "cn-beijing"), "payments-prod"},
		{"another script, with consistency off", p, with(allowed(), "Detail.appConsistent", "false", "Detail.preScriptPath", "/x"), "payments-prod"},
		{"another script, without the switch", p, with(allowed(), "Detail.appConsistent", "", "Detail.postScriptPath", "/x"), "payments-prod"},
		{"container", p, allowedContainer(), "short"},
		{"files", p, with(allowedContainer(), "SourceType", "ECS_FILE", "ContainerClusterId", "", "InstanceId", "i-any"), "short"},
		{"two rules allow", both, plain, "payments-prod"},
		{"only the second allows", both, with(plain, "Retention", "31"), "twin"},
	} {
		if grant, denied := c.policy.Decide(t.Context(), alice, c.params); grant.Rule != c.rule || denied != nil {
			t.Errorf("%s: %q, %s", c.name, grant.Rule, sentences(param.English, denied))
		}
	}
}

// TestDecideReportsFirstFailingCondition proves which condition a refusal names: the first one
// that is not met, of the rule payments-prod or of those before the rules.
func TestDecideReportsFirstFailingCondition(t *testing.T) {
	const why = ". Snapshots cost money. Contact: platform team"
	p := mustLoad(t, base)
	for _, c := range []struct {
		params param.Params
		want   string
	}{
		{with(allowed(), "Account", "nobody"), "Account: You have no access to an account “nobody”"},
		{with(allowed(), "Account", ""), "Account: You have no access to an account “”"},
		{with(allowed(), "Account", "idle", "Region", "cn-beijing"), "Account: Account “idle” is currently disabled"},
		{with(allowed(), "Region", "cn-beijing"), "Region: Region cn-beijing is not enabled for account “prod”"},
		{with(allowed(), "Account", "sandbox"), "Account: Rule “payments-prod” does not include this account" + why},
		{with(allowed(), "Region", "cn-shanghai"), "Region: Rule “payments-prod” does not include this region" + why},
		{with(allowed(), "SourceType", "ECS_FILE"), "SourceType: Rule “payments-prod” does not include this type of backup" + why},
		{with(allowed(), "SourceType", "NAS"), "SourceType: Rule “payments-prod” does not include this type of backup" + why},
		{with(allowed(), "InstanceId", "i-web3"), "InstanceId: Rule “payments-prod” does not include this instance" + why},
		{with(allowed(), "InstanceId", "I-WEB1"), "InstanceId: Rule “payments-prod” does not include this instance" + why},
		{with(allowed(), "InstanceId", ""), "InstanceId: Rule “payments-prod” does not include this instance" + why},
		{with(allowed(), "Retention", "31"), "Retention: Rule “payments-prod” allows 2 to 30 days" + why},
		{with(allowed(), "Retention", "1"), "Retention: Rule “payments-prod” allows 2 to 30 days" + why},
		{with(allowed(), "Retention", ""), "Retention: Rule “payments-prod” allows 2 to 30 days" + why},
		{with(allowed(), "Retention", "9e0"), "Retention: Rule “payments-prod” allows 2 to 30 days" + why},
		{with(allowed(), "Detail.destinationRegionId", "cn-beijing"), "Detail.destinationRegionId: Rule “payments-prod” does not include this region of the copy" + why},
		{with(allowed(), "Detail.destinationRegionId", ""), "Detail.destinationRegionId: Rule “payments-prod” does not include this region of the copy" + why},
		{with(allowed(), "Detail.doCopy", "yes", "Detail.destinationRegionId", "cn-beijing"), "Detail.destinationRegionId: Rule “payments-prod” does not include this region of the copy" + why},
		{with(allowed(), "Detail.destinationRetention", "21"), "Detail.destinationRetention: Rule “payments-prod” allows 3 to 20 days" + why},
		{with(allowed(), "Detail.destinationRetention", "2"), "Detail.destinationRetention: Rule “payments-prod” allows 3 to 20 days" + why},
		{with(allowed(), "Detail.preScriptPath", "/opt/backup/other.sh"), "Detail.preScriptPath: Rule “payments-prod” does not include this script" + why},
		{with(allowed(), "Detail.postScriptPath", "/opt/backup/other.sh"), "Detail.postScriptPath: Rule “payments-prod” does not include this script" + why},
	} {
		grant, denied := p.Decide(t.Context(), alice, c.params)
		first, _, _ := strings.Cut(sentences(param.English, denied), "\n")
		if grant.Rule != "" || first != c.want {
			t.Errorf("%v:\n got %q, %s\nwant %s", c.params, grant.Rule, first, c.want)
		}
	}
}

func TestDecideReportsOneMistakePerRule(t *testing.T) {
	p := mustLoad(t, base)
	_, denied := p.Decide(t.Context(), alice, with(allowedContainer(), "ContainerClusterId", "cc-0002"))
	const english = "Account: Rule “payments-prod” does not include this account. Snapshots cost money. Contact: platform team\n" +
		"ContainerClusterId: Rule “short” does not include this cluster"
	const chinese = "Account: 规则“payments-prod”不包含此账号。快照会产生费用。请联系：platform team\n" +
		"ContainerClusterId: 规则“short”不包含此集群"
	if got := sentences(param.English, denied); got != english {
		t.Errorf("got\n%s\nwant\n%s", got, english)
	}
	if got := sentences(param.Chinese, denied); got != chinese {
		t.Errorf("got\n%s\nwant\n%s", got, chinese)
	}
	_, denied = p.Decide(t.Context(), alice, with(allowedContainer(), "Detail.doCopy", "true"))
	if got, want := denied[1].In(param.English), "Rule “short” does not include this copy in another region"; got != want || denied[1].Field != "Detail.doCopy" {
		t.Errorf("got %s: %q, want %q", denied[1].Field, got, want)
	}
}

func TestReasonAndOwnerInRefusals(t *testing.T) {
	days := allowedContainer()
	days["Retention"] = "8"
	for added, want := range map[string]string{
		"":                     "Retention: Rule “short” allows 1 to 7 days",
		"\n    owner: 100% us": "Retention: Rule “short” allows 1 to 7 days. Contact: 100% us",
		"\n    reason: {en: 50%d off., zh: 五折。}":     "Retention: Rule “short” allows 1 to 7 days. 50%d off",
		"\n    reason: {en: A, zh: 甲}\n    owner: B": "Retention: Rule “short” allows 1 to 7 days. A. Contact: B",
	} {
		_, denied := mustLoad(t, change(t, base, "id: short", "id: short"+added)).Decide(t.Context(), alice, days)
		if got := sentences(param.English, denied[1:]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestScriptPathsAreExact(t *testing.T) {
	p := mustLoad(t, base)
	for _, field := range []string{"Detail.preScriptPath", "Detail.postScriptPath"} {
		for _, path := range []string{
			"/opt/backup/pre.sh/../x", "/opt/backup/./pre.sh", "/opt//backup/pre.sh", "/opt/backup/pre.sh/", "/opt/backup/PRE.sh",
			"/OPT/backup/pre.sh", " /opt/backup/pre.sh", "/opt/backup/pre.sh ", "/opt/backup/pre.sh\n", "/opt/backup/pre.sh\x00",
			"/opt/backup/pre.sh;id", "/opt/backup/pre", "opt/backup/pre.sh", "/opt/backup/pre.sh2", "/opt/backup", "/",
		} {
			grant, denied := p.Decide(t.Context(), alice, with(allowed(), field, path))
			if grant.Rule != "" || denied[0].Field != field {
				t.Errorf("%s = %q: %q, %s", field, path, grant.Rule, sentences(param.English, denied))
			}
		}
	}
}

// TestGrantsAreNotCombined proves that a backup is refused if two rules each allow a part of
// it. One rule alone must allow all of it. Requirement CD-4.
func TestGrantsAreNotCombined(t *testing.T) {
	p := mustLoad(t, change(t, base, "id: short", "id: long\n    teams: [payments]\n    actions: [backup.view, backup.create]\n    accounts: [prod]\n    regions: [cn-hangzhou]\n    source_types: [UDM_ECS]\n"+
		"    any_instance: true\n    retention_days: {min: 1, max: 100}\n  - id: short"))
	_, denied := p.Decide(t.Context(), alice, with(allowed(), "Retention", "31"))
	if len(denied) != 3 || denied[0].Field != "Retention" || denied[1].Field != "Detail.doCopy" || denied[2].Field != "Account" {
		t.Errorf("got\n%s", sentences(param.English, denied))
	}
}

func TestSwitchedOff(t *testing.T) {
	p := mustLoad(t, change(t, base, "enabled: true\naccounts", "enabled: false\naccounts"))
	for _, params := range []param.Params{allowed(), {}, with(allowed(), "Account", "nobody")} {
		grant, denied := p.Decide(t.Context(), alice, params)
		if got := sentences(param.English, denied); grant.Rule != "" || got != ": New backups are currently disabled" {
			t.Errorf("%q, %s", grant.Rule, got)
		}
	}
	if p.Enabled() || !mustLoad(t, base).Enabled() {
		t.Error("Enabled does not tell whether the policy is switched off")
	}
	if !p.May(t.Context(), alice, backup.ActionView, allowed()) {
		t.Error("a backup that exists cannot be viewed")
	}
}

func TestNoRules(t *testing.T) {
	p := mustLoad(t, base[:strings.Index(base, "rules:")])
	grant, denied := p.Decide(t.Context(), alice, allowed())
	if got := sentences(param.English, denied); grant.Rule != "" || got != "Account: You have no access to an account “prod”" {
		t.Errorf("%q, %s", grant.Rule, got)
	}
	if p.May(t.Context(), alice, backup.ActionView, allowed()) {
		t.Error("a backup can be seen without a rule")
	}
}

func TestMay(t *testing.T) {
	p := mustLoad(t, base)
	idle := with(allowedContainer(), "Account", "idle", "Region", "cn-beijing")
	for _, c := range []struct {
		name   string
		params param.Params
		want   bool
	}{
		{"allowed", allowed(), true},
		{"kept longer than is allowed now", with(allowed(), "Retention", "9999"), true},
		{"copied elsewhere", with(allowed(), "Detail.destinationRegionId", "cn-beijing"), true},
		{"script of old", with(allowed(), "Detail.preScriptPath", "/old.sh"), true},
		{"account switched off", idle, true},
		{"another instance", with(allowed(), "InstanceId", "i-web3"), false},
		{"another cluster", with(allowedContainer(), "ContainerClusterId", "cc-0002"), false},
		{"another kind", with(allowed(), "SourceType", "ECS_FILE"), false},
		{"region that the account has not", with(idle, "Region", "cn-hangzhou"), false},
		{"unknown account", with(allowed(), "Account", "gone"), false},
		{"nothing", nil, false},
	} {
		if got := p.May(t.Context(), alice, backup.ActionView, c.params); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestViewOnlyRuleAllowsNoBackup proves that a rule with only the action backup.view allows no
// backup, for any number of days. Such a rule has no retention_days, and this empty interval
// must not contain 0 days.
func TestViewOnlyRuleAllowsNoBackup(t *testing.T) {
	head, _, _ := strings.Cut(base, "rules:\n")
	p := mustLoad(t, head+"rules:\n  - id: look\n    teams: [payments]\n    actions: [backup.view, backup.cancel]\n    accounts: [prod]\n    regions: [cn-hangzhou]\n    source_types: [UDM_ECS]\n    any_instance: true\n")
	for _, days := range []string{"", "0", "-1", "1", "x"} {
		params := param.Params{"Account": "prod", "Region": "cn-hangzhou", "SourceType": "UDM_ECS", "InstanceId": "i-web1", "Retention": days}
		grant, denied := p.Decide(t.Context(), alice, params)
		if grant.Rule != "" || sentences(param.English, denied) != ": No rule allows this backup" {
			t.Errorf("%q days: %+v %s", days, grant, sentences(param.English, denied))
		}
		if !p.May(t.Context(), alice, backup.ActionCancel, params) {
			t.Errorf("%q days: may not be cancelled", days)
		}
	}
}
