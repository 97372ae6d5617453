package emulator

import "time"

// A schedule is how a job goes. Its state at any moment is computed from it and
// from nothing else, so a test that drives the clock drives the jobs.
type schedule struct {
	created  time.Time
	duration time.Duration // from acceptance to the end
	bytes    int64
	failure  string // if not empty, the job ends as FAILED half way
	copied   bool   // into another region, which takes as long again
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

// at returns the state at now: CREATED for the first tenth (at most two
// seconds), then RUNNING, then COMPLETE or FAILED.
func (s schedule) at(now time.Time) state {
	start := s.created.Add(min(s.duration/10, 2*time.Second))
	end := s.created.Add(s.duration)
	if s.failure != "" {
		end = start.Add(end.Sub(start) / 2)
	}
	st := state{status: "CREATED", created: s.created, now: now}
	if now.Before(start) {
		return st
	}
	st.status, st.started, st.total = "RUNNING", start, s.bytes
	if !now.Before(end) {
		st.now, st.ended, st.status = end, end, "COMPLETE"
	}
	s.fill(&st)
	if s.failure != "" && !st.ended.IsZero() {
		st.status, st.message = "FAILED", s.failure
	}
	if s.copied {
		st.copyStatus, st.copyProgress = s.copyAt(now)
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

// copyAt is the copy into another region, which begins when the job is
// COMPLETE: such a job is not the end of the story.
func (s schedule) copyAt(now time.Time) (status string, percent int64) {
	part := now.Sub(s.created.Add(s.duration))
	switch {
	case part < 0 || s.failure != "":
		return "", 0
	case part >= s.duration:
		return "COMPLETE", 100
	}
	return "RUNNING", int64(100 * float64(part) / float64(s.duration))
}
