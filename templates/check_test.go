package templates_test

import (
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/templates"
)

// answer returns the value of the line with this label on the check page.
func answer(doc *goquery.Document, label string) string {
	for _, row := range doc.Find(".facts > div").EachIter() {
		if strings.TrimSpace(row.Find("dt").Text()) == label {
			return strings.Join(strings.Fields(row.Find("dd").Text()), " ")
		}
	}
	return "not there"
}

func check(t *testing.T, params param.Params) *goquery.Document {
	t.Helper()
	return draw(t, templates.Check(newSampler(same).check(params)), param.English)
}

func TestCheckShowsEverythingOnce(t *testing.T) {
	doc := check(t, param.Params{
		"Region": "cn-hangzhou", "InstanceId": "i-1", "Detail.diskIdList": `["d-1","d-2"]`, "Detail.appConsistent": "true",
		"Detail.preScriptPath": "/a", "Detail.postScriptPath": "/b", "Detail.doCopy": "true", "Detail.destinationRegionId": "cn-shanghai", "Detail.destinationRetention": "60",
	})
	for label, want := range map[string]string{
		"Account":                  "payments 1589750000004625; backed up and stored in that account",
		"Region":                   "China (Hangzhou) · cn-hangzhou",
		"Where the backup is kept": "In the account of the resource The portal assumes a role in that account",
		"Source account ID":        "not there",
		"Type of backup":           "A whole ECS instance",
		"Disks":                    "Selected disks",
		"Disk IDs":                 "d-1 d-2",
		"Full or incremental":      "Full; later backups store only changed data automatically",
		"Consistency level":        "Application-consistent, with scripts (Linux)",
		"Pre-freeze script":        "/a",
		"Freeze timeout":           "30 seconds",
		"Snapshot consistency":     "not there",
		"Retention":                "30 days Kept until about 23 December 2026",
		"Retention of the copy":    "60 days Kept until about 22 January 2027",
		"Region of the copy":       "China (Shanghai) · cn-shanghai",
		"Name":                     "before-upgrade-k7v2m4q9t3x8c5n1b6h0d2f4ja",
		"Create all disk snapshots at the same time": "No",
	} {
		if got := answer(doc, label); got != want {
			t.Errorf("%s: %q, want %q", label, got, want)
		}
	}
	labels := map[string]bool{}
	for _, dt := range doc.Find("dt").EachIter() {
		if label := dt.Text(); labels[label] || label == "" {
			t.Errorf("%q is there twice, or empty", label)
		} else {
			labels[label] = true
		}
	}
}

func TestCheckOmitsFieldsThatDoNotApply(t *testing.T) {
	doc := check(t, param.Params{"Region": "cn-hangzhou", "InstanceId": "i-1"})
	for label, want := range map[string]string{"Disks": "All disks", "Consistency level": "Crash-consistent"} {
		if got := answer(doc, label); got != want {
			t.Errorf("%s: %q, want %q", label, got, want)
		}
	}
	for _, label := range []string{"Disk IDs", "Freeze timeout", "Region of the copy", "Backup vault ID"} {
		if got := answer(doc, label); got != "not there" {
			t.Errorf("%s: %q", label, got)
		}
	}
	files := check(t, param.Params{"SourceType": "ECS_FILE", "Region": "cn-hangzhou", "InstanceId": "i-1", "VaultId": "v-1", "SpeedLimit": "9:18:20480|18:22:500"})
	for label, want := range map[string]string{
		"Paths to back up": "Not given", "Paths to exclude": "Not given", "Full or incremental": "Full", "Limit the speed?": "Limit during certain hours",
		"Hours with a speed limit": "09:00–18:00 · 20 MB/s 18:00–22:00 · 500 KB/s",
	} {
		if got := answer(files, label); got != want {
			t.Errorf("%s: %q, want %q", label, got, want)
		}
	}
}

// TestCheckOfOwnAccountMentionsNoRole proves that the check page for the portal's own account
// does not say that a role is assumed.
func TestCheckOfOwnAccountMentionsNoRole(t *testing.T) {
	page := newSampler(same).check(param.Params{"Region": "cn-hangzhou", "InstanceId": "i-1"})
	page.Call.Target.Account = backup.Account{ID: "1234567890123456", Access: backup.Own}
	doc := draw(t, templates.Check(page), param.English)
	if got := answer(doc, "Where the backup is kept"); got != "In the account of the resource" {
		t.Errorf("the backup is kept: %q", got)
	}
}

