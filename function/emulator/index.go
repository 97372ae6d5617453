package emulator

import (
	"slices"
	"strings"
	"time"
)

// An index answers questions about a world. Its pointers lead into the world.
type index struct {
	*World
	byID map[string]*Account
}

// newIndex wants a world that passed Check: of two things with one id the later
// would win. It works on a completed copy.
func newIndex(w *World) index {
	w = w.completed()
	ix := index{World: w, byID: map[string]*Account{}}
	for i := range w.Accounts {
		ix.byID[w.Accounts[i].ID] = &w.Accounts[i]
	}
	return ix
}

// account returns nil if there is none.
func (ix index) account(id string) *Account { return ix.byID[id] }

// hasRegion reports whether a region answers.
func (ix index) hasRegion(id string) bool { return slices.Contains(ix.Regions, id) }

// roleByARN returns nil for a role that does not exist. Case does not count in
// the name of a role.
func (ix index) roleByARN(arn string) (*Account, *Role) {
	m := arnShape.FindStringSubmatch(arn)
	if m == nil || m[2] != "role" || ix.byID[m[1]] == nil {
		return nil, nil
	}
	account := ix.byID[m[1]]
	return account, account.role(m[3])
}

// role returns nil if there is none. RAM does not take two names that differ in
// case only.
func (a *Account) role(name string) *Role {
	return first(a.Roles, func(r *Role) bool { return strings.EqualFold(r.Name, name) })
}

// What follows finds a thing of one account in one region, or nil: whatever is
// elsewhere does not exist for a caller.

func (a *Account) instance(id, region string) *Instance {
	return first(a.Instances, func(i *Instance) bool { return i.ID == id && i.Region == region })
}

func (a *Account) vault(id, region string) *Vault {
	return first(a.Vaults, func(v *Vault) bool { return v.ID == id && v.Region == region })
}

// vaultNamed looks in all regions, as a mirror does.
func (a *Account) vaultNamed(id string) *Vault {
	return first(a.Vaults, func(v *Vault) bool { return v.ID == id })
}

func (a *Account) cluster(id, region string) *Cluster {
	return first(a.Clusters, func(c *Cluster) bool { return c.ID == id && c.Region == region })
}

// clientAge is how old the last word of a client may be. The page of
// DescribeBackupClients has no number; the console speaks of minutes.
const clientAge = 15 * time.Minute

// client returns the backup client that is alive on an instance or in a cluster.
func (a *Account) client(on string) *BackupClient {
	return first(a.Clients, func(c *BackupClient) bool {
		return c.on() == on && c.Status == "ACTIVATED" && c.HeartbeatAge < clientAge
	})
}

func (i *Instance) disk(id string) *Disk {
	return first(i.Disks, func(d *Disk) bool { return d.ID == id })
}

func (c *Cluster) volume(id string) *Volume {
	return first(c.Volumes, func(v *Volume) bool { return v.ID == id })
}

// first returns a pointer to the first element that fits, or nil.
func first[T any](list []T, fits func(*T) bool) *T {
	for i := range list {
		if fits(&list[i]) {
			return &list[i]
		}
	}
	return nil
}
