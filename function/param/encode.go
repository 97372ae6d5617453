package param

import (
	"strings"

	"backupportal/function/jsontext"
)

// object writes the fields below name, such as Detail.doCopy below Detail, as
// one JSON object in the order of the form.
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

// json writes a value as JSON. One that is not given is its default, or else
// what the vendor's sample has in its place.
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

// StringList is the value of a field of type Strings that has these items.
// No items are no value.
func StringList(items []string) string {
	if len(items) == 0 {
		return ""
	}
	return jsontext.Must(items)
}
