package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// keys are the tests of keys: what a claim returns, and how long a key is valid.
var keys = map[string]test{
	"a submission is claimed once":                           claimedOnce,
	"one of many concurrent claims wins":                     oneClaimWins,
	"an expired key starts a new submission":                 expiredKey,
	"one of many claims of an expired key wins":              oneClaimOfExpiredKeyWins,
	"forgetting an expired use does not free the key in use": forgetKeepsLaterUse,
	"a refusal by the policy is stored":                      refusalIsStored,
}

func claimedOnce(t *testing.T, s backup.Store) {
	r := Record(1)
	if _, ours, err := s.Claim(t.Context(), r); err != nil || !ours {
		t.Errorf("first claim: %v, %v", ours, err)
	}
	r.Fingerprint, r.CreatedAt = "another", r.ExpiresAt.Add(-time.Millisecond)
	known, ours, err := s.Claim(t.Context(), r)
	if err != nil || ours || known.Fingerprint == "another" || known.SubmissionID != r.SubmissionID {
		t.Errorf("second claim: %v, %v, %+v", ours, err, known)
	}
	if got := find(t, s, r.SubmissionID).Fingerprint; got == "another" {
		t.Error("the second claim changed the record")
	}
}

func oneClaimWins(t *testing.T, s backup.Store) {
	won := race(func(int) bool {
		known, ours, err := s.Claim(t.Context(), Record(1))
		if err != nil || known.SubmissionID != Record(1).SubmissionID {
			t.Errorf("%+v, %v", known, err)
		}
		return ours
	})
	if won != 1 {
		t.Errorf("%d of 64 claimed the submission", won)
	}
}

func expiredKey(t *testing.T, s backup.Store) {
	r := Record(1)
	r.Params["JobName"] = strings.Repeat("n", 37) // the longest allowed JobName
	r.JobName = r.Submission.JobName()
	first := claim(t, s, r)
	add(t, s, first.SubmissionID, Step(0, "o"))
	for turn, use := range []string{"-2", "-3"} {
		id := first.SubmissionID + use
		r.CreatedAt = first.CreatedAt.Add(time.Duration(turn+1) * Lifetime) // exactly when the key of the previous use expires
		r.ExpiresAt = r.CreatedAt.Add(Lifetime)
		known, ours, err := s.Claim(t.Context(), r)
		if err != nil || !ours || known.SubmissionID != id || known.Last.N != -1 {
			t.Errorf("use %s: %+v, %v, %v", use, known, ours, err)
		}
		if want := strings.Repeat("n", 35) + "-" + id; known.JobName != want || find(t, s, id).JobName != want {
			t.Errorf("use %s has the job name %s, want %s", use, known.JobName, want)
		}
		if again, ours, err := s.Claim(t.Context(), r); err != nil || ours || again.SubmissionID != id {
			t.Errorf("a repeat of use %s: %+v, %v, %v", use, again, ours, err)
		}
		if now, err := s.Known(t.Context(), first.SubmissionID, r.ExpiresAt.Add(-time.Millisecond)); err != nil || now.SubmissionID != id {
			t.Errorf("the key stands for %+v, %v", now, err)
		}
		if _, err := s.Known(t.Context(), first.SubmissionID, r.ExpiresAt); !errors.Is(err, backup.ErrNotFound) {
			t.Errorf("the expired key: %v", err)
		}
	}
	if got := find(t, s, first.SubmissionID); got.Last.N != 0 || got.JobName != first.JobName {
		t.Errorf("the first use is %+v", got)
	}
}

func oneClaimOfExpiredKeyWins(t *testing.T, s backup.Store) {
	claim(t, s, Record(1))
	r := Record(1)
	r.CreatedAt, r.ExpiresAt = r.ExpiresAt, r.ExpiresAt.Add(Lifetime)
	won := race(func(int) bool {
		known, ours, err := s.Claim(t.Context(), r)
		if err != nil || known.SubmissionID != r.SubmissionID+"-2" {
			t.Errorf("%+v, %v", known, err)
		}
		return ours
	})
	if won != 1 {
		t.Errorf("%d of 64 claimed the submission", won)
	}
}

