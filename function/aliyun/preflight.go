package aliyun

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/pattern"
	"backupportal/function/secret"
)

// A checklist runs the access checks of one preflight (a test of whether the portal can back up
// in an account). The checks and their conditions:
//
//	id                 skipped unless                        reads
//	credentials        -                                     the portal's own credentials
//	identity           -                                     STS GetCallerIdentity
//	role, assume_role, the access is assume_role             STS AssumeRole
//	trust, external_id,
//	session_policy
//	hbr:…, ecs:…       the capabilities need the operation   the operation itself
//	linked_role        UDM_ECS backups                       CheckRole
//	cross_linked_role, the access is hbr_cross_account       CheckRole, DescribeCrossAccounts
//	registration, cross_role
//	vault              VaultId is given                      DescribeVaults
//	instance           InstanceId is given, own or           ECS DescribeInstances
//	                   assume_role
//	disks              instance, and UDM_ECS                 ECS DescribeDisks
//	client             instance, and ECS_FILE                DescribeBackupClients
//
// If a check fails, the later checks are not run and get the state CheckNotReached: they would
// only fail for the same reason. After an optional check that fails, the later checks are run.
type checklist struct {
	*Client
	ctx          context.Context
	target       backup.Target
	capabilities backup.Capabilities
	params       param.Params

	checks  []backup.AccessCheck
	stopped bool   // a required check failed: later checks are not run
	self    string // resource name of the portal's own role or user; empty before the check identity
}

// Preflight checks whether the portal can back up in the account of target. It checks the
// operations that the portal's policy needs there (capabilities) and the resources that params
// name. It returns all checks in order, including checks that were not run. It implements
// [backup.Cloud].
//
// Its calls change nothing in the cloud: they read, or they lack required parameters (see
// probeParams). It logs nothing and returns no error: a failed call becomes the result of its
// check.
func (c *Client) Preflight(
	ctx context.Context,
	target backup.Target,
	capabilities backup.Capabilities,
	params param.Params,
) []backup.AccessCheck {
	l := &checklist{Client: c, ctx: ctx, target: target, capabilities: capabilities, params: params}
	l.check("credentials", titleCredentials, l.credentials)
	l.check("identity", titleIdentity, l.identity)
	if target.Account.Caller().Access == backup.AssumeRole {
		l.roleChecks()
	}
	l.operations()
	l.linkedRole()
	if target.Account.Access == backup.HBRCrossAccount {
		l.registered()
	}
	l.resources()
	return l.checks
}

// check runs one check and appends it to l.checks. The function ask performs the check and sets
// its fields; if it does not change State, the check has passed. If the check fails, later
// checks are not run.
func (l *checklist) check(id string, title param.Text, ask func(*backup.AccessCheck)) {
	r := backup.AccessCheck{ID: id, Title: title, State: backup.CheckNotReached}
	if !l.stopped {
		r.State = backup.CheckOK
		ask(&r)
		l.stopped = r.State == backup.CheckFailed
	}
	l.checks = append(l.checks, r)
}

// optionalCheck is like check, but if the check fails, later checks are still run.
func (l *checklist) optionalCheck(id string, title param.Text, ask func(*backup.AccessCheck)) {
	before := l.stopped
	l.check(id, title, ask)
	l.stopped = before
}

// fail marks the check r as failed and sets the finding and the steps that correct it.
func fail(r *backup.AccessCheck, finding param.Text, fixes ...backup.Fix) {
	r.State, r.Finding, r.Fixes = backup.CheckFailed, finding, fixes
}

// explainFailure sets the evidence of the check r: the operation, and from failed the error
// code, message, request id and the reason of RAM's refusal. failed may be nil.
func explainFailure(r *backup.AccessCheck, operation string, failed *backup.CloudError) {
	r.Evidence = backup.Evidence{Operation: operation}
	if failed != nil {
		r.Evidence.Code, r.Evidence.RequestID, r.Evidence.Denial = failed.Code, failed.RequestID, failed.Denial
		r.Evidence.Message = failed.Message
	}
}

// unexpected marks the check r as failed because of an error that is not about permissions.
func (l *checklist) unexpected(r *backup.AccessCheck, failed *backup.CloudError) {
	finding := l.Explain(failed.Code).Means
	if finding == (param.Text{}) {
		finding = param.Both("The cloud did not return a usable answer ("+failed.Cause+"). Permissions could not be checked: try again.", "云端未返回可用的答复（"+failed.Cause+"），无法判断权限：请重试。")
	}
	fail(r, finding)
}

// credentials checks that the portal has credentials of its own.
func (l *checklist) credentials(r *backup.AccessCheck) {
	keys, failed := l.ownCredentials(l.ctx, getCallerIdentity)
	if failed != nil {
		explainFailure(r, "", failed)
		fail(r, param.Both("The function has no credentials.", "函数没有凭证。"), backup.Fix{
			Title: param.Both("Give the function a role (role in s.yaml); outside Function Compute, set an access key", "为函数配置角色（s.yaml 中的 role）；在函数计算之外则配置访问密钥"),
			Code:  "role: acs:ram::<account id>:role/backup-portal",
		})
		return
	}
	r.Finding = param.Both("The function has an access key.", "函数已有访问密钥。")
	if !keys.SecurityToken.IsZero() {
		r.Finding = param.Both("The function has temporary credentials from its role.", "函数已从其角色获得临时凭证。")
	}
}

