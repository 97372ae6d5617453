package auth

import (
	"context"
	"encoding/json"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"backupportal/function/identity"
)

// pipelines knows programs by what an issuer says of them.
type pipelines struct {
	list []identity.Pipeline
	now  func() time.Time

	issuers map[string]*provider // by name: one that is slow does not delay the others
}

// longestJWT is how long a token may be: more is none of an issuer that we know.
const longestJWT = 8 << 10

// who finds the first pipeline that the token fits: signed by its issuer, for its
// audience, good now, and with all of its claims.
func (p *pipelines) who(ctx context.Context, token string) (identity.Principal, error) {
	name, ok := claimedIssuer(token)
	if !ok {
		return identity.Principal{}, ErrToken
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
		limited, stop := context.WithTimeout(issuer.context(ctx), providerPatience)
		verified, err := provider.VerifierContext(limited, &oidc.Config{
			ClientID:             one.Audience,
			SupportedSigningAlgs: algorithms,
			Now:                  p.now,
		}).Verify(limited, token)
		stop()
		if away(err) {
			return identity.Principal{}, ErrIssuerUnavailable
		}
		if err == nil && fits(one, verified) {
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

// claimedIssuer is whose token it claims to be. Nothing follows from it but whom to
// ask, and only those are asked whom the policy names.
func claimedIssuer(token string) (string, bool) {
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

// fits reports whether the token has all claims of the pipeline, as texts.
func fits(one identity.Pipeline, token *oidc.IDToken) bool {
	var claims map[string]any
	if token.Claims(&claims) != nil || token.Subject == "" || len(one.Claims) == 0 {
		return false
	}
	for name, want := range one.Claims {
		if got, ok := claims[name].(string); !ok || got != want {
			return false
		}
	}
	return true
}
