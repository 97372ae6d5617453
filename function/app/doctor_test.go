package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"backupportal/function/emulator"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/world"
	"backupportal/function/secret"
	"backupportal/function/store"
)

// A deployment has everything that the portal needs: a cloud, a database with the current schema, an
// identity provider and a receiver. A test breaks one of them.
type deployment struct {
	policy   string            // text of the policy
	env      map[string]string // variables
	world    *world.World      // what exists in the emulated cloud
	clock    time.Duration     // how far the clock of the machine is ahead
	provider *provider
	receiver *httptest.Server
	skip     []Subject
}

// A provider is an OpenID provider.
type provider struct {
	*httptest.Server
	noKeys bool // the key set is empty
}

// newProvider starts an OpenID provider that knows the client "portal" with the secret "right".
func newProvider(t *testing.T) *provider {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
		if !p.noKeys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"})
		}
		answer(w, http.StatusOK, set)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		id, password, ok := r.BasicAuth()
		if !ok {
			id, password = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
		}
		refusal := "invalid_grant"
		if id != "portal" || password != "right" {
			refusal = "invalid_client"
		}
		answer(w, http.StatusBadRequest, map[string]string{"error": refusal})
	})
	p.Server = httptest.NewTLSServer(mux)
	t.Cleanup(p.Close)
	trustTestServers(p.Certificate())
	return p
}

// trustTestServers makes the clients of package auth trust the certificate, which all TLS servers of package
// httptest share.
func trustTestServers(certificate *x509.Certificate) {
	trusted.Do(func() {
		pool := x509.NewCertPool()
		pool.AddCert(certificate)
		http.DefaultTransport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool}
	})
}

// trusted lets one test change the transport, which the other tests share.
var trusted sync.Once

// newDeployment returns a deployment in which nothing is missing.
func newDeployment(t *testing.T) *deployment {
	t.Helper()
	demo, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := &deployment{world: world.Demo(), provider: newProvider(t)}
	d.receiver = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the doctor sent a message")
	}))
	t.Cleanup(d.receiver.Close)
	// The role of the account "locked" does not trust the portal.
	before, rest, _ := strings.Cut(string(demo), "  - alias: locked")
	_, after, _ := strings.Cut(rest, "regions: [cn-hangzhou, cn-shanghai]\n")
	d.policy = strings.Replace(before+after, ", locked]", "]", 1) + `
notifications:
  receivers:
    - {name: hook, kind: webhook, url_env: HOOK_URL, secret_env: HOOK_SECRET, events: [failed]}
pipelines:
  - {name: deploy, issuer: "` + d.provider.URL + `", audience: portal, claims: {repository: a/b}}
`
	database := "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
	db, err := store.Open(store.Config{URL: secret.New(database), StatementTime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d.env = map[string]string{
		"DATABASE_URL": database, "ALIBABA_CLOUD_ACCESS_KEY_ID": "demo-portal-key", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "demo-portal-secret",
		"HOOK_URL": d.receiver.URL, "HOOK_SECRET": "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))),
		"AUTH_MODE": "oidc", "OIDC_ISSUER": d.provider.URL, "OIDC_CLIENT_ID": "portal", "OIDC_CLIENT_SECRET": "right",
		"PUBLIC_URL": "https://backup.example.com", "SESSION_KEYS": sessionKey,
	}
	return d
}

// examine runs the doctor on the deployment.
func (d *deployment) examine(t *testing.T) []Finding {
	t.Helper()
	cloud, err := emulator.New(emulator.Options{World: d.world})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(d.policy), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"POLICY_FILE": file, "CLOUD_ENDPOINT": endpoint.URL}
	maps.Copy(env, d.env)
	doctor := Doctor{
		Getenv: func(name string) string { return env[name] },
		Now:    func() time.Time { return time.Now().Add(d.clock) },
		Skip:   d.skip,
	}
	found := doctor.Examine(t.Context())
	if jobs := cloud.Ledger().Jobs; len(jobs) > 0 {
		t.Errorf("the doctor made %d backups", len(jobs))
	}
	return found
}

// failed returns the subjects of failed findings, each once, and the text of these findings.
func failed(all []Finding) (subjects []Subject, text string) {
	for _, f := range all {
		if f.State == FindingFailed {
			if !slices.Contains(subjects, f.Subject) {
				subjects = append(subjects, f.Subject)
			}
			text += f.What + "\n" + strings.Join(f.Do, "\n") + "\n"
		}
	}
	return subjects, text
}

