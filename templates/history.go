package templates

import (
	"context"
	"maps"
	"net/url"
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
	switch {
	case p.Filters["Whose"] == "mine":
		return in(ctx, wordMine)
	case p.Filters["Status"] == refusedRequests:
		return in(ctx, wordRefusedRequests)
	case p.Filters["InstanceId"] != "" && len(p.Rows) > 0:
		return in(ctx, wordBackupsOf, p.Rows[0].Record.Title())
	case p.Filters["Account"] != "":
		return in(ctx, wordBackupsIn, p.accountName(ctx))
	case p.seesOthers(p.Rows):
		return in(ctx, wordVisible)
	}
	return in(ctx, wordMine)
}

// accountName returns the label of the account in the filter. If no account has that alias, it
// returns the alias.
func (p HistoryPage) accountName(ctx context.Context) string {
	for _, a := range p.Accounts {
		if a.Alias == p.Filters["Account"] {
			return in(ctx, a.Label())
		}
	}
	return p.Filters["Account"]
}

// Values of the filter Status for the quick links.
var (
	failedBackups   = joinStates(backup.StateFailed, backup.StateExpired, backup.StateUnavailable)
	refusedRequests = joinStates(backup.StateDenied, backup.StateRejected)
)

// joinStates returns a value of the filter Status that stands for several states.
func joinStates(states ...backup.State) string {
	words := make([]string, len(states))
	for i, state := range states {
		words[i] = string(state)
	}
	return strings.Join(words, ",")
}

// A quickLink is a link above the filters to a frequently used selection of the history, such
// as failed backups.
type quickLink struct {
	text    param.Text
	filters map[string]string
}

// quickLinks returns the links above the filters.
func (p HistoryPage) quickLinks() []quickLink {
	return []quickLink{
		{wordWeek, map[string]string{"From": p.Week}},
		{wordFailedOnes, map[string]string{"Status": failedBackups}},
		{wordMineShort, map[string]string{"Whose": "mine"}},
		{wordRefusedRequests, map[string]string{"Status": refusedRequests}},
		{wordEveryBackup, nil},
	}
}

// isCurrent reports whether the page already shows the selection to which the link leads.
func (p HistoryPage) isCurrent(l quickLink) bool { return maps.Equal(p.Filters, l.filters) }

// historyAddress returns the address of the history with filters.
func historyAddress(filters map[string]string) string {
	if len(filters) == 0 {
		return "/backups"
	}
	query := url.Values{}
	for name, value := range filters {
		query.Set(name, value)
	}
	return "/backups?" + query.Encode()
}

// without returns the address of the history without some of the page's filters.
func (p HistoryPage) without(names ...string) string {
	rest := maps.Clone(p.Filters)
	for _, name := range names {
		delete(rest, name)
	}
	return historyAddress(rest)
}

// onlySearch returns the address of the history with no filter but the search.
func (p HistoryPage) onlySearch() string {
	return historyAddress(map[string]string{"Search": p.Filters["Search"]})
}

// filterWords returns the filters in words, without the search: "Status: Failed; From: 2026-11-16".
func (p HistoryPage) filterWords(ctx context.Context) string {
	var all []string
	for _, name := range append([]string{"Status", "Whose"}, moreFilters...) {
		if p.Filters[name] == "" {
			continue
		}
		c := p.filter(ctx, name)
		value := c.value
		for _, o := range c.options {
			if o.on {
				value = o.label
			}
		}
		all = append(all, c.label+in(ctx, param.Both(": ", "："))+value)
	}
	return strings.Join(all, in(ctx, param.Both("; ", "；")))
}

// isFiltered reports whether any filter is set.
func (p HistoryPage) isFiltered() bool { return len(p.Filters) > 0 }

