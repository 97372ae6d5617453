package checks

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A portal is a running function/cmd/local: the portal and the emulator in one process.
type portal struct {
	url, emulator string // addresses
	process       *exec.Cmd
	said          *bytes.Buffer // the standard error of the process
	environment   []string      // environment of the deployed program; nil for function/cmd/local
}

// build compiles function/cmd/local of this checkout.
func build(binary string) error {
	cmd := exec.Command("go", "build", "-o", binary, "./function/cmd/local")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./function/cmd/local: %w\n%s", err, out)
	}
	return nil
}

// withReceivers writes the policy of the demonstration with receivers of notifications into a folder, and returns the
// variables with which a portal uses it.
func withReceivers(folder string) ([]string, error) {
	demo, err := os.ReadFile(filepath.Join("..", "..", "function", "cmd", "local", "policy.yaml"))
	if err != nil {
		return nil, err
	}
	const receivers = `
notifications:
  receivers:
    - {name: incidents-of-the-payments-team, kind: slack, url_env: CHECKS_URL, events: [created, succeeded, partial, failed, cancelled, missing]}
    - {name: on-call, kind: email, host: mail.example.com, from: backup@example.com, to: [ops@example.com], events: [failed], accounts: [demo, payments]}
`
	file := filepath.Join(folder, "receivers.yaml")
	if err := os.WriteFile(file, append(demo, receivers...), 0o600); err != nil {
		return nil, err
	}
	return []string{"POLICY_FILE=" + file, "CHECKS_URL=http://127.0.0.1:1/"}, nil
}

// startPortal starts the binary, with additional variables, and reads the two addresses that it prints.
func startPortal(binary string, more ...string) (*portal, error) {
	p := &portal{said: &bytes.Buffer{}}
	p.process = exec.Command(binary, "-addr", "127.0.0.1:0", "-emulator-addr", "127.0.0.1:0")
	p.process.Stderr, p.process.Env = p.said, append(os.Environ(), more...)
	out, err := p.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(soon, func() { _ = p.process.Process.Kill() })
	defer late.Stop()
	for lines := bufio.NewScanner(out); p.url == "" || p.emulator == ""; {
		if !lines.Scan() {
			return nil, fmt.Errorf("function/cmd/local ended early: %w\n%s", p.process.Wait(), p.said)
		}
		switch name, address, _ := strings.Cut(lines.Text(), " "); name {
		case "portal":
			p.url = address
		case "emulator":
			p.emulator = address
		}
	}
	return p, nil
}

// ownPortal starts a portal for one test, which stops it.
func ownPortal(t *testing.T) *portal {
	t.Helper()
	own, err := startPortal(local)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.stop(); err != nil {
			t.Error(err)
		}
	})
	return own
}

// faults sets the faults of the emulator; see docs/emulator.md.
func (p *portal) faults(t *testing.T, schedule string) {
	t.Helper()
	res, err := http.Post(p.emulator+"/_emulator/faults", "text/plain", strings.NewReader(schedule))
	if err != nil || res.StatusCode >= 300 {
		t.Fatalf("%v %v", res, err)
	}
	res.Body.Close()
}

// stop interrupts the process as Ctrl+C does, and returns an error if the process fails.
func (p *portal) stop() error {
	if err := p.process.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	late := time.AfterFunc(soon, func() { _ = p.process.Process.Kill() })
	defer late.Stop()
	if err := p.process.Wait(); err != nil {
		return fmt.Errorf("function/cmd/local after an interrupt: %w\n%s", err, p.said)
	}
	return nil
}

// A call is one call in the emulator's ledger; see docs/emulator.md.
type call struct {
	Action     string            `json:"action"`
	JobID      string            `json:"job_id"`
	Parameters map[string]string `json:"parameters"`
}

// calls returns the calls that the emulator received and for which match returns true.
func (p *portal) calls(t *testing.T, match func(call) bool) (found []call) {
	t.Helper()
	res, err := http.Get(p.emulator + "/_emulator/ledger")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var ledger struct {
		Calls []call `json:"calls"`
	}
	if err := json.NewDecoder(res.Body).Decode(&ledger); err != nil {
		t.Fatal(err)
	}
	for _, c := range ledger.Calls {
		if match(c) {
			found = append(found, c)
		}
	}
	return found
}

// created returns the calls of CreateBackupJob for backups called name.
func (p *portal) created(t *testing.T, name string) []call {
	t.Helper()
	return p.calls(t, func(c call) bool { return c.Action == "CreateBackupJob" && label(c) == name })
}

// cancelled returns the calls of CancelBackupJob for a job.
func (p *portal) cancelled(t *testing.T, job string) []call {
	t.Helper()
	return p.calls(t, func(c call) bool { return c.Action == "CancelBackupJob" && c.Parameters["JobId"] == job })
}

// unique returns a new name for a backup. Names must be unique, because all tests and all
// repetitions with -count share one ledger.
func unique(name string) string {
	return name + "-" + strings.ToLower(rand.Text()[:8])
}

// label returns the name that the person typed for a backup. The portal appends a code to this
// name, which label removes.
func label(c call) string {
	name := c.Parameters["JobName"]
	return name[:max(0, strings.LastIndexByte(name, '-'))]
}

// postJob sends a submission with a new key to the JSON endpoint.
func (p *portal) postJob(request string) (*http.Response, error) {
	return p.post("/api/v1/backup-jobs", request)
}

// submitBatch starts a batch through the JSON API and returns the path of its page.
func (p *portal) submitBatch(request string) (string, error) {
	res, err := p.post("/api/v1/backup-batches", request)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	made := res.Header.Get("Location")
	if made == "" {
		return "", errors.New("the JSON endpoint answered " + res.Status + " and no Location")
	}
	return "/batches/" + path.Base(made), nil
}

// post sends JSON with a new idempotency key.
func (p *portal) post(address, request string) (*http.Response, error) {
	r, err := http.NewRequest("POST", p.url+address, strings.NewReader(request))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", rand.Text())
	return http.DefaultClient.Do(r)
}

// denied sends a submission that the policy refuses, and returns the path of the submission's page.
func (p *portal) denied(request string) (string, error) {
	res, err := p.postJob(request)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var problem struct {
		Status   int    `json:"status"`
		Instance string `json:"instance"`
	}
	err = json.NewDecoder(res.Body).Decode(&problem)
	if err != nil || problem.Status != http.StatusForbidden || problem.Instance == "" {
		return "", fmt.Errorf("the JSON endpoint answered %s, %+v, %w", res.Status, problem, err)
	}
	return pageOf(problem.Instance), nil
}

// pageOf returns the path of the web page about a submission, from its path in the JSON API.
func pageOf(job string) string { return "/backups/" + path.Base(job) }

// submit starts a backup through the JSON API and returns the path of its status page. Tests of the
// status page use submit to skip the form.
func (p *portal) submit(request string) (string, error) {
	res, err := p.postJob(request)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	job := res.Header.Get("Location")
	if job == "" {
		return "", errors.New("the JSON endpoint answered " + res.Status + " and no Location")
	}
	return pageOf(job), nil
}