// identity reads to which account and user or role the portal's credentials belong (STS,
// GetCallerIdentity, which needs no permission). The check fails for keys of an account's root
// user. It also fails if the account has the access own but the credentials belong to another
// account.
func (l *checklist) identity(r *backup.AccessCheck) {
	op := operation{api: tokens, action: getCallerIdentity, target: l.target}
	op.target.Account = backup.Account{Access: backup.Own}
	a, _, failed := l.perform(l.ctx, op)
	explainFailure(r, "sts:"+getCallerIdentity, failed)
	if failed != nil {
		l.unexpected(r, failed)
		return
	}
	var who struct{ AccountId, Arn string }
	err := json.Unmarshal(a.body, &who)
	if err != nil || !pattern.Match(accountID, who.AccountId) || !pattern.Match(resourceName, who.Arn) {
		fail(r, param.Both("The answer could not be read.", "答复无法读取。"))
		return
	}
	l.self = portalName(who.Arn)
	r.Evidence.Identity = who.Arn
	r.Finding = param.Both("The identity is "+l.self+".", "身份为 "+l.self+"。")
	switch account := l.target.Account; {
	case strings.HasSuffix(who.Arn, ":root"):
		fail(
			r,
			param.Both("These are the access keys of the Alibaba Cloud account itself. They cannot assume a role, and programs should not use them.", "这是阿里云账号本身的访问密钥，不能扮演任何角色，也不应由程序使用。"),
			backup.Fix{
				Title: param.Both("Use a role or a RAM user, and attach this permission policy", "改用角色或 RAM 用户，并授予以下权限策略"),
				Code:  l.functionPolicy(),
			},
		)
	case account.Access == backup.Own && account.ID != who.AccountId:
		fail(
			r,
			param.Both("The function runs in account "+who.AccountId+", but the policy says that "+account.Alias+" (access: own) is account "+account.ID+".",
				"函数运行在账号 "+who.AccountId+" 中，但策略中 "+account.Alias+"（access: own）的账号是 "+account.ID+"。"),
			backup.Fix{
				Title: param.Both("In the portal's policy, correct account_id of "+account.Alias+", or change it to access: assume_role", "在门户策略中更正 "+account.Alias+" 的 account_id，或改为 access: assume_role"),
				Code:  "account_id: \"" + who.AccountId + "\"",
			},
		)
	}
}

// portalName returns the resource name of the user or role of arn. If arn is a session of a
// role, it returns that of the role, because trust policies name the role.
func portalName(arn string) string {
	if before, rest, ok := strings.Cut(arn, ":assumed-role/"); ok {
		role, _, _ := strings.Cut(rest, "/")
		return before + ":role/" + role
	}
	return arn
}

// functionPolicy returns the permission policy that the portal's own role needs.
func (l *checklist) functionPolicy() string {
	return FunctionPolicy([]AccountCapabilities{{l.target.Account, l.capabilities}}).Text()
}

// roleFix returns the permission policy of the role that calls the cloud for the account.
func (l *checklist) roleFix() backup.Fix {
	if account := l.target.Account.Caller(); account.Access == backup.AssumeRole {
		return backup.Fix{
			Title: param.Both("Attach this permission policy to the role "+account.Role+" in account "+account.ID, "为账号 "+account.ID+" 中的角色 "+account.Role+" 授予以下权限策略"),
			Code:  RolePolicy(l.target.Account, l.capabilities).Text(),
		}
	}
	return backup.Fix{
		Title: param.Both("Attach this permission policy to "+l.self, "为 "+l.self+" 授予以下权限策略"),
		Code:  l.functionPolicy(),
	}
}

// maxParallel limits how many operations are tried at the same time.
const maxParallel = 4

// operations tries each operation that the capabilities need, with parameters that change
// nothing. RAM decides before the service checks the parameters. So a refusal that does not
// come from RAM proves that the permission exists.
func (l *checklist) operations() {
	all := operations(l.target.Account, l.capabilities)
	refused := make([]*backup.CloudError, len(all))
	if !l.stopped {
		var wg sync.WaitGroup
		slots := make(chan struct{}, maxParallel)
		for i, op := range all {
			op.target, op.params = l.target, l.probeParams(op.action)
			slots <- struct{}{}
			wg.Go(func() {
				_, _, refused[i] = l.perform(l.ctx, op)
				<-slots
			})
		}
		wg.Wait()
	}
	failed := false
	for i, op := range all {
		name := op.api.product + ":" + op.action
		l.optionalCheck(name, param.Text{En: name, Zh: name}, func(r *backup.AccessCheck) {
			explainFailure(r, name, refused[i])
			l.judge(r, refused[i])
			failed = failed || r.State == backup.CheckFailed
		})
	}
	l.stopped = l.stopped || failed
}

