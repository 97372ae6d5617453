package emulator

import (
	"net/http"
	"regexp"
)

// maxAlias is the length of an Alias ("AddCrossAccount").
const maxAlias = 32

// crossBackupService is the service of the vendor that assumes the role in the
// other account ("Cross-account backup").
const crossBackupService = "crossbackup.hbr.aliyuncs.com"

// Shapes by the pages of RAM.
var (
	accountIDShape = regexp.MustCompile(`^[1-9][0-9]{15}$`)
	roleNameShape  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)

// sourceAccount returns the account that owns what is backed up: the caller's,
// or with CROSS_ACCOUNT another one that is registered and lets the service in.
func (s *hbrService) sourceAccount(o *order) (*Account, error) {
	if err := checkCrossAccount(o.params); err != nil {
		return nil, err
	}
	if o.params["CrossAccountType"] != "CROSS_ACCOUNT" {
		return o.caller, nil
	}
	wanted := CrossAccount{Account: o.params["CrossAccountUserId"], Role: o.params["CrossAccountRoleName"], Type: "CROSS_ACCOUNT"}
	if s.registered.hasRole(o.caller, crossBackupRole) && !s.registered.has(o.caller, wanted) {
		return nil, assumeRoleFail(wanted)
	}
	return s.crossRole(o.caller, wanted)
}

// crossRole returns the other account if Cloud Backup can work in it on behalf
// of one: both have the role that it takes.
func (s *hbrService) crossRole(of *Account, wanted CrossAccount) (*Account, error) {
	if !s.registered.hasRole(of, crossBackupRole) {
		return nil, noCrossBackupRole()
	}
	other := s.world.account(wanted.Account)
	if other == nil {
		return nil, assumeRoleFail(wanted)
	}
	role := other.role(wanted.Role)
	if role == nil || !role.trustsService(crossBackupService, of.ID) {
		return nil, assumeRoleFail(wanted)
	}
	return other, nil
}

// noCrossBackupRole is the one refusal that a page of Cloud Backup documents with
// status 200 ("CheckRole").
func noCrossBackupRole() error {
	return refuse(http.StatusOK, "CrossAccountBackupSlrNotExist", "the service-linked role %s does not exist", crossBackupRole)
}

// checkCrossAccount judges the three parameters by themselves. CROSS_ACCOUNT_BY_RD
// exists on AddCrossAccount only.
func checkCrossAccount(p params) error {
	if err := checkOneOf(p, "CrossAccountType", "SELF_ACCOUNT", "CROSS_ACCOUNT"); err != nil {
		return err
	}
	id, role := p["CrossAccountUserId"], p["CrossAccountRoleName"]
	if p["CrossAccountType"] != "CROSS_ACCOUNT" {
		if id != "" || role != "" {
			return invalid("CrossAccountType", "CrossAccountUserId and CrossAccountRoleName need CROSS_ACCOUNT")
		}
		return nil
	}
	switch {
	case id == "":
		return missing("CrossAccountUserId")
	case role == "":
		return missing("CrossAccountRoleName")
	case !accountIDShape.MatchString(id):
		return invalid("CrossAccountUserId", "%q is not an account id of 16 digits", id)
	case !roleNameShape.MatchString(role):
		return invalid("CrossAccountRoleName", "%q is not the name of a role", role)
	}
	return nil
}

// assumeRoleFail is one answer for a registration that is missing, a role that
// is missing and a role that does not trust the service.
func assumeRoleFail(of CrossAccount) error {
	return refuse(http.StatusForbidden, "AssumeRoleFail", "the role %s of account %s cannot be assumed", of.Role, of.Account)
}
