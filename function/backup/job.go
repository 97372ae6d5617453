package backup

import (
	"strings"
	"time"

	"backupportal/function/param"
)

// A Job is what Cloud Backup says of one backup job, by the names of
// DescribeBackupJobs2. Times that it does not give are zero.
type Job struct {
	JobID, JobName string
	SourceType     param.SourceType
	InstanceID     string
	Status         State
	ErrorMessage   string // words or a code; text of a stranger

	Progress                  int   // 0 to 10,000
	BytesTotal, BytesDone     int64 // bytes
	Speed                     int64 // KB/s on average
	CreatedTime, StartTime    time.Time
	CompleteTime, UpdatedTime time.Time
	CopyStatus, CopyError     string    // Detail.DestinationNativeSnapshotStatus and …ErrorMessage
	CopyProgress              int       // percent
	Consistency                         // reached by an application-consistent backup; never in the answer about jobs
	SeenAt                    time.Time // when the portal was told; never in the cloud's answer
}

// A Consistency is what a recovery point is worth, in the words of
// DescribeUdmSnapshots, of which no list is published.
type Consistency struct {
	ConsistentLevel string // CRASH…; empty while it is not known
	DowngradeReason string // why it is less than was asked for; empty if it is not
}

// A State says how far a submission has come. The first five are the portal's
// own; the others are the statuses of DescribeBackupJobs2, any further word of
// which is a State too.
type State string

// The states of a submission.
const (
	StateSending State = "SENDING"  // the call is under way
	StateUnknown State = "UNKNOWN"  // sent, answer lost: being checked, never sent again meanwhile
	StateRefused State = "REFUSED"  // the cloud or its gateway said no; nothing was started
	StateNotSent State = "NOT_SENT" // nothing was started; the same submission may be sent again
	StateDenied  State = "DENIED"   // the policy said no; nothing was sent

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

// jobPrefix stands before a word of the cloud's that is one of the portal's own.
const jobPrefix = "JOB_"

// JobState is the state of a job of which the cloud says word. A word that is
// one of the portal's own has JOB_ before it, and is one that nobody knows.
func JobState(word string) State {
	switch s := State(word); s {
	case StateSending, StateUnknown, StateRefused, StateNotSent, StateDenied:
		return jobPrefix + s
	default:
		return s
	}
}

// IsTerminal reports whether s never changes again. An unknown state counts as a job in
// progress, so it is not terminal.
func (s State) IsTerminal() bool {
	switch s {
	case StateRefused, StateNotSent, StateDenied,
		StateComplete, StatePartialComplete, StateFailed, StateCanceled, StateExpired, StateUnavailable:
		return true
	}
	return false
}

// known reports whether s is one of the states above.
func (s State) known() bool {
	switch s {
	case StateSending, StateUnknown, StateCreated, StateQueued, StateRunning, StateCanceling:
		return true
	}
	return s.IsTerminal()
}

// Name is what people call s.
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

// An Outcome is what a submission came to, in the few words that a program
// decides by. They never change; a State may be a word that nobody knows yet.
type Outcome string

// The outcomes. Only the first two may still change, and NOT_SENT if its key is
// used again.
const (
	OutcomeRunning   Outcome = "running"
	OutcomeUnknown   Outcome = "unknown"   // it is being checked whether there is a job
	OutcomeSucceeded Outcome = "succeeded" // whatever becomes of a copy in another region
	OutcomePartial   Outcome = "partial"   // the backup is there, some items are not in it
	OutcomeFailed    Outcome = "failed"    // there is no backup
	OutcomeCancelled Outcome = "cancelled" // somebody wanted no backup
)

// Outcomes are all of them.
var Outcomes = []Outcome{
	OutcomeRunning, OutcomeSucceeded, OutcomePartial, OutcomeFailed, OutcomeCancelled, OutcomeUnknown,
}

// Outcome is what s means to a program.
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