func TestCheckShowsConsequences(t *testing.T) {
	base := param.Params{"Region": "cn-hangzhou", "InstanceId": "i-1"}
	tests := []struct {
		name string
		with param.Params
		want string
	}{
		{"across accounts", param.Params{"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": "1", "CrossAccountRoleName": "r"}, "The backup can be restored only to the source account."},
		{"scripts", param.Params{"Detail.appConsistent": "true", "Detail.preScriptPath": "/a", "Detail.postScriptPath": "/b"}, "creates a file-system-consistent backup without an error"},
		{"same moment", param.Params{"Detail.snapshotGroup": "true"}, "the disk snapshots are created at different times"},
		{"copy", param.Params{"Detail.doCopy": "true"}, "The copy is billed for traffic once"},
		{"no path", param.Params{"SourceType": "ECS_FILE"}, "No path is specified"},
		{"a path", param.Params{"SourceType": "ECS_FILE", "Include": `["/a"]`}, ""},
		{"nothing", nil, ""},
	}
	for _, test := range tests {
		params := param.Params{}
		for _, p := range []param.Params{base, test.with} {
			for name, value := range p {
				params[name] = value
			}
		}
		lines := check(t, params).Find("section[aria-labelledby=follows] li")
		if got := lines.Text(); !strings.Contains(got, test.want) || lines.Length() != min(len(test.want), 1) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestCheckRepeatsTheForm(t *testing.T) {
	doc := check(t, param.Params{"Region": "cn-hangzhou", "InstanceId": "i-1"})
	for name, want := range map[string]string{"at": "check", "SourceType": "UDM_ECS", "key": "KEY", "Account": "payments"} {
		if got := attr(doc.Find(`form#req input[type=hidden][name="`+name+`"]`), "value"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var edits []string // the first is the link back to the form
	for _, s := range doc.Find("button[value^='edit:']").EachIter() {
		edits = append(edits, attr(s, "value"))
	}
	if got := strings.Join(edits, " "); got != "edit:account edit:account edit:what edit:consistency edit:keeping edit:note" {
		t.Errorf("sections are changed by %q", got)
	}
	start := doc.Find("form#req .filled")
	if attr(start, "formaction") != "/backups" || attr(doc.Find("form#req"), "action") != "/drafts" {
		t.Error("the Start button alone must lead to /backups")
	}
}

// TestCheckOfADraft proves that the check page of a draft has links to the form, and its form
// has only the button that starts the backup.
func TestCheckOfADraft(t *testing.T) {
	s := newSampler(same)
	doc := draw(t, templates.Check(s.draftCheck()), param.English)
	var sections []string
	for _, link := range doc.Find(`a[href^="/drafts/D1?page=P1&section="]`).EachIter() {
		_, section, _ := strings.Cut(attr(link, "href"), "#")
		sections = append(sections, section)
	}
	if got := strings.Join(sections, " "); got != "account account what consistency keeping note" {
		t.Errorf("links to sections %q", got)
	}
	if doc.Find("form#req input").Length() != 0 || doc.Find("button[name=op]").Length() != 0 {
		t.Error("the page repeats the form")
	}
	for _, button := range doc.Find("form#req button[type=submit]").EachIter() {
		if attr(button, "formaction") != "/drafts/D1/start" {
			t.Errorf("the button %q leads to %q", button.Text(), attr(button, "formaction"))
		}
	}
	if back := doc.Find(`header form[action="/lang"] input[name=back]`); attr(back, "value") != "/drafts/D1/check?a=b" {
		t.Errorf("the language buttons lead to %q", attr(back, "value"))
	}
}

func TestEachPreviewCanBeCopied(t *testing.T) {
	doc := check(t, param.Params{"Region": "cn-hangzhou", "InstanceId": "i-1"})
	if doc.Find("details.preview").Length() != 2 || doc.Find("details.preview button[data-copy][hidden]").Length() != 2 {
		t.Error("a preview is missing, or its button shows without the script")
	}
	if doc.Find("details.preview .hint").Length() != 1 || doc.Find("details.preview").First().Find(".hint").Length() != 1 {
		t.Error("the request alone is what is sent word for word")
	}
	if got := doc.Find("pre").First().Text(); !strings.HasPrefix(got, "POST https://") || !strings.Contains(got, `["/home/alice/*.pdf"`) {
		t.Errorf("the request is %q", got)
	}
}
