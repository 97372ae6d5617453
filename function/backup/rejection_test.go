package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// countingMeter counts refusals by kind and source.
type countingMeter map[string]int

func (m countingMeter) Rejected(kind, source string)   { m[kind+" "+source]++ }
func (m countingMeter) Submitted(door, outcome string) { m["submitted "+door+" "+outcome]++ }
func (m countingMeter) AttemptEnded(result string)     { m["attempt "+result]++ }
func (m countingMeter) ConsistencyMissed()             { m["consistency missed"]++ }
func (m countingMeter) Swept(backup.Figures)           {}

// rejection returns a rejection of an event with an origin.
func rejection(kind backup.RejectionKind, origin string) backup.Rejection {
	return backup.Rejection{
		Kind: kind, Door: backup.DoorEvent, Sender: identity.Principal{Kind: identity.KindEvent, Subject: "event:timer"},
		Origin: origin, Reason: param.Both("wrong", "错误"),
	}
}

// logged makes r write its log to the returned buffer, and sets the clock to the start of an
// hour.
func (r *fixture) logged() *bytes.Buffer {
	var log bytes.Buffer
	r.Log = slog.New(slog.NewTextHandler(&log, nil))
	r.clock.Set(r.clock.Now().Truncate(time.Hour))
	return &log
}

// rejections returns all rejections, the newest first.
func (r *fixture) rejections(t testing.TB) []backup.Rejection {
	t.Helper()
	all, err := r.Store.ListRejections(t.Context(), backup.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRejectionsAreToldOnceAnHour proves that rejected messages of one kind and source cause
// one row, one log line and one notice in an hour, and that all of them are counted.
func TestRejectionsAreToldOnceAnHour(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r, all := newFixtureOn(t, url), newInbox(t, "all")
		r.notify(t, nil, all)
		log, meter := r.logged(), countingMeter{}
		r.Meter = meter
		for range 5 {
			r.Reject(t.Context(), rejection(backup.RejectedInvalid, "nightly"))
			r.Reject(t.Context(), rejection(backup.RejectedDenied, "nightly"))
			r.Reject(t.Context(), rejection(backup.RejectedInvalid, "weekly"))
			r.clock.Add(10 * time.Minute)
		}
		if n := strings.Count(log.String(), "message rejected"); n != 3 {
			t.Errorf("%d log lines\n%s", n, log)
		}
		if sent := r.sweep(t); sent != 3 {
			t.Errorf("%d messages", sent)
		}
		for _, one := range r.rejections(t) {
			if one.Count != 5 || one.LastAt.Sub(one.FirstAt) != 40*time.Minute {
				t.Errorf("%+v", one)
			}
		}
		r.clock.Add(10 * time.Minute)
		r.Reject(t.Context(), rejection(backup.RejectedInvalid, "nightly"))
		if sent := r.sweep(t); sent != 1 || len(r.rejections(t)) != 4 {
			t.Errorf("in the next hour: %d messages, %d rows", sent, len(r.rejections(t)))
		}
		if meter["invalid event:timer"] != 11 || meter["denied event:timer"] != 5 {
			t.Errorf("counted %v", meter)
		}
	})
}

// TestFloodOfOriginsFillsNothing proves that senders cannot fill the history with many
// different origins, with long texts, or with texts that a database refuses.
func TestFloodOfOriginsFillsNothing(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r := newFixtureOn(t, url)
		log := r.logged()
		const sent = 100
		for n := range sent {
			flood := rejection(backup.RejectedInvalid, fmt.Sprint("a\x00\xff\n", n, strings.Repeat("x", 10_000)))
			flood.Reason = param.Both(strings.Repeat("y", 10_000)+"\x00", strings.Repeat("错", 10_000))
			r.Reject(t.Context(), flood)
		}
		all, total := r.rejections(t), 0
		for _, one := range all {
			total += one.Count
			if len(one.Origin) > 120 || len(one.Reason.En) > 500 || len(one.Reason.Zh) > 500 {
				t.Errorf("long texts: %d, %d, %d bytes", len(one.Origin), len(one.Reason.En), len(one.Reason.Zh))
			}
		}
		if len(all) > 21 || total != sent {
			t.Errorf("%d rows with %d messages", len(all), total)
		}
		if n := strings.Count(log.String(), "message rejected"); n != len(all) {
			t.Errorf("%d log lines for %d rows", n, len(all))
		}
	})
}

