package aliyun

import (
	"path"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// meanings is the table of error codes. The first entry with a matching pattern decides, so
// the order matters: codes of AssumeRole and of the portal, then codes after which a job
// may exist (ErrUnknownOutcome), then all others, special patterns before general ones.
//
// Sources: the error tables and metadata of the API pages of CreateBackupJob and
// AssumeRole, and the page "Public error codes".
var meanings = []meaning{{
	codes: "AssumeRole.NoPermission* AssumeRole.Forbidden*", outcome: backup.ErrRefused,
	means: param.Both("The portal may not take on the role in that account.", "门户无权扮演该账号中的角色。"),
	todo: param.Both("The operator must change one of two things: the trust policy of the role must name the portal's own role (and the same external ID), or the portal's own role needs the permission sts:AssumeRole for it. “Check access” says which.",
		"管理员需要修改以下之一：该角色的信任策略须信任门户自身的角色（外部 ID 一致），或为门户自身的角色授予对它的 sts:AssumeRole 权限。“检查访问权限”会指出是哪一项。"),
}, {
	codes: "AssumeRole.EntityNotExist*", outcome: backup.ErrRefused,
	means: param.Both("The role does not exist in that account.", "该账号中不存在此角色。"),
	todo:  param.Both("The operator must create it, or correct the account or the role in the policy.", "管理员需要创建该角色，或更正策略中的账号或角色。"),
}, {
	codes: "AssumeRole.InvalidParameter* AssumeRole.Missing*", outcome: backup.ErrRefused, message: true,
	means: param.Both("The settings for the role of that account were not accepted.", "该账号的角色设置未被接受。"),
	todo:  param.Both("The operator must correct the account in the policy.", "管理员需要更正策略中的该账号。"),
}, {
	codes:   "AssumeRole.InternalError AssumeRole.UnknownError AssumeRole.ServiceUnavailable AssumeRole.*Timeout AssumeRole.SignatureNonceUsed",
	outcome: backup.ErrNotSent,
	means:   param.Both("The portal could not sign in to that account. Nothing was started.", "门户未能登录该账号，未启动任何任务。"),
	todo:    tryAgain,
}, {
	codes: noCredentials, outcome: backup.ErrCredentials,
	means: param.Both("The function has no role, or no access key is set.", "函数未配置角色，或未设置访问密钥。"),
	todo:  param.Both("The operator must give the function a role.", "管理员需要为函数配置角色。"),
}, {
	codes:   badTarget,
	outcome: backup.ErrRefused,
	means:   param.Both("The policy names a region or a way into the account that the portal does not know.", "策略中的地域或账号访问方式不受支持。"),
	todo:    tellOperator,
}, {
	codes: "SignatureNonceUsed", outcome: backup.ErrUnknownOutcome,
	means: param.Both("The request was repeated on its way.", "请求在传输途中被重复发送。"), todo: beingChecked,
}, {
	codes:   "InternalError UnknownError InitVaultError AccessVaultFail BrowseFileError EcsClientError",
	outcome: backup.ErrUnknownOutcome,
	means:   param.Both("Cloud Backup had an internal error.", "云备份发生内部错误。"),
	todo:    beingChecked,
}, {
	codes: "ServiceUnavailable *Timeout", outcome: backup.ErrUnknownOutcome,
	means: param.Both("Cloud Backup is not available at the moment.", "云备份暂时不可用。"), todo: beingChecked,
}, {
	codes:   "Throttling Throttling.* Rejected.Throttling",
	outcome: backup.ErrThrottled,
	means:   param.Both("There are too many requests at the moment. Nothing was started.", "当前请求过多，未启动任何任务。"),
	todo:    tryAgain,
}, {
	codes: "InvalidAccessKeyId* Forbidden.AccessKeyDisabled", outcome: backup.ErrCredentials,
	means: param.Both("The access key of this portal is not valid any more.", "本门户的访问密钥已失效。"), todo: tellOperator,
}, {
	codes:   "InvalidSecurityToken*",
	outcome: backup.ErrCredentials,
	passing: true,
	means:   param.Both("The portal's access has expired and could not be renewed.", "本门户的访问凭证已过期且未能续期。"),
	todo:    tellOperator,
}, {
	codes: "MissingSecurityToken", outcome: backup.ErrCredentials,
	means: param.Both("The portal sent incomplete credentials.", "本门户发送的凭证不完整。"), todo: tellOperator,
}, {
	codes: "SignatureDoesNotMatch IncompleteSignature InvalidSignatureMethod", outcome: backup.ErrRefused,
	means: param.Both("The access key of this portal is not accepted.", "本门户的访问密钥未被接受。"), todo: tellOperator,
}, {
	codes: "InvalidTimeStamp* IllegalTimestamp", outcome: backup.ErrRefused,
	means: param.Both("The clock of this portal is wrong.", "本门户的系统时间不正确。"), todo: tellOperator,
}, {
	codes: "Forbidden.RiskControl Forbidden.UserVerification RiskControlProhibited", outcome: backup.ErrRefused,
	means: param.Both("The cloud account is restricted by the provider.", "该云账号受到云服务商的限制。"), todo: tellOperator,
}, {
	codes: "NoPermission* Forbidden* ActionUnauthorized", outcome: backup.ErrRefused,
	means: param.Both("The portal's role in that account has no permission for this.", "门户在该账号中使用的角色没有此操作的权限。"),
	todo:  param.Both("The operator must add it to the role. “Check access” says which permission is missing, and what to paste.", "管理员需要为该角色授权。“检查访问权限”会指出缺少哪项权限以及应粘贴的内容。"),
}, {
	codes: "ServiceNotActivated", outcome: backup.ErrRefused,
	means: param.Both("Cloud Backup is not switched on in that account.", "该账号尚未开通云备份。"),
	todo:  param.Both("The operator must switch it on in the console.", "管理员需要在控制台开通云备份。"),
}, {
	codes: "InDebt* InsufficientBalance", outcome: backup.ErrRefused,
	means: param.Both("The cloud account has unpaid bills, or too little balance.", "该云账号欠费或余额不足。"), todo: tellOperator,
}, {
	codes: "AssumeRoleFail", outcome: backup.ErrRefused,
	means: param.Both("Cloud Backup may not use its role.", "云备份无权使用其角色。"),
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
	means:   param.Both("The resource directory does not let Cloud Backup into that account.", "资源目录未允许云备份访问该账号。"),
	todo:    tellOperator,
}, {
	codes: "CloudAssistNotRunningOnInstance", outcome: backup.ErrRefused, caller: true,
	means: param.Both("Cloud Assistant does not run on the instance.", "实例上的云助手未运行。"),
	todo:  param.Both("Start it there and send the request again.", "请在实例上启动云助手后重新提交。"),
}, {
	codes: "VaultNotExist", outcome: backup.ErrRefused, caller: true,
	means: param.Both("The vault does not exist in this region.", "该地域中不存在此备份库。"),
	todo:  param.Both("Choose a vault of the same region.", "请选择同一地域的备份库。"),
}, {
	codes: "ResourceNotFound", outcome: backup.ErrRefused, caller: true,
	means: param.Both("The service does not find what was chosen.", "服务未找到所选资源。"),
	todo:  param.Both("It may have been deleted, or be in another region. Check the IDs and the region.", "资源可能已被删除，或位于其他地域。请检查 ID 和地域。"),
}, {
	codes: "InvalidRegion*", outcome: backup.ErrRefused, caller: true,
	means: param.Both("This region is not known to the service.", "服务不支持该地域。"),
	todo:  param.Both("Choose another region.", "请选择其他地域。"),
}, {
	codes:   "InvalidVersion NoSuchVersion InvalidApi* InvalidProduct* InvalidProtocol* InvalidAction* UnsupportedHTTPMethod",
	outcome: backup.ErrRefused,
	means:   param.Both("The portal and the service do not fit together.", "门户与服务的版本不匹配。"),
	todo:    tellOperator,
}, {
	codes: "Missing*", outcome: backup.ErrRefused, caller: true, message: true,
	means: param.Both("The service misses a value.", "服务提示缺少某个值。"),
	todo:  param.Both("Fill it in and send it again.", "请补充后重新提交。"),
}, {
	codes: "Invalid* UnsupportedParameter", outcome: backup.ErrRefused, caller: true, message: true,
	means: param.Both("The service did not accept a value.", "服务未接受某个值。"), todo: correctIt,
}, {
	codes: "BadRequest", outcome: backup.ErrRefused, caller: true, message: true,
	means: param.Both("The service did not accept the request.", "服务未接受该请求。"), todo: correctIt,
}}

// jobMeanings is the table of codes that have another meaning for an existing job. As the
// response to CreateBackupJob, such a code leaves open whether a job exists; as the end of a
// job, it is a plain failure. It is looked up before meanings, see [Client.ExplainJob].
var jobMeanings = []meaning{{
	codes: "EcsClientError",
	means: param.Both("Cloud Backup could not reach the instance.", "云备份无法访问该实例。"),
	todo:  param.Both("See that the instance runs, and its backup client too, and run the backup again.", "请确认实例及其备份客户端正在运行，然后再备份一次。"),
}, {
	codes: "InitVaultError AccessVaultFail",
	means: param.Both("Cloud Backup could not reach the backup vault.", "云备份无法访问备份库。"), todo: runAgain,
}, {
	codes: "BrowseFileError",
	means: param.Both("Cloud Backup could not read the files.", "云备份无法读取文件。"),
	todo:  param.Both("Check the paths, and run the backup again.", "请检查路径，然后再备份一次。"),
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

// assumeRole is an operation of STS. Its name and a dot are the prefix of STS's codes in
// the portal, because equal codes have other meanings there: NoPermission of Cloud Backup
// concerns the permissions of the role, NoPermission of AssumeRole its trust policy.
const (
	assumeRole       = "AssumeRole"
	assumeRolePrefix = assumeRole + "."
)

// Codes of the portal itself, for calls that it refuses before it sends anything.
const (
	noCredentials = "portal.NoCredentials"
	badTarget     = "portal.BadTarget"
)

// A meaning classifies and explains some codes.
type meaning struct {
	codes   string     // patterns of [path.Match], separated by blanks
	outcome error      // the error of package backup for the call
	caller  bool       // the caller can correct it; otherwise the operator must
	passing bool       // newer credentials may succeed, so the call may be repeated
	message bool       // the cloud's message is shown too: it names the wrong value
	means   param.Text // what the code means
	todo    param.Text // what to do about it
}

// Explain returns what a code means and what to do about it. Codes of AssumeRole have the
// prefix "AssumeRole.", and codes of the portal itself "portal.". The result is zero for an
// unknown code.
func (*Client) Explain(code string) backup.Explanation {
	known, _ := meaningOf(code)
	return backup.Explanation{Means: known.means, Todo: known.todo, Caller: known.caller}
}

// ExplainJob is [Client.Explain] for the code of a job that failed, or of a refused request
// about an existing job. The texts then do not discuss whether a job was started.
func (*Client) ExplainJob(code string) backup.Explanation {
	for _, m := range jobMeanings {
		if m.matches(code) {
			return backup.Explanation{Means: m.means, Todo: m.todo}
		}
	}
	known, _ := meaningOf(code)
	return backup.Explanation{Means: known.means, Todo: known.todo, Caller: known.caller}
}

// meaningOf returns the first entry of meanings that matches code, or false if none does. A
// code of AssumeRole without an entry of its own is looked up without its prefix.
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
	tellOperator = param.Both("Tell the operator of this portal.", "请联系本门户的管理员。")
	tryAgain     = param.Both("Try again in a minute.", "请稍后重试。")
	beingChecked = param.Both("A job may have been started. The portal looks for it in the list of jobs; do not start another one meanwhile.",
		"任务可能已经启动。门户正在任务列表中核实，请勿重复提交。")
	runAgain  = param.Both("Run the backup again. If that fails too, tell the operator of this portal.", "请再备份一次；若仍失败，请联系本门户的管理员。")
	correctIt = param.Both("Correct the value and send it again.", "请更正后重新提交。")
)
