// Package world describes what exists before the first call.
//
// A [World] has regions and accounts. An [Account] has those who may call (keys,
// users, roles with [ram.Policy] documents) and what they back up (instances with
// disks, vaults, clusters with volumes, backup clients). It is written in Go or
// loaded from YAML by [Load]; [World.Check] reports everything in it that cannot
// be; [NewIndex] fills in what is left out and finds things.
package world

import (
	"time"

	"backupportal/function/emulator/ram"
)

// A World is what exists before the first call. It is plain data, written in
// Go or loaded by [Load]. [New] copies it and fills in what is left out, so
// nothing that happens in a [Cloud] changes it.
type World struct {
	Regions []string `yaml:"regions"` // region ids that answer

	// JobDuration is how long a job runs from its acceptance to its end, unless
	// the thing that is backed up or the request says otherwise. Zero means 20
	// seconds: long enough to watch, short enough to wait for.
	JobDuration time.Duration `yaml:"job_duration"`

	Accounts []Account `yaml:"accounts"`
}

// An Account is one Alibaba Cloud account and what lies in it.
type Account struct {
	ID         string      `yaml:"id"`          // 16 digits
	AccessKeys []AccessKey `yaml:"access_keys"` // of the account itself, which RAM calls root
	Users      []User      `yaml:"users"`
	Roles      []Role      `yaml:"roles"`

	// ServiceLinkedRoles are the roles that exist for services of the vendor,
	// like AliyunServiceRoleForHbrEcsBackup. One that is missing is made by the
	// first call that needs it, if the caller may make it.
	ServiceLinkedRoles []string `yaml:"service_linked_roles"`

	// CrossAccounts are the accounts registered here with AddCrossAccount.
	CrossAccounts []CrossAccount `yaml:"cross_accounts"`

	// Directory is set for the management account of a resource directory.
	Directory *Directory `yaml:"directory"`

	Instances []Instance     `yaml:"instances"`
	Vaults    []Vault        `yaml:"vaults"`
	Clusters  []Cluster      `yaml:"clusters"`
	Clients   []BackupClient `yaml:"clients"`
}

// An AccessKey signs requests.
type AccessKey struct {
	ID     string `yaml:"id"`
	Secret string `yaml:"secret"`
}

// A User is a RAM user. It may do what its policies allow, and nothing else.
type User struct {
	Name       string      `yaml:"name"`
	AccessKeys []AccessKey `yaml:"access_keys"`

	// Permissions is a policy in short; Policies are whole ones, as RAM has
	// them. Both count.
	Permissions []ram.Statement `yaml:"permissions"`
	Policies    []ram.Policy    `yaml:"policies"`
}

// A Role is a RAM role.
type Role struct {
	Name string `yaml:"name"`

	// Trusts lists who may assume the role: ARNs of users, of roles, or an
	// account's root, which stands for all its users and roles.
	Trusts []string `yaml:"trusts"`

	// TrustsServices lists services of the vendor that may assume the role,
	// like crossbackup.hbr.aliyuncs.com.
	TrustsServices []string `yaml:"trusts_services"`

	ExternalID string `yaml:"external_id"` // demanded by Trusts if not empty

	// TrustPolicy is the trust policy in RAM's own form, in place of the three
	// above: for conditions, or a Deny.
	TrustPolicy ram.Policy `yaml:"trust_policy"`

	MaxSession time.Duration `yaml:"max_session"` // MaxSessionDuration, 1h to 12h; zero means 1h

	// Permissions is a policy in short; Policies are whole ones, as RAM has
	// them. Both count.
	Permissions []ram.Statement `yaml:"permissions"`
	Policies    []ram.Policy    `yaml:"policies"`
}

// A CrossAccount is an account registered with AddCrossAccount.
type CrossAccount struct {
	Account string `yaml:"account"`
	Role    string `yaml:"role"`  // what Cloud Backup assumes there; none for CROSS_ACCOUNT_BY_RD
	Type    string `yaml:"type"`  // CROSS_ACCOUNT, which is the default, or CROSS_ACCOUNT_BY_RD
	Alias   string `yaml:"alias"` // up to 32 characters
}

// A Directory is the resource directory that an account manages.
type Directory struct {
	Members []string `yaml:"members"` // account ids

	// TrustsBackup says that Cloud Backup is a trusted service of the
	// directory, without which it may not be used for backups.
	TrustsBackup bool `yaml:"trusts_backup"`
}

// defaultJobDuration is the JobDuration of a world that gives none.
const defaultJobDuration = 20 * time.Second

// LongestSession is MaxSessionDuration with RAM's default.
func (r *Role) LongestSession() time.Duration {
	if r.MaxSession == 0 {
		return DefaultSession
	}
	return r.MaxSession
}
