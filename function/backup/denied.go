package backup

import (
	"context"
	"errors"

	"backupportal/function/param"
)

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
	s.trail().tell(ctx, e)
	known, _, err := s.Store.Claim(ctx, r)
	if err != nil {
		s.Log.Error("recording a refusal", "principal", sub.Principal.ID(), "error", err)
		return denied
	}
	return &DeniedError{Lines: denied.Lines, SubmissionID: known.SubmissionID}
}

// earlier is what sub came to before something stood in its way, if it came to
// anything.
func (s *Service) earlier(ctx context.Context, sub Submission) (Answer, bool) {
	r, err := s.Store.Known(ctx, sub.ID(), s.Now())
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		s.Log.Error("looking for an earlier answer", "principal", sub.Principal.ID(), "error", err)
	case r.Fingerprint != sub.Fingerprint():
	case r.Last.Kind.final():
		return stored(r, true), true
	case r.Last.Kind == StepAttempt:
		return s.unknown(r), true
	}
	return Answer{}, false
}
