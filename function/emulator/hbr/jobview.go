package hbr

import (
	"strconv"
	"time"

	"backupportal/function/emulator/lifecycle"
)

// A jobView is one element of BackupJobs.BackupJob in the reply of DescribeBackupJobs2.
type jobView struct {
	JobId, JobName, PlanId, VaultId, ClientId, InstanceId, InstanceName string
	SourceType, BackupType, Status, ErrorMessage, Identifier            string
	TriggerMode                                                         string // how the job was started

	Progress                                          int32 // 0 to 10000
	CreatedTime, StartTime, CompleteTime, UpdatedTime int64 // UNIX seconds; 0: not reached yet
	BytesTotal, BytesDone                             int64
	ActualBytes                                       int64 // after deduplication
	Speed                                             int64 // KB/s

	ItemsTotal, ItemsDone, ActualItems, FilesTotal, FilesDone, ActualFiles int64

	Include, Exclude, Options, SpeedLimit string
	Paths                                 struct{ Path []string }

	CrossAccountType, CrossAccountRoleName string
	CrossAccountUserId                     int64

	Report *reportView `json:",omitempty"`
	Detail *detailView `json:",omitempty"`
}

// A reportView is the Report of a file job that has ended. Its numbers are texts.
type reportView struct {
	TotalFiles, SuccessFiles, FailedFiles, SkippedFiles, ReportTaskStatus string
}

// A detailView is the Detail of a UDM_ECS job.
type detailView struct {
	DoCopy                                bool
	NativeSnapshotId                      string
	DestinationNativeSnapshotId           string
	DestinationSnapshotId                 string
	DestinationNativeSnapshotStatus       string
	DestinationNativeSnapshotErrorMessage string
	DestinationNativeSnapshotProgress     int32 // percent
	DestinationRetention                  int64 // days
	DiskNativeSnapshotIdList              struct{ DiskNativeSnapshotId []string }
	InstanceInfos                         map[string]instanceInfo
}

// An instanceInfo is a value of InstanceInfos. Its members are in lower camel case, unlike all
// others of the reply.
type instanceInfo struct {
	HostName     string   `json:"hostName"`
	InstanceName string   `json:"instanceName"`
	InstanceType string   `json:"instanceType"`
	OSType       string   `json:"osType"`
	OSName       string   `json:"osName"`
	OSNameEn     string   `json:"osNameEn"`
	Platform     string   `json:"platform"`
	DiskIDs      []string `json:"diskIds"`
}

// newJobView returns the row of a job with the state that it has at now. Parameters are
// returned as they were sent.
func newJobView(l listedJob, now time.Time) jobView {
	p, st := l.Params, l.stateAt(now)
	v := jobView{
		JobId: l.id(), JobName: p["JobName"], VaultId: p["VaultId"], ClientId: l.source.client, InstanceId: p["InstanceId"],
		SourceType: l.kind(), BackupType: l.backupType(), Status: st.Status, ErrorMessage: st.Message,
		TriggerMode: "MANUAL", // the values are not documented
		Progress:    int32(st.Progress),
		CreatedTime: unix(st.Created), StartTime: unix(st.Started), CompleteTime: unix(st.Ended), UpdatedTime: unix(st.Now),
		BytesTotal: st.Total, BytesDone: st.Done, ActualBytes: l.storedBytes(st.Done), Speed: st.Speed,
		Include: p["Include"], Exclude: p["Exclude"], Options: p["Options"], SpeedLimit: p["SpeedLimit"],
		CrossAccountType: "SELF_ACCOUNT", CrossAccountRoleName: p["CrossAccountRoleName"],
	}
	v.Paths.Path = append([]string{}, l.source.paths...)
	if p["CrossAccountType"] == "CROSS_ACCOUNT" {
		v.CrossAccountType = "CROSS_ACCOUNT"
		v.CrossAccountUserId, _ = strconv.ParseInt(p["CrossAccountUserId"], 10, 64)
	}
	if l.source.cluster != nil {
		v.Identifier = l.source.cluster.Identifier
	}
	if l.SourceType() == "UDM_ECS" {
		v.Detail = newDetailView(l, st)
	} else {
		v.countFiles(st)
	}
	return v
}

