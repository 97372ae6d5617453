package emulator

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// A permissionCheck is a test case that removes one condition of a permitted call, with the
// refusal that must follow.
type permissionCheck struct {
	name   string
	edit   func(portal, operator *world.Account)
	assume rpc.Params // changes of a valid AssumeRole request
	action string     // operation called with the role; empty if AssumeRole itself is refused
	code   string
	want   rpc.AccessDenied
}

const allowAll = `{"Effect":"Allow","Action":"*","Resource":"*"}`

// byUser returns the expected details of a refusal by a policy of the user who calls
// AssumeRole.
func byUser(kind, policy string) rpc.AccessDenied {
	return rpc.AccessDenied{AuthAction: "sts:AssumeRole", AuthPrincipalDisplayName: rpc.EntityID("acs:ram::1000000000000001:user/portal"), AuthPrincipalOwnerId: world.DemoPortalAccount, AuthPrincipalType: "SubUser", NoPermissionType: kind, PolicyType: policy}
}

// byRole returns the expected details of a refusal by a policy of the assumed role.
func byRole(action, kind, policy string) rpc.AccessDenied {
	return rpc.AccessDenied{AuthAction: action, AuthPrincipalDisplayName: "backup-operator:alice@example.com", AuthPrincipalOwnerId: world.DemoPaymentsAccount, AuthPrincipalType: "AssumedRoleUser", NoPermissionType: kind, PolicyType: policy}
}

func deny(action string) []ram.Policy {
	return []ram.Policy{{{Effect: "Deny", Actions: []string{action}, Resources: []string{"*"}}}}
}

// editRole returns a change of the role that the test assumes.
func editRole(change func(*world.Role)) func(portal, operator *world.Account) {
	return func(_, operator *world.Account) { change(operator.Role("backup-operator")) }
}

// withTrust replaces the trust policy of the role by the given statements.
func withTrust(statements string) func(portal, operator *world.Account) {
	return editRole(func(r *world.Role) {
		r.TrustPolicy, _ = ram.ParsePolicy(`{"Version":"1","Statement":[` + statements + `]}`)
		r.Trusts, r.ExternalID = nil, ""
	})
}

// checksOfAssumeRole returns one case for each condition of AssumeRole. Each case removes only
// this condition.
func checksOfAssumeRole() []permissionCheck {
	editUser := func(change func(*world.User)) func(portal, operator *world.Account) {
		return func(portal, _ *world.Account) { change(&portal.Users[0]) }
	}
	const principal = `"Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1000000000000001:root"}`
	return []permissionCheck{
		{"the user may not assume", editUser(func(u *world.User) { u.Permissions = nil }), nil, "", "NoPermission", byUser("ImplicitDeny", rpc.IdentityPolicy)},
		{"the user may assume another role", editUser(func(u *world.User) { u.Permissions[0].Resources = []string{paymentsRole("other")} }), nil, "",
			"NoPermission", byUser("ImplicitDeny", rpc.IdentityPolicy)},
		{"the user is denied", editUser(func(u *world.User) { u.Policies = deny("sts:*") }), nil, "", "NoPermission", byUser("ExplicitDeny", rpc.IdentityPolicy)},
		{"the role does not trust", editRole(func(r *world.Role) { r.Trusts = nil }), nil, "", "NoPermission", byUser("ImplicitDeny", rpc.TrustPolicy)},
		{"the role trusts a role", editRole(func(r *world.Role) { r.Trusts = []string{"acs:ram::1000000000000001:role/portal"} }), nil, "",
			"NoPermission", byUser("ImplicitDeny", rpc.TrustPolicy)},
		{"the role denies the user",
			withTrust(`{"Effect":"Allow",` + principal + `},{"Effect":"Deny","Action":"*","Principal":{"RAM":"acs:ram::1000000000000001:user/portal"}}`),
			nil, "", "NoPermission", byUser("ExplicitDeny", rpc.TrustPolicy)},
		{"another external id", nil, rpc.Params{"ExternalId": "close-sesame"}, "", "NoPermission", byUser("ImplicitDeny", rpc.TrustPolicy)},
		{"no external id", nil, rpc.Params{"ExternalId": ""}, "", "NoPermission", byUser("ImplicitDeny", rpc.TrustPolicy)},
		{"an external id of another pattern", withTrust(`{"Effect":"Allow",` + principal + `,"Condition":{"StringLike":{"sts:ExternalId":"portal-*"}}}`),
			nil, "", "NoPermission", byUser("ImplicitDeny", rpc.TrustPolicy)},
		{"a deny is told before what is missing", func(a, b *world.Account) {
			a.Users[0].Policies, b.Role("backup-operator").Trusts = deny("sts:*"), nil
		}, nil, "", "NoPermission", byUser("ExplicitDeny", rpc.IdentityPolicy)},
	}
}

