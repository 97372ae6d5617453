package precheck

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// A judge makes findings (results for people) from the answers of the cloud and of the store.
// It makes no call.
type judge struct {
	call     backup.Call
	survey   survey
	patience time.Duration // see [New]
	now      time.Time
	explain  func(code string) backup.Explanation

	limits     []backup.LimitUse
	limitsErr  error
	history    []backup.Record // submissions for the resource, newest first
	historyErr error

	all []Finding
}

// findings runs all checks of the judge and returns their findings in the order of the checks.
func (j *judge) findings() []Finding {
	j.permissions()
	switch j.call.Params.SourceType() {
	case param.UDMECS:
		if j.instance() {
			j.disks()
		}
	case param.ECSFile:
		if j.instance() {
			j.client()
		}
		j.vault()
	case param.Container:
		if j.cluster() && j.call.Params["ContainerResources"] != "" {
			j.volumes()
		}
		j.vault()
	}
	j.running()
	j.reached()
	j.lastGood()
	return j.all
}

// add adds a finding.
func (j *judge) add(f Finding) { j.all = append(j.all, f) }

// say returns a text in both languages, with args in place of its fmt verbs.
func say(en, zh string, args ...any) param.Text {
	t := param.Both(en, zh)
	return param.Both(t.Fill(param.English, args...), t.Fill(param.Chinese, args...))
}

// sentences joins texts to one, in each language. It leaves out empty ones.
func sentences(all ...param.Text) (joined param.Text) {
	for _, t := range all {
		joined.En = strings.TrimSpace(joined.En + " " + t.En)
		joined.Zh += t.Zh
	}
	return joined
}

// answered reports whether the cloud answered a question. If not, it adds a finding of kind
// NotChecked with the reason. title says what the question was about.
func answered[T any](j *judge, id string, title param.Text, a answer[T]) bool {
	if a.asked && a.err == nil {
		return true
	}
	j.add(Finding{ID: id, Kind: NotChecked, Title: title, Text: j.why(a.err, a.late, a.asked)})
	return false
}

// doesNotStop is the last sentence of a finding of kind NotChecked. It says that the backup can
// start nevertheless.
var doesNotStop = param.Both("This does not stop the backup.", "不影响开始备份。")

// why returns in words why the cloud did not answer a question.
func (j *judge) why(err error, late, asked bool) param.Text {
	service := param.Both("Cloud Backup", "云备份")
	failed, _ := errors.AsType[*backup.CloudError](err)
	if failed != nil && failed.Service == backup.ECS {
		service = param.Both("ECS", "云服务器 ECS ")
	}
	switch {
	case j.survey.tooOften:
		return sentences(param.Both("You have asked too often. Check again in a minute.", "查询过于频繁，请一分钟后再检查。"), doesNotStop)
	case !asked && j.call.Target.Account.Access == backup.HBRCrossAccount:
		return sentences(param.Both("The portal has no role in this account, so it cannot look there.", "门户在该账号中没有角色，无法查看。"), doesNotStop)
	case late || !asked:
		return sentences(say("%v did not answer within %d seconds.", "%v在 %d 秒内未响应。", service, int(j.patience.Seconds())), doesNotStop)
	case errors.Is(err, errLongList):
		return sentences(param.Both("The list is too long to read.", "列表过长，未能读取。"), doesNotStop)
	case failed != nil:
		if means := j.explain(failed.Code).Means; means != (param.Text{}) {
			return sentences(means, doesNotStop)
		}
	}
	return sentences(say("%v gave no usable answer.", "%v未返回可用的答复。", service), doesNotStop)
}

