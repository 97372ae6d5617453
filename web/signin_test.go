package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"backupportal/web/auth"
)

// TestWithoutSignInOnlyPublicRoutesAreServed proves that without a sign-in the portal serves
// only the health check, the assets, the API description and refusals.
func TestWithoutSignInOnlyPublicRoutesAreServed(t *testing.T) {
	w := newWorld(t)
	w.server.Sender = auth.EventsOnly
	handler := w.server.Handler()
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/", "text/html"}, {"GET", "/backups", "text/html"}, {"GET", "/backups/new", "text/html"},
		{"GET", "/backups/new/UDM_ECS", "text/html"}, {"POST", "/backups/preview", "text/html"}, {"POST", "/backups/volumes", "text/html"}, {"POST", "/backups", "text/html"},
		{"GET", "/backups/aaaaaaaaaaaaaaaaaaaaaaaaaa", "text/html"}, {"GET", "/backups/schedules", "text/html"},
		{"GET", "/api/v1/backup-jobs", "application/problem+json"}, {"POST", "/api/v1/backup-jobs", "application/problem+json"},
		{"GET", "/api/v1/backup-jobs/aaaaaaaaaaaaaaaaaaaaaaaaaa", "application/problem+json"},
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(c.method, "http://localhost"+c.path, nil))
		if answer.Code != http.StatusUnauthorized || !strings.HasPrefix(answer.Header().Get("Content-Type"), c.want) {
			t.Errorf("%s %s: status %d, %s", c.method, c.path, answer.Code, answer.Header().Get("Content-Type"))
		}
		if body := answer.Body.String(); strings.Contains(body, "demo") || strings.Contains(body, "1000000000000001") {
			t.Errorf("%s %s tells a stranger: %s", c.method, c.path, body)
		}
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest("GET", "http://localhost/healthz", nil))
	if answer.Code != http.StatusOK {
		t.Errorf("/healthz: status %d", answer.Code)
	}
	if n := w.calls(); n != 0 {
		t.Errorf("the cloud got %d calls", n)
	}
}
