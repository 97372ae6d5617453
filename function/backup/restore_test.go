package backup_test

import (
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
)

// TestRecoveryPointIsReadOnce proves that the recovery point of a complete backup is read from
// the cloud once, with its time of expiry, and then stored.
func TestRecoveryPointIsReadOnce(t *testing.T) {
	r := newFixture(t)
	sub := submission("point")
	sub.Params["JobName"] = "emulator.10s" // the emulator ends the job after 10 seconds
	answer, err := r.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	asked := func() int { return len(r.cloud.Ledger().CallsOf("DescribeUdmSnapshots")) }
	running := r.WithPoint(t.Context(), sub.Principal, r.record(t, answer.SubmissionID))
	if running.Job.Point != nil || asked() != 0 || r.RestoreCommands(sub.Principal, running) != nil {
		t.Errorf("a running job has the point %+v after %d requests", running.Job.Point, asked())
	}
	r.clock.Add(20 * time.Second)
	record, err := r.Refresh(t.Context(), sub.Principal, answer.SubmissionID)
	if err != nil || record.State(r.Now()) != backup.StateComplete {
		t.Fatalf("%s: %v", record.State(r.Now()), err)
	}
	r.fail(t, "DescribeUdmSnapshots: 500")
	if got := r.WithPoint(t.Context(), sub.Principal, record); got.Job.Point != nil {
		t.Errorf("after a failure: %+v", got.Job.Point)
	}
	r.fail(t, "")
	got := r.WithPoint(t.Context(), sub.Principal, record).Job.Point
	if got == nil || got.SnapshotID == "" || !got.ExpireTime.Equal(record.Job.CompleteTime.AddDate(0, 0, 7)) {
		t.Fatalf("the point is %+v", got)
	}
	before := asked()
	again := r.WithPoint(t.Context(), sub.Principal, r.record(t, answer.SubmissionID))
	if again.Job.Point == nil || *again.Job.Point != *got || asked() != before {
		t.Errorf("stored: %+v after %d more requests", again.Job.Point, asked()-before)
	}
	commands := r.RestoreCommands(sub.Principal, again)
	if len(commands) != 2 || !strings.Contains(commands[0].Code, "--SnapshotId "+got.SnapshotID) || !strings.HasSuffix(commands[0].Code, "--dryrun\n") ||
		!strings.Contains(commands[1].Code, "--JobId "+record.Last.JobID) {
		t.Errorf("the commands are %q", commands)
	}
}

// TestEarlierDurations proves that the expected duration uses only complete backups of the same
// resource that the reader may view.
func TestEarlierDurations(t *testing.T) {
	r := newFixture(t)
	run := func(key, instance string) backup.Record {
		sub := submission(key)
		sub.Params["InstanceId"], sub.Params["JobName"] = instance, "emulator.10s"
		answer, err := r.Submit(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		r.clock.Add(20 * time.Second)
		record, err := r.Refresh(t.Context(), sub.Principal, answer.SubmissionID)
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	first := run("a", "i-bp1demoweb01")
	run("b", "i-bp1demodb01")
	second := run("c", "i-bp1demoweb01")
	third := run("d", "i-bp1demoweb01")
	who := submission("").Principal
	want := []time.Duration{second.Job.CompleteTime.Sub(second.Job.StartTime), first.Job.CompleteTime.Sub(first.Job.StartTime)}
	if got := r.EarlierDurations(t.Context(), who, third); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := r.EarlierDurations(t.Context(), who, first); got != nil {
		t.Errorf("before the first: %v", got)
	}
	who.Subject, who.Groups = "mallory", nil
	if got := r.EarlierDurations(t.Context(), who, third); got != nil {
		t.Errorf("a person without rights sees %v", got)
	}
}
