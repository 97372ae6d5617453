package backup

import (
	"time"

	"backupportal/function/param"
)

// ProtectedQuery selects resources of ListProtectedResources. The zero value selects all.
type ProtectedQuery struct {
	SourceType param.SourceType // ECS_FILE or a type that the portal does not start; never UDM_ECS
	ResourceID string
}

// ProtectedResource is a resource that Cloud Backup protects. It has no time: the last good backup
// is the newest complete job or recovery point. Source: Cloud Backup, ListProtectedResources.
type ProtectedResource struct {
	ResourceID        string
	Region, OwnerID   string // region of the resource, and id of the account that owns it
	SourceType        param.SourceType
	CreatedByProduct  string // HBR, or BASIC for the Essential Edition
	SnapshotCount     int64  // number of recovery points
	ProtectedDataSize int64  // bytes; 0 unless CreatedByProduct is BASIC
	BackupPlanCount   int64
}

// SnapshotFilter selects recovery points of instances. Empty fields select all.
type SnapshotFilter struct {
	InstanceID, JobID string
	Since, Until      time.Time // first and last time of creation, both included, to the second; both are required
}

// RecoveryPoint is a recovery point of an instance. Source: Cloud Backup, DescribeUdmSnapshots.
type RecoveryPoint struct {
	SnapshotID, JobID, InstanceID string
	SourceType                    param.SourceType
	Status                        State
	CreatedTime, CompleteTime     time.Time
	ExpireTime                    time.Time // after this it is deleted; zero: not known
	Retention                     int       // days
	CanBeDeleted                  bool
	Consistency
}

// IsGood reports whether p is complete and has not expired at now.
func (p RecoveryPoint) IsGood(now time.Time) bool {
	return p.Status == StateComplete && (p.ExpireTime.IsZero() || now.Before(p.ExpireTime))
}

// MadeAt returns when p was completed, or when it was created if that is not known.
func (p RecoveryPoint) MadeAt() time.Time {
	if p.CompleteTime.IsZero() {
		return p.CreatedTime
	}
	return p.CompleteTime
}
