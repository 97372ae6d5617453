package jsontext_test

import (
	"testing"

	"backupportal/function/jsontext"
)

func TestMarkupIsNotEscaped(t *testing.T) {
	v := map[string]string{"path": `C:\<a>&b`}
	line, err := jsontext.Marshal(v)
	if want := `{"path":"C:\\<a>&b"}`; err != nil || string(line) != want {
		t.Errorf("Marshal: %s, %v; want %s", line, err, want)
	}
	lines, err := jsontext.MarshalIndent(v)
	if want := "{\n  \"path\": \"C:\\\\<a>&b\"\n}"; err != nil || string(lines) != want {
		t.Errorf("MarshalIndent: %s, %v; want %s", lines, err, want)
	}
	if got := jsontext.Must("<&>"); got != `"<&>"` {
		t.Errorf("Must: %s", got)
	}
}

func TestUnencodableValues(t *testing.T) {
	if text, err := jsontext.Marshal(func() {}); err == nil {
		t.Errorf("a function was encoded: %s", text)
	}
	defer func() {
		if recover() == nil {
			t.Error("Must did not panic")
		}
	}()
	jsontext.Must(func() {})
}
