package param

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Mistake is one thing wrong with a request. Its text is written per reader.
type Mistake struct {
	Field string // the parameter's name
	Part  string // the control inside the field, such as "SpeedLimit.1.end"; empty means the whole
	Code  string // "required", "between"…: stable, part of the JSON answers
	Text  Text   // the sentence, with fmt verbs
	Args  []any  // a Text among them is written in the same language

	Rule *RuleInfo // of a refusal by the policy: the rule that does not allow it; nil if there is none
}

// A RuleInfo names a rule of the policy to whoever it concerns.
type RuleInfo struct {
	ID     string
	Reason Text   // why it is as narrow as it is; empty if the policy does not say
	Owner  string // whom to ask for more; empty if the policy does not say
}

// In writes the sentence in language l. It begins with a capital, unless it
// begins with a name, which is written as it was given.
func (m Mistake) In(l Language) string {
	s := m.Text.Fill(l, m.Args...)
	if strings.HasPrefix(m.Text.En, "%") && len(m.Args) > 0 {
		if _, name := m.Args[0].(string); name {
			return s
		}
	}
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// An InvalidError is everything wrong with a request, in the order of the form.
// Nothing was sent and nothing was recorded.
type InvalidError []Mistake

// Error names the fields and codes. It is for logs: people get [Mistake.In].
func (e InvalidError) Error() string {
	bad := Bounded(e)
	parts := make([]string, len(bad))
	for i, m := range bad {
		parts[i] = m.Field + " " + m.Code
	}
	return "backup: invalid request: " + strings.Join(parts, ", ")
}

// OrNil returns e sorted by [InFormOrder], or nil if e is empty.
func (e InvalidError) OrNil() error {
	if len(e) == 0 {
		return nil
	}
	return InvalidError(InFormOrder(e))
}

// InFormOrder sorts mistakes as their fields stand in the form.
func InFormOrder(bad []Mistake) []Mistake {
	positions := map[string]int{}
	for _, m := range bad {
		if _, known := positions[m.Field]; !known {
			positions[m.Field] = position(m.Field)
		}
	}
	slices.SortStableFunc(bad, func(a, b Mistake) int { return positions[a.Field] - positions[b.Field] })
	return bad
}

// MaxMistakes is how many mistakes a sender is told of at once.
const MaxMistakes = 100

// CodeMore is the code of the last mistake of a list that [Bounded] has cut. It is
// about no field.
const CodeMore = "more"

// Bounded returns the first [MaxMistakes] of a list of mistakes and, if there are more,
// one with [CodeMore] that says how many. A list that is short enough, or was cut
// before, stays as it is.
func Bounded(bad []Mistake) []Mistake {
	if len(bad) <= MaxMistakes || len(bad) == MaxMistakes+1 && bad[MaxMistakes].Code == CodeMore {
		return bad
	}
	more := Mistake{Code: CodeMore, Text: msgMore, Args: []any{Count(len(bad) - MaxMistakes)}}
	return append(slices.Clip(bad[:MaxMistakes]), more)
}

// position is where the field called name stands in the form; strangers come last.
func position(name string) int {
	i := slices.IndexFunc(Fields, func(f Field) bool { return f.Name == name || strings.HasPrefix(f.Name, name+".") })
	if i < 0 {
		return len(Fields)
	}
	return i
}

// A Count is a number for people: 10,000 and more with commas.
type Count int64

// String writes c in both languages alike.
func (c Count) String() string {
	s := strconv.FormatInt(int64(c), 10)
	if c < 10000 && c > -10000 {
		return s
	}
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// The sentences of checks, for the codes that JSON answers carry.
var (
	msgEnter      = Text{"enter %v", "请输入%v"}
	msgSelect     = Text{"select %v", "请选择%v"}
	msgInteger    = Text{"%v must be a whole number", "%v必须是整数"}
	msgBetween    = Text{"%v must be between %v and %v", "%v必须在 %v 到 %v 之间"}
	msgLength     = Text{"%v must be %v characters or fewer", "%v不能超过 %v 个字符"}
	msgListLength = Text{"%v must come to %v characters or fewer as a list; they come to %v", "%v合计不能超过 %v 个字符（按列表计），现为 %v 个"}
	msgEnum       = Text{"%v must be one of %v", "%v必须是以下之一：%v"}
	msgBoolean    = Text{"%v must be true or false", "%v必须是 true 或 false"}
	msgType       = Text{"%v must be %v, not %v", "%v必须是%v，而不是%v"}
	msgUnused     = Text{"%v does not apply to %v", "%v不适用于%v"}
	msgUnder      = Text{"%v applies only with “%v”", "仅在“%[2]v”时才能设置%[1]v"}
	msgUnknown    = Text{"%v is not a parameter", "没有 %v 这个参数"}
	msgTwice      = Text{"%v is given more than once", "%v出现了多次"}
	msgControl    = Text{"line %v must not hold control characters", "第 %v 行不能包含控制字符"}
	msgLineAgain  = Text{"line %v repeats line %v", "第 %v 行与第 %v 行重复"}
	msgLines      = Text{"%v must be %v lines or fewer", "%v不能超过 %v 行"}
	msgObjects    = Text{"volumes must be a JSON list of objects: %v", "卷必须是 JSON 对象列表：%v"}
	msgVolume     = Text{"volume %v must be an object that says something", "第 %v 个卷必须是非空的对象"}
	msgVolumeKey  = Text{"%v of volume %v must be text", "第 %[2]v 个卷的 %[1]v 必须是文本"}
	msgInfo       = Text{"resourceInfo of volume %v must be text that holds a JSON object", "第 %v 个卷的 resourceInfo 必须是内含 JSON 对象的文本"}
	msgNoKey      = Text{"%v has no key %v", "%v 没有键 %v"}
	msgFull       = Text{"whole instances are backed up as COMPLETE", "整机备份只能使用 COMPLETE"}
	msgTooSelect  = Text{"select %v too", "请同时选择%v"}
	msgVSS        = Text{"Windows shadow copies work with one path: leave one, or turn them off", "卷影复制只支持一个路径：请只保留一个，或关闭此选项"}
	msgSameRegion = Text{"region of the copy must not be the region of the backup", "副本所在地域不能与备份所在地域相同"}
	msgNoRegion   = Text{"Cloud Backup has no region %v", "云备份没有地域 %v"}

	msgMore          = Text{"and %v more", "另有 %v 项"}
	msgWindowCount   = Text{"there must be %v windows or fewer", "时段不能超过 %v 个"}
	msgWindowForm    = Text{"each limit must be start:end:KB/s, joined by “|”", "每条限速须为 开始:结束:KB/s，以“|”分隔"}
	msgWindowOrder   = Text{"window %v must end after it starts", "第 %v 个时段的结束时间必须晚于开始时间"}
	msgWindowOverlap = Text{"window %v overlaps window %v", "第 %v 个时段与第 %v 个时段重叠"}
)

// UnknownField is the mistake of naming a parameter that there is not.
func UnknownField(name string) Mistake {
	return Mistake{Field: name, Code: "unknown", Text: msgUnknown, Args: []any{name}}
}

// RepeatedField is the mistake of giving a parameter more than once.
func RepeatedField(name string) Mistake {
	return Mistake{Field: name, Code: "twice", Text: msgTwice, Args: []any{name}}
}

// NotBoolean is the mistake of giving a parameter that is true or false
// another value.
func NotBoolean(name string) Mistake {
	return Mistake{Field: name, Code: "boolean", Text: msgBoolean, Args: []any{name}}
}

// typeName is what a value of the type is called in a sentence.
func typeName(t Type) Text {
	return [...]Text{
		String:  {"text", "文本"},
		Integer: {"a number", "数字"},
		Boolean: {"true or false", "布尔值"},
		Strings: {"a list of texts", "文本列表"},
		Objects: {"a list of objects", "对象列表"},
	}[t]
}

// Missing is the mistake of leaving f out where it is needed.
func (f Field) Missing() Mistake {
	if f.Selected || len(f.Enum) > 0 {
		return f.mistake("required", msgSelect, f.Object)
	}
	return f.mistake("required", msgEnter, f.Object)
}
