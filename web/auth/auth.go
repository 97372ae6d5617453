// Package auth finds the sender of an HTTP request.
//
// An [Authenticator] reads a request and returns its principal. There is one for each AUTH_MODE of
// function/app. [BearerTokens] checks the tokens of programs first:
//
//	mode    source                  principal
//	oidc    [Sessions.Authenticate] the person in the sealed session cookie
//	jwt     [Assertion]             the person in the gateway's signed header
//	demo    [Demo]                  one fixed person, for loopback only
//	events  [EventsOnly]            always [ErrSignedOut]
//	API     [BearerTokens]          a program with a token in Authorization
//
// [OIDC] signs people in at an OpenID provider and starts their session.
package auth

import (
	"errors"
	"net/http"

	"backupportal/function/identity"
)

// A Mode is a value of AUTH_MODE: how the portal identifies people.
type Mode string

// The modes.
const (
	ModeDemo   Mode = "demo"   // every request comes from one user
	ModeOIDC   Mode = "oidc"   // people sign in at an OpenID provider
	ModeJWT    Mode = "jwt"    // a gateway signs people in and adds an assertion
	ModeEvents Mode = "events" // no people: events, and programs with a token
)

// Modes lists all modes.
var Modes = []Mode{ModeDemo, ModeOIDC, ModeJWT, ModeEvents}

// ErrSignedOut means that nothing in a request says who sent it: it has no session or token.
var ErrSignedOut = errors.New("not signed in")

// Demo returns an Authenticator that gives every request the same demo user. It checks nothing,
// so use it only if the portal listens on loopback, or can reach only an emulator of the cloud.
func Demo(*http.Request) (identity.Principal, error) {
	return identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "demo", Name: "demo"}, nil
}

// EventsOnly returns an Authenticator that returns [ErrSignedOut] for every request. It is for
// a portal that accepts events of the platform and has no users.
func EventsOnly(*http.Request) (identity.Principal, error) {
	return identity.Principal{}, ErrSignedOut
}
