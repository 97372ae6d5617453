package templates_test

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/inventory"
	"backupportal/function/kubectl"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/templates"
)

// A sample is a page with example content.
type sample struct {
	name string
	page templ.Component
}

// samples returns all pages in all states that look different. The function put returns each
// text of data; a test can replace it to put in hostile texts.
func samples(put func(string) string) []sample {
	s := newSampler(put)
	all := append(s.forms(), s.checks()...)
	all = append(all, s.statuses()...)
	all = append(all, s.batches()...)
	return append(all, s.others()...)
}

// same is a function put that returns each text unchanged.
func same(s string) string { return s }

type sampler struct {
	put func(string) string
	now time.Time
}

func newSampler(put func(string) string) sampler {
	return sampler{put: put, now: time.Date(2026, 11, 23, 17, 6, 11, 0, time.FixedZone("", 8*3600))}
}

func (s sampler) shell(path string) templates.Shell {
	return templates.Shell{
		Path: path, Query: s.put("a=b"), User: s.put("alice"), Version: s.put("v1.2.3 (0123456789ab)"),
		CSS: "static/portal.css", BatchCSS: "static/batch.css", JS: "static/portal.js", Icon: "static/icon.svg",
		Now: s.now, Zone: time.FixedZone("", 8*3600),
	}
}

// receivers adds two receivers to a page.
func (s sampler) receivers(p templates.ReceiversPage) templates.ReceiversPage {
	p.Shell = s.shell("/notifications")
	p.Shell.Receivers = "/notifications"
	p.Receivers = []backup.Receiver{
		{Name: s.put("incidents"), Kind: backup.WebhookReceiver, Events: backup.Events, Accounts: []string{s.put("prod")}},
		{Name: s.put("chat"), Kind: backup.Slack, Events: []backup.Event{backup.EventFailed}},
	}
	return p
}

func (s sampler) text(en, zh string) param.Text {
	return param.Text{En: s.put(en), Zh: s.put(zh)}
}

func (s sampler) accounts() []backup.Account {
	return []backup.Account{
		{Alias: s.put("platform"), ID: s.put("1234567890123456"), Access: backup.Own, Regions: []string{"cn-hangzhou", "cn-shanghai"}},
		{Alias: s.put("payments"), ID: s.put("1589750000004625"), Access: backup.AssumeRole, Regions: []string{"cn-hangzhou"}},
		{Alias: s.put("archive"), ID: s.put("1589750000009999"), Access: backup.HBRCrossAccount, Regions: []string{"cn-beijing", s.put("cn-odd")}},
	}
}

func (s sampler) offer() policy.Offer {
	line := policy.Line{Rule: s.put("payments-prod"), Min: 1, Max: 30, Reason: s.text("Snapshots cost money.", "快照会产生费用。"), Owner: s.text("platform team", "平台团队")}
	return policy.Offer{
		Scripts:     []string{s.put("/opt/backup/pre.sh"), s.put("/opt/backup/post.sh")},
		CopyRegions: []string{"cn-beijing", "cn-shanghai"}, Lines: []policy.Line{line}, CopyLines: []policy.Line{line},
	}
}

func (s sampler) presets() []backup.Preset {
	return []backup.Preset{
		{Name: "before-release", Title: s.text("Before a release", "发布前备份"), Description: s.text("Kept for two weeks", "保留两周"), Values: param.Params{"SourceType": "UDM_ECS"}},
		{Name: "web-files", Title: s.text("Files of a web server", "网站文件备份"), Description: s.text("Kept for 90 days", "保留 90 天"), Values: param.Params{"SourceType": "ECS_FILE"}},
	}
}

func (s sampler) form(source param.SourceType, values templates.Values) templates.FormPage {
	v := templates.Values{"SourceType": string(source), "Account": s.put("platform"), "Retention": "30"}
	for name, value := range values {
		v[name] = value
	}
	return templates.FormPage{Shell: s.shell("/backups/new/" + string(source)), Source: source, Values: v, Accounts: s.accounts(), Offer: s.offer()}
}