// permissions checks whether the portal can make calls in the account, and whether Cloud Backup
// has the roles that it needs there. It cannot check the portal's permission for
// CreateBackupJob, because only a call of CreateBackupJob, which would start a backup, shows
// that.
func (j *judge) permissions() {
	for _, err := range j.survey.errs() {
		if refusesEveryCall(err) {
			j.refused("permission", param.Both("The portal may not start backups in this account", "门户无权在该账号中发起备份"), err)
			return // the question about the roles was refused for the same reason
		}
	}
	err := j.survey.roles.err
	failed, _ := errors.AsType[*backup.CloudError](err)
	switch {
	case failed != nil && failed.Code == "RoleNotExist":
		j.add(Finding{ID: "roles", Kind: Warning,
			Title: param.Both("The service-linked role for instance backups does not exist yet", "实例备份的服务关联角色尚不存在"),
			Text:  param.Both("The first backup creates AliyunServiceRoleForHbrEcsBackup if the portal has the permission ram:CreateServiceLinkedRole. Without it, Cloud Backup refuses the backup (NoPermission).", "若门户有 ram:CreateServiceLinkedRole 权限，首次备份会创建 AliyunServiceRoleForHbrEcsBackup；否则云备份会拒绝此次备份（NoPermission）。"),
		})
	case failed != nil && (failed.Code == "CrossAccountBackupSlrNotExist" || failed.Code == "AssumeRoleFail"):
		j.refused("roles", param.Both("Cloud Backup cannot work in this account", "云备份无法在该账号中执行备份"), err)
	case err != nil || !j.survey.roles.asked:
		answered(j, "roles", param.Both("The roles of Cloud Backup", "云备份的角色"), j.survey.roles)
	default:
		j.add(Finding{ID: "roles", Kind: OK, Title: param.Both("Cloud Backup has the roles that it needs in this account", "云备份在该账号中所需的角色均已就绪")})
	}
}

// refusesEveryCall reports whether err is a refusal that every call of the portal in this
// account and region would get: its credentials or its role are not accepted, or the region is
// not available.
func refusesEveryCall(err error) bool {
	failed, ok := errors.AsType[*backup.CloudError](err)
	return ok && (errors.Is(err, backup.ErrCredentials) || errors.Is(err, backup.ErrRefused) &&
		(failed.Action == "AssumeRole" || failed.Code == "SignatureDoesNotMatch" || strings.HasPrefix(failed.Code, "InvalidRegion")))
}

// refused adds the finding for a refusal that CreateBackupJob would return too. It asks the
// person to choose another account (or another region, if that was refused), and says what an
// operator must do.
func (j *judge) refused(id string, title param.Text, err error) {
	f := Finding{ID: id, Kind: Change, Param: "Account", Title: title}
	if failed, ok := errors.AsType[*backup.CloudError](err); ok {
		if strings.HasPrefix(failed.Code, "InvalidRegion") {
			f.Param = "Region"
		}
		e := j.explain(failed.Code)
		f.Text = sentences(e.Means, e.Todo)
		if e.Means == (param.Text{}) {
			f.Text = say("Cloud Backup would refuse this backup: %v.", "云备份会拒绝此次备份：%v。", failed.Code)
		}
	}
	j.add(f)
}

// name returns the name of the instance or cluster, or its id if the name is not known.
func (j *judge) name() string { return cmp.Or(j.machine().Name, resource(j.call)) }

// region returns the name of the region of the backup, for people.
func (j *judge) region() param.Text { return param.RegionName(j.call.Target.Region) }

// statuses has a text for each value of an instance's attribute Status.
var statuses = map[string]param.Text{
	"Pending":  param.Both("being created", "创建中"),
	"Running":  param.Both("running", "运行中"),
	"Starting": param.Both("starting", "启动中"),
	"Stopping": param.Both("stopping", "停止中"),
	"Stopped":  param.Both("stopped", "已停止"),
}

// instance checks whether the instance exists. It returns false if its disks and its backup
// client cannot be checked.
func (j *judge) instance() bool {
	id := j.call.Params["InstanceId"]
	if !answered(j, "instance", param.Both("The instance", "实例"), j.survey.instance) {
		return false
	}
	found, ok := find(j.survey.instance.value, id)
	if !ok {
		j.add(Finding{ID: "instance", Kind: Change, Param: "InstanceId",
			Title: say("%v does not exist in %v", "%[2]v 中不存在 %[1]v", id, j.region()),
			Text:  param.Both("It may have been deleted, or it may be in another region or account. Cloud Backup would refuse this backup.", "它可能已被删除，或位于其他地域或账号。云备份会拒绝此次备份。"),
		})
		return false
	}
	status := found.Attribute("Status")
	words, known := statuses[status]
	if !known {
		words = param.Both(status, status)
	}
	f := Finding{ID: "instance", Kind: OK,
		Title: say("%v exists and is %v", "%v 存在，状态为%v", cmp.Or(found.Name, id), words),
		Text:  param.ZoneName(j.call.Target.Region, found.Attribute("ZoneId")),
	}
	if disks := j.survey.disks; disks.asked && disks.err == nil {
		size := diskSize(disks.value)
		f.Text.En += " · " + size.En
		f.Text.Zh += " · " + size.Zh
	}
	j.add(f)
	for _, m := range j.call.Params.CheckPaths(found.Attribute("OSType")) {
		j.add(Finding{ID: "paths", Kind: Change, Param: m.Field, Title: param.Both(m.In(param.English), m.In(param.Chinese))})
	}
	return true
}

