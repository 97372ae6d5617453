package auth

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/identity"
	"backupportal/function/policy"
)

// policyAround is the rest of a valid policy, to which a test adds pipelines.
const policyAround = `version: 1
enabled: true
accounts:
  - {alias: prod, enabled: true, account_id: "1234567890123456", access: own, regions: [cn-hangzhou]}
teams:
  - name: pipelines
    members: [{source: deploy-web}]
rules:
  - id: web
    teams: [pipelines]
    actions: [backup.create, backup.view]
    accounts: [prod]
    regions: [cn-hangzhou]
    source_types: [UDM_ECS]
    any_instance: true
    retention_days: {min: 1, max: 7}
`

var examples = regexp.MustCompile("(?s)\n## ([^\n]+)\n.*?```yaml\n(.*?)```.*?```json\n(.*?)```")

// changed returns a copy of the claims with a new value for the claim to which name leads. nil
// removes the claim.
func changed(claims map[string]any, name string, value any) map[string]any {
	claims = maps.Clone(claims)
	if _, ok := claims[name]; ok {
		claims[name] = value
	} else {
		for member := range claims {
			if inner, ok := strings.CutPrefix(name, member+"."); ok {
				claims[member] = changed(claims[member].(map[string]any), inner, value)
				return claims
			}
		}
	}
	if value == nil {
		delete(claims, name)
	}
	return claims
}

// TestDocumentedPipelinePolicies proves for each example policy of docs/pipelines.md that it
// accepts the token printed below it. It must refuse the token if one claim that the policy
// names differs or is missing.
func TestDocumentedPipelinePolicies(t *testing.T) {
	document, err := os.ReadFile("../../docs/pipelines.md")
	if err != nil {
		t.Fatal(err)
	}
	var services []string
	for _, example := range examples.FindAllStringSubmatch(string(document), -1) {
		service := example[1]
		services = append(services, service)
		rules, err := policy.Load([]byte(policyAround+example[2]), func(string) string { return "" })
		if err != nil || len(rules.Pipelines()) != 1 {
			t.Errorf("%s: the policy is not valid: %v", service, err)
			continue
		}
		var token map[string]any
		if err := json.Unmarshal([]byte(example[3]), &token); err != nil {
			t.Errorf("%s: %v", service, err)
			continue
		}
		one := rules.Pipelines()[0]
		if token["iss"] != one.Issuer {
			t.Errorf("%s: the token is of the issuer %v", service, token["iss"])
		}
		p := newIssuer(t, newClock()) // signs in place of the real issuer
		one.Issuer = p.URL
		authenticate := BearerTokens(nil, []identity.Pipeline{one}, p.clock.Now, unexpectedNext(t))
		ask := func(claims map[string]any) error {
			_, err := authenticate(withAuthorization("Bearer " + p.with(func(c map[string]any) {
				clear(c)
				maps.Copy(c, claims)
				c["iss"], c["iat"], c["exp"] = p.URL, testNow.Unix(), testNow.Add(time.Hour).Unix()
			})))
			return err
		}
		if err := ask(token); err != nil {
			t.Errorf("%s: %v", service, err)
		}
		for name := range one.Claims {
			value, _ := lookup(token, name)
			text, _ := claimText(value)
			for _, other := range []any{"x" + text, text + "/x:y", strings.ToUpper(text) + "X", []any{value}, "*", nil} {
				if strings.HasSuffix(one.Claims[name], ":*") && other != any("x"+text) && other != nil {
					continue // the pattern includes such values
				}
				if err := ask(changed(token, name, other)); !errors.Is(err, ErrToken) {
					t.Errorf("%s: with %s = %v: %v", service, name, other, err)
				}
			}
		}
		if err := ask(changed(token, "aud", "https://other.example")); !errors.Is(err, ErrToken) {
			t.Errorf("%s: another audience: %v", service, err)
		}
	}
	want := []string{
		"GitHub Actions", "GitLab", "Buildkite", "CircleCI", "Bitbucket Pipelines", "Terraform Cloud", "Azure DevOps", "Kubernetes service accounts",
	}
	if !slices.Equal(services, want) {
		t.Errorf("the document has policies for %q", services)
	}
}

// TestClaimNames proves how the name of a claim is resolved: an exact name is preferred to a
// path, and of several possible first parts of a path the longest is used.
func TestClaimNames(t *testing.T) {
	claims := map[string]any{
		"https://example.com/groups": "url", "a.b": "exact", "a": map[string]any{"b": "path", "c.d": map[string]any{"e": "inner"}},
		"kubernetes.io": map[string]any{"namespace": "shop"}, "x": map[string]any{"y.z": "short"}, "x.y": map[string]any{},
		"text": "t", "list": []any{map[string]any{"b": "in a list"}},
	}
	for name, want := range map[string]any{
		"https://example.com/groups": "url", "a.b": "exact", "a.c.d.e": "inner", "kubernetes.io.namespace": "shop",
		"x.y.z": nil, "text.b": nil, "list.b": nil, "A.b": nil, "kubernetes": nil, ".a": nil, "a.": nil, "": nil, "a..b": nil,
	} {
		if got, ok := lookup(claims, name); got != want || ok != (want != nil) {
			t.Errorf("%q: %v, %v", name, got, ok)
		}
	}
}
