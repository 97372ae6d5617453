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

// many is how long a history must be: the tables of a short one PostgreSQL reads
// whole, because that is quicker.
const many = 100_000

// A node is a part of PostgreSQL's plan, with what it came to.
type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"` // for each loop
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Recheck  float64 `json:"Rows Removed by Index Recheck"`
	Plans    []node
}

// all are n and the nodes below it.
func (n node) all() []node {
	nodes := []node{n}
	for _, below := range n.Plans {
		nodes = append(nodes, below.all()...)
	}
	return nodes
}

// Nothing that a history can ask for makes PostgreSQL read much more than it
// gives out, nor do the other statements, once the server has got used to them.
// Where it expects few rows it may sort them instead of reading them in order.
func TestStatementsReadLittleInPostgreSQL(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out the plans of a long history")
	}
	t.Parallel()
	d := filled(t, postgrestest.Start(t).Schema(t)+"&statement_timeout=0", many) // to fill it takes long
	// As the server does by itself before long.
	if _, err := d.db.Exec(`VACUUM ANALYZE`); err != nil {
		t.Fatal(err)
	}
	const mostRead, mostSorted = many / 20, many / 50
	check := func(statement, explained string, args []any) {
		plan := executed(t, d.db, explained, args)
		for _, n := range plan.all() {
			read := n.Loops * (n.Rows + n.Filtered + n.Recheck)
			switch {
			case n.Type == "Seq Scan", n.Relation != "" && read > mostRead, n.Type == "Sort" && n.Plans[0].Rows > mostSorted:
				t.Errorf("%s with %v: %s %s of %v rows", statement, args, n.Type, n.Relation, read)
			}
		}
	}
	for statement, all := range lists(d.dialect) {
		for _, args := range all {
			check(statement, statement, slices.Concat(d.dialect.freshPlan, args))
		}
	}
	for statement, args := range others(d, anID(t, d)) {
		if _, err := d.db.Exec(`PREPARE kept AS ` + statement); err != nil {
			t.Fatal(err)
		}
		literals := make([]string, len(args))
		for i, arg := range args {
			literals[i] = fmt.Sprintf("'%v'", arg)
		}
		for range 8 { // from the sixth on the plan may be one for all values
			check(statement, `EXECUTE kept (`+strings.Join(literals, ", ")+`)`, nil)
		}
		if _, err := d.db.Exec(`DEALLOCATE kept`); err != nil {
			t.Fatal(err)
		}
	}
}

// executed runs a statement and undoes it. It returns the plan, with what its
// parts came to.
func executed(t *testing.T, db *sql.DB, statement string, args []any) node {
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

// The plans of the test above are for the values of one question. So are those
// of lists, because their statements are not kept.
func TestListsArePlannedForTheirValues(t *testing.T) {
	t.Parallel()
	d := opened(t, postgrestest.Schema(t))
	for range 8 {
		if _, err := d.List(t.Context(), backup.Query{Account: "demo", Limit: listed}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Open(t.Context(), "", listed); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := d.db.Query(`SELECT statement FROM pg_prepared_statements`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var kept []string
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, statement)
	}
	list, _ := d.dialect.selection(backup.Query{Account: "demo", Limit: listed}, anyState)
	if rows.Err() != nil || slices.Contains(kept, list) || !slices.Contains(kept, unended) {
		t.Errorf("%v; the server keeps %q", rows.Err(), kept)
	}
}
