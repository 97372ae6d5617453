package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"backupportal/function/backup"
)

// insertGap opens a gap, unless the unique index gap_open has one.
const insertGap = `
INSERT INTO gap (id, expectation, account, region, resource, name, last_good_ms, since_ms, mended_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0) ON CONFLICT (expectation, account, region, resource) WHERE mended_ms = 0 DO NOTHING`

// updateMended closes a gap that is open.
const updateMended = `UPDATE gap SET mended_ms = $2 WHERE id = $1 AND mended_ms = 0`

const insertGapNotice = `
INSERT INTO gap_notice (gap_id, event, receiver, at_ms, attempts, next_ms, done_ms)
VALUES ($1, $2, $3, CAST($4 AS BIGINT), 0, CAST($4 AS BIGINT), 0) ON CONFLICT DO NOTHING`

// OpenGap implements [backup.Gaps]. The gap and its notices are stored in one transaction.
func (d *DB) OpenGap(ctx context.Context, g backup.Gap, receivers []string) (bool, error) {
	args := []any{g.ID, g.Expectation, g.Account, g.Region, g.Resource, g.Name, ms(g.LastGood), ms(g.Since)}
	return d.changeGap(ctx, "open a gap", g.ID, backup.EventMissing, g.Since, receivers, insertGap, args)
}

// CloseGap implements [backup.Gaps]. The change and its notices are stored in one transaction.
func (d *DB) CloseGap(ctx context.Context, id string, at time.Time, receivers []string) (bool, error) {
	return d.changeGap(ctx, "close a gap", id, backup.EventMended, at, receivers, updateMended, []any{id, ms(at)})
}

// changeGap executes a statement and, if that changed a row, stores a notice for each of the receivers. It
// reports whether it changed a row.
func (d *DB) changeGap(
	ctx context.Context, what, id string, e backup.Event, at time.Time, receivers []string, statement string, args []any,
) (changed bool, err error) {
	if err := checkTexts(args); err != nil {
		return false, err
	}
	err = d.write(ctx, what, func(ctx context.Context) error {
		changed = false
		tx, err := d.writes.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		result, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		if rows, err := result.RowsAffected(); err != nil || rows == 0 {
			return err
		}
		for _, receiver := range receivers {
			if _, err := tx.ExecContext(ctx, insertGapNotice, id, string(e), receiver, ms(at)); err != nil {
				return err
			}
		}
		changed = true
		return tx.Commit()
	})
	return changed && err == nil, err
}

// gapColumns are the columns of a gap, in the order of scanGap.
const gapColumns = `g.id, g.expectation, g.account, g.region, g.resource, g.name, g.last_good_ms, g.since_ms, g.mended_ms`

// scanGap reads the values of before, and then the columns of a gap.
func scanGap(rows *sql.Rows, before ...any) (g backup.Gap, err error) {
	var lastGood, since, mended int64
	err = rows.Scan(append(before, &g.ID, &g.Expectation, &g.Account, &g.Region, &g.Resource, &g.Name, &lastGood, &since, &mended)...)
	g.LastGood, g.Since, g.MendedAt = fromMillis(lastGood), fromMillis(since), fromMillis(mended)
	return g, err
}

// selectOpenGaps selects the gaps that are open.
const selectOpenGaps = `SELECT ` + gapColumns + ` FROM gap g WHERE mended_ms = 0`

// OpenGaps implements [backup.Gaps].
func (d *DB) OpenGaps(ctx context.Context) (found []backup.Gap, err error) {
	err = d.do(ctx, "open gaps", func(ctx context.Context) error {
		found = nil
		rows, err := d.query(ctx, d.db, selectOpenGaps)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			g, err := scanGap(rows)
			if err != nil {
				return err
			}
			found = append(found, g)
		}
		return rows.Err()
	})
	slices.SortFunc(found, func(a, b backup.Gap) int {
		return cmp.Or(
			cmp.Compare(a.Expectation, b.Expectation), cmp.Compare(a.Account, b.Account),
			cmp.Compare(a.Region, b.Region), cmp.Compare(a.Resource, b.Resource),
		)
	})
	return found, err
}

const deleteGaps = `DELETE FROM gap WHERE mended_ms > 0 AND mended_ms < $1`

// ForgetGaps implements [backup.Gaps]. The foreign key also removes the notices.
func (d *DB) ForgetGaps(ctx context.Context, before time.Time) error {
	return d.write(ctx, "forget gaps", func(ctx context.Context) error {
		_, err := d.writes.ExecContext(ctx, deleteGaps, ms(before))
		return err
	})
}

// selectDueGaps selects the due notices of a receiver about gaps, the longest overdue first.
const selectDueGaps = `SELECT n.event, n.receiver, n.at_ms, n.attempts, ` + gapColumns + `
FROM gap_notice n JOIN gap g ON g.id = n.gap_id
WHERE n.receiver = $1 AND n.done_ms = 0 AND n.next_ms <= $2 ORDER BY n.next_ms, n.gap_id, n.event LIMIT $3`

// dueGaps returns the notices to the receiver about gaps that are due at now.
func (d *DB) dueGaps(ctx context.Context, receiver string, now time.Time, limit int) (found []backup.Notice, err error) {
	rows, err := d.query(ctx, d.db, selectDueGaps, receiver, ms(now), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n backup.Notice
		var at int64
		if n.Gap, err = scanGap(rows, &n.Event, &n.Receiver, &at, &n.Attempts); err != nil {
			return nil, err
		}
		n.SubmissionID, n.At = n.Gap.ID, fromMillis(at)
		found = append(found, n)
	}
	return found, rows.Err()
}

// The statements of [DB.Lease], [DB.Done] and [DB.Waiting] for a notice about a gap.
const (
	updateGapLease = `
UPDATE gap_notice SET attempts = attempts + 1, next_ms = $5
WHERE gap_id = $1 AND event = $2 AND receiver = $3 AND attempts = $4 AND done_ms = 0`
	updateGapDone     = `UPDATE gap_notice SET done_ms = $4 WHERE gap_id = $1 AND event = $2 AND receiver = $3`
	selectWaitingGaps = `SELECT COUNT(*), COALESCE(MIN(at_ms), 0) FROM gap_notice WHERE receiver = $1 AND done_ms = 0`
)
