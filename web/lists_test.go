package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

const (
	web01Form = "/backups/new/UDM_ECS?Account=demo&Region=cn-hangzhou&InstanceId=i-bp1demoweb01"
	filesForm = "/backups/new/ECS_FILE?Account=demo&Region=cn-hangzhou&InstanceId=i-bp1demoweb01"
)

// boxes returns the values of the check boxes of the disks: of the checked ones, and of the
// others.
func boxes(doc *goquery.Document) (ticked, empty []string) {
	doc.Find(`[type=checkbox][name^="Detail.diskIdList."]`).Each(func(_ int, s *goquery.Selection) {
		if _, on := s.Attr("checked"); on {
			ticked = append(ticked, s.AttrOr("value", ""))
		} else {
			empty = append(empty, s.AttrOr("value", ""))
		}
	})
	return ticked, empty
}

// TestDisksAreCheckBoxes proves that the form shows an instance's disks as check boxes with
// size, category and encryption, all checked at first. If all are checked, the backup is of
// "all disks", so that it includes disks that are attached later.
func TestDisksAreCheckBoxes(t *testing.T) {
	w := newWorld(t)
	doc, _ := w.look(t, web01Form)
	if ticked, empty := boxes(doc); !slices.Equal(ticked, []string{"d-bp1demoweb01a", "d-bp1demoweb01b"}) || empty != nil {
		t.Errorf("at first %v are checked, %v are not", ticked, empty)
	}
	part := doc.Find("#part-Detail\\.diskIdList")
	for _, text := range []string{"System disk · 40 GiB", "Data disk · 100 GiB · /dev/xvdb", "ESSD PL1 · not encrypted"} {
		if got := words(part); !strings.Contains(got, text) {
			t.Errorf("%q is missing in %s", text, got)
		}
	}
	send := func(code int, more url.Values) *goquery.Document {
		t.Helper()
		values := url.Values{"InstanceId": {"i-bp1demoweb01"}, "boxes.Detail.diskIdList": {"2"}}
		for name, value := range more {
			values[name] = value
		}
		return w.sendForm(t, code, values)
	}
	first, second := url.Values{"Detail.diskIdList.0": {"d-bp1demoweb01a"}}, url.Values{"Detail.diskIdList.1": {"d-bp1demoweb01b"}}
	both := url.Values{"Detail.diskIdList.0": first["Detail.diskIdList.0"], "Detail.diskIdList.1": second["Detail.diskIdList.1"]}
	if got := send(http.StatusOK, both).Find("#code-0").Text(); !strings.Contains(got, `"diskIdList":[]`) {
		t.Errorf("all disks are sent as %s", got)
	}
	if got := send(http.StatusOK, second).Find("#code-0").Text(); !strings.Contains(got, `"diskIdList":["d-bp1demoweb01b"]`) {
		t.Errorf("the data disk is sent as %s", got)
	}
	doc = send(http.StatusUnprocessableEntity, nil)
	if link := doc.Find(".summary a").AttrOr("href", ""); link != "#f-Detail-diskIdList" || doc.Find(link+"[type=checkbox]").Length() != 1 {
		t.Errorf("without a disk, the summary leads to %q", link)
	}
	second["op"] = []string{"draw"}
	if ticked, empty := boxes(send(http.StatusOK, second)); !slices.Equal(ticked, []string{"d-bp1demoweb01b"}) || !slices.Equal(empty, []string{"d-bp1demoweb01a"}) {
		t.Errorf("drawn again, %v are checked, %v are not", ticked, empty)
	}
	// Another disk that was named before stays, and can be cleared.
	doc, _ = w.look(t, web01Form+"&Detail.diskIdList=d-bp1demoweb02a")
	if ticked, empty := boxes(doc); !slices.Equal(ticked, []string{"d-bp1demoweb02a"}) || len(empty) != 2 {
		t.Errorf("with a disk of another instance, %v are checked, %v are not", ticked, empty)
	}
}

