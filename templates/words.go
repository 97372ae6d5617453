package templates

import (
	"context"

	"backupportal/function/backup"
)

// in writes a text in the reader's language.
func in(ctx context.Context, t backup.Text, args ...any) string {
	return t.Fill(Language(ctx), args...)
}

// pair is a text in both languages: go vet wants the names of another
// package's struct fields, which would drown the words.
func pair(en, zh string) backup.Text { return backup.Text{En: en, Zh: zh} }

// Words of the shell.
var (
	wordBrand      = pair("Backup Desk", "备份服务台")
	wordSkip       = pair("Skip to main content", "跳到主要内容")
	wordNew        = pair("New backup", "新建备份")
	wordHistory    = pair("History", "历史记录")
	wordAPI        = pair("API", "API")
	wordMain       = pair("Main", "主导航")
	wordLanguage   = pair("Language", "语言")
	wordDark       = pair("Dark theme", "深色主题")
	wordSignOut    = pair("Sign out", "退出登录")
	wordFooter     = pair("Backups are made by Alibaba Cloud Backup. Nothing starts until you confirm.", "备份由阿里云云备份执行。确认之前不会开始任何操作。")
	wordNotice     = pair("Notice", "提示")
	wordDemo       = pair("Demonstration: nothing here reaches Alibaba Cloud.", "演示环境：所有操作都不会到达阿里云。")
	wordDemoAs     = pair("Demonstration: nothing here reaches Alibaba Cloud. You are signed in as %v.", "演示环境：所有操作都不会到达阿里云。您以 %v 身份登录。")
	wordEphemeral  = pair("Submissions are kept on this instance only and may be forgotten; each backup is looked up in the cloud first. Set DATABASE_URL.", "提交记录只保存在当前实例，可能丢失；每次备份前都会先查询云端。请设置 DATABASE_URL。")
	wordDisabled   = pair("New backups are switched off at the moment.", "目前已停止新建备份。")
	wordStrange    = pair("These parts of the link mean nothing here: %v", "链接中的以下部分在此无效：%v")
	wordErrorTitle = pair("Error: ", "错误：")
)

// Words that several pages share.
var (
	wordStep     = pair("Step %d of 3", "第 %d 步，共 3 步")
	wordBack     = pair("Back", "返回")
	wordContinue = pair("Continue", "继续")
	wordChange   = pair("Change", "修改")
	wordSelect   = pair("Select", "请选择")
	wordYes      = pair("Yes", "是")
	wordNo       = pair("No", "否")
	wordOptional = pair("(optional)", "（选填）")
	wordNotGiven = pair("Not given", "未填写")
	wordProblem  = pair("There is a problem", "请更正以下问题")
	wordBefore   = pair("Before you start", "开始之前")
	wordCopy     = pair("Copy", "复制")
	wordDone     = pair("Copied", "已复制")
	wordKept     = pair("Kept until about %v", "大约保留到 %v")
	wordLegacy   = pair("Legacy: newer API pages describe whole instances only. The service may refuse this kind; its answer is shown as it is.", "旧版类型：较新的 API 文档只描述整机备份。服务可能拒绝，其答复会原样显示。")
	wordNoGrant  = pair("Granted by no rule of yours", "您的规则均未授权")
)