// stateAt returns the state of a row at now. The row of a disk has the state of its job and the
// size of the disk.
func (l listedJob) stateAt(now time.Time) lifecycle.State {
	s := l.Schedule
	if l.disk != nil {
		s.Bytes = l.disk.GiB << 30
	}
	return s.At(now)
}

// storedBytes returns how many of the bytes that were read had to be stored: 60 % for a full
// backup, 5 % for an incremental one. Both are arbitrary.
func (j *Job) storedBytes(done int64) int64 {
	if j.backupType() == "INCREMENTAL" {
		return done / 20
	}
	return done / 10 * 6
}

// fileSize is the size of every emulated file in bytes: 512 KiB.
const fileSize = 512 << 10

// countFiles sets the members that only jobs of files have. Items are files and folders.
func (v *jobView) countFiles(st lifecycle.State) {
	withFolders := func(files int64) int64 { return files + files/16 }
	v.FilesTotal, v.FilesDone, v.ActualFiles = st.Total/fileSize, st.Done/fileSize, v.ActualBytes/fileSize
	v.ItemsTotal, v.ItemsDone, v.ActualItems = withFolders(v.FilesTotal), withFolders(v.FilesDone), withFolders(v.ActualFiles)
	if !st.Over() || st.Started.IsZero() { // it has not ended, or ended before it started
		return
	}
	r := &reportView{
		TotalFiles:       text(v.FilesTotal),
		SuccessFiles:     text(v.FilesDone),
		FailedFiles:      "0",
		SkippedFiles:     "0",
		ReportTaskStatus: "COMPLETE",
	}
	switch missing := text(v.FilesTotal - v.FilesDone); st.Status {
	case "PARTIAL_COMPLETE":
		r.SkippedFiles = missing
	case "FAILED":
		r.FailedFiles = missing
	}
	v.Report = r
}

// newDetailView returns the Detail of a row. Snapshots have ids once the job has started.
func newDetailView(l listedJob, st lifecycle.State) *detailView {
	instance := l.source.instance
	d := &detailView{
		DoCopy:               l.Schedule.Copied,
		DestinationRetention: l.source.copyTo.retention,
		InstanceInfos: map[string]instanceInfo{instance.ID: {
			HostName: instance.HostName, InstanceName: instance.Name, InstanceType: instance.Type,
			OSType: instance.OS, OSName: instance.OSName, OSNameEn: instance.OSName, Platform: instance.OSName, DiskIDs: l.source.disks,
		}},
	}
	d.DiskNativeSnapshotIdList.DiskNativeSnapshotId = []string{} // encoded as [], not null
	if st.Started.IsZero() {
		return d
	}
	d.NativeSnapshotId = l.snapshotID(l.resourceID())
	for _, disk := range l.source.disks {
		if l.disk == nil || l.disk.ID == disk {
			list := &d.DiskNativeSnapshotIdList
			list.DiskNativeSnapshotId = append(list.DiskNativeSnapshotId, l.snapshotID(disk))
		}
	}
	if st.CopyStatus != "" { // the copy has begun
		d.DestinationNativeSnapshotId = l.snapshotID(l.source.copyTo.region + l.resourceID())
		d.DestinationSnapshotId = l.recoveryPointID(l.source.copyTo.region + l.resourceID())
		d.DestinationNativeSnapshotStatus = st.CopyStatus
		d.DestinationNativeSnapshotProgress = int32(st.CopyProgress)
	}
	return d
}

// resourceID returns the id of the row's disk, or of its instance.
func (l listedJob) resourceID() string {
	if l.disk != nil {
		return l.disk.ID
	}
	return l.source.instance.ID
}

// unix returns t in UNIX seconds, or 0 for the zero time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// text returns a number as the text that some members require.
func text(n int64) string { return strconv.FormatInt(n, 10) }
