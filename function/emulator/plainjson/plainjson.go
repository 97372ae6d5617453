// Package plainjson is a strict form of encoding/json.
//
// It reads parameters whose value is a JSON text. encoding/json alone accepts keys in another
// case, repeated keys and, in a decoder, text after the value; it also escapes <, > and & in its
// output.
//
//	function   accepts
//	Object     one object without repeated keys
//	String     a string
//	Bool       true or false
//	Int        an integer
//	Strings    an array of strings
//
// Every other value, including null, is refused.
package plainjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Object parses one JSON object into its members. Errors: text is not an object, has text after the
// object, or repeats a key.
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
		name := key.(string) // the decoder returns only strings here
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

// String parses a string. ok is false for any other value, including null.
func String(raw json.RawMessage) (s string, ok bool) {
	return s, len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil
}

// Bool parses true or false. ok is false for any other value.
func Bool(raw json.RawMessage) (b, ok bool) {
	return string(raw) == "true", string(raw) == "true" || string(raw) == "false"
}

// Int parses an integer. ok is false for any other value, including null.
func Int(raw json.RawMessage) (n int64, ok bool) {
	return n, string(raw) != "null" && json.Unmarshal(raw, &n) == nil
}

// Strings parses an array of strings. The result is false for any other value, including null.
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

// Encode returns v as JSON with a newline at the end. It panics if v cannot be encoded. It does
// not escape <, > and &: the vendor's V1 SDK searches a message for its own string to sign, which
// contains "&".
func Encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}
