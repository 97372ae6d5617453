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

// pressEnter presses Enter as a keyboard does. chromedp's own key press counts twice: after a link
// that moves the focus to a text field, the second press would submit the form.
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

// tabTo presses Tab until an element that matches the selector has the focus.
func (b *tab) tabTo(selector string) {
	b.Helper()
	const most = 60 // more than the number of controls of any form
	for range most {
		if get[bool](b, js("selector => document.activeElement.matches(selector)", selector)) {
			return
		}
		b.press(kb.Tab)
	}
	b.Fatalf("%s: Tab does not lead to %s", b.path(), selector)
}

// An answer is one action in a form. It either gives a value to the control called name, or presses
// Enter on the element that the selector press matches.
type answer struct {
	name, value string
	press       string
	leads       string // selector of the element with the focus after the press; empty if the page stays
}

// fill gives all answers to a form in order, with the keyboard only.
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

// enter presses Enter on the focused button. If leads is not empty, enter waits until the element
// that leads matches has the focus.
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

// give enters the value in the control called name, with the keys that its kind of control needs.
func (b *tab) give(name, value string) {
	b.Helper()
	b.tabTo(fmt.Sprintf("[name=%q]", name))
	switch kind := get[string](b, "document.activeElement.type"); kind {
	case "text", "textarea":
		b.do(chromedp.KeyEvent(value)) // Tab selected the old text, so the keys replace it; a line break is the Enter key
	case "checkbox":
		if b.value(name) != value {
			b.press(" ")
		}
	case "radio", "select-one":
		if kind == "select-one" {
			b.press(kb.Home) // a radio group wraps around at its end, a list does not
		}
		const most = 40 // more than the number of options of any list
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
