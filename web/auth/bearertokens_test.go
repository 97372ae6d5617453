package auth

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/identity"
)

var machineToken = "hbp_" + strings.Repeat("x", 43)

// programTokens returns a token for the program called ci. It expires one hour after testNow.
func programTokens() []identity.Token {
	return []identity.Token{{ID: "t1", Source: "ci", Sum: sha256.Sum256([]byte(machineToken)), NotAfter: testNow.Add(time.Hour)}}
}

// withAuthorization returns an API request with the given Authorization header.
func withAuthorization(authorization string) *http.Request {
	r := httptest.NewRequest("GET", "/api/v1/backup-jobs", nil)
	r.Header.Set("Authorization", authorization)
	return r
}

// unexpectedNext returns an Authenticator that fails the test, because a request with a token
// must not reach the next Authenticator.
func unexpectedNext(t *testing.T) Authenticator {
	return func(*http.Request) (identity.Principal, error) {
		t.Error("a request that shows a token was taken for another's")
		return identity.Principal{}, ErrSignedOut
	}
}

func TestTokenIsAcceptedUntilItExpires(t *testing.T) {
	c := newClock()
	authenticate := BearerTokens(programTokens(), nil, c.Now, unexpectedNext(t))
	c.pass(time.Hour - 1)
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		p, err := authenticate(withAuthorization(scheme + machineToken))
		if err != nil || p.Kind != identity.KindSource || p.Subject != "ci" || p.Name != "ci" || p.Key != "t1" {
			t.Errorf("%s: %+v, %v", scheme, p, err)
		}
	}
	c.pass(time.Hour)
	if p, err := authenticate(withAuthorization("Bearer " + machineToken)); err != ErrToken || p.Subject != "" {
		t.Errorf("expired: %+v, %v", p, err)
	}
}

func TestUnknownTokenIsRefused(t *testing.T) {
	tokens := append(programTokens(), identity.Token{Source: "other", Sum: sha256.Sum256([]byte("short")), NotAfter: testNow.Add(time.Hour)})
	authenticate := BearerTokens(tokens, nil, newClock().Now, unexpectedNext(t))
	for _, wrong := range []string{
		"", "Bearer", "Bearer ", machineToken, "Basic " + machineToken, "Bearer  " + machineToken, "Bearer " + machineToken + " ",
		"Bearer " + machineToken + "x", "Bearer hbp_" + strings.Repeat("y", 43), "Bearer short", "Bearer a.b.c",
		// Without pipelines no JWT is read, so the answer says nothing about its algorithm.
		"Bearer " + encoded(`{"alg":"none"}`) + "." + encoded(`{"iss":"https://issuer.example"}`) + ".",
	} {
		if p, err := authenticate(withAuthorization(wrong)); err != ErrToken || p.Subject != "" {
			t.Errorf("%q: %+v, %v", wrong, p, err)
		}
	}
}

// TestTokensAreIgnoredOutsideTheAPI proves that a program's token has no effect on pages: they
// are for people with a session.
func TestTokensAreIgnoredOutsideTheAPI(t *testing.T) {
	authenticate := BearerTokens(programTokens(), nil, newClock().Now, EventsOnly)
	for _, path := range []string{"/backups", "/", "/apix", "/x/api/"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+machineToken)
		if p, err := authenticate(r); err != ErrSignedOut {
			t.Errorf("%s: %+v, %v", path, p, err)
		}
	}
}

// pipelinesOf returns two CI pipelines of one issuer. Both accept tokens of the same
// repository, but require different audiences and claims.
func pipelinesOf(p *issuerFixture) []identity.Pipeline {
	return []identity.Pipeline{
		{Name: "deploy", Issuer: p.URL, Audience: "portal", Claims: map[string]string{"repository": "a/b", "name": "Alice"}},
		{Name: "release", Issuer: p.URL, Audience: "releases", Claims: map[string]string{"repository": "a/b"}},
	}
}

