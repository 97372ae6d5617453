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
)

// A crowd is who sweeps and looks at the same time, at jobs that have ended or
// are about to.
type crowd struct {
	Submissions, Sweeps, Watchers int
	Early, Later                  time.Duration // before the first look, and before the second
}

var crowds = rapid.Custom(func(t *rapid.T) crowd {
	return crowd{
		Submissions: rapid.IntRange(1, 3).Draw(t, "submissions"), Sweeps: rapid.IntRange(1, 4).Draw(t, "sweeps"),
		Watchers: rapid.IntRange(0, 4).Draw(t, "watchers"),
		Early:    time.Duration(rapid.IntRange(0, 1).Draw(t, "early")) * time.Second,
		Later:    time.Duration(rapid.SampledFrom([]int{6, 61}).Draw(t, "later")) * time.Second,
	}
})

// Receivers that are told side by side and over again come to one message for
// each turn, whoever sweeps and looks at the same time.
func TestConcurrentSweepsTellOnce(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		newFixture(t).crowds(t, 40)
	})
	onBoth(t, func(t *testing.T, url string) { newFixtureOn(t, url).crowds(t, 8) })
}

// crowds plays the first n examples.
func (r *fixture) crowds(t *testing.T, n int) {
	t.Helper()
	one, other := newInbox(t, "one"), newInbox(t, "other")
	r.tell(t, nil, one, other)
	for seed := range n {
		c := crowds.Example(seed)
		var ids []string
		for i := range c.Submissions {
			ids = append(ids, r.submit(t, ending(fmt.Sprint("k", seed, "-", i), "FAILED")))
		}
		for _, after := range []time.Duration{c.Early, c.Later} {
			r.clock.Add(after)
			r.crowd(t, c, ids)
		}
		for _, b := range []*inbox{one, other} {
			for _, id := range ids {
				if got := b.messages(id); got != "created failed" {
					t.Fatalf("seed %d, %+v: %s was told %q", seed, c, b.name, got)
				}
			}
			if again := b.twice(); again != "" {
				t.Fatalf("seed %d, %+v: %s was told %s twice", seed, c, b.name, again)
			}
		}
		r.clock.Set(time.Now().Round(0)) // the cloud's SDK signs with the machine's clock
	}
}

// crowd sweeps and looks at once, then sweeps.
func (r *fixture) crowd(t *testing.T, c crowd, ids []string) {
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
			r, bad, good := newFixture(t), newInbox(t, "bad"), newInbox(t, "good")
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
	r, stuck, good := newFixture(t), newInbox(t, "stuck"), newInbox(t, "good")
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
	r, bad := newFixture(t), newInbox(t, "bad")
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
	r, late := newFixture(t), newInbox(t, "late")
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
	r, all := newFixture(t), newInbox(t, "all")
	r.tell(t, nil, all)
	id := r.submit(t, submission("k"))
	frozen := *r.Service
	frozen.Store = slowLease{r.Store, func() { r.clock.Add(2 * time.Minute) }}
	if swept, err := frozen.Sweep(t.Context(), year); err != nil || swept.Sent != 0 || all.requests() != 0 {
		t.Errorf("%+v, %v, %d requests", swept, err, all.requests())
	}
	r.sweep(t)
	if got := all.messages(id); !strings.HasPrefix(got, "created") || all.twice() != "" {
		t.Errorf("then %q", got)
	}
}

// A slowLease store takes a notice, and its time to say so.
type slowLease struct {
	backup.Store
	meanwhile func()
}

func (s slowLease) Lease(ctx context.Context, n backup.Notice, until time.Time) (bool, error) {
	ours, err := s.Store.Lease(ctx, n, until)
	s.meanwhile()
	return ours, err
}

// The cloud may use up the time of a sweep but for its end, which is kept for
// messages; and none is begun that could be cut off.
func TestSweepKeepsTimeForMessages(t *testing.T) {
	r, all := newFixture(t), newInbox(t, "all")
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
