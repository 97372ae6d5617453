// Package store keeps submissions in a SQL database.
//
// It is a SQLite file where the portal runs alone, and PostgreSQL where several
// instances share it. Both have the same schema and the same statements.
//
// Nothing here is locked and no part of a log is ever changed. Each statement
// stands alone and decides one race by a primary key, so that a process may
// stop, freeze or lose its connection between any two of them.
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

const queryTime = 5 * time.Second // stands for a [Config.StatementTime] of zero

// Config says which database, and how it is used.
type Config struct {
	// URL is postgres://user:password@host/name?… or sqlite:PATH. It is a
	// secret, since the first has a password in it.
	URL secret.String
	// Connections is how many a PostgreSQL pool holds at most: as many as the
	// process answers requests at a time. 0 means 2.
	Connections int
	// Now is the application's clock, from which all times in the store come.
	// Nil means that nobody compares it with the database's: in tests it may
	// be anywhere.
	Now func() time.Time
	Log *slog.Logger // all that is worth telling an operator; nil means nowhere
	// StatementTime is how long a statement may take, with the wait for a
	// connection and for locks. Zero means 5 seconds. To reach the database for
	// the first time and bring its schema up to date may take twice as long.
	StatementTime time.Duration
}

// DB is a [backup.Store] in a database. [Open] makes one; a process needs one.
type DB struct {
	dialect dialect
	db      *sql.DB
	now     func() time.Time
	log     *slog.Logger
	limit   time.Duration        // of a statement
	idle    int                  // connections that are kept
	claim   string               // the statement of [DB.Claim]
	add     string               // the statement of [DB.Append]
	kept    map[string]*sql.Stmt // statements that are parsed once for each connection
	writing chan struct{}        // holds whoever writes, where there can be one only; nil elsewhere

	mu      sync.Mutex
	standby string   // synchronous_standby_names of the server, as last seen
	usable  bool     // reached, and its schema is up to date
	opening *opening // somebody is trying just now
}

// An opening is one try to reach the database, which everybody waits for who
// comes meanwhile.
type opening struct {
	done chan struct{}
	err  error
}

var _ backup.Store = (*DB)(nil)

// Open reads cfg and returns a store that connects when it is first used: a
// database that is away is no reason not to start. Its errors say what is wrong
// with the URL, and never quote it.
func Open(cfg Config) (*DB, error) {
	cfg.StatementTime = cmp.Or(cfg.StatementTime, queryTime)
	d := &DB{now: cfg.Now, log: cfg.Log, limit: cfg.StatementTime}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if d.dialect, d.db, err = open(cfg, d.log); err != nil {
		return nil, err
	}
	d.claim, d.add = claimOf(d.dialect.clock), addOf(d.dialect.clock)
	if d.Kind() == SQLite {
		d.writing = make(chan struct{}, 1)
	}
	d.idle = d.db.Stats().MaxOpenConnections
	d.db.SetMaxIdleConns(d.idle)
	return d, nil
}

// Kind is "sqlite" or "postgres".
func (d *DB) Kind() string { return d.dialect.name }

// Close ends all connections.
func (d *DB) Close() error { return d.db.Close() }

// Ready reports why submissions cannot be recorded right now; nil if they can.
//
// It begins to write and takes that back: another process may hold the lock of a
// SQLite file, and a PostgreSQL server may have become a read-only standby. Its error
// wraps a [*backup.ClockError] if the clocks differ, and [ErrDurability].
func (d *DB) Ready(ctx context.Context) error {
	return d.write(ctx, "ready", func(ctx context.Context) error {
		if err := d.checkDurability(ctx); err != nil {
			return err
		}
		if d.now == nil {
			return nil
		}
		return d.compareClock(ctx, d.now())
	})
}

// do runs f on a database that was reached before, within the time of one
// statement.
func (d *DB) do(ctx context.Context, what string, f func(context.Context) error) error {
	err := d.reach(ctx)
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, d.limit)
		defer cancel()
		err = f(limited)
	}
	switch {
	case err == nil, errors.Is(err, backup.ErrNotFound):
		return err
	case d.dialect.isReadOnly(err):
		// The connection is good, but leads to what is no longer the primary.
		d.db.SetMaxIdleConns(0)
		d.db.SetMaxIdleConns(d.idle)
	}
	return fmt.Errorf("store: %s: %w", what, err)
}

