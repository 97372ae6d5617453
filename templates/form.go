package templates

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/param"
)

// A form is a FormPage with what drawing it takes.
type form struct {
	FormPage
	errors map[string][]string // sentences by the control they stand beside
}

// newForm makes p ready to be drawn: each mistake is put beside a control.
func newForm(ctx context.Context, p FormPage) form {
	f := form{FormPage: p, errors: map[string][]string{}}
	for _, m := range p.Mistakes {
		if name := f.beside(m); name != "" {
			f.errors[name] = append(f.errors[name], m.In(Language(ctx)))
		}
	}
	return f
}

// at says which page a posted form comes from. One with mistakes says so, so
// that they are there again in another language.
func (f form) at() string {
	if len(f.Mistakes) > 0 {
		return "mistakes"
	}
	return "form"
}

// value is what the control called name holds: what was typed, or its default
// where the control was not on the page before.
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

// rows is how many rows of a field are drawn: at least one.
func (f form) rows(field string) int { return max(1, f.Values.Rows(field)) }

// beside is the control beside which a mistake is shown; empty if it has none.
func (f form) beside(m param.Mistake) string {
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

// rowOf is the number of the row in which the control called name stands.
func (f form) rowOf(name string) (int, bool) {
	field, rest, _ := strings.Cut(name, ".")
	number, control, _ := strings.Cut(rest, ".")
	row, err := strconv.Atoi(number)
	return row, err == nil && row >= 0 && row < MaxRows(field) && slices.Contains(RowControls(field), control)
}

// target is the id of the control to which the summary leads for a mistake;
// empty if there is none on the page. A control that is hidden at the moment
// cannot be reached: then it is the one that shows it.
func (f form) target(m param.Mistake) string {
	name := f.beside(m)
	for _, s := range layout[f.Source] {
		for _, e := range s.entries {
			if !e.holds(m.Field) {
				continue
			}
			if r, ok := f.shown(e, m.Field); ok {
				return ControlID(firstControl(name, r))
			}
			name = e.name
		}
	}
	// A switch that is off and an empty list of accounts take no focus.
	if name == "" || !f.offered(name, "true") || name == "Account" && len(f.Accounts) == 0 {
		return ""
	}
	return ControlID(name)
}

// shown is the reveal in which the field called name can be seen, if one is open.
func (f form) shown(e entry, name string) (reveal, bool) {
	for _, r := range e.reveals {
		if r.holds(name) && f.value(e.name) == r.value && f.offered(e.name, r.value) {
			return r, true
		}
	}
	return reveal{}, false
}

// firstControl is name, or the first control of the rows that have that name.
func firstControl(name string, r reveal) string {
	if r.rows == name {
		return RowControl(name, 0, RowControls(name)[0])
	}
	return name
}

// offered reports whether the rules leave this answer open.
func (f form) offered(name, value string) bool {
	switch {
	case name == "choice.Detail.appConsistent" && value == "scripts":
		return len(f.Offer.Scripts) > 0
	case name == "Detail.doCopy":
		return len(f.Offer.CopyRegions) > 0
	}
	return true
}

// rareOpen reports whether something in a folded section wants to be seen.
func (f form) rareOpen(s section) bool {
	return f.Section == s.id || slices.ContainsFunc(s.entries, func(e entry) bool {
		field, _ := param.FieldNamed(e.name)
		return len(f.errors[e.name]) > 0 || f.Focus == e.name || f.value(e.name) != field.Default
	})
}

// group is what stands above the rows of a field.
func (f form) group(ctx context.Context, name string) control {
	field, _ := param.FieldNamed(name)
	return control{id: "rows-" + name, hint: in(ctx, field.Help), errors: f.errors[name]}
}

func (f form) rowsDescribedBy(ctx context.Context, name string) string {
	return f.group(ctx, name).describedBy()
}
