package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"backupportal/function/param"
)

// CreateBackupJob has no idempotency token. So each submission has a log of
// numbered steps that are only ever added; whoever adds number N has decided
// what happens next, and everybody else reads it. An attempt without a result
// is nobody's to repeat until its window has passed and the cloud's own list,
// searched by the submission's JobName, shows no job.
const (
	budget     = 30 * time.Second // longest time from an attempt's record to the end of its call
	mostSends  = 3                // attempts in one call of Submit
	mostSteps  = 63               // then the submission is given up: after 32 attempts
	recordTime = 5 * time.Second  // to write what the cloud answered
	mostRetell = 4                // tries again to write what the cloud answered: after 0.2, 0.4, 0.8 and 1.6 s
	gaveUp     = "portal.GaveUp"  // code of a submission that was given up
	notListed  = "portal.NotListed"
)

// settle stands for a [Service.Settle] of zero. How late the real list is has
// not been measured yet.
const settle = 60 * time.Second

// KeyExpires is how long a key stands for the submission that first had it. A
// repeat after this is a new submission.
const KeyExpires = 7 * 24 * time.Hour

// An Answer is what became of a submission.
type Answer struct {
	Record
	Status     State         // CREATED, REFUSED or UNKNOWN
	Replayed   bool          // an earlier request with this key did it
	RetryAfter time.Duration // of UNKNOWN: when it makes sense to ask again
}

// Submit checks sub, asks the policy, and makes at most one job of it, however
// often it is called and wherever it is interrupted.
//
// The answer's Status is CREATED if there is a job, REFUSED if the cloud said
// no, and UNKNOWN while nobody knows. The first two are final: every repeat has
// the same answer. Errors are an [param.InvalidError], a [*DeniedError], a
// [*LimitError], a [*BusyError], or ErrStoreAway: nothing was started by this call.
func (s *Service) Submit(ctx context.Context, sub Submission) (Answer, error) {
	call, err := s.Prepare(ctx, sub)
	ctx, cancel := persistent(ctx)
	defer cancel()
	if denied, ok := errors.AsType[*DeniedError](err); ok {
		return s.denied(ctx, sub, call, denied)
	}
	if err != nil {
		return Answer{}, err
	}
	if answer, done, err := s.enter(ctx, sub, call); done || err != nil {
		return answer, err
	}
	r, ours, err := s.Store.Claim(ctx, s.record(sub, sub.ID(), call))
	if err != nil {
		return Answer{}, away(err)
	}
	if !ours && r.Fingerprint != sub.Fingerprint() {
		if call.Grant.limited() {
			s.withdraw(ctx, s.record(sub, sub.ID(), call), 0) // taken as the other came
		}
		return Answer{}, &BusyError{Err: ErrKeyReused, SubmissionID: r.SubmissionID}
	}
	call.Params["JobName"] = r.JobName // that of this use of the key
	r.Principal = sub.Principal        // with what stores do not remember
	return s.finish(ctx, r, call)
}

// persistent is ctx without its cancellation, but with its deadline. What was
// begun is brought to its end even if the caller goes away: one who presses
// twice, or closes the page, must not turn a backup into a question.
func persistent(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}

// record is what the store is to remember of sub.
func (s *Service) record(sub Submission, id string, call Call) Record {
	now := s.Now().Truncate(time.Millisecond) // the precision of stores
	return Record{
		Submission: sub, SubmissionID: id, Fingerprint: sub.Fingerprint(), JobName: sub.JobName(),
		AccountID: call.Target.Account.ID, Access: call.Target.Account.Access, Complete: call.Params, CreatedAt: now, ExpiresAt: now.Add(KeyExpires), Last: Step{N: -1},
	}
}

// denied answers a submission that the policy refuses. What it came to before
// the policy did is still so: a repeat has the first answer. Otherwise nothing
// is sent.
func (s *Service) denied(ctx context.Context, sub Submission, call Call, denied *DeniedError) (Answer, error) {
	if answer, ok := s.earlier(ctx, sub); ok {
		return answer, nil
	}
	return Answer{}, s.deny(ctx, sub, call, denied)
}