// diskSize returns the number of disks and the sum of their sizes: "2 disks, 140 GiB".
func diskSize(disks []backup.Candidate) param.Text {
	var sum int64
	for _, d := range disks {
		sum += gib(d.Attribute("Size"))
	}
	word := "disks"
	if len(disks) == 1 {
		word = "disk"
	}
	return say("%[1]d %[3]s, %[2]v GiB", "%[1]d 块云盘，%[2]v GiB", len(disks), param.Count(sum), word)
}

// essd are the categories of ESSD disks: only their snapshots can be consistent with each
// other. Source: Cloud Backup, "Application-consistent backups".
var essd = []string{"cloud_essd", "cloud_auto", "cloud_essd_entry"}

// Limits of a snapshot-consistent group: the disks whose snapshots are taken at the same time.
// Source: ECS, "Snapshot-consistent groups".
const (
	maxGroupDisks = 16
	maxGroupGiB   = 32 << 10
)

// disks checks whether the selected disks exist, can be backed up, and support the selected
// options.
func (j *judge) disks() {
	if !answered(j, "disks", param.Both("The disks", "云盘"), j.survey.disks) {
		return
	}
	before := len(j.all)
	all := j.survey.disks.value
	chosen, missing := j.chosenDisks()
	for _, id := range missing {
		j.add(Finding{ID: "disks", Kind: Change, Param: "Detail.diskIdList",
			Title: say("%v is no disk of %v", "%v 不是 %v 的云盘", id, j.name()),
			Text:  param.Both("It may have been detached. Cloud Backup would refuse this backup.", "它可能已被卸载。云备份会拒绝此次备份。"),
		})
	}
	for _, d := range chosen {
		if isLocal(d) {
			j.add(Finding{ID: "disks", Kind: Change, Param: "Detail.diskIdList",
				Title: say("%v is a local disk", "%v 是本地盘", diskName(d)),
				Text:  param.Both("Cloud Backup takes cloud disks only. Leave it out, or back up its files instead.", "云备份仅支持云盘。请不要选择它，或改为备份其中的文件。"),
			})
		}
	}
	if len(all) == 0 {
		j.add(Finding{ID: "disks", Kind: Change, Param: "InstanceId", Title: say("%v has no disks", "%v 没有云盘", j.name())})
	}
	if j.call.Params["Detail.snapshotGroup"] == "true" {
		j.group(all)
	}
	if j.call.Params["Detail.appConsistent"] == "true" {
		j.consistency(all)
	}
	if len(j.all) == before {
		text := diskSize(chosen)
		var categories []string
		for _, d := range chosen {
			if c := d.Attribute("Category"); !slices.Contains(categories, c) {
				categories = append(categories, c)
			}
		}
		kinds := strings.Join(categories, ", ")
		j.add(Finding{ID: "disks", Kind: OK, Title: param.Both("The disks fit", "云盘符合要求"),
			Text: param.Both(text.En+" · "+kinds, text.Zh+" · "+kinds)})
	}
}

// chosenDisks returns the disks of the instance that the request names, or all if it names
// none. It also returns the ids in the request that the instance does not have.
func (j *judge) chosenDisks() (chosen []backup.Candidate, missing []string) {
	ids := j.call.Params.Strings("Detail.diskIdList")
	if len(ids) == 0 {
		return j.survey.disks.value, nil
	}
	for _, id := range ids {
		if d, ok := find(j.survey.disks.value, id); ok {
			chosen = append(chosen, d)
		} else {
			missing = append(missing, id)
		}
	}
	return chosen, missing
}

