package e2e

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"backupportal/function/app"
	"backupportal/function/event"
	"backupportal/function/event/envelope"
)

// tellingPolicy writes the demo policy with one receiver of notices and returns the path of the
// file.
func tellingPolicy(t *testing.T) string {
	t.Helper()
	demo, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	const more = `
notifications:
  environment: staging
  receivers:
    - {name: hook, kind: webhook, url_env: HOOK_URL, secret_env: HOOK_SECRET, events: [created, failed]}
`
	if err := os.WriteFile(file, append(demo, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var hookSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))

// TestSweepSendsNotices proves that a sweep (regular background run), started by a timer event,
// sends notices to the receivers in the policy. The link in a notice begins with the address in
// PUBLIC_URL.
func TestSweepSendsNotices(t *testing.T) {
	got := make(chan []byte, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- body
	}))
	defer receiver.Close()
	p, _ := wired(t, "DATABASE_URL", "sqlite:"+filepath.Join(t.TempDir(), "portal.db"), "POLICY_FILE", tellingPolicy(t),
		"HOOK_URL", receiver.URL, "HOOK_SECRET", hookSecret, "PUBLIC_URL", "https://backup.example.com")
	if _, err := p.Handlers.Submit(t.Context(), event.Message{Kind: envelope.Direct, ID: "1", Payload: []byte(kinds[0].json)}); err != nil {
		t.Fatal(err)
	}
	answer, err := p.Handlers.Submit(t.Context(), event.Message{Kind: envelope.Timer, Payload: []byte(`{"sweep":true}`)})
	if err != nil || !strings.Contains(string(answer), `"Sent":1`) {
		t.Fatalf("%s, %v", answer, err)
	}
	var message struct {
		Type string
		Data struct{ SubmissionID, Environment, URL string }
	}
	if err := json.Unmarshal(<-got, &message); err != nil {
		t.Fatal(err)
	}
	if message.Type != "backup.created" || message.Data.Environment != "staging" || message.Data.URL != "https://backup.example.com/backups/"+message.Data.SubmissionID {
		t.Errorf("%+v", message)
	}
}

// TestReceiversNeedTLS proves that the program does not start if the address of a receiver is
// not https, except with the emulator.
func TestReceiversNeedTLS(t *testing.T) {
	for address, want := range map[string]string{
		"https://hooks.example.com/x": "",
		"http://127.0.0.1:1/x":        "receiver hook: the URL must begin with https://",
		"http://hooks.example.com/x":  "HOOK_URL",
		"":                            "HOOK_URL is not set",
	} {
		cfg, err := app.ReadConfig(variables("POLICY_FILE", tellingPolicy(t), "HOOK_URL", address, "HOOK_SECRET", hookSecret,
			"DATABASE_URL", "sqlite:"+filepath.Join(t.TempDir(), "portal.db")))
		if err != nil {
			t.Fatal(err)
		}
		p, err := app.Wire(cfg, io.Discard)
		if err == nil {
			p.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want …%s…", address, err, want)
		}
	}
}
