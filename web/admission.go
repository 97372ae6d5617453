package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"backupportal/function/admission"
	"backupportal/function/param"
	"backupportal/templates"
)

// overloadedRetry is the Retry-After header, in seconds, of a request that was refused because
// too many others were being handled.
const overloadedRetry = "2"

// submits returns the handler of a route that changes something. It needs a signed-in sender
// within the rate limit, and a slot (the right to be handled) for submissions.
func (s *Server) submits(h handler) handler {
	return s.admitted(admission.Submission, s.signedIn(s.rateLimited(h)))
}

// reads returns the handler of a route that changes nothing. It needs a signed-in sender, and a
// slot (the right to be handled) for reads.
func (s *Server) reads(h handler) handler {
	return s.admitted(admission.Read, s.signedIn(h))
}

// watchPatience is how long a request that waits for the end of a job (?wait) may wait for a
// slot, the right to be handled. Many such requests can arrive at the same moment, and waiting
// does them no harm.
const watchPatience = time.Second

// watches makes the handler of a read that can also wait for the end of a job. A request with
// the parameter wait may wait for a slot as long as watchPatience.
func (s *Server) watches(h handler) handler {
	h = s.signedIn(h)
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.URL.Query().Has("wait") {
			return s.admittedWithin(watchPatience, admission.Read, h)(w, r)
		}
		return s.admitted(admission.Read, h)(w, r)
	}
}

// admitted passes a request to h when it has a slot. Otherwise the error is [admission.ErrFull] and
// no work was done. The slot is given back before the answer is written, and the body is read
// before the request has a slot, so that a slow client holds none.
func (s *Server) admitted(kind admission.Kind, h handler) handler {
	return s.admittedWithin(0, kind, h)
}

// admittedWithin is [Server.admitted] with another limit of the time that a request waits for a
// slot. If patience is zero, the limit is that of the gate ([admission.Config.Patience]).
func (s *Server) admittedWithin(patience time.Duration, kind admission.Kind, h handler) handler {
	if s.Admission == nil {
		return h
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		r.Body = readAhead(r.Body)
		slot, err := s.Admission.EnterWithin(r.Context(), kind, patience)
		if err != nil {
			if r.Method == http.MethodPost && !wantsJSON(r) {
				_, _ = readForm(r) // parse the form, because the error page repeats its values
			}
			*r = *r.WithContext(context.WithValue(r.Context(), refusedKey{}, true))
			return admission.ErrFull // also if the client is gone: it reads no answer
		}
		defer slot.Leave()
		// Changes *r, as signedIn does.
		*r = *r.WithContext(admission.WithSlot(r.Context(), slot))
		return h(w, r)
	}
}

// admittedStream calls h if a slot for submissions (the right to be handled) is free now. It
// does not keep the slot. h reads the body as a stream, because the body can be large, and
// takes a slot itself afterwards. So a slow client holds no slot.
func (s *Server) admittedStream(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		slot, err := s.Admission.Enter(r.Context(), admission.Submission)
		if err != nil {
			return admission.ErrFull // also if the client is gone: it reads no answer
		}
		slot.Leave()
		return h(w, r)
	}
}

// refusedKey is the context key of a request that was refused because no slot was free.
type refusedKey struct{}

// isRefused reports whether r was refused because no slot was free. The page about that does
// not look up who has sent the request, because the look-up can take as long as the request
// itself.
func isRefused(r *http.Request) bool { return r.Context().Value(refusedKey{}) != nil }

// readAhead reads body to its end and returns a reader with the same bytes and the same error.
func readAhead(body io.ReadCloser) io.ReadCloser {
	data, err := io.ReadAll(body)
	return &readBody{Reader: bytes.NewReader(data), Closer: body, err: err}
}

// A readBody is a body that was read before.
type readBody struct {
	*bytes.Reader
	io.Closer
	err error // error at the end of the body; nil means io.EOF
}

// Read implements [io.Reader].
func (b *readBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) && b.err != nil {
		err = b.err
	}
	return n, err
}

// WriteTo implements [io.WriterTo].
func (b *readBody) WriteTo(w io.Writer) (int64, error) {
	n, err := b.Reader.WriteTo(w)
	if err == nil {
		err = b.err
	}
	return n, err
}

// offerAgain adds to the page about a refused request a button that sends the same request
// again, with all typed values.
func offerAgain(p *templates.Problem, r *http.Request) {
	if r.Method != http.MethodPost {
		p.Link, p.LinkText = r.URL.RequestURI(), param.Text{En: "Try again", Zh: "重试"}
		return
	}
	if r.PostForm == nil {
		return
	}
	typed, _ := posted(r.PostForm)
	values := hidden(typed, r.PostForm.Get("key"))
	for _, name := range []string{"op", "at", "page", "person"} {
		if value := r.PostForm.Get(name); value != "" && isPlainText(value) {
			values = append(values, templates.Hidden{Name: name, Value: value})
		}
	}
	p.Resend = &templates.Resend{Action: r.URL.Path, Text: sendAgain, Hidden: values}
}

// A load has the numbers of requests in progress, for operators.
type load struct {
	Submissions kindLoad `json:"submissions"`
	Reads       kindLoad `json:"reads"`
	Watchers    int      `json:"watchers"` // requests that wait for the end of a job
	AtCloud     int      `json:"at_cloud"` // requests that wait for an answer of the cloud, without a slot
}

// A kindLoad is the load of one kind of request.
type kindLoad struct {
	InFlight int   `json:"in_flight"`
	Waiting  int   `json:"waiting"`
	Refused  int64 `json:"refused"` // number since the start of the process
}

// load returns the present load, or nil if requests are not limited.
func (s *Server) load() *load {
	if s.Admission == nil {
		return nil
	}
	now := s.Admission.Load()
	of := func(kind admission.Kind) kindLoad {
		return kindLoad{InFlight: now.Running[kind], Waiting: now.Waiting[kind], Refused: now.Refused[kind]}
	}
	return &load{Submissions: of(admission.Submission), Reads: of(admission.Read), Watchers: now.Paused, AtCloud: now.Lent}
}
