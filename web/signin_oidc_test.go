package web_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/backup"
	"backupportal/web/auth"
)

// A liar is an OpenID provider that says whatever a test wants.
type liar struct {
	*httptest.Server
	key    *rsa.PrivateKey
	clock  *clock
	nonce  string
	change func(claims map[string]any)         // of a token that would be good
	sign   func(claims []byte) (string, error) // nil: as it should be
	also   []jose.JSONWebKey                   // keys that it publishes beside its own
	form   url.Values                          // what the last exchange held
	asked  atomic.Int32                        // how often it was asked for anything
	end    string                              // where one signs out there
	away   atomic.Bool                         // it hangs up
}

func newLiar(t *testing.T, c *clock) *liar {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &liar{key: key, clock: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "RS512", "HS256", "none"}, "end_session_endpoint": p.end,
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: append([]jose.JSONWebKey{{Key: key.Public(), KeyID: "1"}}, p.also...)})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		p.form = r.PostForm
		w.Header().Set("Content-Type", "application/json")
		answer := map[string]any{"access_token": "x", "token_type": "Bearer"}
		if token := p.token(t); token != "" {
			answer["id_token"] = token
		}
		json.NewEncoder(w).Encode(answer)
	})
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if p.away.Load() {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	// A port is soon used again, and what an issuer has published is believed for a moment.
	own := "/" + rand.Text()
	p.Config.Handler = http.StripPrefix(own, p.Config.Handler)
	p.Start()
	p.URL += own
	return p
}

func (p *liar) token(t *testing.T) string {
	now := p.clock.Now()
	c := map[string]any{
		"iss": p.URL, "aud": "portal", "sub": "alice", "nonce": p.nonce, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"name": "Alice", "email": "Alice@Example.com", "email_verified": true, "groups": []string{"team-a", "other"},
	}
	if p.change != nil {
		p.change(c)
	}
	content, err := json.Marshal(c)
	if err != nil {
		t.Error(err)
	}
	sign := p.sign
	if sign == nil {
		sign = signer(jose.RS256, p.key)
	}
	token, err := sign(content)
	if err != nil {
		t.Error(err)
	}
	return token
}

func signer(alg jose.SignatureAlgorithm, key any) func([]byte) (string, error) {
	return func(content []byte) (string, error) {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "1"))
		if err != nil {
			return "", err
		}
		signed, err := s.Sign(content)
		if err != nil {
			return "", err
		}
		return signed.CompactSerialize()
	}
}

const oidcSecret = "canary-client-secret-of-32-bytes-or-more"

// signInWorld is a portal behind https whose people sign in at a liar.
func signInWorld(t *testing.T) (*world, *liar) {
	t.Helper()
	w := newWorld(t)
	p := newLiar(t, w.clock)
	w.server.SignIn = &auth.OIDC{
		Issuer: p.URL, ClientID: "portal", ClientSecret: backup.NewSecret(oidcSecret), PublicURL: &url.URL{Scheme: "https", Host: "localhost"},
		Scopes: []string{"openid"}, GroupsClaim: "groups", Keep: func(_, g string) bool { return g != "other" },
	}
	w.keys(t, "A")
	return w, p
}

// keys starts the portal again with other keys for its sessions.
func (w *world) keys(t *testing.T, letters ...string) {
	t.Helper()
	var all []string
	for _, l := range letters {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(strings.Repeat(l, 32))))
	}
	keys, err := auth.ParseKeys(strings.Join(all, ","))
	if err != nil {
		t.Fatal(err)
	}
	s, err := auth.NewSessions(keys)
	if err != nil {
		t.Fatal(err)
	}
	s.Now, s.NewID, s.Secure, s.Revoked = w.clock.Now, rand.Text, true, w.db.Revoked
	s.Revoke = func(ctx context.Context, id string, until time.Time) error {
		return w.db.Revoke(ctx, id, until, w.clock.Now())
	}
	w.server.SignIn.Sessions, w.server.Who = s, s.Who
	w.handler = w.server.Handler()
}

// jar is a browser's memory of cookies.
type jar map[string]string

