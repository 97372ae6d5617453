package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"backupportal/function/jsontext"
)

// An exception is a mistake that the server finds in a request that is valid by the schema,
// because a JSON Schema cannot express the rule.
type exception struct {
	field, code string
	because     string
	example     string // a request with this mistake alone, by the difference to a valid one
}

// instanceOf, filesOf and volumesOf return a valid submission of one source type. The argument
// is JSON: further members, each after a comma, or for volumesOf the value of
// ContainerResources.
func instanceOf(more string) string { return strings.Replace(oneBackup, "}", more+"}", 1) }

func filesOf(more string) string {
	return `{"SourceType":"ECS_FILE","Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01",` +
		`"VaultId":"v-0001demovault01","Retention":30` + more + `}`
}

func volumesOf(resources string) string {
	return `{"SourceType":"CONTAINER","Account":"demo","Region":"cn-hangzhou","ContainerClusterId":"cc-0001democluster",` +
		`"VaultId":"v-0001demovault01","Retention":7,"ContainerResources":` + resources + `}`
}

// longList has two paths that are short enough alone.
var longList = `["/` + strings.Repeat("a", 200) + `","/` + strings.Repeat("b", 200) + `"]`

// exceptions lists all rules for submissions that the JSON Schema does not express, with an
// example each.
var exceptions = []exception{
	{"Account", "required", "the policy has no account with this CrossAccountUserId",
		strings.Replace(instanceOf(`,"CrossAccountUserId":1234567890123456`), `"Account":"demo",`, "", 1)},
	{"CrossAccountType", "alias", "it must match the policy's account", instanceOf(`,"CrossAccountType":"CROSS_ACCOUNT"`)},
	{"CrossAccountUserId", "alias", "it must match the policy's account",
		instanceOf(`,"CrossAccountUserId":1234567890123456`)},
	{"CrossAccountRoleName", "alias", "it must match the policy's account", instanceOf(`,"CrossAccountRoleName":"admin"`)},
	{"Detail.destinationRegionId", "same_region", "it must differ from Region",
		instanceOf(`,"Detail":{"doCopy":true,"destinationRegionId":"cn-hangzhou","destinationRetention":7}`)},
	{"Include", "length", "the limit is for the list as JSON text", filesOf(`,"Include":` + longList)},
	{"Exclude", "length", "the limit is for the list as JSON text", filesOf(`,"Exclude":` + longList)},
	{"SpeedLimit", "window_order", "a window does not end at the hour at which it starts", filesOf(`,"SpeedLimit":"5:5:10"`)},
	{"SpeedLimit", "window_overlap", "windows do not overlap", filesOf(`,"SpeedLimit":"0:12:10|11:13:5"`)},
	{"Options.UseVSS", "one_path", "an item has two paths", filesOf(`,"Include":["C:\\a; D:\\b"],"Options":{"UseVSS":true}`)},
	{"Options.UseVSS", "vss_network", "a path is a URL or an NFS export", filesOf(`,"Include":["nas:/export"],"Options":{"UseVSS":true}`)},
	{"Options.UseVSS", "vss_windows", "the cloud lists the instance with another operating system", filesOf(`,"Include":["/data"],"Options":{"UseVSS":true}`)},
	{"", "urn:backup-portal:problem:too-large", "a body has at most 256 KB", volumesOf(`[{"resourceId":"` + strings.Repeat("1", 257<<10) + `"}]`)},
	{"ContainerResources", "resource_info", "its text is a JSON object", volumesOf(`[{"resourceInfo":"none"}]`)},
}

// A tolerance is a value that the server accepts although the schema does not allow it. The
// schema leaves it out because generated clients have one type for each member.
type tolerance struct{ because, example string }

// offDetail is a value of Detail in which values of the wrong type belong to switches that are
// off, so they do not matter.
const offDetail = `{"appConsistent":false,"timeoutInSeconds":"soon","enableFsFreeze":"maybe","enableWriters":[],"preScriptPath":7,` +
	`"doCopy":false,"destinationRegionId":["cn-shanghai"],"destinationRetention":"forever"}`

