package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"backupportal/function/batch"
	"backupportal/function/identity"
	"backupportal/web"
)

const batches = "/api/v1/backup-batches"

// twoBackups is a batch of two instances.
const twoBackups = `{"Account":"demo","Region":"cn-hangzhou","Retention":15,"Targets":["i-bp1demoweb01",{"InstanceId":"i-bp1demoweb02"}]}`

// postBatch creates a batch with a key.
func (w *world) postBatch(key, body string) *httptest.ResponseRecorder {
	return w.ask("POST", batches, "application/json", body, "Idempotency-Key", key)
}

// newBatch creates the batch twoBackups and returns its id.
func (w *world) newBatch(key string) string {
	w.t.Helper()
	return w.readBatch(w.postBatch(key, twoBackups), 201).BatchID
}

// readBatch returns the batch in an answer with a status.
func (w *world) readBatch(answer *httptest.ResponseRecorder, status int) (b web.BackupBatch) {
	w.t.Helper()
	if answer.Code != status {
		w.t.Fatalf("status %d, want %d: %s", answer.Code, status, answer.Body)
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &b); err != nil {
		w.t.Fatal(err)
	}
	return b
}

// runBatch carries out a batch until it has ended or waits for somebody.
func (w *world) runBatch(id string) {
	w.t.Helper()
	for range 50 {
		again, err := w.server.Batches.Run(w.t.Context(), id)
		if err != nil {
			w.t.Fatal(err)
		}
		if again == 0 {
			return
		}
		w.clock.Add(again)
	}
}

// TestBatchJourney creates a batch by the API, follows it to its end, and repeats the request.
func TestBatchJourney(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, o := readOpenAPI(t, w)
	made := w.postBatch("release-1", twoBackups)
	o.answered("BackupBatch", made)
	b := w.readBatch(made, 201)
	if made.Header().Get("Location") != batches+"/"+b.BatchID || b.Total != 2 || b.Outcome != "running" || w.calls() != 0 {
		t.Errorf("created as %+v at %s after %d calls", b, made.Header().Get("Location"), w.calls())
	}
	if len(b.Items) != 2 || b.Items[1].InstanceID != "i-bp1demoweb02" || b.Items[1].Status != batch.ItemWaiting {
		t.Errorf("items %+v", b.Items)
	}
	w.runBatch(b.BatchID)
	shown := w.ask("GET", batches+"/"+b.BatchID+"?wait=50s", "", "")
	o.answered("BackupBatch", shown)
	b = w.readBatch(shown, 200)
	if b.Status != batch.StateEnded || b.Outcome != "succeeded" || b.Counts["succeeded"] != 2 || b.EndedAt == nil {
		t.Errorf("ended as %+v", b)
	}
	job := w.ask("GET", "/api/v1/backup-jobs/"+b.Items[0].SubmissionID, "", "")
	if job.Code != 200 || !strings.Contains(job.Body.String(), `"Status":"COMPLETE"`) {
		t.Errorf("its submission: %d %s", job.Code, job.Body)
	}
	again := w.postBatch("release-1", twoBackups)
	if w.readBatch(again, 200).BatchID != b.BatchID || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("repeated: %d %s", again.Code, again.Body)
	}
	if other := w.postBatch("release-1", strings.Replace(twoBackups, "15", "16", 1)); other.Code != 422 || !strings.Contains(other.Body.String(), "key-reused") {
		t.Errorf("another batch with the key: %d %s", other.Code, other.Body)
	}
	if jobs := len(w.cloud.Ledger().Jobs); jobs != 2 {
		t.Errorf("%d jobs", jobs)
	}
}

// TestBatchDryRun proves that a dry run lists the decision about each item and starts nothing.
func TestBatchDryRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, o := readOpenAPI(t, w)
	body := `{"Account":"demo","Region":"cn-hangzhou","Retention":15,"Targets":["i-bp1demoweb01",{"InstanceId":"i-bp1demoweb02","Retention":3000}]}`
	answer := w.ask("POST", batches+"?dry_run=true", "application/json", body, "Idempotency-Key", "k")
	o.answered("BatchDryRun", answer)
	var run web.BatchDryRun
	if err := json.Unmarshal(answer.Body.Bytes(), &run); err != nil || answer.Code != 200 {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	if run.Allowed != 1 || run.Refused != 1 || run.Items[0].Rule != "demo" || !run.Items[0].Allowed || run.Items[1].Allowed || len(run.Items[1].Reasons) == 0 {
		t.Errorf("decided %+v", run)
	}
	if w.calls() != 0 {
		t.Errorf("%d calls", w.calls())
	}
	if shown := w.ask("GET", batches+"/"+run.BatchID, "", ""); shown.Code != 404 {
		t.Errorf("the batch of the dry run: %d", shown.Code)
	}
}

