package backup_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"backupportal/function/backup"
)

// attemptStore is a store that stores no attempt and returns a fixed answer instead.
type attemptStore struct {
	backup.Store
	err error
}

func (s attemptStore) Append(
	ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow,
) (bool, error) {
	if step.Kind == backup.StepAttempt {
		return false, s.err
	}
	return s.Store.Append(ctx, id, step, audit...)
}

// TestNoCallWithoutARecordedAttempt proves that the cloud is not called, and no job from its
// list is used, if the attempt could not be stored. The reason is either a failed store or
// another process that was faster.
func TestNoCallWithoutARecordedAttempt(t *testing.T) {
	for _, c := range []struct {
		listFirst bool
		store     error
		want      error
	}{
		{false, nil, backup.ErrNotSent},
		{true, nil, backup.ErrInProgress},
		{false, errAway, backup.ErrStoreUnavailable},
		{true, errAway, backup.ErrStoreUnavailable},
	} {
		r := newFixture(t)
		job := backup.Job{JobID: "listed", JobName: submission("k").JobName(), CreatedTime: r.Now()}
		cloud := &countingCloud{Cloud: r.Cloud, list: []backup.Job{job}}
		r.ListFirst = func() bool { return c.listFirst }
		r.Cloud, r.Store = cloud, attemptStore{r.Store, c.store}
		answer, err := r.Submit(t.Context(), submission("k"))
		if !errors.Is(err, c.want) || answer.Status != "" || cloud.sends != 0 {
			t.Errorf("list first %v, store %v: %s, %v, %d sends", c.listFirst, c.store, answer.Status, err, cloud.sends)
		}
	}
}

// TestSearchThatTheRoleRefusesIsARefusal proves that a submission is refused if the search for
// its job fails because the portal may not assume the account's role. With that role nothing
// could be sent either.
func TestSearchThatTheRoleRefusesIsARefusal(t *testing.T) {
	r := withAudit(t, newListFirstFixture(t))
	sub := submission("k")
	sub.Params["Account"], sub.Params["InstanceId"] = "locked", "i-bp2demopay01"
	answer, err := r.Submit(t.Context(), sub)
	if err != nil || answer.Status != backup.StateRefused || answer.Replayed || answer.Last.Code == "" {
		t.Errorf("got %+v, %v", answer, err)
	}
	if told := r.auditSummary(t); told != "intent 0, outcome 0 refused" || r.sends() != 0 {
		t.Errorf("told %s, %d sends", told, r.sends())
	}
	if again, err := r.Submit(t.Context(), sub); err != nil || again.Status != backup.StateRefused || !again.Replayed {
		t.Errorf("again: %+v, %v", again, err)
	}
}

// TestFoundJobIsAReplay proves that the answer for a job that was found in the cloud's list
// says that an earlier request started it. The audit trail says the same.
func TestFoundJobIsAReplay(t *testing.T) {
	r := newListFirstFixture(t)
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	r.loseStore(t)
	withAudit(t, r)
	r.Limits = r.Store.(backup.Limits)
	again, err := r.Submit(t.Context(), submission("k"))
	if err != nil || !again.Replayed || again.Last.JobID != first.Last.JobID || again.Last.N != 1 {
		t.Errorf("got %+v, %v", again, err)
	}
	if told := r.auditSummary(t); told != "intent 0, reconciled 0 success" {
		t.Errorf("told %s", told)
	}
}

// blindStore is a store from which a submission cannot be read any more after a step was added.
type blindStore struct {
	backup.Store
	added *bool
}

func (s blindStore) Append(
	ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow,
) (bool, error) {
	ours, err := s.Store.Append(ctx, id, step, audit...)
	*s.added = *s.added || ours
	return ours, err
}

func (s blindStore) Find(ctx context.Context, id string) (backup.Record, error) {
	if *s.added {
		return backup.Record{}, errAway
	}
	return s.Store.Find(ctx, id)
}

// TestUnreadableResultRefundsNothing proves that nothing is given back to the limits if a sweep
// finds the job of a lost call and then cannot read what it has stored: the job counts.
func TestUnreadableResultRefundsNothing(t *testing.T) {
	r := newFixture(t)
	r.limit("a")
	r.fail(t, "CreateBackupJob: drop-after")
	r.submit(t, submission("one"))
	r.clock.Add(2 * time.Minute)
	sound := r.Store
	r.Store = blindStore{sound, new(bool)}
	if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Resolved != 1 {
		t.Fatalf("%+v, %v", swept, err)
	}
	r.Store = sound
	if _, err := r.Submit(t.Context(), submission("two")); !errors.Is(err, backup.ErrQuota) {
		t.Errorf("another one: %v", err)
	}
}

// clockStore is a store with a correct clock. Like a database, it refuses times that differ
// from its clock by more than five seconds.
type clockStore struct {
	backup.Store
	now func() time.Time // the true time
}

func (s clockStore) CheckClock(_ context.Context, at time.Time) error {
	if ahead := at.Sub(s.now()); ahead.Abs() > 5*time.Second {
		return &backup.ClockError{Ahead: ahead}
	}
	return nil
}

