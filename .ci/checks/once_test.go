package checks

import (
	"net/url"
	"testing"
	"time"
)

// TestSecondStartMakesNoSecondJob proves that several clicks on the button Start of one check
// page start only one backup.
func TestSecondStartMakesNoSecondJob(t *testing.T) {
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
	t.Run("back to the check page", func(t *testing.T) {
		t.Parallel()
		b, name := checkPage(t, false)
		b.follow("button[data-once]")
		first := b.path()
		b.back()
		if b.shows("button[data-once]") { // the browser kept the check page
			b.follow("button[data-once]")
		}
		if b.path() != first {
			b.Errorf("Back and Start lead to %s, want the page of the first backup, %s", b.path(), first)
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

// send is a JavaScript expression. It sends the same request as the button Start and does not leave
// the page.
const send = `fetch(document.querySelector("#req").getAttribute("action"), {method: "POST"})
	.then(answer => new URL(answer.url).pathname)`

// checkPage opens a check page that is ready to start a backup. It returns the tab and the name of
// the backup.
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

// oneJob waits until the cloud has received one call for the backup called name. It fails the test
// after a second call. The status page may appear before the call: a second press leads to the same
// status page while the first request may still be in progress.
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

// back goes back by one page, as the button Back of the browser does. The browser may have kept
// this page, and then does not load it again.
func (b *tab) back() {
	b.Helper()
	before := get[string](b, "location.href")
	get[bool](b, "history.back() ?? true")
	b.wait(js("before => location.href !== before && document.readyState === 'complete'", before), soon)
}
