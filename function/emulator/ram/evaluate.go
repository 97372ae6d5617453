package ram

import (
	"slices"
	"strings"
)

// A Question is what RAM is asked about one call: may this be done to that. The
// condition keys are those of the call.
type Question struct {
	Action, Resource string
	Key              func(name string) (string, bool)
}

// A Verdict is what one policy, or several of one type together, answer.
type Verdict int

// The zero verdict is the safe one.
const (
	ImplicitDeny Verdict = iota // nothing speaks of it
	Allowed
	ExplicitDeny // a Deny, which wins over every Allow
)

// Evaluate has the answer of policies of one type.
func Evaluate(q Question, policies ...Policy) Verdict {
	answer := ImplicitDeny
	for _, p := range policies {
		for _, s := range p {
			if !s.covers(q) {
				continue
			}
			if s.Effect == "Deny" {
				return ExplicitDeny
			}
			answer = Allowed
		}
	}
	return answer
}

// covers reports whether a statement speaks of what is asked, whatever its effect.
func (s *Statement) covers(q Question) bool {
	if matchesAny(s.NotActions, q.Action) || (len(s.NotActions) == 0 && !matchesAny(s.Actions, q.Action)) {
		return false
	}
	return (len(s.Resources) == 0 || matchesAny(s.Resources, q.Resource)) &&
		(len(s.Conditions) == 0 || s.Conditions.hold(q.Key))
}

// matchesAny ignores case: that of actions does not count by "Policy elements",
// and the vendor's own texts write role names in ARNs in lower case even where
// the role has capitals.
func matchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return p == "*" || Matches(strings.ToLower(p), strings.ToLower(text))
	})
}

// Matches compares the whole text; "*" stands for any run of characters, "?"
// for one. Going back to the last "*" only is enough, so nothing is tried more
// often than the lengths multiplied: patterns come from clients.
func Matches(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	star, resume, i, j := -1, 0, 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, resume = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			resume++
			i, j = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}