// TestDoctorNamesExactlyWhatIsMissing breaks each thing once. The doctor names it, says what to do, and
// blames nothing else.
func TestDoctorNamesExactlyWhatIsMissing(t *testing.T) {
	without := func(name string) func(*deployment) { return func(d *deployment) { delete(d.env, name) } }
	set := func(name, value string) func(*deployment) { return func(d *deployment) { d.env[name] = value } }
	for name, c := range map[string]struct {
		spoil func(*deployment)
		want  Subject // empty: nothing fails
		says  []string
	}{
		"nothing":                     {func(*deployment) {}, "", nil},
		"a variable with a bad value": {set("HISTORY_DAYS", "many"), Variables, []string{"HISTORY_DAYS", "docs/environment.md"}},
		"a variable that is missing":  {without("SESSION_KEYS"), Variables, []string{"SESSION_KEYS is not set"}},
		"no policy":                   {set("POLICY_FILE", "nowhere.yaml"), PolicyRules, []string{"nowhere.yaml", "POLICY_FILE", "policy init"}},
		"a key that does not exist":   {func(d *deployment) { d.policy += "rulez: []\n" }, PolicyRules, []string{"rulez", "line "}},
		"a variable of the policy":    {without("HOOK_SECRET"), PolicyRules, []string{"HOOK_SECRET is not set"}},
		"the database":                {set("DATABASE_URL", "postgres://a:b@127.0.0.1:1/c"), Database, []string{"DATABASE_URL", "start the database"}},
		"the folder of the database":  {set("DATABASE_URL", "sqlite:/nowhere/portal.db"), Database, []string{"cannot be created", "create the folder"}},
		"no database yet":             {func(d *deployment) { d.env["DATABASE_URL"] += ".new" }, "", nil},
		"the clock":                   {func(d *deployment) { d.clock = 7 * time.Second }, Clock, []string{"differs from the database's clock by 7", "NTP"}},
		"no credentials":              {without("ALIBABA_CLOUD_ACCESS_KEY_ID"), KeysOfCloud, []string{"no credentials", "access key"}},
		"wrong credentials":           {set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong"), KeysOfCloud, []string{"SignatureDoesNotMatch"}},
		"an endpoint that is away":    {set("CLOUD_ENDPOINT", "http://127.0.0.1:1"), KeysOfCloud, []string{"account demo, identity"}},
		"a permission": {func(d *deployment) {
			for i, s := range d.world.Accounts[0].Users[0].Permissions {
				s.Actions = slices.DeleteFunc(slices.Clone(s.Actions), func(a string) bool { return a == "hbr:CreateBackupJob" })
				d.world.Accounts[0].Users[0].Permissions[i] = s
			}
			d.world.Accounts[0].Users[0].Permissions = slices.DeleteFunc(d.world.Accounts[0].Users[0].Permissions, func(s ram.Statement) bool { return len(s.Actions) == 0 })
		}, Permissions, []string{"account demo", "hbr:CreateBackupJob"}},
		"the trust of a role": {func(d *deployment) { d.world.Accounts[1].Roles[0].Trusts = nil }, Permissions, []string{"role", "sts:AssumeRole"}},
		"the provider":        {func(d *deployment) { d.provider.Close(); d.skip = []Subject{Pipelines} }, SignInOf, []string{"OIDC_ISSUER", "cannot be reached"}},
		"its client":          {set("OIDC_CLIENT_SECRET", "wrong"), SignInOf, []string{"invalid_client", "OIDC_CLIENT_SECRET", "https://backup.example.com/auth/callback"}},
		"the keys of a gateway": {func(d *deployment) {
			maps.Copy(d.env, map[string]string{
				"AUTH_MODE": "jwt", "AUTH_JWT_HEADER": "X-Assertion", "AUTH_JWT_ISSUER": "https://gateway.example.com", "AUTH_JWT_AUDIENCE": "portal",
				"AUTH_JWT_JWKS_URL": d.provider.URL + "/nowhere",
			})
		}, SignInOf, []string{"AUTH_JWT_JWKS_URL", "no key set"}},
		"the issuer of a pipeline": {func(d *deployment) { d.provider.noKeys = true; d.skip = []Subject{SignInOf} }, Pipelines, []string{"no key set", "issuer"}},
		"a receiver":               {func(d *deployment) { d.receiver.Close() }, Receivers, []string{"hook", "connection refused", "notify test"}},
		"a receiver that is not allowed": {func(d *deployment) { d.env["HOOK_URL"] = "https://10.0.0.1/" }, Receivers,
			[]string{"hook", "private: true"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDeployment(t)
			c.spoil(d)
			found := d.examine(t)
			subjects, text := failed(found)
			var want []Subject
			if c.want != "" {
				want = []Subject{c.want}
			}
			if !slices.Equal(subjects, want) {
				t.Errorf("named %v, want %v:\n%s", subjects, want, text)
			}
			for _, part := range c.says {
				if !strings.Contains(text, part) {
					t.Errorf("%q is missing in\n%s", part, text)
				}
			}
			for _, value := range []string{"demo-portal-secret", "whsec_", sessionKey, "a:b@"} {
				if all := fmt.Sprint(found); strings.Contains(all, value) {
					t.Errorf("the secret %s is in %s", value, all)
				}
			}
			for _, s := range Subjects {
				if !slices.ContainsFunc(found, func(f Finding) bool { return f.Subject == s }) {
					t.Errorf("no finding about %s", s)
				}
			}
		})
	}
}
