package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// RunBatches runs the tests of batches. open returns an empty store for one test.
func RunBatches(t *testing.T, open func(t *testing.T) batch.Store) {
	for name, test := range map[string]func(*testing.T, batch.Store){
		"a batch is read as it was created":                    batchRoundTrip,
		"one of several creations with a key wins":             batchCreatedOnce,
		"items are read page by page, by state and by change":  batchPages,
		"an edit is stored, and one with an error is not":      batchEdit,
		"edits of one batch happen one after the other":        batchEditsInTurn,
		"due items are those that wait or whose lease ended":   batchDue,
		"a principal's batches are listed newest first":        batchLists,
		"a batch that has ended is forgotten, with its items":  batchForgotten,
		"the records of submissions are found, unknown or not": batchRecords,
	} {
		t.Run("batches: "+name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// batchOf returns a batch of a principal with n waiting items.
func batchOf(id, principal string, n int) (batch.Batch, []batch.Item) {
	b := batch.Batch{
		ID: id, Fingerprint: "f-" + id, Door: backup.DoorEvent, Key: "source\x00" + id,
		Principal: identity.Principal{
			Kind: identity.KindHuman, Issuer: "https://idp.example", Subject: principal, Name: "Ä " + principal, Email: "a@example.com",
			Groups: []string{"ops", "db"}, Key: "session-1",
		},
		Common: param.Params{"Account": "demo", "Reason": `é漢'";--`}, Options: batch.Options{Concurrency: 3, MaxErrors: "10%", Rate: "30/m"},
		Total: n, State: batch.StateRunning, Counts: batch.Counts{batch.ItemWaiting: n}, CreatedAt: Start,
		Control: batch.Control{FirstUntil: n, Forgiven: 1, Pace: batch.Pace{Interval: 3 * time.Millisecond, Next: Start.Add(time.Microsecond)}},
	}
	items := make([]batch.Item, n)
	for i := range items {
		items[i] = batch.Item{
			N: i, Params: param.Params{"InstanceId": fmt.Sprintf("i-%d", i)}, State: batch.ItemWaiting,
			SubmissionID: fmt.Sprintf("s-%d", i), UpdatedAt: Start,
		}
	}
	return b, items
}

// createBatch stores a batch.
func createBatch(t *testing.T, s batch.Store, b batch.Batch, items []batch.Item) {
	t.Helper()
	if _, ours, err := s.CreateBatch(t.Context(), b, items); err != nil || !ours {
		t.Fatalf("creating %s: %v, %v", b.ID, ours, err)
	}
}

func batchRoundTrip(t *testing.T, s batch.Store) {
	b, items := batchOf("b", "alice", 1203)
	items[2].State, items[2].SubmissionID = batch.ItemRefused, ""
	items[2].Reasons = []param.Text{param.Both("no", "不")}
	createBatch(t, s, b, items)
	found, err := s.FindBatch(t.Context(), "b")
	if diff := cmp.Diff(b, found); err != nil || diff != "" {
		t.Errorf("%v (-created +found):\n%s", err, diff)
	}
	read, err := s.ReadItems(t.Context(), "b", batch.ItemQuery{After: -1, Limit: 2000})
	if diff := cmp.Diff(items, read); err != nil || diff != "" {
		t.Errorf("items: %v (-created +read):\n%s", err, diff)
	}
	for _, id := range []string{"", "c", "b\x00"} {
		if _, err := s.FindBatch(t.Context(), id); !errors.Is(err, backup.ErrNotFound) {
			t.Errorf("finding %q: %v", id, err)
		}
	}
}

func batchCreatedOnce(t *testing.T, s batch.Store) {
	var mu sync.Mutex
	var winners []int
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			b, items := batchOf("b", "alice", 20)
			b.Total = 100 + i
			known, ours, err := s.CreateBatch(t.Context(), b, items)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Errorf("creating: %v", err)
			case ours:
				winners = append(winners, known.Total)
			}
		})
	}
	all.Wait()
	found, err := s.FindBatch(t.Context(), "b")
	if err != nil || len(winners) != 1 || found.Total != winners[0] {
		t.Errorf("won by %v, stored %d, %v", winners, found.Total, err)
	}
	if items, err := s.ReadItems(t.Context(), "b", batch.ItemQuery{After: -1, Limit: 100}); err != nil || len(items) != 20 {
		t.Errorf("%d items, %v", len(items), err)
	}
}

