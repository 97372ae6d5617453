package templates_test

import (
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/templates"
)

func status(t *testing.T, state backup.State, change func(*templates.StatusPage)) *goquery.Document {
	t.Helper()
	s := newSampler(same)
	page := templates.StatusPage{Shell: s.shell("/backups/k7v2"), Row: s.row(state), Account: s.accounts()[1]}
	if !state.IsTerminal() {
		page.Every = 5 * time.Second
	}
	if change != nil {
		change(&page)
	}
	return draw(t, templates.Live(page), param.English)
}

func TestStateTagsHaveTextAndShape(t *testing.T) {
	for _, test := range []struct {
		state      backup.State
		tag, looks string
		lives      bool
		says       string
	}{
		{backup.StateSending, "Sending", "accent dot", true, ""},
		{backup.StateUnknown, "Being checked", "warn ring", true, "It is not known yet"},
		{backup.StateRefused, "Refused", "bad diamond", false, "Nothing was started."},
		{backup.StateNotSent, "Not sent", "warn dash", false, "did not accept the request"},
		{backup.StateCreated, "Queued", "muted dot", true, ""},
		{backup.StateQueued, "Queued", "muted dot", true, ""},
		{backup.StateRunning, "Running", "accent dot", true, ""},
		{backup.StateCanceling, "Cancelling", "warn dash", true, "asked to stop this backup"},
		{backup.StateComplete, "Complete", "good dot", false, "less consistent than requested"},
		{backup.StatePartialComplete, "Partly complete", "warn half", false, "Some items were skippedCloud Backup says: what the cloud says"},
		{backup.StateFailed, "Failed", "bad diamond", false, "The backup did not finish"},
		{backup.StateCanceled, "Cancelled", "warn dash", false, "outside this portal"},
		{backup.StateExpired, "Failed", "bad diamond", false, "Cloud Backup returned “EXPIRED”"},
		{backup.StateUnavailable, "Failed", "bad diamond", false, "Cloud Backup returned “UNAVAILABLE”"},
		{"WAITING", "In progress (WAITING)", "muted dot", true, ""},
	} {
		t.Run(string(test.state), func(t *testing.T) {
			doc := status(t, test.state, nil)
			tag := doc.Find(".tag")
			if tag.Text() != test.tag || attr(tag, "class") != "tag "+test.looks {
				t.Errorf("the tag is %q, %q", tag.Text(), attr(tag, "class"))
			}
			live := doc.Find("#live")
			if lives := attr(live, "data-every") != "0"; lives != test.lives || attr(live, "data-state") != string(test.state) {
				t.Errorf("every %s, state %s", attr(live, "data-every"), attr(live, "data-state"))
			}
			if again := doc.Find("#again").Length() == 1; again == test.lives {
				t.Errorf("Run again is offered: %v", again)
			}
			if got := doc.Find(".reason").Text(); !strings.Contains(got, test.says) || (got == "") != (test.says == "") {
				t.Errorf("it says %q, want %q", got, test.says)
			}
			if bars := doc.Find("progress").Length(); bars > 1 || (bars == 1) != (test.state == backup.StateRunning) {
				t.Errorf("%d bars", bars)
			}
		})
	}
}

func TestRunningJobShowsProgress(t *testing.T) {
	doc := status(t, backup.StateRunning, nil)
	if got := attr(doc.Find("progress"), "value"); got != "42" || doc.Find(".percent").Text() != "42%" {
		t.Errorf("the bar is at %s, %s", got, doc.Find(".percent").Text())
	}
	live := doc.Find("#live")
	if attr(live, "data-every") != "5000" || attr(live, "data-said") != "Running, 42%" || attr(live, "data-step") != "RUNNING1" {
		t.Errorf("the script hears %s, %s, %s", attr(live, "data-every"), attr(live, "data-said"), attr(live, "data-step"))
	}
	for label, want := range map[string]string{
		"Copied": "36 GiB of 86 GiB", "Speed": "118 MiB/s", "Source": "i-bp1f4k0w2x9m7q3c8zsy A whole ECS instance",
		"Started": "23 Nov 2026, 16:57 UTC+8", "Finished": "not there", "Kept until": "not there",
		"Copy in China (Shanghai)": "Running 12%", "Submitted through": "form", "Requested by": "alice",
	} {
		if got := answer(doc, label); got != want {
			t.Errorf("%s: %q, want %q", label, got, want)
		}
	}
}

