package templates

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// A parameter is the row of one field in the API reference.
type parameter struct {
	id, name string
	needed   string   // when it is required; prose
	meaning  []string // prose
	values   []string // the JSON type, then one line for each limit, then an example; prose
}

// parameters returns the rows of the fields of one kind of backup.
func parameters(ctx context.Context, source param.SourceType) []parameter {
	var all []parameter
	for _, f := range param.Fields {
		if !f.ForSource(source) {
			continue
		}
		values, example := limits(ctx, f), f.Example
		if f.Name == "SourceType" {
			values, example = []string{quoted(string(source))}, string(source)
		}
		values = slices.Concat([]string{in(ctx, typeNames[f.Type])}, values, []string{in(ctx, wordForExample, quoted(example))})
		all = append(all, parameter{
			id: fieldID(f, source), name: f.Name, needed: requirement(ctx, f, source), meaning: meaning(ctx, f), values: values,
		})
	}
	return all
}

// fieldID returns the HTML id of a field's row in the API reference. In the first source type
// that has the field it is the field's name, so that links such as
// /docs/api/UDM_ECS#Detail.doCopy work. In other source types it begins with the source type.
func fieldID(f param.Field, source param.SourceType) string {
	first := slices.IndexFunc(param.SourceTypes, f.ForSource)
	if param.SourceTypes[first] == source {
		return f.Name
	}
	return string(source) + "-" + f.Name
}

// typeNames are the JSON types for readers.
var typeNames = map[param.Type]param.Text{
	param.String:  param.Both("string", "字符串"),
	param.Integer: param.Both("number", "数字"),
	param.Boolean: param.Both("true or false", "布尔值"),
	param.Strings: param.Both("list of strings", "字符串列表"),
	param.Objects: param.Both("list of objects", "对象列表"),
}

// requirement returns a phrase that says when a field is required.
func requirement(ctx context.Context, f param.Field, source param.SourceType) string {
	required := f.RequiredFor(source) && (f.Default == "" || f.Default != string(source) && f.Name == "SourceType")
	under := quoted(f.Under.Name)
	switch {
	case f.Assigned && f.Default == "":
		return in(ctx, param.Both("Cannot be set: determined by the account", "不可填写：由账号决定"))
	case f.Assigned:
		return in(ctx, param.Both("No: determined by the account", "否：由账号决定"))
	case required && f.Under.Name != "":
		return in(ctx, param.Both("With %v", "设置 %v 时必填"), under)
	case required:
		return in(ctx, param.Both("Yes", "是"))
	case f.Under.Name != "":
		return in(ctx, param.Both("No; only with %v", "否；仅可与 %v 一起使用"), under)
	}
	return in(ctx, wordNo)
}

// limits returns the constraints of a field's values, and the default.
func limits(ctx context.Context, f param.Field) []string {
	var all, values []string
	add := func(when bool, words string) {
		if when {
			all = append(all, words)
		}
	}
	for _, c := range f.Enum {
		values = append(values, quoted(c.Value))
	}
	add(len(values) > 0, strings.Join(values, " "))
	add(
		f.Type == param.Integer,
		in(ctx, param.Both("%v to %v", "%v 至 %v"), param.Count(f.Minimum), param.Count(f.Maximum)),
	)
	add(f.MaxItems > 0, in(ctx, param.Both("at most %v items", "最多 %v 项"), f.MaxItems))
	most := param.Both("at most %v characters", "最多 %v 个字符")
	if f.Type == param.Strings {
		most = param.Both("at most %v characters as a JSON list", "写成 JSON 列表后最多 %v 个字符")
	}
	add(f.MaxLength > 0, in(ctx, most, f.MaxLength))
	add(f.Pattern != "", quoted(f.Pattern))
	add(f.Default != "" && !f.Assigned, in(ctx, param.Both("default %v", "默认 %v"), quoted(f.Default)))
	add(f.Grant != "", in(ctx, param.Both("requires a policy rule that allows it", "须由策略规则授权")))
	remark, ok := fieldNotes[f.Name]
	add(ok, in(ctx, remark))
	return all
}

