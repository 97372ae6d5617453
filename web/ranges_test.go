package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// TestRetentionRangeIsThatOfTheRules proves that a form names the range of the rules, and not the
// range of the API, when a retention is outside both.
func TestRetentionRangeIsThatOfTheRules(t *testing.T) {
	w := newWorld(t)
	form := url.Values{
		"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"},
		"Retention": {"9999999"}, "key": {"K"}, "op": {"check"},
	}
	page := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
	text := page.Body.String()
	if page.Code != http.StatusUnprocessableEntity || !strings.Contains(text, "must be between 1 and 365") || strings.Contains(text, "364,635") {
		t.Errorf("%d: %s", page.Code, text)
	}
}

// TestKindWithoutRule proves that the address of a kind that no rule grants answers 403 and
// says why, while the kinds that are granted have their form.
func TestKindWithoutRule(t *testing.T) {
	w := newWorld(t)
	w.govern(t, "UDM_ECS, ECS_FILE, CONTAINER]\n    any_instance: true\n    any_cluster: true", "UDM_ECS, ECS_FILE]\n    any_instance: true")
	for kind, want := range map[string]int{"UDM_ECS": http.StatusOK, "ECS_FILE": http.StatusOK, "CONTAINER": http.StatusForbidden} {
		page := w.ask("GET", "/backups/new/"+kind, "", "")
		if page.Code != want || strings.Contains(page.Body.String(), "No rule allows this") != (want == http.StatusForbidden) {
			t.Errorf("%s: %d, want %d: %s", kind, page.Code, want, page.Body)
		}
	}
}

// TestCopyBeginsLikeTheBackup proves that the form begins with a copy that is kept as long as the
// backup, and does not offer the region of the backup for the copy if it is the only one.
func TestCopyBeginsLikeTheBackup(t *testing.T) {
	form := func(w *world) *goquery.Document {
		doc, err := goquery.NewDocumentFromReader(w.ask("GET", "/backups/new/UDM_ECS?Retention=9", "", "").Body)
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	const regions = `[name="Detail.destinationRegionId"] option[value="%s"]`
	count := func(doc *goquery.Document, region string) int {
		return doc.Find(strings.Replace(regions, "%s", region, 1)).Length()
	}
	w := newWorld(t)
	doc := form(w)
	if got, _ := doc.Find(`[name="Detail.destinationRetention"]`).Attr("value"); got != "9" {
		t.Errorf("the copy begins with %q days, want 9", got)
	}
	if count(doc, "cn-hangzhou") != 1 || count(doc, "cn-shanghai") != 1 {
		t.Error("with two regions, both can be the region of the copy")
	}
	doc, _ = w.look(t, "/backups/new/UDM_ECS?Account=demo&Region=cn-shanghai")
	if count(doc, "cn-hangzhou") != 1 || count(doc, "cn-shanghai") != 0 {
		t.Error("the region of the backup is offered for its copy")
	}
	w.govern(t, "regions: [cn-hangzhou, cn-shanghai]\n    source_types", "regions: [cn-hangzhou]\n    source_types")
	if doc = form(w); count(doc, "cn-hangzhou") != 0 || count(doc, "cn-shanghai") != 1 {
		t.Error("the only region of the backup is offered for the copy")
	}
}
