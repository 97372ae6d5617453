package policy

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"backupportal/function/param"
)

// maxSize is the maximum size of a policy file, in bytes. About a thousand rules fit.
const maxSize = 256 << 10

// A LoadError holds all problems of a policy file, in the order of its lines. It has at
// least one.
type LoadError []Problem

// Error returns the problems, one on each line.
func (e LoadError) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// A Problem is one error in a policy file. It never contains a secret.
type Problem struct {
	Line, Column int    // both start at 1; 0 if not known
	Path         string // the key, such as "rules[0].copy.regions"; empty for the whole file
	Text         string // the error and the correction
}

// String returns the position, the path and the text of p on one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ", column %d", p.Column)
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	return b.String() + p.Text
}

// Load reads a policy file. getenv returns the value of an environment variable, "" if it
// is not set; Load calls it for the variables that the file names: external ids, secrets of
// webhooks, and addresses and secrets of receivers.
//
// The only error is a [LoadError] with all problems. The policy is then nil: no part of a
// file with a problem is used. The result cannot read tags, see [Policy.Tagged].
func Load(data []byte, getenv func(string) string) (*Policy, error) {
	if len(data) > maxSize {
		return nil, LoadError{{Text: fmt.Sprintf("the file has %d bytes: make it %d or fewer", len(data), maxSize)}}
	}
	top, err := parse(data)
	if err != nil {
		return nil, err
	}
	l := loader{
		getenv:   getenv,
		accounts: map[string]account{},
		teams:    map[string]int{},
		sources:  map[string]bool{},
		rules:    map[string]bool{},
		presets:  map[string]param.Params{},
		refused:  map[*yaml.Node]bool{},
	}
	root := place{node: top}
	l.strict(root)
	p := l.policy(root)
	if len(l.problems) > 0 {
		slices.SortStableFunc(l.problems, func(a, b Problem) int {
			return cmp.Or(a.Line-b.Line, a.Column-b.Column)
		})
		return nil, l.problems
	}
	sum := sha256.Sum256(data) // the same value as sha256sum of the deployed file
	p.hash = hex.EncodeToString(sum[:])
	return p, nil
}

// parse returns the only document of the file as a tree of nodes. The loader reads the tree
// itself and does not let the library decode into structs: the library reports an unknown
// key without its column and path, and names Go types in its messages.
func parse(data []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	switch err := d.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil, LoadError{{Text: "the file is empty: write a policy"}}
	case err != nil:
		return nil, LoadError{syntax(err)}
	}
	switch err := d.Decode(&second); {
	case errors.Is(err, io.EOF):
		return first.Content[0], nil
	case err != nil:
		return nil, LoadError{syntax(err)}
	}
	return nil, LoadError{{Line: second.Line, Column: second.Column, Text: "a second document begins here: keep one"}}
}

// syntax converts an error of the YAML library to a problem. Its text starts with "yaml: "
// and, if the library knows the line, "line N: ".
func syntax(err error) Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, after, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			return Problem{Line: line, Text: "not yaml: " + after}
		}
	}
	return Problem{Text: "not yaml: " + text}
}
