package auth

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"backupportal/function/identity"
)

// A pipelines authenticates CI pipelines by the JWT of their issuer. It is safe for concurrent use.
type pipelines struct {
	list []identity.Pipeline // in the order of the policy; the first match is used
	now  func() time.Time

	issuers map[string]*provider // by issuer name; separate, so that a slow issuer does not delay the others
}

// longestJWT is the longest accepted token, in bytes. It limits the work that a sender of garbage
// can cause.
const longestJWT = 8 << 10

// authenticate returns the first pipeline that the token matches: signed by its issuer, for its
// audience, not expired, with all of its claims. Errors: [ErrToken], [ErrAlgorithm] and
// [ErrIssuerUnavailable].
func (p *pipelines) authenticate(ctx context.Context, token string) (identity.Principal, error) {
	name, ok := claimedIssuer(token)
	if !ok {
		return identity.Principal{}, ErrToken
	}
	if !hasAcceptedAlgorithm(token) {
		return identity.Principal{}, ErrAlgorithm
	}
	for _, one := range p.list {
		if one.Issuer != name {
			continue
		}
		issuer := p.issuers[name]
		provider, err := issuer.discovered()
		if err != nil {
			return identity.Principal{}, ErrIssuerUnavailable
		}
		limited, stop := context.WithTimeout(issuer.context(ctx), providerTimeout)
		verified, err := provider.VerifierContext(limited, &oidc.Config{
			ClientID:             one.Audience,
			SupportedSigningAlgs: algorithms,
			Now:                  p.now,
		}).Verify(limited, token)
		stop()
		if keysUnavailable(err) {
			return identity.Principal{}, ErrIssuerUnavailable
		}
		if err == nil && hasClaims(one, verified) {
			return identity.Principal{
				Kind:    identity.KindSource,
				Subject: one.Name,
				Name:    one.Name,
				Key:     verified.Subject,
			}, nil
		}
	}
	return identity.Principal{}, ErrToken
}

// claimedIssuer returns the unverified issuer of a token, or false if the token is malformed or too
// long. The name only selects which configured issuer verifies the token; an issuer that the policy
// does not name is never contacted.
func claimedIssuer(token string) (name string, ok bool) {
	if len(token) > longestJWT {
		return "", false
	}
	claims, err := strict(token)
	if err != nil {
		return "", false
	}
	var issuer string
	return issuer, json.Unmarshal(claims["iss"], &issuer) == nil && issuer != ""
}

// hasClaims reports whether the token has a subject and every claim of the pipeline, each with a value
// that matches. A pipeline without claims matches no token.
func hasClaims(one identity.Pipeline, token *oidc.IDToken) bool {
	var content rawClaims
	if token.Claims(&content) != nil || token.Subject == "" || len(one.Claims) == 0 {
		return false
	}
	claims, err := decodeClaims(content)
	if err != nil {
		return false
	}
	for name, pattern := range one.Claims {
		value, _ := lookup(claims, name)
		if text, ok := claimText(value); !ok || !identity.MatchClaim(pattern, text) {
			return false
		}
	}
	return true
}

// claimText returns the text of a claim that is a string, a boolean ("true" or "false") or a number (as
// the token spells it). It returns false for every other claim.
func claimText(value any) (text string, ok bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	}
	return "", false
}
