package event

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"backupportal/function/event/envelope"
)

// serveCustomRuntime sends one request to the handler as the custom runtime of Function Compute
// does. It returns the response and the text that the handler wrote to standard output.
func serveCustomRuntime(d Handlers, method, path, body string, headers map[string]string) (*httptest.ResponseRecorder, string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	d.Log = slog.New(slog.DiscardHandler)
	var out bytes.Buffer
	w := httptest.NewRecorder()
	d.customRuntime(&out).ServeHTTP(w, r)
	return w, out.String()
}

func TestCustomRuntimeInvocation(t *testing.T) {
	all := map[string]string{
		"x-fc-request-id": "req-1", "x-fc-region": "cn-hangzhou", "x-fc-account-id": "1", "x-fc-retry-count": "2",
		"x-fc-access-key-id": "id", "x-fc-access-key-secret": "secret", "x-fc-security-token": "token", "X-Other": "stays",
	}
	var got Invocation
	var header http.Header
	d := Handlers{Web: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ = FromContext(r.Context())
		header = r.Header
	})}
	_, out := serveCustomRuntime(d, "GET", "/", "", all)
	c := got.Credentials
	if got.RequestID != "req-1" || got.Region != "cn-hangzhou" || got.AccountID != "1" || got.RetryCount != 2 || got.Platform != PlatformFC ||
		c.AccessKeyID.Reveal() != "id" || c.AccessKeySecret.Reveal() != "secret" || c.SecurityToken.Reveal() != "token" {
		t.Errorf("invocation %+v", got)
	}
	if len(header) != 1 || header.Get("X-Other") != "stays" {
		t.Errorf("the handler saw %v", header)
	}
	if want := "FC Invoke Start RequestId: req-1\nFC Invoke End RequestId: req-1\n"; out != want {
		t.Errorf("printed %q, want %q", out, want)
	}
	delete(all, "x-fc-security-token")
	if serveCustomRuntime(d, "GET", "/", "", all); !got.Credentials.IsZero() {
		t.Error("a key pair without its token was taken")
	}
}

func TestCustomRuntimeServesEvents(t *testing.T) {
	var m Message
	d := Handlers{
		Web: http.NotFoundHandler(),
		Submit: func(_ context.Context, got Message) (json.RawMessage, error) {
			m = got
			if string(got.Payload) == `{"fail":1}` {
				return nil, errors.New("hunter2")
			}
			return json.RawMessage(`{"ok":1}`), nil
		},
	}
	path := map[string]string{"x-fc-control-path": "/invoke", "x-fc-request-id": "req-1"}
	w, out := serveCustomRuntime(d, "POST", "/invoke", `{"a":1}`, path)
	if w.Code != 200 || w.Body.String() != `{"ok":1}` || m.Kind != envelope.Direct || m.ID != "req-1" || strings.Contains(out, "Error") {
		t.Errorf("%d %s, message %+v, printed %s", w.Code, w.Body, m, out)
	}
	w, out = serveCustomRuntime(d, "POST", "/invoke", `{"fail":1}`, path)
	if w.Code != 500 || w.Header().Get("X-Fc-Status") != "404" || strings.Contains(w.Body.String(), "hunter2") ||
		!strings.Contains(w.Body.String(), `"errorType":"RetryError"`) || !strings.Contains(out, "req-1, Error: Unhandled function error\n") {
		t.Errorf("failure: %d %v %s, printed %s", w.Code, w.Header(), w.Body, out)
	}
	var reasons []string
	d.NotMessage = func(_ context.Context, _ Message, reason string) { reasons = append(reasons, reason) }
	w, _ = serveCustomRuntime(d, "POST", "/invoke", strings.Repeat(" ", maxEvent+1), path)
	if w.Code != 500 || !strings.Contains(w.Body.String(), "more than 32 MB") || len(reasons) != 1 {
		t.Errorf("too large: %d %s", w.Code, w.Body)
	}
	m = Message{}
	w, _ = serveCustomRuntime(d, "POST", "/invoke", `{"a":1}`, map[string]string{
		"x-fc-control-path": "/invoke", "x-fc-request-id": "req-1", "content-encoding": "gzip",
	})
	if w.Code != 500 || !strings.Contains(w.Body.String(), "Content-Encoding") || m.Kind != "" {
		t.Errorf("encoded: %d %s", w.Code, w.Body)
	}
	for _, headers := range []map[string]string{nil, {"x-fc-control-path": "/http-invoke"}} {
		if w, _ := serveCustomRuntime(d, "POST", "/invoke", `{"a":1}`, headers); w.Code != 404 || m.Kind != "" {
			t.Errorf("a visitor's /invoke was taken for an event: %d %+v", w.Code, m)
		}
	}
}

