package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/app"
	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/event"
	"backupportal/function/event/envelope"
	"backupportal/function/event/runtimetest"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
)

// canaryFaults lists all faults of the emulator that return a text, so all except those that
// only delay.
var canaryFaults = []string{
	"html 502", "html 200", "empty 503", "redirect", "drop", "drop-after", "reset", "500", "500-after", "503", "refuse 404 VaultNotExist", "refuse 400 Strange",
	"refuse 403 NoPermission", "numeric-code", "throttle", "throttle-headers", "throttle-429", "throttle-rejected", "expired", "signature-echo", "nonce-used",
	"nonce-used-after", "truncate", "bad-json", "oversized", "numeric-success",
}

// TestNoOutputContainsASecret proves that no log, answer, header, audit record or error
// contains a secret (threats T9, T21). Every secret of the tested portal is a unique text. The
// test sends submissions in every way and causes every fault of the cloud, the identity
// provider, the receivers and the database.
func TestNoOutputContainsASecret(t *testing.T) {
	c := &canaries{}
	r := newCanaryFixture(t, c)
	r.signIn()
	for _, fault := range append([]string{""}, canaryFaults...) {
		schedule := fault
		if fault != "" {
			schedule = "CreateBackupJob: " + fault + " x3; AssumeRole: " + fault + "; DescribeBackupJobs2: " + fault + " x2; CancelBackupJob: " + fault
		}
		if err := r.cloud.SetFaults(schedule); err != nil {
			t.Fatal(err)
		}
		r.doors(fault)
	}
	r.strangers()
	r.platform()
	r.misconfigured()
	r.provider.echo.Store(true)
	r.signIn()
	r.server.Stop(r.t, syscall.SIGQUIT)
	r.doors("database away")
	r.server.Resume(r.t)
	r.doors("database back")

	db, err := store.Open(store.Config{URL: secret.New(r.database), StatementTime: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	records := 0
	for row, err := range db.AuditTrail(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		records++
		c.heard("the audit trail", row.Body)
	}
	if records < 100 || len(c.texts) < 30 || len(c.out["the log"].String()) < 10_000 {
		t.Errorf("too little was looked at: %d records, %d secrets, %d bytes of log", records, len(c.texts), len(c.out["the log"].String()))
	}
	for _, event := range []string{"start", "signin", "signin_failed", "signout", "denied", "intent", "outcome", "webhook_refused"} {
		if !strings.Contains(c.out["the audit trail"].String(), `"event":"`+event+`"`) {
			t.Errorf("the audit trail has no %s", event)
		}
	}
	c.check(t)
}

// A heardLog is a log writer that stores each line in the canaries, which search it for
// secrets.
type heardLog struct{ *canaries }

func (l heardLog) Write(b []byte) (int, error) {
	l.heard("the log", string(b))
	return len(b), nil
}

// A canaryFixture is the program in this process. It uses PostgreSQL, a sign-in at a provider, and
// every kind of secret.
type canaryFixture struct {
	*canaries
	t        *testing.T
	cloud    *emulator.Cloud
	server   *postgrestest.Server
	database string
	provider *echoProvider
	settings []string // environment of the program, as alternating names and values
	portal   app.App
	url      string
	client   *http.Client
	n        int

	hook, github, token, bearer string
}

func newCanaryFixture(t *testing.T, c *canaries) *canaryFixture {
	t.Helper()
	r := &canaryFixture{canaries: c, t: t, server: postgrestest.Start(t), provider: newEchoProvider(t, c)}
	r.database = strings.Replace(r.server.Schema(t), "postgres@", "postgres:"+c.mark("database password", 24)+"@", 1)
	r.hook, r.github = c.mark("hook secret", 32), c.mark("github secret", 32)
	r.token, r.bearer = "hbp_"+c.mark("token", 43), "hbp_"+c.mark("bearer token", 43)
	key, secret, external := c.mark("access key id", 20), c.mark("access key secret", 30), c.mark("external id", 32)

	exists := world.Demo()
	exists.Accounts[0].Users[0].AccessKeys = []world.AccessKey{{ID: key, Secret: secret}}
	exists.Accounts[1].Roles[0].ExternalID = external
	cloud, err := emulator.New(emulator.Options{World: exists})
	if err != nil {
		t.Fatal(err)
	}
	r.cloud = cloud
	endpoint := httptest.NewServer(r.watched(cloud))
	t.Cleanup(endpoint.Close)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, "http://127.0.0.1:1"+q.URL.RequestURI(), http.StatusFound)
	}))
	t.Cleanup(receiver.Close)

	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		app.NewServer(app.Config{Platform: app.PlainServer}, r.portal).Handler.ServeHTTP(w, q)
	}))
	front.Start()
	t.Cleanup(front.Close)
	r.url = strings.Replace(front.URL, "127.0.0.1", "localhost", 1)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.client = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r.settings = []string{
		"CLOUD_ENDPOINT", endpoint.URL, "POLICY_FILE", r.policy(), "DATABASE_URL", r.database,
		"ALIBABA_CLOUD_ACCESS_KEY_ID", key, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret,
		"AUTH_MODE", "oidc", "OIDC_ISSUER", r.provider.URL, "OIDC_CLIENT_ID", "portal", "OIDC_CLIENT_SECRET", r.provider.secret, "PUBLIC_URL", r.url,
		"SESSION_KEYS", base64.StdEncoding.EncodeToString([]byte(c.mark("session key", 32))), "AUDIT_KEY", c.mark("audit key", 40),
		"HOOK", "whsec_" + base64.StdEncoding.EncodeToString([]byte(r.hook)), "GITHUB", r.github, "EXTERNAL", external,
		"RECEIVER_URL", receiver.URL + "/" + c.mark("receiver address", 24), "RECEIVER_SECRET", "whsec_" + base64.StdEncoding.EncodeToString([]byte(c.mark("receiver secret", 32))),
		"CHAT_URL", "http://127.0.0.1:1/robot/send?access_token=" + c.mark("chat token", 24), "CHAT_SECRET", "SEC" + c.mark("chat secret", 24),
	}
	cfg, err := app.ReadConfig(variables(r.settings...))
	if err != nil {
		t.Fatal(err)
	}
	if r.portal, err = app.Wire(cfg, heardLog{c}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.portal.Close() })
	r.portal.Service.Wait = func(context.Context, time.Duration) error { return nil }
	return r
}

