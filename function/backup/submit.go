// Package backup turns each submission into at most one backup job.
//
// CreateBackupJob has no idempotency token, so a request must not be repeated before it is
// certain that the first one made no job. Each submission therefore has an insert-only log of
// numbered steps. The process that inserts step N decides what happens next; every other process
// reads that step. The table shows the stored text of the last step, the constant for it, and
// the steps that may follow:
//
//	stored    constant      meaning                                    next steps
//	--------  ------------  -----------------------------------------  ------------------------
//	(none)    StepNone      claimed, nothing sent                      attempt
//	attempt   StepAttempt   the call may be sent until Step.Until      created, refused, void
//	void      StepNotSent   the attempt started no job                 attempt, created
//	created   StepCreated   the job exists                             none: the log is final
//	refused   StepRefused   the cloud refused, or it lists no job      none: the log is final
//	                        after 32 attempts
//
// The step after void is created, without another attempt, only if a process was paused: it
// reports its job after another process had recorded void.
//
// An attempt without a result is resolved from the cloud's list, which is searched by the
// submission's JobName. A job in the list is proof at any time. A missing job is proof only if
// the listing began after Step.Until plus the list lag ([Service.ListLag]).
//
// Four names say "not sent" at four levels:
//
//	name          level           meaning
//	------------  --------------  ----------------------------------------------------------
//	ErrNotSent    one call        CloudError: the request did not reach the cloud
//	              one Submit      BusyError: Submit ended without a job; the key can be used again
//	ClassNotSent  one call        the call had no effect and may be repeated: ErrNotSent,
//	                              ErrThrottled, or ErrCredentials that is temporary
//	StepNotSent   the log         the attempt started no job: ClassNotSent, or the list shows none
//	StateNotSent  the submission  the last step is StepNotSent, or nothing was attempted in time
//
// [Service] consists of parts, each with a small interface to the store: the step log ([Steps]),
// the limits ([Limits]), the notices ([Notices]) and the audit trail ([Auditor]). A step and its
// audit record are stored in one transaction.
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
	"backupportal/function/trace"
)

// Claims stores submissions by their idempotency keys. A claim binds a key to the first
// submission that uses it.
type Claims interface {
	// Claim stores r with an empty step log if its key is new or has expired at r.CreatedAt.
	// The key is r.SubmissionID, which is the hash of the sender's key.
	//
	// It returns the submission that is stored for the key, and whether that is r. If an
	// expired key is used again, the returned id and JobName of r end with the number of the
	// use ("-2", "-3"). If several calls with one key are made at the same time, exactly one of
	// them stores its record.
	//
	// If r.Pace is set, Claim also takes one request from this rate, in the same transaction.
	// If the rate is used up, it stores nothing, and the error is a [*LimitError] with
	// [ErrRequests].
	Claim(ctx context.Context, r Record) (known Record, ours bool, err error)
	// Known returns the submission that is stored for a key at now. key is the id of the key's
	// first use. The error is [ErrNotFound] if the key is new or has expired.
	Known(ctx context.Context, key string, now time.Time) (Record, error)
	// SetResourceName stores [Record.ResourceName] of a submission.
	SetResourceName(ctx context.Context, id, name string) error
}

// KeyExpires is how long an idempotency key stands for its submission. A request with the key
// after this time is a new submission.
const KeyExpires = 7 * 24 * time.Hour

// Times of a key that is a hash of the content ([Submission.ByContent]). It must outlive
// the repeated deliveries of a platform, which end after one day. But it must not live until
// the next night, because a schedule sends the same content every night, and the time of day of
// two nights differs by minutes. So the key lives for contentKeyExpires. Until repeatsEnd it
// still counts for a message that is certainly a repeat: the platform says so, or the first
// message has no result yet.
const (
	contentKeyExpires = 23 * time.Hour
	repeatsEnd        = 25 * time.Hour
)

// keyLife returns how long the idempotency key of s stands for s.
func (s Submission) keyLife() time.Duration {
	if s.ByContent {
		return contentKeyExpires
	}
	return KeyExpires
}

