package alerts

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/app"
	"backupportal/function/backup"
	"backupportal/function/emulator"
)

// maxRequests is the MAX_REQUESTS of the portal: the smallest allowed number, so that few requests overload it.
const maxRequests = 5

// A portal is the whole portal with an emulator of the cloud and a receiver of notices.
type portal struct {
	t        *testing.T
	app      app.App
	web      http.Handler
	cloud    *emulator.Cloud
	answers  atomic.Int32  // HTTP status with which the receiver answers
	ahead    time.Duration // how much the emulator's clock is ahead of the real clock
	mu       sync.Mutex    // guards ahead and requests
	requests int           // number of submissions
}

// receiverConfig is the part of a policy that adds a receiver of notices.
const receiverConfig = `
notifications:
  receivers:
    - {name: hook, kind: webhook, url_env: HOOK_URL, secret_env: HOOK_SECRET, events: [created, succeeded, failed]}
`

// newPortal starts a portal. Its receiver answers with status 204 until a test changes answers.
func newPortal(t *testing.T) *portal {
	t.Helper()
	p := &portal{t: t}
	p.answers.Store(http.StatusNoContent)
	var err error
	if p.cloud, err = emulator.New(emulator.Options{Now: p.cloudTime}); err != nil {
		t.Fatal(err)
	}
	cloud := httptest.NewServer(p.cloud)
	t.Cleanup(func() {
		cloud.CloseClientConnections()
		cloud.Close()
	})
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(p.answers.Load()))
	}))
	t.Cleanup(receiver.Close)
	policy, err := os.ReadFile("../../function/cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, append(policy, receiverConfig...), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{
		"ADDR": "127.0.0.1:9000", "AUTH_MODE": "demo", "POLICY_FILE": file, "METRICS_TOKEN": token,
		"MAX_REQUESTS":   fmt.Sprint(maxRequests),
		"DATABASE_URL":   "sqlite:" + filepath.Join(t.TempDir(), "portal.db"),
		"CLOUD_ENDPOINT": cloud.URL, "ALIBABA_CLOUD_ACCESS_KEY_ID": "demo-portal-key",
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "demo-portal-secret",
		"HOOK_URL":                        receiver.URL,
		"HOOK_SECRET":                     "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))),
	}
	cfg, err := app.ReadConfig(func(name string) string { return settings[name] })
	if err != nil {
		t.Fatal(err)
	}
	if p.app, err = app.Wire(cfg, io.Discard); err != nil {
		t.Fatal(err)
	}
	p.app.Service.Store = anyClock{p.app.Service.Store}
	p.web = p.app.Handlers.Web
	t.Cleanup(func() { _ = p.app.Close() }) // some tests have closed it
	return p
}

// anyClock is a store that does not compare its clock with the caller's. [portal.sweep] needs this, because its clock
// is ahead of the clock of the database.
type anyClock struct{ backup.Store }

// CheckClock returns nil.
func (anyClock) CheckClock(context.Context, time.Time) error { return nil }

// cloudTime is the clock of the emulator.
func (p *portal) cloudTime() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Add(p.ahead)
}

// jobsEnd advances the clock of the emulator by a minute, so that all jobs have ended.
func (p *portal) jobsEnd() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ahead += time.Minute
}

// faults sets the schedule of faults of the emulator.
func (p *portal) faults(schedule string) {
	p.t.Helper()
	if err := p.cloud.SetFaults(schedule); err != nil {
		p.t.Fatal(err)
	}
}

// submit submits a new backup and returns the HTTP status. Without a fault, the job succeeds after a second of the
// emulator's clock.
func (p *portal) submit() int {
	p.mu.Lock()
	p.requests++
	key := fmt.Sprint("key-", p.requests)
	p.mu.Unlock()
	const body = `{"Account":"demo","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","Retention":7,"JobName":"emulator.1s.COMPLETE"}`
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9000/api/v1/backup-jobs", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	answer := httptest.NewRecorder()
	p.web.ServeHTTP(answer, r)
	return answer.Code
}

// mustSubmit submits a new backup. It ends the test unless the HTTP status is want.
func (p *portal) mustSubmit(want int) {
	p.t.Helper()
	if got := p.submit(); got != want {
		p.t.Fatalf("status %d, want %d", got, want)
	}
}

// sweep makes one sweep in which the portal's clock shows now. Errors are ignored, because some tests cause them.
func (p *portal) sweep(now time.Time) {
	p.app.Service.Now = func() time.Time { return now }
	_, _ = p.app.Service.Sweep(p.t.Context(), 30*24*time.Hour)
	p.app.Service.Now = func() time.Time { return time.Now().Round(0) }
}