func TestPipelineIsAuthenticatedByIssuerToken(t *testing.T) {
	p := newIssuer(t, newClock())
	authenticate := BearerTokens(programTokens(), pipelinesOf(p), p.clock.Now, unexpectedNext(t))
	for name, c := range map[string]struct {
		token, want string
	}{
		"the first":     {p.issue(), "deploy"},
		"the second":    {p.with(set("aud", "releases")), "release"},
		"both":          {p.with(set("aud", []string{"releases", "portal"})), "deploy"},
		"only second":   {p.with(func(c map[string]any) { c["aud"], c["name"] = []string{"releases", "portal"}, "Bob" }), "release"},
		"the other key": {(&issuerFixture{Server: p.Server, clock: p.clock, sign: signedBy(jose.ES256, issuerEC(), "ec")}).issue(), "deploy"},
	} {
		got, err := authenticate(withAuthorization("Bearer " + c.token))
		if err != nil || got.Kind != identity.KindSource || got.Subject != c.want || got.Name != c.want || got.Key != "alice" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestPipelineRefusesInvalidTokens proves that a CI pipeline's token is refused if any one of
// its properties, such as the audience, is wrong. Each case changes one property of a valid
// token.
func TestPipelineRefusesInvalidTokens(t *testing.T) {
	p := newIssuer(t, newClock())
	authenticate := BearerTokens(nil, pipelinesOf(p)[:1], p.clock.Now, unexpectedNext(t))
	if _, err := authenticate(withAuthorization("Bearer " + p.issue())); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{
		"another issuer":     p.with(set("iss", "https://other.example")),
		"no issuer":          p.with(without("iss")),
		"another audience":   p.with(set("aud", "other")),
		"no audience":        p.with(without("aud")),
		"expired":            p.with(set("exp", testNow.Add(-time.Second).Unix())),
		"no end":             p.with(without("exp")),
		"not yet":            p.with(set("nbf", testNow.Add(time.Hour).Unix())),
		"another repository": p.with(set("repository", "a/c")),
		"no repository":      p.with(without("repository")),
		"a list":             p.with(set("repository", []string{"a/b"})),
		"another name":       p.with(set("name", "Bob")),
		"no subject":         p.with(without("sub")),
		"two parts":          "a.b",
		"no JSON":            "a." + encoded("x") + ".c",
	}
	for name, sign := range badSignatures() {
		p.sign = sign
		tokens[name] = p.issue()
	}
	for name, token := range tokens {
		want := ErrToken
		if badAlgorithms[name] {
			want = ErrAlgorithm
		}
		if got, err := authenticate(withAuthorization("Bearer " + token)); !errors.Is(err, want) || got.Subject != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	p.sign = unsigned
	for name, token := range map[string]string{"unknown issuer": p.with(set("iss", "https://other.example")), "known issuer": p.issue()} {
		if _, err := authenticate(withAuthorization("Bearer " + token)); err != ErrAlgorithm {
			t.Errorf("the answer about the algorithm depends on the %s: %v", name, err)
		}
	}
}

func TestPipelineWithoutClaimsMatchesNoToken(t *testing.T) {
	p := newIssuer(t, newClock())
	authenticate := BearerTokens(nil, []identity.Pipeline{{Name: "any", Issuer: p.URL, Audience: "portal"}}, p.clock.Now, unexpectedNext(t))
	if got, err := authenticate(withAuthorization("Bearer " + p.issue())); !errors.Is(err, ErrToken) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestUnknownIssuerIsNotContacted(t *testing.T) {
	p := newIssuer(t, newClock())
	authenticate := BearerTokens(programTokens(), pipelinesOf(p), p.clock.Now, unexpectedNext(t))
	long := p.with(set("padding", strings.Repeat("x", longestJWT)))
	for _, token := range []string{machineToken, "a.b", "a." + encoded(`{"iss":"`+p.URL+`"}`) + ".c.d", p.with(set("iss", "https://other.example")), long} {
		authenticate(withAuthorization("Bearer " + token))
	}
	if n := p.calls.Load(); n != 0 {
		t.Errorf("the issuer was called %d times", n)
	}
	if got, err := authenticate(withAuthorization("Bearer " + machineToken)); err != nil || got.Subject != "ci" {
		t.Errorf("beside pipelines a known token is %+v, %v", got, err)
	}
}

func TestPipelineTokenLengthIsLimited(t *testing.T) {
	p := newIssuer(t, newClock())
	authenticate := BearerTokens(nil, pipelinesOf(p), p.clock.Now, unexpectedNext(t))
	for pad := 5400; ; pad++ {
		token := p.with(set("padding", strings.Repeat("x", pad)))
		if len(token) < 8<<10-2 {
			continue
		}
		if _, err := authenticate(withAuthorization("Bearer " + token)); (err == nil) != (len(token) <= 8<<10) {
			t.Errorf("%d bytes: %v", len(token), err)
		}
		if len(token) > 8<<10 {
			break
		}
	}
}

// TestUnavailableIssuerIsRetriedAfterTwoSeconds proves that after a failed call the portal
// calls a token issuer again two seconds later, and not earlier.
func TestUnavailableIssuerIsRetriedAfterTwoSeconds(t *testing.T) {
	p := newIssuer(t, newClock())
	authenticate := BearerTokens(nil, pipelinesOf(p), p.clock.Now, unexpectedNext(t))
	token := p.issue()
	p.unavailable.Store(true)
	for i, c := range []struct {
		at    time.Duration
		calls bool
	}{{0, true}, {0, false}, {2*time.Second - 1, false}, {2 * time.Second, true}, {time.Second, true}} { // the last case sets the clock back
		p.clock.pass(c.at)
		before := p.calls.Load()
		if _, err := authenticate(withAuthorization("Bearer " + token)); !errors.Is(err, ErrIssuerUnavailable) || (p.calls.Load() > before) != c.calls {
			t.Errorf("request %d: %v, called %d times", i, err, p.calls.Load()-before)
		}
	}
	p.unavailable.Store(false)
	p.clock.Add(time.Minute)
	if _, err := authenticate(withAuthorization("Bearer " + token)); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// TestIssuerWithoutKeysIsUnavailable proves that the error is ErrIssuerUnavailable if an
// issuer's keys cannot be fetched: the portal can then neither accept nor refuse a token.
func TestIssuerWithoutKeysIsUnavailable(t *testing.T) {
	c := newClock()
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/keys") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte(`{"issuer":"` + server.URL + `","jwks_uri":"` + server.URL + `/keys"}`))
	})
	server.Start()
	t.Cleanup(server.Close)
	p := &issuerFixture{Server: server, clock: c}
	if _, err := BearerTokens(nil, pipelinesOf(p), c.Now, unexpectedNext(t))(withAuthorization("Bearer " + p.issue())); !errors.Is(err, ErrIssuerUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestIssuerMetadataIsFetchedOnce(t *testing.T) {
	p := newIssuer(t, newClock())
	known := newProvider(p.URL, p.clock.Now)
	one, err := known.discovered(ErrProvider)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := known.discovered(ErrProvider); err != nil || other != one {
		t.Errorf("it is looked for again: %v", err)
	}
}
