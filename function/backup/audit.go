package backup

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// AuditEvent is one event for the audit trail. Fields that do not apply to its kind are empty.
// No field may contain a secret, a request body, or a text of the cloud's SDK. The [Auditor]
// removes unsafe characters from the texts.
type AuditEvent struct {
	Kind       AuditKind
	Actor      identity.Principal // zero if the principal is unknown
	Door       Door               // empty: the door of [RequestInfo] in the context
	Target     AuditTarget
	Decision   AuditDecision
	Submission AuditSubmission
	Outcome    AuditOutcome

	// SampleKey is set if any client can cause the event as often as it likes, such as a failed
	// sign-in. Of the events with the same Kind and SampleKey, at most one per minute is
	// written; the others are only counted.
	SampleKey string
}

// AuditKind is the kind of an [AuditEvent].
type AuditKind string

// The kinds of audit events. The texts are stored in records and never change.
const (
	AuditStart          AuditKind = "start"           // a process begins a new chain of records
	AuditSignin         AuditKind = "signin"          // a person signed in
	AuditSigninFailed   AuditKind = "signin_failed"   // a sign-in failed, or an unknown token was sent
	AuditSignout        AuditKind = "signout"         // a session was ended
	AuditDenied         AuditKind = "denied"          // the policy refused
	AuditIntent         AuditKind = "intent"          // a call that changes something is about to be made
	AuditAnswered       AuditKind = "outcome"         // the result of CreateBackupJob
	AuditReconciled     AuditKind = "reconciled"      // the cloud's list resolved an attempt
	AuditCancelled      AuditKind = "cancelled"       // the result of CancelBackupJob
	AuditWebhookRefused AuditKind = "webhook_refused" // the signature or token of a webhook is wrong
	AuditRejected       AuditKind = "rejected"        // a message can never be accepted; see [Service.Reject]
	AuditReceiverTested AuditKind = "receiver_tested" // an operator sends a test message to a receiver
	AuditLimit          AuditKind = "limit"           // a limit is reached
	AuditBatch          AuditKind = "batch"           // a batch was created, paused, resumed or cancelled
	AuditViolation      AuditKind = "violation"       // a promise of the design is broken: two jobs of one submission
)

// AuditTarget is the requested action and its target.
type AuditTarget struct {
	Action     Action   `json:"action,omitempty"`
	Account    string   `json:"account,omitempty"` // alias
	AccountID  string   `json:"account_id,omitempty"`
	Region     string   `json:"region,omitempty"`
	SourceType string   `json:"source_type,omitempty"`
	Resource   string   `json:"resource,omitempty"`  // id of an instance or a cluster
	Receiver   string   `json:"receiver,omitempty"`  // name of a receiver; only of AuditReceiverTested
	Retention  string   `json:"retention,omitempty"` // days
	CopyTo     string   `json:"copy_to,omitempty"`   // region of the copy
	Scripts    []string `json:"scripts,omitempty"`   // paths of the scripts that run on the instance
}

// AuditDecision is a decision of the policy, as an audit record shows it.
type AuditDecision struct {
	Allow  bool     `json:"allow"`
	Rule   string   `json:"rule,omitempty"`   // id of the rule that allows the action
	Policy string   `json:"policy,omitempty"` // SHA-256 of the policy that decided, in hex
	Lines  []string `json:"lines,omitempty"`  // for a refusal: the first condition that failed, for each rule
}

// AuditSubmission identifies the submission and the step of an event.
type AuditSubmission struct {
	ID       string `json:"id,omitempty"`
	N        int    `json:"n"` // number of the step
	Replayed bool   `json:"replayed,omitempty"`
	Reason   string `json:"reason,omitempty"` // why the sender needs the backup
	Ticket   string `json:"ticket,omitempty"`
	Preset   string `json:"preset,omitempty"` // name of the preset that the request named

	Notify []string `json:"notify,omitempty"` // receivers that the request chose
}

