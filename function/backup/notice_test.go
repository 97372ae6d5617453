package backup_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// endingSubmission returns a submission whose job ends after 5 s with the given status.
func endingSubmission(key, outcome string) backup.Submission {
	sub := submission(key)
	sub.Params["JobName"] = "emulator.5s." + outcome
	return sub
}

// sweep runs a sweep that must succeed, and returns the number of messages that were sent.
func (r *fixture) sweep(t testing.TB) int {
	t.Helper()
	swept, err := r.Sweep(t.Context(), year)
	if err != nil {
		t.Fatal(err)
	}
	return swept.Sent
}

// submit submits sub and returns the id. The submission must be created or refused.
func (r *fixture) submit(t testing.TB, sub backup.Submission) string {
	t.Helper()
	answer, err := r.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	return answer.SubmissionID
}

func TestEachEventIsSentOnce(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r, all := newFixtureOn(t, url), newInbox(t, "all")
		r.notify(t, nil, all)
		want := map[string]string{}
		for outcome, told := range map[string]string{
			"COMPLETE": "created succeeded", "PARTIAL_COMPLETE": "created partial", "FAILED": "created failed",
			"CANCELED": "created cancelled", "EXPIRED": "created failed", "UNAVAILABLE": "created failed",
		} {
			want[r.submit(t, endingSubmission(outcome, outcome))] = told
		}
		r.fail(t, "CreateBackupJob: refuse 404 VaultNotExist")
		want[r.submit(t, submission("refused"))] = "failed"
		if sent := r.sweep(t); sent != 7 {
			t.Errorf("%d messages before any job has ended", sent)
		}
		r.clock.Add(time.Minute)
		if sent := r.sweep(t); sent != 6 {
			t.Errorf("%d messages about the ends", sent)
		}
		for range 3 {
			r.clock.Add(time.Minute)
			if sent := r.sweep(t); sent != 0 {
				t.Errorf("%d messages more", sent)
			}
		}
		for id, told := range want {
			if got := all.messages(id); got != told {
				t.Errorf("%s was told %q, want %q", id, got, told)
			}
		}
	})
}

// A policy with anyReceiver lets a request choose every receiver.
type anyReceiver struct{ backup.Policy }

func (p anyReceiver) Decide(ctx context.Context, who identity.Principal, given param.Params) (backup.Grant, []param.Mistake) {
	return p.Policy.Decide(ctx, who, given.WithoutNotes())
}

// TestChosenReceiversAreToldOfTheEnd proves that a receiver that a request chose gets one message when the backup has
// ended or was refused, whatever its own events are, and none about other backups. A receiver that the policy no longer
// has is skipped.
func TestChosenReceiversAreToldOfTheEnd(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r, mine, all := newFixtureOn(t, url), newInbox(t, "mine"), newInbox(t, "all")
		r.notify(t, []backup.Event{}, mine, all)
		r.Policy = anyReceiver{r.Policy}
		choosing := func(sub backup.Submission, names string) backup.Submission {
			sub.Params["Notify"] = names
			return sub
		}
		good := r.submit(t, choosing(endingSubmission("good", "COMPLETE"), `["mine","gone"]`))
		other := r.submit(t, endingSubmission("other", "COMPLETE"))
		r.fail(t, "CreateBackupJob: refuse 404 VaultNotExist")
		refused := r.submit(t, choosing(submission("refused"), `["mine"]`))
		for range 4 {
			r.sweep(t)
			r.clock.Add(time.Minute)
		}
		for id, want := range map[string]string{good: "succeeded", other: "", refused: "failed"} {
			if got := mine.messages(id); got != want {
				t.Errorf("%s: %q, want %q", id, got, want)
			}
		}
		if n := all.requests(); n != 0 {
			t.Errorf("a receiver that was not chosen got %d messages", n)
		}
	})
}

