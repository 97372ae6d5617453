package batch_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/param"
)

// TestBatchStartsEachItemOnce proves that every item of a batch gets one job and ends, on both databases.
func TestBatchStartsEachItemOnce(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		f := newFixtureOn(t, url, nil)
		b := f.create(t, request("release-1", 40))
		if b.State != batch.StateRunning || b.Counts[batch.ItemWaiting] != 40 || b.Outcome() != backup.OutcomeRunning {
			t.Fatalf("created as %+v", b)
		}
		b = f.run(t, b.ID, 40)
		if b.State != batch.StateEnded || b.Counts[batch.ItemSucceeded] != 40 || b.Outcome() != backup.OutcomeSucceeded || b.EndedAt.IsZero() {
			t.Errorf("ended as %s, %v, %v", b.State, b.Counts, b.EndedAt)
		}
		f.once(t, 40)
	})
}

// TestBatchSurvivesKilledInstances runs one batch by several instances at once. Instances stop at random calls, answers
// of the cloud are lost, and the cloud refuses some calls because of too many requests. Then every item still has exactly one
// job.
func TestBatchSurvivesKilledInstances(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		first := newFixtureOn(t, url, nil)
		first.fail(t, "CreateBackupJob: ok x3, drop-after 10% forever; DescribeBackupJobs2: ok; seed 7")
		b := first.create(t, request("release-1", 60))
		for range 3 {
			killed := newFixtureOn(t, url, first)
			inner := killed.Backups.Store
			ctx, cancel := context.WithCancel(t.Context())
			killed.Backups.Store = newDying(inner, 25, cancel)
			if _, err := killed.Run(ctx, b.ID); err != nil && !errors.Is(err, backup.ErrStoreUnavailable) {
				t.Fatal(err)
			}
		}
		first.fail(t, "CreateBackupJob: throttle, ok x5, throttle x2, drop-after 10% forever; seed 8")
		b = first.run(t, b.ID, 80)
		if b.State != batch.StateEnded || b.Counts[batch.ItemSucceeded] != 60 {
			failed, _ := first.Items(t.Context(), alice, b.ID, batch.ItemQuery{After: -1, Limit: 3, States: []batch.ItemState{batch.ItemFailed}})
			t.Errorf("ended as %s, %v: %+v", b.State, b.Counts, failed)
		}
		first.once(t, 60)
	})
}

// dying is the store of an instance that stops: after some steps, nothing of what it does is stored any more.
type dying struct {
	backup.Store
	left atomic.Int64 // steps
	stop func()
}

// newDying returns a store that stores the given number of steps, and then calls stop.
func newDying(s backup.Store, steps int64, stop func()) *dying {
	d := &dying{Store: s, stop: stop}
	d.left.Store(steps)
	return d
}

// Append implements [backup.Steps].
func (d *dying) Append(ctx context.Context, id string, s backup.Step, audit ...backup.AuditRow) (bool, error) {
	if d.left.Add(-1) < 0 {
		d.stop()
		return false, errors.New("the instance has stopped")
	}
	return d.Store.Append(ctx, id, s, audit...)
}

// TestBatchListsRefusedItems proves that items that the policy refuses do not stop the others, unless the request says so.
func TestBatchListsRefusedItems(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := request("k", 4)
	r.Targets[1]["Retention"] = "3000"
	b := f.run(t, f.create(t, r).ID, 20)
	if b.Counts[batch.ItemRefused] != 1 || b.Counts[batch.ItemSucceeded] != 3 || b.Outcome() != backup.OutcomePartial {
		t.Errorf("ended as %v, %s", b.Counts, b.Outcome())
	}
	items, err := f.Items(t.Context(), alice, b.ID, batch.ItemQuery{After: -1, Limit: 10})
	if err != nil || len(items) != 4 || items[1].State != batch.ItemRefused || len(items[1].Reasons) == 0 || items[1].Params["Account"] != "demo" {
		t.Errorf("items %+v, %v", items, err)
	}
	r.Key, r.Options.OnRefused = "stop", batch.RefusedStop
	var denied *backup.DeniedError
	if _, _, err := f.Create(t.Context(), r); !errors.As(err, &denied) || !strings.Contains(denied.Lines[0].In(param.English), "Target 2") {
		t.Errorf("with OnRefused stop: %v", err)
	}
	if len(f.jobs()) != 3 {
		t.Errorf("jobs %v", f.jobs())
	}
}

