package param

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode"

	"backupportal/function/pattern"
)

// Params holds the values of one request: from the name of a [Field] to the value as text, in
// the form that its [Type] describes. An absent or empty value means "not given"; nil is a
// request without values. Params is a map, so a shared one must be cloned before it is changed.
type Params map[string]string

// SourceType returns the source type of p, or [UDMECS] if none is given. It returns an unknown
// value as it is (see [SourceType.Known]).
func (p Params) SourceType() SourceType {
	if s := p["SourceType"]; s != "" {
		return SourceType(s)
	}
	return UDMECS
}

// WithDefaults returns a copy of p with SourceType and with the default of each field that
// applies and has no value. It removes empty values and two kinds of values that change
// nothing: a value that equals the default of a field that does not apply, and every value that
// depends on a switch that is off ([Field.IsOff]). The vendor's samples contain many of both.
// It rewrites a valid SpeedLimit so that no window passes midnight. [Notes] lists the changes.
// p may be nil.
//
// Fields are visited in the order of [Fields], so a default can make a later field apply (see
// [Field.AppliesTo]).
func (p Params) WithDefaults() Params {
	q := p.clone()
	q["SourceType"] = string(p.SourceType())
	for _, f := range Fields {
		switch applies := f.AppliesTo(q); {
		case applies && q[f.Name] == "" && f.Default != "":
			q[f.Name] = f.Default
		case !applies && q[f.Name] == f.Default, q[f.Name] == "", f.IsOff(q):
			delete(q, f.Name)
		}
	}
	if windows, err := ParseSpeedLimit(q["SpeedLimit"]); err == nil {
		q["SpeedLimit"] = SpeedLimit(windows)
	}
	return q
}

// WithoutNotes returns a copy of p without the fields that only describe the request and do not
// change the backup ([Field.Note]), such as Reason. Two requests for the same backup can differ
// in these fields. p may be nil.
func (p Params) WithoutNotes() Params {
	q := p.clone()
	for _, f := range Fields {
		if f.Note {
			delete(q, f.Name)
		}
	}
	return q
}

// clone returns a copy of p that can be changed. p may be nil.
func (p Params) clone() Params {
	if p == nil {
		return Params{}
	}
	return maps.Clone(p)
}

// Validate adds the defaults to a copy of p, checks it, and returns all mistakes as one
// [InvalidError], or nil. It checks each field, unknown names, and the rules between fields. It
// reports a wrong SourceType alone, because SourceType decides which other fields apply.
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

// ValidateBeside returns the mistakes that [Params.Validate] finds in p. bad are the mistakes
// that were found when its JSON was read. If bad says that a name was given more than once, it
// is unknown which value was meant. ValidateBeside then returns only those mistakes that
// Validate would also find without this name.
func (p Params) ValidateBeside(bad InvalidError) InvalidError {
	others := p.clone()
	repeats := false
	for _, m := range bad {
		if m.Code != codeTwice {
			continue
		}
		if m.Field == "SourceType" {
			return nil // it decides which other fields apply
		}
		repeats = true
		maps.DeleteFunc(others, func(name, _ string) bool { return within(name, m.Field) })
	}
	rest, _ := errors.AsType[InvalidError](p.Validate())
	if !repeats {
		return rest
	}
	still, _ := errors.AsType[InvalidError](others.Validate())
	return slices.DeleteFunc(rest, func(m Mistake) bool {
		return !slices.ContainsFunc(still, func(s Mistake) bool { return s.Field == m.Field && s.Part == m.Part && s.Code == m.Code }) ||
			slices.ContainsFunc(bad, func(b Mistake) bool { return b.Code == codeTwice && within(m.Field, b.Field) })
	})
}

// within reports whether name is object itself or a key of it: both Detail and Detail.doCopy
// are within Detail.
func within(name, object string) bool { return name == object || strings.HasPrefix(name, object+".") }

// validate checks one field: required values, values that do not apply, and Field.Check.
// p must have its defaults.
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

