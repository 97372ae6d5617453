package batch_test

import (
	"slices"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/emulator"
)

// TestItemsOfStoppedProcessesComeFirst stops a process that has taken an item. When its lease has ended, another process starts the
// item at once, although the next slot of the rate is far away and the item alone uses up the concurrency. The others wait for
// their slots.
func TestItemsOfStoppedProcessesComeFirst(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		f := newFixtureOn(t, url, nil)
		r := request("k", 3)
		r.Options = batch.Options{Rate: "1/h", Concurrency: 1}
		b := f.create(t, r)
		_, err := f.Store.EditBatch(t.Context(), b.ID, f.clock.Now(), func(items batch.Items, now time.Time, b *batch.Batch) error {
			taken, err := items.Read(t.Context(), []int{1})
			if err != nil {
				return err
			}
			item := taken[0]
			item.State, item.Attempts, item.UpdatedAt = batch.ItemStarting, 1, now
			b.Counts[batch.ItemWaiting]--
			b.Counts[batch.ItemStarting]++
			b.Control.Pace.Next = now.Add(time.Hour)
			return items.Put(t.Context(), []batch.Change{{Item: item, Due: now.Add(2 * time.Second)}})
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Run(t.Context(), b.ID); err != nil || len(f.jobs()) != 0 {
			t.Fatalf("before the end of the lease: %v, jobs %v", err, f.jobs())
		}
		f.clock.Add(3 * time.Second)
		if _, err := f.Run(t.Context(), b.ID); err != nil {
			t.Fatal(err)
		}
		if jobs := f.jobs(); len(jobs) != 1 || jobs[machine(1)] != 1 {
			t.Errorf("afterwards the jobs are %v", jobs)
		}
		f.counted(t, b.ID)
	})
}

// TestItemsOfStoppedProcessesComeBeforeTheEnd proves that a process that takes items all the time still looks for those of a process
// that stops meanwhile, and does not start them last.
func TestItemsOfStoppedProcessesComeBeforeTheEnd(t *testing.T) {
	t.Parallel()
	const n = 200
	f := newFixture(t)
	r := request("k", n)
	r.Options = batch.Options{Rate: "20/s"}
	b := f.create(t, r)
	_, err := f.Store.EditBatch(t.Context(), b.ID, f.clock.Now(), func(items batch.Items, now time.Time, b *batch.Batch) error {
		taken, err := items.Read(t.Context(), []int{n - 1})
		if err != nil {
			return err
		}
		item := taken[0]
		item.State, item.Attempts, item.UpdatedAt = batch.ItemStarting, 1, now
		b.Counts[batch.ItemWaiting]--
		b.Counts[batch.ItemStarting]++
		return items.Put(t.Context(), []batch.Change{{Item: item, Due: now.Add(100 * time.Millisecond)}})
	})
	if err != nil {
		t.Fatal(err)
	}
	f.run(t, b.ID, 50)
	f.once(t, n)
	at := slices.IndexFunc(f.cloud.Ledger().Jobs, func(j emulator.Job) bool { return j.InstanceID == machine(n-1) })
	if at > n*3/4 {
		t.Errorf("it was started as number %d of %d", at+1, n)
	}
}

// TestJobIsReportedBeforeItsName proves that Submit passes on a new job before it asks for the name of the instance, so that a
// batch can store the result, and that it passes on no repeat.
func TestJobIsReportedBeforeItsName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := request("k", 1)
	r.Common["InstanceId"] = machine(0)
	created := 0
	sub := backup.Submission{Door: backup.DoorAPI, Principal: alice, Key: "k", Params: r.Common, Created: func(answer backup.Answer) {
		created++
		if answer.Status != backup.StateCreated || answer.SubmissionID == "" || f.listings() != 0 || answer.ResourceName != "" {
			t.Errorf("passed on %+v after %d questions for names", answer.Status, f.listings())
		}
	}}
	for range 2 {
		answer, err := f.Backups.Submit(t.Context(), sub)
		if err != nil || answer.ResourceName == "" {
			t.Fatalf("%q, %v", answer.ResourceName, err)
		}
	}
	if created != 1 || f.listings() == 0 {
		t.Errorf("passed on %d times, asked for names %d times", created, f.listings())
	}
}
