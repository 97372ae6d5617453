package aliyun

import (
	"path"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// meanings is the table of the cloud's error codes: what each code means and what to do about
// it. The first entry whose pattern matches a code is used, so the order matters. First are the
// codes of AssumeRole and of the portal itself, then the codes after which a job may exist
// (ErrUnknownOutcome), then all others. A special pattern is before a general one.
//
// Sources: the error tables and metadata of the API pages of CreateBackupJob and AssumeRole,
// and the page "Public error codes".
var meanings = []meaning{{
	codes: "AssumeRole.NoPermission* AssumeRole.Forbidden*", outcome: backup.ErrRefused,
	means: param.Both("The portal is not allowed to assume the role in that account.", "门户无权扮演该账号中的角色。"),
	todo: param.Both("The operator must change one of two settings: the role's trust policy must trust the portal's own role (with the same external ID), or the portal's own role needs the permission sts:AssumeRole for this role. “Check access” shows which one is missing.",
		"管理员需要修改以下之一：该角色的信任策略须信任门户自身的角色（外部 ID 一致），或为门户自身的角色授予对它的 sts:AssumeRole 权限。“检查访问权限”会指出是哪一项。"),
}, {
	codes: "AssumeRole.EntityNotExist*", outcome: backup.ErrRefused,
	means: param.Both("The role does not exist in that account.", "该账号中不存在此角色。"),
	todo:  param.Both("The operator must create the role, or correct the account or the role in the policy.", "管理员需要创建该角色，或更正策略中的账号或角色。"),
}, {
	codes: "AssumeRole.InvalidParameter* AssumeRole.Missing*", outcome: backup.ErrRefused,
	means: param.Both("The role settings of that account were not accepted.", "该账号的角色设置未被接受。"),
	todo:  param.Both("The operator must correct the account in the policy.", "管理员需要更正策略中的该账号。"),
}, {
	codes:   "AssumeRole.InternalError AssumeRole.UnknownError AssumeRole.ServiceUnavailable AssumeRole.*Timeout AssumeRole.SignatureNonceUsed",
	outcome: backup.ErrNotSent,
	means:   param.Both("The portal could not get credentials for that account. Nothing was started.", "门户未能获取该账号的凭证，未启动任何任务。"),
	todo:    tryAgain,
}, {
	codes: noCredentials, outcome: backup.ErrCredentials,
	means: param.Both("The function has no role and no access key.", "函数未配置角色，也未设置访问密钥。"),
	todo:  param.Both("The operator must give the function a role.", "管理员需要为函数配置角色。"),
}, {
	codes:   badTarget,
	outcome: backup.ErrRefused,
	means:   param.Both("The policy contains a region or an account access method that the portal does not support.", "策略包含门户不支持的地域或账号访问方式。"),
	todo:    tellOperator,
}, {
	codes: "SignatureNonceUsed", outcome: backup.ErrUnknownOutcome,
	means: param.Both("The request was sent twice in transit.", "请求在传输途中被重复发送。"), todo: beingChecked,
}, {
	codes:   "InternalError UnknownError InitVaultError AccessVaultFail BrowseFileError EcsClientError",
	outcome: backup.ErrUnknownOutcome,
	means:   param.Both("Cloud Backup had an internal error.", "云备份发生内部错误。"),
	todo:    beingChecked,
}, {
	codes: "ServiceUnavailable *Timeout", outcome: backup.ErrUnknownOutcome,
	means: param.Both("Cloud Backup is temporarily unavailable.", "云备份暂时不可用。"), todo: beingChecked,
}, {
	codes:   "Throttling Throttling.* Rejected.Throttling",
	outcome: backup.ErrThrottled,
	means:   param.Both("There are too many requests. Nothing was started.", "当前请求过多，未启动任何任务。"),
	todo:    tryAgain,
}, {
	codes: "InvalidAccessKeyId* Forbidden.AccessKeyDisabled", outcome: backup.ErrCredentials,
	means: param.Both("The access key of this portal is no longer valid.", "本门户的访问密钥已失效。"), todo: tellOperator,
}, {
	codes:     "InvalidSecurityToken*",
	outcome:   backup.ErrCredentials,
	temporary: true,
	means:     param.Both("The portal's credentials have expired and could not be renewed.", "本门户的访问凭证已过期且未能续期。"),
	todo:      tellOperator,
}, {
	codes: "MissingSecurityToken", outcome: backup.ErrCredentials,
	means: param.Both("The portal sent incomplete credentials.", "本门户发送的凭证不完整。"), todo: tellOperator,
}, {
	codes: "SignatureDoesNotMatch IncompleteSignature InvalidSignatureMethod", outcome: backup.ErrRefused,
	means: param.Both("The access key of this portal was not accepted.", "本门户的访问密钥未被接受。"), todo: tellOperator,
}, {
	codes: "InvalidTimeStamp* IllegalTimestamp", outcome: backup.ErrRefused,
	means: param.Both("The clock of this portal is wrong.", "本门户的系统时间不正确。"), todo: tellOperator,
}, {
	codes: "Forbidden.RiskControl Forbidden.UserVerification RiskControlProhibited", outcome: backup.ErrRefused,
	means: param.Both("The cloud account is restricted by the provider.", "该云账号受到云服务商的限制。"), todo: tellOperator,
}, {
	codes: "NoPermission* Forbidden* ActionUnauthorized", outcome: backup.ErrRefused,
	means: param.Both("The portal's role in that account does not have permission for this operation.", "门户在该账号中使用的角色没有执行此操作的权限。"),
	todo:  param.Both("The operator must grant the permission to the role. “Check access” shows the missing permission and the policy to paste.", "管理员需要为该角色授权。“检查访问权限”会显示缺少的权限和可粘贴的权限策略。"),
}, {
	codes: "ServiceNotActivated", outcome: backup.ErrRefused,
	means: param.Both("Cloud Backup is not activated in that account.", "该账号尚未开通云备份。"),
	todo:  param.Both("The operator must activate Cloud Backup in the console.", "管理员需要在控制台开通云备份。"),
}, {
	codes: "InDebt* InsufficientBalance", outcome: backup.ErrRefused,
	means: param.Both("The cloud account has overdue payments or an insufficient balance.", "该云账号欠费或余额不足。"), todo: tellOperator,
}, {
	codes: "AssumeRoleFail", outcome: backup.ErrRefused,
	means: param.Both("Cloud Backup is not allowed to assume its role.", "云备份无权扮演其角色。"),
	todo:  param.Both("The operator must check the service-linked role, and the role in the other account.", "管理员需要检查云备份的服务关联角色，以及另一账号中的角色。"),
}, {
	codes: "RoleNotExist", outcome: backup.ErrRefused,
	means: param.Both("A role that Cloud Backup needs does not exist.", "云备份所需的角色不存在。"), todo: tellOperator,
}, {
	codes: "CrossAccountBackupSlrNotExist", outcome: backup.ErrRefused,
	means: param.Both("The role AliyunServiceRoleForHbrCrossAccountBackup is missing in this account.", "本账号缺少服务关联角色 AliyunServiceRoleForHbrCrossAccountBackup。"),
	todo:  param.Both("The operator must create it in the console of Cloud Backup.", "管理员需要在云备份控制台创建该角色。"),
}, {
	codes:   "AccountNotEnableRdTrustedService BackupAccountNotInSpecifiedRd",
	outcome: backup.ErrRefused,
	means:   param.Both("The resource directory does not allow Cloud Backup to access that account.", "资源目录未允许云备份访问该账号。"),
	todo:    tellOperator,
}, {
	codes: "CloudAssistNotRunningOnInstance", outcome: backup.ErrRefused, caller: true,
	means: param.Both("Cloud Assistant is not running on the instance.", "实例上的云助手未运行。"),
	todo:  param.Both("Start Cloud Assistant on the instance and submit again.", "请在实例上启动云助手后重新提交。"),
}, {
	codes: "VaultNotExist", outcome: backup.ErrRefused, caller: true,
	means: param.Both("The vault does not exist in this region.", "该地域中不存在此备份库。"),
	todo:  param.Both("Choose a vault of the same region.", "请选择同一地域的备份库。"),
}, {
	codes: "ResourceNotFound", outcome: backup.ErrRefused, caller: true,
	means: param.Both("Cloud Backup cannot find the selected resource.", "云备份未找到所选资源。"),
	todo:  param.Both("It may have been deleted, or it may be in another region. Check the IDs and the region.", "资源可能已被删除，或位于其他地域。请检查 ID 和地域。"),
}, {
	codes: "InvalidRegion*", outcome: backup.ErrRefused, caller: true,
	means: param.Both("Cloud Backup does not support this region.", "云备份不支持该地域。"),
	todo:  param.Both("Choose another region.", "请选择其他地域。"),
}, {
	codes:   "InvalidVersion NoSuchVersion InvalidApi* InvalidProduct* InvalidProtocol* InvalidAction* UnsupportedHTTPMethod",
	outcome: backup.ErrRefused,
	means:   param.Both("The portal and Cloud Backup use incompatible API versions.", "门户与云备份使用的 API 版本不兼容。"),
	todo:    tellOperator,
}, {
	codes: "Missing*", outcome: backup.ErrRefused, caller: true,
	means: param.Both("A required value is missing.", "缺少必填的值。"),
	todo:  param.Both("Enter the value and submit again.", "请补充后重新提交。"),
}, {
	codes: "Invalid* UnsupportedParameter", outcome: backup.ErrRefused, caller: true,
	means: param.Both("Cloud Backup did not accept a value.", "云备份未接受某个值。"), todo: correctIt,
}, {
	codes: "BadRequest", outcome: backup.ErrRefused, caller: true,
	means: param.Both("Cloud Backup did not accept the request.", "云备份未接受该请求。"), todo: correctIt,
}}

// jobMeanings has the codes that mean something else for a job that already exists. As the
// response to CreateBackupJob, such a code does not show whether a job was started. As the
// result of a job, it is a normal failure. [Client.ExplainJob] uses this table before meanings.
var jobMeanings = []meaning{{
	codes: "EcsClientError",
	means: param.Both("Cloud Backup could not reach the instance.", "云备份无法访问该实例。"),
	todo:  param.Both("Make sure that the instance and its backup client are running. Then run the backup again.", "请确认实例及其备份客户端正在运行，然后再备份一次。"),
}, {
	codes: "InitVaultError AccessVaultFail",
	means: param.Both("Cloud Backup could not reach the backup vault.", "云备份无法访问备份库。"), todo: runAgain,
}, {
	codes: "BrowseFileError",
	means: param.Both("Cloud Backup could not read the files.", "云备份无法读取文件。"),
	todo:  param.Both("Check the paths. Then run the backup again.", "请检查路径，然后再备份一次。"),
}, {
	codes: "InternalError UnknownError SignatureNonceUsed AssumeRole.InternalError AssumeRole.UnknownError AssumeRole.SignatureNonceUsed",
	means: param.Both("Cloud Backup had an internal error.", "云备份发生内部错误。"), todo: runAgain,
}, {
	codes: "ServiceUnavailable *Timeout AssumeRole.ServiceUnavailable",
	means: param.Both("Cloud Backup did not answer in time.", "云备份未及时响应。"), todo: runAgain,
}, {
	codes: "Throttling Throttling.* Rejected.Throttling AssumeRole.Throttling AssumeRole.Throttling.* AssumeRole.Rejected.Throttling",
	means: param.Both("There were too many requests at that time.", "当时请求过多。"), todo: runAgain,
}}

// assumeRole is an operation of STS. Its name and a dot are put before the error codes of STS,
// because Cloud Backup has equal codes with other meanings. NoPermission of Cloud Backup is
// about the permissions of the role; NoPermission of AssumeRole is about its trust policy.
const (
	assumeRole       = "AssumeRole"
	assumeRolePrefix = assumeRole + "."
)

// Codes of the portal itself, for calls that it refuses before it sends anything.
const (
	noCredentials = "portal.NoCredentials"
	badTarget     = "portal.BadTarget"
)

// A meaning is one row of the table of error codes: it classifies and explains the codes that
// match its patterns.
type meaning struct {
	codes     string     // patterns of [path.Match], separated by blanks
	outcome   error      // the error of package backup for the call
	caller    bool       // the caller can correct it; otherwise the operator must
	temporary bool       // newer credentials may succeed, so the call may be repeated
	means     param.Text // what the code means
	todo      param.Text // what to do about it
}

// Explain returns what an error code means and what to do about it. Codes of AssumeRole start
// with "AssumeRole.", and codes of the portal itself with "portal.". For an unknown code it
// returns the zero value.
func (*Client) Explain(code string) backup.Explanation {
	known, _ := meaningOf(code)
	return backup.Explanation{Means: known.means, Todo: known.todo, Caller: known.caller}
}

// ExplainJob explains an error code of a job that exists: a failed job, or a refused request
// about the job. It is like [Client.Explain], but its texts do not discuss whether a job was
// started.
func (*Client) ExplainJob(code string) backup.Explanation {
	for _, m := range jobMeanings {
		if m.matches(code) {
			return backup.Explanation{Means: m.means, Todo: m.todo}
		}
	}
	known, _ := meaningOf(code)
	return backup.Explanation{Means: known.means, Todo: known.todo, Caller: known.caller}
}

// meaningOf returns the first entry of meanings that matches code, or false if none does. If a
// code of AssumeRole has no entry of its own, the entry of the code without "AssumeRole." is
// used.
func meaningOf(code string) (meaning, bool) {
	for _, m := range meanings {
		if m.matches(code) {
			return m, true
		}
	}
	if common, ok := strings.CutPrefix(code, assumeRolePrefix); ok {
		return meaningOf(common)
	}
	return meaning{}, false
}

// matches reports whether one of m's patterns matches code.
func (m meaning) matches(code string) bool {
	for pattern := range strings.FieldsSeq(m.codes) {
		if ok, err := path.Match(pattern, code); ok && err == nil {
			return true
		}
	}
	return false
}

// Sentences that several codes share.
var (
	tellOperator = param.Both("Contact the operator of this portal.", "请联系本门户的管理员。")
	tryAgain     = param.Both("Try again in a minute.", "请稍后重试。")
	beingChecked = param.Both("A job may have been started. The portal is looking for it in the job list. Do not start another backup until this is finished.",
		"任务可能已经启动。门户正在任务列表中核实，核实完成前请勿重复提交。")
	runAgain  = param.Both("Run the backup again. If it fails again, contact the operator of this portal.", "请再备份一次；若仍失败，请联系本门户的管理员。")
	correctIt = param.Both("Correct the value and submit again.", "请更正后重新提交。")
)
