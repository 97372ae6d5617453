package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"backupportal/function/app"
)

// A fakePortal answers as a portal does. Each answer is by method and path: a status, a blank, and a body.
type fakePortal map[string]string

// healthy returns the answers of a portal without a fault. Its presets need a token.
func healthy() fakePortal {
	return fakePortal{
		"GET /healthz":             `200 {"status":"ok","version":"` + app.Version().Module + `","commit":"` + app.Version().Commit + `","store":"postgres"}`,
		"GET /readyz":              `200 {"status":"ready","store":"postgres"}`,
		"GET /":                    `401 no`,
		"GET /api/v1/presets":      `200 {"Presets":[{"Name":"weeks","Values":{"Retention":"14"}},{"Name":"nightly","Values":{"Account":"prod","Region":"cn-hangzhou","InstanceId":"i-1"}}]}`,
		"POST /api/v1/backup-jobs": `200 {"Account":"prod","Region":"cn-hangzhou","Parameters":{"SourceType":"UDM_ECS"}}`,
	}
}

// smokeOf runs the command against a portal, with a token unless without is true. It returns the output.
func smokeOf(t *testing.T, portal fakePortal, without bool, arguments ...string) (string, error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := portal[r.Method+" "+r.URL.Path]
		if strings.HasPrefix(r.URL.Path, "/api/") && r.Header.Get("Authorization") != "Bearer good" {
			answer, ok = "401 {}", true
		} else if r.Header.Get("Authorization") != "" && !strings.HasPrefix(r.URL.Path, "/api/") {
			t.Errorf("the token was sent to %s", r.URL.Path)
		}
		if r.Method == http.MethodPost && r.URL.Query().Get("dry_run") != "true" {
			t.Errorf("%s would start a backup", r.URL)
		}
		status, body, _ := strings.Cut(answer, " ")
		if to, redirect := strings.CutPrefix(body, "to "); redirect {
			w.Header().Set("Location", strings.ReplaceAll(to, "SELF", "http://"+r.Host))
		}
		if date, found := portal["Date"]; found {
			w.Header().Set("Date", date)
		}
		code := map[string]int{"200": 200, "303": 303, "401": 401, "403": 403, "421": 421, "500": 500, "503": 503}[status]
		if !ok {
			code = 404
		}
		w.WriteHeader(code)
		w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	var out strings.Builder
	token := "good"
	if without {
		token = ""
	}
	getenv := func(name string) string { return map[string]string{smokeTokenVariable: token}[name] }
	err := run(append([]string{"smoke", "--url", server.URL}, arguments...), environment{getenv: getenv, out: &out})
	return out.String(), err
}

func TestSmokeOfAHealthyPortal(t *testing.T) {
	out, err := smokeOf(t, healthy(), false)
	if err != nil || strings.Count(out, "ok        ") != 7 || !strings.Contains(out, "UDM_ECS in cn-hangzhou, account prod") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = smokeOf(t, healthy(), true)
	if err != nil || strings.Count(out, "ok        ") != 5 || strings.Count(out, "left out  ") != 2 || !strings.Contains(out, "set PORTAL_TOKEN") {
		t.Errorf("without a token: %v\n%s", err, out)
	}
}

// TestSmokeNamesWhatFailed proves that each fault fails its check, and that the other checks still run.
func TestSmokeNamesWhatFailed(t *testing.T) {
	login := "303 to https://sso.example.com/authorize?redirect_uri=SELF/auth/callback"
	for name, c := range map[string]struct {
		path, answer string
		check, todo  string // empty check: no failure
	}{
		"another server":           {"GET /healthz", "200 <html>", "health", "is this URL the portal"},
		"an unknown host":          {"GET /healthz", `421 {}`, "health", "set PUBLIC_URL"},
		"an error":                 {"GET /healthz", `500 {}`, "health", "read the log"},
		"another version":          {"GET /healthz", `200 {"status":"ok","version":"old"}`, "version", "deploy again"},
		"a portal without version": {"GET /healthz", `200 {"status":"ok"}`, "version", "an earlier version"},
		"no database":              {"GET /readyz", `503 {"status":"not ready"}`, "store", "check DATABASE_URL"},
		"one instance only":        {"GET /readyz", `200 {"status":"ready","ephemeral":true}`, "store", "set DATABASE_URL"},
		"a clock of the database":  {"GET /readyz", `503 {"status":"not ready","clock_ahead_ms":9000}`, "clock", "9000 ms ahead"},
		"a clock of the portal":    {"Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), "clock", "correct the clock"},
		"a sign-in":                {"GET /", login, "", ""},
		"a sign-in elsewhere":      {"GET /", strings.ReplaceAll(login, "SELF", "https://old.example.com"), "sign-in", "set PUBLIC_URL"},
		"a sign-in to nowhere":     {"GET /", "303 to SELF/", "sign-in", "check OIDC_ISSUER"},
		"an error of the page":     {"GET /", "500 x", "sign-in", "read the log"},
		"an error of the policy":   {"GET /api/v1/presets", `500 {"title":"Broken"}`, "policy", "Broken"},
		"a refused dry run": {"POST /api/v1/backup-jobs", `403 {"title":"Not allowed","errors":[{"detail":"no rule names the account"}]}`, "dry run",
			"no rule names the account"},
	} {
		t.Run(name, func(t *testing.T) {
			portal := healthy()
			portal[c.path] = c.answer
			out, err := smokeOf(t, portal, false)
			if c.check == "" {
				if err != nil || !strings.Contains(out, "people sign in at sso.example.com") {
					t.Errorf("%v\n%s", err, out)
				}
				return
			}
			line := ""
			for _, l := range strings.Split(out, "\n") {
				if strings.HasPrefix(l, "FAILED    "+c.check) {
					line = l
				}
			}
			if !errors.Is(err, errSmoke) || !strings.Contains(line, c.todo) || strings.Count(out, "\n") != 7 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	if out, err := smokeOf(t, fakePortal{"GET /": "401 no", "GET /api/v1/presets": `200 {"Presets":[]}`}, false); err == nil || !strings.Contains(out, "give -submission") {
		t.Errorf("without a preset: %v\n%s", err, out)
	}
}

// TestSmokeCommandLines proves that a token is never sent without TLS to another machine.
func TestSmokeCommandLines(t *testing.T) {
	for line, want := range map[string]string{
		"smoke":                                     "write the origin",
		"smoke -url backup.example.com":             "write the origin",
		"smoke -url https://b.example.com/api":      "write the origin",
		"smoke -url http://backup.example.com":      "must begin with https://",
		"smoke -url https://u:p@b.example.com":      "write the origin",
		"smoke -url http://127.0.0.1 -submission {": "is not valid JSON",
	} {
		_, err := runText(line)
		if _, usage := errors.AsType[usageError](err); !usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
	out, err := runText("smoke -url http://127.0.0.1:1")
	if !errors.Is(err, errSmoke) || !strings.Contains(out, "no answer") {
		t.Errorf("nothing listens: %v\n%s", err, out)
	}
}
