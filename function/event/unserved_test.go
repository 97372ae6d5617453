package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"backupportal/function/event"
	"backupportal/function/event/envelope"
)

// deaf returns handlers that fail the test if they are called.
func deaf(t *testing.T) (event.Handlers, *bytes.Buffer) {
	var log bytes.Buffer
	d := quiet()
	d.Log = slog.New(slog.NewJSONHandler(&log, nil))
	d.Web = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
	d.Submit = func(context.Context, event.Message) (json.RawMessage, error) {
		t.Error("something was submitted")
		return nil, nil
	}
	return d, &log
}

// TestUnservedEnvelopesFailByName proves that an event in a known but unsupported format makes
// the invocation fail with an error that names the format, and starts nothing.
func TestUnservedEnvelopesFailByName(t *testing.T) {
	const good = `{"id":"1","source":"s","specversion":"1.0","type":"t","data":{"Account":"demo"}}`
	for name, c := range map[string]struct{ event, want string }{
		"records of others":   {`{"Records":[{"eventSource":"aws:new"}]}`, "AWS record"},
		"no records":          {`{"Records":[]}`, "AWS record"},
		"logs":                {`{"awslogs":{"data":"e30="}}`, "Amazon CloudWatch Logs"},
		"msk":                 {`{"eventSource":"aws:kafka","bootstrapServers":"b","records":{}}`, "Amazon MSK"},
		"mqtt":                {`[{"id":"1","source":"s","specversion":"1.0","type":"m","data":{"props":{"firstTopic":"t","clientId":"c"},"body":"{\"Account\":\"demo\"}"}}]`, "MQTT"},
		"mqtt, only the data": {`[{"props":{"firstTopic":"t"},"body":"{}"}]`, "MQTT"},
		"dts":                 {`[{"id":"1","source":"s","specversion":"1.0","type":"d","data":{"id":7,"topicPartition":{"topic":"t","partition":0},"offset":3,"operationType":"UPDATE"}}]`, "DTS"},
		"datahub": {`{"eventSource":"acs:datahub","eventName":"acs:datahub:putRecord","eventSourceARN":"/projects/p/topics/t","region":"cn-hangzhou","records":[{"eventId":"0:1","systemTime":1,"data":"[\"x\"]"}]}`,
			"DataHub"},
		"ses beside sqs":        {`{"Records":[{"messageId":"1","body":"{}","eventSource":"aws:sqs","eventSourceARN":"a"},{"eventSource":"aws:ses"}]}`, "Amazon SES"},
		"mqtt after a good one": {`[` + good + `,{"props":{"firstTopic":"t"},"body":"{}"}]`, "MQTT"},
		"ses after a mark":      {"\ufeff" + `{"Records":[{"eventSource":"aws:ses"}]}`, "Amazon SES"},
		"sls": {`{"parameter":{},"source":{"endpoint":"http://cn-hangzhou-intranet.log.aliyuncs.com","projectName":"p","logstoreName":"l","shardId":0,"beginCursor":"a","endCursor":"b"},"jobName":"j","taskId":"t","cursorTime":1529486425}`,
			"Simple Log Service"},
		"documentdb": {`{"eventSourceArn":"arn:aws:rds:us-east-1:1:cluster:c","events":[{"event":{"operationType":"insert"}}],"eventSource":"aws:docdb"}`, "Amazon DocumentDB"},
		"dynamodb":   {`{"Records":[{"eventID":"1","eventName":"INSERT","eventSource":"aws:dynamodb","dynamodb":{}}]}`, "Amazon DynamoDB"},
		"ses":        {`{"Records":[{"eventVersion":"1.0","ses":{"mail":{}},"eventSource":"aws:ses"}]}`, "Amazon SES"},
		"firehose":   {`{"invocationId":"i","deliveryStreamArn":"arn:aws:firehose:us-east-1:1:deliverystream/d","region":"us-east-1","records":[{"recordId":"1","data":"e30="}]}`, "Amazon Data Firehose"},
	} {
		t.Run(name, func(t *testing.T) {
			for platform, call := range calls {
				d, log := deaf(t)
				answer, err := call(d, c.event)
				unserved, ok := errors.AsType[*event.UnservedError](err)
				if !ok || !strings.HasPrefix(unserved.Name, c.want) || !strings.Contains(err.Error(), "not served") || answer != nil {
					t.Errorf("%s: %s, %v", platform, answer, err)
				}
				if line := log.String(); !strings.Contains(line, c.want) || !strings.Contains(line, `"outcome":"unserved"`) || !strings.Contains(line, `"level":"ERROR"`) {
					t.Errorf("%s: log %s", platform, line)
				}
			}
		})
	}
}

