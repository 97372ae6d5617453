package world

import "slices"

// A LinkedRole is a service-linked role: a service of the vendor assumes it,
// and makes it for a caller who may do so.
type LinkedRole struct {
	Check   string // CheckRoleType of CheckRole
	Name    string
	Service string // ram:ServiceName of the permission to make it
}

// The two that jobs need.
const (
	ECSBackupRole   = "AliyunServiceRoleForHbrEcsBackup"
	CrossBackupRole = "AliyunServiceRoleForHbrCrossAccountBackup"
)

// LinkedRoles are those behind the CheckRoleTypes of CheckRole. Names and services
// of the first and the last are documented; the others are written by the same
// pattern, which is a guess.
var LinkedRoles = []LinkedRole{
	{"UdmRole", ECSBackupRole, "ecsbackup.hbr.aliyuncs.com"},
	{"EcsBackupRole", ECSBackupRole, "ecsbackup.hbr.aliyuncs.com"},
	{"EcsRole", "AliyunServiceRoleForHbrEcs", "ecs.hbr.aliyuncs.com"},
	{"CsgRole", "AliyunServiceRoleForHbrCsgBackup", "csgbackup.hbr.aliyuncs.com"},
	{"NasRole", "AliyunServiceRoleForHbrNasBackup", "nasbackup.hbr.aliyuncs.com"},
	{"OssRole", "AliyunServiceRoleForHbrOssBackup", "ossbackup.hbr.aliyuncs.com"},
	{"OtsRole", "AliyunServiceRoleForHbrOtsBackup", "otsbackup.hbr.aliyuncs.com"},
	{"VMwareLocalRole", "AliyunServiceRoleForHbrVMware", "vmware.hbr.aliyuncs.com"},
	{"VMwareCloudRole", "AliyunServiceRoleForHbrVMware", "vmware.hbr.aliyuncs.com"},
	{"CrossAccountRole", CrossBackupRole, CrossBackupService},
}

// isLinkedRole tells a name that a world may list.
func isLinkedRole(name string) bool {
	return slices.ContainsFunc(LinkedRoles, func(r LinkedRole) bool { return r.Name == name })
}

// CrossBackupService is the service of the vendor that assumes the role in the
// other account ("Cross-account backup").
const CrossBackupService = "crossbackup.hbr.aliyuncs.com"
