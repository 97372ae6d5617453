package checks

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A provider is a real OpenID provider, written by another project, with the steps that a
// person takes on its sign-in pages.
type provider struct {
	issuer         string
	client, secret string
	scopes         string
	member         string // a person in the team of the policy
	signIn         func(b *tab, who string)
	people         []string // the first person is in the team
}

// A gateway is a proxy that reserves an address for a program before it runs. Later it passes
// requests to the program with an unchanged Host header.
type gateway struct {
	url string
	to  atomic.Pointer[url.URL]
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(g.to.Load())
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

// An output stores what a program writes. It can be read while the program runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// started starts a program that ends with the test. It returns the program's standard error, and a
// channel that is closed when the program has ended.
func started(t *testing.T, cmd *exec.Cmd) (said *output, ended <-chan struct{}) {
	t.Helper()
	said = &output{}
	cmd.Stderr = said
	if cmd.Stdout == nil {
		cmd.Stdout = said
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(over)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-over
	})
	return said, over
}

// answers waits until a request to an address is answered. It returns false if the program ends
// first.
func answers(t *testing.T, address string, said *output, ended <-chan struct{}) bool {
	t.Helper()
	for end := time.Now().Add(soon); ; {
		res, err := http.Get(address)
		if err == nil {
			res.Body.Close()
			return true
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not answer: %v\n%s", address, err, said)
		}
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// nodeProvider starts node-oidc-provider, which is in .ci/signin.
func nodeProvider(t *testing.T, callback string) provider {
	t.Helper()
	folder := filepath.Join("..", "signin")
	_, err := os.Stat(filepath.Join(folder, "node_modules"))
	leftOut(t, err != nil, "no node_modules in .ci/signin (make clients): sign-in at node-oidc-provider")
	secret := "canary-" + rand.Text()
	cmd := exec.Command("node", "provider.mjs", callback, secret)
	cmd.Dir = folder
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = &bytes.Buffer{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	issuer, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the provider does not start: %v\n%s", err, cmd.Stderr)
	}
	return provider{
		issuer: strings.TrimSpace(issuer), client: "portal", secret: secret, scopes: "openid email groups profile",
		member: "group: oncall", people: []string{"alice", "bob"},
		signIn: func(b *tab, who string) {
			b.wait(`!!document.querySelector("input[name=login]")`, soon)
			b.turned(func() {
				get[bool](b, js(`who => {
					const form = document.forms[0];
					form.login.value = who;
					form.password.value = "x";
					form.requestSubmit();
					return true;
				}`, who))
			})
			b.wait(`!!document.querySelector("form input[name=prompt][value=consent]")`, soon)
			get[bool](b, `(document.forms[0].requestSubmit(), true)`)
		},
	}
}

// zitadelProvider starts the example server of zitadel/oidc.
func zitadelProvider(t *testing.T, callback string) provider {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "server")
	build := exec.Command("go", "build", "-o", binary, "github.com/zitadel/oidc/v3/example/server")
	build.Dir = filepath.Join("..", "signin")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return provider{
		issuer: startZitadel(t, binary, callback), client: "web", secret: "secret", scopes: "openid profile email",
		member: `subject: "id1"`, people: []string{"test-user@localhost", "test-user2"},
		signIn: func(b *tab, who string) {
			b.wait(`!!document.querySelector("input[name=username]")`, soon)
			get[bool](b, js(`who => {
				const form = document.forms[0];
				form.username.value = who;
				form.password.value = "verysecure";
				form.requestSubmit();
				return true;
			}`, who))
		},
	}
}

// startZitadel starts the example server and returns its issuer. The server cannot choose a free
// port itself. If another program takes the port first, startZitadel tries another port.
func startZitadel(t *testing.T, binary, callback string) (issuer string) {
	t.Helper()
	for range 10 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		l.Close()
		cmd := exec.Command(binary)
		cmd.Env = []string{"PORT=" + port, "REDIRECT_URI=" + callback}
		issuer = "http://localhost:" + port + "/"
		said, ended := started(t, cmd)
		if answers(t, issuer+".well-known/openid-configuration", said, ended) {
			return issuer
		}
		if !strings.Contains(said.String(), "address already in use") {
			t.Fatalf("the provider ended\n%s", said)
		}
	}
	t.Fatal("no port was free for the provider")
	return ""
}

