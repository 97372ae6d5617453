package templates

import (
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// ReceiversPage is the page with the receivers of notifications, for operators.
type ReceiversPage struct {
	Shell
	Receivers []backup.Receiver // the receivers of the policy, without their URLs and secrets
	Sent      string            // name of a receiver that has confirmed a test message; empty if none was sent
	Failed    string            // name of a receiver that has not confirmed one
	Why       string            // why, if Failed is set
}

// Texts of the page.
var (
	wordReceivers     = param.Both("Notifications", "通知")
	wordReceiversLede = param.Both("Receivers that the policy tells about backups. A test message says that it is one. It is sent once, and recorded in the audit trail.", "策略中接收备份通知的接收方。测试消息会标明其为测试，只发送一次，并记入审计记录。")
	wordNoReceivers   = param.Both("The policy names no receivers. Add them under the key notifications.", "策略未配置接收方。请在 notifications 键下添加。")
	wordReceiver      = param.Both("Receiver", "接收方")
	wordReceiverKind  = param.Both("Format", "格式")
	wordReceiverOf    = param.Both("Events", "事件")
	wordOnlyChosen    = param.Both("only backups whose requester chose it", "仅限申请人选择了它的备份")
	wordAllAccounts   = param.Both("all accounts", "所有账号")
	wordSendTest      = param.Both("Send a test message", "发送测试消息")
	wordTestTo        = param.Both("Send a test message to %v", "向 %v 发送测试消息")
	wordTestSent      = param.Both("%v confirmed the test message.", "%v 已确认收到测试消息。")
	wordTestFailed    = param.Both("%v did not confirm the test message: %v", "%v 未确认测试消息：%v")
)

// eventNames returns the names of the events of a receiver, as in the policy.
func eventNames(r backup.Receiver) string {
	var names []string
	for _, e := range r.Events {
		names = append(names, string(e))
	}
	return strings.Join(names, ", ")
}
