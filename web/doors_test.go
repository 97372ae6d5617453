package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"backupportal/function/identity"
	"backupportal/function/policy"
	"backupportal/web"
)

// push returns a webhook message of at least size bytes. Like a push event of GitHub, it has
// the values for the backup at its beginning and its end, and much other text between them.
func push(instance string, size int) string {
	head, tail := `{"ref":"refs/heads/main","commits":[{"message":"`, `"}],"instance":"`+instance+`","days":3}`
	return head + strings.Repeat("x", max(size-len(head)-len(tail), 0)) + tail
}

// TestLargeWebhooks proves that a webhook message may be as large as the platform permits. A
// larger one is refused, and the error names the limit. Other requests have their own, smaller
// limit.
func TestLargeWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withHooks(t)
	for i, size := range []int{0, 65 << 10, 300 << 10, 450 << 10, 6 << 20, web.MaxHook} {
		body := push("i-bp1demoweb01", size)
		if size > 0 && len(body) != size {
			t.Fatalf("%d bytes, want %d", len(body), size)
		}
		made := w.gitHub(fmt.Sprint("d-", i), body)
		if made.Code != http.StatusCreated {
			t.Errorf("GitHub, %d bytes: %d %s", size, made.Code, made.Body)
		}
	}
	if made := w.hook("msg_1", strings.Replace(firing, "{", `{"text":"`+strings.Repeat("x", 5<<20)+`",`, 1)); made.Code != http.StatusCreated {
		t.Errorf("5 MB of Standard Webhooks: %d %s", made.Code, made.Body)
	}
	bearer := `{"instance":"i-bp1demoweb01","text":"` + strings.Repeat("x", 5<<20) + `"}`
	if made := w.ask("POST", "/webhooks/alerts", "application/json", bearer, "Authorization", "Bearer "+hookToken); made.Code != http.StatusCreated {
		t.Errorf("5 MB with a token: %d %s", made.Code, made.Body)
	}
	n := w.calls()
	for limit, c := range map[int64]struct{ bytes int64 }{0: {web.MaxHook}, 6 << 20: {6 << 20}, 256 << 10: {256 << 10}} {
		w.server.HookBytes = limit
		w.handler = w.server.Handler()
		want := fmt.Sprintf("at most %d MB", c.bytes>>20)
		if c.bytes < 1<<20 {
			want = fmt.Sprintf("at most %d KB", c.bytes>>10)
		}
		messages := map[string]string{"GitHub": w.gitHub("d-x", push("i-bp1demoweb01", int(c.bytes)+1)).Body.String()}
		if limit > 0 { // the largest message takes seconds with race detection
			messages["Standard"] = w.hook("msg_2", firing+strings.Repeat(" ", int(c.bytes))).Body.String()
		}
		for name, refused := range messages {
			if !strings.Contains(refused, `"status":413`) || !strings.Contains(refused, want) {
				t.Errorf("%s over %d bytes: %s", name, c.bytes, refused)
			}
		}
	}
	if other := w.ask("POST", "/api/v1/backup-jobs", "application/json", strings.Repeat(" ", 300<<10)+oneBackup); other.Code != http.StatusRequestEntityTooLarge || strings.Contains(other.Body.String(), "MB") {
		t.Errorf("300 KB to the API: %d %s", other.Code, other.Body)
	}
	if w.calls() != n {
		t.Errorf("the cloud got %d calls more", w.calls()-n)
	}
}

// TestSvixWebhooks proves that the header names of Svix have the same effect as those of
// Standard Webhooks. A message that is repeated with the other names is recognised as a repeat.
func TestSvixWebhooks(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	stamp, signature := w.signature("msg_1", firing)
	svix := func(id string) (code int, body string) {
		answer := w.ask("POST", "/webhooks/ci", "application/json", firing, "svix-id", id, "svix-timestamp", stamp, "svix-signature", signature)
		return answer.Code, answer.Body.String()
	}
	if code, body := svix("msg_1"); code != http.StatusCreated {
		t.Errorf("%d %s", code, body)
	}
	if code, body := svix("msg_2"); code != http.StatusUnauthorized {
		t.Errorf("another id: %d %s", code, body)
	}
	if again := w.hook("msg_1", firing); again.Code != http.StatusOK {
		t.Errorf("again with the standard's names: %d %s", again.Code, again.Body)
	}
}

