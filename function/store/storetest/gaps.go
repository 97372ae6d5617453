package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
)

// gaps are the tests of [backup.Gaps], by what they prove.
var gaps = map[string]test{
	"a gap is opened and closed once":       gapIsOpenedOnce,
	"one of many concurrent gaps is opened": oneGapWins,
	"notices about gaps are due and done":   gapNotices,
	"gaps that were mended are forgotten":   gapsAreForgotten,
	"texts of a gap that cannot be stored":  gapTexts,
}

// gapOf returns a gap of a resource.
func gapOf(id, resource string) backup.Gap {
	return backup.Gap{
		ID: id, Expectation: "daily '; --", Account: "demo", Region: "cn-hangzhou", Resource: resource, Name: "网站",
		LastGood: Start.Add(-25 * time.Hour), Since: Start,
	}
}

// openGap opens a gap and reports whether it was stored.
func openGap(t *testing.T, s backup.Store, g backup.Gap, receivers ...string) bool {
	t.Helper()
	opened, err := s.OpenGap(t.Context(), g, receivers)
	if err != nil {
		t.Errorf("OpenGap: %v", err)
	}
	return opened
}

// closeGap closes a gap and reports whether it was open.
func closeGap(t *testing.T, s backup.Store, id string, at time.Time, receivers ...string) bool {
	t.Helper()
	closed, err := s.CloseGap(t.Context(), id, at, receivers)
	if err != nil {
		t.Errorf("CloseGap: %v", err)
	}
	return closed
}

// checkOpen checks the open gaps.
func checkOpen(t *testing.T, s backup.Store, want ...backup.Gap) {
	t.Helper()
	got, err := s.OpenGaps(t.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("open gaps: %v\n%s", err, diff)
	}
}

func gapIsOpenedOnce(t *testing.T, s backup.Store) {
	checkOpen(t, s)
	first, other := gapOf("g1", "i-a"), gapOf("g2", "i-b")
	if !openGap(t, s, other) || !openGap(t, s, first) || openGap(t, s, gapOf("g3", "i-a")) {
		t.Error("not each resource has one gap")
	}
	checkOpen(t, s, first, other)
	if !closeGap(t, s, "g1", Start.Add(time.Hour)) || closeGap(t, s, "g1", Start.Add(time.Hour)) || closeGap(t, s, "g9", Start) {
		t.Error("a gap is not closed once")
	}
	checkOpen(t, s, other)
	again := gapOf("g4", "i-a")
	again.LastGood, again.Name = time.Time{}, ""
	if !openGap(t, s, again) {
		t.Error("no new gap after the first")
	}
	checkOpen(t, s, again, other)
}

func oneGapWins(t *testing.T, s backup.Store) {
	ids := "abcdefghijklmnopqrstuvwxyz"
	won := raceOf(len(ids), func(i int) bool {
		opened, err := s.OpenGap(t.Context(), gapOf(ids[i:i+1], "i-a"), []string{"chat"})
		if err != nil {
			t.Error(err)
		}
		return opened
	})
	if won != 1 || len(due(t, s, "chat", Start)) != 1 {
		t.Errorf("%d gaps, %d notices", won, len(due(t, s, "chat", Start)))
	}
}

func gapNotices(t *testing.T, s backup.Store) {
	g := gapOf("g1", "i-a")
	openGap(t, s, g, "chat", "other")
	want := backup.Notice{SubmissionID: "g1", Event: backup.EventMissing, Receiver: "chat", At: Start, Gap: g}
	if diff := cmp.Diff([]backup.Notice{want}, due(t, s, "chat", Start)); diff != "" {
		t.Errorf("due:\n%s", diff)
	}
	if ours, err := s.Lease(t.Context(), want, Start.Add(time.Minute)); !ours || err != nil {
		t.Errorf("Lease: %v, %v", ours, err)
	}
	if ours, err := s.Lease(t.Context(), want, Start.Add(time.Minute)); ours || err != nil {
		t.Errorf("the second Lease: %v, %v", ours, err)
	}
	if found := due(t, s, "chat", Start); len(found) != 0 {
		t.Errorf("a leased notice is due: %v", found)
	}
	if err := s.Done(t.Context(), want, Start); err != nil {
		t.Error(err)
	}
	closeGap(t, s, "g1", Start.Add(time.Hour), "chat")
	found := due(t, s, "chat", Start.Add(time.Hour))
	if len(found) != 1 || found[0].Event != backup.EventMended || !found[0].Gap.MendedAt.Equal(Start.Add(time.Hour)) {
		t.Errorf("after the end: %v", found)
	}
	for receiver, want := range map[string]int{"chat": 1, "other": 1, "none": 0} {
		if got, err := s.Waiting(t.Context(), receiver); err != nil || got.Count != want {
			t.Errorf("%s: %v, %v", receiver, got, err)
		}
	}
}

func gapsAreForgotten(t *testing.T, s backup.Store) {
	openGap(t, s, gapOf("g1", "i-a"), "chat")
	openGap(t, s, gapOf("g2", "i-b"), "chat")
	closeGap(t, s, "g1", Start, "chat")
	for _, c := range []struct {
		before  time.Time
		notices int
	}{{Start, 3}, {Start.Add(time.Second), 1}} {
		if err := s.ForgetGaps(t.Context(), c.before); err != nil || len(due(t, s, "chat", Start)) != c.notices {
			t.Errorf("before %v: %v, %d notices", c.before, err, len(due(t, s, "chat", Start)))
		}
	}
	checkOpen(t, s, gapOf("g2", "i-b"))
}

func gapTexts(t *testing.T, s backup.Store) {
	if opened, err := s.OpenGap(t.Context(), gapOf("g1", "i-\x00"), nil); opened || err == nil {
		t.Errorf("a NUL was stored: %v, %v", opened, err)
	}
	checkOpen(t, s)
}
