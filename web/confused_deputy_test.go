package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
)

// TestPrincipalsCannotUseOthersAccounts requests every backup as every principal. It proves
// that the portal refuses what the policy does not permit before any call, also before calls to
// STS. It makes each permitted backup exactly in the account that the policy names (threat T1;
// CD-1, CD-3, CD-4).
func TestPrincipalsCannotUseOthersAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const demo = "rules:\n  - id: demo\n"
	w.govern(t, demo, `  - name: webs
    members:
      - {issuer: "https://a.example", subject: web}
  - name: payers
    members:
      - {issuer: "https://a.example", group: pay}
rules:
  - id: web
    teams: [webs]
    actions: [backup.create, backup.view]
    accounts: [demo]
    regions: [cn-hangzhou]
    source_types: [UDM_ECS]
    instances: [i-bp1demoweb01]
    retention_days: {min: 1, max: 7}
  - id: pay
    teams: [payers]
    actions: [backup.create, backup.view]
    accounts: [payments]
    regions: [cn-hangzhou]
    source_types: [UDM_ECS]
    instances: [i-bp2demopay01]
    retention_days: {min: 1, max: 7}
  - id: demo
`)
	principals := map[string]identity.Principal{
		"web":              {Kind: identity.KindHuman, Issuer: "https://a.example", Subject: "web"},
		"pay":              {Kind: identity.KindHuman, Issuer: "https://a.example", Subject: "1", Groups: []string{"pay"}},
		"another issuer":   {Kind: identity.KindHuman, Issuer: "https://b.example", Subject: "web", Groups: []string{"pay"}},
		"source of a name": {Kind: identity.KindSource, Subject: "web", Groups: []string{"pay"}},
		"nobody's":         {Kind: identity.KindHuman, Issuer: "https://a.example", Subject: "2"},
	}
	allowed := map[string]bool{
		"web demo cn-hangzhou UDM_ECS i-bp1demoweb01": true, "pay payments cn-hangzhou UDM_ECS i-bp2demopay01": true,
	}
	var who identity.Principal
	w.server.Sender = func(*http.Request) (identity.Principal, error) { return who, nil }
	w.server.Backups.Requests = backup.Rate{Burst: 1000, Per: time.Minute}
	w.handler = w.server.Handler()
	made := 0
	for name, p := range principals {
		who = p
		for _, alias := range []string{"demo", "payments", "payments-central", "locked", "nowhere"} {
			for _, region := range []string{"cn-hangzhou", "cn-shanghai"} {
				for _, kind := range []string{"UDM_ECS", "ECS_FILE"} {
					for _, instance := range []string{"i-bp1demoweb01", "i-bp1demoweb02", "i-bp2demopay01", "i-bp1nosuch01"} {
						request := strings.Join([]string{name, alias, region, kind, instance}, " ")
						body := map[string]any{"Account": alias, "Region": region, "SourceType": kind, "InstanceId": instance, "Retention": 7}
						if kind == "ECS_FILE" {
							body["VaultId"] = "v-0001demovault01"
						}
						text, err := json.Marshal(body)
						if err != nil {
							t.Fatal(err)
						}
						n := w.calls()
						answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", string(text), "Idempotency-Key", strings.ReplaceAll(request, " ", "_"))
						switch code := answer.Code; {
						case allowed[request] && code == http.StatusCreated:
							made++
						case allowed[request] || code != http.StatusForbidden:
							t.Errorf("%s: %d %s", request, code, answer.Body)
						case w.calls() != n:
							t.Errorf("%s: the cloud was asked for %v", request, w.actions(n))
						}
					}
				}
			}
		}
	}
	ledger := w.cloud.Ledger()
	if made != len(allowed) || len(ledger.Jobs) != made {
		t.Errorf("%d made, %d jobs, want %d", made, len(ledger.Jobs), len(allowed))
	}
}

// TestRequestsNameAccountsOnlyByAlias proves that a request can name an account only by its
// alias. The portal refuses account ids, roles, ARNs, hosts and credentials in every position,
// and makes no call but the lists of the form (threats T1, T2, T7; CD-1, CD-2, CD-6).
func TestRequestsNameAccountsOnlyByAlias(t *testing.T) {
	w := newWorld(t)
	for name, value := range map[string]any{
		"CrossAccountUserId": 2000000000000002, "CrossAccountRoleName": "hbrcrossrole", "CrossAccountType": "CROSS_ACCOUNT",
		"AccountId": "2000000000000002", "RoleArn": "acs:ram::2000000000000002:role/backup-operator", "Role": "backup-operator", "ExternalId": "x",
		"Endpoint": "hbr.evil.example", "Domain": "hbr.evil.example", "RegionId": "cn-hangzhou", "AccessKeyId": "demo-portal-key", "SecurityToken": "x",
		"Options": `{"RamRoleName":"x"}`, "Action": "CancelBackupJob", "Principal": "alice", "JobId": "job-1",
		"Account": "acs:ram::2000000000000002:role/backup-operator", "Region": "cn-hangzhou.evil.example", "Detail": `{"doCopy":true}`,
	} {
		request := map[string]any{"Account": "demo", "Region": "cn-hangzhou", "InstanceId": "i-bp1demoweb01", "Retention": 7}
		request[name] = value
		text, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.ask("POST", "/api/v1/backup-jobs", "application/json", string(text)); got.Code < 400 || got.Code > 422 {
			t.Errorf("%s in JSON: %d %s", name, got.Code, got.Body)
		}
		form := url.Values{"SourceType": {"UDM_ECS"}, "key": {"K" + name}}
		for field, value := range request {
			form.Set(field, fmt.Sprint(value))
		}
		if got := w.ask("POST", "/backups", "application/x-www-form-urlencoded", form.Encode()); got.Code < 400 || got.Code > 422 {
			t.Errorf("%s in a form: %d", name, got.Code)
		}
	}
	if got := w.others(0); len(got) != 0 {
		t.Errorf("the cloud was asked for %v", got)
	}
}
