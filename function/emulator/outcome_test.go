package emulator

import (
	"strings"
	"testing"
	"time"

	"backupportal/function/emulator/lifecycle"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

func TestOutcomePriority(t *testing.T) {
	tagged := func(w *world.World) {
		w.Accounts[0].Instances[0].Tags = map[string]string{lifecycle.DurationTag: "30s", lifecycle.OutcomeTag: "FAILED:Tagged"}
	}
	both := func(w *world.World) {
		tagged(w)
		w.Accounts[0].Instances[0].JobDuration, w.Accounts[0].Instances[0].JobOutcome = time.Hour, "EXPIRED"
	}
	for _, tt := range []struct {
		name, job       string
		edit            func(*world.World)
		duration        time.Duration // time until the job has completely ended
		status, message string
	}{
		{"the world", "web01", func(w *world.World) { w.JobDuration = time.Minute }, time.Minute, "COMPLETE", ""},
		{"the instance", "web01", func(w *world.World) {
			w.Accounts[0].Instances[0].JobDuration, w.Accounts[0].Instances[0].JobOutcome = 5*time.Second, "EXPIRED"
		}, 5 * time.Second, "EXPIRED", "the job did not end in time"},
		{"a tag before the instance", "web01", both, 30 * time.Second, "FAILED", "Tagged"},
		{"a name before a tag", "web01.emulator.10s.PARTIAL_COMPLETE-k3v9x2", both, 10 * time.Second, "PARTIAL_COMPLETE", "some disks have no snapshot"},
		{"a name as the portal makes it", "web01.emulator.5s.FAILED.EcsClientError-k3v9x2", both, 5 * time.Second, "FAILED", "EcsClientError"},
		{"a name with more behind it", "emulator.10s.COMPLETE-PROD nightly", both, 10 * time.Second, "COMPLETE", ""},
		{"a name of the portal that leaves the end open", "emulator.10s-k3v9x2", tagged, 10 * time.Second, "FAILED", "Tagged"},
		{"a name that leaves the end open", "emulator.10s", tagged, 10 * time.Second, "FAILED", "Tagged"},
		{"a name that leaves the time open", "emulator.COMPLETE", tagged, 30 * time.Second, "COMPLETE", ""},
		{"a code in the name", "a-emulator.1m30s.FAILED.ECS.CreatingSnapshot-x", tagged, 90 * time.Second, "FAILED", "ECS.CreatingSnapshot"},
		{"a word in the name that only looks like it", "theemulator.soon", tagged, 30 * time.Second, "FAILED", "Tagged"},
		{"the word alone", "emulator-test", tagged, 30 * time.Second, "FAILED", "Tagged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.edit)
			f.create(t, portal, with(instanceOrder(), rpc.Params{"JobName": tt.job}))
			if got := f.hbr.JobsSince(time.Time{})[0].Schedule.Duration; got != tt.duration {
				t.Errorf("it takes %v, want %v", got, tt.duration)
			}
			f.clock.advance(tt.duration)
			if j := f.list(t, portal, nil)[0]; j["Status"] != tt.status || j["ErrorMessage"] != tt.message || j["JobName"] != tt.job {
				t.Errorf("%v ended as %v %v", j["JobName"], j["Status"], j["ErrorMessage"])
			}
		})
	}
}

func TestInvalidMarkerIsRefused(t *testing.T) {
	for _, name := range []string{"emulator.soon", "a-emulator.5", "emulator.failed", "emulator.5s.DONE", "emulator.0s",
		"emulator.", "emulator.-5s", "emulator.-5s-k3v9x2", "emulator..5s", "emulator.5s.", "emulator.5s..FAILED", "emulator.5s.6s",
		"emulator.5s-FALED", "emulator.5s-FALED-k3v9x2", "emulator.5s-failed", "emulator.5s-6s", "emulator.5s:FAILED",
		"emulator.5s.FAILED.6s", "emulator.FAILED.COMPLETE", "emulator.FAILED.X.", "emulator.5s-emulator.FAILED", "emulator.é",
	} {
		a := newFixture(t).call(t, portal, "CreateBackupJob", with(instanceOrder(), rpc.Params{"JobName": name}))
		if a.status != 400 || !strings.Contains(a.message(), "marker") {
			t.Errorf("%s: got %d %s", name, a.status, a.message())
		}
	}
}

