package backup

import (
	"context"
	"slices"
	"time"

	"backupportal/function/identity"
)

// NewTestNotice returns a notice of [EventTest]. It is about no submission and is never stored. by is who
// asked for the test, as the message says.
func NewTestNotice(receiver, by, id string, now time.Time) Notice {
	n := Notice{SubmissionID: id, Event: EventTest, Receiver: receiver, At: now}
	n.Record.Principal = identity.Principal{Name: by}
	return n
}

// testRate is how often one operator may test receivers: chat robots accept 20 messages in a minute.
var testRate = Rate{Burst: 5, Per: time.Minute}

// TestReceiver sends a test message to a receiver, at once and only once. Only operators may do so
// ([Policy.IsOperator]). The audit trail has a record before the message is sent.
//
// The errors are [ErrNotFound] if p is no operator or the policy has no such receiver, a [*LimitError] with
// [ErrRequests], [ErrStoreUnavailable], and a [*ReceiverError] with the error of [Messenger.Send].
func (s *Service) TestReceiver(ctx context.Context, p identity.Principal, receiver string) error {
	if !s.Policy.IsOperator(p) || s.Messenger == nil || !slices.Contains(s.Messenger.All(), receiver) {
		return ErrNotFound
	}
	if err := s.limiter().countRequest(ctx, p, "n:", testRate); err != nil {
		return err
	}
	event := AuditEvent{Kind: AuditReceiverTested, Actor: p, Target: AuditTarget{Receiver: receiver}}
	if err := s.trail().record(ctx, event); err != nil {
		return storeUnavailable(err)
	}
	limited, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := s.Messenger.Send(limited, NewTestNotice(receiver, p.Name, s.NewID(), s.Now())); err != nil {
		return &ReceiverError{Receiver: receiver, Err: err}
	}
	return nil
}

// A ReceiverError means that a receiver did not confirm a test message. Err contains neither the URL nor a
// secret.
type ReceiverError struct {
	Receiver string
	Err      error
}

// Error returns the text of Err.
func (e *ReceiverError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *ReceiverError) Unwrap() error { return e.Err }
