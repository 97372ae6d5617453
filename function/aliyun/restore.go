package aliyun

import (
	"cmp"
	"strconv"

	"backupportal/function/backup"
	"backupportal/function/jsontext"
	"backupportal/function/param"
)

// Operations that only the commands for a restore name. The portal does not call them.
const (
	createRestoreJob         = "CreateRestoreJob"
	searchHistoricalSnapshot = "SearchHistoricalSnapshots"
)

// RestoreCommands returns commands of the Alibaba Cloud CLI with which a person restores a
// backup. Words in capitals in a command stand for values that this person must fill in. A
// command that starts a restore has the option --dryrun, with which the CLI only prints the
// request. RestoreCommands makes no call. Sources: Cloud Backup, CreateRestoreJob and
// SearchHistoricalSnapshots; Alibaba Cloud CLI, "Simulate a call".
func (c *Client) RestoreCommands(call backup.Call, job backup.Job) []backup.Preview {
	switch call.Params.SourceType() {
	case param.UDMECS:
		return []backup.Preview{
			{Title: param.Both("To a new instance, with the CLI", "恢复为新实例（CLI）"), Code: toNewInstance(call, job)},
			{Title: param.Both("Only one disk", "仅恢复一块云盘"), Code: toOneDisk(call, job)},
		}
	case param.ECSFile:
		return []backup.Preview{{Title: param.Both("Files, with the CLI", "恢复文件（CLI）"), Code: toFiles(call)}}
	case param.Container:
		return []backup.Preview{{Title: param.Both("A volume, with the CLI", "恢复存储卷（CLI）"), Code: toVolume(call)}}
	}
	return nil
}

// Words that stand for values in commands.
const (
	anyPoint    = "SNAPSHOT_ID"
	anyHash     = "SNAPSHOT_HASH"
	anyCategory = "DISK_CATEGORY"
)

// toNewInstance returns the command that creates a new instance from a recovery point.
func toNewInstance(call backup.Call, job backup.Job) string {
	id := anyPoint
	if job.Point != nil {
		id = cmp.Or(job.Point.SnapshotID, anyPoint)
	}
	detail := jsontext.Must(struct {
		InstanceType    string `json:"instanceType"`
		RestoredNetwork string `json:"restoredNetwork"`
		SecurityGroup   string `json:"securityGroup"`
		RestoredName    string `json:"restoredName"`
		HostName        string `json:"restoredHostName"`
		DiskCategory    string `json:"diskCategory"`
		Boot            bool   `json:"bootAfterRestore"`
	}{"INSTANCE_TYPE", "VSWITCH_ID", "SECURITY_GROUP_ID", "NEW_NAME", "NEW_HOST_NAME", anyCategory, false})
	return restoreText(call, []param.Parameter{
		{Name: "RestoreType", Value: "UDM_ECS"}, {Name: "SourceType", Value: string(param.UDMECS)}, {Name: "SnapshotId", Value: id},
		{Name: "UdmRegionId", Value: call.Target.Region}, {Name: "UdmDetail", Value: detail},
	})
}

// toOneDisk returns two commands: one lists the recovery points of the disks that a job has
// backed up, the other attaches a clone of one of them to the instance.
func toOneDisk(call backup.Call, job backup.Job) string {
	params := []param.Parameter{
		{Name: "SourceType", Value: "UDM_ECS_DISK"}, {Name: "UdmRegionId", Value: call.Target.Region}, {Name: "JobId", Value: job.JobID},
		{Name: "StartTime", Value: strconv.FormatInt(job.CreatedTime.Add(-snapshotMargin).Unix(), 10)},
		{Name: "EndTime", Value: strconv.FormatInt(job.CompleteTime.Add(snapshotMargin).Unix(), 10)},
	}
	detail := jsontext.Must(struct {
		Target       string `json:"targetInstanceId"`
		DiskCategory string `json:"diskCategory"`
	}{call.Params["InstanceId"], anyCategory})
	return operationText(describeUdmSnapshots, call.Target.Region, params) + "\n\n" + restoreText(call, []param.Parameter{
		{Name: "RestoreType", Value: "UDM_ECS_DISK"}, {Name: "SourceType", Value: string(param.UDMECS)}, {Name: "SnapshotId", Value: "DISK_SNAPSHOT_ID"},
		{Name: "UdmRegionId", Value: call.Target.Region}, {Name: "UdmDetail", Value: detail},
	})
}

// toFiles returns two commands: one finds a recovery point of files, the other restores it to a
// folder of the instance.
func toFiles(call backup.Call) string {
	id, vault := call.Params["InstanceId"], call.Params["VaultId"]
	return searchText(call, param.ECSFile, [][2]string{{"instanceId", id}, {"vaultId", vault}}) + restoreText(call, []param.Parameter{
		{Name: "RestoreType", Value: string(param.ECSFile)}, {Name: "SourceType", Value: string(param.ECSFile)}, {Name: "VaultId", Value: vault},
		{Name: "SnapshotId", Value: anyPoint}, {Name: "SnapshotHash", Value: anyHash},
		{Name: "TargetInstanceId", Value: id}, {Name: "TargetPath", Value: "/NEW_FOLDER"},
	})
}

// toVolume returns two commands: one finds a recovery point of a container volume, the other
// restores it to a volume of the cluster.
func toVolume(call backup.Call) string {
	cluster, vault := call.Params["ContainerClusterId"], call.Params["VaultId"]
	to := jsontext.Must(struct {
		Host       string `json:"host"`
		HostPrefix string `json:"hostPrefix"`
		Path       string `json:"pvPath"`
	}{"NODE", "MOUNT_PATH_ON_NODE", "/"})
	return searchText(call, param.Container, [][2]string{{"vaultId", vault}}) + restoreText(call, []param.Parameter{
		{Name: "RestoreType", Value: string(param.Container)}, {Name: "SourceType", Value: string(param.Container)}, {Name: "VaultId", Value: vault},
		{Name: "SnapshotId", Value: anyPoint}, {Name: "SnapshotHash", Value: anyHash},
		{Name: "TargetContainerClusterId", Value: cluster}, {Name: "TargetContainer", Value: to},
	})
}

// searchText returns the command that lists the recovery points whose members have the values
// of equal.
func searchText(call backup.Call, source param.SourceType, equal [][2]string) string {
	query := []any{"and"}
	for _, e := range equal {
		query = append(query, []string{"==", e[0], e[1]})
	}
	return operationText(searchHistoricalSnapshot, call.Target.Region, []param.Parameter{
		{Name: "SourceType", Value: string(source)}, {Name: "Query", Value: jsontext.Must(query)},
	}) + "\n\n"
}

// restoreText returns the command that starts a restore. It adds the parameters for a resource
// in another account if the backup had them.
func restoreText(call backup.Call, params []param.Parameter) string {
	if call.Params["CrossAccountType"] == "CROSS_ACCOUNT" {
		for _, name := range []string{"CrossAccountType", "CrossAccountUserId", "CrossAccountRoleName"} {
			params = append(params, param.Parameter{Name: name, Value: call.Params[name]})
		}
	}
	return operationText(createRestoreJob, call.Target.Region, params) + " \\\n  --dryrun\n"
}
