package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/store/postgrestest"
)

const serverGuide = "docs/how-to/server.md"

// TestServerGuideIsRehearsed proves that the commands printed in docs/how-to/server.md make a
// portal that works. Two people of two teams sign in through the proxy, and each sees only the
// instances of the own team. A person, a pipeline and a webhook make one job each.
//
// The test changes only the values in the first block of commands, as a reader of the guide
// does. A test cannot rely on systemd, so a script takes the place of systemctl: it starts the
// program that the printed unit names, with the printed environment. If nginx is missing, a
// proxy in Go takes its place.
func TestServerGuideIsRehearsed(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out building and installing the program")
	}
	t.Parallel()
	r := newRehearsal(t)
	r.follow()

	if n := r.calls(); n != 2 {
		t.Errorf("the pipeline and the webhook made %d calls, want 2", n)
	}
	web, data := r.signIn("wang", "web"), r.signIn("dana", "data")
	for _, c := range []struct {
		person       *fixture
		sees, hidden string
	}{{web, "i-bp1demoweb01", "i-bp1demodb01"}, {data, "i-bp1demodb01", "i-bp1demoweb01"}} {
		status, page := c.person.get("/")
		if status != http.StatusOK || !strings.Contains(page, c.sees) || strings.Contains(page, c.hidden) {
			t.Errorf("the start page has the status %d; want %s and not %s:\n%s", status, c.sees, c.hidden, page)
		}
	}
	ofWeb := url.Values{"Account": {"main"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "Retention": {"7"}}
	ofData := url.Values{"Account": {"main"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demodb01"}, "Retention": {"7"}}
	if place := data.submitForm("UDM_ECS", ofData); !strings.HasPrefix(place, "/backups/") {
		t.Errorf("the backup of a person led to %q", place)
	}
	refused := url.Values{"SourceType": {"UDM_ECS"}, "key": {"of-another-team"}}
	for name, values := range ofWeb {
		refused[name] = values
	}
	if res, _ := data.postForm("/backups", refused); res.StatusCode != http.StatusForbidden {
		t.Errorf("the team data may back up an instance of the team web: %s", res.Status)
	}
	if n := r.calls(); n != 3 {
		t.Errorf("%d calls after the backup of a person, want 3", n)
	}

	r.ahead.Store(int64(time.Minute)) // in the cloud, all jobs have ended
	var id struct {
		SubmissionID string `json:"SubmissionId"`
	}
	if err := json.Unmarshal([]byte(r.pipeline), &id); err != nil || id.SubmissionID == "" {
		t.Fatalf("the answer to the pipeline was %q, %v", r.pipeline, err)
	}
	status, answer := web.get("/api/v1/backup-jobs/" + id.SubmissionID + "?wait=50s")
	if status != http.StatusOK || !strings.Contains(answer, `"Outcome":"succeeded"`) {
		t.Errorf("the job of the pipeline: %d %s", status, answer)
	}
	if status, _ := data.get("/api/v1/backup-jobs/" + id.SubmissionID); status != http.StatusNotFound {
		t.Errorf("the team data gets the backup of the team web: status %d", status)
	}
	out, code := runProgram(t, r.environment(), "audit", "verify")
	if code != 0 {
		t.Errorf("audit verify: exit status %d, %s", code, out)
	}
}

// A rehearsal executes the commands of the guide docs/how-to/server.md in a temporary folder.
type rehearsal struct {
	t        *testing.T
	dir      string // the folder for everything that the guide installs
	provider *guideProvider
	cloud    *emulator.Cloud
	ahead    atomic.Int64 // nanoseconds by which the cloud's clock is ahead
	settings map[string]string
	pipeline string // the answer to the backup of the pipeline
}

func newRehearsal(t *testing.T) *rehearsal {
	for _, tool := range []string{"psql", "openssl", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	r := &rehearsal{t: t, dir: t.TempDir(), provider: newGuideProvider(t)}
	cloud, err := emulator.New(emulator.Options{Now: func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	r.cloud = cloud
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	https := freeAddress(t)
	_, port, _ := net.SplitHostPort(https)
	r.settings = map[string]string{
		"PORTAL_HOME": filepath.Join(r.dir, "portal"), "PORTAL_ADDR": freeAddress(t), "PORTAL_NAME": "localhost",
		"PUBLIC_URL": "https://localhost:" + port, "HTTPS_LISTEN": https, "NGINX_CONF": filepath.Join(r.dir, "conf.d"),
		"TLS_CERT": filepath.Join(r.dir, "cert.pem"), "TLS_KEY": filepath.Join(r.dir, "key.pem"),
		"DATABASE_HOST": postgrestest.Start(t).Addr(), "DATABASE_ADMIN": "postgres",
		"OIDC_ISSUER": r.provider.URL, "OIDC_CLIENT_ID": "backup-portal", "OIDC_CLIENT_SECRET": r.provider.secret,
		"ACCOUNT_ID": "1000000000000001", "ALIBABA_CLOUD_ACCESS_KEY_ID": world.DemoKey,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET": world.DemoSecret, "CLOUD_ENDPOINT": endpoint.URL,
	}
	if err := os.Mkdir(r.settings["NGINX_CONF"], 0o755); err != nil {
		t.Fatal(err)
	}
	return r
}

// freeAddress returns an address of 127.0.0.1 with a port on which no program listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

var (
	shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	setting    = regexp.MustCompile(`(?m)^export (\w+)=(\S*)( +#.*)?$`)
)

// follow runs all blocks of commands of docs/how-to/server.md in one shell. The test fails if a
// command fails.
func (r *rehearsal) follow() {
	r.t.Helper()
	page, err := os.ReadFile("../../" + serverGuide)
	if err != nil {
		r.t.Fatal(err)
	}
	var script strings.Builder
	blocks := shellBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 10 {
		r.t.Fatalf("%s has %d blocks of commands", serverGuide, len(blocks))
	}
	for i, block := range blocks {
		commands := block[1]
		if i == 0 {
			commands = r.fill(commands)
		}
		fmt.Fprintf(&script, "echo '== block %d'\n%s\n", i+1, commands)
	}
	shell := exec.CommandContext(r.t.Context(), "sh", "-eu")
	shell.Dir = "../.."
	shell.Stdin = strings.NewReader(script.String())
	shell.Env = append(os.Environ(), "PATH="+r.tools()+":"+os.Getenv("PATH"), "REHEARSAL="+r.dir)
	r.t.Cleanup(r.stop)
	output, err := shell.CombinedOutput()
	if err != nil {
		journal, _ := os.ReadFile(filepath.Join(r.dir, "journal"))
		r.t.Fatalf("%v\n%s\njournal:\n%s", err, output, journal)
	}
	answer := regexp.MustCompile(`\{"SubmissionId".*\}`).FindString(string(output))
	if r.pipeline = answer; answer == "" {
		r.t.Fatalf("no answer to the pipeline:\n%s", output)
	}
}

// fill returns the guide's first block of commands with the values of the rehearsal's settings.
// The test fails if a line is no setting, or if the block lacks a setting of the rehearsal.
func (r *rehearsal) fill(block string) string {
	r.t.Helper()
	var named []string
	filled := setting.ReplaceAllStringFunc(block, func(line string) string {
		name := setting.FindStringSubmatch(line)[1]
		named = append(named, name)
		return "export " + name + "=" + r.settings[name]
	})
	if lines := strings.Count(block, "\n"); len(named) != lines {
		r.t.Errorf("%s: %d lines of settings, of which %d are settings", serverGuide, lines, len(named))
	}
	for name := range r.settings {
		if !slices.Contains(named, name) {
			r.t.Errorf("%s has no setting %s", serverGuide, name)
		}
	}
	return filled
}

// systemctl is a script that takes the place of the program systemctl. It starts the command
// ExecStart of a unit with exactly the variables of the unit's EnvironmentFile. It also starts
// nginx with the configuration that the guide wrote.
const systemctl = `#!/bin/sh
set -eu
case "$1 $2" in
'enable --now')
	command=$(sed -n 's/^ExecStart=//p' "$3")
	file=$(sed -n 's/^EnvironmentFile=//p' "$3")
	set --
	while IFS= read -r line; do set -- "$@" "$line"; done < "$file"
	env -i "$@" "$command" > "$REHEARSAL/journal" 2>&1 &
	echo $! >> "$REHEARSAL/pids"
	;;
'reload nginx')
	test -e "$REHEARSAL/nginx.conf" || exit 0
	"$NGINX" -p "$REHEARSAL" -c "$REHEARSAL/nginx.conf" > "$REHEARSAL/nginx.log" 2>&1 &
	echo $! >> "$REHEARSAL/pids"
	;;
*)
	echo "systemctl $* is not rehearsed" >&2
	exit 1
	;;
esac
`

// tools writes the script systemctl and the main configuration of nginx, and returns the folder
// of the script. If nginx is not installed, it starts a proxy in this process instead.
func (r *rehearsal) tools() string {
	r.t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx, err = exec.LookPath("/usr/sbin/nginx")
	}
	if err == nil {
		main := fmt.Sprintf("daemon off;\npid nginx.pid;\nuser root;\nerror_log stderr;\nevents {}\nhttp {\n  access_log off;\n"+
			"  client_body_temp_path body;\n  proxy_temp_path proxy;\n  fastcgi_temp_path fastcgi;\n  uwsgi_temp_path uwsgi;\n"+
			"  scgi_temp_path scgi;\n  include %s/*.conf;\n}\n", r.settings["NGINX_CONF"])
		r.write("nginx.conf", main, 0o644)
	} else {
		r.t.Log("nginx is missing: a proxy in Go takes its place")
		r.proxy()
	}
	r.write("bin/systemctl", strings.Replace(systemctl, `"$NGINX"`, `"`+nginx+`"`, 1), 0o755)
	return filepath.Join(r.dir, "bin")
}

// calls returns the number of calls for a backup. It leaves out the checks of doctor, which call without parameters.
func (r *rehearsal) calls() (n int) {
	for _, call := range r.cloud.Ledger().CallsOf("CreateBackupJob") {
		if call.Parameters["InstanceId"] != "" {
			n++
		}
	}
	return n
}

func (r *rehearsal) write(name, text string, mode os.FileMode) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
}

// proxy starts an HTTPS server with the certificate that the guide makes. It forwards each
// request to the portal, as nginx would.
func (r *rehearsal) proxy() {
	listener, err := net.Listen("tcp", r.settings["HTTPS_LISTEN"])
	if err != nil {
		r.t.Fatal(err)
	}
	portal := &url.URL{Scheme: "http", Host: r.settings["PORTAL_ADDR"]}
	server := &http.Server{
		Handler: &httputil.ReverseProxy{Rewrite: func(q *httputil.ProxyRequest) {
			q.SetURL(portal)
			q.Out.Host = q.In.Host
			q.SetXForwarded()
		}},
		TLSConfig: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(r.settings["TLS_CERT"], r.settings["TLS_KEY"])
			return &pair, err
		}},
	}
	go server.ServeTLS(listener, "", "") // ends with Close
	r.t.Cleanup(func() { server.Close() })
}

// stop ends the processes that the guide started, and waits until the portal has ended.
func (r *rehearsal) stop() {
	pids, err := os.ReadFile(filepath.Join(r.dir, "pids"))
	if err != nil {
		return // nothing was started
	}
	for line := range strings.FieldsSeq(string(pids)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			r.t.Error(err)
			continue
		}
		// The process is a child of a shell that has ended, so it cannot be waited for.
		for began := time.Now(); syscall.Kill(pid, syscall.SIGTERM) == nil && time.Since(began) < patience; {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// environment returns the variables of the guide's environment file, in the form that
// [runProgram] takes.
func (r *rehearsal) environment() (pairs []string) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.settings["PORTAL_HOME"], "env"))
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		pairs = append(pairs, name, value)
	}
	return pairs
}

