package checks

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// atLast is how long a test waits for the end of a demo job before it fails. A demo job takes
// 20 seconds, and the page asks every 5 seconds.
const atLast = 4 * time.Minute

// A journey is one backup that a person requests with mouse and keyboard.
type journey struct {
	kind    string
	machine url.Values        // what the start page knows of the machine
	answers []answer          // a JobName without a value gets a unique value
	want    map[string]string // parameters that the cloud must receive, without JobName
}

var journeys = []journey{{
	kind:    "UDM_ECS",
	machine: url.Values{"Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}},
	answers: []answer{
		{name: "Detail.diskIdList.1", value: "false"},
		{name: "Detail.snapshotGroup", value: "true"},
		{name: "choice.Detail.appConsistent", value: "scripts"},
		{name: "Detail.preScriptPath", value: "/opt/backup/pre.sh"},
		{name: "Detail.postScriptPath", value: "/opt/backup/post.sh"},
		{name: "Detail.enableFsFreeze", value: "false"},
		{name: "Detail.timeoutInSeconds", value: "60"},
		{name: "Retention", value: "15"},
		{name: "JobName"},
		{name: "Detail.doCopy", value: "true"},
		{name: "Detail.destinationRegionId", value: "cn-shanghai"},
		{name: "Detail.destinationRetention", value: "30"},
	},
	want: map[string]string{
		"SourceType": "UDM_ECS", "InstanceId": "i-bp1demoweb01", "BackupType": "COMPLETE",
		"CrossAccountType": "SELF_ACCOUNT", "Retention": "15",
		"Detail": `{"diskIdList":["d-bp1demoweb01a"],"snapshotGroup":true,"appConsistent":true,` +
			`"preScriptPath":"/opt/backup/pre.sh","postScriptPath":"/opt/backup/post.sh","enableFsFreeze":false,"timeoutInSeconds":60,` +
			`"enableWriters":true,"doCopy":true,"destinationRegionId":"cn-shanghai","destinationRetention":30}`,
	},
}, {
	kind:    "ECS_FILE",
	machine: url.Values{"Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}},
	answers: []answer{
		{name: "VaultId", value: "v-0001demovault01"},
		{name: "Include", value: "/home/alice/*.pdf\n/srv/a & b"},
		{name: "Exclude", value: "/srv/tmp"},
		{name: "choice.SpeedLimit", value: "hours"},
		{name: "SpeedLimit.0.start", value: "9"},
		{name: "SpeedLimit.0.end", value: "18"},
		{name: "SpeedLimit.0.bandwidth", value: "20"},
		{press: `[value="add:SpeedLimit"]`, leads: `[name="SpeedLimit.1.start"]`},
		{name: "SpeedLimit.1.end", value: "22"},
		{name: "SpeedLimit.1.bandwidth", value: "1,500"},
		{name: "SpeedLimit.1.unit", value: "KB"},
		{name: "Retention", value: "30"},
		{name: "JobName"},
	},
	want: map[string]string{
		"SourceType": "ECS_FILE", "InstanceId": "i-bp1demoweb01", "VaultId": "v-0001demovault01", "BackupType": "COMPLETE",
		"CrossAccountType": "SELF_ACCOUNT", "Retention": "30", "Include": `["/home/alice/*.pdf","/srv/a & b"]`, "Exclude": `["/srv/tmp"]`,
		"Options": `{"UseVSS":false}`, "SpeedLimit": "9:18:20480|18:22:1500",
	},
}, {
	kind:    "CONTAINER",
	machine: url.Values{"Account": {"demo"}, "Region": {"cn-hangzhou"}, "ContainerClusterId": {"cc-0001democluster"}},
	answers: []answer{
		{name: "VaultId", value: "v-0001demovault01"},
		{name: "ContainerResources.0.namespace", value: "database"},
		{name: "ContainerResources.0.pvc_name", value: "data-0"},
		{name: "ContainerResources.0.resourceId", value: "674dac6d-74cd-47e9-a675-09e2f10d2c45"},
		{name: "Retention", value: "7"},
		{name: "JobName"},
		{press: "#rare summary"},
		{name: "ClusterId", value: "cl-0001democluster"},
	},
	want: map[string]string{
		"SourceType": "CONTAINER", "ContainerClusterId": "cc-0001democluster", "ClusterId": "cl-0001democluster",
		"VaultId":    "v-0001demovault01",
		"BackupType": "COMPLETE", "CrossAccountType": "SELF_ACCOUNT", "Retention": "7", "InitiatedByAck": "false",
		"ContainerResources": `[{"resourceType":"PV","backupMethod":"FILE","resourceId":"674dac6d-74cd-47e9-a675-09e2f10d2c45",` +
			`"resourceInfo":"{\"pvc_name\":\"data-0\",\"namespace\":\"database\"}","pvPath":"/"}]`,
	},
}}

// TestEveryKindOfBackup proves that a person can request every type of backup and follow it to
// the end of the job, with and without JavaScript. The cloud receives one call for each backup.
// The calls with and without JavaScript differ only in JobName. The check page shows each
// parameter of the call before the start.
func TestEveryKindOfBackup(t *testing.T) {
	t.Parallel()
	promised := map[string]chan map[string]string{}
	names := map[string]string{}
	for _, j := range journeys {
		promised[j.kind] = make(chan map[string]string, 2)
		names[j.kind] = unique("journey")
	}
	t.Run("journeys", func(t *testing.T) {
		for _, j := range journeys {
			t.Run(j.kind+" with script", func(t *testing.T) {
				t.Parallel()
				b := newTab(t)
				promised[j.kind] <- j.ask(b, names[j.kind])
				b.watchToTheEnd()
			})
			t.Run(j.kind+" without script", func(t *testing.T) {
				t.Parallel()
				b := newTab(t).withoutScript()
				promised[j.kind] <- j.ask(b, names[j.kind])
				b.checkAgainToTheEnd()
			})
		}
	})
	if t.Failed() || browser == nil {
		return
	}
	for _, j := range journeys {
		if len(promised[j.kind]) < 2 {
			continue // the flag -run excluded this journey
		}
		j.compare(t, busy.created(t, names[j.kind]), <-promised[j.kind], <-promised[j.kind])
	}
}

// compare checks the calls that the cloud received for the backups of one type. promised has
// the parameters that each check page showed.
func (j journey) compare(t *testing.T, calls []call, promised ...map[string]string) {
	t.Helper()
	if len(calls) != len(promised) {
		t.Fatalf("%s: %d journeys made %d calls of CreateBackupJob", j.kind, len(promised), len(calls))
	}
	for _, p := range promised {
		i := slices.IndexFunc(calls, func(c call) bool { return c.Parameters["JobName"] == p["JobName"] })
		if i < 0 {
			t.Errorf("%s: the check page promised the name %q, which the cloud did not receive", j.kind, p["JobName"])
			continue
		}
		got := calls[i].Parameters
		for name, value := range got {
			if p[name] != value {
				t.Errorf("%s: the check page promised %s=%s, the cloud received %s", j.kind, name, p[name], value)
			}
		}
		delete(got, "JobName")
		if !maps.Equal(got, j.want) {
			t.Errorf("%s: the cloud received\n%v\nwant\n%v", j.kind, got, j.want)
		}
	}
}

// ask walks from the form of a machine to the page of a new backup called name. It returns the
// parameters that the check page showed.
func (j journey) ask(b *tab, name string) (promised map[string]string) {
	b.Helper()
	b.open("/backups/new/" + j.kind + "?" + j.machine.Encode())
	answers := slices.Clone(j.answers)
	answers[slices.Index(answers, answer{name: "JobName"})].value = name
	b.fill(answers)
	b.tabTo(".actions .filled")
	b.turned(b.pressEnter)
	if title := b.text("h1"); title != "Check before you start the backup" {
		b.Fatalf("Continue leads to “%s”:\n%s", title, b.text("main"))
	}
	promised = map[string]string{}
	for line := range strings.Lines(get[string](b, `document.querySelector("#code-0").textContent`)) {
		parameter, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		promised[parameter] = value
	}
	b.follow("button[data-once]")
	if !strings.HasPrefix(b.path(), "/backups/") || !strings.Contains(b.text("#live"), name) {
		b.Fatalf("Start leads to %s, “%s”", b.path(), b.text("h1"))
	}
	return promised
}

// watchToTheEnd waits until the page's script shows the end of the job.
func (b *tab) watchToTheEnd() {
	b.Helper()
	before := get[float64](b, "performance.timeOrigin")
	b.wait(`document.querySelector("#live").dataset.state === "COMPLETE"`, atLast)
	if get[float64](b, "performance.timeOrigin") != before {
		b.Error("the page was loaded again while it followed its job")
	}
	tag, title := b.text("#live .tag"), get[string](b, "document.title")
	if tag != "Complete" || !strings.HasPrefix(title, "Complete") {
		b.Errorf("at the end the tag says “%s” and the title “%s”", tag, title)
	}
	if b.text("#said") == "" {
		b.Error("a screen reader is not told of the end")
	}
}

// checkAgainToTheEnd follows the link #check until the status page no longer has this link.
// Then the job is complete, and its copy too if the backup has a copy.
func (b *tab) checkAgainToTheEnd() {
	b.Helper()
	for end := time.Now().Add(atLast); b.shows("#check"); {
		if time.Now().After(end) {
			b.Fatalf("not complete after %v:\n%s", atLast, b.text("main"))
		}
		time.Sleep(2 * time.Second) // more requests would only load pages: the job takes 20 s
		b.follow("#check")
	}
	if tag := b.text("#live .tag"); tag != "Complete" {
		b.Errorf("at the end the tag says “%s”", tag)
	}
}

// TestAutomaticReloadWithoutScript proves that, without JavaScript, the page of a backup
// reloads by itself only after a person has followed the link for that.
func TestAutomaticReloadWithoutScript(t *testing.T) {
	t.Parallel()
	b := newTab(t).withoutScript()
	page, err := busy.submit(request("demo", "i-bp1demodb01", "looks-by-itself"))
	if err != nil {
		t.Fatal(err)
	}
	b.open(page)
	b.follow(`#live a[href$="?auto=1"]`)
	b.wait(`document.querySelector("#live").dataset.state === "COMPLETE"`, atLast)
}

// TestCancelAndRunAgain proves that a person can cancel a job and request the same backup
// again. The page does not show the cancelled job as a failure, and the cloud receives each
// call once.
func TestCancelAndRunAgain(t *testing.T) {
	for _, script := range []bool{true, false} {
		t.Run(fmt.Sprintf("script %v", script), func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			if !script {
				b = b.withoutScript()
			}
			// This job would run for an hour.
			name := unique("emulator.1h-mind")
			page, err := busy.submit(request("demo", "i-bp1demodb01", name))
			if err != nil {
				t.Fatal(err)
			}
			b.open(page)
			b.follow("#cancel")
			b.follow("main .actions a.plain")
			if b.path() != page || b.text("#live .tag") == "Cancelled" {
				t.Fatalf("Keep it running leads to %s, “%s”", b.path(), b.text("#live .tag"))
			}
			b.follow("#cancel")
			if b.text("h1") != "Cancel this backup?" {
				t.Fatalf("Cancel leads to “%s”", b.text("h1"))
			}
			b.follow("button.danger")
			if b.path() != page || b.text("#live .tag") != "Cancelling" {
				t.Fatalf("Cancel the backup leads to %s, “%s”", b.path(), b.text("#live .tag"))
			}
			if script {
				b.wait(`document.querySelector("#live").dataset.state === "CANCELED"`, atLast)
			} else {
				for end := time.Now().Add(atLast); b.text("#live .tag") != "Cancelled" && time.Now().Before(end); {
					time.Sleep(500 * time.Millisecond) // no person clicks faster
					b.follow("#check")
				}
			}
			if said := b.text("#live"); !strings.Contains(said, "Cancelled by demo") || strings.Contains(said, "Failed") {
				t.Errorf("the page of the cancelled job says:\n%s", said)
			}
			b.follow("#again")
			if got := get[string](b, `document.querySelector("[name=JobName]").value`); got != name {
				t.Errorf("Run again has the name %q", got)
			}
			b.follow(".actions .filled")
			b.follow("button[data-once]")
			if b.path() == page || !strings.HasPrefix(b.path(), "/backups/") || !strings.Contains(b.text("#live"), name) {
				t.Fatalf("Run again leads to %s, “%s”", b.path(), b.text("h1"))
			}
			made := busy.created(t, name)
			if len(made) != 2 {
				t.Fatalf("the cloud got %d calls of CreateBackupJob, want 2", len(made))
			}
			first, second := busy.cancelled(t, made[0].JobID), busy.cancelled(t, made[1].JobID)
			if len(first) != 1 || len(second) != 0 {
				t.Errorf("the cloud got %d and %d calls of CancelBackupJob, want 1 and none", len(first), len(second))
			}
		})
	}
}
