// Package storetest is the test suite that every [backup.Store] must pass.
//
// [Run] tests submissions, logs, jobs, lists, notices and rejections, [RunLimits] tests limits,
// [RunAudit] tests the audit trail, and [RunDrafts] tests drafts. Each test is one behaviour.
// It gets an empty store, and the tests of a suite run in parallel. [FillHistory] writes a long
// history directly into a database, for tests of speed. [Log] reads a log directly from a
// database, and [Kinds] checks its rules.
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
	"backupportal/function/identity"
	"backupportal/function/param"
)

// Start is the time of the first records of the suite.
var Start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// Lifetime is how long a key of the suite's records is valid.
const Lifetime = time.Hour

// A test tests one behaviour. It gets an empty store.
type test = func(*testing.T, backup.Store)

// Run runs the suite. open returns an empty store for one test.
func Run(t *testing.T, open func(t *testing.T) backup.Store) {
	for _, group := range []map[string]test{logs, keys, lists, ends, notices, rejections, gaps} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, open(t))
			})
		}
	}
}

// logs are the tests of step logs, jobs and the texts of records.
var logs = map[string]test{
	"a record is read as it was written":            recordRoundTrip,
	"the store copies maps":                         mapsAreCopied,
	"an unknown submission is not found":            unknownIsNotFound,
	"a step's number is unique":                     stepNumberIsUnique,
	"a step leaves no gap":                          noGap,
	"no step follows created or refused":            nothingFollowsFinalStep,
	"one of many concurrent appends wins":           oneAppendWins,
	"the best sighting of a job is kept":            bestSightingIsKept,
	"one of many concurrent asks wins":              oneAskWins,
	"the last cancellation is kept":                 lastCancellationIsKept,
	"texts that PostgreSQL cannot store are errors": invalidTexts,
	"SQL in texts has no effect":                    sqlInTexts,
}

// Record returns the n-th record of the suite in the form that Claim needs. The record is created n
// seconds after [Start], and has its own key and no step. Its id is the id of the key's first use.
func Record(n int) backup.Record {
	sub := backup.Submission{
		Door: backup.DoorAPI, Principal: identity.Principal{Issuer: "test", Subject: "alice#1", Name: "Alice"},
		Key: fmt.Sprintf("key-%d", n), Params: param.Params{"Account": "demo", "InstanceId": "i-bp1'\";--é漢"},
	}
	created := Start.Add(time.Duration(n) * time.Second)
	return backup.Record{
		Submission:   sub,
		SubmissionID: sub.ID(),
		Fingerprint:  sub.Fingerprint(),
		JobName:      sub.JobName(),
		Trace:        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 a=b",
		AccountID:    "1000000000000001",
		Access:       backup.AssumeRole,
		Complete:     sub.Params.WithDefaults(),
		CreatedAt:    created,
		ExpiresAt:    created.Add(Lifetime),
		Last:         backup.Step{N: -1},
	}
}

// Step returns step n of a log: an attempt by owner, with every field set.
func Step(n int, owner string) backup.Step {
	at := Start.Add(time.Duration(n) * time.Minute)
	return backup.Step{
		N: n, Kind: backup.StepAttempt, Owner: owner, At: at, Until: at.Add(30 * time.Second),
		JobID: "job-1", Code: "Throttling.User", Message: "slow down", RequestID: "R-1",
	}
}

func recordRoundTrip(t *testing.T, s backup.Store) {
	want := Record(1)
	known := claim(t, s, want)
	want.Key = "" // a store keeps only the hash of the key
	if diff := cmp.Diff(want, known); diff != "" {
		t.Errorf("from Claim (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, find(t, s, want.SubmissionID)); diff != "" {
		t.Errorf("before any step (-want +got):\n%s", diff)
	}
	want.Last = Step(0, "o")
	add(t, s, want.SubmissionID, want.Last)
	want.Job = backup.Job{
		JobID:      "job-1",
		Status:     backup.StateRunning,
		Progress:   4200,
		BytesTotal: 1 << 40,
		SeenAt:     Start,
	}
	want.AskedAt = Start
	if err := s.UpdateJob(t.Context(), want.SubmissionID, want.Job); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, find(t, s, want.SubmissionID)); diff != "" {
		t.Errorf("with a step and a job (-want +got):\n%s", diff)
	}
}

func mapsAreCopied(t *testing.T, s backup.Store) {
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
	ctx := t.Context()
	_, find := s.Find(ctx, "nobody")
	_, odd := s.Find(ctx, "no\x00body")
	_, known := s.Known(ctx, "nobody", Start)
	_, first := s.Append(ctx, "nobody", Step(0, "o"))
	for what, err := range map[string]error{
		"Find": find, "Find, no text": odd, "Known": known, "Append": first,
		"See": s.UpdateJob(ctx, "nobody", backup.Job{}), "End": s.MarkFinal(ctx, "nobody", backup.StateRefused),
	} {
		if !errors.Is(err, backup.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", what, err)
		}
	}
}

func stepNumberIsUnique(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
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
	r := claim(t, s, Record(1))
	if add(t, s, r.SubmissionID, Step(1, "o")) {
		t.Error("step 1 was taken before step 0")
	}
	add(t, s, r.SubmissionID, Step(0, "o"))
	if !add(t, s, r.SubmissionID, Step(1, "p")) {
		t.Error("step 1 was refused after step 0")
	}
}

func nothingFollowsFinalStep(t *testing.T, s backup.Store) {
	for n, kind := range []backup.StepKind{backup.StepCreated, backup.StepRefused} {
		r := claim(t, s, Record(n))
		add(t, s, r.SubmissionID, Step(0, "o"))
		end := Step(1, "o")
		end.Kind = kind
		if !add(t, s, r.SubmissionID, end) {
			t.Errorf("%s was not taken after an attempt", kind)
		}
		if add(t, s, r.SubmissionID, Step(2, "p")) {
			t.Errorf("an attempt was taken after %s", kind)
		}
	}
}

