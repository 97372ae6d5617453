package templates

import (
	"cmp"
	"context"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"backupportal/function/backup"
	"backupportal/function/inventory"
	"backupportal/function/param"
)

// Address returns the address of the start page with the same filters and one more parameter.
// It drops the parameters Page and Again.
func (p StartPage) Address(name, value string) string {
	query := url.Values{}
	if p.Kind != backup.Instances {
		query.Set("Kind", string(p.Kind))
	}
	for name, value := range p.Filters {
		query.Set(name, value)
	}
	query.Set(name, value)
	return "/?" + query.Encode()
}

// isFiltered reports whether a filter is used.
func (p StartPage) isFiltered() bool {
	return p.Filters["Search"]+p.Filters["Account"]+p.Filters["Region"]+p.Filters["Tag"] != ""
}

// showAll returns the address of the list without filters.
func (p StartPage) showAll() string {
	return StartPage{Kind: p.Kind}.listAddress()
}

// listAddress returns the address of the list of p.Kind without filters.
func (p StartPage) listAddress() string {
	if p.Kind == backup.Instances {
		return "/"
	}
	return "/?Kind=" + string(p.Kind)
}

// heading returns the heading of the list of machines: how many there are, and which of them
// are shown.
func (p StartPage) heading(ctx context.Context) string {
	what := wordInstancesRange
	switch p.Kind {
	case backup.Clusters:
		what = wordClustersRange
	case backup.Volumes:
		what = wordVolumesRange
	}
	return in(ctx, what, p.First, p.First+len(p.Machines)-1, param.Count(int64(p.Total)))
}

// filter returns the control of a filter.
func (p StartPage) filter(ctx context.Context, name string) control {
	c := control{name: name, id: ControlID(name), kind: selectBox, value: p.Filters[name], width: "w-full", always: true}
	c.options = []option{{label: in(ctx, wordEvery)}}
	switch name {
	case "Search":
		c.kind, c.label = textBox, in(ctx, wordSearchFor)
		return c
	case "Account":
		c.label = in(ctx, labelOf(name))
		for _, a := range p.Accounts {
			c.options = append(c.options, option{value: a.Alias, label: in(ctx, a.Label())})
		}
	case "Region":
		c.label = in(ctx, labelOf(name))
		for _, id := range p.regions() {
			c.options = append(c.options, option{value: id, label: in(ctx, param.RegionName(id))})
		}
	case "Tag":
		c.label, c.options[0].label = in(ctx, wordTag), in(ctx, wordAnyTag)
		for _, tag := range p.Tags {
			c.options = append(c.options, option{value: tag, label: tag})
		}
	}
	c.choose()
	return c
}

// regions returns the regions of the chosen account, or of all accounts, without duplicates.
func (p StartPage) regions() (all []string) {
	for _, a := range p.Accounts {
		if alias := p.Filters["Account"]; alias == "" || alias == a.Alias {
			for _, id := range a.Regions {
				if !slices.Contains(all, id) {
					all = append(all, id)
				}
			}
		}
	}
	return all
}

// filters returns the names of the filters that are shown. It leaves out a filter with only one
// possible value, such as the only account.
func (p StartPage) filters() []string {
	names := []string{"Search"}
	if len(p.Accounts) > 1 {
		names = append(names, "Account")
	}
	if len(p.regions()) > 1 || p.Filters["Region"] != "" {
		names = append(names, "Region")
	}
	if p.Kind == backup.Instances && (len(p.Tags) > 0 || p.Filters["Tag"] != "") {
		names = append(names, "Tag")
	}
	return names
}

// typed returns the address of an empty form for the account, in which a person types the id of
// a machine.
func (p StartPage) typed(account string) string {
	sources := []param.SourceType{param.UDMECS, param.ECSFile}
	if p.Kind != backup.Instances {
		sources = []param.SourceType{param.Container}
	}
	for _, source := range sources {
		if p.Offered[source] {
			return "/backups/new/" + string(source) + "?" + url.Values{"Account": {account}}.Encode()
		}
	}
	return "/backups/new"
}

// tagClass returns the CSS classes of the tag of f.
func (f AccountFinding) tagClass() string {
	if f.State == inventory.Slow {
		return "tag warn ring"
	}
	return "tag bad diamond"
}

// word returns the state of f in one word.
func (f AccountFinding) word() param.Text {
	switch f.State {
	case inventory.Slow:
		return param.Both("Slow", "响应慢")
	case inventory.Denied:
		return param.Both("Denied", "无权限")
	}
	return param.Both("Failed", "失败")
}

