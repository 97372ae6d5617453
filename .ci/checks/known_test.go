package checks

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestFormShowsWhatIsKnown proves that the form shows beside it what is known about the machine, without a click
// if the machine was chosen before, and again when another one is chosen. The first view needs no more than five
// requests, and a failure of the panel changes nothing else.
func TestFormShowsWhatIsKnown(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open("/backups/new/UDM_ECS?Account=demo&Region=cn-hangzhou&InstanceId=i-bp1demoweb01")
	b.wait(`document.querySelector("#known").checkVisibility()`, soon)
	if got := b.text("#known"); !strings.Contains(got, "web01 exists and is running") || !strings.Contains(got, "backup") {
		b.Errorf("web01: %q", got)
	}
	if got := get[string](b, `document.querySelector("#known-said").textContent`); !strings.HasPrefix(got, "Checked: ") {
		b.Errorf("a screen reader says %q", got)
	}
	const early = `performance.getEntriesByType("resource").filter(e => e.startTime < performance.getEntriesByType("navigation")[0].loadEventStart).length`
	if n := get[int](b, early); n > 4 {
		b.Errorf("the first view needs the page and %d requests", n)
	}

	b.open("/backups/new/UDM_ECS?Account=demo&Region=cn-hangzhou")
	if b.shows("#known") {
		b.Errorf("without a machine: %q", b.text("#known"))
	}
	b.tabTo("#f-InstanceId")
	b.do(chromedp.SendKeys(chromedp.CSS("#f-InstanceId"), "i-bp1demodb01"))
	b.tabTo("#f-Retention")
	b.wait(`document.querySelector("#known").innerText.includes("db01 exists")`, soon)
	if focus := get[string](b, "document.activeElement.id"); focus != "f-Retention" {
		b.Errorf("the panel moved the focus to %q", focus)
	}
	b.do(focusOn("#f-InstanceId"))
	b.do(chromedp.SendKeys(chromedp.CSS("#f-InstanceId"), "-gone"))
	b.tabTo("#f-Retention")
	b.wait(`document.querySelector("#known").innerText.includes("does not exist")`, soon)
}

// TestUsualDaysFillInTheField proves that a button with a usual number of days fills in the field, its date and the
// retention of the copy without another page, and that without a script it draws the form again.
func TestUsualDaysFillInTheField(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open("/backups/new/UDM_ECS?Retention=30&Detail.doCopy=true&Detail.destinationRetention=30")
	before := get[float64](b, "performance.timeOrigin")
	date := b.text("[data-kept=f-Retention]")
	b.click(`button[value="set:Retention:90"]`)
	b.wait(`document.querySelector("#f-Retention").value === "90"`, soon)
	if got := b.text("[data-kept=f-Retention]"); got == date || !strings.HasPrefix(got, "Kept until about") {
		b.Errorf("the date is %q", got)
	}
	if got := b.value("Detail.destinationRetention"); got != "90" {
		b.Errorf("the copy is kept for %q days", got)
	}
	if get[float64](b, "performance.timeOrigin") != before {
		b.Error("the page was loaded again")
	}
	plain := newTab(t).withoutScript()
	plain.open("/backups/new/UDM_ECS?Retention=30&JobName=stays")
	plain.follow(`button[value="set:Retention:365"]`)
	if got := plain.value("Retention") + " " + plain.value("JobName"); got != "365 stays" {
		plain.Errorf("without a script: %q", got)
	}
}
