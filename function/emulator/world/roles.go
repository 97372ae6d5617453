package world

import "slices"

// A LinkedRole is a service-linked role: a service of the vendor assumes it. The service creates
// a missing role on behalf of a caller with the permission to create it.
type LinkedRole struct {
	Check   string // CheckRoleType of CheckRole
	Name    string
	Service string // value of ram:ServiceName in the permission to create it
}

// The service-linked roles that jobs need: every job of an instance, and every job with
// CROSS_ACCOUNT.
const (
	ECSBackupRole   = "AliyunServiceRoleForHbrEcsBackup"
	CrossBackupRole = "AliyunServiceRoleForHbrCrossAccountBackup"
)

// LinkedRoles maps each CheckRoleType to its service-linked role. The vendor documents the
// names and services of the first and the last row; the others are guesses by the same pattern.
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

// isLinkedRole reports whether a service-linked role with this name exists in [LinkedRoles].
func isLinkedRole(name string) bool {
	return slices.ContainsFunc(LinkedRoles, func(r LinkedRole) bool { return r.Name == name })
}

// CrossBackupService is the vendor's service that assumes the role in the other account
// ("Cross-account backup").
const CrossBackupService = "crossbackup.hbr.aliyuncs.com"
