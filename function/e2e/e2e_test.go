package e2e

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/event/runtimetest"
	"backupportal/function/store/postgrestest"
)

// program builds the portal once, as `make dist` does.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "portal")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "main")
	build := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-o", path, "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	// Many tests wait up to 90 seconds for processes and time limits, so the test binary runs many
	// more tests in parallel than there are processors.
	if err := flag.Set("test.parallel", "32"); err != nil {
		panic(err)
	}
	code := postgrestest.Run(m)
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// runProgram runs the built program with the arguments args. pairs are the program's complete
// environment. runProgram returns the output and the exit status.
func runProgram(t *testing.T, pairs []string, args ...string) (out string, code int) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"TMPDIR=" + t.TempDir()}
	for i := 0; i < len(pairs); i += 2 {
		cmd.Env = append(cmd.Env, pairs[i]+"="+pairs[i+1])
	}
	text, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// variables returns a function like os.Getenv for the given pairs of names and values.
func variables(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

// A fixture is the built program in front of the emulator.
type fixture struct {
	t     *testing.T
	cloud *emulator.Cloud
	ahead atomic.Int64 // nanoseconds by which the cloud's clock is ahead
	url   string       // address of the portal
	fc    *runtimetest.FC
	http  *http.Client
}

// cloudEnv starts the emulator and returns the environment variables that make the program use
// it as the cloud.
func (g *fixture) cloudEnv() []string {
	cloud, err := emulator.New(emulator.Options{Now: func() time.Time { return time.Now().Add(time.Duration(g.ahead.Load())) }})
	if err != nil {
		g.t.Fatal(err)
	}
	g.cloud = cloud
	endpoint := httptest.NewServer(cloud)
	g.t.Cleanup(endpoint.Close)
	g.http = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	policy, err := filepath.Abs("../cmd/local/policy.yaml")
	if err != nil {
		g.t.Fatal(err)
	}
	return []string{"CLOUD_ENDPOINT=" + endpoint.URL, "POLICY_FILE=" + policy, "AUTH_MODE=demo", "ALLOW_EPHEMERAL_STORE=1", "TMPDIR=" + g.t.TempDir()}
}

// path returns the path of the built program.
func (g *fixture) path() string {
	path, err := program()
	if err != nil {
		g.t.Fatal(err)
	}
	return path
}

// demoRole is the key pair of the emulator's demo user, in the form in which Function Compute
// passes a role's credentials.
var demoRole = runtimetest.Credentials{AccessKeyID: world.DemoKey, AccessKeySecret: world.DemoSecret}

func onFC(t *testing.T, trigger runtimetest.FCTrigger) *fixture {
	g := &fixture{t: t, fc: &runtimetest.FC{Credentials: demoRole}}
	g.fc.Start(t, g.path(), g.cloudEnv()...)
	trigger.Function = g.fc
	g.serve(&trigger)
	return g
}

func onLambda(t *testing.T) *fixture {
	return behind(t, func(l runtimetest.Function) http.Handler { return &runtimetest.FunctionURL{Function: l} })
}

// behind returns the program on Lambda behind a front.
func behind(t *testing.T, front func(runtimetest.Function) http.Handler) *fixture {
	g := &fixture{t: t}
	l := &runtimetest.Lambda{}
	l.Start(t, g.path(), append(g.cloudEnv(), "ALIBABA_CLOUD_ACCESS_KEY_ID="+world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+world.DemoSecret)...)
	g.serve(front(l))
	return g
}

// onServer starts the program as a plain server and reads the server's address from its output.
func onServer(t *testing.T) *fixture {
	g := &fixture{t: t}
	cmd := exec.Command(g.path())
	cmd.Dir = t.TempDir() // by default the program creates its database in the working directory
	cmd.Env = append(g.cloudEnv(), "ADDR=127.0.0.1:0", "ALIBABA_CLOUD_ACCESS_KEY_ID="+world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+world.DemoSecret)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server did not stop cleanly: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "portal ")
	if !ok {
		t.Fatalf("the server said %q (error %v)", line, err)
	}
	g.url = address
	return g
}

func (g *fixture) serve(h http.Handler) {
	front := httptest.NewServer(h)
	g.t.Cleanup(front.Close)
	g.url = front.URL
}

