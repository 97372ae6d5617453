package policy

import (
	"os"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// base is a small valid policy. Each test changes a part of it.
const base = `version: 1
enabled: true
accounts:
  - alias: prod
    enabled: true
    account_id: "1234567890123456"
    access: assume_role
    role: portal-backup
    external_id_env: EXTERNAL_ID_PROD
    regions: [cn-hangzhou, cn-shanghai]
  - alias: sandbox
    enabled: true
    account_id: "2234567890123456"
    access: own
    regions: [cn-hangzhou]
  - alias: idle
    enabled: false
    account_id: "3234567890123456"
    access: hbr_cross_account
    role: hbrcrossrole
    regions: [cn-beijing]
teams:
  - name: payments
    members:
      - {issuer: "https://sso.example.com", group: oncall}
      - {source: ci}
    daily_jobs: 40
rules:
  - id: payments-prod
    teams: [payments]
    actions: [backup.create, backup.view, backup.cancel]
    reason: {en: "Snapshots cost money", zh: "快照会产生费用"}
    owner: platform team
    accounts: [prod]
    regions: [cn-hangzhou]
    source_types: [UDM_ECS]
    instances: [i-web1, i-web2]
    retention_days: {min: 2, max: 30}
    copy:
      regions: [cn-shanghai]
      retention_days: {min: 3, max: 20}
    scripts: [/opt/backup/pre.sh, /opt/backup/post.sh]
  - id: short
    teams: [payments]
    actions: [backup.create, backup.view]
    accounts: [sandbox, idle]
    regions: [cn-hangzhou, cn-beijing]
    source_types: [ECS_FILE, CONTAINER]
    any_instance: true
    clusters: [cc-0001]
    any_vault: true
    retention_days: {min: 1, max: 7}
`

const externalID = "canary+=,.@:/-1"

func environment(name string) string {
	if name == "EXTERNAL_ID_PROD" {
		return externalID
	}
	return ""
}

func mustLoad(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Load([]byte(text), environment)
	if err != nil {
		t.Fatalf("the policy does not load:\n%v", err)
	}
	return p
}

// change returns text with from replaced by to. It fails the test if from does not occur
// exactly once.
func change(t testing.TB, text, from, to string) string {
	t.Helper()
	if n := strings.Count(text, from); n != 1 {
		t.Fatalf("%q is there %d times, want once", from, n)
	}
	return strings.Replace(text, from, to, 1)
}

func TestAccount(t *testing.T) {
	p := mustLoad(t, base)
	a, ok := p.Account("prod")
	if !ok || a.Alias != "prod" || a.ID != "1234567890123456" || a.Access != backup.AssumeRole ||
		a.RoleARN() != "acs:ram::1234567890123456:role/portal-backup" || len(a.Regions) != 2 {
		t.Errorf("Account(prod) = %+v, %v", a, ok)
	}
	if got := a.ExternalID.Reveal(); got != externalID {
		t.Errorf("external id %q, want %q", got, externalID)
	}
	if _, ok := p.Account("idle"); !ok {
		t.Error("an account that is switched off is not found")
	}
	for _, alias := range []string{"", "Prod", "prod ", "1234567890123456"} {
		if a, ok := p.Account(alias); ok {
			t.Errorf("Account(%q) = %v", alias, a)
		}
	}
}

func TestHash(t *testing.T) {
	one, same, other := mustLoad(t, base), mustLoad(t, base), mustLoad(t, base+"# a remark\n")
	if len(one.Hash()) != 64 || one.Hash() != same.Hash() || one.Hash() == other.Hash() {
		t.Errorf("hashes %q, %q and %q", one.Hash(), same.Hash(), other.Hash())
	}
}

func TestExampleLoads(t *testing.T) {
	text := readFile(t, "../../docs/policy.example.yaml")
	none := func(string) string { return "" }
	p, err := Load([]byte(text), none)
	if err != nil {
		t.Fatalf("as it comes, without any variable: %v", err)
	}
	for _, alias := range []string{"sandbox", "prod", "archive"} {
		if _, ok := p.Account(alias); !ok {
			t.Errorf("there is no account %q", alias)
		}
	}
	secret := strings.Replace(text, "# external_id_env", "external_id_env", 1)
	mustLoad(t, secret)
	if _, err := Load([]byte(secret), none); err == nil || !strings.Contains(err.Error(), "EXTERNAL_ID_PROD is not set") {
		t.Errorf("with an external id, but without its variable: %v", err)
	}
}

func TestDemoPolicyAllowsEverything(t *testing.T) {
	p := mustLoad(t, readFile(t, "../cmd/local/policy.yaml"))
	var aliases []string
	demo := identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "demo"}
	for _, a := range p.Accounts(demo, backup.ActionCreate) {
		aliases = append(aliases, a.Alias)
	}
	if got := strings.Join(aliases, " "); got != "demo payments payments-central locked" {
		t.Errorf("accounts %q", got)
	}
	for _, alias := range aliases {
		for _, source := range param.SourceTypes {
			params := param.Params{
				"Account": alias, "Region": "cn-shanghai", "SourceType": string(source), "Retention": "365",
				"InstanceId": "i-bp1demoweb01", "ContainerClusterId": "cc-0001democluster",
				"VaultId": "v-0001demovault01",
			}
			if source == param.UDMECS {
				params["Detail.doCopy"] = "true"
				params["Detail.destinationRegionId"] = "cn-hangzhou"
				params["Detail.destinationRetention"] = "1"
				params["Detail.preScriptPath"] = "/opt/backup/pre.sh"
				params["Detail.postScriptPath"] = "/opt/backup/post.sh"
			}
			if grant, denied := p.Decide(t.Context(), demo, params); grant.Rule != "demo" {
				t.Errorf("%s %s: %q, %v", alias, source, grant.Rule, denied)
			}
		}
	}
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alice is a person in the team of the test policy base.
var alice = identity.Principal{Kind: identity.KindHuman, Issuer: "https://sso.example.com", Subject: "1", Name: "Alice", Groups: []string{"oncall"}}
