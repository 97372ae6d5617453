package aliyun_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
)

// TestCancelClassification proves that CancelBackupJob sends the job's id, and the vault's id
// if the job has a vault. The result is ErrUnknownOutcome if the response does not show whether
// the job was cancelled.
func TestCancelClassification(t *testing.T) {
	const accepted = `{"Code":"200","Message":"successful","RequestId":"R-1","Success":true}`
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		vault  string
		want   error
	}{
		"accepted":      {answer(200, accepted), "", nil},
		"of a vault":    {answer(200, accepted), "v-1", nil},
		"ended":         {refusal(400, `"BadRequest"`), "", backup.ErrRefused},
		"no permission": {refusal(403, `"NoPermission"`), "", backup.ErrRefused},
		"not found":     {refusal(200, `"ResourceNotFound"`), "", backup.ErrRefused},
		"throttled":     {refusal(400, `"Throttling.User"`), "", backup.ErrThrottled},
		"server error":  {refusal(500, `"InternalError"`), "", backup.ErrUnknownOutcome},
		"half an answer": {func(w http.ResponseWriter, _ *http.Request) {
			dropConnection(w, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
		}, "", backup.ErrUnknownOutcome},
		"success, no word": {answer(200, `{}`), "", backup.ErrUnknownOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			server := newCloud(t, map[string]http.HandlerFunc{"CancelBackupJob": c.answer})
			err := clientOf(t, server.URL).CancelBackupJob(t.Context(), instanceCall().Target, "job-1", c.vault)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || server.count("") != 1 {
				t.Errorf("got %v after %d calls", err, server.count(""))
			}
			if call := server.call(t, 0); call.Get("JobId") != "job-1" || call.Get("VaultId") != c.vault || call.Has("VaultId") != (c.vault != "") {
				t.Errorf("sent %v", call)
			}
		})
	}
}

func TestDescribeUdmSnapshots(t *testing.T) {
	job := backup.Job{JobID: "job-2", CreatedTime: time.Unix(1767323045, 0)}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   backup.Consistency
		err    error
	}{
		"lowered": {answer(200, `{"Code":"200","Success":true,"TotalCount":2,"Snapshots":[
			{"JobId":"job-1","ActualBytes":"1","Detail":{"ConsistentLevel":"APPLICATION"}},
			{"JobId":"job-2","Retention":7,"Detail":{"ConsistentLevel":"CRASH","DowngradeReason":"HBR.No\u202eRamRoleBound","DiskIdList":["d-1"]}}]}`),
			backup.Consistency{ConsistentLevel: "CRASH", DowngradeReason: "HBR.No\ufffdRamRoleBound"}, nil},
		"not there yet": {answer(200, `{"Code":"200","Success":true,"TotalCount":0,"Snapshots":[]}`), backup.Consistency{}, nil},
		"no list":       {answer(200, `{"Code":"200","Success":true}`), backup.Consistency{}, nil},
		"no JSON list":  {answer(200, `{"Code":"200","Success":true,"Snapshots":"none"}`), backup.Consistency{}, backup.ErrUnknownOutcome},
		"refused":       {refusal(403, `"NoPermission"`), backup.Consistency{}, backup.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			server := newCloud(t, map[string]http.HandlerFunc{"DescribeUdmSnapshots": c.answer})
			got, err := clientOf(t, server.URL).DescribeUdmSnapshots(t.Context(), instanceCall().Target, job)
			if diff := cmp.Diff(c.want, got); diff != "" || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("got %v (-want +got):\n%s", err, diff)
			}
			call := server.call(t, 0)
			for parameter, want := range map[string]string{"SourceType": "UDM_ECS", "JobId": "job-2", "UdmRegionId": instanceCall().Target.Region, "StartTime": "1767319445"} {
				if call.Get(parameter) != want {
					t.Errorf("%s=%s, want %s", parameter, call.Get(parameter), want)
				}
			}
		})
	}
}