// judge sets the check r by the result of a tried operation. If the service refuses the
// parameters, the permission exists. A missing service-linked role proves the same; a later
// check is about that role.
func (l *checklist) judge(r *backup.AccessCheck, refused *backup.CloudError) {
	r.Finding = param.Both("Allowed.", "已授权。")
	if refused == nil {
		return
	}
	known, listed := meaningOf(refused.Code)
	switch {
	case !errors.Is(refused, backup.ErrRefused):
		l.unexpected(r, refused)
	case isRAMRefusal(refused) || !listed && refused.HTTPStatus == http.StatusForbidden:
		l.forbidden(r, r.ID, refused.Denial, l.roleFix())
	case listed && !known.caller && !slices.Contains(missingRoleCodes, refused.Code):
		l.unexpected(r, refused)
	}
}

// forbidden marks the check r as failed because RAM refused an action. The suggested correction
// is a permission policy. If a higher policy refused, there is none, because no permission
// policy helps.
func (l *checklist) forbidden(r *backup.AccessCheck, action string, d backup.Denial, fix backup.Fix) {
	switch {
	case slices.Contains(higherPolicies, d.PolicyType):
		fail(
			r,
			param.Both("Not allowed: "+action+". A policy above the account or the session does not allow it ("+d.PolicyType+"). The administrator of the resource directory can change it.",
				"未授权："+action+"。账号或会话之上的策略（"+d.PolicyType+"）不允许此操作，须由资源目录的管理员修改。"),
		)
	case d.Kind == "ExplicitDeny":
		fail(
			r,
			param.Both("Explicitly denied: a policy denies "+action+". An Allow cannot override it: remove the Deny statement first.", "已被显式拒绝：某条策略拒绝 "+action+"。Allow 无法覆盖，请先移除该 Deny 语句。"),
			fix,
		)
	default:
		fail(r, param.Both("Not allowed: "+action+".", "未授权："+action+"。"), fix)
	}
}

// isRAMRefusal reports whether RAM refused the call, and not the service.
func isRAMRefusal(e *backup.CloudError) bool {
	switch e.Code {
	case "Forbidden", "Forbidden.RAM", "ActionUnauthorized", "NoPermission":
		return true
	}
	return e.Denial.Action != "" || strings.HasPrefix(e.Code, "NoPermission.")
}

// missingRoleCodes lists the error codes with which CheckRole says that a role is missing or
// cannot be assumed. They prove that the portal may call CheckRole. Another check tests the
// role itself.
var missingRoleCodes = []string{"RoleNotExist", "CrossAccountBackupSlrNotExist", "AssumeRoleFail"}

// probeParams returns parameters with which the operation changes nothing and costs little: it
// lists one item, names a job that does not exist, or lacks a required parameter.
func (l *checklist) probeParams(action string) []param.Parameter {
	now := l.cfg.Now().Unix()
	return map[string][]param.Parameter{
		// Without SourceType the service cannot start a job.
		createBackupJob: {},
		cancelBackupJob: {{Name: "JobId", Value: "job-0000000000preflight"}},
		describeBackupJobs2: {
			{Name: "SourceType", Value: string(param.UDMECS)},
			{Name: "PageNumber", Value: "1"},
			{Name: "PageSize", Value: "1"},
		},
		describeUdmSnapshots: {
			{Name: "SourceType", Value: string(param.UDMECS)},
			{Name: "UdmRegionId", Value: l.target.Region},
			{Name: "StartTime", Value: strconv.FormatInt(now-1, 10)},
			{Name: "EndTime", Value: strconv.FormatInt(now, 10)},
		},
		checkRole:                 {{Name: "CheckRoleType", Value: "UdmRole"}},
		describeCrossAccounts:     {{Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "1"}},
		describeVaults:            {{Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "1"}},
		describeContainerCluster:  {{Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "1"}},
		describeContainerResource: {{Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "1"}},
		listProtectedResources:    {{Name: "MaxResults", Value: "10"}},
		describeBackupClients: {
			{Name: "ClientType", Value: "ECS_CLIENT"},
			{Name: "PageNumber", Value: "1"},
			{Name: "PageSize", Value: "1"},
		},
		describeInstances: {{Name: "RegionId", Value: l.target.Region}, {Name: "MaxResults", Value: "10"}},
		describeDisks:     {{Name: "RegionId", Value: l.target.Region}, {Name: "MaxResults", Value: "10"}},
	}[action]
}

// An entry runs the checks of the role through which the portal enters an account. All of them
// except session and externalID use the result of one call of AssumeRole.
type entry struct {
	*checklist
	account  backup.Account
	failed   *backup.CloudError // the error of AssumeRole with the minimum lifetime; nil: no error
	denied   bool               // RAM refused the call
	byCaller bool               // a policy of the portal's own role, or a higher one, refused it
}

