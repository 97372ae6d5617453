package backup_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// expectDaily expects backups of instances of account demo every two hours.
func expectDaily(instances ...string) *backup.Expectations {
	return &backup.Expectations{All: []backup.Expectation{{
		Name: "web", Team: "everybody", Account: "demo", Region: "cn-hangzhou", Instances: instances, Every: 2 * time.Hour,
	}}}
}

// sweepAgain sweeps and checks the expectations, although no time has passed since the last check. The cloud
// refuses signatures if the clock of the test is 15 minutes ahead.
func (r *fixture) sweepAgain(t testing.TB) {
	t.Helper()
	r.Expectations = &backup.Expectations{All: r.Expectations.All}
	r.sweep(t)
}

// openGaps returns the resources of the open gaps.
func (r *fixture) openGaps(t testing.TB) string {
	t.Helper()
	open, err := r.Store.OpenGaps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, g := range open {
		ids = append(ids, g.Resource)
	}
	return strings.Join(ids, " ")
}

func TestMissingBackupIsToldOnceAndTakenBack(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r, all := newFixtureOn(t, url), newInbox(t, "all")
		r.notify(t, []backup.Event{backup.EventMissing}, all)
		r.Expectations = expectDaily("i-bp1demoweb01")
		check := func(when, told, open string) {
			t.Helper()
			if got := all.messages(""); got != told {
				t.Errorf("%s: told %q, want %q", when, got, told)
			}
			if got := r.openGaps(t); got != open {
				t.Errorf("%s: open %q, want %q", when, got, open)
			}
		}
		r.sweep(t)
		check("no backup at all", "missing", "i-bp1demoweb01")
		r.sweepAgain(t)
		other := *r.Service // another process, which has checked nothing yet
		other.Expectations = expectDaily("i-bp1demoweb01")
		if _, err := other.Sweep(t.Context(), year); err != nil {
			t.Fatal(err)
		}
		check("the second check", "missing", "i-bp1demoweb01")

		r.submit(t, endingSubmission("k", "COMPLETE"))
		r.clock.Add(time.Minute)
		r.sweepAgain(t)
		check("a backup", "missing mended", "")
		r.sweepAgain(t)
		check("the check after it", "missing mended", "")

		ahead := 3 * time.Hour // the portal's clock is ahead by this time; the cloud accepts no such signatures
		now := r.Now
		r.Now = func() time.Time { return now().Add(ahead) }
		r.sweepAgain(t)
		check("the backup is too old", "missing mended missing", "i-bp1demoweb01")
		open, err := r.Store.OpenGaps(t.Context())
		if err != nil || len(open) != 1 || open[0].LastGood.IsZero() || open[0].LastGood.After(now()) {
			t.Errorf("the last good backup: %+v, %v", open, err)
		}
		if id := all.duplicate(); id != "" {
			t.Errorf("message %s came twice", id)
		}
	})
}

