package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/logging"
	"backupportal/function/param"
)

// Times of a run.
const (
	// lease is how long an item belongs to the process that took it. The process renews it until the
	// item has a result. A process that stops loses its items after this time.
	lease      = 2 * time.Second
	renewEvery = lease / 4
	// gatherTime is how long results are gathered before they are stored together.
	gatherTime = 50 * time.Millisecond
	mostAtOnce = 100 // results that are stored together
	// Items of processes that stopped: how many are taken at once, and how far apart they begin, in intervals and at most.
	mostExpired      = 16
	expiredApart     = 4
	mostExpiredApart = 50 * time.Millisecond
	storeTimeout     = 5 * time.Second
	mostTries        = 20               // attempts of an item that sent nothing, apart from refusals because of the rate
	longestRetry     = time.Minute      // between two tries of an item
	submitTime       = 40 * time.Second // time limit for one item, so that a process that ends has enough time
)

// Run starts the items of a batch until there is nothing to start at present, or until ctx ends. Then it
// finishes the items that it has taken. It returns how long to wait until there is something to do
// again: 0 if the batch has ended. Several processes may run one batch. The errors are
// [backup.ErrNotFound] and [backup.ErrStoreUnavailable].
func (s *Service) Run(ctx context.Context, id string) (again time.Duration, err error) {
	b, err := s.Store.FindBatch(ctx, id)
	switch {
	case errors.Is(err, backup.ErrNotFound):
		return 0, err
	case err != nil:
		return 0, unavailable(err)
	case b.IsTerminal():
		return 0, nil
	}
	r := &run{
		Service: s, batch: b, free: make(chan struct{}, s.workers()), done: make(chan result, s.workers()),
		stored: make(chan struct{}, 1), taken: map[int]Item{},
	}
	var storing sync.WaitGroup
	storing.Go(func() { r.store(context.WithoutCancel(ctx)) })
	again, err = r.start(ctx)
	r.working.Wait()
	close(r.done)
	storing.Wait()
	return again, err
}

// run is the work of one process on one batch.
type run struct {
	*Service
	batch   Batch         // its parameters; its state is older than that in the store
	free    chan struct{} // has an entry for each item that is worked on
	done    chan result
	stored  chan struct{} // has an entry if results were stored since start looked
	looked  time.Time     // when take last looked for items of processes that stopped
	working sync.WaitGroup

	mu    sync.Mutex
	taken map[int]Item // items that are worked on, by their numbers
}

// result is what the work on an item has led to.
type result struct {
	Change
	from      []ItemState // the states in which the change is right
	throttled bool        // the cloud refused it because of too many requests
	slot      time.Time   // when it was to be started
}

// start takes items and starts them until none can be started now.
func (r *run) start(ctx context.Context) (again time.Duration, err error) {
	for {
		room, err := r.room(ctx)
		if err != nil {
			return 0, nil
		}
		t, err := r.take(ctx, room)
		if err != nil {
			return 0, unavailable(err)
		}
		for i, item := range t.items {
			r.free <- struct{}{}
			r.working.Go(func() {
				release := sync.OnceFunc(func() { <-r.free })
				defer release()
				r.work(ctx, item, t.at[i], t.slots[i], release)
			})
		}
		switch {
		case t.batch.IsTerminal():
			return 0, nil
		case len(t.items) > 0:
		case t.wait > 0 && t.wait < settleEvery:
			if r.Backups.Wait(ctx, t.wait) != nil {
				return t.wait, nil
			}
		case r.busy():
			// The results of these items may make room for others.
			select {
			case <-r.stored:
			case <-ctx.Done():
				return settleEvery, nil
			}
		default:
			changed, again, err := r.settle(ctx)
			if t.wait > 0 {
				again = min(again, t.wait)
			}
			if ctx.Err() != nil {
				return settleEvery, nil // err, if any, can come from the end of ctx
			}
			if !changed || err != nil {
				return again, err
			}
		}
	}
}

