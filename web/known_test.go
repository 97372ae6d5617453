package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

// known asks what is known about the machine of a form. pairs are names and values.
func (w *world) known(t *testing.T, pairs ...string) *goquery.Document {
	t.Helper()
	query := url.Values{"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}}
	for i := 0; i < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	doc, _ := w.look(t, "/known?"+query.Encode())
	return doc
}

// TestFormShowsWhatIsKnown proves that the form can show, before it is complete, whether the machine exists and
// runs, what is left of the limits and its last good backup; and that it shows nothing about a machine that no
// rule allows.
func TestFormShowsWhatIsKnown(t *testing.T) {
	w := newWorld(t)
	w.govern(t, "  - name: everybody", "  - name: everybody\n    daily_jobs: 3")
	told := func(doc *goquery.Document, id string) string {
		li := doc.Find(`#known li[data-check="` + id + `"]`)
		return strings.TrimSpace(li.AttrOr("data-kind", "") + " " + words(li.Find("h3, p")))
	}
	doc := w.known(t, "InstanceId", "i-bp1demoweb01")
	for id, want := range map[string]string{
		"instance": "ok web01 exists and is running Hangzhou Zone H · 2 disks, 140 GiB",
		"running":  "ok No other backup is running",
		"last":     "ok Last good backup None in the last 30 days",
		"limits":   "ok Within your limits Team everybody: 3 of 3 backups left today",
		"roles":    "",
		"disks":    "",
	} {
		if got := told(doc, id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	if got := doc.Find("#known").AttrOr("data-said", ""); got != "Checked: nothing is wrong" {
		t.Errorf("said: %q", got)
	}
	if got := told(w.known(t, "InstanceId", "i-bp1gone"), "instance"); !strings.HasPrefix(got, "change i-bp1gone does not exist in China (Hangzhou)") {
		t.Errorf("a machine that is gone: %q", got)
	}
	if got := told(w.known(t, "SourceType", "CONTAINER", "ContainerClusterId", "cc-0001demoshop01"), "volumes"); got != "" {
		t.Errorf("volumes, before any is chosen: %q", got)
	}
	body := `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7}`
	if answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", body); answer.Code != http.StatusCreated {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	w.clock.Add(2 * time.Minute)
	doc = w.known(t, "InstanceId", "i-bp1demoweb01")
	if got := told(doc, "last"); !strings.HasPrefix(got, "warning ") || !strings.Contains(got, "web01 was backed up ") {
		t.Errorf("after a backup: %q", got)
	}
	if got := told(doc, "limits"); !strings.HasSuffix(got, "2 of 3 backups left today") {
		t.Errorf("after a backup: %q", got)
	}
	for name, pairs := range map[string][]string{
		"no machine":      {},
		"a wrong id":      {"InstanceId", "web01"},
		"no account":      {"InstanceId", "i-bp1demoweb01", "Account", "nobody"},
		"no region":       {"InstanceId", "i-bp1demoweb01", "Region", ""},
		"no source type":  {"InstanceId", "i-bp1demoweb01", "SourceType", "NONE"},
		"another machine": {"SourceType", "CONTAINER", "InstanceId", "i-bp1demoweb01"},
	} {
		calls := w.calls()
		if doc := w.known(t, pairs...); doc.Find("#known").Children().Length() != 0 || doc.Find("#known").AttrOr("data-said", "none") != "" || w.calls() != calls {
			t.Errorf("%s: %s", name, words(doc.Find("#known")))
		}
	}
	w.govern(t, "any_instance: true", "instances: [i-bp1demoweb02]")
	calls := w.calls()
	if doc := w.known(t, "InstanceId", "i-bp1demoweb01"); doc.Find("#known").Children().Length() != 0 || w.calls() != calls {
		t.Errorf("a machine of others: %s", words(doc.Find("#known")))
	}
	if doc := w.known(t, "InstanceId", "i-bp1demoweb02"); doc.Find("#known li").Length() == 0 {
		t.Error("nothing about the own machine")
	}
}

// TestUsualDaysAreButtons proves that the form has buttons for usual numbers of days within the limits of the
// rules, that they fill in the number without a script, with and without a store for drafts, and keep what else
// was typed.
func TestUsualDaysAreButtons(t *testing.T) {
	w := newWorld(t)
	days := func(page string) string {
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		return words(doc.Find(`.quick[role="group"] button`))
	}
	check := func() {
		t.Helper()
		p := w.person(t).open("/backups/new/UDM_ECS")
		if got := days(p.page); got != "7 days 30 days 90 days 365 days" {
			t.Errorf("buttons %q", got)
		}
		p.press("set:Retention:90", typed...).shows("", `name="Retention" class="w-s" value="90"`, `value="typed-here"`, "Kept until about")
		p.press("set:JobName:5").shows("", `value="90"`, `value="typed-here"`)
	}
	check()
	w.server.Drafts = nil
	w.handler = w.server.Handler()
	check()
	for limits, want := range map[string]string{"min: 10, max: 14": "", "min: 1, max: 14": "7 days 14 days", "min: 30, max: 4000": "30 days 90 days 365 days"} {
		w.govern(t, "retention_days: {min: 1, max: 365}\n    copy", "retention_days: {"+limits+"}\n    copy")
		if got := days(w.person(t).open("/backups/new/UDM_ECS").page); got != want {
			t.Errorf("%s: buttons %q, want %q", limits, got, want)
		}
	}
}
