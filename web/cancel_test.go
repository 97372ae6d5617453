package web_test

import (
	"strings"
	"testing"

	"backupportal/function/backup"
)

// A job that ended by itself, though the cloud had taken the request to cancel
// it, was cancelled by nobody.
func TestNobodyCancelledAJobThatIsComplete(t *testing.T) {
	w := newWorld(t)
	id := w.create(t, "alice", "k")
	c := backup.Cancellation{By: backup.Principal{Subject: "bob", Name: "Bob"}, At: w.clock.Now()}
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

// Once the page knows what an application-consistent backup became it is another
// page.
func TestLivePartChangesWithTheConsistency(t *testing.T) {
	w := newWorld(t)
	if err := w.cloud.SetFaults("DescribeUdmSnapshots: 500"); err != nil {
		t.Fatal(err)
	}
	made := w.ask("POST", "/api/v1/backup-jobs", "application/json",
		strings.Replace(strings.Replace(oneBackup, "demoweb01", "demodb01", 1), "15", `15,"Detail":{"appConsistent":true}`, 1))
	page := made.Header().Get("Location") + "?part=live"
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
