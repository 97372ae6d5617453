package batch

import (
	"cmp"
	"context"
	"slices"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// Times and sizes of settle.
const (
	settleEvery = 5 * time.Second        // minimum time between two updates of a batch
	settlePage  = 100                    // items that are read and updated together
	perJob      = 5 * time.Millisecond   // with many unfinished items: minimum time for each, so two pages in a second
	idleEvery   = 30 * time.Second       // time between two calls of settle for a batch without unfinished items
	firstIdle   = 500 * time.Millisecond // minimum time that a process waits for the update of another process
)

// settle updates the items of the batch whose submissions were started: it asks the cloud about their jobs and stores
// the new states. The interval between two updates is at least settleEvery. Only one process makes each update; for
// the other processes, settle changes nothing.
//
// changed reports whether a state changed. If changed is false, again is how long the caller should wait before it
// calls settle again; again is 0 if the batch has ended. The error is [backup.ErrStoreUnavailable].
func (r *run) settle(ctx context.Context) (changed bool, again time.Duration, err error) {
	mine := false
	b, err := r.edit(ctx, r.batch.ID, func(_ Items, now time.Time, b *Batch) error {
		every := max(settleEvery, time.Duration(b.Counts.Busy())*perJob)
		if passed := now.Sub(b.Control.SettledAt); passed >= 0 && passed < every {
			again = every - passed
			return nil
		}
		b.Control.SettledAt, mine, again = now, true, every
		return nil
	})
	switch {
	case err != nil:
		return false, 0, unavailable(err)
	case b.IsTerminal():
		return false, 0, nil
	case b.Counts.Busy() == 0:
		return false, idleEvery, nil
	case !mine:
		return false, max(again, firstIdle), nil
	}
	states := []ItemState{ItemUnknown, ItemRunning}
	if b.State != StateRunning {
		states = append(states, ItemStarting) // no process takes them when their leases end
	}
	for after := -1; ctx.Err() == nil; {
		page, err := r.Store.ReadItems(ctx, b.ID, ItemQuery{After: after, Limit: settlePage, States: states})
		if err != nil {
			return changed, again, unavailable(err)
		}
		some, err := r.settlePage(ctx, page)
		if err != nil {
			return changed, again, unavailable(err)
		}
		if changed = changed || some; len(page) < settlePage {
			break
		}
		after = page[len(page)-1].N
	}
	return changed, again, nil
}

// settlePage updates one page of items, as settle does for all. changed reports whether a state changed.
func (r *run) settlePage(ctx context.Context, page []Item) (changed bool, err error) {
	ids := make([]string, len(page))
	for i, item := range page {
		ids[i] = item.SubmissionID
	}
	records, err := r.Store.Records(ctx, ids)
	if err != nil {
		return false, err
	}
	r.Backups.Update(ctx, records)
	if records, err = r.Store.Records(ctx, ids); err != nil {
		return false, err
	}
	var results []result
	for _, item := range page {
		at := slices.IndexFunc(records, func(rec backup.Record) bool { return rec.SubmissionID == item.SubmissionID })
		out := result{Change: Change{Item: item}, from: []ItemState{item.State}}
		if at >= 0 {
			out.follow(records[at], r.Backups.Now())
		} else if item.State != ItemRunning {
			out.State = ItemWaiting // the process that took it stopped before the claim
		}
		// A process may still work on a starting item: then its lease is newer.
		if out.State != item.State && (item.State != ItemStarting || r.Backups.Now().Sub(item.UpdatedAt) > submitTime) {
			results = append(results, out)
		}
	}
	if len(results) == 0 {
		return false, nil
	}
	_, err = r.edit(ctx, r.batch.ID, func(items Items, now time.Time, b *Batch) error {
		return put(ctx, items, now, b, results)
	})
	return err == nil, err
}

// follow sets the state of an item from its submission. The state stays as it is while the submission
// can change.
func (out *result) follow(rec backup.Record, now time.Time) {
	state := rec.State(now)
	switch {
	case state == backup.StateNotSent:
		out.State = ItemWaiting
	case rec.Last.Kind == backup.StepRefused:
		out.State = ItemFailed
		out.refused(rec.Last)
	case state.IsTerminal():
		out.State = map[backup.Outcome]ItemState{
			backup.OutcomeSucceeded: ItemSucceeded, backup.OutcomePartial: ItemPartial, backup.OutcomeCancelled: ItemCancelled,
		}[state.Outcome()]
		if out.State = cmp.Or(out.State, ItemFailed); out.State == ItemFailed {
			out.Code = string(state)
			if text := rec.Job.ErrorMessage; text != "" {
				out.Reasons = []param.Text{param.Both(text, text)}
			}
		}
	case rec.Last.Kind == backup.StepCreated:
		out.State = ItemRunning
	}
}