// ContentKeyEnds returns when the key of s can be used again, if the key is a hash of the content and was first used
// at the time first by a request that has a result. Until then, a repeat gets that result.
func (s Submission) ContentKeyEnds(first time.Time) time.Time {
	if s.Retry {
		return first.Add(repeatsEnd)
	}
	return first.Add(contentKeyExpires)
}

// Answer is the result of [Service.Submit].
type Answer struct {
	Record
	Status     State         // CREATED, REFUSED or UNKNOWN
	Replayed   bool          // an earlier request with this key got the same answer
	RetryAfter time.Duration // only with UNKNOWN: how long to wait before a repeat can learn more

	throttled bool // the attempt was refused because of too many requests; Submit makes another one
}

// Submit checks sub, asks the policy, and makes at most one job of sub. It can be called any
// number of times with one key, by several processes, and may be interrupted at any point.
//
// The answer's Status is CREATED if there is a job, REFUSED if the cloud refused, and UNKNOWN
// while neither is certain. CREATED and REFUSED are final: every repeat of sub gets the same
// answer.
//
// An error means that this call started no job:
//
//   - [param.InvalidError]: a parameter is wrong.
//   - [*DeniedError]: the policy refuses.
//   - [*LimitError]: the policy allows it, but a limit is reached.
//   - [*BusyError] with [ErrInProgress]: an earlier attempt cannot be resolved yet.
//   - [*BusyError] with [ErrKeyReused]: the key belongs to a submission with other parameters.
//   - [*BusyError] with [ErrNotSent]: this call gave up; the same key can be used again.
//   - [ErrStoreUnavailable]: the submission cannot be recorded.
//
// Submit ignores the cancellation of ctx after the policy's decision, and keeps its deadline.
func (s *Service) Submit(ctx context.Context, sub Submission) (Answer, error) {
	began := time.Now()
	answer, err := s.submit(ctx, sub)
	s.countSubmit(sub.Door, answer, err)
	trace.Ended(ctx, "door "+string(sub.Door), outcomeOf(answer, err), began)
	return answer, err
}

// submit does the work of Submit, except counting it in the metrics.
func (s *Service) submit(ctx context.Context, sub Submission) (Answer, error) {
	pace, err := s.paceOfClaim(ctx, sub)
	if err != nil {
		return Answer{}, err
	}
	sub, err = s.withPreset(sub)
	var call Call
	if err == nil {
		began := time.Now()
		call, err = s.prepare(ctx, sub)
		trace.Ended(ctx, "decision", "", began)
	}
	ctx, cancel := persistent(ctx)
	defer cancel()
	if err != nil || sub.ByContent || call.Grant.hasLimits() {
		// There may be no claim, or other limits are reserved before it.
		if err := s.count(ctx, sub, &pace); err != nil {
			return Answer{}, err
		}
	}
	if denied, ok := errors.AsType[*DeniedError](err); ok {
		return s.answerDenied(ctx, sub, call, denied)
	}
	if err != nil {
		// The submission may have been valid under the policy with which it was recorded.
		known, ok := s.earlier(ctx, sub)
		if !ok {
			return Answer{}, err
		}
		if answer, ok := s.recordedAnswer(known); ok {
			return answer, nil
		}
		if call, err = s.storedCall(ctx, known); err != nil {
			return Answer{}, err
		}
	}
	if answer, ok := s.lateRepeat(ctx, sub); ok {
		return answer, nil
	}
	if answer, done, err := s.reserve(ctx, sub, call); done || err != nil {
		return answer, err
	}
	r, ours, err := s.claim(ctx, sub, call, pace)
	if err != nil {
		return Answer{}, err
	}
	throttled := false // the last attempt of this call
	for sends := 0; ; {
		var answer Answer
		var done bool
		switch last := r.Last; {
		case last.Kind.isFinal():
			return finalAnswer(r, true), nil
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
			if sub.OneAttempt && sends == 1 {
				sends = maxSends
			}
			answer, done, err = s.send(ctx, r, call, sends)
			sends++
			if busy, ok := errors.AsType[*BusyError](err); ok {
				busy.Throttled = throttled
			}
			throttled = answer.throttled
		}
		if errors.Is(err, ErrNotSent) {
			s.limiter().refund(ctx, r, r.Last.N)
		}
		if done && answer.Status == StateCreated && sub.Created != nil {
			sub.Created(answer)
		}
		if done && answer.Status == StateCreated && answer.ResourceName == "" {
			answer.ResourceName = s.nameResource(ctx, r.SubmissionID, call)
		}
		if done || err != nil {
			return answer, err
		}
		if r, err = s.steps().find(ctx, r.SubmissionID); err != nil {
			return Answer{}, err
		}
		r.Principal = sub.Principal // the store keeps only its id and its name
	}
}

