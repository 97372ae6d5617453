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

// An Assertion configures how a gateway in front of the portal identifies the sender of a request:
// a signed token (JWT) in a header. The signature is verified here; a header with a plain user name
// is never trusted.
type Assertion struct {
	Header           string                          // holds the token and nothing else
	Issuer, Audience string                          // the token must have exactly these
	JWKSURL          string                          // of the gateway's public keys; not used if JWKS is set
	JWKS             string                          // the public keys as a JSON Web Key Set (RFC 7517); empty means JWKSURL
	GroupsClaim      string                          // name or path of the claim with the person's groups
	Keep             func(issuer, group string) bool // reports whether the policy names the group; others are dropped
	Now              func() time.Time                // the clock that expiry is checked against
}

// ErrAssertion means that a request has an invalid assertion. It wraps [ErrSignedOut].
var ErrAssertion = fmt.Errorf("the gateway's assertion is not valid: %w", ErrSignedOut)

// Authenticator returns a function that verifies the assertion of a request and returns the person
// that it names. The function's errors are [ErrSignedOut] without exactly one header, [ErrAssertion],
// [ErrAlgorithm], and [ErrIssuerUnavailable] if the keys cannot be fetched. Authenticator itself fails
// only if JWKS is invalid; it fetches no keys before the first request. An error about a token is a
// [*CauseError].
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
			return identity.Principal{}, &CauseError{ErrAssertion, a.Issuer, "the header has no readable token"}
		}
		if !hasAcceptedAlgorithm(raw) {
			return identity.Principal{}, ErrAlgorithm
		}
		token, err := verifier.Verify(r.Context(), raw)
		if keysUnavailable(err) {
			return identity.Principal{}, &CauseError{ErrIssuerUnavailable, a.Issuer, tokenCause(err)}
		}
		if err != nil {
			return identity.Principal{}, &CauseError{ErrAssertion, a.Issuer, tokenCause(err)}
		}
		claims, err := claimsOf(token)
		if err != nil {
			return identity.Principal{}, &CauseError{ErrAssertion, a.Issuer, "the token has no usable subject (sub)"}
		}
		return personOf(token, claims, a.GroupsClaim, a.Keep).principal(), nil
	}, nil
}

// keysUnavailable reports whether a token could not be verified because its keys could not be
// fetched. go-oidc has no typed error for this, so the text of the error is searched.
func keysUnavailable(err error) bool {
	return err != nil && strings.Contains(err.Error(), "fetching keys ")
}

// publicKeys parses a JSON Web Key Set. A private or symmetric key in it is an error, because it
// must not be in a setting. No key is quoted in an error.
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

// algorithms are the accepted signature algorithms. What a provider's metadata lists is ignored, so
// that none, HS256 and weak algorithms are never accepted.
var algorithms = []string{oidc.RS256, oidc.ES256}

// hasAcceptedAlgorithm reports whether the header of a token, which strict has checked, names one of
// algorithms.
func hasAcceptedAlgorithm(token string) bool {
	part, _, _ := strings.Cut(token, ".")
	header, err := members(part)
	var name string
	return err == nil && json.Unmarshal(header["alg"], &name) == nil && slices.Contains(algorithms, name)
}

// claimsOf returns the claims of a verified token. It returns [ErrProvider] if the claims cannot be
// decoded, or if the subject is missing or longer than 255 bytes, which go-oidc does not check.
func claimsOf(token *oidc.IDToken) (map[string]any, error) {
	var content rawClaims
	if token.Claims(&content) != nil || token.Subject == "" || len(token.Subject) > 255 {
		return nil, ErrProvider
	}
	claims, err := decodeClaims(content)
	if err != nil {
		return nil, ErrProvider
	}
	return claims, nil
}

// personOf returns the person that claims describe, without the times and the id of a session. The claims
// are those of the verified token, and may have more from the userinfo endpoint. Claims of a wrong type
// are ignored (OpenID Connect Core 1.0, section 5.1). Some providers write email_verified as a string.
func personOf(
	token *oidc.IDToken, claims map[string]any, groupsClaim string, keep func(issuer, group string) bool,
) session {
	s := session{
		Issuer:      token.Issuer,
		Subject:     token.Subject,
		Name:        param.Clean(cmp.Or(firstText(claims, nameClaims...), token.Subject), longestName),
		GroupsClaim: groupsClaim,
	}
	value, ok := lookup(claims, groupsClaim)
	switch {
	case ok:
		s.Groups, s.GroupResult = groupsOf(value, func(group string) bool {
			return group != "" && keep(token.Issuer, group)
		})
	case leftOut(claims, groupsClaim):
		s.GroupResult = identity.GroupsOverage
	default:
		s.GroupResult = identity.GroupsMissing
	}
	verified := claims["email_verified"] == true || claims["email_verified"] == "true"
	if email, _ := claims["email"].(string); verified && plainEmail(email) {
		s.Email = strings.ToLower(email)
	}
	return s
}

// longestName is the length, in bytes, to which a person's name is cut.
const longestName = 200

// plainEmail reports whether s has one @ and only visible ASCII characters. A text with two
// addresses could be read as either (GHSA-c5c4-8r6x-56w3).
func plainEmail(s string) bool {
	name, domain, ok := strings.Cut(s, "@")
	return ok && name != "" && domain != "" && !strings.Contains(domain, "@") && len(s) <= 254 &&
		strings.IndexFunc(s, func(c rune) bool { return c <= 0x20 || c >= 0x7f }) < 0
}
