package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"backupportal/function/app"
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
			if i != len(triggers)-1 {
				found.add(place, "an eventbridge trigger must be the last: unchanged, it ends the deployment of those after it")
			}
			function, _ := props["functionName"].(string)
			found = append(found, checkQueue(place, "MNS-"+function+"-"+name, config)...)
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

// checkTimer checks that the payload of a time trigger is text that the program accepts: a
// backup request, or the order to sweep (update the history).
func checkTimer(where string, config map[string]any) []error {
	payload, _ := config["payload"].(string)
	if app.IsSweep([]byte(payload)) {
		return nil
	}
	var submission map[string]any
	err := json.Unmarshal([]byte(payload), &submission)
	if source, _ := submission["SourceType"].(string); err != nil || source == "" {
		return []error{fmt.Errorf("%s.triggerConfig.payload: must be a submission as JSON text, with SourceType, or {\"sweep\":true}; is %q", where, payload)}
	}
	return nil
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
