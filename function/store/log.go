package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"backupportal/function/backup"
)

// claim takes the next turn of a key, unless a submission of the key has not
// expired. Two that take the same turn at once are parted by the unique index.
// From the second use on, id and job name end with the number of the use, so
// that a job is never taken for that of another use; a name has 64 characters
// at most.
//
// The row is inserted only if its time is that of the database's clock, within the
// last argument: times that other instances compare must come from one clock.
func claimOf(clock string) string {
	return `
INSERT INTO submission (id, key_hash, turn, fingerprint, door, principal, principal_name, account, account_id, access, source_type, resource,
	job_name, request, complete, denied, state, created_ms, expires_ms, policy_hash, caller_id)
SELECT CAST($1 AS TEXT) || next.use, CAST($1 AS TEXT), next.turn, $2, $3, $4, $5, $6, $7, $8, $9, $10,
	CASE WHEN next.turn = 0 THEN CAST($11 AS TEXT)
		ELSE substr(CAST($12 AS TEXT), 1, 63 - length(CAST($1 AS TEXT)) - length(next.use)) || '-' || CAST($1 AS TEXT) || next.use END,
	$13, $14, $15, $16, CAST($17 AS BIGINT), CAST($18 AS BIGINT), $19, $20
FROM (SELECT used.turns AS turn, used.expired_ms, CASE WHEN used.turns = 0 THEN '' ELSE '-' || CAST(used.turns + 1 AS TEXT) END AS use
	FROM (SELECT COALESCE(MAX(turn) + 1, 0) AS turns, COALESCE(MAX(expires_ms), 0) AS expired_ms
		FROM submission WHERE key_hash = CAST($1 AS TEXT)) used) next
WHERE next.expired_ms <= CAST($17 AS BIGINT) AND abs(` + clock + ` - CAST($17 AS BIGINT)) <= CAST($21 AS BIGINT)
ON CONFLICT DO NOTHING
RETURNING id, job_name`
}

const findByKey = `SELECT ` + columns + ` FROM submission` + joined + ` WHERE s.key_hash = $1 ORDER BY s.turn DESC LIMIT 1`

// Claim implements [backup.Store].
func (d *DB) Claim(ctx context.Context, r backup.Record) (known backup.Record, ours bool, err error) {
	request, err1 := text(r.Params)
	complete, err2 := text(r.Complete)
	denied, err3 := text(r.Denied)
	if err := errors.Join(err1, err2, err3); err != nil {
		return backup.Record{}, false, err
	}
	state := ""
	if r.Denied != nil {
		state = string(backup.StateDenied)
	}
	key := r.SubmissionID
	args := []any{
		key,
		r.Fingerprint,
		string(r.Door),
		r.Principal.ID(),
		r.Principal.Name,
		r.Account(),
		r.AccountID,
		string(r.Access),
		string(r.Complete.SourceType()),
		r.Resource(),
		r.JobName,
		strings.TrimSuffix(r.JobName, "-"+key),
		request,
		complete,
		denied,
		state,
		ms(r.CreatedAt),
		ms(r.ExpiresAt),
		r.PolicyHash,
		r.CallerID,
		d.skewMillis(),
	}
	if err := storable(args); err != nil {
		return backup.Record{}, false, err
	}
	err = d.write(ctx, "claim", func(ctx context.Context) error {
		known, ours, err = d.insert(ctx, r, args)
		if err != nil || ours {
			return err
		}
		known, err = scan(d.db.QueryRowContext(ctx, findByKey, key))
		if errors.Is(err, sql.ErrNoRows) || err == nil && !r.CreatedAt.Before(known.ExpiresAt) {
			return d.offClock(ctx, r.CreatedAt) // else the claim would have been made
		}
		return err
	})
	return known, ours, err
}

// insert makes the claim, and returns r with what the store adds to it if it
// is ours.
func (d *DB) insert(ctx context.Context, r backup.Record, args []any) (known backup.Record, ours bool, err error) {
	rows, err := d.query(ctx, d.claim, args...)
	if err != nil {
		return backup.Record{}, false, err
	}
	defer rows.Close()
	// To the end: SQLite commits with the last step of the statement.
	for rows.Next() {
		if err := rows.Scan(&r.SubmissionID, &r.JobName); err != nil {
			return backup.Record{}, false, err
		}
		ours = true
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return backup.Record{}, false, err
	}
	r.Key, r.Last = "", backup.Step{N: -1}
	return r, ours, nil
}

