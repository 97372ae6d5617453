package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how deep a value may nest for [Unique].
const maxDepth = 100

// Unique returns an error unless data is one JSON value in UTF-8 in which no object,
// at any depth, has two members of the same name. [json.Unmarshal] takes the last of
// such members, other readers the first (RFC 8259, section 4). Names that differ in
// case are different names. The error quotes nothing of data. Unique copies only the
// names, because an event of a platform can have a text of many megabytes.
func Unique(data []byte) error {
	if !utf8.Valid(data) || !json.Valid(data) {
		return errors.New("not one JSON value in UTF-8")
	}
	w := walker{rest: data}
	return w.value(0)
}

// A walker reads a text that is known to be one valid JSON value.
type walker struct{ rest []byte }

// skip skips blanks and separators.
func (w *walker) skip() { w.rest = bytes.TrimLeft(w.rest, " \t\r\n,:") }

// value reads one value. The error says that a name is repeated, or that the value nests too
// deeply.
func (w *walker) value(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	w.skip()
	switch w.rest[0] {
	case '"':
		w.text()
		return nil
	case '{', '[':
		return w.elements(depth, w.rest[0] == '{')
	}
	end := bytes.IndexAny(w.rest, " \t\r\n,]}")
	if end < 0 {
		end = len(w.rest)
	}
	w.rest = w.rest[end:]
	return nil
}

// elements reads a list or an object with its brackets.
func (w *walker) elements(depth int, object bool) error {
	w.rest = w.rest[1:]
	names := map[string]bool{}
	for {
		w.skip()
		if w.rest[0] == ']' || w.rest[0] == '}' {
			w.rest = w.rest[1:]
			return nil
		}
		if object {
			var name string
			if err := json.Unmarshal(w.text(), &name); err != nil {
				return err
			}
			if names[name] {
				return errors.New("an object has two members of the same name")
			}
			names[name] = true
		}
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
}

// text reads a string and returns it with its quotation marks.
func (w *walker) text() []byte {
	end := 1
	for w.rest[end] != '"' {
		if w.rest[end] == '\\' {
			end++
		}
		end++
	}
	text := w.rest[:end+1]
	w.rest = w.rest[end+1:]
	return text
}
