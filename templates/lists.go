package templates

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// partPrefix is the beginning of the HTML id of a part of the form with one question. The
// script replaces such a part by a new one from the server.
const partPrefix = "part-"

// followed maps each question that depends on other controls to the names of these controls.
var followed = map[string]string{
	"Region":                     "Account",
	"choice.Detail.diskIdList":   "Account Region InstanceId",
	"Detail.destinationRegionId": "Account Region",
	"VaultId":                    "Account Region",
}

// isMachineField reports whether the card of the machine shows the field, below its first section.
func isMachineField(name string) bool { return name == "InstanceId" || name == "ContainerClusterId" }

// kindSwitch returns the name of a kind of source on the card of an instance.
func kindSwitch(source param.SourceType) param.Text {
	if source == param.ECSFile {
		return param.Both("Only files and folders", "仅文件和目录")
	}
	return param.Both("Whole instance", "整台实例")
}

// icon returns the kind of source that has the icon of the machine.
func (m MachineRow) icon() param.SourceType {
	if slices.Contains(m.Sources, param.Container) {
		return param.Container
	}
	return param.UDMECS
}

// notFor returns why an option of the consistency is not possible with the machine's operating
// system. It returns "" if it is possible, or if the system is not known.
func (f form) notFor(ctx context.Context, name, value string) string {
	if f.Machine == nil || name != "choice.Detail.appConsistent" || f.value(name) == value {
		return ""
	}
	system := map[string]string{"linux": "Linux", "windows": "Windows"}[f.Machine.Attribute("OSType")]
	if value == "writers" && system == "Linux" || value == "scripts" && system == "Windows" {
		return in(ctx, param.Both("Not for %v: it runs %v", "%v 运行 %v，不适用"), f.Machine.title(), system)
	}
	return ""
}

// questionOf returns the question about a field that depends on other controls, from the form
// of a source type. ok is false if the form has no such question.
func questionOf(source param.SourceType, field string) (question entry, ok bool) {
	for _, s := range layout[source] {
		for _, e := range s.entries {
			switch {
			case followed[e.name] != "" && strings.TrimPrefix(e.name, "choice.") == field:
				return e, true
			case followed[field] != "" && e.holds(field):
				return entry{name: field}, true
			}
		}
	}
	return entry{}, false
}

var (
	wordAllDisks      = param.Both("All of them, unless you clear one", "默认备份全部云盘，可取消勾选")
	wordSystemDisk    = param.Both("System disk", "系统盘")
	wordDataDisk      = param.Both("Data disk", "数据盘")
	wordNotAttached   = param.Both("Not attached to this instance", "未挂载到此实例")
	wordEncrypted     = param.Both("encrypted", "已加密")
	wordNotEncrypted  = param.Both("not encrypted", "未加密")
	wordShowDisks     = param.Both("Show the disks", "显示云盘")
	wordShowRegions   = param.Both("Show the regions of this account", "显示此账号的地域")
	wordDisksPossible = param.Both("Possible here: every disk is an ESSD", "此实例可用：所有云盘均为 ESSD")
)

// categories are the names of disk categories as the console has them.
var categories = map[string]param.Text{
	"cloud":            param.Both("Basic disk", "普通云盘"),
	"cloud_efficiency": param.Both("Ultra disk", "高效云盘"),
	"cloud_ssd":        param.Both("Standard SSD", "SSD 云盘"),
	"cloud_essd":       param.Both("ESSD", "ESSD 云盘"),
	"cloud_essd_entry": param.Both("ESSD Entry", "ESSD Entry 云盘"),
	"cloud_auto":       param.Both("ESSD AutoPL", "ESSD AutoPL 云盘"),
	"ephemeral_ssd":    param.Both("Local SSD", "本地 SSD 盘"),
	"local_ssd_pro":    param.Both("Local SSD", "本地 SSD 盘"),
	"local_hdd_pro":    param.Both("Local HDD", "本地 HDD 盘"),
}

// HasPlace reports whether the account and the region are chosen, and the account has the region.
func (p FormPage) HasPlace() bool {
	return slices.ContainsFunc(p.Accounts, func(a backup.Account) bool {
		return a.Alias == p.Values["Account"] && slices.Contains(a.Regions, p.Values["Region"])
	})
}

// diskBoxes changes the control c to check boxes of the instance's disks. Without a list of
// them, it stays a choice between all disks and typed ids.
func (f form) diskBoxes(ctx context.Context, c *control) {
	const name = "Detail.diskIdList"
	list, ok := f.Lists[name]
	if c.unreadable = list.Unreadable; !ok || len(list.Items) == 0 {
		return
	}
	all := f.value(c.name) == "all"
	chosen := nonEmpty(strings.Split(f.value(name), "\n")...)
	c.kind, c.name, c.id, c.hint = boxGroup, name, ControlID(name), in(ctx, wordAllDisks)
	c.errors, c.focus, c.known = f.errors[name], f.Focus == name && len(f.Mistakes) == 0, len(list.Items)
	c.options = nil
	for _, d := range list.Items {
		c.options = append(c.options, option{
			value: d.ID, label: diskTitle(ctx, d), hint: aboutDisk(ctx, d), on: all || slices.Contains(chosen, d.ID),
		})
	}
	for _, id := range chosen {
		if !all && !slices.ContainsFunc(c.options, func(o option) bool { return o.value == id }) {
			c.options = append(c.options, option{value: id, label: in(ctx, wordNotAttached), on: true})
		}
	}
}

