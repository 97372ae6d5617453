package world

import (
	"slices"
	"strings"
	"time"
)

// An Index finds accounts and resources of a world. Its methods return pointers into the world,
// which is read-only. It is safe for concurrent use.
type Index struct {
	*World
	byID map[string]*Account // accounts by their id
}

// NewIndex returns an index of a copy of w in which all defaults are set. w must have passed
// Check; with duplicate ids the result is undefined.
func NewIndex(w *World) Index {
	w = w.completed()
	ix := Index{World: w, byID: map[string]*Account{}}
	for i := range w.Accounts {
		ix.byID[w.Accounts[i].ID] = &w.Accounts[i]
	}
	return ix
}

// Account returns the account with the given id, or nil.
func (ix Index) Account(id string) *Account { return ix.byID[id] }

// HasRegion reports whether the world has the region.
func (ix Index) HasRegion(id string) bool { return slices.Contains(ix.Regions, id) }

// RoleByARN returns the role with the given ARN and its account. The role is nil if it does not
// exist; the account is nil too if the ARN is malformed or names an unknown account. Case is
// ignored in the name of the role.
func (ix Index) RoleByARN(arn string) (*Account, *Role) {
	m := ARNShape.FindStringSubmatch(arn)
	if m == nil || m[2] != "role" || ix.byID[m[1]] == nil {
		return nil, nil
	}
	account := ix.byID[m[1]]
	return account, account.Role(m[3])
}

// Role returns the role with the given name, or nil. Case is ignored, because RAM does not allow
// two names that differ only in case.
func (a *Account) Role(name string) *Role {
	return findFirst(a.Roles, func(r *Role) bool { return strings.EqualFold(r.Name, name) })
}

// Instance returns the account's instance with this id in the region, or nil. Like the other
// methods with a region, it does not find a resource of another region: for the caller of an
// operation, such a resource does not exist.
func (a *Account) Instance(id, region string) *Instance {
	return findFirst(a.Instances, func(i *Instance) bool { return i.ID == id && i.Region == region })
}

// Vault returns the account's vault with the given id in a region, or nil.
func (a *Account) Vault(id, region string) *Vault {
	return findFirst(a.Vaults, func(v *Vault) bool { return v.ID == id && v.Region == region })
}

// VaultNamed returns the account's vault with this id in any region, or nil. It is needed for
// replication vaults, whose source is in another region.
func (a *Account) VaultNamed(id string) *Vault {
	return findFirst(a.Vaults, func(v *Vault) bool { return v.ID == id })
}

// Cluster returns the account's cluster with the given id (cc-…) in a region, or nil.
func (a *Account) Cluster(id, region string) *Cluster {
	return findFirst(a.Clusters, func(c *Cluster) bool { return c.ID == id && c.Region == region })
}

// clientAge is the maximum age of an active client's heartbeat. The page of DescribeBackupClients
// gives no number; 15 minutes is a guess.
const clientAge = 15 * time.Minute

// Client returns the first backup client on the instance or cluster with the given id that is
// ACTIVATED and has a recent heartbeat, or nil.
func (a *Account) Client(on string) *BackupClient {
	return findFirst(a.Clients, func(c *BackupClient) bool {
		return c.hostID() == on && c.Status == "ACTIVATED" && c.HeartbeatAge < clientAge
	})
}

// Disk returns the instance's disk with the given id, or nil.
func (i *Instance) Disk(id string) *Disk {
	return findFirst(i.Disks, func(d *Disk) bool { return d.ID == id })
}

// Volume returns the cluster's volume with the given id, or nil.
func (c *Cluster) Volume(id string) *Volume {
	return findFirst(c.Volumes, func(v *Volume) bool { return v.ID == id })
}

// findFirst returns a pointer to the first element for which fits is true, or nil.
func findFirst[T any](list []T, fits func(*T) bool) *T {
	for i := range list {
		if fits(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

// RootARN returns the ARN of the account itself. ARNs of RAM have no region.
func (a *Account) RootARN() string { return "acs:ram::" + a.ID + ":root" }

// UserARN returns the ARN of a user of the account.
func (a *Account) UserARN(name string) string { return "acs:ram::" + a.ID + ":user/" + name }

// RoleARN returns the ARN of a role of the account.
func (a *Account) RoleARN(name string) string { return "acs:ram::" + a.ID + ":role/" + name }