// TestCheckedDisksStayInTheDraft proves that the check boxes of the disks keep their state
// after Back, in another tab and in another language.
func TestCheckedDisksStayInTheDraft(t *testing.T) {
	w := newWorld(t)
	values := url.Values{
		"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "Retention": {"77"},
		"boxes.Detail.diskIdList": {"2"}, "Detail.diskIdList.1": {"d-bp1demoweb01b"}, "page": {"PAGE1"}, "op": {"lang:zh-CN"},
	}
	answer := w.ask("POST", "/drafts", "application/x-www-form-urlencoded", values.Encode())
	if answer.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	doc, _ := w.look(t, answer.Header().Get("Location"))
	if ticked, empty := boxes(doc); !slices.Equal(ticked, []string{"d-bp1demoweb01b"}) || !slices.Equal(empty, []string{"d-bp1demoweb01a"}) {
		t.Errorf("%v are checked, %v are not", ticked, empty)
	}
}

// TestVaultsAreRadioButtons proves that the vaults of the region are radio buttons with type,
// encryption and size. Another id can be typed.
func TestVaultsAreRadioButtons(t *testing.T) {
	w := newWorld(t)
	doc, _ := w.look(t, filesForm)
	var ids []string
	doc.Find(`[type=radio][name="VaultId"]`).Each(func(_ int, s *goquery.Selection) { ids = append(ids, s.AttrOr("value", "-")) })
	if !slices.Equal(ids, []string{"v-0001demovault01", "v-0001demovault02", ""}) {
		t.Errorf("radio buttons: %q", ids)
	}
	if got := words(doc.Find("#part-VaultId")); !strings.Contains(got, "General vault · encrypted by Cloud Backup · 0 B stored") {
		t.Errorf("the vaults are %s", got)
	}
	doc, _ = w.look(t, filesForm+"&VaultId=v-other")
	if got := doc.Find(`[type=radio][name="VaultId"][checked]`).AttrOr("value", "-"); got != "" {
		t.Errorf("with another vault %q is checked", got)
	}
	if got := doc.Find(`[name="find.VaultId"]`).AttrOr("value", ""); got != "v-other" {
		t.Errorf("the other vault is %q", got)
	}
	sent := w.sendForm(t, http.StatusOK, url.Values{
		"SourceType": {"ECS_FILE"}, "InstanceId": {"i-bp1demoweb01"}, "VaultId": {""}, "find.VaultId": {"v-0001demovault02"}, "Include": {"/home/a"},
	})
	if got := sent.Find(`input[name="VaultId"]`).AttrOr("value", ""); got != "v-0001demovault02" {
		t.Errorf("the typed vault became %q", got)
	}
}

// TestListsThatCannotBeRead proves that the form says so if a list cannot be read, and that the
// id can be typed instead.
func TestListsThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	if err := w.cloud.SetFaults("DescribeDisks: refuse 403 Forbidden.RAM forever; DescribeVaults: refuse 403 Forbidden.RAM forever"); err != nil {
		t.Fatal(err)
	}
	doc, _ := w.look(t, web01Form)
	if got := words(doc.Find("#part-Detail\\.diskIdList")); doc.Find(`textarea[name="Detail.diskIdList"]`).Length() != 1 || !strings.Contains(got, "The list cannot be loaded at the moment. Enter the ID.") {
		t.Errorf("the disks are %s", got)
	}
	doc, _ = w.look(t, filesForm)
	if doc.Find(`input[type=text][name="VaultId"]`).Length() != 1 {
		t.Error("the vault cannot be typed")
	}
}

