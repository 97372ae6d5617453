package backup

import (
	"cmp"
	"context"
	"errors"
	"time"

	"backupportal/function/param"
)

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

// A Record is a submission as the store remembers it. Its Key is not kept, only
// what follows from it.
type Record struct {
	Submission
	SubmissionID string // given by the store: Submission.ID, with the number of the use behind it if the key was used before
	Fingerprint  string
	JobName      string       // given by the store likewise
	AccountID    string       // what the account alias stood for; empty if for nothing
	Access       Access       // how that account was reached
	Complete     param.Params // what was sent: with defaults, account and name
	Denied       []param.Text // why the policy refused it; nil if it did not
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
		return Denied
	}
	switch r.Last.Kind {
	case StepCreated:
		status := cmp.Or(r.Job.Status, StateCreated)
		if status.Lives() && r.Cancellation.stands(r.Job) {
			return StateCanceling
		}
		return status
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
// state, or the copy of a job that is done itself, or what is known of its
// consistency.
func (r Record) Lives(now time.Time) bool {
	state := r.State(now)
	if state != StateComplete && state != StatePartialComplete {
		return state.Lives()
	}
	shows := now.Sub(r.Job.CompleteTime) < afterwards
	if shows && r.wantsConsistency() && r.Job.Consistency == (Consistency{}) {
		return true
	}
	if r.Job.CopyStatus == "" {
		return shows && r.Complete["Detail.doCopy"] == "true"
	}
	return State(r.Job.CopyStatus).Lives()
}

// afterwards is how long after the end of a job its copy and its recovery point
// may take to show.
const afterwards = time.Hour

// wantsConsistency reports whether an application-consistent backup was asked
// for.
func (r Record) wantsConsistency() bool { return r.Complete["Detail.appConsistent"] == "true" }

// Over reports whether nothing about the submission can change any more. One
// that was not sent is not over while its key may still send it.
func (r Record) Over(now time.Time) bool {
	return !r.Lives(now) && (r.State(now) != NotSent || !now.Before(r.ExpiresAt))
}

// A Place is one in a list of submissions, which is in the order of their
// times and, where these are equal, of their ids. It stays valid whatever is
// added to the list or taken from it.
type Place struct {
	At time.Time // milliseconds
	ID string
}

// Place is where r stands in lists.
func (r Record) Place() Place { return Place{r.CreatedAt, r.SubmissionID} }

// A Query selects records for a list, newest first. Empty parts select
// everything.
type Query struct {
	Principal  string // a principal's ID
	Account    string // an alias
	Resource   string // id of an instance or a cluster
	SourceType param.SourceType
	States     []State   // any of these
	From, To   time.Time // created at or after From, and before To

	Before *Place // older than this place
	After  *Place // newer than this place: those next to it, still newest first
	Limit  int    // at least 1
}

// Store remembers submissions and their logs. Its methods are safe for
// concurrent use, and by several processes where the store is shared. An error
// other than ErrNotFound means that nothing is known: whether a write
// happened, too.
type Store interface {
	// Claim remembers r with an empty log, unless a submission of its key is
	// remembered that has not expired at r.CreatedAt. It returns what is
	// remembered, with its id, and whether that is r.
	Claim(ctx context.Context, r Record) (known Record, ours bool, err error)
	// Known returns the submission that a key stands for now, by the id of its
	// first use, or ErrNotFound.
	Known(ctx context.Context, key string, now time.Time) (Record, error)
	// Find returns the record with its last step, or ErrNotFound.
	Find(ctx context.Context, id string) (Record, error)
	// Append adds a step to the log. It reports whether the step with that
	// number is this one: a repeat of the same step by the same Owner is.
	// Nothing is added behind a gap, nor behind created or refused. Rows of the
	// audit trail are there if the step is this one, and not if it is not.
	Append(ctx context.Context, id string, s Step, audit ...AuditRow) (bool, error)
	// Ask reports whether the cloud may be asked about the submission's job:
	// if it exists, and nobody has asked since now less pace. From then on
	// somebody has.
	Ask(ctx context.Context, id string, now time.Time, pace time.Duration) (bool, error)
	// See keeps what the cloud said of the submission's job, unless something
	// newer is kept. The end of a job is kept whatever else was seen.
	See(ctx context.Context, id string, job Job) error
	// Cancel keeps who last had the submission's job cancelled.
	Cancel(ctx context.Context, id string, c Cancellation) error
	// End says that the submission is over, in this state. It only helps lists:
	// what a submission came to is in its log.
	End(ctx context.Context, id string, state State) error
	// List returns at most q.Limit records, newest first. Those that are not
	// ended are selected whatever q.States says: only the time of the reader
	// tells their state.
	List(ctx context.Context, q Query) ([]Record, error)
	// Open returns at most limit records that are not ended, in the order of
	// their ids, behind after.
	Open(ctx context.Context, after string, limit int) ([]Record, error)
	// Announce remembers those of the notices that are not remembered yet, and
	// says how many these were. Notices about unknown submissions are left out.
	Announce(ctx context.Context, notices []Notice) (int, error)
	// Due returns at most limit notices to a receiver that may be sent at now,
	// those that have been waiting longest first, with their records.
	Due(ctx context.Context, receiver string, now time.Time, limit int) ([]Notice, error)
	// Take reports whether n may be sent by the caller: if it is not done, and
	// nobody has taken it since it was read. It is due again from until on.
	Take(ctx context.Context, n Notice, until time.Time) (bool, error)
	// Done says that n need not be sent any more.
	Done(ctx context.Context, n Notice, now time.Time) error
	// Forget removes at most limit submissions that were created before a time
	// and whose keys have expired by now, and says how many it removed.
	Forget(ctx context.Context, before, now time.Time, limit int) (int, error)
}

// Errors of [Service], and of [Store].
var (
	ErrNotFound   = errors.New("no such submission")
	ErrInProgress = errors.New("the first request with this key is still under way")
	ErrKeyReused  = errors.New("the key was used for another request")
	ErrDenied     = errors.New("not allowed by the policy")
	ErrStoreAway  = errors.New("submissions cannot be recorded right now")

	ErrOver         = errors.New("the job has already ended")
	ErrCancelled    = errors.New("the job is cancelled, or about to be")
	ErrNoJob        = errors.New("there is no job")
	ErrNotCancelled = errors.New("the cloud did not confirm the request to cancel")
	ErrCancelNo     = errors.New("the cloud refused the request to cancel")
)

// A BusyError is a submission that cannot be answered for now, or not with
// this key, or a job that cannot be cancelled.
type BusyError struct {
	Err          error // ErrInProgress, ErrKeyReused, ErrNotSent, ErrOver, ErrNoJob, ErrNotCancelled or ErrCancelNo
	SubmissionID string
	RetryAfter   time.Duration // 0 if waiting does not help
	Code         string        // of the cloud, if that is why
}

// Error is the text of the error it wraps.
func (e *BusyError) Error() string { return "backup: " + e.SubmissionID + ": " + e.Err.Error() }

// Unwrap returns the error it wraps.
func (e *BusyError) Unwrap() error { return e.Err }

// A DeniedError is a refusal by the policy. Nothing was sent.
type DeniedError struct {
	Lines        []param.Mistake // one for each rule, with the field of the first condition that failed
	SubmissionID string          // under which the refusal is in the history; empty if it was a preview, or could not be recorded
}

// Error names the fields.
func (e *DeniedError) Error() string { return param.InvalidError(e.Lines).Error() }

// Unwrap returns [ErrDenied].
func (e *DeniedError) Unwrap() error { return ErrDenied }
