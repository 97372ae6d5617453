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

// machine is the token of the source ci, until testNow is an hour ago.
func machine() []identity.Token {
	return []identity.Token{{ID: "t1", Source: "ci", Sum: sha256.Sum256([]byte(machineToken)), NotAfter: testNow.Add(time.Hour)}}
}

// showing is a request of the API with an Authorization header.
func showing(authorization string) *http.Request {
	r := httptest.NewRequest("GET", "/api/v1/backup-jobs", nil)
	r.Header.Set("Authorization", authorization)
	return r
}

// noNext fails if a request that shows a token is taken for another's.
func noNext(t *testing.T) Finder {
	return func(*http.Request) (identity.Principal, error) {
		t.Error("a request that shows a token was taken for another's")
		return identity.Principal{}, ErrSignedOut
	}
}

func TestTokenIsGoodUntilItExpires(t *testing.T) {
	c := newClock()
	find := Machines(machine(), nil, c.Now, noNext(t))
	c.pass(time.Hour - 1)
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		p, err := find(showing(scheme + machineToken))
		if err != nil || p.Kind != identity.KindSource || p.Subject != "ci" || p.Name != "ci" || p.Key != "t1" {
			t.Errorf("%s: %+v, %v", scheme, p, err)
		}
	}
	c.pass(time.Hour)
	if p, err := find(showing("Bearer " + machineToken)); err != ErrToken || p.Subject != "" {
		t.Errorf("expired: %+v, %v", p, err)
	}
}

func TestTokenThatIsNotKnownIsNobodys(t *testing.T) {
	tokens := append(machine(), identity.Token{Source: "other", Sum: sha256.Sum256([]byte("short")), NotAfter: testNow.Add(time.Hour)})
	find := Machines(tokens, nil, newClock().Now, noNext(t))
	for _, wrong := range []string{
		"", "Bearer", "Bearer ", machineToken, "Basic " + machineToken, "Bearer  " + machineToken, "Bearer " + machineToken + " ",
		"Bearer " + machineToken + "x", "Bearer hbp_" + strings.Repeat("y", 43), "Bearer short", "Bearer a.b.c",
	} {
		if p, err := find(showing(wrong)); err != ErrToken || p.Subject != "" {
			t.Errorf("%q: %+v, %v", wrong, p, err)
		}
	}
}

// Tokens are for the API: a page is for people, whatever a browser's request shows.
func TestTokensOpenNoPages(t *testing.T) {
	find := Machines(machine(), nil, newClock().Now, Nobody)
	for _, path := range []string{"/backups", "/", "/apix", "/x/api/"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+machineToken)
		if p, err := find(r); err != ErrSignedOut {
			t.Errorf("%s: %+v, %v", path, p, err)
		}
	}
}

// pipelinesOf are those of an issuer's repository a/b, and of its tag in another audience.
func pipelinesOf(p *issuerFixture) []identity.Pipeline {
	return []identity.Pipeline{
		{Name: "deploy", Issuer: p.URL, Audience: "portal", Claims: map[string]string{"repository": "a/b", "name": "Alice"}},
		{Name: "release", Issuer: p.URL, Audience: "releases", Claims: map[string]string{"repository": "a/b"}},
	}
}