// quoted puts code between backticks, which the template prose shows as code.
func quoted(code string) string { return "`" + code + "`" }

// fieldNotes are the rules between parameters, and formats that no pattern expresses, for the
// API reference.
var fieldNotes = map[string]param.Text{
	"CrossAccountType":           param.Both("if set, must match the account", "如填写，须与账号一致"),
	"BackupType":                 param.Both("whole instances: `COMPLETE` only", "整机只支持 `COMPLETE`"),
	"Detail.preScriptPath":       param.Both("both scripts or neither", "两个脚本须同时填写或都不填"),
	"Detail.postScriptPath":      param.Both("both scripts or neither", "两个脚本须同时填写或都不填"),
	"Detail.destinationRegionId": param.Both("must differ from the region of the backup", "不能与备份所在地域相同"),
	"SpeedLimit": param.Both(
		"`start:end:KB/s`, separated by `|`; `NaN` means no limit; hours from 0 to 24, without overlaps; at most 24 entries",
		"`开始:结束:KB/s`，以 `|` 分隔；`NaN` 表示不限速；小时为 0 至 24，互不重叠，最多 24 条",
	),
	"JobName": param.Both(
		"other characters become `-`, and a longer name is cut; `Notes` in the answer says so",
		"其他字符会改为 `-`，过长的名称会截断；响应中的 `Notes` 会注明",
	),
	"ContainerResources": param.Both("each item has at least one key; `resourceInfo` is a string that contains a JSON object", "每项至少有一个键；`resourceInfo` 是包含 JSON 对象的字符串"),
	"Preset": param.Both(
		"the values of the preset are used for parameters that are left out; values in the request win; `SourceType` must be that of the preset",
		"省略的参数使用预设的取值；请求中的取值优先；`SourceType` 须与预设一致",
	),
	"Region": param.Both("a region that Cloud Backup supports", "须为云备份支持的地域"),
}

// meaning returns the label and the help of a field. The help of lists is omitted, because it
// describes a text box.
func meaning(ctx context.Context, f param.Field) []string {
	if f.Type == param.Strings {
		return []string{in(ctx, f.Label)}
	}
	return nonEmpty(in(ctx, f.Label), in(ctx, f.Help))
}

// isField reports whether text is the name of a field.
func isField(text string) bool {
	_, ok := param.FieldNamed(text)
	return ok
}

// A status is a value of the member Status.
type status struct {
	state   backup.State
	meaning param.Text
}

// statuses returns every value of Status, with its meaning for a program.
func statuses() []status {
	var all []status
	for _, same := range states {
		for _, s := range same {
			all = append(all, status{s, stateMeaning(s)})
		}
	}
	return all
}

// stateMeaning returns what a state means to the sender of the submission.
func stateMeaning(s backup.State) param.Text {
	switch s {
	case backup.StateSending:
		return param.Both("The portal is calling Cloud Backup.", "门户正在调用云备份。")
	case backup.StateUnknown:
		return param.Both("The answer of the cloud was lost. The portal is looking for the job and sends no other request until then.", "云端的应答丢失。门户正在查找任务，在此期间不会再次发送。")
	case backup.StateRefused:
		return param.Both("Cloud Backup refused the request. Nothing was started, and every request with this key is refused.", "云备份拒绝了请求，未开始备份；此幂等键的结果不再改变。")
	case backup.StateNotSent:
		return param.Both("Nothing was started. You can send the same request with the same key again.", "未开始备份。可以使用同一幂等键再次发送同一请求。")
	case backup.StateDenied:
		return param.Both("The policy does not allow the backup. No request was sent.", "策略不允许此备份，未发送任何请求。")
	case backup.StateCreated, backup.StateQueued:
		return param.Both("The job is queued.", "任务正在排队。")
	case backup.StateRunning:
		return param.Both("The job is running; `Progress` goes up to 10,000.", "任务正在执行；`Progress` 的满值为 10,000。")
	case backup.StateCanceling:
		return param.Both("The job is being cancelled and has not stopped yet.", "任务正在取消，尚未停止。")
	case backup.StateComplete:
		return param.Both("The backup is complete. A copy to another region may still be in progress.", "备份已完成。异地副本可能仍在进行。")
	case backup.StatePartialComplete:
		return param.Both("The backup is complete, but some items are missing.", "备份已完成，但缺少部分内容。")
	case backup.StateFailed:
		return param.Both("There is no backup; `ErrorMessage` gives the reason.", "没有备份；原因见 `ErrorMessage`。")
	case backup.StateCanceled:
		return param.Both("The job was cancelled. There is no backup.", "任务已取消，没有备份。")
	}
	return param.Both("There is no backup; the cloud gives no more information than this status.", "没有备份；云端只给出这个状态。")
}

