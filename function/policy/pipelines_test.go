package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const pipelines = `pipelines:
  - name: deploy-web
    issuer: "https://token.actions.githubusercontent.com"
    audience: backup-portal
    claims: {repository: shop/web, ref: refs/heads/main}
tokens:
  - {source: ci, id: t1, sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", not_after: "2027-06-01T00:00:00Z"}
rules:
`

func TestLoadPipelinesAndTokens(t *testing.T) {
	p := mustLoad(t, change(t, base, "rules:\n", pipelines))
	if got := p.Pipelines(); len(got) != 1 || got[0].Claims["ref"] != "refs/heads/main" || got[0].Audience != "backup-portal" {
		t.Errorf("got %+v", got)
	}
	if got := p.Tokens(); len(got) != 1 || got[0].Source != "ci" || got[0].NotAfter.Year() != 2027 {
		t.Errorf("got %+v", got)
	}
}

// TestLoadPipelinesIdentifiedByAnyClaim proves that the policy file may name any claim as the
// one that identifies a project, also by a URL, and may have patterns for other claims.
func TestLoadPipelinesIdentifiedByAnyClaim(t *testing.T) {
	for _, claims := range []string{
		`{"https://ci.example/project.id": p1}` + "\n    identified_by: [\"https://ci.example/project.id\"]",
		`{"oidc.circleci.com/project-id": p1, sub: "org/o/project/p1/user/*"}` + "\n    identified_by: [oidc.circleci.com/project-id]",
		`{organization_slug: acme, pipeline_slug: web, sub: "organization:acme:pipeline:web:*"}` + "\n    identified_by: [organization_slug, pipeline_slug]",
		`{repositoryUuid: "{9a8b}"}` + "\n    identified_by: [repositoryUuid]",
		`{repository: shop/web, sub: "repo:shop/web:*"}`,
		`{sub: "system:serviceaccount:ci:backup", kubernetes.io.namespace: ci}`,
	} {
		p := mustLoad(t, change(t, base, "rules:\n", change(t, pipelines, "{repository: shop/web, ref: refs/heads/main}", claims)))
		if got := p.Pipelines(); len(got) != 1 || len(got[0].Claims) == 0 {
			t.Errorf("%s: %+v", claims, got)
		}
	}
}

func TestLoadRefusesInvalidPipelinesAndTokens(t *testing.T) {
	for name, c := range map[string]struct{ from, to, path, text string }{
		"no claims":              {"{repository: shop/web, ref: refs/heads/main}", "{ref: refs/heads/main}", "pipelines[0].claims", "add one of"},
		"claims as a text":       {"{repository: shop/web, ref: refs/heads/main}", "shop/web", "pipelines[0].claims", "write claims"},
		"only a pattern":         {"repository: shop/web", "repository: shop/*", "pipelines[0].claims", "with a value without *"},
		"a subject's pattern":    {"{repository: shop/web, ref: refs/heads/main}", `{sub: "repo:shop/web:*"}`, "pipelines[0].claims", "with a value without *"},
		"two stars":              {"ref: refs/heads/main", "ref: refs/heads/**", "pipelines[0].claims.ref", "a single *"},
		"nothing but a star":     {"ref: refs/heads/main", `ref: "*"`, "pipelines[0].claims.ref", "every value"},
		"stars and separators":   {"ref: refs/heads/main", `ref: "*/*:*"`, "pipelines[0].claims.ref", "every value"},
		"a name with a space":    {"ref: refs/heads/main", `"a b": c`, `pipelines[0].claims."a b"`, "exact name of a claim"},
		"an identifying pattern": {"    claims: {repository: shop/web,", "    identified_by: [repository]\n    claims: {repository: shop/*,", "pipelines[0].identified_by[0]", "without *"},
		"an absent identifier":   {"    claims:", "    identified_by: [organization_slug]\n    claims:", "pipelines[0].identified_by[0]", "add organization_slug to claims"},
		"one of two is absent":   {"    claims:", "    identified_by: [repository, pipeline_id]\n    claims:", "pipelines[0].identified_by[1]", "add pipeline_id"},
		"the issuer identifies":  {"{repository: shop/web, ref: refs/heads/main}", "{iss: \"https://token.actions.githubusercontent.com\"}\n    identified_by: [iss]", "pipelines[0].identified_by[0]", "does not identify"},
		"the audience does":      {"{repository: shop/web, ref: refs/heads/main}", "{aud: backup-portal}\n    identified_by: [aud]", "pipelines[0].identified_by[0]", "does not identify"},
		"nothing identifies":     {"    claims:", "    identified_by: []\n    claims:", "pipelines[0].identified_by", "empty list"},
		"a number":               {"repository: shop/web", "repository: 7", "pipelines[0].claims.repository", "put it in quotes"},
		"no audience":            {"    audience: backup-portal\n", "", "pipelines[0].audience", "is missing"},
		"issuer without scheme":  {"https://token.actions", "token.actions", "pipelines[0].issuer", "is not valid"},
		"issuer with a fragment": {"https://token.actions.githubusercontent.com", "https://token.actions.githubusercontent.com#", "pipelines[0].issuer", "is not valid"},
		"issuer without TLS":     {"https://token.actions", "http://token.actions", "pipelines[0].issuer", "must begin with https://"},
		"token without its end":  {`, not_after: "2027-06-01T00:00:00Z"}`, "}", "tokens[0].not_after", "is missing"},
		"token in place of sum":  {"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "hbp_canary", "tokens[0].\"sha256\"", "64 hexadecimal"},
		"two tokens of one name": {"rules:\n", "  - {source: ci, id: t1, sha256: \"8f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\", not_after: \"2027-06-01T00:00:00Z\"}\nrules:\n", "tokens[1].id", "another token"},
		"two of one sum":         {"rules:\n", "  - {source: cd, id: t1, sha256: \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\", not_after: \"2027-06-01T00:00:00Z\"}\nrules:\n", "tokens[1].\"sha256\"", "another token"},
	} {
		_, err := Load([]byte(change(t, change(t, base, "rules:\n", pipelines), c.from, c.to)), environment)
		bad, ok := errors.AsType[LoadError](err)
		if !ok || !slices.ContainsFunc(bad, func(p Problem) bool { return p.Path == c.path && strings.Contains(p.Text, c.text) }) {
			t.Errorf("%s: want %s: …%s…; got\n%v", name, c.path, c.text, err)
		}
	}
}
