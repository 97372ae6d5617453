package policy

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"backupportal/function/identity"
)

// A loader reads one file and gathers what is wrong with it.
type loader struct {
	getenv   func(string) string
	accounts map[string]account // read so far, by alias
	teams    map[string]int     // read so far, by name: which one it is
	tokens   []identity.Token   // read so far
	sources  map[string]bool    // names read so far
	rules    map[string]bool    // ids read so far

	cooldown time.Duration // where a rule says nothing else
	problems LoadError
	refused  map[*yaml.Node]bool // a problem was reported there: more would only follow from it
}

// A place is a value in the file. One that the file does not have has no node,
// and is read without a problem as nothing: that it is missing was reported
// by mapping, if it matters.
type place struct {
	node *yaml.Node
	path string // from the top, such as "rules[0].copy"
}

// at is the place of a value below p. Keys that are no plain words are quoted,
// so that a problem stays on its line.
func (p place) at(key string, node *yaml.Node) place {
	if key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" {
		key = fmt.Sprintf("%q", key)
	}
	if p.path != "" {
		key = p.path + "." + key
	}
	return place{node, key}
}

// items are the places in a list.
func (p place) items() []place {
	items := make([]place, len(p.node.Content))
	for i, node := range p.node.Content {
		items[i] = place{node, fmt.Sprintf("%s[%d]", p.path, i)}
	}
	return items
}

// wrong reports a problem with p, unless one was reported already: the first is
// the most basic, and what follows from it would hide the others.
func (l *loader) wrong(p place, format string, args ...any) {
	if !l.refused[p.node] {
		l.refused[p.node] = true
		l.lacks(p, p.path, format, args...)
	}
}

// lacks reports that the key at path is missing in p. A mapping may lack several.
func (l *loader) lacks(p place, path, format string, args ...any) {
	l.problems = append(l.problems, Problem{p.node.Line, p.node.Column, path, fmt.Sprintf(format, args...)})
}

// strict refuses, everywhere in p, what YAML has to offer and a reader of a
// policy may take for something else. It does not follow aliases.
func (l *loader) strict(p place) {
	n := p.node
	switch {
	case n.Kind == yaml.AliasNode:
		l.wrong(p, "aliases are not supported: write the value itself")
	case n.Anchor != "":
		l.wrong(p, "anchors are not supported: remove &%s", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		l.wrong(p, "tags are not supported: remove %s", n.Tag)
	}
	switch n.Kind {
	case yaml.ScalarNode:
		l.strictScalar(p)
	case yaml.SequenceNode:
		for _, item := range p.items() {
			l.strict(item)
		}
	case yaml.MappingNode:
		l.strictMapping(p)
	}
}

// strictScalar refuses values that are empty, in whatever spelling, and words
// that are a boolean to one reader of YAML and a text to the next.
func (l *loader) strictScalar(p place) {
	plain := p.node.Style == 0
	switch {
	case strings.TrimSpace(p.node.Value) == "" || plain && p.node.ShortTag() == "!!null":
		l.wrong(p, "is empty: write a value, or remove the key")
	case plain && otherBoolean(p.node.Value):
		l.wrong(p, "%s is not supported: write true or false, or put a text in quotes", p.node.Value)
	}
}

// otherBoolean reports whether YAML 1.1, and the library where it wants a
// boolean, take s for one, though it is neither true nor false.
func otherBoolean(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off":
		return true
	case "true", "false":
		return s != "true" && s != "false"
	}
	return false
}

// strictMapping checks keys and values alike. The library would refuse repeated
// keys too, but only those of a mapping that it decodes, and without the path.
func (l *loader) strictMapping(p place) {
	first := map[string]int{} // lines
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		key, value := p.node.Content[i], p.node.Content[i+1]
		at := p.at(key.Value, key)
		switch line, again := first[key.Value]; {
		case key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0:
			l.wrong(place{key, p.path}, "keys must be plain words, without anchor, alias or tag")
			continue
		case key.ShortTag() == "!!merge":
			l.wrong(at, "merge keys are not supported: write the keys themselves")
			continue
		case again:
			l.wrong(at, "is given twice: line %d already has it, keep one", line)
		default:
			first[key.Value] = key.Line
		}
		l.strict(p.at(key.Value, value))
	}
}
