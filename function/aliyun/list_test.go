package aliyun_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// list returns a response of DescribeBackupJobs2 with one page of jobs.
func list(total int, jobs ...string) string {
	return fmt.Sprintf(`{"RequestId":"R-1","Success":true,"Code":"200","Message":"successful","PageNumber":1,"PageSize":50,"TotalCount":%d,"BackupJobs":{"BackupJob":[%s]}}`,
		total, strings.Join(jobs, ","))
}

func described(t *testing.T, handler http.HandlerFunc, filter backup.JobFilter) (*cloud, []backup.Job, error) {
	t.Helper()
	server := newCloud(t, map[string]http.HandlerFunc{"DescribeBackupJobs2": handler})
	jobs, err := clientOf(t, server.URL).DescribeBackupJobs2(t.Context(), instanceCall().Target, filter)
	return server, jobs, err
}

func TestJobMembers(t *testing.T) {
	_, jobs, err := described(t, answer(200, list(2, `{
		"JobId":"job-1","JobName":"web01-k3v9x2","SourceType":"UDM_ECS","BackupType":"COMPLETE","Status":"RUNNING","Progress":4200,
		"InstanceId":"i-bp1a2b3c","CreatedTime":1767323045,"StartTime":"1767323050","UpdatedTime":1767323110,"CompleteTime":0,
		"BytesTotal":9007199254740993,"BytesDone":1,"Speed":512,"ErrorMessage":"a\nb\u202ec","New":{"a":[1,2.5]},"CrossAccountUserId":1589753000000625,
		"Detail":{"DoCopy":true,"DestinationNativeSnapshotStatus":"COMPLETE","DestinationNativeSnapshotErrorMessage":"ECS.CreatingSnapshot",
			"DestinationNativeSnapshotProgress":85,"ConsistentLevel":"CRASH","DowngradeReason":"HBR.NoRamRoleBound","InstanceInfos":{"i-1":{"diskIds":["d-1"]}}}}`,
		`{"JobId":"job-2","Progress":123456,"Status":null,"Detail":null,"Speed":1.5}`)), backup.JobFilter{})
	if err != nil {
		t.Fatal(err)
	}
	want := []backup.Job{{
		JobID: "job-1", JobName: "web01-k3v9x2", SourceType: param.UDMECS, InstanceID: "i-bp1a2b3c", Status: backup.StateRunning,
		ErrorMessage: "a\ufffdb\ufffdc", Progress: 4200, BytesTotal: 9007199254740993, BytesDone: 1, Speed: 512,
		CreatedTime: time.Unix(1767323045, 0), StartTime: time.Unix(1767323050, 0), UpdatedTime: time.Unix(1767323110, 0),
		CopyStatus: "COMPLETE", CopyError: "ECS.CreatingSnapshot", CopyProgress: 85,
	}, {JobID: "job-2", Progress: 10_000}}
	if diff := cmp.Diff(want, jobs); diff != "" {
		t.Errorf("jobs differ (-want +got):\n%s", diff)
	}
}

// TestResponseWithoutListIsAnError proves that a response is an error if it has no list of
// jobs, or an empty list although its TotalCount is above 0. Such a response does not prove
// that there is no job.
func TestResponseWithoutListIsAnError(t *testing.T) {
	const good = `"RequestId":"R-1","Success":true,"Code":"200"`
	for body, want := range map[string]error{
		`{` + good + `}`:                                                  backup.ErrUnknownOutcome,
		`{` + good + `,"BackupJobs":null}`:                                backup.ErrUnknownOutcome,
		`{` + good + `,"TotalCount":1,"BackupJobs":{}}`:                   backup.ErrUnknownOutcome,
		`{` + good + `,"TotalCount":3,"BackupJobs":{"BackupJob":[]}}`:     backup.ErrUnknownOutcome,
		`{` + good + `,"TotalCount":0}`:                                   nil,
		`{` + good + `,"TotalCount":0,"BackupJobs":{"BackupJob":[]}}`:     nil,
		`{` + good + `,"BackupJobs":{"BackupJob":[]}}`:                    nil,
		`{` + good + `,"TotalCount":"0","BackupJobs":{"BackupJob":null}}`: nil,
	} {
		if _, jobs, err := described(t, answer(200, body), backup.JobFilter{}); !errors.Is(err, want) || len(jobs) != 0 {
			t.Errorf("%s: %v, %v, want %v", body, jobs, err, want)
		}
	}
}

