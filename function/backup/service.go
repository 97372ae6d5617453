package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"backupportal/function/identity"
)

// Service makes backups. Submit is the one way in, whatever the door.
type Service struct {
	Cloud  Cloud
	Store  Store
	Limits Limits // what the policy's grants are counted in
	// Requests is how many requests each principal may send; zero means
	// [UsualRequests].
	Requests Rate
	Policy   Policy
	Log      *slog.Logger
	Now      func() time.Time                                 // wall clock: instances freeze
	NewID    func() string                                    // random text, for owners of steps
	Wait     func(ctx context.Context, d time.Duration) error // sleeps between two attempts

	// Audit keeps the audit trail; nil, in tests, keeps none. What it cannot write
	// down beforehand is not done.
	Audit Auditor

	// Messenger tells others of events; nil if nobody is to be told.
	Messenger Messenger
	// Announced wakes SweepEvery when there is something to tell: a channel with
	// room for one. Nil wakes nobody, and the next sweep tells it.
	Announced chan struct{}

	// ListFirst is for stores that may forget: the cloud's list is searched
	// before even the first attempt.
	ListFirst bool
	// Settle is how long after the window of an attempt its job surely shows in
	// the cloud's list, with clocks that are up to 10 s apart, each 5 s off the
	// store's. Zero means 60 s. Less than the truth makes second jobs.
	Settle time.Duration
}

// Store remembers submissions and their logs. Its methods are safe for
// concurrent use, and by several processes where the store is shared. An error
// other than ErrNotFound means that nothing is known: whether a write
// happened, too.
type Store interface {
	// Claim remembers r with an empty log, unless a submission of its key is
	// remembered that has not expired at r.CreatedAt. It returns what is
	// remembered, with its id, and whether that is r.
	Claim(ctx context.Context, r Record) (known Record, ours bool, err error)
	// Known returns the submission that a key stands for now, by the id of its
	// first use, or ErrNotFound.
	Known(ctx context.Context, key string, now time.Time) (Record, error)
	// Find returns the record with its last step, or ErrNotFound.
	Find(ctx context.Context, id string) (Record, error)
	// Append adds a step to the log. It reports whether the step with that
	// number is this one: a repeat of the same step by the same Owner is.
	// Nothing is added behind a gap, nor behind created or refused. Rows of the
	// audit trail are there if the step is this one, and not if it is not.
	Append(ctx context.Context, id string, s Step, audit ...AuditRow) (bool, error)
	// Ask reports whether the cloud may be asked about the submission's job:
	// if it exists, and nobody has asked since now less pace. From then on
	// somebody has.
	Ask(ctx context.Context, id string, now time.Time, pace time.Duration) (bool, error)
	// See keeps what the cloud said of the submission's job, unless something
	// newer is kept. The end of a job is kept whatever else was seen.
	See(ctx context.Context, id string, job Job) error
	// Cancel keeps who last had the submission's job cancelled.
	Cancel(ctx context.Context, id string, c Cancellation) error
	// End says that the submission is over, in this state. It only helps lists:
	// what a submission came to is in its log.
	End(ctx context.Context, id string, state State) error
	// List returns at most q.Limit records, newest first. Those that are not
	// ended are selected whatever q.States says: only the time of the reader
	// tells their state.
	List(ctx context.Context, q Query) ([]Record, error)
	// Open returns at most limit records that are not ended, in the order of
	// their ids, behind after.
	Open(ctx context.Context, after string, limit int) ([]Record, error)
	// Announce remembers those of the notices that are not remembered yet, and
	// says how many these were. Notices about unknown submissions are left out.
	Announce(ctx context.Context, notices []Notice) (int, error)
	// Due returns at most limit notices to a receiver that may be sent at now,
	// those that have been waiting longest first, with their records.
	Due(ctx context.Context, receiver string, now time.Time, limit int) ([]Notice, error)
	// Take reports whether n may be sent by the caller: if it is not done, and
	// nobody has taken it since it was read. It is due again from until on.
	Take(ctx context.Context, n Notice, until time.Time) (bool, error)
	// Done says that n need not be sent any more.
	Done(ctx context.Context, n Notice, now time.Time) error
	// Forget removes at most limit submissions that were created before a time
	// and whose keys have expired by now, and says how many it removed.
	Forget(ctx context.Context, before, now time.Time, limit int) (int, error)
}

// target is where r was sent, by the policy in force, for whoever asks about it
// now.
func (s *Service) target(r Record, asks identity.Principal) (Target, error) {
	account, ok := s.Policy.Account(r.Account())
	switch {
	case !ok:
		return Target{}, fmt.Errorf("backup: account %q is no longer in the policy", r.Account())
	case account.ID != r.AccountID || account.Access != r.Access:
		// Another account's list says nothing about this one's jobs.
		return Target{}, fmt.Errorf("backup: account %q stands for another account than when the submission was made", r.Account())
	}
	return Target{Account: account, Region: r.Region(), Principal: asks}, nil
}

func (s *Service) find(ctx context.Context, id string) (Record, error) {
	r, err := s.Store.Find(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = away(err)
	}
	return r, err
}

// persistent is ctx without its cancellation, but with its deadline. What was
// begun is brought to its end even if the caller goes away: one who presses
// twice, or closes the page, must not turn a backup into a question.
func persistent(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}

// recovered is deferred where a panic is to end a task and not the process.
func (s *Service) recovered(task string) {
	if v := recover(); v != nil {
		s.Log.Error("panicked", "task", task, "value", fmt.Sprintf("%.200v", v), "stack", string(debug.Stack()))
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
