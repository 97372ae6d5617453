package emulator

import "time"

// A schedule is how a job goes. Its state at any moment is computed from it and
// from nothing else, so a test that drives the clock drives the jobs.
type schedule struct {
	created  time.Time
	duration time.Duration // from acceptance to the end
	bytes    int64
	outcome  outcome
	copied   bool // into another region, which takes as long again

	queued   bool      // waits for a worker before it runs, as jobs of backup clients do
	canceled time.Time // when CancelBackupJob was accepted; zero: it was not
}

// fullProgress is the Progress of a job that is done ("0 to 10000").
const fullProgress = 10000

// A state is what DescribeBackupJobs2 tells of a job's course. Moments that
// have not come are zero.
type state struct {
	status                       string
	message                      string
	progress                     int64
	total, done                  int64 // bytes
	speed                        int64 // KB/s on average
	created, started, ended, now time.Time

	copyStatus   string
	copyProgress int64 // percent
}

// over reports whether nothing more will happen to a job: its state has an end.
func (st state) over() bool { return !st.ended.IsZero() }

// start and end are the moments between which a job runs. It waits for a tenth
// of its time, at most two seconds, and one that ends early does so half way.
func (s schedule) start() time.Time { return s.created.Add(min(s.duration/10, 2*time.Second)) }

// end is the moment at which the outcome is known. It does not look at whether
// the job was canceled before: canceledAt does.
func (s schedule) end() time.Time {
	end := s.created.Add(s.duration)
	if s.endsEarly() {
		end = s.start().Add(end.Sub(s.start()) / 2)
	}
	return end
}

// endsEarly reports whether a job stops before its work is done.
func (s schedule) endsEarly() bool {
	switch s.outcome.status {
	case "", "COMPLETE", "PARTIAL_COMPLETE":
		return false
	}
	return true
}

// stopping is how long a job is CANCELING.
func (s schedule) stopping() time.Duration { return min(s.duration/10, 2*time.Second) }

// at returns the state at now: CREATED, perhaps QUEUED, RUNNING, and then the
// outcome, unless somebody canceled the job.
func (s schedule) at(now time.Time) state {
	if !s.canceled.IsZero() && !now.Before(s.canceled) {
		return s.canceledAt(now)
	}
	st := state{status: "CREATED", created: s.created, now: now}
	start, end := s.start(), s.end()
	if now.Before(start) {
		if s.queued && !now.Before(s.created.Add(start.Sub(s.created)/2)) {
			st.status = "QUEUED"
		}
		return st
	}
	st.status, st.started, st.total = "RUNNING", start, s.bytes
	if !now.Before(end) {
		st.now, st.ended = end, end
	}
	s.fill(&st)
	if st.over() {
		s.finish(&st)
	}
	if s.copied {
		st.copyStatus, st.copyProgress = s.copyAt(now)
	}
	return st
}

// canceledAt is the state since CancelBackupJob: nothing moves any more, and
// after a moment the job is CANCELED.
func (s schedule) canceledAt(now time.Time) state {
	stopped := s.canceled
	s.canceled = time.Time{} // as it stood, had nobody canceled it
	st := s.at(stopped)
	st.status, st.now = "CANCELING", now
	if gone := stopped.Add(s.stopping()); !now.Before(gone) {
		st.status, st.now, st.ended = "CANCELED", gone, gone
	}
	return st
}

// fill says how far the work got at st.now.
func (s schedule) fill(st *state) {
	st.progress, st.done = fullProgress, s.bytes
	whole := s.created.Add(s.duration).Sub(st.started)
	if part := st.now.Sub(st.started); part < whole {
		share := float64(part) / float64(whole)
		st.progress = int64(share * fullProgress)
		st.done = int64(share * float64(s.bytes))
	}
	if spent := st.now.Sub(st.started).Seconds(); spent > 0 {
		st.speed = int64(float64(st.done) / 1024 / spent)
	}
}

// finish words the end of a job. A word that is not known to be an end leaves
// the job without one: it hangs there for ever.
func (s schedule) finish(st *state) {
	st.status, st.message = "COMPLETE", s.outcome.message
	if s.outcome.status != "" {
		st.status = s.outcome.status
	}
	switch st.status {
	case "PARTIAL_COMPLETE": // what was skipped was never read
		st.done -= st.done / 50
	case "VM_UNAVAILABLE", "UNKNOWN":
		st.ended = time.Time{}
	}
}

// copyAt is the copy into another region, which begins when the job has ended
// well: such a job is not the end of the story.
func (s schedule) copyAt(now time.Time) (status string, percent int64) {
	part := now.Sub(s.end())
	switch {
	case part < 0 || s.endsEarly():
		return "", 0
	case part >= s.duration:
		return "COMPLETE", 100
	}
	return "RUNNING", int64(100 * float64(part) / float64(s.duration))
}