// sentence returns the state of an account's lists in words, and how many machines are shown
// from an old list.
func (f AccountFinding) sentence(ctx context.Context, s Shell) string {
	label := f.Label
	switch {
	case f.State == inventory.Denied:
		return in(ctx, param.Both("%v: the portal may not list machines there.", "%v：门户无权列出该账号的实例。"), label)
	case f.State == inventory.Slow && f.At.IsZero():
		return in(ctx, param.Both("%v did not answer within 2 seconds.", "%v 在 2 秒内未响应。"), label)
	case f.State == inventory.Slow:
		return in(ctx, param.Both(
			"%v did not answer within 2 seconds. Its machines (%v) are shown as they were %v.",
			"%v 在 2 秒内未响应，以下显示该账号的 %v 台实例，数据时间：%v。"), label, f.Machines, s.age(ctx, f.At))
	case f.At.IsZero():
		return in(ctx, param.Both("%v: the list could not be read.", "%v：无法读取列表。"), label)
	}
	return in(ctx, param.Both(
		"%v: the list could not be read. Its machines (%v) are shown as they were %v.",
		"%v：无法读取列表，以下显示该账号的 %v 台实例，数据时间：%v。"), label, f.Machines, s.age(ctx, f.At))
}

// age returns how long ago t was, in words; after 30 days it is the date.
func (s Shell) age(ctx context.Context, t time.Time) string {
	switch d := max(s.Now.Sub(t), 0); {
	case d < time.Minute:
		return in(ctx, param.Both("just now", "刚刚"))
	case d < time.Hour:
		return in(ctx, param.Both("%v min ago", "%v 分钟前"), int(d/time.Minute))
	case d < 24*time.Hour:
		return in(ctx, param.Both("%v h ago", "%v 小时前"), int(d/time.Hour))
	case d < 48*time.Hour:
		return in(ctx, param.Both("1 day ago", "1 天前"))
	case d < 30*24*time.Hour:
		return in(ctx, param.Both("%v days ago", "%v 天前"), int(d/(24*time.Hour)))
	}
	return s.day(Language(ctx), t)
}

// isRunning reports whether a backup of the machine is in progress.
func (m MachineRow) isRunning() bool { return m.Last != nil && !m.Last.State.IsTerminal() }

// hasFailed reports whether the newest backup of the machine failed.
func (m MachineRow) hasFailed() bool {
	return m.Last != nil && m.Last.State.Outcome() == backup.OutcomeFailed
}

// title returns the name of the machine, or its id if it has no name.
func (m MachineRow) title() string { return cmp.Or(m.Name, m.ID) }

// presetForm returns the address of the form with the values of a preset.
func presetForm(one backup.Preset) string {
	return "/backups/new/" + string(one.Values.SourceType()) + "?" + url.Values{"Preset": {one.Name}}.Encode()
}

// form returns the address of the form for a backup of the machine. For an instance it is the
// form of a backup of the whole instance if a rule allows that, and otherwise of its files.
func (m MachineRow) form() string {
	return "/backups/new/" + string(m.Sources[0]) + "?" + m.query().Encode()
}

// withPreset returns the address of the form for the machine with the values of a preset.
func (m MachineRow) withPreset(one backup.Preset) string {
	return presetForm(one) + "&" + m.query().Encode()
}

// query returns the values of a form that name the machine.
func (m MachineRow) query() url.Values {
	query := url.Values{"Account": {m.Account}, "Region": {m.Region}}
	switch {
	case m.Cluster != "":
		query.Set("ContainerClusterId", m.Cluster)
		query.Set(RowControl("ContainerResources", 0, "resourceId"), m.ID)
		for _, control := range []string{"namespace", "pvc_name", "pv_name", "pv_size", "storage_class"} {
			if value := m.Attribute(control); value != "" {
				query.Set(RowControl("ContainerResources", 0, control), value)
			}
		}
	case m.Sources[0] == param.Container:
		query.Set("ContainerClusterId", m.ID)
	default:
		query.Set("InstanceId", m.ID)
	}
	return query
}

// volumes returns the address of the volumes of a cluster; empty for other machines.
func (m MachineRow) volumes() string {
	if m.Cluster != "" || m.Sources[0] != param.Container {
		return ""
	}
	return "/?" + url.Values{
		"Kind": {string(backup.Volumes)}, "Account": {m.Account}, "Region": {m.Region}, "Cluster": {m.ID},
	}.Encode()
}

