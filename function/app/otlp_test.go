//go:build otel

package app

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collectSpans starts a collector of traces, sets the variable with its URL, and returns the function that reads the
// spans that it has, by their names.
func collectSpans(t *testing.T) func() map[string]*otlp.Span {
	t.Helper()
	received := make(chan *collector.ExportTraceServiceRequest, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		request := &collector.ExportTraceServiceRequest{}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("X-Key") != "canary" || proto.Unmarshal(body, request) != nil {
			t.Errorf("%s %s, %d bytes, %v", r.Method, r.URL.Path, len(body), err)
		}
		received <- request
	}))
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=canary")
	return func() map[string]*otlp.Span {
		all := map[string]*otlp.Span{}
		for len(received) > 0 {
			for _, resource := range (<-received).ResourceSpans {
				for _, scope := range resource.ScopeSpans {
					for _, span := range scope.Spans {
						all[span.Name] = span
					}
				}
			}
		}
		return all
	}
}

// TestOTLPExportsTheSpansOfASubmission proves that a collector gets the spans of a submission, with the trace and the
// parent that its sender named: when the portal ends, and on a platform that may freeze it, before the answer.
func TestOTLPExportsTheSpansOfASubmission(t *testing.T) {
	for name, more := range map[string][]string{
		"server":   nil,
		"platform": {"FC_RUNTIME_API", "127.0.0.1:1", "DATABASE_URL", "", "ALLOW_EPHEMERAL_STORE", "1", "TMPDIR", t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			spans := collectSpans(t)
			settings, _, _ := emulated(t)
			p, log := wired(t, append(settings, more...)...)
			event := `{"specversion":"1.0","id":"1","source":"shop","type":"t","traceparent":"` + traceParent + `","data":{"Account":"demo","Region":"cn-hangzhou",` +
				`"SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","Retention":7}}`
			if _, err := p.Handlers.FC(t.Context(), []byte(event)); err != nil {
				t.Fatal(err)
			}
			if more == nil {
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
			}
			got := spans()
			request := got["event cloudevent"]
			if request == nil {
				t.Fatalf("got %v; the log is %s", got, log)
			}
			if parent := hexOf(request.ParentSpanId); parent != "b7ad6b7169203331" {
				t.Errorf("the parent is %s", parent)
			}
			for _, want := range []string{"door event", "decision", "store claim", "cloud CreateBackupJob"} {
				span := got[want]
				if span == nil {
					t.Errorf("no span %q in %v", want, got)
					continue
				}
				if hexOf(span.TraceId) != traceID || hexOf(span.ParentSpanId) != hexOf(request.SpanId) || span.EndTimeUnixNano < span.StartTimeUnixNano {
					t.Errorf("%v", span)
				}
			}
			if strings.Contains(log.String(), "exporting spans") {
				t.Errorf("the log is %s", log)
			}
		})
	}
}

// TestOTLPKeepsTheTraceOfTheLog proves that a request without a parent has the trace id of its log line, and no parent.
func TestOTLPKeepsTheTraceOfTheLog(t *testing.T) {
	spans := collectSpans(t)
	p, log := wired(t)
	get(p, "/healthz", "")
	lines := logLines(t, log)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for _, span := range spans() {
		if id := lines[len(lines)-1]["trace_id"]; hexOf(span.TraceId) != id || len(span.ParentSpanId) != 0 {
			t.Errorf("trace %v, want %v, without a parent", span, id)
		}
		return
	}
	t.Error("no spans")
}

// TestOTLPIsOff proves that nothing is exported unless the environment names a collector and does not switch it off.
func TestOTLPIsOff(t *testing.T) {
	for _, variable := range []string{"OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=none", "OTEL_EXPORTER_OTLP_ENDPOINT=", "OTEL_TRACES_SAMPLER=always_off"} {
		spans := collectSpans(t)
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
		p, _ := wired(t)
		get(p, "/healthz", "")
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if got := spans(); len(got) != 0 {
			t.Errorf("%s: %v", variable, got)
		}
		t.Setenv(name, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "x"}[name])
	}
}

// A collector that does not answer delays no request for long, and fails none.
func TestOTLPCollectorThatDoesNotAnswer(t *testing.T) {
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-end:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(end) })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	settings, _, _ := emulated(t)
	p, log := wired(t, append(settings, "FC_RUNTIME_API", "127.0.0.1:1", "DATABASE_URL", "", "ALLOW_EPHEMERAL_STORE", "1", "TMPDIR", t.TempDir())...)
	if _, err := p.Handlers.FC(t.Context(), []byte(`{"sweep":true}`)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "exporting spans") {
		t.Errorf("the log is %s", log)
	}
}

// hexOf returns bytes in hexadecimal digits.
func hexOf(b []byte) string { return hex.EncodeToString(b) }
