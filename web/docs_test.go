package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/param"
	"backupportal/web/auth"
)

// reference returns the API reference as a reader gets it: the first page, and the chapters of
// all pages in its table of contents.
func reference(t *testing.T, w *world, l param.Language) *goquery.Document {
	t.Helper()
	return referenceFrom(t, func(address string) *http.Response {
		return w.ask("GET", address, "", "", "Accept-Language", string(l)).Result()
	})
}

// referenceFrom is like [reference] with the answers of get, which it closes.
func referenceFrom(t *testing.T, get func(address string) *http.Response) *goquery.Document {
	t.Helper()
	page := func(address string) *goquery.Document {
		answer := get(address)
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d", address, answer.StatusCode)
		}
		doc, err := goquery.NewDocumentFromReader(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	doc := page("/docs/api")
	for _, a := range doc.Find(`.contents a:not([aria-current]):not([href^="#"])`).EachIter() {
		doc.Find("main").AppendSelection(page(a.AttrOr("href", "")).Find("main .chapter"))
	}
	return doc
}

// TestReferenceHasNoOtherTopic proves that an unknown topic of the API reference is answered
// with "not found".
func TestReferenceHasNoOtherTopic(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"nothing", "who", "udm_ecs"} {
		if answer := w.ask("GET", "/docs/api/"+name, "", ""); answer.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", name, answer.Code)
		}
	}
}

// TestCommandsOfTheReferenceWork proves that the commands in the API reference work in a real
// shell with a real server. They create one backup, and then show, cancel, wait for and list
// backups.
func TestCommandsOfTheReferenceWork(t *testing.T) {
	t.Parallel()
	for _, mode := range auth.Modes {
		t.Run(string(mode), func(t *testing.T) { commandsWork(t, mode) })
	}
}

// commandsWork runs the commands of the API reference of a portal with one AUTH_MODE (way of
// sign-in). Except in mode demo, the program has a token, and the commands stop without a token.
func commandsWork(t *testing.T, mode auth.Mode) {
	for _, program := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("%s is missing: whether the commands of the reference work", program)
		}
	}
	w := newWorld(t)
	environment, sender := append(os.Environ(), "no_proxy=*", "NO_PROXY=*"), "demo"
	if mode != auth.ModeDemo {
		environment, sender = append(environment, "TOKEN="+w.withToken(t)), "ci"
	}
	w.server.Mode = mode
	server := httptest.NewServer(w.handler)
	defer server.Close()
	doc := referenceFrom(t, func(address string) *http.Response {
		answer, err := http.Get(server.URL + address)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	})
	command := func(name string) string { return doc.Find("pre#curl-" + name).Text() }
	// The second create command has the same key as the first create command. Each command prints
	// one line.
	script := "set -eu\n" + command("who") + command("dry-run") + command("create") + command("create") + command("show") + command("cancel") +
		command("wait") + command("list") + command("preflight") + command("candidates")
	shell := exec.Command("sh", "-c", script)
	shell.Env = environment
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	want := []string{
		`"BackupJobs":\[\]`, `"Parameters":\{`, `"Status":"CREATED"`, `"Status":"CREATED"`, `"SubmissionId":"[a-z2-7]{26}"`,
		`"Outcome":"running".*"CancelledBy":"` + sender + `"`, `"Outcome":"cancelled"`, `"BackupJobs":\[\]`,
		`"Passed":true`, `"Id":"i-bp1demoweb01"`,
	}
	if len(lines) != len(want) {
		t.Fatalf("%d answers, want %d:\n%s", len(lines), len(want), out)
	}
	for i, line := range lines {
		if !regexp.MustCompile(want[i]).MatchString(line) {
			t.Errorf("answer %d lacks %s:\n%s", i, want[i], line)
		}
	}
	if made := len(w.cloud.Ledger().Jobs); made != 1 {
		t.Errorf("%d jobs, want 1", made)
	}
	if mode == auth.ModeDemo {
		return
	}
	shell = exec.Command("sh", "-c", command("who"))
	shell.Env = append(os.Environ(), "TOKEN=")
	if out, err := shell.CombinedOutput(); err == nil || !strings.Contains(string(out), "set TOKEN to your token") {
		t.Errorf("without a token: %v, %s", err, out)
	}
}

