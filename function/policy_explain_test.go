package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPolicyExplain proves that the output has one line for each rule, with ALLOW at the first
// rule that allows the request.
func TestPolicyExplain(t *testing.T) {
	const place = " -account prod -region cn-hangzhou -instance i-bp1aaaaaaaaaaaaaaaa1"
	for arguments, c := range map[string]struct {
		allowed bool
		says    string
	}{
		"-as 1 -groups x,payments-oncall" + place + " -retention 7":                    {true, "teams: payments\nwhat   backup.create\nALLOW  rule payments-prod\n"},
		"-as 1 -groups payments-oncall" + place:                                        {true, "given  Retention=7\nlimit  1 backup of this resource in 30 minutes\nlimit  5 backups in 1 hour for p:https://sso.example.com#1\nlimit  40 backups a day for t:payments"},
		"-as https://sso.example.com#248289761001" + place:                             {true, "ALLOW  rule payments-prod"},
		"-as https://sso.example.org#248289761001" + place:                             {false, "teams: none"},
		"-as 1 -groups payments-oncall" + place + " -retention 31":                     {false, "-      rule payments-prod: Retention: Rule “payments-prod” allows 1 to 30 days"},
		"-as 1 -email a@audit.example.com" + place:                                     {false, "-      rule audit: The rule does not allow backup.create"},
		"-action backup.view -as 1 -email a@audit.example.com" + place:                 {true, "ALLOW  rule audit"},
		"-event timer Account=archive Region=cn-hangzhou InstanceId=i-1 Retention=365": {true, "ALLOW  rule monthly-archive"},
		"-source ci" + place: {false, "-      rule payments-prod: The rule does not apply to a team of this identity"},
		"-as 1 -groups payments-oncall -preset before-release" + place:    {true, "preset Retention=14\npreset JobName=before-release\npreset Reason=Release\nALLOW  rule payments-prod"},
		"-as 1 -groups payments-oncall -preset before-relaese" + place:    {false, "DENY   Preset: There is no preset “before-relaese”: did you mean before-release? You may use before-release"},
		"-as 1 -email a@audit.example.com -preset before-release" + place: {false, "DENY   Preset: You may use no preset"},
		"-event timer Account=nowhere":                                    {false, "policy: Account: The account nowhere does not exist"},
		"-event timer -account prod -region cn-beijing":                   {false, "policy: Region: Region cn-beijing is not enabled for account “prod”"},
	} {
		var out bytes.Buffer
		err := run(append([]string{"policy", "explain", "-file", "../docs/policy.example.yaml"}, strings.Fields(arguments)...), environment{getenv: func(string) string { return "" }, out: &out})
		if c.allowed != (err == nil) || !c.allowed && !errors.Is(err, errRefused) || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: %v\n%s\nwithout %q", arguments, err, out.String(), c.says)
		}
	}
	for _, arguments := range []string{"", "-as 1 -tags team", "-as 1 -source ci", "-as 1 -action backup.delete", "-as 1 Instance=i-1", "-as 1 InstanceId", "-what", "-event timer -file nowhere.yaml"} {
		var out bytes.Buffer
		err := run(append([]string{"policy", "explain"}, strings.Fields(arguments)...), environment{getenv: func(string) string { return "" }, out: &out})
		if _, usage := errors.AsType[usageError](err); !usage {
			t.Errorf("%s: %v", arguments, err)
		}
	}
}

// TestPolicyExplainsTags proves that the tags on the command line decide about a rule with tags,
// without a call of the cloud.
func TestPolicyExplainsTags(t *testing.T) {
	text, err := os.ReadFile("../docs/policy.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	byTags := strings.Replace(string(text), "instances: [i-bp1aaaaaaaaaaaaaaaa1, i-bp1aaaaaaaaaaaaaaaa2]", "instance_tags: {team: web, stage: prod}", 1)
	if err := os.WriteFile(file, []byte(byTags), 0o600); err != nil {
		t.Fatal(err)
	}
	for tags, want := range map[string]string{
		"-tags team=web,stage=prod": "ALLOW  rule payments-prod\n",
		"-tags team=web":            "-      rule payments-prod: InstanceId: The rule applies only to instances with stage=prod, team=web\n",
		"":                          "-      rule payments-prod: InstanceId: The rule applies only to instances with stage=prod, team=web\n",
	} {
		var out bytes.Buffer
		arguments := "policy explain -file " + file + " -as 1 -groups payments-oncall -account prod -region cn-hangzhou -instance i-1 " + tags
		err := run(strings.Fields(arguments), environment{getenv: func(string) string { return "" }, out: &out})
		if allowed := strings.HasPrefix(want, "ALLOW"); allowed != (err == nil) || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v\n%s\nwithout %q", tags, err, out.String(), want)
		}
	}
}
