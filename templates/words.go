package templates

import (
	"context"

	"backupportal/function/param"
)

// in returns the text in the reader's language (from ctx), with args in place of its verbs.
func in(ctx context.Context, t param.Text, args ...any) string {
	return t.Fill(Language(ctx), args...)
}

// Texts of the shell.
var (
	wordBrand      = param.Both("Backup Portal", "备份门户")
	wordSkip       = param.Both("Skip to main content", "跳到主要内容")
	wordNew        = param.Both("New backup", "新建备份")
	wordHistory    = param.Both("History", "历史记录")
	wordAPI        = param.Both("API", "API")
	wordMain       = param.Both("Main", "主导航")
	wordLanguage   = param.Both("Language", "语言")
	wordDark       = param.Both("Dark theme", "深色主题")
	wordSignOut    = param.Both("Sign out", "退出登录")
	wordFooter     = param.Both("Backups are made by Alibaba Cloud Backup. Nothing starts until you confirm.", "备份由阿里云云备份执行。确认之前不会开始任何操作。")
	wordVersion    = param.Both("Version %v", "版本 %v")
	wordNotice     = param.Both("Notice", "提示")
	wordDemo       = param.Both("Demo: no request is sent to Alibaba Cloud.", "演示环境：不会向阿里云发送任何请求。")
	wordDemoAs     = param.Both("Demo: no request is sent to Alibaba Cloud. You are signed in as %v.", "演示环境：不会向阿里云发送任何请求。您以 %v 身份登录。")
	wordEphemeral  = param.Both("Submissions are stored on this instance only and may be lost. Before each backup, the portal checks the cloud for an existing job. Set DATABASE_URL.", "提交记录只保存在当前实例，可能丢失。每次备份前，门户会先在云端查询是否已有任务。请设置 DATABASE_URL。")
	wordDisabled   = param.Both("New backups are currently disabled.", "新建备份功能目前已停用。")
	wordStrange    = param.Both("These parts of the link were ignored: %v", "已忽略链接中的以下部分：%v")
	wordErrorTitle = param.Both("Error: ", "错误：")
)

// Texts that several pages use.
var (
	wordStep     = param.Both("Step %d of 3", "第 %d 步，共 3 步")
	wordBack     = param.Both("Back", "返回")
	wordContinue = param.Both("Continue", "继续")
	wordChange   = param.Both("Change", "修改")
	wordSelect   = param.Both("Select", "请选择")
	wordYes      = param.Both("Yes", "是")
	wordNo       = param.Both("No", "否")
	wordOptional = param.Both("(optional)", "（选填）")
	wordNotGiven = param.Both("Not given", "未填写")
	wordProblem  = param.Both("There is a problem", "请更正以下问题")
	wordBefore   = param.Both("Before you start", "开始之前")
	wordCopy     = param.Both("Copy", "复制")
	wordDone     = param.Both("Copied", "已复制")
	wordKept     = param.Both("Kept until about %v", "大约保留到 %v")
	wordLegacy   = param.Both("Cloud Backup may refuse this type of backup. Its answer is shown unchanged.", "云备份可能拒绝此类型，其返回内容会原样显示。")
	wordNoGrant  = param.Both("No rule allows this", "没有规则授权此操作")
)
