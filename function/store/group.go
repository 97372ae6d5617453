package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"backupportal/function/backup"
)

// A scanner is a row of a query's result, as sql.Row and sql.Rows are.
type scanner interface{ Scan(...any) error }

// A statement is one SQL statement of a change. The last two fields are its result. The
// goroutine that executes it writes the result, so the caller may read it, and what scan
// stores, only after [group.commit] has returned nil.
type statement struct {
	text string
	args []any
	scan func(scanner) error // reads each returned row; nil if the statement returns none
	// record is set if the first five arguments are the row of this record of the audit trail (see
	// auditArgs): they are known when the statement is executed.
	record backup.AuditPending
	// after is a statement of the same change. If it returned no row, this one is left out.
	// Only for SQLite: PostgreSQL gets all statements before it executes the first one.
	after *statement
	// lock names the row of a limit that the statement locks, which all processes share;
	// usually empty. The statements of a batch with a lock come first, ordered by it, so that
	// two processes do not wait for each other.
	lock string

	returned int   // returned rows
	affected int64 // inserted, updated or deleted rows; only if scan is nil
}

// A group commits the changes of concurrent callers together: group commit. A commit waits for
// the disk, and one wait is enough for all changes that are there.
//
// A change is a list of statements. It is in one of three places, and moves from left to right:
//
//		queue (at most maxQueue)  →  batch (at most maxBatch, one at a time)  →  done: the caller has the result
//
//	  - The queue is first in, first out. A change that is queued later is never committed earlier.
//	  - A batch is one transaction with the changes that were in the queue when the batch before it ended. No timer delays
//	    it: a change that finds no batch is one by itself.
//	  - A caller gets its result after the commit, never before.
//	  - If a statement of a batch fails and the database has certainly rolled the batch back, each of its changes is
//	    executed again in a transaction of its own. So a change that fails does not fail the others.
//	  - If it is unknown whether the batch was committed, all its callers get the error, and nothing is executed again.
//	  - A caller whose context ends gets the error of the context at once. Its change may then be committed if it is in a
//	    batch, and is dropped if it is in the queue.
//
// A group has no part in deciding which of two competing changes wins: the database does, also
// between processes.
type group struct {
	// apply executes statements in one transaction, all or none. With an error, refused reports
	// whether the database refused a statement, and has certainly executed none of them. Otherwise
	// that is unknown.
	apply func(ctx context.Context, statements []*statement) (refused bool, err error)
	limit time.Duration                          // time of one transaction
	waits func(ctx context.Context) (end func()) // see [Config.Waits]

	mu      sync.Mutex
	queue   []*change
	running bool // a goroutine executes batches
}

// Limits of a group. A batch of maxBatch changes takes far less than a second; a process that has
// maxQueue waiting is overloaded.
const (
	maxBatch = 64
	maxQueue = 4096
)

// errQueueFull means that too many changes wait.
var errQueueFull = errors.New("too many changes wait for the database")

// A change is the list of SQL statements of one caller, which are executed all or not at all.
type change struct {
	ctx        context.Context
	statements []*statement
	done       chan error // has room for the result
}

// commit queues a change and waits for the result. An error other than errQueueFull does not show
// whether the change was committed, unless the database refused it.
func (g *group) commit(ctx context.Context, statements ...*statement) error {
	c := &change{ctx: ctx, statements: statements, done: make(chan error, 1)}
	g.mu.Lock()
	if len(g.queue) >= maxQueue {
		g.mu.Unlock()
		return errQueueFull
	}
	g.queue = append(g.queue, c)
	if !g.running {
		g.running = true
		go g.run()
	}
	g.mu.Unlock()
	if g.waits != nil {
		defer g.waits(ctx)()
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run commits the queued changes, one batch after the other, until the queue is empty.
func (g *group) run() {
	for batch := g.next(); batch != nil; batch = g.next() {
		g.execute(batch)
	}
}

// next takes the next batch from the queue. It returns nil if none exists; then the caller must
// stop. It drops changes whose callers have gone.
func (g *group) next() []*change {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queue = slices.DeleteFunc(g.queue, func(c *change) bool { return c.ctx.Err() != nil })
	if g.running = len(g.queue) > 0; !g.running {
		g.queue = nil
		return nil
	}
	n := min(maxBatch, len(g.queue))
	var trail backup.AuditTrail
	for i, c := range g.queue[:n] {
		switch own := c.trail(); {
		case trail == nil:
			trail = own
		case own != nil && own != trail:
			n = i
		}
		if n == i {
			break
		}
	}
	batch := slices.Clone(g.queue[:n])
	g.queue = slices.Delete(g.queue, 0, n)
	return batch
}

// execute commits a batch and gives each caller its result.
func (g *group) execute(batch []*change) {
	var all []*statement
	for _, c := range batch {
		all = append(all, c.statements...)
	}
	slices.SortStableFunc(all, func(a, b *statement) int {
		if a.lock == "" || b.lock == "" {
			return cmp.Compare(b.lock, a.lock) // the statements without a lock are the last ones, in their order
		}
		return cmp.Compare(a.lock, b.lock)
	})
	refused, err := g.transact(all)
	for _, c := range batch {
		switch {
		case err == nil || !refused || len(batch) == 1:
			c.done <- err
		case c.ctx.Err() != nil:
			c.done <- c.ctx.Err()
		default:
			_, alone := g.transact(c.statements)
			c.done <- alone
		}
	}
}

// trail returns the audit trail to which the audit records of c belong, or nil if c has none.
func (c *change) trail() backup.AuditTrail {
	for _, s := range c.statements {
		if s.record != nil {
			return s.record.Trail()
		}
	}
	return nil
}

// transact executes statements in one transaction. If some of them add audit records, all these records
// must belong to one trail, which first gives each record its number and seal. For the results see
// group.apply.
func (g *group) transact(statements []*statement) (refused bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), g.limit)
	defer cancel()
	var records []backup.AuditPending
	for _, s := range statements {
		s.returned, s.affected = 0, 0 // reset the result of an earlier transaction that was rolled back
		if s.record != nil {
			records = append(records, s.record)
		}
	}
	if records == nil {
		return g.apply(ctx, statements)
	}
	var failed error
	_, err = records[0].Trail().Seal(ctx, records, func(rows []backup.AuditRow) (bool, error) {
		first := len(rows) - len(records)
		var all []*statement
		for _, row := range rows[:first] {
			all = append(all, auditStatement(insertAudit, row))
		}
		rows = rows[first:]
		for _, s := range statements {
			if s.record != nil {
				copy(s.args, auditArgs(rows[0]))
				rows = rows[1:]
			}
		}
		if refused, failed = g.apply(ctx, append(all, statements...)); refused {
			return false, nil // the trail is as before
		}
		return failed == nil, failed
	})
	return refused, cmp.Or(failed, err)
}