func (s clockStore) Append(
	ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow,
) (bool, error) {
	if step.Kind == backup.StepAttempt || step.Kind == backup.StepNotSent {
		if err := s.CheckClock(ctx, step.At); err != nil {
			return false, err
		}
	}
	return s.Store.Append(ctx, id, step, audit...)
}

// TestListingWithAWrongClockProvesNothing proves that a listing which begins before the list is
// complete does not close an attempt, although the process's clock says that it is complete. In
// some cases the clock agrees with the store's clock again when the result is recorded: it was
// corrected during the listing, or the process was frozen for as long as its clock was ahead.
func TestListingWithAWrongClockProvesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		ahead, correction, frozen time.Duration
		proved                    bool
	}{
		"the clock stays ahead":            {80 * time.Second, 0, 0, false},
		"it is corrected":                  {80 * time.Second, -80 * time.Second, 0, false},
		"it is corrected slowly":           {80 * time.Second, -40 * time.Second, 40 * time.Second, false},
		"the process is frozen as long":    {80 * time.Second, -80 * time.Second, 80 * time.Second, false},
		"the process is frozen for longer": {80 * time.Second, -80 * time.Second, 5 * time.Minute, false},
		"the clock is right":               {0, 0, 0, true},
		"the clock is right, then frozen":  {0, 0, 3 * time.Hour, true},
		"the clock is 4 s ahead":           {4 * time.Second, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			offset, late := c.ahead, time.Duration(0)
			if c.proved {
				late = 2 * time.Minute
			}
			r.fail(t, "CreateBackupJob: drop-after")
			id := r.submit(t, submission("k"))
			r.clock.Add(20*time.Second + late)
			other := *r.Service
			other.Now = func() time.Time { return r.clock.Now().Add(offset) }
			other.Store = clockStore{r.Store, r.clock.Now}
			other.Cloud = slowCloud{blindCloud{r.Cloud}, func() {
				r.clock.Add(c.frozen)
				offset += c.correction
			}}
			_, err := other.Refresh(t.Context(), bob, id)
			if last := r.record(t, id).Last; (last.Kind == backup.StepNotSent) != c.proved {
				t.Errorf("the last step is %s, error %v", last.Kind, err)
			}
			if c.proved {
				return
			}
			r.clock.Add(2 * time.Minute)
			if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated || r.sends() != 1 {
				t.Errorf("then %s, %v, %d calls", answer.Status, err, r.sends())
			}
		})
	}
}

// TestReadersLearnThatTheStoreIsAway proves that the error for a submission that cannot be read
// differs from that for one that does not exist.
func TestReadersLearnThatTheStoreIsAway(t *testing.T) {
	r := newFixture(t)
	id := r.submit(t, submission("k"))
	if _, err := r.Refresh(t.Context(), bob, submission("other").ID()); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
	r.failStore("Find")
	if _, err := r.Refresh(t.Context(), bob, id); !errors.Is(err, backup.ErrStoreUnavailable) || errors.Is(err, backup.ErrNotFound) {
		t.Errorf("without a store: %v", err)
	}
	if _, err := r.Cancel(t.Context(), bob, id); !errors.Is(err, backup.ErrStoreUnavailable) || r.cancels() != 0 {
		t.Errorf("cancelled without a store: %v, %d calls", err, r.cancels())
	}
}

// TestUnreadableLogEndsASubmit proves that Submit makes no second attempt if it cannot read the
// step log after the cloud has throttled the first one.
func TestUnreadableLogEndsASubmit(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: throttle")
	sound := r.Store
	r.Store = blindStore{sound, new(bool)}
	if _, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrStoreUnavailable) || r.sends() != 1 {
		t.Errorf("%v, %d sends", err, r.sends())
	}
	r.Store = sound
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated {
		t.Errorf("then %s, %v", answer.Status, err)
	}
}

// lateCloud is a cloud that creates a job but answers only after the deadline of the request.
type lateCloud struct {
	backup.Cloud
	over <-chan struct{}
	call *backup.Call
}

func (c lateCloud) CreateBackupJob(_ context.Context, call backup.Call) (backup.Created, error) {
	<-c.over
	*c.call = call
	return backup.Created{JobID: "late"}, nil
}

// contextStore is a store that refuses to store a job if the context has ended, as a database
// does, or if it has no deadline.
type contextStore struct{ backup.Store }

func (s contextStore) Append(
	ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow,
) (bool, error) {
	end, limited := ctx.Deadline()
	if step.Kind == backup.StepCreated && (!limited || !time.Now().Before(end)) {
		return false, errAway
	}
	return s.Store.Append(ctx, id, step, audit...)
}

