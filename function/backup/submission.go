package backup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"backupportal/function/identity"
	"backupportal/function/jsontext"
	"backupportal/function/lenhash"
	"backupportal/function/param"
)

// Door is the way in which a submission arrived, such as the web form or the JSON API.
type Door string

// The doors.
const (
	DoorForm    Door = "form"
	DoorAPI     Door = "api"
	DoorWebhook Door = "webhook"
	DoorEvent   Door = "event"
)

// Doors lists the doors.
var Doors = []Door{DoorForm, DoorAPI, DoorWebhook, DoorEvent}

// Name returns the name of d for people. An unknown door is its own name.
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

// Submission is one request for one backup, as it was read from a form, a JSON body or a
// message.
type Submission struct {
	Door      Door
	Principal identity.Principal
	// Key is the idempotency key: requests with one principal, door and key are one submission.
	Key string
	// ByContent says that the sender gave no key, so Key is a hash of the content. Such a key
	// expires after 23 hours: see contentKeyExpires.
	ByContent bool
	// Retry reports that the platform marked the message as a repeat. It matters only with
	// ByContent.
	Retry  bool
	Params param.Params // what the caller gave, without defaults; with the values of a preset after [Service.Prepare]
	// Given is what the caller gave, if Params has values of a preset too; otherwise nil. It is
	// not stored.
	Given param.Params
	// Count says that Submit must count the request against the sender's rate (see
	// [Service.CountRequest]), because the caller has not.
	Count bool
	// OneAttempt reports that Submit makes at most one attempt. The caller waits and calls Submit again after a
	// [*BusyError] with [ErrNotSent].
	OneAttempt bool
	// Created is called with the answer when a new job is recorded, before the name of its resource is looked up. Submit calls it at
	// most once. Nil: nothing is called.
	Created func(Answer)
}

// ID returns the id of the submission: 26 characters, a hash of its door, principal and key. So
// every process computes the same id, even if the store has lost its records.
func (s Submission) ID() string {
	return idOf("portal/submission/v1", string(s.Door), s.Principal.ID(), s.Key)
}

// deniedID returns the id of the history's record about a refusal by the policy. It differs
// from ID, so that the key can be used again. Equal refusals within one hour of UTC have the
// same id, so that a client that repeats its request does not fill the history.
func (s Submission) deniedID(now time.Time) string {
	parts := []string{
		string(s.Door),
		s.Principal.ID(),
		s.Fingerprint(),
		now.UTC().Format("2006-01-02T15"),
		s.Params["Reason"],
		s.Params["Ticket"],
	}
	if chosen := s.Params["Notify"]; chosen != "" {
		parts = append(parts, chosen)
	}
	return idOf("portal/denied/v1", parts...)
}

