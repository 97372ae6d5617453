package param

import (
	"maps"
	"slices"
	"strings"
)

// Params are the values of one request by the names of [Fields]: what a door
// read, before or after its defaults. A value that was not given is absent or
// empty. Every value is text, as [Type] says.
type Params map[string]string

// SourceType is the kind of backup that p asks for; UDM_ECS if it does not say.
func (p Params) SourceType() SourceType {
	if s := p["SourceType"]; s != "" {
		return SourceType(s)
	}
	return UDMECS
}

// WithDefaults returns a copy of p in which each field that applies has its
// default if nothing was given. Values that only repeat the default of a field
// that does not apply say nothing, and are left out: the vendor's own samples
// hold many of them.
func (p Params) WithDefaults() Params {
	q := maps.Clone(p)
	if q == nil {
		q = Params{}
	}
	q["SourceType"] = string(p.SourceType())
	for _, f := range Fields {
		switch applies := f.AppliesTo(q); {
		case applies && q[f.Name] == "" && f.Default != "":
			q[f.Name] = f.Default
		case !applies && q[f.Name] == f.Default, q[f.Name] == "":
			delete(q, f.Name)
		}
	}
	return q
}

// Validate reports everything wrong with p at once, as an [InvalidError]. A
// wrong SourceType is reported alone: nothing else can be judged without it.
func (p Params) Validate() error {
	p = p.WithDefaults()
	source, _ := FieldNamed("SourceType")
	if bad := source.Check(p["SourceType"]); bad != nil {
		return InvalidError(bad)
	}
	var bad InvalidError
	for _, f := range Fields {
		bad = append(bad, p.validate(f)...)
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if _, known := FieldNamed(name); !known {
			bad = append(bad, UnknownField(name))
		}
	}
	return append(bad, p.validateTogether()...).OrNil()
}

// validate judges the value of one field beside the others.
func (p Params) validate(f Field) []Mistake {
	value, applies := p[f.Name], f.AppliesTo(p)
	switch {
	case value == "" && applies && f.RequiredFor(p.SourceType()):
		return []Mistake{f.Missing()}
	case value == "" || applies:
		return f.Check(value)
	case !f.ForSource(p.SourceType()):
		return []Mistake{f.mistake("unused", msgUnused, f.Label, p.SourceType().Name())}
	}
	under, _ := FieldNamed(f.Under.Name)
	return []Mistake{f.mistake("unused", msgUnder, f.Label, under.Label)}
}

// validateTogether checks the rules between fields, each of which the
// operation's API page states for the parameters it names.
func (p Params) validateTogether() []Mistake {
	var bad []Mistake
	wrong := func(name, code string, text Text, args ...any) {
		bad = append(bad, Mistake{Field: name, Code: code, Text: text, Args: args})
	}
	if p.SourceType() == UDMECS && p["BackupType"] == "INCREMENTAL" {
		wrong("BackupType", "enum", msgFull)
	}
	if pre, post := p["Detail.preScriptPath"], p["Detail.postScriptPath"]; p["Detail.appConsistent"] == "true" && (pre == "") != (post == "") {
		missing, _ := FieldNamed("Detail.preScriptPath")
		if post == "" {
			missing, _ = FieldNamed("Detail.postScriptPath")
		}
		wrong(missing.Name, "required", msgTooSelect, missing.Object)
	}
	if p["Options.UseVSS"] == "true" && len(p.Strings("Include")) > 1 {
		wrong("Options.UseVSS", "one_path", msgVSS)
	}
	if region := p["Region"]; region != "" && !KnownRegion(region) {
		wrong("Region", "enum", msgNoRegion, region)
	}
	if to := p["Detail.destinationRegionId"]; to != "" && p["Detail.doCopy"] == "true" {
		if !KnownRegion(to) {
			wrong("Detail.destinationRegionId", "enum", msgNoRegion, to)
		} else if to == p["Region"] {
			wrong("Detail.destinationRegionId", "same_region", msgSameRegion)
		}
	}
	if limit := p["SpeedLimit"]; limit != "" && p.SourceType() == ECSFile {
		if _, err := ParseSpeedLimit(limit); err != nil {
			bad = append(bad, err.(InvalidError)...)
		}
	}
	return bad
}

// Strings returns the items of a field of type Strings; none if it is absent
// or malformed.
func (p Params) Strings(name string) []string {
	items, _ := parseStrings(p[name])
	return items
}

// A Parameter is one parameter of CreateBackupJob as it goes over the wire.
type Parameter struct{ Name, Value string }

// Parameters are what CreateBackupJob is called with, in the order of the
// form: p with its defaults, without what is the portal's own, and with the
// keys of Detail and Options gathered into one JSON object each, all of them
// present, as in the vendor's sample.
func (p Params) Parameters() []Parameter {
	p = p.WithDefaults()
	var out []Parameter
	for _, f := range Fields {
		object, _, nested := strings.Cut(f.Name, ".")
		switch {
		case f.Ours || !f.ForSource(p.SourceType()):
		case nested && !slices.ContainsFunc(out, func(q Parameter) bool { return q.Name == object }):
			out = append(out, Parameter{object, p.object(object)})
		case !nested && p[f.Name] != "":
			out = append(out, Parameter{f.Name, p[f.Name]})
		}
	}
	return out
}

// CheckValues checks each value by itself: no field is required, and rules
// between fields are left out. Its error is an [InvalidError].
func (p Params) CheckValues() error {
	var bad InvalidError
	for _, f := range Fields {
		bad = append(bad, f.Check(p[f.Name])...)
	}
	return bad.OrNil()
}
