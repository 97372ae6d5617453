package templates

import (
	"context"
	"slices"
	"strings"

	"backupportal/function/param"
)

// noteFacts returns the preset, the reason and the ticket of the request, as far as it has them.
func (r Row) noteFacts(ctx context.Context) []fact {
	var all []fact
	for _, name := range []string{"Preset", "Reason", "Ticket"} {
		if value := r.Record.Params[name]; value != "" {
			all = append(all, fact{label: in(ctx, labelOf(name)), lines: []string{value}})
		}
	}
	if names := r.Record.Notify(); names != nil {
		all = append(all, fact{label: in(ctx, wordTells), lines: names, mono: true})
	}
	return all
}

// wordTells is the label of the receivers that get a message at the end of the backup.
var (
	wordTells   = param.Both("Told when it is done", "完成后通知")
	wordTellsOf = param.Both("Tells %v", "通知 %v")
)

// note returns the preset, the reason, the ticket and the chosen receivers on one line; empty if the request has none.
func (r Row) note(ctx context.Context) string {
	preset := r.Record.Preset()
	if preset != "" {
		preset = in(ctx, wordPresetIs, preset)
	}
	tells := ""
	if names := r.Record.Notify(); names != nil {
		tells = in(ctx, wordTellsOf, strings.Join(names, ", "))
	}
	return strings.Join(nonEmpty(preset, r.Record.Reason(), r.Record.Ticket(), tells), " · ")
}

var wordPresetIs = param.Both("Preset: %v", "预设：%v")

var (
	wordNoteNeeded   = param.Both("Rule %v: required", "规则 %v：必填")
	wordTicketForm   = param.Both("Rule %v: a ticket must match %v", "规则 %v：工单号须符合 %v")
	wordTicketNeeded = param.Both("Rule %v: required, and must match %v", "规则 %v：必填，须符合 %v")
	wordSuchAs       = param.Both("%v, such as %v", "%v，例如 %v")
)

// noteLines returns what the rules require of the reason or the ticket, and whether every rule
// requires a value.
func (f form) noteLines(ctx context.Context, name string) (lines []string, required bool) {
	required = len(f.Offer.Notes) > 0 && len(f.Offer.Notes) == len(f.Offer.Lines)
	for _, n := range f.Offer.Notes {
		line, needed := "", n.Why
		if name == "Ticket" {
			needed = n.Ticket.Required
		}
		required = required && needed
		switch {
		case name == "Ticket" && n.Ticket.Pattern != "" && needed:
			line = in(ctx, wordTicketNeeded, n.Rule, n.Ticket.Pattern)
		case name == "Ticket" && n.Ticket.Pattern != "":
			line = in(ctx, wordTicketForm, n.Rule, n.Ticket.Pattern)
		case needed:
			line = in(ctx, wordNoteNeeded, n.Rule)
		default:
			continue
		}
		if name == "Ticket" && n.Ticket.Example != "" {
			line = in(ctx, wordSuchAs, line, n.Ticket.Example)
		}
		lines = append(lines, ruleLine(ctx, line, n.Reason, n.Owner))
	}
	return slices.Compact(lines), required
}

// ruleLine returns a sentence about a rule with the reason and the owner of the rule.
func ruleLine(ctx context.Context, line string, reason, owner param.Text) string {
	if text := strings.TrimRight(in(ctx, reason), ".。"); text != "" {
		line += in(ctx, param.Both(". ", "。")) + text
	}
	if owner != (param.Text{}) {
		line += in(ctx, param.Both(". Contact: %v", "。请联系：%v"), owner)
	}
	return line + in(ctx, param.Both(".", "。"))
}
