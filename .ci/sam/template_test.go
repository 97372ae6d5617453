// Package sam checks docs/template.sam.yaml, the template for AWS SAM.
//
// The test is a Go module of its own, so that the portal does not depend on the module goformation. That module
// contains the published schema, which describes the properties of each resource type of SAM and CloudFormation. Rules
// of AWS that the schema does not contain are in rules_test.go.
package sam

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/awslabs/goformation/v7/schema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const templatePath = "../../docs/template.sam.yaml"

// readTemplate returns the template as the values of package json. A function of CloudFormation, such as !Ref, is an
// object with one member; see plain.
func readTemplate(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(templatePath)
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	template, ok := plain(t, doc.Content[0]).(map[string]any)
	if !ok {
		t.Fatal("the template is no mapping")
	}
	return template
}

// plain converts a YAML node to a value of package json. !Ref becomes {"Ref": …}, and !GetAtt becomes
// {"Fn::GetAtt": […]}. Any other function of CloudFormation ends the test.
func plain(t *testing.T, n *yaml.Node) any {
	switch {
	case n.Tag == "!Ref":
		return map[string]any{"Ref": n.Value}
	case n.Tag == "!GetAtt":
		return map[string]any{"Fn::GetAtt": toAny(strings.SplitN(n.Value, ".", 2))}
	case strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!"):
		t.Fatalf("line %d: the test does not know %s", n.Line, n.Tag)
	case n.Kind == yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		return m
	case n.Kind == yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, plain(t, c))
		}
		return list
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if i, ok := v.(int); ok {
		return json.Number(fmt.Sprint(i))
	}
	return v
}

func toAny(texts []string) (list []any) {
	for _, text := range texts {
		list = append(list, text)
	}
	return list
}

// object returns the object at a path of keys below in. It returns nil, which is an empty map, if there is no object.
func object(in map[string]any, path ...string) map[string]any {
	for _, key := range path {
		in, _ = in[key].(map[string]any)
	}
	return in
}

// invalid validates each resource of a template by the schema of its type, and returns the errors. It replaces each
// reference by a text first, because the schema does not allow references everywhere.
func invalid(t *testing.T, c *jsonschema.Compiler, template map[string]any) (found []string) {
	t.Helper()
	for name, value := range object(template, "Resources") {
		resource, _ := value.(map[string]any)
		definition, err := c.Compile(fmt.Sprintf("sam.json#/definitions/%s", resource["Type"]))
		if err != nil {
			found = append(found, fmt.Sprintf("%s: the type %v has no definition: %v", name, resource["Type"], err))
			continue
		}
		if err := definition.Validate(asJSON(t, withoutReferences(resource))); err != nil {
			found = append(found, fmt.Sprintf("%s: %v", name, err))
		}
	}
	return found
}

// withoutReferences returns a copy of v with a text in place of each Ref and GetAtt.
func withoutReferences(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = withoutReferences(v[i])
		}
		return list
	case map[string]any:
		if len(v) == 1 && (v["Ref"] != nil || v["Fn::GetAtt"] != nil) {
			return "a reference"
		}
		m := map[string]any{}
		for key := range v {
			m[key] = withoutReferences(v[key])
		}
		return m
	}
	return v
}

// publishedSchema returns a compiler for the published schema, which has the name sam.json.
func publishedSchema(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema.SamSchema))
	if err != nil {
		t.Fatal(err)
	}
	// The schema requires a destination for successful events, too. SAM does not (“DestinationConfig”).
	object(doc.(map[string]any), "definitions", "AWS::Serverless::Function.EventInvokeDestinationConfig")["required"] = []any{"OnFailure"}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("sam.json", doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTemplateSatisfiesTheSchema proves that the template satisfies the schema, and that the schema refuses changed
// templates with a mistake.
func TestTemplateSatisfiesTheSchema(t *testing.T) {
	published := publishedSchema(t)
	for _, wrong := range invalid(t, published, readTemplate(t)) {
		t.Error(wrong)
	}
	for name, change := range map[string]func(map[string]any){
		"a misspelt property": func(d map[string]any) { object(d, "Resources", "Portal", "Properties")["Handlr"] = "x" },
		"no function": func(d map[string]any) {
			delete(object(d, "Resources", "Stream", "Properties"), "FunctionName")
		},
		"a number as text": func(d map[string]any) {
			object(d, "Resources", "Submissions", "Properties")["VisibilityTimeout"] = "long"
		},
		"a type that is wrong": func(d map[string]any) { object(d, "Resources", "Submissions")["Type"] = "AWS::SQS::Que" },
	} {
		d := readTemplate(t)
		change(d)
		if invalid(t, published, d) == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
	for key := range readTemplate(t) {
		if !slices.Contains([]string{"AWSTemplateFormatVersion", "Transform", "Description", "Parameters", "Resources", "Outputs"}, key) {
			t.Errorf("%s is no section of a template", key)
		}
	}
}

// asJSON converts v to the types of JSON values that the validator expects.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestResourcesAreNamed proves that each Ref and GetAtt names a parameter or a resource.
func TestResourcesAreNamed(t *testing.T) {
	d := readTemplate(t)
	names := slices.Concat(slices.Collect(maps.Keys(object(d, "Resources"))), slices.Collect(maps.Keys(object(d, "Parameters"))), []string{"PortalUrl"})
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			if ref, ok := v["Ref"].(string); ok && !slices.Contains(names, ref) {
				t.Errorf("!Ref %s: there is no such parameter or resource", ref)
			}
			if att, ok := v["Fn::GetAtt"].([]any); ok && !slices.Contains(names, att[0].(string)) {
				t.Errorf("!GetAtt %v: there is no such resource", att)
			}
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(d)
}
