package backup

import (
	"errors"
	"fmt"
	"time"

	"backupportal/function/param"
)

// Errors of [Service], and of [Store].
var (
	ErrNotFound         = errors.New("no such submission")
	ErrInProgress       = errors.New("the first request with this key is still under way")
	ErrKeyReused        = errors.New("the key was used for another request")
	ErrDenied           = errors.New("not allowed by the policy")
	ErrStoreUnavailable = errors.New("submissions cannot be recorded right now")

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

// A ClockError is a submission that was not recorded, because a time that decides what
// may be sent is not that of the database's clock. Nothing was sent.
type ClockError struct {
	Ahead time.Duration // of the database's clock; negative: behind
}

// Error says by how much the clock is wrong, and what to do.
func (e *ClockError) Error() string {
	if e.Ahead < 0 {
		return fmt.Sprintf("the clock of this machine is %v behind the database's: synchronize both", -e.Ahead.Round(time.Millisecond))
	}
	return fmt.Sprintf("the clock of this machine is %v ahead of the database's: synchronize both", e.Ahead.Round(time.Millisecond))
}

// A DeniedError is a refusal by the policy. Nothing was sent.
type DeniedError struct {
	// Lines has one line for each rule, with the field of the first condition that
	// failed.
	Lines []param.Mistake
	// SubmissionID is the id of the refusal in the history; empty if it was a
	// preview, or could not be recorded.
	SubmissionID string
}

// Error names the fields.
func (e *DeniedError) Error() string { return param.InvalidError(e.Lines).Error() }

// Unwrap returns [ErrDenied].
func (e *DeniedError) Unwrap() error { return ErrDenied }

// storeUnavailable says that an error of the store is one: even that a submission which
// was there a moment ago is not found.
func storeUnavailable(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: %v", ErrStoreUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrStoreUnavailable, err)
}
