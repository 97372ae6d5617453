package templates

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// name returns what the submission backs up: a name, or an id if the name is not known.
func (r Row) name() string {
	name, _ := r.Record.Subject()
	return name
}

// id returns the id beside the name; empty if the name is the id.
func (r Row) id() string {
	_, id := r.Record.Subject()
	return id
}

// title returns the name, the kind and the day of the submission, for the tab of the browser.
func (p StatusPage) title(ctx context.Context) string {
	comma := in(ctx, param.Both(", ", "，"))
	return p.Record.Title() + comma + in(ctx, p.source().Name()) + comma + p.minute(Language(ctx), p.Record.CreatedAt)
}

// took returns how long the job took, or how long it has been running; false if that is not known.
func (r Row) took(ctx context.Context, now time.Time) (string, bool) {
	job := r.Record.Job
	switch {
	case job.StartTime.IsZero():
		return "", false
	case !job.CompleteTime.IsZero():
		return brief(ctx, job.CompleteTime.Sub(job.StartTime)), true
	case r.State == backup.StateRunning || r.State == backup.StateCanceling:
		return in(ctx, param.Both("%v so far", "已 %v"), brief(ctx, now.Sub(job.StartTime))), true
	}
	return "", false
}

// againAddress returns the address of the form with the values of the submission.
func (r Row) againAddress() string {
	return "/backups/new/" + string(r.source()) + "?from=" + r.Record.SubmissionID
}

// retention returns how many days the backup is kept; empty if that is not known.
func (r Row) retention(ctx context.Context) string {
	days := cmp.Or(r.Record.Complete["Retention"], r.Record.Params["Retention"])
	if days == "" {
		return ""
	}
	field, _ := param.FieldNamed("Retention")
	return days + " " + in(ctx, field.Unit)
}

// reason returns the second line of the status in a list: who cancelled the job, or why there is no
// complete backup.
func (r Row) reason(ctx context.Context) string {
	if r.State == backup.StateCanceled {
		if by := r.Record.Cancellation.By.Name; by != "" {
			return in(ctx, wordCancelledBy, by)
		}
		return ""
	}
	return param.Clean(in(ctx, r.Reason), maxReason)
}

// maxReason limits a reason in a list, in bytes. The page of the submission has all of it.
const maxReason = 300

// address returns the path of the submission's page.
func (r Row) address() string { return "/backups/" + r.Record.SubmissionID }

// resourceFacts returns the facts about the resource of the backup: the resource, the account
// and the region.
func (r Row) resourceFacts(ctx context.Context) []fact {
	return []fact{
		{
			label: in(ctx, param.Both("Source", "备份源")),
			lines: nonEmpty(r.Record.Resource()),
			mono:  true,
			extra: in(ctx, r.source().Name()),
		},
		{label: in(ctx, labelOf("Account")), lines: nonEmpty(r.account(ctx))},
		{label: in(ctx, labelOf("Region")), lines: []string{regionLabel(ctx, r.Record.Region())}},
	}
}

// account returns the label of the account.
func (r Row) account(ctx context.Context) string {
	if r.AccountLabel == (param.Text{}) {
		return r.Record.Account()
	}
	return in(ctx, r.AccountLabel)
}

// source returns the requested kind of backup.
func (r Row) source() param.SourceType { return r.Record.Params.SourceType() }

// percent returns the progress of a running job; false in other states.
func (r Row) percent() (int, bool) {
	if r.State != backup.StateRunning {
		return 0, false
	}
	return min(max(r.Record.Job.Progress/100, 0), 100), true
}

// started returns when the job started, or when it was created or submitted if that is unknown.
func (r Row) started() time.Time {
	job := r.Record.Job
	for _, t := range []time.Time{job.StartTime, job.CreatedTime} {
		if !t.IsZero() {
			return t
		}
	}
	return r.Record.CreatedAt
}

// startLabel returns the label for the time that started returns. It is "submitted" in states
// in which perhaps no job has started.
func (r Row) startLabel() param.Text {
	switch r.State {
	case backup.StateDenied, backup.StateRefused, backup.StateNotSent, backup.StateSending, backup.StateUnknown:
		return wordSubmitted
	}
	return wordStarted
}

// tagClasses returns the CSS classes of a state's tag: a colour, and a shape for people who cannot
// distinguish the colours.
func tagClasses(s backup.State) string {
	switch s {
	case backup.StateSending, backup.StateRunning:
		return "tag accent dot"
	case backup.StateUnknown:
		return "tag warn ring"
	case backup.StateCanceling, backup.StateCanceled, backup.StateNotSent:
		return "tag warn dash"
	case backup.StateComplete:
		return "tag good dot"
	case backup.StatePartialComplete:
		return "tag warn half"
	case backup.StateRefused, backup.StateDenied, backup.StateRejected, backup.StateFailed, backup.StateExpired, backup.StateUnavailable:
		return "tag bad diamond"
	}
	return "tag muted dot"
}