// tolerances are all forms of submissions beyond the schema that the server accepts.
var tolerances = []tolerance{
	{"a value of another type belongs to a switch that is off, and is ignored with a note", instanceOf(`,"Detail":` + offDetail)},
	{"the vendor's sample of Detail is ignored for files: its switches are off", filesOf(`,"Detail":` + vendorDetail)},
	{"the vendor's sample of Detail is ignored for volumes: its switches are off", withMember(volumesOf(`[{"resourceId":"1"}]`), `"Detail":`+vendorDetail)},
	{"Options of an instance is ignored if it has the default", instanceOf(`,"Options":{"UseVSS":false}`)},
	{"a value that is the default of a parameter for volumes is ignored", filesOf(`,"InitiatedByAck":false`)},
	{"an object as JSON text, as the API takes it", instanceOf(`,"Detail":"{\"doCopy\":false}"`)},
	{"a list as JSON text, as the API takes it", filesOf(`,"Include":"[\"/home\"]"`)},
	{"paths as lines", filesOf(`,"Include":"/home\n/var"`)},
	{"volumes as JSON text, as the API takes them", volumesOf(`"[{\"resourceId\":\"1\"}]"`)},
	{"an empty text for a list", filesOf(`,"Exclude":""`)},
	{"null for a member that is not given", instanceOf(`,"JobName":null`)},
	{"a number as text: labels of alerts are texts", strings.Replace(oneBackup, `"Retention":15`, `"Retention":"15"`, 1)},
	{"a truth as text", instanceOf(`,"Detail":{"doCopy":"False"}`)},
	{"a text as a number", instanceOf(`,"JobName":7`)},
	{"a ticket as a number", instanceOf(`,"Ticket":1234`)},
	{"blanks around an ID", strings.Replace(oneBackup, `"i-bp1demoweb01"`, `" i-bp1demoweb01\n"`, 1)},
	{"a name that is made to fit, with a note", instanceOf(`,"JobName":" before upgrade/2 "`)},
	{"a name that is too long, with a note", instanceOf(`,"JobName":"` + strings.Repeat("x", 64) + `"`)},
	{"a reason of several lines", instanceOf(`,"Reason":"Fix the login\n\n* tests"`)},
	{"no limit in other letters", filesOf(`,"SpeedLimit":"0:24:nan"`)},
	{"blanks and full-width digits in windows", filesOf(`,"SpeedLimit":" ０:２４:５ "`)},
}

// withMember returns a JSON object with one member more.
func withMember(object, member string) string {
	return strings.TrimSuffix(object, "}") + "," + member + "}"
}

// TestTolerancesAreReal proves for each listed tolerance that the server accepts its example
// and the schema does not allow it.
func TestTolerancesAreReal(t *testing.T) {
	w := newWorld(t)
	_, o := readOpenAPI(t, w)
	for _, c := range tolerances {
		if answer := dryRun(w, c.example); answer.Code != 200 {
			t.Errorf("%s: %s: %d %s", c.because, c.example, answer.Code, answer.Body)
		}
		if o.judge("Submission", []byte(c.example)) == nil {
			t.Errorf("%s: %s: the schema allows it: remove the tolerance", c.because, c.example)
		}
	}
}

// excepted reports whether there is an exception for a mistake.
func excepted(field, code string) bool {
	return slices.ContainsFunc(exceptions, func(e exception) bool { return e.field == field && e.code == code })
}

// A mistake is an entry of errors in a problem.
type mistake struct{ Field, Parameter, Code string }

// mistakesIn returns the mistakes of a problem with status 400, 413 or 422, and nil for other
// answers: a refusal by the policy is not a mistake.
func mistakesIn(t interface{ Fatalf(string, ...any) }, answer *httptest.ResponseRecorder) []mistake {
	if !slices.Contains([]int{400, 413, 422}, answer.Code) {
		return nil
	}
	var problem struct {
		Type   string
		Errors []mistake
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	if len(problem.Errors) == 0 {
		return []mistake{{Code: problem.Type}}
	}
	return problem.Errors
}

// dryRun sends a submission with dry_run, which starts nothing.
func dryRun(w *world, body string) *httptest.ResponseRecorder {
	return w.ask("POST", "/api/v1/backup-jobs?dry_run=true", "application/json", body)
}

// TestSchemaExceptionsAreReal proves for each listed exception that the schema allows its
// example and the server refuses it for the stated reason.
func TestSchemaExceptionsAreReal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, o := readOpenAPI(t, w)
	for _, e := range exceptions {
		if err := o.judge("Submission", []byte(e.example)); err != nil {
			t.Errorf("%s %s (%s): the schema refuses it too: %v", e.field, e.code, e.because, err)
		}
		got := mistakesIn(t, dryRun(w, e.example))
		if !slices.ContainsFunc(got, func(m mistake) bool { return m.Field == e.field && m.Code == e.code }) {
			t.Errorf("%s %s: the server says %v: remove the exception", e.field, e.code, got)
		}
	}
}

