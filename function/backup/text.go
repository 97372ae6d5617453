package backup

import "fmt"

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

// In returns the half for l; anything but Chinese reads English.
func (t Text) In(l Language) string {
	if l == Chinese {
		return t.Zh
	}
	return t.En
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
