package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// explanations have the reason for which a surviving mutant is harmless, by the key of the mutant.
type explanations map[string]string

// readExplained reads entries of this form. Lines that begin with # are comments.
//
//	function/policy/tags.go (*tagCache).fetch: negate c.known == nil
//		Reason, in one or more indented lines.
//
// An entry has no line number, so that a change elsewhere in the file does not make it wrong. It
// explains all mutants of the function with this description.
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

// has reports whether there is an explanation for m.
func (e explanations) has(m *mutant) bool {
	_, ok := e[m.key()]
	return ok
}

// unknown returns, sorted, the entries of explained.txt that name code which was renamed or
// removed: the entries of the package in folder that match none of its mutants, and the entries
// of files that do not exist under root.
func (e explanations) unknown(root, folder string, mutants []*mutant) []string {
	known := map[string]bool{}
	for _, m := range mutants {
		known[m.key()] = true
	}
	var unknown []string
	for key := range e {
		file := fileOf(key)
		_, err := os.Stat(filepath.Join(root, file))
		if path.Dir(file) == folder && !known[key] || errors.Is(err, fs.ErrNotExist) {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// fileOf returns the file that an entry names.
func fileOf(key string) string {
	file, _, _ := strings.Cut(key, " ")
	return strings.TrimSuffix(file, ":") // a mutant outside functions
}

// stale returns, sorted, the entries of explained.txt that are no longer needed: a test now
// notices all their mutants. It looks at the entries of the package in folder.
func (e explanations) stale(folder string, mutants []*mutant) []string {
	alive := map[string]bool{}
	for _, m := range mutants {
		alive[m.key()] = alive[m.key()] || m.verdict == survived || m.verdict == uncovered
	}
	var stale []string
	for key := range e {
		if survives, known := alive[key]; path.Dir(fileOf(key)) == folder && known && !survives {
			stale = append(stale, key)
		}
	}
	slices.Sort(stale)
	return stale
}
