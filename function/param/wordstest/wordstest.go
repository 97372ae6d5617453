// Package wordstest checks texts for phrases that users must not read.
//
// The list has phrases that are indirect or ambiguous, in English and Chinese,
// former product names, and durations as Go prints them. Tests of pages, of
// answers and of messages call [Check]. A test of the sources calls [Find] for
// every string of the program.
package wordstest

import (
	"regexp"
	"strings"
	"testing"
)

// phrases are the phrases that no text may contain, in lower case.
var phrases = []string{
	// Former product names.
	"backup desk", "备份服务台",

	// Indirect English.
	"its address is none", "in the way", "to mend it", "granted by no rule", "keeping it", "how much",
	"the limit is that of", "hold only what changed", "as if the power was cut", "mean nothing here", "means nothing",
	"whoever", "whatever", "of which", "none of", "what comes of it", " nobody ", "nobody knows", " somebody ", "somebody cancelled", "somebody wanted", "take on the role", "takes on a role",
	"lets the portal in", "lets nobody in", "sign of life", "do not fit together", "misses a value", "tell the operator",
	"keep the backup for", "keep the copy for", "what you can do", "choose another source type", "newer api pages", "legacy:",
	"stands alone", "is no address", "kind of backup", "switched off at the moment", "goes by the tags",
	"has it so", "asked by", "came in by", "put it right", "kept there", "not known here", "right now",

	// Chinese that is not the vendor's, or not standard.
	"您的规则均未授权", "没有规则允许", "您不能发起备份", "使用此键", "新的键", "同一个键", "键的有效期", "至少一个卷", "持久卷",
	"备份保留时长", "副本保留时长", "您可以这样做", "旧版类型",
	"链接中的以下部分在此无效", "限制对象：", "如同断电）", "备份方式", "身份提供方",
}

// durations matches times as Go prints them, such as 15m0s, if they are separate words. Inside
// a longer word they are ignored, because a random text in a URL can contain one by chance.
var durations = regexp.MustCompile(`(?:^|[^0-9a-z_.=&%+/-])((?:\d+h)?\d+m\d+(?:\.\d+)?s)(?:$|[^0-9a-z_=&%+/-])`)

// sizes matches sizes with an unnecessary decimal, such as 40.0 GiB.
var sizes = regexp.MustCompile(`\d\.0 [kmgtp]ib`)

// levels matches Chinese names of consistency levels without the ending 性, which the vendor's
// console writes.
var levels = regexp.MustCompile(`(?:崩溃|应用|文件系统)一致(?:[^性]|$)`)

// Find returns the first phrase in text that users must not read. It returns ""
// if text has no such phrase. It ignores case.
func Find(text string) string {
	lower := strings.ToLower(text)
	for _, phrase := range phrases {
		if strings.Contains(lower, phrase) {
			return phrase
		}
	}
	if found := durations.FindStringSubmatch(lower); found != nil {
		return found[1]
	}
	for _, shape := range []*regexp.Regexp{sizes, levels} {
		if found := shape.FindString(lower); found != "" {
			return found
		}
	}
	return ""
}

// Check reports a test error if text contains a phrase that [Find] returns. where names the
// source of text in the error, such as a page.
func Check(t testing.TB, where, text string) {
	t.Helper()
	if phrase := Find(text); phrase != "" {
		t.Errorf("%s: users read %q", where, phrase)
	}
}
