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

// Decide returns the grant of the first rule in the policy file that allows who (a person or
// program) to create a backup. given are the parameters as the caller gave them, without values
// that rules add; the grant has these values.
//
// If no rule allows the backup, denied says why, with at least one entry. If a condition before
// the rules is not met, denied has only this condition. Otherwise it has one entry for each
// rule (at most 20) for the teams of who that allows backup.create: the first condition of the
// rule that is not met. The entries reveal nothing about rules for other teams. An account that
// no rule for the teams names is refused like an account that does not exist.
//
// Decide calls the cloud only for the tags of the instance, and only if a rule with tags meets
// all its other conditions. It waits for at most 5 seconds. If the tags cannot be read, rules
// with tags do not allow the backup.
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

// firstUntagged returns the number of the first rule without tags for which the function lets
// returns true. It returns false if none exists. For a container backup every rule counts as
// one without tags, because tags belong to instances.
func (p *Policy) firstUntagged(teams []int, params param.Params, lets func(rule) bool) (number int, ok bool) {
	container := params.SourceType() == param.Container
	for i := range mergeRules(p.index.untagged(teams, params)) {
		if r := p.rules[i]; (container || r.instances.tags == nil) && lets(r) {
			return i, true
		}
	}
	return 0, false
}

// firstTagged returns the number of the first rule with tags that allows the request: its
// number is below before, lets returns true for it, and the instance has its tags. It returns
// false if none exists. It reads the tags only if a rule meets the other conditions, because
// reading them is a call of the cloud.
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
// first condition that is not met.
func (r rule) allowsWithTags(ctx context.Context, seen *tagLookup, values param.Params) (param.Mistake, bool) {
	if failed, ok := r.allows(seen.params, values); !ok {
		return failed, false
	}
	return seen.has(ctx, r)
}

// maxReasons is the maximum number of rules that a refusal explains.
const maxReasons = 20

// rulesToExplain returns the numbers of the rules that a refusal explains: all rules for the
// teams. If these are more than maxReasons, it returns the first maxReasons of the rules that
// may cover the requested resource.
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

// May reports whether who may do an action with an existing submission (a backup request) that
// has these complete parameters. It is true if a rule for one of the teams of who has the
// action and covers the account, region, source type and resource. It ignores retention,
// copies, scripts and the switches for new backups. A rule with tags counts only if the
// instance has them now; if they cannot be read, it does not count. May calls the cloud under
// the conditions of [Policy.Decide]. [Policy.PrefetchTags] avoids one call for each submission.
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

// beforeRules checks the conditions that do not depend on a rule, in the order of the package
// comment. The switch for all backups is first: while it is off, another reason does not help
// the caller. An account that no rule for the teams names gives the same mistake as one that
// does not exist.
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

// firstCommon returns the first element of list that is also in other, or false if there is
// none.
func firstCommon(list, other []int) (int, bool) {
	for _, i := range list {
		if slices.Contains(other, i) {
			return i, true
		}
	}
	return 0, false
}

// allows checks the conditions of r for creating a backup, except tags. It returns the first
// one that is not met, as a mistake. given are the caller's parameters, values those that r
// adds (rule.fill). A required value that is missing is a condition that is not met. allows
// does not rely on the checks of package param: an invalid value must not be allowed either.
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
	if !r.allowsReceivers(given) {
		return r.notCovered("Notify", nounReceiver), false
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

// covers checks the conditions that also apply to viewing and cancelling: account, region,
// source type and resource. They are checked first, so that a caller who names a resource of
// others is told that, and not, for example, the allowed range of days. It does not check tags.
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

// allowsCopy checks the conditions for a copy in another region. If the copy is off, its region
// and retention are ignored, because package param removes them.
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

// checkNotes reports whether the request has the reason and the ticket that the rule requires. A
// ticket must match the rule's pattern even if the rule does not require a ticket. If the result is
// false, the mistake says what is missing or wrong.
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

// allowsReceivers reports whether r lets a request choose all receivers that it names. A list that cannot be read is
// not allowed, because the policy does not depend on the validation.
func (r rule) allowsReceivers(given param.Params) bool {
	if given["Notify"] == "" {
		return true
	}
	names := given.Strings("Notify")
	for _, name := range names {
		if !slices.ContainsFunc(r.receivers, func(one receiver) bool { return one.name == name && one.takes(given["Account"]) }) {
			return false
		}
	}
	return len(names) > 0
}

// takes reports whether r gets messages about an account.
func (r receiver) takes(account string) bool {
	return r.accounts == nil || slices.Contains(r.accounts, account)
}

// words returns a colon and the required form of a ticket, in words. It returns "" if the form
// does not matter.
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

// mayBeOn reports whether a switch may be on: the caller or the rule gives it a value other
// than false. A value that is not a boolean counts as on, so that the policy does not depend on
// the validation.
func mayBeOn(name string, given, values param.Params) bool {
	value := cmp.Or(given[name], values[name])
	return value != "" && value != "false"
}

// contains reports whether value is the decimal form of a number of days in d.
func (d days) contains(value string) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	return err == nil && d.min <= n && n <= d.max
}