// signIn signs a person of a group in: it opens the portal's start page, and follows the
// redirects to the identity provider and back.
func (r *rehearsal) signIn(person, group string) *fixture {
	r.t.Helper()
	authority, err := os.ReadFile(r.settings["TLS_CERT"])
	if err != nil {
		r.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		r.t.Fatal("the guide made no certificate")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	r.t.Cleanup(transport.CloseIdleConnections)
	r.provider.person(person, group)
	browser := &http.Client{Transport: transport, Jar: jar}
	res, err := browser.Get(r.settings["PUBLIC_URL"] + "/")
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Request.URL.Path != "/" {
		r.t.Fatalf("signing in: %s at %s", res.Status, res.Request.URL)
	}
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &fixture{t: r.t, cloud: r.cloud, url: r.settings["PUBLIC_URL"], http: browser}
}

// A guideProvider is an OpenID Connect provider for the test, at which one person at a time is
// signed in. It checks the client's secret and the PKCE code verifier.
type guideProvider struct {
	*httptest.Server
	secret string

	mu        sync.Mutex
	who, team string
	codes     map[string]url.Values // the requests for codes, by the code
}

func newGuideProvider(t *testing.T) *guideProvider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "1"))
	if err != nil {
		t.Fatal(err)
	}
	p := &guideProvider{secret: rand.Text(), codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1"}}})
	})
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, q *http.Request) {
		code := rand.Text()
		p.mu.Lock()
		p.codes[code] = q.URL.Query()
		p.mu.Unlock()
		back := url.Values{"code": {code}, "state": {q.URL.Query().Get("state")}}
		http.Redirect(w, q, q.URL.Query().Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, q *http.Request) {
		p.mu.Lock()
		asked, who, team := p.codes[q.PostFormValue("code")], p.who, p.team
		delete(p.codes, q.PostFormValue("code"))
		p.mu.Unlock()
		id, secret, ok := q.BasicAuth()
		if !ok {
			id, secret = q.PostFormValue("client_id"), q.PostFormValue("client_secret")
		}
		verifier := sha256.Sum256([]byte(q.PostFormValue("code_verifier")))
		w.Header().Set("Content-Type", "application/json")
		if id != "backup-portal" || secret != p.secret {
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"error":"invalid_client"}`))
			return
		}
		if asked == nil || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(verifier[:]) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"error":"invalid_grant"}`))
			return
		}
		claims, _ := json.Marshal(map[string]any{ // texts, numbers and a list always have a JSON form
			"iss": p.URL, "aud": id, "sub": who, "name": who, "groups": []string{team}, "nonce": asked.Get("nonce"),
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		})
		signed, err := signer.Sign(claims)
		if err != nil {
			t.Error(err)
			return
		}
		token, _ := signed.CompactSerialize()
		json.NewEncoder(w).Encode(map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "id_token": token})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// person makes a person the one who is signed in at the provider. The person before is signed
// in no longer.
func (p *guideProvider) person(who, team string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.who, p.team = who, team
}
