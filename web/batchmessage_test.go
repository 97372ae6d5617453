package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/web"
)

// webByTag is a batch of the two instances of the demo world with a tag in one region.
const webByTag = `{"Account":"demo","Region":"cn-hangzhou","Retention":7,"Tag":"team=web","MaxErrors":"10%"}`

// createdBy sends an event that must be accepted, and returns the batch in its answer.
func (w *world) createdBy(m web.Message) (b web.BackupBatch) {
	w.t.Helper()
	answer, accepted, err := w.server.SubmitMessage(w.t.Context(), m)
	if err != nil || !accepted {
		w.t.Fatalf("%s, %v", answer, err)
	}
	if err := json.Unmarshal(answer, &b); err != nil || b.BatchID == "" {
		w.t.Fatalf("%s, %v", answer, err)
	}
	return b
}

// TestEventCarriesABatch delivers batches by list, by tag and with a preset. The event ends when the batch is stored, the
// items have the name of the schedule, and a repeat starts nothing.
func TestEventCarriesABatch(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"list":   twoBackups,
		"tag":    webByTag,
		"preset": `{"Preset":"nightly","Tag":"team=web"}`,
		"mark":   "\ufeff" + twoBackups,
	} {
		w := newWorld(t)
		w.server.Schedules = []string{"event:timer"}
		m := timerMessage("nightly-web", "nightly-web\x002026-11-30T18:00:00Z", body)
		b := w.createdBy(m)
		if b.Total != 2 || b.Status != batch.StateRunning || b.Replayed || b.AskedBy != "event timer: nightly-web" || len(b.Items) != 0 {
			t.Errorf("%s: created %+v", name, b)
		}
		if n := len(w.cloud.Ledger().Jobs); n != 0 {
			t.Errorf("%s: %d jobs before the batch is carried out", name, n)
		}
		w.runBatch(b.BatchID)
		calls := w.calls()
		again := w.createdBy(m)
		if again.BatchID != b.BatchID || !again.Replayed || again.Outcome != "succeeded" || w.calls() != calls {
			t.Errorf("%s: a repeat: %+v", name, again)
		}
		if n := len(w.cloud.Ledger().Jobs); n != 2 {
			t.Errorf("%s: %d jobs", name, n)
		}
		if page := w.ask("GET", "/backups/schedules", "", "").Body.String(); !strings.Contains(page, "nightly-web") {
			t.Errorf("%s: the schedules:\n%s", name, page)
		}
	}
}

// TestEventOfABatchChecksOnly proves that an event with a batch and dry_run returns the decisions and stores nothing.
// It also proves that the member key of the message is used in place of the key that the platform's ids give.
func TestEventOfABatchChecksOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answer, accepted, err := w.server.SubmitMessage(t.Context(), timerMessage("t", "t\x001", `{"dry_run":true,`+webByTag[1:]))
	var run web.BatchDryRun
	if err != nil || !accepted || json.Unmarshal(answer, &run) != nil || run.Total != 2 || run.Allowed != 2 {
		t.Errorf("%s, %v", answer, err)
	}
	if open, err := w.db.OpenBatches(t.Context(), 10); err != nil || len(open) != 0 {
		t.Errorf("stored %v, %v", open, err)
	}
	keyed := `{"key":"release-7",` + webByTag[1:]
	first, second := w.createdBy(timerMessage("t", "t\x002", keyed)), w.createdBy(timerMessage("t", "t\x003", keyed))
	if first.BatchID != second.BatchID || !second.Replayed {
		t.Errorf("two events with one key: %s and %s", first.BatchID, second.BatchID)
	}
}

// TestEventOfALargeBatch proves that the body of a batch may be longer than that of a submission, and has a limit.
func TestEventOfALargeBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	blank := strings.Repeat(" ", 300<<10)
	w.createdBy(timerMessage("t", "t\x001", blank+twoBackups))
	answer, accepted, err := w.server.SubmitMessage(t.Context(), timerMessage("t", "t\x002", strings.Repeat(blank, 14)+twoBackups))
	if accepted || err != nil || !strings.Contains(string(answer), "at most 4 MB") {
		t.Errorf("%.300s, %v", answer, err)
	}
}

