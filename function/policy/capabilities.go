package policy

import (
	"slices"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// Capabilities returns the operations that the portal needs in an account for all rules
// together, for any team. Operators turn it into a RAM policy. It is zero if no rule
// names the alias.
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

// add appends the elements of more that all does not have. It never writes to more.
func add(all, more []param.SourceType) []param.SourceType {
	for _, source := range more {
		if !slices.Contains(all, source) {
			all = append(all, source)
		}
	}
	return all
}

// AllAccounts returns all accounts in the order of the file, including disabled
// ones.
func (p *Policy) AllAccounts() (all []backup.Account) {
	for _, a := range p.accounts {
		all = append(all, a.Account)
	}
	return all
}

// AccountVisible reports whether a rule for one of who's teams names the account, for any action.
// To other principals an account must look as if it did not exist.
func (p *Policy) AccountVisible(who identity.Principal, alias string) bool {
	return p.index.names(p.teamsOf(who), alias)
}

// MayInRegion reports whether a rule for one of who's teams has the action do and names both the
// account and the region. It is false if the account is switched off or does not have the
// region. Resources and other conditions are not checked.
func (p *Policy) MayInRegion(who identity.Principal, do backup.Action, alias, region string) bool {
	a, ok := p.account(alias)
	return ok && a.enabled && slices.Contains(a.Regions, region) && slices.ContainsFunc(p.rulesFor(who, do), func(r rule) bool {
		return slices.Contains(r.accounts, alias) && slices.Contains(r.regions, region)
	})
}

// CrossAccountAlias returns the alias of the account with access hbr_cross_account that has this
// account ID and role, if who may create backups in it. It returns false otherwise. If
// several aliases have them, it returns the first in the order of the file.
func (p *Policy) CrossAccountAlias(who identity.Principal, id, role string) (alias string, ok bool) {
	for _, a := range p.Accounts(who, backup.ActionCreate) {
		if a.Access == backup.HBRCrossAccount && a.ID == id && a.Role == role {
			return a.Alias, true
		}
	}
	return "", false
}

// CoversVault reports whether a rule for who allows backups into the vault, for the account,
// region and source type of params. The other parameters of params are ignored.
func (p *Policy) CoversVault(who identity.Principal, params param.Params, vault string) bool {
	return slices.ContainsFunc(p.rulesFor(who, backup.ActionCreate), func(r rule) bool {
		return slices.Contains(r.accounts, params["Account"]) && slices.Contains(r.regions, params["Region"]) &&
			slices.Contains(r.sources, params.SourceType()) && r.vaults.covers(vault)
	})
}
