package web

import (
	"errors"
	"net/http"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/webhook"
	"backupportal/templates"
)

// A Problem is an error for programs (RFC 9457, application/problem+json).
type Problem struct {
	Type      string        `json:"type"` // a URN, stable for each kind of problem
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail,omitempty"`     // the message, for people
	Instance  string        `json:"instance,omitempty"`   // the submission's path in the API, if there is a submission
	RequestID string        `json:"request_id,omitempty"` // finds the request in the log
	Errors    []WrongField  `json:"errors,omitempty"`     // one for each wrong field or refusing rule; at most param.MaxMistakes
	Cloud     *CloudRefusal `json:"cloud,omitempty"`      // the answer of Cloud Backup, if it refused
	Limit     string        `json:"limit,omitempty"`      // owner of the limit: "account prod", "team payments"…
}

// A WrongField is one mistake in a request, or one reason of the policy.
type WrongField struct {
	Field     string `json:"field"`               // the parameter's name: "Detail.doCopy"
	Pointer   string `json:"pointer,omitempty"`   // JSON pointer into the body (RFC 6901): "#/Detail/doCopy"
	Parameter string `json:"parameter,omitempty"` // name of the query parameter, instead of Pointer
	Code      string `json:"code"`                // stable, for programs: "required", "between"…
	Detail    string `json:"detail"`              // the sentence
	Rule      string `json:"rule,omitempty"`      // id of the policy's rule that refused
	Reason    string `json:"reason,omitempty"`    // why the rule does not allow more
	Owner     string `json:"owner,omitempty"`     // whom to ask for permission
}

// A CloudRefusal is the answer of the cloud to a refused call.
type CloudRefusal struct {
	Code      string `json:"Code"`
	Message   string `json:"Message,omitempty"`
	RequestID string `json:"RequestId,omitempty"`
}

// problemOf returns the problem document of err in language l. f is the row of err in the table of
// errors.
func problemOf(f fault, err error, l param.Language) Problem {
	f = f.forPrograms()
	p := Problem{
		Type:   "urn:backup-portal:problem:" + f.name,
		Title:  f.title.In(l),
		Status: f.status,
		Detail: f.detail.In(l),
	}
	if bad, ok := errors.AsType[*param.MalformedError](err); ok {
		p.Detail = malformedDetail.Fill(l, bad.Line, bad.Column, bad.Problem)
	}
	if bad, ok := errors.AsType[*webhook.HeaderError](err); ok {
		p.Detail = headerDetail.Fill(l, bad.Name)
	}
	var says param.Text
	if busy, ok := errors.AsType[*backup.BusyError](err); ok {
		if busy.SubmissionID != "" {
			p.Instance = jobPath(busy.SubmissionID)
		}
		if own, ok := backup.ExplainOwn(busy.Code); ok {
			p.add(own.Means, l)
			p.add(own.Todo, l)
		} else if busy.Code != "" {
			p.Cloud = &CloudRefusal{Code: busy.Code, Message: busy.Message}
			says = backup.CloudServiceOf(busy.Code).Says(busy.Message)
		}
	}
	if refused, ok := errors.AsType[*backup.CloudError](err); ok && refused.Code != "" {
		p.Cloud = &CloudRefusal{Code: refused.Code, Message: refused.Message, RequestID: refused.RequestID}
		says = refused.Says()
	}
	p.add(says, l)
	if denied, ok := errors.AsType[*backup.DeniedError](err); ok && denied.SubmissionID != "" {
		p.Instance = jobPath(denied.SubmissionID)
	}
	if limit, ok := errors.AsType[*backup.LimitError](err); ok {
		p.Limit = limitOwner(limit.Key, nil).In(l)
	}
	for _, m := range mistakes(err) {
		if m.Code == param.CodeMore {
			p.Detail = strings.TrimSpace(p.Detail + " " + m.In(l) + stop.In(l))
			continue
		}
		wrong := WrongField{Field: m.Field, Pointer: pointer(m.Field), Code: m.Code, Detail: m.In(l)}
		if m.Rule != nil {
			wrong.Rule, wrong.Reason, wrong.Owner = m.Rule.ID, m.Rule.Reason.In(l), m.Rule.Owner.In(l)
		}
		p.Errors = append(p.Errors, wrong)
	}
	return p
}

