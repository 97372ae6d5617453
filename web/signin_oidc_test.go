package web_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/backup"
	"backupportal/web/auth"
)

// TestSignInAndOut proves that a person signs in, uses the portal and signs out (threats T16,
// T17; ASVS 7.2.4, 7.4.1, 10.1.2, 10.5.1).
func TestSignInAndOut(t *testing.T) {
	w, p := signInWorld(t)
	j := jar{}
	back := w.begin(t, p, j, "/backups?Status=failed")
	answer := w.browse(t, j, "GET", auth.CallbackPath+"?"+back.Encode())
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/backups?Status=failed" {
		t.Fatalf("callback: status %d to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	if p.form.Get("code_verifier") == "" {
		t.Error("no verifier was sent")
	}
	if !w.signedIn(t, j) {
		t.Fatal("not signed in")
	}
	copied := maps.Clone(j)
	if a := w.browse(t, j, "POST", "/auth/logout"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("logout: status %d", a.StatusCode)
	}
	if w.signedIn(t, copied) {
		t.Error("a copy of the cookie outlived the session")
	}
	w.makesNothing(t, copied)
}

// TestInvalidProviderAnswersAreRefused proves that the portal refuses every invalid answer of a
// provider and starts no session (threat T17; ASVS 9.1.1-9.2.4, 10.5.1-4).
func TestInvalidProviderAnswersAreRefused(t *testing.T) {
	t.Parallel()
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, v any) func(*liar) {
		return func(p *liar) { p.change = func(c map[string]any) { c[name] = v } }
	}
	unset := func(name string) func(*liar) {
		return func(p *liar) { p.change = func(c map[string]any) { delete(c, name) } }
	}
	now := time.Now()
	for name, lie := range map[string]func(*liar){
		"wrong audience":        set("aud", "other"),
		"two audiences, no azp": set("aud", []string{"portal", "other"}),
		"two audiences, foreign azp": func(p *liar) {
			p.change = func(c map[string]any) { c["aud"], c["azp"] = []string{"portal", "other"}, "other" }
		},
		"foreign azp":                  set("azp", "other"),
		"wrong issuer":                 set("iss", "https://evil.example"),
		"expired":                      set("exp", now.Add(-time.Minute).Unix()),
		"no expiry":                    unset("exp"),
		"not yet valid":                set("nbf", now.Add(10*time.Minute).Unix()),
		"wrong nonce":                  set("nonce", "other"),
		"empty nonce":                  set("nonce", ""),
		"no nonce":                     unset("nonce"),
		"no subject":                   unset("sub"),
		"long subject":                 set("sub", strings.Repeat("a", 256)),
		"foreign key":                  func(p *liar) { p.sign = signer(jose.RS256, foreign) },
		"foreign curve":                func(p *liar) { p.sign = signer(jose.ES256, curve) },
		"HS256 with the client secret": func(p *liar) { p.sign = signer(jose.HS256, []byte(oidcSecret)) },
		"RS512":                        func(p *liar) { p.sign = signer(jose.RS512, p.key) },
		"alg none": func(p *liar) {
			p.sign = func(c []byte) (string, error) {
				return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(c) + ".", nil
			}
		},
		"no ID token": func(p *liar) { p.sign = func([]byte) (string, error) { return "", nil } },
	} {
		t.Run(name, func(t *testing.T) {
			w, p := signInWorld(t)
			lie(p)
			j := jar{}
			back := w.begin(t, p, j, "/backups")
			answer := w.browse(t, j, "GET", auth.CallbackPath+"?"+back.Encode())
			if answer.StatusCode != http.StatusBadGateway || len(j) != 0 || w.signedIn(t, j) {
				t.Errorf("status %d, cookies %v", answer.StatusCode, j)
			}
			w.makesNothing(t, j)
		})
	}
}

