package templates

import (
	"context"
	"slices"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/precheck"
)

// A fact is a label with its values; a line of the check page, for example.
type fact struct {
	label string
	lines []string // empty means that no value was given
	mono  bool     // whether the text is in a monospaced font
	extra string   // the consequence of the value
}

// facts returns the lines of one section. Fields that do not apply are omitted.
func (p CheckPage) facts(ctx context.Context, s section) []fact {
	params := p.Call.Params
	var facts []fact
	add := func(name string) {
		f, _ := param.FieldNamed(name)
		if f.AppliesTo(params) {
			facts = append(facts, p.fact(ctx, f))
		}
	}
	if s.id == "what" {
		add("SourceType")
	}
	for _, e := range s.entries {
		chosen := p.chosen(e.name)
		if c, ok := choices[e.name]; ok && e.name != "choice.ContainerResources" {
			facts = append(facts, fact{label: in(ctx, c.label), lines: []string{in(ctx, labelFor(c.options, chosen))}})
		} else if !ok {
			add(e.name)
			chosen = params[e.name]
		}
		if r, ok := e.revealed(chosen); ok {
			for _, name := range nonEmpty(append([]string{r.rows}, r.names...)...) {
				add(name)
			}
		}
	}
	switch {
	case s.id == "note" && params["Preset"] != "":
		add("Preset")
	case s.id == "account":
		add("CrossAccountType")
		add("CrossAccountUserId")
		add("CrossAccountRoleName")
	case s.id == "what" && params.SourceType() == param.UDMECS:
		add("BackupType")
	}
	return facts
}

// chosen returns the selected option of a control that is not a parameter itself. It finds the
// option by the parameters of the call.
func (p CheckPage) chosen(name string) string {
	params := p.Call.Params
	switch name {
	case "choice.Detail.diskIdList":
		if len(params.Strings("Detail.diskIdList")) > 0 {
			return "some"
		}
		return "all"
	case "choice.Detail.appConsistent":
		switch {
		case params["Detail.appConsistent"] != "true":
			return "crash"
		case params["Detail.preScriptPath"] != "" || p.Values[name] == "scripts":
			return "scripts"
		}
		return "writers"
	case "choice.SpeedLimit":
		if params["SpeedLimit"] != "" {
			return "hours"
		}
		return "none"
	}
	return "rows"
}

// labelFor returns the label of a value, or the value itself.
func labelFor(all []param.Choice, value string) param.Text {
	for _, c := range all {
		if c.Value == value {
			return c.Label
		}
	}
	return param.Both(value, value)
}

// fact returns the line of one field.
func (p CheckPage) fact(ctx context.Context, f param.Field) fact {
	value := p.Call.Params[f.Name]
	out := fact{label: in(ctx, f.Label), lines: nonEmpty(value)}
	if own, ok := p.special(ctx, f.Name, value); ok {
		own.label = out.label
		return own
	}
	switch {
	case value == "":
	case f.Type == param.Boolean:
		options, own := booleans[f.Name]
		if !own {
			options = yesNo
		}
		out.lines = []string{in(ctx, labelFor(options, value))}
	case len(f.Enum) > 0:
		c, _ := f.Choice(value)
		out.lines, out.extra = []string{in(ctx, labelFor(f.Enum, value))}, in(ctx, c.Help)
	case f.Type == param.Integer:
		out.lines = []string{value + " " + in(ctx, f.Unit)}
		if strings.HasSuffix(strings.ToLower(f.Name), "retention") {
			out.extra = p.keptUntil(ctx, f, value)
		}
	case f.Type == param.Strings:
		out.lines, out.mono = p.Call.Params.Strings(f.Name), true
	default:
		out.mono = true
	}
	return out
}

