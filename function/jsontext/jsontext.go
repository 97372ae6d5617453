// Package jsontext encodes JSON without the escapes for HTML.
//
// [encoding/json.Marshal] writes <, > and & as \u003c, \u003e and \u0026. The
// portal keeps them: paths, names and messages stay readable in requests, logs
// and answers, and a browser never reads an answer of type application/json as HTML.
//
// [Unique] is the strict check of JSON that others sign.
package jsontext

import (
	"bytes"
	"encoding/json"
)

// Marshal encodes v in one line, without a line break at the end. Its errors
// are those of [json.Marshal].
func Marshal(v any) ([]byte, error) { return marshal(v, "") }

// MarshalIndent encodes v for people: each element on a line of its own,
// indented by two spaces, without a line break at the end.
func MarshalIndent(v any) ([]byte, error) { return marshal(v, "  ") }

// Must is Marshal for values that always encode, such as texts and lists of
// texts. It panics for others.
func Must(v any) string {
	text, err := Marshal(v)
	if err != nil {
		panic("jsontext: " + err.Error())
	}
	return string(text)
}

func marshal(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
