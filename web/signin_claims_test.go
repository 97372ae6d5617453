package web_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/web/auth"
)

// TestClaimsOfSignIn proves which claims of a token the portal uses for a person's name, email
// address and groups. Each case changes the claims of a valid token.
func TestClaimsOfSignIn(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*world, *liar)
		want   string // name, email address and groups; empty if the sign-in fails
	}{
		"as it should be": {func(*world, *liar) {}, "Alice alice@example.com [team-a]"},
		"ES256": {func(_ *world, p *liar) {
			p.also = []jose.JSONWebKey{{Key: curve.Public(), KeyID: "1"}}
			p.sign = signer(jose.ES256, curve)
		}, "Alice alice@example.com [team-a]"},
		"two audiences, ours is meant": {claim(map[string]any{"aud": []string{"other", "portal"}, "azp": "portal"}), "Alice alice@example.com [team-a]"},
		"an address nobody verified":   {claim(map[string]any{"email_verified": false}), "Alice  [team-a]"},
		"verified in words":            {claim(map[string]any{"email_verified": "true"}), "Alice alice@example.com [team-a]"}, // Amazon Cognito sends a string
		"verified in other words":      {claim(map[string]any{"email_verified": "yes"}), "Alice  [team-a]"},
		"verified by a number":         {claim(map[string]any{"email_verified": 1}), "Alice  [team-a]"},
		"two at signs":                 {claim(map[string]any{"email": "alice@evil.example@example.com"}), "Alice  [team-a]"}, // GHSA-c5c4-8r6x-56w3
		"an address in Cyrillic":       {claim(map[string]any{"email": "alice@\u0435xample.com"}), "Alice  [team-a]"},
		"an address with a newline":    {claim(map[string]any{"email": "alice@example.com\n"}), "Alice  [team-a]"},
		"a name that is a list":        {claim(map[string]any{"name": []string{"Alice"}}), "Alice@Example.com alice@example.com [team-a]"},
		"no name":                      {claim(map[string]any{"name": ""}), "Alice@Example.com alice@example.com [team-a]"},
		"a preferred name":             {claim(map[string]any{"name": "", "preferred_username": "al"}), "al alice@example.com [team-a]"},
		"no name and no address":       {claim(map[string]any{"name": nil, "email": nil}), "alice  [team-a]"},
		"groups as text":               {claim(map[string]any{"groups": "team-a"}), "Alice alice@example.com [team-a]"},
		"groups of all kinds":          {claim(map[string]any{"groups": []any{1, nil, "", "other", "team-a", "team-a"}}), "Alice alice@example.com [team-a]"},
		"nonce off, none": {func(w *world, p *liar) {
			w.server.SignIn.NoNonce = true
			p.change = func(c map[string]any) { delete(c, "nonce") }
		}, "Alice alice@example.com [team-a]"},
		"nonce off, a wrong one": {func(w *world, p *liar) {
			w.server.SignIn.NoNonce = true
			p.change = func(c map[string]any) { c["nonce"] = "other" }
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := signInWorld(t)
			c.change(w, p)
			j := jar{}
			w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin(t, p, j, "/backups").Encode())
			r := httptest.NewRequest("GET", "https://localhost/backups", nil)
			r.AddCookie(&http.Cookie{Name: "__Host-portal", Value: j["__Host-portal"]})
			who, err := w.server.Sender(r)
			got := ""
			if err == nil {
				got = fmt.Sprintf("%s %s %v", who.Name, who.Email, who.Groups)
			}
			if got != c.want {
				t.Errorf("got %q, want %q; %v", got, c.want, err)
			}
		})
	}
}

// claim returns a function that sets claims in the tokens of the test provider.
func claim(changed map[string]any) func(*world, *liar) {
	return func(_ *world, p *liar) {
		p.change = func(c map[string]any) { maps.Copy(c, changed) }
	}
}

// TestCausesOfFailedSignInsAreLogged proves that the log has the cause of a failed sign-in once
// an hour, and the page does not have it.
func TestCausesOfFailedSignInsAreLogged(t *testing.T) {
	w, p := signInWorld(t)
	var log bytes.Buffer
	w.server.Log = slog.New(slog.NewJSONHandler(&log, nil))
	w.handler = w.server.Handler()
	claim(map[string]any{"aud": "other"})(w, p)
	for range 3 {
		j := jar{}
		answer := w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin(t, p, j, "/backups").Encode())
		page, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusBadGateway || strings.Contains(string(page), "aud") {
			t.Errorf("%d, %v: %s", answer.StatusCode, err, page)
		}
	}
	if n := strings.Count(log.String(), `"level":"WARN","msg":"not authenticated","issuer":"`+p.URL+`"`); n != 1 || !strings.Contains(log.String(), "another audience (aud)") {
		t.Errorf("%d lines in\n%s", n, &log)
	}
}