// roleChecks runs the checks of an account's role. STS checks in this order: the role exists,
// the caller's policies permit AssumeRole, the role's trust policy permits the caller. So the
// result of one call decides three checks.
func (l *checklist) roleChecks() {
	e := &entry{checklist: l, account: l.target.Account.Caller()}
	if !l.stopped {
		e.assume()
	}
	l.check("role", titleRole, e.exists)
	l.check("assume_role", titleAssume, e.permitted)
	l.check("trust", titleTrust, e.trusted)
	l.check("external_id", titleExternal, l.externalID)
	l.check("session_policy", titleSession, e.session)
}

// assume calls AssumeRole and sets failed, denied and byCaller of e by the result.
func (e *entry) assume() {
	short := e.account
	short.Session = 0 // session checks the configured lifetime
	_, _, e.failed = e.assumeRole(e.ctx, role{account: short, principal: e.target.Principal}, e.target.Region)
	if e.failed == nil {
		return
	}
	e.denied = strings.HasPrefix(e.failed.Code, assumeRolePrefix+"NoPermission")
	by := e.failed.Denial.PolicyType
	e.byCaller = e.denied && (slices.Contains(identityPolicies, by) || slices.Contains(higherPolicies, by))
}

// exists is the check that the role exists.
func (e *entry) exists(r *backup.AccessCheck) {
	arn, account := e.account.RoleARN(), e.account
	switch explainFailure(r, "sts:"+assumeRole, e.failed); {
	case e.failed == nil || e.denied:
		explainFailure(r, "sts:"+assumeRole, nil)
		r.Finding = param.Both(arn+" exists.", arn+" 存在。")
	case strings.HasPrefix(e.failed.Code, assumeRolePrefix+"EntityNotExist"):
		fail(
			r,
			param.Both("The role "+arn+" does not exist.", "不存在角色 "+arn+"。"),
			e.trustFix(param.Both("In account "+account.ID+", create the role "+account.Role+" with this trust policy", "在账号 "+account.ID+" 中创建角色 "+account.Role+"，其信任策略为")),
			e.roleFix(),
		)
	default:
		e.unexpected(r, e.failed)
	}
}

// permitted is the check that the policies of the portal's own role permit AssumeRole.
func (e *entry) permitted(r *backup.AccessCheck) {
	if e.byCaller {
		explainFailure(r, "sts:"+assumeRole, e.failed)
		e.forbidden(r, "sts:"+assumeRole, e.failed.Denial, backup.Fix{
			Title: param.Both("Attach this permission policy to "+e.self, "为 "+e.self+" 授予以下权限策略"),
			Code:  e.functionPolicy(),
		})
		return
	}
	explainFailure(r, "sts:"+assumeRole, nil)
	r.Finding = param.Both(e.self+" is allowed to assume the role.", e.self+" 有权扮演该角色。")
}

// trusted is the check that the trust policy of the role permits the portal.
func (e *entry) trusted(r *backup.AccessCheck) {
	explainFailure(r, "sts:"+assumeRole, e.failed)
	if !e.denied {
		r.Finding = param.Both("The role trusts the portal.", "该角色信任本门户。")
		return
	}
	account := e.account
	finding := param.Both("The role does not trust "+e.self+".", "该角色不信任 "+e.self+"。")
	if account.ExternalIDVariable != "" {
		finding = param.Both("The role does not trust "+e.self+": either the trust policy does not list it, or it requires an external ID other than the one in "+account.ExternalIDVariable+". STS does not say which.",
			"该角色不信任 "+e.self+"：其信任策略未列出它，或要求的外部 ID 与 "+account.ExternalIDVariable+" 中的不同；STS 不说明是哪一种。")
	}
	fixes := []backup.Fix{e.trustFix(param.Both("Replace the trust policy of the role "+account.Role+" in account "+account.ID+" with this one", "将账号 "+account.ID+" 中角色 "+account.Role+" 的信任策略改为"))}
	if e.failed.Denial.Kind == "ExplicitDeny" {
		finding, fixes = param.Both("The trust policy of the role explicitly denies "+e.self+". An Allow cannot override it: remove the Deny statement.", "该角色的信任策略显式拒绝 "+e.self+"。Allow 无法覆盖，请移除该 Deny 语句。"), nil
	}
	if e.failed.Denial.PolicyType == "" {
		fixes = append(fixes, backup.Fix{
			Title: param.Both("Or attach this permission policy to "+e.self+": the answer does not say which of the two is missing", "或为 "+e.self+" 授予以下权限策略（答复未说明缺少哪一项）"),
			Code:  e.functionPolicy(),
		})
	}
	fail(r, finding, fixes...)
}

