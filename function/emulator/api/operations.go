// Package api lists the operations that the emulator answers.
//
// It has what the vendor publishes of them and no code that carries them out:
// product, version, RAM action, parameters. Package emulator has a function for
// each; world and fault look names up here, so that a misspelt one is an error.
package api

import (
	"regexp"
	"slices"
)

// An Operation is one row of what this emulator can do.
type Operation struct {
	Product, Version, Action string

	Permission string   // RAM action that the caller needs; empty: none, or the operation asks for it itself
	HTTPS      bool     // the vendor's metadata lists https alone
	Regional   bool     // happens in a region
	Numeric    bool     // shows the Code of a success as the number 200; text is the rule
	params     []string // as on the operation's page; a list index is written N
}

// Name is the product and the action, which together are unique.
func (op Operation) Name() string { return op.Product + "." + op.Action }

// Versions of the products' APIs.
const (
	HBRVersion = "2017-09-08"
	STSVersion = "2015-04-01"
	ECSVersion = "2014-05-26"
)

// Operations are all that can be called.
var Operations = []Operation{{
	Product: "Sts", Version: STSVersion, Action: "AssumeRole", HTTPS: true,
	params: []string{"RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "ExternalId", "SourceIdentity"},
}, {
	Product: "Sts", Version: STSVersion, Action: "GetCallerIdentity", HTTPS: true,
}, {
	Product: "hbr", Version: HBRVersion, Action: "CreateBackupJob", Permission: "hbr:CreateBackupJob", Regional: true,
	params: []string{"SourceType", "JobName", "Retention", "InstanceId", "Detail", "BackupType", "VaultId",
		"SpeedLimit", "Options", "Include", "Exclude", "ClusterId", "ContainerResources", "InitiatedByAck",
		"ContainerClusterId", "CrossAccountType", "CrossAccountUserId", "CrossAccountRoleName"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "DescribeBackupJobs2", Permission: "hbr:DescribeBackupJobs2", Regional: true,
	params: []string{"SourceType", "PageNumber", "PageSize", "SortDirection", "Edition",
		"Filters.N.Key", "Filters.N.Operator", "Filters.N.Values.N"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "CancelBackupJob", Permission: "hbr:CancelBackupJob", Regional: true,
	params: []string{"JobId", "VaultId", "Edition"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "DescribeVaults", Permission: "hbr:DescribeVaults", Regional: true,
	params: []string{"VaultId", "VaultRegionId", "ResourceGroupId", "VaultName", "Status", "VaultType", "Replication",
		"VaultOwnerId", "Tag.N.Key", "Tag.N.Value", "PageNumber", "PageSize"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "DescribeBackupClients", Permission: "hbr:DescribeBackupClients", Regional: true,
	params: []string{"ClientType", "InstanceIds", "ClientIds", "ClusterId", "CrossAccountType", "CrossAccountUserId",
		"CrossAccountRoleName", "Filters.N.Key", "Filters.N.Values.N", "Tag.N.Key", "Tag.N.Value", "PageNumber", "PageSize"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "DescribeContainerCluster", Permission: "hbr:DescribeContainerCluster",
	Regional: true, Numeric: true,
	params: []string{"ClusterId", "Identifier", "PageNumber", "PageSize"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "DescribeUdmSnapshots", Permission: "hbr:DescribeUdmSnapshots", Regional: true,
	params: []string{"SourceType", "StartTime", "EndTime", "UdmRegionId", "InstanceId", "DiskId", "JobId", "SnapshotIds"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "DescribeCrossAccounts", Permission: "hbr:DescribeCrossAccounts", Regional: true,
	params: []string{"PageNumber", "PageSize"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "AddCrossAccount", Regional: true,
	params: []string{"CrossAccountUserId", "CrossAccountRoleName", "CrossAccountType", "Alias"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "CheckRole", Permission: "hbr:CheckRole", HTTPS: true, Regional: true, Numeric: true,
	params: []string{"CheckRoleType", "CrossAccountUserId", "CrossAccountRoleName"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "DescribeRegions", Permission: "hbr:DescribeRegions", Regional: true,
}, {
	Product: "Ecs", Version: ECSVersion, Action: "DescribeInstances", Permission: "ecs:DescribeInstances", Regional: true,
	params: []string{"RegionId", "MaxResults", "NextToken", "PageNumber", "PageSize", "InstanceIds", "InstanceName", "Status",
		"Tag.N.Key", "Tag.N.Value", "ResourceGroupId", "VpcId", "ZoneId", "ImageId", "InstanceType"},
}, {
	Product: "Ecs", Version: ECSVersion, Action: "DescribeDisks", Permission: "ecs:DescribeDisks", Regional: true,
	params: []string{"RegionId", "MaxResults", "NextToken", "PageNumber", "PageSize",
		"InstanceId", "DiskIds", "DiskType", "Category", "Status"},
}, {
	Product: "Ecs", Version: ECSVersion, Action: "DescribeRegions", Permission: "ecs:DescribeRegions",
	params: []string{"AcceptLanguage", "InstanceChargeType", "ResourceType"},
}}

var listIndex = regexp.MustCompile(`\.[0-9]+`)

// Unknown returns the names among an operation's own parameters that op does not
// have, sorted. The gateway ignores them; the ledger shows them, since they are
// usually misspelt.
func (op Operation) Unknown(own map[string]string) []string {
	var names []string
	for name := range own {
		if !slices.Contains(op.params, listIndex.ReplaceAllString(name, ".N")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
