package hbr

import (
	"slices"
	"sync"
	"time"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// listedTypes are the valid values of SourceType in DescribeBackupJobs2. CONTAINER is not among
// them: such jobs are listed only without SourceType.
var listedTypes = []string{"ECS_FILE", "OSS", "NAS", "OTS", "UDM_ECS", "UDM_ECS_DISK", "COMMON_NAS", "File", "SYNC"}

// A jobsAnswer is the reply of DescribeBackupJobs2. TotalCount is the number of jobs that match
// the filters, on all pages.
type jobsAnswer struct {
	rpc.Envelope
	PageNumber, PageSize, TotalCount int64
	BackupJobs                       struct{ BackupJob []jobView }
}

// DescribeBackupJobs2 is the operation DescribeBackupJobs2 of Cloud Backup: the jobs of the
// caller's account in this region, newest first by default. Errors: InvalidParameter.
func (s *Service) DescribeBackupJobs2(k *rpc.Call) (any, error) {
	p := k.Params
	if err := rpc.CheckOneOf(p, "SourceType", listedTypes...); err != nil {
		return nil, err
	}
	if err := rpc.CheckOneOf(p, "SortDirection", "ASCEND", "DESCEND"); err != nil {
		return nil, err
	}
	if err := rpc.CheckOneOf(p, "Edition", "BASIC", "STANDARD"); err != nil {
		return nil, err
	}
	number, size, err := parsePage(p)
	if err != nil {
		return nil, err
	}
	filters, err := parseFilters(p)
	if err != nil {
		return nil, err
	}
	buffer := s.rows.get()
	defer s.rows.put(buffer)
	jobs, err := s.list(k, filters, buffer)
	if err != nil {
		return nil, err
	}
	if p["SortDirection"] == "ASCEND" {
		slices.Reverse(jobs)
	}
	ans := jobsAnswer{Envelope: rpc.Success(k), PageNumber: number, PageSize: size}
	ans.TotalCount = totalCount(k, len(jobs))
	ans.BackupJobs.BackupJob = []jobView{}
	// Rows are computed only for the page, because a listing can have thousands of jobs.
	for _, l := range page(faultyPage(k, jobs, number, size)) {
		ans.BackupJobs.BackupJob = append(ans.BackupJobs.BackupJob, newJobView(l, k.At))
	}
	return ans, nil
}

// A listedJob is a row of a listing: a job, or one disk of an instance's job, which the API lists
// as a separate job of type UDM_ECS_DISK.
type listedJob struct {
	*Job
	disk *world.Disk // the disk of this row; nil: the row is the whole job
}

// id returns the JobId of the job, or of the disk's part of the job if l is a disk.
func (l listedJob) id() string {
	if l.disk == nil {
		return l.Job.ID
	}
	return "job-000" + rpc.EntityID(l.Job.ID + l.disk.ID)[:17]
}

// kind returns the SourceType of the job, or UDM_ECS_DISK if l is a disk.
func (l listedJob) kind() string {
	if l.disk == nil {
		return l.SourceType()
	}
	return "UDM_ECS_DISK"
}

// parent returns ParentId: the JobId of the instance's job for a disk, otherwise "".
func (l listedJob) parent() string {
	if l.disk == nil {
		return ""
	}
	return l.Job.ID
}

// A rowPool reuses the buffers of listings. A listing can have thousands of rows, and new buffers
// for each call would burden the garbage collector.
type rowPool struct{ pool sync.Pool }

// get returns an empty buffer for the rows of a listing, if possible a used one.
func (r *rowPool) get() *[]listedJob {
	if buffer, ok := r.pool.Get().(*[]listedJob); ok {
		return buffer
	}
	return new([]listedJob)
}

// put returns a buffer to the pool. The caller must not use its rows any more.
func (r *rowPool) put(buffer *[]listedJob) {
	clear(*buffer)
	*buffer = (*buffer)[:0]
	r.pool.Put(buffer)
}

// list returns the rows that match the filters, newest first. It may store them in buffer.
func (s *Service) list(k *rpc.Call, filters []filter, buffer *[]listedJob) ([]listedJob, error) {
	if k.Params["Edition"] == "BASIC" {
		return nil, nil // the emulator has no job of this edition
	}
	jobs, kind := s.candidates(k, filters), k.Params["SourceType"]
	if kind == "UDM_ECS_DISK" {
		if !slices.ContainsFunc(filters, func(f filter) bool { return f.key == "ParentId" }) {
			return nil, rpc.Invalid("Filters", "UDM_ECS_DISK needs a filter by ParentId, the job of the instance")
		}
		return diskRows(k, jobs, filters), nil
	}
	rows := *buffer
	listingLag := lag(k)
	for _, j := range slices.Backward(jobs) {
		l := listedJob{Job: j}
		if j.isListed(k.At, listingLag) && (kind == "" || kind == l.kind()) && passes(filters, l, k.At) {
			rows = append(rows, l)
		}
	}
	*buffer = rows
	return rows, nil
}

// diskRows returns one row for each disk of the UDM_ECS jobs in jobs, newest job first. It
// leaves out rows that the lag fault still hides and rows that the filters exclude.
func diskRows(k *rpc.Call, jobs []*Job, filters []filter) []listedJob {
	var rows []listedJob
	for _, j := range slices.Backward(jobs) {
		if j.SourceType() != "UDM_ECS" || !j.isListed(k.At, lag(k)) {
			continue
		}
		for _, id := range j.source.disks {
			if l := (listedJob{j, j.source.instance.Disk(id)}); passes(filters, l, k.At) {
				rows = append(rows, l)
			}
		}
	}
	return rows
}

// candidates returns the jobs that can match the filters, oldest first. If a filter names job
// ids, it reads only these jobs, because clients that poll a job often send such a filter.
func (s *Service) candidates(k *rpc.Call, filters []filter) []*Job {
	callScope := scope{k.Caller.Account.ID, k.Region}
	at := slices.IndexFunc(filters, func(f filter) bool {
		named := f.key == "ParentId" || (f.key == "JobId" && k.Params["SourceType"] != "UDM_ECS_DISK")
		return named && f.operator != "NOT_EQUAL" && !slices.Contains(f.values, "")
	})
	if at < 0 {
		return s.jobs.inScope(callScope)
	}
	return s.jobs.byIDs(filters[at].values, callScope)
}

// parsePage reads PageNumber (default 1) and PageSize (default 10). The vendor's page of the
// operation allows 1 to 99; its metadata also allows 100, which is refused here.
func parsePage(p rpc.Params) (number, size int64, err error) {
	number, size = 1, 10
	if text := p["PageNumber"]; text != "" {
		n, ok := rpc.Decimal(text)
		if !ok || n < 1 || n > 1<<31-1 {
			return 0, 0, rpc.Invalid("PageNumber", "%q is not a number from 1", text)
		}
		number = n
	}
	if text := p["PageSize"]; text != "" {
		n, ok := rpc.Decimal(text)
		if !ok || n < 1 || n > 99 {
			return 0, 0, rpc.Invalid("PageSize", "%q is not a number from 1 to 99", text)
		}
		size = n
	}
	return number, size, nil
}

// page returns a copy of one page of list. After the last page it is empty, and never nil.
func page[T any](list []T, number, size int64) []T {
	from := min((number-1)*size, int64(len(list)))
	to := min(from+size, int64(len(list)))
	return append([]T{}, list[from:to]...)
}

// lag returns the delay with which the listing shows new jobs (fault lag); 0: no delay.
func lag(k *rpc.Call) time.Duration {
	f, _ := k.Injection.Find("lag")
	return f.Duration
}

// isListed reports whether the job is old enough for a listing with the given lag. With a lag of 0
// every job is listed.
func (j *Job) isListed(now time.Time, lag time.Duration) bool {
	return lag == 0 || now.Sub(j.Schedule.Created) >= lag
}

// totalCount returns the TotalCount of the answer: jobs, or the number of the fault total if
// the call has this fault.
func totalCount(k *rpc.Call, jobs int) int64 {
	if total, ok := k.Injection.Find("total"); ok {
		return int64(total.Number)
	}
	return int64(jobs)
}

// faultyPage returns the arguments for page that produce the faults duplicate-page and shift. It
// changes only pages after the first.
//
//	fault            effect
//	duplicate-page   each page repeats the page before it
//	shift n > 0      as if n jobs had been created since page 1: n jobs are on two pages
//	shift n < 0      as if -n jobs had been deleted since page 1: -n jobs are on no page
func faultyPage(k *rpc.Call, views []listedJob, number, size int64) ([]listedJob, int64, int64) {
	if number == 1 {
		return views, number, size
	}
	if _, ok := k.Injection.Find("duplicate-page"); ok {
		number--
	}
	shift, _ := k.Injection.Find("shift")
	switch n := shift.Number; {
	case n > 0:
		// The inserted rows are before this page, so they are not visible.
		views = append(make([]listedJob, min(int64(n), (number-1)*size)), views...)
	case n < 0:
		views = views[min(-n, len(views)):]
	}
	return views, number, size
}
