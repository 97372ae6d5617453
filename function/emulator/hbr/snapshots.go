package hbr

import (
	"encoding/json"
	"slices"
	"time"

	"backupportal/function/emulator/plainjson"
	"backupportal/function/emulator/rpc"
)

// A snapshotsAnswer is the reply of DescribeUdmSnapshots. It has no pages.
type snapshotsAnswer struct {
	rpc.Envelope
	TotalCount int64
	Snapshots  []snapshotView
}

// A snapshotView is one element of Snapshots: a recovery point. Times are UNIX seconds, Retention
// is days. ActualBytes is a text, unlike all other sizes.
type snapshotView struct {
	SnapshotId, NativeSnapshotId, JobId, InstanceId, DiskId, SourceType, BackupType, Status string
	ActualBytes, NativeSnapshotInfo, AdvancedRetentionType, ArchiveStatus                   string
	ArchiveErrorMessage                                                                     string

	BytesTotal, Retention, CreatedTime, StartTime, CompleteTime, UpdatedTime, ExpireTime, RealSnapshotTime int64

	ArchiveTriggerTime int64 // 0: not archived

	CanBeDeleted bool
	Detail       snapshotDetail
}

// A snapshotDetail is the Detail of a recovery point.
type snapshotDetail struct {
	ConsistentLevel, DowngradeReason, InstanceName, VmName, HostName, InstanceType string
	OsType, OsName, OsNameEn, Platform, OsDiskId                                   string
	DiskDevName, DiskCategory, PerformanceLevel, SnapshotGroupId                   string

	ContainOsDisk, SystemDisk, InstantAccess bool

	DiskIdList, NativeSnapshotIdList []string
	DiskHbrSnapshotIdWithDeviceMap   map[string]string   // by device
	InstanceIdWithDiskIdListMap      map[string][]string // by instance
}

// A snapshotQuery holds the parsed parameters of DescribeUdmSnapshots.
type snapshotQuery struct {
	start, end int64    // UNIX seconds, both included
	ids        []string // nil: all
}

// DescribeUdmSnapshots is the operation DescribeUdmSnapshots of Cloud Backup: recovery points of
// complete and partially complete instance jobs, until their retention has ended.
//
//	SourceType     rows
//	UDM_ECS        instances
//	UDM_ECS_DISK   disks of instances
//	UDM_DISK       disks that were backed up alone; the emulator has none
func (s *Service) DescribeUdmSnapshots(k *rpc.Call) (any, error) {
	q, err := parseSnapshotQuery(k.Params)
	if err != nil {
		return nil, err
	}
	ans := snapshotsAnswer{Envelope: rpc.Success(k), Snapshots: []snapshotView{}}
	for _, j := range slices.Backward(s.jobs.inScope(scope{k.Caller.Account.ID, k.Params["UdmRegionId"]})) {
		if j.SourceType() != "UDM_ECS" || !hasRecoveryPoint(j.Schedule.At(k.At)) {
			continue
		}
		for _, l := range snapshotRows(j, k.Params["SourceType"]) {
			if v := newSnapshotView(l, k.At); v.ExpireTime > k.At.Unix() && q.matches(k.Params, v) {
				ans.Snapshots = append(ans.Snapshots, v)
			}
		}
	}
	ans.TotalCount = int64(len(ans.Snapshots))
	return ans, nil
}

// snapshotRows returns the recovery points of one job for a SourceType.
func snapshotRows(j *Job, kind string) []listedJob {
	var rows []listedJob
	switch kind {
	case "UDM_ECS":
		rows = append(rows, listedJob{Job: j})
	case "UDM_ECS_DISK":
		for _, id := range j.source.disks {
			rows = append(rows, listedJob{j, j.source.instance.Disk(id)})
		}
	}
	return rows
}

// parseSnapshotQuery reads and checks the parameters. Four are required. One of them is the
// region: it is read from UdmRegionId and not from the endpoint.
func parseSnapshotQuery(p rpc.Params) (q snapshotQuery, err error) {
	for _, name := range []string{"SourceType", "StartTime", "EndTime", "UdmRegionId"} {
		if p[name] == "" {
			return q, rpc.Missing(name)
		}
	}
	if err := rpc.CheckOneOf(p, "SourceType", "UDM_ECS", "UDM_ECS_DISK", "UDM_DISK"); err != nil {
		return q, err
	}
	for name, to := range map[string]*int64{"StartTime": &q.start, "EndTime": &q.end} {
		n, ok := rpc.Decimal(p[name])
		if !ok {
			return q, rpc.Invalid(name, "%q is not a number of seconds", p[name])
		}
		*to = n
	}
	if p["SnapshotIds"] != "" {
		ids, ok := plainjson.Strings([]byte(p["SnapshotIds"]))
		if !ok {
			return q, rpc.Invalid("SnapshotIds", "it is not a json array of texts")
		}
		q.ids = ids
	}
	return q, nil
}

