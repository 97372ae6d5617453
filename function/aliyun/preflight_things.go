package aliyun

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
)

// aliveFor is how old the last sign of life of a backup client may be.
const aliveFor = 15 * time.Minute

// essd are the categories of disks of which a consistent snapshot can be made, as
// far as is known (Cloud Backup, application-consistent backups).
var essd = []string{"cloud_essd", "cloud_auto", "cloud_essd_entry"}

// things looks for what the parameters name. In an account that Cloud Backup
// enters by itself the portal sees nothing.
func (l *ladder) things() {
	if id := l.params["VaultId"]; id != "" {
		l.apart("vault", titleVault, func(r *backup.Rung) { l.vault(r, id) })
	}
	id := l.params["InstanceId"]
	if source := l.params.SourceType(); id == "" || source == backup.Container || l.target.Account.Access == backup.HBRCrossAccount {
		return
	}
	l.rung("instance", titleInstance, func(r *backup.Rung) { l.instance(r, id) })
	switch l.params.SourceType() {
	case backup.UDMECS:
		l.apart("disks", titleDisks, func(r *backup.Rung) { l.disks(r, id) })
	case backup.ECSFile:
		l.apart("client", titleClient, func(r *backup.Rung) { l.client(r, id) })
	}
}

// list makes a call and reads its answer into page. It reports whether r holds so far.
func (l *ladder) list(r *backup.Rung, op operation, page any) bool {
	if op.api.host == nil {
		op.api = cloudBackup
	}
	op.target = l.target
	failed := l.listed(l.ctx, op, page)
	heard(r, op.api.product+":"+op.action, failed)
	if failed != nil {
		l.unexpected(r, failed)
	}
	return failed == nil
}

func (l *ladder) vault(r *backup.Rung, id string) {
	var page struct {
		Vaults struct {
			Vault []struct {
				VaultId, VaultRegionId, Status string
				Replication                    bool
			}
		}
	}
	if !l.list(r, operation{action: describeVaults, params: []backup.Parameter{{Name: "VaultId", Value: id}, {Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "10"}}}, &page) {
		return
	}
	for _, v := range page.Vaults.Vault {
		switch {
		case v.VaultId != id:
		case v.VaultRegionId != "" && v.VaultRegionId != l.target.Region:
			fail(r, both(id+" is in another region.", id+" 位于其他地域。"))
			return
		case v.Replication:
			fail(r, both(id+" is the mirror of another vault, into which nothing can be backed up.", id+" 是镜像备份库，不能写入备份。"))
			return
		case v.Status != "CREATED":
			fail(r, both(id+" is not ready: "+backup.Clean(v.Status, longestWord)+".", id+" 尚不可用："+backup.Clean(v.Status, longestWord)+"。"))
			return
		default:
			r.Finding = both(id+" is ready.", id+" 可用。")
			return
		}
	}
	fail(r, both("There is no vault "+id+" in "+l.target.Region+".", l.target.Region+" 中不存在备份库 "+id+"。"))
}

func (l *ladder) instance(r *backup.Rung, id string) {
	var page struct {
		Instances struct {
			Instance []struct{ InstanceId, Status string }
		}
	}
	if !l.list(r, operation{api: ecs, action: describeInstances, params: l.oneInstance(id)}, &page) {
		return
	}
	for _, i := range page.Instances.Instance {
		if i.InstanceId == id {
			r.Finding = both(id+" is there: "+backup.Clean(i.Status, longestWord)+".", id+" 存在："+backup.Clean(i.Status, longestWord)+"。")
			return
		}
	}
	fail(r, both("There is no instance "+id+" in "+l.target.Region+" of this account.", "该账号的 "+l.target.Region+" 中不存在实例 "+id+"。"))
}

func (l *ladder) oneInstance(id string) []backup.Parameter {
	return []backup.Parameter{{Name: "RegionId", Value: l.target.Region}, {Name: "MaxResults", Value: "10"}, {Name: "InstanceIds", Value: backup.StringList([]string{id})}}
}

// disks matter where a consistent snapshot of several is asked for.
func (l *ladder) disks(r *backup.Rung, id string) {
	var page struct {
		Disks struct {
			Disk []struct {
				DiskId, Category, MultiAttach string
				Size                          int64
			}
		}
	}
	if !l.list(r, operation{api: ecs, action: describeDisks, params: []backup.Parameter{
		{Name: "RegionId", Value: l.target.Region}, {Name: "InstanceId", Value: id}, {Name: "MaxResults", Value: "100"},
	}}, &page) {
		return
	}
	var names, unfit []string
	for _, d := range page.Disks.Disk {
		name := backup.Clean(d.DiskId+" ("+d.Category+", "+strconv.FormatInt(d.Size, 10)+" GiB)", 200)
		names = append(names, name)
		if !slices.Contains(essd, d.Category) || d.MultiAttach == "Enabled" {
			unfit = append(unfit, name)
		}
	}
	r.Finding = both(strings.Join(names, ", "), strings.Join(names, "，"))
	switch wants := l.params["Detail.appConsistent"] == "true" || l.params["Detail.snapshotGroup"] == "true"; {
	case len(names) == 0:
		fail(r, both("The instance has no disks.", "该实例没有云盘。"))
	case wants && len(unfit) > 0:
		fail(r, both("Consistent snapshots are made of ESSD disks that are attached once only, and not of: "+strings.Join(unfit, ", "), "一致性快照仅支持未多重挂载的 ESSD 云盘，不支持："+strings.Join(unfit, "，")))
	case wants && len(names) > 16:
		fail(r, both("Consistent snapshots are made of 16 disks at most.", "一致性快照最多支持 16 块云盘。"))
	}
}

// client is the program on the instance that reads its files. Of its settings,
// which may hold a password, nothing is read.
func (l *ladder) client(r *backup.Rung, id string) {
	var page struct {
		Clients []struct {
			InstanceId, Status string
			LastHeartBeatTime  int64
		}
	}
	if !l.list(r, operation{action: describeBackupClients, params: []backup.Parameter{
		{Name: "ClientType", Value: "ECS_CLIENT"}, {Name: "InstanceIds", Value: backup.StringList([]string{id})}, {Name: "PageNumber", Value: "1"}, {Name: "PageSize", Value: "10"},
	}}, &page) {
		return
	}
	for _, c := range page.Clients {
		if c.InstanceId != id {
			continue
		}
		status, seen := backup.Clean(c.Status, longestWord), l.cfg.Now().Sub(time.Unix(c.LastHeartBeatTime, 0)).Round(time.Second)
		if c.Status == "ACTIVATED" && seen < aliveFor {
			r.Finding = both("It is ready; its last sign of life was "+seen.String()+" ago.", "可用；最近一次心跳在 "+seen.String()+" 前。")
			return
		}
		fail(r, both("It is not ready: "+status+", its last sign of life was "+seen.String()+" ago.", "不可用："+status+"，最近一次心跳在 "+seen.String()+" 前。"), l.installClient())
		return
	}
	fail(r, both("There is none on "+id+".", id+" 上没有备份客户端。"), l.installClient())
}

func (l *ladder) installClient() backup.Fix {
	return backup.Fix{Title: both("Install or start the client in the console of Cloud Backup, under ECS File Backup; Cloud Assistant must run on the instance", "在云备份控制台的“ECS 文件备份”中安装或启动客户端；实例上须运行云助手"),
		Code: "https://hbr.console.aliyun.com/"}
}
