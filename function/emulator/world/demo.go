package world

import (
	"time"

	"backupportal/function/emulator/lifecycle"
	"backupportal/function/emulator/ram"
)

// Names in the demo world that programs and documents may rely on.
const (
	DemoPortalAccount   = "1000000000000001"
	DemoPaymentsAccount = "2000000000000002"
	DemoKey             = "demo-portal-key"
	DemoSecret          = "demo-portal-secret"
)

// portalPermissions returns the permissions that the portal needs in an account: to start, list
// and cancel jobs, and to check beforehand whether a job can succeed. The demo accounts grant
// nothing else, so a demonstration shows if the portal needs more.
func portalPermissions(more ...string) []ram.Statement {
	return []ram.Statement{
		{Effect: "Allow", Actions: append([]string{
			"hbr:CreateBackupJob", "hbr:CancelBackupJob", "hbr:DescribeBackupJobs2", "hbr:DescribeUdmSnapshots", "hbr:CheckRole",
			"hbr:DescribeVaults", "hbr:DescribeContainerCluster", "hbr:DescribeContainerResource", "hbr:ListProtectedResources",
			"hbr:DescribeBackupClients", "ecs:DescribeInstances", "ecs:DescribeDisks",
		}, more...), Resources: []string{"*"}},
		{Effect: "Allow", Actions: []string{"ram:CreateServiceLinkedRole"}, Resources: []string{"*"},
			Conditions: ram.Conditions{"StringEquals": {"ram:ServiceName": {"ecsbackup.hbr.aliyuncs.com"}}}},
	}
}

// hbrEcsRole is the name of the role that an instance needs for application-consistent backups,
// as on the vendor's pages.
const hbrEcsRole = "AliyunECSInstanceForHbrRole"

// Demo returns a new copy of the default world: the portal's account, and a second account with
// roles that the portal assumes. Both have resources. docs/emulator.md lists them.
func Demo() *World {
	return &World{
		Regions:     []string{"cn-hangzhou", "cn-shanghai"},
		JobDuration: defaultJobDuration,
		Accounts:    []Account{demoPortal(), demoPayments()},
	}
}

// demoPortal returns the portal's account. It has one resource for each case that the portal's
// form treats differently: ESSD and other disks, Linux and Windows, an active and an inactive
// backup client, and instances whose jobs fail, end partially or take long.
func demoPortal() Account {
	return Account{
		ID: DemoPortalAccount,
		Users: []User{{
			Name:       "portal",
			AccessKeys: []AccessKey{{DemoKey, DemoSecret}},
			Permissions: append(portalPermissions("hbr:DescribeCrossAccounts"), ram.Statement{Effect: "Allow", Actions: []string{"sts:AssumeRole"}, Resources: []string{
				"acs:ram::" + DemoPaymentsAccount + ":role/backup-operator", "acs:ram::" + DemoPaymentsAccount + ":role/untrusting-operator",
			}}),
			// Not for the portal: most clients ask for the regions first.
			Policies: []ram.Policy{{{Effect: "Allow", Actions: []string{"hbr:DescribeRegions", "ecs:DescribeRegions"}, Resources: []string{"*"}}}},
		}},
		Roles:              []Role{{Name: hbrEcsRole, TrustsServices: []string{"ecs.aliyuncs.com"}}},
		ServiceLinkedRoles: []string{ECSBackupRole, CrossBackupRole},
		CrossAccounts:      []CrossAccount{{Account: DemoPaymentsAccount, Role: "hbrcrossrole", Alias: "payments"}},
		Instances: append([]Instance{
			linuxInstance("i-bp1demoweb01", "web01", "172.16.0.11", "web",
				Disk{ID: "d-bp1demoweb01a", Category: "cloud_essd", Type: "system", GiB: 40},
				Disk{ID: "d-bp1demoweb01b", Category: "cloud_essd", Type: "data", GiB: 100}),
			linuxInstance("i-bp1demoweb02", "web02", "172.16.0.12", "web",
				Disk{ID: "d-bp1demoweb02a", Category: "cloud_essd", Type: "system", GiB: 40},
				Disk{ID: "d-bp1demoweb02b", Category: "cloud_efficiency", Type: "data", GiB: 200}),
			linuxInstance("i-bp1demodb01", "db01", "172.16.0.21", "data",
				Disk{ID: "d-bp1demodb01a", Category: "cloud_auto", Type: "system", GiB: 60},
				Disk{ID: "d-bp1demodb01b", Category: "cloud_essd", PerformanceLevel: "PL2", Type: "data", GiB: 500}),
			{ID: "i-bp1demowin01", Name: "files01", HostName: "FILES01", Region: "cn-hangzhou", OS: "windows",
				PrivateIPs: []string{"172.16.0.31"}, RAMRole: hbrEcsRole, Tags: map[string]string{"team": "office"},
				Disks: []Disk{{ID: "d-bp1demowin01a", Category: "cloud_essd", Type: "system", GiB: 80}}},
			inOtherRegion(linuxInstance("i-uf6demoweb03", "web03", "172.20.0.13", "web",
				Disk{ID: "d-uf6demoweb03a", Category: "cloud_essd_entry", Type: "system", GiB: 40})),
		}, demoFailing()...),
		Vaults: []Vault{
			{ID: "v-0001demovault01", Name: "files", Region: "cn-hangzhou", Tags: map[string]string{"team": "web"}},
			{ID: "v-0001demovault02", Name: "containers", Region: "cn-hangzhou"},
			{ID: "v-0001demovault03", Name: "files-shanghai", Region: "cn-shanghai"},
			{ID: "v-0001demovault04", Name: "files-mirror", Region: "cn-shanghai", Replication: true, ReplicationOf: "v-0001demovault01"},
			{ID: "v-0001demovault05", Name: "broken", Region: "cn-hangzhou", Status: "ERROR"},
		},
		Clusters: []Cluster{demoCluster()},
		Clients: []BackupClient{
			{ID: "c-0001demoweb01", Instance: "i-bp1demoweb01", Status: "ACTIVATED", HeartbeatAge: 20 * time.Second},
			{ID: "c-0001demodb01", Instance: "i-bp1demodb01", Status: "ACTIVATED", HeartbeatAge: 35 * time.Second},
			{ID: "c-0001demowin01", Instance: "i-bp1demowin01", Status: "ACTIVATED", HeartbeatAge: 10 * time.Second},
			{ID: "c-0001demoweb02", Instance: "i-bp1demoweb02", Status: "DEACTIVATED", HeartbeatAge: 26 * time.Hour},
			{ID: "c-0001demopartial01", Instance: "i-bp1demopartial01", Status: "ACTIVATED", HeartbeatAge: 15 * time.Second},
			{ID: "c-0001democluster", Cluster: "cc-0001democluster", Status: "ACTIVATED", HeartbeatAge: 30 * time.Second},
		},
	}
}