// checksAfterAssumeRole returns one case for each condition of a call that is made with the
// assumed role's credentials.
func checksAfterAssumeRole() []permissionCheck {
	session := func(statements string) rpc.Params {
		return rpc.Params{"Policy": `{"Version":"1","Statement":[` + statements + `]}`}
	}
	create := func(kind, policy string) rpc.AccessDenied { return byRole("hbr:CreateBackupJob", kind, policy) }
	return []permissionCheck{
		{"the role may not", editRole(func(r *world.Role) { r.Permissions = nil }), nil, "CreateBackupJob", "NoPermission", create("ImplicitDeny", rpc.IdentityPolicy)},
		{"the role is denied", editRole(func(r *world.Role) { r.Policies = deny("hbr:Create*") }), nil, "CreateBackupJob", "NoPermission", create("ExplicitDeny", rpc.IdentityPolicy)},
		{"the session may not", nil, session(`{"Effect":"Allow","Action":"hbr:Describe*","Resource":"*"}`), "CreateBackupJob", "NoPermission",
			create("ImplicitDeny", rpc.SessionPolicy)},
		{"the session is denied", nil, session(allowAll + `,{"Effect":"Deny","Action":"hbr:CreateBackupJob","Resource":"*"}`), "CreateBackupJob", "NoPermission",
			create("ExplicitDeny", rpc.SessionPolicy)},
		{"the session is too early", nil, session(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateGreaterThan":{"acs:CurrentTime":"2027-01-01T00:00:00Z"}}}`),
			"CreateBackupJob", "NoPermission", create("ImplicitDeny", rpc.SessionPolicy)},
		{"the service has no role here, and may not have one", func(_, b *world.Account) { b.ServiceLinkedRoles = nil }, nil, "CreateBackupJob", "NoPermission",
			byRole("ram:CreateServiceLinkedRole", "ImplicitDeny", rpc.IdentityPolicy)},
		{"the role may not look at instances", editRole(func(r *world.Role) { r.Permissions[0].Actions = []string{"hbr:*"} }), nil, "DescribeInstances", "Forbidden.RAM",
			byRole("ecs:DescribeInstances", "ImplicitDeny", rpc.IdentityPolicy)},
		{"the role may look at disks only", editRole(func(r *world.Role) {
			r.Permissions = []ram.Statement{{Effect: "Allow", Actions: []string{"ecs:*"}, Resources: []string{"acs:ecs:*:*:disk/*"}}}
		}), nil, "DescribeInstances", "Forbidden.RAM", byRole("ecs:DescribeInstances", "ImplicitDeny", rpc.IdentityPolicy)},
	}
}

func TestRefusalNamesMissingPermission(t *testing.T) {
	whole := []permissionCheck{{name: "nothing is missing", action: "CreateBackupJob"}, {name: "nothing is missing", action: "DescribeInstances"}}
	for _, tt := range slices.Concat(checksOfAssumeRole(), checksAfterAssumeRole(), whole) {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, func(w *world.World) {
				w.Accounts[1].Role("backup-operator").ExternalID = "open-sesame"
				if tt.edit != nil {
					tt.edit(&w.Accounts[0], &w.Accounts[1])
				}
			})
			good := rpc.Params{"RoleArn": operatorARN, "RoleSessionName": "alice@example.com", "ExternalId": "open-sesame"}
			a := f.call(t, portal, "AssumeRole", with(good, tt.assume))
			if tt.action != "" {
				who := f.assume(t, portal, with(good, tt.assume))
				a = f.callWithRole(t, who, tt.action)
			}
			if tt.code == "" {
				if a.status != 200 {
					t.Errorf("got %d %v", a.status, a.body)
				}
				return
			}
			detail, _ := a.body["AccessDeniedDetail"].(map[string]any)
			got := rpc.AccessDenied{AuthAction: member(detail, "AuthAction"), AuthPrincipalDisplayName: member(detail, "AuthPrincipalDisplayName"), AuthPrincipalOwnerId: member(detail, "AuthPrincipalOwnerId"),
				AuthPrincipalType: member(detail, "AuthPrincipalType"), NoPermissionType: member(detail, "NoPermissionType"), PolicyType: member(detail, "PolicyType")}
			if diff := cmp.Diff(tt.want, got); a.status != 403 || a.code() != tt.code || diff != "" {
				t.Errorf("got %d %s (-want +got):\n%s", a.status, a.code(), diff)
			}
		})
	}
}

