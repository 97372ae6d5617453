package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// testNow is a whole second, as the times in tokens are.
var testNow = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)

// A testClock stands still until it is turned.
type testClock struct{ now time.Time }

func (c *testClock) Now() time.Time             { return c.now }
func (c *testClock) Add(d time.Duration)        { c.now = c.now.Add(d) }
func (c *testClock) pass(d time.Duration)       { c.now = testNow.Add(d) }
func newClock() *testClock                      { return &testClock{testNow} }
func rsaKey() *rsa.PrivateKey                   { return must(rsa.GenerateKey(rand.Reader, 2048)) }
func ecKey() *ecdsa.PrivateKey                  { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }
func public(key any, id string) jose.JSONWebKey { return jose.JSONWebKey{Key: key, KeyID: id} }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The keys of the tests' issuer, and one that it does not publish.
var (
	issuerRSA = sync.OnceValue(rsaKey)
	issuerEC  = sync.OnceValue(ecKey)
	otherRSA  = sync.OnceValue(rsaKey)
)

// An issuerFixture is an OpenID provider that says what a test wants.
type issuerFixture struct {
	*httptest.Server
	clock  *testClock
	nonce  string
	change func(claims map[string]any) // of a token that would be good
	sign   func(claims []byte) string  // nil: as it should be
	token  func() string               // nil: a token by those two
	form   url.Values                  // of the last exchange
	end    any                         // where people sign out there
	asked  atomic.Int32
	away   atomic.Bool // it hangs up
}

func newIssuer(t *testing.T, c *testClock) *issuerFixture {
	t.Helper()
	p := &issuerFixture{clock: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token",
			"jwks_uri": p.URL + "/keys", "end_session_endpoint": p.end,
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "RS512", "HS256", "none"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(issuerKeys())) })
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		p.form = r.PostForm
		w.Header().Set("Content-Type", "application/json")
		answer := map[string]any{"access_token": "x", "token_type": "Bearer"}
		if token := p.issue(); token != "" {
			answer["id_token"] = token
		}
		json.NewEncoder(w).Encode(answer)
	})
	own := "/" + rand.Text() // a port is soon used again, and what is published is kept for a moment
	served := http.StripPrefix(own, mux)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if p.away.Load() {
			panic(http.ErrAbortHandler)
		}
		served.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	p.URL += own
	return p
}

// issuerKeys is the issuer's key set.
func issuerKeys() string {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public(issuerRSA().Public(), "rsa"), public(issuerEC().Public(), "ec")}}
	return string(must(json.Marshal(set)))
}

// issue makes a token.
func (p *issuerFixture) issue() string {
	if p.token != nil {
		return p.token()
	}
	claims := map[string]any{
		"iss": p.URL, "aud": "portal", "sub": "alice", "nonce": p.nonce, "iat": p.clock.now.Unix(), "exp": p.clock.now.Add(time.Hour).Unix(),
		"name": "Alice", "email": "Alice@Example.com", "email_verified": true, "groups": []any{"team-a", "other"}, "repository": "a/b",
	}
	if p.change != nil {
		p.change(claims)
	}
	sign := p.sign
	if sign == nil {
		sign = signedBy(jose.RS256, issuerRSA(), "rsa")
	}
	return sign(must(json.Marshal(claims)))
}

// with makes a token with claims changed.
func (p *issuerFixture) with(change func(claims map[string]any)) string {
	p.change = change
	defer func() { p.change = nil }()
	return p.issue()
}

// set changes one claim.
func set(name string, value any) func(map[string]any) {
	return func(claims map[string]any) { claims[name] = value }
}

// without removes one claim.
func without(name string) func(map[string]any) {
	return func(claims map[string]any) { delete(claims, name) }
}

// signedBy signs by a key.
func signedBy(alg jose.SignatureAlgorithm, key any, id string) func([]byte) string {
	return func(content []byte) string {
		s := must(jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", id)))
		return must(must(s.Sign(content)).CompactSerialize())
	}
}

// badSignatures are ways to sign that no issuer's token may have.
func badSignatures() map[string]func([]byte) string {
	return map[string]func([]byte) string{
		"another key":          signedBy(jose.RS256, otherRSA(), "rsa"),
		"another algorithm":    signedBy(jose.RS512, issuerRSA(), "rsa"),
		"the shared secret":    signedBy(jose.HS256, []byte("client-secret-of-32-bytes-or-more"), "rsa"),
		"the public key as it": signedBy(jose.HS256, issuerRSA().N.Bytes(), "rsa"),
		"none":                 unsigned,
		"no token":             func([]byte) string { return "x.y.z" },
	}
}

// unsigned writes a token with the algorithm none.
func unsigned(content []byte) string {
	return encoded(`{"alg":"none"}`) + "." + encoded(string(content)) + "."
}
