package web_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/draft"
	"backupportal/function/identity"
	"backupportal/function/param/wordstest"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/web"
	"backupportal/web/auth"
)

// A person is a simulated browser without JavaScript: it follows redirects and posts the form
// of the page that it shows.
type person struct {
	*testing.T
	handler http.Handler
	headers []string // names and values of the headers of each request
	jar     jar
	at      string // address of the page, without the host
	status  int
	page    string
	sent    http.Header // headers of the last answer
}

// person returns a browser at the portal of w.
func (w *world) person(t *testing.T, headers ...string) *person {
	return &person{T: t, handler: w.handler, headers: headers, jar: jar{}}
}

// send makes one request, and follows redirects within the portal.
func (p *person) send(method, target, body string) *person {
	p.Helper()
	for range 6 {
		r := httptest.NewRequest(method, "https://localhost"+target, strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Header.Set("Sec-Fetch-Dest", "document")
		for i := 0; i < len(p.headers); i += 2 {
			r.Header.Set(p.headers[i], p.headers[i+1])
		}
		for name, value := range p.jar {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		answer := httptest.NewRecorder()
		p.handler.ServeHTTP(answer, r)
		for _, c := range answer.Result().Cookies() {
			p.jar[c.Name] = c.Value
		}
		p.at, p.status, p.page, p.sent = target, answer.Code, answer.Body.String(), answer.Header()
		wordstest.Check(p, method+" "+target, p.page)
		to := answer.Header().Get("Location")
		if answer.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/") {
			return p
		}
		method, body = "GET", ""
		target, _, _ = strings.Cut(to, "#")
	}
	p.Fatalf("%s: too many redirects", target)
	return p
}

// open opens an address, as the buttons Back and Reload and a second tab also do, because pages
// are not cached.
func (p *person) open(target string) *person { return p.send("GET", target, "") }

// press presses a button of the page's form. op is the button's value; pairs are names and new
// values of controls.
func (p *person) press(op string, changes ...string) *person {
	p.Helper()
	form := formOn(p.T, p.page)
	form.Set("op", op)
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	action := regexp.MustCompile(`<form id="req"[^>]* action="([^"]*)"`).FindStringSubmatch(p.page)
	if action == nil {
		p.Fatalf("%s: no form (status %d): %s", p.at, p.status, short(p.page))
	}
	if strings.HasSuffix(action[1], "/start") {
		return p.send("POST", action[1], "x=")
	}
	return p.send("POST", action[1], form.Encode())
}

// shows checks that the page is at an address that matches, and contains texts. A text after
// "!" must be missing.
func (p *person) shows(address string, texts ...string) *person {
	p.Helper()
	if !regexp.MustCompile(address).MatchString(p.at) {
		p.Errorf("at %s (status %d), want %s: %s", p.at, p.status, address, short(p.page))
	}
	for _, text := range texts {
		text, absent := strings.CutPrefix(text, "!")
		if strings.Contains(p.page, text) == absent {
			p.Errorf("%s: %q is there: %v: %s", p.at, text, !absent, short(p.page))
		}
	}
	return p
}

// typed is what the tests type into the form of a whole instance. It differs from every default.
var typed = []string{
	"Account", "demo", "Region", "cn-hangzhou", "InstanceId", "i-bp1demoweb01", "Retention", "77", "JobName", "typed-here",
}

// Texts of the pages that show what was typed.
var (
	inForm  = []string{`value="77"`, `value="i-bp1demoweb01"`, `value="typed-here"`}
	onCheck = []string{"77 days", "i-bp1demoweb01", "typed-here", "Start backup"}
)

const (
	newForm   = `^/backups/new/UDM_ECS\?page=[A-Z2-7]{26}$`
	draftForm = `^/drafts/[A-Z2-7]{26}(\?.*)?$`
	checkPage = `^/drafts/[A-Z2-7]{26}/check$`
	jobPage   = `^/backups/[a-z2-7]{26}$`
)

// other returns a second process of the portal on the same database.
func (w *world) other(t *testing.T) http.Handler {
	t.Helper()
	db, err := store.Open(store.Config{URL: secret.New(w.url), StatementTime: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	service := *w.server.Backups
	service.Store, service.Limits = db, db
	first := w.server
	second := &web.Server{
		Backups: &service, Policy: first.Policy, Sender: first.Sender, Mode: first.Mode, SignIn: first.SignIn, Host: first.Host, Demo: first.Demo,
		Inventory: first.Inventory, Patience: first.Patience,
		Store: web.Store{Kind: db.Kind(), Ready: db.Ready}, Drafts: db, Log: slog.New(slog.DiscardHandler),
		RequestID: func(context.Context) string { return "request-2" }, Zone: first.Zone,
	}
	return second.Handler()
}

// TestWhatWasTypedIsThere proves that typed values are kept on every page: on the form, on the
// check page, after Back, and after a change.
func TestWhatWasTypedIsThere(t *testing.T) {
	t.Parallel()
	ways := map[string]func(w *world, p *person, address string){
		"reload":     func(w *world, p *person, address string) { p.open(address) },
		"second tab": func(w *world, p *person, address string) { p.jar = jar{}; p.open(address) },
		"language": func(w *world, p *person, address string) {
			back := url.Values{"to": {"zh-CN"}, "back": {address}}
			p.send("POST", "/lang", back.Encode()).send("POST", "/lang", url.Values{"to": {"en"}, "back": {address}}.Encode())
		},
		"another instance": func(w *world, p *person, address string) { p.handler = w.other(p.T); p.open(address) },
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.person(t).open("/backups/new/UDM_ECS").shows(newForm, `!value="77"`)
			start := p.at

			p.press("keep", typed...) // what the script does while a person types
			if p.status != http.StatusNoContent || p.page != "" {
				t.Errorf("keep: status %d, %q", p.status, p.page)
			}
			way(w, p, start)
			p.shows(newForm, inForm...)

			p.press("check", "InstanceId", "web-01").shows(draftForm, `value="77"`, `value="web-01"`, "<title>Error")
			wrong := p.at
			way(w, p, wrong)
			p.shows(draftForm, `value="77"`, `value="web-01"`, "<title>Error")

			p.press("check", "InstanceId", "i-bp1demoweb01").shows(checkPage, onCheck...)
			check := p.at
			way(w, p, check)
			p.shows(checkPage, onCheck...)

			// Back, twice: each page shows what was typed on it.
			p.open(wrong).shows(draftForm, append(inForm, "!<title>Error")...)
			p.open(start).shows(newForm, `value="77"`, `value="web-01"`)

			p.open(check).press("").shows(jobPage, "77 days", "i-bp1demoweb01", "typed-here")
			way(w, p, p.at)
			p.shows(jobPage, "77 days", "i-bp1demoweb01", "typed-here")
			result := p.at
			for _, address := range []string{check, wrong} { // Back from the result
				if p.open(address); p.at != result {
					t.Errorf("%s leads to %s, want %s", address, p.at, result)
				}
			}
		})
	}
}

// TestChangeKeepsWhatWasTyped proves that the check page leads back to a section of the form
// with all typed values, and that Continue then leads to a check page with another idempotency
// key.
func TestChangeKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person(t).open("/backups/new/UDM_ECS").press("check", typed...).shows(checkPage, onCheck...)
	first := p.at
	links := regexp.MustCompile(`href="(/drafts/[^"?]*\?[^"]*)"`).FindAllStringSubmatch(p.page, -1)
	if len(links) < 4 {
		t.Fatalf("%d links to the form: %s", len(links), short(p.page))
	}
	for _, link := range links {
		address, section, _ := strings.Cut(strings.ReplaceAll(link[1], "&amp;", "&"), "#")
		p.open(address).shows(draftForm, inForm...)
		if section != "" && !strings.Contains(p.page, `id="`+section+`"`) {
			t.Errorf("no section %q", section)
		}
	}
	p.press("check", "Retention", "78").shows(checkPage, "78 days")
	if p.at == first {
		t.Error("a changed form has the same draft")
	}
	p.open(first).shows(checkPage, "77 days", "!78 days")
}

