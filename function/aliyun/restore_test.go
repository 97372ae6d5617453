package aliyun_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/param"
)

// restoreParameters lists the parameters of the operations that restore commands name, as the API
// pages of Cloud Backup list them. RegionId is the CLI's own.
var restoreParameters = map[string][]string{
	"CreateRestoreJob": {
		"RegionId", "RestoreType", "SourceType", "SnapshotId", "SnapshotHash", "UdmRegionId", "UdmDetail", "VaultId",
		"TargetInstanceId", "TargetPath", "TargetContainerClusterId", "TargetContainer",
		"CrossAccountType", "CrossAccountUserId", "CrossAccountRoleName",
	},
	"SearchHistoricalSnapshots": {"RegionId", "SourceType", "Query"},
	"DescribeUdmSnapshots":      {"RegionId", "SourceType", "UdmRegionId", "JobId", "StartTime", "EndTime"},
}

// TestRestoreCommandsInShell proves that a shell splits each restore command into a known
// operation of Cloud Backup and documented parameters, whatever the values of the backup are.
// It also proves that each command has the backup's region, that JSON parameters are JSON, and
// that only operations which restore nothing are without --dryrun.
func TestRestoreCommandsInShell(t *testing.T) {
	client, err := aliyun.New(aliyun.Config{})
	if err != nil {
		t.Fatal(err)
	}
	job := backup.Job{
		JobID: "job-1", CreatedTime: time.Unix(1_700_000_000, 0), CompleteTime: time.Unix(1_700_000_600, 0),
		Point: &backup.RecoveryPoint{SnapshotID: "s-1", JobID: "job-1"},
	}
	rapid.Check(t, func(r *rapid.T) {
		call := drawCall(r)
		if call.Params.SourceType() == param.ECSFile {
			call.Params["VaultId"] = "v-" + rapid.StringMatching("[a-z '\"$`&;*]{1,9}").Draw(r, "vault")
		}
		for _, p := range client.RestoreCommands(call, job) {
			restores := 0
			for line := range strings.SplitSeq(p.Code, "\n\n") {
				operation, values := readCommand(r, line)
				if operation == "CreateRestoreJob" {
					restores++
				}
				_, dry := values["dryrun"]
				if dry != (operation == "CreateRestoreJob") {
					r.Errorf("%s: dryrun %v in\n%s", operation, dry, line)
				}
				delete(values, "dryrun")
				for _, name := range slices.Sorted(maps.Keys(values)) {
					if !slices.Contains(restoreParameters[operation], name) {
						r.Errorf("%s has no parameter %q in\n%s", operation, name, line)
					}
				}
				if values["RegionId"] != call.Target.Region {
					r.Errorf("region %q, want %q", values["RegionId"], call.Target.Region)
				}
				for _, name := range []string{"UdmDetail", "TargetContainer", "Query"} {
					if value, ok := values[name]; ok && !json.Valid([]byte(value)) {
						r.Errorf("%s is no JSON: %s", name, value)
					}
				}
			}
			if restores != 1 {
				r.Errorf("%d commands that restore in\n%s", restores, p.Code)
			}
		}
	})
}

// readCommand runs the command line in a shell, and returns the operation and the parameters
// that the CLI of Alibaba Cloud would receive.
func readCommand(t *rapid.T, line string) (operation string, values map[string]string) {
	args := words(t, line, "aliyun")
	if len(args) < 2 || args[0] != "hbr" {
		t.Fatalf("no command for hbr: %q", args)
	}
	values = map[string]string{}
	for rest := args[2:]; len(rest) > 0; {
		name, value, joined := strings.Cut(strings.TrimPrefix(rest[0], "--"), "=")
		rest = rest[1:]
		if !joined && name != "dryrun" {
			value, rest = rest[0], rest[1:]
		}
		values[name] = value
	}
	return args[1], values
}

// TestRestoreCommandsNameTheBackup proves that the commands contain the values that identify
// the backup and the place to which it is restored: files, a volume and an instance, in the
// portal's account and in another account.
func TestRestoreCommandsNameTheBackup(t *testing.T) {
	client, err := aliyun.New(aliyun.Config{})
	if err != nil {
		t.Fatal(err)
	}
	job := backup.Job{JobID: "job-7", Point: &backup.RecoveryPoint{SnapshotID: "s-7", JobID: "job-7"}}
	for name, c := range map[string]struct {
		change map[string]string
		titles []string
		parts  []string // the parts of the last command
	}{
		"instance": {
			nil, []string{"To a new instance, with the CLI", "Only one disk"},
			[]string{"--RestoreType UDM_ECS_DISK", `"targetInstanceId":"i-bp1abc"`, "--JobId job-7"},
		},
		"files": {
			map[string]string{"SourceType": "ECS_FILE", "VaultId": "v-77"}, []string{"Files, with the CLI"},
			[]string{
				"--RestoreType ECS_FILE", "--VaultId v-77", "--TargetInstanceId i-bp1abc", "--TargetPath",
				`["==","instanceId","i-bp1abc"]`, `["==","vaultId","v-77"]`,
			},
		},
		"volume": {
			map[string]string{"SourceType": "CONTAINER", "VaultId": "v-78", "ContainerClusterId": "cc-9", "InstanceId": ""},
			[]string{"A volume, with the CLI"},
			[]string{"--RestoreType CONTAINER", "--TargetContainerClusterId cc-9", "--VaultId v-78", `["==","vaultId","v-78"]`},
		},
		"files of another account": {
			map[string]string{
				"SourceType": "ECS_FILE", "VaultId": "v-79", "CrossAccountType": "CROSS_ACCOUNT",
				"CrossAccountUserId": "2000000000000002", "CrossAccountRoleName": "hbrcrossrole",
			},
			[]string{"Files, with the CLI"},
			[]string{"--CrossAccountType CROSS_ACCOUNT", "--CrossAccountUserId 2000000000000002", "--CrossAccountRoleName hbrcrossrole"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			call := instanceCall()
			maps.Copy(call.Params, c.change)
			commands := client.RestoreCommands(call, job)
			var titles []string
			for _, p := range commands {
				titles = append(titles, p.Title.In(param.English))
			}
			if !slices.Equal(titles, c.titles) {
				t.Fatalf("titles %q, want %q", titles, c.titles)
			}
			last := commands[len(commands)-1].Code
			for _, part := range c.parts {
				if !strings.Contains(last, part) {
					t.Errorf("without %s:\n%s", part, last)
				}
			}
			if strings.Contains(last, "CrossAccount") != (c.change["CrossAccountType"] == "CROSS_ACCOUNT") {
				t.Errorf("parameters of another account:\n%s", last)
			}
		})
	}
}
