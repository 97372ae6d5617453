package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"backupportal/function/app"
	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/event"
)

// A searchedLog stores log lines so that a test can search them.
type searchedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (l *searchedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// of returns the log lines with the given message and request id.
func (l *searchedLog) of(t *testing.T, message, id string) (found []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range strings.Lines(l.text.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if line["msg"] == message && line["request_id"] == id {
			found = append(found, line)
		}
	}
	return found
}

// shownID matches the request id in a problem document or in the page of a problem.
var shownID = regexp.MustCompile(`"request_id":\s*"([^"]+)"|RequestId <span class="mono">([^<]+)<`)

// TestRequestIDOfEveryAnswerIsInTheLog proves for every way of submitting and every runtime
// that the request id of each answer is in the log, always under the same key. One of the lines
// with this id contains the status of the answer.
func TestRequestIDOfEveryAnswerIsInTheLog(t *testing.T) {
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	cfg, err := app.ReadConfig(variables("CLOUD_ENDPOINT", endpoint.URL, "POLICY_FILE", "../cmd/local/policy.yaml", "AUTH_MODE", "demo",
		"ALLOW_EPHEMERAL_STORE", "1", "ALIBABA_CLOUD_ACCESS_KEY_ID", world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", world.DemoSecret))
	if err != nil {
		t.Fatal(err)
	}
	log := &searchedLog{}
	p, err := app.Wire(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })

	const backup = `{"Account":"demo","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","Retention":7}`
	form := url.Values{"Account": {"demo"}}.Encode()
	const isForm, isJSON = "application/x-www-form-urlencoded", "application/json"
	asks := []struct {
		method, path, media, body string
		route                     string
		status                    int
	}{
		{"GET", "/", "", "", "GET /{$}", 200},
		{"GET", "/nowhere?key=secret-query", "", "", "", 404},
		{"PUT", "/backups", "", "", "", 405},
		{"GET", "/?" + strings.Repeat("x", 3000), "", "", "", 414},
		{"POST", "/backups/preview", isForm, form, "POST /backups/preview", 422},
		{"POST", "/api/v1/backup-jobs", isJSON, backup, "POST /api/v1/backup-jobs", 201},
		{"POST", "/api/v1/backup-jobs", isJSON, `{`, "POST /api/v1/backup-jobs", 400},
		{"POST", "/api/v1/backup-jobs", "text/plain", backup, "POST /api/v1/backup-jobs", 415},
		{"POST", "/api/v1/backup-jobs", isJSON, `{"Account":"demo"}`, "POST /api/v1/backup-jobs", 422},
		{"POST", "/api/v1/backup-jobs", isJSON, strings.Repeat(" ", 257<<10), "POST /api/v1/backup-jobs", 413},
		{"POST", "/webhooks/nobody", isJSON, `{}`, "POST /webhooks/{source}", 404},
	}
	doors := map[string]func(id string, r *http.Request) (status int, shown, body string){
		"plain server": func(_ string, r *http.Request) (int, string, string) {
			w := httptest.NewRecorder()
			app.NewServer(app.Config{Platform: app.PlainServer}, p).Handler.ServeHTTP(w, r)
			return w.Code, w.Header().Get("X-Request-Id"), w.Body.String()
		},
		"custom runtime": func(id string, r *http.Request) (int, string, string) {
			w := httptest.NewRecorder()
			r.Header.Set("X-Fc-Request-Id", id)
			p.Handlers.CustomRuntime().ServeHTTP(w, r)
			return w.Code, w.Header().Get("X-Request-Id"), w.Body.String()
		},
		"event": func(id string, r *http.Request) (int, string, string) {
			var body bytes.Buffer
			body.ReadFrom(r.Body)
			e, _ := json.Marshal(map[string]any{
				"version": "2.0", "rawPath": r.URL.Path, "rawQueryString": r.URL.RawQuery, "body": body.String(),
				"headers": map[string]string{"Host": "localhost", "Content-Type": r.Header.Get("Content-Type"), "Sec-Fetch-Site": "same-origin", "Idempotency-Key": r.Header.Get("Idempotency-Key")},
				"requestContext": map[string]any{
					"requestId": id, "domainName": "localhost", "http": map[string]string{"method": r.Method, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
				},
			})
			answer, err := p.Handlers.Lambda(event.WithInvocation(t.Context(), event.Invocation{RequestID: id}), e)
			if err != nil {
				t.Fatal(err)
			}
			var out struct {
				StatusCode int
				Headers    map[string]string
				Body       string
			}
			if err := json.Unmarshal(answer, &out); err != nil {
				t.Fatal(err)
			}
			return out.StatusCode, out.Headers["X-Request-Id"], out.Body
		},
	}
	for door, do := range doors {
		for i, ask := range asks {
			id := fmt.Sprintf("%s %d", strings.ReplaceAll(door, " ", "-"), i)
			r := httptest.NewRequest(ask.method, "http://localhost"+ask.path, strings.NewReader(ask.body))
			r.Header.Set("Content-Type", ask.media)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.Header.Set("Idempotency-Key", rand.Text())
			status, header, body := do(id, r)
			if door == "plain server" {
				id = header
			}
			shown := shownID.FindStringSubmatch(body)
			switch {
			case header != id || id == "":
				t.Errorf("%s: %s %.40s has X-Request-Id %q, want %q", door, ask.method, ask.path, header, id)
			case status != ask.status:
				t.Errorf("%s: %s %.40s: status %d, want %d", door, ask.method, ask.path, status, ask.status)
			case shown == nil && status >= 400 && strings.HasPrefix(body, "{"):
				t.Errorf("%s: %s %.40s shows no request id: %s", door, ask.method, ask.path, body)
			case shown != nil && id != shown[1]+shown[2]:
				t.Errorf("%s: %s %.40s shows the request id %q, want %q", door, ask.method, ask.path, shown[1]+shown[2], id)
			}
			found := log.of(t, "request", id)
			if len(found) != 1 {
				t.Errorf("%s: %s %.40s has %d request lines, want 1", door, ask.method, ask.path, len(found))
				continue
			}
			line := found[0]
			if line["method"] != ask.method || line["route"] != ask.route || line["status"] != float64(ask.status) || line["duration_ms"] == nil {
				t.Errorf("%s: %s %.40s: %v", door, ask.method, ask.path, line)
			}
			if known := strings.Contains(ask.route, "backup"); known && line["principal"] == nil {
				t.Errorf("%s: %s %.40s has no principal: %v", door, ask.method, ask.path, line)
			}
			if ask.status == http.StatusCreated && len(log.of(t, "job created", id)) != 1 {
				t.Errorf("%s: the job's line does not have the request id %q", door, id)
			}
		}
	}

	for i, e := range []struct{ payload, kind, outcome string }{
		{backup, "direct", "accepted"},
		{`{"Account":"nobody"}`, "direct", "rejected"},
		{`{"sweep":true}`, "direct", "accepted"},
		{`7`, "", "unreadable"},
	} {
		id := fmt.Sprint("invocation ", i)
		r := httptest.NewRequest("POST", "/invoke", strings.NewReader(e.payload))
		r.Header.Set("X-Fc-Control-Path", "/invoke")
		r.Header.Set("X-Fc-Request-Id", id)
		p.Handlers.CustomRuntime().ServeHTTP(httptest.NewRecorder(), r)
		found := log.of(t, "event", id)
		if len(found) != 1 || found[0]["kind"] != e.kind || found[0]["outcome"] != e.outcome {
			t.Errorf("event %s: %v, want one line of kind %q with outcome %s", e.payload, found, e.kind, e.outcome)
		}
	}
	if strings.Contains(log.text.String(), "secret-query") {
		t.Error("the log shows a query")
	}
}
