package checks

import "testing"

// remember stores elements of the page. kept reports for each selector whether its element is still
// the stored element. After the page was loaded again, no element is the same.
const (
	remember = `selectors => { window.seen = selectors.map(s => document.querySelector(s)); return null }`
	kept     = `selectors => selectors.map((s, i) => window.seen?.[i] === document.querySelector(s))`
)

// TestAddAndRemoveRows proves that adding or removing a row of a list keeps all typed values
// and moves the focus to the next input. With JavaScript only the rows are replaced; without
// it, the server sends the whole page again.
func TestAddAndRemoveRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ page, field, first, typed string }{
		{"/backups/new/ECS_FILE?choice.SpeedLimit=hours", "SpeedLimit", "start", "bandwidth"},
		{"/backups/new/CONTAINER", "ContainerResources", "namespace", "pvc_name"},
	} {
		for _, plain := range []bool{false, true} {
			t.Run(c.field+scripted(plain), func(t *testing.T) {
				t.Parallel()
				b := newTab(t)
				if plain {
					b.withoutScript()
				}
				b.open(c.page)
				b.fill([]answer{{name: "VaultId", value: "v-typed"}})
				if n := b.rows(c.field); n != 1 || b.shows(`[value^="remove:"]`) {
					t.Fatalf("the form begins with %d rows", n)
				}
				row := func(n, control string) string { return c.field + "." + n + "." + control }
				b.changeRows("add:"+c.field, c.field, row("1", c.first), 2)
				b.changeRows("add:"+c.field, c.field, row("2", c.first), 3)
				b.fill([]answer{{name: row("2", c.typed), value: "77"}})
				b.changeRows("remove:"+c.field+":1", c.field, row("1", c.first), 2)
				if got := b.value(row("1", c.typed)); got != "77" {
					t.Errorf("the row that moved up holds %q", got)
				}
				b.changeRows("remove:"+c.field+":0", c.field, row("0", c.first), 1)
				if got := b.value("VaultId") + ", " + b.value(row("0", c.typed)); got != "v-typed, 77" {
					t.Errorf("of what was typed is left: %q", got)
				}
			})
		}
	}
}

// rows returns the number of rows of the field on the page.
func (b *tab) rows(field string) int {
	b.Helper()
	return get[int](b, js("id => document.querySelectorAll(id + ' .row').length", "#rows-"+field))
}

// changeRows presses the button with the value op, which adds or removes a row of field. It
// checks that left rows remain, that the control focus has the focus, and, with a script, that
// only the rows are replaced.
func (b *tab) changeRows(op, field, focus string, left int) {
	b.Helper()
	watched := []string{"#req", `[name="VaultId"]`, "#rows-" + field}
	get[any](b, js(remember, watched))
	press := func() { b.click(`[value="` + op + `"]`) }
	if b.plain {
		b.turned(press)
	} else {
		press()
	}
	b.wait(js("(id, n) => document.querySelectorAll(id + ' .row').length === n", "#rows-"+field, left), soon)
	b.focused(`[name="` + focus + `"]`)
	if got := get[[]bool](b, js(kept, watched)); !b.plain && (!got[0] || !got[1] || got[2]) {
		b.Errorf("%s keeps the form, another control and the rows: %v; want true, true, false", op, got)
	}
}
