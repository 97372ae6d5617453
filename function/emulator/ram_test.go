package emulator

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// slowly is what a pattern means, by a regular expression.
func slowly(pattern, text string) bool {
	expr := strings.NewReplacer(`\*`, `(?s:.*)`, `\?`, `(?s:.)`).Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("^" + expr + "$").MatchString(text)
}

func TestStarsMatchAsARegularExpressionWould(t *testing.T) {
	text := rapid.StringMatching(`[abé:]{0,8}`)
	pattern := rapid.StringMatching(`[abé:*?]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		p, s := pattern.Draw(t, "pattern"), text.Draw(t, "text")
		if got, want := matches(p, s), slowly(p, s); got != want {
			t.Fatalf("matches(%q, %q) = %v", p, s, got)
		}
	})
}

// naiveVerdict first collects the effects of all statements that fit, and only
// then thinks about them.
func naiveVerdict(policies []Policy, action, resource string, conditionHolds bool) verdict {
	effects := map[string]int{}
	fitsAny := func(patterns []string, text string) bool {
		n := 0
		for _, p := range patterns {
			if slowly(strings.ToLower(p), strings.ToLower(text)) {
				n++
			}
		}
		return n > 0
	}
	for _, p := range policies {
		for _, s := range p {
			isAction := fitsAny(s.Actions, action)
			if len(s.NotActions) > 0 {
				isAction = !fitsAny(s.NotActions, action)
			}
			isResource := len(s.Resources) == 0 || fitsAny(s.Resources, resource)
			if isAction && isResource && (len(s.Conditions) == 0 || conditionHolds) {
				effects[s.Effect]++
			}
		}
	}
	switch {
	case effects["Deny"] > 0:
		return explicitDeny
	case effects["Allow"] > 0:
		return allowed
	}
	return implicitDeny
}

func TestPoliciesDecideAsANaiveReadingDoes(t *testing.T) {
	words := rapid.SampledFrom([]string{"*", "hbr:*", "hbr:Create*", "hbr:CreateBackupJob", "HBR:createbackupjob", "hbr:Cancel?ackupJob", "ecs:*", "ecs:Describe*"})
	resources := rapid.SliceOfN(rapid.SampledFrom([]string{"*", "acs:ecs:*:*:instance/*", "acs:ecs:cn-hangzhou:1:instance/*", "acs:hbr:*:*:*"}), 0, 2)
	statement := rapid.Custom(func(t *rapid.T) Statement {
		s := Statement{Effect: rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect"), Resources: resources.Draw(t, "resources")}
		if list := rapid.SliceOfN(words, 1, 3).Draw(t, "actions"); rapid.IntRange(0, 4).Draw(t, "kind") > 0 {
			s.Actions = list
		} else {
			s.NotActions = list
		}
		if rapid.IntRange(0, 3).Draw(t, "conditional") == 0 {
			s.Conditions = Conditions{"StringEquals": {"x:Key": {"yes"}}}
		}
		return s
	})
	policies := rapid.SliceOfN(rapid.SliceOfN(statement, 0, 3), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		var all []Policy
		for _, p := range policies.Draw(t, "policies") {
			all = append(all, Policy(p))
		}
		holds := rapid.Bool().Draw(t, "condition holds")
		q := question{
			action:   rapid.SampledFrom([]string{"hbr:CreateBackupJob", "hbr:CancelBackupJob", "ecs:DescribeInstances", "sts:AssumeRole"}).Draw(t, "action"),
			resource: rapid.SampledFrom([]string{"*", "acs:ecs:cn-hangzhou:1:instance/*"}).Draw(t, "resource"),
			key:      func(string) (string, bool) { return "yes", holds },
		}
		if got, want := evaluate(q, all...), naiveVerdict(all, q.action, q.resource, holds); got != want {
			t.Fatalf("%s on %s: %v, want %v of %+v", q.action, q.resource, got, want, all)
		}
	})
}

// A rung is one thing that has to be right before a call is let through.
type rung struct {
	name   string
	edit   func(portal, operator *Account)
	assume params // changes to a good AssumeRole
	action string // what is called in the role; AssumeRole itself if empty
	code   string
	want   accessDenied
}

const allowAll = `{"Effect":"Allow","Action":"*","Resource":"*"}`

// Whoever is refused: the user who wants to assume, or the role that he is then.
func byUser(kind, policy string) accessDenied {
	return accessDenied{"sts:AssumeRole", entityID("acs:ram::1000000000000001:user/portal"), DemoPortalAccount, "SubUser", kind, policy}
}

func byRole(action, kind, policy string) accessDenied {
	return accessDenied{action, "backup-operator:alice@example.com", DemoPaymentsAccount, "AssumedRoleUser", kind, policy}
}

func deny(action string) []Policy {
	return []Policy{{{Effect: "Deny", Actions: []string{action}, Resources: []string{"*"}}}}
}

// ofRole edits the role that is assumed.
func ofRole(change func(*Role)) func(portal, operator *Account) {
	return func(_, operator *Account) { change(operator.role("backup-operator")) }
}

// withTrust makes the role trust by a document.
func withTrust(statements string) func(portal, operator *Account) {
	return ofRole(func(r *Role) {
		r.TrustPolicy, _ = parsePolicy(`{"Version":"1","Statement":[` + statements + `]}`)
		r.Trusts, r.ExternalID = nil, ""
	})
}

// rungsOfAssumeRole start from a world in which all of them are right; each
// takes one away.
func rungsOfAssumeRole() []rung {
	ofUser := func(change func(*User)) func(portal, operator *Account) {
		return func(portal, _ *Account) { change(&portal.Users[0]) }
	}
	const principal = `"Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1000000000000001:root"}`
	return []rung{
		{"the user may not assume", ofUser(func(u *User) { u.Permissions = nil }), nil, "", "NoPermission", byUser("ImplicitDeny", identityPolicy)},
		{"the user may assume another role", ofUser(func(u *User) { u.Permissions[0].Resources = []string{paymentsRole("other")} }), nil, "",
			"NoPermission", byUser("ImplicitDeny", identityPolicy)},
		{"the user is denied", ofUser(func(u *User) { u.Policies = deny("sts:*") }), nil, "", "NoPermission", byUser("ExplicitDeny", identityPolicy)},
		{"the role does not trust", ofRole(func(r *Role) { r.Trusts = nil }), nil, "", "NoPermission", byUser("ImplicitDeny", trustPolicy)},
		{"the role trusts a role", ofRole(func(r *Role) { r.Trusts = []string{"acs:ram::1000000000000001:role/portal"} }), nil, "",
			"NoPermission", byUser("ImplicitDeny", trustPolicy)},
		{"the role denies the user",
			withTrust(`{"Effect":"Allow",` + principal + `},{"Effect":"Deny","Action":"*","Principal":{"RAM":"acs:ram::1000000000000001:user/portal"}}`),
			nil, "", "NoPermission", byUser("ExplicitDeny", trustPolicy)},
		{"another external id", nil, params{"ExternalId": "close-sesame"}, "", "NoPermission", byUser("ImplicitDeny", trustPolicy)},
		{"no external id", nil, params{"ExternalId": ""}, "", "NoPermission", byUser("ImplicitDeny", trustPolicy)},
		{"an external id of another pattern", withTrust(`{"Effect":"Allow",` + principal + `,"Condition":{"StringLike":{"sts:ExternalId":"portal-*"}}}`),
			nil, "", "NoPermission", byUser("ImplicitDeny", trustPolicy)},
		{"a deny is told before what is missing", func(a, b *Account) {
			a.Users[0].Policies, b.role("backup-operator").Trusts = deny("sts:*"), nil
		}, nil, "", "NoPermission", byUser("ExplicitDeny", identityPolicy)},
	}
}

// rungsInTheRole are those after it was assumed.
func rungsInTheRole() []rung {
	session := func(statements string) params {
		return params{"Policy": `{"Version":"1","Statement":[` + statements + `]}`}
	}
	create := func(kind, policy string) accessDenied { return byRole("hbr:CreateBackupJob", kind, policy) }
	return []rung{
		{"the role may not", ofRole(func(r *Role) { r.Permissions = nil }), nil, "CreateBackupJob", "NoPermission", create("ImplicitDeny", identityPolicy)},
		{"the role is denied", ofRole(func(r *Role) { r.Policies = deny("hbr:Create*") }), nil, "CreateBackupJob", "NoPermission", create("ExplicitDeny", identityPolicy)},
		{"the session may not", nil, session(`{"Effect":"Allow","Action":"hbr:Describe*","Resource":"*"}`), "CreateBackupJob", "NoPermission",
			create("ImplicitDeny", sessionPolicy)},
		{"the session is denied", nil, session(allowAll + `,{"Effect":"Deny","Action":"hbr:CreateBackupJob","Resource":"*"}`), "CreateBackupJob", "NoPermission",
			create("ExplicitDeny", sessionPolicy)},
		{"the session is too early", nil, session(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateGreaterThan":{"acs:CurrentTime":"2027-01-01T00:00:00Z"}}}`),
			"CreateBackupJob", "NoPermission", create("ImplicitDeny", sessionPolicy)},
		{"the service has no role here, and may not have one", func(_, b *Account) { b.ServiceLinkedRoles = nil }, nil, "CreateBackupJob", "NoPermission",
			byRole("ram:CreateServiceLinkedRole", "ImplicitDeny", identityPolicy)},
		{"the role may not look at instances", ofRole(func(r *Role) { r.Permissions[0].Actions = []string{"hbr:*"} }), nil, "DescribeInstances", "Forbidden.RAM",
			byRole("ecs:DescribeInstances", "ImplicitDeny", identityPolicy)},
		{"the role may look at disks only", ofRole(func(r *Role) {
			r.Permissions = []Statement{{Effect: "Allow", Actions: []string{"ecs:*"}, Resources: []string{"acs:ecs:*:*:disk/*"}}}
		}), nil, "DescribeInstances", "Forbidden.RAM", byRole("ecs:DescribeInstances", "ImplicitDeny", identityPolicy)},
	}
}

