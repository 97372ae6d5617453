package web

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/trace"
)

// maxMethod is the length to which the HTTP method is cut in a log line, because an event may
// contain any text as its method.
const maxMethod = 20

// A requestLog is what handlers add to the log line of a request.
type requestLog struct {
	principal identity.Principal
	known     bool // principal was authenticated
}

// requestLogKey is the context key of a request's *requestLog.
type requestLogKey struct{}

// setPrincipal stores the sender of a request for its log line.
func setPrincipal(ctx context.Context, p identity.Principal) {
	if a, ok := ctx.Value(requestLogKey{}).(*requestLog); ok {
		a.principal, a.known = p, true
	}
}

// sentBy returns the sender that setPrincipal stored. known is false if no sender was stored.
func sentBy(ctx context.Context) (p identity.Principal, known bool) {
	if a, ok := ctx.Value(requestLogKey{}).(*requestLog); ok {
		return a.principal, a.known
	}
	return identity.Principal{}, false
}

// Meter counts requests for a monitoring system.
type Meter interface {
	// Answered counts one answered request and its duration. route is the pattern of its route,
	// or empty.
	Answered(route string, status int, took time.Duration)
	// SessionUsed notes the use of the session with this id.
	SessionUsed(id string)
}

// logged counts each request and writes one log line for it, also after a panic. The line has
// the pattern of the route, never the address, which may contain a code or a token.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		a, sent := &requestLog{}, &statusWriter{ResponseWriter: w}
		ctx, spans := trace.WithSpans(context.WithValue(r.Context(), requestLogKey{}, a))
		r = r.WithContext(ctx)
		finished := false
		defer func() {
			status := sent.status
			switch {
			case status == 0 && finished:
				status = http.StatusOK
			case status == 0:
				status = http.StatusInternalServerError
			}
			took := time.Since(began)
			if s.Meter != nil {
				s.Meter.Answered(r.Pattern, status, took)
			}
			line := []any{
				"method", param.Clean(r.Method, maxMethod), "route", r.Pattern, "status", status,
				"duration_ms", took.Milliseconds(),
			}
			if a.known {
				line = append(line, "principal", a.principal.ID())
			}
			if !spans.IsEmpty() {
				line = append(line, "spans", spans)
			}
			s.Log.InfoContext(r.Context(), "request", line...)
			spans.Export(r.Context(), s.Traces, cmp.Or(r.Pattern, "unknown path"), strconv.Itoa(status))
		}()
		next.ServeHTTP(sent, r)
		finished = true
	})
}

// A statusWriter stores the status of an answer. It is 0 before the header is written; a 1xx status
// is not stored.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap returns the wrapped writer, for [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