func TestFinishedJobShowsItsResult(t *testing.T) {
	doc := status(t, backup.StateComplete, nil)
	for label, want := range map[string]string{
		"Finished": "23 Nov 2026, 17:06 UTC+8", "Kept until": "7 December 2026", "Consistency reached": "CRASH no script", "Speed": "not there",
	} {
		if got := answer(doc, label); got != want {
			t.Errorf("%s: %q, want %q", label, got, want)
		}
	}
	if got := attr(doc.Find("#again"), "href"); got != "/backups/new/UDM_ECS?from=k7v2m4q9t3x8c5n1b6h0d2f4ja" {
		t.Errorf("Run again leads to %q", got)
	}
}

func TestAlertsSayWhatToDo(t *testing.T) {
	known := func(p *templates.StatusPage) {
		p.Means, p.Todo = param.Text{En: "No such vault.", Zh: "没有此备份库。"}, param.Text{En: "Check its ID.", Zh: "请检查 ID。"}
		p.Record.Job.ErrorMessage = "VaultNotFound"
	}
	for name, test := range map[string]struct {
		state  backup.State
		change func(*templates.StatusPage)
		want   []string
		never  string
	}{
		"refused, known":   {backup.StateRefused, known, []string{"No such vault.", "To fix it", "Check its ID.", "Code · RequestId 25F49E7B"}, "Look at History"},
		"refused, unknown": {backup.StateRefused, nil, []string{"Check History before you submit again.", "Show this information to your operator"}, "No such vault"},
		"failed, known":    {backup.StateFailed, known, []string{"No such vault.", "VaultNotFound · RequestId"}, "operator"},
		"copy failed": {backup.StateComplete, func(p *templates.StatusPage) {
			p.Record.Job.DowngradeReason, p.Record.Job.CopyStatus, p.Record.Job.CopyError = "", "FAILED", "no space there"
		}, []string{"Cloud Backup says: no space there"}, "because of"},
		"less consistent": {backup.StateComplete, func(p *templates.StatusPage) {
			p.Record.Job.ConsistentLevel, p.Record.Job.DowngradeReason = "CRASH", "no script"
		}, []string{"The consistency level is “CRASH”.", "Cloud Backup says: no script"}, "because of"},
		"expired":         {backup.StateExpired, nil, []string{"Cloud Backup returned “EXPIRED”", "Cloud Backup says: what the cloud says"}, "No such vault"},
		"failed, unknown": {backup.StateFailed, nil, []string{"Cloud Backup says: what the cloud says", "Show this information to your operator"}, "what the cloud says ·"},
	} {
		got := strings.Join(strings.Fields(status(t, test.state, test.change).Find(".reason").Text()), " ")
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is missing in %q", name, want, got)
			}
		}
		if strings.Contains(got, test.never) {
			t.Errorf("%s: it must not say %q", name, test.never)
		}
	}
}

func TestPageCanBeReloadedWithoutScript(t *testing.T) {
	doc := status(t, backup.StateRunning, nil)
	if attr(doc.Find("#check"), "href") != "/backups/k7v2" || attr(doc.Find(".noscript a"), "href") != "/backups/k7v2?auto=1" {
		t.Error("a way to look again is missing")
	}
	auto := status(t, backup.StateRunning, func(p *templates.StatusPage) { p.Auto = true })
	if got := attr(auto.Find(".noscript a"), "href"); got != "/backups/k7v2" {
		t.Errorf("looking by itself cannot be stopped: %q", got)
	}
	if status(t, backup.StateComplete, nil).Find("#check, .noscript").Length() > 0 {
		t.Error("a finished job is asked again")
	}
	copying := status(t, backup.StateComplete, func(p *templates.StatusPage) { p.Every = 5 * time.Second })
	if copying.Find("#check, .noscript a").Length() != 2 || attr(copying.Find("#live"), "data-every") != "5000" || strings.Contains(copying.Text(), "goes on") {
		t.Error("a finished job whose copy is under way is not asked again")
	}
}

func TestHistoryHidesSenderOfOwnRows(t *testing.T) {
	s := newSampler(same)
	page := templates.HistoryPage{Shell: s.shell("/backups"), Rows: []templates.Row{s.row(backup.StateRunning)}}
	own := draw(t, templates.History(page), param.English)
	page.Rows[0].Record.Principal.Name = "bob"
	others := draw(t, templates.History(page), param.English)
	if own.Find("[data-label='Requested by']").Length() != 0 || others.Find("[data-label='Requested by']").Text() != "bob" {
		t.Error("the column is there without need, or missing")
	}
	if own.Find("h1").Text() != "Backups you started" || others.Find("h1").Text() != "All backups you can view" {
		t.Error("the heading does not say whose they are")
	}
	for _, row := range own.Find("tbody tr").EachIter() {
		if row.Children().Length() != own.Find("thead th").Length() {
			t.Error("a row has not the columns of its heading")
		}
	}
}
