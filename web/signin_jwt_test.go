package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/web/auth"
)

// TestAssertions proves that a token identifies a person only if the gateway signed it for this
// portal (threat T15).
func TestAssertions(t *testing.T) {
	w := newWorld(t)
	p := newLiar(t, w.clock)
	find, err := auth.Assertion{
		Header: "X-Assertion", Issuer: p.URL, Audience: "portal", JWKSURL: p.URL + "/keys", GroupsClaim: "groups",
		Keep: func(_, g string) bool { return g == "team-a" }, Now: w.clock.Now,
	}.Authenticator()
	if err != nil {
		t.Fatal(err)
	}
	w.server.Sender = find
	w.handler = w.server.Handler()
	good := p.token(t)
	token := func(change func(map[string]any), sign func([]byte) (string, error)) string {
		p.change, p.sign = change, sign
		defer func() { p.change, p.sign = nil, nil }()
		return p.token(t)
	}
	set := func(name string, v any) string { return token(func(c map[string]any) { c[name] = v }, nil) }
	for name, c := range map[string]struct {
		header http.Header
		want   int
	}{
		"good":                                 {http.Header{"X-Assertion": {good}}, 200},
		"twice":                                {http.Header{"X-Assertion": {good, good}}, 401},
		"nothing":                              {http.Header{}, 401},
		"another spelling (CVE-2025-64484)":    {http.Header{"X_Assertion": {good}}, 401},
		"a bare name":                          {http.Header{"X-Forwarded-User": {"alice"}}, 401},
		"another uri (GHSA-7x63-xv5r-3p2x)":    {http.Header{"X-Forwarded-Uri": {"/healthz"}}, 401},
		"a health check (GHSA-5hvv-m4w4-gf6v)": {http.Header{"User-Agent": {"GoogleHC/1.0"}}, 401},
		"wrong audience":                       {http.Header{"X-Assertion": {set("aud", "other")}}, 401},
		"wrong issuer":                         {http.Header{"X-Assertion": {set("iss", "https://evil.example")}}, 401},
		"expired":                              {http.Header{"X-Assertion": {set("exp", time.Now().Add(-time.Minute).Unix())}}, 401},
		"no subject":                           {http.Header{"X-Assertion": {set("sub", "")}}, 401},
		"HS256":                                {http.Header{"X-Assertion": {token(nil, signer(jose.HS256, []byte(oidcSecret)))}}, 401},
		"RS512":                                {http.Header{"X-Assertion": {token(nil, signer(jose.RS512, p.key))}}, 401},
	} {
		r := httptest.NewRequest("GET", "http://localhost/backups?next=/healthz", nil) // the query tries the bypass of GHSA-7rh7-c77v-6434
		r.Header = c.header
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, r)
		if answer.Code != c.want {
			t.Errorf("%s: status %d, want %d", name, answer.Code, c.want)
		}
		if c.want == http.StatusOK {
			continue
		}
		r = httptest.NewRequest("POST", "http://localhost/api/v1/backup-jobs", strings.NewReader(oneBackup))
		r.Header = c.header.Clone()
		r.Header.Set("Content-Type", "application/json")
		answer = httptest.NewRecorder()
		if w.handler.ServeHTTP(answer, r); answer.Code != c.want || w.calls() != 0 {
			t.Errorf("%s: a backup: status %d, %d calls", name, answer.Code, w.calls())
		}
	}
}

// TestGatewayKeysAreUnavailable proves that the error says that the sign-in is unavailable if
// the gateway's keys cannot be fetched. The token may be valid, so the error must not blame the
// sender.
func TestGatewayKeysAreUnavailable(t *testing.T) {
	w := newWorld(t)
	p := newLiar(t, w.clock)
	find, err := auth.Assertion{
		Header: "X-Assertion", Issuer: p.URL, Audience: "portal", JWKSURL: p.URL + "/keys", GroupsClaim: "groups",
		Keep: func(_, g string) bool { return g == "team-a" }, Now: w.clock.Now,
	}.Authenticator()
	if err != nil {
		t.Fatal(err)
	}
	w.server.Sender, w.handler = find, w.server.Handler()
	good := p.token(t)
	p.away.Store(true)
	answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "X-Assertion", good)
	if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" || w.calls() != 0 {
		t.Errorf("status %d, %d calls: %s", answer.Code, w.calls(), answer.Body)
	}
}