// TestTooLargeSessions proves that if the session cookie would be too large, the portal refuses
// the sign-in with a page that explains the reason. Function Compute accepts 8 KB for all
// headers.
func TestTooLargeSessions(t *testing.T) {
	for count, want := range map[int]int{50: http.StatusSeeOther, 400: http.StatusForbidden} {
		w, p := signInWorld(t)
		var groups []string
		for i := range count {
			groups = append(groups, fmt.Sprintf("team-number-%d", i))
		}
		claim(map[string]any{"groups": groups})(w, p)
		j := jar{}
		answer := w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin(t, p, j, "/backups").Encode())
		if in := w.signedIn(t, j); answer.StatusCode != want || in != (want == http.StatusSeeOther) {
			t.Errorf("%d groups: status %d, want %d; signed in %v", count, answer.StatusCode, want, in)
		}
	}
}

// TestUnavailableProvider proves that if the provider is unavailable, the portal shows a
// special error page and calls the provider again later. Existing sessions keep working.
func TestUnavailableProvider(t *testing.T) {
	w, p := signInWorld(t)
	p.away.Store(true)
	if a := w.browse(t, jar{}, "GET", "/auth/login?next=/backups"); a.StatusCode != http.StatusBadGateway {
		t.Errorf("login: status %d", a.StatusCode)
	}
	p.away.Store(false)
	if a := w.browse(t, jar{}, "GET", "/auth/login"); a.StatusCode != http.StatusBadGateway {
		t.Errorf("login at once after that: status %d", a.StatusCode)
	}
	w.clock.Add(3 * time.Second)
	j := jar{}
	back := w.begin(t, p, j, "/backups")
	w.browse(t, j, "GET", auth.CallbackPath+"?"+back.Encode())
	p.away.Store(true)
	if !w.signedIn(t, j) {
		t.Error("who is signed in needs the provider")
	}
	other := jar{}
	again := w.begin2(t, p, other)
	if a := w.browse(t, other, "GET", auth.CallbackPath+"?"+again.Encode()); a.StatusCode != http.StatusBadGateway || w.signedIn(t, other) {
		t.Errorf("callback: status %d", a.StatusCode)
	}
}

// TestFailedSignInsAreCounted proves that the portal counts sign-ins that fail at the provider,
// by network address. Above the limit it does not call the provider (threat T12).
func TestFailedSignInsAreCounted(t *testing.T) {
	t.Parallel()
	w, p := signInWorld(t)
	try := func(from string) *http.Response {
		w.from = from
		j := jar{}
		w.browse(t, j, "GET", "/auth/login")
		return w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin2(t, p, j).Encode())
	}
	for range 30 { // successful sign-ins are not counted
		if a := try("[2001:db8::1]:1"); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("a good sign-in: status %d", a.StatusCode)
		}
	}
	claim(map[string]any{"aud": "other"})(w, p)
	for i := range 20 {
		if a := try(fmt.Sprintf("[2001:db8::%x]:1", i)); a.StatusCode != http.StatusBadGateway { // all addresses are in one /64 network
			t.Fatalf("failure %d: status %d", i, a.StatusCode)
		}
	}
	asked := p.asked.Load()
	if a := try("[2001:db8::1]:1"); a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "30" || p.asked.Load() != asked {
		t.Errorf("status %d, Retry-After %q, the provider was asked %d times more", a.StatusCode, a.Header.Get("Retry-After"), p.asked.Load()-asked)
	}
	p.change = nil
	for _, other := range []string{"[2001:db8:0:1::1]:1", "192.0.2.1:1", ""} {
		if a := try(other); a.StatusCode != http.StatusSeeOther {
			t.Errorf("from %q: status %d", other, a.StatusCode)
		}
	}
	w.clock.Add(30 * time.Second)
	if a := try("[2001:db8::1]:1"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("half a minute later: status %d", a.StatusCode)
	}
}

// TestSignedOutPageLinksToTheProvider proves that the page after the sign-out links to the
// provider's own sign-out page, if that address is safe.
func TestSignedOutPageLinksToTheProvider(t *testing.T) {
	t.Parallel()
	for there, want := range map[string]string{
		"":                                   "",
		"/end?x=1":                           "/end?client_id=portal&amp;x=1",
		"https://provider.example/end":       "", // the issuer has another scheme
		"javascript:alert(1)":                "",
		"//provider.example":                 "",
		"http://user:word@provider.example/": "",
	} {
		w, p := signInWorld(t)
		p.end = there
		if strings.HasPrefix(there, "/end") {
			p.end, want = p.URL+there, p.URL+want
		}
		answer := w.browse(t, jar{}, "GET", "/auth/signed-out")
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("status %d, %v", answer.StatusCode, err)
		}
		if has := strings.Contains(string(body), "Also sign out of"); has != (want != "") || want != "" && !strings.Contains(string(body), `href="`+want+`"`) {
			t.Errorf("%q: want a link to %q in\n%s", there, want, body)
		}
	}
}
