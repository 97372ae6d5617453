package backup

import (
	"context"
	"errors"
	"maps"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Previews writes the exact call for sub without making it.
func (s *Service) Previews(ctx context.Context, sub Submission) (Call, []Preview, error) {
	call, err := s.Prepare(ctx, sub)
	if err != nil {
		return Call{}, nil, err
	}
	return call, s.Cloud.Previews(call), nil
}

// Prepare checks sub and asks the policy, and returns the call that Submit
// would make. It touches neither store nor cloud, unless the policy names tags
// of instances. Its errors are an
// [param.InvalidError] or, with the call that may not be made, a [*DeniedError].
func (s *Service) Prepare(ctx context.Context, sub Submission) (Call, error) {
	given := s.named(sub)
	grant, denied := s.Policy.Decide(ctx, sub.Principal, given)
	complete, account, err := s.complete(sub.Principal, given, grant)
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
	return call, nil
}

// named is what sub says, with the alias of the account if it names the account as
// the API does. Only an account of the policy in which the principal may create
// backups is found so.
func (s *Service) named(sub Submission) param.Params {
	p := sub.Params
	if p["Account"] != "" || p["CrossAccountUserId"] == "" {
		return p
	}
	alias, ok := s.Policy.Registered(sub.Principal, p["CrossAccountUserId"], p["CrossAccountRoleName"])
	if !ok {
		return p
	}
	p = maps.Clone(p)
	p["Account"] = alias
	return p
}

// complete checks what a caller gave, and adds what the grant gives, what the
// account alias stands for, and the defaults. An account ID or a role name in a
// request is refused unless it is that of the account: the portal may assume roles
// that its callers may not.
// Of an account that no rule names for them nobody learns that it exists.
func (s *Service) complete(who identity.Principal, given param.Params, grant Grant) (param.Params, Account, error) {
	var bad param.InvalidError
	p := grant.over(given).WithDefaults()
	account, known := s.Policy.Account(p["Account"])
	if !s.Policy.Names(who, p["Account"]) {
		account, known = Account{}, false
	}
	kept := keptIn(account.Access)
	if given["CrossAccountType"] != "" && known && given["CrossAccountType"] != kept {
		bad = append(bad, param.Mistake{
			Field: "CrossAccountType", Code: "alias", Text: msgKept, Args: []any{account.Alias, kept},
		})
	}
	registered := known && account.Access == HBRCrossAccount
	if id := given["CrossAccountUserId"]; id != "" && !(registered && id == account.ID) {
		bad = append(bad, param.Mistake{Field: "CrossAccountUserId", Code: "alias", Text: msgAccountID})
	}
	if name := given["CrossAccountRoleName"]; name != "" && !(registered && name == account.Role) {
		bad = append(bad, param.Mistake{Field: "CrossAccountRoleName", Code: "alias", Text: msgRoleName})
	}
	delete(p, "CrossAccountUserId")
	delete(p, "CrossAccountRoleName")
	p["CrossAccountType"] = kept
	if account.Access == HBRCrossAccount {
		p["CrossAccountUserId"], p["CrossAccountRoleName"] = account.ID, account.Role
	}
	if rest, ok := errors.AsType[param.InvalidError](p.Validate()); ok {
		bad = append(bad, rest...)
	}
	return p, account, bad.OrNil()
}

// over is what the caller gave, and beside it what the grant gives.
func (g Grant) over(given param.Params) param.Params {
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

// keptIn is the CrossAccountType that goes with a way into an account.
func keptIn(a Access) string {
	if a == HBRCrossAccount {
		return "CROSS_ACCOUNT"
	}
	return "SELF_ACCOUNT"
}

// The sentences for parameters that name an account in another way than by its alias.
var (
	msgAccountID = param.Both("account IDs are not accepted: name an account by its alias", "不接受账号 ID：请使用账号别名")
	msgRoleName  = param.Both("role names are not accepted: name an account by its alias", "不接受角色名称：请使用账号别名")
	msgKept      = param.Both("account “%v” is backed up as %v", "账号“%v”的备份方式为 %v")
)
