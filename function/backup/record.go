package backup

import (
	"cmp"
	"time"

	"backupportal/function/param"
)

// A Record is a submission as the store remembers it. Its Key is not kept, only
// what follows from it.
type Record struct {
	Submission
	SubmissionID string // given by the store: Submission.ID, with the number of the use behind it if the key was used before
	Fingerprint  string
	JobName      string       // given by the store likewise
	AccountID    string       // what the account alias stood for; empty if for nothing
	Access       Access       // how that account was reached
	Complete     param.Params // what was sent: with defaults, account and name
	Denied       []param.Text // why the policy refused it; nil if it did not
	CreatedAt    time.Time
	ExpiresAt    time.Time // from then on its key is that of a new submission
	Last         Step      // N is -1 while there is none
	Job          Job       // as last seen; zero before
	AskedAt      time.Time // when the cloud was last asked about the job; zero before
	Cancellation Cancellation
}

// Account is the alias of the account whose resources are backed up.
func (r Record) Account() string { return r.Params["Account"] }

// Region is where the backup is made.
func (r Record) Region() string { return r.Params["Region"] }

// Resource is what is backed up: an instance, or a cluster.
func (r Record) Resource() string {
	if id := r.Params["InstanceId"]; id != "" {
		return id
	}
	return r.Params["ContainerClusterId"]
}

// State is how far the submission had come at now.
func (r Record) State(now time.Time) State {
	if r.Denied != nil {
		return Denied
	}
	switch r.Last.Kind {
	case StepCreated:
		status := cmp.Or(r.Job.Status, StateCreated)
		if status.Lives() && r.Cancellation.stands(r.Job) {
			return StateCanceling
		}
		return status
	case StepRefused:
		return Refused
	case StepVoid:
		return NotSent
	case StepAttempt:
		if !now.Before(r.Last.Until) {
			return Unknown
		}
	case StepNone:
		if now.Sub(r.CreatedAt) >= budget {
			return NotSent // whoever claimed it has gone without an attempt
		}
	}
	return Sending
}

// Lives reports whether anything about the submission may still change: its
// state, or the copy of a job that is done itself, or what is known of its
// consistency.
func (r Record) Lives(now time.Time) bool {
	state := r.State(now)
	if state != StateComplete && state != StatePartialComplete {
		return state.Lives()
	}
	shows := now.Sub(r.Job.CompleteTime) < afterwards
	if shows && r.wantsConsistency() && r.Job.Consistency == (Consistency{}) {
		return true
	}
	if r.Job.CopyStatus == "" {
		return shows && r.Complete["Detail.doCopy"] == "true"
	}
	return State(r.Job.CopyStatus).Lives()
}

// Over reports whether nothing about the submission can change any more. One
// that was not sent is not over while its key may still send it.
func (r Record) Over(now time.Time) bool {
	return !r.Lives(now) && (r.State(now) != NotSent || !now.Before(r.ExpiresAt))
}

// wantsConsistency reports whether an application-consistent backup was asked
// for.
func (r Record) wantsConsistency() bool { return r.Complete["Detail.appConsistent"] == "true" }

// afterwards is how long after the end of a job its copy and its recovery point
// may take to show.
const afterwards = time.Hour