// TestBatchPausesAfterErrors proves MaxErrors: the batch pauses when more items have failed, and a resumption forgives them.
func TestBatchPausesAfterErrors(t *testing.T) {
	t.Parallel()
	for most, want := range map[string]int{"1": 2, "20%": 3} {
		f := newFixture(t)
		f.fail(t, "CreateBackupJob: refuse 404 VaultNotExist forever")
		r := request("k", 10)
		r.Options.MaxErrors, r.Options.Concurrency = most, 1
		b := f.run(t, f.create(t, r).ID, 5)
		if b.State != batch.StatePaused || b.Pause != batch.PauseErrors || b.Counts[batch.ItemFailed] != want {
			t.Fatalf("%s: %s, %s, %v", most, b.State, b.Pause, b.Counts)
		}
		f.fail(t, "")
		if _, err := f.Resume(t.Context(), alice, b.ID); err != nil {
			t.Fatal(err)
		}
		b = f.run(t, b.ID, 40)
		if b.State != batch.StateEnded || b.Counts[batch.ItemFailed] != want || b.Counts[batch.ItemSucceeded] != 10-want {
			t.Errorf("%s, resumed: %s, %v", most, b.State, b.Counts)
		}
	}
}

// TestBatchWaitsAfterTheFirstItems proves FirstBatch: the other items wait until the first ones have ended.
func TestBatchWaitsAfterTheFirstItems(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := request("k", 6)
	r.Options.FirstBatch = 2
	b := f.create(t, r)
	if _, err := f.Run(t.Context(), b.ID); err != nil || len(f.jobs()) != 2 {
		t.Fatalf("before the end of the first items: %v, %v", f.jobs(), err)
	}
	if b = f.run(t, b.ID, 10); b.State != batch.StatePaused || b.Pause != batch.PauseFirst || b.Counts[batch.ItemSucceeded] != 2 || len(f.jobs()) != 2 {
		t.Fatalf("after it: %s, %s, %v", b.State, b.Pause, b.Counts)
	}
	if _, err := f.Resume(t.Context(), alice, b.ID); err != nil {
		t.Fatal(err)
	}
	if b = f.run(t, b.ID, 20); b.State != batch.StateEnded || b.Counts[batch.ItemSucceeded] != 6 {
		t.Errorf("resumed: %s, %v", b.State, b.Counts)
	}

	r.Key, r.Options.AfterFirst = "continue", batch.AfterContinue
	if b = f.run(t, f.create(t, r).ID, 30); b.State != batch.StateEnded || b.Counts[batch.ItemSucceeded] != 6 {
		t.Errorf("with AfterFirst continue: %s, %v", b.State, b.Counts)
	}
	f.fail(t, "CreateBackupJob: refuse 404 VaultNotExist")
	r.Key = "one fails"
	if b = f.run(t, f.create(t, r).ID, 30); b.State != batch.StatePaused || b.Pause != batch.PauseFirst || b.Counts[batch.ItemWaiting] != 4 {
		t.Errorf("after a failure: %s, %s, %v", b.State, b.Pause, b.Counts)
	}
}

// TestBatchKeepsItsConcurrency proves that at most Concurrency jobs run at the same time.
func TestBatchKeepsItsConcurrency(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := request("k", 9)
	r.Options.Concurrency = 3
	b := f.create(t, r)
	for range 40 {
		again, err := f.Run(t.Context(), b.ID)
		if err != nil {
			t.Fatal(err)
		}
		running := 0
		for _, j := range f.cloud.Ledger().Jobs {
			if j.Status != "COMPLETE" {
				running++
			}
		}
		if running > 3 {
			t.Fatalf("%d jobs at the same time", running)
		}
		if again == 0 {
			break
		}
		f.clock.Add(again)
	}
	if b = f.find(t, b.ID); b.State != batch.StateEnded {
		t.Errorf("%s, %v", b.State, b.Counts)
	}
	f.once(t, 9)
}

