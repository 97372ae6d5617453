package inventory

import (
	"context"
	"slices"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// Rules say in which places a principal may start backups, and what. policy.Policy implements it.
type Rules interface {
	backup.Policy
	// Accounts returns the accounts in which p may do a.
	Accounts(p identity.Principal, a backup.Action) []backup.Account
	// Regions returns the regions of an account in which p may start backups.
	Regions(p identity.Principal, alias string) []string
}

// Tags finds instances by their tags, in the lists of an inventory. It implements [batch.Finder]. Both fields are required.
type Tags struct {
	Inventory *Inventory
	Rules     Rules
}

// tagPatience is how long a search by tag waits for the cloud. It is shorter than the time of a request of the portal's gate.
const tagPatience = 25 * time.Second

// Tagged implements [batch.Finder]. The lists of places that were read in the last minute are used again.
func (t Tags) Tagged(ctx context.Context, p identity.Principal, tag, account, region string) (found batch.Found) {
	var places []Place
	for _, a := range t.Rules.Accounts(p, backup.ActionCreate) {
		if account != "" && a.Alias != account {
			continue
		}
		for _, id := range t.Rules.Regions(p, a.Alias) {
			if region == "" || id == region {
				places = append(places, Place{Account: a.Alias, Region: id})
			}
		}
	}
	for some := range slices.Chunk(places, placesInAnswer) {
		listings := t.Inventory.List(ctx, t.Rules, p, Query{Kind: backup.Instances, Places: some, Again: true, Patience: tagPatience})
		for _, l := range listings {
			switch l.State {
			case Fresh:
			case Denied:
				found.Closed = addOnce(found.Closed, l.Account)
			default:
				found.Missing = addOnce(found.Missing, l.Account)
			}
			for _, m := range l.Machines {
				if m.HasTag(tag) {
					found.Targets = append(found.Targets, param.Params{"Account": m.Account, "Region": m.Region, "InstanceId": m.ID})
				}
			}
		}
	}
	return found
}

// addOnce returns all with one more text, unless all has it.
func addOnce(all []string, text string) []string {
	if slices.Contains(all, text) {
		return all
	}
	return append(all, text)
}
