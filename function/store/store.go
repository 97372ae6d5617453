// Package store keeps the portal's data in a SQL database.
//
// The database is a SQLite file for a single process, or PostgreSQL for several instances. Both
// have the same schema, and both execute the same statements, except where the type dialect
// says otherwise. The tables, which the files in migrations create:
//
//	table            one row for each                     rows change       removed by
//	submission       submission                           state only        Forget
//	submission_step  step of a submission's log           never             Forget, by cascade
//	job              job that the cloud was asked about   yes               Forget, by cascade
//	notice           submission, event and receiver       yes               Forget, by cascade
//	rejection        kind, sender, origin and hour         count only        ForgetRejections
//	rejection_notice rejection and receiver                yes               ForgetRejections, by cascade
//	gap              gap of an expectation                 once              ForgetGaps
//	gap_notice       gap, event and receiver               yes               ForgetGaps, by cascade
//	rate             rate limit                           yes               ForgetLimits
//	quota            quota and day of UTC                 yes               ForgetLimits
//	cooldown         resource with a cool-down            yes               ForgetLimits
//	admission        submission that reserved limits      yes               ForgetLimits
//	revoked          session that was ended               never             Revoke
//	draft            post of a form by a person           once              ForgetDrafts, SaveDraft
//	batch            batch of submissions                  until its end     ForgetBatches
//	batch_item       item of a batch                       until its end     ForgetBatches, by cascade
//	audit            record of the audit trail            never             an operator
//	schema_version   migration that has run               never             nothing
//
// Two processes that race for the same thing insert the same primary key, and the database lets
// one of them succeed. One such statement decides each race:
//
//	Claim         (key_hash, turn) of submission: one submission for each use of a key
//	Append        (submission_id, n) of submission_step: one step with each number
//	StartRefresh  submission_id of job: one process asks the cloud in each interval
//	Announce      (submission_id, event, receiver) of notice: one notice for each event
//	Reject        id of rejection: one row and one set of notices for each hour
//	OpenGap       (expectation, account, region, resource) of open gaps: one open gap
//	CreateBatch   id of batch: one batch for each key
//	EditBatch     the locked row of batch: one process at a time takes and changes items
//	Lease         attempts of notice, by compare and swap: one process sends each attempt
//
// Therefore no lock is held between two statements of the program, apart from EditBatch, and a process may stop,
// freeze or lose its connection between any two of them. Claims, steps with their audit records,
// notices and requests of a rate are committed together with those of concurrent callers: see the
// type group. Five other writes need more than one statement and are transactions: a reservation of
// limits, a refund, a rejection or a change of a gap with its notices, a draft with the removal of older ones, and each
// change of a batch, which holds the lock of its row.
//
// Times are stored as milliseconds since 1970 in UTC, with 0 for the zero time. They come from
// the clock of the application, never from the clock of the database.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/secret"
)

// defaultStatementTime replaces a zero [Config.StatementTime].
const defaultStatementTime = 5 * time.Second

// Config describes the database and how the store uses it.
type Config struct {
	// URL is postgres://user:password@host/name?… or sqlite:PATH. It may contain a password.
	URL secret.String
	// Connections is the maximum number of connections to PostgreSQL. From 4 on, half of them are
	// only for changes and the others only for reads. 0 means 2. SQLite ignores it.
	Connections int
	// Now is the application's clock. The store compares Now with the database's clock in every
	// operation that depends on time, such as a claim. Nil skips the comparison, because the clock
	// of a test may show any time.
	Now func() time.Time
	Log *slog.Logger // warnings and schema updates; nil discards them
	// StatementTime limits the time of one statement, including the wait for a connection and for
	// locks. Zero means 5 seconds. The first use of the store connects and updates the schema, and
	// may take twice as long.
	StatementTime time.Duration
	// Observe is called at the end of each operation with its name, its begin and its error,
	// for metrics. The error is nil if the operation only found nothing. The names are
	// constants. Nil means no call.
	Observe func(ctx context.Context, operation string, began time.Time, err error)
	// Waits is called with the caller's context before the caller waits for a commit; end is called when
	// the wait has ended. Nil means no call.
	Waits func(context.Context) (end func())
}

