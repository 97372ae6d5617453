package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/param/wordstest"
	"backupportal/function/secret"
)

// answers are the documented answers of each kind of receiver: one answer to an accepted message,
// and the answers to refused messages.
var answers = map[backup.ReceiverKind]struct {
	took   string
	others map[string]string // for each answer to a refused message, a part of the error
}{
	backup.DingTalk: {`{"errcode":0,"errmsg":"ok"}`, map[string]string{
		`{"errcode":310000,"errmsg":"sign not match, canary"}`: "errcode 310000",
		`{"errcode":130101,"errmsg":"send too fast"}`:          "errcode 130101",
		`{}`: "no errcode", ``: "no errcode", `ok`: "no errcode", `{"errcode":"0"}`: "no errcode", `{"errcode":null}`: "no errcode",
	}},
	backup.WeCom: {`{"errcode":0,"errmsg":"ok"}`, map[string]string{
		`{"errcode":93000,"errmsg":"invalid webhook url, canary"}`: "errcode 93000",
		`{"errcode":45009,"errmsg":"api freq out of limit"}`:       "errcode 45009", `[]`: "no errcode",
	}},
	backup.Feishu: {`{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`, map[string]string{
		`{"code":19021,"data":{},"msg":"sign match fail or timestamp is not within one hour"}`: "code 19021",
		`{"code":9499,"msg":"Bad Request","data":{}}`:                                          "code 9499",
		`{"StatusCode":0,"code":11232}`:                                                        "code 11232", `{"StatusCode":19001}`: "code 19001", `{}`: "no code", `success`: "no code",
	}},
	backup.Slack: {"ok", map[string]string{
		"no_service canary": "answer is not \"ok\"", "": "answer is not \"ok\"", `{"ok":true}`: "answer is not \"ok\"",
	}},
	backup.WebhookReceiver: {"", nil},
}

func TestConfirmations(t *testing.T) {
	for kind, said := range answers {
		words := said.took
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) { answerWith(http.StatusOK, words)(w, r) })
		sender := newSender(t, config(receiverAt(kind, s.URL)))
		if err := sender.Send(t.Context(), notice(backup.EventFailed)); err != nil {
			t.Errorf("%s took it: %v", kind, err)
		}
		for other, want := range said.others {
			words = other
			if err := sender.Send(t.Context(), notice(backup.EventFailed)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s answered %q: %v, want …%s…", kind, other, err, want)
			}
		}
		for _, status := range []int{400, 403, 404, 410, 429, 500, 503, 304} {
			failing := newServer(t, answerWith(status, ""))
			if err := newSender(t, config(receiverAt(kind, failing.URL))).Send(t.Context(), notice(backup.EventFailed)); err == nil || !strings.Contains(err.Error(), "status ") {
				t.Errorf("%s answered %d: %v", kind, status, err)
			}
		}
	}
	if len(answers) != len(backup.ReceiverKinds)-1 { // e-mail has its own tests
		t.Errorf("%d of %d kinds are tested", len(answers), len(backup.ReceiverKinds)-1)
	}
}

// sent sends a notice to a receiver and returns the request that the receiver got. For e-mail, the
// body of the request is the subject and the text.
func sent(t *testing.T, receiver backup.Receiver, n backup.Notice, change ...func(*Config)) request {
	t.Helper()
	if receiver.Kind == backup.Email {
		header, text := mailed(t, receiver, n, change...)
		wordstest.Check(t, string(receiver.Kind), header["Subject"]+"\n"+text)
		return request{body: []byte(header["Subject"] + "\n" + text)}
	}
	s := newServer(t, answerWith(http.StatusOK, answers[receiver.Kind].took))
	receiver.URL = receiverAt(receiver.Kind, s.URL).URL
	cfg := config(receiver)
	for _, f := range change {
		f(&cfg)
	}
	if err := newSender(t, cfg).Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	got := s.requests()
	if len(got) != 1 || got[0].method != http.MethodPost || got[0].path != canaryPath || got[0].query.Get("access_token") != "canary" ||
		!strings.HasPrefix(got[0].header.Get("Content-Type"), "application/json") {
		t.Fatalf("%s got %+v", receiver.Kind, got)
	}
	wordstest.Check(t, string(receiver.Kind), string(got[0].body))
	return got[0]
}