// applySQLite executes the statements of a group's transaction in SQLite. See group.apply.
func (d *DB) applySQLite(ctx context.Context, statements []*statement) (refused bool, err error) {
	select {
	case d.writer <- struct{}{}:
		defer func() { <-d.writer }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	tx, err := d.writes.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	for _, s := range statements {
		if s.after != nil && s.after.returned == 0 {
			continue
		}
		if err := d.runIn(ctx, d.wrap(tx), s); err != nil {
			return true, err
		}
	}
	return false, tx.Commit()
}

// runIn executes a statement in a transaction.
func (d *DB) runIn(ctx context.Context, tx transaction, s *statement) error {
	if s.scan == nil {
		result, err := tx.ExecContext(ctx, s.text, s.args...)
		if err != nil {
			return err
		}
		s.affected, err = result.RowsAffected()
		return err
	}
	rows, err := tx.QueryContext(ctx, s.text, s.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	// All rows must be read: SQLite executes a statement with RETURNING as far as its rows are
	// read.
	for rows.Next() {
		if err := s.scan(rows); err != nil {
			return err
		}
		s.returned++
	}
	return errors.Join(rows.Err(), rows.Close())
}

// applyPostgres is the apply of a group for PostgreSQL. It sends all statements at once,
// without waiting for the result of one before it sends the next (a pipeline). The server
// executes them in one transaction, which needs no BEGIN and no COMMIT, because there is one
// synchronisation point, at the end. This works through a pooler in transaction mode.
func (d *DB) applyPostgres(ctx context.Context, statements []*statement) (refused bool, err error) {
	if err = d.pipeline(ctx, statements); pgconn.SafeToRetry(err) {
		err = d.pipeline(ctx, statements) // the server had closed the idle connection, and nothing was sent
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.SeverityUnlocalized == "ERROR", err // a FATAL error can follow the commit
}

// pipeline sends statements at once and reads their results.
func (d *DB) pipeline(ctx context.Context, statements []*statement) error {
	conn, err := d.writes.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		connected, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("store: a connection of %T", driver)
		}
		batch := &pgx.Batch{}
		for _, s := range statements {
			batch.Queue(s.text, s.args...)
		}
		results := connected.Conn().SendBatch(ctx, batch)
		err := readResults(results, statements)
		if closed := results.Close(); err == nil {
			err = closed
		}
		return err
	})
}

// readResults reads the results of statements that were sent to PostgreSQL together.
func readResults(results pgx.BatchResults, statements []*statement) error {
	for _, s := range statements {
		rows, err := results.Query()
		if err != nil {
			return err
		}
		for rows.Next() && s.scan != nil {
			if err := s.scan(rows); err != nil {
				rows.Close()
				return err
			}
			s.returned++
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		s.affected = rows.CommandTag().RowsAffected()
	}
	return nil
}

// commit queues a change with the group of d and waits for its result. See [group.commit].
func (d *DB) commit(ctx context.Context, what string, statements ...*statement) error {
	if err := checkAll(statements); err != nil {
		return err
	}
	return d.do(ctx, what, func(ctx context.Context) error {
		return d.group.commit(ctx, statements...)
	})
}

// checkAll returns the first error of checkTexts for the arguments of statements.
func checkAll(statements []*statement) error {
	for _, s := range statements {
		if err := checkTexts(s.args); err != nil {
			return err
		}
	}
	return nil
}
