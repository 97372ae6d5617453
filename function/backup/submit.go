// Package backup carries a submission from its request to the end of its job.
//
// CreateBackupJob has no idempotency token. So each submission has a log of
// numbered steps that are only ever added. The process that adds step N decides
// what happens next; every other process reads it. Submit appends attempts, and
// what it learns about them:
//
//	last step | means                                  | what may follow
//	----------|----------------------------------------|--------------------------------------
//	(none)    | claimed, nothing sent                  | attempt
//	attempt   | the call may be sent until Until       | created, refused, void
//	void      | the attempt started nothing            | attempt; created, if a process paused
//	created   | the job exists                         | nothing: the final step
//	refused   | the cloud refused, or no attempts left | nothing: the final step
//
// An attempt without a result is not repeated until its window has passed and the
// cloud's own list, searched by the submission's JobName, shows no job.
//
// [Service] is made of parts, each with a small interface to the store: the step
// log ([Steps]), the limits ([Limits]), the notices ([Notices]) and the audit
// trail ([Auditor]). The step log is the one place where a step gets its audit
// record and its notices.
package backup

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"backupportal/function/param"
)

// Claims decide which submission an idempotency key stands for.
type Claims interface {
	// Claim remembers r with an empty log, unless a submission of its key is
	// remembered that has not expired at r.CreatedAt. It returns what is
	// remembered, with its id, and whether that is r.
	Claim(ctx context.Context, r Record) (known Record, ours bool, err error)
	// Known returns the submission that a key stands for now, by the id of its
	// first use, or ErrNotFound.
	Known(ctx context.Context, key string, now time.Time) (Record, error)
}

// KeyExpires is how long a key stands for the submission that first had it. A
// repeat after this is a new submission.
const KeyExpires = 7 * 24 * time.Hour

// An Answer is the result of a submission.
type Answer struct {
	Record
	Status     State         // CREATED, REFUSED or UNKNOWN
	Replayed   bool          // an earlier request with this key did it
	RetryAfter time.Duration // of UNKNOWN: when it makes sense to ask again
}

// Submit checks sub, asks the policy, and makes at most one job of it, however
// often it is called and wherever it is interrupted.
//
// The answer's Status is CREATED if there is a job, REFUSED if the cloud refused,
// and UNKNOWN until one of the two is certain. The first two are final: every
// repeat has the same answer. Errors are an [param.InvalidError], a
// [*DeniedError], a [*LimitError], a [*BusyError], or ErrStoreUnavailable: nothing was
// started by this call.
func (s *Service) Submit(ctx context.Context, sub Submission) (Answer, error) {
	call, err := s.Prepare(ctx, sub)
	ctx, cancel := persistent(ctx)
	defer cancel()
	if denied, ok := errors.AsType[*DeniedError](err); ok {
		return s.answerDenied(ctx, sub, call, denied)
	}
	if err != nil {
		// It may have been valid under the policy with which it was recorded.
		if answer, ok := s.earlierAnswer(ctx, sub); ok {
			return answer, nil
		}
		known, lookup := s.Store.Known(ctx, sub.ID(), s.Now())
		if lookup != nil || known.Fingerprint != sub.Fingerprint() {
			return Answer{}, err
		}
		known.Principal = sub.Principal // stores do not keep all of it
		if call, err = s.storedCall(ctx, known); err != nil {
			return Answer{}, err
		}
	}
	if answer, done, err := s.reserve(ctx, sub, call); done || err != nil {
		return answer, err
	}
	r, ours, err := s.claim(ctx, sub, call)
	if err != nil {
		return Answer{}, err
	}
	for sends := 0; ; {
		var answer Answer
		var done bool
		switch last := r.Last; {
		case last.Kind.isFinal():
			return stored(r, true), nil
		case last.Kind == StepAttempt && s.Now().Before(s.listCompleteAt(last)):
			return Answer{}, &BusyError{
				Err:          ErrInProgress,
				SubmissionID: r.SubmissionID,
				RetryAfter:   s.retryAfter(last),
			}
		case last.Kind == StepAttempt:
			answer, done, err = s.resolveAttempt(ctx, r)
		default:
			if !ours && sends == 0 && fromRecord {
				if call, err = s.storedCall(ctx, r); err != nil {
					return Answer{}, err
				}
			}
			answer, done, err = s.send(ctx, r, call, sends)
			sends++
		}
		if errors.Is(err, ErrNotSent) {
			s.limiter().refund(ctx, r, r.Last.N)
		}
		if done || err != nil {
			return answer, err
		}
		if r, err = s.steps().find(ctx, r.SubmissionID); err != nil {
			return Answer{}, err
		}
		r.Principal = sub.Principal // stores do not keep all of it
	}
}