func oneAppendWins(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	won := race(func(i int) bool { return add(t, s, r.SubmissionID, Step(0, fmt.Sprint(i))) })
	if won != 1 {
		t.Errorf("%d of 64 won step 0", won)
	}
}

func bestSightingIsKept(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	for _, seen := range []int{1, 3, 2} {
		job := backup.Job{JobID: "job-1", Progress: seen, SeenAt: Start.Add(time.Duration(seen) * time.Second)}
		if err := s.UpdateJob(t.Context(), r.SubmissionID, job); err != nil {
			t.Fatal(err)
		}
	}
	if got := find(t, s, r.SubmissionID).Job.Progress; got != 3 {
		t.Errorf("kept the sight of second %d, want 3", got)
	}
	// A sighting of an ended job replaces a sighting of a running job, regardless of the time.
	for _, sight := range []struct {
		second, want int
		status       backup.State
	}{
		{2, 2, backup.StateComplete},
		{5, 2, backup.StateRunning},
		{4, 4, backup.StateComplete},
		{3, 4, backup.StateComplete},
	} {
		job := backup.Job{
			JobID:    "job-1",
			Status:   sight.status,
			Progress: sight.second,
			SeenAt:   Start.Add(time.Duration(sight.second) * time.Second),
		}
		if err := s.UpdateJob(t.Context(), r.SubmissionID, job); err != nil {
			t.Fatal(err)
		}
		if got := find(t, s, r.SubmissionID).Job; got.Progress != sight.want || got.Status != backup.StateComplete {
			t.Errorf("after %s of second %d: %s of second %d, want the end of second %d", sight.status, sight.second, got.Status, got.Progress, sight.want)
		}
	}
}

func oneAskWins(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	const interval = 5 * time.Second
	for i, now := range []time.Time{Start, Start.Add(interval)} {
		won := race(func(int) bool {
			may, err := s.StartRefresh(t.Context(), r.SubmissionID, now, interval)
			if err != nil {
				t.Errorf("Contact: %v", err)
			}
			return may
		})
		if won != 1 {
			t.Errorf("round %d: %d of 64 may ask", i, won)
		}
	}
	if may, err := s.StartRefresh(t.Context(), r.SubmissionID, Start.Add(2*interval-time.Millisecond), interval); err != nil || may {
		t.Errorf("a millisecond too early: %v, %v", may, err)
	}
	got := find(t, s, r.SubmissionID)
	if !got.AskedAt.Equal(Start.Add(interval)) || got.Job != (backup.Job{}) {
		t.Errorf("asked at %v, seen %+v", got.AskedAt, got.Job)
	}
	if may, err := s.StartRefresh(t.Context(), "nobody", Start, interval); err != nil || may {
		t.Errorf("about nobody: %v, %v", may, err)
	}
}

func invalidTexts(t *testing.T, s backup.Store) {
	for _, bad := range []string{"a\x00b", "a\xffb"} {
		r := Record(1)
		r.Principal.Name = bad
		if _, _, err := s.Claim(t.Context(), r); err == nil {
			t.Errorf("a name %q was claimed", bad)
		}
		r = claim(t, s, Record(2))
		step := Step(0, "o")
		step.Message = bad
		if _, err := s.Append(t.Context(), r.SubmissionID, step); err == nil {
			t.Errorf("a message %q was appended", bad)
		}
		if n := find(t, s, r.SubmissionID).Last.N; n != -1 {
			t.Errorf("there is a step %d", n)
		}
	}
}

func sqlInTexts(t *testing.T, s backup.Store) {
	const hostile = `'); DROP TABLE submission; -- " \ $1 %s %d ?1 :a`
	r := Record(1)
	r.Principal.Name, r.Params["InstanceId"], r.Params["Account"] = hostile, hostile, hostile
	r = claim(t, s, r)
	step := Step(0, hostile)
	step.Code, step.Message, step.RequestID = hostile, hostile, hostile
	if !add(t, s, r.SubmissionID, step) {
		t.Error("the step was not taken")
	}
	got, err := s.List(t.Context(), backup.Query{Account: hostile, Resource: hostile, Limit: 10})
	if err != nil || len(got) != 1 || got[0].Principal.Name != hostile || got[0].Last.Message != hostile {
		t.Errorf("got %+v, error %v", got, err)
	}
}

// race calls f 64 times at the same time, and returns how often f returned true.
func race(f func(i int) bool) int { return raceOf(64, f) }

// raceOf calls f n times at the same time, and returns how often f returned true.
func raceOf(n int, f func(i int) bool) int {
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if f(i) {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	return int(won.Load())
}

// claim claims r and returns the record that the store returned.
func claim(t *testing.T, s backup.Store, r backup.Record) backup.Record {
	t.Helper()
	known, _, err := s.Claim(t.Context(), r)
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	return known
}

// add appends a step and reports whether this step is stored under its number. It returns false if
// another step has the number, or if the store does not accept the step.
func add(t *testing.T, s backup.Store, id string, step backup.Step) bool {
	t.Helper()
	ours, err := s.Append(t.Context(), id, step)
	if err != nil {
		t.Errorf("Append: %v", err)
	}
	return ours
}

// find returns the record with the given id.
func find(t *testing.T, s backup.Store, id string) backup.Record {
	t.Helper()
	r, err := s.Find(t.Context(), id)
	if err != nil {
		t.Errorf("Find: %v", err)
	}
	return r
}
