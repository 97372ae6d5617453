package aliyun

import (
	"slices"
	"strconv"
	"strings"

	"backupportal/function/backup"
)

// An entry is the way into an account by its role.
type entry struct {
	*ladder
	account backup.Account
	failed  *backup.CloudError // of taking on the role, for as short a time as there is
	denied  bool               // by RAM
	ours    bool               // by a policy of the portal's own, or above it
}

// intoAccount is the way into an account by its role. STS looks for the role first,
// then at what the caller may do, then at what the role trusts.
func (l *ladder) intoAccount() {
	e := &entry{ladder: l, account: l.target.Account.Caller()}
	if !l.broken {
		e.knock()
	}
	l.rung("role", titleRole, e.exists)
	l.rung("assume_role", titleAssume, e.permitted)
	l.rung("trust", titleTrust, e.trusted)
	l.rung("external_id", titleExternal, l.externalID)
	l.rung("session_policy", titleSession, e.session)
}

// knock tries to take on the role.
func (e *entry) knock() {
	short := e.account
	short.Session = 0 // how long it may last is a rung of its own
	_, _, e.failed = e.assumeRole(e.ctx, role{account: short, principal: e.target.Principal}, e.target.Region)
	if e.failed == nil {
		return
	}
	e.denied = strings.HasPrefix(e.failed.Code, assumeRolePrefix+"NoPermission")
	by := e.failed.Denial.PolicyType
	e.ours = e.denied && (slices.Contains(identityPolicies, by) || slices.Contains(higherPolicies, by))
}

func (e *entry) exists(r *backup.Rung) {
	arn, account := e.account.RoleARN(), e.account
	switch heard(r, "sts:"+assumeRole, e.failed); {
	case e.failed == nil || e.denied:
		heard(r, "sts:"+assumeRole, nil)
		r.Finding = both(arn+" exists.", arn+" 存在。")
	case strings.HasPrefix(e.failed.Code, assumeRolePrefix+"EntityNotExist"):
		fail(r, both("There is no role "+arn+".", "不存在角色 "+arn+"。"), e.trustFix(both("In account "+account.ID+", make the role "+account.Role+" with this trust policy", "在账号 "+account.ID+" 中创建角色 "+account.Role+"，其信任策略为")), e.roleFix())
	default:
		e.unexpected(r, e.failed)
	}
}

func (e *entry) permitted(r *backup.Rung) {
	if e.ours {
		heard(r, "sts:"+assumeRole, e.failed)
		e.forbidden(r, "sts:"+assumeRole, e.failed.Denial, backup.Fix{
			Title: both("Give "+e.self+" this permission policy", "为 "+e.self+" 授予以下权限策略"), Code: e.functionPolicy(),
		})
		return
	}
	heard(r, "sts:"+assumeRole, nil)
	r.Finding = both(e.self+" may take on the role.", e.self+" 有权扮演该角色。")
}

func (e *entry) trusted(r *backup.Rung) {
	heard(r, "sts:"+assumeRole, e.failed)
	if !e.denied {
		r.Finding = both("The role lets the portal in.", "该角色信任本门户。")
		return
	}
	account := e.account
	finding := both("The role does not let "+e.self+" in.", "该角色不信任 "+e.self+"。")
	if account.ExternalIDVariable != "" {
		finding = both("The role does not let "+e.self+" in: it does not name it, or it wants another external id than the one in "+account.ExternalIDVariable+". STS does not say which.",
			"该角色不信任 "+e.self+"：其信任策略未列出它，或要求的外部 ID 与 "+account.ExternalIDVariable+" 中的不同；STS 不说明是哪一种。")
	}
	fixes := []backup.Fix{e.trustFix(both("Let the role "+account.Role+" in account "+account.ID+" have this trust policy", "将账号 "+account.ID+" 中角色 "+account.Role+" 的信任策略改为"))}
	if e.failed.Denial.Kind == "ExplicitDeny" {
		finding, fixes = both("The trust policy of the role denies it to "+e.self+". What is denied nothing can allow: remove the Deny.", "该角色的信任策略显式拒绝 "+e.self+"：请先移除该 Deny。"), nil
	}
	if e.failed.Denial.PolicyType == "" {
		fixes = append(fixes, backup.Fix{Title: both("Or give "+e.self+" this permission policy: the refusal does not say which of the two is missing", "或为 "+e.self+" 授予以下权限策略（答复未说明缺少哪一项）"), Code: e.functionPolicy()})
	}
	fail(r, finding, fixes...)
}