// deny puts a refusal by the policy into the history, and returns it. It uses
// up no key: once the policy allows it, the same submission can be made. The
// same refusal is there once an hour, however often somebody is refused. One
// that cannot be recorded is a refusal all the same.
func (s *Service) deny(ctx context.Context, sub Submission, call Call, denied *DeniedError) error {
	r := s.record(sub, sub.deniedID(s.Now()), call)
	r.JobName = sub.label() // there is no job that could be found by more
	for _, m := range denied.Lines {
		r.Denied = append(r.Denied, param.Both(m.In(param.English), m.In(param.Chinese)))
	}
	e := about(AuditDenied, ActionCreate, sub.Principal, r, 0)
	e.Decision.Lines = linesOf(denied.Lines)
	s.tellAudit(ctx, e)
	known, _, err := s.Store.Claim(ctx, r)
	if err != nil {
		s.Log.ErrorContext(ctx, "recording a refusal", "principal", sub.Principal.ID(), "error", err)
		return denied
	}
	return &DeniedError{Lines: denied.Lines, SubmissionID: known.SubmissionID}
}

// finish does what comes next by the log, until there is an answer.
func (s *Service) finish(ctx context.Context, r Record, call Call) (Answer, error) {
	id := r.SubmissionID
	for sends := 0; ; {
		answer, done, err := s.next(ctx, r, call, &sends)
		if errors.Is(err, ErrNotSent) {
			s.withdraw(ctx, r, r.Last.N)
		}
		if done || err != nil {
			return answer, err
		}
		if r, err = s.find(ctx, id); err != nil {
			return Answer{}, err
		}
		r.Principal = call.Target.Principal
	}
}

// next does one step. It is not done if the log has to be read again.
func (s *Service) next(ctx context.Context, r Record, call Call, sends *int) (_ Answer, done bool, _ error) {
	switch {
	case r.Last.Kind == StepCreated || r.Last.Kind == StepRefused:
		return s.stored(r, true), true, nil
	case r.Last.Kind == StepAttempt && s.Now().Before(s.settled(r.Last)):
		return Answer{}, false, &BusyError{Err: ErrInProgress, SubmissionID: r.SubmissionID, RetryAfter: s.retryAfter(r.Last)}
	case r.Last.Kind == StepAttempt:
		if _, err := s.reconcile(ctx, r.Principal, r); errors.Is(err, ErrStoreAway) {
			return Answer{}, false, err
		} else if err != nil {
			s.Log.WarnContext(ctx, "listing jobs", "submission", r.SubmissionID, "error", err)
			answer := s.unknown(r)
			answer.RetryAfter = max(answer.RetryAfter, 15*time.Second)
			return answer, true, nil
		}
		return Answer{}, false, nil
	case *sends == mostSends:
		return Answer{}, false, &BusyError{Err: ErrNotSent, SubmissionID: r.SubmissionID, RetryAfter: 15 * time.Second}
	case *sends > 0:
		if err := s.Wait(ctx, rand.N(200*time.Millisecond<<*sends)); err != nil {
			return Answer{}, false, &BusyError{Err: ErrNotSent, SubmissionID: r.SubmissionID, RetryAfter: time.Second}
		}
	}
	if !s.Now().Before(r.ExpiresAt) {
		// This call paused for a week: by now somebody may have used the key again.
		return Answer{}, false, &BusyError{Err: ErrNotSent, SubmissionID: r.SubmissionID, RetryAfter: time.Second}
	}
	if s.ListFirst && *sends == 0 {
		if answer, done, err := s.recall(ctx, r); done || err != nil {
			return answer, done, err
		}
	}
	*sends++
	return s.attempt(ctx, r, call)
}

// stored is the answer of a submission that is at its end: always the same,
// whatever has become of the job since.
func (s *Service) stored(r Record, replayed bool) Answer {
	r.Job, r.Cancellation = Job{}, Cancellation{}
	status := Refused
	if r.Last.Kind == StepCreated {
		status = StateCreated
	}
	return Answer{Record: r, Status: status, Replayed: replayed}
}

