package checks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A view is a page of the portal in one state, with all collapsible parts open.
type view struct {
	name string
	show func(b *tab)
}

// A reader is a combination of language and theme with which every view is rendered.
type reader struct{ language, theme string }

var readers = []reader{{"en", "light"}, {"en", "dark"}, {"zh-CN", "light"}, {"zh-CN", "dark"}}

func (r reader) String() string { return r.language + "-" + r.theme }

// These values fill in forms through the query of a link. Each form whose name contains "wrong" has
// as many mistakes as possible.
var (
	instanceScripts = url.Values{
		"Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "Retention": {"15"}, "JobName": {"a-view"},
		"choice.Detail.diskIdList": {"some"}, "Detail.diskIdList": {"d-bp1demoweb01a"}, "Detail.snapshotGroup": {"true"},
		"choice.Detail.appConsistent": {"scripts"},
		"Detail.preScriptPath":        {"/opt/backup/pre.sh"}, "Detail.postScriptPath": {"/opt/backup/post.sh"},
		"Detail.doCopy": {"true"}, "Detail.destinationRegionId": {"cn-shanghai"}, "Detail.destinationRetention": {"30"},
	}
	instanceWriters = url.Values{"choice.Detail.appConsistent": {"writers"}, "Account": {"payments-central"}, "strange": {"name"}}
	instanceWrong   = url.Values{
		"InstanceId": {"web-01"}, "Retention": {"0"}, "JobName": {"two words"},
		"choice.Detail.diskIdList": {"some"}, "Detail.diskIdList": {"a\nb"},
		"choice.Detail.appConsistent": {"scripts"}, "Detail.timeoutInSeconds": {"soon"}, "Detail.doCopy": {"true"},
	}
	files = url.Values{
		"Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "VaultId": {"v-0001demovault01"}, "Retention": {"30"},
		"Include":            {"/home/alice/*.pdf\n/srv/a-folder-with-a-name-that-is-much-longer-than-any-line-on-a-small-telephone"},
		"choice.SpeedLimit":  {"hours"},
		"SpeedLimit.0.start": {"9"}, "SpeedLimit.0.end": {"18"}, "SpeedLimit.0.bandwidth": {"20"}, "SpeedLimit.0.unit": {"MB"},
		"SpeedLimit.1.start": {"18"}, "SpeedLimit.1.end": {"22"}, "SpeedLimit.1.bandwidth": {"1500"}, "SpeedLimit.1.unit": {"KB"},
	}
	filesWrong = url.Values{
		"Include": {"/a\n/a"}, "Options.UseVSS": {"true"}, "choice.SpeedLimit": {"hours"}, "Retention": {"many"},
		"SpeedLimit.0.start": {"18"}, "SpeedLimit.0.end": {"9"}, "SpeedLimit.0.bandwidth": {"fast"}, "SpeedLimit.1.start": {"3"}, "SpeedLimit.1.end": {"4"},
	}
	volumes = url.Values{
		"Region": {"cn-hangzhou"}, "ContainerClusterId": {"cc-0001democluster"}, "ClusterId": {"cl-0001democluster"}, "VaultId": {"v-0001demovault01"},
		"Retention": {"7"}, "ContainerResources.0.namespace": {"database"}, "ContainerResources.0.pvc_name": {"data-0"},
		"ContainerResources.0.resourceId": {"674dac6d-74cd-47e9-a675-09e2f10d2c45"},
	}
	volumesPasted = url.Values{"choice.ContainerResources": {"json"}, "ContainerResources": {`[{"resourceType":"PV","pvPath":"/"}]`}}
	volumesWrong  = url.Values{
		"ContainerClusterId": {"democluster"}, "VaultId": {"vault"}, "ClusterId": {"demo"}, "choice.ContainerResources": {"rows"}, "ContainerResources.1.pvPath": {"/"},
	}
	// Its disks are not all ESSDs.
	toChange = url.Values{
		"Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb02"}, "Retention": {"15"}, "Detail.snapshotGroup": {"true"},
	}
	// It has no active backup client.
	noClient = url.Values{
		"Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb02"}, "Retention": {"15"}, "VaultId": {"v-0001demovault01"},
	}
	volumesPastedWrong = url.Values{"choice.ContainerResources": {"json"}, "ContainerResources": {`[{"resourceType"`}}
)

