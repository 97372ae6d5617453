package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestNotifyTestSendsAMarkedMessage(t *testing.T) {
	messages := make(chan []byte, 10)
	status := http.StatusOK
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("webhook-signature") == "" {
			t.Errorf("%v, headers %v", err, r.Header)
		}
		messages <- body
		w.WriteHeader(status)
	}))
	t.Cleanup(receiver.Close)
	policy := editedPolicy(t, "operators: [everybody]", "notifications: {environment: staging, receivers: [{name: hook, kind: webhook, url_env: HOOK_URL, secret_env: HOOK_SECRET, events: [failed]}]}\noperators: [everybody]")
	env := map[string]string{
		"POLICY_FILE": policy, "HOOK_URL": receiver.URL, "HOOK_SECRET": "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))),
		"CLOUD_ENDPOINT": "http://127.0.0.1:1", "PUBLIC_URL": "https://backup.example.com",
	}
	if out, err := runCommandLine(env, "notify", "test", "hook"); err != nil || out != "hook confirmed the test message\n" {
		t.Fatalf("%v\n%s", err, out)
	}
	var got struct {
		Type string
		Data map[string]any
	}
	if err := json.Unmarshal(<-messages, &got); err != nil || got.Type != "backup.test" || got.Data["Test"] != true || got.Data["Receiver"] != "hook" ||
		got.Data["AskedBy"] != "notify test" || got.Data["Environment"] != "staging" || got.Data["Url"] != "https://backup.example.com/" || len(got.Data) != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	status = http.StatusForbidden
	if out, err := runCommandLine(env, "notify", "test", "hook"); err == nil || !strings.Contains(err.Error(), "status 403") || strings.Contains(err.Error()+out, receiver.URL) {
		t.Errorf("a receiver that refuses: %v\n%s", err, out)
	}
	<-messages
	for _, args := range [][]string{{"nobody"}, {}, {"-file", "cmd/local/policy.yaml", "hook"}, {"hook", "more"}} {
		_, err := runCommandLine(env, append([]string{"notify", "test"}, args...)...)
		if _, usage := errors.AsType[usageError](err); !usage {
			t.Errorf("%v: %v", args, err)
		}
	}
	if len(messages) > 0 {
		t.Error("a message was sent without a receiver")
	}
}
