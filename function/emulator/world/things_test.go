package world

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/emulator/ram"
)

// fullWorld sets every field that smallWorld leaves out.
const fullWorld = `
regions: [cn-hangzhou]
accounts:
  - id: "1000000000000001"
    users:
      - name: portal
        policies:
          - {"Version": "1", "Statement": [{"Effect": "Allow", "NotAction": ["ram:*"], "Resource": "*",
              "Condition": {"Bool": {"acs:SecureTransport": true}}}]}
        permissions: [{effect: Deny, not_actions: ["hbr:*"], conditions: {NumericLessThan: {"x:Age": 7}}}]
    roles:
      - name: operator
        trust_policy: {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
          "Principal": {"RAM": "acs:ram::1000000000000001:root", "Service": ["ecs.aliyuncs.com"]}}]}
    service_linked_roles: [AliyunServiceRoleForHbrEcsBackup]
    directory: {members: ["2000000000000002"], trusts_backup: true}
    cross_accounts: [{account: "2000000000000002", type: CROSS_ACCOUNT_BY_RD, alias: b}]
    instances:
      - id: i-bp1web01
        name: web01
        region: cn-hangzhou
        os: windows
        private_ips: [10.0.0.1]
        ram_role: operator
        tags: {team: web, "emulator:duration": 5s, "emulator:outcome": "FAILED:X"}
        job_outcome: PARTIAL_COMPLETE
        disks:
          - {id: d-bp1web01a, category: cloud_essd, type: system, gib: 40}
          - {id: d-bp1web01b, category: cloud_ssd, type: data, gib: 40, status: Detaching}
    vaults: [{id: v-0001files, region: cn-hangzhou, status: ERROR, replication: true, replication_of: v-0001other}]
    clusters: [{id: cc-0001prod, group_id: cl-0001prod, region: cn-hangzhou, agent: MISS, job_outcome: EXPIRED}]
    clients: [{id: c-0001web01, cluster: cc-0001prod, status: ACTIVATED, heartbeat_age: 10m}]
  - id: "2000000000000002"
`

func TestWorldFileSetsEveryField(t *testing.T) {
	w, err := Load(strings.NewReader(fullWorld))
	if err != nil {
		t.Fatal(err)
	}
	a := w.Accounts[0]
	if diff := cmp.Diff([]ram.Policy{{{Effect: "Allow", NotActions: []string{"ram:*"}, Resources: []string{"*"},
		Conditions: ram.Conditions{"Bool": {"acs:SecureTransport": {"true"}}}}}}, a.Users[0].Policies); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]ram.Statement{{Effect: "Deny", NotActions: []string{"hbr:*"},
		Conditions: ram.Conditions{"NumericLessThan": {"x:Age": {"7"}}}}}, a.Users[0].Permissions); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ram.Principals{RAM: []string{"acs:ram::1000000000000001:root"}, Service: []string{"ecs.aliyuncs.com"}},
		a.Roles[0].TrustPolicy[0].Principals); diff != "" {
		t.Errorf("principals (-want +got):\n%s", diff)
	}
	if got := a.Clients[0].HeartbeatAge; got != 10*time.Minute {
		t.Errorf("heartbeat_age is %v", got)
	}
}

