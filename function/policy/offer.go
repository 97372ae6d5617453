package policy

import (
	"slices"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/set"
)

// An Offer is what the rules grant for one kind of backup, all of them taken
// together. It is for forms, which show limits before they hurt; a choice from
// it may still be refused, because one rule must allow the whole backup.
type Offer struct {
	Granted     bool     // some rule grants this kind; if not, all else is empty
	Instances   []string // in the order of the file
	AnyInstance bool     // some rule grants every instance, or all whose ids begin alike or that have some tags
	Clusters    []string
	AnyCluster  bool
	Scripts     []string
	CopyRegions []string

	RetentionMin, RetentionMax int64  // days, over all rules
	Lines                      []Line // the retention that each rule grants
	CopyLines                  []Line // the same for copies, of the rules that grant some

	Enforced []Fixed      // values that all the rules enforce
	Defaults param.Params // values that all the rules give where nothing is said
}

// A Fixed is a value that cannot be chosen, and why.
type Fixed struct {
	Field, Value string
	Rule         string
	Reason       param.Text // empty if the policy does not say
	Owner        param.Text // empty if the policy does not say
}

// A Line is the range of days in one rule, and why.
type Line struct {
	Rule     string
	Min, Max int64      // days
	Reason   param.Text // empty if the policy does not say
	Owner    param.Text // empty if the policy does not say
}

// Accounts lists the accounts in which who may do something: those that are
// switched on and that a rule of theirs names. The portal's own come first, then
// the order of the file.
func (p *Policy) Accounts(who identity.Principal, do backup.Action) []backup.Account {
	var own, others []backup.Account
	rules := p.theirs(who, do)
	for _, a := range p.accounts {
		switch named := slices.ContainsFunc(rules, func(r rule) bool { return slices.Contains(r.accounts, a.Alias) }); {
		case !a.enabled || !named:
		case a.Access == backup.Own:
			own = append(own, a.Account)
		default:
			others = append(others, a.Account)
		}
	}
	return append(own, others...)
}

// theirs are the rules that let who do something.
func (p *Policy) theirs(who identity.Principal, do backup.Action) (rules []rule) {
	teams := p.teamsOf(who)
	for _, r := range p.rules {
		if _, ok := first(r.teams, teams); ok && slices.Contains(r.actions, do) {
			rules = append(rules, r)
		}
	}
	return rules
}

// Regions lists the regions of an account in which who may create backups: those
// that a rule of theirs names together with it. There are none if the account
// cannot be chosen.
func (p *Policy) Regions(who identity.Principal, alias string) []string {
	a, ok := p.account(alias)
	if !ok || !a.enabled {
		return nil
	}
	var regions []string
	rules := p.theirs(who, backup.ActionCreate)
	for _, region := range a.Regions {
		if slices.ContainsFunc(rules, func(r rule) bool {
			return slices.Contains(r.accounts, alias) && slices.Contains(r.regions, region)
		}) {
			regions = set.Union(regions, region)
		}
	}
	return regions
}

// Offer gathers what the rules grant who for backups of kind source. Rules that
// only name accounts that are switched off are left out.
func (p *Policy) Offer(who identity.Principal, source param.SourceType) Offer {
	var o Offer
	var rules []rule
	for _, r := range p.theirs(who, backup.ActionCreate) {
		if slices.Contains(r.sources, source) && slices.ContainsFunc(r.accounts, p.usable) {
			o.add(r, source)
			rules = append(rules, r)
		}
	}
	o.agree(rules, source)
	return o
}

// agree adds the values that all the rules enforce, and those that all of them
// give: what only some do depends on what will be chosen.
func (o *Offer) agree(rules []rule, source param.SourceType) {
	for _, f := range param.Fields {
		if len(rules) == 0 || !f.ForSource(source) {
			continue
		}
		first := rules[0]
		differs := func(say func(rule) string) bool {
			return slices.ContainsFunc(rules, func(r rule) bool { return say(r) != say(first) })
		}
		if value := first.enforced[f.Name]; value != "" && !differs(func(r rule) string { return r.enforced[f.Name] }) {
			o.Enforced = append(o.Enforced, Fixed{f.Name, value, first.id, first.reason, first.owner})
			continue
		}
		if value := first.given(f.Name); value != "" && !differs(func(r rule) string { return r.given(f.Name) }) {
			if o.Defaults == nil {
				o.Defaults = param.Params{}
			}
			o.Defaults[f.Name] = value
		}
	}
}

// usable reports whether the account is switched on.
func (p *Policy) usable(alias string) bool {
	a, _ := p.account(alias)
	return a.enabled
}

// add puts what r grants into o. Scripts and copies exist for some kinds of
// backup only; the table of fields knows which.
func (o *Offer) add(r rule, source param.SourceType) {
	if !o.Granted || r.retention.min < o.RetentionMin {
		o.RetentionMin = r.retention.min
	}
	o.RetentionMax = max(o.RetentionMax, r.retention.max)
	o.Granted = true
	o.Lines = append(o.Lines, r.line(r.retention))
	if source == param.Container {
		o.Clusters = set.Union(o.Clusters, r.clusters.ids...)
		o.AnyCluster = o.AnyCluster || r.clusters.any
	} else {
		o.Instances = set.Union(o.Instances, r.instances.ids...)
		o.AnyInstance = o.AnyInstance || r.instances.any || len(r.instances.prefixes) > 0 || r.instances.tags != nil
	}
	if f, _ := param.FieldNamed("Detail.preScriptPath"); f.ForSource(source) {
		o.Scripts = set.Union(o.Scripts, r.scripts...)
	}
	if f, _ := param.FieldNamed("Detail.doCopy"); f.ForSource(source) && r.copies != nil {
		o.CopyRegions = set.Union(o.CopyRegions, r.copies.regions...)
		o.CopyLines = append(o.CopyLines, r.line(r.copies.retention))
	}
}

func (r rule) line(d days) Line {
	return Line{Rule: r.id, Min: d.min, Max: d.max, Reason: r.reason, Owner: r.owner}
}
