package emulator

import (
	"strings"
	"testing"
	"time"

	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sts"
	"backupportal/function/emulator/world"
)

// rolesOfEveryKind adds to w the callers and roles that the tests of AssumeRole need and the
// demo accounts do not have.
func rolesOfEveryKind(w *world.World) {
	portal, payments := &w.Accounts[0], &w.Accounts[1]
	portal.AccessKeys = []world.AccessKey{{ID: "root-key", Secret: "root-secret"}}
	portal.Users = append(portal.Users, world.User{
		Name: "idle", AccessKeys: []world.AccessKey{{ID: "idle-key", Secret: "idle-secret"}},
	}, world.User{
		Name: "narrow", AccessKeys: []world.AccessKey{{ID: "narrow-key", Secret: "narrow-secret"}},
		Permissions: []ram.Statement{{Effect: "Allow", Actions: []string{"sts:AssumeRole"},
			Resources: []string{"acs:ram::2000000000000002:role/locked"}}},
	})
	portal.Roles = append(portal.Roles, world.Role{
		Name: "function", Trusts: []string{"acs:ram::1000000000000001:user/portal"},
		Permissions: []ram.Statement{{Effect: "Allow", Actions: []string{"sts:AssumeRole"}}},
	})
	trustsAll := []string{"acs:ram::1000000000000001:root"}
	all := []ram.Statement{{Effect: "Allow", Actions: []string{"*"}}}
	payments.Roles = append(payments.Roles,
		world.Role{Name: "locked", Trusts: trustsAll, ExternalID: "open-sesame", Permissions: all},
		world.Role{Name: "long", Trusts: trustsAll, MaxSession: 2 * time.Hour, Permissions: all},
		world.Role{Name: "chained", Trusts: []string{"acs:ram::1000000000000001:role/Function"}, Permissions: all},
	)
}

func paymentsRole(name string) string { return "acs:ram::2000000000000002:role/" + name }

func TestAssumeRoleRefuses(t *testing.T) {
	f := newFixture(t, rolesOfEveryKind)
	root := keys{id: "root-key", secret: "root-secret"}
	idle := keys{id: "idle-key", secret: "idle-secret"}
	narrow := keys{id: "narrow-key", secret: "narrow-secret"}
	long := `{"Version":"1","Statement":[{"Effect":"Allow","Action":"hbr:*","Resource":"` + strings.Repeat("x", 2048) + `"}]}`
	for _, tt := range []struct {
		name   string
		who    keys
		change rpc.Params
		status int
		code   string
	}{
		{"no role", portal, rpc.Params{"RoleArn": ""}, 400, "MissingRoleArn"},
		{"no session name", portal, rpc.Params{"RoleSessionName": ""}, 400, "MissingRoleSessionName"},
		{"no arn at all", portal, rpc.Params{"RoleArn": "backup-operator"}, 400, "InvalidParameter.RoleArn"},
		{"a role that does not exist", portal, rpc.Params{"RoleArn": paymentsRole("nobody")}, 404, "EntityNotExist.Role"},
		{"an account that does not exist", portal, rpc.Params{"RoleArn": "acs:ram::3000000000000003:role/x"}, 404, "EntityNotExist.Role"},
		{"a user in place of a role", portal, rpc.Params{"RoleArn": "acs:ram::1000000000000001:user/portal"}, 404, "EntityNotExist.Role"},
		{"a role that trusts others", portal, rpc.Params{"RoleArn": paymentsRole("untrusting-operator")}, 403, "NoPermission"},
		{"a role that trusts a service", portal, rpc.Params{"RoleArn": paymentsRole("hbrcrossrole")}, 403, "NoPermission"},
		{"the account itself", root, nil, 403, "NoPermission"},
		{"a user without permission", idle, nil, 403, "NoPermission"},
		{"a user with permission for another role", narrow, nil, 403, "NoPermission"},
		{"no external id", portal, rpc.Params{"RoleArn": paymentsRole("locked")}, 403, "NoPermission"},
		{"another external id", portal, rpc.Params{"RoleArn": paymentsRole("locked"), "ExternalId": "sesame"}, 403, "NoPermission"},
		{"a malformed external id", portal, rpc.Params{"ExternalId": "a b"}, 400, "InvalidParameter.ExternalId"},
		{"a session name of one letter", portal, rpc.Params{"RoleSessionName": "a"}, 400, "InvalidParameter.RoleSessionName"},
		{"a session name of 65", portal, rpc.Params{"RoleSessionName": strings.Repeat("a", 65)}, 400, "InvalidParameter.RoleSessionName"},
		{"a session name with a blank", portal, rpc.Params{"RoleSessionName": "al ice"}, 400, "InvalidParameter.RoleSessionName"},
		{"899 seconds", portal, rpc.Params{"DurationSeconds": "899"}, 400, "InvalidParameter.DurationSeconds"},
		{"more than the role's maximum", portal, rpc.Params{"DurationSeconds": "3601"}, 400, "InvalidParameter.DurationSeconds"},
		{"no number of seconds", portal, rpc.Params{"DurationSeconds": "1h"}, 400, "InvalidParameter.DurationSeconds"},
		{"a policy that is no json", portal, rpc.Params{"Policy": "allow me"}, 400, "InvalidParameter.PolicyGrammar"},
		{"a policy without statements", portal, rpc.Params{"Policy": `{"Version":"1"}`}, 400, "InvalidParameter.PolicyGrammar"},
		{"a policy that is too long", portal, rpc.Params{"Policy": long}, 400, "InvalidParameter.PolicySize"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := with(rpc.Params{"RoleArn": operatorARN, "RoleSessionName": "alice"}, tt.change)
			a := f.call(t, tt.who, "AssumeRole", p)
			if a.status != tt.status || a.code() != tt.code {
				t.Errorf("got %d %s (%s), want %d %s", a.status, a.code(), a.message(), tt.status, tt.code)
			}
		})
	}
}

