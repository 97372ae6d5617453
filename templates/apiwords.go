package templates

import "backupportal/function/param"

// Texts of the API reference. Names and code are in backticks, and are equal in all languages.
var (
	wordReference = param.Both("API reference", "API 参考")
	wordAPILede   = param.Both("For programs: the same backups, checks and rules as on the pages. Parameter names are the names of the Cloud Backup API.", "供程序使用：备份、校验和规则与页面相同，名称与云备份 API 一致。")
	wordContents  = param.Both("Contents", "目录")

	wordFirstSteps = param.Both("Authentication and first backup", "身份验证与首次备份")
	wordTopicTitle = param.Both("%v (API reference)", "%v（API 参考）")

	wordWho    = param.Both("Authentication", "身份验证")
	wordWhoTry = param.Both("Try it: this command lists your last backups. The other commands also use its variables.", "试一试：列出您最近的备份。其余命令同样需要这里的变量。")

	wordTokens     = param.Both("Tokens of programs", "程序的令牌")
	wordTokensText = param.Both("The operator creates a token for a source of the policy. It begins with `hbp_` and is sent as `Authorization: Bearer hbp_…`, never in a URL. The rules for the source decide what the program may do. The header decides alone: a wrong or expired token is `401`, even if the request has another sign-in.",
		"令牌由管理员为策略中的来源创建，以 `hbp_` 开头，以 `Authorization: Bearer hbp_…` 发送，切勿写入网址。程序可以做什么，由针对该来源的规则决定。只看此请求头：令牌错误或过期返回 `401`，即使请求带有其他登录信息。")
	wordPipelines     = param.Both("Tokens of pipelines", "流水线的令牌")
	wordPipelinesText = param.Both("A CI service that issues OpenID Connect tokens, such as GitHub Actions or GitLab, needs no stored token. The policy names the issuer, the audience and the claims (`pipelines`). The pipeline gets a token for that audience from its CI service, and sends it in the same header. `503`: the issuer does not answer; send the request again after `Retry-After`.",
		"能签发 OpenID Connect 令牌的 CI 服务（如 GitHub Actions、GitLab）无需保存令牌。策略（`pipelines`）写明签发方、受众和声明；流水线向其 CI 服务获取面向该受众的令牌，用同一请求头发送。`503` 表示签发方没有响应，请在 `Retry-After` 之后重新发送。")

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
	wordDryText   = param.Both("`?dry_run=true` validates the submission, evaluates the policy, and returns the exact Cloud Backup API call. The cloud gets no request. `?checks=true` is a dry run that also asks the cloud, for at most 3 seconds: `Checks` says whether the instance, its disks and the vault are there, whether a limit is reached, and what could not be checked.", "`?dry_run=true` 会完成全部校验和策略判断，并返回对云备份 API 的实际调用内容，不向云端发送请求。`?checks=true` 同样不会开始备份，并且会向云端查询最多 3 秒：`Checks` 说明实例、云盘和备份库是否存在，是否达到限制，以及哪些项目未能检查。")

	wordPresetsText = param.Both("A preset is a named set of parameters in the policy. A submission with `Preset` leaves these parameters out; a value that it has itself wins over the preset's. This address lists the presets that you may use, with their values. An unknown name is `422`, and the answer names those that you may use.",
		"预设是策略中命名的一组参数。提交中填写 `Preset` 后可省略这些参数；提交自身的取值优先于预设。此地址列出您可以使用的预设及其取值。名称不存在时返回 `422`，应答会列出可用的名称。")

	wordBatches     = param.Both("Many backups as one", "批量备份")
	wordBatchesText = param.Both("A batch has the parameters of a submission, a list `Targets` of instance IDs or objects, and options: `Concurrency`, `MaxErrors`, `FirstBatch`, `AfterFirst`, `Rate`, `OnRefused`. Each item is a submission with a key of its own. The command shows the decision about each item; without `dry_run` it creates the batch. Read it with `wait`, or with `Accept: application/x-ndjson` for a line for each change. `Outcome` is one outcome for all items.",
		"批次包含提交的参数、列表 `Targets`（实例 ID 或对象）以及选项：`Concurrency`、`MaxErrors`、`FirstBatch`、`AfterFirst`、`Rate`、`OnRefused`。每一项都是带有自己幂等键的提交。此命令显示对每一项的决定；不带 `dry_run` 时创建批次。可用 `wait` 查询，或以 `Accept: application/x-ndjson` 逐行接收变化。`Outcome` 是所有项目的总结果。")

	wordFollow     = param.Both("Follow, list, cancel", "跟踪、列出和取消")
	wordShowOne    = param.Both("One submission", "查询一次提交")
	wordShowText   = param.Both("Returns the submission and its job. The first line of the command reads the ID of your last submission. Every answer contains this ID as `SubmissionId`.", "返回提交及其任务。命令的第一行获取您最近一次提交的编号，即各应答中的 `SubmissionId`。")
	wordWait       = param.Both("Wait for the result", "等待结果")
	wordWaitText   = param.Both("`wait` is a time in whole seconds, at most %v. The answer is sent when the backup has ended or the time is over. While `Outcome` is `running` or `unknown`, send the request again after `Retry-After`.", "`wait` 为整秒数，最长 %v 秒：备份结束或超时后返回。`Outcome` 为 `running` 或 `unknown` 时，请在 `Retry-After` 之后再次查询。")
	wordList       = param.Both("List", "列出")
	wordListText   = param.Both("Newest first. An answer has %v submissions by default; set `limit` to change this. `Next` is the value of `before` for the next page; the last page has no `Next`.", "从新到旧，默认每次返回 %v 个，可用 `limit` 更改。`Next` 是取下一页时 `before` 的值；最后一页没有 `Next`。")
	wordCancelIt   = param.Both("Cancel", "取消")
	wordCancelText = param.Both("`202`: Cloud Backup accepted the request, and `Outcome` soon becomes `cancelled`. `409`: the backup has already ended, or there is no job yet.", "`202`：云备份已接受取消请求，`Outcome` 稍后变为 `cancelled`。`409`：备份已结束，或任务尚不存在。")

	wordAccounts      = param.Both("Accounts: access and resources", "账号：访问权限与资源")
	wordPreflight     = param.Both("Check access", "检查访问权限")
	wordPreflightText = param.Both("Checks whether the portal can create backups in an account, with one request to the cloud for each condition, and changes nothing. `Passed` is true if no check failed; a failed check has `Fixes` to paste. `Region` is required; `SourceType`, `InstanceId`, `ContainerClusterId`, `VaultId`, `Detail.appConsistent` and `Detail.snapshotGroup` add checks. `404`: you may not create backups there.",
		"检查门户能否在某个账号中创建备份：每项条件向云端发送一次请求，不做任何更改。没有检查失败时 `Passed` 为 true；失败的检查带有可粘贴的 `Fixes`。`Region` 必填；`SourceType`、`InstanceId`、`ContainerClusterId`、`VaultId`、`Detail.appConsistent` 和 `Detail.snapshotGroup` 会增加检查项。`404`：您不能在该处创建备份。")
	wordLists     = param.Both("Resources to choose from", "可选的资源")
	wordListsText = param.Both("These lists have what the pages offer under “Choose by name”: only resources that a rule allows you to back up. `Region` is required. `Search` is a part of the name or a whole ID. `Next` in an answer is the value of `Next` for the next page.",
		"与页面上“按名称选择”的内容相同：只包含规则允许您备份的资源。`Region` 必填。`Search` 为名称的一部分或完整 ID。应答中的 `Next` 是取下一页时 `Next` 的值。")
	listText = param.Both("%v. %v.", "%v：%v。")

	wordWebhooks     = param.Both("Webhooks", "Webhook")
	wordWebhooksText = param.Both("Other systems send their own JSON messages here. `source` is a source of the policy, and a template in the policy turns a message into a submission. The message itself identifies its sender, in one of three ways that the policy sets for the source. `204`: the message matches no condition and starts no backup. After `409`, `429` and `5xx`, send the message again.",
		"其他系统将其自有的 JSON 消息发送到这里。`source` 是策略中的来源，策略中的模板把消息转换为提交。消息自身表明发送者，方式为以下三种之一，由策略为来源设定。`204`：消息不符合任何条件，不会开始备份。收到 `409`、`429` 和 `5xx` 后请重新发送。")
	wordWebhookTry = param.Both("For a source with a token: set `SOURCE` to its name and `SOURCE_TOKEN` to its token.", "使用令牌的来源：请将 `SOURCE` 设为其名称，`SOURCE_TOKEN` 设为其令牌。")

	wordGates      = param.Both("In pipelines", "在流水线中使用")
	wordGatesText  = param.Both("A pipeline step that starts a backup and waits until it is complete. If the backup is not complete, the step stops the pipeline. All four files contain the same script. It needs a POSIX shell and curl; its first lines explain its variables. A pipeline run never starts a second backup while its first backup is complete or in progress.", "流水线中的一个步骤：提交备份，等到备份完成，否则终止流水线。四种写法是同一个脚本，只需要 POSIX Shell 和 curl，变量说明见开头几行。同一次流水线运行在已有备份成功或进行中时，不会再次备份。")
	wordGatesExits = param.Both("Exit codes: 0 complete · 1 failed or refused · 2 partly complete · 3 cancelled · 4 timeout, the backup continues · 5 the portal could not be reached · 6 complete, but not application-consistent as required.", "退出码：0 已完成 · 1 失败或被拒绝 · 2 部分完成 · 3 已取消 · 4 超时，备份仍在继续 · 5 无法连接门户 · 6 已完成，但未达到要求的应用一致性。")

	wordKind       = param.Both("%v: parameters", "%v：参数")
	wordBody       = param.Both("An example", "示例")
	wordName       = param.Both("Name", "名称")
	wordNeeded     = param.Both("Required", "必填")
	wordValues     = param.Both("Values", "取值与限制")
	wordForExample = param.Both("for example %v", "例如 %v")
	wordMeaning    = param.Both("Meaning", "含义")
	wordExample    = param.Both("Example", "示例")
	wordAnswers    = param.Both("Answers", "应答")
	wordAnswerAll  = param.Both("Values that are unknown or do not apply are omitted. `Progress` goes up to 10,000; `BytesTotal` and `BytesDone` are bytes, `Speed` is KB/s, `StartTime` and `CompleteTime` are UNIX seconds.", "未知或不适用的内容不会出现。`Progress` 的满值为 10,000；`BytesTotal` 和 `BytesDone` 的单位为字节，`Speed` 为 KB/s，`StartTime` 和 `CompleteTime` 为 UNIX 秒。")
	wordHTTP       = param.Both("HTTP status", "HTTP 状态码")

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

	wordWrongValues     = param.Both("Wrong values", "错误的值")
	wordWrongValuesText = param.Both("A request with wrong values starts nothing. The answer has status 422 and names all of them.", "请求中有错误的值时不会开始备份。响应的状态码为 422，并列出所有错误。")
	wordParameters      = param.Both("All parameters", "所有参数")

	wordDocument     = param.Both("Machine-readable description", "机器可读描述")
	wordDocumentText = param.Both("An OpenAPI 3.1 document, generated from the same data as these pages.", "OpenAPI 3.1 文档，与本页由同一份数据生成。")
)

