package templates

import (
	"context"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/policy"
)

// A controlKind is a way to ask.
type controlKind int

const (
	textBox controlKind = iota
	numberBox
	linesBox
	dateBox
	selectBox
	radioGroup
	checkBox
)

// A control is one question, in the reader's language and ready to be drawn.
type control struct {
	kind           controlKind
	name, id       string
	label, hint    string
	unit           string
	value          string
	errors, policy []string // lines
	optional       bool
	focus          bool
	mono           bool   // an ID, a path: no word of a language
	width          string // a class: as wide as the answer
	off            bool   // shown, but the rules leave no choice
	options        []option
	always         bool   // one of the options is chosen from the start
	kept           string // "Kept until about …"
	today          string // the date from which kept counts
	field          param.Field
	picks          string // what the script offers to choose from while it is typed
}

// An option is one answer to choose.
type option struct {
	value, label, hint string
	group              string // options of a select with the same one stand together
	on                 bool
	off                string // why it cannot be chosen, if so
}

// control makes the control called name.
func (f form) control(ctx context.Context, name string) control {
	field, _ := param.FieldNamed(strings.TrimPrefix(name, "choice."))
	c := control{
		name: name, id: ControlID(name), field: field, value: f.value(name),
		label: in(ctx, field.Label), hint: in(ctx, field.Help), unit: in(ctx, field.Unit),
		errors: f.errors[name], focus: f.Focus == name && len(f.Mistakes) == 0,
		mono: name != "JobName", width: "w-l",
	}
	if chosen, ok := choices[name]; ok {
		c.kind, c.label = radioGroup, in(ctx, chosen.label)
		if chosen.label == field.Label {
			c.hint = in(ctx, field.Help)
		} else {
			c.hint = ""
		}
		c.options = f.answers(ctx, name, chosen.options)
		return c
	}
	if MaxRows(name) > 0 && f.value("choice."+name) != "json" {
		c.errors = nil // they stand above the rows
	}
	// What a choice reveals is what was chosen: none of it may be left out.
	c.optional = !field.RequiredFor(f.Source) && field.Default == "" && !revealedAnywhere(f.Source, name)
	f.fit(ctx, &c)
	return c
}

// mostRadios is how many accounts are shown all at once.
const mostRadios = 5

// fit decides how a field is asked.
func (f form) fit(ctx context.Context, c *control) {
	field := c.field
	switch {
	case field.Name == "Account":
		c.kind, c.options = radioGroup, f.accounts(ctx)
		if len(c.options) > mostRadios {
			c.kind, c.mono, c.always = selectBox, false, true
			for i, o := range c.options {
				c.options[i].label += " · " + o.hint
			}
		}
	case field.Name == "Region":
		c.kind, c.options = selectBox, f.regions(ctx)
		c.mono = false
	case f.listFor(field.Name) != nil:
		c.kind, c.options = selectBox, f.plainOptions(ctx, field.Name)
		c.mono = field.Name != "Detail.destinationRegionId"
	case len(field.Enum) > 0:
		c.kind, c.options = radioGroup, f.answers(ctx, field.Name, field.Enum)
	case field.Type == param.Boolean && field.Default == "true":
		options, own := booleans[field.Name]
		if !own {
			options = yesNo
		}
		c.kind, c.options = radioGroup, f.answers(ctx, field.Name, options)
	case field.Type == param.Boolean:
		c.kind = checkBox
		if c.off = !f.offered(field.Name, "true"); c.off {
			c.value, c.policy = "", []string{in(ctx, wordNoGrant)}
		}
	case field.Type == param.Integer:
		c.kind, c.width, c.mono = numberBox, "w-s", false
		f.days(ctx, c)
	case field.Type == param.Strings || field.Type == param.Objects:
		c.kind = linesBox
	}
	if c.kind == textBox || c.kind == linesBox {
		c.picks = picks[field.Name]
	}
}

// picks are the lists from which a field that is typed can be filled.
var picks = map[string]string{
	"InstanceId":         string(backup.Instances),
	"VaultId":            string(backup.Vaults),
	"ContainerClusterId": string(backup.Clusters),
	"Detail.diskIdList":  string(backup.Disks),
}

// days adds to a number of days what the rules say, and the date it leads to.
func (f form) days(ctx context.Context, c *control) {
	switch c.name {
	case "Retention":
		c.policy = policyLines(ctx, f.Offer.Lines)
	case "Detail.destinationRetention":
		c.policy = policyLines(ctx, f.Offer.CopyLines)
	default:
		return
	}
	c.kept, c.today = f.keptUntil(ctx, c.field, c.value), f.local(f.Now).Format(time.DateOnly)
}

// answers are the options of a group, with the one that is chosen.
func (f form) answers(ctx context.Context, name string, all []param.Choice) []option {
	value := f.value(name)
	var options []option
	for _, c := range all {
		o := option{value: c.Value, label: in(ctx, c.Label), hint: in(ctx, c.Help), on: c.Value == value}
		if !f.offered(name, c.Value) {
			o.off, o.on = in(ctx, wordNoGrant), false
		}
		options = append(options, o)
	}
	if !slices.ContainsFunc(options, func(o option) bool { return o.on }) {
		options[0].on = true
	}
	return options
}

// accounts are the aliases that may be chosen, with what each means.
func (f form) accounts(ctx context.Context) []option {
	var options []option
	for _, a := range f.Accounts {
		options = append(options, option{
			value: a.Alias,
			label: in(ctx, a.Label()),
			hint:  aboutAccount(ctx, a),
			on:    a.Alias == f.value("Account"),
		})
	}
	return options
}