// TestServerAcceptsWhatTheSchemaAllows proves that the server accepts every submission that the
// schema allows, except for the mistakes in exceptions.
func TestServerAcceptsWhatTheSchemaAllows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, o := readOpenAPI(t, w)
	g := newGenerator(t, openAPI(t, w))
	g.isBody = true
	for _, source := range []string{"UDM_ECS", "ECS_FILE", "CONTAINER"} {
		t.Run(source, func(t *testing.T) {
			allowed := 0
			rapid.Check(t, func(t *rapid.T) {
				body := jsontext.Must(g.value(t, g.schemas[source], source))
				if o.judge("Submission", []byte(body)) != nil {
					return // the generator does not know the rules between members
				}
				allowed++
				for _, m := range mistakesIn(t, dryRun(w, body)) {
					if !excepted(m.Field, m.Code) {
						t.Fatalf("%s: the schema allows it, the server does not: %+v", body, m)
					}
				}
			})
			if allowed == 0 {
				t.Error("no generated submission is valid by the schema")
			}
		})
	}
}

// submissionsIn returns the JSON objects of curl commands in a document, without the members
// that only events have.
func submissionsIn(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, found := range regexp.MustCompile(`-d '(\{[^']*\})'`).FindAllSubmatch(text, -1) {
		var body map[string]any
		if err := json.Unmarshal(found[1], &body); err != nil {
			t.Fatalf("%s: %v: %s", file, err, found[1])
		}
		delete(body, "key")
		all = append(all, jsontext.Must(body))
	}
	return all
}

