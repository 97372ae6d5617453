package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// judge is a JavaScript program that prints which of its input addresses lead a browser to
// another site, according to Node's WHATWG URL parser.
const judge = `
const site = "https://backup.example.com";
const all = JSON.parse(require("fs").readFileSync(0, "utf8"));
const leave = all.filter((s) => { try { return new URL(s, site + "/auth/callback").origin !== site } catch { return false } });
console.log(JSON.stringify({seen: all.length, leave}));`

// leaving returns the addresses that lead a browser to another site.
func leaving(t *testing.T, all []string) []string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("node is missing")
		}
		t.Skip("node is missing: nobody judges where addresses lead")
	}
	in, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "-e", judge)
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var verdict struct {
		Seen  int
		Leave []string
	}
	if err := json.Unmarshal(out, &verdict); err != nil || verdict.Seen != len(all) {
		t.Fatalf("node said %s, %v", out, err)
	}
	return verdict.Leave
}

// TestNextNeverLeavesTheSite proves that the portal's check of the address to open after a
// sign-in agrees with a browser's URL parser: no accepted address leads to another site (threat
// T13; ASVS 3.7.2).
func TestNextNeverLeavesTheSite(t *testing.T) {
	file, err := os.ReadFile("testdata/hostile_next.json")
	if err != nil {
		t.Fatal(err)
	}
	var hostile []string
	if err := json.Unmarshal(file, &hostile); err != nil || len(hostile) < 200 {
		t.Fatalf("%d hostile lines, %v", len(hostile), err)
	}
	if n := len(leaving(t, hostile)); n < 100 {
		t.Errorf("only %d of the hostile lines lead away: the judge or the lines are wrong", n)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /backups/{SubmissionId}", func(http.ResponseWriter, *http.Request) {})
	var locations []string
	for _, line := range hostile {
		answer := httptest.NewRecorder()
		http.Redirect(answer, httptest.NewRequest("GET", "/auth/callback", nil), nextPage(mux, line), http.StatusSeeOther)
		locations = append(locations, answer.Header().Get("Location"))
	}
	for _, bad := range leaving(t, locations) {
		t.Errorf("leads away: %q", bad)
	}
	for _, good := range []string{"/", "/backups/abc", "/backups/abc?x=1"} {
		if got := nextPage(mux, good); got != good {
			t.Errorf("next %q leads to %q", good, got)
		}
	}
	for _, other := range []string{"/auth/login", "/auth/login?next=/", "/nowhere", "/backups"} {
		if got := nextPage(mux, other); got != "/" {
			t.Errorf("next %q leads to %q", other, got)
		}
	}
}

// FuzzNext proves that every accepted target after a sign-in is a path with exactly one leading
// slash.
func FuzzNext(f *testing.F) {
	for _, seed := range []string{"/", "//evil.example", "/\\evil.example", "/backups?x=//y", "/%2f/x", "/a/../b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !localPath(s) {
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\t\r\n ") {
			t.Errorf("%q passes", s)
		}
	})
}