// room waits until an item can be worked on, and returns how many. The error is that of ctx.
func (r *run) room(ctx context.Context) (int, error) {
	select {
	case r.free <- struct{}{}:
		<-r.free
		return cap(r.free) - len(r.free), ctx.Err()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// atWork returns the number of items that this process has taken and whose results are not stored yet.
func (r *run) atWork() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.taken)
}

// busy reports whether this process works on an item, or has a result that is not stored.
func (r *run) busy() bool {
	return r.atWork() > 0
}

// taken is what a process has taken.
type taken struct {
	batch Batch
	items []Item
	slots []time.Time     // the slot of each item, by the database's clock
	at    []time.Duration // how long after the answer of the store each item begins
	wait  time.Duration   // if there are no items: when to ask again; 0: when something changes

	changes []Change // of the items
}

// take takes at most limit items with their slots. Items of processes that stopped come first, because they count for the limits of
// the batch already. They need no slots, because each had one. But they begin one after the other:
// those that were not sent need calls now. It ignores the end of ctx: items that were taken and not started would wait for the end of
// their leases.
func (r *run) take(ctx context.Context, limit int) (t taken, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	look, looked := r.Backups.Now(), false
	t.batch, err = r.edit(ctx, r.batch.ID, func(items Items, now time.Time, b *Batch) error {
		t, looked = taken{}, false
		if b.State != StateRunning {
			return nil
		}
		// This process renews the leases of its own items. So only if more items are being started than it
		// has taken, a process that stopped may have left some.
		passed := look.Sub(r.looked)
		if b.Counts[ItemStarting] > r.atWork() && (passed < 0 || passed >= renewEvery) {
			looked = true
			expired, err := items.Expired(ctx, now, min(limit, mostExpired))
			if err != nil {
				return err
			}
			apart := min(expiredApart*b.Control.Pace.Interval, mostExpiredApart)
			for i, item := range expired {
				t.add(b, item, now, now.Add(time.Duration(i)*apart))
			}
		}
		if err := r.takeDue(ctx, items, now, b, limit-len(t.items), &t); err != nil {
			return err
		}
		return items.Put(ctx, t.changes)
	})
	if err == nil && looked {
		r.looked = look
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		t.items = nil
	}
	for _, item := range t.items {
		r.taken[item.N] = item
	}
	return t, err
}

// takeDue is take for at most limit items that need slots.
func (r *run) takeDue(ctx context.Context, items Items, now time.Time, b *Batch, limit int, t *taken) error {
	if b.Options.Concurrency > 0 {
		limit = min(limit, b.Options.Concurrency-b.Counts.Busy())
	}
	if limit <= 0 {
		return nil
	}
	n, _, wait, _ := b.Control.Pace.Take(now, limit)
	if n == 0 {
		t.wait = max(wait, time.Millisecond)
		return nil
	}
	found, err := items.Due(ctx, now, b.Control.FirstUntil, n)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(item Item) bool {
		return slices.ContainsFunc(t.items, func(known Item) bool { return known.N == item.N })
	})
	if len(found) == 0 {
		next, err := items.NextDue(ctx, b.Control.FirstUntil)
		if !next.IsZero() {
			t.wait = max(next.Sub(now), time.Millisecond)
		}
		return err
	}
	var first time.Time
	_, first, _, b.Control.Pace = b.Control.Pace.Take(now, len(found))
	for i, item := range found {
		t.add(b, item, now, first.Add(time.Duration(i)*b.Control.Pace.Interval))
	}
	return nil
}

// add takes an item at the time now for a slot.
func (t *taken) add(b *Batch, item Item, now, slot time.Time) {
	b.Counts.move(item.State, ItemStarting)
	item.State, item.Attempts, item.UpdatedAt = ItemStarting, item.Attempts+1, now
	t.changes = append(t.changes, Change{Item: item, Due: now.Add(lease)})
	t.items, t.slots, t.at = append(t.items, item), append(t.slots, slot), append(t.at, slot.Sub(now))
}