// pollMillis returns after how many milliseconds the script asks again; 0 means never.
func (p StatusPage) pollMillis() string {
	return strconv.FormatInt(p.Every.Milliseconds(), 10)
}

// closeNote returns a sentence that says that the backup continues if the page is closed, or
// what else happens.
func (p StatusPage) closeNote() param.Text {
	if !p.State.IsTerminal() && p.State != backup.StateCanceling && p.Record.Last.Kind == backup.StepCreated {
		return wordCloseRuns
	}
	return wordClose
}

// announcement returns the text that a screen reader announces.
func (p StatusPage) announcement(ctx context.Context) string {
	s := in(ctx, p.State.Name())
	if n, ok := p.percent(); ok {
		s += in(ctx, param.Both(", ", "，")) + strconv.Itoa(n) + "%"
	}
	return s
}

// announcementKey returns a text that changes when a screen reader should announce the state
// again: when the state changes, and after every 25 % of progress.
func (p StatusPage) announcementKey() string {
	n, _ := p.percent()
	return string(p.State) + strconv.Itoa(n/25)
}

// An alert is the box that says what went wrong and what to do.
type alert struct {
	tone  string // CSS class
	title string
	lines []string
	todo  string
	codes []string
}

var (
	wordChecking           = param.Both("It is not known yet whether Cloud Backup accepted the request. The portal is checking; the request is not sent again.", "尚不确定云备份是否已接受请求。门户正在核实，不会重复提交。")
	wordRefused            = param.Both("Cloud Backup refused the request. Nothing was started.", "云备份拒绝了请求，没有开始备份。")
	wordNotTaken           = param.Both("Cloud Backup did not accept the request. Nothing was started.", "云备份未接受请求，未开始备份。")
	wordLook               = param.Both("Check History before you submit again.", "再次提交前请先查看历史记录。")
	wordAskedToStop        = param.Both("Cloud Backup has been asked to stop this backup.", "已请求云备份停止此次备份。")
	wordStopping           = param.Both("It usually takes a minute. What was copied so far is then thrown away. If the backup finishes first, it is kept, and this page says so.", "通常需要一分钟，已复制的数据随后会被丢弃。如果备份先完成，则会保留，并在本页说明。")
	wordFailed             = param.Both("The backup did not finish", "备份未完成")
	wordDenied             = param.Both("The policy of this portal does not allow this backup. No request was sent.", "本门户的策略不允许此备份，未发送任何请求。")
	wordPartly             = param.Both("Some items were skipped", "有内容被跳过")
	wordCancelledBy        = param.Both("Cancelled by %v", "由 %v 取消")
	wordCancelledElsewhere = param.Both("Cancelled outside this portal", "已在本门户之外取消")
	wordCopyFailed         = param.Both("The backup is complete, but its copy in %v failed", "备份已完成，但在%v的副本失败")
	wordLowered            = param.Both("The backup is complete, but it is less consistent than requested", "备份已完成，但未达到要求的一致性")
	wordLoweredTo          = param.Both("The consistency level is “%v”. Applications may need to recover after a restore.", "实际一致性级别为“%v”。恢复后，应用可能需要自行修复数据。")
	wordLoweredTodo        = param.Both("Show the reason to the administrator of the instance. Run the backup again after the cause is fixed.", "请将原因告知实例管理员，处理后重新备份。")
	wordReturned           = param.Both("Cloud Backup returned “%v”", "云备份返回“%v”")
	wordOperator           = param.Both("Show this information to your operator", "请将此信息提供给管理员")
)

