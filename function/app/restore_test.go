package app

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/store/postgrestest"
)

// A site is a portal with a database that a test backs up and restores, and its cloud.
type site struct {
	url   string // URL of the database
	cloud *emulator.Cloud
	addr  string // address of the cloud
}

// newSite returns a site with an empty database.
func newSite(t *testing.T, url string) *site {
	t.Helper()
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	return &site{url, cloud, server.URL}
}

// submit starts the portal, sends one submission for each key, and stops the portal. It returns the ids of
// the jobs in the answers.
func (s *site) submit(t *testing.T, listFirst string, keys ...string) (jobs []string) {
	t.Helper()
	cfg, err := ReadConfig(env(
		"POLICY_FILE", "../cmd/local/policy.yaml", "DATABASE_URL", s.url, "CLOUD_ENDPOINT", s.addr, "LIST_FIRST", listFirst,
		"ALIBABA_CLOUD_ACCESS_KEY_ID", world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", world.DemoSecret,
	))
	if err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	p, err := Wire(cfg, &log)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		body := `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7}`
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9000/api/v1/backup-jobs", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
		answer := httptest.NewRecorder()
		p.Handlers.Web.ServeHTTP(answer, r)
		id := regexp.MustCompile(`"JobId":"([^"]+)"`).FindStringSubmatch(answer.Body.String())
		if id == nil {
			t.Fatalf("%s: %d %s\n%s", key, answer.Code, answer.Body, &log)
		}
		jobs = append(jobs, id[1])
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return jobs
}

// documented returns the shell commands of docs/how-to/restore.md that contain all parts.
func documented(t *testing.T, parts ...string) string {
	t.Helper()
	manual, err := os.ReadFile("../../docs/how-to/restore.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh cloud\n(.*?)```").FindAllStringSubmatch(string(manual), -1) {
		found := true
		for _, part := range parts {
			found = found && strings.Contains(block[1], part)
		}
		if found {
			return block[1]
		}
	}
	t.Fatalf("docs/how-to/restore.md has no commands with %q", parts)
	return ""
}

// shell runs commands in a folder.
func shell(t *testing.T, folder, url, commands string) {
	t.Helper()
	cmd := exec.Command("sh", "-euc", commands)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "DATABASE_URL="+url, "PATH="+postgresPath()+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", commands, err, out)
	}
}

// postgresPath returns the folder of PostgreSQL's programs on Debian, for a PATH; empty if there is none.
func postgresPath() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_restore")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1]) + ":"
}

// TestRestoredDumpStartsNoSecondJob restores a dump with the commands of the manual. Keys that were used after the
// dump are sent again: with LIST_FIRST=1, as the manual says, the portal finds their jobs in the cloud's list.
func TestRestoredDumpStartsNoSecondJob(t *testing.T) {
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		for _, listFirst := range []string{"1", "0"} {
			t.Run(fmt.Sprintf("%s, LIST_FIRST=%s", kind, listFirst), func(t *testing.T) {
				folder := t.TempDir()
				url := "sqlite:" + filepath.Join(folder, "portal.db")
				dump := func() { vacuumInto(t, folder, documented(t, "VACUUM INTO")) }
				restored, restore := url, func() { shell(t, folder, url, documented(t, "portal.db-wal", "cp ")) }
				if kind == "PostgreSQL" {
					server := postgrestest.Start(t)
					postgrestest.Exec(t, server.URL("postgres"), "CREATE DATABASE before", "CREATE DATABASE after")
					url, restored = server.URL("before"), server.URL("after")
					dump = func() { shell(t, folder, url, documented(t, "pg_dump")) }
					restore = func() { shell(t, folder, restored, documented(t, "pg_restore")) }
				}
				s := newSite(t, url)
				before := s.submit(t, "", "old")
				dump()
				between := s.submit(t, "", "lost-1", "lost-2")
				restore()
				s.url = restored
				again := s.submit(t, listFirst, "old", "lost-1", "lost-2", "new")
				made := len(s.cloud.Ledger().Jobs)
				if listFirst == "0" {
					if made <= 4 {
						t.Errorf("%d jobs: without the search there must be second jobs, or this test proves nothing", made)
					}
					return
				}
				if made != 4 || again[0] != before[0] || again[1] != between[0] || again[2] != between[1] {
					t.Errorf("%d jobs; the answers were %v and %v, and after the restore %v", made, before, between, again)
				}
			})
		}
	}
}

// vacuumInto runs the documented command of sqlite3 with the driver of the portal: the command line tool may not be
// installed.
func vacuumInto(t *testing.T, folder, command string) {
	t.Helper()
	m := regexp.MustCompile(`^sqlite3 (\S+) "(VACUUM INTO '(\S+)')"\n$`).FindStringSubmatch(command)
	if m == nil {
		t.Fatalf("unknown command %q", command)
	}
	db, err := sql.Open("sqlite", filepath.Join(folder, m[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), strings.Replace(m[2], m[3], filepath.Join(folder, m[3]), 1)); err != nil {
		t.Fatal(err)
	}
}
