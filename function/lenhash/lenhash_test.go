package lenhash_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"backupportal/function/lenhash"
)

// TestDigestFormat proves that the digests of known texts have not changed. Databases and logs
// contain digests, so another result would make stored values useless.
func TestDigestFormat(t *testing.T) {
	want := sha256.Sum256([]byte("\x00\x00\x00\x05label\x00\x00\x00\x00\x00\x00\x00\x06实例"))
	if got := lenhash.Sum("label", "", "实例"); got != want {
		t.Errorf("Sum = %x, want %x", got, want)
	}
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte("\x00\x00\x00\x01a\x00\x00\x00\x02bc"))
	keyed := hmac.New(sha256.New, []byte("key"))
	lenhash.Write(keyed, "a", "bc")
	if got, want := hex.EncodeToString(keyed.Sum(nil)), hex.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("Write = %s, want %s", got, want)
	}
}

func TestDifferentListsHaveDifferentDigests(t *testing.T) {
	seen := map[[sha256.Size]byte][]string{}
	for _, list := range [][]string{nil, {""}, {"", ""}, {"abc"}, {"ab", "c"}, {"a", "bc"}, {"", "abc"}, {"abc", ""}} {
		sum := lenhash.Sum(list...)
		if other, ok := seen[sum]; ok {
			t.Errorf("%q and %q have one digest", list, other)
		}
		seen[sum] = list
	}
}
