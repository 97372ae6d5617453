package web_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"backupportal/web"
)

var update = flag.Bool("update", false, "write the golden files")

const openAPIGolden = "testdata/openapi.json"

// openAPI returns the OpenAPI description as a client gets it.
func openAPI(t *testing.T, w *world) []byte {
	t.Helper()
	answer := w.ask("GET", "/api/v1/openapi.json", "", "")
	if answer.Code != 200 || answer.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %v", answer.Code, answer.Header())
	}
	return answer.Body.Bytes()
}

func TestOpenAPIDescriptionEqualsGoldenFile(t *testing.T) {
	var got bytes.Buffer
	if err := json.Indent(&got, openAPI(t, newWorld(t)), "", "  "); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(openAPIGolden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(openAPIGolden)
	if err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s is not what is served (error %v): look at the difference after make generate", openAPIGolden, err)
	}
	// The description states how long keys are valid, as text and as a machine-readable extension.
	for _, words := range []string{"for 7 days from the first request with the key", `"x-expires-after": "P7D"`} {
		if !strings.Contains(got.String(), words) {
			t.Errorf("it does not say %q", words)
		}
	}
}

// An oracle checks JSON documents against the schemas of the OpenAPI description.
type oracle struct {
	t        *testing.T
	compiler *jsonschema.Compiler
}

func newOracle(t *testing.T, description []byte) *oracle {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(description))
	if err != nil {
		t.Fatal(err)
	}
	o := &oracle{t, jsonschema.NewCompiler()}
	o.compiler.AssertFormat()
	if err := o.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return o
}

// judge returns the reason why a document is invalid, or nil if it is valid.
func (o *oracle) judge(schema string, document []byte) error {
	o.t.Helper()
	compiled, err := o.compiler.Compile("openapi.json#/components/schemas/" + schema)
	if err != nil {
		o.t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		o.t.Fatalf("%v: %s", err, document)
	}
	return compiled.Validate(doc)
}

// described holds the part of the OpenAPI description that the tests read.
type described struct {
	Paths map[string]map[string]struct {
		RequestBody struct {
			Content map[string]struct {
				Examples map[string]struct{ Value json.RawMessage }
			}
		}
		Responses map[string]any
	}
	Components struct {
		Schemas map[string]struct{ Properties map[string]any }
	}
}

func readOpenAPI(t *testing.T, w *world) (described, *oracle) {
	t.Helper()
	description := openAPI(t, w)
	var d described
	if err := json.Unmarshal(description, &d); err != nil {
		t.Fatal(err)
	}
	return d, newOracle(t, description)
}

// answered fails the test if an answer does not match a schema of the OpenAPI description.
func (o *oracle) answered(schema string, answer *httptest.ResponseRecorder) {
	o.t.Helper()
	if err := o.judge(schema, answer.Body.Bytes()); err != nil {
		o.t.Errorf("%v\n%s", err, answer.Body)
	}
}

// TestOpenAPIExamplesAreSubmissions proves that every example submission is valid by the
// OpenAPI description and makes a job. Every answer is valid by the description.
func TestOpenAPIExamplesAreSubmissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, o := readOpenAPI(t, w)
	examples := d.Paths["/api/v1/backup-jobs"]["post"].RequestBody.Content["application/json"].Examples
	if len(examples) != 4 {
		t.Fatalf("%d examples", len(examples))
	}
	for name, example := range examples {
		for _, schema := range []string{name, "Submission"} {
			if err := o.judge(schema, example.Value); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		o.answered("DryRun", w.ask("POST", "/api/v1/backup-jobs?dry_run=true", "application/json", string(example.Value)))
		made := w.ask("POST", "/api/v1/backup-jobs", "application/json", string(example.Value), "Idempotency-Key", name)
		if o.answered("BackupJob", made); made.Code != 201 {
			t.Errorf("%s: %d %s", name, made.Code, made.Body)
		}
		w.clock.Add(seconds(60))
		var job web.BackupJob
		if err := json.Unmarshal(made.Body.Bytes(), &job); err != nil {
			t.Fatal(err)
		}
		o.answered("BackupJob", w.ask("GET", "/api/v1/backup-jobs/"+job.SubmissionID, "", ""))
	}
	o.answered("Presets", w.ask("GET", "/api/v1/presets", "", ""))
	o.answered("BackupJobList", w.ask("GET", "/api/v1/backup-jobs?limit=2", "", ""))
	for _, list := range []string{"instances?Region=cn-hangzhou&Search=web", "disks?Region=cn-hangzhou&InstanceId=i-bp1demoweb01", "vaults?Region=cn-hangzhou&SourceType=ECS_FILE", "clusters?Region=cn-hangzhou", "volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster"} {
		o.answered("Candidates", w.ask("GET", "/api/v1/accounts/demo/"+list, "", ""))
	}
	for _, alias := range []string{"demo", "payments", "payments-central", "locked"} {
		o.answered("Preflight", w.ask("GET", "/api/v1/accounts/"+alias+"/preflight?Region=cn-hangzhou", "", ""))
	}
}

// TestOpenAPIDescribesErrors proves that the portal answers errors as the OpenAPI description
// says. If the portal refuses the form of a submission, the submission is also invalid by the
// description.
func TestOpenAPIDescribesErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, o := readOpenAPI(t, w)
	for body, status := range map[string]string{
		`{`: "400", `{"Account":"demo","Retention":"x"}`: "422", strings.Replace(oneBackup, "15", "3000", 1): "403",
		strings.Replace(oneBackup, "i-bp1demoweb01", "i-nobody", 1):                                "422",
		`{"Account":"locked","Region":"cn-hangzhou","InstanceId":"i-bp2demopay01","Retention":15}`: "502",
	} {
		answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", body)
		o.answered("Problem", answer)
		if answer.Result().Status[:3] != status || d.Paths["/api/v1/backup-jobs"]["post"].Responses[status] == nil {
			t.Errorf("%s: %s, want %s", body, answer.Result().Status, status)
		}
	}
	for _, wrong := range []string{
		strings.Replace(oneBackup, "15", `15,"BackupType":"INCREMENTAL"`, 1), strings.Replace(oneBackup, "15", `15,"Detail":{"doCopy":true}`, 1),
		`{"Account":"demo"}`, `{"SourceType":"UDM_ECS"}`, strings.Replace(oneBackup, "15", `"15"`, 1), strings.Replace(oneBackup, "15", `15,"x":1`, 1)} {
		if o.judge("Submission", []byte(wrong)) == nil {
			t.Errorf("%s is a submission by the description", wrong)
		}
	}
}

// TestOpenAPISchemasEqualGoTypes proves that the Go types of answers and the schemas of the
// OpenAPI description have the same members.
func TestOpenAPISchemasEqualGoTypes(t *testing.T) {
	t.Parallel()
	d, _ := readOpenAPI(t, newWorld(t))
	for schema, value := range map[string]any{"BackupJob": web.BackupJob{}, "BackupJobList": web.BackupJobList{}, "DryRun": web.DryRun{}, "Problem": web.Problem{}, "Preflight": web.Preflight{}, "Candidates": web.Candidates{}} {
		var fields, described []string
		for field := range reflect.TypeOf(value).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			fields = append(fields, name)
		}
		for name := range d.Components.Schemas[schema].Properties {
			described = append(described, name)
		}
		slices.Sort(fields)
		slices.Sort(described)
		if !slices.Equal(fields, described) {
			t.Errorf("%s has %v, described are %v", schema, fields, described)
		}
	}
}
