package templates

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"backupportal/function/inventory"
)

// isCombo reports whether the control is a text box with candidates.
func (c control) isCombo() bool { return c.candidates != "" && c.kind == textBox }

// boxName returns the name of the text box. Beside radio buttons it is another one, because they have
// the name of the field.
func (c control) boxName() string {
	if c.matches != nil {
		return FindPrefix + c.name
	}
	return c.name
}

// matchID returns the id of a radio button.
func (c control) matchID(i int) string { return c.id + "-" + strconv.Itoa(i) }

// shown returns the candidates that are drawn.
func (p OptionsPage) shown() []inventory.Machine {
	return p.Machines[:min(mostOptions, len(p.Machines))]
}

// status returns how many candidates match, or why there are none.
func (p OptionsPage) status(ctx context.Context) string {
	text := in(ctx, wordMatching, len(p.Machines))
	switch {
	case len(p.Machines) == 0 && p.Unreadable:
		return in(ctx, wordNoList)
	case len(p.Machines) == 0:
		return in(ctx, wordNoCandidates)
	case p.Search != "":
		text = in(ctx, wordMatchingText, p.Search, len(p.Machines))
	}
	if len(p.Machines) > mostOptions {
		text += in(ctx, wordFirstOf, mostOptions)
	}
	return text
}

// kindAndPlace returns the operating system or the kind of a candidate, and its zone.
func (m MachineRow) kindAndPlace(ctx context.Context) string {
	zone := ""
	if m.Attribute("ZoneId") != "" {
		zone = m.where(ctx)
	}
	kind := cmp.Or(m.Attribute("OSName"), m.Attribute("ClusterType"), m.Attribute("VaultType"))
	return strings.Join(nonEmpty(kind, zone), " · ")
}
