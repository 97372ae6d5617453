package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"backupportal/function/policy"
	"backupportal/web"
)

const withPreset = `{"Preset":"before-release","Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01"}`

// hiddenInput matches a hidden input.
var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// last returns the parameters of the last call of CreateBackupJob.
func (w *world) last(t *testing.T) map[string]string {
	t.Helper()
	calls := w.cloud.Ledger().Calls
	for i := len(calls) - 1; i >= 0; i-- {
		if calls[i].JobID != "" {
			return calls[i].Parameters
		}
	}
	t.Fatal("no job was created")
	return nil
}

// TestPresetInTheAPI proves that a program can name a preset (named values in the policy) and
// leave its values out. A value that the program gives replaces that of the preset. The answer,
// the page, the history and the audit trail name the preset.
func TestPresetInTheAPI(t *testing.T) {
	w := newWorld(t)
	made := w.ask("POST", "/api/v1/backup-jobs", "application/json", withPreset, "Idempotency-Key", "k1")
	var job struct{ SubmissionId, Preset, Reason, JobName string }
	if err := json.Unmarshal(made.Body.Bytes(), &job); err != nil || made.Code != http.StatusCreated {
		t.Fatalf("%d %s", made.Code, made.Body)
	}
	if job.Preset != "before-release" || job.Reason != "Release" || !strings.HasPrefix(job.JobName, "before-release-") {
		t.Errorf("%+v", job)
	}
	if got := w.last(t)["Retention"]; got != "14" {
		t.Errorf("Retention %s, want that of the preset", got)
	}
	for _, page := range []string{"/backups/" + job.SubmissionId, "/backups", "/backups?Search=before-release"} {
		if body := w.ask("GET", page, "", "").Body.String(); !strings.Contains(body, "before-release") || !strings.Contains(body, "Preset") {
			t.Errorf("%s does not name the preset", page)
		}
	}
	// The key belongs to what the caller gave, and not to the values of the preset.
	w.govern(t, `Retention: "14"`, `Retention: "15"`)
	again := w.ask("POST", "/api/v1/backup-jobs", "application/json", withPreset, "Idempotency-Key", "k1")
	if again.Code != http.StatusOK || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same request: %d %s", again.Code, again.Body)
	}
	same := strings.Replace(withPreset, `"Preset":"before-release"`, `"Retention":14`, 1)
	if other := w.ask("POST", "/api/v1/backup-jobs", "application/json", same, "Idempotency-Key", "k1"); other.Code != http.StatusUnprocessableEntity {
		t.Errorf("the same key without the preset: %d %s", other.Code, other.Body)
	}
	own := strings.Replace(withPreset, "}", `,"Retention":3,"Reason":"Mine"}`, 1)
	made = w.ask("POST", "/api/v1/backup-jobs", "application/json", own)
	if got := w.last(t)["Retention"]; made.Code != http.StatusCreated || got != "3" || !strings.Contains(made.Body.String(), `"Reason":"Mine"`) {
		t.Errorf("own values: Retention %s, %s", got, made.Body)
	}
}

// TestPresetInTheDryRun proves that the dry run names the preset and shows the resulting call.
func TestPresetInTheDryRun(t *testing.T) {
	w := newWorld(t)
	calls := w.created()
	answer := w.ask("POST", "/api/v1/backup-jobs?dry_run=true", "application/json",
		`{"Preset":"web-files","InstanceId":"i-bp1demoweb01"}`)
	var run web.DryRun
	if err := json.Unmarshal(answer.Body.Bytes(), &run); err != nil || answer.Code != http.StatusOK {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	if run.Preset != "web-files" || run.Account != "demo" || run.Region != "cn-hangzhou" || run.Parameters["Include"] != `["/var/www"]` || run.Parameters["Retention"] != "90" {
		t.Errorf("%+v", run)
	}
	if w.created() != calls {
		t.Error("a backup was started")
	}
}

// TestUnknownPreset proves that an unknown preset is a mistake that names the field, the most
// similar name, and the presets that the sender may use.
func TestUnknownPreset(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ body, field, says string }{
		{strings.Replace(withPreset, "before-release", "before-relaese", 1), "Preset", "did you mean before-release? You may use before-release, web-files, nightly"},
		{strings.Replace(withPreset, "before-release", "zzz", 1), "Preset", "There is no preset “zzz”: you may use before-release, web-files, nightly"},
		{strings.Replace(withPreset, "before-release", "Zzz!", 1), "Preset", "There is no preset “Zzz!”"},
		{strings.Replace(withPreset, "}", `,"SourceType":"ECS_FILE"}`, 1), "SourceType", "is for UDM_ECS"},
	} {
		answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", c.body)
		got := mistakesIn(t, answer)
		if answer.Code != http.StatusUnprocessableEntity || len(got) != 1 || got[0].Field != c.field || got[0].Code != "preset" || !strings.Contains(answer.Body.String(), c.says) {
			t.Errorf("%s: %d %s", c.body, answer.Code, answer.Body)
		}
	}
	w.govern(t, "max: 365}", "max: 5}")
	answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", withPreset)
	if answer.Code != http.StatusUnprocessableEntity || !strings.Contains(answer.Body.String(), "You may use no preset") {
		t.Errorf("a preset that no rule allows: %d %s", answer.Code, answer.Body)
	}
	if w.created() != 0 {
		t.Error("a backup was started")
	}
}