// outcomeMeaning returns what a program can do after an outcome.
func outcomeMeaning(o backup.Outcome) param.Text {
	switch o {
	case backup.OutcomeRunning:
		return param.Both("The outcome can still change: check again later.", "仍可能变化：请稍后再查。")
	case backup.OutcomeSucceeded:
		return param.Both("The backup is complete: continue.", "备份已完成：可以继续。")
	case backup.OutcomePartial:
		return param.Both("The backup is incomplete: decide whether to continue.", "备份不完整：请自行判断是否继续。")
	case backup.OutcomeFailed:
		return param.Both("There is no backup: stop.", "没有备份：请停止。")
	case backup.OutcomeCancelled:
		return param.Both("The backup was cancelled: stop.", "备份被取消：请停止。")
	}
	return param.Both("The portal is checking whether a job exists: check again later. If you send the request again, use the same key.", "正在核实是否有任务：请稍后再查；若再次发送请求，请使用同一幂等键。")
}

// A reply is an HTTP status that a submission (request for a backup) can be answered with, and
// its meaning.
type reply struct {
	code    string
	meaning param.Text
}

// replies are the answers to a submission.
var replies = []reply{
	{"201", param.Both("The job was created.", "任务已创建。")},
	{"200", param.Both("A repeated request: the first answer to this key, with `Idempotent-Replayed: true`. With `dry_run`: the API call.", "重复请求：返回此幂等键的首次结果，并带有 `Idempotent-Replayed: true`。使用 `dry_run` 时：返回调用内容。")},
	{"202", param.Both("It is not known yet whether a job exists: `Status` is `UNKNOWN`. After `Retry-After`, send the same request again or read the submission.", "尚不确定任务是否存在：`Status` 为 `UNKNOWN`。请在 `Retry-After` 之后再次发送同一请求，或查询该提交。")},
	{"403", param.Both("The policy does not allow the backup; `errors` has an explanation for each rule.", "策略不允许此备份；`errors` 中逐条列出各规则的说明。")},
	{"409", param.Both("The first request with this key is still in progress: try again after `Retry-After`.", "使用此幂等键的首个请求仍在处理：请在 `Retry-After` 之后再试。")},
	{"422", param.Both("The request is invalid, the key was used with different content, or Cloud Backup refused the request for a reason that you can correct.", "请求有误，或此幂等键已用于不同内容，或云备份因可由您更正的原因拒绝了请求。")},
	{"502", param.Both("Cloud Backup refused the request for a reason that only an operator can correct.", "云备份拒绝了请求，原因须由管理员处理。")},
	{"429", param.Both("A limit of the policy was reached; `limit` names it. Nothing was started, and the key can still be used: send the same request again after `Retry-After`. Without this header, waiting does not help.", "达到策略的限制，`limit` 说明是哪一项。未开始备份，幂等键仍可使用：请在 `Retry-After` 之后重新发送；若没有该响应头，等待也无济于事。")},
	{"503", param.Both("This request did not start a backup: send it again with the same key after `Retry-After`.", "本次请求未开始备份：请在 `Retry-After` 之后使用同一幂等键再次发送。")},
}

