package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/event/runtimetest"
)

// A kind is one backup, in the form in which a person requests it and in the form in which a
// program requests it.
type kind struct {
	name string
	form url.Values
	json string
}

// kinds contains one backup for each source type. Together they use every parameter that the demo
// policy grants.
var kinds = []kind{{
	"UDM_ECS",
	url.Values{
		"Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "Retention": {"15"}, "JobName": {"before-upgrade"},
		"choice.Detail.diskIdList": {"some"}, "Detail.diskIdList": {"d-bp1demoweb01a\r\nd-bp1demoweb01b"}, "Detail.snapshotGroup": {"true"},
		"choice.Detail.appConsistent": {"scripts"}, "Detail.preScriptPath": {"/opt/backup/pre.sh"}, "Detail.postScriptPath": {"/opt/backup/post.sh"},
		"Detail.enableFsFreeze": {"false"}, "Detail.timeoutInSeconds": {"60"},
		"Detail.doCopy": {"true"}, "Detail.destinationRegionId": {"cn-shanghai"}, "Detail.destinationRetention": {"30"},
	},
	`{"Account":"demo","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","Retention":15,"JobName":"before-upgrade",
	"Detail":{"diskIdList":["d-bp1demoweb01a","d-bp1demoweb01b"],"snapshotGroup":true,"appConsistent":true,"preScriptPath":"/opt/backup/pre.sh",
	"postScriptPath":"/opt/backup/post.sh","enableFsFreeze":false,"timeoutInSeconds":60,"doCopy":true,"destinationRegionId":"cn-shanghai","destinationRetention":30}}`,
}, {
	"ECS_FILE",
	url.Values{
		"Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "VaultId": {"v-0001demovault01"}, "Retention": {"30"},
		"Include": {"/home/alice/*.pdf\r\n/srv/a & b"}, "Exclude": {"/srv/tmp"}, "BackupType": {"INCREMENTAL"},
		"choice.SpeedLimit": {"hours"}, "SpeedLimit.0.start": {"9"}, "SpeedLimit.0.end": {"18"}, "SpeedLimit.0.bandwidth": {"20"}, "SpeedLimit.0.unit": {"MB"},
		"SpeedLimit.1.start": {"18"}, "SpeedLimit.1.end": {"22"}, "SpeedLimit.1.bandwidth": {"1,500"}, "SpeedLimit.1.unit": {"KB"},
	},
	`{"Account":"demo","Region":"cn-hangzhou","SourceType":"ECS_FILE","InstanceId":"i-bp1demoweb01","VaultId":"v-0001demovault01","Retention":30,
	"Include":["/home/alice/*.pdf","/srv/a & b"],"Exclude":["/srv/tmp"],"BackupType":"INCREMENTAL","Options":{"UseVSS":false},"SpeedLimit":"9:18:20480|18:22:1500"}`,
}, {
	"CONTAINER",
	url.Values{
		"Account": {"demo"}, "Region": {"cn-hangzhou"}, "ContainerClusterId": {"cc-0001democluster"}, "ClusterId": {"cl-0001democluster"},
		"VaultId": {"v-0001demovault01"}, "Retention": {"7"}, "choice.ContainerResources": {"rows"},
		"ContainerResources.0.namespace": {"database"}, "ContainerResources.0.pvc_name": {"data-0"},
		"ContainerResources.0.resourceId": {"674dac6d-74cd-47e9-a675-09e2f10d2c45"}, "ContainerResources.0.pvPath": {"/"},
	},
	`{"Account":"demo","Region":"cn-hangzhou","SourceType":"CONTAINER","ContainerClusterId":"cc-0001democluster","ClusterId":"cl-0001democluster",
	"VaultId":"v-0001demovault01","Retention":7,"ContainerResources":[{"resourceType":"PV","backupMethod":"FILE",
	"resourceId":"674dac6d-74cd-47e9-a675-09e2f10d2c45","resourceInfo":"{\"pvc_name\":\"data-0\",\"namespace\":\"database\"}","pvPath":"/"}]}`,
}}

// TestEveryDoorMakesTheSameCall proves that the form, the JSON API and an event with the same
// values make the same call of CreateBackupJob, byte for byte.
func TestEveryDoorMakesTheSameCall(t *testing.T) {
	everywhere(t, func(t *testing.T, g *fixture) {
		for _, k := range kinds {
			page := g.submitForm(k.name, k.form)
			if status, body := g.get(page); status != http.StatusOK || !strings.Contains(body, "job-") {
				t.Errorf("%s: the status page: %d", k.name, status)
			}
			res, answer := g.postJSON("/api/v1/backup-jobs", k.json)
			if res.StatusCode != http.StatusCreated || answer["Status"] != "CREATED" || answer["JobId"] == "" {
				t.Errorf("%s: the JSON endpoint: %d, %v", k.name, res.StatusCode, answer)
			}
		}
		calls := g.calls("CreateBackupJob")
		if len(calls) != 2*len(kinds) {
			t.Fatalf("the cloud got %d calls, want %d", len(calls), 2*len(kinds))
		}
		for i, k := range kinds {
			form, json := nameless(calls[2*i].Parameters), nameless(calls[2*i+1].Parameters)
			if diff := cmp.Diff(form, json); diff != "" {
				t.Errorf("%s: the form and the JSON endpoint differ (-form +json):\n%s", k.name, diff)
			}
		}
		g.ahead.Store(int64(time.Hour))
		for _, job := range g.cloud.Ledger().Jobs {
			if job.Status != "COMPLETE" && job.Status != "" {
				t.Errorf("job %s of kind %s is %s after an hour", job.ID, job.SourceType, job.Status)
			}
		}
	})
}

