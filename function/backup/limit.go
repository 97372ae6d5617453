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

// Limits counts requests and backups against their limits. Its methods are safe for concurrent
// use, also by several processes that share a database. After an error the result is unknown,
// so the caller must refuse the action.
type Limits interface {
	// Reserve takes one backup from every limit that applies to a submission, or from none. If
	// a limit is reached, it returns that limit and takes nothing.
	//
	// A submission that already holds a reservation takes nothing more; Reserve only stores the
	// number of the new attempt. After a refund a submission takes quotas and the cool-down
	// again, but not the rates. A reservation is forgotten when the key of its submission has
	// expired: see [Reservation.EarlierUse].
	Reserve(ctx context.Context, a Reservation) (*LimitError, error)
	// Refund gives back the quotas and the cool-down of a key, at most once. It does nothing if
	// an attempt later than the given one holds the reservation: a slow process must not give
	// back what a newer attempt needs. It does not give back rates. It is not an error if there is
	// nothing to give back.
	Refund(ctx context.Context, key string, attempt int) error
	// Take takes one request from a rate and returns 0. If the rate is used up, it takes
	// nothing and returns how long to wait.
	Take(ctx context.Context, r Rate, now time.Time) (wait time.Duration, err error)
	// Peek returns what Take would return, and takes nothing.
	Peek(ctx context.Context, r Rate, now time.Time) (wait time.Duration, err error)
	// Usage returns how much of each limit in g is left at now: of the rates, the quotas, then
	// the cool-down of the resource (see [Reservation]). It takes nothing.
	Usage(ctx context.Context, g Grant, resource string, now time.Time) ([]LimitUse, error)
	// ForgetLimits removes entries that no longer limit anything at now.
	ForgetLimits(ctx context.Context, now time.Time) error
}

// Reservation is a request to take one backup from every limit that applies to a submission.
type Reservation struct {
	Key      string // made by reservationKey from the submission's key and the fingerprint of its values
	Attempt  int    // number of the step of the attempt; 0 for the first
	Grant    Grant  // its Rates, Quotas and Cooldown
	Resource string // for the cool-down: account id, "/", resource id
	Now      time.Time
	KeyLife  time.Duration // how long the submission's key stands for it; 0: [KeyExpires]
}

// LimitUse says how much of one limit (rate, quota or cool-down) is left.
type LimitUse struct {
	Err  error         // ErrRate, ErrQuota or ErrCooldown
	Key  string        // key of the limit, as in [LimitError]
	Left int           // backups that may start now
	Of   int           // the most that can be left
	Per  time.Duration // for a rate: the time in which Of backups may start; for a cool-down: its length
	Wait time.Duration // time until a backup may start; 0 if Left is not 0, or if waiting does not help
}

// Usage returns how much is left of each limit that the policy's grant has for call. It takes
// nothing and returns nil for a grant without limits. The error is [ErrStoreUnavailable].
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

// EarlierUse returns a time: a reservation of the key that was made before it belongs to an
// earlier use of the key.
func (a Reservation) EarlierUse() time.Time { return a.Now.Add(-cmp.Or(a.KeyLife, KeyExpires)) }

// The limits that can be reached.
var (
	ErrRequests = errors.New("too many requests")                  // changes, candidates or access checks of one principal
	ErrSignIns  = errors.New("too many sign-ins failed")           // sign-ins from one network
	ErrRate     = errors.New("too many backups in a short time")   // [Grant.Rates]
	ErrQuota    = errors.New("the backups of the day are used up") // [Grant.Quotas]
	ErrCooldown = errors.New("backed up a moment ago")             // [Grant.Cooldown]
)

// LimitError says that a limit is reached. Nothing was sent, and the submission can be repeated
// later with the same key.
type LimitError struct {
	Err error // one of the five errors above
	// Key is the key of the limit: see [Rate.Key] and [Quota.Key]. The key of a cool-down is "i:"
	// followed by the id of the resource.
	Key        string
	RetryAfter time.Duration // 0 if waiting does not help
}

