package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	emulated "backupportal/function/emulator/world"
)

// newTwins returns a world in which two instances are called web01.
func newTwins(t *testing.T) *world {
	t.Helper()
	return newWorldIn(t, func(w *emulated.World) {
		for i := range w.Accounts[0].Instances {
			if w.Accounts[0].Instances[i].Name == "web02" {
				w.Accounts[0].Instances[i].Name = "web01"
			}
		}
	})
}

// sendForm posts the form of an instance, with more values, and returns the page.
func (w *world) sendForm(t *testing.T, code int, more url.Values) *goquery.Document {
	t.Helper()
	values := url.Values{"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "Retention": {"30"}, "op": {"check"}}
	for name, value := range more {
		values[name] = value
	}
	answer := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", values.Encode())
	if answer.Code != code {
		t.Fatalf("%v: %d, want %d: %s", more, answer.Code, code, answer.Body)
	}
	doc, err := goquery.NewDocumentFromReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestTypedNameIsResolved proves that a person can type the name of a machine instead of its
// id. If several machines have the name, the form asks which one. An unknown name is reported
// as an invalid id.
func TestTypedNameIsResolved(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	doc := w.sendForm(t, http.StatusOK, url.Values{"InstanceId": {"DB01"}})
	if got := doc.Find(`input[name="InstanceId"]`).AttrOr("value", ""); got != "i-bp1demodb01" {
		t.Errorf("the name became %q", got)
	}
	doc = w.sendForm(t, http.StatusUnprocessableEntity, url.Values{"InstanceId": {"web01"}})
	if got := words(doc.Find(".summary")); !strings.Contains(got, "2 are called web01: choose one") {
		t.Errorf("an ambiguous name: %q", got)
	}
	var ids []string
	doc.Find(`.found input[type=radio][name="InstanceId"]`).Each(func(_ int, s *goquery.Selection) { ids = append(ids, s.AttrOr("value", "-")) })
	if !slices.Equal(ids, []string{"i-bp1demoweb01", "i-bp1demoweb02", ""}) {
		t.Errorf("radio buttons: %q", ids)
	}
	if got := doc.Find("#f-InstanceId"); got.AttrOr("name", "") != "find.InstanceId" || got.AttrOr("value", "") != "web01" {
		t.Errorf("the text box is %v", got.Nodes)
	}
	doc = w.sendForm(t, http.StatusOK, url.Values{"find.InstanceId": {"web01"}, "InstanceId": {"i-bp1demoweb02"}})
	if got := doc.Find(`input[name="InstanceId"]`).AttrOr("value", ""); got != "i-bp1demoweb02" {
		t.Errorf("the choice became %q", got)
	}
	doc = w.sendForm(t, http.StatusOK, url.Values{"find.InstanceId": {"i-bp1demodb01"}, "InstanceId": {""}})
	if got := doc.Find(`input[name="InstanceId"]`).AttrOr("value", ""); got != "i-bp1demodb01" {
		t.Errorf("none of these, with an id: %q", got)
	}
	doc = w.sendForm(t, http.StatusUnprocessableEntity, url.Values{"InstanceId": {"nobody"}})
	if got := words(doc.Find(".summary")); strings.Contains(got, "are called") {
		t.Errorf("an unknown name: %q", got)
	}
}

// TestSearchWithoutScript proves that without a script, the button Search shows the candidates
// as radio buttons and changes nothing else.
func TestSearchWithoutScript(t *testing.T) {
	w := newWorld(t)
	doc := w.sendForm(t, http.StatusOK, url.Values{"op": {"find:InstanceId"}, "InstanceId": {"172.16.0.1"}, "Retention": {"77"}})
	if got := words(doc.Find(".found legend")); got != "Matches for “172.16.0.1”: 2" {
		t.Errorf("legend %q", got)
	}
	if n := doc.Find(`.found [name="InstanceId"]`).Length(); n != 3 || doc.Find(`.found :checked`).Length() != 0 {
		t.Errorf("%d radio buttons", n)
	}
	if got := doc.Find(`[name="Retention"]`).AttrOr("value", ""); got != "77" {
		t.Errorf("the retention became %q", got)
	}
	doc = w.sendForm(t, http.StatusOK, url.Values{"op": {"find:VaultId"}, "SourceType": {"ECS_FILE"}, "VaultId": {"cont"}})
	if got := words(doc.Find(".found")); !strings.Contains(got, "v-0001demovault02") || strings.Contains(got, "v-0001demovault01") {
		t.Errorf("vaults: %q", got)
	}
	doc = w.sendForm(t, http.StatusOK, url.Values{"op": {"find:InstanceId"}, "InstanceId": {"nobody"}})
	if got := words(doc.Find(".found")); got != "No matching items that you are allowed to select." {
		t.Errorf("no match: %q", got)
	}
}

// TestOptions proves which candidates the page's script gets for a search text: at most 50,
// found by name, id, address or tag, and only those that the rules allow. If there are none, it
// gets a sentence that says so.
func TestOptions(t *testing.T) {
	w := newWorld(t)
	const place = "?Account=demo&Region=cn-hangzhou&SourceType="
	for address, want := range map[string][]string{
		"instances" + place + "UDM_ECS&Search=web":              {"i-bp1demoweb01", "i-bp1demoweb02"},
		"instances" + place + "ECS_FILE&Search=team%3Dweb":      {"i-bp1demoweb01", "i-bp1demoweb02"},
		"instances" + place + "UDM_ECS&Search=172.16.0.21":      {"i-bp1demodb01"},
		"instances?Account=nowhere&Region=cn-hangzhou":          nil,
		"instances?Account=demo&Region=eu-central-1":            nil,
		"vaults" + place + "ECS_FILE&Search=files":              {"v-0001demovault01"},
		"clusters" + place + "CONTAINER":                        {"cc-0001democluster"},
		"clusters" + place + "UDM_ECS":                          nil, // a rule allows no such backup of a cluster
		"instances?Account=payments-central&Region=cn-hangzhou": nil,
	} {
		doc, _ := w.look(t, "/options/"+address)
		var got []string
		doc.Find("[role=option]").Each(func(_ int, s *goquery.Selection) { got = append(got, s.AttrOr("data-value", "")) })
		if !slices.Equal(got, want) || doc.Find("#options").AttrOr("data-status", "") == "" {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
	for address, want := range map[string]int{"/options/disks": 404, "/options/instances?Search=" + strings.Repeat("x", 257): 400} {
		if answer := w.ask("GET", address, "", ""); answer.Code != want {
			t.Errorf("%.40s: %d, want %d", address, answer.Code, want)
		}
	}
}

// TestSearchKeepsDraft proves that the button Search stores the typed values like the other
// buttons, and that the page with the candidates has an address of its own. Continue then leads
// to the check page with the selected machine.
func TestSearchKeepsDraft(t *testing.T) {
	w := newTwins(t)
	values := url.Values{
		"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "Retention": {"77"}, "InstanceId": {"web01"},
		"page": {"PAGE1"}, "op": {"find:InstanceId"},
	}
	post := func() string {
		t.Helper()
		answer := w.ask("POST", "/drafts", "application/x-www-form-urlencoded", values.Encode())
		if answer.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		return answer.Header().Get("Location")
	}
	doc, _ := w.look(t, post())
	if n := doc.Find(`.found [type=radio]`).Length(); n != 3 || doc.Find(`[name="Retention"]`).AttrOr("value", "") != "77" {
		t.Errorf("%d radio buttons: %s", n, words(doc.Find("main")))
	}
	values.Set("op", "check")
	answer := w.ask("GET", post(), "", "") // the name is ambiguous
	if answer.Code != http.StatusUnprocessableEntity || !strings.Contains(answer.Body.String(), "2 are called web01: choose one") || !strings.Contains(answer.Body.String(), `value="i-bp1demoweb02"`) {
		t.Errorf("an ambiguous name: %d", answer.Code)
	}
	values.Set("find.InstanceId", "web01")
	values.Set("InstanceId", "i-bp1demoweb02")
	to := post()
	doc, _ = w.look(t, to)
	if !strings.HasSuffix(to, "/check") || !strings.Contains(doc.Text(), "i-bp1demoweb02") {
		t.Errorf("the choice leads to %s", to)
	}
}