// AuditOutcome is the result of an action, such as a call of the cloud.
type AuditOutcome struct {
	// Class is one of the Class constants. For other events it is the reason in a few words.
	Class        string `json:"class,omitempty"`
	Status       int    `json:"status,omitempty"` // HTTP status
	Code         string `json:"code,omitempty"`   // error code of the cloud, or a code that begins with "portal."
	JobID        string `json:"job_id,omitempty"`
	OtherJobID   string `json:"other_job_id,omitempty"`     // for a violation: the second job
	RequestID    string `json:"cloud_request_id,omitempty"` // the cloud's id of the call
	Milliseconds int64  `json:"ms,omitempty"`               // duration of the call
	Limit        string `json:"limit,omitempty"`            // key of the limit that was reached
	Reason       string `json:"reason,omitempty"`           // why a message was rejected
}

// The classes of the result of a call ([AuditOutcome.Class]). Their texts are stored in audit
// records, so they must not change.
const (
	ClassSuccess = "success" // the call had the wanted effect
	// ClassRefused means that the cloud refused a call, so the call had no effect. The cloud would
	// refuse a repeat too, so the step log gets [StepRefused].
	ClassRefused = "refused"
	// ClassNotSent means that a call had no effect and may be repeated: its error is
	// [ErrNotSent], [ErrThrottled], or temporary [ErrCredentials]. It is also the class of an
	// attempt (a recorded permission to call CreateBackupJob once) for which the cloud's list
	// shows no job. The step log then gets [StepNotSent].
	ClassNotSent = "no_effect"
	ClassUnknown = "unknown" // the call may have had its effect
)

// AuditRow is one record of the audit trail as it is stored. The rows of one chain are numbered
// from 0. MAC is computed over Body and the MAC of the row before.
type AuditRow struct {
	Chain string
	Seq   int64
	At    time.Time // milliseconds
	Body  string    // the record as JSON
	MAC   string    // hexadecimal; empty without a key
	// Pending is set if the record has no place in the trail yet. The other fields are then
	// empty, and the store seals it.
	Pending AuditPending
}

// AuditPending is an audit record without a number and a seal: it has no place in the trail
// yet.
type AuditPending interface {
	// Trail returns the trail of the record: a pointer.
	Trail() AuditTrail
}

// AuditTrail gives audit records their numbers and seals just before a store stores them.
type AuditTrail interface {
	// Seal calls store with the rows of records, in this order; they are the next ones of the
	// trail. If a new chain begins, its first row comes before them. store must save all rows
	// or none, and report whether it saved them; after an error that is unknown. Seal returns
	// the result of store. While store runs, no other record gets a number.
	Seal(ctx context.Context, records []AuditPending, store func(rows []AuditRow) (bool, error)) (bool, error)
}

// Auditor writes the audit trail. Its methods are safe for concurrent use.
type Auditor interface {
	// Record stores e. If it returns an error, e may not be stored; the caller must then not
	// perform the action that e announces.
	Record(ctx context.Context, e AuditEvent) error
	// RecordWith calls store with the row of e, which has no number yet: see [AuditPending].
	// store must save the row and the caller's own data in one transaction, and report whether
	// it saved them. RecordWith returns that result.
	RecordWith(ctx context.Context, e AuditEvent, store func(AuditRow) (bool, error)) (bool, error)
	// Flush writes, for each sample key, how many events were counted instead of written. It
	// does so for the minutes that have ended, or for all if all is true.
	Flush(ctx context.Context, all bool) error
}

// Note writes e to the audit trail, even if ctx is cancelled. A failure is logged.
func (s *Service) Note(ctx context.Context, e AuditEvent) {
	s.trail().recordOrLog(context.WithoutCancel(ctx), e)
}

// trail writes to the audit trail of a Service. Without an [Auditor] it writes nothing.
type trail struct {
	auditor Auditor
	log     *slog.Logger
}

// trail returns the audit trail of s.
func (s *Service) trail() trail { return trail{auditor: s.Audit, log: s.Log} }

// along writes the audit event e and makes a change of the store, both in one transaction.
// store saves the change and the rows of the audit trail, and reports whether it saved them.
// Without an [Auditor] it gets no rows.
func (t trail) along(ctx context.Context, e AuditEvent, store func(rows ...AuditRow) (bool, error)) (bool, error) {
	if t.auditor == nil {
		return store()
	}
	return t.auditor.RecordWith(ctx, e, func(row AuditRow) (bool, error) { return store(row) })
}

