package aliyun

import (
	"context"
	"encoding/json"
	"strconv"

	"backupportal/function/backup"
)

const (
	pageSize  = 50  // 100, the documented most, has failed in places
	mostPages = 250 // a listing that is longer proves nothing
)

// DescribeBackupJobs2 lists the jobs that the filter leaves, newest first
// (Cloud Backup, DescribeBackupJobs2). It takes at most 500 job ids, as the
// service does. A listing that cannot be read to its end is an error: what is
// missing from it may exist. Errors are [*backup.CloudError] values.
func (c *Client) DescribeBackupJobs2(ctx context.Context, target backup.Target, filter backup.JobFilter) ([]backup.Job, error) {
	var jobs []backup.Job
	seen := map[string]bool{}
	for number := 1; number <= mostPages; number++ {
		op := operation{action: describeBackupJobs2, target: target, params: listing(filter, number)}
		a, r, failed := c.perform(ctx, op)
		if failed != nil {
			return nil, failed
		}
		var page jobPage
		if err := json.Unmarshal(a.body, &page); err != nil {
			return nil, unread(describeBackupJobs2, a.status, r, "the list could not be read")
		}
		if page.silent(number) {
			return nil, unread(describeBackupJobs2, a.status, r, "the answer has no list")
		}
		for _, item := range page.BackupJobs.BackupJob {
			if job := item.job(); job.JobID != "" && !seen[job.JobID] { // pages shift while jobs are added
				seen[job.JobID] = true
				jobs = append(jobs, job)
			}
		}
		if page.last(number) {
			return jobs, nil
		}
	}
	return nil, unread(describeBackupJobs2, 0, reading{}, "too many pages")
}

func unread(action string, status int, r reading, cause string) *backup.CloudError {
	return &backup.CloudError{Action: action, Outcome: backup.ErrUnknownOutcome,
		HTTPStatus: status, RequestID: r.requestID, Cause: cause}
}

// listing are the parameters for one page. The operator is always given: IN,
// which is meant without one, is refused for times.
func listing(f backup.JobFilter, page int) []backup.Parameter {
	params := []backup.Parameter{
		{Name: "PageNumber", Value: strconv.Itoa(page)},
		{Name: "PageSize", Value: strconv.Itoa(pageSize)},
	}
	if f.SourceType != "" {
		params = append(params, backup.Parameter{Name: "SourceType", Value: string(f.SourceType)})
	}
	filters := 0
	add := func(key, operator string, values ...string) {
		filters++
		name := "Filters." + strconv.Itoa(filters) + "."
		params = append(params, backup.Parameter{Name: name + "Key", Value: key}, backup.Parameter{Name: name + "Operator", Value: operator})
		for i, value := range values {
			params = append(params, backup.Parameter{Name: name + "Values." + strconv.Itoa(i+1), Value: value})
		}
	}
	if f.InstanceID != "" {
		add("InstanceId", "EQUAL", f.InstanceID)
	}
	switch len(f.JobIDs) {
	case 0:
	case 1:
		add("JobId", "EQUAL", f.JobIDs[0])
	default:
		add("JobId", "IN", f.JobIDs...)
	}
	if !f.Since.IsZero() {
		add("CreatedTime", "GREATER_THAN_OR_EQUAL", strconv.FormatInt(f.Since.Unix(), 10))
	}
	return params
}
