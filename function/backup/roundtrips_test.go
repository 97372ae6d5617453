package backup_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/cache"
	"backupportal/function/store/postgrestest"
)

// TestSubmissionTakesThreeRoundTrips proves that a submission waits for PostgreSQL three times,
// and commits one transaction each time. The first counts the request and stores the
// submission. The second stores the attempt with its audit record. The third stores the result
// with its audit record and a notice. It also holds in the modes that a connection pooler
// needs. The name of the instance is known from an earlier submission.
func TestSubmissionTakesThreeRoundTrips(t *testing.T) {
	for _, mode := range []string{"cache_statement", "cache_describe", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			address := postgrestest.Schema(t) + "&default_query_exec_mode=" + mode
			relay := postgrestest.NewRelay(t, address, 1)
			r := withAudit(t, newFixtureOn(t, relay.Through(t, address)))
			r.OverPace, r.Names = cache.New[struct{}](9, r.clock.Now), cache.New[string](9, r.clock.Now)
			r.notify(t, []backup.Event{backup.EventCreated}, newInbox(t, "all"))
			submit := func(key string) string {
				sub := submission(key)
				sub.Count = true
				answer, err := r.Submit(t.Context(), sub)
				if err != nil || answer.Status != backup.StateCreated || answer.ResourceName == "" {
					t.Fatalf("%s: %+v, %v", key, answer.Status, err)
				}
				return answer.SubmissionID
			}
			submit("first") // connects, prepares statements, begins the chain and asks for the name
			for n := range 3 {
				before := relay.RoundTrips()
				id := submit(fmt.Sprint("k", n))
				if trips := relay.RoundTrips() - before; trips != 3 {
					t.Errorf("%d round trips", trips)
				}
				if commits := commitsOf(t, address, id); commits != 3 {
					t.Errorf("%d commits", commits)
				}
			}
		})
	}
}

// commitsOf returns how many transactions wrote the rows of the submission with this id.
func commitsOf(t *testing.T, address, id string) (n int) {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// xmin is the transaction that wrote a row (PostgreSQL, “System Columns”).
	if err := db.QueryRow(`SELECT count(DISTINCT at::text) FROM (
		SELECT xmin AS at FROM submission WHERE id = $1 UNION ALL SELECT xmin FROM submission_step WHERE submission_id = $1
		UNION ALL SELECT xmin FROM audit WHERE body LIKE '%' || $1 || '%' UNION ALL SELECT xmin FROM rate
		UNION ALL SELECT xmin FROM notice WHERE submission_id = $1) written`, id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestClaimOverPaceIsRefused proves that a sender with too many requests is refused, and
// nothing is stored, also if the request is counted in the same statement that stores the
// submission.
func TestClaimOverPaceIsRefused(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r := newFixtureOn(t, url)
		testOverPace(t, r)
	})
	t.Run("memory", func(t *testing.T) { testOverPace(t, newFixture(t)) })
}

func testOverPace(t *testing.T, r *fixture) {
	r.OverPace = cache.New[struct{}](9, r.clock.Now)
	r.Requests = backup.Rate{Burst: 2, Per: backup.UsualRequests.Per}
	send := func(key string) error {
		sub := submission(key)
		sub.Count = true
		_, err := r.Submit(t.Context(), sub)
		return err
	}
	for _, key := range []string{"a", "a"} { // a repeat counts
		if err := send(key); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time, the request is counted before the policy decides
		if limit := limitOf(send("b")); limit == nil || limit.Err != backup.ErrRequests || limit.RetryAfter <= 0 {
			t.Errorf("over the pace: %+v", limit)
		}
	}
	sub := submission("b")
	if _, err := r.Store.Known(t.Context(), sub.ID(), r.clock.Now()); err != backup.ErrNotFound {
		t.Errorf("the refused submission is stored: %v", err)
	}
	r.clock.Add(backup.UsualRequests.Per)
	if err := send("b"); err != nil {
		t.Errorf("a minute later: %v", err)
	}
	denied := submission("denied")
	denied.Count, denied.Params["Retention"] = true, "3000"
	if _, err := r.Submit(t.Context(), denied); err == nil || limitOf(err) != nil {
		t.Errorf("denied, within the pace: %v", err)
	}
	if _, err := r.Submit(t.Context(), denied); limitOf(err) == nil {
		t.Errorf("denied, over the pace: %v", err)
	}
}

// limitOf returns the limit that err reports, or nil.
func limitOf(err error) *backup.LimitError {
	limit, _ := errors.AsType[*backup.LimitError](err)
	return limit
}
