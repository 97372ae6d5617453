package aliyun

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// A snapshotPage is the response of DescribeUdmSnapshots. It is always complete: the
// operation has no pages.
type snapshotPage struct {
	Snapshots []struct {
		JobId  string
		Detail struct{ ConsistentLevel, DowngradeReason string }
	}
}

// snapshotMargin extends the searched interval before the creation of the job and after now,
// because the clocks of the services can differ.
const snapshotMargin = time.Hour

// DescribeUdmSnapshots returns the consistency of the recovery point that a job of an
// instance has made. It returns the zero value if there is no recovery point yet. Errors are
// [*backup.CloudError] values. Source: Cloud Backup, DescribeUdmSnapshots.
func (c *Client) DescribeUdmSnapshots(
	ctx context.Context,
	target backup.Target,
	job backup.Job,
) (backup.Consistency, error) {
	op := operation{action: describeUdmSnapshots, target: target, params: []param.Parameter{
		{Name: "SourceType", Value: string(param.UDMECS)},
		{Name: "UdmRegionId", Value: target.Region},
		{Name: "JobId", Value: job.JobID},
		{Name: "StartTime", Value: strconv.FormatInt(job.CreatedTime.Add(-snapshotMargin).Unix(), 10)},
		{Name: "EndTime", Value: strconv.FormatInt(c.cfg.Now().Add(snapshotMargin).Unix(), 10)},
	}}
	a, r, failed := c.perform(ctx, op)
	if failed != nil {
		return backup.Consistency{}, failed
	}
	var page snapshotPage
	if err := json.Unmarshal(a.body, &page); err != nil {
		return backup.Consistency{}, unknownResult(describeUdmSnapshots, a.status, r, "the list could not be read")
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
