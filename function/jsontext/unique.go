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
// case are different names. The error quotes nothing of data.
func Unique(data []byte) error {
	if !utf8.Valid(data) || !json.Valid(data) {
		return errors.New("not one JSON value in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a number may be out of range
	return unique(d, 0)
}

// unique reads one value of valid JSON.
func unique(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	names := map[string]bool{}
	for d.More() {
		if delim == '{' {
			token, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string)
			if names[name] {
				return errors.New("an object has two members of the same name")
			}
			names[name] = true
		}
		if err := unique(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
