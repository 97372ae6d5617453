package checks

import (
	"strings"
	"testing"
)

func TestLanguageSwitchKeepsTypedValues(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(strings.TrimSpace(scripted(plain)), func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			if plain {
				b.withoutScript()
			}
			b.open("/backups/new/ECS_FILE?" + files.Encode())
			b.fill([]answer{{name: "Exclude", value: "/srv/tmp"}, {name: "JobName", value: "half a na"}})
			b.follow(`header [value="lang:zh-CN"]`)
			if got := b.text("h1"); got != "备份 web01" || get[string](b, "document.documentElement.lang") != "zh-CN" {
				b.Errorf("the heading in the other language is “%s”", got)
			}
			for name := range files {
				if want := files.Get(name); b.value(name) != want {
					b.Errorf("%s holds %q, want %q", name, b.value(name), want)
				}
			}
			if got := b.value("Exclude") + ", " + b.value("JobName"); got != "/srv/tmp, half a na" {
				b.Errorf("of what was typed is left: %q", got)
			}
			b.open("/")
			if got := b.text("h1"); got != "您的实例" {
				b.Errorf("the next page speaks the first language again: “%s”", got)
			}
			b.follow(`header [name="to"][value="en"]`)
			if got := b.text("h1"); got != "Your machines" {
				b.Errorf("the way back leads to “%s”", got)
			}
		})
	}
}

// TestLanguageSwitchKeepsAddressOfCheckPage proves that a change of the language keeps the
// address of the check page, which is that of its draft.
func TestLanguageSwitchKeepsAddressOfCheckPage(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open("/backups/new/UDM_ECS?" + instanceScripts.Encode())
	b.follow(".actions .filled")
	path := b.path()
	b.follow(`header [name="to"][value="zh-CN"]`)
	if b.text("h1") != "开始备份前请核对" || b.path() != path {
		b.Errorf("“%s” at %s, want %s", b.text("h1"), b.path(), path)
	}
}

func TestThemeStaysAfterReload(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	const paper = "getComputedStyle(document.body).backgroundColor"
	b.open("/")
	light := get[string](b, paper)
	b.click("#theme")
	dark := get[string](b, paper)
	if dark == light || get[string](b, "document.querySelector('#theme').getAttribute('aria-pressed')") != "true" {
		b.Fatalf("the page stays %s", dark)
	}
	b.reload()
	if got := get[string](b, paper); got != dark {
		b.Errorf("after a reload the page is %s, want %s", got, dark)
	}
	// The server renders the theme, so that a dark page is never light before the script runs.
	b.withoutScript().open("/backups/new")
	if got := get[string](b, paper); got != dark {
		b.Errorf("without script the next page is %s, want %s", got, dark)
	}
}
