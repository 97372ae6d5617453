package aliyun_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/emulator"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/world"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
)

const externalID = "MARKER-external-id-of-32-characters"

// These accounts have one kind of access each.
var (
	ownAccount  = backup.Account{Alias: "own", ID: world.DemoPortalAccount, Access: backup.Own, Regions: []string{"cn-hangzhou"}}
	roleAccount = backup.Account{Alias: "prod", ID: world.DemoPaymentsAccount, Access: backup.AssumeRole, Role: "backup-portal", ExternalID: secret.New(externalID), ExternalIDVariable: "EXTERNAL_ID_PROD", Regions: []string{"cn-hangzhou"}}
	longAccount = func() backup.Account { a := roleAccount; a.Session = 12 * time.Hour; return a }()

	// throughAccount is an account that the portal reaches through another one. The portal
	// calls Cloud Backup with the role of roleAccount, where the backups are stored; Cloud
	// Backup then enters throughAccount.
	throughAccount = backup.Account{Alias: "through", ID: world.DemoPortalAccount, Access: backup.HBRCrossAccount, Role: "hbrcrossrole", Through: &roleAccount, Regions: []string{"cn-hangzhou"}}

	crossAccount = backup.Account{Alias: "central", ID: world.DemoPaymentsAccount, Access: backup.HBRCrossAccount, Role: "hbrcrossrole", Regions: []string{"cn-hangzhou"}}

	everything = backup.Capabilities{Create: true, Cancel: true, View: true, Tags: true, Sources: param.SourceTypes, Seen: param.SourceTypes}
)

// worldWithGeneratedPolicies returns the emulator's demo world, in which the portal has only
// the permissions of the policies that the program generates.
func worldWithGeneratedPolicies(t *testing.T) *world.World {
	t.Helper()
	w := world.Demo()
	w.Accounts[0].Users[0].Permissions = nil
	w.Accounts[0].Users[0].Policies = []ram.Policy{paste(t, aliyun.FunctionPolicy([]aliyun.AccountCapabilities{
		{Account: ownAccount, Capabilities: everything}, {Account: roleAccount, Capabilities: everything}, {Account: crossAccount, Capabilities: everything},
	}).Text())}
	w.Accounts[1].Roles = append(w.Accounts[1].Roles, world.Role{
		Name: "backup-portal", TrustPolicy: paste(t, aliyun.TrustPolicy("acs:ram::1000000000000001:user/portal", roleAccount).Text()),
		Policies: []ram.Policy{paste(t, aliyun.RolePolicy(roleAccount, everything).Text())},
	})
	return w
}

// paste parses a generated policy as if an operator had pasted it into RAM: the variable for
// the external id is replaced by the id.
func paste(t *testing.T, text string) (p ram.Policy) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "$EXTERNAL_ID_PROD", externalID)), &p); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return p
}

// preflight runs all checks against an emulator of the world w. It returns the results and the
// emulator.
func preflight(t *testing.T, w *world.World, account backup.Account, params param.Params) ([]backup.AccessCheck, *emulator.Cloud) {
	t.Helper()
	cloud, err := emulator.New(emulator.Options{World: w})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	endpoint, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := emulated(t, endpoint)
	target := backup.Target{Account: account, Region: "cn-hangzhou", Principal: identity.Principal{Issuer: "https://sso.example.com", Subject: "1", Name: "alice@example.com"}}
	return client.Preflight(t.Context(), target, everything, params), cloud
}

// roleNamed returns the role with this name in the second account of w.
func roleNamed(w *world.World, name string) *world.Role {
	i := slices.IndexFunc(w.Accounts[1].Roles, func(r world.Role) bool { return r.Name == name })
	return &w.Accounts[1].Roles[i]
}

// without returns p without the permissions for these actions.
func without(p ram.Policy, actions ...string) (rest ram.Policy) {
	for _, s := range p {
		s.Actions = slices.DeleteFunc(slices.Clone(s.Actions), func(a string) bool { return slices.Contains(actions, a) })
		if len(s.Actions) > 0 {
			rest = append(rest, s)
		}
	}
	return rest
}

