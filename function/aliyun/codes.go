package aliyun

import (
	"path"
	"strings"

	"backupportal/function/backup"
)

// assumeRole is the operation of STS; with a dot behind it, it stands before
// STS's codes. The same word means other things there: NoPermission of Cloud
// Backup is about the role's permissions, that of AssumeRole about its trust.
const (
	assumeRole       = "AssumeRole"
	assumeRolePrefix = assumeRole + "."
)

// Codes of our own, for calls that were refused before anything was sent.
const (
	noCredentials = "portal.NoCredentials"
	badTarget     = "portal.BadTarget"
)

// A meaning is what is known about some codes: what became of the call, and
// how to say it.
type meaning struct {
	codes       string // patterns of [path.Match], with blanks between them
	outcome     error
	caller      bool // whoever asked can put it right
	passing     bool // fresher credentials may do
	message     bool // the cloud's own words say which value it is about
	means, todo backup.Text
}

// Explain says what a code means and what can be done about it. Codes of
// AssumeRole begin with "AssumeRole.", those of the portal itself with
// "portal.". An unknown code has no explanation.
func (*Client) Explain(code string) backup.Explanation {
	known, _ := meaningOf(code)
	return backup.Explanation{Means: known.means, Todo: known.todo, Caller: known.caller}
}

// ExplainJob is Explain for the code with which a job ended, or with which a
// request about a job was answered: there is a job then, and no question whether
// another one may be started.
func (*Client) ExplainJob(code string) backup.Explanation {
	for _, m := range jobMeanings {
		if m.matches(code) {
			return backup.Explanation{Means: m.means, Todo: m.todo}
		}
	}
	known, _ := meaningOf(code)
	return backup.Explanation{Means: known.means, Todo: known.todo, Caller: known.caller}
}

// meaningOf finds a code in the table: the first pattern that matches. What
// is not said of AssumeRole apart holds for it as for every operation.
func meaningOf(code string) (meaning, bool) {
	for _, m := range meanings {
		if m.matches(code) {
			return m, true
		}
	}
	if common, ok := strings.CutPrefix(code, assumeRolePrefix); ok {
		return meaningOf(common)
	}
	return meaning{}, false
}

func (m meaning) matches(code string) bool {
	for pattern := range strings.FieldsSeq(m.codes) {
		if ok, err := path.Match(pattern, code); ok && err == nil {
			return true
		}
	}
	return false
}

// Sentences that several codes share.
var (
	tellOperator = both("Tell the operator of this portal.", "请联系本门户的管理员。")
	tryAgain     = both("Try again in a minute.", "请稍后重试。")
	beingChecked = both("A job may have been started. The portal looks for it in the list of jobs; do not start another one meanwhile.",
		"任务可能已经启动。门户正在任务列表中核实，请勿重复提交。")
	runAgain  = both("Run the backup again. If that fails too, tell the operator of this portal.", "请再备份一次；若仍失败，请联系本门户的管理员。")
	correctIt = both("Correct the value and send it again.", "请更正后重新提交。")
)