// diskName returns the device and the id of a disk.
func diskName(d backup.Candidate) string {
	if device := d.Attribute("Device"); device != "" {
		return device + " (" + d.ID + ")"
	}
	return d.ID
}

// isLocal reports whether a disk is part of the physical host of its instance, and not a cloud
// disk. Source: ECS, DescribeDisks, Category.
func isLocal(d backup.Candidate) bool {
	category := d.Attribute("Category")
	return category == "ephemeral" || strings.HasPrefix(category, "ephemeral_") ||
		strings.HasPrefix(category, "local_") || strings.HasPrefix(category, "elastic_ephemeral_disk_")
}

// group checks whether the snapshots of the disks can be taken at the same time
// (Detail.snapshotGroup). All disks of the instance must support it, also those that were not
// selected.
func (j *judge) group(all []backup.Candidate) {
	var unfit []string
	var size int64
	for _, d := range all {
		size += gib(d.Attribute("Size"))
		switch category := d.Attribute("Category"); {
		case !slices.Contains(essd, category):
			unfit = append(unfit, diskName(d)+": "+category)
		case d.Attribute("MultiAttach") == "Enabled":
			unfit = append(unfit, diskName(d)+": MultiAttach")
		case d.Attribute("Status") != "In_use":
			unfit = append(unfit, diskName(d)+": "+d.Attribute("Status"))
		}
	}
	found, _ := find(j.survey.instance.value, j.call.Params["InstanceId"])
	status := found.Attribute("Status")
	f := Finding{ID: "disks", Kind: Change, Param: "Detail.snapshotGroup",
		Title: param.Both("Snapshots of these disks cannot be taken at the same time", "无法在同一时刻为这些云盘创建快照")}
	switch {
	case len(unfit) > 0:
		list := strings.Join(unfit, ", ")
		f.Text = say("Every disk of the instance must be an ESSD, in use and attached to this instance only. Not so: %v. Turn this option off.", "实例的每块云盘都须为使用中的 ESSD，且未开启多重挂载。不符合：%v。请关闭此选项。", list)
	case status != "Running" && status != "Stopped":
		f.Text = param.Both("The instance must be running or stopped. Turn this option off, or wait.", "实例须为运行中或已停止。请关闭此选项，或稍后再试。")
	case len(all) > maxGroupDisks || size > maxGroupGiB:
		f.Text = say("A group has at most %d disks and 32 TiB. Turn this option off.", "一组最多 %d 块云盘、32 TiB。请关闭此选项。", maxGroupDisks)
	default:
		return
	}
	j.add(f)
}

// consistency adds a warning if an application-consistent recovery point is requested but would
// be only crash-consistent. Cloud Backup does not refuse such a backup.
func (j *judge) consistency(all []backup.Candidate) {
	found, _ := find(j.survey.instance.value, j.call.Params["InstanceId"])
	var why param.Text
	switch {
	case slices.ContainsFunc(all, func(d backup.Candidate) bool { return !slices.Contains(essd, d.Attribute("Category")) }):
		why = param.Both("Not every disk of the instance is an ESSD.", "实例的云盘并非全部为 ESSD。")
	case found.Attribute("Status") != "Running":
		why = param.Both("The instance is not running.", "实例未在运行。")
	default:
		return
	}
	j.add(Finding{ID: "consistency", Kind: Warning,
		Title: param.Both("The backup would only be crash-consistent", "备份将只达到崩溃一致性"),
		Text:  sentences(why, param.Both("Applications are not paused then.", "届时不会暂停应用。")),
	})
}

// maxHeartbeatAge is the maximum age of the last heartbeat of a backup client that counts as
// active.
const maxHeartbeatAge = 15 * time.Minute