// views lists all views. The order matters: the first view shows a job that is still running, and
// the last views show jobs that must have ended by then.
var views = []view{
	{"running", showRunning},
	{"start", at("/")},
	{"start-searched", at("/?Search=web&Account=demo&Region=cn-hangzhou&Tag=team%3Dweb")},
	{"start-nothing", at("/?Search=no-such-machine")},
	{"start-slow", atQuiet("/")},
	{"clusters", at("/?Kind=clusters")},
	{"cluster-volumes", at("/?Kind=volumes&Account=demo&Region=cn-hangzhou&Cluster=cc-0001democluster")},
	{"choose", at("/backups/new")},
	{"instance-empty", at("/backups/new/UDM_ECS")},
	{"instance-combobox", showCombobox},
	{"instance-found", at("/backups/preview?at=form&op=find%3AInstanceId&SourceType=UDM_ECS&Account=demo&Region=cn-hangzhou&InstanceId=web")},
	{"instance-found-none", at("/backups/preview?at=form&op=find%3AInstanceId&SourceType=UDM_ECS&Account=demo&Region=cn-hangzhou&InstanceId=nothing")},
	{"instance-ambiguous", sent("UDM_ECS", url.Values{"Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"web"}}, ".summary")},
	{"instance-scripts", form("UDM_ECS", instanceScripts)},
	{"instance-writers", form("UDM_ECS", instanceWriters)},
	{"instance-wrong", sent("UDM_ECS", instanceWrong, ".summary")},
	{"files", form("ECS_FILE", files)},
	{"files-wrong", sent("ECS_FILE", filesWrong, ".summary")},
	{"volumes", form("CONTAINER", volumes)},
	{"volumes-pasted", form("CONTAINER", volumesPasted)},
	{"volumes-wrong", sent("CONTAINER", volumesWrong, ".summary")},
	{"volumes-pasted-wrong", sent("CONTAINER", volumesPastedWrong, ".summary")},
	{"volumes-paste", readOutput("")},
	{"volumes-unreadable", readOutput("$ kubectl get pvc")},
	{"volumes-list", readOutput(claims + pendingClaim)},
	{"check-instance", sent("UDM_ECS", instanceScripts, "button[data-once]")},
	{"check-files", sent("ECS_FILE", files, "button[data-once]")},
	{"check-volumes", sent("CONTAINER", volumes, "button[data-once]")},
	{"check-to-change", sent("UDM_ECS", toChange, ".finds")},
	{"check-warning", sent("ECS_FILE", noClient, ".finds")},
	{"check-not-checked", sentAtQuiet("UDM_ECS", instanceScripts, ".finds")},
	{"draft-gone", at("/drafts/none/check")},
	{"start-ticked", showTicks},
	{"batches-empty", atQuiet("/batches")},
	{"batch-targets", at("/batches/new?Tag=team%3Dweb")},
	{"batch-targets-wrong", showTargetsWrong},
	{"batch-form", showBatchForm},
	{"batch-check", showBatchCheck},
	{"batch-check-none", showBatchRefused},
	{"batch-check-wrong", showBatchOptionsWrong},
	{"batch-running", showRunningBatch},
	{"batch-paused", showPausedBatch},
	{"batch-cancel", showBatchCancel},
	{"batch-ended", showBatchPage("", "ENDED")},
	{"batch-items", showBatchPage("?show=all", "ENDED")},
	{"batches", at("/batches")},
	{"history", at("/backups")},
	{"history-empty", atQuiet("/backups")},
	{"schedules", showSchedules},
	{"schedules-empty", atQuiet("/backups/schedules")},
	{"history-narrowed", at("/backups?Whose=mine&Account=demo&SourceType=UDM_ECS&From=2020-01-01&To=2099-12-31")},
	{"history-nothing", at("/backups?Status=CANCELED")},
	{"history-wrong", at("/backups?Status=oops&InstanceId=%3Cb%3E&From=2026-02-01&To=2026-01-01")},
	{"api", at("/docs/api")},
	{"api-parameters", at("/docs/api/UDM_ECS")},
	{"api-answers", at("/docs/api/answers")},
	{"denied", showDenied},
	{"not-found", at("/no-such-page")},
	{"notifications", showReceivers},
	{"notifications-none", at("/notifications")},
	{"access", at("/access")},
	{"access-locked", at("/access?Account=locked&Region=cn-hangzhou&InstanceId=i-bp2demopay01")},
	{"cancel", showCancel},
	{"cancelled", showCancelled},
	{"too-late", atJob(func(all ended) string { return all.complete + "?late=1" }, "COMPLETE")},
	{"lowered", atJob(func(all ended) string { return all.lowered }, "COMPLETE")},
	{"partial", atJob(func(all ended) string { return all.partial }, "PARTIAL_COMPLETE")},
	{"refused", atJob(func(all ended) string { return all.refused }, "REFUSED")},
	{"failed", atJob(func(all ended) string { return all.failed }, "FAILED")},
	{"complete", atJob(func(all ended) string { return all.complete }, "COMPLETE")},
	{"receipt", showReceipt},
}

// walk shows every view to every reader and calls look each time.
func walk(t *testing.T, look func(b *tab, r reader, v view)) {
	t.Helper()
	t.Parallel()
	if browser != nil {
		quiet.faults(t, "DescribeInstances: latency 5s forever")
	}
	for _, r := range readers {
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			b.fine = append(b.fine, "status of 404")
			b.cookie("lang", r.language)
			b.cookie("theme", r.theme)
			_, _ = jobs() // starts the jobs early, so that they have ended when walk shows their views
			for _, v := range views {
				b.portal = busy
				v.show(b)
				look(b, r, v)
				b.media("screen")
			}
		})
	}
}

// showReceivers shows the receivers of notifications, each with its button.
func showReceivers(b *tab) {
	b.Helper()
	atQuiet("/notifications")(b)
	if !b.shows(`form[action="/notifications/test"]`) {
		b.Errorf("the page of receivers has no button")
	}
}

func at(path string) func(*tab) {
	return func(b *tab) {
		b.Helper()
		b.open(path)
	}
}

// atQuiet returns a function that opens a page of the portal quiet, which has no backups and a
// slow cloud.
func atQuiet(path string) func(*tab) {
	return func(b *tab) {
		b.Helper()
		b.portal = quiet
		b.open(path)
	}
}

// form returns a function that opens a form through a link that fills in the values.
func form(kind string, values url.Values) func(*tab) {
	return func(b *tab) {
		b.Helper()
		b.open("/backups/new/" + kind + "?" + values.Encode())
		b.unfold()
	}
}

// sent returns a function that submits a form and waits until the selector matches.
func sent(kind string, values url.Values, selector string) func(*tab) {
	return func(b *tab) {
		b.Helper()
		b.open("/backups/new/" + kind + "?" + values.Encode())
		b.do(focusOn(".actions .filled"))
		b.turned(b.pressEnter) // the script may move the button before a click
		if !b.shows(selector) {
			b.Fatalf("%s with %v leads to a page without %s:\n%s", kind, values, selector, b.text("main"))
		}
		b.unfold()
	}
}

// sentAtQuiet is sent for the portal whose cloud is slow.
func sentAtQuiet(kind string, values url.Values, selector string) func(*tab) {
	return func(b *tab) {
		b.Helper()
		b.portal = quiet
		sent(kind, values, selector)(b)
	}
}

// pendingClaim is an item that cannot be backed up, for the list claims.
const pendingClaim = `- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: cache, namespace: shop}
  status: {phase: Pending}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: unknown-to-cloud-backup, namespace: shop}
  status: {phase: Bound}
`

// readOutput returns a function that pastes the output of kubectl into the form and shows what
// is read.
func readOutput(output string) func(*tab) {
	return func(b *tab) {
		b.Helper()
		b.open("/backups/new/CONTAINER?Account=demo&Region=cn-hangzhou&ContainerClusterId=cc-0001democluster")
		get[string](b, js(`text => document.querySelector("[name=kubectl]").value = text`, output))
		b.follow(`[formaction="/backups/volumes"]`)
	}
}

// showCombobox opens the list of the combobox, with an active option.
func showCombobox(b *tab) {
	b.Helper()
	b.open("/backups/new/UDM_ECS?Account=demo&Region=cn-hangzhou")
	b.tabTo("#f-InstanceId")
	b.wait(`document.querySelector("#f-InstanceId").getAttribute("aria-expanded") === "true"`, soon)
	b.press(kb.ArrowDown)
}

// showReceipt shows a complete backup as it is printed.
func showReceipt(b *tab) {
	b.Helper()
	atJob(func(all ended) string { return all.complete }, "COMPLETE")(b)
	b.media("print")
}

// media makes the page look as on a screen or in print.
func (b *tab) media(kind string) {
	b.Helper()
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: kind})
		return err
	}))
}