// A mistakeCode is a value of the member code in the list errors of a problem.
type mistakeCode struct {
	code    string
	meaning param.Text
}

// mistakeCodes lists all values of code, in alphabetical order, with their meanings.
var mistakeCodes = []mistakeCode{
	{"alias", param.Both("Only the account alias is accepted", "账号只能用别名表示")},
	{"between", param.Both("The number is out of range", "数值超出范围")},
	{"boolean", param.Both("The value is not true or false", "不是 true 或 false")},
	{"enum", param.Both("The value is not one of the allowed values", "不在可选值之内")},
	{"integer", param.Both("The value is not a whole number", "不是整数")},
	{"length", param.Both("Too many characters", "字符过多")},
	{"line", param.Both("An item in a list has the wrong format", "列表中有一项格式不正确")},
	{"line_again", param.Both("A list contains the same item twice", "列表中有重复项")},
	{"lines", param.Both("Too many items in a list", "列表中的项过多")},
	{"one_path", param.Both("Shadow copies support one path only", "卷影复制只支持一个路径")},
	{"order", param.Both("The end is before the start", "结束早于开始")},
	{"pattern", param.Both("The format is wrong", "格式不正确")},
	{"policy", param.Both("The policy does not allow the value", "策略不允许该值")},
	{"preset", param.Both("There is no such preset for you, or it is for another source type", "您没有此预设，或它用于其他数据源类型")},
	{"required", param.Both("The parameter is missing", "缺少该参数")},
	{"resource_info", param.Both("The value does not contain a JSON object", "值中不包含 JSON 对象")},
	{"same_region", param.Both("The copy is in the same region as the backup", "副本与备份在同一地域")},
	{"time", param.Both("The value is not a date or a time", "不是日期或时间")},
	{"twice", param.Both("The parameter is given more than once", "参数出现多次")},
	{"type", param.Both("The JSON type is wrong", "JSON 类型错误")},
	{"unknown", param.Both("The parameter is unknown", "未知参数")},
	{"unused", param.Both("The parameter does not apply to this submission", "不适用于此提交")},
	{"vss_exclude", param.Both("Shadow copies do not support paths to exclude", "卷影复制不支持排除路径")},
	{"vss_network", param.Both("Shadow copies do not support network paths", "卷影复制不支持网络路径")},
	{"vss_wildcard", param.Both("Shadow copies do not support wildcards", "卷影复制不支持通配符")},
	{"vss_windows", param.Both("Shadow copies need a Windows instance", "卷影复制需要 Windows 实例")},
	{"window_form", param.Both("The format of the hours is wrong", "限速时段的格式不正确")},
	{"window_order", param.Both("Hours end when they start", "时段的结束与开始相同")},
	{"window_count", param.Both("More than 24 hours with a limit", "限速时段超过 24 个")},
	{"window_overlap", param.Both("Hours overlap", "时段重叠")},
}

// statuses returns the HTTP statuses of a problem, separated by commas.
func (k ProblemKind) statuses() string {
	all := make([]string, len(k.Statuses))
	for i, code := range k.Statuses {
		all[i] = strconv.Itoa(code)
	}
	return strings.Join(all, ", ")
}

// words returns the titles and the details of a problem.
func (k ProblemKind) words(ctx context.Context) []string {
	all := make([]string, len(k.Texts))
	for i, text := range k.Texts {
		all[i] = in(ctx, text)
	}
	return all
}

// keyRules returns sentences that explain the rules of idempotency keys.
func (p APIPage) keyRules(ctx context.Context) []string {
	return []string{
		in(ctx, wordOnceName),
		in(ctx, wordOnceSame, p.Limits.KeyDays),
		in(ctx, wordOnceBusy),
		in(ctx, wordOnceOther),
		in(ctx, wordOnceLater, p.Limits.KeyDays),
	}
}

