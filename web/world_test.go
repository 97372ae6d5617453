package web_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/emulator"
	emulated "backupportal/function/emulator/world"
	"backupportal/function/inventory"
	"backupportal/function/policy"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/web"
	"backupportal/web/auth"
)

// A world is the portal with the emulator of the cloud, which it calls over HTTP, and a clock
// that the test sets.
type world struct {
	t       testing.TB
	from    string // client address of browse; empty means a fixed one
	handler http.Handler
	server  *web.Server
	cloud   *emulator.Cloud
	db      *store.DB
	url     string // URL of the database
	clock   *clock
}

// A clock shows the same time until a test changes it.
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

// patience is the time limit of statements and of answers of the cloud in tests: the machine of a test
// can be slow. A test that needs a short limit sets it.
const patience = 2 * time.Minute

func newWorld(t testing.TB) *world { return newWorldIn(t, func(*emulated.World) {}) }

// newWorldIn returns a new world. change edits the demo world of the emulator first.
func newWorldIn(t testing.TB, change func(*emulated.World)) *world {
	t.Helper()
	// The cloud's SDK signs with the system clock, so the test's clock starts at the system time.
	w := &world{t: t, clock: &clock{now: time.Now().Round(0)}}
	exists := emulated.Demo()
	change(exists)
	cloud, err := emulator.New(emulator.Options{World: exists, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.cloud = cloud
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	address, err := url.Parse(endpoint.URL)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("../function/cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// Members of the group testers of the test issuer belong to the demo team.
	file = bytes.Replace(file, []byte("members:\n"), []byte("members:\n      - {issuer: \"https://test.example\", group: testers}\n"), 1)
	rules, err := policy.Load(file, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	key := aliyun.Credentials{AccessKeyID: "demo-portal-key", AccessKeySecret: secret.New("demo-portal-secret")}
	client, err := aliyun.New(aliyun.Config{
		Endpoint: address, Now: w.clock.Now,
		Credentials: func(context.Context) (aliyun.Credentials, error) { return key, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w.url = "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
	if w.db, err = store.Open(store.Config{URL: secret.New(w.url), StatementTime: patience}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	w.server = &web.Server{
		Backups: &backup.Service{
			Cloud: client, Store: w.db, Limits: w.db, Policy: rules, Log: log, Now: w.clock.Now, NewID: rand.Text,
			Wait: func(_ context.Context, d time.Duration) error { w.clock.Add(d); return nil },
		},
		Policy: rules, Inventory: inventory.New(client, log, w.clock.Now), Sender: auth.Demo, Mode: auth.ModeDemo, Host: web.OnLoopback, Demo: true, Store: web.Store{Kind: w.db.Kind(), Ready: w.db.Ready}, Drafts: w.db, Log: log,
		RequestID: func(context.Context) string { return "request-1" }, Zone: time.FixedZone("UTC+8", 8*3600), Patience: patience,
	}
	w.server.Inventory.Patience = patience
	// One worker: each wait moves the clock, which would end the leases and the windows of other workers.
	w.server.Batches = &batch.Service{
		Backups: w.server.Backups, Store: w.db, Log: log, Woken: make(chan struct{}, 1), Workers: 1,
		Finder: inventory.Tags{Inventory: w.server.Inventory, Rules: rules},
	}
	w.handler = w.server.Handler()
	return w
}

// calls returns the number of calls that the cloud has received.
func (w *world) calls() int { return len(w.cloud.Ledger().Calls) }

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
