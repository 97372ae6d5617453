package fault

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
)

// A Plan is a schedule of faults in use: it counts which of the schedule's steps were used. It
// is safe for concurrent use.
type Plan struct {
	mu     sync.Mutex
	unused Schedule          // steps that no call has taken yet
	calls  map[string]uint64 // calls that took a step, by operation; input of roll
}

// NewPlan returns a plan for s with no step used. It copies the steps and does not change s.
// For a schedule without rules it returns nil, so that calls need no lock.
func NewPlan(s Schedule) *Plan {
	if len(s.rules) == 0 {
		return nil
	}
	p := &Plan{unused: Schedule{seed: s.seed}, calls: map[string]uint64{}}
	for _, r := range s.rules {
		p.unused.rules = append(p.unused.rules, rule{r.action, slices.Clone(r.steps)})
	}
	return p
}

// Left returns the steps that were not used, as a schedule. It returns "" if every step was used.
func (p *Plan) Left() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.ContainsFunc(p.unused.rules, func(r rule) bool { return len(r.steps) > 0 }) {
		return "" // a seed alone is no schedule
	}
	return p.unused.String()
}

// Take uses up one step of the schedule for a call of the operation action, and returns the
// step's faults.
//
// It is called twice for each call: before authentication (at is [OnTheWay]) and after it
// ([AtGate]). The first time it returns false if the next step has a fault that happens after
// authentication. The step is then not used up: a call with a wrong signature must not use up a
// throttling, for example. It also returns false if no step is left. If it returns true with no
// faults, the step was used and its random choice was "no fault".
func (p *Plan) Take(action string, at Stage) ([]Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rule := p.rule(action)
	if rule == nil {
		return nil, false
	}
	step := &rule.steps[0]
	faults := step.pick(p.unused.seed, action, p.calls[action])
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

// rule returns the rule from which a call takes its next step: the rule of the operation, or
// else the rule "*". It returns nil if neither has a step left. The caller must hold the lock.
func (p *Plan) rule(action string) *rule {
	for _, name := range []string{action, "*"} {
		at := slices.IndexFunc(p.unused.rules, func(r rule) bool { return r.action == name && len(r.steps) > 0 })
		if at >= 0 {
			return &p.unused.rules[at]
		}
	}
	return nil
}

// pick returns the faults that s chooses at random, or nil for "no fault". n is the number of
// the operation's earlier calls that have used a step.
func (s step) pick(seed uint64, action string, n uint64) []Fault {
	if s.choices[0].share == fullShare {
		return s.choices[0].faults
	}
	rolled := roll(seed, action, n)
	for _, ch := range s.choices {
		if rolled < ch.share {
			return ch.faults
		}
		rolled -= ch.share
	}
	return nil
}

// roll returns a number from 0 to fullShare-1 that depends only on the arguments. Each call has
// its own generator, so calls of other operations, or the order of simultaneous calls, do not
// change the result.
func roll(seed uint64, action string, n uint64) int {
	h := fnv.New64a()
	h.Write([]byte(action))
	return rand.New(rand.NewPCG(seed, h.Sum64()+n)).IntN(fullShare)
}

// allOnTheWay reports whether all faults happen before authentication. For an empty list ("no
// fault") it returns false, so that the step is used up after authentication.
func allOnTheWay(faults []Fault) bool {
	ahead := func(f Fault) bool { return f.kind.Stage == OnTheWay && !f.after }
	return len(faults) > 0 && !slices.ContainsFunc(faults, func(f Fault) bool { return !ahead(f) })
}
