package backup

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"backupportal/function/identity"
	"backupportal/function/lenhash"
)

// Limits remember what was done how often. Its methods are safe for concurrent
// use, and by several processes where the store is shared. An error means that
// nothing is known: then nothing may be done.
type Limits interface {
	// Reserve takes all that a submission needs of the limits, or nothing: then it
	// says which limit is in the way. A submission that was admitted before is
	// admitted again and takes nothing; one that gave back what it took takes that
	// again, but for the rates. It holds that for the highest attempt it was
	// admitted for.
	Reserve(ctx context.Context, a Reservation) (*LimitError, error)
	// Refund gives back the quotas and the cool-down that were taken for a key,
	// once, unless they are held for a later attempt than the one that surely
	// started nothing.
	Refund(ctx context.Context, key string, attempt int) error
	// Take takes one of a rate, and says how long to wait if there is none.
	Take(ctx context.Context, r Rate, now time.Time) (wait time.Duration, err error)
	// Peek says how long Spend would say to wait, and takes nothing.
	Peek(ctx context.Context, r Rate, now time.Time) (wait time.Duration, err error)
	// ForgetLimits removes some of what says nothing any more.
	ForgetLimits(ctx context.Context, now time.Time) error
}

// An Reservation is a submission that wants to be made.
type Reservation struct {
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
// send by default. It counts those that fail, too.
var UsualRequests = Rate{Burst: 60, Per: time.Minute}

// Pace counts a request of p that wants to change something. Its error is a
// [*LimitError] with [ErrRequests], or [ErrStoreUnavailable].
func (s *Service) Pace(ctx context.Context, p identity.Principal) error {
	r := s.Requests
	if r.Burst == 0 {
		r = UsualRequests
	}
	return s.limiter().pace(ctx, p, "c:", r)
}

// MaySignIn reports whether a client at an IP address may sign in: not if too many
// sign-ins from there have failed. Its error is a [*LimitError] with [ErrSignIns],
// or [ErrStoreUnavailable].
func (s *Service) MaySignIn(ctx context.Context, client string) error {
	return s.limiter().maySignIn(ctx, client)
}

// SignInFailed counts a sign-in from an IP address that the identity provider did
// not confirm. A failure to count it is logged.
func (s *Service) SignInFailed(ctx context.Context, client string) {
	s.limiter().signInFailed(ctx, client)
}

// SpendSignIn reports whether a sign-in that was begun here may ask the identity
// provider: once, whatever the answer is. transaction names it; its error is
// [ErrStoreUnavailable].
func (s *Service) SpendSignIn(ctx context.Context, transaction string) (ok bool, err error) {
	sum := lenhash.Sum("portal/sign-in/v1", transaction)
	r := Rate{Key: "o:" + hex.EncodeToString(sum[:16]), Burst: 1, Per: signInAge}
	wait, err := s.Limits.Take(ctx, r, s.Now())
	if err != nil {
		return false, storeUnavailable(err)
	}
	return wait == 0, nil
}

// signInAge is longer than a sign-in that was begun may take.
const signInAge = 30 * time.Minute

// A limiter counts requests, sign-ins and submissions, and refuses those over a
// limit.
type limiter struct {
	store Limits
	trail trail
	log   *slog.Logger
	now   func() time.Time
}

// limiter returns the limits of s.
func (s *Service) limiter() limiter {
	return limiter{store: s.Limits, trail: s.trail(), log: s.Log, now: s.Now}
}

// reserve takes what an attempt of r needs of the limits, all or nothing; a grant
// without limits needs nothing. Its error is a [*LimitError], or [ErrStoreUnavailable].
func (l limiter) reserve(ctx context.Context, r Record, call Call, attempt int) error {
	if !call.Grant.limited() {
		return nil
	}
	limit, err := l.store.Reserve(ctx, Reservation{
		Key:      admissionKey(r.SubmissionID, r.Fingerprint),
		Attempt:  attempt,
		Grant:    call.Grant,
		Now:      l.now(),
		Resource: call.Target.Account.ID + "/" + r.Resource(),
	})
	if err != nil {
		return storeUnavailable(err)
	}
	if limit != nil {
		e := about(AuditLimit, ActionCreate, r.Principal, r, attempt)
		e.Outcome = AuditOutcome{Class: limit.Err.Error(), Limit: limit.Key}
		l.trail.tell(ctx, e)
		l.log.InfoContext(ctx, "limited", "principal", r.Principal.ID(), "limit", limit.Key, "error", limit.Err, "wait", limit.RetryAfter)
		return limit
	}
	return nil
}

// refund gives back what r took: no attempt up to this one started anything. A
// failure is logged; it only makes the limits a little tighter.
func (l limiter) refund(ctx context.Context, r Record, attempt int) {
	if l.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := l.store.Refund(ctx, admissionKey(r.SubmissionID, r.Fingerprint), attempt); err != nil {
		l.log.WarnContext(ctx, "giving back what a submission took of the limits", "submission", r.SubmissionID, "error", err)
	}
}

// pace counts a request of p among those of one kind. Its error is a [*LimitError]
// with [ErrRequests], or [ErrStoreUnavailable].
func (l limiter) pace(ctx context.Context, p identity.Principal, kind string, r Rate) error {
	r.Key = kind + p.ID()
	wait, err := l.store.Take(ctx, r, l.now())
	if err != nil {
		return storeUnavailable(err)
	}
	if wait > 0 {
		return l.refused(ctx, p, &LimitError{Err: ErrRequests, Key: r.Key, RetryAfter: wait})
	}
	return nil
}

// maySignIn is [Service.MaySignIn].
func (l limiter) maySignIn(ctx context.Context, client string) error {
	r, ok := signIns(client)
	if !ok {
		return nil
	}
	wait, err := l.store.Peek(ctx, r, l.now())
	if err != nil {
		return storeUnavailable(err)
	}
	if wait > 0 {
		return l.refused(ctx, identity.Principal{}, &LimitError{Err: ErrSignIns, Key: r.Key, RetryAfter: wait})
	}
	return nil
}

// signInFailed is [Service.SignInFailed].
func (l limiter) signInFailed(ctx context.Context, client string) {
	r, ok := signIns(client)
	if !ok {
		return
	}
	if _, err := l.store.Take(context.WithoutCancel(ctx), r, l.now()); err != nil {
		l.log.WarnContext(ctx, "counting failed sign-ins", "error", err)
	}
}

// refused writes to the audit trail that a request is over a limit, and returns
// limit.
func (l limiter) refused(ctx context.Context, actor identity.Principal, limit *LimitError) error {
	l.trail.tell(context.WithoutCancel(ctx), AuditEvent{
		Kind: AuditLimit, Actor: actor, SampleKey: limit.Key,
		Outcome: AuditOutcome{Class: limit.Err.Error(), Limit: limit.Key},
	})
	return limit
}

// failedSignIns is how many sign-ins of one network address may fail.
var failedSignIns = Rate{Burst: 20, Per: 10 * time.Minute}

// signIns returns the rate of a client's IP address. IPv6 addresses with the same
// first 64 bits share one: a customer has all of them (RFC 6177). It is not ok
// without an address: all unknown clients would share one rate.
func signIns(client string) (_ Rate, ok bool) {
	addr, err := netip.ParseAddr(client)
	if err != nil {
		return Rate{}, false
	}
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	r := failedSignIns
	r.Key = "l:" + netip.PrefixFrom(addr.WithZone(""), bits).Masked().Addr().String()
	return r, true
}

// limited reports whether the grant has limits at all.
func (g Grant) limited() bool { return len(g.Rates) > 0 || len(g.Quotas) > 0 || g.Cooldown > 0 }

// admissionKey names a reservation in [Limits]. Two submissions with one idempotency
// key have one each: the one that is refused gives back its own.
func admissionKey(id, fingerprint string) string {
	key, _, _ := strings.Cut(id, "-") // without the number of the use
	return key + "." + fingerprint
}
