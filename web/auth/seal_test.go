package auth

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// testKeys returns Keys with one key for each letter.
func testKeys(t testing.TB, letters ...string) Keys {
	t.Helper()
	var all []string
	for _, l := range letters {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(strings.Repeat(l, 32))))
	}
	keys, err := ParseKeys(strings.Join(all, ","))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestSealedTextsCannotBeChanged proves that a sealed text with any changed character cannot be
// opened (threat T16).
func TestSealedTextsCannotBeChanged(t *testing.T) {
	s, err := newSealer(testKeys(t, "A"), sessionPurpose)
	if err != nil {
		t.Fatal(err)
	}
	good := s.seal([]byte("content"))
	if got, err := s.open(good); err != nil || string(got) != "content" {
		t.Fatalf("opened %q, %v", got, err)
	}
	for i := range good {
		bad := []byte(good)
		if bad[i]++; bad[i] == 'Z'+1 || bad[i] == 'z'+1 {
			bad[i] = 'A'
		}
		if _, err := s.open(string(bad)); err == nil {
			t.Errorf("opens with character %d changed", i)
		}
	}
	other, err := newSealer(testKeys(t, "A"), loginPurpose)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.open(good); err == nil {
		t.Error("opens for another purpose")
	}
}

func TestParseKeysRefusesOtherLengths(t *testing.T) {
	for _, bad := range []string{"", ",", "AAAA", base64.StdEncoding.EncodeToString(make([]byte, 31)), base64.StdEncoding.EncodeToString(make([]byte, 33))} {
		if _, err := ParseKeys(bad); err == nil {
			t.Errorf("took %q", bad)
		}
	}
}

// FuzzOpen proves that open accepts no text that was not sealed with the key.
func FuzzOpen(f *testing.F) {
	s, err := newSealer(testKeys(f, "A", "B"), sessionPurpose)
	if err != nil {
		f.Fatal(err)
	}
	other, err := newSealer(testKeys(f, "C"), sessionPurpose)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "AAAA", strings.Repeat("A", maxCookie+1), other.seal([]byte("{}"))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if content, err := s.open(text); err == nil {
			t.Errorf("%q opens as %q", text, content)
		}
	})
}

// BenchmarkOpen measures the opening of a sealed text. The budget is 1 µs.
func BenchmarkOpen(b *testing.B) {
	s, err := newSealer(testKeys(b, "A"), sessionPurpose)
	if err != nil {
		b.Fatal(err)
	}
	text, err := sealed(s, session{ID: strings.Repeat("i", 26), Issuer: "https://id.example.com", Subject: "alice", Groups: []string{"team-a", "team-b"}, Expires: time.Now().Unix()})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.open(text); err != nil {
			b.Fatal(err)
		}
	}
}