// putStates changes the items with the numbers ns, at the time at: it sets their state and when
// they are due, and counts one more attempt.
func putStates(t *testing.T, s batch.Store, id string, state batch.ItemState, at time.Time, due time.Time, ns ...int) {
	t.Helper()
	_, err := s.EditBatch(t.Context(), id, at, func(items batch.Items, now time.Time, _ *batch.Batch) error {
		present, err := items.Read(t.Context(), ns)
		if err != nil {
			return err
		}
		var changes []batch.Change
		for _, item := range present {
			item.State, item.UpdatedAt, item.Attempts = state, now, item.Attempts+1
			changes = append(changes, batch.Change{Item: item, Due: due})
		}
		return items.Put(t.Context(), changes)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// numbers returns the numbers of items.
func numbers(items []batch.Item) []int {
	ns := []int{}
	for _, item := range items {
		ns = append(ns, item.N)
	}
	return ns
}

func batchPages(t *testing.T, s batch.Store) {
	b, items := batchOf("b", "alice", 10)
	createBatch(t, s, b, items)
	other, otherItems := batchOf("c", "alice", 10)
	createBatch(t, s, other, otherItems)
	putStates(t, s, "b", batch.ItemFailed, Start.Add(2*time.Second), time.Time{}, 7, 3)
	putStates(t, s, "b", batch.ItemRunning, Start.Add(time.Second), time.Time{}, 5)
	for _, c := range []struct {
		q    batch.ItemQuery
		want []int
	}{
		{batch.ItemQuery{After: -1, Limit: 3}, []int{0, 1, 2}},
		{batch.ItemQuery{After: 2, Limit: 3}, []int{3, 4, 5}},
		{batch.ItemQuery{After: 8, Limit: 3}, []int{9}},
		{batch.ItemQuery{After: -1, Limit: 9, States: []batch.ItemState{batch.ItemRunning, batch.ItemFailed}}, []int{3, 5, 7}},
		{batch.ItemQuery{After: 3, Limit: 1, States: []batch.ItemState{batch.ItemFailed, batch.ItemRunning}}, []int{5}},
		{batch.ItemQuery{After: -1, Limit: 9, States: []batch.ItemState{batch.ItemSkipped}}, []int{}},
	} {
		found, err := s.ReadItems(t.Context(), "b", c.q)
		if err != nil || !slices.Equal(numbers(found), c.want) {
			t.Errorf("%+v: %v, %v, want %v", c.q, numbers(found), err, c.want)
		}
	}
	changed, err := s.ChangedItems(t.Context(), "b", batch.Moment{At: Start, N: 9}, 2)
	if err != nil || !slices.Equal(numbers(changed), []int{5, 3}) {
		t.Fatalf("changed: %v, %v", numbers(changed), err)
	}
	last := changed[1]
	if changed, err = s.ChangedItems(t.Context(), "b", batch.Moment{At: last.UpdatedAt, N: last.N}, 2); err != nil || !slices.Equal(numbers(changed), []int{7}) {
		t.Errorf("changed after that: %v, %v", numbers(changed), err)
	}
}

func batchEdit(t *testing.T, s batch.Store) {
	b, items := batchOf("b", "alice", 5)
	createBatch(t, s, b, items)
	wrong := errors.New("of the test")
	_, err := s.EditBatch(t.Context(), "b", Start, func(items batch.Items, _ time.Time, b *batch.Batch) error {
		b.State = batch.StateCancelled
		if _, err := items.SkipWaiting(t.Context(), Start); err != nil {
			t.Error(err)
		}
		return wrong
	})
	if found, _ := s.FindBatch(t.Context(), "b"); !errors.Is(err, wrong) || found.State != batch.StateRunning {
		t.Errorf("after an error: %v, %s", err, found.State)
	}
	putStates(t, s, "b", batch.ItemSucceeded, Start, time.Time{}, 0)
	edited, err := s.EditBatch(t.Context(), "b", Start, func(items batch.Items, now time.Time, b *batch.Batch) error {
		if !now.Equal(Start) {
			t.Errorf("now is %v", now)
		}
		b.State, b.Pause, b.ChangedBy, b.EndedAt = batch.StatePaused, batch.PausePerson, "Bob", Start
		b.Control.Forgiven, b.Counts = 7, batch.Counts{batch.ItemSkipped: 4, batch.ItemSucceeded: 1, batch.ItemWaiting: 0}
		n, err := items.SkipWaiting(t.Context(), now)
		if n != 4 {
			t.Errorf("%d items skipped", n)
		}
		counts, countErr := items.CountBefore(t.Context(), 3)
		if diff := cmp.Diff(batch.Counts{batch.ItemSkipped: 2, batch.ItemSucceeded: 1}, counts); diff != "" {
			t.Errorf("counts before 3: %s", diff)
		}
		return errors.Join(err, countErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.FindBatch(t.Context(), "b")
	edited.Counts = edited.Counts.Clone()
	if diff := cmp.Diff(edited, found); err != nil || diff != "" || found.Control.Forgiven != 7 {
		t.Errorf("%v (-edited +found):\n%s", err, diff)
	}
	if _, err := s.EditBatch(t.Context(), "none", Start, nil); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("editing an unknown batch: %v", err)
	}
}

func batchEditsInTurn(t *testing.T, s batch.Store) {
	b, items := batchOf("b", "alice", 1)
	b.Control.Forgiven = 0
	createBatch(t, s, b, items)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := s.EditBatch(t.Context(), "b", Start, func(_ batch.Items, _ time.Time, b *batch.Batch) error {
				b.Control.Forgiven++
				return nil
			})
			if err != nil {
				t.Errorf("editing: %v", err)
			}
		})
	}
	all.Wait()
	if found, err := s.FindBatch(t.Context(), "b"); err != nil || found.Control.Forgiven != 20 {
		t.Errorf("%d edits were stored, %v", found.Control.Forgiven, err)
	}
}

func batchDue(t *testing.T, s batch.Store) {
	b, items := batchOf("b", "alice", 8)
	createBatch(t, s, b, items)
	putStates(t, s, "b", batch.ItemStarting, Start, Start.Add(time.Second), 0, 1)
	putStates(t, s, "b", batch.ItemWaiting, Start, Start.Add(2*time.Second), 2)
	putStates(t, s, "b", batch.ItemRunning, Start, time.Time{}, 3)
	due := func(after time.Duration, before, limit int) (ns []int, next time.Time) {
		_, err := s.EditBatch(t.Context(), "b", Start, func(items batch.Items, _ time.Time, _ *batch.Batch) error {
			found, err := items.Due(t.Context(), Start.Add(after), before, limit)
			ns = numbers(found)
			nextDue, nextErr := items.NextDue(t.Context(), before)
			next = nextDue
			return errors.Join(err, nextErr)
		})
		if err != nil {
			t.Fatal(err)
		}
		return ns, next
	}
	for _, c := range []struct {
		after         time.Duration
		before, limit int
		want          []int
	}{
		{0, 8, 3, []int{4, 5, 6}}, {0, 6, 9, []int{4, 5}}, {time.Second, 8, 9, []int{4, 5, 6, 7, 0, 1}}, {time.Minute, 4, 9, []int{0, 1, 2}}, {0, 4, 9, []int{}},
	} {
		if ns, _ := due(c.after, c.before, c.limit); !slices.Equal(ns, c.want) {
			t.Errorf("%+v: %v", c, ns)
		}
	}
	for _, c := range []struct {
		after time.Duration
		limit int
		want  []int
	}{{0, 9, []int{}}, {time.Second, 9, []int{0, 1}}, {time.Minute, 1, []int{0}}} {
		_, err := s.EditBatch(t.Context(), "b", Start, func(items batch.Items, _ time.Time, _ *batch.Batch) error {
			found, err := items.Expired(t.Context(), Start.Add(c.after), c.limit)
			if ns := numbers(found); !slices.Equal(ns, c.want) {
				t.Errorf("expired %+v: %v", c, ns)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, next := due(0, 4, 1); !next.Equal(Start.Add(time.Second)) {
		t.Errorf("the next is due at %v", next)
	}
	if _, next := due(0, 0, 1); !next.IsZero() {
		t.Errorf("without items, the next is due at %v", next)
	}
}

func batchLists(t *testing.T, s batch.Store) {
	for i, who := range []string{"alice", "bob", "alice", "alice"} {
		b, items := batchOf(fmt.Sprintf("b%d", i), who, 1)
		b.CreatedAt = Start.Add(time.Duration(i/3) * time.Second) // the first three at the same time
		if i == 1 {
			b.EndedAt = Start
		}
		createBatch(t, s, b, items)
	}
	ids := func(principal string, before *backup.Place, limit int) (all []string) {
		found, err := s.ListBatches(t.Context(), principal, before, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range found {
			all = append(all, b.ID)
		}
		return all
	}
	alice := "https://idp.example#alice"
	for want, got := range map[string][]string{
		"[b3 b2]": ids(alice, nil, 2), "[b0]": ids(alice, &backup.Place{At: Start, ID: "b2"}, 2), "[b3 b2 b1 b0]": ids("", nil, 9), "[]": ids("nobody", nil, 9),
	} {
		if fmt.Sprint(got) != want {
			t.Errorf("listed %v, want %s", got, want)
		}
	}
	open, err := s.OpenBatches(t.Context(), 9)
	if err != nil || !slices.Equal(open, []string{"b0", "b2", "b3"}) {
		t.Errorf("open: %v, %v", open, err)
	}
}

func batchForgotten(t *testing.T, s batch.Store) {
	for i, ended := range []time.Time{Start, {}, Start} {
		b, items := batchOf(fmt.Sprintf("b%d", i), "alice", 3)
		b.CreatedAt, b.EndedAt = Start.Add(time.Duration(i)*time.Hour), ended
		createBatch(t, s, b, items)
	}
	n, err := s.ForgetBatches(t.Context(), Start.Add(2*time.Hour), 10)
	if err != nil || n != 1 {
		t.Errorf("%d removed, %v", n, err)
	}
	if items, err := s.ReadItems(t.Context(), "b0", batch.ItemQuery{After: -1, Limit: 9}); err != nil || len(items) != 0 {
		t.Errorf("%d items of the removed batch, %v", len(items), err)
	}
	if _, err := s.FindBatch(t.Context(), "b1"); err != nil {
		t.Errorf("the open batch: %v", err)
	}
}

func batchRecords(t *testing.T, s batch.Store) {
	claims, ok := s.(backup.Claims)
	if !ok {
		t.Fatal("the store keeps no submissions")
	}
	r := Record(1)
	if _, _, err := claims.Claim(context.WithoutCancel(t.Context()), r); err != nil {
		t.Fatal(err)
	}
	found, err := s.Records(t.Context(), []string{"none", r.SubmissionID})
	if err != nil || len(found) != 1 || found[0].SubmissionID != r.SubmissionID || found[0].JobName != r.JobName {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err = s.Records(t.Context(), nil); err != nil || found != nil {
		t.Errorf("without ids: %+v, %v", found, err)
	}
}
