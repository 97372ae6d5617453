package web_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/metric"
	"backupportal/function/param"
	"backupportal/web"
)

// traces collects everything that a refusal records: log, audit trail, notices and metrics.
type traces struct {
	mu      sync.Mutex
	log     bytes.Buffer
	metrics *metric.Registry
	events  []backup.AuditEvent
	sent    []backup.Notice
}

func (c *traces) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(line)
}

func (c *traces) Record(_ context.Context, e backup.AuditEvent) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	return nil
}

func (c *traces) RecordWith(ctx context.Context, e backup.AuditEvent, store func(backup.AuditRow) (bool, error)) (bool, error) {
	return store(backup.AuditRow{Chain: "test", Seq: int64(len(c.events)), Body: "{}"})
}

func (*traces) Flush(context.Context, bool) error { return nil }
func (*traces) All() []string                     { return []string{"chat"} }
func (*traces) Takes(string, string) bool         { return true }
func (*traces) Receivers(e backup.Event, _ string) (r []string) {
	if e == backup.EventRejected {
		r = []string{"chat"}
	}
	return r
}

func (c *traces) Send(_ context.Context, n backup.Notice) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, n)
	return nil
}

// audited returns the number of audit events of a kind.
func (c *traces) audited(kind backup.AuditKind) (n int) {
	for _, e := range c.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// traced replaces the log, the audit trail, the notices and the metrics of w by the returned
// traces, which record what w writes to them.
func (w *world) traced() *traces {
	c := &traces{metrics: metric.New("v1", time.Now)}
	b := w.server.Backups
	b.Log, b.Audit, b.Messenger, b.Meter = slog.New(slog.NewJSONHandler(c, nil)), c, c, c.metrics
	b.Warned = &backup.Hourly{}
	w.server.Log = b.Log
	w.handler = w.server.Handler()
	return c
}

// A refusal is a test case: a message that must be refused, and the kind of the record about
// it.
type refusal struct {
	name   string
	kind   backup.RejectionKind
	source string
	audit  backup.AuditKind
	reason string // part of the reason, in English
	send   func(w *world) int
}

// event sends an event of the platform, and returns the status of its answer, or 0 if it is
// accepted.
func (w *world) event(body string) int {
	m := web.Message{
		Principal: identity.Principal{Kind: identity.KindEvent, Subject: "event:timer"}, Key: "k" + body, Origin: "nightly", Body: []byte(body),
	}
	_, accepted, err := w.server.SubmitMessage(w.t.Context(), m)
	if accepted || err != nil {
		return 0
	}
	return http.StatusUnprocessableEntity
}

const good = `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7}`

var refusals = []refusal{
	{"event without JSON", backup.RejectedUnreadable, "event:timer nightly", backup.AuditRejected, "could not be read", func(w *world) int { return w.event("hello") }},
	{"event that ends early", backup.RejectedUnreadable, "event:timer nightly", backup.AuditRejected, "could not be read", func(w *world) int { return w.event(good[:40]) }},
	{"empty event", backup.RejectedUnreadable, "event:timer nightly", backup.AuditRejected, "could not be read", func(w *world) int { return w.event("") }},
	{"event that is too large", backup.RejectedUnreadable, "event:timer nightly", backup.AuditRejected, "KB", func(w *world) int { return w.event(strings.Repeat(" ", 1<<20) + good) }},
	{"event with a malformed key", backup.RejectedUnreadable, "event:timer nightly", backup.AuditRejected, "could not be read", func(w *world) int { return w.event(`{"key":"\n",` + good[1:]) }},
	{"event with an unknown member", backup.RejectedInvalid, "event:timer nightly", backup.AuditRejected, "Retentoin", func(w *world) int { return w.event(`{"Retentoin":1,` + good[1:]) }},
	{"event with many mistakes", backup.RejectedInvalid, "event:timer nightly", backup.AuditRejected, "; and 2 more", func(w *world) int {
		return w.event(`{"Retentoin":1,"Regoin":"","Shell":""}`)
	}},
	{"event with a wrong instance", backup.RejectedInvalid, "event:timer nightly", backup.AuditRejected, "nstance", func(w *world) int { return w.event(strings.Replace(good, "i-bp1demoweb01", "web01", 1)) }},
	{"event that is not allowed", backup.RejectedDenied, "event:timer nightly", backup.AuditDenied, "not allowed", func(w *world) int { return w.event(strings.Replace(good, ":7}", ":9999}", 1)) }},
	{"event for an unknown account", backup.RejectedAccount, "event:timer nightly", backup.AuditDenied, "not allowed", func(w *world) int { return w.event(strings.Replace(good, "demo", "nowhere", 1)) }},
	{"batch with a wrong target", backup.RejectedInvalid, "event:timer nightly", backup.AuditRejected, "arget 2", func(w *world) int {
		return w.event(strings.Replace(twoBackups, `{"InstanceId":"i-bp1demoweb02"}`, `"nonsense"`, 1))
	}},
	{"batch whose tag no instance has", backup.RejectedInvalid, "event:timer nightly", backup.AuditRejected, "the tag team=nobody", func(w *world) int {
		return w.event(strings.Replace(webByTag, "team=web", "team=nobody", 1))
	}},
	{"batch that is not allowed", backup.RejectedDenied, "event:timer nightly", backup.AuditDenied, "not allowed", func(w *world) int {
		return w.event(strings.Replace(twoBackups, ":15,", ":9999,", 1))
	}},
	{"batch that is too large", backup.RejectedUnreadable, "event:timer nightly", backup.AuditRejected, "MB", func(w *world) int {
		return w.event(strings.Repeat(" ", 5<<20) + twoBackups)
	}},
	{"webhook that is no JSON", backup.RejectedUnreadable, "ci", backup.AuditRejected, "JSON", func(w *world) int { return w.hook("m1", "hello").Code }},
	{"webhook of another type", backup.RejectedUnreadable, "repo", backup.AuditRejected, "content type", func(w *world) int {
		return w.gitHub("m2", "payload=x", "X-GitHub-Event", "push", "Content-Type", "application/x-www-form-urlencoded").Code
	}},
	{"webhook with a wrong value", backup.RejectedInvalid, "ci", backup.AuditRejected, "nstance", func(w *world) int {
		return w.hook("m3", strings.Replace(firing, "i-bp1demoweb01", "web01", 1)).Code
	}},
	{"webhook with a missing value", backup.RejectedInvalid, "repo", backup.AuditRejected, "", func(w *world) int {
		return w.gitHub("m4", `{"instance":"i-bp1demoweb01"}`, "X-GitHub-Event", "push").Code
	}},
	{"webhook that is not allowed", backup.RejectedDenied, "repo", backup.AuditDenied, "not allowed", func(w *world) int {
		return w.gitHub("m5", `{"instance":"i-bp1demoweb01","days":9999}`, "X-GitHub-Event", "push").Code
	}},
}

// TestRefusedMessagesLeaveTraces proves that every refused webhook or event is recorded in five
// places: the log, the audit trail, the history, the metrics and a notification.
func TestRefusedMessagesLeaveTraces(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.withHooks(t)
			got := w.traced()
			for range 2 { // the second one is only counted
				if status := c.send(w); status < 400 || status >= 500 {
					t.Fatalf("not refused: %d", status)
				}
			}
			if _, err := w.server.Backups.Sweep(t.Context(), 400*24*time.Hour); err != nil {
				t.Fatal(err)
			}
			source, origin, _ := strings.Cut(c.source, " ")
			if line := fmt.Sprintf(`"msg":"message rejected","kind":"%s","source":"%s","origin":"%s"`, c.kind, source, origin); strings.Count(got.log.String(), line) != 1 {
				t.Errorf("not one line %s in\n%s", line, got.log.String())
			}
			if n := got.audited(c.audit); n == 0 || c.audit == backup.AuditRejected && n != 1 {
				t.Errorf("%d audit records of the kind %s", n, c.audit)
			}
			if len(got.sent) != 1 || got.sent[0].Rejection.Kind != c.kind || !strings.Contains(got.sent[0].Rejection.Reason.En, c.reason) {
				t.Errorf("notices: %+v", got.sent)
			}
			var text strings.Builder
			got.metrics.Write(&text)
			if want := fmt.Sprintf(`backup_portal_rejected_total{kind="%s",source="%s"} 2`, c.kind, source); !strings.Contains(text.String(), want) {
				t.Errorf("no %s in\n%s", want, text.String())
			}
			all, err := w.db.ListRejections(t.Context(), backup.Query{Limit: 10})
			if err != nil || len(all) != 1 || all[0].Count != 2 || all[0].Source() != c.source || all[0].Reason.Zh == "" {
				t.Fatalf("stored: %+v, %v", all, err)
			}
			w.asOperator()
			page := w.ask("GET", "/backups?Status=REJECTED", "", "")
			for _, want := range []string{"Rejected", "2 messages", c.source, "</time>"} {
				if !strings.Contains(page.Body.String(), want) {
					t.Errorf("the history has no %q: %d\n%s", want, page.Code, page.Body)
				}
			}
		})
	}
}

