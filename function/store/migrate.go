package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// The migrations are numbered by their names and run in that order, each once.
// One that has been released is never changed. A new one may only add: while a
// new version of the program is deployed, the one before it still runs.
//
//go:embed migrations/*.sql
var migrations embed.FS

// versions holds the number of every migration that has run.
const versions = `CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY, at_ms BIGINT NOT NULL)`

// scripts are the migrations in their order; the first is number 1.
func scripts() ([]string, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []string
	for _, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, string(text))
	}
	return all, nil
}

// Migrate brings the schema up to date. It returns the version that it found,
// 0 for an empty database, and the one that there is now. A schema that is
// newer than the program is left as it is. If the schema is up to date it only
// reads, so that the portal can run with fewer rights than this needs.
func (d *DB) Migrate(ctx context.Context) (from, to int, err error) {
	all, err := scripts()
	if err != nil {
		return 0, 0, err
	}
	from, err = d.version(ctx)
	if err != nil {
		return 0, 0, err
	}
	if from >= len(all) {
		return from, from, nil
	}
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return from, from, err
	}
	defer tx.Rollback()
	for _, statement := range d.dialect.lockSchema {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return from, from, err
		}
	}
	if _, err := tx.ExecContext(ctx, versions); err != nil {
		return from, from, behind(from, err)
	}
	// Somebody else may have been quicker.
	if err := tx.QueryRowContext(ctx, current).Scan(&from); err != nil {
		return from, from, err
	}
	for i := from; i < len(all); i++ {
		if _, err := tx.ExecContext(ctx, all[i]); err != nil {
			return from, from, behind(from, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO schema_version (version, at_ms) VALUES ($1, $2)`, i+1, time.Now().UnixMilli()); err != nil {
			return from, from, behind(from, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return from, from, err
	}
	if from < len(all) {
		d.log.Info("schema updated", "database", d.dialect.name, "from", from, "to", len(all))
	}
	return from, max(from, len(all)), nil
}

// behind says what to do if the portal's own role may not change the schema.
func behind(version int, err error) error {
	return fmt.Errorf("the schema is at version %d and could not be updated: run the command migrate with a role that owns the schema: %w", version, err)
}

// current is the version of a schema that has versions.
const current = `SELECT COALESCE(MAX(version), 0) FROM schema_version`

// version is that of the schema, 0 if there is none.
func (d *DB) version(ctx context.Context) (n int, err error) {
	var there bool
	if err := d.db.QueryRowContext(ctx, d.dialect.table, "schema_version").Scan(&there); err != nil || !there {
		return 0, err
	}
	err = d.db.QueryRowContext(ctx, current).Scan(&n)
	return n, err
}
