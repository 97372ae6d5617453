package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/identity"
)

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// A sessionFixture holds a Sessions whose revocation list is in memory.
type sessionFixture struct {
	*Sessions
	clock           *testClock
	ended           map[string]time.Time // time at which each revoked id would have expired
	endedPrincipals []identity.Principal // arguments of all calls of Ended
}

func newSessionFixture(t *testing.T, letters ...string) *sessionFixture {
	t.Helper()
	s, err := NewSessions(testKeys(t, letters...))
	if err != nil {
		t.Fatal(err)
	}
	r := &sessionFixture{Sessions: s, clock: newClock(), ended: map[string]time.Time{}}
	s.Now, s.Secure = r.clock.Now, true
	ids := "0"
	s.NewID = func() string { ids += "1"; return ids }
	s.Revoked = func(_ context.Context, id string) (bool, error) { _, ok := r.ended[id]; return ok, nil }
	s.Revoke = func(_ context.Context, id string, until time.Time) error { r.ended[id] = until; return nil }
	s.Ended = func(_ context.Context, p identity.Principal) { r.endedPrincipals = append(r.endedPrincipals, p) }
	return r
}

// alice is a session as it is before begin sets its id and times.
var alice = session{Issuer: "https://id.example.com", Subject: "alice", Name: "Alice", Email: "alice@example.com", Groups: []string{"team-a"}}

// startSession starts a session for alice and returns the session's cookie.
func (r *sessionFixture) startSession(t *testing.T) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	if err := r.begin(t.Context(), w, alice); err != nil {
		t.Fatal(err)
	}
	return onlyCookie(t, w)
}

// onlyCookie returns the cookie of an answer. It fails the test unless the answer has exactly one
// cookie.
func onlyCookie(t *testing.T, w *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	return cookies[0]
}