func TestRefusalNamesTheRungThatIsMissing(t *testing.T) {
	whole := []rung{{name: "nothing is missing", action: "CreateBackupJob"}, {name: "nothing is missing", action: "DescribeInstances"}}
	for _, tt := range slices.Concat(rungsOfAssumeRole(), rungsInTheRole(), whole) {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, func(w *World) {
				w.Accounts[1].role("backup-operator").ExternalID = "open-sesame"
				if tt.edit != nil {
					tt.edit(&w.Accounts[0], &w.Accounts[1])
				}
			})
			good := params{"RoleArn": operatorARN, "RoleSessionName": "alice@example.com", "ExternalId": "open-sesame"}
			a := f.call(t, portal, "AssumeRole", with(good, tt.assume))
			if tt.action != "" {
				who := f.assume(t, portal, with(good, tt.assume))
				a = f.inRole(t, who, tt.action)
			}
			if tt.code == "" {
				if a.status != 200 {
					t.Errorf("got %d %v", a.status, a.body)
				}
				return
			}
			detail, _ := a.body["AccessDeniedDetail"].(map[string]any)
			got := accessDenied{member(detail, "AuthAction"), member(detail, "AuthPrincipalDisplayName"), member(detail, "AuthPrincipalOwnerId"),
				member(detail, "AuthPrincipalType"), member(detail, "NoPermissionType"), member(detail, "PolicyType")}
			if diff := cmp.Diff(tt.want, got); a.status != 403 || a.code() != tt.code || diff != "" {
				t.Errorf("got %d %s (-want +got):\n%s", a.status, a.code(), diff)
			}
		})
	}
}

