package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/emulator/world"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
)

// git runs git in the checkout of this test and returns its output without the line end.
func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	return strings.TrimSpace(string(out)), err
}

// previousVersion returns the commit of the version before: the last tag with fewer migrations than this program,
// or, without such a tag, the commit before the one that added the last migration.
func previousVersion() (string, error) {
	names, err := filepath.Glob("../store/migrations/*.sql")
	if err != nil || len(names) == 0 {
		return "", errors.New("no migrations")
	}
	if tags, err := git("tag", "--sort=-creatordate", "--merged", "HEAD", "v*"); err == nil && tags != "" {
		for tag := range strings.SplitSeq(tags, "\n") {
			files, err := git("ls-tree", "--name-only", tag, "../store/migrations/")
			if err == nil && strings.Count(files, ".sql") < len(names) {
				return tag, nil
			}
		}
	}
	added, err := git("log", "--diff-filter=A", "--format=%H", "-n1", "--", slices.Max(names))
	if err != nil || added == "" {
		return "", fmt.Errorf("the commit that added %s is unknown", slices.Max(names))
	}
	return git("rev-parse", added+"^")
}

// buildPrevious builds the program of a commit. It returns the paths of the program and of the demonstration's
// policy of that commit.
func buildPrevious(t *testing.T, commit string) (program, policy string) {
	t.Helper()
	folder := t.TempDir()
	archive := exec.Command("git", "archive", "--format=tar", commit)
	archive.Dir = "../.."
	unpack := exec.Command("tar", "-x", "-C", folder)
	var err error
	if unpack.Stdin, err = archive.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(unpack.Start(), archive.Run(), unpack.Wait()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "previous")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./function")
	build.Dir = folder
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", commit, err, out)
	}
	return path, filepath.Join(folder, "function", "cmd", "local", "policy.yaml")
}

// TestPreviousVersionRunsOnNewSchema updates a database to the schema of this program, and runs the program of the
// version before on it: it starts a backup, repeats the request, reads the history, cancels and restarts. So a
// deployment can be rolled back.
func TestPreviousVersionRunsOnNewSchema(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	commit, err := previousVersion()
	if err != nil {
		t.Skipf("needs a checkout with its history: %v", err)
	}
	program, policy := buildPrevious(t, commit)
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		t.Run(kind, func(t *testing.T) {
			url := "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
			if kind == "PostgreSQL" {
				url = postgrestest.Start(t).URL("postgres")
			}
			db, err := store.Open(store.Config{URL: secret.New(url), StatementTime: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			if _, to, err := db.Migrate(t.Context()); err != nil || to != store.SchemaVersion() {
				t.Fatalf("version %d, %v", to, err)
			}
			s := newSite(t, url)
			first := s.previous(t, program, policy)
			job := first.post(t, "/api/v1/backup-jobs", "k1", `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7}`)
			if again := first.post(t, "/api/v1/backup-jobs", "k1", `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7}`); again["JobId"] != job["JobId"] || job["JobId"] == nil {
				t.Errorf("repeated: %v, first %v", again, job)
			}
			if page := first.get(t, "/backups"); !strings.Contains(page, fmt.Sprint(job["SubmissionId"])) {
				t.Errorf("the history does not show %v", job)
			}
			if got := first.post(t, fmt.Sprintf("/api/v1/backup-jobs/%v/cancel", job["SubmissionId"]), "", ""); got["SubmissionId"] != job["SubmissionId"] {
				t.Errorf("cancelling: %v", got)
			}
			first.stop(t)
			second := s.previous(t, program, policy)
			if got := second.get(t, fmt.Sprintf("/api/v1/backup-jobs/%v", job["SubmissionId"])); !strings.Contains(got, fmt.Sprint(job["JobId"])) {
				t.Errorf("after a restart: %s", got)
			}
			second.stop(t)
			if made := len(s.cloud.Ledger().Jobs); made != 1 {
				t.Errorf("%d jobs, want 1", made)
			}
			if version, err := db.SchemaOf(t.Context()); err != nil || version != store.SchemaVersion() {
				t.Errorf("the version before changed the schema to %d, %v", version, err)
			}
		})
	}
}

// A running is a process of a portal.
type running struct {
	cmd    *exec.Cmd
	origin string
	log    bytes.Buffer
}

// previous starts a program with a policy on the site's database.
func (s *site) previous(t *testing.T, program, policy string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	p := &running{cmd: exec.CommandContext(ctx, program)}
	p.cmd.Env = []string{
		"ADDR=127.0.0.1:0", "AUTH_MODE=demo", "POLICY_FILE=" + policy, "DATABASE_URL=" + s.url, "CLOUD_ENDPOINT=" + s.addr,
		"ALIBABA_CLOUD_ACCESS_KEY_ID=" + world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + world.DemoSecret, "TMPDIR=" + t.TempDir(),
	}
	p.cmd.Stderr = &p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v\n%s", err, &p.log)
	}
	p.origin = strings.TrimSpace(strings.TrimPrefix(line, "portal "))
	return p
}

// stop ends the process as a deployment does.
func (p *running) stop(t *testing.T) {
	t.Helper()
	if err := errors.Join(p.cmd.Process.Signal(os.Interrupt), p.cmd.Wait()); err != nil {
		t.Errorf("%v\n%s", err, &p.log)
	}
}

// get returns the body of an answer with status 200.
func (p *running) get(t *testing.T, path string) string {
	t.Helper()
	res, err := http.Get(p.origin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v\n%s", path, res.StatusCode, body, err, &p.log)
	}
	return string(body)
}

// post sends JSON and returns the answer, which must not be an error.
func (p *running) post(t *testing.T, path, key, body string) (answer map[string]any) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.origin+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s: %d %v %v\n%s", path, res.StatusCode, answer, err, &p.log)
	}
	return answer
}
