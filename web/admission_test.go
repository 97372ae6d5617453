package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/admission"
	"backupportal/function/identity"
	"backupportal/web"
)

// overload makes the portal overloaded: it fills all slots until the returned function is
// called.
func (w *world) overload() (end func()) {
	w.t.Helper()
	g := admission.New(admission.Config{Slots: 2, Spare: 1, Paused: 1})
	var slots []*admission.Slot
	for _, kind := range []admission.Kind{admission.Submission, admission.Read} {
		s, err := g.Enter(w.t.Context(), kind)
		if err != nil {
			w.t.Fatal(err)
		}
		slots = append(slots, s)
	}
	w.server.Admission = g
	w.handler = w.server.Handler()
	return func() {
		for _, s := range slots {
			s.Leave()
		}
	}
}

const posted = "application/x-www-form-urlencoded"

// TestOverloadIsRefusedBeforeAnyWork proves that an overloaded portal refuses a request before
// it does any work, in the format that the sender expects, and says when to try again. Public
// pages and health checks still work.
func TestOverloadIsRefusedBeforeAnyWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := idOf(t, w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup))
	calls := w.calls()
	w.overload()
	who := w.server.Sender
	w.server.Sender = nil // a request that reached it would panic
	w.handler = w.server.Handler()
	const problem = `"urn:backup-portal:problem:overloaded"`
	const page = "The portal is busy"
	for _, c := range []struct{ method, path, contentType, body, want string }{
		{"POST", "/api/v1/backup-jobs", "application/json", oneBackup, problem},
		{"POST", "/api/v1/backup-jobs?dry_run=true", "application/json", oneBackup, problem},
		{"POST", "/api/v1/backup-jobs/" + id + "/cancel", "application/json", "", problem},
		{"GET", "/api/v1/backup-jobs", "", "", problem},
		{"GET", "/api/v1/backup-jobs/" + id + "?wait=50s", "", "", problem},
		{"GET", "/api/v1/accounts/demo/preflight", "", "", problem},
		{"GET", "/api/v1/accounts/demo/instances", "", "", problem},
		{"POST", "/webhooks/alerts", "application/json", "{}", problem},
		{"POST", "/backups", posted, "key=K", page},
		{"GET", "/", "", "", page},
		{"GET", "/backups", "", "", page},
		{"GET", "/backups/new/UDM_ECS?InstanceId=i-typed", "", "", `href="/backups/new/UDM_ECS?InstanceId=i-typed"`},
	} {
		answer := w.ask(c.method, c.path, c.contentType, c.body)
		if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") != "2" ||
			!strings.Contains(answer.Body.String(), c.want) {
			t.Errorf("%s %s: status %d, Retry-After %q, body without %s:\n%s", c.method, c.path, answer.Code,
				answer.Header().Get("Retry-After"), c.want, short(answer.Body.String()))
		}
	}
	w.server.Sender = who
	w.handler = w.server.Handler()
	asset := regexp.MustCompile(`/static/[^"]+`).FindString(w.ask("GET", "/docs/api", "", "").Body.String())
	for _, path := range []string{"/healthz", "/readyz", "/docs/api", "/api/v1/openapi.json", asset} {
		if answer := w.ask("GET", path, "", ""); answer.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, answer.Code)
		}
	}
	ready := w.ask("GET", "/readyz", "", "").Body.String()
	if !strings.Contains(ready, `"submissions":{"in_flight":1,"waiting":0,"refused":5}`) ||
		!strings.Contains(ready, `"reads":{"in_flight":1,"waiting":0,"refused":7}`) {
		t.Errorf("/readyz says %s", ready)
	}
	if n := w.calls() - calls; n != 0 {
		t.Errorf("the cloud got %d calls", n)
	}
}