func TestAssumeRoleAllows(t *testing.T) {
	f := newFixture(t, rolesOfEveryKind)
	function := f.assume(t, portal, rpc.Params{"RoleArn": "acs:ram::1000000000000001:role/function"})
	narrow := keys{id: "narrow-key", secret: "narrow-secret"}
	for _, tt := range []struct {
		name string
		who  keys
		p    rpc.Params
	}{
		{"the external id that the role demands", portal, rpc.Params{"RoleArn": paymentsRole("locked"), "ExternalId": "open-sesame"}},
		{"permission for this role alone", narrow, rpc.Params{"RoleArn": paymentsRole("locked"), "ExternalId": "open-sesame"}},
		{"an external id that no one demands", portal, rpc.Params{"ExternalId": "anything"}},
		{"the name of a role in another case", portal, rpc.Params{"RoleArn": paymentsRole("Backup-Operator")}},
		{"a longer session where the role allows it", portal, rpc.Params{"RoleArn": paymentsRole("long"), "DurationSeconds": "7200"}},
		{"a role that trusts a role, from that role", function, rpc.Params{"RoleArn": paymentsRole("chained")}},
	} {
		t.Run(tt.name, func(t *testing.T) { f.assume(t, tt.who, tt.p) })
	}
}

func TestTemporaryCredentialsExpire(t *testing.T) {
	f := newFixture(t)
	a := f.call(t, portal, "AssumeRole", rpc.Params{"RoleArn": operatorARN, "RoleSessionName": "alice", "DurationSeconds": "900"})
	c := a.body["Credentials"].(map[string]any)
	if got, want := c["Expiration"], "2026-01-02T03:19:05Z"; got != want {
		t.Errorf("Expiration is %v, want %s", got, want)
	}
	role := keys{c["AccessKeyId"].(string), c["AccessKeySecret"].(string), c["SecurityToken"].(string)}
	if !strings.HasPrefix(role.id, "STS.") {
		t.Errorf("AccessKeyId is %s", role.id)
	}
	for _, step := range []struct {
		later time.Duration
		code  string
	}{
		{899 * time.Second, ""},
		{time.Second, "InvalidSecurityToken.Expired"},
		{sts.ExpiredMemory, "InvalidSecurityToken.Expired"},
	} {
		f.clock.advance(step.later)
		if got := f.call(t, role, "GetCallerIdentity", nil).code(); got != step.code {
			t.Errorf("at %s: got %q, want %q", f.clock.Now(), got, step.code)
		}
	}
}

