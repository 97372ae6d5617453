package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"backupportal/function/secret"
)

// What keeps somebody from signing in. The provider's own words are in none of them.
var (
	ErrLogin    = errors.New("this sign-in was not begun here, or is over")
	ErrRefused  = errors.New("the identity provider refused the sign-in")
	ErrProvider = errors.New("the identity provider gave no usable answer")
	ErrTooLarge = errors.New("the session is too large for a cookie")
)

// CallbackPath is where the provider sends people back to.
const CallbackPath = "/auth/callback"

// OIDC signs people in at an OpenID provider: authorization code with PKCE.
type OIDC struct {
	Issuer       string // exactly as the provider spells it
	ClientID     string
	ClientSecret secret.String
	PublicURL    *url.URL // the portal's origin
	Scopes       []string // "openid" among them
	GroupsClaim  string   // the ID token's claim that lists groups
	NoNonce      bool     // the provider does not repeat the nonce in its tokens; one that does must still be right
	Keep         func(issuer, group string) bool
	Sessions     *Sessions

	once     sync.Once
	provider *provider // made at the first use
}

// A login is the content of the cookie that ties a callback to its browser.
type login struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Next     string `json:"x"`
	Expires  int64  `json:"e"`
}

// discovered returns what the provider says about itself. The only error is
// [ErrProvider].
func (o *OIDC) discovered() (*oidc.Provider, error) {
	o.once.Do(func() { o.provider = newProvider(o.Issuer, o.Sessions.Now) })
	found, err := o.provider.discovered()
	if err != nil {
		return nil, ErrProvider
	}
	return found, nil
}

// EndSession is where people end their session at the provider itself (OpenID
// Connect RP-Initiated Logout 1.0), or empty if the provider names no such address
// or cannot be asked.
func (o *OIDC) EndSession() string {
	p, err := o.discovered()
	if err != nil {
		return ""
	}
	var published struct {
		EndSession string `json:"end_session_endpoint"`
	}
	issuer, err := url.Parse(o.Issuer)
	if err != nil || p.Claims(&published) != nil {
		return ""
	}
	u, err := url.Parse(published.EndSession)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != issuer.Scheme {
		return ""
	}
	q := u.Query()
	q.Set("client_id", o.ClientID)
	u.RawQuery = q.Encode()
	return u.String()
}

func (o *OIDC) client(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Endpoint: p.Endpoint(),
		RedirectURL: o.PublicURL.JoinPath(CallbackPath).String(), Scopes: o.Scopes,
	}
}

// Login sends a browser to the provider. The caller has checked that next is a
// page of the portal: that is where the callback leads.
func (o *OIDC) Login(w http.ResponseWriter, r *http.Request, next string) error {
	p, err := o.discovered()
	if err != nil {
		return err
	}
	s := o.Sessions
	l := login{
		State:    s.NewID(),
		Nonce:    s.NewID(),
		Verifier: oauth2.GenerateVerifier(),
		Next:     next,
		Expires:  s.Now().Add(loginAge).Unix(),
	}
	value, err := sealed(s.login, l)
	if err != nil {
		return err
	}
	s.set(w, s.loginName(), value, loginAge)
	to := o.client(p).AuthCodeURL(l.State, oidc.Nonce(l.Nonce), oauth2.S256ChallengeOption(l.Verifier))
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// Callback takes what the provider sent a browser back with, begins a session
// and returns where to go. A failure leaves any session as it was: a link to
// the callback must not sign anybody out.
//
// Before the provider is asked, spend says whether the sign-in called transaction may
// still do so: [ErrLogin] if it has, and any other error leaves the sign-in as it was.
// Nothing is asked, and spend is not called, for a callback without the login cookie.
func (o *OIDC) Callback(
	w http.ResponseWriter, r *http.Request, spend func(transaction string) error,
) (next string, err error) {
	s, keep := o.Sessions, false
	defer func() {
		if err != nil && !keep {
			s.set(w, s.loginName(), "", -time.Second)
		}
	}()
	l, code, err := o.returned(r)
	if err != nil {
		return "", err
	}
	if err := spend(l.State); err != nil {
		keep = !errors.Is(err, ErrLogin)
		return "", err
	}
	c, err := o.redeem(r.Context(), l, code)
	if err != nil {
		return "", err
	}
	return l.Next, s.begin(r.Context(), w, c)
}

// returned checks that the callback belongs to the login that this browser began.
func (o *OIDC) returned(r *http.Request) (l login, code string, err error) {
	s := o.Sessions
	if !s.opened(r, s.loginName(), s.login, &l) || !s.Now().Before(time.Unix(l.Expires, 0)) {
		return l, "", ErrLogin
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return l, "", ErrLogin
	}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(q[name]) > 1 {
			return l, "", ErrLogin
		}
	}
	if !equal(q.Get("state"), l.State) {
		return l, "", ErrLogin
	}
	if q.Has("iss") && q.Get("iss") != o.Issuer { // RFC 9207
		return l, "", ErrLogin
	}
	if q.Has("error") {
		return l, "", ErrRefused
	}
	if q.Get("code") == "" {
		return l, "", ErrLogin
	}
	return l, q.Get("code"), nil
}

// equal compares in constant time; the empty text equals nothing.
func equal(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// redeem exchanges code for an ID token, and believes it only if everything
// about it is right.
func (o *OIDC) redeem(ctx context.Context, l login, code string) (session, error) {
	p, err := o.discovered()
	if err != nil {
		return session{}, err
	}
	ctx, stop := context.WithTimeout(o.provider.context(ctx), providerPatience)
	defer stop()
	tokens, err := o.client(p).Exchange(ctx, code, oauth2.VerifierOption(l.Verifier))
	if err != nil {
		return session{}, ErrProvider // err quotes the provider's answer
	}
	raw, _ := tokens.Extra("id_token").(string)
	if _, err := strict(raw); err != nil {
		return session{}, ErrProvider
	}
	token, err := p.VerifierContext(ctx, &oidc.Config{
		ClientID: o.ClientID, SupportedSigningAlgs: algorithms, Now: o.Sessions.Now,
	}).Verify(ctx, raw)
	if err != nil {
		return session{}, ErrProvider
	}
	return o.believed(token, l.Nonce)
}

// believed checks what go-oidc leaves to its caller: the nonce, and for whom a
// token of several audiences was made.
func (o *OIDC) believed(token *oidc.IDToken, nonce string) (session, error) {
	var c struct {
		AuthorizedParty string `json:"azp"`
	}
	unsaid := token.Nonce == "" && o.NoNonce
	switch {
	case token.Claims(&c) != nil,
		!unsaid && !equal(token.Nonce, nonce),
		len(token.Audience) > 1 && c.AuthorizedParty == "",
		c.AuthorizedParty != "" && c.AuthorizedParty != o.ClientID:
		return session{}, ErrProvider
	}
	return personOf(token, o.GroupsClaim, o.Keep)
}
