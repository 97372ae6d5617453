package templates

import (
	"slices"

	"backupportal/function/backup"
)

// A section is one card of the form, and one of the check page.
type section struct {
	id      string
	title   backup.Text
	entries []entry
}

// An entry is one question of the form: a field by its name, or, with
// "choice." before it, a control that only shows or hides others.
type entry struct {
	name    string
	reveals []reveal
}

// A reveal is shown while the control above it has the value.
type reveal struct {
	value string
	names []string // of the fields in it
	rows  string   // or the field whose rows are in it
}

// revealed is what the entry shows while it has the value.
func (e entry) revealed(value string) (reveal, bool) {
	for _, r := range e.reveals {
		if r.value == value {
			return r, true
		}
	}
	return reveal{}, false
}

// holds reports whether the field called name is in r.
func (r reveal) holds(name string) bool {
	return name != "" && (r.rows == name || slices.Contains(r.names, name))
}

// holds reports whether the field called name is in one of the reveals.
func (e entry) holds(name string) bool {
	return slices.ContainsFunc(e.reveals, func(r reveal) bool { return r.holds(name) })
}

// revealedAnywhere reports whether some choice of the form shows the field.
func revealedAnywhere(s backup.SourceType, name string) bool {
	return slices.ContainsFunc(layout[s], func(s section) bool {
		return slices.ContainsFunc(s.entries, func(e entry) bool { return e.holds(name) })
	})
}

// ask lists plain questions.
func ask(names ...string) []entry {
	entries := make([]entry, len(names))
	for i, name := range names {
		entries[i].name = name
	}
	return entries
}

var (
	titleAccount     = pair("Account and region", "账号与地域")
	titleWhat        = pair("What to back up", "备份内容")
	titleConsistency = pair("Consistency", "一致性")
	titleSpeed       = pair("Speed", "速度")
	titleKeeping     = pair("Keeping it", "保留")
	titleRare        = pair("Rarely needed", "较少使用")
)

// layout is the order of the form for each kind of backup. What a field is
// called and takes stands in backup.Fields.
var layout = map[backup.SourceType][]section{
	backup.UDMECS: {
		{"account", titleAccount, ask("Account", "Region")},
		{"what", titleWhat, []entry{
			{name: "InstanceId"},
			{"choice.Detail.diskIdList", []reveal{{value: "some", names: []string{"Detail.diskIdList"}}}},
			{name: "Detail.snapshotGroup"},
		}},
		{"consistency", titleConsistency, []entry{
			{"choice.Detail.appConsistent", []reveal{
				{value: "scripts", names: []string{"Detail.preScriptPath", "Detail.postScriptPath", "Detail.enableFsFreeze", "Detail.timeoutInSeconds"}},
				{value: "writers", names: []string{"Detail.enableWriters"}},
			}},
		}},
		{"keeping", titleKeeping, append(ask("Retention", "JobName"),
			entry{"Detail.doCopy", []reveal{{value: "true", names: []string{"Detail.destinationRegionId", "Detail.destinationRetention"}}}})},
	},
	backup.ECSFile: {
		{"account", titleAccount, ask("Account", "Region")},
		{"what", titleWhat, ask("InstanceId", "VaultId", "Include", "Exclude", "BackupType", "Options.UseVSS")},
		{"speed", titleSpeed, []entry{{"choice.SpeedLimit", []reveal{{value: "hours", rows: "SpeedLimit"}}}}},
		{"keeping", titleKeeping, ask("Retention", "JobName")},
	},
	backup.Container: {
		{"account", titleAccount, ask("Account", "Region")},
		{"what", titleWhat, append(ask("ContainerClusterId", "VaultId"),
			entry{"choice.ContainerResources", []reveal{
				{value: "rows", rows: "ContainerResources"},
				{value: "json", names: []string{"ContainerResources"}},
			}},
			entry{name: "BackupType"})},
		{"keeping", titleKeeping, ask("Retention", "JobName")},
		{"rare", titleRare, ask("ClusterId", "InitiatedByAck")},
	},
}