// unfold opens all collapsible parts of the page.
func (b *tab) unfold() {
	b.Helper()
	get[[]any](b, "[...document.querySelectorAll('details')].map(d => { d.open = true })")
}

// atJob returns a function that opens the status page of a job and waits until the job is in a
// state.
func atJob(page func(ended) string, state string) func(*tab) {
	return func(b *tab) {
		b.Helper()
		all, err := jobs()
		if err != nil {
			b.Fatal(err)
		}
		b.open(page(all))
		b.unfold()
		b.wait(js("state => document.querySelector('#live').dataset.state === state", state), atLast)
	}
}

func showRunning(b *tab) {
	b.Helper()
	path, err := busy.submit(request("demo", "i-bp1demodb01", "a-running-view"))
	if err != nil {
		b.Fatal(err)
	}
	atJob(func(ended) string { return path }, "RUNNING")(b)
}

// showCancel starts a backup and opens the page on which a person confirms its cancellation. It does not
// confirm.
func showCancel(b *tab) {
	b.Helper()
	path, err := busy.submit(request("demo", "i-bp1demodb01", "emulator.1h"))
	if err != nil {
		b.Fatal(err)
	}
	b.open(path)
	b.follow("#cancel")
}

// showCancelled opens the page of a cancelled job.
func showCancelled(b *tab) {
	b.Helper()
	showCancel(b)
	b.follow("button.danger")
	b.wait(`document.querySelector("#live").dataset.state === "CANCELED"`, atLast)
}

