package backup_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"backupportal/function/backup"
)

// TestContentKeysEndBeforeTheNextNight tests submissions without an idempotency key of the
// sender, for which the key is a hash of the content. It proves that the platform's repeated
// deliveries start no second backup, and that the same content in the next night starts a new
// one. It tests this also if the cloud's list is searched first.
func TestContentKeysEndBeforeTheNextNight(t *testing.T) {
	for _, listFirst := range []bool{false, true} {
		for _, c := range []struct {
			age   time.Duration
			retry bool
			jobs  int
		}{
			{time.Minute, false, 1}, {22 * time.Hour, false, 1}, {23*time.Hour - time.Millisecond, false, 1},
			{23*time.Hour + 30*time.Minute, false, 2}, {24 * time.Hour, false, 2}, {26 * time.Hour, false, 2}, {8 * 24 * time.Hour, false, 2},
			{24 * time.Hour, true, 1}, {25*time.Hour - time.Millisecond, true, 1}, {25 * time.Hour, true, 2},
		} {
			t.Run(fmt.Sprintf("%v, retry %v, list first %v", c.age, c.retry, listFirst), func(t *testing.T) {
				r := newFixture(t)
				r.ListFirst = func() bool { return listFirst }
				sub := submission("sha256:x")
				sub.ByContent = true
				first, err := r.Submit(t.Context(), sub)
				if err != nil || first.Status != backup.StateCreated {
					t.Fatalf("%+v, %v", first, err)
				}
				now := r.Now
				r.Now = func() time.Time { return now().Add(c.age) }
				r.Cloud = r.client(t, r.Now)
				for _, jobs := range []int{c.jobs, c.jobs} { // a repeat of the second message makes no third job
					sub.Retry = sub.Retry || c.retry
					answer, err := r.Submit(t.Context(), sub)
					if err != nil || answer.Status != backup.StateCreated || r.jobs() != jobs || (answer.SubmissionID == first.SubmissionID) != (c.jobs == 1) {
						t.Errorf("%+v, %v, %d jobs", answer, err, r.jobs())
					}
				}
			})
		}
	}
}

// TestContentKeyWithoutResultIsNoNewBackup tests a key that is a hash of the content. While it
// is unknown whether the first message started a job, the same content starts nothing for 25
// hours.
func TestContentKeyWithoutResultIsNoNewBackup(t *testing.T) {
	for age, known := range map[time.Duration]bool{22 * time.Hour: true, 24 * time.Hour: true, 25*time.Hour - time.Second: true, 25 * time.Hour: false} {
		r := newFixture(t)
		sub := submission("sha256:x")
		sub.ByContent = true
		r.fail(t, "CreateBackupJob: drop-after; DescribeBackupJobs2: 503 forever")
		first, err := r.Submit(t.Context(), sub)
		if err != nil || first.Status != backup.StateUnknown {
			t.Fatalf("%+v, %v", first, err)
		}
		now := r.Now
		r.Now = func() time.Time { return now().Add(age) }
		answer, err := r.Submit(t.Context(), sub)
		if got := answer.SubmissionID == first.SubmissionID; err != nil || got != known {
			t.Errorf("after %v: %+v, %v", age, answer, err)
		}
	}
}

// TestContentKeyReservesAgainOnTheNextNight proves that the same content in the next night
// counts against rates and quotas like any new backup.
func TestContentKeyReservesAgainOnTheNextNight(t *testing.T) {
	r := newFixture(t)
	r.Policy = limitingPolicy{r.Policy, backup.Grant{Rates: []backup.Rate{{Key: "p:a", Burst: 1, Per: 30 * 24 * time.Hour}}}}
	sub := submission("sha256:x")
	sub.ByContent = true
	for _, c := range []struct {
		age     time.Duration
		limited bool
	}{{0, false}, {22 * time.Hour, false}, {24 * time.Hour, true}} {
		now := r.Now
		r.Now = func() time.Time { return now().Add(c.age) }
		r.Cloud = r.client(t, r.Now)
		_, err := r.Submit(t.Context(), sub)
		r.Now = now
		if limited := errors.Is(err, backup.ErrRate); limited != c.limited || err != nil && !limited {
			t.Errorf("after %v: %v", c.age, err)
		}
	}
}

// TestKeyOfASenderEndsWithItsTime proves that a key that the sender chose can be used for a new
// backup after seven days, even if the result of the first message is still unknown. Only a key
// that is a hash of the content is kept longer in that case.
func TestKeyOfASenderEndsWithItsTime(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after; DescribeBackupJobs2: 503 forever")
	first := r.submit(t, submission("k"))
	now := r.Now
	r.Now = func() time.Time { return now().Add(backup.KeyExpires + time.Hour) }
	if again := r.submit(t, submission("k")); again == first {
		t.Error("the expired key still stands for the first submission")
	}
}
