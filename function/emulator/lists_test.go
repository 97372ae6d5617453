package emulator

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/emulator/hbr"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// named returns the values of the member field of all elements of a list, joined. path is the
// place of the list in the answer, such as Vaults.Vault.
func (a answer) named(t *testing.T, path, field string) string {
	t.Helper()
	if a.status != 200 || a.body["Success"] != true {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	var at any = a.body
	for key := range strings.SplitSeq(path, ".") {
		at = at.(map[string]any)[key]
	}
	var names []string
	for _, element := range at.([]any) {
		names = append(names, str(element.(map[string]any)[field]))
	}
	return strings.Join(names, " ")
}

func TestDescribeVaultsFilters(t *testing.T) {
	f := newFixture(t, func(w *world.World) { w.Accounts[0].Vaults[1].ResourceGroup = "rg-1" })
	const first, second, broken = "v-0001demovault01", "v-0001demovault02", "v-0001demovault05"
	for _, tt := range []struct {
		name string
		p    rpc.Params
		want string
	}{
		{"all of the region", nil, first + " " + second + " " + broken},
		{"those of another region", rpc.Params{"RegionId": "cn-shanghai"}, "v-0001demovault03 v-0001demovault04"},
		{"by id", rpc.Params{"VaultId": second}, second},
		{"by name", rpc.Params{"VaultName": "files"}, first},
		{"by region", rpc.Params{"VaultRegionId": "cn-shanghai"}, ""},
		{"by status", rpc.Params{"Status": "ERROR"}, broken},
		{"by type", rpc.Params{"VaultType": "OTS_BACKUP"}, ""},
		{"mirrors", rpc.Params{"Replication": "true", "RegionId": "cn-shanghai"}, "v-0001demovault04"},
		{"no mirrors", rpc.Params{"Replication": "false", "RegionId": "cn-shanghai"}, "v-0001demovault03"},
		{"by resource group", rpc.Params{"ResourceGroupId": "rg-1"}, second},
		{"by owner", rpc.Params{"VaultOwnerId": world.DemoPaymentsAccount}, ""},
		{"by tag", rpc.Params{"Tag.1.Key": "team", "Tag.1.Value": "web"}, first},
		{"by the key of a tag", rpc.Params{"Tag.1.Key": "team"}, first},
		{"by two tags", rpc.Params{"Tag.1.Key": "team", "Tag.2.Key": "stage"}, ""},
		{"the second page", rpc.Params{"PageNumber": "2", "PageSize": "2"}, broken},
	} {
		if got := f.call(t, portal, "DescribeVaults", tt.p).named(t, "Vaults.Vault", "VaultId"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	for _, p := range []rpc.Params{{"Status": "INITIALIZING"}, {"VaultType": "x"}, {"Replication": "yes"}, {"VaultOwnerId": "me"},
		{"VaultName": strings.Repeat("a", 65)}, {"Tag.1.Value": "web"}, {"Tag": "team"}, {"PageSize": "0"}} {
		if a := f.call(t, portal, "DescribeVaults", p); a.status != 400 {
			t.Errorf("%v: got %d", p, a.status)
		}
	}
}

func TestVaultCountsJobs(t *testing.T) {
	f := newFixture(t)
	f.create(t, portal, fileOrder())
	f.create(t, portal, with(fileOrder(), rpc.Params{"JobName": "emulator.FAILED"}))
	f.create(t, portal, instanceOrder())
	f.clock.advance(time.Minute)
	a := f.call(t, portal, "DescribeVaults", rpc.Params{"VaultId": "v-0001demovault01"})
	v := a.body["Vaults"].(map[string]any)["Vault"].([]any)[0].(map[string]any)
	for name, want := range map[string]string{
		"SnapshotCount": "1", "BytesDone": str(hbr.FileBytes), "StorageSize": "3865470564", "SourceTypes": "map[SourceType:[ECS_FILE]]",
		"Tags": "map[Tag:[map[Key:team Value:web]]]", "VaultOwnerId": world.DemoPortalAccount, "VaultType": "STANDARD", "Status": "CREATED",
		"VaultRegionId": "cn-hangzhou", "ReplicationSourceVault": "true", "Replication": "false",
	} {
		if got := str(v[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestReplicationVaultRefusesJobs(t *testing.T) {
	runOrders(t, with(containerOrder(), rpc.Params{"VaultId": "v-0001demovault04", "RegionId": "cn-shanghai"}), []orderCase{
		{"a cluster of another region", nil, 404, "ResourceNotFound"},
	})
	f := newFixture(t, func(w *world.World) { w.Accounts[0].Vaults[1].Replication = true })
	if a := f.call(t, portal, "CreateBackupJob", containerOrder()); a.status != 400 || a.code() != "InvalidParameter" {
		t.Errorf("got %d %s", a.status, a.code())
	}
}

func TestDescribeBackupClientsFilters(t *testing.T) {
	f := newFixture(t)
	ecs := func(p rpc.Params) rpc.Params { return with(rpc.Params{"ClientType": "ECS_CLIENT"}, p) }
	cross := rpc.Params{"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": world.DemoPaymentsAccount, "CrossAccountRoleName": "hbrcrossrole"}
	const web, db, win, web2, partial = "c-0001demoweb01", "c-0001demodb01", "c-0001demowin01", "c-0001demoweb02", "c-0001demopartial01"
	for _, tt := range []struct {
		name string
		p    rpc.Params
		want string
	}{
		{"all on instances", ecs(nil), strings.Join([]string{web, db, win, web2, partial}, " ")},
		{"in clusters", rpc.Params{"ClientType": "CONTAINER_CLIENT"}, "c-0001democluster"},
		{"in one cluster", rpc.Params{"ClientType": "CONTAINER_CLIENT", "ClusterId": "cl-0001democluster"}, "c-0001democluster"},
		{"in another cluster", rpc.Params{"ClientType": "CONTAINER_CLIENT", "ClusterId": "cl-000nothing"}, ""},
		{"outside the cloud", rpc.Params{"ClientType": "LOCAL_CLIENT"}, ""},
		{"by instance", ecs(rpc.Params{"InstanceIds": `["i-bp1demoweb01","i-bp1demoweb02"]`}), web + " " + web2},
		{"by no instance", ecs(rpc.Params{"InstanceIds": `[]`}), ""},
		{"by id", ecs(rpc.Params{"ClientIds": `["c-0001demodb01"]`}), db},
		{"by a filter", ecs(rpc.Params{"Filters.1.Key": "InstanceId", "Filters.1.Values.1": "i-bp1demowin01", "Filters.1.Values.2": "i-1"}), win},
		{"by two filters", ecs(rpc.Params{"Filters.1.Key": "InstanceId", "Filters.1.Values.1": "i-bp1demowin01", "Filters.2.Key": "Status", "Filters.2.Values.1": "UNKNOWN"}), ""},
		{"by a tag of the instance", ecs(rpc.Params{"Tag.1.Key": "team", "Tag.1.Value": "web"}), web + " " + web2},
		{"of another account", ecs(cross), "c-0002demopay01"},
		{"of another region", ecs(rpc.Params{"RegionId": "cn-shanghai"}), ""},
		{"the second page", ecs(rpc.Params{"PageNumber": "2", "PageSize": "4"}), partial},
	} {
		if got := f.call(t, portal, "DescribeBackupClients", tt.p).named(t, "Clients", "ClientId"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	for name, p := range map[string]rpc.Params{
		"no ClientType": {}, "another ClientType": {"ClientType": "FILE"}, "instances as text": ecs(rpc.Params{"InstanceIds": "i-1"}),
		"a key that does not exist": ecs(rpc.Params{"Filters.1.Key": "Colour", "Filters.1.Values.1": "red"}),
		"an Operator":               ecs(rpc.Params{"Filters.1.Key": "InstanceId", "Filters.1.Operator": "IN", "Filters.1.Values.1": "a"}),
		"no values":                 ecs(rpc.Params{"Filters.1.Key": "InstanceId"}),
		"an account without a type": ecs(rpc.Params{"CrossAccountUserId": world.DemoPaymentsAccount}),
	} {
		if a := f.call(t, portal, "DescribeBackupClients", p); a.status != 400 {
			t.Errorf("%s: got %d", name, a.status)
		}
	}
}

func TestClientHeartbeat(t *testing.T) {
	f := newFixture(t)
	f.clock.advance(time.Hour)
	a := f.call(t, portal, "DescribeBackupClients", rpc.Params{"ClientType": "ECS_CLIENT", "InstanceIds": `["i-bp1demoweb01"]`})
	v := a.body["Clients"].([]any)[0].(map[string]any)
	for name, want := range map[string]string{
		"LastHeartBeatTime": str(1767323045 + 3600 - 20), "Hostname": "web01", "InstanceName": "web01", "OsType": "linux", "PrivateIpV4": "172.16.0.11",
		"ZoneId": "cn-hangzhou-h", "Status": "ACTIVATED", "BackupStatus": "PROTECTED", "ClientVersion": "2.15.0", "Tags": "[map[Key:team Value:web]]",
	} {
		if got := str(v[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	want := map[string]any{
		"DataNetworkType": "VPC", "DataProxySetting": "USE_CONTROL_PROXY", "UseHttps": "true", "MaxCpuCore": "0", "MaxWorker": "0",
		"MaxMemory": json.Number("0"), "ProxyHost": "", "ProxyUser": "", "ProxyPassword": "", "ProxyPort": json.Number("0"),
		"AlertOnPartialComplete": false,
	}
	if diff := cmp.Diff(want, v["Settings"]); diff != "" {
		t.Errorf("Settings (-want +got):\n%s", diff)
	}
}

func TestDescribeContainerClusterFilters(t *testing.T) {
	f := newFixture(t)
	for _, tt := range []struct {
		p    rpc.Params
		want string
	}{
		{nil, "cc-0001democluster"},
		{rpc.Params{"ClusterId": "cc-0001democluster"}, "cc-0001democluster"},
		{rpc.Params{"ClusterId": "cl-0001democluster"}, "cc-0001democluster"},
		{rpc.Params{"Identifier": "c5bbd0931a30947f4ab85efd19380a72d"}, "cc-0001democluster"},
		{rpc.Params{"Identifier": "c5"}, ""},
		{rpc.Params{"ClusterId": "cc-000nothing"}, ""},
		{rpc.Params{"RegionId": "cn-shanghai"}, ""},
	} {
		a := f.call(t, portal, "DescribeContainerCluster", tt.p)
		if got := a.named(t, "Clusters", "ClusterId"); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.p, got, tt.want)
		}
		if _, isText := a.body["Code"].(string); isText {
			t.Error("Code is a text, not the number that the page shows")
		}
	}
}

func TestDescribeRegions(t *testing.T) {
	a := newFixture(t).call(t, portal, "DescribeRegions", nil)
	if got := a.named(t, "Regions.Region", "RegionId"); got != "cn-hangzhou cn-shanghai" {
		t.Errorf("got %s", got)
	}
	if got := a.named(t, "Regions.Region", "LocalName"); got != "China (Hangzhou) China (Shanghai)" {
		t.Errorf("got %s", got)
	}
}
