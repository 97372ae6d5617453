package store

import (
	"context"
	"time"
)

const (
	insertRevoked = `INSERT INTO revoked (sid, until_ms) VALUES ($1, $2) ON CONFLICT (sid) DO NOTHING`
	countRevoked  = `SELECT COUNT(*) FROM revoked WHERE sid = $1`
	deleteRevoked = `DELETE FROM revoked WHERE until_ms < $1`
)

// Revoke ends the session with the id sid early. until is when the session expires. A second Revoke
// of the same session has no effect. A second statement deletes the rows of expired sessions, so
// the table holds only the sessions of about one day.
func (d *DB) Revoke(ctx context.Context, sid string, until, now time.Time) error {
	if err := checkTexts([]any{sid}); err != nil {
		return err
	}
	return d.write(ctx, "revoke", func(ctx context.Context) error {
		if _, err := d.writes.ExecContext(ctx, insertRevoked, sid, ms(until)); err != nil {
			return err
		}
		_, err := d.writes.ExecContext(ctx, deleteRevoked, ms(now))
		return err
	})
}

// Revoked reports whether Revoke ended the session with the id sid. Do not use the result for an
// expired session, because the row of the session may be deleted.
func (d *DB) Revoked(ctx context.Context, sid string) (ended bool, err error) {
	if err := checkTexts([]any{sid}); err != nil {
		return false, err
	}
	err = d.do(ctx, "revoked", func(ctx context.Context) error {
		var n int
		err := d.db.QueryRowContext(ctx, countRevoked, sid).Scan(&n)
		ended = n > 0
		return err
	})
	return ended, err
}
