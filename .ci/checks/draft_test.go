package checks

import (
	"strings"
	"testing"
)

// typed is what a person types in the tests of drafts. Each value differs from the form's default.
var typed = []answer{
	{name: "Region", value: "cn-shanghai"},
	{name: "InstanceId", value: "i-uf6demoweb03"},
	{name: "Retention", value: "77"},
}

// TestTypedValuesStay proves that typed values are not lost after Back, Reload, a change of the
// language, or in a second tab. It tests the form, the form with mistakes, the check page and
// the page of the backup. TestTypedValuesOutlastSessionAndInstance tests the end of the session and another
// server process with the same database.
func TestTypedValuesStay(t *testing.T) {
	t.Parallel()
	ways := map[string]func(b *tab){
		"back": func(b *tab) {
			b.follow(`header a[href="/backups"]`)
			b.back()
		},
		"reload": func(b *tab) { b.reload() },
		"language": func(b *tab) {
			for _, l := range []string{"zh-CN", "en"} {
				b.follow(`header button:is([value="lang:` + l + `"], [value="` + l + `"])`)
			}
		},
		"second tab": func(b *tab) { b.open(get[string](b, "location.pathname + location.search")) },
	}
	for name, way := range ways {
		for _, plain := range []bool{false, true} {
			t.Run(name+scripted(plain), func(t *testing.T) {
				t.Parallel()
				b := newTab(t)
				if plain {
					b.withoutScript()
				}
				label := unique("draft")
				b.open("/backups/new/UDM_ECS")
				b.fill(append([]answer{{name: "JobName", value: label}}, typed...))
				if plain && name != "language" {
					ways["language"](b) // without script a button stores what was typed
				} else if !plain {
					b.wait(js(`texts => fetch(location.href).then(answer => answer.text()).then(page => texts.every(text => page.includes(text)))`,
						[]string{label, `value="77"`, `value="i-uf6demoweb03"`}), soon)
				}
				way(b)
				b.holds("form", label, "77")

				b.fill([]answer{{name: "Retention", value: "7700000"}})
				b.follow(".actions .filled")
				if !b.shows(".summary") || !strings.HasPrefix(b.path(), "/drafts/") {
					b.Fatalf("a wrong value leads to %s:\n%s", b.path(), b.text("main"))
				}
				wrong := b.path()
				way(b)
				b.holds("error", label, "7700000")

				b.fill([]answer{{name: "Retention", value: "77"}})
				b.follow(".actions .filled")
				b.says("check", label, "77 days")
				way(b)
				b.says("check", label, "77 days")
				check := b.path()

				// Back from the check page: the form with what was typed there.
				b.open(wrong)
				b.holds("back from the check page", label, "77")

				b.open(check)
				b.follow("button[data-once]")
				b.says("result", label, "77 days")
				way(b)
				b.says("result", label, "77 days")
				b.oneJob(label)
			})
		}
	}
}

// TestBackFromCheckPage proves that Back from the check page shows the form with the typed
// values and not with its defaults. Once, a typed retention of 77 days became 30 days.
func TestBackFromCheckPage(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(scripted(plain), func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			if plain {
				b.withoutScript()
			}
			label := unique("back")
			b.open("/backups/new/UDM_ECS")
			b.fill(append([]answer{{name: "JobName", value: label}}, typed...))
			b.follow(".actions .filled")
			b.says("check", label, "77 days")
			b.back()
			if !strings.HasPrefix(b.path(), "/backups/new/") {
				b.Errorf("Back leads to %s", b.path())
			}
			b.holds("Back", label, "77")

			get[bool](b, "history.forward() ?? true")
			b.wait(`document.querySelector("button[data-once]") !== null`, soon)
			b.follow(`a[href$="#keeping"]`)
			b.holds("Change", label, "77")
			b.follow(".actions .filled")
			b.says("check", label, "77 days")
		})
	}
}

// holds checks that the controls of the form have these values.
func (b *tab) holds(where, label, retention string) {
	b.Helper()
	for name, want := range map[string]string{
		"JobName": label, "Retention": retention, "Region": "cn-shanghai", "InstanceId": "i-uf6demoweb03",
	} {
		if got := b.value(name); got != want {
			b.Errorf("%s, at %s: %s holds %q, want %q", where, b.path(), name, got, want)
		}
	}
}

// says checks that the text of the page contains what was typed.
func (b *tab) says(where string, texts ...string) {
	b.Helper()
	b.unfold()
	main := b.text("main")
	for _, text := range append(texts, "i-uf6demoweb03") {
		if !strings.Contains(main, text) {
			b.Errorf("%s, at %s: no %q in\n%s", where, b.path(), text, main)
		}
	}
}
