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

// An AuditEvent is what the audit trail tells of one moment. Parts that mean
// nothing for its kind are empty. Whoever writes it down makes its texts safe;
// no part of it may hold a secret, a body, or what the cloud's SDK says.
type AuditEvent struct {
	Kind       AuditKind
	Actor      identity.Principal // zero if nobody is known
	Door       Door               // empty: that of the context
	Target     AuditTarget
	Decision   AuditDecision
	Submission AuditSubmission
	Outcome    AuditOutcome

	// SampleKey is set for what strangers can make happen as often as they like: of
	// events of one kind with the same Often, one a minute is written down, with
	// how many were not.
	SampleKey string
}

// An AuditKind says what an [AuditEvent] tells of.
type AuditKind string

// The kinds of events.
const (
	AuditStart          AuditKind = "start"           // a process begins to write
	AuditSignin         AuditKind = "signin"          // somebody came in
	AuditSigninFailed   AuditKind = "signin_failed"   // somebody did not, or showed a token that is nobody's
	AuditSignout        AuditKind = "signout"         // a session was ended
	AuditDenied         AuditKind = "denied"          // the policy refused
	AuditIntent         AuditKind = "intent"          // a call that changes something is about to be made
	AuditAnswered       AuditKind = "outcome"         // what the cloud answered
	AuditReconciled     AuditKind = "reconciled"      // what the cloud's list said of a call whose answer was lost
	AuditCancelled      AuditKind = "cancelled"       // what came of a request to cancel
	AuditWebhookRefused AuditKind = "webhook_refused" // a signature or a token of a webhook was not right
	AuditLimit          AuditKind = "limit"           // a limit was in the way
	AuditViolation      AuditKind = "violation"       // what should never be, such as two jobs of one submission
)

// An AuditTarget is what somebody wants done, and to what.
type AuditTarget struct {
	Action     Action   `json:"action,omitempty"`
	Account    string   `json:"account,omitempty"` // the alias
	AccountID  string   `json:"account_id,omitempty"`
	Region     string   `json:"region,omitempty"`
	SourceType string   `json:"source_type,omitempty"`
	Resource   string   `json:"resource,omitempty"`  // id of an instance or a cluster
	Retention  string   `json:"retention,omitempty"` // days
	CopyTo     string   `json:"copy_to,omitempty"`   // the region of a copy
	Scripts    []string `json:"scripts,omitempty"`   // that run on the instance
}

// An AuditDecision is what the policy said.
type AuditDecision struct {
	Allow  bool     `json:"allow"`
	Rule   string   `json:"rule,omitempty"`   // that allows it
	Policy string   `json:"policy,omitempty"` // SHA-256 of the policy that decided, in hex
	Lines  []string `json:"lines,omitempty"`  // of a refusal, one for each rule
}

// An AuditSubmission is the submission that an event is about.
type AuditSubmission struct {
	ID       string `json:"id,omitempty"`
	N        int    `json:"n"` // of its step
	Replayed bool   `json:"replayed,omitempty"`
}

// An AuditOutcome is what came of something.
type AuditOutcome struct {
	Class        string `json:"class,omitempty"` // one of those above, or why not in one or two words
	Status       int    `json:"status,omitempty"`
	Code         string `json:"code,omitempty"`
	JobID        string `json:"job_id,omitempty"`
	OtherJobID   string `json:"other_job_id,omitempty"`     // of a violation
	RequestID    string `json:"cloud_request_id,omitempty"` // the cloud's
	Milliseconds int64  `json:"ms,omitempty"`
	Limit        string `json:"limit,omitempty"` // which one was in the way
}

// The classes of [AuditOutcome], for a call.
const (
	ClassSuccess = "success"
	ClassRefused = "refused"   // surely nothing was started
	ClassNotSent = "no_effect" // likewise, and it may be sent again
	ClassUnknown = "unknown"   // a job may have been started
)

// An AuditRow is a record of the audit trail as it is stored. Rows of a chain
// are numbered from 0; Body is the record's JSON, and MAC seals it together with
// the row before it.
type AuditRow struct {
	Chain string
	Seq   int64
	At    time.Time // milliseconds
	Body  string
	MAC   string // hex; empty if the trail is not sealed
}

