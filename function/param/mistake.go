package param

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Mistake is one error in a request: a wrong value, or a condition of the policy that is not
// met. [Mistake.In] returns its sentence in the reader's language.
type Mistake struct {
	Field string // the parameter's name; empty if the mistake is about the whole request
	Part  string // the control inside the field, such as "SpeedLimit.1.end"; empty: the whole field
	Code  string // a stable word for programs, such as "required"; part of the JSON answers
	Text  Text   // the sentence, with fmt verbs for Args
	Args  []any  // values for the verbs; a [Text] is replaced by its half in the reader's language

	Rule *RuleInfo // for a refusal by the policy: the rule that does not allow it; nil for other mistakes
}

// A RuleInfo describes a rule of the policy for the caller whose request the rule refused.
type RuleInfo struct {
	ID     string
	Reason Text // why the rule has its limits; empty if the policy does not say
	Owner  Text // whom to ask for more rights; empty if the policy does not say
}

// In returns the sentence in language l, without a full stop. It makes the first letter a
// capital. If the sentence starts with the name of a parameter (a plain string argument), the
// name keeps its spelling.
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

// An InvalidError holds all mistakes of a request, in the order of [Fields]. It means that
// nothing was sent to the cloud and nothing was recorded.
type InvalidError []Mistake

// Error returns the fields and codes of the mistakes, for logs. The text can contain names from
// the request, but never values.
func (e InvalidError) Error() string {
	bad := Bounded(e)
	parts := make([]string, len(bad))
	for i, m := range bad {
		parts[i] = m.Field + " " + m.Code
	}
	return "invalid request: " + strings.Join(parts, ", ")
}

// OrNil returns e, sorted in place by [InFormOrder], or a nil error if e is empty.
func (e InvalidError) OrNil() error {
	if len(e) == 0 {
		return nil
	}
	return InvalidError(InFormOrder(e))
}

// InFormOrder sorts mistakes in place by the position of their fields in [Fields], and
// returns them. Mistakes about unknown names are last. The sort is stable.
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

// MaxMistakes is the largest number of mistakes in one answer.
const MaxMistakes = 100

// CodeMore is the code of the mistake that [Bounded] puts at the end of a list that it has cut.
// Its Field is empty.
const CodeMore = "more"

// Bounded limits a list to [MaxMistakes] mistakes. If there are more, it returns the first ones
// and one further mistake with [CodeMore], which says how many were left out. It returns a
// shorter list unchanged, and also a list that it has cut before.
func Bounded(bad []Mistake) []Mistake {
	if len(bad) <= MaxMistakes || len(bad) == MaxMistakes+1 && bad[MaxMistakes].Code == CodeMore {
		return bad
	}
	more := Mistake{Code: CodeMore, Text: msgMore, Args: []any{Count(len(bad) - MaxMistakes)}}
	return append(slices.Clip(bad[:MaxMistakes]), more)
}

// position returns the index in Fields of the field called name, for sorting. For the name of
// an object, Detail or Options, it returns the index of the first key. For an unknown name it
// returns len(Fields).
func position(name string) int {
	i := slices.IndexFunc(Fields, func(f Field) bool { return f.Name == name || strings.HasPrefix(f.Name, name+".") })
	if i < 0 {
		return len(Fields)
	}
	return i
}

// A Count is a number in a sentence. It is written with commas if it is 10,000 or more.
type Count int64

// String returns c in decimal, the same in both languages: "9999", "10,000".
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

