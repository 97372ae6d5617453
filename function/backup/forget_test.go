package backup_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"backupportal/function/backup"
	"backupportal/function/store/memory"
)

// forgetful is a rig whose store may forget, so that it looks first.
func forgetful(t *testing.T) *fixture {
	r := newFixture(t)
	r.ListFirst = func() bool { return true }
	return r
}

// lose puts an empty store in place of the rig's.
func (r *fixture) lose(t *testing.T) { r.Store = memory.New() }

// Even if the store is lost again and again, a process dies anywhere, and the
// cloud fails in any way, a submission makes one job: as long as the cloud's
// list shows it by the time somebody asks again.
func TestAnyScheduleWithLostStoresMakesAtMostOneJob(t *testing.T) {
	t.Parallel()
	r, n := forgetful(t), 0
	rapid.Check(t, func(rt *rapid.T) {
		p := plans().Draw(rt, "plan")
		p.Lag = 0
		p.Lists = rapid.SliceOfN(rapid.SampledFrom(append(listFaults, "expired", "refuse 403 NoPermission", "throttle")), 0, 6).Draw(rt, "lists")
		p.Creates = slicesWithout(p.Creates, "refuse 404 VaultNotExist", "success-false CrossAccountBackupSlrNotExist") // what is refused leaves nothing to find
		losses := rapid.SliceOfN(rapid.Bool(), len(p.Asks), len(p.Asks)).Draw(rt, "losses")
		n++
		key, kept := fmt.Sprint("k", n), r.Store
		r.before = func(i int) {
			if i < len(losses) && losses[i] {
				r.lose(t)
			}
		}
		_, err := r.run(t.Context(), p, key)
		r.before, r.Store = nil, kept
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func slicesWithout(all []string, never ...string) (rest []string) {
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

// The ways in which a look before the first attempt can go wrong: none of them
// sends without having looked, and none is the end of the submission.
func TestFailedLookSendsNothingAndEndsNothing(t *testing.T) {
	for _, fault := range []string{"expired", "refuse 403 NoPermission", "throttle", "500", "drop", "bad-json", "empty 503"} {
		t.Run(fault, func(t *testing.T) {
			r := forgetful(t)
			first, err := r.Submit(t.Context(), submission("k"))
			if err != nil {
				t.Fatal(err)
			}
			r.lose(t)
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

// A failover may lose the end of a log, behind an attempt that came to nothing.
func TestLooksFirstBehindAVoidToo(t *testing.T) {
	r := forgetful(t)
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

// A losingStore takes steps, and loses them.
type losingStore struct{ backup.Store }

func (losingStore) Append(context.Context, string, backup.Step, ...backup.AuditRow) (bool, error) {
	return true, nil
}

// The job that a look found is a day old; a process that dies before it has
// written that down has not lost it.
func TestOldJobIsFoundAgainAfterACrash(t *testing.T) {
	r := forgetful(t)
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	r.lose(t)
	now := r.Now
	r.Now = func() time.Time { return now().Add(24 * time.Hour) }
	r.Cloud = r.client(t, r.Now)
	if _, err := r.mortal("attempted").submit(t.Context(), "k"); !errors.Is(err, errDied) {
		t.Fatalf("got %v", err)
	}
	r.clock.Add(91 * time.Second)
	again, err := r.Submit(t.Context(), submission("k"))
	if err != nil || again.Last.JobID != first.Last.JobID || r.jobs() != 1 {
		t.Errorf("%+v, %v, %d jobs", again, err, r.jobs())
	}
}

// The cloud accepts signatures of a clock that is off by 15 minutes. So may be
// the times of its jobs.
func TestClockThatIsOffFindsItsJobs(t *testing.T) {
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

// An alias that was given to another account says nothing about jobs in the
// first one (CD-8).
func TestAliasOfAnotherAccountProvesNothing(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after")
	if _, err := r.Submit(t.Context(), submission("k")); err != nil {
		t.Fatal(err)
	}
	r.clock.Add(2 * time.Minute)
	sound := r.Policy
	r.Policy = repointed{sound}
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateUnknown || r.sends() != 1 {
		t.Errorf("meanwhile: %+v, %v, %d sends", answer.Status, err, r.sends())
	}
	r.Policy = sound
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated || r.jobs() != 1 {
		t.Errorf("put right: %+v, %v, %d jobs", answer.Status, err, r.jobs())
	}
}

type repointed struct{ backup.Policy }

func (p repointed) Account(alias string) (backup.Account, bool) {
	a, ok := p.Policy.Account(alias)
	a.ID = "2000000000000002"
	return a, ok
}

// What was answered stays so, whatever the policy says later.
func TestPolicyThatChangesLeavesAnswersAsTheyWere(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: ok, drop-after")
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Submit(t.Context(), submission("lost")); err != nil {
		t.Fatal(err)
	}
	r.Policy = refusing{r.Policy}
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

// A submission of which the cloud never makes anything comes to an end.
func TestSubmissionIsGivenUpAfterManyAttempts(t *testing.T) {
	r := newFixture(t)
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
			return
		}
		ahead += 91 * time.Second
	}
	t.Error("it is never given up")
}

// The owner of an attempt hears that it is refused, and is held before it can
// write that down; somebody else takes over and makes a job. Then the refusal
// is nobody's answer (security: late refusal).
func TestLateRefusalIsNoAnswer(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: refuse 404 VaultNotExist")
	late := *r.Service
	late.Store = takenOver{r.Store, func() {
		r.clock.Add(91 * time.Second)
		if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated {
			t.Errorf("the one who took over: %+v, %v", answer, err)
		}
	}}
	if answer, err := late.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateUnknown {
		t.Errorf("the late one: %+v, %v", answer, err)
	}
	if again, err := r.Submit(t.Context(), submission("k")); err != nil || again.Status != backup.StateCreated || r.jobs() != 1 {
		t.Errorf("then %+v, %v, %d jobs", again, err, r.jobs())
	}
}

// A takenOver store lets somebody else go first when a refusal is to be written.
type takenOver struct {
	backup.Store
	first func()
}

func (s takenOver) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	if step.Kind == backup.StepRefused {
		s.first()
	}
	return s.Store.Append(ctx, id, step, audit...)
}

// A slow answer about a job that was running is not put over a quick one that it
// is complete.
func TestSlowAnswerDoesNotUndoTheEnd(t *testing.T) {
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

// A list without the job, asked for while the list may still be late, proves
// nothing, however long its answer is under way.
func TestListingThatBeganEarlyProvesNothing(t *testing.T) {
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

// A slowCloud has its answer, and takes its time to give it.
type slowCloud struct {
	backup.Cloud
	meanwhile func()
}

func (c slowCloud) DescribeBackupJobs2(ctx context.Context, target backup.Target, filter backup.JobFilter) ([]backup.Job, error) {
	jobs, err := c.Cloud.DescribeBackupJobs2(ctx, target, filter)
	c.meanwhile()
	return jobs, err
}