// browse sends a request, keeps the one cookie of the answer, and fails at a second.
func (w *world) browse(t *testing.T, j jar, method, target string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "https://localhost"+target, nil)
	if w.from != "" {
		r.RemoteAddr = w.from
	}
	for name, value := range j {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	answer := rec.Result()
	if n := len(answer.Header.Values("Set-Cookie")); n > 1 {
		t.Errorf("%s %s: %d cookies in one answer", method, target, n)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" { // T19
		t.Errorf("%s %s: Cache-Control %q", method, target, got)
	}
	for _, c := range answer.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || !strings.HasPrefix(c.Name, "__Host-") { // ASVS 3.3.1-4
			t.Errorf("%s %s: cookie %v", method, target, c)
		}
		if c.MaxAge < 0 {
			delete(j, c.Name)
		} else {
			j[c.Name] = c.Value
		}
	}
	return answer
}

// begin opens a page, follows to the provider's door, and returns the callback
// that a good provider would send the browser back with.
func (w *world) begin(t *testing.T, p *liar, j jar, page string) url.Values {
	t.Helper()
	login := w.browse(t, j, "GET", page).Header.Get("Location")
	answer := w.browse(t, j, "GET", login)
	to, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to.String(), p.URL+"/auth?") {
		t.Fatalf("%s: status %d to %v", login, answer.StatusCode, to)
	}
	q := to.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != "https://localhost/auth/callback" || q.Get("response_type") != "code" {
		t.Errorf("asked the provider %v", q)
	}
	p.nonce = q.Get("nonce")
	return url.Values{"code": {"good"}, "state": {q.Get("state")}, "iss": {p.URL}}
}

// signedIn reports whether the browser has a session that the portal takes.
func (w *world) signedIn(t *testing.T, j jar) bool {
	t.Helper()
	return w.browse(t, maps.Clone(j), "GET", "/backups").StatusCode == http.StatusOK
}

// makesNothing asks for a backup with the cookies of j, which are nobody's, as a form
// and as JSON, and fails if the cloud hears of it.
func (w *world) makesNothing(t *testing.T, j jar) {
	t.Helper()
	for path, body := range map[string][2]string{
		"/backups":            {"application/x-www-form-urlencoded", "SourceType=UDM_ECS&Account=demo&Region=cn-hangzhou&InstanceId=i-bp1demoweb01&Retention=7&key=k"},
		"/api/v1/backup-jobs": {"application/json", oneBackup},
	} {
		r := httptest.NewRequest("POST", "https://localhost"+path, strings.NewReader(body[1]))
		r.Header.Set("Content-Type", body[0])
		for name, value := range j {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, r)
		if answer.Code != http.StatusUnauthorized || w.calls() != 0 {
			t.Errorf("POST %s: status %d, %d calls", path, answer.Code, w.calls())
		}
	}
}

// T16, T17; ASVS 7.2.4, 7.4.1, 10.1.2, 10.5.1.
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