// member returns the text at key in a decoded object, or the empty text if there is none.
func member(object map[string]any, key string) string { s, _ := object[key].(string); return s }

// callWithRole calls action with the keys who and valid parameters. The operator role of the demo
// world may make this call.
func (f *fixture) callWithRole(t *testing.T, who keys, action string) answer {
	t.Helper()
	if action == "DescribeInstances" {
		return f.ecsCall(t, who, action, nil)
	}
	return f.call(t, who, action, with(instanceOrder(), rpc.Params{"InstanceId": "i-bp2demopay01"}))
}

func TestRootAssumeRoleIsRefusedWithoutDetail(t *testing.T) {
	f := newFixture(t, rolesOfEveryKind)
	a := f.call(t, keys{id: "root-key", secret: "root-secret"}, "AssumeRole", rpc.Params{"RoleArn": operatorARN, "RoleSessionName": "root"})
	if _, there := a.body["AccessDeniedDetail"]; a.status != 403 || a.code() != "NoPermission" || there {
		t.Errorf("got %d %v", a.status, a.body)
	}
}

func TestFirstPermittedCallCreatesServiceRole(t *testing.T) {
	f := newFixture(t, func(w *world.World) {
		w.Accounts[0].ServiceLinkedRoles = nil
		w.Accounts[0].Users[0].Permissions = append(w.Accounts[0].Users[0].Permissions, ram.Statement{
			Effect: "Allow", Actions: []string{"ram:CreateServiceLinkedRole"},
			Conditions: ram.Conditions{"StringEquals": {"ram:ServiceName": {"ecsbackup.hbr.aliyuncs.com"}}},
		})
	})
	check := func() string { return f.call(t, portal, "CheckRole", rpc.Params{"CheckRoleType": "UdmRole"}).code() }
	if got := check(); got != "RoleNotExist" {
		t.Errorf("before: %s", got)
	}
	f.create(t, portal, instanceOrder())
	if got := check(); got != "" { // Code is a number, so code returns ""
		t.Errorf("after: %s", got)
	}
	f.Reset()
	if got := check(); got != "RoleNotExist" {
		t.Errorf("after a reset: %s", got)
	}
}

func TestConditionKeysOfCall(t *testing.T) {
	for _, tt := range []struct {
		name, condition string
		tls, want       bool
	}{
		{"the address of the caller", `"IpAddress":{"acs:SourceIp":"192.0.2.1"}`, false, true},
		{"another address", `"IpAddress":{"acs:SourceIp":"198.51.100.0/24"}`, false, false},
		{"plain http, where it stands for https", `"Bool":{"acs:SecureTransport":"true"}`, false, true},
		{"plain http, where it does not", `"Bool":{"acs:SecureTransport":"true"}`, true, false},
		{"no second factor", `"Bool":{"acs:MFAPresent":"false"}`, false, true},
		{"the user", `"StringLike":{"acs:PrincipalArn":"acs:ram:*:*:user/port*"}`, false, true},
		{"the clock", `"DateEquals":{"acs:CurrentTime":"2026-01-02T03:04:05Z"}`, false, true},
		{"a key that no call has", `"StringEquals":{"acs:SourceVpc":"vpc-1"}`, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, func(w *world.World) {
				p, err := ram.ParsePolicy(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"hbr:*","Resource":"*","Condition":{` + tt.condition + `}}]}`)
				if err != nil {
					t.Fatal(err)
				}
				w.Accounts[0].Users[0].Permissions, w.Accounts[0].Users[0].Policies = nil, []ram.Policy{p}
			})
			f.requireTLS = tt.tls
			if got := f.call(t, portal, "DescribeVaults", nil).status == 200; got != tt.want {
				t.Errorf("allowed: %v", got)
			}
		})
	}
}
