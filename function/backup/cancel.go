package backup

import (
	"context"
	"errors"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// MayCancel reports whether the policy lets p cancel the job of r. It does not test whether
// there is a job.
func (s *Service) MayCancel(ctx context.Context, p identity.Principal, r Record) bool {
	return s.Policy.May(ctx, p, ActionCancel, r.Complete)
}

// Cancel asks the cloud to cancel the job of a submission, and returns the record afterwards.
// If the job is already cancelled or being cancelled, it sends nothing and succeeds.
//
// The errors are:
//
//   - [ErrNotFound]: p may not view the submission, or it does not exist.
//   - [*DeniedError]: p may view the submission and may not cancel it.
//   - [*BusyError] with [ErrJobEnded] or [ErrNoJob]: there is nothing to cancel.
//   - [*BusyError] with [ErrCancelRefused]: the cloud refused; the job continues.
//   - [*BusyError] with [ErrNotCancelled]: it is unknown whether the cloud accepted the request.
//   - [ErrStoreUnavailable]: nothing was sent: the store failed.
func (s *Service) Cancel(ctx context.Context, p identity.Principal, id string) (Record, error) {
	r, err := s.Refresh(ctx, p, id)
	if err != nil {
		return Record{}, err
	}
	if !s.MayCancel(ctx, p, r) {
		e := eventFor(AuditDenied, ActionCancel, p, r, r.Last.N)
		e.Door = "" // the door of this request, not that of the submission
		s.trail().recordOrLog(ctx, e)
		return r, &DeniedError{Lines: []param.Mistake{{Code: "policy", Text: msgMayNotCancel}}, SubmissionID: id}
	}
	busy := &BusyError{SubmissionID: id}
	switch err := r.Cancellable(s.Now()); {
	case err == nil:
	case errors.Is(err, ErrCancelled):
		return r, nil
	default:
		if busy.Err = err; !r.State(s.Now()).IsTerminal() {
			busy.RetryAfter = askInterval // there may be a job soon
		}
		return r, busy
	}
	target, err := s.target(r, p)
	if err != nil {
		s.Log.ErrorContext(ctx, "cancelling a job", "submission", id, "error", err)
		busy.Err = ErrNotCancelled
		return r, busy
	}
	// The request counts even if the client disconnects.
	ctx, cancel := persistent(ctx)
	defer cancel()
	request := Cancellation{By: p, At: s.Now().Truncate(time.Millisecond)}
	e := eventFor(AuditIntent, ActionCancel, p, r, r.Last.N)
	e.Door, e.Decision.Allow, e.Outcome.JobID = "", true, r.Last.JobID
	if err := s.trail().record(ctx, e); err != nil {
		return r, storeUnavailable(err)
	}
	s.Log.InfoContext(ctx, "cancelling", "submission", id, "job", r.Last.JobID, "principal", p.ID())
	err = s.Cloud.CancelBackupJob(ctx, target, r.Last.JobID, r.Complete["VaultId"])
	e.Kind, e.Outcome = AuditCancelled, AuditOutcome{Class: ClassSuccess}
	if err != nil {
		e.Outcome = classify(err, 0)
	}
	e.Outcome.JobID, e.Outcome.Milliseconds = r.Last.JobID, s.Now().Sub(request.At).Milliseconds()
	s.trail().recordOrLog(context.WithoutCancel(ctx), e)
	if err != nil {
		return s.resolveCancel(ctx, target, r, request, err)
	}
	return s.recordCancellation(ctx, r, request), nil
}

// recordCancellation stores who cancelled the job of r. If that fails, it only logs the
// failure: the job is cancelled, and only the name is missing in the history.
func (s *Service) recordCancellation(ctx context.Context, r Record, c Cancellation) Record {
	r.Cancellation = c
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := s.Store.Cancel(ctx, r.SubmissionID, c); err != nil {
		s.Log.ErrorContext(ctx, "recording a cancellation", "submission", r.SubmissionID, "principal", c.By.ID(), "error", err)
	}
	return r
}

// resolveCancel reads the job after a call of CancelBackupJob that did not succeed, because
// only the job shows the result. The cloud does not document its answer for a job that has
// ended, and an answer can be lost.
func (s *Service) resolveCancel(
	ctx context.Context, target Target, r Record, request Cancellation, err error,
) (Record, error) {
	s.Log.WarnContext(ctx, "job not cancelled", "submission", r.SubmissionID, "job", r.Last.JobID, "error", err)
	busy := &BusyError{Err: ErrNotCancelled, SubmissionID: r.SubmissionID}
	cloud, _ := errors.AsType[*CloudError](err)
	if cloud != nil {
		busy.Code, busy.Message, busy.RetryAfter = cloud.Code, cloud.Message, cloud.RetryAfter
	}
	if refused := errors.Is(cloud, ErrRefused) || errors.Is(cloud, ErrCredentials) && !cloud.Temporary; refused {
		busy.Err = ErrCancelRefused
	} else {
		busy.RetryAfter = max(busy.RetryAfter, askInterval)
	}
	records := []Record{r}
	if _, err := s.refreshJobs(ctx, target, records); err != nil {
		return r, busy
	}
	r = records[0]
	switch err := r.Cancellable(s.Now()); {
	case errors.Is(err, ErrCancelled):
		// The job is being cancelled, but perhaps not because of this request: if the cloud
		// refused this one, another request's cancellation is in the store.
		known, err := s.steps().find(ctx, r.SubmissionID)
		if errors.Is(busy.Err, ErrCancelRefused) || err != nil || known.Cancellation.overrides(r.Job) {
			r.Cancellation = known.Cancellation
			return r, nil
		}
		return s.recordCancellation(ctx, r, request), nil
	case errors.Is(err, ErrJobEnded):
		busy = &BusyError{Err: ErrJobEnded, SubmissionID: r.SubmissionID}
	}
	return r, busy
}

// msgMayNotCancel is the reason in the [DeniedError] of Cancel.
var msgMayNotCancel = param.Both("No rule allows you to cancel this backup", "没有规则授权您取消此备份")

// Cancellation says who cancelled a job, and when the cloud accepted the request. The zero value
// means that the job was not cancelled through the portal.
type Cancellation struct {
	By identity.Principal
	At time.Time // milliseconds
}

// overrides reports whether the accepted cancellation says more about the job's state than the
// cloud's last description, which may be older. It is true until [cancelGrace] after the
// request.
func (c Cancellation) overrides(job Job) bool {
	return !c.At.IsZero() && job.SeenAt.Before(c.At.Add(cancelGrace))
}

// cancelGrace is how long a job counts as being cancelled only because the cloud accepted the
// request. If the cloud still describes it as running after that time, the portal does so too,
// and the job can be cancelled again.
const cancelGrace = time.Minute

// Cancellable returns nil if the portal can ask the cloud to cancel the job of r at the time
// now. Otherwise it returns [ErrCancelled], [ErrJobEnded] or [ErrNoJob].
func (r Record) Cancellable(now time.Time) error {
	switch state := r.State(now); {
	case r.Last.Kind != StepCreated:
		return ErrNoJob
	case state == StateCanceling || state == StateCanceled:
		return ErrCancelled
	case state.IsTerminal():
		return ErrJobEnded
	}
	return nil
}
