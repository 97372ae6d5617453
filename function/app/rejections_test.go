package app

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const metricsToken = "metrics-token-of-32-characters-1"

// A logBuffer keeps what a portal logs, also from goroutines that go on after an answer, such as those that
// read lists of the cloud.
type logBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements [io.Writer].
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

// String returns what was logged since the last call of Reset.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// Reset forgets what was logged.
func (b *logBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all.Reset()
}

// wired returns the portal with the policy of the demonstration, and its log.
func wired(t testing.TB, pairs ...string) (App, *logBuffer) {
	t.Helper()
	settings := append([]string{
		"POLICY_FILE", "../cmd/local/policy.yaml", "DATABASE_URL", "sqlite:" + filepath.Join(t.TempDir(), "portal.db"),
	}, pairs...)
	cfg, err := ReadConfig(env(settings...))
	if err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	p, err := Wire(cfg, &log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, &log
}

// get answers GET with a header Authorization, or none if token is empty.
func get(p App, address, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9000"+address, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer := httptest.NewRecorder()
	p.Handlers.Web.ServeHTTP(answer, r)
	return answer
}

// notified returns settings with a receiver of notices about rejected messages, and the list of
// the notices that it got.
func notified(t *testing.T) (settings []string, got <-chan []byte) {
	t.Helper()
	demo, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	const more = `
notifications:
  receivers:
    - {name: hook, kind: webhook, url_env: HOOK_URL, secret_env: HOOK_SECRET, events: [rejected]}
`
	if err := os.WriteFile(file, append(demo, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	messages := make(chan []byte, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		messages <- body
	}))
	t.Cleanup(receiver.Close)
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	return []string{
		"POLICY_FILE", file, "HOOK_URL", receiver.URL, "HOOK_SECRET", secret, "PUBLIC_URL", "http://127.0.0.1:9000",
		"CLOUD_ENDPOINT", "http://127.0.0.1:1",
	}, messages
}

// TestEventsThatCanNeverBeAcceptedLeaveTraces proves for every kind of event that, if it can
// never be accepted, it is recorded in five places: the log, the audit trail, the history, the
// metrics and a notification.
func TestEventsThatCanNeverBeAcceptedLeaveTraces(t *testing.T) {
	const ce = `"id":"1","source":"shop","specversion":"1.0","type":"t"`
	for name, c := range map[string]struct{ event, kind, source, origin string }{
		"a number":                    {`7`, "unreadable", "event:unknown", ""},
		"null":                        {`null`, "unreadable", "event:unknown", ""},
		"a CloudEvent without an id":  {`{"specversion":"1.0","source":"shop"}`, "unreadable", "event:unknown", ""},
		"a timer without a time":      {`{"triggerName":"nightly","triggerTime":7}`, "unreadable", "event:unknown", ""},
		"a batch with a number":       {`[7]`, "unreadable", "event:raw", ""},
		"a batch with a CloudEvent":   {`[{"specversion":"1.0"}]`, "unreadable", "event:cloudevent", ""},
		"a plain text":                {`hello`, "unreadable", "event:text", ""},
		"a timer without a payload":   {`{"triggerName":"nightly","triggerTime":"2026-11-23T01:00:00Z"}`, "unreadable", "event:timer", "nightly"},
		"a timer with wrong values":   {`{"triggerName":"nightly","triggerTime":"2026-11-23T01:00:00Z","payload":"{\"Retentoin\":1}"}`, "invalid", "event:timer", "nightly"},
		"a topic with a text":         {`{"TopicName":"backups","MessageId":"m1","Message":"hello"}`, "unreadable", "event:mns-topic", "backups"},
		"a CloudEvent without values": {`{` + ce + `,"data":{}}`, "invalid", "event:cloudevent", "shop"},
		"an unknown account": {`{` + ce + `,"data":{"Account":"nowhere","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7}}`,
			"account", "event:cloudevent", "shop"},
		"a RocketMQ message": {`[{` + ce[:len(ce)-len(`"type":"t"`)] + `"type":"mq:Topic:SendMessage","data":{"topic":"t","body":"{}"}}]`,
			"invalid", "event:rocketmq", "shop"},
		"a Kafka message":    {`[{"topic":"t","partition":0,"offset":3,"value":"hello"}]`, "unreadable", "event:kafka", "t"},
		"a RabbitMQ message": {`[{"envelope":{"routingKey":"q"},"props":{"messageId":"m"},"body":{"Account":"demo"}}]`, "invalid", "event:rabbitmq", "q"},
		"an object without an entry": {`{"events":[{"eventSource":"acs:oss","eventName":"ObjectCreated:PutObject","oss":{"bucket":{"arn":"acs:oss:b","name":"release-uploads"},"object":{"key":"draft/x"}}}]}`,
			"unreadable", "event:oss", "acs:oss:b"},
		"a part of an upload": {`{"events":[{"eventSource":"acs:oss","eventName":"ObjectCreated:UploadPart","oss":{"bucket":{"arn":"acs:oss:b","name":"release-uploads"},"object":{"key":"ready/x"}}}]}`,
			"unreadable", "event:oss", "acs:oss:b"},
		"a removed object": {`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"release-uploads","arn":"arn:b"},"object":{"key":"ready/x","sequencer":"1"}}}]}`,
			"unreadable", "event:s3", "arn:b"},
		"an SNS message": {`{"Records":[{"EventSource":"aws:sns","Sns":{"MessageId":"1","TopicArn":"arn:t","Message":"hello"}}]}`,
			"unreadable", "event:sns", "arn:t"},
		"a Kinesis record": {`{"Records":[{"eventSource":"aws:kinesis","eventID":"e","eventSourceARN":"arn:k","kinesis":{"sequenceNumber":"1","data":"e30="}}]}`,
			"invalid", "event:kinesis", "arn:k"},
		"an event of EventBridge on AWS": {`{"id":"1","detail-type":"t","source":"shop","detail":{}}`, "invalid", "event:eventbridge", "shop"},
		"a schedule without a submission": {`{"id":"1","detail-type":"Scheduled Event","source":"aws.scheduler","time":"2026-11-23T01:00:00Z","resources":["arn:s"],"detail":"{}"}`,
			"invalid", "event:scheduler", "arn:s"},
		"an SES message":  {`{"Records":[{"eventSource":"aws:ses"}]}`, "unreadable", "event:unknown", ""},
		"an MQTT message": {`[{"props":{"firstTopic":"t"},"body":"{}"}]`, "unreadable", "event:unknown", ""},
		"a log of SLS":    {`{"jobName":"j","source":{"logstoreName":"l"},"cursorTime":1}`, "unreadable", "event:unknown", ""},
		"a change in DocumentDB": {`{"eventSource":"aws:docdb","eventSourceArn":"arn:aws:rds:x","events":[{"event":{}}]}`,
			"unreadable", "event:unknown", ""},
		"an SQS message": {`{"Records":[{"messageId":"1","body":"{}","eventSource":"aws:sqs"}]}`,
			"unreadable", "event:sqs", ""},
		"a direct event":    {`{"Account":"demo"}`, "invalid", "event:direct", ""},
		"a change of OSS":   {`{"events":[{"eventSource":"acs:oss","oss":{"bucket":{"arn":"acs:oss:b"}}}]}`, "unreadable", "event:oss", "acs:oss:b"},
		"an event of a CDN": {`{"events":[{"eventSource":"cdn","resource":{"domain":"d.example"}}]}`, "invalid", "event:cdn", "d.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver, got := notified(t)
			p, log := wired(t, append(receiver, "METRICS_TOKEN", metricsToken)...)
			for range 2 {
				_, _ = p.Handlers.FC(t.Context(), []byte(c.event)) // some answers are errors
			}
			line := `"msg":"message rejected","kind":"` + c.kind + `","source":"` + c.source + `","origin":"` + c.origin + `"`
			if strings.Count(log.String(), line) != 1 {
				t.Errorf("not one line %s in\n%s", line, log)
			}
			if c.kind != "account" && strings.Count(log.String(), `"event":"rejected"`) != 1 || c.kind == "account" && !strings.Contains(log.String(), `"event":"denied"`) {
				t.Errorf("no audit record in\n%s", log)
			}
			want := `backup_portal_rejected_total{kind="` + c.kind + `",source="` + c.source + `"} 2`
			if got := get(p, "/metrics", metricsToken).Body.String(); !strings.Contains(got, want) {
				t.Errorf("no %s in\n%s", want, got)
			}
			page := get(p, "/backups?Status=REJECTED", "").Body.String()
			if !strings.Contains(page, strings.TrimSpace(c.source+" "+c.origin)) || !strings.Contains(page, "2 messages") {
				t.Errorf("not in the history:\n%s", page)
			}
			const sweep = `{"triggerName":"sweep","triggerTime":"2026-11-23T01:00:00Z","payload":"{\"sweep\":true}"}`
			answer, err := p.Handlers.FC(t.Context(), []byte(sweep))
			if err != nil || !strings.Contains(string(answer), `"Sent":1`) {
				t.Fatalf("the sweep: %s, %v", answer, err)
			}
			var message struct {
				Type string
				Data struct{ Kind, Source, Origin string }
			}
			if err := json.Unmarshal(<-got, &message); err != nil || message.Type != "backup.rejected" ||
				message.Data.Kind != c.kind || message.Data.Source != c.source || message.Data.Origin != c.origin {
				t.Errorf("the notification: %+v, %v", message, err)
			}
		})
	}
}

