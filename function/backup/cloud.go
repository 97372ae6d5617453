package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Cloud is the part of Cloud Backup that the portal uses. Its errors are [*CloudError] values.
// Its methods are safe for concurrent use.
type Cloud interface {
	// CreateBackupJob sends at most one request that can have an effect. It sends none after
	// ctx has ended or after call.Until. The error says whether a job may exist nevertheless
	// ([CloudError.Outcome]).
	CreateBackupJob(ctx context.Context, call Call) (Created, error)
	// DescribeBackupJobs2 returns all jobs that match the filter. It reads all pages; an
	// incomplete listing is an error.
	DescribeBackupJobs2(ctx context.Context, target Target, filter JobFilter) ([]Job, error)
	// DescribeUdmSnapshots returns the consistency of the recovery point that the backup job of
	// an instance made. It returns the zero value while there is no recovery point.
	DescribeUdmSnapshots(ctx context.Context, target Target, job Job) (Consistency, error)
	// RecoveryPoints returns the recovery points of instances that match the filter, the newest
	// first.
	RecoveryPoints(ctx context.Context, target Target, filter SnapshotFilter) ([]RecoveryPoint, error)
	// CancelBackupJob requests the end of a job. Success means that the cloud accepted the
	// request; the job may still be running. vaultID is the vault of the job, or empty if the
	// job has none.
	CancelBackupJob(ctx context.Context, target Target, jobID, vaultID string) error
	// Preflight checks whether the portal may make its calls in the account of target. It
	// changes nothing. If params name a resource or a vault, it also checks that these exist.
	// It returns no error: a failed check is in the result.
	Preflight(ctx context.Context, target Target, capabilities Capabilities, params param.Params) []AccessCheck
	// CheckRoles returns nil if the roles exist that Cloud Backup itself assumes for a backup
	// of that type in the account of target. It changes nothing.
	CheckRoles(ctx context.Context, target Target, source param.SourceType) error
	// List returns one page of candidates in the account of target. The result can be up to one
	// minute old.
	List(ctx context.Context, target Target, q CandidateQuery) (Candidates, error)
	// Previews returns the call in several notations. It makes no call.
	Previews(call Call) []Preview
	// RestoreCommands returns shell commands with which a person restores what the job of call
	// has backed up. It makes no call.
	RestoreCommands(call Call, job Job) []Preview
	// Explain describes an error code of CreateBackupJob. The texts are empty for an unknown
	// code.
	Explain(code string) Explanation
	// ExplainJob describes the error code of a job that failed, or of a request about an
	// existing job. Most codes have the same text as in Explain.
	ExplainJob(code string) Explanation
}

// Target is the account and region of a call, and the principal who causes it.
type Target struct {
	Account   Account
	Region    string
	Principal identity.Principal // becomes the RoleSessionName, which the cloud's own audit trail shows
}

// Call has everything that is needed for one request of CreateBackupJob.
type Call struct {
	Target Target
	Params param.Params // complete, with JobName
	Until  time.Time    // wall clock; nothing is sent after it; zero: no limit
	Grant  Grant        // what the rule that allows the call permits
}

// Created is the cloud's answer to a successful CreateBackupJob.
type Created struct{ JobID, RequestID string }

// JobFilter narrows DescribeBackupJobs2. Empty and zero fields do not filter.
type JobFilter struct {
	SourceType param.SourceType // not set for container jobs, because DescribeBackupJobs2 cannot filter by their type
	InstanceID string
	JobIDs     []string
	Since      time.Time // earliest CreatedTime of a job
}

// Preview is one notation of a call, such as a command line, for people.
type Preview struct {
	Title param.Text
	Code  string
}

// Outcomes of a call that did not succeed ([CloudError.Outcome]). Only with ErrUnknownOutcome a
// job may have been started.
var (
	ErrRefused     = errors.New("refused by the cloud")     // the cloud answered no; nothing was started
	ErrThrottled   = errors.New("throttled by the cloud")   // nothing was started; recorded as [StepNotSent]
	ErrCredentials = errors.New("credentials not accepted") // nothing was started
	// ErrNotSent in a [CloudError] means that the request did not reach the cloud. The attempt
	// (the recorded permission for this call) is then recorded as [StepNotSent] with the class
	// [ClassNotSent], and Submit may try again. In a [BusyError] it means that Submit ended
	// without a job; the same key can be used again.
	ErrNotSent        = errors.New("not sent")
	ErrUnknownOutcome = errors.New("outcome unknown") // no usable answer; a job may have been started
)

