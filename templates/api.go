package templates

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// A parameter is one field of a submission in the words of the reference.
type parameter struct {
	id, name string
	kind     string // of the JSON value
	needed   string
	limits   []string // a line for each; prose, as needed is
	meaning  []string
	example  string
}

// parameters are the fields of one kind of backup.
func parameters(ctx context.Context, source param.SourceType) []parameter {
	var all []parameter
	for _, f := range param.Fields {
		if !f.ForSource(source) {
			continue
		}
		p := parameter{
			id: fieldID(f, source), name: f.Name, kind: in(ctx, typeNames[f.Type]), needed: needed(ctx, f, source),
			limits: limits(ctx, f), meaning: meaning(ctx, f), example: f.Example,
		}
		if f.Name == "SourceType" {
			p.example, p.limits = string(source), []string{quoted(string(source))}
		}
		all = append(all, p)
	}
	return all
}

// fieldID is the id of a field's row: the name alone in the first kind that has
// the field, so that #Detail.doCopy leads there, and with the kind before it in
// the others.
func fieldID(f param.Field, source param.SourceType) string {
	first := slices.IndexFunc(param.SourceTypes, f.ForSource)
	if param.SourceTypes[first] == source {
		return f.Name
	}
	return string(source) + "-" + f.Name
}

// typeNames are the types of JSON.
var typeNames = map[param.Type]param.Text{
	param.String:  param.Both("text", "文本"),
	param.Integer: param.Both("number", "数字"),
	param.Boolean: param.Both("true or false", "布尔值"),
	param.Strings: param.Both("list of texts", "文本列表"),
	param.Objects: param.Both("list of objects", "对象列表"),
}

// needed says when a field has to be given.
func needed(ctx context.Context, f param.Field, source param.SourceType) string {
	required := f.RequiredFor(source) && (f.Default == "" || f.Default != string(source) && f.Name == "SourceType")
	under := quoted(f.Under.Name)
	switch {
	case f.Assigned && f.Default == "":
		return in(ctx, param.Both("Never: it follows from the account", "不可填写：由账号决定"))
	case f.Assigned:
		return in(ctx, param.Both("No: it follows from the account", "否：由账号决定"))
	case required && f.Under.Name != "":
		return in(ctx, param.Both("With %v", "设置 %v 时必填"), under)
	case required:
		return in(ctx, param.Both("Yes", "是"))
	case f.Under.Name != "":
		return in(ctx, param.Both("No; only with %v", "否；仅可与 %v 一起使用"), under)
	}
	return in(ctx, wordNo)
}

// limits are the bounds of a field's values, and what is sent without one.
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
	add(f.MaxItems > 0, in(ctx, param.Both("at most %v of them", "最多 %v 个"), f.MaxItems))
	most := param.Both("at most %v characters", "最多 %v 个字符")
	if f.Type == param.Strings {
		most = param.Both("at most %v characters as a list", "按列表计最多 %v 个字符")
	}
	add(f.MaxLength > 0, in(ctx, most, f.MaxLength))
	add(f.Pattern != "", quoted(f.Pattern))
	add(f.Default != "" && !f.Assigned, in(ctx, param.Both("otherwise %v", "默认 %v"), quoted(f.Default)))
	add(f.Grant != "", in(ctx, param.Both("only as a rule of the policy grants it", "须由策略规则授权")))
	remark, ok := remarks[f.Name]
	add(ok, in(ctx, remark))
	return all
}

// quoted marks code in prose.
func quoted(code string) string { return "`" + code + "`" }

// remarks are rules between fields, and forms that are no pattern.
var remarks = map[string]param.Text{
	"CrossAccountType":           param.Both("may be said if it agrees", "若填写，须与账号一致"),
	"BackupType":                 param.Both("whole instances: `COMPLETE` alone", "整机只能用 `COMPLETE`"),
	"Detail.preScriptPath":       param.Both("both scripts, or none", "两个脚本须同时填写或都不填"),
	"Detail.postScriptPath":      param.Both("both scripts, or none", "两个脚本须同时填写或都不填"),
	"Detail.destinationRegionId": param.Both("another region than that of the backup", "不能与备份所在地域相同"),
	"SpeedLimit":                 param.Both("`start:end:KB/s`, joined by `|`; hours from 0 to 24 that do not overlap, 24 entries at most", "`开始:结束:KB/s`，以 `|` 分隔；小时为 0 至 24，互不重叠，最多 24 条"),
	"ContainerResources":         param.Both("each with at least one key; `resourceInfo` is text that holds a JSON object", "每项至少有一个键；`resourceInfo` 是内含 JSON 对象的文本"),
	"Region":                     param.Both("a region that Cloud Backup has", "须为云备份支持的地域"),
}

