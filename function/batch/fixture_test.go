package batch_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
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
	"backupportal/function/emulator/world"
	"backupportal/function/identity"
	"backupportal/function/inventory"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
)

// fixture is a batch service in front of the emulator, with a clock that moves only in tests.
type fixture struct {
	*batch.Service
	cloud *emulator.Cloud
	clock *clock
	url   string // URL of the database
}

// alice is in the team of the demonstration policy.
var alice = identity.Principal{
	Kind: identity.KindHuman, Issuer: "https://test.example", Groups: []string{"testers"}, Subject: "alice", Name: "Alice",
}

// newFixture returns a fixture with the SQLite database of the test.
func newFixture(t testing.TB) *fixture {
	return newFixtureOn(t, "sqlite:"+filepath.Join(t.TempDir(), "portal.db"), nil)
}

// onEachDatabase runs a test on SQLite and on PostgreSQL, in parallel.
func onEachDatabase(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "portal.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, postgrestest.Schema(t))
	})
}

// newFixtureOn returns a fixture with the database at address. If first is not nil, the fixture is another instance of
// the same portal: both have one clock and one cloud.
func newFixtureOn(t testing.TB, address string, first *fixture) *fixture {
	t.Helper()
	f := &fixture{clock: &clock{now: time.Now().Round(0)}, url: address}
	if first != nil {
		f.clock, f.cloud = first.clock, first.cloud
	} else {
		exists := world.Demo()
		change(exists)
		cloud, err := emulator.New(emulator.Options{World: exists, Now: f.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		f.cloud = cloud
	}
	server := httptest.NewServer(f.cloud)
	t.Cleanup(server.Close)
	endpoint, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file = bytes.Replace(file, []byte("members:\n"), []byte("members:\n      - {issuer: \"https://test.example\", group: testers}\n"), 1)
	rules, err := policy.Load(file, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	key := aliyun.Credentials{AccessKeyID: world.DemoKey, AccessKeySecret: secret.New(world.DemoSecret)}
	client, err := aliyun.New(aliyun.Config{
		Endpoint: endpoint, Now: f.clock.Now, Credentials: func(context.Context) (aliyun.Credentials, error) { return key, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(store.Config{URL: secret.New(address), Connections: 8, StatementTime: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	f.Service = &batch.Service{
		Backups: &backup.Service{
			Cloud: client, Store: db, Limits: db, Policy: rules, Log: slog.New(slog.DiscardHandler), Now: f.clock.Now, NewID: rand.Text,
			Wait: func(ctx context.Context, d time.Duration) error { f.clock.Add(d); return ctx.Err() },
		},
		Store: db, Log: slog.New(slog.DiscardHandler), Woken: make(chan struct{}, 1),
		Finder: inventory.Tags{Inventory: inventory.New(client, slog.New(slog.DiscardHandler), f.clock.Now), Rules: rules},
	}
	return f
}

// machines is how many instances the tests add to the demo world: i-batch0000, i-batch0001 and so on.
const machines = 300

// change adds the instances of the tests to the demo world.
func change(w *world.World) {
	own := &w.Accounts[0]
	for n := range machines {
		own.Instances = append(own.Instances, world.Instance{
			ID: machine(n), Name: fmt.Sprintf("batch%04d", n), Region: "cn-hangzhou", OS: "linux", Tags: map[string]string{"team": "web"},
			Disks: []world.Disk{{ID: fmt.Sprintf("d-batch%04d", n), Category: "cloud_essd", Type: "system", GiB: 40}},
		})
	}
}

// machine returns the id of instance n of the tests.
func machine(n int) string { return fmt.Sprintf("i-batch%04d", n) }

// request returns a request for n instances that the demo policy allows.
func request(key string, n int) batch.Request {
	r := batch.Request{
		Door: backup.DoorAPI, Principal: alice, Key: key,
		Common:  param.Params{"Account": "demo", "Region": "cn-hangzhou", "Retention": "7"},
		Options: batch.Options{Rate: "500/s"},
	}
	for i := range n {
		r.Targets = append(r.Targets, param.Params{"InstanceId": machine(i)})
	}
	return r
}

// create creates a batch.
func (f *fixture) create(t testing.TB, r batch.Request) batch.Batch {
	t.Helper()
	b, _, err := f.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run runs a batch until nothing can be started, and lets the clock advance to the next time at which there is something to do,
// at most rounds times. It returns the batch as it is then.
func (f *fixture) run(t testing.TB, id string, rounds int) batch.Batch {
	t.Helper()
	for range rounds {
		again, err := f.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		f.counted(t, id)
		if again == 0 {
			break
		}
		f.clock.Add(again)
	}
	return f.find(t, id)
}

// counted fails the test unless the counts of a batch are those of its items.
func (f *fixture) counted(t testing.TB, id string) {
	t.Helper()
	b := f.find(t, id)
	items, err := f.Items(t.Context(), alice, id, batch.ItemQuery{After: -1, Limit: b.Total + 1})
	if err != nil {
		t.Fatal(err)
	}
	counts := batch.Counts{}
	for _, item := range items {
		counts[item.State]++
	}
	if !maps.Equal(counts, b.Counts) {
		t.Fatalf("counts %v, items %v", b.Counts, counts)
	}
}

// find returns a batch of alice.
func (f *fixture) find(t testing.TB, id string) batch.Batch {
	t.Helper()
	b, err := f.Find(t.Context(), alice, id)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fail sets the emulator's schedule of faults.
func (f *fixture) fail(t testing.TB, schedule string) {
	t.Helper()
	if err := f.cloud.SetFaults(schedule); err != nil {
		t.Fatal(err)
	}
}

// jobs returns the number of jobs of each instance.
func (f *fixture) jobs() map[string]int {
	all := map[string]int{}
	for _, j := range f.cloud.Ledger().Jobs {
		all[j.InstanceID]++
	}
	return all
}

// once fails the test unless each of the first n instances has exactly one job, and no other instance has one.
func (f *fixture) once(t testing.TB, n int) {
	t.Helper()
	jobs := f.jobs()
	for i := range n {
		if jobs[machine(i)] != 1 {
			t.Errorf("%s has %d jobs", machine(i), jobs[machine(i)])
		}
	}
	if len(jobs) != n {
		t.Errorf("%d instances have jobs, want %d", len(jobs), n)
	}
}

// clock is a clock that changes only by Add.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add advances the clock.
func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
