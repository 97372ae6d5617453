// Package jsontext encodes JSON without the escapes for HTML.
//
// [encoding/json.Marshal] writes <, > and & as \u003c, \u003e and \u0026. This package writes
// them unchanged, so that paths, names and messages stay readable in requests, logs and answers.
// This is safe because browsers do not read an answer of type application/json as HTML. Do not
// put the result into an HTML page.
//
// [Unique] is the strict check of JSON that others sign.
package jsontext

import (
	"bytes"
	"encoding/json"
)

// Marshal encodes v in one line, without a line break at the end. Its errors are those of
// [json.Marshal].
func Marshal(v any) ([]byte, error) { return marshal(v, "") }

// MarshalIndent encodes v for people, with one element in each line, indented by two spaces, and
// without a line break at the end. Its errors are those of [json.Marshal].
func MarshalIndent(v any) ([]byte, error) { return marshal(v, "  ") }

// Must returns [Marshal]'s result for a value that can always be encoded, such as a list of
// texts. It panics for any other value.
func Must(v any) string {
	text, err := Marshal(v)
	if err != nil {
		panic("jsontext: " + err.Error())
	}
	return string(text)
}

// marshal encodes v; an empty indent means one line.
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
