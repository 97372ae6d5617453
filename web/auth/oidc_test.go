package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/secret"
)

// A signInFixture is the portal's sign-in together with a test issuer.
type signInFixture struct {
	*OIDC
	sessions *sessionFixture
	issuer   *issuerFixture
}

func newSignIn(t *testing.T) *signInFixture {
	t.Helper()
	s := newSessionFixture(t, "A")
	p := newIssuer(t, s.clock)
	return &signInFixture{sessions: s, issuer: p, OIDC: &OIDC{
		Issuer: p.URL, ClientID: "portal", ClientSecret: secret.New("client-secret-of-32-bytes-or-more"),
		PublicURL: &url.URL{Scheme: "https", Host: "localhost"}, Scopes: []string{"openid", "email"}, GroupsClaim: "groups",
		Keep: func(_, g string) bool { return g != "other" }, Sessions: s.Sessions,
	}}
}

// begin starts a sign-in. It returns the login cookie, the query with which the portal sends
// the browser to the issuer (there), and the query of a valid redirect back (back).
func (r *signInFixture) begin(t *testing.T) (c *http.Cookie, there, back url.Values) {
	t.Helper()
	w := httptest.NewRecorder()
	if err := r.Login(w, httptest.NewRequest("GET", "/auth/login", nil), "/backups?page=2"); err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther || !strings.HasPrefix(to.String(), r.issuer.URL+"/auth?") {
		t.Fatalf("status %d to %v", w.Code, to)
	}
	there = to.Query()
	r.issuer.nonce = there.Get("nonce")
	return onlyCookie(t, w), there, url.Values{"code": {"good"}, "state": {there.Get("state")}, "iss": {r.issuer.URL}}
}

// back calls the portal's callback with a query and cookies, as a browser does after the
// sign-in. next is the page to which the callback redirects.
func (r *signInFixture) back(query string, cookies ...*http.Cookie) (w *httptest.ResponseRecorder, next string, err error) {
	request := withCookies(cookies...)
	request.URL = &url.URL{Path: CallbackPath, RawQuery: query}
	w = httptest.NewRecorder()
	next, err = r.Callback(w, request, func(string) error { return nil })
	return w, next, err
}

// expectRefusal fails the test unless the callback returns the error want, removes the login cookie
// and starts no session.
func (r *signInFixture) expectRefusal(t *testing.T, name string, want error, query string, cookies ...*http.Cookie) {
	t.Helper()
	w, _, err := r.back(query, cookies...)
	if !errors.Is(err, want) {
		t.Errorf("%s: %v", name, err)
	}
	if c := onlyCookie(t, w); c.Name != "__Host-portal-login" || c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("%s: cookie %v", name, c)
	}
}

func TestSignInStartsSessionAndReturnsToPage(t *testing.T) {
	r := newSignIn(t)
	c, there, back := r.begin(t)
	if c.Name != "__Host-portal-login" || c.MaxAge != 600 || !c.HttpOnly || !c.Secure {
		t.Errorf("cookie %v", c)
	}
	if there.Get("client_id") != "portal" || there.Get("redirect_uri") != "https://localhost/auth/callback" ||
		there.Get("response_type") != "code" || there.Get("scope") != "openid email" || there.Get("code_challenge_method") != "S256" {
		t.Errorf("the issuer is sent %v", there)
	}
	w, next, err := r.back(back.Encode(), c)
	if err != nil || next != "/backups?page=2" {
		t.Fatalf("next %q, %v", next, err)
	}
	p, err := r.Sessions.Authenticate(withCookies(onlyCookie(t, w)))
	if err != nil || p.Issuer != r.issuer.URL || p.Subject != "alice" || p.Email != "alice@example.com" || !slices.Equal(p.Groups, []string{"team-a"}) {
		t.Errorf("%+v, %v", p, err)
	}
	sum := sha256.Sum256([]byte(r.issuer.form.Get("code_verifier")))
	if form := r.issuer.form; form.Get("code") != "good" || base64.RawURLEncoding.EncodeToString(sum[:]) != there.Get("code_challenge") {
		t.Errorf("the code was exchanged with %v", form)
	}
}

func TestEverySignInHasItsOwnStateNonceAndVerifier(t *testing.T) {
	r := newSignIn(t)
	_, one, _ := r.begin(t)
	_, other, _ := r.begin(t)
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if one.Get(name) == "" || one.Get(name) == other.Get(name) {
			t.Errorf("%s is %q and then %q", name, one.Get(name), other.Get(name))
		}
	}
	if one.Get("state") == one.Get("nonce") {
		t.Error("state and nonce are the same")
	}
}