// persistent returns ctx with its deadline and without its cancellation: a
// started submission must finish even if the client goes away.
func persistent(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}

// answerDenied answers a submission that the policy refuses. It sends nothing. A repeat of
// a submission that was allowed before gets the first answer.
func (s *Service) answerDenied(ctx context.Context, sub Submission, call Call, denied *DeniedError) (Answer, error) {
	if answer, ok := s.earlierAnswer(ctx, sub); ok {
		return answer, nil
	}
	return Answer{}, s.deny(ctx, sub, call, denied)
}

// deny records a refusal by the policy in the history, and returns it. The key stays
// free: once the policy allows it, the same submission can be made. Equal refusals
// are recorded once an hour. A failure to record is logged, and the refusal returned
// without an id.
func (s *Service) deny(ctx context.Context, sub Submission, call Call, denied *DeniedError) error {
	r := s.record(sub, sub.deniedID(s.Now()), call)
	r.JobName = sub.label() // there is no job that could be found by more
	for _, m := range denied.Lines {
		r.Denied = append(r.Denied, param.Both(m.In(param.English), m.In(param.Chinese)))
	}
	e := about(AuditDenied, ActionCreate, sub.Principal, r, 0)
	e.Decision.Lines = linesOf(denied.Lines)
	s.trail().tell(ctx, e)
	known, _, err := s.Store.Claim(ctx, r)
	if err != nil {
		s.Log.ErrorContext(ctx, "recording a refusal", "principal", sub.Principal.ID(), "error", err)
		return denied
	}
	return &DeniedError{Lines: denied.Lines, SubmissionID: known.SubmissionID}
}

// earlierAnswer returns the answer of an earlier request with the key of sub, if there is
// one. A failure to look is logged.
func (s *Service) earlierAnswer(ctx context.Context, sub Submission) (Answer, bool) {
	r, err := s.Store.Known(ctx, sub.ID(), s.Now())
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		s.Log.ErrorContext(ctx, "looking for an earlier answer", "principal", sub.Principal.ID(), "error", err)
	case r.Fingerprint != sub.Fingerprint():
	case r.Last.Kind.isFinal():
		return stored(r, true), true
	case r.Last.Kind == StepAttempt:
		return s.unknown(r), true
	}
	return Answer{}, false
}

// reserve takes what sub needs of the limits. It runs before the claim, so that a
// submission over a limit leaves no record, and its key stays free. A repeat takes
// nothing and gets the first answer, even if a limit is reached by now: then it is
// done.
func (s *Service) reserve(ctx context.Context, sub Submission, call Call) (_ Answer, done bool, _ error) {
	if !call.Grant.limited() {
		return Answer{}, false, nil
	}
	known, err := s.Store.Known(ctx, sub.ID(), s.Now())
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return Answer{}, false, storeUnavailable(err)
	case known.Fingerprint != sub.Fingerprint():
		return Answer{}, false, &BusyError{Err: ErrKeyReused, SubmissionID: known.SubmissionID}
	case known.Last.Kind.isFinal():
		return stored(known, true), true, nil
	case known.Last.Kind == StepAttempt:
		return Answer{}, false, nil // the attempt holds its reservations
	default:
		known.Principal = sub.Principal // stores do not keep all of it
		if call, err = s.storedCall(ctx, known); err != nil {
			return Answer{}, true, err
		}
	}
	err = s.limiter().reserve(ctx, s.record(sub, sub.ID(), call), call, 0)
	if _, limited := errors.AsType[*LimitError](err); limited {
		if answer, ok := s.earlierAnswer(ctx, sub); ok {
			return answer, true, nil
		}
	}
	return Answer{}, false, err
}

