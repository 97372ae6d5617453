package web_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/param/wordstest"
	"backupportal/function/secret"
	"backupportal/web/auth"
)

// A liar is an OpenID provider for tests whose answers a test can make invalid.
type liar struct {
	*httptest.Server
	key    *rsa.PrivateKey
	clock  *clock
	nonce  string
	change func(claims map[string]any)         // edits the claims of each token; nil means the claims stay valid
	sign   func(claims []byte) (string, error) // nil means a valid signature
	also   []jose.JSONWebKey                   // further keys that the provider publishes
	form   url.Values                          // form of the last token request
	asked  atomic.Int32                        // number of requests
	end    string                              // published as end_session_endpoint
	away   atomic.Bool                         // the provider closes connections without a response
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
	// The path is unique, because a later test may get the same port while the provider's answers
	// are still cached.
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

// signInWorld returns a portal behind HTTPS, and the OpenID provider (a liar) at which people
// sign in.
func signInWorld(t *testing.T) (*world, *liar) {
	t.Helper()
	w := newWorld(t)
	p := newLiar(t, w.clock)
	w.server.SignIn = &auth.OIDC{
		Issuer: p.URL, ClientID: "portal", ClientSecret: secret.New(oidcSecret), PublicURL: &url.URL{Scheme: "https", Host: "localhost"},
		Scopes: []string{"openid"}, GroupsClaim: "groups", Keep: func(_, g string) bool { return g != "other" },
	}
	w.keys(t, "A")
	return w, p
}

// keys restarts the portal with other session keys, one for each letter.
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
	w.server.SignIn.Sessions, w.server.Sender = s, s.Authenticate
	w.handler = w.server.Handler()
}

// A jar holds a browser's cookies.
type jar map[string]string

// browse sends a request and stores the cookie of the answer in j. It fails the test if the answer
// has two cookies.
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
	wordstest.Check(t, method+" "+target, rec.Body.String())
	answer := rec.Result()
	if n := len(answer.Header.Values("Set-Cookie")); n > 1 {
		t.Errorf("%s %s: %d cookies in one answer", method, target, n)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" { // threat T19
		t.Errorf("%s %s: Cache-Control %q", method, target, got)
	}
	for _, c := range answer.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || !strings.HasPrefix(c.Name, "__Host-") { // ASVS 3.3.1–3.3.4
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

// begin opens a page, follows the redirect to the provider, and returns the query of a valid
// callback.
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

// signedIn reports whether the browser has a valid session.
func (w *world) signedIn(t *testing.T, j jar) bool {
	t.Helper()
	return w.browse(t, maps.Clone(j), "GET", "/backups").StatusCode == http.StatusOK
}

// makesNothing requests a backup with the cookies in j, once as a form and once as JSON, and
// fails the test if the cloud is called.
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

// begin2 starts another sign-in in a browser that has a session.
func (w *world) begin2(t *testing.T, p *liar, j jar) url.Values {
	t.Helper()
	to, err := url.Parse(w.browse(t, j, "GET", "/auth/login").Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	p.nonce = to.Query().Get("nonce")
	return url.Values{"code": {"good"}, "state": {to.Query().Get("state")}, "iss": {p.URL}}
}
