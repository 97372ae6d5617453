package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"backupportal/function/backup"
)

// ending is a submission whose job ends soon, with a word of the emulator.
func ending(key, outcome string) backup.Submission {
	sub := submission(key)
	sub.Params["JobName"] = "emulator.5s." + outcome
	return sub
}

// sweep sweeps, which must succeed, and says how many messages went out.
func (r *rig) sweep(t testing.TB) int {
	t.Helper()
	swept, err := r.Sweep(t.Context(), year)
	if err != nil {
		t.Fatal(err)
	}
	return swept.Sent
}

// submit submits what must become a job, or a refusal, and returns its id.
func (r *rig) submit(t testing.TB, sub backup.Submission) string {
	t.Helper()
	answer, err := r.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	return answer.SubmissionID
}

func TestEveryTurnIsToldOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r, all := newRigOn(t, url), newInbox(t, "all")
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
	r, ends := newRig(t), newInbox(t, "ends")
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
	r, ends := newRig(t), newInbox(t, "ends")
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
		r, all := newRigOn(t, url), newInbox(t, "all")
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

// Receivers that are told side by side and over again come to one message for
// each turn, whoever sweeps and looks at the same time.
func TestConcurrentSweepsTellOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r, one, other := newRigOn(t, url), newInbox(t, "one"), newInbox(t, "other")
		r.tell(t, nil, one, other)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			var ids []string
			for i := range rapid.IntRange(1, 3).Draw(rt, "submissions") {
				ids = append(ids, r.submit(t, ending(fmt.Sprint("k", n, "-", i), "FAILED")))
			}
			sweeps, watchers := rapid.IntRange(1, 4).Draw(rt, "sweeps"), rapid.IntRange(0, 4).Draw(rt, "watchers")
			for _, after := range []int{rapid.SampledFrom([]int{0, 1}).Draw(rt, "early"), rapid.SampledFrom([]int{6, 61}).Draw(rt, "after")} {
				r.clock.Add(time.Duration(after) * time.Second)
				r.crowd(t, ids, sweeps, watchers)
			}
			for _, b := range []*inbox{one, other} {
				for _, id := range ids {
					if got := b.messages(id); got != "created failed" {
						rt.Fatalf("%s was told %q", b.name, got)
					}
				}
				if again := b.twice(); again != "" {
					rt.Fatalf("%s was told %s twice", b.name, again)
				}
			}
			r.clock.Set(time.Now().Round(0)) // the cloud's SDK signs with the machine's clock
		})
	})
}

// crowd sweeps and looks at once, then sweeps.
func (r *rig) crowd(t *testing.T, ids []string, sweeps, watchers int) {
	t.Helper()
	var all sync.WaitGroup
	for range sweeps {
		all.Go(func() {
			if _, err := r.Sweep(t.Context(), year); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range watchers {
		all.Go(func() {
			if _, err := r.Refresh(t.Context(), submission("").Principal, ids[i%len(ids)]); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r.sweep(t)
}

// failures are what receivers do instead of taking a message.
var failures = map[string]http.HandlerFunc{
	"500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	"redirect": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/canary/elsewhere", http.StatusFound)
	},
	"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
}

// A receiver that fails fails no backup and no other receiver. It is tried again
// after longer and longer pauses, and takes the message when it is back.
func TestFailingReceiverIsTriedAgainAndFailsNothing(t *testing.T) {
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, bad, good := newRig(t), newInbox(t, "bad"), newInbox(t, "good")
			r.tell(t, []backup.Event{backup.EventSucceeded}, bad, good)
			bad.failing(fail)
			id := r.submit(t, ending("k", "COMPLETE"))
			r.clock.Add(time.Minute)
			if sent := r.sweep(t); sent != 1 || good.messages(id) != "succeeded" || bad.requests() != 1 {
				t.Fatalf("%d sent, %q, %d requests", sent, good.messages(id), bad.requests())
			}
			for i, pause := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 6 * time.Hour} {
				r.clock.Add(pause - time.Millisecond)
				r.sweep(t)
				if n := bad.requests(); n != i+1 {
					t.Errorf("%v after attempt %d there are %d", pause-time.Millisecond, i+1, n)
				}
				r.clock.Add(time.Millisecond)
				if i == 6 {
					bad.failing(nil)
				}
				r.sweep(t)
			}
			if bad.messages(id) != "succeeded" || bad.requests() != 8 || good.requests() != 1 {
				t.Errorf("it took %q after %d requests", bad.messages(id), bad.requests())
			}
		})
	}
}

// A receiver that says nothing is waited for by nobody but itself: it gets its
// answer from the other's message.
func TestReceiverThatHangsHoldsUpNoOther(t *testing.T) {
	r, stuck, good := newRig(t), newInbox(t, "stuck"), newInbox(t, "good")
	r.tell(t, nil, stuck, good)
	arrived := make(chan struct{})
	stuck.failing(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-arrived:
		case <-req.Context().Done():
			t.Error("the other receiver was not told meanwhile")
		}
		panic(http.ErrAbortHandler)
	})
	good.failing(func(http.ResponseWriter, *http.Request) { close(arrived) })
	r.submit(t, submission("k"))
	if sent := r.sweep(t); sent != 1 {
		t.Errorf("%d sent", sent)
	}
}

