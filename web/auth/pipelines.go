package auth

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"backupportal/function/identity"
)

// A pipelines authenticates CI pipelines by the token (JWT) that their CI service issued. It is
// safe for concurrent use.
type pipelines struct {
	list []identity.Pipeline // in the order of the policy; the first match is used
	now  func() time.Time

	issuers map[string]*provider // by issuer name; separate, so that a slow issuer does not delay the others
}

// longestJWT is the maximum length of an accepted token, in bytes. It limits the work that an
// invalid token can cause.
const longestJWT = 8 << 10

// A MismatchError means that a token is correctly signed by a known issuer, but has the claims
// of no configured pipeline. It wraps [ErrToken]. Its fields are for the log and are not shown
// to the sender.
type MismatchError struct {
	Issuer  string
	Subject string   // the claim sub of the token
	Differ  []string // for each pipeline of this issuer and audience: its name, ": ", and the first claim that differs
}

// Error returns the text of [ErrToken].
func (e *MismatchError) Error() string { return ErrToken.Error() }

// Unwrap returns [ErrToken].
func (e *MismatchError) Unwrap() error { return ErrToken }

// authenticate returns the first configured pipeline whose conditions the token meets: its
// issuer has signed the token, the audience is right, it has not expired, and it has all claims
// of the pipeline. Errors: [*MismatchError], [ErrToken], [ErrAlgorithm] and
// [ErrIssuerUnavailable]. An error about a known issuer is a [*CauseError].
func (p *pipelines) authenticate(ctx context.Context, token string) (identity.Principal, error) {
	name, ok := claimedIssuer(token)
	if !ok {
		return identity.Principal{}, ErrToken
	}
	if !hasAcceptedAlgorithm(token) {
		return identity.Principal{}, ErrAlgorithm
	}
	mismatch := &MismatchError{Issuer: name}
	invalid := ErrToken // without a pipeline of this issuer
	for _, one := range p.list {
		if one.Issuer != name {
			continue
		}
		issuer := p.issuers[name]
		provider, err := issuer.discovered(ErrIssuerUnavailable)
		if err != nil {
			return identity.Principal{}, err
		}
		limited, stop := context.WithTimeout(issuer.context(ctx), providerTimeout)
		verified, err := provider.VerifierContext(limited, &oidc.Config{
			ClientID:             one.Audience,
			SupportedSigningAlgs: algorithms,
			Now:                  p.now,
		}).Verify(limited, token)
		stop()
		if keysUnavailable(err) {
			return identity.Principal{}, &CauseError{ErrIssuerUnavailable, name, tokenCause(err)}
		}
		if err != nil {
			invalid = &CauseError{ErrToken, name, tokenCause(err)}
			continue
		}
		claim := differingClaim(one, verified)
		if claim != "" {
			mismatch.Subject = verified.Subject
			mismatch.Differ = append(mismatch.Differ, one.Name+": "+claim)
			continue
		}
		return identity.Principal{
			Kind:    identity.KindSource,
			Subject: one.Name,
			Name:    one.Name,
			Key:     verified.Subject,
		}, nil
	}
	if mismatch.Differ != nil {
		return identity.Principal{}, mismatch
	}
	return identity.Principal{}, invalid
}

// claimedIssuer returns the issuer that a token names, before the token is verified. It returns
// false if the token is malformed or too long. The name only selects one of the configured
// issuers; the portal never contacts an issuer that the policy does not name.
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

// differingClaim returns the name of the first required claim, in alphabetical order, that the
// token does not have or has with another value. It returns "sub" for a token without a
// subject, and "" if nothing differs. A pipeline that requires no claims accepts no token.
func differingClaim(one identity.Pipeline, token *oidc.IDToken) string {
	var content rawClaims
	if token.Claims(&content) != nil || token.Subject == "" || len(one.Claims) == 0 {
		return "sub"
	}
	claims, err := decodeClaims(content)
	if err != nil {
		return "sub"
	}
	for _, name := range slices.Sorted(maps.Keys(one.Claims)) {
		value, _ := lookup(claims, name)
		if text, ok := claimText(value); !ok || !identity.MatchClaim(one.Claims[name], text) {
			return name
		}
	}
	return ""
}

// claimText returns the text of a claim that is a string, a boolean ("true" or "false") or a
// number (as the token spells it). It returns false for every other claim.
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
