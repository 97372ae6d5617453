package backup

import (
	"context"
	"errors"
	"sync"
	"time"

	"backupportal/function/param"
)

// A Meter counts events of the portal for a monitoring system. The portal passes only constants
// and names of the policy as texts, so the number of different texts is limited.
type Meter interface {
	// Rejected counts one refused input. kind is a [RejectionKind]. source is the name of the
	// sender in the policy, or its kind of event. It is empty if the sender is a person or is
	// unknown.
	Rejected(kind, source string)
	// Submitted counts one call of [Service.Submit] by its door and its outcome.
	Submitted(door, outcome string)
	// AttemptEnded counts one result of an attempt. result is the kind of the recorded step, or
	// [ClassUnknown] if nothing could be recorded.
	AttemptEnded(result string)
	// ConsistencyMissed counts one backup that is less consistent than requested.
	ConsistencyMissed()
	// Swept gets the figures of a sweep that ended without an error.
	Swept(f Figures)
}

// Figures are numbers about the submissions and notices in the database. A sweep, the regular
// background run of the portal, collects them.
type Figures struct {
	At           time.Time // end of the sweep
	Open         int       // submissions that are not final; at most [maxSwept]
	Unknown      int       // number of open submissions with an unknown outcome
	UnknownSince time.Time // end of the window of the oldest of these; zero if none exists
	Waiting      []Waiting
	Successes    []Success
	Missing      []Missing // one for each expectation
}

// Waiting is the number of notices (messages about a backup) to one receiver that are not
// delivered yet.
type Waiting struct {
	Receiver string
	Count    int
	Since    time.Time // when the portal learned of the oldest event; zero if Count is 0
}

// Add adds count notices to w. since is the time of the oldest event among them; it is ignored
// if count is 0.
func (w *Waiting) Add(count int, since time.Time) {
	if count > 0 && (w.Count == 0 || since.Before(w.Since)) {
		w.Since = since
	}
	w.Count += count
}

// A Success is the last complete backup of one kind of resource in one account.
type Success struct {
	Account    string // alias
	SourceType param.SourceType
	At         time.Time // end of its job
}

// countSubmit counts the result of one call of [Service.Submit] in the meter, by the way on
// which the request arrived (the door).
func (s *Service) countSubmit(door Door, a Answer, err error) {
	if s.Meter != nil {
		s.Meter.Submitted(string(door), outcomeOf(a, err))
	}
}

// SubmitOutcomes are the outcomes that [Meter] counts: those of a call of [Service.Submit].
var SubmitOutcomes = []string{
	"created", "replayed", "refused", "unknown",
	"invalid", "denied", "limited", "in_progress", "key_reused", "not_sent", "store_unavailable", "error",
}

// AttemptResults are the results of attempts that [Meter] counts.
var AttemptResults = []string{string(StepCreated), string(StepRefused), string(StepNotSent), ClassUnknown}

// outcomeOf returns the outcome of a call of Submit as a metric names it.
func outcomeOf(a Answer, err error) string {
	_, invalid := errors.AsType[param.InvalidError](err)
	_, denied := errors.AsType[*DeniedError](err)
	_, limited := errors.AsType[*LimitError](err)
	switch {
	case invalid:
		return "invalid"
	case denied:
		return "denied"
	case limited:
		return "limited"
	case errors.Is(err, ErrInProgress):
		return "in_progress"
	case errors.Is(err, ErrKeyReused):
		return "key_reused"
	case errors.Is(err, ErrNotSent):
		return "not_sent"
	case errors.Is(err, ErrStoreUnavailable):
		return "store_unavailable"
	case err != nil:
		return "error"
	case a.Replayed:
		return "replayed"
	case a.Status == StateCreated:
		return "created"
	case a.Status == StateRefused:
		return "refused"
	}
	return "unknown"
}

// countAttempt counts in the metrics how an attempt to start a job ended.
func (s *Service) countAttempt(result string) {
	if s.Meter != nil {
		s.Meter.AttemptEnded(result)
	}
}

// countMissedConsistency counts in the metrics a backup that is less consistent than requested.
func (s *Service) countMissedConsistency() {
	if s.Meter != nil {
		s.Meter.ConsistencyMissed()
	}
}

// Successes keeps in memory the last complete backups that a sweep, the regular background run,
// has found. The zero value is empty. It is safe for concurrent use.
type Successes struct {
	mu    sync.Mutex
	at    time.Time
	found []Success
}

