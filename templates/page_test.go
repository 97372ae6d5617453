package templates_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"backupportal/function/param"
	"backupportal/function/param/wordstest"
	"backupportal/templates"
)

var languages = []param.Language{param.English, param.Chinese}

// draw renders a page in a language and returns the parsed HTML.
func draw(t *testing.T, page templ.Component, l param.Language) *goquery.Document {
	t.Helper()
	var b bytes.Buffer
	if err := page.Render(templates.WithLanguage(t.Context(), l), &b); err != nil {
		t.Fatal(err)
	}
	wordstest.Check(t, string(l), b.String())
	doc, err := goquery.NewDocumentFromReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// everyPage calls check with every sample page in both languages.
func everyPage(t *testing.T, check func(t *testing.T, doc *goquery.Document)) {
	for _, s := range samples(same) {
		for _, l := range languages {
			t.Run(s.name+"/"+string(l), func(t *testing.T) { check(t, draw(t, s.page, l)) })
		}
	}
}

func attr(s *goquery.Selection, name string) string { return s.AttrOr(name, "") }

func TestIDsAreUnique(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *goquery.Document) {
		seen := map[string]bool{}
		for _, s := range doc.Find("[id]").EachIter() {
			id := attr(s, "id")
			// Ids with a dot exist only where addresses link to a field by its name.
			_, field := param.FieldNamed(id[strings.LastIndex(id, "-")+1:])
			if seen[id] || id == "" || strings.Contains(id, " ") || strings.Contains(id, ".") && !field {
				t.Errorf("id %q is empty, odd or used twice", id)
			}
			seen[id] = true
		}
	})
}

func TestEveryControlHasOneLabel(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *goquery.Document) {
		for _, s := range doc.Find("input:not([type=hidden]), select, textarea").EachIter() {
			label := doc.Find(`label[for="` + attr(s, "id") + `"]`)
			if label.Length() != 1 || strings.TrimSpace(label.Text()) == "" {
				t.Errorf("control %q has %d labels", attr(s, "name"), label.Length())
			}
		}
		for _, s := range doc.Find("label").EachIter() {
			if doc.Find("#"+attr(s, "for")).Length() != 1 {
				t.Errorf("label %q leads nowhere", s.Text())
			}
		}
		for _, s := range doc.Find("fieldset").EachIter() {
			if s.ChildrenFiltered("legend").Length() != 1 || s.Children().First().Is("legend") == false {
				t.Errorf("a fieldset without a legend")
			}
		}
		for _, s := range doc.Find("button, a").EachIter() {
			if strings.TrimSpace(s.Text()) == "" {
				t.Errorf("a button or link without words")
			}
		}
	})
}

func TestInternalLinksHaveTargets(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *goquery.Document) {
		for _, name := range []string{"aria-describedby", "aria-labelledby", "data-copy", "data-kept", "form"} {
			for _, s := range doc.Find("[" + name + "]").EachIter() {
				for _, id := range strings.Fields(attr(s, name)) {
					if doc.Find("#"+id).Length() != 1 {
						t.Errorf("%s names %q, which is not there", name, id)
					}
				}
			}
		}
		for _, s := range doc.Find(`a[href^="#"]`).EachIter() {
			if id := attr(s, "href")[1:]; doc.Find(`[id="`+id+`"]`).Length() != 1 {
				t.Errorf("a link leads to #%s, which is not there", id)
			}
		}
		for _, s := range doc.Find(".summary a").EachIter() {
			target := doc.Find(attr(s, "href"))
			if !target.Is("input, select, textarea") {
				t.Errorf("error %q leads to %q, which is no control", s.Text(), attr(s, "href"))
			}
			if strings.Contains(attr(target, "disabled"), "disabled") {
				t.Errorf("error %q leads to a control that is off", s.Text())
			}
		}
		for _, s := range doc.Find("[aria-invalid]").EachIter() {
			if !strings.Contains(attr(s, "aria-describedby"), "-error") {
				t.Errorf("%q is wrong, and nothing says why", attr(s, "name"))
			}
		}
		if doc.Find("fieldset[aria-invalid]").Length() > 0 {
			t.Error("a group is marked as wrong")
		}
	})
}

func TestNothingIsInline(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *goquery.Document) {
		if doc.Find("style, script:not([src]), base, iframe, object").Length() > 0 {
			t.Error("a page has an element that the CSP forbids")
		}
		for _, s := range doc.Find("*").EachIter() {
			for _, a := range s.Nodes[0].Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)), "javascript:") {
					t.Errorf("<%s %s=%q> is inline", goquery.NodeName(s), a.Key, a.Val)
				}
			}
		}
	})
}

func TestEveryPageHasItsFrame(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *goquery.Document) {
		title := doc.Find("title").Text()
		if doc.Find("h1").Length() != 1 || !strings.Contains(title, strings.Join(strings.Fields(doc.Find("h1").Text()), " ")) || !strings.Contains(title, " – ") {
			t.Errorf("title %q, %d headings", title, doc.Find("h1").Length())
		}
		if n := doc.Find(".filled").Length(); n > 1 {
			t.Errorf("%d filled buttons", n)
		}
		if n := doc.Find("[autofocus]").Length(); n > 1 {
			t.Errorf("%d elements want the focus", n)
		}
		if doc.Find("main#main[tabindex='-1']").Length() != 1 || attr(doc.Find("a.skip"), "href") != "#main" {
			t.Error("the link to the content does not lead there")
		}
		if wrong := doc.Find(".summary").Length() > 0; wrong != (strings.HasPrefix(title, "Error: ") || strings.HasPrefix(title, "错误：")) {
			t.Errorf("title %q, error summary %v", title, wrong)
		}
		if doc.Find("[placeholder], [required], button[disabled]").Length() > 0 {
			t.Error("a placeholder, a required control or a disabled button")
		}
	})
}

