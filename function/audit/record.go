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

// A Record is what is written down of an event. It never holds bodies, cookies,
// tokens, signatures, external ids, or texts of the cloud's SDK.
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
	Unwritten  int                    `json:"unwritten,omitempty"` // events like this one since the last of them that was written down
	Build      string                 `json:"build"`

	Settings map[string]string `json:"settings,omitempty"` // of the first record of a chain: what the program was told
	After    *Head             `json:"after,omitempty"`    // likewise: the chain that this one goes on for, after an error
	Heads    []Head            `json:"heads,omitempty"`    // likewise: how the chains of the last day ended, as far as was known
}

// An Actor is who did something.
type Actor struct {
	Kind    identity.Kind `json:"kind,omitempty"`
	Issuer  string        `json:"iss,omitempty"`
	Subject string        `json:"sub,omitempty"`
	Name    string        `json:"name,omitempty"`
	Key     string        `json:"key,omitempty"` // the session's, the token's or the key's id
}

// A Request is where it came from.
type Request struct {
	ID        string      `json:"id,omitempty"`
	Trace     string      `json:"trace,omitempty"`
	Door      backup.Door `json:"door,omitempty"`
	ClientIP  string      `json:"ip,omitempty"`
	UserAgent string      `json:"user_agent,omitempty"`
}

// A Decision is what the policy said, and which policy.
type Decision struct {
	backup.AuditDecision
	Policy string `json:"policy,omitempty"` // SHA-256 of its file
}

// A Head is the last record of a chain.
type Head struct {
	Chain string `json:"chain"`
	Seq   int64  `json:"seq"`
	MAC   string `json:"mac,omitempty"`
}

// Most of what texts may have, in bytes: a line of the log must stay below
// 32 KB.
const (
	longText  = 200
	longLine  = 300
	mostLines = 50
	mostPaths = 8
)

// clean makes a text from outside safe.
func clean(s string) string { return param.Clean(s, longText) }

// cleanLines does so with each of at most so many, and says how many are left out.
func cleanLines(lines []string, most int) (safe []string) {
	for i, line := range lines {
		if i == most {
			return append(safe, fmt.Sprintf("and %d more", len(lines)-i))
		}
		safe = append(safe, param.Clean(line, longLine))
	}
	return safe
}

func cleanAll(settings map[string]string) map[string]string {
	safe := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		safe[clean(name)] = clean(settings[name])
	}
	return safe
}

// record is e with every text made safe, and without its place in a chain.
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
	r.Decision.Rule, r.Decision.Lines = clean(r.Decision.Rule), cleanLines(r.Decision.Lines, mostLines)
	t := &r.Target
	for _, s := range []*string{
		&t.Account,
		&t.AccountID,
		&t.Region,
		&t.SourceType,
		&t.Resource,
		&t.Retention,
		&t.CopyTo,
		&r.Submission.ID,
		&r.Outcome.Class,
		&r.Outcome.Code,
		&r.Outcome.JobID,
		&r.Outcome.OtherJobID,
		&r.Outcome.RequestID,
		&r.Outcome.Limit,
	} {
		*s = clean(*s)
	}
	t.Scripts = cleanLines(t.Scripts, mostPaths)
	return r
}
