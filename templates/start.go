package templates

import (
	"context"
	"fmt"
	"slices"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/policy"
)

var (
	wordOnlyLook   = param.Both("View only", "仅可查看")
	wordLookCancel = param.Both("View and cancel only", "仅可查看和取消")
)

// starts reports whether the rule r permits new backups.
func starts(r policy.Rule) bool { return r.Max > 0 }

// mayStart reports whether some rule permits backups.
func (p StartPage) mayStart() bool {
	return slices.ContainsFunc(p.Rules, starts)
}

// title returns the heading of the page.
func (p StartPage) title(ctx context.Context) string {
	if p.Help != nil {
		return in(ctx, wordNoRights)
	}
	return in(ctx, wordYours)
}

// aboutRule returns the restrictions, the reason, the limits and the owner of r.
func aboutRule(ctx context.Context, r policy.Rule) []string {
	var lines []string
	switch {
	case starts(r):
	case slices.Contains(r.Actions, backup.ActionCancel):
		lines = append(lines, in(ctx, wordLookCancel))
	default:
		lines = append(lines, in(ctx, wordOnlyLook))
	}
	lines = append(lines, nonEmpty(in(ctx, r.Reason))...)
	for _, limit := range r.Limits {
		lines = append(lines, in(ctx, limit))
	}
	if r.Owner != (param.Text{}) {
		lines = append(lines, in(ctx, wordAsk, r.Owner))
	}
	return lines
}

// ruleAccounts returns the accounts of the rule by their labels.
func ruleAccounts(ctx context.Context, r policy.Rule) []string {
	if r.AccountLabels == nil {
		return r.Accounts
	}
	labels := make([]string, len(r.AccountLabels))
	for i, label := range r.AccountLabels {
		labels[i] = in(ctx, label)
	}
	return labels
}

// ruleResources returns the resources of r, or the word for any.
func ruleResources(ctx context.Context, r policy.Rule) []string {
	if r.Resources == nil {
		return []string{in(ctx, wordAny)}
	}
	return r.Resources
}

// ruleDays returns the range of retention days that r permits; nil if r permits no backups.
func ruleDays(r policy.Rule) []string {
	if !starts(r) {
		return nil
	}
	return []string{fmt.Sprintf("%v–%v", param.Count(max(1, r.Min)), param.Count(r.Max))}
}

// kindNames returns the names of kinds of backup.
func kindNames(ctx context.Context, kinds []param.SourceType) []string {
	var names []string
	for _, k := range kinds {
		names = append(names, in(ctx, k.Name()))
	}
	return names
}
