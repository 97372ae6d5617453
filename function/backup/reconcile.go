package backup

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Codes of steps that the portal writes itself. They are stored and never change.
const (
	codeGaveUp    = "portal.GaveUp"    // code of a step refused: the list shows no job after 32 attempts
	codeNotListed = "portal.NotListed" // code of a step void: the list shows no job
	// codeCertificate is the code of a step void after a call to an endpoint whose certificate
	// is not trusted.
	codeCertificate = "portal.CertificateNotTrusted"
)

// findForgottenJob searches the cloud's list for a job of r that the store may have lost. It
// runs only with [Service.ListFirst], before the first attempt of a call of Submit. If it finds
// no job, it returns false and no error.
//
// If it finds a job, it stores it as the result of an attempt and returns done. If AssumeRole
// is refused, nothing could be sent either: it stores that the submission is refused and
// returns done. Any other failed listing proves nothing, so the error is a [*BusyError] with
// [ErrNotSent]. If another process has added a step, it is a [*BusyError] with [ErrInProgress].
func (s *Service) findForgottenJob(ctx context.Context, r Record) (_ Answer, done bool, _ error) {
	job, found, err := s.findListedJob(ctx, r.Principal, r)
	cloud, _ := errors.AsType[*CloudError](err)
	roleRefused := cloud != nil && cloud.Action == "AssumeRole" &&
		(errors.Is(cloud, ErrRefused) || errors.Is(cloud, ErrCredentials) && !cloud.Temporary)
	switch {
	case err != nil && !roleRefused:
		s.Log.WarnContext(ctx, "listing jobs", "submission", r.SubmissionID, "error", err)
		busy := &BusyError{Err: ErrNotSent, SubmissionID: r.SubmissionID, RetryAfter: 15 * time.Second}
		if cloud != nil {
			busy.Code = codeOf(cloud)
		}
		return Answer{}, false, busy
	case !found && !roleRefused:
		return Answer{}, false, nil
	}
	attempt := Step{N: r.Last.N + 1, Kind: StepAttempt, Until: s.Now()}
	ours, appendErr := s.steps().addStep(ctx, r, attempt, eventFor(AuditIntent, ActionCreate, r.Principal, r, attempt.N))
	if appendErr != nil {
		return Answer{}, false, appendErr
	}
	if !ours {
		return Answer{}, false, &BusyError{Err: ErrInProgress, SubmissionID: r.SubmissionID, RetryAfter: time.Second}
	}
	r.Last = attempt
	if roleRefused {
		return s.recordFailure(ctx, r, err, 0)
	}
	e := eventFor(AuditReconciled, ActionCreate, r.Principal, r, attempt.N)
	e.Outcome = AuditOutcome{Class: ClassSuccess, JobID: job.JobID}
	answer := s.recordCreated(ctx, r, Created{JobID: job.JobID}, e)
	answer.Replayed = true
	return answer, true, nil
}

// reconcileAndRefund calls reconcile and, if the attempt started no job, refunds its
// reservation of the limits. It reports whether a step was added. It is for callers that send
// nothing themselves.
func (s *Service) reconcileAndRefund(ctx context.Context, caller identity.Principal, r Record) (bool, error) {
	ours, err := s.reconcile(ctx, caller, r)
	if !ours || err != nil {
		return ours, err
	}
	// reconcile does not return the step that it added: read it.
	if known, err := s.steps().find(ctx, r.SubmissionID); err == nil && known.Last.Kind != StepCreated {
		s.limiter().refund(ctx, r, r.Last.N)
	}
	return true, nil
}

