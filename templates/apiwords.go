package templates

import "backupportal/function/param"

// Words of the API reference. Names and code stand between backticks, and are
// the same in every language.
var (
	wordReference = param.Both("API reference", "API 参考")
	wordAPILede   = param.Both("For programs: the same backups, checks and rules as on the pages. Names are those of Cloud Backup's own API.", "供程序使用：备份、校验和规则与页面相同，名称与云备份 API 一致。")
	wordContents  = param.Both("On this page", "本页内容")

	wordWho     = param.Both("Who you are", "身份")
	wordWhoText = param.Both("In this version nobody signs in. In a demonstration whoever reaches the portal on its own machine is one user, and a request needs nothing more. A portal that is deployed takes submissions as events only, and answers `401` here. How programs sign in comes with a later version.",
		"此版本无需登录。在演示环境中，能在本机访问门户的人都是同一个用户，请求无需附带其他内容。部署后的门户只接受以事件方式提交的请求，此处会返回 `401`。程序的登录方式将在后续版本中提供。")
	wordWhoTry = param.Both("Try it: this lists your last backups. The other commands need `PORTAL`, too.", "试一试：列出您最近的备份。其余命令同样需要 `PORTAL`。")

	wordCreate     = param.Both("Start a backup", "发起备份")
	wordCreateText = param.Both("Send one JSON object as `application/json`, with the parameters of its kind below. Leave out what does not apply. A dot leads into an object: `Detail.doCopy` is `{\"Detail\":{\"doCopy\":true}}`. Names that are unknown or given twice are refused.",
		"以 `application/json` 发送一个 JSON 对象，参数见下文各备份类型；不适用的请省略。点号表示对象内的键：`Detail.doCopy` 即 `{\"Detail\":{\"doCopy\":true}}`。未知或重复的名称会被拒绝。")
	wordOnce      = param.Both("Once, however often you send it", "无论发送多少次，只备份一次")
	wordOnceName  = param.Both("`Idempotency-Key` names the submission and is required: `400` without it, and nothing is started. Choose one key for each backup, such as a random UUID or the name of the deployment, and repeat it with every retry.", "`Idempotency-Key` 标识一次提交，必须提供：缺少时返回 `400`，不会开始备份。请为每次备份选定一个键，例如随机 UUID 或部署名称，重试时使用同一个键。")
	wordOnceSame  = param.Both("The same key with the same content, for %v days: `200`, the first answer again, and `Idempotent-Replayed: true`.", "%v 天内键与内容均相同：返回 `200` 和首次结果，并带有 `Idempotent-Replayed: true`。")
	wordOnceBusy  = param.Both("While the first request is under way: `409`. Ask again after `Retry-After`.", "首个请求仍在进行：返回 `409`。请在 `Retry-After` 之后再试。")
	wordOnceOther = param.Both("The same key with other content: `422`. Nothing is started.", "键相同而内容不同：返回 `422`，不会开始备份。")
	wordOnceLater = param.Both("After %v days the key is that of a new submission.", "%v 天之后，此键表示新的提交。")
	wordDryRun    = param.Both("The exact call, and none is made", "只查看调用内容，不发起备份")
	wordDryText   = param.Both("`?dry_run=true` checks everything, asks the policy, and answers with the call to Cloud Backup word for word.", "`?dry_run=true` 会完成全部校验和策略判断，并原样返回将对云备份发起的调用。")

	wordFollow     = param.Both("Follow, list, cancel", "跟踪、列出和取消")
	wordShowOne    = param.Both("One submission", "查询一次提交")
	wordShowText   = param.Both("Answers with the submission and its job. The first line takes the id of your last one; every answer has it as `SubmissionId`.", "返回提交及其任务。第一行取您最近一次提交的编号，即各应答中的 `SubmissionId`。")
	wordWait       = param.Both("Wait for its end", "等待结束")
	wordWaitText   = param.Both("`wait` takes whole seconds: the answer comes when the backup has ended, or after that time, %v seconds at most. While `Outcome` is `running` or `unknown`, ask again after `Retry-After`.", "`wait` 为整秒数：备份结束时或到时返回，最长 %v 秒。`Outcome` 为 `running` 或 `unknown` 时，请在 `Retry-After` 之后再次查询。")
	wordList       = param.Both("List", "列出")
	wordListText   = param.Both("Newest first, %v in an answer unless `limit` says otherwise. `Next` is the value of `before` for the next page; the last page has none.", "从新到旧，默认每次返回 %v 个，可用 `limit` 更改。`Next` 是取下一页时 `before` 的值；最后一页没有 `Next`。")
	wordCancelIt   = param.Both("Cancel", "取消")
	wordCancelText = param.Both("`202`: Cloud Backup took the request, and `Outcome` becomes `cancelled` in a moment. `409`: it has already ended, or there is no job yet.", "`202`：云备份已接受取消请求，`Outcome` 稍后变为 `cancelled`。`409`：备份已结束，或任务尚不存在。")

	wordGates      = param.Both("In pipelines", "在流水线中使用")
	wordGatesText  = param.Both("A step that asks for a backup, waits until it is complete, and stops the pipeline otherwise. All four are the same script, which needs a POSIX shell and curl; its first lines explain its variables. The same run of a pipeline never makes a second backup while the first is good or under way.", "流水线中的一个步骤：提交备份，等到备份完成，否则终止流水线。四种写法是同一个脚本，只需要 POSIX Shell 和 curl，变量说明见开头几行。同一次流水线运行在已有备份成功或进行中时，不会再次备份。")
	wordGatesExits = param.Both("Exit codes: 0 complete · 1 failed or refused · 2 partly complete · 3 cancelled · 4 the time is over and the backup goes on · 5 the portal could not be asked.", "退出码：0 已完成 · 1 失败或被拒绝 · 2 部分完成 · 3 已取消 · 4 超时，备份仍在继续 · 5 无法向门户提交请求。")

	wordKind      = param.Both("%v: parameters", "%v：参数")
	wordBody      = param.Both("An example", "示例")
	wordName      = param.Both("Name", "名称")
	wordType      = param.Both("Type", "类型")
	wordNeeded    = param.Both("Needed", "必填")
	wordLimits    = param.Both("Limits", "取值与限制")
	wordMeaning   = param.Both("Meaning", "含义")
	wordExample   = param.Both("Example", "示例")
	wordAnswers   = param.Both("Answers", "应答")
	wordAnswerAll = param.Both("What is not known, or does not apply, is missing. `Progress` counts to 10,000; `BytesTotal` and `BytesDone` are bytes, `Speed` is KB/s, `StartTime` and `CompleteTime` are UNIX seconds.", "未知或不适用的内容不会出现。`Progress` 的满值为 10,000；`BytesTotal` 和 `BytesDone` 的单位为字节，`Speed` 为 KB/s，`StartTime` 和 `CompleteTime` 为 UNIX 秒。")
	wordHTTP      = param.Both("HTTP status", "HTTP 状态码")

	wordProblems     = param.Both("Problems", "错误")
	wordProblemsText = param.Both("Every error is a problem document (RFC 9457, `application/problem+json`), in the language of `Accept-Language`. `type` is `urn:backup-portal:problem:` and a name of this table. `errors` has an entry for each wrong value, with `pointer` for the body or `parameter` for the address; `instance` leads to the submission, if there is one.",
		"每个错误都是问题文档（RFC 9457，`application/problem+json`），语言由 `Accept-Language` 决定。`type` 为 `urn:backup-portal:problem:` 加下表中的名称。`errors` 中每个错误的值占一项，`pointer` 指向请求体，`parameter` 指向地址参数；`instance` 指向已有的提交。")
	wordWhat  = param.Both("What happened, and what to do", "发生了什么，如何处理")
	wordCodes = param.Both("Codes in the list of errors", "errors 中的代码")
	wordCode  = param.Both("Code", "代码")

	wordStates     = param.Both("Status and outcome", "状态与结果")
	wordStatesText = param.Both("`Outcome` says in six words what `Status` comes to. Programs should decide by it: the six never change, while `Status` may be a word of the cloud's that nobody knows yet.", "`Outcome` 用六个固定的词概括 `Status`。程序应据此判断：这六个词不会改变，而 `Status` 可能是云端新增的未知状态。")
	wordReact      = param.Both("What a program does", "程序应如何处理")
	wordAnyOther   = param.Both("any other word", "其他任何词")
	wordOtherText  = param.Both("A word of the cloud's that this portal does not know: a job in progress.", "门户尚不认识的云端状态：视为任务仍在进行。")

	wordBounds      = param.Both("Limits", "限制")
	wordBodyMost    = param.Both("Body of a request", "请求体")
	wordAddressMost = param.Both("Address with its query", "地址（含查询参数）")
	wordKeyMost     = param.Both("Idempotency-Key", "幂等键（Idempotency-Key）")
	wordKeyShape    = param.Both("1 to %v visible ASCII characters, without quotes or backslashes", "1 至 %v 个可见 ASCII 字符，不含引号和反斜线")
	wordKeyLife     = param.Both("Life of a key", "键的有效期")
	wordDaysLong    = param.Both("%v days from the first request with it", "自首个请求起 %v 天")
	wordWaitMost    = param.Both("Longest wait", "最长等待时间")
	wordSeconds     = param.Both("%v seconds", "%v 秒")
	wordRowsMost    = param.Both("Submissions in a list", "列表中的提交数")
	wordRowsUsual   = param.Both("%v, unless limit says 1 to %v", "默认 %v，可用 limit 设为 1 至 %v")

	wordDocument     = param.Both("The whole of it for machines", "机器可读的完整描述")
	wordDocumentText = param.Both("An OpenAPI 3.1 document, made from the same tables as this page.", "OpenAPI 3.1 文档，与本页出自同一份数据。")
)
