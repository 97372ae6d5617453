package aliyun

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/param"
)

var updateReference = flag.Bool("update", false, "write the generated documents")

// TestReferenceOfPermissions proves that docs/reference/permissions.md is up to date. The file
// lists, for each permission of the policy, the RAM actions that it needs. The command make
// generate writes it.
func TestReferenceOfPermissions(t *testing.T) {
	const file = "../../docs/reference/permissions.md"
	var page strings.Builder
	page.WriteString("# RAM permissions\n\n`dist/main ram-policy` prints the RAM policies of your deployment. This page says where they come from. It is generated\n" +
		"(`make generate`).\n\nCloud Backup has no RAM permissions for single instances, so each action has the resource `*`.\n\n" +
		"| what the rules of an account allow | actions with `own` and `assume_role` | actions with `hbr_cross_account` |\n|---|---|---|\n")
	for _, row := range []struct {
		what string
		uses backup.Capabilities
	}{
		{"to view backups", backup.Capabilities{View: true}},
		{"to view backups of instances", backup.Capabilities{View: true, Seen: []param.SourceType{param.UDMECS}}},
		{"to view backups of files", backup.Capabilities{View: true, Seen: []param.SourceType{param.ECSFile}}},
		{"to cancel backups", backup.Capabilities{Cancel: true}},
		{"to start backups of instances", backup.Capabilities{Create: true, Sources: []param.SourceType{param.UDMECS}}},
		{"to start backups of files", backup.Capabilities{Create: true, Sources: []param.SourceType{param.ECSFile}}},
		{"to start backups of volumes", backup.Capabilities{Create: true, Sources: []param.SourceType{param.Container}}},
		{"anything by `instance_tags`", backup.Capabilities{Tags: true}},
	} {
		var cells []string
		for _, access := range []backup.Access{backup.Own, backup.HBRCrossAccount} {
			var actions []string
			for _, s := range RolePolicy(backup.Account{Access: access}, row.uses).Statement {
				for _, action := range s.Action {
					actions = append(actions, "`"+action+"`")
				}
			}
			cells = append(cells, strings.Join(actions, ", "))
		}
		fmt.Fprintf(&page, "| %s | %s | %s |\n", row.what, cells[0], cells[1])
	}
	page.WriteString("\nThe portal's own role also needs `sts:AssumeRole` for the roles of accounts with `assume_role`. `ram:CreateServiceLinkedRole` is\n" +
		"limited to the service `" + instanceBackups + "`: the first backup of an instance creates its role.\n")
	if *updateReference {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != page.String() {
		t.Errorf("%s is out of date: run make generate. %v", file, err)
	}
}
