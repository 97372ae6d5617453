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

// Revoke ends the session with the id sid before its time. until is when the session would end by
// itself. Revoking a session twice has no effect. In a second statement Revoke deletes the rows
// of sessions that have ended by themselves, so the table holds only sessions of about one day.
func (d *DB) Revoke(ctx context.Context, sid string, until, now time.Time) error {
	if err := checkTexts([]any{sid}); err != nil {
		return err
	}
	return d.write(ctx, "revoke", func(ctx context.Context) error {
		if _, err := d.db.ExecContext(ctx, insertRevoked, sid, ms(until)); err != nil {
			return err
		}
		_, err := d.db.ExecContext(ctx, deleteRevoked, ms(now))
		return err
	})
}

// Revoked reports whether the session with the id sid was ended. Its answer is meaningless after
// the session has ended by itself, because its row may be deleted.
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
