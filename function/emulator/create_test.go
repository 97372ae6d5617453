package emulator

import (
	"strings"
	"testing"
	"time"

	"backupportal/function/emulator/hbr"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// An orderCase is a valid call of CreateBackupJob with one change, and the expected error code.
// An empty code means that the emulator creates the job.
type orderCase struct {
	name   string
	change rpc.Params
	status int
	code   string
}

// runOrders sends a valid call of CreateBackupJob once for each case, with the change of that
// case only. It checks that a refused call creates no job.
func runOrders(t *testing.T, good rpc.Params, cases []orderCase) {
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			a := f.call(t, portal, "CreateBackupJob", with(good, tt.change))
			if tt.code == "" {
				if a.status != 200 || a.body["Success"] != true || a.code() != "200" || a.body["JobId"] == "" {
					t.Errorf("got %d %v", a.status, a.body)
				}
				return
			}
			if a.status != tt.status || a.code() != tt.code {
				t.Errorf("got %d %s (%s), want %d %s", a.status, a.code(), a.message(), tt.status, tt.code)
			}
			if jobs := f.Ledger().Jobs; len(jobs) != 0 {
				t.Errorf("a refused request made %+v", jobs)
			}
		})
	}
}

func TestCommonJobRules(t *testing.T) {
	runOrders(t, instanceOrder(), []orderCase{
		{"as it is", nil, 200, ""},
		{"no SourceType", rpc.Params{"SourceType": ""}, 400, "MissingSourceType"},
		{"another SourceType", rpc.Params{"SourceType": "NAS"}, 400, "InvalidParameter"},
		{"no Retention", rpc.Params{"Retention": ""}, 400, "MissingRetention"},
		{"Retention of no days", rpc.Params{"Retention": "0"}, 400, "InvalidParameter"},
		{"Retention below zero", rpc.Params{"Retention": "-1"}, 400, "InvalidParameter"},
		{"Retention of a thousand years", rpc.Params{"Retention": "364636"}, 400, "InvalidParameter"},
		{"Retention with a leading zero", rpc.Params{"Retention": "07"}, 400, "InvalidParameter"},
		{"BackupType COMPLETE", rpc.Params{"BackupType": "COMPLETE"}, 200, ""},
		{"BackupType INCREMENTAL, which is not for instances", rpc.Params{"BackupType": "INCREMENTAL"}, 400, "InvalidParameter"},
		{"JobName of 64 characters", rpc.Params{"JobName": strings.Repeat("é", 64)}, 200, ""},
		{"JobName of 65 characters", rpc.Params{"JobName": strings.Repeat("a", 65)}, 400, "InvalidParameter"},
		{"JobName with a line break", rpc.Params{"JobName": "a\nb"}, 400, "InvalidParameter"},
		{"a parameter that does not exist", rpc.Params{"Retenton": "7"}, 200, ""},
	})
}

func TestInstanceJobRules(t *testing.T) {
	runOrders(t, instanceOrder(), []orderCase{
		{"no InstanceId", rpc.Params{"InstanceId": ""}, 400, "MissingInstanceId"},
		{"no Detail", rpc.Params{"Detail": ""}, 400, "MissingDetail"},
		{"InstanceId of another form", rpc.Params{"InstanceId": "web01"}, 400, "InvalidParameter"},
		{"an instance that does not exist", rpc.Params{"InstanceId": "i-bp1nothing"}, 404, "ResourceNotFound"},
		{"an instance of another region", rpc.Params{"InstanceId": "i-uf6demoweb03"}, 404, "ResourceNotFound"},
		{"an instance of another account", rpc.Params{"InstanceId": "i-bp2demopay01"}, 404, "ResourceNotFound"},
		{"an instance in the region that is asked", rpc.Params{"InstanceId": "i-uf6demoweb03", "RegionId": "cn-shanghai"}, 200, ""},
		{"Options", rpc.Params{"Options": `{"UseVSS":false}`}, 400, "InvalidParameter"},
		{"ClusterId", rpc.Params{"ClusterId": "cl-0001democluster"}, 400, "InvalidParameter"},
		{"ContainerClusterId", rpc.Params{"ContainerClusterId": "cc-0001democluster"}, 400, "InvalidParameter"},
		{"ContainerResources", rpc.Params{"ContainerResources": "[]"}, 400, "InvalidParameter"},
		{"InitiatedByAck", rpc.Params{"InitiatedByAck": "false"}, 400, "InvalidParameter"},
		{"VaultId, which has no effect", rpc.Params{"VaultId": "v-anything"}, 200, ""},
		{"Include, which has no effect", rpc.Params{"Include": "anything"}, 200, ""},
		{"SpeedLimit, which has no effect", rpc.Params{"SpeedLimit": "anything"}, 200, ""},
	})
}

