// Package policy says who may back up what.
//
// A policy is one YAML file: accounts, each under an alias, and rules. What no
// rule allows is refused. A rule is a list of conditions, and it allows a
// backup only if all of them hold; nothing is ever put together from two
// rules, and no rule forbids, so their order decides only which one is named.
//
// In this version a rule covers everybody who is signed in and every source of
// events: it says what may be backed up, and not yet by whom.
//
// The file is read once, at the start, and strictly. A policy that can be
// misread is worse than none, so everything that is unknown, empty, given
// twice or merely unusual is an error with its line, and any error means that
// there is no policy.
package policy

import (
	"slices"

	"backupportal/function/backup"
)

// A Policy is a policy file that was read without an error. It never changes.
type Policy struct {
	enabled       bool
	accounts      []account // in the order of the file
	rules         []rule    // in the order of the file
	notifications backup.Notifications
	hash          string
}

// An account is one entry of accounts.
type account struct {
	backup.Account
	enabled bool
}

// A rule is one entry of rules.
type rule struct {
	id        string
	reason    backup.Text // why it is as narrow as it is; empty if the file does not say
	owner     string      // whom to ask for more; empty if the file does not say
	accounts  []string    // aliases
	regions   []string
	sources   []backup.SourceType
	instances resources // for UDM_ECS and ECS_FILE
	clusters  resources // for CONTAINER
	retention days
	copies    *copies  // nil: no copy to another region
	scripts   []string // full paths; none: no scripts
}

// copies are what a rule grants in another region.
type copies struct {
	regions   []string
	retention days
}

// resources are what a rule lets people back up. The zero value covers nothing.
type resources struct {
	ids []string
	any bool
}

func (r resources) cover(id string) bool {
	return id != "" && (r.any || slices.Contains(r.ids, id))
}

// days is a range of retentions; both ends belong to it.
type days struct{ min, max int64 }

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