// showDenied opens the page of a submission that the policy refused.
func showDenied(b *tab) {
	b.Helper()
	path, err := busy.denied(`{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":3000,"JobName":"a-denied-view"}`)
	if err != nil {
		b.Fatal(err)
	}
	b.open(path)
}

// showSchedules opens the list of schedules after two of them have sent a message: one starts a backup, the other is rejected.
func showSchedules(b *tab) {
	b.Helper()
	for name, payload := range map[string]string{"nightly": `{"Preset":"nightly"}`, "weekly-backup-of-the-whole-shop": "no json"} {
		event, err := json.Marshal(map[string]string{"triggerName": name, "triggerTime": "2026-11-30T18:00:00Z", "payload": payload})
		if err != nil {
			b.Fatal(err)
		}
		res, err := http.Post(busy.url+"/invoke", "application/json", bytes.NewReader(event))
		if err != nil {
			b.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != http.StatusOK {
			b.Errorf("the event of %s: %s", name, res.Status)
		}
	}
	b.open("/backups/schedules")
}

// ended holds the paths of the status pages of jobs that have ended or will end soon.
type ended struct{ complete, failed, refused, lowered, partial string }

// jobs starts the jobs once for all tests that show views.
var jobs = sync.OnceValues(func() (all ended, err error) {
	for page, request := range map[*string]string{
		&all.complete: request("demo", "i-bp1demoweb01", "a-complete-view"),
		// The account's role does not trust the portal.
		&all.refused: request("locked", "i-bp2demopay01", "a-refused-view"),
		// The instance has no scripts for application consistency.
		&all.lowered: `{"SourceType":"UDM_ECS","Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demodb01","Retention":15,
			"JobName":"a-lowered-view","Detail":{"appConsistent":true}}`,
		&all.partial: request("demo", "i-bp1demoweb01", "emulator.PARTIAL_COMPLETE"),
		// The instance has no backup client.
		&all.failed: `{"SourceType":"ECS_FILE","Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb02",
			"VaultId":"v-0001demovault01","Retention":1,"JobName":"a-failed-view"}`,
	} {
		if *page, err = busy.submit(request); err != nil {
			return all, err
		}
	}
	return all, nil
})

func request(account, instance, name string) string {
	return fmt.Sprintf(`{"SourceType":"UDM_ECS","Account":%q,"Region":"cn-hangzhou","InstanceId":%q,"Retention":15,"JobName":%q}`, account, instance, name)
}