// session is the check that the role permits the configured duration of sessions, and a session
// policy.
func (e *entry) session(r *backup.AccessCheck) {
	policy, account := operation{action: createBackupJob}.sessionPolicy(), e.account
	_, _, failed := e.assumeRole(e.ctx, role{
		account:   account,
		principal: e.target.Principal,
		policy:    policy,
	}, e.target.Region)
	explainFailure(r, "sts:"+assumeRole, failed)
	switch name := sessionName(e.target.Principal); {
	case failed == nil:
		r.Finding = param.Both("A session can be limited to one operation. ActionTrail shows it as "+name+".", "会话可限制为单个操作。操作审计（ActionTrail）中显示为 "+name+"。")
	case failed.Code == assumeRolePrefix+"InvalidParameter.DurationSeconds":
		lasts := param.Duration(account.Session)
		fail(
			r,
			param.Both("Sessions of the role cannot last "+lasts.En+".", "该角色的会话不能持续 "+lasts.Zh+"。"),
			backup.Fix{
				Title: param.Both("In the portal's policy, shorten the session of "+account.Alias, "在门户策略中缩短 "+account.Alias+" 的 session"),
				Code:  "session: 15m",
			},
			backup.Fix{Title: param.Both("Or, in account "+account.ID+", increase the maximum session duration of the role", "或在账号 "+account.ID+" 中延长该角色的最大会话时间"),
				Code: "aliyun ram UpdateRole --RoleName " + account.Role + " --NewMaxSessionDuration " + strconv.Itoa(int(account.Session.Seconds()))},
		)
	default:
		e.unexpected(r, failed)
	}
}

// externalID is the check that STS refuses AssumeRole without the external id. A role that
// requires no external id is open to the confused deputy problem: a user who can make the portal
// assume the role by its name gets access to the account.
func (l *checklist) externalID(r *backup.AccessCheck) {
	account := l.target.Account.Caller()
	if account.ExternalIDVariable == "" {
		r.Finding = param.Both("The policy has no external ID (external_id_env). An external ID is recommended: it prevents others from making the portal assume your role.", "策略未配置外部 ID（external_id_env）。建议配置，以防他人借门户扮演您的角色。")
		return
	}
	without := account
	without.ExternalID = secret.String{}
	_, _, failed := l.assumeRole(l.ctx, role{account: without, principal: l.target.Principal}, l.target.Region)
	explainFailure(r, "sts:"+assumeRole, failed)
	switch {
	case failed == nil:
		fail(
			r,
			param.Both("The role can be assumed without an external ID, so the one in "+account.ExternalIDVariable+" gives no protection.", "不带外部 ID 也能扮演该角色，因此 "+account.ExternalIDVariable+" 中的外部 ID 不起保护作用。"),
			l.trustFix(param.Both("Replace the trust policy of the role "+account.Role+" in account "+account.ID+" with this one", "将账号 "+account.ID+" 中角色 "+account.Role+" 的信任策略改为")),
		)
	case strings.HasPrefix(failed.Code, assumeRolePrefix+"NoPermission"):
		r.Finding = param.Both("The role cannot be assumed without the external ID.", "不带外部 ID 时无法扮演该角色。")
	default:
		l.unexpected(r, failed)
	}
}

// trustFix returns a trust policy for the role. The external id is a secret, so the text has
// the name of its environment variable.
func (l *checklist) trustFix(title param.Text) backup.Fix {
	if name := l.target.Account.Caller().ExternalIDVariable; name != "" {
		title.En += ", with $" + name + " replaced by the value of the variable " + name
		title.Zh += "（将 $" + name + " 替换为环境变量 " + name + " 的值）"
	}
	title.En += "; keep its other trusted entities"
	title.Zh += "；保留其中的其他可信实体"
	return backup.Fix{Title: title, Code: TrustPolicy(l.self, l.target.Account.Caller()).Text()}
}

// linkedRole is the check that the service-linked role of Cloud Backup exists (CheckRole).
func (l *checklist) linkedRole() {
	if l.target.Account.Access == backup.HBRCrossAccount {
		l.role("cross_linked_role", titleCrossLinked, CrossBackupService, "CrossAccountRole")
		return
	}
	if slices.Contains(l.capabilities.Sources, param.UDMECS) {
		l.role("linked_role", titleLinked, instanceBackups, "UdmRole")
	}
}

// role is a check that a service-linked role exists, made with CheckRole. kind is its parameter
// CheckRoleType.
func (l *checklist) role(id string, title param.Text, service, kind string) {
	l.check(id, title, func(r *backup.AccessCheck) {
		_, _, failed := l.perform(l.ctx, operation{
			action: checkRole,
			target: l.target,
			params: []param.Parameter{{Name: "CheckRoleType", Value: kind}},
		})
		explainFailure(r, product+":"+checkRole, failed)
		switch {
		case failed == nil:
			r.Finding = param.Both("The role exists.", "该角色已存在。")
		case slices.Contains(missingRoleCodes, failed.Code):
			finding := param.Both("The role is missing.", "该角色不存在。")
			if service == instanceBackups {
				finding = param.Both("The role is missing. The first instance backup creates it if the portal's role has the permission ram:CreateServiceLinkedRole. Creating it now is safer.", "该角色不存在。若门户的角色有 ram:CreateServiceLinkedRole 权限，首次实例备份会自动创建；建议现在就创建。")
			}
			fail(r, finding, backup.Fix{
				Title: param.Both("Create the role in the account where the backup is stored", "在保存备份的账号中创建该角色"),
				// Source: Resource Management, CreateServiceLinkedRole.
				Code: "aliyun resourcemanager CreateServiceLinkedRole --ServiceName " + service,
			})
		default:
			l.unexpected(r, failed)
		}
	})
}

