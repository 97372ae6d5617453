package web_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/identity"
	"backupportal/function/policy"
)

// govern loads the demo policy after it replaces the text from by the text to.
func (w *world) govern(t *testing.T, from, to string) {
	t.Helper()
	file, err := os.ReadFile("../function/cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(file, []byte(from)) {
		t.Fatalf("the policy has no %q", from)
	}
	rules, err := policy.Load(bytes.Replace(file, []byte(from), []byte(to), 1), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	w.server.Policy, w.server.Backups.Policy = rules, rules
	w.handler = w.server.Handler()
}

// TestEnforcedValueIsShownAndNotAsked proves that the form shows a value that the policy
// enforces, with the rule's reason and without an input. A submission of the form makes a
// backup with this value. The JSON API refuses another value and names the rule, its reason and
// its owner. The form is prefilled with the policy's defaults.
func TestEnforcedValueIsShownAndNotAsked(t *testing.T) {
	w := newWorld(t)
	w.govern(t, "retention_days: {min: 1, max: 365}", "retention_days: {min: 1, max: 365, default: 12}\n    enforced: {SpeedLimit: \"9:18:2048\"}\n    defaults: {Exclude: '[\"/tmp\"]'}")
	body := w.ask("GET", "/backups/new/ECS_FILE", "", "").Body
	doc, err := goquery.NewDocumentFromReader(body)
	if err != nil {
		t.Fatal(err)
	}
	if n := doc.Find(`[name^="SpeedLimit"], [name="choice.SpeedLimit"]`).Length(); n != 0 {
		t.Errorf("the enforced field has %d controls", n)
	}
	text := strings.Join(strings.Fields(doc.Text()), " ")
	for _, want := range []string{"09:00–18:00", "Set by rule demo. Demo backups are not needed longer. Contact: the operator of this demo."} {
		if !strings.Contains(text, want) {
			t.Errorf("the form does not say %q:\n%s", want, text)
		}
	}
	if got, _ := doc.Find(`[name="Retention"]`).Attr("value"); got != "12" {
		t.Errorf("it begins with %q days", got)
	}
	if got := strings.TrimSpace(doc.Find(`textarea[name="Exclude"]`).Text()); got != "/tmp" {
		t.Errorf("it begins without %q", got)
	}
	form := url.Values{
		"SourceType": {"ECS_FILE"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "VaultId": {"v-0001demovault01"},
		"Retention": {"12"}, "Include": {"/var/www"}, "key": {"K"}, "op": {"check"},
	}
	check := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
	if check.Code != http.StatusOK || !strings.Contains(check.Body.String(), "09:00–18:00") {
		t.Errorf("the check page: %d\n%s", check.Code, check.Body)
	}
	if made := w.ask("POST", "/backups", "application/x-www-form-urlencoded", form.Encode()); made.Code != http.StatusSeeOther {
		t.Errorf("starting it: %d\n%s", made.Code, made.Body)
	}
	calls := w.cloud.Ledger().CallsOf("CreateBackupJob")
	if got := calls[len(calls)-1].Parameters["SpeedLimit"]; got != "9:18:2048" {
		t.Errorf("the cloud heard of SpeedLimit %q", got)
	}
	n := w.calls()
	refused := w.ask("POST", "/api/v1/backup-jobs", "application/json",
		`{"Account":"demo","Region":"cn-hangzhou","SourceType":"ECS_FILE","InstanceId":"i-bp1demoweb01","VaultId":"v-0001demovault01","Retention":7,"SpeedLimit":"0:24:9999"}`)
	for _, want := range []string{`"field":"SpeedLimit"`, `"rule":"demo"`, `"reason":"Demo backups are not needed longer"`, `"owner":"the operator of this demo"`} {
		if refused.Code != http.StatusForbidden || !strings.Contains(refused.Body.String(), want) {
			t.Errorf("another value: %d, without %s: %s", refused.Code, want, refused.Body)
		}
	}
	if w.calls() != n {
		t.Error("a refused backup reached the cloud")
	}
}

// TestHiddenIsLikeMissing proves that a backup that a person may not see gets the same answer
// as one that does not exist, in every way of asking, and that the cloud is not called (threat
// T11; CD-5; OWASP ASVS 8.2.2).
func TestHiddenIsLikeMissing(t *testing.T) {
	w := newWorld(t)
	who := "alice"
	w.server.Sender = func(r *http.Request) (identity.Principal, error) {
		return identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: who}, nil
	}
	w.govern(t, "{issuer: demo, subject: demo}", "{issuer: demo, subject: alice}")
	w.handler = w.server.Handler()
	id := w.create(t, "alice", "k")
	who = "bob"
	n := w.calls()
	missing := "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	for _, request := range []string{
		"GET /backups/", "GET /backups//cancel", "POST /backups//cancel", "GET /backups/new/UDM_ECS?from=", "GET /api/v1/backup-jobs/", "POST /api/v1/backup-jobs//cancel", "GET /backups/?part=live",
	} {
		method, path, _ := strings.Cut(request, " ")
		at := func(id string) (int, string, http.Header) {
			full := strings.Replace(path, "/backups/", "/backups/"+id, 1)
			if strings.Contains(path, "backup-jobs/") {
				full = strings.Replace(path, "/backup-jobs/", "/backup-jobs/"+id, 1)
			}
			if strings.HasSuffix(path, "from=") {
				full = path + id
			}
			answer := w.ask(method, full, "application/x-www-form-urlencoded", "")
			return answer.Code, strings.ReplaceAll(answer.Body.String(), id, "ID"), answer.Header()
		}
		code, body, header := at(id)
		otherCode, otherBody, otherHeader := at(missing)
		if code != http.StatusNotFound || otherCode != code || body != otherBody || len(header) != len(otherHeader) {
			t.Errorf("%s: hidden %d, missing %d:\n%s\n%s", request, code, otherCode, body, otherBody)
		}
	}
	if w.calls() != n {
		t.Errorf("the cloud was asked %d times", w.calls()-n)
	}
	if list := w.ask("GET", "/api/v1/backup-jobs", "", "").Body.String(); strings.Contains(list, id) {
		t.Errorf("the list tells of it: %s", list)
	}
	if start := w.ask("GET", "/", "", "").Body.String(); !strings.Contains(start, "You are not allowed to start backups.") {
		t.Error("the start page offers something")
	}
}