func (s sampler) forms() []sample {
	open := s.form(param.UDMECS, templates.Values{
		"Account": s.put("payments"), "Region": "cn-hangzhou", "InstanceId": s.put("i-bp1f4k0w2x9m7q3c8zsy"),
		"choice.Detail.diskIdList": "some", "Detail.diskIdList": s.put("d-bp1\nd-bp2"), "choice.Detail.appConsistent": "scripts",
		"Detail.preScriptPath": s.put("/opt/backup/pre.sh"), "JobName": s.put("before-kernel-upgrade"),
		"Detail.doCopy": "true", "Detail.destinationRetention": "60", "Detail.snapshotGroup": "true",
	})
	open.Demo, open.UnknownParams = true, []string{s.put("Colour"), s.put("Size")}
	wrong := s.form(param.UDMECS, templates.Values{"Retention": "", "choice.Detail.diskIdList": "some", "Detail.doCopy": "true"})
	wrong.Matches = map[string]templates.OptionsPage{"InstanceId": s.options()}
	wrong.Mistakes = s.mistakes("Account", "Region", "InstanceId", "Detail.diskIdList", "Retention", "Detail.destinationRegionId", "CrossAccountType", "Detail.preScriptPath", "")
	bare := s.form(param.UDMECS, nil)
	bare.Offer.Scripts, bare.Offer.CopyRegions, bare.Offer.Instances = nil, nil, []string{s.put("i-1"), s.put("i-2")}
	for _, alias := range []string{"a", "b", "c"} {
		bare.Accounts = append(bare.Accounts, backup.Account{Alias: s.put(alias), ID: s.put("1"), Regions: []string{"cn-qingdao"}})
	}
	hours := templates.Values{
		"choice.SpeedLimit": "hours", "InstanceId": s.put("i-1"), "Include": s.put("/home/alice/*.pdf\n/srv/data"),
		"SpeedLimit.0.start": "9", "SpeedLimit.0.end": "18", "SpeedLimit.0.bandwidth": "20", "SpeedLimit.0.unit": "MB",
		"SpeedLimit.1.start": "18", "SpeedLimit.1.end": "22", "SpeedLimit.1.bandwidth": "80", "SpeedLimit.1.unit": "MB",
		"SpeedLimit.2.start": "22", "SpeedLimit.2.end": "24", "SpeedLimit.2.bandwidth": "500", "SpeedLimit.2.unit": "KB",
	}
	speed := s.form(param.ECSFile, hours)
	speed.Focus = "SpeedLimit.2.start"
	badSpeed := s.form(param.ECSFile, hours)
	badSpeed.Mistakes = append(s.mistakes("Include", "SpeedLimit"), param.Mistake{
		Field: "SpeedLimit", Part: "SpeedLimit.1.end", Code: "window_order", Text: s.text("window 2 must not end at the hour at which it starts", "第 2 个时段的结束时间不能与开始时间相同"),
	})
	volumes := s.form(param.Container, templates.Values{
		"ContainerClusterId": s.put("cc-0001abc"), "ContainerResources.0.namespace": s.put("database"), "ContainerResources.1.pvc_name": s.put("data-1"),
	})
	badVolumes := s.form(param.Container, templates.Values{"InitiatedByAck": "true"})
	badVolumes.Mistakes = s.mistakes("ContainerClusterId", "ContainerResources", "ClusterId", "InitiatedByAck", "BackupType", "JobName")
	pasted := s.form(param.Container, templates.Values{"choice.ContainerResources": "json", "ContainerResources": s.put(`[{"pvPath":"/"}]`)})
	pasted.Section, pasted.Mistakes = "what", s.mistakes("ContainerResources")
	back := s.form(param.UDMECS, templates.Values{"InstanceId": s.put("i-1")})
	back.Page, back.Person = "D1", s.put("token")
	back.Returned = &templates.Returned{SavedAt: s.now, Expires: s.now.Add(24 * time.Hour), Discard: "/drafts/D1/discard"}
	web01 := inventory.Machine{
		Place:     inventory.Place{Account: s.put("payments"), Region: "cn-hangzhou"},
		Candidate: backup.Candidate{ID: s.put("i-1"), Name: s.put("web01"), Attributes: []backup.Attribute{{Name: "Status", Value: "Running"}, {Name: "OSType", Value: "linux"}}},
		Sources:   []param.SourceType{param.UDMECS, param.ECSFile},
	}
	started := s.form(param.UDMECS, templates.Values{
		"Region": "cn-hangzhou", "InstanceId": s.put("i-1"), "choice.Detail.diskIdList": "all",
	})
	started.Machine = &templates.MachineRow{Machine: web01, Good: s.now.Add(-3 * time.Hour)}
	started.Lists = map[string]templates.FieldList{"Detail.diskIdList": {Items: []backup.Candidate{
		{ID: s.put("d-1"), Attributes: []backup.Attribute{{Name: "Type", Value: "system"}, {Name: "Size", Value: "40 GiB"}, {Name: "Category", Value: "cloud_essd"}}},
		{ID: s.put("d-2"), Name: s.put("data"), Attributes: []backup.Attribute{{Name: "Category", Value: s.put("new")}, {Name: "Encrypted", Value: "true"}}},
	}}}
	vaults := s.form(param.ECSFile, templates.Values{"VaultId": s.put("v-other")})
	vaults.Lists = map[string]templates.FieldList{"VaultId": {Items: []backup.Candidate{
		{ID: s.put("v-1"), Name: s.put("files"), Attributes: []backup.Attribute{{Name: "VaultType", Value: "STANDARD"}, {Name: "EncryptType", Value: "KMS"}}},
	}}}
	unread := s.form(param.UDMECS, templates.Values{"InstanceId": s.put("i-1")})
	unread.Lists = map[string]templates.FieldList{"Detail.diskIdList": {Unreadable: true}}
	preset := s.form(param.UDMECS, templates.Values{"Preset": "before-release"})
	preset.Preset = &s.presets()[0]
	preset.Link, preset.LinkAddress = s.put("web01 before a release"), "/backups/new/UDM_ECS?Name=web01"
	return []sample{
		{"form-machine", templates.Form(started)},
		{"form-vaults", templates.Form(vaults)},
		{"form-no-disks", templates.Form(unread)},
		{"form-preset", templates.Form(preset)},
		{"form-returned", templates.Form(back)},
		{"form-instance", templates.Form(s.form(param.UDMECS, nil))},
		{"form-instance-open", templates.Form(open)},
		{"form-instance-errors", templates.Form(wrong)},
		{"form-instance-bare", templates.Form(bare)},
		{"form-files", templates.Form(s.form(param.ECSFile, nil))},
		{"form-files-speed", templates.Form(speed)},
		{"form-files-errors", templates.Form(badSpeed)},
		{"form-containers", templates.Form(volumes)},
		{"form-containers-errors", templates.Form(badVolumes)},
		{"form-containers-json", templates.Form(pasted)},
	}
}