// startSignIn starts the deployed program as a plain server. The program is behind the gateway g
// and in front of the emulator, and people sign in at p.
func startSignIn(t *testing.T, binary string, g *gateway, p provider) *portal {
	t.Helper()
	demo, err := os.ReadFile(filepath.Join("..", "..", "function", "cmd", "local", "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	policy := strings.Replace(string(demo), "{issuer: demo, subject: demo}", fmt.Sprintf("{issuer: %q, %s}", p.issuer, p.member), 1)
	if err := os.WriteFile(filepath.Join(folder, "policy.yaml"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	site := &portal{url: g.url, emulator: busy.emulator}
	cmd := exec.Command(binary)
	cmd.Env = []string{
		"ADDR=127.0.0.1:0", "PUBLIC_URL=" + site.url, "POLICY_FILE=" + filepath.Join(folder, "policy.yaml"),
		"DATABASE_URL=sqlite:" + filepath.Join(folder, "portal.db"), "CLOUD_ENDPOINT=" + busy.emulator,
		"ALIBABA_CLOUD_ACCESS_KEY_ID=demo-portal-key", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=demo-portal-secret",
		"AUTH_MODE=oidc", "OIDC_ISSUER=" + p.issuer, "OIDC_SCOPES=" + p.scopes,
		"OIDC_CLIENT_ID=" + p.client, "OIDC_CLIENT_SECRET=" + p.secret,
		"SESSION_KEYS=" + base64.StdEncoding.EncodeToString(key),
	}
	g.to.Store(startInstance(t, cmd, p.secret))
	site.environment = cmd.Env
	return site
}

// startInstance starts the deployed program and returns its address. Its log must not hold the secret.
func startInstance(t *testing.T, cmd *exec.Cmd, secret string) *url.URL {
	t.Helper()
	said := &output{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if strings.Contains(said.String(), secret) && secret != "secret" {
			t.Errorf("the log holds the client's secret:\n%s", said)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "portal ")
	if !ok {
		t.Fatalf("the portal said %q (error %v)\n%s", line, err, said)
	}
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// buildPortal compiles the deployed program and returns its path.
func buildPortal(t *testing.T) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "main")
	build := exec.Command("go", "build", "-o", binary, "./function")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// cookies returns the browser's cookies for the portal, by name.
func (b *tab) cookies() map[string]*network.Cookie {
	b.Helper()
	found := map[string]*network.Cookie{}
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		all, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{b.portal.url}})
		if err != nil {
			return err
		}
		for _, c := range all.Cookies {
			found[c.Name] = c
		}
		return nil
	}))
	return found
}

