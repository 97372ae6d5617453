package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/secret"
	"backupportal/function/store/storetest"
)

// listed is how much of a list the service reads at a time.
const listed = 100

// opened is a store with one connection, so that what is prepared there stays in
// sight.
func opened(t *testing.T, url string) *DB {
	t.Helper()
	d, err := Open(Config{URL: secret.New(url), Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	d.db.SetMaxOpenConns(1)
	if err := d.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// filled is one with a history of n submissions.
func filled(t *testing.T, url string, n int) *DB {
	t.Helper()
	d := opened(t, url)
	fillLimits(t, d, n)
	storetest.FillHistory(t, d.db, n, storetest.Start)
	return d
}

// fillLimits puts n rows into each table of limits, one each second.
func fillLimits(t *testing.T, d *DB, n int) {
	t.Helper()
	numbers := fmt.Sprintf(`WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < %d) `, n)
	at := fmt.Sprintf("%d - 1000 * i", ms(storetest.Start))
	for _, insert := range []string{
		`INSERT INTO rate (k, tat_ms) SELECT 'p:' || i, ` + at + ` FROM numbers`,
		`INSERT INTO quota (k, day, used) SELECT 't:' || i, '2026-11-' || (10 + i % 20), 1 FROM numbers`,
		`INSERT INTO cooldown (k, owner, until_ms) SELECT 'r/' || i, 'o' || i, ` + at + ` FROM numbers`,
		`INSERT INTO audit (chain, seq, at_ms, body, mac) SELECT 'c' || (i % 50), i, ` + at + `, '{}', '' FROM numbers`,
		`INSERT INTO admission (id, at_ms, held, day, quotas, cooled) SELECT 'o' || i, ` + at + `, 1, '2026-11-23', '[]', '' FROM numbers`,
	} {
		if _, err := d.db.Exec(numbers + insert); err != nil {
			t.Fatal(err)
		}
	}
}

// pick takes one of some values by the remainder of n, and leaves the rest of n
// to pick others by.
func pick[T any](n *int, from ...T) T {
	picked := from[*n%len(from)]
	*n /= len(from)
	return picked
}

func ago(days int) time.Time { return storetest.Start.AddDate(0, 0, -days) }

// lists are the statements of all that a history can ask, each with the values
// that it gets: with every filter and without it, for what is common, rare or of
// another time, in every part and direction of the list.
func lists(d dialect) map[string][][]any {
	near, far := &backup.Place{At: ago(30), ID: "x"}, &backup.Place{At: ago(390), ID: "x"}
	all := map[string][][]any{}
	for i := 0; ; i++ {
		n, q := i, backup.Query{Limit: listed}
		state := pick(&n, anyState, "", storetest.CommonState, storetest.RareState)
		q.Resource = pick(&n, "", storetest.CommonResource, storetest.RareResource)
		q.Principal = pick(&n, "", storetest.CommonPrincipal, storetest.RarePrincipal)
		q.Account = pick(&n, "", storetest.CommonAccount, storetest.RareAccount, storetest.OldAccount)
		q.SourceType = pick[param.SourceType](&n, "", storetest.CommonSource, storetest.RareSource)
		q.From, q.To = pick(&n, time.Time{}, ago(60)), pick(&n, time.Time{}, ago(10))
		if beside := pick(&n, nil, near, far); pick(&n, false, true) {
			q.After = beside
		} else {
			q.Before = beside
		}
		if n > 0 {
			return all
		}
		statement, args := d.selection(q, state)
		all[statement] = append(all[statement], args)
	}
}

// others are the statements beside those for lists, with values for them.
func others(d *DB, id string) map[string][]any {
	start := ms(storetest.Start)
	claimed := append(slices.Repeat([]any{"x"}, 16), start, start, "x", "x", int64(anySkew))
	return map[string][]any{
		d.claim: claimed, find: {id}, findByKey: {id}, d.add: {id, 2, "void", "x", start, 0, "", "x", "", "", int64(anySkew)}, owner: {id, 0},
		ask: {id, start, 5000}, asked: {id, start, 5000}, see: {id, start, "{}", 0}, end: {id, "COMPLETE"},
		spend: {"k", start, 6000, 60000}, rateOf: {"k"}, use: {"k", "2026-11-23", 5}, giveBack: {"k", "2026-11-23"},
		cool: {"k", "o", start, start}, coolUntil: {"k"}, release: {"k", "o"},
		addAudit: {"c", 0, start, "{}", ""}, auditHeads: {start, 100}, auditChain: {""}, auditRows: {"c", 0, 500},
		admit: {"k", start, "2026-11-23", "[]", "", start, 1}, admitAgain: {"k", "2026-11-23", "[]", "", 1}, hold: {"k", 2}, withdraw: {"k", 1},
		forgetLimits[0]: {ms(ago(1))}, forgetLimits[1]: {ms(ago(1))}, forgetLimits[2]: {ms(ago(8))}, forgetLimits[3]: {"2026-11-10"},
		unended: {"", listed}, forget: {ms(ago(390)), start, 200},
	}
}

// anID is that of a submission which is over.
func anID(t *testing.T, d *DB) (id string) {
	t.Helper()
	if err := d.db.QueryRow(`SELECT id FROM submission WHERE state = $1 LIMIT 1`, storetest.CommonState).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}