// about returns the line below the id: what the machine is, and its addresses.
func (m MachineRow) about() string {
	addresses := strings.Fields(m.Attribute("IpAddress"))
	return strings.Join(nonEmpty(
		cmp.Or(m.Attribute("OSName"), m.Attribute("ClusterType"), m.Attribute("storage_class")),
		strings.Join(addresses[:min(2, len(addresses))], ", "),
	), " · ")
}

// size returns the number of disks and their size, or the size of a volume.
func (m MachineRow) size(ctx context.Context) string {
	disks, err := strconv.Atoi(m.Attribute("Disks"))
	gib, _ := strconv.ParseInt(strings.TrimSuffix(m.Attribute("Size"), " GiB"), 10, 64)
	switch {
	case err != nil:
		return m.Attribute("pv_size")
	case disks == 1:
		return in(ctx, param.Both("1 disk, %v", "1 块云盘，%v"), size(gib<<30))
	}
	return in(ctx, param.Both("%v disks, %v", "%v 块云盘，%v"), disks, size(gib<<30))
}

// state returns the state of the machine, with the CSS classes of its tag; empty if it is unknown.
func (m MachineRow) state(ctx context.Context) (word, class string) {
	switch state := cmp.Or(m.Attribute("Status"), m.Attribute("AgentStatus")); state {
	case "":
		return "", ""
	case "Running":
		return in(ctx, param.Both("Running", "运行中")), "tag good dot"
	case "READY":
		return in(ctx, param.Both("Ready", "就绪")), "tag good dot"
	case "Stopped":
		return in(ctx, param.Both("Stopped", "已停止")), "tag muted dash"
	default:
		return state, "tag muted dash"
	}
}

// where returns the zone, or the region if the zone is unknown.
func (m MachineRow) where(ctx context.Context) string {
	return in(ctx, param.ZoneName(m.Region, m.Attribute("ZoneId")))
}

// tags returns some tags of the machine as key=value, sorted, and how many are left out.
func (m MachineRow) tags() (some []string, more int) {
	for _, key := range slices.Sorted(maps.Keys(m.Tags)) {
		some = append(some, key+"="+m.Tags[key])
	}
	shown := min(mostTags, len(some))
	return some[:shown], len(some) - shown
}

// tagParts returns a tag in parts, between which a line may break: after each character of =:./_-.
func tagParts(tag string) (parts []string) {
	for tag != "" {
		i := strings.IndexAny(tag, "=:./_-")
		if i < 0 || i == len(tag)-1 {
			return append(parts, tag)
		}
		parts, tag = append(parts, tag[:i+1]), tag[i+1:]
	}
	return parts
}

// breakable renders a tag that may be broken between its parts, without blanks between them. A loop of a template would
// add blanks.
func breakable(tag string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		escaped := tagParts(tag)
		for i, part := range escaped {
			escaped[i] = templ.EscapeString(part)
		}
		_, err := io.WriteString(w, strings.Join(escaped, "<wbr>"))
		return err
	})
}

// mostTags is how many tags of a machine are shown.
const mostTags = 3

// namespace returns the Kubernetes namespace of a volume; empty for other machines.
func (m MachineRow) namespace() string { return m.Attribute("namespace") }

// accountName returns the label of the account.
func (m MachineRow) accountName(ctx context.Context) string {
	if m.AccountLabel == (param.Text{}) {
		return m.Account
	}
	return in(ctx, m.AccountLabel)
}

// hasTicks reports whether the machines of the list can be ticked for a batch.
func (p StartPage) hasTicks() bool { return p.Many && p.Kind == backup.Instances }

// tick returns the name of the box of machine n; empty if it cannot be ticked.
func (p StartPage) tick(m MachineRow, n int) string {
	if !p.hasTicks() || m.isRunning() {
		return ""
	}
	return "InstanceId." + strconv.Itoa(n)
}

// manyAddress returns the address of the page on which the targets of a batch are chosen. The filters fill in its form
// for a tag.
func (p StartPage) manyAddress() string {
	query := url.Values{}
	for _, name := range []string{"Tag", "Account", "Region"} {
		if value := p.Filters[name]; value != "" && p.Filters["Tag"] != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return "/batches/new"
	}
	return "/batches/new?" + query.Encode()
}

// manyWord returns the text of the link to manyAddress.
func (p StartPage) manyWord() param.Text {
	if tag := p.Filters["Tag"]; tag != "" {
		return param.Both(wordTaggedAll.Fill(param.English, tag), wordTaggedAll.Fill(param.Chinese, tag))
	}
	return wordManyAtOnce
}
