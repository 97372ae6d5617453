package param

// Fields lists all parameters. It must not be changed at run time. Mistakes are reported, and
// parameters are sent, in its order. A field must come after the field that its Under names.
//
// CreateBackupJob has 18 parameters. Every field that is not Ours is one of them, with two
// exceptions: the keys of Detail together are one parameter, and so are those of Options.
var Fields = []Field{{
	Name:    "SourceType",
	Label:   Text{"Type of backup", "数据源类型"},
	Object:  Text{"the type of backup", "数据源类型"},
	Example: "UDM_ECS", Required: SourceTypes, Default: string(UDMECS),
	Enum: []Choice{
		{Value: string(UDMECS), Label: UDMECS.Name()},
		{Value: string(ECSFile), Label: ECSFile.Name()},
		{Value: string(Container), Label: Container.Name()},
	},
}, {
	Name: "Account", Ours: true,
	Label:   Text{"Account", "账号"},
	Object:  Text{"the account", "账号"},
	Help:    Text{"The account that owns the resources", "资源所属的账号"},
	Example: "payments", Required: SourceTypes, Selected: true,
	Pattern: `[a-z][a-z0-9-]{0,62}`, Source: "the portal: the form of an alias in the policy",
	Shape: Text{"Account must be an account alias from the policy", "账号必须是策略中的账号别名"},
}, {
	Name: "Region", Ours: true,
	Label:   Text{"Region", "地域"},
	Object:  Text{"the region", "地域"},
	Help:    Text{"The region of the instance or cluster", "实例或集群所在地域"},
	Example: "cn-hangzhou", Required: SourceTypes, Selected: true,
	Pattern: `[a-z]{2}(-[a-z0-9]{1,12}){1,4}`, Source: "endpoint list of the Cloud Backup API: the form of its regions",
	Shape: Text{"Region must be a region ID, such as cn-hangzhou", "地域必须是地域 ID，例如 cn-hangzhou"},
}, {
	Name: "Preset", Ours: true,
	Label:   Text{"Preset", "预设"},
	Object:  Text{"the preset", "预设"},
	Help:    Text{"A named set of values in the policy", "策略中命名的一组参数值"},
	Example: "before-release",
	Pattern: `[a-z][a-z0-9-]{0,62}`, Source: "the portal: the form of a name in the policy",
	Shape: Text{"Preset must be the name of a preset of the policy", "预设必须是策略中预设的名称"},
}, {
	Name: "CrossAccountType", Assigned: true,
	Label:   Text{"Where the backup is kept", "备份保存账号"},
	Object:  Text{"where the backup is kept", "备份保存账号"},
	Example: "SELF_ACCOUNT", Default: "SELF_ACCOUNT",
	Enum: []Choice{
		{
			"SELF_ACCOUNT",
			Text{"In the account of the resource", "资源所属账号"},
			Text{"The portal assumes a role in that account", "门户扮演该账号中的角色"},
		},
		{
			"CROSS_ACCOUNT",
			Text{"In this account", "本账号"},
			Text{"Cloud Backup backs up across accounts; an instance can be restored only to its source account", "由云备份执行跨账号备份；整机只能恢复到源账号"},
		},
	},
}, {
	Name: "CrossAccountUserId", Assigned: true, Numeral: true,
	Label:   Text{"Source account ID", "源账号 ID"},
	Object:  Text{"the source account ID", "源账号 ID"},
	Help:    Text{"16 digits", "16 位数字"},
	Example: "1589750000004625", Required: SourceTypes,
	Under:   Condition{"CrossAccountType", "CROSS_ACCOUNT"},
	Pattern: `[0-9]{16}`, Source: "API page of CreateBackupJob: its sample has 16 digits",
	Shape: Text{"Source account ID must be 16 digits", "源账号 ID 必须是 16 位数字"},
}, {
	Name: "CrossAccountRoleName", Assigned: true,
	Label:   Text{"Role in the source account", "源账号中的角色"},
	Object:  Text{"the role in the source account", "源账号中的角色"},
	Help:    Text{"Created in the source account for backups by this account", "在源账号中为本账号创建"},
	Example: "hbrcrossrole", Required: SourceTypes,
	Under:     Condition{"CrossAccountType", "CROSS_ACCOUNT"},
	Pattern:   `[A-Za-z0-9._-]+`,
	Shape:     Text{"Role in the source account can contain only letters, digits, dots, underscores and hyphens", "源账号中的角色只能包含字母、数字、点、下划线和短横线"},
	MaxLength: 64, Source: "RAM, CreateRole: RoleName; older texts also allow underscores",
}, {
	Name:    "InstanceId",
	Label:   Text{"Instance ID", "实例 ID"},
	Object:  Text{"the instance ID", "实例 ID"},
	Help:    Text{"Starts with i-; shown on the instance's page in the console", "以 i- 开头，可在控制台的实例详情页找到"},
	Example: "i-bp1abc",
	For:     []SourceType{UDMECS, ECSFile}, Required: []SourceType{UDMECS, ECSFile},
	Pattern: `i-[0-9A-Za-z-]{1,62}`, Source: idSource,
	Shape: Text{"Instance ID must start with “i-” and contain only letters, digits and hyphens",
		"实例 ID 必须以“i-”开头，且只含字母、数字和短横线"},
}, {
	Name:    "ContainerClusterId",
	Label:   Text{"Container cluster ID", "容器集群 ID"},
	Object:  Text{"the container cluster ID", "容器集群 ID"},
	Help:    Text{"Starts with cc-; shown in Cloud Backup", "以 cc- 开头，可在云备份中查看"},
	Example: "cc-0001abc",
	For:     []SourceType{Container}, Required: []SourceType{Container},
	Pattern: `cc-[0-9A-Za-z-]{1,61}`, Source: idSource,
	Shape: Text{"Container cluster ID must start with “cc-” and contain only letters, digits and hyphens",
		"容器集群 ID 必须以“cc-”开头，且只含字母、数字和短横线"},
}, {
	Name:    "VaultId",
	Label:   Text{"Backup vault ID", "备份库 ID"},
	Object:  Text{"the backup vault ID", "备份库 ID"},
	Help:    Text{"Starts with v-; must be in the same region", "以 v- 开头，须在同一地域"},
	Example: "v-0001abc",
	For:     []SourceType{ECSFile, Container}, Required: []SourceType{ECSFile, Container},
	Pattern: `v-[0-9A-Za-z-]{1,62}`, Source: idSource,
	Shape: Text{"Backup vault ID must start with “v-” and contain only letters, digits and hyphens",
		"备份库 ID 必须以“v-”开头，且只含字母、数字和短横线"},
}, {
	Name:    "Detail.diskIdList",
	Label:   Text{"Disk IDs", "云盘 ID"},
	Object:  Text{"at least one disk ID", "至少一个云盘 ID"},
	Help:    Text{"One per line, starting with d-", "每行一个，以 d- 开头"},
	Example: `["d-bp1abc"]`,
	For:     []SourceType{UDMECS},
	Type:    Strings, MaxItems: 64,
	Pattern: `d-[0-9A-Za-z-]{1,62}`, Source: idSource + "; number of disks: the portal's own bound",
	Shape: Text{"Line %v must start with “d-” and contain only letters, digits and hyphens",
		"第 %v 行必须以“d-”开头，且只含字母、数字和短横线"},
}, {
	Name:    "Detail.snapshotGroup",
	Label:   Text{"Create all disk snapshots at the same time", "所有云盘在同一时刻创建快照"},
	Object:  Text{"snapshots of all disks at the same time", "在同一时刻为所有云盘创建快照"},
	Help:    Text{"Available only if every disk is an ESSD", "仅当所有云盘均为 ESSD 时可用"},
	Example: "true", For: []SourceType{UDMECS},
	Type: Boolean, Default: "false",
}, {
	Name:    "Include",
	Label:   Text{"Paths to back up", "要备份的路径"},
	Object:  Text{"the paths to back up", "要备份的路径"},
	Help:    Text{"One per line, such as /home/alice/*.pdf", "每行一个，例如 /home/alice/*.pdf"},
	Example: `["/home/alice/*.pdf"]`, For: []SourceType{ECSFile},
	Type: Strings, MaxLength: 255, MaxItems: 8, Source: pathsSource,
}, {
	Name:    "Exclude",
	Label:   Text{"Paths to exclude", "要排除的路径"},
	Object:  Text{"paths to exclude", "要排除的路径"},
	Help:    Text{"One per line", "每行一个"},
	Example: `["/var","/proc"]`, For: []SourceType{ECSFile},
	Type: Strings, MaxLength: 255, MaxItems: 8, Source: pathsSource,
}, {
	Name:    "ContainerResources",
	Label:   Text{"Volumes", "存储卷"},
	Object:  Text{"at least one volume", "至少一个存储卷"},
	Help:    Text{"As shown by kubectl get pvc and kubectl get pv; leave unknown values empty", "与 kubectl get pvc 和 kubectl get pv 的输出一致；不清楚的可以留空"},
	Example: `[{"resourceType":"PV","backupMethod":"FILE","resourceId":"674dac6d","resourceInfo":"{\"pvc_name\":\"data-0\",\"namespace\":\"database\"}","pvPath":"/"}]`,
	For:     []SourceType{Container}, Required: []SourceType{Container},
	Type: Objects,
}, {
	Name:    "BackupType",
	Label:   Text{"Full or incremental", "备份类型"},
	Object:  Text{"whether it is full or incremental", "备份类型"},
	Example: "COMPLETE", Default: "COMPLETE",
	Enum: []Choice{
		{Value: "COMPLETE", Label: Text{"Full", "全量备份"}},
		{
			"INCREMENTAL",
			Text{"Incremental", "增量备份"},
			Text{"Cloud Backup may refuse it", "云备份可能拒绝"},
		},
	},
}, {
	Name:   "Options.UseVSS",
	Label:  Text{"Use Windows shadow copies (VSS)", "使用 Windows 卷影复制（VSS）"},
	Object: Text{"Windows shadow copies", "Windows 卷影复制"},
	Help: Text{"Windows only; only with one directory, without wildcards, network paths and paths to exclude",
		"仅限 Windows；只能有一个目录，不能使用通配符、网络路径和排除路径"},
	Example: "false", For: []SourceType{ECSFile},
	Type: Boolean, Default: "false",
}, {
	Name:    "Detail.appConsistent",
	Label:   Text{"Consistency level", "一致性级别"},
	Object:  Text{"the consistency level", "一致性级别"},
	Example: "false", For: []SourceType{UDMECS},
	Type: Boolean, Default: "false",
}, {
	Name:    "Detail.preScriptPath",
	Label:   Text{"Pre-freeze script", "冻结前脚本"},
	Object:  Text{"the pre-freeze script", "冻结前脚本"},
	Help:    scriptHelp,
	Example: "/opt/backup/pre.sh", For: []SourceType{UDMECS}, Under: appConsistent, Grant: "script",
	Selected: true, Pattern: scriptPath, MaxLength: 255, Source: scriptSource,
	Shape: Text{"Pre-freeze script must be an absolute path", "冻结前脚本必须是绝对路径"},
}, {
	Name:    "Detail.postScriptPath",
	Label:   Text{"Post-thaw script", "解冻后脚本"},
	Object:  Text{"the post-thaw script", "解冻后脚本"},
	Help:    scriptHelp,
	Example: "/opt/backup/post.sh", For: []SourceType{UDMECS}, Under: appConsistent, Grant: "script",
	Selected: true, Pattern: scriptPath, MaxLength: 255, Source: scriptSource,
	Shape: Text{"Post-thaw script must be an absolute path", "解冻后脚本必须是绝对路径"},
}, {
	Name:    "Detail.enableFsFreeze",
	Label:   Text{"Freeze Linux file systems during the snapshot?", "创建快照期间是否冻结 Linux 文件系统？"},
	Object:  Text{"whether to freeze file systems", "是否冻结文件系统"},
	Help:    Text{"Writes are paused until the snapshot is created", "快照创建完成前，写入操作会暂停"},
	Example: "true", For: []SourceType{UDMECS}, Under: appConsistent,
	Type: Boolean, Default: "true",
}, {
	Name:    "Detail.timeoutInSeconds",
	Label:   Text{"Freeze timeout", "冻结超时时间"},
	Object:  Text{"the freeze timeout", "冻结超时时间"},
	Help:    Text{"File systems are always thawed after this time", "超时后自动解冻"},
	Unit:    Text{"seconds", "秒"},
	Example: "30", For: []SourceType{UDMECS}, Under: appConsistent,
	Type: Integer, Default: "30", Minimum: 1, Maximum: 200,
	Source: "the largest value in the vendor's own tests; the API page gives no upper bound",
}, {
	Name:    "Detail.enableWriters",
	Label:   Text{"Snapshot consistency", "快照一致性"},
	Object:  Text{"the snapshot consistency", "快照一致性"},
	Help:    Text{"Windows: uses VSS writers", "Windows：使用 VSS 写入器"},
	Example: "true", For: []SourceType{UDMECS}, Under: appConsistent,
	Type: Boolean, Default: "true",
}, {
	Name:   "SpeedLimit",
	Label:  Text{"Hours with a speed limit", "限速时段"},
	Object: Text{"hours with a speed limit", "限速时段"},
	Help: Text{"Full hours only, by the clock of Cloud Backup; its time zone is not documented, so allow a margin; a window that passes midnight is split in two; no limit at other times",
		"只能按整点设置，以云备份的时钟为准；其时区未见于文档，请留有余量；跨午夜的时段会拆成两段；其余时间不限速"},
	Example: "9:18:20480|18:22:81920", For: []SourceType{ECSFile},
}, {
	Name:    "Retention",
	Label:   Text{"Retention", "保留时间"},
	Object:  Text{"the number of days to keep the backup", "备份保留天数"},
	Help:    deletedHelp,
	Unit:    days,
	Example: "15", Required: SourceTypes,
	Type: Integer, Minimum: 1, Maximum: MaxRetention, Source: retentionSource,
}, {
	Name:   "JobName",
	Label:  Text{"Name", "名称"},
	Object: Text{"the name", "名称"},
	Help: Text{"In any language; Cloud Backup gets letters, digits, dots, underscores and hyphens, at most 37, and an ID",
		"任何语言均可；提交给云备份的名称只含字母、数字、点、下划线和短横线，最多 37 个字符，并附加 ID"},
	Example: "before-upgrade",
	Pattern: `[A-Za-z0-9._-]+`, MaxLength: MaxLabel, Source: "see MaxLabel; the API page gives no characters, these need no encoding anywhere",
	Shape: Text{"Name can contain only letters, digits, dots, underscores and hyphens", "名称只能包含字母、数字、点、下划线和短横线"},
}, {
	Name:    "Detail.doCopy",
	Label:   Text{"Also keep a copy in another region", "在另一地域再保留一份副本"},
	Object:  Text{"the copy in another region", "异地副本"},
	Help:    Text{"Cross-region traffic and storage are billed", "会产生跨地域流量和存储费用"},
	Example: "false", For: []SourceType{UDMECS}, Grant: "copy",
	Type: Boolean, Default: "false",
}, {
	Name:    "Detail.destinationRegionId",
	Label:   Text{"Region of the copy", "副本所在地域"},
	Object:  Text{"the region of the copy", "副本所在地域"},
	Example: "cn-shanghai",
	For:     []SourceType{UDMECS}, Required: []SourceType{UDMECS}, Under: doCopy, Grant: "copy",
	Selected: true, Pattern: `[a-z]{2}(-[a-z0-9]{1,12}){1,4}`, Source: "endpoint list of the Cloud Backup API: the form of its regions",
	Shape: Text{"Region of the copy must be a region ID, such as cn-shanghai", "副本所在地域必须是地域 ID，例如 cn-shanghai"},
}, {
	Name:    "Detail.destinationRetention",
	Label:   Text{"Retention of the copy", "副本保留时间"},
	Object:  Text{"the number of days to keep the copy", "副本保留天数"},
	Help:    deletedHelp,
	Unit:    days,
	Example: "30",
	For:     []SourceType{UDMECS}, Required: []SourceType{UDMECS}, Under: doCopy,
	Type: Integer, Minimum: 1, Maximum: MaxRetention, Source: retentionSource,
}, {
	Name:    "ClusterId",
	Label:   Text{"Cluster ID", "集群 ID"},
	Object:  Text{"the cluster ID", "集群 ID"},
	Help:    Text{"Starts with cl-; usually left empty", "以 cl- 开头，通常留空"},
	Example: "cl-0001abc", For: []SourceType{Container},
	Pattern: `cl-[0-9A-Za-z*-]{1,61}`, Source: idSource + "; the sample on the page has asterisks",
	Shape: Text{"Cluster ID must start with “cl-” and contain only letters, digits, hyphens and asterisks",
		"集群 ID 必须以“cl-”开头，且只含字母、数字、短横线和星号"},
}, {
	Name:    "InitiatedByAck",
	Label:   Text{"Mark as started by Container Service (ACK)", "标记为由容器服务（ACK）发起"},
	Object:  Text{"the ACK mark", "ACK 标记"},
	Help:    Text{"Select only if ACK requires it", "仅在 ACK 要求时勾选"},
	Example: "false", For: []SourceType{Container},
	Type: Boolean, Default: "false",
}, {
	Name: "Reason", Ours: true, Note: true,
	Label:   Text{"Why", "备份原因"},
	Object:  Text{"why you need this backup", "备份原因"},
	Help:    Text{"Shown in the history and in notifications", "会显示在历史记录和通知中"},
	Example: "Before the schema change",
	Pattern: `[^\x00-\x1f\x7f-\x9f]+`, MaxLength: 200, Source: "the portal: one line in any language",
	Shape: Text{"Why must be one line without control characters", "备份原因必须是一行文字，不能包含控制字符"},
}, {
	Name: "Ticket", Ours: true, Note: true,
	Label:   Text{"Ticket", "工单号"},
	Object:  Text{"the ticket", "工单号"},
	Help:    Text{"The change or incident that this backup belongs to", "此次备份对应的变更或事件"},
	Example: "OPS-1234",
	Pattern: `[^\x00-\x20\x7f-\xa0]+`, MaxLength: 64, Source: "the portal: one word; a rule can require a form",
	Shape: Text{"Ticket must not contain blanks and control characters", "工单号不能包含空格和控制字符"},
}, {
	Name: "Notify", Ours: true, Note: true,
	Label:   Text{"Tell me when it is done", "完成后通知我"},
	Object:  Text{"the receivers to notify", "要通知的接收方"},
	Help:    Text{"Names of receivers in the policy, which also get a message when this backup has ended", "策略中接收方的名称；此次备份结束后，这些接收方也会收到通知"},
	Example: `["incidents"]`,
	Type:    Strings, MaxItems: MaxReceivers,
	Pattern: `[a-z][a-z0-9-]{0,62}`, Source: "the portal: the form of a name in the policy, and the number of its receivers",
	Shape: Text{"Line %v must be the name of a receiver in the policy", "第 %v 行必须是策略中接收方的名称"},
}}