// mistakes returns one invented mistake for each of the fields.
func (s sampler) mistakes(fields ...string) []param.Mistake {
	var all []param.Mistake
	for _, name := range fields {
		f, _ := param.FieldNamed(name)
		all = append(all, param.Mistake{Field: name, Code: "required", Text: param.Text{En: "enter %v%v", Zh: "请输入%v%v"}, Args: []any{f.Object, s.put("")}})
	}
	return all
}

func (s sampler) check(params param.Params) templates.CheckPage {
	params["Account"], params["JobName"], params["Retention"] = s.put("payments"), s.put("before-upgrade-k7v2m4q9t3x8c5n1b6h0d2f4ja"), "30"
	return templates.CheckPage{
		Shell:  s.shell("/backups/preview"),
		Call:   backup.Call{Target: backup.Target{Account: s.accounts()[1]}, Params: params.WithDefaults()},
		Hidden: []templates.Hidden{{Name: "SourceType", Value: string(params.SourceType())}, {Name: "Account", Value: s.put("payments")}, {Name: "key", Value: s.put("KEY")}},
		Previews: []backup.Preview{
			{Title: s.text("Request", "请求"), Code: s.put("POST https://hbr.cn-hangzhou.aliyuncs.com/\nAction=CreateBackupJob\nInclude=[\"/home/alice/*.pdf\",\"/srv/data\"]")},
			{Title: s.text("The same request with the Alibaba Cloud CLI", "使用阿里云 CLI 发送相同请求"), Code: s.put("aliyun hbr CreateBackupJob \\\n  --SourceType ECS_FILE")},
		},
	}
}

