package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
)

// noticesAtOnce is the maximum number of notices in one insert. Each notice uses four parameters.
const noticesAtOnce = 100

// Announce stores those notices (messages to be sent) that are not stored yet. It implements
// [backup.Notices]. It adds the notices in several statements. After an error, some of the
// notices may be added.
func (d *DB) Announce(ctx context.Context, notices []backup.Notice) (added int, err error) {
	// All processes insert the rows in the same order, so that two processes cannot deadlock.
	notices = slices.SortedFunc(slices.Values(notices), func(a, b backup.Notice) int {
		return cmp.Or(
			cmp.Compare(a.SubmissionID, b.SubmissionID),
			cmp.Compare(a.Event, b.Event),
			cmp.Compare(a.Receiver, b.Receiver),
		)
	})
	for some := range slices.Chunk(notices, noticesAtOnce) {
		insert := announcement(some, "true")
		if err := d.commit(ctx, "announce", insert); err != nil {
			return added, err
		}
		added += int(insert.affected)
	}
	return added, nil
}

// announcement returns the statement that inserts the notices that are not stored yet and whose
// submissions exist, if condition holds. The statement consists of constant parts and placeholders.
func announcement(notices []backup.Notice, condition string) *statement {
	var rows []string
	var args []any
	for i, n := range notices {
		rows = append(rows, fmt.Sprintf("(CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS BIGINT))", 4*i+1, 4*i+2, 4*i+3, 4*i+4))
		args = append(args, n.SubmissionID, string(n.Event), n.Receiver, ms(n.At))
	}
	return &statement{args: args, text: `
WITH fresh (submission_id, event, receiver, at_ms) AS (VALUES ` + strings.Join(rows, ", ") + `)
INSERT INTO notice (submission_id, event, receiver, at_ms, attempts, next_ms, done_ms)
SELECT s.id, fresh.event, fresh.receiver, fresh.at_ms, 0, fresh.at_ms, 0 FROM fresh JOIN submission s ON s.id = fresh.submission_id
WHERE ` + condition + ` ON CONFLICT (submission_id, event, receiver) DO NOTHING`}
}

// announceStep returns the statement that inserts the notices of step s of a submission, if the
// step is in the log. It inserts at most [noticesAtOnce] notices; a later sweep inserts the
// others.
func announceStep(id string, s backup.Step) *statement {
	notices := s.Notices[:min(len(s.Notices), noticesAtOnce)]
	n := 4 * len(notices)
	insert := announcement(notices, fmt.Sprintf(
		"EXISTS (SELECT 1 FROM submission_step WHERE submission_id = $%d AND n = $%d AND owner = $%d)", n+1, n+2, n+3))
	insert.args = append(insert.args, id, s.N, s.Owner)
	return insert
}

// selectDue selects the due notices of a receiver, the longest overdue first. It limits the notices
// before it joins their submissions.
const selectDue = `SELECT s.event, s.receiver, s.noticed_ms, s.attempts, ` + columns + `
FROM (SELECT n.event, n.receiver, n.at_ms AS noticed_ms, n.attempts, n.next_ms, whole.*
	FROM (SELECT * FROM notice WHERE receiver = $1 AND done_ms = 0 AND next_ms <= $2 ORDER BY next_ms, submission_id, event LIMIT $3) n
	JOIN submission whole ON whole.id = n.submission_id)` + joins + `
ORDER BY s.next_ms, s.id, s.event`

// Due implements [backup.Notices]. Notices about gaps and rejections, which are few, come before the others.
func (d *DB) Due(ctx context.Context, receiver string, now time.Time, limit int) (found []backup.Notice, err error) {
	err = d.do(ctx, "due", func(ctx context.Context) error {
		if found, err = d.dueGaps(ctx, receiver, now, limit); err != nil {
			return err
		}
		rejected, err := d.dueRejections(ctx, receiver, now, limit-len(found))
		if err != nil {
			return err
		}
		found = append(found, rejected...)
		rows, err := d.query(ctx, d.db, selectDue, receiver, ms(now), limit-len(found))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			n := noticeRow{rows: rows}
			if n.Record, err = scan(&n); err != nil {
				return err
			}
			n.SubmissionID, n.At = n.Record.SubmissionID, fromMillis(n.at)
			found = append(found, n.Notice)
		}
		return rows.Err()
	})
	return found, err
}

