package checks

import (
	"strings"
	"testing"
)

// TestFormWithMistakesFocusesSummary proves that the form shows all mistakes at once, each next
// to its control, keeps the typed values, and moves the focus to the error summary.
func TestFormWithMistakesFocusesSummary(t *testing.T) {
	t.Parallel()
	wrong := []answer{{name: "Retention", value: "0"}, {name: "JobName", value: "two words"}}
	for kind, answers := range map[string][]answer{
		"UDM_ECS":   wrong,
		"ECS_FILE":  append([]answer{{name: "VaultId", value: "not-a-vault"}}, wrong...),
		"CONTAINER": append([]answer{{name: "VaultId", value: "not-a-vault"}}, wrong...),
	} {
		for _, plain := range []bool{false, true} {
			t.Run(kind+scripted(plain), func(t *testing.T) {
				t.Parallel()
				b := newTab(t)
				if plain {
					b.withoutScript()
				}
				b.open("/backups/new/" + kind)
				b.fill(answers)
				b.follow(".actions .filled")
				b.focused(".summary")
				b.mistakesLeadToControls()
				for _, a := range answers {
					if got := b.value(a.name); got != a.value {
						b.Errorf("%s holds %q, want %q as typed", a.name, got, a.value)
					}
				}
			})
		}
	}
}

func scripted(plain bool) string {
	if plain {
		return " without script"
	}
	return " with script"
}

// mistakesLeadToControls follows each link of the error summary with Enter and checks that the
// focus moves to the control with the mistake.
func (b *tab) mistakesLeadToControls() {
	b.Helper()
	if status := get[int](b, "performance.getEntriesByType('navigation')[0].responseStatus"); status != 422 {
		b.Errorf("status %d, want 422", status)
	}
	if title := get[string](b, "document.title"); !strings.HasPrefix(title, "Error: ") {
		b.Errorf("the title is %q", title)
	}
	links := get[[]string](b, "[...document.querySelectorAll('.summary a')].map(a => a.hash)")
	if entries := get[int](b, "document.querySelectorAll('.summary li').length"); len(links) < 3 || len(links) != entries {
		b.Errorf("the summary has %d entries, of which %d are links", entries, len(links))
	}
	for _, hash := range links {
		b.do(focusOn(".summary"))
		b.tabTo(`.summary a[href="` + hash + `"]`)
		b.pressEnter()
		b.focused(`:is(input, select, textarea, summary)` + hash)
		if !get[bool](b, "document.activeElement.closest('.card').querySelector('.error') !== null") {
			b.Errorf("nothing beside %s says what is wrong", hash)
		}
	}
}

// TestEnterInTextField proves that Enter in a text field continues to the next step. It must
// not press a language button, although these buttons come first on the page.
func TestEnterInTextField(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open("/backups/new/UDM_ECS?" + instanceScripts.Encode())
	b.tabTo(`[name="JobName"]`)
	b.turned(b.pressEnter)
	if got := b.text("h1"); got != "Check before you start the backup" {
		b.Errorf("Enter leads to “%s”", got)
	}
	if get[string](b, "document.documentElement.lang") != "en" {
		b.Error("Enter switched the language")
	}
}

// TestChangeLink proves that the link Change on the check page leads to the filled form, at the
// section with the value to change.
func TestChangeLink(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open("/backups/new/UDM_ECS?" + instanceScripts.Encode())
	b.follow(".actions .filled")
	b.follow(`main a[href*="keeping"]`)
	b.focused("#keeping")
	if b.value("Detail.diskIdList.0") != "true" || b.value("Detail.diskIdList.1") != "false" {
		b.Error("the boxes of the disks are not as they were given")
	}
	for name := range instanceScripts {
		if want := instanceScripts.Get(name); !strings.HasSuffix(name, "diskIdList") && b.value(name) != want {
			b.Errorf("%s holds %q, want %q", name, b.value(name), want)
		}
	}
}