// draftCheck returns the check page of a stored draft, as test data.
func (s sampler) draftCheck() templates.CheckPage {
	page := s.check(param.Params{"Region": "cn-hangzhou", "InstanceId": s.put("i-1")})
	page.Link = []templates.Hidden{{Name: "InstanceId", Value: s.put("i-1")}}
	page.Shell, page.Draft, page.Form, page.Hidden = s.shell("/drafts/D1/check"), "/drafts/D1", "/drafts/D1?page=P1", nil
	return page
}

// receiversCheck returns draftCheck with receivers, one of which no rule allows.
func (s sampler) receiversCheck() templates.CheckPage {
	page := s.draftCheck()
	page.Receivers = []backup.Receiver{{Name: s.put("team-chat"), Kind: backup.DingTalk}, {Name: s.put("incidents"), Kind: backup.WebhookReceiver}}
	page.Chosen = []string{s.put("team-chat")}
	page.Wrong = []param.Mistake{{Field: "Notify", Code: "policy", Text: s.text("Rule “payments” does not include this receiver", "规则“payments”不包含此接收方")}}
	return page
}

func (s sampler) checks() []sample {
	instance := s.check(param.Params{
		"Region": "cn-hangzhou", "InstanceId": s.put("i-bp1f4k0w2x9m7q3c8zsy"), "Detail.diskIdList": param.StringList([]string{s.put("d-1"), s.put("d-2")}),
		"Detail.snapshotGroup": "true", "Detail.appConsistent": "true", "Detail.preScriptPath": s.put("/opt/backup/pre.sh"), "Detail.postScriptPath": s.put("/opt/backup/post.sh"),
		"Detail.doCopy": "true", "Detail.destinationRegionId": "cn-shanghai", "Detail.destinationRetention": "60",
		"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": s.put("1589750000004625"), "CrossAccountRoleName": s.put("hbrcrossrole"),
	})
	writers := s.check(param.Params{"Region": "cn-hangzhou", "InstanceId": s.put("i-1"), "Detail.appConsistent": "true"})
	files := s.check(param.Params{"SourceType": "ECS_FILE", "Region": "cn-hangzhou", "InstanceId": s.put("i-1"), "VaultId": s.put("v-1"), "SpeedLimit": "9:18:20480|18:22:81920"})
	volume := param.Volume{ResourceType: "PV", BackupMethod: "FILE", ResourceID: s.put("674dac6d"), PVPath: "/"}
	containers := s.check(param.Params{
		"SourceType": "CONTAINER", "Region": "cn-hangzhou", "ContainerClusterId": s.put("cc-1"), "VaultId": s.put("v-1"),
		"ContainerResources": param.VolumeList([]param.Volume{volume.WithInfo(param.VolumeInfo{Namespace: s.put("database"), PVCName: s.put("data-0")})}),
	})
	return []sample{
		{"check-draft", templates.Check(s.draftCheck())},
		{"check-receivers", templates.Check(s.receiversCheck())},
		{"check-instance", templates.Check(instance)},
		{"check-writers", templates.Check(writers)},
		{"check-files", templates.Check(files)},
		{"check-containers", templates.Check(containers)},
	}
}

func (s sampler) row(state backup.State) templates.Row {
	params := param.Params{"Account": s.put("payments"), "Region": "cn-hangzhou", "InstanceId": s.put("i-bp1f4k0w2x9m7q3c8zsy"), "JobName": s.put("before kernel upgrade"), "Retention": "14"}
	complete := param.Params{"Detail.doCopy": "true", "Detail.destinationRegionId": "cn-shanghai", "Retention": "14"}
	record := backup.Record{
		Submission:   backup.Submission{Door: backup.DoorForm, Principal: identity.Principal{Name: s.put("alice")}, Params: params},
		SubmissionID: "k7v2m4q9t3x8c5n1b6h0d2f4ja", JobName: s.put("before-kernel-upgrade-k7v2"), Complete: complete, CreatedAt: s.now.Add(-10 * time.Minute),
		Last: backup.Step{Kind: backup.StepCreated, JobID: s.put("job-000csy09q50a2jdcbwbo"), RequestID: s.put("25F49E7B-7E39-542E-83AD-62E6E7F73786")},
		Job: backup.Job{
			Status: state, Progress: 4213, BytesTotal: 86 << 30, BytesDone: 36 << 30, Speed: 120832, StartTime: s.now.Add(-9 * time.Minute), SeenAt: s.now,
			CopyStatus: "RUNNING", CopyProgress: 12,
		},
	}
	if state.IsTerminal() {
		record.Job.CompleteTime, record.Last.Code, record.Job.ErrorMessage = s.now, s.put("Code"), s.put("what the cloud says")
		record.Job.ConsistentLevel, record.Job.DowngradeReason = s.put("CRASH"), s.put("no script")
	}
	return templates.Row{Record: record, State: state}
}

