package jsontext_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"backupportal/function/jsontext"
)

var errRepeated = errors.New("repeated")

// repeats reads one JSON value from d. It returns errRepeated if an object has two members of
// the same name, otherwise the error of d. It is the second implementation with which tests
// compare Unique.
func repeats(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	delim, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	names := map[string]bool{}
	for d.More() {
		if delim == '{' {
			token, _ := d.Token()
			if names[token.(string)] {
				return errRepeated
			}
			names[token.(string)] = true
		}
		if err := repeats(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// TestUniqueAgreesWithTheDecoder compares Unique with the decoder of encoding/json, for texts with
// blanks, escapes and brackets in strings.
func TestUniqueAgreesWithTheDecoder(t *testing.T) {
	var draw func(t *rapid.T, depth int) string
	draw = func(t *rapid.T, depth int) string {
		scalar := rapid.SampledFrom([]string{`"a"`, `"\\"`, `"\""`, `"]},:"`, `"\u005d"`, "1", "-2.5e3", "true", "null", `""`, " 7\t", "\n\"x\" "})
		if depth == 0 || rapid.Bool().Draw(t, "scalar") {
			return scalar.Draw(t, "value")
		}
		var parts []string
		object := rapid.Bool().Draw(t, "object")
		for range rapid.IntRange(0, 4).Draw(t, "length") {
			part := draw(t, depth-1)
			if object {
				part = rapid.SampledFrom([]string{`"a"`, `"\u0061"`, `"b"`, `"A"`, `"\\"`, `"\""`, `"{"`, ` "" `, `"\ud800"`, `"\ud801"`}).Draw(t, "name") + ":" + part
			}
			parts = append(parts, part)
		}
		if object {
			return "{" + strings.Join(parts, " ,") + "}"
		}
		return "[ " + strings.Join(parts, ",") + " ]"
	}
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(draw(t, 4))
		want := repeats(json.NewDecoder(bytes.NewReader(text)))
		if got := jsontext.Unique(text); (got == nil) != (want == nil) {
			t.Fatalf("%s: %v, want %v", text, got, want)
		}
	})
}

// TestUniqueCopiesNoTexts proves that Unique does not copy texts: a long text in the JSON costs
// no additional memory.
func TestUniqueCopiesNoTexts(t *testing.T) {
	long := []byte(`{"body":"` + strings.Repeat("x", 8<<20) + `"}`)
	if n := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			jsontext.Unique(long)
		}
	}).AllocedBytesPerOp(); n > 64<<10 {
		t.Errorf("%d bytes", n)
	}
}
