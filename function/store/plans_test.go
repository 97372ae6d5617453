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

// pageSize is how many records the service reads from a list at a time.
const pageSize = 100

// openSingle opens a store with one connection, so that a test can read which statements are
// prepared on that connection.
func openSingle(t *testing.T, url string) *DB {
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

// openFilled opens a store with openSingle and fills it with a history of n submissions.
func openFilled(t *testing.T, url string, n int) *DB {
	t.Helper()
	d := openSingle(t, url)
	fillLimits(t, d, n)
	storetest.FillHistory(t, d.db, n, storetest.Start)
	fillNotices(t, d, n)
	return d
}

// fillNotices inserts n gaps, n rejections, and notices about them and about submissions. One percent of the
// gaps is open, and one percent of the notices waits; the others are mended or done.
func fillNotices(t testing.TB, d *DB, n int) {
	t.Helper()
	numbers := fmt.Sprintf(`WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < %d) `, n)
	at := fmt.Sprintf("%d - 1000 * i", ms(storetest.Start))
	done := `CASE WHEN i % 100 = 0 THEN 0 ELSE ` + at + ` END`
	for _, insert := range []string{
		`INSERT INTO gap (id, expectation, account, region, resource, name, last_good_ms, since_ms, mended_ms)
			SELECT 'g' || i, 'e', 'demo', 'cn-hangzhou', 'i-' || i, '', 0, ` + at + `, ` + done + ` FROM numbers`,
		`INSERT INTO gap_notice (gap_id, event, receiver, at_ms, attempts, next_ms, done_ms)
			SELECT 'g' || i, 'missing', 'r' || (i % 500), ` + at + `, 1, ` + at + `, ` + done + ` FROM numbers`,
		`INSERT INTO rejection (id, kind, door, sender_kind, sender, origin, reason_en, reason_zh, submission_id, request_id, first_ms, last_ms, count)
			SELECT 'j' || i, '', 'event', 'event', 'event:' || (i % 50), '', '', '', '', '', ` + at + `, ` + at + `, 1 FROM numbers`,
		`INSERT INTO rejection_notice (rejection_id, receiver, at_ms, attempts, next_ms, done_ms)
			SELECT 'j' || i, 'r' || (i % 500), ` + at + `, 1, ` + at + `, ` + done + ` FROM numbers`,
		`, known AS (SELECT id, row_number() OVER (ORDER BY id) AS i FROM submission)
			INSERT INTO notice (submission_id, event, receiver, at_ms, attempts, next_ms, done_ms)
			SELECT id, 'created', 'r' || (i % 500), ` + at + `, 1, ` + at + `, ` + done + ` FROM known`,
	} {
		if _, err := d.db.Exec(numbers + insert); err != nil {
			t.Fatalf("%s: %v", insert, err)
		}
	}
}

// fillLimits inserts n rows into each table of limits and into the audit trail, with times one
// second apart.
func fillLimits(t *testing.T, d *DB, n int) {
	t.Helper()
	numbers := fmt.Sprintf(`WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < %d) `, n)
	at := fmt.Sprintf("%d - 1000 * i", ms(storetest.Start))
	for _, insert := range []string{
		`INSERT INTO draft (id, owner, page, held, checked, signed_out, interim, submission_id, saved_ms) SELECT 'd' || i, 'o' || (i % 500), '', '{}', 0, 0, 0, '', ` + at + ` FROM numbers`,
		`INSERT INTO batch (id, fingerprint, door, principal, sender, common, options, total, state, pause, changed_by, counts, control, created_ms, ended_ms)
			SELECT 'b' || i, '', 'api', 'o' || (i % 500), '{}', '{}', '{}', 1, 'ENDED', '', '', '{}', '{}', ` + at + `, ` + at + ` FROM numbers`,
		`INSERT INTO batch_item (batch_id, n, given, state, submission_id, attempts, due_ms, code, reasons, changed_ms)
			SELECT 'b' || (i / 100 + 1), i, '{}', CASE WHEN i % 3 = 0 THEN 'waiting' ELSE 'succeeded' END, '', 0, 0, '', '', ` + at + ` FROM numbers`,
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

// pick returns one of the values in from: the one at index n modulo the number of values. It
// divides n by that number for the next call. A loop over n therefore makes all combinations.
func pick[T any](n *int, from ...T) T {
	picked := from[*n%len(from)]
	*n /= len(from)
	return picked
}

// daysAgo returns the time that is the given number of days before the newest submission of the
// history.
func daysAgo(days int) time.Time { return storetest.Start.AddDate(0, 0, -days) }

// listStatements returns every statement that a list can run, each with several sets of values.
// Together the sets are: with and without each filter; common, rare and old values; and pages in
// both directions. Searches are left out: they read all rows that the other filters leave.
func listStatements(d dialect) map[string][][]any {
	near, far := &backup.Place{At: daysAgo(30), ID: "x"}, &backup.Place{At: daysAgo(390), ID: "x"}
	all := map[string][][]any{}
	for i := 0; ; i++ {
		n, q := i, backup.Query{Limit: pageSize}
		state := pick(&n, anyState, "", storetest.CommonState, storetest.RareState)
		q.Resource = pick(&n, "", storetest.CommonResource, storetest.RareResource)
		q.Principal = pick(&n, "", storetest.CommonPrincipal, storetest.RarePrincipal)
		q.Account = pick(&n, "", storetest.CommonAccount, storetest.RareAccount, storetest.OldAccount)
		q.SourceType = pick[param.SourceType](&n, "", storetest.CommonSource, storetest.RareSource)
		q.From, q.To = pick(&n, time.Time{}, daysAgo(60)), pick(&n, time.Time{}, daysAgo(10))
		if beside := pick(&n, nil, near, far); pick(&n, false, true) {
			q.After = beside
		} else {
			q.Before = beside
		}
		if n > 0 {
			return all
		}
		statement, args := d.listQuery(q, state)
		all[statement] = append(all[statement], args)
	}
}

// otherStatements returns the statements of the store that are not lists, each with values.
func otherStatements(t *testing.T, d *DB, id string) map[string][]any {
	t.Helper()
	var n int
	var owner string
	step := `SELECT n, owner FROM submission_step WHERE submission_id = $1 ORDER BY n LIMIT 1`
	if err := d.db.QueryRow(step, id).Scan(&n, &owner); err != nil {
		t.Fatal(err)
	}
	start := ms(storetest.Start)
	claimed := append(slices.Repeat([]any{"x"}, 16), start, start, "x", "x", int64(unlimitedSkew), "x", "x", "x")
	return map[string][]any{
		d.insertSubmission: claimed, selectByID: {id}, selectByKey: {id}, d.insertStep: {id, 2, "void", "x", start, 0, "", "x", "", "", int64(unlimitedSkew)}, selectOwner: {id, 0}, selectFollows: {id, 2},
		upsertAsk: {id, start, 5000}, selectAsked: {id, start, 5000}, upsertSighting: {id, start, "{}", 0}, updateState: {id, "COMPLETE"}, updateResourceName: {id, "web01"},
		upsertRate: {"k", start, 6000, 60000}, selectRate: {"k"}, upsertQuota: {"k", "2026-11-23", 5}, refundQuota: {"k", "2026-11-23"}, selectQuota: {"k", "2026-11-23"},
		upsertCooldown: {"k", "o", start, start}, selectCooldown: {"k"}, deleteCooldown: {"k", "o"},
		insertAudit: {"c", 0, start, "{}", ""}, insertStepAudit: {"c", 0, start, "{}", "", id, n, owner}, selectHeads: {start, 100}, selectNextChain: {""}, selectRows: {"c", 0, 500},
		insertReservation: {"k", start, "2026-11-23", "[]", "", start, 1}, renewReservation: {"k", "2026-11-23", "[]", "", 1}, raiseHeld: {"k", 2}, clearHeld: {"k", 1},
		deleteLimits[0]: {ms(daysAgo(1))}, deleteLimits[1]: {ms(daysAgo(1))}, deleteLimits[2]: {ms(daysAgo(8))}, deleteLimits[3]: {"2026-11-10"},
		insertDraft: {"d", "o", "p", "{}", 0, 0, 0, start}, deleteInterim: {"o", "p"}, deleteSurplus: {"o", 50}, selectDraft: {"d", "o", start},
		selectNewestFrom: {"o", "p", start}, selectNewestDraft: {"o", start}, updateDraft: {"d", "o", "s"}, deleteDraft: {"o", "d"}, deleteDrafts: {ms(daysAgo(500))},
		insertGap: {"g", "e", "a", "r", "i", "", 0, start}, updateMended: {"g", start}, insertGapNotice: {"g1", "missing", "chat", start},
		selectOpenGaps: {}, deleteGaps: {ms(daysAgo(390))}, selectDueGaps: {"chat", start, 20}, updateGapLease: {"g", "missing", "chat", 0, start},
		updateGapDone: {"g", "missing", "chat", start}, selectWaitingGaps: {"chat"},
		selectBatch: {"b1"}, selectBatch + d.dialect.lockRow: {"b1"}, selectOpenBatch: {100}, selectBatches: {"o1", start, "", 10}, selectAllBatches: {start, "", 10},
		updateBatch: {"b1", "ENDED", "", "", "{}", "{}", 0}, deleteBatches: {ms(daysAgo(390)), 5}, selectItems: {"b1", -1, 100}, selectItemsIn: {"b1", -1, 100, "failed"},
		selectChangedItems: {"b1", start, 0, 100}, selectDueItems: {"b1", start, 10000, 64}, selectNextDue: {"b1", 10000}, selectExpired: {"b1", start, 64}, selectItemStates: {"b1", 50}, updateSkipped: {"b1", start},
		selectWaiting: {"chat"}, selectWaitingRejections: {"chat"}, selectOpen: {"", pageSize}, deleteSubmissions: {ms(daysAgo(390)), start, 200},
	}
}

// finishedID returns the id of a submission that has ended.
func finishedID(t *testing.T, d *DB) (id string) {
	t.Helper()
	if err := d.db.QueryRow(`SELECT id FROM submission WHERE state = $1 LIMIT 1`, storetest.CommonState).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}
