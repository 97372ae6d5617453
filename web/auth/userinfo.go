package auth

import (
	"context"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"backupportal/function/jsontext"
)

// nameClaims are the claims that can have a person's name for pages, the preferred one first.
var nameClaims = []string{"name", "preferred_username", "email"}

// isIncomplete reports whether the ID token lacks a claim that the portal uses. A provider may
// send such claims only at its userinfo endpoint (OpenID Connect Core 1.0, section 5.4).
func (o *OIDC) isIncomplete(claims map[string]any) bool {
	_, hasGroups := lookup(claims, o.GroupsClaim)
	_, hasEmail := claims["email"]
	_, isVerified := claims["email_verified"]
	return !hasGroups || !hasEmail || !isVerified || firstText(claims, nameClaims...) == ""
}

// complete adds to the claims of an ID token the missing ones from the userinfo endpoint. It
// calls the endpoint once, only if a claim is missing and the provider has an endpoint. If the
// answer cannot be used or is about another person, it changes nothing and returns false.
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

// isSafe reports whether the portal may send an access token to an address that the provider
// publishes: it must have a host, no user name, and the scheme of the issuer.
func (o *OIDC) isSafe(endpoint string) bool {
	issuer, err := url.Parse(o.Issuer)
	if err != nil {
		return false
	}
	u, err := url.Parse(endpoint)
	return err == nil && u.Host != "" && u.User == nil && u.Scheme == issuer.Scheme
}
