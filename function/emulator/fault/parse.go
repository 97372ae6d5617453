package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/emulator/api"
)

// AfterSuffix makes a fault's variant that lets the effect happen first.
const AfterSuffix = "-after"

// Parse reads a schedule by the grammar of the package.
func Parse(text string) (Schedule, error) {
	p := &parser{words: words(text), end: len([]rune(text)) + 1}
	var s Schedule
	for !p.atEnd() {
		if p.accept(";") {
			continue
		}
		if err := p.part(&s); err != nil {
			return Schedule{}, err
		}
		if !p.atEnd() && p.word() != ";" {
			return Schedule{}, p.problem("%q stands where a comma or semicolon belongs", p.word())
		}
	}
	return s, nil
}

// part reads a seed or a rule. Nothing may be said twice: one of the two would
// not count, and nobody could see which.
func (p *parser) part(s *Schedule) error {
	if p.word() == "seed" {
		if p.seeded {
			return p.problem("there is a seed already")
		}
		p.take()
		seed, err := strconv.ParseUint(p.word(), 10, 64)
		if err != nil {
			return p.problem("seed needs a number from 0")
		}
		s.seed, p.seeded = seed, true
		p.take()
		return nil
	}
	// An operation that does not exist would be a rule that never fires, and a
	// test that passes for that reason.
	action := p.word()
	known := func(op api.Operation) bool { return op.Action == action }
	switch {
	case action != "*" && !slices.ContainsFunc(api.Operations, known):
		return p.problem("there is no operation %q", action)
	case slices.ContainsFunc(s.rules, func(r rule) bool { return r.action == action }):
		return p.problem("there is a rule for %s already", action)
	}
	p.take()
	if !p.accept(":") {
		return p.problem("a colon belongs behind %s", action)
	}
	steps, err := p.steps(action)
	s.rules = append(s.rules, rule{action, steps})
	return err
}

// steps reads the list of one rule. What stands behind a step that is never
// used up is an error, since it would never happen.
func (p *parser) steps(action string) ([]step, error) {
	var steps []step
	for {
		st, err := p.step(action)
		if err != nil {
			return nil, err
		}
		steps = append(steps, st)
		if p.word() != "," {
			return steps, nil
		}
		if st.times == forever {
			return nil, p.problem("the step before lasts for ever; x1 makes it end")
		}
		p.take()
	}
}

// step reads the choices of one step, and how often it is taken. Its default is
// what readers expect: "throttle" is one refusal, "500 5%" a state of things.
func (p *parser) step(action string) (step, error) {
	st := step{times: 1}
	total, chance := 0, false
	for {
		ch, random, err := p.choice(action)
		if err != nil {
			return st, err
		}
		st.choices = append(st.choices, ch)
		// Two choices without percentages come to 200, so this refuses them too.
		total, chance = total+ch.share, chance || random
		if total > always {
			return st, p.problem("the choices of one step come to more than 100%%")
		}
		if !p.accept("|") {
			break
		}
	}
	if chance || st.lasts() {
		st.times = forever
	}
	return st, p.times(&st)
}

// times reads "x3" or "forever", or nothing.
func (p *parser) times(st *step) error {
	if p.accept("forever") {
		st.times = forever
		return nil
	}
	digits, ok := strings.CutPrefix(p.word(), "x")
	if !ok {
		return nil
	}
	if st.times = readNumber(digits); st.times < 1 {
		return p.problem("x needs a number from 1 to 1000000")
	}
	p.take()
	return nil
}

// choice reads faults that happen together, and how probable they are.
func (p *parser) choice(action string) (ch choice, random bool, err error) {
	ch.share = always
	for {
		at := *p // a conflict is reported where its second half begins
		f, err := p.fault(action)
		if err != nil {
			return ch, false, err
		}
		if problem := conflict(ch.faults, f); problem != "" {
			return ch, false, at.problem("%s", problem)
		}
		ch.faults = append(ch.faults, f)
		if !p.accept("+") {
			break
		}
	}
	digits, random := strings.CutSuffix(p.word(), "%")
	if !random {
		return ch, false, nil
	}
	if ch.share = readPercentage(digits); ch.share < 1 {
		return ch, false, p.problem("a percentage is more than 0 and at most 100, with at most two decimals")
	}
	p.take()
	return ch, true, nil
}

