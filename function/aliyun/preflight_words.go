package aliyun

import "regexp"

// How RAM names policies in a refusal (AccessDeniedDetail, PolicyType): those of the
// caller, and those that no policy of the caller's or of the role's can outweigh.
var (
	identityPolicies = []string{"AccountLevelIdentityBasedPolicy", "ResourceGroupLevelIdentityBasedPolicy"}
	higherPolicies   = []string{"ControlPolicy", "SessionPolicy"}
)

// The shapes of what GetCallerIdentity answers.
var (
	accountID    = regexp.MustCompile(`\A[0-9]{16}\z`)
	resourceName = regexp.MustCompile(`\Aacs:ram::[0-9]{16}:[A-Za-z0-9.@_/-]{1,200}\z`)
)

// The titles of the rungs.
var (
	titleCredentials = both("Credentials of the function", "函数的凭证")
	titleIdentity    = both("Identity of the function", "函数的身份")
	titleRole        = both("Role in the account", "账号中的角色")
	titleAssume      = both("Permission to take on the role", "扮演角色的权限")
	titleTrust       = both("Trust policy of the role", "角色的信任策略")
	titleExternal    = both("External id", "外部 ID")
	titleSession     = both("Session policy", "会话策略")
	titleLinked      = both("Service-linked role for instance backups", "实例备份的服务关联角色")
	titleCrossLinked = both("Service-linked role for other accounts", "跨账号备份的服务关联角色")
	titleRegistered  = both("Registration of the account", "账号登记")
	titleCrossRole   = both("Role for Cloud Backup in the account", "账号中供云备份使用的角色")
	titleVault       = both("Backup vault", "备份库")
	titleInstance    = both("Instance", "实例")
	titleDisks       = both("Disks of the instance", "实例的云盘")
	titleClient      = both("Backup client on the instance", "实例上的备份客户端")
)