// successesLife is how long a found set of last complete backups is used before it is searched
// again. The search reads the history in the database, so it is not done in each sweep.
const successesLife = 5 * time.Minute

// lastSuccesses returns the last complete backup of each kind in each of the accounts. The
// result may be as old as successesLife. If the store fails, the failure is logged and the
// previous result is returned.
func (s *Service) lastSuccesses(ctx context.Context) []Success {
	kept := s.Successes
	if kept == nil {
		kept = &Successes{}
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	now := s.Now()
	if since := now.Sub(kept.at); since >= 0 && since < successesLife {
		return kept.found
	}
	var found []Success
	for _, alias := range s.Accounts {
		for _, source := range param.SourceTypes {
			last, ok, err := s.lastSuccess(ctx, alias, source)
			if err != nil {
				s.Log.WarnContext(ctx, "finding the last successes", "account", alias, "error", err)
				return kept.found
			}
			if ok {
				found = append(found, last)
			}
		}
	}
	kept.found, kept.at = found, now
	return found
}

// lastSuccess returns the last complete backup of a kind in an account. ok is false if there is
// none.
func (s *Service) lastSuccess(ctx context.Context, alias string, source param.SourceType) (_ Success, ok bool, _ error) {
	page, err := s.Store.List(ctx, Query{
		Account: alias, SourceType: source, States: []State{StateComplete}, Limit: successCandidates,
	})
	if err != nil {
		return Success{}, false, err
	}
	now := s.Now()
	for _, r := range page {
		if r.State(now) == StateComplete {
			return Success{Account: alias, SourceType: source, At: r.ended()}, true, nil
		}
	}
	return Success{}, false, nil
}

// successCandidates is how many records a search for the last complete backup reads. [Lists]
// also returns records that are not marked as final, and these may have any state. If the
// newest records are all of that sort, the search finds nothing, and a later sweep finds the
// success.
const successCandidates = 20

// ended returns when the job of r ended. If that time is not known, it returns when r was
// created.
func (r Record) ended() time.Time {
	if r.Job.CompleteTime.IsZero() {
		return r.CreatedAt
	}
	return r.Job.CompleteTime
}

// report passes the figures of a finished sweep to the meter. If LogFigures is set, it also
// writes them to the log.
func (w *sweep) report(ctx context.Context) {
	if w.Meter == nil && !w.LogFigures || ctx.Err() != nil {
		return
	}
	f := Figures{Open: w.result.Open, Unknown: w.unknown, UnknownSince: w.unknownSince, Successes: w.lastSuccesses(ctx)}
	if w.Messenger != nil {
		for _, receiver := range w.Messenger.All() {
			waiting, err := w.Store.Waiting(ctx, receiver)
			if err != nil {
				w.Log.WarnContext(ctx, "counting notices", "receiver", receiver, "error", err)
				return
			}
			f.Waiting = append(f.Waiting, waiting)
		}
	}
	var err error
	if f.Missing, err = w.missing(ctx); err != nil {
		w.Log.WarnContext(ctx, "counting missing backups", "error", err)
		return
	}
	f.At = w.Now()
	if w.Meter != nil {
		w.Meter.Swept(f)
	}
	if w.LogFigures {
		w.logFigures(ctx, f)
	}
}

// logFigures writes f to the log: one line for all numbers, one for each receiver and one for
// each last success. Ages are in seconds.
func (w *sweep) logFigures(ctx context.Context, f Figures) {
	age := func(since time.Time) int64 {
		if since.IsZero() {
			return 0
		}
		return int64(max(f.At.Sub(since), 0) / time.Second)
	}
	w.Log.InfoContext(ctx, "figures", "open", f.Open, "unknown_outcomes", f.Unknown, "unknown_outcome_age", age(f.UnknownSince))
	for _, n := range f.Waiting {
		w.Log.InfoContext(ctx, "figures of a receiver", "receiver", n.Receiver, "notices_waiting", n.Count, "notice_age", age(n.Since))
	}
	for _, m := range f.Missing {
		w.Log.InfoContext(ctx, "figures of an expectation", "expectation", m.Expectation, "missing", m.Count)
	}
	for _, s := range f.Successes {
		w.Log.InfoContext(ctx, "figures of an account", "account", s.Account, "source_type", s.SourceType, "last_success_age", age(s.At))
	}
}
