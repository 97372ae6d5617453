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

// CreateBackupJob starts a backup (Cloud Backup, CreateBackupJob). It makes
// one request, or a second one if the first was refused for credentials that
// had been kept. Errors are [*backup.CloudError] values.
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

// CancelBackupJob asks for the end of a job (Cloud Backup, CancelBackupJob).
// Success means that the service took the request: the job stops a little later.
// Errors are [*backup.CloudError] values.
func (c *Client) CancelBackupJob(ctx context.Context, target backup.Target, jobID, vaultID string) error {
	op := operation{action: cancelBackupJob, target: target, params: []param.Parameter{{Name: "JobId", Value: jobID}}}
	if vaultID != "" {
		op.params = append(op.params, param.Parameter{Name: "VaultId", Value: vaultID})
	}
	if _, _, failed := c.perform(ctx, op); failed != nil {
		return failed
	}
	return nil
}

const (
	pageSize  = 50  // 100, the documented most, has failed in places
	mostPages = 250 // a listing that is longer proves nothing
)

// DescribeBackupJobs2 lists the jobs that the filter leaves, newest first
// (Cloud Backup, DescribeBackupJobs2). It takes at most 500 job ids, as the
// service does. A listing that cannot be read to its end is an error: what is
// missing from it may exist. Errors are [*backup.CloudError] values.
func (c *Client) DescribeBackupJobs2(
	ctx context.Context,
	target backup.Target,
	filter backup.JobFilter,
) ([]backup.Job, error) {
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
	return nil, unread(describeBackupJobs2, 0, response{}, "too many pages")
}

func unread(action string, status int, r response, cause string) *backup.CloudError {
	return &backup.CloudError{Action: action, Outcome: backup.ErrUnknownOutcome,
		HTTPStatus: status, RequestID: r.requestID, Cause: cause}
}

// listing are the parameters for one page. The operator is always given: IN,
// which is meant without one, is refused for times.
func listing(f backup.JobFilter, page int) []param.Parameter {
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

// A jobPage is one page of an answer. Fields that the portal does not show are
// not read; the API page has them all.
type jobPage struct {
	TotalCount *whole
	BackupJobs struct{ BackupJob []jobItem }
}

// silent reports whether the page says nothing about jobs: an answer that has
// no list, or an empty one where it counts some, is no proof of anything.
func (p jobPage) silent(number int) bool {
	none := p.BackupJobs.BackupJob == nil && (p.TotalCount == nil || *p.TotalCount != 0)
	return none || number == 1 && len(p.BackupJobs.BackupJob) == 0 && p.total() > 0
}

func (p jobPage) total() int64 {
	if p.TotalCount == nil {
		return 0
	}
	return int64(*p.TotalCount)
}

// last reports whether nothing comes after the page. TotalCount alone is not
// believed: a job that is missed would be made again.
func (p jobPage) last(number int) bool {
	n := len(p.BackupJobs.BackupJob)
	return n == 0 || n < pageSize && p.total() <= int64((number-1)*pageSize+n)
}

// A jobItem is one job in the words of the API. Times are UNIX seconds.
type jobItem struct {
	JobId, JobName, SourceType, InstanceId, Status, ErrorMessage string
	Progress, BytesTotal, BytesDone, Speed                       whole
	CreatedTime, StartTime, CompleteTime, UpdatedTime            whole
	Detail                                                       struct {
		DestinationNativeSnapshotStatus, DestinationNativeSnapshotErrorMessage string
		DestinationNativeSnapshotProgress                                      whole
	}
}

// longestWord is how much of an id or a status is kept, in bytes.
const longestWord = 128

func (i jobItem) job() backup.Job {
	word := func(s string) string { return param.Clean(s, longestWord) }
	return backup.Job{
		JobID: word(i.JobId), JobName: word(i.JobName), InstanceID: word(i.InstanceId),
		SourceType: param.SourceType(word(i.SourceType)), Status: backup.JobState(word(i.Status)),
		ErrorMessage: param.Clean(i.ErrorMessage, longestMessage),
		Progress:     int(min(max(i.Progress, 0), 10_000)),
		BytesTotal:   int64(i.BytesTotal), BytesDone: int64(i.BytesDone), Speed: int64(i.Speed),
		CreatedTime: i.CreatedTime.time(), StartTime: i.StartTime.time(),
		CompleteTime: i.CompleteTime.time(), UpdatedTime: i.UpdatedTime.time(),
		CopyStatus:   word(i.Detail.DestinationNativeSnapshotStatus),
		CopyError:    param.Clean(i.Detail.DestinationNativeSnapshotErrorMessage, longestMessage),
		CopyProgress: int(min(max(i.Detail.DestinationNativeSnapshotProgress, 0), 100)),
	}
}

// whole is a whole number. The API gives them as numbers or as text; what is
// neither is 0, since no number is worth losing a list for.
type whole int64

// UnmarshalJSON reads a number or a text with one in it.
func (w *whole) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	if err != nil {
		n = 0
	}
	*w = whole(n)
	return nil
}

// time is the moment that many seconds after 1970, and zero for 0.
func (w whole) time() time.Time {
	if w <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(w), 0)
}
