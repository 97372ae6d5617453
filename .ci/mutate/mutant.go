package main

import "fmt"

// A mutant is one small, deliberate change of a package's source, which a test should notice.
type mutant struct {
	id           int    // from 1, in the order of the source
	file         string // relative to the module, with slashes
	line, column int
	function     string // such as "Load" or "(*Policy).May"; empty outside functions
	what         string // the change, in words and source text

	edits  []edit  // edits of the file named by file
	alone  bool    // must be compiled separately
	places []place // where the change takes effect

	verdict verdict
}

// String is the line of m in a report.
func (m *mutant) String() string {
	if m.function == "" {
		return fmt.Sprintf("%s:%d:%d: %s", m.file, m.line, m.column, m.what)
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", m.file, m.line, m.column, m.function, m.what)
}

// key returns a text that identifies a mutant without its line number, so that it stays the
// same when other code changes.
func (m *mutant) key() string {
	if m.function == "" {
		return m.file + ": " + m.what
	}
	return m.file + " " + m.function + ": " + m.what
}

// An edit wraps the bytes from start to end in other text, or replaces them.
type edit struct {
	start, end  int
	open, close string
	replace     bool // whether open replaces the bytes; otherwise open and close are put around them
}

// A place is a position and the function around it. Both ends of the function are zero outside
// functions.
type place struct {
	file     string // base name
	at       point
	from, to point
}

// A point is a position in a file. Both numbers count from 1.
type point struct{ line, column int }

// before reports whether p is nearer to the beginning of the file than q.
func (p point) before(q point) bool {
	return p.line < q.line || p.line == q.line && p.column < q.column
}

// A verdict is the result of the tests for one mutant.
type verdict string

const (
	untried   verdict = ""
	killed    verdict = "killed"
	hung      verdict = "hung" // counts as killed
	survived  verdict = "survived"
	uncovered verdict = "not covered"
	invalid   verdict = "does not compile"
)