// TestPresetsForPrograms proves that a program can list the presets that it may use, in its
// language.
func TestPresetsForPrograms(t *testing.T) {
	w := newWorld(t)
	answer := w.ask("GET", "/api/v1/presets", "", "", "Accept-Language", "zh").Body.String()
	for _, want := range []string{`"Name":"before-release","Title":"发布前备份"`, `"Name":"web-files"`, `"Retention":"14"`} {
		if !strings.Contains(answer, want) {
			t.Errorf("%s lacks %s", answer, want)
		}
	}
	w.govern(t, "max: 365}", "max: 30}")
	if answer = w.ask("GET", "/api/v1/presets", "", "").Body.String(); !strings.Contains(answer, "before-release") || strings.Contains(answer, "web-files") {
		t.Errorf("with 30 days: %s", answer)
	}
}

// TestPresetInEventsAndWebhooks proves that events and webhooks can name a preset as the API
// can.
func TestPresetInEventsAndWebhooks(t *testing.T) {
	w := newWorld(t)
	answer, accepted, err := w.server.SubmitMessage(t.Context(), web.Message{Principal: tester, Key: "k", Body: []byte(withPreset), Heard: true})
	if err != nil || !accepted || !strings.Contains(string(answer), `"Preset":"before-release"`) {
		t.Errorf("event: %v %s", err, answer)
	}
	file, err := os.ReadFile("../function/cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file = bytes.Replace(file, []byte("      - {event: raw}\n"), []byte("      - {event: raw}\n      - {source: alerts}\n"), 1)
	token := sha256.Sum256([]byte(hookToken))
	file = append(file, `sources:
  - name: alerts
    kind: bearer
    key: body
    keys: [{id: t1, sha256: "`+hex.EncodeToString(token[:])+`", not_after: "2099-01-01T00:00:00Z"}]
    submission: {Preset: web-files, InstanceId: {pointer: /instance}}
`...)
	rules, err := policy.Load(file, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	w.server.Policy, w.server.Backups.Policy = rules, rules
	w.handler = w.server.Handler()
	hook := w.ask("POST", "/webhooks/alerts", "application/json", `{"instance":"i-bp1demoweb01"}`, "Authorization", "Bearer "+hookToken)
	if hook.Code != http.StatusCreated || !strings.Contains(hook.Body.String(), `"Preset":"web-files"`) || w.last(t)["VaultId"] != "v-0001demovault01" {
		t.Errorf("webhook: %d %s", hook.Code, hook.Body)
	}
}

// TestPresetInTheForm proves that the start page links to the form with each preset, also for
// each machine it fits. The form says which preset filled it, and keeps what the person
// changes, also a choice that the preset has and the person removed.
func TestPresetInTheForm(t *testing.T) {
	w := newWorld(t)
	w.govern(t, `Retention: "14", JobName`, `Retention: "14", Detail.doCopy: "true", Detail.destinationRegionId: cn-shanghai, Detail.destinationRetention: "5", JobName`)
	p := w.person(t).open("/").shows("^/$", "Your machines", "Before a release", "/backups/new/UDM_ECS?Preset=before-release&amp;Account=demo&amp;InstanceId=i-bp1demoweb01&amp;Region=cn-hangzhou",
		"/backups/new/ECS_FILE?Preset=web-files&amp;Account=demo&amp;InstanceId=i-bp1demoweb01&amp;Region=cn-hangzhou")
	if strings.Contains(p.page, "Preset=web-files&amp;Account=payments") {
		t.Error("a preset for another account is offered for a machine")
	}
	p.open("/backups/new/UDM_ECS?Preset=before-release&Account=demo&Region=cn-hangzhou&InstanceId=i-bp1demoweb01").
		shows("^/backups/new/", "Preset: Before a release", `value="14"`, `value="before-release"`, `value="Release"`)
	p.press("check", "Retention", "9", "Detail.doCopy", "").shows(checkPage, "Check before you start", "before-release", "9 days")
	p.press("").shows(jobPage, "before-release")
	if call := w.last(t); call["Retention"] != "9" || strings.Contains(call["Detail"], `"doCopy":true`) {
		t.Errorf("the call has %v", call)
	}
	p.open("/backups/new/UDM_ECS?Preset=before-release&Retention=3").shows("^/backups/new/", "Preset: Before a release", `value="3"`)
	// A copied link names the preset and has all values: the preset fills in none that was removed.
	p.open("/backups/new/UDM_ECS?Preset=before-release&whole=1&Retention=3").shows("^/backups/new/", "Preset: Before a release", `name="Preset" value="before-release"`, `value="3"`, `!name="JobName" class="w-l" value="before-release"`)
	if strings.Contains(p.page, `value="Release"`) {
		t.Error("the preset of a whole link fills in its reason")
	}
	p.open("/backups/new/UDM_ECS?Preset=nothing").shows("^/backups/new/", "Preset", `!name="Preset"`)
	if w.created() != 1 {
		t.Errorf("%d backups: a link started one", w.created())
	}
}

// TestSavedLinkNamesThePreset proves that a saved link keeps the name of the preset, and that a preset value that
// the person removed does not come back.
func TestSavedLinkNamesThePreset(t *testing.T) {
	w := newWorld(t)
	const name = `name="JobName" class="w-l" value="before-release"`
	p := w.person(t).open("/backups/new/UDM_ECS?Preset=before-release&Account=demo&Region=cn-hangzhou&InstanceId=i-bp1demoweb01").
		shows("^/backups/new/", name).press("check", "JobName", "").shows(checkPage, "Save as a link")
	query := url.Values{"Name": {"web01"}}
	_, form, _ := strings.Cut(p.page, `<section aria-labelledby="save-link"`)
	form, _, _ = strings.Cut(form, "</form>")
	for _, found := range hiddenInput.FindAllStringSubmatch(form, -1) {
		query.Set(found[1], found[2])
	}
	if query.Get("Preset") != "before-release" || query.Get("Retention") != "14" || query.Has("JobName") {
		t.Fatalf("the link has %v", query)
	}
	p.open("/backups/new/UDM_ECS?"+query.Encode()).shows("^/backups/new/", "Preset: Before a release", `value="14"`, "!"+name)
}

// TestSavedLink proves that the check page offers its values as a link with a name. The form that the link opens
// has these values and shows the name. The link contains no reason and no page id, and starts nothing.
func TestSavedLink(t *testing.T) {
	w := newWorld(t)
	p := w.person(t).open("/backups/new/UDM_ECS?Account=demo&Region=cn-hangzhou&InstanceId=i-bp1demoweb01").
		press("check", "Retention", "77", "Reason", "secret plan").shows(checkPage, "Save as a link")
	query := url.Values{"Name": {"web01 <weekly>"}}
	_, form, _ := strings.Cut(p.page, `<section aria-labelledby="save-link"`)
	form, _, _ = strings.Cut(form, "</form>")
	for _, found := range hiddenInput.FindAllStringSubmatch(form, -1) {
		query.Set(found[1], found[2])
	}
	if query.Get("Retention") != "77" || query.Has("Reason") || query.Has("key") {
		t.Fatalf("the link has %v", query)
	}
	p.open("/backups/new/UDM_ECS?"+query.Encode()).shows("^/backups/new/", "<h1>web01 &lt;weekly&gt;</h1>", `value="77"`, `value="i-bp1demoweb01"`, "Filled in by this link", "!secret plan")
	_, address, _ := strings.Cut(p.page, `href="/backups/new/UDM_ECS?`)
	if address, _, _ = strings.Cut(address, `"`); !strings.Contains(address, "Name=web01") || strings.Contains(address, "page=") {
		t.Errorf("the link is %s", address)
	}
	if w.created() != 0 {
		t.Error("a link started a backup")
	}
}
