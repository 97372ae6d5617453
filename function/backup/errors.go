package backup

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"backupportal/function/param"
)

// Errors of [Service] and [Store].
var (
	// ErrNotFound: no submission has this id or key, or the principal may not view it.
	ErrNotFound = errors.New("no such submission")
	// ErrInProgress: an attempt with this key has no result yet. A repeat after RetryAfter may
	// have one.
	ErrInProgress = errors.New("the first request with this key is still in progress")
	// ErrKeyReused: the key stands for a submission with other parameters.
	ErrKeyReused = errors.New("the key was used for another request")
	// ErrDenied: the policy refuses; see [DeniedError].
	ErrDenied = errors.New("not allowed by the policy")
	// ErrStoreUnavailable: the store failed, so nothing is known about its records.
	ErrStoreUnavailable = errors.New("submissions cannot be recorded at the moment")

	// ErrJobEnded: the job cannot be cancelled: it has ended.
	ErrJobEnded = errors.New("the job has already ended")
	// ErrCancelled: the job need not be cancelled: it is cancelled, or is being cancelled.
	ErrCancelled = errors.New("the job is cancelled or being cancelled")
	// ErrNoJob: the submission has no job to cancel, or none yet.
	ErrNoJob = errors.New("there is no job")
	// ErrNotCancelled: the cloud did not confirm a request to cancel. The job may be cancelled
	// or may continue.
	ErrNotCancelled = errors.New("the cloud did not confirm the request to cancel")
	// ErrCancelRefused: the cloud refused a request to cancel. The job continues.
	ErrCancelRefused = errors.New("the cloud refused the request to cancel")
)

// BusyError says that a submission (one request for a backup) cannot be answered now or with
// this key, or that a job cannot be cancelled.
type BusyError struct {
	// Err is ErrInProgress, ErrKeyReused, ErrNotSent, ErrJobEnded, ErrNoJob, ErrNotCancelled or
	// ErrCancelRefused.
	Err          error
	SubmissionID string        // id of the submission that has the key
	RetryAfter   time.Duration // time to wait before a retry; 0 if waiting does not help
	Code         string        // error code of the cloud, if its answer is the reason; otherwise empty
	Message      string        // the cloud's error message, cleaned; may be empty
	Throttled    bool          // with ErrNotSent: the cloud refused the last attempt because of too many requests
}

// Error returns the id of the submission and the text of e.Err.
func (e *BusyError) Error() string { return "backup: " + e.SubmissionID + ": " + e.Err.Error() }

// Unwrap returns e.Err.
func (e *BusyError) Unwrap() error { return e.Err }

// ClockError says that a submission was not stored, because the wall clock of this machine
// differs too much from the database's clock. Nothing was sent.
type ClockError struct {
	Ahead time.Duration // how far the machine's clock is ahead of the database's; negative if it is behind
}

// Error says by how much the clock is wrong, and what to do.
func (e *ClockError) Error() string {
	direction := "ahead of"
	if e.Ahead < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("the clock of this machine is %.3f seconds %s the database's: synchronize both", e.Ahead.Abs().Seconds(), direction)
}

// DeniedError is a refusal by the policy. Nothing was sent.
type DeniedError struct {
	// Lines has one entry for each rule that the principal may know: the first condition that
	// is not met, with its parameter. For a refused cancellation it has one entry without a
	// parameter.
	Lines []param.Mistake
	// SubmissionID is the id of the history's record of the refused submission. It is empty for
	// a preview, and if the refusal could not be recorded. For a refused cancellation it is the
	// id of the submission whose job the principal wanted to cancel.
	SubmissionID string
}

// Error lists the parameters of the conditions that are not met.
func (e *DeniedError) Error() string {
	fields := make([]string, len(e.Lines))
	for i, m := range e.Lines {
		fields[i] = m.Field
	}
	return fmt.Sprintf("%v: %s", ErrDenied, strings.Join(fields, ", "))
}

// Unwrap returns [ErrDenied].
func (e *DeniedError) Unwrap() error { return ErrDenied }

// storeUnavailable wraps an error of the store as [ErrStoreUnavailable], also if it is
// [ErrNotFound]. Use it where a record was read a moment ago: if it is missing now, the store
// has failed.
func storeUnavailable(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: %v", ErrStoreUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrStoreUnavailable, err)
}
