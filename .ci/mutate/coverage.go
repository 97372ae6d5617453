package main

import (
	"path"

	"golang.org/x/tools/cover"
)

// A block is a part of a function whose statements run together, as a coverage profile counts them.
type block struct {
	file     string // base name
	from, to point
}

// contains reports whether position p is in b. The end of b is not in b.
func (b block) contains(p point) bool { return !p.before(b.from) && p.before(b.to) }

// within reports whether all of b is in o.
func (b block) within(o block) bool { return !b.from.before(o.from) && !o.to.before(b.to) }

// readProfile reads a coverage profile, a file that the Go command writes. It returns the
// blocks of code in it; the value is true for a block that a test reached.
func readProfile(file string) (map[block]bool, error) {
	profiles, err := cover.ParseProfiles(file)
	if err != nil {
		return nil, err
	}
	blocks := map[block]bool{}
	for _, profile := range profiles {
		for _, b := range profile.Blocks {
			key := block{path.Base(profile.FileName), point{b.StartLine, b.StartCol}, point{b.EndLine, b.EndCol}}
			blocks[key] = blocks[key] || b.Count > 0
		}
	}
	return blocks, nil
}

// reaching returns the tests that reach any of the places, in the order of tests.
func reaching(tests []*test, places []place) []*test {
	var reached []*test
	for _, test := range tests {
		for _, p := range places {
			if test.reaches(p) {
				reached = append(reached, test)
				break
			}
		}
	}
	return reached
}

// reaches reports whether the test t runs the code at p. Code outside functions always runs.
// Some code, such as the expressions of a case, is in no block of the coverage profile. It
// counts as reached if the test reaches any block of its function.
func (t *test) reaches(p place) bool {
	if p.to == (point{}) {
		return true
	}
	var inner block
	found, ran, any := false, false, false
	function := block{p.file, p.from, p.to}
	for b, reached := range t.blocks {
		if b.file != p.file || !b.within(function) {
			continue
		}
		any = any || reached
		if b.contains(p.at) && (!found || b.within(inner)) {
			inner, found, ran = b, true, reached
		}
	}
	if found {
		return ran
	}
	return any
}
