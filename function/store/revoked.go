package store

import (
	"context"
	"time"
)

const (
	revoke  = `INSERT INTO revoked (sid, until_ms) VALUES ($1, $2) ON CONFLICT (sid) DO NOTHING`
	revoked = `SELECT COUNT(*) FROM revoked WHERE sid = $1`
	unneed  = `DELETE FROM revoked WHERE until_ms < $1`
)

// Revoke ends the session of that id, which would be over by itself at until.
// Rows that are no longer needed go at the same time: no session outlives its
// end, so the table never holds more than a day's.
func (d *DB) Revoke(ctx context.Context, sid string, until, now time.Time) error {
	if err := storable([]any{sid}); err != nil {
		return err
	}
	return d.write(ctx, "revoke", func(ctx context.Context) error {
		if _, err := d.db.ExecContext(ctx, revoke, sid, ms(until)); err != nil {
			return err
		}
		_, err := d.db.ExecContext(ctx, unneed, ms(now))
		return err
	})
}

// Revoked reports whether the session of that id was ended.
func (d *DB) Revoked(ctx context.Context, sid string) (gone bool, err error) {
	if err := storable([]any{sid}); err != nil {
		return false, err
	}
	err = d.do(ctx, "revoked", func(ctx context.Context) error {
		var n int
		err := d.db.QueryRowContext(ctx, revoked, sid).Scan(&n)
		gone = n > 0
		return err
	})
	return gone, err
}