// nameless returns the parameters of a call with the JobName as the caller gave it, without the
// code that the portal appends for each submission.
func nameless(parameters map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range parameters {
		if i := strings.LastIndexByte(value, '-'); name == "JobName" && i > 0 {
			value = value[:i]
		}
		out[name] = value
	}
	return out
}

func TestRawEventIsASubmission(t *testing.T) {
	g := onFC(t, runtimetest.FCTrigger{})
	for _, k := range kinds {
		res := g.fc.Invoke(t.Context(), []byte(k.json))
		if res.Failed() || !strings.Contains(string(res.Body), `"Status":"CREATED"`) {
			t.Errorf("%s: %s %s", k.name, res.Body, res.ErrorMessage)
		}
	}
	if n := len(g.calls("CreateBackupJob")); n != len(kinds) {
		t.Errorf("the cloud got %d calls, want %d", n, len(kinds))
	}
}

func TestInvalidRawEventGetsAProblem(t *testing.T) {
	g := onFC(t, runtimetest.FCTrigger{})
	for event, want := range map[string]string{
		`{"Account":"demo","instanceid":"i-1"}`:                     `"field":"instanceid"`,
		`{"Account":"demo","Account":"payments"}`:                   `"code":"twice"`,
		`{"Account":{"a":7},"Region":"cn-hangzhou"}`:                `"code":"type"`,
		`{"Account":"demo","Region":"cn-hangzhou","Retention":1.5}`: `"code":"integer"`,
	} {
		if res := g.fc.Invoke(t.Context(), []byte(event)); !strings.Contains(string(res.Body), want) {
			t.Errorf("%s: %s %s", event, res.Body, res.ErrorMessage)
		}
	}
	for _, event := range []string{"", `"text"`, `{"Account":`, "[1,2]"} {
		if res := g.fc.Invoke(t.Context(), []byte(event)); !res.Failed() && !strings.Contains(string(res.Body), "rejected") {
			t.Errorf("%q: %s", event, res.Body)
		}
	}
	if n := len(g.cloud.Ledger().Calls); n != 0 {
		t.Errorf("the cloud got %d calls", n)
	}
}

func TestAccountThatTrustsThePortal(t *testing.T) {
	everywhere(t, func(t *testing.T, g *fixture) {
		res, answer := g.postJSON("/api/v1/backup-jobs", `{"Account":"payments","Region":"cn-hangzhou","InstanceId":"i-bp2demopay01","Retention":7}`)
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("status %d: %v", res.StatusCode, answer)
		}
		assumed := g.calls("AssumeRole")
		if len(assumed) == 0 || assumed[0].Parameters["RoleArn"] != "acs:ram::2000000000000002:role/backup-operator" {
			t.Fatalf("AssumeRole: %+v", assumed)
		}
		session := assumed[0].Parameters["RoleSessionName"]
		if !strings.Contains(session, "demo") {
			t.Errorf("the session is called %q, which does not name the principal", session)
		}
		made := g.calls("CreateBackupJob")
		if len(made) != 1 || made[0].Caller.Session != session || made[0].Caller.AccountID != "2000000000000002" || !strings.HasPrefix(made[0].Caller.AccessKeyID, "STS.") {
			t.Errorf("CreateBackupJob was called by %+v", made)
		}
		if made[0].Parameters["CrossAccountType"] != "SELF_ACCOUNT" {
			t.Errorf("CrossAccountType is %q", made[0].Parameters["CrossAccountType"])
		}
	})
}

func TestCrossAccountParameters(t *testing.T) {
	everywhere(t, func(t *testing.T, g *fixture) {
		res, answer := g.postJSON("/api/v1/backup-jobs", `{"Account":"payments-central","Region":"cn-hangzhou","InstanceId":"i-bp2demopay01","Retention":7}`)
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("status %d: %v", res.StatusCode, answer)
		}
		made := g.calls("CreateBackupJob")
		want := map[string]string{"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": "2000000000000002", "CrossAccountRoleName": "hbrcrossrole"}
		for name, value := range want {
			if got := made[0].Parameters[name]; got != value {
				t.Errorf("%s is %q, want %q", name, got, value)
			}
		}
		if made[0].Caller.AccountID != "1000000000000001" || len(g.calls("AssumeRole")) != 0 {
			t.Errorf("the call was made as %+v, after %d AssumeRole", made[0].Caller, len(g.calls("AssumeRole")))
		}
	})
}

