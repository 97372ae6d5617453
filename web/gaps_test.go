package web_test

import (
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
)

// TestStartPageShowsMissingBackups proves that the start page shows missing expected backups only to the team of
// the expectation.
func TestStartPageShowsMissingBackups(t *testing.T) {
	w := newWorld(t)
	const entry = "expectations:\n  - {name: web-daily, team: everybody, account: demo, region: cn-hangzhou, instances: [i-bp1demoweb01], every: 24h}\n"
	w.govern(t, "\nrules:\n", "\n"+entry+"\nrules:\n")
	gaps := func() int {
		doc, _ := w.look(t, "/")
		return doc.Find("[data-gap]").Length()
	}
	if n := gaps(); n != 0 {
		t.Errorf("%d marks before the first check", n)
	}
	sweep := func() {
		t.Helper()
		w.server.Backups.Expectations = &backup.Expectations{All: w.server.Policy.Expectations()}
		if _, err := w.server.Backups.Sweep(t.Context(), 30*24*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	doc, _ := w.look(t, "/")
	mark := strings.Join(strings.Fields(doc.Find("[data-gap=i-bp1demoweb01]").Text()), " ")
	for _, part := range []string{"Backup missing", "i-bp1demoweb01", "web-daily", "No good backup was found."} {
		if !strings.Contains(mark, part) {
			t.Errorf("no %q in %q", part, mark)
		}
	}
	if code := w.ask("POST", "/api/v1/backup-jobs", "application/json",
		`{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7,"JobName":"emulator.1s.COMPLETE"}`).Code; code != 201 {
		t.Fatalf("status %d", code)
	}
	w.clock.Add(time.Minute)
	sweep()
	if n := gaps(); n != 0 {
		t.Errorf("%d marks after a backup", n)
	}
}
