package backup

import (
	"context"
	"time"
)

// A Step is one record in a submission's log. Steps are numbered from 0 and
// only ever added: whoever adds number N has decided what happens next.
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
	StepVoid    StepKind = "void"    // the attempt surely started nothing
	StepCreated StepKind = "created" // the job exists
	StepRefused StepKind = "refused" // the cloud said no
)

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
		s.Log.Error("a job beside the log", "submission", r.SubmissionID, "job", step.JobID, "logged", known.Last.Kind, "logged_job", known.Last.JobID)
		s.violation(ctx, e.Actor, *r, "job beside the log", step.JobID, known.Last.JobID)
	}
	return true, nil
}

// store adds a step to the log of r and e to the audit trail, both or neither.
func (s *Service) store(ctx context.Context, r Record, step Step, e AuditEvent) (bool, error) {
	if s.Audit == nil {
		return s.Store.Append(ctx, r.SubmissionID, step)
	}
	return s.Audit.Along(ctx, e, func(row AuditRow) (bool, error) {
		return s.Store.Append(ctx, r.SubmissionID, step, row)
	})
}
