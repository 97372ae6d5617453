package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"backupportal/function/identity"
)

// Limits of sessions and their cookies. Function Compute accepts 8 KB for all headers of a request
// together.
const (
	sessionAge  = 8 * time.Hour    // from sign-in to the end, also if the session is in use
	sessionIdle = time.Hour        // a session ends after this time without a request
	sessionSeen = 5 * time.Minute  // resolution of the time of the last request
	loginAge    = 10 * time.Minute // maximum time from the start of a sign-in to its callback
	formAge     = 24 * time.Hour   // lifetime of the token in a form
	maxCookie   = 3600             // maximum size of a cookie, in characters
)

// Sessions manages sign-in sessions. A session is stored in a sealed cookie of the browser; the
// database stores only the ids of ended sessions. Use [NewSessions] and then set the exported
// fields, which are required unless they say otherwise. It is safe for concurrent use.
type Sessions struct {
	Now     func() time.Time                                            // wall clock
	NewID   func() string                                               // returns a new unguessable id
	Revoked func(ctx context.Context, id string) (bool, error)          // reports whether the session was ended
	Revoke  func(ctx context.Context, id string, until time.Time) error // ends a session, which would expire at until
	Secure  bool                                                        // the portal is reached by HTTPS

	Begun   func(ctx context.Context, p identity.Principal) error // called before a session starts; an error prevents it; nil means no call
	Ended   func(ctx context.Context, p identity.Principal)       // called after a session was ended; nil means no call
	login   *sealer
	session *sealer
	form    *sealer
}

// NewSessions returns sessions whose cookies are sealed with keys. The caller sets the exported
// fields. It fails if keys is empty or a key does not have 32 bytes.
func NewSessions(keys Keys) (*Sessions, error) {
	login, err := newSealer(keys, loginPurpose)
	if err != nil {
		return nil, err
	}
	session, err := newSealer(keys, sessionPurpose)
	if err != nil {
		return nil, err
	}
	form, err := newSealer(keys, formPurpose)
	if err != nil {
		return nil, err
	}
	return &Sessions{login: login, session: session, form: form}, nil
}

// A session is the content of a session cookie. Times are in seconds since 1970. The member names
// are short because the cookie is limited to maxCookie characters.
type session struct {
	ID       string   `json:"i"`
	Issuer   string   `json:"iss"`
	Subject  string   `json:"u"`
	Name     string   `json:"n,omitempty"`
	Email    string   `json:"m,omitempty"`
	Groups   []string `json:"g,omitempty"`
	SignedIn int64    `json:"a"`
	LastSeen int64    `json:"l"`
	Expires  int64    `json:"e"`

	GroupsClaim string               `json:"c,omitempty"`
	GroupResult identity.GroupResult `json:"r,omitempty"`
}

// principal returns the person who has signed in to this session.
func (c session) principal() identity.Principal {
	return identity.Principal{
		Kind:    identity.KindHuman,
		Issuer:  c.Issuer,
		Subject: c.Subject,
		Name:    c.Name,
		Email:   c.Email,
		Groups:  c.Groups,
		Key:     c.ID,
		Lookup:  identity.GroupLookup{Claim: c.GroupsClaim, Result: c.GroupResult},
	}
}

// Authenticate returns the person of r's session. It returns [ErrSignedOut] if there is no
// session, or it has expired or was ended. If the store cannot say whether it was ended, it
// returns the error of Revoked. It implements [Authenticator].
func (s *Sessions) Authenticate(r *http.Request) (identity.Principal, error) {
	c, err := s.read(r)
	if err != nil {
		return identity.Principal{}, err
	}
	return c.principal(), nil
}

// read returns the valid session of r. Its errors are those of Authenticate.
func (s *Sessions) read(r *http.Request) (session, error) {
	var c session
	if !s.opened(r, s.sessionName(), s.session, &c) {
		return c, ErrSignedOut
	}
	now := s.Now()
	ended := !now.Before(time.Unix(c.Expires, 0)) || now.Sub(time.Unix(c.LastSeen, 0)) >= sessionIdle
	if c.ID == "" || c.Issuer == "" || c.Subject == "" || ended {
		return c, ErrSignedOut
	}
	gone, err := s.Revoked(r.Context(), c.ID)
	if err != nil {
		return c, fmt.Errorf("auth: whether a session was ended: %w", err)
	}
	if gone {
		return c, ErrSignedOut
	}
	return c, nil
}

