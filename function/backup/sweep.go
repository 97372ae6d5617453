package backup

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"backupportal/function/identity"
	"backupportal/function/logging"
	"backupportal/function/param"
)

// Upkeep finds the submissions that a sweep works on.
type Upkeep interface {
	// Open returns at most limit records that are not ended, in the order of
	// their ids, behind after.
	Open(ctx context.Context, after string, limit int) ([]Record, error)
	// Forget removes at most limit submissions that were created before a time
	// and whose keys have expired by now, and says how many it removed.
	Forget(ctx context.Context, before, now time.Time, limit int) (int, error)
}

// Swept is what a [Service.Sweep] did.
type Swept struct {
	Open      int // submissions that were not over when it looked at them
	Resolved  int // of which the log says since then whether there is a job
	Refreshed int // of whose jobs the cloud told something
	Forgotten int // old submissions that were removed
	Sent      int // messages about events that were sent
}

// Sweep brings the history up to date even if nobody looks: it removes
// submissions that are older than keep, asks for the jobs that are not over,
// finds out what became of attempts whose answers were lost, and sends the
// messages about all that. It never starts a backup, and several may run at
// once. If ctx ends it stops early, which is no error; the only one is
// [ErrStoreUnavailable].
//
// Submissions are taken in the order of their ids from a random one on, and an
// account's region of which one listing has failed is left alone for the rest
// of the sweep: so none starves if the time is never enough.
func (s *Service) Sweep(ctx context.Context, keep time.Duration) (Swept, error) {
	s.trail().flush(ctx)
	w := sweep{Service: s, jobs: map[group][]Record{}, silent: map[place]bool{}}
	limited, cancel := s.beforeDelivery(ctx)
	defer cancel()
	err := w.refresh(limited, keep)
	if limited.Err() != nil {
		err = nil
	}
	if err == nil {
		w.done.Sent = s.notifier().deliver(ctx)
	}
	return w.done, err
}

// beforeDelivery is ctx without the time that messages need at its end.
func (s *Service) beforeDelivery(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited || s.Messenger == nil {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(deliverTime, time.Until(deadline)/2)))
}

// How much a sweep takes at a time, so that no statement and no question to the
// cloud is long; how many submissions it takes in all; how long it waits for
// one listing; how long a submission is asked for of which nothing more is
// heard; and how much of its time it keeps for messages.
const (
	sweepBatch   = 100
	forgetBatch  = 200
	mostSwept    = 5000
	listingTime  = 10 * time.Second
	abandonAfter = 30 * 24 * time.Hour
	deliverTime  = 10 * time.Second
)

// SweepEvery sweeps at once and then at every interval, until ctx ends, and
// sends in between what was announced. It is for processes that no timer calls.
func (s *Service) SweepEvery(ctx context.Context, interval, keep time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	s.sweepOnce(ctx, max(interval, time.Minute), keep)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.sweepOnce(ctx, max(interval, time.Minute), keep)
		case <-s.Announced:
			s.notifier().deliver(logging.WithRequestID(ctx, rand.Text()))
		}
	}
}

// sweepOnce sweeps for at most so long, and writes what came of it to the log.
// A panic ends the sweep and not the process.
func (s *Service) sweepOnce(ctx context.Context, most, keep time.Duration) {
	ctx, cancel := context.WithTimeout(logging.WithRequestID(ctx, rand.Text()), most)
	defer cancel()
	defer recovered(ctx, s.Log, "sweep")
	switch done, err := s.Sweep(ctx, keep); {
	case err != nil:
		s.Log.ErrorContext(ctx, "sweep", "error", err)
	case done != (Swept{}):
		s.Log.InfoContext(ctx, "sweep", "open", done.Open, "resolved", done.Resolved, "refreshed", done.Refreshed,
			"forgotten", done.Forgotten, "sent", done.Sent)
	}
}

// A sweep is one under way.
type sweep struct {
	*Service
	done     Swept
	jobs     map[group][]Record // to be asked for
	attempts []Record           // to be resolved
	silent   map[place]bool     // where a listing has failed
}

// A place is where jobs are listed, and a group are jobs that can be asked for
// together.
type (
	place struct{ account, region string }
	group struct {
		place
		source param.SourceType
	}
)

func placeOf(r Record) place { return place{r.Account(), r.Region()} }

// sweeper is who asks about jobs that nobody looks at.
var sweeper = identity.Principal{Subject: "sweep", Name: "sweep"}

