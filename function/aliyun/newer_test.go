package aliyun_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// candidatesOf returns the candidates that List reads from a fake operation with this response.
func candidatesOf(t *testing.T, action, body string, q backup.CandidateQuery) (*cloud, backup.Candidates, error) {
	t.Helper()
	server := newCloud(t, map[string]http.HandlerFunc{action: answer(200, body)})
	found, err := clientOf(t, server.URL).List(t.Context(), instanceCall().Target, q)
	return server, found, err
}

func TestVolumesReadResourceInfo(t *testing.T) {
	q := backup.CandidateQuery{Kind: backup.Volumes, ClusterID: "cc-1"}
	server, found, err := candidatesOf(t, "DescribeContainerResource", `{"Success":true,"Code":"200","TotalCount":5,"Resources":[
		{"ClusterId":"cc-1","ResourceId":"v1","ResourceType":"PV","ResourceInfo":"{\"pv_name\":\"nas-1\",\"pv_size\":\"8Gi\",\"storage_class\":\"nas\",\"pvc_name\":\"data\",\"namespace\":\"db\",\"more\":1}"},
		{"ClusterId":"cc-1","ResourceId":"v2","ResourceType":"PV","ResourceInfo":"{\"pv_name\":\"nas-2\"}"},
		{"ClusterId":"cc-1","ResourceId":"v3","ResourceType":"PV","ResourceInfo":"not json"},
		{"ClusterId":"cc-2","ResourceId":"v4","ResourceType":"PV","ResourceInfo":"{}"},
		{"ClusterId":"cc-1","ResourceId":"v5","ResourceType":"NAMESPACE","ResourceInfo":"{}"}]}`, q)
	kind := backup.Attribute{Name: "ResourceType", Value: "PV"}
	want := backup.Candidates{Items: []backup.Candidate{
		{ID: "v1", Name: "db/data", Attributes: []backup.Attribute{kind, {Name: "namespace", Value: "db"}, {Name: "pvc_name", Value: "data"},
			{Name: "pv_name", Value: "nas-1"}, {Name: "pv_size", Value: "8Gi"}, {Name: "storage_class", Value: "nas"}}},
		{ID: "v2", Name: "nas-2", Attributes: []backup.Attribute{kind, {Name: "pv_name", Value: "nas-2"}}},
		{ID: "v3", Attributes: []backup.Attribute{kind}},
	}}
	if diff := cmp.Diff(want, found); diff != "" || err != nil {
		t.Errorf("volumes (-want +got), error %v:\n%s", err, diff)
	}
	if call := server.call(t, 0); call.Get("ClusterId") != "cc-1" || call.Get("ResourceType") != "PV" || call.Get("PageNumber") != "1" {
		t.Errorf("sent %v", call)
	}
	if _, _, err := candidatesOf(t, "DescribeContainerResource", `{"Success":true,"Resources":"none"}`, q); !errors.Is(err, backup.ErrUnknownOutcome) {
		t.Errorf("a list of another form: %v", err)
	}
}

