package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/emulator/api"
)

// AfterSuffix is the end of a fault's name that means: perform the operation first, then apply
// the fault.
const AfterSuffix = "-after"

// Parse reads a schedule. The empty text is a schedule without faults. The error of an invalid
// schedule names the column of the first mistake, in characters from 1.
func Parse(text string) (Schedule, error) {
	p := &parser{words: words(text), end: len([]rune(text)) + 1}
	var s Schedule
	for !p.isAtEnd() {
		if p.accept(";") {
			continue
		}
		if err := p.part(&s); err != nil {
			return Schedule{}, err
		}
		if !p.isAtEnd() && p.word() != ";" {
			return Schedule{}, p.problem("%q stands where a comma or semicolon belongs", p.word())
		}
	}
	return s, nil
}

// part reads a seed or a rule of the schedule into s. Three things are errors because they
// would silently have no effect: a second seed, a second rule for the same operation, and an
// unknown operation.
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

// steps reads the steps of one rule. A step after one that lasts forever is an error, because no
// call could take it.
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

// step reads one step: its choices and the number of calls that it is for. The default number is
// 1, or forever for a step that repeats by default (repeatsByDefault).
func (p *parser) step(action string) (step, error) {
	st := step{times: 1}
	total, hasPercentage := 0, false
	for {
		ch, random, err := p.choice(action)
		if err != nil {
			return st, err
		}
		st.choices = append(st.choices, ch)
		// Two choices without percentages add up to 200 %, so this check refuses them too.
		total, hasPercentage = total+ch.share, hasPercentage || random
		if total > fullShare {
			return st, p.problem("the choices of one step come to more than 100%%")
		}
		if !p.accept("|") {
			break
		}
	}
	if hasPercentage || st.repeatsByDefault() {
		st.times = forever
	}
	return st, p.times(&st)
}

// times reads "x3" or "forever" into st. Any other word is left unread, and st keeps its default.
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

// choice reads faults joined by "+", and their percentage. The result random says whether there
// was a percentage. Otherwise the probability is fullShare (100 %).
func (p *parser) choice(action string) (ch choice, random bool, err error) {
	ch.share = fullShare
	for {
		at := *p // position of the error, if this fault conflicts with an earlier one
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

// fault reads the name of a fault and its arguments. A fault that has no effect on the
// operation of the rule is an error.
func (p *parser) fault(action string) (Fault, error) {
	f, ok := find(p.word())
	switch {
	case p.isAtEnd() || strings.Contains(separators+":", p.word()):
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
	for _, arg := range f.kind.args {
		switch {
		case arg.read(&f, p.word()):
			p.take()
		case !arg.optional:
			return f, p.problem("%s needs %s", name, arg.wanted)
		}
	}
	return f, nil
}

// conflict returns why f cannot happen together with others. It returns "" if it can.
func conflict(others []Fault, f Fault) string {
	for _, o := range others {
		switch {
		case o.kind == f.kind && o.after == f.after:
			return f.String() + " stands twice"
		case o.kind.answer != nil && f.kind.answer != nil:
			return f.String() + " and " + o.String() + " cannot both be the answer"
		case o.kind.Stage == stageNone || f.kind.Stage == stageNone:
			return "ok stands alone"
		}
	}
	return ""
}

// readPercentage returns a percentage in hundredths of a percent. It returns 0 for an invalid
// one: more than 100, or more than two decimals.
func readPercentage(digits string) int {
	whole, part, dot := strings.Cut(digits, ".")
	if dot && (part == "" || len(part) > 2 || strings.Trim(part, "0123456789") != "") {
		return 0
	}
	hundredths, _ := strconv.Atoi((part + "00")[:2])
	n := readNumber(whole)
	if n < 0 || n*100+hundredths > fullShare {
		return 0
	}
	return n*100 + hundredths
}

// A syntaxError is the first mistake in a schedule.
type syntaxError struct {
	column  int // position of the mistake, in characters from 1
	problem string
}

// Error returns the column and the problem.
func (e syntaxError) Error() string { return fmt.Sprintf("column %d: %s", e.column, e.problem) }

// A word is a word or a separator of a schedule.
type word struct {
	text   string
	column int // position of the first character, from 1
}

// separators end a word, and each is a word itself. A colon is a separator only in the first
// word of a rule, because later words can be URLs.
const separators = ",;|+"

// words splits a schedule into words and separators. It never fails: every character except
// blanks becomes part of a word, so that a later error can name its column. Columns count
// characters, not bytes, as editors do.
func words(text string) []word {
	var words []word
	// colonSplits: the next colon is a separator. inWord: the next character belongs to the
	// last word.
	colonSplits, inWord := true, false
	for i, r := range []rune(text) {
		switch {
		case strings.ContainsRune(" \t\r\n", r):
			inWord = false
			continue
		case strings.ContainsRune(separators, r) || colonSplits && r == ':':
			words = append(words, word{string(r), i + 1})
			colonSplits, inWord = r == ';', false
		case inWord:
			words[len(words)-1].text += string(r)
		default:
			words = append(words, word{string(r), i + 1})
			inWord = true
		}
	}
	return words
}

// A parser reads the words from left to right. It never goes back.
type parser struct {
	words []word // words that are not read yet
	end   int    // column after the last word, for errors at the end

	seeded bool // a seed was read
}

// isAtEnd reports whether all words of the schedule were read.
func (p *parser) isAtEnd() bool { return len(p.words) == 0 }

// word returns the next word without reading it. At the end it returns "".
func (p *parser) word() string {
	if p.isAtEnd() {
		return ""
	}
	return p.words[0].text
}

// take reads the next word and returns it. At the end it returns "".
func (p *parser) take() string {
	word := p.word()
	if !p.isAtEnd() {
		p.words = p.words[1:]
	}
	return word
}

// accept reads the next word if it equals the given one, and reports whether it did.
func (p *parser) accept(word string) bool {
	ok := p.word() == word
	if ok {
		p.take()
	}
	return ok
}

// problem returns a syntaxError at the next word, or after the last word at the end.
func (p *parser) problem(format string, args ...any) error {
	column := p.end
	if !p.isAtEnd() {
		column = p.words[0].column
	}
	return syntaxError{column, fmt.Sprintf(format, args...)}
}
