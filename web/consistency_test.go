package web_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	emulated "backupportal/function/emulator/world"
	"backupportal/function/policy"
	"backupportal/web"
)

// consistent is a preset that requests an application-consistent backup. The emulator makes one for an instance with
// Windows, and a crash-consistent one for an instance with Linux, because the preset names no scripts.
const consistent = `
  - name: consistent
    title: {en: Application-consistent, zh: 应用一致性}
    description: {en: "With VSS", zh: 使用 VSS}
    values: {SourceType: UDM_ECS, Retention: "7", Detail.appConsistent: "true"}
`

// offerConsistent adds the preset consistent to the policy of w.
func (w *world) offerConsistent() {
	w.t.Helper()
	file, err := os.ReadFile("../function/cmd/local/policy.yaml")
	if err != nil {
		w.t.Fatal(err)
	}
	text := strings.Replace(string(file), "members:\n", "members:\n      - {issuer: \"https://test.example\", group: testers}\n", 1)
	rules, err := policy.Load([]byte(strings.Replace(text, "\npresets:\n", "\npresets:"+consistent, 1)), os.Getenv)
	if err != nil {
		w.t.Fatal(err)
	}
	w.server.Policy, w.server.Backups.Policy = rules, rules
}

// TestAPIHasTheConsistency proves that the API says whether an application-consistent backup is as consistent as requested.
func TestAPIHasTheConsistency(t *testing.T) {
	for _, c := range []struct {
		name, instance, detail, fault string
		before, after                 string
	}{
		{"reached", "i-bp1demowin01", `,"Detail":{"appConsistent":true}`, "", "waiting", "reached"},
		{"missed", "i-bp1demodb01", `,"Detail":{"appConsistent":true}`, "", "waiting", "missed"},
		{"not requested", "i-bp1demodb01", "", "", "", ""},
		{"no backup", "i-bp1demofail01", `,"Detail":{"appConsistent":true}`, "", "waiting", ""},
		{"not known yet", "i-bp1demodb01", `,"Detail":{"appConsistent":true}`, "DescribeUdmSnapshots: 500", "waiting", "waiting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.fault != "" {
				if err := w.cloud.SetFaults(c.fault); err != nil {
					t.Fatal(err)
				}
			}
			read := func(body []byte) (job web.BackupJob) {
				t.Helper()
				if err := json.Unmarshal(body, &job); err != nil {
					t.Fatal(err)
				}
				return job
			}
			body := strings.Replace(strings.Replace(oneBackup, "i-bp1demoweb01", c.instance, 1), "15", "15"+c.detail, 1)
			made := w.ask("POST", "/api/v1/backup-jobs", "application/json", body)
			if job := read(made.Body.Bytes()); string(job.Consistency) != c.before {
				t.Errorf("at first %q, want %q", job.Consistency, c.before)
			}
			w.clock.Add(seconds(120))
			job := read(w.ask("GET", made.Header().Get("Location"), "", "").Body.Bytes())
			if string(job.Consistency) != c.after {
				t.Errorf("then %q, want %q: %+v", job.Consistency, c.after, job)
			}
		})
	}
}

// TestGateRequiresConsistency proves that a gate with GATE_REQUIRE_CONSISTENT passes only if the backup is
// application-consistent, and waits until that is known. A repeat of the run then starts another backup.
func TestGateRequiresConsistency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, instances, preset, require, fault string
		code, jobs                              int
		says                                    string
	}{
		{"reached", "i-bp1demowin01", "consistent", "1", "", 0, 1, "the backup is complete"},
		{"missed", "i-bp1demodb01", "consistent", "1", "", 6, 1, "the consistency is missed"},
		{"missed, not required", "i-bp1demodb01", "consistent", "", "", 0, 1, "the backup is complete"},
		{"missed, switched off", "i-bp1demodb01", "consistent", "0", "", 0, 1, "the backup is complete"},
		{"not requested", "i-bp1demowin01", "before-release", "1", "", 6, 1, "the consistency is not requested"},
		{"known later", "i-bp1demowin01", "consistent", "1", "DescribeUdmSnapshots: 500", 0, 1, "the backup is complete"},
		{"all reached", "i-bp1demowin01 i-bp1demowin02", "consistent", "1", "", 0, 2, "the backup is complete"},
		{"one missed", "i-bp1demowin01 i-bp1demodb01", "consistent", "1", "", 6, 2, "the consistency is missed"},
		{"failed", "i-bp1demofail01", "consistent", "1", "", 1, 1, "because it failed"},
	} {
		for _, w := range plainWays(t) {
			t.Run(c.name+", "+w.name, func(t *testing.T) {
				t.Parallel()
				f := newFrontOf(t, newWorldIn(t, func(exists *emulated.World) {
					own := &exists.Accounts[0]
					at := slices.IndexFunc(own.Instances, func(i emulated.Instance) bool { return i.ID == "i-bp1demowin01" })
					other := own.Instances[at]
					other.ID, other.Disks = "i-bp1demowin02", []emulated.Disk{{ID: "d-bp1demowin02a", Category: "cloud_essd", Type: "system", GiB: 80}}
					own.Instances = append(own.Instances, other)
				}))
				f.offerConsistent()
				if c.fault != "" {
					if err := f.cloud.SetFaults(c.fault); err != nil {
						t.Fatal(err)
					}
				}
				f.waits = func(path string) {
					if id, ok := strings.CutPrefix(path, batches+"/"); ok {
						f.runBatch(id)
					}
				}
				changed := map[string]string{"InstanceId": c.instances, "Preset": c.preset, "Retention": "", "GATE_REQUIRE_CONSISTENT": c.require}
				w.run(t, f.url, changed).want(t, f, c.code, c.jobs, c.says)
				if c.name == "missed" {
					w.run(t, f.url, changed).want(t, f, c.code, 2, "starting another backup")
				}
			})
		}
	}
}