// member reads a text of a decoded object; nothing for one that is not there.
func member(object map[string]any, key string) string { s, _ := object[key].(string); return s }

// inRole makes a call that the operator of the demo world may make.
func (f *fixture) inRole(t *testing.T, who keys, action string) answer {
	t.Helper()
	if action == "DescribeInstances" {
		return f.ecsCall(t, who, action, nil)
	}
	return f.call(t, who, action, with(instanceOrder(), params{"InstanceId": "i-bp2demopay01"}))
}

func TestAccountItselfIsRefusedWithoutADetail(t *testing.T) {
	f := newFixture(t, rolesOfEveryKind)
	a := f.call(t, keys{id: "root-key", secret: "root-secret"}, "AssumeRole", params{"RoleArn": operatorARN, "RoleSessionName": "root"})
	if _, there := a.body["AccessDeniedDetail"]; a.status != 403 || a.code() != "NoPermission" || there {
		t.Errorf("got %d %v", a.status, a.body)
	}
}

func TestServiceRoleIsMadeByTheFirstWhoMay(t *testing.T) {
	f := newFixture(t, func(w *World) {
		w.Accounts[0].ServiceLinkedRoles = nil
		w.Accounts[0].Users[0].Permissions = append(w.Accounts[0].Users[0].Permissions, Statement{
			Effect: "Allow", Actions: []string{"ram:CreateServiceLinkedRole"},
			Conditions: Conditions{"StringEquals": {"ram:ServiceName": {"ecsbackup.hbr.aliyuncs.com"}}},
		})
	})
	check := func() string { return f.call(t, portal, "CheckRole", params{"CheckRoleType": "UdmRole"}).code() }
	if got := check(); got != "RoleNotExist" {
		t.Errorf("before: %s", got)
	}
	f.create(t, portal, instanceOrder())
	if got := check(); got != "" { // a number
		t.Errorf("after: %s", got)
	}
	f.Reset()
	if got := check(); got != "RoleNotExist" {
		t.Errorf("after a reset: %s", got)
	}
}

func TestTrustOfAServiceMayBeForOneAccount(t *testing.T) {
	for service, want := range map[string]bool{
		crossBackupService:                             true,
		DemoPortalAccount + "@" + crossBackupService:   true,
		DemoPaymentsAccount + "@" + crossBackupService: false,
		"ecs.aliyuncs.com":                             false,
	} {
		r := &Role{TrustPolicy: (&Role{TrustsServices: []string{service}}).shortTrust()}
		if got := r.trustsService(crossBackupService, DemoPortalAccount); got != want {
			t.Errorf("%s: %v", service, got)
		}
	}
}

func TestConditionKeysAreThoseOfTheCall(t *testing.T) {
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
			f := newFixture(t, func(w *World) {
				p, err := parsePolicy(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"hbr:*","Resource":"*","Condition":{` + tt.condition + `}}]}`)
				if err != nil {
					t.Fatal(err)
				}
				w.Accounts[0].Users[0].Permissions, w.Accounts[0].Users[0].Policies = nil, []Policy{p}
			})
			f.requireTLS = tt.tls
			if got := f.call(t, portal, "DescribeVaults", nil).status == 200; got != tt.want {
				t.Errorf("allowed: %v", got)
			}
		})
	}
}