// demoFailing returns instances whose jobs do not simply complete.
func demoFailing() []Instance {
	trouble := func(id, name, ip string, tags map[string]string) Instance {
		i := linuxInstance("i-bp1demo"+id, name, ip, "trouble",
			Disk{ID: "d-bp1demo" + id + "a", Category: "cloud_essd", Type: "system", GiB: 40})
		for key, value := range tags {
			i.Tags[key] = value
		}
		return i
	}
	norole := trouble("norole01", "norole01", "172.16.0.44", nil)
	norole.RAMRole = ""
	stopped := trouble("stopped01", "stopped01", "172.16.0.45", nil)
	stopped.Status = "Stopped"
	return []Instance{
		trouble("fail01", "fail01", "172.16.0.41", map[string]string{lifecycle.OutcomeTag: "FAILED:ECS.CreatingSnapshot"}),
		trouble("partial01", "partial01", "172.16.0.42", map[string]string{lifecycle.OutcomeTag: "PARTIAL_COMPLETE"}),
		trouble("slow01", "slow01", "172.16.0.43", map[string]string{lifecycle.DurationTag: "5m"}),
		norole, stopped,
	}
}

// demoPayments returns the second account. It has one role for each possible answer of
// AssumeRole, and the role that Cloud Backup assumes.
func demoPayments() Account {
	portal := "acs:ram::" + DemoPortalAccount + ":root"
	return Account{
		ID: DemoPaymentsAccount,
		Roles: []Role{{
			Name: "backup-operator", Trusts: []string{portal},
			Permissions: portalPermissions(),
		}, {
			Name: "untrusting-operator", Trusts: []string{"acs:ram::" + DemoPaymentsAccount + ":root"},
			Permissions: portalPermissions(),
		}, {
			Name: "hbrcrossrole", TrustsServices: []string{CrossBackupService},
		}, {
			Name: hbrEcsRole, TrustsServices: []string{"ecs.aliyuncs.com"},
		}},
		ServiceLinkedRoles: []string{ECSBackupRole},
		Instances: []Instance{
			linuxInstance("i-bp2demopay01", "pay01", "172.18.0.11", "payments",
				Disk{ID: "d-bp2demopay01a", Category: "cloud_essd", Type: "system", GiB: 40}),
			linuxInstance("i-bp2demopay02", "pay02", "172.18.0.12", "payments",
				Disk{ID: "d-bp2demopay02a", Category: "cloud_ssd", Type: "system", GiB: 40}),
			inOtherRegion(linuxInstance("i-uf6demopay03", "pay03", "172.22.0.13", "payments",
				Disk{ID: "d-uf6demopay03a", Category: "cloud_essd", Type: "system", GiB: 40})),
		},
		Vaults:  []Vault{{ID: "v-0002demovault01", Name: "payments", Region: "cn-hangzhou"}},
		Clients: []BackupClient{{ID: "c-0002demopay01", Instance: "i-bp2demopay01", Status: "ACTIVATED"}},
	}
}

// demoCluster returns a cluster with two volumes, so that it matters which volumes are
// selected.
func demoCluster() Cluster {
	return Cluster{
		ID: "cc-0001democluster", GroupID: "cl-0001democluster",
		Identifier: "c5bbd0931a30947f4ab85efd19380a72d", Name: "prod", Region: "cn-hangzhou",
		Volumes: []Volume{
			{ID: "674dac6d-74cd-47e9-a675-09e2f10d2c45", Name: "nas-674dac6d", Claim: "data-0", Namespace: "database",
				Node: "cn-hangzhou.192.168.13.133", StorageClass: "alibabacloud-cnfs-nas", GiB: 8},
			{ID: "1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31", Name: "disk-1b0e6a52", Claim: "uploads", Namespace: "shop",
				Node: "cn-hangzhou.192.168.13.134", StorageClass: "alicloud-disk-essd", GiB: 20},
		},
	}
}

// linuxInstance returns a Linux instance in the first region of the demo world.
func linuxInstance(id, name, ip, team string, disks ...Disk) Instance {
	return Instance{ID: id, Name: name, Region: "cn-hangzhou", OS: "linux", PrivateIPs: []string{ip},
		RAMRole: hbrEcsRole, Tags: map[string]string{"team": team}, Disks: disks}
}

// inOtherRegion returns the instance moved to the second region of the demo world.
func inOtherRegion(i Instance) Instance {
	i.Region = "cn-shanghai"
	return i
}
