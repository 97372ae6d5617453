package templates

import (
	"context"
	"net/url"
	"slices"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

var (
	wordRestore      = param.Both("How to restore", "如何恢复")
	wordRestoreIn    = param.Both("Sign in to the account %v, and choose the region %v.", "请登录账号 %v，并选择地域 %v。")
	wordRestoreHow   = param.Both("In Cloud Backup, open “ECS Instance Backup” and search for %v. A restore to a new instance leaves %v as it is.", "在云备份中打开“ECS 整机备份”，搜索 %[1]v。恢复为新实例不会影响 %[2]v。")
	wordRestoreFile  = param.Both("In Cloud Backup, open “ECS File Backup” and search for %v. Restore to a new folder first: a restore to the old one overwrites files.", "在云备份中打开“ECS 文件备份”，搜索 %v。请先恢复到新目录：恢复到原目录会覆盖文件。")
	wordRestoreVol   = param.Both("In Cloud Backup, open “Container Backup” and the cluster %v.", "在云备份中打开“容器备份”，进入集群 %v。")
	wordRestoreOnly  = param.Both("This is a cross-account backup: it is restored from the account %v, which holds it, and only to the account %v.", "这是跨账号备份：备份由账号 %v 保管，需在该账号中恢复，且只能恢复到账号 %v。")
	wordConsole      = param.Both("Open the Cloud Backup console", "打开云备份控制台")
	wordInstance     = param.Both("Show %v in the ECS console", "在 ECS 控制台查看 %v")
	wordDryRunFirst  = param.Both("Run it with --dryrun first: the CLI then only prints the request. Then run it without --dryrun. Replace the words in capitals.", "请先带 --dryrun 运行：CLI 只打印请求，不会发送。确认后去掉 --dryrun 再运行。请替换大写的占位词。")
	wordPrint        = param.Both("Print the receipt", "打印回执")
	wordOneEarlier   = param.Both("The last backup took %v.", "上次备份耗时 %v。")
	wordTwoEarlier   = param.Both("The last two backups took %v to %v.", "最近两次备份耗时 %v 至 %v。")
	wordThreeEarlier = param.Both("The last three backups took %v to %v.", "最近三次备份耗时 %v 至 %v。")
	wordBy           = param.Both("By %v", "由 %v 发起")
)

// consoleAddress is the address of the console of Cloud Backup. The vendor documents no address
// for a single resource.
const consoleAddress = "https://hbr.console.aliyun.com/"

// instanceAddress returns the address of the instance in the ECS console; empty for a cluster.
func (p StatusPage) instanceAddress() string {
	id := p.Record.Params["InstanceId"]
	if id == "" || p.source() == param.Container {
		return ""
	}
	return "https://ecs.console.aliyun.com/server/" + url.PathEscape(id) + "/detail?" + url.Values{"regionId": {p.Record.Region()}}.Encode()
}

// restoreLines returns where and how to restore the backup in the console.
func (p StatusPage) restoreLines(ctx context.Context) []string {
	account := in(ctx, param.Both("%v (%v)", "%v（%v）"), p.account(ctx), p.Record.AccountID)
	where := account
	var lines []string
	if p.Record.Access == backup.HBRCrossAccount {
		where = p.Record.CallerID
		lines = append(lines, in(ctx, wordRestoreOnly, where, account))
	}
	lines = append([]string{in(ctx, wordRestoreIn, where, regionLabel(ctx, p.Record.Region()))}, lines...)
	switch p.source() {
	case param.ECSFile:
		return append(lines, in(ctx, wordRestoreFile, p.Record.Title()))
	case param.Container:
		return append(lines, in(ctx, wordRestoreVol, p.Record.Complete["ContainerClusterId"]))
	}
	return append(lines, in(ctx, wordRestoreHow, p.Record.Title(), p.name()))
}

// hasBackup reports whether there is a backup to restore.
func (p StatusPage) hasBackup() bool {
	return p.State == backup.StateComplete || p.State == backup.StatePartialComplete
}

// earlier returns in words how long earlier backups took. It is empty without earlier backups,
// after the end of the job, and while it is being cancelled.
func (p StatusPage) earlier(ctx context.Context) string {
	if len(p.Earlier) == 0 || p.State == backup.StateCanceling || p.State.IsTerminal() {
		return ""
	}
	shortest, longest := brief(ctx, slices.Min(p.Earlier)), brief(ctx, slices.Max(p.Earlier))
	sentence := [...]param.Text{wordOneEarlier, wordTwoEarlier, wordThreeEarlier}[min(len(p.Earlier), 3)-1]
	if len(p.Earlier) == 1 {
		return in(ctx, sentence, longest)
	}
	return in(ctx, sentence, shortest, longest)
}

// by returns the words "By NAME"; empty without a name.
func by(ctx context.Context, name string) string {
	if name == "" {
		return ""
	}
	return in(ctx, wordBy, name)
}

// tookFact returns the line with the duration of the job; false before the end of the job.
func (p StatusPage) tookFact(ctx context.Context) (fact, bool) {
	if p.Record.Job.CompleteTime.IsZero() {
		return fact{}, false
	}
	took, ok := p.took(ctx, time.Time{})
	return fact{label: in(ctx, param.Both("Took", "耗时")), lines: nonEmpty(took)}, ok
}
