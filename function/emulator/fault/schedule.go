// Package fault decides which calls go wrong.
//
// A [Schedule] is written as one line, by this grammar, in which blanks separate
// words and mean nothing else:
//
//	schedule = [ part ] { ";" [ part ] } .
//	part     = "seed" number | rule .
//	rule     = ( operation | "*" ) ":" step { "," step } .
//	step     = choice { "|" choice } [ "x" number | "forever" ] .
//	choice   = fault { "+" fault } [ percentage ] .
//	fault    = name { argument } .
//
// A call takes the next step of its operation's rule or, when there is none
// left, the next step of "*". A step is for one call unless it says otherwise;
// one with a percentage, and one with a lag, is for all further calls unless it
// says otherwise. What a percentage leaves over is "ok". Of the faults in one
// choice at most one may decide the answer. [Kinds] has all faults.
//
// [Parse] reads a schedule, a [Plan] hands its steps out to calls, a [Course] is
// what one call has got, and changes the [Reply] to it.
package fault

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Schedule says what goes wrong, in which calls. It never changes: a [Plan]
// keeps count of what is left.
type Schedule struct {
	seed  uint64
	rules []rule
}

// A rule is what one operation, or "*" every other one, goes through.
type rule struct {
	action string
	steps  []step
}

// forever is the times of a step that is never used up.
const forever = -1

// A step is what happens in each of the next calls: one of the choices.
type step struct {
	choices []choice
	times   int
}

// A choice is one thing that may happen in a call, made of faults that
// happen together.
type choice struct {
	faults []Fault
	share  int // in hundredths of a percent
}

// always is the share of a choice that leaves nothing to chance.
const always = 100_00

// A Fault is one row of [Kinds] with its arguments; only those that the
// kind takes are set.
type Fault struct {
	kind     *Kind
	after    bool // the variant that lets the effect happen
	Duration time.Duration
	status   int
	text     string // a code or a URL
	Number   int
}

// String writes a schedule that parses to the same one.
func (s Schedule) String() string {
	var parts []string
	if s.seed != 0 {
		parts = append(parts, fmt.Sprintf("seed %d", s.seed))
	}
	for _, r := range s.rules {
		if len(r.steps) > 0 {
			parts = append(parts, r.action+": "+Join(r.steps, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

// String leaves out only what every reader expects: a single time.
func (s step) String() string {
	text := Join(s.choices, " | ")
	switch {
	case s.times == forever:
		return text + " forever"
	case s.times != 1 || s.lasts():
		return text + " x" + strconv.Itoa(s.times)
	}
	return text
}

// lasts reports whether a step is for ever where it does not say how long.
func (s step) lasts() bool {
	for _, ch := range s.choices {
		if ch.share != always {
			return true
		}
		for _, f := range ch.faults {
			if f.kind.lasting {
				return true
			}
		}
	}
	return false
}

// String writes the faults, and how probable they are if that is not certain.
func (ch choice) String() string {
	text := Join(ch.faults, " + ")
	if ch.share == always {
		return text
	}
	percent := strconv.FormatFloat(float64(ch.share)/100, 'f', -1, 64)
	return text + " " + percent + "%"
}

// String is the name and the arguments, as the ledger shows them too.
func (f Fault) String() string {
	words := []string{f.kind.Name}
	if f.after && f.kind.Twin {
		words[0] += AfterSuffix
	}
	for _, arg := range f.kind.takes {
		if word := arg.write(f); word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// Join is strings.Join for things that can write themselves.
func Join[T fmt.Stringer](candidates []T, separator string) string {
	words := make([]string, len(candidates))
	for i, t := range candidates {
		words[i] = t.String()
	}
	return strings.Join(words, separator)
}
