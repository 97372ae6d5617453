package auth

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"backupportal/function/identity"
)

// ErrToken says that a request shows a token that is nobody's: unknown, expired,
// or not the form of one.
var ErrToken = errors.New("the token was not accepted")

// ErrIssuerUnavailable says that the issuer of a token cannot be asked for its keys.
var ErrIssuerUnavailable = errors.New("the issuer of the token does not answer")

// A Finder finds out who sent a request. Its error is [ErrSignedOut] if the request
// says nothing about that, and another one if what it says is not so.
type Finder = func(*http.Request) (identity.Principal, error)

// Machines knows programs by their tokens, or by what an issuer that the policy
// names says of them, in the header Authorization (RFC 6750,
// section 2.1) and nowhere else: what stands in an address is in the logs of
// others. It is for the API; whoever shows no token, and whoever asks for a page, is
// for next to find. A request that shows one is never taken for anybody else's.
func Machines(tokens []identity.Token, list []identity.Pipeline, now func() time.Time, next Finder) Finder {
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
			return p.who(r.Context(), token)
		}
		if !ok {
			return identity.Principal{}, ErrToken
		}
		return identity.Principal{Kind: identity.KindSource, Subject: t.Source, Name: t.Source, Key: t.ID}, nil
	}
}
