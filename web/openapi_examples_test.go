package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/web/auth"
)

// volatile lists the members of answers whose values differ between runs, such as ids and
// times.
var volatile = []string{"JobId", "RequestId", "request_id", "CreatedAt", "StartTime", "CompleteTime", "Progress", "BytesDone", "BytesTotal", "Speed", "Next"}

// steady returns a JSON document in which the type of each volatile value replaces the value.
func steady(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if v[name] = steady(value); slices.Contains(volatile, name) {
				v[name] = fmt.Sprintf("%T", value)
			}
		}
	case []any:
		for i := range v {
			v[i] = steady(v[i])
		}
	}
	return v
}

// An example is one example value in the OpenAPI description.
type example struct {
	Value   json.RawMessage
	Summary string
}

// exampled holds the part of the OpenAPI description that the tests of examples read.
type exampled struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name, In string
			Example  string
		}
		RequestBody struct {
			Content map[string]struct{ Examples map[string]example }
		}
		Responses map[string]struct {
			Content map[string]struct{ Examples map[string]example }
		}
	}
	Components struct {
		Responses map[string]struct {
			Headers headers
			Content map[string]struct{ Examples map[string]example }
		}
	}
}

// headers holds the headers of a response by their canonical names.
type headers map[string]json.RawMessage

// UnmarshalJSON reads a JSON object and makes its names canonical.
func (h *headers) UnmarshalJSON(data []byte) error {
	var as map[string]json.RawMessage
	err := json.Unmarshal(data, &as)
	*h = headers{}
	for name, value := range as {
		(*h)[http.CanonicalHeaderKey(name)] = value
	}
	return err
}

func readExamples(t *testing.T, w *world) exampled {
	t.Helper()
	var d exampled
	if err := json.Unmarshal(openAPI(t, w), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// same fails the test if an answer of the program differs from the example in the OpenAPI
// description.
func same(t *testing.T, shown json.RawMessage, answer *httptest.ResponseRecorder) {
	t.Helper()
	var want, got any
	if err := json.Unmarshal(shown, &want); err != nil {
		t.Fatalf("the example: %v", err)
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
		t.Fatalf("the answer: %v: %s", err, answer.Body)
	}
	if diff := cmp.Diff(steady(want), steady(got)); diff != "" {
		t.Errorf("the answer is not as shown (-shown +answered):\n%s", diff)
	}
}

// TestOpenAPIExampleAnswersEqualTheProgram proves that the example requests in the OpenAPI
// description get the example answers. It sends them in the order of a client, which creates a
// job before it reads it.
func TestOpenAPIExampleAnswersEqualTheProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := readExamples(t, w)
	all, one := "/api/v1/backup-jobs", "/api/v1/backup-jobs/{SubmissionId}"
	create := d.Paths[all]["post"]
	body := string(create.RequestBody.Content["application/json"].Examples["UDM_ECS"].Value)
	key := create.Parameters[slices.IndexFunc(create.Parameters, func(p struct {
		Name, In string
		Example  string
	}) bool {
		return p.Name == "Idempotency-Key"
	})].Example
	shown := 0
	check := func(operation, path, status, name string, answer *httptest.ResponseRecorder) {
		t.Helper()
		if got := fmt.Sprint(answer.Code); got != status {
			t.Errorf("%s %s: %s, want %s: %s", operation, path, got, status, answer.Body)
		}
		same(t, d.Paths[path][operation].Responses[status].Content["application/json"].Examples[name].Value, answer)
		shown++
	}
	post := func() *httptest.ResponseRecorder {
		return w.ask("POST", all, "application/json", body, "Idempotency-Key", key)
	}
	w.create(t, "demo", "an-earlier-one") // makes the list have a second page
	w.clock.Add(seconds(1))
	made := post()
	check("post", all, "201", "created", made)
	var job struct{ SubmissionId string }
	if err := json.Unmarshal(made.Body.Bytes(), &job); err != nil {
		t.Fatal(err)
	}
	path := strings.Replace(one, "{SubmissionId}", job.SubmissionId, 1)
	check("post", all, "200", "created", post())
	w.clock.Add(seconds(8))
	check("get", one, "200", "running", w.ask("GET", path, "", ""))
	w.clock.Add(seconds(60))
	check("get", one, "200", "complete", w.ask("GET", path+"?wait=50s", "", ""))
	check("get", "/api/v1/presets", "200", "presets", w.ask("GET", "/api/v1/presets", "", ""))
	check("get", all, "200", "one page", w.ask("GET", all+"?limit=1", "", ""))

	// The same key is used in a new world, in which the request has another result.
	w = newWorld(t)
	if err := w.cloud.SetFaults("CreateBackupJob: drop-after"); err != nil {
		t.Fatal(err)
	}
	check("post", all, "202", "being checked", post())
	w = newWorld(t)
	post()
	w.clock.Add(seconds(8))
	check("post", one+"/cancel", "202", "cancelling", w.ask("POST", path+"/cancel", "", ""))

	there := 0
	for _, operations := range d.Paths {
		for _, o := range operations {
			for _, r := range o.Responses {
				there += len(r.Content["application/json"].Examples)
			}
		}
	}
	if shown != there {
		t.Errorf("%d of %d answers were compared", shown, there)
	}
}

// TestOpenAPIParameterExamplesAreAccepted proves that the program accepts every example of a
// parameter.
func TestOpenAPIParameterExamplesAreAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := readExamples(t, w)
	tried := 0
	for path, operations := range d.Paths {
		for _, p := range operations["get"].Parameters {
			if p.In != "query" || p.Example == "" {
				continue
			}
			tried++
			id := w.create(t, "somebody", path+p.Name)
			named := strings.NewReplacer("{SubmissionId}", id, "{BatchId}", w.newBatch(path+p.Name)).Replace(path)
			address := named + "?" + p.Name + "=" + p.Example
			if answer := w.ask("GET", address, "", ""); answer.Code != 200 {
				t.Errorf("%s: %d %s", address, answer.Code, answer.Body)
			}
		}
	}
	if tried < 4 {
		t.Errorf("only %d parameters have an example", tried)
	}
}

