package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Cloud is Cloud Backup, as far as the portal needs it. Errors are
// [*CloudError] values.
type Cloud interface {
	// CreateBackupJob makes at most one request that may have an effect, and
	// none after ctx has ended, nor after call.Until.
	CreateBackupJob(ctx context.Context, call Call) (Created, error)
	// DescribeBackupJobs2 lists every job that the filter leaves, all pages.
	DescribeBackupJobs2(ctx context.Context, target Target, filter JobFilter) ([]Job, error)
	// DescribeUdmSnapshots returns what the recovery point of an instance's job is
	// worth, the zero value if there is none yet.
	DescribeUdmSnapshots(ctx context.Context, target Target, job Job) (Consistency, error)
	// CancelBackupJob asks for the end of a job. Success means that the cloud
	// took the request, and not yet that the job has stopped. The vault is that
	// of the job, or empty.
	CancelBackupJob(ctx context.Context, target Target, jobID, vaultID string) error
	// Preflight finds out whether the calls of the portal in the account of target
	// would be let through, and changes nothing there. With the parameters of a
	// backup it looks at what they name, too.
	Preflight(ctx context.Context, target Target, capabilities Capabilities, params param.Params) []AccessCheck
	// List returns a page of things in the account of target, as it was at some time
	// of the last minute.
	List(ctx context.Context, target Target, q CandidateQuery) (Candidates, error)
	// Previews writes the call without making it.
	Previews(call Call) []Preview
	// Explain says what a code of the cloud means that a request for a job was
	// answered with, and what can be done about it.
	Explain(code string) Explanation
	// ExplainJob is Explain for the code with which a job ended, or with which a
	// request about a job was answered. Most of them are the same words.
	ExplainJob(code string) Explanation
}

// A Target is where a call goes, and in whose name.
type Target struct {
	Account   Account
	Region    string
	Principal identity.Principal // becomes the RoleSessionName, and so stands in the cloud's audit trail
}

// A Call is CreateBackupJob with everything decided.
type Call struct {
	Target Target
	Params param.Params // complete, JobName included
	Until  time.Time    // no sending after this, by the wall clock; zero means no such limit
	Grant  Grant        // what lets the principal make it
}

// A Created is the cloud's receipt for a new job.
type Created struct{ JobID, RequestID string }

// A JobFilter narrows DescribeBackupJobs2. Empty parts do not filter.
type JobFilter struct {
	SourceType param.SourceType // left out for container jobs, which the operation does not list by type
	InstanceID string
	JobIDs     []string
	Since      time.Time // CreatedTime at or after
}

// A Preview is one way to write the exact call that would be made, for people.
type Preview struct {
	Title param.Text
	Code  string
}

// What became of a call that did not succeed.
var (
	ErrRefused        = errors.New("refused by the cloud")     // nothing was started
	ErrThrottled      = errors.New("throttled by the cloud")   // nothing was started
	ErrCredentials    = errors.New("credentials not accepted") // nothing was started
	ErrNotSent        = errors.New("not sent")                 // the cloud was not reached
	ErrUnknownOutcome = errors.New("outcome unknown")          // a job may have been started
)

// A CloudError is an operation that did not succeed. It holds no text that the
// cloud or the network produced but Message, so that it can be logged.
type CloudError struct {
	Action     string // the operation, such as "AssumeRole"
	Outcome    error  // one of the five errors above
	HTTPStatus int    // 0 if there was no answer
	Code       string // the cloud's, or "" if there was none
	Message    string // the cloud's, cleaned and cut; shown only where Code is known
	RequestID  string
	Unlisted   bool // refused with a code that nobody has documented: look before asking again
	Passing    bool // of ErrCredentials: fresher ones may do, so the call may be repeated
	RetryAfter time.Duration
	Denial     Denial // of a refusal for want of a permission
	Cause      string // what the network said, as a kind of error: never a URL
}

// Error says what happened, without the cloud's message.
func (e *CloudError) Error() string {
	return fmt.Sprintf("aliyun: %s: %v (status %d, code %q, request id %q, %s)",
		e.Action, e.Outcome, e.HTTPStatus, e.Code, e.RequestID, e.Cause)
}

// Unwrap returns the outcome.
func (e *CloudError) Unwrap() error { return e.Outcome }

// An Explanation is a code of the cloud in words.
type Explanation struct {
	Means, Todo param.Text // what it means, and what can be done; empty for an unknown code
	Caller      bool       // whoever asked can put it right; otherwise an operator must
}

// Explain says what a code means and what can be done about it: one of the
// cloud's, or one of those that Submit writes itself.
func (s *Service) Explain(code string) Explanation {
	switch code {
	case gaveUp:
		return Explanation{
			Means: param.Both("The request was tried several times, but Cloud Backup did not create a job.", "请求已尝试多次，但云备份未创建任务。"),
			Todo:  param.Both("Submit again with a new form or a new idempotency key.", "请使用新的表单或新的幂等键重新提交。"), Caller: true,
		}
	case notListed:
		return Explanation{
			Means: param.Both("No answer was received, and the job is not in Cloud Backup's job list.", "未收到答复，且云备份的任务列表中没有对应的任务。"),
			Todo:  param.Both("The same request can be sent again.", "可以再次提交同一请求。"), Caller: true,
		}
	}
	return s.Cloud.Explain(code)
}

// ExplainJob says what a code means with which a job ended, or a request about
// one was answered.
func (s *Service) ExplainJob(code string) Explanation { return s.Cloud.ExplainJob(code) }
