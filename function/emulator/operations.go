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
	params     []string // as on the operation's page; a list index is written N

	do func(*Cloud, *call) (any, error)
}

const (
	hbrVersion = "2017-09-08"
	stsVersion = "2015-04-01"
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
