package emulator

import (
	"slices"
	"strconv"
	"strings"
)

// afterSuffix makes a fault's variant that lets the effect happen first.
const afterSuffix = "-after"

// parseFaults reads a schedule by the grammar of [faultSchedule].
func parseFaults(text string) (faultSchedule, error) {
	p := &faultParser{words: faultWords(text), end: len([]rune(text)) + 1}
	var s faultSchedule
	for !p.atEnd() {
		if p.accept(";") {
			continue
		}
		if err := p.part(&s); err != nil {
			return faultSchedule{}, err
		}
		if !p.atEnd() && p.word() != ";" {
			return faultSchedule{}, p.problem("%q stands where a comma or semicolon belongs", p.word())
		}
	}
	return s, nil
}

// part reads a seed or a rule. Nothing may be said twice: one of the two would
// not count, and nobody could see which.
func (p *faultParser) part(s *faultSchedule) error {
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
	known := func(op operation) bool { return op.action == action }
	switch {
	case action != "*" && !slices.ContainsFunc(operations, known):
		return p.problem("there is no operation %q", action)
	case slices.ContainsFunc(s.rules, func(r faultRule) bool { return r.action == action }):
		return p.problem("there is a rule for %s already", action)
	}
	p.take()
	if !p.accept(":") {
		return p.problem("a colon belongs behind %s", action)
	}
	steps, err := p.steps(action)
	s.rules = append(s.rules, faultRule{action, steps})
	return err
}

// steps reads the list of one rule. What stands behind a step that is never
// used up is an error, since it would never happen.
func (p *faultParser) steps(action string) ([]faultStep, error) {
	var steps []faultStep
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
func (p *faultParser) step(action string) (faultStep, error) {
	st := faultStep{times: 1}
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
func (p *faultParser) times(st *faultStep) error {
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
func (p *faultParser) choice(action string) (ch faultChoice, random bool, err error) {
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
func (p *faultParser) fault(action string) (fault, error) {
	f, ok := findFault(p.word())
	switch {
	case p.atEnd() || strings.Contains(faultSigns+":", p.word()):
		return f, p.problem("a fault is missing")
	case !ok:
		return f, p.problem("there is no fault %q", p.word())
	case f.kind.action != "" && f.kind.action != action:
		return f, p.problem("%s is for %s only", p.word(), f.kind.action)
	}
	if f.kind.product != "" && action != "*" && !slices.ContainsFunc(operations, func(op operation) bool {
		return op.action == action && op.product == f.kind.product
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
func conflict(others []fault, f fault) string {
	for _, o := range others {
		switch {
		case o.kind == f.kind && o.after == f.after:
			return f.String() + " stands twice"
		case o.kind.answer != nil && f.kind.answer != nil:
			return f.String() + " and " + o.String() + " cannot both be the answer"
		case o.kind.place == nowhere || f.kind.place == nowhere:
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
