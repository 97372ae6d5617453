package backup

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"backupportal/function/identity"
)

// Service makes backups. Every door calls Submit. The fields are set before the
// first use and not changed after that.
type Service struct {
	Cloud  Cloud
	Policy Policy
	Store  Store
	Log    *slog.Logger
	Now    func() time.Time                                 // wall clock: instances freeze
	NewID  func() string                                    // random text, for owners of steps
	Wait   func(ctx context.Context, d time.Duration) error // sleeps between two attempts

	// Audit keeps the audit trail; nil, in tests, keeps none. An action that must be
	// audited beforehand is not done if that fails.
	Audit Auditor

	// Limits counts requests and what the grants of the policy limit; nil only in tests.
	Limits Limits
	// Requests is how many requests each principal may send; zero means
	// [UsualRequests].
	Requests Rate

	// Messenger sends notices of events; nil sends none.
	Messenger Messenger
	// Announced wakes SweepEvery when there is a notice to send: a channel with
	// room for one. Nil wakes nothing, and the next sweep sends it.
	Announced chan struct{}

	// ListFirst reports whether the store may have forgotten a submission. Then the
	// cloud's list is searched before even the first attempt. Nil: it never has.
	ListFirst func() bool
	// ListLag is how long after the window of an attempt its job surely shows in
	// the cloud's list, with clocks that are up to 10 s apart, each 5 s off the
	// store's. Zero means 60 s. Less than the truth makes second jobs.
	ListLag time.Duration
}

// Store remembers submissions and their logs. Each part is declared beside the code
// that uses it. Its methods are safe for concurrent use, and by several processes
// where the store is shared. An error other than ErrNotFound means that nothing is
// known: whether a write happened, too.
type Store interface {
	Claims
	Steps
	Jobs
	Lists
	Notices
	Upkeep
}

// listFirst reports whether the cloud's list is searched before the first attempt.
func (s *Service) listFirst() bool { return s.ListFirst != nil && s.ListFirst() }

// recordTime is how long the write of a result may take.
const recordTime = 5 * time.Second

// target returns where r was sent, by the policy in force, for calls in the name of
// asks. It is an error if the policy no longer names that account.
func (s *Service) target(r Record, asks identity.Principal) (Target, error) {
	account, ok := s.Policy.Account(r.Account())
	switch {
	case !ok:
		return Target{}, fmt.Errorf("backup: account %q is no longer in the policy", r.Account())
	case account.ID != r.AccountID, account.Access != r.Access, r.CallerID != "" && account.Caller().ID != r.CallerID,
		account.Access == HBRCrossAccount && account.Role != r.Complete["CrossAccountRoleName"]:
		// Another account's list says nothing about this one's jobs.
		return Target{}, fmt.Errorf("backup: account %q stands for another account than when the submission was made",
			r.Account())
	}
	return Target{Account: account, Region: r.Region(), Principal: asks}, nil
}

// recovered logs a panic of a task. Deferred, it ends the task and not the process.
func recovered(ctx context.Context, log *slog.Logger, task string) {
	if v := recover(); v != nil {
		log.ErrorContext(ctx, "panicked", "task", task, "panic", fmt.Sprintf("%.200v", v), "stack", string(debug.Stack()))
	}
}

// leaves reports whether ctx leaves that much time: a message that is cut off
// may have arrived, and would come again.
func leaves(ctx context.Context, d time.Duration) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() == nil && (!limited || time.Until(deadline.Round(0)) > d)
}

// Sleep waits for d, or until ctx ends, and then says why it did. It is what
// [Service] waits with outside tests.
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
