package emulator

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestJobGoesWithTheClock(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, portal, with(instanceOrder(), params{"JobName": "web01-k3v9x2"}))
	start := f.clock.Now().Unix()
	for _, step := range []struct {
		after     time.Duration // since the job was made
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
		j := f.list(t, portal, params{"Filters.1.Key": "JobId", "Filters.1.Values.1": id})[0]
		if str(j["Status"]) != step.status || str(j["Progress"]) != step.progress || str(j["BytesTotal"]) != step.total {
			t.Errorf("after %v: %v %v of %v", step.after, j["Status"], j["Progress"], j["BytesTotal"])
		}
		if done := str(j["CompleteTime"]) == str(start+20); done != step.completed {
			t.Errorf("after %v: CompleteTime is %v", step.after, j["CompleteTime"])
		}
	}
}

func TestDurationIsTheWorldsUnlessTheInstanceHasItsOwn(t *testing.T) {
	f := newFixture(t, func(w *World) {
		w.JobDuration = time.Minute
		w.Accounts[0].Instances[1].JobDuration = time.Second
	})
	f.create(t, portal, instanceOrder())
	f.create(t, portal, with(instanceOrder(), params{"InstanceId": "i-bp1demoweb02"}))
	f.clock.advance(time.Second)
	jobs := f.Ledger().Jobs
	if jobs[0].Status != "CREATED" || jobs[1].Status != "COMPLETE" {
		t.Errorf("after a second: %s and %s", jobs[0].Status, jobs[1].Status)
	}
	for _, later := range []time.Duration{time.Second, 57 * time.Second} {
		f.clock.advance(later) // it waits two seconds at most
		if got := f.Ledger().Jobs[0].Status; got != "RUNNING" {
			t.Errorf("at %s: %s", f.clock.Now(), got)
		}
	}
}

func TestFileJobWithoutALivingClientFails(t *testing.T) {
	f := newFixture(t)
	f.create(t, portal, with(fileOrder(), params{"InstanceId": "i-bp1demoweb02"}))
	f.clock.advance(20 * time.Second)
	j := f.list(t, portal, nil)[0]
	if j["Status"] != "FAILED" || j["ErrorMessage"] == "" || str(j["Progress"]) != "5000" {
		t.Errorf("got %v %v %v", j["Status"], j["Progress"], j["ErrorMessage"])
	}
}

func TestCopyGoesOnAfterTheJobIsComplete(t *testing.T) {
	f := newFixture(t)
	f.create(t, portal, with(instanceOrder(), params{
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

// Whatever the duration, a job never goes back, and ends with all of its bytes.
func TestJobOnlyGoesForward(t *testing.T) {
	rank := map[string]int{"CREATED": 0, "RUNNING": 1, "COMPLETE": 2}
	rapid.Check(t, func(t *rapid.T) {
		s := schedule{
			created:  time.Unix(1767323045, 0),
			duration: time.Duration(rapid.Int64Range(0, int64(3*time.Hour)).Draw(t, "duration")),
			bytes:    rapid.Int64Range(1, 1<<45).Draw(t, "bytes"),
		}
		now, before := s.created, s.at(s.created)
		for range 20 {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "step")))
			st := s.at(now)
			if rank[st.status] < rank[before.status] || st.progress < before.progress || st.done < before.done {
				t.Fatalf("from %+v to %+v", before, st)
			}
			if st.done > st.total || st.progress > fullProgress {
				t.Fatalf("too much: %+v", st)
			}
			before = st
		}
		if st := s.at(s.created.Add(s.duration)); st.status != "COMPLETE" || st.done != s.bytes || st.progress != fullProgress {
			t.Fatalf("at its end: %+v", st)
		}
	})
}
