package store

import (
	"context"
	"errors"
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

// smallHistory is the number of submissions in the history with which BenchmarkGrowth compares.
const smallHistory = 10_000

// BenchmarkGrowth measures how much slower the store becomes when its history grows. It makes a
// history of 10,000 submissions and one of 100,000 (or of GROWTH, if that variable is set), both
// with notices and rejections, and measures the same operations on both in turn.
//
// x-small is the time on the large history divided by the time on the small one; it should be
// near 1. MB-per-million is the space of a million submissions with their steps and jobs,
// without notices.
//
// The last operation deletes the oldest submissions, 200 at once as a sweep does, alone and then
// while others are stored. x-small and ms-large are the time of one such deletion beside them,
// alone-ms-large is the time alone, and kept-% is the rate at which submissions are stored beside
// the deletions, in percent of the rate without them. It runs once only, because the small history
// would end.
func BenchmarkGrowth(b *testing.B) {
	large := 100_000
	if text := os.Getenv("GROWTH"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n <= smallHistory {
			b.Fatalf("GROWTH must be a number above %d", smallHistory)
		}
		large = n
	}
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			few, many := openGrown(b, kind, smallHistory), openGrown(b, kind, large)
			b.Run("size", func(b *testing.B) {
				for b.Loop() {
				}
				b.ReportMetric(float64(many.bytes-few.bytes)/float64(large-smallHistory), "MB-per-million")
			})
			for _, o := range growthOperations() {
				b.Run(o.name, func(b *testing.B) { benchGrowth(b, o, few, many) })
			}
			var deleting bool // a benchmark function runs more than once if its time is not fixed
			b.Run("deletion beside writers", func(b *testing.B) {
				for b.Loop() {
					if deleting {
						continue
					}
					deleting = true
					small, big := few.deleteOld(b), many.deleteOld(b)
					b.ReportMetric(float64(big.beside)/float64(small.beside), "x-small")
					b.ReportMetric(milliseconds(big.beside), "ms-large")
					b.ReportMetric(milliseconds(big.alone), "alone-ms-large")
					b.ReportMetric(big.kept, "kept-%")
				}
			})
		})
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// benchGrowth measures an operation on a small and on a large history, in turn.
func benchGrowth(b *testing.B, o growthOperation, few, many *grown) {
	timed := func(g *grown) time.Duration {
		began := time.Now()
		if err := o.do(b.Context(), g); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	timed(few) // statements are prepared now, and pages are in the cache
	timed(many)
	var small, big time.Duration
	for b.Loop() {
		small += timed(few)
		big += timed(many)
	}
	b.ReportMetric(float64(big)/float64(small), "x-small")
	b.ReportMetric(milliseconds(big)/float64(b.N), "ms-large")
}

// A grown is a database with a history of many submissions.
type grown struct {
	*DB
	bytes    int64         // size without notices and rejections
	page500  *backup.Place // the submission after which page 500 of the history begins; the last page, if there are fewer
	last     *backup.Place // the submission after which the last page begins
	claimed  atomic.Int64  // number of submissions that were stored since
	claimsAt time.Time     // time of the first of these
}

// openGrown opens a database with a history of n submissions.
func openGrown(b *testing.B, kind string, n int) *grown {
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
	g := &grown{DB: db, claimsAt: storetest.Start}
	g.vacuum(b)
	g.bytes = g.size(b)
	fillNotices(b, db, n)
	g.vacuum(b)
	g.last = g.place(b, n-growthPage-1)
	g.page500 = g.place(b, min(499*growthPage, n-growthPage)-1)
	return g
}

// growthPage is the number of submissions on a page of the history.
const growthPage = 25

// vacuum does what autovacuum does in production: it removes old rows and counts the others. For
// SQLite it does nothing, because the portal leaves that out too.
func (g *grown) vacuum(b *testing.B) {
	if g.Kind() == SQLite {
		return
	}
	if _, err := g.writes.Exec(`VACUUM ANALYZE`); err != nil {
		b.Fatal(err)
	}
}

// place returns the position ([backup.Place]) in the history of the submission that has n newer ones.
func (g *grown) place(b *testing.B, n int) *backup.Place {
	b.Helper()
	var at int64
	var id string
	row := g.db.QueryRow(`SELECT created_ms, id FROM submission ORDER BY created_ms DESC, id DESC LIMIT 1 OFFSET $1`, n)
	if err := row.Scan(&at, &id); err != nil {
		b.Fatal(err)
	}
	return &backup.Place{At: time.UnixMilli(at), ID: id}
}

// size returns the size of the database in bytes.
func (g *grown) size(b *testing.B) (bytes int64) {
	query := `SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`
	if g.Kind() == SQLite {
		query = `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	}
	if err := g.writes.QueryRow(query).Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	return bytes
}

// claim stores a new submission with its attempt and its result.
func (g *grown) claim(ctx context.Context) error {
	n := g.claimed.Add(1)
	return submit(ctx, g.DB, int(n), g.claimsAt.Add(time.Duration(n)*time.Millisecond))
}

// sweep makes the statements that a sweep makes if there is nothing to delete and no news of jobs.
func (g *grown) sweep(ctx context.Context) error {
	const batch = 100
	old := storetest.Start.AddDate(-100, 0, 0)
	_, err := g.Forget(ctx, old, old, batch)
	err = errors.Join(err, g.ForgetRejections(ctx, old), g.ForgetDrafts(ctx, old), g.ForgetLimits(ctx, old))
	after := ""
	for err == nil {
		var page []backup.Record
		if page, err = g.Open(ctx, after, batch); len(page) < batch {
			break
		}
		after = page[len(page)-1].SubmissionID
	}
	_, due := g.Due(ctx, "r1", storetest.Start, batch)
	_, waiting := g.Waiting(ctx, "r1")
	return errors.Join(err, due, waiting)
}

// A deletion is the time of a deletion of 200 submissions.
type deletion struct {
	alone, beside time.Duration // beside: while others are stored
	kept          float64       // rate at which these are stored, in percent of the rate without deletions
}

// deleteOld deletes the oldest submissions, alone and then while four goroutines store others.
func (g *grown) deleteOld(b *testing.B) (d deletion) {
	b.Helper()
	const writers, batch = 4, 200
	several := func(batches int) (sum time.Duration) {
		for range batches {
			began := time.Now()
			n, err := g.Forget(b.Context(), storetest.Start.AddDate(0, 0, -8), storetest.Start, batch)
			if err != nil || n != batch {
				b.Fatalf("%d submissions deleted, want %d: %v", n, batch, err)
			}
			took := time.Since(began)
			sum += took
			time.Sleep(4 * took) // as a sweep does
		}
		return sum / time.Duration(batches)
	}
	d.alone = several(10)
	alone := g.writeDuring(b, writers, func() { time.Sleep(time.Second) })
	beside := g.writeDuring(b, writers, func() { d.beside = several(20) })
	d.kept = 100 * beside / alone
	return d
}

// writeDuring stores submissions from several goroutines while work runs. It returns how many per
// second were stored.
func (g *grown) writeDuring(b *testing.B, writers int, work func()) (perSecond float64) {
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	var stored atomic.Int64
	for range writers {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := g.claim(b.Context()); err != nil {
					b.Error(err)
					return
				}
				stored.Add(1)
			}
		})
	}
	began := time.Now()
	defer all.Wait()
	defer cancel()
	work()
	return float64(stored.Load()) / time.Since(began).Seconds()
}

// A growthOperation is one operation that BenchmarkGrowth measures.
type growthOperation struct {
	name string
	do   func(ctx context.Context, g *grown) error
}

// growthOperations returns the operations that BenchmarkGrowth measures, such as storing a
// submission or listing a page. A search must read all submissions if few match, so its time
// grows with the history.
func growthOperations() []growthOperation {
	list := func(name string, q backup.Query) growthOperation {
		q.Limit = growthPage
		return growthOperation{name, func(ctx context.Context, g *grown) error {
			_, err := g.List(ctx, q)
			return err
		}}
	}
	from := func(name string, place func(g *grown) *backup.Place) growthOperation {
		return growthOperation{name, func(ctx context.Context, g *grown) error {
			found, err := g.List(ctx, backup.Query{Limit: growthPage, Before: place(g)})
			if err == nil && len(found) != growthPage {
				err = fmt.Errorf("%d submissions on the page", len(found))
			}
			return err
		}}
	}
	return []growthOperation{
		{"sweep", func(ctx context.Context, g *grown) error { return g.sweep(ctx) }},
		list("page 1", backup.Query{}),
		from("page 500", func(g *grown) *backup.Place { return g.page500 }),
		from("last page", func(g *grown) *backup.Place { return g.last }),
		list("account", backup.Query{Account: storetest.CommonAccount}),
		list("rare account", backup.Query{Account: storetest.RareAccount}),
		list("old account", backup.Query{Account: storetest.OldAccount}),
		list("principal", backup.Query{Principal: storetest.CommonPrincipal}),
		list("rare principal", backup.Query{Principal: storetest.RarePrincipal}),
		list("resource", backup.Query{Resource: storetest.CommonResource}),
		list("rare resource", backup.Query{Resource: storetest.RareResource}),
		list("source", backup.Query{SourceType: storetest.CommonSource}),
		list("rare source", backup.Query{SourceType: storetest.RareSource}),
		list("complete", backup.Query{States: []backup.State{storetest.CommonState}}),
		list("rare state", backup.Query{States: []backup.State{storetest.RareState}}),
		list("running", backup.Query{States: []backup.State{backup.StateRunning}}),
		list("days", backup.Query{From: storetest.Start.AddDate(0, 0, -2), To: storetest.Start.AddDate(0, 0, -1)}),
		list("search", backup.Query{Search: "portal-history"}),
		list("rare search", backup.Query{Search: "no submission has this text"}),
		{"rejections", func(ctx context.Context, g *grown) error {
			_, err := g.ListRejections(ctx, backup.Query{Limit: growthPage})
			return err
		}},
		{"claim", func(ctx context.Context, g *grown) error { return g.claim(ctx) }}, // last: makes work for a sweep
	}
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