// TestWebhookCommandOfTheReferenceWorks proves that the command for webhooks works with a
// source that has a token.
func TestWebhookCommandOfTheReferenceWorks(t *testing.T) {
	w := newWorld(t)
	w.withHooks(t)
	server := httptest.NewServer(w.handler)
	defer server.Close()
	command := reference(t, w, param.English).Find("pre#curl-webhook").Text()
	shell := exec.Command("sh", "-c", command)
	shell.Env = append(os.Environ(), "no_proxy=*", "NO_PROXY=*")
	shell.Env = append(shell.Env, "PORTAL="+server.URL, "SOURCE=alerts", "SOURCE_TOKEN="+hookToken)
	if out, err := shell.CombinedOutput(); err != nil || !strings.Contains(string(out), `"Door":"webhook"`) {
		t.Errorf("%v: %s", err, out)
	}
}

// TestReferenceHasEveryRoute proves that the API reference, docs/api.md and the OpenAPI
// document describe every route for programs, and no other.
func TestReferenceHasEveryRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	routes := w.server.ProgramRoutes()
	slices.Sort(routes)
	for _, l := range []param.Language{param.English, param.Chinese} {
		var described []string
		for _, code := range reference(t, w, l).Find("p.endpoint code").EachIter() {
			method, path, _ := strings.Cut(code.Text(), " ")
			if path, _, _ = strings.Cut(path, "?"); method != "SourceType" {
				described = append(described, method+" "+path)
			}
		}
		slices.Sort(described)
		if described = slices.Compact(described); !slices.Equal(described, routes) {
			t.Errorf("%s: the page has %q, the routes are %q", l, described, routes)
		}
	}
	var described []string
	for _, o := range operations(t, w) {
		described = append(described, o.method+" "+o.path)
	}
	if slices.Sort(described); !slices.Equal(described, routes) {
		t.Errorf("the OpenAPI document has %q, the routes are %q", described, routes)
	}
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range routes {
		if last := route[strings.LastIndex(route, "/")+1:]; !strings.Contains(string(text), route) && !strings.Contains(string(text), "`"+last+"`") {
			t.Errorf("docs/api.md lacks %s", route)
		}
	}
}

// TestReferenceDescribesTheMode proves that the reference page describes the AUTH_MODE of the
// portal, and the tokens in each mode. Commands carry Authorization where a token is needed.
func TestReferenceDescribesTheMode(t *testing.T) {
	t.Parallel()
	for _, l := range []param.Language{param.English, param.Chinese} {
		seen := map[string]bool{}
		for _, mode := range auth.Modes {
			w := newWorld(t)
			w.server.Mode = mode
			doc := reference(t, w, l)
			who := doc.Find("section[aria-labelledby=who]")
			text := who.Find("p").First().Text()
			if seen[text] || !strings.Contains(text, "AUTH_MODE="+string(mode)) {
				t.Errorf("%s, %s: %q", mode, l, text)
			}
			seen[text] = true
			for _, other := range auth.Modes {
				if other != mode && strings.Contains(who.Text(), "AUTH_MODE="+string(other)) {
					t.Errorf("%s, %s: the page describes %s", mode, l, other)
				}
			}
			for _, term := range []string{"hbp_", "OpenID Connect", "401"} {
				if !strings.Contains(who.Text(), term) {
					t.Errorf("%s, %s: nothing about %s", mode, l, term)
				}
			}
			for _, pre := range doc.Find(`pre[id^="curl-"]`).EachIter() {
				id, _ := pre.Attr("id")
				want := mode != auth.ModeDemo || id == "curl-webhook"
				if got := strings.Count(pre.Text(), "Authorization: Bearer $") == strings.Count(pre.Text(), "curl "); got != want {
					t.Errorf("%s, %s: %s: Authorization %v, want %v", mode, l, id, got, want)
				}
			}
			for _, kind := range []string{"standard", "github", "bearer"} {
				if !strings.Contains(doc.Find("section[aria-labelledby=webhooks]").Text(), kind) {
					t.Errorf("%s, %s: nothing about webhooks of kind %s", mode, l, kind)
				}
			}
		}
	}
}

