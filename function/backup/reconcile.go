package backup

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// recall looks for a job that an earlier life of a forgetful store made of
// this submission. It is done if there is one, or if the account cannot even be
// looked into.
func (s *Service) recall(ctx context.Context, r Record) (_ Answer, done bool, _ error) {
	since := s.Now().Add(-KeyExpires)
	if r.Since.After(since) {
		since = r.Since
	}
	job, found, err := s.listed(ctx, r, since)
	refused := errors.Is(err, ErrRefused) || errors.Is(err, ErrCredentials)
	switch {
	case err != nil && !refused:
		s.Log.Warn("listing jobs", "submission", r.SubmissionID, "error", err)
		return Answer{}, false, &BusyError{ErrNotSent, r.SubmissionID, 15 * time.Second}
	case !found && !refused:
		return Answer{}, false, nil
	}
	attempt := Step{N: 0, Kind: StepAttempt, Until: s.Now()}
	ours, appendErr := s.append(ctx, r, attempt)
	if appendErr != nil {
		return Answer{}, false, away(appendErr)
	}
	if !ours {
		return Answer{}, false, &BusyError{ErrInProgress, r.SubmissionID, time.Second}
	}
	r.Last = attempt
	if refused {
		return s.failed(ctx, r, err)
	}
	answer := s.created(ctx, r, Created{JobID: job.JobID})
	answer.Replayed = true
	return answer, true, nil
}

// listed searches the cloud's list for the job of r, from since on. If there
// are several, which the log exists to prevent, it is the oldest.
func (s *Service) listed(ctx context.Context, r Record, since time.Time) (job Job, found bool, err error) {
	target, ok := s.target(r)
	if !ok {
		return Job{}, false, fmt.Errorf("backup: account %q is no longer in the policy", r.Account())
	}
	jobs, err := s.Cloud.DescribeBackupJobs2(ctx, target, JobFilter{
		SourceType: listable(r.Complete.SourceType()), InstanceID: r.Complete["InstanceId"], Since: since,
	})
	for _, j := range jobs {
		if j.JobName != r.JobName {
			continue
		}
		if found {
			s.Log.Error("two jobs of one submission", "submission", r.SubmissionID, "job", job.JobID, "other_job", j.JobID)
		}
		if !found || j.CreatedTime.Before(job.CreatedTime) {
			job, found = j, true
		}
	}
	return job, found, err
}

// reconcile looks for the job of an attempt without a result in the cloud's
// own list. Finding it is proof at any time; not finding it is proof only if
// the listing began after the attempt's window and the settling time. It
// reports whether the log has a new step.
func (s *Service) reconcile(ctx context.Context, r Record) (bool, error) {
	settled := !s.Now().Before(s.settled(r.Last))
	job, found, err := s.listed(ctx, r, r.CreatedAt.Add(-time.Minute))
	if err != nil {
		return false, err
	}
	step := Step{N: r.Last.N + 1, Kind: StepVoid, Code: notListed}
	if found {
		step.Kind, step.Code, step.JobID = StepCreated, "", job.JobID
	}
	if step.Kind == StepVoid && !settled {
		return false, nil
	}
	if step.Kind == StepVoid && step.N >= mostSteps {
		step.Kind, step.Code = StepRefused, gaveUp
	}
	s.Log.Info("reconciled", "submission", r.SubmissionID, "step", step.Kind, "job", step.JobID)
	ours, err := s.append(ctx, r, step)
	if err != nil {
		return false, away(err)
	}
	if ours {
		r.Last = step
		s.end(ctx, r)
	}
	return ours, nil
}
