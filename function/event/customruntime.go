package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"time"

	"backupportal/function/jsontext"
)

// maxEvent is the maximum size of an event for a custom runtime, in bytes: the platform's limit
// for a synchronous invocation.
const maxEvent = 32 << 20

// CustomRuntime returns the handler of a server that runs as a custom runtime of Function
// Compute. No other server may use it: it trusts the x-fc-* headers, which any client could send.
//
// HTTP requests arrive unchanged, with the invocation in x-fc-* headers, which Web does not see.
// Other events arrive as POST /invoke, and the start of an instance as POST /initialize, both with
// the path in a header too. The platform finds the lines of a request in the log by a line at its
// start and one at its end, which go to standard output (“Custom runtime”, log format).
func (d Handlers) CustomRuntime() http.Handler { return d.customRuntime(os.Stdout) }

// customRuntime is CustomRuntime with another writer instead of standard output.
func (d Handlers) customRuntime(out io.Writer) http.Handler {
	web := Recover(d.Web, d.Log)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inv := fromHeaders(r.Header)
		call := controlPath(r)
		r = withoutPlatformHeaders(r)
		r = r.WithContext(withLogID(WithInvocation(r.Context(), inv)))
		r.RemoteAddr = "" // it is the platform's; the client's address is unknown

		word, end := "Invoke", ", Error: Unhandled function error"
		if call == initializePath {
			word = "Initialize"
		}
		if inv.RequestID != "" { // a health check has no id
			fmt.Fprintf(out, "FC %s Start RequestId: %s\n", word, inv.RequestID)
			defer func() { fmt.Fprintf(out, "FC %s End RequestId: %s%s\n", word, inv.RequestID, end) }()
		}
		switch call {
		case invokePath:
			if !d.serveInvoke(w, r) {
				return
			}
		case initializePath:
			d.initialize(r.Context())
		default:
			web.ServeHTTP(w, r)
		}
		end = ""
	})
}

// Paths of the platform's own requests to a custom runtime.
const (
	invokePath     = "/invoke"     // an event
	initializePath = "/initialize" // the start of an instance, if the function has an initializer
)

// controlPath returns invokePath or initializePath if the platform itself made the request r, and
// otherwise the empty string. A client can send such a path, but not the header.
func controlPath(r *http.Request) string {
	path := r.Header.Get("X-Fc-Control-Path")
	if r.Method == http.MethodPost && r.URL.Path == path && (path == invokePath || path == initializePath) {
		return path
	}
	return ""
}

// initialize prepares a new instance before its first request. It does not fail: without a
// database the portal can still explain on its pages what is missing, but the platform would not
// use an instance whose initializer fails.
func (d Handlers) initialize(ctx context.Context) {
	if d.Initialize == nil {
		return
	}
	if err := d.Initialize(ctx); err != nil {
		d.Log.WarnContext(ctx, "instance not fully initialized", "error", err)
	}
}

// Invoke returns a handler that reads an event from the body of POST /invoke and passes other
// requests to Web. It reads no header of the platform, so it also works without the platform: with an
// emulator, and for demonstrations.
func (d Handlers) Invoke() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == invokePath {
			d.serveInvoke(w, r)
			return
		}
		d.Web.ServeHTTP(w, r)
	})
}

// serveInvoke answers an event that arrived as an HTTP request, and reports whether the event
// was handled. It signals an error in three ways (status, a header and the body), because each
// version of the platform reads another one.
func (d Handlers) serveInvoke(w http.ResponseWriter, r *http.Request) bool {
	began := time.Now()
	event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	coding := r.Header.Get("Content-Encoding")
	_, tooLong := errors.AsType[*http.MaxBytesError](err)
	switch {
	case coding != "" && !strings.EqualFold(coding, "identity"):
		err = errors.New("event has a Content-Encoding, which is not decoded: send it without one")
	case tooLong:
		err = fmt.Errorf("event could not be read: it has more than %d MB", maxEvent>>20)
	case err != nil:
		err = errors.New("event could not be read")
	}
	var answer json.RawMessage
	if err != nil {
		d.Log.InfoContext(r.Context(), "event", "outcome", outcomeUnreadable, "duration_ms", time.Since(began).Milliseconds())
		d.notMessage(r.Context(), Message{}, err.Error())
	} else {
		answer, err = d.answer(r.Context(), event)
	}
	w.Header().Set("Content-Type", "application/json")
	if err == nil {
		w.Write(answer)
		return true
	}
	w.Header().Set("X-Fc-Status", "404")
	w.WriteHeader(http.StatusInternalServerError)
	body, _ := jsontext.Marshal(map[string]string{"errorMessage": err.Error(), "errorType": errorType(err)})
	w.Write(body)
	return false
}

// errorType returns the name of the type of err without its package, as the SDKs report it.
func errorType(err error) string {
	name := fmt.Sprintf("%T", err)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// StripPlatformHeaders returns a handler that removes the x-fc-* headers of a request and then
// calls next. Every server that is not a custom runtime needs it: otherwise a client could send
// these headers and pretend to be the platform.
func StripPlatformHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, withoutPlatformHeaders(r))
	})
}

// withoutPlatformHeaders returns a copy of r without x-fc-* headers. r is not changed.
func withoutPlatformHeaders(r *http.Request) *http.Request {
	r = r.WithContext(r.Context())
	r.Header = maps.Clone(r.Header)
	maps.DeleteFunc(r.Header, func(name string, _ []string) bool {
		return isPlatformHeader(http.CanonicalHeaderKey(name))
	})
	return r
}
