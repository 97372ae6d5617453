package policy

import (
	"backupportal/function/param"
)

// The sentences of refusals. Their code is always "policy".
var (
	msgSwitchedOff = param.Text{En: "New backups are currently disabled", Zh: "新建备份功能目前已停用"}
	msgNoAccount   = param.Text{En: "You have no access to an account “%v”", Zh: "您没有账号“%v”的访问权限"}
	msgAccountOff  = param.Text{En: "Account “%v” is currently disabled", Zh: "账号“%v”目前已停用"}
	msgNoRegion    = param.Text{En: "Region %[2]v is not enabled for account “%[1]v”", Zh: "账号“%v”未启用地域 %v"}
	msgNoRule      = param.Text{En: "No rule allows this backup", Zh: "没有规则授权此备份"}
	msgLeavesOut   = param.Text{En: "Rule “%v” does not include this %v", Zh: "规则“%v”不包含此%v"}
	msgEnforced    = param.Text{En: "Rule “%v” requires the value %v", Zh: "规则“%v”要求该值为 %v"}
	msgTagsUnread  = param.Text{En: "Rule “%v” depends on the tags of the instance, which cannot be read at the moment", Zh: "规则“%v”取决于实例标签，目前无法读取标签"}
	msgDays        = param.Text{En: "Rule “%v” allows %v to %v days", Zh: "规则“%v”允许 %v 至 %v 天"}
)

// What a rule may not cover, inside msgLeavesOut.
var (
	nounAccount    = param.Text{En: "account", Zh: "账号"}
	nounRegion     = param.Text{En: "region", Zh: "地域"}
	nounSource     = param.Text{En: "source type", Zh: "数据源类型"}
	nounInstance   = param.Text{En: "instance", Zh: "实例"}
	nounCluster    = param.Text{En: "cluster", Zh: "集群"}
	nounVault      = param.Text{En: "backup vault", Zh: "备份库"}
	nounScript     = param.Text{En: "script", Zh: "脚本"}
	nounCopy       = param.Text{En: "copy in another region", Zh: "异地副本"}
	nounCopyRegion = param.Text{En: "region of the copy", Zh: "副本所在地域"}
)

func mistake(field string, text param.Text, args ...any) param.Mistake {
	return param.Mistake{Field: field, Code: "policy", Text: text, Args: args}
}

// leavesOut is the mistake of a value that r does not list.
func (r rule) leavesOut(field string, noun param.Text) param.Mistake {
	return r.explained(mistake(field, msgLeavesOut, r.id, noun))
}

// allowsDays is the mistake of a retention outside d.
func (r rule) allowsDays(field string, d days) param.Mistake {
	return r.explained(mistake(field, msgDays, r.id, param.Count(d.min), param.Count(d.max)))
}

// explained adds why r is so, and whom to ask, as far as the file says. They
// are arguments and not part of the text, since they may hold percent signs.
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
