package backup

import (
	"cmp"
	"context"
	"strings"
	"time"
)

// sweeper is who asks about jobs that nobody looks at.
var sweeper = Principal{Subject: "sweep", Name: "sweep"}

// How much a sweep takes at a time, so that no statement and no question to the
// cloud is long.
const (
	sweepBatch  = 100
	forgetBatch = 200
)

// Swept is what a [Service.Sweep] did.
type Swept struct {
	Open      int // submissions that were not over when it looked at them
	Resolved  int // of which the log says since then whether there is a job
	Refreshed int // of whose jobs the cloud told something
	Forgotten int // old submissions that were removed
}

// Sweep brings the history up to date even if nobody looks: it finds out what
// became of attempts whose answers were lost, asks for the jobs that are not
// over, and removes submissions that are older than keep. It never sends, and
// several may run at once. If ctx ends it stops early, which is no error; the
// only one is [ErrStoreAway].
//
// Submissions are taken in the order of their ids from a random one on, which
// is fair to all of them if the time is never enough.
func (s *Service) Sweep(ctx context.Context, keep time.Duration) (Swept, error) {
	w := sweep{Service: s, jobs: map[group][]Record{}}
	middle := strings.ToLower(s.NewID())
	err := w.between(ctx, middle, "")
	if err == nil && middle != "" {
		err = w.between(ctx, "", middle)
	}
	for g := range w.jobs {
		w.ask(ctx, g)
	}
	err = cmp.Or(err, w.forget(ctx, keep))
	if ctx.Err() != nil {
		err = nil
	}
	return w.done, err
}

// A sweep is one under way.
type sweep struct {
	*Service
	done Swept
	jobs map[group][]Record // to be asked for
}

// A group are jobs that can be asked for together.
type group struct {
	account, region string
	source          SourceType
}

// between sweeps submissions with ids behind after, up to last if that is not
// empty.
func (w *sweep) between(ctx context.Context, after, last string) error {
	for ctx.Err() == nil {
		page, err := w.Store.Open(ctx, after, sweepBatch)
		if err != nil {
			return away(err)
		}
		for _, r := range page {
			if last != "" && r.SubmissionID > last {
				return nil
			}
			w.one(ctx, r)
		}
		if len(page) < sweepBatch {
			break
		}
		after = page[len(page)-1].SubmissionID
	}
	return nil
}

// one does what the log of r asks for, or notes its job to be asked for.
func (w *sweep) one(ctx context.Context, r Record) {
	w.done.Open++
	switch now := w.Now(); {
	case r.Over(now):
		w.end(ctx, r)
	case r.Last.Kind == StepAttempt && !now.Before(r.Last.Until):
		ours, err := w.reconcile(ctx, r)
		if err != nil {
			w.Log.Warn("listing jobs", "submission", r.SubmissionID, "error", err)
		}
		if ours {
			w.done.Resolved++
		}
	case r.Last.Kind == StepCreated && now.Sub(r.Job.SeenAt) >= pace:
		g := group{r.Account(), r.Region(), r.Complete.SourceType()}
		if w.jobs[g] = append(w.jobs[g], r); len(w.jobs[g]) == sweepBatch {
			w.ask(ctx, g)
		}
	}
}

// ask asks for the jobs of a group.
func (w *sweep) ask(ctx context.Context, g group) {
	records := w.jobs[g]
	delete(w.jobs, g)
	target, ok := w.target(records[0])
	if !ok {
		return
	}
	target.Principal = sweeper
	before := w.Now()
	for _, r := range w.Service.ask(ctx, target, records) {
		if !r.Job.SeenAt.Before(before) {
			w.done.Refreshed++
		}
	}
}

// forget removes what is older than keep, little by little.
func (w *sweep) forget(ctx context.Context, keep time.Duration) error {
	now := w.Now()
	before := now.Add(-max(keep, KeyExpires))
	for ctx.Err() == nil {
		n, err := w.Store.Forget(ctx, before, now, forgetBatch)
		if err != nil {
			return away(err)
		}
		if w.done.Forgotten += n; n < forgetBatch {
			break
		}
	}
	return nil
}
