package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
)

// upsertRejection counts a message. It inserts no row if the hour that begins at $13 has $14
// rejections or more, and then returns no row.
const upsertRejection = `
INSERT INTO rejection (id, kind, door, sender_kind, sender, origin, reason_en, reason_zh, submission_id, request_id, first_ms, last_ms, count)
SELECT CAST($1 AS TEXT), $2, $3, $4, $5, $6, $7, $8, $9, $10, CAST($11 AS BIGINT), CAST($12 AS BIGINT), 1
WHERE EXISTS (SELECT 1 FROM rejection WHERE id = CAST($1 AS TEXT))
	OR (SELECT COUNT(*) FROM rejection WHERE first_ms >= CAST($13 AS BIGINT)) < CAST($14 AS BIGINT)
ON CONFLICT (id) DO UPDATE SET count = rejection.count + 1,
	last_ms = CASE WHEN rejection.last_ms > excluded.last_ms THEN rejection.last_ms ELSE excluded.last_ms END
RETURNING count`

const insertRejectionNotice = `
INSERT INTO rejection_notice (rejection_id, receiver, at_ms, attempts, next_ms, done_ms)
VALUES ($1, $2, CAST($3 AS BIGINT), 0, CAST($3 AS BIGINT), 0) ON CONFLICT DO NOTHING`

// Reject counts a message that can never be accepted in its row of the history. It implements
// [backup.Rejections]. The rejection and its notices are stored in one transaction.
func (d *DB) Reject(ctx context.Context, r backup.Rejection, most int, receivers []string) (count int, err error) {
	hour := r.FirstAt.UTC().Truncate(time.Hour)
	args := []any{
		r.ID, string(r.Kind), string(r.Door), string(r.Sender.Kind), r.Sender.Subject, r.Origin, r.Reason.En, r.Reason.Zh,
		r.SubmissionID, r.RequestID, ms(r.FirstAt), ms(r.LastAt), ms(hour), most,
	}
	if err := checkTexts(args); err != nil {
		return 0, err
	}
	err = d.write(ctx, "reject", func(ctx context.Context) error {
		tx, err := d.writes.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		err = tx.QueryRowContext(ctx, upsertRejection, args...).Scan(&count)
		if errors.Is(err, sql.ErrNoRows) {
			count = 0
			return nil
		}
		if err != nil {
			return err
		}
		if count == 1 {
			for _, receiver := range receivers {
				if _, err := tx.ExecContext(ctx, insertRejectionNotice, r.ID, receiver, ms(r.FirstAt)); err != nil {
					return err
				}
			}
		}
		return tx.Commit()
	})
	return count, err
}

// rejectionColumns are the columns of a rejection, in the order of scanRejection.
const rejectionColumns = `r.id, r.kind, r.door, r.sender_kind, r.sender, r.origin, r.reason_en, r.reason_zh, r.submission_id, r.request_id,
	r.first_ms, r.last_ms, r.count`

// scanRejection reads the values of before, and then the columns of a rejection.
func scanRejection(rows *sql.Rows, before ...any) (r backup.Rejection, err error) {
	var first, last int64
	err = rows.Scan(append(before, &r.ID, &r.Kind, &r.Door, &r.Sender.Kind, &r.Sender.Subject, &r.Origin, &r.Reason.En, &r.Reason.Zh,
		&r.SubmissionID, &r.RequestID, &first, &last, &r.Count)...)
	r.FirstAt, r.LastAt = fromMillis(first), fromMillis(last)
	return r, err
}

// ListRejections returns a page of rejections (refused webhooks and events), newest first. It
// implements [backup.Rejections].
func (d *DB) ListRejections(ctx context.Context, q backup.Query) (found []backup.Rejection, err error) {
	statement, args := rejectionQuery(q)
	if err := checkTexts(args); err != nil {
		return nil, err
	}
	err = d.do(ctx, "rejections", func(ctx context.Context) error {
		found = nil
		rows, err := d.query(ctx, d.db, statement, slices.Concat(d.dialect.freshPlan, args)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r, err := scanRejection(rows)
			if err != nil {
				return err
			}
			found = append(found, r)
		}
		return rows.Err()
	})
	if q.After != nil {
		slices.Reverse(found)
	}
	return found, err
}

// rejectionQuery returns the statement for the rejections of q: the newest first, or the oldest
// first if q.After is set. It consists of constant parts and placeholders.
func rejectionQuery(q backup.Query) (statement string, args []any) {
	var conditions []string
	where := func(condition string, values ...any) {
		numbers := make([]any, len(values))
		for i, v := range values {
			args = append(args, v)
			numbers[i] = len(args)
		}
		conditions = append(conditions, fmt.Sprintf(condition, numbers...))
	}
	if !q.From.IsZero() {
		where("first_ms >= $%d", ms(q.From))
	}
	if !q.To.IsZero() {
		where("first_ms < $%d", ms(q.To))
	}
	if q.Before != nil {
		where("(first_ms, id) < ($%d, $%d)", ms(q.Before.At), q.Before.ID)
	}
	order := " ORDER BY first_ms DESC, id DESC"
	if q.After != nil {
		where("(first_ms, id) > ($%d, $%d)", ms(q.After.At), q.After.ID)
		order = " ORDER BY first_ms, id"
	}
	statement = "SELECT " + rejectionColumns + " FROM rejection r"
	if conditions != nil {
		statement += " WHERE " + strings.Join(conditions, " AND ")
	}
	args = append(args, q.Limit)
	return fmt.Sprintf("%s%s LIMIT $%d", statement, order, len(args)), args
}

const deleteRejections = `DELETE FROM rejection WHERE first_ms < $1`

// ForgetRejections removes old rejections and their notices. It implements [backup.Rejections].
// The foreign key also removes the notices.
func (d *DB) ForgetRejections(ctx context.Context, before time.Time) error {
	return d.write(ctx, "forget rejections", func(ctx context.Context) error {
		_, err := d.writes.ExecContext(ctx, deleteRejections, ms(before))
		return err
	})
}

// selectDueRejections selects the due notices of a receiver about rejections, the longest
// overdue first.
const selectDueRejections = `SELECT n.receiver, n.at_ms, n.attempts, ` + rejectionColumns + `
FROM rejection_notice n JOIN rejection r ON r.id = n.rejection_id
WHERE n.receiver = $1 AND n.done_ms = 0 AND n.next_ms <= $2 ORDER BY n.next_ms, n.rejection_id LIMIT $3`

// dueRejections returns the notices to the receiver about rejections that are due at now.
func (d *DB) dueRejections(
	ctx context.Context,
	receiver string,
	now time.Time,
	limit int,
) (found []backup.Notice, err error) {
	rows, err := d.query(ctx, d.db, selectDueRejections, receiver, ms(now), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		n := backup.Notice{Event: backup.EventRejected}
		var at int64
		if n.Rejection, err = scanRejection(rows, &n.Receiver, &at, &n.Attempts); err != nil {
			return nil, err
		}
		n.SubmissionID, n.At = n.Rejection.ID, fromMillis(at)
		found = append(found, n)
	}
	return found, rows.Err()
}

// The statements of [DB.Lease] and [DB.Done] for a notice about a rejection.
const (
	updateRejectionLease = `
UPDATE rejection_notice SET attempts = attempts + 1, next_ms = $4
WHERE rejection_id = $1 AND receiver = $2 AND attempts = $3 AND done_ms = 0`
	updateRejectionDone = `UPDATE rejection_notice SET done_ms = $3 WHERE rejection_id = $1 AND receiver = $2`
)
