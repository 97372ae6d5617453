package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/backup"
	emulated "backupportal/function/emulator/world"
	"backupportal/function/precheck"
	"backupportal/web"
)

// checkPage posts a form and returns the check page.
func (w *world) checkPage(form url.Values, change ...string) *goquery.Document {
	w.t.Helper()
	form = maps.Clone(form)
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	form.Set("op", "check")
	answer := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
	doc, err := goquery.NewDocumentFromReader(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return doc
}

// finding returns the text of the check page's finding of this kind, or "" if there is none.
func finding(doc *goquery.Document, id string) string {
	all := doc.Find(`li[data-check="` + id + `"]`)
	return strings.TrimSpace(all.AttrOr("data-kind", "") + " " + words(all.Find("div")))
}

// TestCheckPageShowsWhatExists proves that the check page says in words what will be backed up
// and what it will cost.
func TestCheckPageShowsWhatExists(t *testing.T) {
	w := newWorld(t)
	doc := w.checkPage(startable["UDM_ECS"], "Detail.doCopy", "true", "Detail.destinationRegionId", "cn-shanghai", "Detail.destinationRetention", "15")
	for id, want := range map[string]string{
		"roles":    "ok Cloud Backup has the roles that it needs in this account",
		"instance": "ok web01 exists and is running Hangzhou Zone H · 2 disks, 140 GiB",
		"disks":    "ok The disks fit 2 disks, 140 GiB · cloud_essd",
		"running":  "ok No other backup is running",
		"last":     "ok Last good backup None in the last 30 days",
	} {
		if got := finding(doc, id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	if got := doc.Find(".lede").Text(); !strings.HasPrefix(got, "web01, both disks, crash-consistent, kept until about ") || !strings.Contains(got, "; copy in China (Shanghai), kept until about ") {
		t.Errorf("the request in one sentence: %q", got)
	}
	cost := words(doc.Find("table.cost tbody"))
	want := "Snapshots China (Hangzhou) · cn-hangzhou 140 GiB × 30 days Software fee China (Hangzhou) · cn-hangzhou 1 instance × 30 days " +
		"Traffic of the copy China (Shanghai) · cn-shanghai 140 GiB, once Copy China (Shanghai) · cn-shanghai 140 GiB × 15 days"
	if cost != want {
		t.Errorf("the costs are %q, want %q", cost, want)
	}
	files := w.checkPage(startable["ECS_FILE"])
	if got := finding(files, "client"); !strings.HasPrefix(got, "ok The backup client is active Last heartbeat: 2") {
		t.Errorf("client: %q", got)
	}
	volumes := w.checkPage(startable["CONTAINER"])
	if got := finding(volumes, "volumes"); got != "ok The volumes exist 1 of them, 8 GiB" {
		t.Errorf("volumes: %q", got)
	}
}

// TestCheckPageEstimatesTheCost proves that the check page shows amounts if the policy has
// prices, and calls them an estimate.
func TestCheckPageEstimatesTheCost(t *testing.T) {
	w := newWorld(t)
	w.govern(t, "rules:\n", "prices:\n  currency: CNY\n  date: \"2026-10-01\"\n  owner: the FinOps team\n  snapshot_storage: 0.12\n  software_fee: 5\n\nrules:\n")
	section := w.checkPage(startable["UDM_ECS"], "Retention", "90").Find("section[aria-labelledby=cost]")
	text := words(section)
	for _, want := range []string{"140 GiB × 90 days ¥50.40", "1 instance × 90 days ¥15.00", "Estimate ¥65.40",
		"An estimate from the price table of 1 October 2026; your bill counts what is really stored, usually less.", "kept by the FinOps team"} {
		if !strings.Contains(text, want) {
			t.Errorf("the costs lack %q: %s", want, text)
		}
	}
}

// TestStartIsTheSecondTabAfterTheHeading proves that on the check page the first press of Tab
// after the heading reaches the warnings, and the second the button Start.
func TestStartIsTheSecondTabAfterTheHeading(t *testing.T) {
	w := newWorld(t)
	for name, form := range map[string]url.Values{"in order": startable["UDM_ECS"], "with a warning": changed(startable["ECS_FILE"], "InstanceId", "i-bp1demoweb02")} {
		doc := w.checkPage(form)
		tabs, started := 0, false
		after := false
		for _, s := range doc.Find("main h1, main a[href], main button, main input:not([type=hidden]), main summary").EachIter() {
			switch {
			case goquery.NodeName(s) == "h1":
				after = true
			case after && !started:
				tabs++
				started = s.AttrOr("formaction", "") == "/backups"
			}
		}
		if !started || tabs > 2 {
			t.Errorf("%s: Start is Tab %d", name, tabs)
		}
	}
}

func changed(form url.Values, name, value string) url.Values {
	form = maps.Clone(form)
	form.Set(name, value)
	return form
}

// TestCheckPageAsksTheCloudOnceAMinute proves that the check page reuses answers of the cloud
// for a minute, but reads the limits and the history each time.
func TestCheckPageAsksTheCloudOnceAMinute(t *testing.T) {
	w := newWorld(t)
	w.limit(backup.Grant{Rule: "demo", Quotas: []backup.Quota{{Key: "t:web", Day: 20}}})
	asked := func() int {
		before := w.calls()
		w.checkPage(startable["UDM_ECS"])
		return w.calls() - before
	}
	if got := asked(); got != 5 {
		t.Errorf("the first page made %d calls, want 5", got)
	}
	w.clock.Add(50 * time.Second)
	if got := asked(); got != 0 {
		t.Errorf("after 50 seconds: %d calls", got)
	}
	w.clock.Add(11 * time.Second)
	if got := asked(); got != 5 {
		t.Errorf("after a minute: %d calls", got)
	}
	if got := finding(w.checkPage(startable["UDM_ECS"]), "limits"); got != "ok Within your limits Team web: 20 of 20 backups left today" {
		t.Errorf("limits: %q", got)
	}
	w.ask("POST", "/backups", "application/x-www-form-urlencoded", changed(startable["UDM_ECS"], "key", "K").Encode())
	if got := finding(w.checkPage(startable["UDM_ECS"]), "limits"); got != "ok Within your limits Team web: 19 of 20 backups left today" {
		t.Errorf("limits after a backup: %q", got)
	}
}

// TestSilentCloudDoesNotBlock proves that the check page appears, and the backup can start,
// although three calls of the cloud are never answered.
func TestSilentCloudDoesNotBlock(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits eight seconds")
	}
	w := newWorld(t)
	w.server.Patience = 8 * time.Second
	w.handler = w.server.Handler()
	if err := w.cloud.SetFaults("DescribeDisks: hang forever; DescribeBackupJobs2: hang forever; CheckRole: refuse 403 NoPermission forever"); err != nil {
		t.Fatal(err)
	}
	doc := w.checkPage(startable["UDM_ECS"])
	for id, want := range map[string]string{
		"disks":    "not_checked The disks Cloud Backup did not answer within 8 seconds. This does not stop the backup.",
		"running":  "not_checked Other backups Cloud Backup did not answer within 8 seconds. This does not stop the backup.",
		"roles":    "not_checked The roles of Cloud Backup The portal's role in that account does not have permission for this operation. This does not stop the backup.",
		"instance": "ok web01 exists and is running Hangzhou Zone H",
	} {
		if got := strings.Replace(finding(doc, id), "ECS did", "Cloud Backup did", 1); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	if doc.Find(`main [formaction="/backups"]`).Length() != 2 {
		t.Error("the backup cannot be started")
	}
}

// TestCheckPageShowsTheEarlierBackup proves that during the cool-down after a backup the check
// page says when the next one can start, and links to the earlier one. Without a cool-down, a
// running backup causes a warning.
func TestCheckPageShowsTheEarlierBackup(t *testing.T) {
	w := newWorldIn(t, func(x *emulated.World) { x.JobDuration = 5 * time.Minute })
	location := w.ask("POST", "/backups", "application/x-www-form-urlencoded", changed(startable["UDM_ECS"], "key", "K").Encode()).Header().Get("Location")
	w.clock.Add(time.Minute)
	doc := w.checkPage(startable["UDM_ECS"])
	if got := finding(doc, "running"); !strings.HasPrefix(got, "warning Another backup of web01 is running It was started 1 minute ago.") {
		t.Errorf("running: %q", got)
	}
	if doc.Find(`li[data-check=running] a`).AttrOr("href", "") != location {
		t.Errorf("the running backup is not linked")
	}
	w.clock.Add(6 * time.Minute)   // the SDK signs with the system clock, which may differ by 15 minutes
	w.ask("GET", location, "", "") // reads the end of the job
	doc = w.checkPage(startable["UDM_ECS"])
	if got := finding(doc, "last"); !strings.HasPrefix(got, "warning web01 was backed up 2 minutes ago By demo, kept for 30 days. You may not need another one.") {
		t.Errorf("last: %q", got)
	}

	w.limit(backup.Grant{Rule: "demo", Cooldown: 4 * time.Hour})
	second := w.ask("POST", "/backups", "application/x-www-form-urlencoded", changed(startable["UDM_ECS"], "key", "K2").Encode()).Header().Get("Location")
	until := w.clock.Now().Add(4 * time.Hour).In(w.server.Zone)
	w.clock.Add(time.Minute)
	doc = w.checkPage(startable["UDM_ECS"])
	got := finding(doc, "limits")
	if !strings.HasPrefix(got, "wait web01 was backed up a short time ago The rule demo needs 4 hours between two backups. You can start again at ") || !strings.Contains(got, until.Format("15:04")) {
		t.Errorf("limits: %q, want %v", got, until)
	}
	if doc.Find(`li[data-check=limits] a`).AttrOr("href", "") != second || doc.Find(`main [formaction="/backups"]`).Length() != 0 {
		t.Errorf("the earlier backup is not linked, or the page has a Start button: %s", doc.Find(".start").Text())
	}
}

// TestDryRunHasChecks proves that a dry run has the findings of the check page, in the language
// of the request, and starts nothing. If the cloud does not answer, it says what was not
// checked.
func TestDryRunHasChecks(t *testing.T) {
	w := newWorld(t)
	ask := func(body, language string) (run web.DryRun) {
		t.Helper()
		answer := w.ask("POST", "/api/v1/backup-jobs?checks=true", "application/json", body, "Accept-Language", language)
		if err := json.Unmarshal(answer.Body.Bytes(), &run); err != nil || answer.Code != http.StatusOK {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		return run
	}
	has := func(run web.DryRun, code string, verdict precheck.Kind, field, text string) {
		t.Helper()
		if !slices.ContainsFunc(run.Checks, func(c web.Check) bool {
			return c.Code == code && c.Verdict == verdict && c.Field == field && strings.Contains(c.Title+" "+c.Text, text)
		}) {
			t.Errorf("no %s %s of %s with %q in %+v", code, verdict, field, text, run.Checks)
		}
	}
	has(ask(oneBackup, "en"), "instance", precheck.OK, "", "web01")
	n := w.calls()
	has(ask(oneBackup, "zh"), "disks", precheck.OK, "", "云盘")
	if w.calls() != n {
		t.Error("a second dry run within a minute asked the cloud again")
	}
	gone := strings.Replace(oneBackup, "i-bp1demoweb01", "i-bp1nosuch01", 1)
	has(ask(gone, "en"), "instance", precheck.Change, "InstanceId", "i-bp1nosuch01")
	w.clock.Add(time.Minute)
	if err := w.cloud.SetFaults("DescribeInstances: throttle forever"); err != nil {
		t.Fatal(err)
	}
	has(ask(oneBackup, "en"), "instance", precheck.NotChecked, "", "This does not stop the backup")
	n = w.calls()
	for _, query := range []string{"dry_run=true", "dry_run=true&checks=false"} {
		answer := w.ask("POST", "/api/v1/backup-jobs?"+query, "application/json", oneBackup)
		if answer.Code != http.StatusOK || strings.Contains(answer.Body.String(), `"Checks"`) || w.calls() != n {
			t.Errorf("%s: %d %s, %d calls", query, answer.Code, answer.Body, w.calls()-n)
		}
	}
	if answer := w.ask("POST", "/api/v1/backup-jobs?checks=yes", "application/json", oneBackup); answer.Code != http.StatusUnprocessableEntity {
		t.Errorf("checks=yes: %d %s", answer.Code, answer.Body)
	}
	if w.created() != 0 {
		t.Error("a backup was started")
	}
}