// client checks whether the backup client on the instance is active. If it is not, Cloud Backup
// accepts the request, but the job fails.
func (j *judge) client() {
	if !answered(j, "client", param.Both("The backup client", "备份客户端"), j.survey.client) {
		return
	}
	c, ok := find(j.survey.client.value, j.call.Params["InstanceId"])
	if !ok {
		j.add(Finding{ID: "client", Kind: Warning,
			Title: say("No backup client is installed on %v", "%v 上未安装备份客户端", j.name()),
			Text:  param.Both("The backup would start and fail. Install the client in the console of Cloud Backup first.", "备份会开始，但会失败。请先在云备份控制台安装客户端。"),
		})
		return
	}
	seconds, _ := strconv.ParseInt(c.Attribute("LastHeartBeatTime"), 10, 64)
	silent := age(j.now.Sub(time.Unix(seconds, 0)))
	if c.Attribute("Status") != "ACTIVATED" || j.now.Sub(time.Unix(seconds, 0)) >= maxHeartbeatAge {
		j.add(Finding{ID: "client", Kind: Warning,
			Title: param.Both("The backup client is not active", "备份客户端未激活"),
			Text: say("Its last heartbeat was %v ago (%v). The backup would start and probably fail. Start the client on the instance.",
				"最近一次心跳在 %v前（%v）。备份会开始，但很可能失败。请在实例上启动客户端。", silent, c.Attribute("Status")),
		})
		return
	}
	j.add(Finding{ID: "client", Kind: OK, Title: param.Both("The backup client is active", "备份客户端正常"),
		Text: say("Last heartbeat: %v ago", "最近一次心跳：%v前", silent)})
}

// vault checks whether backups can be written to the vault.
func (j *judge) vault() {
	id := j.call.Params["VaultId"]
	if id == "" || !answered(j, "vault", param.Both("The backup vault", "备份库"), j.survey.vault) {
		return
	}
	v, ok := find(j.survey.vault.value, id)
	name := id
	if v.Name != "" {
		name = v.Name + " (" + id + ")"
	}
	switch status := v.Attribute("Status"); {
	case !ok:
		j.add(Finding{ID: "vault", Kind: Change, Param: "VaultId",
			Title: say("The vault %v does not exist in %v", "%[2]v 中不存在备份库 %[1]v", id, j.region()),
			Text:  param.Both("Cloud Backup would refuse this backup. Choose a vault of the same region.", "云备份会拒绝此次备份。请选择同一地域的备份库。"),
		})
	case v.Attribute("Replication") == "true":
		j.add(Finding{ID: "vault", Kind: Change, Param: "VaultId",
			Title: say("The vault %v is the mirror of another", "备份库 %v 是镜像库", name),
			Text:  param.Both("It takes no backups. Cloud Backup would refuse this one.", "镜像库不能写入备份，云备份会拒绝此次备份。"),
		})
	case status != "CREATED":
		j.add(Finding{ID: "vault", Kind: Warning,
			Title: say("The vault %v is not ready", "备份库 %v 尚不可用", name),
			Text:  say("Its status is %v. The backup would start and probably fail.", "其状态为 %v。备份会开始，但很可能失败。", status),
		})
	default:
		j.add(Finding{ID: "vault", Kind: OK, Title: say("The vault %v is ready", "备份库 %v 可用", name)})
	}
}

// cluster checks whether the cluster is registered in Cloud Backup and its agent is ready. It
// returns false if its volumes cannot be checked.
func (j *judge) cluster() bool {
	id := j.call.Params["ContainerClusterId"]
	if !answered(j, "cluster", param.Both("The cluster", "集群"), j.survey.cluster) {
		return false
	}
	found, ok := find(j.survey.cluster.value, id)
	switch agent := found.Attribute("AgentStatus"); {
	case !ok:
		j.add(Finding{ID: "cluster", Kind: Change, Param: "ContainerClusterId",
			Title: say("%v is not registered in %v", "%[2]v 中未注册 %[1]v", id, j.region()),
			Text:  param.Both("Cloud Backup would refuse this backup. Register the cluster there, or choose another one.", "云备份会拒绝此次备份。请先注册该集群，或选择其他集群。"),
		})
		return false
	case agent != "READY":
		j.add(Finding{ID: "cluster", Kind: Warning,
			Title: say("The agent of the cluster %v is not ready", "集群 %v 的客户端未就绪", cmp.Or(found.Name, id)),
			Text:  say("Its status is %v. The backup would start and probably fail.", "其状态为 %v。备份会开始，但很可能失败。", agent),
		})
	default:
		j.add(Finding{ID: "cluster", Kind: OK, Title: say("The cluster %v is ready", "集群 %v 已就绪", cmp.Or(found.Name, id))})
	}
	return true
}