// persistent returns a context with the deadline of ctx that is not cancelled with ctx: a
// started submission must finish even if the client disconnects.
func persistent(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}

// answerDenied answers a submission that the policy refuses. It sends nothing. If a submission
// with the same key was allowed earlier, it returns that answer, because a changed policy does
// not change it. Otherwise the error is a [*DeniedError].
func (s *Service) answerDenied(ctx context.Context, sub Submission, call Call, denied *DeniedError) (Answer, error) {
	if answer, ok := s.earlierAnswer(ctx, sub); ok {
		return answer, nil
	}
	return Answer{}, s.deny(ctx, sub, call, denied)
}

// deny stores a refusal by the policy in the history and in the audit trail, and returns it
// with its id.
//
// The record has an id of its own ([Submission.deniedID]), so the same idempotency key can be
// used again when the policy allows the submission. Equal refusals within one hour are one
// record. If the refusal cannot be stored, deny logs that, and the returned refusal has no
// SubmissionID.
func (s *Service) deny(ctx context.Context, sub Submission, call Call, denied *DeniedError) error {
	r := s.newRecord(sub, sub.deniedID(s.Now()), call)
	r.JobName = sub.label() // there is no job, so the name needs no id to find it by
	for _, m := range denied.Lines {
		r.Denied = append(r.Denied, param.Both(m.In(param.English), m.In(param.Chinese)))
	}
	e := eventFor(AuditDenied, ActionCreate, sub.Principal, r, 0)
	e.Decision.Lines = denialLines(denied.Lines)
	s.trail().recordOrLog(ctx, e)
	known, _, err := s.Store.Claim(ctx, r)
	if err != nil {
		s.Log.ErrorContext(ctx, "recording a refusal", "principal", sub.Principal.ID(), "error", err)
		return denied
	}
	return &DeniedError{Lines: denied.Lines, SubmissionID: known.SubmissionID}
}

// earlierAnswer returns the answer that an earlier request with the key of sub got. It returns
// false if none exists, or if nothing was sent yet.
func (s *Service) earlierAnswer(ctx context.Context, sub Submission) (Answer, bool) {
	r, ok := s.earlier(ctx, sub)
	if !ok {
		return Answer{}, false
	}
	return s.recordedAnswer(r)
}

// earlier returns the record of an earlier request with the key of sub. It returns false if the
// key is new or was used with other parameters. If the store fails, it logs that and returns
// false too.
func (s *Service) earlier(ctx context.Context, sub Submission) (Record, bool) {
	r, err := s.Store.Known(ctx, sub.ID(), s.Now())
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.Log.ErrorContext(ctx, "looking for an earlier answer", "principal", sub.Principal.ID(), "error", err)
	}
	if err != nil || r.Fingerprint != sub.Fingerprint() {
		return Record{}, false
	}
	r.Principal = sub.Principal // the store keeps only its id and its name
	return r, true
}