func TestJobFilterParameters(t *testing.T) {
	tests := map[string]struct {
		filter backup.JobFilter
		want   map[string]string
	}{
		"none": {backup.JobFilter{}, map[string]string{}},
		"instance since": {
			backup.JobFilter{SourceType: param.UDMECS, InstanceID: "i-bp1a", Since: time.Unix(1767322985, 999)},
			map[string]string{"SourceType": "UDM_ECS",
				"Filters.1.Key": "InstanceId", "Filters.1.Operator": "EQUAL", "Filters.1.Values.1": "i-bp1a",
				"Filters.2.Key": "CreatedTime", "Filters.2.Operator": "GREATER_THAN_OR_EQUAL", "Filters.2.Values.1": "1767322985"},
		},
		"one job": {
			backup.JobFilter{JobIDs: []string{"job-1"}},
			map[string]string{"Filters.1.Key": "JobId", "Filters.1.Operator": "EQUAL", "Filters.1.Values.1": "job-1"},
		},
		"two jobs": {
			backup.JobFilter{JobIDs: []string{"job-1", "job-2"}},
			map[string]string{"Filters.1.Key": "JobId", "Filters.1.Operator": "IN", "Filters.1.Values.1": "job-1", "Filters.1.Values.2": "job-2"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var form url.Values
			_, _, err := described(t, func(w http.ResponseWriter, r *http.Request) {
				form = r.PostForm
				answer(200, list(0))(w, r)
			}, test.filter)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name := range form {
				got[name] = form.Get(name)
			}
			test.want["PageNumber"], test.want["PageSize"] = "1", "50"
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("form differs (-want +got):\n%s", diff)
			}
		})
	}
}

// pages returns a handler that lists the jobs 0 to n-1 in pages and reports total as TotalCount.
func pages(n, total int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.Form.Get("PageNumber"))
		var jobs []string
		for i := (number - 1) * 50; i < min(number*50, n); i++ {
			jobs = append(jobs, fmt.Sprintf(`{"JobId":"job-%d"}`, i))
		}
		answer(200, list(total, jobs...))(w, r)
	}
}

// TestListingReadsAllPages proves that all pages are read even if TotalCount is smaller than
// the number of jobs. If the portal missed a job, it could start that backup a second time.
func TestListingReadsAllPages(t *testing.T) {
	tests := map[string]struct{ n, total, requests int }{
		"nothing":        {0, 0, 1},
		"one page":       {49, 49, 1},
		"one full page":  {50, 50, 2},
		"three pages":    {120, 120, 3},
		"total too low":  {120, 1, 3},
		"total too high": {120, 1000, 4},
		"total missing":  {60, 0, 2},
		"many":           {10_000, 10_000, 201},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server, jobs, err := described(t, pages(test.n, test.total), backup.JobFilter{})
			if err != nil || len(jobs) != test.n || server.count("") != test.requests {
				t.Errorf("%d jobs after %d requests, %v; want %d after %d", len(jobs), server.count(""), err, test.n, test.requests)
			}
		})
	}
}

func TestListingErrors(t *testing.T) {
	first := func(then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Form.Get("PageNumber") == "1" {
				pages(50, 100)(w, r)
				return
			}
			then(w, r)
		}
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"second page fails":   {first(answer(500, `{"Code":"InternalError"}`)), backup.ErrUnknownOutcome},
		"second page refused": {first(refusal(403, `"NoPermission"`)), backup.ErrRefused},
		"second page slow":    {first(refusal(400, `"Throttling"`)), backup.ErrThrottled},
		"truncated":           {answer(200, list(1)[:60]), backup.ErrUnknownOutcome},
		"of another kind":     {answer(200, `{"Code":"200","Success":true,"BackupJobs":[1]}`), backup.ErrUnknownOutcome},
		"without end": {func(w http.ResponseWriter, r *http.Request) {
			pages(1_000_000, 1_000_000)(w, r)
		}, backup.ErrUnknownOutcome},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server, jobs, err := described(t, test.handler, backup.JobFilter{})
			if !errors.Is(err, test.want) || jobs != nil || server.count("") > 250 {
				t.Errorf("%d jobs, error %v after %d requests, want %v", len(jobs), err, server.count(""), test.want)
			}
		})
	}
}

func TestListingRemovesDuplicates(t *testing.T) {
	repeated := func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.Form.Get("PageNumber"))
		jobs := []string{`{"JobId":"job-1"}`, `{"JobId":"job-2"}`, `{"JobName":"without an id"}`}
		if number > 1 {
			jobs = []string{`{"JobId":"job-2"}`, `{"JobId":"job-3"}`}
		}
		answer(200, list(52, jobs...))(w, r)
	}
	_, jobs, err := described(t, repeated, backup.JobFilter{})
	if err != nil || len(jobs) != 3 {
		t.Errorf("%v, %v, want three jobs", jobs, err)
	}
}

func TestListingSessionPolicy(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "DescribeBackupJobs2": pages(120, 120)})
	if _, err := clientOf(t, server.URL).DescribeBackupJobs2(t.Context(), assumedCall().Target, backup.JobFilter{}); err != nil {
		t.Fatal(err)
	}
	if got := server.call(t, 0).Get("Policy"); strings.Contains(got, "CreateBackupJob") || !strings.Contains(got, "hbr:DescribeBackupJobs2") {
		t.Errorf("session policy = %s, want one for reading", got)
	}
	if n := server.count("AssumeRole"); n != 1 {
		t.Errorf("%d sessions for one listing, want 1", n)
	}
}
