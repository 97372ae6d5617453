package policy

import (
	"slices"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// Capabilities is what the rules have the portal do in the account of an alias, whoever
// may have it done.
func (p *Policy) Capabilities(alias string) (u backup.Capabilities) {
	for _, r := range p.rules {
		if !slices.Contains(r.accounts, alias) {
			continue
		}
		u.View = true // which every rule allows
		u.Cancel = u.Cancel || slices.Contains(r.actions, backup.ActionCancel)
		u.Tags = u.Tags || r.instances.tags != nil
		u.Seen = add(u.Seen, r.sources)
		if slices.Contains(r.actions, backup.ActionCreate) {
			u.Create, u.Sources = true, add(u.Sources, r.sources)
		}
	}
	return u
}

// add appends what all does not have yet, to a list of its own.
func add(all, more []param.SourceType) []param.SourceType {
	for _, source := range more {
		if !slices.Contains(all, source) {
			all = append(all, source)
		}
	}
	return all
}

// AllAccounts are the accounts of the file, those that are switched off among them.
func (p *Policy) AllAccounts() (all []backup.Account) {
	for _, a := range p.accounts {
		all = append(all, a.Account)
	}
	return all
}

// Names reports whether a rule for a team of who names the account.
func (p *Policy) Names(who identity.Principal, alias string) bool {
	return p.index.names(p.teamsOf(who), alias)
}

// Reaches reports whether who may do something in a region of an account: if a
// rule of theirs names both.
func (p *Policy) Reaches(who identity.Principal, do backup.Action, alias, region string) bool {
	a, ok := p.account(alias)
	return ok && a.enabled && slices.Contains(a.Regions, region) && slices.ContainsFunc(p.theirs(who, do), func(r rule) bool {
		return slices.Contains(r.accounts, alias) && slices.Contains(r.regions, region)
	})
}

// Registered finds the account with access hbr_cross_account that has this ID and
// role, if a rule lets who create backups in it.
func (p *Policy) Registered(who identity.Principal, id, role string) (alias string, ok bool) {
	for _, a := range p.Accounts(who, backup.ActionCreate) {
		if a.Access == backup.HBRCrossAccount && a.ID == id && a.Role == role {
			return a.Alias, true
		}
	}
	return "", false
}

// CoversVault reports whether a rule lets who make backups of the kind, and in the
// account and region of params, in a vault.
func (p *Policy) CoversVault(who identity.Principal, params param.Params, vault string) bool {
	return slices.ContainsFunc(p.theirs(who, backup.ActionCreate), func(r rule) bool {
		return slices.Contains(r.accounts, params["Account"]) && slices.Contains(r.regions, params["Region"]) &&
			slices.Contains(r.sources, params.SourceType()) && r.vaults.cover(vault)
	})
}