// fault reads a name and the arguments that it takes. A fault that its operation
// cannot show is refused rather than ignored.
func (p *parser) fault(action string) (Fault, error) {
	f, ok := find(p.word())
	switch {
	case p.atEnd() || strings.Contains(signs+":", p.word()):
		return f, p.problem("a fault is missing")
	case !ok:
		return f, p.problem("there is no fault %q", p.word())
	case f.kind.action != "" && f.kind.action != action:
		return f, p.problem("%s is for %s only", p.word(), f.kind.action)
	}
	if f.kind.product != "" && action != "*" && !slices.ContainsFunc(api.Operations, func(op api.Operation) bool {
		return op.Action == action && op.Product == f.kind.product
	}) {
		return f, p.problem("%s is for operations of %s only", p.word(), f.kind.product)
	}
	name := p.take()
	for _, arg := range f.kind.takes {
		switch {
		case arg.read(&f, p.word()):
			p.take()
		case !arg.optional:
			return f, p.problem("%s needs %s", name, arg.wanted)
		}
	}
	return f, nil
}

// conflict says why f cannot happen together with others, if it cannot.
func conflict(others []Fault, f Fault) string {
	for _, o := range others {
		switch {
		case o.kind == f.kind && o.after == f.after:
			return f.String() + " stands twice"
		case o.kind.answer != nil && f.kind.answer != nil:
			return f.String() + " and " + o.String() + " cannot both be the answer"
		case o.kind.Place == nowhere || f.kind.Place == nowhere:
			return "ok stands alone"
		}
	}
	return ""
}

// readPercentage returns hundredths of a percent, or 0 for what is none. It
// counts in whole numbers, so that what was written is written again.
func readPercentage(digits string) int {
	whole, part, dot := strings.Cut(digits, ".")
	if dot && (part == "" || len(part) > 2 || strings.Trim(part, "0123456789") != "") {
		return 0
	}
	hundredths, _ := strconv.Atoi((part + "00")[:2])
	n := readNumber(whole)
	if n < 0 || n*100+hundredths > always {
		return 0
	}
	return n*100 + hundredths
}

// A syntaxError is the first thing in a schedule that cannot be read.
type syntaxError struct {
	column  int // in characters, from 1
	problem string
}

// Error names the column, so that a long line need not be searched.
func (e syntaxError) Error() string { return fmt.Sprintf("column %d: %s", e.column, e.problem) }

// A word is a word or a sign of a schedule.
type word struct {
	text   string
	column int
}

// signs separate words. A colon does too, but only behind the first word
// of a rule: the addresses that faults take have colons of their own.
const signs = ",;|+"

// words splits a schedule into words and signs. Whatever bytes it is given,
// each has its place in a word, so that an error can point at it.
func words(text string) []word {
	var words []word
	// head: a colon ends the word. open: the next character belongs to the last
	// word. Columns count characters, as editors do, not bytes.
	head, open := true, false
	for i, r := range []rune(text) {
		switch {
		case strings.ContainsRune(" \t\r\n", r):
			open = false
			continue
		case strings.ContainsRune(signs, r) || head && r == ':':
			words = append(words, word{string(r), i + 1})
			head, open = r == ';', false
		case open:
			words[len(words)-1].text += string(r)
		default:
			words = append(words, word{string(r), i + 1})
			open = true
		}
	}
	return words
}

// A parser goes through the words from left to right and never back.
type parser struct {
	words []word
	end   int // the column behind the last

	seeded bool // a seed was read
}

func (p *parser) atEnd() bool { return len(p.words) == 0 }

// word returns the next word without taking it; at the end it is empty.
func (p *parser) word() string {
	if p.atEnd() {
		return ""
	}
	return p.words[0].text
}

// take returns the next word and goes on behind it.
func (p *parser) take() string {
	word := p.word()
	if !p.atEnd() {
		p.words = p.words[1:]
	}
	return word
}

// accept takes the next word if it is this one.
func (p *parser) accept(word string) bool {
	ok := p.word() == word
	if ok {
		p.take()
	}
	return ok
}

// problem is an error at the next word.
func (p *parser) problem(format string, args ...any) error {
	column := p.end
	if !p.atEnd() {
		column = p.words[0].column
	}
	return syntaxError{column, fmt.Sprintf(format, args...)}
}
