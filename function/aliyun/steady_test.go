package aliyun_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/emulator"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/world"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// TestSessionsAreCached submits 10,000 backups of 50 people in 20 accounts and proves that
// AssumeRole is called only once for each pair of person and account. It also proves that the
// cloud's audit trail names the person who started each job.
func TestSessionsAreCached(t *testing.T) {
	const people, accounts = 50, 20
	submissions := 10_000
	if raced {
		submissions = 2_000 // enough for each pair of a person and an account to occur twice
	}
	w := world.Demo()
	var targets []backup.Account
	var capabilities []aliyun.AccountCapabilities
	for i := range accounts {
		a := backup.Account{Alias: fmt.Sprint("a", i), ID: fmt.Sprintf("30000000000000%02d", i), Access: backup.AssumeRole, Role: "backup-portal"}
		targets = append(targets, a)
		capabilities = append(capabilities, aliyun.AccountCapabilities{Account: a, Capabilities: everything})
		w.Accounts = append(w.Accounts, world.Account{
			ID: a.ID, ServiceLinkedRoles: []string{"AliyunServiceRoleForHbrEcsBackup"},
			Roles: []world.Role{{
				Name: a.Role, TrustPolicy: paste(t, aliyun.TrustPolicy("acs:ram::1000000000000001:user/portal", a).Text()),
				Policies: []ram.Policy{paste(t, aliyun.RolePolicy(a, everything).Text())},
			}},
			Instances: []world.Instance{{ID: fmt.Sprintf("i-bp3account%02d", i), Region: "cn-hangzhou", OS: "linux", Disks: []world.Disk{{ID: fmt.Sprintf("d-bp3account%02d", i), Category: "cloud_essd", Type: "system", GiB: 40}}}},
		})
	}
	w.Accounts[0].Users[0].Policies = []ram.Policy{paste(t, aliyun.FunctionPolicy(capabilities).Text())}
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
	var wg sync.WaitGroup
	for p := range people {
		wg.Go(func() {
			who := identity.Principal{Issuer: "https://sso.example.com", Subject: fmt.Sprint(p), Name: fmt.Sprintf("person%02d@example.com", p)}
			for n := range submissions / people {
				a := targets[n%accounts]
				_, err := client.CreateBackupJob(t.Context(), backup.Call{
					Target: backup.Target{Account: a, Region: "cn-hangzhou", Principal: who},
					Params: param.Params{"InstanceId": fmt.Sprintf("i-bp3account%02d", n%accounts), "Retention": "7", "JobName": who.Name[:8]}.WithDefaults(),
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	ledger := cloud.Ledger()
	if n, m := len(ledger.CallsOf("AssumeRole")), len(ledger.CallsOf("CreateBackupJob")); n != people*accounts || m != submissions {
		t.Errorf("%d AssumeRole for %d jobs, want %d for %d", n, m, people*accounts, submissions)
	}
	for _, job := range ledger.Jobs {
		if !strings.Contains(job.CreatedBy, ":assumed-role/backup-portal/"+job.Name+"@example.com-") {
			t.Fatalf("job %s of %s was made by %s", job.ID, job.Name, job.CreatedBy)
		}
	}
}
