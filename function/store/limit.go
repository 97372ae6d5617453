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

// upsertRate takes one request or backup from a rate, by the generic cell rate algorithm (GCRA).
// tat_ms is the theoretical arrival time: the time at which the next request would arrive if all
// requests were evenly spaced. Each request adds an interval ($3) to tat_ms. The statement returns
// no row if tat_ms would then be more than the whole period ($4) after now ($2), because the rate
// is used up.
const upsertRate = `
INSERT INTO rate (k, tat_ms) VALUES ($1, CAST($2 AS BIGINT) + CAST($3 AS BIGINT))
ON CONFLICT (k) DO UPDATE
	SET tat_ms = CASE WHEN rate.tat_ms > CAST($2 AS BIGINT) THEN rate.tat_ms ELSE CAST($2 AS BIGINT) END + CAST($3 AS BIGINT)
	WHERE rate.tat_ms + CAST($3 AS BIGINT) - CAST($4 AS BIGINT) <= CAST($2 AS BIGINT)
RETURNING tat_ms`

const selectRate = `SELECT tat_ms FROM rate WHERE k = $1`

// upsertQuota takes one backup from the quota of a day. It returns no row if $3 backups are
// already taken.
const upsertQuota = `
INSERT INTO quota (k, day, used) VALUES ($1, $2, 1)
ON CONFLICT (k, day) DO UPDATE SET used = quota.used + 1 WHERE quota.used < CAST($3 AS BIGINT)
RETURNING used`

const selectQuota = `SELECT used FROM quota WHERE k = $1 AND day = $2`

const refundQuota = `UPDATE quota SET used = used - 1 WHERE k = $1 AND day = $2 AND used > 0`

// upsertCooldown starts the cool-down of a resource. It returns no row if another submission's
// cool-down of the resource has not ended. The same submission may start it again.
const upsertCooldown = `
INSERT INTO cooldown (k, owner, until_ms) VALUES ($1, $2, CAST($3 AS BIGINT))
ON CONFLICT (k) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms
	WHERE cooldown.until_ms <= CAST($4 AS BIGINT) OR cooldown.owner = excluded.owner
RETURNING owner`

const selectCooldown = `SELECT until_ms FROM cooldown WHERE k = $1`

const deleteCooldown = `DELETE FROM cooldown WHERE k = $1 AND owner = $2`

// insertReservation stores what a submission reserves, with its key and fingerprint. It affects no
// row if the key has a reservation that was made after $6, which is the current time minus the
// lifetime of a key. An older reservation belongs to an earlier use of the key, and is replaced.
const insertReservation = `
INSERT INTO admission (id, at_ms, held, day, quotas, cooled) VALUES ($1, CAST($2 AS BIGINT), $7, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms, held = excluded.held, day = excluded.day, quotas = excluded.quotas, cooled = excluded.cooled
	WHERE admission.at_ms <= CAST($6 AS BIGINT)`

// renewReservation stores what a submission reserves again after its reservation was refunded.
const renewReservation = `UPDATE admission SET held = $5, day = $2, quotas = $3, cooled = $4 WHERE id = $1 AND held = 0`

// raiseHeld stores a later attempt of the submission as the one for which its reservation (what
// it took from the limits) is held.
const raiseHeld = `UPDATE admission SET held = $2 WHERE id = $1 AND held < $2`

// clearHeld marks a reservation as refunded, and returns what must be refunded. It returns no
// row if the reservation was refunded before, or if a later attempt holds it. The column held
// is the number of the attempt that holds the reservation, plus 1; 0 means refunded. $2 is the
// number of the attempt to refund, plus 1.
const clearHeld = `UPDATE admission SET held = 0 WHERE id = $1 AND held BETWEEN 1 AND $2 RETURNING day, quotas, cooled`

// Reserve takes one backup from every limit that applies to a submission, or from none. It
// implements [backup.Limits]. It runs in one transaction. If a limit refuses, Reserve rolls the
// transaction back. All transactions lock their rows in the same order, so that two of them
// cannot deadlock: the reservation, rates by key, quotas by key, the cool-down.
func (d *DB) Reserve(ctx context.Context, a backup.Reservation) (limit *backup.LimitError, err error) {
	t := pendingReservation{Reservation: a, day: a.Now.UTC().Format(time.DateOnly)}
	if a.Grant.Cooldown > 0 {
		t.cooled = a.Resource
	}
	for _, q := range a.Grant.Quotas {
		t.quotas = append(t.quotas, q.Key)
	}
	if err := checkTexts(append([]any{a.Key, a.Resource}, keysOf(a.Grant)...)); err != nil {
		return nil, err
	}
	err = d.write(ctx, "admit", func(ctx context.Context) error {
		tx, err := d.writes.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if limit, err = t.takeAll(ctx, tx); err != nil || limit != nil {
			return err
		}
		return tx.Commit()
	})
	return limit, err
}

// keysOf returns the keys of all rates and quotas of g.
func keysOf(g backup.Grant) (keys []any) {
	for _, r := range g.Rates {
		keys = append(keys, r.Key)
	}
	for _, q := range g.Quotas {
		keys = append(keys, q.Key)
	}
	return keys
}