// add adds a sentence to the detail. The zero Text adds nothing.
func (p *Problem) add(sentence param.Text, l param.Language) {
	p.Detail = strings.TrimSpace(p.Detail + " " + sentence.In(l))
}

// stop ends a sentence.
var stop = param.Text{En: ".", Zh: "。"}

// malformedDetail is the detail of a JSON text that cannot be read, with the place and the error.
var malformedDetail = param.Text{En: "Line %v, column %v: %v. Nothing was started.", Zh: "第 %v 行第 %v 列：%v。未开始备份。"}

// headerDetail is the detail of a signed message without a header that the signature does not
// cover.
var headerDetail = param.Text{
	En: "The message needs exactly one valid header %v. Nothing was started.", Zh: "消息必须带有且仅带有一个有效的请求头 %v。未开始备份。"}

// pointer returns a dotted name as a JSON pointer in fragment form (RFC 6901, section 6). An empty
// name is the whole body.
func pointer(name string) string {
	if name == "" {
		return "#"
	}
	name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	return "#/" + strings.ReplaceAll(name, ".", "/")
}

// writeProblemJSON writes err as a problem document.
func (s *Server) writeProblemJSON(w http.ResponseWriter, r *http.Request, f fault, err error) {
	p := problemOf(f, err, templates.Language(r.Context()))
	p.RequestID = requestID(r)
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if _, ok := errors.AsType[*queryError](err); ok || reads {
		p.pointToQuery()
	}
	if reads && (p.Detail == invalid.detail.En || p.Detail == invalid.detail.Zh) {
		p.Detail = "" // "Nothing was done" makes no sense for a read
	}
	w.Header().Set("Content-Type", "application/problem+json")
	if err := writeJSON(w, r, f.status, p); err != nil {
		s.Log.ErrorContext(r.Context(), "writing a problem", "path", r.URL.Path, "error", err)
	}
}

// pointToQuery replaces pointers into the body by names of query parameters.
func (p *Problem) pointToQuery() {
	for i, wrong := range p.Errors {
		p.Errors[i].Pointer, p.Errors[i].Parameter = "", wrong.Field
	}
}

// wantsJSON reports whether r was sent by a program, which gets errors as JSON.
func wantsJSON(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/webhooks/") ||
		strings.Contains(r.Header.Get("Accept"), "json") || strings.Contains(r.Header.Get("Content-Type"), "json")
}

// httpEvent is the name under which refused events are counted that cannot be turned into an
// HTTP request.
const httpEvent = "event:http"

// An unreadableEvent is an event of the platform that cannot be turned into a request.
type unreadableEvent struct{ what param.Text }

// Error returns the English text, for logs.
func (e *unreadableEvent) Error() string { return "unreadable request: " + e.what.En }

// Unreadable answers an event of the platform from which no request can be made. The parameter
// what is the reason. The answer has the headers and the log line of every other answer. The
// sender is not proved, so the refusal leaves no line in the history.
func (s *Server) Unreadable(w http.ResponseWriter, r *http.Request, what param.Text) {
	s.identify(s.logged(s.headers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Backups.Refuse(r.Context(), backup.RejectedUnreadable, backup.DoorEvent, httpEvent)
		s.Backups.Note(r.Context(), backup.AuditEvent{
			Kind:      backup.AuditRejected,
			Actor:     identity.Principal{Kind: identity.KindEvent, Subject: httpEvent},
			Door:      backup.DoorEvent,
			Outcome:   backup.AuditOutcome{Class: string(backup.RejectedUnreadable), Reason: what.En},
			SampleKey: httpEvent,
		})
		s.problem(w, r, &unreadableEvent{what})
	})))).ServeHTTP(w, r)
}