// unknown is the answer while nobody knows.
func (s *Service) unknown(r Record) Answer {
	return Answer{Record: r, Status: Unknown, RetryAfter: s.retryAfter(r.Last)}
}

// settled is when a listing that begins then, and does not show the job of an
// attempt, proves that there is none.
func (s *Service) settled(attempt Step) time.Time {
	return attempt.Until.Add(cmp.Or(s.Settle, settle))
}

// retryAfter is how long to wait before a repeat can learn more about an
// attempt.
func (s *Service) retryAfter(attempt Step) time.Duration {
	now := s.Now()
	if now.Before(attempt.Until) {
		return 2 * time.Second
	}
	return max(s.settled(attempt).Sub(now), time.Second)
}

// attempt records that the call is about to be made, makes it, and records
// what came of it. It is not done if the log has to be read again.
func (s *Service) attempt(ctx context.Context, r Record, call Call) (_ Answer, done bool, _ error) {
	until := s.Now().Add(budget)
	if deadline, ok := ctx.Deadline(); ok {
		// A platform stops the process then, by its own clock.
		if left := s.Now().Add(time.Until(deadline.Round(0))); left.Before(until) {
			until = left
		}
	}
	step := Step{N: r.Last.N + 1, Kind: StepAttempt, Until: until.Truncate(time.Millisecond)}
	if step.N > 0 && call.Grant.limited() {
		// Whoever found that the attempt before made nothing gives back its place, maybe only now.
		if err := s.admit(ctx, r, call, step.N); err != nil {
			return Answer{}, false, err
		}
	}
	intent := about(AuditIntent, ActionCreate, r.Principal, r, step.N)
	intent.Decision = AuditDecision{Allow: true, Rule: call.Grant.Rule}
	ours, err := s.append(ctx, r, step, intent)
	if err != nil {
		return Answer{}, false, away(err)
	}
	if !ours {
		return Answer{}, false, nil
	}
	r.Last = step
	s.Log.InfoContext(ctx, "sending", "submission", r.SubmissionID, "attempt", step.N, "job_name", r.JobName)
	// What the cloud answers is written down even if that takes a little longer.
	ctx = context.WithoutCancel(ctx)
	limited, cancel := context.WithTimeout(ctx, step.Until.Sub(s.Now()))
	defer cancel()
	call.Until = step.Until
	sent := s.Now()
	created, err := s.Cloud.CreateBackupJob(limited, call)
	took := s.Now().Sub(sent)
	ctx, cancel = context.WithTimeout(ctx, recordTime)
	defer cancel()
	if err == nil {
		e := about(AuditAnswered, ActionCreate, r.Principal, r, step.N)
		e.Outcome = AuditOutcome{Class: ClassSuccess, JobID: created.JobID, RequestID: created.RequestID, Milliseconds: took.Milliseconds()}
		return s.created(ctx, r, created, e), true, nil
	}
	return s.failed(ctx, r, err, took)
}

// created records the job. If that fails the answer stands all the same: the
// job exists, and the cloud's list will teach the log later.
// What the audit is told of it is e.
func (s *Service) created(ctx context.Context, r Record, c Created, e AuditEvent) Answer {
	s.Log.InfoContext(ctx, "job created", "submission", r.SubmissionID, "job", c.JobID, "cloud_request_id", c.RequestID)
	step := Step{Kind: StepCreated, JobID: c.JobID, RequestID: c.RequestID}
	for range mostSteps {
		told, err := s.tell(ctx, &r, step, e)
		if err != nil {
			s.Log.ErrorContext(ctx, "recording a job", "submission", r.SubmissionID, "job", c.JobID, "error", err)
			s.tellAudit(ctx, e)
		}
		if told || err != nil {
			break
		}
	}
	step.N = r.Last.N + 1
	r.Last = step
	return s.stored(r, false)
}

