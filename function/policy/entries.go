package policy

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// Allowed forms of names and ids. Those of roles follow RAM, those of external ids follow STS
// (AssumeRole, ExternalId). Ids of instances follow ECS, which uses lower case only.
var (
	nameShape     = shape{`[a-z][a-z0-9-]{0,62}`, "a lower-case letter, then up to 62 lower-case letters, digits and hyphens"}
	digitsShape   = shape{`[0-9]{16}`, "16 digits in quotes"}
	roleShape     = shape{`[A-Za-z0-9._-]{1,64}`, "the role's name only, up to 64 letters, digits, dots, underscores and hyphens"}
	variableShape = shape{`[A-Z][A-Z0-9_]{0,127}`, "the name of an environment variable in upper case"}
	externalShape = shape{`[0-9A-Za-z_+=,.@:/-]+`, "2 to 1224 letters, digits and characters of _+=,.@:/-"}
	instanceShape = shape{`i-[0-9a-z]{1,62}`, "i- and up to 62 lower-case letters and digits"}
	prefixShape   = shape{`i-[0-9a-z]{1,61}`, "the beginning of an instance ID, starting with i-"}
	vaultShape    = shape{`v-[0-9A-Za-z]{1,62}`, "v- and up to 62 letters and digits"}
	clusterShape  = shape{`cc-[0-9A-Za-z-]{1,61}`, "cc- and up to 61 letters, digits and hyphens"}
	scriptShape   = shape{`(/[A-Za-z0-9._-]+)+`, "an absolute path of letters, digits, dots, underscores and hyphens"}
)

// policy reads the whole policy file. A file without rules is valid and allows nothing, so that
// a new installation can start. The calls are in this order because an entry must be read
// before other entries that name it.
func (l *loader) policy(top place) *Policy {
	m := l.mapping(
		top,
		[]string{"version", "enabled", "accounts"},
		[]string{"defaults", "teams", "tokens", "pipelines", "sources", "rules", "operators", "notifications", "prices", "presets", "expectations", "objects"},
	)
	if v := m["version"]; l.number(v) != 1 && v.node != nil {
		l.wrong(v, "is not supported: write 1")
	}
	var rate, requests backup.Rate
	l.cooldown, rate, requests = l.defaultLimits(m["defaults"]) // before the rules, which use it
	p := &Policy{
		requests: requests,
		enabled:  l.flag(m["enabled"]),
		accounts: list(l, m["accounts"], l.account), // before the entries that name them
		teams:    list(l, m["teams"], l.team),
		rate:     rate,
	}
	p.tokens = list(l, m["tokens"], l.token)
	if len(p.tokens) > maxTokens {
		l.wrong(m["tokens"], "has %d tokens: write at most %d", len(p.tokens), maxTokens)
	}
	p.presets = l.presetList(m["presets"]) // before the sources, which use them
	p.objects = l.objectList(m["objects"])
	p.pipelines = list(l, m["pipelines"], l.pipeline)
	p.sources = list(l, m["sources"], l.source)
	p.notifications = l.notifications(m["notifications"]) // before the rules, which use it
	p.rules = list(l, m["rules"], l.rule)
	l.unused(p.rules)
	p.operators = list(l, m["operators"], l.teamOf)
	p.expectations = l.expectationList(m["expectations"])
	p.prices = l.priceTable(m["prices"])
	p.index = newIndex(p.rules)
	p.hasTags = slices.ContainsFunc(p.rules, func(r rule) bool { return r.instances.tags != nil })
	return p
}

// account reads one account and adds it to l.accounts. An account with a problem is added
// too, so that the rules that name it do not get a second problem.
func (l *loader) account(p place) account {
	m := l.mapping(
		p,
		[]string{"alias", "enabled", "account_id", "access", "regions"},
		[]string{"display_name", "role", "external_id_env", "session", "through", "rate", "daily_jobs"},
	)
	a := account{
		enabled: l.flag(m["enabled"]),
		rate:    l.rate(m["rate"]),
		daily:   l.daily(m["daily_jobs"]),
		Account: backup.Account{
			Alias:   l.shaped(m["alias"], nameShape),
			Name:    l.either(m["display_name"]),
			ID:      l.accountID(m["account_id"]),
			Access:  choice(l, m["access"], backup.Own, backup.AssumeRole, backup.HBRCrossAccount),
			Regions: list(l, m["regions"], l.region),
		},
	}
	l.accessKeys(p, m, &a.Account)
	a.Session = l.session(m["session"], a.Access)
	a.Through = l.through(m["through"], a.Account)
	switch _, again := l.accounts[a.Alias]; {
	case a.Alias == "": // a problem already
	case again:
		l.wrong(m["alias"], "another account has the alias %q: choose another alias", a.Alias)
	default:
		l.accounts[a.Alias] = a
	}
	return a
}

