package emulator

import (
	"slices"
	"strings"
)

// A linkedRole is a service-linked role: a service of the vendor assumes it,
// and makes it for a caller who may do so.
type linkedRole struct {
	check   string // CheckRoleType of CheckRole
	name    string
	service string // ram:ServiceName of the permission to make it
}

// The two that jobs need.
const (
	ecsBackupRole   = "AliyunServiceRoleForHbrEcsBackup"
	crossBackupRole = "AliyunServiceRoleForHbrCrossAccountBackup"
)

// linkedRoles are those behind the CheckRoleTypes of CheckRole. Names and services
// of the first and the last are documented; the others are written by the same
// pattern, which is a guess.
var linkedRoles = []linkedRole{
	{"UdmRole", ecsBackupRole, "ecsbackup.hbr.aliyuncs.com"},
	{"EcsBackupRole", ecsBackupRole, "ecsbackup.hbr.aliyuncs.com"},
	{"EcsRole", "AliyunServiceRoleForHbrEcs", "ecs.hbr.aliyuncs.com"},
	{"CsgRole", "AliyunServiceRoleForHbrCsgBackup", "csgbackup.hbr.aliyuncs.com"},
	{"NasRole", "AliyunServiceRoleForHbrNasBackup", "nasbackup.hbr.aliyuncs.com"},
	{"OssRole", "AliyunServiceRoleForHbrOssBackup", "ossbackup.hbr.aliyuncs.com"},
	{"OtsRole", "AliyunServiceRoleForHbrOtsBackup", "otsbackup.hbr.aliyuncs.com"},
	{"VMwareLocalRole", "AliyunServiceRoleForHbrVMware", "vmware.hbr.aliyuncs.com"},
	{"VMwareCloudRole", "AliyunServiceRoleForHbrVMware", "vmware.hbr.aliyuncs.com"},
	{"CrossAccountRole", crossBackupRole, crossBackupService},
}

// needLinkedRole wants the role that an instance job works with. If it is missing
// and the caller may make it, it is there from now on; that the first call makes
// it follows from the permission that the vendor asks for, the rest is a guess.
func (s *hbrService) needLinkedRole(k *call, o *order) error {
	if o.params["SourceType"] != "UDM_ECS" || s.registered.hasRole(o.caller, ecsBackupRole) {
		return nil
	}
	role := linkedRoles[slices.IndexFunc(linkedRoles, func(r linkedRole) bool { return r.name == ecsBackupRole })]
	keys := k.conditionKeys()
	// The vendor's own policies allow this under a condition on the service.
	q := question{"ram:CreateServiceLinkedRole", "*", func(name string) (string, bool) {
		if strings.EqualFold(name, "ram:ServiceName") {
			return role.service, true
		}
		return keys(name)
	}}
	if d := k.caller.denied(q, k.caller.layers(q)); d != nil {
		return noPermission(k, d)
	}
	s.registered.addRole(o.caller, role.name)
	return nil
}

// isLinkedRole tells a name that a world may list.
func isLinkedRole(name string) bool {
	return slices.ContainsFunc(linkedRoles, func(r linkedRole) bool { return r.name == name })
}