// TestButtonsOfTheFormKeepItsAddress proves that the address of the page stays the same when
// rows are added or removed, or the language is changed.
func TestButtonsOfTheFormKeepItsAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person(t).open("/backups/new/ECS_FILE").press("check", "choice.SpeedLimit", "hours", "SpeedLimit.0.end", "18")
	address := p.shows(draftForm, "<title>Error", `value="18" selected`).at
	p.press("add:SpeedLimit").shows(regexp.QuoteMeta(address)+`\?focus=SpeedLimit\.1\.start$`, `name="SpeedLimit.1.start"`)
	p.press("remove:SpeedLimit:1").shows(regexp.QuoteMeta(address), `!name="SpeedLimit.1.start"`, `value="18" selected`)
	p.press("check").press("lang:zh-CN").shows(draftForm, "错误", `value="18" selected`)
	if n := strings.Count(p.page, `name="page"`); n != 1 {
		t.Errorf("%d ids of the page", n)
	}
}

// TestADraftStartsOneBackup proves that two tabs with the same check page start one backup, and
// that a changed form starts another one.
func TestADraftStartsOneBackup(t *testing.T) {
	w := newWorld(t)
	p := w.person(t).open("/backups/new/UDM_ECS").press("check", typed...)
	check := p.at
	first := p.press("").shows(jobPage).at
	if p.send("POST", strings.Replace(check, "/check", "/start", 1), "x="); p.at != first {
		t.Errorf("a second start leads to %s, the first to %s", p.at, first)
	}
	if n := w.created(); n != 1 {
		t.Errorf("%d jobs", n)
	}
	// The same if the answer of the first start was lost before the draft was marked.
	d, err := w.db.FindDraft(t.Context(), "demo#demo", strings.Split(check, "/")[2], w.clock.Now().Add(-draft.Life))
	if err != nil || d.SubmissionID == "" || d.Values != nil {
		t.Errorf("after the start: %+v, %v", d, err)
	}
	p.open("/backups/new/UDM_ECS").press("check", typed...).press("").shows(jobPage)
	if p.at == first || w.created() != 2 {
		t.Errorf("a new form leads to %s, %d jobs", p.at, w.created())
	}
}

