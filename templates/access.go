package templates

import (
	"context"
	"strconv"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// AccessPage is the page with the access checks of an account.
type AccessPage struct {
	Shell
	Accounts []backup.Account     // accounts in which the reader may create backups, each with the permitted regions
	Given    map[string]string    // Account, Region, SourceType, InstanceId from the query
	Also     []Hidden             // other parameters of the check, as hidden inputs
	Mistakes []param.Mistake      // mistakes in the parameters; if there are any, nothing was checked
	Checks   []backup.AccessCheck // results; empty if nothing was checked
}

// accessFields are the names of the controls on the page with access checks, in order.
var accessFields = []string{"Account", "Region", "SourceType", "InstanceId"}

// control returns the control with which a person changes one parameter of the access checks.
func (p AccessPage) control(ctx context.Context, name string) control {
	c := control{
		name:   name,
		id:     ControlID(name),
		kind:   selectBox,
		label:  in(ctx, labelOf(name)),
		value:  p.Given[name],
		width:  "w-full",
		always: true,
	}
	for _, m := range p.Mistakes {
		if m.Field == name {
			c.errors = append(c.errors, m.In(Language(ctx)))
		}
	}
	switch name {
	case "Account":
		for _, a := range p.Accounts {
			c.options = append(c.options, option{value: a.Alias, label: in(ctx, a.Label())})
		}
	case "Region":
		seen := map[string]bool{}
		for _, a := range p.Accounts {
			for _, region := range a.Regions {
				if !seen[region] {
					c.options, seen[region] = append(c.options, option{value: region, label: region}), true
				}
			}
		}
	case "SourceType":
		for _, source := range param.SourceTypes {
			c.options = append(c.options, option{value: string(source), label: in(ctx, source.Name())})
		}
	case "InstanceId":
		c.kind, c.mono, c.optional = textBox, true, true
	}
	if c.value != "" || name == "InstanceId" {
		c.choose()
	}
	return c
}

// verdict returns one sentence for the result of all access checks together.
func (p AccessPage) verdict(ctx context.Context) string {
	var failed []backup.AccessCheck
	for _, r := range p.Checks {
		if r.State == backup.CheckFailed {
			failed = append(failed, r)
		}
	}
	switch len(failed) {
	case 0:
		return in(ctx, wordAccessAll)
	case 1:
		return in(ctx, wordAccessOne, failed[0].Title)
	}
	return in(ctx, wordAccessMany, len(failed))
}

// A shownCheck is an access check together with what the page needs to show it.
type shownCheck struct{ backup.AccessCheck }

// id returns the HTML id of the check.
func (r shownCheck) id() string { return "check-" + strings.ReplaceAll(r.ID, ":", "-") }

// fixID returns the HTML id of the check's fix number i.
func (r shownCheck) fixID(i int) string { return r.id() + "-fix-" + strconv.Itoa(i) }

// evidence returns up to three lines: the operation that was called, the cloud's answer, and what
// refused the call. Empty parts are omitted.
func (r shownCheck) evidence(ctx context.Context) (facts []fact) {
	e := r.Evidence
	add := func(label param.Text, parts ...string) {
		var there []string
		for _, p := range parts {
			if p != "" {
				there = append(there, p)
			}
		}
		if there != nil {
			facts = append(facts, fact{label: in(ctx, label), lines: there, mono: true})
		}
	}
	add(wordQuestion, e.Operation)
	add(wordAnswer, e.Code, e.Message, e.RequestID)
	add(wordRefuser, e.Denial.Action, e.Denial.PolicyType, e.Denial.Kind)
	return facts
}

// checkWord returns the name of a check's state.
func checkWord(s backup.CheckState) param.Text {
	switch s {
	case backup.CheckOK:
		return wordCheckOK
	case backup.CheckFailed:
		return wordCheckFailed
	}
	return wordCheckNotReached
}

// checkTagClasses returns the CSS classes of the tag of a check's state.
func checkTagClasses(s backup.CheckState) string {
	switch s {
	case backup.CheckOK:
		return "tag good dot"
	case backup.CheckFailed:
		return "tag bad diamond"
	}
	return "tag muted dot"
}
