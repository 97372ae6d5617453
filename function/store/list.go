package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
)

// List returns a page of submissions, newest first. It implements [backup.Lists]. It runs one
// statement for each state, so that an index can return the rows in the order of the list. With
// several states in one statement, the database would have to sort the whole history. Each
// statement gets a plan for its own values ([dialect.freshPlan]). A plan that is good for an
// account with half of all backups reads almost all rows for an account with ten backups.
func (d *DB) List(ctx context.Context, q backup.Query) (found []backup.Record, err error) {
	states := []backup.State{anyState}
	if q.States != nil {
		states = slices.Compact(slices.Sorted(slices.Values(append([]backup.State{""}, q.States...))))
	}
	err = d.do(ctx, "list", func(ctx context.Context) error {
		for _, state := range states {
			statement, args := d.dialect.listQuery(q, state)
			if err := checkTexts(args); err != nil {
				return err
			}
			page, err := d.records(ctx, statement, slices.Concat(d.dialect.freshPlan, args))
			if err != nil {
				return err
			}
			found = append(found, page...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	order := newestFirst
	if q.After != nil {
		order = func(a, b backup.Record) int { return newestFirst(b, a) }
	}
	slices.SortFunc(found, order)
	// A submission that ended between two statements may be in the results of both statements.
	found = slices.CompactFunc(found, func(a, b backup.Record) bool { return a.SubmissionID == b.SubmissionID })
	found = found[:min(q.Limit, len(found))]
	slices.SortFunc(found, newestFirst)
	return found, nil
}

// anyState as the parameter state selects the submissions of all states. No submission has it.
const anyState backup.State = "*"

// A filter is a column of a list's query and the value that the column must have.
type filter struct{ column, value string }

// filtersOf returns the filters of a list. The first filter is the one that most likely leaves the
// fewest rows, because listQuery lets only the first filter use an index. A resource has few
// backups, and every state except complete is rare.
func filtersOf(q backup.Query, state backup.State) []filter {
	all := []filter{
		{"resource", q.Resource},
		{"principal", q.Principal},
		{"account", q.Account},
		{"source_type", string(q.SourceType)},
	}
	all = slices.DeleteFunc(all, func(f filter) bool { return f.value == "" })
	ended := filter{"state", string(state)}
	switch {
	case state == anyState:
		return all
	case state == backup.StateComplete:
		return append(all, ended)
	case q.Resource != "":
		return slices.Insert(all, 1, ended)
	}
	return slices.Insert(all, 0, ended)
}

// listQuery returns the statement for the submissions of q that ended in state. The rows are
// ordered newest first, or oldest first if q.After is set. The state "" selects submissions that
// have not ended, and anyState selects all submissions. The statement consists of constant parts
// and placeholders, and never contains values. The statement limits the rows before it joins them
// with steps and jobs.
func (d dialect) listQuery(q backup.Query, state backup.State) (statement string, args []any) {
	var conditions []string
	where := func(condition string, values ...any) {
		numbers := make([]any, len(values))
		for i, v := range values {
			args = append(args, v)
			numbers[i] = len(args)
		}
		conditions = append(conditions, fmt.Sprintf(condition, numbers...))
	}
	for i, f := range filtersOf(q, state) {
		if i > 0 {
			f.column = d.noIndex + f.column
		}
		where(f.column+" = $%d", f.value)
	}
	if q.Search != "" {
		var any []string
		for _, column := range []string{"resource_name", "resource", "search_text", "principal_name", "job_name"} {
			any = append(any, column+" "+d.like+" $%[1]d ESCAPE '!'")
		}
		where("("+strings.Join(any, " OR ")+")", likePart(q.Search))
	}
	if !q.From.IsZero() {
		where("created_ms >= $%d", ms(q.From))
	}
	if !q.To.IsZero() {
		where("created_ms < $%d", ms(q.To))
	}
	if q.Before != nil {
		where("(created_ms, id) < ($%d, $%d)", ms(q.Before.At), q.Before.ID)
	}
	order := " ORDER BY created_ms DESC, id DESC"
	if q.After != nil {
		where("(created_ms, id) > ($%d, $%d)", ms(q.After.At), q.After.ID)
		order = " ORDER BY created_ms, id"
	}
	inner := "SELECT * FROM submission"
	if conditions != nil {
		inner += " WHERE " + strings.Join(conditions, " AND ")
	}
	args = append(args, q.Limit)
	return fmt.Sprintf("SELECT %s FROM (%s%s LIMIT $%d)%s%s", columns, inner, order, len(args), joins, order), args
}

// likePart returns a pattern for [dialect.like] that matches every text that contains part. The
// escape character is "!".
func likePart(part string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(part) + "%"
}

// newestFirst compares two records for a sort by time of creation, then by id, both descending.
func newestFirst(a, b backup.Record) int {
	return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.SubmissionID, a.SubmissionID))
}

// selectOpen selects submissions that have not ended, ordered by id.
const selectOpen = `SELECT ` + columns + ` FROM (SELECT * FROM submission WHERE state = '' AND id > $1 ORDER BY id LIMIT $2)` + joins + ` ORDER BY s.id`

// Open returns submissions that are not marked as final, for the regular background run
// (sweep). It implements [backup.Upkeep].
func (d *DB) Open(ctx context.Context, after string, limit int) (found []backup.Record, err error) {
	err = d.do(ctx, "open", func(ctx context.Context) error {
		found, err = d.records(ctx, selectOpen, []any{after, limit})
		return err
	})
	return found, err
}

// records runs a statement that selects columns, and returns its rows as records.
func (d *DB) records(ctx context.Context, statement string, args []any) (found []backup.Record, err error) {
	rows, err := d.query(ctx, d.db, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

// deleteSubmissions removes old submissions. The foreign keys also remove the steps, jobs and
// notices of these submissions.
const deleteSubmissions = `
DELETE FROM submission WHERE id IN
	(SELECT id FROM submission WHERE created_ms < $1 AND expires_ms <= $2 ORDER BY created_ms LIMIT $3)`

// Forget removes old submissions. It implements [backup.Upkeep].
func (d *DB) Forget(ctx context.Context, before, now time.Time, limit int) (n int, err error) {
	err = d.write(ctx, "forget", func(ctx context.Context) error {
		result, err := d.writes.ExecContext(ctx, deleteSubmissions, ms(before), ms(now), limit)
		if err != nil {
			return err
		}
		removed, err := result.RowsAffected()
		n = int(removed)
		return err
	})
	return n, err
}