// modeTexts explain who sends a request without a token, by AUTH_MODE.
var modeTexts = map[string]param.Text{
	"demo": param.Both("This portal runs as a demo (`AUTH_MODE=demo`): no token is needed. All requests without `Authorization` come from the same user, and are accepted only from the portal's own machine.",
		"本门户以演示方式运行（`AUTH_MODE=demo`），无需令牌：不带 `Authorization` 的请求均视为同一个用户，且只接受来自门户所在机器的请求。"),
	"oidc": param.Both("People sign in to this portal at an identity provider (`AUTH_MODE=oidc`). A program sends a token in `Authorization` with every request. Without it, `401`.",
		"本门户的用户通过身份提供商登录（`AUTH_MODE=oidc`）。程序的每个请求都须在 `Authorization` 中提供令牌，否则返回 `401`。"),
	"jwt": param.Both("A gateway in front of this portal signs people in and adds its signed assertion to their requests (`AUTH_MODE=jwt`). A program sends a token in `Authorization` with every request; the gateway must pass the header on. Without a token and an assertion, `401`.",
		"本门户前的网关负责用户登录，并在请求中加入其签名的断言（`AUTH_MODE=jwt`）。程序的每个请求都须在 `Authorization` 中提供令牌，网关须转发此请求头。既无令牌也无断言时返回 `401`。"),
	"events": param.Both("This portal has no pages for people (`AUTH_MODE=events`). A program sends a token in `Authorization` with every request. Without it, `401`. Events of the platform need no token: the platform decides who may send them.",
		"本门户没有供用户使用的页面（`AUTH_MODE=events`）。程序的每个请求都须在 `Authorization` 中提供令牌，否则返回 `401`。平台事件无需令牌：谁可以发送由平台决定。"),
}

