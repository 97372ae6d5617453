package emulator

import (
	"testing"
	"time"

	"backupportal/function/emulator/rpc"
)

// allSnapshots returns parameters of DescribeUdmSnapshots that match every recovery point. own
// replaces or adds parameters.
func allSnapshots(own rpc.Params) rpc.Params {
	return with(rpc.Params{"SourceType": "UDM_ECS", "StartTime": "0", "EndTime": "4102444800", "UdmRegionId": "cn-hangzhou"}, own)
}

// snapshots returns the recovery points that DescribeUdmSnapshots lists.
func (f *fixture) snapshots(t *testing.T, own rpc.Params) []map[string]any {
	t.Helper()
	a := f.call(t, portal, "DescribeUdmSnapshots", allSnapshots(own))
	if a.status != 200 {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	var all []map[string]any
	for _, s := range a.body["Snapshots"].([]any) {
		all = append(all, s.(map[string]any))
	}
	if got := str(a.body["TotalCount"]); got != str(len(all)) {
		t.Errorf("TotalCount is %s of %d", got, len(all))
	}
	return all
}

func TestConsistencyDowngrade(t *testing.T) {
	const scripts = `,"preScriptPath":"/opt/pre.sh","postScriptPath":"/opt/post.sh"`
	for _, tt := range []struct {
		name, instance, detail string
		level, reason          string
	}{
		{"not asked for", "i-bp1demoweb01", `{}`, "CRASH", ""},
		{"all there", "i-bp1demoweb01", `{"appConsistent":true` + scripts + `}`, "APPLICATION", ""},
		{"AutoPL counts as ESSD", "i-bp1demodb01", `{"appConsistent":true` + scripts + `}`, "APPLICATION", ""},
		{"Windows needs no scripts", "i-bp1demowin01", `{"appConsistent":true}`, "APPLICATION", ""},
		{"the file system only", "i-bp1demoweb01", `{"appConsistent":true,"enableWriters":false` + scripts + `}`, "FILE_SYSTEM", ""},
		{"no scripts", "i-bp1demoweb01", `{"appConsistent":true}`, "CRASH", "HBR.ScriptNotConfigured"},
		{"one script", "i-bp1demoweb01", `{"appConsistent":true,"preScriptPath":"/opt/pre.sh"}`, "CRASH", "HBR.ScriptNotConfigured"},
		{"a disk that is not ESSD", "i-bp1demoweb02", `{"appConsistent":true` + scripts + `}`, "CRASH", "HBR.DiskCategoryNotSupported"},
		{"no instance role", "i-bp1demonorole01", `{"appConsistent":true` + scripts + `}`, "CRASH", "HBR.NoRamRoleBound"},
		{"an instance that does not run", "i-bp1demostopped01", `{"appConsistent":true` + scripts + `}`, "CRASH", "HBR.InstanceNotRunning"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			id := f.create(t, portal, with(instanceOrder(), rpc.Params{"InstanceId": tt.instance, "Detail": tt.detail}))
			f.clock.advance(time.Minute)
			if j := f.list(t, portal, nil)[0]; j["Status"] != "COMPLETE" || j["ErrorMessage"] != "" {
				t.Errorf("the job is %v %v", j["Status"], j["ErrorMessage"])
			}
			d := f.snapshots(t, rpc.Params{"JobId": id})[0]["Detail"].(map[string]any)
			if d["ConsistentLevel"] != tt.level || d["DowngradeReason"] != tt.reason {
				t.Errorf("got %v %v", d["ConsistentLevel"], d["DowngradeReason"])
			}
		})
	}
}

