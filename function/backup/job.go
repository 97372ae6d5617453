package backup

import (
	"strings"
	"time"

	"backupportal/function/param"
)

// Job is a backup job as Cloud Backup describes it, with the field names of DescribeBackupJobs2.
// A zero time means that the cloud did not state it.
type Job struct {
	JobID, JobName string
	SourceType     param.SourceType
	InstanceID     string
	Status         State
	ErrorMessage   string // a code or text from outside; escape it

	// TriggerMode says how the job was started, in the cloud's words. It is empty if that is
	// not known, also for jobs that were stored by older versions of the portal.
	TriggerMode string `json:",omitempty"`

	Progress                  int   // 0 to 10,000: hundredths of a percent
	BytesTotal, BytesDone     int64 // bytes
	Speed                     int64 // KB/s, average
	CreatedTime, StartTime    time.Time
	CompleteTime, UpdatedTime time.Time
	CopyStatus, CopyError     string // Detail.DestinationNativeSnapshotStatus and …ErrorMessage
	CopyProgress              int    // percent
	// Consistency is set only for an application-consistent backup. It comes from the recovery
	// point and never from DescribeBackupJobs2.
	Consistency
	// Point is the recovery point that the job of an instance made; nil if it is not known. Like
	// Consistency, it never comes from DescribeBackupJobs2.
	Point  *RecoveryPoint `json:",omitempty"`
	SeenAt time.Time      // when the portal asked; set by the portal, not by the cloud
}

// Consistency is the consistency of a recovery point, in the words of DescribeUdmSnapshots. The
// vendor publishes no list of these words. The zero value means that it is not known.
type Consistency struct {
	ConsistentLevel string // such as CRASH
	DowngradeReason string // why it is less than requested; empty if it is not
}

// State says how far a submission has come. The first five are the portal's own. All others are
// statuses of DescribeBackupJobs2; a status that is not listed here is also valid and means a
// job in progress.
type State string

// The states of a submission.
const (
	StateSending State = "SENDING" // no attempt yet, or the call can still be under way
	StateUnknown State = "UNKNOWN" // the attempt has no result: it is being checked and never repeated meanwhile
	StateRefused State = "REFUSED" // the cloud or its gateway refused; no job was started; final
	// StateNotSent means that no job was started. The last step is [StepNotSent], or there is
	// no step [maxWindow] after the submission was stored. It can be sent again with the same
	// key, which changes the state.
	StateNotSent State = "NOT_SENT"
	StateDenied  State = "DENIED" // the policy refused; nothing was sent; final

	StateCreated         State = "CREATED"
	StateQueued          State = "QUEUED"
	StateRunning         State = "RUNNING"
	StateCanceling       State = "CANCELING"
	StateComplete        State = "COMPLETE"
	StatePartialComplete State = "PARTIAL_COMPLETE"
	StateFailed          State = "FAILED"
	StateCanceled        State = "CANCELED"
	StateExpired         State = "EXPIRED"
	StateUnavailable     State = "UNAVAILABLE"
)

// jobPrefix is put before a status of the cloud that has the same name as one of the portal's
// own states.
const jobPrefix = "JOB_"

// JobState returns the state for the status of a job. If the status has the name of one of the
// portal's own states, such as UNKNOWN, it gets the prefix JOB_, so that both can be told
// apart.
func JobState(word string) State {
	switch s := State(word); s {
	case StateSending, StateUnknown, StateRefused, StateNotSent, StateDenied, StateRejected:
		return jobPrefix + s
	default:
		return s
	}
}

// IsTerminal reports whether s is an end state. An unknown word means a job in progress, so it
// is not terminal. StateNotSent is terminal, although the submission can be sent again with the
// same key.
func (s State) IsTerminal() bool {
	switch s {
	case StateRefused, StateNotSent, StateDenied, StateRejected,
		StateComplete, StatePartialComplete, StateFailed, StateCanceled, StateExpired, StateUnavailable:
		return true
	}
	return false
}

// known reports whether s is one of the constants above.
func (s State) known() bool {
	switch s {
	case StateSending, StateUnknown, StateCreated, StateQueued, StateRunning, StateCanceling:
		return true
	}
	return s.IsTerminal()
}

// Name returns the name of s for people. For an unknown word it says that the job is in
// progress, with the word.
func (s State) Name() param.Text {
	switch s {
	case StateSending:
		return param.Both("Sending", "提交中")
	case StateUnknown:
		return param.Both("Being checked", "核实中")
	case StateRefused:
		return param.Both("Refused", "被拒绝")
	case StateNotSent:
		return param.Both("Not sent", "未发送")
	case StateDenied:
		return param.Both("Not allowed", "未获准")
	case StateRejected:
		return param.Both("Rejected", "已拒收")
	case StateCreated, StateQueued:
		return param.Both("Queued", "排队中")
	case StateRunning:
		return param.Both("Running", "进行中")
	case StateCanceling:
		return param.Both("Cancelling", "正在取消")
	case StateComplete:
		return param.Both("Complete", "已完成")
	case StatePartialComplete:
		return param.Both("Partly complete", "部分完成")
	case StateFailed, StateExpired, StateUnavailable:
		return param.Both("Failed", "失败")
	case StateCanceled:
		return param.Both("Cancelled", "已取消")
	}
	word := strings.TrimPrefix(string(s), jobPrefix)
	return param.Both("In progress ("+word+")", "进行中（"+word+"）")
}

// Outcome is one of six words for programs, to which every [State] is reduced. There will never
// be more, so a program can handle all of them; a State can be a new word of the cloud.
type Outcome string

// The outcomes. OutcomeRunning and OutcomeUnknown can change. OutcomeFailed can change only if
// the state is NOT_SENT and its key is used again.
const (
	OutcomeRunning   Outcome = "running"   // there is a job, or one is being requested
	OutcomeUnknown   Outcome = "unknown"   // it is being checked whether there is a job
	OutcomeSucceeded Outcome = "succeeded" // the backup is complete; a copy in another region may still fail
	OutcomePartial   Outcome = "partial"   // there is a backup; some items are missing
	OutcomeFailed    Outcome = "failed"    // there is no backup
	OutcomeCancelled Outcome = "cancelled" // the job was cancelled
)

// Outcomes lists all outcomes.
var Outcomes = []Outcome{
	OutcomeRunning, OutcomeSucceeded, OutcomePartial, OutcomeFailed, OutcomeCancelled, OutcomeUnknown,
}

// Outcome returns the outcome for s. A terminal state that is no success and no cancellation is
// OutcomeFailed: also REFUSED, DENIED and NOT_SENT.
func (s State) Outcome() Outcome {
	switch s {
	case StateUnknown:
		return OutcomeUnknown
	case StateComplete:
		return OutcomeSucceeded
	case StatePartialComplete:
		return OutcomePartial
	case StateCanceled:
		return OutcomeCancelled
	}
	if !s.IsTerminal() {
		return OutcomeRunning
	}
	return OutcomeFailed
}
