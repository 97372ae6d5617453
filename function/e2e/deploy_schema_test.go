package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// triggerDefinitions maps each type of trigger to the definition of its triggerConfig in the
// schema. The schema itself accepts any definition for any type. It has no definition for the
// type tablestore, so this type is refused.
var triggerDefinitions = map[string]string{
	"http":        "IHttpTriggerConfig",
	"timer":       "ITimerTriggerConfig",
	"eventbridge": "IEventBridge",
	"oss":         "IOssTriggerConfig",
	"mns_topic":   "IMnsTriggerConfig",
	"log":         "ILogTriggerConfig",
	"cdn_events":  "ICdnTriggerConfig",
}

// deploySchemas has a copy of the published schema of the component fc3 that refuses unknown
// properties.
type deploySchemas struct {
	props    *jsonschema.Schema
	triggers map[string]*jsonschema.Schema // by trigger type
}

// readDeploySchemas reads the published schema from a file, changes it so that it refuses
// unknown properties, and compiles it. It needs no network.
func readDeploySchemas(t *testing.T) deploySchemas {
	t.Helper()
	const path = "../../.ci/fc3.schema.json"
	text, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	published, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	closeObjects(published)
	root := published.(map[string]any)
	root["properties"].(map[string]any)["customDomain"] = true // the component knows customDomain; checkCustomDomain checks it

	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("fc3.json", published); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	schemas := deploySchemas{props: compileSchema(t, compiler, "fc3.json"), triggers: map[string]*jsonschema.Schema{}}
	for kind, definition := range triggerDefinitions {
		schemas.triggers[kind] = compileSchema(t, compiler, "fc3.json#/definitions/"+definition)
	}
	return schemas
}

// compileSchema compiles the schema at a location and fails the test on an error.
func compileSchema(t *testing.T, compiler *jsonschema.Compiler, location string) *jsonschema.Schema {
	t.Helper()
	schema, err := compiler.Compile(location)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// closeObjects changes a schema so that an object refuses properties that the schema does not
// list. Objects whose schema says something about other properties are not changed. Neither are
// conditions (if, then, else), because they test one property of an object that another part of
// the schema describes.
func closeObjects(schema any) {
	switch schema := schema.(type) {
	case []any:
		for _, each := range schema {
			closeObjects(each)
		}
	case map[string]any:
		_, names := schema["properties"]
		_, others := schema["additionalProperties"]
		if names && !others && schema["type"] == "object" {
			schema["additionalProperties"] = false
		}
		for _, group := range []string{"properties", "definitions"} {
			members, _ := schema[group].(map[string]any)
			for _, member := range members {
				closeObjects(member)
			}
		}
		for _, keyword := range []string{"items", "anyOf", "additionalProperties"} {
			closeObjects(schema[keyword])
		}
	}
}

// checkSchema checks the properties of a resource by the schema that refuses unknown ones, and
// each triggerConfig by the definition of its type.
func (s deploySchemas) checkSchema(where string, props map[string]any) []error {
	found := complaints(violations(where, s.props, props))
	for i, trigger := range triggersOf(props) {
		place := fmt.Sprintf("%s.triggers[%d]", where, i)
		kind, _ := trigger["triggerType"].(string)
		schema, ok := s.triggers[kind]
		if !ok {
			found.add(place, "triggerType %q has no definition of its triggerConfig; one of http, timer, eventbridge… is checkable", kind)
			continue
		}
		found = append(found, violations(place+".triggerConfig", schema, trigger["triggerConfig"])...)
	}
	return found
}

// violations returns one error for each part of a value that violates the schema.
func violations(where string, schema *jsonschema.Schema, value any) []error {
	err := schema.Validate(value)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return []error{fmt.Errorf("%s: %w", where, err)}
	}
	return leaves(where, invalid)
}

// leaves returns the errors at the leaves of a tree of validation errors. The errors above them
// only say that there is an error below.
func leaves(where string, invalid *jsonschema.ValidationError) []error {
	var found complaints
	if len(invalid.Causes) == 0 {
		_, text, _ := strings.Cut(invalid.Error(), "': ") // the message has the form: at '/place': text
		found.add(strings.Join(append([]string{where}, invalid.InstanceLocation...), "."), "%s", text)
	}
	for _, cause := range invalid.Causes {
		found = append(found, leaves(where, cause)...)
	}
	return found
}

// TestClosedSchemaRefusesUnknownProperties proves that the changed schema refuses a misspelt
// property, which the published schema accepts.
func TestClosedSchemaRefusesUnknownProperties(t *testing.T) {
	const misspelt = `{"functionName":"f","region":"cn-hangzhou","runtime":"go1","code":"./dist","handler":"main","memorysize":256}`
	var props any
	if err := json.Unmarshal([]byte(misspelt), &props); err != nil {
		t.Fatal(err)
	}
	published, err := jsonschema.NewCompiler().Compile("../../.ci/fc3.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if found := violations("props", published, props); len(found) != 0 {
		t.Errorf("the published schema refuses memorysize by itself now (%v): closeObjects may be needless", found)
	}
	if found := readDeploySchemas(t).checkSchema("props", props.(map[string]any)); len(found) == 0 {
		t.Error("the closed schema lets memorysize pass")
	}
}
