package ram

import (
	"slices"
	"strings"
)

// A Question asks whether an action may be performed on a resource, with the condition keys of
// the call.
type Question struct {
	Action, Resource string
	Key              func(name string) (string, bool) // value of a condition key of the call; false: the call has none
}

// A Verdict is the decision of all policies of one type about a Question.
type Verdict int

// The verdicts. The zero value is ImplicitDeny.
const (
	ImplicitDeny Verdict = iota // no statement matches the question
	Allowed                     // an Allow statement matches, and no Deny statement
	ExplicitDeny                // a Deny statement matches; it overrides every Allow statement
)

// Evaluate returns the verdict of policies of one type. Without policies it is ImplicitDeny.
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

// covers reports whether the action, the resource and the conditions of s match q. It ignores
// whether s allows or denies.
func (s *Statement) covers(q Question) bool {
	if matchesAny(s.NotActions, q.Action) || (len(s.NotActions) == 0 && !matchesAny(s.Actions, q.Action)) {
		return false
	}
	return (len(s.Resources) == 0 || matchesAny(s.Resources, q.Resource)) &&
		(len(s.Conditions) == 0 || s.Conditions.hold(q.Key))
}

// matchesAny reports whether one of the patterns matches text. Case is ignored: "Policy elements"
// says so for actions, and the vendor's own texts write role names in ARNs in lower case even if
// the role has capitals.
func matchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return p == "*" || Matches(strings.ToLower(p), strings.ToLower(text))
	})
}

// Matches reports whether the pattern matches the whole text. "*" matches any characters, also
// none; "?" matches one character. Patterns come from clients, so the time is limited to the
// product of the two lengths: the search goes back only to the last "*".
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
