package backup_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/store/memory"
)

func TestRepeatedKeyReturnsTheFirstJob(t *testing.T) {
	r := newFixture(t)
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil || first.Status != backup.StateCreated || first.Replayed {
		t.Fatalf("first: %+v, %v", first, err)
	}
	again, err := r.Submit(t.Context(), submission("k"))
	if err != nil || again.Last.JobID != first.Last.JobID || !again.Replayed {
		t.Errorf("again: %+v, %v", again, err)
	}
	if r.jobs() != 1 {
		t.Errorf("%d jobs", r.jobs())
	}
}

func TestKeyIsPerDoorAndPrincipal(t *testing.T) {
	r := newFixture(t)
	subs := []backup.Submission{submission("k"), submission("l"), submission("k"), submission("k")}
	subs[2].Door = backup.DoorForm
	subs[3].Principal.Subject = "bob"
	for _, sub := range subs {
		if _, err := r.Submit(t.Context(), sub); err != nil {
			t.Error(err)
		}
	}
	if r.jobs() != len(subs) {
		t.Errorf("%d jobs, want %d", r.jobs(), len(subs))
	}
}

func TestReusedKeyIsRefused(t *testing.T) {
	r := newFixture(t)
	if _, err := r.Submit(t.Context(), submission("k")); err != nil {
		t.Fatal(err)
	}
	other := submission("k")
	other.Params["Retention"] = "8"
	if _, err := r.Submit(t.Context(), other); !errors.Is(err, backup.ErrKeyReused) {
		t.Errorf("got %v", err)
	}
	if r.jobs() != 1 {
		t.Errorf("%d jobs", r.jobs())
	}
}

func TestConcurrentDuplicatesMakeOneJob(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r := newFixtureOn(t, url)
		var created, busy atomic.Int32
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				answer, err := r.Submit(t.Context(), submission("k"))
				switch {
				case err == nil && answer.Status == backup.StateCreated:
					created.Add(1)
				case errors.Is(err, backup.ErrInProgress):
					busy.Add(1)
				default:
					t.Errorf("%+v, %v", answer, err)
				}
			})
		}
		wg.Wait()
		if r.jobs() != 1 || created.Load() < 1 || created.Load()+busy.Load() != 64 {
			t.Errorf("%d jobs, %d created, %d busy", r.jobs(), created.Load(), busy.Load())
		}
	})
}

// TestLostAnswerIsResolvedFromTheList proves that after a lost answer of the cloud nothing is
// sent again before the attempt's window and the list lag (how late a job can appear in the
// cloud's list) have passed. After that, the list shows whether there is a job.
func TestLostAnswerIsResolvedFromTheList(t *testing.T) {
	for _, c := range []struct {
		fault string
		jobs  int // number of jobs after the first call of Submit
		sends int // number of CreateBackupJob requests at the end
	}{
		{"500", 0, 2}, {"503", 0, 2}, {"drop", 0, 2}, {"reset", 0, 2}, {"html 502", 0, 2}, {"html 404", 0, 2}, {"empty 503", 0, 2}, {"redirect", 0, 2}, {"nonce-used", 0, 2},
		{"500-after", 1, 1}, {"503-after", 1, 1}, {"drop-after", 1, 1}, {"reset-after", 1, 1}, {"html-after 200", 1, 1}, {"empty-after 200", 1, 1},
		{"nonce-used-after", 1, 1}, {"truncate", 1, 1}, {"bad-json", 1, 1}, {"oversized", 1, 1}, {"no-job-id", 1, 1}, {"success-false-after InternalError", 1, 1},
	} {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t)
			r.fail(t, "CreateBackupJob: "+c.fault)
			answer, err := r.Submit(t.Context(), submission("k"))
			if err != nil || answer.Status != backup.StateUnknown || answer.RetryAfter != 2*time.Second || r.jobs() != c.jobs {
				t.Fatalf("first: %+v, %v, %d jobs", answer, err, r.jobs())
			}
			for _, later := range []struct{ pass, retry time.Duration }{{time.Second, 2 * time.Second}, {30 * time.Second, 59 * time.Second}, {58500 * time.Millisecond, time.Second}} {
				r.clock.Add(later.pass)
				_, err := r.Submit(t.Context(), submission("k"))
				if busy, ok := errors.AsType[*backup.BusyError](err); !ok || !errors.Is(err, backup.ErrInProgress) || busy.RetryAfter.Round(time.Second) != later.retry {
					t.Fatalf("inside the window: %+v, want to wait %v", err, later.retry)
				}
			}
			r.clock.Add(time.Minute)
			answer, err = r.Submit(t.Context(), submission("k"))
			if err != nil || answer.Status != backup.StateCreated || answer.Last.JobID == "" {
				t.Errorf("in the end: %+v, %v", answer, err)
			}
			if r.jobs() != 1 || r.sends() != c.sends {
				t.Errorf("%d jobs of %d sends, want 1 of %d", r.jobs(), r.sends(), c.sends)
			}
		})
	}
}