// TestBatchCancelledSkipsWhatWaits cancels a batch while jobs run: they go on, and what waits is skipped.
func TestBatchCancelledSkipsWhatWaits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := request("k", 5)
	r.Options.Concurrency = 2
	b := f.create(t, r)
	if _, err := f.Run(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	b, err := f.Cancel(t.Context(), alice, b.ID)
	if err != nil || b.State != batch.StateCancelled || b.Counts[batch.ItemSkipped] != 3 || b.Outcome() != backup.OutcomeRunning || !b.EndedAt.IsZero() {
		t.Fatalf("cancelled: %+v, %v", b, err)
	}
	if b = f.run(t, b.ID, 20); b.Counts[batch.ItemSucceeded] != 2 || b.Outcome() != backup.OutcomeCancelled || b.EndedAt.IsZero() {
		t.Errorf("ended as %v, %s", b.Counts, b.Outcome())
	}
	if _, err := f.Pause(t.Context(), alice, b.ID); !errors.Is(err, batch.ErrEnded) {
		t.Errorf("pausing: %v", err)
	}
	f.once(t, 2)
}

// TestBatchAnswersRepeats proves that a key is one batch.
func TestBatchAnswersRepeats(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := request("k", 2)
	b := f.create(t, r)
	r.Common["Reason"] = "another reason is the same batch"
	again, replayed, err := f.Create(t.Context(), r)
	if err != nil || !replayed || again.ID != b.ID {
		t.Errorf("repeated: %v, %v, %v", again.ID, replayed, err)
	}
	r.Targets = r.Targets[:1]
	if _, _, err := f.Create(t.Context(), r); !errors.Is(err, backup.ErrKeyReused) {
		t.Errorf("with other targets: %v", err)
	}
	r.Options.Rate, r.Key = "1/s", "k2"
	if other := f.create(t, r); other.ID == b.ID {
		t.Error("another key is the same batch")
	}
}

// TestBatchSlowsDown proves that a refusal because of too many requests makes all later items slower, and that
// the rate recovers.
func TestBatchSlowsDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.fail(t, "CreateBackupJob: ok x5, throttle x3")
	b := f.create(t, request("k", 12))
	if _, err := f.Run(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	b = f.find(t, b.ID)
	pace := b.Control.Pace
	if pace.SlowedAt.IsZero() || pace.Level == 0 {
		t.Errorf("pace %+v", pace)
	}
	for range 30 {
		f.clock.Add(time.Second)
		pace = paceAfter(t, f, b)
	}
	if pace.Interval != pace.Least {
		t.Errorf("the pace does not recover: %+v", pace)
	}
	f.run(t, b.ID, 40)
	f.once(t, 12)
}

// paceAfter returns the pace of b as the next process would see it.
func paceAfter(t *testing.T, f *fixture, b batch.Batch) batch.Pace {
	t.Helper()
	_, _, _, pace := f.find(t, b.ID).Control.Pace.Take(f.clock.Now(), 1)
	return pace
}

// TestBatchEndsAfterItsLife proves that a batch starts no item when the keys of its items could have expired.
func TestBatchEndsAfterItsLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.create(t, request("k", 3))
	f.clock.Add(batch.Life)
	if b = f.run(t, b.ID, 5); b.State != batch.StateCancelled || b.Counts[batch.ItemSkipped] != 3 || len(f.jobs()) != 0 {
		t.Errorf("%s, %v, %v", b.State, b.Counts, f.jobs())
	}
	f.clock.Add(batch.Keep)
	if err := f.Forget(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Find(t.Context(), alice, b.ID); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("after two weeks: %v", err)
	}
}

// TestBatchItemsHaveTheirOwnKeys proves that an item is never another submission of its sender.
func TestBatchItemsHaveTheirOwnKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ids := map[string]string{}
	for _, key := range []string{"k", "k1", "1:k", ""} {
		plan, err := f.Check(t.Context(), request(key, 12))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range plan.Items {
			if other, ok := ids[d.SubmissionID]; ok {
				t.Errorf("item %d of %q has the id of an item of %q", d.N, key, other)
			}
			ids[d.SubmissionID] = key
		}
	}
}