func TestMetricsNeedTheirToken(t *testing.T) {
	p, _ := wired(t, "METRICS_TOKEN", metricsToken)
	for token, want := range map[string]int{metricsToken: http.StatusOK, "": http.StatusUnauthorized, "wrong": http.StatusUnauthorized} {
		answer := get(p, "/metrics", token)
		if answer.Code != want || strings.Contains(answer.Body.String(), "build_info") != (want == http.StatusOK) {
			t.Errorf("token %q: %d %s", token, answer.Code, answer.Body)
		}
	}
	without, _ := wired(t)
	for _, token := range []string{metricsToken, ""} {
		if answer := get(without, "/metrics", token); answer.Code != http.StatusNotFound {
			t.Errorf("without METRICS_TOKEN: %d %s", answer.Code, answer.Body)
		}
	}
}

func TestConfigOfMetrics(t *testing.T) {
	for value, works := range map[string]bool{
		"": true, metricsToken: true, "short": false, strings.Repeat("x", 31): false, strings.Repeat("x", 32) + "\n": false, strings.Repeat("é", 32): false,
	} {
		if _, err := ReadConfig(env("METRICS_TOKEN", value)); (err == nil) != works {
			t.Errorf("%q: %v", value, err)
		}
	}
	cfg, err := ReadConfig(env("METRICS_TOKEN", metricsToken, "FC_RUNTIME_API", "x", "AUTH_MODE", "events", "ALLOW_EPHEMERAL_STORE", "1"))
	if err != nil || !cfg.MetricsToken.IsZero() {
		t.Errorf("on the built-in runtime: %v, %v", cfg.MetricsToken, err)
	}
}