// TestResultIsRecordedAfterTheDeadline proves that the result of a call is stored even if the
// deadline of the request passes during the call.
func TestResultIsRecordedAfterTheDeadline(t *testing.T) {
	r := newFixture(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var call backup.Call
	r.Cloud, r.Store = lateCloud{r.Cloud, ctx.Done(), &call}, contextStore{r.Store}
	answer, err := r.Submit(ctx, submission("k"))
	if err != nil || answer.Last.JobID != "late" {
		t.Fatalf("%+v, %v", answer, err)
	}
	if last := r.record(t, answer.SubmissionID).Last; last.Kind != backup.StepCreated {
		t.Errorf("the log ends with %+v", last)
	}
	if end, _ := ctx.Deadline(); call.Until.IsZero() || call.Until.After(end.Add(time.Second)) {
		t.Errorf("the call may be sent until %v, and the request ended at %v", call.Until, end)
	}
}

// unclassifiedCloud answers CreateBackupJob with an error that is not a CloudError.
type unclassifiedCloud struct{ backup.Cloud }

func (unclassifiedCloud) CreateBackupJob(context.Context, backup.Call) (backup.Created, error) {
	return backup.Created{}, errAway
}

// TestUnclassifiedFailureIsUnknown proves that an error of an unknown type does not count as a
// refusal: the call may have started a job.
func TestUnclassifiedFailureIsUnknown(t *testing.T) {
	r := withAudit(t, newFixture(t))
	r.Cloud = unclassifiedCloud{r.Cloud}
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil || answer.Status != backup.StateUnknown || r.record(t, answer.SubmissionID).Last.Kind != backup.StepAttempt {
		t.Errorf("%+v, %v", answer, err)
	}
	if told := r.auditSummary(t); told != "intent 0, outcome 0 unknown" {
		t.Errorf("told %s", told)
	}
}

// failingListCloud answers each listing of jobs with an error.
type failingListCloud struct {
	backup.Cloud
	err error
}

func (c failingListCloud) DescribeBackupJobs2(context.Context, backup.Target, backup.JobFilter) ([]backup.Job, error) {
	return nil, c.err
}

// TestOnlyALastingRefusalOfTheRoleIsFinal proves which failure of the search before the first
// attempt makes a submission refused: only a refusal of the role that a repeat cannot change.
// After any other failure the submission can be sent again.
func TestOnlyALastingRefusalOfTheRoleIsFinal(t *testing.T) {
	for name, c := range map[string]struct {
		failure backup.CloudError
		final   bool
	}{
		"refused":               {backup.CloudError{Action: "AssumeRole", Outcome: backup.ErrRefused}, true},
		"wrong credentials":     {backup.CloudError{Action: "AssumeRole", Outcome: backup.ErrCredentials}, true},
		"temporary credentials": {backup.CloudError{Action: "AssumeRole", Outcome: backup.ErrCredentials, Temporary: true}, false},
		"throttled":             {backup.CloudError{Action: "AssumeRole", Outcome: backup.ErrThrottled}, false},
		"lost":                  {backup.CloudError{Action: "AssumeRole", Outcome: backup.ErrUnknownOutcome}, false},
		"the list is refused":   {backup.CloudError{Action: "DescribeBackupJobs2", Outcome: backup.ErrRefused}, false},
	} {
		r := newListFirstFixture(t)
		r.Cloud = failingListCloud{r.Cloud, &c.failure}
		answer, err := r.Submit(t.Context(), submission("k"))
		if (answer.Status == backup.StateRefused) != c.final || errors.Is(err, backup.ErrNotSent) == c.final || r.sends() != 0 {
			t.Errorf("%s: %s, %v, %d sends", name, answer.Status, err, r.sends())
		}
	}
}

// voidFailsStore is a store that cannot store that an attempt started no job.
type voidFailsStore struct{ backup.Store }

func (s voidFailsStore) Append(
	ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow,
) (bool, error) {
	if step.Kind == backup.StepNotSent {
		return false, errAway
	}
	return s.Store.Append(ctx, id, step, audit...)
}

// TestUnrecordedThrottleEndsASubmit proves that Submit returns ErrStoreUnavailable, and sends
// nothing more, if it cannot store that a throttled call started no job.
func TestUnrecordedThrottleEndsASubmit(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: throttle")
	r.Store = voidFailsStore{r.Store}
	if _, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrStoreUnavailable) || r.sends() != 1 {
		t.Errorf("%v, %d sends", err, r.sends())
	}
}

// TestUnrecordedResultEndsASubmit proves that Submit returns ErrStoreUnavailable if it cannot
// store the job that it found in the cloud's list.
func TestUnrecordedResultEndsASubmit(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after")
	r.submit(t, submission("k"))
	r.clock.Add(2 * time.Minute)
	failures := 100
	r.Store = failingStore{r.Store, &failures}
	if answer, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrStoreUnavailable) || r.sends() != 1 {
		t.Errorf("%+v, %v, %d sends", answer, err, r.sends())
	}
}

// TestChangedAccountIsNotListed proves that the portal does not search for a job if the
// submission's account alias now means another account. An empty list of that account would
// prove nothing.
func TestChangedAccountIsNotListed(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after")
	id := r.submit(t, submission("k"))
	r.clock.Add(2 * time.Minute)
	r.Policy = replaced(t, "\"1000000000000001\"", "\"1000000000000009\"")
	r.Cloud = &countingCloud{Cloud: r.Cloud}
	r.sweep(t)
	if last := r.record(t, id).Last; last.Kind != backup.StepAttempt {
		t.Errorf("the log ends with %+v", last)
	}
}