// alert returns the box for the present state; nil if nothing is wrong.
func (p StatusPage) alert(ctx context.Context) *alert {
	job, last := p.Record.Job, p.Record.Last
	means, known := in(ctx, p.Means), p.Means != param.Text{}
	says := in(ctx, backup.CloudServiceOf(last.Code).Says(last.Message))
	switch p.State {
	case backup.StateUnknown:
		return &alert{tone: "warn", title: in(ctx, wordChecking)}
	case backup.StateNotSent:
		return &alert{
			tone:  "warn",
			title: in(ctx, wordNotTaken),
			lines: nonEmpty(means, says),
			todo:  in(ctx, p.Todo),
			codes: p.codes(last.Code),
		}
	case backup.StateDenied:
		return &alert{tone: "bad", title: in(ctx, wordDenied), lines: p.Denied}
	case backup.StateCanceling:
		return &alert{tone: "warn", title: in(ctx, wordAskedToStop), lines: []string{in(ctx, wordStopping)}}
	case backup.StateCanceled:
		if by := p.Record.Cancellation.By.Name; by != "" {
			return &alert{tone: "warn", title: in(ctx, wordCancelledBy, by)}
		}
		return &alert{tone: "warn", title: in(ctx, wordCancelledElsewhere)}
	case backup.StateComplete:
		return p.degradation(ctx)
	case backup.StatePartialComplete:
		return &alert{tone: "warn", title: in(ctx, wordPartly), lines: nonEmpty(jobSays(ctx, job.ErrorMessage))}
	case backup.StateRefused:
		t := &alert{
			tone:  "bad",
			title: in(ctx, wordRefused),
			lines: nonEmpty(means, says),
			todo:  p.todo(ctx),
			codes: p.codes(last.Code),
		}
		if !known {
			t.lines = nonEmpty(says, in(ctx, wordLook))
		}
		return t
	case backup.StateFailed, backup.StateExpired, backup.StateUnavailable:
		t := &alert{
			tone:  "bad",
			title: in(ctx, wordFailed),
			lines: nonEmpty(means),
			todo:  p.todo(ctx),
			codes: p.codes(job.ErrorMessage),
		}
		if !known { // an unknown message may be a sentence, so it is not shown as a code
			t.lines, t.codes = nonEmpty(jobSays(ctx, job.ErrorMessage)), p.codes("")
		}
		if p.State != backup.StateFailed {
			t.lines = append([]string{in(ctx, wordReturned, string(p.State))}, t.lines...)
		}
		return t
	}
	return nil
}

// jobSays returns a message of a job, with a label that says that the message is from Cloud Backup. It
// is empty if the message is empty.
func jobSays(ctx context.Context, sentence string) string {
	return in(ctx, backup.CloudService("").Says(sentence))
}

// degradation returns the box for a complete backup that lacks something that was requested:
// the consistency or the copy. It is nil if nothing is missing.
func (p StatusPage) degradation(ctx context.Context) *alert {
	job := p.Record.Job
	switch {
	case job.DowngradeReason != "":
		return &alert{
			tone:  "warn",
			title: in(ctx, wordLowered),
			lines: []string{in(ctx, wordLoweredTo, job.ConsistentLevel), jobSays(ctx, job.DowngradeReason)},
			todo:  in(ctx, wordLoweredTodo),
		}
	case backup.State(strings.ToUpper(job.CopyStatus)).Outcome() == backup.OutcomeFailed:
		region := in(ctx, param.RegionName(p.Record.Complete["Detail.destinationRegionId"]))
		return &alert{
			tone:  "warn",
			title: in(ctx, wordCopyFailed, region),
			lines: nonEmpty(jobSays(ctx, job.CopyError)),
			todo:  p.todo(ctx),
		}
	}
	return nil
}

// todo returns what to do: the advice for the code, or to ask an operator.
func (p StatusPage) todo(ctx context.Context) string {
	if p.Todo != (param.Text{}) {
		return in(ctx, p.Todo)
	}
	return in(ctx, wordOperator)
}

// codes returns the error codes and ids that an operator needs to investigate.
func (p StatusPage) codes(code string) []string {
	if id := p.Record.Last.RequestID; id != "" {
		return nonEmpty(code, "RequestId "+id)
	}
	return nonEmpty(code)
}

// timeLeft estimates the remaining time of a running job from its speed, or else from its
// progress, when it was last read. The second result is false if neither is known.
func (p StatusPage) timeLeft() (time.Duration, bool) {
	job := p.Record.Job
	switch {
	case p.State != backup.StateRunning:
	case job.Speed > 0 && job.BytesTotal > 0:
		left := max(job.BytesTotal-job.BytesDone, 0)
		return time.Duration(float64(left) / float64(job.Speed*1024) * float64(time.Second)), true
	case job.Progress > 0 && job.Progress <= 10_000 && job.SeenAt.After(job.StartTime) && !job.StartTime.IsZero():
		taken := job.SeenAt.Sub(job.StartTime)
		return time.Duration(float64(taken) * float64(10_000-job.Progress) / float64(job.Progress)), true
	}
	return 0, false
}

// canCancel reports whether the page offers to cancel the job.
func (p StatusPage) canCancel() bool {
	return p.MayCancel && p.Record.Last.Kind == backup.StepCreated && !p.State.IsTerminal() && p.State != backup.StateCanceling
}

// answers returns the parameters of the submission as the check page showed them.
func (p StatusPage) answers(ctx context.Context) []fact {
	if !p.source().Known() {
		return nil
	}
	shell := p.Shell
	shell.Now = p.Record.CreatedAt // dates are counted from the submission
	check := CheckPage{
		Shell: shell,
		Call:  backup.Call{Target: backup.Target{Account: p.Account}, Params: p.Record.Complete},
	}
	var all []fact
	for _, s := range layout[p.source()] {
		all = append(all, check.facts(ctx, s)...)
	}
	return all
}

