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

// maxStack is the maximum size of a stack in a log line, in bytes. The platform cuts lines at
// 32 KB.
const maxStack = 16 << 10

// serve always answers an HTTP event. If no request can be made from the event, wrong says why;
// otherwise it is nil. A response that the platform cannot represent becomes a page with status
// 500.
func (d Handlers) serve(ctx context.Context, e httpEvent, wrong error) json.RawMessage {
	if inv, ok := FromContext(ctx); ok && inv.RequestID == "" {
		inv.RequestID = e.RequestContext.RequestID
		ctx = WithInvocation(ctx, inv)
	}
	ctx = withLogID(ctx)
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
		d.Log.WarnContext(ctx, "invalid request", "error", err)
		r = e.partialRequest(ctx)
		d.handle(rec, r, func(w http.ResponseWriter, r *http.Request) { d.Unreadable(w, r, err) })
	default:
		d.Log.WarnContext(ctx, "invalid request", "error", err)
		r = e.partialRequest(ctx)
		writeProblem(ctx, rec, http.StatusBadRequest, wantsJSON(e.RawPath, header))
	}
	answer, err := rec.encode(method, e.format, e.multi)
	if err != nil {
		d.Log.ErrorContext(ctx, "response cannot be encoded", "error", err, "method", method, "path", r.URL.EscapedPath())
		rec = newRecorder()
		writeProblem(ctx, rec, http.StatusInternalServerError, wantsJSON(e.RawPath, header))
		answer, _ = rec.encode(method, e.format, e.multi) // cannot fail: a problem has no cookies and few headers
	}
	return answer
}

// handle calls serve and recovers a panic. It then discards what serve has written, and answers
// with a page with status 500.
func (d Handlers) handle(rec *recorder, r *http.Request, serve http.HandlerFunc) {
	defer func() {
		if v := recover(); v != nil {
			logPanic(d.Log, r, v)
			*rec = *newRecorder()
			writeProblem(r.Context(), rec, http.StatusInternalServerError, wantsJSON(r.URL.Path, r.Header))
		}
	}()
	serve(rec, r)
}

// Recover returns a handler that answers a panic of next, also http.ErrAbortHandler, with a
// page with status 500. It is for plain servers. If next had already started its response, the
// connection is closed instead, so that the client does not take a part for the whole.
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

// A startedWriter records whether a part of the answer was sent.
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

// FlushError sends what was written so far to the client. [http.ResponseController.Flush] calls
// it.
func (w *startedWriter) FlushError() error {
	w.started = true
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is what the other methods of [http.ResponseController] use.
func (w *startedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// logPanic logs a panic of a handler with its stack. The line has the path but not the query,
// which may contain secrets.
func logPanic(log *slog.Logger, r *http.Request, v any) {
	stack := debug.Stack()
	log.ErrorContext(r.Context(), "handler panicked", "panic", fmt.Sprint(v), "method", r.Method,
		"path", cmp.Or(r.URL.EscapedPath(), "/"), "stack", string(stack[:min(len(stack), maxStack)]))
}