// asOperator lets a member of the team of operators send the requests that follow.
func (w *world) asOperator() {
	w.server.Sender = func(*http.Request) (identity.Principal, error) {
		return identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Subject: "olga", Name: "Olga", Groups: []string{"testers"}}, nil
	}
	w.handler = w.server.Handler()
}

// TestUnprovedSendersDoNotFillTheHistory proves that a message of a sender that is not
// authenticated is not stored. The metric counts each such message; the log has at most one line in
// an hour for each kind and source. Otherwise unknown senders could fill the history and the log.
func TestUnprovedSendersDoNotFillTheHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withHooks(t)
	got := w.traced()
	send := func(source, body string) {
		w.ask("POST", "/webhooks/"+source, "application/json", body, "Webhook-Id", "m", "Webhook-Timestamp", "1", "Webhook-Signature", "v1,AAAA")
	}
	for range 3 {
		send("ci", firing)
		send("alerts", firing)
		send("repo", strings.Repeat(" ", 64<<20))
		send("nowhere", firing)
	}
	var text strings.Builder
	got.metrics.Write(&text)
	for _, want := range []string{
		`{kind="unverified",source="ci"} 3`, `{kind="unverified",source="alerts"} 3`, `{kind="unverified",source="repo"} 3`,
		`{kind="unknown_source",source=""} 3`,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %s in\n%s", want, text.String())
		}
	}
	if n := strings.Count(got.log.String(), `"message refused"`); n != 4 {
		t.Errorf("%d log lines\n%s", n, got.log.String())
	}
	w.clock.Add(time.Hour)
	send("ci", firing)
	if n := strings.Count(got.log.String(), `"message refused"`); n != 5 {
		t.Errorf("%d log lines in the next hour", n)
	}
	if all, err := w.db.ListRejections(t.Context(), backup.Query{Limit: 10}); err != nil || len(all) != 0 {
		t.Errorf("stored: %+v, %v", all, err)
	}
}

