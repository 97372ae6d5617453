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
)

// maxSize bounds the file, in bytes: a thousand rules fit.
const maxSize = 256 << 10

// A LoadError is everything wrong with a policy file, in the order of its lines.
type LoadError []Problem

// Error writes one problem per line.
func (e LoadError) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// A Problem is one thing wrong with a policy file.
type Problem struct {
	Line, Column int    // from 1; 0 if not known
	Path         string // the key, such as "rules[0].copy.regions"; empty for the whole file
	Text         string // what is wrong, and what to write instead
}

// String writes where p is and what it is.
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

// Load reads a policy file. External ids, and the addresses and secrets of
// receivers, come from the environment through getenv. All problems are reported together, as a [LoadError]; with any of
// them there is no policy.
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
	sum := sha256.Sum256(data) // of the bytes, so that sha256sum of the deployed file gives the same
	p.hash = hex.EncodeToString(sum[:])
	return p, nil
}

// parse reads the one document of the file as a tree. The tree is read by code
// of our own, and not decoded into structs, because the library tells neither
// column nor path of an unknown key and knows its own names for what it wants.
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

// syntax makes a problem of an error of the YAML library, which starts with
// "yaml: " and, if it knows it, the line.
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
