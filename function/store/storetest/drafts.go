package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
	"backupportal/function/draft"
)

// RunDrafts runs the tests of drafts. open returns an empty store for one test.
func RunDrafts(t *testing.T, open func(t *testing.T) draft.Store) {
	for name, test := range map[string]func(*testing.T, draft.Store){
		"a draft is read as it was saved":                    draftRoundTrip,
		"nobody else reads or changes a draft":               draftOfAnother,
		"the newest draft from a page is found":              newestDraft,
		"an interim draft is replaced by the next":           interimDraft,
		"a submitted draft keeps only its submission":        submittedDraft,
		"the oldest drafts of a person make room":            draftLimit,
		"an expired draft is gone, and removed by the sweep": expiredDraft,
		"a discarded draft is gone with its successors":      discardedDraft,
		"a draft has a bounded size":                         draftSize,
	} {
		t.Run("drafts: "+name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

const (
	alice = "https://idp.example#alice"
	bob   = "https://idp.example#bob"
)

// draftOf returns the draft n of alice from a page.
func draftOf(n int, page string) draft.Draft {
	return draft.Draft{
		ID: fmt.Sprintf("draft-%d", n), Owner: alice, Page: page, SavedAt: Start,
		Values: map[string]string{"Retention": "77", "JobName": `é漢'";--`, "n": fmt.Sprint(n)},
	}
}

func saveDraft(t *testing.T, s draft.Store, d draft.Draft) {
	t.Helper()
	if err := s.SaveDraft(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// since is the limit of age for the drafts of the suite.
var since = Start.Add(-draft.Life)

func isGone(t *testing.T, s draft.Store, owner, id string, since time.Time) {
	t.Helper()
	if d, err := s.FindDraft(t.Context(), owner, id, since); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("%s: got %+v, error %v; want ErrNotFound", id, d, err)
	}
}

func draftRoundTrip(t *testing.T, s draft.Store) {
	want := draftOf(1, "p")
	want.Checked, want.SignedOut = true, true
	saveDraft(t, s, want)
	got, err := s.FindDraft(t.Context(), alice, want.ID, since)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if !got.Expires().Equal(Start.Add(24 * time.Hour)) {
		t.Errorf("expires at %v", got.Expires())
	}
	if s.SaveDraft(t.Context(), want) == nil {
		t.Error("a second draft has the same id")
	}
	bad := draftOf(2, "a\x00b")
	if s.SaveDraft(t.Context(), bad) == nil {
		t.Error("a page with a zero byte was saved")
	}
	isGone(t, s, alice, "a\x00b", since)
}

func draftOfAnother(t *testing.T, s draft.Store) {
	saveDraft(t, s, draftOf(1, "p"))
	isGone(t, s, bob, "draft-1", since)
	for _, page := range []string{"p", ""} {
		if _, err := s.NewestDraft(t.Context(), bob, page, since); !errors.Is(err, backup.ErrNotFound) {
			t.Errorf("from page %q: %v", page, err)
		}
	}
	if err := errors.Join(s.SubmitDraft(t.Context(), bob, "draft-1", "sub"), s.DiscardDraft(t.Context(), bob, "draft-1")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.FindDraft(t.Context(), alice, "draft-1", since); err != nil || got.SubmissionID != "" {
		t.Errorf("got %+v, error %v", got, err)
	}
}

func newestDraft(t *testing.T, s draft.Store) {
	for n, page := range []string{"p", "p", "q"} {
		saveDraft(t, s, draftOf(n, page)) // all at the same time of the clock
	}
	for page, want := range map[string]string{"p": "draft-1", "q": "draft-2", "": "draft-2"} {
		if got, err := s.NewestDraft(t.Context(), alice, page, since); err != nil || got.ID != want {
			t.Errorf("from page %q: %s, error %v; want %s", page, got.ID, err, want)
		}
	}
	if err := s.SubmitDraft(t.Context(), alice, "draft-2", "sub"); err != nil {
		t.Fatal(err)
	}
	for page, want := range map[string]string{"q": "draft-2", "": "draft-1"} {
		if got, err := s.NewestDraft(t.Context(), alice, page, since); err != nil || got.ID != want {
			t.Errorf("after the start, from page %q: %s, error %v; want %s", page, got.ID, err, want)
		}
	}
}

func interimDraft(t *testing.T, s draft.Store) {
	for n, interim := range []bool{true, true, false, true} {
		d := draftOf(n, "p")
		d.Interim = interim
		saveDraft(t, s, d)
	}
	other := draftOf(4, "q")
	saveDraft(t, s, other)
	isGone(t, s, alice, "draft-0", since)
	isGone(t, s, alice, "draft-1", since)
	for _, id := range []string{"draft-2", "draft-3", "draft-4"} {
		if _, err := s.FindDraft(t.Context(), alice, id, since); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func submittedDraft(t *testing.T, s draft.Store) {
	saveDraft(t, s, draftOf(1, "p"))
	for _, id := range []string{"first", "second"} {
		if err := s.SubmitDraft(t.Context(), alice, "draft-1", id); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.FindDraft(t.Context(), alice, "draft-1", since)
	if err != nil || got.SubmissionID != "first" || got.Values != nil {
		t.Errorf("got %+v, error %v", got, err)
	}
}

func draftLimit(t *testing.T, s draft.Store) {
	for n := range draft.PerPerson + 2 {
		saveDraft(t, s, draftOf(n, "p"))
	}
	other := draftOf(1000, "p")
	other.Owner = bob
	saveDraft(t, s, other)
	isGone(t, s, alice, "draft-0", since)
	isGone(t, s, alice, "draft-1", since)
	for _, id := range []string{"draft-2", fmt.Sprintf("draft-%d", draft.PerPerson+1)} {
		if _, err := s.FindDraft(t.Context(), alice, id, since); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func expiredDraft(t *testing.T, s draft.Store) {
	saveDraft(t, s, draftOf(1, "p"))
	later := draftOf(2, "p")
	later.SavedAt = Start.Add(time.Minute)
	saveDraft(t, s, later)
	isGone(t, s, alice, "draft-1", Start)
	if err := s.ForgetDrafts(t.Context(), Start); err != nil {
		t.Fatal(err)
	}
	isGone(t, s, alice, "draft-1", since)
	if _, err := s.FindDraft(t.Context(), alice, "draft-2", Start); err != nil {
		t.Errorf("the later draft: %v", err)
	}
}

func discardedDraft(t *testing.T, s draft.Store) {
	for n, page := range []string{"p", "draft-0", "q"} {
		saveDraft(t, s, draftOf(n, page))
	}
	if err := s.DiscardDraft(t.Context(), alice, "draft-0"); err != nil {
		t.Fatal(err)
	}
	isGone(t, s, alice, "draft-0", since)
	isGone(t, s, alice, "draft-1", since)
	if _, err := s.FindDraft(t.Context(), alice, "draft-2", since); err != nil {
		t.Errorf("another draft: %v", err)
	}
}

func draftSize(t *testing.T, s draft.Store) {
	d := draftOf(1, "p")
	d.Values = map[string]string{"ContainerResources": strings.Repeat("x", draft.MaxBytes)}
	if s.SaveDraft(t.Context(), d) == nil {
		t.Error("a draft of more than the limit was saved")
	}
	d.Values = map[string]string{"ContainerResources": strings.Repeat("x", draft.MaxBytes-100)}
	saveDraft(t, s, d)
}
