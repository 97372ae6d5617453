package policy

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"

	"backupportal/function/param"
)

// elsewhere are the parameters that other keys of a rule speak of, or that
// nobody but the caller can know.
var elsewhere = []string{
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
}

// values reads values of parameters by their names. They are judged by the table
// of fields, each by itself: whether they fit together only a whole request tells.
func (l *loader) values(p place) param.Params {
	if p.node == nil {
		return nil
	}
	var names []string
	for _, f := range param.Fields {
		if !slices.Contains(elsewhere, f.Name) {
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

// contradiction reports a parameter that is both a default and enforced.
func (l *loader) contradiction(p place, defaults, enforced param.Params) {
	for name := range enforced {
		if _, both := defaults[name]; both && !l.refused[p.node] {
			l.wrong(p, "%s is also in defaults: keep one of them", name)
			return
		}
	}
}

// fill is what r gives where the caller gave nothing: only fields that the
// backup has, of which some depend on others before them.
func (r rule) fill(given param.Params) (values param.Params) {
	if r.defaults == nil && r.enforced == nil && (r.retention.usual == 0 || given["Retention"] != "") {
		return nil
	}
	values = param.Params{}
	all := maps.Clone(given)
	for _, f := range param.Fields {
		value := r.given(f.Name)
		if value == "" || given[f.Name] != "" || !f.AppliesTo(all) {
			continue
		}
		values[f.Name], all[f.Name] = value, value
	}
	return values
}

// given is what r says of a field: its enforced value, or its default.
func (r rule) given(name string) string {
	if name == "Retention" && r.retention.usual > 0 {
		return strconv.FormatInt(r.retention.usual, 10)
	}
	return cmp.Or(r.enforced[name], r.defaults[name])
}

// forces checks that the caller gave nothing else than what r enforces.
func (r rule) forces(given param.Params) (param.Mistake, bool) {
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
