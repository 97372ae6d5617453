package backup

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Steps stores the logs of submissions. Two steps of one submission never have the
// same number.
type Steps interface {
	// Find returns the record with its last step, or ErrNotFound.
	Find(ctx context.Context, id string) (Record, error)
	// Append adds a step to the log. It reports whether the step with that
	// number is this one: a repeat of the same step by the same Owner is.
	// Nothing is added behind a gap, nor behind created or refused. Rows of the
	// audit trail are there if the step is this one, and not if it is not.
	Append(ctx context.Context, id string, s Step, audit ...AuditRow) (bool, error)
}

// A Step is one record in a submission's log. Steps are numbered from 0 and only
// ever added: the process that adds number N decides what happens next.
type Step struct {
	N         int
	Kind      StepKind
	Owner     string    // random, one for each step: whose it is
	At        time.Time // milliseconds
	Until     time.Time // of an attempt: no sending after this
	JobID     string    // of created
	Code      string    // of void and refused: the cloud's code, or our reason
	Message   string    // of refused: what the cloud said, cleaned
	RequestID string    // the cloud's, if it gave one
}

// A StepKind says what a [Step] records.
type StepKind string

// The kinds of steps. A submission ends with created or refused.
const (
	StepNone    StepKind = ""        // nothing is recorded yet
	StepAttempt StepKind = "attempt" // the call may be made until Step.Until
	StepNotSent StepKind = "void"    // the attempt surely started nothing
	StepCreated StepKind = "created" // the job exists
	StepRefused StepKind = "refused" // the cloud said no
)

// isFinal reports whether no step can follow one of kind k.
func (k StepKind) isFinal() bool { return k == StepCreated || k == StepRefused }

// mostSteps is the length of a log at which a submission is given up: after 32
// attempts.
const mostSteps = 63

// A stepLog reads and writes the logs of submissions. It stores each step together
// with its audit record, and announces the results.
type stepLog struct {
	store   Steps
	trail   trail
	notices notifier
	log     *slog.Logger
	now     func() time.Time
	newID   func() string
	wait    func(ctx context.Context, d time.Duration) error
}

// steps returns the step log of s.
func (s *Service) steps() stepLog {
	return stepLog{
		store: s.Store, trail: s.trail(), notices: s.notifier(), log: s.Log,
		now: s.Now, newID: s.NewID, wait: s.Wait,
	}
}

// find returns the record with its last step. Its errors are [ErrNotFound] and
// [ErrStoreUnavailable].
func (l stepLog) find(ctx context.Context, id string) (Record, error) {
	r, err := l.store.Find(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = storeUnavailable(err)
	}
	return r, err
}

// append adds a step of a new owner to the log of r, and e to the audit trail,
// both or neither. It reports whether the step with that number is this one. Its
// error is [ErrStoreUnavailable].
func (l stepLog) append(ctx context.Context, r Record, step Step, e AuditEvent) (ours bool, err error) {
	step.Owner, step.At = l.newID(), l.now()
	if ours, err = l.add(ctx, r, step, e); err != nil {
		err = storeUnavailable(err)
	}
	return ours, err
}

// addJob adds the step of a job, behind the steps of a process that took over
// while this one paused. It returns the step with its number, even if it could not
// be stored, which is logged.
func (l stepLog) addJob(ctx context.Context, r Record, step Step, e AuditEvent) Step {
	for range mostSteps {
		added, err := l.tryJob(ctx, &r, step, e)
		if err != nil {
			l.log.ErrorContext(ctx, "recording a job", "submission", r.SubmissionID, "job", step.JobID, "error", err)
			l.trail.tell(ctx, e)
		}
		if added || err != nil {
			break
		}
	}
	step.N = r.Last.N + 1
	return step
}

// tryJob adds the step of a job behind the last step of r. It reports whether the
// step is stored, or can no longer be: the log is final. If not, it sets r.Last to
// the step that is last by now.
func (l stepLog) tryJob(ctx context.Context, r *Record, step Step, e AuditEvent) (added bool, err error) {
	step.N = r.Last.N + 1
	if added, err = l.conclude(ctx, *r, &step, e); added || err != nil {
		return added, err
	}
	known, err := l.find(ctx, r.SubmissionID)
	if err != nil {
		return false, err
	}
	if !known.Last.Kind.isFinal() {
		r.Last = known.Last
		return false, nil
	}
	l.trail.tell(ctx, e)
	if known.Last.JobID != step.JobID {
		l.log.ErrorContext(ctx, "a job beside the log", "submission", r.SubmissionID, "job", step.JobID,
			"logged", known.Last.Kind, "logged_job", known.Last.JobID)
		l.trail.violation(ctx, e.Actor, *r, "job beside the log", step.JobID, known.Last.JobID)
	}
	return true, nil
}

// mostRetell is how often conclude tries again: after 0.2, 0.4, 0.8 and 1.6 s.
const mostRetell = 4

// conclude adds the result of an attempt, completing the step, and with it e to
// the audit trail, and announces it. It retries for a few seconds: without the
// result every repeat has to wait for the end of the attempt's window.
func (l stepLog) conclude(ctx context.Context, r Record, step *Step, e AuditEvent) (ours bool, err error) {
	step.Owner = l.newID()
	if step.At.IsZero() {
		step.At = l.now()
	}
	for retry := 1; ; retry++ {
		ours, err = l.add(ctx, r, *step, e)
		if ours {
			r.Last = *step
			_ = l.notices.announce(ctx, l.notices.noticesOf(r)) // logged, and repeated by the next sweep
		}
		if err == nil || retry > mostRetell {
			return ours, err
		}
		if waiting := l.wait(ctx, 100*time.Millisecond<<retry); waiting != nil {
			return false, err
		}
	}
}

// add stores a step of r together with e, both or neither.
func (l stepLog) add(ctx context.Context, r Record, step Step, e AuditEvent) (bool, error) {
	return l.trail.along(ctx, e, func(rows ...AuditRow) (bool, error) {
		return l.store.Append(ctx, r.SubmissionID, step, rows...)
	})
}
