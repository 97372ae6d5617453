package emulator

import (
	"net/http"
	"regexp"
	"slices"
)

// crossBackupService is the service of the vendor that assumes the role in the
// other account ("Cross-account backup").
const crossBackupService = "crossbackup.hbr.aliyuncs.com"

var (
	accountIDShape = regexp.MustCompile(`^[1-9][0-9]{15}$`)
	roleNameShape  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)

// sourceAccount returns the account that owns what is backed up: the caller's,
// or with CROSS_ACCOUNT another one that is registered and lets the service in.
func (c *Cloud) sourceAccount(o *order) (*Account, error) {
	if err := checkCrossAccount(o.params); err != nil {
		return nil, err
	}
	if o.params["CrossAccountType"] != "CROSS_ACCOUNT" {
		return o.caller, nil
	}
	if !o.caller.CrossBackupRole {
		return nil, refuse(http.StatusOK, "CrossAccountBackupSlrNotExist",
			"the service-linked role AliyunServiceRoleForHbrCrossAccountBackup does not exist")
	}
	wanted := CrossAccount{o.params["CrossAccountUserId"], o.params["CrossAccountRoleName"]}
	owner := c.world.accounts[wanted.Account]
	if owner == nil || !slices.Contains(o.caller.CrossAccounts, wanted) {
		return nil, assumeRoleFail(wanted)
	}
	role := owner.role(wanted.Role)
	if role == nil || !slices.Contains(role.TrustsServices, crossBackupService) {
		return nil, assumeRoleFail(wanted)
	}
	return owner, nil
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
