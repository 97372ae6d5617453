package store

import (
	"context"
	"fmt"
	"strings"
)

// SchemaOf returns the version of the schema of the database, 0 for an empty one. Unlike the other
// methods it does not update the schema. [SchemaVersion] is the version that the program needs.
func (d *DB) SchemaOf(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*d.limit)
	defer cancel()
	version, err := d.version(ctx)
	if err != nil {
		return 0, fmt.Errorf("store: schema: %w", err)
	}
	return version, nil
}

// A privilege is what the role of the portal needs on a table of PostgreSQL.
type privilege struct {
	table   string
	actions string // such as "SELECT, INSERT"
	columns string // for an UPDATE of some columns only; empty: of the whole table
}

// privileges lists the rights that docs/role.sql grants to the role of the portal; a test compares
// them.
var privileges = []privilege{
	{"schema_version", "SELECT", ""},
	{"submission", "SELECT, INSERT, DELETE", ""},
	{"submission", "UPDATE", "state, resource_name"},
	{"submission_step", "SELECT, INSERT", ""},
	{"job", "SELECT, INSERT, UPDATE", ""},
	{"notice", "SELECT, INSERT, UPDATE", ""},
	{"rejection", "SELECT, INSERT, UPDATE, DELETE", ""},
	{"rejection_notice", "SELECT, INSERT, UPDATE", ""},
	{"gap", "SELECT, INSERT, UPDATE, DELETE", ""},
	{"gap_notice", "SELECT, INSERT, UPDATE", ""},
	{"rate", "SELECT, INSERT, UPDATE, DELETE", ""},
	{"quota", "SELECT, INSERT, UPDATE, DELETE", ""},
	{"cooldown", "SELECT, INSERT, UPDATE, DELETE", ""},
	{"admission", "SELECT, INSERT, UPDATE, DELETE", ""},
	{"revoked", "SELECT, INSERT, DELETE", ""},
	{"draft", "SELECT, INSERT, UPDATE, DELETE", ""},
	{"batch", "SELECT, INSERT, UPDATE, DELETE", ""},
	{"batch_item", "SELECT, INSERT, UPDATE", ""},
	{"audit", "SELECT, INSERT", ""},
}

// selectMissing returns the statement for the rights of privileges that the role of the connection does
// not have, each as one text that can follow GRANT.
func selectMissing() string {
	var rows []string
	for _, p := range privileges {
		for action := range strings.SplitSeq(p.actions, ", ") {
			if p.columns == "" {
				rows = append(rows, fmt.Sprintf("('%s ON %s', has_table_privilege('%[2]s', '%[1]s'))", action, p.table))
				continue
			}
			for column := range strings.SplitSeq(p.columns, ", ") {
				rows = append(rows, fmt.Sprintf("('%s (%s) ON %s', has_column_privilege('%[3]s', '%[2]s', '%[1]s'))", action, column, p.table))
			}
		}
	}
	return "SELECT right_of_table FROM (VALUES " + strings.Join(rows, ", ") + ") AS v (right_of_table, granted) WHERE NOT granted"
}

// MissingPrivileges returns the rights on tables that the role of the portal needs and does not have, such
// as "INSERT ON audit". It returns nil for SQLite. The schema must have the version of the program.
func (d *DB) MissingPrivileges(ctx context.Context) (missing []string, err error) {
	if d.Kind() != Postgres {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	rows, err := d.db.QueryContext(ctx, selectMissing())
	if err != nil {
		return nil, fmt.Errorf("store: privileges: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, fmt.Errorf("store: privileges: %w", err)
		}
		missing = append(missing, one)
	}
	return missing, rows.Err()
}
