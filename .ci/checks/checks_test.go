package checks

import (
	"slices"
	"strings"
	"testing"
)

// TestChecksFindMistakes adds mistakes to a page and proves that the checks of this package
// find them. Otherwise the checks could pass because they find nothing.
func TestChecksFindMistakes(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open("/")
	get[any](b, `document.querySelector("main").insertAdjacentHTML("beforeend",
		"<img src='/no-such-picture'><p id=wide>" + "wide".repeat(500) + "</p><p style='color: red'>inline</p>")`)
	get[any](b, `document.querySelector("#wide").attributeStyleMap.set("overflow-wrap", "normal"); null`)

	b.resize(320)
	if over := get[[]string](b, js(wide)); !slices.Contains(over, "p#wide") {
		t.Errorf("a page that is too wide is taken for: %v", over)
	}
	b.wait(`document.querySelector("img").complete`, soon)
	b.mu.Lock()
	said := strings.Join(b.console, "\n")
	b.console = nil
	b.mu.Unlock()
	for _, part := range []string{"Content Security Policy", "status of 404"} {
		if !strings.Contains(said, part) {
			t.Errorf("of %q the console says nothing: %s", part, said)
		}
	}
	if script, err := axe(); err == nil {
		get[any](b, script+"; null")
		found := get[[]violation](b, js(runAxe))
		if !slices.ContainsFunc(found, func(v violation) bool { return v.ID == "image-alt" }) {
			t.Errorf("of a picture without words axe finds: %v", found)
		}
	}
}
