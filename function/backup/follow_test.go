package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

func TestFollowEndsAtTerminalStateOrTimeout(t *testing.T) {
	for _, c := range []struct {
		name string
		long time.Duration
		want backup.Outcome
	}{
		{"", 50 * time.Second, backup.OutcomeSucceeded},
		{".PARTIAL_COMPLETE", 50 * time.Second, backup.OutcomePartial},
		{".FAILED.EcsClientError", 50 * time.Second, backup.OutcomeFailed},
		{".CANCELED", 50 * time.Second, backup.OutcomeCancelled},
		{".UNKNOWN", 50 * time.Second, backup.OutcomeRunning}, // UNKNOWN as a status that the cloud reports, not as the portal's state
		{"", 20 * time.Second, backup.OutcomeRunning},
		{"", 0, backup.OutcomeRunning},
	} {
		r := newFixture(t)
		sub := submission("k")
		sub.Params["JobName"] = "emulator.40s" + c.name
		answer, err := r.Submit(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		began := r.Now()
		got, err := r.Follow(t.Context(), sub.Principal, answer.SubmissionID, c.long)
		took := r.Now().Sub(began)
		if outcome := got.State(r.Now()).Outcome(); c.name != ".UNKNOWN" && outcome != c.want || err != nil {
			t.Errorf("%q for %v: %s after %v, %v", c.name, c.long, outcome, took, err)
		}
		if took > c.long || c.want == backup.OutcomeRunning && c.name == "" && took != c.long {
			t.Errorf("%q for %v: it took %v", c.name, c.long, took)
		}
		if most := int(took/(5*time.Second)) + 1; r.lists() > most {
			t.Errorf("%q for %v: %d questions to the cloud, want %d at most", c.name, c.long, r.lists(), most)
		}
	}
}

// TestFollowResolvesLostAnswer proves that Follow (wait for the end of a backup) also works if
// the cloud's answer was lost. It returns as soon as the job was found and has ended.
func TestFollowResolvesLostAnswer(t *testing.T) {
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop-after")
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Add(30 * time.Second)
	got, err := r.Follow(t.Context(), bob, answer.SubmissionID, 50*time.Second)
	if err != nil || got.State(r.Now()).Outcome() != backup.OutcomeSucceeded || r.sends() != 1 {
		t.Errorf("%s, %v, %d sends", got.State(r.Now()), err, r.sends())
	}
}

// TestFollowEndsWithContext proves that Follow returns the last record without an error when its
// context ends.
func TestFollowEndsWithContext(t *testing.T) {
	r := newFixture(t)
	id := r.startRunningJob(t, "k", "1h")
	ctx, disconnect := context.WithCancel(t.Context())
	waits := 0
	r.Wait = func(ctx context.Context, d time.Duration) error {
		r.clock.Add(d)
		if waits++; waits == 3 {
			disconnect()
		}
		return ctx.Err()
	}
	got, err := r.Follow(ctx, bob, id, time.Hour)
	if err != nil || got.SubmissionID != id || waits != 3 {
		t.Errorf("got %q, %v, after %d waits", got.SubmissionID, err, waits)
	}
	if _, err := r.Follow(t.Context(), bob, strings.Repeat("a", 26), time.Hour); !errors.Is(err, backup.ErrNotFound) || waits != 3 {
		t.Errorf("no submission: %v", err)
	}
}

// TestConsistencyIsReadAfterCompletion proves that the portal reads the consistency of an
// application-consistent backup after completion, and repeats the read until the consistency is
// known. The portal does not read the consistency of other backups.
func TestConsistencyIsReadAfterCompletion(t *testing.T) {
	r := newFixture(t)
	sub := submission("k")
	sub.Params["InstanceId"] = "i-bp1demodb01"
	sub.Params["Detail.appConsistent"] = "true"
	sub.Params["JobName"] = "emulator.10s"
	answer, err := r.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	plain := r.startRunningJob(t, "l", "40s")
	asked := func() int { return len(r.cloud.Ledger().CallsOf("DescribeUdmSnapshots")) }
	r.fail(t, "DescribeUdmSnapshots: 500")
	refresh := func() backup.Record {
		t.Helper()
		r.clock.Add(6 * time.Second)
		if _, err := r.Refresh(t.Context(), bob, plain); err != nil {
			t.Fatal(err)
		}
		got, err := r.Refresh(t.Context(), bob, answer.SubmissionID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := refresh()
	if got.State(r.Now()) != backup.StateComplete || got.Job.ConsistentLevel != "" || got.IsTerminal(r.Now()) || asked() != 1 {
		t.Fatalf("%s, %+v, %d questions", got.State(r.Now()), got.Job.Consistency, asked())
	}
	want := backup.Consistency{ConsistentLevel: "CRASH", DowngradeReason: "HBR.ScriptNotConfigured"}
	if got = refresh(); got.Job.Consistency != want || !got.IsTerminal(r.Now()) || asked() != 2 {
		t.Errorf("%+v, lives: %v, %d questions", got.Job.Consistency, !got.IsTerminal(r.Now()), asked())
	}
	if got = refresh(); r.record(t, answer.SubmissionID).Job.Consistency != want || asked() != 2 {
		t.Errorf("%+v, %d questions", got.Job.Consistency, asked())
	}
}

// TestMissedConsistencyIsAnnounced proves that receivers are told about a backup that is less consistent than requested, once,
// also if that is known only later, and that it is counted and logged. A backup that is as consistent as requested has no
// such event.
func TestMissedConsistencyIsAnnounced(t *testing.T) {
	for name, late := range map[string]bool{"at once": false, "later": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, inbox, meter := newFixture(t), newInbox(t, "ops"), countingMeter{}
			var log bytes.Buffer
			r.logTo(&log)
			r.notify(t, nil, inbox)
			r.Meter = meter
			ids := map[string]string{}
			for _, instance := range []string{"i-bp1demodb01", "i-bp1demowin01"} {
				sub := endingSubmission(instance, "COMPLETE")
				sub.Params["InstanceId"], sub.Params["Detail.appConsistent"] = instance, "true"
				ids[instance] = r.submit(t, sub)
			}
			if late {
				r.fail(t, "DescribeUdmSnapshots: 500 x2")
			}
			for range 3 {
				r.clock.Add(time.Minute)
				r.sweep(t)
			}
			for instance, want := range map[string]string{"i-bp1demodb01": "consistency_missed created succeeded", "i-bp1demowin01": "created succeeded"} {
				events := strings.Fields(inbox.messages(ids[instance]))
				slices.Sort(events)
				if got := strings.Join(events, " "); got != want {
					t.Errorf("%s: %s, want %s", instance, got, want)
				}
			}
			if n := meter["consistency missed"]; n != 1 || strings.Count(log.String(), "backup less consistent than requested") != 1 {
				t.Errorf("counted %d times; the log is\n%s", n, &log)
			}
			db, win := r.record(t, ids["i-bp1demodb01"]), r.record(t, ids["i-bp1demowin01"])
			if db.ConsistencyState(r.Now()) != backup.ConsistencyMissed || win.ConsistencyState(r.Now()) != backup.ConsistencyReached {
				t.Errorf("%s and %s", db.ConsistencyState(r.Now()), win.ConsistencyState(r.Now()))
			}
		})
	}
}

func TestConsistencyStates(t *testing.T) {
	end := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	record := func(asked bool, status backup.State, level, reason string) backup.Record {
		r := backup.Record{Complete: param.Params{"Detail.appConsistent": fmt.Sprint(asked)}, Last: backup.Step{Kind: backup.StepCreated, JobID: "job-1"}}
		r.Job = backup.Job{JobID: "job-1", Status: status, CompleteTime: end, Consistency: backup.Consistency{ConsistentLevel: level, DowngradeReason: reason}}
		return r
	}
	for _, c := range []struct {
		record backup.Record
		after  time.Duration
		want   backup.ConsistencyState
	}{
		{record(true, backup.StateRunning, "", ""), 0, backup.ConsistencyWaiting},
		{record(true, backup.StateComplete, "", ""), time.Hour - time.Second, backup.ConsistencyWaiting},
		{record(true, backup.StateComplete, "", ""), time.Hour, backup.ConsistencyUnknown},
		{record(true, backup.StatePartialComplete, "CRASH", ""), 0, backup.ConsistencyMissed},
		{record(true, backup.StateComplete, "FILE", "HBR.NoRamRoleBound"), 0, backup.ConsistencyMissed},
		{record(true, backup.StateComplete, "APPLICATION", ""), 2 * time.Hour, backup.ConsistencyReached},
		{record(true, backup.StateFailed, "", ""), 0, ""},
		{record(true, backup.StateCanceled, "", ""), 2 * time.Hour, ""},
		{record(false, backup.StateComplete, "CRASH", ""), 0, ""},
		{record(false, backup.StateRunning, "", ""), 0, ""},
	} {
		if got := c.record.ConsistencyState(end.Add(c.after)); got != c.want {
			t.Errorf("%s, %+v, after %v: %q, want %q", c.record.Job.Status, c.record.Job.Consistency, c.after, got, c.want)
		}
	}
}