// aboutAccount says whose account it is, and where its backups are kept.
func aboutAccount(ctx context.Context, a backup.Account) string {
	switch a.Access {
	case backup.AssumeRole:
		return in(ctx, param.Both("%v; backed up and stored in that account", "%v；在该账号中备份和保存"), a.ID)
	case backup.HBRCrossAccount:
		if a.Through != nil {
			return in(ctx, param.Both("%v; stored in %v", "%v；保存在 %v"), a.ID, a.Through.Label())
		}
		return in(ctx, param.Both("%v; stored in this account", "%v；保存在本账号"), a.ID)
	}
	return in(ctx, param.Both("This account, %v", "本账号，%v"), a.ID)
}

// regions are those of the accounts, grouped if there are several accounts.
// The same region may be in two groups: the one of the chosen account counts.
func (f form) regions(ctx context.Context) []option {
	account, region := f.value("Account"), f.value("Region")
	own := slices.ContainsFunc(f.Accounts, func(a backup.Account) bool {
		return a.Alias == account && slices.Contains(a.Regions, region)
	})
	chosen := false
	var options []option
	for _, a := range f.Accounts {
		for _, id := range a.Regions {
			o := option{value: id, label: regionLabel(ctx, id)}
			if len(f.Accounts) > 1 {
				o.group = in(ctx, a.Label())
			}
			o.on = id == region && !chosen && (!own || a.Alias == account)
			chosen = chosen || o.on
			options = append(options, o)
		}
	}
	return options
}

// listFor is the list from which a field is selected; nil means that its
// value is typed.
func (f form) listFor(name string) []string {
	switch {
	case name == "InstanceId" && !f.Offer.AnyInstance:
		return f.Offer.Instances
	case name == "ContainerClusterId" && !f.Offer.AnyCluster:
		return f.Offer.Clusters
	}
	switch name {
	case "Detail.preScriptPath", "Detail.postScriptPath":
		return f.Offer.Scripts
	case "Detail.destinationRegionId":
		return f.Offer.CopyRegions
	}
	return nil
}

func (f form) plainOptions(ctx context.Context, name string) []option {
	var options []option
	for _, value := range f.listFor(name) {
		label := value
		if name == "Detail.destinationRegionId" {
			label = regionLabel(ctx, value)
		}
		options = append(options, option{value: value, label: label, on: value == f.value(name)})
	}
	return options
}

// policyLines say what rules allow before it hurts. What a rule does not give
// is left out.
func policyLines(ctx context.Context, rules []policy.Line) []string {
	var lines []string
	for _, r := range rules {
		line := in(
			ctx,
			param.Both("Rule %v: %v to %v days", "规则 %v：%v 至 %v 天"),
			r.Rule,
			param.Count(max(1, r.Min)),
			param.Count(r.Max),
		)
		if reason := strings.TrimRight(in(ctx, r.Reason), ".。"); reason != "" {
			line += in(ctx, param.Both(". ", "。")) + reason
		}
		if r.Owner != (param.Text{}) {
			line += in(ctx, param.Both(". Contact: %v", "。请联系：%v"), r.Owner)
		}
		lines = append(lines, line+in(ctx, param.Both(".", "。")))
	}
	return lines
}

// describedBy names what describes the control, in the order of the page.
func (c control) describedBy() string {
	var ids []string
	if c.hint != "" {
		ids = append(ids, c.id+"-hint")
	}
	if len(c.policy) > 0 {
		ids = append(ids, c.id+"-policy")
	}
	if len(c.errors) > 0 {
		ids = append(ids, c.id+"-error")
	}
	return strings.Join(ids, " ")
}

// classes of the block around the control.
func (c control) classes() string {
	if len(c.errors) > 0 {
		return "field wrong"
	}
	return "field"
}

// box is the class of the control itself.
func (c control) box() string {
	if c.mono {
		return c.width + " mono"
	}
	return c.width
}

// optionID is the id of an option of a group: the first has the group's own,
// so that a link to the question leads to it.
func (c control) optionID(i int) string {
	if i == 0 {
		return c.id
	}
	return c.id + "-" + slug(c.options[i].value)
}

// slug makes an id of data: anything but letters, digits and hyphens becomes a hyphen.
func slug(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, s)
}

// fixed is the value of a field that the policy enforces, by the name of its
// control.
func (f form) fixed(control string) (policy.Fixed, bool) {
	name := strings.TrimPrefix(control, "choice.")
	i := slices.IndexFunc(f.Offer.Enforced, func(v policy.Fixed) bool { return v.Field == name })
	if i < 0 {
		return policy.Fixed{}, false
	}
	return f.Offer.Enforced[i], true
}

// fixedFact writes the value as the check page will.
func (f form) fixedFact(ctx context.Context, v policy.Fixed) fact {
	field, _ := param.FieldNamed(v.Field)
	p := CheckPage{
		Shell: f.Shell,
		Call:  backup.Call{Params: param.Params{"SourceType": string(f.Source), v.Field: v.Value}},
	}
	return p.fact(ctx, field)
}

var wordFixed = param.Both("Set by rule %v", "由规则 %v 设定")

// fixedWhy says by which rule, why, and whom to ask.
func (f form) fixedWhy(ctx context.Context, v policy.Fixed) []string {
	lines := []string{in(ctx, wordFixed, v.Rule)}
	if reason := in(ctx, v.Reason); reason != "" {
		lines[0] += in(ctx, param.Both(". ", "。")) + reason
	}
	if v.Owner != (param.Text{}) {
		lines[0] += in(ctx, param.Both(". Contact: %v", "。请联系：%v"), v.Owner)
	}
	lines[0] += in(ctx, param.Both(".", "。"))
	return lines
}