// idOf returns the id of the submission in an answer.
func idOf(t *testing.T, answer *httptest.ResponseRecorder) string {
	t.Helper()
	id, found := strings.CutPrefix(answer.Header().Get("Location"), "/api/v1/backup-jobs/")
	if !found {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	return id
}

// TestOverloadLosesNothingTyped proves that the page about a refused form has a button that
// sends the same form again, and that the button works when the portal is no longer overloaded.
func TestOverloadLosesNothingTyped(t *testing.T) {
	form := url.Values{
		"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "Retention": {"15"},
		"JobName": {"typed-before"}, "key": {"THEKEY"}, "choice.Detail.diskIdList": {"all"}, "choice.Detail.appConsistent": {"crash"},
	}
	with := func(pairs ...string) url.Values {
		v := url.Values{}
		for name, values := range form {
			v[name] = values
		}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for _, c := range []struct {
		path string
		form url.Values
		then int // status when the portal is no longer busy
	}{
		{"/backups", with("at", "check"), http.StatusSeeOther},
		{"/backups/preview", with("op", "check", "at", "form"), http.StatusOK},
		{"/backups/preview", with("op", "edit:what", "at", "check"), http.StatusOK},
		{"/backups/preview", with("op", "add:SpeedLimit", "at", "form", "choice.SpeedLimit", "some"), http.StatusOK},
		{"/access", with(), http.StatusSeeOther},
	} {
		w := newWorld(t)
		end := w.overload()
		refused := w.ask("POST", c.path, posted, c.form.Encode())
		doc, err := goquery.NewDocumentFromReader(refused.Body)
		if err != nil {
			t.Fatal(err)
		}
		again := doc.Find("form#req")
		sent := url.Values{}
		for _, input := range again.Find("input").EachIter() {
			sent.Add(input.AttrOr("name", ""), input.AttrOr("value", ""))
		}
		if refused.Code != http.StatusServiceUnavailable || again.AttrOr("action", "") != c.path {
			t.Errorf("%s: status %d, the button leads to %q", c.path, refused.Code, again.AttrOr("action", ""))
		}
		for name := range c.form {
			if got := sent[name]; len(got) != 1 || got[0] != c.form.Get(name) {
				t.Errorf("%s: %s was %q and is %q", c.path, name, c.form.Get(name), got)
			}
		}
		end()
		if answer := w.ask("POST", c.path, posted, sent.Encode()); answer.Code != c.then {
			t.Errorf("%s again: status %d\n%s", c.path, answer.Code, short(answer.Body.String()))
		}
	}
}

// TestOverloadFailsAnEvent proves that an event fails and starts nothing if no slot is free.
// The platform then sends it again.
func TestOverloadFailsAnEvent(t *testing.T) {
	w := newWorld(t)
	end := w.overload()
	message := web.Message{Principal: identity.Principal{Kind: identity.KindEvent, Subject: "event:direct"}, Key: "k", Body: []byte(oneBackup)}
	if _, accepted, err := w.server.SubmitMessage(t.Context(), message); accepted || !errors.Is(err, admission.ErrFull) || w.calls() != 0 {
		t.Errorf("accepted %v, %v, %d calls", accepted, err, w.calls())
	}
	end()
	if _, accepted, err := w.server.SubmitMessage(t.Context(), message); !accepted || err != nil {
		t.Errorf("later: accepted %v, %v", accepted, err)
	}
}

// TestSlowClientsHoldNoSlot proves that a request holds no slot while its client sends the body
// or reads the answer. The slot is also given back after an error and after a panic.
func TestSlowClientsHoldNoSlot(t *testing.T) {
	w := newWorld(t)
	g := admission.New(admission.Config{Slots: 2, Spare: 1, Paused: 1})
	w.server.Admission = g
	w.handler = w.server.Handler()
	idle := func(when string) {
		t.Helper()
		if now := g.Load(); now.Running != (admission.Load{}).Running {
			t.Errorf("%s: %+v", when, now)
		}
	}
	during := func(when string) io.Reader {
		return readerFunc(func([]byte) (int, error) {
			idle(when)
			return 0, io.ErrUnexpectedEOF
		})
	}
	for _, path := range []string{"/backups", "/backups/preview", "/access", "/api/v1/backup-jobs", "/webhooks/alerts"} {
		r := httptest.NewRequest("POST", "http://localhost"+path, during("reading the body of "+path))
		r.Header.Set("Content-Type", map[bool]string{true: "application/json", false: posted}[strings.HasPrefix(path, "/api") || strings.HasPrefix(path, "/web")])
		r.Header.Set("Idempotency-Key", "k")
		w.handler.ServeHTTP(&slowReader{ResponseRecorder: httptest.NewRecorder(), writes: func() { idle("writing " + path) }}, r)
		idle("after " + path)
	}
	for _, path := range []string{"/", "/backups", "/backups/new/UDM_ECS", "/api/v1/backup-jobs", "/backups/unknown", "/api/v1/accounts/demo/instances"} {
		r := httptest.NewRequest("GET", "http://localhost"+path, nil)
		w.handler.ServeHTTP(&slowReader{ResponseRecorder: httptest.NewRecorder(), writes: func() { idle("writing " + path) }}, r)
		idle("after " + path)
	}
	who, panicked := w.server.Sender, false
	w.server.Sender = func(r *http.Request) (identity.Principal, error) {
		if !panicked {
			panicked = true
			panic("a test's")
		}
		return who(r)
	}
	w.handler = w.server.Handler()
	w.ask("GET", "/", "", "")
	idle("after a panic")
}

// TestWebhooksAreReadAsAStream proves that a webhook is read without holding a slot. A message
// whose headers already show that it is forged is not read at all.
func TestWebhooksAreReadAsAStream(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	g := admission.New(admission.Config{Slots: 2, Spare: 1})
	w.server.Admission = g
	w.handler = w.server.Handler()
	const message = `{"instance":"i-bp1demoweb01"}`
	for token, want := range map[string]int{"wrong": http.StatusUnauthorized, hookToken: http.StatusCreated} {
		reads := 0
		rest := strings.NewReader(message)
		r := httptest.NewRequest("POST", "http://localhost/webhooks/alerts", readerFunc(func(p []byte) (int, error) {
			reads++
			if now := g.Load(); now.Running != (admission.Load{}).Running {
				t.Errorf("reading with a slot: %+v", now)
			}
			return rest.Read(p[:min(len(p), 5)])
		}))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, r)
		if answer.Code != want || (reads > 0) != (want == http.StatusCreated) {
			t.Errorf("token %q: status %d after %d reads: %s", token, answer.Code, reads, answer.Body)
		}
	}
}

// A readerFunc is a function as a reader.
type readerFunc func([]byte) (int, error)

// Read implements [io.Reader].
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A slowReader is a client that calls writes when the portal writes to it.
type slowReader struct {
	*httptest.ResponseRecorder
	writes func()
}

// Write implements [io.Writer].
func (s *slowReader) Write(p []byte) (int, error) {
	s.writes()
	return s.ResponseRecorder.Write(p)
}

// TestWatchersWaitLongerForASlot proves that a request which waits for the end of a job (?wait)
// also waits longer for a slot, the right to be handled. Other reads are refused soon if no
// slot is free.
func TestWatchersWaitLongerForASlot(t *testing.T) {
	w := newWorld(t)
	id := idOf(t, w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup))
	w.server.Admission = admission.New(admission.Config{Slots: 2, Spare: 1, Queue: 1, Patience: time.Millisecond, Paused: 1})
	w.handler = w.server.Handler()
	path := "/api/v1/backup-jobs/" + id
	var code int
	for range 20 { // on a busy machine the slot may become free too late
		slot, err := w.server.Admission.Enter(t.Context(), admission.Read)
		if err != nil {
			t.Fatal(err)
		}
		if answer := w.ask("GET", path, "", ""); answer.Code != http.StatusServiceUnavailable {
			t.Fatalf("a read without a slot: %d", answer.Code)
		}
		codes := make(chan int)
		go func() { codes <- w.ask("GET", path+"?wait=0s", "", "").Code }()
		for w.server.Admission.Load().Waiting[admission.Read] == 0 {
			runtime.Gosched()
		}
		slot.Leave()
		if code = <-codes; code == http.StatusOK {
			return
		}
	}
	t.Errorf("a watcher got %d", code)
}

