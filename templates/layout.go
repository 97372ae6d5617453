package templates

import (
	"slices"

	"backupportal/function/param"
)

// A section is one card of the form, and the same part of the check page.
type section struct {
	id      string
	title   param.Text
	entries []entry
}

// An entry is one question of the form. Its name is that of a field, or "choice." and the name of a
// field. A choice is a control that only shows and hides other controls. It is not a parameter.
type entry struct {
	name    string
	reveals []reveal
}

// A reveal is a group of controls that is shown only while the control above it has this value.
type reveal struct {
	value string
	names []string // the fields that it shows
	rows  string   // the field whose rows it shows; empty if it shows fields
}

// revealed returns the controls that are shown while the entry has the given value.
func (e entry) revealed(value string) (reveal, bool) {
	for _, r := range e.reveals {
		if r.value == value {
			return r, true
		}
	}
	return reveal{}, false
}

// holds reports whether r contains the field called name.
func (r reveal) holds(name string) bool {
	return name != "" && (r.rows == name || slices.Contains(r.names, name))
}

// holds reports whether one of the reveals contains the field called name.
func (e entry) holds(name string) bool {
	return slices.ContainsFunc(e.reveals, func(r reveal) bool { return r.holds(name) })
}

// revealedAnywhere reports whether the field is inside a reveal of the form.
func revealedAnywhere(s param.SourceType, name string) bool {
	return slices.ContainsFunc(layout[s], func(s section) bool {
		return slices.ContainsFunc(s.entries, func(e entry) bool { return e.holds(name) })
	})
}

// ask returns entries of the form for these fields, without further controls that depend on
// them.
func ask(names ...string) []entry {
	entries := make([]entry, len(names))
	for i, name := range names {
		entries[i].name = name
	}
	return entries
}

var (
	titleAccount     = param.Both("Account and region", "账号与地域")
	titleWhat        = param.Both("What to back up", "备份内容")
	titleConsistency = param.Both("Consistency", "一致性")
	titleSpeed       = param.Both("Speed", "速度")
	titleKeeping     = param.Both("Retention, name and copy", "保留、名称与副本")
	titleNote        = param.Both("For the records", "备注")
	titleRare        = param.Both("Advanced options", "高级选项")
)

// layout is the order of the form for each kind of backup. Labels and types are in param.Fields.
var layout = map[param.SourceType][]section{
	param.UDMECS: {
		{"account", titleAccount, ask("Account", "Region")},
		{"what", titleWhat, []entry{
			{name: "InstanceId"},
			{"choice.Detail.diskIdList", []reveal{{value: "some", names: []string{"Detail.diskIdList"}}}},
			{name: "Detail.snapshotGroup"},
		}},
		{"consistency", titleConsistency, []entry{
			{"choice.Detail.appConsistent", []reveal{
				{value: "scripts", names: []string{
					"Detail.preScriptPath",
					"Detail.postScriptPath",
					"Detail.enableFsFreeze",
					"Detail.timeoutInSeconds",
				}},
				{value: "writers", names: []string{"Detail.enableWriters"}},
			}},
		}},
		{"keeping", titleKeeping, append(ask("Retention", "JobName"),
			entry{"Detail.doCopy", []reveal{{
				value: "true",
				names: []string{"Detail.destinationRegionId", "Detail.destinationRetention"},
			}}})},
		{"note", titleNote, ask("Reason", "Ticket")},
	},
	param.ECSFile: {
		{"account", titleAccount, ask("Account", "Region")},
		{"what", titleWhat, ask("InstanceId", "VaultId", "Include", "Exclude", "BackupType", "Options.UseVSS")},
		{"speed", titleSpeed, []entry{{"choice.SpeedLimit", []reveal{{value: "hours", rows: "SpeedLimit"}}}}},
		{"keeping", titleKeeping, ask("Retention", "JobName")},
		{"note", titleNote, ask("Reason", "Ticket")},
	},
	param.Container: {
		{"account", titleAccount, ask("Account", "Region")},
		{"what", titleWhat, append(ask("ContainerClusterId", "VaultId"),
			entry{"choice.ContainerResources", []reveal{
				{value: "rows", rows: "ContainerResources"},
				{value: "json", names: []string{"ContainerResources"}},
			}},
			entry{name: "BackupType"})},
		{"keeping", titleKeeping, ask("Retention", "JobName")},
		{"note", titleNote, ask("Reason", "Ticket")},
		{"rare", titleRare, ask("ClusterId", "InitiatedByAck")},
	},
}

