package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/emulator"
)

// A cloudClock is a clock that a test sets forward. The zero value shows the real time.
type cloudClock struct{ ahead atomic.Int64 }

// Now returns the time of c.
func (c *cloudClock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// emulated returns the settings of a portal with an emulator of the cloud, the emulator and its clock.
func emulated(t testing.TB) (settings []string, cloud *emulator.Cloud, clock *cloudClock) {
	t.Helper()
	clock = &cloudClock{}
	cloud, err := emulator.New(emulator.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	return []string{
		"CLOUD_ENDPOINT", server.URL, "ALIBABA_CLOUD_ACCESS_KEY_ID", "demo-portal-key",
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET", "demo-portal-secret", "METRICS_TOKEN", metricsToken,
	}, cloud, clock
}

// post submits a backup of an instance of the demo world through the API, and returns the
// status. name is the name of its job.
func post(p App, account, instance, key, name string) int {
	body := fmt.Sprintf(`{"Account":%q,"Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":%q,"Retention":7,"JobName":%q}`, account, instance, name)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9000/api/v1/backup-jobs", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	answer := httptest.NewRecorder()
	p.Handlers.Web.ServeHTTP(answer, r)
	return answer.Code
}

// demoInstance is an instance of account demo.
const demoInstance = "i-bp1demoweb01"

// value returns the value of a metric of p, or false if it does not exist. The pattern matches
// the metric's name with its labels.
func value(t *testing.T, p App, pattern string) (found string, ok bool) {
	t.Helper()
	text := get(p, "/metrics", metricsToken).Body.String()
	match := regexp.MustCompile(`(?m)^` + pattern + ` (\S+)$`).FindStringSubmatch(text)
	if match == nil {
		return "", false
	}
	return match[1], true
}

func TestMetricsShowWhatHappened(t *testing.T) {
	settings, cloud, clock := emulated(t)
	p, _ := wired(t, settings...)
	check := func(pattern, want string) {
		t.Helper()
		if got, ok := value(t, p, pattern); got != want || !ok {
			t.Errorf("%s is %q, want %q in\n%s", pattern, got, want, get(p, "/metrics", metricsToken).Body)
		}
	}
	if code := post(p, "demo", demoInstance, "one", "emulator.1s.COMPLETE"); code != http.StatusCreated {
		t.Fatalf("status %d", code)
	}
	if code := post(p, "demo", demoInstance, "one", "emulator.1s.COMPLETE"); code != http.StatusOK {
		t.Fatalf("the repeat: status %d", code)
	}
	if err := cloud.SetFaults("CreateBackupJob: refuse 404 VaultNotExist"); err != nil {
		t.Fatal(err)
	}
	if code := post(p, "demo", demoInstance, "two", "refused"); code < 400 {
		t.Fatalf("the refusal: status %d", code)
	}
	if err := cloud.SetFaults("CreateBackupJob: drop"); err != nil {
		t.Fatal(err)
	}
	if code := post(p, "demo", demoInstance, "three", "lost"); code != http.StatusAccepted {
		t.Fatalf("the lost answer: status %d", code)
	}
	if code := post(p, "nowhere", demoInstance, "four", "denied"); code < 400 {
		t.Fatalf("an unknown account: status %d", code)
	}
	for range 3 {
		get(p, "/no/such/page/"+fmt.Sprint(time.Now().UnixNano()), "")
	}
	check(`backup_portal_http_requests_total\{route="POST /api/v1/backup-jobs",status="201"\}`, "1")
	check(`backup_portal_http_requests_total\{route="POST /api/v1/backup-jobs",status="202"\}`, "1")
	check(`backup_portal_http_requests_total\{route="",status="404"\}`, "3")
	check(`backup_portal_http_request_duration_seconds_count\{route="POST /api/v1/backup-jobs"\}`, "5")
	for _, outcome := range []string{"created", "replayed", "refused", "unknown"} {
		check(`backup_portal_submissions_total\{door="api",outcome="`+outcome+`"\}`, "1")
	}
	for _, result := range []string{"created", "refused", "unknown"} {
		check(`backup_portal_attempts_total\{result="`+result+`"\}`, "1")
	}
	for _, class := range []string{"success", "refused", "unknown"} {
		check(`backup_portal_cloud_call_duration_seconds_count\{operation="CreateBackupJob",class="`+class+`"\}`, "1")
	}
	check(`backup_portal_store_duration_seconds_count\{statement="claim"\}`, "5") // a refusal by the policy is recorded too
	check(`backup_portal_admission_waiting\{kind="submission"\}`, "0")
	check(`backup_portal_sessions`, "0")
	check(`backup_portal_store_errors_total\{statement="claim"\}`, "0")
	check(`backup_portal_submissions_total\{door="webhook",outcome="store_unavailable"\}`, "0")
	if _, ok := value(t, p, `backup_portal_unknown_outcomes`); ok {
		t.Error("figures before the first sweep")
	}

	if err := cloud.SetFaults(""); err != nil {
		t.Fatal(err)
	}
	clock.ahead.Store(int64(time.Minute))
	if _, err := p.Service.Sweep(t.Context(), 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	p.Service.Successes = nil // search again, although no time has passed
	if _, err := p.Service.Sweep(t.Context(), 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	check(`backup_portal_unknown_outcomes`, "0") // the window of its attempt has not ended
	check(`backup_portal_open_submissions`, "1")
	if _, ok := value(t, p, `backup_portal_last_success_timestamp_seconds\{account="demo",source_type="UDM_ECS"\}`); !ok {
		t.Errorf("no last success in\n%s", get(p, "/metrics", metricsToken).Body)
	}
	if _, ok := value(t, p, `backup_portal_last_sweep_timestamp_seconds`); !ok {
		t.Error("no last sweep")
	}
}

// TestMetricsCountCallsOfSTS proves that calls of STS (AssumeRole) are counted in the metric of
// cloud calls.
func TestMetricsCountCallsOfSTS(t *testing.T) {
	settings, _, _ := emulated(t)
	p, _ := wired(t, settings...)
	if code := post(p, "payments", "i-bp2demopay01", "one", "x"); code != http.StatusCreated {
		t.Fatalf("status %d", code)
	}
	// A role is assumed for each operation: to create the job, and to read the name of the
	// instance.
	for operation, want := range map[string]string{"AssumeRole": "2", "CreateBackupJob": "1"} {
		if got, _ := value(t, p, `backup_portal_cloud_call_duration_seconds_count\{operation="`+operation+`",class="success"\}`); got != want {
			t.Errorf("%s: %q calls, want %s", operation, got, want)
		}
	}
}

// TestFiguresAreLoggedWhereNobodyScrapes proves that on platforms where no monitoring system
// can read the metrics, each regular background run writes its figures to the log, and each
// request writes one line.
func TestFiguresAreLoggedWhereNobodyScrapes(t *testing.T) {
	receiver, _ := notified(t)
	settings, cloud, clock := emulated(t)
	settings = append(receiver, settings...)
	settings = append(settings, "FC_RUNTIME_API", "127.0.0.1:1", "AUTH_MODE", "demo", "ALLOW_EPHEMERAL_STORE", "1", "LIST_FIRST", "1")
	p, log := wired(t, settings...)
	if err := cloud.SetFaults(""); err != nil {
		t.Fatal(err)
	}
	if code := post(p, "demo", demoInstance, "one", "emulator.1s.COMPLETE"); code != http.StatusCreated {
		t.Fatalf("status %d", code)
	}
	clock.ahead.Store(int64(time.Minute))
	p.Service.Successes = nil
	for range 2 {
		const sweep = `{"triggerName":"sweep","triggerTime":"2026-11-23T01:00:00Z","payload":"{\"sweep\":true}"}`
		if _, err := p.Handlers.FC(t.Context(), []byte(sweep)); err != nil {
			t.Fatal(err)
		}
	}
	found := map[string]map[string]any{}
	for line := range strings.Lines(log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		found[fields["msg"].(string)] = fields
	}
	for msg, names := range map[string][]string{
		"request":               {"method", "route", "status", "duration_ms", "request_id"},
		"figures":               {"open", "unknown_outcomes", "unknown_outcome_age"},
		"figures of a receiver": {"receiver", "notices_waiting", "notice_age"},
		"figures of an account": {"account", "source_type", "last_success_age"},
	} {
		for _, name := range names {
			if found[msg][name] == nil {
				t.Errorf("%q has no %s: %v", msg, name, found[msg])
			}
		}
	}
}

// TestFiguresAreNotLoggedOnAPlainServer proves that the plain server, whose metrics a
// monitoring system can read, does not also write the figures to the log.
func TestFiguresAreNotLoggedOnAPlainServer(t *testing.T) {
	p, log := wired(t, "METRICS_TOKEN", metricsToken)
	if _, err := p.Service.Sweep(t.Context(), 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), "figures") {
		t.Errorf("figures in\n%s", log)
	}
}
