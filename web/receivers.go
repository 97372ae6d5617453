package web

import (
	"errors"
	"fmt"
	"net/http"

	"backupportal/function/backup"
	"backupportal/function/secret"
	"backupportal/templates"
)

// receiversPath is the page with the receivers of notifications.
const receiversPath = "/notifications"

// receivers answers GET /notifications. It shows the receivers of the policy to operators. Other people get
// status 404.
func (s *Server) receivers(w http.ResponseWriter, r *http.Request) error {
	return s.renderReceivers(w, r, http.StatusOK, templates.ReceiversPage{})
}

// testReceiver answers POST /notifications/test. It sends a test message to a receiver, and shows the page with the
// result. The status is 502 if the receiver did not confirm the message. A person who loads the page again is asked
// by the browser before another message is sent.
func (s *Server) testReceiver(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errRequest, err)
	}
	name := r.PostForm.Get("Receiver")
	err := s.Backups.TestReceiver(r.Context(), principal(r), name)
	if failed, ok := errors.AsType[*backup.ReceiverError](err); ok {
		s.Log.WarnContext(r.Context(), "test message not confirmed", "receiver", name, "error", failed.Err)
		return s.renderReceivers(w, r, http.StatusBadGateway, templates.ReceiversPage{Failed: name, Why: failed.Error()})
	}
	if err != nil {
		return err
	}
	return s.renderReceivers(w, r, http.StatusOK, templates.ReceiversPage{Sent: name})
}

// renderReceivers renders the page for an operator. The error is [backup.ErrNotFound] for others.
func (s *Server) renderReceivers(w http.ResponseWriter, r *http.Request, status int, page templates.ReceiversPage) error {
	if !s.Policy.IsOperator(principal(r)) {
		return backup.ErrNotFound
	}
	page.Shell = s.shell(r)
	for _, one := range s.Policy.Notifications().Receivers {
		one.URL, one.Secret = secret.String{}, secret.String{}
		page.Receivers = append(page.Receivers, one)
	}
	return render(w, r, status, templates.Receivers(page))
}
