package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// An Assertion is how a gateway in front of the portal says who sent a
// request: a signed token (JWT) in a header, which is verified here. A header
// that only names somebody is never believed.
type Assertion struct {
	Header           string // that holds the token, and nothing else
	Issuer, Audience string // both must be right
	JWKSURL          string // where the gateway's public keys are
	JWKS             string // or the keys themselves, as a JSON Web Key Set
	GroupsClaim      string
	Keep             func(issuer, group string) bool
	Now              func() time.Time
}

// ErrAssertion says that a request has an assertion that is not right. It is an
// [ErrSignedOut], too.
var ErrAssertion = fmt.Errorf("the gateway's assertion is not right: %w", ErrSignedOut)

// Who returns a function that tells who sent a request, or that nobody is
// signed in: [ErrSignedOut] or [ErrAssertion]. It asks nobody for keys until it needs them.
func (a Assertion) Authenticator() (func(*http.Request) (identity.Principal, error), error) {
	var keys oidc.KeySet = oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), newClient(a.Now)), a.JWKSURL)
	if a.JWKS != "" {
		given, err := publicKeys(a.JWKS)
		if err != nil {
			return nil, err
		}
		keys = given
	}
	verifier := oidc.NewVerifier(a.Issuer, keys, &oidc.Config{
		ClientID:             a.Audience,
		SupportedSigningAlgs: algorithms,
		Now:                  a.Now,
	})
	return func(r *http.Request) (identity.Principal, error) {
		values := r.Header.Values(a.Header)
		if len(values) != 1 {
			return identity.Principal{}, ErrSignedOut
		}
		raw := strings.TrimPrefix(values[0], "Bearer ")
		if _, err := strict(raw); err != nil {
			return identity.Principal{}, ErrAssertion
		}
		token, err := verifier.Verify(r.Context(), raw)
		if away(err) {
			return identity.Principal{}, ErrIssuerUnavailable
		}
		if err != nil {
			return identity.Principal{}, ErrAssertion
		}
		s, err := personOf(token, a.GroupsClaim, a.Keep)
		if err != nil {
			return identity.Principal{}, ErrAssertion
		}
		return s.principal(), nil
	}, nil
}

// away reports whether a token could not be judged, because nobody gave the keys that
// it may be signed with. go-oidc says so in words only.
func away(err error) bool { return err != nil && strings.Contains(err.Error(), "fetching keys ") }

// publicKeys reads a key set. A secret in it is a mistake, and none of it is quoted.
func publicKeys(text string) (*oidc.StaticKeySet, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(text), &set); err != nil || len(set.Keys) == 0 {
		return nil, errors.New("not a JSON Web Key Set with at least one key")
	}
	var keys oidc.StaticKeySet
	for _, k := range set.Keys {
		if !k.Valid() || !k.IsPublic() {
			return nil, errors.New("the key set must hold public keys only")
		}
		keys.PublicKeys = append(keys.PublicKeys, k.Key)
	}
	return &keys, nil
}

// algorithms are those a token may be signed with, whatever a provider says.
var algorithms = []string{oidc.RS256, oidc.ES256}

// personOf reads whom a verified token is about. go-oidc does not ask for a
// subject. Claims that a policy does not need are left out if they are of
// another type than OpenID Connect Core 5.1 has them; some providers write
// email_verified as a text.
func personOf(token *oidc.IDToken, groupsClaim string, keep func(issuer, group string) bool) (session, error) {
	claims := map[string]any{}
	if token.Claims(&claims) != nil || token.Subject == "" || len(token.Subject) > 255 {
		return session{}, ErrProvider
	}
	name, _ := claims["name"].(string)
	s := session{
		Issuer:  token.Issuer,
		Subject: token.Subject,
		Name:    param.Clean(cmp.Or(name, token.Subject), longestName),
	}
	list, _ := claims[groupsClaim].([]any)
	for _, v := range list {
		if g, ok := v.(string); ok && g != "" && keep(token.Issuer, g) && !slices.Contains(s.Groups, g) {
			s.Groups = append(s.Groups, g)
		}
	}
	verified := claims["email_verified"] == true || claims["email_verified"] == "true"
	if email, _ := claims["email"].(string); verified && plainEmail(email) {
		s.Email = strings.ToLower(email)
	}
	return s, nil
}

// longestName is how much of a name is kept, in bytes.
const longestName = 200

// plainEmail reports whether s has one @ and visible ASCII only: what looks
// like two addresses is read as either (GHSA-c5c4-8r6x-56w3).
func plainEmail(s string) bool {
	name, domain, ok := strings.Cut(s, "@")
	return ok && name != "" && domain != "" && !strings.Contains(domain, "@") && len(s) <= 254 &&
		strings.IndexFunc(s, func(c rune) bool { return c <= 0x20 || c >= 0x7f }) < 0
}
