package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
)

var _ backup.Limits = (*DB)(nil)

// spend takes one of a rate, by the generic cell rate algorithm: it moves the time
// at which the next would be on time by one interval, unless that would be more
// than the whole window ahead. No row: there is none left.
const spend = `
INSERT INTO rate (k, tat_ms) VALUES ($1, CAST($2 AS BIGINT) + CAST($3 AS BIGINT))
ON CONFLICT (k) DO UPDATE
	SET tat_ms = CASE WHEN rate.tat_ms > CAST($2 AS BIGINT) THEN rate.tat_ms ELSE CAST($2 AS BIGINT) END + CAST($3 AS BIGINT)
	WHERE rate.tat_ms + CAST($3 AS BIGINT) - CAST($4 AS BIGINT) <= CAST($2 AS BIGINT)
RETURNING tat_ms`

const rateOf = `SELECT tat_ms FROM rate WHERE k = $1`

// use takes one of a day's quota.
const use = `
INSERT INTO quota (k, day, used) VALUES ($1, $2, 1)
ON CONFLICT (k, day) DO UPDATE SET used = quota.used + 1 WHERE quota.used < CAST($3 AS BIGINT)
RETURNING used`

const giveBack = `UPDATE quota SET used = used - 1 WHERE k = $1 AND day = $2 AND used > 0`

// cool takes a resource until some time, if nobody else has it now.
const cool = `
INSERT INTO cooldown (k, owner, until_ms) VALUES ($1, $2, CAST($3 AS BIGINT))
ON CONFLICT (k) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms
	WHERE cooldown.until_ms <= CAST($4 AS BIGINT) OR cooldown.owner = excluded.owner
RETURNING owner`

const coolUntil = `SELECT until_ms FROM cooldown WHERE k = $1`

const release = `DELETE FROM cooldown WHERE k = $1 AND owner = $2`

// admit remembers what is taken for a key: if nothing was before, or so long ago
// that it was for an earlier use of the key.
const admit = `
INSERT INTO admission (id, at_ms, held, day, quotas, cooled) VALUES ($1, CAST($2 AS BIGINT), $7, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms, held = excluded.held, day = excluded.day, quotas = excluded.quotas, cooled = excluded.cooled
	WHERE admission.at_ms <= CAST($6 AS BIGINT)`

// admitAgain is for a submission that gave back what it had.
const admitAgain = `UPDATE admission SET held = $5, day = $2, quotas = $3, cooled = $4 WHERE id = $1 AND held = 0`

// hold keeps what a submission has for a later attempt.
const hold = `UPDATE admission SET held = $2 WHERE id = $1 AND held < $2`

const withdraw = `UPDATE admission SET held = 0 WHERE id = $1 AND held BETWEEN 1 AND $2 RETURNING day, quotas, cooled`

// Reserve implements [backup.Limits]. All is one transaction, which asks for the
// limits in one order, so that none waits for another that waits for it.
func (d *DB) Reserve(ctx context.Context, a backup.Reservation) (limit *backup.LimitError, err error) {
	t := taking{Reservation: a, day: a.Now.UTC().Format(time.DateOnly)}
	if a.Grant.Cooldown > 0 {
		t.cooled = a.Resource
	}
	for _, q := range a.Grant.Quotas {
		t.quotas = append(t.quotas, q.Key)
	}
	if err := storable(append([]any{a.Key, a.Resource}, keysOf(a.Grant)...)); err != nil {
		return nil, err
	}
	err = d.write(ctx, "admit", func(ctx context.Context) error {
		tx, err := d.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if limit, err = t.all(ctx, tx); err != nil || limit != nil {
			return err
		}
		return tx.Commit()
	})
	return limit, err
}

// keysOf are the keys of a grant's limits.
func keysOf(g backup.Grant) (keys []any) {
	for _, r := range g.Rates {
		keys = append(keys, r.Key)
	}
	for _, q := range g.Quotas {
		keys = append(keys, q.Key)
	}
	return keys
}

// A taking is one admission under way.
type taking struct {
	backup.Reservation
	day    string
	quotas []string
	cooled string
}

// all takes all there is to take, or says what is in the way.
func (t taking) all(ctx context.Context, tx *sql.Tx) (*backup.LimitError, error) {
	first, again, err := t.enter(ctx, tx)
	if err != nil || !first && !again {
		return nil, err
	}
	if first {
		for _, r := range slices.SortedFunc(slices.Values(t.Grant.Rates), func(a, b backup.Rate) int {
			return strings.Compare(a.Key, b.Key)
		}) {
			if wait, err := spendOne(ctx, tx, r, t.Now); err != nil || wait > 0 {
				return &backup.LimitError{Err: backup.ErrRate, Key: r.Key, RetryAfter: wait}, err
			}
		}
	}
	for _, q := range slices.SortedFunc(slices.Values(t.Grant.Quotas), func(a, b backup.Quota) int {
		return strings.Compare(a.Key, b.Key)
	}) {
		if limit, err := t.use(ctx, tx, q); err != nil || limit != nil {
			return limit, err
		}
	}
	if t.cooled == "" {
		return nil, nil
	}
	return t.cool(ctx, tx)
}

// enter remembers the admission: as the first of its key, or again.
func (t taking) enter(ctx context.Context, tx *sql.Tx) (first, again bool, err error) {
	quotas, err := json.Marshal(t.quotas)
	if err != nil {
		return false, false, err
	}
	changed := func(statement string, args ...any) (bool, error) {
		result, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return false, err
		}
		n, err := result.RowsAffected()
		return n == 1, err
	}
	held := t.Attempt + 1
	first, err = changed(
		admit,
		t.Key,
		ms(t.Now),
		t.day,
		string(quotas),
		t.cooled,
		ms(t.Now.Add(-backup.KeyExpires)),
		held,
	)
	if err == nil && !first {
		again, err = changed(admitAgain, t.Key, t.day, string(quotas), t.cooled, held)
	}
	if err == nil && !first && !again {
		_, err = changed(hold, t.Key, held)
	}
	return first, again, err
}

