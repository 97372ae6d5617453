package emulator

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// ecsCall calls ECS. It sets the version of ECS, because fixture.call sets the version of Cloud
// Backup.
func (f *fixture) ecsCall(t *testing.T, who keys, action string, own rpc.Params) answer {
	t.Helper()
	return f.call(t, who, action, with(rpc.Params{"Version": api.ECSVersion}, own))
}

// listed returns the value of the member field for every element of a list in an answer of ECS.
func listed(t *testing.T, a answer, outer, inner, field string) []string {
	t.Helper()
	if a.status != 200 {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	names := []string{}
	for _, element := range a.body[outer].(map[string]any)[inner].([]any) {
		names = append(names, fmt.Sprint(element.(map[string]any)[field]))
	}
	return names
}

// ecsWorld adds to the emulated accounts w one instance for each filter of DescribeInstances,
// so that each filter selects exactly one.
func ecsWorld(w *world.World) {
	disk := func(id, category, kind string) world.Disk {
		return world.Disk{ID: id, Category: category, Type: kind, GiB: 40}
	}
	w.Accounts[0].Clients = nil
	w.Accounts[0].Instances = []world.Instance{{
		ID: "i-web01", Name: "web01", Region: "cn-hangzhou", OS: "linux",
		Tags:  map[string]string{"team": "web", "stage": "prod"},
		Disks: []world.Disk{disk("d-web01a", "cloud_essd", "system")},
	}, {
		ID: "i-web02", Name: "web02", Region: "cn-hangzhou", OS: "linux",
		Tags:   map[string]string{"team": "web", "stage": "test"},
		Status: "Stopped", Zone: "cn-hangzhou-b", ResourceGroup: "rg-1", Created: "2026-01-02T03:04Z",
		PrivateIPs: []string{"10.0.0.2"}, PublicIPs: []string{"203.0.113.2"},
		Disks: []world.Disk{disk("d-web02a", "cloud_essd", "system"), {
			ID: "d-web02b", Name: "data", Category: "cloud_efficiency", Type: "data", GiB: 40, Encrypted: true,
			Tags: map[string]string{"team": "web"},
		}},
	}, {
		ID: "i-db01", Name: "db01", Region: "cn-hangzhou", OS: "linux",
		Locks: []string{"financial"}, VPC: "vpc-db", Image: "m-db", Type: "ecs.r7.large",
		Disks: []world.Disk{disk("d-db01a", "cloud_essd", "system")},
	}, {
		ID: "i-web03", Name: "web03", Region: "cn-shanghai", OS: "windows",
		Disks: []world.Disk{disk("d-web03a", "cloud_essd", "system")},
	}}
}

func TestDescribeInstancesFilters(t *testing.T) {
	f := newFixture(t, ecsWorld)
	const web1, web2, db = "web01", "web02", "db01"
	for _, tt := range []struct {
		own  rpc.Params
		want []string
	}{
		{nil, []string{web1, web2, db}},
		{rpc.Params{"RegionId": "cn-shanghai"}, []string{"web03"}},
		{rpc.Params{"InstanceIds": `["i-db01","i-web01","i-none"]`}, []string{web1, db}},
		{rpc.Params{"InstanceIds": `["i-bp2demopay01"]`}, []string{}}, // an instance of another account
		{rpc.Params{"InstanceName": "web*"}, []string{web1, web2}},
		{rpc.Params{"InstanceName": "*01"}, []string{web1, db}},
		{rpc.Params{"InstanceName": "web"}, []string{}},
		{rpc.Params{"Status": "Stopped"}, []string{web2}},
		{rpc.Params{"Tag.1.Key": "team"}, []string{web1, web2}},
		{rpc.Params{"Tag.1.Key": "team", "Tag.1.Value": "web", "Tag.7.Key": "stage", "Tag.7.Value": "test"}, []string{web2}},
		{rpc.Params{"Tag.1.Key": "team", "Tag.1.Value": "db"}, []string{}},
		{rpc.Params{"ZoneId": "cn-hangzhou-b"}, []string{web2}},
		{rpc.Params{"ResourceGroupId": "rg-1"}, []string{web2}},
		{rpc.Params{"VpcId": "vpc-db"}, []string{db}},
		{rpc.Params{"ImageId": "m-db"}, []string{db}},
		{rpc.Params{"InstanceType": "ecs.r7.large", "Status": "Running"}, []string{db}},
		{rpc.Params{"InstanceTypeFamily": "ecs.r7"}, []string{db}},
		{rpc.Params{"LockReason": "financial"}, []string{db}},
		{rpc.Params{"LockReason": "security"}, []string{}},
		{rpc.Params{"VSwitchId": "vsw-cn-hangzhou-b"}, []string{web2}},
		{rpc.Params{"SecurityGroupId": "sg-vpc-db"}, []string{db}},
		{rpc.Params{"PrivateIpAddresses": `["10.0.0.9","10.0.0.2"]`}, []string{web2}},
		{rpc.Params{"PublicIpAddresses": `["203.0.113.2"]`}, []string{web2}},
		{rpc.Params{"EipAddresses": `["203.0.113.2"]`}, []string{}},
		{rpc.Params{"Ipv6Address.1": "2001:db8::1"}, []string{}},
		{rpc.Params{"InstanceChargeType": "PrePaid"}, []string{}},
		{rpc.Params{"InstanceChargeType": "PostPaid", "InstanceNetworkType": "vpc", "IoOptimized": "true", "InstanceName": web2}, []string{web2}},
		{rpc.Params{"InstanceNetworkType": "classic"}, []string{}},
		{rpc.Params{"KeyPairName": "mine"}, []string{}},
		{rpc.Params{"Filter.3.Key": "CreationStartTime", "Filter.3.Value": "2026-01-01T00:00Z"}, []string{web2}},
		{rpc.Params{"Filter.4.Key": "CreationEndTime", "Filter.4.Value": "2026-01-01T00:00Z", "Status": "Running", "VpcId": "vpc-db"}, []string{db}},
		{rpc.Params{"Filter.1.Key": "ExpiredStartTime", "Filter.1.Value": "2100-01-01T00:00Z"}, []string{}},
	} {
		t.Run(fmt.Sprint(tt.own), func(t *testing.T) {
			got := listed(t, f.ecsCall(t, portal, "DescribeInstances", tt.own), "Instances", "Instance", "InstanceName")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDescribeDisksFilters(t *testing.T) {
	f := newFixture(t, ecsWorld)
	for _, tt := range []struct {
		own  rpc.Params
		want []string
	}{
		{rpc.Params{"InstanceId": "i-web02"}, []string{"d-web02a", "d-web02b"}},
		{rpc.Params{"InstanceId": "i-web02", "DiskType": "system", "Status": "All"}, []string{"d-web02a"}},
		{rpc.Params{"Category": "cloud_efficiency"}, []string{"d-web02b"}},
		{rpc.Params{"Category": "local_ssd_pro"}, []string{}},
		{rpc.Params{"DiskIds": `["d-db01a"]`, "Category": "all", "DiskType": "all"}, []string{"d-db01a"}},
		{rpc.Params{"Status": "Available"}, []string{}},
		{rpc.Params{"RegionId": "cn-shanghai"}, []string{"d-web03a"}},
		{rpc.Params{"Portable": "true"}, []string{"d-web02b"}},
		{rpc.Params{"DeleteWithInstance": "false"}, []string{"d-web02b"}},
		{rpc.Params{"DiskName": "data"}, []string{"d-web02b"}},
		{rpc.Params{"Encrypted": "true"}, []string{"d-web02b"}},
		{rpc.Params{"Tag.1.Key": "team", "Tag.1.Value": "web"}, []string{"d-web02b"}},
		{rpc.Params{"ZoneId": "cn-hangzhou-b", "ResourceGroupId": "rg-1", "DiskType": "system"}, []string{"d-web02a"}},
		{rpc.Params{"LockReason": "financial"}, []string{"d-db01a"}},
		{rpc.Params{"MultiAttach": "Enabled"}, []string{}},
		{rpc.Params{"DiskChargeType": "PrePaid"}, []string{}},
		{rpc.Params{"SnapshotId": "s-1"}, []string{}},
		{rpc.Params{"Filter.1.Key": "CreationStartTime", "Filter.1.Value": "2026-01-01T00:00Z"}, []string{"d-web02a", "d-web02b"}},
	} {
		t.Run(fmt.Sprint(tt.own), func(t *testing.T) {
			got := listed(t, f.ecsCall(t, portal, "DescribeDisks", tt.own), "Disks", "Disk", "DiskId")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("disks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestECSRefusesInvalidParameters(t *testing.T) {
	f := newFixture(t, func(w *world.World) {
		w.Accounts[0].Users = append(w.Accounts[0].Users, world.User{
			Name: "hbr", AccessKeys: []world.AccessKey{{ID: "hbr-key", Secret: "hbr-secret"}},
			Permissions: []ram.Statement{{Effect: "Allow", Actions: []string{"hbr:*"}}},
		})
	})
	stranger := keys{id: "hbr-key", secret: "hbr-secret"}
	many := rpc.Params{}
	for n := range 21 {
		many[fmt.Sprintf("Tag.%d.Key", n+1)] = "k"
	}
	for _, tt := range []struct {
		name, action string
		who          keys
		own          rpc.Params
		status       int
		code         string
	}{
		{"no region", "DescribeInstances", portal, rpc.Params{"RegionId": ""}, 400, "MissingRegionId"},
		{"no such region", "DescribeDisks", portal, rpc.Params{"RegionId": "atlantis"}, 404, "InvalidRegion.NotFound"},
		{"no permission for instances", "DescribeInstances", stranger, nil, 403, "Forbidden.RAM"},
		{"no permission for disks", "DescribeDisks", stranger, nil, 403, "Forbidden.RAM"},
		{"no permission for regions", "DescribeRegions", stranger, nil, 403, "Forbidden.RAM"},
		{"ids that are no json", "DescribeInstances", portal, rpc.Params{"InstanceIds": "i-1,i-2"}, 400, "InvalidParameter"},
		{"ids that are no texts", "DescribeInstances", portal, rpc.Params{"InstanceIds": "[1]"}, 400, "InvalidParameter"},
		{"101 ids", "DescribeInstances", portal, rpc.Params{"InstanceIds": `["i-1"` + strings.Repeat(`,"i-1"`, 100) + `]`}, 400, "InvalidParameter"},
		{"21 tags", "DescribeInstances", portal, many, 400, "InvalidParameter"},
		{"a value without a key", "DescribeInstances", portal, rpc.Params{"Tag.1.Value": "web"}, 400, "InvalidParameter"},
		{"tags as json", "DescribeInstances", portal, rpc.Params{"Tags": `[{"Key":"team"}]`}, 400, "InvalidParameter"},
		{"a status of disks", "DescribeInstances", portal, rpc.Params{"Status": "In_use"}, 400, "InvalidParameter"},
		{"a status of instances", "DescribeDisks", portal, rpc.Params{"Status": "Running"}, 400, "InvalidParameter"},
		{"a type that does not exist", "DescribeDisks", portal, rpc.Params{"DiskType": "swap"}, 400, "InvalidParameter"},
		{"a category that does not exist", "DescribeDisks", portal, rpc.Params{"Category": "tape"}, 400, "InvalidParameter"},
		{"a number that is none", "DescribeInstances", portal, rpc.Params{"MaxResults": "ten"}, 400, "InvalidParameter"},
		{"a page of 101", "DescribeInstances", portal, rpc.Params{"PageSize": "101"}, 400, "InvalidParameter"},
		{"page 0", "DescribeInstances", portal, rpc.Params{"PageNumber": "0"}, 400, "InvalidParameter"},
		{"a filter that no world knows", "DescribeInstances", portal, rpc.Params{"HttpTokens": "required"}, 400, "UnsupportedParameter"},
		{"an owner", "DescribeDisks", portal, rpc.Params{"OwnerId": "1"}, 400, "UnsupportedParameter"},
		{"a dry run", "DescribeInstances", portal, rpc.Params{"DryRun": "true"}, 400, "DryRunOperation"},
		{"a dry run of an invalid call", "DescribeInstances", portal, rpc.Params{"DryRun": "true", "Status": "x"}, 400, "InvalidParameter"},
		{"a filter by an unknown key", "DescribeDisks", portal, rpc.Params{"Filter.1.Key": "x"}, 400, "InvalidParameter"},
		{"a filter by the end of a disk", "DescribeDisks", portal, rpc.Params{"Filter.1.Key": "ExpiredEndTime", "Filter.1.Value": "2026-01-02T03:04Z"}, 400, "InvalidParameter"},
		{"a filter without a time", "DescribeInstances", portal, rpc.Params{"Filter.3.Key": "CreationStartTime"}, 400, "InvalidParameter"},
		{"a filter without a key", "DescribeInstances", portal, rpc.Params{"Filter.3.Value": "2026-01-02T03:04Z"}, 400, "InvalidParameter"},
		{"a fifth filter", "DescribeInstances", portal, rpc.Params{"Filter.5.Key": "CreationStartTime"}, 400, "InvalidParameter"},
		{"an address that is none", "DescribeInstances", portal, rpc.Params{"PrivateIpAddresses": `["web01"]`}, 400, "InvalidParameter"},
		{"addresses as a text", "DescribeInstances", portal, rpc.Params{"PublicIpAddresses": "203.0.113.11"}, 400, "InvalidParameter"},
		{"a charge type that does not exist", "DescribeDisks", portal, rpc.Params{"DiskChargeType": "Free"}, 400, "InvalidParameter"},
		{"a boolean that is none", "DescribeDisks", portal, rpc.Params{"Encrypted": "yes"}, 400, "InvalidParameter"},
		{"an attribute that does not exist", "DescribeDisks", portal, rpc.Params{"AdditionalAttributes.1": "COLOUR"}, 400, "InvalidParameter"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own := rpc.Params{"Version": api.ECSVersion}
			for name, v := range tt.own {
				own[name] = v
			}
			a := f.call(t, tt.who, tt.action, own)
			if a.status != tt.status || a.code() != tt.code {
				t.Errorf("got %d %s (%s), want %d %s", a.status, a.code(), a.message(), tt.status, tt.code)
			}
		})
	}
}

func TestNextTokenIsBoundToQuery(t *testing.T) {
	f := newFixture(t, func(w *world.World) { w.Accounts = manyInstances().Accounts })
	query := rpc.Params{"InstanceName": "crowd-*", "MaxResults": "50"}
	token, _ := f.ecsCall(t, portal, "DescribeInstances", query).body["NextToken"].(string)
	if token == "" {
		t.Fatal("there is no next page")
	}
	for _, tt := range []struct {
		name, action string
		change       rpc.Params
		good         bool
	}{
		{"the same query", "DescribeInstances", nil, true},
		{"the same query in other portions", "DescribeInstances", rpc.Params{"MaxResults": "20"}, true},
		{"another filter", "DescribeInstances", rpc.Params{"InstanceName": "*"}, false},
		{"a further filter", "DescribeInstances", rpc.Params{"Status": "Running"}, false},
		{"another region", "DescribeInstances", rpc.Params{"RegionId": "cn-shanghai"}, false},
		{"another operation", "DescribeDisks", rpc.Params{"InstanceName": ""}, false},
		{"a byte changed", "DescribeInstances", rpc.Params{"NextToken": "A" + token}, false},
		{"not one of ours", "DescribeInstances", rpc.Params{"NextToken": "50"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := f.ecsCall(t, portal, tt.action, with(with(query, rpc.Params{"NextToken": token}), tt.change))
			if tt.good {
				if got := listed(t, a, "Instances", "Instance", "InstanceName"); got[0] != "crowd-050" {
					t.Errorf("the page begins with %s", got[0])
				}
				return
			}
			if a.status != 400 || a.code() != "InvalidParameter.NextToken" {
				t.Errorf("got %d %s", a.status, a.code())
			}
		})
	}
}

func TestTotalCountOnlyWithPageNumber(t *testing.T) {
	f := newFixture(t, func(w *world.World) { w.Accounts = manyInstances().Accounts })
	for _, tt := range []struct {
		own  rpc.Params
		want string // whether there is a NextToken, then PageNumber, PageSize, TotalCount, elements
	}{
		{nil, "more 1 10 230 10"},
		{rpc.Params{"PageNumber": "5", "PageSize": "50"}, "last 5 50 230 30"},
		{rpc.Params{"PageNumber": "6", "PageSize": "50"}, "last 6 50 230 0"},
		{rpc.Params{"MaxResults": "0"}, "more 1 10 0 10"},
		{rpc.Params{"MaxResults": "9"}, "more 1 10 0 10"},
		{rpc.Params{"MaxResults": "11"}, "more 1 11 0 11"},
		{rpc.Params{"MaxResults": "101", "PageNumber": "3"}, "more 1 100 0 100"},
	} {
		a := f.ecsCall(t, portal, "DescribeInstances", tt.own)
		more := "last"
		if a.body["NextToken"] != "" {
			more = "more"
		}
		got := fmt.Sprint(more, " ", a.body["PageNumber"], " ", a.body["PageSize"], " ", a.body["TotalCount"], " ",
			len(listed(t, a, "Instances", "Instance", "InstanceId")))
		if got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.own, got, tt.want)
		}
	}
	a := f.ecsCall(t, portal, "DescribeDisks", rpc.Params{"MaxResults": "600"})
	if n := len(listed(t, a, "Disks", "Disk", "DiskId")); n != 253 || a.body["NextToken"] != "" {
		t.Errorf("%d disks on a page of 500, next page %q", n, a.body["NextToken"])
	}
}

// TestECSReplyShape proves that the nesting of members in replies of ECS is that of the
// vendor's metadata. Generated clients fail if one level is missing.
func TestECSReplyShape(t *testing.T) {
	f := newFixture(t, ecsWorld)
	a := f.ecsCall(t, portal, "DescribeInstances", rpc.Params{"InstanceIds": `["i-db01"]`})
	got := a.body["Instances"].(map[string]any)["Instance"].([]any)[0].(map[string]any)
	for path, want := range map[string]any{
		"Tags":            map[string]any{"Tag": []any{}},
		"PublicIpAddress": map[string]any{"IpAddress": []any{}},
		"EipAddress":      map[string]any{"IpAddress": "", "AllocationId": "", "InternetChargeType": "", "Bandwidth": json.Number("0"), "IsSupportUnassociate": false},
		"OperationLocks":  map[string]any{"LockReason": []any{map[string]any{"LockReason": "financial", "LockMsg": ""}}},
		"CreationTime":    "2025-11-02T03:04Z",
		"HostName":        "db01",
		"OSType":          "linux",
	} {
		if diff := cmp.Diff(want, got[path]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	for _, name := range []string{"Code", "Success", "Message"} {
		if _, ok := a.body[name]; ok {
			t.Errorf("a success of ECS has no %s", name)
		}
	}
}
