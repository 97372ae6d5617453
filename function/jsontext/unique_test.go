package jsontext_test

import (
	"strings"
	"testing"

	"backupportal/function/jsontext"
)

func TestMembersOfTheSameNameAreFound(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: true, `7`: true, `"a"`: true, `null`: true, `1e999`: true, ` [1,{"a":1},{"a":1}] `: true, `{"a":{"a":{"a":1}}}`: true, `{"a":1,"A":1}`: true,
		`{"a":1,"a":1}`: false, `{"a":1,"\u0061":2}`: false, `[{"b":{"a":1,"c":[],"a":1}}]`: false, `{"a":1,"b":2,"a":null}`: false, `{"":1,"":2}`: false,
		``: false, `{`: false, `{} {}`: false, `{"a":1}x`: false, "\"\xff\"": false,
		strings.Repeat("[", 100) + strings.Repeat("]", 100): true,
		strings.Repeat("[", 200) + strings.Repeat("]", 200): false,
	} {
		if err := jsontext.Unique([]byte(text)); (err == nil) != want {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}