// mac computes the expected signature from the vendors' documentation, without using the tested
// code.
func mac(key, message string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(message))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func TestRobotSignatures(t *testing.T) {
	const ms, s = "1795424400000", "1795424400" // the time now in milliseconds and in seconds
	ding := sent(t, receiverAt(backup.DingTalk, ""), notice(backup.EventFailed))
	if got, want := ding.query.Get("sign"), mac(canarySecret, ms+"\n"+canarySecret); got != want || ding.query.Get("timestamp") != ms {
		t.Errorf("DingTalk: timestamp %s, sign %s, want %s", ding.query.Get("timestamp"), got, want)
	}
	var signed struct{ Timestamp, Sign string }
	if err := json.Unmarshal(sent(t, receiverAt(backup.Feishu, ""), notice(backup.EventFailed)).body, &signed); err != nil {
		t.Fatal(err)
	}
	if want := mac(s+"\n"+canarySecret, ""); signed.Sign != want || signed.Timestamp != s {
		t.Errorf("Feishu: %+v, want %s", signed, want)
	}
	for _, kind := range []backup.ReceiverKind{backup.DingTalk, backup.Feishu} {
		plain := receiverAt(kind, "")
		plain.Secret = secret.String{}
		if got := sent(t, plain, notice(backup.EventFailed)); got.query.Has("sign") || strings.Contains(string(got.body), `"sign"`) {
			t.Errorf("%s without a secret: %v %s", kind, got.query, got.body)
		}
	}
}

func TestMessageTexts(t *testing.T) {
	const reason = "disk is busy"
	for _, kind := range chats {
		got := string(sent(t, receiverAt(kind, ""), notice(backup.EventFailed)).body)
		var body any
		if err := json.Unmarshal([]byte(got), &body); err != nil {
			t.Errorf("%s: %v in %s", kind, err, got)
		}
		text := flatten(body)
		for _, want := range []string{
			"[production] Backup failed", "Instance: i-bp1demoweb01", "Account: payments", "Region: China (Hangzhou), cn-hangzhou",
			"Name: before-upgrade", "Requested by: Alice Ann, API", "Why: Before the ＜release＞", "Ticket: OPS-7", "Cloud Backup says: " + reason, "Time: 2026-11-23 16:59 UTC+8",
			"https://backup.example.com/backups/abc234",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %s", kind, want, text)
			}
		}
		chinese := receiverAt(kind, "")
		chinese.Language = param.Chinese
		bare := func(cfg *Config) { cfg.PublicURL, cfg.Notifications.Environment = nil, "" }
		if err := json.Unmarshal(sent(t, chinese, notice(backup.EventSucceeded), bare).body, &body); err != nil {
			t.Fatal(err)
		}
		text = flatten(body)
		for _, want := range []string{"备份成功", "实例：i-bp1demoweb01", "申请人：Alice Ann，API", "地域：华东1（杭州），cn-hangzhou", "备份原因：Before the", "工单号：OPS-7"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %s", kind, want, text)
			}
		}
		if strings.Contains(text, "https://") || strings.Contains(text, "[] ") || strings.Contains(text, "\n原因") {
			t.Errorf("%s without link, environment and reason: %s", kind, text)
		}
	}
	refused := notice(backup.EventFailed)
	refused.Record.Last, refused.Record.Job = backup.Step{Kind: backup.StepRefused, Code: "VaultNotExist", Message: "no <b>vault</b> here"}, backup.Job{}
	if got := string(sent(t, receiverAt(backup.Slack, ""), refused).body); !strings.Contains(got, "refused by Cloud Backup") || !strings.Contains(got, "Reason: VaultNotExist") ||
		!strings.Contains(got, "Cloud Backup says: no ＜b＞vault＜/b＞ here") {
		t.Errorf("a refusal: %s", got)
	}
	refused.Record.Last.Code = "AssumeRole.NoPermission"
	if got := string(sent(t, receiverAt(backup.Slack, ""), refused).body); !strings.Contains(got, "Security Token Service says: no ") {
		t.Errorf("a refusal of STS: %s", got)
	}
	failed := receiverAt(backup.Slack, "")
	failed.Language = param.Chinese
	if got := string(sent(t, failed, notice(backup.EventFailed)).body); !strings.Contains(got, "云备份返回："+reason) {
		t.Errorf("a failed job in Chinese: %s", got)
	}
	downgraded := notice(backup.EventSucceeded)
	downgraded.Record.Job = backup.Job{Status: backup.StateComplete, Consistency: backup.Consistency{ConsistentLevel: "CRASH", DowngradeReason: "VssError"}}
	if got := string(sent(t, receiverAt(backup.Slack, ""), downgraded).body); !strings.Contains(got, "less consistent") || !strings.Contains(got, "Cloud Backup says: VssError") {
		t.Errorf("less than was asked for: %s", got)
	}
	if got := string(sent(t, receiverAt(backup.WebhookReceiver, ""), downgraded).body); !strings.Contains(got, `"ConsistentLevel":"CRASH","DowngradeReason":"VssError"`) {
		t.Errorf("less than was asked for: %s", got)
	}
	downgraded.Event = backup.EventConsistencyMissed
	if got := string(sent(t, receiverAt(backup.Slack, ""), downgraded).body); !strings.Contains(got, "Backup is less consistent than requested") ||
		!strings.Contains(got, "Consistency level: CRASH") || !strings.Contains(got, "Cloud Backup says: VssError") {
		t.Errorf("the event of its own: %s", got)
	}
	if got := string(sent(t, receiverAt(backup.WebhookReceiver, ""), downgraded).body); !strings.Contains(got, `"type":"backup.consistency_missed"`) ||
		!strings.Contains(got, `"Outcome":"succeeded"`) || !strings.Contains(got, `"ConsistentLevel":"CRASH","DowngradeReason":"VssError"`) {
		t.Errorf("the event of its own: %s", got)
	}
	for _, e := range backup.Events {
		if headlines[e].En == "" || headlines[e].Zh == "" {
			t.Errorf("there are no words for %s", e)
		}
	}
}

