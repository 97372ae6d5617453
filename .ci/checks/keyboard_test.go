package checks

import (
	"context"
	"fmt"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// press presses a key.
func (b *tab) press(key string) {
	b.Helper()
	b.do(chromedp.KeyEvent(key))
}

// pressEnter presses Enter as a keyboard does. chromedp's own key press counts twice: a link that
// moves the focus to a text field would then also submit the form.
func (b *tab) pressEnter() {
	b.Helper()
	for _, kind := range []input.DispatchKeyEventType{
		input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeChar, input.DispatchKeyEventTypeKeyUp,
	} {
		b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{
				Type: kind, Key: "Enter", Code: "Enter", Text: "\r", WindowsVirtualKeyCode: 13, NativeVirtualKeyCode: 13,
			})
			return err
		}))
	}
}

// tabTo presses Tab until an element that matches has the focus.
func (b *tab) tabTo(selector string) {
	b.Helper()
	const most = 60 // more than the controls of any form
	for range most {
		if get[bool](b, js("selector => document.activeElement.matches(selector)", selector)) {
			return
		}
		b.press(kb.Tab)
	}
	b.Fatalf("%s: Tab does not lead to %s", b.path(), selector)
}

// An answer is what is done with one control of a form: a value for the one of
// that name, or a press of the element of that selector.
type answer struct {
	name, value string
	press       string
	leads       string // a selector: where the focus is after the press, if the server has to draw that
}

// fill goes through a form from top to bottom, with the keyboard alone.
func (b *tab) fill(answers []answer) {
	b.Helper()
	for _, a := range answers {
		if a.press != "" {
			b.tabTo(a.press)
			b.enter(a.leads)
			continue
		}
		b.give(a.name, a.value)
		if got := b.value(a.name); got != a.value {
			b.Fatalf("%s holds %q after %q was given with the keyboard", a.name, got, a.value)
		}
	}
}

// enter presses Enter on a button, and waits until the focus is where it leads.
func (b *tab) enter(leads string) {
	b.Helper()
	if leads != "" && b.plain {
		b.turned(b.pressEnter)
	} else {
		b.pressEnter()
	}
	if leads != "" {
		b.focused(leads)
	}
}

// give answers one question as its kind of control wants it.
func (b *tab) give(name, value string) {
	b.Helper()
	b.tabTo(fmt.Sprintf("[name=%q]", name))
	switch kind := get[string](b, "document.activeElement.type"); kind {
	case "text", "textarea":
		b.do(chromedp.KeyEvent(value)) // Tab selected the old text; a line break is the Enter key
	case "checkbox":
		if b.value(name) != value {
			b.press(" ")
		}
	case "radio", "select-one":
		if kind == "select-one" {
			b.press(kb.Home) // a radio group wraps around, a list does not
		}
		const most = 40 // more than the options of any list
		for range most {
			if b.value(name) == value {
				return
			}
			b.press(kb.ArrowDown)
		}
	default:
		b.Fatalf("%s is a control of kind %q", name, kind)
	}
}