// reconcile looks in the cloud's list for the job of r's last attempt and records the result. It
// reports whether it added a step: false means that nothing is proved yet, or that another
// process was faster.
//
// A job in the list is proof at any time. A missing job is proof only if the listing began after
// the attempt's window and the list lag. Therefore the time is read and compared with the store's
// clock before the listing: a comparison after it could succeed by chance, if the clock was ahead
// and the process was then frozen for as long. The errors are those of the listing and
// [ErrStoreUnavailable].
func (s *Service) reconcile(ctx context.Context, caller identity.Principal, r Record) (bool, error) {
	began := s.Now()
	listComplete := !began.Before(s.listCompleteAt(r.Last))
	var clockErr error
	if listComplete {
		clockErr = s.Store.CheckClock(ctx, began)
	}
	job, found, err := s.findListedJob(ctx, caller, r)
	if err != nil {
		return false, err
	}
	step := Step{N: r.Last.N + 1, Kind: StepNotSent, Code: codeNotListed}
	if found {
		step.Kind, step.Code, step.JobID = StepCreated, "", job.JobID
	}
	if step.Kind == StepNotSent && !listComplete {
		return false, nil
	}
	if step.Kind == StepNotSent && clockErr != nil {
		return false, storeUnavailable(clockErr)
	}
	if step.Kind == StepNotSent && step.N >= maxSteps {
		step.Kind, step.Code = StepRefused, codeGaveUp
	}
	s.Log.InfoContext(ctx, "reconciled", "submission", r.SubmissionID, "step", step.Kind, "job", step.JobID)
	e := eventFor(AuditReconciled, ActionCreate, caller, r, r.Last.N)
	e.Outcome = AuditOutcome{Class: ClassNotSent, Code: step.Code, JobID: step.JobID}
	switch step.Kind {
	case StepCreated:
		e.Outcome.Class = ClassSuccess
	case StepRefused:
		e.Outcome.Class = ClassRefused
	}
	ours, err := s.steps().conclude(ctx, r, &step, e)
	if err != nil {
		return false, storeUnavailable(err)
	}
	if ours {
		r.Last = step
		s.markFinal(ctx, r)
	}
	return ours, nil
}

// findListedJob searches the cloud's list for the job of r, with the credentials for caller. The
// job has the name r.JobName or, with ListFirst, the name of a later use of the same key. If
// several jobs match, the step log has failed to prevent a second job: findListedJob records a
// violation in the audit trail for each further job, and returns the oldest job.
func (s *Service) findListedJob(ctx context.Context, caller identity.Principal, r Record) (job Job, found bool, err error) {
	target, err := s.target(r, caller)
	if err != nil {
		return Job{}, false, err
	}
	jobs, err := s.Cloud.DescribeBackupJobs2(ctx, target, JobFilter{
		SourceType: listSourceType(r.Complete.SourceType()), InstanceID: r.Complete["InstanceId"], Since: s.listSince(r),
	})
	for _, j := range jobs {
		if j.JobName != r.JobName && !(s.listFirst() && isLaterUse(j.JobName, r)) {
			continue
		}
		if found {
			s.Log.ErrorContext(ctx, "two jobs of one submission", "submission", r.SubmissionID, "job", job.JobID, "other_job", j.JobID)
			s.trail().violation(ctx, caller, r, "two jobs", job.JobID, j.JobID)
		}
		if !found || j.CreatedTime.Before(job.CreatedTime) {
			job, found = j, true
		}
	}
	return job, found, err
}

// isLaterUse reports whether a job's name is that of a later use of r's key. After a loss of
// records the store counts the uses from the beginning again, so such jobs must be recognised
// too.
func isLaterUse(name string, r Record) bool {
	_, use, ok := strings.Cut(name, r.SubmissionID+"-")
	number, err := strconv.Atoi(use)
	return ok && err == nil && number > 1
}

// listSince returns the earliest CreatedTime that the job of r can have. The clocks of cloud
// and portal can differ by 15 minutes, because the cloud refuses signatures beyond that; 20
// minutes are used. If the store can lose records, the job can be as old as the key lives.
func (s *Service) listSince(r Record) time.Time {
	if s.listFirst() {
		return r.CreatedAt.Add(-r.keyLife())
	}
	return r.CreatedAt.Add(-20 * time.Minute)
}

// listSourceType returns the filter with which jobs of type t are listed. For containers it is
// empty, which means all types, because DescribeBackupJobs2 has no value for them.
func listSourceType(t param.SourceType) param.SourceType {
	if t == param.Container {
		return ""
	}
	return t
}
