package world

import (
	"slices"
	"strings"
	"time"
)

// An Index answers questions about a world. Its pointers lead into the world.
type Index struct {
	*World
	byID map[string]*Account
}

// NewIndex wants a world that passed Check: of two things with one id the later
// would win. It works on a completed copy.
func NewIndex(w *World) Index {
	w = w.completed()
	ix := Index{World: w, byID: map[string]*Account{}}
	for i := range w.Accounts {
		ix.byID[w.Accounts[i].ID] = &w.Accounts[i]
	}
	return ix
}

// Account returns nil if there is none.
func (ix Index) Account(id string) *Account { return ix.byID[id] }

// HasRegion reports whether a region answers.
func (ix Index) HasRegion(id string) bool { return slices.Contains(ix.Regions, id) }

// RoleByARN returns nil for a role that does not exist. Case does not count in
// the name of a role.
func (ix Index) RoleByARN(arn string) (*Account, *Role) {
	m := ARNShape.FindStringSubmatch(arn)
	if m == nil || m[2] != "role" || ix.byID[m[1]] == nil {
		return nil, nil
	}
	account := ix.byID[m[1]]
	return account, account.Role(m[3])
}

// Role returns nil if there is none. RAM does not take two names that differ in
// case only.
func (a *Account) Role(name string) *Role {
	return findFirst(a.Roles, func(r *Role) bool { return strings.EqualFold(r.Name, name) })
}

// What follows finds a thing of one account in one region: a thing elsewhere
// does not exist for a caller.

// Instance finds an instance of the account in a region, or nil.
func (a *Account) Instance(id, region string) *Instance {
	return findFirst(a.Instances, func(i *Instance) bool { return i.ID == id && i.Region == region })
}

// Vault finds a vault of the account in a region, or nil.
func (a *Account) Vault(id, region string) *Vault {
	return findFirst(a.Vaults, func(v *Vault) bool { return v.ID == id && v.Region == region })
}

// VaultNamed looks in all regions, as a mirror does.
func (a *Account) VaultNamed(id string) *Vault {
	return findFirst(a.Vaults, func(v *Vault) bool { return v.ID == id })
}

// Cluster finds a cluster of the account in a region, or nil.
func (a *Account) Cluster(id, region string) *Cluster {
	return findFirst(a.Clusters, func(c *Cluster) bool { return c.ID == id && c.Region == region })
}

// clientAge is how old the last word of a client may be. The page of
// DescribeBackupClients has no number; the console speaks of minutes.
const clientAge = 15 * time.Minute

// Client returns the backup client that is alive on an instance or in a cluster.
func (a *Account) Client(on string) *BackupClient {
	return findFirst(a.Clients, func(c *BackupClient) bool {
		return c.hostID() == on && c.Status == "ACTIVATED" && c.HeartbeatAge < clientAge
	})
}

// Disk finds a disk of the instance, or nil.
func (i *Instance) Disk(id string) *Disk {
	return findFirst(i.Disks, func(d *Disk) bool { return d.ID == id })
}

// Volume finds a volume of the cluster, or nil.
func (c *Cluster) Volume(id string) *Volume {
	return findFirst(c.Volumes, func(v *Volume) bool { return v.ID == id })
}

// first returns a pointer to the first element that fits, or nil.
func findFirst[T any](list []T, fits func(*T) bool) *T {
	for i := range list {
		if fits(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

// What follows spells ARNs as the vendor does: RAM has no regions.

// RootARN is the ARN of the account itself.
func (a *Account) RootARN() string { return "acs:ram::" + a.ID + ":root" }

// UserARN is the ARN of a user of the account.
func (a *Account) UserARN(name string) string { return "acs:ram::" + a.ID + ":user/" + name }

// RoleARN is the ARN of a role of the account.
func (a *Account) RoleARN(name string) string { return "acs:ram::" + a.ID + ":role/" + name }