func (s sampler) statuses() []sample {
	var all []sample
	for _, state := range []backup.State{
		backup.StateSending, backup.StateUnknown, backup.StateRefused, backup.StateNotSent, backup.StateQueued, backup.StateRunning, backup.StateCanceling, backup.StateComplete,
		backup.StatePartialComplete, backup.StateFailed, backup.StateCanceled, backup.StateExpired, backup.State(s.put("ODD")),
	} {
		page := templates.StatusPage{Shell: s.shell("/backups/k7v2"), Row: s.row(state), Account: s.accounts()[1]}
		if !state.IsTerminal() {
			page.Every = 5 * time.Second
		}
		if state == backup.StateFailed {
			page.Record.Job.ErrorMessage = s.put("VolumeNotMounted")
			page.Means, page.Todo = s.text("The volume is not mounted on the node it was last seen on.", "该卷未挂载在上次所见的节点上。"), s.text("Check that the pod is running, then repeat the backup.", "请确认 Pod 正在运行，然后再备份一次。")
		}
		page.Auto, page.Late = state == backup.StateSending, state == backup.StateComplete
		page.Record.Cancellation.By.Name = s.put("bob")
		page.Earlier = []time.Duration{28 * time.Minute, 35 * time.Minute, 72 * time.Minute}
		if state == backup.StateComplete || state == backup.StatePartialComplete {
			page.Restore = []backup.Preview{{Title: s.text("To a new instance", "恢复为新实例"), Code: s.put("aliyun hbr CreateRestoreJob --dryrun")}}
		}
		if state == backup.StateComplete {
			page.Record.ResourceName = s.put("web01")
			page.Record.Job.Point = &backup.RecoveryPoint{SnapshotID: s.put("s-1"), CreatedTime: s.now, ExpireTime: s.now.AddDate(0, 0, 14)}
		}
		name := "status-" + strings.ToLower(string(state))
		if state.IsTerminal() || state == backup.StateRunning || state == backup.StateUnknown || state == backup.StateSending || state == backup.StateQueued || state == backup.StateCanceling {
			all = append(all, sample{name, templates.Status(page)})
			continue
		}
		all = append(all, sample{"status-odd", templates.Status(page)})
	}
	return all
}

// rejected returns rows about rejected messages: with and without a page of their own, one and
// several.
func (s sampler) rejected() []templates.Row {
	one := backup.Rejection{
		Kind: backup.RejectedInvalid, Door: backup.DoorWebhook, Sender: identity.Principal{Kind: identity.KindSource, Subject: s.put("monitoring")},
		Reason: s.text("There is a problem: Retention is missing", "请更正以下问题：缺少保留天数"), FirstAt: s.row(backup.StateComplete).Record.CreatedAt, Count: 1,
	}
	many := one
	many.Door, many.Origin, many.SubmissionID, many.Count = backup.DoorEvent, s.put("nightly"), "abc234", 1200
	return []templates.Row{{Rejection: &one, State: backup.StateRejected}, {Rejection: &many, State: backup.StateRejected}}
}

