package checks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// bothManners runs a test with and without JavaScript, each with a portal of its own.
func bothManners(t *testing.T, run func(t *testing.T, b *tab)) {
	for _, script := range []bool{true, false} {
		t.Run(fmt.Sprintf("script %v", script), func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			if !script {
				b = b.withoutScript()
			}
			b.portal = ownPortal(t)
			run(t, b)
		})
	}
}

// batchState waits until the page of the batch shows a state: the script asks for news, and without it the page is
// loaded again.
func (b *tab) batchState(state string) {
	b.Helper()
	for end := time.Now().Add(atLast); b.plain; {
		if get[string](b, "document.querySelector('#live').dataset.state") == state {
			return
		}
		if time.Now().After(end) {
			b.Fatalf("not %s after %v:\n%s", state, atLast, b.text("main"))
		}
		time.Sleep(time.Second) // more requests would only load pages
		b.reload()
	}
	b.wait(js("state => document.querySelector('#live').dataset.state === state", state), atLast)
}

// startedJobs returns the instances for which the cloud received a call of CreateBackupJob, in order.
func (b *tab) startedJobs(t *testing.T) (all []string) {
	t.Helper()
	for _, c := range b.portal.calls(t, func(c call) bool { return c.Action == "CreateBackupJob" }) {
		all = append(all, c.Parameters["InstanceId"])
	}
	return all
}

// expectJobs fails the test unless the cloud received exactly one call for each of the instances, in this order.
func (b *tab) expectJobs(t *testing.T, want ...string) {
	t.Helper()
	if got := b.startedJobs(t); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("the cloud received calls for %v, want %v\n%s", got, want, b.text("main"))
	}
}

// set changes the value of a text box, as typing does.
func (b *tab) set(name, value string) {
	b.Helper()
	b.do(focusOn(fmt.Sprintf("[name=%q]", name)))
	get[string](b, js("(name, value) => { const box = document.querySelector(`[name=\"${name}\"]`); return box.value = value }", name, value))
}

// chooseList opens the form for a list of targets, with backups of two seconds.
func (b *tab) chooseList(list string) {
	b.Helper()
	b.open("/batches/new")
	b.set("Targets", list)
	b.follow("[aria-labelledby=by-list] button")
	if b.shows("[name=Region]") {
		b.set("Region", "cn-hangzhou")
	}
	b.set("JobName", "emulator.2s")
}

// TestBatchOfTickedMachines proves that a batch backs up its first machines and then waits for a person. After the
// person resumes it, each machine is backed up exactly once.
func TestBatchOfTickedMachines(t *testing.T) {
	bothManners(t, func(t *testing.T, b *tab) {
		b.open("/?Search=web0")
		if b.shows(".selbar") {
			t.Error("the bar is shown before a box is ticked")
		}
		b.click(`[value$="i-bp1demoweb01"]`)
		b.click(`[value$="i-bp1demoweb02"]`)
		if want := "Back up 2 machines"; !b.plain && b.text(".selbar button") != want {
			t.Errorf("the button says “%s”, want “%s”", b.text(".selbar button"), want)
		}
		b.follow(".selbar button")
		if b.text("h1") != "Back up 2 machines" || !strings.Contains(b.text("#req .seg"), "Whole instance") {
			t.Fatalf("the boxes lead to\n%s", b.text("main"))
		}
		b.set("JobName", "emulator.2s")
		b.follow(".actions .filled")
		const want = "will be backed up 2 refused 0 running already 0"
		if got := b.text(".counts"); !strings.Contains(strings.Join(strings.Fields(got), " "), want) {
			t.Fatalf("the numbers are %q", got)
		}
		b.set("FirstBatch", "3")
		b.follow("#req .start button")
		if b.text(".summary") == "" || b.value("FirstBatch") != "3" {
			t.Fatalf("a first batch above the number of machines leads to\n%s", b.text("main"))
		}
		b.set("FirstBatch", "1")
		b.set("Concurrency", "1")
		b.expectJobs(t)
		b.follow("#req .start button")
		page := b.path()
		if !strings.HasPrefix(page, "/batches/") {
			t.Fatalf("Start leads to %s\n%s", page, b.text("main"))
		}
		b.batchState("PAUSED")
		if text := b.text("#live"); !strings.Contains(text, "The first ones have ended") || !strings.Contains(text, "1 of 2") {
			t.Errorf("after the first ones the page says\n%s", text)
		}
		first := b.startedJobs(t)
		if len(first) != 1 {
			t.Fatalf("the first batch made %v", first)
		}
		b.follow("#resume")
		b.batchState("ENDED")
		if text := b.text("#live"); !strings.Contains(text, "2 of 2") || !strings.Contains(text, "Complete") {
			t.Errorf("at the end the page says\n%s", text)
		}
		if all := b.startedJobs(t); len(all) != 2 || all[0] == all[1] {
			t.Errorf("the batch made %v", all)
		}
		b.open("/batches")
		if text := b.text("main"); !strings.Contains(text, "2 machines") || !strings.Contains(text, "2 of 2") {
			t.Errorf("the list says\n%s", text)
		}
	})
}

