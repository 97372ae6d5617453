package param

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/width"

	"backupportal/function/jsontext"
)

// A MalformedError means that a text is not one valid JSON object, or has a form that
// submissions must not have, such as too deep nesting. No parameter could be read from it.
type MalformedError struct {
	Line, Column int  // where the decoder stopped; both start at 1, and a column is one byte
	Problem      Text // the error, as a phrase without a capital and a full stop
}

// Error returns the position and the problem in English, for logs.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem.En)
}

// maxDepth is how deep objects and lists may be nested in the JSON of a submission. The limit
// protects the stack of the recursive scan. ContainerResources needs three levels.
const maxDepth = 8

// DecodeJSON reads a submission in the format of the JSON API, webhooks and events: one JSON
// object with the parameters of [Fields]. The keys of Detail and of Options are inside these
// two objects. It returns the values as [Params] without defaults. A null, an empty string and
// an empty list mean that the parameter is not given. Detail, Options and lists may also be
// strings that contain their JSON, because the API takes them in this form.
//
// own lists further keys that only the caller uses, such as an idempotency key. Their values
// are returned as raw JSON in the map.
//
// The error is a [*MalformedError] if data is not one JSON object. It is an [InvalidError] for
// unknown keys, repeated keys and values of the wrong type; the parameters that could be read
// are then returned too. DecodeJSON does not check the values themselves: [Params.Validate]
// does. It skips a byte order mark before the object.
func DecodeJSON(data []byte, own ...string) (Params, map[string]json.RawMessage, error) {
	data = jsontext.TrimMark(data)
	repeated, err := scanJSON(data)
	if err != nil {
		return nil, nil, err
	}
	d := decoder{params: Params{}, own: map[string]json.RawMessage{}}
	d.repeat(repeated)
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil || top == nil {
		return nil, nil, malformed(data, 0, Text{"a submission must be one JSON object", "提交内容必须是一个 JSON 对象"})
	}
	for name, raw := range top {
		switch {
		case slices.Contains(own, name):
			d.own[name] = raw
		case slices.Contains(ObjectNames(), name):
			d.object(name, raw)
		case strings.Contains(name, "."):
			d.bad = append(d.bad, Mistake{Field: name, Code: "unknown", Text: msgUnknown, Args: []any{name}})
		default:
			d.value(name, raw, own...)
		}
	}
	return d.params, d.own, d.result()
}

// ObjectNames returns the names of the parameters whose values are JSON objects: Detail and
// Options.
func ObjectNames() []string { return []string{"Options", "Detail"} }

// DecodeObject reads the JSON text of the parameter object, which is Detail or Options, and
// returns its values. An empty text gives no values. The error is an [InvalidError]; the values
// that could be read are returned with it.
func DecodeObject(name, text string) (Params, error) {
	d := decoder{params: Params{}}
	d.object(name, json.RawMessage(jsontext.Must(text)))
	return d.params, d.result()
}

// A decoder collects the result of one DecodeJSON.
type decoder struct {
	params   Params
	own      map[string]json.RawMessage
	bad      InvalidError
	repeated []string                   // names that are given more than once
	untyped  map[string]json.RawMessage // values of another type than their field
}

// repeat adds a mistake for each of names: parameters that the JSON has more than once.
func (d *decoder) repeat(names []string) {
	for _, name := range names {
		d.bad = append(d.bad, RepeatedField(name))
	}
	d.repeated = append(d.repeated, names...)
}

// result returns all mistakes that were found, or nil. It has two exceptions:
//
//   - A value of the wrong type is not a mistake if its parameter applies only with a switch that is
//     off, such as Detail.doCopy. It stays in params; [Params.WithDefaults] removes it later, and
//     [Notes] tells the caller.
//   - A parameter that is given more than once gets only the mistake "given more than once": it is
//     unknown which value was meant, so no value of it is judged.
func (d *decoder) result() error {
	complete := d.params.WithDefaults()
	for name, raw := range d.untyped {
		f, _ := FieldNamed(name)
		if f.IsOff(complete) {
			d.params[name] = string(raw)
			continue
		}
		bad := WrongType(name, f.Type, raw)
		bad.Args[0] = f.Object
		if f.Type == Strings || f.Type == Objects {
			bad.Args[0] = f.Label
		}
		d.bad = append(d.bad, bad)
	}
	d.bad = slices.DeleteFunc(d.bad, func(m Mistake) bool {
		return m.Code != codeTwice && slices.ContainsFunc(d.repeated, func(name string) bool {
			return within(m.Field, name)
		})
	})
	slices.SortFunc(d.bad, func(a, b Mistake) int { return strings.Compare(a.Field, b.Field) })
	return d.bad.OrNil()
}

// wrong reports a mistake in the parameter called name.
func (d *decoder) wrong(name, code string, text Text, args ...any) {
	d.bad = append(d.bad, Mistake{Field: name, Code: code, Text: text, Args: args})
}

