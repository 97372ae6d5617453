// Package secret holds text that never prints.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// A Secret is a text that never prints: no formatter, logger or encoder shows
// it. It holds a pointer because fmt calls no methods on unexported fields and
// would print a plain string there. The zero Secret is empty.
type String struct{ text *string }

// NewSecret wraps text. An empty text gives the zero Secret.
func New(text string) String {
	if text == "" {
		return String{}
	}
	return String{&text}
}

// Reveal returns the text. It is called only where the value leaves the
// program for the one who is meant to have it.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether s is empty.
func (s String) IsZero() bool { return s.text == nil }

// Format implements [fmt.Formatter] for every verb.
func (String) Format(f fmt.State, _ rune) { io.WriteString(f, "[secret]") }

// LogValue implements [slog.LogValuer].
func (String) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText implements [encoding.TextMarshaler], and so covers JSON and YAML.
func (String) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
