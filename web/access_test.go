package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"backupportal/web"
)

// TestAccessIsChecked proves that the access page and the JSON answer show the same results of
// the access checks. Both name the one check that failed and contain the policy to paste into
// the RAM console.
func TestAccessIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for address, broken := range map[string]string{
		"demo?Region=cn-hangzhou": "", "payments?Region=cn-shanghai": "", "payments-central?Region=cn-hangzhou": "", "locked?Region=cn-hangzhou": "trust",
		"demo?Region=cn-hangzhou&SourceType=ECS_FILE&InstanceId=i-bp1demoweb01&VaultId=v-0001demovault01": "",
		"demo?Region=cn-hangzhou&SourceType=ECS_FILE&InstanceId=i-bp1demoweb01&VaultId=v-0001demovault05": "vault",
		"demo?Region=cn-hangzhou&SourceType=ECS_FILE&InstanceId=i-bp1demoweb02":                           "client",
		"demo?Region=cn-hangzhou&InstanceId=i-bp1nobody":                                                  "instance",
		"demo?Region=cn-hangzhou&InstanceId=i-bp1demoweb02&Detail.snapshotGroup=true":                     "disks",
	} {
		w.clock.Add(seconds(60)) // access checks have a rate limit
		alias, query, _ := strings.Cut(address, "?")
		answer := w.ask("GET", "/api/v1/accounts/"+alias+"/preflight?"+query, "", "")
		var got web.Preflight
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || answer.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", address, answer.Code, answer.Body)
		}
		failed, title := "", ""
		for _, r := range got.Checks {
			if r.State == "failed" {
				failed, title = failed+r.ID, r.Title
			}
		}
		if failed != broken || got.Passed != (broken == "") {
			t.Errorf("%s: failed is %q, want %q; passed %v", address, failed, broken, got.Passed)
		}
		page := w.ask("GET", "/access?Account="+alias+"&"+query, "", "")
		doc, err := goquery.NewDocumentFromReader(page.Body)
		if err != nil {
			t.Fatal(err)
		}
		want := "All checks passed."
		if broken != "" {
			want = "1 check failed: " + title
		}
		if got := doc.Find("#found").Text(); page.Code != http.StatusOK || got != want || doc.Find(".checks > li").Length() < 8 {
			t.Errorf("%s: the page (%d) says %q, want %q", address, page.Code, got, want)
		}
		if broken == "trust" && !strings.Contains(doc.Find("#check-trust pre").Text(), `"acs:ram::1000000000000001:user/portal"`) {
			t.Errorf("no trust policy to paste: %s", doc.Find("#check-trust").Text())
		}
	}
	if jobs := w.cloud.Ledger().Jobs; len(jobs) != 0 {
		t.Errorf("%d jobs were made", len(jobs))
	}
}

// TestAccessOfOthersIsNotChecked proves that an access check answers 404 if the sender may not
// use the account, whether the account exists or not. It causes no call of the cloud (threat
// T11).
func TestAccessOfOthersIsNotChecked(t *testing.T) {
	w := newWorld(t)
	w.govern(t, "any_instance: true\n    any_cluster: true\n    any_vault: true", "instances: [i-bp1demoweb01]\n    clusters: [cc-0001democluster]\n    vaults: [v-0001demovault01]")
	for address, want := range map[string]int{
		"nowhere/preflight?Region=cn-hangzhou":                        404,
		"demo/preflight?Region=eu-central-1":                          404,
		"demo/preflight?Region=cn-hangzhou&InstanceId=i-bp1demoweb02": 404,
		"demo/preflight?Region=cn-hangzhou&InstanceId=i-bp1nobody":    404,
		"demo/preflight?Region=cn-hangzhou&InstanceId=web-01":         422,
		"demo/preflight?Region=cn-hangzhou&SourceType=OSS":            422,
		"demo/preflight": 422,
		"demo/preflight?Region=cn-hangzhou&Region=cn-shanghai":                   422,
		"demo/preflight?Region=cn-hangzhou&CrossAccountUserId=123":               422,
		"demo/preflight?Region=cn-hangzhou%00":                                   404,
		"demo/preflight?Region=cn-hangzhou&VaultId=" + url.QueryEscape("v-1\"}"): 422,
	} {
		if a := w.ask("GET", "/api/v1/accounts/"+address, "", ""); a.Code != want {
			t.Errorf("%s: %d, want %d: %s", address, a.Code, want, a.Body)
		}
	}
	if a := w.ask("GET", "/access?Account=demo&Region=cn-hangzhou&InstanceId=web-01", "", ""); a.Code != 422 || !strings.Contains(a.Body.String(), `value="web-01"`) {
		t.Errorf("the page: %d\n%s", a.Code, a.Body)
	}
	if n := w.calls(); n != 0 {
		t.Errorf("the cloud got %d calls", n)
	}
}