// TestRefusalsOfTheAPIAreCounted proves that a refusal of a program that reads its answer is
// counted, and leaves no other new trace.
func TestRefusalsOfTheAPIAreCounted(t *testing.T) {
	w := newWorld(t)
	got := w.traced()
	for i, body := range []string{"hello", `{"Retentoin":1}`, strings.Replace(good, ":7}", ":9999}", 1)} {
		answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", body, "Idempotency-Key", fmt.Sprint("k", i))
		if answer.Code < 400 || answer.Code >= 500 {
			t.Errorf("%s: %d", body, answer.Code)
		}
	}
	var text strings.Builder
	got.metrics.Write(&text)
	for _, kind := range []backup.RejectionKind{backup.RejectedUnreadable, backup.RejectedInvalid, backup.RejectedDenied} {
		if want := fmt.Sprintf(`{kind="%s",source=""} 1`, kind); !strings.Contains(text.String(), want) {
			t.Errorf("no %s in\n%s", want, text.String())
		}
	}
	if got.audited(backup.AuditRejected) != 0 || got.audited(backup.AuditDenied) != 1 || strings.Contains(got.log.String(), "message rejected") {
		t.Errorf("audit %+v, log\n%s", got.events, got.log.String())
	}
}

// TestHistoryShowsRejectionsBetweenBackups proves that the history shows rejections among
// submissions, in order of time and in pages, and the API lists only submissions.
func TestHistoryShowsRejectionsBetweenBackups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withHooks(t)
	w.asOperator()
	for i := range 20 {
		w.create(t, "", fmt.Sprint("key", i))
		w.clock.Add(time.Second)
		w.server.Backups.Reject(t.Context(), backup.Rejection{
			Kind: backup.RejectedInvalid, Door: backup.DoorEvent, Sender: identity.Principal{Kind: identity.KindEvent, Subject: "event:timer"},
			Origin: fmt.Sprintf("origin-%02d-", i), Reason: param.Both("wrong", "错误"),
		})
		w.clock.Add(time.Second)
	}
	seen, address := "", "/backups"
	for pages := 0; address != ""; pages++ {
		body := w.ask("GET", address, "", "").Body.String()
		seen += body
		address = ""
		if _, link, ok := strings.Cut(body, `rel="next" href="`); ok {
			address, _, _ = strings.Cut(link, `"`)
			address = strings.ReplaceAll(address, "&amp;", "&")
		}
		if pages > 5 {
			t.Fatal("the pages have no end")
		}
	}
	last := -1
	for i := 19; i >= 0; i-- {
		at := strings.Index(seen, fmt.Sprintf("origin-%02d-", i))
		if at < last || strings.Count(seen, fmt.Sprintf("origin-%02d-", i)) != 1 {
			t.Errorf("origin %d is not once in its place", i)
		}
		last = at
	}
	if n := strings.Count(seen, `<tr class="rejected">`); n != 20 {
		t.Errorf("%d rejections", n)
	}
	list := w.ask("GET", "/api/v1/backup-jobs?limit=100", "", "").Body.String()
	if n := strings.Count(list, `"SubmissionId"`); n != 20 || strings.Contains(list, "origin-") {
		t.Errorf("the API lists %d\n%s", n, list)
	}
	for _, query := range []string{"Whose=mine", "Account=demo", "InstanceId=i-bp1demoweb01", "SourceType=UDM_ECS", "Status=COMPLETE"} {
		if body := w.ask("GET", "/backups?"+query, "", "").Body.String(); strings.Contains(body, "origin-") {
			t.Errorf("%s shows rejections", query)
		}
	}
}

