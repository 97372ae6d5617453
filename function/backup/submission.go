package backup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"

	"backupportal/function/identity"
	"backupportal/function/jsontext"
	"backupportal/function/lenhash"
	"backupportal/function/param"
)

// A Door is the way by which a submission came in.
type Door string

// The doors.
const (
	DoorForm    Door = "form"
	DoorAPI     Door = "api"
	DoorWebhook Door = "webhook"
	DoorEvent   Door = "event"
)

// Name is what people call d.
func (d Door) Name() param.Text {
	switch d {
	case DoorForm:
		return param.Both("form", "表单")
	case DoorAPI:
		return param.Both("API", "API")
	case DoorWebhook:
		return param.Both("webhook", "Webhook")
	case DoorEvent:
		return param.Both("event", "事件")
	}
	return param.Both(string(d), string(d))
}

// A Submission is one request to the portal, as a door read it.
type Submission struct {
	Door      Door
	Principal identity.Principal
	Key       string       // idempotency key: the same key is the same submission
	Params    param.Params // what the caller gave
}

// ID is the submission's own name: 26 characters that only its door, its
// principal and its key decide, so that it survives a lost store.
func (s Submission) ID() string {
	return idOf("portal/submission/v1", string(s.Door), s.Principal.ID(), s.Key)
}

// deniedID names a refusal of s by the policy: another one than ID, so that the
// refusal does not stand for s once s is allowed, and the same for all that
// are alike within an hour.
func (s Submission) deniedID(now time.Time) string {
	return idOf(
		"portal/denied/v1",
		string(s.Door),
		s.Principal.ID(),
		s.Fingerprint(),
		now.UTC().Format("2006-01-02T15"),
	)
}

// idOf returns the name that a label and texts have: 128 bits of their hash, in
// base 32.
func idOf(label string, parts ...string) string {
	sum := lenhash.Sum(append([]string{label}, parts...)...)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// Fingerprint is the hex SHA-256 of what the caller gave, before defaults: two
// submissions with one key must have the same.
func (s Submission) Fingerprint() string {
	given := param.Params{}
	for name, value := range s.Params {
		if value != "" {
			given[name] = value
		}
	}
	sum := sha256.Sum256([]byte(jsontext.Must(given))) // encoding/json sorts keys
	return hex.EncodeToString(sum[:])
}

// JobName is the name of the submission's job: the label that the person
// typed, or "portal", and the submission's ID, so that the cloud's own list
// tells whose job it is.
func (s Submission) JobName() string { return s.label() + "-" + s.ID() }

func (s Submission) label() string { return cmp.Or(s.Params["JobName"], "portal") }

// A Record is a submission as the store remembers it. Its Key is not kept, only
// what follows from it.
type Record struct {
	Submission
	SubmissionID string // given by the store: Submission.ID, with the number of the use behind it if the key was used before
	Fingerprint  string
	JobName      string       // given by the store likewise
	AccountID    string       // what the account alias stood for; empty if for nothing
	Access       Access       // how that account was reached
	CallerID     string       // ID of the account whose credentials sign the calls; empty in records of earlier versions
	Complete     param.Params // what was sent: with defaults, account and name
	Denied       []param.Text // why the policy refused it; nil if it did not
	PolicyHash   string       // SHA-256 of the policy that decided, in hex; empty in records of earlier versions
	CreatedAt    time.Time
	ExpiresAt    time.Time // from then on its key is that of a new submission
	Last         Step      // N is -1 while there is none
	Job          Job       // as last seen; zero before
	AskedAt      time.Time // when the cloud was last asked about the job; zero before
	Cancellation Cancellation
}

// Account is the alias of the account whose resources are backed up.
func (r Record) Account() string { return r.Params["Account"] }

// Region is where the backup is made.
func (r Record) Region() string { return r.Params["Region"] }

// Resource is what is backed up: an instance, or a cluster.
func (r Record) Resource() string {
	if id := r.Params["InstanceId"]; id != "" {
		return id
	}
	return r.Params["ContainerClusterId"]
}

// State is how far the submission had come at now.
func (r Record) State(now time.Time) State {
	if r.Denied != nil {
		return StateDenied
	}
	switch r.Last.Kind {
	case StepCreated:
		status := cmp.Or(r.Job.Status, StateCreated)
		if !status.IsTerminal() && r.Cancellation.stands(r.Job) {
			return StateCanceling
		}
		return status
	case StepRefused:
		return StateRefused
	case StepNotSent:
		return StateNotSent
	case StepAttempt:
		if !now.Before(r.Last.Until) {
			return StateUnknown
		}
	case StepNone:
		if now.Sub(r.CreatedAt) >= budget {
			return StateNotSent // whoever claimed it has gone without an attempt
		}
	}
	return StateSending
}

// IsTerminal reports whether the page of the submission has nothing new to show: its
// state is terminal, and so are the job's copy and what is known of the
// consistency of its recovery point. Both may appear up to [afterwards] after the
// end of the job.
func (r Record) IsTerminal(now time.Time) bool {
	state := r.State(now)
	if state != StateComplete && state != StatePartialComplete {
		return state.IsTerminal()
	}
	awaited := now.Sub(r.Job.CompleteTime) < afterwards
	if awaited && r.wantsConsistency() && r.Job.Consistency == (Consistency{}) {
		return false
	}
	if r.Job.CopyStatus == "" {
		return !awaited || r.Complete["Detail.doCopy"] != "true"
	}
	return State(r.Job.CopyStatus).IsTerminal()
}

// IsFinal reports whether nothing about the submission can change any more: it is
// terminal, and its key can no longer send it.
func (r Record) IsFinal(now time.Time) bool {
	return r.IsTerminal(now) && (r.State(now) != StateNotSent || !now.Before(r.ExpiresAt))
}

// wantsConsistency reports whether an application-consistent backup was asked
// for.
func (r Record) wantsConsistency() bool { return r.Complete["Detail.appConsistent"] == "true" }

// afterwards is how long after the end of a job its copy and its recovery point
// may take to show.
const afterwards = time.Hour

// A RequestInfo is what is known of the request that something is done for.
type RequestInfo struct {
	RequestID string // the platform's
	Trace     string // the trace id of a well-formed traceparent header
	Door      Door
	ClientIP  string // as the platform says, or the peer's on a plain server; empty if neither is known
	UserAgent string // cut
}

// WithRequestInfo returns a context that carries v.
func WithRequestInfo(ctx context.Context, v RequestInfo) context.Context {
	return context.WithValue(ctx, requestInfoKey{}, v)
}

// RequestInfoFrom returns what ctx carries; the zero value if it carries nothing.
func RequestInfoFrom(ctx context.Context) RequestInfo {
	v, _ := ctx.Value(requestInfoKey{}).(RequestInfo)
	return v
}

type requestInfoKey struct{}

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