// claim returns the record that the key of sub stands for, which may be older
// than this call. Its errors are a [*BusyError] with [ErrKeyReused], or
// [ErrStoreUnavailable].
//
// It also reports whether the record is of this call: then the policy that decided
// is the policy in force.
func (s *Service) claim(ctx context.Context, sub Submission, call Call) (_ Record, ours bool, _ error) {
	r, ours, err := s.Store.Claim(ctx, s.record(sub, sub.ID(), call))
	if err != nil {
		return Record{}, false, storeUnavailable(err)
	}
	if !ours && r.Fingerprint != sub.Fingerprint() {
		if call.Grant.limited() {
			s.limiter().refund(ctx, s.record(sub, sub.ID(), call), 0) // reserved while the other came
		}
		return Record{}, false, &BusyError{Err: ErrKeyReused, SubmissionID: r.SubmissionID}
	}
	r.Principal = sub.Principal // stores do not keep all of it
	return r, ours, nil
}

// storedCall returns the call of a submission that was recorded before, with what the
// policy in force grants it. The policy may forbid what was recorded and never
// changes it: its defaults are not applied. The error is a [*DeniedError], which is
// in the history.
func (s *Service) storedCall(ctx context.Context, r Record) (Call, error) {
	given := maps.Clone(r.Complete)
	for _, name := range []string{"CrossAccountType", "CrossAccountUserId", "CrossAccountRoleName"} {
		delete(given, name) // they follow from the account
	}
	if given["JobName"] = r.Params["JobName"]; given["JobName"] == "" {
		delete(given, "JobName")
	}
	grant, denied := s.Policy.Decide(ctx, r.Principal, given)
	target, err := s.target(r, r.Principal)
	switch {
	case denied != nil:
	case err != nil:
		denied = []param.Mistake{{Field: "Account", Code: "policy", Text: msgOtherAccount, Args: []any{r.Account()}}}
	default:
		for _, name := range slices.Sorted(maps.Keys(grant.Values)) {
			denied = append(denied, param.Mistake{
				Field: name, Code: "policy", Text: msgOtherValue, Args: []any{grant.Rule, name, grant.Values[name]},
			})
		}
	}
	call := recordedCall(r, Call{Target: target, Grant: grant})
	if denied != nil {
		return Call{}, s.deny(ctx, r.Submission, call, &DeniedError{Lines: denied})
	}
	return call, nil
}

// recordedCall returns call with the parameters of the record. What is sent is what
// the history, the page and the audit trail show.
func recordedCall(r Record, call Call) Call {
	call.Params = maps.Clone(r.Complete)
	call.Params["JobName"] = r.JobName // of this use of the key
	return call
}

// The reasons for which the policy in force forbids a submission that an earlier
// policy allowed.
var (
	msgOtherAccount = param.Both(
		"Account “%v” is no longer the one for which this submission was recorded. Send it again with a new key",
		"账号“%v”已不再是记录此次提交时的账号。请使用新的幂等键重新提交",
	)
	msgOtherValue = param.Both(
		"Rule “%v” now sets %v to %v, and this submission was recorded without it. Send it again with a new key",
		"规则“%v”现在将 %v 设为 %v，而此次提交记录时未包含该值。请使用新的幂等键重新提交",
	)
)

// record returns a new record of sub, with an empty log.
func (s *Service) record(sub Submission, id string, call Call) Record {
	now := s.Now().Truncate(time.Millisecond) // the precision of stores
	return Record{
		Submission:   sub,
		SubmissionID: id,
		Fingerprint:  sub.Fingerprint(),
		JobName:      sub.JobName(),
		AccountID:    call.Target.Account.ID,
		Access:       call.Target.Account.Access,
		CallerID:     call.Target.Account.Caller().ID,
		Complete:     call.Params,
		PolicyHash:   s.Policy.Hash(),
		CreatedAt:    now,
		ExpiresAt:    now.Add(KeyExpires),
		Last:         Step{N: -1},
	}
}

