package backup

import (
	"cmp"
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

// Limits counts requests and backups. Its methods are safe for concurrent use, also by several
// processes that share a database. After an error the result is unknown: the caller must then
// treat the limit as reached.
type Limits interface {
	// Reserve takes everything that a submission needs from the limits, or nothing. If a limit
	// is reached, it returns that limit and takes nothing.
	//
	// A submission that holds a reservation takes nothing more; Reserve only raises the attempt
	// for which it is held. A submission whose reservation was refunded takes quotas and the
	// cool-down again, but not the rates. A reservation is forgotten when the key of its
	// submission has expired: see [Reservation.EarlierUse].
	Reserve(ctx context.Context, a Reservation) (*LimitError, error)
	// Refund gives back the quotas and the cool-down of a key. It does so once, and only if no
	// attempt later than the given one holds the reservation: a slow process must not refund
	// what a newer attempt needs. Rates are not given back. It is no error if there is nothing
	// to refund.
	Refund(ctx context.Context, key string, attempt int) error
	// Take takes one request from a rate and returns 0. If none is left, it takes nothing and
	// returns the time to wait.
	Take(ctx context.Context, r Rate, now time.Time) (wait time.Duration, err error)
	// Peek returns what Take would return, and takes nothing.
	Peek(ctx context.Context, r Rate, now time.Time) (wait time.Duration, err error)
	// Usage returns the remaining amount of each limit of g at now: rates, quotas, then the cool-down of
	// the resource, see [Reservation]. It takes nothing.
	Usage(ctx context.Context, g Grant, resource string, now time.Time) ([]LimitUse, error)
	// ForgetLimits removes entries that no longer limit anything at now.
	ForgetLimits(ctx context.Context, now time.Time) error
}

// Reservation is a request to take from the limits what one submission needs.
type Reservation struct {
	Key      string // of the submission; see reservationKey
	Attempt  int    // number of the step of the attempt; 0 for the first
	Grant    Grant  // its Rates, Quotas and Cooldown
	Resource string // for the cool-down: account id, "/", resource id
	Now      time.Time
	KeyLife  time.Duration // how long the submission's key stands for it; 0: [KeyExpires]
}

// LimitUse is the remaining amount of one limit.
type LimitUse struct {
	Err  error         // ErrRate, ErrQuota or ErrCooldown
	Key  string        // as in [LimitError]
	Left int           // backups that may start now
	Of   int           // the most that can be left
	Per  time.Duration // of a rate: the time in which Of backups may start; of a cool-down: its length
	Wait time.Duration // until one is left; 0 if Left is not 0, or if waiting does not help
}

// Usage returns the remaining amounts of the limits in the grant of call. It takes nothing and
// returns nil for a grant without limits. The error is [ErrStoreUnavailable].
func (s *Service) Usage(ctx context.Context, call Call) ([]LimitUse, error) {
	if !call.Grant.hasLimits() {
		return nil, nil
	}
	uses, err := s.Limits.Usage(ctx, call.Grant, call.limitResource(), s.Now())
	if err != nil {
		return nil, storeUnavailable(err)
	}
	return uses, nil
}

// limitResource returns [Reservation.Resource] for the call.
func (c Call) limitResource() string {
	return c.Target.Account.ID + "/" + c.resource()
}

// EarlierUse returns the time up to which a reservation of the key belongs to an earlier use of it.
func (a Reservation) EarlierUse() time.Time { return a.Now.Add(-cmp.Or(a.KeyLife, KeyExpires)) }

// The limits that can be reached.
var (
	ErrRequests = errors.New("too many requests")                  // of one principal: changes, candidates or access checks
	ErrSignIns  = errors.New("too many sign-ins failed")           // of one network
	ErrRate     = errors.New("too many backups in a short time")   // [Grant.Rates]
	ErrQuota    = errors.New("the backups of the day are used up") // [Grant.Quotas]
	ErrCooldown = errors.New("backed up a moment ago")             // [Grant.Cooldown]
)

// LimitError says that a limit is reached. Nothing was sent, and the key of the submission stays
// free.
type LimitError struct {
	Err error // one of the five errors above
	// Key is the key of the limit: see [Rate.Key] and [Quota.Key]. A cool-down has "i:" and the
	// id of the resource.
	Key        string
	RetryAfter time.Duration // 0 if waiting does not help
}

// Error returns the key of the limit and the text of e.Err.
func (e *LimitError) Error() string { return "backup: " + e.Key + ": " + e.Err.Error() }

// Unwrap returns e.Err.
func (e *LimitError) Unwrap() error { return e.Err }

// UsualRequests is the default of [Service.Requests]. Failed requests count, too.
var UsualRequests = Rate{Burst: 60, Per: time.Minute}

// CountRequest counts a request of p that wants to change something. The errors are a [*LimitError] with
// [ErrRequests], and [ErrStoreUnavailable].
func (s *Service) CountRequest(ctx context.Context, p identity.Principal) error {
	return s.noteOverPace(p, s.limiter().countRequest(ctx, p, requestsKey, s.requests()))
}

// requests returns the rate of the requests of each principal, without a key.
func (s *Service) requests() Rate {
	if s.Requests.Burst == 0 {
		return UsualRequests
	}
	return s.Requests
}

// paceOfClaim returns the rate that the claim of sub takes a request from: zero if the request is
// counted already, or is not to be counted. It counts the request now if the rate has refused its
// sender, because the work before the claim can ask the cloud. The errors are those of
// [Service.CountRequest].
func (s *Service) paceOfClaim(ctx context.Context, sub Submission) (Rate, error) {
	if !sub.Count {
		return Rate{}, nil
	}
	pace := s.requests()
	pace.Key = requestsKey + sub.Principal.ID()
	if s.OverPace != nil {
		if _, refused := s.OverPace.Look(sub.Principal.ID()); !refused {
			return pace, nil
		}
	}
	return pace, s.count(ctx, sub, &pace)
}

// count counts the request of sub, unless pace is zero, and sets pace to zero. The errors are those of
// [Service.CountRequest].
func (s *Service) count(ctx context.Context, sub Submission, pace *Rate) error {
	if pace.Burst == 0 {
		return nil
	}
	*pace = Rate{}
	return s.CountRequest(ctx, sub.Principal)
}

// noteOverPace remembers that p has sent too many requests if err says so, and returns err.
func (s *Service) noteOverPace(p identity.Principal, err error) error {
	if _, over := errors.AsType[*LimitError](err); over && s.OverPace != nil {
		s.OverPace.Put(p.ID(), struct{}{}, s.Now().Add(s.requests().Per))
	}
	return err
}

// requestsKey is the prefix of the key of a rate of requests.
const requestsKey = "c:"

// MaySignIn returns nil if a client may try to sign in. client is an IP address; an invalid or
// unknown address is always allowed. The errors are a [*LimitError] with [ErrSignIns] if too
// many sign-ins from the same network have failed, and [ErrStoreUnavailable].
func (s *Service) MaySignIn(ctx context.Context, client string) error {
	return s.limiter().maySignIn(ctx, client)
}

// SignInFailed counts a failed sign-in from an IP address. A failure to count is logged.
func (s *Service) SignInFailed(ctx context.Context, client string) {
	s.limiter().signInFailed(ctx, client)
}

// SpendSignIn reports whether a sign-in that the portal started may call the identity provider. It
// returns true only for the first call with a transaction, even if the sign-in then fails. transaction
// identifies the sign-in. The error is [ErrStoreUnavailable].
func (s *Service) SpendSignIn(ctx context.Context, transaction string) (ok bool, err error) {
	sum := lenhash.Sum("portal/sign-in/v1", transaction)
	r := Rate{Key: "o:" + hex.EncodeToString(sum[:16]), Burst: 1, Per: signInAge}
	wait, err := s.Limits.Take(ctx, r, s.Now())
	if err != nil {
		return false, storeUnavailable(err)
	}
	return wait == 0, nil
}

// signInAge is longer than a sign-in can take.
const signInAge = 30 * time.Minute

// limiter counts requests, sign-ins and submissions, and writes to the audit trail if a limit is
// reached.
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

// reserve takes what an attempt of r needs from the limits. A grant without limits needs
// nothing. The errors are a [*LimitError], which is also in the audit trail, and
// [ErrStoreUnavailable].
func (l limiter) reserve(ctx context.Context, r Record, call Call, attempt int) error {
	if !call.Grant.hasLimits() {
		return nil
	}
	limit, err := l.store.Reserve(ctx, Reservation{
		Key:      reservationKey(r.SubmissionID, r.Fingerprint),
		Attempt:  attempt,
		Grant:    call.Grant,
		Now:      l.now(),
		Resource: call.limitResource(),
		KeyLife:  r.keyLife(),
	})
	if err != nil {
		return storeUnavailable(err)
	}
	if limit != nil {
		e := eventFor(AuditLimit, ActionCreate, r.Principal, r, attempt)
		e.Outcome = AuditOutcome{Class: limit.Err.Error(), Limit: limit.Key}
		l.trail.recordOrLog(ctx, e)
		l.log.InfoContext(ctx, "limited", "principal", r.Principal.ID(), "limit", limit.Key, "error", limit.Err, "wait", limit.RetryAfter)
		return limit
	}
	return nil
}

// refund gives back the reservation of r. The caller knows that no attempt up to this one
// started a job. A failure is logged: then the limits are stricter than they need to be.
func (l limiter) refund(ctx context.Context, r Record, attempt int) {
	if l.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := l.store.Refund(ctx, reservationKey(r.SubmissionID, r.Fingerprint), attempt); err != nil {
		l.log.WarnContext(ctx, "refunding the limits of a submission", "submission", r.SubmissionID, "error", err)
	}
}

// countRequest counts a request of p. kind is the prefix of the rate's key: "c:" for changes,
// "f:" for candidates, "g:" for access checks. The errors are a [*LimitError] with
// [ErrRequests], and [ErrStoreUnavailable].
func (l limiter) countRequest(ctx context.Context, p identity.Principal, kind string, r Rate) error {
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
	r, ok := signInRateOf(client)
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
	r, ok := signInRateOf(client)
	if !ok {
		return
	}
	if _, err := l.store.Take(context.WithoutCancel(ctx), r, l.now()); err != nil {
		l.log.WarnContext(ctx, "counting failed sign-ins", "error", err)
	}
}

// refused writes to the audit trail that a limit is reached, and returns limit. These events are
// sampled, because any client can cause them.
func (l limiter) refused(ctx context.Context, actor identity.Principal, limit *LimitError) error {
	l.trail.recordOrLog(context.WithoutCancel(ctx), AuditEvent{
		Kind: AuditLimit, Actor: actor, SampleKey: limit.Key,
		Outcome: AuditOutcome{Class: limit.Err.Error(), Limit: limit.Key},
	})
	return limit
}

// signInRate is how many sign-ins from one network may fail.
var signInRate = Rate{Burst: 20, Per: 10 * time.Minute}

// signInRateOf returns the rate that limits a client's IP address. IPv6 addresses with the same
// first 64 bits share one rate, because one customer has all of them (RFC 6177). ok is false for
// an invalid address: a shared rate would let one unknown client block all others.
func signInRateOf(client string) (_ Rate, ok bool) {
	addr, err := netip.ParseAddr(client)
	if err != nil {
		return Rate{}, false
	}
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	r := signInRate
	r.Key = "l:" + netip.PrefixFrom(addr.WithZone(""), bits).Masked().Addr().String()
	return r, true
}

// hasLimits reports whether the grant has a rate, a quota or a cool-down.
func (g Grant) hasLimits() bool { return len(g.Rates) > 0 || len(g.Quotas) > 0 || g.Cooldown > 0 }

// reservationKey returns the key of a reservation: the id of the key's first use and the
// fingerprint. Two submissions that use one idempotency key have different reservations, so the
// refused one refunds only its own.
func reservationKey(id, fingerprint string) string {
	key, _, _ := strings.Cut(id, "-") // removes the number of the use
	return key + "." + fingerprint
}