// created returns the number of jobs that the portal has created.
func (w *world) created() (n int) {
	for _, c := range w.cloud.Ledger().Calls {
		if c.JobID != "" {
			n++
		}
	}
	return n
}

// TestStartOfADraftThatBecameWrong proves that, if the policy refuses a draft when the button
// Start is pressed, the person gets the form with the refusal.
func TestStartOfADraftThatBecameWrong(t *testing.T) {
	w := newWorld(t)
	p := w.person(t).open("/backups/new/UDM_ECS").press("check", typed...)
	check := p.at
	w.govern(t, "max: 365", "max: 60")
	p.handler = w.handler
	p.press("").shows(draftForm, "allows 1 to 60 days", `value="77"`)
	p.open(check).shows(draftForm, "allows 1 to 60 days")
	if w.created() != 0 {
		t.Error("a backup was started")
	}
}

// TestDraftsBelongToTheirPerson proves that only the person who posted a draft can open, start
// or discard it. For others the answer is the same as for a draft that does not exist.
func TestDraftsBelongToTheirPerson(t *testing.T) {
	w := newWorld(t)
	w.server.Sender = func(r *http.Request) (identity.Principal, error) {
		return identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Groups: []string{"testers"}, Subject: r.Header.Get("Test-Subject")}, nil
	}
	w.handler = w.server.Handler()
	p := w.person(t, "Test-Subject", "alice").open("/backups/new/UDM_ECS")
	start := p.at
	check := p.press("check", typed...).shows(checkPage).at
	id := strings.Split(check, "/")[2]
	other := w.person(t, "Test-Subject", "bob")
	for _, c := range []struct{ method, path string }{
		{"GET", "/drafts/" + id}, {"GET", check}, {"POST", check}, {"POST", "/drafts/" + id + "/start"}, {"POST", "/drafts/" + id + "/discard"},
		{"GET", "/drafts/AAAAAAAAAAAAAAAAAAAAAAAAAA"},
	} {
		if other.send(c.method, c.path, ""); other.status != http.StatusNotFound {
			t.Errorf("%s %s: status %d", c.method, c.path, other.status)
		}
		other.shows("", "This draft is gone", "!typed-here")
	}
	other.open(start).shows(newForm, "!typed-here")
	other.open("/drafts").shows("^/backups/new$")
	p.open(check).shows(checkPage, onCheck...)
	p.open("/drafts").shows(draftForm, inForm...)
	if w.created() != 0 {
		t.Error("a backup was started")
	}

	w.clock.Add(draft.Life)
	if p.open(check); p.status != http.StatusNotFound {
		t.Errorf("after 24 hours: status %d", p.status)
	}
	p.shows(checkPage, "This draft is gone")
	p.open(start).shows(newForm, "!typed-here")
}

