package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"backupportal/function/audit"
)

func TestPrintsAddressesAndServes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, "127.0.0.1:0", "127.0.0.1:0", emptyEnvironment, w, io.Discard) }()
	var portal, emulator string
	if _, err := fmt.Fscanf(r, "portal %s\nemulator %s\n", &portal, &emulator); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		portal + "/":                    "Demo: ",
		portal + "/backups/new/UDM_ECS": "Instance ID",
		emulator + "/_emulator/ledger":  `"calls"`,
	} {
		res, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, error %v, lacks %q", address, res.Status, err, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestRefusesOtherAddresses(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		if err := run(t.Context(), addr, "127.0.0.1:0", emptyEnvironment, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%s: got %v", addr, err)
		}
	}
}

// emptyEnvironment is a getenv without variables.
func emptyEnvironment(string) string { return "" }

// TestConfigMatchesDeployment proves that the local portal works like a deployed one: an event
// starts a backup, the audit trail has the records of the backup, and a receiver gets a notice.
func TestConfigMatchesDeployment(t *testing.T) {
	told := make(chan []byte, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- body
	}))
	defer receiver.Close()
	const notifications = `
notifications:
  receivers:
    - {name: hook, kind: webhook, url_env: HOOK_URL, secret_env: HOOK_SECRET, events: [created]}
`
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, slices.Concat(demoPolicy, []byte(notifications)), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{
		"POLICY_FILE": policy,
		"HOOK_URL":    receiver.URL,
		"HOOK_SECRET": "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))),
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var log bytes.Buffer // read after the end
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, "127.0.0.1:0", "127.0.0.1:0", func(name string) string { return environment[name] }, w, &log)
	}()
	var portal, emulator string
	if _, err := fmt.Fscanf(r, "portal %s\nemulator %s\n", &portal, &emulator); err != nil {
		t.Fatal(err)
	}
	event := `{"key":"1","Account":"demo","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","Retention":7}`
	res, err := http.Post(portal+"/invoke", "application/json", strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ SubmissionID, Status string }
	err = json.NewDecoder(res.Body).Decode(&answer)
	res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK || answer.Status != "CREATED" {
		t.Errorf("the event is answered with %s, %+v, error %v", res.Status, answer, err)
	}
	var message struct {
		Type string
		Data struct{ SubmissionID string }
	}
	if err := json.Unmarshal(<-told, &message); err != nil || message.Type != "backup.created" || message.Data.SubmissionID != answer.SubmissionID {
		t.Errorf("the receiver is told %+v, error %v, of %s", message, err, answer.SubmissionID)
	}
	foreign, err := http.NewRequest(http.MethodPost, portal+"/invoke", strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	if res, err := http.DefaultClient.Do(foreign); err != nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("an event from another site: %v, error %v", res, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	rows, err := audit.ReadLines(&log)
	if err != nil {
		t.Fatal(err)
	}
	var trail strings.Builder
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&trail, row)
	}
	for _, kind := range []string{"intent", "outcome"} {
		if !strings.Contains(trail.String(), kind) {
			t.Errorf("the audit trail has no %s:\n%s", kind, trail.String())
		}
	}
}
