// Package policy says who may back up what.
//
// A policy is one YAML file: accounts, each under an alias, and rules. What no
// rule allows is refused. A rule is a list of conditions, and it allows a
// backup only if all of them hold; nothing is ever put together from two
// rules, and no rule forbids, so their order decides only which one is named.
//
// A rule is for teams. Who belongs to a team is said by claims of their identity,
// by the name of a source, or by the kind of an event; a human is never a source,
// nor the reverse. Viewing and cancelling go by the same rules as creating, each
// as an action of its own.
//
// The file is read once, at the start, and strictly. A policy that can be
// misread is worse than none, so everything that is unknown, empty, given
// twice or merely unusual is an error with its line, and any error means that
// there is no policy.
package policy

import (
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/webhook"
)

// A Policy is a policy file that was read without an error. It never changes, but
// for what it remembers of tags.
type Policy struct {
	enabled       bool
	accounts      []account   // in the order of the file
	teams         []team      // in the order of the file
	rules         []rule      // in the order of the file
	rate          backup.Rate // of each principal, without its key; the zero value is none
	requests      backup.Rate // likewise
	index         index       // of rules
	tokens        []identity.Token
	pipelines     []identity.Pipeline
	sources       []webhook.Source
	notifications backup.Notifications
	hash          string

	hasTags bool      // some rule names tags of instances
	tags    *tagCache // nil: they cannot be read
}

// An account is one entry of accounts.
type account struct {
	backup.Account
	enabled bool
	rate    backup.Rate // without its key; the zero value is none
	daily   *int64      // backups in a day; nil is no limit
}

// A rule is one entry of rules.
type rule struct {
	id        string
	reason    param.Text // why it is as narrow as it is; empty if the file does not say
	owner     param.Text // whom to ask for more; empty if the file does not say
	teams     []int      // of the policy's
	actions   []backup.Action
	accounts  []string // aliases
	regions   []string
	sources   []param.SourceType
	instances resources // for UDM_ECS and ECS_FILE
	clusters  resources // for CONTAINER
	vaults    resources // for ECS_FILE and CONTAINER
	retention days
	copies    *copies  // nil: no copy to another region
	scripts   []string // full paths; none: no scripts
	defaults  param.Params
	enforced  param.Params
	cooldown  time.Duration // 0: none
}

// copies are what a rule grants in another region.
type copies struct {
	regions   []string
	retention days
}

// resources are what a rule lets people back up. The zero value covers nothing.
type resources struct {
	ids      []string
	prefixes []string
	tags     map[string]string // all of which the resource has; see sight. With them there is nothing else
	any      bool
}

// cover reports whether r has the resource. If r is about tags any may be: they
// are checked when all else has been.
func (r resources) cover(id string) bool {
	begins := func(prefix string) bool { return strings.HasPrefix(id, prefix) }
	return id != "" && (r.any || r.tags != nil || slices.Contains(r.ids, id) || slices.ContainsFunc(r.prefixes, begins))
}

// days is a range of retentions; both ends belong to it.
type days struct {
	min, max int64
	usual    int64 // what is taken if nothing is given; 0 if something must be
}

var _ backup.Policy = (*Policy)(nil)

// Account finds what an alias stands for. An account that is switched off is
// still found: the backups made in it can be looked at. The regions belong to
// the policy and must not be changed.
func (p *Policy) Account(alias string) (backup.Account, bool) {
	a, ok := p.account(alias)
	return a.Account, ok
}

func (p *Policy) account(alias string) (account, bool) {
	i := slices.IndexFunc(p.accounts, func(a account) bool { return a.Alias == alias })
	if i < 0 {
		return account{}, false
	}
	return p.accounts[i], true
}

// Enabled reports whether new backups may be made at all. It is for notices:
// Decide asks by itself.
func (p *Policy) Enabled() bool { return p.enabled }

// Hash is the SHA-256 of the file in hex, so that logs tell which policy was
// in force.
func (p *Policy) Hash() string { return p.hash }
