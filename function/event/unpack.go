package event

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"backupportal/function/event/envelope"
	"backupportal/function/jsontext"
)

// A ShapeError is the error of an event that contains no message: it is neither a backup
// request nor a known kind of event. It contains no values of the event, because callers and
// logs see it.
type ShapeError struct {
	Size int      // size of the event, in bytes
	Keys []string // names of the event's first members, shortened; nil if the event is not a JSON object
	Want string   // the expected shape
}

// Error implements error.
func (e *ShapeError) Error() string {
	return fmt.Sprintf("event of %d bytes not understood: expected %s", e.Size, e.Want)
}

// wantObject describes the expected shape of an event, for errors.
const wantObject = "a JSON object with the parameters of a submission, or a known trigger's event"

// An item is a message, or an element of a batch that is not a message.
type item struct {
	Message
	reason  string // why it is no message; empty if it is one
	failure string // id by which the platform accepts the failure of this item alone; empty if it accepts none
}

// unpack returns the messages of an event, by the table in the comment of the package. The
// first row that matches decides. requestID is the id of a direct message. The error is a
// [*ShapeError].
func unpack(event []byte, requestID string) ([]item, error) {
	text := bytes.TrimSpace(event)
	switch {
	case len(text) == 0 || string(text) == "null":
		return nil, &ShapeError{Size: len(event), Want: wantObject}
	case !json.Valid(text), text[0] == '"':
		return []item{{Message: Message{Kind: envelope.Text, ID: digest(event), Payload: content(text)}}}, nil
	case text[0] == '[':
		return readElements(text), nil
	case text[0] == '{':
		return object(event, requestID)
	}
	return nil, &ShapeError{Size: len(event), Want: wantObject}
}

// object reads an event that is a JSON object.
func object(event []byte, requestID string) ([]item, error) {
	keys := members(event)
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return keys[name] == nil })
	}
	var m Message
	ok := true
	switch {
	case has("specversion"):
		m, ok = cloudEvent(event)
	case has("triggerName", "triggerTime"):
		m, ok = timer(event)
	case has("TopicName", "MessageId"):
		m, ok = mnsTopic(event)
	case isArray(keys["Records"]):
		return readAWSRecords(keys["Records"]), nil
	case has("detail-type", "source", "detail"):
		m, ok = eventBridge(event)
	case bytes.HasPrefix(keys["events"], []byte("[")):
		return readRecords(keys["events"]), nil
	case len(keys) == 2 && has("body", "attrs"):
		m = Message{Kind: envelope.MNSStream, ID: digest(content(keys["body"])), Payload: content(keys["body"])}
	default:
		b, found := brokerOf("", keys)
		if !found {
			m = Message{
				Kind: envelope.Direct, ID: cmp.Or(requestID, digest(event)), Payload: event,
				Trace: traceOf(keys["traceparent"], keys["tracestate"]),
			}
			break
		}
		m, ok = b.message(event, "", "", "")
	}
	if !ok {
		return nil, newShapeError(event, "the ids of the envelope as strings")
	}
	if m.Kind != envelope.Direct {
		return []item{inUnicode(m, event)}, nil
	}
	return []item{{Message: m}}, nil
}

// inUnicode returns m as an item. If value, the JSON from which m was read, is not valid
// Unicode, the item is not a message: the ids of two such values could become equal
// ([jsontext.Unicode]).
func inUnicode(m Message, value []byte) item {
	if err := jsontext.Unicode(value); err != nil {
		return item{Message: Message{Kind: m.Kind, ID: digest(value)}, reason: err.Error()}
	}
	return item{Message: m}
}

// readElements reads a batch of EventBridge's streaming mode, whose elements are CloudEvents or
// only their data, as JSON or as strings that contain JSON; or one of EventBridge Pipes of AWS, whose
// elements are records.
func readElements(event []byte) []item {
	var raw []json.RawMessage
	_ = json.Unmarshal(event, &raw) // valid, and an array
	items := make([]item, 0, len(raw))
	for _, element := range raw {
		items = append(items, readElement(element))
	}
	return items
}

// readElement reads one element of a batch. An element that is no message becomes an item with a
// reason, and does not affect the others.
func readElement(element json.RawMessage) item {
	if element[0] != '"' && element[0] != '{' {
		return item{Message: Message{Kind: envelope.RawData, ID: digest(element)}, reason: "neither an object nor a string"}
	}
	body := content(element)
	keys := members(body)
	if isAWSRecord(keys) {
		return readAWSRecord(body, true)
	}
	if b, ok := brokerOf("", keys); ok && keys["specversion"] == nil {
		m, ok := b.message(body, "", "", "")
		if !ok {
			return item{Message: Message{Kind: b.kind, ID: digest(element)}, reason: "a member has the wrong type"}
		}
		return inUnicode(m, body)
	}
	if keys["specversion"] == nil {
		return inUnicode(Message{Kind: envelope.RawData, ID: digest(element), Payload: body}, element)
	}
	m, ok := cloudEvent(body)
	if !ok {
		return item{
			Message: Message{Kind: envelope.CloudEvent, ID: digest(element)},
			reason:  "CloudEvent without id, source or data",
		}
	}
	if broken := inUnicode(m, element); broken.reason != "" {
		return broken
	}
	return inUnicode(m, body)
}

// content returns the text of a JSON string, and any other JSON value as it is written. If a
// string is JSON only after base64 decoding, it returns the decoded text, because MNS producers
// may encode messages. It removes a byte order mark.
func content(value []byte) []byte {
	var s string
	if json.Unmarshal(value, &s) == nil {
		value = []byte(s)
	}
	value = jsontext.TrimMark(value)
	if json.Valid(value) {
		return value
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(value)))
	if err == nil && json.Valid(jsontext.TrimMark(decoded)) {
		return jsontext.TrimMark(decoded)
	}
	return value
}

// members returns the members of a JSON object, or nil if the value is not an object.
func members(object []byte) (m map[string]json.RawMessage) {
	_ = json.Unmarshal(object, &m)
	return m
}

// newShapeError returns the error for an event that is an object. It names the object's keys,
// shortened because any sender can choose them.
func newShapeError(event []byte, want string) *ShapeError {
	const most, longest = 20, 40
	keys := slices.Sorted(maps.Keys(members(event)))
	keys = keys[:min(len(keys), most)]
	for i, key := range keys {
		keys[i] = strings.ToValidUTF8(key[:min(len(key), longest)], "")
	}
	return &ShapeError{Size: len(event), Keys: keys, Want: want}
}
