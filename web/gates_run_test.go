package web_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A transcript holds the output that a script has written so far.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
	wait string        // text to wait for; empty if none or if it has appeared
	said chan struct{} // closed after the text appeared
}

// Write implements [io.Writer].
func (s *transcript) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(b)
	if s.wait != "" && strings.Contains(s.text.String(), s.wait) {
		close(s.said)
		s.wait = ""
	}
	return len(b), nil
}

// A running holds a script that was started.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	said transcript
}

// start starts a script. Its environment has only the variables of the way w, with changed
// applied. If words is not empty, the channel said is closed when the script has written words;
// otherwise said is nil.
func (w way) start(t *testing.T, url string, changed map[string]string, words string) (r *running, said <-chan struct{}) {
	t.Helper()
	for _, name := range []string{w.shell[0], "curl"} {
		switch _, err := exec.LookPath(name); {
		case err != nil && os.Getenv("CI") == "true":
			t.Fatalf("%s is not installed", name)
		case err != nil:
			t.Skipf("%s is not installed", name)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "script")
	if err := os.WriteFile(file, []byte(w.script), 0o600); err != nil {
		t.Fatal(err)
	}
	env := maps.Clone(w.env)
	env["PATH"], env["HOME"], env["PORTAL_URL"] = os.Getenv("PATH"), dir, url
	maps.Copy(env, changed)
	r = &running{t: t, cmd: exec.CommandContext(t.Context(), w.shell[0], append(slices.Clone(w.shell[1:]), file)...)}
	for name, value := range env {
		r.cmd.Env = append(r.cmd.Env, name+"="+value)
	}
	r.said.wait, r.said.said = words, make(chan struct{})
	r.cmd.Stdout, r.cmd.Stderr = &r.said, &r.said
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r, r.said.said
}

// An ending has the output and the exit code of a script.
type ending struct {
	code int
	said string
}

// end waits until the script ends.
func (r *running) end() ending {
	r.t.Helper()
	err := r.cmd.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		r.t.Fatal(err)
	}
	return ending{r.cmd.ProcessState.ExitCode(), r.said.text.String()}
}

// run starts a script and waits until the script ends.
func (w way) run(t *testing.T, url string, changed map[string]string) ending {
	t.Helper()
	r, _ := w.start(t, url, changed, "")
	return r.end()
}

// want checks the result of a script and the number of jobs.
func (e ending) want(t *testing.T, f *front, code, jobs int, says string) {
	t.Helper()
	if got := len(f.cloud.Ledger().Jobs); e.code != code || got != jobs || !strings.Contains(e.said, says) {
		t.Errorf("exit code %d, want %d; %d jobs, want %d; does it say %q?\n%s", e.code, code, got, jobs, says, e.said)
	}
}