// accountID reads the id of an account. It must be in quotes in the file: a program that reads
// it as a number could lose digits.
func (l *loader) accountID(p place) string {
	if p.node != nil && p.node.Style == 0 {
		l.wrong(p, "put the 16 digits in quotes")
	}
	return l.shaped(p, digitsShape)
}

// accessKeys reads the keys role and external_id_env of an account. The account's access
// decides which of them it needs:
//
//	access             role    external_id_env
//	own                none    none
//	assume_role        needed  optional
//	hbr_cross_account  needed  none: Cloud Backup assumes the role without an external id
//
// A key that the access does not use is a problem: its author would believe in a protection
// that does not exist.
func (l *loader) accessKeys(p place, m map[string]place, a *backup.Account) {
	role, external := m["role"], m["external_id_env"]
	a.Role = l.shaped(role, roleShape)
	a.ExternalID, a.ExternalIDVariable = l.externalID(external)
	if l.refused[m["access"].node] {
		return
	}
	switch {
	case a.Access == backup.Own && role.node != nil:
		l.wrong(role, "has no effect with access: own: remove it")
	case a.Access != backup.Own && a.Access != "" && role.node == nil:
		l.lacks(p, p.at("role", nil).path, "is missing: access: %s requires the name of a role in that account", a.Access)
	}
	if a.Access != backup.AssumeRole && a.Access != "" && external.node != nil {
		l.wrong(external, "has no effect with access: %s: remove it", a.Access)
	}
}

// Limits of the lifetime of a role's session (STS, AssumeRole, DurationSeconds).
const (
	minSession = 15 * time.Minute
	maxSession = 12 * time.Hour
)

// session reads how long sessions of the account's role last. It returns 0 if the file does not
// say; then package aliyun uses the minimum of STS.
func (l *loader) session(p place, access backup.Access) time.Duration {
	d := l.duration(p)
	switch {
	case p.node == nil || l.refused[p.node]:
	case access != backup.AssumeRole:
		l.wrong(p, "has no effect with access: %s: remove it", access)
	case d < minSession || d > maxSession:
		l.wrong(p, "write a time from %s to %s, and at most the maximum of the role", param.Duration(minSession).En, param.Duration(maxSession).En)
	}
	return d
}

// through reads the alias of the account whose role calls Cloud Backup for account a. That
// account must be earlier in the file and have the access assume_role, and a must have the
// access hbr_cross_account. It returns nil if the file does not have the key; then the portal's
// own account makes the calls.
func (l *loader) through(p place, a backup.Account) *backup.Account {
	if p.node == nil {
		return nil
	}
	alias := l.text(p)
	by, ok := l.accounts[alias]
	switch {
	case l.refused[p.node]:
	case a.Access != backup.HBRCrossAccount:
		l.wrong(p, "has no effect with access: %s: remove it", a.Access)
	case !ok:
		l.wrong(p, "no account before this one has the alias %q: move it up, or correct the alias", alias)
	case by.Access != backup.AssumeRole:
		l.wrong(p, "account %s has access: %s: use an account with access: %s", alias, by.Access, backup.AssumeRole)
	case by.ID == a.ID:
		l.wrong(p, "is the same account: give this account access: %s instead", backup.AssumeRole)
	default:
		return &by.Account
	}
	return nil
}