// Error returns the key of the limit and the text of e.Err.
func (e *LimitError) Error() string { return "backup: " + e.Key + ": " + e.Err.Error() }

// Unwrap returns e.Err.
func (e *LimitError) Unwrap() error { return e.Err }

// UsualRequests is the default of [Service.Requests]. Failed requests count, too.
var UsualRequests = Rate{Burst: 60, Per: time.Minute}

// CountRequest counts a request of p that wants to change something. The errors are a
// [*LimitError] with [ErrRequests], and [ErrStoreUnavailable].
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

// paceOfClaim returns the rate from which the claim of sub (the database statement that stores
// it) takes one request, or zero. It is zero if the request was counted already, or must not be
// counted. If the rate has refused this sender lately, paceOfClaim counts the request itself,
// because work before the claim can call the cloud. The errors are those of
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

// count counts the request of sub and sets pace to zero. If pace is zero already, it does
// nothing. The errors are those of [Service.CountRequest].
func (s *Service) count(ctx context.Context, sub Submission, pace *Rate) error {
	if pace.Burst == 0 {
		return nil
	}
	*pace = Rate{}
	return s.CountRequest(ctx, sub.Principal)
}

// noteOverPace stores in memory that p has sent too many requests, if err says so. It returns
// err.
func (s *Service) noteOverPace(p identity.Principal, err error) error {
	if _, over := errors.AsType[*LimitError](err); over && s.OverPace != nil {
		s.OverPace.Put(p.ID(), struct{}{}, s.Now().Add(s.requests().Per))
	}
	return err
}

// requestsKey is the prefix of the key of a rate of requests.
const requestsKey = "c:"

// MaySignIn returns nil if a client may try to sign in. client is an IP address; an invalid or
// unknown address is always allowed. The error is a [*LimitError] with [ErrSignIns] if too many
// sign-ins from the same network have failed, or [ErrStoreUnavailable].
func (s *Service) MaySignIn(ctx context.Context, client string) error {
	return s.limiter().maySignIn(ctx, client)
}

// SignInFailed counts a failed sign-in from an IP address. A failure to count is logged.
func (s *Service) SignInFailed(ctx context.Context, client string) {
	s.limiter().signInFailed(ctx, client)
}

// SpendSignIn reports whether a sign-in may call the identity provider. transaction identifies
// the sign-in. Only the first call with a transaction returns true, even if the sign-in then
// fails, so that a redirect from the provider cannot be used twice. The error is
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

// signInAge is how long a used sign-in is remembered. It is longer than a sign-in can take.
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

// reserve takes one backup from every limit that applies to r, for an attempt. It does nothing
// if the grant has no limits. The errors are a [*LimitError], which is also written to the
// audit trail, and [ErrStoreUnavailable].
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

// refund gives back what r has taken from the limits. The caller must know that no attempt up
// to this one has started a job. A failure is only logged: the limits are then stricter than
// necessary.
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

// refused writes to the audit trail that a limit is reached, and returns limit. Any client can
// cause such events, so of many equal ones only some are written.
func (l limiter) refused(ctx context.Context, actor identity.Principal, limit *LimitError) error {
	l.trail.recordOrLog(context.WithoutCancel(ctx), AuditEvent{
		Kind: AuditLimit, Actor: actor, SampleKey: limit.Key,
		Outcome: AuditOutcome{Class: limit.Err.Error(), Limit: limit.Key},
	})
	return limit
}

// signInRate is how many sign-ins from one network may fail.
var signInRate = Rate{Burst: 20, Per: 10 * time.Minute}

// signInRateOf returns the rate that limits sign-ins from a client's IP address. IPv6 addresses
// with the same first 64 bits share one rate, because one customer has all of them (RFC 6177).
// ok is false for an invalid address: if these shared a rate, one unknown client could block
// all others.
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

// reservationKey returns the key of a reservation. It consists of the id of the key's first use
// and the fingerprint of the values. So two different submissions with one idempotency key have
// different reservations, and the refused one gives back only its own.
func reservationKey(id, fingerprint string) string {
	key, _, _ := strings.Cut(id, "-") // removes the number of the use
	return key + "." + fingerprint
}
