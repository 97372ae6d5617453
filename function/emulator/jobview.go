package emulator

import (
	"strconv"
	"time"
)

// A jobView is one BackupJobs.BackupJob of DescribeBackupJobs2.
type jobView struct {
	JobId, JobName, PlanId, VaultId, ClientId, InstanceId, InstanceName string
	SourceType, BackupType, Status, ErrorMessage, Identifier            string

	Progress                                          int32 // 0 to 10000
	CreatedTime, StartTime, CompleteTime, UpdatedTime int64 // UNIX seconds; 0: not yet
	BytesTotal, BytesDone, ActualBytes                int64
	Speed                                             int64 // KB/s

	ItemsTotal, ItemsDone, ActualItems, FilesTotal, FilesDone, ActualFiles int64

	Include, Exclude, Options, SpeedLimit string
	Paths                                 struct{ Path []string }

	CrossAccountType, CrossAccountRoleName string
	CrossAccountUserId                     int64

	Detail *detailView `json:",omitempty"`
}

// A detailView is the Detail of a UDM_ECS job.
type detailView struct {
	DoCopy                            bool
	NativeSnapshotId                  string
	DestinationNativeSnapshotId       string
	DestinationNativeSnapshotStatus   string
	DestinationNativeSnapshotProgress int32 // percent
	DestinationRetention              int64 // days
	DiskNativeSnapshotIdList          struct{ DiskNativeSnapshotId []string }
	InstanceInfos                     map[string]instanceInfo
}

// An instanceInfo is the part of InstanceInfos that this world knows; its keys
// are in lower camel case, unlike all others of the reply.
type instanceInfo struct {
	HostName     string   `json:"hostName"`
	InstanceName string   `json:"instanceName"`
	InstanceType string   `json:"instanceType"`
	OSType       string   `json:"osType"`
	DiskIDs      []string `json:"diskIds"`
}

// newJobView tells of a job at now. What was sent is repeated as it was sent.
func newJobView(j *job, now time.Time) jobView {
	p, st := j.params, j.schedule.at(now)
	v := jobView{
		JobId: j.id, JobName: p["JobName"], VaultId: p["VaultId"], InstanceId: p["InstanceId"],
		SourceType: j.sourceType(), BackupType: j.backupType(), Status: st.status, ErrorMessage: st.message,
		Progress:    int32(st.progress),
		CreatedTime: unix(st.created), StartTime: unix(st.started), CompleteTime: unix(st.ended), UpdatedTime: unix(st.now),
		BytesTotal: st.total, BytesDone: st.done, ActualBytes: st.done, Speed: st.speed,
		Include: p["Include"], Exclude: p["Exclude"], Options: p["Options"], SpeedLimit: p["SpeedLimit"],
		CrossAccountType: "SELF_ACCOUNT", CrossAccountRoleName: p["CrossAccountRoleName"],
	}
	v.Paths.Path = append([]string{}, j.source.paths...)
	if p["CrossAccountType"] == "CROSS_ACCOUNT" {
		v.CrossAccountType = "CROSS_ACCOUNT"
		v.CrossAccountUserId, _ = strconv.ParseInt(p["CrossAccountUserId"], 10, 64)
	}
	if j.source.cluster != nil {
		v.Identifier = j.source.cluster.Identifier
	}
	if j.sourceType() == "UDM_ECS" {
		v.Detail = newDetailView(j, st)
	}
	return v
}

// newDetailView names snapshots once the job runs, which is when they exist.
func newDetailView(j *job, st state) *detailView {
	instance := j.source.instance
	d := &detailView{
		DoCopy:               j.schedule.copied,
		DestinationRetention: j.source.copyTo.retention,
		InstanceInfos: map[string]instanceInfo{instance.ID: {
			HostName: instance.Name, InstanceName: instance.Name, InstanceType: instance.Type,
			OSType: instance.OS, DiskIDs: j.source.disks,
		}},
	}
	d.DiskNativeSnapshotIdList.DiskNativeSnapshotId = []string{}
	if st.started.IsZero() {
		return d
	}
	d.NativeSnapshotId = j.snapshotID(instance.ID)
	for _, disk := range j.source.disks {
		list := &d.DiskNativeSnapshotIdList
		list.DiskNativeSnapshotId = append(list.DiskNativeSnapshotId, j.snapshotID(disk))
	}
	if st.copyStatus != "" {
		d.DestinationNativeSnapshotId = j.snapshotID(j.source.copyTo.region)
		d.DestinationNativeSnapshotStatus = st.copyStatus
		d.DestinationNativeSnapshotProgress = int32(st.copyProgress)
	}
	return d
}

// unix writes a moment that has not come as 0.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