// CloudError is a failed operation of the cloud. Only its field Message contains text of the
// cloud; without Message it can be logged.
type CloudError struct {
	Action     string        // the operation, such as "AssumeRole"
	Service    CloudService  // the service that answered; the zero value is Cloud Backup
	Outcome    error         // one of the five errors above
	HTTPStatus int           // HTTP status; 0 if there was no answer
	Code       string        // error code of the cloud; empty if it gave none
	Message    string        // error text of the cloud, cleaned and shortened; empty if it contained a secret
	RequestID  string        // the cloud's id of the call
	Unlisted   bool          // the cloud refused the call with an undocumented code, so a job may exist nevertheless
	Temporary  bool          // with ErrCredentials: the credentials are temporary, so newer ones may be accepted
	RetryAfter time.Duration // how long the cloud asks the caller to wait before a repeat; 0: the cloud did not say
	Denial     Denial        // details from RAM, if a permission is missing
	Cause      string        // kind of the network error, such as [CauseCertificate]; never a URL
}

// CauseCertificate is the Cause of a [CloudError] if no trusted root has signed the certificate
// of the cloud's endpoint.
const CauseCertificate = "certificate not trusted"

// Error returns all fields except the cloud's message.
func (e *CloudError) Error() string {
	return fmt.Sprintf("aliyun: %s: %v (status %d, code %q, request id %q, %s)",
		e.Action, e.Outcome, e.HTTPStatus, e.Code, e.RequestID, e.Cause)
}

// Unwrap returns e.Outcome.
func (e *CloudError) Unwrap() error { return e.Outcome }

// Says returns the cloud's own message for people, see [CloudService.Says].
func (e *CloudError) Says() param.Text { return e.Service.Says(e.Message) }

// CloudService is a service of the cloud that the portal calls. The zero value is Cloud Backup.
type CloudService string

// The services other than Cloud Backup.
const (
	ECS CloudService = "ecs"
	STS CloudService = "sts"
)

// CloudServiceOf returns the service that answered with the code of a step: STS if AssumeRole
// failed, otherwise Cloud Backup.
func CloudServiceOf(code string) CloudService {
	if strings.HasPrefix(code, "AssumeRole.") {
		return STS
	}
	return ""
}

// Label returns the label before a message of s.
func (s CloudService) Label() param.Text {
	switch s {
	case STS:
		return param.Both("Security Token Service says", "安全令牌服务返回")
	case ECS:
		return param.Both("Elastic Compute Service says", "云服务器 ECS 返回")
	}
	return param.Both("Cloud Backup says", "云备份返回")
}

// Says returns a message of s for people, with the label of s. Pages show it beside the portal's own
// text. It returns the zero Text if message is empty.
func (s CloudService) Says(message string) param.Text {
	if message == "" {
		return param.Text{}
	}
	label := s.Label()
	return param.Both(label.En+": "+message, label.Zh+"："+message)
}

// Explanation says in words what an error code of the cloud means, and what to do.
type Explanation struct {
	Means, Todo param.Text // its meaning, and a remedy; both empty for an unknown code
	Caller      bool       // the caller can correct it; false: an operator must
}

// Explain describes in words the error code of a submission that was refused or not sent. The
// code is one of the cloud, or one of the portal itself ([ExplainOwn]).
func (s *Service) Explain(code string) Explanation {
	if own, ok := ExplainOwn(code); ok {
		return own
	}
	return s.Cloud.Explain(code)
}

// ExplainJob describes the code of a job that failed, or of a request about an existing job.
func (s *Service) ExplainJob(code string) Explanation {
	if own, ok := ExplainOwn(code); ok {
		return own
	}
	return s.Cloud.ExplainJob(code)
}

// ExplainOwn describes an error code that the portal itself wrote: codeGaveUp, codeNotListed or
// codeCertificate. It returns false for every other code.
func ExplainOwn(code string) (Explanation, bool) {
	e, ok := ownCodes[code]
	return e, ok
}

// ownCodes explains the error codes that the portal itself writes into the steps of a
// submission.
var ownCodes = map[string]Explanation{
	codeGaveUp: {
		Means: param.Both("The request was tried several times, but Cloud Backup did not create a job.", "请求已尝试多次，但云备份未创建任务。"),
		Todo:  param.Both("Submit again with a new form or a new idempotency key.", "请使用新的表单或新的幂等键重新提交。"), Caller: true,
	},
	codeNotListed: {
		Means: param.Both("No answer was received, and the job is not in Cloud Backup's job list.", "未收到答复，且云备份的任务列表中没有对应的任务。"),
		Todo:  param.Both("The same request can be sent again.", "可以再次提交同一请求。"), Caller: true,
	},
	codeCertificate: {
		Means: param.Both("The portal does not trust the certificate of the cloud's endpoint.", "门户不信任云端点的证书。"),
		Todo: param.Both(
			"An operator can set CLOUD_CA_FILE to a file with the root certificates of the endpoint, or of the proxy in between.",
			"管理员可以将 CLOUD_CA_FILE 设为一个文件，其中包含该端点或其间代理的根证书。"),
	},
}

// codeOf returns the error code to store in the step of a failed call: the cloud's code, or
// codeCertificate.
func codeOf(e *CloudError) string {
	if e.Code == "" && e.Cause == CauseCertificate {
		return codeCertificate
	}
	return e.Code
}
