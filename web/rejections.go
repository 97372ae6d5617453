package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/webhook"
)

// traced returns a handler of webhooks that records each refusal by h in the history, the log
// and the audit trail ([backup.Service.Reject]), because few senders of webhooks read their
// answers. A message whose sender is not authenticated is only counted and logged.
func (s *Server) traced(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		kind, final := rejectionKind(err)
		if !final {
			return err
		}
		sender, proved := sentBy(r.Context())
		switch {
		case errors.Is(err, errNoSource):
			s.Backups.Refuse(r.Context(), backup.RejectedNoSource, backup.DoorWebhook, "")
		case !proved:
			s.Backups.Refuse(r.Context(), backup.RejectedUnverified, backup.DoorWebhook, r.PathValue("source"))
		default:
			s.reject(r.Context(), kind, backup.DoorWebhook, sender, "", err)
		}
		return err
	}
}

// counted returns a handler that counts each refusal by h in the metrics only, because its
// sender reads the answer.
func (s *Server) counted(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		if kind, final := rejectionKind(err); final {
			source := ""
			if p := principal(r); p.Kind == identity.KindSource {
				source = p.Subject
			}
			s.Backups.CountRefusal(kind, source)
		}
		return err
	}
}

// countForm counts a form that is shown again, with its mistakes or the refusals of the policy.
// err is the error of the domain; nil if only the form itself has mistakes. The person reads the
// answer.
func (s *Server) countForm(err error) {
	kind := backup.RejectedInvalid
	if of, final := rejectionKind(err); final {
		kind = of
	}
	s.Backups.CountRefusal(kind, "")
}

// RejectUnreadable records an event that contains no backup request. sender is its kind of
// event, and reason says why, in English.
func (s *Server) RejectUnreadable(ctx context.Context, sender identity.Principal, origin, reason string) {
	s.Backups.Reject(ctx, backup.Rejection{
		Kind: backup.RejectedUnreadable, Door: backup.DoorEvent, Sender: sender, Origin: origin, RequestID: s.requestID(ctx),
		Reason: param.Text{En: textNotMessage.Fill(param.English, reason), Zh: textNotMessage.Fill(param.Chinese, reason)},
	})
}

// RejectMessage records an event as [Server.RejectUnreadable] does, and returns the problem document that answers it. It
// is for an event that is readable, but that the policy does not turn into a submission.
func (s *Server) RejectMessage(ctx context.Context, sender identity.Principal, origin, reason string) json.RawMessage {
	s.RejectUnreadable(ctx, sender, origin, reason)
	p := problemOf(faultOf(errRequest), errRequest, param.English)
	p.Detail, p.RequestID = reason, s.requestID(ctx)
	answer, _ := json.Marshal(p) // cannot fail
	return answer
}

var textNotMessage = param.Both("The event is not a submission: %v", "该事件不是备份请求：%v")

// reject records that a message was refused with err, if err is final.
func (s *Server) reject(
	ctx context.Context,
	kind backup.RejectionKind,
	door backup.Door,
	sender identity.Principal,
	origin string,
	err error,
) {
	r := backup.Rejection{
		Kind: kind, Door: door, Sender: sender, Origin: origin, Reason: reasonOf(err), RequestID: s.requestID(ctx),
	}
	if denied, ok := errors.AsType[*backup.DeniedError](err); ok {
		r.SubmissionID = denied.SubmissionID
	}
	s.Backups.Reject(ctx, r)
}

// rejectionKind returns the kind of a refusal. final is false if err is nil, or if the same
// message may be accepted later: the portal or the cloud failed, a limit is reached, or the
// result is not known yet.
func rejectionKind(err error) (kind backup.RejectionKind, final bool) {
	if err == nil {
		return "", false
	}
	denied, isDenied := errors.AsType[*backup.DeniedError](err)
	switch status := faultOf(err).status; {
	case errors.Is(err, webhook.ErrUnverified):
		return backup.RejectedUnverified, true
	case isDenied && onlyAccount(denied.Lines):
		return backup.RejectedAccount, true
	case isDenied:
		return backup.RejectedDenied, true
	case status == http.StatusUnprocessableEntity:
		return backup.RejectedInvalid, true
	case status == http.StatusConflict, status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return "", false
	}
	return backup.RejectedUnreadable, true
}

// onlyAccount reports whether every line of a refusal is about the account: the policy does not
// know it, or no rule for the sender names it.
func onlyAccount(lines []param.Mistake) bool {
	for _, m := range lines {
		if m.Field != "Account" {
			return false
		}
	}
	return len(lines) > 0
}

// maxReasons is the largest number of single mistakes in the reason of a rejection.
const maxReasons = 5

// reasonOf returns the reason of a refusal in both languages: the title of the problem
// document, then its first mistakes and how many there are besides, or its detail.
func reasonOf(err error) param.Text {
	in := func(l param.Language) string {
		p := problemOf(faultOf(err), err, l)
		parts := []string{}
		for _, wrong := range p.Errors[:min(len(p.Errors), maxReasons)] {
			parts = append(parts, wrong.Detail)
		}
		if more := len(p.Errors) - len(parts); more > 0 {
			parts = append(parts, wordMore.Fill(l, more))
		}
		if len(parts) == 0 && p.Detail != "" {
			parts = append(parts, p.Detail)
		}
		if len(parts) == 0 {
			return p.Title
		}
		return p.Title + wordBefore.In(l) + strings.Join(parts, wordBetween.In(l))
	}
	return param.Text{En: in(param.English), Zh: in(param.Chinese)}
}

// The words of a reason: before its parts, between them, and for the parts that are left out.
var (
	wordBefore  = param.Both(": ", "：")
	wordBetween = param.Both("; ", "；")
	wordMore    = param.Both("and %d more", "另有 %d 处")
)
