package web_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"backupportal/function/policy"
	"backupportal/web"
)

const (
	hookSecret   = "canary-hook-secret-of-32-bytes.."
	gitHubSecret = "canary-github-secret"
)

// withHooks loads a policy with webhook sources.
func (w *world) withHooks(t *testing.T) {
	t.Helper()
	file, err := os.ReadFile("../function/cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	token := sha256.Sum256([]byte(hookToken))
	sources := `sources:
  - name: ci
    kind: standard
    keys: [{id: k1, secret_env: HOOK}]
    when: [{pointer: /status, equals: firing}]
    submission: {Account: demo, Region: cn-hangzhou, InstanceId: {pointer: /labels/instance}, Retention: "7"}
  - name: repo
    kind: github
    keys: [{id: g1, secret_env: GITHUB}]
    submission: {Account: demo, Region: cn-hangzhou, InstanceId: {pointer: /instance}, Retention: {pointer: /days}}
  - name: alerts
    kind: bearer
    key: body
    keys: [{id: t1, sha256: "` + hex.EncodeToString(token[:]) + `", not_after: "2099-01-01T00:00:00Z"}]
    submission: {Account: demo, Region: cn-hangzhou, InstanceId: {pointer: /instance}, Retention: "7"}
rules:
`
	text := bytes.Replace(file, []byte("rules:\n"), []byte(sources), 1)
	text = bytes.Replace(text, []byte("{issuer: demo, subject: demo}"), []byte("{issuer: \"https://test.example\", group: testers}\n      - {source: ci}\n      - {source: repo}\n      - {source: alerts}"), 1)
	rules, err := policy.Load(text, func(name string) string {
		return map[string]string{"HOOK": "whsec_" + base64.StdEncoding.EncodeToString([]byte(hookSecret)), "GITHUB": gitHubSecret}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	w.server.Policy, w.server.Backups.Policy = rules, rules
	w.handler = w.server.Handler()
}

var hookToken = "hbp_" + strings.Repeat("canary7", 6) + "x"

const firing = `{"status":"firing","labels":{"instance":"i-bp1demoweb01"}}`

// signature returns the time of a message to the source ci, and its signature.
func (w *world) signature(id, body string) (stamp, signature string) {
	stamp = strconv.FormatInt(w.clock.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	return stamp, "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// hook sends a webhook message as the source ci.
func (w *world) hook(id, body string, headers ...string) *httptest.ResponseRecorder {
	stamp, signature := w.signature(id, body)
	signed := []string{"Webhook-Id", id, "Webhook-Timestamp", stamp, "Webhook-Signature", signature}
	return w.ask("POST", "/webhooks/ci", "application/json", body, append(signed, headers...)...)
}

func (w *world) gitHub(id, body string, headers ...string) *httptest.ResponseRecorder {
	mac := hmac.New(sha256.New, []byte(gitHubSecret))
	mac.Write([]byte(body))
	signed := []string{"X-GitHub-Delivery", id, "X-Hub-Signature-256", "sha256=" + hex.EncodeToString(mac.Sum(nil))}
	return w.ask("POST", "/webhooks/repo", "application/json", body, append(signed, headers...)...)
}

// TestWebhookMakesOneBackup proves that a webhook message makes one backup, even if it is
// delivered several times. A second message with the same id and other content is refused
// (threat T10).
func TestWebhookMakesOneBackup(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	first := w.hook("msg_1", firing)
	if first.Code != http.StatusCreated || !strings.Contains(first.Body.String(), `"Door":"webhook"`) || !strings.Contains(first.Body.String(), `"AskedBy":"ci"`) {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	n := w.calls()
	w.clock.Add(time.Minute)
	again := w.hook("msg_1", firing)
	if again.Code != http.StatusOK || again.Header().Get("Idempotent-Replayed") != "true" || w.calls() != n {
		t.Errorf("again: %d %s", again.Code, again.Body)
	}
	other := w.hook("msg_1", strings.Replace(firing, "web01", "web02", 1))
	if other.Code != http.StatusUnprocessableEntity || !strings.Contains(other.Body.String(), "key-reused") || w.calls() != n {
		t.Errorf("the same id with another content: %d %s", other.Code, other.Body)
	}
	if made := w.gitHub("d-1", `{"instance":"i-bp1demoweb01","days":3}`, "X-GitHub-Event", "push"); made.Code != http.StatusCreated {
		t.Errorf("of GitHub: %d %s", made.Code, made.Body)
	}
	jobs := len(w.cloud.Ledger().Jobs)
	for _, id := range []string{"d-1", "d-2", "forged"} { // the id may be forged, because GitHub signs only the body
		made := w.gitHub(id, `{"instance":"i-bp1demoweb01","days":3}`, "X-GitHub-Event", "push")
		if made.Code != http.StatusOK || made.Header().Get("Idempotent-Replayed") != "true" || len(w.cloud.Ledger().Jobs) != jobs {
			t.Errorf("of GitHub again, as %s: %d %s", id, made.Code, made.Body)
		}
	}
	for i, want := range []int{201, 200} {
		made := w.ask("POST", "/webhooks/alerts", "application/json", `{"instance":"i-bp1demoweb01"}`, "Authorization", "Bearer "+hookToken)
		if made.Code != want {
			t.Errorf("with a token, %d: %d %s", i, made.Code, made.Body)
		}
	}
}

// TestWebhooksWithoutSubmission proves that a webhook message that requests no backup starts
// nothing, and the portal answers without an error.
func TestWebhooksWithoutSubmission(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	for name, answer := range map[string]*httptest.ResponseRecorder{
		"resolved": w.hook("msg_1", strings.Replace(firing, "firing", "resolved", 1)),
		"ping":     w.gitHub("d-1", `{"zen":"x"}`, "X-GitHub-Event", "ping"),
	} {
		if answer.Code != http.StatusNoContent || answer.Body.Len() > 0 {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
	if w.calls() != 0 {
		t.Errorf("the cloud got %d calls", w.calls())
	}
}

// TestInvalidWebhooksAreRefused proves that an invalid webhook message causes no call to the
// cloud. The answer tells the sender only that the message was refused (threats T9, T10, T11).
func TestInvalidWebhooksAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withHooks(t)
	stranger := func(path string, headers ...string) *httptest.ResponseRecorder {
		return w.ask("POST", path, "application/json", firing, headers...)
	}
	var bodies []string
	for name, answer := range map[string]*httptest.ResponseRecorder{
		"nothing":          stranger("/webhooks/ci"),
		"another's token":  stranger("/webhooks/ci", "Authorization", "Bearer "+hookToken),
		"another source":   w.hookTo("/webhooks/repo", "msg_1", firing),
		"other content":    w.hook("msg_1", firing, "Webhook-Signature", "v1,"+strings.Repeat("A", 43)+"="),
		"in the address":   stranger("/webhooks/alerts?token=" + hookToken + "&access_token=" + hookToken),
		"an hour too late": w.late(t, "msg_1", firing),
	} {
		if answer.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
		bodies = append(bodies, answer.Body.String())
	}
	for _, body := range bodies {
		if body != bodies[0] || strings.Contains(body, "canary") {
			t.Errorf("strangers are told apart:\n%s\n%s", bodies[0], body)
		}
	}
	for name, c := range map[string]struct {
		answer *httptest.ResponseRecorder
		code   int
	}{
		"no such source":      {stranger("/webhooks/nobody"), 404},
		"another method":      {w.ask("GET", "/webhooks/ci", "", ""), 405},
		"too large":           {w.hook("msg_2", strings.Repeat(" ", web.MaxHook)+firing), 413},
		"another type":        {w.hook("msg_3", firing, "Content-Type", "text/plain"), 415},
		"not JSON":            {w.hook("msg_4", "{"), 400},
		"no place":            {w.hook("msg_5", `{"status":"firing"}`), 422},
		"a list for an id":    {w.hook("msg_6", `{"status":"firing","labels":{"instance":["i-1"]}}`), 422},
		"beyond the policy":   {w.gitHub("d-1", `{"instance":"i-bp1demoweb01","days":3000}`), 403},
		"a token without key": {w.ask("POST", "/webhooks/alerts", "application/json", "{}", "Authorization", "Bearer "+hookToken, "Idempotency-Key", `a"b`), 400},
	} {
		if c.answer.Code != c.code || strings.Contains(c.answer.Body.String(), "canary") {
			t.Errorf("%s: %d, want %d: %s", name, c.answer.Code, c.code, c.answer.Body)
		}
	}
	if w.calls() != 0 {
		t.Errorf("the cloud got %d calls", w.calls())
	}
}

// hookTo sends a webhook message as the source ci to the given path.
func (w *world) hookTo(path, id, body string) *httptest.ResponseRecorder {
	stamp := strconv.FormatInt(w.clock.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	return w.ask("POST", path, "application/json", body, "Webhook-Id", id, "Webhook-Timestamp", stamp,
		"Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// late sends a webhook message whose signature is valid but one hour old.
func (w *world) late(t *testing.T, id, body string) *httptest.ResponseRecorder {
	t.Helper()
	w.clock.Add(-time.Hour)
	stamp := strconv.FormatInt(w.clock.Now().Unix(), 10)
	w.clock.Add(time.Hour)
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	return w.ask("POST", "/webhooks/ci", "application/json", body, "Webhook-Id", id, "Webhook-Timestamp", stamp,
		"Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// TestWebhookGets503WhileResultIsUnknown proves that the sender of a webhook gets 503 until the
// result is known, so that it repeats the message. In the end there is exactly one backup.
func TestWebhookGets503WhileResultIsUnknown(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	if err := w.cloud.SetFaults("CreateBackupJob: drop-after"); err != nil {
		t.Fatal(err)
	}
	lost := w.hook("msg_1", firing)
	if lost.Code != http.StatusServiceUnavailable || lost.Header().Get("Retry-After") == "" || !strings.Contains(lost.Body.String(), "unsettled") {
		t.Fatalf("%d %s", lost.Code, lost.Body)
	}
	if soon := w.hook("msg_1", firing); soon.Code != http.StatusConflict || soon.Header().Get("Retry-After") == "" {
		t.Errorf("at once: %d %s", soon.Code, soon.Body)
	}
	w.clock.Add(2 * time.Minute)
	if later := w.hook("msg_1", firing); later.Code != http.StatusOK || !strings.Contains(later.Body.String(), `"JobId":"job-`) {
		t.Errorf("later: %d %s", later.Code, later.Body)
	}
	creates := 0
	for _, call := range w.cloud.Ledger().Calls {
		if call.Action == "CreateBackupJob" {
			creates++
		}
	}
	if creates != 1 {
		t.Errorf("the cloud was asked %d times", creates)
	}
}
