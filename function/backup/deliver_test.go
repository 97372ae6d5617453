package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"backupportal/function/backup"
	"backupportal/function/notify"
	"backupportal/function/notify/smtptest"
)

// parallelRun is one random case of TestConcurrentSweepsSendOnce: sweeps and readers that run
// at the same time, and jobs that have ended or will end soon.
type parallelRun struct {
	Submissions, Sweeps, Watchers int
	Early, Later                  time.Duration // time before the first round, and time before the second round
}

var parallelRuns = rapid.Custom(func(t *rapid.T) parallelRun {
	return parallelRun{
		Submissions: rapid.IntRange(1, 3).Draw(t, "submissions"), Sweeps: rapid.IntRange(1, 4).Draw(t, "sweeps"),
		Watchers: rapid.IntRange(0, 4).Draw(t, "watchers"),
		Early:    time.Duration(rapid.IntRange(0, 1).Draw(t, "early")) * time.Second,
		Later:    time.Duration(rapid.SampledFrom([]int{6, 61}).Draw(t, "later")) * time.Second,
	}
})

// TestConcurrentSweepsSendOnce proves that each event is sent to each receiver exactly once,
// although several sweeps (background runs that send notices) and readers run at the same time.
func TestConcurrentSweepsSendOnce(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		newFixture(t).runParallels(t, 40)
	})
	onEachDatabase(t, func(t *testing.T, url string) { newFixtureOn(t, url).runParallels(t, 8) })
}

// runParallels runs n random cases (parallelRun).
func (r *fixture) runParallels(t *testing.T, n int) {
	t.Helper()
	one, other := newInbox(t, "one"), newInbox(t, "other")
	r.notify(t, nil, one, other)
	for seed := range n {
		c := parallelRuns.Example(seed)
		var ids []string
		for i := range c.Submissions {
			ids = append(ids, r.submit(t, endingSubmission(fmt.Sprint("k", seed, "-", i), "FAILED")))
		}
		for _, after := range []time.Duration{c.Early, c.Later} {
			r.clock.Add(after)
			r.runParallel(t, c, ids)
		}
		for _, b := range []*inbox{one, other} {
			for _, id := range ids {
				if got := b.messages(id); got != "created failed" {
					t.Fatalf("seed %d, %+v: %s was told %q", seed, c, b.name, got)
				}
			}
			if again := b.duplicate(); again != "" {
				t.Fatalf("seed %d, %+v: %s was told %s twice", seed, c, b.name, again)
			}
		}
		r.clock.Set(time.Now().Round(0)) // the cloud's SDK signs with the machine's clock
	}
}

// runParallel runs the sweeps and readers of c at the same time, and then one more sweep.
func (r *fixture) runParallel(t *testing.T, c parallelRun, ids []string) {
	t.Helper()
	var all sync.WaitGroup
	for range c.Sweeps {
		all.Go(func() {
			if _, err := r.Sweep(t.Context(), year); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range c.Watchers {
		all.Go(func() {
			if _, err := r.Refresh(t.Context(), submission("").Principal, ids[i%len(ids)]); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r.sweep(t)
}

// failures are HTTP handlers that do not accept a message, by the name of the failure. They are
// for an inbox, the tests' receiver.
var failures = map[string]http.HandlerFunc{
	"500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	"redirect": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/canary/elsewhere", http.StatusFound)
	},
	"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
}

// TestFailingReceiverIsRetried proves that a failing receiver affects neither the backup nor other
// receivers. The portal sends the message to the failing receiver again after increasing delays,
// until the receiver accepts the message.
func TestFailingReceiverIsRetried(t *testing.T) {
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, bad, good := newFixture(t), newInbox(t, "bad"), newInbox(t, "good")
			r.notify(t, []backup.Event{backup.EventSucceeded}, bad, good)
			bad.setFailure(fail)
			id := r.submit(t, endingSubmission("k", "COMPLETE"))
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
					bad.setFailure(nil)
				}
				r.sweep(t)
			}
			if bad.messages(id) != "succeeded" || bad.requests() != 8 || good.requests() != 1 {
				t.Errorf("it took %q after %d requests", bad.messages(id), bad.requests())
			}
		})
	}
}

