package templates

import (
	"context"
	"slices"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// hasInputs reports whether the form of the check page has inputs, which all of its buttons must send.
func (p CheckPage) hasInputs() bool { return p.Draft == "" || len(p.Receivers) > 0 }

// again returns the address of the buttons that draw the check page again.
func (p CheckPage) again() string {
	if p.Draft != "" {
		return p.Draft + "/check"
	}
	return "/drafts"
}

// receiversID returns the id of the first box of the receivers, for the link of a mistake about them.
func receiversID(param.Mistake) string { return ControlID("Notify") }

// receiverBoxes returns the boxes of the receivers that the person may choose.
func (p CheckPage) receiverBoxes(ctx context.Context) control {
	field, _ := param.FieldNamed("Notify")
	c := control{id: receiversID(param.Mistake{}), name: field.Name, label: in(ctx, field.Label), hint: in(ctx, wordTellHow)}
	for _, r := range p.Receivers {
		c.options = append(c.options, option{value: r.Name, label: r.Name, hint: in(ctx, kindName(r.Kind)), on: slices.Contains(p.Chosen, r.Name)})
	}
	for _, m := range p.Wrong {
		c.errors = append(c.errors, m.In(Language(ctx)))
	}
	return c
}

// kindName returns the name of a kind of receiver for people.
func kindName(k backup.ReceiverKind) param.Text {
	switch k {
	case backup.DingTalk:
		return param.Both("DingTalk", "钉钉")
	case backup.Feishu:
		return param.Both("Feishu", "飞书")
	case backup.WeCom:
		return param.Both("WeCom", "企业微信")
	case backup.Slack:
		return param.Both("Slack", "Slack")
	}
	return param.Both("Webhook", "Webhook")
}

var wordTellHow = param.Both("These get a message when the backup has ended, beside those that the policy always tells", "备份结束后，除策略固定通知的接收方外，还会通知以下接收方")
