package backup

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	"backupportal/function/param"
)

// Previews returns the call that Submit would make for sub, and notations of it. It makes no
// call. The errors are those of [Service.Prepare].
func (s *Service) Previews(ctx context.Context, sub Submission) (Call, []Preview, error) {
	call, err := s.Prepare(ctx, sub)
	if err != nil {
		return Call{}, nil, err
	}
	return call, s.Cloud.Previews(call), nil
}

// Prepare checks sub, asks the policy, and returns the call that Submit would make. It does not
// use the store, and not the cloud unless the policy names tags of instances, or Windows shadow
// copies are requested.
//
// The errors are [param.InvalidError], and a [*DeniedError], with which the refused call is
// returned too. The policy is asked before the parameters are checked, because a grant can
// provide values.
func (s *Service) Prepare(ctx context.Context, sub Submission) (Call, error) {
	given := s.resolveAlias(sub)
	grant, denied := s.Policy.Decide(ctx, sub.Principal, given)
	complete, account, err := s.completeParams(sub, given, grant)
	if err != nil {
		return Call{}, err
	}
	complete["JobName"] = sub.JobName()
	call := Call{
		Target: Target{Account: account, Region: complete["Region"], Principal: sub.Principal},
		Params: complete,
		Grant:  grant,
	}
	if denied != nil {
		return call, &DeniedError{Lines: param.Bounded(denied)}
	}
	return call, s.checkShadowCopy(ctx, call)
}

// resolveAlias returns the parameters of sub. If they name the account as the API does, by
// CrossAccountUserId, the alias is added. An account is found only if the principal may create
// backups there.
func (s *Service) resolveAlias(sub Submission) param.Params {
	p := sub.Params
	if p["Account"] != "" || p["CrossAccountUserId"] == "" {
		return p
	}
	alias, ok := s.Policy.CrossAccountAlias(sub.Principal, p["CrossAccountUserId"], p["CrossAccountRoleName"])
	if !ok {
		return p
	}
	p = maps.Clone(p)
	p["Account"] = alias
	return p
}

// completeParams checks the parameters that the caller gave, and adds the values of the grant,
// of the account and the defaults. It returns all mistakes at once, as [param.InvalidError].
//
// An account id or a role name in a request is a mistake unless it is that of the account: the
// portal may assume roles that its callers may not assume. An account that no rule names for the
// principal is handled like an unknown one. A JobName is made to fit ([param.FitName]): the record
// keeps it as the caller typed it.
func (s *Service) completeParams(sub Submission, given param.Params, grant Grant) (param.Params, Account, error) {
	var mistakes param.InvalidError
	principal := sub.Principal
	p := grant.addTo(given).WithDefaults().WithFittingName()
	account, known := s.Policy.Account(p["Account"])
	if !s.Policy.AccountVisible(principal, p["Account"]) {
		account, known = Account{}, false
	}
	accountType := crossAccountType(account.Access)
	if given["CrossAccountType"] != "" && known && given["CrossAccountType"] != accountType {
		mistakes = append(mistakes, param.Mistake{
			Field: "CrossAccountType", Code: "alias", Text: msgCrossAccountType, Args: []any{account.Label(), accountType},
		})
	}
	crossAccount := known && account.Access == HBRCrossAccount
	if id := given["CrossAccountUserId"]; id != "" && !(crossAccount && id == account.ID) {
		mistakes = append(mistakes, param.Mistake{Field: "CrossAccountUserId", Code: "alias", Text: msgAccountID})
	}
	if name := given["CrossAccountRoleName"]; name != "" && !(crossAccount && name == account.Role) {
		mistakes = append(mistakes, param.Mistake{Field: "CrossAccountRoleName", Code: "alias", Text: msgRoleName})
	}
	delete(p, "CrossAccountUserId")
	delete(p, "CrossAccountRoleName")
	p["CrossAccountType"] = accountType
	if account.Access == HBRCrossAccount {
		p["CrossAccountUserId"], p["CrossAccountRoleName"] = account.ID, account.Role
	}
	if rest, ok := errors.AsType[param.InvalidError](p.Validate()); ok {
		mistakes = append(mistakes, rest...)
	}
	return p, account, mistakes.OrNil()
}

// osTimeout limits the question for the operating system of an instance.
const osTimeout = 5 * time.Second

// checkShadowCopy returns a mistake if call requests Windows shadow copies (Options.UseVSS) and the
// cloud lists its instance with another operating system. Without an answer it returns nil: then
// Cloud Backup decides.
func (s *Service) checkShadowCopy(ctx context.Context, call Call) error {
	const name = "Options.UseVSS"
	if call.Params[name] != "true" || call.Target.Account.Access == HBRCrossAccount {
		return nil // with HBRCrossAccount, the portal has no role in the account
	}
	ctx, cancel := context.WithTimeout(ctx, osTimeout)
	defer cancel()
	id := call.Params["InstanceId"]
	found, err := s.Cloud.List(ctx, call.Target, CandidateQuery{Kind: Instances, Search: id})
	if err != nil {
		s.Log.InfoContext(ctx, "operating system unknown", "instance", id, "error", err)
		return nil
	}
	for _, c := range found.Items {
		for _, a := range c.Attributes {
			if c.ID == id && a.Name == "OSType" && a.Value != "" && !strings.EqualFold(a.Value, "windows") {
				return param.InvalidError{{Field: name, Code: "vss_windows", Text: msgNotWindows, Args: []any{id, a.Value}}}
			}
		}
	}
	return nil
}

// addTo returns given with the values of the grant for parameters that are empty. It changes no
// argument.
func (g Grant) addTo(given param.Params) param.Params {
	p := maps.Clone(given)
	if p == nil {
		p = param.Params{}
	}
	for name, value := range g.Values {
		if p[name] == "" {
			p[name] = value
		}
	}
	return p
}

// crossAccountType returns the value of CrossAccountType for an access.
func crossAccountType(a Access) string {
	if a == HBRCrossAccount {
		return "CROSS_ACCOUNT"
	}
	return "SELF_ACCOUNT"
}

// Messages for parameters that contradict the account alias, or the instance.
var (
	msgNotWindows = param.Both(
		"Windows shadow copies need a Windows instance, and the operating system of %v is %v: turn shadow copies off",
		"Windows 卷影复制需要 Windows 实例，而 %v 的操作系统是 %v：请关闭卷影复制",
	)
	msgAccountID        = param.Both("account IDs are not accepted: use the account alias", "不接受账号 ID：请使用账号别名")
	msgRoleName         = param.Both("role names are not accepted: use the account alias", "不接受角色名称：请使用账号别名")
	msgCrossAccountType = param.Both("account “%v” uses %v", "账号“%v”使用 %v")
)
