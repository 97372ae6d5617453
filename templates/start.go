package templates

import (
	"context"
	"fmt"

	"backupportal/function/backup"
)

// about is why the rule is as it is, and whom to ask.
func (r RuleRow) about(ctx context.Context) []string {
	lines := nonEmpty(in(ctx, r.Reason))
	if r.Owner != "" {
		lines = append(lines, in(ctx, wordAsk, r.Owner))
	}
	return lines
}

func (r RuleRow) resources(ctx context.Context) []string {
	if r.Resources == nil {
		return []string{in(ctx, wordAny)}
	}
	return r.Resources
}

func (r RuleRow) days() string {
	return fmt.Sprintf("%v–%v", backup.Count(max(1, r.Min)), backup.Count(r.Max))
}

func kindNames(ctx context.Context, kinds []backup.SourceType) []string {
	var names []string
	for _, k := range kinds {
		names = append(names, in(ctx, k.Name()))
	}
	return names
}
