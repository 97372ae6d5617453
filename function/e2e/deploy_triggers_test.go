package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"backupportal/function/app"
	"backupportal/function/backup"
	"backupportal/function/event/envelope"
	"backupportal/function/identity"
	"backupportal/function/policy"
)

var triggerNamePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)

// triggersOf returns the triggers of a resource.
func triggersOf(props map[string]any) []map[string]any {
	list, _ := props["triggers"].([]any)
	triggers := make([]map[string]any, len(list))
	for i := range list {
		triggers[i], _ = list[i].(map[string]any)
	}
	return triggers
}

// checkTriggers checks all triggers of one resource: each trigger by the rules of its type, and the
// triggers together by the rules that compare them, such as different names.
func checkTriggers(where string, props map[string]any) []error {
	var found complaints
	names, httpOf := map[string]bool{}, map[string]bool{}
	triggers := triggersOf(props)
	for i, trigger := range triggers {
		place := fmt.Sprintf("%s.triggers[%d]", where, i)
		name, _ := trigger["triggerName"].(string)
		if !triggerNamePattern.MatchString(name) {
			found.add(place+".triggerName", "must be 1 to 128 letters, digits, _ or -, not beginning with a digit or -; is %q", name)
		}
		if names[name] {
			found.add(place+".triggerName", "%q is the name of another trigger too", name)
		}
		names[name] = true

		config := yamlObject(trigger, "triggerConfig")
		switch trigger["triggerType"] {
		case "http":
			qualifier, ok := trigger["qualifier"].(string)
			if !ok {
				qualifier = "LATEST"
			}
			if httpOf[qualifier] {
				found.add(place, "a second http trigger for %s: the platform allows one", qualifier)
			}
			httpOf[qualifier] = true
			found = append(found, checkMethods(place, config)...)
		case "timer":
			found = append(found, checkTimer(place, config)...)
		case "eventbridge":
			if slices.ContainsFunc(triggers[i:], func(later map[string]any) bool { return later["triggerType"] != "eventbridge" }) {
				found.add(place, "eventbridge triggers must be the last: unchanged, one ends the deployment of those after it")
			}
			function, _ := props["functionName"].(string)
			found = append(found, checkQueue(place, "MNS-"+function+"-"+name, config)...)
			found = append(found, checkSource(place, config)...)
		case "oss", "mns_topic":
			found = append(found, checkSourceARN(place, trigger)...)
		}
	}
	return found
}

// checkMethods checks that an HTTP trigger permits at least one method, and that it permits HEAD if
// it permits GET.
func checkMethods(where string, config map[string]any) []error {
	methods, _ := config["methods"].([]any)
	var found complaints
	if len(methods) == 0 {
		found.add(where+".triggerConfig.methods", "must name at least one")
	}
	if slices.Contains(methods, any("GET")) && !slices.Contains(methods, any("HEAD")) {
		found.add(where+".triggerConfig.methods", "must include HEAD with GET")
	}
	return found
}

// checkTimer checks that the payload of a timer is text that the program accepts: a submission, a preset that the
// example policy offers to time triggers, or the order to sweep.
func checkTimer(where string, config map[string]any) []error {
	payload, _ := config["payload"].(string)
	if app.IsSweep([]byte(payload)) {
		return nil
	}
	var submission struct{ SourceType, Preset string }
	err := json.Unmarshal([]byte(payload), &submission)
	switch {
	case err == nil && submission.Preset != "":
		return checkPreset(where, submission.Preset, envelope.Timer)
	case err != nil || submission.SourceType == "":
		return []error{fmt.Errorf("%s.triggerConfig.payload: must be a submission as JSON text, with SourceType or Preset, or {\"sweep\":true}; is %q", where, payload)}
	}
	return nil
}