func TestDetailRules(t *testing.T) {
	detail := func(name, text, code string) orderCase {
		return orderCase{name, rpc.Params{"Detail": text}, map[string]int{"InvalidParameter": 400, "ResourceNotFound": 404}[code], code}
	}
	const bad = "InvalidParameter"
	runOrders(t, instanceOrder(), []orderCase{
		detail("the sample of the vendor's page", `{"doCopy":false,"destinationRegionId":"","destinationRetention":null,"diskIdList":[],`+
			`"snapshotGroup":false,"appConsistent":false,"enableWriters":true,"preScriptPath":"","postScriptPath":"",`+
			`"enableFsFreeze":true,"timeoutInSeconds":30}`, ""),
		detail("nothing in it", `{}`, ""),
		detail("no json", `doCopy`, bad),
		detail("an array", `[]`, bad),
		detail("text behind it", `{} {}`, bad),
		detail("cut short", `{"doCopy":true`, bad),
		detail("a key twice", `{"doCopy":false,"doCopy":true}`, bad),
		detail("a key that does not exist", `{"docopy":false}`, bad),
		detail("the key of the prose", `{"timeoutSeconds":30}`, bad),
		detail("a boolean as text", `{"doCopy":"false"}`, bad),
		detail("a boolean as null", `{"snapshotGroup":null}`, bad),
		detail("a number as text", `{"timeoutInSeconds":"30"}`, bad),
		detail("a number with a fraction", `{"timeoutInSeconds":1.5}`, bad),
		detail("no time at all", `{"timeoutInSeconds":0}`, bad),
		detail("a text as number", `{"preScriptPath":1}`, bad),
		detail("a list as text", `{"diskIdList":"d-bp1demoweb01a"}`, bad),
		detail("a list of numbers", `{"diskIdList":[1]}`, bad),
		detail("a list as null", `{"diskIdList":null}`, bad),
		detail("a copy", `{"doCopy":true,"destinationRegionId":"cn-shanghai","destinationRetention":30}`, ""),
		detail("a copy for ever", `{"doCopy":true,"destinationRegionId":"cn-shanghai","destinationRetention":-1}`, ""),
		detail("a copy to nowhere", `{"doCopy":true}`, bad),
		detail("a copy to the same region", `{"doCopy":true,"destinationRegionId":"cn-hangzhou"}`, bad),
		detail("a copy to a region that does not exist", `{"doCopy":true,"destinationRegionId":"xx-nowhere"}`, bad),
		detail("a copy kept for no days", `{"doCopy":true,"destinationRegionId":"cn-shanghai","destinationRetention":0}`, bad),
		detail("a region without a copy", `{"destinationRegionId":"cn-shanghai"}`, bad),
		detail("days without a copy", `{"doCopy":false,"destinationRetention":30}`, bad),
		detail("a disk of the instance", `{"diskIdList":["d-bp1demoweb01b"]}`, ""),
		detail("a disk of another instance", `{"diskIdList":["d-bp1demodb01a"]}`, "ResourceNotFound"),
		detail("a disk twice", `{"diskIdList":["d-bp1demoweb01b","d-bp1demoweb01b"]}`, bad),
		detail("a disk of another form", `{"diskIdList":["/dev/vda"]}`, bad),
		detail("a group", `{"snapshotGroup":true}`, ""),
		detail("scripts", `{"appConsistent":true,"preScriptPath":"/opt/pre.sh","postScriptPath":"/opt/post.sh"}`, ""),
		detail("one script only, which downgrades the backup", `{"appConsistent":true,"preScriptPath":"/opt/pre.sh"}`, ""),
		detail("a script that is not absolute", `{"appConsistent":true,"preScriptPath":"pre.sh","postScriptPath":"/opt/post.sh"}`, bad),
	})
	runOrders(t, with(instanceOrder(), rpc.Params{"InstanceId": "i-bp1demoweb02"}), []orderCase{
		detail("a group with a disk that is not essd", `{"snapshotGroup":true}`, bad),
		detail("a group of the disks that are essd", `{"snapshotGroup":true,"diskIdList":["d-bp1demoweb02a"]}`, bad),
		detail("applications on a disk that is not essd, likewise", `{"appConsistent":true,"preScriptPath":"/a","postScriptPath":"/b"}`, ""),
	})
	runOrders(t, with(instanceOrder(), rpc.Params{"InstanceId": "i-bp1demowin01"}), []orderCase{
		detail("applications on windows need no scripts", `{"appConsistent":true}`, ""),
	})
}

