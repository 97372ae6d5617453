package emulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A faultSchedule says what goes wrong, in which calls. It is written as one
// line, by this grammar, in which blanks separate words and mean nothing else:
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
// choice at most one may decide the answer.
//
// The schedule itself never changes: a plan keeps count of what is left.
type faultSchedule struct {
	seed  uint64
	rules []faultRule
}

// A faultRule is what one operation, or "*" every other one, goes through.
type faultRule struct {
	action string
	steps  []faultStep
}

// forever is the times of a step that is never used up.
const forever = -1

// A faultStep is what happens in each of the next calls: one of the choices.
type faultStep struct {
	choices []faultChoice
	times   int
}

// A faultChoice is one thing that may happen in a call, made of faults that
// happen together.
type faultChoice struct {
	faults []fault
	share  int // in hundredths of a percent
}

// always is the share of a choice that leaves nothing to chance.
const always = 100_00

// A fault is one row of [faultKinds] with its arguments; only those that the
// kind takes are set.
type fault struct {
	kind     *faultKind
	after    bool // the variant that lets the effect happen
	duration time.Duration
	status   int
	text     string // a code or a URL
	number   int
}

// String writes a schedule that parses to the same one.
func (s faultSchedule) String() string {
	var parts []string
	if s.seed != 0 {
		parts = append(parts, fmt.Sprintf("seed %d", s.seed))
	}
	for _, r := range s.rules {
		if len(r.steps) > 0 {
			parts = append(parts, r.action+": "+join(r.steps, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

// String leaves out only what every reader expects: a single time.
func (s faultStep) String() string {
	text := join(s.choices, " | ")
	switch {
	case s.times == forever:
		return text + " forever"
	case s.times != 1 || s.lasts():
		return text + " x" + strconv.Itoa(s.times)
	}
	return text
}

// lasts reports whether a step is for ever where it does not say how long.
func (s faultStep) lasts() bool {
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

func (ch faultChoice) String() string {
	text := join(ch.faults, " + ")
	if ch.share == always {
		return text
	}
	percent := strconv.FormatFloat(float64(ch.share)/100, 'f', -1, 64)
	return text + " " + percent + "%"
}

// String is the name and the arguments, as the ledger shows them too.
func (f fault) String() string {
	words := []string{f.kind.name}
	if f.after && f.kind.twin {
		words[0] += afterSuffix
	}
	for _, arg := range f.kind.takes {
		if word := arg.write(f); word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// join is strings.Join for things that can write themselves.
func join[T fmt.Stringer](things []T, separator string) string {
	words := make([]string, len(things))
	for i, t := range things {
		words[i] = t.String()
	}
	return strings.Join(words, separator)
}
