package templates_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/templates"
)

// byID returns the element with an id that may contain dots.
func byID(doc *goquery.Document, id string) *goquery.Selection {
	return doc.Find(`[id="` + id + `"]`)
}

// drawReference returns one document with the main parts of all topics of the reference.
func drawReference(t *testing.T, l param.Language) *goquery.Document {
	t.Helper()
	page := newSampler(same).reference()
	doc := draw(t, templates.API(page), l)
	for _, name := range templates.APITopics()[1:] {
		page.Topic = name
		doc.Find("main").AppendSelection(draw(t, templates.API(page), l).Find("main .chapter"))
	}
	return doc
}

// TestReferenceHasEveryField proves that every parameter has a row in the API reference, in the
// section of each source type that has it. A link with the plain name leads to the first of
// these rows.
func TestReferenceHasEveryField(t *testing.T) {
	for _, l := range languages {
		doc := drawReference(t, l)
		for _, f := range param.Fields {
			if row := byID(doc, f.Name); !row.Is("tr") || row.Find("th").Text() != f.Name {
				t.Errorf("%s: #%s leads to %q", l, f.Name, row.Text())
			}
			for _, source := range param.SourceTypes {
				section := byID(doc, string(source)).Closest("section")
				rows := section.Find("th[scope=row]").FilterFunction(func(_ int, th *goquery.Selection) bool { return th.Text() == f.Name })
				want := 0
				if f.ForSource(source) {
					want = 1
				}
				if rows.Length() != want {
					t.Errorf("%s: %s has %d rows for %s, want %d", l, source, rows.Length(), f.Name, want)
				}
				if text := rows.Closest("tr").Text(); want == 1 && !(strings.Contains(text, f.Label.In(l)) && strings.Contains(text, f.Pattern)) {
					t.Errorf("%s: the row of %s says %q", l, f.Name, text)
				}
			}
		}
	}
}

// TestReferenceSaysWhatIsRequired proves that the column "required" of the API reference agrees
// with the validation of requests.
func TestReferenceSaysWhatIsRequired(t *testing.T) {
	doc := drawReference(t, param.English)
	for _, source := range param.SourceTypes {
		err, _ := param.Params{"SourceType": string(source)}.Validate().(param.InvalidError)
		missing := map[string]bool{"SourceType": source != param.UDMECS}
		for _, m := range err {
			missing[m.Field] = m.Code == "required"
		}
		for _, tr := range byID(doc, string(source)).Closest("section").Find("tbody tr").EachIter() {
			name, needed := tr.Find("th").Text(), strings.TrimSpace(tr.Find("[data-label=Required]").Text())
			if missing[name] != (needed == "Yes") {
				t.Errorf("%s: %s is needed: %q; missing it is a mistake: %v", source, name, needed, missing[name])
			}
		}
	}
}

// row returns the text of the row called name in a section of the API reference.
func row(doc *goquery.Document, section, name string) string {
	for _, th := range byID(doc, section).Closest("section").Find("th[scope=row]").EachIter() {
		if th.Text() == name {
			return th.Closest("tr").Text()
		}
	}
	return ""
}

func TestReferenceHasEveryStateAndOutcome(t *testing.T) {
	states := []backup.State{
		backup.StateSending, backup.StateUnknown, backup.StateRefused, backup.StateNotSent, backup.StateDenied, backup.StateCreated, backup.StateQueued, backup.StateRunning, backup.StateCanceling,
		backup.StateComplete, backup.StatePartialComplete, backup.StateFailed, backup.StateCanceled, backup.StateExpired, backup.StateUnavailable,
	}
	for _, l := range languages {
		doc := drawReference(t, l)
		for _, s := range states {
			if got := row(doc, "states", string(s)); !strings.Contains(got, string(s.Outcome())) {
				t.Errorf("%s: %s comes to %q, want %s", l, s, got, s.Outcome())
			}
		}
		for _, o := range backup.Outcomes {
			if row(doc, "states", string(o)) == "" {
				t.Errorf("%s: no word about %s", l, o)
			}
		}
	}
}

// TestReferenceListsItsTopics proves that every page of the API reference has the same table of
// contents. It leads to all topics and to the chapters of the current one. The topic gates
// (scripts for CI pipelines) exists only if there are gates.
func TestReferenceListsItsTopics(t *testing.T) {
	page := newSampler(same).reference()
	for _, gates := range [][]templates.Snippet{page.Gates, nil} {
		page.Gates = gates
		var topics []string
		for _, name := range templates.APITopics() {
			page.Topic = name
			doc := draw(t, templates.API(page), param.English)
			var listed, chapters, there []string
			for _, a := range doc.Find("nav.contents a").EachIter() {
				if href := attr(a, "href"); strings.HasPrefix(href, "#") {
					chapters = append(chapters, href[1:]+" "+a.Text())
				} else {
					listed = append(listed, href+" "+a.Text())
				}
			}
			for _, h2 := range doc.Find("main section > h2").EachIter() {
				there = append(there, attr(h2, "id")+" "+h2.Text())
			}
			if topics == nil {
				topics = listed
			}
			if !slices.Equal(listed, topics) {
				t.Errorf("%q lists %q, the first topic %q", name, listed, topics)
			}
			if len(there) > 1 && !slices.Equal(chapters, there) || len(there) == 1 && chapters != nil {
				t.Errorf("%q lists the chapters %q, there are %q", name, chapters, there)
			}
			current := attr(doc.Find("nav.contents [aria-current=page]"), "href")
			if want := strings.TrimSuffix("/docs/api/"+name, "/"); len(there) > 0 && current != want {
				t.Errorf("%q: the present topic is %q", name, current)
			}
			if exists := name != "gates" || gates != nil; (len(there) > 0) != exists {
				t.Errorf("%q has the chapters %q", name, there)
			}
		}
		want := len(templates.APITopics())
		if gates == nil {
			want--
		}
		if len(topics) != want {
			t.Errorf("%d topics are listed, want %d", len(topics), want)
		}
	}
}

// TestReferenceSendsNothing proves that the pages of the API reference have no form except the
// choice of the language.
func TestReferenceSendsNothing(t *testing.T) {
	doc := drawReference(t, param.English)
	if n := doc.Find("main form, main input, main button:not([data-copy])").Length(); n > 0 {
		t.Errorf("%d forms, controls or buttons", n)
	}
	if got, want := doc.Find("main [data-copy]").Length(), doc.Find("main pre").Length(); got != want || got == 0 {
		t.Errorf("%d of %d boxes can be copied", got, want)
	}
}
