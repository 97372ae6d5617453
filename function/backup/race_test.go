package backup_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"backupportal/function/backup"
)

// hookCloud is a cloud that calls functions of the test in the middle of its calls.
type hookCloud struct {
	backup.Cloud
	jobs      func(context.Context)       // called once, before the list is read
	snapshots func(context.Context) error // replaces DescribeUdmSnapshots
	cancel    func() error                // replaces CancelBackupJob
}

func (c *hookCloud) DescribeBackupJobs2(ctx context.Context, t backup.Target, f backup.JobFilter) ([]backup.Job, error) {
	if f := c.jobs; f != nil {
		c.jobs = nil
		f(ctx)
	}
	return c.Cloud.DescribeBackupJobs2(ctx, t, f)
}

func (c *hookCloud) DescribeUdmSnapshots(ctx context.Context, t backup.Target, j backup.Job) (backup.Consistency, error) {
	if c.snapshots != nil {
		return backup.Consistency{}, c.snapshots(ctx)
	}
	return c.Cloud.DescribeUdmSnapshots(ctx, t, j)
}

func (c *hookCloud) CancelBackupJob(ctx context.Context, t backup.Target, job, vault string) error {
	if c.cancel != nil {
		return c.cancel()
	}
	return c.Cloud.CancelBackupJob(ctx, t, job, vault)
}

// TestFinalStatusWinsOverNewerRunning tests two overlapping reads of a job. The read that began
// first is answered last and reports that the job has ended; the other reports that it runs.
// The end must be stored, although that read began earlier.
func TestFinalStatusWinsOverNewerRunning(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r := newFixtureOn(t, url)
		sub := submission("k")
		sub.Params["JobName"] = "emulator.20s"
		answer, err := r.Submit(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		id := answer.SubmissionID
		r.clock.Add(18 * time.Second)
		r.Cloud = &hookCloud{Cloud: r.Cloud, jobs: func(context.Context) {
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

// TestFinalStatusIsStoredWithoutConsistency proves that the end of a job is stored even if the
// request for the consistency fails.
func TestFinalStatusIsStoredWithoutConsistency(t *testing.T) {
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
	ctx, disconnect := context.WithCancel(t.Context())
	r.Cloud = &hookCloud{Cloud: r.Cloud, snapshots: func(ctx context.Context) error {
		disconnect() // has the same effect as the end of the request's time limit
		return &backup.CloudError{Action: "DescribeUdmSnapshots", Outcome: backup.ErrUnknownOutcome}
	}}
	if _, err := r.Refresh(ctx, bob, answer.SubmissionID); err != nil {
		t.Fatal(err)
	}
	if got := r.record(t, answer.SubmissionID).State(r.Now()); got != backup.StateComplete {
		t.Errorf("it is %s", got)
	}
}

// TestFollowLimitsTheCloudCall proves that a slow cloud does not make Follow wait longer than
// requested.
func TestFollowLimitsTheCloudCall(t *testing.T) {
	r := newFixture(t)
	id := r.startRunningJob(t, "k", "1h")
	r.Cloud = &hookCloud{Cloud: r.Cloud, jobs: func(ctx context.Context) {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > 3*time.Second {
			t.Errorf("the cloud may take %v", time.Until(end))
		}
	}}
	if _, err := r.Follow(t.Context(), bob, id, 2*time.Second); err != nil {
		t.Fatal(err)
	}
}

// TestConcurrentCancelKeepsAcceptedPrincipal covers two principals who cancel a job at the same
// time. The store keeps the principal whose request the cloud accepted.
func TestConcurrentCancelKeepsAcceptedPrincipal(t *testing.T) {
	for name, failure := range map[string]error{"refused": backup.ErrRefused, "lost": backup.ErrUnknownOutcome} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			id := r.startRunningJob(t, "k", "1h")
			alice := submission("k").Principal
			cloud := &hookCloud{Cloud: r.Cloud}
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

// TestCancelOfRefusedSubmission proves that a refused submission has no job to cancel. The error
// does not tell the caller to wait.
func TestCancelOfRefusedSubmission(t *testing.T) {
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
