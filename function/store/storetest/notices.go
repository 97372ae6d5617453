package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
)

// notices are the tests of [backup.Notices], by what they prove.
var notices = map[string]test{
	"a notice is stored once, and due with its record":   announcedOnce,
	"notices of many submissions are stored in one call": announceMany,
	"one of many concurrent leases wins":                 oneLeaseWins,
	"a notice that is done is never due again":           doneIsFinal,
	"notices are due in order of time":                   dueIsOrdered,
	"a forgotten submission has no notices":              forgetRemovesNotices,
	"a step and its notices are stored together":         stepStoresNotices,
	"waiting notices are counted for each receiver":      waitingIsCounted,
}

// notice returns a notice that tells receiver about an event of r.
func notice(r backup.Record, event backup.Event, receiver string) backup.Notice {
	return backup.Notice{SubmissionID: r.SubmissionID, Event: event, Receiver: receiver, At: Start}
}

// announce stores notices and returns how many were new.
func announce(t *testing.T, s backup.Store, notices ...backup.Notice) int {
	t.Helper()
	added, err := s.Announce(t.Context(), notices)
	if err != nil {
		t.Errorf("Announce: %v", err)
	}
	return added
}

// due returns the due notices of a receiver.
func due(t *testing.T, s backup.Store, receiver string, now time.Time) []backup.Notice {
	t.Helper()
	found, err := s.Due(t.Context(), receiver, now, 100)
	if err != nil {
		t.Errorf("Due: %v", err)
	}
	return found
}

func announcedOnce(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	add(t, s, r.SubmissionID, Step(0, "o"))
	if err := s.UpdateJob(t.Context(), r.SubmissionID, backup.Job{JobID: "job-1", SeenAt: Start}); err != nil {
		t.Fatal(err)
	}
	want := notice(r, backup.EventCreated, "漢'; --")
	if n := announce(t, s, want, want, notice(r, backup.EventFailed, "other")); n != 2 {
		t.Errorf("announced %d, want 2", n)
	}
	later := want
	later.At = Start.Add(time.Hour)
	if n := announce(t, s, later); n != 0 {
		t.Errorf("announced %d more", n)
	}
	if early := due(t, s, want.Receiver, Start.Add(-time.Millisecond)); len(early) != 0 {
		t.Errorf("%d due before anything happened", len(early))
	}
	want.Record = find(t, s, r.SubmissionID)
	if diff := cmp.Diff([]backup.Notice{want}, due(t, s, want.Receiver, Start)); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
}

func stepStoresNotices(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	for _, c := range []struct {
		owner, receiver string
		ours            bool
	}{{"first", "a", true}, {"late", "b", false}} {
		step := Step(0, c.owner)
		step.Notices = []backup.Notice{notice(r, backup.EventCreated, c.receiver), notice(r, backup.EventCreated, c.receiver)}
		if ours, err := s.Append(t.Context(), r.SubmissionID, step); ours != c.ours || err != nil {
			t.Fatalf("step of %s: %v, %v", c.owner, ours, err)
		}
		if found := due(t, s, c.receiver, Start); (len(found) == 1) != c.ours {
			t.Errorf("%d notices of the step of %s", len(found), c.owner)
		}
	}
	if last := find(t, s, r.SubmissionID).Last; last.Notices != nil {
		t.Errorf("the step was read with %v", last.Notices)
	}
}

func announceMany(t *testing.T, s backup.Store) {
	var many []backup.Notice
	for n := range 3 {
		r := claim(t, s, Record(n))
		for i := range 400 {
			many = append(many, notice(r, backup.EventCreated, fmt.Sprint("r", i)))
		}
	}
	many = append(many, notice(Record(9), backup.EventCreated, "r0")) // Record(9) was not claimed
	if n := announce(t, s, many...); n != 1200 {
		t.Errorf("announced %d, want 1200", n)
	}
	if n := announce(t, s); n != 0 {
		t.Errorf("announced %d of none", n)
	}
	if _, err := s.Announce(t.Context(), []backup.Notice{notice(Record(0), "a\x00b", "r")}); err == nil {
		t.Error("an event that is no text was announced")
	}
}

