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
	ErrNotJSON = errors.New("webhook: the message is not one JSON value")
	// ErrNothing says that the message is not one of those that start something.
	ErrNothing = errors.New("webhook: the message requests no backup")
)

// Submission writes the submission that a message asks for, as JSON, by the
// template of its source. Parameters whose places the message does not have are
// left out: they are missed like those of any other submission. Its errors are
// [ErrNotJSON] and [ErrNothing].
func Submission(s Source, body []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // as it was written
	var payload any
	if err := d.Decode(&payload); err != nil {
		return nil, ErrNotJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrNotJSON
	}
	for _, c := range s.When {
		if v, ok := at(payload, c.Pointer); !ok || text(v) != c.Equals {
			return nil, ErrNothing
		}
	}
	top := map[string]any{}
	for name, part := range s.Submission {
		var value any = part.Value
		if part.Pointer != nil {
			found, ok := at(payload, part.Pointer)
			if !ok {
				continue
			}
			value = found
		} else if f, ok := param.FieldNamed(name); ok && (f.Type == param.Integer || f.Type == param.Boolean || f.Type == param.Strings || f.Type == param.Objects) {
			value = json.RawMessage(part.Value)
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

// at is the value at a JSON pointer (RFC 6901, section 4).
func at(v any, pointer []string) (any, bool) {
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

// text is a plain value as text, for comparisons.
func text(v any) string {
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