// meaning is what the form says of the field. Hints of lists are about lines
// of a box, which JSON has not.
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

// A status is a word of Status.
type status struct {
	state   backup.State
	meaning param.Text
}

// statuses are all words that the portal knows, with what they mean to a
// program.
func statuses() []status {
	var all []status
	for _, same := range states {
		for _, s := range same {
			all = append(all, status{s, stateMeaning(s)})
		}
	}
	return all
}

// stateMeaning is what a state means to whoever sent the submission.
func stateMeaning(s backup.State) param.Text {
	switch s {
	case backup.StateSending:
		return param.Both("The portal is calling Cloud Backup.", "门户正在调用云备份。")
	case backup.StateUnknown:
		return param.Both("The cloud's answer was lost. The portal looks for the job, and sends nothing meanwhile.", "云端的应答丢失。门户正在查找任务，期间不会再次发送。")
	case backup.StateRefused:
		return param.Both("Cloud Backup said no. Nothing was started, and this key stays refused.", "云备份拒绝了请求，没有开始备份；此键的结果不再改变。")
	case backup.StateNotSent:
		return param.Both("Nothing was started. The same request with the same key may be sent again.", "未开始备份。可以用同一个键再次发送同一请求。")
	case backup.StateDenied:
		return param.Both("The policy said no. Nothing was sent.", "策略不允许，未发送任何请求。")
	case backup.StateCreated, backup.StateQueued:
		return param.Both("The job waits for its turn.", "任务正在排队。")
	case backup.StateRunning:
		return param.Both("The job is at work; `Progress` counts to 10,000.", "任务正在执行；`Progress` 的满值为 10,000。")
	case backup.StateCanceling:
		return param.Both("Somebody cancelled the job, and it has not stopped yet.", "已有人取消任务，任务尚未停止。")
	case backup.StateComplete:
		return param.Both("The backup is there. A copy in another region may still be under way.", "备份已完成。异地副本可能仍在进行。")
	case backup.StatePartialComplete:
		return param.Both("The backup is there, but some items are not in it.", "备份已完成，但有内容未包含在内。")
	case backup.StateFailed:
		return param.Both("There is no backup; `ErrorMessage` says why.", "没有备份；原因见 `ErrorMessage`。")
	case backup.StateCanceled:
		return param.Both("The job was cancelled. There is no backup.", "任务已取消，没有备份。")
	}
	return param.Both("There is no backup; the cloud says no more than this word.", "没有备份；云端只给出这个状态。")
}

// outcomeMeaning says what a program can do.
func outcomeMeaning(o backup.Outcome) param.Text {
	switch o {
	case backup.OutcomeRunning:
		return param.Both("It may still change: ask again.", "仍可能变化：请稍后再查。")
	case backup.OutcomeSucceeded:
		return param.Both("The backup is there: go on.", "备份已完成：可以继续。")
	case backup.OutcomePartial:
		return param.Both("The backup is there, but not all of it: decide.", "备份已完成但不完整：请自行判断。")
	case backup.OutcomeFailed:
		return param.Both("There is no backup: stop.", "没有备份：请停止。")
	case backup.OutcomeCancelled:
		return param.Both("Somebody wanted no backup: stop.", "备份被取消：请停止。")
	}
	return param.Both("It is being checked whether there is a job: ask again, with the same key if you send.", "正在核实是否有任务：请稍后再查；若再次发送，请用同一个键。")
}

// A reply is one status of HTTP.
type reply struct {
	code    string
	meaning param.Text
}

// replies are those to a submission.
var replies = []reply{
	{"201", param.Both("The job was made.", "任务已创建。")},
	{"200", param.Both("Repeated: the first answer to this key, with `Idempotent-Replayed: true`. With `dry_run`: the call.", "重复请求：返回此键的首次结果，并带有 `Idempotent-Replayed: true`。使用 `dry_run` 时：返回调用内容。")},
	{"202", param.Both("Nobody knows yet whether there is a job: `Status` is `UNKNOWN`. Send the same request again, or read the submission, after `Retry-After`.", "尚不确定任务是否存在：`Status` 为 `UNKNOWN`。请在 `Retry-After` 之后再次发送同一请求，或查询该提交。")},
	{"403", param.Both("The policy does not allow it; `errors` has a sentence for each rule.", "策略不允许；`errors` 中逐条列出各规则的说明。")},
	{"409", param.Both("The first request with this key is still under way: ask again after `Retry-After`.", "使用此键的首个请求仍在进行：请在 `Retry-After` 之后再试。")},
	{"422", param.Both("Something in it is wrong, or the key was used with other content, or Cloud Backup refused what you can put right.", "内容有误，或此键已用于其他内容，或云备份因可由您更正的原因拒绝。")},
	{"502", param.Both("Cloud Backup refused what only an operator can put right.", "云备份因只有管理员才能解决的原因拒绝。")},
	{"429", param.Both("A limit of the policy, which `limit` names. Nothing was started and the key is free: send the same again after `Retry-After`; if there is none, waiting does not help.", "达到策略的限制，`limit` 说明是哪一项。未开始备份，键仍可使用：请在 `Retry-After` 之后重新发送；若没有该响应头，等待也无济于事。")},
	{"503", param.Both("This request started nothing: send it again with the same key after `Retry-After`.", "本次请求未开始备份：请在 `Retry-After` 之后用同一个键再次发送。")},
}

