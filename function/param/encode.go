package param

import (
	"strings"

	"backupportal/function/jsontext"
)

// object returns the JSON object of Detail or Options for the call of the cloud. It has every
// key that the source type of p uses, in the order of [Fields]. A key that is not given is
// present too, with an empty value, because the vendor's sample has such keys.
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

// json returns value as JSON for the call of the cloud. For an empty value it returns the
// default of f. Without a default it returns null, [] or "", as the vendor's sample has for
// unused keys.
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