// TestAccessChecksOnlyRelevantResources proves that an access check reads only resources that
// matter: no instance if a cluster is given, and no vault for a type of backup without a vault.
func TestAccessChecksOnlyRelevantResources(t *testing.T) {
	w := newWorld(t)
	w.govern(t, "any_instance: true", "instances: [i-bp1demoweb01]")
	for _, query := range []string{"SourceType=CONTAINER&ContainerClusterId=cc-0001democluster&InstanceId=i-bp1demodb01", "InstanceId=i-bp1demoweb01&VaultId=v-0001demovault05"} {
		a := w.ask("GET", "/api/v1/accounts/demo/preflight?Region=cn-hangzhou&"+query, "", "")
		if a.Code != http.StatusOK || strings.Contains(a.Body.String(), "demodb01") || strings.Contains(a.Body.String(), `"vault"`) || !strings.Contains(a.Body.String(), `"Passed":true`) {
			t.Errorf("%s: %d %s", query, a.Code, a.Body)
		}
	}
	for _, call := range w.cloud.Ledger().Calls {
		if strings.Contains(call.Parameters["InstanceIds"], "demodb01") || call.Parameters["VaultId"] != "" {
			t.Errorf("the cloud was asked %s %v", call.Action, call.Parameters)
		}
	}
}

// TestFormLinksToAccessCheck proves that a button of the form opens the access check with the
// values of the form.
func TestFormLinksToAccessCheck(t *testing.T) {
	w := newWorld(t)
	doc, err := goquery.NewDocumentFromReader(w.ask("GET", "/backups/new/ECS_FILE", "", "").Body)
	if err != nil {
		t.Fatal(err)
	}
	button := doc.Find(`button[formaction="/access"]`)
	if button.Length() != 1 || button.AttrOr("formtarget", "") != "_blank" {
		t.Error("the form has no button for it")
	}
	form := url.Values{"SourceType": {"ECS_FILE"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "VaultId": {"v-0001demovault01"}, "Include": {strings.Repeat("/a\n", 1000)}, "key": {"k"}}
	answer := w.ask("POST", "/access", "application/x-www-form-urlencoded", form.Encode())
	want := "/access?Account=demo&InstanceId=i-bp1demoweb01&Region=cn-hangzhou&SourceType=ECS_FILE&VaultId=v-0001demovault01"
	if got := answer.Header().Get("Location"); answer.Code != http.StatusSeeOther || got != want {
		t.Errorf("%d to %q, want %q", answer.Code, got, want)
	}
	if n := w.calls(); n != 0 {
		t.Errorf("the cloud got %d calls", n)
	}
}

// TestAccessChecksAreRateLimited proves that access checks are limited by a rate of their own,
// because each makes about twenty calls.
func TestAccessChecksAreRateLimited(t *testing.T) {
	w := newWorld(t)
	for i := range 11 {
		want := http.StatusOK
		if i == 10 {
			want = http.StatusTooManyRequests
		}
		if a := w.ask("GET", "/api/v1/accounts/demo/preflight?Region=cn-hangzhou", "", ""); a.Code != want {
			t.Errorf("check %d: %d, want %d", i, a.Code, want)
		}
	}
	if a := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup); a.Code != http.StatusCreated {
		t.Errorf("a backup: %d %s", a.Code, a.Body)
	}
}
