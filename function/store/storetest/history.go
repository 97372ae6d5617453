package storetest

import (
	"database/sql"
	"fmt"
	"testing"
	"time"
)

// submitInterval is the time between two submissions of a history. With this interval, 100,000
// submissions cover about 400 days.
const submitInterval = 345 * time.Second

// These constants are values of a history. The Common values are frequent. The Rare values are so
// rare that they do not fill a page. OldAccount has a tenth of all submissions, all in the older
// half, so a search that starts with the newest submission must read many rows.
const (
	CommonAccount, RareAccount     = "demo", "locked"
	OldAccount                     = "payments"
	CommonResource, RareResource   = "i-bp1demo10300", "i-bp1demo10007"
	CommonPrincipal, RarePrincipal = "demo#demo", "demo#visitor"
	CommonSource, RareSource       = "UDM_ECS", "CONTAINER"
	CommonState, RareState         = "COMPLETE", "EXPIRED"
)

// FillHistory inserts n submissions with their logs and jobs into a database with an empty schema.
// The newest submission is created at newest. FillHistory writes the tables directly, which is much
// faster than claiming submissions.
//
// The mixture resembles the history of a company: the accounts of the demo policy and one account
// that the policy no longer has, a timer that makes most submissions, forty people, and three
// thousand instances. Nine of ten submissions are complete, and the newest hundred have not ended.
func FillHistory(t testing.TB, db *sql.DB, n int, newest time.Time) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	first := newest.Add(-time.Duration(n-1) * submitInterval).UnixMilli()
	run(t, tx, fmt.Sprintf(submissions, n, first, submitInterval.Milliseconds()))
	for _, s := range steps {
		run(t, tx, fmt.Sprintf(step, s.n, s.kind, s.after.Milliseconds(), s.of))
	}
	run(t, tx, jobs)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// run executes an SQL statement and fails the test if it returns an error.
func run(t testing.TB, tx *sql.Tx, statement string) {
	t.Helper()
	if _, err := tx.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// submissions inserts the submissions. It computes the values from remainders of multiples of
// primes, because SQLite and PostgreSQL compute these in the same way. The ids look as random as
// hashes, so that the indexes are as unordered as in production.
const submissions = `
INSERT INTO submission (id, key_hash, turn, fingerprint, door, principal, principal_name, account, account_id, access, source_type, resource,
	job_name, request, complete, denied, state, created_ms, expires_ms)
WITH RECURSIVE
	numbers (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM numbers WHERE i < %[1]d - 1),
	drawn AS (SELECT i, %[1]d - i AS age, (i * 104729) %% 3001 AS thing, (i * 7919) %% 1009 AS person, (i * 31337) %% 997 AS fate,
		'history' || CAST(1000000000 + (i * 48271) %% 999999937 AS TEXT) AS id, %[2]d + i * %[3]d AS at FROM numbers),
	known AS (SELECT *,
		CASE WHEN age > 90000 AND i %% 100 = 7 THEN 'locked' WHEN thing < 1800 THEN 'demo' WHEN thing < 2500 AND age > 60000 THEN 'payments'
			WHEN thing < 2900 THEN 'payments-central' ELSE 'closed' END AS account,
		CASE WHEN i %% 20011 = 19 THEN 'demo#visitor' WHEN person < 600 THEN '#event:timer' WHEN person < 800 THEN 'demo#demo'
			ELSE 'demo#person-' || CAST(person %% 40 AS TEXT) END AS principal,
		CASE WHEN thing %% 1500 = 1 THEN 'CONTAINER' WHEN thing %% 10 = 3 THEN 'ECS_FILE' ELSE 'UDM_ECS' END AS source_type,
		'i-bp1demo' || CAST(10000 + CASE WHEN i %% 50 = 0 THEN 300 ELSE thing END AS TEXT) AS resource,
		CASE WHEN age <= 100 THEN '' WHEN fate < 930 THEN 'COMPLETE' WHEN fate < 960 THEN 'FAILED' WHEN fate < 970 THEN 'REFUSED'
			WHEN fate < 980 THEN 'DENIED' WHEN fate < 985 THEN 'NOT_SENT' WHEN fate < 992 THEN 'PARTIAL_COMPLETE'
			WHEN fate < 996 THEN 'CANCELED' ELSE 'EXPIRED' END AS state
		FROM drawn)
SELECT id, id, 0, 'fingerprint-of-sixty-four-hexadecimal-digits-0123456789abcdef012', 'api', principal, principal, account, '1000000000000001', 'own', source_type, resource,
	'portal-' || id,
	'{"Account":"' || account || '","Region":"cn-hangzhou","SourceType":"' || source_type || '","InstanceId":"' || resource || '","Retention":"30"}',
	'{"Account":"' || account || '","Region":"cn-hangzhou","SourceType":"' || source_type || '","InstanceId":"' || resource || '","Retention":"30","BackupType":"COMPLETE",'
		|| '"CrossAccountType":"SELF_ACCOUNT","Detail.appConsistent":"false","Detail.snapshotGroup":"true","Detail.doCopy":"false","JobName":"portal-' || id || '"}',
	CASE WHEN state = 'DENIED' THEN '[{"En":"no rule allows it","Zh":"没有规则允许"}]' ELSE '' END, state, at, at + 604800000
FROM known`

// steps are the steps of the step logs: the number, the kind, the time after the claim, and a
// condition that selects the submissions that have the step.
var steps = []struct {
	n     int
	kind  string
	after time.Duration
	of    string
}{
	{0, "attempt", 20 * time.Millisecond, "state <> 'DENIED'"},
	{1, "created", 400 * time.Millisecond, "state NOT IN ('DENIED', 'REFUSED', 'NOT_SENT')"},
	{1, "refused", 400 * time.Millisecond, "state = 'REFUSED'"},
	{1, "void", 400 * time.Millisecond, "state = 'NOT_SENT'"},
}

const step = `
INSERT INTO submission_step (submission_id, n, kind, owner, at_ms, until_ms, job_id, code, message, request_id)
SELECT id, %[1]d, '%[2]s', 'owner-of-26-characters-012', created_ms + %[3]d, CASE WHEN '%[2]s' = 'attempt' THEN created_ms + 30000 ELSE 0 END,
	CASE WHEN '%[2]s' = 'created' THEN 'job-' || id ELSE '' END,
	CASE WHEN '%[2]s' IN ('refused', 'void') THEN 'Throttling.User' ELSE '' END, '', '7E4C9E1B-8D0E-4A3C-9C1F-000000000000'
FROM submission WHERE %[4]s`

const jobs = `
INSERT INTO job (submission_id, asked_ms, seen_ms, seen)
SELECT submission_id, at_ms, at_ms, '{"JobID":"' || job_id || '","JobName":"portal-' || submission_id || '","SourceType":"' || source_type
	|| '","InstanceID":"' || resource || '","Status":"' || CASE WHEN state = '' THEN 'RUNNING' ELSE state END
	|| '","Progress":4200,"BytesTotal":42949672960,"BytesDone":42949672960,"Speed":51200,"CreatedTime":"2026-11-23T09:00:00Z","StartTime":"2026-11-23T09:00:02Z"'
	|| ',"CompleteTime":"2026-11-23T09:20:00Z","UpdatedTime":"2026-11-23T09:20:00Z","SeenAt":"2026-11-23T09:20:01Z"}'
FROM submission JOIN submission_step ON submission_id = id WHERE kind = 'created'`