// variable reads the name of an environment variable and returns the name and the variable's
// value. The value is a secret; the parameter secret says which one, for messages. Messages
// never quote the value. They do not quote a malformed name either: it may be the secret
// itself, written into the file by mistake. After a problem both results are empty.
func (l *loader) variable(p place, secret string) (name, value string) {
	name = l.text(p)
	if p.node == nil || l.refused[p.node] {
		return "", ""
	}
	if !variableShape.fits(name) {
		l.wrong(p, "write %s", variableShape.words)
		return "", ""
	}
	if value = l.getenv(name); value == "" {
		l.wrong(p, "the environment variable %s is not set: set it to %s", name, secret)
		return "", ""
	}
	return name, value
}

// externalID reads the external id from the environment variable that p names.
func (l *loader) externalID(p place) (id secret.String, variable string) {
	switch name, value := l.variable(p, "the external ID"); {
	case value == "":
	case len(value) < 2 || len(value) > 1224 || !externalShape.fits(value):
		l.wrong(p, "the environment variable %s does not contain an external ID: set it to %s", name, externalShape.words)
	default:
		return secret.New(value), name
	}
	return secret.String{}, ""
}

// rule reads one rule. If an optional key is missing, the rule allows less, never more.
func (l *loader) rule(p place) rule {
	m := l.mapping(p, []string{"id", "teams", "actions", "accounts", "regions", "source_types"}, []string{
		"reason",
		"owner",
		"instances",
		"instance_prefixes",
		"instance_tags",
		"any_instance",
		"clusters",
		"any_cluster",
		"vaults",
		"any_vault",
		"retention_days",
		"copy",
		"scripts",
		"defaults",
		"enforced",
		"cooldown",
		"skip_cooldown",
		"why",
		"ticket",
		"receivers",
	})
	r := rule{
		teams:     list(l, m["teams"], l.teamOf),
		actions:   list(l, m["actions"], func(p place) backup.Action { return choice(l, p, backup.Actions...) }),
		id:        l.ruleID(m["id"]),
		reason:    l.words(m["reason"]),
		owner:     l.either(m["owner"]),
		accounts:  list(l, m["accounts"], l.alias),
		sources:   list(l, m["source_types"], func(p place) param.SourceType { return choice(l, p, param.SourceTypes...) }),
		retention: l.days(m["retention_days"], "default"),
		copies:    l.copies(m["copy"]),
		scripts:   list(l, m["scripts"], l.script),
		defaults:  l.values(m["defaults"]),
		enforced:  l.values(m["enforced"]),
		cooldown:  l.duration(m["cooldown"]),
		why:       choice(l, m["why"], "required", "optional") == "required",
		ticket:    l.ticket(m["ticket"]),
	}
	r.regions = list(l, m["regions"], func(p place) string { return l.regionOf(p, r.accounts) })
	r.instances = l.resources(p, m, instanceKeys, r.sources)
	r.clusters = l.resources(p, m, clusterKeys, r.sources)
	r.receivers = list(l, m["receivers"], func(p place) receiver { return l.receiverOf(p, r.accounts) })
	l.readable(m["instance_tags"], r)
	l.actionKeys(p, m, &r)
	l.contradiction(m["enforced"], r.defaults, r.enforced)
	return r
}

// createOnlyKeys lists the keys of a rule that have an effect only on the action backup.create.
var createOnlyKeys = []string{
	"retention_days",
	"copy",
	"scripts",
	"vaults",
	"any_vault",
	"defaults",
	"enforced",
	"cooldown",
	"skip_cooldown",
	"why",
	"ticket",
	"receivers",
}

// actionKeys reads the keys that depend on the rule's actions. Every rule must have the action
// backup.view: a person who may create or cancel a backup must be able to see the result.
func (l *loader) actionKeys(p place, m map[string]place, r *rule) {
	skips := l.flag(m["skip_cooldown"])
	creates := slices.Contains(r.actions, backup.ActionCreate)
	switch {
	case m["actions"].node == nil || l.refused[m["actions"].node]:
	case !slices.Contains(r.actions, backup.ActionView) && len(r.actions) > 0:
		l.wrong(m["actions"], "add %s: it is required for creating and cancelling", backup.ActionView)
	case creates:
		r.vaults = l.resources(p, m, vaultKeys, r.sources)
		if m["retention_days"].node == nil {
			l.lacks(p, p.at("retention_days", nil).path, "is missing: %s needs it", backup.ActionCreate)
		}
	default:
		for _, key := range createOnlyKeys {
			if m[key].node != nil {
				l.wrong(m[key], "has no effect without %s: remove it", backup.ActionCreate)
			}
		}
	}
	switch {
	case skips && r.cooldown > 0:
		l.wrong(m["skip_cooldown"], "contradicts cooldown: keep one of them")
	case !skips && r.cooldown == 0 && creates:
		r.cooldown = l.cooldown
	}
}

