package world

import (
	"time"

	"backupportal/function/emulator/lifecycle"
)

// An Instance is an ECS instance. What is left out gets the value that its
// comment names.
type Instance struct {
	ID            string   `yaml:"id"`
	Name          string   `yaml:"name"`
	HostName      string   `yaml:"host_name"` // default: Name
	Region        string   `yaml:"region"`
	Zone          string   `yaml:"zone"`   // default: the region's zone h
	Status        string   `yaml:"status"` // Pending, Running (default), Starting, Stopping or Stopped
	Type          string   `yaml:"type"`   // default: ecs.g7.large
	OS            string   `yaml:"os"`     // linux or windows
	OSName        string   `yaml:"os_name"`
	PrivateIPs    []string `yaml:"private_ips"`
	PublicIPs     []string `yaml:"public_ips"`
	ResourceGroup string   `yaml:"resource_group"`
	VPC           string   `yaml:"vpc"`     // default: vpc-<region>
	Image         string   `yaml:"image"`   // ImageId; default: aliyun_3_x64_20G_alibase.vhd or its Windows counterpart
	Created       string   `yaml:"created"` // like 2025-11-02T03:04Z, which is the default
	Locks         []string `yaml:"locks"`   // OperationLocks: financial, security…

	// Tags are the instance's. Two of them are for this emulator, and win over
	// the fields below: emulator:duration=5s and emulator:outcome=FAILED.
	Tags map[string]string `yaml:"tags"`

	// RAMRole is the role that is bound to the instance. Without one an
	// application-consistent backup is downgraded (HBR.NoRamRoleBound).
	RAMRole string `yaml:"ram_role"`

	Disks []Disk `yaml:"disks"` // the system disk first

	JobDuration time.Duration `yaml:"job_duration"` // overrides the world's, if not zero
	JobOutcome  string        `yaml:"job_outcome"`  // how jobs end: see [Outcomes]; default COMPLETE
}

// A Disk is a disk attached to an instance.
type Disk struct {
	ID               string `yaml:"id"`
	Name             string `yaml:"name"`
	Category         string `yaml:"category"`          // cloud_essd, cloud_auto, cloud_ssd, cloud_efficiency…
	PerformanceLevel string `yaml:"performance_level"` // of a cloud_essd: PL0 to PL3, default PL1
	Type             string `yaml:"type"`              // system or data
	GiB              int64  `yaml:"gib"`
	Status           string `yaml:"status"` // default: In_use
	Device           string `yaml:"device"` // default: /dev/xvda and so on, by the order of the disks
	MultiAttach      bool   `yaml:"multi_attach"`
	Encrypted        bool   `yaml:"encrypted"`
}

// A Vault stores the backups of files and container volumes.
type Vault struct {
	ID            string            `yaml:"id"`
	Name          string            `yaml:"name"`
	Description   string            `yaml:"description"`
	Region        string            `yaml:"region"`
	Type          string            `yaml:"type"`   // STANDARD (default) or OTS_BACKUP
	Status        string            `yaml:"status"` // CREATED (default), INITIALIZING, UNKNOWN or ERROR
	Replication   bool              `yaml:"replication"`
	ReplicationOf string            `yaml:"replication_of"` // the vault that is mirrored, for a replication vault
	ResourceGroup string            `yaml:"resource_group"`
	Tags          map[string]string `yaml:"tags"`
}

// A Cluster is a container cluster as Cloud Backup knows it.
type Cluster struct {
	ID          string   `yaml:"id"`         // cc-…, what ContainerClusterId names
	GroupID     string   `yaml:"group_id"`   // cl-…, what ClusterId names
	Identifier  string   `yaml:"identifier"` // the ACK cluster
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Region      string   `yaml:"region"`
	Agent       string   `yaml:"agent"` // READY (default), MISS or UNKNOWN
	Volumes     []Volume `yaml:"volumes"`

	JobDuration time.Duration `yaml:"job_duration"` // overrides the world's, if not zero
	JobOutcome  string        `yaml:"job_outcome"`  // how jobs end: see [Outcomes]; default COMPLETE
}

// A Volume is a persistent volume of a cluster.
type Volume struct {
	ID           string `yaml:"id"`   // what resourceId names
	Name         string `yaml:"name"` // pv_name
	Claim        string `yaml:"claim"`
	Namespace    string `yaml:"namespace"`
	Node         string `yaml:"node"`
	StorageClass string `yaml:"storage_class"`
	GiB          int64  `yaml:"gib"`
}

// A BackupClient is the program that copies files, on an instance
// (ECS_CLIENT) or in a cluster (CONTAINER_CLIENT).
type BackupClient struct {
	ID       string `yaml:"id"`
	Instance string `yaml:"instance"` // of the same account; or
	Cluster  string `yaml:"cluster"`  // cc-…, of the same account
	Status   string `yaml:"status"`   // ACTIVATED means that it works
	Version  string `yaml:"version"`  // default: 2.15.0

	// HeartbeatAge is how long ago it was heard of, at any time. A client is
	// alive if that is less than 15 minutes.
	HeartbeatAge time.Duration `yaml:"heartbeat_age"`
}

// on is the id of the instance or cluster that a client works for.
func (c *BackupClient) hostID() string { return c.Instance + c.Cluster }

// Plan is that of an instance, its tags first.
func (i *Instance) Plan() lifecycle.Plan {
	duration, _ := time.ParseDuration(i.Tags[lifecycle.DurationTag])
	return lifecycle.ReadPlan(duration, i.Tags[lifecycle.OutcomeTag]).Over(lifecycle.ReadPlan(i.JobDuration, i.JobOutcome))
}
