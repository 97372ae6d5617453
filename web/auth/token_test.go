package auth

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/identity"
)

// tokenChanges returns functions that change the JSON text of valid claims. After the change,
// two programs could read the claims differently, or a claim does not have the type that RFC
// 7519 requires.
func tokenChanges() map[string]func(claims string) string {
	add := func(members string) func(string) string {
		return func(claims string) string { return claims[:len(claims)-1] + "," + members + "}" }
	}
	change := func(old, new string) func(string) string {
		return func(claims string) string { return strings.Replace(claims, old, new, 1) }
	}
	exp, iat := testNow.Add(time.Hour).Unix(), testNow.Unix()
	changes := map[string]func(string) string{
		"Sub besides sub":          add(`"Sub":"mallory"`),
		"SUB before sub":           func(claims string) string { return `{"SUB":"mallory",` + claims[1:] },
		"Sub instead of sub":       change(`"sub"`, `"Sub"`),
		"a long s in sub":          add(`"ſub":"mallory"`),
		"Iss besides iss":          add(`"Iss":"https://other.example"`),
		"AUD instead of aud":       change(`"aud"`, `"AUD"`),
		"EXP besides exp":          add(fmt.Sprintf(`"EXP":%d`, exp+3600)),
		"Nonce besides nonce":      add(`"Nonce":"x"`),
		"Azp alone":                add(`"Azp":"portal"`),
		"sub twice":                add(`"sub":"mallory"`),
		"sub twice, escaped":       add(`"\u0073ub":"mallory"`),
		"sub twice, the same":      add(`"sub":"alice"`),
		"repository twice":         add(`"repository":"evil/b"`),
		"groups twice":             add(`"groups":["team-a"]`),
		"twice inside of a claim":  add(`"address":{"a":1,"a":2}`),
		"exp as text":              change(fmt.Sprint(exp), fmt.Sprintf(`"%d"`, exp)),
		"exp as a list":            change(fmt.Sprint(exp), fmt.Sprintf(`[%d]`, exp)),
		"exp null":                 change(fmt.Sprint(exp), `null`),
		"exp true":                 change(fmt.Sprint(exp), `true`),
		"exp beyond all calendars": change(fmt.Sprint(exp), `1e300`),
		"exp out of range":         change(fmt.Sprint(exp), `1e999`),
		"exp negative":             change(fmt.Sprint(exp), `-1`),
		"iat as text":              change(fmt.Sprintf(`"iat":%d`, iat), fmt.Sprintf(`"iat":"%d"`, iat)),
		"iat null":                 change(fmt.Sprintf(`"iat":%d`, iat), `"iat":null`),
		"nbf as text":              add(fmt.Sprintf(`"nbf":"%d"`, iat)),
		"nbf null":                 add(`"nbf":null`),
		"nbf beyond all calendars": add(`"nbf":1e300`),
		"not UTF-8":                add("\"x\":\"\xff\""),
		"more behind the claims":   func(claims string) string { return claims + "{}" },
		"a list":                   func(claims string) string { return "[" + claims + "]" },
	}
	return changes
}

// tokenReaders returns one function for each way in which the portal receives a token.
func tokenReaders(t *testing.T, p *issuerFixture) map[string]func() error {
	find := authenticatorOf(t, gateway(p))
	list := []identity.Pipeline{{Name: "deploy", Issuer: p.URL, Audience: "portal", Claims: map[string]string{"repository": "a/b"}}}
	authenticate := BearerTokens(nil, list, p.clock.Now, unexpectedNext(t))
	o := &OIDC{Issuer: p.URL, ClientID: "portal", PublicURL: &url.URL{Scheme: "https", Host: "portal.example"}, GroupsClaim: "groups", Keep: func(string, string) bool { return true }, Sessions: &Sessions{Now: p.clock.Now}}
	return map[string]func() error{
		"assertion":        func() error { _, err := find(withAssertion(p.issue())); return err },
		"pipeline's token": func() error { _, err := authenticate(withAuthorization("Bearer " + p.issue())); return err },
		"id token": func() error {
			_, err := o.redeem(t.Context(), login{Nonce: p.nonce, Verifier: "v"}, "code")
			return err
		},
	}
}

// TestTokensHaveExactNamesOnceAndTimesAsNumbers proves that a token that two programs could
// read differently is refused, even if its signature is valid. It tests the tokens of sign-ins,
// gateways and CI pipelines.
func TestTokensHaveExactNamesOnceAndTimesAsNumbers(t *testing.T) {
	p := newIssuer(t, newClock())
	p.nonce = "n"
	good := signedBy(jose.RS256, issuerRSA(), "rsa")
	for reader, read := range tokenReaders(t, p) {
		p.sign = good
		if err := read(); err != nil {
			t.Errorf("%s: a good token: %v", reader, err)
		}
		p.sign = func(claims []byte) string {
			return good([]byte(strings.Replace(string(claims), `"iat":`, `"Custom":1,"custom":2,"nbf":1.5,"iat":`, 1)))
		}
		if err := read(); err != nil {
			t.Errorf("%s: claims of the issuer's own: %v", reader, err)
		}
		for name, change := range tokenChanges() {
			p.sign = func(claims []byte) string {
				changed := change(string(claims))
				if changed == string(claims) {
					t.Errorf("%s changes nothing", name)
				}
				return good([]byte(changed))
			}
			if err := read(); err == nil || err == ErrIssuerUnavailable {
				t.Errorf("%s: %s: %v", reader, name, err)
			}
		}
		for name, header := range map[string]string{
			"alg twice":  `{"alg":"RS256","kid":"rsa","alg":"RS256"}`,
			"kid twice":  `{"alg":"RS256","kid":"ec","kid":"rsa"}`,
			"Alg alone":  `{"Alg":"RS256","kid":"rsa"}`,
			"KID beside": `{"alg":"RS256","kid":"rsa","KID":"ec"}`,
			"twice deep": `{"alg":"RS256","kid":"rsa","x":{"a":1,"a":1}}`,
		} {
			p.sign = func(claims []byte) string { return signedWithHeader(header, claims) }
			if err := read(); err == nil || err == ErrIssuerUnavailable {
				t.Errorf("%s: a header with %s: %v", reader, name, err)
			}
		}
		p.sign = func(claims []byte) string { return signedWithHeader(`{"alg":"RS256","kid":"rsa"}`, claims) }
		if err := read(); err != nil {
			t.Errorf("%s: a header of our own: %v", reader, err)
		}
	}
}

// signedWithHeader signs with the issuer's RSA key, for any content of the header.
func signedWithHeader(header string, claims []byte) string {
	text := encoded(header) + "." + encoded(string(claims))
	sum := sha256.Sum256([]byte(text))
	return text + "." + encoded(string(must(rsa.SignPKCS1v15(nil, issuerRSA(), crypto.SHA256, sum[:]))))
}

// FuzzStrict proves that strict does not panic for any text, and that it accepts only
// unambiguous tokens.
func FuzzStrict(f *testing.F) {
	f.Add(`{"alg":"RS256"}`, `{"iss":"x","exp":1}`)
	f.Add(`{}`, `{"exp":"1"}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		got, err := strict(encoded(header) + "." + encoded(claims) + ".c2ln")
		if (err == nil) != (got != nil) {
			t.Errorf("%v, %v", got, err)
		}
	})
}
