// Package sam checks docs/template.sam.yaml, the template for AWS SAM.
//
// The test is a module of its own, because only it needs the published schema, which the module goformation contains. The
// schema describes each resource of SAM and of CloudFormation with its properties. Rules of the platform that the schema
// does not contain are in rules_test.go.
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

// readTemplate returns the template. The functions of CloudFormation, such as !Ref, are objects with one member.
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

// plain returns the value of a node.
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

// object returns the object at a path of keys, or an empty one.
func object(in map[string]any, path ...string) map[string]any {
	for _, key := range path {
		in, _ = in[key].(map[string]any)
	}
	return in
}

// invalid validates each resource by the definition of its type. A reference counts as a text, because the schema does not
// describe references everywhere.
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

// withoutReferences returns v with a text instead of each Ref and GetAtt.
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

// publishedSchema returns a compiler that has the published schema.
func publishedSchema(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema.SamSchema))
	if err != nil {
		t.Fatal(err)
	}
	// SAM does not require a destination for successful events (“DestinationConfig”); the schema does.
	object(doc.(map[string]any), "definitions", "AWS::Serverless::Function.EventInvokeDestinationConfig")["required"] = []any{"OnFailure"}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("sam.json", doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTemplateSatisfiesTheSchema validates the template, and changes of it that the schema must refuse.
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

// asJSON returns the value that the validator expects.
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