// before is what one should know before filling in the form.
var before = map[backup.SourceType][]backup.Text{
	backup.UDMECS: {
		pair("The instance may keep running.", "实例可以保持运行。"),
		pair("Every disk must be a cloud disk, not a local one.", "所有磁盘须为云盘，不能是本地盘。"),
	},
	backup.ECSFile: {
		pair("The backup client is installed on the instance.", "实例上已安装备份客户端。"),
		pair("The first backup copies everything; later ones only what changed.", "首次备份复制全部内容，之后只复制变化部分。"),
	},
	backup.Container: {
		pair("The cluster is registered in Cloud Backup.", "集群已在云备份中登记。"),
		pair("Each volume is in use by a running pod.", "每个卷正被运行中的 Pod 使用。"),
	},
}

// A choice is a control that stands above fields, and is not one itself.
type choice struct {
	label   backup.Text
	options []backup.Choice
}

// choices are the controls called "choice." and a field. The first option of
// each is the default.
var choices = map[string]choice{
	"choice.Detail.diskIdList": {pair("Disks", "云盘"), []backup.Choice{
		{Value: "all", Label: pair("All disks", "全部云盘")},
		{Value: "some", Label: pair("Only some disks", "仅部分云盘")},
	}},
	"choice.Detail.appConsistent": {labelOf("Detail.appConsistent"), []backup.Choice{
		{Value: "crash", Label: pair("As if the power was cut", "崩溃一致（如同断电）"), Help: pair("Right for most machines", "适合大多数机器")},
		{Value: "scripts", Label: pair("Pause applications with scripts (Linux)", "用脚本暂停应用（Linux）"), Help: pauseHelp},
		{Value: "writers", Label: pair("Ask Windows to pause applications (VSS)", "由 Windows 暂停应用（VSS）"), Help: pauseHelp},
	}},
	"choice.SpeedLimit": {pair("Limit the speed?", "是否限速？"), []backup.Choice{
		{Value: "none", Label: pair("No limit", "不限速")},
		{Value: "hours", Label: pair("Limit it at certain hours", "在指定时段限速")},
	}},
	"choice.ContainerResources": {labelOf("ContainerResources"), []backup.Choice{
		{Value: "rows", Label: pair("Fill in", "逐项填写")},
		{Value: "json", Label: pair("Paste a list", "粘贴列表")},
	}},
}

var pauseHelp = pair("Needs ESSDs, Cloud Assistant and an instance role for snapshots", "需要 ESSD 云盘、云助手和允许创建快照的实例角色")

// booleans are the answers to questions that are on by default; those that
// are not here are answered by yes and no.
var booleans = map[string][]backup.Choice{
	"Detail.enableWriters": {
		{Value: "true", Label: pair("Application-consistent", "应用一致")},
		{Value: "false", Label: pair("File-system-consistent", "文件系统一致")},
	},
}

var yesNo = []backup.Choice{{Value: "true", Label: wordYes}, {Value: "false", Label: wordNo}}

// A part is what is asked in one control of a row.
type part struct{ label, hint backup.Text }

// parts are the controls of rows, which backup.Fields does not know.
var parts = map[string]part{
	"start":         {label: pair("From", "从")},
	"end":           {label: pair("To", "到")},
	"bandwidth":     {label: pair("Speed limit", "限速")},
	"unit":          {label: pair("Unit", "单位")},
	"namespace":     {label: pair("Namespace", "命名空间")},
	"pvc_name":      {label: pair("Claim (PVC)", "存储声明（PVC）")},
	"pv_name":       {label: pair("Volume (PV)", "持久卷（PV）")},
	"resourceId":    {pair("Volume ID", "卷 ID"), pair("As Cloud Backup lists it", "与云备份中显示的一致")},
	"pv_size":       {pair("Size", "容量"), pair("Such as 8Gi", "例如 8Gi")},
	"storage_class": {label: pair("Storage class", "存储类")},
	"host":          {pair("Node", "节点"), pair("Such as cn-hangzhou.192.168.13.133", "例如 cn-hangzhou.192.168.13.133")},
	"hostPrefix":    {pair("Folder on the node", "节点上的目录"), pair("Below the node's pod directory", "位于节点的 Pod 目录之下")},
	"pvPath":        {label: pair("Path in the volume", "卷内路径")},
}

// labelOf is the label of the field called name.
func labelOf(name string) backup.Text {
	f, _ := backup.FieldNamed(name)
	return f.Label
}