// TestBatchStopsAtErrors proves that a batch pauses after too many failures, and that a person can pause, resume
// and cancel a batch. Then the person can retry the failed machines together with those that were not started.
func TestBatchStopsAtErrors(t *testing.T) {
	bothManners(t, func(t *testing.T, b *tab) {
		b.chooseList("InstanceId,JobName\ni-bp1demofail01,emulator.2s.FAILED\ni-bp1demoweb01,emulator.10s\n" +
			"i-bp1demoweb02,\ni-bp1demodb01,\ni-bp1demoslow01,\n")
		b.follow(".actions .filled")
		b.set("Concurrency", "1")
		b.set("MaxErrors", "0")
		b.follow("#req .start button")
		b.batchState("PAUSED")
		if text := b.text("#live"); !strings.Contains(text, "Too many backups failed") || !strings.Contains(text, "1 failed") {
			t.Errorf("after a failure the page says\n%s", text)
		}
		b.expectJobs(t, "i-bp1demofail01")
		b.follow("#resume")
		for range 100 { // until the second one is started
			if len(b.startedJobs(t)) == 2 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		b.follow("#pause")
		b.batchState("PAUSED")
		if text := b.text("#live"); !strings.Contains(text, "Paused by demo") {
			t.Errorf("after Pause the page says\n%s", text)
		}
		for end := time.Now().Add(atLast); !strings.Contains(b.text("#live"), "2 of 5"); {
			if time.Now().After(end) {
				t.Fatalf("the machine under way does not end:\n%s", b.text("main"))
			}
			time.Sleep(500 * time.Millisecond)
			b.reload()
		}
		b.expectJobs(t, "i-bp1demofail01", "i-bp1demoweb01")
		b.follow("#cancel")
		b.follow("button.danger")
		b.batchState("CANCELLED")
		if text := strings.Join(strings.Fields(b.text(".counts")), " "); !strings.Contains(text, "not started 3") {
			t.Errorf("after Cancel the numbers are %q", text)
		}
		b.follow("#retry")
		if b.text("h1") != "Back up the failed machines again" || b.text("#targets") != "4 machines found" {
			t.Fatalf("Try these again leads to\n%s", b.text("main"))
		}
		b.expectJobs(t, "i-bp1demofail01", "i-bp1demoweb01")
	})
}

// TestUnreadableTargetStartsNothing proves that a list with one invalid line starts nothing: the page names the
// line and keeps the pasted text.
func TestUnreadableTargetStartsNothing(t *testing.T) {
	bothManners(t, func(t *testing.T, b *tab) {
		const list = "i-bp1demoweb01\n\nweb02\ni-bp1demodb01"
		b.open("/batches/new")
		b.set("Targets", list)
		b.follow("[aria-labelledby=by-list] button")
		if text := b.text(".summary"); !strings.Contains(text, "Line 3, column 1: “web02” is not an instance ID") {
			t.Errorf("the error summary says\n%s", text)
		}
		if got := b.value("Targets"); got != list {
			t.Errorf("the list is %q", got)
		}
		b.expectJobs(t)
	})
}

// TestBatchByTagAndPlan proves that the page of the targets lists the machines with a tag, or the instances of a
// Terraform plan with their addresses, and that choosing targets starts nothing.
func TestBatchByTagAndPlan(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.portal = ownPortal(t)
	b.open("/?Tag=team%3Dweb")
	b.follow(`.kindlinks [href^="/batches/new"]`)
	b.follow("[aria-labelledby=by-tag] button")
	if b.text("h1") != "Back up the machines with tag team=web" {
		t.Fatalf("the tag leads to\n%s", b.text("main"))
	}
	b.unfold()
	list := b.text(".plainlist")
	if !strings.Contains(list, "i-bp1demoweb01") || strings.Contains(list, "i-bp1demodb01") {
		t.Errorf("the list is\n%s", list)
	}
	b.open("/batches/new")
	b.upload("#plan-file", `{"format_version":"1.2","planned_values":{},"resource_changes":[
		{"address":"module.m.alicloud_instance.a","mode":"managed","type":"alicloud_instance",
		 "change":{"actions":["delete"],"before":{"id":"i-bp1demodb01","availability_zone":"cn-hangzhou-i"}}}]}`)
	b.follow("[aria-labelledby=by-plan] button")
	b.unfold()
	list = b.text(".plainlist")
	if !strings.Contains(list, "i-bp1demodb01") || !strings.Contains(list, "module.m.alicloud_instance.a") {
		t.Errorf("the list of the plan is\n%s", list)
	}
	b.expectJobs(t)
}

// upload chooses a file with the given content.
func (b *tab) upload(selector, content string) {
	b.Helper()
	file := filepath.Join(b.TempDir(), "plan.json")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		b.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS(selector), []string{file}))
}