// prerequisites are the conditions that a person should check before filling in the form, by
// source type.
var prerequisites = map[param.SourceType][]param.Text{
	param.UDMECS: {
		param.Both("The instance can keep running.", "实例可以保持运行。"),
		param.Both("Every disk must be a cloud disk, not a local one.", "所有磁盘须为云盘，不能是本地盘。"),
	},
	param.ECSFile: {
		param.Both("The backup client must be installed on the instance.", "实例上须已安装备份客户端。"),
		param.Both("The first backup copies all data. Later backups copy changed data only.", "首次备份复制全部数据，之后的备份只复制变化的数据。"),
	},
	param.Container: {
		param.Both("The cluster must be registered in Cloud Backup.", "集群须已在云备份中注册。"),
		param.Both("Each volume must be in use by a running pod.", "每个存储卷须正被运行中的 Pod 使用。"),
	},
}

// A choice is a control that is not a parameter of the API, such as "all disks or some".
type choice struct {
	label   param.Text
	options []param.Choice
}

// choices are the controls called "choice." and a field. The first option is the default.
var choices = map[string]choice{
	"choice.Detail.diskIdList": {param.Both("Disks", "云盘"), []param.Choice{
		{Value: "all", Label: param.Both("All disks", "全部云盘")},
		{Value: "some", Label: param.Both("Selected disks", "指定云盘")},
	}},
	"choice.Detail.appConsistent": {labelOf("Detail.appConsistent"), []param.Choice{
		{
			Value: "crash",
			Label: param.Both("Crash-consistent", "崩溃一致性"),
			Help:  param.Both("As after a power cut. Right for most machines; nothing is run on the machine", "相当于断电时的状态。适合大多数实例，不在实例上运行任何程序"),
		},
		{
			Value: "scripts",
			Label: param.Both("Application-consistent, with scripts (Linux)", "应用一致性（脚本，Linux）"),
			Help:  pauseHelp,
		},
		{
			Value: "writers",
			Label: param.Both("Application-consistent, with VSS (Windows)", "应用一致性（VSS，Windows）"),
			Help:  pauseHelp,
		},
	}},
	"choice.SpeedLimit": {param.Both("Limit the speed?", "是否限速？"), []param.Choice{
		{Value: "none", Label: param.Both("No limit", "不限速")},
		{Value: "hours", Label: param.Both("Limit during certain hours", "在指定时段限速")},
	}},
	"choice.ContainerResources": {labelOf("ContainerResources"), []param.Choice{
		{Value: "rows", Label: param.Both("Fill in", "逐项填写")},
		{Value: "json", Label: param.Both("Paste JSON", "粘贴 JSON")},
	}},
}

// pauseHelp is the hint of the choices that pause applications.
var pauseHelp = param.Both("Requires ESSDs, Cloud Assistant and an instance RAM role for snapshots", "需要 ESSD 云盘、云助手和允许创建快照的实例 RAM 角色")

// booleans are the options of boolean fields that are true by default. Other fields have yes and
// no.
var booleans = map[string][]param.Choice{
	"Detail.enableWriters": {
		{Value: "true", Label: param.Both("Application-consistent", "应用一致性")},
		{Value: "false", Label: param.Both("File-system-consistent", "文件系统一致性")},
	},
}

// yesNo are the options "yes" and "no" of boolean fields that are false by default.
var yesNo = []param.Choice{{Value: "true", Label: wordYes}, {Value: "false", Label: wordNo}}

// A part is one control in a row, such as the start of a time range.
type part struct{ label, hint param.Text }

// parts are the controls in rows, by name; param.Fields does not have them.
var parts = map[string]part{
	"start":         {label: param.Both("From", "从")},
	"end":           {label: param.Both("To", "到")},
	"bandwidth":     {label: param.Both("Speed limit", "限速")},
	"unit":          {label: param.Both("Unit", "单位")},
	"namespace":     {label: param.Both("Namespace", "命名空间")},
	"pvc_name":      {label: param.Both("Claim (PVC)", "存储声明（PVC）")},
	"pv_name":       {label: param.Both("Volume (PV)", "存储卷（PV）")},
	"resourceId":    {param.Both("Volume ID", "存储卷 ID"), param.Both("As shown in Cloud Backup", "与云备份中显示的一致")},
	"pv_size":       {param.Both("Size", "容量"), param.Both("Such as 8Gi", "例如 8Gi")},
	"storage_class": {label: param.Both("Storage class", "存储类")},
	"host": {
		param.Both("Node", "节点"),
		param.Both("Such as cn-hangzhou.192.168.13.133", "例如 cn-hangzhou.192.168.13.133"),
	},
	"hostPrefix": {
		param.Both("Folder on the node", "节点上的目录"),
		param.Both("Below the node's pod directory", "位于节点的 Pod 目录之下"),
	},
	"pvPath": {label: param.Both("Path in the volume", "存储卷内路径")},
}

// labelOf returns the label of the field called name.
func labelOf(name string) param.Text {
	f, _ := param.FieldNamed(name)
	return f.Label
}