func TestFileJobRules(t *testing.T) {
	runOrders(t, fileOrder(), []orderCase{
		{"as it is", nil, 200, ""},
		{"no InstanceId", rpc.Params{"InstanceId": ""}, 400, "MissingInstanceId"},
		{"no VaultId", rpc.Params{"VaultId": ""}, 400, "MissingVaultId"},
		{"VaultId of another form", rpc.Params{"VaultId": "vault"}, 400, "InvalidParameter"},
		{"a vault that does not exist", rpc.Params{"VaultId": "v-000nothing"}, 404, "VaultNotExist"},
		{"a vault of another region", rpc.Params{"VaultId": "v-0001demovault03"}, 404, "VaultNotExist"},
		{"a vault of another account", rpc.Params{"VaultId": "v-0002demovault01"}, 404, "VaultNotExist"},
		{"an instance that does not exist", rpc.Params{"InstanceId": "i-bp1nothing"}, 404, "ResourceNotFound"},
		{"BackupType INCREMENTAL", rpc.Params{"BackupType": "INCREMENTAL"}, 200, ""},
		{"Detail", rpc.Params{"Detail": "{}"}, 400, "InvalidParameter"},
		{"ContainerResources", rpc.Params{"ContainerResources": "[]"}, 400, "InvalidParameter"},
		{"everything that may be sent", rpc.Params{"Exclude": `["/home/cache"]`, "SpeedLimit": "0:8:1024|8:24:NaN",
			"Options": `{"UseVSS":false}`, "BackupType": "COMPLETE", "JobName": "files"}, 200, ""},
		{"Include as a bare path", rpc.Params{"Include": "/home"}, 400, "InvalidParameter"},
		{"Include as an object", rpc.Params{"Include": "{}"}, 400, "InvalidParameter"},
		{"Include as null", rpc.Params{"Include": " null"}, 400, "InvalidParameter"},
		{"Include with a number", rpc.Params{"Include": "[1]"}, 400, "InvalidParameter"},
		{"Include with nothing in it", rpc.Params{"Include": `[""]`}, 400, "InvalidParameter"},
		{"Include of 255 characters", rpc.Params{"Include": `["/` + strings.Repeat("é", 250) + `"]`}, 200, ""},
		{"Include of 256 characters", rpc.Params{"Include": `["/` + strings.Repeat("a", 251) + `"]`}, 400, "InvalidParameter"},
		{"Exclude of 256 characters", rpc.Params{"Exclude": `["/` + strings.Repeat("a", 251) + `"]`}, 400, "InvalidParameter"},
		{"Include of 9 entries", rpc.Params{"Include": `["1","2","3","4","5","6","7","8","9"]`}, 400, "InvalidParameter"},
		{"SpeedLimit of another form", rpc.Params{"SpeedLimit": "0|24|NaN"}, 400, "InvalidParameter"},
		{"Options in brackets", rpc.Params{"Options": `["UseVSS":true]`}, 400, "InvalidParameter"},
		{"Options with another key", rpc.Params{"Options": `{"UseVSS":false,"x":1}`}, 400, "InvalidParameter"},
		{"Options without a key", rpc.Params{"Options": `{}`}, 400, "InvalidParameter"},
		{"shadow copies on Linux", rpc.Params{"Options": `{"UseVSS":true}`}, 400, "InvalidParameter"},
	})
	windows := with(fileOrder(), rpc.Params{"InstanceId": "i-bp1demowin01", "Include": `["C:\\data"]`, "Options": `{"UseVSS":true}`})
	runOrders(t, windows, []orderCase{
		{"shadow copies on Windows", nil, 200, ""},
		{"shadow copies of two folders", rpc.Params{"Include": `["C:\\a","C:\\b"]`}, 400, "InvalidParameter"},
		{"shadow copies with an exception", rpc.Params{"Exclude": `["C:\\b"]`}, 400, "InvalidParameter"},
		{"shadow copies of a pattern", rpc.Params{"Include": `["C:\\*"]`}, 400, "InvalidParameter"},
		{"shadow copies from the network", rpc.Params{"Include": `["\\\\host\\share"]`}, 400, "InvalidParameter"},
	})
}