// Each lie of a provider is refused, and nobody is signed in. T17; ASVS 9.1.1-9.2.4, 10.5.1-4.
func TestLyingProviders(t *testing.T) {
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

// Callbacks that do not belong to the login of this browser; a session that
// was there stays. T17; ASVS 10.2.1.
func TestForeignCallbacks(t *testing.T) {
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

// begin2 begins another login of a browser that is signed in.
func (w *world) begin2(t *testing.T, p *liar, j jar) url.Values {
	t.Helper()
	to, err := url.Parse(w.browse(t, j, "GET", "/auth/login").Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	p.nonce = to.Query().Get("nonce")
	return url.Values{"code": {"good"}, "state": {to.Query().Get("state")}, "iss": {p.URL}}
}

// T16; ASVS 7.3.1, 7.3.2.
func TestSessionsEnd(t *testing.T) {
	signIn := func(t *testing.T) (*world, jar) {
		w, p := signInWorld(t)
		j := jar{}
		w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin(t, p, j, "/backups").Encode())
		return w, j
	}
	t.Run("idle", func(t *testing.T) {
		w, j := signIn(t)
		w.clock.Add(59 * time.Minute)
		w.browse(t, j, "GET", "/backups") // renews it
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
		w.server.SignIn.Sessions.Revoked = func(context.Context, string) (bool, error) { return false, backup.ErrStoreAway }
		if a := w.browse(t, j, "GET", "/backups/new"); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("status %d", a.StatusCode)
		}
	})
}

// TestWhoSignedIn: what of a good token is believed, and what of it is not.
func TestWhoSignedIn(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*world, *liar)
		want   string // name, address and groups; empty if nobody is signed in
	}{
		"as it should be": {func(*world, *liar) {}, "Alice alice@example.com [team-a]"},
		"ES256": {func(_ *world, p *liar) {
			p.also = []jose.JSONWebKey{{Key: curve.Public(), KeyID: "1"}}
			p.sign = signer(jose.ES256, curve)
		}, "Alice alice@example.com [team-a]"},
		"two audiences, ours is meant": {claim(map[string]any{"aud": []string{"other", "portal"}, "azp": "portal"}), "Alice alice@example.com [team-a]"},
		"an address nobody verified":   {claim(map[string]any{"email_verified": false}), "Alice  [team-a]"},
		"verified in words":            {claim(map[string]any{"email_verified": "true"}), "Alice alice@example.com [team-a]"}, // Amazon Cognito
		"verified in other words":      {claim(map[string]any{"email_verified": "yes"}), "Alice  [team-a]"},
		"verified by a number":         {claim(map[string]any{"email_verified": 1}), "Alice  [team-a]"},
		"two at signs":                 {claim(map[string]any{"email": "alice@evil.example@example.com"}), "Alice  [team-a]"}, // GHSA-c5c4-8r6x-56w3
		"an address in Cyrillic":       {claim(map[string]any{"email": "alice@\u0435xample.com"}), "Alice  [team-a]"},
		"an address with a newline":    {claim(map[string]any{"email": "alice@example.com\n"}), "Alice  [team-a]"},
		"a name that is a list":        {claim(map[string]any{"name": []string{"Alice"}}), "alice alice@example.com [team-a]"},
		"no name":                      {claim(map[string]any{"name": ""}), "alice alice@example.com [team-a]"},
		"groups as text":               {claim(map[string]any{"groups": "team-a"}), "Alice alice@example.com []"},
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
			who, err := w.server.Who(r)
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

// claim makes a liar change some claims.
func claim(changed map[string]any) func(*world, *liar) {
	return func(_ *world, p *liar) {
		p.change = func(c map[string]any) { maps.Copy(c, changed) }
	}
}

// A cookie that would be too large is refused with a page that says so: Function
// Compute takes 8 KB for all headers of a request.
func TestSessionsThatAreTooLarge(t *testing.T) {
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

// A provider that is away is an error that says so, and is asked again when it
// is back; those who are signed in notice nothing.
func TestProvidersThatAreAway(t *testing.T) {
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

// Sign-ins that fail at the provider are counted by network address, and after a
// while the provider is not even asked. T12.
func TestFailedSignInsAreCounted(t *testing.T) {
	w, p := signInWorld(t)
	try := func(from string) *http.Response {
		w.from = from
		j := jar{}
		w.browse(t, j, "GET", "/auth/login")
		return w.browse(t, j, "GET", auth.CallbackPath+"?"+w.begin2(t, p, j).Encode())
	}
	for range 30 { // those that succeed are not counted
		if a := try("[2001:db8::1]:1"); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("a good sign-in: status %d", a.StatusCode)
		}
	}
	claim(map[string]any{"aud": "other"})(w, p)
	for i := range 20 {
		if a := try(fmt.Sprintf("[2001:db8::%x]:1", i)); a.StatusCode != http.StatusBadGateway { // one network
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

// The page after signing out links to the provider's own, if it has one that a
// link may lead to.
func TestSignedOutPageLinksToTheProvider(t *testing.T) {
	for there, want := range map[string]string{
		"":                                   "",
		"/end?x=1":                           "/end?client_id=portal&amp;x=1",
		"https://provider.example/end":       "", // another scheme than the issuer's
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
		if has := strings.Contains(string(body), "Sign out at"); has != (want != "") || want != "" && !strings.Contains(string(body), `href="`+want+`"`) {
			t.Errorf("%q: want a link to %q in\n%s", there, want, body)
		}
	}
}

// T13; ASVS 3.7.2. The API and forms are never sent on.
func TestStrangersAreSentToSignIn(t *testing.T) {
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