// ruleID reads the id of a rule. No two rules may have the same id, because records of
// decisions identify the rule by it.
func (l *loader) ruleID(p place) string {
	id := l.shaped(p, nameShape)
	if id != "" && l.rules[id] {
		l.wrong(p, "another rule has the id %q: choose another id", id)
	}
	l.rules[id] = true
	return id
}

// alias reads the alias of an account in l.accounts.
func (l *loader) alias(p place) string {
	alias := l.text(p)
	if _, ok := l.accounts[alias]; !ok && p.node != nil {
		l.wrong(p, "the account %q does not exist: add it to accounts, or correct the name", alias)
	}
	return alias
}

// region reads a region of Cloud Backup. Others are refused, because the region becomes part
// of a host name.
func (l *loader) region(p place) string {
	region := l.text(p)
	if !param.KnownRegion(region) && p.node != nil {
		l.wrong(p, "Cloud Backup does not support region %q: write a region ID, such as cn-hangzhou", region)
	}
	return region
}

// regionOf reads a region that at least one of the accounts must have; accounts of one rule may
// have different regions. If one of the accounts is unknown, which was reported already, any
// region of Cloud Backup is accepted.
func (l *loader) regionOf(p place, aliases []string) string {
	region := l.region(p)
	for _, alias := range aliases {
		if a, ok := l.accounts[alias]; !ok || slices.Contains(a.Regions, region) {
			return region
		}
	}
	if len(aliases) > 0 && p.node != nil {
		l.wrong(p, "no account of this rule has region %q: add it to one of them, or remove it here", region)
	}
	return region
}

// maxPattern limits the pattern of a ticket, in bytes.
const maxPattern = 200

// ticket reads the key ticket of a rule: whether a request needs a ticket, and its form.
func (l *loader) ticket(p place) ticket {
	m := l.mapping(p, nil, []string{"pattern", "required", "example"})
	t := ticket{required: l.flag(m["required"]), source: l.text(m["pattern"]), example: l.text(m["example"])}
	if p.node != nil && !l.refused[p.node] && len(p.node.Content) == 0 {
		l.wrong(p, "is empty: add pattern or required, or remove the key")
	}
	field, _ := param.FieldNamed("Ticket")
	if at := m["pattern"]; at.node != nil && !l.refused[at.node] {
		var err error
		switch t.pattern, err = regexp.Compile(`\A(?:` + t.source + `)\z`); {
		case len(t.source) > maxPattern:
			l.wrong(at, "is longer than %d characters: write a shorter one", maxPattern)
		case err != nil:
			l.wrong(at, "is not a regular expression (RE2): correct it")
		case t.pattern.MatchString(""):
			l.wrong(at, "matches an empty ticket: write a pattern that does not, and required: false")
		}
	}
	if at := m["example"]; at.node != nil && !l.refused[at.node] && !l.refused[p.node] {
		if bad := field.Check(t.example); bad != nil {
			l.wrong(at, "%s", bad[0].In(param.English))
		} else if t.pattern != nil && !t.pattern.MatchString(t.example) {
			l.wrong(at, "does not match pattern: write an example that does")
		}
	}
	return t
}

// script reads the path of a script. The script paths of requests are compared with it byte by
// byte. A path with ".." is refused, because a reader of the policy could be wrong about the
// file that it names.
func (l *loader) script(p place) string {
	path := l.shaped(p, scriptShape)
	if strings.Contains(path, "..") {
		l.wrong(p, "write the path without “..”")
	}
	return path
}

// copies reads the key copy of a rule. Its regions may differ from those of the account,
// because only copies are stored there.
func (l *loader) copies(p place) *copies {
	if p.node == nil {
		return nil
	}
	m := l.mapping(p, []string{"regions", "retention_days"}, nil)
	return &copies{list(l, m["regions"], l.region), l.days(m["retention_days"])}
}
