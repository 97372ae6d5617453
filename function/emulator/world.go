package emulator

import "time"

// A World is what exists before the first call. It is plain data, written in
// Go or loaded by [LoadWorld]; nothing changes it later.
type World struct {
	Regions []string `yaml:"regions"` // region ids that answer

	// JobDuration is how long a job runs from its acceptance to its end, unless
	// the thing that is backed up says otherwise. Zero means 20 seconds: long
	// enough to watch, short enough to wait for.
	JobDuration time.Duration `yaml:"job_duration"`

	Accounts []Account `yaml:"accounts"`
}

// An Account is one Alibaba Cloud account and what lies in it.
type Account struct {
	ID         string      `yaml:"id"`          // 16 digits
	AccessKeys []AccessKey `yaml:"access_keys"` // of the account itself, which RAM calls root
	Users      []User      `yaml:"users"`
	Roles      []Role      `yaml:"roles"`

	// CrossBackupRole says that the service-linked role
	// AliyunServiceRoleForHbrCrossAccountBackup exists. Without it every
	// CROSS_ACCOUNT job of this account is refused.
	CrossBackupRole bool `yaml:"cross_backup_role"`

	// CrossAccounts are the accounts registered here with AddCrossAccount.
	CrossAccounts []CrossAccount `yaml:"cross_accounts"`

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

// A User is a RAM user. It may do what its statements allow, and nothing else.
type User struct {
	Name        string      `yaml:"name"`
	AccessKeys  []AccessKey `yaml:"access_keys"`
	Permissions []Statement `yaml:"permissions"`
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

	ExternalID  string        `yaml:"external_id"` // demanded of AssumeRole if not empty
	MaxSession  time.Duration `yaml:"max_session"` // 1h to 12h; zero means 1h
	Permissions []Statement   `yaml:"permissions"`
}

// A CrossAccount is an account and role registered with AddCrossAccount.
type CrossAccount struct {
	Account string `yaml:"account"`
	Role    string `yaml:"role"`
}

// An Instance is an ECS instance.
type Instance struct {
	ID     string `yaml:"id"`
	Name   string `yaml:"name"`
	Region string `yaml:"region"`
	OS     string `yaml:"os"` // linux or windows
	Type   string `yaml:"type"`
	Disks  []Disk `yaml:"disks"`

	JobDuration time.Duration `yaml:"job_duration"` // overrides the world's, if not zero
}

// A Disk is a disk attached to an instance.
type Disk struct {
	ID          string `yaml:"id"`
	Category    string `yaml:"category"` // cloud_essd, cloud_auto, cloud_ssd, cloud_efficiency…
	Type        string `yaml:"type"`     // system or data
	GiB         int64  `yaml:"gib"`
	MultiAttach bool   `yaml:"multi_attach"`
}

// A Vault stores the backups of files and container volumes.
type Vault struct {
	ID     string `yaml:"id"`
	Name   string `yaml:"name"`
	Region string `yaml:"region"`
}

// A Cluster is a container cluster as Cloud Backup knows it.
type Cluster struct {
	ID         string   `yaml:"id"`         // cc-…, what ContainerClusterId names
	GroupID    string   `yaml:"group_id"`   // cl-…, what ClusterId names
	Identifier string   `yaml:"identifier"` // the ACK cluster
	Name       string   `yaml:"name"`
	Region     string   `yaml:"region"`
	Volumes    []Volume `yaml:"volumes"`

	JobDuration time.Duration `yaml:"job_duration"` // overrides the world's, if not zero
}

// A Volume is a persistent volume of a cluster.
type Volume struct {
	ID        string `yaml:"id"`   // what resourceId names
	Name      string `yaml:"name"` // pv_name
	Claim     string `yaml:"claim"`
	Namespace string `yaml:"namespace"`
	Node      string `yaml:"node"`
	GiB       int64  `yaml:"gib"`
}

// A BackupClient is the program on an instance that copies its files.
type BackupClient struct {
	ID       string `yaml:"id"`
	Instance string `yaml:"instance"`
	Status   string `yaml:"status"` // ACTIVATED means alive
}

// defaultJobDuration is the JobDuration of a world that gives none.
const defaultJobDuration = 20 * time.Second

// maxSession is MaxSessionDuration with RAM's default.
func (r *Role) maxSession() time.Duration {
	if r.MaxSession == 0 {
		return defaultSession
	}
	return r.MaxSession
}
