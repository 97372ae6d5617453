package event_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/event"
	"backupportal/function/event/envelope"
)

const submission = `{"Account":"demo","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","Retention":7}`

// TestSourcesOfBothPlatforms handles events in the form that the vendors' documentation shows, and in the forms
// that their settings allow: the data alone, one object, texts.
func TestSourcesOfBothPlatforms(t *testing.T) {
	kafka, rocket, rabbit := readFile(t, "kafka.json"), readFile(t, "rocketmq.json"), readFile(t, "rabbitmq.json")
	one := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(kafka), "["), "]")
	oneKafka := event.Message{Kind: envelope.Kafka, Source: "acs:alikafka:cn-hangzhou:1:topic:demo", ID: "0/3/1649835486", Payload: []byte(submission)}
	object := &event.Object{Bucket: "b", Key: "a b/é.txt", Change: "ObjectCreated:Put"}
	for name, c := range map[string]struct {
		event string // JSON, or the name of a file
		want  event.Message
	}{
		"kafka":                 {kafka, oneKafka},
		"kafka, one object":     {one, oneKafka},
		"kafka, texts":          {`[` + quoted(one) + `]`, oneKafka},
		"kafka of another type": {strings.Replace(kafka, "alikafka:Topic:Message", "connect:Message", 1), oneKafka},
		"kafka, only the data": {`[{"topic":"t","partition":0,"offset":3,"headers":{},"key":"k","value":"{}"}]`,
			event.Message{Kind: envelope.Kafka, Source: "t", ID: "0/3/0", Payload: []byte("{}")}},
		"kafka, no array": {`{"topic":"t","partition":7,"offset":25,"timestamp":9,"value":{"a":1}}`,
			event.Message{Kind: envelope.Kafka, Source: "t", ID: "7/25/9", Payload: []byte(`{"a":1}`)}},
		"rocketmq": {rocket, event.Message{Kind: envelope.RocketMQ, Source: "backup", ID: "AC14C305069E1B28CDFA3181CDA20001", Payload: []byte(submission)}},
		"rocketmq without its id": {strings.Replace(rocket, "UNIQ_KEY", "OTHER", 1),
			event.Message{Kind: envelope.RocketMQ, Source: "rocketmq-demo", ID: "b1", Payload: []byte(submission)}},
		"rocketmq, only the data": {`["{\"topic\":\"t\",\"systemProperties\":{\"UNIQ_KEY\":\"U\"},\"userProperties\":{},\"body\":\"{}\"}"]`,
			event.Message{Kind: envelope.RocketMQ, Source: "t", ID: "U", Payload: []byte("{}")}},
		"rocketmq, only the data, without properties": {`[{"topic":"t","body":"{}"}]`,
			event.Message{Kind: envelope.RocketMQ, Source: "t", ID: digest, Payload: []byte("{}")}},
		"rabbitmq": {rabbit, event.Message{Kind: envelope.RabbitMQ, Source: "q", ID: "f7622d51-e198-41de-a072-77c1ead7", Payload: []byte(submission)}},
		"rabbitmq, an object, without an id": {`{"id":"r1","source":"s","specversion":"1.0","type":"amqp:Queue:SendMessage","data":{"envelope":{},"props":{},"body":{"a":1}}}`,
			event.Message{Kind: envelope.RabbitMQ, Source: "s", ID: "r1", Payload: []byte(`{"a":1}`)}},
		"rabbitmq, only the data": {`[{"envelope":{},"props":{},"body":{"a":1}}]`,
			event.Message{Kind: envelope.RabbitMQ, ID: digest, Payload: []byte(`{"a":1}`)}},
		"oss through EventBridge": {`{"id":"e1","source":"acs.oss","specversion":"1.0","type":"oss:ObjectCreated:PutObject","data":{"oss":{"bucket":{"arn":"acs:oss:cn-hangzhou:1:b","name":"b"},"object":{"key":"k"}}}}`,
			event.Message{Kind: envelope.OSS, Source: "acs:oss:cn-hangzhou:1:b", ID: "e1", Payload: []byte("a record"),
				Object: &event.Object{Bucket: "b", Key: "k", Change: "ObjectCreated:PutObject"}}},
		"sqs": {"sqs.json", event.Message{Kind: envelope.SQS, Source: "arn:aws:sqs:us-east-2:123456789012:backups",
			ID: "059f36b4-87a3-44ab-83d2-661975830a7d", Payload: []byte(submission)}},
		"sqs through Pipes": {`[{"messageId":"m1","receiptHandle":"r","body":"{}","attributes":{},"messageAttributes":{},"eventSource":"aws:sqs","eventSourceARN":"arn:q"}]`,
			event.Message{Kind: envelope.SQS, Source: "arn:q", ID: "m1", Payload: []byte("{}")}},
		"kinesis": {`{"Records":[{"kinesis":{"partitionKey":"1","sequenceNumber":"495","data":"e30="},"eventSource":"aws:kinesis","eventID":"shardId-0:495","eventSourceARN":"arn:s"}]}`,
			event.Message{Kind: envelope.Kinesis, Source: "arn:s", ID: "shardId-0:495", Payload: []byte("{}")}},
		"kinesis through Pipes": {`[{"partitionKey":"1","sequenceNumber":"495","data":"e30=","eventSource":"aws:kinesis","eventID":"shardId-0:495","eventSourceARN":"arn:s"}]`,
			event.Message{Kind: envelope.Kinesis, Source: "arn:s", ID: "shardId-0:495", Payload: []byte("{}")}},
		"sns": {"sns.json", event.Message{Kind: envelope.SNS, Source: "arn:aws:sns:us-east-1:123456789012:t",
			ID: "95df01b4-ee98-5cb9-9903-4c221d41eb5e", Payload: []byte(submission)}},
		"eventbridge": {`{"version":"0","id":"e1","detail-type":"backup","source":"shop","time":"2026-10-08T16:53:06Z","resources":[],"detail":{"a":1}}`,
			event.Message{Kind: envelope.EventBridge, Source: "shop", ID: "e1", Payload: []byte(`{"a":1}`)}},
		"a rule with a schedule": {"eventbridge-scheduled.json", event.Message{Kind: envelope.Scheduler, Source: "arn:aws:events:us-east-1:123456789012:rule/nightly",
			ID: "2026-10-08T16:53:06Z", Payload: []byte("{}")}},
		"scheduler without an input": {`{"version":"0","id":"e1","detail-type":"Scheduled Event","source":"aws.scheduler","time":"2026-10-08T16:53:00Z","resources":["arn:aws:scheduler:us-east-1:1:schedule/default/nightly"],"detail":"{}"}`,
			event.Message{Kind: envelope.Scheduler, Source: "arn:aws:scheduler:us-east-1:1:schedule/default/nightly", ID: "2026-10-08T16:53:00Z", Payload: []byte("{}")}},
		"s3": {`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","responseElements":{"x-amz-request-id":"R"},"s3":{"bucket":{"name":"b","arn":"arn:aws:s3:::b"},"object":{"key":"a+b/%C3%A9.txt","sequencer":"0055AED6"}}}]}`,
			event.Message{Kind: envelope.S3, Source: "arn:aws:s3:::b", ID: "0055AED6/a b/é.txt", Payload: []byte("a record"), Object: object}},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasSuffix(c.event, ".json") {
				c.event = readFile(t, c.event)
			}
			got, _, err := collect(t, c.event)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i].Object != nil {
					got[i].Payload = []byte("a record")
				}
			}
			if diff := cmp.Diff([]event.Message{c.want}, readable(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestContentIdentifiesMessagesWithoutAnID proves that only a message of a broker without any id is a repeat by its
// content.
func TestContentIdentifiesMessagesWithoutAnID(t *testing.T) {
	for ev, want := range map[string]bool{
		`[{"topic":"t","body":"{}"}]`:                                     true,
		`[{"topic":"t","systemProperties":{"UNIQ_KEY":"U"},"body":"{}"}]`: false,
		`[{"envelope":{},"props":{},"body":{}}]`:                          true,
		`[{"envelope":{},"props":{"messageId":"m"},"body":{}}]`:           false,
		`[{"topic":"t","partition":0,"offset":3,"value":"{}"}]`:           false,
	} {
		messages, _, err := collect(t, ev)
		if err != nil || len(messages) != 1 {
			t.Fatalf("%s: %v", ev, err)
		}
		if _, got := messages[0].ContentID(event.Invocation{Platform: event.PlatformFC}); got != want {
			t.Errorf("%s: by content %v, want %v", ev, got, want)
		}
	}
}

// TestRecordsThatCannotBeRead proves that a record without its ids is rejected with a reason and never submitted.
func TestRecordsThatCannotBeRead(t *testing.T) {
	for ev, want := range map[string]string{
		`{"Records":[{"eventSource":"aws:sqs","eventSourceARN":"a","body":"{}"}]}`:                                                   "without messageId",
		`{"Records":[{"eventSource":"aws:sqs","eventSourceARN":"a","messageId":"1"}]}`:                                               "or body",
		`{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":"e30="}}]}`:                                                      "without eventID",
		`{"Records":[{"eventSource":"aws:kinesis","eventID":"e","eventSourceARN":"a","kinesis":{"sequenceNumber":"1","data":"!"}}]}`: "wrong type",
		`{"Records":[{"EventSource":"aws:sns","Sns":{"MessageId":"1"}}]}`:                                                            "without MessageId",
		`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"%zz","sequencer":"1"}}}]}`:                 "the key of the object",
		`[{"topic":"t","partition":"x","offset":3,"value":"{}"}]`:                                                                    "wrong type",
		`[{"id":"1","source":"s","specversion":"1.0","type":"mq:Topic:SendMessage","data":{"topic":"t"}}]`:                           "without id, source or data",
	} {
		var reasons []string
		d := quiet()
		d.Submit = func(context.Context, event.Message) (json.RawMessage, error) {
			t.Errorf("%s was submitted", ev)
			return nil, nil
		}
		d.NotMessage = func(_ context.Context, m event.Message, reason string) {
			if m.ID == "" || m.Payload != nil {
				t.Errorf("%s: message %+v", ev, m)
			}
			reasons = append(reasons, reason)
		}
		if _, err := d.Lambda(t.Context(), json.RawMessage(ev)); err != nil || len(reasons) != 1 || !strings.Contains(reasons[0], want) {
			t.Errorf("%s: %v, %q", ev, err, reasons)
		}
	}
}

// TestBatchAnswerNamesExactlyTheFailedRecords sends ten records, of which the third can never succeed and the eighth
// may succeed later. The answer names these two by the ids that each sender expects.
func TestBatchAnswerNamesExactlyTheFailedRecords(t *testing.T) {
	body := func(i int) string {
		switch i {
		case 3:
			return "no json"
		case 8:
			return `"fail"`
		}
		return fmt.Sprintf(`{"n":%d}`, i)
	}
	for name, c := range map[string]struct {
		record func(i int, body string) string
		around string
		want   string
	}{
		"sqs": {func(i int, body string) string {
			return fmt.Sprintf(`{"messageId":"m%d","body":%s,"eventSource":"aws:sqs","eventSourceARN":"q"}`, i, quoted(body))
		}, `{"Records":[%s]}`, "m3 m8"},
		"kinesis": {func(i int, body string) string {
			return fmt.Sprintf(`{"kinesis":{"sequenceNumber":"s%d","data":%q},"eventSource":"aws:kinesis","eventID":"e%d","eventSourceARN":"k"}`,
				i, base64.StdEncoding.EncodeToString([]byte(body)), i)
		}, `{"Records":[%s]}`, "s3 s8"},
		"kinesis through Pipes": {func(i int, body string) string {
			return fmt.Sprintf(`{"sequenceNumber":"s%d","data":%q,"eventSource":"aws:kinesis","eventID":"e%d","eventSourceARN":"k"}`,
				i, base64.StdEncoding.EncodeToString([]byte(body)), i)
		}, `[%s]`, "e3 e8"},
	} {
		t.Run(name, func(t *testing.T) {
			var records []string
			for i := range 10 {
				records = append(records, c.record(i, body(i)))
			}
			messages, answer, err := collect(t, fmt.Sprintf(c.around, strings.Join(records, ",")))
			var batch struct {
				BatchItemFailures []struct{ ItemIdentifier string }
			}
			if err != nil || json.Unmarshal([]byte(answer), &batch) != nil || len(messages) != 10 {
				t.Fatalf("%s, %v, %d messages", answer, err, len(messages))
			}
			var got []string
			for _, f := range batch.BatchItemFailures {
				got = append(got, f.ItemIdentifier)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s, want %s", answer, c.want)
			}
		})
	}
	// A topic does not accept the failure of one message.
	_, _, err := collect(t, `{"Records":[{"EventSource":"aws:sns","Sns":{"MessageId":"1","TopicArn":"t","Message":"\"fail\""}}]}`)
	if _, ok := errors.AsType[*event.RetryError](err); !ok {
		t.Errorf("sns: %v", err)
	}
}
