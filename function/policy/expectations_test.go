package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/identity"
)

// expecting is the base policy with the given lines of one expectation, and operators.
func expecting(t *testing.T, entry string) string {
	t.Helper()
	return change(t, base, "      - {source: ci}\n", `      - {source: ci}
  - name: web
    members:
      - {issuer: "`+sso+`", subject: "anna"}
  - name: platform
    members:
      - {issuer: "`+sso+`", group: platform}
`) + "operators: [platform]\nexpectations:\n  - " + entry + "\n"
}

const validExpectation = `{name: web-daily, team: web, account: prod, region: cn-hangzhou, instances: [i-bp1], every: 24h}`

func TestLoadReadsExpectations(t *testing.T) {
	p := mustLoad(t, expecting(t, validExpectation))
	got := p.Expectations()
	if len(got) != 1 || got[0].Name != "web-daily" || got[0].Team != "web" || got[0].Account != "prod" || got[0].Region != "cn-hangzhou" ||
		!slices.Equal(got[0].Instances, []string{"i-bp1"}) || got[0].Tags != nil || got[0].Every != 24*time.Hour {
		t.Errorf("%+v", got)
	}
	tagged := mustLoad(t, expecting(t, strings.Replace(validExpectation, "instances: [i-bp1]", "instance_tags: {env: prod}", 1)))
	if got := tagged.Expectations(); got[0].Tags["env"] != "prod" || got[0].Instances != nil {
		t.Errorf("%+v", got)
	}
}

func TestLoadRefusesWrongExpectations(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"no instance":        {", instances: [i-bp1]", "", "instances: is missing"},
		"tags too":           {"every", "instance_tags: {a: b}, every", "cannot be used together with instances"},
		"an unknown team":    {"team: web", "team: nobody", `the team "nobody" does not exist`},
		"an unknown account": {"account: prod", "account: nowhere", `the account "nowhere" does not exist`},
		"an unknown region":  {"cn-hangzhou", "cn-nowhere", "cn-nowhere"},
		"no region of it":    {"cn-hangzhou", "eu-west-1", "eu-west-1"},
		"no id":              {"i-bp1", "web01", "web01"},
		"no tag":             {"instances: [i-bp1]", "instance_tags: {}", "would match every instance"},
		"too often":          {"24h", "59m", "is too short"},
		"too seldom":         {"24h", "9000h", "is too long"},
		"no period":          {", every: 24h", "", "every"},
		"an unknown key":     {"every", "often: 1h, every", "often"},
		"the name twice":     {"every: 24h}", "every: 24h}\n  - " + validExpectation, `another expectation has the name "web-daily"`},
	} {
		entry := strings.Replace(validExpectation, c.old, c.new, 1)
		_, err := Load([]byte(expecting(t, entry)), environment)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestExpectationsAreForTheirTeamAndOperators(t *testing.T) {
	p := mustLoad(t, expecting(t, validExpectation))
	for name, c := range map[string]struct {
		who  identity.Principal
		sees bool
	}{
		"a member":     {identity.Principal{Kind: identity.KindHuman, Issuer: sso, Subject: "anna"}, true},
		"an operator":  {identity.Principal{Kind: identity.KindHuman, Issuer: sso, Subject: "olga", Groups: []string{"platform"}}, true},
		"another team": {identity.Principal{Kind: identity.KindSource, Subject: "ci"}, false},
		"nobody":       {identity.Principal{}, false},
	} {
		if got := p.ExpectationsOf(c.who); slices.Contains(got, "web-daily") != c.sees || len(got) > 1 {
			t.Errorf("%s: %v", name, got)
		}
	}
}