// policy returns the demo policy with every kind of setting that contains a secret.
func (r *canaryFixture) policy() string {
	r.t.Helper()
	text, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		r.t.Fatal(err)
	}
	sum := func(s string) string { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]) }
	const until = `not_after: "2099-01-01T00:00:00Z"`
	more := `
tokens:
  - {source: robot, id: t1, sha256: "` + sum(r.token) + `", ` + until + `}
sources:
  - {name: ci, kind: standard, keys: [{id: k1, secret_env: HOOK}], submission: {Account: payments, Region: cn-hangzhou, InstanceId: {pointer: /instance}, Retention: "7"}}
  - {name: repo, kind: github, keys: [{id: g1, secret_env: GITHUB}], submission: {Account: demo, Region: cn-hangzhou, InstanceId: {pointer: /instance}, Retention: "7"}}
  - {name: alerts, kind: bearer, key: body, keys: [{id: b1, sha256: "` + sum(r.bearer) + `", ` + until + `}], submission: {Account: demo, Region: cn-hangzhou, InstanceId: {pointer: /instance}, Retention: "7"}}
notifications:
  receivers:
    - {name: hook, kind: webhook, url_env: RECEIVER_URL, secret_env: RECEIVER_SECRET, events: [created, failed, cancelled]}
    - {name: chat, kind: dingtalk, url_env: CHAT_URL, secret_env: CHAT_SECRET, events: [created, failed, cancelled]}
`
	for from, to := range map[string]string{
		"members:\n": "members:\n      - {issuer: \"" + r.provider.URL + "\", subject: alice}\n      - {source: robot}\n      - {source: ci}\n      - {source: repo}\n      - {source: alerts}\n",
		"    access: assume_role\n    role: backup-operator\n": "    access: assume_role\n    role: backup-operator\n    external_id_env: EXTERNAL\n",
	} {
		text = bytes.Replace(text, []byte(from), []byte(to), 1)
	}
	file := filepath.Join(r.t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, append(text, more...), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return file
}

