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

// An Assertion configures sign-in by a gateway in front of the portal. The gateway identifies
// the sender of each request with a signed token (JWT) in a header. The portal verifies the
// signature; it never trusts a header with a plain user name.
type Assertion struct {
	Header           string                          // holds the token and nothing else
	Issuer, Audience string                          // the token must have exactly these
	JWKSURL          string                          // URL of the gateway's public keys; not used if JWKS is set
	JWKS             string                          // the public keys as a JSON Web Key Set (RFC 7517); empty means JWKSURL
	GroupsClaim      string                          // name or path of the claim with the person's groups
	Keep             func(issuer, group string) bool // reports whether the policy names the group; others are dropped
	Now              func() time.Time                // the clock that expiry is checked against
}

// ErrAssertion means that the gateway's token in a request is invalid. It wraps [ErrSignedOut].
var ErrAssertion = fmt.Errorf("the gateway's assertion is not valid: %w", ErrSignedOut)

// Authenticator returns a function that verifies the gateway's token of a request and returns
// the person that it names. That function's errors are [ErrSignedOut] if there is not exactly
// one such header, [ErrAssertion], [ErrAlgorithm], and [ErrIssuerUnavailable] if the keys
// cannot be fetched. An error about a token is a [*CauseError].
//
// Authenticator itself fails only if JWKS is invalid. It fetches no keys before the first
// request.
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

// publicKeys parses a JSON Web Key Set. A private or symmetric key in it is an error, because a
// setting must not contain one. Errors never quote a key.
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

// algorithms are the accepted signature algorithms of tokens. The list in a provider's metadata
// is ignored, so that the algorithm none, HS256 and weak algorithms are never accepted.
var algorithms = []string{oidc.RS256, oidc.ES256}

// hasAcceptedAlgorithm reports whether the header of a token, which strict has checked, names
// one of algorithms.
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

// personOf returns the person that the claims of a verified token describe. Claims of the
// userinfo endpoint may have been added to them. The result has no session id and no times.
// Claims of a wrong type are ignored (OpenID Connect Core 1.0, section 5.1). Some providers
// send email_verified as a string.
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

// longestName is the maximum length of a person's name, in bytes. Longer names are cut.
const longestName = 200

// plainEmail reports whether s has exactly one @ and only visible ASCII characters. Without
// this check, a text with two addresses could be read as either of them (GHSA-c5c4-8r6x-56w3).
func plainEmail(s string) bool {
	name, domain, ok := strings.Cut(s, "@")
	return ok && name != "" && domain != "" && !strings.Contains(domain, "@") && len(s) <= 254 &&
		strings.IndexFunc(s, func(c rune) bool { return c <= 0x20 || c >= 0x7f }) < 0
}