func TestListProtectedResourcesReadsAllPages(t *testing.T) {
	pages := map[string]string{
		"": `{"Success":true,"Code":"200","NextToken":"two","TotalCount":2,"ProtectedResources":[{"ResourceId":"i-1","ResourceRegionId":"cn-hangzhou",
			"ResourceOwnerId":1234567890123456,"SourceType":"ECS_FILE","SnapshotCount":"3","ProtectedDataSize":9007199254740993,"BackupPlanCount":1,"CreatedByProduct":"BASIC"}]}`,
		"two": `{"Success":true,"Code":"200","NextToken":"","ProtectedResources":[{"ResourceId":"i\u202e2"}]}`,
	}
	server := newCloud(t, map[string]http.HandlerFunc{"ListProtectedResources": func(w http.ResponseWriter, r *http.Request) {
		answer(200, pages[r.Form.Get("NextToken")])(w, r)
	}})
	got, err := clientOf(t, server.URL).ListProtectedResources(t.Context(), instanceCall().Target,
		backup.ProtectedQuery{SourceType: param.ECSFile, ResourceID: "i-1"})
	want := []backup.ProtectedResource{{
		ResourceID: "i-1", Region: "cn-hangzhou", OwnerID: "1234567890123456", SourceType: param.ECSFile, CreatedByProduct: "BASIC",
		SnapshotCount: 3, ProtectedDataSize: 9007199254740993, BackupPlanCount: 1,
	}, {ResourceID: "i\ufffd2", OwnerID: "0"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("resources (-want +got), error %v:\n%s", err, diff)
	}
	if call := server.call(t, 0); call.Get("SourceType") != "ECS_FILE" || call.Get("ResourceId") != "i-1" || call.Get("MaxResults") != "100" {
		t.Errorf("sent %v", call)
	}
	// A token that never ends, and a page that cannot be read, are errors and not a part of the
	// list.
	for name, body := range map[string]string{"endless": `{"Success":true,"NextToken":"again"}`, "unreadable": `{"Success":true,"ProtectedResources":{}}`} {
		server := newCloud(t, map[string]http.HandlerFunc{"ListProtectedResources": answer(200, body)})
		got, err := clientOf(t, server.URL).ListProtectedResources(t.Context(), instanceCall().Target, backup.ProtectedQuery{})
		if !errors.Is(err, backup.ErrUnknownOutcome) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestRecoveryPointsHaveExpireTime(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"DescribeUdmSnapshots": answer(200, `{"Success":true,"Code":"200","Snapshots":[
		{"SnapshotId":"s-1","JobId":"job-1","InstanceId":"i-1","SourceType":"UDM_ECS","Status":"COMPLETE","CreatedTime":1767323050,"CompleteTime":1767323350,
		"ExpireTime":"1767928150","Retention":7,"CanBeDeleted":true,"Detail":{"ConsistentLevel":"CRASH","DowngradeReason":"HBR.NoRamRoleBound"}},
		{"SnapshotId":"s-2","ExpireTime":0}]}`)})
	since, until := time.Unix(1767323000, 0), time.Unix(1767324000, 0)
	got, err := clientOf(t, server.URL).RecoveryPoints(t.Context(), instanceCall().Target, backup.SnapshotFilter{InstanceID: "i-1", Since: since, Until: until})
	want := []backup.RecoveryPoint{{
		SnapshotID: "s-1", JobID: "job-1", InstanceID: "i-1", SourceType: param.UDMECS, Status: backup.StateComplete,
		CreatedTime: time.Unix(1767323050, 0), CompleteTime: time.Unix(1767323350, 0), ExpireTime: time.Unix(1767928150, 0),
		Retention: 7, CanBeDeleted: true, Consistency: backup.Consistency{ConsistentLevel: "CRASH", DowngradeReason: "HBR.NoRamRoleBound"},
	}, {SnapshotID: "s-2"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("recovery points (-want +got), error %v:\n%s", err, diff)
	}
	call := server.call(t, 0)
	if call.Get("InstanceId") != "i-1" || call.Has("JobId") || call.Get("StartTime") != "1767323000" || call.Get("EndTime") != "1767324000" {
		t.Errorf("sent %v", call)
	}
}

// TestEditionAndTriggerMode proves two things: CancelBackupJob sends Edition=STANDARD, the
// edition of the jobs that the portal starts; and a listed job has its TriggerMode, which says
// how it was started.
func TestEditionAndTriggerMode(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"CancelBackupJob": answer(200, `{"Success":true,"Code":"200"}`)})
	if err := clientOf(t, server.URL).CancelBackupJob(t.Context(), instanceCall().Target, "job-1", ""); err != nil || server.call(t, 0).Get("Edition") != "STANDARD" {
		t.Errorf("sent %v, error %v", server.call(t, 0), err)
	}
	_, jobs, err := described(t, answer(200, list(1, `{"JobId":"job-1","TriggerMode":"MANUAL"}`)), backup.JobFilter{})
	if err != nil || len(jobs) != 1 || jobs[0].TriggerMode != "MANUAL" {
		t.Errorf("jobs %v, error %v", jobs, err)
	}
}
