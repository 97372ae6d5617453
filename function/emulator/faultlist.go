package emulator

import "time"

// What follows are the faults of DescribeBackupJobs2, asked for where the
// listing is made: its answer is whole and wrong.

// lag is how far the listing lags behind; 0 if it does not.
func lag(k *call) time.Duration {
	f, _ := k.course.find("lag")
	return f.duration
}

// listed reports whether a job is old enough for a listing that lags behind.
func (j *job) listed(now time.Time, lag time.Duration) bool {
	return lag == 0 || now.Sub(j.schedule.created) >= lag
}

// totalCount returns how many jobs the answer claims that there are.
func totalCount(k *call, jobs int) int64 {
	if total, ok := k.course.find("total"); ok {
		return int64(total.number)
	}
	return int64(jobs)
}

// misplaced returns what page is to cut in place of its arguments. A page that
// is a duplicate shows what the one before shows. A shift moves all pages but
// the first: by 1 as if a job had been made since, so that one job stands on
// two pages, by -1 as if one had gone, so that one stands on none.
func misplaced(k *call, views []listedJob, number, size int64) ([]listedJob, int64, int64) {
	if number == 1 {
		return views, number, size
	}
	if _, ok := k.course.find("duplicate-page"); ok {
		number--
	}
	shift, _ := k.course.find("shift")
	switch n := shift.number; {
	case n > 0:
		// What is put in front is never seen: it stands before this page.
		views = append(make([]listedJob, min(int64(n), (number-1)*size)), views...)
	case n < 0:
		views = views[min(-n, len(views)):]
	}
	return views, number, size
}