func (s sampler) others() []sample {
	rows := []templates.Row{s.row(backup.StateRunning), s.row(backup.StateComplete), s.row(backup.StateFailed), s.row(backup.StateCanceled), s.row(backup.StatePartialComplete), s.row(backup.StateUnknown)}
	theirs := append([]templates.Row{s.row(backup.StateQueued)}, rows...)
	theirs[0].Record.Principal.Name = s.put("bob")
	rules := []policy.Rule{{
		ID: s.put("payments-prod"), Accounts: []string{s.put("payments"), s.put("platform")}, Regions: []string{s.put("cn-hangzhou")}, SourceTypes: param.SourceTypes[:2],
		Resources: []string{s.put("i-bp1f4k0w2x9m7q3c8zsy"), s.put("i-bp1a8s7d6f5g4h3j2k1q")}, Min: 1, Max: 30, CopyRegions: []string{s.put("cn-shanghai")},
		Scripts: []string{s.put("/opt/backup/pre.sh")}, Reason: s.text("Snapshots cost money.", "快照会产生费用。"), Owner: s.text("platform team", "平台团队"),
	}, {ID: s.put("labs"), Accounts: []string{s.put("labs")}, Regions: []string{s.put("cn-beijing")}, SourceTypes: param.SourceTypes, Max: 364635}}
	offered := map[param.SourceType]bool{param.UDMECS: true, param.ECSFile: true, param.Container: true}
	signedOut := s.shell("/backups")
	signedOut.User = ""
	busy := s.shell("/backups")
	busy.Demo, busy.Disabled, busy.Ephemeral, busy.API, busy.SignOut = true, true, true, "/docs/api", "/auth/logout"
	var reference []sample
	for _, name := range templates.APITopics() {
		page := s.reference()
		page.Topic = name
		reference = append(reference, sample{"api-" + name, templates.API(page)})
	}
	return append(reference, []sample{
		{"choose", templates.Choose(templates.ChoosePage{Shell: s.shell("/backups/new"), Offered: offered})},
		{"choose-some", templates.Choose(templates.ChoosePage{Shell: s.shell("/backups/new"), Offered: map[param.SourceType]bool{param.UDMECS: true}})},
		{"choose-disabled", templates.Choose(templates.ChoosePage{Shell: busy, Offered: offered})},
		{"start", templates.Start(s.start(rows[:5], rules))},
		{"start-clusters", templates.Start(s.clusters(rules))},
		{"start-none", templates.Start(templates.StartPage{
			Shell: s.shell("/"), Rules: rules, Kind: backup.Instances, Known: 3, Filters: map[string]string{"Search": s.put("web")}, Accounts: s.accounts(),
		})},
		{"start-empty", templates.Start(templates.StartPage{Shell: s.shell("/")})},
		{"start-norights", templates.Start(templates.StartPage{Shell: s.shell("/"), Help: &templates.Help{
			Contacts: []param.Text{s.text("platform team", "平台团队")}, Identity: s.put("issuer: i"),
		}})},
		{"start-norights-bare", templates.Start(templates.StartPage{Shell: s.shell("/"), Help: &templates.Help{}})},
		{"receivers", templates.Receivers(s.receivers(templates.ReceiversPage{}))},
		{"receivers-sent", templates.Receivers(s.receivers(templates.ReceiversPage{Sent: s.put("incidents")}))},
		{"receivers-failed", templates.Receivers(s.receivers(templates.ReceiversPage{Failed: s.put("chat"), Why: s.put("notify: chat: connection refused")}))},
		{"receivers-empty", templates.Receivers(templates.ReceiversPage{Shell: s.shell("/notifications")})},
		{"history", templates.History(templates.HistoryPage{Shell: s.shell("/backups"), Rows: rows, Newer: "/backups", Older: "/backups?before=" + s.put("1")})},
		{"history-others", templates.History(templates.HistoryPage{Shell: s.shell("/backups"), Rows: theirs})},
		{"history-rejected", templates.History(templates.HistoryPage{Shell: s.shell("/backups"), Rows: append(s.rejected(), rows[:2]...)})},
		{"schedules", templates.Schedules(s.schedules(rows))},
		{"schedules-empty", templates.Schedules(templates.SchedulesPage{Shell: s.shell("/backups/schedules")})},
		{"history-empty", templates.History(templates.HistoryPage{Shell: s.shell("/backups")})},
		{"volumes-paste", templates.Volumes(templates.VolumesPage{Shell: s.shell("/backups/new"), Cluster: s.put("cc-0001")})},
		{"volumes-unreadable", templates.Volumes(templates.VolumesPage{
			Shell: s.shell("/backups/new"), Output: s.put("$ kubectl"), Unreadable: &kubectl.SyntaxError{Line: 1, Column: 1, Kind: kubectl.Prompt},
		})},
		{"volumes", templates.Volumes(templates.VolumesPage{
			Shell: s.shell("/backups/new"), Cluster: s.put("cc-0001"), Listed: true,
			Rows: []templates.VolumeRow{
				{Namespace: s.put("orders"), Claim: s.put("data-0"), Name: s.put("d-1"), Size: s.put("100Gi"), StorageClass: s.put("essd"), Node: s.put("node"), ID: s.put("674dac6d"), Ticked: true},
				{Namespace: s.put("shop"), Claim: s.put("uploads"), Ticked: true, Wrong: true, Typed: s.put("a b")},
				{Namespace: s.put("shop"), Claim: s.put("cache"), Problem: "driver", Detail: s.put("hostPath")},
			},
		})},
		{"cancel", templates.Cancel(templates.CancelPage{Shell: s.shell("/backups/k7v2/cancel"), Row: s.row(backup.StateRunning)})},
		{"problem-signed-out", templates.ProblemPage(templates.Problem{
			Shell: signedOut, Status: 401, Title: s.text("Sign in to start a backup", "登录后即可备份"), Lines: []string{s.put("…")}, RequestID: s.put("r-1"),
		})},
		{"problem-resend", templates.ProblemPage(templates.Problem{
			Shell: busy, Status: 503, Title: s.text("Cloud Backup did not accept the request", "云备份未接受请求"), Lines: []string{s.put("…")},
			Link: "/backups/" + s.put("x"), LinkText: s.text("View that backup", "查看该备份"), RequestID: s.put("r-2"),
			Resend: &templates.Resend{Action: "/backups", Text: s.text("Send again", "再次提交"), Hidden: []templates.Hidden{{Name: "SourceType", Value: "UDM_ECS"}, {Name: "key", Value: s.put("KEY")}}},
		})},
	}...)
}