// TestBatchNamesWrongTargets proves that a batch with a target that cannot be used starts nothing, and that the answer names
// the target and the field.
func TestBatchNamesWrongTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	common := `{"Account":"demo","Region":"cn-hangzhou","Retention":15,`
	many := common + `"Targets":["` + strings.Repeat(`i-1","`, 10_002) + `i-1"]}`
	for body, want := range map[string]string{
		common + `"Targets":["i-bp1demoweb01","nonsense"]}`:                          `"pointer":"#/Targets/1/InstanceId"`,
		common + `"Targets":["i-bp1demoweb01",{"InstanceID":"i-1"}]}`:                `"pointer":"#/Targets/1/InstanceID"`,
		common + `"Targets":["i-bp1demoweb01",7]}`:                                   `Target 2 must be an instance ID or an object`,
		common + `"Targets":["i-bp1demoweb01","i-bp1demoweb02"," i-bp1demoweb01 "]}`: `Target 3 is the same backup as target 1`,
		common + `"Targets":[]}`:                                                     `must have at least one target`,
		common + `"Targets":"i-1"}`:                                                  `must be a list`,
		common + `"Target":["i-1"]}`:                                                 `did you mean Targets?`,
		common + `"Targets":["i-1"],"Rate":"5000/s"}`:                                `at most 1000/s`,
		common + `"Targets":["i-1"],"MaxErrors":"101%"}`:                             `"field":"MaxErrors"`,
		common + `"Targets":["i-1"],"Concurrency":-1,"FirstBatch":"x"}`:              `"field":"FirstBatch"`,
		strings.Replace(common, "15", `"x"`, 1) + `"Targets":["i-1"]}`:               `"pointer":"#/Retention"`,
		many: `remove 3`,
	} {
		answer := w.postBatch("k", body)
		if answer.Code != 422 || !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%.120s: %d %.400s, want %s", body, answer.Code, answer.Body, want)
		}
	}
	if refused := w.postBatch("k", strings.Replace(twoBackups, "15", "3000", 1)); refused.Code != 403 || !strings.Contains(refused.Body.String(), "#/Targets/1/Retention") {
		t.Errorf("all refused: %d %s", refused.Code, refused.Body)
	}
	if w.calls() != 0 {
		t.Errorf("%d calls", w.calls())
	}
}

// TestBatchIsChanged pauses, resumes and cancels a batch by the API.
func TestBatchIsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, o := readOpenAPI(t, w)
	id := w.newBatch("k")
	change := func(what string) *httptest.ResponseRecorder {
		return w.ask("POST", batches+"/"+id+"/"+what, "", "")
	}
	o.answered("BackupBatch", change("pause"))
	w.runBatch(id)
	if b := w.readBatch(change("pause"), 200); b.Status != batch.StatePaused || b.Pause != batch.PausePerson || b.ChangedBy == "" || w.calls() != 0 {
		t.Errorf("paused: %+v, %d calls", b, w.calls())
	}
	if b := w.readBatch(change("resume"), 200); b.Status != batch.StateRunning || b.Pause != "" {
		t.Errorf("resumed: %+v", b)
	}
	if b := w.readBatch(change("cancel"), 200); b.Status != batch.StateCancelled || b.Outcome != "cancelled" || b.Counts["skipped"] != 2 {
		t.Errorf("cancelled: %+v", b)
	}
	if answer := change("resume"); answer.Code != 409 || !strings.Contains(answer.Body.String(), "batch-ended") {
		t.Errorf("resumed after the cancellation: %d %s", answer.Code, answer.Body)
	}
	if answer := w.ask("POST", batches+"/"+strings.Repeat("a", 26)+"/pause", "", ""); answer.Code != 404 {
		t.Errorf("unknown: %d", answer.Code)
	}
}

// TestBatchStream reads a batch as JSON lines: first each item, then its changes, and at the end the batch.
func TestBatchStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, o := readOpenAPI(t, w)
	id := w.newBatch("k")
	w.runBatch(id)
	answer := w.ask("GET", batches+"/"+id, "", "", "Accept", "application/x-ndjson")
	lines := strings.Split(strings.TrimSpace(answer.Body.String()), "\n")
	if answer.Code != 200 || answer.Header().Get("Content-Type") != "application/x-ndjson" || len(lines) != 3 {
		t.Fatalf("%d %v:\n%s", answer.Code, answer.Header(), answer.Body)
	}
	for i, line := range lines {
		schema := "BatchItem"
		if i == 2 {
			schema = "BackupBatch"
		}
		if err := o.judge(schema, []byte(line)); err != nil {
			t.Errorf("line %d: %v: %s", i+1, err, line)
		}
	}
}

// TestBatchPages reads the items of a batch page by page, and those in some states.
func TestBatchPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.newBatch("k")
	first := w.readBatch(w.ask("GET", batches+"/"+id+"?limit=1", "", ""), 200)
	if len(first.Items) != 1 || first.Next == nil {
		t.Fatalf("first page %+v", first)
	}
	second := w.readBatch(w.ask("GET", fmt.Sprintf("%s/%s?limit=1&after=%d", batches, id, *first.Next), "", ""), 200)
	if len(second.Items) != 1 || second.Items[0].Item != 1 || second.Next != nil {
		t.Errorf("second page %+v", second)
	}
	if none := w.readBatch(w.ask("GET", batches+"/"+id+"?limit=0&status=waiting", "", ""), 200); len(none.Items) != 0 {
		t.Errorf("items %+v", none.Items)
	}
	if some := w.readBatch(w.ask("GET", batches+"/"+id+"?status=failed,waiting", "", ""), 200); len(some.Items) != 2 {
		t.Errorf("waiting %+v", some.Items)
	}
	for _, wrong := range []string{"limit=1001", "after=x", "status=lost", "wait=1", "page=2"} {
		if answer := w.ask("GET", batches+"/"+id+"?"+wrong, "", ""); answer.Code != 422 {
			t.Errorf("%s: %d", wrong, answer.Code)
		}
	}
}

// TestBatchOfAnotherIsNotFound proves that only the sender of a batch can read and change it.
func TestBatchOfAnotherIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.newBatch("k")
	w.server.Sender = func(*http.Request) (identity.Principal, error) {
		return identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "bob", Name: "Bob"}, nil
	}
	w.handler = w.server.Handler()
	for _, answer := range []*httptest.ResponseRecorder{
		w.ask("GET", batches+"/"+id, "", ""),
		w.ask("GET", batches+"/"+id, "", "", "Accept", "application/x-ndjson"),
		w.ask("POST", batches+"/"+id+"/cancel", "", ""),
	} {
		if answer.Code != 404 || !strings.Contains(answer.Body.String(), "Batch not found") {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
	}
}
