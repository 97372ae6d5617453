package emulator

import (
	"testing"
	"time"

	"backupportal/function/emulator/rpc"
)

func TestCancelBackupJob(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		after                time.Duration // time since the creation of the job
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
			if a := f.call(t, portal, "CancelBackupJob", rpc.Params{"JobId": id}); a.status != 200 || a.body["Success"] != true || a.code() != "200" {
				t.Fatalf("got %d %v", a.status, a.body)
			}
			f.clock.advance(tt.stopping)
			j := f.list(t, portal, nil)[0]
			if j["Status"] != "CANCELING" || str(j["Progress"]) != tt.progress || str(j["CompleteTime"]) != "0" {
				t.Errorf("got %v %v %v", j["Status"], j["Progress"], j["CompleteTime"])
			}
			// A second cancellation succeeds and changes nothing.
			if a := f.call(t, portal, "CancelBackupJob", rpc.Params{"JobId": id}); a.status != 200 {
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

func TestCancelBackupJobRefuses(t *testing.T) {
	f := newFixture(t)
	ended := f.create(t, portal, fileOrder())
	f.clock.advance(time.Minute)
	running := f.create(t, portal, fileOrder())
	role := f.assume(t, portal, nil)
	for _, tt := range []struct {
		name   string
		who    keys
		p      rpc.Params
		status int
		code   string
	}{
		{"no job", portal, nil, 400, "MissingJobId"},
		{"a job that does not exist", portal, rpc.Params{"JobId": "job-000nothing"}, 404, "ResourceNotFound"},
		{"a job of another account", role, rpc.Params{"JobId": running}, 404, "ResourceNotFound"},
		{"a job of another region", portal, rpc.Params{"JobId": running, "RegionId": "cn-shanghai"}, 404, "ResourceNotFound"},
		{"a job of another vault", portal, rpc.Params{"JobId": running, "VaultId": "v-0001demovault02"}, 404, "ResourceNotFound"},
		{"an edition that does not exist", portal, rpc.Params{"JobId": running, "Edition": "GOLD"}, 400, "InvalidParameter"},
		{"a job that has ended", portal, rpc.Params{"JobId": ended}, 400, "BadRequest"},
		{"nothing to object to", portal, rpc.Params{"JobId": running, "VaultId": "v-0001demovault01", "Edition": "STANDARD"}, 200, "200"},
	} {
		if a := f.call(t, tt.who, "CancelBackupJob", tt.p); a.status != tt.status || a.code() != tt.code {
			t.Errorf("%s: got %d %s", tt.name, a.status, a.code())
		}
	}
	f.clock.advance(time.Minute)
	if got := f.list(t, portal, rpc.Params{"Filters.1.Key": "JobId", "Filters.1.Values.1": running})[0]["Status"]; got != "CANCELED" {
		t.Errorf("the job is %v", got)
	}
}