// A message that nobody takes for a day is given up, with a line in the log that
// says which. No line has a secret in it.
func TestNoticeIsGivenUpAfterADay(t *testing.T) {
	r, bad := newRig(t), newInbox(t, "bad")
	var log bytes.Buffer
	r.Log = slog.New(slog.NewJSONHandler(&log, nil))
	r.tell(t, []backup.Event{backup.EventFailed}, bad)
	bad.failing(failures["redirect"])
	id := r.submit(t, ending("k", "FAILED"))
	for range 30 * 60 {
		r.clock.Add(time.Minute)
		r.sweep(t)
	}
	if n := bad.requests(); n != 9 {
		t.Errorf("%d attempts in a day", n)
	}
	lines := strings.Split(log.String(), "\n")
	var given []string
	for _, line := range lines {
		if strings.Contains(line, "notice given up") {
			given = append(given, line)
		}
		if strings.Contains(line, "canary") || strings.Contains(line, bad.URL) {
			t.Errorf("the log has a secret: %s", line)
		}
	}
	if len(given) != 1 || !strings.Contains(given[0], id) || !strings.Contains(given[0], `"event":"failed"`) ||
		!strings.Contains(given[0], `"receiver":"bad"`) || !strings.Contains(given[0], "status 302") || !strings.Contains(given[0], `"level":"ERROR"`) {
		t.Errorf("given up: %s", given)
	}
}

// A sweep that comes after more than a day sends no old news; nor does one that
// has a new receiver.
func TestOldNewsIsNotSent(t *testing.T) {
	r, late := newRig(t), newInbox(t, "late")
	r.tell(t, nil, late)
	r.submit(t, submission("k"))
	r.clock.Add(24 * time.Hour)
	r.sweep(t)
	newer := newInbox(t, "newer")
	r.tell(t, nil, late, newer)
	r.sweep(t)
	if late.messages("") != "" || late.requests() != 0 || newer.requests() != 0 {
		t.Errorf("%d and %d messages", late.requests(), newer.requests())
	}
}

// A process that took a message and stood still until it was due again leaves it
// to the others.
func TestFrozenProcessSendsNothingLate(t *testing.T) {
	r, all := newRig(t), newInbox(t, "all")
	r.tell(t, nil, all)
	id := r.submit(t, submission("k"))
	frozen := *r.Service
	frozen.Store = slowTake{r.Store, func() { r.clock.Add(2 * time.Minute) }}
	if swept, err := frozen.Sweep(t.Context(), year); err != nil || swept.Sent != 0 || all.requests() != 0 {
		t.Errorf("%+v, %v, %d requests", swept, err, all.requests())
	}
	r.sweep(t)
	if got := all.messages(id); !strings.HasPrefix(got, "created") || all.twice() != "" {
		t.Errorf("then %q", got)
	}
}

// A slowTake store takes a notice, and its time to say so.
type slowTake struct {
	backup.Store
	meanwhile func()
}

func (s slowTake) Take(ctx context.Context, n backup.Notice, until time.Time) (bool, error) {
	ours, err := s.Store.Take(ctx, n, until)
	s.meanwhile()
	return ours, err
}

// The cloud may use up the time of a sweep but for its end, which is kept for
// messages; and none is begun that could be cut off.
func TestSweepKeepsTimeForMessages(t *testing.T) {
	r, all := newRig(t), newInbox(t, "all")
	r.tell(t, nil, all)
	id := r.submit(t, submission("k"))
	r.clock.Add(10 * time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	refreshing := time.Time{}
	slow := *r.Service
	slow.Store = deadlineStore{r.Store, &refreshing}
	whole, _ := ctx.Deadline()
	if swept, err := slow.Sweep(ctx, year); err != nil || swept.Sent != 1 || all.messages(id) != "created" {
		t.Errorf("%+v, %v", swept, err)
	}
	if kept := whole.Sub(refreshing); kept != 10*time.Second {
		t.Errorf("the sweep keeps %v", kept)
	}
	r.submit(t, submission("another"))
	short, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if swept, err := r.Sweep(short, year); err != nil || swept.Sent != 0 {
		t.Errorf("with 4 s left: %+v, %v", swept, err)
	}
}

// A deadlineStore notes until when it may be asked what is open.
type deadlineStore struct {
	backup.Store
	until *time.Time
}

func (s deadlineStore) Open(ctx context.Context, after string, limit int) ([]backup.Record, error) {
	*s.until, _ = ctx.Deadline()
	return s.Store.Open(ctx, after, limit)
}

// Whatever is written down to be told wakes whoever may be waiting for it, once.
func TestAnnouncementsAreMadeAtOnce(t *testing.T) {
	r, all := newRig(t), newInbox(t, "all")
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
