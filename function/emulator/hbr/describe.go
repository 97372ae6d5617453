package hbr

import (
	"slices"
	"sync"
	"time"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// listedTypes are the values of DescribeBackupJobs2's SourceType. CONTAINER is
// not among them: such jobs are found by their id, without SourceType.
var listedTypes = []string{"ECS_FILE", "OSS", "NAS", "OTS", "UDM_ECS", "UDM_ECS_DISK", "COMMON_NAS", "File", "SYNC"}

// jobsAnswer is the reply of DescribeBackupJobs2. TotalCount counts what passes
// the filters, on all pages.
type jobsAnswer struct {
	rpc.Envelope
	PageNumber, PageSize, TotalCount int64
	BackupJobs                       struct{ BackupJob []jobView }
}

// DescribeBackupJobs2 is HBR DescribeBackupJobs2: the jobs of the caller's
// account in this region, newest first unless asked otherwise.
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
	// Only what is shown is worked out in full; a listing may have thousands.
	for _, l := range page(faultyPage(k, jobs, number, size)) {
		ans.BackupJobs.BackupJob = append(ans.BackupJobs.BackupJob, newJobView(l, k.At))
	}
	return ans, nil
}

// A listedJob is a row of a listing: a job, or the part of an instance's job
// that is about one disk, which the listing shows as a job of its own.
type listedJob struct {
	*Job
	disk *world.Disk
}

// id is the JobId of a row.
func (l listedJob) id() string {
	if l.disk == nil {
		return l.Job.ID
	}
	return "job-000" + rpc.EntityID(l.Job.ID + l.disk.ID)[:17]
}

// kind is the SourceType of a row.
func (l listedJob) kind() string {
	if l.disk == nil {
		return l.SourceType()
	}
	return "UDM_ECS_DISK"
}

// parent is the JobId of the job that a row is part of, or empty.
func (l listedJob) parent() string {
	if l.disk == nil {
		return ""
	}
	return l.Job.ID
}

// rowRoom lends room for the rows of a listing, which may have thousands of
// them: made anew for each call, they would keep the collector busy.
type rowPool struct{ pool sync.Pool }

func (r *rowPool) get() *[]listedJob {
	if buffer, ok := r.pool.Get().(*[]listedJob); ok {
		return buffer
	}
	return new([]listedJob)
}

// give takes room back. Nothing may look at the rows any more.
func (r *rowPool) put(buffer *[]listedJob) {
	clear(*buffer)
	*buffer = (*buffer)[:0]
	r.pool.Put(buffer)
}

// list returns what passes the filters, newest first, in the room lent to it.
func (s *Service) list(k *rpc.Call, filters []filter, buffer *[]listedJob) ([]listedJob, error) {
	if k.Params["Edition"] == "BASIC" {
		return nil, nil // no job here is of that edition
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

// diskRows lists the disks of instances' jobs.
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

// candidates narrows the jobs to those that a filter names, if it names any:
// that is what polls ask for, again and again. They are oldest first.
func (s *Service) candidates(k *rpc.Call, filters []filter) []*Job {
	where := scope{k.Caller.Account.ID, k.Region}
	at := slices.IndexFunc(filters, func(f filter) bool {
		named := f.key == "ParentId" || (f.key == "JobId" && k.Params["SourceType"] != "UDM_ECS_DISK")
		return named && f.operator != "NOT_EQUAL" && !slices.Contains(f.values, "")
	})
	if at < 0 {
		return s.jobs.of(where)
	}
	return s.jobs.named(filters[at].values, where)
}

// parsePage has the limits of the page; the metadata allows a size of 100 as well.
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

// page cuts one page out; beyond the last one it is empty, not absent.
func page[T any](list []T, number, size int64) []T {
	from := min((number-1)*size, int64(len(list)))
	to := min(from+size, int64(len(list)))
	return append([]T{}, list[from:to]...)
}

// What follows are the faults of DescribeBackupJobs2, asked for where the
// listing is made: its answer is whole and wrong.

// lag is how far the listing lags behind; 0 if it does not.
func lag(k *rpc.Call) time.Duration {
	f, _ := k.Course.Find("lag")
	return f.Duration
}

// listed reports whether a job is old enough for a listing that lags behind.
func (j *Job) isListed(now time.Time, lag time.Duration) bool {
	return lag == 0 || now.Sub(j.Schedule.Created) >= lag
}

// totalCount returns how many jobs the answer claims that there are.
func totalCount(k *rpc.Call, jobs int) int64 {
	if total, ok := k.Course.Find("total"); ok {
		return int64(total.Number)
	}
	return int64(jobs)
}

// misplaced returns what page is to cut in place of its arguments. A page that
// is a duplicate shows what the one before shows. A shift moves all pages but
// the first: by 1 as if a job had been made since, so that one job stands on
// two pages, by -1 as if one had gone, so that one stands on none.
func faultyPage(k *rpc.Call, views []listedJob, number, size int64) ([]listedJob, int64, int64) {
	if number == 1 {
		return views, number, size
	}
	if _, ok := k.Course.Find("duplicate-page"); ok {
		number--
	}
	shift, _ := k.Course.Find("shift")
	switch n := shift.Number; {
	case n > 0:
		// What is put in front is never seen: it stands before this page.
		views = append(make([]listedJob, min(int64(n), (number-1)*size)), views...)
	case n < 0:
		views = views[min(-n, len(views)):]
	}
	return views, number, size
}
