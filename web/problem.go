package web

import (
	"errors"
	"net/http"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/templates"
)

// A Problem is an error for machines (RFC 9457, application/problem+json).
type Problem struct {
	Type      string        `json:"type"` // a URN, one for each kind of problem
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail,omitempty"`
	Instance  string        `json:"instance,omitempty"` // the submission, if there is one
	RequestID string        `json:"request_id,omitempty"`
	Errors    []WrongField  `json:"errors,omitempty"` // one for each wrong field, or each rule that refused; at most param.MaxMistakes
	Cloud     *CloudRefusal `json:"cloud,omitempty"`  // what Cloud Backup answered, if it refused
	Limit     string        `json:"limit,omitempty"`  // whose limit it is: "account prod", "team payments"…
}

// A WrongField is one thing wrong with one field of a request.
type WrongField struct {
	Field     string `json:"field"`               // the parameter's name: "Detail.doCopy"
	Pointer   string `json:"pointer,omitempty"`   // where it is in the body, as a JSON pointer (RFC 6901): "#/Detail/doCopy"
	Parameter string `json:"parameter,omitempty"` // or the name of the parameter in the address
	Code      string `json:"code"`                // stable: "required", "between"…
	Detail    string `json:"detail"`              // the sentence
	Rule      string `json:"rule,omitempty"`      // of the policy, by its id, if it is one that refused
	Reason    string `json:"reason,omitempty"`    // why the rule is as narrow as it is
	Owner     string `json:"owner,omitempty"`     // whom to ask for more
}

// A CloudRefusal is what the cloud said when it refused.
type CloudRefusal struct {
	Code      string `json:"Code"`
	Message   string `json:"Message,omitempty"`
	RequestID string `json:"RequestId,omitempty"`
}

// problemOf words err for machines, in language l.
func problemOf(f fault, err error, l param.Language) Problem {
	p := Problem{
		Type:   "urn:backup-portal:problem:" + f.name,
		Title:  f.title.In(l),
		Status: f.status,
		Detail: f.detail.In(l),
	}
	if errors.Is(err, backup.ErrKeyReused) {
		p.Title, p.Detail = keyReusedTitle.In(l), keyReusedDetail.In(l)
	}
	if bad, ok := errors.AsType[*param.MalformedError](err); ok {
		p.Detail = malformedDetail.Fill(l, bad.Line, bad.Column, bad.Problem)
	}
	if busy, ok := errors.AsType[*backup.BusyError](err); ok {
		p.Instance = "/backups/" + busy.SubmissionID
		if busy.Code != "" {
			p.Cloud = &CloudRefusal{Code: busy.Code}
		}
	}
	if denied, ok := errors.AsType[*backup.DeniedError](err); ok && denied.SubmissionID != "" {
		p.Instance = "/backups/" + denied.SubmissionID
	}
	if limit, ok := errors.AsType[*backup.LimitError](err); ok {
		p.Limit = whose(limit.Key).In(l)
	}
	for _, m := range mistakes(err) {
		if m.Code == param.CodeMore {
			p.Detail = strings.TrimSpace(p.Detail + " " + m.In(l) + stop.In(l))
			continue
		}
		wrong := WrongField{Field: m.Field, Pointer: pointer(m.Field), Code: m.Code, Detail: m.In(l)}
		if m.Rule != nil {
			wrong.Rule, wrong.Reason, wrong.Owner = m.Rule.ID, m.Rule.Reason.In(l), m.Rule.Owner
		}
		p.Errors = append(p.Errors, wrong)
	}
	return p
}

// A machine has no form before it, but a key.
var (
	keyReusedTitle  = param.Text{En: "This key was already used", Zh: "此键已使用过"}
	keyReusedDetail = param.Text{En: "For another backup than the one in this request. Nothing was started.", Zh: "已用于另一次备份。未开始备份。"}
)

// stop ends a sentence.
var stop = param.Text{En: ".", Zh: "。"}

var malformedDetail = param.Text{En: "Line %v, column %v: %v. Nothing was started.", Zh: "第 %v 行第 %v 列：%v。未开始备份。"}

// pointer writes a dotted name as the fragment form of a JSON pointer.
func pointer(name string) string {
	if name == "" {
		return "#"
	}
	name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	return "#/" + strings.ReplaceAll(name, ".", "/")
}

// writeProblemJSON is the answer for machines.
func (s *Server) writeProblemJSON(w http.ResponseWriter, r *http.Request, f fault, err error) {
	p := problemOf(f, err, templates.Language(r.Context()))
	p.RequestID = requestID(r)
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if _, ok := errors.AsType[*queryError](err); ok || reads {
		p.inAddress()
	}
	if reads && (p.Detail == invalid.detail.En || p.Detail == invalid.detail.Zh) {
		p.Detail = "" // there was nothing to start
	}
	w.Header().Set("Content-Type", "application/problem+json")
	if err := writeJSON(w, r, f.status, p); err != nil {
		s.Log.ErrorContext(r.Context(), "writing a problem", "path", r.URL.Path, "error", err)
	}
}

// inAddress says that the wrong fields stand in the address.
func (p *Problem) inAddress() {
	for i, wrong := range p.Errors {
		p.Errors[i].Pointer, p.Errors[i].Parameter = "", wrong.Field
	}
}

// wantsJSON reports whether the one who sent r is a machine.
func wantsJSON(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/webhooks/") ||
		strings.Contains(r.Header.Get("Accept"), "json") || strings.Contains(r.Header.Get("Content-Type"), "json")
}

// An unreadableEvent is a request of which the platform's event says too little.
type unreadableEvent struct{ what param.Text }

// Error is for logs.
func (e *unreadableEvent) Error() string { return "unreadable request: " + e.what.En }

// Unreadable answers a request that could not be made of an event, and says
// what is wrong with it, as every other answer is written.
func (s *Server) Unreadable(w http.ResponseWriter, r *http.Request, what param.Text) {
	s.identify(s.logged(s.headers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, &unreadableEvent{what})
	})))).ServeHTTP(w, r)
}