// showBatchPage returns a function that opens the start page of a batch, some of whose items fail. The
// function waits until the attribute data-state of the page is state. Then it opens the address of the
// batch followed by page, such as a query; with an empty page it stays.
func showBatchPage(page, state string) func(*tab) {
	return func(b *tab) {
		b.Helper()
		address, err := endedBatch()
		if err != nil {
			b.Fatal(err)
		}
		b.open(address)
		b.wait(js("state => document.querySelector('#live').dataset.state === state", state), atLast)
		if page != "" {
			b.open(address + page)
		}
	}
}

// endedBatch makes one batch for all views of ended batches.
var endedBatch = sync.OnceValues(func() (string, error) {
	return busy.submitBatch(`{"Account":"demo","Region":"cn-hangzhou","Retention":15,"JobName":"emulator.2s",
		"Targets":["i-bp1demoweb01","i-bp1demoweb02",{"InstanceId":"i-bp1demofail01","JobName":"emulator.1s.FAILED"},
		{"InstanceId":"i-bp1demodb01","Retention":3000}]}`)
})

// showRunningBatch opens the page of a batch with two backups under way, and waits for its first failure.
func showRunningBatch(b *tab) {
	b.Helper()
	address, err := busy.submitBatch(`{"Account":"demo","Region":"cn-hangzhou","Retention":15,"JobName":"emulator.1h","Concurrency":2,
		"Targets":[{"InstanceId":"i-bp1demofail01","JobName":"emulator.1s.FAILED"},"i-bp1demoweb01","i-bp1demoweb02","i-bp1demodb01"]}`)
	if err != nil {
		b.Fatal(err)
	}
	b.open(address)
	b.wait(`document.querySelector("#failed") !== null`, atLast)
}

// showPausedBatch opens the page of a batch that a person has paused.
func showPausedBatch(b *tab) {
	b.Helper()
	showRunningBatch(b)
	b.follow("#pause")
}

// showBatchCancel starts a batch and opens the page on which a person confirms its cancellation. It does not
// confirm.
func showBatchCancel(b *tab) {
	b.Helper()
	showRunningBatch(b)
	b.follow("#cancel")
}

// showBatchForm opens the form for a pasted list, and showBatchCheck the check page after it. No test
// backs up the third instance for long, so at least that one can be started.
func showBatchForm(b *tab) {
	b.Helper()
	b.chooseList("i-bp1demoweb01\ni-bp1demodb01\ni-bp1demowin01\ni-bp1nosuchone\n")
	b.unfold()
}

func showBatchCheck(b *tab) {
	b.Helper()
	showBatchForm(b)
	b.follow(".actions .filled")
	b.unfold()
}

// showBatchRefused opens the check page of a batch of which nothing can start.
func showBatchRefused(b *tab) {
	b.Helper()
	b.chooseList("i-bp1nosuchone\n")
	b.follow(".actions .filled")
}

// showBatchOptionsWrong opens the check page with mistakes in the options.
func showBatchOptionsWrong(b *tab) {
	b.Helper()
	showBatchCheck(b)
	b.set("Concurrency", "many")
	b.set("MaxErrors", "half")
	b.follow("#req .start button")
	b.unfold()
}

// showTargetsWrong opens the page for the targets with a list that cannot be read.
func showTargetsWrong(b *tab) {
	b.Helper()
	b.open("/batches/new")
	b.set("Targets", "InstanceId,Retention\nweb01,3\ni-bp1demoweb01,soon\n")
	b.follow("[aria-labelledby=by-list] button")
}

// showTicks opens the start page with two boxes ticked.
func showTicks(b *tab) {
	b.Helper()
	b.open("/")
	b.click(`[value$="i-bp1demoweb02"]`)
	b.click(`[value$="i-bp1demofail01"]`)
}
