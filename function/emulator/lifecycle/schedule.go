// Package lifecycle computes the state of a backup job from the clock.
//
// Nothing is stored but a [Schedule]; [Schedule.At] has the state at any moment:
//
//	CREATED → RUNNING → outcome                 instances
//	CREATED → QUEUED → RUNNING → outcome        files, containers
//	any of these → CANCELING → CANCELED         once CancelBackupJob was accepted
//
// How long a job runs and how it ends is a [Plan]: from a marker in the JobName,
// from the tags of an instance, or from the world, in this order.
package lifecycle

import "time"

// A Schedule is how a job goes. Its state at any moment is computed from it and
// from nothing else, so a test that drives the clock drives the jobs.
type Schedule struct {
	Created  time.Time
	Duration time.Duration // from acceptance to the end
	Bytes    int64
	Outcome  Outcome
	Copied   bool // into another region, which takes as long again

	Queued   bool      // waits for a worker before it runs, as jobs of backup clients do
	Canceled time.Time // when CancelBackupJob was accepted; zero: it was not
}

// fullProgress is the Progress of a job that is done ("0 to 10000").
const fullProgress = 10000

// A State is what DescribeBackupJobs2 tells of a job's course. Moments that
// have not come are zero.
type State struct {
	Status                       string
	Message                      string
	Progress                     int64
	Total, Done                  int64 // bytes
	Speed                        int64 // KB/s on average
	Created, Started, Ended, Now time.Time

	CopyStatus   string
	CopyProgress int64 // percent
}

// Over reports whether nothing more will happen to a job: its state has an end.
func (st State) Over() bool { return !st.Ended.IsZero() }

// start and end are the moments between which a job runs. It waits for a tenth
// of its time, at most two seconds, and one that ends early does so half way.
func (s Schedule) start() time.Time { return s.Created.Add(min(s.Duration/10, 2*time.Second)) }

// end is the moment at which the outcome is known. It does not look at whether
// the job was canceled before: canceledAt does.
func (s Schedule) end() time.Time {
	end := s.Created.Add(s.Duration)
	if s.endsEarly() {
		end = s.start().Add(end.Sub(s.start()) / 2)
	}
	return end
}

// endsEarly reports whether a job stops before its work is done.
func (s Schedule) endsEarly() bool {
	switch s.Outcome.Status {
	case "", "COMPLETE", "PARTIAL_COMPLETE":
		return false
	}
	return true
}

// stopping is how long a job is CANCELING.
func (s Schedule) stopping() time.Duration { return min(s.Duration/10, 2*time.Second) }

// At returns the state at now: CREATED, perhaps QUEUED, RUNNING, and then the
// outcome, unless somebody canceled the job.
func (s Schedule) At(now time.Time) State {
	if !s.Canceled.IsZero() && !now.Before(s.Canceled) {
		return s.canceledAt(now)
	}
	st := State{Status: "CREATED", Created: s.Created, Now: now}
	start, end := s.start(), s.end()
	if now.Before(start) {
		if s.Queued && !now.Before(s.Created.Add(start.Sub(s.Created)/2)) {
			st.Status = "QUEUED"
		}
		return st
	}
	st.Status, st.Started, st.Total = "RUNNING", start, s.Bytes
	if !now.Before(end) {
		st.Now, st.Ended = end, end
	}
	s.fill(&st)
	if st.Over() {
		s.finish(&st)
	}
	if s.Copied {
		st.CopyStatus, st.CopyProgress = s.copyAt(now)
	}
	return st
}

// canceledAt is the state since CancelBackupJob: nothing moves any more, and
// after a moment the job is CANCELED.
func (s Schedule) canceledAt(now time.Time) State {
	stopped := s.Canceled
	s.Canceled = time.Time{} // as it stood, had nobody canceled it
	st := s.At(stopped)
	st.Status, st.Now = "CANCELING", now
	if gone := stopped.Add(s.stopping()); !now.Before(gone) {
		st.Status, st.Now, st.Ended = "CANCELED", gone, gone
	}
	return st
}

// fill says how far the work got at st.now.
func (s Schedule) fill(st *State) {
	st.Progress, st.Done = fullProgress, s.Bytes
	whole := s.Created.Add(s.Duration).Sub(st.Started)
	if part := st.Now.Sub(st.Started); part < whole {
		share := float64(part) / float64(whole)
		st.Progress = int64(share * fullProgress)
		st.Done = int64(share * float64(s.Bytes))
	}
	if spent := st.Now.Sub(st.Started).Seconds(); spent > 0 {
		st.Speed = int64(float64(st.Done) / 1024 / spent)
	}
}

// finish words the end of a job. A word that is not known to be an end leaves
// the job without one: it hangs there for ever.
func (s Schedule) finish(st *State) {
	st.Status, st.Message = "COMPLETE", s.Outcome.Message
	if s.Outcome.Status != "" {
		st.Status = s.Outcome.Status
	}
	switch st.Status {
	case "PARTIAL_COMPLETE": // what was skipped was never read
		st.Done -= st.Done / 50
	case "VM_UNAVAILABLE", "UNKNOWN":
		st.Ended = time.Time{}
	}
}

// copyAt is the copy into another region, which begins when the job has ended
// well: such a job is not the end of the story.
func (s Schedule) copyAt(now time.Time) (status string, percent int64) {
	part := now.Sub(s.end())
	switch {
	case part < 0 || s.endsEarly():
		return "", 0
	case part >= s.Duration:
		return "COMPLETE", 100
	}
	return "RUNNING", int64(100 * float64(part) / float64(s.Duration))
}
