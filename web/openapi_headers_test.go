package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"backupportal/web/auth"
)

// An operationDoc is an operation of the OpenAPI description with its responses resolved.
type operationDoc struct {
	method, path string
	headers      map[string][]string // headers of each status; canonical names, sorted
}

// operations returns all operations of the OpenAPI description.
func operations(t *testing.T, w *world) []operationDoc {
	t.Helper()
	type response struct {
		Ref     string `json:"$ref"`
		Headers headers
	}
	var d struct {
		Paths      map[string]map[string]struct{ Responses map[string]response }
		Components struct{ Responses map[string]response }
	}
	if err := json.Unmarshal(openAPI(t, w), &d); err != nil {
		t.Fatal(err)
	}
	var all []operationDoc
	for path, methods := range d.Paths {
		for method, o := range methods {
			one := operationDoc{strings.ToUpper(method), path, map[string][]string{}}
			for status, r := range o.Responses {
				if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
					r = d.Components.Responses[name]
				}
				one.headers[status] = slices.Sorted(maps.Keys(r.Headers))
			}
			all = append(all, one)
		}
	}
	return all
}

// readingRequests returns a request for each GET operation, by its path in the OpenAPI description.
func readingRequests(id, batchID string) map[string]string {
	const account = "/api/v1/accounts/{alias}/"
	all := map[string]string{
		"/api/v1/backup-jobs":                "/api/v1/backup-jobs",
		"/api/v1/backup-jobs/{SubmissionId}": "/api/v1/backup-jobs/" + id,
		"/api/v1/backup-batches/{BatchId}":   "/api/v1/backup-batches/" + batchID,
		"/api/v1/presets":                    "/api/v1/presets",
		account + "preflight":                "/api/v1/accounts/demo/preflight?Region=cn-hangzhou",
	}
	for _, list := range []string{"instances", "vaults", "clusters"} {
		all[account+list] = "/api/v1/accounts/demo/" + list + "?Region=cn-hangzhou"
	}
	all[account+"disks"] = "/api/v1/accounts/demo/disks?Region=cn-hangzhou&InstanceId=i-bp1demoweb01"
	all[account+"volumes"] = "/api/v1/accounts/demo/volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster"
	return all
}

// provoked sends a request until the answer has this status, to a portal in which it occurs,
// for example an overloaded one. It returns nil for a status that it cannot cause.
func provoked(t *testing.T, w *world, path, status string) *httptest.ResponseRecorder {
	t.Helper()
	get := func() *httptest.ResponseRecorder { return w.ask("GET", path, "", "") }
	switch status {
	case "401":
		w.server.Sender = auth.EventsOnly
		w.handler = w.server.Handler()
	case "503":
		w.db.Close()
		if path == "/api/v1/presets" { // which are not in the store
			defer w.overload()()
		}
	case "429":
		for range 1000 {
			if answer := get(); answer.Code == 429 {
				return answer
			}
		}
		return nil
	case "200":
	default:
		return nil
	}
	return get()
}

// TestOpenAPIReadingOperationsSendTheirHeaders proves that every header that the description
// promises for a GET operation is in an answer of that operation.
func TestOpenAPIReadingOperationsSendTheirHeaders(t *testing.T) {
	t.Parallel()
	for _, o := range operations(t, newWorld(t)) {
		if o.method != "GET" {
			continue
		}
		for status, names := range o.headers {
			if len(names) == 0 {
				continue
			}
			w := newWorld(t)
			path, ok := readingRequests(w.create(t, "alice", "k"), w.newBatch("b"))[o.path]
			if !ok {
				t.Fatalf("no request for %s", o.path)
			}
			answer := provoked(t, w, path, status)
			if answer == nil || fmt.Sprint(answer.Code) != status {
				t.Errorf("GET %s: %s with %q does not occur", o.path, status, names)
				continue
			}
			for _, name := range names {
				if answer.Header().Get(name) == "" {
					t.Errorf("GET %s: %s has no %s", o.path, status, name)
				}
			}
			for _, name := range spoken {
				if answer.Header().Get(name) != "" && !slices.Contains(names, name) {
					t.Errorf("GET %s: the header %s of %s is not described", o.path, name, status)
				}
			}
		}
	}
}