// resolveAttempt looks for the job of an attempt whose window and settling time have
// passed. It is not done if the log has to be read again.
func (s *Service) resolveAttempt(ctx context.Context, r Record) (_ Answer, done bool, _ error) {
	_, err := s.reconcile(ctx, r.Principal, r)
	if err != nil && !errors.Is(err, ErrStoreUnavailable) {
		s.Log.WarnContext(ctx, "listing jobs", "submission", r.SubmissionID, "error", err)
		answer := s.unknown(r)
		answer.RetryAfter = max(answer.RetryAfter, 15*time.Second)
		return answer, true, nil
	}
	return Answer{}, false, err
}

// mostSends is how many attempts one call of Submit makes.
const mostSends = 3

// send makes the next attempt, after so many by this call of Submit. It is not
// done if the log has to be read again. An error with [ErrNotSent] means that
// this call makes no further attempt.
func (s *Service) send(ctx context.Context, r Record, call Call, sends int) (_ Answer, done bool, _ error) {
	switch {
	case sends == mostSends:
		return Answer{}, false, &BusyError{Err: ErrNotSent, SubmissionID: r.SubmissionID, RetryAfter: 15 * time.Second}
	case sends > 0:
		if err := s.Wait(ctx, rand.N(200*time.Millisecond<<sends)); err != nil {
			return Answer{}, false, &BusyError{Err: ErrNotSent, SubmissionID: r.SubmissionID, RetryAfter: time.Second}
		}
	}
	if !s.Now().Before(r.ExpiresAt) {
		// This call paused for a week: the key may stand for a newer submission by now.
		return Answer{}, false, &BusyError{Err: ErrNotSent, SubmissionID: r.SubmissionID, RetryAfter: time.Second}
	}
	if s.listFirst() && sends == 0 {
		if answer, done, err := s.findForgottenJob(ctx, r); done || err != nil {
			return answer, done, err
		}
	}
	return s.attempt(ctx, r, call)
}

// attempt records that the call is about to be made, makes it, and records the
// result. It is not done if the log has to be read again.
func (s *Service) attempt(ctx context.Context, r Record, call Call) (_ Answer, done bool, _ error) {
	decided, started := s.Now(), time.Now()
	step := Step{N: r.Last.N + 1, Kind: StepAttempt, Until: s.window(ctx)}
	if step.N > 0 {
		// The process that found the attempt before void refunds it, maybe only now.
		if err := s.limiter().reserve(ctx, r, call, step.N); err != nil {
			return Answer{}, false, err
		}
	}
	if fromRecord {
		call = recordedCall(r, call)
	}
	intent := about(AuditIntent, ActionCreate, r.Principal, r, step.N)
	intent.Decision = AuditDecision{Allow: true, Rule: call.Grant.Rule, Policy: s.Policy.Hash()}
	if ours, err := s.steps().append(ctx, r, step, intent); err != nil || !ours {
		return Answer{}, false, err
	}
	r.Last = step
	s.Log.InfoContext(ctx, "sending", "submission", r.SubmissionID, "attempt", step.N, "job_name", r.JobName)
	// The result is recorded even if that takes a little longer.
	ctx = context.WithoutCancel(ctx)
	// The window ends by the wall clock, which runs on in a frozen instance, and by the
	// monotonic clock, which a wall clock that is set back does not move.
	left := min(step.Until.Sub(s.Now()), step.Until.Sub(decided)-time.Since(started))
	limited, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	call.Until = step.Until
	sent := s.Now()
	receipt, err := s.Cloud.CreateBackupJob(limited, call)
	took := s.Now().Sub(sent)
	ctx, cancel = context.WithTimeout(ctx, recordTime)
	defer cancel()
	if err != nil {
		return s.failed(ctx, r, err, took)
	}
	e := about(AuditAnswered, ActionCreate, r.Principal, r, step.N)
	e.Outcome = AuditOutcome{
		Class:        ClassSuccess,
		JobID:        receipt.JobID,
		RequestID:    receipt.RequestID,
		Milliseconds: took.Milliseconds(),
	}
	return s.created(ctx, r, receipt, e), true, nil
}

