package app

import (
	"encoding/json"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"backupportal/web"
)

// TestVersionEverywhere proves that /healthz, the footer of a page and the first record of the
// audit trail have the values of [Version].
func TestVersionEverywhere(t *testing.T) {
	p, log := wired(t)
	want := Version()
	if want.Go == "" || want.Schema < 11 || want.Module == "" {
		t.Fatalf("%+v", want)
	}

	var health struct {
		Status string `json:"status"`
		web.Version
	}
	if err := json.Unmarshal(get(p, "/healthz", "").Body.Bytes(), &health); err != nil || health.Status != "ok" || health.Version != want {
		t.Errorf("/healthz: %+v, %v, want %+v", health, err, want)
	}
	if page := get(p, "/", "").Body.String(); !strings.Contains(page, `<span class="version">Version `+want.String()+`</span>`) {
		t.Errorf("no version %s in the footer", want)
	}

	// A token that is not valid leaves a record, and with it the first record of the chain.
	if answer := get(p, "/api/v1/backup-jobs", "hbp_wrong"); answer.Code != http.StatusUnauthorized {
		t.Fatalf("a wrong token: %d", answer.Code)
	}
	settings := map[string]string{}
	for line := range strings.Lines(log.String()) {
		var entry struct {
			Audit struct {
				Record struct {
					Event    string            `json:"event"`
					Settings map[string]string `json:"settings"`
				} `json:"record"`
			} `json:"audit"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err == nil && entry.Audit.Record.Event == "start" {
			settings = entry.Audit.Record.Settings
		}
	}
	for name, value := range map[string]string{
		"version": want.Module, "commit": want.Commit, "go": want.Go, "schema": strconv.Itoa(want.Schema),
	} {
		if got, ok := settings[name]; !ok || got != value {
			t.Errorf("audit trail: %s is %q, want %q", name, got, value)
		}
	}
}

func TestVersionOfABuild(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	setting := func(pairs ...string) (all []debug.BuildSetting) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, debug.BuildSetting{Key: pairs[i], Value: pairs[i+1]})
		}
		return all
	}
	for name, c := range map[string]struct {
		main     string
		settings []debug.BuildSetting
		want     web.Version
		text     string
	}{
		"a tag":   {"v1.2.3", setting("vcs.revision", commit, "vcs.modified", "false"), web.Version{Module: "v1.2.3", Commit: commit}, "v1.2.3 (0123456789ab)"},
		"changed": {"v1.2.3+dirty", setting("vcs.modified", "true", "vcs.revision", commit), web.Version{Module: "v1.2.3+dirty", Commit: commit + "+dirty"}, "v1.2.3+dirty (0123456789ab)"},
		"archive": {"(devel)", nil, web.Version{Module: "unknown"}, "unknown"},
		"test":    {"", setting("vcs.modified", "true"), web.Version{Module: "unknown"}, "unknown"},
	} {
		got := versionOf(&debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: c.main}, Settings: c.settings})
		if c.want.Go = "go1.26"; got != c.want || got.String() != c.text {
			t.Errorf("%s: %+v %q, want %+v %q", name, got, got, c.want, c.text)
		}
	}
}