// TestDiscardedDraft proves that a discarded draft cannot be opened any more.
func TestDiscardedDraft(t *testing.T) {
	w := newWorld(t)
	p := w.person(t).open("/backups/new/UDM_ECS").press("check", typed...)
	check := p.at
	p.send("POST", strings.Replace(check, "/check", "/discard", 1), "").shows("^/backups/new$")
	if p.open(check); p.status != http.StatusNotFound {
		t.Errorf("status %d", p.status)
	}
}

// signIn follows the sign-in to which the page leads, as the person subject.
func (p *person) signIn(w *world, idp *liar, subject string) *person {
	p.Helper()
	to := p.sent.Get("Location")
	if _, after, ok := strings.Cut(p.sent.Get("Refresh"), "url="); ok { // page "Your session has ended"
		to = p.send("GET", after, "").sent.Get("Location")
	}
	at, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, idp.URL) {
		p.Fatalf("no sign-in at %s: status %d to %q", p.at, p.status, to)
	}
	idp.nonce = at.Query().Get("nonce")
	idp.change = func(claims map[string]any) { claims["sub"], claims["groups"] = subject, []string{"team-a"} }
	return p.open("/auth/callback?" + url.Values{"code": {"good"}, "state": {at.Query().Get("state")}, "iss": {idp.URL}}.Encode())
}

