package event

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"strings"

	"backupportal/function/event/envelope"
	"backupportal/function/lenhash"
	"backupportal/function/trace"
)

// cloudEvent reads a CloudEvent of EventBridge (“Event specifications”). An event from an MNS
// queue has the message in data.messageBody. The message's own id is used then, because it stays
// the same when the queue delivers the message again. A message of a broker is read by [broker], a
// change of an object of OSS by [readRecord]. It returns false if a required member is missing or has
// the wrong type.
func cloudEvent(event []byte) (Message, bool) {
	var e struct {
		ID      string          `json:"id"`
		Source  string          `json:"source"`
		Type    string          `json:"type"`
		Subject string          `json:"subject"`
		Data    json.RawMessage `json:"data"`
		Base64  []byte          `json:"data_base64"`
		Parent  json.RawMessage `json:"traceparent"` // from the extension for distributed tracing, like the next member
		State   json.RawMessage `json:"tracestate"`
	}
	if json.Unmarshal(event, &e) != nil || e.ID == "" || e.Source == "" {
		return Message{}, false
	}
	data := members(e.Data)
	if b, ok := brokerOf(e.Type, data); ok {
		m, ok := b.message(e.Data, e.Source, e.Subject, e.ID)
		m.Trace = traceOf(e.Parent, e.State)
		return m, ok
	}
	if change, ok := strings.CutPrefix(e.Type, "oss:"); ok && data["oss"] != nil {
		m := readRecord(e.Data)
		m.Trace = traceOf(e.Parent, e.State)
		if m.Object != nil {
			m.ID, m.Object.Change = e.ID, change
		}
		return m, m.Object != nil
	}
	m := Message{Kind: envelope.CloudEvent, Source: e.Source, ID: e.ID, Payload: e.Base64, Trace: traceOf(e.Parent, e.State)}
	if e.Data != nil {
		m.Payload = content(e.Data)
	}
	if e.Type == "mns:Queue:SendMessage" {
		var data struct {
			ID   string          `json:"messageId"`
			Body json.RawMessage `json:"messageBody"`
		}
		if json.Unmarshal(e.Data, &data) != nil || data.Body == nil {
			return Message{}, false
		}
		m.Kind, m.ID, m.Payload = envelope.MNSQueue, cmp.Or(data.ID, e.ID), content(data.Body)
	}
	return m, true
}

// traceOf reads the attributes of a trace. They say nothing about a submission, so an attribute that is no
// string, or is not valid, is ignored.
func traceOf(parent, state json.RawMessage) trace.Context {
	var texts [2]string
	for i, value := range []json.RawMessage{parent, state} {
		if json.Unmarshal(value, &texts[i]) != nil {
			texts[i] = ""
		}
	}
	c, _ := trace.Parse(texts[:1], texts[1:])
	return c
}

// timer reads the event of a time trigger. Its payload is a JSON string, whose content may be
// anything. It returns false as cloudEvent does.
func timer(event []byte) (Message, bool) {
	var e struct {
		Name    string          `json:"triggerName"`
		Time    string          `json:"triggerTime"`
		Payload json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(event, &e) != nil || e.Name == "" || e.Time == "" {
		return Message{}, false
	}
	return Message{Kind: envelope.Timer, Source: e.Name, ID: e.Time, Payload: content(e.Payload)}, true
}

// mnsTopic reads the event of an MNS topic in the format JSON. It does not use the type of the
// SDK, which expects a date where the platform sends milliseconds. It returns false if a
// required member is missing or has the wrong type.
func mnsTopic(event []byte) (Message, bool) {
	var e struct {
		Topic   string          `json:"TopicName"`
		ID      string          `json:"MessageId"`
		Message json.RawMessage `json:"Message"`
	}
	if json.Unmarshal(event, &e) != nil || e.Topic == "" || e.ID == "" {
		return Message{}, false
	}
	return Message{Kind: envelope.MNSTopic, Source: e.Topic, ID: e.ID, Payload: content(e.Message)}, true
}

// readRecords reads an event of OSS or CDN and returns one message for each of its records. The
// id of a message contains the name of the object, because one request may change several
// objects.
func readRecords(events json.RawMessage) []item {
	var raw []json.RawMessage
	_ = json.Unmarshal(events, &raw) // valid, and an array
	items := make([]item, 0, len(raw))
	for _, record := range raw {
		items = append(items, inUnicode(readRecord(record), record))
	}
	return items
}

// readRecord reads one record of OSS or CDN. If the record has no request id (CDN: no trace
// id), the id of the message is a hash of the record. A member of the wrong type is treated as
// absent.
func readRecord(record json.RawMessage) Message {
	var e struct {
		Source  string `json:"eventSource"`
		Name    string `json:"eventName"`
		TraceID string `json:"traceId"` // CDN
		OSS     struct {
			Bucket struct {
				Name string `json:"name"`
				ARN  string `json:"arn"`
			} `json:"bucket"`
			Object struct {
				Key string `json:"key"`
			} `json:"object"`
		} `json:"oss"`
		Resource struct {
			Domain string `json:"domain"`
		} `json:"resource"` // CDN
		Response struct {
			RequestID string `json:"requestId"`
		} `json:"responseElements"`
	}
	_ = json.Unmarshal(record, &e) // a member of the wrong type stays empty
	if e.Source == "cdn" {
		return Message{Kind: envelope.CDN, Source: e.Resource.Domain, ID: cmp.Or(e.TraceID, digest(record)), Payload: record}
	}
	id := digest(record)
	if e.Response.RequestID != "" {
		id = recordID(e.Response.RequestID, e.OSS.Object.Key)
	}
	m := Message{Kind: envelope.OSS, Source: e.OSS.Bucket.ARN, ID: id, Payload: record}
	if e.OSS.Bucket.Name != "" && e.OSS.Object.Key != "" {
		m.Object = &Object{Bucket: e.OSS.Bucket.Name, Key: e.OSS.Object.Key, Change: e.Name}
	}
	return m
}

// recordID returns the id of a message about the change of an object: the id of the request
// that changed it, a slash, and the object's name. A real request id has no slash. If it has
// one, recordID returns a hash of both instead, so that two different pairs never have the same
// id.
func recordID(request, object string) string {
	if strings.Contains(request, "/") {
		sum := lenhash.Sum(request, object)
		return "lenhash:" + hex.EncodeToString(sum[:])
	}
	return request + "/" + object
}