// checkPreset checks that the example policy offers a preset to a kind of event, and that the preset names the resource.
func checkPreset(where, name string, kind envelope.Kind) []error {
	var found complaints
	text, err := os.ReadFile("../../docs/policy.example.yaml")
	if err != nil {
		return []error{err}
	}
	rules, err := policy.Load(text, func(string) string { return "" })
	if err != nil {
		return []error{err}
	}
	offered := rules.Presets(identity.Principal{Kind: identity.KindEvent, Subject: "event:" + string(kind)})
	at := slices.IndexFunc(offered, func(p backup.Preset) bool { return p.Name == name })
	if at < 0 {
		found.add(where, "the example policy offers no preset %q to events of the kind %s", name, kind)
		return found
	}
	for _, needed := range []string{"Account", "Region", "InstanceId"} {
		if offered[at].Values[needed] == "" {
			found.add(where, "the preset %q has no %s, and a schedule gives none", name, needed)
		}
	}
	return found
}

// sourceParameters has the parameters that each source of an eventbridge trigger needs. Source: the types Source…Parameters
// of the API FC 2023-03-30.
var sourceParameters = map[string][]string{
	"Default":  nil,
	"MNS":      {"RegionId", "QueueName"},
	"RocketMQ": {"RegionId", "InstanceId", "Topic", "GroupID"},
	"Kafka":    {"RegionId", "InstanceId", "Topic", "ConsumerGroup"},
	"RabbitMQ": {"RegionId", "InstanceId", "VirtualHostName", "QueueName"},
}

// checkSource checks the source of an eventbridge trigger and how its events are delivered: with their ids, and without
// stopping at the first failure. The schema describes neither.
func checkSource(where string, config map[string]any) []error {
	var found complaints
	where += ".triggerConfig"
	source := yamlObject(config, "eventSourceConfig")
	kind, _ := source["eventSourceType"].(string)
	needed, known := sourceParameters[kind]
	if !known {
		found.add(where+".eventSourceConfig.eventSourceType", "%q is not served: see docs/events.md", kind)
	}
	parameters := yamlObject(yamlObject(source, "eventSourceParameters"), "source"+kind+"Parameters")
	for _, name := range needed {
		if value, _ := parameters[name].(string); value == "" {
			found.add(where+".eventSourceConfig", "source%sParameters must have %s", kind, name)
		}
	}
	if schema := yamlObject(yamlObject(config, "eventSinkConfig"), "deliveryOption")["eventSchema"]; schema != "CloudEvents" {
		found.add(where+".eventSinkConfig", "eventSchema must be CloudEvents, is %v: the data alone has no ids", schema)
	}
	options := yamlObject(config, "runOptions")
	if options["errorsTolerance"] != "ALL" {
		found.add(where+".runOptions.errorsTolerance", "must be ALL: otherwise one message that fails stops all others")
	}
	if mode := options["mode"]; mode != "event-driven" && mode != "event-streaming" || mode == "event-streaming" && kind == "Default" {
		found.add(where+".runOptions.mode", "%v is not possible for the source %s", mode, kind)
	}
	var pattern map[string]any
	text, _ := config["eventRuleFilterPattern"].(string)
	if json.Unmarshal([]byte(text), &pattern) != nil {
		found.add(where+".eventRuleFilterPattern", "must be a JSON object as text, is %q", text)
	}
	return found
}

// sourceARNs match the sources of triggers of other services.
var sourceARNs = map[string]*regexp.Regexp{
	"oss":       regexp.MustCompile(`^acs:oss:[a-z0-9-]+:\d{12,16}:[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`),
	"mns_topic": regexp.MustCompile(`^acs:mns:[a-z0-9-]+:\d{12,16}:/topics/[A-Za-z0-9][A-Za-z0-9-]*$`),
}

// wholeObjects lists the events of OSS that make a whole object.
var wholeObjects = []string{
	"oss:ObjectCreated:PutObject", "oss:ObjectCreated:PostObject", "oss:ObjectCreated:CompleteMultipartUpload",
	"oss:ObjectCreated:CopyObject", "oss:ObjectCreated:AppendObject",
}