// TestContentEncodingIsRefused proves that a body with a Content-Encoding, such as gzip, is
// refused everywhere, and that the error says how to send it.
func TestContentEncodingIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withHooks(t)
	form := url.Values{"SourceType": {"UDM_ECS"}, "Account": {"demo"}}.Encode()
	for _, coding := range []string{"gzip", "GZIP", "br", "deflate", "zstd", "gzip, identity", "x-gzip", "identity, gzip", "aws-chunked"} {
		for name, answer := range map[string]*httptest.ResponseRecorder{
			"API":          w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Content-Encoding", coding),
			"cancellation": w.ask("POST", "/api/v1/backup-jobs/aaaaaaaaaaaaaaaaaaaaaaaaaa/cancel", "application/json", "", "Content-Encoding", coding),
			"standard":     w.hook("msg_1", firing, "Content-Encoding", coding),
			"GitHub":       w.gitHub("d-1", push("i-bp1demoweb01", 0), "Content-Encoding", coding),
			"bearer":       w.ask("POST", "/webhooks/alerts", "application/json", "{}", "Authorization", "Bearer "+hookToken, "Content-Encoding", coding),
			"form":         w.ask("POST", "/backups", "application/x-www-form-urlencoded", form, "Content-Encoding", coding),
			"check page":   w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form, "Content-Encoding", coding),
		} {
			if answer.Code != http.StatusUnsupportedMediaType || !strings.Contains(answer.Body.String(), "without the header Content-Encoding") ||
				answer.Header().Get("Accept-Encoding") != "identity" {
				t.Errorf("%s, %s: %d %v %s", name, coding, answer.Code, answer.Header(), answer.Body)
			}
		}
	}
	if w.calls() != 0 {
		t.Errorf("the cloud got %d calls", w.calls())
	}
	w = newWorld(t) // whose rules allow the API
	for _, coding := range []string{"identity", "Identity"} {
		if plain := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Content-Encoding", coding); plain.Code != http.StatusCreated {
			t.Errorf("%s: %d %s", coding, plain.Code, plain.Body)
		}
	}
}

