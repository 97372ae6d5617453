package templates

// Words of the API reference. Names and code stand between backticks, and are
// the same in every language.
var (
	wordReference = pair("API reference", "API 参考")
	wordAPILede   = pair("For programs: the same backups, checks and rules as on the pages. Names are those of Cloud Backup's own API.", "供程序使用：备份、校验和规则与页面相同，名称与云备份 API 一致。")
	wordContents  = pair("On this page", "本页内容")

	wordWho     = pair("Who you are", "身份")
	wordWhoText = pair("In this version nobody signs in. In a demonstration whoever reaches the portal on its own machine is one user, and a request needs nothing more. A portal that is deployed takes submissions as events only, and answers `401` here. How programs sign in comes with a later version.",
		"此版本无需登录。在演示环境中，能在本机访问门户的人都是同一个用户，请求无需附带其他内容。部署后的门户只接受以事件方式提交的请求，此处会返回 `401`。程序的登录方式将在后续版本中提供。")
	wordWhoTry = pair("Try it: this lists your last backups. The other commands need `PORTAL`, too.", "试一试：列出您最近的备份。其余命令同样需要 `PORTAL`。")

	wordCreate     = pair("Start a backup", "发起备份")
	wordCreateText = pair("Send one JSON object as `application/json`, with the parameters of its kind below. Leave out what does not apply. A dot leads into an object: `Detail.doCopy` is `{\"Detail\":{\"doCopy\":true}}`. Names that are unknown or given twice are refused.",
		"以 `application/json` 发送一个 JSON 对象，参数见下文各备份类型；不适用的请省略。点号表示对象内的键：`Detail.doCopy` 即 `{\"Detail\":{\"doCopy\":true}}`。未知或重复的名称会被拒绝。")
	wordOnce      = pair("Once, however often you send it", "无论发送多少次，只备份一次")
	wordOnceName  = pair("`Idempotency-Key` names the submission. Without it each request is one of its own.", "`Idempotency-Key` 标识一次提交。不带此请求头时，每个请求都是一次新的提交。")
	wordOnceSame  = pair("The same key with the same content, for %v days: `200`, the first answer again, and `Idempotent-Replayed: true`.", "%v 天内键与内容均相同：返回 `200` 和首次结果，并带有 `Idempotent-Replayed: true`。")
	wordOnceBusy  = pair("While the first request is under way: `409`. Ask again after `Retry-After`.", "首个请求仍在进行：返回 `409`。请在 `Retry-After` 之后再试。")
	wordOnceOther = pair("The same key with other content: `422`. Nothing is started.", "键相同而内容不同：返回 `422`，不会开始备份。")
	wordOnceLater = pair("After %v days the key is that of a new submission.", "%v 天之后，此键表示新的提交。")
	wordDryRun    = pair("The exact call, and none is made", "只查看调用内容，不发起备份")
	wordDryText   = pair("`?dry_run=true` checks everything, asks the policy, and answers with the call to Cloud Backup word for word.", "`?dry_run=true` 会完成全部校验和策略判断，并原样返回将对云备份发起的调用。")

	wordFollow     = pair("Follow, list, cancel", "跟踪、列出和取消")
	wordShowOne    = pair("One submission", "查询一次提交")
	wordShowText   = pair("Answers with the submission and its job. The first line takes the id of your last one; every answer has it as `SubmissionId`.", "返回提交及其任务。第一行取您最近一次提交的编号，即各应答中的 `SubmissionId`。")
	wordWait       = pair("Wait for its end", "等待结束")
	wordWaitText   = pair("`wait` takes whole seconds: the answer comes when the backup has ended, or after that time, %v seconds at most. While `Outcome` is `running` or `unknown`, ask again after `Retry-After`.", "`wait` 为整秒数：备份结束时或到时返回，最长 %v 秒。`Outcome` 为 `running` 或 `unknown` 时，请在 `Retry-After` 之后再次查询。")
	wordList       = pair("List", "列出")
	wordListText   = pair("Newest first, %v in an answer unless `limit` says otherwise. `Next` is the value of `before` for the next page; the last page has none.", "从新到旧，默认每次返回 %v 个，可用 `limit` 更改。`Next` 是取下一页时 `before` 的值；最后一页没有 `Next`。")
	wordCancelIt   = pair("Cancel", "取消")
	wordCancelText = pair("`202`: Cloud Backup took the request, and `Outcome` becomes `cancelled` in a moment. `409`: it has already ended, or there is no job yet.", "`202`：云备份已接受取消请求，`Outcome` 稍后变为 `cancelled`。`409`：备份已结束，或任务尚不存在。")

	wordGates      = pair("In pipelines", "在流水线中使用")
	wordGatesText  = pair("A step that asks for a backup, waits until it is complete, and stops the pipeline otherwise. All four are the same script, which needs a POSIX shell and curl; its first lines explain its variables. The same run of a pipeline never makes a second backup while the first is good or under way.", "流水线中的一个步骤：提交备份，等到备份完成，否则终止流水线。四种写法是同一个脚本，只需要 POSIX Shell 和 curl，变量说明见开头几行。同一次流水线运行在已有备份成功或进行中时，不会再次备份。")
	wordGatesExits = pair("Exit codes: 0 complete · 1 failed or refused · 2 partly complete · 3 cancelled · 4 the time is over and the backup goes on · 5 the portal could not be asked.", "退出码：0 已完成 · 1 失败或被拒绝 · 2 部分完成 · 3 已取消 · 4 超时，备份仍在继续 · 5 无法向门户提交请求。")

	wordKind      = pair("%v: parameters", "%v：参数")
	wordBody      = pair("An example", "示例")
	wordName      = pair("Name", "名称")
	wordType      = pair("Type", "类型")
	wordNeeded    = pair("Needed", "必填")
	wordLimits    = pair("Limits", "取值与限制")
	wordMeaning   = pair("Meaning", "含义")
	wordExample   = pair("Example", "示例")
	wordAnswers   = pair("Answers", "应答")
	wordAnswerAll = pair("What is not known, or does not apply, is missing. `Progress` counts to 10,000; `BytesTotal` and `BytesDone` are bytes, `Speed` is KB/s, `StartTime` and `CompleteTime` are UNIX seconds.", "未知或不适用的内容不会出现。`Progress` 的满值为 10,000；`BytesTotal` 和 `BytesDone` 的单位为字节，`Speed` 为 KB/s，`StartTime` 和 `CompleteTime` 为 UNIX 秒。")
	wordHTTP      = pair("HTTP status", "HTTP 状态码")

	wordProblems     = pair("Problems", "错误")
	wordProblemsText = pair("Every error is a problem document (RFC 9457, `application/problem+json`), in the language of `Accept-Language`. `type` is `urn:backup-portal:problem:` and a name of this table. `errors` has an entry for each wrong value, with `pointer` for the body or `parameter` for the address; `instance` leads to the submission, if there is one.",
		"每个错误都是问题文档（RFC 9457，`application/problem+json`），语言由 `Accept-Language` 决定。`type` 为 `urn:backup-portal:problem:` 加下表中的名称。`errors` 中每个错误的值占一项，`pointer` 指向请求体，`parameter` 指向地址参数；`instance` 指向已有的提交。")
	wordWhat  = pair("What happened, and what to do", "发生了什么，如何处理")
	wordCodes = pair("Codes in the list of errors", "errors 中的代码")
	wordCode  = pair("Code", "代码")

	wordStates     = pair("Status and outcome", "状态与结果")
	wordStatesText = pair("`Outcome` says in six words what `Status` comes to. Programs should decide by it: the six never change, while `Status` may be a word of the cloud's that nobody knows yet.", "`Outcome` 用六个固定的词概括 `Status`。程序应据此判断：这六个词不会改变，而 `Status` 可能是云端新增的未知状态。")
	wordReact      = pair("What a program does", "程序应如何处理")
	wordAnyOther   = pair("any other word", "其他任何词")
	wordOtherText  = pair("A word of the cloud's that this portal does not know: a job in progress.", "门户尚不认识的云端状态：视为任务仍在进行。")

	wordBounds      = pair("Limits", "限制")
	wordBodyMost    = pair("Body of a request", "请求体")
	wordAddressMost = pair("Address with its query", "地址（含查询参数）")
	wordKeyMost     = pair("Idempotency-Key", "幂等键（Idempotency-Key）")
	wordKeyShape    = pair("1 to %v visible ASCII characters, without quotes or backslashes", "1 至 %v 个可见 ASCII 字符，不含引号和反斜线")
	wordKeyLife     = pair("Life of a key", "键的有效期")
	wordDaysLong    = pair("%v days from the first request with it", "自首个请求起 %v 天")
	wordWaitMost    = pair("Longest wait", "最长等待时间")
	wordSeconds     = pair("%v seconds", "%v 秒")
	wordRowsMost    = pair("Submissions in a list", "列表中的提交数")
	wordRowsUsual   = pair("%v, unless limit says 1 to %v", "默认 %v，可用 limit 设为 1 至 %v")

	wordDocument     = pair("The whole of it for machines", "机器可读的完整描述")
	wordDocumentText = pair("An OpenAPI 3.1 document, made from the same tables as this page.", "OpenAPI 3.1 文档，与本页出自同一份数据。")
)
