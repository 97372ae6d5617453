package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// ErrDurability says that the database does not keep a commit when it stops at once.
var ErrDurability = errors.New("the database may lose commits")

// A Durability says what can make the database lose a commit that it answered.
type Durability string

// The durabilities.
const (
	// DurableHere is a database on this machine: it has no failover.
	DurableHere Durability = "local"
	// DurableStandby is a PostgreSQL server that waits for a synchronous standby.
	DurableStandby Durability = "synchronous standby"
	// DurableUntilFailover is a PostgreSQL server elsewhere without a synchronous
	// standby: a failover to an asynchronous replica can lose the last commits.
	DurableUntilFailover Durability = "asynchronous failover possible"
)

// Durability returns the durability when the database was last reached. Before the first time, a server on another machine counts as [DurableUntilFailover].
func (d *DB) Durability() Durability {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.dialect.local:
		return DurableHere
	case d.standby != "":
		return DurableStandby
	}
	return DurableUntilFailover
}

// MayForget reports whether the database may lose a commit in a failover.
func (d *DB) MayForget() bool { return d.Durability() == DurableUntilFailover }

// checkDurability fails if the database cannot be written to, and if a commit is
// answered before it is on disk: a pooler between this process and the server may
// have dropped the setting that the connection asked for.
func (d *DB) checkDurability(ctx context.Context) error {
	tx, err := d.db.BeginTx(ctx, nil) // takes the write lock of SQLite
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range d.dialect.writable {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if d.Kind() == SQLite {
		return nil
	}
	var level, standby string
	if err := tx.QueryRowContext(ctx,
		`SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names')`,
	).Scan(&level, &standby); err != nil {
		return err
	}
	if !slices.Contains(durableLevels, level) {
		return fmt.Errorf("%w: synchronous_commit is %q on this connection, and must be on or remote_apply: "+
			"set it for the portal's role or in the pooler", ErrDurability, level)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.standby = standby
	return nil
}
