package event

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"

	"backupportal/function/event/envelope"
)

// An awsRecord is one record of an event of AWS. An event source mapping, SNS and S3 send an object with
// the array Records. EventBridge Pipes sends an array of records, in which the members of kinesis are at the
// top level.
type awsRecord struct {
	Source    string `json:"eventSource"` // SNS spells it EventSource; the decoder ignores the case of names
	SourceARN string `json:"eventSourceARN"`
	EventID   string `json:"eventID"`

	MessageID string          `json:"messageId"` // SQS
	Body      json.RawMessage `json:"body"`

	awsKinesis            // Pipes
	Kinesis    awsKinesis `json:"kinesis"` // event source mapping

	SNS struct {
		MessageID string          `json:"MessageId"`
		TopicARN  string          `json:"TopicArn"`
		Message   json.RawMessage `json:"Message"`
	} `json:"Sns"`

	EventName string `json:"eventName"` // S3
	Response  struct {
		RequestID string `json:"x-amz-request-id"`
	} `json:"responseElements"`
	S3 struct {
		Bucket struct {
			Name string `json:"name"`
			ARN  string `json:"arn"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"` // encoded as in the query of a URL
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

// An awsKinesis is a record of a stream, with its data decoded from base64.
type awsKinesis struct {
	SequenceNumber string `json:"sequenceNumber"`
	Data           []byte `json:"data"`
}

// recordReader returns the function that reads the records of a source, or nil for a source that is not served. piped
// means that EventBridge Pipes sent the record. The reason is empty if the record is a message.
func recordReader(source string) func(r awsRecord, record []byte, piped bool) item {
	switch source {
	case "aws:sqs":
		return sqsRecord
	case "aws:kinesis":
		return kinesisRecord
	case "aws:sns":
		return snsRecord
	case "aws:s3":
		return s3Record
	}
	return nil
}

// readAWSRecords reads the array Records. Each source in it is served ([unserved]).
func readAWSRecords(list json.RawMessage) []item {
	var raw []json.RawMessage
	_ = json.Unmarshal(list, &raw) // valid, and an array
	items := make([]item, 0, len(raw))
	for _, record := range raw {
		items = append(items, readAWSRecord(record, false))
	}
	return items
}

// readAWSRecord reads one record. A record that is no message keeps the id by which the platform knows it.
func readAWSRecord(record json.RawMessage, piped bool) item {
	var r awsRecord
	err := json.Unmarshal(record, &r)
	read := recordReader(r.Source)
	if read == nil {
		return item{Message: Message{Kind: envelope.RawData, ID: digest(record)}, reason: "a record without eventSource"}
	}
	it := read(r, record, piped)
	if err != nil && it.reason == "" {
		it.reason = "a member of the record has the wrong type"
	}
	if it.reason != "" {
		it.ID, it.Payload = cmp.Or(it.ID, digest(record)), nil
		return it
	}
	checked := inUnicode(it.Message, record)
	checked.failure = it.failure
	return checked
}

// sqsRecord reads a message of a queue.
func sqsRecord(r awsRecord, _ []byte, _ bool) item {
	it := item{Message: Message{Kind: envelope.SQS, Source: r.SourceARN, ID: r.MessageID, Payload: content(r.Body)}, failure: r.MessageID}
	if r.MessageID == "" || r.SourceARN == "" || r.Body == nil {
		it.reason = "SQS message without messageId, eventSourceARN or body"
	}
	return it
}

// kinesisRecord reads a record of a stream. An event source mapping knows it by its sequence number, and
// EventBridge Pipes by its event id.
func kinesisRecord(r awsRecord, _ []byte, piped bool) item {
	k, failure := r.Kinesis, r.Kinesis.SequenceNumber
	if piped {
		k, failure = r.awsKinesis, r.EventID
	}
	it := item{Message: Message{Kind: envelope.Kinesis, Source: r.SourceARN, ID: r.EventID}, failure: failure}
	if r.EventID == "" || r.SourceARN == "" || k.SequenceNumber == "" {
		it.reason = "Kinesis record without eventID, eventSourceARN or sequenceNumber"
		return it
	}
	it.Payload = content(k.Data)
	return it
}

// snsRecord reads a message of a topic.
func snsRecord(r awsRecord, _ []byte, _ bool) item {
	it := item{Message: Message{Kind: envelope.SNS, Source: r.SNS.TopicARN, ID: r.SNS.MessageID, Payload: content(r.SNS.Message)}}
	if r.SNS.MessageID == "" || r.SNS.TopicARN == "" || r.SNS.Message == nil {
		it.reason = "SNS message without MessageId, TopicArn or Message"
	}
	return it
}

// s3Record reads a change of an object. The sequencer is different for each change of an object.
func s3Record(r awsRecord, record []byte, _ bool) item {
	it := item{Message: Message{Kind: envelope.S3, Source: r.S3.Bucket.ARN, Payload: record}}
	key, err := url.QueryUnescape(r.S3.Object.Key)
	change := cmp.Or(r.S3.Object.Sequencer, r.Response.RequestID)
	if err != nil || key == "" || change == "" || r.S3.Bucket.Name == "" {
		it.reason = "S3 record without the name of the bucket, the key of the object or its sequencer"
		return it
	}
	it.ID = recordID(change, key)
	it.Object = &Object{Bucket: r.S3.Bucket.Name, Key: key, Change: r.EventName}
	return it
}

// eventBridge reads an event of Amazon EventBridge. The submission is its detail. An event of a schedule is
// identified by the schedule and its time, because EventBridge can send it twice with two ids. It returns
// false if an id is missing or has the wrong type.
func eventBridge(event []byte) (Message, bool) {
	var e struct {
		ID         string          `json:"id"`
		Source     string          `json:"source"`
		DetailType string          `json:"detail-type"`
		Time       string          `json:"time"`
		Resources  []string        `json:"resources"`
		Detail     json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(event, &e) != nil || e.Source == "" || e.Detail == nil {
		return Message{}, false
	}
	if e.Source == "aws.scheduler" || e.Source == "aws.events" && e.DetailType == "Scheduled Event" {
		if len(e.Resources) != 1 || e.Resources[0] == "" || e.Time == "" {
			return Message{}, false
		}
		return Message{Kind: envelope.Scheduler, Source: e.Resources[0], ID: e.Time, Payload: content(e.Detail)}, true
	}
	return Message{Kind: envelope.EventBridge, Source: e.Source, ID: e.ID, Payload: content(e.Detail)}, e.ID != ""
}

// isAWSRecord reports whether an element of an array is a record that EventBridge Pipes sends.
func isAWSRecord(keys map[string]json.RawMessage) bool {
	return recordReader(textOf(keys["eventSource"])) != nil
}

// isArray reports whether a JSON value is an array.
func isArray(value json.RawMessage) bool { return bytes.HasPrefix(value, []byte("[")) }
