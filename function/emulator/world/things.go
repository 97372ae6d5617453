package world

import (
	"time"

	"backupportal/function/emulator/lifecycle"
)

// An Instance is an ECS instance. A field without a value gets the default in its comment.
type Instance struct {
	ID            string   `yaml:"id"`
	Name          string   `yaml:"name"`
	HostName      string   `yaml:"host_name"` // default: Name
	Region        string   `yaml:"region"`
	Zone          string   `yaml:"zone"`    // default: the region's zone h
	Status        string   `yaml:"status"`  // Pending, Running (default), Starting, Stopping or Stopped
	Type          string   `yaml:"type"`    // default: ecs.g7.large
	OS            string   `yaml:"os"`      // linux or windows
	OSName        string   `yaml:"os_name"` // default: a name for the OS
	PrivateIPs    []string `yaml:"private_ips"`
	PublicIPs     []string `yaml:"public_ips"`
	ResourceGroup string   `yaml:"resource_group"`
	VPC           string   `yaml:"vpc"`     // default: vpc-<region>
	Image         string   `yaml:"image"`   // ImageId; default: one for the OS
	Created       string   `yaml:"created"` // time to the minute; default: 2025-11-02T03:04Z
	Locks         []string `yaml:"locks"`   // LockReason of OperationLocks, such as financial

	// Tags are the instance's tags. Two of them control the emulator and override the fields
	// below: emulator:duration=5s and emulator:outcome=FAILED.
	Tags map[string]string `yaml:"tags"`

	// RAMRole is the name of the role that is bound to the instance. If it is empty, an
	// application-consistent backup is downgraded (HBR.NoRamRoleBound).
	RAMRole string `yaml:"ram_role"`

	Disks []Disk `yaml:"disks"` // the system disk first; at least one

	JobDuration time.Duration `yaml:"job_duration"` // duration of its jobs; zero: the duration of the world
	JobOutcome  string        `yaml:"job_outcome"`  // outcome of its jobs, see [lifecycle.Outcomes]; empty: COMPLETE
}

// A Disk is a disk that is attached to an instance.
type Disk struct {
	ID               string `yaml:"id"`
	Name             string `yaml:"name"`
	Category         string `yaml:"category"`          // cloud_essd, cloud_auto, cloud_ssd, cloud_efficiency…
	PerformanceLevel string `yaml:"performance_level"` // only for cloud_essd: PL0 to PL3, default PL1
	Type             string `yaml:"type"`              // "system" or "data"
	GiB              int64  `yaml:"gib"`
	Status           string `yaml:"status"` // default: In_use
	Device           string `yaml:"device"` // default: /dev/xvda, /dev/xvdb and so on, in the order of the disks
	MultiAttach      bool   `yaml:"multi_attach"`
	Encrypted        bool   `yaml:"encrypted"`

	Tags map[string]string `yaml:"tags"`
}

// A Vault stores backups of files and container volumes.
type Vault struct {
	ID            string            `yaml:"id"`
	Name          string            `yaml:"name"`
	Description   string            `yaml:"description"`
	Region        string            `yaml:"region"`
	Type          string            `yaml:"type"`   // STANDARD (default) or OTS_BACKUP
	Status        string            `yaml:"status"` // CREATED (default), INITIALIZING, UNKNOWN or ERROR
	Replication   bool              `yaml:"replication"`
	ReplicationOf string            `yaml:"replication_of"` // id of the source vault, for a replication vault
	ResourceGroup string            `yaml:"resource_group"`
	Tags          map[string]string `yaml:"tags"`
}

// A Cluster is a container cluster that is registered with Cloud Backup.
type Cluster struct {
	ID          string   `yaml:"id"`         // cc-…; the parameter ContainerClusterId
	GroupID     string   `yaml:"group_id"`   // cl-…; the parameter ClusterId
	Identifier  string   `yaml:"identifier"` // id of the ACK cluster; not checked
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Region      string   `yaml:"region"`
	Agent       string   `yaml:"agent"` // READY (default), MISS or UNKNOWN; jobs need READY
	Volumes     []Volume `yaml:"volumes"`

	JobDuration time.Duration `yaml:"job_duration"` // duration of its jobs; zero: the duration of the world
	JobOutcome  string        `yaml:"job_outcome"`  // outcome of its jobs, see [lifecycle.Outcomes]; empty: COMPLETE
}

// A Volume is a persistent volume of a cluster.
type Volume struct {
	ID           string `yaml:"id"`    // the parameter resourceId
	Name         string `yaml:"name"`  // name of the persistent volume
	Claim        string `yaml:"claim"` // name of its claim
	Namespace    string `yaml:"namespace"`
	Node         string `yaml:"node"`
	StorageClass string `yaml:"storage_class"`
	GiB          int64  `yaml:"gib"`
}

// A BackupClient is the program that reads files for Cloud Backup, on an instance (ECS_CLIENT) or
// in a cluster (CONTAINER_CLIENT). Exactly one of Instance and Cluster is set.
type BackupClient struct {
	ID       string `yaml:"id"`
	Instance string `yaml:"instance"` // id of an instance of the same account
	Cluster  string `yaml:"cluster"`  // cc-… of the same account
	Status   string `yaml:"status"`   // jobs need ACTIVATED
	Version  string `yaml:"version"`  // default: 2.15.0

	// HeartbeatAge is the age of the client's last heartbeat at every call. A client is active if
	// it is less than 15 minutes.
	HeartbeatAge time.Duration `yaml:"heartbeat_age"`
}

// hostID returns the id of the instance or cluster on which the client runs.
func (c *BackupClient) hostID() string { return c.Instance + c.Cluster }

// Plan returns duration and outcome of the instance's jobs. Its tags override its fields.
func (i *Instance) Plan() lifecycle.Plan {
	duration, _ := time.ParseDuration(i.Tags[lifecycle.DurationTag])
	return lifecycle.ReadPlan(duration, i.Tags[lifecycle.OutcomeTag]).Over(lifecycle.ReadPlan(i.JobDuration, i.JobOutcome))
}
