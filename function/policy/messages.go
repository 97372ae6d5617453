package policy

import (
	"backupportal/function/param"
)

// The sentences of refusals. The code of all of them is "policy".
var (
	msgSwitchedOff = param.Text{En: "New backups are switched off at the moment", Zh: "目前已停止新建备份"}
	msgNoAccount   = param.Text{En: "There is no account “%v” for you", Zh: "没有可供您使用的账号“%v”"}
	msgAccountOff  = param.Text{En: "Account “%v” is switched off at the moment", Zh: "账号“%v”目前已停用"}
	msgNoRegion    = param.Text{En: "Account “%v” has no region %v", Zh: "账号“%v”没有地域 %v"}
	msgNoRule      = param.Text{En: "No rule allows this backup", Zh: "没有规则允许此备份"}
	msgNotCovered  = param.Text{En: "Rule “%v” does not cover this %v", Zh: "规则“%v”不包含此%v"}
	msgEnforced    = param.Text{En: "Rule “%v” has it as %v, and nothing else", Zh: "规则“%v”规定其为 %v，不可更改"}
	msgTagsUnread  = param.Text{En: "Rule “%v” goes by the tags of the instance, which cannot be read at the moment", Zh: "规则“%v”以实例标签为准，目前无法读取标签"}
	msgDays        = param.Text{En: "Rule “%v” allows %v to %v days", Zh: "规则“%v”允许 %v 至 %v 天"}
)

// The nouns for msgNotCovered.
var (
	nounAccount    = param.Text{En: "account", Zh: "账号"}
	nounRegion     = param.Text{En: "region", Zh: "地域"}
	nounSource     = param.Text{En: "kind of backup", Zh: "备份类型"}
	nounInstance   = param.Text{En: "instance", Zh: "实例"}
	nounCluster    = param.Text{En: "cluster", Zh: "集群"}
	nounVault      = param.Text{En: "backup vault", Zh: "备份库"}
	nounScript     = param.Text{En: "script", Zh: "脚本"}
	nounCopy       = param.Text{En: "copy in another region", Zh: "异地副本"}
	nounCopyRegion = param.Text{En: "region of the copy", Zh: "副本所在地域"}
)

// mistake returns a refusal of the policy. Field is the parameter, or "" for the whole
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

// explained adds to m the id of r and, if the file gives them, the reason of r and whom to
// ask. They become arguments and not a part of the text, because they may contain "%".
func (r rule) explained(m param.Mistake) param.Mistake {
	m.Rule = &param.RuleInfo{ID: r.id, Reason: r.reason, Owner: r.owner}
	if r.reason != (param.Text{}) {
		m.Text = param.Text{En: m.Text.En + ". %v", Zh: m.Text.Zh + "。%v"}
		m.Args = append(m.Args, r.reason)
	}
	if r.owner != "" {
		m.Text = param.Text{En: m.Text.En + ". Ask: %v", Zh: m.Text.Zh + "。请联系：%v"}
		m.Args = append(m.Args, r.owner)
	}
	return m
}