// TestSchemaAllowsWhatTheDocumentsSend proves that the schema allows the values in the
// documents and in the vendor's samples.
func TestSchemaAllowsWhatTheDocumentsSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, o := readOpenAPI(t, w)
	readme := submissionsIn(t, "../README.md")
	if len(readme) < 2 {
		t.Fatalf("the README has %d submissions", len(readme))
	}
	// detail has every key of Detail, as on the vendor's API page.
	const detail = `{"doCopy":false,"destinationRegionId":"","destinationRetention":null,"diskIdList":[],` +
		`"snapshotGroup":false,"appConsistent":false,"enableWriters":true,"preScriptPath":"","postScriptPath":"",` +
		`"enableFsFreeze":true,"timeoutInSeconds":60}`
	for _, body := range append(readme,
		instanceOf(`,"Detail":`+detail),
		instanceOf(`,"CrossAccountType":"SELF_ACCOUNT"`),
		instanceOf(`,"CrossAccountType":"CROSS_ACCOUNT","CrossAccountUserId":1589750000004625,"CrossAccountRoleName":"hbrcrossrole"`),
		strings.Replace(instanceOf(`,"CrossAccountUserId":"1589750000004625"`), `"Account":"demo",`, "", 1),
		filesOf(`,"Include":["/home/alice/*.pdf"],"Exclude":["/var","/proc"],"SpeedLimit":"0:24:NaN","Options":{"UseVSS":false}`),
		filesOf(`,"SpeedLimit":"9:18:20480|18:22:81920|22:24:NaN"`),
		filesOf(`,"Include":["C:\\data"],"Options":{"UseVSS":true}`),
		instanceOf(`,"Detail":{"timeoutInSeconds":9999,"preScriptPath":"relative","doCopy":false,"destinationRegionId":"xx-nowhere"}`),
		instanceOf(`,"Detail":{"appConsistent":false,"timeoutInSeconds":0,"destinationRegionId":null,"destinationRetention":-1}`),
		volumesOf(`[{"resourceType":"PV","backupMethod":"FILE","resourceId":"674dac6d","resourceInfo":"{\"pvc_name\":\"data-0\"}","host":"h","hostPrefix":"/p","pvPath":"/"}]`),
	) {
		if err := o.judge("Submission", []byte(body)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, wrong := range []string{
		volumesOf(`[]`), volumesOf(`[{}]`), volumesOf(`[{"pvPath":1}]`),
		filesOf(`,"SpeedLimit":"all day"`), filesOf(`,"SpeedLimit":"24:24:5"`), filesOf(`,"SpeedLimit":"0:24:0"`),
		filesOf(`,"Include":["/1","/2","/3","/4","/5","/6","/7","/8","/9"]`), filesOf(`,"Include":["/a","/a"]`), filesOf(`,"Include":[""]`),
		filesOf(`,"Exclude":["a\u0007"]`), filesOf(`,"Include":["/a","/b"],"Options":{"UseVSS":true}`), filesOf(`,"Include":["/a/*"],"Options":{"UseVSS":true}`),
		instanceOf(`,"Detail":{"doCopy":true,"destinationRegionId":"","destinationRetention":null}`),
		instanceOf(`,"Detail":{"doCopy":true,"destinationRegionId":"xx-nowhere","destinationRetention":7}`),
		instanceOf(`,"Detail":{"doCopy":true,"destinationRegionId":"cn-shanghai","destinationRetention":0}`),
		instanceOf(`,"Detail":{"appConsistent":true,"timeoutInSeconds":9999}`),
		instanceOf(`,"Detail":{"appConsistent":true,"preScriptPath":"relative","postScriptPath":"/a"}`),
		instanceOf(`,"Detail":{"appConsistent":true,"preScriptPath":"/a","postScriptPath":""}`),
		instanceOf(`,"CrossAccountUserId":5`), strings.Replace(oneBackup, "cn-hangzhou", "xx-nowhere", 1),
		strings.Replace(oneBackup, `"Account":"demo",`, "", 1),
	} {
		if o.judge("Submission", []byte(wrong)) == nil {
			t.Errorf("%s is allowed", wrong)
		}
	}
}

// TestOpenAPIDescribesDefaultsInProse proves that no schema in the OpenAPI description has the
// keyword default, because code generators treat a member with a default as always present.
func TestOpenAPIDescribesDefaultsInProse(t *testing.T) {
	description := openAPI(t, newWorld(t))
	if strings.Contains(string(description), `"default"`) {
		t.Error("a schema has the keyword default")
	}
	for _, prose := range []string{"Default: COMPLETE", "Default: 30", "Default: true", "Default: false", "Without it: 25", "or no value: all backups"} {
		if !strings.Contains(string(description), prose) {
			t.Errorf("no description says %q", prose)
		}
	}
}

// queryExceptions are values of query parameters that the schema allows and the server refuses, by
// parameter and code.
var queryExceptions = map[string]string{
	"From time":  "2026-02-30", // no such day
	"To time":    "2026-02-30",
	"From order": "2026-12-31", // after To
	"To order":   "2026-01-01",
}

// TestServerAcceptsQueriesThatTheSchemaAllows proves that the server accepts every query that
// the description of an operation allows.
func TestServerAcceptsQueriesThatTheSchemaAllows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newGenerator(t, openAPI(t, w))
	requests := readingRequests(w.create(t, "alice", "k"), w.newBatch("b"))
	for path, request := range requests {
		parameters := g.query[path]
		address, _, _ := strings.Cut(request, "?")
		rapid.Check(t, func(t *rapid.T) {
			w.clock.Add(seconds(60)) // below the rate limits
			query := url.Values{}
			for _, p := range parameters {
				if p.Required || rapid.Bool().Draw(t, p.Name) {
					query.Set(p.Name, fmt.Sprint(g.value(t, p.Schema, p.Name)))
				}
			}
			answer := w.ask("GET", address+"?"+query.Encode(), "", "")
			for _, m := range mistakesIn(t, answer) {
				if _, ok := queryExceptions[m.Parameter+" "+m.Code]; !ok {
					t.Fatalf("%s?%s: the schema allows it, the server does not: %+v", path, query.Encode(), m)
				}
			}
		})
	}
}

// A generator makes random JSON values that are valid by a JSON Schema, except for rules between members.
type generator struct {
	schemas map[string]any
	query   map[string][]parameterDoc // query parameters of GET operations, by path
	isBody  bool                      // the values are for a body, not for a query
}

