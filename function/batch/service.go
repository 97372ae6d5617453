package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// ErrEnded means that a batch has ended or was cancelled, so it cannot be paused or resumed.
var ErrEnded = errors.New("the batch has ended")

// Service creates batches and carries them out. Its methods are safe for concurrent use if its fields
// are set before the first call and not changed later. Backups, Store and Log are required.
type Service struct {
	Backups *backup.Service // submits the items; its clock and its Wait are used
	Store   Store
	Log     *slog.Logger
	// Woken wakes [Service.RunEvery] when there is something to start. It is a channel with a buffer of one.
	// Nil: the next round finds it.
	Woken chan struct{}
	// Carrier has batches carried out by asynchronous invocations. Nil: a process carries them out in
	// [Service.RunEvery] or [Service.RunOpen].
	Carrier Carrier
	// Finder finds the instances of requests with a tag. Nil: no request may have one.
	Finder Finder
	// Workers is how many items one process works on at the same time. 0 means [DefaultWorkers].
	Workers int
}

// Create checks r, stores it as a batch, and has it carried out. Any number of calls with one key make one batch; all but
// the first one return it with replayed. A tag is resolved only for a new batch.
//
// The errors are those of [Service.Check], a [*backup.BusyError] with [backup.ErrKeyReused] if the key
// stands for another batch, and [backup.ErrStoreUnavailable]. After an error this call has started
// nothing.
func (s *Service) Create(ctx context.Context, r Request) (b Batch, replayed bool, err error) {
	if bad := r.mistakes(); bad != nil {
		return Batch{}, false, param.InvalidError(bad)
	}
	r, known, err := s.use(ctx, r)
	switch {
	case err != nil:
		return Batch{}, false, err
	case known != nil:
		return knownAs(*known, r.fingerprint())
	}
	if r, err = s.resolve(ctx, r); err != nil {
		return Batch{}, false, err
	}
	plan, err := s.check(ctx, r)
	if err != nil {
		s.noteRefusal(ctx, r, plan, err)
		return Batch{}, false, err
	}
	fresh, items := r.batch(plan, s.Backups.Now())
	stored, ours, err := s.Store.CreateBatch(ctx, fresh, items)
	if err != nil {
		return Batch{}, false, unavailable(err)
	}
	if !ours {
		return knownAs(stored, r.fingerprint())
	}
	s.noteCreated(ctx, stored, r)
	s.wake(ctx, stored)
	return stored, false, nil
}

// use returns the batch that the key of r stands for, or nil if there is none; then r gets the number of the next use of its
// key. A key that is a hash of the content stands for its batch as long as such a key stands for a submission:
// see [backup.Submission.ContentKeyEnds]. The number follows that of the newest batch with the key, so two calls at the same time
// have the same number, and one of them stores its batch. The error is [backup.ErrStoreUnavailable].
func (s *Service) use(ctx context.Context, r Request) (Request, *Batch, error) {
	if !r.ByContent {
		known, err := s.Store.FindBatch(ctx, r.ID())
		switch {
		case errors.Is(err, backup.ErrNotFound):
			return r, nil, nil
		case err != nil:
			return r, nil, unavailable(err)
		}
		return r, &known, nil
	}
	id := r.ID()
	var before *backup.Place
	for {
		page, err := s.Store.ListBatches(ctx, r.Principal.ID(), before, usesAtOnce)
		if err != nil {
			return r, nil, unavailable(err)
		}
		for _, b := range page {
			number, used := useOf(id, b.ID)
			if !used {
				continue
			}
			ends := backup.Submission{ByContent: true, Retry: r.Retry}.ContentKeyEnds(b.CreatedAt)
			if s.Backups.Now().Before(ends) {
				return r, &b, nil
			}
			r.use = number + 1
			return r, nil, nil
		}
		if len(page) < usesAtOnce {
			return r, nil, nil
		}
		last := page[len(page)-1]
		before = &backup.Place{At: last.CreatedAt, ID: last.ID}
	}
}

