package backup

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// A Rejection is a row of the history about webhooks or platform events that can never be
// accepted as they are. One row counts all messages with the same kind, sender and origin in
// one hour of UTC. Its other fields describe the first of them.
type Rejection struct {
	ID     string // set by [Service.Reject]
	Kind   RejectionKind
	Door   Door
	Sender identity.Principal // a source of the policy or a kind of event; only Kind and Subject are stored

	// Origin is the source that an event names, such as its trigger. It is a text from outside
	// and proves nothing. It is empty for a webhook. It is also empty for every new origin
	// after [maxOrigins] rejections in an hour.
	Origin string

	Reason          param.Text // reason of the first rejection, for people
	SubmissionID    string     // id of the submission that the policy refused; empty for other rejections
	RequestID       string
	FirstAt, LastAt time.Time // times of the first and the last message, in whole milliseconds; set by [Service.Reject]
	Count           int       // number of messages; set by the store
}

// RejectionKind says why a message can never be accepted.
type RejectionKind string

// The kinds of refusals. Their texts are stored, and are the label "kind" of a metric. For the
// last two kinds no [Rejection] is stored: their senders are unknown, and could fill the
// history.
const (
	RejectedUnreadable RejectionKind = "unreadable"     // it cannot be read, or is not a submission
	RejectedInvalid    RejectionKind = "invalid"        // a value is wrong, or its key belongs to another message
	RejectedDenied     RejectionKind = "denied"         // the policy does not allow it
	RejectedAccount    RejectionKind = "account"        // the account is unknown to the policy, or to the sender
	RejectedUnverified RejectionKind = "unverified"     // its signature or token is wrong, or it is too large to verify
	RejectedNoSource   RejectionKind = "unknown_source" // the policy has no such source of webhooks
)

// StateRejected is the state that the history shows for a [Rejection]. No submission has it.
const StateRejected State = "REJECTED"

// Rejections stores rejections: the rows of the history that count refused webhooks and events.
type Rejections interface {
	// Reject counts a message. If there is no rejection with the id of r, it stores r with
	// Count 1 and a notice for each of the receivers. Otherwise it increases Count and sets
	// LastAt. It returns Count. If r would be new but its hour has at least most rejections, it
	// stores nothing and returns 0.
	Reject(ctx context.Context, r Rejection, most int, receivers []string) (count int, err error)
	// ListRejections returns at most q.Limit rejections, the newest first. It reads only From,
	// To, Before, After and Limit of q.
	ListRejections(ctx context.Context, q Query) ([]Rejection, error)
	// ForgetRejections removes the rejections that began before the given time, with their notices.
	ForgetRejections(ctx context.Context, before time.Time) error
}

// Place returns the position of r in lists.
func (r Rejection) Place() Place { return Place{r.FirstAt, r.ID} }

// Source returns the sender for logs and people: its name, and the origin if there is one.
func (r Rejection) Source() string {
	if r.Origin == "" {
		return r.Sender.Subject
	}
	return r.Sender.Subject + " " + r.Origin
}

// Limits of a rejection. An hour has at most maxOrigins rejections with an origin; maxReason
// and maxOrigin limit texts, in bytes.
const (
	maxOrigins    = 20
	maxRejections = 1000 // rejections in one hour; a policy has fewer combinations of kinds, sources and kinds of events
	maxReason     = 500
	maxOrigin     = 120
)

// CountRefusal counts a refused input in the metrics. It is for senders that read the answer; see
// [Service.Reject] for the others.
// See [Meter] for source.
func (s *Service) CountRefusal(kind RejectionKind, source string) {
	if s.Meter != nil {
		s.Meter.Rejected(string(kind), source)
	}
}

// Refuse counts a message whose sender is not authenticated, and logs the first one of each
// kind and source in an hour. It stores nothing. See [Meter] for source.
func (s *Service) Refuse(ctx context.Context, kind RejectionKind, door Door, source string) {
	s.CountRefusal(kind, source)
	if s.Warned.First(string(kind)+" "+source, s.Now()) {
		s.Log.WarnContext(ctx, "message refused", "kind", kind, "source", source, "door", door)
	}
}