// TestExamplesOfTheReference proves that the examples on the reference page are valid: the
// submissions, the answer and the problem.
func TestExamplesOfTheReference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, o := readOpenAPI(t, w)
	for _, l := range []param.Language{param.English, param.Chinese} {
		doc := reference(t, w, l)
		for _, source := range param.SourceTypes {
			body := doc.Find("pre#body-" + string(source)).Text()
			if answer := w.ask("POST", "/api/v1/backup-jobs?dry_run=true", "application/json", body); answer.Code != 200 || !strings.Contains(answer.Body.String(), string(source)) {
				t.Errorf("%s: %d %s", source, answer.Code, answer.Body)
			}
		}
		for schema, id := range map[string]string{"BackupJob": "json-answer", "Problem": "json-problem"} {
			if err := o.judge(schema, []byte(doc.Find("pre#"+id).Text())); err != nil {
				t.Errorf("%s in %s: %v", id, l, err)
			}
		}
	}
}

// TestReferenceHasEveryProblem proves that the reference page lists the same kinds of problems,
// with the same statuses, as the OpenAPI description. Its texts equal the texts of the portal's
// answers.
func TestReferenceHasEveryProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var d struct {
		Components struct {
			Responses map[string]struct{ Description string }
		}
	}
	if err := json.Unmarshal(openAPI(t, w), &d); err != nil {
		t.Fatal(err)
	}
	// described has the HTTP statuses of each kind of problem. The kind method (405) is added
	// by hand, because no operation of the OpenAPI document can have it.
	described := map[string][]string{"method": {"405"}}
	for component, response := range d.Components.Responses {
		_, kinds, _ := strings.Cut(response.Description, "Kinds, by the last part of type: ")
		for kind := range strings.SplitSeq(kinds, "; ") {
			name, _, _ := strings.Cut(kind, ":")
			if _, status, _ := strings.Cut(component, "-"); !slices.Contains(described[name], status) {
				described[name] = append(described[name], status)
			}
		}
	}
	for _, l := range []param.Language{param.English, param.Chinese} {
		doc := reference(t, w, l)
		there := map[string][]string{}
		for _, tr := range doc.Find(`tr[id^="problem-"]`).EachIter() {
			there[tr.Find("th").Text()] = strings.Split(strings.TrimSpace(tr.Find("td").First().Text()), ", ")
		}
		for name, statuses := range described {
			if slices.Sort(statuses); !slices.Equal(there[name], statuses) {
				t.Errorf("%s: %s has the statuses %q, want %q", l, name, there[name], statuses)
			}
		}
		if len(there) != len(described) {
			t.Errorf("%s: %d kinds, %d are described", l, len(there), len(described))
		}
		missing := w.ask("GET", "/api/v1/backup-jobs/aaaaaaaaaaaaaaaaaaaaaaaaaa", "", "", "Accept-Language", string(l))
		var problem struct{ Title, Detail string }
		if err := json.Unmarshal(missing.Body.Bytes(), &problem); err != nil {
			t.Fatal(err)
		}
		if text := doc.Find("tr#problem-not-found").Text(); !strings.Contains(text, problem.Title) || !strings.Contains(text, problem.Detail) {
			t.Errorf("%s: %q lacks %q", l, text, problem)
		}
	}
}

// TestReferenceHasEveryFilter proves that the reference page's table contains every filter of
// the job list, with texts in both languages and a valid example.
func TestReferenceHasEveryFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, l := range []param.Language{param.English, param.Chinese} {
		rows := reference(t, w, l).Find("section[aria-labelledby=follow] tbody tr")
		var names []string
		for _, tr := range rows.EachIter() {
			name, example := tr.Find("th").Text(), strings.TrimSpace(tr.Find("td").Last().Text())
			names = append(names, name)
			if answer := w.ask("GET", "/api/v1/backup-jobs?"+name+"="+example, "", ""); answer.Code != 200 || strings.TrimSpace(tr.Find("td").First().Text()) == "" {
				t.Errorf("%s: %s=%s: status %d, %q", l, name, example, answer.Code, tr.Text())
			}
		}
		want := []string{"Search", "Whose", "Status", "Account", "SourceType", "InstanceId", "From", "To", "limit", "before"}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %q, want %q", l, names, want)
		}
	}
}

