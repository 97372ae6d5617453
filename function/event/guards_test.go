package event_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestExactHeaderLimitOnFC proves that a response may have exactly 8192 bytes of headers, counted
// as HTTP/1.1 sends them, which is the limit of Function Compute. If the headers are one byte
// longer, the portal answers with its own error page, so that the platform does not answer with its
// error.
func TestExactHeaderLimitOnFC(t *testing.T) {
	const others = len("Content-Type: text/plain; charset=utf-8\r\n") + len("X-Large: \r\n")
	for bytes, want := range map[int]int{8<<10 - 1: 200, 8 << 10: 200, 8<<10 + 1: 500} {
		a := respond(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", bytes-others))
		})
		n := 0
		for name, value := range a.Headers {
			n += len(name) + len(value) + len(": \r\n")
		}
		if a.StatusCode != want || want == 200 && n != bytes {
			t.Errorf("%d bytes of headers: status %d, %d are sent", bytes, a.StatusCode, n)
		}
	}
}

// TestProblemPagePolicy proves that the error page has headers that forbid scripts, frames and
// content sniffing.
func TestProblemPagePolicy(t *testing.T) {
	for accept, policy := range map[string]string{
		"text/html":        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"application/json": "",
	} {
		event := strings.Replace(getEvent, `"version":"v1",`, `"version":"v1","headers":{"Accept":"`+accept+`"},`, 1)
		a := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }), event)
		if a.StatusCode != 500 || a.Headers["X-Content-Type-Options"] != "nosniff" || a.Headers["Content-Security-Policy"] != policy || a.Headers["Cache-Control"] != "no-store" {
			t.Errorf("%s: %d, %v", accept, a.StatusCode, a.Headers)
		}
	}
}

// TestInvalidStatuses proves that a response status without three digits is reported as a
// failure of the handler and is not sent. An informational status (1xx) is ignored.
func TestInvalidStatuses(t *testing.T) {
	for status, want := range map[int]int{99: 500, 0: 500, 100: 200, 200: 200, 999: 999, 1000: 500} {
		if a := respond(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }); a.StatusCode != want {
			t.Errorf("%d: answered %d", status, a.StatusCode)
		}
	}
}
