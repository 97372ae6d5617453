package policy

import (
	"context"
	"slices"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/set"
)

// A Verdict says whether one rule allows a request, and if not, why.
type Verdict struct {
	Rule    string // the id of the rule; empty if the condition does not depend on a rule
	Allows  bool
	Field   string // the parameter of the first condition that does not hold; empty if there is none
	Because string // the first condition that does not hold, in English; empty if Allows
}

// Explain returns for every rule, in the order of the policy file, whether it allows who to do
// the action with the given parameters. If a condition before the rules is not met, the result
// has only that condition.
//
// Unlike [Policy.Decide] it hides nothing, because it is for operators, who can read the file.
// It may call the cloud for tags, as Decide does.
func (p *Policy) Explain(ctx context.Context, who identity.Principal, do backup.Action, given param.Params) []Verdict {
	alias := given["Account"]
	a, known := p.account(alias)
	switch {
	case !known:
		return []Verdict{{Field: "Account", Because: "The account " + alias + " does not exist"}}
	case !slices.Contains(a.Regions, given["Region"]):
		return []Verdict{{Field: "Region", Because: msgNoRegion.Fill(param.English, a.Label(), given["Region"])}}
	case do == backup.ActionCreate && !p.enabled:
		return []Verdict{{Because: msgSwitchedOff.En}}
	case do == backup.ActionCreate && !a.enabled:
		return []Verdict{{Field: "Account", Because: msgAccountOff.Fill(param.English, a.Label())}}
	}
	teams := p.teamsOf(who)
	seen := &tagLookup{policy: p, who: who, params: given}
	verdicts := make([]Verdict, len(p.rules))
	for i, r := range p.rules {
		verdicts[i] = r.verdict(ctx, seen, teams, do)
	}
	return verdicts
}

// verdict returns whether r allows the request for a member of teams.
func (r rule) verdict(ctx context.Context, seen *tagLookup, teams []int, do backup.Action) Verdict {
	v := Verdict{Rule: r.id}
	if _, shared := firstCommon(r.teams, teams); !shared {
		v.Because = "The rule does not apply to a team of this identity"
		return v
	}
	if !slices.Contains(r.actions, do) {
		v.Because = "The rule does not allow " + string(do)
		return v
	}
	failed, ok := r.covers(seen.params)
	if ok && do == backup.ActionCreate {
		failed, ok = r.allows(seen.params, r.fill(seen.params))
	}
	if ok {
		if _, ok = seen.has(ctx, r); !ok {
			v.Field, v.Because = "InstanceId", "The rule applies only to instances with "+strings.Join(r.instances.tagWords(), ", ")
			return v
		}
	}
	if v.Allows = ok; !ok {
		v.Field, v.Because = failed.Field, failed.In(param.English)
	}
	return v
}

// Issuers returns the issuers (sign-in services) of the members of all teams, each once, in the
// order of the policy file.
func (p *Policy) Issuers() (issuers []string) {
	for _, t := range p.teams {
		for _, m := range t.members {
			if m.issuer != "" {
				issuers = set.Union(issuers, m.issuer)
			}
		}
	}
	return issuers
}