// TestOneAccountAndOneRegionAreNotAsked proves that the form does not ask for the account or
// the region if there is only one. When another account is selected, its regions are shown: by
// the script in a part of the page, otherwise after a button.
func TestOneAccountAndOneRegionAreNotAsked(t *testing.T) {
	w := newWorld(t)
	doc, _ := w.look(t, "/backups/new/UDM_ECS?Account=demo")
	if n := doc.Find("#f-Region optgroup").Length(); n != 0 {
		t.Errorf("%d groups of regions", n)
	}
	demo := doc.Find("#f-Region option").Length()
	draw := url.Values{"SourceType": {"UDM_ECS"}, "Account": {"payments"}, "Region": {"nowhere-1"}, "op": {"draw:Region"}}
	answer := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", draw.Encode(), "X-Part", "part-Region")
	part, err := goquery.NewDocumentFromReader(answer.Body)
	if err != nil || answer.Code != http.StatusOK || part.Find("#req, #f-Account").Length() != 0 || part.Find("#f-Region option").Length() == 0 {
		t.Errorf("the part is %d %v", answer.Code, err)
	}
	if part.Find("#f-Region [selected]").Length() != 0 || demo == 0 {
		t.Error("a region that the account does not have is chosen")
	}
	w.govern(t, "regions: [cn-hangzhou, cn-shanghai]", "regions: [cn-hangzhou]")
	doc, _ = w.look(t, "/backups/new/UDM_ECS?Account=demo")
	if got := doc.Find("input[type=hidden]#f-Region").AttrOr("value", ""); got != "cn-hangzhou" || doc.Find("select#f-Region").Length() != 0 {
		t.Errorf("the only region is %q, and asked", got)
	}
	if got := words(doc.Find("#part-Region")); !strings.Contains(got, "China (Hangzhou)") {
		t.Errorf("the only region is shown as %q", got)
	}
}

// TestFormStartsFromTheMachine proves that a form that was opened for a machine shows the
// machine and does not ask for it. Buttons lead to the form for files of the same machine, and
// to another machine. Typed values are kept, also on the previous page.
func TestFormStartsFromTheMachine(t *testing.T) {
	w := newWorld(t)
	doc, _ := w.look(t, web01Form)
	card := words(doc.Find(".this"))
	for _, text := range []string{"web01 Running", "i-bp1demoweb01", "172.16.0.11", "Last good backup: never"} {
		if !strings.Contains(card, text) {
			t.Errorf("%q is missing in %s", text, card)
		}
	}
	if got := words(doc.Find("h1")); got != "Back up web01" || doc.Find("input[type=text]#f-InstanceId, select#f-Region").Length() != 0 {
		t.Errorf("the page %q asks for the machine", got)
	}
	if got := words(doc.Find(`[value="writers"]`).Parent()); !strings.Contains(got, "Not for web01: it runs Linux") {
		t.Errorf("VSS is offered: %s", got)
	}
	post := func(op string) (string, *goquery.Document) {
		t.Helper()
		values := url.Values{
			"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "Retention": {"77"},
			"boxes.Detail.diskIdList": {"2"}, "Detail.diskIdList.1": {"d-bp1demoweb01b"}, "page": {"PAGE1"}, "op": {op},
		}
		answer := w.ask("POST", "/drafts", "application/x-www-form-urlencoded", values.Encode())
		if answer.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", op, answer.Code, answer.Body)
		}
		page, _ := w.look(t, answer.Header().Get("Location"))
		return answer.Header().Get("Location"), page
	}
	for op, want := range map[string]string{"kind:ECS_FILE": "#f-VaultId", "other": "input[type=text]#f-InstanceId"} {
		to, page := post(op)
		if page.Find(want).Length() != 1 || page.Find(`[name="Retention"]`).AttrOr("value", "") != "77" || page.Find(".error").Length() != 0 {
			t.Errorf("%s leads to %s: %s", op, to, words(page.Find("main")))
		}
		before, _ := w.look(t, "/drafts/PAGE1")
		if ticked, _ := boxes(before); !slices.Equal(ticked, []string{"d-bp1demoweb01b"}) {
			t.Errorf("after %s, the page before has the disks %v", op, ticked)
		}
	}
	// A machine that is not there is asked for.
	doc, _ = w.look(t, "/backups/new/UDM_ECS?Account=demo&Region=cn-hangzhou&InstanceId=i-bp1nowhere")
	if doc.Find(".this").Length() != 0 || doc.Find("#f-InstanceId").AttrOr("value", "") != "i-bp1nowhere" {
		t.Error("a machine that does not exist is shown")
	}
}
