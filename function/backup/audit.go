package backup

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

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

	// Often is set for what strangers can make happen as often as they like: of
	// events of one kind with the same Often, one a minute is written down, with
	// how many were not.
	Often string
}

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
	Allow bool     `json:"allow"`
	Rule  string   `json:"rule,omitempty"`  // that allows it
	Lines []string `json:"lines,omitempty"` // of a refusal, one for each rule
}

// An AuditSubmission is the submission that an event is about.
type AuditSubmission struct {
	ID       string `json:"id,omitempty"`
	N        int    `json:"n"` // of its step
	Replayed bool   `json:"replayed,omitempty"`
}

// The classes of [AuditOutcome], for a call.
const (
	ClassSuccess  = "success"
	ClassRefused  = "refused"   // surely nothing was started
	ClassNoEffect = "no_effect" // likewise, and it may be sent again
	ClassUnknown  = "unknown"   // a job may have been started
)

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

// A Visit is what is known of the request that something is done for.
type Visit struct {
	RequestID string // the platform's
	Trace     string // the trace id of a well-formed traceparent header
	Door      Door
	ClientIP  string // as the platform says, or the peer's on a plain server; empty if neither is known
	UserAgent string // cut
}

type visitKey struct{}

// WithVisit returns a context that carries v.
func WithVisit(ctx context.Context, v Visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

// VisitOf returns what ctx carries; the zero value if it carries nothing.
func VisitOf(ctx context.Context) Visit {
	v, _ := ctx.Value(visitKey{}).(Visit)
	return v
}

// TraceID is the trace id of a traceparent header (W3C Trace Context, version
// 00), or empty if that is not well-formed.
func TraceID(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) != 4 || parts[0] != "00" || !isHex(parts[1], 32) || !isHex(parts[2], 16) || !isHex(parts[3], 2) ||
		strings.Trim(parts[1], "0") == "" || strings.Trim(parts[2], "0") == "" {
		return ""
	}
	return parts[1]
}

func isHex(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == ""
}

// audit writes e down, if the service keeps a trail.
func (s *Service) audit(ctx context.Context, e AuditEvent) error {
	if s.Audit == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	return s.Audit.Record(ctx, e)
}

// Note writes e to the audit trail for whoever has nothing to leave undone if that
// fails: it is in the log then.
func (s *Service) Note(ctx context.Context, e AuditEvent) {
	s.tellAudit(context.WithoutCancel(ctx), e)
}

// tellAudit is audit for what cannot be left undone any more: that it is not
// stored is in the log.
func (s *Service) tellAudit(ctx context.Context, e AuditEvent) {
	if err := s.audit(ctx, e); err != nil {
		s.Log.ErrorContext(ctx, "recording for the audit", "audit_event", e.Kind, "submission", e.Submission.ID, "error", err)
	}
}

// store adds a step to the log of r and e to the audit trail, both or neither.
func (s *Service) store(ctx context.Context, r Record, step Step, e AuditEvent) (bool, error) {
	if s.Audit == nil {
		return s.Store.Append(ctx, r.SubmissionID, step)
	}
	return s.Audit.Along(ctx, e, func(row AuditRow) (bool, error) {
		return s.Store.Append(ctx, r.SubmissionID, step, row)
	})
}

// violation tells of what the log exists to prevent.
func (s *Service) violation(ctx context.Context, actor identity.Principal, r Record, what, job, other string) {
	e := about(AuditViolation, ActionCreate, actor, r, r.Last.N)
	e.Outcome, e.Often = AuditOutcome{Class: what, JobID: job, OtherJobID: other}, r.SubmissionID
	s.tellAudit(ctx, e)
}

// about is an event about step n of r.
func about(kind AuditKind, action Action, actor identity.Principal, r Record, n int) AuditEvent {
	p := r.Complete
	t := AuditTarget{
		Action: action, Account: r.Account(), AccountID: r.AccountID, Region: r.Region(), SourceType: string(p.SourceType()),
		Resource: r.Resource(), Retention: p["Retention"], CopyTo: p["Detail.destinationRegionId"],
	}
	for _, name := range []string{"Detail.preScriptPath", "Detail.postScriptPath"} {
		if p[name] != "" {
			t.Scripts = append(t.Scripts, p[name])
		}
	}
	return AuditEvent{Kind: kind, Actor: actor, Door: r.Door, Target: t, Submission: AuditSubmission{ID: r.SubmissionID, N: n}}
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
		out.Class = ClassNoEffect
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