// violation writes that something happened which the step log must prevent, such as two jobs
// for one submission. name says what; job and other are the two jobs, and other may be empty.
func (t trail) violation(ctx context.Context, actor identity.Principal, r Record, name, job, other string) {
	e := eventFor(AuditViolation, ActionCreate, actor, r, r.Last.N)
	e.Outcome = AuditOutcome{Class: name, JobID: job, OtherJobID: other}
	e.SampleKey = r.SubmissionID
	t.recordOrLog(ctx, e)
}

// recordOrLog writes the audit event e, and logs a failure. It is for actions that have already
// happened.
func (t trail) recordOrLog(ctx context.Context, e AuditEvent) {
	if err := t.record(ctx, e); err != nil {
		t.log.ErrorContext(ctx, "writing an audit record", "audit_event", e.Kind, "submission", e.Submission.ID, "error", err)
	}
}

// record writes the audit event e. If it returns an error, the caller must not perform the
// action. It waits for at most [recordTimeout].
func (t trail) record(ctx context.Context, e AuditEvent) error {
	if t.auditor == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	return t.auditor.Record(ctx, e)
}

// flush writes to the trail how many equal events were counted instead of written, for each minute
// that has ended: see [Auditor]. A failure is logged.
func (t trail) flush(ctx context.Context) {
	if t.auditor == nil {
		return
	}
	if err := t.auditor.Flush(ctx, false); err != nil {
		t.log.WarnContext(ctx, "writing counted events to the audit trail", "error", err)
	}
}

// eventFor returns an audit event of the given kind about the submission r and step n of its
// log.
func eventFor(kind AuditKind, action Action, actor identity.Principal, r Record, n int) AuditEvent {
	p := r.Complete
	t := AuditTarget{
		Action:     action,
		Account:    r.Account(),
		AccountID:  r.AccountID,
		Region:     r.Region(),
		SourceType: string(p.SourceType()),
		Resource:   r.Resource(),
		Retention:  p["Retention"],
		CopyTo:     p["Detail.destinationRegionId"],
	}
	for _, name := range []string{"Detail.preScriptPath", "Detail.postScriptPath"} {
		if p[name] != "" {
			t.Scripts = append(t.Scripts, p[name])
		}
	}
	return AuditEvent{
		Kind:       kind,
		Actor:      actor,
		Door:       r.Door,
		Target:     t,
		Submission: AuditSubmission{ID: r.SubmissionID, N: n, Reason: r.Reason(), Ticket: r.Ticket(), Preset: r.Preset(), Notify: r.Notify()},
	}
}

// classify returns the result of a call for the audit trail. err is the call's error and took
// its duration. An error that is not a [*CloudError] has the class ClassUnknown, because it
// does not show whether the call had an effect.
func classify(err error, took time.Duration) AuditOutcome {
	out := AuditOutcome{Class: ClassUnknown, Milliseconds: took.Milliseconds()}
	cloud, ok := errors.AsType[*CloudError](err)
	if !ok {
		return out
	}
	out.Status, out.Code, out.RequestID = cloud.HTTPStatus, cloud.Code, cloud.RequestID
	switch {
	case errors.Is(cloud, ErrRefused), errors.Is(cloud, ErrCredentials) && !cloud.Temporary:
		out.Class = ClassRefused
	case errors.Is(cloud, ErrThrottled), errors.Is(cloud, ErrNotSent), errors.Is(cloud, ErrCredentials):
		out.Class = ClassNotSent
	}
	return out
}

// denialLines returns one line for each rule that did not allow a backup: the rule's id and the
// parameter of its first condition that was not met, or the condition's text if it has no
// parameter.
func denialLines(denied []param.Mistake) (lines []string) {
	for _, m := range denied {
		line := cmp.Or(m.Field, m.In(param.English))
		if m.Rule != nil {
			line = m.Rule.ID + ": " + line
		}
		lines = append(lines, line)
	}
	return lines
}
