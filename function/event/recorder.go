package event

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
)

// A recorder stores the response to one HTTP event. It behaves like net/http's server: the
// first WriteHeader or Write fixes the status and the headers. It is neither a Flusher nor a
// Hijacker, because there is no connection. It is not safe for concurrent use.
type recorder struct {
	header http.Header // the handler may change it at any time
	fixed  http.Header // copy of header at the first WriteHeader; nil before
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

// Header implements [http.ResponseWriter].
func (rec *recorder) Header() http.Header { return rec.header }

// WriteHeader implements [http.ResponseWriter]. It ignores informational statuses, because an
// event has only one answer. It panics for an invalid status, as net/http does.
func (rec *recorder) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if rec.fixed != nil || status < 200 {
		return
	}
	rec.status, rec.fixed = status, maps.Clone(rec.header)
}

// Write implements [http.ResponseWriter].
func (rec *recorder) Write(p []byte) (int, error) {
	if rec.fixed == nil {
		rec.WriteHeader(http.StatusOK)
	}
	if !bodyAllowed(rec.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if len(p) > 0 && rec.body.Len() == 0 {
		rec.detectContentType(p)
	}
	return rec.body.Write(p)
}

// detectContentType sets Content-Type by the first bytes of the body, as net/http does. It sets
// nothing if the body is encoded, such as with gzip, or if the handler has set the header to
// nil.
func (rec *recorder) detectContentType(p []byte) {
	_, set := rec.fixed["Content-Type"]
	if !set && rec.fixed.Get("Content-Encoding") == "" {
		rec.fixed.Set("Content-Type", http.DetectContentType(p))
	}
}

// finish sets the status 200 if the handler has written nothing.
func (rec *recorder) finish() {
	if rec.fixed == nil {
		rec.WriteHeader(http.StatusOK)
	}
}

// bodyAllowed reports whether a response with this status may have a body.
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
