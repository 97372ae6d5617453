// Package storetest is what every [backup.Store] must pass.
package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
)

// Start is the time at which the records of the suite begin.
var Start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// Run runs the suite on the stores that open makes, each of which must be
// empty.
func Run(t *testing.T, open func(t *testing.T) backup.Store) {
	for name, test := range map[string]func(*testing.T, backup.Store){
		"a submission is claimed once":               claimedOnce,
		"a claimed record comes back whole":          comesBackWhole,
		"what is kept does not change with the maps": keepsItsOwn,
		"an unknown submission is not found":         unknownIsNotFound,
		"a step's number is taken once":              numberTakenOnce,
		"a step leaves no gap":                       noGap,
		"one of many concurrent appends wins":        oneAppendWins,
		"one of many concurrent claims wins":         oneClaimWins,
		"the newest sight of a job stays":            newestSightStays,
		"lists are newest first, page by page":       pages,
		"lists can be of one principal":              ofOnePrincipal,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Record is the n-th record of the suite: one a second, all of them different.
func Record(n int) backup.Record {
	sub := backup.Submission{
		Door: backup.DoorAPI, Principal: backup.Principal{Issuer: "test", Subject: "alice", Name: "Alice"},
		Key: fmt.Sprintf("key-%d", n), Params: backup.Params{"Account": "demo", "InstanceId": "i-bp1'\";--é漢"},
	}
	created := Start.Add(time.Duration(n) * time.Second)
	return backup.Record{
		Submission: sub, SubmissionID: sub.ID(), Fingerprint: sub.Fingerprint(), JobName: sub.JobName(),
		Complete: sub.Params.WithDefaults(), CreatedAt: created, ExpiresAt: created.Add(time.Hour),
		Last: backup.Step{N: -1},
	}
}

// Step is the n-th step of a log, by owner.
func Step(n int, owner string) backup.Step {
	at := Start.Add(time.Duration(n) * time.Minute)
	return backup.Step{
		N: n, Kind: backup.StepAttempt, Owner: owner, At: at, Until: at.Add(30 * time.Second),
		JobID: "job-1", Code: "Throttling.User", Message: "slow down", RequestID: "R-1",
	}
}

func claimedOnce(t *testing.T, s backup.Store) {
	r := Record(1)
	if !claim(t, s, r) {
		t.Error("first claim: not ours")
	}
	r.Fingerprint = "another"
	if claim(t, s, r) {
		t.Error("second claim: ours")
	}
	if got := find(t, s, r.SubmissionID).Fingerprint; got == "another" {
		t.Error("the second claim changed the record")
	}
}

func comesBackWhole(t *testing.T, s backup.Store) {
	want := Record(1)
	claim(t, s, want)
	if diff := cmp.Diff(want, find(t, s, want.SubmissionID)); diff != "" {
		t.Errorf("before any step (-want +got):\n%s", diff)
	}
	want.Last = Step(0, "o")
	add(t, s, want.SubmissionID, want.Last)
	want.Job = backup.Job{JobID: "job-1", Status: backup.StateRunning, Progress: 4200, BytesTotal: 1 << 40, SeenAt: Start}
	if err := s.See(t.Context(), want.SubmissionID, want.Job); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, find(t, s, want.SubmissionID)); diff != "" {
		t.Errorf("with a step and a job (-want +got):\n%s", diff)
	}
}

func keepsItsOwn(t *testing.T, s backup.Store) {
	r := Record(1)
	claim(t, s, r)
	r.Params["InstanceId"] = "changed"
	got := find(t, s, r.SubmissionID)
	got.Complete["Account"] = "changed"
	if again := find(t, s, r.SubmissionID); again.Params["InstanceId"] == "changed" || again.Complete["Account"] == "changed" {
		t.Error("the store shares its maps with its callers")
	}
}

func unknownIsNotFound(t *testing.T, s backup.Store) {
	if _, err := s.Find(t.Context(), "nobody"); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("Find: got %v, want ErrNotFound", err)
	}
	if _, err := s.Append(t.Context(), "nobody", Step(0, "o")); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("Append: got %v, want ErrNotFound", err)
	}
	if err := s.See(t.Context(), "nobody", backup.Job{}); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("See: got %v, want ErrNotFound", err)
	}
}

