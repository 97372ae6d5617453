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
)

// A ShapeError is an event that is nobody's: not a submission, nor in an
// envelope that is known. It shows no content, as callers and logs get it.
type ShapeError struct {
	Size int      // bytes
	Keys []string // the first of them, shortened; nil if it is not an object
	Want string   // what was expected instead
}

// Error implements error.
func (e *ShapeError) Error() string {
	return fmt.Sprintf("event of %d bytes not understood: expected %s", e.Size, e.Want)
}

const wantObject = "a JSON object with the parameters of a submission, or a known trigger's event"

// An item is a message, or the reason why one element of a batch is none.
type item struct {
	Message
	bad string
}

// unpack recognises an event by its outer shape. The order matters: the first
// match wins.
func unpack(event []byte, requestID string) ([]item, error) {
	text := bytes.TrimSpace(event)
	switch {
	case len(text) == 0 || string(text) == "null":
		return nil, &ShapeError{Size: len(event), Want: wantObject}
	case !json.Valid(text), text[0] == '"':
		return []item{{Message: Message{Kind: envelope.Text, ID: digest(event), Payload: content(text)}}}, nil
	case text[0] == '[':
		return elements(text), nil
	case text[0] == '{':
		return object(event, requestID)
	}
	return nil, &ShapeError{Size: len(event), Want: wantObject}
}

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
	case bytes.HasPrefix(keys["events"], []byte("[")):
		return records(keys["events"]), nil
	case len(keys) == 2 && has("body", "attrs"):
		m = Message{Kind: envelope.MNSStream, ID: digest(event), Payload: content(keys["body"])}
	default:
		m = Message{Kind: envelope.Direct, ID: cmp.Or(requestID, digest(event)), Payload: event}
	}
	if !ok {
		return nil, newShapeError(event, "the ids of the envelope as strings")
	}
	return []item{{Message: m}}, nil
}

// elements reads a batch of EventBridge's streaming mode: strings that are JSON
// documents, or the documents themselves; CloudEvents, or only their data.
func elements(event []byte) []item {
	var raw []json.RawMessage
	_ = json.Unmarshal(event, &raw) // valid, and an array
	items := make([]item, 0, len(raw))
	for _, element := range raw {
		items = append(items, oneElement(element))
	}
	return items
}

func oneElement(element json.RawMessage) item {
	if element[0] != '"' && element[0] != '{' {
		return item{Message: Message{Kind: envelope.RawData, ID: digest(element)}, bad: "neither an object nor a string"}
	}
	body := content(element)
	if members(body)["specversion"] == nil {
		return item{Message: Message{Kind: envelope.RawData, ID: digest(element), Payload: body}}
	}
	m, ok := cloudEvent(body)
	if !ok {
		return item{
			Message: Message{Kind: envelope.CloudEvent, ID: digest(element)},
			bad:     "CloudEvent without id, source or data",
		}
	}
	return item{Message: m}
}

// content returns a JSON value's content: of a string its text, of all else the
// value as written. MNS producers may have encoded a text in base64, so what is
// not JSON, but is JSON when decoded, counts as decoded.
func content(value []byte) []byte {
	var s string
	if json.Unmarshal(value, &s) == nil {
		value = []byte(s)
	}
	if json.Valid(value) {
		return value
	}
	if decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(value))); err == nil && json.Valid(decoded) {
		return decoded
	}
	return value
}

// members returns the top level of an object; of anything else nil.
func members(object []byte) (m map[string]json.RawMessage) {
	_ = json.Unmarshal(object, &m)
	return m
}

func newShapeError(event []byte, want string) *ShapeError {
	const most, longest = 20, 40
	keys := slices.Sorted(maps.Keys(members(event)))
	keys = keys[:min(len(keys), most)]
	for i, key := range keys {
		keys[i] = strings.ToValidUTF8(key[:min(len(key), longest)], "")
	}
	return &ShapeError{Size: len(event), Keys: keys, Want: want}
}
