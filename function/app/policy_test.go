package app

import (
	"encoding/base64"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommandsAcceptWhatTheServerAccepts proves that LoadPolicy, which the commands use, and Wire, which
// the server uses, take and refuse the same policies in the same environments.
func TestCommandsAcceptWhatTheServerAccepts(t *testing.T) {
	demo, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	receiver := func(more string) string {
		return string(demo) + "\nnotifications:\n  receivers:\n" +
			"    - {name: hook, kind: webhook, url_env: HOOK_URL, secret_env: HOOK_SECRET, events: [failed]" + more + "}\n"
	}
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	const emulator = "http://127.0.0.1:1"
	for name, c := range map[string]struct {
		policy string
		env    map[string]string
		want   bool
	}{
		"no receiver":                      {string(demo), nil, true},
		"a key that does not exist":        {string(demo) + "\nrulez: []\n", nil, false},
		"a public receiver":                {receiver(""), map[string]string{"HOOK_URL": "https://hooks.example.com/x"}, true},
		"a receiver on loopback":           {receiver(""), map[string]string{"HOOK_URL": "http://127.0.0.1:8080/x"}, false},
		"the same, with an emulator":       {receiver(""), map[string]string{"HOOK_URL": "http://127.0.0.1:8080/x", "CLOUD_ENDPOINT": emulator}, true},
		"a private receiver":               {receiver(""), map[string]string{"HOOK_URL": "https://10.0.0.1/x"}, false},
		"the same, allowed":                {receiver(", private: true"), map[string]string{"HOOK_URL": "https://10.0.0.1/x"}, true},
		"plain http to another machine":    {receiver(""), map[string]string{"HOOK_URL": "http://hooks.example.com/x"}, false},
		"no URL":                           {receiver(""), nil, false},
		"an endpoint that is no origin":    {string(demo), map[string]string{"CLOUD_ENDPOINT": "https://a/b"}, false},
		"a remote endpoint over http":      {string(demo), map[string]string{"CLOUD_ENDPOINT": "http://cloud.example.com"}, false},
		"loopback, the endpoint elsewhere": {receiver(""), map[string]string{"HOOK_URL": "http://127.0.0.1:1/", "CLOUD_ENDPOINT": "https://cloud.example.com"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "policy.yaml")
			if err := os.WriteFile(file, []byte(c.policy), 0o600); err != nil {
				t.Fatal(err)
			}
			settings := map[string]string{
				"POLICY_FILE": file, "DATABASE_URL": "sqlite:" + filepath.Join(folder, "portal.db"), "HOOK_SECRET": secret,
			}
			maps.Copy(settings, c.env)
			getenv := func(name string) string { return settings[name] }

			rules, checked := LoadPolicy(file, getenv)
			served := func() error {
				cfg, err := ReadConfig(getenv)
				if err != nil {
					return err
				}
				p, err := Wire(cfg, io.Discard)
				if err != nil {
					return err
				}
				return p.Close()
			}()
			if (checked == nil) != c.want || (served == nil) != c.want || (rules == nil) == c.want {
				t.Errorf("command: %v; server: %v; want accepted %v", checked, served, c.want)
			}
		})
	}
}