// copiedOf returns how much a job has copied, and of how much if that is known.
func copiedOf(ctx context.Context, job backup.Job) string {
	if job.BytesTotal <= 0 {
		return size(job.BytesDone)
	}
	return in(ctx, param.Both("%v of %v", "%v / %v"), size(job.BytesDone), size(job.BytesTotal))
}

// progressFacts returns the progress of the job.
func (p StatusPage) progressFacts(ctx context.Context) []fact {
	job := p.Record.Job
	var all []fact
	add := func(when bool, label param.Text, line, extra string) {
		if when {
			all = append(all, fact{label: in(ctx, label), lines: []string{line}, extra: extra})
		}
	}
	add(job.BytesTotal > 0 || job.BytesDone > 0, param.Both("Copied", "已备份"), copiedOf(ctx, job), "")
	add(p.State == backup.StateRunning && job.Speed > 0, param.Both("Speed", "速度"), size(job.Speed*1024)+"/s", "")
	if d, ok := p.timeLeft(); ok {
		add(true, param.Both("Time left", "剩余时间"), approximately(ctx, d), "")
	}
	if p.State == backup.StateCanceling && !p.Record.Cancellation.At.IsZero() {
		add(true, param.Both("Asked to stop", "请求取消"), p.minute(Language(ctx), p.Record.Cancellation.At), by(ctx, p.Record.Cancellation.By.Name))
	}
	reached := job.Consistency
	if point := job.Point; point != nil {
		add(true, param.Both("Recovery point", "恢复点"), p.minute(Language(ctx), point.CreatedTime), point.SnapshotID)
		if reached == (backup.Consistency{}) {
			reached = point.Consistency
		}
	}
	add(
		reached.ConsistentLevel != "",
		param.Both("Consistency reached", "实际达到的一致性"),
		reached.ConsistentLevel,
		reached.DowngradeReason,
	)
	if p.Record.Complete["Detail.doCopy"] == "true" && job.CopyStatus != "" {
		region := in(ctx, param.RegionName(p.Record.Complete["Detail.destinationRegionId"]))
		state := in(ctx, backup.State(strings.ToUpper(job.CopyStatus)).Name())
		if job.CopyProgress > 0 && job.CopyProgress < 100 {
			state += " " + strconv.Itoa(job.CopyProgress) + "%"
		}
		all = append(all, fact{
			label: in(ctx, param.Both("Copy in %v", "在%v的副本"), region),
			lines: []string{state},
			extra: job.CopyError,
		})
	}
	return all
}

// requestFacts returns the facts about the request: its parameters, its sender and its door.
func (p StatusPage) requestFacts(ctx context.Context) []fact {
	all := p.resourceFacts(ctx)
	if p.Account.ID != "" {
		all[1].extra = aboutAccount(ctx, p.Account)
	}
	all = append(all,
		fact{label: in(ctx, param.Both("Requested by", "申请人")), lines: nonEmpty(p.Record.Principal.Name)},
		fact{label: in(ctx, param.Both("Submitted through", "提交方式")), lines: []string{in(ctx, p.Record.Door.Name())}},
	)
	return append(all, p.noteFacts(ctx)...)
}

// ids returns the ids by which the job can be found elsewhere.
func (p StatusPage) ids(ctx context.Context) []fact {
	var all []fact
	if label := p.Record.Params["JobName"]; label != "" {
		all = append(all, fact{label: in(ctx, param.Both("Name", "名称")), lines: []string{label}})
	}
	if name := p.Record.JobName; name != "" && p.Record.Last.Kind == backup.StepCreated {
		all = append(all, fact{label: in(ctx, param.Both("Job name", "任务名称")), lines: []string{name}, mono: true})
	}
	all = append(all, fact{
		label: in(ctx, param.Both("Submission", "提交编号")),
		lines: []string{p.Record.SubmissionID},
		mono:  true,
	})
	if id := p.Record.Last.JobID; id != "" {
		job := fact{label: in(ctx, param.Both("Job ID", "任务 ID")), lines: []string{id}, mono: true}
		all = append(all, job)
	}
	if id := p.Record.Last.RequestID; id != "" {
		all = append(all, fact{label: "RequestId", lines: []string{id}, mono: true})
	}
	return all
}

// keptUntil returns when the finished backup will be deleted; zero before its end.
func (p StatusPage) keptUntil() time.Time {
	done := p.State == backup.StateComplete || p.State == backup.StatePartialComplete
	days, err := strconv.Atoi(p.Record.Complete["Retention"])
	if point := p.Record.Job.Point; done && point != nil && !point.ExpireTime.IsZero() {
		return p.local(point.ExpireTime)
	}
	if !done || err != nil || p.Record.Job.CompleteTime.IsZero() {
		return time.Time{}
	}
	return p.local(p.Record.Job.CompleteTime).AddDate(0, 0, days)
}