func TestFailedListingProvesNothing(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after; DescribeBackupJobs2: empty 503 forever")
	if _, err := r.Submit(t.Context(), submission("k")); err != nil {
		t.Fatal(err)
	}
	r.clock.Add(2 * time.Minute)
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateUnknown || r.sends() != 1 || answer.RetryAfter < 10*time.Second {
		t.Errorf("while blind: %v, %v, %d sends, again after %v", answer.Status, err, r.sends(), answer.RetryAfter)
	}
	r.fail(t, "")
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated || r.jobs() != 1 {
		t.Errorf("afterwards: %v, %v, %d jobs", answer.Status, err, r.jobs())
	}
}

func TestThrottledCallIsRetried(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: throttle, throttle-429")
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated {
		t.Errorf("%v, %v", answer.Status, err)
	}
	r.fail(t, "CreateBackupJob: throttle, throttle-rejected, throttle-headers")
	if _, err := r.Submit(t.Context(), submission("l")); !errors.Is(err, backup.ErrNotSent) {
		t.Errorf("got %v", err)
	}
	if answer, err := r.Submit(t.Context(), submission("l")); err != nil || answer.Status != backup.StateCreated {
		t.Errorf("the same again: %v, %v", answer.Status, err)
	}
	if r.jobs() != 2 {
		t.Errorf("%d jobs", r.jobs())
	}
}

// TestThrottledCallWaits proves that Submit waits before it repeats a call that the cloud
// throttled, and stops repeating when the request's deadline is near.
func TestThrottledCallWaits(t *testing.T) {
	for _, c := range []struct{ ends, waits, sends int }{{-1, 2, 3}, {0, 1, 1}, {1, 2, 2}} {
		r := newFixture(t)
		r.fail(t, "CreateBackupJob: throttle x3")
		waits := 0
		r.Wait = func(context.Context, time.Duration) error {
			if waits++; waits-1 == c.ends {
				return context.DeadlineExceeded
			}
			return nil
		}
		_, err := r.Submit(t.Context(), submission("k"))
		busy, ok := errors.AsType[*backup.BusyError](err)
		if !ok || !errors.Is(err, backup.ErrNotSent) || busy.RetryAfter <= 0 || waits != c.waits || r.sends() != c.sends {
			t.Errorf("the time ends in wait %d: %v, %d waits, %d sends", c.ends, err, waits, r.sends())
		}
	}
}

func TestRefusalIsFinalForItsKey(t *testing.T) {
	r := newFixture(t)
	sub := submission("k")
	sub.Params["InstanceId"] = "i-nobody"
	first, err := r.Submit(t.Context(), sub)
	if err != nil || first.Status != backup.StateRefused || first.Last.Code == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := r.Submit(t.Context(), sub)
	if err != nil || again.Status != backup.StateRefused || !again.Replayed || r.sends() != 1 {
		t.Errorf("%+v, %v, %d sends", again, err, r.sends())
	}
	if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Open != 0 {
		t.Errorf("the sweep still reads it: %+v, %v", swept, err)
	}
}

func TestListFirstSearchesBeforeTheFirstAttempt(t *testing.T) {
	r := newFixture(t)
	r.ListFirst = func() bool { return true }
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	r.Store = memory.New()
	again, err := r.Submit(t.Context(), submission("k"))
	if err != nil || again.Last.JobID != first.Last.JobID || r.jobs() != 1 {
		t.Errorf("%+v, %v, %d jobs", again, err, r.jobs())
	}
	r.Store = memory.New()
	r.fail(t, "DescribeBackupJobs2: empty 503 forever")
	if _, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrNotSent) || r.sends() != 1 {
		t.Errorf("while blind: %v, %d sends", err, r.sends())
	}
}

func TestRefreshResolvesUnknownSubmission(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after")
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Add(10 * time.Second)
	record, err := r.Refresh(t.Context(), submission("k").Principal, answer.SubmissionID)
	if err != nil || record.Last.Kind != backup.StepCreated || r.sends() != 1 {
		t.Errorf("%+v, %v", record.Last, err)
	}
}

