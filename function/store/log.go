package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"backupportal/function/backup"
)

// insertSubmission claims the next use of a key. It inserts nothing if the latest submission of
// the key has not expired. If two processes insert the same use at the same time, the unique
// index on (key_hash, turn) lets one process succeed, and the other process inserts nothing.
//
// The first use of a key has the id and the job name that the arguments give. Each later use
// appends its number, counted from 2, to the id and to the job name: KEY-2 and NAME-KEY-2.
// Therefore the job of one use cannot be mistaken for the job of another use. The statement
// shortens the name so that the result has at most 64 characters, the limit of the API.
//
// The statement also inserts nothing if created_ms differs from the expression clock, which is
// the database's time, by more than the argument before the last. Other instances compare the
// stored times with their own clocks. It inserts nothing if the condition durable is false
// ([dialect.durable]).
func insertSubmission(clock, durable string) string {
	return `
INSERT INTO submission (id, key_hash, turn, fingerprint, door, principal, principal_name, account, account_id, access, source_type, resource,
	job_name, request, complete, denied, state, created_ms, expires_ms, policy_hash, caller_id, search_text, resource_name, trace)
SELECT CAST($1 AS TEXT) || next.use, CAST($1 AS TEXT), next.turn, $2, $3, $4, $5, $6, $7, $8, $9, $10,
	CASE WHEN next.turn = 0 THEN CAST($11 AS TEXT)
		ELSE substr(CAST($12 AS TEXT), 1, 63 - length(CAST($1 AS TEXT)) - length(next.use)) || '-' || CAST($1 AS TEXT) || next.use END,
	$13, $14, $15, $16, CAST($17 AS BIGINT), CAST($18 AS BIGINT), $19, $20, $22, $23, $24
FROM (SELECT used.turns AS turn, used.expired_ms, CASE WHEN used.turns = 0 THEN '' ELSE '-' || CAST(used.turns + 1 AS TEXT) END AS use
	FROM (SELECT COALESCE(MAX(turn) + 1, 0) AS turns, COALESCE(MAX(expires_ms), 0) AS expired_ms
		FROM submission WHERE key_hash = CAST($1 AS TEXT)) used) next
WHERE next.expired_ms <= CAST($17 AS BIGINT) AND abs(` + clock + ` - CAST($17 AS BIGINT)) <= CAST($21 AS BIGINT)
	AND ` + durable + `
ON CONFLICT DO NOTHING
RETURNING id, job_name`
}

// takeAndInsert is insertSubmission for PostgreSQL that first takes a request from a rate: upsertRate
// with the arguments $25 to $28. It inserts nothing if none is left. The result is one row: whether
// the request was taken, and the id and the job name, which are empty if nothing was inserted.
func takeAndInsert(clock, durable string) string {
	pace := strings.NewReplacer("$1", "$25", "$2", "$26", "$3", "$27", "$4", "$28").Replace(upsertRate)
	return `WITH pace AS (` + pace + `), claimed AS (` + insertSubmission(clock, durable+" AND EXISTS (SELECT 1 FROM pace)") + `)
SELECT EXISTS (SELECT 1 FROM pace), COALESCE((SELECT id FROM claimed), ''), COALESCE((SELECT job_name FROM claimed), '')`
}

// selectByKey finds the latest submission of a key.
const selectByKey = `SELECT ` + columns + ` FROM submission` + joins + ` WHERE s.key_hash = $1 ORDER BY s.turn DESC LIMIT 1`

// Claim stores a submission under its idempotency key, unless the key is in use. It returns the
// submission that the key stands for. It implements [backup.Claims]. The error is a
// [*backup.ClockError] if r.CreatedAt differs too much from the time of the database's clock,
// and [ErrDurability] if the connection could lose the claim.
func (d *DB) Claim(ctx context.Context, r backup.Record) (known backup.Record, ours bool, err error) {
	request, err1 := jsonText(r.Params)
	complete, err2 := jsonText(r.Complete)
	denied, err3 := jsonText(r.Denied)
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
		d.maxSkewMillis(),
		r.SearchText(),
		r.ResourceName,
		r.Trace,
	}
	c := d.claim(args, r)
	if err := d.commit(ctx, "claim", c.statements...); err != nil {
		return backup.Record{}, false, err
	}
	if c.inserted() {
		r.SubmissionID, r.JobName, r.Key, r.Last, r.Pace = c.id, c.jobName, "", backup.Step{N: -1}, backup.Rate{}
		return r, true, nil
	}
	if !c.hasTaken() {
		wait, err := d.Peek(ctx, r.Pace, r.CreatedAt)
		if err == nil {
			err = &backup.LimitError{Err: backup.ErrRequests, Key: r.Pace.Key, RetryAfter: max(wait, time.Millisecond)}
		}
		return backup.Record{}, false, err
	}
	err = d.do(ctx, "read a claim", func(ctx context.Context) error {
		known, err = scan(d.writes.QueryRowContext(ctx, selectByKey, key))
		if errors.Is(err, sql.ErrNoRows) || err == nil && !r.CreatedAt.Before(known.ExpiresAt) {
			return d.whyNotClaimed(ctx, r)
		}
		return err
	})
	return known, false, err
}