// hasBoxes reports whether the disks are check boxes.
func (f form) hasBoxes(name string) bool {
	return name == "Detail.diskIdList" && len(f.Lists[name].Items) > 0
}

// diskTitle returns the type of a disk, its size and its device: "Data disk · 100 GiB ·
// /dev/xvdb". If a person has named the disk, the name comes first.
func diskTitle(ctx context.Context, d backup.Candidate) string {
	kind, device := wordSystemDisk, ""
	if d.Attribute("Type") != "system" {
		kind, device = wordDataDisk, d.Attribute("Device")
	}
	return strings.Join(nonEmpty(d.Name, in(ctx, kind), d.Attribute("Size"), device), " · ")
}

// aboutDisk returns the category of a disk and whether it is encrypted, after a separator.
func aboutDisk(ctx context.Context, d backup.Candidate) string {
	category := d.Attribute("Category")
	if name, ok := categories[category]; ok {
		category = in(ctx, name)
	}
	encrypted := wordNotEncrypted
	if d.Attribute("Encrypted") == "true" {
		encrypted = wordEncrypted
	}
	return after(strings.Join(nonEmpty(category, d.Attribute("PerformanceLevel")), " "), in(ctx, encrypted))
}

// after returns the texts that are not empty, each after a separator.
func after(all ...string) string {
	text := strings.Join(nonEmpty(all...), " · ")
	if text == "" {
		return ""
	}
	return " · " + text
}

// everyESSD reports whether the disks of the instance are known and all are ESSDs.
func (f form) everyESSD() bool {
	disks := f.Lists["Detail.diskIdList"].Items
	return len(disks) > 0 && !slices.ContainsFunc(disks, func(d backup.Candidate) bool {
		return !strings.HasPrefix(d.Attribute("Category"), "cloud_essd")
	})
}

// vaults changes the control c to radio buttons of the vaults. Without a list of them, it stays
// a text box.
func (f form) vaults(ctx context.Context, c *control) {
	list := f.Lists[c.name]
	if len(list.Items) == 0 {
		return
	}
	c.kind, c.label, c.hint = vaultGroup, in(ctx, wordVault), in(ctx, wordVaultHint)
	known := false
	for _, v := range list.Items {
		o := option{
			value: v.ID, label: cmp.Or(v.Name, v.ID), hint: aboutVault(ctx, v),
			on: v.ID == c.value || c.value == "" && len(list.Items) == 1,
		}
		known = known || o.on
		c.options = append(c.options, o)
	}
	other := option{label: in(ctx, wordNoneOfThese), on: !known && c.value != ""}
	if known {
		c.value = ""
	}
	c.options = append(c.options, other)
}

var (
	wordVault     = param.Both("Backup vault", "备份库")
	wordVaultHint = param.Both("In the same region", "须在同一地域")
)

// vaultTypes are the names of the types of vaults as the console has them.
var vaultTypes = map[string]param.Text{
	"STANDARD":   param.Both("General vault", "普通备份库"),
	"OTS_BACKUP": param.Both("Tablestore vault", "Tablestore 备份库"),
}

// aboutVault returns the type of a vault, its encryption and the size of its backups, after a
// separator.
func aboutVault(ctx context.Context, v backup.Candidate) string {
	kind := v.Attribute("VaultType")
	if name, ok := vaultTypes[kind]; ok {
		kind = in(ctx, name)
	}
	encrypted := ""
	switch v.Attribute("EncryptType") {
	case "HBR_PRIVATE":
		encrypted = in(ctx, param.Both("encrypted by Cloud Backup", "由云备份加密"))
	case "KMS":
		encrypted = in(ctx, param.Both("encrypted with a KMS key", "使用 KMS 密钥加密"))
	}
	stored := ""
	if bytes, err := strconv.ParseInt(v.Attribute("StorageSize"), 10, 64); err == nil {
		stored = in(ctx, param.Both("%v stored", "已存储 %v"), size(bytes))
	}
	return after(kind, encrypted, stored)
}

// shows returns the question that a button below a group of options shows, and the text of the
// button. It is for people without JavaScript, and empty if there is none.
func (f form) shows(name string) (question string, text param.Text) {
	switch name {
	case "Account":
		return "Region", wordShowRegions
	case "choice.Detail.diskIdList":
		return "Detail.diskIdList", wordShowDisks
	}
	return "", text
}