// TestForeignCallbacks proves that the portal refuses a callback that does not belong to this
// browser's sign-in. An existing session stays valid (threat T17; ASVS 10.2.1).
func TestForeignCallbacks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(back url.Values, j jar)
		want   int
	}{
		"no login cookie":        {func(_ url.Values, j jar) { delete(j, "__Host-portal-login") }, 400},
		"session as login":       {func(_ url.Values, j jar) { j["__Host-portal-login"] = j["__Host-portal"] }, 400},
		"forged state":           {func(b url.Values, _ jar) { b.Set("state", "forged") }, 400},
		"empty state":            {func(b url.Values, _ jar) { b.Set("state", "") }, 400},
		"no state":               {func(b url.Values, _ jar) { b.Del("state") }, 400},
		"state twice":            {func(b url.Values, _ jar) { b.Add("state", b.Get("state")) }, 400},
		"code twice":             {func(b url.Values, _ jar) { b.Add("code", "other") }, 400},
		"no code":                {func(b url.Values, _ jar) { b.Del("code") }, 400},
		"another provider's iss": {func(b url.Values, _ jar) { b.Set("iss", "https://evil.example") }, 400},
		"empty iss":              {func(b url.Values, _ jar) { b.Set("iss", "") }, 400},
		"an error":               {func(b url.Values, _ jar) { b.Set("error", "access_denied") }, 403},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := signInWorld(t)
			j := jar{}
			w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin(t, p, j, "/backups").Encode())
			before := j["__Host-portal"]
			w.browse(t, j, "GET", "/auth/login")
			back := w.begin2(t, p, j)
			c.change(back, j)
			answer := w.browse(t, j, "GET", auth.CallbackPath+"?"+back.Encode())
			if answer.StatusCode != c.want || j["__Host-portal"] != before || !w.signedIn(t, j) {
				t.Errorf("status %d, want %d; cookies %v", answer.StatusCode, c.want, j)
			}
			if n := w.calls(); n != 0 {
				t.Errorf("the cloud got %d calls", n)
			}
		})
	}
}

// TestSessionsEnd proves that sessions end at their time limits and when their key is removed
// (threat T16; ASVS 7.3.1, 7.3.2).
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	signIn := func(t *testing.T) (*world, jar) {
		w, p := signInWorld(t)
		j := jar{}
		w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin(t, p, j, "/backups").Encode())
		return w, j
	}
	t.Run("idle", func(t *testing.T) {
		w, j := signIn(t)
		w.clock.Add(59 * time.Minute)
		w.browse(t, j, "GET", "/backups") // renews the session
		w.clock.Add(59 * time.Minute)
		if !w.signedIn(t, j) {
			t.Error("a session in use ended")
		}
		w.clock.Add(2 * time.Minute)
		if w.signedIn(t, j) {
			t.Error("61 minutes without a request, and still signed in")
		}
		w.makesNothing(t, j)
	})
	t.Run("eight hours", func(t *testing.T) {
		w, j := signIn(t)
		for range 16 {
			w.browse(t, j, "GET", "/backups")
			w.clock.Add(30 * time.Minute)
		}
		if w.signedIn(t, j) {
			t.Error("signed in for longer than eight hours")
		}
		w.makesNothing(t, j)
	})
	t.Run("login as session", func(t *testing.T) {
		w, j := signIn(t)
		if w.signedIn(t, jar{"__Host-portal": j["__Host-portal-login"]}) {
			t.Error("a login cookie opened as a session")
		}
		w.makesNothing(t, jar{"__Host-portal": j["__Host-portal-login"]})
	})
	t.Run("rotation", func(t *testing.T) {
		w, j := signIn(t)
		if w.keys(t, "B", "A"); !w.signedIn(t, j) {
			t.Error("an old key opens no longer")
		}
		if w.keys(t, "B"); w.signedIn(t, j) {
			t.Error("a removed key still opens")
		}
		w.makesNothing(t, j)
	})
	t.Run("store away", func(t *testing.T) {
		w, j := signIn(t)
		w.server.SignIn.Sessions.Revoked = func(context.Context, string) (bool, error) { return false, backup.ErrStoreUnavailable }
		if a := w.browse(t, j, "GET", "/backups/new"); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("status %d", a.StatusCode)
		}
	})
}

// TestPagesRedirectToSignIn proves that without a session, pages redirect to the sign-in. The
// API and posted forms are refused without a redirect (threat T13; ASVS 3.7.2).
func TestPagesRedirectToSignIn(t *testing.T) {
	w, _ := signInWorld(t)
	for _, c := range []struct {
		method, path string
		want         int
	}{{"GET", "/backups", 303}, {"POST", "/backups", 401}, {"GET", "/api/v1/backup-jobs", 401}, {"POST", "/api/v1/backup-jobs", 401}} {
		if a := w.browse(t, jar{}, c.method, c.path); a.StatusCode != c.want || (c.want == 401) != (a.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s %s: status %d, %v", c.method, c.path, a.StatusCode, a.Header)
		}
	}
	if n := w.calls(); n != 0 {
		t.Errorf("the cloud got %d calls", n)
	}
}
