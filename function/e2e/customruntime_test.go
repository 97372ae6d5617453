package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
)

// programToken is the token of the source "robot" in the policy of [tokenPolicy].
const programToken = "hbp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// tokenPolicy writes the demo policy with the token programToken, and with a limit of requests
// that a benchmark does not reach. It returns the path.
func tokenPolicy(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(withoutPace(t))
	if err != nil {
		t.Fatal(err)
	}
	const members = "    members:\n"
	if !bytes.Contains(text, []byte(members)) {
		t.Fatalf("the demo policy lacks %q", members)
	}
	text = bytes.Replace(text, []byte(members), []byte(members+"      - {source: robot}\n"), 1)
	text = fmt.Appendf(text, "\ntokens:\n  - {source: robot, id: t1, sha256: \"%x\", not_after: \"2099-01-01T00:00:00Z\"}\n",
		sha256.Sum256([]byte(programToken)))
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// An httpProcess is a running program that serves HTTP.
type httpProcess struct {
	url  string
	cmd  *exec.Cmd
	read sync.WaitGroup // the goroutine that reads the standard output
	out  bytes.Buffer   // the standard output after the first line, complete after stop
}

// startHTTP starts a program that writes a line with its address after prefix to its standard
// output. It keeps what the program writes later. The caller calls stop.
func startHTTP(t testing.TB, cmd *exec.Cmd, prefix string) *httpProcess {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &httpProcess{cmd: cmd}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
	if !ok {
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()         // the error says that it was killed
		t.Fatalf("the server said %q (error %v)", line, err)
	}
	p.url = address
	p.read.Go(func() { _, _ = io.Copy(&p.out, lines) }) // ends with the program
	return p
}

// stop ends the program, fails the test if it does not end cleanly, and returns its standard
// output after the first line.
func (p *httpProcess) stop(t testing.TB) string {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	p.read.Wait() // before Wait, which closes the pipe
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the server did not stop cleanly: %v", err)
	}
	return p.out.String()
}

// customRuntime returns the command that starts a program as Function Compute starts a custom
// runtime, but on loopback only: the port of the platform would be open on all interfaces. env is
// added to the variables.
func customRuntime(t testing.TB, path string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{
		"ADDR=127.0.0.1:0",
		"FC_FUNC_CODE_PATH=" + filepath.Dir(path),
		"FC_ACCOUNT_ID=1000000000000001",
		"FC_REGION=cn-hangzhou",
		"FC_FUNCTION_NAME=backup-portal",
		"FC_FUNCTION_HANDLER=main",
		"FC_FUNCTION_MEMORY_SIZE=512",
		"FC_INSTANCE_ID=c-00000001",
		"FC_VER_ID=LATEST",
		"ALIBABA_CLOUD_ACCESS_KEY_ID=" + world.DemoKey,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + world.DemoSecret,
		"TMPDIR=" + t.TempDir(),
	}, env...)
	return cmd
}

// A customCall is a request that the platform sends to a custom runtime, or a client's.
type customCall struct {
	method, path, body string
	host               string // empty: the address of the instance
	control            string // x-fc-control-path; empty: the platform has not set it
	id                 string // x-fc-request-id; empty: a health check
	token              string // of the client
}

