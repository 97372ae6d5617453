package param

import "testing"

// TestByteOrderMark proves that a byte order mark is skipped before the JSON of a submission,
// and before the JSON text of a parameter. At any other place it is an error.
func TestByteOrderMark(t *testing.T) {
	const mark = "\ufeff"
	if p, _, err := DecodeJSON([]byte(mark + `{"Account":"demo"}`)); err != nil || p["Account"] != "demo" {
		t.Errorf("a submission: %v, %v", p, err)
	}
	if text, err := CompactJSON(mark + ` [ {"a": 1} ]`); err != nil || text != `[{"a":1}]` {
		t.Errorf("a list: %q, %v", text, err)
	}
	for _, wrong := range []string{mark + mark + `{}`, `{}` + mark, `{` + mark + `"Account":"demo"}`, mark, "\xff\xfe{\x00}\x00"} {
		if _, _, err := DecodeJSON([]byte(wrong)); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