// opened decrypts the cookie called name into v and reports whether that succeeded. Two cookies
// with this name are refused, because another site may have set one of them.
func (s *Sessions) opened(r *http.Request, name string, with *sealer, v any) bool {
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 {
		return false
	}
	content, err := with.open(cookies[0].Value)
	return err == nil && json.Unmarshal(content, v) == nil
}

// Renew stores the current time in the session of r, which Authenticate has accepted, so that
// the session does not expire while it is used. It sets a cookie at most every five minutes.
// The handler must set no other cookie, because Function Compute returns only one cookie in a
// response.
func (s *Sessions) Renew(w http.ResponseWriter, r *http.Request) {
	var c session
	if !s.opened(r, s.sessionName(), s.session, &c) || s.Now().Sub(time.Unix(c.LastSeen, 0)) < sessionSeen {
		return
	}
	c.LastSeen = s.Now().Unix()
	if value, err := sealed(s.session, c); err == nil {
		s.set(w, s.sessionName(), value, time.Unix(c.Expires, 0).Sub(s.Now()))
	}
}

// begin starts a session for the person in c, and sets its cookie. It returns [ErrTooLarge] if the
// session does not fit into a cookie, or the error of Begun.
func (s *Sessions) begin(ctx context.Context, w http.ResponseWriter, c session) error {
	now := s.Now()
	c.ID, c.SignedIn, c.LastSeen, c.Expires = s.NewID(), now.Unix(), now.Unix(), now.Add(sessionAge).Unix()
	value, err := sealed(s.session, c)
	if err != nil {
		return err
	}
	if s.Begun != nil {
		if err := s.Begun(ctx, c.principal()); err != nil {
			return fmt.Errorf("auth: recording a sign-in: %w", err)
		}
	}
	s.set(w, s.sessionName(), value, sessionAge)
	return nil
}

// End ends the session of r, including all copies of its cookie, and removes the cookie. Without a
// session it only removes the cookie. If the session cannot be ended in the store, the cookie
// remains and the error is returned.
func (s *Sessions) End(w http.ResponseWriter, r *http.Request) error {
	var c session
	if s.opened(r, s.sessionName(), s.session, &c) && c.ID != "" {
		if err := s.Revoke(r.Context(), c.ID, time.Unix(c.Expires, 0)); err != nil {
			return fmt.Errorf("auth: ending a session: %w", err)
		}
		if s.Ended != nil {
			s.Ended(r.Context(), c.principal())
		}
	}
	s.set(w, s.sessionName(), "", -time.Second)
	return nil
}

// A formToken is the decrypted content of the token in a form. Expires is in seconds since
// 1970.
type formToken struct {
	Owner   string `json:"o"` // [identity.Principal.ID]
	Expires int64  `json:"e"`
}

// FormToken returns a token for a form that is shown to p. For 24 hours it proves that the
// portal made the form for p, but not who sends it. So it only permits storing typed values as
// a draft for p. It is empty if it would be too long.
func (s *Sessions) FormToken(p identity.Principal) string {
	token, err := sealed(s.form, formToken{Owner: p.ID(), Expires: s.Now().Add(formAge).Unix()})
	if err != nil {
		return ""
	}
	return token
}

// FormOwner returns the id of the person for whom the form with this token was made. ok is
// false if the token was not made by [Sessions.FormToken] or has expired.
func (s *Sessions) FormOwner(token string) (owner string, ok bool) {
	var t formToken
	content, err := s.form.open(token)
	if err != nil || json.Unmarshal(content, &t) != nil || !s.Now().Before(time.Unix(t.Expires, 0)) {
		return "", false
	}
	return t.Owner, t.Owner != ""
}

// sealed returns v as sealed JSON for a cookie. The error is [ErrTooLarge] if it does not fit.
func sealed(with *sealer, v any) (string, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	value := with.seal(content)
	if len(value) > maxCookie {
		return "", ErrTooLarge
	}
	return value, nil
}

// sessionName returns the name of the session cookie. It has the prefix __Host-: browsers then
// refuse a cookie of this name from another subdomain or without Secure (ASVS 3.3.3).
func (s *Sessions) sessionName() string { return s.prefix() + "portal" }

// loginName returns the name of the cookie that holds a [login].
func (s *Sessions) loginName() string { return s.prefix() + "portal-login" }

// prefix returns the prefix of cookie names: __Host- with https. With plain http it is empty,
// because browsers then refuse __Host-.
func (s *Sessions) prefix() string {
	if s.Secure {
		return "__Host-"
	}
	return ""
}

// set sets a cookie, which must be the only one of the response. A negative age removes the
// cookie.
func (s *Sessions) set(w http.ResponseWriter, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second),
		Secure: s.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
