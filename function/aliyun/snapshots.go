package aliyun

import (
	"context"
	"strconv"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// A snapshotPage is the response of DescribeUdmSnapshots. It is always complete: the
// operation has no pages.
type snapshotPage struct {
	Snapshots []snapshotItem
}

// A snapshotItem is one recovery point with the names of the API. Times are in UNIX seconds.
type snapshotItem struct {
	SnapshotId, JobId, InstanceId, SourceType, Status string
	CreatedTime, CompleteTime, ExpireTime, Retention  lenientInt
	CanBeDeleted                                      bool
	Detail                                            struct{ ConsistentLevel, DowngradeReason string }
}

// point converts i for the portal. It cleans all texts, because they come from another system.
func (i snapshotItem) point() backup.RecoveryPoint {
	word := func(s string) string { return param.Clean(s, longestWord) }
	return backup.RecoveryPoint{
		SnapshotID: word(i.SnapshotId), JobID: word(i.JobId), InstanceID: word(i.InstanceId),
		SourceType: param.SourceType(word(i.SourceType)), Status: backup.State(word(i.Status)),
		CreatedTime: i.CreatedTime.time(), CompleteTime: i.CompleteTime.time(), ExpireTime: i.ExpireTime.time(),
		Retention: int(i.Retention), CanBeDeleted: i.CanBeDeleted,
		Consistency: backup.Consistency{
			ConsistentLevel: word(i.Detail.ConsistentLevel),
			DowngradeReason: word(i.Detail.DowngradeReason),
		},
	}
}

// snapshotMargin extends the searched time range on both sides, because the clocks of the
// cloud's services can differ. The range is from the creation of the job until now.
const snapshotMargin = time.Hour

// DescribeUdmSnapshots returns the consistency of the recovery point that a backup job of an
// instance has made. It returns the zero value if there is no recovery point yet. Errors are
// [*backup.CloudError] values. Source: Cloud Backup, DescribeUdmSnapshots.
func (c *Client) DescribeUdmSnapshots(
	ctx context.Context,
	target backup.Target,
	job backup.Job,
) (backup.Consistency, error) {
	points, err := c.RecoveryPoints(ctx, target, backup.SnapshotFilter{
		JobID: job.JobID,
		Since: job.CreatedTime.Add(-snapshotMargin),
		Until: c.cfg.Now().Add(snapshotMargin),
	})
	for _, p := range points {
		if p.JobID == job.JobID {
			return p.Consistency, nil
		}
	}
	return backup.Consistency{}, err
}

// RecoveryPoints returns the recovery points of instances that match the filter, newest first,
// as the cloud sorts them. Errors are [*backup.CloudError] values. Source: Cloud Backup,
// DescribeUdmSnapshots.
func (c *Client) RecoveryPoints(
	ctx context.Context,
	target backup.Target,
	f backup.SnapshotFilter,
) ([]backup.RecoveryPoint, error) {
	op := operation{action: describeUdmSnapshots, target: target, params: []param.Parameter{
		{Name: "SourceType", Value: string(param.UDMECS)},
		{Name: "UdmRegionId", Value: target.Region},
		{Name: "StartTime", Value: strconv.FormatInt(f.Since.Unix(), 10)},
		{Name: "EndTime", Value: strconv.FormatInt(f.Until.Unix(), 10)},
	}}
	for _, p := range []param.Parameter{{Name: "JobId", Value: f.JobID}, {Name: "InstanceId", Value: f.InstanceID}} {
		if p.Value != "" {
			op.params = append(op.params, p)
		}
	}
	var page snapshotPage
	if failed := c.readList(ctx, op, &page); failed != nil {
		return nil, failed
	}
	var points []backup.RecoveryPoint
	for _, item := range page.Snapshots {
		points = append(points, item.point())
	}
	return points, nil
}