// TestEnterPressesTheMainButton proves that Enter in a form presses its main button. Browsers
// press the first submit button of the form in document order, which must not be a language
// button.
func TestEnterPressesTheMainButton(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *goquery.Document) {
		if doc.Find("form#req").Find("input, select, textarea").Length() == 0 {
			return // there is no control in which a person could press Enter
		}
		first := doc.Find("body").Children().First()
		last := doc.Find("form#req .filled")
		if !first.Is("button[form=req][type=submit]") || attr(first, "value") != attr(last, "value") {
			t.Error("the first thing in the page is not the default button")
		}
		to := attr(last, "formaction")
		if to == "" {
			to = attr(doc.Find("form#req"), "action")
		}
		if got := attr(first, "formaction"); got != to && to != "/drafts" {
			t.Errorf("Enter goes to %q, the button to %q", got, to)
		}
		for _, s := range doc.Find("header button[name=op]").EachIter() {
			// The values of a stored draft need not be sent again: only what is ticked on its check page.
			if to := attr(s, "formaction"); attr(s, "form") != "req" || to != "/drafts" && to != "/drafts/D1/check" {
				t.Error("a language button loses what was typed")
			}
		}
	})
}

// TestBothLanguagesAreComplete proves that both languages are complete. English pages have no
// Chinese characters. No text with a lower-case letter is the same on the English and the
// Chinese page. Names and data are excepted.
func TestBothLanguagesAreComplete(t *testing.T) {
	data := map[string]bool{"API": true, "EN": true, "中文": true, "Webhook": true, "Status": true, "Outcome": true, "kubectl get pv,pvc -A -o yaml": true} // the last two are JSON names
	for _, s := range samples(func(string) string { return "data-7" }) {
		en, zh := draw(t, s.page, param.English), draw(t, s.page, param.Chinese)
		if attr(en.Find("html"), "lang") != "en" || attr(zh.Find("html"), "lang") != "zh-CN" {
			t.Errorf("%s: lang is %q and %q", s.name, attr(en.Find("html"), "lang"), attr(zh.Find("html"), "lang"))
		}
		english := texts(en)
		for text := range english {
			if strings.ContainsFunc(text, isChinese) && !data[text] {
				t.Errorf("%s: Chinese on the English page: %q", s.name, text)
			}
		}
		for text := range texts(zh) {
			words := strings.ContainsFunc(strings.ReplaceAll(text, "data-7", ""), unicode.IsLower)
			if english[text] && words && !data[text] && !isData(text) {
				t.Errorf("%s: the same in both languages: %q", s.name, text)
			}
		}
	}
}

func isChinese(r rune) bool {
	return unicode.Is(unicode.Han, r) || r == '（' || r == '。' || r == '，'
}

// isData reports whether a text is not translated: an id, an amount or a time.
func isData(text string) bool {
	for _, part := range []string{"GiB", "RequestId", "cn-", "/s", "UTC", "k7v2", "data-7", "KiB", "MiB"} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(part)) {
			return true
		}
	}
	return false
}

// texts returns the texts of a page, from text nodes and labels. Names in <code> are omitted,
// because they are not translated.
func texts(doc *goquery.Document) map[string]bool {
	all := map[string]bool{}
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && n.Data == "code" {
			return
		}
		if text := strings.TrimSpace(n.Data); n.Type == html.TextNode && text != "" {
			all[text] = true
		}
		for _, a := range n.Attr {
			if a.Key == "aria-label" || a.Key == "data-label" || a.Key == "data-text" {
				all[a.Val] = true
			}
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(doc.Nodes[0])
	return all
}

func TestPageHasItsTheme(t *testing.T) {
	for _, theme := range []string{"", "light", "dark"} {
		var b strings.Builder
		page := templates.Choose(templates.ChoosePage{})
		if err := page.Render(templates.WithTheme(t.Context(), theme), &b); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), `data-theme="`+theme+`"`); got != (theme != "") {
			t.Errorf("theme %q: in the page: %v", theme, got)
		}
	}
}

func TestNavigationNeedsSignIn(t *testing.T) {
	out := draw(t, templates.ProblemPage(templates.Problem{Title: param.Text{En: "Sign in", Zh: "登录"}}), param.English)
	if out.Find("header nav").Length() != 0 {
		t.Error("a page before sign-in has navigation")
	}
	in := draw(t, templates.History(templates.HistoryPage{Shell: templates.Shell{User: "alice", Path: "/backups", Query: "before=1"}}), param.English)
	if got := attr(in.Find("header nav [aria-current=page]"), "href"); got != "/backups" {
		t.Errorf("current link is %q", got)
	}
	if got := attr(in.Find("form[action='/lang'] [name=back]"), "value"); got != "/backups?before=1" {
		t.Errorf("the language form leads back to %q", got)
	}
}
