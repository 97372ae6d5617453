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

// Upkeep finds the submissions on which a sweep must work. A sweep is a regular background run
// that updates the history.
type Upkeep interface {
	// Open returns at most limit records that are not marked as final and whose ids are greater
	// than after, in the order of their ids.
	Open(ctx context.Context, after string, limit int) ([]Record, error)
	// Forget removes at most limit submissions that were created before the time before and
	// whose keys have expired at now. It returns how many it removed.
	Forget(ctx context.Context, before, now time.Time, limit int) (int, error)
}

// Swept counts what a [Service.Sweep] has done.
type Swept struct {
	Open      int // submissions that it read: those not marked as final
	Resolved  int // attempts whose result was recorded from the list
	Refreshed int // submissions whose jobs the cloud described
	Forgotten int // old submissions that were removed
	Sent      int // messages that were sent
}

// Sweep updates the history in the background. It removes submissions that are older than keep,
// asks the cloud about jobs that are not final, looks for missing results of attempts, and
// sends notices. It never starts a backup. Several processes may sweep at the same time. The
// error is [ErrStoreUnavailable]; the end of ctx is not an error.
//
// A sweep begins at a random id, and after one failed listing it skips the rest of that account
// and region. So every submission is handled at some time, even if no sweep has enough time for
// all.
func (s *Service) Sweep(ctx context.Context, keep time.Duration) (Swept, error) {
	s.trail().flush(ctx)
	w := sweep{Service: s, jobs: map[jobGroup][]Record{}, failed: map[listingKey]bool{}}
	limited, cancel := s.beforeDelivery(ctx)
	defer cancel()
	err := w.refresh(limited, keep)
	if limited.Err() != nil {
		err = nil
	}
	if err == nil {
		w.checkExpectations(limited)
		w.result.Sent = s.notifier().deliver(ctx)
		w.report(ctx)
	}
	return w.result, err
}

// Update asks the cloud about submissions, as a sweep does, and stores what it learns: their jobs, and the
// results of attempts. It asks about none of them more often than a sweep would. The caller reads the
// records again. Failures are logged.
func (s *Service) Update(ctx context.Context, records []Record) {
	w := sweep{Service: s, jobs: map[jobGroup][]Record{}, failed: map[listingKey]bool{}}
	for _, r := range records {
		w.collect(ctx, r)
	}
	w.askAll(ctx)
}

// beforeDelivery returns ctx with an earlier deadline, which keeps time for messages:
// [deliveryTime], or half of the remaining time if that is less.
func (s *Service) beforeDelivery(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited || s.Messenger == nil {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(deliveryTime, time.Until(deadline)/2)))
}

// Limits of a sweep. It reads sweepBatch submissions at once and lists as many jobs in one
// call; it removes forgetBatch submissions with one statement, and reads at most maxSwept
// submissions in total. After each full batch it waits forgetRest times as long as the removal took,
// because a removal in SQLite stops all other writers. listingTimeout limits one listing. abandonAfter is how long the portal
// asks about a submission without news. deliveryTime is reserved for messages.
const (
	sweepBatch     = 100
	forgetBatch    = 200
	forgetRest     = 4
	maxSwept       = 5000
	listingTimeout = 10 * time.Second
	abandonAfter   = 30 * 24 * time.Hour
	deliveryTime   = 10 * time.Second
)

// SweepEvery sweeps immediately and then at every interval, until ctx ends. Between sweeps it
// sends new notices when [Service.Announced] wakes it. It is for servers without a timer event
// of the platform.
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

// sweepOnce sweeps for at most the duration most, and logs the result. A panic ends the sweep
// and not the process.
func (s *Service) sweepOnce(ctx context.Context, most, keep time.Duration) {
	ctx, cancel := context.WithTimeout(logging.WithRequestID(ctx, rand.Text()), most)
	defer cancel()
	defer logPanic(ctx, s.Log, "sweep")
	switch done, err := s.Sweep(ctx, keep); {
	case err != nil:
		s.Log.ErrorContext(ctx, "sweep", "error", err)
	case done != (Swept{}):
		s.Log.InfoContext(ctx, "sweep", "open", done.Open, "resolved", done.Resolved, "refreshed", done.Refreshed,
			"forgotten", done.Forgotten, "sent", done.Sent)
	}
}

