package aliyun

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// CreateBackupJob starts a backup. It sends nothing after the time call.Until. It sends a
// second request only if the cloud refused the cached credentials of the first one, so it
// starts at most one job. Errors are [*backup.CloudError] values. A success without a job id is
// [backup.ErrUnknownOutcome]. Source: Cloud Backup, CreateBackupJob.
func (c *Client) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	op := operation{action: createBackupJob, target: call.Target, params: call.Params.Parameters(), until: call.Until}
	a, r, failed := c.perform(ctx, op)
	if failed != nil {
		return backup.Created{}, failed
	}
	if r.jobID == "" {
		return backup.Created{}, &backup.CloudError{Action: createBackupJob, Outcome: backup.ErrUnknownOutcome,
			HTTPStatus: a.status, RequestID: r.requestID, Cause: "success without a job id"}
	}
	return backup.Created{JobID: r.jobID, RequestID: r.requestID}, nil
}

// CancelBackupJob requests that a job be cancelled. Success means only that the service
// accepted the request; the job ends later. If vaultID is empty, it is not sent. Errors are
// [*backup.CloudError] values. Source: Cloud Backup, CancelBackupJob.
func (c *Client) CancelBackupJob(ctx context.Context, target backup.Target, jobID, vaultID string) error {
	op := operation{action: cancelBackupJob, target: target, params: []param.Parameter{
		{Name: "JobId", Value: jobID},
		{Name: "Edition", Value: "STANDARD"}, // every job that CreateBackupJob starts has this edition
	}}
	if vaultID != "" {
		op.params = append(op.params, param.Parameter{Name: "VaultId", Value: vaultID})
	}
	if _, _, failed := c.perform(ctx, op); failed != nil {
		return failed
	}
	return nil
}

// Limits of listings of Cloud Backup.
const (
	pageSize = 50  // the documented maximum of 100 fails for some operations
	maxPages = 250 // a longer listing is an error, because its end was not read
)

// DescribeBackupJobs2 returns all jobs that match the filter, newest first. The zero filter
// matches all jobs of the target's region. The filter may have at most 500 job ids, the
// service's limit.
//
// It reads every page. If one page cannot be read, it returns an error and no jobs, because
// callers take a job that is missing in the list for one that does not exist. Errors are
// [*backup.CloudError] values. Source: Cloud Backup, DescribeBackupJobs2.
func (c *Client) DescribeBackupJobs2(
	ctx context.Context,
	target backup.Target,
	filter backup.JobFilter,
) ([]backup.Job, error) {
	var jobs []backup.Job
	seen := map[string]bool{}
	for number := 1; number <= maxPages; number++ {
		op := operation{action: describeBackupJobs2, target: target, params: jobListParams(filter, number)}
		a, r, failed := c.perform(ctx, op)
		if failed != nil {
			return nil, failed
		}
		var page jobPage
		if err := json.Unmarshal(a.body, &page); err != nil {
			return nil, unknownResult(describeBackupJobs2, a.status, r, "the list could not be read")
		}
		if page.lacksList(number) {
			return nil, unknownResult(describeBackupJobs2, a.status, r, "the answer has no list")
		}
		for _, item := range page.BackupJobs.BackupJob {
			// A new job moves others to the next page, so a job can be on two pages.
			if job := item.job(); job.JobID != "" && !seen[job.JobID] {
				seen[job.JobID] = true
				jobs = append(jobs, job)
			}
		}
		if page.isLast(number) {
			return jobs, nil
		}
	}
	return nil, unknownResult(describeBackupJobs2, 0, response{}, "too many pages")
}

// unknownResult returns the error for a successful response whose content the portal could not
// use.
func unknownResult(action string, status int, r response, cause string) *backup.CloudError {
	return &backup.CloudError{Action: action, Outcome: backup.ErrUnknownOutcome,
		HTTPStatus: status, RequestID: r.requestID, Cause: cause}
}

