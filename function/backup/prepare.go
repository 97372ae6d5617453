package backup

import (
	"context"
	"errors"
	"maps"
	"slices"
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
// use the store. It calls the cloud only if the policy names tags of instances, or if Windows
// shadow copies are requested.
//
// Values of a preset count as given by the caller. The errors are [param.InvalidError] and
// [*DeniedError]. With a DeniedError, Prepare also returns the refused call. The policy decides before
// the parameters are checked, because a grant can add values.
func (s *Service) Prepare(ctx context.Context, sub Submission) (Call, error) {
	sub, err := s.withPreset(sub)
	if err != nil {
		return Call{}, err
	}
	return s.prepare(ctx, sub)
}

// Decide is Prepare without the check of Windows shadow copies, so it asks the cloud only for tags. It is
// for lists of submissions; Submit makes the check later.
func (s *Service) Decide(ctx context.Context, sub Submission) (Call, error) {
	sub, err := s.withPreset(sub)
	if err != nil {
		return Call{}, err
	}
	return s.decide(ctx, sub)
}

// prepare is Prepare for a submission with the values of its preset.
func (s *Service) prepare(ctx context.Context, sub Submission) (Call, error) {
	call, err := s.decide(ctx, sub)
	if err != nil {
		return call, err
	}
	return call, s.checkShadowCopy(ctx, call)
}

// decide is Decide for a submission with the values of its preset.
func (s *Service) decide(ctx context.Context, sub Submission) (Call, error) {
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
	return call, nil
}

// withPreset returns sub with the values of the preset that it names (see [WithPreset]).
// Without a preset it returns sub.
//
// A form already shows the values of its preset, and a person may have removed some. So for a
// form, the preset is only recorded, and removed if the person may no longer use it. For all
// other ways of submitting (doors), the errors are those of WithPreset.
func (s *Service) withPreset(sub Submission) (Submission, error) {
	if sub.Params["Preset"] == "" {
		return sub, nil
	}
	all, err := WithPreset(s.Policy.Presets(sub.Principal), sub.Params)
	if sub.Door == DoorForm {
		if err == nil {
			return sub, nil
		}
		all, err = maps.Clone(sub.Params), nil
		delete(all, "Preset")
	}
	if err == nil {
		sub.Params, sub.Given = all, sub.Params
	}
	return sub, err
}

// WithPreset returns given with the values of the preset that it names; a value in given
// replaces that of the preset. The source type must not differ from the preset's, because it
// decides which other parameters apply. presets are the presets that the caller may use. given must
// name a preset; it is not changed. The error is a [param.InvalidError] about Preset or
// SourceType.
func WithPreset(presets []Preset, given param.Params) (param.Params, error) {
	name := given["Preset"]
	at := slices.IndexFunc(presets, func(p Preset) bool { return p.Name == name })
	if at < 0 {
		return nil, param.InvalidError{unknownPreset(name, presets)}
	}
	values := presets[at].Values
	if source := given["SourceType"]; source != "" && source != values["SourceType"] {
		return nil, param.InvalidError{{
			Field: "SourceType", Code: "preset", Text: msgPresetSource, Args: []any{name, values["SourceType"]},
		}}
	}
	all := maps.Clone(given)
	for field, value := range values {
		byID := field == "Account" && given["CrossAccountUserId"] != "" // the caller names the account by its id
		if all[field] == "" && !byID {
			all[field] = value
		}
	}
	return all, nil
}

// unknownPreset returns the mistake for a preset that does not exist, or that the caller may
// not use. It names the presets that the caller may use, and the most similar one first.
func unknownPreset(name string, presets []Preset) param.Mistake {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.Name
	}
	m := param.Mistake{Field: "Preset", Code: "preset", Text: msgNoPresets}
	all := strings.Join(names, ", ")
	switch nearest := param.NearestName(name, names); {
	case nearest != "":
		m.Text, m.Args = msgNearestPreset, []any{name, nearest, all}
	case len(names) > 0:
		m.Text, m.Args = msgNoPreset, []any{name, all}
	}
	return m
}

// resolveAlias returns the parameters of sub with the alias of the account. If they name the
// account as the API does, by CrossAccountUserId, it finds the alias. It finds only accounts in
// which the principal may create backups.
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
// of the account, and the defaults. It returns all mistakes at once, as [param.InvalidError].
//
// An account id or role name in a request is a mistake unless it is that of the account: the
// portal may assume roles that its callers may not assume. An account that no rule for the
// principal names is treated like an unknown one. A JobName is made valid ([param.FitName]) for
// the call; the record keeps what the caller typed.
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

// osTimeout limits how long the portal waits for the operating system of an instance.
const osTimeout = 5 * time.Second

// checkShadowCopy returns a mistake if call requests Windows shadow copies (Options.UseVSS) but
// the cloud says that its instance has another operating system. If the cloud does not answer,
// it returns nil; Cloud Backup then decides.
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

// Messages about presets, and for parameters that contradict the account alias, or the instance.
var (
	msgNoPreset      = param.Both("there is no preset “%v”: you may use %v", "没有名为“%v”的预设：您可以使用 %v")
	msgNearestPreset = param.Both("there is no preset “%v”: did you mean %v? You may use %v", "没有名为“%v”的预设：是否为 %v？您可以使用 %v")
	msgNoPresets     = param.Both("you may use no preset: remove Preset, and give its values", "您没有可用的预设：请去掉 Preset，直接填写参数值")
	msgPresetSource  = param.Both("preset “%v” is for %v: remove SourceType, or give this value", "预设“%v”用于 %v：请去掉 SourceType，或填写该值")
	msgNotWindows    = param.Both(
		"Windows shadow copies need a Windows instance, and the operating system of %v is %v: turn shadow copies off",
		"Windows 卷影复制需要 Windows 实例，而 %v 的操作系统是 %v：请关闭卷影复制",
	)
	msgAccountID        = param.Both("account IDs are not accepted: use the account alias", "不接受账号 ID：请使用账号别名")
	msgRoleName         = param.Both("role names are not accepted: use the account alias", "不接受角色名称：请使用账号别名")
	msgCrossAccountType = param.Both("account “%v” uses %v", "账号“%v”使用 %v")
)
