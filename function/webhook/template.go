package webhook

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"backupportal/function/jsontext"
	"backupportal/function/param"
)

// Errors of [Submission].
var (
	// ErrNotJSON means that the body is not exactly one JSON value.
	ErrNotJSON = errors.New("webhook: the message is not one JSON value")
	// ErrUnicode means that a text of the body is not valid Unicode: see [jsontext.Unicode].
	ErrUnicode = errors.New("webhook: the message is not valid Unicode")
	// ErrNothing means that a condition of [Source.When] is not met, so the message does not
	// start a backup. It is not a mistake of the sender.
	ErrNothing = errors.New("webhook: the message requests no backup")
)

// Values are the values of a message at the places that the template of a source names.
type Values struct {
	source     Source
	conditions []*wanted          // one value for each entry of source.When
	parts      map[string]*wanted // one value for each entry of source.Submission, by parameter
	err        error              // ErrNotJSON, ErrUnicode, or nil
}

// Read reads a message without verifying its sender, and keeps the values that the template of s names. It
// is for a trial: what the values ask for must not be started.
func Read(s Source, body io.Reader) (Values, error) { return read(s, body) }

// read reads a message to its end and returns the values that the template of s uses. The error
// is that of body. If the message is not JSON, read returns no error: only a verified sender
// may learn that, so [Values.Submission] returns the error later.
func read(s Source, body io.Reader) (Values, error) {
	v := Values{source: s, parts: map[string]*wanted{}}
	var places []*wanted
	for _, c := range s.When {
		v.conditions = append(v.conditions, &wanted{pointer: c.Pointer})
	}
	places = append(places, v.conditions...)
	for name, part := range s.Submission {
		if part.Pointer != nil {
			v.parts[name] = &wanted{pointer: part.Pointer}
			places = append(places, v.parts[name])
		}
	}
	err := scan(body, places)
	switch {
	case errors.Is(err, errSyntax):
		v.err = ErrNotJSON
	case errors.Is(err, jsontext.ErrUTF8), errors.Is(err, jsontext.ErrSurrogate):
		v.err = ErrUnicode
	}
	if v.err != nil {
		_, err = io.Copy(io.Discard, body)
	}
	return v, err
}

// Submission applies the template of the source to the values of a verified message. It returns
// the JSON object that the same backup would have in the JSON API: parameters by name, with
// those of Detail and Options inside their object.
//
// A parameter whose pointer finds nothing is left out, so that the later validation reports it
// as missing. Values of the message are unchanged: [param.DecodeJSON] gives each the type of
// its parameter. The errors are [ErrNotJSON], [ErrUnicode], [ErrNothing], and
// [param.InvalidError] for a value of more than maxValue bytes.
func (v Values) Submission() ([]byte, error) {
	if v.err != nil {
		return nil, v.err
	}
	for i, c := range v.source.When {
		if at := v.conditions[i]; !at.found || at.long || scalarText(at.text) != c.Equals {
			return nil, ErrNothing
		}
	}
	top := map[string]any{}
	var long param.InvalidError
	for name, part := range v.source.Submission {
		f, _ := param.FieldNamed(name)
		var value any = part.Value
		switch at := v.parts[name]; {
		case at == nil && f.Type != param.String:
			value = json.RawMessage(part.Value) // the policy has checked that it is valid JSON
		case at == nil:
		case !at.found:
			continue
		case at.long:
			long = append(long, param.Mistake{
				Field: name, Code: "too_long", Text: msgValueTooLong, Args: []any{name, maxValue >> 10},
			})
			continue
		default:
			value = json.RawMessage(at.text)
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
	if long != nil {
		slices.SortFunc(long, func(a, b param.Mistake) int { return strings.Compare(a.Field, b.Field) })
		return nil, long
	}
	return json.Marshal(top)
}

// msgValueTooLong is the mistake for a value of more than maxValue bytes.
var msgValueTooLong = param.Both(
	"The value that the message has for %v is longer than %v KB: send a shorter one",
	"消息中 %v 的值超过 %v KB：请缩短该值",
)

// scalarText returns a string, number or boolean as text; "" for null, lists and objects.
func scalarText(raw json.RawMessage) string {
	var text string
	switch c := raw[0]; {
	case c == '"':
		_ = json.Unmarshal(raw, &text) // the scanner has checked it
		return text
	case c == '{', c == '[', c == 'n':
		return ""
	}
	return string(raw)
}
