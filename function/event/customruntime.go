package event

import (
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

// maxEvent bounds the event of a custom runtime, in bytes. The platform's own
// limit for a synchronous call is 32 MB.
const maxEvent = 32 << 20

// CustomRuntime returns the handler for a server that runs as Function
// Compute's custom runtime, and nowhere else: it believes the x-fc-* headers,
// which anybody could send to another server.
//
// There HTTP requests come as they are, with the invocation's context in x-fc-*
// headers, which Web does not see. Other events come as POST /invoke. The
// platform finds requests in the log by a line at their begin and end, which go
// to standard output (“Custom runtime”, log format).
func (d Doors) CustomRuntime() http.Handler { return d.customRuntime(os.Stdout) }

func (d Doors) customRuntime(out io.Writer) http.Handler {
	web := Recover(d.Web, d.Log)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inv := fromHeaders(r.Header)
		event := r.Method == http.MethodPost && r.URL.Path == "/invoke" && r.Header.Get("X-Fc-Control-Path") == "/invoke"
		r = withoutPlatformHeaders(r)
		r = r.WithContext(identified(WithInvocation(r.Context(), inv)))
		r.RemoteAddr = "" // the platform's own: whose the request is it does not say

		end := ", Error: Unhandled function error"
		fmt.Fprintf(out, "FC Invoke Start RequestId: %s\n", inv.RequestID)
		defer func() { fmt.Fprintf(out, "FC Invoke End RequestId: %s%s\n", inv.RequestID, end) }()
		if event && !d.serveInvoke(w, r) {
			return
		}
		if !event {
			web.ServeHTTP(w, r)
		}
		end = ""
	})
}

// Invoke returns a handler that takes an event as POST /invoke, and leaves all
// other requests to Web. It reads no platform header, so that it serves without a
// platform: in front of an emulator, for demonstrations.
func (d Doors) Invoke() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/invoke" {
			d.serveInvoke(w, r)
			return
		}
		d.Web.ServeHTTP(w, r)
	})
}

// serveInvoke answers an event that came as a request and reports whether it
// was handled. On failure it says so in every way that a version of the
// platform may look at: status, header and body.
func (d Doors) serveInvoke(w http.ResponseWriter, r *http.Request) bool {
	began := time.Now()
	event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	var answer json.RawMessage
	if err != nil {
		err = errors.New("event could not be read")
		d.Log.InfoContext(r.Context(), "event", "outcome", outcomeUnreadable, "duration_ms", time.Since(began).Milliseconds())
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

// errorType names an error as the SDKs do: its type without the package.
func errorType(err error) string {
	name := fmt.Sprintf("%T", err)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// StripPlatformHeaders drops x-fc-* from requests. A server that is not Function
// Compute's custom runtime stands behind it, so that nobody can pretend to be
// the platform.
func StripPlatformHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, withoutPlatformHeaders(r))
	})
}

func withoutPlatformHeaders(r *http.Request) *http.Request {
	r = r.WithContext(r.Context())
	r.Header = maps.Clone(r.Header)
	maps.DeleteFunc(r.Header, func(name string, _ []string) bool {
		return platformHeader(http.CanonicalHeaderKey(name))
	})
	return r
}
