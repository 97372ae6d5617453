package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/emulator"
	"backupportal/function/policy"
	"backupportal/function/store"
)

// A rig is the service in front of the emulator, with a network between them
// that fails as it is told.
type rig struct {
	*backup.Service
	cloud   *emulator.Cloud
	network *network
	clock   *clock
}

func newRig(t *testing.T) *rig {
	t.Helper()
	// The cloud's SDK signs with the machine's clock, so the test's begins there.
	r := &rig{clock: &clock{now: time.Now().Round(0)}}
	cloud, err := emulator.New(emulator.Options{Now: r.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	r.cloud, r.network = cloud, &network{cloud: cloud}
	server := httptest.NewServer(r.network)
	t.Cleanup(server.Close)
	endpoint, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	key := aliyun.Credentials{AccessKeyID: emulator.DemoKey, AccessKeySecret: backup.NewSecret(emulator.DemoSecret)}
	client, err := aliyun.New(aliyun.Config{
		Endpoint: endpoint, Now: r.clock.Now,
		Credentials: func(context.Context) (aliyun.Credentials, error) { return key, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Load(file, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	r.Service = &backup.Service{
		Cloud: client, Store: &store.Memory{}, Policy: rules, Log: slog.New(slog.DiscardHandler),
		Now: r.clock.Now, NewID: rand.Text,
		Wait: func(_ context.Context, d time.Duration) error { r.clock.Add(d); return nil },
	}
	return r
}

// submission is one that the demo policy allows; the same key is the same one.
func submission(key string) backup.Submission {
	return backup.Submission{
		Door: backup.DoorAPI, Principal: backup.Principal{Issuer: "test", Subject: "alice", Name: "Alice"}, Key: key,
		Params: backup.Params{"Account": "demo", "Region": "cn-hangzhou", "InstanceId": "i-bp1demoweb01", "Retention": "7"},
	}
}

// jobs is how many jobs the cloud has made.
func (r *rig) jobs() int { return len(r.cloud.Ledger().Jobs) }

// sends is how many times CreateBackupJob has left the portal.
func (r *rig) sends() int {
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	return r.network.sends
}

// A clock stands still until it is turned.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A fault is what the network does to one CreateBackupJob.
type fault string

const (
	none        fault = "none"
	throttled   fault = "throttled"      // refused for load
	errorBefore fault = "500 before"     // the gateway fails, nothing happens
	errorAfter  fault = "500 after"      // the job is made, the answer is an error
	dropBefore  fault = "dropped before" // the connection ends, nothing happens
	dropAfter   fault = "dropped after"  // the job is made, the connection ends
	truncated   fault = "truncated"      // the job is made, the answer is cut
	html        fault = "HTML"           // the job is made, something else answers
)

// A network forwards to the emulator, unless its next fault says otherwise.
type network struct {
	cloud http.Handler

	mu     sync.Mutex
	faults []fault // of the next CreateBackupJobs
	blind  bool    // listings fail
	sends  int
}

func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	action := r.URL.Query().Get("Action")
	switch {
	case action == "CreateBackupJob":
		n.create(n.next(), w, r)
	case action == "DescribeBackupJobs2" && n.isBlind():
		http.Error(w, "", http.StatusServiceUnavailable)
	default:
		n.cloud.ServeHTTP(w, r)
	}
}

func (n *network) next() fault {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sends++
	if len(n.faults) == 0 {
		return none
	}
	f := n.faults[0]
	n.faults = n.faults[1:]
	return f
}

func (n *network) isBlind() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.blind
}

func (n *network) set(blind bool, faults ...fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blind, n.faults = blind, faults
}

// create answers one CreateBackupJob; net/http closes the connection of a
// handler that panics with ErrAbortHandler.
func (n *network) create(f fault, w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	if f == errorAfter || f == dropAfter || f == truncated || f == html {
		n.cloud.ServeHTTP(answer, r)
	}
	switch f {
	case throttled:
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"Code":"Throttling.User","Message":"slow down","RequestId":"R-1"}`)
	case errorBefore, errorAfter:
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, `{"Code":"InternalError","Message":"sorry","RequestId":"R-1"}`)
	case dropBefore, dropAfter:
		panic(http.ErrAbortHandler)
	case truncated:
		w.Header().Set("Content-Length", "500")
		w.Write(answer.Body.Bytes()[:10])
		panic(http.ErrAbortHandler)
	case html:
		io.WriteString(w, "<html>welcome</html>")
	default:
		n.cloud.ServeHTTP(w, r)
	}
}
