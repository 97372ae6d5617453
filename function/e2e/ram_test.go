package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/emulator"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/world"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/function/secret"
)

const demoPolicyFile = "../cmd/local/policy.yaml"

// A printedPolicy is one element of the output of ram-policy -json.
type printedPolicy struct {
	Of, Kind string
	Document aliyun.RAMPolicy
}

// printed returns the RAM policies that the command ram-policy prints for the demo accounts, in
// which the portal is a RAM user.
func printed(t *testing.T) (all []printedPolicy) {
	t.Helper()
	out, code := runProgram(t, nil, "ram-policy", "-file", demoPolicyFile, "-portal", "acs:ram::1000000000000001:user/portal", "-json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// pasted parses a printed RAM policy, as if a person had pasted it into the RAM console.
func pasted(t *testing.T, d aliyun.RAMPolicy) (p ram.Policy) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(d.Text()), &p); err != nil {
		t.Fatalf("%v in\n%s", err, d.Text())
	}
	return p
}

// TestDemoWorldHasThePrintedPolicies proves that the demo accounts have exactly the RAM
// policies that the command ram-policy prints. So all other tests run with the printed
// policies.
func TestDemoWorldHasThePrintedPolicies(t *testing.T) {
	w := world.Demo()
	for _, d := range printed(t) {
		if d.Kind != "permission" {
			continue
		}
		has := w.Accounts[0].Users[0].Permissions
		for _, r := range w.Accounts[1].Roles {
			if strings.HasSuffix(d.Of, ":role/"+r.Name) {
				has = r.Permissions
			}
		}
		if diff := cmp.Diff(pasted(t, d.Document), ram.Policy(has), cmp.Transformer("sorted", func(all []string) []string { return slices.Sorted(slices.Values(all)) })); diff != "" {
			t.Errorf("%s (-printed +world):\n%s", d.Of, diff)
		}
	}
}

// checks lists the RAM actions that only the access checks need, not backups.
var checks = []string{"hbr:CheckRole", "hbr:DescribeCrossAccounts", "hbr:DescribeBackupClients"}

// TestEachPrintedActionIsNeeded proves that the printed RAM policies permit nothing
// unnecessary: without any one of the actions, an operation of the portal fails. The access
// checks do not count as operations, because they use all actions.
func TestEachPrintedActionIsNeeded(t *testing.T) {
	if used, checked := walk(t, func(*world.World) {}); used != nil || checked != nil {
		t.Fatalf("with all of them: %v, %v", used, checked)
	}
	portal := func(w *world.World) *[]ram.Statement { return &w.Accounts[0].Users[0].Permissions }
	operator := func(w *world.World) *[]ram.Statement { return &w.Accounts[1].Roles[0].Permissions }
	for _, d := range printed(t) {
		of := portal
		switch {
		case strings.HasSuffix(d.Of, ":role/backup-operator"):
			of = operator
		case strings.Contains(d.Of, ":role/"):
			continue // the portal cannot use this account
		}
		if d.Kind != "permission" {
			continue
		}
		for _, s := range d.Document.Statement {
			for _, action := range s.Action {
				used, checked := walk(t, func(w *world.World) {
					for i, s := range *of(w) {
						(*of(w))[i].Actions = slices.DeleteFunc(slices.Clone(s.Actions), func(a string) bool { return a == action })
					}
					*of(w) = slices.DeleteFunc(*of(w), func(s ram.Statement) bool { return len(s.Actions) == 0 })
				})
				if only := slices.Contains(checks, action); used == nil != only || only && checked == nil {
					t.Errorf("%s without %s: %v; %v", d.Of, action, used, checked)
				}
			}
		}
	}
}

// walk performs every operation of the portal in each demo account. The service roles that the
// portal may create do not exist at the beginning. It returns the operations and the access
// checks that failed.
func walk(t *testing.T, change func(*world.World)) (failed, checked []string) {
	t.Helper()
	w := world.Demo()
	change(w)
	for i := range w.Accounts {
		w.Accounts[i].ServiceLinkedRoles = slices.DeleteFunc(w.Accounts[i].ServiceLinkedRoles, func(r string) bool { return r == "AliyunServiceRoleForHbrEcsBackup" })
	}
	cloud, err := emulator.New(emulator.Options{World: w})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud)
	defer server.Close()
	endpoint, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	key := aliyun.Credentials{AccessKeyID: world.DemoKey, AccessKeySecret: secret.New(world.DemoSecret)}
	client, err := aliyun.New(aliyun.Config{Endpoint: endpoint, Credentials: func(context.Context) (aliyun.Credentials, error) { return key, nil }})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(demoPolicyFile)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Load(data, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, err error) {
		if err != nil {
			failed = append(failed, what)
		}
	}
	for alias, instance := range map[string]string{"demo": "i-bp1demoweb01", "payments": "i-bp2demopay01", "payments-central": "i-bp2demopay01"} {
		account, _ := rules.Account(alias)
		target := backup.Target{Account: account, Region: "cn-hangzhou", Principal: identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "demo", Name: "demo"}}
		params := param.Params{"Account": alias, "Region": "cn-hangzhou", "InstanceId": instance, "Retention": "7", "JobName": "walk"}.WithDefaults()
		if params["CrossAccountType"] = "SELF_ACCOUNT"; account.Access == backup.HBRCrossAccount {
			params["CrossAccountType"], params["CrossAccountUserId"], params["CrossAccountRoleName"] = "CROSS_ACCOUNT", account.ID, account.Role
		}
		created, err := client.CreateBackupJob(t.Context(), backup.Call{Target: target, Params: params})
		check(alias+": create", err)
		jobs, err := client.DescribeBackupJobs2(t.Context(), target, backup.JobFilter{SourceType: param.UDMECS})
		check(alias+": list", err)
		if len(jobs) > 0 {
			_, err = client.DescribeUdmSnapshots(t.Context(), target, jobs[0])
			check(alias+": recovery point", err)
			_, err = client.ListProtectedResources(t.Context(), target, backup.ProtectedQuery{})
			check(alias+": protected resources", err)
		}
		if created.JobID != "" {
			check(alias+": cancel", client.CancelBackupJob(t.Context(), target, created.JobID, ""))
		}
		kinds := []backup.CandidateKind{backup.Vaults, backup.Clusters, backup.Volumes}
		if account.Access != backup.HBRCrossAccount {
			_, err = client.DescribeInstances(t.Context(), target, []string{instance})
			check(alias+": tags", err)
			kinds = append(kinds, backup.Instances, backup.Disks)
		}
		for _, kind := range kinds {
			_, err := client.List(t.Context(), target, backup.CandidateQuery{Kind: kind, InstanceID: map[bool]string{true: instance}[kind == backup.Disks]})
			check(fmt.Sprint(alias, ": ", kind), err)
		}
		for _, r := range client.Preflight(t.Context(), target, rules.Capabilities(alias), param.Params{"InstanceId": instance}) {
			if r.State != backup.CheckOK {
				checked = append(checked, fmt.Sprint(alias, ": ", r.ID))
			}
		}
	}
	return failed, checked
}