// volumes checks whether the requested list of volumes is well formed, and whether Cloud Backup
// knows each of them.
func (j *judge) volumes() {
	if !answered(j, "volumes", param.Both("The volumes", "存储卷"), j.survey.volumes) {
		return
	}
	missing := false
	wrong, doubtful := malformed(j.call.Params["ContainerResources"])
	for _, text := range doubtful {
		j.add(Finding{ID: "volumes", Kind: Warning, Title: param.Both("Cloud Backup may not accept the list of volumes", "云备份可能不接受存储卷列表"), Text: text})
	}
	for _, text := range wrong {
		missing = true
		j.add(Finding{ID: "volumes", Kind: Change, Param: "ContainerResources",
			Title: param.Both("The list of volumes cannot be used", "存储卷列表无法使用"),
			Text:  sentences(text, param.Both("Cloud Backup would refuse this backup.", "云备份会拒绝此次备份。")),
		})
	}
	for _, v := range j.call.Params.Volumes() {
		if _, ok := find(j.survey.volumes.value, v.ResourceID); ok || v.ResourceID == "" {
			continue
		}
		missing = true
		j.add(Finding{ID: "volumes", Kind: Change, Param: "ContainerResources",
			Title: say("The cluster has no volume %v", "集群中没有存储卷 %v", param.Clean(v.ResourceID, 80)),
			Text:  param.Both("Cloud Backup would refuse this backup. A running pod must use the volume.", "云备份会拒绝此次备份。存储卷须正被运行中的 Pod 使用。"),
		})
	}
	if !missing {
		f := Finding{ID: "volumes", Kind: OK, Title: param.Both("The volumes exist", "存储卷存在")}
		if m := j.machine(); m.GiB > 0 {
			f.Text = say("%d of them, %v GiB", "%d 个，%v GiB", m.Parts, param.Count(m.GiB))
		}
		j.add(f)
	}
}

// volumeKeys are the keys that an element of ContainerResources can have. Source: Cloud Backup,
// CreateBackupJob.
var volumeKeys = []string{"resourceType", "backupMethod", "resourceId", "resourceInfo", "host", "hostPrefix", "pvPath"}

// malformed checks the form of the elements of ContainerResources, which must be JSON objects
// with text values. wrong has a sentence for each element that Cloud Backup refuses. doubtful
// has a sentence for each key that the API page does not list.
func malformed(text string) (wrong, doubtful []param.Text) {
	var elements []map[string]any
	_ = json.Unmarshal([]byte(text), &elements) // checked by [param.Params.Validate]
	for i, e := range elements {
		for _, key := range slices.Sorted(maps.Keys(e)) {
			if !slices.Contains(volumeKeys, key) {
				doubtful = append(doubtful, say("Volume %d has the key %v, which the API page does not have.", "第 %d 个存储卷有 API 文档中没有的键 %v。", i+1, param.Clean(key, 80)))
			}
		}
		switch {
		case e["resourceType"] != "PV":
			wrong = append(wrong, say("The resourceType of volume %d must be PV.", "第 %d 个存储卷的 resourceType 须为 PV。", i+1))
		case e["backupMethod"] != "FILE":
			wrong = append(wrong, say("The backupMethod of volume %d must be FILE.", "第 %d 个存储卷的 backupMethod 须为 FILE。", i+1))
		case e["resourceId"] == "" || e["resourceId"] == nil:
			wrong = append(wrong, say("The volume ID (resourceId) of volume %d is missing.", "第 %d 个存储卷缺少存储卷 ID（resourceId）。", i+1))
		}
	}
	return wrong[:min(len(wrong), maxMalformed)], doubtful[:min(len(doubtful), maxMalformed)]
}

// maxMalformed is the maximum number of sentences in each of the two results of malformed.
const maxMalformed = 10

