package emulator

import (
	"net/http"
	"regexp"
	"slices"
)

// An operation is one row of what this emulator can do.
type operation struct {
	product, version, action string

	permission string   // RAM action that the caller needs; empty: none, or do asks for it itself
	https      bool     // the vendor's metadata lists https alone
	regional   bool     // happens in a region
	numeric    bool     // shows the Code of a success as the number 200; text is the rule
	params     []string // as on the operation's page; a list index is written N

	do func(*Cloud, *call) (any, error)
}

const (
	hbrVersion = "2017-09-08"
	stsVersion = "2015-04-01"
	ecsVersion = "2014-05-26"
)

// operations is the table of everything that can be called.
var operations = []operation{{
	product: "Sts", version: stsVersion, action: "AssumeRole", https: true,
	params: []string{"RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "ExternalId", "SourceIdentity"},
	do:     (*Cloud).assumeRole,
}, {
	product: "Sts", version: stsVersion, action: "GetCallerIdentity", https: true,
	do: (*Cloud).getCallerIdentity,
}, {
	product: "hbr", version: hbrVersion, action: "CreateBackupJob", permission: "hbr:CreateBackupJob", regional: true,
	params: []string{"SourceType", "JobName", "Retention", "InstanceId", "Detail", "BackupType", "VaultId",
		"SpeedLimit", "Options", "Include", "Exclude", "ClusterId", "ContainerResources", "InitiatedByAck",
		"ContainerClusterId", "CrossAccountType", "CrossAccountUserId", "CrossAccountRoleName"},
	do: (*Cloud).createBackupJob,
}, {
	product: "hbr", version: hbrVersion, action: "DescribeBackupJobs2", permission: "hbr:DescribeBackupJobs2", regional: true,
	params: []string{"SourceType", "PageNumber", "PageSize", "SortDirection", "Edition",
		"Filters.N.Key", "Filters.N.Operator", "Filters.N.Values.N"},
	do: (*Cloud).describeBackupJobs2,
}, {
	product: "hbr", version: hbrVersion, action: "CancelBackupJob", permission: "hbr:CancelBackupJob", regional: true,
	params: []string{"JobId", "VaultId", "Edition"}, do: (*Cloud).cancelBackupJob,
}, {
	product: "hbr", version: hbrVersion, action: "DescribeVaults", permission: "hbr:DescribeVaults", regional: true,
	params: []string{"VaultId", "VaultRegionId", "ResourceGroupId", "VaultName", "Status", "VaultType", "Replication",
		"VaultOwnerId", "Tag.N.Key", "Tag.N.Value", "PageNumber", "PageSize"},
	do: (*Cloud).describeVaults,
}, {
	product: "hbr", version: hbrVersion, action: "DescribeBackupClients", permission: "hbr:DescribeBackupClients", regional: true,
	params: []string{"ClientType", "InstanceIds", "ClientIds", "ClusterId", "CrossAccountType", "CrossAccountUserId",
		"CrossAccountRoleName", "Filters.N.Key", "Filters.N.Values.N", "Tag.N.Key", "Tag.N.Value", "PageNumber", "PageSize"},
	do: (*Cloud).describeBackupClients,
}, {
	product: "hbr", version: hbrVersion, action: "DescribeContainerCluster", permission: "hbr:DescribeContainerCluster",
	regional: true, numeric: true,
	params: []string{"ClusterId", "Identifier", "PageNumber", "PageSize"}, do: (*Cloud).describeContainerCluster,
}, {
	product: "hbr", version: hbrVersion, action: "DescribeUdmSnapshots", permission: "hbr:DescribeUdmSnapshots", regional: true,
	params: []string{"SourceType", "StartTime", "EndTime", "UdmRegionId", "InstanceId", "DiskId", "JobId", "SnapshotIds"},
	do:     (*Cloud).describeUdmSnapshots,
}, {
	product: "hbr", version: hbrVersion, action: "DescribeCrossAccounts", permission: "hbr:DescribeCrossAccounts", regional: true,
	params: []string{"PageNumber", "PageSize"}, do: (*Cloud).describeCrossAccounts,
}, {
	product: "hbr", version: hbrVersion, action: "AddCrossAccount", regional: true,
	params: []string{"CrossAccountUserId", "CrossAccountRoleName", "CrossAccountType", "Alias"}, do: (*Cloud).addCrossAccount,
}, {
	product: "hbr", version: hbrVersion, action: "CheckRole", permission: "hbr:CheckRole", https: true, regional: true, numeric: true,
	params: []string{"CheckRoleType", "CrossAccountUserId", "CrossAccountRoleName"}, do: (*Cloud).checkRole,
}, {
	product: "hbr", version: hbrVersion, action: "DescribeRegions", permission: "hbr:DescribeRegions", regional: true,
	do: (*Cloud).describeHBRRegions,
}, {
	product: "Ecs", version: ecsVersion, action: "DescribeInstances", permission: "ecs:DescribeInstances", regional: true,
	params: describeInstancesParams, do: (*Cloud).describeInstances,
}, {
	product: "Ecs", version: ecsVersion, action: "DescribeDisks", permission: "ecs:DescribeDisks", regional: true,
	params: describeDisksParams, do: (*Cloud).describeDisks,
}, {
	product: "Ecs", version: ecsVersion, action: "DescribeRegions", permission: "ecs:DescribeRegions",
	params: []string{"AcceptLanguage", "InstanceChargeType", "ResourceType"}, do: (*Cloud).describeEcsRegions,
}}

// findOperation tells an operation that exists nowhere from one that exists in
// another version.
func findOperation(action, version string) (operation, error) {
	at := slices.IndexFunc(operations, func(op operation) bool { return op.action == action && op.version == version })
	if at >= 0 {
		return operations[at], nil
	}
	if slices.ContainsFunc(operations, func(op operation) bool { return op.action == action }) {
		return operation{}, refuse(http.StatusBadRequest, "InvalidVersion", "the version %q of %s does not exist", version, action)
	}
	return operation{}, refuse(http.StatusNotFound, "InvalidApi.NotFound", "the api %q is not found", action)
}

var listIndex = regexp.MustCompile(`\.[0-9]+`)

// unknown returns the names among p that op does not have. The gateway ignores
// them; the ledger shows them, since they are usually misspelt.
func (op operation) unknown(p params) []string {
	var names []string
	for name := range p.operation() {
		if !slices.Contains(op.params, listIndex.ReplaceAllString(name, ".N")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
