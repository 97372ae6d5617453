package e2e

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	deployPath = "../../s.yaml"
	eventsPath = "../../docs/s.events.yaml"
	customPath = "../../docs/s.custom.yaml"
	batchPath  = "../../docs/s.batches.yaml"
)

// newDeployChecker returns a checker for this project's s.yaml. Its environment is empty, so
// references have their default values.
func newDeployChecker(t *testing.T) deployChecker {
	t.Helper()
	return deployChecker{
		schemas: readDeploySchemas(t),
		root:    "../..",
		reads:   variablesRead(t, configFiles...),
		getenv:  func(string) string { return "" },
	}
}

func TestDeployFilesAreValid(t *testing.T) {
	checker := newDeployChecker(t)
	for _, path := range []string{deployPath, eventsPath, customPath, batchPath} {
		for _, err := range checker.check(mustReadDeployFile(t, path)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOnlyTheQueueExampleHasAnEventBridgeTrigger(t *testing.T) {
	for path, want := range map[string]bool{deployPath: false, eventsPath: true, customPath: false} {
		props := yamlObject(yamlObject(yamlObject(mustReadDeployFile(t, path).doc, "resources"), "portal"), "props")
		got := slices.ContainsFunc(triggersOf(props), func(trigger map[string]any) bool { return trigger["triggerType"] == "eventbridge" })
		if got != want {
			t.Errorf("%s: has an eventbridge trigger: %v, want %v; one in s.yaml makes every command call RAM", path, got, want)
		}
	}
}

// TestSecondFunctionIsThePortalWithoutTriggers proves that the function that carries out batches has the variables and the role of
// the portal, that both name it, and that only the portal can invoke it.
func TestSecondFunctionIsThePortalWithoutTriggers(t *testing.T) {
	doc, errs := resolveReferences(mustReadDeployFile(t, batchPath).doc, func(string) string { return "" })
	if errs != nil {
		t.Fatal(errs)
	}
	resources := yamlObject(doc, "resources")
	portal, second := yamlObject(yamlObject(resources, "portal"), "props"), yamlObject(yamlObject(resources, "batches"), "props")
	for _, name := range []string{"environmentVariables", "role", "region", "runtime", "handler", "code", "internetAccess"} {
		if diff := cmp.Diff(portal[name], second[name]); diff != "" {
			t.Errorf("%s (-portal +batches):\n%s", name, diff)
		}
	}
	if named := yamlObject(second, "environmentVariables")["BATCH_FUNCTION"]; named != second["functionName"] || named == portal["functionName"] {
		t.Errorf("BATCH_FUNCTION is %v, the second function is %v", named, second["functionName"])
	}
	if second["triggers"] != nil || second["customDomain"] != nil {
		t.Error("the second function has a trigger or a domain")
	}
	if yamlObject(second, "asyncInvokeConfig")["asyncTask"] != true {
		t.Error("without asyncTask, a repeat of a chunk is not refused")
	}
}

// deployMistakes lists wrong changes of s.yaml, each with a part of the expected complaint. The
// keys of a change are positions in the file, relative to props unless they begin with a slash.
// The value nil removes the value at the position.
var deployMistakes = []struct {
	name   string
	change map[string]any
	want   string
}{
	{"a misspelt property", map[string]any{"memorysize": 256}, "additional properties 'memorysize' not allowed"},
	{"a misspelt property of a trigger", map[string]any{"triggers/0/triggerConfig/authtype": "anonymous"}, "additional properties 'authtype' not allowed"},
	{"a misspelt concurrency", map[string]any{"instanceConcurency": 20}, "additional properties 'instanceConcurency' not allowed"},
	{"concurrency that go1 has not", map[string]any{"instanceConcurrency": 20}, "instanceConcurrency: must be left out"},
	{"a life-cycle hook", map[string]any{"instanceLifecycleConfig": map[string]any{}}, "instanceLifecycleConfig: must be left out"},
	{"a runtime that does not exist", map[string]any{"runtime": "go1.x"}, "portal.props.runtime: value must be one of"},
	{"a runtime for another program", map[string]any{"runtime": "python3.10"}, "runtime: must be go1"},
	{"a custom runtime without its settings", map[string]any{"runtime": "custom.debian12"}, "customRuntimeConfig.command: must be [/code/main]"},
	{"settings of a custom runtime", map[string]any{"customRuntimeConfig": map[string]any{"port": 9000}}, "customRuntimeConfig: must be left out"},
	{"memory that is no multiple of 64", map[string]any{"memorySize": 130}, "memorySize: multipleOf: got 130, want 64"},
	{"more processor than the memory allows", map[string]any{"cpu": 0.35, "memorySize": 128}, "cpu: 0.35 vCPU do not go with 128 MB"},
	{"less processor than the memory needs", map[string]any{"cpu": 0.05, "memorySize": 256}, "cpu: 0.05 vCPU do not go with 256 MB"},
	{"processor in odd steps", map[string]any{"cpu": 0.12}, "cpu: must be a multiple of 0.05"},
	{"no time limit", map[string]any{"timeout": nil}, "timeout: must be given"},
	{"a time limit as text", map[string]any{"timeout": "${env('T', '60')}"}, "timeout: must be given as a number"},
	{"both ways of keeping instances warm", map[string]any{"scalingConfig": map[string]any{"minInstances": 1},
		"provisionConfig": map[string]any{"defaultTarget": 1}}, "exclude each other"},
	{"a missing handler", map[string]any{"handler": nil}, "missing property 'handler'"},
	{"code from elsewhere", map[string]any{"code": "./build"}, "code: must be the project's dist folder"},
	{"a build that does not happen", map[string]any{"/resources/portal/actions/pre-deploy": nil}, "pre-deploy: must have one step"},
	{"another build before a local run", map[string]any{"/resources/portal/actions/pre-local/0/run": "go build"}, "pre-local: must run `make dist`"},
	{"an older edition", map[string]any{"/edition": "1.0.0"}, "edition: must be 3.0.0"},
	{"access by reference", map[string]any{"/access": "${env('ACCESS', 'default')}"}, "access: must be a literal"},
	{"no resource", map[string]any{"/resources/portal": nil}, "resources: must name at least one"},
	{"a component of another kind", map[string]any{"/resources/portal/component": "fc"}, "component: must be fc3"},
	{"a region by a name that vars lacks", map[string]any{"region": "${vars.regoin}"}, "no such entry in vars"},
	{"a region that does not exist", map[string]any{"/vars/region": "cn-atlantis"}, "portal.props.region: value must be one of"},
	{"a reference without default", map[string]any{"description": "${env('WHAT')}"}, "needs a default"},
	{"a reference of another kind", map[string]any{"description": "${resources.portal.output}"}, "only env('NAME', 'default') and vars.name"},
	{"a variable of the platform's", map[string]any{"environmentVariables/FC_X": "1"}, "FC_X: names that begin with FC_"},
	{"a number as a variable", map[string]any{"environmentVariables/ALLOW_EPHEMERAL_STORE": 1}, "ALLOW_EPHEMERAL_STORE: got number, want string"},
	{"a variable that nobody reads", map[string]any{"environmentVariables/LOG_LEVEL": "info"}, "LOG_LEVEL: the program does not read it"},
	{"a variable that is forgotten", map[string]any{"environmentVariables/DATABASE_URL": nil}, "the program reads DATABASE_URL"},
	{"too many bytes of variables", map[string]any{"environmentVariables/DATABASE_URL": strings.Repeat("x", 4096)}, "the platform takes 4096"},
	{"a function name with a blank", map[string]any{"functionName": "backup portal"}, "functionName: must be 1 to 64"},
	{"a role by its bare name", map[string]any{"role": "backup-portal"}, "role: must look like"},
	{"a role with capitals", map[string]any{"role": "acs:ram::1000000000000001:role/Backup"}, "role: must look like"},
	{"retries for longer than the API takes", map[string]any{"asyncInvokeConfig/maxAsyncEventAgeInSeconds": 604801}, "must be at most 604800"},
	{"no retries", map[string]any{"asyncInvokeConfig/maxAsyncRetryAttempts": 0}, "must be from 1 to 8"},
	{"no destination for failed events", map[string]any{"asyncInvokeConfig/destinationConfig": nil}, "onFailure: must be a queue"},
	{"a destination that is none", map[string]any{"asyncInvokeConfig/destinationConfig/onFailure/destination": "acs:mns:cn-hangzhou:1000000000000001:/queues/x"},
		"onFailure: must be a queue"},
	{"a timer with a preset that does not exist", map[string]any{"triggers/1": timerTrigger(`{"Preset":"nigthly"}`)}, `offers no preset "nigthly"`},
	{"a timer with a preset without an instance", map[string]any{"triggers/1": timerTrigger(`{"Preset":"before-release"}`)}, `has no InstanceId`},
	{"a second HTTP trigger", map[string]any{"triggers/2": httpTrigger("second")}, "a second http trigger for LATEST"},
	{"two triggers of one name", map[string]any{"triggers/2": httpTrigger("http")}, `"http" is the name of another trigger too`},
	{"a trigger name with a dot", map[string]any{"triggers/0/triggerName": "a.b"}, "triggerName: must be 1 to 128"},
	{"a trigger without methods", map[string]any{"triggers/0/triggerConfig/methods": []any{}}, "methods: must name at least one"},
	{"GET without HEAD", map[string]any{"triggers/0/triggerConfig/methods": []any{"GET"}}, "must include HEAD with GET"},
	{"a method that does not exist", map[string]any{"triggers/0/triggerConfig/methods": []any{"FETCH"}}, "methods.0: value must be one of"},
	{"a configuration for another type of trigger", map[string]any{"triggers/0/triggerType": "timer"}, "missing properties 'cronExpression', 'enable'"},
	{"a type of trigger that cannot be checked", map[string]any{"triggers/0/triggerType": "tablestore"}, "has no definition"},
	{"a timer without a submission", map[string]any{"triggers/1": timerTrigger("{}")}, "payload: must be a submission"},
	{"a timer that sweeps and more", map[string]any{"triggers/1": timerTrigger(`{"sweep":true,"dry_run":true}`)}, "payload: must be a submission"},
	{"an EventBridge trigger before another", map[string]any{"triggers/0/triggerType": "eventbridge", "triggers/1": httpTrigger("second")},
		"eventbridge triggers must be the last"},
	{"a misspelt property of the domain", map[string]any{"customDomain/domainname": "x"}, "customDomain.domainname: is not known"},
	{"a domain without a name", map[string]any{"customDomain/domainName": nil}, "domainName: must be given"},
	{"a domain that is not the one people see", map[string]any{"customDomain/domainName": "x.example.com"}, "people see https://backup.example.com"},
	{"a domain with an odd protocol", map[string]any{"customDomain/protocol": "https"}, "protocol: must be HTTP, HTTPS or"},
	{"a route without a slash", map[string]any{"customDomain/route/path": "*"}, "route.path: must begin with /"},
	{"HTTPS without a certificate", map[string]any{"customDomain/certConfig": nil}, "HTTPS needs certName"},
}

func TestDeployMistakesAreReported(t *testing.T) {
	checker := newDeployChecker(t)
	for _, mistake := range deployMistakes {
		t.Run(mistake.name, func(t *testing.T) {
			file := mustReadDeployFile(t, deployPath)
			for _, place := range slices.Sorted(maps.Keys(mistake.change)) {
				change(t, file.doc, place, mistake.change[place])
			}
			wantComplaint(t, checker.check(file), mistake.want)
		})
	}
}

// eventsMistakes lists changes of docs/s.events.yaml, as deployMistakes does for s.yaml.
var eventsMistakes = []struct {
	name   string
	change map[string]any
	want   string
}{
	{"a source that is not served", map[string]any{"triggers/3/triggerConfig/eventSourceConfig/eventSourceType": "MQTT"}, `"MQTT" is not served`},
	{"a source without its topic", map[string]any{"triggers/4/triggerConfig/eventSourceConfig/eventSourceParameters/sourceRocketMQParameters/Topic": nil},
		"sourceRocketMQParameters must have Topic"},
	{"data without ids", map[string]any{"triggers/5/triggerConfig/eventSinkConfig/deliveryOption/eventSchema": "RawData"}, "must be CloudEvents"},
	{"a stream that stops at a failure", map[string]any{"triggers/6/triggerConfig/runOptions/errorsTolerance": "NONE"}, "errorsTolerance: must be ALL"},
	{"a stream of the bus", map[string]any{"triggers/3/triggerConfig/runOptions/mode": "event-streaming"}, "not possible for the source Default"},
	{"a pattern that is no JSON", map[string]any{"triggers/3/triggerConfig/eventRuleFilterPattern": "shop"}, "must be a JSON object"},
	{"a bucket without its account", map[string]any{"triggers/0/sourceArn": "release-uploads"}, "sourceArn: must match"},
	{"removed objects", map[string]any{"triggers/0/triggerConfig/events": []any{"oss:ObjectRemoved:DeleteObject"}}, "must be some of"},
	{"parts of uploads", map[string]any{"triggers/0/triggerConfig/events": []any{"oss:ObjectCreated:*"}}, "must be some of"},
	{"every object of a bucket", map[string]any{"triggers/0/triggerConfig/filter/key/prefix": ""}, "prefix: must be given"},
	{"another trigger after those of EventBridge", map[string]any{"triggers/7": httpTrigger("late")}, "eventbridge triggers must be the last"},
}

func TestEventsMistakesAreReported(t *testing.T) {
	checker := newDeployChecker(t)
	for _, mistake := range eventsMistakes {
		t.Run(mistake.name, func(t *testing.T) {
			file := mustReadDeployFile(t, eventsPath)
			for _, place := range slices.Sorted(maps.Keys(mistake.change)) {
				change(t, file.doc, place, mistake.change[place])
			}
			wantComplaint(t, checker.check(file), mistake.want)
		})
	}
}

// customMistakes lists changes of docs/s.custom.yaml, as deployMistakes does for s.yaml.
var customMistakes = []struct {
	name   string
	change map[string]any
	want   string
}{
	{"a runtime without tokens", map[string]any{"runtime": "custom.debian11"}, "sends no x-fc-security-token"},
	{"one request at a time", map[string]any{"instanceConcurrency": nil}, "instanceConcurrency: must be from 2 to 128"},
	{"more requests than the program works on", map[string]any{"instanceConcurrency": 150}, "instanceConcurrency: must be from 2 to 128"},
	{"another program", map[string]any{"customRuntimeConfig/command": []any{"/code/bootstrap"}}, "command: must be [/code/main]"},
	{"a misspelt command", map[string]any{"customRuntimeConfig/comand": []any{"/code/main"}}, "additional properties 'comand' not allowed"},
	{"the port of an older platform", map[string]any{"caPort": 9000}, "additional properties 'caPort' not allowed"},
	{"no port", map[string]any{"customRuntimeConfig/port": nil}, "port: must be a port"},
	{"a port of root", map[string]any{"customRuntimeConfig/port": 80}, "port: must be a port"},
	{"health that depends on the database", map[string]any{"customRuntimeConfig/healthCheckConfig/httpGetUrl": "/readyz"}, "httpGetUrl: must be /healthz"},
	{"a slow health check", map[string]any{"customRuntimeConfig/healthCheckConfig/timeoutSeconds": 5}, "timeoutSeconds: must be from 1 to 3"},
	{"a hook that is not served", map[string]any{"instanceLifecycleConfig/preStop": map[string]any{"handler": "stop"}}, "preStop: must be left out"},
	{"code from elsewhere", map[string]any{"code": "./dist"}, "code: must be the project's dist folder"},
}

func TestCustomRuntimeMistakesAreReported(t *testing.T) {
	checker := newDeployChecker(t)
	for _, mistake := range customMistakes {
		t.Run(mistake.name, func(t *testing.T) {
			file := mustReadDeployFile(t, customPath)
			for _, place := range slices.Sorted(maps.Keys(mistake.change)) {
				change(t, file.doc, place, mistake.change[place])
			}
			wantComplaint(t, checker.check(file), mistake.want)
		})
	}
}

func TestQueueExampleUsesItsOwnSource(t *testing.T) {
	file := mustReadDeployFile(t, eventsPath)
	change(t, file.doc, "functionName", "another")
	wantComplaint(t, newDeployChecker(t).check(file), `must be {"source":["MNS-another-submissions"]}`)
}

func TestAnotherComponentFolderDoesNotSwitchTheCheckOff(t *testing.T) {
	checker := newDeployChecker(t)
	checker.getenv = func(name string) string { return map[string]string{"FC3_COMPONENT": "./component"}[name] }
	file := mustReadDeployFile(t, deployPath)
	if errs := checker.check(file); len(errs) != 0 {
		t.Errorf("with FC3_COMPONENT set the file is wrong: %v", errs)
	}
	change(t, file.doc, "memorysize", 256)
	wantComplaint(t, checker.check(file), "additional properties 'memorysize' not allowed")
}

// wantComplaint fails the test unless one of the complaints contains the words.
func wantComplaint(t *testing.T, errs []error, words string) {
	t.Helper()
	if !slices.ContainsFunc(errs, func(err error) bool { return strings.Contains(err.Error(), words) }) {
		t.Errorf("no complaint says %q; there are %d: %v", words, len(errs), errs)
	}
}

// change sets the value at a position of a document, or removes it if value is nil. See
// deployMistakes for the form of positions.
func change(t *testing.T, doc map[string]any, place string, value any) {
	t.Helper()
	rooted, isRooted := strings.CutPrefix(place, "/")
	if !isRooted {
		rooted = "resources/portal/props/" + place
	}
	keys := strings.Split(rooted, "/")
	changed, ok := changed(doc, keys, value).(map[string]any)
	if !ok {
		t.Fatalf("no such place in the file: %s", place)
	}
	maps.Copy(doc, changed)
}

// changed returns a copy of a YAML value with one position changed, or nil if the position does not
// exist. An index one beyond the end of a list appends to the list.
func changed(in any, keys []string, value any) any {
	if len(keys) == 0 {
		return value
	}
	switch in := in.(type) {
	case map[string]any:
		copied := maps.Clone(in)
		if len(keys) == 1 && value == nil {
			delete(copied, keys[0])
			return copied
		}
		if copied[keys[0]] = changed(in[keys[0]], keys[1:], value); copied[keys[0]] != nil {
			return copied
		}
	case []any:
		i, err := strconv.Atoi(keys[0])
		if err != nil || i > len(in) {
			return nil
		}
		copied := slices.Grow(slices.Clone(in), 1)[:max(len(in), i+1)]
		if copied[i] = changed(copied[i], keys[1:], value); copied[i] != nil {
			return copied
		}
	}
	return nil
}

// httpTrigger returns a correct HTTP trigger.
func httpTrigger(name string) map[string]any {
	return map[string]any{"triggerName": name, "triggerType": "http",
		"triggerConfig": map[string]any{"authType": "anonymous", "methods": []any{"GET", "HEAD"}}}
}

// timerTrigger returns a nightly timer trigger with a payload.
func timerTrigger(payload string) map[string]any {
	return map[string]any{"triggerName": "nightly", "triggerType": "timer",
		"triggerConfig": map[string]any{"cronExpression": "0 0 3 * * *", "enable": true, "payload": payload}}
}
