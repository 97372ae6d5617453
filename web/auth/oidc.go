package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"backupportal/function/identity"
	"backupportal/function/secret"
)

// Errors of a sign-in. None contains text that the provider sent. An error about the provider
// is a [*CauseError].
var (
	// ErrLogin means one of three things: this browser has started no sign-in, the sign-in has
	// expired, or the provider's redirect does not belong to it.
	ErrLogin = errors.New("this sign-in was not started here or has expired")
	// ErrRefused means that the provider returned an error, for example after the person cancelled.
	ErrRefused = errors.New("the identity provider refused the sign-in")
	// ErrProvider means that the provider cannot be reached, or that its answer or token is
	// invalid.
	ErrProvider = errors.New("the identity provider gave no usable answer")
	// ErrProviderAlgorithm means that the ID token is signed with an algorithm that is not
	// accepted. It wraps ErrProvider.
	ErrProviderAlgorithm = fmt.Errorf("the identity provider signs with another algorithm: %w", ErrProvider)
	// ErrTooLarge means that the person is in too many groups, or that the page's address is
	// too long.
	ErrTooLarge = errors.New("the session is too large for a cookie")
)

// CallbackPath is the path to which the provider sends the browser after a sign-in. It must be
// registered there.
const CallbackPath = "/auth/callback"

// OIDC signs people in at an OpenID provider with the authorization code flow and PKCE (OpenID
// Connect Core 1.0, RFC 7636, RFC 9700). All fields are required unless they say otherwise. It is
// safe for concurrent use.
type OIDC struct {
	Issuer       string // exactly as the provider spells it
	ClientID     string // the client id that the provider has registered
	ClientSecret secret.String
	PublicURL    *url.URL                        // the portal's origin; CallbackPath is appended
	Scopes       []string                        // must contain "openid"
	GroupsClaim  string                          // name or path of the claim with the person's groups
	NoNonce      bool                            // accept an ID token without a nonce; a nonce that is present must still match
	Keep         func(issuer, group string) bool // reports whether the policy names the group; others are dropped
	Sessions     *Sessions                       // start after a successful sign-in

	once     sync.Once
	provider *provider // made at the first use
}

// A login is the content of the login cookie. It proves that the provider's redirect (callback)
// returns to the browser that started the sign-in. Expires is in seconds since 1970.
type login struct {
	State    string `json:"s"`
	Nonce    string `json:"n"` // must be in the ID token
	Verifier string `json:"v"` // code verifier of PKCE
	Next     string `json:"x"` // the page to show after the sign-in
	Expires  int64  `json:"e"`
}

// discovered returns the provider's metadata. The only error is [ErrProvider].
func (o *OIDC) discovered() (*oidc.Provider, error) {
	o.once.Do(func() { o.provider = newProvider(o.Issuer, o.Sessions.Now) })
	return o.provider.discovered(ErrProvider)
}

// failed returns err as a [*CauseError] with the given cause.
func (o *OIDC) failed(err error, cause string) error { return &CauseError{err, o.Issuer, cause} }

// EndSession returns the address where a person can end the session at the provider (OpenID
// Connect RP-Initiated Logout 1.0). It returns "" if the provider publishes no such address or
// an unsafe one, or cannot be reached.
func (o *OIDC) EndSession() string {
	p, err := o.discovered()
	if err != nil {
		return ""
	}
	var published struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if p.Claims(&published) != nil {
		return ""
	}
	if !o.isSafe(published.EndSession) {
		return ""
	}
	u, err := url.Parse(published.EndSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", o.ClientID)
	u.RawQuery = q.Encode()
	return u.String()
}

// client returns the OAuth client of the portal at p.
func (o *OIDC) client(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Endpoint: p.Endpoint(),
		RedirectURL: o.PublicURL.JoinPath(CallbackPath).String(), Scopes: o.Scopes,
	}
}

// Login redirects a browser to the provider to sign in. The later callback returns next, the
// page to show then; the caller must have checked that it is a page of the portal. Errors:
// [ErrProvider], and [ErrTooLarge] if next is too long.
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

