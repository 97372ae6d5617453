package policy

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// Decide returns the grant of the first rule, in the order of the file, that allows the principal
// who to create the backup. given are the parameters as the caller gave them, without values
// and defaults of rules; the grant contains the values that the rule adds.
//
// If no rule allows the backup, denied has at least one entry: either the one condition
// before the rules that does not hold, or, for each rule for who's teams that allows
// backup.create, the first condition that does not hold (at most 20 rules). The entries
// say nothing about rules for other teams. An account that no rule for who's teams names is
// refused like an account that does not exist.
//
// Decide calls the cloud only for the tags of the instance, and only if a rule names tags
// and all its other conditions hold. The wait is at most 5 seconds. If tags cannot be read,
// rules with tags do not allow the backup.
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
	number, found := p.firstUntagged(teams, given, lets)
	before := len(p.rules)
	if found {
		before = number
	}
	tagged, foundTagged := p.firstTagged(ctx, seen, teams, before, lets)
	if foundTagged {
		number, found = tagged, true
	}
	if found {
		r := p.rules[number]
		return p.grant(r, who, teams, a, r.fill(given)), nil
	}
	for _, i := range p.rulesToExplain(teams, given) {
		if r := p.rules[i]; slices.Contains(r.actions, backup.ActionCreate) {
			failed, _ := r.allowsWithTags(ctx, seen, r.fill(given))
			denied = append(denied, failed)
		}
	}
	if denied == nil {
		denied = []param.Mistake{mistake("", msgNoRule)}
	}
	return backup.Grant{}, denied
}

// firstUntagged returns the number of the first rule without tags for which lets is true,
// or false. For a container backup, tags of instances do not matter, so
// every rule counts as one without tags.
func (p *Policy) firstUntagged(teams []int, params param.Params, lets func(rule) bool) (number int, ok bool) {
	container := params.SourceType() == param.Container
	for i := range mergeRules(p.index.untagged(teams, params)) {
		if r := p.rules[i]; (container || r.instances.tags == nil) && lets(r) {
			return i, true
		}
	}
	return 0, false
}

