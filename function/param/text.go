package param

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Language is one that the portal speaks, as a BCP 47 tag.
type Language string

// The two languages of the portal.
const (
	English Language = "en"
	Chinese Language = "zh-CN"
)

// A Text is the same words in both languages, side by side, so that neither is
// forgotten in review. Either half may hold fmt verbs.
type Text struct{ En, Zh string }

// Both is the text with these two halves.
func Both(en, zh string) Text { return Text{en, zh} }

// In returns the half for l; anything but Chinese reads English.
func (t Text) In(l Language) string {
	if l == Chinese {
		return t.Zh
	}
	return t.En
}

// Clean makes a text from outside fit for a log: what is not valid UTF-8, and
// every character that breaks lines, hides, or changes the direction of writing,
// becomes U+FFFD. What is longer than most bytes is cut and ends with an ellipsis.
func Clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	if len(s) <= most {
		return s
	}
	end := max(most-len("…"), 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// Fill writes args into the verbs of t in language l. Texts among the
// arguments are written in the same language.
func (t Text) Fill(l Language, args ...any) string {
	if len(args) == 0 {
		return t.In(l)
	}
	in := make([]any, len(args))
	for i, a := range args {
		if text, ok := a.(Text); ok {
			a = text.In(l)
		}
		in[i] = a
	}
	return fmt.Sprintf(t.In(l), in...)
}
