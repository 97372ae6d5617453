package web

import (
	"encoding/json"
	"errors"
	"fmt"
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
		"oneOf": []doc{ref("schemas/UDM_ECS"), ref("schemas/ECS_FILE"), ref("schemas/CONTAINER"), ref("schemas/WithPreset")},
	}
	all["WithPreset"] = presetSchema()
	all["Batch"] = batchSchema()
	for _, source := range param.SourceTypes {
		all[string(source)] = submissionSchema(source)
	}
	return all
}

// presetSchema returns the schema of a submission that names a preset. The preset has the other
// values, so nothing else is required. The parameters that apply are those of the preset's
// source type, which a schema cannot know.
func presetSchema() doc {
	top := objectSchema("A submission that names a preset of the policy. The values of the preset are used for the parameters that the " +
		"submission leaves out: a value here wins over the preset's. SourceType must be that of the preset, or is left out.")
	for _, f := range param.Fields {
		schema := fieldSchema(f)
		parent, key, nested := strings.Cut(f.Name, ".")
		if !nested {
			properties(top)[f.Name] = schema
			continue
		}
		if member(top, parent) == nil {
			properties(top)[parent] = objectSchema("Sent to the cloud as one JSON object." + asText)
		}
		properties(member(top, parent))[key] = schema
	}
	top["required"] = []string{"Preset"}
	return top
}

// submissionSchema returns the schema of a submission of one kind, made from the table of fields.
// Detail and Options are nested objects.
//
// It has no default: generators of clients read a default as a promise that the value is always
// there, and reject a request without it. Descriptions name the defaults instead.
func submissionSchema(source param.SourceType) doc {
	top := objectSchema(source.Name().En)
	required := []string{}
	for _, f := range param.Fields {
		if !f.ForSource(source) || f.Name == "Preset" {
			continue
		}
		schema := requestSchema(f, source)
		if f.Name == "SourceType" {
			schema = doc{"type": "string", "const": string(source), "description": f.Label.En}
		}
		parent, key, nested := strings.Cut(f.Name, ".")
		if nested {
			if member(top, parent) == nil {
				properties(top)[parent] = objectSchema("Sent to the cloud as one JSON object." + asText)
			}
			properties(member(top, parent))[key] = schema
			if f.Under.Name != "" {
				addConditionalBounds(member(top, parent), f, schema)
			}
			continue
		}
		properties(top)[f.Name] = schema
		if requiredAlways(f, source) && !slices.Contains(accountNames, f.Name) {
			required = append(required, f.Name)
		}
	}
	top["required"] = required
	addRules(top, source)
	return top
}

// boundKeywords are the keywords that restrict the values of a type.
var boundKeywords = []string{"enum", "maximum", "maxLength", "minimum", "pattern"}

// addConditionalBounds changes a schema so that the limits of a key apply only while the switch
// of f is on, because the server ignores the key otherwise. The type of the key stays, because
// generated clients need it.
func addConditionalBounds(object doc, f param.Field, schema doc) {
	controlling, _ := param.FieldNamed(f.Under.Name)
	_, condition, _ := strings.Cut(controlling.Name, ".")
	_, key, _ := strings.Cut(f.Name, ".")
	schema["description"] = fmt.Sprintf("%v. Ignored unless %s is %s", schema["description"], condition, f.Under.Value)
	bounds := doc{}
	for _, keyword := range boundKeywords {
		if value, ok := schema[keyword]; ok {
			bounds[keyword] = value
			delete(schema, keyword)
		}
	}
	if kind, ok := schema["type"].(string); ok {
		schema["type"] = []string{kind, "null"}
	}
	if len(bounds) > 0 {
		addRule(object, equal(condition, jsonValue(controlling, f.Under.Value)), doc{"properties": doc{key: bounds}})
	}
}

// objectSchema returns the schema of an object without members.
func objectSchema(text string) doc {
	return doc{"type": "object", "description": text, "properties": doc{}, "additionalProperties": false}
}

// properties returns the members of an object's schema.
func properties(object doc) doc { return object["properties"].(doc) }