// running adds a warning if another backup of the resource is running; Cloud Backup accepts a
// second one. It uses the cloud's list of jobs or, if the cloud did not answer, the portal's
// own history.
func (j *judge) running() {
	f := Finding{ID: "running", Kind: Warning, Title: say("Another backup of %v is running", "%v 正在进行另一次备份", j.name())}
	for _, job := range j.survey.jobs.value {
		if !job.Status.IsTerminal() {
			started := ageOf(j.now, job.CreatedTime)
			f.Text = say("It was started %v ago. You may not need another one.", "于 %v前开始。您可能不需要再次备份。", started)
			for _, r := range j.history {
				if r.Last.JobID == job.JobID {
					f.Submission = r.SubmissionID
				}
			}
			j.add(f)
			return
		}
	}
	if !j.survey.jobs.asked || j.survey.jobs.err != nil {
		for _, r := range j.history {
			if !r.State(j.now).IsTerminal() {
				f.Submission = r.SubmissionID
				f.Text = say("%v started it %v ago.", "由 %v 于 %v前开始。", r.Principal.Name, ageOf(j.now, r.CreatedAt))
				j.add(f)
				return
			}
		}
	}
	title := param.Both("Other backups", "其他备份")
	switch {
	case j.survey.jobs.asked && j.survey.jobs.err != nil:
		answered(j, "running", title, j.survey.jobs)
	case j.historyErr != nil && !j.survey.jobs.asked:
		j.add(Finding{ID: "running", Kind: NotChecked, Title: title, Text: storeText()})
	default:
		j.add(Finding{ID: "running", Kind: OK, Title: param.Both("No other backup is running", "没有其他备份正在进行")})
	}
}

// storeText is the text of the finding if the store did not answer.
func storeText() param.Text {
	return sentences(param.Both("The portal's store did not answer.", "门户的存储未响应。"), doesNotStop)
}

// reached checks the limits of the policy's rule. Its findings say how many backups are left,
// or when the next one can start.
func (j *judge) reached() {
	if j.limitsErr != nil {
		j.add(Finding{ID: "limits", Kind: NotChecked, Title: param.Both("Your limits", "您的限额"), Text: storeText()})
		return
	}
	var left []param.Text
	blocked := false
	for _, use := range j.limits {
		if use.Left > 0 {
			if t := j.left(use); t != (param.Text{}) {
				left = append(left, t)
			}
			continue
		}
		blocked = true
		j.add(j.limit(use))
	}
	if !blocked && len(j.limits) > 0 {
		f := Finding{ID: "limits", Kind: OK, Title: param.Both("Within your limits", "未超出限额")}
		for i, t := range left {
			if i > 0 {
				f.Text.En, f.Text.Zh = f.Text.En+"; ", f.Text.Zh+"；"
			}
			f.Text.En, f.Text.Zh = f.Text.En+t.En, f.Text.Zh+t.Zh
		}
		j.add(f)
	}
}

// limit returns the finding for a limit that is reached.
func (j *judge) limit(use backup.LimitUse) Finding {
	f := Finding{ID: "limits", Kind: Wait}
	if use.Wait > 0 {
		f.Until = j.now.Add(use.Wait)
	} else {
		f.Kind, f.Param = Change, "Account"
	}
	switch {
	case errors.Is(use.Err, backup.ErrCooldown):
		f.Title = say("%v was backed up a short time ago", "%v 刚刚备份过", j.name())
		f.Text = say("The rule %v needs %v between two backups.", "规则 %v 要求两次备份至少间隔%v。", j.call.Grant.Rule, param.Duration(use.Per))
		if len(j.history) > 0 {
			f.Submission = j.history[0].SubmissionID
		}
	case errors.Is(use.Err, backup.ErrQuota) && use.Of == 0:
		f.Title = say("%v: no backups are allowed", "%v：不允许备份", owner(use.Key))
	case errors.Is(use.Err, backup.ErrQuota):
		f.Title = say("%v: the %d backups of today are used up", "%v：今日 %d 次备份已用完", owner(use.Key), use.Of)
	default:
		f.Title = say("%v: too many backups in a short time", "%v：短时间内备份过多", owner(use.Key))
		f.Text = say("At most %d in %v.", "%[2]v内最多 %[1]d 次。", use.Of, param.Duration(use.Per))
	}
	return f
}

// left returns how much of a limit is left, in words. It returns "" for a cool-down.
func (j *judge) left(use backup.LimitUse) param.Text {
	switch {
	case errors.Is(use.Err, backup.ErrQuota):
		return say("%v: %d of %d backups left today", "%v：今日剩余 %d 次，共 %d 次", owner(use.Key), use.Left, use.Of)
	case errors.Is(use.Err, backup.ErrRate):
		return say("%v: %d of %d backups left in %v", "%[1]v：%[4]v内剩余 %[2]d 次，共 %[3]d 次", owner(use.Key), use.Left, use.Of, param.Duration(use.Per))
	}
	return param.Text{}
}

