package policy

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"

	"backupportal/function/param"
)

// notPresettable lists the parameters for which a rule must not have a default or an enforced
// value. Another key of the rule decides them, or only the caller can know them.
var notPresettable = []string{
	"Account",
	"Region",
	"SourceType",
	"InstanceId",
	"ContainerClusterId",
	"Retention",
	"JobName",
	"CrossAccountType",
	"CrossAccountUserId",
	"CrossAccountRoleName",
	"Detail.doCopy",
	"Detail.destinationRegionId",
	"Detail.destinationRetention",
	"Detail.preScriptPath",
	"Detail.postScriptPath",
	"Preset",
	"Reason",
	"Ticket",
	"Notify",
}

// values reads the default or enforced values of a rule, by the names of parameters. Each value
// is checked alone by param.Fields. Rules between two parameters cannot be checked here,
// because they depend on the request.
func (l *loader) values(p place) param.Params {
	return l.parameters(p, func(f param.Field) bool { return !slices.Contains(notPresettable, f.Name) })
}

// parameters reads values of those fields for which the function may returns true, and checks
// each value alone. It returns nil if the file does not have the key.
func (l *loader) parameters(p place, may func(param.Field) bool) param.Params {
	if p.node == nil {
		return nil
	}
	var names []string
	for _, f := range param.Fields {
		if may(f) {
			names = append(names, f.Name)
		}
	}
	values := param.Params{}
	m := l.mapping(p, nil, names)
	if len(m) == 0 && !l.refused[p.node] && len(p.node.Content) == 0 {
		l.wrong(p, "is empty: add a value, or remove the key")
	}
	for _, name := range names {
		at, ok := m[name]
		if !ok {
			continue
		}
		value := l.text(at)
		f, _ := param.FieldNamed(name)
		bad := f.Check(value)
		if name == "SpeedLimit" && bad == nil {
			_, err := param.ParseSpeedLimit(value)
			bad, _ = errors.AsType[param.InvalidError](err)
		}
		if bad != nil {
			l.wrong(at, "%s", bad[0].In(param.English))
		}
		values[name] = value
	}
	return values
}

// contradiction reports a parameter that has both a default and an enforced value in the same
// rule.
func (l *loader) contradiction(p place, defaults, enforced param.Params) {
	for name := range enforced {
		if _, both := defaults[name]; both && !l.refused[p.node] {
			l.wrong(p, "%s is also in defaults: keep one of them", name)
			return
		}
	}
}

// fill returns the values that r adds to a request. For each parameter that applies and has no
// value from the caller, it is the enforced value, the default or the retention of r. It
// returns nil if r adds nothing. It visits the fields in the order of the table, because an
// added value can make a later field apply.
func (r rule) fill(given param.Params) (values param.Params) {
	if r.defaults == nil && r.enforced == nil && (r.retention.preset == 0 || given["Retention"] != "") {
		return nil
	}
	values = param.Params{}
	all := maps.Clone(given)
	for _, f := range param.Fields {
		value := r.preset(f.Name)
		if value == "" || given[f.Name] != "" || !f.AppliesTo(all) {
			continue
		}
		values[f.Name], all[f.Name] = value, value
	}
	return values
}

// preset returns the enforced value of r for a parameter, or else its default, or else "".
func (r rule) preset(name string) string {
	if name == "Retention" && r.retention.preset > 0 {
		return strconv.FormatInt(r.retention.preset, 10)
	}
	return cmp.Or(r.enforced[name], r.defaults[name])
}

// checkEnforced checks that the caller gave no other value for a parameter that r enforces.
func (r rule) checkEnforced(given param.Params) (param.Mistake, bool) {
	if r.enforced == nil {
		return param.Mistake{}, true
	}
	for _, f := range param.Fields { // in the order of the form
		want, enforced := r.enforced[f.Name]
		if got := given[f.Name]; enforced && got != "" && got != want && f.ForSource(given.SourceType()) {
			return r.explained(mistake(f.Name, msgEnforced, r.id, want)), false
		}
	}
	return param.Mistake{}, true
}
