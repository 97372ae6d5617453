package checks

import (
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Several clicks on Start of one check page make one backup.
func TestASecondPressOfStartMakesNoSecondJob(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run("two quick clicks"+scripted(plain), func(t *testing.T) {
			t.Parallel()
			b, name := checkPage(t, plain)
			b.turned(func() { b.clickTimes("button[data-once]", 2) })
			b.wait(`document.querySelector("#live") !== null`, soon)
			b.oneJob(name)
		})
	}
	t.Run("back to the check page, and once more", func(t *testing.T) {
		t.Parallel()
		b, name := checkPage(t, false)
		b.follow("button[data-once]")
		first := b.path()
		b.back()
		b.follow("button[data-once]")
		if b.path() != first {
			b.Errorf("the second start leads to %s, the first to %s", b.path(), first)
		}
		b.oneJob(name)
	})
	t.Run("again when the first answer was lost", func(t *testing.T) {
		t.Parallel()
		b, name := checkPage(t, false)
		first := get[string](b, send)
		b.follow("button[data-once]")
		if b.path() != first {
			b.Errorf("the second press leads to %s, the first to %s", b.path(), first)
		}
		b.oneJob(name)
	})
}

// send does what the button does, and leaves the page as it was.
const send = `fetch("/backups", {method: "POST", body: new URLSearchParams(new FormData(document.querySelector("#req")))})
	.then(answer => new URL(answer.url).pathname)`

// checkPage is a tab with everything ready to start, and the backup's name.
func checkPage(t *testing.T, plain bool) (b *tab, name string) {
	t.Helper()
	b = newTab(t)
	if plain {
		b.withoutScript()
	}
	name = unique("once")
	values := url.Values{"Region": {"cn-shanghai"}, "InstanceId": {"i-uf6demoweb03"}, "Retention": {"1"}, "JobName": {name}}
	b.open("/backups/new/UDM_ECS?" + values.Encode())
	b.follow(".actions .filled")
	return b, name
}

// oneJob checks that the cloud has got one call. The page may be there before
// it: a second press leads to the page of the first, which may be under way.
func (b *tab) oneJob(name string) {
	b.Helper()
	end, tick := time.After(soon), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		switch calls := b.portal.created(b.T, name); len(calls) {
		case 1:
			return
		case 0:
		default:
			b.Errorf("the cloud got %d calls of CreateBackupJob, want 1", len(calls))
			return
		}
		select {
		case <-tick.C:
		case <-end:
			b.Error("the cloud got no call of CreateBackupJob")
			return
		}
	}
}

// back goes to the page before, and sends the form again that led there, as
// the browser asks to be told.
func (b *tab) back() {
	b.Helper()
	_ = chromedp.Do(b.ctx, chromedp.NavigateBack()) // net::ERR_CACHE_MISS: only sending again helps
	b.reload()
	b.wait(`document.querySelector("button[data-once]") !== null`, soon)
}
