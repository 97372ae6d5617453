package web

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// schemas are the JSON Schemas of what goes in and out.
func schemas() doc {
	all := doc{
		"Submission": doc{
			"description": "The parameters of CreateBackupJob, with Account and Region. What does not apply to the kind of backup is left out.",
			"oneOf":       []doc{ref("schemas/UDM_ECS"), ref("schemas/ECS_FILE"), ref("schemas/CONTAINER")},
		},
		"BackupJob": backupJobSchema(), "BackupJobList": doc{
			"type": "object", "required": []string{"BackupJobs"}, "additionalProperties": false,
			"properties": doc{
				"BackupJobs": doc{"type": "array", "items": ref("schemas/BackupJob")},
				"Next": doc{
					"type":        "string",
					"description": "The value of before for the next page. It is missing on the last.",
				},
			},
		},
		"DryRun": dryRunSchema(), "Preflight": preflightSchema(), "Things": thingsSchema(), "Problem": problemSchema(),
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
				properties[parent] = object("Sent on as one JSON object.")
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

func backupJobSchema() doc {
	text := func(about string) doc { return doc{"type": "string", "description": about} }
	number := func(about string) doc { return doc{"type": "integer", "minimum": 0, "description": about} }
	return doc{
		"type": "object", "additionalProperties": false,
		"description": "A submission, and its job as far as it is known.",
		"required": []string{
			"SubmissionId",
			"Status",
			"Outcome",
			"JobName",
			"Account",
			"Region",
			"SourceType",
			"Door",
			"AskedBy",
			"CreatedAt",
		},
		"properties": doc{
			"SubmissionId": submissionID["schema"],
			"Status": text("Of the portal: SENDING (for half a minute even if the answer was lost), UNKNOWN (being checked), REFUSED (by the cloud), DENIED (by the policy), NOT_SENT (may be sent again). " +
				"Of the job: CREATED, QUEUED, RUNNING, CANCELING, COMPLETE, PARTIAL_COMPLETE, FAILED, CANCELED, EXPIRED, UNAVAILABLE, or another word of the cloud's, which is a job in progress; JOB_ stands before one that is also the portal's, as in JOB_UNKNOWN."),
			"Outcome": doc{
				"type": "string",
				"enum": backup.Outcomes,
				"description": "What Status comes to, in words that never change. unknown: it is being checked whether there is a job. " +
					"succeeded says nothing of a copy in another region. failed: there is no backup.",
			},
			"JobId":              text("Of the job, once there is one."),
			"JobName":            text("The name that was given, and the submission's mark."),
			"RequestId":          text("The cloud's, of the call that made the job or was refused."),
			"Account":            text("The alias."),
			"Region":             text(""),
			"SourceType":         schemaOf("SourceType"),
			"InstanceId":         text("Of the instance."),
			"ContainerClusterId": text("Of the cluster, for container backups."),
			"Door": doc{
				"type": "string",
				"enum": []backup.Door{backup.DoorForm, backup.DoorAPI, backup.DoorWebhook, backup.DoorEvent},
			},
			"AskedBy": text("The name of whoever sent it."),
			"CreatedAt": doc{
				"type":        "string",
				"format":      "date-time",
				"description": "When it was submitted.",
			},
			"Progress": doc{
				"type":        "integer",
				"minimum":     0,
				"maximum":     10000,
				"description": "Of 10,000.",
			},
			"BytesTotal":                      number("Bytes."),
			"BytesDone":                       number("Bytes."),
			"Speed":                           number("KB/s on average."),
			"StartTime":                       number("UNIX seconds."),
			"CompleteTime":                    number("UNIX seconds."),
			"DestinationNativeSnapshotStatus": text("Of the copy in another region."),
			"DestinationNativeSnapshotProgress": doc{
				"type":        "integer",
				"minimum":     0,
				"maximum":     100,
				"description": "Of the copy, in percent.",
			},
			"ConsistentLevel": text("That an application-consistent backup reached, in the words of the cloud."),
			"DowngradeReason": text("Why that is less than was asked for."),
			"CancelledBy":     text("The name of whoever had the job cancelled."),
			"ErrorMessage":    text("Of a job: the cloud's words or code."),
			"Code":            text("Of a refusal: the cloud's code, or the portal's."),
			"Message":         text("Of a refusal: the cloud's words."),
			"Denied": doc{
				"type":        "array",
				"items":       text("A sentence for each rule."),
				"description": "Why the policy refused it.",
			},
			"Replayed": doc{"type": "boolean", "description": "In the answer to an event: an earlier one did it."},
		},
	}
}

func dryRunSchema() doc {
	return doc{
		"type":                 "object",
		"additionalProperties": false,
		"description":          "The exact call that the submission would make.",
		"required":             []string{"SubmissionId", "JobName", "Account", "Region", "Parameters", "Previews"},
		"properties": doc{
			"SubmissionId": submissionID["schema"],
			"JobName":      doc{"type": "string"},
			"Account":      doc{"type": "string"},
			"Region":       doc{"type": "string"},
			"Parameters": doc{
				"type":                 "object",
				"additionalProperties": doc{"type": "string"},
				"description":          "Of CreateBackupJob, as they go over the wire.",
			},
			"Previews": doc{"type": "array", "items": doc{
				"type": "object", "required": []string{"title", "code"}, "additionalProperties": false,
				"properties": doc{"title": doc{"type": "string"}, "code": doc{"type": "string"}},
			}},
		},
	}
}

func problemSchema() doc {
	text := func(about string) doc { return doc{"type": "string", "description": about} }
	return doc{
		"type":                 "object",
		"additionalProperties": false,
		"description":          "What went wrong (RFC 9457).",
		"required":             []string{"type", "title", "status"},
		"properties": doc{
			"type":       text("A URN, one for each kind of problem: urn:backup-portal:problem:…"),
			"title":      text(""),
			"status":     doc{"type": "integer"},
			"detail":     text("What to do."),
			"instance":   text("The submission, if there is one."),
			"request_id": text("By which the log can be searched."),
			"errors": doc{
				"type":        "array",
				"description": "One for each wrong field, or each rule that refused.",
				"items": doc{
					"type": "object", "additionalProperties": false, "required": []string{"field", "code", "detail"},
					"properties": doc{
						"field":     text("The parameter's name."),
						"pointer":   text("Where it is in the body, as a JSON pointer (RFC 6901)."),
						"parameter": text("Or the name of the parameter in the address."),
						"code":      text("Stable: required, between…"),
						"detail":    text("The sentence."),
						"rule":      text("The rule of the policy that does not allow it, by its id."),
						"reason":    text("Why the rule is as narrow as it is."),
						"owner":     text("Whom to ask for more."),
					},
				},
			},
			"cloud": doc{
				"type":                 "object",
				"additionalProperties": false,
				"description":          "What Cloud Backup answered, if it refused.",
				"required":             []string{"Code"},
				"properties":           doc{"Code": text(""), "Message": text(""), "RequestId": text("")},
			},
			"limit": text("Whose limit it is: an account, a team, a source, an instance, or you."),
		},
	}
}
