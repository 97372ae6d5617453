package auth

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/identity"
)

// gateway returns an Assertion that reads tokens of the issuer p from the header X-Assertion.
func gateway(p *issuerFixture) Assertion {
	return Assertion{
		Header: "X-Assertion", Issuer: p.URL, Audience: "portal", JWKSURL: p.URL + "/keys", GroupsClaim: "groups",
		Keep: func(issuer, g string) bool { return issuer == p.URL && g != "other" }, Now: p.clock.Now,
	}
}

// authenticatorOf returns the Authenticator of a. It fails the test if a is invalid.
func authenticatorOf(t *testing.T, a Assertion) Authenticator {
	t.Helper()
	authenticate, err := a.Authenticator()
	if err != nil {
		t.Fatal(err)
	}
	return authenticate
}

// withAssertion returns a request with one X-Assertion header for each value.
func withAssertion(values ...string) *http.Request {
	r := httptest.NewRequest("GET", "/backups", nil)
	for _, v := range values {
		r.Header.Add("X-Assertion", v)
	}
	return r
}

// TestAssertionIdentifiesSender proves that a valid token of the gateway identifies its sender.
// The keys of the issuer are once fetched from an address and once taken from the settings.
func TestAssertionIdentifiesSender(t *testing.T) {
	p := newIssuer(t, newClock())
	given := gateway(p)
	given.JWKS, given.JWKSURL = issuerKeys(), "http://127.0.0.1:1/"
	for name, a := range map[string]Assertion{"at an address": gateway(p), "given": given} {
		for _, prefix := range []string{"", "Bearer "} {
			got, err := authenticatorOf(t, a)(withAssertion(prefix + p.issue()))
			if err != nil || got.Kind != identity.KindHuman || got.Issuer != p.URL || got.Subject != "alice" || got.Name != "Alice" ||
				got.Email != "alice@example.com" || !slices.Equal(got.Groups, []string{"team-a"}) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	}
}

func TestAssertionHeaderMustHoldOneToken(t *testing.T) {
	p := newIssuer(t, newClock())
	authenticate, token := authenticatorOf(t, gateway(p)), p.issue()
	elsewhere := withAssertion()
	elsewhere.Header.Set("Authorization", "Bearer "+token)
	for name, r := range map[string]*http.Request{"none": withAssertion(), "two": withAssertion(token, token), "elsewhere": elsewhere} {
		if got, err := authenticate(r); err != ErrSignedOut || got.Subject != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAssertionRefusesInvalidTokens(t *testing.T) {
	p := newIssuer(t, newClock())
	authenticate := authenticatorOf(t, gateway(p))
	tokens := map[string]string{
		"empty":            "",
		"a name":           "alice",
		"another issuer":   p.with(set("iss", "https://other.example")),
		"another audience": p.with(set("aud", "other")),
		"no audience":      p.with(without("aud")),
		"expired":          p.with(set("exp", testNow.Add(-time.Second).Unix())),
		"no end":           p.with(without("exp")),
		"not yet":          p.with(set("nbf", testNow.Add(time.Hour).Unix())),
		"no subject":       p.with(without("sub")),
		"a long subject":   p.with(set("sub", strings.Repeat("x", 256))),
	}
	for name, sign := range badSignatures() {
		p.sign = sign
		tokens[name] = p.issue()
	}
	for name, token := range tokens {
		want := ErrAssertion
		if badAlgorithms[name] {
			want = ErrAlgorithm
		}
		if got, err := authenticate(withAssertion(token)); !errors.Is(err, want) || got.Subject != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if !errors.Is(ErrAssertion, ErrSignedOut) {
		t.Error("an invalid assertion does not count as signed out")
	}
}

// TestAssertionWithoutKeysIsUnavailable proves that the error is ErrIssuerUnavailable if the
// issuer's keys cannot be fetched. The token may be valid, so the sender must not be told that
// it is wrong.
func TestAssertionWithoutKeysIsUnavailable(t *testing.T) {
	p := newIssuer(t, newClock())
	p.unavailable.Store(true)
	if _, err := authenticatorOf(t, gateway(p))(withAssertion(p.issue())); !errors.Is(err, ErrIssuerUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestJWKSRefusesPrivateKeys(t *testing.T) {
	good := public(issuerEC().Public(), "ec")
	set := func(keys ...jose.JSONWebKey) string {
		return string(must(json.Marshal(jose.JSONWebKeySet{Keys: keys})))
	}
	for name, text := range map[string]string{
		"no JSON": "x", "no keys": "{}", "an empty list": set(), "a private key": set(good, public(issuerRSA(), "rsa")), "a secret": set(good, public([]byte("secret of 32 bytes or even more.."), "")),
	} {
		a := gateway(newIssuer(t, newClock()))
		a.JWKS = text
		if _, err := a.Authenticator(); err == nil || strings.Contains(err.Error(), `"d"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPersonOfReadsClaims proves that PersonOf ignores claims of the wrong type and unusable
// email addresses, and fails without a subject.
func TestPersonOfReadsClaims(t *testing.T) {
	p := newIssuer(t, newClock())
	authenticate := authenticatorOf(t, gateway(p))
	domain := "@" + strings.Repeat("d", 63) + ".example"
	longest := strings.Repeat("n", 254-len(domain)) + domain
	for name, c := range map[string]struct {
		change func(map[string]any)
		want   func(identity.Principal) bool
	}{
		"no name":              {without("name"), func(p identity.Principal) bool { return p.Name == "Alice@Example.com" }},
		"a name that is none":  {set("name", 7), func(p identity.Principal) bool { return p.Name == "Alice@Example.com" }},
		"a blank name":         {set("name", " "), func(p identity.Principal) bool { return p.Name == "Alice@Example.com" }},
		"a preferred name":     {func(c map[string]any) { c["name"], c["preferred_username"] = "", "al" }, func(p identity.Principal) bool { return p.Name == "al" }},
		"name and preferred":   {set("preferred_username", "al"), func(p identity.Principal) bool { return p.Name == "Alice" }},
		"nothing but subject":  {func(c map[string]any) { delete(c, "name"); delete(c, "email") }, func(p identity.Principal) bool { return p.Name == "alice" }},
		"a long name":          {set("name", strings.Repeat("n", 300)), func(p identity.Principal) bool { return strings.Count(p.Name, "n") <= 200 && len(p.Name) >= 197 }},
		"the longest name":     {set("name", strings.Repeat("n", 200)), func(p identity.Principal) bool { return p.Name == strings.Repeat("n", 200) }},
		"the longest subject":  {set("sub", strings.Repeat("s", 255)), func(p identity.Principal) bool { return p.Subject == strings.Repeat("s", 255) }},
		"no groups":            {without("groups"), func(p identity.Principal) bool { return p.Groups == nil }},
		"groups of other kind": {set("groups", 7), func(p identity.Principal) bool { return p.Groups == nil }},
		"groups again":         {set("groups", []any{"b", "", "a", 7, "b", "other"}), func(p identity.Principal) bool { return slices.Equal(p.Groups, []string{"b", "a"}) }},
		"a text for verified":  {set("email_verified", "true"), func(p identity.Principal) bool { return p.Email == "alice@example.com" }},
		"not verified":         {set("email_verified", false), func(p identity.Principal) bool { return p.Email == "" }},
		"verified by no word":  {without("email_verified"), func(p identity.Principal) bool { return p.Email == "" }},
		"another verified":     {set("email_verified", 1), func(p identity.Principal) bool { return p.Email == "" }},
		"no email":             {without("email"), func(p identity.Principal) bool { return p.Email == "" }},
		"the longest email":    {set("email", longest), func(p identity.Principal) bool { return p.Email == longest }},
		"a longer email":       {set("email", "n"+longest), func(p identity.Principal) bool { return p.Email == "" }},
		"marks in an email":    {set("email", "!~@x"), func(p identity.Principal) bool { return p.Email == "!~@x" }},
	} {
		got, err := authenticate(withAssertion(p.with(c.change)))
		if err != nil || !c.want(got) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, bad := range []string{"", "alice", "@", "@x", "a@", "a@b@c", "a@@b", "a b@x", "a@x ", "a@x\x7f", "a@x\x1f", "ä@x", "a@x\n"} {
		if got, err := authenticate(withAssertion(p.with(set("email", bad)))); err != nil || got.Email != "" {
			t.Errorf("the address %q: %+v, %v", bad, got, err)
		}
	}
}
