package auth

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"backupportal/function/identity"
)

// ErrToken means that the token of a request is unknown, expired or malformed.
var ErrToken = errors.New("the token was not accepted")

// ErrAlgorithm means that the header of a token (JWT) names an algorithm that is not accepted,
// such as none. The error depends on that header only, so it reveals nothing about known
// issuers, keys or claims.
var ErrAlgorithm = errors.New("the algorithm of the token is not accepted")

// ErrIssuerUnavailable means that the keys of a token's issuer cannot be fetched, so the token
// cannot be checked. The sender can try again later.
var ErrIssuerUnavailable = errors.New("the issuer of the token does not answer")

// An Authenticator returns the sender of a request. Its error is [ErrSignedOut] if the request
// does not identify a sender, and another error if the identification is wrong or cannot be
// checked. It is safe for concurrent use.
type Authenticator = func(*http.Request) (identity.Principal, error)

// BearerTokens returns an [Authenticator] for the programs that use the API. It reads a bearer
// token from the header Authorization (RFC 6750, section 2.1) and never from the URL, because
// URLs are logged by other systems. The token is one of tokens, or a JWT of one of the
// pipelines in list.
//
// A request without the header, and a request outside /api/, is passed to next. A request with
// the header never is: a wrong token is an error even if the request also has a session.
// Errors: [ErrToken], [ErrAlgorithm], [ErrIssuerUnavailable], and the errors of next.
func BearerTokens(tokens []identity.Token, list []identity.Pipeline, now func() time.Time, next Authenticator) Authenticator {
	p := &pipelines{list: list, now: now, issuers: map[string]*provider{}}
	for _, one := range list {
		p.issuers[one.Issuer] = newProvider(one.Issuer, now)
	}
	return func(r *http.Request) (identity.Principal, error) {
		shown := r.Header.Values("Authorization")
		if len(shown) == 0 || !strings.HasPrefix(r.URL.Path, "/api/") {
			return next(r)
		}
		scheme, token, _ := strings.Cut(shown[0], " ")
		if len(shown) > 1 || !strings.EqualFold(scheme, "Bearer") {
			return identity.Principal{}, ErrToken
		}
		t, ok := identity.Known(tokens, token, now())
		if !ok && len(list) > 0 {
			return p.authenticate(r.Context(), token)
		}
		if !ok {
			return identity.Principal{}, ErrToken
		}
		return identity.Principal{Kind: identity.KindSource, Subject: t.Source, Name: t.Source, Key: t.ID}, nil
	}
}
