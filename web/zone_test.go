package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestTimesAreInTheZoneOfTheBrowser proves that pages have the time zone of the browser, with
// its UTC offset. Without the cookie of the script, or with an unusable one, they have that of
// the portal.
func TestTimesAreInTheZoneOfTheBrowser(t *testing.T) {
	w := newWorld(t)
	id := w.create(t, "demo", "ZONED")
	for cookie, want := range map[string]string{
		"": "UTC+8", "zone=Asia/Kolkata": "UTC+5:30", "zone=Etc/GMT+9": "UTC-9", "zone=Local": "UTC+8", "zone=../etc/passwd": "UTC+8", "zone=No/Where": "UTC+8",
	} {
		page := w.ask("GET", "/backups/"+id, "", "", "Cookie", cookie).Body.String()
		if !strings.Contains(page, want) {
			t.Errorf("%q: no time in %s", cookie, want)
		}
	}
}

// TestPathsFitTheInstance proves that the form refuses a path that cannot exist on the system
// of the instance, at its field, and accepts the others.
func TestPathsFitTheInstance(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ instance, include, exclude, want string }{
		{"i-bp1demoweb01", "/home/alice\n/srv", "*.tmp", ""},
		{"i-bp1demowin01", `D:\data`, "*.tmp", ""},
		{"i-bp1demoweb01", "home/alice", "", "#f-Include Paths to back up: “home/alice” is not an absolute path on Linux; start it with /"},
		{"i-bp1demoweb01", "/srv", `C:\x`, `#f-Exclude Paths to exclude: “C:\x” is not an absolute path on Linux; start it with /`},
		{"i-bp1demowin01", "/x", "", `#f-Include Paths to back up: “/x” is not an absolute path on Windows; start it with a drive, such as C:\`},
	} {
		code := http.StatusOK
		if c.want != "" {
			code = http.StatusUnprocessableEntity
		}
		doc := w.sendForm(t, code, url.Values{
			"SourceType": {"ECS_FILE"}, "InstanceId": {c.instance}, "VaultId": {"v-0001demovault01"}, "Include": {c.include}, "Exclude": {c.exclude},
		})
		link := doc.Find(".summary a")
		if got := strings.TrimSpace(link.AttrOr("href", "") + " " + words(link)); got != c.want {
			t.Errorf("%s %q %q: %s", c.instance, c.include, c.exclude, got)
		}
	}
}
