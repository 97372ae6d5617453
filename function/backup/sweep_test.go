package backup_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/store"
)

// year is a retention of history that is long enough that these tests remove nothing.
const year = 365 * 24 * time.Hour

func TestSweepFindsTheJobOfALostAnswer(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after")
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Resolved != 0 || r.lists() != 0 {
		t.Errorf("while the call may still be under way: %+v, %v, %d listings", swept, err, r.lists())
	}
	r.clock.Add(30 * time.Second)
	swept, err := r.Sweep(t.Context(), year)
	if last := r.record(t, answer.SubmissionID).Last; err != nil || swept.Resolved != 1 || last.Kind != backup.StepCreated || r.sends() != 1 {
		t.Errorf("%+v, %v, %+v, %d sends", swept, err, last, r.sends())
	}
}

// TestSweepNeverSends proves that a sweep never calls CreateBackupJob. If the cloud's list
// shows no job for a lost call, the sweep records that the call started no job.
func TestSweepNeverSends(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop")
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after    time.Duration
		resolved int
		kind     backup.StepKind
	}{{89 * time.Second, 0, backup.StepAttempt}, {time.Second, 1, backup.StepNotSent}, {time.Hour, 0, backup.StepNotSent}} {
		r.clock.Add(c.after)
		swept, err := r.Sweep(t.Context(), year)
		if last := r.record(t, answer.SubmissionID).Last; err != nil || swept.Resolved != c.resolved || last.Kind != c.kind {
			t.Errorf("%v later: %+v, %v, %+v", c.after, swept, err, last)
		}
	}
	if r.sends() != 1 {
		t.Errorf("%d sends", r.sends())
	}
}

// TestSweepRefreshesJobsUntilFinal proves that one call lists all jobs of one account, region and
// source type. The sweep does not ask again about a job that has ended.
func TestSweepRefreshesJobsUntilFinal(t *testing.T) {
	r := newFixture(t)
	for i := range 5 {
		sub := submission(fmt.Sprint("k", i))
		sub.Params["Account"] = []string{"demo", "payments"}[i/3]
		sub.Params["InstanceId"] = []string{"i-bp1demoweb01", "i-bp2demopay01"}[i/3]
		if _, err := r.Submit(t.Context(), sub); err != nil {
			t.Fatal(err)
		}
	}
	r.clock.Add(10 * time.Second)
	if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Open != 5 || swept.Refreshed != 5 || r.lists() != 2 {
		t.Errorf("%+v, %v, %d listings", swept, err, r.lists())
	}
	r.clock.Add(time.Minute)
	if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Refreshed != 5 || r.lists() != 4 {
		t.Errorf("%+v, %v, %d listings", swept, err, r.lists())
	}
	if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Open != 0 || r.lists() != 4 {
		t.Errorf("over: %+v, %v, %d listings", swept, err, r.lists())
	}
	page, err := r.List(t.Context(), submission("").Principal, backup.Query{States: []backup.State{backup.StateComplete}, Limit: 10})
	if err != nil || len(page.Records) != 5 {
		t.Errorf("%d complete, %v", len(page.Records), err)
	}
	for _, call := range r.cloud.Ledger().CallsOf("DescribeBackupJobs2") {
		if session := call.Caller.Session; session != "" && !strings.HasPrefix(session, "sweep-") {
			t.Errorf("the cloud was asked in the name of %s", session)
		}
	}
}

func TestSweepReadsAllSubmissionsFromAnyStart(t *testing.T) {
	r := newFixture(t)
	const many = 230 // three batches
	for i := range many {
		sub := submission(fmt.Sprint("k", i))
		record := backup.Record{Submission: sub, SubmissionID: sub.ID(), CreatedAt: r.Now(), ExpiresAt: r.Now().Add(time.Hour)}
		if _, _, err := r.Store.Claim(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	for _, middle := range []string{"", "a", "m", "zzzz"} {
		r.NewID = func() string { return middle }
		if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Open != many {
			t.Errorf("from %q: %+v, %v", middle, swept, err)
		}
	}
}

// TestSweepRemovesOldHistory proves that a submission is kept for the configured time, and at least
// until its key has expired.
func TestSweepRemovesOldHistory(t *testing.T) {
	r := newFixture(t)
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		after, keep time.Duration
		forgotten   int
	}{{backup.KeyExpires - time.Second, time.Hour, 0}, {time.Second, year, 0}, {time.Second, time.Hour, 0}, {time.Hour, time.Hour, 1}} {
		r.clock.Add(c.after)
		swept, err := r.Sweep(t.Context(), c.keep)
		if err != nil || swept.Forgotten != c.forgotten {
			t.Errorf("sweep %d: %+v, %v", i, swept, err)
		}
	}
	if _, err := r.Store.Find(t.Context(), first.SubmissionID); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestSweepOutOfTimeIsNoError proves that a sweep that runs out of time returns no error. The next
// sweep does the remaining work.
func TestSweepOutOfTimeIsNoError(t *testing.T) {
	r := newFixture(t)
	for i := range 3 {
		if _, err := r.Submit(t.Context(), submission(fmt.Sprint("k", i))); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.Store = cancellingStore{r.Store, cancel}
	if swept, err := r.Sweep(ctx, year); err != nil || swept.Open == 0 || swept.Refreshed != 0 {
		t.Errorf("%+v, %v", swept, err)
	}
	if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Refreshed != 3 {
		t.Errorf("the next one: %+v, %v", swept, err)
	}
}

// cancellingStore cancels the context of a sweep after Open has returned records.
type cancellingStore struct {
	backup.Store
	cancel func()
}

func (s cancellingStore) Open(ctx context.Context, after string, limit int) ([]backup.Record, error) {
	open, err := s.Store.Open(ctx, after, limit)
	if len(open) > 0 {
		s.cancel()
	}
	return open, err
}

func TestSweepWithoutStoreIsError(t *testing.T) {
	r := newFixtureOn(t, sqliteFile(t))
	r.Store.(*store.DB).Close()
	if _, err := r.Sweep(t.Context(), year); !errors.Is(err, backup.ErrStoreUnavailable) {
		t.Errorf("without a store: %v", err)
	}
}

// slowForget is a store with three batches of old submissions. The removal of each takes 8 ms.
type slowForget struct {
	backup.Store
	clock   *clock
	batches int
}

func (s *slowForget) Forget(_ context.Context, _, _ time.Time, limit int) (int, error) {
	s.clock.Add(8 * time.Millisecond)
	if s.batches--; s.batches < 0 {
		return 0, nil
	}
	return limit, nil
}

// TestSweepLeavesTimeToOtherWriters proves that a sweep which removes many old submissions waits after
// each batch, four times as long as the removal took. Otherwise no other writer of SQLite has a turn.
func TestSweepLeavesTimeToOtherWriters(t *testing.T) {
	r := newFixture(t)
	r.Store = &slowForget{r.Store, r.clock, 3}
	var waits []time.Duration
	r.Wait = func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}
	if done, err := r.Sweep(t.Context(), 0); err != nil || done.Forgotten != 600 {
		t.Errorf("%+v, %v", done, err)
	}
	if rest := 32 * time.Millisecond; !slices.Equal(waits, []time.Duration{rest, rest, rest}) {
		t.Errorf("the sweep waited %v", waits)
	}
}
