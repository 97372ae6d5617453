package policy

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"backupportal/function/param"
	"backupportal/function/pattern"
)

// mapping returns the values of the YAML mapping p by their keys. It reports unknown keys and
// missing required keys as problems. If the file does not have p, it returns an empty map and
// reports nothing.
func (l *loader) mapping(p place, needed, optional []string) map[string]place {
	values := map[string]place{}
	if p.node == nil {
		return values
	}
	known := slices.Concat(needed, optional)
	if p.node.Kind != yaml.MappingNode {
		l.wrong(p, "write a mapping with the keys %s", strings.Join(known, ", "))
		return values
	}
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		key, value := p.node.Content[i], p.node.Content[i+1]
		if !slices.Contains(known, key.Value) || key.Kind != yaml.ScalarNode {
			l.wrong(p.at(key.Value, key), "is not a known key here: use %s", strings.Join(known, ", "))
		} else if _, again := values[key.Value]; !again {
			values[key.Value] = p.at(key.Value, value)
		}
	}
	for _, key := range needed {
		if _, ok := values[key]; !ok {
			l.lacks(p, p.at(key, nil).path, "is missing: add it")
		}
	}
	return values
}

// list reads each item of the YAML list p with the function read. It reports an empty list as a
// problem: it would match nothing, which its author cannot mean. If the file does not have p,
// it returns nil.
func list[T any](l *loader, p place, read func(place) T) []T {
	switch {
	case p.node == nil:
		return nil
	case p.node.Kind != yaml.SequenceNode:
		l.wrong(p, "write a list, such as [one, another]")
		return nil
	case len(p.node.Content) == 0:
		l.wrong(p, "is an empty list: add an item, or remove the key")
		return nil
	}
	values := make([]T, len(p.node.Content))
	for i, item := range p.items() {
		values[i] = read(item)
	}
	return values
}

// text reads one line of text. It returns "" if the key is missing. A value that YAML reads as
// a number, date or boolean must be in quotes, because another program could change its text.
func (l *loader) text(p place) string {
	switch {
	case p.node == nil:
		return ""
	case p.node.Kind != yaml.ScalarNode || p.node.ShortTag() != "!!str":
		l.wrong(p, "write a text: put it in quotes if necessary")
		return ""
	case strings.ContainsFunc(p.node.Value, unicode.IsControl):
		l.wrong(p, "write a single line of text, without control characters")
	}
	return p.node.Value
}

// A shape is the form of a kind of text.
type shape struct {
	pattern string // matches the whole text, for package pattern
	words   string // describes the form, after "write"
}

// fits reports whether text has the form s.
func (s shape) fits(text string) bool { return pattern.Match(s.pattern, text) }

// shaped reads a text that must match s. It returns the text even if it does not match.
func (l *loader) shaped(p place, s shape) string {
	value := l.text(p)
	if p.node != nil && !s.fits(value) {
		l.wrong(p, "%q is not valid: write %s", value, s.words)
	}
	return value
}

// choice reads a text that must be equal to one of values.
func choice[T ~string](l *loader, p place, values ...T) T {
	value := T(l.text(p))
	if p.node != nil && !slices.Contains(values, value) {
		words := make([]string, len(values))
		for i, v := range values {
			words[i] = string(v)
		}
		l.wrong(p, "%q is not a known value: use one of %s", value, strings.Join(words, ", "))
	}
	return value
}

// wholeNumber matches plain decimal numbers only. YAML 1.1 has other forms that a reader can
// misunderstand: 010 means 8 and 1_0 means 10.
var wholeNumber = shape{`0|[1-9][0-9]{0,8}`, "a whole number"}

// number reads a whole number of at most 9 digits, without a sign. It returns 0 if the key is
// missing or has a problem.
func (l *loader) number(p place) int64 {
	if p.node == nil {
		return 0
	}
	if p.node.Kind != yaml.ScalarNode || p.node.Style != 0 || !wholeNumber.fits(p.node.Value) {
		l.wrong(p, "write %s, without quotes", wholeNumber.words)
		return 0
	}
	n, _ := strconv.ParseInt(p.node.Value, 10, 64) // cannot fail after the check of the form
	return n
}

// flag reads a boolean. It returns false if the key is missing, because a policy allows less if
// a flag is false.
func (l *loader) flag(p place) bool {
	if p.node == nil {
		return false
	}
	if p.node.Kind != yaml.ScalarNode || p.node.Style != 0 || p.node.Value != "true" && p.node.Value != "false" {
		l.wrong(p, "write true or false, without quotes")
	}
	return p.node.Value == "true"
}

// words reads a text in both languages. It removes a full stop at the end, because messages
// put the text inside a longer sentence.
func (l *loader) words(p place) param.Text {
	m := l.mapping(p, []string{"en", "zh"}, nil)
	return param.Text{En: strings.TrimRight(l.text(m["en"]), "."), Zh: strings.TrimRight(l.text(m["zh"]), "。")}
}

// either reads one text for both languages, or a mapping with a text in each.
func (l *loader) either(p place) param.Text {
	if p.node != nil && p.node.Kind == yaml.MappingNode {
		return l.words(p)
	}
	text := l.text(p)
	return param.Text{En: text, Zh: text}
}

// days reads a range of days for which backups may be kept. It needs the keys min and max;
// optional lists further keys, which can only be "default". The maximum is at most
// param.MaxRetention, because the form offers it to people.
func (l *loader) days(p place, optional ...string) days {
	m := l.mapping(p, []string{"min", "max"}, optional)
	d := days{l.number(m["min"]), l.number(m["max"]), l.number(m["default"])}
	if m["min"].node != nil && d.min < 1 {
		l.wrong(m["min"], "write 1 or more days")
	}
	switch {
	case m["max"].node == nil || l.refused[m["min"].node]:
	case d.max < d.min:
		l.wrong(m["max"], "is below min, which is %d: write that or more", d.min)
	case d.max > param.MaxRetention:
		l.wrong(m["max"], "is longer than the maximum of Cloud Backup: write %d or fewer", param.MaxRetention)
	case m["default"].node != nil && !l.refused[m["default"].node] && (d.preset < d.min || d.preset > d.max):
		l.wrong(m["default"], "is not from %d to %d: write a number that the rule allows", d.min, d.max)
	}
	return d
}
