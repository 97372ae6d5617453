package templates

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/param"
	"backupportal/function/terraform"
)

// An Origin says how the targets of a batch were given.
type Origin string

// The origins of targets.
const (
	OriginText  Origin = "text"  // a list or a table
	OriginTag   Origin = "tag"   // all machines with a tag
	OriginPlan  Origin = "plan"  // a Terraform plan
	OriginTicks Origin = "ticks" // boxes on the start page
	OriginAgain Origin = "again" // the items of an earlier batch without a complete backup
)

// NewBatchPage is the page on which the targets of a batch are chosen.
type NewBatchPage struct {
	Shell
	Accounts             []backup.Account // options of the filters by account and region
	Origin               Origin           // the form that the problems are about
	Text                 string           // typed list
	Tag, Account, Region string           // typed tag and filters
	Problems             []string         // why the targets cannot be used, in the reader's language
	Person               string           // see [FormPage]; may be empty
	Returned             *Returned        // not nil: the targets were posted after the end of the session
	Kept                 *TargetSet       // with Returned: these targets
}

// A TargetSet is the list of targets of a batch. It does not change after it was made.
type TargetSet struct {
	ID      string // id of the draft that stores the list
	Origin  Origin
	Tag     string    // the tag, with OriginTag; otherwise empty
	At      time.Time // when the list was made
	Rows    []TargetRow
	Missing []string // aliases of accounts whose machines could not be listed completely
}

// A TargetRow is one target.
type TargetRow struct {
	Params param.Params // its own values
	Name   string       // name of the machine; empty if it is not known
	Place  param.Text   // where it was given, such as "line 3" or the address of a resource; may be empty
}

// HasPlaces reports whether the targets have places.
func (s TargetSet) HasPlaces() bool { return s.Origin == OriginText || s.Origin == OriginPlan }

// HasAll reports whether every target has a value of its own for the field called name.
func (s TargetSet) HasAll(name string) bool {
	return !slices.ContainsFunc(s.Rows, func(row TargetRow) bool { return row.Params[name] == "" })
}

// title returns the heading of the pages that lead to the batch.
func (s TargetSet) title(ctx context.Context) string {
	switch s.Origin {
	case OriginTag:
		return in(ctx, param.Both("Back up the machines with tag %v", "备份标签为 %v 的实例"), s.Tag)
	case OriginPlan:
		return in(ctx, param.Both("Back up the machines of a Terraform plan", "备份 Terraform 计划涉及的实例"))
	case OriginAgain:
		return in(ctx, param.Both("Back up the failed machines again", "重新备份失败的实例"))
	}
	if len(s.Rows) == 1 {
		return in(ctx, param.Both("Back up 1 machine", "备份 1 台实例"))
	}
	return in(ctx, param.Both("Back up %v machines", "备份 %v 台实例"), param.Count(len(s.Rows)))
}

// found returns how many targets the list has.
func (s TargetSet) found(ctx context.Context) string {
	if len(s.Rows) == 1 {
		return in(ctx, param.Both("1 machine found", "找到 1 台实例"))
	}
	return in(ctx, param.Both("%v machines found", "找到 %v 台实例"), param.Count(len(s.Rows)))
}

// keptTitle and keptText return the heading and the text about targets that were posted after the end of the session.
func (s TargetSet) keptTitle(ctx context.Context) string {
	return in(ctx, param.Both("Your targets are kept", "您的目标已保留"))
}

func (s TargetSet) keptText(ctx context.Context) string {
	switch {
	case s.Origin == OriginTag:
		return in(ctx, wordTag) + ": " + s.Tag
	case len(s.Rows) > 0:
		return s.found(ctx)
	}
	return in(ctx, param.Both("Continue shows what must be corrected.", "点击“继续”可查看需要更正之处。"))
}

// change returns the address of the page on which the targets are chosen, with the typed values.
func (s TargetSet) change() string {
	if s.Origin == OriginText || s.Origin == OriginTag {
		return "/batches/new?draft=" + s.ID
	}
	return "/batches/new"
}

// title returns the name of the machine, or its id if it has no name.
func (r TargetRow) title() string {
	if r.Name != "" {
		return r.Name
	}
	return r.Params["InstanceId"]
}