// usesAtOnce is how many batches one statement of use reads.
const usesAtOnce = 100

// useOf returns the number of the use of a key for which the batch with the id stands, if its first use has the id first.
func useOf(first, id string) (number int, ok bool) {
	if id == first {
		return 1, true
	}
	rest, ok := strings.CutPrefix(id, first+"-")
	number, err := strconv.Atoi(rest)
	return number, ok && err == nil
}

// knownAs returns the batch that a key stands for as the answer to a repeat.
func knownAs(b Batch, fingerprint string) (Batch, bool, error) {
	if b.Fingerprint != fingerprint {
		return Batch{}, false, &backup.BusyError{Err: backup.ErrKeyReused}
	}
	return b, true, nil
}

// batch returns the new batch and its items. Refused items are stored with their reasons.
func (r Request) batch(plan Plan, now time.Time) (Batch, []Item) {
	now = now.Truncate(time.Millisecond)
	b := Batch{
		ID: plan.ID, Fingerprint: r.fingerprint(), Door: r.Door, Principal: r.Principal, Key: r.itemsKey(), Common: r.Common,
		Options: r.Options, Total: len(r.Targets), State: StateRunning, Counts: Counts{}, CreatedAt: now,
		Control: Control{FirstUntil: len(r.Targets), Forgiven: plan.Refused, Pace: newPace(r.Options.interval())},
	}
	items := make([]Item, len(r.Targets))
	allowed := 0
	for n, d := range plan.Items {
		items[n] = Item{N: n, Params: r.Targets[n], State: ItemWaiting, SubmissionID: d.SubmissionID, UpdatedAt: now}
		if d.Denied != nil {
			items[n].State, items[n].SubmissionID, items[n].Reasons = ItemRefused, "", texts(d.Denied)
		} else if allowed++; allowed == r.Options.FirstBatch {
			b.Control.FirstUntil = n + 1
		}
		b.Counts[items[n].State]++
	}
	return b, items
}

// texts returns the message of each mistake.
func texts(mistakes []param.Mistake) (all []param.Text) {
	for _, m := range mistakes {
		all = append(all, param.Both(m.In(param.English), m.In(param.Chinese)))
	}
	return all
}

// Find returns a batch of p. The errors are [backup.ErrNotFound], also for a batch of another
// principal, and [backup.ErrStoreUnavailable].
func (s *Service) Find(ctx context.Context, p identity.Principal, id string) (Batch, error) {
	b, err := s.Store.FindBatch(ctx, id)
	switch {
	case err != nil && !errors.Is(err, backup.ErrNotFound):
		return Batch{}, unavailable(err)
	case err != nil || b.Principal.ID() != p.ID() || b.Principal.Kind != p.Kind:
		return Batch{}, backup.ErrNotFound
	}
	return b, nil
}

// Follow waits until a batch has ended or is paused, and returns it as it is then. It waits for at most
// the duration long; 0 means that it does not wait. It returns early without an error if ctx ends. The
// errors are those of [Service.Find].
func (s *Service) Follow(ctx context.Context, p identity.Principal, id string, long time.Duration) (Batch, error) {
	end := s.Backups.Now().Add(long)
	b, err := s.Find(ctx, p, id)
	for err == nil {
		left := end.Sub(s.Backups.Now())
		if left <= 0 || b.IsTerminal() || b.State == StatePaused || s.Backups.Wait(ctx, min(left, followInterval)) != nil {
			break
		}
		next, err := s.Find(ctx, p, id)
		if err != nil {
			break // the batch of the previous read is still a valid answer
		}
		b = next
	}
	return b, err
}

// followInterval is how often Follow reads the store.
const followInterval = time.Second

// Items returns a page of the items of a batch of p, with all their parameters. The errors are those of
// [Service.Find].
func (s *Service) Items(ctx context.Context, p identity.Principal, id string, q ItemQuery) ([]Item, error) {
	b, err := s.Find(ctx, p, id)
	if err != nil {
		return nil, err
	}
	items, err := s.Store.ReadItems(ctx, id, q)
	if err != nil {
		return nil, unavailable(err)
	}
	for i := range items {
		items[i].Params = merged(b.Common, items[i].Params)
	}
	return items, nil
}

