package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A step is one thing that a person does on a page, such as a click. It names an element by
// what the page shows: the text of a link or button, or the beginning of a label. Typing does
// not count as a step.
type step struct {
	press  string // a link or button
	choose string // a box, a radio button, or a list
	value  string // the option to select in the list
	within string // part of the text of the group that contains the control; empty: the whole page
	write  string // a text box
	text   string // what is typed into it
	paste  bool   // the text is pasted
}

// A task is one backup that a new user wants to make. No step needs the user to know an ID.
type task struct {
	name  string
	steps []step
	most  int               // pages or clicks beyond typing
	want  map[string]string // parameters that the cloud must receive; of an object: the members that it must have
}

const claims = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: uploads, namespace: shop}
  spec: {volumeName: disk-1b0e6a52, storageClassName: alicloud-disk-essd}
  status: {phase: Bound, capacity: {storage: 20Gi}}
`

// tasks are the five backups that a new user makes in this test. Each begins on the start page.
var tasks = []task{{
	name: "a whole server for 90 days",
	most: 4,
	steps: []step{
		{press: "Back up: web02"},
		{write: "Retention", text: "90"},
		{press: "Continue"},
		{press: "Start backup"},
	},
	want: map[string]string{"SourceType": "UDM_ECS", "InstanceId": "i-bp1demoweb02", "Retention": "90", "Detail": `{"doCopy":false}`},
}, {
	name: "only its data disk, kept 90 days, copied to Shanghai for 30",
	most: 6,
	steps: []step{
		{press: "Back up: web01"},
		{choose: "System disk"},
		{write: "Retention", text: "90"},
		{choose: "Also keep a copy in another region"},
		{choose: "Region of the copy", value: "China (Shanghai)"},
		{write: "Retention of the copy", text: "30"},
		{press: "Continue"},
		{press: "Start backup"},
	},
	want: map[string]string{
		"SourceType": "UDM_ECS", "InstanceId": "i-bp1demoweb01", "Retention": "90",
		"Detail": `{"diskIdList":["d-bp1demoweb01b"],"doCopy":true,"destinationRegionId":"cn-shanghai","destinationRetention":30}`,
	},
}, {
	name: "two folders without *.tmp, at night without limit and by day at most 2 MB/s",
	most: 8,
	steps: []step{
		{press: "Back up: db01"},
		{press: "Only files and folders"},
		{choose: "files"},
		{write: "Paths to back up", text: "/srv/www\n/etc"},
		{write: "Paths to exclude", text: "*.tmp"},
		{choose: "Limit during certain hours"},
		{choose: "From", value: "08:00", within: "Window 1"},
		{choose: "To", value: "20:00", within: "Window 1"},
		{write: "Speed limit", text: "2", within: "Window 1"},
		{press: "Continue"},
		{press: "Start backup"},
	},
	want: map[string]string{
		"SourceType": "ECS_FILE", "InstanceId": "i-bp1demodb01", "VaultId": "v-0001demovault01",
		"Include": `["/srv/www","/etc"]`, "Exclude": `["*.tmp"]`, "SpeedLimit": "8:20:2048",
	},
}, {
	name: "a volume from the output of kubectl",
	most: 6,
	steps: []step{
		{press: "Kubernetes clusters"},
		{press: "Back up: prod"},
		{choose: "containers"},
		{write: "Output of kubectl", text: claims, paste: true},
		{press: "Show the volumes"},
		{press: "Continue with the volumes ticked"},
		{press: "Start backup"},
	},
	want: map[string]string{
		"SourceType": "CONTAINER", "ContainerClusterId": "cc-0001democluster", "VaultId": "v-0001demovault02",
		"ContainerResources": `[{"resourceType":"PV","backupMethod":"FILE","resourceId":"1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31","resourceInfo":` +
			`"{\"pv_name\":\"disk-1b0e6a52\",\"pv_size\":\"20Gi\",\"storage_class\":\"alicloud-disk-essd\",\"pvc_name\":\"uploads\",\"namespace\":\"shop\"}","pvPath":"/"}]`,
	},
}, {
	name: "the failed backup of a server, run again",
	most: 3,
	steps: []step{
		{press: "Run again: fail01"},
		{press: "Continue"},
		{press: "Start backup"},
	},
	want: map[string]string{
		"SourceType": "UDM_ECS", "InstanceId": "i-bp1demofail01", "Retention": "15",
		"Detail": `{"snapshotGroup":true,"doCopy":false}`,
	},
}}

// A manner is a way to use the pages.
type manner struct {
	name     string
	keyboard bool
	plain    bool // without JavaScript
	width    int64
}

var manners = []manner{
	{name: "mouse", width: 1280},
	{name: "keyboard", keyboard: true, width: 1280},
	{name: "no script", plain: true, width: 1280},
	{name: "360 px", width: 360},
}

// TestTasksOfNewUsers proves that a new user can request each type of backup with few clicks
// and without an error message. Each way of using the pages has a portal of its own, because
// machines with a backup in progress look different.
func TestTasksOfNewUsers(t *testing.T) {
	needBrowser(t)
	for _, m := range manners {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			own := ownPortal(t)
			own.fail(t)
			b := newTab(t)
			b.portal = own
			if m.plain {
				b.withoutScript()
			}
			b.resize(m.width)
			for _, k := range tasks {
				k.run(b, m)
			}
		})
	}
}

// fail makes a backup of a server whose backup fails, and then five backups of other servers.
// So the failed backup is not among the latest ones that the start page lists.
func (p *portal) fail(t *testing.T) {
	t.Helper()
	page, err := p.submit(`{"SourceType":"UDM_ECS","Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demofail01","Retention":15,
		"JobName":"emulator.1s","Detail":{"snapshotGroup":true}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, instance := range []string{
		"i-bp1demowin01", "i-bp1demopartial01", "i-bp1demoslow01", "i-bp1demonorole01", "i-bp1demostopped01",
	} {
		if _, err := p.submit(request("demo", instance, "emulator.1s")); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(soon); ; time.Sleep(200 * time.Millisecond) {
		if p.job(t, page).Status == "FAILED" {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the backup does not fail")
		}
	}
}

// A submission is the answer of the JSON API about one submission.
type submission struct {
	Status, JobID string
}

// job returns the submission whose page has this path, as the JSON API describes it.
func (p *portal) job(t *testing.T, page string) (s submission) {
	t.Helper()
	res, err := http.Get(p.url + "/api/v1/backup-jobs/" + strings.TrimPrefix(page, "/backups/"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// run does the task, counts its steps, and compares what the cloud received.
func (k task) run(b *tab, m manner) {
	b.Helper()
	b.open("/")
	count := 0
	for _, s := range k.steps {
		where := fmt.Sprintf("%s, %s: %+v", k.name, m.name, s)
		switch {
		case s.press != "":
			count++
			b.aim(where, "press", s.press, s.within)
			b.turned(func() { b.use(m) })
			if get[int](b, "performance.getEntriesByType('navigation')[0].responseStatus") != http.StatusOK || b.shows(".summary") {
				b.Fatalf("%s leads to an error at %s:\n%s", where, b.path(), b.text("main"))
			}
		case s.choose != "":
			count++
			b.aim(where, "label", s.choose, s.within)
			if s.value == "" {
				b.use(m)
				continue
			}
			b.pick(m, s.value)
		default:
			b.aim(where, "label", s.write, s.within)
			b.write(m, s.text, s.paste)
		}
	}
	b.Logf("%s, %s: %d steps of at most %d", k.name, m.name, count, k.most)
	if count > k.most {
		b.Errorf("%s, %s: %d steps, more than %d", k.name, m.name, count, k.most)
	}
	job := b.portal.job(b.T, b.path()).JobID
	calls := b.portal.calls(b.T, func(c call) bool { return c.Action == "CreateBackupJob" && c.JobID == job })
	if len(calls) != 1 || !strings.HasPrefix(b.path(), "/backups/") {
		b.Fatalf("%s, %s: %d calls made the job %q of %s", k.name, m.name, len(calls), job, b.path())
	}
	for name, want := range k.want {
		if got := calls[0].Parameters[name]; !holdsAll(got, want) {
			b.Errorf("%s, %s: the cloud received %s=%s, want %s", k.name, m.name, name, got, want)
		}
	}
}

// holdsAll reports whether got is want, or both are JSON objects and got has all members of want.
func holdsAll(got, want string) bool {
	var all, some map[string]any
	if json.Unmarshal([]byte(got), &all) != nil || json.Unmarshal([]byte(want), &some) != nil {
		return got == want
	}
	for name, value := range some {
		if fmt.Sprint(all[name]) != fmt.Sprint(value) {
			return false
		}
	}
	return true
}

// aimAt is a JavaScript function. It marks the visible element that a person would name by a
// text: a link or button with this text, or the input whose label begins with it.
const aimAt = `(kind, text, within) => {
	for (const e of document.querySelectorAll("[data-aim]")) e.removeAttribute("data-aim");
	const tidy = e => e.textContent.replace(/\s+/g, " ").trim();
	const groups = [...document.querySelectorAll("fieldset")].filter(e => within && tidy(e).startsWith(within));
	const root = within ? groups.pop() : document.querySelector("main");
	const found = [...root?.querySelectorAll(kind === "press" ? "a, button" : "label") ?? []].filter(e => e.checkVisibility())
		.find(e => kind === "press" ? tidy(e) === text : tidy(e).startsWith(text));
	const target = kind === "press" ? found : found?.control;
	target?.setAttribute("data-aim", "");
	return target !== undefined && target !== null;
}`

// aim marks the element that a step names: it sets the element's attribute data-aim.
func (b *tab) aim(where, kind, text, within string) {
	b.Helper()
	if !get[bool](b, js(aimAt, kind, text, within)) {
		b.Fatalf("%s: it is not on the page %s:\n%s", where, b.path(), b.text("main"))
	}
}

// use activates the marked link, button, box or radio button.
func (b *tab) use(m manner) {
	b.Helper()
	if !m.keyboard {
		b.click("[data-aim]")
		return
	}
	kind := get[string](b, `(e => e.localName === "input" ? e.type : "")(document.querySelector("[data-aim]"))`)
	switch kind {
	case "":
		b.tabTo("[data-aim]")
		b.pressEnter()
	case "radio":
		b.tabTo(fmt.Sprintf("[name=%q]", get[string](b, `document.querySelector("[data-aim]").name`)))
		b.arrowTo(`document.querySelector("[data-aim]").checked`)
	default:
		b.tabTo("[data-aim]")
		b.press(" ")
	}
}

// pick chooses an option of the marked list with the keys. With a mouse, the browser would open
// a list of its own, in which a test cannot click.
func (b *tab) pick(m manner, value string) {
	b.Helper()
	if m.keyboard {
		b.tabTo("[data-aim]")
	} else {
		b.do(focusOn("[data-aim]"))
	}
	b.press(kb.Home)
	b.arrowTo(js(`value => document.activeElement.selectedOptions[0].text.startsWith(value)`, value))
}

// arrowTo presses the Down key until a condition is true.
func (b *tab) arrowTo(condition string) {
	b.Helper()
	const most = 40 // more than the number of options of any list
	for range most {
		if get[bool](b, condition) {
			return
		}
		b.press(kb.ArrowDown)
	}
	b.Fatalf("%s: the Down key does not lead to %s", b.path(), condition)
}

// write replaces the text of the marked box.
func (b *tab) write(m manner, text string, paste bool) {
	b.Helper()
	if m.keyboard {
		b.tabTo("[data-aim]")
	} else {
		b.click("[data-aim]")
	}
	get[any](b, `document.querySelector("[data-aim]").select()`)
	if !paste {
		b.do(chromedp.KeyEvent(text))
		return
	}
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}