// spoken are the headers of answers that the OpenAPI description documents.
var spoken = []string{"Location", "Retry-After", "Link", "Idempotent-Replayed", "Www-Authenticate"}

// TestOpenAPIProblemsEqualTheAnswers proves that the program answers with every kind of problem
// in the OpenAPI description, and the texts are the same.
func TestOpenAPIProblemsEqualTheAnswers(t *testing.T) {
	t.Parallel()
	const all = "/api/v1/backup-jobs"
	type recorded = *httptest.ResponseRecorder
	post := func(w *world, body string, headers ...string) recorded {
		return w.ask("POST", all, "application/json", body, headers...)
	}
	made := func(w *world) string { return w.create(t, "alice", "k") }
	faults := func(w *world, schedule string) *world {
		if err := w.cloud.SetFaults(schedule); err != nil {
			t.Fatal(err)
		}
		return w
	}
	file := `{"Account":"demo","Region":"cn-hangzhou","SourceType":"ECS_FILE","InstanceId":"i-bp1demoweb01","VaultId":"%s","Retention":30}`
	provoke := map[string]func(w *world) recorded{
		"signed-out": func(w *world) recorded {
			w.server.Sender = auth.EventsOnly
			w.handler = w.server.Handler()
			return w.ask("GET", all, "", "")
		},
		"token": func(w *world) recorded {
			w.server.Sender = auth.BearerTokens(nil, nil, w.clock.Now, auth.Demo)
			w.handler = w.server.Handler()
			return w.ask("GET", all, "", "", "Authorization", "Bearer hbp_"+strings.Repeat("x", 43))
		},
		"token-algorithm": func(w *world) recorded {
			issuer := newLiar(t, w.clock)
			issuer.sign = func(claims []byte) (string, error) { return unsigned(claims), nil }
			list := []identity.Pipeline{{Name: "ci", Issuer: issuer.URL, Audience: "portal", Claims: map[string]string{"sub": "alice"}}}
			w.server.Sender = auth.BearerTokens(nil, list, w.clock.Now, auth.Demo)
			w.handler = w.server.Handler()
			return w.ask("GET", all, "", "", "Authorization", "Bearer "+issuer.token(t))
		},
		"issuer-away": func(w *world) recorded {
			away := newLiar(t, w.clock)
			token := away.token(t)
			away.Close()
			list := []identity.Pipeline{{Name: "ci", Issuer: away.URL, Audience: "portal", Claims: map[string]string{"sub": "alice"}}}
			w.server.Sender = auth.BearerTokens(nil, list, w.clock.Now, auth.Demo)
			w.handler = w.server.Handler()
			return w.ask("GET", all, "", "", "Authorization", "Bearer "+token)
		},
		"unverified": func(w *world) recorded {
			w.withHooks(t)
			return w.ask("POST", "/webhooks/ci", "application/json", firing)
		},
		"unsettled": func(w *world) recorded {
			w.withHooks(t)
			return faults(w, "CreateBackupJob: drop-after").hook("msg_1", firing)
		},
		"denied":     func(w *world) recorded { return post(w, strings.Replace(oneBackup, "15", "3000", 1)) },
		"other-site": func(w *world) recorded { return post(w, oneBackup, "Sec-Fetch-Site", "cross-site") },
		"not-found":  func(w *world) recorded { return w.ask("GET", all+"/aaaaaaaaaaaaaaaaaaaaaaaaaa", "", "") },
		"no batch":   func(w *world) recorded { return w.ask("POST", batches+"/"+strings.Repeat("a", 26)+"/pause", "", "") },
		"no source":  func(w *world) recorded { return w.ask("POST", "/webhooks/nowhere", "application/json", "{}") },
		"in-progress": func(w *world) recorded {
			post(faults(w, "CreateBackupJob: drop-after"), oneBackup, "Idempotency-Key", "k")
			return post(w, oneBackup, "Idempotency-Key", "k")
		},
		"over": func(w *world) recorded {
			id := made(w)
			w.clock.Add(seconds(60))
			return w.ask("POST", all+"/"+id+"/cancel", "", "")
		},
		"not-started": func(w *world) recorded {
			var job struct{ SubmissionId string }
			_ = json.Unmarshal(post(faults(w, "CreateBackupJob: drop"), oneBackup).Body.Bytes(), &job)
			return w.ask("POST", all+"/"+job.SubmissionId+"/cancel", "", "")
		},
		"not-cancelled": func(w *world) recorded {
			return w.ask("POST", all+"/"+made(faults(w, "CancelBackupJob: 500"))+"/cancel", "", "")
		},
		"cancel-refused": func(w *world) recorded {
			return w.ask("POST", all+"/"+made(faults(w, "CancelBackupJob: refuse 403 NoPermission"))+"/cancel", "", "")
		},
		"batch-ended": func(w *world) recorded {
			id := w.newBatch("k")
			w.ask("POST", batches+"/"+id+"/cancel", "", "")
			return w.ask("POST", batches+"/"+id+"/pause", "", "")
		},
		"key-reused": func(w *world) recorded {
			made(w)
			return post(w, strings.Replace(oneBackup, "15", "16", 1), "Idempotency-Key", "k")
		},
		"key-malformed": func(w *world) recorded { return post(w, oneBackup, "Idempotency-Key", `a"b`) },
		"key-missing": func(w *world) recorded {
			answer := httptest.NewRecorder()
			r := httptest.NewRequest("POST", "http://localhost"+all, strings.NewReader(oneBackup))
			r.Header.Set("Content-Type", "application/json")
			w.handler.ServeHTTP(answer, r)
			return answer
		},
		"unreadable":        func(w *world) recorded { return w.ask("GET", all+"?%zz", "", "") },
		"too-large":         func(w *world) recorded { return post(w, strings.Repeat(" ", 256<<10)+oneBackup) },
		"too-long":          func(w *world) recorded { return w.ask("GET", all+"?Status="+strings.Repeat("A", 3000), "", "") },
		"headers-too-large": func(w *world) recorded { return w.ask("GET", all, "", "", "X-Much", strings.Repeat("A", 8<<10)) },
		"media-type":        func(w *world) recorded { return w.ask("POST", all, "text/plain", oneBackup) },
		"content-encoding":  func(w *world) recorded { return post(w, "\x1f\x8b\x08\x00", "Content-Encoding", "gzip") },
		"host": func(w *world) recorded {
			w.server.Host = func(string) bool { return false }
			w.handler = w.server.Handler()
			return w.ask("GET", all, "", "")
		},
		"too-many-requests": func(w *world) recorded {
			for range 60 {
				w.ask("POST", all+"/aaaaaaaaaaaaaaaaaaaaaaaaaa/cancel", "", "")
			}
			return w.ask("POST", all+"/aaaaaaaaaaaaaaaaaaaaaaaaaa/cancel", "", "")
		},
		"not-listed": func(w *world) recorded {
			return faults(w, "DescribeVaults: 500").ask("GET", "/api/v1/accounts/demo/vaults?Region=cn-hangzhou", "", "")
		},
		"rate": func(w *world) recorded {
			w.limit(backup.Grant{Rates: []backup.Rate{{Key: "a:demo", Burst: 1, Per: time.Hour}}})
			post(w, oneBackup)
			return post(w, oneBackup)
		},
		"quota": func(w *world) recorded {
			w.limit(backup.Grant{Quotas: []backup.Quota{{Key: "t:everybody", Day: 1}}})
			post(w, oneBackup)
			return post(w, oneBackup)
		},
		"cool-down": func(w *world) recorded {
			w.limit(backup.Grant{Cooldown: time.Hour})
			post(w, oneBackup)
			return post(w, oneBackup)
		},
		"not-sent": func(w *world) recorded { return post(faults(w, "CreateBackupJob: throttle forever"), oneBackup) },
		"overloaded": func(w *world) recorded {
			w.overload()
			return post(w, oneBackup)
		},
		"store-away": func(w *world) recorded {
			w.db.Close()
			return w.ask("GET", all, "", "")
		},
		"invalid": func(w *world) recorded {
			return post(w, strings.Replace(oneBackup, "15", `15,"Detail":{"doCopy":"yes"}`, 1))
		},
		"internal": func(w *world) recorded {
			w.server.Sender = func(*http.Request) (identity.Principal, error) { panic("a test's") }
			w.handler = w.server.Handler()
			return w.ask("GET", all, "", "")
		},
		"refused 422": func(w *world) recorded { return post(w, fmt.Sprintf(file, "v-nobody")) },
		"refused 502": func(w *world) recorded { return post(faults(w, "CreateBackupJob: refuse 403 NoPermission"), oneBackup) },
	}
	_, o := readOpenAPI(t, newWorld(t))
	shown := map[string]json.RawMessage{}
	described := map[string]map[string]bool{} // headers, by kind
	responses := readExamples(t, newWorld(t)).Components.Responses
	for component, response := range responses {
		operation, status, _ := strings.Cut(component, "-")
		for name, e := range response.Content["application/problem+json"].Examples {
			switch {
			case name == "refused":
				name += " " + status
			case name == "not-found" && operation == "submit":
				name = "no source"
			case name == "not-found" && operation == "change":
				name = "no batch"
			}
			shown[name] = e.Value
			if described[name] == nil {
				described[name] = map[string]bool{}
			}
			for header := range response.Headers {
				described[name][header] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		t.Run(name, func(t *testing.T) {
			if provoke[name] == nil {
				t.Fatal("nobody knows how it happens")
			}
			o.t = t
			answer := provoke[name](newWorld(t))
			o.answered("Problem", answer)
			for header := range answer.Header() {
				if slices.Contains(spoken, header) && !described[name][header] {
					t.Errorf("its header %s is not described", header)
				}
			}
			if err := o.judge("Problem", shown[name]); err != nil {
				t.Errorf("the example: %v", err)
			}
			var want, got struct {
				Type, Title, Instance string
				Status                int
			}
			_ = json.Unmarshal(shown[name], &want)
			_ = json.Unmarshal(answer.Body.Bytes(), &got)
			if (want.Instance == "") != (got.Instance == "") && name != "denied" {
				t.Errorf("instance: shown %q, answered %q", want.Instance, got.Instance)
			}
			want.Instance, got.Instance = "", ""
			if want != got || answer.Code != want.Status {
				t.Errorf("shown %+v, answered %d %+v", want, answer.Code, got)
			}
		})
	}
	if len(provoke) != len(shown) {
		t.Errorf("%d kinds are shown, %d are provoked", len(shown), len(provoke))
	}
}
