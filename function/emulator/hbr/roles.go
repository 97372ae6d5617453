package hbr

import (
	"net/http"
	"slices"
	"strings"

	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// checkRoleTypes returns the valid values of CheckRoleType.
func checkRoleTypes() []string {
	var types []string
	for _, r := range world.LinkedRoles {
		types = append(types, r.Check)
	}
	return types
}

// CheckRole is the operation CheckRole of Cloud Backup: it reports whether a role that the
// service needs exists. Without CheckRoleType it succeeds.
//
// Errors: CrossAccountBackupSlrNotExist with status 200, the only refusal that the page
// documents; RoleNotExist for the other roles, taken from the error table.
func (s *Service) CheckRole(k *rpc.Call) (any, error) {
	p, a := k.Params, k.Caller.Account
	if err := rpc.CheckOneOf(p, "CheckRoleType", checkRoleTypes()...); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(world.LinkedRoles, func(r world.LinkedRole) bool { return r.Check == p["CheckRoleType"] })
	if at < 0 {
		return rpc.Success(k), nil
	}
	role := world.LinkedRoles[at] // several types share one role
	if role.Check == "CrossAccountRole" {
		return s.checkCrossRole(k, a)
	}
	if !s.registered.hasRole(a, role.Name) {
		return nil, rpc.Refuse(http.StatusNotFound, "RoleNotExist", "the role %s does not exist", role.Name)
	}
	return rpc.Success(k), nil
}

// checkCrossRole checks the service-linked role for other accounts. If the parameters name
// another account, it also checks the role there.
func (s *Service) checkCrossRole(k *rpc.Call, a *world.Account) (any, error) {
	if !s.registered.hasRole(a, world.CrossBackupRole) {
		return nil, noCrossBackupRole()
	}
	p := k.Params
	if p["CrossAccountUserId"] == "" && p["CrossAccountRoleName"] == "" {
		return rpc.Success(k), nil
	}
	x := world.CrossAccount{Account: p["CrossAccountUserId"], Role: p["CrossAccountRoleName"], Type: "CROSS_ACCOUNT"}
	err := checkCrossAccount(rpc.Params{
		"CrossAccountType":     x.Type,
		"CrossAccountUserId":   x.Account,
		"CrossAccountRoleName": x.Role,
	})
	if err != nil {
		return nil, err
	}
	if _, err := s.crossRole(a, x); err != nil {
		return nil, err
	}
	return rpc.Success(k), nil
}

// needLinkedRole checks that the service-linked role for instance jobs exists in the caller's
// account. If it is missing, and the caller has the permission to create it, needLinkedRole
// creates it. Otherwise the error is NoPermission. The vendor's pages name the permission to create the
// role, so the first call creates it; the details are a guess.
func (s *Service) needLinkedRole(k *rpc.Call, o *order) error {
	if o.params["SourceType"] != "UDM_ECS" || s.registered.hasRole(o.caller, world.ECSBackupRole) {
		return nil
	}
	role := world.LinkedRoles[slices.IndexFunc(world.LinkedRoles, func(r world.LinkedRole) bool {
		return r.Name == world.ECSBackupRole
	})]
	keys := k.ConditionKeys()
	// The vendor's own policies grant this action under a condition on ram:ServiceName.
	q := ram.Question{Action: "ram:CreateServiceLinkedRole", Resource: "*", Key: func(name string) (string, bool) {
		if strings.EqualFold(name, "ram:ServiceName") {
			return role.Service, true
		}
		return keys(name)
	}}
	if d := k.Caller.Denied(q, k.Caller.Layers(q)); d != nil {
		return rpc.NoPermission(k, d)
	}
	s.registered.addRole(o.caller, role.Name)
	return nil
}