// TestRejectionsAreVisibleToTheirTeam proves that rejections are visible to the sender's team
// and to operators only.
func TestRejectionsAreVisibleToTheirTeam(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	w.hook("m", "hello")
	for groups, visible := range map[string]bool{"testers": true, "others": false, "": false} {
		w.server.Sender = func(*http.Request) (identity.Principal, error) {
			return identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Subject: "x", Name: "X", Groups: []string{groups}}, nil
		}
		w.handler = w.server.Handler()
		page := w.ask("GET", "/backups?Status=REJECTED", "", "")
		if got := strings.Contains(page.Body.String(), `class="rejected"`); got != visible {
			t.Errorf("group %q: visible %v, status %d", groups, got, page.Code)
		}
	}
}

// TestRefusalsOfTheFormAreCounted proves that a form that is shown again is counted at the
// check and at the start, and leaves no line in the history.
func TestRefusalsOfTheFormAreCounted(t *testing.T) {
	w := newWorld(t)
	got := w.traced()
	form := func(change ...string) string {
		values := url.Values{
			"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"},
			"Retention": {"7"}, "key": {"form-1234567890"},
		}
		values.Set(change[0], change[1])
		return values.Encode()
	}
	for _, path := range []string{"/backups/preview", "/backups"} {
		for _, body := range []string{form("Retention", "9999"), form("InstanceId", "web99"), form("Retention", "x"), form("Region", "")} {
			answer := w.ask("POST", path, "application/x-www-form-urlencoded", body)
			if answer.Code != http.StatusForbidden && answer.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s %s: %d", path, body, answer.Code)
			}
		}
	}
	var text strings.Builder
	got.metrics.Write(&text)
	for _, want := range []string{`{kind="invalid",source=""} 6`, `{kind="denied",source=""} 2`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %s in\n%s", want, text.String())
		}
	}
	if all, err := w.db.ListRejections(t.Context(), backup.Query{Limit: 10}); err != nil || len(all) != 0 {
		t.Errorf("stored: %+v, %v", all, err)
	}
}

// TestUnreadableHTTPEventsLeaveTraces proves that an event of the platform that cannot become a
// request leaves a metric, one warning an hour and an audit record, and no line in the history.
func TestUnreadableHTTPEventsLeaveTraces(t *testing.T) {
	w := newWorld(t)
	got := w.traced()
	for range 4 {
		rec := httptest.NewRecorder()
		w.server.Unreadable(rec, httptest.NewRequest("POST", "/api/v1/backup-jobs", nil), param.Text{En: "bad event", Zh: "bad event"})
		if rec.Code != http.StatusBadRequest {
			t.Errorf("status %d", rec.Code)
		}
	}
	var text strings.Builder
	got.metrics.Write(&text)
	if want := `{kind="unreadable",source="event:http"} 4`; !strings.Contains(text.String(), want) {
		t.Errorf("no %s in\n%s", want, text.String())
	}
	if n := strings.Count(got.log.String(), `"message refused"`); n != 1 {
		t.Errorf("%d warnings", n)
	}
	if got.audited(backup.AuditRejected) == 0 {
		t.Error("no audit record")
	}
	if all, err := w.db.ListRejections(t.Context(), backup.Query{Limit: 10}); err != nil || len(all) != 0 {
		t.Errorf("stored: %+v, %v", all, err)
	}
}