func oneLeaseWins(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	announce(t, s, notice(r, backup.EventCreated, "r"))
	for attempt := range 3 {
		now := Start.Add(time.Duration(attempt) * time.Minute)
		found := due(t, s, "r", now)
		if len(found) != 1 || found[0].Attempts != attempt {
			t.Fatalf("attempt %d: %+v", attempt, found)
		}
		won := race(func(int) bool {
			ours, err := s.Lease(t.Context(), found[0], now.Add(time.Minute))
			if err != nil {
				t.Errorf("Lease: %v", err)
			}
			return ours
		})
		if won != 1 {
			t.Errorf("attempt %d: %d of 64 took it", attempt, won)
		}
		if early := due(t, s, "r", now.Add(time.Minute-time.Millisecond)); len(early) != 0 {
			t.Errorf("attempt %d: due again before its time", attempt)
		}
	}
	if ours, err := s.Lease(t.Context(), notice(Record(2), backup.EventCreated, "r"), Start); ours || err != nil {
		t.Errorf("one that is not there: %v, %v", ours, err)
	}
}

func doneIsFinal(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	n := notice(r, backup.EventCreated, "r")
	announce(t, s, n)
	if err := s.Done(t.Context(), n, Start); err != nil {
		t.Fatal(err)
	}
	if again := announce(t, s, n); again != 0 || len(due(t, s, "r", Start.Add(1000*time.Hour))) != 0 {
		t.Errorf("it is due, or was announced again (%d)", again)
	}
	if ours, err := s.Lease(t.Context(), n, Start); ours || err != nil {
		t.Errorf("it was taken: %v, %v", ours, err)
	}
	if err := s.Done(t.Context(), notice(r, backup.EventFailed, "r"), Start); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("one that was never announced: %v", err)
	}
}

func dueIsOrdered(t *testing.T, s backup.Store) {
	var want []string
	for n := range 5 {
		r := claim(t, s, Record(n))
		one := notice(r, backup.EventCreated, "r")
		one.At = Start.Add(time.Duration(5-n) * time.Second)
		announce(t, s, one)
		want = append([]string{r.SubmissionID}, want...)
	}
	found, err := s.Due(t.Context(), "r", Start.Add(time.Minute), 3)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range found {
		got = append(got, n.SubmissionID)
	}
	if !strings.HasPrefix(strings.Join(want, " "), strings.Join(got, " ")) || len(got) != 3 {
		t.Errorf("got %v, want the first 3 of %v", got, want)
	}
}

func forgetRemovesNotices(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	announce(t, s, notice(r, backup.EventCreated, "r"))
	if n, err := s.Forget(t.Context(), r.CreatedAt.Add(time.Millisecond), r.ExpiresAt, 10); err != nil || n != 1 {
		t.Fatalf("forgot %d, %v", n, err)
	}
	if again := claim(t, s, Record(1)); again.SubmissionID != r.SubmissionID || len(due(t, s, "r", r.ExpiresAt)) != 0 {
		t.Errorf("a new submission %s has notices of the old one", again.SubmissionID)
	}
}

func waitingIsCounted(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	later := notice(r, backup.EventFailed, "chat")
	later.At = Start.Add(time.Hour)
	announce(t, s, notice(r, backup.EventCreated, "chat"), later, notice(r, backup.EventCreated, "other"))
	refused := rejection(1)
	if n := reject(t, s, refused, "other"); n != 1 {
		t.Fatalf("Reject returned %d", n)
	}
	if err := s.Done(t.Context(), notice(r, backup.EventCreated, "chat"), Start); err != nil {
		t.Fatal(err)
	}
	for _, want := range []backup.Waiting{
		{Receiver: "chat", Count: 1, Since: later.At},
		{Receiver: "other", Count: 2, Since: Start},
		{Receiver: "none"},
	} {
		got, err := s.Waiting(t.Context(), want.Receiver)
		if err != nil || got.Receiver != want.Receiver || got.Count != want.Count || !got.Since.Equal(want.Since) {
			t.Errorf("Waiting returned %v, %v; want %v", got, err, want)
		}
	}
}
