package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// secondCluster adds a cluster with 12 volumes to the first account.
func secondCluster(w *world.World) {
	second := world.Cluster{ID: "cc-0001second", GroupID: "cl-0001second", Name: "second", Region: "cn-hangzhou"}
	for n := range 12 {
		second.Volumes = append(second.Volumes, world.Volume{ID: fmt.Sprintf("v%02d", n), Name: "nas", Claim: "c", Namespace: "n", GiB: 1})
	}
	w.Accounts[0].Clusters = append(w.Accounts[0].Clusters, second)
}

func TestDescribeContainerResourceListsVolumes(t *testing.T) {
	f := newFixture(t, secondCluster)
	for _, tt := range []struct {
		own         rpc.Params
		total, rows string
	}{
		{rpc.Params{"ClusterId": "cc-0001democluster"}, "2", "674dac6d-74cd-47e9-a675-09e2f10d2c45 1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31"},
		{rpc.Params{"ClusterId": "cc-0001second", "PageNumber": "2"}, "12", "v10 v11"},
		{rpc.Params{"ClusterId": "cc-0001second", "ResourceType": "PV", "ResourceId": "v03"}, "1", "v03"},
		{rpc.Params{"ResourceId": "1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31"}, "1", "1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31"},
		{rpc.Params{"ClusterId": "cc-nothing"}, "0", ""},
		{rpc.Params{"RegionId": "cn-shanghai"}, "0", ""},
	} {
		a := f.call(t, portal, "DescribeContainerResource", tt.own)
		if got := a.named(t, "Resources", "ResourceId"); got != tt.rows || str(a.body["TotalCount"]) != tt.total {
			t.Errorf("%v: %q of %v, want %q of %s", tt.own, got, a.body["TotalCount"], tt.rows, tt.total)
		}
	}
	a := f.call(t, portal, "DescribeContainerResource", rpc.Params{"ClusterId": "cc-0001democluster", "PageSize": "1"})
	row := a.body["Resources"].([]any)[0].(map[string]any)
	const info = `{"pv_name":"nas-674dac6d","pv_size":"8Gi","storage_class":"alibabacloud-cnfs-nas","pvc_name":"data-0","namespace":"database"}`
	if row["ResourceInfo"] != info || row["ResourceType"] != "PV" || row["ClusterId"] != "cc-0001democluster" {
		t.Errorf("the row is %v", row)
	}
	for name, value := range map[string]string{"ResourceType": "PVC", "PageSize": "100", "PageNumber": "0"} {
		if a := f.call(t, portal, "DescribeContainerResource", rpc.Params{name: value}); a.code() != "InvalidParameter" {
			t.Errorf("%s=%s: got %d %s", name, value, a.status, a.code())
		}
	}
}

func TestListProtectedResourcesCountsRecoveryPoints(t *testing.T) {
	f := newFixture(t)
	f.create(t, portal, instanceOrder()) // not a documented type of the list
	f.create(t, portal, with(fileOrder(), rpc.Params{"Retention": "1"}))
	f.create(t, portal, fileOrder())
	f.create(t, portal, with(fileOrder(), rpc.Params{"InstanceId": "i-bp1demodb01", "Retention": "1"}))
	for _, step := range []struct {
		later time.Duration
		own   rpc.Params
		want  string // instance and SnapshotCount of each row
	}{
		{0, nil, "i-bp1demoweb01 0, i-bp1demodb01 0"},
		{0, rpc.Params{"HasSnapshot": "true"}, ""},
		{time.Minute, nil, "i-bp1demoweb01 2, i-bp1demodb01 1"},
		{0, rpc.Params{"ResourceId": "i-bp1demodb01", "SourceType": "ECS_FILE", "CreatedByProduct": "HBR"}, "i-bp1demodb01 1"},
		{0, rpc.Params{"CreatedByProduct": "BASIC"}, ""},
		{0, rpc.Params{"SourceType": "NAS"}, ""},
		{0, rpc.Params{"RegionId": "cn-shanghai"}, ""},
		{25 * time.Hour, nil, "i-bp1demoweb01 1, i-bp1demodb01 0"},
		{0, rpc.Params{"HasSnapshot": "false"}, "i-bp1demodb01 0"},
		{0, rpc.Params{"Skip": "10"}, ""},
	} {
		f.clock.advance(step.later)
		a := f.call(t, portal, "ListProtectedResources", step.own)
		if a.status != 200 {
			t.Fatalf("%v: %d %s", step.own, a.status, a.message())
		}
		var rows []string
		for _, row := range a.body["ProtectedResources"].([]any) {
			r := row.(map[string]any)
			rows = append(rows, str(r["ResourceId"])+" "+str(r["SnapshotCount"]))
		}
		if got := strings.Join(rows, ", "); got != step.want {
			t.Errorf("%v: %q, want %q", step.own, got, step.want)
		}
	}
	for name, value := range map[string]string{"SourceType": "UDM_ECS", "MaxResults": "9", "Skip": "3", "NextToken": "x", "HasSnapshot": "1"} {
		if a := f.call(t, portal, "ListProtectedResources", rpc.Params{name: value}); a.code() != "InvalidParameter" {
			t.Errorf("%s=%s: got %d %s", name, value, a.status, a.code())
		}
	}
}