// object reads the keys of Detail or Options. raw is a JSON object, or a JSON string that
// contains one. An empty string gives no keys.
func (d *decoder) object(name string, raw json.RawMessage) {
	var text string
	if raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		if strings.TrimSpace(text) == "" {
			return
		}
		repeated, err := scanJSON([]byte(text))
		if malformed, ok := errors.AsType[*MalformedError](err); ok {
			d.wrong(name, "type", msgObjectText, name, malformed.Problem)
			return
		}
		for i, key := range repeated {
			repeated[i] = name + "." + key
		}
		d.repeat(repeated)
		raw = bytes.TrimSpace([]byte(text))
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		d.wrong(name, "type", msgType, name, Text{"an object", "对象"}, kindOf(raw))
		return
	}
	for key, value := range keys {
		if _, known := FieldNamed(name + "." + key); !known {
			d.bad = append(d.bad, unknownKey(name, key))
			continue
		}
		d.value(name+"."+key, value)
	}
}

// value reads one parameter into d.params. For an unknown name it adds a mistake that suggests
// the most similar name, of the parameters or of own. A null, an empty string and an empty list
// mean "not given": the vendor's samples write them for keys that are not used.
func (d *decoder) value(name string, raw json.RawMessage, own ...string) {
	f, known := FieldNamed(name)
	if !known {
		d.bad = append(d.bad, unknown(name, nearestOf(name, "", append(keysNamed(own), knownKeys()...))))
		return
	}
	if string(raw) == "null" {
		return
	}
	value, ok := f.fromJSON(raw)
	if !ok {
		if d.untyped == nil {
			d.untyped = map[string]json.RawMessage{}
		}
		d.untyped[name] = raw
		return
	}
	if value != "" {
		d.params[name] = value
	}
}

// Convert returns the text that [Params] holds for a JSON value of type t, or false if the
// value cannot have that type. null and an empty string give the empty text, which means "not
// given". It does not check a pattern or bounds.
func Convert(t Type, raw json.RawMessage) (value string, ok bool) {
	if string(raw) == "null" {
		return "", true
	}
	return Field{Type: t}.fromJSON(raw)
}

// fromJSON converts a JSON value to the text that [Params] holds. It returns false if the value
// cannot have the type of f. It takes a value of another type if its meaning is clear, because
// many programs can send texts only, such as the labels of alerts, and others write names as
// numbers:
//
//	type              value                                   result
//	String            a string                                without surrounding blanks; JobName: see [FitName]
//	Reason            a string with line breaks or tabs       one line: commit messages and alerts have several
//	String            a number or a boolean                   as it is written
//	Integer           a number: see [plainJSONNumber]         15.0 and 1.5e1 become 15
//	Integer           a string with a number                  as [PlainNumber] reads it
//	Boolean           a string: see [PlainBoolean]            "False" becomes false
//	Integer, Boolean  a blank string                          not given
//	Strings, Objects  a string with a JSON list               the list, as the API itself takes it
//	Strings           another string                          the lines that are not blank
//
// Each item of a list of ids loses its surrounding blanks; each item of a list of paths keeps
// them. fromJSON does not check bounds or fractions of a number: Field.Check does.
func (f Field) fromJSON(raw json.RawMessage) (value string, ok bool) {
	var text string
	isText := json.Unmarshal(raw, &text) == nil
	switch f.Type {
	case String:
		return f.stringFrom(raw, text, isText)
	case Integer:
		if !isText {
			return plainJSONNumber(string(raw)), isNumber(raw)
		}
		number := strings.TrimSpace(PlainNumber(text))
		return number, number == "" || isJSONNumber(number)
	case Boolean:
		if !isText {
			return string(raw), isBoolean(string(raw))
		}
		truth := strings.TrimSpace(PlainBoolean(text))
		return truth, truth == "" || isBoolean(truth)
	}
	if isText {
		if text = strings.TrimSpace(text); text == "" {
			return "", true
		}
		if f.Type == Strings && text[0] != '[' {
			return StringList(textLines(text)), true
		}
		raw = json.RawMessage(text)
	}
	compact, err := CompactJSON(string(raw))
	if err != nil || compact[0] != '[' {
		return "", false
	}
	if f.Type == Strings {
		items, err := parseStrings(compact)
		if f.Pattern != "" {
			for i, item := range items {
				items[i] = strings.TrimSpace(item)
			}
		}
		return StringList(items), err == nil
	}
	if compact == "[]" {
		compact = ""
	}
	return compact, true
}