// A mistakeCode is a code in the list errors of a problem.
type mistakeCode struct {
	code    string
	meaning param.Text
}

// mistakeCodes are all of them, in the order of the alphabet.
var mistakeCodes = []mistakeCode{
	{"alias", param.Both("An account is named by its alias alone", "账号只能用别名表示")},
	{"between", param.Both("A number beyond its bounds", "数字超出范围")},
	{"boolean", param.Both("Neither true nor false", "不是 true 或 false")},
	{"enum", param.Both("None of the values there are", "不在可选值之内")},
	{"integer", param.Both("No whole number", "不是整数")},
	{"length", param.Both("Too many characters", "字符过多")},
	{"line", param.Both("An item of a list has the wrong form", "列表中有一项格式不正确")},
	{"line_again", param.Both("An item of a list is there twice", "列表中有重复项")},
	{"lines", param.Both("Too many items in a list", "列表中的项过多")},
	{"one_path", param.Both("Shadow copies take one path", "卷影复制只支持一个路径")},
	{"order", param.Both("The end is before the beginning", "结束早于开始")},
	{"pattern", param.Both("The wrong form", "格式不正确")},
	{"policy", param.Both("A rule of the policy says no", "策略规则不允许")},
	{"required", param.Both("It is missing", "缺少该参数")},
	{"resource_info", param.Both("It holds no JSON object", "其中不是 JSON 对象")},
	{"same_region", param.Both("The copy would be where the backup is", "副本与备份在同一地域")},
	{"time", param.Both("Neither a day nor a time", "不是日期或时间")},
	{"twice", param.Both("Given more than once", "出现多次")},
	{"type", param.Both("Another type of JSON than it takes", "JSON 类型不符")},
	{"unknown", param.Both("There is no such parameter", "没有这个参数")},
	{"unused", param.Both("It does not apply to this submission", "不适用于此提交")},
	{"window_form", param.Both("The hours are not written as they have to be", "限速时段的写法不正确")},
	{"window_order", param.Both("Hours end before they begin", "时段的结束早于开始")},
	{"window_count", param.Both("More than 24 hours with a limit", "限速时段超过 24 个")},
	{"window_overlap", param.Both("Hours overlap", "时段重叠")},
}

// statuses joins the statuses of HTTP that a problem may have.
func (k ProblemKind) statuses() string {
	all := make([]string, len(k.Statuses))
	for i, code := range k.Statuses {
		all[i] = strconv.Itoa(code)
	}
	return strings.Join(all, ", ")
}

// words are what happened and what to do.
func (k ProblemKind) words(ctx context.Context) []string {
	return []string{in(ctx, k.Title), in(ctx, k.Detail)}
}

// once are the rules about keys.
func (p APIPage) once(ctx context.Context) []string {
	return []string{
		in(ctx, wordOnceName),
		in(ctx, wordOnceSame, p.Limits.KeyDays),
		in(ctx, wordOnceBusy),
		in(ctx, wordOnceOther),
		in(ctx, wordOnceLater, p.Limits.KeyDays),
	}
}

// facts are the bounds with their names.
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

// A chapter is a part of the page in its table of contents.
type chapter struct{ id, title string }

// contents are the chapters in the order of the page.
func (p APIPage) contents(ctx context.Context) []chapter {
	all := []chapter{{"who", in(ctx, wordWho)}, {"create", in(ctx, wordCreate)}, {"follow", in(ctx, wordFollow)}}
	if len(p.Gates) > 0 {
		all = append(all, chapter{"gates", in(ctx, wordGates)})
	}
	for _, source := range param.SourceTypes {
		all = append(all, chapter{string(source), in(ctx, wordKind, source.Name())})
	}
	return append(all, chapter{
		"answers",
		in(ctx, wordAnswers),
	}, chapter{"problems", in(ctx, wordProblems)}, chapter{"states", in(ctx, wordStates)},
		chapter{"limits", in(ctx, wordBounds)}, chapter{"document", in(ctx, wordDocument)})
}
