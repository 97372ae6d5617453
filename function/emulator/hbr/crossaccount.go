package hbr

import (
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// sourceAccount returns the account that owns the resource to back up. That is the caller's
// account, or with CROSS_ACCOUNT another one, which must be registered and whose role must
// trust Cloud Backup.
//
// Errors: the errors of checkCrossAccount, CrossAccountBackupSlrNotExist and AssumeRoleFail.
func (s *Service) sourceAccount(o *order) (*world.Account, error) {
	if err := checkCrossAccount(o.params); err != nil {
		return nil, err
	}
	if o.params["CrossAccountType"] != "CROSS_ACCOUNT" {
		return o.caller, nil
	}
	wanted := world.CrossAccount{
		Account: o.params["CrossAccountUserId"],
		Role:    o.params["CrossAccountRoleName"],
		Type:    "CROSS_ACCOUNT",
	}
	if s.registered.hasRole(o.caller, world.CrossBackupRole) && !s.registered.has(o.caller, wanted) {
		return nil, assumeRoleFail(wanted)
	}
	return s.crossRole(o.caller, wanted)
}

// crossRole returns the other account if Cloud Backup can work in it on behalf of caller. Two
// conditions must hold: caller has the service-linked role, and the other account has a role that
// trusts the service. Errors: CrossAccountBackupSlrNotExist, AssumeRoleFail.
func (s *Service) crossRole(caller *world.Account, wanted world.CrossAccount) (*world.Account, error) {
	if !s.registered.hasRole(caller, world.CrossBackupRole) {
		return nil, noCrossBackupRole()
	}
	other := s.World.Account(wanted.Account)
	if other == nil {
		return nil, assumeRoleFail(wanted)
	}
	role := other.Role(wanted.Role)
	if role == nil || !role.TrustsService(world.CrossBackupService, caller.ID) {
		return nil, assumeRoleFail(wanted)
	}
	return other, nil
}

// noCrossBackupRole returns the only refusal that a page of Cloud Backup documents with status
// 200 ("CheckRole").
func noCrossBackupRole() error {
	return rpc.Refuse(http.StatusOK, "CrossAccountBackupSlrNotExist", "the service-linked role %s does not exist", world.CrossBackupRole)
}

// checkCrossAccount checks the form of the three parameters CrossAccount*, and not whether the
// account and the role exist. CROSS_ACCOUNT_BY_RD is refused; only AddCrossAccount accepts it.
// Errors: Missing<name>, InvalidParameter.
func checkCrossAccount(p rpc.Params) error {
	if err := rpc.CheckOneOf(p, "CrossAccountType", "SELF_ACCOUNT", "CROSS_ACCOUNT"); err != nil {
		return err
	}
	id, role := p["CrossAccountUserId"], p["CrossAccountRoleName"]
	if p["CrossAccountType"] != "CROSS_ACCOUNT" {
		if id != "" || role != "" {
			return rpc.Invalid("CrossAccountType", "CrossAccountUserId and CrossAccountRoleName need CROSS_ACCOUNT")
		}
		return nil
	}
	switch {
	case id == "":
		return rpc.Missing("CrossAccountUserId")
	case role == "":
		return rpc.Missing("CrossAccountRoleName")
	case !world.AccountIDShape.MatchString(id):
		return rpc.Invalid("CrossAccountUserId", "%q is not an account id of 16 digits", id)
	case !world.RoleNameShape.MatchString(role):
		return rpc.Invalid("CrossAccountRoleName", "%q is not the name of a role", role)
	}
	return nil
}

// assumeRoleFail returns the common refusal of a missing registration, a missing role, and a role
// that does not trust the service.
func assumeRoleFail(wanted world.CrossAccount) error {
	return rpc.Refuse(http.StatusForbidden, "AssumeRoleFail", "the role %s of account %s cannot be assumed", wanted.Role, wanted.Account)
}

// A crossAccountsAnswer is the reply of DescribeCrossAccounts.
type crossAccountsAnswer struct {
	rpc.Envelope
	PageNumber, PageSize, TotalCount int64
	CrossAccounts                    struct{ CrossAccount []crossAccountView }
}

// A crossAccountView is one element of CrossAccounts.CrossAccount. Times are UNIX seconds.
type crossAccountView struct {
	Id, OwnerId, CrossAccountUserId, CreatedTime, UpdatedTime int64
	CrossAccountRoleName, CrossAccountType, Alias             string
}

// DescribeCrossAccounts is the operation DescribeCrossAccounts of Cloud Backup: the registrations
// of the caller's account, oldest first.
func (s *Service) DescribeCrossAccounts(k *rpc.Call) (any, error) {
	number, size, err := parsePage(k.Params)
	if err != nil {
		return nil, err
	}
	views := []crossAccountView{}
	for n, x := range s.registered.registrations(k.Caller.Account) {
		views = append(views, crossAccountView{
			Id: int64(n + 1), OwnerId: accountNumber(k.Caller.Account.ID), CrossAccountUserId: accountNumber(x.Account),
			CreatedTime: x.added.Unix(), UpdatedTime: x.added.Unix(),
			CrossAccountRoleName: x.Role, CrossAccountType: x.Type, Alias: x.Alias,
		})
	}
	ans := crossAccountsAnswer{Envelope: rpc.Success(k), PageNumber: number, PageSize: size, TotalCount: int64(len(views))}
	ans.CrossAccounts.CrossAccount = page(views, number, size)
	return ans, nil
}

// accountNumber returns an account id as a number, which some replies require.
func accountNumber(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

// AddCrossAccount is the operation AddCrossAccount of Cloud Backup. Its page requires no
// permission.
func (s *Service) AddCrossAccount(k *rpc.Call) (any, error) {
	x, err := parseRegistration(k.Params)
	if err != nil {
		return nil, err
	}
	if s.registered.has(k.Caller.Account, x) {
		// The answer to a second registration is not documented; BadRequest is a guess.
		return nil, rpc.Refuse(http.StatusBadRequest, "BadRequest", "the account %s is registered already", x.Account)
	}
	if x.Type == "CROSS_ACCOUNT_BY_RD" {
		err = checkDirectory(k.Caller.Account, x)
	} else {
		_, err = s.crossRole(k.Caller.Account, x)
	}
	if err != nil {
		return nil, err
	}
	s.registered.add(k.Caller.Account, x, k.At)
	return rpc.Success(k), nil
}

// DeleteCrossAccount is the operation DeleteCrossAccount of Cloud Backup: it deletes a registration
// of the caller's account. An absent type means CROSS_ACCOUNT. Its page requires no permission.
// Errors: Missing<name>, InvalidParameter, ResourceNotFound.
func (s *Service) DeleteCrossAccount(k *rpc.Call) (any, error) {
	x, err := parseRegistration(k.Params)
	if err != nil {
		return nil, err
	}
	if !s.registered.has(k.Caller.Account, x) {
		return nil, rpc.NotFound("CrossAccountUserId", x.Account)
	}
	s.registered.remove(k.Caller.Account, x)
	return rpc.Success(k), nil
}

// parseRegistration reads the parameters of a registration and checks their form. It does not
// check whether the account and the role exist. An absent type means CROSS_ACCOUNT. Errors:
// Missing<name>, InvalidParameter.
func parseRegistration(p rpc.Params) (world.CrossAccount, error) {
	x := world.CrossAccount{
		Account: p["CrossAccountUserId"],
		Role:    p["CrossAccountRoleName"],
		Type:    p["CrossAccountType"],
		Alias:   p["Alias"],
	}
	if x.Type == "" {
		x.Type = "CROSS_ACCOUNT"
	}
	kind := rpc.Params{"CrossAccountType": x.Type}
	if err := rpc.CheckOneOf(kind, "CrossAccountType", "CROSS_ACCOUNT", "CROSS_ACCOUNT_BY_RD"); err != nil {
		return x, err
	}
	if utf8.RuneCountInString(x.Alias) > world.MaxAlias {
		return x, rpc.Invalid("Alias", "it is longer than %d characters", world.MaxAlias)
	}
	if x.Type == "CROSS_ACCOUNT" {
		return x, checkCrossAccount(rpc.Params{
			"CrossAccountType":     x.Type,
			"CrossAccountUserId":   x.Account,
			"CrossAccountRoleName": x.Role,
		})
	}
	switch {
	case x.Account == "":
		return x, rpc.Missing("CrossAccountUserId")
	case !world.AccountIDShape.MatchString(x.Account):
		return x, rpc.Invalid("CrossAccountUserId", "%q is not an account id of 16 digits", x.Account)
	case x.Role != "":
		return x, rpc.Invalid("CrossAccountRoleName", "a role is not for CROSS_ACCOUNT_BY_RD")
	}
	return x, nil
}

// checkDirectory checks that the account manages a resource directory that trusts Cloud Backup
// and has the other account as a member. Errors: AccountNotEnableRdTrustedService,
// BackupAccountNotInSpecifiedRd.
func checkDirectory(a *world.Account, x world.CrossAccount) error {
	switch {
	case a.Directory == nil || !a.Directory.TrustsBackup:
		return rpc.Refuse(http.StatusBadRequest, "AccountNotEnableRdTrustedService", "Cloud Backup is not a trusted service of a resource directory here")
	case !slices.Contains(a.Directory.Members, x.Account):
		return rpc.Refuse(http.StatusForbidden, "BackupAccountNotInSpecifiedRd", "the account %s is not in the resource directory", x.Account)
	}
	return nil
}