// jobListParams returns the parameters for page number page, counted from 1. It writes the
// operator of each filter: the service's default is IN, which it refuses for times.
func jobListParams(f backup.JobFilter, page int) []param.Parameter {
	params := []param.Parameter{
		{Name: "PageNumber", Value: strconv.Itoa(page)},
		{Name: "PageSize", Value: strconv.Itoa(pageSize)},
	}
	if f.SourceType != "" {
		params = append(params, param.Parameter{Name: "SourceType", Value: string(f.SourceType)})
	}
	filters := 0
	add := func(key, operator string, values ...string) {
		filters++
		name := "Filters." + strconv.Itoa(filters) + "."
		params = append(params, param.Parameter{
			Name:  name + "Key",
			Value: key,
		}, param.Parameter{Name: name + "Operator", Value: operator})
		for i, value := range values {
			params = append(params, param.Parameter{Name: name + "Values." + strconv.Itoa(i+1), Value: value})
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

// A jobPage is one page of DescribeBackupJobs2, with the members that the portal uses.
type jobPage struct {
	TotalCount *lenientInt
	BackupJobs struct{ BackupJob []jobItem }
}

// lacksList reports whether the page does not show which jobs exist. That is so in two cases:
// it has no list although it does not count 0 jobs, or it is the first page and counts jobs but
// has an empty list.
func (p jobPage) lacksList(number int) bool {
	none := p.BackupJobs.BackupJob == nil && (p.TotalCount == nil || *p.TotalCount != 0)
	return none || number == 1 && len(p.BackupJobs.BackupJob) == 0 && p.total() > 0
}

// total returns TotalCount, or 0 if it is missing.
func (p jobPage) total() int64 {
	if p.TotalCount == nil {
		return 0
	}
	return int64(*p.TotalCount)
}

// isLast reports whether no page follows this one. A full page is never the last one, even if
// TotalCount says so: TotalCount can be outdated, and a job that the portal has not read could
// be started a second time.
func (p jobPage) isLast(number int) bool {
	n := len(p.BackupJobs.BackupJob)
	return n == 0 || n < pageSize && p.total() <= int64((number-1)*pageSize+n)
}

// A jobItem is one job of a response, with the names of the API. Times are in UNIX seconds.
type jobItem struct {
	JobId, JobName, SourceType, InstanceId, Status, ErrorMessage, TriggerMode string
	Progress, BytesTotal, BytesDone, Speed                                    lenientInt
	CreatedTime, StartTime, CompleteTime, UpdatedTime                         lenientInt
	Detail                                                                    struct {
		DestinationNativeSnapshotStatus, DestinationNativeSnapshotErrorMessage string
		DestinationNativeSnapshotProgress                                      lenientInt
	}
}

// longestWord is the maximum length, in bytes, of an id or a status from the cloud. Longer ones
// are cut.
const longestWord = 128

// job converts i for the portal. It cleans all texts, because they come from another system. It
// limits Progress to 0 to 10,000 (hundredths of a percent) and the progress of the copy to 0 to
// 100.
func (i jobItem) job() backup.Job {
	word := func(s string) string { return param.Clean(s, longestWord) }
	return backup.Job{
		JobID: word(i.JobId), JobName: word(i.JobName), InstanceID: word(i.InstanceId),
		SourceType: param.SourceType(word(i.SourceType)), Status: backup.JobState(word(i.Status)),
		ErrorMessage: param.Clean(i.ErrorMessage, longestMessage),
		TriggerMode:  word(i.TriggerMode),
		Progress:     int(min(max(i.Progress, 0), 10_000)),
		BytesTotal:   int64(i.BytesTotal), BytesDone: int64(i.BytesDone), Speed: int64(i.Speed),
		CreatedTime: i.CreatedTime.time(), StartTime: i.StartTime.time(),
		CompleteTime: i.CompleteTime.time(), UpdatedTime: i.UpdatedTime.time(),
		CopyStatus:   word(i.Detail.DestinationNativeSnapshotStatus),
		CopyError:    param.Clean(i.Detail.DestinationNativeSnapshotErrorMessage, longestMessage),
		CopyProgress: int(min(max(i.Detail.DestinationNativeSnapshotProgress, 0), 100)),
	}
}

// A lenientInt is an integer that JSON has as a number or as a string: the API uses both. Any
// other value is 0, because one wrong number must not make a whole listing unreadable.
type lenientInt int64

// UnmarshalJSON implements [json.Unmarshaler]. It returns no error.
func (w *lenientInt) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	if err != nil {
		n = 0
	}
	*w = lenientInt(n)
	return nil
}

// time returns w as UNIX seconds. It returns the zero time for 0 and negative numbers.
func (w lenientInt) time() time.Time {
	if w <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(w), 0)
}