// sweep is the state of one sweep: a regular background run that updates the history.
type sweep struct {
	*Service
	result   Swept
	jobs     map[jobGroup][]Record // records whose jobs are listed together
	attempts []Record              // records with an attempt to resolve
	failed   map[listingKey]bool   // where a listing failed in this sweep

	unknown      int       // submissions with an unknown outcome, as they were read
	unknownSince time.Time // end of the window of the oldest of these
}

// listingKey identifies one list of jobs in the cloud. jobGroup identifies jobs that one request
// can list.
type (
	listingKey struct{ account, region string }
	jobGroup   struct {
		listingKey
		source param.SourceType
	}
)

// listingKeyOf returns the list that contains the job of r.
func listingKeyOf(r Record) listingKey { return listingKey{r.Account(), r.Region()} }

// sweeper is the principal of the calls that a sweep makes.
var sweeper = identity.Principal{Subject: "sweep", Name: "sweep"}

// refresh is the part of a sweep before the messages. It reads the submissions from a random id
// to the last one, and then from the first to that id.
func (w *sweep) refresh(ctx context.Context, keep time.Duration) error {
	start := strings.ToLower(w.NewID())
	err := w.forget(ctx, keep)
	if err == nil {
		err = w.scan(ctx, start, "")
	}
	if err == nil && start != "" {
		err = w.scan(ctx, "", start)
	}
	w.askAll(ctx)
	return err
}

// askAll asks the cloud about the submissions that collect found.
func (w *sweep) askAll(ctx context.Context) {
	for g := range w.jobs {
		w.refreshGroup(ctx, g)
	}
	for _, r := range w.attempts {
		w.resolve(ctx, r)
	}
}