// A noticeRow reads a row of selectDue: first the columns of a notice, then the columns of the
// notice's record.
type noticeRow struct {
	backup.Notice
	at   int64
	rows *sql.Rows
}

// Scan reads the columns of the notice into n, and the remaining columns into record.
func (n *noticeRow) Scan(record ...any) error {
	return n.rows.Scan(append([]any{&n.Event, &n.Receiver, &n.at, &n.Attempts}, record...)...)
}

// updateLease leases a notice by compare and swap. It affects no row if another process has leased
// the notice since this process read the number of attempts.
const updateLease = `
UPDATE notice SET attempts = attempts + 1, next_ms = $5
WHERE submission_id = $1 AND event = $2 AND receiver = $3 AND attempts = $4 AND done_ms = 0`

// Lease gives the caller the right to send a notice until a stated time, unless another process
// has it. It implements [backup.Notices].
func (d *DB) Lease(ctx context.Context, n backup.Notice, until time.Time) (bool, error) {
	var err error
	switch n.Event {
	case backup.EventRejected:
		err = d.changeOne(ctx, "take", updateRejectionLease, n.SubmissionID, n.Receiver, n.Attempts, ms(until))
	case backup.EventMissing, backup.EventMended:
		err = d.changeOne(ctx, "take", updateGapLease, n.SubmissionID, string(n.Event), n.Receiver, n.Attempts, ms(until))
	default:
		err = d.changeOne(ctx, "take", updateLease, n.SubmissionID, string(n.Event), n.Receiver, n.Attempts, ms(until))
	}
	if errors.Is(err, backup.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

const updateDone = `UPDATE notice SET done_ms = $4 WHERE submission_id = $1 AND event = $2 AND receiver = $3`

// Done marks a notice as finished, so that it is never sent again. It implements
// [backup.Notices].
func (d *DB) Done(ctx context.Context, n backup.Notice, now time.Time) error {
	switch n.Event {
	case backup.EventRejected:
		return d.changeOne(ctx, "done", updateRejectionDone, n.SubmissionID, n.Receiver, ms(now))
	case backup.EventMissing, backup.EventMended:
		return d.changeOne(ctx, "done", updateGapDone, n.SubmissionID, string(n.Event), n.Receiver, ms(now))
	}
	return d.changeOne(ctx, "done", updateDone, n.SubmissionID, string(n.Event), n.Receiver, ms(now))
}

// The statements of [DB.Waiting]: each counts the waiting notices of one table.
const (
	selectWaiting           = `SELECT COUNT(*), COALESCE(MIN(at_ms), 0) FROM notice WHERE receiver = $1 AND done_ms = 0`
	selectWaitingRejections = `SELECT COUNT(*), COALESCE(MIN(at_ms), 0) FROM rejection_notice WHERE receiver = $1 AND done_ms = 0`
)

// Waiting returns how many notices wait to be sent, and since when. It implements
// [backup.Notices].
func (d *DB) Waiting(ctx context.Context, receiver string) (backup.Waiting, error) {
	all := backup.Waiting{Receiver: receiver}
	err := d.do(ctx, "waiting", func(ctx context.Context) error {
		for _, statement := range []string{selectWaiting, selectWaitingRejections, selectWaitingGaps} {
			var count int
			var since int64
			if err := d.db.QueryRowContext(ctx, statement, receiver).Scan(&count, &since); err != nil {
				return err
			}
			all.Add(count, fromMillis(since))
		}
		return nil
	})
	return all, err
}
