package emulator

import (
	"strings"
	"testing"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// directory returns a change of the emulated accounts: the first account becomes the manager of
// a resource directory with these members.
func directory(trusts bool, members ...string) func(*world.World) {
	return func(w *world.World) {
		w.Accounts[0].Directory = &world.Directory{Members: members, TrustsBackup: trusts}
	}
}

// addTrustingRole adds a role to the second account. The role trusts Cloud Backup.
func addTrustingRole(w *world.World) {
	w.Accounts[1].Roles = append(w.Accounts[1].Roles, world.Role{Name: "second", TrustsServices: []string{world.CrossBackupService}})
}

func TestAddCrossAccountRegisters(t *testing.T) {
	f := newFixture(t, addTrustingRole, directory(true, world.DemoPaymentsAccount))
	second := rpc.Params{"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": world.DemoPaymentsAccount, "CrossAccountRoleName": "second"}
	order := with(instanceOrder(), with(second, rpc.Params{"InstanceId": "i-bp2demopay01"}))
	if a := f.call(t, portal, "CreateBackupJob", order); a.code() != "AssumeRoleFail" {
		t.Errorf("before: %d %s", a.status, a.code())
	}
	for _, p := range []rpc.Params{with(second, rpc.Params{"Alias": "second"}), {"CrossAccountType": "CROSS_ACCOUNT_BY_RD", "CrossAccountUserId": world.DemoPaymentsAccount}} {
		if a := f.call(t, portal, "AddCrossAccount", p); a.status != 200 || a.body["Success"] != true {
			t.Fatalf("%v: got %d %v", p, a.status, a.body)
		}
		if a := f.call(t, portal, "AddCrossAccount", p); a.status != 400 || a.code() != "BadRequest" {
			t.Errorf("%v again: got %d %s", p, a.status, a.code())
		}
	}
	f.create(t, portal, order)
	a := f.call(t, portal, "DescribeCrossAccounts", nil)
	for field, want := range map[string]string{
		"Id": "1 2 3", "CrossAccountRoleName": "hbrcrossrole second ", "Alias": "payments second ",
		"CrossAccountType":   "CROSS_ACCOUNT CROSS_ACCOUNT CROSS_ACCOUNT_BY_RD",
		"CrossAccountUserId": strings.TrimSpace(strings.Repeat(world.DemoPaymentsAccount+" ", 3)),
		"OwnerId":            strings.TrimSpace(strings.Repeat(world.DemoPortalAccount+" ", 3)),
	} {
		if got := a.named(t, "CrossAccounts.CrossAccount", field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if a := f.call(t, portal, "DescribeCrossAccounts", rpc.Params{"PageSize": "1", "PageNumber": "2"}); a.named(t, "CrossAccounts.CrossAccount", "Id") != "2" {
		t.Errorf("the second page is %v", a.body)
	}
	f.Reset()
	if got := f.call(t, portal, "DescribeCrossAccounts", nil).named(t, "CrossAccounts.CrossAccount", "Id"); got != "1" {
		t.Errorf("after a reset: %s", got)
	}
}

func TestAddCrossAccountRefuses(t *testing.T) {
	role := rpc.Params{"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": world.DemoPaymentsAccount, "CrossAccountRoleName": "second"}
	byRD := rpc.Params{"CrossAccountType": "CROSS_ACCOUNT_BY_RD", "CrossAccountUserId": world.DemoPaymentsAccount}
	none := func(*world.World) {}
	for _, tt := range []struct {
		name   string
		edit   func(*world.World)
		p      rpc.Params
		status int
		code   string
	}{
		{"another type", none, with(role, rpc.Params{"CrossAccountType": "SELF_ACCOUNT"}), 400, "InvalidParameter"},
		{"no account", none, with(role, rpc.Params{"CrossAccountUserId": ""}), 400, "MissingCrossAccountUserId"},
		{"no role", none, with(role, rpc.Params{"CrossAccountRoleName": ""}), 400, "MissingCrossAccountRoleName"},
		{"an account of another form", none, with(byRD, rpc.Params{"CrossAccountUserId": "12"}), 400, "InvalidParameter"},
		{"a long alias", none, with(role, rpc.Params{"Alias": strings.Repeat("é", 33)}), 400, "InvalidParameter"},
		{"an account that does not exist", none, with(role, rpc.Params{"CrossAccountUserId": "3000000000000003"}), 403, "AssumeRoleFail"},
		{"a role that does not exist", none, role, 403, "AssumeRoleFail"},
		{"a role that trusts others", none, with(role, rpc.Params{"CrossAccountRoleName": "backup-operator"}), 403, "AssumeRoleFail"},
		{"no role of the service here", func(w *world.World) { w.Accounts[0].ServiceLinkedRoles = nil }, role, 200, "CrossAccountBackupSlrNotExist"},
		{"no directory", none, byRD, 400, "AccountNotEnableRdTrustedService"},
		{"a directory that does not trust the service", directory(false, world.DemoPaymentsAccount), byRD, 400, "AccountNotEnableRdTrustedService"},
		{"an account outside the directory", directory(true), byRD, 403, "BackupAccountNotInSpecifiedRd"},
		{"a role in a directory", directory(true, world.DemoPaymentsAccount), with(byRD, rpc.Params{"CrossAccountRoleName": "second"}), 400, "InvalidParameter"},
	} {
		a := newFixture(t, tt.edit).call(t, portal, "AddCrossAccount", tt.p)
		if a.status != tt.status || a.code() != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.code(), tt.status, tt.code)
		}
	}
}

func TestCheckRoleNamesMissingRole(t *testing.T) {
	cross := rpc.Params{"CheckRoleType": "CrossAccountRole", "CrossAccountUserId": world.DemoPaymentsAccount, "CrossAccountRoleName": "hbrcrossrole"}
	demo, bare := func(*world.World) {}, func(w *world.World) { w.Accounts[0].ServiceLinkedRoles = nil }
	for _, tt := range []struct {
		name   string
		edit   func(*world.World)
		p      rpc.Params
		status int
		code   string // empty if Code is the number 200
	}{
		{"nothing to check", bare, nil, 200, ""},
		{"a role that is there", demo, rpc.Params{"CheckRoleType": "UdmRole"}, 200, ""},
		{"a role that is not", bare, rpc.Params{"CheckRoleType": "UdmRole"}, 404, "RoleNotExist"},
		{"a role of something else", demo, rpc.Params{"CheckRoleType": "OtsRole"}, 404, "RoleNotExist"},
		{"other accounts", demo, rpc.Params{"CheckRoleType": "CrossAccountRole"}, 200, ""},
		{"one other account", demo, cross, 200, ""},
		{"a role there that trusts others", demo, with(cross, rpc.Params{"CrossAccountRoleName": "backup-operator"}), 403, "AssumeRoleFail"},
		{"half of the other account", demo, with(cross, rpc.Params{"CrossAccountRoleName": ""}), 400, "MissingCrossAccountRoleName"},
		{"no role for other accounts", bare, cross, 200, "CrossAccountBackupSlrNotExist"},
		{"another type", demo, rpc.Params{"CheckRoleType": "RootRole"}, 400, "InvalidParameter"},
	} {
		a := newFixture(t, tt.edit).call(t, portal, "CheckRole", tt.p)
		if a.status != tt.status || a.code() != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.code(), tt.status, tt.code)
		}
		if success, there := a.body["Success"]; a.status == 200 && (!there || success != (tt.code == "")) {
			t.Errorf("%s: Success is %v", tt.name, success)
		}
	}
}
