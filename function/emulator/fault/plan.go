package fault

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
)

// A Plan is a schedule and how far it has got.
type Plan struct {
	mu    sync.Mutex
	rest  Schedule
	calls map[string]uint64 // that have had their step, by operation
}

// NewPlan copies what it will use up. A schedule without rules needs no
// plan, and costs nothing per call.
func NewPlan(s Schedule) *Plan {
	if len(s.rules) == 0 {
		return nil
	}
	p := &Plan{rest: Schedule{seed: s.seed}, calls: map[string]uint64{}}
	for _, r := range s.rules {
		p.rest.rules = append(p.rest.rules, rule{r.action, slices.Clone(r.steps)})
	}
	return p
}

// Left returns what was not used up yet, as a schedule; empty: nothing.
func (p *Plan) Left() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.ContainsFunc(p.rest.rules, func(r rule) bool { return len(r.steps) > 0 }) {
		return "" // a seed alone is no schedule
	}
	return p.rest.String()
}

// Take returns what happens to a call. In front of the gateway it reports false
// where the next step belongs behind it, and leaves that step for a call that
// gets so far: one with a bad signature uses up no throttling.
func (p *Plan) Take(action string, at Place) ([]Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rule := p.rule(action)
	if rule == nil {
		return nil, false
	}
	step := &rule.steps[0]
	faults := step.pick(p.rest.seed, action, p.calls[action])
	if at == OnTheWay && !allOnTheWay(faults) {
		return nil, false
	}
	p.calls[action]++
	if step.times != forever {
		step.times--
	}
	if step.times == 0 {
		rule.steps = rule.steps[1:]
	}
	return faults, true
}

// rule returns the rule that has a step for a call, the operation's own first.
func (p *Plan) rule(action string) *rule {
	for _, name := range []string{action, "*"} {
		at := slices.IndexFunc(p.rest.rules, func(r rule) bool { return r.action == name && len(r.steps) > 0 })
		if at >= 0 {
			return &p.rest.rules[at]
		}
	}
	return nil
}

// pick throws the dice, and returns nothing where they fall outside all choices.
func (s step) pick(seed uint64, action string, n uint64) []Fault {
	if s.choices[0].share == always {
		return s.choices[0].faults
	}
	thrown := throw(seed, action, n)
	for _, ch := range s.choices {
		if thrown < ch.share {
			return ch.faults
		}
		thrown -= ch.share
	}
	return nil
}

// throw returns a number below [always] that follows from its arguments alone.
// Each throw has dice of its own, so that calls of other operations, in
// whatever order they arrive, change nothing.
func throw(seed uint64, action string, n uint64) int {
	h := fnv.New64a()
	h.Write([]byte(action))
	return rand.New(rand.NewPCG(seed, h.Sum64()+n)).IntN(always)
}

// allOnTheWay reports whether faults can be played by somebody who does not
// know the caller, and need to be: with none of them there is nothing to play.
func allOnTheWay(faults []Fault) bool {
	ahead := func(f Fault) bool { return f.kind.Place == OnTheWay && !f.after }
	return len(faults) > 0 && !slices.ContainsFunc(faults, func(f Fault) bool { return !ahead(f) })
}
