package batch_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/param"
)

// tagged returns a request for the instances of the tests by their tag.
func tagged(key, tag string) batch.Request {
	r := request(key, 0)
	r.Tag = tag
	return r
}

// listings returns how often the cloud was asked for its instances.
func (f *fixture) listings() (n int) {
	for _, call := range f.cloud.Ledger().Calls {
		if call.Action == "DescribeInstances" {
			n++
		}
	}
	return n
}

// TestTagIsResolvedOnce proves that a tag selects the instances that have it when the batch is created, and that a repeat neither
// asks the cloud nor changes the batch.
func TestTagIsResolvedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.create(t, tagged("k", "team=web"))
	if b.Total != machines+2 || b.Counts[batch.ItemWaiting] != b.Total {
		t.Fatalf("%d items, %v", b.Total, b.Counts)
	}
	asked := f.listings()
	again, replayed, err := f.Create(t.Context(), tagged("k", "team=web"))
	if err != nil || !replayed || again.ID != b.ID || f.listings() != asked {
		t.Errorf("a repeat: %v, replayed %v, %d more listings", err, replayed, f.listings()-asked)
	}
	busy, ok := errors.AsType[*backup.BusyError](second(f.Create(t.Context(), tagged("k", "team"))))
	if !ok || !errors.Is(busy, backup.ErrKeyReused) {
		t.Errorf("another tag with the key: %v", busy)
	}
	if key := f.create(t, tagged("by-key", "team")); key.Total <= b.Total {
		t.Errorf("the key alone selects %d instances", key.Total)
	}
}

// second returns the error of Create.
func second(_ batch.Batch, _ bool, err error) error { return err }

// TestTagMistakesStartNothing proves that a tag that cannot be used, that no instance has, or that cannot be resolved completely
// starts nothing.
func TestTagMistakesStartNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	with := func(change func(r *batch.Request)) batch.Request {
		r := tagged("k", "team=web")
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		request batch.Request
		code    string
	}{
		"no instance has it":       {with(func(r *batch.Request) { r.Tag = "team=nobody" }), "none"},
		"no key":                   {with(func(r *batch.Request) { r.Tag = "=web" }), "pattern"},
		"a control character":      {with(func(r *batch.Request) { r.Tag = "team=\x07" }), "pattern"},
		"too long":                 {with(func(r *batch.Request) { r.Tag = strings.Repeat("x", batch.MaxTag+1) }), "pattern"},
		"a list too":               {with(func(r *batch.Request) { r.Targets = []param.Params{{"InstanceId": machine(1)}} }), "together"},
		"clusters":                 {with(func(r *batch.Request) { r.Common["SourceType"] = "CONTAINER" }), "source"},
		"a wrong option":           {with(func(r *batch.Request) { r.Options.Rate = "x" }), "pattern"},
		"an unknown preset":        {with(func(r *batch.Request) { r.Common["Preset"] = "no-such" }), "preset"},
		"an account that is shut":  {with(func(r *batch.Request) { r.Common["Account"] = "locked" }), "closed"},
		"limited to other regions": {with(func(r *batch.Request) { r.Tag, r.Common["Region"] = "team=data", "cn-shanghai" }), "none"},
		"limited by the preset": {with(func(r *batch.Request) {
			r.Tag, r.Common = "team=payments", param.Params{"Preset": "nightly"}
		}), "none"},
	} {
		_, err := f.Check(t.Context(), c.request)
		made := second(f.Create(t.Context(), c.request))
		for _, err := range []error{err, made} {
			bad, ok := errors.AsType[param.InvalidError](err)
			if !ok || bad[0].Code != c.code || bad[0].In(param.English) == "" {
				t.Errorf("%s: %v, want the code %s", name, err, c.code)
			}
		}
	}
	f.clock.Add(2 * time.Minute) // the lists are too old
	f.fail(t, "DescribeInstances: drop forever")
	if err := second(f.Create(t.Context(), tagged("k", "team=web"))); !errors.Is(err, backup.ErrNotListed) {
		t.Errorf("without a list: %v", err)
	}
	f.Finder = nil
	if err := second(f.Create(t.Context(), tagged("k", "team=web"))); !errors.Is(err, backup.ErrNotListed) {
		t.Errorf("without a finder: %v", err)
	}
	if open, err := f.Store.OpenBatches(t.Context(), 10); err != nil || len(open) != 0 {
		t.Errorf("open batches %v, %v", open, err)
	}
}

// TestContentKeyIsANewBatchEachNight proves that a key that is a hash of the content stands for its batch for 23 hours, or for 25
// if the platform marks a repeat, and that its items are new backups after that.
func TestContentKeyIsANewBatchEachNight(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var later time.Duration // the SDK signs with the machine's clock, so only that of the portal advances
	f.Backups.Now = func() time.Time { return f.clock.Now().Add(later) }
	submissions := map[string]bool{} // ids of the first items
	send := func(retry bool) (id string, replayed bool) {
		t.Helper()
		r := request("\x00sha256:x", 2)
		r.Door, r.ByContent, r.Retry = backup.DoorEvent, true, retry
		b, replayed, err := f.Create(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		items, err := f.Items(t.Context(), alice, b.ID, batch.ItemQuery{After: -1, Limit: 10})
		if err != nil || len(items) != 2 {
			t.Fatalf("%d items, %v", len(items), err)
		}
		submissions[items[0].SubmissionID] = true
		return b.ID, replayed
	}
	newest := func() string {
		t.Helper()
		all, err := f.Store.ListBatches(t.Context(), alice.ID(), nil, 1)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0].ID
	}
	first, _ := send(false)
	for night, c := range []struct {
		after    time.Duration // since the last message
		retry    bool
		replayed bool
	}{
		{22 * time.Hour, false, true},
		{2 * time.Hour, true, true},
		{time.Minute, false, false},
		{24 * time.Hour, false, false},
		{time.Hour, false, true},
	} {
		later += c.after
		before := newest()
		id, replayed := send(c.retry)
		if replayed != c.replayed || replayed != (id == before) {
			t.Errorf("message %d: %s, replayed %v, want %v", night, id, replayed, c.replayed)
		}
	}
	if id := newest(); id != first+"-3" {
		t.Errorf("the third batch has the id %s, the first %s", id, first)
	}
	if len(submissions) != 3 {
		t.Errorf("%d different submissions of the first item, want 3", len(submissions))
	}
}