// firstTagged returns the number of the first rule below before that names tags, for which
// lets is true, and whose tags the instance has; or false. It reads the
// tags only if such a rule without the last condition exists: the cloud is called only if
// the tags can change the answer.
func (p *Policy) firstTagged(
	ctx context.Context,
	seen *tagLookup,
	teams []int,
	before int,
	lets func(rule) bool,
) (number int, ok bool) {
	asks := false
	for i := range mergeRules(p.index.byTag(teams, seen.params)) {
		if asks = i < before && lets(p.rules[i]); asks || i >= before {
			break
		}
	}
	if !asks {
		return 0, false
	}
	for i := range mergeRules(p.index.withTags(teams, seen.params, seen.read(ctx))) {
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

// allowsWithTags checks all conditions of r, the tags of the instance last. It returns the
// first condition that does not hold.
func (r rule) allowsWithTags(ctx context.Context, seen *tagLookup, values param.Params) (param.Mistake, bool) {
	if failed, ok := r.allows(seen.params, values); !ok {
		return failed, false
	}
	return seen.has(ctx, r)
}

// maxReasons limits how many rules a refusal explains.
const maxReasons = 20

// rulesToExplain returns the numbers of the rules that a refusal explains: all rules for
// the teams, or, if these are more than maxReasons, only the first maxReasons of them that
// may cover the resource of the request.
func (p *Policy) rulesToExplain(teams []int, given param.Params) (rules []int) {
	for i, r := range p.rules {
		if _, shared := firstCommon(r.teams, teams); shared {
			if rules = append(rules, i); len(rules) > maxReasons {
				break
			}
		}
	}
	if len(rules) > maxReasons {
		rules = rules[:0]
		for i := range p.index.covering(teams, given) {
			if rules = append(rules, i); len(rules) == maxReasons {
				break
			}
		}
	}
	return rules
}

// May reports whether who may do the action do with an existing submission that has these
// complete parameters. It is true if a rule for one of who's teams has the action and
// covers the account, region, source type and resource. Retention, copies, scripts and the
// switches for new backups do not matter. Tags are the present ones, and a
// rule with tags does not match if they cannot be read. May calls the cloud under the
// conditions of [Policy.Decide]; [Policy.PrefetchTags] avoids one call for each submission.
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
	if _, ok := p.firstUntagged(teams, complete, covers); ok {
		return true
	}
	_, ok = p.firstTagged(ctx, &tagLookup{policy: p, who: who, params: complete}, teams, len(p.rules), covers)
	return ok
}

// beforeRules checks the conditions that do not depend on one rule, in the order of the
// package comment. The switch for all backups is first: while it is off, other reasons for
// a refusal do not help the caller. An account that no rule for the teams names gives the
// same mistake as an account that does not exist.
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

// firstCommon returns the first element of list that other contains, or false.
func firstCommon(list, other []int) (int, bool) {
	for _, i := range list {
		if slices.Contains(other, i) {
			return i, true
		}
	}
	return 0, false
}

// allows checks the conditions of r for creating a backup, except tags, and returns the
// first that does not hold as a mistake. given are the caller's parameters; values are
// the values that r adds to them (rule.fill). A required value that is missing does not hold.
// The conditions do not rely on the validation of package param: a value that is not
// valid must not be granted either.
func (r rule) allows(given, values param.Params) (param.Mistake, bool) {
	if failed, ok := r.covers(given); !ok {
		return failed, false
	}
	if !slices.Contains(r.actions, backup.ActionCreate) {
		return mistake("", msgNoRule), false
	}
	if failed, ok := r.checkEnforced(given); !ok {
		return failed, false
	}
	needsVault := given.SourceType() != param.UDMECS
	if needsVault && !r.vaults.covers(given["VaultId"]) && !r.vaults.covers(values["VaultId"]) {
		return r.notCovered("VaultId", nounVault), false
	}
	if days := given["Retention"]; !r.retention.contains(days) && (days != "" || r.retention.preset == 0) {
		return r.outsideDays("Retention", r.retention), false
	}
	if failed, ok := r.allowsCopy(given, values); !ok {
		return failed, false
	}
	if failed, ok := r.checkNotes(given); !ok {
		return failed, false
	}
	if !mayBeOn("Detail.appConsistent", given, values) {
		return param.Mistake{}, true // the scripts are ignored
	}
	for _, field := range []string{"Detail.preScriptPath", "Detail.postScriptPath"} {
		if path := given[field]; path != "" && !slices.Contains(r.scripts, path) {
			return r.notCovered(field, nounScript), false
		}
	}
	return param.Mistake{}, true
}

// covers checks the conditions that viewing and cancelling have too: account, region, source
// type and resource. They are checked first, so that a caller who names a foreign resource
// is told that and not, for example, a range of days. Tags are not checked.
func (r rule) covers(p param.Params) (param.Mistake, bool) {
	source := p.SourceType()
	switch {
	case !slices.Contains(r.accounts, p["Account"]):
		return r.notCovered("Account", nounAccount), false
	case !slices.Contains(r.regions, p["Region"]):
		return r.notCovered("Region", nounRegion), false
	case !slices.Contains(r.sources, source):
		return r.notCovered("SourceType", nounSource), false
	case source == param.Container && !r.clusters.covers(p["ContainerClusterId"]):
		return r.notCovered("ContainerClusterId", nounCluster), false
	case source != param.Container && !r.instances.covers(p["InstanceId"]):
		return r.notCovered("InstanceId", nounInstance), false
	}
	return param.Mistake{}, true
}

// allowsCopy checks the conditions on a copy in another region. The region and the retention of a
// copy that is off are ignored, as package param removes them.
func (r rule) allowsCopy(given, values param.Params) (param.Mistake, bool) {
	to, retention := given["Detail.destinationRegionId"], given["Detail.destinationRetention"]
	switch {
	case !mayBeOn("Detail.doCopy", given, values):
		return param.Mistake{}, true
	case r.copies == nil:
		return r.notCovered("Detail.doCopy", nounCopy), false
	case !slices.Contains(r.copies.regions, to):
		return r.notCovered("Detail.destinationRegionId", nounCopyRegion), false
	case !r.copies.retention.contains(retention):
		return r.outsideDays("Detail.destinationRetention", r.copies.retention), false
	}
	return param.Mistake{}, true
}

// checkNotes checks the reason and the ticket of a request.
func (r rule) checkNotes(given param.Params) (param.Mistake, bool) {
	switch text := given["Ticket"]; {
	case r.why && strings.TrimSpace(given["Reason"]) == "":
		return r.explained(mistake("Reason", msgWhy, r.id)), false
	case text == "" && r.ticket.required:
		return r.explained(mistake("Ticket", msgTicket, r.id, r.ticket.words())), false
	case text != "" && r.ticket.pattern != nil && !r.ticket.pattern.MatchString(text):
		return r.explained(mistake("Ticket", msgTicketForm, r.id, r.ticket.words())), false
	}
	return param.Mistake{}, true
}

// words returns the form of a ticket for people, with a colon before it; empty if every text is one.
func (t ticket) words() param.Text {
	switch {
	case t.source != "" && t.example != "":
		return param.Text{En: ": it must match " + t.source + ", such as " + t.example, Zh: "：须符合 " + t.source + "，例如 " + t.example}
	case t.source != "":
		return param.Text{En: ": it must match " + t.source, Zh: "：须符合 " + t.source}
	case t.example != "":
		return param.Text{En: ", such as " + t.example, Zh: "，例如 " + t.example}
	}
	return param.Text{}
}

// mayBeOn reports whether a switch may be on: the caller or the rule gives it another value than
// false. A value that is no boolean counts as on, because a grant must not depend on the validation.
func mayBeOn(name string, given, values param.Params) bool {
	value := cmp.Or(given[name], values[name])
	return value != "" && value != "false"
}

// contains reports whether value is the decimal form of a number of days in d.
func (d days) contains(value string) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	return err == nil && d.min <= n && n <= d.max
}