// TestCloudIsAskedOncePerInterval proves that many readers together cause at most one request in
// five seconds. The cases are: the list shows the job, the list does not show the job, the listing
// fails, and the portal does not know whether there is a job.
func TestCloudIsAskedOncePerInterval(t *testing.T) {
	for name, faults := range map[string]string{
		"listed":         "",
		"not listed yet": "DescribeBackupJobs2: lag 60s",
		"listing fails":  "DescribeBackupJobs2: 500 forever",
		"unknown":        "CreateBackupJob: drop; DescribeBackupJobs2: lag 60s",
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			r.fail(t, faults)
			answer, err := r.Submit(t.Context(), submission("k"))
			if err != nil {
				t.Fatal(err)
			}
			for range 4 {
				r.clock.Add(5 * time.Second)
				var all sync.WaitGroup
				for range 10 {
					all.Go(func() {
						if _, err := r.Refresh(t.Context(), submission("k").Principal, answer.SubmissionID); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
			}
			if n := r.lists(); n != 4 {
				t.Errorf("%d questions in 20 s", n)
			}
		})
	}
}

func TestRefreshUpdatesJobUntilItEnds(t *testing.T) {
	r := newFixture(t)
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	for range 60 {
		if _, err := r.Refresh(t.Context(), submission("k").Principal, answer.SubmissionID); err != nil {
			t.Fatal(err)
		}
		r.clock.Add(500 * time.Millisecond)
	}
	record, err := r.Refresh(t.Context(), submission("k").Principal, answer.SubmissionID)
	if err != nil || record.Job.Status != backup.StateComplete || record.Job.Progress != 10000 {
		t.Errorf("after 30 s: %+v, %v", record.Job, err)
	}
	if n := r.lists(); n > 7 {
		t.Errorf("%d questions in 30 s", n)
	}
}

// TestSubmitIgnoresClientDisconnect proves that a submission continues if its client disconnects
// after the claim, for example because a person closes the page.
func TestSubmitIgnoresClientDisconnect(t *testing.T) {
	r := newFixture(t)
	ctx, disconnect := context.WithCancel(t.Context())
	r.Store = disconnectStore{r.Store, disconnect}
	answer, err := r.Submit(ctx, submission("k"))
	if err != nil || answer.Status != backup.StateCreated || r.jobs() != 1 {
		t.Errorf("%+v, %v, %d jobs", answer, err, r.jobs())
	}
	if last := r.record(t, answer.SubmissionID).Last; last.Kind != backup.StepCreated {
		t.Errorf("the log ends with %+v", last)
	}
}

// disconnectStore is a store that disconnects the client after the submission was stored.
type disconnectStore struct {
	backup.Store
	disconnect func()
}

func (s disconnectStore) Claim(ctx context.Context, r backup.Record) (backup.Record, bool, error) {
	defer s.disconnect()
	return s.Store.Claim(ctx, r)
}

// TestUnrecordedJobIsStillAnswered tests a database that fails while a created job is stored.
// The portal repeats the write. If it keeps failing, the answer is still that the job was
// created, and a later listing adds the job to the step log.
func TestUnrecordedJobIsStillAnswered(t *testing.T) {
	for _, c := range []struct {
		failures int
		kind     backup.StepKind
	}{{2, backup.StepCreated}, {100, backup.StepAttempt}} {
		r := newFixture(t)
		sound := r.Store
		failures := c.failures
		r.Store = failingStore{sound, &failures}
		answer, err := r.Submit(t.Context(), submission("k"))
		if err != nil || answer.Status != backup.StateCreated || answer.Last.JobID == "" {
			t.Fatalf("%d failures: %+v, %v", c.failures, answer, err)
		}
		r.Store = sound
		if last := r.record(t, answer.SubmissionID).Last; last.Kind != c.kind {
			t.Errorf("%d failures: the log ends with %+v", c.failures, last)
		}
		r.clock.Add(91 * time.Second)
		again, err := r.Submit(t.Context(), submission("k"))
		if err != nil || again.Last.JobID != answer.Last.JobID || !again.Replayed || r.jobs() != 1 {
			t.Errorf("%d failures: first %+v, then %+v, %v, %d jobs", c.failures, answer, again, err, r.jobs())
		}
	}
}

// failingStore is a store that fails a given number of times to store a job.
type failingStore struct {
	backup.Store
	failures *int
}

func (s failingStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	if step.Kind == backup.StepCreated && *s.failures > 0 {
		*s.failures--
		return false, errors.New("the database is away")
	}
	return s.Store.Append(ctx, id, step, audit...)
}
