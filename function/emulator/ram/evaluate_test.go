package ram

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// matchesByRegexp is a second implementation of Matches for comparison. It uses a regular
// expression.
func matchesByRegexp(pattern, text string) bool {
	expr := strings.NewReplacer(`\*`, `(?s:.*)`, `\?`, `(?s:.)`).Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("^" + expr + "$").MatchString(text)
}

func TestMatchesAgreesWithRegexp(t *testing.T) {
	text := rapid.StringMatching(`[abé:]{0,8}`)
	pattern := rapid.StringMatching(`[abé:*?]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		p, s := pattern.Draw(t, "pattern"), text.Draw(t, "text")
		if got, want := Matches(p, s), matchesByRegexp(p, s); got != want {
			t.Fatalf("matches(%q, %q) = %v", p, s, got)
		}
	})
}

// referenceVerdict is a second implementation of Evaluate for comparison. It collects the effects
// of all matching statements before it decides.
func referenceVerdict(policies []Policy, action, resource string, conditionHolds bool) Verdict {
	effects := map[string]int{}
	fitsAny := func(patterns []string, text string) bool {
		n := 0
		for _, p := range patterns {
			if matchesByRegexp(strings.ToLower(p), strings.ToLower(text)) {
				n++
			}
		}
		return n > 0
	}
	for _, p := range policies {
		for _, s := range p {
			isAction := fitsAny(s.Actions, action)
			if len(s.NotActions) > 0 {
				isAction = !fitsAny(s.NotActions, action)
			}
			isResource := len(s.Resources) == 0 || fitsAny(s.Resources, resource)
			if isAction && isResource && (len(s.Conditions) == 0 || conditionHolds) {
				effects[s.Effect]++
			}
		}
	}
	switch {
	case effects["Deny"] > 0:
		return ExplicitDeny
	case effects["Allow"] > 0:
		return Allowed
	}
	return ImplicitDeny
}

func TestEvaluateMatchesReference(t *testing.T) {
	words := rapid.SampledFrom([]string{"*", "hbr:*", "hbr:Create*", "hbr:CreateBackupJob", "HBR:createbackupjob", "hbr:Cancel?ackupJob", "ecs:*", "ecs:Describe*"})
	resources := rapid.SliceOfN(rapid.SampledFrom([]string{"*", "acs:ecs:*:*:instance/*", "acs:ecs:cn-hangzhou:1:instance/*", "acs:hbr:*:*:*"}), 0, 2)
	statement := rapid.Custom(func(t *rapid.T) Statement {
		s := Statement{Effect: rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect"), Resources: resources.Draw(t, "resources")}
		if list := rapid.SliceOfN(words, 1, 3).Draw(t, "actions"); rapid.IntRange(0, 4).Draw(t, "kind") > 0 {
			s.Actions = list
		} else {
			s.NotActions = list
		}
		if rapid.IntRange(0, 3).Draw(t, "conditional") == 0 {
			s.Conditions = Conditions{"StringEquals": {"x:Key": {"yes"}}}
		}
		return s
	})
	policies := rapid.SliceOfN(rapid.SliceOfN(statement, 0, 3), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		var all []Policy
		for _, p := range policies.Draw(t, "policies") {
			all = append(all, Policy(p))
		}
		holds := rapid.Bool().Draw(t, "condition holds")
		q := Question{
			Action:   rapid.SampledFrom([]string{"hbr:CreateBackupJob", "hbr:CancelBackupJob", "ecs:DescribeInstances", "sts:AssumeRole"}).Draw(t, "action"),
			Resource: rapid.SampledFrom([]string{"*", "acs:ecs:cn-hangzhou:1:instance/*"}).Draw(t, "resource"),
			Key:      func(string) (string, bool) { return "yes", holds },
		}
		if got, want := Evaluate(q, all...), referenceVerdict(all, q.Action, q.Resource, holds); got != want {
			t.Fatalf("%s on %s: %v, want %v of %+v", q.Action, q.Resource, got, want, all)
		}
	})
}