// send sends the call and returns the status and the body of the answer.
func (c customCall) send(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), c.method, url+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.host != "" {
		r.Host = c.host
	}
	for name, value := range map[string]string{
		"X-Fc-Control-Path": c.control, "X-Fc-Request-Id": c.id, "Authorization": c.token, "Content-Type": "application/json",
	} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if c.method == "POST" {
		r.Header.Set("Idempotency-Key", "custom-"+c.id)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// TestCustomRuntimeOverTheNetwork starts the built program with the variables of
// docs/s.custom.yaml and sends it what the platform sends: the initializer, health checks, HTTP
// requests and events. It also sends a client's imitations of them.
func TestCustomRuntimeOverTheNetwork(t *testing.T) {
	t.Parallel()
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	doc, errs := resolveReferences(mustReadDeployFile(t, customPath).doc, variables("ALLOW_EPHEMERAL_STORE", "1"))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	env := []string{"CLOUD_ENDPOINT=" + endpoint.URL, "POLICY_FILE=" + tokenPolicy(t)}
	for name, value := range yamlObject(yamlObject(yamlObject(yamlObject(doc, "resources"), "portal"), "props"), "environmentVariables") {
		env = append(env, name+"="+value.(string))
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := customRuntime(t, path, env...)
	folder := strings.TrimPrefix(cmd.Env[len(cmd.Env)-len(env)-1], "TMPDIR=")
	p := startHTTP(t, cmd, "portal ")
	stored := func() (bytes int64) { // of the database, which has no tables before it is used
		files, err := filepath.Glob(filepath.Join(folder, "backup-portal-*", "portal.db*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			bytes += info.Size()
		}
		return bytes
	}
	before := stored()

	const site, bearer = "backup.example.com", "Bearer " + programToken
	timer, err := os.ReadFile("../../docs/examples/events/timer.json")
	if err != nil {
		t.Fatal(err)
	}
	submission := strings.Replace(kinds[0].json, "before-upgrade", "custom-runtime", 1)
	for _, c := range []struct {
		name string
		call customCall
		code int
		body string // part of the answer
		jobs int    // of the emulator, afterwards
	}{
		{"the initializer", customCall{method: "POST", path: "/initialize", control: "/initialize", id: "r1"}, 200, "", 0},
		{"a health check", customCall{method: "GET", path: "/healthz"}, 200, `"status":"ok"`, 0},
		{"another address by the instance's host", customCall{method: "GET", path: "/readyz", id: "r2"}, 421, "", 0},
		{"a request", customCall{method: "GET", path: "/readyz", host: site, control: "/http-invoke", id: "r3"}, 200, `"status":"ready"`, 0},
		{"a submission over HTTP", customCall{
			method: "POST", path: "/api/v1/backup-jobs", body: submission, host: site, control: "/http-invoke", id: "r4", token: bearer,
		}, 201, "job-", 1},
		{"the event of a timer", customCall{method: "POST", path: "/invoke", body: string(timer), control: "/invoke", id: "r5"}, 200, `"accepted":1`, 2},
		{"the event again", customCall{method: "POST", path: "/invoke", body: string(timer), control: "/invoke", id: "r6"}, 200, `"accepted":1`, 2},
		{"an event that a client sends", customCall{method: "POST", path: "/invoke", body: string(timer), host: site, control: "/http-invoke", id: "r7"}, 404, "", 2},
		{"an initializer that a client sends", customCall{method: "POST", path: "/initialize", host: site, control: "/http-invoke", id: "r8"}, 404, "", 2},
	} {
		code, body := c.call.send(t, p.url)
		if code != c.code || !strings.Contains(body, c.body) {
			t.Errorf("%s: %d %s, want %d with %s", c.name, code, body, c.code, c.body)
		}
		if n := len(cloud.Ledger().Jobs); n != c.jobs {
			t.Errorf("%d jobs after %s, want %d", n, c.name, c.jobs)
		}
		if now := stored(); c.code == 200 && c.call.path == "/initialize" && now < before+10_000 {
			t.Errorf("the database had %d bytes, and has %d after the initializer", before, now)
		}
	}
	out := p.stop(t)
	for _, line := range []string{
		"FC Initialize Start RequestId: r1\n", "FC Initialize End RequestId: r1\n", "FC Invoke Start RequestId: r5\n", "FC Invoke End RequestId: r5\n",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("the standard output lacks %q:\n%s", line, out)
		}
	}
	if strings.Contains(out, "RequestId: \n") {
		t.Errorf("the health check has a line:\n%s", out)
	}
}