// calls are functions that deliver an event to the handlers, one for each platform.
var calls = map[string]func(d event.Handlers, ev string) (json.RawMessage, error){
	event.PlatformFC: func(d event.Handlers, ev string) (json.RawMessage, error) {
		return d.FC(event.WithInvocation(context.Background(), event.Invocation{Platform: event.PlatformFC}), []byte(ev))
	},
	event.PlatformLambda: func(d event.Handlers, ev string) (json.RawMessage, error) {
		return d.Lambda(event.WithInvocation(context.Background(), event.Invocation{Platform: event.PlatformLambda}), json.RawMessage(ev))
	},
}

// TestServedEventsThatResembleUnservedOnes proves that events that resemble an unserved envelope are accepted.
func TestServedEventsThatResembleUnservedOnes(t *testing.T) {
	for _, ev := range []string{
		`{"Records":"x"}`, `{"detail":{},"source":"s"}`, `{"topic":"t","value":"v"}`, `{"body":"x","attrs":{}}`, `{"Account":"Records"}`,
		`{"id":"1","source":"acs:alikafka","specversion":"1.0","type":"shop:backup","data":{"a":1}}`, `[{"body":"x"}]`, `"{\"a\":1}"`, `text`,
	} {
		if messages, _, err := collect(t, ev); err != nil || len(messages) != 1 {
			t.Errorf("%s: %v, %v", ev, messages, err)
		}
	}
}

// TestByteOrderMarkOfEvents proves that a byte order mark is skipped before an event and before the
// message in each envelope.
func TestByteOrderMarkOfEvents(t *testing.T) {
	const mark, payload = "\ufeff", `{"a":1}`
	marked := quoted(mark + payload)
	for name, ev := range map[string]string{
		"direct":      mark + payload,
		"text":        marked,
		"timer":       mark + `{"triggerName":"n","triggerTime":"x","payload":` + marked + `}`,
		"mns topic":   `{"TopicName":"t","MessageId":"1","Message":` + marked + `}`,
		"mns stream":  `{"body":` + marked + `,"attrs":{}}`,
		"mns queue":   `{"id":"1","source":"s","specversion":"1.0","type":"mns:Queue:SendMessage","data":{"messageId":"m","messageBody":` + marked + `}}`,
		"cloudevent":  `{"id":"1","source":"s","specversion":"1.0","type":"t","data":` + marked + `}`,
		"base64":      `"77u/eyJhIjoxfQ=="`,
		"raw, a text": `[` + marked + `]`,
	} {
		messages, _, err := collect(t, ev)
		if err != nil || len(messages) != 1 || string(messages[0].Payload) != payload {
			t.Errorf("%s: %v, %v", name, err, messages)
		}
	}
}

// TestContentID proves that both forms of a message of an MNS topic in the format STREAM are
// identified by their text. The same text is a repeat, even in another invocation; another text
// is a new message.
func TestContentID(t *testing.T) {
	fc := event.Invocation{Platform: event.PlatformFC, RequestID: "req-1"}
	id := func(ev string, inv event.Invocation) string {
		messages, _, err := collect(t, ev)
		if err != nil || len(messages) != 1 {
			t.Fatalf("%s: %v", ev, err)
		}
		id, _ := messages[0].ContentID(inv)
		return id
	}
	stream := func(text string) string { return `{"body":` + quoted(text) + `,"attrs":{"trace":"1"}}` }
	for _, text := range []string{`{"a":1}`, "hello"} {
		alone, attributes := id(text, fc), id(stream(text), fc)
		if alone == "" || alone != attributes {
			t.Errorf("%s: %q alone, %q with attributes", text, alone, attributes)
		}
		if id(text, fc) != alone || id(stream(text)+" ", fc) != attributes || id(strings.Replace(stream(text), `"1"`, `"2"`, 1), fc) != attributes {
			t.Errorf("%s: a repeat has another id", text)
		}
		if id(text+" ", fc) == alone && text != "hello" || id(stream(text+"x"), fc) == attributes {
			t.Errorf("%s: another text has the same id", text)
		}
	}
	for _, ev := range []string{readFile(t, "timer.json"), readFile(t, "mns-topic.json"), readFile(t, "mns-queue.json"), readFile(t, "cloudevent.json")} {
		if got := id(ev, fc); got != "" {
			t.Errorf("%s has the id of its platform, not %s", ev, got)
		}
	}
	direct := event.Message{Kind: envelope.Direct, ID: "req-1", Payload: []byte("{}")}
	if _, ok := direct.ContentID(event.Invocation{Platform: event.PlatformLambda}); ok {
		t.Error("on Lambda, the request id identifies a direct message")
	}
}