// TestCustomRuntimeInitializes proves that the platform's initializer prepares the instance and
// never fails, and that a client cannot start it.
func TestCustomRuntimeInitializes(t *testing.T) {
	calls, failure := 0, error(nil)
	d := Handlers{Web: http.NotFoundHandler(), Initialize: func(ctx context.Context) error {
		calls++
		if inv, _ := FromContext(ctx); inv.RequestID != "req-1" {
			t.Errorf("invocation %+v", inv)
		}
		return failure
	}}
	headers := map[string]string{"x-fc-control-path": "/initialize", "x-fc-request-id": "req-1"}
	for _, failure = range []error{nil, errors.New("no database")} {
		w, out := serveCustomRuntime(d, "POST", "/initialize", "", headers)
		if want := "FC Initialize Start RequestId: req-1\nFC Initialize End RequestId: req-1\n"; w.Code != 200 || out != want {
			t.Errorf("with the error %v: %d, printed %q, want %q", failure, w.Code, out, want)
		}
	}
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
	if w, _ := serveCustomRuntime(Handlers{}, "POST", "/initialize", "", headers); w.Code != 200 {
		t.Errorf("without a function to call: %d", w.Code)
	}
	for _, headers := range []map[string]string{nil, {"x-fc-control-path": "/http-invoke"}, {"x-fc-control-path": "/invoke"}} {
		if w, _ := serveCustomRuntime(d, "POST", "/initialize", "", headers); w.Code != 404 || calls != 2 {
			t.Errorf("a visitor with %v: %d", headers, w.Code)
		}
	}
	if w, _ := serveCustomRuntime(d, "GET", "/initialize", "", headers); w.Code != 404 {
		t.Errorf("GET: %d", w.Code)
	}
}

// TestHealthChecksWriteNoLines proves that a request without an id, such as a health check of the
// platform, writes no line of a request to the log.
func TestHealthChecksWriteNoLines(t *testing.T) {
	if w, out := serveCustomRuntime(Handlers{Web: http.NotFoundHandler()}, "GET", "/healthz", "", nil); w.Code != 404 || out != "" {
		t.Errorf("%d, printed %q", w.Code, out)
	}
}

func TestRecoverAbortsStartedResponse(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"written": func(w http.ResponseWriter) { io.WriteString(w, "half") },
		"status":  func(w http.ResponseWriter) { w.WriteHeader(200) },
		"flushed": func(w http.ResponseWriter) { http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v := recover(); v != http.ErrAbortHandler {
					t.Errorf("recovered %v", v)
				}
			}()
			h := Recover(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { begin(w); panic("x") }), slog.New(slog.DiscardHandler))
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		})
	}
}

func TestRecoverAfterInformationalStatus(t *testing.T) {
	w := httptest.NewRecorder()
	Recover(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		if w.(interface{ Unwrap() http.ResponseWriter }).Unwrap() == nil {
			t.Error("no connection")
		}
		panic("after an informational status only")
	}), slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if !strings.Contains(w.Body.String(), "<h1>500") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestStripPlatformHeadersCopiesRequest(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["x-fC-request-id"] = []string{"evil"}
	r.Header.Set("X-Fc-Access-Key-Id", "evil")
	r.Header.Set("X-Fcx", "stays")
	StripPlatformHeaders(http.HandlerFunc(func(_ http.ResponseWriter, got *http.Request) {
		if len(got.Header) != 1 || got.Header.Get("X-Fcx") != "stays" {
			t.Errorf("the handler saw %v", got.Header)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
	if len(r.Header) != 3 {
		t.Error("the server's own request was changed")
	}
}
