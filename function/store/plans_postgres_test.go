package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/store/postgrestest"
)

// historySize is the number of submissions in the history. The number is large, because PostgreSQL
// reads a small table completely, which is faster than using an index.
const historySize = 100_000

// A node is a step of a plan as EXPLAIN ANALYZE reports it.
type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"` // returned by each loop
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Recheck  float64 `json:"Rows Removed by Index Recheck"`
	Plans    []node
}

// all returns the step n of a query plan and all steps below it.
func (n node) all() []node {
	nodes := []node{n}
	for _, below := range n.Plans {
		nodes = append(nodes, below.all()...)
	}
	return nodes
}

// TestStatementsReadFewRowsInPostgreSQL proves that PostgreSQL does not read many more rows than a
// statement returns. This also holds after the server has replaced the plan for given values by a
// plan for all values. PostgreSQL may sort rows, instead of reading them in order, where it expects
// few rows.
func TestStatementsReadFewRowsInPostgreSQL(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out the plans of a long history")
	}
	t.Parallel()
	// statement_timeout=0 means no time limit: the statements that insert the history take long.
	d := openFilled(t, postgrestest.Start(t).Schema(t)+"&statement_timeout=0", historySize)
	// In production, autovacuum does the same after some time.
	if _, err := d.db.Exec(`VACUUM ANALYZE`); err != nil {
		t.Fatal(err)
	}
	const mostRead, mostSorted = historySize / 20, historySize / 50
	check := func(statement, explained string, args []any) {
		plan := executedPlan(t, d.db, explained, args)
		for _, n := range plan.all() {
			read := n.Loops * (n.Rows + n.Filtered + n.Recheck)
			switch {
			case n.Type == "Seq Scan", n.Relation != "" && read > mostRead, n.Type == "Sort" && n.Plans[0].Rows > mostSorted:
				t.Errorf("%s with %v: %s %s of %v rows", statement, args, n.Type, n.Relation, read)
			}
		}
	}
	for statement, all := range listStatements(d.dialect) {
		for _, args := range all {
			check(statement, statement, slices.Concat(d.dialect.freshPlan, args))
		}
	}
	for statement, args := range otherStatements(t, d, finishedID(t, d)) {
		if _, err := d.db.Exec(`PREPARE kept AS ` + statement); err != nil {
			t.Fatal(err)
		}
		literals := make([]string, len(args))
		for i, arg := range args {
			literals[i] = fmt.Sprintf("'%v'", arg)
		}
		for range 8 { // PostgreSQL may use one plan for all values after five executions
			execute := `EXECUTE kept`
			if len(literals) > 0 {
				execute += ` (` + strings.Join(literals, ", ") + `)`
			}
			check(statement, execute, nil)
		}
		if _, err := d.db.Exec(`DEALLOCATE kept`); err != nil {
			t.Fatal(err)
		}
	}
}

// executedPlan executes a statement, rolls it back, and returns the plan with the measured numbers
// of rows.
func executedPlan(t *testing.T, db *sql.DB, statement string, args []any) node {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var text string
	if err := tx.QueryRow(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) `+statement, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal([]byte(text), &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan
}

// TestListsGetFreshPlans proves that the server does not keep the statements of lists, so that each
// list gets a plan for its values. TestStatementsReadFewRowsInPostgreSQL assumes this.
func TestListsGetFreshPlans(t *testing.T) {
	t.Parallel()
	d := openSingle(t, postgrestest.Schema(t))
	for range 8 {
		if _, err := d.List(t.Context(), backup.Query{Account: "demo", Limit: pageSize}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Open(t.Context(), "", pageSize); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := d.db.Query(`SELECT statement FROM pg_prepared_statements`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var prepared []string
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			t.Fatal(err)
		}
		prepared = append(prepared, statement)
	}
	list, _ := d.dialect.listQuery(backup.Query{Account: "demo", Limit: pageSize}, anyState)
	if rows.Err() != nil || slices.Contains(prepared, list) || !slices.Contains(prepared, selectOpen) {
		t.Errorf("%v; the server keeps %q", rows.Err(), prepared)
	}
}
