package web_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A run that is repeated takes the backup that it has, and makes another only
// if that came to nothing.
func TestGatesOfOneRunShareABackup(t *testing.T) {
	everyShell(t, func(t *testing.T, f *front, w way) {
		again := func(changed map[string]string, code, jobs int) {
			t.Helper()
			w.run(t, f.url, changed).want(t, f, code, jobs, "gate: ")
		}
		again(nil, 0, 1)
		again(nil, 0, 1)
		again(map[string]string{"GATE_RUN": "https://ci.example.com/runs/8"}, 0, 2)

		slow := map[string]string{"InstanceId": "i-bp1demoslow01", "GATE_TIMEOUT": "3"}
		again(slow, 4, 3)
		f.waits = f.cancelOnce(t)
		again(map[string]string{"InstanceId": "i-bp1demoslow01"}, 0, 4) // the first was cancelled, the second is complete
		again(map[string]string{"InstanceId": "i-bp1demoslow01"}, 0, 4)

		for jobs := 5; jobs < 8; jobs++ {
			again(map[string]string{"InstanceId": "i-bp1demofail01"}, 1, jobs)
		}
		again(map[string]string{"InstanceId": "i-bp1demopartial01"}, 2, 8)
		again(map[string]string{"InstanceId": "i-bp1demopartial01", "GATE_ALLOW_PARTIAL": "1"}, 0, 8)
	})
}

// What the cloud refused once is refused for good under the same key. A run
// that is repeated has another.
func TestGatesOfOneRunAskAgainAfterARefusal(t *testing.T) {
	everyShell(t, func(t *testing.T, f *front, w way) {
		if err := f.cloud.SetFaults("CreateBackupJob: refuse 403 NoPermission"); err != nil {
			t.Fatal(err)
		}
		w.run(t, f.url, nil).want(t, f, 1, 0, "NoPermission")
		w.run(t, f.url, nil).want(t, f, 0, 1, "an earlier attempt")
		w.run(t, f.url, nil).want(t, f, 0, 1, "an earlier attempt")
	})
}

// Two that ask at the same time, as one that was started again while the other
// still ran, wait for one backup.
func TestGatesOfOneRunAtTheSameTime(t *testing.T) {
	everyShell(t, func(t *testing.T, f *front, w way) {
		if err := f.cloud.SetFaults("CreateBackupJob: latency 200ms"); err != nil {
			t.Fatal(err)
		}
		first, _ := w.start(t, f.url, nil, "")
		second := w.run(t, f.url, nil)
		second.want(t, f, 0, 1, "gate: COMPLETE")
		first.end().want(t, f, 0, 1, "gate: COMPLETE")
	})
}

// The token goes along with each request, and is to be seen neither in the log nor among the processes.
func TestGatesKeepTheTokenToThemselves(t *testing.T) {
	t.Parallel()
	const token = "s3cret-t0ken"
	for _, w := range allWays(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t)
			f.instead = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
				if got := r.Header.Get("Authorization"); got != "Bearer "+token {
					t.Errorf("%s with the header %q", r.Method, got)
				}
				return false
			}
			path, calls := spied(t, "curl")
			got := w.run(t, f.url, map[string]string{"PORTAL_TOKEN": token, "PATH": path})
			got.want(t, f, 0, 1, "gate: COMPLETE")
			list, err := os.ReadFile(calls)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(got.said, token) || strings.Contains(string(list), token) || !strings.Contains(string(list), "Idempotency-Key") {
				t.Errorf("the log:\n%s\nthe calls of curl:\n%s", got.said, list)
			}
		})
	}
}

// spied puts a program in front of the one of that name, and returns the path on
// which it is found, and the file in which it notes its arguments.
func spied(t *testing.T, name string) (path, calls string) {
	t.Helper()
	real, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	spy := "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '" + calls + "'\nexec '" + real + "' \"$@\"\n"
	// Not written by this process: a child of another test that starts meanwhile
	// would hold the file open for a moment, and a shell then runs the next curl.
	write := exec.Command("sh", "-c", `cat > "$0" && chmod 700 "$0"`, filepath.Join(dir, name))
	write.Stdin = strings.NewReader(spy)
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir + string(os.PathListSeparator) + os.Getenv("PATH"), calls
}

// The shells' own failures must not pass for an end of a backup.
func TestGatesThatBreakEndWithTheCodeForThat(t *testing.T) {
	everyShell(t, func(t *testing.T, f *front, w way) {
		for _, breaks := range []struct{ what, with string }{
			{"remains() {\n", "remains() {\n  : \"$nobody_set_this\"\n"},
			{"  remains\n", "  remains )\n"},
			{"$(date +%s)", "$(date +%s)x y"},
			{"follow() {\n", "follow() {\n  exit 2\n"},
		} {
			broken := w
			broken.script = strings.Replace(w.script, breaks.what, breaks.with, 1)
			if got := broken.run(t, f.url, nil); got.code != 5 {
				t.Errorf("with %q: exit code %d\n%s", breaks.with, got.code, got.said)
			}
		}
		w.run(t, f.url, map[string]string{"PATH": t.TempDir()}).want(t, f, 5, 1, "")
	})
}

// A Jenkins that does not know its own address has no name for the run. Another
// one, the same for all runs, would let an old backup pass for this one's.
func TestGatesWithoutANameOfTheRunAskForNothing(t *testing.T) {
	t.Parallel()
	f := newFront(t)
	w := jenkinsWay(t)
	delete(w.env, "BUILD_URL")
	w.run(t, f.url, nil).want(t, f, 5, 0, "GATE_RUN must be set")
}

// What each gate calls its run does not change when it is repeated, and its
// backup is part of the key.
func TestGatesNameTheirRun(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"bash":            "https://ci.example.com/runs/7",
		"GitHub Actions":  "https://github.example.com/shop/web/actions/runs/4711",
		"GitLab CI, bash": "https://gitlab.example.com/shop/web/-/pipelines/4711",
		"Jenkins":         "https://jenkins.example.com/job/%E9%83%A8%E7%BD%B2/7/",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t)
			ways := allWays(t)
			w := ways[slices.IndexFunc(ways, func(w way) bool { return w.name == name })]
			w.run(t, f.url, nil).want(t, f, 0, 1, "gate: COMPLETE")
			if keys := f.keys(); !slices.Equal(keys, []string{want + "/demo/cn-hangzhou/i-bp1demoweb01/15/1"}) {
				t.Errorf("the keys are %q", keys)
			}
		})
	}
}