func TestContainerJobRules(t *testing.T) {
	volume := func(old, new string) rpc.Params {
		return rpc.Params{"ContainerResources": "[" + strings.Replace(goodVolume, old, new, 1) + "]"}
	}
	const bad = "InvalidParameter"
	runOrders(t, containerOrder(), []orderCase{
		{"as it is", nil, 200, ""},
		{"with the group of the cluster", rpc.Params{"ClusterId": "cl-0001democluster", "InitiatedByAck": "false"}, 200, ""},
		{"no ContainerClusterId", rpc.Params{"ContainerClusterId": ""}, 400, "MissingContainerClusterId"},
		{"no ContainerResources", rpc.Params{"ContainerResources": ""}, 400, "MissingContainerResources"},
		{"no VaultId", rpc.Params{"VaultId": ""}, 400, "MissingVaultId"},
		{"a cluster that does not exist", rpc.Params{"ContainerClusterId": "cc-000nothing"}, 404, "ResourceNotFound"},
		{"a cluster of another region", rpc.Params{"RegionId": "cn-shanghai"}, 404, "ResourceNotFound"},
		{"a group of another cluster", rpc.Params{"ClusterId": "cl-000nothing"}, 404, "ResourceNotFound"},
		{"a vault that does not exist", rpc.Params{"VaultId": "v-000nothing"}, 404, "VaultNotExist"},
		{"InstanceId", rpc.Params{"InstanceId": "i-bp1demoweb01"}, 400, bad},
		{"Include", rpc.Params{"Include": "[]"}, 400, bad},
		{"SpeedLimit", rpc.Params{"SpeedLimit": "0:24:NaN"}, 400, bad},
		{"InitiatedByAck of another word", rpc.Params{"InitiatedByAck": "yes"}, 400, bad},
		{"resources as an object", rpc.Params{"ContainerResources": goodVolume}, 400, bad},
		{"no resources", rpc.Params{"ContainerResources": "[]"}, 400, bad},
		{"a resource as text", rpc.Params{"ContainerResources": `["674dac6d"]`}, 400, bad},
		{"a resource of another type", volume(`"PV"`, `"PVC"`), 400, bad},
		{"another method", volume(`"FILE"`, `"SNAPSHOT"`), 400, bad},
		{"a key that does not exist", volume(`"host"`, `"hosts"`), 400, bad},
		{"a value as number", volume(`"n"`, `1`), 400, bad},
		{"resourceInfo as an object", volume(`"{\"pv_name\":\"nas-674dac6d\"}"`, `{"pv_name":"nas"}`), 400, bad},
		{"resourceInfo that holds no object", volume(`"{\"pv_name\":\"nas-674dac6d\"}"`, `"nas"`), 400, bad},
		{"no resourceId", volume(`"resourceId":"674dac6d-74cd-47e9-a675-09e2f10d2c45",`, ""), 400, bad},
		{"a volume that does not exist", volume("674dac6d", "00000000"), 404, "ResourceNotFound"},
	})
}