// TestWatchersHoldNoSlotWhileTheyWait proves that a request that waits for the end of a job holds no slot: other
// requests are answered while 50 such requests wait.
func TestWatchersHoldNoSlotWhileTheyWait(t *testing.T) {
	w := newWorld(t)
	id := idOf(t, w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup))
	const watchers = 50
	g := admission.New(admission.Config{Slots: 2, Spare: 1, Queue: watchers, Patience: time.Minute, Paused: watchers})
	w.server.Admission = g
	arrived, end := make(chan struct{}), make(chan struct{})
	w.server.Backups.Wait = func(ctx context.Context, d time.Duration) error {
		return admission.Pause(ctx, d, func(context.Context, time.Duration) error {
			arrived <- struct{}{}
			<-end
			return context.Canceled
		})
	}
	w.handler = w.server.Handler()
	codes := make(chan int)
	for range watchers {
		go func() { codes <- w.ask("GET", "/api/v1/backup-jobs/"+id+"?wait=50s", "", "").Code }()
	}
	for range watchers {
		<-arrived
	}
	if now := g.Load(); now.Paused != watchers || now.Running != (admission.Load{}).Running {
		t.Errorf("%+v", now)
	}
	if answer := w.ask("GET", "/api/v1/backup-jobs", "", ""); answer.Code != http.StatusOK {
		t.Errorf("a list beside the watchers: %d", answer.Code)
	}
	close(end)
	for range watchers {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("a watcher got %d", code)
		}
	}
}
