package notify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
)

// foreign is the folder in which npm installs the packages that the tests use.
const foreign = "../../.ci"

// needForeign skips a test if Node.js or the library of Standard Webhooks is not installed. With
// CI=true it fails the test instead.
func needForeign(t *testing.T) {
	t.Helper()
	without := ""
	if _, err := exec.LookPath("node"); err != nil {
		without = "there is no node: install Node.js 20 or newer"
	} else if _, err := os.Stat(filepath.Join(foreign, "node_modules", "standardwebhooks")); err != nil {
		without = "there is no verifier: npm ci --prefix .ci"
	}
	switch {
	case without != "" && os.Getenv("CI") == "true":
		t.Fatal(without)
	case without != "":
		t.Skip("left out, a foreign verifier of webhooks: " + without)
	}
}

// A delivery is a message in the form that verify-webhook.js reads.
type delivery struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func newDelivery(r request) delivery {
	d := delivery{Secret: "whsec_" + base64.StdEncoding.EncodeToString([]byte(canaryKey)), Headers: map[string]string{}, Body: string(r.body)}
	for name := range r.header {
		d.Headers[strings.ToLower(name)] = r.header.Get(name)
	}
	return d
}

// TestStandardWebhooksLibrary proves that the library for receivers accepts a message of the
// portal, and refuses the message after any change.
func TestStandardWebhooksLibrary(t *testing.T) {
	needForeign(t)
	clock := func(cfg *Config) { cfg.Now = time.Now } // the wall clock, because the library refuses messages older than five minutes
	hostile := notice(backup.EventFailed)
	hostile.Record.Job.ErrorMessage = "漢 <!channel> \u2028 \\ \" \xff"
	good := newDelivery(sent(t, receiverAt(backup.WebhookReceiver, ""), notice(backup.EventFailed), clock))
	odd := newDelivery(sent(t, receiverAt(backup.WebhookReceiver, ""), hostile, clock))
	old := newDelivery(sent(t, receiverAt(backup.WebhookReceiver, ""), notice(backup.EventFailed), func(cfg *Config) {
		cfg.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) }
	}))
	changed, renamed, stranger := good, good, good
	changed.Body = strings.Replace(good.Body, "FAILED", "COMPLETE", 1)
	renamed.Headers = maps.Clone(good.Headers)
	renamed.Headers["webhook-id"] += "x"
	stranger.Secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("another-key-of-32-characters-lng"))

	input, err := json.Marshal([]delivery{good, odd, old, changed, renamed, stranger})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "verify-webhook.js")
	cmd.Dir, cmd.Stdin = foreign, bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var verdicts []string
	if err := json.Unmarshal(out, &verdicts); err != nil || len(verdicts) != 6 {
		t.Fatalf("%v in %s", err, out)
	}
	for i, want := range []string{"backup.failed", "backup.failed", "too old", "No matching signature", "No matching signature", "No matching signature"} {
		if !strings.Contains(verdicts[i], want) {
			t.Errorf("message %d: %s, want %s", i, verdicts[i], want)
		}
	}
}

// TestAttemptsHaveSameIDAndBody proves that all attempts to send a message have the same id and
// body, so that a receiver can ignore repeats. The time and the signature differ.
func TestAttemptsHaveSameIDAndBody(t *testing.T) {
	s := newServer(t, answerWith(http.StatusInternalServerError, ""))
	cfg := config(receiverAt(backup.WebhookReceiver, s.URL))
	cfg.Now = func() time.Time { return now.Add(time.Duration(len(s.requests())) * time.Minute) }
	sender := newSender(t, cfg)
	for range 2 {
		if err := sender.Send(t.Context(), notice(backup.EventFailed)); err == nil {
			t.Fatal("a failure was none")
		}
	}
	if err := sender.Send(t.Context(), notice(backup.EventCreated)); err == nil {
		t.Fatal("a failure was none")
	}
	got := s.requests()
	id := func(i int) string { return got[i].header.Get("webhook-id") }
	if id(0) == "" || id(0) != id(1) || id(0) == id(2) || string(got[0].body) != string(got[1].body) {
		t.Errorf("ids %s, %s and of another event %s", id(0), id(1), id(2))
	}
	if got[0].header.Get("webhook-signature") == got[1].header.Get("webhook-signature") {
		t.Error("the signature does not depend on the time")
	}
}
