package event

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
)

// A recorder is the response of one HTTP event. It follows net/http's server:
// status and headers are fixed by the first WriteHeader or Write. It is neither
// a Flusher nor a Hijacker, as there is no connection.
type recorder struct {
	header http.Header // the handler's to change at any time
	fixed  http.Header // as of the first WriteHeader; nil before
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

// Header implements [http.ResponseWriter].
func (rec *recorder) Header() http.Header { return rec.header }

// WriteHeader implements [http.ResponseWriter]. An informational status is
// ignored: an event has one answer.
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

// detectContentType leaves encoded bodies alone: it would name the encoding.
// A nil Content-Type is the handler's wish for none, as in net/http.
func (rec *recorder) detectContentType(p []byte) {
	_, set := rec.fixed["Content-Type"]
	if !set && rec.fixed.Get("Content-Encoding") == "" {
		rec.fixed.Set("Content-Type", http.DetectContentType(p))
	}
}

// finish fixes what a handler left open that wrote nothing.
func (rec *recorder) finish() {
	if rec.fixed == nil {
		rec.WriteHeader(http.StatusOK)
	}
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