const (
	// MaxRetention is the longest retention of a backup, in days. The API page of
	// CreateBackupJob gives no bound; this is the bound of Cloud Backup's policies.
	MaxRetention = 364635

	// MaxLabel is the maximum length of JobName as a caller gives it, in characters. The
	// portal appends "-" and the submission's id of 26 characters. The result then has at
	// most 64 characters, the service's limit for names of plans.
	MaxLabel = 37

	// MaxReceivers is the maximum number of receivers of notifications in a policy.
	MaxReceivers = 20

	// scriptPath matches an absolute path that has only letters, digits, dots, underscores and
	// hyphens between its slashes. Blanks and characters with a meaning in a shell are refused.
	scriptPath = `(/[A-Za-z0-9._-]+)+`
)

// Values that several fields share.
var (
	appConsistent = Condition{"Detail.appConsistent", "true"}
	doCopy        = Condition{"Detail.doCopy", "true"}

	// Sources of constraints.
	idSource        = "samples of the API page; the length is the portal's own bound"
	pathsSource     = "API page of CreateBackupJob: 255 characters; help page of backup plans: 8 paths"
	scriptSource    = "API page of CreateBackupJob: a path; the characters and the length are the portal's own bounds"
	retentionSource = "see MaxRetention"

	days        = Text{"days", "天"}
	deletedHelp = Text{"Deleted automatically afterwards", "到期后自动删除"}
	scriptHelp  = Text{"Must be owned by root with mode 700", "属主须为 root，权限须为 700"}
)
