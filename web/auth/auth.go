// Package auth finds out who sent a request.
package auth

import (
	"errors"
	"net/http"

	"backupportal/function/identity"
)

// ErrSignedOut says that a request has nobody behind it.
var ErrSignedOut = errors.New("not signed in")

// Demo takes every request for the demo user's. It is for a portal on loopback
// that reaches nothing but an emulator.
func Demo(*http.Request) (identity.Principal, error) {
	return identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "demo", Name: "demo"}, nil
}

// Nobody takes every request for a stranger's: the pages of a portal that
// accepts only events.
func Nobody(*http.Request) (identity.Principal, error) {
	return identity.Principal{}, ErrSignedOut
}
