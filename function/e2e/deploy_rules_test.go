package e2e

import (
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"backupportal/function/admission"
)

// A deployChecker finds mistakes in a configuration file for Serverless Devs: those that the
// published schema finds, and others. It is needed because `s deploy` deploys a wrong file
// without a warning.
type deployChecker struct {
	schemas deploySchemas
	root    string              // folder that contains s.yaml
	reads   []string            // variables that the program reads
	getenv  func(string) string // environment of the person who deploys
}

// check returns every complaint about a file.
func (c deployChecker) check(file deployFile) []error {
	var found complaints
	if file.doc["edition"] != "3.0.0" {
		found.add("edition", "must be 3.0.0, is %v", file.doc["edition"])
	}
	if access, _ := file.doc["access"].(string); access == "" || strings.Contains(access, "${") {
		found.add("access", "must be a literal such as default, the CLI resolves no reference there; is %q", access)
	}
	written, _ := file.doc["resources"].(map[string]any)
	if len(written) == 0 {
		found.add("resources", "must name at least one")
	}
	resolved, errs := resolveReferences(file.doc, c.getenv)
	found = append(found, errs...)
	resources, _ := resolved["resources"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		// The environment variable FC3_COMPONENT can select another component. The checks stay
		// the same.
		component, _ := yamlObject(written, name)["component"].(string)
		if component != "fc3" && component != "${env('FC3_COMPONENT', 'fc3')}" {
			found.add(name+".component", "must be fc3 or ${env('FC3_COMPONENT', 'fc3')}, is %q", component)
		}
		found = append(found, c.checkResource(name, file.dir, yamlObject(resources, name))...)
	}
	return found
}

// checkResource applies every rule to one resolved resource.
func (c deployChecker) checkResource(name, dir string, resource map[string]any) []error {
	props := yamlObject(resource, "props")
	where := name + ".props"
	return slices.Concat(
		c.schemas.checkSchema(where, props),
		checkFolders(name, dir, c.root, resource),
		checkSize(where, props),
		checkRuntime(where, props),
		checkNames(where, props),
		checkEnvironment(where, yamlObject(props, "environmentVariables"), c.reads),
		checkAsync(where, yamlObject(props, "asyncInvokeConfig")),
		checkTriggers(where, props),
		checkCustomDomain(where, props),
	)
}

// checkFolders checks the paths of a resource. Both actions must run make dist in the root
// folder of the project, and the deployed folder must be the one that make dist fills.
func checkFolders(name, dir, root string, resource map[string]any) []error {
	var found complaints
	for _, when := range []string{"pre-deploy", "pre-local"} {
		where := name + ".actions." + when
		steps, _ := yamlObject(resource, "actions")[when].([]any)
		if len(steps) != 1 {
			found.add(where, "must have one step, `run: make dist`")
			continue
		}
		step, _ := steps[0].(map[string]any)
		path, _ := step["path"].(string)
		if step["run"] != "make dist" || filepath.Join(dir, path) != filepath.Clean(root) {
			found.add(where, "must run `make dist` in the project's root, runs %v in %q", step["run"], path)
		}
	}
	code, _ := yamlObject(resource, "props")["code"].(string)
	if filepath.Join(dir, code) != filepath.Join(root, "dist") {
		found.add(name+".props.code", "must be the project's dist folder, is %q", code)
	}
	return found
}

// checkSize checks that cpu, memorySize, diskSize and timeout are given, because their default
// values do not fit together. It also checks that cpu and memorySize fit together. The schema
// checks the range of each value.
func checkSize(where string, props map[string]any) []error {
	var found complaints
	for _, name := range []string{"cpu", "memorySize", "diskSize", "timeout"} {
		if _, ok := yamlNumber(props[name]); !ok {
			found.add(where+"."+name, "must be given as a number")
		}
	}
	cpu, _ := yamlNumber(props["cpu"])
	memory, _ := yamlNumber(props["memorySize"])
	if twentieths := cpu * 20; math.Abs(twentieths-math.Round(twentieths)) > 1e-9 {
		found.add(where+".cpu", "must be a multiple of 0.05, is %v", cpu)
	}
	if gigabytes := memory / 1024; cpu > gigabytes || cpu*4 < gigabytes {
		found.add(where+".cpu", "%v vCPU do not go with %v MB: must be between %v and %v", cpu, memory, gigabytes/4, gigabytes)
	}
	return found
}

// checkRuntime checks the settings of the runtime: of an event function in Go, or of a custom
// runtime.
func checkRuntime(where string, props map[string]any) []error {
	var found complaints
	switch runtime := props["runtime"]; runtime {
	case "go1":
		found = append(found, checkBuiltIn(where, props)...)
	case "custom.debian10", "custom.debian12":
		found = append(found, checkCustomRuntime(where, props)...)
	case "custom.debian11":
		found.add(where+".runtime", "sends no x-fc-security-token: use custom.debian10 or custom.debian12")
	default:
		found.add(where+".runtime", "must be go1, or custom.debian10 or custom.debian12 with an HTTP server; is %v", runtime)
	}
	if props["provisionConfig"] != nil && props["scalingConfig"] != nil {
		found.add(where, "provisionConfig and scalingConfig exclude each other")
	}
	return found
}

