package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"backupportal/function/backup"
)

// A messenger has one receiver and records what it is sent.
type messenger struct {
	sent []backup.Notice
	err  error
}

func (m *messenger) All() []string                           { return []string{"hook"} }
func (m *messenger) Receivers(backup.Event, string) []string { return nil }
func (m *messenger) Takes(string, string) bool               { return true }
func (m *messenger) Send(_ context.Context, n backup.Notice) error {
	m.sent = append(m.sent, n)
	return m.err
}

// TestOperatorsTestReceivers proves that an operator can send a test message with a button and sees the result.
// Other people get no page and no link to it. An audit record has the name of the operator.
func TestOperatorsTestReceivers(t *testing.T) {
	w := newWorld(t)
	m := &messenger{}
	w.server.Backups.Messenger = m
	press := func(name string) (int, string) {
		answer := w.ask("POST", "/notifications/test", "application/x-www-form-urlencoded", url.Values{"Receiver": {name}}.Encode())
		return answer.Code, answer.Body.String()
	}
	if page := w.ask("GET", "/", "", "").Body.String(); !strings.Contains(page, `<a href="/notifications">`) {
		t.Error("an operator sees no link")
	}
	if answer := w.ask("GET", "/notifications", "", ""); answer.Code != http.StatusOK {
		t.Errorf("the page: %d", answer.Code)
	}
	if code, body := press("hook"); code != http.StatusOK || !strings.Contains(body, "hook confirmed the test message.") {
		t.Errorf("%d %s", code, short(body))
	}
	if len(m.sent) != 1 || m.sent[0].Event != backup.EventTest || m.sent[0].Receiver != "hook" || m.sent[0].Record.Principal.Name != "demo" {
		t.Errorf("sent %+v", m.sent)
	}
	m.err = errors.New("notify: hook: connection refused")
	if code, body := press("hook"); code != http.StatusBadGateway || !strings.Contains(body, "hook did not confirm the test message: notify: hook: connection refused") {
		t.Errorf("%d %s", code, short(body))
	}
	if code, _ := press("nobody"); code != http.StatusNotFound || len(m.sent) != 2 {
		t.Errorf("an unknown receiver: %d, %d messages", code, len(m.sent))
	}
	for range 3 {
		press("hook")
	}
	if code, _ := press("hook"); code != http.StatusTooManyRequests || len(m.sent) != 5 {
		t.Errorf("the sixth test in a minute: %d, %d messages", code, len(m.sent))
	}

	w.govern(t, "operators: [everybody]", "")
	w.server.Backups.Messenger = m
	if page := w.ask("GET", "/", "", "").Body.String(); strings.Contains(page, `href="/notifications"`) {
		t.Error("a person who is no operator sees the link")
	}
	if answer := w.ask("GET", "/notifications", "", ""); answer.Code != http.StatusNotFound {
		t.Errorf("the page of a person who is no operator: %d", answer.Code)
	}
	if code, _ := press("hook"); code != http.StatusNotFound || len(m.sent) != 5 {
		t.Errorf("a test of a person who is no operator: %d, %d messages", code, len(m.sent))
	}
}
