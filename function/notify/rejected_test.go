package notify

import (
	"encoding/json"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// rejectedNotice returns a notice about an event that can never be accepted.
func rejectedNotice() backup.Notice {
	return backup.Notice{
		SubmissionID: "rej123", Event: backup.EventRejected, Receiver: "r", At: now,
		Rejection: backup.Rejection{
			ID: "rej123", Kind: backup.RejectedInvalid, Door: backup.DoorEvent,
			Sender: identity.Principal{Kind: identity.KindEvent, Subject: "event:timer"}, Origin: "nightly <@all> *x*",
			Reason: param.Both("Retention is wrong", "保留天数有误"), RequestID: "req-1", FirstAt: now, LastAt: now, Count: 3,
		},
	}
}

// TestRejectionsInAllChats proves what every kind of receiver is told about rejected messages:
// the source, the origin and the reason, in its language and without markup, and a link to the
// list of rejected messages.
func TestRejectionsInAllChats(t *testing.T) {
	for _, kind := range backup.ReceiverKinds {
		for language, want := range map[param.Language][]string{
			param.English: {"Retention is wrong", "event:timer"}, param.Chinese: {"保留天数有误", "event:timer"},
		} {
			to := receiverAt(kind, "")
			to.Language = language
			body := string(sent(t, to, rejectedNotice()).body)
			if kind != backup.WebhookReceiver {
				want = append(want, headlines[backup.EventRejected].In(language))
				if strings.Contains(body, "<@all>") || strings.Contains(body, "*x*") {
					t.Errorf("%s: markup of the origin is in %s", kind, body)
				}
			}
			for _, part := range append(want, "https://backup.example.com/backups?Status=REJECTED") {
				if !strings.Contains(body, part) {
					t.Errorf("%s: no %q in %s", kind, part, body)
				}
			}
		}
	}
}

func TestRejectionAsWebhook(t *testing.T) {
	var got struct {
		Type string
		Data rejectionData
	}
	if err := json.Unmarshal(sent(t, receiverAt(backup.WebhookReceiver, ""), rejectedNotice()).body, &got); err != nil {
		t.Fatal(err)
	}
	want := rejectionData{
		RejectionID: "rej123", Kind: "invalid", Door: backup.DoorEvent, Source: "event:timer", Origin: "nightly <@all> *x*",
		Reason: "Retention is wrong", RequestID: "req-1", Environment: "production", URL: "https://backup.example.com/backups?Status=REJECTED",
	}
	if got.Type != "backup.rejected" || got.Data != want {
		t.Errorf("got %+v", got)
	}
}

// TestTestMessagesAreMarked proves that a test message says that it is a test, to each kind of receiver and in
// both languages. To a webhook it has none of the members of other messages.
func TestTestMessagesAreMarked(t *testing.T) {
	n := backup.NewTestNotice("r", "Olga <@all> *x*", "id1", now)
	for _, kind := range backup.ReceiverKinds {
		for language, want := range map[param.Language]string{param.English: "Test message", param.Chinese: "测试消息"} {
			to := receiverAt(kind, "")
			to.Language = language
			body := string(sent(t, to, n).body)
			if kind == backup.WebhookReceiver {
				want = `"type":"backup.test"`
			} else if strings.Contains(body, "<@all>") || strings.Contains(body, "*x*") {
				t.Errorf("%s: markup of a name is in %s", kind, body)
			}
			for _, part := range []string{want, "Olga", "https://backup.example.com/"} {
				if !strings.Contains(body, part) {
					t.Errorf("%s: no %q in %s", kind, part, body)
				}
			}
			if strings.Contains(body, "SubmissionId") {
				t.Errorf("%s: looks like another message: %s", kind, body)
			}
		}
	}
}
