package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/batch"
	emulated "backupportal/function/emulator/world"
	"backupportal/function/identity"
)

// upload posts a form with a file, as a browser does.
func (w *world) upload(values map[string]string, file string) (status int, location, page string) {
	w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range values {
		if err := form.WriteField(name, value); err != nil {
			w.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", "file")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := part.Write([]byte(file)); err != nil {
		w.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		w.t.Fatal(err)
	}
	answer := w.ask("POST", "/batches/targets", form.FormDataContentType(), body.String())
	return answer.Code, answer.Header().Get("Location"), answer.Body.String()
}

// get returns the status and the content of a page.
func (w *world) get(path string) (int, string) {
	answer := w.ask("GET", path, "", "")
	return answer.Code, answer.Body.String()
}

// planOf returns the JSON of a Terraform plan that destroys the instances.
func planOf(t *testing.T, ids ...string) string {
	t.Helper()
	var changes []any
	for n, id := range ids {
		changes = append(changes, map[string]any{
			"address": fmt.Sprintf("module.m[%d].alicloud_instance.a", n), "mode": "managed", "type": "alicloud_instance",
			"change": map[string]any{"actions": []string{"delete"}, "before": map[string]any{"id": id, "availability_zone": "cn-hangzhou-i"}},
		})
	}
	text, err := json.Marshal(map[string]any{"format_version": "1.2", "planned_values": map[string]any{}, "resource_changes": changes})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTargetsOfATerraformPlan proves that the instances of a Terraform plan are shown with their addresses, and
// that the batch has only these instances. For a plan that cannot be used, the page says what to do.
func TestTargetsOfATerraformPlan(t *testing.T) {
	w := newWorld(t)
	status, form, _ := w.upload(map[string]string{"from": "plan"}, planOf(t, "i-bp1demoweb01", "i-bp1demodb01"))
	if status != http.StatusSeeOther || !strings.HasPrefix(form, "/drafts/") {
		t.Fatalf("%d %s", status, form)
	}
	_, page := w.get(form)
	for _, want := range []string{"Back up the machines of a Terraform plan", "i-bp1demodb01", "module.m[1].alicloud_instance.a", "China (Hangzhou)", `name="Account"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the form lacks %q", want)
		}
	}
	if strings.Contains(page, `name="Region"`) {
		t.Error("the form asks for the region, which the plan has")
	}
	for file, want := range map[string]string{
		"":               "Choose the file with the plan",
		"PK\x03\x04":     "This is the plan file itself",
		`{"a":`:          "Line 1, column 6: This is not valid JSON",
		planOf(t):        "The plan changes and destroys no instance",
		planOf(t, "web"): "The plan does not say the instance ID of module.m[0].alicloud_instance.a",
	} {
		if status, _, page := w.upload(map[string]string{"from": "plan"}, file); status != http.StatusUnprocessableEntity || !strings.Contains(page, want) {
			t.Errorf("%.20q: %d, without %q", file, status, want)
		}
	}
	if w.created() != 0 {
		t.Error("a backup was started")
	}
}

// TestListsAtTheLimit proves that a list above the limit starts nothing and that the page says by how many targets
// it is too long. The longest allowed list is accepted.
func TestListsAtTheLimit(t *testing.T) {
	w := newWorld(t)
	list := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "i-bp1f4k0w2x9m7q3c%06d\n", i)
		}
		return b.String()
	}
	_, location, _ := w.upload(map[string]string{"from": "text", "Targets": ""}, list(10_003))
	if _, page := w.get(location); !strings.Contains(page, "The list has 10,003 targets, 3 more than the limit of 10,000") {
		t.Errorf("%s: %.300s", location, page)
	}
	status, location, _ := w.upload(map[string]string{"from": "text", "Targets": ""}, list(10_000))
	if _, page := w.get(location); status != http.StatusSeeOther || !strings.Contains(page, "10,000 machines found") {
		t.Errorf("%d %s: %.300s", status, location, page)
	}
	if status, _, page := w.upload(map[string]string{"from": "text", "Targets": "i-a"}, "i-b"); status != http.StatusUnprocessableEntity ||
		!strings.Contains(page, "Enter a list or choose a file, not both") || !strings.Contains(page, "\ni-a</textarea>") {
		t.Errorf("two lists: %d", status)
	}
	if status, _, page := w.upload(map[string]string{"from": "text"}, "i-\xff"); status != http.StatusUnprocessableEntity || !strings.Contains(page, "not UTF-8") {
		t.Errorf("no text: %d", status)
	}
	long := "InstanceId,Reason\n" + strings.Repeat("i-a,\"<\"\n", 100_000)
	if status, _, page := w.upload(map[string]string{"from": "text", "Targets": long}, ""); status != http.StatusUnprocessableEntity ||
		!strings.Contains(page, "The list is too long to be kept") || !strings.Contains(page, "i-a,&#34;&lt;&#34;") {
		t.Errorf("a list that no draft can keep: %d", status)
	}
	if answer := w.ask("POST", "/batches/targets", "application/x-www-form-urlencoded", "from=text&Targets="+strings.Repeat("x", 5<<20)); answer.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 5 MB: %d", answer.Code)
	}
}

// startList leads a list of targets to the check page, and returns the addresses of its draft and of the targets.
func (w *world) startList(values url.Values) (draft string) {
	w.t.Helper()
	answer := w.ask("POST", "/batches/targets", "application/x-www-form-urlencoded", values.Encode())
	form := answer.Header().Get("Location")
	_, page := w.get(form)
	_, after, ok := strings.Cut(page, `name="Targets" value="`)
	targets, _, _ := strings.Cut(after, `"`)
	if !ok {
		w.t.Fatalf("%s is no form for targets: %.300s", form, page)
	}
	posted := url.Values{"op": {"check"}, "page": {strings.TrimPrefix(form, "/drafts/")}, "SourceType": {"UDM_ECS"}, "Targets": {targets}, "Retention": {"15"}}
	answer = w.ask("POST", "/drafts", "application/x-www-form-urlencoded", posted.Encode())
	draft, ok = strings.CutSuffix(answer.Header().Get("Location"), "/check")
	if !ok {
		w.t.Fatalf("the form leads to %q", answer.Header().Get("Location"))
	}
	return draft
}

// itemsOf returns the instances of the batch to which the start of a draft leads.
func (w *world) itemsOf(draft string, skip string) (ids []string) {
	w.t.Helper()
	answer := w.ask("POST", draft+"/start", "application/x-www-form-urlencoded", url.Values{"skip": {skip}, "Concurrency": {"5"}}.Encode())
	id, ok := strings.CutPrefix(answer.Header().Get("Location"), "/batches/")
	if !ok {
		w.t.Fatalf("Start leads to %q", answer.Header().Get("Location"))
	}
	items, err := w.db.ReadItems(w.t.Context(), id, batch.ItemQuery{After: -1, Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, item := range items {
		ids = append(ids, item.Params["InstanceId"])
	}
	return ids
}

// TestTagIsResolvedOnce proves that the machines with a tag are listed once, and that the batch has exactly the
// machines that were shown. A machine that gets the tag later is not in the batch; a machine that loses it stays.
func TestTagIsResolvedOnce(t *testing.T) {
	w := newWorld(t)
	tagged := url.Values{"from": {"tag"}, "Tag": {"team=web"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}}
	draft := w.startList(tagged)
	shown := func() string {
		_, page := w.get(draft + "/check")
		return page
	}
	if page := shown(); !strings.Contains(page, "Ready to start 2 of 2") || !strings.Contains(page, "i-bp1demoweb02") {
		t.Fatalf("%.2000s", page)
	}
	later := newWorldIn(t, func(exists *emulated.World) {
		for _, account := range exists.Accounts {
			for _, one := range account.Instances {
				switch one.ID {
				case "i-bp1demodb01":
					one.Tags["team"] = "web"
				case "i-bp1demoweb02":
					one.Tags["team"] = "none"
				}
			}
		}
	})
	w.server.Inventory = later.server.Inventory // the lists of a cloud in which the tags have changed
	if page := shown(); !strings.Contains(page, "Ready to start 2 of 2") || strings.Contains(page, "i-bp1demodb01") {
		t.Errorf("after the tags changed: %.2000s", page)
	}
	if got := strings.Join(w.itemsOf(draft, ""), " "); got != "i-bp1demoweb01 i-bp1demoweb02" {
		t.Errorf("the batch has %s", got)
	}
	if got := strings.Join(w.itemsOf(w.startList(tagged), ""), " "); got != "i-bp1demoweb01 i-bp1demodb01" {
		t.Errorf("a new list has %s", got)
	}
}

// TestCheckPageSortsTargets proves that the page shows, and does not start, targets with a running backup, targets
// that the policy refuses and targets that do not exist.
func TestCheckPageSortsTargets(t *testing.T) {
	w := newWorld(t)
	answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup)
	if answer.Code != http.StatusCreated {
		t.Fatal(answer.Code)
	}
	before := w.created()
	list := "InstanceId,Account,Region,Retention\n" +
		"i-bp1demoweb01,demo,cn-hangzhou,\n" + // runs already
		"i-bp1demoweb02,demo,cn-hangzhou,3000\n" + // too long
		"i-bp1demodb01,demo,cn-hangzhou,\n" +
		"i-bp1nosuchone,demo,cn-hangzhou,\n"
	draft := w.startList(url.Values{"from": {"text"}, "Targets": {list}})
	_, page := w.get(draft + "/check")
	for _, want := range []string{
		"Ready to start 1 of 4", "It is not started a second time.", "There is no such machine in this region.",
		"Line 3", "365", `name="skip" value="1,3,0"`, "Start 1 backup",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if got := strings.Join(w.itemsOf(draft, "1,3,0"), " "); got != "i-bp1demodb01" {
		t.Errorf("the batch has %s", got)
	}
	if w.created() != before {
		t.Error("the page started a backup itself")
	}
}

// TestTargetsBelongToOnePerson proves that the pages with the targets of one person answer another person with
// status 404.
func TestTargetsBelongToOnePerson(t *testing.T) {
	w := newWorld(t)
	answer := w.ask("POST", "/batches/targets", "application/x-www-form-urlencoded", "from=text&Targets=web01")
	_, id, _ := strings.Cut(answer.Header().Get("Location"), "draft=")
	draft := w.startList(url.Values{"from": {"text"}, "Targets": {"InstanceId,Account,Region\ni-bp1demoweb01,demo,cn-hangzhou\n"}})
	paths := []string{"/batches/new?draft=" + id, draft, draft + "/check"}
	for _, path := range paths {
		if code, _ := w.get(path); code == http.StatusNotFound {
			t.Errorf("%s: not found by its own person", path)
		}
	}
	w.server.Sender = func(*http.Request) (identity.Principal, error) {
		return identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Subject: "bob", Name: "bob", Groups: []string{"testers"}}, nil
	}
	for _, path := range paths {
		if code, _ := w.get(path); code != http.StatusNotFound {
			t.Errorf("%s: %d for another person", path, code)
		}
	}
}

// TestRandomLists proves that a random list leads to a page or to the form, never to an error of the server, and
// starts nothing.
func TestRandomLists(t *testing.T) {
	w := newWorld(t)
	parts := []string{"i-a", "i-b", "InstanceId", ",", ";", "\t", "\n", "\r\n", "\"", "'", "=", "Region", "cn-hangzhou", "#", "<b>", "\u202e", "备", "Retention", "-1", "\x00", "\xff", "sep=;", " "}
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 4))
		var b strings.Builder
		for range r.IntN(20) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		status, location, _ := w.upload(map[string]string{"from": "text", "Targets": ""}, b.String())
		if location != "" {
			status, _ = w.get(location)
		}
		if status != http.StatusOK && status != http.StatusUnprocessableEntity {
			t.Fatalf("%q: %d at %s", b.String(), status, location)
		}
	}
	if w.created() != 0 {
		t.Error("a backup was started")
	}
}

// TestRefusedTargetsLeaveATrace proves that targets that the policy refuses leave a line in the log, a record of the audit trail
// and a count when the form is posted, and that the record of the batch says how many were left out. Looking at the check page
// again leaves nothing.
func TestRefusedTargetsLeaveATrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.traced()
	w.server.Batches.Log = w.server.Log
	list := "InstanceId,Account,Region,Retention\ni-bp1demoweb01,demo,cn-hangzhou,\ni-bp1demoweb02,demo,cn-hangzhou,3000\n"
	p := w.person(t).send("POST", "/batches/targets", url.Values{"from": {"text"}, "Targets": {list}}.Encode())
	check := p.press("check", "Retention", "7").shows(checkPage, "i-bp1demoweb02").at
	p.open(check).open(check)
	var metrics strings.Builder
	got.metrics.Write(&metrics)
	for text, where := range map[string]string{
		`"msg":"targets of a batch refused"`:                             got.log.String(),
		`"targets":2,"refused":1,"first":["i-bp1demoweb02"]`:             got.log.String(),
		`backup_portal_rejected_total{kind="denied",source=""} 1` + "\n": metrics.String(),
	} {
		if strings.Count(where, text) != 1 {
			t.Errorf("not one %s in\n%s", text, where)
		}
	}
	if n := got.audited(backup.AuditDenied); n != 1 {
		t.Errorf("%d audit records, want 1", n)
	}
	start := regexp.MustCompile(`name="skip" value="1"`)
	if !start.MatchString(p.page) {
		t.Fatalf("the page skips nothing:\n%s", p.page)
	}
	p.send("POST", strings.Replace(check, "/check", "/start", 1), url.Values{"skip": {"1"}, "Concurrency": {"5"}}.Encode()).shows("^/batches/[a-z2-7]{26}$")
	created := got.events[len(got.events)-1]
	if created.Kind != backup.AuditBatch || !slices.Contains(created.Decision.Lines, "1 targets left out after the check") {
		t.Errorf("the audit record of the batch: %+v", created)
	}
}

// TestEndOfTheSessionKeepsTargets posts targets in each way after the session has ended. After the sign-in, the person continues
// with them, and nobody else can open them.
func TestEndOfTheSessionKeepsTargets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values url.Values
		from   string   // page of the form
		shows  []string // after the sign-in
		form   []string // after Continue
	}{
		"list": {
			url.Values{"from": {"text"}, "Targets": {"InstanceId,Account,Region\ni-bp1demoweb01,demo,cn-hangzhou\n"}}, "/batches/new",
			[]string{"i-bp1demoweb01,demo,cn-hangzhou", "1 machine found"}, []string{"1 machine found"},
		},
		"wrong list": {
			url.Values{"from": {"text"}, "Targets": {"web01"}}, "/batches/new",
			[]string{"web01", "Continue shows what must be corrected"}, []string{"<title>Error"},
		},
		"tag": {
			url.Values{"from": {"tag"}, "Tag": {"team=web"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}}, "/batches/new",
			[]string{"team=web"}, []string{"2 machines found"},
		},
		"plan": {
			url.Values{"from": {"plan"}, "file": {planOf(t, "i-bp1demoweb01", "i-bp1demoweb02")}}, "/batches/new",
			[]string{"2 machines found"}, []string{"2 machines found"},
		},
		"ticks": {
			url.Values{"from": {"ticks"}, "InstanceId.0": {"demo cn-hangzhou i-bp1demoweb02"}}, "/",
			[]string{"1 machine found"}, []string{"1 machine found"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, idp := signInWorld(t)
			w.govern(t, "members:\n", "members:\n      - {issuer: \""+idp.URL+"\", group: team-a}\n")
			p := w.person(t).open(c.from).signIn(w, idp, "alice").shows("^" + c.from + "$")
			token := regexp.MustCompile(`action="/batches/targets"[^>]*>(?s:.*?)name="person" value="([^"]+)"`).FindStringSubmatch(p.page)
			if token == nil {
				t.Fatalf("no form with a token:\n%s", p.page)
			}
			delete(p.jar, "__Host-portal")
			if p.send("POST", "/batches/targets", c.values.Encode()); p.status != http.StatusUnauthorized || p.sent.Get("Refresh") != "" {
				t.Errorf("without a token: status %d", p.status)
			}
			values := maps.Clone(c.values)
			values.Set("person", token[1])
			p.send("POST", "/batches/targets", values.Encode()).shows("^/batches/targets$", "Your session has ended")
			back := *p
			back.jar = maps.Clone(p.jar)
			if back.signIn(w, idp, "bob"); back.status != http.StatusNotFound {
				t.Errorf("another person: status %d", back.status)
			}
			p.signIn(w, idp, "alice").shows(`^/batches/new\?draft=`, append(c.shows, "You were here; nothing is lost", "Your targets are kept")...)
			if w.created() != 0 {
				t.Error("a backup was started")
			}
			_, id, _ := strings.Cut(p.at, "draft=")
			if name == "list" {
				defer p.losesNoOptions(w, idp)
			}
			p.send("POST", "/batches/targets", url.Values{"from": {"kept"}, "draft": {id}}.Encode()).shows("^/(drafts/|batches/new)", c.form...)
		})
	}
}

// losesNoOptions continues with the form of a batch to its check page, and presses Start after the session has ended. After the
// sign-in, the check page has the options that were typed.
func (p *person) losesNoOptions(w *world, idp *liar) {
	p.Helper()
	p.press("check", "Retention", "7").shows(checkPage, `name="Concurrency"`)
	form := formOn(p.T, p.page)
	form.Set("Concurrency", "17")
	form.Set("MaxErrors", "9%")
	delete(p.jar, "__Host-portal")
	start := strings.Replace(p.at, "/check", "/start", 1)
	p.send("POST", start, form.Encode()).shows("/start$", "Your session has ended")
	p.signIn(w, idp, "alice").shows(checkPage, `value="17"`, `value="9%"`)
	form.Set("person", "AAAA")
	delete(p.jar, "__Host-portal")
	p.send("POST", start, form.Encode()).signIn(w, idp, "alice").shows(checkPage, `!value="17"`)
	if w.created() != 0 {
		p.Error("a backup was started")
	}
}
