// Package param defines the parameters of CreateBackupJob.
//
// [Fields] is the only table of parameters. The form, the JSON API, the checks, the
// OpenAPI schema and the cloud call are loops over it, so each parameter is described
// once. A [Field] belongs to one of three groups:
//
//	group     names                                         chosen by      sent to the cloud
//	ours      Account, Region, Preset, Reason, Ticket,      the caller     no
//	          Notify
//	assigned  CrossAccountType, CrossAccountUserId,         the policy, by  yes
//	          CrossAccountRoleName                          the account
//	other     InstanceId, Retention, Detail.doCopy, …       the caller     yes
//
// The source type decides which fields apply (Field.For). A condition on another field
// (Field.Under) restricts some further:
//
//	SourceType  resource                      fields of this type only
//	UDM_ECS     InstanceId                    all of Detail
//	ECS_FILE    InstanceId and VaultId        Include, Exclude, SpeedLimit, Options.UseVSS
//	CONTAINER   ContainerClusterId, VaultId   ContainerResources, ClusterId, InitiatedByAck
//
// A [Params] holds the values of one request as text, by the API's names. The name of a
// key inside Detail or Options is dotted:
//
//	{"SourceType": "UDM_ECS", "InstanceId": "i-bp1", "Detail.doCopy": "true"}
//
// A request passes four steps:
//
//	DecodeJSON (decode.go)            reads JSON; reports unknown keys and wrong types
//	Params.WithDefaults (params.go)   adds the defaults of the fields that apply
//	Params.Validate (params.go)       checks each field, then the rules between fields
//	Params.Parameters (params.go)     returns the parameters as the API takes them
//
// A [Mistake] is one error about one field, in English and Chinese ([Text]).
//
// Source: the API page of CreateBackupJob (Cloud Backup, version 2017-09-08).
package param

import (
	"slices"
	"unicode/utf8"

	"backupportal/function/pattern"
)

// A Type is the JSON type of a parameter's value.
type Type int

// The types of parameters. The comment of each says how [Params] holds a value as text. For
// every type, an empty text means that the parameter is not given.
const (
	String  Type = iota // the text itself
	Integer             // an int64 in decimal, without leading zeros and without "+"
	Boolean             // "true" or "false"
	Strings             // a JSON list of strings; the form shows one on each line
	Objects             // a JSON list of objects
)

// A Condition is true if the parameter Name has the value Value. The zero Condition is always
// true.
type Condition struct{ Name, Value string }

// A Choice is one value that a field with an Enum accepts, with its texts in the form.
// Help may be empty.
type Choice struct {
	Value       string
	Label, Help Text
}

// A Field describes one parameter of CreateBackupJob or of the portal. It is plain
// data, so that code, tests and documents can read it. Its constraints have the names of
// JSON Schema. The zero value of a constraint means no constraint.
type Field struct {
	Name     string // the API's name with dots; also the name in forms and in JSON
	Ours     bool   // a parameter of the portal: never sent to the cloud
	Note     bool   // says something about the request and nothing about the backup; see [Params.WithoutNotes]
	Assigned bool   // its value follows from the account alias: a caller may not choose it
	Numeral  bool   // a String of digits that a caller may also write as a JSON number, as the API does

	Label   Text   // above the control of the form
	Help    Text   // one phrase below the label; may be empty
	Object  Text   // the label inside a sentence: "the instance ID"
	Unit    Text   // after the control; may be empty
	Example string // passes Check

	For      []SourceType // the source types it applies to; nil means all
	Required []SourceType // the source types that require it; only where it also applies
	Under    Condition    // the field applies only while this holds; the named field is earlier in Fields
	Grant    string       // the permission of the rule that a value needs: "script" or "copy"; "" if none

	Type             Type
	Default          string   // sent if the field applies and no value is given
	Enum             []Choice // the accepted values; nil means no list
	Selected         bool     // the form offers the values that the policy allows, in a list
	Pattern          string   // for package pattern: matches the whole value, or each item of Strings; empty: any text
	Shape            Text     // message for a value that does not match Pattern; %v is the line of an item
	MaxLength        int      // maximum length of the text in Params, in characters
	MaxItems         int      // maximum number of items of a Strings
	Minimum, Maximum int64    // limits of an Integer, both included
	Source           string   // where the constraints come from; empty only for a field without constraints
}