// session tries how long a session may last, and whether it can be narrowed.
func (e *entry) session(r *backup.Rung) {
	policy, account := operation{action: createBackupJob}.sessionPolicy(), e.account
	_, _, failed := e.assumeRole(e.ctx, role{account: account, principal: e.target.Principal, policy: policy}, e.target.Region)
	heard(r, "sts:"+assumeRole, failed)
	switch name := sessionName(e.target.Principal); {
	case failed == nil:
		r.Finding = both("A session can be narrowed to one operation; in the trail of the cloud it is called "+name+".", "会话可收窄到单个操作；在云端审计中显示为 "+name+"。")
	case failed.Code == assumeRolePrefix+"InvalidParameter.DurationSeconds":
		fail(r, both("Sessions of the role may not last "+account.Session.String()+".", "该角色的会话不能持续 "+account.Session.String()+"。"),
			backup.Fix{Title: both("In the portal's policy, shorten session of "+account.Alias, "在门户策略中缩短 "+account.Alias+" 的 session"), Code: "session: 15m"},
			backup.Fix{Title: both("Or let sessions of the role last longer, in account "+account.ID, "或在账号 "+account.ID+" 中延长该角色的最大会话时间"),
				Code: "aliyun ram UpdateRole --RoleName " + account.Role + " --NewMaxSessionDuration " + strconv.Itoa(int(account.Session.Seconds()))})
	default:
		e.unexpected(r, failed)
	}
}

// externalID tries the door without the key: a role that asks for no external id
// lets in whoever can have the portal name it.
func (l *ladder) externalID(r *backup.Rung) {
	account := l.target.Account.Caller()
	if account.ExternalIDVariable == "" {
		r.Finding = both("The policy names none (external_id_env). One is worth having: it keeps others from having the portal take on your role.", "策略未配置外部 ID（external_id_env）。建议配置，以防他人借门户扮演您的角色。")
		return
	}
	without := account
	without.ExternalID = backup.Secret{}
	_, _, failed := l.assumeRole(l.ctx, role{account: without, principal: l.target.Principal}, l.target.Region)
	heard(r, "sts:"+assumeRole, failed)
	switch {
	case failed == nil:
		fail(r, both("The role lets the portal in without any external id: the one in "+account.ExternalIDVariable+" protects nothing.", "不带外部 ID 也能扮演该角色："+account.ExternalIDVariable+" 中的外部 ID 不起作用。"),
			l.trustFix(both("Let the role "+account.Role+" in account "+account.ID+" have this trust policy", "将账号 "+account.ID+" 中角色 "+account.Role+" 的信任策略改为")))
	case strings.HasPrefix(failed.Code, assumeRolePrefix+"NoPermission"):
		r.Finding = both("Without it the role lets nobody in.", "不带外部 ID 时无法扮演该角色。")
	default:
		l.unexpected(r, failed)
	}
}

// trustFix is a trust policy for the role. It is without the external id, which is secret.
func (l *ladder) trustFix(title backup.Text) backup.Fix {
	if name := l.target.Account.Caller().ExternalIDVariable; name != "" {
		title.En += ", with what the variable " + name + " holds in place of $" + name
		title.Zh += "（将 $" + name + " 替换为环境变量 " + name + " 的值）"
	}
	title.En += "; keep what else it trusts"
	title.Zh += "；保留其中其他受信任方"
	return backup.Fix{Title: title, Code: TrustPolicy(l.self, l.target.Account.Caller()).Text()}
}
