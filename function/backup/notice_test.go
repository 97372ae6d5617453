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
)

// ending is a submission whose job ends soon, with a word of the emulator.
func ending(key, outcome string) backup.Submission {
	sub := submission(key)
	sub.Params["JobName"] = "emulator.5s." + outcome
	return sub
}

// sweep sweeps, which must succeed, and says how many messages went out.
func (r *fixture) sweep(t testing.TB) int {
	t.Helper()
	swept, err := r.Sweep(t.Context(), year)
	if err != nil {
		t.Fatal(err)
	}
	return swept.Sent
}

// submit submits what must become a job, or a refusal, and returns its id.
func (r *fixture) submit(t testing.TB, sub backup.Submission) string {
	t.Helper()
	answer, err := r.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	return answer.SubmissionID
}

func TestEveryTurnIsToldOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r, all := newFixtureOn(t, url), newInbox(t, "all")
		r.tell(t, nil, all)
		want := map[string]string{}
		for outcome, told := range map[string]string{
			"COMPLETE": "created succeeded", "PARTIAL_COMPLETE": "created partial", "FAILED": "created failed",
			"CANCELED": "created cancelled", "EXPIRED": "created failed", "UNAVAILABLE": "created failed",
		} {
			want[r.submit(t, ending(outcome, outcome))] = told
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

// What the policy refuses and what was never sent is told to nobody, and events
// only to those who want them.
func TestNobodyIsToldWhatTheyDidNotAskFor(t *testing.T) {
	r, ends := newFixture(t), newInbox(t, "ends")
	r.tell(t, []backup.Event{backup.EventFailed}, ends)
	denied := submission("denied")
	denied.Params["Account"] = "locked"
	policy := r.Policy
	r.Policy = refusing{policy}
	if _, err := r.Submit(t.Context(), denied); !errors.Is(err, backup.ErrDenied) {
		t.Fatal(err)
	}
	r.Policy = policy
	r.fail(t, "CreateBackupJob: throttle, throttle, throttle")
	if _, err := r.Submit(t.Context(), submission("throttled")); !errors.Is(err, backup.ErrNotSent) {
		t.Fatal(err)
	}
	r.submit(t, ending("good", "COMPLETE"))
	for range 3 {
		r.sweep(t)
		r.clock.Add(time.Minute)
	}
	if n := ends.requests(); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// A submission costs no statement more if nobody wants to know of its beginning,
// and a portal that tells nobody asks for nothing.
func TestNoticesThatNobodyWantsCostNothing(t *testing.T) {
	r, ends := newFixture(t), newInbox(t, "ends")
	counted := &countingNotices{Store: r.Store}
	r.Store = counted
	r.submit(t, ending("nobody", "FAILED"))
	r.clock.Add(time.Minute)
	r.sweep(t)
	if n := counted.calls.Load(); n != 0 {
		t.Errorf("without receivers: %d", n)
	}
	r.tell(t, []backup.Event{backup.EventSucceeded}, ends)
	r.submit(t, submission("good"))
	if n := counted.calls.Load(); n != 0 {
		t.Errorf("without one for created: %d", n)
	}
}

// countingNotices counts what is asked about notices.
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

// A process that stops between writing what happened and announcing it, wherever
// that is, leaves it to the next sweep.
func TestCrashBeforeAnnouncingLosesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r, all := newFixtureOn(t, url), newInbox(t, "all")
		r.tell(t, nil, all)
		sound := r.Store
		r.Store = mute{sound}
		failed, good := r.submit(t, ending("failed", "FAILED")), r.submit(t, ending("good", "COMPLETE"))
		long := submission("long")
		long.Params["JobName"] = "emulator.1h"
		runs := r.submit(t, long)
		r.fail(t, "CreateBackupJob: refuse 404 VaultNotExist")
		refused := r.submit(t, submission("refused"))
		r.clock.Add(time.Minute)
		// A reader sees the end of one, a sweep that of the other.
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

// A mute store takes no announcements.
type mute struct{ backup.Store }

func (mute) Announce(context.Context, []backup.Notice) (int, error) {
	return 0, errors.New("this process has stopped")
}

// Whatever is written down to be told wakes whoever may be waiting for it, once.
func TestAnnouncementsAreMadeAtOnce(t *testing.T) {
	r, all := newFixture(t), newInbox(t, "all")
	r.tell(t, nil, all)
	r.Announced = make(chan struct{}, 1)
	woken := func() bool {
		select {
		case <-r.Announced:
			return true
		default:
			return false
		}
	}
	first := r.submit(t, ending("k", "FAILED"))
	r.submit(t, submission("another")) // does not wait for a reader
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

// A process that no timer calls sends what was announced at once, and does not
// wait for its next sweep.
func TestAnnouncementWakesTheSweeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &waking{due: make(chan string, 10)}
		s := &backup.Service{
			Store: r, Messenger: r, Log: slog.New(slog.DiscardHandler), Now: time.Now, NewID: func() string { return "m" },
			Announced: make(chan struct{}, 1),
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.SweepEvery(ctx, time.Hour, year)
		<-r.due // of the sweep at the start
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

// A waking store says when it is asked what is due; nothing ever is.
type waking struct {
	backup.Store
	due chan string
}

func (*waking) All() []string                                              { return []string{"r"} }
func (*waking) Receivers(backup.Event, string) []string                    { return nil }
func (*waking) Send(context.Context, backup.Notice) error                  { return nil }
func (*waking) Open(context.Context, string, int) ([]backup.Record, error) { return nil, nil }
func (*waking) Forget(context.Context, time.Time, time.Time, int) (int, error) {
	return 0, nil
}

func (w *waking) Due(_ context.Context, receiver string, _ time.Time, _ int) ([]backup.Notice, error) {
	w.due <- receiver
	return nil, nil
}
