// Package secret holds texts that are never printed.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// A String is a text that is never printed: formatters, loggers and encoders show “[secret]”
// instead. Only [String.Reveal] returns the text. The zero String is empty.
//
// It holds a pointer because package fmt calls no methods on unexported fields. It would print a
// plain string there, but prints only the address of a pointer. Two Strings with the same text
// are not equal.
type String struct{ text *string }

// New returns text as a String. An empty text gives the zero String.
func New(text string) String {
	if text == "" {
		return String{}
	}
	return String{&text}
}

// Reveal returns the text. Call it only where the text leaves the program for its intended
// receiver.
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

// MarshalText implements [encoding.TextMarshaler], which packages for JSON and YAML use.
func (String) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