// about returns the line below the name: account, region and place.
func (r TargetRow) about(ctx context.Context) string {
	region := r.Params["Region"]
	if region != "" {
		region = in(ctx, param.RegionName(region))
	}
	return strings.Join(nonEmpty(r.Params["Account"], region, r.place(ctx)), " · ")
}

// place returns where the target was given, as a line of its own; may be empty.
func (r TargetRow) place(ctx context.Context) string {
	place := in(ctx, r.Place)
	if rest, ok := strings.CutPrefix(place, "line "); ok {
		return "Line " + rest
	}
	return place
}

// A CheckedTarget is a target on the check page.
type CheckedTarget struct {
	TargetRow
	N       int             // number of the target in its set, from 0
	Denied  []param.Mistake // reasons of the policy; nil if it allows the backup
	Unknown bool            // the machine is not in the list of its region
	Running *Row            // a backup that is in progress; nil if no backup is in progress
}

// reasons returns why the target is refused.
func (t CheckedTarget) reasons(ctx context.Context) []string {
	if t.Unknown {
		return []string{in(ctx, param.Both("There is no such machine in this region.", "该地域中没有此实例。"))}
	}
	var all []string
	for _, m := range t.Denied {
		if text := m.In(Language(ctx)); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// BatchCheckPage shows what a batch would do before it starts.
type BatchCheckPage struct {
	Shell
	Set      TargetSet
	Source   param.SourceType
	Common   param.Params    // parameters of all items, with defaults
	Values   Values          // values of the form, with the options of the batch
	Mistakes []param.Mistake // mistakes in the options
	Draft    string          // address of the draft
	Person   string          // see [FormPage]; may be empty
	Form     string          // address of the form with these values, with a query
	Allowed  []CheckedTarget
	Refused  []CheckedTarget
	Running  []CheckedTarget // they are not started a second time
	Median   time.Duration   // usual duration of earlier backups; 0: not known
	Old      bool            // the list was made long ago
	Limit    int             // allowed targets that are shown
}

// Skip returns the numbers of the targets that are not started.
func (p BatchCheckPage) Skip() map[int]bool {
	all := map[int]bool{}
	for _, t := range slices.Concat(p.Refused, p.Running) {
		all[t.N] = true
	}
	return all
}

// skipText returns the numbers of Skip as the value of a hidden input.
func (p BatchCheckPage) skipText() string {
	var all []string
	for _, t := range slices.Concat(p.Refused, p.Running) {
		all = append(all, strconv.Itoa(t.N))
	}
	return strings.Join(all, ",")
}

// summary returns the sentence about the request.
func (p BatchCheckPage) summary(ctx context.Context) string {
	parts := []string{in(ctx, p.Source.Name())}
	if p.Source == param.UDMECS {
		consistency := param.Both("crash-consistent", "崩溃一致性")
		if p.Common["Detail.appConsistent"] == "true" {
			consistency = param.Both("application-consistent", "应用一致性")
		}
		parts = append(parts, in(ctx, consistency))
	}
	if days := p.Common["Retention"]; days != "" {
		parts = append(parts, in(ctx, param.Both("kept %v days", "保留 %v 天"), days))
	}
	if to := p.Common["Detail.destinationRegionId"]; to != "" {
		parts = append(parts, in(ctx, param.Both("copied to %v", "复制到%v"), param.RegionName(to)))
	}
	line := strings.Join(parts, in(ctx, param.Both(", ", "，"))) + in(ctx, param.Both(". ", "。"))
	made := param.Both("The list was made at %v and stays as it is.", "名单于 %v 生成，之后不再变化。")
	return line + in(ctx, made, p.clock(p.Set.At))
}

// estimate returns how long the batch may take with the typed options; empty if that is not known.
func (p BatchCheckPage) estimate(ctx context.Context) string {
	if p.Median == 0 || len(p.Allowed) == 0 {
		return in(ctx, param.Both("How long it takes is not known yet.", "尚无法预计所需时间。"))
	}
	rounds := 1
	if n, err := strconv.Atoi(p.Values["Concurrency"]); err == nil && n > 0 {
		rounds = (len(p.Allowed) + n - 1) / n
	}
	about := approximately(ctx, p.Median*time.Duration(rounds))
	if Language(ctx) != param.Chinese {
		about = strings.ToUpper(about[:1]) + about[1:]
	}
	return about + in(ctx, param.Both(".", "。"))
}

// startNote returns the sentences above the button that starts the batch.
func (p BatchCheckPage) startNote(ctx context.Context) string {
	return p.estimate(ctx) + in(ctx, param.Both(" ", "")) + in(ctx, wordNothingYet)
}

// OptionLabel returns the name of an option of a batch.
func OptionLabel(name string) param.Text {
	switch name {
	case "Concurrency":
		return param.Both("At a time", "同时进行")
	case "MaxErrors":
		return param.Both("Stop after", "失败达到时停止")
	case "FirstBatch":
		return param.Both("First", "首批")
	case "AfterFirst":
		return param.Both("After the first ones", "首批完成后")
	case "Rate":
		return param.Both("Start at most", "启动速率上限")
	}
	return param.Both(name, name)
}

// A batchOption is the text box of an option.
type batchOption struct {
	name       string
	hint, unit param.Text
	number     bool
}

// batchOptions are the text boxes of the options.
var batchOptions = []batchOption{
	{"Concurrency", param.Both("Others wait", "其余排队等待"), param.Both("backups", "个备份"), true},
	{"MaxErrors", param.Both("More pause it; such as 3 or 10%", "超过则暂停，例如 3 或 10%"), param.Both("failures", "次失败"), false},
	{"FirstBatch", param.Both("Only these to begin with", "先只备份这些实例"), param.Both("machines", "台"), true},
}

// afterFirst are the values of the option AfterFirst.
var afterFirst = []param.Choice{
	{Value: string(batch.AfterPause), Label: param.Both("Wait for me", "等待我确认")},
	{Value: string(batch.AfterContinue), Label: param.Both("Go on if all of them succeeded", "全部成功则自动继续")},
}

// control returns the text box of an option.
func (p BatchCheckPage) control(ctx context.Context, o batchOption) control {
	c := control{
		name: o.name, id: ControlID(o.name), label: in(ctx, OptionLabel(o.name)), hint: in(ctx, o.hint), unit: in(ctx, o.unit),
		value: p.Values[o.name], width: "w-s", kind: numberBox,
	}
	for _, m := range p.Mistakes {
		if m.Field == o.name {
			c.errors = append(c.errors, m.In(Language(ctx)))
		}
	}
	return c
}

// optionTarget returns the id of the control to which the error summary links.
func optionTarget(m param.Mistake) string {
	if m.Field == "AfterFirst" {
		return ControlID(m.Field) + "-0"
	}
	return ControlID(m.Field)
}

// A BatchItem is an item of a batch with its submission.
type BatchItem struct {
	batch.Item
	Row *Row // nil if it is not known
}

// Name returns the name of the machine; empty if it is not known.
func (i BatchItem) Name() string {
	if i.Row == nil {
		return ""
	}
	if name, id := i.Row.Record.Subject(); id != "" {
		return name
	}
	return ""
}

// title returns the name of the machine, or its id if it has no name.
func (i BatchItem) title() string {
	if name := i.Name(); name != "" {
		return name
	}
	return i.Params["InstanceId"] + i.Params["ContainerClusterId"]
}

// reason returns why the item has no complete backup; empty if that is not known.
func (i BatchItem) reason(ctx context.Context) string {
	var all []string
	if i.Row != nil {
		all = nonEmpty(in(ctx, i.Row.Reason))
	}
	for _, text := range i.Reasons {
		if i.Row == nil || i.Row.Reason == (param.Text{}) {
			all = append(all, in(ctx, text))
		}
	}
	text := param.Clean(strings.Join(all, " "), maxReason)
	if i.Attempts > 1 {
		text = strings.TrimSpace(text + " " + in(ctx, param.Both("It was tried %v times.", "已尝试 %v 次。"), i.Attempts))
	}
	return text
}

// tagWord returns the words and the CSS classes of the tag of an item. A running item has its progress.
func (i BatchItem) tagWord(ctx context.Context) (word, class string) {
	if i.State == batch.ItemRunning && i.Row != nil {
		if n, ok := i.Row.percent(); ok {
			return fmt.Sprintf("%d%%", n), "tag accent dot"
		}
	}
	text, class := itemState(i.State)
	return in(ctx, text), class
}

// itemState returns the words and the CSS classes of a state of an item.
func itemState(state batch.ItemState) (word param.Text, class string) {
	switch state {
	case batch.ItemWaiting:
		return param.Both("Waiting", "等待中"), "tag muted dash"
	case batch.ItemStarting:
		return param.Both("Starting", "启动中"), "tag accent dot"
	case batch.ItemUnknown:
		return param.Both("Being checked", "核实中"), "tag warn ring"
	case batch.ItemRunning:
		return param.Both("Running", "进行中"), "tag accent dot"
	case batch.ItemSucceeded:
		return param.Both("Complete", "已完成"), "tag good dot"
	case batch.ItemPartial:
		return param.Both("Partly complete", "部分完成"), "tag warn half"
	case batch.ItemFailed:
		return param.Both("Failed", "失败"), "tag bad diamond"
	case batch.ItemCancelled:
		return param.Both("Cancelled", "已取消"), "tag warn dash"
	case batch.ItemRefused:
		return param.Both("Refused", "不会备份"), "tag bad diamond"
	case batch.ItemSkipped:
		return param.Both("Not started", "未开始"), "tag muted dash"
	}
	return param.Both(string(state), string(state)), "tag muted dot"
}

// BatchPage shows one batch. It has either Failed and Busy, or All.
type BatchPage struct {
	Shell
	Batch  batch.Batch
	Failed []BatchItem   // some of the items that failedCount counts
	Busy   []BatchItem   // some of the items with a backup in progress
	All    []BatchItem   // one page of all items
	Next   string        // address of the next page of all items; empty: this is the last page
	Auto   bool          // reload every ten seconds without the script
	Every  time.Duration // time until the script asks again; 0 means never
}

// BatchesPage lists batches, newest first.
type BatchesPage struct {
	Shell
	Batches []batch.Batch
}

// address returns the path of the page of a batch.
func batchAddress(b batch.Batch) string { return "/batches/" + b.ID }

// batchTitle returns the heading of a batch.
func batchTitle(ctx context.Context, b batch.Batch) string {
	if b.Total == 1 {
		return in(ctx, param.Both("1 machine", "1 台实例"))
	}
	return in(ctx, param.Both("%v machines", "%v 台实例"), param.Count(b.Total))
}

// aboutBatch returns the line above the heading of a batch.
func aboutBatch(ctx context.Context, b batch.Batch) string {
	parts := []string{
		in(ctx, param.Both("Batch", "批量备份")), in(ctx, b.Common.SourceType().Name()),
		in(ctx, param.Both("by %v", "%v 发起"), b.Principal.Name),
	}
	return strings.Join(append(parts, nonEmpty(b.Common["Reason"], b.Common["Ticket"])...), " · ")
}

// batchState returns the words and the CSS classes of the tag of a batch.
func batchState(ctx context.Context, b batch.Batch) (word, class string) {
	failed := b.Counts.Failed() + b.Counts[batch.ItemPartial]
	switch {
	case b.State == batch.StatePaused:
		return in(ctx, param.Both("Paused", "已暂停")), "tag warn dash"
	case b.State == batch.StateCancelled && b.Counts.Open() > 0:
		return in(ctx, param.Both("Being cancelled", "取消中")), "tag warn dash"
	case b.State == batch.StateCancelled:
		return in(ctx, param.Both("Cancelled", "已取消")), "tag warn dash"
	case b.State == batch.StateRunning:
		return in(ctx, param.Both("Running", "进行中")), "tag accent dot"
	case failed == 0:
		return in(ctx, param.Both("Complete", "已完成")), "tag good dot"
	case b.Counts[batch.ItemSucceeded] == 0:
		return in(ctx, param.Both("Failed", "失败")), "tag bad diamond"
	}
	return in(ctx, param.Both("Ended with failures", "已结束，有失败")), "tag warn half"
}

// done returns how many items have ended, of how many.
func (p BatchPage) done(ctx context.Context) string {
	return in(ctx, param.Both("%v of %v", "%v / %v"), param.Count(p.Batch.Counts.Done()), param.Count(p.Batch.Total))
}

// A count is one box of the numbers of a batch.
type count struct {
	n     int
	label param.Text
	class string
}

// counts returns the numbers of the items, failures first.
func (p BatchPage) counts() []count {
	c := p.Batch.Counts
	all := []count{
		{c.Failed(), param.Both("failed", "失败"), "bad"},
		{c[batch.ItemPartial], param.Both("partly complete", "部分完成"), "warn"},
		{c.Busy(), param.Both("running", "进行中"), "accent"},
		{c[batch.ItemWaiting], param.Both("waiting", "等待中"), "muted"},
		{c[batch.ItemSkipped], param.Both("not started", "未开始"), "muted"},
		{c[batch.ItemSucceeded], param.Both("complete", "已完成"), "good"},
	}
	return slices.DeleteFunc(all, func(one count) bool {
		return one.n == 0 && (one.class == "warn" || one.label.En == "not started")
	})
}

// left returns how long the rest of the batch takes at its speed so far, and the speed in items per minute; false if
// that is not known.
func (p BatchPage) left() (left time.Duration, perMinute float64, ok bool) {
	b := p.Batch
	ended := b.Counts[batch.ItemSucceeded] + b.Counts[batch.ItemPartial] // failures take less time
	elapsed := p.Now.Sub(b.CreatedAt)
	if b.State != batch.StateRunning || ended <= 0 || elapsed <= 0 {
		return 0, 0, false
	}
	perItem := elapsed / time.Duration(ended)
	return perItem * time.Duration(b.Counts.Open()), float64(ended) / elapsed.Minutes(), true
}

// pace returns the line about time and speed.
func (p BatchPage) pace(ctx context.Context) string {
	var parts []string
	if left, perMinute, ok := p.left(); ok {
		parts = append(parts,
			in(ctx, param.Both("%v left, until %v", "%v后完成，预计 %v"), strings.TrimSpace(approximately(ctx, left)), p.clock(p.Now.Add(left))),
			in(ctx, param.Both("%v a minute", "每分钟 %v 个"), rounded(perMinute)))
	} else if b := p.Batch; b.State == batch.StateRunning && b.Counts.Open() > 0 {
		parts = append(parts, in(ctx, param.Both("The time left is not known yet", "尚无法预计剩余时间")))
	}
	if n := p.Batch.Options.Concurrency; n > 0 && p.Batch.Counts.Open() > 0 {
		parts = append(parts, in(ctx, param.Both("%v at a time", "同时 %v 个"), n))
	}
	if most := p.Batch.Options.MaxErrors; most != "" && p.Batch.Counts.Open() > 0 {
		parts = append(parts, in(ctx, param.Both("pauses when more than %v fail", "失败超过 %v 时暂停"), most))
	}
	text := strings.Join(parts, " · ")
	if Language(ctx) != param.Chinese && text != "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return text
}

// rounded returns a rate with at most one decimal.
func rounded(n float64) string {
	if n >= 10 {
		return param.Count(int64(math.Round(n))).String()
	}
	return strings.TrimSuffix(strconv.FormatFloat(max(n, .1), 'f', 1, 64), ".0")
}

// why returns the sentence about a pause or a cancellation; empty if the batch is neither paused nor cancelled.
func (p BatchPage) why(ctx context.Context) string {
	b := p.Batch
	switch {
	case b.State == batch.StateCancelled && b.ChangedBy != "":
		return in(ctx, param.Both("Cancelled by %v. Items that had not started are left out; backups that had started go on.",
			"由 %v 取消。未开始的不再备份，已开始的备份会继续。"), b.ChangedBy)
	case b.State == batch.StateCancelled:
		return in(ctx, param.Both("Cancelled. Items that had not started are left out; backups that had started go on.",
			"已取消。未开始的不再备份，已开始的备份会继续。"))
	case b.State != batch.StatePaused:
		return ""
	case b.Pause == batch.PauseFirst:
		return in(ctx, param.Both("The first ones have ended. Look at them, then resume or cancel.", "首批已结束。请查看结果，然后继续或取消。"))
	case b.Pause == batch.PauseErrors:
		return in(ctx, param.Both("Too many backups failed, so no more are started. Look at the failures, then resume or cancel.",
			"失败过多，已停止启动新的备份。请查看失败原因，然后继续或取消。"))
	case b.ChangedBy != "":
		return in(ctx, param.Both("Paused by %v. Backups that had started go on.", "由 %v 暂停。已开始的备份会继续。"), b.ChangedBy)
	}
	return in(ctx, param.Both("Paused. Backups that had started go on.", "已暂停。已开始的备份会继续。"))
}

// step returns a text that changes when the script must announce a change.
func (p BatchPage) step() string {
	return strings.Join([]string{string(p.Batch.State), string(p.Batch.Pause), strconv.FormatBool(p.Batch.IsTerminal())}, " ")
}

// announcement returns the sentence that the script announces.
func (p BatchPage) announcement(ctx context.Context) string {
	word, _ := batchState(ctx, p.Batch)
	return strings.Join(nonEmpty(word+in(ctx, param.Both(": ", "："))+p.done(ctx), p.why(ctx)), " ")
}

// pollMillis returns after how many milliseconds the script asks again; 0 means never.
func (p BatchPage) pollMillis() string { return strconv.FormatInt(p.Every.Milliseconds(), 10) }

// mayTryAgain reports whether some items have no complete backup and the batch can no longer start them.
func (p BatchPage) mayTryAgain() bool {
	c := p.Batch.Counts
	return c.Failed()+c[batch.ItemPartial]+c[batch.ItemSkipped] > 0
}

// failedCount returns the number of items that were started or refused and ended without a complete backup. Skipped
// items do not count.
func (p BatchPage) failedCount() int {
	return p.Batch.Counts.Failed() + p.Batch.Counts[batch.ItemPartial]
}

// PlanProblem returns why a Terraform plan cannot be used, in the reader's language, with line and column if they are
// known.
func PlanProblem(ctx context.Context, e *terraform.SyntaxError) string {
	var args []any
	if e.Kind == terraform.BadVersion || e.Kind == terraform.NoID {
		args = []any{e.Detail}
	}
	text := in(ctx, planProblem(e.Kind), args...)
	if e.Line == 0 {
		return text
	}
	return in(ctx, param.Both("Line %d, column %d: ", "第 %d 行第 %d 列："), e.Line, e.Column) + text
}

// planProblem returns the sentence for a kind of plans that cannot be used.
func planProblem(kind terraform.Kind) param.Text {
	switch kind {
	case terraform.Empty:
		return param.Both("The file is empty: run terraform show -json again", "文件为空：请重新运行 terraform show -json")
	case terraform.TooLong:
		return param.Both("The plan is longer than 4 MB: plan with -target, or enter a list of IDs", "计划超过 4 MB：请使用 -target，或改为输入 ID 列表")
	case terraform.Binary:
		return param.Both("This is the plan file itself: run terraform show -json on it, and choose the result", "这是计划文件本身：请对其运行 terraform show -json，并选择输出的文件")
	case terraform.Printed:
		return param.Both("This is what terraform plan prints: run terraform plan -out=FILE, then terraform show -json FILE", "这是 terraform plan 的屏幕输出：请运行 terraform plan -out=FILE，再运行 terraform show -json FILE")
	case terraform.Stream:
		return param.Both("This is what terraform plan -json prints: run terraform plan -out=FILE, then terraform show -json FILE", "这是 terraform plan -json 的输出：请运行 terraform plan -out=FILE，再运行 terraform show -json FILE")
	case terraform.State:
		return param.Both("This is a state, not a plan: run terraform plan -out=FILE, then terraform show -json FILE", "这是状态而不是计划：请运行 terraform plan -out=FILE，再运行 terraform show -json FILE")
	case terraform.BadJSON:
		return param.Both("This is not valid JSON: make the file again", "不是有效的 JSON：请重新生成文件")
	case terraform.NoPlan:
		return param.Both("This is not a Terraform plan: run terraform show -json on the plan file", "不是 Terraform 计划：请对计划文件运行 terraform show -json")
	case terraform.BadVersion:
		return param.Both("Version %v of the plan format is not supported: use a version of Terraform that writes 1.x", "不支持计划格式版本 %v：请使用输出 1.x 格式的 Terraform 版本")
	case terraform.Errored:
		return param.Both("The plan ended with an error, so it is not complete: correct the error and plan again", "计划因错误中止，不完整：请修正错误后重新生成计划")
	case terraform.NoID:
		return param.Both("The plan does not say the instance ID of %v: refresh the state and plan again", "计划中没有 %v 的实例 ID：请刷新状态后重新生成计划")
	}
	// terraform.NoInstance
	return param.Both("The plan changes and destroys no instance", "此计划不会更改或销毁任何实例")
}

// shownInForm is how many targets the folded lists of a form and a check page have.
const shownInForm = 100

// theMachines returns the heading of the folded list of targets.
func (p BatchCheckPage) theMachines(ctx context.Context) string {
	if len(p.Allowed) == 1 {
		return in(ctx, wordTheMachine)
	}
	return in(ctx, wordTheMachines, param.Count(len(p.Allowed)))
}

// shown returns the targets in the folded list.
func (p BatchCheckPage) shown() (rows []TargetRow) {
	for _, t := range p.Allowed[:min(p.Limit, len(p.Allowed))] {
		rows = append(rows, t.TargetRow)
	}
	return rows
}

// startText returns the text of the button that starts the batch.
func (p BatchCheckPage) startText(ctx context.Context) string {
	if len(p.Allowed) == 1 {
		return in(ctx, wordStartOne)
	}
	return in(ctx, wordStartMany, param.Count(len(p.Allowed)))
}

// counts returns the numbers of the targets.
func (p BatchCheckPage) counts() []count {
	return []count{
		{len(p.Allowed), wordWillRun, "good"},
		{len(p.Refused), wordIsRefused, "bad"},
		{len(p.Running), wordIsRunning, "accent"},
	}
}

// enter returns what the Enter key does: it starts the batch, if it can start.
func (p BatchCheckPage) enter(ctx context.Context) enter {
	if len(p.Allowed) == 0 {
		return enter{}
	}
	return enter{label: p.startText(ctx), action: p.Draft + "/start"}
}

// wrongControl returns the id of the control that the problems are about; empty without problems.
func (p NewBatchPage) wrongControl() string {
	if len(p.Problems) == 0 {
		return ""
	}
	switch p.Origin {
	case OriginTag:
		return "f-Tag"
	case OriginPlan:
		return "plan-file"
	}
	return "f-Targets"
}

// tagControls returns the controls of the form for a tag.
func (p NewBatchPage) tagControls(ctx context.Context) []control {
	tag := control{
		name: "Tag", id: "f-Tag", kind: textBox, label: in(ctx, wordTag), hint: in(ctx, wordByTagHint), value: p.Tag, width: "w-l",
	}
	if p.wrongControl() == "f-Tag" {
		tag.errors = p.Problems
	}
	all := []control{tag}
	start := StartPage{Accounts: p.Accounts, Filters: map[string]string{"Account": p.Account, "Region": p.Region}}
	for _, name := range []string{"Account", "Region"} {
		c := start.filter(ctx, name)
		c.width = "w-l"
		if len(c.options) > 2 || c.value != "" {
			all = append(all, c)
		}
	}
	return all
}

// batchKinds returns the kinds of backup that the form offers for its targets: each kind that some rule permits.
func (f form) batchKinds() []param.SourceType {
	return slices.DeleteFunc([]param.SourceType{param.UDMECS, param.ECSFile}, func(s param.SourceType) bool {
		return s != f.Source && !f.Kinds[s]
	})
}

// asks reports whether the form asks the question called name. It does not ask for what the card of the machine or of
// the targets shows.
func (f form) asks(name string) bool {
	switch {
	case f.Targets == nil:
		return f.Machine == nil || !isMachineField(name)
	case name == "Account", name == "Region":
		return !f.Targets.HasAll(name)
	}
	return !isMachineField(name) && name != "choice.Detail.diskIdList"
}

// hasQuestions reports whether the form asks a question of the section, or shows its card of the machine.
func (f form) hasQuestions(s section) bool {
	return slices.ContainsFunc(s.entries, func(e entry) bool { return f.asks(e.name) })
}

// style returns the address of the second style sheet of the form; empty if it needs none.
func (p FormPage) style() string {
	if p.Targets == nil {
		return ""
	}
	return p.BatchCSS
}
