package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// migrations are the SQL files that create the schema. The number at the start of a name is the
// version of the schema after that file; each file runs once, in this order. The statements of a
// released file never change. A new file may only add to the schema, because the previous version
// of the program still runs while a new one is deployed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// createVersions creates the table that has one row for each migration that has run.
const createVersions = `CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY, at_ms BIGINT NOT NULL)`

// readMigrations returns the texts of the migrations in order. The first text is version 1.
func readMigrations() ([]string, error) {
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

// SchemaVersion returns the version of the schema after all migrations of this program.
func SchemaVersion() int {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return len(names)
}

// Migrate updates the schema to the version of this program. It returns the version before the
// update, which is 0 for an empty database, and the version after the update. All missing
// migrations run in one transaction, so the schema is unchanged after an error. Only one process
// migrates at a time, and other processes wait.
//
// Migrate does not change a schema that is newer than the program. It only reads a schema of the
// same version, so that the portal can run with a role that may not change the schema.
func (d *DB) Migrate(ctx context.Context) (from, to int, err error) {
	all, err := readMigrations()
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
	tx, err := d.writes.BeginTx(ctx, nil)
	if err != nil {
		return from, from, err
	}
	defer tx.Rollback()
	for _, statement := range d.dialect.lockSchema {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return from, from, err
		}
	}
	if _, err := tx.ExecContext(ctx, createVersions); err != nil {
		return from, from, migrationError(from, err)
	}
	// Another process may have migrated after this process read the version outside of the
	// transaction.
	if err := tx.QueryRowContext(ctx, selectVersion).Scan(&from); err != nil {
		return from, from, err
	}
	for i := from; i < len(all); i++ {
		if _, err := tx.ExecContext(ctx, all[i]); err != nil {
			return from, from, migrationError(from, err)
		}
		const insertVersion = `INSERT INTO schema_version (version, at_ms) VALUES ($1, $2)`
		if _, err := tx.ExecContext(ctx, insertVersion, i+1, time.Now().UnixMilli()); err != nil {
			return from, from, migrationError(from, err)
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

// migrationError wraps an error of a migration. It adds what to do if the database role of the
// portal may not change the schema.
func migrationError(version int, err error) error {
	return fmt.Errorf("the schema is at version %d and could not be updated: run the command migrate with a role that owns the schema: %w", version, err)
}

// selectVersion returns the version of the schema, if the table of versions exists.
const selectVersion = `SELECT COALESCE(MAX(version), 0) FROM schema_version`

// version returns the version of the schema, or 0 if the table of versions does not exist.
func (d *DB) version(ctx context.Context) (n int, err error) {
	var there bool
	if err := d.db.QueryRowContext(ctx, d.dialect.table, "schema_version").Scan(&there); err != nil || !there {
		return 0, err
	}
	err = d.db.QueryRowContext(ctx, selectVersion).Scan(&n)
	return n, err
}