// owner returns in words for whom a limit counts (a person, a team, an account), from the key
// of the limit (see [backup.Rate] and [backup.Quota]).
func owner(key string) param.Text {
	kind, name, _ := strings.Cut(key, ":")
	switch kind {
	case "a":
		return say("Account %v", "账号 %v", name)
	case "t":
		return say("Team %v", "%v 团队", name)
	}
	return param.Both("You", "您")
}

// recently is the age below which a complete backup causes a warning that another one may not
// be needed.
const recently = 6 * time.Hour

// lastGood adds a finding about the last complete backup of the resource: the latest one in the
// cloud's list of jobs or in the portal's own history.
func (j *judge) lastGood() {
	var last backup.Job
	for _, job := range j.survey.jobs.value {
		if job.Status == backup.StateComplete && job.CompleteTime.After(last.CompleteTime) {
			last = job
		}
	}
	source := j.call.Params.SourceType()
	var record backup.Record
	for _, r := range j.history {
		sameKind := r.Complete.SourceType() == source && r.Region() == j.call.Target.Region
		if r.State(j.now) == backup.StateComplete && sameKind && !r.Job.CompleteTime.Before(last.CompleteTime) {
			last, record = r.Job, r
		}
	}
	for _, r := range j.history {
		if record.SubmissionID == "" && last.JobID != "" && r.Last.JobID == last.JobID {
			record = r
		}
	}
	if last.CompleteTime.IsZero() {
		if j.survey.jobs.asked && j.survey.jobs.err == nil || !j.survey.jobs.asked && j.historyErr == nil {
			j.add(Finding{ID: "last", Kind: OK, Title: param.Both("Last good backup", "最近一次成功备份"),
				Text: param.Both("None in the last 30 days", "最近 30 天内没有")})
		}
		return
	}
	f := Finding{ID: "last", Kind: OK, Title: say("%v was backed up %v ago", "%v 于 %v前备份过", j.name(), ageOf(j.now, last.CompleteTime))}
	if record.SubmissionID != "" {
		f.Submission = record.SubmissionID
		f.Text = say("By %v, kept for %v days.", "由 %v 发起，保留 %v 天。", record.Principal.Name, record.Complete["Retention"])
	}
	if j.now.Sub(last.CompleteTime) < recently {
		f.Kind = Warning
		f.Text = sentences(f.Text, param.Both("You may not need another one.", "您可能不需要再次备份。"))
	}
	j.add(f)
}

// machine returns the instance or cluster of the request with its attributes from the cloud's
// answers.
func (j *judge) machine() Machine {
	m := Machine{ID: resource(j.call)}
	switch {
	case j.call.Params.SourceType() == param.Container:
		found, _ := find(j.survey.cluster.value, m.ID)
		m.Name = found.Name
		for _, v := range j.call.Params.Volumes() {
			c, _ := find(j.survey.volumes.value, v.ResourceID)
			m.GiB += gib(cmp.Or(c.Attribute("pv_size"), v.Info().PVSize))
			m.Parts++
		}
	default:
		found, _ := find(j.survey.instance.value, m.ID)
		m.Name = found.Name
		chosen, _ := j.chosenDisks()
		for _, d := range chosen {
			m.GiB += gib(d.Attribute("Size"))
		}
		m.Parts = len(chosen)
	}
	return m
}

// ageOf returns the age of a time in words.
func ageOf(now, t time.Time) param.Text { return age(now.Sub(t)) }

// age returns a duration in its largest unit: "3 hours".
func age(d time.Duration) param.Text {
	for _, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if d >= unit {
			return param.Duration(d.Truncate(unit) / unit * unit)
		}
	}
	return param.Duration(max(d, time.Second))
}

// String returns the finding in one line of English, for logs and tests.
func (f Finding) String() string {
	return fmt.Sprintf("%s %s %s: %s. %s", f.Kind, f.ID, f.Param, f.Title.En, f.Text.En)
}