// stringFrom is fromJSON for a field of type String. If isText is true, raw is a JSON string
// and text is its decoded value. Otherwise raw is another JSON value and text is not used.
func (f Field) stringFrom(raw json.RawMessage, text string, isText bool) (value string, ok bool) {
	switch {
	case f.Numeral && isText:
		return strings.TrimSpace(width.Narrow.String(text)), true
	case isText && f.Name == "JobName" && strings.TrimSpace(text) != "":
		return text, true // [FitName] removes the blanks, and [Notes] says so
	case isText && f.Name == "Reason":
		return strings.Join(textLines(tabsAndBreaks.Replace(text)), " "), true
	case isText:
		return strings.TrimSpace(text), true
	case f.Numeral:
		number := plainJSONNumber(string(raw))
		return number, isDigits(number)
	}
	return string(raw), isNumber(raw) || isBoolean(string(raw))
}

// tabsAndBreaks replaces tabs, form feeds and the older line breaks by line feeds.
var tabsAndBreaks = strings.NewReplacer("\t", "\n", "\v", "\n", "\f", "\n", "\r", "\n")

// textLines returns the lines of text that are not blank, without surrounding blanks.
func textLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// WrongType returns the mistake for the parameter name whose JSON value raw is not of
// the type want. raw must not be empty.
func WrongType(name string, want Type, raw json.RawMessage) Mistake {
	return Mistake{Field: name, Code: "type", Text: msgType, Args: []any{name, typeName(want), kindOf(raw)}}
}

// kindOf returns the type of a valid JSON value for a sentence, such as "a number".
func kindOf(raw json.RawMessage) Text {
	switch raw[0] {
	case '"':
		return typeName(String)
	case '{':
		return Text{"an object", "对象"}
	case '[':
		return Text{"a list of other values", "其他类型的列表"}
	case 't', 'f':
		return typeName(Boolean)
	case 'n':
		return Text{"null", "空值"}
	}
	return typeName(Integer)
}

// scanJSON finds what encoding/json accepts but a submission must not have. It returns a
// [*MalformedError] for invalid UTF-8, half a surrogate pair, nesting deeper than maxDepth, and
// text after the value. It returns the names of keys that occur more than once, dotted and each
// name once: encoding/json would silently use the last value.
func scanJSON(data []byte) (repeated []string, err error) {
	if !utf8.Valid(data) {
		return nil, malformed(data, 0, Text{"the text is not valid UTF-8", "内容不是有效的 UTF-8"})
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	s := scanner{dec: dec, data: data}
	if err := s.scan("", 0); err != nil {
		return nil, malformed(data, dec.InputOffset(), s.problem(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed(
			data,
			dec.InputOffset(),
			Text{"unexpected text after the JSON object", "JSON 对象之后还有多余的内容"},
		)
	}
	return s.repeated, nil
}

// A scanner holds the state of one scanJSON.
type scanner struct {
	dec      *json.Decoder
	data     []byte   // the whole text
	repeated []string // dotted names, each once
}

var (
	errTooDeep = errors.New("nested too deeply")
)

// token reads the next token. It returns [jsontext.ErrSurrogate] for a string with half a
// surrogate pair: the decoder would replace it, and the cloud would get another text than the
// caller wrote.
func (s *scanner) token() (json.Token, error) {
	start := s.dec.InputOffset()
	token, err := s.dec.Token()
	if err != nil {
		return nil, err
	}
	return token, jsontext.Unicode(s.data[start:s.dec.InputOffset()])
}

// problem returns the phrase for an error of scan, for people.
func (s *scanner) problem(err error) Text {
	switch {
	case errors.Is(err, jsontext.ErrSurrogate):
		return Text{"incomplete surrogate pair", "代理对不完整"}
	case errors.Is(err, errTooDeep):
		return Text{"the JSON is nested too deeply", "JSON 嵌套过深"}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return Text{"unexpected end of the JSON text", "JSON 内容不完整"}
	}
	return Text{"invalid JSON", "不是有效的 JSON"}
}

// scan reads one value with everything inside it. path is its dotted name, "" for the
// whole text; the elements of a list have the name of the list. depth is the number of
// lists and objects around it.
func (s *scanner) scan(path string, depth int) error {
	token, err := s.token()
	if err != nil {
		return err
	}
	delim, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth == maxDepth {
		return errTooDeep
	}
	seen := map[string]bool{}
	for s.dec.More() {
		name := path
		if delim == '{' {
			key, err := s.token()
			if err != nil {
				return err
			}
			name = strings.TrimPrefix(path+"."+key.(string), ".")
			if seen[name] && !slices.Contains(s.repeated, name) {
				s.repeated = append(s.repeated, name)
			}
			seen[name] = true
		}
		if err := s.scan(name, depth+1); err != nil {
			return err
		}
	}
	_, err = s.dec.Token()
	return err
}

// malformed returns a MalformedError at the byte offset of data.
func malformed(data []byte, offset int64, problem Text) error {
	before := data[:min(int(offset), len(data))]
	line := bytes.Count(before, []byte("\n"))
	return &MalformedError{Line: line + 1, Column: len(before) - bytes.LastIndexByte(before, '\n'), Problem: problem}
}
