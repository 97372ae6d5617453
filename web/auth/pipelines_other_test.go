package auth

import (
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"backupportal/function/identity"
	"backupportal/function/policy"
)

// TestTokensOfOtherServices tests CI services that have no example in docs/pipelines.md. A
// policy by the same rules accepts a token with the claims that the service documents, and
// refuses the token of another project.
func TestTokensOfOtherServices(t *testing.T) {
	for name, c := range map[string]struct{ pipeline, token, other string }{
		// docs/docs/reference/openid.md of github.com/semaphoreio/semaphore
		"Semaphore": {
			`issuer: "https://shop.semaphoreci.com", audience: "https://shop.semaphoreci.com", identified_by: [prj_id],
			claims: {prj_id: 936a5312-a3b8-4921-8b3f-2cec8baac574, sub: "org:shop:project:936a5312-a3b8-4921-8b3f-2cec8baac574:repo:web:ref_type:branch:*"}`,
			`{"aud":"https://shop.semaphoreci.com","sub":"org:shop:project:936a5312-a3b8-4921-8b3f-2cec8baac574:repo:web:ref_type:branch:ref:refs/heads/main",
			"prj_id":"936a5312-a3b8-4921-8b3f-2cec8baac574","repo":"web","branch":"main","ref_type":"branch"}`, "prj_id",
		},
		// docs.spacelift.io/integrations/cloud-providers/oidc, "Standard claims"
		"Spacelift": {
			`issuer: "https://shop.app.spacelift.io", audience: shop.app.spacelift.io, identified_by: [callerId, spaceId],
			claims: {callerId: web, spaceId: legacy-01KJ, sub: "space:legacy-01KJ:stack:web:run_type:*:scope:write", scope: write}`,
			`{"aud":"shop.app.spacelift.io","sub":"space:legacy-01KJ:stack:web:run_type:TRACKED:scope:write","spaceId":"legacy-01KJ",
			"callerType":"stack","callerId":"web","runType":"TRACKED","runId":"01GPN","scope":"write"}`, "callerId",
		},
		// vercel.com/docs/oidc/reference
		"Vercel": {
			`issuer: "https://oidc.vercel.com/shop", audience: "https://vercel.com/shop",
			claims: {project_id: prj_7Y, environment: production, sub: "owner:shop:project:*:environment:production"}`,
			`{"aud":"https://vercel.com/shop","sub":"owner:shop:project:web:environment:production","owner":"shop","owner_id":"team_7G",
			"project":"web","project_id":"prj_7Y","environment":"production"}`, "project_id",
		},
		// "OpenID Connect reference" of docs.github.com, enterprise server: another issuer, and
		// a sub that is customized
		"GitHub Enterprise Server": {
			`issuer: "https://github.example.com/_services/token", audience: backup-portal, identified_by: [repository_id],
			claims: {repository_id: "74", sub: "repo:shop/web:environment:production:job_workflow_ref:shop/ci/.github/workflows/*@refs/heads/main"}`,
			`{"aud":"backup-portal","sub":"repo:shop/web:environment:production:job_workflow_ref:shop/ci/.github/workflows/deploy.yml@refs/heads/main",
			"repository":"shop/web","repository_id":"74","environment":"production"}`, "repository_id",
		},
		// "OpenID Connect (OIDC) Authentication Using ID Tokens" of docs.gitlab.com,
		// self-managed on a port
		"GitLab Self-Managed": {
			`issuer: "https://gitlab.example.com:8443", audience: "https://backup.example.com",
			claims: {project_path: shop/team/web, ref: main, ref_protected: "true", pipeline_source: push}`,
			`{"aud":["https://backup.example.com","vault"],"sub":"project_path:shop/team/web:ref_type:branch:ref:main","project_path":"shop/team/web",
			"project_id":"20","ref":"main","ref_type":"branch","ref_protected":"true","pipeline_source":"push","runner_id":1}`, "project_path",
		},
	} {
		rules, err := policy.Load([]byte(policyAround+"pipelines:\n  - {name: deploy-web, "+c.pipeline+"}\n"), func(string) string { return "" })
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var token map[string]any
		if err := json.Unmarshal([]byte(c.token), &token); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p := newIssuer(t, newClock()) // signs in place of the real issuer
		one := rules.Pipelines()[0]
		one.Issuer = p.URL
		authenticate := BearerTokens(nil, []identity.Pipeline{one}, p.clock.Now, unexpectedNext(t))
		ask := func(claims map[string]any) error {
			_, err := authenticate(withAuthorization("Bearer " + p.with(func(own map[string]any) {
				clear(own)
				maps.Copy(own, claims)
				own["iss"], own["iat"], own["exp"] = p.URL, testNow.Unix(), testNow.Add(time.Hour).Unix()
			})))
			return err
		}
		if err := ask(token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		token[c.other] = "another"
		if err := ask(token); !errors.Is(err, ErrToken) {
			t.Errorf("%s, of another project: %v", name, err)
		}
	}
}
