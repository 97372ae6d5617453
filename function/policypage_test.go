package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// A schema is the part of a JSON Schema that the page of policy keys shows.
type schema struct {
	Ref         string            `json:"$ref"`
	Defs        map[string]schema `json:"$defs"`
	Description string
	Type        string
	Enum        []any
	Const       any
	Pattern     string
	Minimum     *float64
	Maximum     *float64
	Required    []string
	Properties  map[string]schema
	Items       *schema
	AnyOf       []schema
	OneOf       []schema
}

// TestReferenceOfPolicyKeys proves that docs/reference/policy.md lists the keys of the policy's JSON Schema. make
// generate writes the file.
func TestReferenceOfPolicyKeys(t *testing.T) {
	data, err := os.ReadFile("../docs/policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var root schema
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	page.WriteString("# Keys of the policy\n\n[policy.example.yaml](../policy.example.yaml) is an example with an explanation of each key, and\n" +
		"[policy.schema.json](../policy.schema.json) is the JSON Schema for editors. This page lists the keys of the schema. It is\n" +
		"generated (`make generate`). A key with `[]` is a list. A key in bold is required where its parent is given. The program knows\n" +
		"further conditions between keys: `dist/main policy check FILE` names them.\n")
	keys := 0
	for _, name := range slices.Sorted(maps.Keys(root.Properties)) {
		fmt.Fprintf(&page, "\n## %s\n\n| key | value | meaning |\n|---|---|---|\n", name)
		keys += root.row(&page, name, root.Properties[name], slices.Contains(root.Required, name))
	}
	if keys < 80 {
		t.Errorf("%d keys found", keys)
	}
	compareDocument(t, "../docs/reference/policy.md", page.String())
}

// row writes the row of a key, and those of the keys below it. It returns their number.
func (root schema) row(page *strings.Builder, path string, s schema, required bool) (n int) {
	s = root.resolve(s)
	shown := "`" + path + "`"
	if required {
		shown = "**" + shown + "**"
	}
	inner, below := s, path
	if s.Items != nil {
		inner, below = root.resolve(*s.Items), path+"[]"
	}
	fmt.Fprintf(page, "| %s | %s | %s |\n", shown, strings.ReplaceAll(root.value(s), "|", "\\|"), cmp.Or(s.Description, inner.Description))
	for _, name := range slices.Sorted(maps.Keys(inner.Properties)) {
		n += root.row(page, below+"."+name, inner.Properties[name], slices.Contains(inner.Required, name))
	}
	return n + 1
}

// resolve follows a reference. A description beside the reference wins.
func (root schema) resolve(s schema) schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		to := root.resolve(root.Defs[name])
		to.Description = cmp.Or(s.Description, to.Description)
		return to
	}
	return s
}

// value describes the values that s accepts.
func (root schema) value(s schema) string {
	s = root.resolve(s)
	switch {
	case s.Items != nil:
		if inner := root.value(*s.Items); inner != "keys" {
			return "list of " + inner
		}
		return "list"
	case s.Const != nil:
		return fmt.Sprintf("`%v`", s.Const)
	case len(s.Enum) > 12:
		return fmt.Sprintf("one of %d texts, such as `%v`", len(s.Enum), s.Enum[0])
	case len(s.Enum) > 0:
		var all []string
		for _, v := range s.Enum {
			all = append(all, fmt.Sprintf("`%v`", v))
		}
		return strings.Join(all, ", ")
	case len(s.AnyOf)+len(s.OneOf) > 0:
		var all []string
		for _, one := range slices.Concat(s.AnyOf, s.OneOf) {
			if text := root.value(one); text != "" && !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
		return strings.Join(all, " or ")
	case s.Type == "integer" || s.Type == "number":
		text := map[string]string{"integer": "whole number", "number": "number"}[s.Type]
		if s.Minimum != nil && s.Maximum != nil {
			text += fmt.Sprintf(" from %v to %v", int64(*s.Minimum), int64(*s.Maximum))
		}
		return text
	case s.Type == "boolean":
		return "`true` or `false`"
	case s.Type == "string" && s.Pattern != "":
		return "`" + strings.TrimSuffix(strings.TrimPrefix(s.Pattern, "^(?:"), ")$") + "`"
	case s.Type == "string":
		return "text"
	case s.Type == "object":
		return "keys"
	}
	return s.Type
}
