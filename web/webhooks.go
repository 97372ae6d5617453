package web

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strings"

	"backupportal/function/admission"
	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/webhook"
)

// webhook answers POST /webhooks/{source}: it verifies a message of a source in the policy,
// makes a submission of it by the source's template, and submits it. The body is read as a
// stream; nothing of it is used before the signature or token is verified. A message that
// starts nothing gets 204.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) error {
	source, ok := s.Policy.Source(r.PathValue("source"))
	if !ok {
		return errNoSource
	}
	message, values, err := webhook.Receive(source, r.Header, r.Body, s.Backups.Now())
	if errors.Is(err, webhook.ErrUnverified) {
		s.Backups.Note(r.Context(), backup.AuditEvent{
			Kind:      backup.AuditWebhookRefused,
			Actor:     identity.Principal{Kind: identity.KindSource, Subject: source.Name},
			SampleKey: source.Name,
		})
	}
	if err != nil {
		return err
	}
	p := identity.Principal{Kind: identity.KindSource, Subject: source.Name, Name: source.Name, Key: message.Key}
	setPrincipal(r.Context(), p)
	if err := checkMessageType(source, r.Header.Get("Content-Type")); err != nil {
		return err
	}
	if source.Kind == webhook.GitHub && r.Header.Get("X-Github-Event") == "ping" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if message.ID == "" {
		return errKey
	}
	slot, err := s.Admission.Enter(r.Context(), admission.Submission)
	if err != nil {
		return err
	}
	defer slot.Leave()
	*r = *r.WithContext(admission.WithSlot(r.Context(), slot)) // the answer is written without the slot
	asked, err := values.Submission()
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
	sub := backup.Submission{
		Count:     true,
		Door:      backup.DoorWebhook,
		Principal: p,
		Key:       message.ID,
		ByContent: message.ByContent && source.Kind != webhook.GitHub, // see docs/how-to/webhooks.md: replay from GitHub
		Params:    params,
	}
	out, err := s.submitHook(r.Context(), sub)
	if err != nil {
		return err
	}
	if message.ByContent {
		s.warnOfReplay(r.Context(), p, out)
	}
	return writeResult(w, r, out)
}

// checkMessageType returns an error unless the Content-Type of a message of source is JSON. GitHub
// sends forms if its webhook was not set up for JSON; the error then names the setting.
func checkMessageType(source webhook.Source, contentType string) error {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")):
		return nil
	case media == "application/x-www-form-urlencoded" && source.Kind == webhook.GitHub:
		return errGitHubForm
	}
	return errNotJSON
}

// warnOfReplay logs that a message without an id was handled as a repeat because its content
// was the same as that of an earlier one. Its sender may have wanted another backup.
func (s *Server) warnOfReplay(ctx context.Context, p identity.Principal, out submitResult) {
	if !out.replayed {
		return
	}
	s.Log.WarnContext(ctx, "replay by content: no backup started, an earlier message had the same content",
		"principal", p.ID(), "submission", out.submission)
}

// submitHook submits the backup that a webhook requests. If the result is unknown, it returns
// errUnresolved (503): a sender repeats a message after a 5xx status, but not after the 202 of
// the API.
func (s *Server) submitHook(ctx context.Context, sub backup.Submission) (submitResult, error) {
	out, err := s.submitJSON(ctx, sub, start)
	if err == nil && out.status == http.StatusAccepted {
		return submitResult{}, &backup.BusyError{Err: errUnresolved, SubmissionID: out.submission, RetryAfter: out.retryAfter}
	}
	return out, err
}
