package backup_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"backupportal/function/backup"
)

// A hooked cloud lets a test happen in the middle of a question.
type hooked struct {
	backup.Cloud
	jobs      func(context.Context)       // before the list is asked for
	snapshots func(context.Context) error // in place of recovery points, if it fails
	cancel    func() error                // in place of the request to cancel, if it fails
}

func (c *hooked) DescribeBackupJobs2(ctx context.Context, t backup.Target, f backup.JobFilter) ([]backup.Job, error) {
	if f := c.jobs; f != nil {
		c.jobs = nil
		f(ctx)
	}
	return c.Cloud.DescribeBackupJobs2(ctx, t, f)
}

func (c *hooked) DescribeUdmSnapshots(ctx context.Context, t backup.Target, j backup.Job) (backup.Consistency, error) {
	if c.snapshots != nil {
		return backup.Consistency{}, c.snapshots(ctx)
	}
	return c.Cloud.DescribeUdmSnapshots(ctx, t, j)
}

func (c *hooked) CancelBackupJob(ctx context.Context, t backup.Target, job, vault string) error {
	if c.cancel != nil {
		return c.cancel()
	}
	return c.Cloud.CancelBackupJob(ctx, t, job, vault)
}

// A question that began early and is answered late may tell of the end. Somebody
// who asked in between and saw the job running does not take that back.
func TestEndIsNotLostToAnEarlierSight(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := newFixtureOn(t, url)
		sub := submission("k")
		sub.Params["JobName"] = "emulator.20s"
		answer, err := r.Submit(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		id := answer.SubmissionID
		r.clock.Add(18 * time.Second)
		r.Cloud = &hooked{Cloud: r.Cloud, jobs: func(context.Context) {
			r.clock.Add(time.Second)
			if seen, err := r.Refresh(t.Context(), bob, id); err != nil || seen.Job.Status != backup.StateRunning {
				t.Errorf("in between: %s, %v", seen.Job.Status, err)
			}
			r.clock.Add(5 * time.Second)
		}}
		if _, err := r.Sweep(t.Context(), year); err != nil {
			t.Fatal(err)
		}
		if got := r.record(t, id).State(r.Now()); got != backup.StateComplete {
			t.Errorf("it is %s", got)
		}
		page, err := r.List(t.Context(), bob, backup.Query{States: []backup.State{backup.StateComplete}, Limit: 10})
		if err != nil || len(page.Records) != 1 {
			t.Errorf("%d are complete, %v", len(page.Records), err)
		}
	})
}

// A recovery point that is not told of keeps nobody from the end of the job.
func TestEndIsKeptWhateverBecomesOfTheConsistency(t *testing.T) {
	r := newFixture(t)
	sub := submission("k")
	sub.Params["InstanceId"] = "i-bp1demodb01"
	sub.Params["Detail.appConsistent"] = "true"
	sub.Params["JobName"] = "emulator.10s"
	answer, err := r.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Add(time.Minute)
	ctx, leave := context.WithCancel(t.Context())
	r.Cloud = &hooked{Cloud: r.Cloud, snapshots: func(ctx context.Context) error {
		leave() // as if the time for looking were over
		return &backup.CloudError{Action: "DescribeUdmSnapshots", Outcome: backup.ErrUnknownOutcome}
	}}
	if _, err := r.Refresh(ctx, bob, answer.SubmissionID); err != nil {
		t.Fatal(err)
	}
	if got := r.record(t, answer.SubmissionID).State(r.Now()); got != backup.StateComplete {
		t.Errorf("it is %s", got)
	}
}

// A cloud that hangs makes no wait longer than was asked for.
func TestFollowLeavesTheCloudNoMoreTimeThanItHas(t *testing.T) {
	r := newFixture(t)
	id := r.running(t, "k", "1h")
	r.Cloud = &hooked{Cloud: r.Cloud, jobs: func(ctx context.Context) {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > 3*time.Second {
			t.Errorf("the cloud may take %v", time.Until(end))
		}
	}}
	if _, err := r.Follow(t.Context(), bob, id, 2*time.Second); err != nil {
		t.Fatal(err)
	}
}

// Of two who want a job cancelled at once, the one whose request the cloud took
// is remembered.
func TestWhoCancelledIsWhoseRequestWasTaken(t *testing.T) {
	for name, failure := range map[string]error{"refused": backup.ErrRefused, "lost": backup.ErrUnknownOutcome} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			id := r.running(t, "k", "1h")
			alice := submission("k").Principal
			cloud := &hooked{Cloud: r.Cloud}
			cloud.cancel = func() error {
				cloud.cancel = nil
				if _, err := r.Cancel(t.Context(), alice, id); err != nil {
					t.Error(err)
				}
				return &backup.CloudError{Action: "CancelBackupJob", Outcome: failure, Code: "JobStatusInvalid"}
			}
			r.Cloud = cloud
			got, err := r.Cancel(t.Context(), bob, id)
			if err != nil || got.State(r.Now()) != backup.StateCanceling || got.Cancellation.By.Name != alice.Name {
				t.Errorf("%s by %s, %v", got.State(r.Now()), got.Cancellation.By.Name, err)
			}
			if by := r.record(t, id).Cancellation.By; by.ID() != alice.ID() {
				t.Errorf("cancelled by %+v", by)
			}
		})
	}
}

// Where nothing was started, nothing has ended, and waiting does not help.
func TestNothingToCancelWhereNothingWasStarted(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: refuse 404 VaultNotExist")
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Cancel(t.Context(), bob, answer.SubmissionID)
	if busy, ok := errors.AsType[*backup.BusyError](err); !ok || !errors.Is(err, backup.ErrNoJob) || busy.RetryAfter != 0 {
		t.Errorf("got %v", err)
	}
}
