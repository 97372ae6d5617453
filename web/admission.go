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

// overloadedRetry is the Retry-After of a request that was refused because too many others were
// worked on, in seconds.
const overloadedRetry = "2"

// submits returns the handler of a route that changes something: for signed-in senders, as often as
// their rate permits, with a slot for submissions.
func (s *Server) submits(h handler) handler {
	return s.admitted(admission.Submission, s.signedIn(s.rateLimited(h)))
}

// reads returns the handler of a route that changes nothing: for signed-in senders, with a slot for
// reads.
func (s *Server) reads(h handler) handler {
	return s.admitted(admission.Read, s.signedIn(h))
}

// watchPatience is how long a request that waits for the end of a job (?wait) may wait for a slot. Many such
// requests can arrive at the same moment, and each of them wants to wait anyway.
const watchPatience = time.Second

// watches is reads for a route that can wait for the end of a job.
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

// admittedWithin is admitted with another patience than the gate's. Zero means the gate's.
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

// admittedStream passes a request to h if a slot for submissions is free now. h reads the body as a
// stream, because the body can be large, and takes a slot itself when it has read it. A slow client
// therefore holds no slot.
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

// isRefused reports whether r was refused because no slot was free. The page of such a request does
// not look up its sender, because that can take as long as the request itself.
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
	err error // of the end of the body; nil means io.EOF
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

// offerAgain adds to the page of a refused request a button that sends the same request again, with
// everything that was typed.
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
	Refused  int64 `json:"refused"` // since the start of the process
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