// DB is a database. It implements [backup.Store] and [backup.Limits], and it keeps the audit trail
// and the list of ended sessions. Use [Open] to make a DB. A process needs only one. It is safe for
// concurrent use.
//
// Every method returns an error if the database cannot be reached, does not answer in time, or
// refuses the statement. After such an error of a write, it is unknown whether the write happened.
// Except for [backup.ErrNotFound], [*backup.ClockError] and [ErrDurability], the errors have no
// fixed types. A text that PostgreSQL cannot store (see checkTexts) is an error too.
type DB struct {
	dialect          dialect
	db               *sql.DB // connections for reads
	writes           *sql.DB // connections for changes; the same as db for PostgreSQL with few connections
	now              func() time.Time
	log              *slog.Logger
	observe          func(ctx context.Context, operation string, began time.Time, err error)
	limit            time.Duration        // time limit of one statement; see [Config.StatementTime]
	insertSubmission string               // the statement of [DB.Claim]
	takeAndInsert    string               // the statement of [DB.Claim] with a rate; only PostgreSQL
	insertStep       string               // the statement of [DB.Append]
	prepared         map[string]*sql.Stmt // prepared statements by their text; only SQLite, see prepare
	writer           chan struct{}        // a lock: full while a goroutine writes; only SQLite, otherwise nil
	group            *group               // commits changes in batches: claims, steps, audit records, notices, requests of a rate

	mu        sync.Mutex
	connected bool     // the database was reached and the schema is up to date
	opening   *opening // the attempt to connect that is running; nil otherwise
	standby   string   // synchronous_standby_names of the server at the last read
}

// An opening is one try to connect to the database. Callers that arrive meanwhile wait for its
// result instead of connecting themselves.
type opening struct {
	done chan struct{} // closed at the end of the attempt
	err  error         // result of the attempt; read only after done is closed
}

var _ backup.Store = (*DB)(nil)

// Open reads cfg and returns a store. It does not connect to the database: the first method call
// connects, so that the portal can start while the database is unavailable. For SQLite, Open
// creates the file if the file does not exist. An error describes the fault of the URL and never
// quotes the URL.
func Open(cfg Config) (*DB, error) {
	cfg.StatementTime = cmp.Or(cfg.StatementTime, defaultStatementTime)
	d := &DB{now: cfg.Now, log: cfg.Log, limit: cfg.StatementTime, observe: cfg.Observe}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if d.dialect, d.db, d.writes, err = openPools(cfg, d.log); err != nil {
		return nil, err
	}
	clock, durable := d.dialect.clock, d.dialect.durable()
	d.insertSubmission, d.insertStep = insertSubmission(clock, durable), insertStep(clock, durable)
	d.takeAndInsert = takeAndInsert(clock, durable)
	d.group = &group{apply: d.applyPostgres, limit: d.limit, waits: cfg.Waits}
	if d.Kind() == SQLite {
		d.writer, d.group.apply = make(chan struct{}, 1), d.applySQLite
	}
	return d, nil
}

// Kind returns the kind of the database: [SQLite] or [Postgres].
func (d *DB) Kind() string { return d.dialect.name }

// Close closes all connections. The store cannot be used after Close.
func (d *DB) Close() error { return errors.Join(d.writes.Close(), d.db.Close()) }

// Ready returns nil if the store could record a submission now. Otherwise the error is the reason:
// the database cannot be reached or written to, its schema cannot be updated, it can lose commits
// ([ErrDurability]), or its clock differs from the application's clock by more than 5 seconds
// ([*backup.ClockError]).
func (d *DB) Ready(ctx context.Context) error {
	return d.write(ctx, "ready", func(ctx context.Context) error {
		if err := d.checkDurability(ctx); err != nil || d.now == nil {
			return err
		}
		return d.checkClock(ctx, d.now())
	})
}

// do connects if necessary, and calls f with a context that ends after the time of one statement.
// It wraps an error of f with the name of the operation, unless the error is [backup.ErrNotFound].
func (d *DB) do(ctx context.Context, what string, f func(context.Context) error) (err error) {
	if d.observe != nil {
		began := time.Now()
		defer func() {
			seen := err
			if errors.Is(err, backup.ErrNotFound) {
				seen = nil
			}
			d.observe(ctx, what, began, seen)
		}()
	}
	err = d.connect(ctx)
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, d.limit)
		defer cancel()
		err = f(limited)
	}
	switch {
	case err == nil, errors.Is(err, backup.ErrNotFound):
		return err
	case d.dialect.isReadOnly(err):
		// After a failover, the open connections still lead to the former primary, which accepts no
		// writes now. After the connections are closed, the next statements find the new primary.
		for _, pool := range []*sql.DB{d.db, d.writes} {
			pool.SetMaxIdleConns(0)
			pool.SetMaxIdleConns(pool.Stats().MaxOpenConnections)
		}
	}
	return fmt.Errorf("store: %s: %w", what, err)
}

