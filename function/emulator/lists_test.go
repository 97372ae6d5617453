package emulator

import (
	"strings"
	"testing"
	"time"
)

// named returns one field of every element of a list, joined; a path like
// Vaults.Vault leads to the list.
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

func TestVaultsAreFiltered(t *testing.T) {
	f := newFixture(t, func(w *World) { w.Accounts[0].Vaults[1].ResourceGroup = "rg-1" })
	const first, second, broken = "v-0001demovault01", "v-0001demovault02", "v-0001demovault05"
	for _, tt := range []struct {
		name string
		p    params
		want string
	}{
		{"all of the region", nil, first + " " + second + " " + broken},
		{"those of another region", params{"RegionId": "cn-shanghai"}, "v-0001demovault03 v-0001demovault04"},
		{"by id", params{"VaultId": second}, second},
		{"by name", params{"VaultName": "files"}, first},
		{"by region", params{"VaultRegionId": "cn-shanghai"}, ""},
		{"by status", params{"Status": "ERROR"}, broken},
		{"by type", params{"VaultType": "OTS_BACKUP"}, ""},
		{"mirrors", params{"Replication": "true", "RegionId": "cn-shanghai"}, "v-0001demovault04"},
		{"no mirrors", params{"Replication": "false", "RegionId": "cn-shanghai"}, "v-0001demovault03"},
		{"by resource group", params{"ResourceGroupId": "rg-1"}, second},
		{"by owner", params{"VaultOwnerId": DemoPaymentsAccount}, ""},
		{"by tag", params{"Tag.1.Key": "team", "Tag.1.Value": "web"}, first},
		{"by the key of a tag", params{"Tag.1.Key": "team"}, first},
		{"by two tags", params{"Tag.1.Key": "team", "Tag.2.Key": "stage"}, ""},
		{"the second page", params{"PageNumber": "2", "PageSize": "2"}, broken},
	} {
		if got := f.call(t, portal, "DescribeVaults", tt.p).named(t, "Vaults.Vault", "VaultId"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	for _, p := range []params{{"Status": "INITIALIZING"}, {"VaultType": "x"}, {"Replication": "yes"}, {"VaultOwnerId": "me"},
		{"VaultName": strings.Repeat("a", 65)}, {"Tag.1.Value": "web"}, {"Tag": "team"}, {"PageSize": "0"}} {
		if a := f.call(t, portal, "DescribeVaults", p); a.status != 400 {
			t.Errorf("%v: got %d", p, a.status)
		}
	}
}

func TestVaultTellsWhatJobsPutIntoIt(t *testing.T) {
	f := newFixture(t)
	f.create(t, portal, fileOrder())
	f.create(t, portal, with(fileOrder(), params{"JobName": "emulator.FAILED"}))
	f.create(t, portal, instanceOrder())
	f.clock.advance(time.Minute)
	a := f.call(t, portal, "DescribeVaults", params{"VaultId": "v-0001demovault01"})
	v := a.body["Vaults"].(map[string]any)["Vault"].([]any)[0].(map[string]any)
	for name, want := range map[string]string{
		"SnapshotCount": "1", "BytesDone": str(fileBytes), "StorageSize": "3865470564", "SourceTypes": "map[SourceType:[ECS_FILE]]",
		"Tags": "map[Tag:[map[Key:team Value:web]]]", "VaultOwnerId": DemoPortalAccount, "VaultType": "STANDARD", "Status": "CREATED",
		"VaultRegionId": "cn-hangzhou", "ReplicationSourceVault": "true", "Replication": "false",
	} {
		if got := str(v[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestMirrorTakesNoBackups(t *testing.T) {
	runOrders(t, with(containerOrder(), params{"VaultId": "v-0001demovault04", "RegionId": "cn-shanghai"}), []orderCase{
		{"a cluster of another region", nil, 404, "ResourceNotFound"},
	})
	f := newFixture(t, func(w *World) { w.Accounts[0].Vaults[1].Replication = true })
	if a := f.call(t, portal, "CreateBackupJob", containerOrder()); a.status != 400 || a.code() != "InvalidParameter" {
		t.Errorf("got %d %s", a.status, a.code())
	}
}

func TestClientsAreFiltered(t *testing.T) {
	f := newFixture(t)
	ecs := func(p params) params { return with(params{"ClientType": "ECS_CLIENT"}, p) }
	cross := params{"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": DemoPaymentsAccount, "CrossAccountRoleName": "hbrcrossrole"}
	const web, db, win, web2, partial = "c-0001demoweb01", "c-0001demodb01", "c-0001demowin01", "c-0001demoweb02", "c-0001demopartial01"
	for _, tt := range []struct {
		name string
		p    params
		want string
	}{
		{"all on instances", ecs(nil), strings.Join([]string{web, db, win, web2, partial}, " ")},
		{"in clusters", params{"ClientType": "CONTAINER_CLIENT"}, "c-0001democluster"},
		{"in one cluster", params{"ClientType": "CONTAINER_CLIENT", "ClusterId": "cl-0001democluster"}, "c-0001democluster"},
		{"in another cluster", params{"ClientType": "CONTAINER_CLIENT", "ClusterId": "cl-000nothing"}, ""},
		{"outside the cloud", params{"ClientType": "LOCAL_CLIENT"}, ""},
		{"by instance", ecs(params{"InstanceIds": `["i-bp1demoweb01","i-bp1demoweb02"]`}), web + " " + web2},
		{"by no instance", ecs(params{"InstanceIds": `[]`}), ""},
		{"by id", ecs(params{"ClientIds": `["c-0001demodb01"]`}), db},
		{"by a filter", ecs(params{"Filters.1.Key": "InstanceId", "Filters.1.Values.1": "i-bp1demowin01", "Filters.1.Values.2": "i-1"}), win},
		{"by two filters", ecs(params{"Filters.1.Key": "InstanceId", "Filters.1.Values.1": "i-bp1demowin01", "Filters.2.Key": "Status", "Filters.2.Values.1": "UNKNOWN"}), ""},
		{"by a tag of the instance", ecs(params{"Tag.1.Key": "team", "Tag.1.Value": "web"}), web + " " + web2},
		{"of another account", ecs(cross), "c-0002demopay01"},
		{"of another region", ecs(params{"RegionId": "cn-shanghai"}), ""},
		{"the second page", ecs(params{"PageNumber": "2", "PageSize": "4"}), partial},
	} {
		if got := f.call(t, portal, "DescribeBackupClients", tt.p).named(t, "Clients", "ClientId"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	for name, p := range map[string]params{
		"no ClientType": {}, "another ClientType": {"ClientType": "FILE"}, "instances as text": ecs(params{"InstanceIds": "i-1"}),
		"a key that does not exist": ecs(params{"Filters.1.Key": "Colour", "Filters.1.Values.1": "red"}),
		"an Operator":               ecs(params{"Filters.1.Key": "InstanceId", "Filters.1.Operator": "IN", "Filters.1.Values.1": "a"}),
		"no values":                 ecs(params{"Filters.1.Key": "InstanceId"}),
		"an account without a type": ecs(params{"CrossAccountUserId": DemoPaymentsAccount}),
	} {
		if a := f.call(t, portal, "DescribeBackupClients", p); a.status != 400 {
			t.Errorf("%s: got %d", name, a.status)
		}
	}
}

func TestClientTellsWhenItWasHeardOf(t *testing.T) {
	f := newFixture(t)
	f.clock.advance(time.Hour)
	a := f.call(t, portal, "DescribeBackupClients", params{"ClientType": "ECS_CLIENT", "InstanceIds": `["i-bp1demoweb01"]`})
	v := a.body["Clients"].([]any)[0].(map[string]any)
	for name, want := range map[string]string{
		"LastHeartBeatTime": str(1767323045 + 3600 - 20), "Hostname": "web01", "InstanceName": "web01", "OsType": "linux", "PrivateIpV4": "172.16.0.11",
		"ZoneId": "cn-hangzhou-h", "Status": "ACTIVATED", "BackupStatus": "PROTECTED", "ClientVersion": "2.15.0", "Tags": "[map[Key:team Value:web]]",
	} {
		if got := str(v[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if _, there := v["Settings"]; there {
		t.Error("the settings of a client are shown")
	}
}

func TestClustersAreFiltered(t *testing.T) {
	f := newFixture(t)
	for _, tt := range []struct {
		p    params
		want string
	}{
		{nil, "cc-0001democluster"},
		{params{"ClusterId": "cc-0001democluster"}, "cc-0001democluster"},
		{params{"ClusterId": "cl-0001democluster"}, "cc-0001democluster"},
		{params{"Identifier": "c5bbd0931a30947f4ab85efd19380a72d"}, "cc-0001democluster"},
		{params{"Identifier": "c5"}, ""},
		{params{"ClusterId": "cc-000nothing"}, ""},
		{params{"RegionId": "cn-shanghai"}, ""},
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

func TestRegionsAreListed(t *testing.T) {
	a := newFixture(t).call(t, portal, "DescribeRegions", nil)
	if got := a.named(t, "Regions.Region", "RegionId"); got != "cn-hangzhou cn-shanghai" {
		t.Errorf("got %s", got)
	}
	if got := a.named(t, "Regions.Region", "LocalName"); got != "China (Hangzhou) China (Shanghai)" {
		t.Errorf("got %s", got)
	}
}