// TestCancelNeedsItsOwnPermission proves that if a person may view a backup but not cancel it,
// the page has no cancel button and a cancel request is refused.
func TestCancelNeedsItsOwnPermission(t *testing.T) {
	w := newWorld(t)
	w.govern(t, "[backup.create, backup.view, backup.cancel]", "[backup.create, backup.view]")
	id := w.create(t, "alice", "k")
	n := w.calls()
	if page := w.ask("GET", "/backups/"+id, "", "").Body.String(); strings.Contains(page, `id="cancel"`) {
		t.Error("the page offers to cancel")
	}
	if got := w.ask("GET", "/backups/"+id+"/cancel", "", "").Code; got != http.StatusNotFound {
		t.Errorf("the confirm page: %d", got)
	}
	for _, path := range []string{"/backups/" + id + "/cancel", "/api/v1/backup-jobs/" + id + "/cancel"} {
		if got := w.ask("POST", path, "application/x-www-form-urlencoded", ""); got.Code != http.StatusForbidden || !strings.Contains(got.Body.String(), "No rule allows you to cancel") {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
	for _, call := range w.cloud.Ledger().Calls[n:] {
		if call.Action == "CancelBackupJob" {
			t.Error("the cloud was asked to cancel")
		}
	}
}

// TestViewersCannotStartBackups tests a person who may view and cancel backups but not start
// one. The start page says so, with the limits, and offers no way to start a backup. A request
// to start one is refused.
func TestViewersCannotStartBackups(t *testing.T) {
	w := newWorld(t)
	w.govern(t, "rules:\n", "  - name: viewers\n    members:\n      - {issuer: demo, subject: auditor}\nrules:\n  - id: audit\n    teams: [viewers]\n    actions: [backup.view, backup.cancel]\n"+
		"    accounts: [demo]\n    regions: [cn-hangzhou]\n    source_types: [UDM_ECS]\n    any_instance: true\n")
	id := w.create(t, "alice", "k")
	w.server.Sender = func(*http.Request) (identity.Principal, error) {
		return identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "auditor", Name: "Auditor"}, nil
	}
	w.handler = w.server.Handler()
	start := w.ask("GET", "/", "", "").Body.String()
	if strings.Contains(start, `class="filled" href="/backups/new"`) || !strings.Contains(start, "You are not allowed to start backups.") || !strings.Contains(start, "View and cancel only") {
		t.Errorf("the start page:\n%s", start)
	}
	if page := w.ask("GET", "/backups/"+id, "", ""); page.Code != http.StatusOK || !strings.Contains(page.Body.String(), `id="cancel"`) {
		t.Errorf("somebody else's backup: %d", page.Code)
	}
	if made := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup); made.Code != http.StatusForbidden {
		t.Errorf("a backup of theirs: %d", made.Code)
	}
}
