package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// An UnservedError is the error of an event in a format that is known but not supported; it
// names the format. The invocation fails and nothing is started, so the platform keeps the
// messages. Without this check, the event would be taken for a backup request with unknown
// parameters.
type UnservedError struct {
	Name string // of the event, such as “AWS SQS”
}

// Error implements error.
func (e *UnservedError) Error() string {
	return fmt.Sprintf("%s events are not served: nothing was started. Supported events are in docs/events.md", e.Name)
}

// An unservedShape identifies a format of events by its members.
type unservedShape struct {
	name    string
	members []string // an object with all of them has the shape
}

// unservedShapes lists formats of events that are known but not supported. Neither a backup
// request nor a supported format has their members. The entries with topic, props or
// topicPartition are the data of the same messages with eventSchema RawData. Sources: the event
// types of github.com/aws/aws-lambda-go/events and github.com/aliyun/fc-runtime-go-sdk/events.
var unservedShapes = []unservedShape{
	{"Amazon EventBridge", []string{"detail-type", "source", "detail"}},
	{"Amazon CloudWatch Logs", []string{"awslogs"}},
	{"Amazon Data Firehose", []string{"deliveryStreamArn", "records"}},
	{"Amazon MSK or self-managed Kafka", []string{"eventSource", "bootstrapServers", "records"}},
	{"Amazon DocumentDB", []string{"eventSource", "eventSourceArn", "events"}},
	{"Amazon MQ", []string{"eventSource", "eventSourceArn", "messages"}},
	{"Amazon MQ for RabbitMQ", []string{"eventSource", "eventSourceArn", "rmqMessagesByQueue"}},
	{"Kafka", []string{"topic", "partition", "offset", "value"}},
	{"RocketMQ", []string{"topic", "body"}}, // both kinds of properties may be missing
	{"RabbitMQ", []string{"envelope", "props", "body"}},
	{"MQTT", []string{"props", "body"}},
	{"DTS", []string{"topicPartition", "operationType"}},
	{"DataHub", []string{"eventSource", "eventSourceARN", "records"}},
	{"Simple Log Service (SLS)", []string{"jobName", "source", "cursorTime"}},
}

// recordSources names the AWS services that send records, by eventSource or EventSource.
var recordSources = map[string]string{
	"aws:sqs":        "AWS SQS",
	"aws:sns":        "AWS SNS",
	"aws:s3":         "Amazon S3",
	"aws:ses":        "Amazon SES",
	"aws:kinesis":    "Amazon Kinesis",
	"aws:dynamodb":   "Amazon DynamoDB",
	"aws:codecommit": "AWS CodeCommit",
}

// messageTypes names those sources of EventBridge on Alibaba Cloud whose CloudEvents contain a
// message in a special, unsupported form. The key is the beginning of the event's type.
var messageTypes = []struct{ prefix, name string }{
	{"mq:", "RocketMQ"},
	{"alikafka:", "Kafka"},
	{"amqp:", "RabbitMQ"},
}

// unserved returns an [*UnservedError] if event, or an element of it, has a format that is
// known but not supported. Otherwise it returns nil. top are the members of event if it is an
// object. on is the platform: only on Lambda, an HTTP event of a gateway in another format than
// 2.0 is unsupported, because on other platforms such an event gets an answer.
func unserved(event []byte, top map[string]json.RawMessage, on string) error {
	name := unservedName(top)
	if name == "" && on == PlatformLambda {
		name = unservedGateway(top)
	}
	var batch []json.RawMessage
	if bytes.HasPrefix(bytes.TrimSpace(event), []byte("[")) {
		_ = json.Unmarshal(event, &batch) // not JSON: no elements
	}
	for _, element := range batch {
		if name == "" {
			name = unservedName(members(content(element)))
		}
	}
	if name == "" {
		return nil
	}
	return &UnservedError{Name: name}
}

// unservedName returns the name of the unsupported format with these members, or "".
func unservedName(keys map[string]json.RawMessage) string {
	if keys["specversion"] != nil {
		for _, m := range messageTypes {
			if strings.HasPrefix(textOf(keys["type"]), m.prefix) {
				return m.name
			}
		}
		return unservedName(members(keys["data"]))
	}
	if name := recordSources[textOf(keys["eventSource"])]; name != "" {
		return name // one record of a batch, as Amazon EventBridge Pipes sends it
	}
	if bytes.HasPrefix(keys["Records"], []byte("[")) {
		return recordsName(keys["Records"])
	}
	for _, shape := range unservedShapes {
		if hasAll(keys, shape.members) {
			return shape.name
		}
	}
	return ""
}

// recordsName returns the name of an event of AWS with records.
func recordsName(list json.RawMessage) string {
	var records []struct {
		EventSource string // also eventSource: names are matched without regard to case
	}
	_ = json.Unmarshal(list, &records) // records of other types have no source
	for _, r := range records {
		if name := recordSources[r.EventSource]; name != "" {
			return name
		}
	}
	return "AWS record"
}

// unservedGateway returns the name of an HTTP event's format that the portal cannot answer on
// Lambda. API Gateway and load balancers expect another format of answers than function URLs
// and HTTP APIs.
func unservedGateway(keys map[string]json.RawMessage) string {
	if keys["httpMethod"] == nil {
		return ""
	}
	if members(keys["requestContext"])["elb"] != nil {
		return "Application Load Balancer (ALB)"
	}
	if version := textOf(keys["version"]); version == "" || version == "1.0" {
		return "API Gateway REST (payload format 1.0)"
	}
	return ""
}

// hasAll reports whether an object has all the members.
func hasAll(keys map[string]json.RawMessage, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return keys[name] == nil })
}

// textOf returns the text of a JSON string, and "" for any other value.
func textOf(value json.RawMessage) (text string) {
	_ = json.Unmarshal(value, &text)
	return text
}
