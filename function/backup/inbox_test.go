package backup_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/notify"
	"backupportal/function/secret"
)

// inbox is a server that receives webhooks. It verifies each signature and stores the messages that
// it accepts.
type inbox struct {
	*httptest.Server
	name string
	t    testing.TB

	mu       sync.Mutex
	fail     http.HandlerFunc // answers instead of the success answer, unless nil
	received int              // number of requests
	accepted []string         // accepted messages, each as "SubmissionId space event"
	ids      []string         // ids of the accepted messages, in the same order
}

// canary is part of every secret in these tests and must not appear in a log.
const canary = "canary-key-of-32-characters-long"

func newInbox(t testing.TB, name string) *inbox {
	t.Helper()
	b := &inbox{name: name, t: t}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	h := hmac.New(sha256.New, []byte(canary))
	h.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
	var message struct {
		Type string
		Data struct{ SubmissionId string }
	}
	if err != nil || json.Unmarshal(body, &message) != nil || r.Header.Get("webhook-signature") != want {
		b.t.Errorf("%s got %s with %v", b.name, body, r.Header)
	}
	b.mu.Lock()
	b.received++
	fail := b.fail
	if fail == nil {
		b.accepted = append(b.accepted, message.Data.SubmissionId+" "+strings.TrimPrefix(message.Type, "backup."))
		b.ids = append(b.ids, r.Header.Get("webhook-id"))
	}
	b.mu.Unlock()
	if fail != nil {
		fail(w, r)
	}
}

// setFailure makes the handler fail answer all further messages. Nil makes the inbox accept
// them again.
func (b *inbox) setFailure(fail http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = fail
}

// messages returns the accepted events of a submission in the order of arrival.
func (b *inbox) messages(id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var events []string
	for _, message := range b.accepted {
		if event, ok := strings.CutPrefix(message, id+" "); ok {
			events = append(events, event)
		}
	}
	return strings.Join(events, " ")
}

// requests returns the number of requests.
func (b *inbox) requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.received
}

// duplicate returns the id of a message that the inbox has accepted twice, or "" if there is
// none.
func (b *inbox) duplicate() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	sorted := slices.Sorted(slices.Values(b.ids))
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return sorted[i]
		}
	}
	return ""
}

// notify makes the inboxes receivers of the given events. Nil means all events.
func (r *fixture) notify(t testing.TB, events []backup.Event, inboxes ...*inbox) {
	t.Helper()
	if events == nil {
		events = backup.Events
	}
	var n backup.Notifications
	for _, b := range inboxes {
		n.Receivers = append(n.Receivers, backup.Receiver{
			Name: b.name, Kind: backup.WebhookReceiver, URL: secret.New(b.URL + "/canary"), Secret: secret.New(canary), Events: events,
		})
	}
	sender, err := notify.New(notify.Config{Notifications: n, Now: r.clock.Now, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	r.Messenger = sender
}