// tell appends the job to the log of r, behind whatever somebody wrote who took
// over after a pause of this instance. It is told when it is there, or nothing
// can follow; if not, r is what has to be told again.
func (s *Service) tell(ctx context.Context, r *Record, step Step, e AuditEvent) (told bool, err error) {
	step.N = r.Last.N + 1
	if told, err = s.conclude(ctx, *r, &step, e); told || err != nil {
		return told, err
	}
	known, err := s.find(ctx, r.SubmissionID)
	if err != nil {
		return false, err
	}
	if known.Last.Kind != StepRefused && known.Last.Kind != StepCreated {
		r.Last = known.Last
		return false, nil
	}
	s.tellAudit(ctx, e)
	if known.Last.JobID != step.JobID {
		s.Log.ErrorContext(ctx, "a job beside the log", "submission", r.SubmissionID, "job", step.JobID, "logged", known.Last.Kind, "logged_job", known.Last.JobID)
		s.violation(ctx, e.Actor, *r, "job beside the log", step.JobID, known.Last.JobID)
	}
	return true, nil
}

// failed records what is sure about a call that did not succeed.
func (s *Service) failed(ctx context.Context, r Record, err error, took time.Duration) (_ Answer, done bool, _ error) {
	cloud, ok := errors.AsType[*CloudError](err)
	if !ok {
		cloud = &CloudError{Action: "CreateBackupJob", Outcome: ErrUnknownOutcome, Cause: "unclassified"}
	}
	s.Log.WarnContext(ctx, "job not created", "submission", r.SubmissionID, "cloud_request_id", cloud.RequestID, "error", cloud)
	e := about(AuditAnswered, ActionCreate, r.Principal, r, r.Last.N)
	e.Outcome = outcomeOf(cloud, took)
	step := Step{N: r.Last.N + 1, Code: cloud.Code, Message: cloud.Message, RequestID: cloud.RequestID}
	switch e.Outcome.Class {
	case ClassRefused:
		step.Kind = StepRefused
		ours, err := s.conclude(ctx, r, &step, e)
		if err != nil || !ours {
			s.tellAudit(ctx, e)
			// Somebody took over, and may have made a job: the refusal is theirs to find.
			return s.unknown(r), true, nil
		}
		r.Last = step
		s.end(ctx, r)
		if !cloud.Unlisted { // else there may be something all the same
			s.withdraw(ctx, r, step.N)
		}
		return s.stored(r, false), true, nil
	case ClassNoEffect:
		step.Kind = StepVoid
		ours, err := s.conclude(ctx, r, &step, e)
		if err != nil || !ours {
			s.tellAudit(ctx, e)
		}
		if err != nil {
			return Answer{}, false, away(err)
		}
		return Answer{}, false, nil
	}
	s.tellAudit(ctx, e)
	return s.unknown(r), true, nil
}

// append adds a step of a new owner to the log of r, and e to the audit trail,
// both or neither.
func (s *Service) append(ctx context.Context, r Record, step Step, e AuditEvent) (bool, error) {
	step.Owner, step.At = s.NewID(), s.Now()
	return s.store(ctx, r, step, e)
}

// conclude adds what became of an attempt, completing the step, and with it e to
// the audit trail, and announces it.
// Without it every repeat would have to wait for the attempt's window, so a
// database that is about to come back is waited for.
func (s *Service) conclude(ctx context.Context, r Record, step *Step, e AuditEvent) (ours bool, err error) {
	step.Owner, step.At = s.NewID(), s.Now()
	for retry := 1; ; retry++ {
		ours, err = s.store(ctx, r, *step, e)
		if ours {
			r.Last = *step
			_ = s.announce(ctx, s.notices(r)) // logged, and repeated by the next sweep
		}
		if err == nil || retry > mostRetell {
			return ours, err
		}
		if waiting := s.Wait(ctx, 100*time.Millisecond<<retry); waiting != nil {
			return false, err
		}
	}
}

// away says that an error of the store is one: even that a submission which
// was there a moment ago is not found.
func away(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: %v", ErrStoreAway, err)
	}
	return fmt.Errorf("%w: %w", ErrStoreAway, err)
}
