package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const triedPolicy = `version: 1
enabled: true
accounts:
  - {alias: prod, enabled: true, account_id: "1234567890123456", access: own, regions: [cn-hangzhou]}
teams:
  - {name: alerts, members: [{source: alerts}]}
sources:
  - name: alerts
    kind: standard
    keys: [{id: k1, secret_env: HOOK}]
    when: [{pointer: /status, equals: firing}]
    submission: {Account: prod, Region: cn-hangzhou, InstanceId: {pointer: /labels/instance}, Retention: {pointer: /days}}
rules:
  - {id: web, teams: [alerts], actions: [backup.create, backup.view], accounts: [prod], regions: [cn-hangzhou], source_types: [UDM_ECS],
     instances: [i-web1], retention_days: {min: 1, max: 30, default: 7}, cooldown: 15m}
`

// try runs webhook try on a message and returns its output.
func try(t *testing.T, policy, message string, args ...string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	env := map[string]string{"POLICY_FILE": file, "HOOK": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
	err := run(append([]string{"webhook", "try"}, args...), environment{getenv: func(name string) string { return env[name] }, in: strings.NewReader(message), out: &out})
	return out.String(), err
}

func TestWebhookTryShowsRequestAndDecision(t *testing.T) {
	for name, c := range map[string]struct {
		message string
		starts  bool
		says    []string
	}{
		"allowed": {`{"status":"firing","labels":{"instance":"i-web1"},"days":14}`, true,
			[]string{"asks   InstanceId=i-web1\n", "asks   Retention=14\n", "who    source #alerts, teams: alerts\n", "ALLOW  rule web\n", "limit  1 backup of this resource in 15 minutes", "would start a backup"}},
		"a value of the rule":     {`{"status":"firing","labels":{"instance":"i-web1"}}`, true, []string{"given  Retention=7\n", "ALLOW  rule web"}},
		"the condition":           {`{"status":"resolved","labels":{"instance":"i-web1"}}`, false, []string{"NOTHING  a condition under when does not hold"}},
		"another instance":        {`{"status":"firing","labels":{"instance":"i-db1"},"days":7}`, false, []string{"asks   InstanceId=i-db1\n", "-      rule web: InstanceId: ", "DENY"}},
		"too many days":           {`{"status":"firing","labels":{"instance":"i-web1"},"days":90}`, false, []string{"rule web: Retention: "}},
		"no instance":             {`{"status":"firing"}`, false, []string{"DENY"}},
		"a value of another type": {`{"status":"firing","labels":{"instance":"i-web1"},"days":{"n":1}}`, false, []string{"WRONG  Retention: "}},
		"no JSON":                 {`status=firing`, false, []string{"WRONG  the message is not one JSON value"}},
	} {
		out, err := try(t, triedPolicy, c.message, "alerts", "-")
		if (err == nil) != c.starts || err != nil && !errors.Is(err, errRefused) {
			t.Errorf("%s: %v", name, err)
		}
		for _, part := range c.says {
			if !strings.Contains(out, part) {
				t.Errorf("%s: %q is missing in\n%s", name, part, out)
			}
		}
	}
	byTags := strings.Replace(triedPolicy, "instances: [i-web1]", "instance_tags: {team: web}", 1)
	for tags, starts := range map[string]bool{"team=web": true, "team=db": false} {
		if out, err := try(t, byTags, `{"status":"firing","labels":{"instance":"i-x"},"days":7}`, "-tags", tags, "alerts", "-"); (err == nil) != starts {
			t.Errorf("tags %s: %v\n%s", tags, err, out)
		}
	}
	for _, args := range [][]string{{"alerts"}, {"nobody", "-"}, {"alerts", "nowhere.json"}, {"-tags", "x", "alerts", "-"}, {"-policy", "nowhere.yaml", "alerts", "-"}} {
		out, err := try(t, triedPolicy, "{}", args...)
		if _, usage := errors.AsType[usageError](err); !usage {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}
