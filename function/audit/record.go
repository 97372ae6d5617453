package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// A Record is the JSON of one record of the audit trail. Members that do not apply are omitted.
// It never contains bodies, cookies, tokens, signatures, external ids, or texts of the cloud's
// SDK. Its texts are cleaned ([param.Clean]) and limited in length.
type Record struct {
	Time       time.Time              `json:"time"` // UTC, microseconds
	Chain      string                 `json:"chain"`
	Seq        int64                  `json:"seq"`
	Event      backup.AuditKind       `json:"event"`
	Actor      Actor                  `json:"actor,omitzero"`
	Request    Request                `json:"request,omitzero"`
	Target     backup.AuditTarget     `json:"target,omitzero"`
	Decision   Decision               `json:"decision,omitzero"`
	Submission backup.AuditSubmission `json:"submission,omitzero"`
	Outcome    backup.AuditOutcome    `json:"outcome,omitzero"`
	Unwritten  int                    `json:"unwritten,omitempty"` // equal events that were only counted since the last written one
	Build      string                 `json:"build"`

	Settings map[string]string `json:"settings,omitempty"` // first record: the configuration, without secrets
	After    *Head             `json:"after,omitempty"`    // first record: last certain record of the chain that ended with an error
	Heads    []Head            `json:"heads,omitempty"`    // first record: last known records of the chains of 24 hours
}

// An Actor is the principal that caused an event. It is empty if the principal is unknown.
type Actor struct {
	Kind    identity.Kind `json:"kind,omitempty"`
	Issuer  string        `json:"iss,omitempty"`
	Subject string        `json:"sub,omitempty"`
	Name    string        `json:"name,omitempty"`
	Key     string        `json:"key,omitempty"` // id of the session, of the token, or of the token's key
}

// A Request describes the request in which an event happened. It is empty outside of a request.
type Request struct {
	ID        string      `json:"id,omitempty"`
	Trace     string      `json:"trace,omitempty"` // trace id of the request's traceparent header
	Door      backup.Door `json:"door,omitempty"`
	ClientIP  string      `json:"ip,omitempty"`
	UserAgent string      `json:"user_agent,omitempty"`
}

// A Decision is the policy's decision and the version of the policy.
type Decision struct {
	backup.AuditDecision
	Policy string `json:"policy,omitempty"` // SHA-256 of the policy's file
}

// A Head names the last record of a chain.
type Head struct {
	Chain string `json:"chain"`
	Seq   int64  `json:"seq"`
	MAC   string `json:"mac,omitempty"`
}

// Limits of texts in a record, in bytes, and of lists. They keep a line of the log below 32 KB,
// at which the platform cuts lines.
const (
	maxText    = 200
	maxReason  = 800 // 200 characters of any language
	maxLine    = 300
	maxLines   = 50
	maxScripts = 8
)

// clean removes from s the characters that could forge or hide text in a log, and cuts s to
// maxText bytes.
func clean(s string) string { return param.Clean(s, maxText) }

// cleanLines cleans up to most lines. If there are more, one last line has the number of the
// others.
func cleanLines(lines []string, most int) (safe []string) {
	for i, line := range lines {
		if i == most {
			return append(safe, fmt.Sprintf("and %d more", len(lines)-i))
		}
		safe = append(safe, param.Clean(line, maxLine))
	}
	return safe
}

// cleanAll removes characters that are unsafe in a log from the names and values of settings.
func cleanAll(settings map[string]string) map[string]string {
	safe := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		safe[clean(name)] = clean(settings[name])
	}
	return safe
}

// record returns the record of event e with every text cleaned. Chain, number and final time
// are not set yet. If e names the door through which the request arrived (web page, API,
// event), that is used instead of the one in ctx. Only records of decisions name the policy.
func (l *Log) record(ctx context.Context, e backup.AuditEvent) Record {
	v := backup.RequestInfoFrom(ctx)
	r := Record{
		Time: l.cfg.Now().UTC().Truncate(time.Microsecond), Event: e.Kind, Build: l.cfg.Build,
		Actor: Actor{
			Kind:    e.Actor.Kind,
			Issuer:  clean(e.Actor.Issuer),
			Subject: clean(e.Actor.Subject),
			Name:    clean(e.Actor.Name),
			Key:     clean(e.Actor.Key),
		},
		Request: Request{
			ID:        clean(v.RequestID),
			Trace:     clean(v.Trace),
			Door:      v.Door,
			ClientIP:  clean(v.ClientIP),
			UserAgent: clean(v.UserAgent),
		},
		Target: e.Target, Decision: Decision{AuditDecision: e.Decision}, Submission: e.Submission, Outcome: e.Outcome,
	}
	if e.Door != "" {
		r.Request.Door = e.Door
	}
	if e.Decision.Allow || e.Kind == backup.AuditDenied {
		r.Decision.Policy = l.cfg.Policy
	}
	r.Decision.Rule, r.Decision.Lines = clean(r.Decision.Rule), cleanLines(r.Decision.Lines, maxLines)
	t := &r.Target
	for _, s := range []*string{
		&t.Account,
		&t.AccountID,
		&t.Region,
		&t.SourceType,
		&t.Resource,
		&t.Receiver,
		&t.Retention,
		&t.CopyTo,
		&r.Submission.ID,
		&r.Submission.Ticket,
		&r.Submission.Preset,
		&r.Outcome.Class,
		&r.Outcome.Code,
		&r.Outcome.JobID,
		&r.Outcome.OtherJobID,
		&r.Outcome.RequestID,
		&r.Outcome.Limit,
	} {
		*s = clean(*s)
	}
	r.Submission.Reason = param.Clean(r.Submission.Reason, maxReason)
	r.Outcome.Reason = param.Clean(r.Outcome.Reason, maxLine)
	t.Scripts = cleanLines(t.Scripts, maxScripts)
	r.Submission.Notify = cleanLines(r.Submission.Notify, param.MaxReceivers)
	return r
}