// An Auditor writes the audit trail. Its methods are safe for concurrent use.
type Auditor interface {
	// Record writes e down. An error means that it may not be stored: whatever
	// can still be left undone then must be.
	Record(ctx context.Context, e AuditEvent) error
	// Along writes e down by way of store, which stores the row together with
	// something else, both or neither, and reports whether it did.
	Along(ctx context.Context, e AuditEvent, store func(AuditRow) (bool, error)) (bool, error)
	// Flush writes down how often events happened that were only counted: those of
	// more than a moment ago, or all.
	Flush(ctx context.Context, all bool) error
}

// Note writes e to the audit trail, even if ctx is cancelled. A failure is logged.
func (s *Service) Note(ctx context.Context, e AuditEvent) {
	s.trail().tell(context.WithoutCancel(ctx), e)
}

// A trail writes the audit trail. Without an auditor it writes nothing.
type trail struct {
	auditor Auditor
	log     *slog.Logger
}

// trail returns the audit trail of s.
func (s *Service) trail() trail { return trail{auditor: s.Audit, log: s.Log} }

// along writes e by way of store, which stores the rows together with something
// else, both or neither, and reports whether it did.
func (t trail) along(ctx context.Context, e AuditEvent, store func(rows ...AuditRow) (bool, error)) (bool, error) {
	if t.auditor == nil {
		return store()
	}
	return t.auditor.Along(ctx, e, func(row AuditRow) (bool, error) { return store(row) })
}

// violation writes that the log did not prevent what it is there to prevent.
func (t trail) violation(ctx context.Context, actor identity.Principal, r Record, what, job, other string) {
	e := about(AuditViolation, ActionCreate, actor, r, r.Last.N)
	e.Outcome = AuditOutcome{Class: what, JobID: job, OtherJobID: other}
	e.SampleKey = r.SubmissionID
	t.tell(ctx, e)
}

// tell writes e if it is too late to leave the audited action undone. A failure is
// logged.
func (t trail) tell(ctx context.Context, e AuditEvent) {
	if err := t.record(ctx, e); err != nil {
		t.log.ErrorContext(ctx, "recording for the audit", "audit_event", e.Kind, "submission", e.Submission.ID, "error", err)
	}
}

// record writes e. The audited action must not be done if that fails.
func (t trail) record(ctx context.Context, e AuditEvent) error {
	if t.auditor == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	return t.auditor.Record(ctx, e)
}

// flush writes how often events happened that were only counted. A failure is
// logged.
func (t trail) flush(ctx context.Context) {
	if t.auditor == nil {
		return
	}
	if err := t.auditor.Flush(ctx, false); err != nil {
		t.log.WarnContext(ctx, "writing counted events to the audit trail", "error", err)
	}
}

// about is an event about step n of r.
func about(kind AuditKind, action Action, actor identity.Principal, r Record, n int) AuditEvent {
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
		Submission: AuditSubmission{ID: r.SubmissionID, N: n},
	}
}

// outcomeOf is how a call ended with err.
func outcomeOf(err error, took time.Duration) AuditOutcome {
	out := AuditOutcome{Class: ClassUnknown, Milliseconds: took.Milliseconds()}
	cloud, ok := errors.AsType[*CloudError](err)
	if !ok {
		return out
	}
	out.Status, out.Code, out.RequestID = cloud.HTTPStatus, cloud.Code, cloud.RequestID
	switch {
	case errors.Is(cloud, ErrRefused), errors.Is(cloud, ErrCredentials) && !cloud.Passing:
		out.Class = ClassRefused
	case errors.Is(cloud, ErrThrottled), errors.Is(cloud, ErrNotSent), errors.Is(cloud, ErrCredentials):
		out.Class = ClassNotSent
	}
	return out
}

// linesOf are the lines of a refusal by the policy: for each rule the first
// condition that does not hold.
func linesOf(denied []param.Mistake) (lines []string) {
	for _, m := range denied {
		line := cmp.Or(m.Field, m.In(param.English))
		if m.Rule != nil {
			line = m.Rule.ID + ": " + line
		}
		lines = append(lines, line)
	}
	return lines
}