// apply changes w like an operator who follows the suggested corrections (fixes) of a check.
func apply(t *testing.T, w *world.World, account backup.Account, fixes []backup.Fix) {
	t.Helper()
	for _, f := range fixes {
		words := strings.Fields(f.Code)
		flags := map[string]string{}
		for i := 3; i+1 < len(words); i += 2 {
			flags[words[i]] = words[i+1]
		}
		switch {
		case strings.HasPrefix(f.Code, "aliyun resourcemanager CreateServiceLinkedRole"):
			role := map[string]string{"ecsbackup.hbr.aliyuncs.com": "AliyunServiceRoleForHbrEcsBackup", "crossbackup.hbr.aliyuncs.com": "AliyunServiceRoleForHbrCrossAccountBackup"}[flags["--ServiceName"]]
			at := 0
			if account.Access == backup.AssumeRole {
				at = 1
			}
			w.Accounts[at].ServiceLinkedRoles = append(w.Accounts[at].ServiceLinkedRoles, role)
		case strings.HasPrefix(f.Code, "aliyun hbr AddCrossAccount"):
			w.Accounts[0].CrossAccounts = append(w.Accounts[0].CrossAccounts, world.CrossAccount{Account: flags["--CrossAccountUserId"], Role: flags["--CrossAccountRoleName"], Type: flags["--CrossAccountType"], Alias: flags["--Alias"]})
		case strings.Contains(f.Code, `"Principal"`):
			i := slices.IndexFunc(w.Accounts[1].Roles, func(r world.Role) bool { return r.Name == account.Role })
			if i < 0 {
				i = len(w.Accounts[1].Roles)
				w.Accounts[1].Roles = append(w.Accounts[1].Roles, world.Role{Name: account.Role})
			}
			r := &w.Accounts[1].Roles[i]
			r.Trusts, r.TrustsServices, r.ExternalID, r.TrustPolicy = nil, nil, "", paste(t, f.Code)
		case strings.Contains(f.Title.En, "user/portal"):
			w.Accounts[0].Users[0].Policies = append(w.Accounts[0].Users[0].Policies, paste(t, f.Code))
		case json.Valid([]byte(f.Code)):
			r := roleNamed(w, account.Role)
			r.Policies = append(r.Policies, paste(t, f.Code))
		default:
			t.Errorf("nobody can paste %q: %s", f.Title.En, f.Code)
		}
	}
}

