package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/webhook"
)

const hooks = `sources:
  - name: ci-payments
    kind: standard
    tolerance: 2m
    keys:
      - {id: k2, secret_env: HOOK_2}
      - {id: k1, secret_env: HOOK_1, not_after: "2027-03-01T00:00:00Z"}
    when:
      - {pointer: /status, equals: firing}
    submission:
      Account: prod
      Region: cn-hangzhou
      InstanceId: {pointer: /labels/instance}
      Retention: "7"
  - name: repo
    kind: github
    keys: [{id: g1, secret_env: HOOK_GITHUB}]
    submission: {Account: prod, Region: {pointer: /region}}
  - name: alerts
    kind: bearer
    key: body
    keys: [{id: t1, sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", not_after: "2027-06-01T00:00:00Z"}]
    submission: {Account: prod, Region: cn-hangzhou}
rules:
`

// sourceEnvironment extends environment with the variables of the sources.
func sourceEnvironment(name string) string {
	return map[string]string{
		"HOOK_2": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "HOOK_1": "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
		"HOOK_GITHUB": "It's a Secret to Everybody", "EXTERNAL_ID_PROD": externalID,
	}[name]
}

func TestLoadSources(t *testing.T) {
	p, err := Load([]byte(change(t, base, "rules:\n", hooks)), sourceEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := p.Source("ci-payments")
	if !ok || s.Kind != webhook.Standard || s.Tolerance != 2*time.Minute || len(s.Keys) != 2 || s.Keys[0].Secret.IsZero() || s.Keys[0].Public != nil ||
		!s.Keys[1].Secret.IsZero() || len(s.Keys[1].Public) != 32 || s.Keys[1].NotAfter.Year() != 2027 || s.Submission["Retention"].Value != "7" ||
		!slices.Equal(s.Submission["InstanceId"].Pointer, []string{"labels", "instance"}) || s.When[0].Equals != "firing" {
		t.Errorf("got %+v", s)
	}
	if s, _ := p.Source("alerts"); !s.BodyKey || s.Keys[0].Sum == [32]byte{} {
		t.Errorf("got %+v", s)
	}
	if _, ok := p.Source("nobody"); ok {
		t.Error("nobody is known")
	}
}

func TestLoadRefusesInvalidSources(t *testing.T) {
	for name, c := range map[string]struct{ from, to, path, text string }{
		"unknown kind":            {"kind: github", "kind: gitlab", "sources[1].kind", "use one of standard, github, bearer"},
		"name given twice":        {"name: repo", "name: ci-payments", "sources[1].name", "another source"},
		"no keys":                 {"keys: [{id: g1, secret_env: HOOK_GITHUB}]", "keys: []", "sources[1].keys", "is an empty list"},
		"key given twice":         {"id: k1", "id: k2", "sources[0].keys[1].id", "another key"},
		"secret in place":         {"secret_env: HOOK_GITHUB", "secret_env: canary-secret", "sources[1].keys[0].secret_env", "the name of an environment variable"},
		"tolerance of github":     {"kind: github", "kind: github\n    tolerance: 5m", "sources[1].tolerance", "has no effect"},
		"tolerance of a day":      {"tolerance: 2m", "tolerance: 24h", "sources[0].tolerance", "is too long"},
		"key of github":           {"kind: github", "kind: github\n    key: body", "sources[1].key", "has no effect"},
		"token without its end":   {`, not_after: "2027-06-01T00:00:00Z"}]`, "}]", "sources[2].keys[0].not_after", "is missing"},
		"short sum":               {"9f86d081", "9f86d0", "sources[2].keys[0].\"sha256\"", "64 hexadecimal digits"},
		"no such time":            {"2027-03-01T00", "2027-13-01T00", "sources[0].keys[1].not_after", "is not a valid time"},
		"time of a zone":          {"2027-03-01T00:00:00Z", "2027-03-01T00:00:00+08:00", "sources[0].keys[1].not_after", "is not valid"},
		"unknown parameter":       {"InstanceId: {", "Instance: {", "sources[0].submission.\"Instance\"", "is not a known key here"},
		"role from the message":   {"InstanceId: {", "CrossAccountRoleName: {", "sources[0].submission.\"CrossAccountRoleName\"", "is not a known key here"},
		"wrong value":             {`Retention: "7"`, `Retention: "seven"`, "sources[0].submission.\"Retention\"", ""},
		"no pointer":              {"pointer: /region", "pointer: region", "sources[1].submission.\"Region\".pointer", "is not valid"},
		"pointer with a tilde":    {"pointer: /region", "pointer: /re~gion", "sources[1].submission.\"Region\".pointer", "is not a JSON pointer"},
		"no account":              {"submission: {Account: prod, Region: {", "submission: {Region: {", "sources[1].submission.\"Account\"", "is missing"},
		"condition without place": {"{pointer: /status, equals: firing}", "{equals: firing}", "sources[0].when[0].pointer", "is missing"},
	} {
		text := change(t, change(t, base, "rules:\n", hooks), c.from, c.to)
		_, err := Load([]byte(text), sourceEnvironment)
		bad, ok := errors.AsType[LoadError](err)
		if !ok || !slices.ContainsFunc(bad, func(p Problem) bool { return p.Path == c.path && strings.Contains(p.Text, c.text) }) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: want %s: …%s…; got\n%v", name, c.path, c.text, err)
		}
	}
}

// TestWeakSecretsAreRefused proves that a secret that is too short or malformed is a problem. The
// problem does not quote the secret.
func TestWeakSecretsAreRefused(t *testing.T) {
	text := change(t, base, "rules:\n", hooks)
	for _, weak := range []string{
		"", "w", "whsec_", "whsec_%", "whsec_wronglength", "hwsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJpoAJ6p9lMicMFs6Kvg==", "whpk_AAAA", "whsec_" + strings.Repeat("A", 30) + "==", "whsec_" + strings.Repeat("A", 87) + "=",
		"whsec_" + strings.Repeat("A", 31), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
	} {
		_, err := Load([]byte(text), func(name string) string {
			if name == "HOOK_2" {
				return weak
			}
			return sourceEnvironment(name)
		})
		if err == nil || !strings.Contains(err.Error(), "HOOK_2") || len(weak) > 8 && strings.Contains(err.Error(), weak) {
			t.Errorf("%q: %v", weak, err)
		}
	}
	_, err := Load([]byte(text), func(name string) string {
		if name == "HOOK_GITHUB" {
			return "fifteen letters"
		}
		return sourceEnvironment(name)
	})
	if err == nil || !strings.Contains(err.Error(), "HOOK_GITHUB has fewer than 16") {
		t.Errorf("a short secret of GitHub: %v", err)
	}
}
