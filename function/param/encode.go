package param

import (
	"strings"

	"backupportal/function/jsontext"
)

// object returns the JSON object of a parameter that has keys: Detail or Options. It has
// every key that belongs to p's source type, in the order of [Fields], even keys that
// are not given, as the vendor's sample does.
func (p Params) object(name string) string {
	var b strings.Builder
	for _, f := range Fields {
		key, ok := strings.CutPrefix(f.Name, name+".")
		if !ok || !f.ForSource(p.SourceType()) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(jsontext.Must(key) + ":" + f.json(p[f.Name]))
	}
	return "{" + b.String() + "}"
}

// json returns a value as JSON. An empty value is replaced by the default, or else by
// what the vendor's sample has for a key that is not used: null, [] or "".
func (f Field) json(value string) string {
	if value == "" {
		value = f.Default
	}
	switch {
	case value == "" && f.Type == Integer:
		return "null"
	case value == "" && (f.Type == Strings || f.Type == Objects):
		return "[]"
	case f.Type == String:
		return jsontext.Must(value)
	}
	return value
}

// StringList returns the text that [Params] holds for a list of strings: a compact JSON
// list, or "" for no items.
func StringList(items []string) string {
	if len(items) == 0 {
		return ""
	}
	return jsontext.Must(items)
}
