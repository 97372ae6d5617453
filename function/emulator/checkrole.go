package emulator

import (
	"net/http"
	"slices"
)

// checkRoleTypes are the values of CheckRoleType, all of which are in linkedRoles.
func checkRoleTypes() []string {
	var types []string
	for _, r := range linkedRoles {
		types = append(types, r.check)
	}
	return types
}

// checkRole is HBR CheckRole: it says whether the roles exist that Cloud Backup
// works with. A missing role for other accounts is the one refusal that its page
// documents, with status 200; for the others RoleNotExist of the error table
// stands in. Without CheckRoleType there is nothing to check.
func (s *hbrService) checkRole(k *call) (any, error) {
	p, a := k.params, k.caller.account
	if err := checkOneOf(p, "CheckRoleType", checkRoleTypes()...); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(linkedRoles, func(r linkedRole) bool { return r.check == p["CheckRoleType"] })
	if at < 0 {
		return success(k), nil
	}
	role := linkedRoles[at] // several types may lead to one role
	if role.check == "CrossAccountRole" {
		return s.checkCrossRole(k, a)
	}
	if !s.registered.hasRole(a, role.name) {
		return nil, refuse(http.StatusNotFound, "RoleNotExist", "the role %s does not exist", role.name)
	}
	return success(k), nil
}

// checkCrossRole looks at the role in the other account too, if it is named.
func (s *hbrService) checkCrossRole(k *call, a *Account) (any, error) {
	if !s.registered.hasRole(a, crossBackupRole) {
		return nil, noCrossBackupRole()
	}
	p := k.params
	if p["CrossAccountUserId"] == "" && p["CrossAccountRoleName"] == "" {
		return success(k), nil
	}
	x := CrossAccount{Account: p["CrossAccountUserId"], Role: p["CrossAccountRoleName"], Type: "CROSS_ACCOUNT"}
	if err := checkCrossAccount(params{"CrossAccountType": x.Type, "CrossAccountUserId": x.Account, "CrossAccountRoleName": x.Role}); err != nil {
		return nil, err
	}
	if _, err := s.crossRole(a, x); err != nil {
		return nil, err
	}
	return success(k), nil
}
