package web_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/identity"
)

// TestCompleteJobIsNotShownAsCancelled proves that if a job completes after the cloud accepted
// its cancellation, the page does not show the job as cancelled.
func TestCompleteJobIsNotShownAsCancelled(t *testing.T) {
	w := newWorld(t)
	id := w.create(t, "alice", "k")
	c := backup.Cancellation{By: identity.Principal{Subject: "bob", Name: "Bob"}, At: w.clock.Now()}
	if err := w.db.Cancel(t.Context(), id, c); err != nil {
		t.Fatal(err)
	}
	path := "/api/v1/backup-jobs/" + id
	if body := w.ask("GET", path, "", "").Body.String(); !strings.Contains(body, `"CancelledBy":"Bob"`) {
		t.Errorf("while it is cancelling: %s", body)
	}
	w.clock.Add(seconds(60))
	if body := w.ask("GET", path, "", "").Body.String(); strings.Contains(body, "Bob") || !strings.Contains(body, `"Outcome":"succeeded"`) {
		t.Errorf("when it is complete: %s", body)
	}
}

// TestLivePartChangesWithTheConsistency proves that the part of the page that updates itself
// changes when the portal learns how consistent the backup is.
func TestLivePartChangesWithTheConsistency(t *testing.T) {
	w := newWorld(t)
	if err := w.cloud.SetFaults("DescribeUdmSnapshots: 500"); err != nil {
		t.Fatal(err)
	}
	made := w.ask("POST", "/api/v1/backup-jobs", "application/json",
		strings.Replace(strings.Replace(oneBackup, "demoweb01", "demodb01", 1), "15", `15,"Detail":{"appConsistent":true}`, 1))
	page := pageOf(made) + "?part=live"
	w.clock.Add(seconds(60))
	first := w.ask("GET", page, "", "")
	w.clock.Add(seconds(10))
	second := w.ask("GET", page, "", "", "If-None-Match", first.Header().Get("ETag"))
	if second.Code != 200 || strings.Contains(first.Body.String(), "less consistent") || !strings.Contains(second.Body.String(), "less consistent") {
		t.Errorf("%d, then %d:\n%s", first.Code, second.Code, second.Body)
	}
	if third := w.ask("GET", page, "", "", "If-None-Match", second.Header().Get("ETag")); third.Code != 304 {
		t.Errorf("the same page again: %d", third.Code)
	}
}

// TestCloudStateUnknownIsInProgress proves that if the cloud reports a state with the same name
// as one of the portal's own states, the page shows a job in progress.
func TestCloudStateUnknownIsInProgress(t *testing.T) {
	for _, word := range []string{"UNKNOWN", "VM_UNAVAILABLE"} {
		w := newWorld(t)
		made := w.ask("POST", "/api/v1/backup-jobs", "application/json", strings.Replace(oneBackup, "15", `15,"JobName":"emulator.`+word+`"`, 1))
		w.clock.Add(seconds(60))
		body := w.ask("GET", made.Header().Get("Location"), "", "").Body.String()
		if !strings.Contains(body, word+`","Outcome":"running"`) {
			t.Errorf("%s: %s", word, body)
		}
		if page := w.ask("GET", pageOf(made), "", "").Body.String(); !strings.Contains(page, "In progress ("+word+")") {
			t.Errorf("%s: its page says something else", word)
		}
		if list := w.ask("GET", "/api/v1/backup-jobs?Status=RUNNING", "", "").Body.String(); !strings.Contains(list, word) {
			t.Errorf("%s: not among those that run: %s", word, list)
		}
	}
}

// TestRefusedCancel proves that the page says so if the cloud refused a cancellation or it may
// have failed. It must not use the words of a failed submission, which say whether a backup was
// started.
func TestRefusedCancel(t *testing.T) {
	w := newWorld(t)
	id := w.create(t, "alice", "k")
	if err := w.cloud.SetFaults("CancelBackupJob: refuse 403 NoPermission, 500"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"refused to cancel", "not confirmed"} {
		page := w.ask("POST", "/backups/"+id+"/cancel", "application/x-www-form-urlencoded", "")
		body := page.Body.String()
		if page.Code != 502 || !strings.Contains(body, want) || strings.Contains(body, "started") {
			t.Errorf("%d, without %q:\n%s", page.Code, want, body)
		}
		if strings.Contains(body, "/backups/new\" ") || !strings.Contains(body, `value="/backups/`+id+`"`) {
			t.Errorf("a change of language does not lead back to the job:\n%s", body)
		}
	}
}

// TestRefusedCancellationShowsTheCloudSentence proves that a refused cancellation shows the
// cloud's own message, on the page and in the API.
func TestRefusedCancellationShowsTheCloudSentence(t *testing.T) {
	for prefix, media := range map[string]string{
		"/api/v1/backup-jobs/": "application/json", "/backups/": "application/x-www-form-urlencoded",
	} {
		w := newWorld(t)
		id := w.create(t, "alice", "k")
		if err := w.cloud.SetFaults("CancelBackupJob: refuse 403 NoPermission"); err != nil {
			t.Fatal(err)
		}
		got := w.ask("POST", prefix+id+"/cancel", media, "")
		if got.Code != 502 || !strings.Contains(got.Body.String(), "Cloud Backup says: ") {
			t.Errorf("%s: %d %s", prefix, got.Code, got.Body)
		}
	}
}

// pageOf returns the path of the page of the submission that an answer of the API is about.
func pageOf(made *httptest.ResponseRecorder) string {
	return strings.Replace(made.Header().Get("Location"), "/api/v1/backup-jobs/", "/backups/", 1)
}