// watched returns a handler in front of the cloud. It registers as secrets the credentials that
// the cloud issues and the signatures of requests.
func (r *canaryFixture) watched(cloud http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		q.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		for _, name := range []string{"Signature", "SecurityToken", "SignatureNonce"} {
			r.add(name, q.URL.Query().Get(name))
			r.add(name, form.Get(name))
		}
		if q.URL.Query().Get("Action") != "AssumeRole" && form.Get("Action") != "AssumeRole" {
			cloud.ServeHTTP(w, q)
			return
		}
		kept := &keeper{ResponseWriter: w}
		cloud.ServeHTTP(kept, q)
		var answer struct {
			Credentials struct{ AccessKeyID, AccessKeySecret, SecurityToken string } `json:"Credentials"`
		}
		if json.Unmarshal(kept.body.Bytes(), &answer) == nil {
			r.add("session's secret", answer.Credentials.AccessKeySecret)
			r.add("session's token", answer.Credentials.SecurityToken)
		}
	})
}

// A keeper stores the body of an answer and passes it on.
type keeper struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (k *keeper) Write(b []byte) (int, error) {
	k.body.Write(b)
	return k.ResponseWriter.Write(b)
}

func (k *keeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// ask sends a request to the portal and stores the answer, to be searched for secrets. It
// registers the answer's cookies as secrets.
func (r *canaryFixture) ask(method, path, contentType, body string, headers ...string) *http.Response {
	r.t.Helper()
	q, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if contentType != "" {
		q.Header.Set("Content-Type", contentType)
	}
	if method == "POST" && q.URL.Path == "/api/v1/backup-jobs" {
		q.Header.Set("Idempotency-Key", rand.Text()) // headers may replace this key
	}
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	return r.answered(method+" "+path, q, r.client.Do)
}

func (r *canaryFixture) answered(place string, q *http.Request, do func(*http.Request) (*http.Response, error)) *http.Response {
	r.t.Helper()
	res, err := do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if res.Header.Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(bytes.NewReader(content)); err == nil {
			content, _ = io.ReadAll(z)
		}
	}
	for _, cookie := range res.Cookies() {
		r.add("cookie "+cookie.Name, cookie.Value)
	}
	h := res.Header.Clone()
	h.Del("Set-Cookie")
	r.heard("an answer to "+place, fmt.Sprint(res.Status, h, string(content)))
	return res
}

// signIn signs a person in at the provider, signs the person out, and signs the person in again.
func (r *canaryFixture) signIn() {
	r.t.Helper()
	for range 2 {
		to, err := r.ask("GET", "/auth/login?next=/backups", "", "").Location()
		if err != nil {
			r.t.Fatal(err)
		}
		code := r.mark("authorization code", 24)
		r.provider.nonce = to.Query().Get("nonce")
		back := url.Values{"code": {code}, "state": {to.Query().Get("state")}}
		res := r.ask("GET", "/auth/callback?"+back.Encode(), "", "")
		if !r.provider.echo.Load() && res.StatusCode != http.StatusSeeOther {
			r.t.Fatalf("signing in: %s", res.Status)
		}
		r.ask("GET", "/auth/callback?"+back.Encode()+"&state=again", "", "") // the portal refuses this callback
		if !r.provider.echo.Load() {
			r.ask("GET", "/backups", "", "")
		}
		if r.n == 0 {
			r.n++
			r.ask("POST", "/auth/logout", "application/x-www-form-urlencoded", "", "Sec-Fetch-Site", "same-origin")
		}
	}
}

