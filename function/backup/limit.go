package backup

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"backupportal/function/identity"
)

// Limits remember what was done how often. Its methods are safe for concurrent
// use, and by several processes where the store is shared. An error means that
// nothing is known: then nothing may be done.
type Limits interface {
	// Admit takes all that a submission needs of the limits, or nothing: then it
	// says which limit is in the way. A submission that was admitted before is
	// admitted again and takes nothing; one that gave back what it took takes that
	// again, but for the rates. It holds that for the highest attempt it was
	// admitted for.
	Admit(ctx context.Context, a Admission) (*LimitError, error)
	// Withdraw gives back the quotas and the cool-down that were taken for a key,
	// once, unless they are held for a later attempt than the one that surely
	// started nothing.
	Withdraw(ctx context.Context, key string, attempt int) error
	// Spend takes one of a rate, and says how long to wait if there is none.
	Spend(ctx context.Context, r Rate, now time.Time) (wait time.Duration, err error)
	// Wait says how long Spend would say to wait, and takes nothing.
	Wait(ctx context.Context, r Rate, now time.Time) (wait time.Duration, err error)
	// ForgetLimits removes some of what says nothing any more.
	ForgetLimits(ctx context.Context, now time.Time) error
}

// An Admission is a submission that wants to be made.
type Admission struct {
	Key      string // whose: see admissionKey
	Attempt  int    // number of the step that it is for
	Grant    Grant
	Resource string // of the cool-down: the account's id and the resource's
	Now      time.Time
}

// The limits that can be in the way.
var (
	ErrRequests = errors.New("too many requests")
	ErrSignIns  = errors.New("too many sign-ins failed")
	ErrRate     = errors.New("too many backups in a short time")
	ErrQuota    = errors.New("the backups of the day are used up")
	ErrCooldown = errors.New("backed up a moment ago")
)

// A LimitError is a submission that the policy allows, but not now. Nothing was
// sent, and its key can be used again.
type LimitError struct {
	Err        error // one of those above
	Key        string
	RetryAfter time.Duration // 0 if waiting does not help
}

// Error is the text of the error it wraps, and whose limit it is.
func (e *LimitError) Error() string { return "backup: " + e.Key + ": " + e.Err.Error() }

// Unwrap returns the error it wraps.
func (e *LimitError) Unwrap() error { return e.Err }

// UsualRequests is how many requests that change something one principal may
// send, whatever comes of them, if nothing else is said.
var UsualRequests = Rate{Burst: 60, Per: time.Minute}

// Pace counts a request of p that wants to change something. Its error is a
// [*LimitError] with [ErrRequests], or [ErrStoreAway].
func (s *Service) Pace(ctx context.Context, p identity.Principal) error {
	r := s.Requests
	if r.Burst == 0 {
		r = UsualRequests
	}
	return s.pace(ctx, p, "c:", r)
}

// pace counts a request of p among those of one kind.
func (s *Service) pace(ctx context.Context, p identity.Principal, kind string, r Rate) error {
	r.Key = kind + p.ID()
	wait, err := s.Limits.Spend(ctx, r, s.Now())
	if err != nil {
		return away(err)
	}
	if wait > 0 {
		s.tellAudit(context.WithoutCancel(ctx), AuditEvent{Kind: AuditLimit, Actor: p, Often: r.Key, Outcome: AuditOutcome{Class: ErrRequests.Error(), Limit: r.Key}})
		return &LimitError{Err: ErrRequests, Key: r.Key, RetryAfter: wait}
	}
	return nil
}

// failedSignIns is how many sign-ins of one network address may fail.
var failedSignIns = Rate{Burst: 20, Per: 10 * time.Minute}

// signIns is that of a client by its IP address. Whoever has an address of IPv6
// has all that begin alike (RFC 6177).
func signIns(client string) (Rate, bool) {
	addr, err := netip.ParseAddr(client)
	if err != nil {
		return Rate{}, false // all of whom nothing is known would stand in each other's way
	}
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	r := failedSignIns
	r.Key = "l:" + netip.PrefixFrom(addr.WithZone(""), bits).Masked().Addr().String()
	return r, true
}