// facts returns the limits of the API, each with its label.
func (l APILimits) facts(ctx context.Context) []fact {
	var all []fact
	add := func(label param.Text, line string) {
		all = append(all, fact{label: in(ctx, label), lines: []string{line}})
	}
	add(wordBodyMost, strconv.Itoa(l.Body>>10)+" KB")
	add(wordAddressMost, strconv.Itoa(l.Address>>10)+" KB")
	add(wordKeyMost, in(ctx, wordKeyShape, l.Key))
	add(wordKeyLife, in(ctx, wordDaysLong, l.KeyDays))
	add(wordWaitMost, in(ctx, wordSeconds, l.Wait))
	add(wordRowsMost, in(ctx, wordRowsUsual, l.Usual, l.Rows))
	return all
}

// A topic is a page of the API reference.
type topic struct{ name, title string }

// A chapter is a section of a topic. Its id is the fragment of its address.
type chapter struct {
	id, title string
	content   templ.Component
}

// APITopics returns the names of the topics, in the order of the table of contents. A name is
// the last element of the page's address. The first topic has the empty name and the address of
// the reference itself.
func APITopics() []string {
	names := []string{"", "follow", "accounts", "webhooks", "gates"}
	for _, source := range param.SourceTypes {
		names = append(names, string(source))
	}
	return append(names, "answers", "limits")
}

// topics returns the topics that p has, with their titles.
func (p APIPage) topics(ctx context.Context) (all []topic) {
	for _, name := range APITopics() {
		p.Topic = name
		if chapters := p.chapters(ctx); len(chapters) > 0 {
			all = append(all, topic{name, p.topicTitle(ctx, chapters)})
		}
	}
	return all
}

// topicTitle returns the title of p's topic with these chapters.
func (p APIPage) topicTitle(ctx context.Context, chapters []chapter) string {
	if p.Topic == "" {
		return in(ctx, wordFirstSteps)
	}
	return chapters[0].title
}

// title returns the title of the document.
func (p APIPage) title(ctx context.Context) string {
	chapters := p.chapters(ctx)
	if p.Topic == "" || len(chapters) == 0 {
		return in(ctx, wordReference)
	}
	return in(ctx, wordTopicTitle, chapters[0].title)
}

// address returns the address of a topic.
func (p APIPage) address(name string) string {
	if name == "" {
		return p.API
	}
	return p.API + "/" + name
}

// chapters returns the chapters of p's topic. It returns none for a topic that does not exist.
func (p APIPage) chapters(ctx context.Context) []chapter {
	switch p.Topic {
	case "":
		return []chapter{
			{"who", in(ctx, wordWho), whoChapter(p)},
			{"create", in(ctx, wordCreate), createChapter(p)},
			{"parameters", in(ctx, wordParameters), indexChapter(p)},
			{"document", in(ctx, wordDocument), documentChapter(p.Document)},
		}
	case "follow":
		return []chapter{{"follow", in(ctx, wordFollow), followChapter(p)}}
	case "accounts":
		return []chapter{{"accounts", in(ctx, wordAccounts), accountsChapter(p)}}
	case "webhooks":
		return []chapter{{"webhooks", in(ctx, wordWebhooks), webhooksChapter(p)}}
	case "gates":
		if len(p.Gates) == 0 {
			return nil
		}
		return []chapter{{"gates", in(ctx, wordGates), gatesChapter(p.Gates)}}
	case "answers":
		return []chapter{
			{"answers", in(ctx, wordAnswers), answersChapter(p.Answer)},
			{"problems", in(ctx, wordProblems), problemsChapter(p)},
			{"states", in(ctx, wordStates), statesChapter()},
		}
	case "limits":
		return []chapter{{"limits", in(ctx, wordBounds), boundsChapter(p.Limits)}}
	}
	source := param.SourceType(p.Topic)
	if !slices.Contains(param.SourceTypes, source) {
		return nil
	}
	return []chapter{{p.Topic, in(ctx, wordKind, source.Name()), kindChapter(source, p.Bodies[source])}}
}
