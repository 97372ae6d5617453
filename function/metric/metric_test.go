package metric_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/metric"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// text returns all metrics of r in the Prometheus text format.
func text(r *metric.Registry) string {
	var b strings.Builder
	r.Write(&b)
	return b.String()
}

func TestRegistryCountsByKindAndSource(t *testing.T) {
	r := metric.New("v1.2.3", time.Now)
	r.Rejected("invalid", "grafana")
	r.Rejected("invalid", "grafana")
	r.Rejected("denied", "event:timer")
	r.Rejected("unverified", "")
	for _, want := range []string{
		`backup_portal_build_info{version="v1.2.3",goversion="` + runtime.Version() + `"} 1`,
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
	r := metric.New("a\"b\\c\nd", time.Now)
	if want := `backup_portal_build_info{version="a\"b\\c\nd",`; !strings.Contains(text(r), want) {
		t.Errorf("no %s in\n%s", want, text(r))
	}
}

func TestRegistriesAreSeparate(t *testing.T) {
	one, other := metric.New("v1", time.Now), metric.New("v1", time.Now)
	one.Rejected("invalid", "grafana")
	if strings.Contains(text(other), "grafana") {
		t.Errorf("the other registry has\n%s", text(other))
	}
}

func TestRegistryCountsConcurrentEvents(t *testing.T) {
	r := metric.New("v1", time.Now)
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
		metric.New("v1", time.Now).Handler(secret.New(c.token)).ServeHTTP(answer, request)
		if answer.Code != c.status {
			t.Errorf("token %q, header %q: status %d, want %d", c.token, c.header, answer.Code, c.status)
		}
		if got := strings.Contains(answer.Body.String(), "build_info"); got != (c.status == http.StatusOK) {
			t.Errorf("token %q, header %q: body %q", c.token, c.header, answer.Body)
		}
	}
}

// filled returns a registry with the clock now. Each metric has at least one series.
func filled(now func() time.Time) *metric.Registry {
	r := metric.New("v1", now)
	r.Rejected("invalid", "grafana")
	r.Answered("GET /backups", http.StatusOK, 30*time.Millisecond)
	r.Answered("GET /backups", 1000, 30*time.Millisecond)
	r.Submitted("api", "created")
	r.AttemptEnded("created")
	r.ConsistencyMissed()
	r.CloudCall("CreateBackupJob", "success", 300*time.Millisecond)
	r.StoreStatement("claim", true, 2*time.Millisecond)
	r.SessionUsed("one")
	r.Queues(func() []metric.Queue { return []metric.Queue{{Kind: "read", Running: 1, Waiting: 2, Refused: 3}} })
	r.Swept(backup.Figures{
		At: now(), Open: 4, Unknown: 2, UnknownSince: now().Add(-time.Minute),
		Waiting:   []backup.Waiting{{Receiver: "chat", Count: 5, Since: now().Add(-time.Hour)}, {Receiver: "other"}},
		Missing:   []backup.Missing{{Expectation: "web-daily", Count: 3}},
		Successes: []backup.Success{{Account: "demo", SourceType: param.UDMECS, At: now().Add(-2 * time.Hour)}},
	})
	return r
}

func TestEachDescribedMetricIsWritten(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	got := text(filled(func() time.Time { return now }))
	for _, d := range metric.Described {
		if want := "# HELP " + d.Name + " " + d.Help + "\n# TYPE " + d.Name + " " + d.Type + "\n"; strings.Count(got, want) != 1 {
			t.Errorf("%d times %q", strings.Count(got, want), want)
		}
	}
	for _, want := range []string{
		`backup_portal_http_requests_total{route="GET /backups",status="200"} 1`,
		`backup_portal_http_requests_total{route="GET /backups",status="other"} 1`,
		`backup_portal_http_request_duration_seconds_bucket{route="GET /backups",le="0.025"} 0`,
		`backup_portal_http_request_duration_seconds_bucket{route="GET /backups",le="0.1"} 2`,
		`backup_portal_http_request_duration_seconds_count{route="GET /backups"} 2`,
		`backup_portal_submissions_total{door="api",outcome="created"} 1`,
		`backup_portal_attempts_total{result="created"} 1`,
		`backup_portal_cloud_call_duration_seconds_bucket{operation="CreateBackupJob",class="success",le="0.25"} 0`,
		`backup_portal_cloud_call_duration_seconds_bucket{operation="CreateBackupJob",class="success",le="0.5"} 1`,
		`backup_portal_store_duration_seconds_count{statement="claim"} 1`,
		`backup_portal_store_errors_total{statement="claim"} 1`,
		`backup_portal_admission_running{kind="read"} 1`,
		`backup_portal_admission_waiting{kind="read"} 2`,
		`backup_portal_admission_refused_total{kind="read"} 3`,
		`backup_portal_sessions 1`,
		`backup_portal_open_submissions 4`,
		`backup_portal_unknown_outcomes 2`,
		`backup_portal_unknown_outcome_age_seconds 60`,
		`backup_portal_notices_waiting{receiver="chat"} 5`,
		`backup_portal_notice_age_seconds{receiver="chat"} 3600`,
		`backup_portal_notice_age_seconds{receiver="other"} 0`,
		`backup_portal_missing_backups{expectation="web-daily"} 3`,
		`backup_portal_last_success_timestamp_seconds{account="demo",source_type="UDM_ECS"} ` + fmt.Sprint(now.Unix()-7200),
		`backup_portal_last_sweep_timestamp_seconds ` + fmt.Sprint(now.Unix()),
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s in\n%s", want, got)
		}
	}
	if !strings.Contains(got, "\ngo_goroutines ") {
		t.Error("no goroutines")
	}
}

func TestFiguresOfAnOldSweepAreLeftOut(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	r := filled(func() time.Time { return now })
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {10*time.Minute - 1, true}, {time.Nanosecond, false}} {
		now = now.Add(c.after)
		got := text(r)
		if strings.Contains(got, "unknown_outcomes") != c.want || !strings.Contains(got, "\nbackup_portal_last_sweep_timestamp_seconds ") {
			t.Errorf("%v later, want figures %v:\n%s", c.after, c.want, got)
		}
	}
}

func TestSessionsOfTheLastHourAreCounted(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	r := metric.New("v1", func() time.Time { return now })
	check := func(want int) {
		t.Helper()
		if line := fmt.Sprintf("\nbackup_portal_sessions %d\n", want); !strings.Contains(text(r), line) {
			t.Errorf("no line %q", line)
		}
	}
	check(0)
	r.SessionUsed("one")
	r.SessionUsed("one")
	now = now.Add(30 * time.Minute)
	r.SessionUsed("two")
	check(2)
	now = now.Add(30 * time.Minute)
	check(1)
	for i := range 10_100 {
		r.SessionUsed(fmt.Sprint("many ", i))
	}
	check(10_000)
	r.SessionUsed("two")
	now = now.Add(time.Hour - 1)
	check(10_000)
	now = now.Add(1)
	check(0)
}