// TestChosenReceiverIsToldOnce proves that a receiver that is told of all events and was chosen too gets each message
// once.
func TestChosenReceiverIsToldOnce(t *testing.T) {
	r, all := newFixture(t), newInbox(t, "all")
	r.notify(t, nil, all)
	r.Policy = anyReceiver{r.Policy}
	sub := endingSubmission("good", "COMPLETE")
	sub.Params["Notify"] = `["all"]`
	id := r.submit(t, sub)
	for range 3 {
		r.sweep(t)
		r.clock.Add(time.Minute)
	}
	if got, n := all.messages(id), all.requests(); got != "created succeeded" || n != 2 {
		t.Errorf("%q in %d messages", got, n)
	}
}

// TestNoNoticeForUnwantedEvents proves that no notice is sent about a submission that the
// policy refuses or that is not sent, and that a receiver gets only the events that its
// configuration names.
func TestNoNoticeForUnwantedEvents(t *testing.T) {
	r, ends := newFixture(t), newInbox(t, "ends")
	r.notify(t, []backup.Event{backup.EventFailed}, ends)
	denied := submission("denied")
	denied.Params["Account"] = "locked"
	policy := r.Policy
	r.Policy = refusingPolicy{policy}
	if _, err := r.Submit(t.Context(), denied); !errors.Is(err, backup.ErrDenied) {
		t.Fatal(err)
	}
	r.Policy = policy
	r.fail(t, "CreateBackupJob: throttle, throttle, throttle")
	if _, err := r.Submit(t.Context(), submission("throttled")); !errors.Is(err, backup.ErrNotSent) {
		t.Fatal(err)
	}
	r.submit(t, endingSubmission("good", "COMPLETE"))
	for range 3 {
		r.sweep(t)
		r.clock.Add(time.Minute)
	}
	if n := ends.requests(); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// TestUnwantedEventsCostNoStatement proves that the database is not asked to store notices if
// no receiver wants the event.
func TestUnwantedEventsCostNoStatement(t *testing.T) {
	r, ends := newFixture(t), newInbox(t, "ends")
	counted := &countingNotices{Store: r.Store}
	r.Store = counted
	r.submit(t, endingSubmission("nobody", "FAILED"))
	r.clock.Add(time.Minute)
	r.sweep(t)
	if n := counted.calls.Load(); n != 0 {
		t.Errorf("without receivers: %d", n)
	}
	r.notify(t, []backup.Event{backup.EventSucceeded}, ends)
	r.submit(t, submission("good"))
	if n := counted.calls.Load(); n != 0 {
		t.Errorf("without one for created: %d", n)
	}
}

// countingNotices counts the calls of Announce and Due.
type countingNotices struct {
	backup.Store
	calls atomic.Int32
}

func (s *countingNotices) Announce(ctx context.Context, n []backup.Notice) (int, error) {
	s.calls.Add(1)
	return s.Store.Announce(ctx, n)
}

func (s *countingNotices) Due(ctx context.Context, receiver string, now time.Time, limit int) ([]backup.Notice, error) {
	s.calls.Add(1)
	return s.Store.Due(ctx, receiver, now, limit)
}

// TestCrashBeforeAnnounceLosesNoNotice proves that no notice is lost if a process stores an
// event, such as the end of a job, and then cannot store the notices about it. The next sweep
// stores and sends them.
func TestCrashBeforeAnnounceLosesNoNotice(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r, all := newFixtureOn(t, url), newInbox(t, "all")
		r.notify(t, nil, all)
		sound := r.Store
		r.Store = announceFailsStore{sound}
		failed, good := r.submit(t, endingSubmission("failed", "FAILED")), r.submit(t, endingSubmission("good", "COMPLETE"))
		long := submission("long")
		long.Params["JobName"] = "emulator.1h"
		runs := r.submit(t, long)
		r.fail(t, "CreateBackupJob: refuse 404 VaultNotExist")
		refused := r.submit(t, submission("refused"))
		r.clock.Add(time.Minute)
		// A reader records the end of the failed job. A sweep records the end of the other job.
		if record, err := r.Refresh(t.Context(), submission("").Principal, failed); err != nil || record.Job.Status != backup.StateFailed {
			t.Fatalf("%+v, %v", record.Job, err)
		}
		if sent := r.sweep(t); sent != 0 {
			t.Errorf("%d messages", sent)
		}
		if record := r.record(t, good); record.Job.Status != backup.StateComplete {
			t.Fatalf("%+v", record.Job)
		}
		r.Store = sound
		r.sweep(t)
		for id, want := range map[string]string{failed: "created failed", good: "created succeeded", runs: "created", refused: "failed"} {
			if got := all.messages(id); got != want {
				t.Errorf("%s was told %q, want %q", id, got, want)
			}
		}
		r.clock.Add(time.Minute)
		if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Open != 1 || swept.Sent != 0 {
			t.Errorf("afterwards: %+v, %v", swept, err)
		}
	})
}