// idOf returns 128 bits of the SHA-256 of a label and texts, in lower-case base 32. The lengths
// of the texts are part of the hash, so that different lists never have the same input.
func idOf(label string, parts ...string) string {
	sum := lenhash.Sum(append([]string{label}, parts...)...)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// Fingerprint returns the SHA-256, in hexadecimal, of the values that the caller gave. Empty
// values, defaults, the values of a preset, and the fields that change nothing of the backup, such
// as the reason ([param.Params.WithoutNotes]), are not included. A key with another fingerprint is [ErrKeyReused].
func (s Submission) Fingerprint() string {
	all := s.Params
	if s.Given != nil {
		all = s.Given
	}
	given := param.Params{}
	for name, value := range all.WithoutNotes() {
		if value != "" {
			given[name] = value
		}
	}
	sum := sha256.Sum256([]byte(jsontext.Must(given))) // encoding/json sorts the keys
	return hex.EncodeToString(sum[:])
}

// JobName returns the name of the job for the first use of the key: the caller's label, made to
// fit, or "portal", then the ID. The cloud's list is searched by this name.
func (s Submission) JobName() string { return s.label() + "-" + s.ID() }

// label returns the JobName that the caller gave, made to fit ([param.FitName]), or "portal".
func (s Submission) label() string { return cmp.Or(param.FitName(s.Params["JobName"]), "portal") }

// Record is a submission as the store keeps it, with its step log and job. The store keeps
// neither its key nor its principal, except for the principal's id and name.
type Record struct {
	Submission
	// SubmissionID is Submission.ID. If an expired key is used again, it is that id with the
	// number of the use ("-2", "-3"). The store sets it when it stores the submission (Claim).
	SubmissionID string
	Fingerprint  string // see [Submission.Fingerprint]
	JobName      string // ends with SubmissionID; set by the store
	// ResourceName is the name of the instance or cluster in the cloud when the submission was
	// made. It is empty if it was not known, and in records of earlier versions.
	ResourceName string
	// Trace is the trace of the request that made the submission, as [trace.Context.String] writes it. It is
	// empty for submissions of earlier versions. Messages about the submission hand it on.
	Trace     string
	AccountID string // id of the account that the alias then had; empty for an unknown alias
	Access    Access // how the portal reached the account
	// CallerID is the ID of the account whose credentials sign the calls. It is empty in records of
	// earlier versions.
	CallerID string
	// PolicyHash is the SHA-256 of the policy that decided, in hex. It is empty in records of
	// earlier versions.
	PolicyHash   string
	Complete     param.Params // the parameters that were sent: with defaults, account and JobName
	Denied       []param.Text // reasons of the policy; nil if it allowed the submission
	CreatedAt    time.Time
	ExpiresAt    time.Time    // when its key becomes free
	Last         Step         // the last step; N is -1 without a step
	Job          Job          // last description of the job by the cloud; zero if the cloud was never asked
	AskedAt      time.Time    // when the cloud was last asked about the job; zero if never
	Cancellation Cancellation // zero if no cancellation was accepted
	// Pace is the rate that [Claims.Claim] takes a request from. It is not stored. The zero
	// Rate takes nothing.
	Pace Rate
}

// keyLife returns how long the idempotency key of r stands for r. After that, the key can be
// used for a new backup.
func (r Record) keyLife() time.Duration { return r.ExpiresAt.Sub(r.CreatedAt) }

// Notes returns a sentence for each value that was not sent as the caller gave it: see
// [param.Notes]. It returns nil for a submission that the policy refused.
func (r Record) Notes() []param.Text {
	if r.Denied != nil {
		return nil
	}
	return param.Notes(r.Params, r.Complete)
}

// Account returns the alias of the account.
func (r Record) Account() string { return r.Params["Account"] }

// Region returns the id of the region.
func (r Record) Region() string { return r.Params["Region"] }

// Resource returns the id of the resource: an instance or a cluster.
func (r Record) Resource() string {
	if id := r.Params["InstanceId"]; id != "" {
		return id
	}
	return r.Params["ContainerClusterId"]
}

// Subject returns for people what r backs up: a name and an id. For an instance these are its
// name and id. For volumes they are "namespace / claim" of the first one with the number of the
// others, and the name of the cluster. Without a name, name is the id and id is empty.
func (r Record) Subject() (name, id string) {
	id = r.Resource()
	if r.Params.SourceType() == param.Container {
		if name = claimsOf(r.Complete.Volumes()); name != "" {
			return name, cmp.Or(r.ResourceName, id)
		}
	}
	if r.ResourceName == "" || r.ResourceName == id {
		return id, ""
	}
	return r.ResourceName, id
}

// Title returns the subject of r in one line: "web01 (i-bp1…)", or the id alone.
func (r Record) Title() string {
	name, id := r.Subject()
	if id == "" {
		return name
	}
	return name + " (" + id + ")"
}

// claimsOf returns the namespace and the claim of the first of the volumes, and the number of the
// others. It returns "" if the first volume has no claim.
func claimsOf(volumes []param.Volume) string {
	if len(volumes) == 0 || volumes[0].Info().PVCName == "" {
		return ""
	}
	name := volumes[0].Info().PVCName
	if space := volumes[0].Info().Namespace; space != "" {
		name = space + " / " + name
	}
	if more := len(volumes) - 1; more > 0 {
		name += " +" + strconv.Itoa(more)
	}
	return name
}

// SearchText returns the texts in which [Query.Search] searches in addition to the columns of
// the store: the name as the caller typed it, the ticket, the reason, the preset, and the
// namespaces and claims of volumes.
func (r Record) SearchText() string {
	texts := []string{r.Params["JobName"], r.Ticket(), r.Reason(), r.Preset()}
	for _, v := range r.Complete.Volumes() {
		texts = append(texts, v.Info().Namespace, v.Info().PVCName, v.Info().PVName)
	}
	return param.Clean(strings.Join(texts, " "), maxSearchText)
}

// maxSearchText limits [Record.SearchText], in bytes.
const maxSearchText = 2000

// Reason returns why the sender needs the backup; empty if the request does not say.
func (r Record) Reason() string { return r.Params["Reason"] }

// Ticket returns the ticket of the request; empty if the request does not say.
func (r Record) Ticket() string { return r.Params["Ticket"] }

// Notify returns the names of the receivers that the request chose, which get a message when the backup has ended; nil
// if it chose none.
func (r Record) Notify() []string { return r.Params.Strings("Notify") }

// Preset returns the name of the preset that the request named; empty if it named none.
func (r Record) Preset() string { return r.Params["Preset"] }

// State returns the state of the submission at the time now. It depends on the time: an attempt
// without a result becomes UNKNOWN when its window (the time in which its call may be sent)
// ends.
func (r Record) State(now time.Time) State {
	if r.Denied != nil {
		return StateDenied
	}
	switch r.Last.Kind {
	case StepCreated:
		status := cmp.Or(r.Job.Status, StateCreated)
		if !status.IsTerminal() && r.Cancellation.overrides(r.Job) {
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
		if now.Sub(r.CreatedAt) >= maxWindow {
			return StateNotSent // the process that claimed it has stopped before an attempt
		}
	}
	return StateSending
}

// IsTerminal reports whether the page about the submission can change no more. That is so if
// its state is terminal, the copy in another region has ended, and the consistency is known if
// it was requested. For a copy that has not begun, and for the consistency, the portal waits
// for at most [followUpTime] after the end of the job.
func (r Record) IsTerminal(now time.Time) bool {
	state := r.State(now)
	if state != StateComplete && state != StatePartialComplete {
		return state.IsTerminal()
	}
	awaited := now.Sub(r.Job.CompleteTime) < followUpTime
	if awaited && r.wantsConsistency() && r.Job.Consistency == (Consistency{}) {
		return false
	}
	if r.Job.CopyStatus == "" {
		return !awaited || r.Complete["Detail.doCopy"] != "true"
	}
	return State(r.Job.CopyStatus).IsTerminal()
}

// IsFinal reports whether the submission can never change again: it is terminal, and a request with
// its key can no longer send it.
func (r Record) IsFinal(now time.Time) bool {
	return r.IsTerminal(now) && (r.State(now) != StateNotSent || !now.Before(r.ExpiresAt))
}

// wantsConsistency reports whether the caller requested an application-consistent backup.
func (r Record) wantsConsistency() bool { return r.Complete["Detail.appConsistent"] == "true" }

// missedConsistency reports whether the backup is less consistent than requested, as far as the portal knows. The
// vendor publishes no list of levels: CRASH is the only known one that is lower.
func (r Record) missedConsistency() bool {
	return r.wantsConsistency() && (r.Job.DowngradeReason != "" || r.Job.ConsistentLevel == "CRASH")
}

// A ConsistencyState says whether an application-consistent backup is as consistent as requested. It is empty for
// other backups, and if there is no backup.
type ConsistencyState string

// The states of the consistency.
const (
	ConsistencyWaiting ConsistencyState = "waiting" // not known yet
	ConsistencyReached ConsistencyState = "reached"
	ConsistencyMissed  ConsistencyState = "missed"
	ConsistencyUnknown ConsistencyState = "unknown" // the cloud did not say it within [followUpTime]
)

// ConsistencyStates lists all states.
var ConsistencyStates = []ConsistencyState{ConsistencyWaiting, ConsistencyReached, ConsistencyMissed, ConsistencyUnknown}

// ConsistencyState returns the state of the consistency at the time now.
func (r Record) ConsistencyState(now time.Time) ConsistencyState {
	state := r.State(now)
	ended := state == StateComplete || state == StatePartialComplete
	switch {
	case !r.wantsConsistency(), state.IsTerminal() && !ended:
		return ""
	case r.missedConsistency():
		return ConsistencyMissed
	case r.Job.Consistency != (Consistency{}):
		return ConsistencyReached
	case ended && now.Sub(r.Job.CompleteTime) >= followUpTime:
		return ConsistencyUnknown
	}
	return ConsistencyWaiting
}

// followUpTime is how long after the end of a job its copy may begin and its recovery point may
// appear.
const followUpTime = time.Hour

// RequestInfo describes the request that causes an action, for logs and the audit trail.
type RequestInfo struct {
	RequestID string // the platform's id of the request
	Trace     string // trace id of a valid traceparent header; otherwise empty
	Door      Door
	ClientIP  string // address from the platform, or of the peer of a plain server; empty if unknown
	UserAgent string // shortened
}

// WithRequestInfo returns a copy of ctx that carries v.
func WithRequestInfo(ctx context.Context, v RequestInfo) context.Context {
	return context.WithValue(ctx, requestInfoKey{}, v)
}

// RequestInfoFrom returns the value that ctx carries, or the zero value.
func RequestInfoFrom(ctx context.Context) RequestInfo {
	v, _ := ctx.Value(requestInfoKey{}).(RequestInfo)
	return v
}

// requestInfoKey is the context key of a [RequestInfo].
type requestInfoKey struct{}
