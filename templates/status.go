package templates

import (
	"context"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// name is what people call the submission: what they typed, else the job's own name.
func (r Row) name() string {
	if label := r.Record.Params["JobName"]; label != "" {
		return label
	}
	return r.Record.JobName
}

// address is that of the submission's page.
func (r Row) address() string { return "/backups/" + r.Record.SubmissionID }

// place are the facts about what is backed up, and where.
func (r Row) place(ctx context.Context) []fact {
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

// account is the label of the account.
func (r Row) account(ctx context.Context) string {
	if r.AccountLabel == (param.Text{}) {
		return r.Record.Account()
	}
	return in(ctx, r.AccountLabel)
}

// source is the kind of backup that was asked for.
func (r Row) source() param.SourceType { return r.Record.Params.SourceType() }

// percent is how far the job is; none if the state has no percent.
func (r Row) percent() (int, bool) {
	if r.State != backup.StateRunning {
		return 0, false
	}
	return min(max(r.Record.Job.Progress/100, 0), 100), true
}

// started is when the backup began, as far as is known.
func (r Row) started() time.Time {
	job := r.Record.Job
	for _, t := range []time.Time{job.StartTime, job.CreatedTime} {
		if !t.IsZero() {
			return t
		}
	}
	return r.Record.CreatedAt
}

// beginning is what the first time of the submission is called: where nothing was
// started, or may not have been, nothing began.
func (r Row) beginning() param.Text {
	switch r.State {
	case backup.StateDenied, backup.StateRefused, backup.StateNotSent, backup.StateSending, backup.StateUnknown:
		return wordSubmitted
	}
	return wordStarted
}

// looks are the classes of a state's tag: its tone, and a shape for those who
// cannot tell the tones apart.
func looks(s backup.State) string {
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
	case backup.StateRefused, backup.StateDenied, backup.StateFailed, backup.StateExpired, backup.StateUnavailable:
		return "tag bad diamond"
	}
	return "tag muted dot"
}

// every is how many milliseconds the script waits before it looks again; 0
// means that nothing will change any more.
func (p StatusPage) every() string {
	return strconv.FormatInt(p.Every.Milliseconds(), 10)
}

// close says what becomes of a submission whose page is closed.
func (p StatusPage) close() param.Text {
	if !p.State.IsTerminal() && p.Record.Last.Kind == backup.StepCreated {
		return wordCloseRuns
	}
	return wordClose
}

// said is what a screen reader is told.
func (p StatusPage) said(ctx context.Context) string {
	s := in(ctx, p.State.Name())
	if n, ok := p.percent(); ok {
		s += in(ctx, param.Both(", ", "，")) + strconv.Itoa(n) + "%"
	}
	return s
}

// quarter changes whenever said is worth saying again.
func (p StatusPage) quarter() string {
	n, _ := p.percent()
	return string(p.State) + strconv.Itoa(n/25)
}

// A trouble is the box that says what went wrong and what can be done.
type trouble struct {
	tone  string // a class
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
	wordFailed             = param.Both("The backup did not finish", "备份未完成")
	wordDenied             = param.Both("The policy of this portal does not allow this backup. No request was sent.", "本门户的策略不允许此备份，未发送任何请求。")
	wordSkipped            = param.Both("Some items were skipped: %v", "有内容被跳过：%v")
	wordPartly             = param.Both("Some items were skipped", "有内容被跳过")
	wordCancelledBy        = param.Both("Cancelled by %v", "由 %v 取消")
	wordCancelledElsewhere = param.Both("Cancelled outside this portal", "已在本门户之外取消")
	wordCopyFailed         = param.Both("The backup is complete, but its copy in %v failed", "备份已完成，但在%v的副本失败")
	wordLowered            = param.Both("The backup is complete, but it is less consistent than requested", "备份已完成，但未达到要求的一致性")
	wordLoweredTo          = param.Both("The consistency level is “%v” because of “%v”. Applications may need to recover after a restore.", "由于“%[2]v”，实际一致性级别为“%[1]v”。恢复后，应用可能需要自行修复数据。")
	wordLoweredTodo        = param.Both("Show the reason to the administrator of the instance. Run the backup again after the cause is fixed.", "请将原因告知实例管理员，处理后重新备份。")
	wordSays               = param.Both("Cloud Backup returned “%v”", "云备份返回“%v”")
	wordOperator           = param.Both("Show this information to your operator", "请将此信息提供给管理员")
)

// trouble is what the page says of a state that is not simply well; nil if
// there is nothing to say.
func (p StatusPage) trouble(ctx context.Context) *trouble {
	job, last := p.Record.Job, p.Record.Last
	means, known := in(ctx, p.Means), p.Means != param.Text{}
	switch p.State {
	case backup.StateUnknown:
		return &trouble{tone: "warn", title: in(ctx, wordChecking)}
	case backup.StateNotSent:
		return &trouble{
			tone:  "warn",
			title: in(ctx, wordNotTaken),
			lines: nonEmpty(means),
			todo:  in(ctx, p.Todo),
			codes: p.codes(last.Code),
		}
	case backup.StateDenied:
		return &trouble{tone: "bad", title: in(ctx, wordDenied), lines: p.Denied}
	case backup.StateCanceled:
		if by := p.Record.Cancellation.By.Name; by != "" {
			return &trouble{tone: "warn", title: in(ctx, wordCancelledBy, by)}
		}
		return &trouble{tone: "warn", title: in(ctx, wordCancelledElsewhere)}
	case backup.StateComplete:
		return p.lessThanAsked(ctx)
	case backup.StatePartialComplete:
		if job.ErrorMessage == "" {
			return &trouble{tone: "warn", title: in(ctx, wordPartly)}
		}
		return &trouble{tone: "warn", title: in(ctx, wordSkipped, job.ErrorMessage)}
	case backup.StateRefused:
		t := &trouble{
			tone:  "bad",
			title: in(ctx, wordRefused),
			lines: nonEmpty(means),
			todo:  p.todo(ctx),
			codes: p.codes(last.Code),
		}
		if !known {
			t.lines = nonEmpty(last.Message, in(ctx, wordLook))
		}
		return t
	case backup.StateFailed, backup.StateExpired, backup.StateUnavailable:
		t := &trouble{
			tone:  "bad",
			title: in(ctx, wordFailed),
			lines: nonEmpty(means),
			todo:  p.todo(ctx),
			codes: p.codes(job.ErrorMessage),
		}
		if !known { // then it may be a sentence, and is not taken for a code
			t.lines, t.codes = nonEmpty(job.ErrorMessage), p.codes("")
		}
		if p.State != backup.StateFailed {
			t.lines = append([]string{in(ctx, wordSays, string(p.State))}, t.lines...)
		}
		return t
	}
	return nil
}

// lessThanAsked is what is to be said of a backup that is there, but not all
// that was wanted; nil if it is.
func (p StatusPage) lessThanAsked(ctx context.Context) *trouble {
	job := p.Record.Job
	switch {
	case job.DowngradeReason != "":
		return &trouble{
			tone:  "warn",
			title: in(ctx, wordLowered),
			lines: []string{in(ctx, wordLoweredTo, job.ConsistentLevel, job.DowngradeReason)},
			todo:  in(ctx, wordLoweredTodo),
		}
	case backup.State(strings.ToUpper(job.CopyStatus)).Outcome() == backup.OutcomeFailed:
		region := in(ctx, param.RegionName(p.Record.Complete["Detail.destinationRegionId"]))
		return &trouble{
			tone:  "warn",
			title: in(ctx, wordCopyFailed, region),
			lines: nonEmpty(job.CopyError),
			todo:  p.todo(ctx),
		}
	}
	return nil
}

// todo is what can be done, if only to ask.
func (p StatusPage) todo(ctx context.Context) string {
	if p.Todo != (param.Text{}) {
		return in(ctx, p.Todo)
	}
	return in(ctx, wordOperator)
}

// codes are what an operator wants to know.
func (p StatusPage) codes(code string) []string {
	if id := p.Record.Last.RequestID; id != "" {
		return nonEmpty(code, "RequestId "+id)
	}
	return nonEmpty(code)
}

// timeLeft is how long the job will take if it goes on as it has, from what was
// last seen of it; unknown while there is nothing to judge by.
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

// asked are all the answers that the submission gave, as the check page had
// them.
func (p StatusPage) asked(ctx context.Context) []fact {
	if !p.source().Known() {
		return nil
	}
	shell := p.Shell
	shell.Now = p.Record.CreatedAt // dates are counted from then
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

// copied says how much is done, of how much.
func copied(ctx context.Context, job backup.Job) string {
	if job.BytesTotal <= 0 {
		return size(job.BytesDone)
	}
	return in(ctx, param.Both("%v of %v", "%v / %v"), size(job.BytesDone), size(job.BytesTotal))
}

// results are the facts about how the job goes; its source and times follow.
func (p StatusPage) results(ctx context.Context) []fact {
	job := p.Record.Job
	var all []fact
	add := func(when bool, label param.Text, line, extra string) {
		if when {
			all = append(all, fact{label: in(ctx, label), lines: []string{line}, extra: extra})
		}
	}
	add(job.BytesTotal > 0 || job.BytesDone > 0, param.Both("Copied", "已备份"), copied(ctx, job), "")
	add(p.State == backup.StateRunning && job.Speed > 0, param.Both("Speed", "速度"), size(job.Speed*1024)+"/s", "")
	if d, ok := p.timeLeft(); ok {
		add(true, param.Both("Time left", "剩余时间"), roughly(ctx, d), "")
	}
	add(
		job.ConsistentLevel != "",
		param.Both("Consistency reached", "实际达到的一致性"),
		job.ConsistentLevel,
		job.DowngradeReason,
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

// origin are the facts about what was asked, where and by whom.
func (p StatusPage) origin(ctx context.Context) []fact {
	all := p.place(ctx)
	if p.Account.ID != "" {
		all[1].extra = aboutAccount(ctx, p.Account)
	}
	return append(all,
		fact{label: in(ctx, param.Both("Requested by", "申请人")), lines: nonEmpty(p.Record.Principal.Name)},
		fact{label: in(ctx, param.Both("Submitted through", "提交方式")), lines: []string{in(ctx, p.Record.Door.Name())}},
	)
}

// names are the facts by which others find the job.
func (p StatusPage) names(ctx context.Context) []fact {
	all := []fact{{
		label: in(ctx, param.Both("Submission", "提交编号")),
		lines: []string{p.Record.SubmissionID},
		mono:  true,
	}}
	if id := p.Record.Last.JobID; id != "" {
		job := fact{label: in(ctx, param.Both("Job ID", "任务 ID")), lines: []string{id}, mono: true}
		all = append([]fact{job}, all...)
	}
	if id := p.Record.Last.RequestID; id != "" {
		all = append(all, fact{label: "RequestId", lines: []string{id}, mono: true})
	}
	return all
}

// keptUntil is when the finished backup is deleted; zero if there is none yet.
func (p StatusPage) keptUntil() time.Time {
	done := p.State == backup.StateComplete || p.State == backup.StatePartialComplete
	days, err := strconv.Atoi(p.Record.Complete["Retention"])
	if !done || err != nil || p.Record.Job.CompleteTime.IsZero() {
		return time.Time{}
	}
	return p.local(p.Record.Job.CompleteTime).AddDate(0, 0, days)
}