// work submits one item after the time wait, and passes on its result. It calls release when another item can be worked on: for a
// new job before it asks for the name of the resource.
func (r *run) work(ctx context.Context, item Item, wait time.Duration, slot time.Time, release func()) {
	out := result{Change: Change{Item: item}, from: []ItemState{ItemStarting}, slot: slot}
	passed := false // whether the result was passed on
	defer func() {
		if v := recover(); v != nil {
			r.Log.ErrorContext(ctx, "panicked", "task", "batch item", "panic", fmt.Sprintf("%.200v", v), "stack", string(debug.Stack()))
			out.State, out.Due = ItemWaiting, slot.Add(longestRetry)
		}
		if !passed {
			r.done <- out
		}
	}()
	if ctx.Err() != nil || wait > 0 && r.Backups.Wait(ctx, wait) != nil {
		out.State, out.Attempts = ItemWaiting, item.Attempts-1 // this process ends: another one takes the item
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), submitTime)
	defer cancel()
	requestID := r.Backups.NewID()
	ctx = logging.WithRequestID(ctx, requestID)
	ctx = backup.WithRequestInfo(ctx, backup.RequestInfo{RequestID: requestID, Door: r.batch.Door})
	sub := submissionOf(r.batch.Door, r.batch.Principal, r.batch.Key, item.N, merged(r.batch.Common, item.Params))
	sub.Created = func(answer backup.Answer) {
		// The name of the resource, which Submit looks up next, can take another call of the cloud.
		out.judge(answer, nil)
		passed = true
		r.done <- out
		release()
	}
	answer, err := r.Backups.Submit(ctx, sub)
	if passed {
		return
	}
	out.judge(answer, err)
	if busy, ok := errors.AsType[*backup.BusyError](err); ok && out.State == ItemWaiting && !busy.Throttled && item.Attempts >= mostTries {
		out.State = ItemFailed
	}
}

// judge sets the result of a submission.
func (out *result) judge(answer backup.Answer, err error) {
	out.State, out.Code, out.Reasons = ItemWaiting, "", nil
	certain := []ItemState{ItemStarting, ItemUnknown, ItemWaiting}
	invalid, isInvalid := errors.AsType[param.InvalidError](err)
	denied, isDenied := errors.AsType[*backup.DeniedError](err)
	limit, isLimit := errors.AsType[*backup.LimitError](err)
	busy, isBusy := errors.AsType[*backup.BusyError](err)
	retry := min(time.Second<<min(out.Attempts, 6), longestRetry)
	switch {
	case err == nil:
		out.SubmissionID = answer.SubmissionID
		switch answer.Status {
		case backup.StateCreated:
			out.State, out.from = ItemRunning, certain
		case backup.StateRefused:
			out.State, out.from = ItemFailed, certain
			out.refused(answer.Last)
		default:
			out.State = ItemUnknown
		}
	case isInvalid:
		out.State, out.from, out.Reasons = ItemRefused, certain, texts(invalid)
	case isDenied:
		out.State, out.from, out.Reasons = ItemRefused, certain, texts(denied.Lines)
	case isLimit && errors.Is(limit, backup.ErrRate):
		out.Due = out.slot.Add(max(limit.RetryAfter, time.Second))
	case isLimit:
		out.State, out.from, out.Reasons = ItemRefused, certain, []param.Text{limitReason(limit)}
	case isBusy && errors.Is(busy, backup.ErrInProgress):
		out.State = ItemUnknown
	case isBusy && errors.Is(busy, backup.ErrKeyReused):
		out.State, out.from, out.Reasons = ItemFailed, certain, []param.Text{msgKeyReused}
	case isBusy && busy.Throttled:
		out.throttled = true
	case isBusy:
		out.Code, out.Due = busy.Code, out.slot.Add(retry)
		out.Reasons = []param.Text{param.Both("Nothing was sent. "+busy.Message, "未发送请求。"+busy.Message)}
	default:
		out.Due = out.slot.Add(retry)
		out.Reasons = []param.Text{msgNotRecorded}
	}
}

// refused sets the reason of a refusal by the cloud.
func (out *result) refused(step backup.Step) {
	out.Code = step.Code
	if step.Message != "" {
		out.Reasons = []param.Text{param.Both(step.Message, step.Message)}
	}
}