// registered is the check that the account is registered in Cloud Backup
// (DescribeCrossAccounts) and that Cloud Backup can assume the role there (CheckRole).
func (l *checklist) registered() {
	account := l.target.Account
	l.check("registration", titleRegistered, func(r *backup.AccessCheck) {
		known, failed := l.crossAccount()
		explainFailure(r, product+":"+describeCrossAccounts, failed)
		switch {
		case failed != nil:
			l.unexpected(r, failed)
		case !known:
			fail(
				r,
				param.Both("Account "+account.ID+" with the role "+account.Role+" is not registered in Cloud Backup.", "账号 "+account.ID+" 及其角色 "+account.Role+" 未在云备份中注册。"),
				backup.Fix{
					Title: param.Both("Register it in the account where the backup is stored", "在保存备份的账号中注册"),
					Code: "aliyun hbr AddCrossAccount --CrossAccountUserId " + account.ID +
						" --CrossAccountRoleName " + account.Role + " --CrossAccountType CROSS_ACCOUNT" +
						" --Alias " + account.Alias[:min(len(account.Alias), 32)],
				},
			)
		default:
			r.Finding = param.Both("The account is registered.", "该账号已注册。")
		}
	})
	l.check("cross_role", titleCrossRole, func(r *backup.AccessCheck) {
		_, _, failed := l.perform(l.ctx, operation{action: checkRole, target: l.target, params: []param.Parameter{
			{Name: "CheckRoleType", Value: "CrossAccountRole"},
			{Name: "CrossAccountUserId", Value: account.ID},
			{Name: "CrossAccountRoleName", Value: account.Role},
		}})
		explainFailure(r, product+":"+checkRole, failed)
		switch {
		case failed == nil:
			r.Finding = param.Both("Cloud Backup is allowed to assume the role.", "云备份可以扮演该角色。")
		case slices.Contains(missingRoleCodes, failed.Code):
			fail(
				r,
				param.Both("Cloud Backup is not allowed to assume the role "+account.Role+" in account "+account.ID+", or the role does not exist.", "云备份无法扮演账号 "+account.ID+" 中的角色 "+account.Role+"，或该角色不存在。"),
				backup.Fix{
					Title: param.Both("In account "+account.ID+", give the role "+account.Role+" this trust policy and attach the system policy AliyunHBRRolePolicy", "在账号 "+account.ID+" 中，将角色 "+account.Role+" 的信任策略改为以下内容，并授予系统策略 AliyunHBRRolePolicy"),
					Code:  ServiceTrustPolicy(CrossBackupService).Text(),
				},
			)
		default:
			l.unexpected(r, failed)
		}
	})
}

// crossAccount reports whether the account and role of the target are registered in Cloud
// Backup.
func (l *checklist) crossAccount() (bool, *backup.CloudError) {
	for page := 1; page <= maxPages; page++ {
		a, r, failed := l.perform(l.ctx, operation{
			action: describeCrossAccounts,
			target: l.target,
			params: []param.Parameter{
				{Name: "PageNumber", Value: strconv.Itoa(page)}, {Name: "PageSize", Value: strconv.Itoa(pageSize)},
			},
		})
		if failed != nil {
			return false, failed
		}
		var list struct {
			CrossAccounts struct {
				CrossAccount []struct {
					CrossAccountUserId   json.Number
					CrossAccountRoleName string
					CrossAccountType     string
				}
			}
		}
		if json.Unmarshal(a.body, &list) != nil {
			return false, unknownResult(describeCrossAccounts, a.status, r, "the list could not be read")
		}
		for _, x := range list.CrossAccounts.CrossAccount {
			if x.CrossAccountType == "CROSS_ACCOUNT_BY_RD" {
				continue // through a resource directory: it has no role, and the portal sends CROSS_ACCOUNT
			}
			if x.CrossAccountUserId.String() == l.target.Account.ID && strings.EqualFold(x.CrossAccountRoleName, l.target.Account.Role) {
				return true, nil
			}
		}
		if len(list.CrossAccounts.CrossAccount) < pageSize {
			return false, nil
		}
	}
	return false, unknownResult(describeCrossAccounts, 0, response{}, "too many pages")
}

// maxHeartbeatAge is the maximum age of the last heartbeat of a backup client that counts as
// active.
const maxHeartbeatAge = 15 * time.Minute

// essd lists the documented categories of disks that support consistent snapshots (Cloud
// Backup, "Application-consistent backups").
var essd = []string{"cloud_essd", "cloud_auto", "cloud_essd_entry"}

