package web

import (
	"net/http"
	"strings"
	"testing"
)

// TestWithoutAKeyTheErrorSaysThatItIsMissing proves that a request without the header
// Idempotency-Key is refused, even if another header has a key. Without it, a client that lost
// the answer and repeats its request would start a second job.
func TestWithoutAKeyTheErrorSaysThatItIsMissing(t *testing.T) {
	for _, h := range []http.Header{nil, {"X-Idempotency-Key": {"k"}}, {"Idempotency_key": {"k"}}, {"Idempotency-Key": nil}} {
		if key, err := idempotencyKey(h); key != "" || err != errNoKey {
			t.Errorf("%v: %q, %v", h, key, err)
		}
	}
}

// FuzzIdempotencyKey proves that idempotencyKey accepts exactly 1 to 255 visible ASCII
// characters. A key in quotes is the same as without quotes
// (draft-ietf-httpapi-idempotency-key-header-07).
func FuzzIdempotencyKey(f *testing.F) {
	for _, value := range []string{"k", `"k"`, `""`, `"`, `"a"b"`, `a\b`, "a b", "a,b", "é", "\x7f", strings.Repeat("k", 255), strings.Repeat("k", 256), `"` + strings.Repeat("k", 255) + `"`} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		key, err := idempotencyKey(http.Header{"Idempotency-Key": {value}})
		if _, twice := idempotencyKey(http.Header{"Idempotency-Key": {value, value}}); twice == nil {
			t.Errorf("%q twice is taken", value)
		}
		if err != nil {
			if key != "" {
				t.Errorf("%q: key %q beside the error %v", value, key, err)
			}
			return
		}
		if len(key) < 1 || len(key) > 255 || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) {
			t.Errorf("%q is read as %q", value, key)
		}
		if value != key && value != `"`+key+`"` {
			t.Errorf("%q is read as %q", value, key)
		}
		quoted, err := idempotencyKey(http.Header{"Idempotency-Key": {`"` + key + `"`}})
		if err != nil || quoted != key {
			t.Errorf("%q in quotes is read as %q, %v", key, quoted, err)
		}
	})
}
