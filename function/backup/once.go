package backup

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// CreateBackupJob has no idempotency token. So each submission has a log of
// numbered steps that are only ever added; whoever adds number N has decided
// what happens next, and everybody else reads it. An attempt without a result
// is nobody's to repeat until its window has passed and the cloud's own list,
// searched by the submission's JobName, shows no job.
const (
	budget     = 30 * time.Second   // longest time from an attempt's record to the end of its call
	settle     = 60 * time.Second   // until a job surely shows in the list, clocks 5 s apart included
	mostSends  = 3                  // attempts in one call of Submit
	mostSteps  = 64                 // then the submission is given up
	keyExpires = 7 * 24 * time.Hour // a repeat after this is a new submission
	recordTime = 5 * time.Second    // to write what the cloud answered
	gaveUp     = "portal.GaveUp"    // code of a submission that was given up
	notListed  = "portal.NotListed" // code of an attempt that the cloud does not list
)

// An Answer is what became of a submission.
type Answer struct {
	Record
	Status   State
	Replayed bool // an earlier request with this key did it
}

// Submit checks sub, asks the policy, and makes at most one job of it, however
// often it is called and wherever it is interrupted.
//
// The answer's Status is CREATED or a later one if there is a job, REFUSED if
// the cloud said no, and UNKNOWN while nobody knows. Errors are an
// [InvalidError], a [*DeniedError], a [*BusyError], or ErrStoreAway: nothing
// was started by this call.
func (s *Service) Submit(ctx context.Context, sub Submission) (Answer, error) {
	call, err := s.Prepare(sub)
	if err != nil {
		return Answer{}, err
	}
	now := s.Now().Truncate(time.Millisecond) // the precision of stores
	r := Record{
		Submission: sub, SubmissionID: sub.ID(), Fingerprint: sub.Fingerprint(), JobName: sub.JobName(),
		Complete: call.Params, CreatedAt: now, ExpiresAt: now.Add(keyExpires), Last: Step{N: -1},
	}
	if _, err := s.Store.Claim(ctx, r); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrStoreAway, err)
	}
	return s.finish(ctx, r, call)
}

// finish reads the log and does what comes next, until there is an answer.
func (s *Service) finish(ctx context.Context, r Record, call Call) (Answer, error) {
	for sends := 0; ; {
		known, err := s.find(ctx, r.SubmissionID)
		if err != nil {
			return Answer{}, err
		}
		if known.Fingerprint != r.Fingerprint {
			return Answer{}, &BusyError{Err: ErrKeyReused, SubmissionID: r.SubmissionID}
		}
		switch {
		case known.Last.Kind == StepCreated || known.Last.Kind == StepRefused:
			return Answer{Record: known, Status: known.State(s.Now()), Replayed: sends == 0}, nil
		case known.Last.Kind == StepAttempt && s.Now().Before(known.Last.Until.Add(settle)):
			return Answer{}, &BusyError{ErrInProgress, r.SubmissionID, s.retryAfter(known.Last)}
		case known.Last.Kind == StepAttempt:
			if _, err := s.reconcile(ctx, known); err != nil {
				s.Log.Warn("listing jobs", "submission", r.SubmissionID, "error", err)
				return Answer{Record: known, Status: Unknown}, nil
			}
			continue
		case sends == mostSends:
			return Answer{}, &BusyError{ErrNotSent, r.SubmissionID, 15 * time.Second}
		case sends > 0:
			if err := s.Wait(ctx, rand.N(200*time.Millisecond<<sends)); err != nil {
				return Answer{}, &BusyError{ErrNotSent, r.SubmissionID, time.Second}
			}
		}
		if s.ListFirst && known.Last.N < 0 {
			if answer, done, err := s.recall(ctx, known); done || err != nil {
				return answer, err
			}
		}
		sends++
		answer, done, err := s.attempt(ctx, known, call)
		if done || err != nil {
			return answer, err
		}
	}
}

// retryAfter is how long a repeat should wait for an attempt of somebody else.
func (s *Service) retryAfter(attempt Step) time.Duration {
	now := s.Now()
	if now.Before(attempt.Until) {
		return 2 * time.Second
	}
	return max(attempt.Until.Add(settle).Sub(now).Truncate(time.Second), time.Second)
}

