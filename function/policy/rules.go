package policy

import (
	"slices"

	"backupportal/function/backup"
)

// A Rule is one rule in words for people: what is not in it is not granted.
type Rule struct {
	ID          string
	Accounts    []string // aliases
	Regions     []string
	SourceTypes []backup.SourceType
	Resources   []string // ids of instances and clusters; nil means any
	Min, Max    int64    // days
	CopyRegions []string
	Scripts     []string
	Reason      backup.Text // empty if the policy does not say
	Owner       string      // empty if the policy does not say
}

// Rules lists the rules in the order of the file. In this version they are
// everybody's.
func (p *Policy) Rules() []Rule {
	out := make([]Rule, len(p.rules))
	for i, r := range p.rules {
		out[i] = Rule{
			ID: r.id, Accounts: r.accounts, Regions: r.regions, SourceTypes: r.sources,
			Min: r.retention.min, Max: r.retention.max, Scripts: r.scripts, Reason: r.reason, Owner: r.owner,
		}
		if !r.instances.any && !r.clusters.any {
			out[i].Resources = slices.Concat(r.instances.ids, r.clusters.ids)
		}
		if r.copies != nil {
			out[i].CopyRegions = r.copies.regions
		}
	}
	return out
}
