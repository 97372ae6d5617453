package checks

import (
	"strings"

	"github.com/chromedp/chromedp"
)

// widths are the widths of two phones, a tablet and a desktop, in CSS pixels.
var widths = []int64{320, 360, 768, 1280}

// wide is a JavaScript function. It lists the elements that extend beyond the right edge of the
// page, innermost last.
const wide = `() => document.documentElement.scrollWidth <= innerWidth ? [] :
	[document.documentElement.scrollWidth + " px", ...[...document.querySelectorAll("body *")]
		.filter(e => e.getBoundingClientRect().left + Math.max(e.offsetWidth ?? 0, e.scrollWidth) > innerWidth)
		.map(e => e.tagName.toLowerCase() + (e.id && "#" + e.id) + [...e.classList].map(c => "." + c).join(""))]`

// fits checks that the page needs no horizontal scrolling at any of the widths (WCAG 1.4.10).
func (b *tab) fits(name string) {
	b.Helper()
	for _, width := range widths {
		b.resize(width)
		if over := get[[]string](b, js(wide)); len(over) > 0 {
			b.Errorf("%s at %d px is too wide: %s", name, width, strings.Join(over, ", "))
		}
	}
	b.resize(1280)
}

func (b *tab) resize(width int64) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, 900))
}