// A parameterDoc is a parameter of an operation.
type parameterDoc struct {
	Name, In string
	Required bool
	Schema   any
}

func newGenerator(t *testing.T, description []byte) generator {
	t.Helper()
	var d struct {
		Paths map[string]map[string]struct {
			Parameters []parameterDoc
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(description, &d); err != nil {
		t.Fatal(err)
	}
	g := generator{schemas: d.Components.Schemas, query: map[string][]parameterDoc{}}
	for path, operations := range d.Paths {
		for _, p := range operations["get"].Parameters {
			if p.In == "query" {
				g.query[path] = append(g.query[path], p)
			}
		}
	}
	return g
}

// value makes a random value of a schema. It fails the test for a keyword that it does not know.
func (g generator) value(t *rapid.T, schema any, label string) any {
	s := schema.(map[string]any)
	if choices, ok := s["anyOf"].([]any); ok {
		return g.value(t, rapid.SampledFrom(choices).Draw(t, label), label)
	}
	if constant, ok := s["const"]; ok {
		return constant
	}
	if values, ok := s["enum"].([]any); ok {
		return rapid.SampledFrom(values).Draw(t, label)
	}
	kind := s["type"]
	if kinds, ok := kind.([]any); ok {
		kind = rapid.SampledFrom(kinds).Draw(t, label)
	}
	switch kind {
	case "null":
		return nil
	case "boolean":
		return rapid.Bool().Draw(t, label)
	case "integer":
		least, bounded := s["minimum"].(float64)
		most, _ := s["maximum"].(float64)
		if !bounded {
			most = 999999 // a rule has the bounds
		}
		return g.integer(t, rapid.Int64Range(int64(least), int64(most)).Draw(t, label), label)
	case "string":
		return g.text(t, s, label)
	case "array":
		return g.list(t, s, label)
	case "object":
		return g.object(t, s, label)
	}
	t.Fatalf("%s: no values of %v", label, s)
	return nil
}

// integer returns a random spelling of the whole number n, because in JSON Schema 5.0 is an
// integer too. Only bodies have spellings other than digits.
func (g generator) integer(t *rapid.T, n int64, label string) json.Number {
	digits := fmt.Sprint(n)
	if !g.isBody {
		return json.Number(digits)
	}
	forms := []string{digits, digits + ".0", digits + "e0"}
	if n > 0 { // a number in JSON has no leading zero
		forms = append(forms, digits+"0E-1", digits[:1]+"."+digits[1:]+"0e"+fmt.Sprint(len(digits)-1))
	}
	return json.Number(rapid.SampledFrom(forms).Draw(t, label))
}

// bound returns the value of a numeric keyword, or otherwise.
func bound(s map[string]any, keyword string, otherwise int) int {
	if n, ok := s[keyword].(float64); ok && n < math.MaxInt32 {
		return int(n)
	}
	return otherwise
}

func (g generator) text(t *rapid.T, s map[string]any, label string) string {
	most := bound(s, "maxLength", 40)
	pattern, ok := s["pattern"].(string)
	if !ok {
		return rapid.StringN(0, most, -1).Draw(t, label)
	}
	return rapid.StringMatching(pattern).Filter(func(text string) bool { return len([]rune(text)) <= most }).Draw(t, label)
}

func (g generator) list(t *rapid.T, s map[string]any, label string) any {
	list := []any{}
	seen := map[string]bool{}
	for range rapid.IntRange(bound(s, "minItems", 0), bound(s, "maxItems", 12)).Draw(t, label) {
		item := g.value(t, s["items"], label)
		if text := jsontext.Must(item); s["uniqueItems"] != true || !seen[text] {
			seen[text] = true
			list = append(list, item)
		}
	}
	return list
}

func (g generator) object(t *rapid.T, s map[string]any, label string) any {
	members, object := s["properties"].(map[string]any), map[string]any{}
	required, _ := s["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if slices.Contains(required, any(name)) || rapid.Bool().Draw(t, name) {
			object[name] = g.value(t, members[name], name)
		}
	}
	if more, ok := s["additionalProperties"].(map[string]any); ok && (len(object) == 0 || rapid.Bool().Draw(t, label)) {
		object[rapid.StringMatching("[a-z]{1,9}").Draw(t, label)] = g.value(t, more, label)
	}
	return object
}