// TestCallbackMustMatchLoginCookie proves that a callback that does not match the browser's
// login cookie is refused, and that the issuer's token endpoint is not called then.
func TestCallbackMustMatchLoginCookie(t *testing.T) {
	r := newSignIn(t)
	c, _, good := r.begin(t)
	other, _, _ := r.begin(t)
	r.begin(t)
	as := func(change func(url.Values)) string {
		q := maps.Clone(good)
		change(q)
		return q.Encode()
	}
	session := *c
	session.Name = "__Host-portal"
	changed := *c
	changed.Value = "A" + c.Value
	for name, one := range map[string]struct {
		query  string
		cookie *http.Cookie
		want   error
	}{
		"another browser":              {good.Encode(), &session, ErrLogin},
		"another sign-in":              {good.Encode(), other, ErrLogin},
		"a changed cookie":             {good.Encode(), &changed, ErrLogin},
		"another state":                {as(func(q url.Values) { q.Set("state", "x") }), c, ErrLogin},
		"no state":                     {as(func(q url.Values) { q.Del("state") }), c, ErrLogin},
		"an empty state":               {as(func(q url.Values) { q.Set("state", "") }), c, ErrLogin},
		"two states":                   {good.Encode() + "&state=x", c, ErrLogin},
		"no code":                      {as(func(q url.Values) { q.Del("code") }), c, ErrLogin},
		"two codes":                    {good.Encode() + "&code=x", c, ErrLogin},
		"another issuer":               {as(func(q url.Values) { q.Set("iss", "https://other.example") }), c, ErrLogin},
		"an empty issuer":              {as(func(q url.Values) { q.Set("iss", "") }), c, ErrLogin},
		"two issuers":                  {good.Encode() + "&iss=x", c, ErrLogin},
		"a query that is none":         {good.Encode() + "&%zz", c, ErrLogin},
		"a refusal":                    {as(func(q url.Values) { q.Set("error", "access_denied") }), c, ErrRefused},
		"two refusals":                 {good.Encode() + "&error=a&error=b", c, ErrLogin},
		"a refusal with another state": {as(func(q url.Values) { q.Set("error", "access_denied"); q.Set("state", "x") }), c, ErrLogin},
	} {
		r.expectRefusal(t, name, one.want, one.query, one.cookie)
	}
	r.expectRefusal(t, "no cookie", ErrLogin, good.Encode())
	r.expectRefusal(t, "two cookies", ErrLogin, good.Encode(), c, c)
	if r.issuer.form != nil {
		t.Error("a code was exchanged")
	}
	delete(good, "iss") // iss is optional (RFC 9207)
	if _, _, err := r.back(good.Encode(), other); err != ErrLogin {
		t.Errorf("another sign-in without an issuer: %v", err)
	}
}

func TestCallbackIssuerIsOptional(t *testing.T) {
	r := newSignIn(t)
	c, _, good := r.begin(t)
	delete(good, "iss")
	if _, _, err := r.back(good.Encode(), c); err != nil {
		t.Error(err)
	}
}

func TestSignInExpiresAfterTenMinutes(t *testing.T) {
	r := newSignIn(t)
	c, _, good := r.begin(t)
	r.sessions.clock.pass(10 * time.Minute)
	r.expectRefusal(t, "after ten minutes", ErrLogin, good.Encode(), c)
	r.sessions.clock.pass(10*time.Minute - 1)
	if _, _, err := r.back(good.Encode(), c); err != nil {
		t.Errorf("just before: %v", err)
	}
}

// TestEmptyStateIsRefused proves that a callback with an empty state is refused, even if the
// login cookie also has an empty state. Two empty values must not count as equal.
func TestEmptyStateIsRefused(t *testing.T) {
	r := newSignIn(t)
	_, _, good := r.begin(t)
	good.Set("state", "")
	empty := must(sealed(r.Sessions.login, login{Expires: testNow.Add(time.Minute).Unix()}))
	r.expectRefusal(t, "empty", ErrLogin, good.Encode(), &http.Cookie{Name: "__Host-portal-login", Value: empty})
}