// refresh is the sweep without its messages.
func (w *sweep) refresh(ctx context.Context, keep time.Duration) error {
	middle := strings.ToLower(w.NewID())
	err := w.forget(ctx, keep)
	if err == nil {
		err = w.between(ctx, middle, "")
	}
	if err == nil && middle != "" {
		err = w.between(ctx, "", middle)
	}
	for g := range w.jobs {
		w.ask(ctx, g)
	}
	for _, r := range w.attempts {
		w.resolve(ctx, r)
	}
	return err
}

// forget removes what is older than keep, little by little. What was only just
// used is left to whoever may be at it.
func (w *sweep) forget(ctx context.Context, keep time.Duration) error {
	now := w.Now().Add(-time.Hour)
	before := now.Add(-max(keep, KeyExpires))
	for ctx.Err() == nil {
		n, err := w.Store.Forget(ctx, before, now, forgetBatch)
		if err != nil {
			return storeUnavailable(err)
		}
		if w.done.Forgotten += n; n < forgetBatch {
			break
		}
	}
	if w.Limits == nil || ctx.Err() != nil {
		return nil
	}
	if err := w.Limits.ForgetLimits(ctx, now); err != nil {
		return storeUnavailable(err)
	}
	return nil
}

// between looks at submissions with ids behind after, up to last if that is
// not empty. What they have come to is announced once more, all of a page in one
// statement: whoever wrote it down may have stopped before that.
func (w *sweep) between(ctx context.Context, after, last string) error {
	for ctx.Err() == nil {
		page, err := w.Store.Open(ctx, after, sweepBatch)
		if err != nil {
			return storeUnavailable(err)
		}
		var notices []Notice
		for _, r := range page {
			notices = append(notices, w.notifier().noticesOf(r)...)
		}
		_ = w.notifier().announce(ctx, notices) // logged, and repeated by the next sweep
		for _, r := range page {
			if last != "" && r.SubmissionID > last || w.done.Open == mostSwept {
				return nil
			}
			w.note(ctx, r)
		}
		if len(page) < sweepBatch {
			break
		}
		after = page[len(page)-1].SubmissionID
	}
	return nil
}

// note notes what the log of r asks for.
func (w *sweep) note(ctx context.Context, r Record) {
	w.done.Open++
	switch now := w.Now(); {
	case r.IsFinal(now):
		w.markFinal(ctx, r)
	case !now.Before(r.heard().Add(abandonAfter)):
		w.abandon(ctx, r)
	case r.Last.Kind == StepAttempt && !now.Before(r.Last.Until):
		w.attempts = append(w.attempts, r)
	case r.askable(now):
		g := group{placeOf(r), r.Complete.SourceType()}
		if w.jobs[g] = append(w.jobs[g], r); len(w.jobs[g]) == sweepBatch {
			w.ask(ctx, g)
		}
	}
}

// abandon leaves a submission as it was last seen: its job is not in the
// cloud's list any more, or its account not in the policy.
func (w *sweep) abandon(ctx context.Context, r Record) {
	w.Log.WarnContext(ctx, "submission abandoned: no more news of its job", "submission", r.SubmissionID, "job", r.Last.JobID,
		"last_heard", r.heard())
	if err := w.Store.MarkFinal(ctx, r.SubmissionID, r.State(w.Now())); err != nil {
		w.Log.WarnContext(ctx, "marking a submission as final", "submission", r.SubmissionID, "error", err)
	}
}

// heard is when something was last heard of r.
func (r Record) heard() time.Time {
	heard := r.CreatedAt
	for _, t := range []time.Time{r.Last.At, r.Job.SeenAt} {
		if t.After(heard) {
			heard = t
		}
	}
	return heard
}

// resolve finds out what became of an attempt.
func (w *sweep) resolve(ctx context.Context, r Record) {
	if ctx.Err() != nil || w.silent[placeOf(r)] {
		return
	}
	limited, cancel := context.WithTimeout(ctx, listingTime)
	defer cancel()
	ours, err := w.reconcileAndRefund(limited, sweeper, r)
	if err != nil {
		w.silent[placeOf(r)] = true
		w.Log.WarnContext(ctx, "listing jobs", "submission", r.SubmissionID, "error", err)
	}
	if ours {
		w.done.Resolved++
	}
}

// ask asks for the jobs of a group.
func (w *sweep) ask(ctx context.Context, g group) {
	records := w.jobs[g]
	delete(w.jobs, g)
	if ctx.Err() != nil || w.silent[g.place] {
		return
	}
	target, err := w.target(records[0], sweeper)
	if err != nil {
		w.Log.WarnContext(ctx, "describing jobs", "account", g.account, "error", err)
		return
	}
	limited, cancel := context.WithTimeout(ctx, listingTime)
	defer cancel()
	seen, err := w.Service.ask(limited, target, records)
	w.silent[g.place] = err != nil
	w.done.Refreshed += seen
}
