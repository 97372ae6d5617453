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

// An inbox is a receiver of webhooks. It checks each signature, writes down what
// it took, and fails as it is told.
type inbox struct {
	*httptest.Server
	name string
	t    testing.TB

	mu    sync.Mutex
	fail  http.HandlerFunc // answers in place of success, if set
	asked int
	took  []string // SubmissionId, blank, type
	ids   []string // names of the messages it took
}

// canary is in every secret, and must be in no log.
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
	b.asked++
	fail := b.fail
	if fail == nil {
		b.took = append(b.took, message.Data.SubmissionId+" "+strings.TrimPrefix(message.Type, "backup."))
		b.ids = append(b.ids, r.Header.Get("webhook-id"))
	}
	b.mu.Unlock()
	if fail != nil {
		fail(w, r)
	}
}

// failing makes the inbox fail from now on; nil ends that.
func (b *inbox) failing(fail http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = fail
}

// messages are the events of a submission that the inbox took, in their order.
func (b *inbox) messages(id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var events []string
	for _, message := range b.took {
		if event, ok := strings.CutPrefix(message, id+" "); ok {
			events = append(events, event)
		}
	}
	return strings.Join(events, " ")
}

// requests is how often the inbox was asked.
func (b *inbox) requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked
}

// twice is a message that the inbox took twice; empty if there is none.
func (b *inbox) twice() string {
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

// tell makes the rig tell these inboxes of events; of all, unless some are named.
func (r *fixture) tell(t testing.TB, events []backup.Event, inboxes ...*inbox) {
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
