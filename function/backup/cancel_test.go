package backup_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
)

// running makes a job that runs for so long, and has for 30 s. It returns the id
// of its submission.
func (r *fixture) running(t testing.TB, key, long string) (id string) {
	t.Helper()
	sub := submission(key)
	sub.Params["JobName"] = "emulator." + long
	answer, err := r.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Add(30 * time.Second)
	return answer.SubmissionID
}

// cancels is how many times CancelBackupJob has left the portal.
func (r *fixture) cancels() int { return len(r.cloud.Ledger().CallsOf("CancelBackupJob")) }

var bob = identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Groups: []string{"testers"}, Subject: "bob", Name: "Bob"}

// A job that somebody cancels is cancelling at once, whatever the cloud last said
// of it, and then cancelled: never failed. The store keeps who it was.
func TestCancelledJobIsCancelledAndNotFailed(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := newFixtureOn(t, url)
		id := r.running(t, "k", "1m")
		got, err := r.Cancel(t.Context(), bob, id)
		if err != nil || got.State(r.Now()) != backup.StateCanceling || got.State(r.Now()).Outcome() != backup.OutcomeRunning {
			t.Fatalf("got %s, %v", got.State(r.Now()), err)
		}
		if got, err = r.Refresh(t.Context(), bob, id); err != nil || got.State(r.Now()) != backup.StateCanceling {
			t.Errorf("before the cloud says more: %s, %v", got.State(r.Now()), err)
		}
		// Again is no mistake, and asks nobody.
		if _, err := r.Cancel(t.Context(), bob, id); err != nil || r.cancels() != 1 {
			t.Errorf("again: %v, %d calls", err, r.cancels())
		}
		r.clock.Add(5 * time.Second)
		if got, err = r.Refresh(t.Context(), bob, id); err != nil || got.State(r.Now()) != backup.StateCanceled || got.State(r.Now()).Outcome() != backup.OutcomeCancelled {
			t.Errorf("at the end: %s, %v", got.State(r.Now()), err)
		}
		if by := r.record(t, id).Cancellation.By; by.ID() != bob.ID() || by.Name != bob.Name {
			t.Errorf("cancelled by %+v", by)
		}
		if _, err := r.Cancel(t.Context(), bob, id); err != nil || r.cancels() != 1 {
			t.Errorf("after the end: %v, %d calls", err, r.cancels())
		}
	})
}

// A job that has ended was not cancelled, whether the portal knew of the end
// or learns it from the refusal.
func TestJobThatHasEndedIsNotCancelled(t *testing.T) {
	r := newFixture(t)
	id := r.running(t, "k", "1m")
	if _, err := r.Refresh(t.Context(), bob, id); err != nil {
		t.Fatal(err)
	}
	// Asked a moment ago, the portal still takes it for running.
	r.clock.Add(4 * time.Second)
	if _, err := r.Store.Ask(t.Context(), id, r.Now(), 0); err != nil {
		t.Fatal(err)
	}
	r.clock.Add(30 * time.Second)
	if _, err := r.Store.Ask(t.Context(), id, r.Now(), 0); err != nil {
		t.Fatal(err)
	}
	got, err := r.Cancel(t.Context(), bob, id)
	if !errors.Is(err, backup.ErrOver) || got.State(r.Now()) != backup.StateComplete || r.cancels() != 1 {
		t.Errorf("got %v, %s, %d calls", err, got.State(r.Now()), r.cancels())
	}
	if _, err = r.Cancel(t.Context(), bob, id); !errors.Is(err, backup.ErrOver) || r.cancels() != 1 {
		t.Errorf("known to be over: %v, %d calls", err, r.cancels())
	}
	if by := r.record(t, id).Cancellation; !reflect.DeepEqual(by, backup.Cancellation{}) {
		t.Errorf("cancelled by %+v", by)
	}
}

