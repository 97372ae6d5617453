package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/secret"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

func TestFullFileTakesNothing(t *testing.T) {
	t.Parallel()
	db, err := Open(Config{URL: secret.New("sqlite:" + filepath.Join(t.TempDir(), "portal.db"))})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.db.SetMaxOpenConns(1) // what follows holds for one connection
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	var pages int
	if err := db.db.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := db.db.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)); err != nil {
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

// Connections that lead to a former primary are given up, so that the next ones
// find the new one.
func TestConnectionsThatMayNoLongerWriteAreLeft(t *testing.T) {
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

// A counter counts the statements that go to a server.
type counter struct{ statements atomic.Int32 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.statements.Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// submit makes the three statements of a submission that goes well: claim,
// attempt, created.
func submit(ctx context.Context, db *DB, n int, at time.Time) error {
	return submitAlong(ctx, db, n, at, "")
}

// submitAlong is submit with rows of the audit trail beside the last two, if there
// is a chain for them.
func submitAlong(ctx context.Context, db *DB, n int, at time.Time, chain string) error {
	r := storetest.Record(n)
	r.CreatedAt, r.ExpiresAt = at, at.Add(7*24*time.Hour)
	r, ours, err := db.Claim(ctx, r)
	if err != nil || !ours {
		return fmt.Errorf("claim: %v, %w", ours, err)
	}
	for i, kind := range []backup.StepKind{backup.StepAttempt, backup.StepCreated} {
		step := storetest.Step(i, fmt.Sprint("owner-of-26-characters-", n))
		step.Kind = kind
		var told []backup.AuditRow
		if chain != "" {
			told = []backup.AuditRow{{Chain: chain, Seq: int64(2*n + i), At: at, Body: `{"record":"` + strings.Repeat("x", 700) + `"}`, MAC: strings.Repeat("f", 64)}}
		}
		if ours, err := db.Append(ctx, r.SubmissionID, step, told...); err != nil || !ours {
			return fmt.Errorf("%s: %v, %w", kind, ours, err)
		}
	}
	return nil
}

func TestSubmissionThatGoesWellTakesThreeStatements(t *testing.T) {
	t.Parallel()
	address := postgrestest.Schema(t)
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	count := &counter{}
	cfg.Tracer = count
	db, err := Open(Config{URL: secret.New(address)})
	if err != nil {
		t.Fatal(err)
	}
	db.db.Close()
	db.db = stdlib.OpenDB(*cfg)
	defer db.Close()
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := count.statements.Load()
	if err := submit(t.Context(), db, 1, storetest.Start); err != nil {
		t.Fatal(err)
	}
	if n := count.statements.Load() - before; n != 3 {
		t.Errorf("%d statements", n)
	}
}

// What is stored of a job is read by later versions: names may be added to it,
// and none may change.
func TestStoredFormOfAJobStays(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	job := backup.Job{
		JobID: "job-1", JobName: "n", SourceType: param.UDMECS, InstanceID: "i-1", Status: backup.StateRunning, ErrorMessage: "e",
		Progress: 1, BytesTotal: 2, BytesDone: 3, Speed: 4, CreatedTime: at, StartTime: at, CompleteTime: at, UpdatedTime: at,
		CopyStatus: "RUNNING", CopyError: "c", CopyProgress: 5, Consistency: backup.Consistency{ConsistentLevel: "CRASH", DowngradeReason: "d"}, SeenAt: at,
	}
	got, err := text(job)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/job.json")
	if err != nil || got != strings.TrimSpace(string(want)) {
		t.Errorf("stored as %s\nwant %s (error %v)", got, want, err)
	}
}

// BenchmarkOnceLog is what the log adds to a submission that goes well: three
// statements, two of which have to be on the disk before anything is sent.
func BenchmarkOnceLog(b *testing.B) { benchmarkLog(b, submit) }

// BenchmarkOnceLogWithAudit is the same with the audit trail, which goes along with
// two of the statements.
func BenchmarkOnceLogWithAudit(b *testing.B) {
	benchmarkLog(b, func(ctx context.Context, db *DB, n int, at time.Time) error {
		return submitAlong(ctx, db, n, at, "chain")
	})
}

// BenchmarkOnceLogWithLimits is the same with a rate for requests, two for
// backups, two quotas and a cool-down, as a policy with all of them has it.
func BenchmarkOnceLogWithLimits(b *testing.B) {
	most := func(key string) backup.Rate { return backup.Rate{Key: key, Burst: 100_000, Per: time.Hour} }
	grant := backup.Grant{
		Rates: []backup.Rate{most("p:alice"), most("a:prod")}, Cooldown: time.Hour,
		Quotas: []backup.Quota{{Key: "a:prod", Day: 1 << 30}, {Key: "t:payments", Day: 1 << 30}},
	}
	benchmarkLog(b, func(ctx context.Context, db *DB, n int, at time.Time) error {
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

func benchmarkLog(b *testing.B, submit func(ctx context.Context, db *DB, n int, at time.Time) error) {
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