// member returns the schema of a member of an object, or nil.
func member(object doc, name string) doc {
	m, _ := properties(object)[name].(doc)
	return m
}

// requiredAlways reports whether every submission of one kind has f.
func requiredAlways(f param.Field, source param.SourceType) bool {
	standard := f.Default != "" && (f.Name != "SourceType" || f.Default == string(source))
	return f.RequiredFor(source) && f.Under.Name == "" && !standard
}

// accountNames are the parameters that identify the account. A request needs one of them.
var accountNames = []string{"Account", "CrossAccountUserId"}

// asText is the description of a second form that the server accepts for lists and objects:
// JSON as text. The schema does not allow it, because generated clients would get a type with
// two alternatives.
const asText = " A string that contains this value as JSON text, as Cloud Backup's API declares it, is accepted too."

// requestSchema returns the schema of f in a submission of one kind. A value that is not required
// may be empty, and a key of Detail or Options may be null: the vendor's samples write unused keys
// that way.
func requestSchema(f param.Field, source param.SourceType) doc {
	s := fieldSchema(narrowEnum(f, source))
	if f.Default != "" && !f.Assigned {
		s["description"] = fmt.Sprintf("%v. Default: %s", s["description"], f.Default)
	}
	if f.Type == param.Strings || f.Type == param.Objects {
		s["description"] = fmt.Sprintf("%v.%s", s["description"], strings.TrimSuffix(asText, "."))
	}
	if requiredAlways(f, source) {
		if f.Type == param.Strings || f.Type == param.Objects {
			s["minItems"] = 1
		}
		return s
	}
	if pattern, ok := s["pattern"].(string); ok {
		s["pattern"] = strings.TrimSuffix(pattern, "$") + "?$"
	}
	if strings.Contains(f.Name, ".") && s["enum"] == nil {
		s["type"] = []string{s["type"].(string), "null"}
	}
	if values, ok := s["enum"].([]string); ok && f.Selected {
		s["enum"] = append(slices.Clone(values), "")
	}
	if f.Numeral {
		s = numeralSchema(s)
	}
	return s
}

// numeralSchema returns the schema of an account ID, which may also be a number: the API
// declares it as one. text is the schema of the string.
func numeralSchema(text doc) doc {
	number := doc{"type": "integer", "minimum": int64(1e15), "maximum": int64(1e16 - 1)}
	return doc{
		"description": text["description"],
		"anyOf":       []doc{{"type": "string", "pattern": text["pattern"]}, number},
	}
}

// plainDirectory matches a path without wildcards that is no network path: the vendor documents
// that shadow copies support nothing else.
const plainDirectory = `([^/\\*?][^*?]*|[/\\]([^/\\*?][^*?]*)?)`

// given returns the schema of an object that has a value for a member: not null and not empty.
func given(key string) doc {
	return doc{
		"required":   []string{key},
		"properties": doc{key: doc{"type": []string{"string", "integer"}, "minLength": 1}},
	}
}

// equal returns the schema of an object in which a member has the given value.
func equal(key string, value any) doc {
	return doc{"required": []string{key}, "properties": doc{key: doc{"const": value}}}
}

// addRule adds to the schema of an object: if it matches condition, it also matches then.
func addRule(object, condition, then doc) {
	rules, _ := object["allOf"].([]doc)
	object["allOf"] = append(rules, doc{"if": condition, "then": then})
}