// with requests a page from the portal with the given session cookie. It returns the status and the
// address of a redirect.
func with(t *testing.T, site *portal, path, cookie string) (int, string) {
	t.Helper()
	r, err := http.NewRequest("GET", site.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", "portal="+cookie)
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := stay.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode, res.Header.Get("Location")
}

// TestSignInAtForeignProviders proves that people can sign in at two OpenID providers of other
// projects. They return to the requested page and may do what the policy permits. After they
// sign out, even a copy of the session cookie is invalid (threats T16, T17; OWASP ASVS 7.2–7.4,
// 10.1–10.5).
func TestSignInAtForeignProviders(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	binary := buildPortal(t)
	providers := map[string]func(*testing.T, string) provider{
		"node-oidc-provider": nodeProvider,
		"zitadel":            zitadelProvider,
	}
	for name, start := range providers {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			p := start(t, g.url+"/auth/callback")
			site := startSignIn(t, binary, g, p)
			b := signInTab(t, site)
			b.do(chromedp.Navigate(site.url + "/backups/new/UDM_ECS?Retention=9"))
			p.signIn(b, p.people[0])
			b.wait(`location.pathname === "/backups/new/UDM_ECS" && document.querySelector("[name=Retention]")?.value === "9"`, soon)
			session := b.cookies()["portal"]
			if session == nil || b.cookies()["portal-login"] == nil {
				t.Fatalf("the cookies are %+v", b.cookies())
			}
			if !session.HTTPOnly || session.SameSite != network.CookieSameSiteLax ||
				session.Path != "/" || session.Domain != "127.0.0.1" {
				t.Fatalf("the session cookie is %+v", session)
			}
			b.picture("signed-in-" + name)
			label := unique("signed-in")
			b.turned(func() {
				get[bool](b, js(`fields => {
					const form = Object.assign(document.createElement("form"), {method: "post", action: "/backups"});
					for (const name in fields) form.append(Object.assign(document.createElement("input"), {name, value: fields[name][0]}));
					document.body.append(form);
					form.submit();
					return true;
				}`, formOf(label)))
			})
			page := b.path()
			if calls := site.created(t, label); len(calls) != 1 || !strings.HasPrefix(page, "/backups/") {
				t.Errorf("%d calls, and the page %s", len(calls), page)
			}

			// Another person can sign in but may do nothing.
			other := signInTab(t, site)
			other.do(chromedp.Navigate(site.url + "/"))
			p.signIn(other, p.people[1])
			other.wait(`location.href === "`+site.url+`/"`, soon)
			other.wait(`document.readyState === "complete" && document.querySelector("main").textContent.includes("You are not allowed to start backups.")`, soon)
			other.fine = append(other.fine, "status of 404")
			other.open(page)
			if got := other.text("h1"); got != "Page not found" {
				t.Errorf("somebody else's backup shows %q", got)
			}

			// Every sign-in starts a new session, and the portal does not accept a login cookie as
			// a session.
			if code, to := with(t, site, "/", session.Value); code != http.StatusOK {
				t.Errorf("the session elsewhere: %d %s", code, to)
			}
			code, to := with(t, site, "/", b.cookies()["portal-login"].Value)
			if code != http.StatusSeeOther || !strings.HasPrefix(to, "/auth/login?next=") {
				t.Errorf("a login shown as a session: %d %s", code, to)
			}
			other.fine = append(other.fine, "status of 400")
			other.open("/auth/callback?state=forged&code=x")
			if got := other.text("h1"); got != "This sign-in cannot be completed" || other.cookies()["portal"] == nil {
				t.Errorf("a forged callback shows %q and leaves %+v", got, other.cookies())
			}

			other.picture("sign-in-forged-" + name)
			b.open("/")
			b.picture("start-signed-in-" + name)
			b.turned(func() { b.click(`form[action="/auth/logout"] button`) })
			if got := b.text("h1"); got != "You are signed out" || b.cookies()["portal"] != nil {
				t.Errorf("after signing out: %q, %+v", got, b.cookies())
			}
			if there := get[string](b, `document.querySelector("main a.plain")?.href ?? ""`); !strings.HasPrefix(there, p.issuer) {
				t.Errorf("the page leads to %q to sign out at %s", there, p.issuer)
			}
			for _, r := range readers {
				b.cookie("lang", r.language)
				b.cookie("theme", r.theme)
				b.open("/auth/signed-out")
				if script, err := axe(); err == nil {
					b.obeys(script, "signed out, "+r.String())
				}
				b.picture("signed-out-" + name + "-" + r.String())
			}
			b.follow(`main a.plain`)
			if there := get[string](b, `location.href`); !strings.HasPrefix(there, p.issuer) {
				t.Errorf("the link to sign out at the provider leads to %s", there)
			}
			code, to = with(t, site, "/", session.Value)
			if code != http.StatusSeeOther || !strings.HasPrefix(to, "/auth/login") {
				t.Errorf("a copy of the session after signing out: %d %s", code, to)
			}
		})
	}
}

// signInTab opens a tab that ignores the console messages of the provider's pages.
func signInTab(t *testing.T, site *portal) *tab {
	b := newTab(t)
	b.portal = site
	b.fine = append(b.fine, "http://localhost:", "fonts.googleapis.com")
	return b
}