// announceFailsStore fails every Announce, and stores steps without their notices.
type announceFailsStore struct{ backup.Store }

func (s announceFailsStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	step.Notices = nil
	return s.Store.Append(ctx, id, step, audit...)
}

func (announceFailsStore) Announce(context.Context, []backup.Notice) (int, error) {
	return 0, errors.New("this process has stopped")
}

// TestNewNoticeWakesSweeperOnce proves that a new notice wakes SweepEvery, the loop that sends
// notices, exactly once. A notice that is already stored does not wake it.
func TestNewNoticeWakesSweeperOnce(t *testing.T) {
	r, all := newFixture(t), newInbox(t, "all")
	r.notify(t, nil, all)
	r.Announced = make(chan struct{}, 1)
	woken := func() bool {
		select {
		case <-r.Announced:
			return true
		default:
			return false
		}
	}
	first := r.submit(t, endingSubmission("k", "FAILED"))
	r.submit(t, submission("another")) // must not block although the channel is full
	if !woken() || woken() {
		t.Error("a new job wakes nobody, or more than once")
	}
	r.sweep(t)
	if woken() {
		t.Error("what is announced again wakes somebody")
	}
	r.clock.Add(time.Minute)
	if _, err := r.Refresh(t.Context(), submission("").Principal, first); err != nil || !woken() {
		t.Errorf("the end of a job wakes nobody (error %v)", err)
	}
}

// TestSweepEveryDeliversWhenWoken proves that SweepEvery sends a new notice immediately instead
// of waiting for the next sweep.
func TestSweepEveryDeliversWhenWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &dueStore{due: make(chan string, 10)}
		s := &backup.Service{
			Store: r, Messenger: r, Log: slog.New(slog.DiscardHandler), Now: time.Now, NewID: func() string { return "m" },
			Announced: make(chan struct{}, 1),
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.SweepEvery(ctx, time.Hour, year)
		<-r.due // the call of Due of the first sweep
		synctest.Wait()
		start := time.Now()
		s.Announced <- struct{}{}
		if <-r.due; time.Since(start) != 0 {
			t.Errorf("it was looked for notices after %v", time.Since(start))
		}
		if <-r.due; time.Since(start) == 0 {
			t.Error("it was looked again though nothing was announced")
		}
	})
}

// dueStore is a store and a messenger. It reports each call of Due on a channel. No notice is ever
// due.
type dueStore struct {
	backup.Store
	due chan string
}

func (*dueStore) All() []string                                              { return []string{"r"} }
func (*dueStore) Receivers(backup.Event, string) []string                    { return nil }
func (*dueStore) Takes(string, string) bool                                  { return false }
func (*dueStore) Send(context.Context, backup.Notice) error                  { return nil }
func (*dueStore) Open(context.Context, string, int) ([]backup.Record, error) { return nil, nil }
func (*dueStore) Forget(context.Context, time.Time, time.Time, int) (int, error) {
	return 0, nil
}

func (*dueStore) ForgetRejections(context.Context, time.Time) error { return nil }

func (w *dueStore) Due(_ context.Context, receiver string, _ time.Time, _ int) ([]backup.Notice, error) {
	w.due <- receiver
	return nil, nil
}
