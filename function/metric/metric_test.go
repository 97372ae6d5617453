package metric_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"backupportal/function/metric"
	"backupportal/function/secret"
)

// text returns the metrics of r.
func text(r *metric.Registry) string {
	var b strings.Builder
	r.Write(&b)
	return b.String()
}

func TestRegistryCountsByKindAndSource(t *testing.T) {
	r := metric.New("v1.2.3")
	r.Rejected("invalid", "grafana")
	r.Rejected("invalid", "grafana")
	r.Rejected("denied", "event:timer")
	r.Rejected("unverified", "")
	for _, want := range []string{
		`backup_portal_build_info{version="v1.2.3"} 1`,
		`backup_portal_rejected_total{kind="invalid",source="grafana"} 2`,
		`backup_portal_rejected_total{kind="denied",source="event:timer"} 1`,
		`backup_portal_rejected_total{kind="unverified",source=""} 1`,
	} {
		if !strings.Contains(text(r), want+"\n") {
			t.Errorf("no line %s in\n%s", want, text(r))
		}
	}
}

func TestRegistryEscapesLabels(t *testing.T) {
	r := metric.New("a\"b\\c\nd")
	if got, want := text(r), `backup_portal_build_info{version="a\"b\\c\nd"} 1`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRegistriesAreSeparate(t *testing.T) {
	one, other := metric.New("v1"), metric.New("v1")
	one.Rejected("invalid", "grafana")
	if strings.Contains(text(other), "rejected") {
		t.Errorf("the other registry has\n%s", text(other))
	}
}

func TestRegistryCountsConcurrentEvents(t *testing.T) {
	r := metric.New("v1")
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() { r.Rejected("invalid", "grafana") })
	}
	all.Wait()
	if want := `{kind="invalid",source="grafana"} 64`; !strings.Contains(text(r), want) {
		t.Errorf("no %s in\n%s", want, text(r))
	}
}

func TestHandlerNeedsTheToken(t *testing.T) {
	const token = "metrics-token-of-32-characters-1"
	for _, c := range []struct {
		token  string
		header []string
		status int
	}{
		{token, []string{"Bearer " + token}, http.StatusOK},
		{token, []string{"bearer " + token}, http.StatusOK},
		{token, nil, http.StatusUnauthorized},
		{token, []string{"Bearer "}, http.StatusUnauthorized},
		{token, []string{token}, http.StatusUnauthorized},
		{token, []string{"Basic " + token}, http.StatusUnauthorized},
		{token, []string{"Bearer " + token + "x"}, http.StatusUnauthorized},
		{token, []string{"Bearer " + token[:31]}, http.StatusUnauthorized},
		{token, []string{"Bearer " + token, "Bearer x"}, http.StatusUnauthorized},
		{"", []string{"Bearer "}, http.StatusUnauthorized},
		{"", []string{"Bearer"}, http.StatusUnauthorized},
	} {
		request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		request.Header["Authorization"] = c.header
		answer := httptest.NewRecorder()
		metric.New("v1").Handler(secret.New(c.token)).ServeHTTP(answer, request)
		if answer.Code != c.status {
			t.Errorf("token %q, header %q: status %d, want %d", c.token, c.header, answer.Code, c.status)
		}
		if got := strings.Contains(answer.Body.String(), "build_info"); got != (c.status == http.StatusOK) {
			t.Errorf("token %q, header %q: body %q", c.token, c.header, answer.Body)
		}
	}
}
