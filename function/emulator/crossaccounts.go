package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"
)

// crossAccountsAnswer is the reply of DescribeCrossAccounts.
type crossAccountsAnswer struct {
	envelope
	PageNumber, PageSize, TotalCount int64
	CrossAccounts                    struct{ CrossAccount []crossAccountView }
}

// A crossAccountView is one CrossAccounts.CrossAccount.
type crossAccountView struct {
	Id, OwnerId, CrossAccountUserId, CreatedTime, UpdatedTime int64
	CrossAccountRoleName, CrossAccountType, Alias             string
}

// describeCrossAccounts is HBR DescribeCrossAccounts.
func (s *hbrService) describeCrossAccounts(k *call) (any, error) {
	number, size, err := parsePage(k.params)
	if err != nil {
		return nil, err
	}
	views := []crossAccountView{}
	for n, x := range s.registered.of(k.caller.account) {
		views = append(views, crossAccountView{
			Id: int64(n + 1), OwnerId: accountNumber(k.caller.account.ID), CrossAccountUserId: accountNumber(x.Account),
			CreatedTime: x.added.Unix(), UpdatedTime: x.added.Unix(),
			CrossAccountRoleName: x.Role, CrossAccountType: x.Type, Alias: x.Alias,
		})
	}
	ans := crossAccountsAnswer{envelope: success(k), PageNumber: number, PageSize: size, TotalCount: int64(len(views))}
	ans.CrossAccounts.CrossAccount = page(views, number, size)
	return ans, nil
}

// accountNumber is an account id as the replies that show it as a number do.
func accountNumber(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

// addCrossAccount is HBR AddCrossAccount, which by its page needs no permission.
func (s *hbrService) addCrossAccount(k *call) (any, error) {
	x, err := parseRegistration(k.params)
	if err != nil {
		return nil, err
	}
	if s.registered.has(k.caller.account, x) {
		// What the service says to a second registration is not documented.
		return nil, refuse(http.StatusBadRequest, "BadRequest", "the account %s is registered already", x.Account)
	}
	if x.Type == "CROSS_ACCOUNT_BY_RD" {
		err = checkDirectory(k.caller.account, x)
	} else {
		_, err = s.crossRole(k.caller.account, x)
	}
	if err != nil {
		return nil, err
	}
	s.registered.add(k.caller.account, x, k.at)
	return success(k), nil
}

// parseRegistration judges the parameters by themselves.
func parseRegistration(p params) (CrossAccount, error) {
	x := CrossAccount{Account: p["CrossAccountUserId"], Role: p["CrossAccountRoleName"], Type: p["CrossAccountType"], Alias: p["Alias"]}
	if x.Type == "" {
		x.Type = "CROSS_ACCOUNT"
	}
	if err := checkOneOf(params{"CrossAccountType": x.Type}, "CrossAccountType", "CROSS_ACCOUNT", "CROSS_ACCOUNT_BY_RD"); err != nil {
		return x, err
	}
	if utf8.RuneCountInString(x.Alias) > maxAlias {
		return x, invalid("Alias", "it is longer than %d characters", maxAlias)
	}
	if x.Type == "CROSS_ACCOUNT" {
		return x, checkCrossAccount(params{"CrossAccountType": x.Type, "CrossAccountUserId": x.Account, "CrossAccountRoleName": x.Role})
	}
	switch {
	case x.Account == "":
		return x, missing("CrossAccountUserId")
	case !accountIDShape.MatchString(x.Account):
		return x, invalid("CrossAccountUserId", "%q is not an account id of 16 digits", x.Account)
	case x.Role != "":
		return x, invalid("CrossAccountRoleName", "a role is not for CROSS_ACCOUNT_BY_RD")
	}
	return x, nil
}

// checkDirectory wants the caller to manage a resource directory that trusts
// Cloud Backup and has the other account in it.
func checkDirectory(a *Account, x CrossAccount) error {
	switch {
	case a.Directory == nil || !a.Directory.TrustsBackup:
		return refuse(http.StatusBadRequest, "AccountNotEnableRdTrustedService", "Cloud Backup is not a trusted service of a resource directory here")
	case !slices.Contains(a.Directory.Members, x.Account):
		return refuse(http.StatusForbidden, "BackupAccountNotInSpecifiedRd", "the account %s is not in the resource directory", x.Account)
	}
	return nil
}
