package web

import (
	"net/http"
	"regexp"
	"slices"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/templates"
)

// offer is what the policy leaves who to choose in a form, in the words of the
// pages.
func (s *Server) offer(who identity.Principal, source param.SourceType) templates.Offer {
	granted := s.Policy.Offer(who, source)
	offer := templates.Offer{
		Scripts: granted.Scripts, CopyRegions: granted.CopyRegions,
		Retention: ruleLines(granted.Lines), CopyDays: ruleLines(granted.CopyLines),
	}
	offer.Defaults = granted.Defaults
	for _, f := range granted.Enforced {
		offer.Fixed = append(offer.Fixed, templates.FixedValue{
			Field:    f.Field,
			Value:    f.Value,
			RuleLine: templates.RuleLine{Rule: f.Rule, Reason: f.Reason, Owner: f.Owner},
		})
	}
	if !granted.AnyInstance {
		offer.Instances = granted.Instances
	}
	if !granted.AnyCluster {
		offer.Clusters = granted.Clusters
	}
	for _, a := range s.Policy.Accounts(who, backup.ActionCreate) {
		a.Regions = s.Policy.Regions(who, a.Alias)
		offer.Accounts = append(offer.Accounts, a)
	}
	return offer
}

func ruleLines(lines []policy.Line) []templates.RuleLine {
	out := make([]templates.RuleLine, len(lines))
	for i, l := range lines {
		out[i] = templates.RuleLine{Rule: l.Rule, Min: l.Min, Max: l.Max, Reason: l.Reason, Owner: l.Owner}
	}
	return out
}

// rules are the rules of the policy for who, for the start page.
func (s *Server) rules(who identity.Principal) []templates.RuleRow {
	var out []templates.RuleRow
	for _, r := range s.Policy.Rules(who) {
		out = append(out, templates.RuleRow{
			Rule:        r.ID,
			Accounts:    r.Accounts,
			Regions:     r.Regions,
			Kinds:       r.SourceTypes,
			Resources:   r.Resources,
			Min:         r.Min,
			Max:         r.Max,
			Limits:      r.Limits,
			Cancels:     slices.Contains(r.Actions, backup.ActionCancel),
			CopyRegions: r.CopyRegions,
			Scripts:     r.Scripts,
			Reason:      r.Reason,
			Owner:       r.Owner,
		})
	}
	return out
}

func withLanguage(r *http.Request, l param.Language) *http.Request {
	return r.WithContext(templates.WithLanguage(r.Context(), l))
}

var codeShape = regexp.MustCompile(`\A[A-Za-z0-9._-]{1,64}\z`)

// errorCode is the message of a job if it is a code: the field holds either.
func errorCode(message string) string {
	if codeShape.MatchString(message) {
		return message
	}
	return ""
}
