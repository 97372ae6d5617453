package web_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// copies lists the files for CI services that contain the script, and how each file encodes the
// script.
var copies = []struct {
	file       string
	begin, end string // text before and after the script
	written    func(script string) string
}{
	{"github-actions.yml", "        run: |\n", "\n  deploy:\n", func(script string) string { return indented(10, script) }},
	{"gitlab-ci.yml", "    - |\n", "\ndeploy:\n", func(script string) string { return indented(6, "(\n"+script+") || exit $?\n") }},
	{"Jenkinsfile", "sh '''\n", "'''\n", func(script string) string {
		return "GATE_RUN=$BUILD_URL\n" + strings.ReplaceAll(script, `\`, `\\`)
	}},
}

func indented(columns int, text string) string {
	margin := "\n" + strings.Repeat(" ", columns)
	text = margin[1:] + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", margin) + "\n"
	return strings.ReplaceAll(text, margin+"\n", "\n\n")
}

// TestGatesHoldTheScript proves that the files for all CI services contain the same script,
// unchanged.
func TestGatesHoldTheScript(t *testing.T) {
	script, err := os.ReadFile("gates/backup-gate.sh")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(script), "#!/bin/sh\n")
	for _, c := range copies {
		path := filepath.Join("gates", c.file)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, begins := strings.Cut(string(content), c.begin)
		at := strings.Index(rest, c.end)
		if !begins || at < 0 {
			t.Fatalf("%s: no place for the script, between %q and %q", path, c.begin, c.end)
		}
		want := head + c.begin + c.written(body) + rest[at:]
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if string(content) != want {
			t.Errorf("%s holds another script than backup-gate.sh: make generate", path)
		}
	}
}

// TestCIServicesExtractTheScript proves that the script that a CI service extracts from its
// file equals the original, byte for byte.
func TestCIServicesExtractTheScript(t *testing.T) {
	_, script, _ := strings.Cut(gateCode(t, "backup-gate.sh"), "#!/bin/sh\n")
	if got := githubWay(t).script; got != script {
		t.Errorf("GitHub runs:\n%s", got)
	}
	if got := jenkinsWay(t).script; got != "\nGATE_RUN=$BUILD_URL\n"+script {
		t.Errorf("Jenkins runs:\n%s", got)
	}
	quoted := strings.ReplaceAll("(\n"+script+") || exit $?\n", "'", `'\''`)
	for _, w := range gitlabWays(t) {
		if !strings.Contains(w.script, ": | eval '"+quoted) {
			t.Errorf("GitLab runs:\n%s", w.script)
		}
	}
}

// TestGateExitCodes proves that the script for CI pipelines makes one backup, and that its exit
// code says how the backup ended.
func TestGateExitCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		changed map[string]string
		cancel  bool // cancel the job while the gate waits
		code    int
		job     string // last status of the job
		says    string
	}{
		{"success", nil, false, 0, "COMPLETE", "the backup is complete"},
		{"failure", map[string]string{"InstanceId": "i-bp1demofail01"}, false, 1, "FAILED", "because it failed"},
		{"partial", map[string]string{"InstanceId": "i-bp1demopartial01"}, false, 2, "PARTIAL_COMPLETE", "some items are missing"},
		{"partial will do", map[string]string{"InstanceId": "i-bp1demopartial01", "GATE_ALLOW_PARTIAL": "1"}, false, 0, "PARTIAL_COMPLETE", "allows"},
		{"cancel", map[string]string{"InstanceId": "i-bp1demoslow01"}, true, 3, "CANCELED", "the backup was cancelled"},
		{"time-out", map[string]string{"InstanceId": "i-bp1demoslow01", "GATE_TIMEOUT": "3"}, false, 4, "RUNNING", "timeout; the backup may continue"},
	} {
		for _, w := range allWays(t) {
			t.Run(c.name+", "+w.name, func(t *testing.T) {
				t.Parallel()
				f := newFront(t)
				if c.cancel {
					f.waits = f.cancelOnce(t)
				}
				got := w.run(t, f.url, c.changed)
				page := f.url + "/backups/" + f.submission(t)
				if got.code != c.code || !strings.Contains(got.said, c.says) || !strings.Contains(got.said, page) {
					t.Errorf("exit code %d, want %d, with %q and %s:\n%s", got.code, c.code, c.says, page, got.said)
				}
				f.clock.Add(seconds(10)) // a long job is RUNNING at this time
				if jobs := f.jobs(); !slices.Equal(jobs, []string{c.job}) {
					t.Errorf("the jobs are %v, want one that is %s", jobs, c.job)
				}
				if follows := strings.Contains(got.said, "\nwhat follows the gate"); follows != (c.code == 0 && strings.HasPrefix(w.name, "GitLab")) {
					t.Errorf("whether what follows ran: %v\n%s", follows, got.said)
				}
			})
		}
	}
}

// TestGateOfSeveralInstances proves that a gate for several instances starts one batch, and that it succeeds only
// if all backups are complete. A repeat of the CI run gets the same batch.
func TestGateOfSeveralInstances(t *testing.T) {
	t.Parallel()
	for _, w := range allWays(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t)
			f.waits = func(path string) {
				if id, ok := strings.CutPrefix(path, batches+"/"); ok {
					f.runBatch(id)
				}
			}
			two := map[string]string{"InstanceId": "i-bp1demoweb01  i-bp1demoweb02"}
			for range 2 {
				w.run(t, f.url, two).want(t, f, 0, 2, "the backup is complete")
			}
			w.run(t, f.url, map[string]string{"InstanceId": "i-bp1demoweb01 i-bp1demofail01", "GATE_ALLOW_PARTIAL": "0"}).want(t, f, 2, 4, "some items are missing")
			w.run(t, f.url, map[string]string{"InstanceId": "i-bp1demoweb01 i-*"}).want(t, f, 5, 4, "InstanceId must be set")
		})
	}
}

// TestGateByTag proves that a gate with a tag starts one batch of the instances that have it, and that a repeat of the CI run
// gets the same batch. A tag that no instance has, or that cannot be in the request, stops the pipeline and starts nothing.
func TestGateByTag(t *testing.T) {
	t.Parallel()
	for _, w := range allWays(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t)
			f.waits = func(path string) {
				if id, ok := strings.CutPrefix(path, batches+"/"); ok {
					f.runBatch(id)
				}
			}
			for range 2 {
				w.run(t, f.url, map[string]string{"InstanceId": "", "Tag": "team=web"}).want(t, f, 0, 2, "the backup is complete")
			}
			for tag, says := range map[string]string{
				"team=nobody": "has the tag team=nobody", "环境=生产": "has the tag 环境=生产", "=": "Tag must be a key",
				`team="web"`: "Tag must not have quotes", "team=\\": "Tag must not have quotes", "team\n": "Tag must not have quotes",
			} {
				w.run(t, f.url, map[string]string{"InstanceId": "", "Tag": tag}).want(t, f, 5, 2, says)
			}
			w.run(t, f.url, map[string]string{"Tag": "team=web"}).want(t, f, 5, 2, "not both")
		})
	}
}

// TestGateTakesAPreset proves that a gate can name a preset of the portal. The retention comes from the preset
// unless the gate sets one. In one CI run, a gate with a preset and a gate without it make different backups.
func TestGateTakesAPreset(t *testing.T) {
	t.Parallel()
	for _, w := range plainWays(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t)
			for _, c := range []struct{ retention, preset, want string }{
				{"", "before-release", "14"}, {"3", "before-release", "3"}, {"15", "", "15"},
			} {
				got := w.run(t, f.url, map[string]string{"Retention": c.retention, "Preset": c.preset})
				if days := f.world.last(t)["Retention"]; got.code != 0 || days != c.want {
					t.Errorf("%+v: exit code %d, Retention %s\n%s", c, got.code, days, got.said)
				}
			}
			if n := len(f.jobs()); n != 3 {
				t.Errorf("%d jobs, want 3", n)
			}
		})
	}
}
