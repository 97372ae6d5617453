package web_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// protection lists the security headers of every answer, with their exact values.
var protection = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	"Strict-Transport-Security":    "max-age=31536000",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
	"Access-Control-Allow-Origin":  "https://backup.example.com",
}

var route = regexp.MustCompile(`mux\.Handle\("([A-Z]+) ([^"]*)"`)

// TestEveryAnswerIsProtected proves that every route and every kind of error answers with all
// security headers and forbids caching. Each answer sets at most one cookie, because an event
// platform can return only one (threats T5, T6, T19; OWASP ASVS 3.4.1–3.4.8, 14.3.2).
func TestEveryAnswerIsProtected(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("server.go")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.server.Origin = "https://backup.example.com"
	w.handler = w.server.Handler()
	id := w.create(t, "alice", "k")
	css := regexp.MustCompile(`/static/portal\.[0-9a-f]+\.css`).FindString(w.ask("GET", "/", "", "").Body.String())
	requests := []string{
		"GET /docs/api", "GET /nowhere", "GET /api/v1/nowhere", "PUT /backups", "TRACE /", "GET /backups/new/UDM_ECS", "GET /backups/new/ECS_FILE?from=nothing",
		"GET /" + strings.Repeat("long", 600), "GET " + css, "GET /static/portal.000.css", "GET /backups?before=soon", "HEAD /", "OPTIONS /api/v1/backup-jobs",
	}
	found := route.FindAllStringSubmatch(string(source), -1)
	if len(found) < 15 {
		t.Fatalf("only %d routes found in server.go", len(found))
	}
	for _, r := range found {
		path := strings.NewReplacer("{SubmissionId}", id, "{name}", "portal.css", "{$}", "", "{source}", "nobody").Replace(r[2])
		requests = append(requests, r[1]+" "+path)
	}
	for _, request := range requests {
		method, path, _ := strings.Cut(request, " ")
		for _, headers := range [][]string{{}, {"Sec-Fetch-Site", "cross-site"}, {"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Type", "application/json"}, {"Host", "evil.example"}} {
			answer := w.ask(method, path, "", "{", headers...)
			h := answer.Header()
			for name, want := range protection {
				if got := h.Values(name); len(got) != 1 || got[0] != want {
					t.Errorf("%s %.40s %q: %d with %s: %q", method, path, headers, answer.Code, name, got)
				}
			}
			cache := "no-store"
			if path == css && answer.Code == http.StatusOK {
				cache = "public, max-age=31536000, immutable"
			}
			if got := h.Get("Cache-Control"); got != cache {
				t.Errorf("%s %.40s %q: %d may be cached: %q", method, path, headers, answer.Code, got)
			}
			if got := h.Values("Set-Cookie"); len(got) > 1 {
				t.Errorf("%s %.40s: sets %q", method, path, got)
			}
			if kind := h.Get("Content-Type"); answer.Body.Len() > 0 && kind == "" {
				t.Errorf("%s %.40s %q: %d says not what its body is", method, path, headers, answer.Code)
			}
		}
		w.clock.Add(time.Minute) // restores the limits per minute
	}
}

// TestOtherHostsAreRefused proves that the portal accepts only its own host names, in any
// spelling. It ignores host names in the headers of a proxy (threat T14; OWASP ASVS 4.2.x).
func TestOtherHostsAreRefused(t *testing.T) {
	w := newWorld(t)
	w.server.Host = func(host string) bool { return host == "backup.example.com" }
	w.handler = w.server.Handler()
	for host, want := range map[string]int{
		"backup.example.com": 200, "": 421, "evil.example": 421, "backup.example.com.": 421, "backup.example.com.evil.example": 421,
		"BACKUP.EXAMPLE.COM": 421, "backup.example.com:8443": 421, "backup.example.com@evil.example": 421, "evil.example/backup.example.com": 421,
	} {
		answer := w.ask("GET", "/", "", "", "Host", host, "X-Forwarded-Host", "backup.example.com", "Forwarded", "host=backup.example.com")
		if answer.Code != want {
			t.Errorf("%q: %d, want %d", host, answer.Code, want)
		}
		if want == 421 {
			if made := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Host", host); made.Code != 421 || len(w.cloud.Ledger().CallsOf("CreateBackupJob")) != 0 {
				t.Errorf("%q: a backup: %d", host, made.Code)
			}
		}
		if answer.Code == 200 && strings.Contains(answer.Body.String(), "evil") {
			t.Errorf("%q: the page holds it", host)
		}
	}
	answer := w.ask("GET", "/", "", "", "Host", "backup.example.com", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "ftp")
	if answer.Code != 200 || strings.Contains(answer.Body.String(), "evil.example") {
		t.Errorf("with another host in X-Forwarded-Host: %d", answer.Code)
	}
}