// created records the job, and e for the audit. If that fails the answer is the
// same: the job exists, and a later listing adds it to the log.
func (s *Service) created(ctx context.Context, r Record, c Created, e AuditEvent) Answer {
	s.Log.InfoContext(ctx, "job created", "submission", r.SubmissionID, "job", c.JobID, "cloud_request_id", c.RequestID)
	r.Last = s.steps().addJob(ctx, r, Step{Kind: StepCreated, JobID: c.JobID, RequestID: c.RequestID}, e)
	return stored(r, false)
}

// failed records what is certain about a call that did not succeed. It is not done
// if the log has to be read again.
func (s *Service) failed(ctx context.Context, r Record, err error, took time.Duration) (_ Answer, done bool, _ error) {
	cloud, ok := errors.AsType[*CloudError](err)
	if !ok {
		cloud = &CloudError{Action: "CreateBackupJob", Outcome: ErrUnknownOutcome, Cause: "unclassified"}
	}
	s.Log.WarnContext(ctx, "job not created", "submission", r.SubmissionID, "cloud_request_id", cloud.RequestID, "error", cloud)
	e := about(AuditAnswered, ActionCreate, r.Principal, r, r.Last.N)
	e.Outcome = outcomeOf(cloud, took)
	step := Step{N: r.Last.N + 1, Code: cloud.Code, Message: cloud.Message, RequestID: cloud.RequestID}
	switch e.Outcome.Class {
	case ClassRefused:
		step.Kind = StepRefused
		ours, err := s.steps().conclude(ctx, r, &step, e)
		if err != nil || !ours {
			s.trail().tell(ctx, e)
			// Another process took over, and may have made a job: it will find the refusal.
			return s.unknown(r), true, nil
		}
		r.Last = step
		s.markFinal(ctx, r)
		if !cloud.Unlisted { // an unlisted code does not prove that nothing was started
			s.limiter().refund(ctx, r, step.N)
		}
		return stored(r, false), true, nil
	case ClassNotSent:
		step.Kind = StepNotSent
		ours, err := s.steps().conclude(ctx, r, &step, e)
		if err != nil || !ours {
			s.trail().tell(ctx, e)
		}
		if err != nil {
			return Answer{}, false, storeUnavailable(err)
		}
		return Answer{}, false, nil
	}
	s.trail().tell(ctx, e)
	return s.unknown(r), true, nil
}

// stored is the answer of a submission with a final step. It is always the same:
// it says nothing about the job's progress.
func stored(r Record, replayed bool) Answer {
	r.Job, r.Cancellation = Job{}, Cancellation{}
	status := StateRefused
	if r.Last.Kind == StepCreated {
		status = StateCreated
	}
	return Answer{Record: r, Status: status, Replayed: replayed}
}

// unknown is the answer while it is not certain whether there is a job.
func (s *Service) unknown(r Record) Answer {
	return Answer{Record: r, Status: StateUnknown, RetryAfter: s.retryAfter(r.Last)}
}

// window returns when an attempt that begins now may no longer be sent.
func (s *Service) window(ctx context.Context) time.Time {
	until := s.Now().Add(budget)
	if deadline, ok := ctx.Deadline(); ok {
		// A platform stops the process then, by its own clock.
		if left := s.Now().Add(time.Until(deadline.Round(0))); left.Before(until) {
			until = left
		}
	}
	return until.Truncate(time.Millisecond)
}

// listCompleteAt returns when a listing may begin that proves, if it does not show the
// job of an attempt, that there is none.
func (s *Service) listCompleteAt(attempt Step) time.Time {
	return attempt.Until.Add(cmp.Or(s.ListLag, defaultListLag))
}

// retryAfter returns how long to wait before a repeat can learn more about an
// attempt.
func (s *Service) retryAfter(attempt Step) time.Duration {
	now := s.Now()
	if now.Before(attempt.Until) {
		return 2 * time.Second
	}
	return max(s.listCompleteAt(attempt).Sub(now), time.Second)
}
