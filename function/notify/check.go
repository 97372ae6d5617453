package notify

import (
	"context"
	"fmt"
)

// Check connects to a receiver as [Sender.Send] does, with TLS, and sends no message. Its errors are those
// of Send before an answer.
func (s *Sender) Check(ctx context.Context, name string) error {
	r, err := s.receiver(name)
	if err != nil {
		return err
	}
	if err := r.connect(ctx); err != nil {
		return fmt.Errorf("notify: %s: %w", r.Name, networkError(err))
	}
	return nil
}