// A claiming is the statement that stores a new submission under its key, and its result.
type claiming struct {
	statements   []*statement
	take, insert *statement // take is nil if no request is taken from a rate; both are the same in PostgreSQL
	taken        bool       // result of take, if both are the same
	id, jobName  string     // result of insert
}

// hasTaken reports whether the request was taken from the rate. It is also true if no rate applies.
func (c *claiming) hasTaken() bool {
	return c.take == nil || c.take.returned > 0 && (c.take != c.insert || c.taken)
}

// inserted reports whether the statement stored the new submission.
func (c *claiming) inserted() bool { return c.insert.returned > 0 && c.id != "" }

// claim returns the change that claims r. args are the arguments of insertSubmission.
func (d *DB) claim(args []any, r backup.Record) *claiming {
	c := &claiming{}
	c.insert = &statement{text: d.insertSubmission, args: args, scan: func(row scanner) error { return row.Scan(&c.id, &c.jobName) }}
	c.statements = []*statement{c.insert}
	if r.Pace.Burst == 0 {
		return c
	}
	take := rateStatement(r.Pace, r.CreatedAt)
	if d.dialect.changesInWith {
		c.insert.text, c.insert.args, c.insert.lock = d.takeAndInsert, append(args, take.args...), take.lock
		c.insert.scan = func(row scanner) error { return row.Scan(&c.taken, &c.id, &c.jobName) }
		c.take = c.insert
		return c
	}
	c.insert.after, c.take = take, take
	c.statements = []*statement{take, c.insert}
	return c
}

// whyNotClaimed returns why a submission was not stored although its key is free: a
// [*backup.ClockError] or [ErrDurability].
func (d *DB) whyNotClaimed(ctx context.Context, r backup.Record) error {
	ahead, err := d.clockDifference(ctx, r.CreatedAt)
	if err != nil {
		return err
	}
	if d.Kind() == Postgres && ahead.Abs().Milliseconds() <= d.maxSkewMillis() {
		return errNotDurableHere
	}
	return &backup.ClockError{Ahead: ahead}
}

const selectByID = `SELECT ` + columns + ` FROM submission` + joins + ` WHERE s.id = $1`

// Find returns a submission with the last step of its log and its job. It implements
// [backup.Steps].
func (d *DB) Find(ctx context.Context, id string) (backup.Record, error) {
	return d.findOne(ctx, "find", selectByID, id)
}

// Known returns the submission that an idempotency key stands for. It implements
// [backup.Claims].
func (d *DB) Known(ctx context.Context, key string, now time.Time) (backup.Record, error) {
	r, err := d.findOne(ctx, "known", selectByKey, key)
	if err == nil && !now.Before(r.ExpiresAt) {
		return backup.Record{}, backup.ErrNotFound
	}
	return r, err
}