const find = `SELECT ` + columns + ` FROM submission` + joined + ` WHERE s.id = $1`

// Find implements [backup.Store].
func (d *DB) Find(ctx context.Context, id string) (backup.Record, error) {
	return d.one(ctx, "find", find, id)
}

// Known implements [backup.Store].
func (d *DB) Known(ctx context.Context, key string, now time.Time) (backup.Record, error) {
	r, err := d.one(ctx, "known", findByKey, key)
	if err == nil && !now.Before(r.ExpiresAt) {
		return backup.Record{}, backup.ErrNotFound
	}
	return r, err
}

// one reads the record that a statement finds by an id.
func (d *DB) one(ctx context.Context, what, statement, id string) (r backup.Record, err error) {
	if storable([]any{id}) != nil {
		return r, backup.ErrNotFound
	}
	err = d.do(ctx, what, func(ctx context.Context) error {
		found, err := d.records(ctx, statement, []any{id})
		if err == nil && len(found) == 0 {
			return backup.ErrNotFound
		}
		if err == nil {
			r = found[0]
		}
		return err
	})
	return r, err
}

// addOf adds a step if its number is free, it may follow the one before it and its
// time is that of the database's clock, within the last argument.
func addOf(clock string) string {
	return `
INSERT INTO submission_step (submission_id, n, kind, owner, at_ms, until_ms, job_id, code, message, request_id)
SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), $3, $4, CAST($5 AS BIGINT), CAST($6 AS BIGINT), $7, $8, $9, $10
WHERE abs(` + clock + ` - CAST($5 AS BIGINT)) <= CAST($11 AS BIGINT)
	AND (CAST($2 AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM submission_step
		WHERE submission_id = CAST($1 AS TEXT) AND n = CAST($2 AS BIGINT) - 1 AND kind IN ('attempt', 'void')))
ON CONFLICT (submission_id, n) DO NOTHING`
}

const owner = `SELECT owner FROM submission_step WHERE submission_id = $1 AND n = $2`

// Append implements [backup.Store]. After an error it looks whether the step
// is there all the same: the answer of a committed insert may have been lost. To
// add it may take three fifths of a statement's time, to look takes the rest.
func (d *DB) Append(ctx context.Context, id string, s backup.Step, audit ...backup.AuditRow) (ours bool, err error) {
	// An attempt, and the proof that one started nothing, are decided by time. A
	// result is a fact, whatever the clock says.
	skew, decided := int64(anySkew), s.Kind == backup.StepAttempt || s.Kind == backup.StepNotSent
	if decided {
		skew = d.skewMillis()
	}
	args := []any{id, s.N, string(s.Kind), s.Owner, ms(s.At), ms(s.Until), s.JobID, s.Code, s.Message, s.RequestID, skew}
	if err := storable(args); err != nil {
		return false, err
	}
	err = d.write(ctx, "append", func(ctx context.Context) error {
		limited, cancel := context.WithTimeout(ctx, d.limit*3/5)
		defer cancel()
		added, failed := d.addStep(limited, args, audit)
		switch {
		case failed == nil && added:
			ours = true
			return nil
		case d.dialect.isForeignKeyViolation(failed):
			return backup.ErrNotFound
		}
		var whose string
		err := d.db.QueryRowContext(ctx, owner, id, s.N).Scan(&whose)
		if errors.Is(err, sql.ErrNoRows) {
			if failed == nil && decided {
				failed = d.compareClock(ctx, s.At)
			}
			return failed
		}
		if err != nil || whose != s.Owner {
			return err
		}
		ours = true
		if !added { // by an earlier try, and with the rows of that one
			return d.addRows(ctx, d.db, audit)
		}
		return nil
	})
	return ours && err == nil, err
}