// failing returns the ids of the checks that failed.
func failing(checks []backup.AccessCheck) (ids []string) {
	for _, r := range checks {
		if r.State == backup.CheckFailed {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// TestEachFailingCheckIsReportedAndFixed violates the condition of one check in each case, and
// proves: only that check fails, its text is complete in both languages and contains no secret,
// and the preflight changes nothing in the cloud. After the suggested correction, all checks
// pass.
func TestEachFailingCheckIsReportedAndFixed(t *testing.T) {
	portal := func(w *world.World) *ram.Policy { return &w.Accounts[0].Users[0].Policies[0] }
	operator := func(w *world.World) *ram.Policy { return &roleNamed(w, "backup-portal").Policies[0] }
	type broken struct {
		account backup.Account
		check   string
		breaks  func(w *world.World)
		params  param.Params
		byHand  func(w *world.World) // applies the fix if the fix is neither a policy nor a command
	}
	cases := map[string]broken{
		"no such role":          {roleAccount, "role", func(w *world.World) { roleNamed(w, "backup-portal").Name = "other" }, nil, nil},
		"may not take on roles": {roleAccount, "assume_role", func(w *world.World) { *portal(w) = without(*portal(w), "sts:AssumeRole") }, nil, nil},
		"trusts somebody else": {roleAccount, "trust", func(w *world.World) {
			*roleNamed(w, "backup-portal") = world.Role{Name: "backup-portal", Trusts: []string{"acs:ram::2000000000000002:root"}, Policies: roleNamed(w, "backup-portal").Policies}
		}, nil, nil},
		"another external id": {roleAccount, "trust", func(w *world.World) {
			*roleNamed(w, "backup-portal") = world.Role{Name: "backup-portal", Trusts: []string{"acs:ram::1000000000000001:root"}, ExternalID: "another", Policies: roleNamed(w, "backup-portal").Policies}
		}, nil, nil},
		"no external id": {roleAccount, "external_id", func(w *world.World) {
			*roleNamed(w, "backup-portal") = world.Role{Name: "backup-portal", Trusts: []string{"acs:ram::1000000000000001:root"}, Policies: roleNamed(w, "backup-portal").Policies}
		}, nil, nil},
		"sessions are too long": {longAccount, "session_policy", func(w *world.World) { roleNamed(w, "backup-portal").MaxSession = time.Hour }, nil, func(w *world.World) { roleNamed(w, "backup-portal").MaxSession = 12 * time.Hour }},
		"denied to everybody": {roleAccount, "assume_role", func(w *world.World) {
			*portal(w) = append(*portal(w), ram.Statement{Effect: "Deny", Actions: []string{"sts:AssumeRole"}, Resources: []string{"*"}})
		}, nil, func(w *world.World) { *portal(w) = (*portal(w))[:len(*portal(w))-1] }},
		"no linked role": {roleAccount, "linked_role", func(w *world.World) { w.Accounts[1].ServiceLinkedRoles = nil }, nil, nil},
		"no linked role, own": {ownAccount, "linked_role", func(w *world.World) {
			w.Accounts[0].ServiceLinkedRoles = []string{"AliyunServiceRoleForHbrCrossAccountBackup"}
		}, nil, nil},
		"no linked role, cross": {crossAccount, "cross_linked_role", func(w *world.World) {
			w.Accounts[0].ServiceLinkedRoles = []string{"AliyunServiceRoleForHbrEcsBackup"}
		}, nil, nil},
		"not registered": {crossAccount, "registration", func(w *world.World) { w.Accounts[0].CrossAccounts = nil }, nil, nil},
		"registered by directory": {crossAccount, "registration", func(w *world.World) {
			w.Accounts[0].Directory = &world.Directory{Members: []string{world.DemoPaymentsAccount}, TrustsBackup: true}
			w.Accounts[0].CrossAccounts = []world.CrossAccount{{Account: world.DemoPaymentsAccount, Type: "CROSS_ACCOUNT_BY_RD"}}
		}, nil, nil},
		"cross role trusts none": {crossAccount, "cross_role", func(w *world.World) { roleNamed(w, "hbrcrossrole").TrustsServices = []string{"ecs.aliyuncs.com"} }, nil, nil},
		"wrong key":              {roleAccount, "identity", func(w *world.World) { w.Accounts[0].Users[0].AccessKeys[0].ID = "another-key" }, nil, func(w *world.World) { w.Accounts[0].Users[0].AccessKeys[0].ID = world.DemoKey }},
		"another account":        {backup.Account{Alias: "own", ID: world.DemoPaymentsAccount, Access: backup.Own}, "identity", func(*world.World) {}, nil, nil},
		"no such vault":          {roleAccount, "vault", func(w *world.World) { w.Accounts[1].Vaults[0].ID = "v-0002othervault1" }, param.Params{"SourceType": "ECS_FILE", "VaultId": "v-0002demovault01", "InstanceId": "i-bp2demopay01"}, func(w *world.World) { w.Accounts[1].Vaults[0].ID = "v-0002demovault01" }},
		"vault not ready":        {roleAccount, "vault", func(w *world.World) { w.Accounts[1].Vaults[0].Status = "ERROR" }, param.Params{"SourceType": "ECS_FILE", "VaultId": "v-0002demovault01", "InstanceId": "i-bp2demopay01"}, func(w *world.World) { w.Accounts[1].Vaults[0].Status = "" }},
		"no such instance":       {roleAccount, "instance", func(w *world.World) { w.Accounts[1].Instances[0].ID = "i-bp2another01"; w.Accounts[1].Clients = nil }, param.Params{"InstanceId": "i-bp2demopay01"}, func(w *world.World) { w.Accounts[1].Instances[0].ID = "i-bp2demopay01" }},
		"disk that is no ESSD":   {roleAccount, "disks", func(w *world.World) { w.Accounts[1].Instances[0].Disks[0].Category = "cloud_ssd" }, param.Params{"InstanceId": "i-bp2demopay01", "Detail.appConsistent": "true"}, func(w *world.World) { w.Accounts[1].Instances[0].Disks[0].Category = "cloud_essd" }},
		"client that is silent":  {roleAccount, "client", func(w *world.World) { w.Accounts[1].Clients[0].HeartbeatAge = time.Hour }, param.Params{"SourceType": "ECS_FILE", "InstanceId": "i-bp2demopay01"}, func(w *world.World) { w.Accounts[1].Clients[0].HeartbeatAge = time.Second }},
		"no client":              {ownAccount, "client", func(w *world.World) { w.Accounts[0].Clients = w.Accounts[0].Clients[1:] }, param.Params{"SourceType": "ECS_FILE", "InstanceId": "i-bp1demoweb01"}, func(w *world.World) { w.Accounts[0].Clients = world.Demo().Accounts[0].Clients }},
	}
	for _, action := range aliyun.RolePolicy(roleAccount, everything).Statement[0].Action {
		cases["without "+action] = broken{roleAccount, action, func(w *world.World) { *operator(w) = without(*operator(w), action) }, nil, nil}
	}
	for _, action := range aliyun.RolePolicy(crossAccount, everything).Statement[0].Action {
		cases["without "+action+", cross"] = broken{crossAccount, action, func(w *world.World) { *portal(w) = without(*portal(w), action) }, nil, nil}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			full := worldWithGeneratedPolicies(t)
			roleNamed(full, "backup-portal").MaxSession = 12 * time.Hour
			if checks, _ := preflight(t, full, c.account, c.params); c.breaks != nil && c.check != "identity" && failing(checks) != nil {
				t.Fatalf("before anything is broken: %s", checklistText(checks))
			}
			w := worldWithGeneratedPolicies(t)
			roleNamed(w, "backup-portal").MaxSession = 12 * time.Hour
			c.breaks(w)
			checks, cloud := preflight(t, w, c.account, c.params)
			if got := failing(checks); !slices.Equal(got, []string{c.check}) {
				t.Fatalf("failing are %v, want %s:\n%s", got, c.check, checklistText(checks))
			}
			if len(cloud.Ledger().Jobs) != 0 {
				t.Error("a job was made")
			}
			at := slices.IndexFunc(checks, func(r backup.AccessCheck) bool { return r.ID == c.check })
			for _, r := range checks {
				text := fmt.Sprintf("%+v", r)
				if strings.Contains(text, externalID) || strings.Contains(text, world.DemoSecret) {
					t.Errorf("a secret is in %s", text)
				}
				if r.Title.En == "" || r.Title.Zh == "" || (r.State != backup.CheckNotReached) != (r.Finding.En != "" && r.Finding.Zh != "") {
					t.Errorf("%s has no words: %+v", r.ID, r)
				}
			}
			switch {
			case c.byHand != nil:
				c.byHand(w)
			case name == "another account":
				return // the fix concerns the portal's own policy file
			default:
				for _, f := range checks[at].Fixes {
					if strings.Contains(f.Code, "$EXTERNAL") && !strings.Contains(f.Title.En, "$EXTERNAL_ID_PROD replaced by the value of the variable EXTERNAL_ID_PROD") {
						t.Errorf("nobody is told of the external id: %s", f.Title.En)
					}
				}
				apply(t, w, c.account, checks[at].Fixes)
			}
			if again, _ := preflight(t, w, c.account, c.params); failing(again) != nil {
				t.Errorf("after the fix:\n%s", checklistText(again))
			}
		})
	}
}

// checklistText returns the checks as text for error messages of tests.
func checklistText(checks []backup.AccessCheck) string {
	var b strings.Builder
	for _, r := range checks {
		fmt.Fprintf(&b, "%-12s %-28s %s %+v\n", r.State, r.ID, r.Finding.En, r.Evidence)
	}
	return b.String()
}

// TestChecksAfterAFailureAreNotReached proves that the checks after a failed one are not run:
// no calls are made for them.
func TestChecksAfterAFailureAreNotReached(t *testing.T) {
	w := worldWithGeneratedPolicies(t)
	roleNamed(w, "backup-portal").Name = "other"
	checks, cloud := preflight(t, w, roleAccount, param.Params{"InstanceId": "i-bp2demopay01"})
	for _, r := range checks[3:] {
		if r.State != backup.CheckNotReached {
			t.Errorf("%s is %s", r.ID, r.State)
		}
	}
	if calls := cloud.Ledger().Calls; len(calls) != 2 {
		t.Errorf("%d calls, want GetCallerIdentity and AssumeRole", len(calls))
	}
	if checks[len(checks)-1].ID != "disks" {
		t.Errorf("the checklist ends with %s", checks[len(checks)-1].ID)
	}
}

// emulated returns a client of the emulator at endpoint, with the portal's key.
func emulated(t *testing.T, endpoint *url.URL) *aliyun.Client {
	t.Helper()
	key := aliyun.Credentials{AccessKeyID: world.DemoKey, AccessKeySecret: secret.New(world.DemoSecret)}
	client, err := aliyun.New(aliyun.Config{Endpoint: endpoint, Credentials: func(context.Context) (aliyun.Credentials, error) { return key, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestPreflightWithoutCredentials proves that the preflight makes no call if the portal has no
// credentials.
func TestPreflightWithoutCredentials(t *testing.T) {
	client, err := aliyun.New(aliyun.Config{})
	if err != nil {
		t.Fatal(err)
	}
	checks := client.Preflight(t.Context(), backup.Target{Account: roleAccount, Region: "cn-hangzhou"}, everything, nil)
	if got := failing(checks); !slices.Equal(got, []string{"credentials"}) || len(checks) < 10 || len(checks[0].Fixes) == 0 {
		t.Errorf("failing are %v:\n%s", got, checklistText(checks))
	}
}

// TestPreflightThroughAnotherAccount tests an account with the key through: the portal assumes
// the role of one account, and Cloud Backup backs up a second account from there. It proves
// that all checks run, that each correction names the account that must be changed, and that
// the generated policies are sufficient.
func TestPreflightThroughAnotherAccount(t *testing.T) {
	through := func() *world.World {
		w := worldWithGeneratedPolicies(t)
		w.Accounts[0].Roles = append(w.Accounts[0].Roles, world.Role{Name: "hbrcrossrole", TrustPolicy: paste(t, aliyun.ServiceTrustPolicy(aliyun.CrossBackupService).Text())})
		w.Accounts[1].ServiceLinkedRoles = append(w.Accounts[1].ServiceLinkedRoles, "AliyunServiceRoleForHbrCrossAccountBackup")
		w.Accounts[1].CrossAccounts = []world.CrossAccount{{Account: world.DemoPortalAccount, Role: "hbrcrossrole", Alias: "through"}}
		roleNamed(w, "backup-portal").Policies = []ram.Policy{paste(t, aliyun.SharedPolicy([]aliyun.AccountCapabilities{{Account: roleAccount, Capabilities: everything}, {Account: throughAccount, Capabilities: everything}}).Text())}
		w.Accounts[0].Users[0].Policies = []ram.Policy{paste(t, aliyun.FunctionPolicy([]aliyun.AccountCapabilities{{Account: throughAccount, Capabilities: everything}}).Text())}
		return w
	}
	checks, cloud := preflight(t, through(), throughAccount, nil)
	if got := failing(checks); got != nil {
		t.Fatalf("failing are %v:\n%s", got, checklistText(checks))
	}
	for _, call := range cloud.Ledger().CallsOf("CheckRole") {
		if call.Caller.AccountID != world.DemoPaymentsAccount {
			t.Errorf("asked by %s", call.Caller.ARN)
		}
	}
	for name, c := range map[string]struct {
		breaks func(*world.World)
		check  string
	}{
		"the role of the account between": {func(w *world.World) { roleNamed(w, "backup-portal").Name = "other" }, "role"},
		"the registration":                {func(w *world.World) { w.Accounts[1].CrossAccounts = nil }, "registration"},
		"the permission to look": {func(w *world.World) {
			roleNamed(w, "backup-portal").Policies = []ram.Policy{paste(t, aliyun.RolePolicy(roleAccount, everything).Text())}
		}, "hbr:DescribeCrossAccounts"},
	} {
		w := through()
		c.breaks(w)
		checks, _ := preflight(t, w, throughAccount, nil)
		if got := failing(checks); !slices.Equal(got, []string{c.check}) {
			t.Errorf("%s: failing are %v:\n%s", name, got, checklistText(checks))
		}
	}
	if text := aliyun.FunctionPolicy([]aliyun.AccountCapabilities{{Account: throughAccount, Capabilities: everything}}).Text(); strings.Contains(text, "hbr:") || !strings.Contains(text, roleAccount.RoleARN()) {
		t.Errorf("the function itself needs no more than the role:\n%s", text)
	}
}
