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

// TestGatesOfOneRunShareABackup proves that a repeated CI run uses the backup of the earlier
// run. It requests a new one only if the earlier backup failed or was cancelled.
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
		again(map[string]string{"InstanceId": "i-bp1demoslow01"}, 0, 4) // the first backup was cancelled, the second backup is complete
		again(map[string]string{"InstanceId": "i-bp1demoslow01"}, 0, 4)

		for jobs := 5; jobs < 8; jobs++ {
			again(map[string]string{"InstanceId": "i-bp1demofail01"}, 1, jobs)
		}
		again(map[string]string{"InstanceId": "i-bp1demopartial01"}, 2, 8)
		again(map[string]string{"InstanceId": "i-bp1demopartial01", "GATE_ALLOW_PARTIAL": "1"}, 0, 8)
	})
}

// TestGatesOfOneRunAskAgainAfterARefusal proves that a repeated CI run requests the backup
// again, with a new idempotency key, if the cloud refused it. With the old key it would get the
// refusal again.
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

// TestGatesOfOneRunAtTheSameTime proves that two steps of one CI run that start at the same
// time wait for the same backup.
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

// TestGatesHideTheToken proves that the script for CI pipelines shows its token neither in its
// log nor in the list of processes.
func TestGatesHideTheToken(t *testing.T) {
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

// spied installs a wrapper of a program that stores the program's arguments and then runs it.
// It returns the PATH to use and the file with the arguments.
func spied(t *testing.T, name string) (path, calls string) {
	t.Helper()
	real, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	spy := "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '" + calls + "'\nexec '" + real + "' \"$@\"\n"
	// A shell writes the file, not this process. A child process that another test starts could
	// inherit this process's open file, and executing the file would then fail (ETXTBSY).
	write := exec.Command("sh", "-c", `cat > "$0" && chmod 700 "$0"`, filepath.Join(dir, name))
	write.Stdin = strings.NewReader(spy)
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir + string(os.PathListSeparator) + os.Getenv("PATH"), calls
}

// TestGatesReportShellFailures proves that the script ends with an exit code of its own if the
// shell fails, so that a failure is not taken for the result of a backup.
func TestGatesReportShellFailures(t *testing.T) {
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

// TestGatesNeedANameOfTheRun proves that the script refuses to run in a Jenkins server without
// a configured URL: no name of a run is unique then, and it would take an old backup for a new
// one.
func TestGatesNeedANameOfTheRun(t *testing.T) {
	t.Parallel()
	f := newFront(t)
	w := jenkinsWay(t)
	delete(w.env, "BUILD_URL")
	w.run(t, f.url, nil).want(t, f, 5, 0, "GATE_RUN must be set")
}

// TestGateRunNamesAreStable proves that a repeated CI run has the same name, from which the
// idempotency key is made. The key also depends on the requested backup.
func TestGateRunNamesAreStable(t *testing.T) {
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