// TestSignInRefusesInvalidTokens proves that a sign-in is refused if any one property of the ID
// token is wrong. Each case changes one property of a valid token.
func TestSignInRefusesInvalidTokens(t *testing.T) {
	type change = func(map[string]any)
	for name, c := range map[string]struct {
		change change
		good   bool
	}{
		"as it should be":   {nil, true},
		"another nonce":     {set("nonce", "x"), false},
		"no nonce":          {without("nonce"), false},
		"another issuer":    {set("iss", "https://other.example"), false},
		"another audience":  {set("aud", "other"), false},
		"expired":           {set("exp", testNow.Add(-time.Second).Unix()), false},
		"no subject":        {without("sub"), false},
		"two audiences":     {set("aud", []string{"portal", "other"}), false},
		"two and for us":    {func(m map[string]any) { m["aud"], m["azp"] = []string{"portal", "other"}, "portal" }, true},
		"two and for other": {func(m map[string]any) { m["aud"], m["azp"] = []string{"portal", "other"}, "other" }, false},
		"made for other":    {set("azp", "other"), false},
		"made for us":       {set("azp", "portal"), true},
		"made for a number": {set("azp", 7), false},
		"too large":         {set("groups", []string{strings.Repeat("g", 3600)}), false},
	} {
		r := newSignIn(t)
		cookie, _, back := r.begin(t)
		r.issuer.change = c.change
		want := ErrProvider
		if name == "too large" {
			want = ErrTooLarge
		}
		if !c.good {
			r.expectRefusal(t, name, want, back.Encode(), cookie)
		} else if _, _, err := r.back(back.Encode(), cookie); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	signs := badSignatures()
	signs["no token"] = func([]byte) string { return "" }
	for name, sign := range signs {
		r := newSignIn(t)
		cookie, _, back := r.begin(t)
		r.issuer.sign = sign
		want := ErrProvider
		if badAlgorithms[name] {
			want = ErrProviderAlgorithm
		}
		r.expectRefusal(t, name, want, back.Encode(), cookie)
	}
	r := newSignIn(t)
	cookie, _, back := r.begin(t)
	r.issuer.sign = signedBy(jose.ES256, issuerEC(), "ec")
	if _, _, err := r.back(back.Encode(), cookie); err != nil {
		t.Errorf("by the other key: %v", err)
	}
}

// TestOptionalNonceMustMatchIfPresent proves that with the setting NoNonce a token may have no
// nonce, but that a present nonce must match.
func TestOptionalNonceMustMatchIfPresent(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]any)
		good   bool
	}{"none": {without("nonce"), true}, "right": {nil, true}, "another": {set("nonce", "x"), false}} {
		r := newSignIn(t)
		r.NoNonce = true
		cookie, _, back := r.begin(t)
		r.issuer.change = c.change
		if _, _, err := r.back(back.Encode(), cookie); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSignInFailsIfIssuerIsUnavailable(t *testing.T) {
	r := newSignIn(t)
	c, _, good := r.begin(t)
	r.issuer.unavailable.Store(true)
	r.expectRefusal(t, "known before", ErrProvider, good.Encode(), c)
	again := newSignIn(t)
	again.issuer.unavailable.Store(true)
	good.Set("iss", again.issuer.URL)
	again.expectRefusal(t, "not known", ErrProvider, good.Encode(), c) // all test issuers have the same keys
	w := httptest.NewRecorder()
	if err := again.Login(w, httptest.NewRequest("GET", "/auth/login", nil), "/"); !errors.Is(err, ErrProvider) || len(w.Result().Cookies()) != 0 {
		t.Errorf("Login: %v", err)
	}
	if end := again.EndSession(); end != "" {
		t.Errorf("people end their session at %q", end)
	}
}

// TestIssuerDiscoveryIsRetriedEveryTwoSeconds proves that the portal reads the provider's
// metadata again two seconds after a failure, and never again after a success.
func TestIssuerDiscoveryIsRetriedEveryTwoSeconds(t *testing.T) {
	r := newSignIn(t)
	r.issuer.unavailable.Store(true)
	for i, c := range []struct {
		at    time.Duration
		calls bool
	}{{0, true}, {0, false}, {2*time.Second - 1, false}, {2 * time.Second, true}, {time.Second, true}} {
		r.sessions.clock.pass(c.at)
		before := r.issuer.calls.Load()
		if _, err := r.discovered(); !errors.Is(err, ErrProvider) || (r.issuer.calls.Load() > before) != c.calls {
			t.Errorf("request %d: %v, called %d times", i, err, r.issuer.calls.Load()-before)
		}
	}
	r.issuer.unavailable.Store(false)
	r.sessions.clock.Add(time.Minute)
	one, err := r.discovered()
	if err != nil {
		t.Fatal(err)
	}
	if other, err := r.discovered(); err != nil || other != one {
		t.Errorf("it is looked for again: %v", err)
	}
}

// TestEndSessionUsesPublishedAddress proves that EndSession returns the address that the
// provider publishes only if it has the issuer's scheme, a host and no user name.
func TestEndSessionUsesPublishedAddress(t *testing.T) {
	for end, want := range map[any]string{
		"http://id.example/end":        "http://id.example/end?client_id=portal",
		"http://id.example/end?a=b":    "http://id.example/end?a=b&client_id=portal",
		nil:                            "",
		"":                             "",
		"/end":                         "",
		"//id.example/end":             "",
		"https://id.example/end":       "",
		"javascript://id.example/%0a1": "",
		"http://alice@id.example/end":  "",
		"http://[::1":                  "",
		"http:///end":                  "",
		7:                              "",
	} {
		r := newSignIn(t)
		r.issuer.end = end
		if got := r.EndSession(); got != want {
			t.Errorf("%v: %q", end, got)
		}
	}
}

func TestLoginRefusesTooLongNextPage(t *testing.T) {
	r, w := newSignIn(t), httptest.NewRecorder()
	if err := r.Login(w, httptest.NewRequest("GET", "/auth/login", nil), "/"+strings.Repeat("x", 3600)); err != ErrTooLarge || len(w.Header()) != 0 {
		t.Errorf("%v, answered %v", err, w.Header())
	}
}