func TestRoleThatDoesNotTrustThePortalIsExplained(t *testing.T) {
	g := onFC(t, runtimetest.FCTrigger{})
	page := g.submitForm("UDM_ECS", url.Values{
		"Account": {"locked"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp2demopay01"}, "Retention": {"7"},
	})
	_, body := g.get(page)
	for _, want := range []string{"Refused", "NoPermission", "trust policy"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := len(g.calls("CreateBackupJob")); n != 0 {
		t.Errorf("CreateBackupJob was called %d times", n)
	}
	res, answer := g.postJSON("/api/v1/backup-jobs", `{"Account":"locked","Region":"cn-hangzhou","InstanceId":"i-bp2demopay01","Retention":7}`)
	if res.StatusCode != http.StatusBadGateway || !strings.Contains(answer["detail"].(string), "trust policy") {
		t.Errorf("status %d: %v", res.StatusCode, answer)
	}
}

func TestJobIsFollowedToItsEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, g *fixture) {
		res, _ := g.postJSON("/api/v1/backup-jobs", kinds[0].json)
		job := res.Header.Get("Location")
		page := strings.Replace(job, "/api/v1/backup-jobs/", "/backups/", 1)
		g.ahead.Store(int64(time.Minute))
		if _, body := g.get(page); !strings.Contains(body, "Complete") {
			t.Errorf("the page does not say that the job is complete:\n%s", body)
		}
		if status, body := g.get(job); status != http.StatusOK || !strings.Contains(body, `"Progress":10000`) {
			t.Errorf("status %d: %s", status, body)
		}
	})
}

func TestBadInputReachesNoCloud(t *testing.T) {
	everywhere(t, func(t *testing.T, g *fixture) {
		for name, c := range map[string]struct {
			contentType, body string
			want              int
		}{
			"unknown field":   {"application/json", `{"Account":"demo","Shell":"rm"}`, 422},
			"no JSON":         {"application/json", `{`, 400},
			"257 KB":          {"application/json", `{"JobName":"` + strings.Repeat("x", 257<<10) + `"}`, 413},
			"another type":    {"text/plain", `{}`, 415},
			"a broken escape": {"application/x-www-form-urlencoded", `Retention=%zz`, 415},
		} {
			if res, body := g.do("POST", "/api/v1/backup-jobs", c.contentType, c.body); res.StatusCode != c.want ||
				res.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: status %d, want %d: %s", name, res.StatusCode, c.want, body)
			}
		}
		for name, c := range map[string]struct {
			body string
			want int
		}{
			"a broken escape": {`Retention=%zz`, 400},
			"257 KB":          {"JobName=" + strings.Repeat("x", 257<<10), 413},
		} {
			if res, body := g.do("POST", "/backups/preview", "application/x-www-form-urlencoded", c.body); res.StatusCode != c.want || !strings.Contains(body, "<h1") {
				t.Errorf("form, %s: status %d, want %d: %s", name, res.StatusCode, c.want, body)
			}
		}
		if calls := g.cloud.Ledger().Calls; len(calls) != 0 {
			t.Errorf("the cloud got %v", calls)
		}
	})
}

func TestUnreadableEventNamesThePosition(t *testing.T) {
	g := onFC(t, runtimetest.FCTrigger{})
	const event = `{"version":"v1","rawPath":%s,"headers":{"Accept":%q},"body":%s,"isBase64Encoded":true,"requestContext":{"http":{"method":"POST"}}}`
	for name, c := range map[string]struct{ path, accept, body, want string }{
		"bad base64, by a program": {`"/api/v1/backup-jobs"`, "application/json", `"!!!"`, "is base64, but the body is not valid base64"},
		"bad base64, in a browser": {`"/backups"`, "text/html", `"!!!"`, "is base64, but the body is not valid base64"},
		"a path that is none":      {`"backups"`, "text/html", `""`, "rawPath"},
		"a body of another type":   {`"/backups"`, "text/html", `7`, "wrong type"},
	} {
		res := g.fc.Invoke(t.Context(), fmt.Appendf(nil, event, c.path, c.accept, c.body))
		var answer struct {
			StatusCode int
			Body       string
		}
		if err := json.Unmarshal(res.Body, &answer); err != nil || answer.StatusCode != 400 || !strings.Contains(answer.Body, c.want) {
			t.Errorf("%s: %s %s", name, res.Body, res.ErrorMessage)
		}
		if c.accept == "text/html" && !strings.Contains(answer.Body, "/static/portal.") {
			t.Errorf("%s: the page is bare: %s", name, answer.Body)
		}
	}
	if calls := g.cloud.Ledger().Calls; len(calls) != 0 {
		t.Errorf("the cloud got %v", calls)
	}
}