// emptyTitle returns the title of a page without rows.
func (p HistoryPage) emptyTitle(ctx context.Context) string {
	switch search := p.Filters["Search"]; {
	case search != "" && p.Filters["Status"] == failedBackups:
		return in(ctx, wordNoFailed, search)
	case search != "":
		return in(ctx, wordNotFound, search)
	}
	return in(ctx, p.noneTitle())
}

// others returns in words how many other entries a list without the search has; empty for 0.
func (p HistoryPage) others(ctx context.Context) string {
	switch {
	case p.Others == 0:
		return ""
	case p.MoreOthers:
		return in(ctx, wordMoreOthers, p.Others)
	case p.Others == 1:
		return in(ctx, wordOneOther)
	}
	return in(ctx, wordOthers, p.Others)
}

// noneTitle returns the title of a page without rows and without a search.
func (p HistoryPage) noneTitle() param.Text {
	if len(p.Filters) == 1 && p.Filters["Status"] != "" {
		return wordNoState
	}
	return wordNoMatch
}

// moreFilters are the names of the filters that are collapsed on the history page.
var moreFilters = []string{"Account", "SourceType", "InstanceId", "From", "To"}

// usesMoreFilters reports whether one of the collapsed filters is set.
func (p HistoryPage) usesMoreFilters() bool {
	return slices.ContainsFunc(moreFilters, func(name string) bool { return p.Filters[name] != "" })
}

// filterID returns the id of the control that a mistake is about.
func filterID(m param.Mistake) string { return ControlID(m.Field) }

// states are the options of the filter by state. States with the same name for people are one
// option.
var states = [][]backup.State{
	{backup.StateSending, backup.StateCreated, backup.StateQueued, backup.StateRunning, backup.StateCanceling},
	{backup.StateUnknown}, {backup.StateComplete}, {backup.StatePartialComplete},
	{backup.StateFailed, backup.StateExpired, backup.StateUnavailable},
	{backup.StateCanceled}, {backup.StateRefused}, {backup.StateDenied}, {backup.StateNotSent}, {backup.StateRejected},
	{backup.StateDenied, backup.StateRejected},
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
	case "Search":
		c.kind, c.label = textBox, in(ctx, param.Both("Name, ID, person or ticket", "名称、ID、发起人或工单号"))
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

// dayBox returns the kind of the control for a day. A date box shows nothing if the value is
// not a date, such as a time from a link; such a value gets a text box.
func dayBox(value string) controlKind {
	if _, err := time.Parse(time.DateOnly, value); err != nil && value != "" {
		return textBox
	}
	return dateBox
}

// choose selects the option with the control's value. If a value from a link has no option,
// choose adds one.
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
		o := option{value: joinStates(same...), label: in(ctx, same[0].Name())}
		switch {
		case i == 0:
			o.label = in(ctx, param.Both("In progress", "进行中"))
		case o.value == refusedRequests:
			o.label = in(ctx, wordRefusedRequests)
		}
		options = append(options, o)
	}
	return options
}

// rejectedName returns the name of a row about rejected messages: their number, and how they
// arrived (webhook or event).
func (r Row) rejectedName(ctx context.Context) string {
	l := Language(ctx)
	if r.Rejection.Count == 1 {
		return wordOneRejected.Fill(l, r.Rejection.Door.Name())
	}
	return wordRejected.Fill(l, r.Rejection.Count, r.Rejection.Door.Name())
}

// senderLabel returns the heading of the column with the sender. For rejected messages it is
// "source".
func senderLabel(rows []Row) param.Text {
	rejected := func(r Row) bool { return r.Rejection != nil }
	switch {
	case !slices.ContainsFunc(rows, rejected):
		return wordAskedBy
	case !slices.ContainsFunc(rows, func(r Row) bool { return !rejected(r) }):
		return wordFromSource
	}
	return wordSender
}

// keptUntil returns when the backup of a row will be deleted; zero before its end.
func (r Row) keptUntil() time.Time { return StatusPage{Row: r}.keptUntil() }