func (s sampler) reference() templates.APIPage {
	curl := s.put(`curl -sS "$PORTAL/api/v1/backup-jobs"`)
	page := templates.APIPage{
		Shell: s.shell("/docs/api"), Document: "/api/v1/openapi.json", Jobs: "/api/v1/backup-jobs",
		Commands: templates.Commands{Who: "PORTAL=" + s.put("http://localhost:9000"), Create: curl, DryRun: curl, Show: curl, Wait: curl, List: curl, Cancel: curl, Preflight: curl, Candidates: curl, Webhook: curl, Presets: curl, Batch: curl},
		Mode:     "oidc", Webhooks: "/webhooks/{source}", Access: "/api/v1/accounts/{alias}/preflight", Presets: "/api/v1/presets", Batches: "/api/v1/backup-batches",
		Lists:   []templates.CandidateList{{Path: "/api/v1/accounts/{alias}/" + s.put("instances"), Title: s.text("Instances", "实例"), About: s.text("All of them", "全部")}},
		Bodies:  map[param.SourceType]string{},
		Filters: []templates.Filter{{Name: s.put("Status"), Meaning: s.text("Words joined by commas", "以逗号分隔的词"), Example: s.put("FAILED")}},
		Gates:   []templates.Snippet{{Title: s.text("A shell", "命令行"), ID: "gate-shell", File: s.put("gate.sh"), Code: s.put("set -eu")}},
		Answer:  s.put(`{"Status":"RUNNING"}`), Wrong: s.put(`{"status":422}`),
		Problems: []templates.ProblemKind{{Name: "refused", Statuses: []int{422, 502}, Texts: []param.Text{s.text("Refused", "被拒绝"), s.text("See `cloud`.", "见 `cloud`。")}}},
		Limits:   templates.APILimits{Body: 64 << 10, Address: 2 << 10, Key: 255, KeyDays: 7, Wait: 50, Rows: 100, Usual: 25},
	}
	page.API = page.Path
	for _, source := range param.SourceTypes {
		page.Bodies[source] = s.put("{}")
	}
	return page
}

// schedules returns a schedule that succeeds, one that never did, and one whose messages are rejected.
func (s sampler) schedules(rows []templates.Row) templates.SchedulesPage {
	page := templates.SchedulesPage{Shell: s.shell("/backups/schedules")}
	page.Schedules = []templates.Schedule{
		{Name: s.put("event timer: nightly"), Runs: 12, Last: &rows[0], Good: &rows[len(rows)-1]},
		{Name: s.put("event timer: weekly"), Runs: 1000, More: true, Last: &rows[0]},
		{Name: s.put("event scheduler: default/nightly"), Rejected: s.rejected()[0].Rejection},
	}
	return page
}

