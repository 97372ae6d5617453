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

	"backupportal/function/backup"
)

// A ladder is a preflight under way. Each rung is one question to the cloud, and
// stands on those before it.
type ladder struct {
	*Client
	ctx    context.Context
	target backup.Target
	uses   backup.Uses
	params backup.Params

	rungs  []backup.Rung
	broken bool   // a rung failed on which all that follow stand
	self   string // resource name of the portal's own role or user
}

// Preflight implements [backup.Cloud]. Its calls are reads, or such as cannot have
// an effect: a job without a parameter is none.
func (c *Client) Preflight(ctx context.Context, target backup.Target, uses backup.Uses, params backup.Params) []backup.Rung {
	l := &ladder{Client: c, ctx: ctx, target: target, uses: uses, params: params}
	l.rung("credentials", titleCredentials, l.credentials)
	l.rung("identity", titleIdentity, l.identity)
	if target.Account.Caller().Access == backup.AssumeRole {
		l.intoAccount()
	}
	l.operations()
	l.linkedRole()
	if target.Account.Access == backup.HBRCrossAccount {
		l.registered()
	}
	l.things()
	return l.rungs
}

// rung asks one question. If it fails, what follows is not asked, unless it says
// otherwise.
func (l *ladder) rung(id string, title backup.Text, ask func(*backup.Rung)) {
	r := backup.Rung{ID: id, Title: title, State: backup.RungNotReached}
	if !l.broken {
		r.State = backup.RungOK
		ask(&r)
		l.broken = r.State == backup.RungFailed
	}
	l.rungs = append(l.rungs, r)
}

// apart is rung for one on which nothing stands.
func (l *ladder) apart(id string, title backup.Text, ask func(*backup.Rung)) {
	before := l.broken
	l.rung(id, title, ask)
	l.broken = before
}

// fail says that r does not hold, and what would mend it.
func fail(r *backup.Rung, finding backup.Text, fixes ...backup.Fix) {
	r.State, r.Finding, r.Fixes = backup.RungFailed, finding, fixes
}

// heard keeps what the cloud said.
func heard(r *backup.Rung, operation string, failed *backup.CloudError) {
	r.Evidence = backup.Evidence{Operation: operation}
	if failed != nil {
		r.Evidence.Code, r.Evidence.RequestID, r.Evidence.Denial = failed.Code, failed.RequestID, failed.Denial
	}
}

// unexpected is a failure that has nothing to do with permissions.
func (l *ladder) unexpected(r *backup.Rung, failed *backup.CloudError) {
	finding := l.Explain(failed.Code).Means
	if finding == (backup.Text{}) {
		finding = both("The cloud gave no usable answer ("+failed.Cause+"). This says nothing of permissions: try again.", "云端没有可用的答复（"+failed.Cause+"），无法判断权限：请重试。")
	}
	fail(r, finding)
}

func (l *ladder) credentials(r *backup.Rung) {
	keys, failed := l.own(l.ctx, getCallerIdentity)
	if failed != nil {
		heard(r, "", failed)
		fail(r, both("The function has no credentials of its own.", "函数没有自己的凭证。"), backup.Fix{
			Title: both("Give the function a role (role in s.yaml), or outside Function Compute an access key", "为函数配置角色（s.yaml 中的 role）；在函数计算之外则配置访问密钥"),
			Code:  "role: acs:ram::<account id>:role/backup-portal",
		})
		return
	}
	r.Finding = both("The function has an access key.", "函数已有访问密钥。")
	if !keys.SecurityToken.IsZero() {
		r.Finding = both("The function has temporary credentials of its role.", "函数已有其角色的临时凭证。")
	}
}

// identity asks STS whose credentials they are (GetCallerIdentity), for which
// nobody needs a permission.
func (l *ladder) identity(r *backup.Rung) {
	op := operation{api: tokens, action: getCallerIdentity, target: l.target}
	op.target.Account = backup.Account{Access: backup.Own}
	a, _, failed := l.perform(l.ctx, op)
	heard(r, "sts:"+getCallerIdentity, failed)
	if failed != nil {
		l.unexpected(r, failed)
		return
	}
	var who struct{ AccountId, Arn string }
	if err := json.Unmarshal(a.body, &who); err != nil || !accountID.MatchString(who.AccountId) || !resourceName.MatchString(who.Arn) {
		fail(r, both("The answer could not be read.", "答复无法读取。"))
		return
	}
	l.self = portalName(who.Arn)
	r.Evidence.Identity = who.Arn
	r.Finding = both("It is "+l.self+".", "身份为 "+l.self+"。")
	switch account := l.target.Account; {
	case strings.HasSuffix(who.Arn, ":root"):
		fail(r, both("These are the keys of the account itself, which may take on no role and should be used by no program.", "这是云账号本身的密钥，不能扮演任何角色，也不应供程序使用。"), backup.Fix{
			Title: both("Use a role, or a RAM user, and give it this permission policy", "改用角色或 RAM 用户，并授予以下权限策略"), Code: l.functionPolicy(),
		})
	case account.Access == backup.Own && account.ID != who.AccountId:
		fail(r, both("The function runs in account "+who.AccountId+", but the policy says that "+account.Alias+" is "+account.ID+" and its own.",
			"函数运行在账号 "+who.AccountId+"，而策略称 "+account.Alias+" 是其自身账号 "+account.ID+"。"), backup.Fix{
			Title: both("In the portal's policy, correct account_id of "+account.Alias+", or let it have access: assume_role", "在门户策略中更正 "+account.Alias+" 的 account_id，或改为 access: assume_role"),
			Code:  "account_id: \"" + who.AccountId + "\"",
		})
	}
}