// A pendingReservation is a reservation that Reserve is making.
type pendingReservation struct {
	backup.Reservation
	day    string   // day of the quotas, in UTC
	quotas []string // keys of the quotas that it takes
	cooled string   // key of the cool-down; empty if the grant has none
}

// takeAll takes one backup from every limit of the grant, unless an earlier call took it. It
// returns the first limit that refuses, or nil. A reservation that is held takes nothing. A
// reservation that was refunded takes quotas and the cool-down again, but no rates, because rates
// are never refunded.
func (t pendingReservation) takeAll(ctx context.Context, tx *sql.Tx) (*backup.LimitError, error) {
	first, again, err := t.storeReservation(ctx, tx)
	if err != nil || !first && !again {
		return nil, err
	}
	if first {
		for _, r := range slices.SortedFunc(slices.Values(t.Grant.Rates), func(a, b backup.Rate) int {
			return strings.Compare(a.Key, b.Key)
		}) {
			if wait, err := takeRate(ctx, tx, r, t.Now); err != nil || wait > 0 {
				return &backup.LimitError{Err: backup.ErrRate, Key: r.Key, RetryAfter: wait}, err
			}
		}
	}
	for _, q := range slices.SortedFunc(slices.Values(t.Grant.Quotas), func(a, b backup.Quota) int {
		return strings.Compare(a.Key, b.Key)
	}) {
		if limit, err := t.takeQuota(ctx, tx, q); err != nil || limit != nil {
			return limit, err
		}
	}
	if t.cooled == "" {
		return nil, nil
	}
	return t.takeCooldown(ctx, tx)
}

// storeReservation stores the reservation. first reports that the key had no reservation before.
// again reports that the key's earlier reservation was refunded. If both are false, the reservation
// is held already.
func (t pendingReservation) storeReservation(ctx context.Context, tx *sql.Tx) (first, again bool, err error) {
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
		insertReservation,
		t.Key,
		ms(t.Now),
		t.day,
		string(quotas),
		t.cooled,
		ms(t.EarlierUse()),
		held,
	)
	if err == nil && !first {
		again, err = changed(renewReservation, t.Key, t.day, string(quotas), t.cooled, held)
	}
	if err == nil && !first && !again {
		_, err = changed(raiseHeld, t.Key, held)
	}
	return first, again, err
}

// takeQuota takes one backup from q. If q is used up, it returns a LimitError with the time until
// the next day in UTC. A quota of 0 backups never gets a row. Its LimitError has no retry time,
// because waiting does not help.
func (t pendingReservation) takeQuota(ctx context.Context, tx *sql.Tx, q backup.Quota) (*backup.LimitError, error) {
	limit := &backup.LimitError{Err: backup.ErrQuota, Key: q.Key}
	if q.Day < 1 {
		return limit, nil
	}
	var used int
	err := tx.QueryRowContext(ctx, upsertQuota, q.Key, t.day, q.Day).Scan(&used)
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	now := t.Now.UTC()
	limit.RetryAfter = time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC).Sub(now)
	return limit, nil
}

// takeCooldown starts the cool-down of the resource. If another cool-down has not ended, it returns
// a LimitError with the remaining time, at least one second.
func (t pendingReservation) takeCooldown(ctx context.Context, tx *sql.Tx) (*backup.LimitError, error) {
	var owner string
	err := tx.QueryRowContext(ctx, upsertCooldown, t.cooled, t.Key, ms(t.Now.Add(t.Grant.Cooldown)), ms(t.Now)).Scan(&owner)
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	var until int64
	if err := tx.QueryRowContext(ctx, selectCooldown, t.cooled).Scan(&until); err != nil {
		return nil, err
	}
	_, resource, _ := strings.Cut(t.cooled, "/")
	return &backup.LimitError{
		Err:        backup.ErrCooldown,
		Key:        "i:" + resource,
		RetryAfter: max(time.UnixMilli(until).Sub(t.Now), time.Second),
	}, nil
}

// A querier can run a query: it is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// rateStatement returns the statement that takes one request from r. It returns no row if r is
// used up.
func rateStatement(r backup.Rate, now time.Time) *statement {
	interval, whole := r.Per.Milliseconds()/int64(r.Burst), r.Per.Milliseconds()
	return &statement{
		text: upsertRate, args: []any{r.Key, ms(now), interval, whole}, lock: r.Key,
		scan: func(row scanner) error { return row.Scan(new(int64)) },
	}
}

// takeRate takes one request from r. If r is used up, it takes nothing and returns as wait the time
// until the next request is allowed, at least one millisecond. Otherwise wait is 0.
func takeRate(ctx context.Context, db querier, r backup.Rate, now time.Time) (wait time.Duration, err error) {
	take := rateStatement(r, now)
	err = take.scan(db.QueryRowContext(ctx, take.text, take.args...))
	if !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	wait, err = peekRate(ctx, db, r, now)
	return max(wait, time.Millisecond), err
}