func TestRecoveryPointShape(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, portal, with(instanceOrder(), rpc.Params{"Detail": `{"snapshotGroup":true}`}))
	f.clock.advance(time.Minute)
	s := f.snapshots(t, nil)[0]
	for name, want := range map[string]string{
		"JobId": id, "InstanceId": "i-bp1demoweb01", "DiskId": "", "SourceType": "UDM_ECS", "BackupType": "COMPLETE", "Status": "COMPLETE",
		"BytesTotal": "150323855360", "Retention": "7", "CreatedTime": "1767323047", "CompleteTime": "1767323065",
		"ExpireTime": str(1767323065 + 7*86400), "CanBeDeleted": "true",
	} {
		if got := str(s[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if _, isText := s["ActualBytes"].(string); !isText {
		t.Errorf("ActualBytes is %v, not a text", s["ActualBytes"])
	}
	d := s["Detail"].(map[string]any)
	if str(d["DiskIdList"]) != "[d-bp1demoweb01a d-bp1demoweb01b]" || d["OsDiskId"] != "d-bp1demoweb01a" || d["ContainOsDisk"] != true || d["SnapshotGroupId"] == "" {
		t.Errorf("Detail is %v", d)
	}
	j := f.list(t, portal, nil)[0]["Detail"].(map[string]any)
	if s["NativeSnapshotId"] != j["NativeSnapshotId"] || str(d["NativeSnapshotIdList"]) != str(j["DiskNativeSnapshotIdList"].(map[string]any)["DiskNativeSnapshotId"]) {
		t.Errorf("the job names %v, the recovery point %v %v", j, s["NativeSnapshotId"], d["NativeSnapshotIdList"])
	}

	disks := f.snapshots(t, rpc.Params{"SourceType": "UDM_ECS_DISK"})
	if len(disks) != 2 || disks[1]["DiskId"] != "d-bp1demoweb01b" || str(disks[1]["BytesTotal"]) != str(100<<30) {
		t.Fatalf("disks are %v", disks)
	}
	d = disks[1]["Detail"].(map[string]any)
	if d["DiskDevName"] != "/dev/xvdb" || d["DiskCategory"] != "cloud_essd" || d["PerformanceLevel"] != "PL1" || d["SystemDisk"] != false || d["ContainOsDisk"] != false {
		t.Errorf("Detail of a disk is %v", d)
	}
}

func TestDescribeUdmSnapshotsFilters(t *testing.T) {
	f := newFixture(t)
	web := f.create(t, portal, instanceOrder())
	f.create(t, portal, fileOrder())
	f.create(t, portal, with(instanceOrder(), rpc.Params{"InstanceId": "i-bp1demofail01"}))
	f.create(t, portal, with(instanceOrder(), rpc.Params{"InstanceId": "i-uf6demoweb03", "RegionId": "cn-shanghai"}))
	if got := len(f.snapshots(t, nil)); got != 0 {
		t.Errorf("%d of jobs that run", got)
	}
	f.clock.advance(time.Minute)
	partial := f.create(t, portal, with(instanceOrder(), rpc.Params{"InstanceId": "i-bp1demopartial01", "Retention": "1"}))
	f.clock.advance(time.Minute)
	first := str(f.snapshots(t, rpc.Params{"JobId": web})[0]["SnapshotId"])
	for _, tt := range []struct {
		name string
		own  rpc.Params
		want []string
	}{
		{"all that ended well, newest first", nil, []string{partial, web}},
		{"by job", rpc.Params{"JobId": partial}, []string{partial}},
		{"by instance", rpc.Params{"InstanceId": "i-bp1demoweb01"}, []string{web}},
		{"by disk", rpc.Params{"DiskId": "d-bp1demoweb01b"}, []string{web}},
		{"by id", rpc.Params{"SnapshotIds": `["` + first + `","s-000nothing"]`}, []string{web}},
		{"by no id", rpc.Params{"SnapshotIds": `[]`}, nil},
		{"from a moment", rpc.Params{"StartTime": "1767323048"}, []string{partial}},
		{"to a moment", rpc.Params{"EndTime": "1767323047"}, []string{web}},
		{"of disks that were backed up on their own", rpc.Params{"SourceType": "UDM_DISK"}, nil},
	} {
		var got []string
		for _, s := range f.snapshots(t, tt.own) {
			got = append(got, str(s["JobId"]))
		}
		if str(got) != str(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	f.clock.advance(24 * time.Hour)
	if got := f.snapshots(t, nil); len(got) != 1 || got[0]["JobId"] != web {
		t.Errorf("after a day: %v", got)
	}
	for name, own := range map[string]rpc.Params{
		"no SourceType": {"SourceType": ""}, "no StartTime": {"StartTime": ""}, "no EndTime": {"EndTime": ""}, "no region": {"UdmRegionId": ""},
		"another SourceType": {"SourceType": "ECS_FILE"}, "a moment in words": {"StartTime": "today"}, "ids as a list": {"SnapshotIds": "s-1"},
	} {
		if a := f.call(t, portal, "DescribeUdmSnapshots", allSnapshots(own)); a.status != 400 {
			t.Errorf("%s: got %d", name, a.status)
		}
	}
}
