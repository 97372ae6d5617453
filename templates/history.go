package templates

import (
	"context"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// seesOthers reports whether some rows are those of another person.
func (s Shell) seesOthers(rows []Row) bool {
	return slices.ContainsFunc(rows, func(r Row) bool { return r.Rejection != nil || r.Record.Principal.Name != s.User })
}

// heading returns the title, which depends on whether rows of others are visible.
func (p HistoryPage) heading(ctx context.Context) string {
	if p.seesOthers(p.Rows) {
		return in(ctx, wordVisible)
	}
	return in(ctx, wordMine)
}

// isFiltered reports whether a filter is used.
func (p HistoryPage) isFiltered() bool { return len(p.Filters) > 0 }

// emptyTitle returns the title of a page without rows.
func (p HistoryPage) emptyTitle() param.Text {
	if len(p.Filters) == 1 && p.Filters["Status"] != "" {
		return wordNoState
	}
	return wordNoMatch
}

// moreFilters are the names of the collapsed filters.
var moreFilters = []string{"Account", "SourceType", "InstanceId", "From", "To"}

// usesMoreFilters reports whether a collapsed filter is used.
func (p HistoryPage) usesMoreFilters() bool {
	return slices.ContainsFunc(moreFilters, func(name string) bool { return p.Filters[name] != "" })
}

// filterID returns the id of the control that a mistake is about.
func filterID(m param.Mistake) string { return ControlID(m.Field) }

// states are the options of the filter by state. The states of one option have one name for people.
var states = [][]backup.State{
	{backup.StateSending, backup.StateCreated, backup.StateQueued, backup.StateRunning, backup.StateCanceling},
	{backup.StateUnknown}, {backup.StateComplete}, {backup.StatePartialComplete},
	{backup.StateFailed, backup.StateExpired, backup.StateUnavailable},
	{backup.StateCanceled}, {backup.StateRefused}, {backup.StateDenied}, {backup.StateNotSent}, {backup.StateRejected},
}

// filter returns the control of a filter.
func (p HistoryPage) filter(ctx context.Context, name string) control {
	c := control{
		name:   name,
		id:     ControlID(name),
		kind:   selectBox,
		value:  p.Filters[name],
		width:  "w-full",
		always: true,
	}
	for _, m := range p.Mistakes {
		if m.Field == name {
			c.errors = append(c.errors, m.In(Language(ctx)))
		}
	}
	all := option{label: in(ctx, param.Both("All", "全部"))}
	switch name {
	case "Status":
		c.label, c.options = in(ctx, wordStatus), append([]option{all}, statusOptions(ctx)...)
	case "Whose":
		c.label = in(ctx, param.Both("Whose", "范围"))
		c.options = []option{all, {value: "mine", label: in(ctx, param.Both("Mine", "我的"))}}
	case "Account":
		c.label, c.options = in(ctx, labelOf(name)), []option{all}
		for _, a := range p.Accounts {
			c.options = append(c.options, option{value: a.Alias, label: in(ctx, a.Label())})
		}
	case "SourceType":
		c.label, c.options = in(ctx, labelOf(name)), []option{all}
		for _, source := range param.SourceTypes {
			c.options = append(c.options, option{value: string(source), label: in(ctx, source.Name())})
		}
	case "InstanceId":
		c.kind, c.mono, c.label = textBox, true, in(ctx, param.Both("Instance or cluster ID", "实例或集群 ID"))
	case "From":
		c.kind, c.label = dayBox(c.value), in(ctx, param.Both("From", "开始日期"))
	case "To":
		c.kind, c.label = dayBox(c.value), in(ctx, param.Both("To", "结束日期"))
	}
	c.choose()
	return c
}

// dayBox returns the kind of a control for a day. A date box would show nothing for another value,
// such as a time in a link, so such a value gets a text box.
func dayBox(value string) controlKind {
	if _, err := time.Parse(time.DateOnly, value); err != nil && value != "" {
		return textBox
	}
	return dateBox
}

// choose selects the option with the control's value. A value from a link that has no option
// becomes an option.
func (c *control) choose() {
	if c.kind != selectBox {
		return
	}
	at := slices.IndexFunc(c.options, func(o option) bool { return o.value == c.value })
	if at < 0 {
		at = len(c.options)
		c.options = append(c.options, option{value: c.value, label: c.value})
	}
	c.options[at].on = true
}

// statusOptions returns the options of the filter by state.
func statusOptions(ctx context.Context) []option {
	var options []option
	for i, same := range states {
		words := make([]string, len(same))
		for j, state := range same {
			words[j] = string(state)
		}
		o := option{value: strings.Join(words, ","), label: in(ctx, same[0].Name())}
		if i == 0 {
			o.label = in(ctx, param.Both("In progress", "进行中"))
		}
		options = append(options, o)
	}
	return options
}

// rejectedName returns the name of a row about rejected messages: their number and their door.
func (r Row) rejectedName(ctx context.Context) string {
	l := Language(ctx)
	if r.Rejection.Count == 1 {
		return wordOneRejected.Fill(l, r.Rejection.Door.Name())
	}
	return wordRejected.Fill(l, r.Rejection.Count, r.Rejection.Door.Name())
}

// copiedBytes returns how much the job has copied, or a dash if that is unknown.
func (r Row) copiedBytes() string {
	if job := r.Record.Job; job.BytesDone > 0 || job.BytesTotal > 0 {
		return size(job.BytesDone)
	}
	return "–"
}
