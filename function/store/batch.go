package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/identity"
)

var _ batch.Store = (*DB)(nil)

const insertBatch = `
INSERT INTO batch (id, fingerprint, door, principal, sender, common, options, total, state, pause, changed_by, counts, control, created_ms, ended_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (id) DO NOTHING`

// batchColumns are the columns of a batch, in the order of [scanBatch].
const batchColumns = `id, fingerprint, door, sender, common, options, total, state, pause, changed_by, counts, control, created_ms, ended_ms`

const (
	selectBatch     = `SELECT ` + batchColumns + ` FROM batch WHERE id = $1`
	selectOpenBatch = `SELECT id FROM batch WHERE ended_ms = 0 ORDER BY created_ms, id LIMIT $1`

	selectBatches = `SELECT ` + batchColumns + ` FROM batch
WHERE principal = $1 AND (created_ms, id) < (CAST($2 AS BIGINT), CAST($3 AS TEXT)) ORDER BY created_ms DESC, id DESC LIMIT $4`

	selectAllBatches = `SELECT ` + batchColumns + ` FROM batch
WHERE (created_ms, id) < (CAST($1 AS BIGINT), CAST($2 AS TEXT)) ORDER BY created_ms DESC, id DESC LIMIT $3`

	updateBatch = `UPDATE batch SET state = $2, pause = $3, changed_by = $4, counts = $5, control = $6, ended_ms = $7 WHERE id = $1`

	deleteBatches = `DELETE FROM batch WHERE id IN
	(SELECT id FROM batch WHERE created_ms < $1 AND ended_ms <> 0 ORDER BY created_ms LIMIT $2)`
)

// itemColumns are the columns of an item, in the order of [scanItem].
const itemColumns = `n, given, state, submission_id, attempts, code, reasons, changed_ms`

const (
	selectItems = `SELECT ` + itemColumns + ` FROM batch_item WHERE batch_id = $1 AND n > $2 ORDER BY n LIMIT $3`

	// selectItemsIn selects the items in one state.
	selectItemsIn = `SELECT ` + itemColumns + ` FROM batch_item WHERE batch_id = $1 AND n > $2 AND state = $4 ORDER BY n LIMIT $3`

	selectChangedItems = `SELECT ` + itemColumns + ` FROM batch_item
WHERE batch_id = $1 AND (changed_ms, n) > (CAST($2 AS BIGINT), CAST($3 AS BIGINT)) ORDER BY changed_ms, n LIMIT $4`

	selectDueItems = `SELECT ` + itemColumns + ` FROM batch_item
WHERE batch_id = $1 AND state IN ('waiting', 'starting') AND due_ms <= $2 AND n < $3 ORDER BY due_ms, n LIMIT $4`

	// selectExpired has no order by time, so that it reads only the items in this state.
	selectExpired = `SELECT ` + itemColumns + ` FROM batch_item
WHERE batch_id = $1 AND state = 'starting' AND due_ms <= $2 ORDER BY n LIMIT $3`

	selectNextDue = `SELECT due_ms FROM batch_item
WHERE batch_id = $1 AND state IN ('waiting', 'starting') AND n < $2 ORDER BY due_ms, n LIMIT 1`

	selectItemStates = `SELECT state, COUNT(*) FROM batch_item WHERE batch_id = $1 AND n < $2 GROUP BY state`

	updateSkipped = `UPDATE batch_item SET state = 'skipped', changed_ms = $2 WHERE batch_id = $1 AND state = 'waiting'`
)

// itemsAtOnce is how many items one statement inserts or changes.
const itemsAtOnce = 500

// A batchSender is the JSON of the column sender.
type batchSender struct {
	Kind                         identity.Kind
	Issuer, Subject, Name, Email string
	Groups                       []string `json:",omitempty"`
	Session                      string   // the field Key of the principal
	Key                          string   // key of the batch; may have characters that PostgreSQL does not store
}

// CreateBatch implements [batch.Store].
func (d *DB) CreateBatch(ctx context.Context, b batch.Batch, items []batch.Item) (known batch.Batch, ours bool, err error) {
	args, err := batchArgs(b)
	if err != nil {
		return batch.Batch{}, false, err
	}
	err = d.write(ctx, "create a batch", func(ctx context.Context) error {
		tx, err := d.writes.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		inserted, err := tx.ExecContext(ctx, insertBatch, args...)
		if err != nil {
			return err
		}
		n, err := inserted.RowsAffected()
		if err != nil {
			return err
		}
		if ours = n == 1; ours {
			for some := range slices.Chunk(items, itemsAtOnce) {
				if err := insertItems(ctx, tx, b.ID, some); err != nil {
					return err
				}
			}
		}
		if known, err = scanBatch(tx.QueryRowContext(ctx, selectBatch, b.ID)); err != nil {
			return err
		}
		return tx.Commit()
	})
	return known, ours, err
}

