package backup

import (
	"backupportal/function/param"
)

// An Explanation is a code of the cloud in words.
type Explanation struct {
	Means, Todo param.Text // what it means, and what can be done; empty for an unknown code
	Caller      bool       // whoever asked can put it right; otherwise an operator must
}

// Explain says what a code means and what can be done about it: one of the
// cloud's, or one of those that Submit writes itself.
func (s *Service) Explain(code string) Explanation {
	switch code {
	case gaveUp:
		return Explanation{
			Means: param.Both("The request was tried many times, and Cloud Backup never made a job of it.", "请求已尝试多次，云备份始终没有创建任务。"),
			Todo:  param.Both("Ask again with a new form, or a new key.", "请使用新的表单或新的键重新提交。"), Caller: true,
		}
	case notListed:
		return Explanation{
			Means: param.Both("The answer was lost, and Cloud Backup lists no such job.", "未收到答复，且云备份中没有对应的任务。"),
			Todo:  param.Both("The same request can be sent again.", "可以再次提交同一请求。"), Caller: true,
		}
	}
	return s.Cloud.Explain(code)
}

// ExplainJob says what a code means with which a job ended, or a request about
// one was answered.
func (s *Service) ExplainJob(code string) Explanation { return s.Cloud.ExplainJob(code) }