// write is do for what changes something. Of those that want to write in one
// process to a SQLite database the first to come is the first to go: the database
// itself lets them look for the lock now and then, and some never find it.
func (d *DB) write(ctx context.Context, what string, f func(context.Context) error) error {
	return d.do(ctx, what, func(ctx context.Context) error {
		if d.writing != nil {
			select {
			case d.writing <- struct{}{}:
				defer func() { <-d.writing }()
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return f(ctx)
	})
}

// reach connects for the first time, and updates the schema if it is behind.
func (d *DB) reach(ctx context.Context) error {
	d.mu.Lock()
	if d.usable {
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

	// Others wait for the result: it must not hang on who happened to be first.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*d.limit)
	defer cancel()
	if _, _, o.err = d.Migrate(ctx); o.err == nil {
		o.err = d.prepare(ctx)
	}
	if o.err == nil {
		o.err = d.checkDurability(ctx)
	}
	if o.err == nil {
		d.log.Info("database", "kind", d.Kind(), "durability", d.Durability())
	}
	d.mu.Lock()
	d.usable, d.opening = o.err == nil, nil
	d.mu.Unlock()
	close(o.done)
	return o.err
}

// prepare parses the statements of every submission once: in SQLite that is a
// quarter of their time. PostgreSQL's driver does it by itself, if the pooler in
// front of the server has no objection.
func (d *DB) prepare(ctx context.Context) error {
	if d.dialect.name != sqliteDialect.name {
		return nil
	}
	kept := map[string]*sql.Stmt{}
	for _, statement := range []string{d.claim, d.add, find, addAudit} {
		prepared, err := d.db.PrepareContext(ctx, statement)
		if err != nil {
			return err
		}
		kept[statement] = prepared
	}
	d.kept = kept
	return nil
}

func (d *DB) query(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	if prepared := d.kept[statement]; prepared != nil {
		return prepared.QueryContext(ctx, args...)
	}
	return d.db.QueryContext(ctx, statement, args...)
}

func (d *DB) exec(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	if prepared := d.kept[statement]; prepared != nil {
		return prepared.ExecContext(ctx, args...)
	}
	return d.db.ExecContext(ctx, statement, args...)
}

// A transaction runs the statements that are kept as those that are not.
type transaction struct {
	*sql.Tx
	kept map[string]*sql.Stmt
}

func (d *DB) within(tx *sql.Tx) transaction { return transaction{tx, d.kept} }

// ExecContext runs a statement.
func (t transaction) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	if prepared := t.kept[statement]; prepared != nil {
		return t.StmtContext(ctx, prepared).ExecContext(ctx, args...)
	}
	return t.Tx.ExecContext(ctx, statement, args...)
}

// anySkew is a difference of clocks, in milliseconds, that is never reached: about 30
// years.
const anySkew = 1_000_000_000_000

// skewMillis is how far a time of this process may be from the database's clock, in
// milliseconds.
func (d *DB) skewMillis() int64 {
	if d.now == nil {
		return anySkew
	}
	return mostSkew.Milliseconds()
}

// compareClock returns a [*backup.ClockError] if at is too far from the
// database's clock now. It always asks the database.
func (d *DB) compareClock(ctx context.Context, at time.Time) error {
	if d.now == nil {
		return nil
	}
	off, err := d.clockOffset(ctx, at)
	if err == nil && off.Abs() > mostSkew {
		err = &backup.ClockError{Ahead: off}
	}
	return err
}

// offClock is the error of a statement that the database's clock refused, for the time
// at that it was given.
func (d *DB) offClock(ctx context.Context, at time.Time) error {
	off, err := d.clockOffset(ctx, at)
	if err != nil {
		return err
	}
	return &backup.ClockError{Ahead: off}
}

// clockOffset returns how far at is ahead of the database's clock.
func (d *DB) clockOffset(ctx context.Context, at time.Time) (time.Duration, error) {
	var now int64
	if err := d.db.QueryRowContext(ctx, "SELECT "+d.dialect.clock).Scan(&now); err != nil {
		return 0, err
	}
	return at.Sub(time.UnixMilli(now)), nil
}