// TestEndOfTheSessionLosesNothing proves that typed values are not lost if the session ends:
// after the sign-in, the person is back at the draft.
func TestEndOfTheSessionLosesNothing(t *testing.T) {
	t.Parallel()
	in := func(t *testing.T) (*world, *liar, *person) {
		w, idp := signInWorld(t)
		w.govern(t, "members:\n", "members:\n      - {issuer: \""+idp.URL+"\", group: team-a}\n")
		p := w.person(t).open("/backups/new/UDM_ECS").signIn(w, idp, "alice").shows(newForm)
		return w, idp, p
	}
	end := func(w *world) { w.clock.Add(2 * time.Hour) } // the cloud then refuses the portal's calls: its clock differs
	lose := func(p *person) { delete(p.jar, "__Host-portal") }

	t.Run("form", func(t *testing.T) {
		w, idp, p := in(t)
		end(w)
		p.press("check", typed...)
		if p.status != http.StatusUnauthorized {
			t.Errorf("status %d", p.status)
		}
		p.shows("^/drafts$", "Your session has ended", "No backup was started")
		p.signIn(w, idp, "alice").shows(draftForm, append(inForm, "You were here; nothing is lost", "Discard this draft")...)
	})
	t.Run("form, stored while typing", func(t *testing.T) {
		w, idp, p := in(t)
		start := p.at
		end(w)
		if p.press("keep", typed...); p.status != http.StatusNoContent {
			t.Errorf("keep: status %d", p.status)
		}
		p.open(start).signIn(w, idp, "alice").shows(newForm, inForm...)
	})
	t.Run("error", func(t *testing.T) {
		w, idp, p := in(t)
		p.press("check", append(slices.Clone(typed), "InstanceId", "web-01")...).shows(draftForm, "<title>Error")
		lose(p)
		p.press("check", "InstanceId", "i-bp1demoweb01").signIn(w, idp, "alice").shows(draftForm, append(inForm, "You were here")...)
		p.press("check").shows(checkPage, append(onCheck, "!You were here")...)
	})
	t.Run("check page", func(t *testing.T) {
		w, idp, p := in(t)
		check := p.press("check", typed...).shows(checkPage).at
		lose(p)
		p.press("").shows("/start$", "Your session has ended")
		if w.created() != 0 {
			t.Error("a backup was started")
		}
		p.signIn(w, idp, "alice").shows(regexp.QuoteMeta(check), onCheck...)
		p.press("").shows(jobPage)
	})
	t.Run("chosen receivers", func(t *testing.T) {
		w, _, p := in(t)
		check := p.press("check", typed...).shows(checkPage).at
		for _, path := range []string{check, strings.Replace(check, "/check", "/start", 1)} {
			lose(p)
			p.send("POST", path, "Notify.3=team-chat").shows(path+"$", "Your session has ended")
			next := url.Values{"next": {check + "?Notify=team-chat"}}.Encode()
			if got := p.sent.Get("Refresh"); !strings.HasSuffix(got, next) {
				t.Errorf("after a post to %s: %q", path, got)
			}
		}
		if w.created() != 0 {
			t.Error("a backup was started")
		}
	})
	t.Run("result", func(t *testing.T) {
		w, idp, p := in(t)
		result := p.press("check", typed...).press("").shows(jobPage).at
		lose(p)
		p.open(result).signIn(w, idp, "alice").shows(regexp.QuoteMeta(result), "77 days", "typed-here")
	})
	t.Run("another person", func(t *testing.T) {
		w, idp, p := in(t)
		end(w)
		p.press("check", typed...).signIn(w, idp, "bob")
		if p.status != http.StatusNotFound {
			t.Errorf("status %d", p.status)
		}
		p.shows(draftForm, "This draft is gone", "!typed-here")
	})
	t.Run("with the token of nobody", func(t *testing.T) {
		w, _, p := in(t)
		end(w)
		for name, token := range map[string]string{"missing": "", "forged": "AAAA", "of a session": p.jar["__Host-portal"]} {
			form := formOn(t, p.page)
			form.Set("person", token)
			answer := w.person(t).send("POST", "/drafts", form.Encode())
			if answer.status != http.StatusUnauthorized || answer.sent.Get("Refresh") != "" {
				t.Errorf("%s: status %d", name, answer.status)
			}
		}
		w.clock.Add(24 * time.Hour)
		if p.press("check", typed...); p.sent.Get("Refresh") != "" {
			t.Error("an expired token was accepted")
		}
	})
}

// TestDraftsBehindAGateway proves that with AUTH_MODE=jwt, a form without a token of the gateway
// gets an error page (status 401) with a link to /drafts, and that this link shows the last draft
// when the person has a token again.
func TestDraftsBehindAGateway(t *testing.T) {
	w := newWorld(t)
	gateway := w.server.Sender
	p := w.person(t).open("/backups/new/UDM_ECS").press("keep", typed...)
	w.server.Sender = func(*http.Request) (identity.Principal, error) { return identity.Principal{}, auth.ErrSignedOut }
	p.handler = w.server.Handler()
	p.send("POST", "/drafts", "SourceType=UDM_ECS").shows("^/drafts$", `href="/drafts"`)
	if p.status != http.StatusUnauthorized {
		t.Errorf("status %d", p.status)
	}
	w.server.Sender = gateway
	p.handler = w.server.Handler()
	p.open("/drafts").shows(draftForm, inForm...)
}

