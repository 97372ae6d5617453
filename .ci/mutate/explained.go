package main

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// explanations have the reason for which a surviving mutant is harmless, by the key of the mutant.
type explanations map[string]string

// readExplained reads entries of this form. Lines that begin with # are comments.
//
//	function/policy/tags.go (*tagCache).fetch: negate c.known == nil
//		Reason, in one or more indented lines.
//
// An entry has no line number, so that a change elsewhere in the file does not make it wrong. It explains all mutants of
// the function with this description.
func readExplained(file string) (explanations, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	all := explanations{}
	last := ""
	for i, line := range strings.Split(string(text), "\n") {
		words := strings.TrimSpace(line)
		switch {
		case words == "" || strings.HasPrefix(line, "#"):
		case line[0] != ' ' && line[0] != '\t':
			if last != "" && all[last] == "" {
				return nil, fmt.Errorf("%s:%d: the entry before has no reason", file, i+1)
			}
			last = words
			if _, ok := all[last]; ok {
				return nil, fmt.Errorf("%s:%d: is there twice", file, i+1)
			}
			all[last] = ""
		case last == "":
			return nil, fmt.Errorf("%s:%d: a reason without an entry", file, i+1)
		default:
			all[last] = strings.TrimSpace(all[last] + " " + words)
		}
	}
	if last != "" && all[last] == "" {
		return nil, fmt.Errorf("%s: the last entry has no reason", file)
	}
	return all, nil
}

func (e explanations) has(m *mutant) bool {
	_, ok := e[m.key()]
	return ok
}

// stale returns the entries of a package, named by its folder, that no survivor matches.
func (e explanations) stale(folder string, mutants []*mutant) []string {
	alive := map[string]bool{}
	for _, m := range mutants {
		if m.verdict == survived || m.verdict == uncovered {
			alive[m.key()] = true
		}
	}
	var stale []string
	for key := range e {
		file, _, _ := strings.Cut(key, " ")
		if path.Dir(file) == folder && !alive[key] {
			stale = append(stale, key)
		}
	}
	return stale
}