// addRules adds the rules between fields that a JSON Schema can express.
func addRules(top doc, source param.SourceType) {
	for _, f := range param.Fields {
		object, key, nested := strings.Cut(f.Name, ".")
		if !nested || f.Under.Name == "" || !f.ForSource(source) || !f.RequiredFor(source) {
			continue
		}
		controlling, _ := param.FieldNamed(f.Under.Name)
		_, condition, _ := strings.Cut(controlling.Name, ".")
		addRule(member(top, object), equal(condition, jsonValue(controlling, f.Under.Value)), given(key))
	}
	addRule(top, doc{"not": given("CrossAccountUserId")}, given("Account"))
	if detail := member(top, "Detail"); detail != nil {
		for _, pair := range [][2]string{{"preScriptPath", "postScriptPath"}, {"postScriptPath", "preScriptPath"}} {
			on := doc{"allOf": []doc{equal("appConsistent", true), given(pair[0])}}
			addRule(detail, on, given(pair[1]))
		}
	}
	if member(top, "Options") != nil {
		shadow := doc{"required": []string{"Options"}, "properties": doc{"Options": equal("UseVSS", true)}}
		directory := doc{"maxItems": 1, "items": doc{"pattern": "^" + plainDirectory + "$"}}
		addRule(top, shadow, doc{"properties": doc{"Include": directory, "Exclude": doc{"maxItems": 0}}})
	}
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
	switch f.Type {
	case param.Integer:
		s["type"], s["minimum"], s["maximum"] = "integer", f.Minimum, f.Maximum
	case param.Boolean:
		s["type"] = "boolean"
	case param.Strings:
		s["type"], s["items"], s["uniqueItems"] = "array", itemSchema(f), true
	case param.Objects:
		s["type"], s["items"] = "array", volumeSchema()
	default:
		addText(s, f)
	}
	if f.MaxItems > 0 {
		s["maxItems"] = f.MaxItems
	}
	if f.Example != "" {
		s["examples"] = []any{jsonValue(f, f.Example)}
	}
	return s
}

// addText adds the keywords of a field of type String.
func addText(s doc, f param.Field) {
	s["type"] = "string"
	if f.Pattern != "" {
		s["pattern"] = "^(" + f.Pattern + ")$"
	}
	if f.MaxLength > 0 {
		s["maxLength"] = f.MaxLength
	}
	var values []string
	for _, c := range f.Enum {
		values = append(values, c.Value)
	}
	switch f.Name {
	case "Region", "Detail.destinationRegionId":
		for _, r := range param.Regions {
			values = append(values, r.ID)
		}
		delete(s, "pattern") // the list is narrower
	case "SpeedLimit":
		s["pattern"] = "^(" + speedLimitPattern + ")$"
	}
	if values != nil {
		s["enum"] = values
	}
}

// speedLimitPattern matches a value of SpeedLimit, see [param.ParseSpeedLimit]. It accepts windows
// that overlap, because a regular expression cannot compare them. The bandwidth has at most 12 digits,
// so it is below 2^40.
const speedLimitPattern = speedWindow + `(\|` + speedWindow + `){0,23}`

// speedWindow is the pattern of one window of SpeedLimit.
const speedWindow = `(1?[0-9]|2[0-3]):([1-9]|1[0-9]|2[0-4]):([1-9][0-9]{0,11}|NaN)`

// itemSchema returns the schema of an item of Strings: not empty, without control characters. The
// limit of the field is for the JSON list, which has at least two brackets and two quotes more.
func itemSchema(f param.Field) doc {
	item := doc{"type": "string", "pattern": `^[^\x00-\x1f\x7f-\x9f]+$`}
	if f.Pattern != "" {
		item["pattern"] = "^(" + f.Pattern + ")$"
	}
	if f.MaxLength > 0 {
		item["maxLength"] = f.MaxLength - len(`[""]`)
	}
	return item
}

// volumeSchema returns the schema of an item of ContainerResources. Further keys are allowed,
// because the service may know more than its API page.
func volumeSchema() doc {
	return doc{
		"type":                 "object",
		"minProperties":        1,
		"additionalProperties": doc{"type": "string"},
		"properties": doc{
			"resourceType": doc{"type": "string", "description": "PV"},
			"backupMethod": doc{"type": "string", "description": "FILE"},
			"resourceId":   doc{"type": "string", "description": "The ID of the volume"},
			"resourceInfo": doc{
				"type": "string",
				"description": "A JSON object as text, with pv_name, pv_size, storage_class, pvc_name " +
					"and namespace",
			},
			"host":       doc{"type": "string"},
			"hostPrefix": doc{"type": "string"},
			"pvPath":     doc{"type": "string", "description": "The path in the volume"},
		},
	}
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
