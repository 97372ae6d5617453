package auth

import (
	"context"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"backupportal/function/jsontext"
)

// nameClaims are the claims that may name a person on pages, in the order of preference.
var nameClaims = []string{"name", "preferred_username", "email"}

// isIncomplete reports whether a claim that the portal uses is missing in the ID token. A provider may send
// such claims only at its userinfo endpoint (OpenID Connect Core 1.0, section 5.4).
func (o *OIDC) isIncomplete(claims map[string]any) bool {
	_, hasGroups := lookup(claims, o.GroupsClaim)
	_, hasEmail := claims["email"]
	_, isVerified := claims["email_verified"]
	return !hasGroups || !hasEmail || !isVerified || firstText(claims, nameClaims...) == ""
}

// complete adds missing claims from the userinfo endpoint to the claims of the ID token. It
// asks once, and only if a claim is missing and the provider has such an endpoint. It returns false if the
// endpoint gave no usable answer, or the answer for another person; the claims then stay as they are.
func (o *OIDC) complete(ctx context.Context, p *oidc.Provider, tokens *oauth2.Token, claims map[string]any) (ok bool) {
	if !o.isIncomplete(claims) || p.UserInfoEndpoint() == "" {
		return true
	}
	if !o.isSafe(p.UserInfoEndpoint()) {
		return false
	}
	answer, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return false
	}
	var content rawClaims
	if answer.Claims(&content) != nil || jsontext.Unique(content) != nil {
		return false
	}
	info, err := decodeClaims(content)
	if err != nil || info["sub"] != claims["sub"] {
		return false
	}
	if _, known := lookup(claims, o.GroupsClaim); !known {
		if groups, found := lookup(info, o.GroupsClaim); found {
			claims[o.GroupsClaim] = groups
		}
	}
	if firstText(claims, "name", "preferred_username") == "" {
		claims["name"] = firstText(info, "name", "preferred_username")
	}
	_, hasEmail := claims["email"]
	if _, isVerified := claims["email_verified"]; !hasEmail || !isVerified {
		if email, found := info["email"]; found { // both, because the second is about the first
			claims["email"], claims["email_verified"] = email, info["email_verified"]
		}
	}
	return true
}

// isSafe reports whether an access token may be sent to an endpoint that the provider publishes: the
// address has a host, no user, and the scheme of the issuer.
func (o *OIDC) isSafe(endpoint string) bool {
	issuer, err := url.Parse(o.Issuer)
	if err != nil {
		return false
	}
	u, err := url.Parse(endpoint)
	return err == nil && u.Host != "" && u.User == nil && u.Scheme == issuer.Scheme
}