// start returns the start page with machines in all states.
func (s sampler) start(rows []templates.Row, rules []policy.Rule) templates.StartPage {
	page := templates.StartPage{
		Shell: s.shell("/"), Rows: rows, Rules: rules, Kind: backup.Instances, Accounts: s.accounts(),
		Offered: map[param.SourceType]bool{param.UDMECS: true, param.ECSFile: true, param.Container: true},
		Filters: map[string]string{"Search": s.put("web"), "Tag": s.put("stage=prod")}, Presets: s.presets(),
		Tags: []string{s.put("app=shop"), s.put("stage=prod")},
		Many: true, Findings: s.findings(), First: 21, Total: 1212, Known: 1300, Previous: "/?Page=1", Next: "/?Page=3",
	}
	var running, failed templates.Row
	if len(rows) > 0 {
		running, failed = rows[0], rows[0]
	}
	running.State, running.Record.Job.Progress = backup.StateRunning, 4200
	failed.State = backup.StateFailed
	for i := range 20 {
		m := templates.MachineRow{Presets: s.presets(), Good: s.now.Add(-time.Duration(i*i*i) * time.Hour), AccountLabel: s.text("Production (payments)", "生产（payments）")}
		m.Account, m.Region, m.Sources = s.put("payments"), "cn-hangzhou", []param.SourceType{param.UDMECS}
		m.ID, m.Name = s.put("i-bp1f4k0w2x9m7q3c8zs")+string(rune('a'+i)), s.put("web0")+string(rune('a'+i))
		m.Attributes = []backup.Attribute{
			{Name: "Status", Value: "Running"}, {Name: "ZoneId", Value: "cn-hangzhou-i"}, {Name: "OSName", Value: s.put("Alibaba Cloud Linux 3")},
			{Name: "IpAddress", Value: s.put("10.0.1.21")}, {Name: "Disks", Value: "2"}, {Name: "Size", Value: "140 GiB"},
		}
		m.Tags = map[string]string{s.put("stage"): s.put("prod"), s.put("app"): s.put("shop")}
		switch i {
		case 1:
			m.Last, m.Tags = &running, nil
		case 2:
			m.Last, m.Good, m.Old = &failed, time.Time{}, s.now.Add(-12*time.Minute)
			m.Attributes = []backup.Attribute{{Name: "Status", Value: "Stopped"}, {Name: "ZoneId", Value: s.put("odd")}}
		}
		page.Machines = append(page.Machines, m)
	}
	return page
}

// findings returns one finding about an account for each state, as test data.
func (s sampler) findings() (all []templates.AccountFinding) {
	for _, state := range []inventory.State{inventory.Slow, inventory.Denied, inventory.Failed} {
		for _, at := range []time.Time{{}, s.now.Add(-12 * time.Minute)} {
			all = append(all, templates.AccountFinding{
				Account: s.put("payments"), Label: s.text("Payments", "支付"), State: state, Machines: 14, At: at, Owner: s.text("platform team", "平台组"),
			})
		}
	}
	return all
}

// options returns candidates from which a person can choose, as test data.
func (s sampler) options() templates.OptionsPage {
	page := templates.OptionsPage{Search: s.put("web")}
	for _, row := range s.start(nil, nil).Machines[:3] {
		page.Machines = append(page.Machines, row.Machine)
	}
	return page
}

// clusters returns the start page with a list of clusters, as test data.
func (s sampler) clusters(rules []policy.Rule) templates.StartPage {
	page := s.start(nil, rules)
	page.Kind, page.Findings = backup.Clusters, nil
	m := templates.MachineRow{}
	m.Account, m.Region, m.Sources = s.put("payments"), "cn-hangzhou", []param.SourceType{param.Container}
	m.ID, m.Name = s.put("cc-0001"), s.put("production")
	m.Attributes = []backup.Attribute{{Name: "AgentStatus", Value: "READY"}, {Name: "ClusterType", Value: "ACK"}}
	page.Machines = []templates.MachineRow{m}
	return page
}
