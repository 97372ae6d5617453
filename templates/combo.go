package templates

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"backupportal/function/inventory"
)

// isCombo reports whether the control is a text box for which candidates can be searched.
func (c control) isCombo() bool { return c.candidates != "" && c.kind == textBox }

// boxName returns the name of the text box for a search: the name of the field. If radio
// buttons already have that name, it begins with [FindPrefix].
func (c control) boxName() string {
	if c.matches != nil {
		return FindPrefix + c.name
	}
	return c.name
}

// matchID returns the HTML id of the radio button of candidate i, from 0.
func (c control) matchID(i int) string { return c.id + "-" + strconv.Itoa(i) }

// shown returns the candidates that are shown: the first mostOptions.
func (p OptionsPage) shown() []inventory.Machine {
	return p.Machines[:min(mostOptions, len(p.Machines))]
}

// status returns the number of matching candidates in words. If there are none, it returns the
// reason.
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

// kindAndPlace returns the line below a candidate's name: the operating system or the kind of
// the machine, and its zone.
func (m MachineRow) kindAndPlace(ctx context.Context) string {
	zone := ""
	if m.Attribute("ZoneId") != "" {
		zone = m.where(ctx)
	}
	kind := cmp.Or(m.Attribute("OSName"), m.Attribute("ClusterType"), m.Attribute("VaultType"))
	return strings.Join(nonEmpty(kind, zone), " · ")
}
