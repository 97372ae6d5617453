package aliyun

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// A snapshotPage is the answer of DescribeUdmSnapshots, which has no pages.
type snapshotPage struct {
	Snapshots []struct {
		JobId  string
		Detail struct{ ConsistentLevel, DowngradeReason string }
	}
}

// around is how far from the times of its job a recovery point is looked for.
const around = time.Hour

// DescribeUdmSnapshots finds the recovery point that the job of an instance has
// left, and says what it is worth (Cloud Backup, DescribeUdmSnapshots). If it is
// not there yet that is the zero value. Errors are [*backup.CloudError] values.
func (c *Client) DescribeUdmSnapshots(
	ctx context.Context,
	target backup.Target,
	job backup.Job,
) (backup.Consistency, error) {
	op := operation{action: describeUdmSnapshots, target: target, params: []param.Parameter{
		{Name: "SourceType", Value: string(param.UDMECS)},
		{Name: "UdmRegionId", Value: target.Region},
		{Name: "JobId", Value: job.JobID},
		{Name: "StartTime", Value: strconv.FormatInt(job.CreatedTime.Add(-around).Unix(), 10)},
		{Name: "EndTime", Value: strconv.FormatInt(c.cfg.Now().Add(around).Unix(), 10)},
	}}
	a, r, failed := c.perform(ctx, op)
	if failed != nil {
		return backup.Consistency{}, failed
	}
	var page snapshotPage
	if err := json.Unmarshal(a.body, &page); err != nil {
		return backup.Consistency{}, unread(describeUdmSnapshots, a.status, r, "the list could not be read")
	}
	for _, s := range page.Snapshots {
		if s.JobId == job.JobID {
			return backup.Consistency{
				ConsistentLevel: param.Clean(s.Detail.ConsistentLevel, longestWord),
				DowngradeReason: param.Clean(s.Detail.DowngradeReason, longestWord),
			}, nil
		}
	}
	return backup.Consistency{}, nil
}
