package notify

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// gapNotice returns a notice about a gap.
func gapNotice(e backup.Event) backup.Notice {
	return backup.Notice{
		SubmissionID: "gap1", Event: e, Receiver: "r", At: now,
		Gap: backup.Gap{
			ID: "gap1", Expectation: "web-daily", Account: "prod", Region: "cn-hangzhou", Resource: "i-bp1abc", Name: "web <@all> *x*",
			LastGood: now.Add(-25 * time.Hour), Since: now,
		},
	}
}

func TestGapsInAllChats(t *testing.T) {
	for _, kind := range backup.ReceiverKinds {
		for _, language := range []param.Language{param.English, param.Chinese} {
			for _, e := range []backup.Event{backup.EventMissing, backup.EventMended} {
				to := receiverAt(kind, "")
				to.Language = language
				body := string(sent(t, to, gapNotice(e)).body)
				want := []string{"i-bp1abc", "web-daily", "https://backup.example.com/"}
				if kind != backup.WebhookReceiver {
					want = append(want, headlines[e].In(language))
					if strings.Contains(body, "<@all>") || strings.Contains(body, "*x*") {
						t.Errorf("%s: markup of the name is in %s", kind, body)
					}
					if got := strings.Contains(body, wordLastGood.In(language)); got != (e == backup.EventMissing) {
						t.Errorf("%s: %s has the last good backup: %v", kind, e, got)
					}
				}
				for _, part := range want {
					if !strings.Contains(body, part) {
						t.Errorf("%s: no %q in %s", kind, part, body)
					}
				}
			}
		}
	}
}

func TestGapAsWebhook(t *testing.T) {
	var got struct {
		Type string
		Data map[string]any
	}
	if err := json.Unmarshal(sent(t, receiverAt(backup.WebhookReceiver, ""), gapNotice(backup.EventMissing)).body, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"GapId": "gap1", "Expectation": "web-daily", "Account": "prod", "Region": "cn-hangzhou", "InstanceId": "i-bp1abc",
		"LastGood": now.Add(-25 * time.Hour).UTC().Format(time.RFC3339Nano), "Url": "https://backup.example.com/",
	} {
		if got.Data[name] != want {
			t.Errorf("%s: %v, want %s", name, got.Data[name], want)
		}
	}
	if got.Type != "backup.missing" {
		t.Errorf("type %s", got.Type)
	}
	never := gapNotice(backup.EventMissing)
	never.Gap.LastGood = time.Time{}
	if body := string(sent(t, receiverAt(backup.WebhookReceiver, ""), never).body); strings.Contains(body, "LastGood") {
		t.Errorf("a last good backup in %s", body)
	}
}

func TestReceiversOfMissingAlsoGetMended(t *testing.T) {
	s := &Sender{receivers: []receiver{
		{Receiver: backup.Receiver{Name: "both", Events: []backup.Event{backup.EventMissing}}},
		{Receiver: backup.Receiver{Name: "other account", Events: []backup.Event{backup.EventMissing}, Accounts: []string{"test"}}},
		{Receiver: backup.Receiver{Name: "other event", Events: []backup.Event{backup.EventFailed}}},
	}}
	for _, e := range []backup.Event{backup.EventMissing, backup.EventMended} {
		if got := strings.Join(s.Receivers(e, "prod"), ","); got != "both" {
			t.Errorf("%s: %s", e, got)
		}
	}
}