func numberTakenOnce(t *testing.T, s backup.Store) {
	r := Record(1)
	claim(t, s, r)
	for _, c := range []struct {
		owner string
		want  bool
	}{{"first", true}, {"second", false}, {"first", true}} {
		if got := add(t, s, r.SubmissionID, Step(0, c.owner)); got != c.want {
			t.Errorf("step 0 by %s: got %v, want %v", c.owner, got, c.want)
		}
	}
	if got := find(t, s, r.SubmissionID).Last.Owner; got != "first" {
		t.Errorf("step 0 is of %q", got)
	}
}

func noGap(t *testing.T, s backup.Store) {
	r := Record(1)
	claim(t, s, r)
	if add(t, s, r.SubmissionID, Step(1, "o")) {
		t.Error("step 1 was taken before step 0")
	}
	add(t, s, r.SubmissionID, Step(0, "o"))
	if !add(t, s, r.SubmissionID, Step(1, "p")) {
		t.Error("step 1 was refused after step 0")
	}
}

func oneAppendWins(t *testing.T, s backup.Store) {
	r := Record(1)
	claim(t, s, r)
	won := race(func(i int) bool { return add(t, s, r.SubmissionID, Step(0, fmt.Sprint(i))) })
	if won != 1 {
		t.Errorf("%d of 64 won step 0", won)
	}
}

func oneClaimWins(t *testing.T, s backup.Store) {
	if won := race(func(int) bool { return claim(t, s, Record(1)) }); won != 1 {
		t.Errorf("%d of 64 claimed the submission", won)
	}
}

func newestSightStays(t *testing.T, s backup.Store) {
	r := Record(1)
	claim(t, s, r)
	for _, seen := range []int{1, 3, 2} {
		job := backup.Job{JobID: "job-1", Progress: seen, SeenAt: Start.Add(time.Duration(seen) * time.Second)}
		if err := s.See(t.Context(), r.SubmissionID, job); err != nil {
			t.Fatal(err)
		}
	}
	if got := find(t, s, r.SubmissionID).Job.Progress; got != 3 {
		t.Errorf("kept the sight of second %d, want 3", got)
	}
}

func pages(t *testing.T, s backup.Store) {
	for n := range 7 {
		r := Record(n)
		r.CreatedAt = Start.Add(time.Duration(n/2) * time.Second) // pairs share a time
		claim(t, s, r)
	}
	var got []backup.Record
	q := backup.Query{Limit: 3}
	for {
		page, err := s.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		last := page[len(page)-1]
		q.Before, q.BeforeID = last.CreatedAt, last.SubmissionID
	}
	if len(got) != 7 {
		t.Fatalf("got %d records over all pages, want 7", len(got))
	}
	for i := 1; i < len(got); i++ {
		if got[i].CreatedAt.After(got[i-1].CreatedAt) || got[i].SubmissionID == got[i-1].SubmissionID {
			t.Errorf("record %d is out of order, or there twice", i)
		}
	}
}

func ofOnePrincipal(t *testing.T, s backup.Store) {
	claim(t, s, Record(1))
	other := Record(2)
	other.Principal.Subject = "bob"
	claim(t, s, other)
	got, err := s.List(t.Context(), backup.Query{Principal: other.Principal.ID(), Limit: 10})
	if err != nil || len(got) != 1 || got[0].Principal.Subject != "bob" {
		t.Errorf("got %d records (error %v), want bob's one", len(got), err)
	}
}

// race calls f 64 times at once and counts how often it reported true.
func race(f func(i int) bool) int {
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			if f(i) {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	return int(won.Load())
}

func claim(t *testing.T, s backup.Store, r backup.Record) bool {
	t.Helper()
	ours, err := s.Claim(t.Context(), r)
	if err != nil {
		t.Errorf("Claim: %v", err)
	}
	return ours
}

func add(t *testing.T, s backup.Store, id string, step backup.Step) bool {
	t.Helper()
	ours, err := s.Append(t.Context(), id, step)
	if err != nil {
		t.Errorf("Append: %v", err)
	}
	return ours
}

func find(t *testing.T, s backup.Store, id string) backup.Record {
	t.Helper()
	r, err := s.Find(t.Context(), id)
	if err != nil {
		t.Errorf("Find: %v", err)
	}
	return r
}
