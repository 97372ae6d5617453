package emulator

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCancelStopsAJobAfterAMoment(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		after                time.Duration // since the job was made
		progress, started    string
		stopping, completeAt time.Duration
	}{
		{"before it runs", time.Second, "0", "0", time.Second, 3 * time.Second},
		{"half way", 11 * time.Second, "5000", "1767323047", time.Second, 13 * time.Second},
		{"just before its end", 19 * time.Second, "9444", "1767323047", time.Second, 21 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			id := f.create(t, portal, instanceOrder())
			f.clock.advance(tt.after)
			if a := f.call(t, portal, "CancelBackupJob", params{"JobId": id}); a.status != 200 || a.body["Success"] != true || a.code() != "200" {
				t.Fatalf("got %d %v", a.status, a.body)
			}
			f.clock.advance(tt.stopping)
			j := f.list(t, portal, nil)[0]
			if j["Status"] != "CANCELING" || str(j["Progress"]) != tt.progress || str(j["CompleteTime"]) != "0" {
				t.Errorf("got %v %v %v", j["Status"], j["Progress"], j["CompleteTime"])
			}
			// Again is no mistake, and changes nothing.
			if a := f.call(t, portal, "CancelBackupJob", params{"JobId": id}); a.status != 200 {
				t.Errorf("the second time: %d %s", a.status, a.code())
			}
			f.clock.advance(time.Hour)
			j = f.list(t, portal, nil)[0]
			end := str(1767323045 + int(tt.completeAt.Seconds()))
			if j["Status"] != "CANCELED" || str(j["Progress"]) != tt.progress || str(j["CompleteTime"]) != end || str(j["StartTime"]) != tt.started {
				t.Errorf("got %v %v, started %v, ended %v", j["Status"], j["Progress"], j["StartTime"], j["CompleteTime"])
			}
		})
	}
}

func TestCancelRefuses(t *testing.T) {
	f := newFixture(t)
	ended := f.create(t, portal, fileOrder())
	f.clock.advance(time.Minute)
	running := f.create(t, portal, fileOrder())
	role := f.assume(t, portal, nil)
	for _, tt := range []struct {
		name   string
		who    keys
		p      params
		status int
		code   string
	}{
		{"no job", portal, nil, 400, "MissingJobId"},
		{"a job that does not exist", portal, params{"JobId": "job-000nothing"}, 404, "ResourceNotFound"},
		{"a job of another account", role, params{"JobId": running}, 404, "ResourceNotFound"},
		{"a job of another region", portal, params{"JobId": running, "RegionId": "cn-shanghai"}, 404, "ResourceNotFound"},
		{"a job of another vault", portal, params{"JobId": running, "VaultId": "v-0001demovault02"}, 404, "ResourceNotFound"},
		{"an edition that does not exist", portal, params{"JobId": running, "Edition": "GOLD"}, 400, "InvalidParameter"},
		{"a job that has ended", portal, params{"JobId": ended}, 400, "BadRequest"},
		{"nothing to object to", portal, params{"JobId": running, "VaultId": "v-0001demovault01", "Edition": "STANDARD"}, 200, "200"},
	} {
		if a := f.call(t, tt.who, "CancelBackupJob", tt.p); a.status != tt.status || a.code() != tt.code {
			t.Errorf("%s: got %d %s", tt.name, a.status, a.code())
		}
	}
	f.clock.advance(time.Minute)
	if got := f.list(t, portal, params{"Filters.1.Key": "JobId", "Filters.1.Values.1": running})[0]["Status"]; got != "CANCELED" {
		t.Errorf("the job is %v", got)
	}
}

// Whenever it is canceled, a job never goes back, stands still from then on, and
// is CANCELED in the end; one that has ended stays what it is.
func TestCanceledJobStandsStill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := engine{}
		o := &order{params: params{"SourceType": rapid.SampledFrom([]string{"UDM_ECS", "ECS_FILE"}).Draw(t, "type")}, caller: &Account{ID: "1"}}
		o.source.bytes = rapid.Int64Range(1, 1<<45).Draw(t, "bytes")
		k := &call{at: time.Unix(1767323045, 0), caller: identity{account: o.caller}}
		duration := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "duration"))
		id := e.start(k, o, plan{duration: duration, outcome: outcome{status: rapid.SampledFrom(Outcomes).Draw(t, "outcome")}})
		moment := k.at.Add(time.Duration(rapid.Int64Range(0, 2*int64(duration)).Draw(t, "when")))
		before := e.all()[0].schedule.at(moment)
		if got, want := e.cancel(id, moment), !before.over(); got != want {
			t.Fatalf("canceled: %v at %+v", got, before)
		}
		for _, later := range []time.Duration{0, time.Second, time.Hour, 24 * time.Hour} {
			st := e.all()[0].schedule.at(moment.Add(later))
			if st.progress != before.progress || st.done != before.done {
				t.Fatalf("from %+v to %+v", before, st)
			}
		}
		last := e.all()[0].schedule.at(moment.Add(24 * time.Hour)).status
		if before.over() && last != before.status || !before.over() && last != "CANCELED" {
			t.Fatalf("from %s to %s", before.status, last)
		}
	})
}