// TestReferenceHasEveryCode proves that the reference page's table of codes contains every code
// that occurs in an answer.
func TestReferenceHasEveryCode(t *testing.T) {
	w := newWorld(t)
	doc := reference(t, w, param.English)
	known := map[string]bool{}
	for _, th := range doc.Find("section[aria-labelledby=problems] tbody tr:not([id]) th").EachIter() {
		known[th.Text()] = false
	}
	const instance, files, volumes = `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-1",`,
		`{"SourceType":"ECS_FILE","Account":"demo","Region":"cn-hangzhou","InstanceId":"i-1","VaultId":"v-1","Retention":15,`,
		`{"SourceType":"CONTAINER","Account":"demo","Region":"cn-hangzhou","ContainerClusterId":"cc-1","VaultId":"v-1","Retention":15,`
	for _, body := range []string{
		`{}`, `{"Preset":"none"}`, instance + `"Retention":0,"JobName":"two words","BackupType":"INCREMENTAL","Colour":"red"}`,
		instance + `"Retention":15,"Retention":16}`,
		instance + `"Retention":15,"JobName":"` + strings.Repeat("a", 40) + `","VaultId":"v-1"}`,
		instance + `"Retention":1.5,"Detail":{"diskIdList":["a","d-1","d-1"],"doCopy":true,"destinationRegionId":"cn-hangzhou","destinationRetention":1}}`,
		instance + `"Retention":400}`, instance + `"Retention":15,"CrossAccountType":"CROSS_ACCOUNT"}`, instance + `"Retention":15,"Detail":{"snapshotGroup":"yes"}}`,
		files + `"Include":["/1","/2","/3","/4","/5","/6","/7","/8","/9"],"Options":{"UseVSS":true},"SpeedLimit":"8:8:1"}`,
		files + `"Include":["\\\\nas\\share"],"Exclude":["/a"],"Options":{"UseVSS":true}}`, files + `"Include":["C:\\*"],"Options":{"UseVSS":true}}`,
		strings.Replace(files, "i-1", "i-bp1demoweb01", 1) + `"Options":{"UseVSS":true}}`,
		files + `"Include":["/` + strings.Repeat("a", 300) + `"],"ClusterId":"x y"}`, strings.Replace(instance, "i-1", "web 1", 1) + `"Retention":15}`,

		files + `"SpeedLimit":"9:18:1|17:20:1"}`, files + `"SpeedLimit":"all day"}`, files + `"SpeedLimit":"` + strings.Repeat("0:1:1|", 24) + `0:1:1"}`,
		volumes + `"ContainerResources":[{"resourceType":"PV","resourceInfo":"none"}]}`,
	} {
		w.codes(t, known, w.ask("POST", "/api/v1/backup-jobs", "application/json", body))
	}
	for _, query := range []string{"limit=0", "Whose=theirs", "From=soon", "From=2026-02-01&To=2026-01-01"} {
		w.codes(t, known, w.ask("GET", "/api/v1/backup-jobs?"+query, "", ""))
	}
	w.codes(t, known, w.ask("POST", "/api/v1/backup-jobs?dry_run=perhaps", "application/json", "{}"))
	for code, met := range known {
		if !met {
			t.Errorf("no answer carries %s", code)
		}
	}
}

// codes collects the error codes in a problem answer, to compare them with the documented ones.
func (w *world) codes(t *testing.T, known map[string]bool, answer *httptest.ResponseRecorder) {
	t.Helper()
	var problem struct{ Errors []struct{ Code string } }
	if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil || len(problem.Errors) == 0 {
		t.Fatalf("no problem with a list of errors (error %v): %s", err, answer.Body)
	}
	for _, one := range problem.Errors {
		if _, ok := known[one.Code]; !ok {
			t.Errorf("%s is not in the table: %s", one.Code, answer.Body)
		}
		known[one.Code] = true
	}
}

// TestReferenceIsPublic proves that the reference page is public and contains nothing specific
// to this portal.
func TestReferenceIsPublic(t *testing.T) {
	w := newWorld(t)
	w.server.Sender, w.server.Demo = auth.EventsOnly, false
	w.handler = w.server.Handler()
	doc := reference(t, w, param.English)
	if doc.Find("header nav, .who").Length() != 0 || strings.Contains(doc.Text(), "1000000000000001") {
		t.Error("a stranger gets more than the reference")
	}
	if n := w.calls(); n != 0 {
		t.Errorf("the cloud got %d calls", n)
	}
}