// Messages of mistakes. If a message starts with a verb, its first argument is f.Object (or f.Label
// for lists), such as "the instance ID".
var (
	msgEnter       = Text{"enter %v", "请输入%v"}
	msgSelect      = Text{"select %v", "请选择%v"}
	msgInteger     = Text{"%v must be a whole number", "%v必须是整数"}
	msgBetween     = Text{"%v must be between %v and %v", "%v必须在 %v 到 %v 之间"}
	msgLength      = Text{"%v must be %v characters or fewer", "%v不能超过 %v 个字符"}
	msgListLength  = Text{"%v must be %v characters or fewer as a JSON list; the list has %v", "%v写成 JSON 列表后不能超过 %v 个字符，当前为 %v 个"}
	msgEnum        = Text{"%v must be one of %v", "%v必须是以下之一：%v"}
	msgBoolean     = Text{"%v must be true or false", "%v必须是 true 或 false"}
	msgType        = Text{"%v must be %v, not %v", "%v必须是%v，而不是%v"}
	msgUnused      = Text{"%v does not apply to %v", "%v不适用于%v"}
	msgUnder       = Text{"%v can be set only with “%v”", "仅在“%[2]v”时才能设置%[1]v"}
	msgUnknown     = Text{"unknown parameter %v", "未知参数 %v"}
	msgNearest     = Text{"unknown parameter %v; did you mean %v?", "未知参数 %v；您是否想填写 %v？"}
	msgNearestKey  = Text{"%v has no key %v; did you mean %v?", "%v 没有键 %v；您是否想填写 %v？"}
	msgObjectText  = Text{"%v must be a JSON object, or a string that contains one: %v", "%v 必须是 JSON 对象，或包含 JSON 对象的字符串：%v"}
	msgTwice       = Text{"%v is given more than once", "%v出现了多次"}
	msgControl     = Text{"line %v must not contain control characters", "第 %v 行不能包含控制字符"}
	msgLineAgain   = Text{"line %v repeats line %v", "第 %v 行与第 %v 行重复"}
	msgLines       = Text{"%v must be %v lines or fewer", "%v不能超过 %v 行"}
	msgObjects     = Text{"volumes must be a JSON list of objects: %v", "存储卷必须是 JSON 对象列表：%v"}
	msgVolume      = Text{"volume %v must be a non-empty object", "第 %v 个存储卷必须是非空对象"}
	msgVolumeKey   = Text{"%v of volume %v must be a string", "第 %[2]v 个存储卷的 %[1]v 必须是字符串"}
	msgInfo        = Text{"resourceInfo of volume %v must be a string that contains a JSON object", "第 %v 个存储卷的 resourceInfo 必须是包含 JSON 对象的字符串"}
	msgNoKey       = Text{"%v has no key %v", "%v 没有键 %v"}
	msgFull        = Text{"whole instances support COMPLETE only", "整机备份只支持 COMPLETE"}
	msgTooSelect   = Text{"also select %v", "请同时选择%v"}
	msgVSS         = Text{"Windows shadow copies support one path only: keep one path, or turn shadow copies off", "Windows 卷影复制只支持一个路径：请只保留一个路径，或关闭卷影复制"}
	msgVSSExclude  = Text{"Windows shadow copies do not support paths to exclude: remove them, or turn shadow copies off", "Windows 卷影复制不支持排除路径：请移除要排除的路径，或关闭卷影复制"}
	msgVSSNetwork  = Text{"Windows shadow copies do not support network paths: change line %v of the paths, or turn shadow copies off", "Windows 卷影复制不支持网络路径：请修改要备份的路径的第 %v 行，或关闭卷影复制"}
	msgVSSWildcard = Text{"Windows shadow copies do not support the wildcards * and ?: change line %v of the paths to one directory, or turn shadow copies off", "Windows 卷影复制不支持通配符 * 和 ?：请将要备份的路径的第 %v 行改为一个目录，或关闭卷影复制"}
	msgSameRegion  = Text{"region of the copy must differ from the region of the backup", "副本所在地域不能与备份所在地域相同"}
	msgNoRegion    = Text{"Cloud Backup does not support region %v", "云备份不支持地域 %v"}

	msgMore          = Text{"and %v more", "另有 %v 项"}
	msgWindowCount   = Text{"there must be %v windows or fewer", "时段不能超过 %v 个"}
	msgWindowForm    = Text{"each limit must be start:end:KB/s, joined by “|”; NaN instead of a number means no limit", "每条限速须为 开始:结束:KB/s，以“|”分隔；以 NaN 代替数字表示不限速"}
	msgWindowOrder   = Text{"window %v must not end at the hour at which it starts", "第 %v 个时段的结束时间不能与开始时间相同"}
	msgWindowOverlap = Text{"window %v overlaps window %v", "第 %v 个时段与第 %v 个时段重叠"}
)

// UnknownField returns the mistake for a name that is not a parameter, with code "unknown". If
// a known name is similar ([nearest]), the sentence suggests it.
func UnknownField(name string) Mistake { return unknown(name, nearest(name, "")) }

// UnknownName returns the mistake for an unknown name that is not part of a submission, such as
// a parameter of a query. known are the valid names. If one of them is similar, the sentence
// suggests it.
func UnknownName(name string, known []string) Mistake {
	return unknown(name, nearestOf(name, "", keysNamed(known)))
}

// unknown returns the mistake for an unknown name. The sentence suggests the name hint, unless
// hint is empty.
func unknown(name, hint string) Mistake {
	if hint != "" {
		return Mistake{Field: name, Code: "unknown", Text: msgNearest, Args: []any{name, hint}}
	}
	return Mistake{Field: name, Code: "unknown", Text: msgUnknown, Args: []any{name}}
}

// RepeatedField returns the mistake for a parameter that is given more than once, with
// code "twice".
func RepeatedField(name string) Mistake {
	return Mistake{Field: name, Code: codeTwice, Text: msgTwice, Args: []any{name}}
}

// codeTwice is the code of [RepeatedField].
const codeTwice = "twice"

// NotBoolean returns the mistake for a value of a Boolean parameter that is neither true
// nor false, with code "boolean".
func NotBoolean(name string) Mistake {
	return Mistake{Field: name, Code: "boolean", Text: msgBoolean, Args: []any{name}}
}

// typeName returns the name of the type inside a sentence, such as "a number".
func typeName(t Type) Text {
	return [...]Text{
		String:  {"a string", "字符串"},
		Integer: {"a number", "数字"},
		Boolean: {"true or false", "布尔值"},
		Strings: {"a list of strings", "字符串列表"},
		Objects: {"a list of objects", "对象列表"},
	}[t]
}

// Missing returns the mistake for a required field that has no value, with code "required". The
// sentence says "select" if the form offers a list of values, otherwise "enter".
func (f Field) Missing() Mistake {
	if f.Selected || len(f.Enum) > 0 {
		return f.mistake("required", msgSelect, f.Object)
	}
	return f.mistake("required", msgEnter, f.Object)
}