// portalName is the role or user behind a resource name: of a session it is the
// role, as trust policies have it.
func portalName(arn string) string {
	if before, rest, ok := strings.Cut(arn, ":assumed-role/"); ok {
		role, _, _ := strings.Cut(rest, "/")
		return before + ":role/" + role
	}
	return arn
}

func (l *ladder) functionPolicy() string {
	return FunctionPolicy([]AccountUse{{l.target.Account, l.uses}}).Text()
}

// roleFix is the permission policy of whoever acts in the account.
func (l *ladder) roleFix() backup.Fix {
	if account := l.target.Account.Caller(); account.Access == backup.AssumeRole {
		return backup.Fix{
			Title: both("Give the role "+account.Role+" in account "+account.ID+" this permission policy", "为账号 "+account.ID+" 中的角色 "+account.Role+" 授予以下权限策略"),
			Code:  RolePolicy(l.target.Account, l.uses).Text(),
		}
	}
	return backup.Fix{Title: both("Give "+l.self+" this permission policy", "为 "+l.self+" 授予以下权限策略"), Code: l.functionPolicy()}
}

// atOnce is how many operations are asked for at the same time.
const atOnce = 4

// operations makes the cheapest call of each operation that has no effect. RAM
// refuses before anything else is looked at, so that any other refusal is a yes.
func (l *ladder) operations() {
	all := operations(l.target.Account, l.uses)
	refused := make([]*backup.CloudError, len(all))
	if !l.broken {
		var wg sync.WaitGroup
		turns := make(chan struct{}, atOnce)
		for i, op := range all {
			op.target, op.params = l.target, l.harmless(op.action)
			turns <- struct{}{}
			wg.Go(func() {
				_, _, refused[i] = l.perform(l.ctx, op)
				<-turns
			})
		}
		wg.Wait()
	}
	failed := false
	for i, op := range all {
		name := op.api.product + ":" + op.action
		l.apart(name, backup.Text{En: name, Zh: name}, func(r *backup.Rung) {
			heard(r, name, refused[i])
			l.judge(r, refused[i])
			failed = failed || r.State == backup.RungFailed
		})
	}
	l.broken = l.broken || failed
}

func (l *ladder) judge(r *backup.Rung, refused *backup.CloudError) {
	r.Finding = both("Allowed.", "已授权。")
	if refused == nil {
		return
	}
	known, listed := meaningOf(refused.Code)
	switch {
	case !errors.Is(refused, backup.ErrRefused):
		l.unexpected(r, refused)
	case ofRAM(refused) || !listed && refused.HTTPStatus == http.StatusForbidden:
		l.forbidden(r, r.ID, refused.Denial, l.roleFix())
	case listed && !known.caller && !slices.Contains(aboutRoles, refused.Code):
		l.unexpected(r, refused)
	}
}

// forbidden says that RAM refuses an action, and what would mend that: a policy only
// where one can.
func (l *ladder) forbidden(r *backup.Rung, action string, d backup.Denial, fix backup.Fix) {
	switch {
	case slices.Contains(higherPolicies, d.PolicyType):
		fail(r, both("Not allowed: "+action+". It is a policy above the account or the session that does not allow it ("+d.PolicyType+"): whoever manages the resource directory can change it.",
			"未授权："+action+"。限制来自账号或会话之上的策略（"+d.PolicyType+"），须由资源目录的管理员修改。"))
	case d.Kind == "ExplicitDeny":
		fail(r, both("Forbidden: a policy denies "+action+". What is denied nothing can allow: remove the Deny first.", "已被显式拒绝：某条策略拒绝 "+action+"，请先移除该 Deny。"), fix)
	default:
		fail(r, both("Not allowed: "+action+".", "未授权："+action+"。"), fix)
	}
}

// ofRAM reports whether a refusal is RAM's.
func ofRAM(e *backup.CloudError) bool {
	return e.Denial.Action != "" || e.Code == "Forbidden" || e.Code == "Forbidden.RAM" || e.Code == "ActionUnauthorized" || e.Code == "NoPermission" || strings.HasPrefix(e.Code, "NoPermission.")
}

// aboutRoles are what CheckRole answers where a role is missing, which is a rung
// of its own.
var aboutRoles = []string{"RoleNotExist", "CrossAccountBackupSlrNotExist", "AssumeRoleFail"}

// harmless are the parameters of the cheapest call without an effect.
func (l *ladder) harmless(action string) []backup.Parameter {
	now := l.cfg.Now().Unix()
	return map[string][]backup.Parameter{
		// Without a SourceType there is no job that could be made.
		createBackupJob:          {},
		cancelBackupJob:          {{Name: "JobId", Value: "job-0000000000preflight"}},
		describeBackupJobs2:      {{Name: "SourceType", Value: string(backup.UDMECS)}, {Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "1"}},
		describeUdmSnapshots:     {{Name: "SourceType", Value: string(backup.UDMECS)}, {Name: "UdmRegionId", Value: l.target.Region}, {Name: "StartTime", Value: strconv.FormatInt(now-1, 10)}, {Name: "EndTime", Value: strconv.FormatInt(now, 10)}},
		checkRole:                {{Name: "CheckRoleType", Value: "UdmRole"}},
		describeCrossAccounts:    {{Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "1"}},
		describeVaults:           {{Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "1"}},
		describeContainerCluster: {{Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "1"}},
		describeBackupClients:    {{Name: "ClientType", Value: "ECS_CLIENT"}, {Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "1"}},
		describeInstances:        {{Name: "RegionId", Value: l.target.Region}, {Name: "MaxResults", Value: "10"}},
		describeDisks:            {{Name: "RegionId", Value: l.target.Region}, {Name: "MaxResults", Value: "10"}},
	}[action]
}
