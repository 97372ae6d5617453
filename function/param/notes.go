package param

import (
	"cmp"
	"strings"

	"golang.org/x/text/width"

	"backupportal/function/pattern"
)

// Texts of notes about changed or ignored values.
var (
	msgIgnored  = Text{"%v was ignored: it applies only if %v is %v", "已忽略 %v：仅当 %v 为 %v 时适用"}
	msgNotOf    = Text{"%v was ignored: it does not apply to %v", "已忽略 %v：不适用于%v"}
	msgSentAs   = Text{"%v is sent as %v", "%v 以 %v 提交"}
	msgNameFits = Text{
		"JobName was changed to %v: it can contain only letters, digits, dots, underscores and hyphens, at most %v; the portal shows it as it was given",
		"JobName 已改为 %v：只能包含字母、数字、点、下划线和短横线，最多 %v 个字符；门户中仍按填写的内容显示",
	}
	msgNoName = Text{
		"JobName was ignored: it can contain only letters, digits, dots, underscores and hyphens; the portal shows it as it was given",
		"已忽略 JobName：只能包含字母、数字、点、下划线和短横线；门户中仍按填写的内容显示",
	}
)

// Notes returns sentences, without full stops, about values of given that are valid but are not
// sent as the caller wrote them. There is one for each value that belongs to a switch that is
// off, for a SpeedLimit that passes midnight, and for a JobName that [FitName] changed.
// complete are the parameters that are sent (see [Params.WithDefaults]). Notes returns nil if
// nothing was changed.
func Notes(given, complete Params) []Text {
	var notes []Text
	add := func(text Text, args ...any) {
		notes = append(notes, Text{text.Fill(English, args...), text.Fill(Chinese, args...)})
	}
	for _, f := range Fields {
		value := given[f.Name]
		switch {
		case value == "":
		case f.IsOff(complete) && value == f.Default:
		case f.IsOff(complete) && !f.ForSource(complete.SourceType()):
			add(msgNotOf, f.Name, complete.SourceType().Name())
		case f.IsOff(complete):
			add(msgIgnored, f.Name, f.Under.Name, f.Under.Value)
		case f.Name == "SpeedLimit" && complete[f.Name] != "" && complete[f.Name] != value:
			add(msgSentAs, f.Name, complete[f.Name])
		case f.Name == "JobName" && FitName(value) == "":
			add(msgNoName)
		case f.Name == "JobName" && FitName(value) != value:
			add(msgNameFits, FitName(value), MaxLabel)
		}
	}
	return notes
}

// FitName returns a JobName that the service accepts. It removes surrounding blanks, reads
// full-width characters as ASCII, replaces each other invalid character by "-", and cuts the
// name to [MaxLabel] characters. It returns "" if only hyphens remain of a name that it
// changed. It returns a valid name unchanged.
func FitName(name string) string {
	field, _ := FieldNamed("JobName")
	if field.Check(name) == nil {
		return name
	}
	fitted := strings.Map(func(r rune) rune {
		if strings.ContainsRune("._-", r) || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, strings.TrimSpace(width.Narrow.String(name)))
	if strings.Trim(fitted, "-") == "" {
		return ""
	}
	return fitted[:min(len(fitted), MaxLabel)]
}

// WithFittingName returns a copy of p whose JobName is valid ([FitName]). It does not change p.
func (p Params) WithFittingName() Params {
	fitted := FitName(p["JobName"])
	if fitted == p["JobName"] {
		return p
	}
	q := p.clone()
	q["JobName"] = fitted
	return q
}

// PlainNumber returns a whole number in the form that [Params] holds: it reads full-width
// characters as ASCII, and removes surrounding blanks, leading zeros and commas between groups
// of three digits. 15.0 and 1.5e1 become 15 ([plainJSONNumber]). It returns other texts
// unchanged.
func PlainNumber(s string) string {
	number := strings.TrimSpace(width.Narrow.String(s))
	if pattern.Match(grouped, number) {
		number = strings.ReplaceAll(number, ",", "")
	}
	if isDigits(number) {
		return cmp.Or(strings.TrimLeft(number, "0"), "0")
	}
	if isJSONNumber(number) {
		return plainJSONNumber(number)
	}
	return s
}

// grouped is the pattern of a whole number with commas between groups of three digits, such as
// 10,000. It does not match 1,5, which is a fraction in many countries.
const grouped = `[0-9]{1,3}(,[0-9]{3})+`

// PlainBoolean returns true or false in the form that [Params] holds: it reads full-width
// characters as ASCII, removes surrounding blanks and ignores case. It returns other texts
// unchanged.
func PlainBoolean(s string) string {
	if truth := strings.ToLower(strings.TrimSpace(width.Narrow.String(s))); isBoolean(truth) {
		return truth
	}
	return s
}

// isBoolean reports whether s is true or false.
func isBoolean(s string) bool { return s == "true" || s == "false" }

// isDigits reports whether s has only the digits 0 to 9, and at least one.
func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
