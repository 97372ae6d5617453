package event

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// An UnservedError is the error of an event in a format that is known but not supported; it
// names the format. The invocation fails and nothing is started, so the platform keeps the
// messages. Without this check, the event would be taken for a backup request with unknown
// parameters.
type UnservedError struct {
	Name string // name of the event, such as “AWS SQS”
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

// unservedShapes lists envelopes whose members no submission and no served envelope has. MQTT and DTS are
// also the data of the same messages with eventSchema RawData.
// Sources: the event types of github.com/aws/aws-lambda-go/events and
// github.com/aliyun/fc-runtime-go-sdk/events.
var unservedShapes = []unservedShape{
	{"Amazon CloudWatch Logs", []string{"awslogs"}},
	{"Amazon Data Firehose", []string{"deliveryStreamArn", "records"}},
	{"Amazon MSK or self-managed Kafka", []string{"eventSource", "bootstrapServers", "records"}},
	{"Amazon DocumentDB", []string{"eventSource", "eventSourceArn", "events"}},
	{"Amazon MQ", []string{"eventSource", "eventSourceArn", "messages"}},
	{"Amazon MQ for RabbitMQ", []string{"eventSource", "eventSourceArn", "rmqMessagesByQueue"}},
	{"MQTT", []string{"props", "body"}},
	{"DTS", []string{"topicPartition", "operationType"}},
	{"DataHub", []string{"eventSource", "eventSourceARN", "records"}},
	{"Simple Log Service (SLS)", []string{"jobName", "source", "cursorTime"}},
}

// recordSources names the AWS services whose records are not served, by eventSource or EventSource.
var recordSources = map[string]string{
	"aws:ses":        "Amazon SES",
	"aws:dynamodb":   "Amazon DynamoDB",
	"aws:codecommit": "AWS CodeCommit",
}

// unserved returns an [*UnservedError] if event, or an element of it, is in an envelope that is known
// and not served, and nil otherwise. top are the members of event if it is an object.
func unserved(event []byte, top map[string]json.RawMessage) error {
	name := unservedName(top)
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
		if _, served := brokerOf(textOf(keys["type"]), nil); served {
			return ""
		}
		return unservedName(members(keys["data"]))
	}
	if name := recordSources[textOf(keys["eventSource"])]; name != "" {
		return name // one record of a batch, as Amazon EventBridge Pipes sends it
	}
	if isArray(keys["Records"]) {
		return unservedRecords(keys["Records"])
	}
	if _, served := brokerOf("", keys); served {
		return ""
	}
	for _, shape := range unservedShapes {
		if hasAll(keys, shape.members) {
			return shape.name
		}
	}
	return ""
}

// unservedRecords returns the name of an event of AWS with records, or "" if each record is served.
func unservedRecords(list json.RawMessage) string {
	var records []struct {
		EventSource string // also eventSource: names are matched without regard to case
	}
	_ = json.Unmarshal(list, &records) // records of other types have no source
	for _, r := range records {
		if recordReader(r.EventSource) == nil {
			return cmp.Or(recordSources[r.EventSource], "AWS record")
		}
	}
	if len(records) == 0 {
		return "AWS record"
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
