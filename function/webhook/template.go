package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"backupportal/function/param"
)

// Errors of [Submission].
var (
	// ErrNotJSON means that the body is not exactly one JSON value.
	ErrNotJSON = errors.New("webhook: the message is not one JSON value")
	// ErrNothing means that a condition of [Source.When] does not hold, so the message
	// starts no backup. It is not a mistake of the sender.
	ErrNothing = errors.New("webhook: the message requests no backup")
)

// Submission applies the template of s to the body of a verified message. It returns
// the JSON object that the same backup would have in the JSON API: parameters by
// name, with those of Detail and Options inside their object.
//
// A parameter whose pointer finds nothing is left out, so that the later validation
// reports it as missing. A value from the message keeps its JSON type, and a number
// keeps its digits. The errors are [ErrNotJSON] and [ErrNothing].
func Submission(s Source, body []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // float64 would change long numbers
	var payload any
	if err := d.Decode(&payload); err != nil {
		return nil, ErrNotJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrNotJSON
	}
	for _, c := range s.When {
		if v, ok := valueAt(payload, c.Pointer); !ok || scalarText(v) != c.Equals {
			return nil, ErrNothing
		}
	}
	top := map[string]any{}
	for name, part := range s.Submission {
		var value any = part.Value
		if part.Pointer != nil {
			found, ok := valueAt(payload, part.Pointer)
			if !ok {
				continue
			}
			value = found
		} else if f, ok := param.FieldNamed(name); ok && (f.Type == param.Integer || f.Type == param.Boolean || f.Type == param.Strings || f.Type == param.Objects) {
			value = json.RawMessage(part.Value) // the policy has checked that it is valid JSON
		}
		object, inner, nested := strings.Cut(name, ".")
		if !nested {
			top[name] = value
			continue
		}
		below, ok := top[object].(map[string]any)
		if !ok {
			below = map[string]any{}
			top[object] = below
		}
		below[inner] = value
	}
	return json.Marshal(top)
}

// valueAt returns the part of v that a JSON pointer names, or false if nothing is there
// (RFC 6901, section 4). An index has no sign and no leading zeros; "-" names nothing.
func valueAt(v any, pointer []string) (any, bool) {
	for _, part := range pointer {
		switch in := v.(type) {
		case map[string]any:
			found, ok := in[part]
			if !ok {
				return nil, false
			}
			v = found
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) || strconv.Itoa(i) != part {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// scalarText returns a string, number or boolean as text; "" for null, lists and objects.
func scalarText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