// FieldNamed returns the field of [Fields] with that name. It returns false if none exists.
func FieldNamed(name string) (Field, bool) {
	i := slices.IndexFunc(Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return Fields[i], true
}

// AppliesTo reports whether f may be given together with the other values of p: the
// source type is in f.For, and f.Under holds. p must already have the defaults of the
// fields before f (see [Params.WithDefaults]), because f.Under may name one of them.
func (f Field) AppliesTo(p Params) bool {
	return f.ForSource(p.SourceType()) &&
		(f.Under.Name == "" || p[f.Under.Name] == f.Under.Value)
}

// IsOff reports whether f depends on a switch (the Boolean parameter in f.Under, such as
// Detail.doCopy) that is false or not given. A value of f then changes nothing, for every
// source type. It is false for fields without a switch, and for fields that the policy sets
// (Assigned). p must have the defaults of the fields before f.
func (f Field) IsOff(p Params) bool {
	return f.Under.Name != "" && !f.Assigned && (p[f.Under.Name] == "" || p[f.Under.Name] == "false")
}

// ForSource reports whether f.For includes s. It ignores f.Under.
func (f Field) ForSource(s SourceType) bool {
	return f.For == nil || slices.Contains(f.For, s)
}

// RequiredFor reports whether f must have a value in a backup of type s, provided that f
// applies.
func (f Field) RequiredFor(s SourceType) bool { return slices.Contains(f.Required, s) }

// Choice returns the choice of f.Enum with that value, or false.
func (f Field) Choice(value string) (Choice, bool) {
	i := slices.IndexFunc(f.Enum, func(c Choice) bool { return c.Value == value })
	if i < 0 {
		return Choice{}, false
	}
	return f.Enum[i], true
}

// Check checks a value without the other parameters: its type, form, length and bounds.
// It returns nil if the value is correct. An empty value passes, because only
// [Params.Validate] knows whether a value is required.
func (f Field) Check(value string) []Mistake {
	if value == "" {
		return nil
	}
	switch f.Type {
	case Integer:
		return f.checkInteger(value)
	case Boolean:
		if value != "true" && value != "false" {
			return []Mistake{f.mistake("boolean", msgBoolean, f.Object)}
		}
		return nil
	case Strings:
		return f.checkStrings(value)
	case Objects:
		return f.checkObjects(value)
	}
	return f.checkString(value)
}

// checkString checks a String: the list of values, the pattern, then the length.
func (f Field) checkString(value string) []Mistake {
	if len(f.Enum) > 0 {
		if _, ok := f.Choice(value); !ok {
			return []Mistake{f.mistake("enum", msgEnum, f.Object, f.values())}
		}
	}
	if f.Pattern != "" && !pattern.Match(f.Pattern, value) {
		return []Mistake{f.mistake("pattern", f.Shape)}
	}
	return f.checkLength(value)
}

// checkLength checks MaxLength. For a list (Strings) it counts the characters of the JSON text
// with brackets and quotation marks, because the API limits the text as it is sent.
func (f Field) checkLength(value string) []Mistake {
	n := utf8.RuneCountInString(value)
	switch {
	case f.MaxLength == 0 || n <= f.MaxLength:
		return nil
	case f.Type == Strings:
		return []Mistake{f.mistake("length", msgListLength, f.Label, Count(f.MaxLength), Count(n))}
	}
	return []Mistake{f.mistake("length", msgLength, f.Object, Count(f.MaxLength))}
}

// mistake returns a Mistake about f as a whole, not about one item of its list.
func (f Field) mistake(code string, text Text, args ...any) Mistake {
	return Mistake{Field: f.Name, Code: code, Text: text, Args: args}
}

// values returns the values of f.Enum, joined with commas.
func (f Field) values() string {
	var s string
	for i, c := range f.Enum {
		if i > 0 {
			s += ", "
		}
		s += c.Value
	}
	return s
}