// Reject records a message that can never be accepted: it counts it in the metrics and in the
// history. For the first one of each kind, sender and origin in an hour of UTC it also logs a
// warning, writes an audit record, and notifies the receivers of [EventRejected]. It writes no
// audit record about a refusal by the policy, because that has one already.
//
// If the store fails, it logs that with the warning. It ignores the cancellation of ctx.
func (s *Service) Reject(ctx context.Context, r Rejection) {
	s.CountRefusal(r.Kind, r.Sender.Subject)
	r.Reason.En, r.Reason.Zh = param.Clean(r.Reason.En, maxReason), param.Clean(r.Reason.Zh, maxReason)
	r.Origin, r.RequestID = param.Clean(r.Origin, maxOrigin), param.Clean(r.RequestID, maxOrigin)
	r.FirstAt = s.Now()
	r.LastAt = r.FirstAt
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	count, err := s.storeRejection(ctx, &r)
	if err != nil {
		s.Log.ErrorContext(ctx, "recording a rejection", "kind", r.Kind, "source", r.Source(), "error", err)
		if !s.Warned.First(string(r.Kind)+" "+r.Sender.Subject, s.Now()) {
			return
		}
	}
	if err == nil && count > 1 {
		return
	}
	s.Log.WarnContext(ctx, "message rejected",
		"kind", r.Kind, "source", r.Sender.Subject, "origin", r.Origin, "door", r.Door, "reason", r.Reason.En, "rejection", r.ID)
	if r.Kind != RejectedDenied && r.Kind != RejectedAccount {
		s.trail().recordOrLog(ctx, AuditEvent{
			Kind:    AuditRejected,
			Actor:   r.Sender,
			Door:    r.Door,
			Outcome: AuditOutcome{Class: string(r.Kind), Reason: r.Reason.En},
		})
	}
	s.notifier().wake()
}

// storeRejection stores r and sets its id. If the hour has too many origins, it removes the
// origin of r.
func (s *Service) storeRejection(ctx context.Context, r *Rejection) (count int, err error) {
	r.ID = r.id()
	receivers := s.notifier().receiversOf(EventRejected)
	most := maxRejections
	if r.Origin != "" {
		most = maxOrigins
	}
	if count, err = s.Store.Reject(ctx, *r, most, receivers); err != nil || count > 0 {
		return count, err
	}
	r.Origin = ""
	r.ID = r.id()
	return s.Store.Reject(ctx, *r, maxRejections, receivers)
}

// id returns the id of r. All rejections that are counted together have the same id.
func (r Rejection) id() string {
	hour := r.FirstAt.UTC().Format("2006-01-02T15")
	return idOf("portal/rejected/v1", string(r.Kind), string(r.Sender.Kind), r.Sender.Subject, r.Origin, hour)
}

// maxHourly is the maximum number of keys that an [Hourly] remembers.
const maxHourly = 1000

