package param

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Language is a language of the portal's texts, as a BCP 47 tag.
type Language string

// The two languages of the portal. Every other value, also the zero value, means English.
const (
	English Language = "en"
	Chinese Language = "zh-CN"
)

// A Text is one text in English and Chinese. Both are written in one literal, so that a
// reviewer sees if one is missing. Each may contain fmt verbs (see [Text.Fill]).
type Text struct{ En, Zh string }

// Both returns a Text. Other packages use it instead of a literal, because go vet refuses
// literals of imported structs without field names.
func Both(en, zh string) Text { return Text{en, zh} }

// In returns the Chinese text if l is [Chinese], otherwise the English one.
func (t Text) In(l Language) string {
	if l == Chinese {
		return t.Zh
	}
	return t.En
}

// Clean makes a text from another system safe for a log or a page. Each of the following
// becomes U+FFFD: bytes that are not UTF-8, control characters and line breaks, invisible
// and direction-changing characters, and private-use characters. If the result has more
// than limit bytes, it is cut between two characters and ends with "…". limit must be at
// least 3, the length of "…".
func Clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	if len(s) <= limit {
		return s
	}
	end := max(limit-len("…"), 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// Fill formats the text of language l with args, as [fmt.Sprintf] does. An argument that is a
// Text is first replaced by its own text in l. Without args, the text is returned unchanged, so
// it may contain "%".
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
