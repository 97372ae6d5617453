package web

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/param"
)

// schemas are the JSON Schemas of what goes in and out.
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

// submissionSchema is a submission of one kind, from the table of fields.
// Detail and Options are objects of their own.
func submissionSchema(source param.SourceType) doc {
	object := func(text string) doc {
		return doc{"type": "object", "description": text, "properties": doc{}, "additionalProperties": false}
	}
	top := object(source.Name().En)
	required := []string{}
	for _, f := range param.Fields {
		if !f.ForSource(source) || f.Assigned && f.Default == "" {
			continue // a caller may not say it
		}
		schema, properties := fieldSchema(narrowed(f, source)), top["properties"].(doc)
		if f.Name == "SourceType" {
			schema = doc{"type": "string", "const": string(source), "description": f.Label.En}
		}
		parent, key, nested := strings.Cut(f.Name, ".")
		if nested {
			if properties[parent] == nil {
				properties[parent] = object("Sent to the cloud as one JSON object.")
			}
			properties[parent].(doc)["properties"].(doc)[key] = schema
			requireUnder(properties[parent].(doc), f, source)
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

// narrowed is f with those of its values that are accepted for the kind.
func narrowed(f param.Field, source param.SourceType) param.Field {
	f.Enum = slices.DeleteFunc(slices.Clone(f.Enum), func(c param.Choice) bool {
		bad, _ := errors.AsType[param.InvalidError](param.Params{
			"SourceType": string(source),
			f.Name:       c.Value,
		}.Validate())
		return f.Name != "SourceType" && slices.ContainsFunc(bad, func(m param.Mistake) bool { return m.Field == f.Name })
	})
	return f
}

// requireUnder says in the schema of an object that it has to hold f beside
// another value, if so.
func requireUnder(object doc, f param.Field, source param.SourceType) {
	if f.Under.Name == "" || !f.RequiredFor(source) {
		return
	}
	over, _ := param.FieldNamed(f.Under.Name)
	_, key, _ := strings.Cut(f.Name, ".")
	_, condition, _ := strings.Cut(over.Name, ".")
	rules, _ := object["allOf"].([]doc)
	object["allOf"] = append(rules, doc{
		"if": doc{
			"properties": doc{condition: doc{"const": typed(over, f.Under.Value)}},
			"required":   []string{condition},
		},
		"then": doc{"properties": doc{key: doc{}}, "required": []string{key}},
	})
}

// schemaOf is the schema of the field called name.
func schemaOf(name string) doc {
	f, _ := param.FieldNamed(name)
	return fieldSchema(f)
}

// fieldSchema says what a value of f may be.
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
		s["default"] = typed(f, f.Default)
	}
	if f.Example != "" {
		s["examples"] = []any{typed(f, f.Example)}
	}
	return s
}

// typed is a value of f in its JSON type.
func typed(f param.Field, value string) any {
	switch f.Type {
	case param.Integer:
		n, _ := strconv.ParseInt(value, 10, 64) // every example passes its own check
		return n
	case param.Boolean:
		return value == "true"
	case param.Strings, param.Objects:
		return json.RawMessage(value)
	}
	return value
}
