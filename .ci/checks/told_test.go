package checks

import (
	"path"
	"testing"
)

// TestBrowserTellsWhenDone proves that the page of a running backup offers a notification of the browser, asks for
// the permission only after a click, and gives exactly one when the backup has ended. Without a script there is no
// such button, and without the permission no notification. The test replaces the browser's interface, because a
// headless browser shows no notifications.
func TestBrowserTellsWhenDone(t *testing.T) {
	t.Parallel()
	const browserAnswers = `answer => {
		window.told = [];
		window.asked = 0;
		window.Notification = class {
			static async requestPermission() { window.asked++; return answer; }
			constructor(title, {body}) { window.told.push(title + ": " + body); }
		};
		return true;
	}`
	running := func(t *testing.T) string {
		page, err := busy.submit(request("demo", "i-bp1demodb01", "emulator.1h"))
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	for answer, says := range map[string]string{
		"granted": "You will be told while this page is open",
		"denied":  "This browser does not allow notifications from this page",
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			b, page := newTab(t), running(t)
			b.open(page)
			if !get[bool](b, js(browserAnswers, answer)) || get[int](b, "window.asked") != 0 {
				t.Fatal("the permission is asked for before a click")
			}
			b.click("[data-notify]")
			b.wait(js(`says => document.querySelector("[data-notify]")?.innerText === says`, says), soon)
			end, err := busy.post("/api/v1/backup-jobs/"+path.Base(page)+"/cancel", "{}")
			if err != nil || end.StatusCode >= 300 {
				t.Fatal(end, err)
			}
			end.Body.Close()
			b.wait(`document.querySelector("#live").dataset.state === "CANCELED"`, atLast)
			want := ""
			if answer == "granted" {
				want = "db01 (i-bp1demodb01): Cancelled"
			}
			if got := get[string](b, `window.told.join()`); got != want {
				t.Errorf("told %q, want %q", got, want)
			}
			if b.shows("[data-notify]") {
				t.Error("the button stays after the end")
			}
		})
	}
	plain := newTab(t).withoutScript()
	plain.open(running(t))
	if plain.shows("[data-notify]") {
		t.Error("the button is there without a script")
	}
}