// Changes returns at most limit items of a batch of p that changed after since, in the order of their
// changes, and the moment of the last one. The errors are those of [Service.Find].
func (s *Service) Changes(ctx context.Context, p identity.Principal, id string, since Moment, limit int) ([]Item, Moment, error) {
	b, err := s.Find(ctx, p, id)
	if err != nil {
		return nil, since, err
	}
	items, err := s.Store.ChangedItems(ctx, id, since, limit)
	if err != nil {
		return nil, since, unavailable(err)
	}
	for i := range items {
		items[i].Params = merged(b.Common, items[i].Params)
		since = Moment{items[i].UpdatedAt, items[i].N}
	}
	return items, since, nil
}

// List returns at most limit batches of p, newest first, that are older than before; nil means from the
// newest on. The error is [backup.ErrStoreUnavailable].
func (s *Service) List(ctx context.Context, p identity.Principal, before *backup.Place, limit int) ([]Batch, error) {
	all, err := s.Store.ListBatches(ctx, p.ID(), before, limit)
	if err != nil {
		return nil, unavailable(err)
	}
	return slices.DeleteFunc(all, func(b Batch) bool { return b.Principal.Kind != p.Kind }), nil
}

// Place returns the position of b in lists.
func (b Batch) Place() backup.Place { return backup.Place{At: b.CreatedAt, ID: b.ID} }

// Pause stops a batch of p from starting further items. Items that were started go on. A paused batch
// stays as it is. The errors are those of [Service.Find], and [ErrEnded].
func (s *Service) Pause(ctx context.Context, p identity.Principal, id string) (Batch, error) {
	return s.change(ctx, p, id, "paused", func(_ Items, _ time.Time, b *Batch) (bool, error) {
		switch b.State {
		case StatePaused:
			return false, nil
		case StateRunning:
			b.State, b.Pause = StatePaused, PausePerson
			return true, nil
		}
		return false, ErrEnded
	})
}

// Resume makes a paused batch of p go on. Failures until now no longer count for [Options.MaxErrors], and
// all items may be started after the first ones. A running batch stays as it is. The errors are those of
// [Service.Find], and [ErrEnded].
func (s *Service) Resume(ctx context.Context, p identity.Principal, id string) (Batch, error) {
	return s.change(ctx, p, id, "resumed", func(_ Items, _ time.Time, b *Batch) (bool, error) {
		switch b.State {
		case StateRunning:
			return false, nil
		case StatePaused:
			if b.Pause == PauseFirst {
				b.Control.FirstUntil = b.Total
			}
			b.State, b.Pause, b.Control.Forgiven = StateRunning, PauseNone, b.Counts.Failed()
			return true, nil
		}
		return false, ErrEnded
	})
}

// Cancel ends a batch of p: items that wait are skipped. Items that were started go on; their jobs can be
// cancelled one by one. A cancelled batch stays as it is. The errors are those of [Service.Find], and
// [ErrEnded].
func (s *Service) Cancel(ctx context.Context, p identity.Principal, id string) (Batch, error) {
	return s.change(ctx, p, id, "cancelled", func(items Items, now time.Time, b *Batch) (bool, error) {
		switch b.State {
		case StateCancelled:
			return false, nil
		case StateEnded:
			return false, ErrEnded
		}
		return true, cancel(ctx, items, now, b)
	})
}

// cancel cancels b and skips its waiting items. The caller is editing b: see [Store.EditBatch].
func cancel(ctx context.Context, items Items, now time.Time, b *Batch) error {
	b.State, b.Pause = StateCancelled, PauseNone
	n, err := items.SkipWaiting(ctx, now)
	b.Counts[ItemWaiting] -= n
	b.Counts[ItemSkipped] += n
	return err
}

