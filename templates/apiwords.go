package templates

import "backupportal/function/param"

// Texts of the API reference. Names and code are in backticks, and are equal in all languages.
var (
	wordReference = param.Both("API reference", "API 参考")
	wordAPILede   = param.Both("For programs: the same backups, checks and rules as on the pages. Parameter names are the names of the Cloud Backup API.", "供程序使用：备份、校验和规则与页面相同，名称与云备份 API 一致。")
	wordContents  = param.Both("On this page", "本页内容")

	wordWho     = param.Both("Authentication", "身份验证")
	wordWhoText = param.Both("A request identifies its sender by a bearer token in the `Authorization` header. The operator creates tokens. In a demo no token is needed: all requests from the portal's own machine come from the same user.",
		"请求通过 `Authorization` 请求头中的 Bearer 令牌表明身份。令牌由管理员创建。演示环境无需令牌：来自门户所在机器的请求均视为同一个用户。")
	wordWhoTry = param.Both("Try it: this command lists your last backups. The other commands also use `PORTAL`.", "试一试：列出您最近的备份。其余命令同样需要 `PORTAL`。")

	wordCreate     = param.Both("Start a backup", "发起备份")
	wordCreateText = param.Both("Send one JSON object as `application/json`, with the parameters of its source type below. Omit parameters that do not apply. A dot separates an object from its key: `Detail.doCopy` is `{\"Detail\":{\"doCopy\":true}}`. Unknown and repeated names are refused.",
		"以 `application/json` 发送一个 JSON 对象，参数见下文各数据源类型；不适用的请省略。点号表示对象内的键：`Detail.doCopy` 即 `{\"Detail\":{\"doCopy\":true}}`。未知或重复的名称会被拒绝。")
	wordOnce      = param.Both("One backup for repeated requests", "重复请求只备份一次")
	wordOnceName  = param.Both("`Idempotency-Key` identifies a submission and is required: `400` without it, and nothing is started. Choose one key for each backup, such as a random UUID or the name of the deployment, and repeat it with every retry.", "`Idempotency-Key` 标识一次提交，必须提供：缺少时返回 `400`，不会开始备份。请为每次备份选定一个幂等键，例如随机 UUID 或部署名称，重试时使用同一幂等键。")
	wordOnceSame  = param.Both("Same key and same content within %v days: `200` with the first answer and `Idempotent-Replayed: true`.", "%v 天内幂等键与内容均相同：返回 `200` 和首次结果，并带有 `Idempotent-Replayed: true`。")
	wordOnceBusy  = param.Both("First request still in progress: `409`. Try again after `Retry-After`.", "首个请求仍在处理：返回 `409`。请在 `Retry-After` 之后再试。")
	wordOnceOther = param.Both("Same key with different content: `422`. Nothing is started.", "幂等键相同而内容不同：返回 `422`，不会开始备份。")
	wordOnceLater = param.Both("After %v days, the key identifies a new submission.", "%v 天之后，此幂等键表示新的提交。")
	wordDryRun    = param.Both("Preview the exact API call (dry run)", "预览 API 调用（不发起备份）")
	wordDryText   = param.Both("`?dry_run=true` validates the submission, evaluates the policy, and returns the exact Cloud Backup API call. No backup is started.", "`?dry_run=true` 会完成全部校验和策略判断，并返回对云备份 API 的实际调用内容，不会开始备份。")

	wordFollow     = param.Both("Follow, list, cancel", "跟踪、列出和取消")
	wordShowOne    = param.Both("One submission", "查询一次提交")
	wordShowText   = param.Both("Returns the submission and its job. The first line of the command reads the ID of your last submission. Every answer contains this ID as `SubmissionId`.", "返回提交及其任务。命令的第一行获取您最近一次提交的编号，即各应答中的 `SubmissionId`。")
	wordWait       = param.Both("Wait for the result", "等待结果")
	wordWaitText   = param.Both("`wait` is a time in whole seconds, at most %v. The answer is sent when the backup has ended or the time is over. While `Outcome` is `running` or `unknown`, send the request again after `Retry-After`.", "`wait` 为整秒数，最长 %v 秒：备份结束或超时后返回。`Outcome` 为 `running` 或 `unknown` 时，请在 `Retry-After` 之后再次查询。")
	wordList       = param.Both("List", "列出")
	wordListText   = param.Both("Newest first. An answer has %v submissions by default; set `limit` to change this. `Next` is the value of `before` for the next page; the last page has no `Next`.", "从新到旧，默认每次返回 %v 个，可用 `limit` 更改。`Next` 是取下一页时 `before` 的值；最后一页没有 `Next`。")
	wordCancelIt   = param.Both("Cancel", "取消")
	wordCancelText = param.Both("`202`: Cloud Backup accepted the request, and `Outcome` soon becomes `cancelled`. `409`: the backup has already ended, or there is no job yet.", "`202`：云备份已接受取消请求，`Outcome` 稍后变为 `cancelled`。`409`：备份已结束，或任务尚不存在。")

	wordGates      = param.Both("In pipelines", "在流水线中使用")
	wordGatesText  = param.Both("A pipeline step that starts a backup and waits until it is complete. If the backup is not complete, the step stops the pipeline. All four files contain the same script. It needs a POSIX shell and curl; its first lines explain its variables. A pipeline run never starts a second backup while its first backup is complete or in progress.", "流水线中的一个步骤：提交备份，等到备份完成，否则终止流水线。四种写法是同一个脚本，只需要 POSIX Shell 和 curl，变量说明见开头几行。同一次流水线运行在已有备份成功或进行中时，不会再次备份。")
	wordGatesExits = param.Both("Exit codes: 0 complete · 1 failed or refused · 2 partly complete · 3 cancelled · 4 timeout, the backup continues · 5 the portal could not be reached.", "退出码：0 已完成 · 1 失败或被拒绝 · 2 部分完成 · 3 已取消 · 4 超时，备份仍在继续 · 5 无法连接门户。")

	wordKind      = param.Both("%v: parameters", "%v：参数")
	wordBody      = param.Both("An example", "示例")
	wordName      = param.Both("Name", "名称")
	wordType      = param.Both("Type", "类型")
	wordNeeded    = param.Both("Required", "必填")
	wordLimits    = param.Both("Limits", "取值与限制")
	wordMeaning   = param.Both("Meaning", "含义")
	wordExample   = param.Both("Example", "示例")
	wordAnswers   = param.Both("Answers", "应答")
	wordAnswerAll = param.Both("Values that are unknown or do not apply are omitted. `Progress` goes up to 10,000; `BytesTotal` and `BytesDone` are bytes, `Speed` is KB/s, `StartTime` and `CompleteTime` are UNIX seconds.", "未知或不适用的内容不会出现。`Progress` 的满值为 10,000；`BytesTotal` 和 `BytesDone` 的单位为字节，`Speed` 为 KB/s，`StartTime` 和 `CompleteTime` 为 UNIX 秒。")
	wordHTTP      = param.Both("HTTP status", "HTTP 状态码")

	wordProblems     = param.Both("Problems", "错误")
	wordProblemsText = param.Both("Every error is a problem document (RFC 9457, `application/problem+json`) in the language of `Accept-Language`. `type` is `urn:backup-portal:problem:` followed by a name from this table. `errors` has an entry for each wrong value: `pointer` locates it in the body, `parameter` in the query. `instance` is the path of the submission, if there is one.",
		"每个错误都是问题文档（RFC 9457，`application/problem+json`），语言由 `Accept-Language` 决定。`type` 为 `urn:backup-portal:problem:` 加下表中的名称。`errors` 中每个错误的值占一项，`pointer` 指向请求体中的位置，`parameter` 为查询参数名；`instance` 为已有提交的路径。")
	wordWhat  = param.Both("What happened and what to do", "发生了什么，如何处理")
	wordCodes = param.Both("Codes in errors", "errors 中的代码")
	wordCode  = param.Both("Code", "代码")

	wordStates     = param.Both("Status and outcome", "状态与结果")
	wordStatesText = param.Both("`Outcome` summarizes `Status` in six fixed values. Programs should use `Outcome`: its values never change, while `Status` may contain a new value from the cloud.", "`Outcome` 用六个固定的值概括 `Status`。程序应根据 `Outcome` 判断：这六个值不会改变，而 `Status` 可能是云端新增的未知值。")
	wordReact      = param.Both("What a program should do", "程序应如何处理")
	wordAnyOther   = param.Both("any other value", "其他任何值")
	wordOtherText  = param.Both("A cloud status that this portal does not know: the job is in progress.", "门户无法识别的云端状态：视为任务仍在进行。")

	wordBounds      = param.Both("Limits", "限制")
	wordBodyMost    = param.Both("Request body", "请求体")
	wordAddressMost = param.Both("URL with query", "URL（含查询参数）")
	wordKeyMost     = param.Both("Idempotency-Key", "幂等键（Idempotency-Key）")
	wordKeyShape    = param.Both("1 to %v visible ASCII characters, without quotes or backslashes", "1 至 %v 个可见 ASCII 字符，不含引号和反斜线")
	wordKeyLife     = param.Both("Key validity", "幂等键有效期")
	wordDaysLong    = param.Both("%v days from the first request", "自首个请求起 %v 天")
	wordWaitMost    = param.Both("Maximum wait", "最长等待时间")
	wordSeconds     = param.Both("%v seconds", "%v 秒")
	wordRowsMost    = param.Both("Submissions in a list", "列表中的提交数")
	wordRowsUsual   = param.Both("%v by default; limit can be 1 to %v", "默认 %v，可用 limit 设为 1 至 %v")

	wordDocument     = param.Both("Machine-readable description", "机器可读描述")
	wordDocumentText = param.Both("An OpenAPI 3.1 document, generated from the same data as this page.", "OpenAPI 3.1 文档，与本页由同一份数据生成。")
)
