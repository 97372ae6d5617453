package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"backupportal/web/auth"
)

// TestRepeatedCallbacksOfOneSignInLockNobodyOut proves that a client that repeats the callback
// of one failed sign-in, with an invalid code, does not lock out other people at the same
// address. The portal refuses the repeated callbacks and does not call the provider for them.
func TestRepeatedCallbacksOfOneSignInLockNobodyOut(t *testing.T) {
	w, p := signInWorld(t)
	w.from = "192.0.2.1:1"
	evil := jar{}
	w.browse(t, evil, "GET", "/auth/login")
	back := w.begin2(t, p, evil)
	kept := jar{}
	for name, value := range evil { // the portal deletes the cookie, but this client keeps it
		kept[name] = value
	}
	claim(map[string]any{"aud": "other"})(w, p)
	back.Set("code", "garbage")
	asked := p.asked.Load()
	for i := range 30 {
		again := jar{}
		for name, value := range kept {
			again[name] = value
		}
		want := http.StatusBadRequest
		if i == 0 {
			want = http.StatusBadGateway
		}
		if a := w.browse(t, again, "GET", auth.CallbackPath+"?"+back.Encode()); a.StatusCode != want {
			t.Fatalf("callback %d: status %d, want %d", i, a.StatusCode, want)
		}
	}
	if got := p.asked.Load() - asked; got > 2 { // one request for the token, one for the keys
		t.Errorf("the provider was asked %d times", got)
	}
	p.change = nil
	honest := jar{}
	if a := w.browse(t, honest, "GET", auth.CallbackPath+"?"+w.begin(t, p, honest, "/backups").Encode()); a.StatusCode != http.StatusSeeOther || !w.signedIn(t, honest) {
		t.Errorf("an honest person: status %d", a.StatusCode)
	}
}

// TestCallbacksWithoutTheLoginCookieCountNothing proves that if a browser did not begin a
// sign-in, the portal refuses its callback before it calls the provider. It does not count a
// failure for the browser's address.
func TestCallbacksWithoutTheLoginCookieCountNothing(t *testing.T) {
	w, p := signInWorld(t)
	w.from = "192.0.2.1:1"
	asked := p.asked.Load()
	for _, cookies := range []jar{{}, {"__Host-portal-login": "garbage"}} {
		for range 30 {
			again := jar{}
			for name, value := range cookies {
				again[name] = value
			}
			if a := w.browse(t, again, "GET", auth.CallbackPath+"?"+url.Values{"code": {"garbage"}, "state": {"x"}, "iss": {p.URL}}.Encode()); a.StatusCode != http.StatusBadRequest {
				t.Fatalf("status %d", a.StatusCode)
			}
		}
	}
	if p.asked.Load() != asked {
		t.Error("the provider was asked")
	}
	honest := jar{}
	if a := w.browse(t, honest, "GET", auth.CallbackPath+"?"+w.begin(t, p, honest, "/backups").Encode()); a.StatusCode != http.StatusSeeOther {
		t.Errorf("an honest person: status %d", a.StatusCode)
	}
}

// TestFailedSignInsBehindAProxyAreTheClientsOwn proves that behind a trusted proxy, the portal
// counts failed sign-ins for each client. Without TRUSTED_PROXIES it ignores X-Forwarded-For
// and counts them for the proxy's address.
func TestFailedSignInsBehindAProxyAreTheClientsOwn(t *testing.T) {
	t.Parallel()
	for name, trusted := range map[string][]netip.Prefix{"trusted": {netip.MustParsePrefix("10.0.0.0/8")}, "not trusted": nil} {
		w, p := signInWorld(t)
		w.server.Proxies = trusted
		inner := w.server.Handler()
		client := ""
		w.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			r.Header.Set("X-Forwarded-For", "198.51.100.1, "+client)
			inner.ServeHTTP(rw, r)
		})
		w.from = "10.0.0.1:1"
		try := func(from string) int {
			client = from
			j := jar{}
			w.browse(t, j, "GET", "/auth/login")
			return w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin2(t, p, j).Encode()).StatusCode
		}
		claim(map[string]any{"aud": "other"})(w, p)
		for range 22 {
			try("203.0.113.66")
		}
		p.change = nil
		if got := try("203.0.113.66"); got != http.StatusTooManyRequests {
			t.Errorf("%s: the client that failed: status %d", name, got)
		}
		want := http.StatusSeeOther
		if trusted == nil {
			want = http.StatusTooManyRequests
		}
		if got := try("203.0.113.9"); got != want {
			t.Errorf("%s: another client: status %d, want %d", name, got, want)
		}
	}
}
