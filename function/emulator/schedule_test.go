package emulator

import (
	"testing"
	"time"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

func TestJobStateFollowsClock(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, portal, with(instanceOrder(), rpc.Params{"JobName": "web01-k3v9x2"}))
	start := f.clock.Now().Unix()
	for _, step := range []struct {
		after     time.Duration // time since the creation of the job
		status    string
		progress  string
		total     string
		completed bool
	}{
		{0, "CREATED", "0", "0", false},
		{1999 * time.Millisecond, "CREATED", "0", "0", false},
		{2 * time.Second, "RUNNING", "0", "150323855360", false},
		{11 * time.Second, "RUNNING", "5000", "150323855360", false},
		{19 * time.Second, "RUNNING", "9444", "150323855360", false},
		{20 * time.Second, "COMPLETE", "10000", "150323855360", true},
		{time.Hour, "COMPLETE", "10000", "150323855360", true},
	} {
		f.clock.advance(time.Unix(start, 0).Add(step.after).Sub(f.clock.Now()))
		j := f.list(t, portal, rpc.Params{"Filters.1.Key": "JobId", "Filters.1.Values.1": id})[0]
		if str(j["Status"]) != step.status || str(j["Progress"]) != step.progress || str(j["BytesTotal"]) != step.total {
			t.Errorf("after %v: %v %v of %v", step.after, j["Status"], j["Progress"], j["BytesTotal"])
		}
		if done := str(j["CompleteTime"]) == str(start+20); done != step.completed {
			t.Errorf("after %v: CompleteTime is %v", step.after, j["CompleteTime"])
		}
	}
}

func TestInstanceDurationOverridesWorld(t *testing.T) {
	f := newFixture(t, func(w *world.World) {
		w.JobDuration = time.Minute
		w.Accounts[0].Instances[1].JobDuration = time.Second
	})
	f.create(t, portal, instanceOrder())
	f.create(t, portal, with(instanceOrder(), rpc.Params{"InstanceId": "i-bp1demoweb02"}))
	f.clock.advance(time.Second)
	jobs := f.Ledger().Jobs
	if jobs[0].Status != "CREATED" || jobs[1].Status != "COMPLETE" {
		t.Errorf("after a second: %s and %s", jobs[0].Status, jobs[1].Status)
	}
	for _, later := range []time.Duration{time.Second, 57 * time.Second} {
		f.clock.advance(later) // the first job is CREATED for at most two seconds
		if got := f.Ledger().Jobs[0].Status; got != "RUNNING" {
			t.Errorf("at %s: %s", f.clock.Now(), got)
		}
	}
}

func TestFileJobWithoutActiveClientFails(t *testing.T) {
	f := newFixture(t)
	f.create(t, portal, with(fileOrder(), rpc.Params{"InstanceId": "i-bp1demoweb02"}))
	f.clock.advance(20 * time.Second)
	j := f.list(t, portal, nil)[0]
	if j["Status"] != "FAILED" || j["ErrorMessage"] == "" || str(j["Progress"]) != "5000" {
		t.Errorf("got %v %v %v", j["Status"], j["Progress"], j["ErrorMessage"])
	}
}

func TestCopyRunsAfterJobIsComplete(t *testing.T) {
	f := newFixture(t)
	f.create(t, portal, with(instanceOrder(), rpc.Params{
		"Detail": `{"doCopy":true,"destinationRegionId":"cn-shanghai","destinationRetention":30}`}))
	for _, step := range []struct {
		later                    time.Duration
		status, copied, progress string
	}{
		{10 * time.Second, "RUNNING", "", "0"},
		{15 * time.Second, "COMPLETE", "RUNNING", "25"},
		{15 * time.Second, "COMPLETE", "COMPLETE", "100"},
	} {
		f.clock.advance(step.later)
		j := f.list(t, portal, nil)[0]
		d := j["Detail"].(map[string]any)
		if j["Status"] != step.status || d["DestinationNativeSnapshotStatus"] != step.copied ||
			str(d["DestinationNativeSnapshotProgress"]) != step.progress || str(d["DestinationRetention"]) != "30" {
			t.Errorf("got %v, copy %v", j["Status"], d)
		}
	}
}