func TestWorldFileRefusesInvalidResources(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{`"Effect": "Allow", "NotAction"`, `"Effect": "Allow", "Sid": "x", "NotAction"`, `"Sid" is not known`},
		{`"NotAction": ["ram:*"], "Resource": "*"`, `"NotAction": ["ram:*"], "Principal": {"RAM": "acs:ram::1000000000000001:root"}`, "trust policies only"},
		{`not_actions: ["hbr:*"]`, `actions: ["a:b"], not_actions: ["hbr:*"]`, "or else"},
		{"NumericLessThan", "NumericLess", "is not known"},
		{`"Principal": {"RAM": "acs:ram::1000000000000001:root"`, `"Resource": "*", "Principal": {"RAM": "acs:ram::1000000000000001:root"`, "no Resource"},
		{"1000000000000001:root\", \"Service", "1000000000000001:everybody\", \"Service", "is not the arn"},
		{"- name: operator", "- name: operator\n        external_id: abc", "in place of"},
		{"[AliyunServiceRoleForHbrEcsBackup]", "[AliyunServiceRole]", "no service-linked role"},
		{`members: ["2000000000000002"]`, `members: ["2"]`, "not an account id"},
		{`members: ["2000000000000002"]`, `members: []`, "not in its directory"},
		{"type: CROSS_ACCOUNT_BY_RD", "type: CROSS_ACCOUNT", "malformed"},
		{"type: CROSS_ACCOUNT_BY_RD", "role: x, type: OTHER", `no type "OTHER"`},
		{"alias: b", "alias: " + strings.Repeat("b", 33), "longer than 32"},
		{"private_ips: [10.0.0.1]", "private_ips: [10.0.0]", "not an ip address"},
		{"ram_role: operator", "ram_role: nobody", "not a role of account"},
		{"private_ips: [10.0.0.1]", "zone: cn-shanghai-h", "not in cn-hangzhou"},
		{"private_ips: [10.0.0.1]", "status: Asleep", "is not one of Pending"},
		{`"emulator:duration": 5s`, `"emulator:duration": 5`, "not a duration"},
		{`"FAILED:X"`, `""`, "is empty"},
		{`"FAILED:X"`, `"BROKEN"`, "is not one of COMPLETE"},
		{`"emulator:outcome"`, `"emulator:colour"`, "is not known"},
		{"job_outcome: PARTIAL_COMPLETE", "job_outcome: RUNNING", "is not one of COMPLETE"},
		{"type: data", "type: system", "and no other"},
		{"status: Detaching", "status: Gone", "is not one of In_use"},
		{"category: cloud_ssd", "category: cloud_ssd, performance_level: PL1", "only a cloud_essd"},
		{"status: ERROR", "status: FULL", "is not one of INITIALIZING"},
		{"replication: true", "replication: false", "for a vault with replication"},
		{"agent: MISS", "agent: GONE", "is not one of READY"},
		{"status: ACTIVATED", "status: ALIVE", "is not one of REGISTERED"},
		{"heartbeat_age: 10m", "heartbeat_age: -1s", "negative"},
		{"cluster: cc-0001prod, status", "status", "or else in a cluster"},
		{"cluster: cc-0001prod, status", "cluster: cc-000nothing, status", "is not in account"},
	} {
		if !strings.Contains(fullWorld, tt.old) {
			t.Fatalf("%q is not in the world", tt.old)
		}
		_, err := Load(strings.NewReader(strings.Replace(fullWorld, tt.old, tt.new, 1)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want something about %q", tt.new, err, tt.want)
		}
	}
}

func TestDefaultsOfWorld(t *testing.T) {
	w := &World{Regions: []string{"cn-hangzhou"}, Accounts: []Account{{
		ID:            DemoPortalAccount,
		CrossAccounts: []CrossAccount{{Account: DemoPaymentsAccount, Role: "r"}},
		Instances: []Instance{{ID: "i-1", Name: "web01", Region: "cn-hangzhou", OS: "windows", Disks: []Disk{
			{ID: "d-1", Category: "cloud_essd", Type: "system", GiB: 1}, {ID: "d-2", Category: "cloud_ssd", Type: "data", GiB: 1}}}},
		Vaults:   []Vault{{ID: "v-1"}},
		Clusters: []Cluster{{ID: "cc-1"}},
		Clients:  []BackupClient{{ID: "c-1"}},
	}}}
	before := w.Accounts[0].Instances[0]
	before.Disks = slices.Clone(before.Disks)
	a := NewIndex(w).Account(DemoPortalAccount)
	i := a.Instances[0]
	for name, got := range map[string][2]string{
		"HostName": {i.HostName, "web01"}, "Zone": {i.Zone, "cn-hangzhou-h"}, "Status": {i.Status, "Running"}, "Type": {i.Type, "ecs.g7.large"},
		"OSName": {i.OSName, "Windows Server 2022 Datacenter 64 bit"}, "disk status": {i.Disks[0].Status, "In_use"},
		"device": {i.Disks[1].Device, "/dev/xvdb"}, "level": {i.Disks[0].PerformanceLevel, "PL1"}, "no level": {i.Disks[1].PerformanceLevel, ""},
		"cross account": {a.CrossAccounts[0].Type, "CROSS_ACCOUNT"}, "vault": {a.Vaults[0].Type + a.Vaults[0].Status, "STANDARDCREATED"},
		"agent": {a.Clusters[0].Agent, "READY"}, "client": {a.Clients[0].Version, "2.15.0"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %q, want %q", name, got[0], got[1])
		}
	}
	if diff := cmp.Diff(before, w.Accounts[0].Instances[0]); diff != "" || w.JobDuration != 0 {
		t.Errorf("the world itself changed:\n%s", diff)
	}
}