func TestSessionPolicyRestrictsRole(t *testing.T) {
	statement := func(effect, action, resource, condition string) string {
		return `{"Effect":"` + effect + `","Action":` + action + `,"Resource":"` + resource + `"` + condition + `}`
	}
	allowAll := statement("Allow", `"*"`, "*", "")
	const elsewhere = `,"Condition":{"IpAddress":{"acs:SourceIp":["127.0.0.1"]}}`
	const here = `,"Condition":{"IpAddress":{"acs:SourceIp":["192.0.2.0/24"]}}` // the address of the requests that httptest makes
	for _, tt := range []struct {
		name, statements string
		create, describe bool
	}{
		{"exact names", statement("Allow", `["hbr:CreateBackupJob"]`, "*", ""), true, false},
		{"one name as text", statement("Allow", `"hbr:DescribeBackupJobs2"`, "*", ""), false, true},
		{"all of the product", statement("Allow", `"hbr:*"`, "*", ""), true, true},
		{"a prefix", statement("Allow", `"hbr:Describe*"`, "*", ""), false, true},
		{"another product", statement("Allow", `"ecs:*"`, "*", ""), false, false},
		{"a resource, which this product does not have", statement("Allow", `"hbr:*"`, "acs:hbr:*:*:vault/v-1", ""), false, false},
		{"a deny beside", allowAll + "," + statement("Deny", `"hbr:Create*"`, "*", ""), false, true},
		{"an allow under a condition that does not hold", statement("Allow", `"hbr:*"`, "*", elsewhere), false, false},
		{"an allow under one that holds", statement("Allow", `"hbr:*"`, "*", here), true, true},
		{"a deny under a condition that does not hold", allowAll + "," + statement("Deny", `"hbr:Describe*"`, "*", elsewhere), true, true},
		{"a deny under one that holds", allowAll + "," + statement("Deny", `"hbr:Describe*"`, "*", here), true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			role := f.assume(t, portal, rpc.Params{"Policy": `{"Version":"1","Statement":[` + tt.statements + `]}`})
			order := with(instanceOrder(), rpc.Params{"InstanceId": "i-bp2demopay01"})
			if got := f.call(t, role, "CreateBackupJob", order).status == 200; got != tt.create {
				t.Errorf("may create: %v", got)
			}
			if got := f.call(t, role, "DescribeBackupJobs2", nil).status == 200; got != tt.describe {
				t.Errorf("may describe: %v", got)
			}
		})
	}
}

func TestSessionPolicyGrantsNothing(t *testing.T) {
	f := newFixture(t)
	all := `{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	role := f.assume(t, portal, rpc.Params{"Policy": all})
	p := rpc.Params{"RoleArn": operatorARN, "RoleSessionName": "again"}
	if a := f.call(t, role, "AssumeRole", p); a.code() != "NoPermission" {
		t.Errorf("got %d %s", a.status, a.code())
	}
}

func TestGetCallerIdentity(t *testing.T) {
	f := newFixture(t, rolesOfEveryKind)
	for _, tt := range []struct {
		name                   string
		who                    keys
		kind, account, arn, is string
	}{
		{"account", keys{id: "root-key", secret: "root-secret"}, "Account", world.DemoPortalAccount, "acs:ram::1000000000000001:root", "UserId"},
		{"user", portal, "RAMUser", world.DemoPortalAccount, "acs:ram::1000000000000001:user/portal", "UserId"},
		{"role", f.assume(t, portal, nil), "AssumedRoleUser", world.DemoPaymentsAccount,
			"acs:ram::2000000000000002:assumed-role/backup-operator/alice@example.com", "RoleId"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := f.call(t, tt.who, "GetCallerIdentity", nil).body
			if b["IdentityType"] != tt.kind || b["AccountId"] != tt.account || b["Arn"] != tt.arn {
				t.Errorf("got %v", b)
			}
			id, _ := b[tt.is].(string)
			if principal, _ := b["PrincipalId"].(string); id == "" || !strings.HasPrefix(principal, id) {
				t.Errorf("%s is %q, PrincipalId %v", tt.is, id, b["PrincipalId"])
			}
		})
	}
}

func TestRootIsAllowedEverything(t *testing.T) {
	f := newFixture(t, rolesOfEveryKind)
	root := keys{id: "root-key", secret: "root-secret"}
	f.create(t, root, instanceOrder())
	f.create(t, portal, instanceOrder())
	if jobs := f.list(t, root, nil); len(jobs) != 2 {
		t.Errorf("the account sees %d jobs of its own two", len(jobs))
	}
	if got := f.Ledger().Jobs[0].CreatedBy; got != "acs:ram::1000000000000001:root" {
		t.Errorf("the job was created by %s", got)
	}
}

func TestConcurrentSessionsOfOneRole(t *testing.T) {
	f := newFixture(t)
	first, second := f.assume(t, portal, nil), f.assume(t, portal, rpc.Params{"RoleSessionName": "bob"})
	for who, want := range map[keys]string{first: "alice@example.com", second: "bob"} {
		f.call(t, who, "GetCallerIdentity", nil)
		calls := f.Ledger().CallsOf("GetCallerIdentity")
		if got := calls[len(calls)-1].Caller.Session; got != want {
			t.Errorf("the session is %s, want %s", got, want)
		}
	}
}

func TestOldCredentialsAreRemoved(t *testing.T) {
	f := newFixture(t)
	old := f.assume(t, portal, nil)
	f.clock.advance(world.DefaultSession + sts.ExpiredMemory + time.Second)
	f.assume(t, portal, nil) // a call of AssumeRole removes old credentials
	if got := f.call(t, old, "GetCallerIdentity", nil).code(); got != "InvalidAccessKeyId.NotFound" {
		t.Errorf("got %s", got)
	}
}
