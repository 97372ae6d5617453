package backup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"backupportal/function/backup"
	"backupportal/function/store/memory"
)

// newListFirstFixture returns a fixture for a store that can lose records: ListFirst makes the
// portal search the cloud's list before it starts a job.
func newListFirstFixture(t *testing.T) *fixture {
	r := newFixture(t)
	r.ListFirst = func() bool { return true }
	return r
}

// loseStore replaces the fixture's store by an empty one.
func (r *fixture) loseStore(t *testing.T) { r.Store = memory.New() }

// TestAnyScheduleWithLostStoresMakesAtMostOneJob proves that a submission starts at most one
// job even if the database is lost repeatedly, the process crashes at any point, and the cloud
// fails in any way. New jobs appear in the cloud's list at once in this test (list lag 0),
// because the guarantee holds only then.
func TestAnyScheduleWithLostStoresMakesAtMostOneJob(t *testing.T) {
	t.Parallel()
	r, n := newListFirstFixture(t), 0
	rapid.Check(t, func(rt *rapid.T) {
		p := plans().Draw(rt, "plan")
		p.Lag = 0
		p.Lists = rapid.SliceOfN(rapid.SampledFrom(append(listFaults, "expired", "refuse 403 NoPermission", "throttle")), 0, 6).Draw(rt, "lists")
		p.Creates = without(p.Creates, "refuse 404 VaultNotExist", "success-false CrossAccountBackupSlrNotExist") // a refused submission leaves nothing in the cloud to find
		losses := rapid.SliceOfN(rapid.Bool(), len(p.Requests), len(p.Requests)).Draw(rt, "losses")
		n++
		key, kept := fmt.Sprint("k", n), r.Store
		r.before = func(i int) {
			if i < len(losses) && losses[i] {
				r.loseStore(t)
			}
		}
		_, err := r.run(t.Context(), p, key)
		r.before, r.Store = nil, kept
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// without returns all texts except those in never.
func without(all []string, never ...string) (rest []string) {
	for _, s := range all {
		keep := true
		for _, n := range never {
			keep = keep && s != n
		}
		if keep {
			rest = append(rest, s)
		}
	}
	return rest
}

// TestFailedSearchSendsNothing proves that no job is started if the search of the cloud's list
// before the first attempt fails. The submission can be repeated.
func TestFailedSearchSendsNothing(t *testing.T) {
	for _, fault := range []string{"expired", "refuse 403 NoPermission", "throttle", "500", "drop", "bad-json", "empty 503"} {
		t.Run(fault, func(t *testing.T) {
			r := newListFirstFixture(t)
			first, err := r.Submit(t.Context(), submission("k"))
			if err != nil {
				t.Fatal(err)
			}
			r.loseStore(t)
			r.fail(t, "DescribeBackupJobs2: "+fault)
			_, err = r.Submit(t.Context(), submission("k"))
			if busy, ok := errors.AsType[*backup.BusyError](err); !ok || !errors.Is(err, backup.ErrNotSent) || busy.RetryAfter == 0 {
				t.Errorf("got %v", err)
			}
			again, err := r.Submit(t.Context(), submission("k"))
			if err != nil || again.Last.JobID != first.Last.JobID || r.sends() != 1 {
				t.Errorf("then %+v, %v, %d sends", again, err, r.sends())
			}
		})
	}
}

// TestListFirstSearchesAfterVoidStep proves that the cloud's list is also searched if the last
// step is void (attempt without a job). A failover of the database can have lost later steps.
func TestListFirstSearchesAfterVoidStep(t *testing.T) {
	r := newListFirstFixture(t)
	r.fail(t, "CreateBackupJob: throttle x3")
	if _, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrNotSent) {
		t.Fatalf("got %v", err)
	}
	sound := r.Store
	r.Store = losingStore{sound}
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil || first.Status != backup.StateCreated {
		t.Fatalf("%+v, %v", first, err)
	}
	r.Store = sound
	again, err := r.Submit(t.Context(), submission("k"))
	if err != nil || again.Last.JobID != first.Last.JobID || r.jobs() != 1 {
		t.Errorf("%+v, %v, %d jobs", again, err, r.jobs())
	}
}

// losingStore reports that it has stored a step, but loses it.
type losingStore struct{ backup.Store }

func (losingStore) Append(context.Context, string, backup.Step, ...backup.AuditRow) (bool, error) {
	return true, nil
}

// TestOldJobIsFoundAgainAfterACrash tests a store that has lost a submission whose job started
// a day ago. A process finds the job in the cloud's list and crashes before it stores it. The
// next call must find the same job.
func TestOldJobIsFoundAgainAfterACrash(t *testing.T) {
	r := newListFirstFixture(t)
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	r.loseStore(t)
	now := r.Now
	r.Now = func() time.Time { return now().Add(24 * time.Hour) }
	r.Cloud = r.client(t, r.Now)
	if _, err := r.crashing("attempted").submit(t.Context(), "k"); !errors.Is(err, errCrashed) {
		t.Fatalf("got %v", err)
	}
	r.clock.Add(91 * time.Second)
	again, err := r.Submit(t.Context(), submission("k"))
	if err != nil || again.Last.JobID != first.Last.JobID || r.jobs() != 1 {
		t.Errorf("%+v, %v, %d jobs", again, err, r.jobs())
	}
}

// TestJobIsFoundDespiteClockDifference proves that a job is found if the cloud's clock differs from
// the portal's. The cloud accepts signatures with a difference of up to 15 minutes, so the creation
// time of a job can differ by 15 minutes too.
func TestJobIsFoundDespiteClockDifference(t *testing.T) {
	for _, off := range []time.Duration{-14 * time.Minute, -time.Minute, 62 * time.Second, 14 * time.Minute} {
		r := newFixture(t)
		now := r.Now
		r.Now = func() time.Time { return now().Add(off) }
		r.Cloud = r.client(t, r.Now)
		r.fail(t, "CreateBackupJob: drop-after")
		if _, err := r.Submit(t.Context(), submission("k")); err != nil {
			t.Fatal(err)
		}
		r.clock.Add(91 * time.Second)
		if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated || r.jobs() != 1 {
			t.Errorf("%v off: %+v, %v, %d jobs", off, answer.Last, err, r.jobs())
		}
	}
}

// TestAliasOfAnotherAccountProvesNothing tests an account alias that the policy has moved to
// another account. The list of the new account must not be used, because it does not show
// whether there is a job in the old account (requirement CD-8).
func TestAliasOfAnotherAccountProvesNothing(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after")
	if _, err := r.Submit(t.Context(), submission("k")); err != nil {
		t.Fatal(err)
	}
	r.clock.Add(2 * time.Minute)
	sound := r.Policy
	r.Policy = otherAccountPolicy{sound}
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateUnknown || r.sends() != 1 {
		t.Errorf("meanwhile: %+v, %v, %d sends", answer.Status, err, r.sends())
	}
	r.Policy = sound
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated || r.jobs() != 1 {
		t.Errorf("put right: %+v, %v, %d jobs", answer.Status, err, r.jobs())
	}
}

// otherAccountPolicy is a policy that leads each alias to another account than before.
type otherAccountPolicy struct{ backup.Policy }

func (p otherAccountPolicy) Account(alias string) (backup.Account, bool) {
	a, ok := p.Policy.Account(alias)
	a.ID = "2000000000000002"
	return a, ok
}

// TestPolicyChangeKeepsEarlierAnswers proves that a repeated submission gets its earlier
// answer, even if the changed policy would refuse it.
func TestPolicyChangeKeepsEarlierAnswers(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: ok, drop-after")
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Submit(t.Context(), submission("lost")); err != nil {
		t.Fatal(err)
	}
	r.Policy = refusingPolicy{r.Policy}
	if again, err := r.Submit(t.Context(), submission("k")); err != nil || again.Last.JobID != first.Last.JobID || !again.Replayed {
		t.Errorf("%+v, %v", again, err)
	}
	if answer, err := r.Submit(t.Context(), submission("lost")); err != nil || answer.Status != backup.StateUnknown {
		t.Errorf("of which nobody knows: %+v, %v", answer, err)
	}
	if _, err := r.Submit(t.Context(), submission("another")); !errors.Is(err, backup.ErrDenied) {
		t.Errorf("another: %v", err)
	}
	if r.sends() != 2 {
		t.Errorf("%d sends", r.sends())
	}
}

// TestSubmissionIsRefusedAfter32Attempts proves that a submission is refused after 32 attempts
// if none of its requests reaches the cloud.
func TestSubmissionIsRefusedAfter32Attempts(t *testing.T) {
	r := withAudit(t, newFixture(t))
	now, ahead := r.Now, time.Duration(0)
	r.Now = func() time.Time { return now().Add(ahead) }
	r.Cloud = r.client(t, r.Now)
	r.fail(t, "CreateBackupJob: drop forever")
	for range 40 {
		answer, err := r.Submit(t.Context(), submission("k"))
		if err != nil {
			t.Fatal(err)
		}
		if answer.Status == backup.StateRefused {
			if answer.Last.Code != "portal.GaveUp" || r.sends() != 32 {
				t.Errorf("given up with %q after %d attempts", answer.Last.Code, r.sends())
			}
			if why := r.Explain(answer.Last.Code); why.Means.En == "" || why.Means.Zh == "" {
				t.Error("nobody explains it")
			}
			if told := r.auditSummary(t); !strings.HasSuffix(told, ", reconciled 62 refused") {
				t.Errorf("told %s", told)
			}
			if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Open != 0 {
				t.Errorf("the sweep still reads it: %+v, %v", swept, err)
			}
			return
		}
		ahead += 91 * time.Second
	}
	t.Error("it is never given up")
}

// TestLateRefusalIsNotTheAnswer tests a process that pauses after the cloud refused or
// throttled its call. Meanwhile another process starts the job. The late refusal must not
// become the answer of the submission. The audit trail has both results.
func TestLateRefusalIsNotTheAnswer(t *testing.T) {
	for fault, c := range map[string]struct {
		late backup.State
		told string
	}{
		"refuse 404 VaultNotExist": {backup.StateUnknown, "refused"},
		"throttle":                 {backup.StateCreated, "no_effect"},
	} {
		r := withAudit(t, newFixture(t))
		r.fail(t, "CreateBackupJob: "+fault)
		late := *r.Service
		late.Store = endHookStore{r.Store, func() {
			r.clock.Add(91 * time.Second)
			if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated {
				t.Errorf("%s: the one who took over: %+v, %v", fault, answer, err)
			}
		}}
		if answer, err := late.Submit(t.Context(), submission("k")); err != nil || answer.Status != c.late {
			t.Errorf("%s: the late one: %+v, %v", fault, answer, err)
		}
		if again, err := r.Submit(t.Context(), submission("k")); err != nil || again.Status != backup.StateCreated || r.jobs() != 1 {
			t.Errorf("%s: then %+v, %v, %d jobs", fault, again, err, r.jobs())
		}
		if told := r.auditSummary(t); !strings.HasSuffix(told, ", outcome 2 success, outcome 0 "+c.told) {
			t.Errorf("%s: told %s", fault, told)
		}
	}
}

// endHookStore is a store that calls first before it stores that an attempt started no job.
type endHookStore struct {
	backup.Store
	first func()
}

func (s endHookStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	if step.Kind == backup.StepRefused || step.Kind == backup.StepNotSent {
		s.first()
	}
	return s.Store.Append(ctx, id, step, audit...)
}

// TestLateRunningAnswerDoesNotReplaceFinal tests two concurrent reads of a job: the fast one
// reports that it is complete, and later the slow one that it runs. The slow, older answer must
// not replace the fast one.
func TestLateRunningAnswerDoesNotReplaceFinal(t *testing.T) {
	r := newFixture(t)
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	alice := submission("k").Principal
	slow := *r.Service
	slow.Cloud = slowCloud{r.Cloud, func() {
		r.clock.Add(time.Minute)
		if record, err := r.Refresh(t.Context(), alice, answer.SubmissionID); err != nil || record.Job.Status != backup.StateComplete {
			t.Errorf("the quick one: %+v, %v", record.Job, err)
		}
	}}
	r.clock.Add(6 * time.Second)
	if _, err := slow.Refresh(t.Context(), alice, answer.SubmissionID); err != nil {
		t.Fatal(err)
	}
	if job := r.record(t, answer.SubmissionID).Job; job.Status != backup.StateComplete {
		t.Errorf("it is %s again", job.Status)
	}
}

// TestEarlyListingProvesNothing proves that a listing which began while new jobs could still be
// missing in the cloud's list does not prove that there is no job, even if it ends later.
func TestEarlyListingProvesNothing(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after; DescribeBackupJobs2: lag 60s forever")
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Add(31 * time.Second)
	slow := *r.Service
	slow.Cloud = slowCloud{r.Cloud, func() { r.clock.Add(2 * time.Minute) }}
	if record, err := slow.Refresh(t.Context(), submission("k").Principal, first.SubmissionID); err != nil || record.Last.Kind != backup.StepAttempt {
		t.Errorf("from a list of long ago: %+v, %v", record.Last, err)
	}
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated || r.jobs() != 1 {
		t.Errorf("then %+v, %v, %d jobs", answer, err, r.jobs())
	}
}

// slowCloud simulates a slow listing: it reads the cloud's list, calls meanwhile, and then
// returns the list, which is out of date if meanwhile changed something.
type slowCloud struct {
	backup.Cloud
	meanwhile func()
}

func (c slowCloud) DescribeBackupJobs2(ctx context.Context, target backup.Target, filter backup.JobFilter) ([]backup.Job, error) {
	jobs, err := c.Cloud.DescribeBackupJobs2(ctx, target, filter)
	c.meanwhile()
	return jobs, err
}
