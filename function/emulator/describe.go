package emulator

import (
	"slices"
	"sync"
)

// listedTypes are the values of DescribeBackupJobs2's SourceType. CONTAINER is
// not among them: such jobs are found by their id, without SourceType.
var listedTypes = []string{"ECS_FILE", "OSS", "NAS", "OTS", "UDM_ECS", "UDM_ECS_DISK", "COMMON_NAS", "File", "SYNC"}

// jobsAnswer is the reply of DescribeBackupJobs2. TotalCount counts what passes
// the filters, on all pages.
type jobsAnswer struct {
	envelope
	PageNumber, PageSize, TotalCount int64
	BackupJobs                       struct{ BackupJob []jobView }
}

// describeBackupJobs2 is HBR DescribeBackupJobs2: the jobs of the caller's
// account in this region, newest first unless asked otherwise.
func (s *hbrService) describeBackupJobs2(k *call) (any, error) {
	p := k.params
	if err := checkOneOf(p, "SourceType", listedTypes...); err != nil {
		return nil, err
	}
	if err := checkOneOf(p, "SortDirection", "ASCEND", "DESCEND"); err != nil {
		return nil, err
	}
	if err := checkOneOf(p, "Edition", "BASIC", "STANDARD"); err != nil {
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
	room := s.rows.take()
	defer s.rows.give(room)
	jobs, err := s.list(k, filters, room)
	if err != nil {
		return nil, err
	}
	if p["SortDirection"] == "ASCEND" {
		slices.Reverse(jobs)
	}
	ans := jobsAnswer{envelope: success(k), PageNumber: number, PageSize: size}
	ans.TotalCount = totalCount(k, len(jobs))
	ans.BackupJobs.BackupJob = []jobView{}
	// Only what is shown is worked out in full; a listing may have thousands.
	for _, l := range page(misplaced(k, jobs, number, size)) {
		ans.BackupJobs.BackupJob = append(ans.BackupJobs.BackupJob, newJobView(l, k.at))
	}
	return ans, nil
}

// A listedJob is a row of a listing: a job, or the part of an instance's job
// that is about one disk, which the listing shows as a job of its own.
type listedJob struct {
	*job
	disk *Disk
}

// id is the JobId of a row.
func (l listedJob) id() string {
	if l.disk == nil {
		return l.job.id
	}
	return "job-000" + entityID(l.job.id + l.disk.ID)[:17]
}

// kind is the SourceType of a row.
func (l listedJob) kind() string {
	if l.disk == nil {
		return l.sourceType()
	}
	return "UDM_ECS_DISK"
}

// parent is the JobId of the job that a row is part of, or empty.
func (l listedJob) parent() string {
	if l.disk == nil {
		return ""
	}
	return l.job.id
}

// rowRoom lends room for the rows of a listing, which may have thousands of
// them: made anew for each call, they would keep the collector busy.
type rowRoom struct{ pool sync.Pool }

func (r *rowRoom) take() *[]listedJob {
	if room, ok := r.pool.Get().(*[]listedJob); ok {
		return room
	}
	return new([]listedJob)
}

// give takes room back. Nothing may look at the rows any more.
func (r *rowRoom) give(room *[]listedJob) {
	clear(*room)
	*room = (*room)[:0]
	r.pool.Put(room)
}

// list returns what passes the filters, newest first, in the room lent to it.
func (s *hbrService) list(k *call, filters []filter, room *[]listedJob) ([]listedJob, error) {
	if k.params["Edition"] == "BASIC" {
		return nil, nil // no job here is of that edition
	}
	jobs, kind := s.candidates(k, filters), k.params["SourceType"]
	if kind == "UDM_ECS_DISK" {
		if !slices.ContainsFunc(filters, func(f filter) bool { return f.key == "ParentId" }) {
			return nil, invalid("Filters", "UDM_ECS_DISK needs a filter by ParentId, the job of the instance")
		}
		return diskRows(k, jobs, filters), nil
	}
	rows := *room
	behind := lag(k)
	for _, j := range slices.Backward(jobs) {
		l := listedJob{job: j}
		if j.listed(k.at, behind) && (kind == "" || kind == l.kind()) && passes(filters, l, k.at) {
			rows = append(rows, l)
		}
	}
	*room = rows
	return rows, nil
}

// diskRows lists the disks of instances' jobs.
func diskRows(k *call, jobs []*job, filters []filter) []listedJob {
	var rows []listedJob
	for _, j := range slices.Backward(jobs) {
		if j.sourceType() != "UDM_ECS" || !j.listed(k.at, lag(k)) {
			continue
		}
		for _, id := range j.source.disks {
			if l := (listedJob{j, j.source.instance.disk(id)}); passes(filters, l, k.at) {
				rows = append(rows, l)
			}
		}
	}
	return rows
}

// candidates narrows the jobs to those that a filter names, if it names any:
// that is what polls ask for, again and again. They are oldest first.
func (s *hbrService) candidates(k *call, filters []filter) []*job {
	where := home{k.caller.account.ID, k.region}
	at := slices.IndexFunc(filters, func(f filter) bool {
		named := f.key == "ParentId" || (f.key == "JobId" && k.params["SourceType"] != "UDM_ECS_DISK")
		return named && f.operator != "NOT_EQUAL" && !slices.Contains(f.values, "")
	})
	if at < 0 {
		return s.jobs.of(where)
	}
	return s.jobs.named(filters[at].values, where)
}

// parsePage has the limits of the page; the metadata allows a size of 100 as well.
func parsePage(p params) (number, size int64, err error) {
	number, size = 1, 10
	if text := p["PageNumber"]; text != "" {
		n, ok := decimal(text)
		if !ok || n < 1 || n > 1<<31-1 {
			return 0, 0, invalid("PageNumber", "%q is not a number from 1", text)
		}
		number = n
	}
	if text := p["PageSize"]; text != "" {
		n, ok := decimal(text)
		if !ok || n < 1 || n > 99 {
			return 0, 0, invalid("PageSize", "%q is not a number from 1 to 99", text)
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
