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

// testNow is the time in tests. It has whole seconds, because times in tokens have whole
// seconds.
var testNow = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)

// A testClock shows the same time until a test changes it.
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

// Keys of the test issuer. It publishes issuerRSA and issuerEC, but not otherRSA. All tests
// share these keys, because creating an RSA key takes long.
var (
	issuerRSA = sync.OnceValue(rsaKey)
	issuerEC  = sync.OnceValue(ecKey)
	otherRSA  = sync.OnceValue(rsaKey)
)

// An issuerFixture is an OpenID provider for tests.
type issuerFixture struct {
	*httptest.Server
	clock       *testClock
	nonce       string                      // copied into tokens
	change      func(claims map[string]any) // edits the claims of each token; nil means valid claims
	sign        func(claims []byte) string  // nil means a valid signature
	token       func() string               // nil means a token from change and sign
	form        url.Values                  // form of the last token request
	end         any                         // published as end_session_endpoint
	userinfo    http.HandlerFunc            // answers the userinfo endpoint; nil means no endpoint
	refusal     string                      // error code of the token endpoint; empty means a token
	asked       atomic.Int32                // number of requests to the userinfo endpoint
	calls       atomic.Int32                // number of requests to all addresses
	unavailable atomic.Bool                 // the server closes connections without a response
}

func newIssuer(t *testing.T, c *testClock) *issuerFixture {
	t.Helper()
	p := &issuerFixture{clock: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		var userinfo any
		if p.userinfo != nil {
			userinfo = p.URL + "/userinfo"
		}
		json.NewEncoder(w).Encode(map[string]any{
			"userinfo_endpoint": userinfo, "issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token",
			"jwks_uri": p.URL + "/keys", "end_session_endpoint": p.end,
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "RS512", "HS256", "none"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(issuerKeys())) })
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if r.Header.Get("Authorization") != "Bearer x" {
			t.Errorf("userinfo is asked with %q", r.Header.Get("Authorization"))
		}
		p.userinfo(w, r)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		p.form = r.PostForm
		w.Header().Set("Content-Type", "application/json")
		if p.refusal != "" {
			w.WriteHeader(http.StatusUnauthorized)
			json.NewEncoder(w).Encode(map[string]any{"error": p.refusal, "error_description": "evil"})
			return
		}
		answer := map[string]any{"access_token": "x", "token_type": "Bearer"}
		if token := p.issue(); token != "" {
			answer["id_token"] = token
		}
		json.NewEncoder(w).Encode(answer)
	})
	own := "/" + rand.Text() // The path is unique, because a later test may get the same port while answers are still cached.
	served := http.StripPrefix(own, mux)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		if p.unavailable.Load() {
			panic(http.ErrAbortHandler)
		}
		served.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	p.URL += own
	return p
}

// issuerKeys returns the issuer's published keys as a JSON key set.
func issuerKeys() string {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public(issuerRSA().Public(), "rsa"), public(issuerEC().Public(), "ec")}}
	return string(must(json.Marshal(set)))
}

// issue returns a new token of the issuer.
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

// with returns a valid token after the function change has changed its claims.
func (p *issuerFixture) with(change func(claims map[string]any)) string {
	p.change = change
	defer func() { p.change = nil }()
	return p.issue()
}

// set returns a function that sets one claim to value.
func set(name string, value any) func(map[string]any) {
	return func(claims map[string]any) { claims[name] = value }
}

// without returns a function that removes one claim.
func without(name string) func(map[string]any) {
	return func(claims map[string]any) { delete(claims, name) }
}

// signedBy returns a function that signs claims with the key.
func signedBy(alg jose.SignatureAlgorithm, key any, id string) func([]byte) string {
	return func(content []byte) string {
		s := must(jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", id)))
		return must(must(s.Sign(content)).CompactSerialize())
	}
}

// badAlgorithms are the names of those cases of badSignatures that are refused because of their
// algorithm.
var badAlgorithms = map[string]bool{
	"another algorithm": true, "the shared secret": true, "the public key as it": true, "none": true, "none in capitals": true,
	"an unknown algorithm": true, "an algorithm's number": true,
}

// badSignatures returns functions that sign claims in ways that the portal must refuse, by
// name.
func badSignatures() map[string]func([]byte) string {
	return map[string]func([]byte) string{
		"another key":           signedBy(jose.RS256, otherRSA(), "rsa"),
		"another algorithm":     signedBy(jose.RS512, issuerRSA(), "rsa"),
		"the shared secret":     signedBy(jose.HS256, []byte("client-secret-of-32-bytes-or-more"), "rsa"),
		"the public key as it":  signedBy(jose.HS256, issuerRSA().N.Bytes(), "rsa"),
		"none":                  unsigned,
		"none in capitals":      func(content []byte) string { return withHeader(`{"alg":"nOnE"}`, content) },
		"an unknown algorithm":  func(content []byte) string { return withHeader(`{"alg":"rs256","kid":"rsa"}`, content) },
		"an algorithm's number": func(content []byte) string { return withHeader(`{"alg":256}`, content) },
		"no token":              func([]byte) string { return "x.y.z" },
	}
}

// unsigned returns a token with the algorithm "none".
func unsigned(content []byte) string { return withHeader(`{"alg":"none"}`, content) }

// withHeader returns a token with the given header and an empty signature.
func withHeader(header string, content []byte) string {
	return encoded(header) + "." + encoded(string(content)) + "."
}