// change calls the function change for a batch of p, and stores the batch as the function leaves it. The
// function reports whether it changed something. Only then what is written to the log and to the audit
// trail. The errors are those of [Service.Find], and [ErrEnded].
func (s *Service) change(
	ctx context.Context, p identity.Principal, id, what string, change func(Items, time.Time, *Batch) (bool, error),
) (Batch, error) {
	if _, err := s.Find(ctx, p, id); err != nil {
		return Batch{}, err
	}
	var changed bool
	b, err := s.edit(ctx, id, func(items Items, now time.Time, b *Batch) (err error) {
		if changed, err = change(items, now, b); changed {
			b.ChangedBy = p.Name
		}
		return err
	})
	switch {
	case errors.Is(err, ErrEnded), errors.Is(err, backup.ErrNotFound):
		return Batch{}, err
	case err != nil:
		return Batch{}, unavailable(err)
	}
	if changed {
		s.note(ctx, b, p, what)
		s.wake(ctx, b)
	}
	return b, nil
}

// edit calls [Store.EditBatch], and brings the state of the batch up to date before and after change.
func (s *Service) edit(ctx context.Context, id string, change func(Items, time.Time, *Batch) error) (Batch, error) {
	return s.Store.EditBatch(ctx, id, s.Backups.Now(), func(items Items, now time.Time, b *Batch) error {
		if err := advance(ctx, items, now, b); err != nil {
			return err
		}
		if err := change(items, now, b); err != nil {
			return err
		}
		return advance(ctx, items, now, b)
	})
}

// advance pauses or ends b if its items say so.
func advance(ctx context.Context, items Items, now time.Time, b *Batch) error {
	if (b.State == StateRunning || b.State == StatePaused) && now.Sub(b.CreatedAt) >= Life {
		b.ChangedBy = ""
		if err := cancel(ctx, items, now, b); err != nil {
			return err
		}
	}
	if b.Counts.Open() == 0 && b.EndedAt.IsZero() {
		b.EndedAt, b.Pause = now.Truncate(time.Millisecond), PauseNone
		if b.State != StateCancelled {
			b.State = StateEnded
		}
	}
	if b.State != StateRunning {
		return nil
	}
	if most, limited := b.Options.mostErrors(b.Total); limited && b.Counts.Failed()-b.Control.Forgiven > most {
		b.State, b.Pause, b.ChangedBy = StatePaused, PauseErrors, ""
		return nil
	}
	if b.Control.FirstUntil == b.Total {
		return nil
	}
	first, err := items.CountBefore(ctx, b.Control.FirstUntil)
	if err != nil || first.Open() > 0 {
		return err
	}
	if b.Options.AfterFirst == AfterContinue && first[ItemSucceeded] == b.Options.FirstBatch {
		b.Control.FirstUntil = b.Total
		return nil
	}
	b.State, b.Pause, b.ChangedBy = StatePaused, PauseFirst, ""
	return nil
}

// wake has a batch carried out, if it runs.
func (s *Service) wake(ctx context.Context, b Batch) {
	if b.State != StateRunning {
		return
	}
	if s.Carrier != nil {
		s.carryOn(ctx, b.ID, b.Control.Chunk)
		return
	}
	select {
	case s.Woken <- struct{}{}:
	default: // it is already woken
	}
}

// noteCreated is note for a new batch. It also says which tag selected the items, and how many targets were left out.
func (s *Service) noteCreated(ctx context.Context, b Batch, r Request) {
	var lines []string
	if r.Tag != "" {
		lines = append(lines, "tag "+r.Tag)
	}
	if r.LeftOut > 0 {
		lines = append(lines, fmt.Sprintf("%d targets left out after the check", r.LeftOut))
	}
	s.note(ctx, b, r.Principal, "created", lines...)
}

