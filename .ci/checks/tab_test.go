package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// soon limits every wait except the wait for the end of a job. It only ends a test that hangs: it
// is long because several tabs share one browser on two processors.
const soon = 2 * time.Minute

// do runs the steps in the tab.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	// The first use of a context ties the tab to this context, so the context has no timeout.
	if err := chromedp.Do(b.ctx); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.ctx, soon)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// get evaluates a JavaScript expression in the page.
func get[T any](b *tab, expression string) T {
	b.Helper()
	value, err := try[T](b, expression)
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return value
}

func try[T any](b *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, soon)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// js returns a call of a JavaScript function with arguments.
func js(function string, arguments ...any) string {
	written := make([]string, len(arguments))
	for i, a := range arguments {
		text, err := json.Marshal(a)
		if err != nil {
			panic(err)
		}
		written[i] = string(text)
	}
	return fmt.Sprintf("(%s)(%s)", function, strings.Join(written, ", "))
}

// wait polls a condition in the page until the condition is true. The test process polls, so that
// wait works without JavaScript and when another page is loaded. The interval grows, because
// frequent polls of eight tabs would occupy the browser.
func (b *tab) wait(condition string, atMost time.Duration) {
	b.Helper()
	pause := 20 * time.Millisecond
	for end := time.Now().Add(atMost); ; {
		holds, err := try[bool](b, condition)
		switch {
		case holds && err == nil:
			return
		case time.Now().After(end):
			where, _ := try[string](b, "[location.pathname, document.title, document.activeElement.outerHTML.slice(0, 200)].join(', ')")
			b.Fatalf("still not so after %v: %s (error %v)\nwhere: %s", atMost, condition, err, where)
		}
		time.Sleep(pause)
		pause = min(pause*3/2, 300*time.Millisecond)
	}
}

// turned runs an action that leads to another page, and waits for this page.
func (b *tab) turned(act func()) {
	b.Helper()
	before := get[float64](b, "performance.timeOrigin")
	act()
	b.wait(js("before => performance.timeOrigin !== before && document.readyState === 'complete'", before), soon)
}

// open opens a page of the portal.
func (b *tab) open(path string) {
	b.Helper()
	b.do(chromedp.Navigate(b.portal.url + path))
}

// reload loads the page again.
func (b *tab) reload() {
	b.Helper()
	b.do(chromedp.Reload())
}

// path returns the path of the page.
func (b *tab) path() string {
	b.Helper()
	return get[string](b, "location.pathname")
}

// cookie sets a cookie of the portal.
func (b *tab) cookie(name, value string) {
	b.Helper()
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: b.portal.url})
		return err
	}))
}

// middle is a JavaScript function. It returns the centre of an element, and whether a click there
// hits the element.
const middle = `selector => {
	const element = document.querySelector(selector);
	if (!element) return {};
	element.scrollIntoView({block: "center"});
	const box = element.getClientRects()[0];
	if (!box) return {};
	const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
	return {found: true, x, y, met: element.contains(document.elementFromPoint(x, y))};
}`

// click clicks once on the first element that matches the selector.
func (b *tab) click(selector string) {
	b.Helper()
	b.clickTimes(selector, 1)
}

// clickTimes clicks several times at the same place and does not wait for the effects between the
// clicks.
func (b *tab) clickTimes(selector string, times int) {
	b.Helper()
	at := get[struct {
		Found, Met bool
		X, Y       float64
	}](b, js(middle, selector))
	if !at.Found || !at.Met {
		b.Fatalf("%s: %s cannot be clicked (on the page and visible: %v, not covered: %v)", b.path(), selector, at.Found, at.Met)
	}
	for range times {
		b.do(chromedp.MouseClickXY(at.X, at.Y))
	}
}

// follow clicks on an element that leads to another page, and waits for this page.
func (b *tab) follow(selector string) {
	b.Helper()
	b.turned(func() { b.click(selector) })
}

// focused waits until the element that matches the selector has the focus.
func (b *tab) focused(selector string) {
	b.Helper()
	b.wait(js("selector => document.activeElement.matches(selector)", selector), soon)
}

// shows reports whether the element is visible.
func (b *tab) shows(selector string) bool {
	b.Helper()
	return get[bool](b, js("selector => document.querySelector(selector)?.checkVisibility() ?? false", selector))
}

// text returns the visible text of an element.
func (b *tab) text(selector string) string {
	b.Helper()
	return get[string](b, js("selector => document.querySelector(selector)?.innerText ?? ''", selector))
}

// value returns the value of the control called name. For a radio group it returns the selected
// option, and "" if there is none.
func (b *tab) value(name string) string {
	b.Helper()
	return get[string](b, js(`name => {
		const all = [...document.getElementsByName(name)];
		const one = all.find(e => e.checked) ?? all.find(e => e.type !== "radio");
		return one?.type === "checkbox" ? String(one.checked) : one?.value ?? "";
	}`, name))
}

// focusOn returns an action that moves the focus without a click.
func focusOn(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](js("selector => document.querySelector(selector).focus()", selector))
}