func TestCrossAccountRules(t *testing.T) {
	cross := rpc.Params{"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": world.DemoPaymentsAccount,
		"CrossAccountRoleName": "hbrcrossrole", "InstanceId": "i-bp2demopay01"}
	runOrders(t, with(instanceOrder(), cross), []orderCase{
		{"as registered", nil, 200, ""},
		{"no account", rpc.Params{"CrossAccountUserId": ""}, 400, "MissingCrossAccountUserId"},
		{"no role", rpc.Params{"CrossAccountRoleName": ""}, 400, "MissingCrossAccountRoleName"},
		{"an account of another form", rpc.Params{"CrossAccountUserId": "2000"}, 400, "InvalidParameter"},
		{"a role of another form", rpc.Params{"CrossAccountRoleName": "a/b"}, 400, "InvalidParameter"},
		{"another type", rpc.Params{"CrossAccountType": "CROSS_ACCOUNT_BY_RD"}, 400, "InvalidParameter"},
		{"an account beside SELF_ACCOUNT", rpc.Params{"CrossAccountType": "SELF_ACCOUNT"}, 400, "InvalidParameter"},
		{"an account without a type", rpc.Params{"CrossAccountType": ""}, 400, "InvalidParameter"},
		{"an account that is not registered", rpc.Params{"CrossAccountUserId": "3000000000000003"}, 403, "AssumeRoleFail"},
		{"a role that is not registered", rpc.Params{"CrossAccountRoleName": "backup-operator"}, 403, "AssumeRoleFail"},
		{"an instance of the caller's own", rpc.Params{"InstanceId": "i-bp1demoweb01"}, 404, "ResourceNotFound"},
	})
	runOrders(t, with(fileOrder(), cross), []orderCase{
		{"files there into a vault here", nil, 200, ""},
		{"files there into a vault there", rpc.Params{"VaultId": "v-0002demovault01"}, 404, "VaultNotExist"},
	})
	runOrders(t, instanceOrder(), []orderCase{{"SELF_ACCOUNT", rpc.Params{"CrossAccountType": "SELF_ACCOUNT"}, 200, ""}})
}

func TestCrossAccountJobNeedsRoles(t *testing.T) {
	order := with(instanceOrder(), rpc.Params{"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": world.DemoPaymentsAccount,
		"CrossAccountRoleName": "hbrcrossrole", "InstanceId": "i-bp2demopay01"})
	for _, tt := range []struct {
		name   string
		edit   func(*world.World)
		status int
		code   string
	}{
		{"no service-linked role here", func(w *world.World) { w.Accounts[0].ServiceLinkedRoles = []string{world.ECSBackupRole} }, 200, "CrossAccountBackupSlrNotExist"},
		{"the role there trusts another service", func(w *world.World) { w.Accounts[1].Role("hbrcrossrole").TrustsServices = nil }, 403, "AssumeRoleFail"},
		{"the role there is gone", func(w *world.World) { w.Accounts[1].Role("hbrcrossrole").Name = "other" }, 403, "AssumeRoleFail"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newFixture(t, tt.edit).call(t, portal, "CreateBackupJob", order)
			if a.status != tt.status || a.code() != tt.code {
				t.Errorf("got %d %s, want %d %s", a.status, a.code(), tt.status, tt.code)
			}
			if success, there := a.body["Success"]; (a.status == 200) != there || success == true {
				t.Errorf("Success is %v", success)
			}
		})
	}
}

// TestJobBytesFollowSource proves that the size of a job is the size of the disks or files that
// it backs up.
func TestJobBytesFollowSource(t *testing.T) {
	two := rpc.Params{"ContainerResources": "[" + goodVolume + "," +
		strings.Replace(goodVolume, "674dac6d-74cd-47e9-a675-09e2f10d2c45", "1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31", 1) + "]"}
	for _, tt := range []struct {
		name string
		p    rpc.Params
		gib  int64
	}{
		{"every disk", instanceOrder(), 140},
		{"an empty list, which is every disk", with(instanceOrder(), rpc.Params{"Detail": `{"diskIdList":[]}`}), 140},
		{"one disk", with(instanceOrder(), rpc.Params{"Detail": `{"diskIdList":["d-bp1demoweb01a"]}`}), 40},
		{"files", fileOrder(), hbr.FileBytes >> 30},
		{"one volume", containerOrder(), 8},
		{"two volumes", with(containerOrder(), two), 28},
	} {
		f := newFixture(t)
		f.create(t, portal, tt.p)
		if got := f.hbr.JobsSince(time.Time{})[0].Schedule.Bytes >> 30; got != tt.gib {
			t.Errorf("%s: %d GiB, want %d", tt.name, got, tt.gib)
		}
	}
}