func forgetKeepsLaterUse(t *testing.T, s backup.Store) {
	first := claim(t, s, Record(1))
	r := Record(1)
	r.CreatedAt, r.ExpiresAt = first.ExpiresAt, first.ExpiresAt.Add(Lifetime)
	second := claim(t, s, r)
	if n, err := s.Forget(t.Context(), r.CreatedAt, r.CreatedAt, 10); err != nil || n != 1 {
		t.Fatalf("forgot %d, %v", n, err)
	}
	r.CreatedAt = r.CreatedAt.Add(time.Minute)
	if known, ours, err := s.Claim(t.Context(), r); err != nil || ours || known.SubmissionID != second.SubmissionID {
		t.Errorf("got %+v, %v, %v; want the second use", known, ours, err)
	}
}

func refusalIsStored(t *testing.T, s backup.Store) {
	r := Record(1)
	r.Denied = []param.Text{{En: "Rule “a” does not cover this instance", Zh: "规则“a”不包含此实例"}, {En: "b", Zh: "乙"}}
	got := find(t, s, claim(t, s, r).SubmissionID)
	if !slices.Equal(got.Denied, r.Denied) || got.State(Start) != backup.StateDenied {
		t.Errorf("got %v in state %s", got.Denied, got.State(Start))
	}
	if open, err := s.Open(t.Context(), "", 10); err != nil || len(open) != 0 {
		t.Errorf("%d open, %v: nothing about a refusal can change", len(open), err)
	}
}

// ends are the tests of the end of a submission and of Forget.
var ends = map[string]test{
	"submissions that have not ended are open, by id":    openIsOrdered,
	"a forgotten submission loses its steps and its job": forgetRemovesEverything,
	"young submissions and keys in use are kept":         forgetKeepsKeysInUse,
	"forgetting respects its limit":                      forgetIsLimited,
}

func openIsOrdered(t *testing.T, s backup.Store) {
	var want []string
	for n := range 5 {
		id := claim(t, s, Record(n)).SubmissionID
		if n == 2 {
			if err := s.MarkFinal(t.Context(), id, backup.StateComplete); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want = append(want, id)
	}
	slices.Sort(want)
	var got []string
	for after := ""; ; {
		page, err := s.Open(t.Context(), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			got = append(got, r.SubmissionID)
		}
		if len(page) < 3 {
			break
		}
		after = got[len(got)-1]
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func forgetRemovesEverything(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	add(t, s, r.SubmissionID, Step(0, "o"))
	if err := s.UpdateJob(t.Context(), r.SubmissionID, backup.Job{JobID: "job-1", SeenAt: Start}); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Forget(t.Context(), r.CreatedAt.Add(time.Millisecond), r.ExpiresAt, 10); err != nil || n != 1 {
		t.Fatalf("forgot %d, %v", n, err)
	}
	if _, err := s.Find(t.Context(), r.SubmissionID); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if again := claim(t, s, Record(1)); again.Last.N != -1 || again.Job.JobID != "" {
		t.Errorf("a new submission has %+v and %+v of the old one", again.Last, again.Job)
	}
}

func forgetKeepsKeysInUse(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	for _, c := range []struct{ before, now time.Time }{
		{r.CreatedAt.Add(time.Millisecond), r.ExpiresAt.Add(-time.Millisecond)}, // the key is still in use
		{r.CreatedAt, r.ExpiresAt}, // the submission was created at the time before, not earlier
	} {
		if n, err := s.Forget(t.Context(), c.before, c.now, 10); err != nil || n != 0 {
			t.Errorf("forgot %d, %v", n, err)
		}
	}
}

func forgetIsLimited(t *testing.T, s backup.Store) {
	for n := range 5 {
		claim(t, s, Record(n))
	}
	for i, want := range []int{2, 2, 1, 0} {
		if n, err := s.Forget(t.Context(), Start.Add(time.Hour), Start.Add(2*Lifetime), 2); err != nil || n != want {
			t.Errorf("batch %d: forgot %d, want %d (error %v)", i, n, want, err)
		}
	}
}