// use takes one of a quota. None at all is no row.
func (t taking) use(ctx context.Context, tx *sql.Tx, q backup.Quota) (*backup.LimitError, error) {
	limit := &backup.LimitError{Err: backup.ErrQuota, Key: q.Key}
	if q.Day < 1 {
		return limit, nil
	}
	var used int
	err := tx.QueryRowContext(ctx, use, q.Key, t.day, q.Day).Scan(&used)
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	now := t.Now.UTC()
	limit.RetryAfter = time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC).Sub(now)
	return limit, nil
}

func (t taking) cool(ctx context.Context, tx *sql.Tx) (*backup.LimitError, error) {
	var whose string
	err := tx.QueryRowContext(ctx, cool, t.cooled, t.Key, ms(t.Now.Add(t.Grant.Cooldown)), ms(t.Now)).Scan(&whose)
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	var until int64
	if err := tx.QueryRowContext(ctx, coolUntil, t.cooled).Scan(&until); err != nil {
		return nil, err
	}
	_, resource, _ := strings.Cut(t.cooled, "/")
	return &backup.LimitError{
		Err:        backup.ErrCooldown,
		Key:        "i:" + resource,
		RetryAfter: max(time.UnixMilli(until).Sub(t.Now), time.Second),
	}, nil
}

// querier is a database, or a transaction in it.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// spendOne takes one of a rate, or says how long to wait.
func spendOne(ctx context.Context, db querier, r backup.Rate, now time.Time) (wait time.Duration, err error) {
	interval, whole := r.Per.Milliseconds()/int64(r.Burst), r.Per.Milliseconds()
	var tat int64
	err = db.QueryRowContext(ctx, spend, r.Key, ms(now), interval, whole).Scan(&tat)
	if !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	wait, err = waitFor(ctx, db, r, now)
	return max(wait, time.Millisecond), err
}

// waitFor says how long it is until there is one of a rate.
func waitFor(ctx context.Context, db querier, r backup.Rate, now time.Time) (time.Duration, error) {
	interval, whole := r.Per.Milliseconds()/int64(r.Burst), r.Per.Milliseconds()
	var tat int64
	if err := db.QueryRowContext(ctx, rateOf, r.Key).Scan(&tat); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil
		}
		return 0, err
	}
	return max(time.Duration(tat+interval-whole-ms(now))*time.Millisecond, 0), nil
}

// Peek implements [backup.Limits].
func (d *DB) Peek(ctx context.Context, r backup.Rate, now time.Time) (wait time.Duration, err error) {
	if err := storable([]any{r.Key}); err != nil {
		return 0, err
	}
	err = d.do(ctx, "wait", func(ctx context.Context) error {
		wait, err = waitFor(ctx, d.db, r, now)
		return err
	})
	return wait, err
}

// Take implements [backup.Limits].
func (d *DB) Take(ctx context.Context, r backup.Rate, now time.Time) (wait time.Duration, err error) {
	if err := storable([]any{r.Key}); err != nil {
		return 0, err
	}
	err = d.write(ctx, "spend", func(ctx context.Context) error {
		wait, err = spendOne(ctx, d.db, r, now)
		return err
	})
	return wait, err
}

// Refund implements [backup.Limits].
func (d *DB) Refund(ctx context.Context, key string, attempt int) error {
	if err := storable([]any{key}); err != nil {
		return err
	}
	return d.write(ctx, "withdraw", func(ctx context.Context) error {
		tx, err := d.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		var day, text, cooled string
		if err := tx.QueryRowContext(ctx, withdraw, key, attempt+1).Scan(&day, &text, &cooled); err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			return err
		}
		var quotas []string
		if err := json.Unmarshal([]byte(text), &quotas); err != nil {
			return err
		}
		slices.Sort(quotas)
		for _, k := range quotas {
			if _, err := tx.ExecContext(ctx, giveBack, k, day); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, release, cooled, key); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// forgetLimits are the statements that remove some of what says nothing any more,
// each with the time or the day before which that is so.
var forgetLimits = []string{
	`DELETE FROM rate WHERE k IN (SELECT k FROM rate WHERE tat_ms < $1 ORDER BY tat_ms LIMIT 100)`,
	`DELETE FROM cooldown WHERE k IN (SELECT k FROM cooldown WHERE until_ms < $1 ORDER BY until_ms LIMIT 100)`,
	`DELETE FROM admission WHERE id IN (SELECT id FROM admission WHERE at_ms < $1 ORDER BY at_ms LIMIT 100)`,
	`DELETE FROM quota WHERE day = (SELECT min(day) FROM quota WHERE day < $1)`,
}

// ForgetLimits implements [backup.Limits].
func (d *DB) ForgetLimits(ctx context.Context, now time.Time) error {
	before := []any{
		ms(now.Add(-time.Hour)), ms(now.Add(-time.Hour)), ms(now.Add(-backup.KeyExpires - time.Hour)),
		now.UTC().AddDate(0, 0, -8).Format(time.DateOnly), // what is withdrawn goes back into its day
	}
	for i, statement := range forgetLimits {
		err := d.write(ctx, "forget limits", func(ctx context.Context) error {
			_, err := d.db.ExecContext(ctx, statement, before[i])
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