func TestListProtectedResourcesPages(t *testing.T) {
	f := newFixture(t, func(w *world.World) {
		a := &w.Accounts[0]
		for n := range 25 {
			id := fmt.Sprintf("i-bp1page%02d", n)
			a.Instances = append(a.Instances, world.Instance{ID: id, Name: id, Region: "cn-hangzhou", OS: "linux",
				Disks: []world.Disk{{ID: "d" + id[1:], Category: "cloud_essd", Type: "system", GiB: 40}}})
		}
	})
	for n := range 25 {
		f.create(t, portal, with(fileOrder(), rpc.Params{"InstanceId": fmt.Sprintf("i-bp1page%02d", n)}))
	}
	var sizes []string
	for p := (rpc.Params{}); ; {
		a := f.call(t, portal, "ListProtectedResources", p)
		sizes = append(sizes, fmt.Sprint(len(a.body["ProtectedResources"].([]any)), "/", a.body["TotalCount"], "/", a.body["MaxResults"]))
		if p["NextToken"] = str(a.body["NextToken"]); p["NextToken"] == "" {
			break
		}
	}
	if got := strings.Join(sizes, " "); got != "10/25/10 10/25/10 5/25/10" {
		t.Errorf("pages are %s", got)
	}
	a := f.call(t, portal, "ListProtectedResources", rpc.Params{"Skip": "20"})
	if got := a.named(t, "ProtectedResources", "ResourceId"); !strings.HasPrefix(got, "i-bp1page20 ") {
		t.Errorf("after 20 rows: %s", got)
	}
}

func TestDeleteCrossAccountDeletesRegistration(t *testing.T) {
	f := newFixture(t, addTrustingRole, directory(true, world.DemoPaymentsAccount))
	added := rpc.Params{"CrossAccountUserId": world.DemoPaymentsAccount, "CrossAccountRoleName": "second"}
	byRD := rpc.Params{"CrossAccountUserId": world.DemoPaymentsAccount, "CrossAccountType": "CROSS_ACCOUNT_BY_RD"}
	ofWorld := with(added, rpc.Params{"CrossAccountRoleName": "hbrcrossrole"})
	for _, p := range []rpc.Params{added, byRD} {
		if a := f.call(t, portal, "AddCrossAccount", p); a.status != 200 {
			t.Fatal(a.message())
		}
	}
	left := []string{"hbrcrossrole ", "hbrcrossrole", ""}
	for n, p := range []rpc.Params{added, byRD, ofWorld} {
		if a := f.call(t, portal, "DeleteCrossAccount", p); a.status != 200 || a.body["Success"] != true {
			t.Fatalf("%v: %d %s", p, a.status, a.message())
		}
		if got := f.call(t, portal, "DescribeCrossAccounts", nil).named(t, "CrossAccounts.CrossAccount", "CrossAccountRoleName"); got != left[n] {
			t.Errorf("after %v: %q, want %q", p, got, left[n])
		}
		if a := f.call(t, portal, "DeleteCrossAccount", p); a.status != 404 || a.code() != "ResourceNotFound" {
			t.Errorf("%v again: %d %s", p, a.status, a.code())
		}
	}
	order := with(instanceOrder(), with(ofWorld, rpc.Params{"CrossAccountType": "CROSS_ACCOUNT", "InstanceId": "i-bp2demopay01"}))
	if a := f.call(t, portal, "CreateBackupJob", order); a.code() != "AssumeRoleFail" {
		t.Errorf("a job after the deletion: %d %s", a.status, a.code())
	}
	if a := f.call(t, portal, "AddCrossAccount", ofWorld); a.status != 200 {
		t.Errorf("added again: %s", a.message())
	}
	f.Reset()
	if got := f.call(t, portal, "DescribeCrossAccounts", nil).named(t, "CrossAccounts.CrossAccount", "CrossAccountRoleName"); got != "hbrcrossrole" {
		t.Errorf("after a reset: %s", got)
	}
	if a := f.call(t, portal, "DeleteCrossAccount", rpc.Params{"CrossAccountUserId": world.DemoPaymentsAccount}); a.code() != "MissingCrossAccountRoleName" {
		t.Errorf("without a role: %d %s", a.status, a.code())
	}
}

