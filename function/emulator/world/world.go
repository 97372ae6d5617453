// Package world describes the state of the emulated cloud before the first call.
//
//	World
//	├── Regions
//	└── Account
//	    ├── callers          AccessKey, User, Role        ram.Policy decides what they may do
//	    ├── relations        CrossAccount, Directory, service-linked roles
//	    └── resources        Instance -> Disk
//	                         Vault
//	                         Cluster -> Volume
//	                         BackupClient                 on one Instance or Cluster
//
// A world passes these steps:
//
//	written in Go, or Load (YAML)   fields may be left out
//	Check                           every mistake at once
//	NewIndex                        a copy with all defaults, and methods that find resources
//
// Ids of accounts and resources are unique in the world; ids of volumes are unique in their
// cluster. A resource exists only for its own account and region.
package world

import (
	"time"

	"backupportal/function/emulator/ram"
)

// A World describes the emulated accounts as plain data, written in Go or read by [Load]. The
// emulator uses a copy in which all defaults are set, so calls never change the World.
type World struct {
	Regions []string `yaml:"regions"` // region ids that the emulator accepts; at least one

	// JobDuration is the time from the creation of a job to its complete end. An instance, a
	// cluster or the request can override it. Zero means 20 seconds.
	JobDuration time.Duration `yaml:"job_duration"`

	Accounts []Account `yaml:"accounts"` // at least one
}

// An Account is one Alibaba Cloud account with its callers and resources.
type Account struct {
	ID         string      `yaml:"id"`          // 16 digits
	AccessKeys []AccessKey `yaml:"access_keys"` // keys of the account itself, which RAM calls root
	Users      []User      `yaml:"users"`
	Roles      []Role      `yaml:"roles"`

	// ServiceLinkedRoles are names of roles that exist for services of the vendor, such as
	// AliyunServiceRoleForHbrEcsBackup. The first call that needs a missing one creates it, if
	// the caller has the permission to create it.
	ServiceLinkedRoles []string `yaml:"service_linked_roles"`

	// CrossAccounts are the accounts that were registered here by AddCrossAccount.
	CrossAccounts []CrossAccount `yaml:"cross_accounts"`

	// Directory is set for the management account of a resource directory, otherwise nil.
	Directory *Directory `yaml:"directory"`

	Instances []Instance     `yaml:"instances"`
	Vaults    []Vault        `yaml:"vaults"`
	Clusters  []Cluster      `yaml:"clusters"`
	Clients   []BackupClient `yaml:"clients"`
}

// An AccessKey is a permanent credential. The id must not begin with "STS.", the prefix of
// temporary credentials.
type AccessKey struct {
	ID     string `yaml:"id"`
	Secret string `yaml:"secret"`
}

// A User is a RAM user. It may do only what its policies allow.
type User struct {
	Name       string      `yaml:"name"`
	AccessKeys []AccessKey `yaml:"access_keys"`

	// Permissions is one policy in a short form. Policies are complete RAM policies. Both apply.
	Permissions []ram.Statement `yaml:"permissions"`
	Policies    []ram.Policy    `yaml:"policies"`
}

// A Role is a RAM role.
type Role struct {
	Name string `yaml:"name"`

	// Trusts are the ARNs that may assume the role: users, roles, or the root of an account,
	// which stands for all its users and roles.
	Trusts []string `yaml:"trusts"`

	// TrustsServices are services of the vendor that may assume the role, such as
	// crossbackup.hbr.aliyuncs.com.
	TrustsServices []string `yaml:"trusts_services"`

	ExternalID string `yaml:"external_id"` // required from the principals of Trusts; empty: not required

	// TrustPolicy is a complete trust policy. It replaces Trusts, TrustsServices and ExternalID,
	// and supports conditions and Deny.
	TrustPolicy ram.Policy `yaml:"trust_policy"`

	MaxSession time.Duration `yaml:"max_session"` // MaxSessionDuration, 1h to 12h; zero: 1h

	// Permissions is one policy in a short form. Policies are complete RAM policies. Both apply.
	Permissions []ram.Statement `yaml:"permissions"`
	Policies    []ram.Policy    `yaml:"policies"`
}

// A CrossAccount is a registration of another account in Cloud Backup, as AddCrossAccount makes
// it.
type CrossAccount struct {
	Account string `yaml:"account"` // id of the other account
	Role    string `yaml:"role"`    // role in the other account that Cloud Backup assumes; empty for CROSS_ACCOUNT_BY_RD
	Type    string `yaml:"type"`    // CROSS_ACCOUNT (default) or CROSS_ACCOUNT_BY_RD
	Alias   string `yaml:"alias"`   // at most 32 characters
}

// A Directory is the resource directory that an account manages.
type Directory struct {
	Members []string `yaml:"members"` // account ids

	// TrustsBackup says that Cloud Backup is a trusted service of the directory. Without it the
	// directory cannot be used for backups.
	TrustsBackup bool `yaml:"trusts_backup"`
}

// defaultJobDuration is long enough to watch a job and short enough to wait for it.
const defaultJobDuration = 20 * time.Second

// LongestSession returns MaxSession, or RAM's default of one hour if it is zero.
func (r *Role) LongestSession() time.Duration {
	if r.MaxSession == 0 {
		return DefaultSession
	}
	return r.MaxSession
}