// matches reports whether a recovery point matches the query. StartTime and EndTime are included.
func (q snapshotQuery) matches(p rpc.Params, v snapshotView) bool {
	matchesParam := func(name, have string) bool { return p[name] == "" || p[name] == have }
	return q.start <= v.CreatedTime && v.CreatedTime <= q.end && (q.ids == nil || slices.Contains(q.ids, v.SnapshotId)) &&
		matchesParam("InstanceId", v.InstanceId) && matchesParam("JobId", v.JobId) &&
		(p["DiskId"] == "" || slices.Contains(v.Detail.DiskIdList, p["DiskId"]))
}

// newSnapshotView returns the JSON of a recovery point. Its time is the start of the job,
// because data that is written later is not part of the snapshot.
func newSnapshotView(l listedJob, now time.Time) snapshotView {
	st := l.stateAt(now)
	days, _ := rpc.Decimal(l.Params["Retention"])
	native := l.snapshotID(l.resourceID())
	info, _ := json.Marshal(map[string]string{"snapshotId": native}) // its members are not documented
	v := snapshotView{
		SnapshotId: l.recoveryPointID(l.resourceID()), NativeSnapshotId: native, JobId: l.Job.ID, InstanceId: l.source.instance.ID,
		SourceType: l.kind(), BackupType: l.backupType(), Status: st.Status,
		ActualBytes: text(l.storedBytes(st.Done)), NativeSnapshotInfo: string(info), ArchiveStatus: "STANDARD",
		BytesTotal: st.Total, Retention: days, CreatedTime: unix(st.Started), StartTime: unix(st.Started),
		CompleteTime: unix(st.Ended), UpdatedTime: unix(st.Ended), RealSnapshotTime: unix(st.Started),
		ExpireTime: st.Ended.Unix() + days*24*60*60, CanBeDeleted: true, Detail: newSnapshotDetail(l),
	}
	if l.disk != nil {
		v.DiskId = l.disk.ID
	}
	return v
}

// newSnapshotDetail returns the Detail of a recovery point: the instance as it is in the world,
// and the disks of the row.
func newSnapshotDetail(l listedJob) snapshotDetail {
	i := l.source.instance
	d := snapshotDetail{
		ConsistentLevel: l.source.consistency.level, DowngradeReason: l.source.consistency.downgrade,
		InstanceName: i.Name, VmName: i.Name, HostName: i.HostName, InstanceType: i.Type,
		OsType: i.OS, OsName: i.OSName, OsNameEn: i.OSName, Platform: i.OSName, OsDiskId: i.Disks[0].ID,
		DiskHbrSnapshotIdWithDeviceMap: map[string]string{}, InstanceIdWithDiskIdListMap: map[string][]string{},
		DiskIdList: []string{}, NativeSnapshotIdList: []string{},
	}
	for _, id := range l.source.disks {
		if l.disk != nil && l.disk.ID != id {
			continue
		}
		d.DiskIdList = append(d.DiskIdList, id)
		d.NativeSnapshotIdList = append(d.NativeSnapshotIdList, l.snapshotID(id))
		d.DiskHbrSnapshotIdWithDeviceMap[i.Disk(id).Device] = l.recoveryPointID(id)
	}
	d.InstanceIdWithDiskIdListMap[i.ID] = d.DiskIdList
	d.ContainOsDisk = slices.Contains(d.DiskIdList, d.OsDiskId)
	if l.disk != nil {
		d.DiskDevName, d.DiskCategory, d.PerformanceLevel = l.disk.Device, l.disk.Category, l.disk.PerformanceLevel
		d.SystemDisk = l.disk.Type == "system"
	}
	if l.source.grouped {
		d.SnapshotGroupId = "ssg-bp1" + rpc.EntityID(l.Job.ID)[:15]
	}
	return d
}