// TestCancelByEdition proves that CancelBackupJob with Edition=BASIC does not find a job of the
// edition STANDARD, and does not cancel it.
func TestCancelByEdition(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, portal, instanceOrder())
	if a := f.call(t, portal, "CancelBackupJob", rpc.Params{"JobId": id, "Edition": "BASIC"}); a.code() != "ResourceNotFound" {
		t.Errorf("BASIC: %d %s", a.status, a.code())
	}
	if row := f.list(t, portal, nil)[0]; row["Status"] == "CANCELING" || row["TriggerMode"] != "MANUAL" {
		t.Errorf("the job is %v", row)
	}
	if a := f.call(t, portal, "CancelBackupJob", rpc.Params{"JobId": id, "Edition": "STANDARD"}); a.status != 200 {
		t.Errorf("STANDARD: %d %s", a.status, a.code())
	}
}

// TestDemoKeyListsRegions proves that the demo key may call DescribeRegions of ECS and of Cloud
// Backup without further permissions.
func TestDemoKeyListsRegions(t *testing.T) {
	_, domain := serveDemo(t)
	for _, version := range []string{"2017-09-08", "2014-05-26"} {
		body, err := sdkCall(t, domain, portal, "GET", "DescribeRegions", map[string]string{"Version": version}, nil)
		if err != nil || !strings.Contains(body, "cn-shanghai") {
			t.Errorf("%s: %s %v", version, body, err)
		}
	}
}

func TestV3ReadsOrRefusesEveryBody(t *testing.T) {
	f := newFixture(t)
	f.create(t, portal, instanceOrder())
	f.create(t, portal, instanceOrder())
	for _, tt := range []struct {
		kind, body string
		want       string // PageSize of the answer, or a text in the refusal
	}{
		{"application/json", `{"PageSize":1}`, "1"},
		{"application/json; charset=utf-8", `{"PageSize":"1","SourceType":null}`, "1"},
		{"application/x-www-form-urlencoded", "PageSize=1", "1"},
		{"application/json", "", "10"},
		{"application/json", `{"PageSize":"x"}`, "PageSize"},
		{"application/json", `{"PageSize":1.5}`, "PageSize"},
		{"application/json", `{"Filters":[{"Key":"JobId","Values":["job-1"]}]}`, "Filters"},
		{"application/json", `{"Filters":{"Key":"JobId"}}`, "Filters"},
		{"application/json", `{"PageSize":1,"PageSize":2}`, "PageSize"},
		{"application/json", `[1]`, "json object"},
		{"application/json", `{"PageSize":1`, "json"},
		{"application/json", `{} {}`, "json"},
		{"text/plain", `PageSize=1`, "Content-Type"},
		{"application/octet-stream", `{"PageSize":1}`, "Content-Type"},
		{"multipart/form-data; boundary=x", "--x--", "Content-Type"},
	} {
		r := f.requestV3(portal, "DescribeBackupJobs2", "", tt.body)
		r.Header.Set("Content-Type", tt.kind)
		signRequestV3(r, portal, tt.body)
		a := f.do(t, r)
		switch {
		case a.status == http.StatusOK && a.body["PageSize"] == json.Number(tt.want):
		case a.status == http.StatusBadRequest && a.code() == "InvalidParameter" && strings.Contains(a.message(), tt.want):
		default:
			t.Errorf("%s %s: got %d %s %s, want %s", tt.kind, tt.body, a.status, a.code(), a.message(), tt.want)
		}
	}
}
