package policy

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// A loader reads one policy file and collects its problems. The name of each method is the kind
// of value that it reads. If the file does not have the value, the method returns the zero
// value. After a problem it returns any value: Load then fails, and no value is used.
type loader struct {
	getenv   func(string) string
	accounts map[string]account      // read so far, by alias
	teams    map[string]int          // read so far, by name; the value is the index
	tokens   []identity.Token        // read so far
	sources  map[string]bool         // names read so far
	rules    map[string]bool         // ids read so far
	presets  map[string]param.Params // values read so far, by name
	objects  []objectRule            // read so far

	receivers []backup.Receiver // read so far
	eventless map[string]place  // receivers without events, by name

	cooldown time.Duration       // cool-down of rules that set none
	problems LoadError           // so far
	refused  map[*yaml.Node]bool // nodes with a reported problem: later problems would be consequences
}

// A place is a position in the policy file: a value and the path to it. node is nil if the file
// does not have the value. Methods of loader then return zero and report nothing; mapping
// reports a missing value that is required.
type place struct {
	node *yaml.Node
	path string // path from the top of the file, such as "rules[0].copy"
}

// at returns the place of node, which is the value of key in p. If key is not a lower-case
// word, it is quoted in the path, so that a line break in it cannot split a message.
func (p place) at(key string, node *yaml.Node) place {
	if key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" {
		key = fmt.Sprintf("%q", key)
	}
	if p.path != "" {
		key = p.path + "." + key
	}
	return place{node, key}
}

// items returns the places of the elements of the list p.
func (p place) items() []place {
	items := make([]place, len(p.node.Content))
	for i, node := range p.node.Content {
		items[i] = place{node, fmt.Sprintf("%s[%d]", p.path, i)}
	}
	return items
}

// wrong reports a problem with p. It does nothing if p already has a problem, because later
// ones are usually consequences of the first. The file must have p.
func (l *loader) wrong(p place, format string, args ...any) {
	if !l.refused[p.node] {
		l.refused[p.node] = true
		l.lacks(p, p.path, format, args...)
	}
}

// lacks reports that the mapping p does not have the required key at path. Several missing keys
// are all reported.
func (l *loader) lacks(p place, path, format string, args ...any) {
	l.problems = append(l.problems, Problem{p.node.Line, p.node.Column, path, fmt.Sprintf(format, args...)})
}

// strict reports, for p and everything below it, features of YAML that a reader could
// misunderstand: aliases, anchors, tags, merge keys, repeated keys, empty values, and other
// spellings of booleans. It does not follow aliases, so it always ends.
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

// strictScalar reports empty values, also "~" and "null", and words that are a boolean in
// YAML 1.1 but a text in YAML 1.2.
func (l *loader) strictScalar(p place) {
	plain := p.node.Style == 0
	switch {
	case strings.TrimSpace(p.node.Value) == "" || plain && p.node.ShortTag() == "!!null":
		l.wrong(p, "is empty: write a value, or remove the key")
	case plain && isOtherBoolean(p.node.Value):
		l.wrong(p, "%s is not supported: write true or false, or put a text in quotes", p.node.Value)
	}
}

// isOtherBoolean reports whether s is a spelling of a boolean that the policy does not accept:
// one of YAML 1.1 other than "true" and "false", such as "yes" or "True". The YAML library
// accepts these.
func isOtherBoolean(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off":
		return true
	case "true", "false":
		return s != "true" && s != "false"
	}
	return false
}

// strictMapping checks the keys and values of a mapping. The library reports repeated keys
// only if it decodes into a Go value, which the loader does not do.
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
