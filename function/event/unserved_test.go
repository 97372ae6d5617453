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
	kafka := readFile(t, "kafka.json")
	one := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(kafka), "["), "]")
	for name, c := range map[string]struct{ event, want string }{
		"sqs":         {"sqs.json", "AWS SQS"},
		"sns":         {"sns.json", "AWS SNS"},
		"eventbridge": {"eventbridge-scheduled.json", "Amazon EventBridge"},
		"eventbridge, with a submission": {`{"version":"0","id":"1","detail-type":"backup","source":"shop","detail":{"Account":"demo"}}`,
			"Amazon EventBridge"},
		"sqs, two records":                   {`{"Records":[{"eventSource":"aws:sqs","body":"a"},{"eventSource":"aws:sqs","body":"b"}]}`, "AWS SQS"},
		"s3":                                 {`{"Records":[{"eventSource":"aws:s3","s3":{}}]}`, "Amazon S3"},
		"kinesis":                            {`{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":"e30="}}]}`, "Amazon Kinesis"},
		"records of others":                  {`{"Records":[{"eventSource":"aws:new"}]}`, "AWS record"},
		"sqs, one of a batch":                {`[{"messageId":"1","body":"{}","attributes":{},"eventSource":"aws:sqs"}]`, "AWS SQS"},
		"kinesis, one of a batch":            {`[{"data":"e30=","partitionKey":"k","eventSource":"aws:kinesis"}]`, "Amazon Kinesis"},
		"kafka of another type":              {`[{"id":"1","source":"s","specversion":"1.0","type":"kafka:Message","data":{"topic":"t","partition":0,"offset":3,"value":"{}"}}]`, "Kafka"},
		"rabbitmq of another type":           {`{"id":"1","source":"s","specversion":"1.0","type":"r","data":{"envelope":{},"props":{},"body":{}}}`, "RabbitMQ"},
		"no records":                         {`{"Records":[]}`, "AWS record"},
		"logs":                               {`{"awslogs":{"data":"e30="}}`, "Amazon CloudWatch Logs"},
		"msk":                                {`{"eventSource":"aws:kafka","bootstrapServers":"b","records":{}}`, "Amazon MSK"},
		"kafka":                              {"kafka.json", "Kafka"},
		"rocketmq":                           {"rocketmq.json", "RocketMQ"},
		"rabbitmq":                           {"rabbitmq.json", "RabbitMQ"},
		"kafka, one object":                  {one, "Kafka"},
		"kafka, texts":                       {`[` + quoted(one) + `]`, "Kafka"},
		"kafka after a good one":             {`[` + good + `,` + one + `]`, "Kafka"},
		"kafka, only the data":               {`[{"topic":"t","partition":0,"offset":3,"headers":{},"key":"k","value":"{}"}]`, "Kafka"},
		"rocketmq, only the data":            {`["{\"topic\":\"t\",\"systemProperties\":{},\"userProperties\":{},\"body\":\"{}\"}"]`, "RocketMQ"},
		"rocketmq without system properties": {`[{"topic":"t","userProperties":{},"body":"{}"}]`, "RocketMQ"},
		"rocketmq without properties":        {`[{"topic":"t","body":"{\"Account\":\"demo\"}"}]`, "RocketMQ"},
		"rocketmq in a CloudEvent without properties": {`{"id":"1","source":"s","specversion":"1.0","type":"r","data":{"topic":"t","body":{}}}`,
			"RocketMQ"},
		"rabbitmq, only the data": {`[{"envelope":{},"props":{},"body":{"Account":"demo"}}]`, "RabbitMQ"},
		"mqtt":                    {`[{"id":"1","source":"s","specversion":"1.0","type":"m","data":{"props":{"firstTopic":"t","clientId":"c"},"body":"{\"Account\":\"demo\"}"}}]`, "MQTT"},
		"mqtt, only the data":     {`[{"props":{"firstTopic":"t"},"body":"{}"}]`, "MQTT"},
		"dts":                     {`[{"id":"1","source":"s","specversion":"1.0","type":"d","data":{"id":7,"topicPartition":{"topic":"t","partition":0},"offset":3,"operationType":"UPDATE"}}]`, "DTS"},
		"datahub": {`{"eventSource":"acs:datahub","eventName":"acs:datahub:putRecord","eventSourceARN":"/projects/p/topics/t","region":"cn-hangzhou","records":[{"eventId":"0:1","systemTime":1,"data":"[\"x\"]"}]}`,
			"DataHub"},
		"sls": {`{"parameter":{},"source":{"endpoint":"http://cn-hangzhou-intranet.log.aliyuncs.com","projectName":"p","logstoreName":"l","shardId":0,"beginCursor":"a","endCursor":"b"},"jobName":"j","taskId":"t","cursorTime":1529486425}`,
			"Simple Log Service"},
		"documentdb":       {`{"eventSourceArn":"arn:aws:rds:us-east-1:1:cluster:c","events":[{"event":{"operationType":"insert"}}],"eventSource":"aws:docdb"}`, "Amazon DocumentDB"},
		"dynamodb":         {`{"Records":[{"eventID":"1","eventName":"INSERT","eventSource":"aws:dynamodb","dynamodb":{}}]}`, "Amazon DynamoDB"},
		"ses":              {`{"Records":[{"eventVersion":"1.0","ses":{"mail":{}},"eventSource":"aws:ses"}]}`, "Amazon SES"},
		"firehose":         {`{"invocationId":"i","deliveryStreamArn":"arn:aws:firehose:us-east-1:1:deliverystream/d","region":"us-east-1","records":[{"recordId":"1","data":"e30="}]}`, "Amazon Data Firehose"},
		"sqs after a mark": {"\ufeff" + `{"Records":[{"eventSource":"aws:sqs","body":"a"}]}`, "AWS SQS"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasSuffix(c.event, ".json") {
				c.event = readFile(t, c.event)
			}
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

// TestUnservedGatewaysFailOnLambda proves that an HTTP event of a load balancer, of a REST API
// or in format 1.0 is an error on Lambda. On Function Compute it is answered with status 400.
func TestUnservedGatewaysFailOnLambda(t *testing.T) {
	for name, c := range map[string]struct{ event, want string }{
		"a load balancer": {readFile(t, "alb.json"), "Application Load Balancer"},
		"a load balancer with many values": {`{"requestContext":{"elb":{}},"httpMethod":"POST","path":"/","multiValueHeaders":{},"body":"{}"}`,
			"Application Load Balancer"},
		"rest": {`{"resource":"/{proxy+}","path":"/healthz","httpMethod":"GET","headers":null,"multiValueHeaders":null,"requestContext":{"requestId":"r"},"body":null,"isBase64Encoded":false}`,
			"API Gateway REST"},
		"http api, 1.0": {`{"version":"1.0","path":"/","httpMethod":"POST","headers":{},"requestContext":{},"body":"{}"}`, "API Gateway REST"},
	} {
		d, _ := deaf(t)
		_, err := calls[event.PlatformLambda](d, c.event)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if answer, err := calls[event.PlatformFC](d, c.event); err != nil || !strings.Contains(string(answer), "400") {
			t.Errorf("%s on Function Compute: %s, %v", name, answer, err)
		}
	}
	for name, ev := range map[string]string{"2.0": lambdaEvent, "v1": echoEvent} {
		if _, err := calls[event.PlatformLambda](quiet(), ev); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestServedEventsThatResembleUnservedOnes proves that supported events are handled normally
// even if some of their members also occur in an unsupported format.
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
			t.Errorf("%s: %v, %q", name, err, messages)
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