// TestNotFoundNamesWhatIsMissing proves that the title of a not-found problem in the API names
// the missing object.
func TestNotFoundNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	const id, account = "/aaaaaaaaaaaaaaaaaaaaaaaaaa", "/api/v1/accounts/"
	for _, c := range []struct{ method, path, en, zh string }{
		{"GET", "/api/v1/backup-jobs" + id, "Submission not found", "找不到该提交"},
		{"GET", "/api/v1/backup-jobs" + id + "?wait=1s", "Submission not found", "找不到该提交"},
		{"GET", "/api/v1/backup-jobs/x", "Submission not found", "找不到该提交"},
		{"POST", "/api/v1/backup-jobs" + id + "/cancel", "Submission not found", "找不到该提交"},
		{"GET", account + "nowhere/preflight?Region=cn-hangzhou", "Account or resource not found", "找不到账号或资源"},
		{"GET", account + "nowhere/instances?Region=cn-hangzhou", "Account or resource not found", "找不到账号或资源"},
		{"GET", account + "demo/vaults?Region=eu-west-1", "Account or resource not found", "找不到账号或资源"},
		{"POST", "/webhooks/nowhere", "Webhook source not found", "找不到 Webhook 来源"},
		{"GET", "/api/v1/backup-job", "Unknown URL", "未知的地址"},
		{"GET", "/api/v2/backup-jobs", "Unknown URL", "未知的地址"},
		{"GET", "/webhooks/", "Unknown URL", "未知的地址"},
	} {
		w := newWorld(t)
		for language, want := range map[string]string{"en": c.en, "zh": c.zh} {
			answer := w.ask(c.method, c.path, "application/json", "{}", "Accept-Language", language)
			var problem struct{ Type, Title string }
			if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil {
				t.Fatalf("%s: %v", c.path, err)
			}
			if problem.Title != want || answer.Code != 404 || problem.Type != "urn:backup-portal:problem:not-found" {
				t.Errorf("%s %s: %d %s, want the title %q", c.method, c.path, answer.Code, answer.Body, want)
			}
		}
	}
	page := newWorld(t).ask("GET", "/backups"+id, "", "")
	if page.Code != 404 || !strings.Contains(page.Body.String(), "<h1>Page not found</h1>") {
		t.Errorf("the page: %d", page.Code)
	}
}

// TestAnswersNameTheirAddresses proves that the header Location and the member instance have
// the API's address of a submission, and HtmlUrl the address of its page.
func TestAnswersNameTheirAddresses(t *testing.T) {
	w := newWorld(t)
	var job struct{ SubmissionId, HtmlUrl string }
	read := func(answer *httptest.ResponseRecorder) {
		t.Helper()
		job.HtmlUrl = ""
		if err := json.Unmarshal(answer.Body.Bytes(), &job); err != nil {
			t.Fatal(err)
		}
	}
	made := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Idempotency-Key", "k")
	read(made)
	api, page := "/api/v1/backup-jobs/"+job.SubmissionId, "/backups/"+job.SubmissionId
	if got := made.Header().Get("Location"); got != api || job.HtmlUrl != page {
		t.Errorf("Location %q, HtmlUrl %q", got, job.HtmlUrl)
	}
	if read(w.ask("GET", made.Header().Get("Location"), "", "")); job.HtmlUrl != page {
		t.Errorf("HtmlUrl of one: %q", job.HtmlUrl)
	}
	if got := w.ask("GET", job.HtmlUrl, "", ""); !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
		t.Errorf("%s: %v", job.HtmlUrl, got.Header())
	}
	if list := w.ask("GET", "/api/v1/backup-jobs", "", "").Body.String(); !strings.Contains(list, `"HtmlUrl":"`+page+`"`) {
		t.Errorf("the list: %s", list)
	}
	w.server.Origin = "https://backup.example.com"
	if read(w.ask("GET", api, "", "")); job.HtmlUrl != "https://backup.example.com"+page {
		t.Errorf("HtmlUrl with an origin: %q", job.HtmlUrl)
	}
	w.server.Mode = auth.ModeEvents
	if read(w.ask("GET", api, "", "")); job.HtmlUrl != "" {
		t.Errorf("HtmlUrl without pages: %q", job.HtmlUrl)
	}
	for about, answer := range map[string]*httptest.ResponseRecorder{
		"denied":  w.ask("POST", "/api/v1/backup-jobs", "application/json", strings.Replace(oneBackup, "15", "3000", 1)),
		"reused":  w.ask("POST", "/api/v1/backup-jobs", "application/json", strings.Replace(oneBackup, "15", "16", 1), "Idempotency-Key", "k"),
		"refused": w.ask("POST", "/api/v1/backup-jobs", "application/json", strings.Replace(oneBackup, "i-bp1demoweb01", "i-nobody", 1)),
	} {
		var problem struct{ Instance string }
		if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil || !strings.HasPrefix(problem.Instance, "/api/v1/backup-jobs/") {
			t.Errorf("%s: %v %s", about, err, answer.Body)
		}
		if got := w.ask("GET", problem.Instance, "", ""); got.Code != 200 || got.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s is %d %v", about, problem.Instance, got.Code, got.Header())
		}
	}
}