// webhookKinds explain the kinds of sources in the policy.
var webhookKinds = []param.Text{
	param.Both("`standard`: signed by Standard Webhooks, v1 or v1a, with `webhook-id`, `webhook-timestamp` and `webhook-signature`. For 7 days, messages with the same `webhook-id` are one submission.",
		"`standard`：按 Standard Webhooks（v1 或 v1a）签名，带有 `webhook-id`、`webhook-timestamp` 和 `webhook-signature`。7 天内，`webhook-id` 相同的消息只对应一次提交。"),
	param.Both("`github`: signed by GitHub, with `X-Hub-Signature-256` and the content type `application/json`. For 7 days, messages with the same body are one submission.",
		"`github`：由 GitHub 签名，带有 `X-Hub-Signature-256`，内容类型为 `application/json`。7 天内，内容相同的消息只对应一次提交。"),
	param.Both("`bearer`: a token in `Authorization`. For 7 days, messages with the same `Idempotency-Key` are one submission. With `key: body` in the policy, messages without that header and with the same body are one submission for 23 hours.",
		"`bearer`：`Authorization` 中的令牌。7 天内，`Idempotency-Key` 相同的消息只对应一次提交。若策略中设置 `key: body`，不带该请求头且内容相同的消息在 23 小时内只对应一次提交。"),
}
