package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// rejections are the tests of [backup.Rejections], by what they prove.
var rejections = map[string]test{
	"a rejection is counted in one row":            rejectionIsCounted,
	"one of many concurrent rejections is first":   oneRejectionIsFirst,
	"an hour has a limited number of rejections":   rejectionsAreLimited,
	"rejections are listed in pages":               rejectionPages,
	"a rejection has one notice for a receiver":    rejectionNotices,
	"old rejections are removed with notices":      rejectionsAreForgotten,
	"a rejection's text must be storable":          rejectionTexts,
	"notices of rejections come before the others": rejectionNoticesFirst,
}

// rejection returns the n-th rejection of the suite, n minutes after [Start].
func rejection(n int) backup.Rejection {
	at := Start.Add(time.Duration(n) * time.Minute)
	return backup.Rejection{
		ID: fmt.Sprintf("rejection-%03d", n), Kind: backup.RejectedInvalid, Door: backup.DoorEvent,
		Sender: identity.Principal{Kind: identity.KindEvent, Subject: "event:timer"}, Origin: "nightly '; --",
		Reason: param.Both("wrong '; --", "错误"), SubmissionID: "sub-1", RequestID: "req-1", FirstAt: at, LastAt: at,
	}
}

// reject stores r for receivers, and returns its count.
func reject(t *testing.T, s backup.Store, r backup.Rejection, receivers ...string) int {
	t.Helper()
	count, err := s.Reject(t.Context(), r, 1000, receivers)
	if err != nil {
		t.Errorf("Reject: %v", err)
	}
	return count
}

// listRejections returns the rejections of a query.
func listRejections(t *testing.T, s backup.Store, q backup.Query) []backup.Rejection {
	t.Helper()
	found, err := s.ListRejections(t.Context(), q)
	if err != nil {
		t.Errorf("ListRejections: %v", err)
	}
	return found
}