func TestEachOutcomeInListing(t *testing.T) {
	for _, tt := range []struct {
		status    string
		progress  string
		completed bool
	}{
		{"COMPLETE", "10000", true},
		{"PARTIAL_COMPLETE", "10000", true},
		{"FAILED", "5000", true},
		{"CANCELED", "5000", true},
		{"EXPIRED", "5000", true},
		{"UNAVAILABLE", "5000", true},
		{"VM_UNAVAILABLE", "5000", false},
		{"UNKNOWN", "5000", false},
	} {
		t.Run(tt.status, func(t *testing.T) {
			f := newFixture(t)
			f.create(t, portal, with(fileOrder(), rpc.Params{"JobName": "emulator." + tt.status}))
			f.clock.advance(time.Minute)
			j := f.list(t, portal, nil)[0]
			if j["Status"] != tt.status || str(j["Progress"]) != tt.progress || (str(j["CompleteTime"]) != "0") != tt.completed {
				t.Errorf("got %v %v, ended %v", j["Status"], j["Progress"], j["CompleteTime"])
			}
			if _, report := j["Report"]; report != tt.completed {
				t.Errorf("Report is %v", j["Report"])
			}
		})
	}
	if len(lifecycle.Outcomes) != 8 {
		t.Error("an outcome is not in the table")
	}
}

func TestFileJobReport(t *testing.T) {
	f := newFixture(t)
	f.create(t, portal, with(fileOrder(), rpc.Params{"JobName": "emulator.PARTIAL_COMPLETE", "InstanceId": "i-bp1demodb01"}))
	f.clock.advance(1500 * time.Millisecond)
	if j := f.list(t, portal, nil)[0]; j["Status"] != "QUEUED" || j["ClientId"] != "c-0001demodb01" {
		t.Errorf("it waits as %v for %v", j["Status"], j["ClientId"])
	}
	f.clock.advance(time.Minute)
	j := f.list(t, portal, nil)[0]
	for name, want := range map[string]string{
		"FilesTotal": "12288", "FilesDone": "12042", "ItemsTotal": "13056", "BytesTotal": "6442450944", "BytesDone": "6313601926",
		"Report": "map[FailedFiles:0 ReportTaskStatus:COMPLETE SkippedFiles:246 SuccessFiles:12042 TotalFiles:12288]",
	} {
		if got := str(j[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestImpossibleJobFails(t *testing.T) {
	quiet := func(w *world.World) { w.Accounts[0].Clients[0].HeartbeatAge = 15 * time.Minute }
	for _, tt := range []struct {
		name  string
		edit  func(*world.World)
		order rpc.Params
		want  string
	}{
		{"a client that is silent", quiet, fileOrder(), "no backup client is active on the instance"},
		{"and whatever the name says", quiet, with(fileOrder(), rpc.Params{"JobName": "emulator.COMPLETE"}), "no backup client is active on the instance"},
		{"a vault that is broken", func(*world.World) {}, with(fileOrder(), rpc.Params{"VaultId": "v-0001demovault05"}), "AccessVaultFail"},
		{"an agent that is not there", func(w *world.World) { w.Accounts[0].Clusters[0].Agent = "MISS" }, containerOrder(), "the agent of the cluster is not ready"},
	} {
		f := newFixture(t, tt.edit)
		f.create(t, portal, tt.order)
		f.clock.advance(time.Minute)
		if j := f.list(t, portal, nil)[0]; j["Status"] != "FAILED" || j["ErrorMessage"] != tt.want {
			t.Errorf("%s: got %v %v", tt.name, j["Status"], j["ErrorMessage"])
		}
	}
}
