package templates_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/templates"
)

func form(t *testing.T, source param.SourceType, values templates.Values, change func(*templates.FormPage)) *goquery.Document {
	t.Helper()
	page := newSampler(same).form(source, values)
	if change != nil {
		change(&page)
	}
	return draw(t, templates.Form(page), param.English)
}

// checked returns the value of the selected radio button of a group.
func checked(doc *goquery.Document, name string) string {
	return attr(doc.Find(`[name="`+name+`"][checked]`), "value")
}

func TestTypedValuesAreKept(t *testing.T) {
	doc := form(t, param.UDMECS, templates.Values{
		"Account": "payments", "Region": "cn-hangzhou", "InstanceId": " web 01 ", "choice.Detail.diskIdList": "some",
		"Detail.diskIdList": "\nd-1\nd-2", "Detail.snapshotGroup": "true", "Retention": "", "Detail.timeoutInSeconds": "x",
	}, nil)
	for id, want := range map[string]string{"f-InstanceId": " web 01 ", "f-Retention": "", "f-Detail-timeoutInSeconds": "x"} {
		if got := attr(doc.Find("#"+id), "value"); got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
	if got := doc.Find("#f-Detail-diskIdList").Text(); got != "\nd-1\nd-2" {
		t.Errorf("disks are %q", got)
	}
	if checked(doc, "Account") != "payments" || checked(doc, "choice.Detail.diskIdList") != "some" || checked(doc, "Detail.snapshotGroup") != "true" {
		t.Error("a choice is lost")
	}
	if got := attr(doc.Find("input#f-Region"), "value"); got != "cn-hangzhou" {
		t.Errorf("the only region of the account is %q", got)
	}
}

func TestEmptyFormHasDefaults(t *testing.T) {
	doc := form(t, param.UDMECS, nil, nil)
	for name, want := range map[string]string{
		"choice.Detail.diskIdList": "all", "choice.Detail.appConsistent": "crash", "Detail.enableFsFreeze": "true", "Detail.enableWriters": "true", "Detail.doCopy": "",
	} {
		if got := checked(doc, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := attr(doc.Find("#f-Detail-timeoutInSeconds"), "value"); got != "30" {
		t.Errorf("the freeze timeout is %q", got)
	}
	if got := attr(form(t, param.Container, nil, nil).Find("#f-ContainerResources-0-pvPath"), "value"); got != "/" {
		t.Errorf("the path in the volume is %q", got)
	}
}

func TestOnlyOptionalFieldsAreMarked(t *testing.T) {
	var optional []string
	for _, source := range param.SourceTypes {
		for _, s := range form(t, source, nil, nil).Find(".field > label .optional").EachIter() {
			optional = append(optional, attr(s.Parent(), "for"))
		}
	}
	want := []string{
		"f-JobName", "f-Reason", "f-Ticket", "f-Include", "f-Exclude", "f-JobName", "f-Reason", "f-Ticket",
		"f-JobName", "f-Reason", "f-Ticket", "f-ClusterId",
	}
	if !slices.Equal(optional, want) {
		t.Errorf("optional are %v, want %v", optional, want)
	}
}

func TestManyAccountsAreASelect(t *testing.T) {
	doc := form(t, param.UDMECS, nil, func(p *templates.FormPage) {
		p.Accounts = append(p.Accounts, p.Accounts...)
	})
	if doc.Find("select#f-Account option").Length() != 6 {
		t.Error("six accounts are not in a select")
	}
}

func TestOptionsWithoutGrantAreDisabled(t *testing.T) {
	doc := form(t, param.UDMECS, templates.Values{"choice.Detail.appConsistent": "scripts", "Detail.doCopy": "true"}, func(p *templates.FormPage) {
		p.Offer.Scripts, p.Offer.CopyRegions = nil, nil
	})
	for _, control := range []string{`[name="choice.Detail.appConsistent"][value=scripts]`, "#f-Detail-doCopy"} {
		s := doc.Find(control)
		if _, off := s.Attr("disabled"); !off {
			t.Errorf("%s is offered", control)
		}
		if !strings.Contains(s.Parent().Text(), "No rule allows this") {
			t.Errorf("%s does not say why not", control)
		}
	}
	if checked(doc, "choice.Detail.appConsistent") != "crash" || doc.Find("#f-Detail-preScriptPath, #f-Detail-destinationRegionId").Length() > 0 {
		t.Error("what is not offered is asked all the same")
	}
}

// TestMistakesOnDisabledControlsHaveNoLink proves that the error summary has no link to a
// disabled control, which cannot get the focus.
func TestMistakesOnDisabledControlsHaveNoLink(t *testing.T) {
	doc := form(t, param.UDMECS, nil, func(p *templates.FormPage) {
		p.Accounts, p.Offer = nil, policy.Offer{}
		p.Mistakes = newSampler(same).mistakes("Account", "Detail.doCopy", "Detail.destinationRegionId")
	})
	if n := doc.Find(".summary li").Length(); n != 3 || doc.Find(".summary a").Length() != 0 {
		t.Errorf("%d mistakes, %d links", n, doc.Find(".summary a").Length())
	}
}

func TestInstancesOfThePolicyAreASelect(t *testing.T) {
	doc := form(t, param.ECSFile, templates.Values{"InstanceId": "i-2"}, func(p *templates.FormPage) { p.Offer.Instances = []string{"i-1", "i-2"} })
	if got := attr(doc.Find("select#f-InstanceId [selected]"), "value"); got != "i-2" {
		t.Errorf("chosen is %q", got)
	}
	if doc := form(t, param.ECSFile, nil, nil); doc.Find("input#f-InstanceId").Length() != 1 {
		t.Error("any instance may be typed, and there is no box for it")
	}
}

func TestLimitsAreShownInTheForm(t *testing.T) {
	page := newSampler(same).form(param.UDMECS, nil)
	page.Offer.Lines = append(page.Offer.Lines, policy.Line{Rule: "labs", Max: 364635})
	want := map[param.Language]string{
		param.English: "Limit set by rule payments-prod: 1 to 30 days. Snapshots cost money. Contact: platform team.Limit set by rule labs: 1 to 364,635 days.",
		param.Chinese: "限制来自规则 payments-prod：1 至 30 天。快照会产生费用。请联系：平台团队。限制来自规则 labs：1 至 364,635 天。",
	}
	for _, l := range languages {
		doc := draw(t, templates.Form(page), l)
		if got := squeeze(doc.Find("#f-Retention-policy").Text()); got != squeeze(want[l]) {
			t.Errorf("policy line is %q", got)
		}
		if got := attr(doc.Find("#f-Retention"), "aria-describedby"); got != "f-Retention-hint f-Retention-policy" {
			t.Errorf("described by %q", got)
		}
	}
}

// squeeze removes all blanks and line breaks from a text, to compare it.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

func TestFormShowsDateOfExpiry(t *testing.T) {
	for days, want := range map[string]string{"30": "Kept until about 23 December 2026", "": "", "x": "", "0": "", "364635": "Kept until about 26 March 3025", "364636": ""} {
		doc := form(t, param.UDMECS, templates.Values{"Retention": days}, nil)
		line := doc.Find("[data-kept=f-Retention]")
		if got := strings.TrimSpace(line.Text()); got != want {
			t.Errorf("%q days: %q, want %q", days, got, want)
		}
		if attr(line, "data-max") != "364635" || attr(line, "data-today") != "2026-11-23" {
			t.Error("the script would count from another day or bound")
		}
	}
}

func TestMistakesAreShownAtTheirControl(t *testing.T) {
	tests := []struct {
		name    string
		source  param.SourceType
		mistake param.Mistake
		values  templates.Values
		target  string
	}{
		{"a field", param.UDMECS, param.Mistake{Field: "InstanceId"}, nil, "#f-InstanceId"},
		{"a group", param.UDMECS, param.Mistake{Field: "Account"}, nil, "#f-Account"},
		{"a choice for its field", param.UDMECS, param.Mistake{Field: "Detail.appConsistent"}, nil, "#f-choice-Detail-appConsistent"},
		{"shown by a choice", param.UDMECS, param.Mistake{Field: "Detail.diskIdList"}, templates.Values{"choice.Detail.diskIdList": "some"}, "#f-Detail-diskIdList"},
		{"hidden by a choice", param.UDMECS, param.Mistake{Field: "Detail.diskIdList"}, nil, "#f-choice-Detail-diskIdList"},
		{"the switch itself", param.UDMECS, param.Mistake{Field: "Detail.doCopy"}, nil, "#f-Detail-doCopy"},
		{"a part of a row", param.ECSFile, param.Mistake{Field: "SpeedLimit", Part: "SpeedLimit.0.end"}, templates.Values{"choice.SpeedLimit": "hours"}, "#f-SpeedLimit-0-end"},
		{"all rows", param.ECSFile, param.Mistake{Field: "SpeedLimit"}, templates.Values{"choice.SpeedLimit": "hours"}, "#f-SpeedLimit-0-start"},
		{"a row that is not there", param.ECSFile, param.Mistake{Field: "SpeedLimit", Part: "SpeedLimit.7.end"}, templates.Values{"choice.SpeedLimit": "hours"}, "#f-SpeedLimit-0-start"},
		{"hidden rows", param.ECSFile, param.Mistake{Field: "SpeedLimit", Part: "SpeedLimit.0.end"}, nil, "#f-choice-SpeedLimit"},
		{"rows of volumes", param.Container, param.Mistake{Field: "ContainerResources"}, nil, "#f-ContainerResources-0-namespace"},
		{"a pasted list", param.Container, param.Mistake{Field: "ContainerResources"}, templates.Values{"choice.ContainerResources": "json"}, "#f-ContainerResources"},
		{"no control", param.UDMECS, param.Mistake{Field: "CrossAccountType"}, nil, ""},
		{"another kind's", param.UDMECS, param.Mistake{Field: "VaultId"}, nil, ""},
		{"no field", param.UDMECS, param.Mistake{}, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.mistake.Text = param.Text{En: "that is wrong", Zh: "错了"}
			doc := form(t, test.source, test.values, func(p *templates.FormPage) { p.Mistakes = []param.Mistake{test.mistake} })
			if got := attr(doc.Find(".summary a"), "href"); got != test.target {
				t.Errorf("the summary leads to %q, want %q", got, test.target)
			}
			if doc.Find(".summary li").Text() == "" || test.target != "" && doc.Find(test.target).Length() != 1 {
				t.Error("the link or the words are missing")
			}
			beside := strings.Count(doc.Find("form .error").Text(), "That is wrong")
			if want := len(test.target); beside != min(want, 1) {
				t.Errorf("shown %d times beside a control", beside)
			}
		})
	}
}

func TestFocusOfForm(t *testing.T) {
	tests := []struct {
		name   string
		change func(*templates.FormPage)
		want   string
	}{
		{"nothing", func(*templates.FormPage) {}, ""},
		{"a new row", func(p *templates.FormPage) { p.Focus = "SpeedLimit.0.start" }, "f-SpeedLimit-0-start"},
		{"a section to change", func(p *templates.FormPage) { p.Section = "speed" }, "speed"},
		{"mistakes before anything else", func(p *templates.FormPage) {
			p.Focus, p.Section, p.Mistakes = "SpeedLimit.0.start", "speed", []param.Mistake{{Text: param.Text{En: "wrong", Zh: "错"}}}
		}, "summary"},
	}
	for _, test := range tests {
		s := form(t, param.ECSFile, templates.Values{"choice.SpeedLimit": "hours"}, test.change).Find("[autofocus]")
		if got := attr(s, "id") + attr(s.Filter(".summary"), "class"); got != test.want {
			t.Errorf("%s: the focus goes to %q, want %q", test.name, got, test.want)
		}
	}
}

func TestRareFieldsAreCollapsed(t *testing.T) {
	open := func(change func(*templates.FormPage)) bool {
		_, ok := form(t, param.Container, nil, change).Find("details#rare").Attr("open")
		return ok
	}
	if open(nil) {
		t.Error("they are open")
	}
	for name, change := range map[string]func(*templates.FormPage){
		"a value":   func(p *templates.FormPage) { p.Values["ClusterId"] = "cl-1" },
		"a mistake": func(p *templates.FormPage) { p.Mistakes = []param.Mistake{{Field: "ClusterId"}} },
		"a change":  func(p *templates.FormPage) { p.Section = "rare" },
	} {
		if !open(change) {
			t.Errorf("%s does not open them", name)
		}
	}
}
