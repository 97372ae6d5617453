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

// A controlKind is the HTML form of a control.
type controlKind int

const (
	textBox controlKind = iota
	numberBox
	linesBox
	dateBox
	selectBox
	radioGroup
	checkBox
	boxGroup    // check boxes of one field
	vaultGroup  // radio buttons of candidates, the last one with a text box
	singleValue // nothing to choose: the value is text and a hidden input
)

// A control is one input of a form, with its texts in the reader's language.
type control struct {
	kind           controlKind
	name, id       string
	label, hint    string
	unit           string
	value          string
	errors, policy []string // one sentence for each
	optional       bool
	focus          bool
	mono           bool   // the value is an id or a path
	width          string // CSS class
	off            bool   // it is disabled, because no rule permits its value
	options        []option
	always         bool    // an option is selected from the start
	kept           string  // "Kept until about …"
	today          string  // the date from which kept is counted
	quick          []int64 // numbers of days that a button fills in; nil for none
	field          param.Field
	candidates     string       // kind of the list that the script offers
	matches        *OptionsPage // results of a search, as radio buttons; nil without a search
	known          int          // for check boxes: how many options are candidates
	unreadable     bool         // the list of candidates cannot be read now
}

// An option is one value of a select or a radio group.
type option struct {
	value, label, hint string
	on                 bool
	off                string // reason for which it cannot be chosen; empty if it can
}

// control returns the control called name with its value, mistakes and texts.
func (f form) control(ctx context.Context, name string) control {
	field, _ := param.FieldNamed(strings.TrimPrefix(name, "choice."))
	c := control{
		name: name, id: ControlID(name), field: field, value: f.value(name),
		label: in(ctx, field.Label), hint: in(ctx, field.Help), unit: in(ctx, field.Unit),
		errors: f.errors[name], focus: f.Focus == name && len(f.Mistakes) == 0,
		mono: name != "JobName" && name != "Reason", width: "w-l",
	}
	if chosen, ok := choices[name]; ok {
		c.kind, c.label = radioGroup, in(ctx, chosen.label)
		if chosen.label == field.Label {
			c.hint = in(ctx, field.Help)
		} else {
			c.hint = ""
		}
		c.options = f.choiceOptions(ctx, name, chosen.options)
		if name == "choice.Detail.diskIdList" {
			f.diskBoxes(ctx, &c)
		}
		return c
	}
	if MaxRows(name) > 0 && f.value("choice."+name) != "json" {
		c.errors = nil // shown above the rows
	}
	// Fields that a choice reveals belong to the chosen option, so they are never marked as
	// optional.
	c.optional = !field.RequiredFor(f.Source) && field.Default == "" && !revealedAnywhere(f.Source, name)
	if field.Note {
		var required bool
		c.policy, required = f.noteLines(ctx, name)
		c.optional = !required
	}
	f.setKind(ctx, &c)
	return c
}

// mostRadios is the maximum number of accounts that are shown as radio buttons; more are shown
// as a select.
const mostRadios = 5

// setKind sets the kind of a field's control and what depends on it.
func (f form) setKind(ctx context.Context, c *control) {
	field := c.field
	switch {
	case field.Name == "Account":
		c.kind, c.options = radioGroup, f.accounts(ctx)
		if len(c.options) == 1 && len(c.errors) == 0 && (c.value == "" || c.options[0].on) {
			c.kind = singleValue
		} else if len(c.options) > mostRadios {
			c.kind, c.mono, c.always = selectBox, false, true
			for i, o := range c.options {
				c.options[i].label += " · " + o.hint
			}
		}
	case field.Name == "Region":
		c.kind, c.options = selectBox, f.regions(ctx)
		c.mono = false
		if len(c.options) == 1 && len(c.errors) == 0 && (c.value == "" || c.options[0].on) {
			c.kind = singleValue
		}
	case f.listFor(field.Name) != nil:
		c.kind, c.options = selectBox, f.plainOptions(ctx, field.Name)
		c.mono = field.Name != "Detail.destinationRegionId"
	case len(field.Enum) > 0:
		c.kind, c.options = radioGroup, f.choiceOptions(ctx, field.Name, field.Enum)
	case field.Type == param.Boolean && field.Default == "true":
		options, own := booleans[field.Name]
		if !own {
			options = yesNo
		}
		c.kind, c.options = radioGroup, f.choiceOptions(ctx, field.Name, options)
	case field.Type == param.Boolean:
		c.kind = checkBox
		if c.off = !f.isOffered(field.Name, "true"); c.off {
			c.value, c.policy = "", []string{in(ctx, wordNoGrant)}
		}
	case field.Type == param.Integer:
		c.kind, c.width, c.mono = numberBox, "w-s", false
		f.days(ctx, c)
	case field.Type == param.Strings || field.Type == param.Objects:
		c.kind = linesBox
	}
	if c.kind == textBox || c.kind == linesBox {
		c.candidates = candidateLists[field.Name]
		if found, ok := f.Matches[field.Name]; ok {
			c.matches = &found
		}
	}
	switch {
	case field.Name == "VaultId" && c.matches == nil:
		f.vaults(ctx, c)
	case field.Name == "Detail.snapshotGroup" && f.everyESSD():
		c.hint = in(ctx, wordDisksPossible)
	}
}

// candidateLists maps a field with a text box to the kind of candidates that the script
// suggests for it.
var candidateLists = map[string]string{
	"InstanceId":         string(backup.Instances),
	"VaultId":            string(backup.Vaults),
	"ContainerClusterId": string(backup.Clusters),
}

