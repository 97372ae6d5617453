package backup

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"backupportal/function/cache"
	"backupportal/function/identity"
)

// Service makes backups. Every way of submitting (web form, JSON API, webhook, event) calls
// [Service.Submit]. Set its fields before the first call and do not change them later; then its
// methods are safe for concurrent use. Cloud, Policy, Store, Limits, Log, Now, NewID and Wait
// are required.
type Service struct {
	Cloud  Cloud
	Policy Policy
	Store  Store
	Log    *slog.Logger
	// Now is the wall clock. The monotonic clock stops while an instance is frozen.
	Now func() time.Time
	// NewID returns random text. It identifies the process that adds a step.
	NewID func() string
	// Wait waits for d. It returns the error of ctx if ctx ends first. See [Sleep].
	Wait func(ctx context.Context, d time.Duration) error

	// Audit writes the audit trail. An action that cannot be recorded before it happens is not
	// performed. Nil writes no trail; only tests may use it.
	Audit Auditor

	// Limits counts requests, sign-ins and backups against their limits. Nil is allowed only in
	// tests without limits.
	Limits Limits
	// Requests is how many requests that change something one principal may send. Its Key is
	// ignored. A zero Burst means [UsualRequests].
	Requests Rate

	// OverPace has the ids of principals that have lately exceeded Requests. The requests of
	// these principals are counted before any other work. Those of all others are counted in
	// the statement that stores the submission, which saves a round trip to the database. Nil
	// means that all are counted first.
	OverPace *cache.Cache[struct{}]
	// Names keeps names of resources for the next submissions, for a minute. Nil keeps none.
	Names *cache.Cache[string]

	// Messenger sends notices. Nil means that there are no notices.
	Messenger Messenger
	// Announced wakes [Service.SweepEvery] when a new notice is stored. It is a channel with a
	// buffer of one. Nil means that the next sweep sends the notice.
	Announced chan struct{}

	// Meter counts events. Nil counts nothing.
	Meter Meter
	// Expectations are checked by sweeps. Nil: there are none.
	Expectations *Expectations
	// Accounts are the aliases of the accounts whose last success the figures of a sweep have.
	Accounts []string
	// Successes keeps the last successes for the next sweeps. Nil searches the history in each
	// sweep.
	Successes *Successes
	// LogFigures writes the figures of each sweep to the log, for platforms whose metrics
	// nobody can read.
	LogFigures bool
	// Warned limits the warnings about refused messages that are not stored. Nil logs each of them.
	Warned *Hourly

	// ForgetDrafts removes the drafts of forms that have expired at now, in each sweep. Nil
	// removes none.
	ForgetDrafts func(ctx context.Context, now time.Time) error

	// ListFirst reports whether the store can lose records. If it can, [Service.Submit]
	// searches the cloud's list for an earlier job before its first attempt. Nil means that it
	// cannot.
	ListFirst func() bool
	// ListLag is how long after the window of an attempt its job can be missing from the cloud's
	// list. It includes clock differences: each instance may be 5 s off the store's clock, so
	// two instances 10 s. Zero means 60 s. A value that is too small can cause a second job.
	ListLag time.Duration
}

// Store keeps submissions, their logs, jobs and notices. Each part is declared next to the code
// that uses it.
//
// Its methods are safe for concurrent use, also by several processes that share a database. An
// error other than [ErrNotFound] means that the result is unknown: a write may have happened.
// Times are stored in milliseconds.
type Store interface {
	Claims
	Steps
	Jobs
	Lists
	Notices
	Rejections
	Gaps
	Upkeep
}

// listFirst reports whether the cloud's list must be searched before the first attempt, because
// the store can lose records.
func (s *Service) listFirst() bool { return s.ListFirst != nil && s.ListFirst() }

// recordTimeout limits how long the result of a call is written to the store.
const recordTimeout = 5 * time.Second

// target returns the account and region of r for calls to the cloud. caller gives a role
// session its name. The error says that the policy no longer has the alias, or that the alias
// now means another account: a list of that account would say nothing about the job of r.
func (s *Service) target(r Record, caller identity.Principal) (Target, error) {
	account, ok := s.Policy.Account(r.Account())
	switch {
	case !ok:
		return Target{}, fmt.Errorf("backup: account %q is no longer in the policy", r.Account())
	case account.ID != r.AccountID, account.Access != r.Access, r.CallerID != "" && account.Caller().ID != r.CallerID,
		account.Access == HBRCrossAccount && account.Role != r.Complete["CrossAccountRoleName"]:
		return Target{}, fmt.Errorf("backup: account %q has a different account ID than when the submission was made",
			r.Account())
	}
	return Target{Account: account, Region: r.Region(), Principal: caller}, nil
}

// logPanic logs a panic of a task, so that the panic ends the task and not the process. It must
// be deferred.
func logPanic(ctx context.Context, log *slog.Logger, task string) {
	if v := recover(); v != nil {
		log.ErrorContext(ctx, "panicked", "task", task, "panic", fmt.Sprintf("%.200v", v), "stack", string(debug.Stack()))
	}
}

// hasTimeLeft reports whether ctx has not ended and has more than d left. Without a deadline it
// is true. A message must not be started with less time: if it is cut off, it may have arrived
// and would be sent again.
func hasTimeLeft(ctx context.Context, d time.Duration) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() == nil && (!limited || time.Until(deadline.Round(0)) > d)
}

// Sleep waits for d and returns nil, or returns the error of ctx if it ends first. It is the
// usual value of [Service.Wait].
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