// TestMessagesThatAreNotJSONAreToldWhy proves that the error for a webhook message that is not
// JSON names the setting to change. It appears already for GitHub's ping, which is sent when
// the webhook is created.
func TestMessagesThatAreNotJSONAreToldWhy(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	const form = "application/x-www-form-urlencoded"
	body := url.Values{"payload": {push("i-bp1demoweb01", 0)}}.Encode()
	for name, c := range map[string]struct {
		answer *httptest.ResponseRecorder
		want   string
	}{
		"GitHub's push":          {w.gitHub("d-1", body, "Content-Type", form), "choose the content type application/json"},
		"GitHub's ping":          {w.gitHub("d-2", body, "Content-Type", form, "X-GitHub-Event", "ping"), "choose the content type application/json"},
		"GitHub, with a charset": {w.gitHub("d-3", body, "Content-Type", form+"; charset=utf-8"), "choose the content type application/json"},
		"GitHub, in Chinese":     {w.gitHub("d-4", body, "Content-Type", form, "Accept-Language", "zh-CN"), "选为 application/json"},
		"GitHub, text":           {w.gitHub("d-5", body, "Content-Type", "text/plain"), "Content-Type: application/json"},
		"GitHub, no type":        {w.gitHub("d-6", body, "Content-Type", ""), "Content-Type: application/json"},
		"standard, a form":       {w.hook("msg_1", body, "Content-Type", form), "Content-Type: application/json"},
		"bearer, a form": {w.ask("POST", "/webhooks/alerts", form, body, "Authorization", "Bearer "+hookToken),
			"Content-Type: application/json"},
	} {
		if c.answer.Code != http.StatusUnsupportedMediaType || !strings.Contains(c.answer.Body.String(), c.want) {
			t.Errorf("%s: %d %s", name, c.answer.Code, c.answer.Body)
		}
	}
	unsigned := w.ask("POST", "/webhooks/repo", form, body, "X-GitHub-Delivery", "d-7", "X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
	if unsigned.Code != http.StatusUnauthorized {
		t.Errorf("a stranger's form: %d %s", unsigned.Code, unsigned.Body)
	}
	if ping := w.gitHub("d-8", `{"zen":"x"}`, "X-GitHub-Event", "ping", "Content-Type", "application/json; charset=utf-8"); ping.Code != http.StatusNoContent {
		t.Errorf("a ping in JSON: %d %s", ping.Code, ping.Body)
	}
}

// TestMissingDeliveryIsNamed tests a message of GitHub with a valid signature but without a
// usable X-GitHub-Delivery: the error names the header. A sender without a valid signature must
// not learn it.
func TestMissingDeliveryIsNamed(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	body := push("i-bp1demoweb01", 0)
	for name, c := range map[string]struct {
		answer *httptest.ResponseRecorder
		named  bool
	}{
		"no delivery":             {w.gitHub("", body), true},
		"a delivery with dots":    {w.gitHub("a.b", body), true},
		"a long delivery":         {w.gitHub(strings.Repeat("a", 129), body), true},
		"in Chinese":              {w.gitHub("", body, "Accept-Language", "zh-CN"), true},
		"a stranger, no delivery": {w.gitHub("", body, "X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64)), false},
		"no signature":            {w.gitHub("", body, "X-Hub-Signature-256", ""), false},
	} {
		if got := c.answer; got.Code != http.StatusUnauthorized || strings.Contains(got.Body.String(), "X-GitHub-Delivery") != c.named {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	if w.calls() != 0 {
		t.Errorf("%d calls", w.calls())
	}
}

// TestByteOrderMarkIsSkipped proves that a byte order mark before JSON is skipped wherever the
// portal reads JSON.
func TestByteOrderMarkIsSkipped(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	const mark = "\ufeff"
	for name, answer := range map[string]*httptest.ResponseRecorder{
		"API":      newWorld(t).ask("POST", "/api/v1/backup-jobs", "application/json", mark+oneBackup),
		"standard": w.hook("msg_1", mark+firing),
		"GitHub":   w.gitHub("d-1", mark+push("i-bp1demoweb01", 0)),
		"bearer":   w.ask("POST", "/webhooks/alerts", "application/json", mark+`{"instance":"i-bp1demoweb01"}`, "Authorization", "Bearer "+hookToken),
	} {
		if answer.Code != http.StatusCreated {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
	answer, accepted, err := w.server.SubmitMessage(t.Context(), event(mark+oneBackup, "k"))
	if err != nil || !accepted {
		t.Errorf("event: %s, %v", answer, err)
	}
	if utf16 := w.ask("POST", "/api/v1/backup-jobs", "application/json", "\xff\xfe{\x00}\x00"); utf16.Code != http.StatusBadRequest {
		t.Errorf("UTF-16: %d %s", utf16.Code, utf16.Body)
	}
}

// TestWebhookLabelsAreConverted proves that labels of alerts, which are always texts, are
// converted to the types of the parameters. If that is not possible, the error names the
// parameter.
func TestWebhookLabelsAreConverted(t *testing.T) {
	w := newWorld(t)
	w.withLabels(t)
	send := func(labels string) *httptest.ResponseRecorder {
		return w.ask("POST", "/webhooks/labels", "application/json", `{"labels":`+labels+`}`, "Authorization", "Bearer "+hookToken)
	}
	for _, labels := range []string{
		`{"instance":"i-bp1demoweb01","days":"7","disks":"[\"d-bp1demoweb01b\"]","copy":"false"}`,
		`{"instance":"i-bp1demoweb01","days":" 8 ","copy":"False"}`,
		`{"instance":"i-bp1demoweb01","days":9,"copy":false,"disks":["d-bp1demoweb01b"]}`,
		`{"instance":"i-bp1demoweb01","days":"１０","copy":""}`,
	} {
		if made := send(labels); made.Code != http.StatusCreated {
			t.Errorf("%s: %d %s", labels, made.Code, made.Body)
		}
	}
	for labels, field := range map[string]string{
		`{"instance":"i-bp1demoweb01","days":"a week"}`:                  "Retention",
		`{"instance":"i-bp1demoweb01","days":["7"]}`:                     "Retention",
		`{"instance":"i-bp1demoweb01","days":"7","copy":"perhaps"}`:      "Detail.doCopy",
		`{"instance":"i-bp1demoweb01","days":"7","disks":"{\"a\":1}"}`:   "Detail.diskIdList",
		`{"instance":{"id":"i-bp1demoweb01"},"days":"7","copy":"false"}`: "InstanceId",
		`{"instance":7,"days":"7"}`:                                      "InstanceId",
		`{"instance":"` + strings.Repeat("x", 300<<10) + `","days":"7"}`: "InstanceId",
	} {
		if refused := send(labels); refused.Code != http.StatusUnprocessableEntity || !strings.Contains(refused.Body.String(), `"field":"`+field+`"`) {
			t.Errorf("%.200s: %d %s", labels, refused.Code, refused.Body)
		}
	}
}

// TestMessagesOfTheFieldStartBackups sends messages as alerting systems and code hosts document
// them, and proves that they start backups. Their labels are texts, titles have any characters,
// descriptions have several lines, and ids are numbers.
func TestMessagesOfTheFieldStartBackups(t *testing.T) {
	for name, c := range map[string]struct{ template, message, jobName, reason, ticket string }{
		// "webhook_config" of prometheus.io/docs/alerting/latest/configuration
		"Alertmanager": {
			`      InstanceId: {pointer: /commonLabels/instance_id}
      Retention: {pointer: /alerts/0/labels/keep_days}
      JobName: {pointer: /groupLabels/alertname}
      Reason: {pointer: /commonAnnotations/description}`,
			`{"version":"4","groupKey":"{}:{alertname=\"Disk fails\"}","truncatedAlerts":0,"status":"firing","receiver":"portal",
			"groupLabels":{"alertname":"Disk fails"},"commonLabels":{"instance_id":"i-bp1demoweb01"},"externalURL":"http://alerts.example",
			"commonAnnotations":{"description":"Reallocated sectors:\n  12\n"},"alerts":[{"status":"firing","labels":{"keep_days":"7"},
			"annotations":{},"startsAt":"2026-11-28T09:00:00.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"7a"}]}`,
			"Disk-fails-", "Reallocated sectors: 12", "",
		},
		// "Configure webhook notifications" of grafana.com/docs/grafana/latest/alerting
		"Grafana": {
			`      InstanceId: {pointer: /alerts/0/labels/instance_id}
      Retention: {pointer: /alerts/0/values/B}
      JobName: {pointer: /title}
      Reason: {pointer: /message}`,
			`{"receiver":"portal","status":"firing","orgId":1,"alerts":[{"status":"firing","labels":{"instance_id":"i-bp1demoweb01"},
			"values":{"B":7.0},"valueString":"[ var='B' value=7 ]","dashboardURL":""}],"commonLabels":{},"commonAnnotations":{},
			"version":"1","truncatedAlerts":0,"title":"[FIRING:1] Disk (web01 B)","state":"alerting","message":"**Firing**\n\nValue: B=7\tcritical\n"}`,
			"-FIRING-1--Disk--web01-B--", "**Firing** Value: B=7 critical", "",
		},
		// "Push events" of docs.gitlab.com/user/project/integrations/webhook_events
		"GitLab": {
			`      InstanceId: i-bp1demoweb01
      Retention: "7"
      JobName: {pointer: /project_id}
      Reason: {pointer: /commits/0/message}
      Ticket: {pointer: /checkout_sha}`,
			`{"object_kind":"push","event_name":"push","ref":"refs/heads/master","checkout_sha":"da1560886d4f","user_id":4,"project_id":15,
			"project":{"id":15,"path_with_namespace":"mike/diaspora"},"commits":[{"id":"b6568d","message":"Update Catalan translation to e38cb41.\n\nSee https://gitlab.com/gitlab-org/gitlab for more information",
			"timestamp":"2011-12-12T14:27:31+02:00"}],"total_commits_count":4}`,
			"15-", "Update Catalan translation to e38cb41. See https://gitlab.com/gitlab-org/gitlab for more information", "da1560886d4f",
		},
		// "Webhooks Overview" of developer.pagerduty.com/docs, event incident.triggered
		"PagerDuty": {
			`      InstanceId: {pointer: /event/data/custom_fields/0/value}
      Retention: "7"
      JobName: {pointer: /event/data/service/summary}
      Reason: {pointer: /event/data/title}
      Ticket: {pointer: /event/data/number}`,
			`{"event":{"id":"01CEJHNJ","event_type":"incident.triggered","resource_type":"incident","occurred_at":"2026-11-28T09:00:00Z",
			"data":{"id":"Q0OJ","type":"incident","number":2,"status":"triggered","title":"A little bump in the road","service":{"id":"PF9","summary":"API Service"},
			"priority":null,"custom_fields":[{"name":"instance","value":"i-bp1demoweb01"}]}}}`,
			"API-Service-", "A little bump in the road", "2",
		},
	} {
		w := newWorld(t)
		w.withTemplate(t, c.template)
		made := w.ask("POST", "/webhooks/labels", "application/json", c.message, "Authorization", "Bearer "+hookToken)
		var job struct{ JobName, Reason, Ticket string }
		if err := json.Unmarshal(made.Body.Bytes(), &job); err != nil || made.Code != http.StatusCreated ||
			!strings.HasPrefix(job.JobName, c.jobName) || job.Reason != c.reason || job.Ticket != c.ticket {
			t.Errorf("%s: %d %s", name, made.Code, made.Body)
		}
	}
}

// TestMessagesOfGiteaAreGitHubs proves that a webhook source of the kind github accepts
// messages of Gitea and Forgejo, which send GitHub's headers too.
func TestMessagesOfGiteaAreGitHubs(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	for i, event := range []string{"push", "release", "workflow_run"} {
		body := fmt.Sprintf(`{"ref":"refs/tags/v%d","instance":"i-bp1demoweb01","days":3}`, i)
		made := w.gitHub(fmt.Sprint("4b3f7a52-5d2c-4a2d-9c55-3a0c9a8f1d0", i), body, "X-Gitea-Delivery", "d", "X-Gitea-Event", event, "X-Gitea-Signature", "00",
			"X-Gogs-Event", event, "X-GitHub-Event", event, "X-Hub-Signature", "sha1=00", "X-GitHub-Event-Type", event)
		if made.Code != http.StatusCreated {
			t.Errorf("%s: %d %s", event, made.Code, made.Body)
		}
	}
}

// withLabels loads a policy with a source of alerts whose template takes every value from labels.
func (w *world) withLabels(t *testing.T) {
	t.Helper()
	w.withTemplate(t, `      InstanceId: {pointer: /labels/instance}
      Retention: {pointer: /labels/days}
      Detail.doCopy: {pointer: /labels/copy}
      Detail.diskIdList: {pointer: /labels/disks}`)
}

// withTemplate loads a policy with the source labels, whose template has the account and the
// region of the demo, and the lines of template.
func (w *world) withTemplate(t *testing.T, template string) {
	t.Helper()
	file, err := os.ReadFile("../function/cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	token := sha256.Sum256([]byte(hookToken))
	source := `sources:
  - name: labels
    kind: bearer
    key: body
    keys: [{id: t1, sha256: "` + hex.EncodeToString(token[:]) + `", not_after: "2099-01-01T00:00:00Z"}]
    submission:
      Account: demo
      Region: cn-hangzhou
` + template + `
rules:
`
	text := bytes.Replace(file, []byte("rules:\n"), []byte(source), 1)
	text = bytes.Replace(text, []byte("{issuer: demo, subject: demo}"), []byte("{source: labels}"), 1)
	rules, err := policy.Load(text, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	w.server.Policy, w.server.Backups.Policy = rules, rules
	w.handler = w.server.Handler()
}

// event returns an event without an id of its own (kind mns-stream): two with the same content
// are the same event.
func event(body, key string) web.Message {
	return web.Message{
		Principal: identity.Principal{Kind: identity.KindEvent, Subject: "event:mns-stream", Name: "event mns-stream"},
		Key:       key, ByContent: true, Body: []byte(body),
	}
}

// TestSameContentOnTheNextNightIsANewBackup tests events without an id. The same content within
// a day is a repeat, which is logged with the first submission. In the next night it starts a
// new backup.
func TestSameContentOnTheNextNightIsANewBackup(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	var log bytes.Buffer
	w.server.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.handler = w.server.Handler()
	// Only the portal's clock advances: the SDK signs with the machine's clock.
	var later time.Duration
	w.server.Backups.Now = func() time.Time { return w.clock.Now().Add(later) }
	const alert = `{"instance":"i-bp1demoweb01"}`
	doors := map[string]func() (made bool, answer string){
		"webhook": func() (bool, string) {
			answer := w.ask("POST", "/webhooks/alerts", "application/json", alert, "Authorization", "Bearer "+hookToken)
			return answer.Code == http.StatusCreated, answer.Body.String()
		},
		"event": func() (bool, string) {
			answer, _, err := w.server.SubmitMessage(t.Context(), event(oneBackup, "sha256:x"))
			return err == nil && !strings.Contains(string(answer), `"Replayed":true`), fmt.Sprint(string(answer), err)
		},
	}
	for name, send := range doors {
		made, first := send()
		if !made {
			t.Fatalf("%s: %s", name, first)
		}
		id := first[strings.Index(first, `"SubmissionId":"`)+16:][:26]
		for _, c := range []struct {
			after time.Duration // since the last message
			made  bool
		}{{time.Minute, false}, {22 * time.Hour, false}, {2 * time.Hour, true}, {time.Hour, false}, {24 * time.Hour, true}} {
			log.Reset()
			later += c.after
			made, answer := send()
			if made != c.made {
				t.Errorf("%s, %v later: %s", name, c.after, answer)
			}
			line := log.String()
			if warned := strings.Contains(line, "level=WARN") && strings.Contains(line, "replay by content") && strings.Contains(line, "submission="+id); warned == made {
				t.Errorf("%s, %v later: log %s", name, c.after, line)
			}
		}
	}
}

// TestKeysOfSendersAreNotContent proves that an idempotency key that the sender chose is valid
// for seven days, and that its repeats are not logged as a warning.
func TestKeysOfSendersAreNotContent(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.server.Log = slog.New(slog.NewTextHandler(&log, nil))
	var later time.Duration
	w.server.Backups.Now = func() time.Time { return w.clock.Now().Add(later) }
	keyed := strings.Replace(oneBackup, "{", `{"key":"nightly-1",`, 1)
	for i := range 3 {
		answer, accepted, err := w.server.SubmitMessage(t.Context(), event(keyed, "sha256:x"))
		if err != nil || !accepted || strings.Contains(string(answer), "Replayed") != (i > 0) {
			t.Errorf("%d: %s, %v", i, answer, err)
		}
		later += 36 * time.Hour
	}
	if log.Len() > 0 {
		t.Errorf("log: %s", &log)
	}
}
