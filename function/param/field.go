// Package param defines the parameters of CreateBackupJob.
//
// [Fields] is the one table: the form, JSON, the checks, the schema and the cloud
// call range over it, so that a parameter is spelled once. A [Params] holds the
// values of one request as text, by the API's names; nested ones are dotted:
//
//	{"SourceType": "UDM_ECS", "InstanceId": "i-bp1", "Detail.doCopy": "true"}
//
// A request passes four steps, each a file:
//
//	DecodeJSON (decode.go)       reads JSON into Params; reports unknown keys and wrong types
//	Params.WithDefaults          adds the defaults of the fields that apply
//	Params.Validate (params.go)  checks each field, then the rules between fields
//	Params.Parameters (encode.go) writes the parameters as the API takes them
//
// A [Mistake] is one error about one field, in English and Chinese ([Text]).
package param

import (
	"regexp"
	"slices"
	"sync"
	"unicode/utf8"
)

// A Type is the JSON type of a parameter's value.
type Type int

// The types of parameters. In [Params] every value is text: an Integer in
// decimal, a Boolean as true or false, Strings and Objects as compact JSON.
const (
	String  Type = iota
	Integer      // int64
	Boolean      // true or false
	Strings      // a list of strings, one a line in the form
	Objects      // a list of JSON objects
)

// A Condition holds while the parameter Name has the value Value. The zero
// Condition always holds.
type Condition struct{ Name, Value string }

// A Choice is one of the values that a field accepts.
type Choice struct {
	Value       string
	Label, Help Text
}

// A Field describes one parameter of CreateBackupJob, or one of the portal's
// own beside them. It is only data, so that code, tests and documents can all
// read it. Its constraints are JSON Schema's.
type Field struct {
	Name        string       // the API's name; also the form name, JSON key and heading
	Ours        bool         // the portal's own: never sent to the cloud
	Assigned    bool         // follows from the account alias: a caller may not choose it
	Numeral     bool         // a text of digits that JSON may have as a number, which is what the API has
	Label, Help Text         // above the control; a phrase below the label
	Object      Text         // the label inside a sentence: "the instance ID"
	Unit        Text         // written after the control, if not empty
	Example     string       // must pass Check
	For         []SourceType // where it means anything; nil means everywhere
	Required    []SourceType // where it must be given, if it applies
	Under       Condition    // applies only while this holds, if set
	Grant       string       // what the policy must grant to whoever sets it, if anything

	Type             Type
	Default          string   // what is sent where it applies and nothing is given
	Enum             []Choice // the only values accepted, if any
	Selected         bool     // people select it from a list that the policy makes
	Pattern          string   // what a whole value matches, or each of Strings, if not empty
	Shape            Text     // the sentence for a value that does not match
	MaxLength        int      // of the text as it is sent, in characters; 0 means no limit
	MaxItems         int      // of Strings; 0 means no limit
	Minimum, Maximum int64    // of an Integer
}

// FieldNamed returns the field called name.
func FieldNamed(name string) (Field, bool) {
	i := slices.IndexFunc(Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return Fields[i], true
}

// AppliesTo reports whether f means anything beside the other values of p,
// which must hold its defaults (see [Params.WithDefaults]).
func (f Field) AppliesTo(p Params) bool {
	return f.ForSource(p.SourceType()) &&
		(f.Under.Name == "" || p[f.Under.Name] == f.Under.Value)
}

// ForSource reports whether f means anything for backups of kind s.
func (f Field) ForSource(s SourceType) bool {
	return f.For == nil || slices.Contains(f.For, s)
}

// RequiredFor reports whether f must be given for backups of kind s.
func (f Field) RequiredFor(s SourceType) bool { return slices.Contains(f.Required, s) }

// Choice returns the choice of f that has the value, if there is one.
func (f Field) Choice(value string) (Choice, bool) {
	i := slices.IndexFunc(f.Enum, func(c Choice) bool { return c.Value == value })
	if i < 0 {
		return Choice{}, false
	}
	return f.Enum[i], true
}

// Check judges a value by itself: its type, shape, length and bounds. An empty
// value passes; whether one is needed depends on the other parameters.
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

func (f Field) checkString(value string) []Mistake {
	if len(f.Enum) > 0 {
		if _, ok := f.Choice(value); !ok {
			return []Mistake{f.mistake("enum", msgEnum, f.Object, f.values())}
		}
	}
	if !matches(f.Pattern, value) {
		return []Mistake{f.mistake("pattern", f.Shape)}
	}
	return f.checkLength(value)
}

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

// mistake is a Mistake about f.
func (f Field) mistake(code string, text Text, args ...any) Mistake {
	return Mistake{Field: f.Name, Code: code, Text: text, Args: args}
}

// values joins what f accepts, for a sentence.
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

// patterns keeps the compiled patterns of the table: compiling them on each
// call was most of the cost of validating.
var patterns sync.Map

// matches reports whether the whole of s matches pattern; an empty pattern
// matches everything.
func matches(pattern, s string) bool {
	if pattern == "" {
		return true
	}
	re, ok := patterns.Load(pattern)
	if !ok {
		re, _ = patterns.LoadOrStore(pattern, regexp.MustCompile(`\A(?:`+pattern+`)\z`))
	}
	return re.(*regexp.Regexp).MatchString(s)
}
