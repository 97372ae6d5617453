package backup

import (
	"context"
	"errors"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// MayCancel reports whether p may have the job of r cancelled, if there is one.
func (s *Service) MayCancel(ctx context.Context, p identity.Principal, r Record) bool {
	return s.Policy.May(ctx, p, ActionCancel, r.Complete)
}

// Cancel asks the cloud to cancel the job of a submission, and returns the
// submission as it is then. A job that is being cancelled, or was, needs no second
// request. Errors are [ErrNotFound], [ErrStoreUnavailable], a [*DeniedError] if p may not
// cancel it, or a [*BusyError] with ErrOver, ErrNoJob, ErrNotCancelled or
// ErrCancelNo. After ErrCancelNo the job goes on; after ErrNotCancelled it may.
func (s *Service) Cancel(ctx context.Context, p identity.Principal, id string) (Record, error) {
	r, err := s.Refresh(ctx, p, id)
	if err != nil {
		return Record{}, err
	}
	if !s.MayCancel(ctx, p, r) {
		e := about(AuditDenied, ActionCancel, p, r, r.Last.N)
		e.Door = "" // of this request, not of the submission
		s.trail().tell(ctx, e)
		return r, &DeniedError{Lines: []param.Mistake{{Code: "policy", Text: msgMayNotCancel}}, SubmissionID: id}
	}
	busy := &BusyError{SubmissionID: id}
	switch err := r.Cancellable(s.Now()); {
	case err == nil:
	case errors.Is(err, ErrCancelled):
		return r, nil
	default:
		if busy.Err = err; !r.State(s.Now()).IsTerminal() {
			busy.RetryAfter = pace // there may be one soon
		}
		return r, busy
	}
	target, err := s.target(r, p)
	if err != nil {
		s.Log.ErrorContext(ctx, "cancelling a job", "submission", id, "error", err)
		busy.Err = ErrNotCancelled
		return r, busy
	}
	// Whoever goes away has asked all the same.
	ctx, cancel := persistent(ctx)
	defer cancel()
	asked := Cancellation{By: p, At: s.Now().Truncate(time.Millisecond)}
	e := about(AuditIntent, ActionCancel, p, r, r.Last.N)
	e.Door, e.Decision.Allow, e.Outcome.JobID = "", true, r.Last.JobID
	if err := s.trail().record(ctx, e); err != nil {
		return r, storeUnavailable(err)
	}
	s.Log.InfoContext(ctx, "cancelling", "submission", id, "job", r.Last.JobID, "principal", p.ID())
	err = s.Cloud.CancelBackupJob(ctx, target, r.Last.JobID, r.Complete["VaultId"])
	e.Kind, e.Outcome = AuditCancelled, AuditOutcome{Class: ClassSuccess}
	if err != nil {
		e.Outcome = outcomeOf(err, 0)
	}
	e.Outcome.JobID, e.Outcome.Milliseconds = r.Last.JobID, s.Now().Sub(asked.At).Milliseconds()
	s.trail().tell(context.WithoutCancel(ctx), e)
	if err != nil {
		return s.notCancelled(ctx, target, r, asked, err)
	}
	return s.cancelled(ctx, r, asked), nil
}

// cancelled records a cancellation. If that fails the job is cancelled all the
// same, by nobody knows whom.
func (s *Service) cancelled(ctx context.Context, r Record, c Cancellation) Record {
	r.Cancellation = c
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := s.Store.Cancel(ctx, r.SubmissionID, c); err != nil {
		s.Log.ErrorContext(ctx, "recording a cancellation", "submission", r.SubmissionID, "principal", c.By.ID(), "error", err)
	}
	return r
}

// notCancelled looks at the job itself to find out what became of a request
// that did not succeed: what the cloud answers if the job has ended is not
// documented, and an answer can be lost.
func (s *Service) notCancelled(
	ctx context.Context, target Target, r Record, asked Cancellation, err error,
) (Record, error) {
	s.Log.WarnContext(ctx, "job not cancelled", "submission", r.SubmissionID, "job", r.Last.JobID, "error", err)
	busy := &BusyError{Err: ErrNotCancelled, SubmissionID: r.SubmissionID}
	cloud, _ := errors.AsType[*CloudError](err)
	if cloud != nil {
		busy.Code, busy.RetryAfter = cloud.Code, cloud.RetryAfter
	}
	if refused := errors.Is(cloud, ErrRefused) || errors.Is(cloud, ErrCredentials) && !cloud.Passing; refused {
		busy.Err = ErrCancelNo
	} else {
		busy.RetryAfter = max(busy.RetryAfter, pace)
	}
	one := []Record{r}
	if _, err := s.ask(ctx, target, one); err != nil {
		return r, busy
	}
	r = one[0]
	switch err := r.Cancellable(s.Now()); {
	case errors.Is(err, ErrCancelled):
		// A request that was refused is not why; and if somebody else's is known, it
		// may not be this one either.
		known, err := s.steps().find(ctx, r.SubmissionID)
		if errors.Is(busy.Err, ErrCancelNo) || err != nil || known.Cancellation.stands(r.Job) {
			r.Cancellation = known.Cancellation
			return r, nil
		}
		return s.cancelled(ctx, r, asked), nil
	case errors.Is(err, ErrOver):
		busy.Err, busy.RetryAfter, busy.Code = ErrOver, 0, ""
	}
	return r, busy
}

var msgMayNotCancel = param.Both("No rule allows you to cancel this backup", "没有规则授权您取消此备份")

// A Cancellation says who had a job cancelled, and when the cloud took that.
// The zero value is none.
type Cancellation struct {
	By identity.Principal
	At time.Time // milliseconds
}

// stands reports whether the request to cancel says more than what the cloud
// last said of the job.
func (c Cancellation) stands(job Job) bool {
	return !c.At.IsZero() && job.SeenAt.Before(c.At.Add(cancelTakes))
}

// cancelTakes is how long a job is taken to be stopping on the strength of the
// request alone. If the cloud still calls it running then, so does the portal,
// and it can be cancelled again.
const cancelTakes = time.Minute

// Cancellable says why there is nothing to cancel: ErrCancelled, ErrOver or
// ErrNoJob. It is nil if the job can be asked to stop.
func (r Record) Cancellable(now time.Time) error {
	switch state := r.State(now); {
	case r.Last.Kind != StepCreated:
		return ErrNoJob
	case state == StateCanceling || state == StateCanceled:
		return ErrCancelled
	case state.IsTerminal():
		return ErrOver
	}
	return nil
}
