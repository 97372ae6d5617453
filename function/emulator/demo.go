package emulator

// Names in the demo world that other programs and documents may rely on.
const (
	DemoPortalAccount   = "1000000000000001"
	DemoPaymentsAccount = "2000000000000002"
	DemoKey             = "demo-portal-key"
	DemoSecret          = "demo-portal-secret"
)

// hbrActions are what a program needs of Cloud Backup to submit, follow and
// stop jobs and to offer what can be backed up.
var hbrActions = []string{
	"hbr:CreateBackupJob", "hbr:CancelBackupJob", "hbr:DescribeBackupJobs2", "hbr:DescribeVaults",
	"hbr:DescribeUdmSnapshots", "hbr:DescribeBackupClients", "hbr:DescribeContainerCluster",
	"hbr:DescribeCrossAccounts", "hbr:CheckRole", "hbr:DescribeRegions",
}

// Demo returns a new copy of the world that an emulator has unless it is given
// another: the account of a portal, a second account that lets the portal in,
// and a handful of things to back up in both.
func Demo() *World {
	return &World{
		Regions:     []string{"cn-hangzhou", "cn-shanghai"},
		JobDuration: defaultJobDuration,
		Accounts:    []Account{demoPortal(), demoPayments()},
	}
}

// demoPortal has one thing of every kind that a form treats differently: disks
// that are ESSD and one that is not, Linux and Windows, a client that is alive
// and one that is not.
func demoPortal() Account {
	return Account{
		ID: DemoPortalAccount,
		Users: []User{{
			Name:        "portal",
			AccessKeys:  []AccessKey{{DemoKey, DemoSecret}},
			Permissions: []Statement{{Effect: "Allow", Actions: []string{"sts:AssumeRole", "hbr:*", "ecs:Describe*"}}},
		}},
		CrossBackupRole: true,
		CrossAccounts:   []CrossAccount{{DemoPaymentsAccount, "hbrcrossrole"}},
		Instances: []Instance{
			linux("i-bp1demoweb01", "web01", "cn-hangzhou",
				Disk{ID: "d-bp1demoweb01a", Category: "cloud_essd", Type: "system", GiB: 40},
				Disk{ID: "d-bp1demoweb01b", Category: "cloud_essd", Type: "data", GiB: 100}),
			linux("i-bp1demoweb02", "web02", "cn-hangzhou",
				Disk{ID: "d-bp1demoweb02a", Category: "cloud_essd", Type: "system", GiB: 40},
				Disk{ID: "d-bp1demoweb02b", Category: "cloud_efficiency", Type: "data", GiB: 200}),
			linux("i-bp1demodb01", "db01", "cn-hangzhou",
				Disk{ID: "d-bp1demodb01a", Category: "cloud_auto", Type: "system", GiB: 60},
				Disk{ID: "d-bp1demodb01b", Category: "cloud_essd", Type: "data", GiB: 500}),
			{ID: "i-bp1demowin01", Name: "files01", Region: "cn-hangzhou", OS: "windows", Type: "ecs.g7.large", Disks: []Disk{
				{ID: "d-bp1demowin01a", Category: "cloud_essd", Type: "system", GiB: 80}}},
			linux("i-uf6demoweb03", "web03", "cn-shanghai",
				Disk{ID: "d-uf6demoweb03a", Category: "cloud_essd_entry", Type: "system", GiB: 40}),
		},
		Vaults: []Vault{
			{"v-0001demovault01", "files-prod", "cn-hangzhou"},
			{"v-0001demovault02", "containers", "cn-hangzhou"},
			{"v-0001demovault03", "files-shanghai", "cn-shanghai"},
		},
		Clusters: []Cluster{demoCluster()},
		Clients: []BackupClient{
			{"c-0001demoweb01", "i-bp1demoweb01", "ACTIVATED"},
			{"c-0001demodb01", "i-bp1demodb01", "ACTIVATED"},
			{"c-0001demowin01", "i-bp1demowin01", "ACTIVATED"},
			{"c-0001demoweb02", "i-bp1demoweb02", "DEACTIVATED"},
		},
	}
}

// demoPayments has one role for each answer to AssumeRole that a person may
// want to see, and the one that Cloud Backup itself assumes.
func demoPayments() Account {
	portal := "acs:ram::" + DemoPortalAccount + ":root"
	return Account{
		ID: DemoPaymentsAccount,
		Roles: []Role{{
			Name: "backup-operator", Trusts: []string{portal},
			Permissions: []Statement{{Effect: "Allow", Actions: append([]string{
				"ecs:DescribeInstances", "ecs:DescribeDisks"}, hbrActions...)}},
		}, {
			Name: "untrusting-operator", Trusts: []string{"acs:ram::" + DemoPaymentsAccount + ":root"},
			Permissions: []Statement{{Effect: "Allow", Actions: hbrActions}},
		}, {
			Name: "hbrcrossrole", TrustsServices: []string{crossBackupService},
		}},
		Instances: []Instance{
			linux("i-bp2demopay01", "pay01", "cn-hangzhou",
				Disk{ID: "d-bp2demopay01a", Category: "cloud_essd", Type: "system", GiB: 40}),
			linux("i-bp2demopay02", "pay02", "cn-hangzhou",
				Disk{ID: "d-bp2demopay02a", Category: "cloud_ssd", Type: "system", GiB: 40}),
			linux("i-uf6demopay03", "pay03", "cn-shanghai",
				Disk{ID: "d-uf6demopay03a", Category: "cloud_essd", Type: "system", GiB: 40}),
		},
		Vaults:  []Vault{{"v-0002demovault01", "payments", "cn-hangzhou"}},
		Clients: []BackupClient{{"c-0002demopay01", "i-bp2demopay01", "ACTIVATED"}},
	}
}

// demoCluster has two volumes, so that choosing one of them means something.
func demoCluster() Cluster {
	return Cluster{
		ID: "cc-0001democluster", GroupID: "cl-0001democluster",
		Identifier: "c5bbd0931a30947f4ab85efd19380a72d", Name: "prod", Region: "cn-hangzhou",
		Volumes: []Volume{
			{"674dac6d-74cd-47e9-a675-09e2f10d2c45", "nas-674dac6d", "data-0", "database", "cn-hangzhou.192.168.13.133", 8},
			{"1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31", "disk-1b0e6a52", "uploads", "shop", "cn-hangzhou.192.168.13.134", 20},
		},
	}
}

// linux is short for the instances of which the demo world has most.
func linux(id, name, region string, disks ...Disk) Instance {
	return Instance{ID: id, Name: name, Region: region, OS: "linux", Type: "ecs.g7.large", Disks: disks}
}
