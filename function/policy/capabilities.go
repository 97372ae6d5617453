package policy

import (
	"slices"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// Capabilities returns the operations of the cloud that the portal needs in an account for all
// rules together. It is zero if no rule names the account's alias. The portal makes a RAM
// policy from it, for operators.
func (p *Policy) Capabilities(alias string) (u backup.Capabilities) {
	for _, r := range p.rules {
		if !slices.Contains(r.accounts, alias) {
			continue
		}
		u.View = true // the loader refuses a rule without backup.view
		u.Cancel = u.Cancel || slices.Contains(r.actions, backup.ActionCancel)
		u.Tags = u.Tags || r.instances.tags != nil
		u.Seen = add(u.Seen, r.sources)
		if slices.Contains(r.actions, backup.ActionCreate) {
			u.Create, u.Sources = true, add(u.Sources, r.sources)
		}
	}
	return u
}

// add returns all with those elements of more that it did not have. It never writes to more.
func add(all, more []param.SourceType) []param.SourceType {
	for _, source := range more {
		if !slices.Contains(all, source) {
			all = append(all, source)
		}
	}
	return all
}

// AllAccounts returns all accounts, also disabled ones, in the order of the policy file.
func (p *Policy) AllAccounts() (all []backup.Account) {
	for _, a := range p.accounts {
		all = append(all, a.Account)
	}
	return all
}

// AccountVisible reports whether who may know that the account exists: a rule for one of the
// teams of who names it, for any action. For other principals (people or programs) the portal
// must act as if it did not exist.
func (p *Policy) AccountVisible(who identity.Principal, alias string) bool {
	return p.index.names(p.teamsOf(who), alias)
}

// MayInRegion reports whether who may possibly do the action in an account and a region. A rule
// for one of the teams of who must have the action and name both. It is false if the account is
// disabled or does not have the region. Resources and other conditions are not checked.
func (p *Policy) MayInRegion(who identity.Principal, do backup.Action, alias, region string) bool {
	a, ok := p.account(alias)
	return ok && a.enabled && slices.Contains(a.Regions, region) && slices.ContainsFunc(p.rulesFor(who, do), func(r rule) bool {
		return slices.Contains(r.accounts, alias) && slices.Contains(r.regions, region)
	})
}

// CrossAccountAlias returns the alias of an account with the access hbr_cross_account by its
// account ID and role. It returns false if there is none in which who may create backups. If
// several aliases match, it returns the first one in the policy file.
func (p *Policy) CrossAccountAlias(who identity.Principal, id, role string) (alias string, ok bool) {
	for _, a := range p.Accounts(who, backup.ActionCreate) {
		if a.Access == backup.HBRCrossAccount && a.ID == id && a.Role == role {
			return a.Alias, true
		}
	}
	return "", false
}

// CoversVault reports whether a rule allows who to back up into the vault, in the account,
// region and source type of params. It ignores the other parameters.
func (p *Policy) CoversVault(who identity.Principal, params param.Params, vault string) bool {
	return slices.ContainsFunc(p.rulesFor(who, backup.ActionCreate), func(r rule) bool {
		return slices.Contains(r.accounts, params["Account"]) && slices.Contains(r.regions, params["Region"]) &&
			slices.Contains(r.sources, params.SourceType()) && r.vaults.covers(vault)
	})
}
