package web

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/param"
)

// schemas returns the JSON Schemas of all requests and answers, by name.
func schemas() doc {
	all := answerSchemas()
	all["Submission"] = doc{
		"description": "The parameters of CreateBackupJob, with Account and Region. " +
			"Omit parameters that do not apply to the source type.",
		"oneOf": []doc{ref("schemas/UDM_ECS"), ref("schemas/ECS_FILE"), ref("schemas/CONTAINER")},
	}
	for _, source := range param.SourceTypes {
		all[string(source)] = submissionSchema(source)
	}
	return all
}

// submissionSchema returns the schema of a submission of one kind, made from the table of fields.
// Detail and Options are nested objects.
func submissionSchema(source param.SourceType) doc {
	object := func(text string) doc {
		return doc{"type": "object", "description": text, "properties": doc{}, "additionalProperties": false}
	}
	top := object(source.Name().En)
	required := []string{}
	for _, f := range param.Fields {
		if !f.ForSource(source) || f.Assigned && f.Default == "" {
			continue // the portal assigns it
		}
		schema, properties := fieldSchema(narrowEnum(f, source)), top["properties"].(doc)
		if f.Name == "SourceType" {
			schema = doc{"type": "string", "const": string(source), "description": f.Label.En}
		}
		parent, key, nested := strings.Cut(f.Name, ".")
		if nested {
			if properties[parent] == nil {
				properties[parent] = object("Sent to the cloud as one JSON object.")
			}
			properties[parent].(doc)["properties"].(doc)[key] = schema
			addCondition(properties[parent].(doc), f, source)
			continue
		}
		properties[f.Name] = schema
		if f.RequiredFor(source) && f.Under.Name == "" && (f.Default == "" || f.Name == "SourceType" && f.Default != string(source)) {
			required = append(required, f.Name)
		}
	}
	top["required"] = required
	return top
}

// narrowEnum returns f with only those values of its enum that are valid for source.
func narrowEnum(f param.Field, source param.SourceType) param.Field {
	f.Enum = slices.DeleteFunc(slices.Clone(f.Enum), func(c param.Choice) bool {
		bad, _ := errors.AsType[param.InvalidError](param.Params{
			"SourceType": string(source),
			f.Name:       c.Value,
		}.Validate())
		return f.Name != "SourceType" && slices.ContainsFunc(bad, func(m param.Mistake) bool { return m.Field == f.Name })
	})
	return f
}

// addCondition adds to the schema of an object that f is required if its controlling parameter has
// the stated value. It does nothing for a field without that rule.
func addCondition(object doc, f param.Field, source param.SourceType) {
	if f.Under.Name == "" || !f.RequiredFor(source) {
		return
	}
	controlling, _ := param.FieldNamed(f.Under.Name)
	_, key, _ := strings.Cut(f.Name, ".")
	_, condition, _ := strings.Cut(controlling.Name, ".")
	rules, _ := object["allOf"].([]doc)
	object["allOf"] = append(rules, doc{
		"if": doc{
			"properties": doc{condition: doc{"const": jsonValue(controlling, f.Under.Value)}},
			"required":   []string{condition},
		},
		"then": doc{"properties": doc{key: doc{}}, "required": []string{key}},
	})
}

// schemaOf returns the schema of the field called name.
func schemaOf(name string) doc {
	f, _ := param.FieldNamed(name)
	return fieldSchema(f)
}

// fieldSchema returns the schema of a value of f.
func fieldSchema(f param.Field) doc {
	end := ". "
	if strings.HasSuffix(f.Label.En, "?") {
		end = " "
	}
	s := doc{"description": strings.TrimRight(f.Label.En+end+f.Help.En, ". ")}
	text := doc{"type": "string"}
	if f.Pattern != "" {
		text["pattern"] = "^(" + f.Pattern + ")$"
	}
	switch f.Type {
	case param.Integer:
		s["type"], s["minimum"], s["maximum"] = "integer", f.Minimum, f.Maximum
	case param.Boolean:
		s["type"] = "boolean"
	case param.Strings:
		s["type"], s["items"] = "array", text
		if f.MaxItems > 0 {
			s["maxItems"] = f.MaxItems
		}
	case param.Objects:
		s["type"], s["items"] = "array", doc{"type": "object"}
	default:
		for key, value := range text {
			s[key] = value
		}
		if f.MaxLength > 0 {
			s["maxLength"] = f.MaxLength
		}
	}
	if len(f.Enum) > 0 {
		var values []string
		for _, c := range f.Enum {
			values = append(values, c.Value)
		}
		s["enum"] = values
	}
	if f.Default != "" {
		s["default"] = jsonValue(f, f.Default)
	}
	if f.Example != "" {
		s["examples"] = []any{jsonValue(f, f.Example)}
	}
	return s
}

// jsonValue returns a value of f in its JSON type.
func jsonValue(f param.Field, value string) any {
	switch f.Type {
	case param.Integer:
		n, _ := strconv.ParseInt(value, 10, 64) // a test checks that every example is valid
		return n
	case param.Boolean:
		return value == "true"
	case param.Strings, param.Objects:
		return json.RawMessage(value)
	}
	return value
}
