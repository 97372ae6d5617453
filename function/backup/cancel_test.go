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

// startRunningJob submits a backup whose job runs for the duration long, and advances the clock
// by 30 seconds. It returns the id of the submission.
func (r *fixture) startRunningJob(t testing.TB, key, long string) (id string) {
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

// cancels returns how many requests CancelBackupJob the cloud has received.
func (r *fixture) cancels() int { return len(r.cloud.Ledger().CallsOf("CancelBackupJob")) }

var bob = identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Groups: []string{"testers"}, Subject: "bob", Name: "Bob"}

// TestCancelledJobState proves that the state is CANCELING immediately after a cancellation, before
// the cloud reports it, and CANCELED later. The store keeps the principal who cancelled. A second
// cancellation sends no request.
func TestCancelledJobState(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r := newFixtureOn(t, url)
		id := r.startRunningJob(t, "k", "1m")
		got, err := r.Cancel(t.Context(), bob, id)
		if err != nil || got.State(r.Now()) != backup.StateCanceling || got.State(r.Now()).Outcome() != backup.OutcomeRunning {
			t.Fatalf("got %s, %v", got.State(r.Now()), err)
		}
		if got, err = r.Refresh(t.Context(), bob, id); err != nil || got.State(r.Now()) != backup.StateCanceling {
			t.Errorf("before the cloud says more: %s, %v", got.State(r.Now()), err)
		}
		// A second cancellation succeeds and sends nothing.
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

// TestCancelOfEndedJob proves that a job that has ended cannot be cancelled and that no
// cancellation is stored. In one case the portal knows the end already, in the other it reads
// the job after the cloud has refused the cancellation.
func TestCancelOfEndedJob(t *testing.T) {
	r := newFixture(t)
	id := r.startRunningJob(t, "k", "1m")
	if _, err := r.Refresh(t.Context(), bob, id); err != nil {
		t.Fatal(err)
	}
	// The portal has read the job a moment ago, so its record still says that the job runs.
	r.clock.Add(4 * time.Second)
	if _, err := r.Store.StartRefresh(t.Context(), id, r.Now(), 0); err != nil {
		t.Fatal(err)
	}
	r.clock.Add(30 * time.Second)
	if _, err := r.Store.StartRefresh(t.Context(), id, r.Now(), 0); err != nil {
		t.Fatal(err)
	}
	got, err := r.Cancel(t.Context(), bob, id)
	if !errors.Is(err, backup.ErrJobEnded) || got.State(r.Now()) != backup.StateComplete || r.cancels() != 1 {
		t.Errorf("got %v, %s, %d calls", err, got.State(r.Now()), r.cancels())
	}
	if _, err = r.Cancel(t.Context(), bob, id); !errors.Is(err, backup.ErrJobEnded) || r.cancels() != 1 {
		t.Errorf("known to be over: %v, %d calls", err, r.cancels())
	}
	if by := r.record(t, id).Cancellation; !reflect.DeepEqual(by, backup.Cancellation{}) {
		t.Errorf("cancelled by %+v", by)
	}
}

// TestLostCancelAnswerIsReadFromJob proves that the portal reads the job if the answer to
// CancelBackupJob was lost or was a refusal. What it answers then depends on the state of the
// job.
func TestLostCancelAnswerIsReadFromJob(t *testing.T) {
	for fault, want := range map[string]error{
		"drop-after": nil, "500-after": nil, "truncate": nil, "html-after 502": nil,
		"drop": backup.ErrNotCancelled, "500": backup.ErrNotCancelled, "throttle": backup.ErrNotCancelled, "refuse 403 NoPermission": backup.ErrCancelRefused,
		"success-false BadRequest": backup.ErrCancelRefused,
	} {
		t.Run(fault, func(t *testing.T) {
			r := newFixture(t)
			id := r.startRunningJob(t, "k", "1m")
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

// TestIneffectiveCancelCanBeRepeated proves what happens if the cloud accepts a cancellation
// but the job still runs a minute later: the state is RUNNING again, and the job can be
// cancelled again.
func TestIneffectiveCancelCanBeRepeated(t *testing.T) {
	r := newFixture(t)
	id := r.startRunningJob(t, "k", "1m")
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

func TestCancelNeedsVisibleJob(t *testing.T) {
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
	id := r.startRunningJob(t, "l", "1m")
	r.Policy = oneInstancePolicy{r.Policy, "i-another"}
	if _, err := r.Cancel(t.Context(), bob, id); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("somebody else's: %v", err)
	}
	if r.cancels() != 0 {
		t.Errorf("%d calls", r.cancels())
	}
}

// TestOutcomeMatchesIsTerminal proves that each state has one of six outcomes. The outcome is final
// if and only if the state is terminal.
func TestOutcomeMatchesIsTerminal(t *testing.T) {
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