// lateRepeat returns the answer of an earlier message with the same content as sub although its
// key has expired, if sub is certainly a repeat (see repeatsEnd). Otherwise it returns false.
func (s *Service) lateRepeat(ctx context.Context, sub Submission) (Answer, bool) {
	if !sub.ByContent {
		return Answer{}, false
	}
	now := s.Now()
	r, err := s.Store.Known(ctx, sub.ID(), now.Add(contentKeyExpires-repeatsEnd))
	switch {
	case err != nil, r.Fingerprint != sub.Fingerprint(), now.Before(r.ExpiresAt):
		return Answer{}, false // the claim decides, and reports a failure of the store
	case r.Last.Kind.isFinal() && !sub.Retry:
		return Answer{}, false
	}
	return s.recordedAnswer(r)
}

// recordedAnswer returns the answer that the last step of r gives: a final answer, or that the
// result of an attempt is unknown. It returns false if another attempt may follow.
func (s *Service) recordedAnswer(r Record) (Answer, bool) {
	switch {
	case r.Last.Kind.isFinal():
		return finalAnswer(r, true), true
	case r.Last.Kind == StepAttempt:
		return s.unknownAnswer(r), true
	}
	return Answer{}, false
}

// reserve takes one backup from every limit that applies to sub, for its first attempt. It does
// nothing if the grant has no limits.
//
// It runs before the claim stores sub, so a submission over a limit leaves no record and its
// key can be used again. A repeat takes nothing: it gets the first answer (done is true), even
// if a limit is reached by now. The errors are a [*LimitError], a [*BusyError] with
// [ErrKeyReused], and [ErrStoreUnavailable].
func (s *Service) reserve(ctx context.Context, sub Submission, call Call) (_ Answer, done bool, _ error) {
	if !call.Grant.hasLimits() {
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
		return finalAnswer(known, true), true, nil
	case known.Last.Kind == StepAttempt:
		return Answer{}, false, nil // the attempt holds its reservations
	default:
		known.Principal = sub.Principal // the store keeps only its id and its name
		if call, err = s.storedCall(ctx, known); err != nil {
			return Answer{}, true, err
		}
	}
	err = s.limiter().reserve(ctx, s.newRecord(sub, sub.ID(), call), call, 0)
	if _, limited := errors.AsType[*LimitError](err); limited {
		if answer, ok := s.earlierAnswer(ctx, sub); ok {
			return answer, true, nil
		}
	}
	return Answer{}, false, err
}

// claim stores sub and returns the record that is now stored for its key, which may be that of
// an earlier request. It takes a request from the rate pace, unless pace is zero. The errors
// are a [*LimitError] with [ErrRequests], a [*BusyError] with [ErrKeyReused], and
// [ErrStoreUnavailable].
func (s *Service) claim(ctx context.Context, sub Submission, call Call, pace Rate) (_ Record, ours bool, _ error) {
	fresh := s.newRecord(sub, sub.ID(), call)
	fresh.Pace = pace
	fresh.Trace = trace.From(ctx).String()
	fresh.ResourceName = s.knownName(call)
	r, ours, err := s.Store.Claim(ctx, fresh)
	if limit, ok := errors.AsType[*LimitError](err); ok {
		return Record{}, false, s.noteOverPace(sub.Principal, s.limiter().refused(ctx, sub.Principal, limit))
	}
	if err != nil {
		return Record{}, false, storeUnavailable(err)
	}
	if !ours && r.Fingerprint != sub.Fingerprint() {
		if call.Grant.hasLimits() {
			// The reservation was made before the other submission claimed the key.
			s.limiter().refund(ctx, s.newRecord(sub, sub.ID(), call), 0)
		}
		return Record{}, false, &BusyError{Err: ErrKeyReused, SubmissionID: r.SubmissionID}
	}
	r.Principal = sub.Principal // the store keeps only its id and its name
	return r, ours, nil
}