// TestRefusedMailIsNotRepeated proves that the portal sends an e-mail again after a refusal for now (a code of 400 to
// 499), but not after one for good (500 or more). A refusal for good does not delay the next message.
func TestRefusedMailIsNotRepeated(t *testing.T) {
	for answer, want := range map[string]struct{ first, later, letters int }{
		"451 4.3.0 canary": {first: 1, later: 3, letters: 2}, "550 5.1.1 canary": {first: 2, later: 2},
	} {
		t.Run(answer[:3], func(t *testing.T) {
			t.Parallel()
			r, server := newFixture(t), smtptest.New(t, smtptest.Config{})
			var log bytes.Buffer
			r.logTo(&log)
			sender, err := notify.New(notify.Config{
				Notifications: backup.Notifications{Receivers: []backup.Receiver{{
					Name: "mail", Kind: backup.Email, Events: []backup.Event{backup.EventSucceeded},
					Mail: backup.Mail{Host: "127.0.0.1", Port: server.Port, From: "portal@example.com", To: []string{"ops@example.com"}},
				}}},
				Now: r.clock.Now, Loopback: true, Roots: server.Roots,
			})
			if err != nil {
				t.Fatal(err)
			}
			r.Messenger = sender
			attempts := func() (n int) {
				for _, command := range server.Commands() {
					if strings.HasPrefix(command, "RCPT") {
						n++
					}
				}
				return n
			}
			server.Refuse(func(command string) string {
				if strings.HasPrefix(command, "RCPT") && attempts() <= want.first {
					return answer
				}
				return ""
			})
			r.submit(t, endingSubmission("k1", "COMPLETE"))
			r.submit(t, endingSubmission("k2", "COMPLETE"))
			r.clock.Add(time.Minute)
			r.sweep(t)
			if n := attempts(); n != want.first {
				t.Errorf("%d attempts in the first sweep, want %d", n, want.first)
			}
			for range 3 {
				r.clock.Add(time.Hour)
				r.sweep(t)
			}
			if n := attempts(); n != want.later || len(server.Letters()) != want.letters {
				t.Errorf("%d attempts, want %d; %d letters, want %d", n, want.later, len(server.Letters()), want.letters)
			}
			if given := strings.Count(log.String(), "notice given up"); given != 2-want.letters || strings.Contains(log.String(), "canary") {
				t.Errorf("%d notices given up: %s", given, &log)
			}
		})
	}
}

// TestSlowReceiverDelaysNoOther proves that a receiver that does not answer delays no other
// receiver. The slow receiver of this test answers only after the other receiver has its message.
func TestSlowReceiverDelaysNoOther(t *testing.T) {
	r, stuck, good := newFixture(t), newInbox(t, "stuck"), newInbox(t, "good")
	r.notify(t, nil, stuck, good)
	arrived := make(chan struct{})
	stuck.setFailure(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-arrived:
		case <-req.Context().Done():
			t.Error("the other receiver was not told meanwhile")
		}
		panic(http.ErrAbortHandler)
	})
	good.setFailure(func(http.ResponseWriter, *http.Request) { close(arrived) })
	r.submit(t, submission("k"))
	if sent := r.sweep(t); sent != 1 {
		t.Errorf("%d sent", sent)
	}
}

// TestNoticeIsGivenUpAfterADay proves that the portal stops sending a notice (message about an
// event) that its receiver has not accepted for a day. It logs one line that identifies the
// notice. No log line contains a secret.
func TestNoticeIsGivenUpAfterADay(t *testing.T) {
	r, bad := newFixture(t), newInbox(t, "bad")
	var log bytes.Buffer
	r.Log = slog.New(slog.NewJSONHandler(&log, nil))
	r.notify(t, []backup.Event{backup.EventFailed}, bad)
	bad.setFailure(failures["redirect"])
	id := r.submit(t, endingSubmission("k", "FAILED"))
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

// TestOldNoticesAreNotSent proves that a sweep that runs more than a day after an event sends
// no notice about it, not even to a new receiver.
func TestOldNoticesAreNotSent(t *testing.T) {
	r, late := newFixture(t), newInbox(t, "late")
	r.notify(t, nil, late)
	r.submit(t, submission("k"))
	r.clock.Add(24 * time.Hour)
	r.sweep(t)
	newer := newInbox(t, "newer")
	r.notify(t, nil, late, newer)
	r.sweep(t)
	if late.messages("") != "" || late.requests() != 0 || newer.requests() != 0 {
		t.Errorf("%d and %d messages", late.requests(), newer.requests())
	}
}

// TestFrozenProcessDoesNotSend proves that a process sends nothing if it is frozen between the
// lease of a notice (its exclusive right to send it) and the message until the lease has ended.
// Another process may have sent it by then.
func TestFrozenProcessDoesNotSend(t *testing.T) {
	r, all := newFixture(t), newInbox(t, "all")
	r.notify(t, nil, all)
	id := r.submit(t, submission("k"))
	frozen := *r.Service
	frozen.Store = leaseHookStore{r.Store, func() { r.clock.Add(2 * time.Minute) }}
	if swept, err := frozen.Sweep(t.Context(), year); err != nil || swept.Sent != 0 || all.requests() != 0 {
		t.Errorf("%+v, %v, %d requests", swept, err, all.requests())
	}
	r.sweep(t)
	if got := all.messages(id); !strings.HasPrefix(got, "created") || all.duplicate() != "" {
		t.Errorf("then %q", got)
	}
}

// leaseHookStore is a store that calls meanwhile after each lease, before Lease returns.
type leaseHookStore struct {
	backup.Store
	meanwhile func()
}

func (s leaseHookStore) Lease(ctx context.Context, n backup.Notice, until time.Time) (bool, error) {
	ours, err := s.Store.Lease(ctx, n, until)
	s.meanwhile()
	return ours, err
}

// TestSweepKeepsTimeForMessages proves that the reading part of a sweep has an earlier deadline
// than the sweep, so that time is left for messages. A sweep starts no message if too little time
// is left.
func TestSweepKeepsTimeForMessages(t *testing.T) {
	r, all := newFixture(t), newInbox(t, "all")
	r.notify(t, nil, all)
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

// deadlineStore records the deadline of the context of the last call of Open.
type deadlineStore struct {
	backup.Store
	until *time.Time
}

func (s deadlineStore) Open(ctx context.Context, after string, limit int) ([]backup.Record, error) {
	*s.until, _ = ctx.Deadline()
	return s.Store.Open(ctx, after, limit)
}