// failingRejections is a store that cannot store rejections.
type failingRejections struct{ backup.Store }

func (failingRejections) Reject(context.Context, backup.Rejection, int, []string) (int, error) {
	return 0, errors.New("disk is full")
}

// TestRejectionWithoutStoreIsLogged proves that rejections that cannot be stored are counted in
// the metrics and logged as one warning.
func TestRejectionWithoutStoreIsLogged(t *testing.T) {
	r := newFixture(t)
	log, meter := r.logged(), countingMeter{}
	r.Meter, r.Warned, r.Store = meter, &backup.Hourly{}, failingRejections{r.Store}
	for range 3 {
		r.Reject(t.Context(), rejection(backup.RejectedInvalid, "nightly"))
	}
	if strings.Count(log.String(), "message rejected") != 1 || !strings.Contains(log.String(), "disk is full") || meter["invalid event:timer"] != 3 {
		t.Errorf("counted %v, logged\n%s", meter, log)
	}
}

// TestSweepRemovesOldRejections proves that rejections are removed when they are older than the
// configured retention of the history.
func TestSweepRemovesOldRejections(t *testing.T) {
	r := newFixture(t)
	r.Reject(t.Context(), rejection(backup.RejectedInvalid, "nightly"))
	r.clock.Add(year)
	r.sweep(t)
	if n := len(r.rejections(t)); n != 1 {
		t.Errorf("%d rejections after a year", n)
	}
	r.clock.Add(2 * time.Hour)
	r.sweep(t)
	if n := len(r.rejections(t)); n != 0 {
		t.Errorf("%d rejections after the history", n)
	}
}

// TestHistoryPagesAreComplete proves that paging through the history, forwards and backwards,
// shows each submission and each visible rejection exactly once, in order.
func TestHistoryPagesAreComplete(t *testing.T) {
	r := newFixture(t)
	r.logged()
	viewer := submission("").Principal
	var want []string
	for n := range 12 {
		if n%3 != 0 {
			want = append([]string{r.submit(t, submission(fmt.Sprint("k", n)))}, want...)
		} else {
			r.Reject(t.Context(), rejection(backup.RejectedInvalid, fmt.Sprint("origin-", n)))
			want = append([]string{r.rejections(t)[0].ID}, want...)
		}
		r.clock.Add(time.Second)
		hidden := rejection(backup.RejectedInvalid, fmt.Sprint("hidden-", n))
		hidden.Sender = identity.Principal{Kind: identity.KindSource, Subject: "foreign"}
		if n%2 == 0 {
			r.Policy = noRejections{r.Policy}
			r.Reject(t.Context(), hidden)
		}
		r.clock.Add(time.Second)
	}
	for limit := 1; limit <= 13; limit++ {
		q := backup.Query{Limit: limit, Rejections: true}
		var got []string
		var last *backup.Place
		for range 100 {
			page, err := r.History(t.Context(), viewer, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				got = append(got, e.Place().ID)
				place := e.Place()
				last = &place
			}
			if page.Rest == nil {
				break
			}
			q.Before = page.Rest
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("limit %d: got %v\nwant %v", limit, got, want)
		}
		q = backup.Query{Limit: limit, Rejections: true, After: last}
		back := []string{last.ID}
		for range 100 {
			page, err := r.History(t.Context(), viewer, q)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, e := range page.Entries {
				ids = append(ids, e.Place().ID)
			}
			back = append(ids, back...)
			if page.Rest == nil {
				break
			}
			q.After = page.Rest
		}
		if fmt.Sprint(back) != fmt.Sprint(want) {
			t.Errorf("limit %d, backwards: got %v\nwant %v", limit, back, want)
		}
	}
}

// noRejections is a policy that lets no one view the rejections of the sender "foreign".
type noRejections struct{ backup.Policy }

func (p noRejections) MayViewRejections(who, sender identity.Principal) bool {
	return sender.Subject != "foreign" && p.Policy.MayViewRejections(who, sender)
}
