package notify

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// A request is a request in the form in which a receiver got it.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
}

// A server is a receiver that records its requests and gives a fixed answer.
type server struct {
	*httptest.Server
	answer http.HandlerFunc

	mu  sync.Mutex
	got []request
}

func newServer(t testing.TB, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a test detects a broken body because a part is missing
	s.mu.Lock()
	s.got = append(s.got, request{r.Method, r.URL.Path, r.URL.Query(), r.Header, body})
	s.mu.Unlock()
	s.answer(w, r)
}

func (s *server) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

// answerWith returns a handler that answers with a status and a text.
func answerWith(status int, words string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, words)
	}
}

// These secrets must not appear in any error.
const (
	canaryKey    = "canary-key-of-32-characters-long"
	canarySecret = "SEC-canary"
	canaryPath   = "/hook/canary"
	canaryQuery  = "access_token=canary"
)

var (
	// now is the time of the tests.
	now  = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	east = time.FixedZone("UTC+8", 8*3600)
)

// chats are the kinds of receivers that are chat robots.
var chats = []backup.ReceiverKind{backup.DingTalk, backup.Feishu, backup.WeCom, backup.Slack}

// receiverAt returns a receiver at a URL. For e-mail, function sent chooses the server.
func receiverAt(kind backup.ReceiverKind, address string) backup.Receiver {
	r := backup.Receiver{
		Name: "r", Kind: kind, URL: secret.New(address + canaryPath + "?" + canaryQuery), Events: backup.Events, Language: param.English,
	}
	switch kind {
	case backup.WebhookReceiver:
		r.Secret = secret.New(canaryKey)
	case backup.DingTalk, backup.Feishu:
		r.Secret = secret.New(canarySecret)
	}
	return r
}

// config returns the configuration of a sender whose receivers are on this machine.
func config(receivers ...backup.Receiver) Config {
	return Config{
		Notifications: backup.Notifications{Environment: "production", Receivers: receivers},
		PublicURL:     &url.URL{Scheme: "https", Host: "backup.example.com"}, Zone: east, Now: func() time.Time { return now }, Loopback: true,
	}
}

func newSender(t testing.TB, cfg Config) *Sender {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// notice returns a notice of an event of a job.
func notice(e backup.Event) backup.Notice {
	params := param.Params{
		"Account": "payments", "Region": "cn-hangzhou", "SourceType": "UDM_ECS", "InstanceId": "i-bp1demoweb01", "JobName": "before-upgrade",
		"Reason": "Before the <release>", "Ticket": "OPS-7",
	}
	r := backup.Record{
		Submission:   backup.Submission{Door: backup.DoorAPI, Principal: identity.Principal{Issuer: "test", Subject: "alice", Name: "Alice Ann"}, Params: params},
		SubmissionID: "abc234", JobName: "before-upgrade-abc234", Complete: params,
		Last: backup.Step{Kind: backup.StepCreated, JobID: "job-1"},
		Job:  backup.Job{JobID: "job-1", Status: backup.StateFailed, ErrorMessage: "disk is busy"},
	}
	switch e {
	case backup.EventCreated:
		r.Job = backup.Job{}
	case backup.EventSucceeded:
		r.Job = backup.Job{JobID: "job-1", Status: backup.StateComplete}
	}
	return backup.Notice{SubmissionID: r.SubmissionID, Event: e, Receiver: "r", At: now.Add(-time.Minute), Record: r}
}
