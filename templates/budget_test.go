package templates_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"regexp"
	"testing"

	"backupportal/templates"
)

// asset matches the address of a style sheet, script or picture that a page loads.
var asset = regexp.MustCompile(`(?:src|href|data-picker)="([^"]*static/[^"]+)"`)

// TestPagesAndAssetsAreSmall proves that the compressed size of a page with its assets stays
// within a budget, and a page needs at most five requests.
func TestPagesAndAssetsAreSmall(t *testing.T) {
	assets, picker := 0, 0
	for name, most := range map[string]int{"portal.css": 7 << 10, "portal.js": 4 << 10, "pick.js": 3 << 10, "icon.svg": 1 << 10} {
		content, err := os.ReadFile("../web/static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got := compressed(t, content); got > most {
			t.Errorf("%s has %d bytes, more than %d", name, got, most)
		}
		if name == "pick.js" { // only forms load it, after they are shown
			picker = compressed(t, content)
		} else {
			assets += compressed(t, content)
		}
	}
	for _, s := range samples(same) {
		for _, l := range languages {
			var b bytes.Buffer
			if err := s.page.Render(templates.WithLanguage(t.Context(), l), &b); err != nil {
				t.Fatal(err)
			}
			if got, most := compressed(t, b.Bytes()), 6<<10; got > most {
				t.Errorf("%s in %s has %d bytes, more than %d", s.name, l, got, most)
			}
			if got := compressed(t, b.Bytes()) + assets; got > 16<<10 {
				t.Errorf("%s in %s has %d bytes with its assets, more than 16 KiB", s.name, l, got)
			} else if got+picker > 19<<10 {
				t.Errorf("%s in %s has %d bytes with its assets and the list boxes, more than 19 KiB", s.name, l, got+picker)
			}
			loaded := map[string]bool{}
			for _, found := range asset.FindAllStringSubmatch(b.String(), -1) {
				loaded[found[1]] = true
			}
			if len(loaded) < 3 || len(loaded) > 4 {
				t.Errorf("%s in %s loads %d assets: %v; want the style sheet, the script, the icon and at most one more", s.name, l, len(loaded), loaded)
			}
		}
	}
}

func compressed(t *testing.T, content []byte) int {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}
