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

// reference returns the API reference page as a reader gets it.
func reference(t *testing.T, w *world, l param.Language) *goquery.Document {
	t.Helper()
	answer := w.ask("GET", "/docs/api", "", "", "Accept-Language", string(l))
	if answer.Code != 200 {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	doc, err := goquery.NewDocumentFromReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// The commands on the reference page work in a real shell against a real server. They create one
// backup, and then show, cancel, wait for and list backups.
func TestCommandsOfTheReferenceWork(t *testing.T) {
	for _, program := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("%s is missing: whether the commands of the reference work", program)
		}
	}
	w := newWorld(t)
	server := httptest.NewServer(w.handler)
	defer server.Close()
	page, err := http.Get(server.URL + "/docs/api")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	doc, err := goquery.NewDocumentFromReader(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	command := func(name string) string { return doc.Find("pre#curl-" + name).Text() }
	// The second create command has the same key as the first create command. Each command prints
	// one line.
	script := "set -eu\n" + command("who") + command("dry-run") + command("create") + command("create") + command("show") + command("cancel") + command("wait") + command("list")
	before := w.calls()
	shell := exec.Command("sh", "-c", script)
	shell.Env = append(os.Environ(), "no_proxy=*", "NO_PROXY=*")
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	want := []string{
		`"BackupJobs":\[\]`, `"Parameters":\{`, `"Status":"CREATED"`, `"Status":"CREATED"`, `"SubmissionId":"[a-z2-7]{26}"`,
		`"Outcome":"running".*"CancelledBy":"demo"`, `"Outcome":"cancelled"`, `"BackupJobs":\[\]`,
	}
	if len(lines) != len(want) {
		t.Fatalf("%d answers, want %d:\n%s", len(lines), len(want), out)
	}
	for i, line := range lines {
		if !regexp.MustCompile(want[i]).MatchString(line) {
			t.Errorf("answer %d lacks %s:\n%s", i, want[i], line)
		}
	}
	made := 0
	for _, call := range w.cloud.Ledger().Calls[before:] {
		if call.Action == "CreateBackupJob" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d calls of CreateBackupJob, want 1", made)
	}
}

// The examples on the reference page are valid: the submissions, the answer and the problem.
func TestExamplesOfTheReference(t *testing.T) {
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

// The reference page lists the same kinds of problems, with the same statuses, as the OpenAPI
// description. Its texts equal the texts of the portal's answers.
func TestReferenceHasEveryProblem(t *testing.T) {
	w := newWorld(t)
	var d struct {
		Components struct {
			Responses map[string]struct{ Description string }
		}
	}
	if err := json.Unmarshal(openAPI(t, w), &d); err != nil {
		t.Fatal(err)
	}
	described := map[string][]string{} // HTTP statuses, by the kind of the problem
	for status, response := range d.Components.Responses {
		_, kinds, _ := strings.Cut(response.Description, "Kinds, by the last part of type: ")
		for kind := range strings.SplitSeq(kinds, "; ") {
			name, _, _ := strings.Cut(kind, ":")
			described[name] = append(described[name], status)
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

// The reference page's table contains every filter of the job list, with texts in both languages
// and a valid example.
func TestReferenceHasEveryFilter(t *testing.T) {
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
		want := []string{"Whose", "Status", "Account", "SourceType", "InstanceId", "From", "To", "limit", "before"}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %q, want %q", l, names, want)
		}
	}
}

// The reference page's table of codes contains every code that occurs in an answer.
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
		`{}`, instance + `"Retention":0,"JobName":"two words","BackupType":"INCREMENTAL","Colour":"red","Colour":"blue"}`,
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

// codes marks the codes in a problem answer as seen.
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

// The reference page is public and contains nothing specific to this portal.
func TestReferenceIsPublic(t *testing.T) {
	w := newWorld(t)
	w.server.Who, w.server.Demo = auth.Nobody, false
	w.handler = w.server.Handler()
	doc := reference(t, w, param.English)
	if doc.Find("header nav, .who").Length() != 0 || strings.Contains(doc.Text(), "1000000000000001") {
		t.Error("a stranger gets more than the reference")
	}
	if n := w.calls(); n != 0 {
		t.Errorf("the cloud got %d calls", n)
	}
}
