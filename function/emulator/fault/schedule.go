// Package fault chooses the calls of the emulator that fail.
//
// A [Schedule] is one line of text. Blanks separate words; they have no other meaning. The
// grammar:
//
//	schedule = [ part ] { ";" [ part ] } .
//	part     = "seed" number | rule .
//	rule     = ( operation | "*" ) ":" step { "," step } .
//	step     = choice { "|" choice } [ "x" number | "forever" ] .
//	choice   = fault { "+" fault } [ percentage ] .
//	fault    = name { argument } .
//
// A call takes the next step of its operation's rule. If that rule has no step left, the call
// takes the next step of "*". If "*" has none left, the call has no fault.
//
// A step is for one call; with "x3" for three calls, with "forever" for all later calls. A step
// with a percentage or with the fault lag is for all later calls, unless it has an "x".
//
// One choice of a step happens. The percentage that the choices leave over means "no fault". The
// faults of one choice happen together, but at most one of them may decide the answer. [Kinds]
// lists all faults.
//
// A call passes these types:
//
//	text      --Parse-->     Schedule   immutable
//	Schedule  --NewPlan-->   Plan       counts the steps that were used
//	Plan      --Take-->      Injection     the faults of one call
//	Injection    --Apply-->     Reply      what the client receives
package fault

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Schedule is a parsed schedule of faults. The zero value has no rules. A Schedule never
// changes: a [Plan] counts the steps that were used. It is safe for concurrent use.
type Schedule struct {
	seed  uint64 // seed of the random choices; default 0
	rules []rule // at most one for each operation, and one for "*"
}

// A rule lists the steps of one operation, or of "*".
type rule struct {
	action string // name of the operation, or "*"
	steps  []step // the next step first
}

// forever is the value of step.times for a step that is never used up.
const forever = -1

// A step decides the faults of the next calls: one of its choices for each call.
type step struct {
	choices []choice // at least one
	times   int      // number of calls that the step is still for, or forever
}

// A choice is a set of faults that happen together, with its probability.
type choice struct {
	faults []Fault
	share  int // probability in hundredths of a percent, 1 to fullShare
}

// fullShare is the probability of a choice without a percentage: 100 %. Probabilities are whole
// numbers of hundredths of a percent, so that a percentage is written exactly as it was read.
const fullShare = 100_00

// A Fault is a kind of fault (a row of [Kinds]) with its arguments. Arguments that the kind
// does not take are zero.
type Fault struct {
	kind     *Kind
	after    bool          // the variant "-after": the operation is carried out first
	Duration time.Duration // for latency and lag
	status   int           // HTTP status
	text     string        // an error code or a URL
	Number   int           // for shift and total
}

// String returns the schedule as text. [Parse] of this text returns an equal schedule. Rules
// without steps are left out. The result is "" if there is neither a rule with steps nor a seed.
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

// String returns the step as text. It omits the number of calls where it is the default: 1, if
// the step does not repeat by default.
func (s step) String() string {
	text := Join(s.choices, " | ")
	switch {
	case s.times == forever:
		return text + " forever"
	case s.times != 1 || s.repeatsByDefault():
		return text + " x" + strconv.Itoa(s.times)
	}
	return text
}

// repeatsByDefault reports whether a step without "x" or "forever" is for all later calls. That
// is the case for a step with a percentage, and for one with a fault that lasts, such as lag.
func (s step) repeatsByDefault() bool {
	for _, ch := range s.choices {
		if ch.share != fullShare {
			return true
		}
		for _, f := range ch.faults {
			if f.kind.repeats {
				return true
			}
		}
	}
	return false
}

// String returns the faults joined by " + ", followed by the percentage unless it is 100 %.
func (ch choice) String() string {
	text := Join(ch.faults, " + ")
	if ch.share == fullShare {
		return text
	}
	percent := strconv.FormatFloat(float64(ch.share)/100, 'f', -1, 64)
	return text + " " + percent + "%"
}

// String returns the name and the arguments as in a schedule. The ledger shows the same text.
func (f Fault) String() string {
	words := []string{f.kind.Name}
	if f.after && f.kind.Twin {
		words[0] += AfterSuffix
	}
	for _, arg := range f.kind.args {
		if word := arg.write(f); word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// Join joins the String results of the elements with a separator, like [strings.Join].
func Join[T fmt.Stringer](candidates []T, separator string) string {
	words := make([]string, len(candidates))
	for i, t := range candidates {
		words[i] = t.String()
	}
	return strings.Join(words, separator)
}
