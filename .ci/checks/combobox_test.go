package checks

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestComboboxKeys proves that the text box with a list of instances (combobox) reacts to each
// key as the ARIA pattern "list autocomplete with manual selection" says. The focus stays in
// the text box.
func TestComboboxKeys(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	b := newTab(t)
	b.portal = busy
	const box = `document.querySelector("#f-InstanceId")`
	const list = `document.querySelectorAll("#f-InstanceId-list [role=option]")`

	// A state is what the combobox shows: whether its list is open, the number of the active
	// option from 1 (0 if none is active), and its text.
	type state struct {
		Open   bool
		Active int
		Text   string
	}
	look := func() state {
		t.Helper()
		return get[state](b, `(() => {
			const box = `+box+`, options = [...`+list+`];
			if (document.activeElement !== box) throw new Error("the focus is not in the combobox");
			if (box.getAttribute("role") !== "combobox") throw new Error("the text box is no combobox");
			const open = box.getAttribute("aria-expanded") === "true";
			if (open === document.querySelector("#f-InstanceId-list").hidden) {
				throw new Error("aria-expanded does not fit the list");
			}
			const active = box.getAttribute("aria-activedescendant");
			const marked = options.filter(o => o.getAttribute("aria-selected") === "true").map(o => o.id);
			if (active === "" || marked.join() !== (active ?? "")) throw new Error("the active option is not marked");
			return {Open: open, Active: active ? options.findIndex(o => o.id === active) + 1 : 0, Text: box.value};
		})()`)
	}
	want := func(key string, w state) {
		t.Helper()
		if got := look(); got != w {
			t.Errorf("%s: %+v, want %+v", key, got, w)
		}
	}
	alt := func(key string) {
		t.Helper()
		b.do(chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierAlt)))
	}
	count := func(n int) {
		t.Helper()
		b.wait(js("n => document.querySelectorAll('#f-InstanceId-list:not([hidden]) [role=option]').length === n", n), soon)
	}

	// Without a region there are no candidates, so the list stays closed.
	b.open("/backups/new/UDM_ECS?Account=demo")
	b.tabTo("#f-InstanceId")
	b.wait(`document.querySelector("#f-InstanceId-note").textContent === "Choose a region first"`, soon)
	want("focus without a region", state{})

	b.open("/backups/new/UDM_ECS?Account=demo&Region=cn-hangzhou")
	b.tabTo("#f-InstanceId")
	b.wait(box+`.getAttribute("role") === "combobox"`, soon)
	b.wait(box+`.getAttribute("aria-expanded") === "true"`, soon) // opens on focus
	b.do(chromedp.KeyEvent("web"))
	count(2)
	b.wait(`document.querySelector("#f-InstanceId-note").textContent === "Matches for “web”: 2"`, soon)
	want("characters", state{true, 0, "web"})
	for _, step := range []struct {
		name, key string
		alt       bool
		want      state
	}{
		{"Down", kb.ArrowDown, false, state{true, 1, "web"}},
		{"Down", kb.ArrowDown, false, state{true, 2, "web"}},
		{"Down from the last", kb.ArrowDown, false, state{true, 1, "web"}},
		{"Up from the first", kb.ArrowUp, false, state{true, 2, "web"}},
		{"Up", kb.ArrowUp, false, state{true, 1, "web"}},
		{"Left", kb.ArrowLeft, false, state{true, 0, "web"}},
		{"Up without an active option", kb.ArrowUp, false, state{true, 2, "web"}},
		{"Home", kb.Home, false, state{true, 0, "web"}},
		{"Down", kb.ArrowDown, false, state{true, 1, "web"}},
		{"End", kb.End, false, state{true, 0, "web"}},
		{"Down", kb.ArrowDown, false, state{true, 1, "web"}},
		{"Right", kb.ArrowRight, false, state{true, 0, "web"}},
		{"Escape", kb.Escape, false, state{false, 0, "web"}},
		{"Alt+Up while closed", kb.ArrowUp, true, state{false, 0, "web"}},
		{"Alt+Down", kb.ArrowDown, true, state{true, 0, "web"}},
		{"Alt+Up", kb.ArrowUp, true, state{false, 0, "web"}},
		{"Down while closed", kb.ArrowDown, false, state{true, 1, "web"}},
		{"Escape", kb.Escape, false, state{false, 0, "web"}},
		{"Up while closed", kb.ArrowUp, false, state{true, 2, "web"}},
	} {
		if step.alt {
			alt(step.key)
		} else {
			b.press(step.key)
		}
		want(step.name, step.want)
	}
	b.pressEnter()
	want("Enter takes the active option", state{false, 0, "i-bp1demoweb02"})
	b.press(kb.Escape)
	want("Escape while closed", state{})
	b.do(chromedp.KeyEvent("web0"))
	count(2)
	b.press(kb.Backspace)
	b.wait(`document.querySelector("#f-InstanceId-note").textContent === "Matches for “web”: 2"`, soon)
	want("Backspace", state{true, 0, "web"})
	b.press(kb.ArrowDown)
	b.press(kb.Tab)
	if get[bool](b, `document.activeElement === `+box+` || !document.querySelector("#f-InstanceId-list").hidden || `+box+`.value !== "web"`) {
		t.Error("Tab does not close the list, leave the box and take nothing")
	}

	// A click on an option keeps the focus in the text box and puts the id of the option there.
	b.open("/backups/new/UDM_ECS?Account=demo&Region=cn-hangzhou")
	b.tabTo("#f-InstanceId")
	b.wait(box+`.getAttribute("role") === "combobox"`, soon)
	b.do(chromedp.KeyEvent("db01"))
	count(1)
	b.click("#f-InstanceId-list [role=option]")
	want("a press", state{false, 0, "i-bp1demodb01"})

	// A complete name needs no option: Enter submits the form, and the server replaces the name
	// by the id.
	b.press(kb.Escape)
	b.do(chromedp.KeyEvent("web01"))
	count(1)
	b.turned(b.pressEnter)
	if got := b.text("main"); !strings.HasSuffix(b.path(), "/check") || !strings.Contains(got, "i-bp1demoweb01") {
		t.Errorf("the name leads to %s:\n%s", b.path(), got)
	}
}
