package templates_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"

	"backupportal/function/param"
)

// hostile are texts that would change the page if one of them were not escaped, such as HTML
// code.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</textarea><b>x`, `</title></option></select>`,
	`javascript:alert(1)`, `{{.}} ${x} <!-- -->`, "\u2028\u202e\x00]]>",
}

// TestHostileValuesStayText proves that texts from users or the cloud, such as HTML code,
// change neither the elements of a page nor their attributes.
func TestHostileValuesStayText(t *testing.T) {
	harmless := samples(same)
	for _, value := range hostile {
		for i, s := range samples(func(s string) string { return s + value }) {
			want, got := shape(draw(t, harmless[i].page, param.English)), shape(draw(t, s.page, param.English))
			if want != got {
				t.Errorf("%s with %q is built differently:\n%s", s.name, value, firstDifference(want, got))
			}
		}
	}
}

// shape returns the elements of a page with the names of their attributes.
func shape(doc *goquery.Document) string {
	var b strings.Builder
	var walk func(n *html.Node, depth int)
	walk = func(n *html.Node, depth int) {
		if n.Type == html.ElementNode && n.Data != "wbr" { // a break after each separator in a tag
			fmt.Fprintf(&b, "%s%s", strings.Repeat(" ", depth), n.Data)
			for _, a := range n.Attr {
				// The selected option and the state of a job depend on the data.
				if a.Key != "selected" && a.Key != "checked" {
					b.WriteString(" " + a.Key)
				}
			}
			b.WriteByte('\n')
		}
		if n.Type == html.CommentNode {
			b.WriteString("comment\n")
		}
		for c := range n.ChildNodes() {
			walk(c, depth+1)
		}
	}
	walk(doc.Nodes[0], 0)
	return b.String()
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: want %q, got %q", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(a), len(b))
}

// TestHostileAddressesAreNoLinks proves that an address that a browser would execute, such as
// javascript:, does not become a link.
func TestHostileAddressesAreNoLinks(t *testing.T) {
	for _, s := range samples(func(s string) string { return "javascript:alert(1)" }) {
		doc := draw(t, s.page, param.English)
		for _, a := range doc.Find("[href], [action], [formaction], [src]").EachIter() {
			for _, name := range []string{"href", "action", "formaction", "src"} {
				if strings.HasPrefix(attr(a, name), "javascript:") {
					t.Errorf("%s: %s=%q", s.name, name, attr(a, name))
				}
			}
		}
	}
}
