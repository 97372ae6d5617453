package app

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/trace"
)

// The trace that the tests send.
const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	traceParent = "00-" + traceID + "-b7ad6b7169203331-01"
)

// logLines returns the lines of a log.
func logLines(t *testing.T, log *logBuffer) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		lines = append(lines, fields)
	}
	return lines
}

// warm lets p open its database and begin its audit trail, by a submission that is refused, and empties the
// log. The lines of the start belong to no request.
func warm(p App, log *logBuffer) {
	post(p, "nowhere", demoInstance, "warm", "x")
	log.Reset()
}

// spanNames returns the names of the spans of a log line. Each must have a duration.
func spanNames(t *testing.T, line map[string]any) (names []string) {
	t.Helper()
	spans, _ := line["spans"].([]any)
	for _, one := range spans {
		span := one.(map[string]any)
		if took, ok := span["ms"].(float64); !ok || took < 0 {
			t.Errorf("no duration: %v", span)
		}
		names = append(names, span["name"].(string))
	}
	return names
}

// messages starts a receiver of notifications about created jobs. It returns the settings, and the headers
// that the receiver gets.
func messages(t *testing.T) (settings []string, got <-chan http.Header) {
	t.Helper()
	demo, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	const more = "\nnotifications:\n  receivers:\n    - {name: hook, kind: webhook, url_env: HOOK_URL, secret_env: HOOK_SECRET, events: [created]}\n"
	if err := os.WriteFile(file, append(demo, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	headers := make(chan http.Header, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { headers <- r.Header }))
	t.Cleanup(receiver.Close)
	return []string{
		"POLICY_FILE", file, "HOOK_URL", receiver.URL,
		"HOOK_SECRET", "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))),
	}, headers
}

// TestTraceIsLoggedAndHandedOn proves that each log line of a request has the trace id of the request, and that
// the notification about its job has the same trace. The last line of the request has the spans of its parts.
func TestTraceIsLoggedAndHandedOn(t *testing.T) {
	receiver, got := messages(t)
	settings, _, _ := emulated(t)
	p, log := wired(t, append(receiver, settings...)...)
	warm(p, log)
	const body = `{"Account":"payments","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp2demopay01","Retention":7}`
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9000/api/v1/backup-jobs", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "one")
	r.Header.Set("Traceparent", traceParent)
	r.Header.Set("Tracestate", "congo=t61rcWkgMzE")
	answer := httptest.NewRecorder()
	p.Handlers.Web.ServeHTTP(answer, r)
	if answer.Code != http.StatusCreated {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	lines := logLines(t, log)
	for _, line := range lines {
		if line["trace_id"] != traceID {
			t.Errorf("another trace: %v", line)
		}
	}
	last := lines[len(lines)-1]
	names := spanNames(t, last)
	for _, want := range []string{"door api", "decision", "store claim", "store append", "cloud AssumeRole", "cloud CreateBackupJob"} {
		if !slices.Contains(names, want) {
			t.Errorf("no span %q: %v", want, last)
		}
	}
	if _, err := p.Service.Sweep(t.Context(), 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	header := <-got
	parent := header.Get("Traceparent")
	if !strings.HasPrefix(parent, "00-"+traceID+"-") || !strings.HasSuffix(parent, "-01") || parent == traceParent {
		t.Errorf("traceparent %q", parent)
	}
	if state := header.Get("Tracestate"); state != "congo=t61rcWkgMzE" {
		t.Errorf("tracestate %q", state)
	}
}

// TestRequestWithoutATraceBeginsOne proves that a request without a valid traceparent gets a new trace, and that
// no log line has the invalid value.
func TestRequestWithoutATraceBeginsOne(t *testing.T) {
	p, log := wired(t)
	seen := map[string]bool{}
	for _, headers := range [][]string{nil, {strings.ToUpper(traceParent)}, {traceParent, traceParent}} {
		log.Reset()
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9000/healthz", nil)
		r.Header["Traceparent"] = headers
		p.Handlers.Web.ServeHTTP(httptest.NewRecorder(), r)
		for _, line := range logLines(t, log) {
			id, _ := line["trace_id"].(string)
			if len(id) != 32 || strings.EqualFold(id, traceID) || seen[id] {
				t.Errorf("headers %q: trace %q in %v", headers, id, line)
			}
			seen[id] = true
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d traces", len(seen))
	}
}

// TestTraceOfAnEvent proves that the portal uses the trace of a CloudEvent that has the attributes traceparent and
// tracestate (the extension for distributed tracing).
func TestTraceOfAnEvent(t *testing.T) {
	for name, c := range map[string]struct {
		attribute string
		want      bool
	}{
		"a trace":       {`,"traceparent":"` + traceParent + `","tracestate":"a=b"`, true},
		"no string":     {`,"traceparent":7`, false},
		"invalid":       {`,"traceparent":"` + strings.ToUpper(traceParent) + `"`, false},
		"no attribute":  {``, false},
		"a wrong state": {`,"traceparent":"` + traceParent + `","tracestate":7`, true},
	} {
		t.Run(name, func(t *testing.T) {
			settings, _, _ := emulated(t)
			p, log := wired(t, settings...)
			warm(p, log)
			event := `{"specversion":"1.0","id":"1","source":"shop","type":"t"` + c.attribute +
				`,"data":{"Account":"demo","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","Retention":7}}`
			if _, err := p.Handlers.FC(t.Context(), []byte(event)); err != nil {
				t.Fatal(err)
			}
			lines := logLines(t, log)
			last := lines[len(lines)-1]
			if last["msg"] != "event" || last["outcome"] != "accepted" {
				t.Fatalf("the last line: %v", last)
			}
			for _, line := range lines {
				if id, _ := line["trace_id"].(string); len(id) != 32 || (id == traceID) != c.want {
					t.Errorf("trace %q in %v", id, line)
				}
			}
			if names := spanNames(t, last); !slices.Contains(names, "cloud CreateBackupJob") || !slices.Contains(names, "door event") {
				t.Errorf("spans %v", names)
			}
		})
	}
}

// An asynchronous invocation that carries on with a batch belongs to the trace of the request that ordered it. The sender's
// text is checked as a header is.
func TestTraceOfACarriedBatch(t *testing.T) {
	for name, c := range map[string]struct {
		given trace.Context
		want  bool
	}{
		"a trace":  {trace.Context{TraceID: traceID, SpanID: "b7ad6b7169203331", Sampled: true, State: "a=b"}, true},
		"no trace": {trace.Context{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			settings, cloud, _ := emulated(t)
			p, log := wired(t, settings...)
			warm(p, log)
			r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9000/api/v1/backup-batches",
				strings.NewReader(`{"Account":"demo","Region":"cn-hangzhou","Retention":7,"Targets":["i-bp1demoweb01"]}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", "one")
			answer := httptest.NewRecorder()
			p.Handlers.Web.ServeHTTP(answer, r)
			var made struct{ BatchId string }
			if err := json.Unmarshal(answer.Body.Bytes(), &made); err != nil || made.BatchId == "" {
				t.Fatalf("status %d: %s", answer.Code, answer.Body)
			}
			payload, err := chunkPayload(trace.With(t.Context(), c.given), made.BatchId, 1)
			if err != nil {
				t.Fatal(err)
			}
			log.Reset()
			if _, err := p.Handlers.FC(t.Context(), payload); err != nil {
				t.Fatal(err)
			}
			if n := len(cloud.Ledger().Jobs); n != 1 {
				t.Fatalf("%d jobs after %s", n, payload)
			}
			lines := logLines(t, log)
			for _, line := range lines {
				if id, _ := line["trace_id"].(string); len(id) != 32 || (id == traceID) != c.want {
					t.Errorf("trace %q in %v", id, line)
				}
			}
			if names := spanNames(t, lines[len(lines)-1]); !slices.Contains(names, "cloud CreateBackupJob") {
				t.Errorf("spans %v", names)
			}
			if strings.Contains(string(payload), "b7ad6b7169203331") || strings.Contains(string(payload), "traceparent") != c.want {
				t.Errorf("the payload is %s", payload)
			}
		})
	}
}
