package policy

import (
	"backupportal/function/param"
)

// Messages about backups that the policy refuses. Each message is the Text of a [param.Mistake] with
// the code "policy".
var (
	msgSwitchedOff = param.Text{En: "New backups are currently disabled", Zh: "新建备份功能目前已停用"}
	msgNoAccount   = param.Text{En: "You have no access to an account “%v”", Zh: "您没有账号“%v”的访问权限"}
	msgAccountOff  = param.Text{En: "Account “%v” is currently disabled", Zh: "账号“%v”目前已停用"}
	msgNoRegion    = param.Text{En: "Region %[2]v is not enabled for account “%[1]v”", Zh: "账号“%v”未启用地域 %v"}
	msgNoRule      = param.Text{En: "No rule allows this backup", Zh: "没有规则授权此备份"}
	msgNotCovered  = param.Text{En: "Rule “%v” does not include this %v", Zh: "规则“%v”不包含此%v"}
	msgEnforced    = param.Text{En: "Rule “%v” requires the value %v", Zh: "规则“%v”要求该值为 %v"}
	msgTagsUnread  = param.Text{En: "Rule “%v” depends on the tags of the instance, which cannot be read at the moment", Zh: "规则“%v”取决于实例标签，目前无法读取标签"}
	msgWhy         = param.Text{En: "Rule “%v” requires a reason: enter why you need this backup", Zh: "规则“%v”要求填写备份原因"}
	msgTicket      = param.Text{En: "Rule “%v” requires a ticket%v", Zh: "规则“%v”要求填写工单号%v"}
	msgTicketForm  = param.Text{En: "Rule “%v” does not accept this ticket%v", Zh: "规则“%v”不接受此工单号%v"}
	msgDays        = param.Text{En: "Rule “%v” allows %v to %v days", Zh: "规则“%v”允许 %v 至 %v 天"}
)

// The nouns for msgNotCovered.
var (
	nounAccount    = param.Text{En: "account", Zh: "账号"}
	nounRegion     = param.Text{En: "region", Zh: "地域"}
	nounSource     = param.Text{En: "type of backup", Zh: "数据源类型"}
	nounInstance   = param.Text{En: "instance", Zh: "实例"}
	nounCluster    = param.Text{En: "cluster", Zh: "集群"}
	nounVault      = param.Text{En: "backup vault", Zh: "备份库"}
	nounScript     = param.Text{En: "script", Zh: "脚本"}
	nounCopy       = param.Text{En: "copy in another region", Zh: "异地副本"}
	nounReceiver   = param.Text{En: "receiver", Zh: "接收方"}
	nounCopyRegion = param.Text{En: "region of the copy", Zh: "副本所在地域"}
)

// mistake returns a refusal of the policy. field is the parameter, or "" for the whole
// request.
func mistake(field string, text param.Text, args ...any) param.Mistake {
	return param.Mistake{Field: field, Code: "policy", Text: text, Args: args}
}

// notCovered returns the mistake for a value that r does not allow; noun names the value.
func (r rule) notCovered(field string, noun param.Text) param.Mistake {
	return r.explained(mistake(field, msgNotCovered, r.id, noun))
}

// outsideDays returns the mistake for a retention that is not in d.
func (r rule) outsideDays(field string, d days) param.Mistake {
	return r.explained(mistake(field, msgDays, r.id, param.Count(d.min), param.Count(d.max)))
}

// explained returns m with the id of r, its reason and the owner to ask, if the policy file has
// them. They are arguments and not part of the text, because they may contain "%".
func (r rule) explained(m param.Mistake) param.Mistake {
	m.Rule = &param.RuleInfo{ID: r.id, Reason: r.reason, Owner: r.owner}
	if r.reason != (param.Text{}) {
		m.Text = param.Text{En: m.Text.En + ". %v", Zh: m.Text.Zh + "。%v"}
		m.Args = append(m.Args, r.reason)
	}
	if r.owner != (param.Text{}) {
		m.Text = param.Text{En: m.Text.En + ". Contact: %v", Zh: m.Text.Zh + "。请联系：%v"}
		m.Args = append(m.Args, r.owner)
	}
	return m
}
