package backup

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"time"
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
func (d Door) Name() Text {
	switch d {
	case DoorForm:
		return Text{"form", "表单"}
	case DoorAPI:
		return Text{"API", "API"}
	case DoorWebhook:
		return Text{"webhook", "Webhook"}
	case DoorEvent:
		return Text{"event", "事件"}
	}
	return Text{string(d), string(d)}
}

// A Principal is who sent a submission: a person, by issuer and subject, or a
// machine, by the name of its source.
type Principal struct {
	Issuer  string // of the identity; empty for a machine
	Subject string // within the issuer, or the source's name
	Name    string // shown to people
}

// ID tells principals apart. An issuer has no fragment, so "#" parts them.
func (p Principal) ID() string { return p.Issuer + "#" + p.Subject }

// A Submission is one request to the portal, as a door read it.
type Submission struct {
	Door      Door
	Principal Principal
	Key       string // idempotency key: the same key is the same submission
	Params    Params // what the caller gave
}

// ID is the submission's own name: 26 characters that only its door, its
// principal and its key decide, so that it survives a lost store.
func (s Submission) ID() string {
	h := sha256.New()
	for _, part := range []string{"portal/submission/v1", string(s.Door), s.Principal.ID(), s.Key} {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)[:16]))
}

// Fingerprint is the hex SHA-256 of what the caller gave, before defaults: two
// submissions with one key must have the same.
func (s Submission) Fingerprint() string {
	given := Params{}
	for name, value := range s.Params {
		if value != "" {
			given[name] = value
		}
	}
	sum := sha256.Sum256([]byte(jsonText(given))) // encoding/json sorts keys
	return hex.EncodeToString(sum[:])
}

// JobName is the name of the submission's job: the label that the person
// typed, or "portal", and the submission's ID, so that the cloud's own list
// tells whose job it is.
func (s Submission) JobName() string {
	label := s.Params["JobName"]
	if label == "" {
		label = "portal"
	}
	return label + "-" + s.ID()
}

// A StepKind says what a [Step] records.
type StepKind string

// The kinds of steps. A submission ends with created or refused.
const (
	StepNone    StepKind = ""        // nothing is recorded yet
	StepAttempt StepKind = "attempt" // the call may be made until Step.Until
	StepVoid    StepKind = "void"    // the attempt surely started nothing
	StepCreated StepKind = "created" // the job exists
	StepRefused StepKind = "refused" // the cloud said no
)

// A Step is one record in a submission's log. Steps are numbered from 0 and
// only ever added: whoever adds number N has decided what happens next.
type Step struct {
	N         int
	Kind      StepKind
	Owner     string    // random, one for each step: whose it is
	At        time.Time // milliseconds
	Until     time.Time // of an attempt: no sending after this
	JobID     string    // of created
	Code      string    // of void and refused: the cloud's code, or our reason
	Message   string    // of refused: what the cloud said, cleaned
	RequestID string    // the cloud's, if it gave one
}

// A Record is a submission as the store remembers it.
type Record struct {
	Submission
	SubmissionID string
	Fingerprint  string
	JobName      string
	Complete     Params // what was sent: with defaults, account and name
	CreatedAt    time.Time
	ExpiresAt    time.Time // a repeat after this is a new submission
	Last         Step      // N is -1 while there is none
	Job          Job       // as last seen; zero before
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
	switch r.Last.Kind {
	case StepCreated:
		if r.Job.Status != "" {
			return r.Job.Status
		}
		return StateCreated
	case StepRefused:
		return Refused
	case StepVoid:
		return NotSent
	case StepAttempt:
		if !now.Before(r.Last.Until) {
			return Unknown
		}
	case StepNone:
		if now.Sub(r.CreatedAt) >= budget {
			return NotSent // whoever claimed it has gone without an attempt
		}
	}
	return Sending
}

// Lives reports whether anything about the submission may still change: its
// state, or the copy of a job that is done itself.
func (r Record) Lives(now time.Time) bool {
	state := r.State(now)
	if state == StateComplete || state == StatePartialComplete {
		return r.Job.CopyStatus != "" && State(r.Job.CopyStatus).Lives()
	}
	return state.Lives()
}

// A Query selects records for a list, newest first.
type Query struct {
	Principal string    // of one principal's ID, if not empty
	Before    time.Time // created before this, if not zero
	BeforeID  string    // among those created at Before: with a smaller ID
	Limit     int       // at least 1
}

// Store remembers submissions and their logs. Its methods are safe for
// concurrent use, and by several processes where the store is shared. An error
// other than ErrNotFound means that nothing is known: whether a write
// happened, too.
type Store interface {
	// Claim remembers r with an empty log, unless its ID is known; it reports
	// whether it did.
	Claim(ctx context.Context, r Record) (bool, error)
	// Find returns the record with its last step, or ErrNotFound.
	Find(ctx context.Context, id string) (Record, error)
	// Append adds a step to the log. It reports whether the step with that
	// number is this one: a repeat of the same step by the same Owner is.
	Append(ctx context.Context, id string, s Step) (bool, error)
	// See keeps what the cloud said of the submission's job.
	See(ctx context.Context, id string, job Job) error
	// List returns at most q.Limit records, newest first.
	List(ctx context.Context, q Query) ([]Record, error)
}

// Errors of [Service], and of [Store].
var (
	ErrNotFound   = errors.New("no such submission")
	ErrInProgress = errors.New("the first request with this key is still under way")
	ErrKeyReused  = errors.New("the key was used for another request")
	ErrDenied     = errors.New("not allowed by the policy")
	ErrStoreAway  = errors.New("submissions cannot be recorded right now")
)

// A BusyError is a submission that cannot be answered for now, or not with
// this key.
type BusyError struct {
	Err          error // ErrInProgress, ErrKeyReused, ErrNotSent or ErrThrottled
	SubmissionID string
	RetryAfter   time.Duration // 0 if waiting does not help
}

// Error is the text of the error it wraps.
func (e *BusyError) Error() string { return "backup: " + e.SubmissionID + ": " + e.Err.Error() }

// Unwrap returns the error it wraps.
func (e *BusyError) Unwrap() error { return e.Err }

// A DeniedError is a refusal by the policy. Nothing was sent.
type DeniedError struct {
	Lines []Mistake // one for each rule, with the field of the first condition that failed
}

// Error names the fields.
func (e *DeniedError) Error() string { return InvalidError(e.Lines).Error() }

// Unwrap returns [ErrDenied].
func (e *DeniedError) Unwrap() error { return ErrDenied }