// flatten returns the texts of a JSON value, one in each line.
func flatten(v any) string {
	var all strings.Builder
	switch v := v.(type) {
	case string:
		all.WriteString(v + "\n")
	case []any:
		for _, one := range v {
			all.WriteString(flatten(one))
		}
	case map[string]any:
		for _, one := range v {
			all.WriteString(flatten(one))
		}
	}
	return all.String()
}

func TestWebhookPayload(t *testing.T) {
	got := sent(t, receiverAt(backup.WebhookReceiver, ""), notice(backup.EventFailed))
	const want = `{"type":"backup.failed","timestamp":"2026-11-23T08:59:00Z","data":{"SubmissionId":"abc234","JobId":"job-1",` +
		`"JobName":"before-upgrade-abc234","Status":"FAILED","Outcome":"failed","Account":"payments","Region":"cn-hangzhou",` +
		`"SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","AskedBy":"Alice Ann","Door":"api","Reason":"Before the \u003crelease\u003e","Ticket":"OPS-7","ErrorMessage":"disk is busy",` +
		`"Environment":"production","Url":"https://backup.example.com/backups/abc234"}}`
	if diff := cmp.Diff(want, string(got.body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	created := string(sent(t, receiverAt(backup.WebhookReceiver, ""), notice(backup.EventCreated)).body)
	if !strings.Contains(created, `"type":"backup.created"`) || !strings.Contains(created, `"Status":"CREATED","Outcome":"running"`) {
		t.Errorf("created: %s", created)
	}
	// A message that is sent late, after the job has failed, must equal the message that is sent in
	// time.
	late := notice(backup.EventCreated)
	late.Record.Job = notice(backup.EventFailed).Record.Job
	if again := string(sent(t, receiverAt(backup.WebhookReceiver, ""), late).body); again != created {
		t.Errorf("the same event later: %s", again)
	}
	refused := notice(backup.EventFailed)
	refused.Record.Last, refused.Record.Job = backup.Step{Kind: backup.StepRefused, Code: "VaultNotExist", Message: "no <b>vault</b> here"}, backup.Job{}
	stopped := notice(backup.EventCancelled)
	stopped.Record.Job, stopped.Record.Cancellation.By.Name = backup.Job{Status: backup.StateCanceled}, "Bob"
	if got := string(sent(t, receiverAt(backup.WebhookReceiver, ""), stopped).body); !strings.Contains(got, `"Outcome":"cancelled"`) || !strings.Contains(got, `"CancelledBy":"Bob"`) {
		t.Errorf("cancelled: %s", got)
	}
	if got := string(sent(t, receiverAt(backup.WebhookReceiver, ""), refused).body); !strings.Contains(got, `"Status":"REFUSED","Outcome":"failed"`) || !strings.Contains(got, `"Code":"VaultNotExist","Message":"no \u003cb\u003evault\u003c/b\u003e here"`) {
		t.Errorf("a refusal: %s", got)
	}
}
