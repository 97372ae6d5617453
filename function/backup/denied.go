package backup

import (
	"context"
	"errors"

	"backupportal/function/param"
)

// denied answers a submission that the policy refuses. It sends nothing. A repeat of
// a submission that was allowed before gets the first answer.
func (s *Service) denied(ctx context.Context, sub Submission, call Call, denied *DeniedError) (Answer, error) {
	if answer, ok := s.earlier(ctx, sub); ok {
		return answer, nil
	}
	return Answer{}, s.deny(ctx, sub, call, denied)
}

// deny records a refusal by the policy in the history, and returns it. The key stays
// free: once the policy allows it, the same submission can be made. Equal refusals
// are recorded once an hour. A failure to record is logged, and the refusal returned
// without an id.
func (s *Service) deny(ctx context.Context, sub Submission, call Call, denied *DeniedError) error {
	r := s.record(sub, sub.deniedID(s.Now()), call)
	r.JobName = sub.label() // there is no job that could be found by more
	for _, m := range denied.Lines {
		r.Denied = append(r.Denied, param.Both(m.In(param.English), m.In(param.Chinese)))
	}
	e := about(AuditDenied, ActionCreate, sub.Principal, r, 0)
	e.Decision.Lines = linesOf(denied.Lines)
	s.trail().tell(ctx, e)
	known, _, err := s.Store.Claim(ctx, r)
	if err != nil {
		s.Log.ErrorContext(ctx, "recording a refusal", "principal", sub.Principal.ID(), "error", err)
		return denied
	}
	return &DeniedError{Lines: denied.Lines, SubmissionID: known.SubmissionID}
}

// earlier returns the answer of an earlier request with the key of sub, if there is
// one. A failure to look is logged.
func (s *Service) earlier(ctx context.Context, sub Submission) (Answer, bool) {
	r, err := s.Store.Known(ctx, sub.ID(), s.Now())
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		s.Log.ErrorContext(ctx, "looking for an earlier answer", "principal", sub.Principal.ID(), "error", err)
	case r.Fingerprint != sub.Fingerprint():
	case r.Last.Kind.final():
		return stored(r, true), true
	case r.Last.Kind == StepAttempt:
		return s.unknown(r), true
	}
	return Answer{}, false
}