// An Hourly tells whether a key occurs for the first time within an hour, so that a log has one
// line for it. The zero value is ready to use. It is safe for concurrent use.
type Hourly struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// First reports whether key occurs for the first time within an hour, which begins with the
// call that returned true. If it would have to remember more than 1,000 keys, it forgets all of
// them. If h is nil, it always returns true.
func (h *Hourly) First(key string, now time.Time) bool {
	if h == nil {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, ok := h.last[key]; ok && now.Sub(at) < time.Hour && !now.Before(at) {
		return false
	}
	if h.last == nil || len(h.last) >= maxHourly {
		h.last = map[string]time.Time{}
	}
	h.last[key] = now
	return true
}

// An Entry is one line of the history: a submission, or a rejection if Rejection is not nil.
type Entry struct {
	Record    Record
	Rejection *Rejection
}

// Place returns the position of e in lists.
func (e Entry) Place() Place {
	if e.Rejection != nil {
		return e.Rejection.Place()
	}
	return e.Record.Place()
}

// EntryPage is one part of the history, newest first.
type EntryPage struct {
	Entries []Entry
	Rest    *Place // where the next page begins, in the direction of the query; nil on the last page
}

// History returns up to q.Limit submissions that p may view, newest first, and rejections if
// q.Rejections is set. It returns rejections only if q has no filters except time and
// [StateRejected]: the account and the resource of a rejected message are not certain. Like a
// page of [Service.List], a page with a Rest may have fewer than q.Limit entries. The error is
// [ErrStoreUnavailable].
func (s *Service) History(ctx context.Context, p identity.Principal, q Query) (EntryPage, error) {
	var page EntryPage
	if !q.onlyRejections() {
		records, err := s.List(ctx, p, q)
		if err != nil {
			return EntryPage{}, err
		}
		page.Rest = records.Rest
		for _, r := range records.Records {
			page.Entries = append(page.Entries, Entry{Record: r})
		}
	}
	if q.withRejections() {
		rejections, rest, err := s.rejections(ctx, p, q)
		if err != nil {
			return EntryPage{}, err
		}
		page.merge(q, rejections, rest)
	}
	return page, nil
}

// onlyRejections reports whether a page of the history for q has only rejected messages, no
// submissions.
func (q Query) onlyRejections() bool { return len(q.States) == 1 && q.States[0] == StateRejected }

// withRejections reports whether a page of the history for q also has rejected messages.
func (q Query) withRejections() bool {
	return q.Rejections && q.Principal == "" && q.Account == "" && q.Resource == "" && q.SourceType == "" && q.Search == "" &&
		(q.States == nil || slices.Contains(q.States, StateRejected))
}

// rejections returns up to q.Limit+1 rejections that p may view, those next to the query's
// place first. It also returns the last place that it has read, or nil if no more rejections
// follow.
func (s *Service) rejections(
	ctx context.Context,
	p identity.Principal,
	q Query,
) (found []Rejection, rest *Place, _ error) {
	limit := q.Limit
	q.Limit = listBatch
	for range maxBatches {
		batch, err := s.Store.ListRejections(ctx, q)
		if err != nil {
			return nil, nil, storeUnavailable(err)
		}
		if q.After != nil {
			slices.Reverse(batch)
		}
		for _, r := range batch {
			if !s.Policy.MayViewRejections(p, r.Sender) {
				continue
			}
			if found = append(found, r); len(found) > limit {
				return found, nil, nil
			}
		}
		if len(batch) < q.Limit {
			return found, nil, nil
		}
		place := batch[len(batch)-1].Place()
		if rest = &place; q.After != nil {
			q.After = rest
		} else {
			q.Before = rest
		}
	}
	return found, rest, nil
}

// merge adds rejections to a page of submissions. Both lists may be cut off. So the page ends
// where the first of them was cut off, or after q.Limit entries.
func (page *EntryPage) merge(q Query, rejections []Rejection, rest *Place) {
	nearer := func(a, b Place) int {
		order := cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) // newest first
		if q.After != nil {
			return -order
		}
		return order
	}
	for _, r := range rejections {
		page.Entries = append(page.Entries, Entry{Rejection: &r})
	}
	if page.Rest == nil || rest != nil && nearer(*rest, *page.Rest) < 0 {
		page.Rest = rest
	}
	slices.SortFunc(page.Entries, func(a, b Entry) int { return nearer(a.Place(), b.Place()) })
	if end := page.Rest; end != nil {
		beyond := func(e Entry) bool { return nearer(e.Place(), *end) > 0 }
		page.Entries = slices.DeleteFunc(page.Entries, beyond)
	}
	if len(page.Entries) > q.Limit {
		page.Entries = page.Entries[:q.Limit]
		place := page.Entries[q.Limit-1].Place()
		page.Rest = &place
	}
	if q.After != nil {
		slices.Reverse(page.Entries)
	}
}