// resources checks the vault and the instance that the parameters name. For an account with
// access hbr_cross_account it checks no instance, because the portal assumes no role there.
func (l *checklist) resources() {
	if id := l.params["VaultId"]; id != "" {
		l.optionalCheck("vault", titleVault, func(r *backup.AccessCheck) { l.vault(r, id) })
	}
	id := l.params["InstanceId"]
	if source := l.params.SourceType(); id == "" || source == param.Container || l.target.Account.Access == backup.HBRCrossAccount {
		return
	}
	l.check("instance", titleInstance, func(r *backup.AccessCheck) { l.instance(r, id) })
	switch l.params.SourceType() {
	case param.UDMECS:
		l.optionalCheck("disks", titleDisks, func(r *backup.AccessCheck) { l.disks(r, id) })
	case param.ECSFile:
		l.optionalCheck("client", titleClient, func(r *backup.AccessCheck) { l.client(r, id) })
	}
}

// list calls an operation that lists resources of the target, and decodes the response into
// page. It sets the evidence of the check r. If the call fails, it marks r as failed and
// returns false.
func (l *checklist) list(r *backup.AccessCheck, op operation, page any) bool {
	if op.api.host == nil {
		op.api = cloudBackup
	}
	op.target = l.target
	failed := l.readList(l.ctx, op, page)
	explainFailure(r, op.api.product+":"+op.action, failed)
	if failed != nil {
		l.unexpected(r, failed)
	}
	return failed == nil
}

// vault is the check that the vault exists in the target's region, is ready, and is not a
// mirror.
func (l *checklist) vault(r *backup.AccessCheck, id string) {
	var page struct {
		Vaults struct {
			Vault []struct {
				VaultId, VaultRegionId, Status string
				Replication                    bool
			}
		}
	}
	if !l.list(r, operation{
		action: describeVaults,
		params: []param.Parameter{
			{Name: "VaultId", Value: id},
			{Name: "PageNumber", Value: "1"},
			{Name: "PageSize", Value: "10"},
		},
	}, &page) {
		return
	}
	for _, v := range page.Vaults.Vault {
		switch {
		case v.VaultId != id:
		case v.VaultRegionId != "" && v.VaultRegionId != l.target.Region:
			fail(r, param.Both(id+" is in another region.", id+" 位于其他地域。"))
			return
		case v.Replication:
			fail(
				r,
				param.Both(id+" is a mirror vault: backups cannot be written to it.", id+" 是镜像备份库，不能写入备份。"),
			)
			return
		case v.Status != "CREATED":
			fail(
				r,
				param.Both(id+" is not ready: "+param.Clean(v.Status, longestWord)+".", id+" 尚不可用："+param.Clean(v.Status, longestWord)+"。"),
			)
			return
		default:
			r.Finding = param.Both(id+" is ready.", id+" 可用。")
			return
		}
	}
	fail(r, param.Both("The vault "+id+" does not exist in "+l.target.Region+".", l.target.Region+" 中不存在备份库 "+id+"。"))
}

// instance is the check that the instance exists in the target's region.
func (l *checklist) instance(r *backup.AccessCheck, id string) {
	var page struct {
		Instances struct {
			Instance []struct{ InstanceId, Status string }
		}
	}
	if !l.list(r, operation{api: ecs, action: describeInstances, params: l.oneInstance(id)}, &page) {
		return
	}
	for _, i := range page.Instances.Instance {
		if i.InstanceId == id {
			r.Finding = param.Both(id+" exists: "+param.Clean(i.Status, longestWord)+".", id+" 存在："+param.Clean(i.Status, longestWord)+"。")
			return
		}
	}
	fail(
		r,
		param.Both("The instance "+id+" does not exist in "+l.target.Region+" of this account.", "该账号的 "+l.target.Region+" 中不存在实例 "+id+"。"),
	)
}

// oneInstance returns the parameters of DescribeInstances for one instance.
func (l *checklist) oneInstance(id string) []param.Parameter {
	return []param.Parameter{
		{Name: "RegionId", Value: l.target.Region},
		{Name: "MaxResults", Value: "10"},
		{Name: "InstanceIds", Value: param.StringList([]string{id})},
	}
}