// checkBuiltIn checks the settings that only a custom runtime may have.
func checkBuiltIn(where string, props map[string]any) []error {
	var found complaints
	if concurrency, ok := props["instanceConcurrency"]; ok {
		if n, _ := yamlNumber(concurrency); n != 1 {
			found.add(where+".instanceConcurrency", "must be left out: go1 runs one request at a time; is %v", concurrency)
		}
	}
	if _, ok := props["instanceLifecycleConfig"]; ok {
		found.add(where+".instanceLifecycleConfig", "must be left out: main starts everything")
	}
	if _, ok := props["customRuntimeConfig"]; ok {
		found.add(where+".customRuntimeConfig", "must be left out: go1 starts the handler")
	}
	return found
}

// checkCustomRuntime checks that a custom runtime starts the program and serves several requests
// at the same time, but not more than the program works on, and that the platform's own requests
// get an answer. Source of the ranges: “Configure instance health checks” and “Configure instance
// concurrency” of Function Compute.
func checkCustomRuntime(where string, props map[string]any) []error {
	var found complaints
	if n, _ := yamlNumber(props["instanceConcurrency"]); n < 2 || n > admission.DefaultSlots {
		found.add(where+".instanceConcurrency", "must be from 2 to %d, is %v", admission.DefaultSlots, props["instanceConcurrency"])
	}
	config := yamlObject(props, "customRuntimeConfig")
	place := where + ".customRuntimeConfig"
	command, _ := config["command"].([]any)
	handler, _ := props["handler"].(string)
	if program := "/code/" + handler; len(command) != 1 || command[0] != program {
		found.add(place+".command", "must be [%s], the program in code; is %v", program, config["command"])
	}
	if port, _ := yamlNumber(config["port"]); port < 1024 || port > 65535 || port != math.Trunc(port) {
		found.add(place+".port", "must be a port that needs no rights of root, is %v", config["port"])
	}
	health := yamlObject(config, "healthCheckConfig")
	if health["httpGetUrl"] != "/healthz" {
		found.add(place+".healthCheckConfig.httpGetUrl", "must be /healthz: other addresses use the database; is %v", health["httpGetUrl"])
	}
	for name, limits := range map[string][2]float64{
		"initialDelaySeconds": {0, 120}, "periodSeconds": {1, 120}, "timeoutSeconds": {1, 3},
		"failureThreshold": {1, 120}, "successThreshold": {1, 120},
	} {
		if n, ok := yamlNumber(health[name]); !ok || n < limits[0] || n > limits[1] {
			found.add(place+".healthCheckConfig."+name, "must be from %v to %v, is %v", limits[0], limits[1], health[name])
		}
	}
	cycle := yamlObject(props, "instanceLifecycleConfig")
	for name := range cycle {
		if name != "initializer" {
			found.add(where+".instanceLifecycleConfig."+name, "must be left out: the program does not serve it")
		}
	}
	return found
}

var (
	functionNamePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`)
	roleARNPattern      = regexp.MustCompile(`^acs:ram::\d{12,16}:role/[\w.-]+$`)
)

// checkNames checks the names of the function and of the function's role.
func checkNames(where string, props map[string]any) []error {
	var found complaints
	if name, _ := props["functionName"].(string); !functionNamePattern.MatchString(name) {
		found.add(where+".functionName", "must be 1 to 64 letters, digits, _ or -, not beginning with a digit or -; is %q", name)
	}
	role, _ := props["role"].(string)
	if !roleARNPattern.MatchString(role) || role != strings.ToLower(role) {
		found.add(where+".role", "must look like acs:ram::<account>:role/<name>, in lower case because the component lower-cases it; is %q", role)
	}
	return found
}

// destinationPattern matches a queue of MNS as a destination of asynchronous invocations.
var destinationPattern = regexp.MustCompile(`^acs:mns:[a-z0-9-]+:\d{12,16}:/queues/[A-Za-z0-9][A-Za-z0-9-]*/messages$`)

// checkAsync checks the API's limits for asynchronous events, because the schema permits larger values, and the
// destination of events whose attempts have all failed.
func checkAsync(where string, config map[string]any) []error {
	const week = 604800 // seconds
	where += ".asyncInvokeConfig"
	var found complaints
	if age, _ := yamlNumber(config["maxAsyncEventAgeInSeconds"]); age > week {
		found.add(where+".maxAsyncEventAgeInSeconds", "must be at most %d, is %v", week, age)
	}
	if retries, ok := yamlNumber(config["maxAsyncRetryAttempts"]); !ok || retries < 1 || retries > 8 {
		found.add(where+".maxAsyncRetryAttempts", "must be from 1 to 8, is %v", config["maxAsyncRetryAttempts"])
	}
	destination, _ := yamlObject(yamlObject(config, "destinationConfig"), "onFailure")["destination"].(string)
	if !destinationPattern.MatchString(destination) {
		found.add(where+".destinationConfig.onFailure", "must be a queue, acs:mns:<region>:<account>:/queues/<name>/messages; is %q", destination)
	}
	return found
}

// yamlObject returns the object at a key, or an empty object.
func yamlObject(in map[string]any, key string) map[string]any {
	value, _ := in[key].(map[string]any)
	return value
}

// yamlNumber returns the value of a YAML number and whether v is a number.
func yamlNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
