package templates

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"backupportal/function/cost"
	"backupportal/function/param"
	"backupportal/function/precheck"
)

// findingTags are the words and the CSS classes of the tags of findings, by their kind.
var findingTags = map[precheck.Kind]struct {
	class string
	word  param.Text
}{
	precheck.Change:     {"bad diamond", param.Both("To change", "需修改")},
	precheck.Wait:       {"bad dash", param.Both("To wait for", "需等待")},
	precheck.Warning:    {"warn half", param.Both("Warning", "提醒")},
	precheck.NotChecked: {"muted ring", param.Both("Not checked", "未能检查")},
	precheck.OK:         {"good tick", param.Both("In order", "正常")},
}

// enter returns what the Enter key does on the check page: it starts the backup, or checks
// again if the backup cannot start. It returns zero for a draft, whose page has no input in
// which a person could press Enter.
func (p CheckPage) enter(ctx context.Context) enter {
	switch {
	case !p.hasInputs():
		return enter{}
	case p.Checks.Blocked():
		return enter{label: in(ctx, wordRecheck), op: "check", action: p.again()}
	}
	return enter{label: in(ctx, wordStart), action: p.start()}
}

// start returns the address that starts the backup.
func (p CheckPage) start() string {
	if p.Draft != "" {
		return p.Draft + "/start"
	}
	return "/backups"
}

// action returns the address of the page's form, for all buttons except the one that starts the
// backup.
func (p CheckPage) action() templ.SafeURL {
	if p.Draft != "" {
		return templ.SafeURL(p.start())
	}
	return "/drafts"
}

// firstSection returns the id of the form's first section.
func (p CheckPage) firstSection() string { return layout[p.Call.Params.SourceType()][0].id }

// sectionOf returns the id of the section of the form that contains a field.
func sectionOf(source param.SourceType, name string) string {
	for _, s := range layout[source] {
		for _, e := range s.entries {
			if e.name == name || e.name == "choice."+name || e.holds(name) {
				return s.id
			}
		}
	}
	return layout[source][0].id
}

// obstacles says why the backup cannot start: how many values must be changed, and until when a
// limit is reached.
func (p CheckPage) obstacles(ctx context.Context) string {
	var all []string
	switch n := p.Checks.Count(precheck.Change); n {
	case 0:
	case 1:
		all = append(all, in(ctx, param.Both("One thing must change.", "有一处需要修改。")))
	default:
		all = append(all, in(ctx, param.Both("%d things must change.", "有 %d 处需要修改。"), n))
	}
	for _, f := range p.Checks.Findings {
		if f.Kind == precheck.Wait && !f.Until.IsZero() {
			all = append(all, in(ctx, wordAgainAt, p.clock(f.Until)))
		}
	}
	return strings.Join(append(all, in(ctx, wordNothingYet)), in(ctx, wordBetween))
}

// doubts returns the numbers of warnings and of failed checks in words, such as "1 warning, 2
// not checked". It is empty if both are 0.
func (p CheckPage) doubts(ctx context.Context) string {
	var all []string
	count := func(n int, one, more param.Text) {
		if n == 1 {
			all = append(all, in(ctx, one))
		} else if n > 1 {
			all = append(all, in(ctx, more, n))
		}
	}
	count(p.Checks.Count(precheck.Warning), param.Both("1 warning", "1 条提醒"), param.Both("%d warnings", "%d 条提醒"))
	count(p.Checks.Count(precheck.NotChecked), param.Both("1 not checked", "1 项未能检查"), param.Both("%d not checked", "%d 项未能检查"))
	return strings.Join(all, in(ctx, param.Both(", ", "，")))
}

// mayCheckAgain reports whether the page offers to check again: at least one finding is not
// "ok".
func (p CheckPage) mayCheckAgain() bool {
	return p.Checks.Count(precheck.OK) < len(p.Checks.Findings)
}

// checkedWhen returns the heading of the findings, which says how old they are.
func (p CheckPage) checkedWhen(ctx context.Context) string {
	if age := p.Now.Sub(p.Checks.At); age >= 5*time.Second {
		return in(ctx, wordCheckedAgo, param.Duration(age))
	}
	return in(ctx, wordCheckedNow)
}

// knownSaid returns what a screen reader says about the findings beside a form: how many there are of each urgent kind. It
// is empty without findings.
func (p CheckPage) knownSaid(ctx context.Context) string {
	switch n := p.Checks.Count(precheck.Change) + p.Checks.Count(precheck.Wait); {
	case len(p.Checks.Findings) == 0:
		return ""
	case n > 0:
		return in(ctx, param.Both("Checked: the backup cannot start like this", "已检查：目前无法开始备份"))
	}
	if doubts := p.doubts(ctx); doubts != "" {
		return in(ctx, param.Both("Checked: %v", "已检查：%v"), doubts)
	}
	return in(ctx, param.Both("Checked: nothing is wrong", "已检查：未发现问题"))
}

// clock returns t in hours and minutes with the offset of the time zone, and the date if t is
// not today.
func (s Shell) clock(t time.Time) string {
	local, today := s.local(t), s.local(s.Now)
	if local.Format(time.DateOnly) == today.Format(time.DateOnly) {
		return local.Format("15:04 ") + param.UTCOffset(local)
	}
	return local.Format("2006-01-02 15:04 ") + param.UTCOffset(local)
}

// findingText returns the sentences of a finding.
func (p CheckPage) findingText(ctx context.Context, f precheck.Finding) string {
	all := nonEmpty(in(ctx, f.Text))
	if f.Kind == precheck.Wait && !f.Until.IsZero() {
		all = append(all, in(ctx, wordAgainAt, p.clock(f.Until)))
	}
	return strings.Join(all, in(ctx, wordBetween))
}