// forget removes submissions and rejections that are older than keep, entries of the limits
// that have ended, and drafts. It waits one hour longer for all but drafts, because another
// process may still use a record that has just expired.
func (w *sweep) forget(ctx context.Context, keep time.Duration) error {
	now := w.Now().Add(-time.Hour)
	before := now.Add(-max(keep, KeyExpires))
	for ctx.Err() == nil {
		began := w.Now()
		n, err := w.Store.Forget(ctx, before, now, forgetBatch)
		if err != nil {
			return storeUnavailable(err)
		}
		// A batch that is not full was the last one.
		if w.result.Forgotten += n; n < forgetBatch {
			break
		}
		if w.Wait(ctx, forgetRest*w.Now().Sub(began)) != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	if err := w.Store.ForgetRejections(ctx, before); err != nil {
		w.Log.WarnContext(ctx, "removing old rejections", "error", err) // the next sweep repeats it
	}
	if w.ForgetDrafts != nil {
		if err := w.ForgetDrafts(ctx, w.Now()); err != nil {
			w.Log.WarnContext(ctx, "removing old drafts", "error", err) // the next sweep repeats it
		}
	}
	if w.Limits == nil {
		return nil
	}
	if err := w.Limits.ForgetLimits(ctx, now); err != nil {
		return storeUnavailable(err)
	}
	return nil
}

// scan handles the submissions whose ids are greater than after and, if last is not empty, at
// most last. It stores the notices of each page again, with one statement: the process that
// stored an event may have stopped before it stored its notices.
func (w *sweep) scan(ctx context.Context, after, last string) error {
	for ctx.Err() == nil {
		page, err := w.Store.Open(ctx, after, sweepBatch)
		if err != nil {
			return storeUnavailable(err)
		}
		var notices []Notice
		for _, r := range page {
			notices = append(notices, w.notifier().noticesOf(r)...)
		}
		_ = w.notifier().announce(ctx, notices) // a failure is logged, and the next sweep repeats it
		for _, r := range page {
			if last != "" && r.SubmissionID > last || w.result.Open == maxSwept {
				return nil
			}
			w.collect(ctx, r)
		}
		if len(page) < sweepBatch {
			break
		}
		after = page[len(page)-1].SubmissionID
	}
	return nil
}

// collect decides what the sweep must do with r: mark it as final, abandon it, resolve its
// attempt, or ask for its job.
func (w *sweep) collect(ctx context.Context, r Record) {
	w.result.Open++
	w.countUnknown(r)
	switch now := w.Now(); {
	case r.IsFinal(now):
		w.markFinal(ctx, r)
	case !now.Before(r.lastNews().Add(abandonAfter)):
		w.abandon(ctx, r)
	case r.Last.Kind == StepAttempt && !now.Before(r.Last.Until):
		w.attempts = append(w.attempts, r)
	case r.needsRefresh(now):
		g := jobGroup{listingKeyOf(r), r.Complete.SourceType()}
		if w.jobs[g] = append(w.jobs[g], r); len(w.jobs[g]) == sweepBatch {
			w.refreshGroup(ctx, g)
		}
	}
}

// countUnknown counts r for the metrics if it is unknown whether it started a job.
func (w *sweep) countUnknown(r Record) {
	if r.State(w.Now()) != StateUnknown {
		return
	}
	w.unknown++
	if w.unknownSince.IsZero() || r.Last.Until.Before(w.unknownSince) {
		w.unknownSince = r.Last.Until
	}
}

// abandon marks r as final in the state that was last seen. The cloud no longer lists its job,
// or the policy no longer has its account.
func (w *sweep) abandon(ctx context.Context, r Record) {
	w.Log.WarnContext(ctx, "submission abandoned: no more news of its job", "submission", r.SubmissionID, "job", r.Last.JobID,
		"last_heard", r.lastNews())
	if err := w.Store.MarkFinal(ctx, r.SubmissionID, r.State(w.Now())); err != nil {
		w.Log.WarnContext(ctx, "marking a submission as final", "submission", r.SubmissionID, "error", err)
	}
}

// lastNews returns when the portal last learned something new about r.
func (r Record) lastNews() time.Time {
	heard := r.CreatedAt
	for _, t := range []time.Time{r.Last.At, r.Job.SeenAt} {
		if t.After(heard) {
			heard = t
		}
	}
	return heard
}

// resolve looks in the cloud's list for the missing result of an attempt. After a failed
// listing it skips the same list for the rest of the sweep.
func (w *sweep) resolve(ctx context.Context, r Record) {
	if ctx.Err() != nil || w.failed[listingKeyOf(r)] {
		return
	}
	limited, cancel := context.WithTimeout(ctx, listingTimeout)
	defer cancel()
	ours, err := w.reconcileAndRefund(limited, sweeper, r)
	if err != nil {
		w.failed[listingKeyOf(r)] = true
		w.Log.WarnContext(ctx, "listing jobs", "submission", r.SubmissionID, "error", err)
	}
	if ours {
		w.result.Resolved++
	}
}

// refreshGroup asks for the jobs of a group, and removes the group from w.jobs.
func (w *sweep) refreshGroup(ctx context.Context, g jobGroup) {
	records := w.jobs[g]
	delete(w.jobs, g)
	if ctx.Err() != nil || w.failed[g.listingKey] {
		return
	}
	target, err := w.target(records[0], sweeper)
	if err != nil {
		w.Log.WarnContext(ctx, "describing jobs", "account", g.account, "error", err)
		return
	}
	limited, cancel := context.WithTimeout(ctx, listingTimeout)
	defer cancel()
	seen, err := w.Service.refreshJobs(limited, target, records)
	w.failed[g.listingKey] = err != nil
	w.result.Refreshed += seen
}