// storedCall returns the call of a submission that was stored earlier, with the grant of the
// current policy. The policy can forbid the stored parameters but never changes them: its
// defaults are not added. The error is a [*DeniedError], which is also in the history.
func (s *Service) storedCall(ctx context.Context, r Record) (Call, error) {
	grant, denied := s.Policy.Decide(ctx, r.Principal, r.Complete)
	target, err := s.target(r, r.Principal)
	switch {
	case denied != nil:
	case err != nil:
		denied = []param.Mistake{{Field: "Account", Code: "policy", Text: msgOtherAccount, Args: []any{r.Account()}}}
	default:
		// A value that a rule adds now was not recorded, so it would not be sent.
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

// recordedCall returns call with the stored parameters of r, so that exactly those are sent
// that the history, the page and the audit trail show.
func recordedCall(r Record, call Call) Call {
	call.Params = maps.Clone(r.Complete)
	call.Params["JobName"] = r.JobName // ends with the number of this use of the key
	return call
}

// Messages of refusals to send a submission: it was recorded under an earlier policy, and the
// present policy does not allow it as recorded.
var (
	msgOtherAccount = param.Both(
		"Account “%v” has changed since this submission was recorded. Send it again with a new key",
		"账号“%v”在此次提交记录后已变更。请使用新的幂等键重新提交",
	)
	msgOtherValue = param.Both(
		"Rule “%v” now sets %v to %v, and this submission was recorded without it. Send it again with a new key",
		"规则“%v”现在将 %v 设为 %v，而此次提交记录时未包含该值。请使用新的幂等键重新提交",
	)
)

// newRecord returns a record of sub with an empty log. Nothing is stored yet.
func (s *Service) newRecord(sub Submission, id string, call Call) Record {
	now := s.Now().Truncate(time.Millisecond) // stores keep milliseconds
	return Record{
		Submission:   sub,
		SubmissionID: id,
		Fingerprint:  sub.Fingerprint(),
		JobName:      sub.JobName(),
		AccountID:    call.Target.Account.ID,
		Access:       call.Target.Account.Access,
		CallerID:     call.Target.Account.Caller().ID,
		PolicyHash:   s.Policy.Hash(),
		Complete:     call.Params,
		CreatedAt:    now,
		ExpiresAt:    now.Add(sub.keyLife()),
		Last:         Step{N: -1},
	}
}

// resolveAttempt looks in the cloud's list for the result of an attempt, after its window (the
// time in which its call may be sent) and the list lag have passed. If done is false and there
// is not an error, the caller must read the log again. If the listing fails, the answer is UNKNOWN.
// The error is [ErrStoreUnavailable].
func (s *Service) resolveAttempt(ctx context.Context, r Record) (_ Answer, done bool, _ error) {
	_, err := s.reconcile(ctx, r.Principal, r)
	if err != nil && !errors.Is(err, ErrStoreUnavailable) {
		s.Log.WarnContext(ctx, "listing jobs", "submission", r.SubmissionID, "error", err)
		answer := s.unknownAnswer(r)
		answer.RetryAfter = max(answer.RetryAfter, 15*time.Second)
		return answer, true, nil
	}
	return Answer{}, false, err
}

// maxSends is how many attempts one call of Submit makes.
const maxSends = 3

// send makes the next attempt. sends is the number of attempts that this call of Submit has
// already made; before the second and later ones it waits for a random time. If done is false
// and there is no error, the caller must read the log again.
//
// The error is a [*BusyError] with [ErrNotSent] if this call of Submit must make no further
// attempt. The other errors are those of [Service.attempt] and [Service.findForgottenJob].
func (s *Service) send(ctx context.Context, r Record, call Call, sends int) (_ Answer, done bool, _ error) {
	switch {
	case sends == maxSends:
		return Answer{}, false, &BusyError{
			Err:          ErrNotSent,
			SubmissionID: r.SubmissionID,
			RetryAfter:   15 * time.Second,
			Code:         r.Last.Code,
			Message:      r.Last.Message,
		}
	case sends > 0:
		if err := s.Wait(ctx, rand.N(200*time.Millisecond<<sends)); err != nil {
			return Answer{}, false, &BusyError{Err: ErrNotSent, SubmissionID: r.SubmissionID, RetryAfter: time.Second}
		}
	}
	// A process can be frozen for longer than a key lives. The key may belong to a newer
	// submission by now.
	if !s.Now().Before(r.ExpiresAt) {
		return Answer{}, false, &BusyError{Err: ErrNotSent, SubmissionID: r.SubmissionID, RetryAfter: time.Second}
	}
	if s.listFirst() && sends == 0 {
		if answer, done, err := s.findForgottenJob(ctx, r); done || err != nil {
			return answer, done, err
		}
	}
	return s.attempt(ctx, r, call)
}

// attempt stores an attempt and the audit record that announces it, calls CreateBackupJob, and
// stores the result. If done is false and there is no error, the caller must read the log
// again: another process added a step, or the call had no effect. The errors are a
// [*LimitError] and [ErrStoreUnavailable]; then this attempt started no job.
func (s *Service) attempt(ctx context.Context, r Record, call Call) (_ Answer, done bool, _ error) {
	decided, started := s.Now(), time.Now()
	step := Step{N: r.Last.N + 1, Kind: StepAttempt, Until: s.window(ctx)}
	if step.N > 0 {
		// Another process may have found that the previous attempt started no job. It then
		// gives back what the submission took from the limits, perhaps only after this line. So
		// this attempt reserves under its own step number: that other process then gives
		// nothing back.
		if err := s.limiter().reserve(ctx, r, call, step.N); err != nil {
			return Answer{}, false, err
		}
	}
	if fromRecord {
		call = recordedCall(r, call)
	}
	intent := eventFor(AuditIntent, ActionCreate, r.Principal, r, step.N)
	intent.Decision = AuditDecision{Allow: true, Rule: call.Grant.Rule, Policy: s.Policy.Hash()}
	if ours, err := s.steps().addStep(ctx, r, step, intent); err != nil || !ours {
		return Answer{}, false, err
	}
	r.Last = step
	s.Log.InfoContext(ctx, "sending", "submission", r.SubmissionID, "attempt", step.N, "job_name", r.JobName)
	// From here on the deadline of ctx no longer applies: the window is shorter, and the result
	// must be recorded even if that takes a little longer.
	ctx = context.WithoutCancel(ctx)
	// The window ends by the wall clock, which continues while an instance is frozen, and by the
	// monotonic clock, which continues when the wall clock is set back.
	left := min(step.Until.Sub(s.Now()), step.Until.Sub(decided)-time.Since(started))
	limited, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	call.Until = step.Until
	sent := s.Now()
	receipt, err := s.Cloud.CreateBackupJob(limited, call)
	took := s.Now().Sub(sent)
	ctx, cancel = context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	if err != nil {
		return s.recordFailure(ctx, r, err, took)
	}
	e := eventFor(AuditAnswered, ActionCreate, r.Principal, r, step.N)
	e.Outcome = AuditOutcome{
		Class:        ClassSuccess,
		JobID:        receipt.JobID,
		RequestID:    receipt.RequestID,
		Milliseconds: took.Milliseconds(),
	}
	return s.recordCreated(ctx, r, receipt, e), true, nil
}

// recordCreated stores the created job together with the audit event e. If that fails, the
// answer is the same, because the job exists; a later listing adds it to the log.
func (s *Service) recordCreated(ctx context.Context, r Record, c Created, e AuditEvent) Answer {
	s.Log.InfoContext(ctx, "job created", "submission", r.SubmissionID, "job", c.JobID, "cloud_request_id", c.RequestID)
	r.Last = s.steps().addJob(ctx, r, Step{Kind: StepCreated, JobID: c.JobID, RequestID: c.RequestID}, e)
	return finalAnswer(r, false)
}

// recordFailure stores what is certain about a call that failed with err. took is the duration
// of the call. If done is false and there is no error, the caller must read the log again: the
// call had no effect, and another attempt may follow. If err is not a [*CloudError], the result
// is unknown. The error is [ErrStoreUnavailable].
func (s *Service) recordFailure(ctx context.Context, r Record, err error, took time.Duration) (_ Answer, done bool, _ error) {
	cloud, ok := errors.AsType[*CloudError](err)
	if !ok {
		cloud = &CloudError{Action: "CreateBackupJob", Outcome: ErrUnknownOutcome, Cause: "unclassified"}
	}
	s.Log.WarnContext(ctx, "job not created", "submission", r.SubmissionID, "cloud_request_id", cloud.RequestID, "error", cloud)
	e := eventFor(AuditAnswered, ActionCreate, r.Principal, r, r.Last.N)
	e.Outcome = classify(cloud, took)
	step := Step{N: r.Last.N + 1, Code: codeOf(cloud), Message: cloud.Message, RequestID: cloud.RequestID}
	switch e.Outcome.Class {
	case ClassRefused:
		step.Kind = StepRefused
		ours, err := s.steps().conclude(ctx, r, &step, e)
		if err != nil || !ours {
			s.trail().recordOrLog(ctx, e)
			// Another process may have ended this attempt in the log and started a job. So the
			// answer is that the result is unknown. The client's next request with this key
			// gets what the other process stored.
			return s.unknownAnswer(r), true, nil
		}
		r.Last = step
		s.markFinal(ctx, r)
		if !cloud.Unlisted { // an undocumented code does not prove that nothing was started
			s.limiter().refund(ctx, r, step.N)
		}
		return finalAnswer(r, false), true, nil
	case ClassNotSent:
		step.Kind = StepNotSent
		ours, err := s.steps().conclude(ctx, r, &step, e)
		if err != nil || !ours {
			s.trail().recordOrLog(ctx, e)
		}
		if err != nil {
			return Answer{}, false, storeUnavailable(err)
		}
		return Answer{throttled: errors.Is(cloud, ErrThrottled)}, false, nil
	}
	s.trail().recordOrLog(ctx, e)
	s.countAttempt(ClassUnknown)
	return s.unknownAnswer(r), true, nil
}

// finalAnswer returns the answer of a submission with a final step. It says nothing about the
// progress of the job, so that it is the same for every repeat.
func finalAnswer(r Record, replayed bool) Answer {
	r.Job, r.Cancellation = Job{}, Cancellation{}
	status := StateRefused
	if r.Last.Kind == StepCreated {
		status = StateCreated
	}
	return Answer{Record: r, Status: status, Replayed: replayed}
}

// unknownAnswer returns the answer while it is uncertain whether there is a job.
func (s *Service) unknownAnswer(r Record) Answer {
	return Answer{Record: r, Status: StateUnknown, RetryAfter: s.retryAfter(r.Last)}
}

// window returns the time after which an attempt that begins now must not be sent: [maxWindow]
// from now, or the deadline of ctx if that is earlier, because the platform stops the process
// then. The deadline is converted with the machine's wall clock, since s.Now can be another
// clock in tests.
func (s *Service) window(ctx context.Context) time.Time {
	until := s.Now().Add(maxWindow)
	if deadline, ok := ctx.Deadline(); ok {
		if left := s.Now().Add(time.Until(deadline.Round(0))); left.Before(until) {
			until = left
		}
	}
	return until.Truncate(time.Millisecond)
}

// listCompleteAt returns the earliest time at which a listing can prove that an attempt started
// no job: then its window and the list lag have passed.
func (s *Service) listCompleteAt(attempt Step) time.Time {
	return attempt.Until.Add(cmp.Or(s.ListLag, defaultListLag))
}

// retryAfter returns how long a client should wait before a repeat can learn more about an
// attempt: 2 seconds within its window, and later the time until its list is complete, at least
// 1 second.
func (s *Service) retryAfter(attempt Step) time.Duration {
	now := s.Now()
	if now.Before(attempt.Until) {
		return 2 * time.Second
	}
	return max(s.listCompleteAt(attempt).Sub(now), time.Second)
}
