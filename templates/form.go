package templates

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/param"
)

// A form is a FormPage with the values that its templates need.
type form struct {
	FormPage
	errors map[string][]string // sentences, by the control next to which they are shown
}

// newForm returns p prepared for rendering: each mistake is assigned to the control next to which
// it is shown.
func newForm(ctx context.Context, p FormPage) form {
	f := form{FormPage: p, errors: map[string][]string{}}
	for _, m := range p.Mistakes {
		if name := f.controlOf(m); name != "" {
			f.errors[name] = append(f.errors[name], m.In(Language(ctx)))
		}
	}
	return f
}

// heading returns the targets, the name of the saved link that fills the form, the machine, or the kind of backup.
func (p FormPage) heading(ctx context.Context) string {
	if p.Targets != nil {
		return p.Targets.title(ctx)
	}
	if p.Link == "" && p.Machine != nil {
		return in(ctx, wordBackUpThis, p.Machine.title())
	}
	return cmp.Or(p.Link, in(ctx, p.Source.Name()))
}

// pageName returns the value of the hidden input "at", which names the page from which a form
// was posted. With it, a language button can show the same page again, with its mistakes.
func (f form) pageName() string {
	if len(f.Mistakes) > 0 {
		return "mistakes"
	}
	return "form"
}

// value returns the value of the control called name: from the request, or its default if the
// request has none.
func (f form) value(name string) string {
	if v, ok := f.Values[name]; ok {
		return v
	}
	if c, ok := choices[name]; ok {
		return c.options[0].Value
	}
	field, _ := param.FieldNamed(name)
	return field.Default
}

// rows returns how many rows of a field are shown, at least one.
func (f form) rows(field string) int { return max(1, f.Values.Rows(field)) }

// controlOf returns the control next to which a mistake is shown. It is empty if the form has no such control.
func (f form) controlOf(m param.Mistake) string {
	if m.Field == "SpeedLimit" && f.isLimitText() {
		return m.Field
	}
	if row, ok := f.rowOf(m.Part); ok && row < f.rows(m.Field) {
		return m.Part
	}
	for _, s := range layout[f.Source] {
		for _, e := range s.entries {
			switch {
			case e.holds(m.Field):
				return m.Field
			case e.name == m.Field, e.name == "choice."+m.Field:
				return e.name
			}
		}
	}
	return ""
}

// rowOf returns the row of a control, or false if name is not a control in a row.
func (f form) rowOf(name string) (int, bool) {
	field, rest, _ := strings.Cut(name, ".")
	number, control, _ := strings.Cut(rest, ".")
	row, err := strconv.Atoi(number)
	return row, err == nil && row >= 0 && row < MaxRows(field) && slices.Contains(RowControls(field), control)
}

// target returns the id of the control to which the error summary links for a mistake. For a
// hidden control it is the choice that shows it. It is empty if no such control can get the
// focus.
func (f form) target(m param.Mistake) string {
	name := f.controlOf(m)
	if f.hasBoxes(name) {
		return ControlID(name)
	}
	for _, s := range layout[f.Source] {
		for _, e := range s.entries {
			if !e.holds(m.Field) {
				continue
			}
			if r, ok := f.openReveal(e, m.Field); ok {
				return ControlID(f.firstControl(name, r))
			}
			name = e.name
		}
	}
	// There is no link to a control that cannot get the focus: a disabled checkbox, or an empty
	// list of accounts.
	if name == "" || !f.isOffered(name, "true") || name == "Account" && len(f.Accounts) == 0 {
		return ""
	}
	return ControlID(name)
}

// openReveal returns the group of controls (reveal) that is shown now and contains the field
// called name. The second result is false if none exists.
func (f form) openReveal(e entry, name string) (reveal, bool) {
	for _, r := range e.reveals {
		if r.holds(name) && f.value(e.name) == r.value && f.isOffered(e.name, r.value) {
			return r, true
		}
	}
	return reveal{}, false
}

// firstControl returns name, or the first control of the rows of the field called name.
func (f form) firstControl(name string, r reveal) string {
	if r.rows == name && (name != "SpeedLimit" || !f.isLimitText()) {
		return RowControl(name, 0, RowControls(name)[0])
	}
	return name
}

// isOffered reports whether the rules permit this value of a control.
func (f form) isOffered(name, value string) bool {
	switch {
	case name == "choice.Detail.appConsistent" && value == "scripts":
		return len(f.Offer.Scripts) > 0
	case name == "Detail.doCopy":
		return len(f.Offer.CopyRegions) > 0
	}
	return true
}

// isOpen reports whether a collapsible section is shown open, because something in it has a
// value or a mistake.
func (f form) isOpen(s section) bool {
	return f.Section == s.id || slices.ContainsFunc(s.entries, func(e entry) bool {
		field, _ := param.FieldNamed(e.name)
		return len(f.errors[e.name]) > 0 || f.Focus == e.name || f.value(e.name) != field.Default
	})
}

// rowGroup returns the hint and the errors above the rows of a field.
func (f form) rowGroup(ctx context.Context, name string) control {
	field, _ := param.FieldNamed(name)
	return control{id: "rows-" + name, hint: in(ctx, field.Help), errors: f.errors[name]}
}

// rowsDescribedBy returns the ids for aria-describedby of the rows.
func (f form) rowsDescribedBy(ctx context.Context, name string) string {
	return f.rowGroup(ctx, name).describedBy()
}
