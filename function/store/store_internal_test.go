package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/secret"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

func TestFullFileRefusesClaims(t *testing.T) {
	t.Parallel()
	db, err := Open(Config{URL: secret.New("sqlite:" + filepath.Join(t.TempDir(), "portal.db"))})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	var pages int
	if err := db.db.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	// max_page_count is a setting of one connection, and changes have only one.
	if _, err := db.writes.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)); err != nil {
		t.Fatal(err)
	}
	var claimed []string
	full := false
	for n := range 1000 {
		known, ours, err := db.Claim(t.Context(), storetest.Record(n))
		if full = err != nil; full {
			t.Logf("after %d: %v", n, err)
			break
		}
		if ours {
			claimed = append(claimed, known.SubmissionID)
		}
	}
	if !full {
		t.Fatal("it never was full")
	}
	for _, id := range claimed {
		if _, err := db.Find(t.Context(), id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestReadOnlyConnectionsAreClosed tests a failover of the database, after which open
// connections lead to the former primary, which is read-only. The store must close these
// connections, so that the next statements reach the new primary.
func TestReadOnlyConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	db, err := Open(Config{URL: secret.New(postgrestest.Schema(t)), Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.db.Exec(`SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Claim(t.Context(), storetest.Record(1)); err == nil || pgCode(err) != pgReadOnly {
		t.Fatalf("got %v, want %s", err, pgReadOnly)
	}
	if _, ours, err := db.Claim(t.Context(), storetest.Record(1)); err != nil || !ours {
		t.Errorf("afterwards: %v, %v", ours, err)
	}
}

// TestUnixSocketIsLocal proves that a database that is reached through a Unix socket counts as
// one on this machine, so that no failover can lose a commit.
func TestUnixSocketIsLocal(t *testing.T) {
	t.Parallel()
	for address, c := range map[string]struct {
		host string
		port uint16
		want Durability
	}{
		"postgres://u:p@/d?host=/var/run/postgresql":           {"/var/run/postgresql", 5432, DurableHere},
		"postgres://u:p@/d?host=/var/run/postgresql&port=5433": {"/var/run/postgresql", 5433, DurableHere},
		"postgres://u:p@%2fvar%2Frun/d":                        {"/var/run", 5432, DurableHere},
		"postgres://u:p@%2Ftmp:5433/d":                         {"/tmp", 5433, DurableHere},
		"postgres://u:p@db.example.com/d?host=/tmp":            {"/tmp", 5432, DurableHere},
		"postgres://u:p@localhost/d":                           {"localhost", 5432, DurableHere},
		"postgres://u:p@/d?host=db.example.com":                {"db.example.com", 5432, DurableUntilFailover},
		"postgres://u:p@/d?host=/tmp,db.example.com":           {"/tmp", 5432, DurableUntilFailover},
	} {
		base, query, _ := strings.Cut(address, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := parseConfig(base, values)
		if err != nil || cfg.Host != c.host || cfg.Port != c.port {
			t.Errorf("%s: %+v, %v", address, cfg, err)
		}
		db, err := Open(Config{URL: secret.New(address)})
		if err != nil {
			t.Fatal(err)
		}
		if got := db.Durability(); got != c.want {
			t.Errorf("%s: %s, want %s", address, got, c.want)
		}
		db.Close()
	}
}

// TestUnixSocketConnects proves that the store can connect through a Unix socket, with both
// forms of the URL.
func TestUnixSocketConnects(t *testing.T) {
	t.Parallel()
	address := postgrestest.Schema(t)
	over, err := Open(Config{URL: secret.New(address)})
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	var folder string
	if err := over.db.QueryRow(`SHOW unix_socket_directories`).Scan(&folder); err != nil {
		t.Fatal(err)
	}
	_, query, _ := strings.Cut(address, "?")
	for _, socket := range []string{
		"postgres://postgres:pw@/postgres?host=" + url.QueryEscape(folder) + "&" + query,
		"postgres://postgres:pw@/postgres?host=" + folder + "&" + query,
		"postgres://postgres:pw@" + strings.ReplaceAll(folder, "/", "%2F") + "/postgres?" + query,
	} {
		db, err := Open(Config{URL: secret.New(socket)})
		if err != nil {
			t.Errorf("%s: %v", socket, err)
			continue
		}
		if err := db.Ready(t.Context()); err != nil || db.Durability() != DurableHere || db.MayForget() {
			t.Errorf("%s: %v, %s", socket, err, db.Durability())
		}
		db.Close()
	}
}

// submit runs the three statements of a successful submission: the claim, the attempt and the
// created step.
func submit(ctx context.Context, db *DB, n int, at time.Time) error {
	return submitWithAudit(ctx, db, n, at, "")
}

// submitWithAudit does the same as submit, and adds a row of the audit trail in each of the last
// two statements. An empty chain adds no rows.
func submitWithAudit(ctx context.Context, db *DB, n int, at time.Time, chain string) error {
	r := storetest.Record(n)
	r.CreatedAt, r.ExpiresAt = at, at.Add(7*24*time.Hour)
	r, ours, err := db.Claim(ctx, r)
	if err != nil || !ours {
		return fmt.Errorf("claim: %v, %w", ours, err)
	}
	for i, kind := range []backup.StepKind{backup.StepAttempt, backup.StepCreated} {
		step := storetest.Step(i, fmt.Sprint("owner-of-26-characters-", n))
		step.Kind = kind
		var rows []backup.AuditRow
		if chain != "" {
			rows = []backup.AuditRow{{Chain: chain, Seq: int64(2*n + i), At: at, Body: `{"record":"` + strings.Repeat("x", 700) + `"}`, MAC: strings.Repeat("f", 64)}}
		}
		if ours, err := db.Append(ctx, r.SubmissionID, step, rows...); err != nil || !ours {
			return fmt.Errorf("%s: %v, %w", kind, ours, err)
		}
	}
	return nil
}

// TestStoredJobFormatIsStable proves that later versions of the program can read the stored JSON of
// a job. New members may be added to the JSON, but no member may change.
func TestStoredJobFormatIsStable(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	job := backup.Job{
		JobID: "job-1", JobName: "n", SourceType: param.UDMECS, InstanceID: "i-1", Status: backup.StateRunning, ErrorMessage: "e",
		Progress: 1, BytesTotal: 2, BytesDone: 3, Speed: 4, CreatedTime: at, StartTime: at, CompleteTime: at, UpdatedTime: at,
		CopyStatus: "RUNNING", CopyError: "c", CopyProgress: 5, Consistency: backup.Consistency{ConsistentLevel: "CRASH", DowngradeReason: "d"}, SeenAt: at,
	}
	got, err := jsonText(job)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/job.json")
	if err != nil || got != strings.TrimSpace(string(want)) {
		t.Errorf("stored as %s\nwant %s (error %v)", got, want, err)
	}
}

// BenchmarkStepLog measures the time that the store adds to a successful submission: three
// statements. Two of them must be on disk before the portal calls the cloud.
func BenchmarkStepLog(b *testing.B) { benchmarkStepLog(b, submit) }

// BenchmarkStepLogWithAudit is BenchmarkStepLog with the rows of the audit trail in two of the
// statements.
func BenchmarkStepLogWithAudit(b *testing.B) {
	benchmarkStepLog(b, func(ctx context.Context, db *DB, n int, at time.Time) error {
		return submitWithAudit(ctx, db, n, at, "chain")
	})
}

// BenchmarkStepLogWithLimits is BenchmarkStepLog with the limits of a policy that uses every kind
// of limit: a rate of requests, two rates of backups, two quotas and a cool-down.
func BenchmarkStepLogWithLimits(b *testing.B) {
	most := func(key string) backup.Rate { return backup.Rate{Key: key, Burst: 100_000, Per: time.Hour} }
	grant := backup.Grant{
		Rates: []backup.Rate{most("p:alice"), most("a:prod")}, Cooldown: time.Hour,
		Quotas: []backup.Quota{{Key: "a:prod", Day: 1 << 30}, {Key: "t:payments", Day: 1 << 30}},
	}
	benchmarkStepLog(b, func(ctx context.Context, db *DB, n int, at time.Time) error {
		if wait, err := db.Take(ctx, most("c:alice"), at); err != nil || wait > 0 {
			return fmt.Errorf("take: %v, %w", wait, err)
		}
		key := storetest.Record(n).SubmissionID
		if _, err := db.Known(ctx, key, at); !errors.Is(err, backup.ErrNotFound) {
			return fmt.Errorf("known: %w", err)
		}
		limit, err := db.Reserve(ctx, backup.Reservation{Key: key, Grant: grant, Resource: fmt.Sprint("1000000000000001/i-", n), Now: at})
		if err != nil || limit != nil {
			return fmt.Errorf("reserve: %v, %w", limit, err)
		}
		return submit(ctx, db, n, at)
	})
}

// benchmarkStepLog runs submit on both databases. It reports the 50th and the 99th percentile of
// the time of submit.
func benchmarkStepLog(b *testing.B, submit func(ctx context.Context, db *DB, n int, at time.Time) error) {
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			url := "sqlite:" + filepath.Join(b.TempDir(), "portal.db")
			if kind == "PostgreSQL" {
				url = postgrestest.Start(b).Schema(b)
			}
			db, err := Open(Config{URL: secret.New(url), Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			if err := db.Ready(b.Context()); err != nil {
				b.Fatal(err)
			}
			var took []time.Duration
			for n := 0; b.Loop(); n++ {
				start := time.Now()
				if err := submit(b.Context(), db, n, start); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