// limitReason returns the message for an item that a limit refuses permanently.
func limitReason(limit *backup.LimitError) param.Text {
	if errors.Is(limit, backup.ErrCooldown) {
		return param.Both("The resource was backed up a moment ago.", "该资源刚刚备份过。")
	}
	return param.Both("The backups of the day are used up.", "当天的备份次数已用完。")
}

var (
	msgKeyReused   = param.Both("The key of this item belongs to another backup.", "此项的幂等键属于另一次备份。")
	msgNotRecorded = param.Both("Submissions could not be recorded.", "无法记录提交。")
)

// store receives the results of items from r.done and stores them, several in one transaction. Meanwhile it
// renews the leases of the items that have no result yet. It returns when r.done is closed and all results
// are stored.
func (r *run) store(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.renew(ctx)
		case out, open := <-r.done:
			if !open {
				return
			}
			r.finish(ctx, r.gather(out))
			select {
			case r.stored <- struct{}{}:
			default: // start is already told
			}
		}
	}
}

// gather returns first and the results that follow within gatherTime, at most mostAtOnce in all. It returns
// at once if this process works on no other item, or if a result must reduce the rate.
func (r *run) gather(first result) []result {
	all := []result{first}
	soon := time.NewTimer(gatherTime)
	defer soon.Stop()
	for len(all) < min(mostAtOnce, r.atWork()) && !all[len(all)-1].throttled {
		select {
		case out, open := <-r.done:
			if !open {
				return all
			}
			all = append(all, out)
		case <-soon.C:
			return all
		}
	}
	return all
}

// finish stores results. If that fails, the leases end, and the items are taken again: the step log
// has their results.
func (r *run) finish(ctx context.Context, results []result) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	_, err := r.edit(ctx, r.batch.ID, func(items Items, now time.Time, b *Batch) error {
		for _, out := range results {
			if out.throttled {
				b.Control.Pace = b.Control.Pace.Slowed(now, out.slot)
			}
		}
		return put(ctx, items, now, b, results)
	})
	if err != nil {
		r.Log.ErrorContext(ctx, "storing the results of a batch", "batch", r.batch.ID, "items", len(results), "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, out := range results {
		delete(r.taken, out.N)
	}
}

// put stores those of the results that are right for the present states of their items.
func put(ctx context.Context, items Items, now time.Time, b *Batch, results []result) error {
	ns := make([]int, len(results))
	for i, out := range results {
		ns[i] = out.N
	}
	present, err := items.Read(ctx, ns)
	if err != nil {
		return err
	}
	changes := map[int]Change{} // by number: an item that was taken twice can have two results
	for _, out := range results {
		at := slices.IndexFunc(present, func(item Item) bool { return item.N == out.N })
		if at < 0 || !slices.Contains(out.from, present[at].State) {
			continue
		}
		was := present[at]
		if was.State == ItemStarting && was.Attempts > out.Attempts && !out.State.IsTerminal() && out.State != ItemRunning {
			continue // another process has taken the item since
		}
		if out.State == ItemWaiting && b.State == StateCancelled {
			out.State = ItemSkipped
		}
		out.SubmissionID, out.UpdatedAt = cmp.Or(out.SubmissionID, was.SubmissionID), now
		b.Counts.move(was.State, out.State)
		changes[out.N], present[at] = out.Change, out.Item
	}
	return items.Put(ctx, slices.Collect(maps.Values(changes)))
}

// renew lengthens the leases of the items that this process works on. A failure is logged.
func (r *run) renew(ctx context.Context) {
	r.mu.Lock()
	var ns []int
	for n := range r.taken {
		ns = append(ns, n)
	}
	r.mu.Unlock()
	if len(ns) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	_, err := r.Store.EditBatch(ctx, r.batch.ID, r.Backups.Now(), func(items Items, now time.Time, _ *Batch) error {
		held, err := items.Read(ctx, ns)
		if err != nil {
			return err
		}
		var changes []Change
		for _, item := range held {
			if item.State == ItemStarting {
				changes = append(changes, Change{Item: item, Due: now.Add(lease)})
			}
		}
		return items.Put(ctx, changes)
	})
	if err != nil {
		r.Log.WarnContext(ctx, "renewing the leases of a batch", "batch", r.batch.ID, "error", err)
	}
}
