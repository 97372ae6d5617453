package policy

import (
	"slices"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// A Rule describes one rule for a page that shows people what they may do.
type Rule struct {
	ID          string
	Accounts    []string // aliases
	Regions     []string
	SourceTypes []param.SourceType
	Teams       []string // the teams of the rule that the reader belongs to
	Actions     []backup.Action
	Resources   []string // ids, prefixes with "*" at the end, and tags as "key=value"; nil means any
	Min, Max    int64    // retention in days, both included; 0 without backup.create
	CopyRegions []string
	Scripts     []string
	Defaults    param.Params
	Enforced    param.Params
	Limits      []param.Text // cool-down, rate and quota, as phrases
	Reason      param.Text   // empty if the policy does not say
	Owner       param.Text   // empty if the policy does not say

	// AccountLabels has the labels ([backup.Account.Label]) of Accounts, in the same order.
	AccountLabels []param.Text
}

// Contacts returns the owners of all rules that allow new backups, each once, in the order of
// the policy file. The result is the same for every person: people without rights need to know
// whom to ask.
func (p *Policy) Contacts() (owners []param.Text) {
	for _, r := range p.rules {
		if r.owner != (param.Text{}) && slices.Contains(r.actions, backup.ActionCreate) && !slices.Contains(owners, r.owner) {
			owners = append(owners, r.owner)
		}
	}
	return owners
}

// Rules returns the rules for the teams of who, in the order of the file. The lists in the
// result must not be changed.
func (p *Policy) Rules(who identity.Principal) []Rule {
	teams := p.teamsOf(who)
	rules := p.rulesFor(who, backup.ActionView) // the loader refuses a rule without it
	out := make([]Rule, len(rules))
	for i, r := range rules {
		out[i] = Rule{
			ID:          r.id,
			Actions:     r.actions,
			Limits:      p.limits(r, teams),
			Defaults:    r.defaults,
			Enforced:    r.enforced,
			Accounts:    r.accounts,
			Regions:     r.regions,
			SourceTypes: r.sources,
			Min:         r.retention.min,
			Max:         r.retention.max,
			Scripts:     r.scripts,
			Reason:      r.reason,
			Owner:       r.owner,
		}
		if !r.instances.any && !r.clusters.any {
			out[i].Resources = slices.Concat(r.instances.ids, r.instances.tagWords(), r.clusters.ids)
			for _, prefix := range r.instances.prefixes {
				out[i].Resources = append(out[i].Resources, prefix+"*")
			}
		}
		for _, alias := range r.accounts {
			a, _ := p.account(alias)
			out[i].AccountLabels = append(out[i].AccountLabels, a.Label())
		}
		for _, team := range r.teams {
			if slices.Contains(teams, team) {
				out[i].Teams = append(out[i].Teams, p.teams[team].name)
			}
		}
		if r.copies != nil {
			out[i].CopyRegions = r.copies.regions
		}
	}
	return out
}
