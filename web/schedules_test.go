package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/identity"
	"backupportal/web"
)

// timerMessage is a message of a time trigger.
func timerMessage(name, key, body string) web.Message {
	return web.Message{
		Principal: identity.Principal{Kind: identity.KindEvent, Subject: "event:timer", Name: "event timer"},
		Key:       key, Origin: name, Body: []byte(body),
	}
}

// TestSchedulesShowWhatEachDid runs two schedules. The page shows the runs of each, its last success, and a rejected message.
func TestSchedulesShowWhatEachDid(t *testing.T) {
	w := newWorld(t)
	w.server.Schedules = []string{"event:timer"}
	body := func(id string) string {
		return `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"` + id + `","Retention":7}`
	}
	send := func(name, key, body string, accepted bool) {
		t.Helper()
		if answer, ok, err := w.server.SubmitMessage(t.Context(), timerMessage(name, key, body)); err != nil || ok != accepted {
			t.Fatalf("%s: %s, %v", name, answer, err)
		}
	}
	if page := w.ask("GET", "/backups/schedules", "", "").Body.String(); !strings.Contains(page, "No schedule has started a backup") {
		t.Errorf("without a schedule:\n%s", page)
	}
	send("nightly", "night 1", body("i-bp1demoweb01"), true)
	w.clock.Add(time.Minute)
	if _, err := w.server.Backups.Sweep(t.Context(), 400*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	send("nightly", "night 2", body("i-bp1demoweb01"), true)
	send("nightly", "night 2", body("i-bp1demoweb01"), true) // a repeat
	send("weekly", "week 1", body("i-bp1demoweb02"), true)
	send("monthly", "month 1", "no json", false)

	answer := w.ask("GET", "/backups/schedules", "", "")
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(answer.Body.String()))
	if err != nil || answer.Code != http.StatusOK {
		t.Fatalf("%d %v", answer.Code, err)
	}
	rows := map[string][]string{}
	doc.Find("tbody tr").Each(func(_ int, row *goquery.Selection) {
		var cells []string
		row.Find("td").Each(func(_ int, cell *goquery.Selection) {
			cells = append(cells, strings.Join(strings.Fields(cell.Text()), " "))
		})
		rows[strings.TrimSpace(row.Find("th").Text())] = cells
	})
	nightly, weekly, monthly := rows["event timer: nightly"], rows["event timer: weekly"], rows["event timer: monthly"]
	if len(rows) != 3 || len(nightly) != 4 || len(weekly) != 4 || len(monthly) != 4 {
		t.Fatalf("rows %q", rows)
	}
	if nightly[0] != "2" || !strings.Contains(nightly[2], "20") || nightly[3] != "–" {
		t.Errorf("nightly %q", nightly)
	}
	if weekly[0] != "1" || weekly[2] != "never" {
		t.Errorf("weekly %q", weekly)
	}
	if monthly[0] != "0" || monthly[1] != "–" || !strings.Contains(monthly[3], "JSON") {
		t.Errorf("monthly %q", monthly)
	}
	link := doc.Find("tbody th a").FilterFunction(func(_ int, a *goquery.Selection) bool { return strings.Contains(a.Text(), "nightly") }).AttrOr("href", "")
	if page := w.ask("GET", link, "", "").Body.String(); strings.Count(page, `<td data-label="Requested by">event timer: nightly</td>`) != 2 {
		t.Errorf("%s does not list its two runs", link)
	}
}