// special returns the line of a field that needs more than its value, and whether the field is one.
func (p CheckPage) special(ctx context.Context, name, value string) (fact, bool) {
	switch {
	case name == "InstanceId" && p.Checks.Machine.Name != "":
		return fact{lines: []string{p.Checks.Machine.Name + " (" + value + ")"}}, true
	case name == "Account":
		return fact{lines: nonEmpty(value), extra: aboutAccount(ctx, p.Call.Target.Account)}, true
	case value == "":
	case name == "CrossAccountType" && p.Call.Target.Account.Access == backup.Own:
		// The field's help mentions a role, which the portal's own account does not use.
		return fact{lines: []string{in(ctx, labelFor(fieldChoices(name), value))}}, true
	case name == "Region" || name == "Detail.destinationRegionId":
		return fact{lines: []string{regionLabel(ctx, value)}}, true
	case name == "BackupType" && p.Call.Params.SourceType() == param.UDMECS:
		return fact{lines: []string{in(ctx, param.Both("Full; later backups store only changed data automatically", "全量；之后的备份自动只保存变化的数据"))}}, true
	case name == "SpeedLimit":
		windows, _ := param.ParseSpeedLimit(value)
		var lines []string
		for _, w := range windows {
			lines = append(lines, words(ctx, w))
		}
		return fact{lines: lines}, true
	case name == "ContainerResources":
		return fact{lines: volumeLines(ctx, p.Call.Params.Volumes()), mono: true}, true
	}
	return fact{}, false
}

// fieldChoices returns the values that the field called name accepts.
func fieldChoices(name string) []param.Choice {
	f, _ := param.FieldNamed(name)
	return f.Enum
}

// volumeLines returns one line for each volume, including the constant members.
func volumeLines(ctx context.Context, volumes []param.Volume) []string {
	var all []string
	for _, v := range volumes {
		i := v.Info()
		claim := strings.Join(nonEmpty(i.Namespace, i.PVCName), "/")
		all = append(all, strings.Join(nonEmpty(
			claim, i.PVName, v.ResourceID, i.PVSize, i.StorageClass,
			v.Host, v.HostPrefix, v.PVPath, v.ResourceType, v.BackupMethod,
		), " · "))
	}
	return all
}

// consequences returns what a person should know before the start: values that are not sent as
// they were given, then warnings about the selected values.
func (p CheckPage) consequences() []param.Text {
	params := p.Call.Params
	source := params.SourceType()
	all := slices.Clone(p.Notes)
	add := func(when bool, t param.Text) {
		if when {
			all = append(all, t)
		}
	}
	add(params["CrossAccountType"] == "CROSS_ACCOUNT" && source == param.UDMECS,
		param.Both("The backup can be restored only to the source account.", "只能恢复到源账号。"))
	add(source == param.UDMECS && p.chosen("choice.Detail.appConsistent") == "scripts",
		param.Both("If a script is missing or has the wrong owner or mode, Cloud Backup creates a file-system-consistent backup without an error.", "如果脚本不存在，或属主、权限不正确，云备份会改为创建文件系统一致性的备份，且不会报错。"))
	add(params["Detail.snapshotGroup"] == "true" && !p.disksChecked(),
		param.Both("If a disk is not an ESSD, the disk snapshots are created at different times.", "如果有云盘不是 ESSD，各云盘的快照将在不同时刻创建。"))
	add(params["Detail.doCopy"] == "true",
		param.Both("The copy is billed for traffic once and for storage every day.", "副本会产生一次性流量费和按日的存储费。"))
	add(source == param.ECSFile && params["Include"] == "",
		param.Both("No path is specified, so Cloud Backup selects the paths, normally all of them.", "未填写路径，由云备份决定备份范围，通常为全部路径。"))
	return all
}

// disksChecked reports whether the cloud was asked about the disks, and answered.
func (p CheckPage) disksChecked() bool {
	return slices.ContainsFunc(p.Checks.Findings, func(f precheck.Finding) bool {
		return f.ID == "disks" && f.Kind != precheck.NotChecked
	})
}
