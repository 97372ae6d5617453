package aliyun

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"backupportal/function/param"
	"backupportal/function/pattern"
)

// TestMeaningsAreComplete proves that each entry of the table of error codes (meanings) has an
// outcome and its explanations in English and Chinese. It also proves that every entry can be
// reached: the first match is used, so no earlier entry may match the codes of a later one.
func TestMeaningsAreComplete(t *testing.T) {
	for i, m := range meanings {
		for _, s := range []string{m.means.En, m.means.Zh, m.todo.En, m.todo.Zh} {
			if s == "" {
				t.Errorf("%s: a sentence is missing", m.codes)
			}
		}
		if m.outcome == nil {
			t.Errorf("%s: no outcome", m.codes)
		}
		for pattern := range strings.FieldsSeq(m.codes) {
			if _, err := path.Match(pattern, ""); err != nil {
				t.Errorf("%s: %v", pattern, err)
			}
			for _, earlier := range meanings[:i] {
				if earlier.matches(strings.ReplaceAll(pattern, "*", "")) {
					t.Errorf("%s is never reached: %s comes before it", pattern, earlier.codes)
				}
			}
		}
	}
}

func TestCleanMessageRemovesControlCharacters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		got := param.Clean(s, 20)
		if !utf8.ValidString(got) || len(got) > 20 || strings.ContainsAny(got, "\n\r\t\x00\x1b\u202e\u2028") {
			t.Fatalf("Clean(%q) = %q", s, got)
		}
		if param.Clean(got, 20) != got {
			t.Fatalf("cleaning %q again gives %q", got, param.Clean(got, 20))
		}
	})
}

func FuzzParseResponse(f *testing.F) {
	for _, body := range []string{`{"Code":"200","Success":true,"JobId":"job-1"}`, `{"Code":400}`, `{"Code":-1.5e300,"Message":{}}`, `[]`, `null`, ``, `{"Code":"a b"}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := parseResponse(body)
		for _, s := range []string{r.code, r.requestID, r.jobID} {
			if s != "" && !pattern.Match(word, s) {
				t.Errorf("parseResponse(%q) lets %q through", body, s)
			}
		}
	})
}