// withCookies returns a request with the given cookies.
func withCookies(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest("GET", "https://localhost/backups", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func TestSessionIdentifiesPerson(t *testing.T) {
	r := newSessionFixture(t, "A")
	p, err := r.Authenticate(withCookies(r.startSession(t)))
	if err != nil || p.Kind != identity.KindHuman || p.Issuer != alice.Issuer || p.Subject != "alice" || p.Name != "Alice" ||
		p.Email != "alice@example.com" || !slices.Equal(p.Groups, alice.Groups) || p.Key == "" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := r.Authenticate(withCookies()); err != ErrSignedOut {
		t.Errorf("without a cookie: %v", err)
	}
	if again, err := r.Authenticate(withCookies(r.startSession(t))); err != nil || again.Key == p.Key {
		t.Errorf("another session has the same id: %+v, %v", again, err)
	}
}

func TestSessionEndsAfterAnHourWithoutUse(t *testing.T) {
	r := newSessionFixture(t, "A")
	c := r.startSession(t)
	r.clock.pass(time.Hour - 1)
	if _, err := r.Authenticate(withCookies(c)); err != nil {
		t.Errorf("just before: %v", err)
	}
	r.clock.pass(time.Hour)
	if _, err := r.Authenticate(withCookies(c)); err != ErrSignedOut {
		t.Errorf("after the hour: %v", err)
	}
}

func TestSessionEndsAfterEightHoursInUse(t *testing.T) {
	r := newSessionFixture(t, "A")
	c := r.startSession(t)
	if c.MaxAge != 8*60*60 {
		t.Errorf("the browser keeps it for %d s", c.MaxAge)
	}
	for at := 50 * time.Minute; at < 8*time.Hour; at += 50 * time.Minute {
		r.clock.pass(at)
		w := httptest.NewRecorder()
		r.Renew(w, withCookies(c))
		if c = onlyCookie(t, w); c.MaxAge != int((8*time.Hour-at)/time.Second) {
			t.Errorf("after %v the browser keeps it for %d s", at, c.MaxAge)
		}
		if _, err := r.Authenticate(withCookies(c)); err != nil {
			t.Errorf("after %v: %v", at, err)
		}
	}
	r.clock.pass(8*time.Hour - 1)
	if _, err := r.Authenticate(withCookies(c)); err != nil {
		t.Errorf("just before: %v", err)
	}
	r.clock.pass(8 * time.Hour)
	if _, err := r.Authenticate(withCookies(c)); err != ErrSignedOut {
		t.Errorf("after eight hours: %v", err)
	}
}

func TestSessionInUseIsRenewedEveryFiveMinutes(t *testing.T) {
	r := newSessionFixture(t, "A")
	c := r.startSession(t)
	changed := *c
	changed.Value = "A" + c.Value
	for name, at := range map[string]struct {
		after  time.Duration
		cookie *http.Cookie
		want   int
	}{
		"just before": {5*time.Minute - 1, c, 0}, "then": {5 * time.Minute, c, 1},
		"of no session": {5 * time.Minute, &http.Cookie{Name: "other", Value: "x"}, 0}, "of one that was changed": {5 * time.Minute, &changed, 0},
	} {
		r.clock.pass(at.after)
		w := httptest.NewRecorder()
		r.Renew(w, withCookies(at.cookie))
		if got := len(w.Result().Cookies()); got != at.want {
			t.Errorf("%s: %d cookies", name, got)
		}
	}
}

func TestEndRevokesEveryCopyOfCookie(t *testing.T) {
	r := newSessionFixture(t, "A")
	c := r.startSession(t)
	w := httptest.NewRecorder()
	if err := r.End(w, withCookies(c)); err != nil {
		t.Fatal(err)
	}
	if gone := onlyCookie(t, w); gone.MaxAge >= 0 || gone.Value != "" || gone.Name != c.Name {
		t.Errorf("the browser keeps %v", gone)
	}
	if _, err := r.Authenticate(withCookies(c)); err != ErrSignedOut {
		t.Errorf("the copy: %v", err)
	}
	if len(r.ended) != 1 || len(r.endedPrincipals) != 1 || !r.ended[r.endedPrincipals[0].Key].Equal(testNow.Add(8*time.Hour)) {
		t.Errorf("revoked %v, Ended called for %+v", r.ended, r.endedPrincipals)
	}
	r.Ended = nil
	if err := r.End(httptest.NewRecorder(), withCookies(r.startSession(t))); err != nil || len(r.ended) != 2 {
		t.Errorf("without one to tell: %v, ended %v", err, r.ended)
	}
}

func TestEndWithoutSessionRemovesCookie(t *testing.T) {
	r := newSessionFixture(t, "A")
	for name, request := range map[string]*http.Request{
		"no cookie": withCookies(), "another's": withCookies(&http.Cookie{Name: r.sessionName(), Value: "AAAA"}), "without an id": withCookies(r.sealedCookie(session{Subject: "alice"})),
	} {
		w := httptest.NewRecorder()
		if err := r.End(w, request); err != nil || onlyCookie(t, w).MaxAge >= 0 || len(r.ended) != 0 || len(r.endedPrincipals) != 0 {
			t.Errorf("%s: %v, ended %v", name, err, r.ended)
		}
	}
}

// sealedCookie returns a session cookie with the sealed content c.
func (r *sessionFixture) sealedCookie(c any) *http.Cookie {
	return &http.Cookie{Name: r.sessionName(), Value: must(sealed(r.session, c))}
}

// TestSessionsFailIfStoreIsUnavailable proves that Authenticate returns an error of its own if
// the store is unavailable. The session is then neither accepted nor reported as ended.
func TestSessionsFailIfStoreIsUnavailable(t *testing.T) {
	r, unavailable := newSessionFixture(t, "A"), errors.New("unavailable")
	c := r.startSession(t)
	r.Revoked = func(context.Context, string) (bool, error) { return false, unavailable }
	if p, err := r.Authenticate(withCookies(c)); !errors.Is(err, unavailable) || errors.Is(err, ErrSignedOut) || p.Subject != "" {
		t.Errorf("Who: %+v, %v", p, err)
	}
	r.Revoke = func(context.Context, string, time.Time) error { return unavailable }
	w := httptest.NewRecorder()
	if err := r.End(w, withCookies(c)); !errors.Is(err, unavailable) || len(r.endedPrincipals) != 0 || len(w.Result().Cookies()) != 0 {
		t.Errorf("End: %v, Ended called for %v", err, r.endedPrincipals)
	}
}

func TestUnrecordedSignInStartsNoSession(t *testing.T) {
	r, unavailable := newSessionFixture(t, "A"), errors.New("unavailable")
	var recorded identity.Principal
	r.Begun = func(_ context.Context, p identity.Principal) error { recorded = p; return unavailable }
	w := httptest.NewRecorder()
	if err := r.begin(t.Context(), w, alice); !errors.Is(err, unavailable) || len(w.Result().Cookies()) != 0 || recorded.Subject != "alice" || recorded.Key == "" {
		t.Errorf("%v, recorded %+v", err, recorded)
	}
	r.Begun = func(context.Context, identity.Principal) error { return nil }
	r.startSession(t)
}

func TestIncompleteSessionsAreRefused(t *testing.T) {
	r := newSessionFixture(t, "A")
	good := r.startSession(t)
	whole := alice
	whole.ID, whole.LastSeen, whole.Expires = "i", testNow.Unix(), testNow.Add(time.Hour).Unix()
	part := func(change func(*session)) *http.Request {
		c := whole
		change(&c)
		return withCookies(r.sealedCookie(c))
	}
	if _, err := r.Authenticate(part(func(*session) {})); err != nil {
		t.Fatal(err)
	}
	for name, request := range map[string]*http.Request{
		"two cookies":        withCookies(good, good),
		"without an id":      part(func(c *session) { c.ID = "" }),
		"without an issuer":  part(func(c *session) { c.Issuer = "" }),
		"without a subject":  part(func(c *session) { c.Subject = "" }),
		"without an end":     part(func(c *session) { c.Expires = 0 }),
		"never seen":         part(func(c *session) { c.LastSeen = 0 }),
		"no object":          withCookies(r.sealedCookie("text")),
		"sealed for a login": withCookies(&http.Cookie{Name: r.sessionName(), Value: must(sealed(r.login, whole))}),
		"of another portal":  withCookies(newSessionFixture(t, "B").sealedCookie(whole)),
		"not sealed":         withCookies(&http.Cookie{Name: r.sessionName(), Value: encoded(`{"i":"i"}`)}),
		"another name":       withCookies(&http.Cookie{Name: "portal", Value: good.Value}),
	} {
		if p, err := r.Authenticate(request); err != ErrSignedOut || p.Subject != "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// TestSessionsSurviveKeyRotation proves that new cookies are sealed with the new key after a
// change of keys. Cookies sealed with the old key stay valid until the old key is removed.
func TestSessionsSurviveKeyRotation(t *testing.T) {
	old, both, late := newSessionFixture(t, "A"), newSessionFixture(t, "B", "A"), newSessionFixture(t, "B")
	before, after := old.startSession(t), both.startSession(t)
	for name, c := range map[string]struct {
		at     *sessionFixture
		cookie *http.Cookie
		want   error
	}{
		"old at both": {both, before, nil}, "new at both": {both, after, nil}, "new at new": {late, after, nil},
		"old at new": {late, before, ErrSignedOut}, "new at old": {old, after, ErrSignedOut},
	} {
		if _, err := c.at.Authenticate(withCookies(c.cookie)); err != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTooLargeCookieIsRefused proves that a cookie of more than 3600 characters is neither
// written nor read. The platform accepts only 8 KB of headers.
func TestTooLargeCookieIsRefused(t *testing.T) {
	r := newSessionFixture(t, "A")
	const longest = 3600*3/4 - 12 - 16 - 2 // without nonce, tag and JSON quotes
	value, err := sealed(r.session, strings.Repeat("x", longest))
	if err != nil || len(value) != 3600 {
		t.Fatalf("%d characters, %v", len(value), err)
	}
	if _, err := r.session.open(value); err != nil {
		t.Errorf("the longest does not open: %v", err)
	}
	if _, err := sealed(r.session, strings.Repeat("x", longest+1)); err != ErrTooLarge {
		t.Errorf("one more: %v", err)
	}
	if _, err := r.session.open(r.session.seal(make([]byte, longest+3))); err == nil {
		t.Error("a longer one opens")
	}
	large := alice
	large.Groups = []string{strings.Repeat("x", longest)}
	w := httptest.NewRecorder()
	if err := r.begin(t.Context(), w, large); err != ErrTooLarge || len(w.Result().Cookies()) != 0 {
		t.Errorf("a large session: %v", err)
	}
}

func TestCookieAttributes(t *testing.T) {
	r := newSessionFixture(t, "A")
	if c := r.startSession(t); c.Name != "__Host-portal" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("by https: %v", c)
	}
	r.Secure = false
	if c := r.startSession(t); c.Name != "portal" || c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("by http: %v", c)
	}
}

func TestNewSessionsRefusesInvalidKeys(t *testing.T) {
	for name, keys := range map[string]Keys{"none": nil, "a short one": {testKeys(t, "A")[0], {}}} {
		if s, err := NewSessions(keys); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("A", 32)))
	if keys, err := ParseKeys(strings.Join([]string{key, key, key}, ", ")); err != nil || len(keys) != 3 {
		t.Errorf("three: %d, %v", len(keys), err)
	}
	if _, err := ParseKeys(strings.Join([]string{key, key, key, key}, ",")); err == nil || strings.Contains(err.Error(), key) {
		t.Errorf("four: %v", err)
	}
	if _, err := ParseKeys(key + ",AAAA"); err == nil || !strings.Contains(err.Error(), "key 2 ") {
		t.Errorf("the second is short: %v", err)
	}
}
