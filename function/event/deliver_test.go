package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"backupportal/function/event"
	"backupportal/function/event/envelope"
)

// collect handles ev and returns the messages that Submit received.
func collect(t *testing.T, ev string) (messages []event.Message, body string, err error) {
	t.Helper()
	d := quiet()
	d.Submit = func(ctx context.Context, m event.Message) (json.RawMessage, error) {
		messages = append(messages, m)
		return submit(ctx, m)
	}
	ctx := event.WithInvocation(t.Context(), event.Invocation{Platform: event.PlatformFC, RequestID: "req-1"})
	raw, err := d.FC(ctx, []byte(ev))
	return messages, string(raw), err
}

// digest is written in tables of expected results instead of the id of a message that is a hash
// of its text. readable makes the same replacement in real results.
const digest = "a digest"

// TestEnvelopes proves that an event in each form that the vendor's documentation shows gives
// the right messages.
func TestEnvelopes(t *testing.T) {
	const ce = `"id":"1","source":"s","specversion":"1.0","type":"t"`
	m := func(kind envelope.Kind, source, id, payload string) []event.Message {
		return []event.Message{{Kind: kind, Source: source, ID: id, Payload: []byte(payload)}}
	}
	for name, c := range map[string]struct {
		event string // JSON, or the name of a file
		want  []event.Message
	}{
		"timer":      {"timer.json", m(envelope.Timer, "nightly", "2018-02-09T05:49:00Z", `{"action":"selfcheck"}`)},
		"mns topic":  {"mns-topic.json", m(envelope.MNSTopic, "test-topic", "2F5B3C281B283D4EAC694B742528", "hello topic")},
		"mns stream": {"hello topic", m(envelope.Text, "", digest, "hello topic")},
		"mns stream with attributes": {`{"body":"hello topic","attrs":{"Extend":"{\"key\":\"value\"}"}}`,
			m(envelope.MNSStream, "", digest, "hello topic")},
		"mns queue": {"mns-queue.json", m(envelope.MNSQueue, "MNS-backup-portal-submissions", "C6DB60D1574661357FA227277445", `{"instance":"i-1"}`)},
		"cloudevent": {"cloudevent.json", m(envelope.CloudEvent, "acs.oss", "45ef4dewdwe1-7c35-447a-bd93-fab0",
			`{ "name": "test", "scope": 100 }`)},
		"cloudevent, text":   {`{` + ce + `,"data":"{\"a\":1}"}`, m(envelope.CloudEvent, "s", "1", `{"a":1}`)},
		"cloudevent, binary": {`{` + ce + `,"data_base64":"eyJhIjoxfQ=="}`, m(envelope.CloudEvent, "s", "1", `{"a":1}`)},
		"stream": {"stream.json", []event.Message{
			{Kind: envelope.CloudEvent, Source: "s", ID: "1", Payload: []byte(`{"messageBody":"A"}`)},
			{Kind: envelope.CloudEvent, Source: "s", ID: "2", Payload: []byte(`{"messageBody":"B"}`)}}},
		"stream of objects":  {`[ {` + ce + `,"data":{"a":1}} ]`, m(envelope.CloudEvent, "s", "1", `{"a":1}`)},
		"stream of data":     {`[{"a":1}]`, m(envelope.RawData, "", digest, `{"a":1}`)},
		"direct":             {" {\"a\" : 1}\n", m(envelope.Direct, "", "req-1", " {\"a\" : 1}\n")},
		"direct, big number": {`{"a":12345678901234567890}`, m(envelope.Direct, "", "req-1", `{"a":12345678901234567890}`)},
		"text, base64":       {"eyJhIjoxfQ==\n", m(envelope.Text, "", digest, `{"a":1}`)},
		"text in JSON":       {`"{\"a\":1}"`, m(envelope.Text, "", digest, `{"a":1}`)},
		"digits are JSON before they are base64": {
			`{"TopicName":"t","MessageId":"1","Message":"1234","PublishTime":1550216302888,"key":"value"}`, m(envelope.MNSTopic, "t", "1", "1234")},
		"mns topic, base64": {`{"TopicName":"t","MessageId":"1","Message":"eyJhIjoxfQ=="}`, m(envelope.MNSTopic, "t", "1", `{"a":1}`)},
		"timer, no payload": {`{"triggerName":"n","triggerTime":"x"}`, m(envelope.Timer, "n", "x", "")},
		"oss": {"oss.json", []event.Message{{Kind: envelope.OSS, Source: "acs:oss:cn-shanghai:123456789:testbucket",
			ID: "58F9FF2D3DF792092E12044C/image/a.jpg", Payload: []byte("a record"),
			Object: &event.Object{Bucket: "testbucket", Key: "image/a.jpg", Change: "ObjectCreated:PutObject"}}}},
		"cdn": {`{"events":[{"eventSource":"cdn","traceId":"t-1","resource":{"domain":"d.example"}}]}`, m(envelope.CDN, "d.example", "t-1", "a record")},
		// The first matching shape decides the kind of an event. Only the outermost object is
		// compared.
		"order":            {`{` + ce + `,"triggerName":"n","triggerTime":"x","data":{}}`, m(envelope.CloudEvent, "s", "1", "{}")},
		"body and more":    {`{"body":"x","attrs":{},"z":1}`, m(envelope.Direct, "", "req-1", `{"body":"x","attrs":{},"z":1}`)},
		"http inside text": {`{"TopicName":"t","MessageId":"1","Message":` + quoted(echoEvent) + `}`, m(envelope.MNSTopic, "t", "1", echoEvent)},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasSuffix(c.event, ".json") {
				c.event = readFile(t, c.event)
			}
			got, _, err := collect(t, c.event)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, readable(got), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// readable replaces hashes in a result by the constant digest, to compare it with the table.
func readable(messages []event.Message) []event.Message {
	for i, m := range messages {
		if len(m.ID) == len("sha256:")+32 && strings.HasPrefix(m.ID, "sha256:") {
			messages[i].ID = digest
		}
		if (m.Kind == envelope.OSS || m.Kind == envelope.CDN) && json.Valid(m.Payload) {
			messages[i].Payload = []byte("a record")
		}
	}
	return messages
}

// TestRecordsOfDifferentObjectsHaveDifferentIDs proves that two changes of objects never have the
// same id, for any request ids and any names of the objects.
func TestRecordsOfDifferentObjectsHaveDifferentIDs(t *testing.T) {
	record := func(request, object string) string {
		return `{"events":[{"eventSource":"acs:oss","oss":{"bucket":{"arn":"b"},"object":{"key":` + quoted(object) + `}},"responseElements":{"requestId":` + quoted(request) + `}}]}`
	}
	seen := map[string]string{}
	for _, pair := range [][2]string{{"r", "a/b"}, {"r/a", "b"}, {"r/a/b", ""}, {"r", "a/b/"}, {"r/", "a/b"}, {"/r", "a"}} {
		messages, _, err := collect(t, record(pair[0], pair[1]))
		if err != nil || len(messages) != 1 {
			t.Fatalf("%q: %v, %v", pair, messages, err)
		}
		if other, ok := seen[messages[0].ID]; ok {
			t.Errorf("%q and %s have one id", pair, other)
		}
		seen[messages[0].ID] = quoted(pair[0] + " " + pair[1])
	}
}

func TestDigestAsID(t *testing.T) {
	for _, ev := range []string{"hello", `[{"a":1}]`, `{"body":"x","attrs":{}}`} {
		first, _, _ := collect(t, ev)
		again, _, _ := collect(t, ev)
		other, _, _ := collect(t, strings.NewReplacer("hello", "hallo", "1", "2", "x", "y").Replace(ev))
		if first[0].ID != again[0].ID || first[0].ID == other[0].ID {
			t.Errorf("%s: ids %q %q %q", ev, first[0].ID, again[0].ID, other[0].ID)
		}
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDirectMessageAnswer(t *testing.T) {
	const want = `{"got":{"a":1},"id":"req-1","kind":"direct","source":""}`
	if _, got, err := collect(t, `{"a":1}`); err != nil || got != want {
		t.Errorf("accepted: %s, %v", got, err)
	}
	d := quiet()
	d.Submit = func(context.Context, event.Message) (json.RawMessage, error) {
		return nil, &event.Rejection{Answer: json.RawMessage(`{"status":422}`)}
	}
	if got, err := d.FC(t.Context(), []byte(`{}`)); err != nil || string(got) != `{"status":422}` {
		t.Errorf("rejected: %s, %v", got, err)
	}
}

type report struct {
	Received, Accepted, Rejected int
	Results                      []struct {
		Kind, Source, ID, Outcome, Reason string
		Answer                            json.RawMessage
	}
}

func TestBatchReport(t *testing.T) {
	const ev = `["{\"id\":\"1\",\"source\":\"s\",\"specversion\":\"1.0\",\"type\":\"t\",\"data\":{\"n\":1}}", 7, ["x"], null, "no json", {"specversion":"1.0"}, {"n":2}]`
	messages, body, err := collect(t, ev)
	if err != nil {
		t.Fatal(err)
	}
	if len(messages) != 3 {
		t.Errorf("%d messages reached Submit", len(messages))
	}
	var r report
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	outcomes := ""
	for _, out := range r.Results {
		outcomes += out.Outcome[:1]
		if out.Outcome == "rejected" && out.Reason == "" && out.Answer == nil || out.ID == "" {
			t.Errorf("result does not say why or which: %+v", out)
		}
	}
	if r.Received != 7 || r.Accepted != 2 || r.Rejected != 5 || outcomes != "arrrrra" {
		t.Errorf("%s: %s", outcomes, body)
	}
	if _, body, err := collect(t, `[]`); err != nil || body != `{"received":0,"accepted":0,"rejected":0,"results":[]}` {
		t.Errorf("empty batch: %s, %v", body, err)
	}
}

func TestRetryErrorAfterAllMessages(t *testing.T) {
	for _, ev := range []string{`[{"n":1},"\"fail\"",{"n":2}]`, `[{"n":1},"\"panic\"",{"n":2}]`} {
		messages, body, err := collect(t, ev)
		retry, ok := errors.AsType[*event.RetryError](err)
		if !ok || retry.Failed != 1 || retry.Of != 3 || body != "" || len(messages) != 3 {
			t.Errorf("%s: %q, %v, %d messages", ev, body, err, len(messages))
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the cause reaches the caller: %v", err)
		}
	}
}

func TestUnknownShapeLogHasNoContent(t *testing.T) {
	for name, c := range map[string]struct{ event, logged string }{
		"empty":             {"", `"size":0,"keys":null`},
		"blank":             {" \n", `"size":2`},
		"null":              {"null", `"size":4`},
		"number":            {"7", `"size":1`},
		"cloudevent, no id": {`{"specversion":"1.0","source":"hunter2"}`, `"keys":["source","specversion"]`},
		"queue, no body":    {`{"specversion":"1.0","source":"s","id":"1","type":"mns:Queue:SendMessage","data":{}}`, `"keys":["data","id"`},
		"timer, number":     {`{"triggerName":7,"triggerTime":"hunter2"}`, `"keys":["triggerName","triggerTime"]`},
		"topic, no id":      {`{"TopicName":"hunter2","MessageId":""}`, `"keys":["MessageId","TopicName"]`},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			d := quiet()
			d.Log = slog.New(slog.NewJSONHandler(&log, nil))
			body, err := d.FC(t.Context(), []byte(c.event))
			if _, ok := errors.AsType[*event.ShapeError](err); !ok || body != nil || !strings.Contains(err.Error(), "expected") {
				t.Errorf("%s, %v", body, err)
			}
			if !strings.Contains(log.String(), c.logged) || strings.Contains(log.String()+err.Error(), "hunter2") {
				t.Errorf("log %s, error %v", log.String(), err)
			}
		})
	}
}

func TestRetryCountIsLogged(t *testing.T) {
	var log bytes.Buffer
	d := quiet()
	d.Log = slog.New(slog.NewJSONHandler(&log, nil))
	ctx := event.WithInvocation(t.Context(), event.Invocation{RetryCount: 3})
	if _, err := d.FC(ctx, []byte(`{"a":"content"}`)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), `"retry":3`) || strings.Contains(log.String(), "content") {
		t.Errorf("log %s", log.String())
	}
}
