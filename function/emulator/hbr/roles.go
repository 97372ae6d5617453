package hbr

import (
	"net/http"
	"slices"
	"strings"

	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// checkRoleTypes are the values of CheckRoleType, all of which are in LinkedRoles.
func checkRoleTypes() []string {
	var types []string
	for _, r := range world.LinkedRoles {
		types = append(types, r.Check)
	}
	return types
}

// CheckRole is HBR CheckRole: it says whether the roles exist that Cloud Backup
// works with. A missing role for other accounts is the one refusal that its page
// documents, with status 200; for the others RoleNotExist of the error table
// stands in. Without CheckRoleType there is nothing to check.
func (s *Service) CheckRole(k *rpc.Call) (any, error) {
	p, a := k.Params, k.Caller.Account
	if err := rpc.CheckOneOf(p, "CheckRoleType", checkRoleTypes()...); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(world.LinkedRoles, func(r world.LinkedRole) bool { return r.Check == p["CheckRoleType"] })
	if at < 0 {
		return rpc.Success(k), nil
	}
	role := world.LinkedRoles[at] // several types may lead to one role
	if role.Check == "CrossAccountRole" {
		return s.checkCrossRole(k, a)
	}
	if !s.registered.hasRole(a, role.Name) {
		return nil, rpc.Refuse(http.StatusNotFound, "RoleNotExist", "the role %s does not exist", role.Name)
	}
	return rpc.Success(k), nil
}

// checkCrossRole looks at the role in the other account too, if it is named.
func (s *Service) checkCrossRole(k *rpc.Call, a *world.Account) (any, error) {
	if !s.registered.hasRole(a, world.CrossBackupRole) {
		return nil, noCrossBackupRole()
	}
	p := k.Params
	if p["CrossAccountUserId"] == "" && p["CrossAccountRoleName"] == "" {
		return rpc.Success(k), nil
	}
	x := world.CrossAccount{Account: p["CrossAccountUserId"], Role: p["CrossAccountRoleName"], Type: "CROSS_ACCOUNT"}
	if err := checkCrossAccount(rpc.Params{"CrossAccountType": x.Type, "CrossAccountUserId": x.Account, "CrossAccountRoleName": x.Role}); err != nil {
		return nil, err
	}
	if _, err := s.crossRole(a, x); err != nil {
		return nil, err
	}
	return rpc.Success(k), nil
}

// needLinkedRole wants the role that an instance job works with. If it is missing
// and the caller may make it, it is there from now on; that the first call makes
// it follows from the permission that the vendor asks for, the rest is a guess.
func (s *Service) needLinkedRole(k *rpc.Call, o *order) error {
	if o.params["SourceType"] != "UDM_ECS" || s.registered.hasRole(o.caller, world.ECSBackupRole) {
		return nil
	}
	role := world.LinkedRoles[slices.IndexFunc(world.LinkedRoles, func(r world.LinkedRole) bool { return r.Name == world.ECSBackupRole })]
	keys := k.ConditionKeys()
	// The vendor's own policies allow this under a condition on the service.
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