// findOne reads the one record that a statement selects by id or key. The error is
// [backup.ErrNotFound] if there is no such record, and also if a text column cannot store the id.
func (d *DB) findOne(ctx context.Context, what, statement, id string) (r backup.Record, err error) {
	if checkTexts([]any{id}) != nil {
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

// insertStep returns the statement that adds step $2 to the log of submission $1. The statement
// inserts nothing in these cases:
//
//   - The step exists, or the step before it does not exist or ends the log.
//   - The time of the step ($5) differs from clock by more than $11 milliseconds. The SQL expression
//     clock is the time of the database.
//   - The step is an attempt or proves that an attempt started nothing ("void"), and the SQL condition
//     durable is false ([dialect.durable]).
//
// The foreign key checks that the submission exists.
func insertStep(clock, durable string) string {
	return `
INSERT INTO submission_step (submission_id, n, kind, owner, at_ms, until_ms, job_id, code, message, request_id)
SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), $4, CAST($5 AS BIGINT), CAST($6 AS BIGINT), $7, $8, $9, $10
WHERE abs(` + clock + ` - CAST($5 AS BIGINT)) <= CAST($11 AS BIGINT)
	AND (CAST($3 AS TEXT) NOT IN ('attempt', 'void') OR ` + durable + `)
	AND (CAST($2 AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM submission_step
		WHERE submission_id = CAST($1 AS TEXT) AND n = CAST($2 AS BIGINT) - 1 AND kind IN ('attempt', 'void')))
ON CONFLICT (submission_id, n) DO NOTHING`
}

// selectFollows reports whether a submission can have a step with a number: the step before it
// exists and does not end the step log.
const selectFollows = `SELECT CAST($2 AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM submission_step
	WHERE submission_id = CAST($1 AS TEXT) AND n = CAST($2 AS BIGINT) - 1 AND kind IN ('attempt', 'void'))`

const selectOwner = `SELECT owner FROM submission_step WHERE submission_id = $1 AND n = $2`

// Append adds a step to the log of a submission, unless the log has a step with that number. It
// implements [backup.Steps]. An error of the insert does not show whether the insert was
// committed, because the answer of the database may be lost. After such an error, Append reads
// the owner of the step with that number. If the owner is the caller's, the insert was
// committed. The insert may take three fifths of the time of a statement, so that time is left
// for the read.
func (d *DB) Append(ctx context.Context, id string, s backup.Step, audit ...backup.AuditRow) (ours bool, err error) {
	// The clock is checked for an attempt, and for the proof that an attempt started nothing. The
	// other steps record the result of a call. They are stored with any clock.
	skew, byTime := int64(unlimitedSkew), s.Kind == backup.StepAttempt || s.Kind == backup.StepNotSent
	if byTime {
		skew = d.maxSkewMillis()
	}
	args := []any{id, s.N, string(s.Kind), s.Owner, ms(s.At), ms(s.Until), s.JobID, s.Code, s.Message, s.RequestID, skew}
	statements := []*statement{{text: d.insertStep, args: args}}
	for _, r := range audit {
		statements = append(statements, auditStatement(insertStepAudit, r, id, s.N, s.Owner))
	}
	if len(s.Notices) > 0 {
		statements = append(statements, announceStep(id, s))
	}
	if err := checkAll(statements); err != nil {
		return false, err
	}
	err = d.do(ctx, "append", func(ctx context.Context) error {
		limited, cancel := context.WithTimeout(ctx, d.limit*3/5)
		defer cancel()
		failed := d.group.commit(limited, statements...)
		switch {
		case failed == nil && statements[0].affected == 1:
			ours = true
			return nil
		case d.dialect.isForeignKeyViolation(failed):
			return backup.ErrNotFound
		case d.dialect.isNotNullViolation(failed):
			failed = nil // the step is not the caller's: see insertStepAudit
		}
		var owner string
		err := d.writes.QueryRowContext(ctx, selectOwner, id, s.N).Scan(&owner)
		if errors.Is(err, sql.ErrNoRows) {
			if failed == nil && byTime {
				failed = d.whyNotAdded(ctx, id, s)
			}
			return failed
		}
		// If the step is the caller's although this call did not add it, an earlier call with
		// the same Owner added it together with its own rows. The rows of this call are
		// additional records.
		ours = err == nil && owner == s.Owner
		return err
	})
	return ours && err == nil, err
}

// whyNotAdded returns the error of a step that insertStep did not add although no step has its
// number: a [*backup.ClockError] or [ErrDurability]. It is nil if the step follows no step that
// allows it.
func (d *DB) whyNotAdded(ctx context.Context, id string, s backup.Step) error {
	if err := d.checkClock(ctx, s.At); err != nil || d.Kind() != Postgres {
		return err
	}
	var follows bool
	if err := d.writes.QueryRowContext(ctx, selectFollows, id, s.N).Scan(&follows); err != nil || !follows {
		return err
	}
	return errNotDurableHere
}

// upsertSighting stores what the cloud said about a job, unless the stored answer is better. An
// answer that the job has ended is better than an answer that the job runs. If both answers say
// that the job has ended, or both say that it runs, the newer answer is better. Therefore a slow
// answer never replaces a newer one, and the end of a job is never lost. The statement affects no
// row if the submission does not exist.
const upsertSighting = `
INSERT INTO job (submission_id, asked_ms, seen_ms, seen, ended)
SELECT id, CAST($2 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS BIGINT) FROM submission WHERE id = $1
ON CONFLICT (submission_id) DO UPDATE SET
	asked_ms = CASE WHEN excluded.asked_ms >= job.asked_ms THEN excluded.asked_ms ELSE job.asked_ms END,
	seen_ms  = CASE WHEN ` + isBetter + ` THEN excluded.seen_ms ELSE job.seen_ms END,
	seen     = CASE WHEN ` + isBetter + ` THEN excluded.seen    ELSE job.seen    END,
	ended    = CASE WHEN ` + isBetter + ` THEN excluded.ended   ELSE job.ended   END`

// isBetter is true if the new row (excluded) must replace the stored row (job). The new row is
// better than the stored row, or is as good and has the same time.
const isBetter = `(excluded.ended > job.ended OR excluded.ended = job.ended AND excluded.seen_ms >= job.seen_ms)`

// UpdateJob stores what the cloud said about a submission's job, unless a better description is
// stored. It implements [backup.Jobs].
func (d *DB) UpdateJob(ctx context.Context, id string, job backup.Job) error {
	seen, err := jsonText(job)
	if err != nil {
		return err
	}
	ended := 0
	if job.Status.IsTerminal() {
		ended = 1
	}
	return d.changeOne(ctx, "see", upsertSighting, id, ms(job.SeenAt), seen, ended)
}

// upsertAsk stores that the caller asks the cloud about a job now. It affects no row, which
// means that the caller must not ask, if another process has asked less than the interval ago
// or the submission does not exist.
const upsertAsk = `
INSERT INTO job (submission_id, asked_ms, seen_ms, seen)
SELECT id, CAST($2 AS BIGINT), 0, '' FROM submission WHERE id = $1
ON CONFLICT (submission_id) DO UPDATE SET asked_ms = excluded.asked_ms
WHERE job.asked_ms <= CAST($2 AS BIGINT) - CAST($3 AS BIGINT)`

// selectAsked reports whether a process has asked the cloud about a job less than the interval
// ago.
const selectAsked = `SELECT EXISTS (SELECT 1 FROM job WHERE submission_id = $1 AND asked_ms > CAST($2 AS BIGINT) - CAST($3 AS BIGINT))`

// StartRefresh reports whether the caller may ask the cloud about a job now: only one caller
// may in each interval. It implements [backup.Jobs]. When many processes call StartRefresh at
// the same time, all but one are too late. A read tells them so, because an update that changes
// no row would still wait for the lock, and in PostgreSQL for the disk.
func (d *DB) StartRefresh(ctx context.Context, id string, now time.Time, interval time.Duration) (may bool, err error) {
	args := []any{id, ms(now), interval.Milliseconds()}
	if err := checkTexts(args); err != nil {
		return false, err
	}
	late := false
	err = d.do(ctx, "ask", func(ctx context.Context) error {
		return d.db.QueryRowContext(ctx, selectAsked, args...).Scan(&late)
	})
	if err != nil || late {
		return false, err
	}
	err = d.changeOne(ctx, "ask", upsertAsk, args...)
	if errors.Is(err, backup.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// upsertCancellation stores the last cancellation of a job. It replaces an earlier one.
const upsertCancellation = `
INSERT INTO job (submission_id, asked_ms, seen_ms, seen, cancel_ms, cancel_principal, cancel_principal_name)
SELECT id, 0, 0, '', CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT) FROM submission WHERE id = $1
ON CONFLICT (submission_id) DO UPDATE SET
	cancel_ms = excluded.cancel_ms, cancel_principal = excluded.cancel_principal, cancel_principal_name = excluded.cancel_principal_name`

// Cancel stores who cancelled the job of a submission. It implements [backup.Jobs].
func (d *DB) Cancel(ctx context.Context, id string, c backup.Cancellation) error {
	return d.changeOne(ctx, "cancel", upsertCancellation, id, ms(c.At), c.By.ID(), c.By.Name)
}

const updateResourceName = `UPDATE submission SET resource_name = $2 WHERE id = $1`

// SetResourceName stores the name of the backed-up resource with a submission. It implements
// [backup.Claims].
func (d *DB) SetResourceName(ctx context.Context, id, name string) error {
	return d.changeOne(ctx, "name", updateResourceName, id, name)
}

const updateState = `UPDATE submission SET state = $2 WHERE id = $1`

// MarkFinal stores a copy of the final state of a submission. It implements [backup.Jobs].
func (d *DB) MarkFinal(ctx context.Context, id string, state backup.State) error {
	return d.changeOne(ctx, "end", updateState, id, string(state))
}

// changeOne runs a statement that changes one row. The error is [backup.ErrNotFound] if the
// statement affects no row.
func (d *DB) changeOne(ctx context.Context, what, statement string, args ...any) error {
	if err := checkTexts(args); err != nil {
		return err
	}
	return d.write(ctx, what, func(ctx context.Context) error {
		result, err := d.writes.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return backup.ErrNotFound
	})
}
