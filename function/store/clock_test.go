package store_test

import (
	"errors"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/storetest"
)

// TestClockJumpRefusesTheNextStatement proves that after a jump of the process's clock, the
// next statement that depends on the time is refused. These are the claim of a new key, an
// attempt, and the proof that an attempt started nothing. Results of calls are stored with any
// clock.
func TestClockJumpRefusesTheNextStatement(t *testing.T) {
	onBoth(t, func(t *testing.T, address string) {
		jump := time.Duration(0)
		now := func() time.Time { return time.Now().Add(jump).Truncate(time.Millisecond) }
		db, err := store.Open(store.Config{URL: secret.New(address), Now: now, StatementTime: patience})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		record := func(n int) backup.Record {
			r := storetest.Record(n)
			r.CreatedAt = now()
			r.ExpiresAt = r.CreatedAt.Add(backup.KeyExpires)
			return r
		}
		step := func(n int, kind backup.StepKind) backup.Step {
			s := storetest.Step(n, "owner")
			s.Kind, s.At = kind, now()
			return s
		}
		isClock := func(err error) bool {
			_, ok := errors.AsType[*backup.ClockError](err)
			return ok
		}
		for i, off := range []time.Duration{10 * time.Second, 55 * time.Second, -10 * time.Second, -55 * time.Second, -24 * time.Hour} {
			jump = 0
			ready, _, err := db.Claim(t.Context(), record(10*i+1))
			if err != nil {
				t.Fatal(err)
			}
			sent, _, err := db.Claim(t.Context(), record(10*i+2))
			if err != nil {
				t.Fatal(err)
			}
			if ours, err := db.Append(t.Context(), sent.SubmissionID, step(0, backup.StepAttempt)); !ours || err != nil {
				t.Fatalf("attempt: %v, %v", ours, err)
			}
			jump = off
			if _, ours, err := db.Claim(t.Context(), record(10*i+3)); ours || !isClock(err) {
				t.Errorf("%v off: claim of a new key: %v, %v", off, ours, err)
			}
			if known, ours, err := db.Claim(t.Context(), record(10*i+2)); ours || err != nil || known.SubmissionID != sent.SubmissionID {
				t.Errorf("%v off: claim of a known key: %v, %v", off, ours, err)
			}
			if ours, err := db.Append(t.Context(), ready.SubmissionID, step(0, backup.StepAttempt)); ours || !isClock(err) {
				t.Errorf("%v off: attempt: %v, %v", off, ours, err)
			}
			if ours, err := db.Append(t.Context(), sent.SubmissionID, step(1, backup.StepNotSent)); ours || !isClock(err) {
				t.Errorf("%v off: not sent: %v, %v", off, ours, err)
			}
			if err := db.CheckClock(t.Context(), now()); !isClock(err) {
				t.Errorf("%v off: check: %v", off, err)
			}
			if err := db.Ready(t.Context()); !isClock(err) {
				t.Errorf("%v off: ready: %v", off, err)
			}
			if ours, err := db.Append(t.Context(), sent.SubmissionID, step(1, backup.StepCreated)); !ours || err != nil {
				t.Errorf("%v off: created: %v, %v", off, ours, err)
			}
		}
	})
}