// TestEventOfABatchIsSentAgain proves that a batch whose tag cannot be resolved now is no rejection: the platform sends the event
// again.
func TestEventOfABatchIsSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.traced()
	if err := w.cloud.SetFaults("DescribeInstances: drop forever"); err != nil {
		t.Fatal(err)
	}
	m := timerMessage("nightly-web", "t\x001", webByTag)
	if answer, accepted, err := w.server.SubmitMessage(t.Context(), m); accepted || err == nil {
		t.Errorf("%s, %v", answer, err)
	}
	if n := got.audited(backup.AuditRejected); n != 0 {
		t.Errorf("%d rejections", n)
	}
	if err := w.cloud.SetFaults(""); err != nil {
		t.Fatal(err)
	}
	if b := w.createdBy(m); b.Total != 2 {
		t.Errorf("afterwards %+v", b)
	}
}

// TestBatchByTag creates a batch by tag through the API.
func TestBatchByTag(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, o := readOpenAPI(t, w)
	made := w.postBatch("k", webByTag)
	o.answered("BackupBatch", made)
	if b := w.readBatch(made, http.StatusCreated); b.Total != 2 || len(b.Items) != 2 || b.Items[0].InstanceID == "" {
		t.Errorf("created %+v", b)
	}
	for body, want := range map[string]string{
		strings.Replace(webByTag, "team=web", "team=nobody", 1):          `"pointer":"#/Tag"`,
		strings.Replace(webByTag, `"Tag"`, `"Targets":["i-1"],"Tag"`, 1): "not both",
		strings.Replace(webByTag, `"team=web"`, `["team=web"]`, 1):       `"pointer":"#/Tag"`,
		strings.Replace(webByTag, `"Tag":"team=web"`, `"Tag":""`, 1):     "must have at least one target",
	} {
		if answer := w.postBatch("other", body); answer.Code != http.StatusUnprocessableEntity || !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%s: %d %s", body, answer.Code, answer.Body)
		}
	}
	if err := w.cloud.SetFaults("DescribeInstances: drop forever"); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(seconds(120))
	if answer := w.postBatch("third", webByTag); answer.Code != http.StatusBadGateway || !strings.Contains(answer.Body.String(), "not-listed") {
		t.Errorf("without a list: %d %s", answer.Code, answer.Body)
	}
}

// volumesByTarget is a batch of two sets of volumes of one cluster. The second set overrides the retention.
const volumesByTarget = `{"Account":"demo","Region":"cn-hangzhou","SourceType":"CONTAINER","VaultId":"v-0001demovault02","Retention":7,
	"ContainerClusterId":"cc-0001democluster","ClusterId":"cl-0001democluster","Targets":[
	{"ContainerResources":[{"resourceType":"PV","backupMethod":"FILE","resourceId":"674dac6d-74cd-47e9-a675-09e2f10d2c45",
		"resourceInfo":"{\"pvc_name\":\"data-0\",\"namespace\":\"database\"}","pvPath":"/"}]},
	{"Retention":15,"ContainerResources":[{"resourceType":"PV","backupMethod":"FILE","resourceId":"1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31",
		"resourceInfo":"{\"pvc_name\":\"uploads\",\"namespace\":\"shop\"}","pvPath":"/"}]}]}`

// TestBatchOfVolumes proves that the targets of a batch can be volumes of a cluster, through the API and in an event, and that each
// target is one job.
func TestBatchOfVolumes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.readBatch(w.postBatch("k", volumesByTarget), http.StatusCreated)
	if made.Total != 2 || made.Items[0].ClusterID != "cc-0001democluster" || made.Items[1].ClusterID != "cc-0001democluster" {
		t.Errorf("created %+v", made)
	}
	w.runBatch(made.BatchID)
	if b := w.createdBy(timerMessage("t", "t\x001", volumesByTarget)); b.Total != 2 {
		t.Errorf("the event created %+v", b)
	} else {
		w.runBatch(b.BatchID)
	}
	jobs := w.cloud.Ledger().Jobs
	if len(jobs) != 4 {
		t.Errorf("%d jobs, want 4", len(jobs))
	}
	for _, job := range jobs {
		if job.SourceType != "CONTAINER" {
			t.Errorf("a job of %s", job.SourceType)
		}
	}
}
