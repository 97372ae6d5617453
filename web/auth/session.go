package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"backupportal/function/identity"
)

// How long a session lasts, and how large its cookie may be: Function Compute
// takes 8 KB for all headers of a request.
const (
	sessionAge  = 8 * time.Hour
	sessionIdle = time.Hour
	sessionSeen = 5 * time.Minute // how exactly the last request is remembered
	loginAge    = 10 * time.Minute
	maxCookie   = 3600 // characters
)

// Sessions are kept in sealed cookies: nothing is stored but the sessions that
// people ended. Make them with [NewSessions].
type Sessions struct {
	Now     func() time.Time
	NewID   func() string                                               // unguessable
	Revoked func(ctx context.Context, id string) (bool, error)          // whether the session was ended
	Revoke  func(ctx context.Context, id string, until time.Time) error // ends it; it would be over by itself at until
	Secure  bool                                                        // the portal is reached by https

	Begun   func(ctx context.Context, p identity.Principal) error // told before a session begins, which an error prevents
	Ended   func(ctx context.Context, p identity.Principal)       // told after one was ended
	login   *sealer
	session *sealer
}

// NewSessions returns sessions that keys seal. The caller sets the exported fields.
func NewSessions(keys Keys) (*Sessions, error) {
	login, err := newSealer(keys, loginPurpose)
	if err != nil {
		return nil, err
	}
	session, err := newSealer(keys, sessionPurpose)
	if err != nil {
		return nil, err
	}
	return &Sessions{login: login, session: session}, nil
}

// A session is the content of its cookie. Times are in seconds since 1970.
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
}

func (c session) principal() identity.Principal {
	return identity.Principal{
		Kind:    identity.KindHuman,
		Issuer:  c.Issuer,
		Subject: c.Subject,
		Name:    c.Name,
		Email:   c.Email,
		Groups:  c.Groups,
		Key:     c.ID,
	}
}

// Authenticate returns whose session r carries, or [ErrSignedOut]. A store that cannot
// say whether the session was ended is an error of the store's.
func (s *Sessions) Authenticate(r *http.Request) (identity.Principal, error) {
	c, err := s.read(r)
	if err != nil {
		return identity.Principal{}, err
	}
	return c.principal(), nil
}

func (s *Sessions) read(r *http.Request) (session, error) {
	var c session
	if !s.opened(r, s.sessionName(), s.session, &c) {
		return c, ErrSignedOut
	}
	now := s.Now()
	if c.ID == "" || c.Issuer == "" || c.Subject == "" || !now.Before(time.Unix(c.Expires, 0)) || now.Sub(time.Unix(c.LastSeen, 0)) >= sessionIdle {
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

// opened reads the one cookie of that name into v. Two of one name are none:
// one of them was planted.
func (s *Sessions) opened(r *http.Request, name string, with *sealer, v any) bool {
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 {
		return false
	}
	content, err := with.open(cookies[0].Value)
	return err == nil && json.Unmarshal(content, v) == nil
}

// Renew remembers that the session of r, which Who has accepted, is in use. It
// sets a cookie now and then, so the answer must set no other.
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

// begin starts a new session for whom c describes.
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

// End ends the session of r for good, copies of its cookie included, and
// forgets the cookie. Without a session there is nothing to end.
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

// sealed writes v as the value of a cookie, or returns [ErrTooLarge].
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

// The prefix __Host- makes browsers refuse such a cookie from a sibling
// domain, and without Secure (ASVS 3.3.3).
func (s *Sessions) sessionName() string { return s.prefix() + "portal" }
func (s *Sessions) loginName() string   { return s.prefix() + "portal-login" }

func (s *Sessions) prefix() string {
	if s.Secure {
		return "__Host-"
	}
	return ""
}

// set sets the only cookie of an answer; with an age below 0 it is removed.
func (s *Sessions) set(w http.ResponseWriter, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second),
		Secure: s.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
