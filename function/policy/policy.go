// Package policy decides who may back up what.
//
// A policy is one YAML file (docs/policy.example.yaml explains every key):
//
//	enabled        the switch for all new backups
//	defaults       cool-down and rates that hold if a rule or account does not say more
//	accounts       alias, access, regions, rate and quota of each account
//	teams          members: claims of a sign-in, names of sources, kinds of events
//	tokens, pipelines, sources
//	               how programs prove their names
//	rules          what the members of teams may do
//	operators      teams that may view the rejected messages of all senders
//	notifications  receivers of notices
//	expectations   instances that should have a good backup at least once in a period
//	prices         what storage costs, for the estimate before a backup
//	presets        named values that people and programs can use together
//	objects        which new objects of OSS and S3 start a preset
//
// # Evaluation
//
// A request is refused unless one rule allows all of it. Two rules are never combined,
// and no rule forbids. So the order of the rules changes no answer; it only decides which
// rule is recorded, and with it the values and limits of the grant. [Policy.Decide]
// checks in this order and reports the first condition that does not hold:
//
//	before the rules  the switch; the account (known, and named by a rule for the
//	                  caller's teams); the account's own switch; the region of the account
//	of each rule      team, account, region, source type, cluster or instance, action,
//	                  enforced values, vault, retention, copy, reason, ticket, receivers,
//	                  scripts, tags of the instance
//
// Viewing and cancelling are checked by the same rules ([Policy.May]), but only by team,
// action, account, region, source type, and cluster or instance.
//
// # Patterns
//
// A rule names resources in one of these ways. All comparisons are exact and
// case-sensitive; there are no wildcards and no regular expressions.
//
//	instances: [i-a, i-b]        the id is in the list
//	instance_prefixes: [i-bp1]   the id begins with one of the prefixes; may stand with instances
//	instance_tags: {team: web}   the instance has all these tags in ECS; stands alone
//	any_instance: true           every id that is not empty
//	clusters, vaults             lists of ids, or any_cluster: true, any_vault: true
//
// The only regular expression is the form of a ticket (RE2); it must match the whole ticket.
//
// Accounts, regions, source types, copy regions and paths of scripts are lists of exact
// values. A retention is an interval of days that includes both ends.
//
// # Reading
//
// [Load] reads the file once, at the start of the program. Everything that is unknown,
// empty, repeated or ambiguous is a problem with its line, and one problem means that
// there is no policy: a policy must not be applied in part. An optional key that is left
// out grants less, never more.
//
// A new key of a rule is a field of the type rule, is read in entries.go, and is checked in
// decide.go. rules.go and offer.go describe rules to people.
package policy

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/cost"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/webhook"
)

// A Policy is a policy file that was read without an error. It implements [backup.Policy]. It
// never changes, except for its cache of tags, and is safe for concurrent use. [Load] makes
// one.
type Policy struct {
	enabled       bool
	accounts      []account   // in the order of the file
	teams         []team      // in the order of the file
	rules         []rule      // in the order of the file
	rate          backup.Rate // backups of each principal, without Key; zero: no limit
	requests      backup.Rate // requests of each principal, without Key; zero: no limit
	index         index       // finds the rules for a request
	tokens        []identity.Token
	pipelines     []identity.Pipeline
	sources       []webhook.Source
	operators     []int // indices in teams
	notifications backup.Notifications
	expectations  []backup.Expectation
	prices        *cost.Prices // nil: the policy has no prices
	presets       []backup.Preset
	objects       []objectRule // in the order of the file
	hash          string       // SHA-256 of the file, in hex

	hasTags bool      // a rule names tags of instances
	tags    *tagCache // tags that were read from the cloud; nil: they cannot be read
}

// An account is one entry of the key accounts.
type account struct {
	backup.Account
	enabled bool
	rate    backup.Rate // backups of the account, without Key; zero: no limit
	daily   *int64      // backups in a day of UTC; nil: no limit
}

// A rule is one entry of the key rules. If one of its lists is empty, the rule allows no value
// of that kind.
type rule struct {
	id        string
	reason    param.Text // why the rule has its limits; empty if the file does not say
	owner     param.Text // whom to ask for more; empty if the file does not say
	teams     []int      // indices in Policy.teams
	actions   []backup.Action
	accounts  []string // aliases
	regions   []string
	sources   []param.SourceType
	instances resources // for UDM_ECS and ECS_FILE
	clusters  resources // for CONTAINER
	vaults    resources // for ECS_FILE and CONTAINER
	retention days
	copies    *copies       // permitted copies to another region; nil: none
	scripts   []string      // full paths; nil: no script is allowed
	defaults  param.Params  // values of parameters that the request does not give
	enforced  param.Params  // values that the rule enforces: the request may give no other value
	cooldown  time.Duration // minimum time between two backups of one resource; 0: no minimum
	why       bool          // a request must give a reason
	ticket    ticket        // what a ticket must be
	receivers []receiver    // receivers that a request may choose; empty: it may choose none
}

// A receiver is a receiver of notifications that a rule lets requests choose.
type receiver struct {
	name     string
	accounts []string // aliases; nil: all accounts
}

// A ticket says which tickets of requests a rule accepts. The zero value accepts every ticket, and a
// request without a ticket.
type ticket struct {
	required bool
	pattern  *regexp.Regexp // matches a whole ticket; nil: any text
	source   string         // text of the pattern, as in the file
	example  string         // matches the pattern; empty if the file does not say
}

// copies says which copies in another region a rule grants.
type copies struct {
	regions   []string
	retention days
}

// resources is the set of resources of one kind that a rule allows. The zero value is the empty
// set. If tags is not nil, all other fields are zero.
type resources struct {
	ids      []string          // exact ids
	prefixes []string          // beginnings of ids
	tags     map[string]string // the resource must have all of them; tagLookup checks them
	any      bool              // every resource
}

// covers reports whether r contains the resource id. If r has tags, it returns true for every
// id: tags are checked last, because reading them is a call of the cloud. r never contains an
// empty id.
func (r resources) covers(id string) bool {
	isPrefix := func(prefix string) bool { return strings.HasPrefix(id, prefix) }
	return id != "" && (r.any || r.tags != nil || slices.Contains(r.ids, id) || slices.ContainsFunc(r.prefixes, isPrefix))
}

// days is an interval of retentions, in days. Both ends belong to it.
type days struct {
	min, max int64
	preset   int64 // the retention if the request gives none; 0: the request must give one
}

var _ backup.Policy = (*Policy)(nil)

// Account returns the account with that alias, or false if none exists. It returns disabled
// accounts too, because their backups can still be viewed. The list of regions in the result
// must not be changed.
func (p *Policy) Account(alias string) (backup.Account, bool) {
	a, ok := p.account(alias)
	return a.Account, ok
}

// account is Account with the limits of the account.
func (p *Policy) account(alias string) (account, bool) {
	i := slices.IndexFunc(p.accounts, func(a account) bool { return a.Alias == alias })
	if i < 0 {
		return account{}, false
	}
	return p.accounts[i], true
}

// Enabled reports whether the switch for all new backups is on. Pages show it; Decide checks it
// itself.
func (p *Policy) Enabled() bool { return p.enabled }

// Hash returns the SHA-256 of the policy file in hex, as sha256sum prints it. Logs and the
// audit trail contain it, so that a reader knows which policy has decided.
func (p *Policy) Hash() string { return p.hash }
