package policy

import (
	"context"
	"slices"
	"strconv"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// Decide returns the grant of the first rule that lets who make the backup. If
// there is none, denied is not empty: what stands in the way of every rule, or
// else the first condition that does not hold of each rule for a team of theirs,
// in the order of the file. Of the rules of others they learn nothing, nor
// whether there is an account that no rule of theirs names. The cloud is asked
// for nothing but the tags of the instance, and only if a rule names some whose
// other conditions all hold.
func (p *Policy) Decide(
	ctx context.Context,
	who identity.Principal,
	given param.Params,
) (grant backup.Grant, denied []param.Mistake) {
	teams := p.teamsOf(who)
	a, stop, ok := p.beforeRules(teams, given)
	if !ok {
		return backup.Grant{}, []param.Mistake{stop}
	}
	seen := &tagLookup{policy: p, who: who, params: given}
	lets := func(r rule) bool {
		_, ok := r.allows(given, r.fill(given))
		return ok
	}
	plain, found := p.plain(teams, given, lets)
	before := len(p.rules)
	if found {
		before = plain
	}
	tagged, foundTagged := p.byTags(ctx, seen, teams, before, lets)
	if foundTagged {
		plain, found = tagged, true
	}
	if found {
		r := p.rules[plain]
		return p.grant(r, who, teams, a, r.fill(given)), nil
	}
	for _, i := range p.concerning(teams, given) {
		if r := p.rules[i]; slices.Contains(r.actions, backup.ActionCreate) {
			failed, _ := r.lets(ctx, seen, r.fill(given))
			denied = append(denied, failed)
		}
	}
	if denied == nil {
		denied = []param.Mistake{mistake("", msgNoRule)}
	}
	return backup.Grant{}, denied
}

// plain finds the first rule that goes by no tags and that lets says yes to.
func (p *Policy) plain(teams []int, params param.Params, lets func(rule) bool) (number int, ok bool) {
	container := params.SourceType() == param.Container
	for i := range merged(p.index.plain(teams, params)) {
		if r := p.rules[i]; (container || r.instances.tags == nil) && lets(r) {
			return i, true
		}
	}
	return 0, false
}

// byTags finds the first rule before a number that goes by tags which the instance
// has, and that lets says yes to. Without such a rule nobody is asked for the tags.
func (p *Policy) byTags(
	ctx context.Context,
	seen *tagLookup,
	teams []int,
	before int,
	lets func(rule) bool,
) (number int, ok bool) {
	asks := false
	for i := range merged(p.index.byTags(teams, seen.params)) {
		if asks = i < before && lets(p.rules[i]); asks || i >= before {
			break
		}
	}
	if !asks {
		return 0, false
	}
	for i := range merged(p.index.having(teams, seen.params, seen.look(ctx))) {
		if i >= before {
			break
		}
		if r := p.rules[i]; lets(r) {
			if _, has := seen.has(ctx, r); has {
				return i, true
			}
		}
	}
	return 0, false
}

// lets checks all that r asks for, the tags of the instance last.
func (r rule) lets(ctx context.Context, seen *tagLookup, values param.Params) (param.Mistake, bool) {
	if failed, ok := r.allows(seen.params, values); !ok {
		return failed, false
	}
	return seen.has(ctx, r)
}

// mostLines is how many rules a refusal speaks of.
const mostLines = 20

// concerning are the rules for the teams. If these are many, only those that may
// cover the backup: nobody reads a hundred lines about other instances.
func (p *Policy) concerning(teams []int, given param.Params) (rules []int) {
	for i, r := range p.rules {
		if _, theirs := first(r.teams, teams); theirs {
			if rules = append(rules, i); len(rules) > mostLines {
				break
			}
		}
	}
	if len(rules) > mostLines {
		rules = rules[:0]
		for i := range p.index.covering(teams, given) {
			if rules = append(rules, i); len(rules) == mostLines {
				break
			}
		}
	}
	return rules
}

// May reports whether who may do this with a submission of a backup with these
// parameters: if a rule of theirs with that action covers its account, region,
// kind and resource. How long it is kept, what was copied and which scripts ran
// do not matter, nor whether new backups are switched off. Tags are those that
// the instance has now.
func (p *Policy) May(ctx context.Context, who identity.Principal, do backup.Action, complete param.Params) bool {
	a, ok := p.account(complete["Account"])
	if !ok || !slices.Contains(a.Regions, complete["Region"]) {
		return false
	}
	covers := func(r rule) bool {
		_, ok := r.covers(complete)
		return ok && slices.Contains(r.actions, do)
	}
	teams := p.teamsOf(who)
	if _, ok := p.plain(teams, complete, covers); ok {
		return true
	}
	_, ok = p.byTags(ctx, &tagLookup{policy: p, who: who, params: complete}, teams, len(p.rules), covers)
	return ok
}

// beforeRules checks what must hold whatever the rules say. The switch comes
// first: while it is off, nobody need find out what else would be refused. An
// account that no rule of the teams names is like one that does not exist.
func (p *Policy) beforeRules(teams []int, given param.Params) (account, param.Mistake, bool) {
	alias, region := given["Account"], given["Region"]
	a, known := p.account(alias)
	switch {
	case !p.enabled:
		return a, mistake("", msgSwitchedOff), false
	case !known || !p.index.names(teams, alias):
		return a, mistake("Account", msgNoAccount, alias), false
	case !a.enabled:
		return a, mistake("Account", msgAccountOff, a.Label()), false
	case !slices.Contains(a.Regions, region):
		return a, mistake("Region", msgNoRegion, a.Label(), region), false
	}
	return a, param.Mistake{}, true
}

// first is the first of list that is in the other list, too.
func first(list, other []int) (int, bool) {
	for _, i := range list {
		if slices.Contains(other, i) {
			return i, true
		}
	}
	return 0, false
}

// allows checks every condition of r, and returns the first that does not hold
// as a mistake. Each condition looks at values of the request and of the rule
// alone, and a value that is missing where one is needed fails.
func (r rule) allows(given, values param.Params) (param.Mistake, bool) {
	if failed, ok := r.covers(given); !ok {
		return failed, false
	}
	if !slices.Contains(r.actions, backup.ActionCreate) {
		return mistake("", msgNoRule), false
	}
	if failed, ok := r.forces(given); !ok {
		return failed, false
	}
	if vault := given["VaultId"]; given.SourceType() != param.UDMECS && !r.vaults.cover(vault) && !r.vaults.cover(values["VaultId"]) {
		return r.leavesOut("VaultId", nounVault), false
	}
	if days := given["Retention"]; !r.retention.hold(days) && (days != "" || r.retention.usual == 0) {
		return r.allowsDays("Retention", r.retention), false
	}
	if failed, ok := r.allowsCopy(given); !ok {
		return failed, false
	}
	for _, field := range []string{"Detail.preScriptPath", "Detail.postScriptPath"} {
		if path := given[field]; path != "" && !slices.Contains(r.scripts, path) {
			return r.leavesOut(field, nounScript), false
		}
	}
	return param.Mistake{}, true
}

// covers checks the conditions that hold for seeing a backup too. They come
// first, so that whoever asks for something that is not theirs hears of that
// and not of the number of days.
func (r rule) covers(p param.Params) (param.Mistake, bool) {
	source := p.SourceType()
	switch {
	case !slices.Contains(r.accounts, p["Account"]):
		return r.leavesOut("Account", nounAccount), false
	case !slices.Contains(r.regions, p["Region"]):
		return r.leavesOut("Region", nounRegion), false
	case !slices.Contains(r.sources, source):
		return r.leavesOut("SourceType", nounSource), false
	case source == param.Container && !r.clusters.cover(p["ContainerClusterId"]):
		return r.leavesOut("ContainerClusterId", nounCluster), false
	case source != param.Container && !r.instances.cover(p["InstanceId"]):
		return r.leavesOut("InstanceId", nounInstance), false
	}
	return param.Mistake{}, true
}

// allowsCopy checks the conditions on a copy in another region. Whatever might
// make one counts as asking for one: the domain's checks come first, but a
// grant must not hang on them.
func (r rule) allowsCopy(p param.Params) (param.Mistake, bool) {
	do, to, retention := p["Detail.doCopy"], p["Detail.destinationRegionId"], p["Detail.destinationRetention"]
	switch {
	case (do == "" || do == "false") && to == "" && retention == "":
		return param.Mistake{}, true
	case r.copies == nil:
		return r.leavesOut("Detail.doCopy", nounCopy), false
	case !slices.Contains(r.copies.regions, to):
		return r.leavesOut("Detail.destinationRegionId", nounCopyRegion), false
	case !r.copies.retention.hold(retention):
		return r.allowsDays("Detail.destinationRetention", r.copies.retention), false
	}
	return param.Mistake{}, true
}

// hold reports whether value, as a number of days, lies within d. What is no
// number lies nowhere.
func (d days) hold(value string) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	return err == nil && d.min <= n && n <= d.max
}
