package web_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/identity"
	"backupportal/web/auth"
)

// pipelineWorld returns a portal that accepts the tokens of one CI pipeline, and the test
// issuer of these tokens. They have the claims of GitHub Actions.
func pipelineWorld(t *testing.T) (*world, *liar) {
	t.Helper()
	w := newWorld(t)
	p := newLiar(t, w.clock)
	p.change = deploys
	w.govern(t, "{issuer: demo, subject: demo}", "{source: deploy-web}")
	w.server.Sender = auth.BearerTokens(nil, []identity.Pipeline{
		{Name: "other", Issuer: p.URL, Audience: "portal", Claims: map[string]string{"repository": "shop/other"}},
		{Name: "deploy-web", Issuer: p.URL, Audience: "portal", Claims: map[string]string{"repository": "shop/web", "ref": "refs/heads/main", "environment": "production"}},
	}, w.clock.Now, auth.EventsOnly)
	w.handler = w.server.Handler()
	return w, p
}

func deploys(c map[string]any) {
	c["sub"], c["repository"], c["ref"], c["environment"] = "repo:shop/web:environment:production", "shop/web", "refs/heads/main", "production"
}

// TestPipelineIsAPrincipal proves that a pipeline can make a backup without a secret of the
// portal: the token of the CI service identifies the pipeline.
func TestPipelineIsAPrincipal(t *testing.T) {
	w, p := pipelineWorld(t)
	made := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Authorization", "Bearer "+p.token(t))
	if made.Code != http.StatusCreated || !strings.Contains(made.Body.String(), `"AskedBy":"deploy-web"`) {
		t.Errorf("%d %s", made.Code, made.Body)
	}
}

// TestTokenThatMatchesNoPipelineIsLogged proves that, for a properly signed token of a CI
// service with wrong claims, the log says once an hour which claims differ from the policy. The
// answer does not say it.
func TestTokenThatMatchesNoPipelineIsLogged(t *testing.T) {
	w, p := pipelineWorld(t)
	var log bytes.Buffer
	w.server.Log = slog.New(slog.NewJSONHandler(&log, nil))
	w.handler = w.server.Handler()
	p.change = func(c map[string]any) { deploys(c); c["ref"] = "refs/heads/other" }
	for range 2 {
		answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Authorization", "Bearer "+p.token(t))
		if answer.Code != http.StatusUnauthorized || strings.Contains(answer.Body.String(), "ref") && strings.Contains(answer.Body.String(), "deploy-web") {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
	}
	const want = `"subject":"repo:shop/web:environment:production","differs":["other: repository","deploy-web: ref"]`
	if strings.Count(log.String(), "token matches no pipeline") != 1 || !strings.Contains(log.String(), want) {
		t.Errorf("the log is\n%s", &log)
	}
}

// TestInvalidPipelineTokensAreRefused proves that every token that does not meet all conditions
// of a CI pipeline in the policy is refused, and that the cloud is not called (threat T1; OWASP
// ASVS 9.1–9.2).
func TestInvalidPipelineTokensAreRefused(t *testing.T) {
	t.Parallel()
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) func(*liar) {
		return func(p *liar) { p.change = func(c map[string]any) { deploys(c); c[name] = value } }
	}
	unset := func(name string) func(*liar) {
		return func(p *liar) { p.change = func(c map[string]any) { deploys(c); delete(c, name) } }
	}
	for name, lie := range map[string]func(*liar){
		"another repository":  set("repository", "shop/web2"),
		"a repository below":  set("repository", "shop/web/"),
		"in capitals":         set("repository", "Shop/Web"),
		"a branch":            set("ref", "refs/heads/main2"),
		"a pull request":      set("ref", "refs/pull/7/merge"),
		"another environment": set("environment", "staging"),
		"no environment":      unset("environment"),
		"a list of them":      set("environment", []string{"production"}),
		"another audience":    set("aud", "other"),
		"no audience":         unset("aud"),
		"another issuer":      set("iss", "https://issuer.example"),
		"no issuer":           unset("iss"),
		"no subject":          unset("sub"),
		"expired":             set("exp", time.Now().Add(-time.Minute).Unix()),
		"no end":              unset("exp"),
		"not yet":             set("nbf", time.Now().Add(10*time.Minute).Unix()),
		"of a foreign key":    func(p *liar) { p.sign = signer(jose.RS256, foreign) },
		"of RS512":            func(p *liar) { p.sign = signer(jose.RS512, p.key) },
		"of a symmetric key":  func(p *liar) { p.sign = signer(jose.HS256, []byte(strings.Repeat("k", 32))) },
		"without a signature": func(p *liar) { p.sign = func(c []byte) (string, error) { return unsigned(c), nil } },
		"with a changed claim": func(p *liar) {
			p.sign = func(c []byte) (string, error) { s, err := signer(jose.RS256, p.key)(c); return tampered(s), err }
		},
	} {
		w, p := pipelineWorld(t)
		lie(p)
		answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Authorization", "Bearer "+p.token(t))
		if answer.Code != http.StatusUnauthorized || w.calls() != 0 {
			t.Errorf("%s: %d %s, %d calls", name, answer.Code, answer.Body, w.calls())
		}
	}
	w, p := pipelineWorld(t)
	for _, path := range []string{"/", "/backups", "/auth/login"} {
		if answer := w.ask("GET", path, "", "", "Authorization", "Bearer "+p.token(t)); answer.Code == http.StatusOK {
			t.Errorf("%s is open to a token", path)
		}
	}
}

// unsigned returns a token with the algorithm "none".
func unsigned(claims []byte) string {
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(claims) + "."
}

// tampered returns a token whose claims were changed after the signature was made.
func tampered(token string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + encode([]byte(strings.Replace(string(decode(parts[1])), "shop/web", "shop/wEb", 1))) + "." + parts[2]
}

// TestUnknownKeysAreFetchedOnce proves that tokens with unknown keys do not make the portal
// fetch the issuer's keys repeatedly.
func TestUnknownKeysAreFetchedOnce(t *testing.T) {
	t.Parallel()
	w, p := pipelineWorld(t)
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p.sign = signer(jose.RS256, foreign)
	for range 50 {
		if answer := w.ask("GET", "/api/v1/backup-jobs", "", "", "Authorization", "Bearer "+p.token(t)); answer.Code != http.StatusUnauthorized {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
	}
	if n := p.asked.Load(); n > 10 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(s string) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(s)
	return b
}
