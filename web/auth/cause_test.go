package auth

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"backupportal/function/identity"
)

// TestCausesOfFailedSignIns proves that each usual mistake in the setup of sign-in has its own
// cause for the log. The cause never contains text that the provider sent.
func TestCausesOfFailedSignIns(t *testing.T) {
	claim := func(change func(map[string]any)) func(*signInFixture, url.Values) {
		return func(r *signInFixture, _ url.Values) { r.issuer.change = change }
	}
	for name, c := range map[string]struct {
		prepare func(r *signInFixture, back url.Values)
		err     error
		cause   string
	}{
		"a wrong client secret":   {func(r *signInFixture, _ url.Values) { r.issuer.refusal = "invalid_client" }, ErrProvider, "its token endpoint answered invalid_client"},
		"a code of an attacker":   {func(r *signInFixture, _ url.Values) { r.issuer.refusal = "evil\ntext" }, ErrProvider, "its token endpoint gave no usable answer"},
		"a scope that is unknown": {func(_ *signInFixture, back url.Values) { back.Set("error", "invalid_scope") }, ErrRefused, "the provider answered invalid_scope"},
		"a cancelled sign-in":     {func(_ *signInFixture, back url.Values) { back.Set("error", "access_denied") }, ErrRefused, "the provider answered access_denied"},
		"a text as an error":      {func(_ *signInFixture, back url.Values) { back.Set("error", "<b>x</b>") }, ErrRefused, "the provider answered with an unknown error code"},
		"no ID token":             {func(r *signInFixture, _ url.Values) { r.issuer.token = func() string { return "" } }, ErrProvider, "has no readable ID token"},
		"no nonce":                {claim(without("nonce")), ErrProvider, "no nonce (OIDC_NONCE=off accepts this)"},
		"another nonce":           {claim(set("nonce", "x")), ErrProvider, "the nonce of another sign-in"},
		"another audience":        {claim(set("aud", "other")), ErrProvider, "another audience (aud)"},
		"several audiences":       {claim(set("aud", []string{"portal", "x"})), ErrProvider, "several audiences"},
		"another party":           {claim(set("azp", "other")), ErrProvider, "another authorized party"},
		"another issuer":          {claim(set("iss", "https://other.example")), ErrProvider, "another issuer (iss)"},
		"expired":                 {claim(set("exp", testNow.Add(-time.Second).Unix())), ErrProvider, "expired: compare the clocks"},
		"not yet":                 {claim(set("nbf", testNow.Add(time.Hour).Unix())), ErrProvider, "not valid yet"},
		"no subject":              {claim(without("sub")), ErrProvider, "subject (sub)"},
		"another key":             {func(r *signInFixture, _ url.Values) { r.issuer.sign = badSignatures()["another key"] }, ErrProvider, "the signature of the token"},
		"another algorithm":       {func(r *signInFixture, _ url.Values) { r.issuer.sign = badSignatures()["another algorithm"] }, ErrProviderAlgorithm, "another algorithm (alg)"},
		"away":                    {func(r *signInFixture, _ url.Values) { r.issuer.unavailable.Store(true) }, ErrProvider, "its token endpoint cannot be reached"},
	} {
		r := newSignIn(t)
		cookie, _, back := r.begin(t)
		c.prepare(r, back)
		_, _, err := r.back(back.Encode(), cookie)
		known, ok := errors.AsType[*CauseError](err)
		if !ok || !errors.Is(err, c.err) || known.Issuer != r.Issuer || !strings.Contains(known.Cause, c.cause) || strings.Contains(err.Error(), "evil") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCausesOfMetadata proves that, if the provider's metadata names another issuer than
// configured, the cause says how they differ. The usual difference is a slash at the end.
func TestCausesOfMetadata(t *testing.T) {
	for name, c := range map[string]struct {
		issuer func(url string) string
		cause  string
	}{
		"a slash too many":    {func(url string) string { return url + "/" }, "differ only by a slash at the end"},
		"another spelling":    {func(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }, "names another issuer"},
		"no metadata":         {func(url string) string { return url + "/realms/shop" }, "gave no usable answer"},
		"a port with no one":  {func(string) string { return "http://127.0.0.1:1" }, "cannot be reached"},
		"a name that is none": {func(string) string { return "http://nowhere.invalid" }, "cannot be reached"},
	} {
		r := newSignIn(t)
		r.Issuer = c.issuer(r.issuer.URL)
		err := r.Login(httptest.NewRecorder(), httptest.NewRequest("GET", "/auth/login", nil), "/")
		if known, ok := errors.AsType[*CauseError](err); !ok || !errors.Is(err, ErrProvider) || !strings.Contains(known.Cause, c.cause) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCausesOfTokens proves that refused tokens of gateways and CI services have a cause for
// the log, too.
func TestCausesOfTokens(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]any)
		cause  string
	}{
		"another audience": {set("aud", "other"), "another audience (aud)"},
		"expired":          {set("exp", testNow.Add(-time.Second).Unix()), "expired"},
		"not yet":          {set("nbf", testNow.Add(time.Hour).Unix()), "not valid yet"},
	} {
		p := newIssuer(t, newClock())
		token := p.with(c.change)
		_, ofGateway := authenticatorOf(t, gateway(p))(withAssertion(token))
		one := []identity.Pipeline{{Name: "deploy-web", Issuer: p.URL, Audience: "portal", Claims: map[string]string{"sub": "alice"}}}
		_, ofPipeline := BearerTokens(nil, one, p.clock.Now, unexpectedNext(t))(withAuthorization("Bearer " + token))
		for err, want := range map[error]error{ofGateway: ErrAssertion, ofPipeline: ErrToken} {
			if known, ok := errors.AsType[*CauseError](err); !ok || !errors.Is(err, want) || known.Issuer != p.URL || !strings.Contains(known.Cause, c.cause) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