// days completes the control of a retention in days: it sets the limits of the policy's rules,
// and the date until which the backup would be kept. It does not change other controls.
func (f form) days(ctx context.Context, c *control) {
	switch c.name {
	case "Retention":
		c.policy = policyLines(ctx, f.Offer.Lines)
		c.quick = quickDays(f.Offer.RetentionMin, f.Offer.RetentionMax)
	case "Detail.destinationRetention":
		c.policy = policyLines(ctx, f.Offer.CopyLines)
	default:
		return
	}
	c.kept, c.today = f.keptUntil(ctx, c.field, c.value), f.local(f.Now).Format(time.DateOnly)
}

// quickDays returns the numbers of days for which the form has buttons: the usual ones from low to high, and high itself
// up to ten years. It returns nil if that is only one.
func quickDays(low, high int64) (all []int64) {
	for _, n := range []int64{7, 30, 90, 365} {
		if low <= n && n <= high {
			all = append(all, n)
		}
	}
	if high <= 3650 && !slices.Contains(all, high) {
		all = append(all, high)
	}
	if len(all) < 2 {
		return nil
	}
	return all
}

// daysText returns a number of days in words.
func daysText(ctx context.Context, n int64) string {
	if n == 1 {
		return in(ctx, param.Both("1 day", "1 天"))
	}
	return in(ctx, param.Both("%v days", "%v 天"), param.Count(n))
}

var wordUsualDays = param.Both("Usual numbers of days", "常用天数")

// choiceOptions returns the options of a radio group, with one of them selected. Options that no
// rule permits are disabled.
func (f form) choiceOptions(ctx context.Context, name string, all []param.Choice) []option {
	value := f.value(name)
	var options []option
	for _, c := range all {
		o := option{value: c.Value, label: in(ctx, c.Label), hint: in(ctx, c.Help), on: c.Value == value}
		if !f.isOffered(name, c.Value) {
			o.off, o.on = in(ctx, wordNoGrant), false
		} else if why := f.notFor(ctx, name, c.Value); why != "" {
			o.off = why
		}
		options = append(options, o)
	}
	if !slices.ContainsFunc(options, func(o option) bool { return o.on }) {
		options[0].on = true
	}
	return options
}

// accounts returns the aliases that can be chosen, each with its description.
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

// aboutAccount returns the account's id and the account in which its backups are kept.
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

// regions returns the regions of the chosen account. Without an account they are those of all
// accounts.
func (f form) regions(ctx context.Context) []option {
	chosen, region := f.value("Account"), f.value("Region")
	var options []option
	for _, a := range f.Accounts {
		if chosen != "" && a.Alias != chosen {
			continue
		}
		for _, id := range a.Regions {
			if !slices.ContainsFunc(options, func(o option) bool { return o.value == id }) {
				options = append(options, option{value: id, label: regionLabel(ctx, id), on: id == region})
			}
		}
	}
	return options
}

// listFor returns the values from which a person selects the value of a field, or nil if it is
// typed.
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

// plainOptions returns the values from which a person selects (listFor) as options of a
// control.
func (f form) plainOptions(ctx context.Context, name string) []option {
	var options []option
	own := f.value("Region")
	for _, value := range f.listFor(name) {
		label := value
		if name == "Detail.destinationRegionId" && value == own {
			continue // a copy must be in another region than the backup
		}
		if name == "Detail.destinationRegionId" {
			label = regionLabel(ctx, value)
		}
		options = append(options, option{value: value, label: label, on: value == f.value(name)})
	}
	return options
}

// policyLines returns one sentence for each rule of the policy: the days that it allows, its
// reason and its owner.
func policyLines(ctx context.Context, rules []policy.Line) []string {
	var lines []string
	for _, r := range rules {
		line := in(
			ctx,
			param.Both("Limit set by rule %v: %v to %v days", "限制来自规则 %v：%v 至 %v 天"),
			r.Rule,
			param.Count(max(1, r.Min)),
			param.Count(r.Max),
		)
		lines = append(lines, ruleLine(ctx, line, r.Reason, r.Owner))
	}
	return lines
}

// describedBy returns the ids for aria-describedby, in the order of the page.
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
	if c.isCombo() {
		ids = append(ids, c.id+"-note")
	}
	return strings.Join(ids, " ")
}

// classes returns the CSS classes of the block around the control.
func (c control) classes() string {
	if len(c.errors) > 0 {
		return "field wrong"
	}
	return "field"
}

// class returns the CSS classes of the control itself.
func (c control) class() string {
	if c.mono {
		return c.width + " mono"
	}
	return c.width
}

// optionID returns the id of an option. The first option has the id of the group, so that a link to
// the group focuses it.
func (c control) optionID(i int) string {
	if i == 0 {
		return c.id
	}
	return c.id + "-" + slug(c.options[i].value)
}

// slug returns s with a hyphen for each character that is not a letter, a digit or a hyphen.
func slug(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, s)
}

// fixed returns the value that the policy enforces for a control, or false if it enforces none.
func (f form) fixed(control string) (policy.Fixed, bool) {
	name := strings.TrimPrefix(control, "choice.")
	i := slices.IndexFunc(f.Offer.Enforced, func(v policy.Fixed) bool { return v.Field == name })
	if i < 0 {
		return policy.Fixed{}, false
	}
	return f.Offer.Enforced[i], true
}

// fixedFact returns an enforced value as the check page shows it.
func (f form) fixedFact(ctx context.Context, v policy.Fixed) fact {
	field, _ := param.FieldNamed(v.Field)
	p := CheckPage{
		Shell: f.Shell,
		Call:  backup.Call{Params: param.Params{"SourceType": string(f.Source), v.Field: v.Value}},
	}
	return p.fact(ctx, field)
}

var wordFixed = param.Both("Set by rule %v", "由规则 %v 设定")

// fixedWhy returns the rule of an enforced value, its reason and its owner.
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
