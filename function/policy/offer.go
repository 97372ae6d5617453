package policy

import (
	"context"
	"maps"
	"slices"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
	"backupportal/function/set"
)

// An Offer is everything that the rules allow one principal for one source type, taken
// together. The form shows it, so that a person sees the limits before submitting. A
// combination of its values may still be refused, because one single rule must allow all of
// them.
type Offer struct {
	Granted     bool     // a rule grants this source type; if false, all other fields are zero
	Instances   []string // ids that rules list, in the order of the file
	AnyInstance bool     // a rule also grants instances that are not in the list
	Clusters    []string
	AnyCluster  bool
	Scripts     []string
	CopyRegions []string

	RetentionMin, RetentionMax int64  // days; the smallest and largest over all rules
	Lines                      []Line // the retention of each rule
	CopyLines                  []Line // the retention of copies, of each rule that grants copies
	Notes                      []Note // what each rule requires of the reason and the ticket, if anything

	Enforced []Fixed      // values that every rule enforces
	Defaults param.Params // values that every rule adds to a request that does not give them
}

// A Fixed is a value that every rule enforces, with the id, reason and owner of the first of
// these rules.
type Fixed struct {
	Field, Value string
	Rule         string
	Reason       param.Text // empty if the policy does not say
	Owner        param.Text // empty if the policy does not say
}

// A Line is the range of days for which one rule allows backups to be kept, with the rule's
// reason and owner.
type Line struct {
	Rule     string
	Min, Max int64      // days, both included
	Reason   param.Text // empty if the policy does not say
	Owner    param.Text // empty if the policy does not say
}

// A Note is what one rule requires of the reason and the ticket of a request.
type Note struct {
	Rule          string
	Why           bool // a reason is required
	Ticket        Ticket
	Reason, Owner param.Text // reason and owner of the rule; empty if the policy does not give them
}

// A Ticket is what a rule requires of a ticket.
type Ticket struct {
	Required         bool
	Pattern, Example string // empty if the policy does not say
}

// Accounts returns the enabled accounts in which a rule allows who the action. Accounts with
// the access own come first; within both groups the order is that of the policy file.
func (p *Policy) Accounts(who identity.Principal, do backup.Action) []backup.Account {
	var own, others []backup.Account
	rules := p.rulesFor(who, do)
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

// Aliases returns the aliases of all accounts that are switched on, in the order of the file.
func (p *Policy) Aliases() (all []string) {
	for _, a := range p.accounts {
		if a.enabled {
			all = append(all, a.Alias)
		}
	}
	return all
}

// Choosable returns the receivers that who may choose in a request with the other parameters given, in the order of
// the policy file, without their secrets. Each can be chosen alone. Two of them together may still be refused, because
// one rule must allow both.
func (p *Policy) Choosable(ctx context.Context, who identity.Principal, given param.Params) (all []backup.Receiver) {
	rules := p.rulesFor(who, backup.ActionCreate)
	for _, r := range p.notifications.Receivers {
		if !slices.ContainsFunc(rules, func(one rule) bool { return slices.Contains(one.receiverNames(), r.Name) }) {
			continue
		}
		with := maps.Clone(given)
		with["Notify"] = param.StringList([]string{r.Name})
		if _, denied := p.Decide(ctx, who, with); denied == nil {
			r.URL, r.Secret = secret.String{}, secret.String{}
			all = append(all, r)
		}
	}
	return all
}

// rulesFor returns the rules for a team of who that have the action do, in the order of the
// file.
func (p *Policy) rulesFor(who identity.Principal, do backup.Action) (rules []rule) {
	teams := p.teamsOf(who)
	for _, r := range p.rules {
		if _, ok := firstCommon(r.teams, teams); ok && slices.Contains(r.actions, do) {
			rules = append(rules, r)
		}
	}
	return rules
}

// Regions returns the regions of an account in which a rule allows who to create backups. It
// returns nil if the account is unknown or disabled.
func (p *Policy) Regions(who identity.Principal, alias string) []string {
	a, ok := p.account(alias)
	if !ok || !a.enabled {
		return nil
	}
	var regions []string
	rules := p.rulesFor(who, backup.ActionCreate)
	for _, region := range a.Regions {
		if slices.ContainsFunc(rules, func(r rule) bool {
			return slices.Contains(r.accounts, alias) && slices.Contains(r.regions, region)
		}) {
			regions = set.Union(regions, region)
		}
	}
	return regions
}

// Offer returns what the rules grant who for backups of a source type. Rules whose accounts
// are all switched off are left out.
func (p *Policy) Offer(who identity.Principal, source param.SourceType) Offer {
	var o Offer
	var rules []rule
	for _, r := range p.rulesFor(who, backup.ActionCreate) {
		if slices.Contains(r.sources, source) && slices.ContainsFunc(r.accounts, p.accountEnabled) {
			o.add(r, source)
			rules = append(rules, r)
		}
	}
	o.addCommonValues(rules, source)
	return o
}

// addCommonValues adds to o the values that every one of rules enforces, or has as default. A
// value that differs between rules is left out, because it depends on the request which rule
// decides.
func (o *Offer) addCommonValues(rules []rule, source param.SourceType) {
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
		if value := first.preset(f.Name); value != "" && !differs(func(r rule) string { return r.preset(f.Name) }) {
			if o.Defaults == nil {
				o.Defaults = param.Params{}
			}
			o.Defaults[f.Name] = value
		}
	}
}

// accountEnabled reports whether the account with that alias is switched on.
func (p *Policy) accountEnabled(alias string) bool {
	a, _ := p.account(alias)
	return a.enabled
}

// add adds to o what r grants. Scripts and copies exist only for some source types;
// param.Fields says for which.
func (o *Offer) add(r rule, source param.SourceType) {
	if !o.Granted || r.retention.min < o.RetentionMin {
		o.RetentionMin = r.retention.min
	}
	o.RetentionMax = max(o.RetentionMax, r.retention.max)
	o.Granted = true
	o.Lines = append(o.Lines, r.line(r.retention))
	if r.why || r.ticket != (ticket{}) {
		o.Notes = append(o.Notes, r.note())
	}
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

// note returns what r requires of the reason and the ticket.
func (r rule) note() Note {
	ticket := Ticket{Required: r.ticket.required, Pattern: r.ticket.source, Example: r.ticket.example}
	return Note{Rule: r.id, Why: r.why, Ticket: ticket, Reason: r.reason, Owner: r.owner}
}

// line returns the days that r allows, with the rule's reason and owner.
func (r rule) line(d days) Line {
	return Line{Rule: r.id, Min: d.min, Max: d.max, Reason: r.reason, Owner: r.owner}
}
