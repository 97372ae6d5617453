package backup

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// The codes of steps that the portal writes itself.
const (
	gaveUp    = "portal.GaveUp"    // of refused: no attempts are left
	notListed = "portal.NotListed" // of void: the cloud's list shows no job
)

// findForgottenJob looks for a job of this submission that the store has forgotten, before
// anything is sent. It is done if there is one. If AssumeRole is refused, nothing can
// be sent either, and the submission is refused. Any other listing that fails proves
// nothing: the error is a [*BusyError] with [ErrNotSent].
func (s *Service) findForgottenJob(ctx context.Context, r Record) (_ Answer, done bool, _ error) {
	job, found, err := s.listed(ctx, r.Principal, r)
	cloud, _ := errors.AsType[*CloudError](err)
	shut := cloud != nil && cloud.Action == "AssumeRole" &&
		(errors.Is(cloud, ErrRefused) || errors.Is(cloud, ErrCredentials) && !cloud.Passing)
	switch {
	case err != nil && !shut:
		s.Log.WarnContext(ctx, "listing jobs", "submission", r.SubmissionID, "error", err)
		busy := &BusyError{Err: ErrNotSent, SubmissionID: r.SubmissionID, RetryAfter: 15 * time.Second}
		if cloud != nil {
			busy.Code = cloud.Code
		}
		return Answer{}, false, busy
	case !found && !shut:
		return Answer{}, false, nil
	}
	attempt := Step{N: r.Last.N + 1, Kind: StepAttempt, Until: s.Now()}
	ours, appendErr := s.steps().append(ctx, r, attempt, about(AuditIntent, ActionCreate, r.Principal, r, attempt.N))
	if appendErr != nil {
		return Answer{}, false, appendErr
	}
	if !ours {
		return Answer{}, false, &BusyError{Err: ErrInProgress, SubmissionID: r.SubmissionID, RetryAfter: time.Second}
	}
	r.Last = attempt
	if shut {
		return s.failed(ctx, r, err, 0)
	}
	e := about(AuditReconciled, ActionCreate, r.Principal, r, attempt.N)
	e.Outcome = AuditOutcome{Class: ClassSuccess, JobID: job.JobID}
	answer := s.created(ctx, r, Created{JobID: job.JobID}, e)
	answer.Replayed = true
	return answer, true, nil
}

// reconcileAndRefund is reconcile for callers that never send: it refunds the limits of an
// attempt that started nothing.
func (s *Service) reconcileAndRefund(ctx context.Context, asks identity.Principal, r Record) (bool, error) {
	ours, err := s.reconcile(ctx, asks, r)
	if !ours || err != nil {
		return ours, err
	}
	if known, err := s.steps().find(ctx, r.SubmissionID); err == nil && known.Last.Kind != StepCreated {
		s.limiter().refund(ctx, r, r.Last.N)
	}
	return true, nil
}

// reconcile looks for the job of an attempt without a result in the cloud's
// own list. Finding it is proof at any time; not finding it is proof only if
// the listing began after the attempt's window and the settling time. It
// reports whether the log has a new step.
func (s *Service) reconcile(ctx context.Context, asks identity.Principal, r Record) (bool, error) {
	decided, started := s.Now(), time.Now()
	settled := !decided.Before(s.listCompleteAt(r.Last))
	job, found, err := s.listed(ctx, asks, r)
	if err != nil {
		return false, err
	}
	step := Step{N: r.Last.N + 1, Kind: StepNotSent, Code: notListed}
	if found {
		step.Kind, step.Code, step.JobID = StepCreated, "", job.JobID
	}
	if step.Kind == StepNotSent && !settled {
		return false, nil
	}
	if step.Kind == StepNotSent && step.N >= mostSteps {
		step.Kind, step.Code = StepRefused, gaveUp
	}
	s.Log.InfoContext(ctx, "reconciled", "submission", r.SubmissionID, "step", step.Kind, "job", step.JobID)
	e := about(AuditReconciled, ActionCreate, asks, r, r.Last.N)
	e.Outcome = AuditOutcome{Class: ClassNotSent, Code: step.Code, JobID: step.JobID}
	switch step.Kind {
	case StepCreated:
		e.Outcome.Class = ClassSuccess
	case StepRefused:
		e.Outcome.Class = ClassRefused
	}
	// The time of the step is that of the decision, carried on by the monotonic clock:
	// the store refuses it if the wall clock was wrong when the listing began, even if
	// it was set right since.
	step.At = decided.Add(time.Since(started))
	ours, err := s.steps().conclude(ctx, r, &step, e)
	if err != nil {
		return false, storeUnavailable(err)
	}
	if ours {
		r.Last = step
		s.markFinal(ctx, r)
	}
	return ours, nil
}

// listed searches the cloud's list for the job of r, in the name of asks. If there
// are several, which the log exists to prevent, it returns the oldest.
func (s *Service) listed(ctx context.Context, asks identity.Principal, r Record) (job Job, found bool, err error) {
	target, err := s.target(r, asks)
	if err != nil {
		return Job{}, false, err
	}
	jobs, err := s.Cloud.DescribeBackupJobs2(ctx, target, JobFilter{
		SourceType: listable(r.Complete.SourceType()), InstanceID: r.Complete["InstanceId"], Since: s.since(r),
	})
	for _, j := range jobs {
		if j.JobName != r.JobName && !(s.listFirst() && laterUse(j.JobName, r)) {
			continue
		}
		if found {
			s.Log.ErrorContext(ctx, "two jobs of one submission", "submission", r.SubmissionID, "job", job.JobID, "other_job", j.JobID)
			s.trail().violation(ctx, asks, r, "two jobs", job.JobID, j.JobID)
		}
		if !found || j.CreatedTime.Before(job.CreatedTime) {
			job, found = j, true
		}
	}
	return job, found, err
}

// laterUse reports whether a job's name is that of a later use of the key of r,
// which the store has forgotten.
func laterUse(name string, r Record) bool {
	_, use, ok := strings.Cut(name, r.SubmissionID+"-")
	number, err := strconv.Atoi(use)
	return ok && err == nil && number > 1
}

// since is the age of the oldest job that may be that of r. The cloud's clock
// may be as far from the portal's as it accepts signatures, 15 minutes. A store
// that may forget may have known the submission for as long as its key lives.
func (s *Service) since(r Record) time.Time {
	if s.listFirst() {
		return r.CreatedAt.Add(-KeyExpires)
	}
	return r.CreatedAt.Add(-20 * time.Minute)
}

// listable is the SourceType by which jobs of kind t can be listed:
// DescribeBackupJobs2 has no CONTAINER among its values.
func listable(t param.SourceType) param.SourceType {
	if t == param.Container {
		return ""
	}
	return t
}
