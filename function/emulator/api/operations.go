// Package api lists the operations that the emulator has.
//
// A row holds what the vendor publishes about an operation: product, version, RAM action and
// parameters. The code that carries it out is in hbr, ecs and sts; package emulator connects
// both. The packages world and fault check names against this list, so that a misspelt name is an
// error.
package api

import (
	"regexp"
	"slices"
)

// An Operation describes one operation of the cloud's API that the emulator has.
type Operation struct {
	Product, Version, Action string

	Permission string   // RAM action that the gateway checks; empty: it checks none, but the operation may
	HTTPS      bool     // the vendor offers it over https only
	Regional   bool     // it belongs to a region
	Numeric    bool     // Code of a success is the number 200, not a text
	ROA        bool     // it has a path of its own, and a body that is not parameters
	params     []string // from the vendor's page of the operation; N stands for a list index
}

// Name returns product and action joined by a dot. It is unique.
func (op Operation) Name() string { return op.Product + "." + op.Action }

// Versions of the products' APIs.
const (
	HBRVersion = "2017-09-08"
	STSVersion = "2015-04-01"
	ECSVersion = "2014-05-26"
	FCVersion  = "2023-03-30"
)

// listParams are the parameters that the lists of instances and of disks have in common.
var listParams = []string{"RegionId", "MaxResults", "NextToken", "PageNumber", "PageSize", "Status", "ZoneId",
	"ResourceGroupId", "LockReason", "Tag.N.Key", "Tag.N.Value", "Filter.N.Key", "Filter.N.Value", "AdditionalAttributes.N",
	"DryRun", "OwnerAccount", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId"}

// Operations is the list of all operations. It is read-only.
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
	Product: "hbr", Version: HBRVersion, Action: "DescribeContainerResource", Permission: "hbr:DescribeContainerResource",
	Regional: true,
	params:   []string{"ClusterId", "ResourceType", "ResourceId", "PageNumber", "PageSize"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "ListProtectedResources", Permission: "hbr:ListProtectedResources",
	HTTPS: true, Regional: true,
	params: []string{"SourceType", "ResourceId", "HasSnapshot", "CreatedByProduct", "MaxResults", "NextToken", "Skip"},
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
	Product: "hbr", Version: HBRVersion, Action: "DeleteCrossAccount", Regional: true,
	params: []string{"CrossAccountUserId", "CrossAccountRoleName", "CrossAccountType", "Alias"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "CheckRole", Permission: "hbr:CheckRole", HTTPS: true, Regional: true, Numeric: true,
	params: []string{"CheckRoleType", "CrossAccountUserId", "CrossAccountRoleName"},
}, {
	Product: "hbr", Version: HBRVersion, Action: "DescribeRegions", Permission: "hbr:DescribeRegions", Regional: true,
}, {
	Product: "Ecs", Version: ECSVersion, Action: "DescribeInstances", Permission: "ecs:DescribeInstances", Regional: true,
	params: append([]string{"InstanceIds", "InstanceName", "VpcId", "ImageId", "InstanceType", "InstanceTypeFamily",
		"InstanceChargeType", "InstanceNetworkType", "InternetChargeType", "VSwitchId", "SecurityGroupId", "KeyPairName",
		"HpcClusterId", "DeviceAvailable", "IoOptimized", "NeedSaleCycle", "InnerIpAddresses", "PrivateIpAddresses",
		"PublicIpAddresses", "EipAddresses", "RdmaIpAddresses", "Ipv6Address.N", "HttpEndpoint", "HttpTokens",
		"HttpPutResponseHopLimit"}, listParams...),
}, {
	Product: "Ecs", Version: ECSVersion, Action: "DescribeDisks", Permission: "ecs:DescribeDisks", Regional: true,
	params: append([]string{"InstanceId", "DiskIds", "DiskType", "DiskName", "Category", "DiskChargeType", "MultiAttach",
		"Portable", "Encrypted", "KMSKeyId", "DeleteWithInstance", "DeleteAutoSnapshot", "EnableAutoSnapshot",
		"EnableAutomatedSnapshotPolicy", "EnableShared", "SnapshotId", "AutoSnapshotPolicyId"}, listParams...),
}, {
	Product: "Ecs", Version: ECSVersion, Action: "DescribeRegions", Permission: "ecs:DescribeRegions",
	params: []string{"AcceptLanguage", "InstanceChargeType", "ResourceType"},
}, {
	Product: "FC", Version: FCVersion, Action: "InvokeFunction", HTTPS: true, ROA: true, // it checks the permission itself: the resource is in the path
	params: []string{"qualifier"},
}}

// listIndex matches a list index in the name of a parameter.
var listIndex = regexp.MustCompile(`\.[0-9]+`)

// Unknown returns the names in own that are not parameters of op, sorted. own are the
// parameters of a call without the common ones. The gateway ignores unknown names; the ledger
// shows them, because they are usually misspelt.
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