// Callback handles the redirect from the provider back to the portal: it checks the redirect,
// exchanges the code for a token, starts a session and returns the page to show next. Errors:
// [ErrLogin], [ErrRefused], [ErrProvider], [ErrProviderAlgorithm], [ErrTooLarge], and the
// errors of spend and [Sessions.Begun]. If it fails, an existing session stays valid, so that a
// link to the callback cannot sign people out.
//
// Before Callback calls the provider, it calls spend with the id of the sign-in (transaction).
// spend must return [ErrLogin] if the sign-in was used before. After any other error the
// sign-in can be repeated. Without a valid login cookie, neither spend nor the provider is
// called.
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

// returned checks that the callback belongs to the sign-in that this browser started, and
// returns the authorization code in it. It refuses a repeated query parameter, because it would
// be unclear which value counts.
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
		return l, "", o.failed(ErrRefused, refusalCause(q.Get("error")))
	}
	if q.Get("code") == "" {
		return l, "", ErrLogin
	}
	return l, q.Get("code"), nil
}

// equal reports whether two texts are equal, in constant time. It is false if one is empty.
func equal(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// redeem exchanges an authorization code for an ID token and returns the person that the
// verified token describes. If the token lacks claims, those of the userinfo endpoint are
// added. Errors: [ErrProvider] and [ErrProviderAlgorithm].
func (o *OIDC) redeem(ctx context.Context, l login, code string) (session, error) {
	p, err := o.discovered()
	if err != nil {
		return session{}, err
	}
	ctx, stop := context.WithTimeout(o.provider.context(ctx), providerTimeout)
	defer stop()
	tokens, err := o.client(p).Exchange(ctx, code, oauth2.VerifierOption(l.Verifier))
	if err != nil {
		return session{}, o.failed(ErrProvider, exchangeCause(err)) // err quotes the provider's answer
	}
	raw, _ := tokens.Extra("id_token").(string)
	if _, err := strict(raw); err != nil {
		return session{}, o.failed(ErrProvider, "the answer of its token endpoint has no readable ID token")
	}
	if !hasAcceptedAlgorithm(raw) {
		return session{}, o.failed(ErrProviderAlgorithm, "the ID token names another algorithm (alg) than RS256 and ES256")
	}
	token, err := p.VerifierContext(ctx, &oidc.Config{
		ClientID: o.ClientID, SupportedSigningAlgs: algorithms, Now: o.Sessions.Now,
	}).Verify(ctx, raw)
	if err != nil {
		return session{}, o.failed(ErrProvider, tokenCause(err))
	}
	if err := o.check(token, l.Nonce); err != nil {
		return session{}, err
	}
	claims, err := claimsOf(token)
	if err != nil {
		return session{}, o.failed(err, "the ID token has no usable subject (sub)")
	}
	complete := o.complete(ctx, p, tokens, claims)
	c := personOf(token, claims, o.GroupsClaim, o.Keep)
	if !complete && c.GroupResult == identity.GroupsMissing {
		c.GroupResult = identity.GroupsUnanswered
	}
	return c, nil
}

// check checks the nonce and the authorized party of a token, because go-oidc does not check
// them (OpenID Connect Core 1.0, section 3.1.3.7). Its only error is [ErrProvider].
func (o *OIDC) check(token *oidc.IDToken, nonce string) error {
	var c struct {
		AuthorizedParty string `json:"azp"`
	}
	switch {
	case token.Claims(&c) != nil:
		return o.failed(ErrProvider, "the ID token has a claim azp that is no text")
	case token.Nonce == "" && !o.NoNonce:
		return o.failed(ErrProvider, "the ID token has no nonce (OIDC_NONCE=off accepts this)")
	case token.Nonce != "" && !equal(token.Nonce, nonce):
		return o.failed(ErrProvider, "the ID token has the nonce of another sign-in")
	case len(token.Audience) > 1 && c.AuthorizedParty == "":
		return o.failed(ErrProvider, "the ID token has several audiences (aud) and no authorized party (azp)")
	case c.AuthorizedParty != "" && c.AuthorizedParty != o.ClientID:
		return o.failed(ErrProvider, "the ID token is for another authorized party (azp) than OIDC_CLIENT_ID")
	}
	return nil
}
