package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"backupportal/web"
)

// choosing makes a world whose policy lets people choose two of three receivers.
func choosing(t *testing.T) *world {
	t.Helper()
	t.Setenv("HOOK_URL", "https://hooks.example.com/canary")
	w := newWorld(t)
	w.govern(t, "presets:\n", "    receivers: [mine, team-chat]\n"+`
notifications:
  receivers:
    - {name: mine, kind: dingtalk, url_env: HOOK_URL}
    - {name: team-chat, kind: slack, url_env: HOOK_URL, events: [failed]}
    - {name: incidents, kind: slack, url_env: HOOK_URL, events: [failed]}

presets:
`)
	return w
}

// TestPeopleChooseReceivers proves that the check page offers the receivers of the rule, keeps what is ticked when the
// language changes and when it is checked again, and that the job page, the history and the API show them.
func TestPeopleChooseReceivers(t *testing.T) {
	w := choosing(t)
	p := w.person(t).open("/backups/new/UDM_ECS").press("check", typed...)
	p.shows(checkPage, "Tell me when it is done", `value="mine"`, "DingTalk", `value="team-chat"`, "!incidents", "!checked", "!canary")
	draft := strings.TrimSuffix(p.at, "/check")
	press := func(path, op string) *person {
		return p.send("POST", draft+path, url.Values{"op": {op}, "Notify.1": {"team-chat"}}.Encode())
	}
	const ticked = `value="team-chat" checked`
	press("/check", "check").shows(`^/drafts/[A-Z2-7]{26}/check\?Notify=team-chat$`, ticked, `value="mine"`, "!value=\"mine\" checked")
	press("/check", "lang:zh-CN").shows(`/check\?Notify=team-chat$`, ticked, "完成后通知我", "钉钉")
	press("/check", "lang:en").shows(`/check\?Notify=team-chat$`, ticked)
	press("/start", "").shows(jobPage, "Told when it is done", "team-chat")
	id := strings.TrimPrefix(p.at, "/backups/")
	p.open("/backups").shows("^/backups$", "Tells team-chat")
	p.open("/backups/new/UDM_ECS?from="+id).shows("", "!team-chat")
	var job web.BackupJob
	if err := json.Unmarshal(w.ask("GET", "/api/v1/backup-jobs/"+id, "", "").Body.Bytes(), &job); err != nil || len(job.Notify) != 1 || job.Notify[0] != "team-chat" {
		t.Errorf("Notify %v, error %v", job.Notify, err)
	}
}

// TestWrongReceiversAreAskedAgain proves that a receiver that no rule allows starts nothing, from the form with and
// without a store for drafts, and that the check page comes back with the reason.
func TestWrongReceiversAreAskedAgain(t *testing.T) {
	w := choosing(t)
	p := w.person(t).open("/backups/new/UDM_ECS").press("check", typed...)
	draft := strings.TrimSuffix(p.at, "/check")
	const why = "Rule “demo” does not include this receiver"
	p.send("POST", draft+"/start", url.Values{"Notify.0": {"mine"}, "Notify.1": {"incidents"}}.Encode())
	if p.status != http.StatusForbidden {
		t.Errorf("status %d", p.status)
	}
	p.shows("/start$", why, `href="#f-Notify"`, `value="mine" checked`, "Start backup", draft+"/start")

	w.server.Drafts = nil
	w.handler = w.server.Handler()
	q := w.person(t).open("/backups/new/UDM_ECS").press("check", typed...)
	q.shows("^/backups/preview", `name="Notify.0"`)
	form := formOn(t, q.page)
	form.Set("Notify.0", "incidents")
	q.send("POST", "/backups", form.Encode())
	if q.status != http.StatusForbidden {
		t.Errorf("status %d", q.status)
	}
	q.shows("^/backups$", why, `href="#f-Notify"`)
	if got := w.cloud.Ledger().CallsOf("CreateBackupJob"); len(got) != 0 {
		t.Errorf("backups were started: %v", got)
	}
	form.Set("Notify.0", "mine")
	form.Set("op", "lang:zh-CN")
	q.send("POST", "/drafts", form.Encode()).shows("^/backups/preview", `value="mine" checked`)
	form.Del("op")
	q.send("POST", "/backups", form.Encode()).shows(jobPage, "mine")
}

// TestProgramsChooseReceivers proves that the API takes a list or lines, refuses a receiver that no rule allows, ignores
// Notify in a repeated request, and that a batch cannot have it.
func TestProgramsChooseReceivers(t *testing.T) {
	w := choosing(t)
	post := func(key, notify string) (int, string) {
		answer := w.ask("POST", "/api/v1/backup-jobs", "application/json",
			`{"Account": "demo", "Region": "cn-hangzhou", "InstanceId": "i-bp1demoweb01", "Retention": 7, "Notify": `+notify+"}", "Idempotency-Key", key)
		return answer.Code, answer.Body.String()
	}
	for _, c := range []struct {
		notify string
		status int
		want   string
	}{
		{`["incidents"]`, 403, "does not include this receiver"},
		{`["mine","mine"]`, 422, "repeats line"},
		{`["A B"]`, 422, "must be the name of a receiver"},
		{`7`, 422, "Notify"},
		{`"mine\nteam-chat"`, 201, `"Notify":["mine","team-chat"]`},
		{`["mine"]`, 200, `"Notify":["mine","team-chat"]`},
	} {
		if status, body := post("key", c.notify); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.notify, status, body)
		}
	}
	var list web.BackupJobList
	post("other", `["unknown"]`)
	denied := w.ask("GET", "/api/v1/backup-jobs?Status=DENIED", "", "")
	if err := json.Unmarshal(denied.Body.Bytes(), &list); err != nil || len(list.BackupJobs) != 2 {
		t.Errorf("refusals of two choices in the history: %s", denied.Body)
	}
	answer := w.postBatch("batch", strings.Replace(twoBackups, "{", `{"Notify":["mine"],`, 1))
	if answer.Code != http.StatusUnprocessableEntity || !strings.Contains(answer.Body.String(), "batch cannot have Notify") {
		t.Errorf("a batch: %d %s", answer.Code, answer.Body)
	}
	unknown := w.person(t).open("/backups/new/UDM_ECS?Notify=mine&Retention=9")
	unknown.shows("^/backups/new/UDM_ECS", "Notify", "!value=\"mine\"")
}