// batchArgs returns the arguments of insertBatch.
func batchArgs(b batch.Batch) ([]any, error) {
	p := b.Principal
	sender, err := jsonText(batchSender{p.Kind, p.Issuer, p.Subject, p.Name, p.Email, p.Groups, p.Key, b.Key})
	if err != nil {
		return nil, err
	}
	common, err := jsonText(b.Common)
	if err != nil {
		return nil, err
	}
	options, err := jsonText(b.Options)
	if err != nil {
		return nil, err
	}
	counts, control, err := stateTexts(b)
	if err != nil {
		return nil, err
	}
	args := []any{
		b.ID, b.Fingerprint, string(b.Door), p.ID(), sender, common, options, b.Total,
		string(b.State), string(b.Pause), b.ChangedBy, counts, control, ms(b.CreatedAt), ms(b.EndedAt),
	}
	return args, checkTexts(args)
}

// stateTexts returns the columns counts and control of b.
func stateTexts(b batch.Batch) (counts, control string, err error) {
	if counts, err = jsonText(b.Counts.Clone()); err != nil {
		return "", "", err
	}
	control, err = jsonText(b.Control)
	return counts, control, err
}

// insertItems adds items to a new batch, with one statement.
func insertItems(ctx context.Context, tx *sql.Tx, id string, items []batch.Item) error {
	var rows []string
	args := []any{id}
	for _, item := range items {
		given, err := jsonText(item.Params)
		if err != nil {
			return err
		}
		reasons, err := jsonText(item.Reasons)
		if err != nil {
			return err
		}
		n := len(args)
		rows = append(rows, fmt.Sprintf("($1, $%d, $%d, $%d, $%d, 0, 0, '', $%d, $%d)", n+1, n+2, n+3, n+4, n+5, n+6))
		args = append(args, item.N, given, string(item.State), item.SubmissionID, reasons, ms(item.UpdatedAt))
	}
	if err := checkTexts(args); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
INSERT INTO batch_item (batch_id, n, given, state, submission_id, attempts, due_ms, code, reasons, changed_ms)
VALUES `+strings.Join(rows, ", "), args...)
	return err
}

// scanBatch reads a row of batchColumns.
func scanBatch(row scanner) (b batch.Batch, err error) {
	var sender, common, options, counts, control string
	var created, ended int64
	err = row.Scan(&b.ID, &b.Fingerprint, &b.Door, &sender, &common, &options, &b.Total,
		&b.State, &b.Pause, &b.ChangedBy, &counts, &control, &created, &ended)
	if errors.Is(err, sql.ErrNoRows) {
		return batch.Batch{}, backup.ErrNotFound
	}
	if err != nil {
		return batch.Batch{}, err
	}
	var s batchSender
	for _, part := range []struct {
		text string
		into any
	}{{sender, &s}, {common, &b.Common}, {options, &b.Options}, {counts, &b.Counts}, {control, &b.Control}} {
		if part.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(part.text), part.into); err != nil {
			return batch.Batch{}, fmt.Errorf("batch %s: %w", b.ID, err)
		}
	}
	if b.Counts == nil {
		b.Counts = batch.Counts{}
	}
	b.Key = s.Key
	b.Principal = identity.Principal{
		Kind: s.Kind, Issuer: s.Issuer, Subject: s.Subject, Name: s.Name, Email: s.Email, Groups: s.Groups, Key: s.Session,
	}
	b.CreatedAt, b.EndedAt = fromMillis(created), fromMillis(ended)
	return b, nil
}

// FindBatch implements [batch.Store].
func (d *DB) FindBatch(ctx context.Context, id string) (b batch.Batch, err error) {
	if checkTexts([]any{id}) != nil {
		return b, backup.ErrNotFound
	}
	err = d.do(ctx, "find a batch", func(ctx context.Context) error {
		b, err = scanBatch(d.db.QueryRowContext(ctx, selectBatch, id))
		return err
	})
	return b, err
}

// ListBatches implements [batch.Store].
func (d *DB) ListBatches(ctx context.Context, principal string, before *backup.Place, limit int) (all []batch.Batch, err error) {
	place := backup.Place{At: time.UnixMilli(1 << 52)}
	if before != nil {
		place = *before
	}
	statement, args := selectAllBatches, []any{ms(place.At), place.ID, limit}
	if principal != "" {
		statement, args = selectBatches, []any{principal, ms(place.At), place.ID, limit}
	}
	if err := checkTexts(args); err != nil {
		return nil, err
	}
	err = d.do(ctx, "list batches", func(ctx context.Context) error {
		all = nil
		rows, err := d.query(ctx, d.db, statement, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			b, err := scanBatch(rows)
			if err != nil {
				return err
			}
			all = append(all, b)
		}
		return rows.Err()
	})
	return all, err
}

// ReadItems implements [batch.Store]. It runs one statement for each state, so that an index can return the rows in their
// order.
func (d *DB) ReadItems(ctx context.Context, id string, q batch.ItemQuery) (items []batch.Item, err error) {
	if err := checkTexts([]any{id}); err != nil {
		return nil, err
	}
	err = d.do(ctx, "read items", func(ctx context.Context) error {
		if q.States == nil {
			items, err = readItems(ctx, d.db, selectItems, id, q.After, q.Limit)
			return err
		}
		items = nil
		for _, state := range q.States {
			some, err := readItems(ctx, d.db, selectItemsIn, id, q.After, q.Limit, string(state))
			if err != nil {
				return err
			}
			items = append(items, some...)
		}
		slices.SortFunc(items, func(a, b batch.Item) int { return a.N - b.N })
		items = slices.CompactFunc(items, func(a, b batch.Item) bool { return a.N == b.N })
		items = items[:min(q.Limit, len(items))]
		return nil
	})
	return items, err
}

// ChangedItems implements [batch.Store].
func (d *DB) ChangedItems(ctx context.Context, id string, since batch.Moment, limit int) (items []batch.Item, err error) {
	if err := checkTexts([]any{id}); err != nil {
		return nil, err
	}
	err = d.do(ctx, "changed items", func(ctx context.Context) error {
		items, err = readItems(ctx, d.db, selectChangedItems, id, ms(since.At), since.N, limit)
		return err
	})
	return items, err
}

// readItems runs a statement that selects itemColumns.
func readItems(
	ctx context.Context, db interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}, statement string, args ...any,
) (items []batch.Item, err error) {
	rows, err := db.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var item batch.Item
		var given, reasons string
		var changed int64
		err := rows.Scan(&item.N, &given, &item.State, &item.SubmissionID, &item.Attempts, &item.Code, &reasons, &changed)
		if err != nil {
			return nil, err
		}
		item.UpdatedAt = fromMillis(changed)
		if given != "" {
			if err := json.Unmarshal([]byte(given), &item.Params); err != nil {
				return nil, err
			}
		}
		if reasons != "" {
			if err := json.Unmarshal([]byte(reasons), &item.Reasons); err != nil {
				return nil, err
			}
		}
		items = append(items, item)
	}
	return items, rows.Err()
}

// EditBatch implements [batch.Store]. It runs in one transaction, which locks the row of the batch first.
func (d *DB) EditBatch(
	ctx context.Context, id string, now time.Time, edit func(batch.Items, time.Time, *batch.Batch) error,
) (b batch.Batch, err error) {
	if checkTexts([]any{id}) != nil {
		return b, backup.ErrNotFound
	}
	var refused error // the error of edit
	err = d.write(ctx, "edit a batch", func(ctx context.Context) error {
		tx, err := d.writes.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if b, err = scanBatch(tx.QueryRowContext(ctx, selectBatch+d.dialect.lockRow, id)); err != nil {
			return err
		}
		at := now
		if d.now != nil { // the clock that all processes share
			var millis int64
			if err := tx.QueryRowContext(ctx, "SELECT "+d.dialect.clock).Scan(&millis); err != nil {
				return err
			}
			at = time.UnixMilli(millis)
		}
		if refused = edit(batchItems{tx, id}, at.UTC(), &b); refused != nil {
			return nil
		}
		counts, control, err := stateTexts(b)
		if err != nil {
			return err
		}
		args := []any{id, string(b.State), string(b.Pause), b.ChangedBy, counts, control, ms(b.EndedAt)}
		if err := checkTexts(args); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, updateBatch, args...); err != nil {
			return err
		}
		return tx.Commit()
	})
	return b, errors.Join(err, refused)
}

// batchItems are the items of a batch in the transaction of [DB.EditBatch].
type batchItems struct {
	tx *sql.Tx
	id string // id of the batch
}

// Due implements [batch.Items].
func (i batchItems) Due(ctx context.Context, now time.Time, before, limit int) ([]batch.Item, error) {
	return readItems(ctx, i.tx, selectDueItems, i.id, ms(now), before, limit)
}

// Expired implements [batch.Items].
func (i batchItems) Expired(ctx context.Context, now time.Time, limit int) ([]batch.Item, error) {
	return readItems(ctx, i.tx, selectExpired, i.id, ms(now), limit)
}

// NextDue implements [batch.Items].
func (i batchItems) NextDue(ctx context.Context, before int) (time.Time, error) {
	var due int64
	err := i.tx.QueryRowContext(ctx, selectNextDue, i.id, before).Scan(&due)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return time.UnixMilli(due), err
}

// Read implements [batch.Items].
func (i batchItems) Read(ctx context.Context, ns []int) (items []batch.Item, err error) {
	for some := range slices.Chunk(ns, itemsAtOnce) {
		args := []any{i.id}
		numbers := make([]string, len(some))
		for k, n := range some {
			args = append(args, n)
			numbers[k] = fmt.Sprintf("$%d", k+2)
		}
		page, err := readItems(ctx, i.tx, `SELECT `+itemColumns+` FROM batch_item WHERE batch_id = $1 AND n IN (`+strings.Join(numbers, ", ")+`)`, args...)
		if err != nil {
			return nil, err
		}
		items = append(items, page...)
	}
	return items, nil
}

// Put implements [batch.Items].
func (i batchItems) Put(ctx context.Context, changes []batch.Change) error {
	for some := range slices.Chunk(changes, itemsAtOnce) {
		args := []any{i.id}
		var rows []string
		for _, c := range some {
			reasons, err := jsonText(c.Reasons)
			if err != nil {
				return err
			}
			row := make([]string, 8)
			for k, kind := range []string{"BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "TEXT", "BIGINT"} {
				row[k] = fmt.Sprintf("CAST($%d AS %s)", len(args)+k+1, kind)
			}
			rows = append(rows, "("+strings.Join(row, ", ")+")")
			args = append(args, c.N, string(c.State), c.SubmissionID, c.Attempts, ms(c.Due), c.Code, reasons, ms(c.UpdatedAt))
		}
		if err := checkTexts(args); err != nil {
			return err
		}
		_, err := i.tx.ExecContext(ctx, `
WITH fresh (n, state, submission_id, attempts, due_ms, code, reasons, changed_ms) AS (VALUES `+strings.Join(rows, ", ")+`)
UPDATE batch_item SET state = fresh.state, submission_id = fresh.submission_id, attempts = fresh.attempts, due_ms = fresh.due_ms,
	code = fresh.code, reasons = fresh.reasons, changed_ms = fresh.changed_ms
FROM fresh WHERE batch_item.batch_id = $1 AND batch_item.n = fresh.n`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// SkipWaiting implements [batch.Items].
func (i batchItems) SkipWaiting(ctx context.Context, now time.Time) (int, error) {
	result, err := i.tx.ExecContext(ctx, updateSkipped, i.id, ms(now))
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// CountBefore implements [batch.Items].
func (i batchItems) CountBefore(ctx context.Context, before int) (batch.Counts, error) {
	rows, err := i.tx.QueryContext(ctx, selectItemStates, i.id, before)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := batch.Counts{}
	for rows.Next() {
		var state batch.ItemState
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return nil, err
		}
		counts[state] = n
	}
	return counts, rows.Err()
}

// OpenBatches implements [batch.Store].
func (d *DB) OpenBatches(ctx context.Context, limit int) (ids []string, err error) {
	err = d.do(ctx, "open batches", func(ctx context.Context) error {
		ids = nil
		rows, err := d.query(ctx, d.db, selectOpenBatch, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	return ids, err
}

// Records implements [batch.Store].
func (d *DB) Records(ctx context.Context, ids []string) (found []backup.Record, err error) {
	args := make([]any, len(ids))
	numbers := make([]string, len(ids))
	for i, id := range ids {
		args[i], numbers[i] = id, fmt.Sprintf("$%d", i+1)
	}
	if len(ids) == 0 || checkTexts(args) != nil {
		return nil, checkTexts(args)
	}
	statement := `SELECT ` + columns + ` FROM (SELECT * FROM submission WHERE id IN (` + strings.Join(numbers, ", ") + `))` + joins
	err = d.do(ctx, "records", func(ctx context.Context) error {
		found, err = d.records(ctx, statement, args)
		return err
	})
	return found, err
}

// ForgetBatches implements [batch.Store].
func (d *DB) ForgetBatches(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = d.write(ctx, "forget batches", func(ctx context.Context) error {
		result, err := d.writes.ExecContext(ctx, deleteBatches, ms(before), limit)
		if err != nil {
			return err
		}
		removed, err := result.RowsAffected()
		n = int(removed)
		return err
	})
	return n, err
}
