package notify

import (
	"context"
	"fmt"

	"github.com/wneessen/go-mail/smtp"

	"backupportal/function/backup"
)

// Check connects to a receiver as [Sender.Send] does, with TLS, and sends no message. For e-mail it also signs
// in to the server. Its errors are those of Send before a message.
func (s *Sender) Check(ctx context.Context, name string) error {
	r, err := s.receiver(name)
	if err != nil {
		return err
	}
	if r.Kind == backup.Email {
		err = r.session(ctx, func(*smtp.Client) error { return nil })
		if err != nil {
			return fmt.Errorf("notify: %s: %w", r.Name, err)
		}
		return nil
	}
	if err := r.connect(ctx); err != nil {
		return fmt.Errorf("notify: %s: %w", r.Name, networkError(err))
	}
	return nil
}