// MaySignIn reports whether somebody at an IP address may sign in: not if too many
// have failed to, from there. Its error is a [*LimitError] with [ErrSignIns], or
// [ErrStoreAway].
func (s *Service) MaySignIn(ctx context.Context, client string) error {
	r, ok := signIns(client)
	if !ok {
		return nil
	}
	wait, err := s.Limits.Wait(ctx, r, s.Now())
	if err != nil {
		return away(err)
	}
	if wait > 0 {
		s.tellAudit(context.WithoutCancel(ctx), AuditEvent{Kind: AuditLimit, Often: r.Key, Outcome: AuditOutcome{Class: ErrSignIns.Error(), Limit: r.Key}})
		return &LimitError{Err: ErrSignIns, Key: r.Key, RetryAfter: wait}
	}
	return nil
}

// SignInFailed counts a sign-in of somebody at an IP address whom the identity
// provider did not vouch for.
func (s *Service) SignInFailed(ctx context.Context, client string) {
	r, ok := signIns(client)
	if !ok {
		return
	}
	if _, err := s.Limits.Spend(context.WithoutCancel(ctx), r, s.Now()); err != nil {
		s.Log.WarnContext(ctx, "counting failed sign-ins", "error", err)
	}
}

// limited reports whether the grant has limits at all.
func (g Grant) limited() bool { return len(g.Rates) > 0 || len(g.Quotas) > 0 || g.Cooldown > 0 }

// admissionKey is what a submission takes its place under. Two that share a key
// have a place each: one of them is refused, and gives back its own.
func admissionKey(id, fingerprint string) string {
	key, _, _ := strings.Cut(id, "-") // of whichever use of the key
	return key + "." + fingerprint
}

// enter takes what sub needs of the limits. It is before the claim, so that what
// is not admitted leaves nothing behind, and its key is free. A repeat has the
// first answer whatever the limits are by now, and takes nothing: then it is done.
func (s *Service) enter(ctx context.Context, sub Submission, call Call) (_ Answer, done bool, _ error) {
	if !call.Grant.limited() {
		return Answer{}, false, nil
	}
	known, err := s.Store.Known(ctx, sub.ID(), s.Now())
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return Answer{}, false, away(err)
	case known.Fingerprint != sub.Fingerprint():
		return Answer{}, false, &BusyError{Err: ErrKeyReused, SubmissionID: known.SubmissionID}
	case known.Last.Kind == StepCreated || known.Last.Kind == StepRefused:
		return s.stored(known, true), true, nil
	}
	err = s.admit(ctx, s.record(sub, sub.ID(), call), call, 0)
	if _, limited := errors.AsType[*LimitError](err); limited {
		if answer, ok := s.earlier(ctx, sub); ok {
			return answer, true, nil
		}
	}
	return Answer{}, false, err
}

// admit lets r have what it needs of the limits, for an attempt. Its error is a
// [*LimitError], or [ErrStoreAway].
func (s *Service) admit(ctx context.Context, r Record, call Call, attempt int) error {
	limit, err := s.Limits.Admit(ctx, Admission{
		Key: admissionKey(r.SubmissionID, r.Fingerprint), Attempt: attempt, Grant: call.Grant, Now: s.Now(),
		Resource: call.Target.Account.ID + "/" + r.Resource(),
	})
	if err != nil {
		return away(err)
	}
	if limit != nil {
		e := about(AuditLimit, ActionCreate, r.Principal, r, attempt)
		e.Outcome = AuditOutcome{Class: limit.Err.Error(), Limit: limit.Key}
		s.tellAudit(ctx, e)
		s.Log.InfoContext(ctx, "limited", "principal", r.Principal.ID(), "limit", limit.Key, "error", limit.Err, "wait", limit.RetryAfter)
		return limit
	}
	return nil
}

// earlier is what sub came to before something stood in its way, if it came to
// anything.
func (s *Service) earlier(ctx context.Context, sub Submission) (Answer, bool) {
	r, err := s.Store.Known(ctx, sub.ID(), s.Now())
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		s.Log.ErrorContext(ctx, "looking for an earlier answer", "principal", sub.Principal.ID(), "error", err)
	case r.Fingerprint != sub.Fingerprint():
	case r.Last.Kind == StepCreated || r.Last.Kind == StepRefused:
		return s.stored(r, true), true
	case r.Last.Kind == StepAttempt:
		return s.unknown(r), true
	}
	return Answer{}, false
}

// withdraw gives back what r took: up to an attempt it surely started nothing. If
// that fails it is lost, which only makes the limits a little tighter.
func (s *Service) withdraw(ctx context.Context, r Record, attempt int) {
	if s.Limits == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := s.Limits.Withdraw(ctx, admissionKey(r.SubmissionID, r.Fingerprint), attempt); err != nil {
		s.Log.WarnContext(ctx, "giving back what a submission took of the limits", "submission", r.SubmissionID, "error", err)
	}
}