func TestPipelineIsKnownByItsIssuersToken(t *testing.T) {
	p := newIssuer(t, newClock())
	find := Machines(machine(), pipelinesOf(p), p.clock.Now, noNext(t))
	for name, c := range map[string]struct {
		token, want string
	}{
		"the first":     {p.issue(), "deploy"},
		"the second":    {p.with(set("aud", "releases")), "release"},
		"both":          {p.with(set("aud", []string{"releases", "portal"})), "deploy"},
		"only second":   {p.with(func(c map[string]any) { c["aud"], c["name"] = []string{"releases", "portal"}, "Bob" }), "release"},
		"the other key": {(&issuerFixture{Server: p.Server, clock: p.clock, sign: signedBy(jose.ES256, issuerEC(), "ec")}).issue(), "deploy"},
	} {
		who, err := find(showing("Bearer " + c.token))
		if err != nil || who.Kind != identity.KindSource || who.Subject != c.want || who.Name != c.want || who.Key != "alice" {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

// Only a token of the policy's issuer, for the portal, good now, with each of the claims as a text, is a pipeline's.
func TestPipelineNeedsEveryPartOfItsToken(t *testing.T) {
	p := newIssuer(t, newClock())
	find := Machines(nil, pipelinesOf(p)[:1], p.clock.Now, noNext(t))
	if _, err := find(showing("Bearer " + p.issue())); err != nil {
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
		if who, err := find(showing("Bearer " + token)); err != ErrToken || who.Subject != "" {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

func TestPipelineWithoutClaimsIsNobodys(t *testing.T) {
	p := newIssuer(t, newClock())
	find := Machines(nil, []identity.Pipeline{{Name: "any", Issuer: p.URL, Audience: "portal"}}, p.clock.Now, noNext(t))
	if who, err := find(showing("Bearer " + p.issue())); err != ErrToken {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestTokensOfOthersReachNoIssuer(t *testing.T) {
	p := newIssuer(t, newClock())
	find := Machines(machine(), pipelinesOf(p), p.clock.Now, noNext(t))
	long := p.with(set("padding", strings.Repeat("x", longestJWT)))
	for _, token := range []string{machineToken, "a.b", "a." + encoded(`{"iss":"`+p.URL+`"}`) + ".c.d", p.with(set("iss", "https://other.example")), long} {
		find(showing("Bearer " + token))
	}
	if n := p.asked.Load(); n != 0 {
		t.Errorf("the issuer was asked %d times", n)
	}
	if who, err := find(showing("Bearer " + machineToken)); err != nil || who.Subject != "ci" {
		t.Errorf("beside pipelines a known token is %+v, %v", who, err)
	}
}

// A token has 8 KB at most.
func TestTokenOfAPipelineIsOfBoundedLength(t *testing.T) {
	p := newIssuer(t, newClock())
	find := Machines(nil, pipelinesOf(p), p.clock.Now, noNext(t))
	for pad := 5400; ; pad++ {
		token := p.with(set("padding", strings.Repeat("x", pad)))
		if len(token) < 8<<10-2 {
			continue
		}
		if _, err := find(showing("Bearer " + token)); (err == nil) != (len(token) <= 8<<10) {
			t.Errorf("%d bytes: %v", len(token), err)
		}
		if len(token) > 8<<10 {
			break
		}
	}
}

// An issuer that does not answer says nothing about a token. It is asked again after two seconds, and not sooner.
func TestIssuerThatIsAwayIsAskedAgainAfterTwoSeconds(t *testing.T) {
	p := newIssuer(t, newClock())
	find := Machines(nil, pipelinesOf(p), p.clock.Now, noNext(t))
	token := p.issue()
	p.away.Store(true)
	for i, c := range []struct {
		at    time.Duration
		asked bool
	}{{0, true}, {0, false}, {2*time.Second - 1, false}, {2 * time.Second, true}, {time.Second, true}} { // the last by a clock that was set back
		p.clock.pass(c.at)
		before := p.asked.Load()
		if _, err := find(showing("Bearer " + token)); err != ErrIssuerUnavailable || (p.asked.Load() > before) != c.asked {
			t.Errorf("request %d: %v, asked %d times", i, err, p.asked.Load()-before)
		}
	}
	p.away.Store(false)
	p.clock.Add(time.Minute)
	if _, err := find(showing("Bearer " + token)); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// Whether a token is right cannot be said while its issuer's keys are missing.
func TestIssuerWithoutKeysIsAway(t *testing.T) {
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
	if _, err := Machines(nil, pipelinesOf(p), c.Now, noNext(t))(showing("Bearer " + p.issue())); !errors.Is(err, ErrIssuerUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestIssuerOfPipelinesIsFoundOnce(t *testing.T) {
	p := newIssuer(t, newClock())
	known := newProvider(p.URL, p.clock.Now)
	one, err := known.discovered()
	if err != nil {
		t.Fatal(err)
	}
	if other, err := known.discovered(); err != nil || other != one {
		t.Errorf("it is looked for again: %v", err)
	}
}