// note writes a change of b to the log and to the audit trail, with further lines.
func (s *Service) note(ctx context.Context, b Batch, by identity.Principal, what string, lines ...string) {
	attributes := []any{"batch", b.ID, "items", b.Total, "counts", b.Counts}
	if lines != nil {
		attributes = append(attributes, "lines", lines)
	}
	s.Log.InfoContext(ctx, "batch "+what, attributes...)
	e := backup.AuditEvent{
		Kind: backup.AuditBatch, Actor: by, Door: b.Door,
		Target: backup.AuditTarget{
			Action: backup.ActionCreate, Account: b.Common["Account"], Region: b.Common["Region"], SourceType: string(b.Common.SourceType()),
		},
		Submission: backup.AuditSubmission{
			ID: b.ID, N: b.Total, Reason: b.Common["Reason"], Ticket: b.Common["Ticket"], Preset: b.Common["Preset"],
		},
		Outcome: backup.AuditOutcome{Class: what},
	}
	if n := b.Counts[ItemRefused]; n > 0 {
		lines = append([]string{refusedLine(n)}, lines...)
	}
	e.Decision.Lines = lines
	s.Backups.Note(ctx, e)
}

// noteRefusal writes to the audit trail that the policy refused a whole batch.
func (s *Service) noteRefusal(ctx context.Context, r Request, plan Plan, err error) {
	if errors.Is(err, backup.ErrDenied) {
		s.auditRefused(ctx, r, plan)
	}
}

// NoteRefused writes to the log and to the audit trail that the policy refuses some items of r, for a sender that reads the plan
// before it creates the batch without them.
func (s *Service) NoteRefused(ctx context.Context, r Request, plan Plan) {
	plan.ID = r.ID()
	var refused []string
	for _, d := range plan.Items {
		if d.Denied != nil && len(refused) < namedRefused {
			refused = append(refused, d.Resource)
		}
	}
	s.Log.WarnContext(ctx, "targets of a batch refused",
		"batch", plan.ID, "principal", r.Principal.ID(), "targets", len(plan.Items), "refused", plan.Refused, "first", refused)
	s.auditRefused(ctx, r, plan)
}

// namedRefused is how many refused resources a line of the log names.
const namedRefused = 20

// auditRefused writes to the audit trail how many items of r the policy refused.
func (s *Service) auditRefused(ctx context.Context, r Request, plan Plan) {
	s.Backups.Note(ctx, backup.AuditEvent{
		Kind: backup.AuditDenied, Actor: r.Principal, Door: r.Door,
		Target:     backup.AuditTarget{Action: backup.ActionCreate, Account: r.Common["Account"], Region: r.Common["Region"]},
		Submission: backup.AuditSubmission{ID: plan.ID, N: len(plan.Items), Reason: r.Common["Reason"], Ticket: r.Common["Ticket"]},
		Decision:   backup.AuditDecision{Lines: []string{refusedLine(plan.Refused)}},
	})
}

// refusedLine returns the line of the audit trail about n refused items.
func refusedLine(n int) string { return fmt.Sprintf("%d items refused", n) }

// unavailable wraps an error of the store as [backup.ErrStoreUnavailable].
func unavailable(err error) error { return fmt.Errorf("%w: %w", backup.ErrStoreUnavailable, err) }

// workers returns how many items a process works on at the same time.
func (s *Service) workers() int { return cmp.Or(s.Workers, DefaultWorkers) }

// DefaultWorkers replaces a zero [Service.Workers].
const DefaultWorkers = 32

// Forget removes batches that ended and were created longer than keep ago, but at least [Keep]. The error is
// [backup.ErrStoreUnavailable].
func (s *Service) Forget(ctx context.Context, keep time.Duration) error {
	before := s.Backups.Now().Add(-max(keep, Keep))
	for ctx.Err() == nil {
		n, err := s.Store.ForgetBatches(ctx, before, forgetAtOnce)
		if err != nil {
			return unavailable(err)
		}
		if n < forgetAtOnce {
			break
		}
	}
	return nil
}

// forgetAtOnce is how many batches one statement removes; each may have [MaxTargets] items.
const forgetAtOnce = 5
