// Package lifecycle computes the state of an emulated backup job from the clock.
//
// Only a [Schedule] is stored; [Schedule.At] computes the state at any time:
//
//	CREATED -> RUNNING -> outcome               jobs of instances
//	CREATED -> QUEUED -> RUNNING -> outcome     jobs of files and containers
//	any of these -> CANCELING -> CANCELED       after CancelBackupJob
//
//	state       begins                                   ends
//	CREATED     when the job is created                  after a tenth of Duration, at most 2 s
//	QUEUED      in the middle of CREATED                 with CREATED
//	RUNNING     at the end of CREATED                    at Duration, or halfway (endsEarly)
//	outcome     at the end of RUNNING                    never
//	CANCELING   when CancelBackupJob is accepted         after a tenth of Duration, at most 2 s
//	CANCELED    at the end of CANCELING                  never
//
// A copy to another region begins at a complete or partially complete end, and takes Duration
// again.
//
// A [Plan] decides the duration and the outcome. The first source that gives a value has
// priority: a marker in JobName, the tags of the instance, the world.
package lifecycle

import "time"

// A Schedule holds everything that decides the states of a job. It does not change with time, so
// a test that sets the clock sets the state of every job.
type Schedule struct {
	Created  time.Time     // when CreateBackupJob was accepted
	Duration time.Duration // time from the creation to a complete end
	Bytes    int64         // size of the source
	Outcome  Outcome
	Copied   bool // the backup is copied to another region after the end

	Queued   bool      // QUEUED precedes RUNNING: the job waits for a backup client
	Canceled time.Time // when CancelBackupJob was accepted; zero: it was not
}

// fullProgress is the Progress of a complete job; the API counts from 0 to 10000.
const fullProgress = 10000

// A State is what DescribeBackupJobs2 reports about a job at one time. A time that is not reached
// yet is zero.
type State struct {
	Status                       string    // a word of the API, such as RUNNING
	Message                      string    // value of ErrorMessage; empty: the job has no error
	Progress                     int64     // 0 to fullProgress
	Total, Done                  int64     // bytes to read, and bytes read
	Speed                        int64     // KB/s on average since the start
	Created, Started, Ended, Now time.Time // Now is the time of the query, or the end

	CopyStatus   string // RUNNING or COMPLETE; empty: no copy has begun
	CopyProgress int64  // percent
}

// Over reports whether the job has ended: its state does not change any more.
func (st State) Over() bool { return !st.Ended.IsZero() }

// start returns when the job begins to run.
func (s Schedule) start() time.Time { return s.Created.Add(min(s.Duration/10, 2*time.Second)) }

// end returns when the job reaches its outcome, if it is not canceled. canceledAt computes the
// state of a canceled job.
func (s Schedule) end() time.Time {
	end := s.Created.Add(s.Duration)
	if s.endsEarly() {
		end = s.start().Add(end.Sub(s.start()) / 2)
	}
	return end
}

// endsEarly reports whether the job stops halfway, before its work is complete.
func (s Schedule) endsEarly() bool {
	switch s.Outcome.Status {
	case "", "COMPLETE", "PARTIAL_COMPLETE":
		return false
	}
	return true
}

// cancelDuration returns how long a canceled job is CANCELING.
func (s Schedule) cancelDuration() time.Duration { return min(s.Duration/10, 2*time.Second) }

// At returns the state at now. Before Created it is CREATED.
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
	s.setProgress(&st)
	if st.Over() {
		s.setOutcome(&st)
	}
	if s.Copied {
		st.CopyStatus, st.CopyProgress = s.copyAt(now)
	}
	return st
}

// canceledAt returns the state of a canceled job. Its progress stops at the time of the
// cancellation.
func (s Schedule) canceledAt(now time.Time) State {
	stopped := s.Canceled
	s.Canceled = time.Time{} // compute the state that the job had at that time
	st := s.At(stopped)
	st.Status, st.Now = "CANCELING", now
	if canceled := stopped.Add(s.cancelDuration()); !now.Before(canceled) {
		st.Status, st.Now, st.Ended = "CANCELED", canceled, canceled
	}
	return st
}

// setProgress sets progress, bytes and speed of a running or ended job at st.Now.
func (s Schedule) setProgress(st *State) {
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

// setOutcome sets the final status and message. VM_UNAVAILABLE and UNKNOWN have no end time: the
// vendor does not document them as final, so a client must expect such a job to stay in this
// state.
func (s Schedule) setOutcome(st *State) {
	st.Status, st.Message = "COMPLETE", s.Outcome.Message
	if s.Outcome.Status != "" {
		st.Status = s.Outcome.Status
	}
	switch st.Status {
	case "PARTIAL_COMPLETE": // the skipped 2 % were not read
		st.Done -= st.Done / 50
	case "VM_UNAVAILABLE", "UNKNOWN":
		st.Ended = time.Time{}
	}
}

// copyAt returns status and progress, in percent, of the copy to another region. Before the copy
// begins the status is empty. A job that did not complete is not copied.
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
