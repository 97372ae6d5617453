package event

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// maxStack bounds the stack in a log record, in bytes. The platform cuts lines
// at 32 KB.
const maxStack = 16 << 10

// serve answers an HTTP event, whatever happens. wrong says why it cannot be read
// as a request; nil if it can.
func (d Doors) serve(ctx context.Context, e httpEvent, wrong error) json.RawMessage {
	if inv, ok := FromContext(ctx); ok && inv.RequestID == "" {
		inv.RequestID = e.RequestContext.RequestID
		ctx = WithInvocation(ctx, inv)
	}
	ctx = identified(ctx)
	method := e.RequestContext.HTTP.Method
	header := e.header()
	r, err := e.request(ctx)
	if wrong != nil {
		err = wrong
	}
	rec := newRecorder()
	switch {
	case err == nil:
		d.handle(rec, r, d.Web.ServeHTTP)
	case d.Unreadable != nil:
		d.Log.WarnContext(ctx, "request not readable", "error", err)
		r = e.remains(ctx)
		d.handle(rec, r, func(w http.ResponseWriter, r *http.Request) { d.Unreadable(w, r, err) })
	default:
		d.Log.WarnContext(ctx, "request not readable", "error", err)
		r = e.remains(ctx)
		writeProblem(ctx, rec, http.StatusBadRequest, wantsJSON(e.RawPath, header))
	}
	answer, err := rec.encode(method, e.lambda())
	if err != nil {
		d.Log.ErrorContext(ctx, "response not expressible", "error", err, "method", method, "path", r.URL.EscapedPath())
		rec = newRecorder()
		writeProblem(ctx, rec, http.StatusInternalServerError, wantsJSON(e.RawPath, header))
		answer, _ = rec.encode(method, e.lambda()) // a problem has no cookies and few headers
	}
	return answer
}

// handle calls the handler. The page about a panic replaces what it wrote.
func (d Doors) handle(rec *recorder, r *http.Request, serve http.HandlerFunc) {
	defer func() {
		if v := recover(); v != nil {
			logPanic(d.Log, r, v)
			*rec = *newRecorder()
			writeProblem(r.Context(), rec, http.StatusInternalServerError, wantsJSON(r.URL.Path, r.Header))
		}
	}()
	serve(rec, r)
}

// Recover makes panics of next into a page with status 500, http.ErrAbortHandler
// included, where next runs in a server of its own. If it had begun to answer,
// the connection is dropped instead, so that nobody takes half a page for a
// whole one.
func Recover(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sw := &startedWriter{ResponseWriter: w}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			logPanic(log, r, v)
			if sw.started {
				panic(http.ErrAbortHandler)
			}
			clear(w.Header())
			writeProblem(r.Context(), w, http.StatusInternalServerError, wantsJSON(r.URL.Path, r.Header))
		}()
		next.ServeHTTP(sw, r)
	})
}

// startedWriter knows whether anything was sent.
type startedWriter struct {
	http.ResponseWriter
	started bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *startedWriter) WriteHeader(status int) {
	w.started = w.started || status >= 200
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *startedWriter) Write(p []byte) (int, error) {
	w.started = true
	return w.ResponseWriter.Write(p)
}

// FlushError serves [http.ResponseController.Flush].
func (w *startedWriter) FlushError() error {
	w.started = true
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap serves the rest of [http.ResponseController].
func (w *startedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func logPanic(log *slog.Logger, r *http.Request, v any) {
	stack := debug.Stack()
	log.ErrorContext(r.Context(), "handler panicked", "panic", fmt.Sprint(v), "method", r.Method,
		"path", cmp.Or(r.URL.EscapedPath(), "/"), "stack", string(stack[:min(len(stack), maxStack)]))
}