// doors sends one submission in each possible way: form, JSON API, webhook and event.
func (r *canaryFixture) doors(fault string) {
	r.n++
	key := fmt.Sprint("canary-", r.n)
	form := url.Values{"SourceType": {"UDM_ECS"}, "Account": {"payments"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp2demopay01"}, "Retention": {"7"}, "key": {key}, "op": {"check"}}
	r.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode(), "Sec-Fetch-Site", "same-origin")
	form.Del("op")
	made := r.ask("POST", "/backups", "application/x-www-form-urlencoded", form.Encode(), "Sec-Fetch-Site", "same-origin")
	if fault == "" && made.StatusCode != http.StatusSeeOther {
		r.t.Errorf("the form: %s", made.Status)
	}
	if page := made.Header.Get("Location"); strings.HasPrefix(page, "/backups/") {
		r.ask("GET", page, "", "")
		r.ask("POST", page+"/cancel", "application/x-www-form-urlencoded", "", "Sec-Fetch-Site", "same-origin")
	}
	bearer := []string{"Authorization", "Bearer " + r.token, "Idempotency-Key", key, "Accept-Language", "zh"}
	for _, account := range []string{"demo", "payments", "locked"} {
		bearer[3] = key + account
		res := r.ask("POST", "/api/v1/backup-jobs", "application/json", fmt.Sprintf(`{"Account":%q,"Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp2demopay01","Retention":7}`, account), bearer...)
		if fault == "" && account == "payments" && res.StatusCode != http.StatusCreated {
			r.t.Errorf("the API: %s", res.Status)
		}
	}
	r.ask("GET", "/api/v1/backup-jobs", "", "", bearer[:2]...)
	r.ask("POST", "/api/v1/backup-jobs?dry_run=true", "application/json", kinds[0].json, bearer[:2]...)

	const body = `{"instance":"i-bp2demopay01"}`
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	hook := r.ask("POST", "/webhooks/ci", "application/json", body, "Webhook-Id", key, "Webhook-Timestamp", stamp,
		"Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac(r.hook, key+"."+stamp+"."+body)))
	if fault == "" && hook.StatusCode != http.StatusCreated {
		r.t.Errorf("the webhook: %s", hook.Status)
	}
	r.ask("POST", "/webhooks/repo", "application/json", body, "X-GitHub-Delivery", fmt.Sprintf("72d3162e-cc78-11e3-81ab-%012d", r.n), "X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac(r.github, body)))
	r.ask("POST", "/webhooks/alerts", "application/json", body, "Authorization", "Bearer "+r.bearer)

	for _, payload := range []string{kinds[0].json, `{"sweep":true}`, `{"Account":"nobody"}`} {
		answer, err := r.portal.Handlers.Submit(r.t.Context(), event.Message{Kind: envelope.Direct, ID: key, Payload: []byte(payload)})
		r.heard("an answer to an event", fmt.Sprintf("%s %v %+v", answer, err, err))
	}
	for _, path := range []string{"/", "/backups/new/UDM_ECS", "/docs/api", "/api/v1/openapi.json", "/healthz", "/readyz", "/nowhere"} {
		r.ask("GET", path, "", "")
	}
}

func mac(key, text string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

// strangers sends secrets that are wrong or at the wrong place. No answer may repeat them.
func (r *canaryFixture) strangers() {
	wrong := r.mark("somebody's token", 43)
	r.ask("GET", "/api/v1/backup-jobs", "", "", "Authorization", "Bearer hbp_"+wrong)
	r.ask("GET", "/api/v1/backup-jobs", "", "", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("alice:"+r.mark("somebody's password", 20))))
	r.ask("GET", "/api/v1/backup-jobs", "", "", "Authorization", "Bearer eyJhbGciOiJub25lIn0."+base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"x","sub":"`+wrong+`"}`))+".")
	r.ask("POST", "/api/v1/backup-jobs?token="+r.mark("token in an address", 24), "application/json", kinds[0].json, "Authorization", "Bearer "+r.token)
	r.ask("POST", "/webhooks/alerts", "application/json", `{}`, "Authorization", "Bearer hbp_"+wrong)
	r.ask("POST", "/webhooks/ci", "application/json", `{}`, "Webhook-Id", "x", "Webhook-Timestamp", "1", "Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString([]byte(r.mark("somebody's signature", 32))))
	r.ask("GET", "/backups", "", "", "Cookie", "portal="+r.mark("somebody's cookie", 60))
	r.ask("GET", "/auth/callback?state="+r.mark("somebody's state", 26)+"&code="+r.mark("somebody's code", 26), "", "")
	r.ask("POST", "/backups", "application/x-www-form-urlencoded", "Detail.password="+r.mark("somebody's field", 24), "Sec-Fetch-Site", "same-origin")
	r.ask("POST", "/backups", "application/x-www-form-urlencoded", "", "Sec-Fetch-Site", "cross-site", "X-Api-Key", r.mark("somebody's key", 24))
	r.ask("POST", "/api/v1/backup-jobs", "application/json", `{"Account":"nobody","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp2demopay01","Retention":7}`, "Authorization", "Bearer "+r.token)
	r.ask("POST", "/api/v1/backup-jobs", "application/json", `{"Account":"payments","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp2demopay01","Retention":9999}`, "Authorization", "Bearer "+r.token)
	r.ask("POST", "/api/v1/backup-jobs", "application/json", `{"Account":"payments","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp2demopay01","Retention":700}`, "Authorization", "Bearer "+r.token)
}

// platform sends the headers with the platform's credentials to the plain server, which must
// ignore them, and to the custom runtime, which must not reveal them.
func (r *canaryFixture) platform() {
	id, secret, token := r.mark("platform's key id", 24), r.mark("platform's key secret", 30), r.mark("platform's token", 60)
	headers := []string{"Authorization", "Bearer " + r.token, "X-Fc-Access-Key-Id", id, "X-Fc-Access-Key-Secret", secret, "X-Fc-Security-Token", token, "X-Fc-Request-Id", "platform-1"}
	const body = `{"Account":"demo","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","Retention":7}`
	if res := r.ask("POST", "/api/v1/backup-jobs", "application/json", body, headers...); res.StatusCode != http.StatusCreated {
		r.t.Errorf("the plain server took credentials of a stranger: %s", res.Status)
	}
	custom := r.portal.Handlers.CustomRuntime()
	for _, path := range []string{"/api/v1/backup-jobs", "/nowhere"} {
		q := httptest.NewRequest("POST", r.url+path, strings.NewReader(body))
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("Idempotency-Key", "the-custom-runtime")
		for i := 0; i < len(headers); i += 2 {
			q.Header.Set(headers[i], headers[i+1])
		}
		r.answered("the custom runtime", q, func(q *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			custom.ServeHTTP(w, q)
			return w.Result(), nil
		})
	}
	ledger := r.cloud.Ledger().Calls
	if last := ledger[len(ledger)-1]; last.Code == "" {
		r.t.Errorf("the custom runtime did not use the platform's credentials: %+v", last)
	}
}

// misconfigured starts the program with unusable secrets and stores its error messages, to be
// searched for the secrets.
func (r *canaryFixture) misconfigured() {
	for name, value := range map[string]string{
		"DATABASE_URL": "postgres://portal:" + r.mark("bad password", 20) + "@host:port/x?sslmode=disable", "SESSION_KEYS": r.mark("bad session key", 20),
		"AUDIT_KEY": "x," + r.mark("bad audit key", 20), "HOOK": r.mark("bad hook secret", 20), "GITHUB": r.mark("bad", 12)[:12], "EXTERNAL": r.mark("bad external id", 16) + " %",
		"RECEIVER_URL": "ftp://" + r.mark("bad address", 20), "RECEIVER_SECRET": r.mark("bad receiver secret", 20), "CHAT_URL": "http://" + r.mark("bad robot", 20) + ":x/",
	} {
		pairs := append(slices.Clone(r.settings), name, value)
		cfg, err := app.ReadConfig(variables(pairs...))
		if err == nil {
			var p app.App
			if p, err = app.Wire(cfg, heardLog{r.canaries}); err == nil {
				r.t.Errorf("%s starts with what cannot be used", name)
				p.Close()
			}
		}
		r.heard("an error of the start", fmt.Sprintf("%s: %v %+v %#v", name, err, err, err))
		slog.New(slog.NewJSONHandler(heardLog{r.canaries}, nil)).Error("start", "error", err)
	}
}

// An echoProvider is an OpenID provider. If echo is set, its answers repeat everything that it
// received.
type echoProvider struct {
	*httptest.Server
	secret, nonce string
	echo          atomic.Bool
}

func newEchoProvider(t *testing.T, c *canaries) *echoProvider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "1"))
	if err != nil {
		t.Fatal(err)
	}
	p := &echoProvider{secret: c.mark("client secret", 40)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, q *http.Request) {
		q.ParseForm()
		c.add("code verifier", q.PostForm.Get("code_verifier"))
		w.Header().Set("Content-Type", "application/json")
		if p.echo.Load() {
			w.WriteHeader(http.StatusBadRequest)
			json.NewEncoder(w).Encode(map[string]any{"error": "invalid_grant", "error_description": q.PostForm.Encode() + q.Header.Get("Authorization"), "secret": p.secret})
			return
		}
		claims, _ := json.Marshal(map[string]any{"iss": p.URL, "aud": "portal", "sub": "alice", "nonce": p.nonce, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "name": "Alice"})
		signed, err := signer.Sign(claims)
		if err != nil {
			t.Error(err)
		}
		token, _ := signed.CompactSerialize()
		c.add("ID token", token)
		json.NewEncoder(w).Encode(map[string]any{"access_token": c.mark("access token", 24), "refresh_token": c.mark("refresh token", 24), "token_type": "Bearer", "id_token": token})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// TestNoOutputContainsPlatformCredentials proves that no output contains the credentials that
// Function Compute passes to the program with every event (threats T9, T21).
func TestNoOutputContainsPlatformCredentials(t *testing.T) {
	c := &canaries{}
	keys := runtimetest.Credentials{AccessKeyID: c.mark("platform's key id", 24), AccessKeySecret: c.mark("platform's key secret", 30)}
	exists := world.Demo()
	exists.Accounts[0].Users[0].AccessKeys = []world.AccessKey{{ID: keys.AccessKeyID, Secret: keys.AccessKeySecret}}
	cloud, err := emulator.New(emulator.Options{World: exists})
	if err != nil {
		t.Fatal(err)
	}
	g := &fixture{t: t, fc: &runtimetest.FC{Credentials: keys}}
	settings := g.cloudEnv()
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	settings = append(settings, "CLOUD_ENDPOINT="+endpoint.URL, "AUDIT_KEY="+c.mark("audit key", 40))
	g.fc.Start(t, g.path(), settings...)
	g.serve(&runtimetest.FCTrigger{Function: g.fc})
	for i, fault := range []string{"", "signature-echo", "redirect", "500", "html 502", "refuse 403 NoPermission", "drop-after"} {
		schedule := ""
		if fault != "" {
			schedule = "CreateBackupJob: " + fault + "; AssumeRole: " + fault
		}
		if err := cloud.SetFaults(schedule); err != nil {
			t.Fatal(err)
		}
		for _, account := range []string{"demo", "payments"} {
			body := fmt.Sprintf(`{"Account":%q,"Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","Retention":7}`, account)
			res, answer := g.do("POST", "/api/v1/backup-jobs", "application/json", body, "Idempotency-Key", fmt.Sprint(account, i), "X-Fc-Access-Key-Id", "stranger")
			c.heard("an answer", fmt.Sprint(res.Status, res.Header, answer))
			if i == 0 && account == "demo" && res.StatusCode != http.StatusCreated {
				t.Errorf("%s %s", res.Status, answer)
			}
			out := g.fc.Invoke(t.Context(), []byte(body))
			c.heard("an answer to an event", fmt.Sprintf("%s %+v", out.Body, out))
		}
	}
	c.heard("the output", g.fc.Output())
	if !strings.Contains(g.fc.Output(), `"audit":{"chain"`) {
		t.Errorf("no audit in the output:\n%s", g.fc.Output())
	}
	c.check(t)
}
