package backup

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Steps stores the step logs of submissions: for each one a list of numbered steps, which are
// attempts and their results. The store accepts only one step for a submission and
// number. So if several processes add a step at the same time, exactly one succeeds.
type Steps interface {
	// Find returns the record with its last step. The error is [ErrNotFound] for an unknown id.
	Find(ctx context.Context, id string) (Record, error)
	// Append inserts the step s. It reports whether the stored step with this number is s,
	// which it recognises by its Owner; so a call that is repeated because its answer was lost
	// returns true.
	//
	// It inserts nothing if the number would leave a gap, or if the step before is created or
	// refused. It stores the audit rows in the same transaction: they are stored exactly if the
	// result is true.
	Append(ctx context.Context, id string, s Step, audit ...AuditRow) (bool, error)
	// CheckClock compares the time at with the store's clock. If they differ too much, the
	// error is a [*ClockError]: the wall clock from which at was read is wrong.
	CheckClock(ctx context.Context, at time.Time) error
}

// Step is one entry of a submission's step log. Steps are numbered from 0 and never changed.
type Step struct {
	N         int // -1 in [Record.Last] if there is no step
	Kind      StepKind
	Owner     string    // random text, different for each step: recognises a repeated insert
	At        time.Time // milliseconds
	Until     time.Time // for attempt: no call is sent after this time; zero for other kinds
	JobID     string    // for created: id of the job; empty for other kinds
	Code      string    // for void and refused: the cloud's error code, or a code that begins with "portal."
	Message   string    // for void and refused: the cloud's text, cleaned
	RequestID string    // the cloud's id of the call; empty if unknown
	// Notices are messages about the step to be sent. They are stored in the same transaction
	// as the step: see [Notices]. They are not part of the log, so a step that was read has
	// none.
	Notices []Notice
}

// StepKind says what a [Step] records: that a call was permitted, or how it ended.
type StepKind string

// The kinds of steps. Their texts are stored, so they do not change. The package comment has the
// table of their order.
const (
	StepNone    StepKind = ""        // there is no step yet
	StepAttempt StepKind = "attempt" // the call may be sent until Step.Until
	// StepNotSent ends an attempt that started no job: its call had the class [ClassNotSent],
	// or the cloud's list proved it. The state is then [StateNotSent], and another attempt may
	// follow.
	StepNotSent StepKind = "void"
	StepCreated StepKind = "created" // the job exists
	StepRefused StepKind = "refused" // the cloud refused, or the log is full
)

// isFinal reports whether no step can follow one of kind k.
func (k StepKind) isFinal() bool { return k == StepCreated || k == StepRefused }

// maxSteps limits a step log to 32 attempts with void steps between them. If the log has this
// length and a listing shows no job, the portal stores refused instead of void, so the
// submission ends. Attempts that failed without a listing, such as throttled ones, do not end
// it.
const maxSteps = 63

// stepLog reads and writes the step logs of submissions. It stores each step together with its
// audit record, and stores the notices about a result.
type stepLog struct {
	store   Steps
	trail   trail
	notices notifier
	log     *slog.Logger
	now     func() time.Time
	newID   func() string
	wait    func(ctx context.Context, d time.Duration) error
	ended   func(result string) // counts a recorded result of an attempt
}

// steps returns the step log of s.
func (s *Service) steps() stepLog {
	return stepLog{
		store: s.Store, trail: s.trail(), notices: s.notifier(), log: s.Log,
		now: s.Now, newID: s.NewID, wait: s.Wait, ended: s.countAttempt,
	}
}

// find returns the record with its last step. The errors are [ErrNotFound] and
// [ErrStoreUnavailable].
func (l stepLog) find(ctx context.Context, id string) (Record, error) {
	r, err := l.store.Find(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = storeUnavailable(err)
	}
	return r, err
}

// addStep inserts a step with a new owner, together with the audit event e. It reports whether
// the stored step with this number is the new one; if not, another process was faster. The
// error is [ErrStoreUnavailable].
func (l stepLog) addStep(ctx context.Context, r Record, step Step, e AuditEvent) (ours bool, err error) {
	step.Owner, step.At = l.newID(), l.now()
	if ours, err = l.write(ctx, r, step, e); err != nil {
		err = storeUnavailable(err)
	}
	return ours, err
}

// addJob stores a created job after the last step, even if other processes have added steps
// meanwhile: the job of a process that was paused must not be lost. It returns the step with
// its number. If it cannot be stored, addJob logs that and writes it to the audit trail.
func (l stepLog) addJob(ctx context.Context, r Record, step Step, e AuditEvent) Step {
	for range maxSteps {
		added, err := l.tryAddJob(ctx, &r, step, e)
		if err != nil {
			l.log.ErrorContext(ctx, "recording a job", "submission", r.SubmissionID, "job", step.JobID, "error", err)
			l.trail.recordOrLog(ctx, e)
		}
		if added || err != nil {
			break
		}
	}
	step.N = r.Last.N + 1
	return step
}

// tryAddJob tries once to store a created job after r.Last. added is true if nothing is left to
// do: the step is stored, or the log is final. If it is false without an error, another process
// has added a step; r.Last is then that step, and the caller must try again.
//
// If the log is final with another result, tryAddJob writes an audit violation: the submission
// has a job that its log does not show.
func (l stepLog) tryAddJob(ctx context.Context, r *Record, step Step, e AuditEvent) (added bool, err error) {
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
	l.trail.recordOrLog(ctx, e)
	if known.Last.JobID != step.JobID {
		l.log.ErrorContext(ctx, "a job beside the log", "submission", r.SubmissionID, "job", step.JobID,
			"logged", known.Last.Kind, "logged_job", known.Last.JobID)
		l.trail.violation(ctx, e.Actor, *r, "job beside the log", step.JobID, known.Last.JobID)
	}
	return true, nil
}

// maxRetries is how often conclude repeats a failed write: after 0.2, 0.4, 0.8 and 1.6 s.
const maxRetries = 4

// conclude stores the result of an attempt, together with the audit event e, and stores the
// notices about it. It sets the owner and the time of step. It reports whether the stored step
// with this number is step. The error is that of the store.
//
// It retries for about three seconds. Without a stored result, every repeat of the submission
// would have to wait until the attempt's window and the list lag have passed.
func (l stepLog) conclude(ctx context.Context, r Record, step *Step, e AuditEvent) (ours bool, err error) {
	step.Owner, step.At = l.newID(), l.now()
	stored := *step
	r.Last = *step
	stored.Notices = l.notices.noticesOf(r)
	for retry := 1; ; retry++ {
		ours, err = l.write(ctx, r, stored, e)
		if ours {
			l.ended(string(step.Kind))
		}
		if ours && len(stored.Notices) > 0 {
			l.notices.wake()
		}
		if err == nil || retry > maxRetries {
			return ours, err
		}
		if stored.Notices != nil {
			// The result matters more than its notices: the next sweep stores them.
			l.log.WarnContext(ctx, "recording notices", "submission", r.SubmissionID, "notices", len(stored.Notices), "error", err)
			stored.Notices = nil
		}
		if waitErr := l.wait(ctx, 100*time.Millisecond<<retry); waitErr != nil {
			return false, err
		}
	}
}

// write inserts a step of r together with e, both or neither.
func (l stepLog) write(ctx context.Context, r Record, step Step, e AuditEvent) (bool, error) {
	return l.trail.along(ctx, e, func(rows ...AuditRow) (bool, error) {
		return l.store.Append(ctx, r.SubmissionID, step, rows...)
	})
}