// disks is the check that the disks of the instance can be listed. If the parameters request a
// consistent snapshot, it also checks that the disks support one: at most 16, all ESSDs, each
// attached to one instance only.
func (l *checklist) disks(r *backup.AccessCheck, id string) {
	var page struct {
		Disks struct {
			Disk []struct {
				DiskId, Category, MultiAttach string
				Size                          int64
			}
		}
	}
	if !l.list(r, operation{api: ecs, action: describeDisks, params: []param.Parameter{
		{Name: "RegionId", Value: l.target.Region}, {Name: "InstanceId", Value: id}, {Name: "MaxResults", Value: "100"},
	}}, &page) {
		return
	}
	var names, unfit []string
	for _, d := range page.Disks.Disk {
		name := param.Clean(d.DiskId+" ("+d.Category+", "+strconv.FormatInt(d.Size, 10)+" GiB)", 200)
		names = append(names, name)
		if !slices.Contains(essd, d.Category) || d.MultiAttach == "Enabled" {
			unfit = append(unfit, name)
		}
	}
	r.Finding = param.Both(strings.Join(names, ", "), strings.Join(names, "，"))
	switch wants := l.params["Detail.appConsistent"] == "true" || l.params["Detail.snapshotGroup"] == "true"; {
	case len(names) == 0:
		fail(r, param.Both("The instance has no disks.", "该实例没有云盘。"))
	case wants && len(unfit) > 0:
		fail(
			r,
			param.Both("Consistent snapshots support only ESSDs without multi-attach. Not supported: "+strings.Join(unfit, ", "), "一致性快照只支持未开启多重挂载的 ESSD 云盘，不支持："+strings.Join(unfit, "，")),
		)
	case wants && len(names) > 16:
		fail(r, param.Both("Consistent snapshots support at most 16 disks.", "一致性快照最多支持 16 块云盘。"))
	}
}

// client is the check that the backup client on the instance is active. The response also has
// the client's settings, which can contain a password: they are not decoded.
func (l *checklist) client(r *backup.AccessCheck, id string) {
	var page struct {
		Clients []struct {
			InstanceId, Status string
			LastHeartBeatTime  int64
		}
	}
	if !l.list(r, operation{action: describeBackupClients, params: []param.Parameter{
		{Name: "ClientType", Value: "ECS_CLIENT"},
		{Name: "InstanceIds", Value: param.StringList([]string{id})},
		{Name: "PageNumber", Value: "1"},
		{Name: "PageSize", Value: "10"},
	}}, &page) {
		return
	}
	for _, c := range page.Clients {
		if c.InstanceId != id {
			continue
		}
		status, silent := param.Clean(c.Status, longestWord), l.cfg.Now().Sub(time.Unix(c.LastHeartBeatTime, 0))
		seen := param.Duration(silent)
		if c.Status == "ACTIVATED" && silent < maxHeartbeatAge {
			r.Finding = param.Both("The client is ready. Its last heartbeat was "+seen.En+" ago.", "客户端可用，最近一次心跳在 "+seen.Zh+"前。")
			return
		}
		fail(
			r,
			param.Both("The client is not ready: "+status+". Its last heartbeat was "+seen.En+" ago.", "客户端不可用："+status+"，最近一次心跳在 "+seen.Zh+"前。"),
			l.installClient(),
		)
		return
	}
	fail(r, param.Both("No backup client is installed on "+id+".", id+" 上未安装备份客户端。"), l.installClient())
}

// installClient returns the instructions to install or start the backup client.
func (l *checklist) installClient() backup.Fix {
	return backup.Fix{Title: param.Both("Install or start the client in the Cloud Backup console under ECS File Backup. Cloud Assistant must be running on the instance", "在云备份控制台的“ECS 文件备份”中安装或启动客户端；实例上须运行云助手"),
		Code: "https://hbr.console.aliyun.com/"}
}

// Types of the policy that caused a refusal (PolicyType in RAM's AccessDeniedDetail): policies
// of the caller, and higher policies that limit the caller in addition. Only the owner of a
// higher policy can change it.
var (
	identityPolicies = []string{"AccountLevelIdentityBasedPolicy", "ResourceGroupLevelIdentityBasedPolicy"}
	higherPolicies   = []string{"ControlPolicy", "SessionPolicy"}
)

// Patterns of what GetCallerIdentity returns.
const (
	accountID    = `[0-9]{16}`
	resourceName = `acs:ram::[0-9]{16}:[A-Za-z0-9.@_/-]{1,200}`
)

// The titles of the checks.
var (
	titleCredentials = param.Both("Credentials of the function", "函数的凭证")
	titleIdentity    = param.Both("Identity of the function", "函数的身份")
	titleRole        = param.Both("Role in the account", "账号中的角色")
	titleAssume      = param.Both("Permission to assume the role", "扮演角色的权限")
	titleTrust       = param.Both("Trust policy of the role", "角色的信任策略")
	titleExternal    = param.Both("External ID", "外部 ID")
	titleSession     = param.Both("Session policy", "会话策略")
	titleLinked      = param.Both("Service-linked role for instance backups", "实例备份的服务关联角色")
	titleCrossLinked = param.Both("Service-linked role for cross-account backups", "跨账号备份的服务关联角色")
	titleRegistered  = param.Both("Registration of the account", "账号注册")
	titleCrossRole   = param.Both("Role that Cloud Backup assumes in the account", "账号中供云备份扮演的角色")
	titleVault       = param.Both("Backup vault", "备份库")
	titleInstance    = param.Both("Instance", "实例")
	titleDisks       = param.Both("Instance disks", "实例的云盘")
	titleClient      = param.Both("Backup client on the instance", "实例上的备份客户端")
)