// What the answer does not say, the job itself does.
func TestLostAnswerToACancelIsFoundOutFromTheJob(t *testing.T) {
	for fault, want := range map[string]error{
		"drop-after": nil, "500-after": nil, "truncate": nil, "html-after 502": nil,
		"drop": backup.ErrNotCancelled, "500": backup.ErrNotCancelled, "throttle": backup.ErrNotCancelled, "refuse 403 NoPermission": backup.ErrCancelNo,
		"success-false BadRequest": backup.ErrCancelNo,
	} {
		t.Run(fault, func(t *testing.T) {
			r := newFixture(t)
			id := r.running(t, "k", "1m")
			r.fail(t, "CancelBackupJob: "+fault)
			got, err := r.Cancel(t.Context(), bob, id)
			if !errors.Is(err, want) || r.cancels() != 1 {
				t.Fatalf("got %v, %d calls", err, r.cancels())
			}
			if cancelling := got.State(r.Now()) == backup.StateCanceling; cancelling != (want == nil) {
				t.Errorf("it is %s", got.State(r.Now()))
			}
			if cancelled := r.record(t, id).Cancellation.By.ID() == bob.ID(); cancelled != (want == nil) {
				t.Errorf("recorded: %v", cancelled)
			}
			busy, _ := errors.AsType[*backup.BusyError](err)
			if strings.Contains(fault, "NoPermission") && (busy.Code != "NoPermission" || busy.RetryAfter != 0) {
				t.Errorf("got %+v", busy)
			}
			if fault == "throttle" && busy.RetryAfter == 0 {
				t.Error("it does not say when to try again")
			}
			if err == nil {
				return
			}
			if _, err := r.Cancel(t.Context(), bob, id); err != nil || r.cancels() != 2 {
				t.Errorf("tried again: %v, %d calls", err, r.cancels())
			}
		})
	}
}

// A request that the cloud took and forgot does not hide for ever that the job
// goes on, and can be made again.
func TestCancelThatComesToNothingCanBeRepeated(t *testing.T) {
	r := newFixture(t)
	id := r.running(t, "k", "1m")
	if err := r.Store.Cancel(t.Context(), id, backup.Cancellation{By: bob, At: r.Now().Truncate(time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	sub := r.record(t, id)
	if _, err := r.Cancel(t.Context(), bob, id); err != nil || r.cancels() != 0 {
		t.Errorf("at once: %v, %d calls", err, r.cancels())
	}
	r.clock.Set(sub.CreatedAt.Add(29 * time.Second))
	if err := r.Store.Cancel(t.Context(), id, backup.Cancellation{By: bob, At: r.Now().Add(-time.Minute).Truncate(time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	got, err := r.Refresh(t.Context(), bob, id)
	if err != nil || got.State(r.Now()) != backup.StateRunning {
		t.Fatalf("a minute later: %s, %v", got.State(r.Now()), err)
	}
	if _, err := r.Cancel(t.Context(), bob, id); err != nil || r.cancels() != 1 {
		t.Errorf("again: %v, %d calls", err, r.cancels())
	}
}

func TestCancelNeedsAJobThatOneMaySee(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after")
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Cancel(t.Context(), bob, answer.SubmissionID); !errors.Is(err, backup.ErrNoJob) {
		t.Errorf("nobody knows of a job: %v", err)
	}
	if _, err := r.Cancel(t.Context(), bob, strings.Repeat("a", 26)); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("no submission: %v", err)
	}
	id := r.running(t, "l", "1m")
	r.Policy = seesOnly{r.Policy, "i-another"}
	if _, err := r.Cancel(t.Context(), bob, id); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("somebody else's: %v", err)
	}
	if r.cancels() != 0 {
		t.Errorf("%d calls", r.cancels())
	}
}

// The outcome is one of six words for every state, and final exactly where the
// state is.
func TestOutcomeIsFinalWhereTheStateIs(t *testing.T) {
	for state, want := range map[backup.State]backup.Outcome{
		backup.StateSending: "running", backup.StateUnknown: "unknown", backup.StateRefused: "failed", backup.StateDenied: "failed", backup.StateNotSent: "failed",
		backup.StateCreated: "running", backup.StateQueued: "running", backup.StateRunning: "running", backup.StateCanceling: "running",
		backup.StateComplete: "succeeded", backup.StatePartialComplete: "partial", backup.StateFailed: "failed", backup.StateCanceled: "cancelled",
		backup.StateExpired: "failed", backup.StateUnavailable: "failed", "VM_UNAVAILABLE": "running", "": "running",
	} {
		got := state.Outcome()
		if got != want || (got == "running" || got == "unknown") != !state.IsTerminal() {
			t.Errorf("%s: %s, lives: %v", state, got, !state.IsTerminal())
		}
	}
}