// wordBetween is the text between two sentences: a blank in English, nothing in Chinese.
var wordBetween = param.Both(" ", "")

// summary returns the whole request in one sentence.
func (p CheckPage) summary(ctx context.Context) string {
	params, m := p.Call.Params, p.Checks.Machine
	name := params["InstanceId"]
	if params.SourceType() == param.Container {
		name = params["ContainerClusterId"]
	}
	if m.Name != "" {
		name = m.Name
	}
	comma, end := in(ctx, param.Both(", ", "，")), in(ctx, param.Both(".", "。"))
	parts := []string{name}
	switch params.SourceType() {
	case param.UDMECS:
		parts = append(parts, p.diskWords(ctx), in(ctx, consistencyWords[p.chosen("choice.Detail.appConsistent")]))
	case param.ECSFile:
		switch n := len(params.Strings("Include")); n {
		case 0:
			parts = append(parts, in(ctx, param.Both("paths that Cloud Backup selects", "由云备份决定的路径")))
		case 1:
			parts = append(parts, params.Strings("Include")[0])
		default:
			parts = append(parts, in(ctx, param.Both("%d paths", "%d 个路径"), n))
		}
	case param.Container:
		if n := len(params.Volumes()); n == 1 {
			parts = append(parts, in(ctx, param.Both("1 volume", "1 个存储卷")))
		} else {
			parts = append(parts, in(ctx, param.Both("%d volumes", "%d 个存储卷"), n))
		}
	}
	kept := func(field string) string {
		f, _ := param.FieldNamed(field)
		text := p.keptUntil(ctx, f, params[field])
		if text == "" {
			return params[field]
		}
		if Language(ctx) == param.English {
			text = strings.ToLower(text[:1]) + text[1:]
		}
		return text
	}
	text := strings.Join(append(nonEmpty(parts...), kept("Retention")), comma)
	if params["Detail.doCopy"] == "true" {
		text += in(ctx, param.Both("; copy in %v%v%v", "；在%v保留副本%v%v"), param.RegionName(params["Detail.destinationRegionId"]), comma, kept("Detail.destinationRetention"))
	}
	return text + end
}

// consistencyWords are the values of the choice of the consistency, as words inside a sentence.
var consistencyWords = map[string]param.Text{
	"crash":   param.Both("crash-consistent", "崩溃一致性"),
	"scripts": param.Both("application-consistent with scripts", "应用一致性（脚本）"),
	"writers": param.Both("application-consistent with VSS", "应用一致性（VSS）"),
}

// diskWords returns the number of disks that are backed up, in words, such as "both disks".
func (p CheckPage) diskWords(ctx context.Context) string {
	n, m := len(p.Call.Params.Strings("Detail.diskIdList")), p.Checks.Machine
	switch {
	case n == 0 && m.Parts == 1:
		return in(ctx, param.Both("its only disk", "唯一一块云盘"))
	case n == 0 && m.Parts == 2:
		return in(ctx, param.Both("both disks", "两块云盘"))
	case n == 0 && m.Parts > 2:
		return in(ctx, param.Both("all %d disks", "全部 %d 块云盘"), m.Parts)
	case n == 0:
		return in(ctx, param.Both("all disks", "全部云盘"))
	case n == 1:
		return in(ctx, param.Both("1 disk", "1 块云盘"))
	}
	return in(ctx, param.Both("%d disks", "%d 块云盘"), n)
}

// sizeAndTime returns the size and the days of a billable item: "140 GiB × 90 days".
func sizeAndTime(ctx context.Context, l cost.Line) string {
	days := in(ctx, param.Both("%v days", "%v 天"), param.Count(l.Days))
	if l.Days == 0 {
		days = in(ctx, param.Both("once", "一次性"))
	} else if l.Days == 1 {
		days = in(ctx, param.Both("1 day", "1 天"))
	}
	switch {
	case l.GiB > 0 && l.Days == 0:
		return param.Count(l.GiB).String() + " GiB" + in(ctx, param.Both(", ", "，")) + days
	case l.GiB > 0:
		return param.Count(l.GiB).String() + " GiB × " + days
	case l.Sized:
		return in(ctx, param.Both("size not known beforehand, %v", "容量事先未知，%v"), days)
	}
	return in(ctx, param.Both("1 instance × %v", "1 台实例 × %v"), days)
}

// money returns an amount in the currency of the price table, with two decimals. p.Cost.Prices
// must not be nil.
func (p CheckPage) money(amount float64) string {
	text := strconv.FormatFloat(amount, 'f', 2, 64)
	if p.Cost.Prices.Currency == "CNY" {
		return "¥" + text
	}
	return fmt.Sprintf("%s %s", p.Cost.Prices.Currency, text)
}

// costNote returns the text below the table: that the sizes are upper limits, or from which
// prices the amounts are.
func (p CheckPage) costNote(ctx context.Context) string {
	prices := p.Cost.Prices
	if prices == nil {
		return in(ctx, wordCostNote)
	}
	day := prices.Date.Format("2 January 2006")
	if Language(ctx) == param.Chinese {
		day = prices.Date.Format("2006年1月2日")
	}
	text := in(ctx, wordPriceNote, day)
	if prices.Reason != (param.Text{}) {
		text += in(ctx, wordBetween) + in(ctx, prices.Reason) + in(ctx, param.Both(".", "。"))
	}
	if prices.Owner != (param.Text{}) {
		text += in(ctx, wordBetween) + in(ctx, wordPriceOwner, prices.Owner)
	}
	return text
}
