package web

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/webhook"
)

// webhook answers POST /webhooks/{source}: it verifies a message of a source in the policy, makes a
// submission of it by the source's template, and submits it. The body is not parsed before the
// signature or token is verified. A message that starts nothing gets 204.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) error {
	source, ok := s.Policy.Source(r.PathValue("source"))
	if !ok {
		return errNoPage
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	message, err := webhook.Verify(source, r.Header, body, s.Backups.Now())
	if err != nil {
		s.Backups.Note(r.Context(), backup.AuditEvent{
			Kind:      backup.AuditWebhookRefused,
			Actor:     identity.Principal{Kind: identity.KindSource, Subject: source.Name},
			SampleKey: source.Name,
		})
		return err
	}
	p := identity.Principal{Kind: identity.KindSource, Subject: source.Name, Name: source.Name, Key: message.Key}
	setPrincipal(r.Context(), p)
	if source.Kind == webhook.GitHub && r.Header.Get("X-Github-Event") == "ping" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return errType
	}
	if message.ID == "" {
		return errKey
	}
	asked, err := webhook.Submission(source, body)
	switch {
	case errors.Is(err, webhook.ErrNothing):
		w.WriteHeader(http.StatusNoContent)
		return nil
	case err != nil:
		return err
	}
	params, err := jsonInput(asked)
	if err != nil {
		return err
	}
	s.Log.InfoContext(r.Context(), "webhook", "source", source.Name, "key", message.Key, "id", message.ID)
	if err := s.Backups.Pace(r.Context(), p); err != nil {
		return err
	}
	out, err := s.submitHook(r.Context(), backup.Submission{
		Door:      backup.DoorWebhook,
		Principal: p,
		Key:       message.ID,
		Params:    params,
	})
	if err != nil {
		return err
	}
	return writeResult(w, r, out)
}

// submitHook is submitJSON for webhooks. A sender repeats a message after a 5xx status but not
// after a 202, so an unknown result is errUnresolved (503).
func (s *Server) submitHook(ctx context.Context, sub backup.Submission) (submitResult, error) {
	out, err := s.submitJSON(ctx, sub, false)
	if err == nil && out.status == http.StatusAccepted {
		return submitResult{}, &backup.BusyError{Err: errUnresolved, SubmissionID: out.submission, RetryAfter: out.retryAfter}
	}
	return out, err
}
