package web

import (
	"context"
	"net/http"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// maxMethod is how much of a method a log line shows: an event may have any.
const maxMethod = 20

// answered is what the log line of a request says besides the request itself.
// Handlers fill it; it is written once.
type answered struct {
	principal identity.Principal
	known     bool // the request was authenticated as principal
}

type answeredKey struct{}

// setPrincipal notes who sent a request, for its log line.
func setPrincipal(ctx context.Context, p identity.Principal) {
	if a, ok := ctx.Value(answeredKey{}).(*answered); ok {
		a.principal, a.known = p, true
	}
}

// logged writes one line for each request: how it was answered and for whom. It
// shows the pattern of the route and never the address.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		a, sent := &answered{}, &statusWriter{ResponseWriter: w}
		r = r.WithContext(context.WithValue(r.Context(), answeredKey{}, a))
		finished := false
		defer func() {
			status := sent.status
			switch {
			case status == 0 && finished:
				status = http.StatusOK
			case status == 0:
				status = http.StatusInternalServerError
			}
			line := []any{
				"method", param.Clean(r.Method, maxMethod), "route", r.Pattern, "status", status,
				"duration_ms", time.Since(began).Milliseconds(),
			}
			if a.known {
				line = append(line, "principal", a.principal.ID())
			}
			s.Log.InfoContext(r.Context(), "request", line...)
		}()
		next.ServeHTTP(sent, r)
		finished = true
	})
}

// statusWriter remembers the status of an answer; 0 while there is none.
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

// Unwrap serves [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