// TestExpectationLooksAtTheCloud proves that a complete backup fulfils an expectation also if it was not made by
// the portal.
func TestExpectationLooksAtTheCloud(t *testing.T) {
	for status, open := range map[string]string{"COMPLETE": "", "FAILED": "i-bp1demoweb01", "RUNNING": "i-bp1demoweb01"} {
		t.Run(status, func(t *testing.T) {
			r := newFixture(t)
			r.Expectations = expectDaily("i-bp1demoweb01")
			account, _ := r.Policy.Account("demo")
			name := "emulator.5s." + status
			if status == "RUNNING" {
				name = "emulator.10h.COMPLETE"
			}
			_, err := r.Cloud.CreateBackupJob(t.Context(), backup.Call{
				Target: backup.Target{Account: account, Region: "cn-hangzhou"},
				Params: param.Params{
					"SourceType": "UDM_ECS", "InstanceId": "i-bp1demoweb01", "Retention": "7", "JobName": name, "BackupType": "COMPLETE",
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			r.clock.Add(time.Minute)
			r.sweep(t)
			if got := r.openGaps(t); got != open {
				t.Errorf("open gaps %q, want %q", got, open)
			}
		})
	}
}

// TestExpectationIsUnchangedWhileTheCloudFails proves that no gap is opened or closed if the cloud does not
// answer, and that one process asks the cloud at most every five minutes.
func TestExpectationIsUnchangedWhileTheCloudFails(t *testing.T) {
	r := newFixture(t)
	var log bytes.Buffer
	r.Log = slog.New(slog.NewTextHandler(&log, nil))
	r.Expectations = expectDaily("i-bp1demoweb01")
	const fails, line = "DescribeUdmSnapshots: 500 forever", "looking for expected backups"
	r.fail(t, fails)
	r.sweep(t)
	r.sweep(t)
	if got := r.openGaps(t); got != "" || strings.Count(log.String(), line) != 1 {
		t.Errorf("open gaps %q, log %s", got, &log)
	}
	r.clock.Add(5 * time.Minute)
	r.sweep(t)
	if strings.Count(log.String(), line) != 2 {
		t.Errorf("after five minutes: log %s", &log)
	}
	r.fail(t, "")
	r.sweepAgain(t)
	r.fail(t, fails)
	r.submit(t, endingSubmission("k", "COMPLETE"))
	r.clock.Add(time.Minute)
	r.sweepAgain(t)
	if got := r.openGaps(t); got != "i-bp1demoweb01" {
		t.Errorf("open gaps %q", got)
	}
}

// TestExpectationByTags proves that an expectation with tags covers exactly the instances of the region that have
// all tags. A gap ends without a message if the policy no longer has its instance or its expectation.
func TestExpectationByTags(t *testing.T) {
	r, all := newFixture(t), newInbox(t, "all")
	r.notify(t, nil, all)
	account, _ := r.Policy.Account("demo")
	listed, err := r.Cloud.List(t.Context(), backup.Target{Account: account, Region: "cn-hangzhou"}, backup.CandidateQuery{Kind: backup.Instances})
	if err != nil {
		t.Fatal(err)
	}
	var key, value, want string
	for _, c := range listed.Items {
		for key, value = range c.Tags {
			break
		}
	}
	var ids []string
	for _, c := range listed.Items {
		if c.Tags[key] == value && key != "" {
			ids = append(ids, c.ID)
		}
	}
	if want = strings.Join(ids, " "); want == "" || len(ids) == len(listed.Items) {
		t.Fatalf("the demo world has no tag of some instances: %q", want)
	}
	r.Expectations = &backup.Expectations{All: []backup.Expectation{{
		Name: "tagged", Account: "demo", Region: "cn-hangzhou", Tags: map[string]string{key: value}, Every: 2 * time.Hour,
	}}}
	r.sweep(t)
	if got := r.openGaps(t); len(strings.Fields(got)) != len(ids) {
		t.Errorf("open gaps %q, want %q", got, want)
	}
	told := all.messages("")
	r.Expectations = &backup.Expectations{}
	r.sweepAgain(t)
	if got := r.openGaps(t); got != "" || all.messages("") != told {
		t.Errorf("open gaps %q, told %q after %q", got, all.messages(""), told)
	}
}

// A swept keeps the figures of the last sweep.
type swept struct {
	countingMeter
	last backup.Figures
}

// Swept implements [backup.Meter].
func (s *swept) Swept(f backup.Figures) { s.last = f }

func TestFiguresHaveMissingBackupsAndUnknownOutcomes(t *testing.T) {
	r, meter := newFixture(t), &swept{countingMeter: countingMeter{}}
	r.Meter = meter
	r.Expectations = expectDaily("i-bp1demoweb01", "i-bp1demoweb02")
	r.fail(t, "CreateBackupJob: drop")
	if answer, err := r.Submit(context.Background(), submission("lost")); err != nil || answer.Status != backup.StateUnknown {
		t.Fatalf("%v, %v", answer.Status, err)
	}
	r.clock.Add(time.Minute)
	r.fail(t, "DescribeBackupJobs2: 500 forever")
	r.sweep(t)
	f := meter.last
	if len(f.Missing) != 1 || f.Missing[0] != (backup.Missing{Expectation: "web", Count: 2}) {
		t.Errorf("missing %v", f.Missing)
	}
	if f.Open != 1 || f.Unknown != 1 || f.UnknownSince.IsZero() || !f.UnknownSince.Before(f.At) {
		t.Errorf("figures %+v", f)
	}
}