// peekRate returns the wait that takeRate would return, and takes nothing.
func peekRate(ctx context.Context, db querier, r backup.Rate, now time.Time) (time.Duration, error) {
	interval, whole := r.Per.Milliseconds()/int64(r.Burst), r.Per.Milliseconds()
	var tat int64
	if err := db.QueryRowContext(ctx, selectRate, r.Key).Scan(&tat); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil
		}
		return 0, err
	}
	return max(time.Duration(tat+interval-whole-ms(now))*time.Millisecond, 0), nil
}

// Peek returns how long the next request must wait because of a rate. It takes nothing. It
// implements [backup.Limits].
func (d *DB) Peek(ctx context.Context, r backup.Rate, now time.Time) (wait time.Duration, err error) {
	if err := checkTexts([]any{r.Key}); err != nil {
		return 0, err
	}
	err = d.do(ctx, "wait", func(ctx context.Context) error {
		wait, err = peekRate(ctx, d.db, r, now)
		return err
	})
	return wait, err
}

// Usage returns how much of each limit is left. It takes nothing. It implements
// [backup.Limits]. It reads each limit with a statement of its own, so the result can mix the
// states before and after a reservation that is made meanwhile.
func (d *DB) Usage(ctx context.Context, g backup.Grant, resource string, now time.Time) (uses []backup.LimitUse, err error) {
	if err := checkTexts(append([]any{resource}, keysOf(g)...)); err != nil {
		return nil, err
	}
	err = d.do(ctx, "usage", func(ctx context.Context) error {
		uses = nil
		for _, r := range g.Rates {
			tat, err := number(d.db.QueryRowContext(ctx, selectRate, r.Key))
			if err != nil {
				return err
			}
			uses = append(uses, r.Use(time.UnixMilli(tat), now))
		}
		for _, q := range g.Quotas {
			used, err := number(d.db.QueryRowContext(ctx, selectQuota, q.Key, now.UTC().Format(time.DateOnly)))
			if err != nil {
				return err
			}
			uses = append(uses, q.Use(int(used), now))
		}
		if g.Cooldown > 0 {
			until, err := number(d.db.QueryRowContext(ctx, selectCooldown, resource))
			if err != nil {
				return err
			}
			uses = append(uses, g.CooldownUse(resource, time.UnixMilli(until), now))
		}
		return nil
	})
	return uses, err
}

// number returns the only column of a row, or 0 if there is no row.
func number(row *sql.Row) (n int64, err error) {
	if err = row.Scan(&n); errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// Take takes one request from a rate, or returns how long to wait. It implements
// [backup.Limits].
func (d *DB) Take(ctx context.Context, r backup.Rate, now time.Time) (wait time.Duration, err error) {
	take := rateStatement(r, now)
	if err := d.commit(ctx, "spend", take); err != nil || take.returned > 0 {
		return 0, err
	}
	err = d.do(ctx, "spend", func(ctx context.Context) error {
		wait, err = peekRate(ctx, d.writes, r, now)
		return err
	})
	return max(wait, time.Millisecond), err
}

// Refund gives back what a submission took from the limits, except from rates. It implements
// [backup.Limits].
func (d *DB) Refund(ctx context.Context, key string, attempt int) error {
	if err := checkTexts([]any{key}); err != nil {
		return err
	}
	return d.write(ctx, "withdraw", func(ctx context.Context) error {
		tx, err := d.writes.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		var day, text, cooled string
		if err := tx.QueryRowContext(ctx, clearHeld, key, attempt+1).Scan(&day, &text, &cooled); err != nil {
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
			if _, err := tx.ExecContext(ctx, refundQuota, k, day); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, deleteCooldown, cooled, key); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// deleteLimits removes rows of limits that have no effect any more. One execution removes at most
// 100 rows of a table, or one day of quotas. Each statement has one parameter: rows from before
// this time or day have no effect.
var deleteLimits = []string{
	`DELETE FROM rate WHERE k IN (SELECT k FROM rate WHERE tat_ms < $1 ORDER BY tat_ms LIMIT 100)`,
	`DELETE FROM cooldown WHERE k IN (SELECT k FROM cooldown WHERE until_ms < $1 ORDER BY until_ms LIMIT 100)`,
	`DELETE FROM admission WHERE id IN (SELECT id FROM admission WHERE at_ms < $1 ORDER BY at_ms LIMIT 100)`,
	`DELETE FROM quota WHERE day = (SELECT min(day) FROM quota WHERE day < $1)`,
}

// ForgetLimits removes rows of limits that have no effect any more. It implements
// [backup.Limits]. It is not atomic: after an error, some of the rows may be removed.
func (d *DB) ForgetLimits(ctx context.Context, now time.Time) error {
	before := []any{
		ms(now.Add(-time.Hour)), ms(now.Add(-time.Hour)), ms(now.Add(-backup.KeyExpires - time.Hour)),
		now.UTC().AddDate(0, 0, -8).Format(time.DateOnly), // a refund may still return a quota to a day of the last week
	}
	for i, statement := range deleteLimits {
		err := d.write(ctx, "forget limits", func(ctx context.Context) error {
			_, err := d.writes.ExecContext(ctx, statement, before[i])
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
