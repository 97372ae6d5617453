package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backupportal/function/app"
	"backupportal/function/backup"
	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/event"
	"backupportal/function/event/envelope"
	"backupportal/function/event/runtimetest"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
)

// TestTimerSweeps proves that the timer event of s.yaml, and a direct event with the same
// order, start a sweep (regular background run). If the event has any other member, it is
// refused as an invalid backup request.
func TestTimerSweeps(t *testing.T) {
	g := onFC(t, runtimetest.FCTrigger{})
	if res := g.fc.Invoke(t.Context(), []byte(kinds[0].json)); res.Failed() {
		t.Fatalf("%s %s", res.Body, res.ErrorMessage)
	}
	g.ahead.Store(int64(time.Minute))
	timer := `{"triggerTime":"2026-11-23T09:00:00Z","triggerName":"sweep","payload":"{\"sweep\":true}"}`
	res := g.fc.Invoke(t.Context(), []byte(timer))
	if res.Failed() || !strings.Contains(string(res.Body), `"answer":{"Open":1,"Resolved":0,"Refreshed":1,"Forgotten":0,"Sent":0}`) {
		t.Errorf("timer: %s %s", res.Body, res.ErrorMessage)
	}
	if _, body := g.get("/api/v1/backup-jobs?Status=COMPLETE"); !strings.Contains(body, `"Progress":10000`) {
		t.Errorf("nobody has looked, and the history says %s", body)
	}
	if res := g.fc.Invoke(t.Context(), []byte(`{"sweep":true}`)); string(res.Body) != `{"Open":0,"Resolved":0,"Refreshed":0,"Forgotten":0,"Sent":0}` {
		t.Errorf("raw event: %s %s", res.Body, res.ErrorMessage)
	}
	for _, wrong := range []string{`{"sweep":false}`, `{"sweep":true,"key":"x"}`, `{"sweep":"true"}`} {
		if res := g.fc.Invoke(t.Context(), []byte(wrong)); !strings.Contains(string(res.Body), "urn:backup-portal:problem:invalid") {
			t.Errorf("%s: %s %s", wrong, res.Body, res.ErrorMessage)
		}
	}
	if n := len(g.calls("CreateBackupJob")); n != 1 {
		t.Errorf("CreateBackupJob was called %d times", n)
	}
}

// TestPlainServerSweepsByItself proves that a plain server sweeps (updates the history) when it
// starts: it asks the cloud about a job about which no client has asked.
func TestPlainServerSweepsByItself(t *testing.T) {
	t.Parallel()
	database := "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
	f := newFleet(t, database)
	first := f.start(database)
	if answer := first.submit(t, "one-key"); answer.status != http.StatusCreated {
		t.Fatalf("%+v", answer)
	}
	first.kill()
	f.start(database)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); len(f.cloud.Ledger().CallsOf("DescribeBackupJobs2")) == 0; <-tick.C {
		if time.Now().After(end) {
			t.Fatal("the cloud was not asked about the job")
		}
	}
}

// wired starts an emulator and returns it with a program, in this process, that uses it as the
// cloud. The program opens the database itself. pairs are further variables of its environment.
func wired(t *testing.T, pairs ...string) (p app.App, cloud *emulator.Cloud) {
	t.Helper()
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	return connect(t, endpoint.URL, io.Discard, pairs...), cloud
}

// connect returns the program in this process. The program uses the cloud at endpoint. pairs are
// further variables of its environment.
func connect(t testing.TB, endpoint string, log io.Writer, pairs ...string) app.App {
	t.Helper()
	cfg, err := app.ReadConfig(variables(append([]string{
		"CLOUD_ENDPOINT", endpoint, "POLICY_FILE", "../cmd/local/policy.yaml",
		"ALIBABA_CLOUD_ACCESS_KEY_ID", world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", world.DemoSecret,
	}, pairs...)...))
	if err != nil {
		t.Fatal(err)
	}
	p, err := app.Wire(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestHistoryDaysFromEnvironment(t *testing.T) {
	for days, kept := range map[string]bool{"7": false, "9": true, "": true} {
		url := "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
		db, err := store.Open(store.Config{URL: secret.New(url), StatementTime: patience})
		if err != nil {
			t.Fatal(err)
		}
		old := backup.Record{SubmissionID: "old", CreatedAt: time.Now().AddDate(0, 0, -8), ExpiresAt: time.Now().AddDate(0, 0, -1)}
		if _, _, err := db.Claim(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		p, _ := wired(t, "DATABASE_URL", url, "HISTORY_DAYS", days)
		if _, err := p.Handlers.Submit(t.Context(), event.Message{Kind: envelope.Timer, Payload: []byte(`{"sweep":true}`)}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Find(t.Context(), "old"); (err == nil) != kept {
			t.Errorf("HISTORY_DAYS=%s after 8 days: %v, want kept %v", days, err, kept)
		}
		db.Close()
	}
}

func TestListFirstFromEnvironment(t *testing.T) {
	for first, lists := range map[string]int{"1": 1, "0": 0} {
		p, cloud := wired(t, "DATABASE_URL", "sqlite:"+filepath.Join(t.TempDir(), "portal.db"), "LIST_FIRST", first)
		message := event.Message{Kind: envelope.Direct, ID: "1", Payload: []byte(kinds[0].json)}
		if _, err := p.Handlers.Submit(t.Context(), message); err != nil {
			t.Fatal(err)
		}
		if n := len(cloud.Ledger().CallsOf("DescribeBackupJobs2")); n != lists {
			t.Errorf("LIST_FIRST=%s: %d listings, want %d", first, n, lists)
		}
	}
}

func TestMigrateCreatesTheSchema(t *testing.T) {
	scripts, err := filepath.Glob("../store/migrations/*.sql")
	if err != nil || scripts == nil {
		t.Fatalf("migrations: %v, %v", scripts, err)
	}
	version := len(scripts)
	for name, url := range map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "portal.db"),
		"postgres": postgrestest.Schema(t),
	} {
		for _, want := range []string{
			fmt.Sprintf("%s: the schema went from version 0 to %d\n", name, version), fmt.Sprintf("%s: the schema is at version %d already\n", name, version),
		} {
			if out, code := runProgram(t, []string{"DATABASE_URL", url}, "migrate"); code != 0 || out != want {
				t.Errorf("%s: %q, exit code %d; want %q", name, out, code, want)
			}
		}
	}
	for _, wrong := range []string{"mysql://x", "", "sqlite:/no/such/folder/x.db", "postgres://postgres@127.0.0.1:1/none"} {
		if out, code := runProgram(t, []string{"DATABASE_URL", wrong}, "migrate"); code != 1 || !strings.Contains(out, "DATABASE_URL") {
			t.Errorf("%q: exit code %d, %s, want an error that names the variable", wrong, code, out)
		}
	}
}