// attempt records that the call is about to be made, makes it, and records
// what came of it. It is not done if the log has to be read again.
func (s *Service) attempt(ctx context.Context, r Record, call Call) (_ Answer, done bool, _ error) {
	until := s.Now().Add(budget)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	ours, err := s.append(ctx, r, Step{N: r.Last.N + 1, Kind: StepAttempt, Until: until})
	if err != nil {
		return Answer{}, false, fmt.Errorf("%w: %w", ErrStoreAway, err)
	}
	if !ours {
		return Answer{}, false, nil
	}
	r.Last.N++
	s.Log.Info("sending", "submission", r.SubmissionID, "attempt", r.Last.N, "job_name", r.JobName)
	// The call is made and its answer written down even if the caller goes away:
	// one who closes the page must not turn a job into a question.
	ctx = context.WithoutCancel(ctx)
	limited, cancel := context.WithTimeout(ctx, until.Sub(s.Now()))
	defer cancel()
	created, err := s.Cloud.CreateBackupJob(limited, call)
	ctx, cancel = context.WithTimeout(ctx, recordTime)
	defer cancel()
	if err == nil {
		return s.created(ctx, r, created), true, nil
	}
	return s.failed(ctx, r, err)
}

// created records the job. If that fails the answer stands all the same: the
// job exists, and the cloud's list will teach the log later.
func (s *Service) created(ctx context.Context, r Record, c Created) Answer {
	s.Log.Info("job created", "submission", r.SubmissionID, "job", c.JobID, "request_id", c.RequestID)
	step := Step{Kind: StepCreated, JobID: c.JobID, RequestID: c.RequestID}
	for range mostSteps {
		step.N = r.Last.N + 1
		ours, err := s.append(ctx, r, step)
		if err != nil {
			s.Log.Error("recording a job", "submission", r.SubmissionID, "job", c.JobID, "error", err)
			break
		}
		if ours {
			break
		}
		// Somebody took over after a pause of this instance: the job is told behind what they wrote.
		known, err := s.find(ctx, r.SubmissionID)
		if err != nil {
			break
		}
		if known.Last.Kind == StepRefused || known.Last.Kind == StepCreated {
			if known.Last.JobID != c.JobID {
				s.Log.Error("a job beside the log", "submission", r.SubmissionID, "job", c.JobID, "logged", known.Last.Kind, "logged_job", known.Last.JobID)
			}
			break
		}
		r.Last = known.Last
	}
	r.Last = step
	return Answer{Record: r, Status: StateCreated}
}

// failed records what is sure about a call that did not succeed.
func (s *Service) failed(ctx context.Context, r Record, err error) (_ Answer, done bool, _ error) {
	cloud, ok := errors.AsType[*CloudError](err)
	if !ok {
		cloud = &CloudError{Action: "CreateBackupJob", Outcome: ErrUnknownOutcome, Cause: "unclassified"}
	}
	s.Log.Warn("job not created", "submission", r.SubmissionID, "error", cloud)
	step := Step{N: r.Last.N + 1, Code: cloud.Code, Message: cloud.Message, RequestID: cloud.RequestID}
	switch {
	case errors.Is(cloud, ErrRefused), errors.Is(cloud, ErrCredentials) && !cloud.Passing:
		step.Kind = StepRefused
		ours, err := s.append(ctx, r, step)
		if err != nil || !ours {
			// Somebody took over, and may have made a job: the refusal is theirs to find.
			return Answer{Record: r, Status: Unknown}, true, nil
		}
		r.Last = step
		return Answer{Record: r, Status: Refused}, true, nil
	case errors.Is(cloud, ErrThrottled), errors.Is(cloud, ErrNotSent), errors.Is(cloud, ErrCredentials):
		step.Kind = StepVoid
		if _, err := s.append(ctx, r, step); err != nil {
			return Answer{}, false, fmt.Errorf("%w: %w", ErrStoreAway, err)
		}
		return Answer{}, false, nil
	}
	return Answer{Record: r, Status: Unknown}, true, nil
}

// recall looks for a job that an earlier life of a forgetful store made of
// this submission. It is done if there is one, or if the account cannot even be
// looked into.
func (s *Service) recall(ctx context.Context, r Record) (_ Answer, done bool, _ error) {
	job, found, err := s.listed(ctx, r, s.Now().Add(-keyExpires))
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
		return Answer{}, false, fmt.Errorf("%w: %w", ErrStoreAway, appendErr)
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
		if j.JobName == r.JobName && (!found || j.CreatedTime.Before(job.CreatedTime)) {
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
	settled := !s.Now().Before(r.Last.Until.Add(settle))
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
	return s.append(ctx, r, step)
}

// append adds a step of a new owner to the log of r.
func (s *Service) append(ctx context.Context, r Record, step Step) (bool, error) {
	step.Owner, step.At = s.NewID(), s.Now()
	return s.Store.Append(ctx, r.SubmissionID, step)
}
