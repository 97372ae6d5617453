package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestStatementsUseIndexesInSQLite proves that SQLite uses the index of the first filter, or reads
// the list in the order of the list's index. SQLite may sort only submissions that have not ended,
// because there are few of them at any time. The number of rows does not matter for the test:
// without statistics, SQLite makes the same plan for any number of rows.
func TestStatementsUseIndexesInSQLite(t *testing.T) {
	t.Parallel()
	d := openFilled(t, "sqlite:"+filepath.Join(t.TempDir(), "portal.db"), 1000)
	for statement, all := range listStatements(d.dialect) {
		want := "SEARCH submission USING INDEX submission_by_"
		_, where, _ := strings.Cut(statement, "FROM submission WHERE ")
		switch column, _, _ := strings.Cut(where, " "); {
		case where == "":
			want = "SCAN submission USING INDEX submission_by_time\n"
		case column == "created_ms", column == "(created_ms,":
			want += "time ("
		default:
			want += column + " ("
		}
		plan := queryPlan(t, d.db, statement, all[0])
		if !strings.Contains(plan, want) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s:\n%s", statement, plan)
		}
	}
	for statement, args := range otherStatements(t, d, finishedID(t, d)) {
		plan := queryPlan(t, d.db, statement, args)
		for _, whole := range []string{"SCAN submission", "SCAN job", "SCAN audit", "SCAN l\n", "SCAN j\n", "TEMP B-TREE"} {
			if strings.Contains(plan, whole) && (whole != "TEMP B-TREE" || statement != selectOpen && statement != selectHeads) {
				t.Errorf("%s:\n%s", statement, plan)
			}
		}
	}
}

// queryPlan returns SQLite's plan, one line for each step.
func queryPlan(t *testing.T, db *sql.DB, statement string, args []any) string {
	t.Helper()
	rows, err := db.Query(`EXPLAIN QUERY PLAN `+statement, args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
