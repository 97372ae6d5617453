package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/memory"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// fixture is a Service that calls the emulator of the cloud, with a clock that tests set.
type fixture struct {
	*backup.Service
	cloud  *emulator.Cloud
	clock  *clock
	before func(ask int) // called before each request of a plan, unless nil
}

// newFixture returns a fixture with an empty memory store. The memory store passes the same
// conformance suite as the databases, so most tests of the service use it.
func newFixture(t testing.TB) *fixture { return newFixtureWith(t, memory.New()) }

// newFixtureOn returns a fixture with the database at url.
func newFixtureOn(t testing.TB, url string) *fixture { return newFixtureWith(t, openStore(t, url)) }

// sqliteFile returns the URL of a new SQLite database.
func sqliteFile(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "portal.db") }

// newFixtureWith returns a fixture with the store db.
func newFixtureWith(t testing.TB, db interface {
	backup.Store
	backup.Limits
}) *fixture {
	t.Helper()
	// The cloud's SDK signs with the machine's clock, so the test's clock begins there.
	r := &fixture{clock: &clock{now: time.Now().Round(0)}}
	cloud, err := emulator.New(emulator.Options{Now: r.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	r.cloud = cloud
	file, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// All principals of the tests are in the team of the demonstration policy.
	file = bytes.Replace(file, []byte("members:\n"), []byte("members:\n      - {issuer: \"https://test.example\", group: testers}\n"), 1)
	rules, err := policy.Load(file, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	r.Service = &backup.Service{
		Cloud: r.client(t, r.clock.Now), Store: db, Limits: db, Policy: rules, Log: slog.New(slog.DiscardHandler),
		Now: r.clock.Now, NewID: rand.Text,
		Wait: func(_ context.Context, d time.Duration) error { r.clock.Add(d); return nil },
	}
	return r
}

// steps returns the kinds of the steps in a submission's log. It returns an error that names
// the violated rule if their order is not valid.
func (r *fixture) steps(id string) (kinds string, err error) {
	return storetest.Kinds(r.Limits.(*memory.Store).Steps(id))
}

// client returns a client that calls the emulator over HTTP. now is its clock.
func (r *fixture) client(t testing.TB, now func() time.Time) *aliyun.Client {
	t.Helper()
	server := httptest.NewServer(r.cloud)
	t.Cleanup(server.Close)
	endpoint, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	key := aliyun.Credentials{AccessKeyID: world.DemoKey, AccessKeySecret: secret.New(world.DemoSecret)}
	client, err := aliyun.New(aliyun.Config{
		Endpoint: endpoint, Now: now,
		Credentials: func(context.Context) (aliyun.Credentials, error) { return key, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// openStore opens the database at url and closes it after the test.
func openStore(t testing.TB, url string) *store.DB {
	t.Helper()
	db, err := store.Open(store.Config{
		URL: secret.New(url), Connections: 8,
		StatementTime: 2 * time.Minute, // the default of 5 seconds is too short for all writers of a test on a busy machine
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// onEachDatabase runs a test on SQLite and on PostgreSQL, in parallel.
func onEachDatabase(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, sqliteFile(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, postgrestest.Schema(t))
	})
}

// submission returns a submission (request for a backup) that the demo policy allows. With the
// same key it always returns the same one.
func submission(key string) backup.Submission {
	return backup.Submission{
		Door: backup.DoorAPI, Principal: identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Groups: []string{"testers"}, Subject: "alice", Name: "Alice"}, Key: key,
		Params: param.Params{"Account": "demo", "Region": "cn-hangzhou", "InstanceId": "i-bp1demoweb01", "Retention": "7"},
	}
}

// jobs returns the number of jobs in the cloud.
func (r *fixture) jobs() int { return len(r.cloud.Ledger().Jobs) }

// sends returns how many requests CreateBackupJob the cloud has received.
func (r *fixture) sends() int { return len(r.cloud.Ledger().CallsOf("CreateBackupJob")) }

// lists returns how many requests DescribeBackupJobs2 the cloud has received.
func (r *fixture) lists() int { return len(r.cloud.Ledger().CallsOf("DescribeBackupJobs2")) }

// fail sets which calls of the emulator fail (grammar: docs/emulator.md).
func (r *fixture) fail(t testing.TB, schedule string) {
	t.Helper()
	if err := r.cloud.SetFaults(schedule); err != nil {
		t.Fatal(err)
	}
}

// record returns the stored record of a submission.
func (r *fixture) record(t testing.TB, id string) backup.Record {
	t.Helper()
	record, err := r.Store.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// clock is a clock that changes only by Add and Set.
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

func (c *clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}