// checkSourceARN checks the source of a trigger of OSS or of an MNS topic, and that OSS reports only new objects below a prefix.
func checkSourceARN(where string, trigger map[string]any) []error {
	var found complaints
	kind, _ := trigger["triggerType"].(string)
	source, _ := trigger["sourceArn"].(string)
	if !sourceARNs[kind].MatchString(source) {
		found.add(where+".sourceArn", "must match %v, is %q", sourceARNs[kind], source)
	}
	if kind == "oss" {
		config := yamlObject(trigger, "triggerConfig")
		events, _ := config["events"].([]any)
		if slices.ContainsFunc(events, func(e any) bool { return !slices.Contains(wholeObjects, fmt.Sprint(e)) }) || len(events) == 0 {
			found.add(where+".triggerConfig.events", "must be some of %v: other changes are rejected; are %v", wholeObjects, events)
		}
		if prefix, _ := yamlObject(yamlObject(config, "filter"), "key")["prefix"].(string); prefix == "" {
			found.add(where+".triggerConfig.filter.key.prefix", "must be given: each other object would be rejected")
		}
	}
	return found
}

// checkQueue checks that a trigger for an MNS queue uses the event source that the platform creates
// for the trigger.
func checkQueue(where, source string, config map[string]any) []error {
	sourceConfig := yamlObject(config, "eventSourceConfig")
	if sourceConfig["eventSourceType"] != "MNS" {
		return nil
	}
	var found complaints
	pattern, _ := config["eventRuleFilterPattern"].(string)
	var filter struct {
		Source []string `json:"source"`
	}
	if err := json.Unmarshal([]byte(pattern), &filter); err != nil || !slices.Equal(filter.Source, []string{source}) {
		found.add(where+".triggerConfig.eventRuleFilterPattern", "must be {\"source\":[%q]}, is %s", source, pattern)
	}
	queue := yamlObject(yamlObject(sourceConfig, "eventSourceParameters"), "sourceMNSParameters")
	for _, name := range []string{"RegionId", "QueueName"} {
		if value, _ := queue[name].(string); value == "" {
			found.add(where+".triggerConfig.eventSourceConfig", "sourceMNSParameters must have %s", name)
		}
	}
	return found
}

// checkCustomDomain checks the member customDomain, which the schema does not describe.
func checkCustomDomain(where string, props map[string]any) []error {
	value, ok := props["customDomain"]
	if !ok {
		return nil
	}
	var found complaints
	where += ".customDomain"
	domain, ok := value.(map[string]any)
	if !ok {
		found.add(where, "must be an object")
		return found
	}
	known := []string{"domainName", "protocol", "route", "certConfig", "tlsConfig", "authConfig", "wafConfig"}
	for key := range domain {
		if !slices.Contains(known, key) {
			found.add(where+"."+key, "is not known and would be dropped; one of %s", strings.Join(known, ", "))
		}
	}
	name, _ := domain["domainName"].(string)
	if name == "" {
		found.add(where+".domainName", "must be given")
	}
	protocol, _ := domain["protocol"].(string)
	if !slices.Contains([]string{"HTTP", "HTTPS", "HTTP,HTTPS"}, protocol) {
		found.add(where+".protocol", "must be HTTP, HTTPS or HTTP,HTTPS, is %q", protocol)
	}
	if path, _ := yamlObject(domain, "route")["path"].(string); !strings.HasPrefix(path, "/") {
		found.add(where+".route.path", "must begin with /, is %q", path)
	}
	if strings.Contains(protocol, "HTTPS") {
		found = append(found, checkCertificate(where, yamlObject(domain, "certConfig"))...)
	}
	origin := yamlObject(props, "environmentVariables")["PUBLIC_URL"]
	if origin != nil && origin != "https://"+name {
		found.add(where+".domainName", "people see %v (PUBLIC_URL), which is not https://%s", origin, name)
	}
	return found
}

// checkCertificate checks that a domain with HTTPS has a certificate: either an id of the
// certificate service, or a name with certificate and private key.
func checkCertificate(where string, config map[string]any) []error {
	var found complaints
	if config["certId"] != nil {
		return nil
	}
	for _, name := range []string{"certName", "certificate", "privateKey"} {
		if value, _ := config[name].(string); value == "" {
			found.add(where+".certConfig", "HTTPS needs %s, or certId", name)
		}
	}
	return found
}
