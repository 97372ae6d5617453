package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrDurability means that the database can lose a committed transaction when the server crashes.
var ErrDurability = errors.New("the database may lose commits")

// errNotDurableHere means that an insert was not executed because the connection could lose a
// commit ([dialect.durable]).
var errNotDurableHere = fmt.Errorf("%w: synchronous_commit is not on or remote_apply on one of the connections: "+
	"set it for the portal's role or in the pooler", ErrDurability)

// durable returns an SQL condition that is true if the session of the statement confirms a
// commit only when it is on disk. It is checked in the statement itself, because a transaction
// pooler can give each transaction another connection to the server. SQLite files are always
// opened so that the condition is true.
func (d dialect) durable() string {
	if d.name != Postgres {
		return "1 = 1"
	}
	return "current_setting('synchronous_commit') IN ('" + strings.Join(durableLevels, "', '") + "')"
}

// A Durability says what can make the database lose a transaction whose commit it has confirmed.
type Durability string

// These are the values of Durability.
const (
	// DurableHere means that the database is on this machine. It has no failover.
	DurableHere Durability = "local"
	// DurableStandby means a PostgreSQL server that waits for a synchronous standby.
	DurableStandby Durability = "synchronous standby"
	// DurableUntilFailover means a PostgreSQL server on another machine without a synchronous
	// standby. A failover to an asynchronous replica can lose the last commits.
	DurableUntilFailover Durability = "asynchronous failover possible"
)

// Durability returns the durability at the time when the database was last reached. Until the
// database is reached for the first time, a server on another machine has [DurableUntilFailover].
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

// checkDurability returns an error if the database cannot be written to, or if it confirms a commit
// before the commit is on disk. A pooler between this process and the server may have dropped the
// setting that the connection requested.
func (d *DB) checkDurability(ctx context.Context) error {
	tx, err := d.writes.BeginTx(ctx, nil) // in SQLite, this takes the write lock
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
