package templates_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/param"
	"backupportal/templates"
)

// left lists the fields that have no control on the forms of some source types, each with the
// reason.
var left = map[string]struct {
	why   string
	kinds []param.SourceType
}{
	"SourceType":           {"a hidden input: it was chosen on the page before", param.SourceTypes},
	"Notify":               {"asked on the check page", param.SourceTypes},
	"Preset":               {"chosen before: the heading says so", param.SourceTypes},
	"CrossAccountType":     {"follows from the account", param.SourceTypes},
	"CrossAccountUserId":   {"follows from the account", param.SourceTypes},
	"CrossAccountRoleName": {"follows from the account", param.SourceTypes},
	"BackupType":           {"whole instances have one documented value", []param.SourceType{param.UDMECS}},
	"Detail.appConsistent": {"follows from choice.Detail.appConsistent", []param.SourceType{param.UDMECS}},
}

func TestEveryFieldIsAskedOnce(t *testing.T) {
	for _, source := range param.SourceTypes {
		doc := draw(t, templates.Form(newSampler(same).form(source, nil)), param.English)
		for _, f := range param.Fields {
			l, skipped := left[f.Name]
			want := f.ForSource(source) && !(skipped && slices.Contains(l.kinds, source))
			if got := questions(doc, f.Name); want && got != 1 || !want && got != 0 {
				t.Errorf("%s: %s is asked %d times, want it asked: %v", source, f.Name, got, want)
			}
		}
		for _, s := range doc.Find("form#req [name]").EachIter() {
			if name := attr(s, "name"); !knownControl(name) {
				t.Errorf("%s: %q is no field", source, name)
			}
		}
		if f, ok := param.FieldNamed("SourceType"); !ok || attr(doc.Find("input[type=hidden][name="+f.Name+"]"), "value") != string(source) {
			t.Errorf("%s: the hidden input does not say so", source)
		}
	}
}

// questions counts how often each field is asked on a form. A group counts once. Rows and a
// text box for the same field together count once.
func questions(doc *goquery.Document, name string) int {
	if doc.Find("#rows-"+strings.ReplaceAll(name, ".", "\\.")).Length() > 0 {
		return 1
	}
	controls := doc.Find(`form#req [name="` + name + `"]:not([type=hidden])`)
	if controls.Is("[type=radio]") {
		return controls.Closest("fieldset").Length()
	}
	return controls.Length()
}

func knownControl(name string) bool {
	if name == "op" || name == "at" || name == "key" || name == "kubectl" {
		return true
	}
	if _, ok := param.FieldNamed(strings.TrimPrefix(name, "choice.")); ok {
		return true
	}
	field, _, _ := strings.Cut(name, ".")
	for _, control := range templates.RowControls(field) {
		if name == templates.RowControl(field, 0, control) {
			return true
		}
	}
	return false
}

func TestLeftOutFieldsExist(t *testing.T) {
	for name, l := range left {
		if f, ok := param.FieldNamed(name); !ok || l.why == "" || !slices.ContainsFunc(l.kinds, f.ForSource) {
			t.Errorf("%s is left out for no reason", name)
		}
	}
}

func TestLabelsComeFromTheTable(t *testing.T) {
	for _, source := range param.SourceTypes {
		for _, l := range languages {
			doc := draw(t, templates.Form(newSampler(same).form(source, nil)), l)
			for _, f := range param.Fields {
				if _, skipped := left[f.Name]; skipped || !f.ForSource(source) || templates.MaxRows(f.Name) > 0 {
					continue
				}
				control := doc.Find("#" + templates.ControlID(f.Name))
				label := doc.Find(`label[for="` + templates.ControlID(f.Name) + `"]`)
				if control.Is("[type=radio]") {
					label = control.Closest("fieldset").ChildrenFiltered("legend")
				}
				if !strings.HasPrefix(strings.TrimSpace(label.Text()), f.Label.In(l)) {
					t.Errorf("%s: the label of %s is %q", source, f.Name, label.Text())
				}
				if hint := doc.Find("#" + templates.ControlID(f.Name) + "-hint"); hint.Text() != f.Help.In(l) {
					t.Errorf("%s: the hint of %s is %q, want %q", source, f.Name, hint.Text(), f.Help.In(l))
				}
			}
		}
	}
}
