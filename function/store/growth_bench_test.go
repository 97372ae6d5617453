package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/secret"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// BenchmarkGrowth measures how much slower the store becomes when its history grows. It makes a
// history of 10,000 submissions and one of 100,000 (or of GROWTH, if that variable is set), and
// measures the same operations on both in turn.
//
// x-small is the time on the large history divided by the time on the small one; it should be
// near 1. MB-per-million is the space of a million submissions with their steps and jobs.
func BenchmarkGrowth(b *testing.B) {
	large := 100_000
	if text := os.Getenv("GROWTH"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		large = n
	}
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			few, many := openGrown(b, kind, 10_000), openGrown(b, kind, large)
			b.Run("size", func(b *testing.B) {
				for b.Loop() {
				}
				b.ReportMetric(float64(few.size(b, many))/float64(large-10_000), "MB-per-million")
			})
			for _, o := range growthOperations() {
				b.Run(o.name, func(b *testing.B) {
					var small, big time.Duration
					for n := 0; b.Loop(); n++ {
						for _, side := range []struct {
							db   *DB
							took *time.Duration
						}{{few.DB, &small}, {many.DB, &big}} {
							began := time.Now()
							if err := o.do(b.Context(), side.db, n); err != nil {
								b.Fatal(err)
							}
							*side.took += time.Since(began)
						}
					}
					b.ReportMetric(float64(big)/float64(small), "x-small")
					b.ReportMetric(float64(big.Microseconds())/1000/float64(b.N), "ms-large")
				})
			}
		})
	}
}

// A grown is a database with a history of many submissions.
type grown struct{ *DB }

// openGrown opens a database with a history of n submissions.
func openGrown(b *testing.B, kind string, n int) grown {
	b.Helper()
	url := "sqlite:" + filepath.Join(b.TempDir(), "portal.db")
	if kind == "PostgreSQL" {
		url = postgrestest.Start(b).Schema(b) + "&statement_timeout=0"
	}
	db, err := Open(Config{URL: secret.New(url), StatementTime: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if err := db.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	storetest.FillHistory(b, db.writes, n, storetest.Start)
	if kind == "PostgreSQL" { // in production, autovacuum does it
		if _, err := db.writes.Exec(`VACUUM ANALYZE`); err != nil {
			b.Fatal(err)
		}
	}
	return grown{db}
}

// size returns how many bytes the database other is larger than the database g.
func (g grown) size(b *testing.B, other grown) int64 {
	query := `SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`
	if g.Kind() == SQLite {
		query = `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	}
	var mine, its int64
	if err := g.writes.QueryRow(query).Scan(&mine); err != nil {
		b.Fatal(err)
	}
	if err := other.writes.QueryRow(query).Scan(&its); err != nil {
		b.Fatal(err)
	}
	return its - mine
}

// A growthOperation is one operation that BenchmarkGrowth measures. The parameter of do is how
// many times it was executed before.
type growthOperation struct {
	name string
	do   func(ctx context.Context, db *DB, n int) error
}

// growthOperations returns the operations that BenchmarkGrowth measures, such as storing a
// submission or listing a page.
func growthOperations() []growthOperation {
	list := func(name string, q backup.Query) growthOperation {
		q.Limit = pageSize
		return growthOperation{name, func(ctx context.Context, db *DB, _ int) error {
			_, err := db.List(ctx, q)
			return err
		}}
	}
	all := []growthOperation{
		{"claim", func(ctx context.Context, db *DB, n int) error {
			return submit(ctx, db, n, storetest.Start.Add(time.Duration(n)*time.Millisecond))
		}},
		{"open submissions", func(ctx context.Context, db *DB, _ int) error {
			_, err := db.Open(ctx, "", pageSize)
			return err
		}},
		{"forget 20", func(ctx context.Context, db *DB, _ int) error {
			_, err := db.Forget(ctx, storetest.Start.AddDate(0, 0, -7), storetest.Start, 20)
			return err
		}},
		{"page 500", func(ctx context.Context, db *DB, _ int) error {
			var at int64
			if err := db.db.QueryRowContext(ctx, `SELECT MIN(created_ms) FROM submission`).Scan(&at); err != nil {
				return err
			}
			_, err := db.List(ctx, backup.Query{Limit: 25, Before: &backup.Place{At: time.UnixMilli(at).Add(time.Hour), ID: "x"}})
			return err
		}},
		list("page 1", backup.Query{}),
		list("account", backup.Query{Account: storetest.CommonAccount}),
		list("principal", backup.Query{Principal: storetest.CommonPrincipal}),
		list("resource", backup.Query{Resource: storetest.CommonResource}),
		list("source", backup.Query{SourceType: storetest.CommonSource}),
		list("complete", backup.Query{States: []backup.State{storetest.CommonState}}),
		list("days", backup.Query{From: storetest.Start.AddDate(0, 0, -2), To: storetest.Start.AddDate(0, 0, -1)}),
	}
	return all
}

// BenchmarkSQLiteBesideReaders measures how many submissions per second SQLite records alone,
// and beside 32 readers that list submissions without a pause. Both are measured in turn.
//
// kept-% is the second rate in percent of the first. The readers use the same processors, so
// not all of the loss is waiting for the database. wal-MB is the size of the file with the
// changes that are not in the database file yet.
func BenchmarkSQLiteBesideReaders(b *testing.B) {
	db := openGrown(b, "SQLite", 10_000)
	var n atomic.Int64
	phase := func(readers int) (perSecond float64) {
		ctx, cancel := context.WithTimeout(b.Context(), 2*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range readers {
			all.Go(func() {
				for ctx.Err() == nil {
					_, _ = db.List(ctx, backup.Query{Limit: pageSize})
				}
			})
		}
		var done atomic.Int64
		for range 8 {
			all.Go(func() {
				for ctx.Err() == nil {
					i := int(n.Add(1))
					if err := submit(context.WithoutCancel(ctx), db.DB, i, storetest.Start); err != nil {
						b.Error(fmt.Errorf("submission %d: %w", i, err))
						return
					}
					done.Add(1)
				}
			})
		}
		began := time.Now()
		all.Wait()
		return float64(done.Load()) / time.Since(began).Seconds()
	}
	var alone, beside float64
	for b.Loop() {
		alone += phase(0)
		beside += phase(32)
	}
	b.ReportMetric(100*beside/alone, "kept-%")
	b.ReportMetric(alone/float64(b.N), "alone/s")
	var path string
	if err := db.writes.QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&path); err != nil {
		b.Fatal(err)
	}
	if info, err := os.Stat(strings.TrimPrefix(path, "file:") + "-wal"); err == nil {
		b.ReportMetric(float64(info.Size())/1e6, "wal-MB")
	}
}