// validateTogether checks the rules that need more than the form of one value. p must have its
// defaults. Most of these rules are in the descriptions of the parameters on the API page of
// CreateBackupJob:
//
//	BackupType=INCREMENTAL           not for UDM_ECS
//	Detail.preScriptPath             needs Detail.postScriptPath, and the reverse
//	Options.UseVSS                   see validateShadowCopy
//	Region                           is one of Regions: it becomes part of a host name
//	Detail.destinationRegionId       is one of Regions, and is not Region
//	SpeedLimit                       has the form that ParseSpeedLimit reads
func (p Params) validateTogether() []Mistake {
	var bad []Mistake
	wrong := func(name, code string, text Text, args ...any) {
		bad = append(bad, Mistake{Field: name, Code: code, Text: text, Args: args})
	}
	if p.SourceType() == UDMECS && p["BackupType"] == "INCREMENTAL" {
		wrong("BackupType", "enum", msgFull)
	}
	pre, post := p["Detail.preScriptPath"], p["Detail.postScriptPath"]
	if p["Detail.appConsistent"] == "true" && (pre == "") != (post == "") {
		missing, _ := FieldNamed("Detail.preScriptPath")
		if post == "" {
			missing, _ = FieldNamed("Detail.postScriptPath")
		}
		wrong(missing.Name, "required", msgTooSelect, missing.Object)
	}
	bad = append(bad, p.validateShadowCopy()...)
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

// validateShadowCopy checks the rules of Options.UseVSS: Include has at most one directory,
// which is not a network path and has no wildcard, and Exclude is empty. Cloud Backup would
// accept other values, but the job would fail hours later. An empty Include is accepted,
// because no source says that it is refused.
//
// Source: the API page of CreateBackupJob, and the help page of backup plans.
func (p Params) validateShadowCopy() []Mistake {
	const name = "Options.UseVSS"
	if p.SourceType() != ECSFile || p[name] != "true" {
		return nil
	}
	vss, _ := FieldNamed(name)
	var bad []Mistake
	include := p.Strings("Include")
	if len(include) > 1 || slices.ContainsFunc(include, hasSeveralPaths) {
		bad = append(bad, vss.mistake("one_path", msgVSS))
	}
	if len(p.Strings("Exclude")) > 0 {
		bad = append(bad, vss.mistake("vss_exclude", msgVSSExclude))
	}
	for i, path := range include {
		switch {
		case isNetworkPath(path):
			bad = append(bad, vss.mistake("vss_network", msgVSSNetwork, i+1))
		case strings.ContainsAny(path, "*?"):
			bad = append(bad, vss.mistake("vss_wildcard", msgVSSWildcard, i+1))
		}
	}
	return bad
}

// isNetworkPath reports whether path is on another machine. Such a path starts like a UNC path
// (\\server\share, with any kind of slash), a URL (https:/) or an NFS export (server:/). A
// single letter before the colon, as in C:\, is a local drive.
func isNetworkPath(path string) bool {
	path = strings.TrimSpace(path)
	if len(path) > 1 && strings.Trim(path[:2], `/\`) == "" {
		return true
	}
	name, rest, _ := strings.Cut(path, ":")
	return len(name) > 1 && pattern.Match(`[0-9A-Za-z.+_-]+`, name) && rest != "" && strings.Contains(`/\`, rest[:1])
}

// hasSeveralPaths reports whether one item contains more than one path: after a comma,
// semicolon, bar or blank there is a second drive, such as C:\. A Windows path has no other
// colon.
func hasSeveralPaths(item string) bool {
	parts := strings.FieldsFunc(item, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;|", r) })
	return len(parts) > 1 && slices.ContainsFunc(parts[1:], func(part string) bool {
		return len(part) > 2 && pattern.Match(`[A-Za-z]:[/\\]`, part[:3])
	})
}

// Strings returns the items of a field of type [Strings], or nil if the field is not given. The
// value must have passed [Params.Validate].
func (p Params) Strings(name string) []string {
	items, _ := parseStrings(p[name])
	return items
}

// A Parameter is one parameter of a call of the cloud: its name and its complete value. The
// value is not URL-encoded yet.
type Parameter struct{ Name, Value string }

// Parameters returns the parameters of the call of CreateBackupJob, in the order of
// [Fields]. It adds the defaults, leaves out the fields that are Ours, and writes the
// keys of Detail and Options as one JSON object each. Such an object has all keys of the
// source type, as in the vendor's sample; a key that is not given is null, [] or "".
// Other parameters without a value are left out.
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

// CheckValues checks the form of each value with [Field.Check]. It requires no value, checks no
// rules between fields, and ignores unknown names. The error is an [InvalidError]. It is for
// requests that are not complete yet, such as a search while a person fills in the form.
func (p Params) CheckValues() error {
	var bad InvalidError
	for _, f := range Fields {
		bad = append(bad, f.Check(p[f.Name])...)
	}
	return bad.OrNil()
}
