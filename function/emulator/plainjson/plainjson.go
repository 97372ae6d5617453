// Package plainjson is encoding/json without its liberties.
//
// It reads the parameters whose value is the text of a JSON value. encoding/json
// alone would let other spellings of a key, repeated keys and text behind the
// value pass, and would escape <, > and & in what it writes.
package plainjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Object reads one object whose keys are all different.
func Object(text string) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("it is not a json object")
	}
	object := map[string]json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, errors.New("it is not a json object")
		}
		name := key.(string) // only keys stand here
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("key %q stands twice", name)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, fmt.Errorf("key %q has no json value", name)
		}
		object[name] = value
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		return nil, errors.New("it is not one json object")
	}
	return object, nil
}

// String reads a string. Every other type is false, null included.
func String(raw json.RawMessage) (s string, ok bool) {
	return s, len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil
}

// Bool reads true or false. Every other value is false for ok.
func Bool(raw json.RawMessage) (b, ok bool) {
	return string(raw) == "true", string(raw) == "true" || string(raw) == "false"
}

// Int reads a whole number. Every other value is false, null included.
func Int(raw json.RawMessage) (n int64, ok bool) {
	return n, string(raw) != "null" && json.Unmarshal(raw, &n) == nil
}

// Strings reads an array of strings. Every other value is false, null included.
func Strings(raw json.RawMessage) ([]string, bool) {
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil || elements == nil {
		return nil, false
	}
	list := []string{}
	for _, e := range elements {
		s, ok := String(e)
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// Encode writes v, which must be plain data, or it panics. It leaves <, > and &
// as they are: V1 compares the string to sign inside a message with its own.
func Encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}
