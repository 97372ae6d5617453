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
)

// A MalformedError is a text that cannot be read as a submission at all.
type MalformedError struct {
	Line, Column int // where reading stopped, from 1; columns count bytes
	Problem      Text
}

// Error says what is wrong, and where.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem.En)
}

// maxDepth is how deep the JSON of a submission may nest: ContainerResources
// takes three levels.
const maxDepth = 8

// DecodeJSON reads a submission as the doors for machines get it: one JSON
// object with the parameters of the API and our own, and Detail and Options as
// objects. The values of keys in own, which mean something to the door alone,
// are handed back as they are.
//
// A text that is no JSON object gives a [MalformedError]; keys that are
// unknown or repeated and values of the wrong type give an [InvalidError],
// with the parameters that could be read beside it. Nothing else is judged:
// that is Validate's part.
func DecodeJSON(data []byte, own ...string) (Params, map[string]json.RawMessage, error) {
	repeated, err := scanJSON(data)
	if err != nil {
		return nil, nil, err
	}
	d := decoder{params: Params{}, own: map[string]json.RawMessage{}}
	for _, name := range repeated {
		d.bad = append(d.bad, RepeatedField(name))
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil || top == nil {
		return nil, nil, malformed(data, 0, Text{"a submission must be one JSON object", "提交内容必须是一个 JSON 对象"})
	}
	for name, raw := range top {
		switch {
		case slices.Contains(own, name):
			d.own[name] = raw
		case name == "Detail" || name == "Options":
			d.object(name, raw)
		case strings.Contains(name, "."):
			d.bad = append(d.bad, UnknownField(name))
		default:
			d.value(name, raw)
		}
	}
	slices.SortFunc(d.bad, func(a, b Mistake) int { return strings.Compare(a.Field, b.Field) })
	return d.params, d.own, d.bad.OrNil()
}

type decoder struct {
	params Params
	own    map[string]json.RawMessage
	bad    InvalidError
}

func (d *decoder) wrong(name, code string, text Text, args ...any) {
	d.bad = append(d.bad, Mistake{Field: name, Code: code, Text: text, Args: args})
}

// object reads the keys of Detail or Options.
func (d *decoder) object(name string, raw json.RawMessage) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		d.wrong(name, "type", msgType, name, Text{"an object", "对象"}, kindOf(raw))
		return
	}
	for key, value := range keys {
		if _, known := FieldNamed(name + "." + key); !known {
			d.wrong(name+"."+key, "unknown", msgNoKey, name, key)
			continue
		}
		d.value(name+"."+key, value)
	}
}

// value reads one parameter. JSON's null, an empty text and an empty list say
// that nothing is given: the vendor's samples have them for keys that are not used.
func (d *decoder) value(name string, raw json.RawMessage) {
	f, known := FieldNamed(name)
	if !known {
		d.bad = append(d.bad, UnknownField(name))
		return
	}
	if string(raw) == "null" {
		return
	}
	value, ok := f.fromJSON(raw)
	if !ok {
		bad := WrongType(name, f.Type, raw)
		bad.Args[0] = f.Object
		if f.Type == Strings || f.Type == Objects {
			bad.Args[0] = f.Label
		}
		d.bad = append(d.bad, bad)
		return
	}
	if value != "" {
		d.params[name] = value
	}
}

// fromJSON turns a JSON value into the text that [Params] holds, if it is of
// f's type. For lists the text that the API itself takes will do, too.
func (f Field) fromJSON(raw json.RawMessage) (value string, ok bool) {
	var text string
	isText := json.Unmarshal(raw, &text) == nil
	switch f.Type {
	case String:
		if f.Numeral && strings.Trim(string(raw), "0123456789") == "" {
			return string(raw), true
		}
		return text, isText
	case Integer:
		return string(raw), raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
	case Boolean:
		return string(raw), string(raw) == "true" || string(raw) == "false"
	}
	if isText {
		if text == "" {
			return "", true
		}
		raw = json.RawMessage(text)
	}
	compact, err := CompactJSON(string(raw))
	if err != nil || compact[0] != '[' {
		return "", false
	}
	if f.Type == Strings {
		items, err := parseStrings(compact)
		return StringList(items), err == nil
	}
	if compact == "[]" {
		compact = ""
	}
	return compact, true
}

// WrongType is the mistake of giving the parameter called name as the JSON
// value raw instead of one of type want.
func WrongType(name string, want Type, raw json.RawMessage) Mistake {
	return Mistake{Field: name, Code: "type", Text: msgType, Args: []any{name, typeName(want), kindOf(raw)}}
}

// kindOf names the type of a JSON value for a sentence.
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

// scanJSON reads data once to its end. encoding/json takes repeated keys,
// text after the value, broken UTF-8 and any depth; a submission may have none
// of these. It returns the repeated keys by their dotted names.
func scanJSON(data []byte) (repeated []string, err error) {
	if !utf8.Valid(data) {
		return nil, malformed(data, 0, Text{"the text is not valid UTF-8", "内容不是有效的 UTF-8"})
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	// The decoder puts U+FFFD in place of half a surrogate pair, without a word.
	s := scanner{
		dec:     dec,
		strange: !bytes.Contains(data, []byte("\ufffd")) && !bytes.Contains(bytes.ToLower(data), []byte(`\ufffd`)),
	}
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

type scanner struct {
	dec      *json.Decoder
	strange  bool // U+FFFD in a text means that it was not valid
	repeated []string
}

var (
	errDeep = errors.New("nested too deeply")
	errHalf = errors.New("half a surrogate pair")
)

// text refuses a text that would be sent as another one.
func (s *scanner) text(token json.Token) error {
	if text, ok := token.(string); ok && s.strange && strings.ContainsRune(text, utf8.RuneError) {
		return errHalf
	}
	return nil
}

// problem words an error of scan.
func (s *scanner) problem(err error) Text {
	switch {
	case errors.Is(err, errHalf):
		return Text{"incomplete surrogate pair", "代理对不完整"}
	case errors.Is(err, errDeep):
		return Text{"the JSON is nested too deeply", "JSON 嵌套过深"}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return Text{"unexpected end of the JSON text", "JSON 内容不完整"}
	}
	return Text{"invalid JSON", "不是有效的 JSON"}
}

// scan reads one value, whose dotted name is path.
func (s *scanner) scan(path string, depth int) error {
	token, err := s.dec.Token()
	if err != nil {
		return err
	}
	delim, nested := token.(json.Delim)
	if !nested {
		return s.text(token)
	}
	if depth == maxDepth {
		return errDeep
	}
	seen := map[string]bool{}
	for s.dec.More() {
		name := path
		if delim == '{' {
			key, err := s.dec.Token()
			if err != nil {
				return err
			}
			if err := s.text(key); err != nil {
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

// malformed is a MalformedError at a byte of data.
func malformed(data []byte, offset int64, problem Text) error {
	before := data[:min(int(offset), len(data))]
	line := bytes.Count(before, []byte("\n"))
	return &MalformedError{Line: line + 1, Column: len(before) - bytes.LastIndexByte(before, '\n'), Problem: problem}
}
