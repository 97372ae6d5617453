package emulator

import (
	"regexp"
	"slices"
)

// An operation is one row of what this emulator can do.
type operation struct {
	product, version, action string

	permission string   // RAM action that the caller needs; empty: none, or the operation asks for it itself
	https      bool     // the vendor's metadata lists https alone
	regional   bool     // happens in a region
	numeric    bool     // shows the Code of a success as the number 200; text is the rule
	params     []string // as on the operation's page; a list index is written N
}

// name is the product and the action, which together are unique.
func (op operation) name() string { return op.product + "." + op.action }

const (
	hbrVersion = "2017-09-08"
	stsVersion = "2015-04-01"
	ecsVersion = "2014-05-26"
)

// operations are all that can be called.
var operations = []operation{{
	product: "Sts", version: stsVersion, action: "AssumeRole", https: true,
	params: []string{"RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "ExternalId", "SourceIdentity"},
}, {
	product: "Sts", version: stsVersion, action: "GetCallerIdentity", https: true,
}, {
	product: "hbr", version: hbrVersion, action: "CreateBackupJob", permission: "hbr:CreateBackupJob", regional: true,
	params: []string{"SourceType", "JobName", "Retention", "InstanceId", "Detail", "BackupType", "VaultId",
		"SpeedLimit", "Options", "Include", "Exclude", "ClusterId", "ContainerResources", "InitiatedByAck",
		"ContainerClusterId", "CrossAccountType", "CrossAccountUserId", "CrossAccountRoleName"},
}, {
	product: "hbr", version: hbrVersion, action: "DescribeBackupJobs2", permission: "hbr:DescribeBackupJobs2", regional: true,
	params: []string{"SourceType", "PageNumber", "PageSize", "SortDirection", "Edition",
		"Filters.N.Key", "Filters.N.Operator", "Filters.N.Values.N"},
}, {
	product: "hbr", version: hbrVersion, action: "CancelBackupJob", permission: "hbr:CancelBackupJob", regional: true,
	params: []string{"JobId", "VaultId", "Edition"},
}, {
	product: "hbr", version: hbrVersion, action: "DescribeVaults", permission: "hbr:DescribeVaults", regional: true,
	params: []string{"VaultId", "VaultRegionId", "ResourceGroupId", "VaultName", "Status", "VaultType", "Replication",
		"VaultOwnerId", "Tag.N.Key", "Tag.N.Value", "PageNumber", "PageSize"},
}, {
	product: "hbr", version: hbrVersion, action: "DescribeBackupClients", permission: "hbr:DescribeBackupClients", regional: true,
	params: []string{"ClientType", "InstanceIds", "ClientIds", "ClusterId", "CrossAccountType", "CrossAccountUserId",
		"CrossAccountRoleName", "Filters.N.Key", "Filters.N.Values.N", "Tag.N.Key", "Tag.N.Value", "PageNumber", "PageSize"},
}, {
	product: "hbr", version: hbrVersion, action: "DescribeContainerCluster", permission: "hbr:DescribeContainerCluster",
	regional: true, numeric: true,
	params: []string{"ClusterId", "Identifier", "PageNumber", "PageSize"},
}, {
	product: "hbr", version: hbrVersion, action: "DescribeUdmSnapshots", permission: "hbr:DescribeUdmSnapshots", regional: true,
	params: []string{"SourceType", "StartTime", "EndTime", "UdmRegionId", "InstanceId", "DiskId", "JobId", "SnapshotIds"},
}, {
	product: "hbr", version: hbrVersion, action: "DescribeCrossAccounts", permission: "hbr:DescribeCrossAccounts", regional: true,
	params: []string{"PageNumber", "PageSize"},
}, {
	product: "hbr", version: hbrVersion, action: "AddCrossAccount", regional: true,
	params: []string{"CrossAccountUserId", "CrossAccountRoleName", "CrossAccountType", "Alias"},
}, {
	product: "hbr", version: hbrVersion, action: "CheckRole", permission: "hbr:CheckRole", https: true, regional: true, numeric: true,
	params: []string{"CheckRoleType", "CrossAccountUserId", "CrossAccountRoleName"},
}, {
	product: "hbr", version: hbrVersion, action: "DescribeRegions", permission: "hbr:DescribeRegions", regional: true,
}, {
	product: "Ecs", version: ecsVersion, action: "DescribeInstances", permission: "ecs:DescribeInstances", regional: true,
	params: []string{"RegionId", "MaxResults", "NextToken", "PageNumber", "PageSize", "InstanceIds", "InstanceName", "Status",
		"Tag.N.Key", "Tag.N.Value", "ResourceGroupId", "VpcId", "ZoneId", "ImageId", "InstanceType"},
}, {
	product: "Ecs", version: ecsVersion, action: "DescribeDisks", permission: "ecs:DescribeDisks", regional: true,
	params: []string{"RegionId", "MaxResults", "NextToken", "PageNumber", "PageSize",
		"InstanceId", "DiskIds", "DiskType", "Category", "Status"},
}, {
	product: "Ecs", version: ecsVersion, action: "DescribeRegions", permission: "ecs:DescribeRegions",
	params: []string{"AcceptLanguage", "InstanceChargeType", "ResourceType"},
}}

var listIndex = regexp.MustCompile(`\.[0-9]+`)

// unknown returns the names among an operation's own parameters that op does not
// have, sorted. The gateway ignores them; the ledger shows them, since they are
// usually misspelt.
func (op operation) unknown(own map[string]string) []string {
	var names []string
	for name := range own {
		if !slices.Contains(op.params, listIndex.ReplaceAllString(name, ".N")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
