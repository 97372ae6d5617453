package e2e

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// canaries holds secret texts and the outputs of the program, to prove that no output contains a
// secret. mark makes a new secret, add registers an existing secret, heard stores an output, and
// check searches all outputs for all secrets.
type canaries struct {
	mu    sync.Mutex
	texts map[string]string // the key is the secret, the value is its name
	out   map[string]*strings.Builder
}

// mark returns a new secret that is at least least characters long, and registers the secret under
// the name.
func (c *canaries) mark(name string, least int) string {
	text := "Canary" + strings.Map(func(r rune) rune {
		if r < '0' || r > 'z' {
			return -1
		}
		return r
	}, name)
	for len(text) < least {
		text += "0123456789abcdefghijklmnopqrstuv"[len(text)%32:][:1]
	}
	c.add(name, text)
	return text
}

// add registers an existing secret. It ignores a text of fewer than 12 bytes, because a short text
// occurs in outputs by chance.
func (c *canaries) add(name, text string) {
	if len(text) < 12 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.texts == nil {
		c.texts = map[string]string{}
	}
	c.texts[text] = name
}

// heard stores an output of the program. The name says where it was found.
func (c *canaries) heard(place, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		c.out = map[string]*strings.Builder{}
	}
	if c.out[place] == nil {
		c.out[place] = &strings.Builder{}
	}
	c.out[place].WriteString(text + "\n")
}

// check fails the test if any stored output contains any registered secret.
func (c *canaries) check(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for place, said := range c.out {
		for text, name := range c.texts {
			if how := occurs(said.String(), text); how != "" {
				at := strings.Index(said.String(), how)
				t.Errorf("%s came out at %s: …%.300s…", name, place, said.String()[max(0, at-120):])
			}
		}
	}
}

// occurs searches a text for a secret, in plain form and in common encodings. It returns the name
// of the encoding in which the secret occurs, or "".
func occurs(text, secret string) string {
	quoted, _ := json.Marshal(secret)
	forms := []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret), strings.Trim(string(quoted), `"`),
		hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
		base32.StdEncoding.EncodeToString([]byte(secret))[:len(secret)], strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
	}
	// The base64 form of a secret depends on whether 0, 1 or 2 bytes precede it. The search
	// leaves out the characters that depend on the neighbouring bytes.
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for shift := range 3 {
			whole := enc.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
			from := (shift*8 + 5) / 6
			forms = append(forms, whole[from:len(strings.TrimRight(whole, "="))-1])
		}
	}
	for _, form := range forms {
		if strings.Contains(text, form) {
			return form
		}
	}
	return ""
}

// TestCanariesAreFound proves that occurs finds a secret in every encoding that it knows, and
// finds none in other texts. Without this test, the tests for secrets could pass although they
// find nothing.
func TestCanariesAreFound(t *testing.T) {
	secret := "Canary/secret+with=signs&more"
	for name, text := range map[string]string{
		"plain":           "x" + secret + "y",
		"in an address":   "https://x/?a=" + url.QueryEscape(secret),
		"in JSON":         `{"a":"Canary/secret+with=signs\u0026more"}`,
		"hex":             fmt.Sprintf("%x", secret),
		"HEX":             fmt.Sprintf("%X", secret),
		"bytes":           fmt.Sprint([]byte(secret)),
		"base64":          base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64, shift 1": base64.StdEncoding.EncodeToString([]byte("u" + secret + "more")),
		"base64, shift 2": base64.StdEncoding.EncodeToString([]byte("us" + secret + "z")),
		"basic auth":      base64.StdEncoding.EncodeToString([]byte("user:" + secret)),
		"base64url":       base64.RawURLEncoding.EncodeToString([]byte("??>" + secret)),
		"base32":          base32.StdEncoding.EncodeToString([]byte(secret)),
	} {
		if occurs(text, secret) == "" {
			t.Errorf("%s: not found in %s", name, text)
		}
	}
	if occurs("Canary/secret", secret) != "" {
		t.Error("found where it is not")
	}
}