// addStep adds a step, and the rows of the audit trail in one transaction with it.
// It is added if the insert was, whatever became of the transaction.
func (d *DB) addStep(ctx context.Context, args []any, audit []backup.AuditRow) (added bool, err error) {
	changed := func(result sql.Result, err error) (bool, error) {
		if err != nil {
			return false, err
		}
		n, err := result.RowsAffected()
		return n == 1, err
	}
	if len(audit) == 0 {
		return changed(d.exec(ctx, d.add, args...))
	}
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	if added, err = changed(d.within(tx).ExecContext(ctx, d.add, args...)); err != nil || !added {
		return added, err
	}
	if err := d.addRows(ctx, d.within(tx), audit); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

// see keeps the better picture of a job: its end before all else, then the newer
// one. A slow answer must not put an older picture over it, and one that tells of
// the end is never too late. It affects no row if the submission is unknown.
const see = `
INSERT INTO job (submission_id, asked_ms, seen_ms, seen, ended)
SELECT id, CAST($2 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS BIGINT) FROM submission WHERE id = $1
ON CONFLICT (submission_id) DO UPDATE SET
	asked_ms = CASE WHEN excluded.asked_ms >= job.asked_ms THEN excluded.asked_ms ELSE job.asked_ms END,
	seen_ms  = CASE WHEN ` + better + ` THEN excluded.seen_ms ELSE job.seen_ms END,
	seen     = CASE WHEN ` + better + ` THEN excluded.seen    ELSE job.seen    END,
	ended    = CASE WHEN ` + better + ` THEN excluded.ended   ELSE job.ended   END`

const better = `(excluded.ended > job.ended OR excluded.ended = job.ended AND excluded.seen_ms >= job.seen_ms)`

// See implements [backup.Store].
func (d *DB) See(ctx context.Context, id string, job backup.Job) error {
	seen, err := text(job)
	if err != nil {
		return err
	}
	ended := 0
	if job.Status.IsTerminal() {
		ended = 1
	}
	return d.change(ctx, "see", see, id, ms(job.SeenAt), seen, ended)
}

// ask takes the right to ask, if nobody has taken it for a while.
const ask = `
INSERT INTO job (submission_id, asked_ms, seen_ms, seen)
SELECT id, CAST($2 AS BIGINT), 0, '' FROM submission WHERE id = $1
ON CONFLICT (submission_id) DO UPDATE SET asked_ms = excluded.asked_ms
WHERE job.asked_ms <= CAST($2 AS BIGINT) - CAST($3 AS BIGINT)`

const asked = `SELECT EXISTS (SELECT 1 FROM job WHERE submission_id = $1 AND asked_ms > CAST($2 AS BIGINT) - CAST($3 AS BIGINT))`

// Ask implements [backup.Store]. Of many who come at once most are too late, and
// find that out without a write: one that changes nothing still waits for the
// lock, and in PostgreSQL for the disk.
func (d *DB) Ask(ctx context.Context, id string, now time.Time, pace time.Duration) (may bool, err error) {
	args := []any{id, ms(now), pace.Milliseconds()}
	if err := storable(args); err != nil {
		return false, err
	}
	late := false
	err = d.do(ctx, "ask", func(ctx context.Context) error {
		return d.db.QueryRowContext(ctx, asked, args...).Scan(&late)
	})
	if err != nil || late {
		return false, err
	}
	err = d.change(ctx, "ask", ask, args...)
	if errors.Is(err, backup.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

const canceled = `
INSERT INTO job (submission_id, asked_ms, seen_ms, seen, cancel_ms, cancel_principal, cancel_principal_name)
SELECT id, 0, 0, '', CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT) FROM submission WHERE id = $1
ON CONFLICT (submission_id) DO UPDATE SET
	cancel_ms = excluded.cancel_ms, cancel_principal = excluded.cancel_principal, cancel_principal_name = excluded.cancel_principal_name`

// Cancel implements [backup.Store].
func (d *DB) Cancel(ctx context.Context, id string, c backup.Cancellation) error {
	return d.change(ctx, "cancel", canceled, id, ms(c.At), c.By.ID(), c.By.Name)
}

const end = `UPDATE submission SET state = $2 WHERE id = $1`

// MarkFinal implements [backup.Store].
func (d *DB) MarkFinal(ctx context.Context, id string, state backup.State) error {
	return d.change(ctx, "end", end, id, string(state))
}

// change runs a statement about one submission, which is not found if no row
// is affected.
func (d *DB) change(ctx context.Context, what, statement string, args ...any) error {
	if err := storable(args); err != nil {
		return err
	}
	return d.write(ctx, what, func(ctx context.Context) error {
		result, err := d.db.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return backup.ErrNotFound
	})
}