func rejectionIsCounted(t *testing.T, s backup.Store) {
	want := rejection(1)
	for n := 1; n <= 3; n++ {
		again := want
		again.LastAt = want.FirstAt.Add(time.Duration(n) * time.Second)
		again.Reason = param.Both(fmt.Sprint("reason ", n), "另一原因")
		if n == 1 {
			again = want
		}
		if count := reject(t, s, again); count != n {
			t.Errorf("call %d returned %d", n, count)
		}
	}
	late := want // the message of a process whose clock is behind
	if count := reject(t, s, late); count != 4 {
		t.Errorf("the late call returned %d", count)
	}
	want.Count, want.LastAt = 4, want.FirstAt.Add(3*time.Second)
	if diff := cmp.Diff([]backup.Rejection{want}, listRejections(t, s, backup.Query{Limit: 10})); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func oneRejectionIsFirst(t *testing.T, s backup.Store) {
	first := race(func(int) bool { return reject(t, s, rejection(1), "r") == 1 })
	if first != 1 {
		t.Errorf("%d of 64 were the first", first)
	}
	if found := listRejections(t, s, backup.Query{Limit: 10}); len(found) != 1 || found[0].Count != 64 {
		t.Errorf("stored %+v", found)
	}
	if n := len(due(t, s, "r", Start.Add(time.Hour))); n != 1 {
		t.Errorf("%d notices", n)
	}
}

func rejectionsAreLimited(t *testing.T, s backup.Store) {
	const most = 3
	for n := range 5 {
		count, err := s.Reject(t.Context(), rejection(n), most, nil)
		want := 1
		if n >= most {
			want = 0
		}
		if err != nil || count != want {
			t.Errorf("rejection %d: %d, %v; want %d", n, count, err, want)
		}
	}
	if count, err := s.Reject(t.Context(), rejection(0), most, nil); count != 2 || err != nil {
		t.Errorf("a known one was not counted: %d, %v", count, err)
	}
	if count, err := s.Reject(t.Context(), rejection(60), most, nil); count != 1 || err != nil {
		t.Errorf("in the next hour: %d, %v", count, err)
	}
}

func rejectionPages(t *testing.T, s backup.Store) {
	for n := range 5 {
		reject(t, s, rejection(n))
	}
	place := func(n int) *backup.Place { p := rejection(n).Place(); return &p }
	for _, c := range []struct {
		q    backup.Query
		want string
	}{
		{backup.Query{Limit: 10}, "[4 3 2 1 0]"},
		{backup.Query{Limit: 2}, "[4 3]"},
		{backup.Query{Limit: 2, Before: place(3)}, "[2 1]"},
		{backup.Query{Limit: 2, After: place(1)}, "[3 2]"},
		{backup.Query{Limit: 9, From: rejection(1).FirstAt, To: rejection(3).FirstAt}, "[2 1]"},
		{backup.Query{Limit: 9, Before: place(0)}, "[]"},
	} {
		got := []int{}
		for _, r := range listRejections(t, s, c.q) {
			got = append(got, int(r.FirstAt.Sub(Start)/time.Minute))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%+v: got %v, want %s", c.q, got, c.want)
		}
	}
}

func rejectionNotices(t *testing.T, s backup.Store) {
	r := rejection(1)
	reject(t, s, r, "r", "other")
	reject(t, s, r, "r", "late")
	r.Count = 2
	want := backup.Notice{SubmissionID: r.ID, Event: backup.EventRejected, Receiver: "r", At: r.FirstAt, Rejection: r}
	if diff := cmp.Diff([]backup.Notice{want}, due(t, s, "r", r.FirstAt)); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	if n := len(due(t, s, "late", r.FirstAt)); n != 0 {
		t.Errorf("a later message announced %d notices", n)
	}
	until := r.FirstAt.Add(time.Minute)
	won := race(func(int) bool {
		ours, err := s.Lease(t.Context(), want, until)
		if err != nil {
			t.Errorf("Lease: %v", err)
		}
		return ours
	})
	if won != 1 || len(due(t, s, "r", r.FirstAt)) != 0 {
		t.Errorf("%d of 64 took it, or it is due during its lease", won)
	}
	if found := due(t, s, "r", until); len(found) != 1 || found[0].Attempts != 1 {
		t.Errorf("after the lease: %+v", found)
	}
	if err := s.Done(t.Context(), want, until); err != nil || len(due(t, s, "r", until)) != 0 {
		t.Errorf("after Done it is due, or %v", err)
	}
	if n := len(due(t, s, "other", until)); n != 1 {
		t.Errorf("the other receiver has %d notices", n)
	}
}

func rejectionsAreForgotten(t *testing.T, s backup.Store) {
	reject(t, s, rejection(1), "r")
	reject(t, s, rejection(2), "r")
	if err := s.ForgetRejections(t.Context(), rejection(2).FirstAt); err != nil {
		t.Fatal(err)
	}
	found := listRejections(t, s, backup.Query{Limit: 10})
	if len(found) != 1 || found[0].ID != rejection(2).ID {
		t.Errorf("kept %+v", found)
	}
	if notices := due(t, s, "r", Start.Add(time.Hour)); len(notices) != 1 || notices[0].SubmissionID != rejection(2).ID {
		t.Errorf("notices %+v", notices)
	}
}

func rejectionTexts(t *testing.T, s backup.Store) {
	for _, text := range []string{"a\x00b", "\xff"} {
		r := rejection(1)
		r.Origin = text
		if _, err := s.Reject(t.Context(), r, 10, nil); err == nil {
			t.Errorf("origin %q was stored", text)
		}
	}
	if found := listRejections(t, s, backup.Query{Limit: 10}); len(found) != 0 {
		t.Errorf("stored %+v", found)
	}
}

func rejectionNoticesFirst(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	announce(t, s, notice(r, backup.EventCreated, "r"))
	reject(t, s, rejection(1), "r")
	found := due(t, s, "r", Start.Add(time.Hour))
	if len(found) != 2 || found[0].Event != backup.EventRejected || found[1].SubmissionID != r.SubmissionID {
		t.Errorf("due: %+v", found)
	}
}