// write calls do for statements that change data. f must use the connections of d.writes. In SQLite
// only one connection can write at a time. A connection that waits for the lock polls, so a writer
// can starve. Therefore the writers of one process take turns, first in, first out, and share one
// connection, for which no read waits.
func (d *DB) write(ctx context.Context, what string, f func(context.Context) error) error {
	return d.do(ctx, what, func(ctx context.Context) error {
		if d.writer != nil {
			select {
			case d.writer <- struct{}{}:
				defer func() { <-d.writer }()
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return f(ctx)
	})
}

// connect reaches the database for the first time and brings the schema up to date. After a
// success, connect always returns nil at once. After a failure, the next call tries again.
func (d *DB) connect(ctx context.Context) error {
	d.mu.Lock()
	if d.connected {
		d.mu.Unlock()
		return nil
	}
	if o := d.opening; o != nil {
		d.mu.Unlock()
		select {
		case <-o.done:
			return o.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	o := &opening{done: make(chan struct{})}
	d.opening = o
	d.mu.Unlock()

	// Other callers wait for this attempt. Therefore the attempt must continue when the context of
	// the first caller ends.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*d.limit)
	defer cancel()
	for {
		o.err = d.setUp(ctx)
		// Several processes that open one new SQLite file change its journal mode at the same time.
		// SQLite refuses the change at once and does not wait for the lock as it usually does.
		if !d.dialect.isBusy(o.err) || ctx.Err() != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if o.err == nil {
		d.log.Info("database", "kind", d.Kind(), "durability", d.Durability())
	}
	d.mu.Lock()
	d.connected, d.opening = o.err == nil, nil
	d.mu.Unlock()
	close(o.done)
	return o.err
}

// setUp brings the schema up to date, prepares the frequent statements and checks that the database
// keeps its commits.
func (d *DB) setUp(ctx context.Context) error {
	if _, _, err := d.Migrate(ctx); err != nil {
		return err
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	return d.checkDurability(ctx)
}

// prepare parses the most frequent statements once for each connection. In SQLite, parsing takes a
// quarter of the time of such a statement. For PostgreSQL, prepare does nothing, because pgx
// prepares statements itself unless the URL disables this for a connection pooler.
func (d *DB) prepare(ctx context.Context) error {
	if d.dialect.name != sqliteDialect.name {
		return nil
	}
	prepared := map[string]*sql.Stmt{}
	for statement, pool := range map[string]*sql.DB{
		d.insertSubmission: d.writes, d.insertStep: d.writes, insertStepAudit: d.writes, insertAudit: d.writes, upsertRate: d.writes, selectByID: d.db,
	} {
		parsed, err := pool.PrepareContext(ctx, statement)
		if err != nil {
			return err
		}
		prepared[statement] = parsed
	}
	d.prepared = prepared
	return nil
}

// query runs a statement that returns rows on a pool. It uses the prepared statement if there is
// one.
func (d *DB) query(ctx context.Context, pool *sql.DB, statement string, args ...any) (*sql.Rows, error) {
	if parsed := d.prepared[statement]; parsed != nil {
		return parsed.QueryContext(ctx, args...)
	}
	return pool.QueryContext(ctx, statement, args...)
}

// A transaction is a sql.Tx that uses the prepared statements of its DB.
type transaction struct {
	*sql.Tx
	prepared map[string]*sql.Stmt
}

// wrap returns tx as a transaction that uses the prepared statements of d.
func (d *DB) wrap(tx *sql.Tx) transaction { return transaction{tx, d.prepared} }

// ExecContext runs a statement in the transaction. It uses the prepared statement if there is one.
func (t transaction) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	if parsed := t.prepared[statement]; parsed != nil {
		return t.StmtContext(ctx, parsed).ExecContext(ctx, args...)
	}
	return t.Tx.ExecContext(ctx, statement, args...)
}

// QueryContext runs a statement that returns rows in the transaction. It uses the prepared
// statement if there is one.
func (t transaction) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if parsed := t.prepared[text]; parsed != nil {
		return t.StmtContext(ctx, parsed).QueryContext(ctx, args...)
	}
	return t.Tx.QueryContext(ctx, text, args...)
}

// unlimitedSkew is the limit, in milliseconds, that no difference of clocks reaches: 30 years.
const unlimitedSkew = 1_000_000_000_000

// maxSkewMillis returns the largest allowed difference between the clock of this process and the
// database's clock, in milliseconds.
func (d *DB) maxSkewMillis() int64 {
	if d.now == nil {
		return unlimitedSkew
	}
	return maxSkew.Milliseconds()
}

// CheckClock returns an error if a time differs too much from the store's clock. It implements
// [backup.Steps].
func (d *DB) CheckClock(ctx context.Context, at time.Time) error {
	return d.do(ctx, "clock", func(ctx context.Context) error { return d.checkClock(ctx, at) })
}

// checkClock returns a [*backup.ClockError] if at differs from the time of the database's clock by
// more than maxSkew. It reads the database's clock in every call, because a clock can be changed at
// any moment. If d.now is nil, it checks nothing.
func (d *DB) checkClock(ctx context.Context, at time.Time) error {
	if d.now == nil {
		return nil
	}
	ahead, err := d.clockDifference(ctx, at)
	if err == nil && ahead.Abs() > maxSkew {
		err = &backup.ClockError{Ahead: ahead}
	}
	return err
}

// clockDifference returns the time at minus the time of the database's clock.
func (d *DB) clockDifference(ctx context.Context, at time.Time) (time.Duration, error) {
	var now int64
	if err := d.writes.QueryRowContext(ctx, "SELECT "+d.dialect.clock).Scan(&now); err != nil {
		return 0, err
	}
	return at.Sub(time.UnixMilli(now)), nil
}