// TestWithoutAStoreTheAddressHasWhatWasTyped proves that without a durable database the address
// contains the typed values, if they fit.
func TestWithoutAStoreTheAddressHasWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Drafts = nil
	w.handler = w.server.Handler()
	p := w.person(t).open("/backups/new/UDM_ECS").shows(`^/backups/new/UDM_ECS$`)
	p.press("check", append(slices.Clone(typed), "InstanceId", "web-01")...).shows(`^/backups/preview\?`, `value="77"`, `value="web-01"`, "<title>Error")
	p.press("lang:zh-CN").shows(`^/backups/preview\?`, `value="77"`, "<title>错误").press("lang:en")
	p.press("check", "InstanceId", "i-bp1demoweb01").shows(`^/backups/preview\?`, onCheck...)
	p.open(p.at).shows(`^/backups/preview\?`, onCheck...)
	p.press("edit:keeping").shows(`^/backups/preview\?`, inForm...)
	p.press("check").shows(`^/backups/preview\?`, onCheck...)
	form := formOn(t, p.page)
	result := p.send("POST", "/backups", form.Encode()).shows(jobPage).at
	if p.send("POST", "/backups", form.Encode()); p.at != result || w.created() != 1 {
		t.Errorf("a second start leads to %s, %d jobs", p.at, w.created())
	}

	long := strings.Repeat("/srv/data/of/the/shop/", 100)
	p.open("/backups/new/ECS_FILE").press("check", "Include", long).shows("^/drafts$", long, "<title>Error")
	p.open("/drafts/AAAA").shows("", "This draft is gone")
	p.open("/backups/preview").shows("^/backups/new$")
}

// TestSweepRemovesDrafts proves that a sweep (regular background run) removes expired drafts,
// the stored values of forms.
func TestSweepRemovesDrafts(t *testing.T) {
	w := newWorld(t)
	p := w.person(t).open("/backups/new/UDM_ECS").press("check", typed...)
	w.server.Backups.ForgetDrafts = func(ctx context.Context, now time.Time) error {
		return w.db.ForgetDrafts(ctx, now.Add(-draft.Life))
	}
	id := strings.Split(p.at, "/")[2]
	for i, want := range []error{nil, backup.ErrNotFound} {
		if _, err := w.server.Backups.Sweep(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.FindDraft(t.Context(), "demo#demo", id, time.Time{}); err != want {
			t.Errorf("sweep %d: %v, want %v", i, err, want)
		}
		w.clock.Add(draft.Life + time.Second)
	}
}

// TestDraftsHoldOnlyControls proves that a draft has a limited size and contains only values of
// the form's controls. So a draft cannot contain a secret of the program.
func TestDraftsHoldOnlyControls(t *testing.T) {
	w := newWorld(t)
	p := w.person(t).open("/backups/new/UDM_ECS")
	p.send("POST", "/drafts", url.Values{"SourceType": {"UDM_ECS"}, "Password": {"x"}}.Encode())
	if p.status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown name: status %d", p.status)
	}
	p.send("POST", "/drafts", url.Values{"SourceType": {"UDM_ECS"}, "InstanceId": {strings.Repeat("x", draft.MaxBytes)}}.Encode())
	if p.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body: status %d %s", p.status, p.page)
	}
	form := url.Values{"SourceType": {"UDM_ECS"}, "op": {"keep"}, "page": {"P"}, "person": {rand.Text()}, "key": {"K"}, "at": {"form"}, "Retention": {"77"}}
	if p.send("POST", "/drafts", form.Encode()); p.status != http.StatusNoContent {
		t.Errorf("status %d", p.status)
	}
	d, err := w.db.NewestDraft(t.Context(), "demo#demo", "P", time.Time{})
	if err != nil || len(d.Values) != 2 || d.Values["Retention"] != "77" {
		t.Errorf("stored %v, %v", d.Values, err)
	}
}