// everywhere runs a test on every platform. If a platform's documentation can be understood in
// several ways, it runs once for each of them.
func everywhere(t *testing.T, test func(t *testing.T, g *fixture)) {
	for name, start := range map[string]func(*testing.T) *fixture{
		"Function Compute, default domain": func(t *testing.T) *fixture { return onFC(t, runtimetest.FCTrigger{}) },
		"Function Compute, custom domain":  func(t *testing.T) *fixture { return onFC(t, runtimetest.FCTrigger{Domain: "backup.example.com"}) },
		"Function Compute, all in base64":  func(t *testing.T) *fixture { return onFC(t, runtimetest.FCTrigger{EncodeBodies: true}) },
		"Function Compute, lower case":     func(t *testing.T) *fixture { return onFC(t, runtimetest.FCTrigger{LowerCaseHeaders: true}) },
		"Lambda function URL":              onLambda,
		"Lambda behind API Gateway, payload format 1.0": func(t *testing.T) *fixture {
			return behind(t, func(l runtimetest.Function) http.Handler { return &runtimetest.Gateway{Function: l} })
		},
		"Lambda behind a load balancer": func(t *testing.T) *fixture {
			return behind(t, func(l runtimetest.Function) http.Handler {
				return &runtimetest.Gateway{Function: l, LoadBalancer: true, SingleValues: true}
			})
		},
		"Lambda behind a load balancer, multi-value headers": func(t *testing.T) *fixture {
			return behind(t, func(l runtimetest.Function) http.Handler {
				return &runtimetest.Gateway{Function: l, LoadBalancer: true}
			})
		},
		"plain server": onServer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// do makes a request and returns the answer and its body.
func (g *fixture) do(method, path, contentType, body string, headers ...string) (*http.Response, string) {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if method == "POST" && r.URL.Path == "/api/v1/backup-jobs" {
		r.Header.Set("Idempotency-Key", rand.Text()) // headers may replace this key
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := g.http.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return res, string(content)
}

func (g *fixture) get(path string) (int, string) {
	g.t.Helper()
	res, body := g.do("GET", path, "", "")
	return res.StatusCode, body
}

func (g *fixture) postForm(path string, form url.Values) (*http.Response, string) {
	g.t.Helper()
	return g.do("POST", path, "application/x-www-form-urlencoded", form.Encode(), "Sec-Fetch-Site", "same-origin")
}

func (g *fixture) postJSON(path, body string, headers ...string) (*http.Response, map[string]any) {
	g.t.Helper()
	res, text := g.do("POST", path, "application/json", body, headers...)
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		g.t.Fatalf("%s %s: %v: %s", res.Status, path, err, text)
	}
	return res, answer
}

// submitForm makes a backup like a person: it opens the form, fills in the values, continues to
// the check page and starts the backup. It returns the address of the page about the backup.
func (g *fixture) submitForm(kind string, fill url.Values) string {
	g.t.Helper()
	status, page := g.get("/backups/new/" + kind)
	if status != http.StatusOK {
		g.t.Fatalf("the form: status %d", status)
	}
	form := controls(g.t, page)
	for name, values := range fill {
		form[name] = values
	}
	form.Set("op", "check")
	res, page := g.postForm("/backups/preview", form)
	if res.StatusCode != http.StatusOK {
		g.t.Fatalf("the check page: status %d\n%s", res.StatusCode, mistakesOn(page))
	}
	res, page = g.postForm("/backups", controls(g.t, page))
	if res.StatusCode != http.StatusSeeOther {
		g.t.Fatalf("starting: status %d\n%s", res.StatusCode, page)
	}
	return res.Header.Get("Location")
}

// controls returns the values that a browser would send for the unchanged form.
func controls(t *testing.T, page string) url.Values {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	doc.Find("form#req input, form#req select, form#req textarea").Each(func(_ int, s *goquery.Selection) {
		name := s.AttrOr("name", "")
		_, checked := s.Attr("checked")
		switch kind := s.AttrOr("type", ""); {
		case name == "", kind == "submit":
		case (kind == "radio" || kind == "checkbox") && !checked:
		case s.Is("select"):
			form.Set(name, s.Find("option[selected]").AttrOr("value", ""))
		case s.Is("textarea"):
			form.Set(name, s.Text())
		default:
			form.Set(name, s.AttrOr("value", ""))
		}
	})
	return form
}

// mistakesOn returns the text of the error summary on a page.
func mistakesOn(page string) string {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(page))
	if err != nil {
		return err.Error()
	}
	return doc.Find("[role=alert]").Text()
}

// calls returns the calls of an operation that the emulated cloud has received.
func (g *fixture) calls(action string) []emulator.Call { return g.cloud.Ledger().CallsOf(action) }
