package web

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// answerTypes are the structs that the API answers with, by the names of their
// schemas. A field of one of these types refers to the schema.
var answerTypes = map[string]reflect.Type{
	"BackupJob":     reflect.TypeFor[BackupJob](),
	"BackupJobList": reflect.TypeFor[BackupJobList](),
	"DryRun":        reflect.TypeFor[DryRun](),
	"Preflight":     reflect.TypeFor[Preflight](),
	"Candidates":    reflect.TypeFor[Candidates](),
	"Problem":       reflect.TypeFor[Problem](),
}

// answerSchemas writes the schemas of all answers.
//
// A field has the name and, without omitempty, the requirement of its json
// tag, and the type that encoding/json writes. What a type cannot say is in
// [answerWords]. It panics for a type that no answer has so far.
func answerSchemas() doc {
	w := schemaWriter{words: answerWords(), written: map[string]bool{}}
	all := doc{}
	for name, t := range answerTypes {
		all[name] = w.object(name, t)
	}
	return all
}

// A schemaWriter writes schemas of Go types. A path is the name of a schema
// with the JSON names of fields behind it; [] stands for the items of a list.
type schemaWriter struct {
	words   map[string]doc  // keywords to add, by path
	written map[string]bool // paths so far
}

// object writes the schema of a struct.
func (w schemaWriter) object(path string, t reflect.Type) doc {
	properties, required := doc{}, []string{}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		properties[name] = w.value(path+"."+name, t.Field(i).Type)
		if options != "omitempty" {
			required = append(required, name)
		}
	}
	return w.with(path, doc{
		"type":                 "object",
		"properties":           properties,
		"required":             required,
		"additionalProperties": false,
	})
}

// value writes the schema of a field or of an item.
func (w schemaWriter) value(path string, t reflect.Type) doc {
	for name, answer := range answerTypes {
		if t == answer {
			return w.with(path, ref("schemas/"+name))
		}
	}
	if t == reflect.TypeFor[time.Time]() {
		return w.with(path, doc{"type": "string", "format": "date-time"})
	}
	switch t.Kind() {
	case reflect.Pointer:
		return w.value(path, t.Elem())
	case reflect.Struct:
		return w.object(path, t)
	case reflect.Slice:
		return w.with(path, doc{"type": "array", "items": w.value(path+"[]", t.Elem())})
	case reflect.Map:
		return w.with(path, doc{"type": "object", "additionalProperties": w.value(path+"{}", t.Elem())})
	case reflect.String:
		return w.with(path, doc{"type": "string"})
	case reflect.Bool:
		return w.with(path, doc{"type": "boolean"})
	case reflect.Int, reflect.Int64:
		return w.with(path, doc{"type": "integer"})
	}
	panic(fmt.Sprintf("web: no schema for %s, a %v", path, t))
}

// with adds the keywords of a path to its schema.
func (w schemaWriter) with(path string, schema doc) doc {
	w.written[path] = true
	maps.Copy(schema, w.words[path])
	return schema
}

// answerWords are the keywords that Go types do not have, by path. Every field
// has an entry: nil where its name says enough.
func answerWords() map[string]doc {
	about := func(text string) doc { return doc{"description": text} }
	count := func(text string) doc { return doc{"description": text, "minimum": 0} }
	upTo := func(most int, text string) doc { return doc{"description": text, "minimum": 0, "maximum": most} }
	id := submissionID["schema"].(doc)
	return map[string]doc{
		"BackupJob":              about("A submission, and its job as far as it is known."),
		"BackupJob.SubmissionId": id,
		"BackupJob.Status": about("Of the portal: SENDING (for half a minute even if the answer was lost), UNKNOWN " +
			"(being checked), REFUSED (by the cloud), DENIED (by the policy), NOT_SENT (may be " +
			"sent again). Of the job: CREATED, QUEUED, RUNNING, CANCELING, COMPLETE, " +
			"PARTIAL_COMPLETE, FAILED, CANCELED, EXPIRED, UNAVAILABLE, or another word of the " +
			"cloud's, which is a job in progress; JOB_ stands before one that is also the " +
			"portal's, as in JOB_UNKNOWN."),
		"BackupJob.Outcome": {
			"description": "What Status comes to, in words that never change. unknown: it is being checked " +
				"whether there is a job. succeeded says nothing of a copy in another region. failed: " +
				"there is no backup.",
			"enum": backup.Outcomes,
		},
		"BackupJob.JobId":              about("Of the job, once there is one."),
		"BackupJob.JobName":            about("The name that was given, and the submission's mark."),
		"BackupJob.RequestId":          about("The cloud's, of the call that made the job or was refused."),
		"BackupJob.Account":            about("The alias."),
		"BackupJob.Region":             about(""),
		"BackupJob.SourceType":         schemaOf("SourceType"),
		"BackupJob.InstanceId":         about("Of the instance."),
		"BackupJob.ContainerClusterId": about("Of the cluster, for container backups."),
		"BackupJob.Door": {
			"enum": []backup.Door{backup.DoorForm, backup.DoorAPI, backup.DoorWebhook, backup.DoorEvent},
		},
		"BackupJob.AskedBy":                           about("The name of whoever sent it."),
		"BackupJob.CreatedAt":                         about("When it was submitted."),
		"BackupJob.Progress":                          upTo(10000, "Of 10,000."),
		"BackupJob.BytesTotal":                        count("Bytes."),
		"BackupJob.BytesDone":                         count("Bytes."),
		"BackupJob.Speed":                             count("KB/s on average."),
		"BackupJob.StartTime":                         count("UNIX seconds."),
		"BackupJob.CompleteTime":                      count("UNIX seconds."),
		"BackupJob.DestinationNativeSnapshotStatus":   about("Of the copy in another region."),
		"BackupJob.DestinationNativeSnapshotProgress": upTo(100, "Of the copy, in percent."),
		"BackupJob.ErrorMessage":                      about("Of a job: the cloud's words or code."),
		"BackupJob.ConsistentLevel":                   about("That an application-consistent backup reached, in the words of the cloud."),
		"BackupJob.DowngradeReason":                   about("Why that is less than was asked for."),
		"BackupJob.CancelledBy":                       about("The name of whoever had the job cancelled."),
		"BackupJob.Code":                              about("Of a refusal: the cloud's code, or the portal's."),
		"BackupJob.Message":                           about("Of a refusal: the cloud's words."),
		"BackupJob.Denied":                            about("Why the policy refused it."),
		"BackupJob.Denied[]":                          about("A sentence for each rule."),
		"BackupJob.Replayed":                          about("In the answer to an event: an earlier one did it."),

		"BackupJobList.BackupJobs": nil,
		"BackupJobList.Next":       about("The value of before for the next page. It is missing on the last."),

		"DryRun":                  about("The exact call that the submission would make."),
		"DryRun.SubmissionId":     id,
		"DryRun.JobName":          nil,
		"DryRun.Account":          nil,
		"DryRun.Region":           nil,
		"DryRun.Parameters":       about("Of CreateBackupJob, as they go over the wire."),
		"DryRun.Previews":         nil,
		"DryRun.Previews[].title": nil,
		"DryRun.Previews[].code":  nil,

		"Preflight.Account":        about("The alias."),
		"Preflight.Region":         about("Where it was checked."),
		"Preflight.Passed":         about("Nothing is in the way."),
		"Preflight.Checks":         nil,
		"Preflight.Checks[].Id":    about("It never changes: trust, hbr:CreateBackupJob and so on."),
		"Preflight.Checks[].Title": about("For people."),
		"Preflight.Checks[].State": {
			"description": "not_reached: what it stands on failed.",
			"enum":        []backup.CheckState{backup.CheckOK, backup.CheckFailed, backup.CheckNotReached},
		},
		"Preflight.Checks[].Finding": about("What was found, for people."),
		"Preflight.Checks[].Evidence": about("What the cloud said: Operation, Code, RequestId, Identity, and of AccessDeniedDetail " +
			"AuthAction, PolicyType and NoPermissionType."),
		"Preflight.Checks[].Fixes":         nil,
		"Preflight.Checks[].Fixes[].title": about("Where to paste it."),
		"Preflight.Checks[].Fixes[].code":  about("What to paste: without any secret."),

		"Candidates.Items":        nil,
		"Candidates.Items[].Id":   nil,
		"Candidates.Items[].Name": nil,
		"Candidates.Items[].Attributes": about("What else the cloud says, by the names of its API: Status, ZoneId, OSType; Type, " +
			"Category, Size; VaultType; ClusterType, AgentStatus."),
		"Candidates.Items[].Tags": about("Of an instance."),
		"Candidates.Next":         about("The value of Next for the next page. It is missing on the last."),

		"Problem":                    about("What went wrong (RFC 9457)."),
		"Problem.type":               about("A URN, one for each kind of problem: urn:backup-portal:problem:…"),
		"Problem.title":              about(""),
		"Problem.status":             nil,
		"Problem.detail":             about("What to do."),
		"Problem.instance":           about("The submission, if there is one."),
		"Problem.request_id":         about("By which the log can be searched."),
		"Problem.errors":             about(fmt.Sprintf("One for each wrong field, or each rule that refused. %d at most; detail says how many more there are.", param.MaxMistakes)),
		"Problem.errors[].field":     about("The parameter's name."),
		"Problem.errors[].pointer":   about("Where it is in the body, as a JSON pointer (RFC 6901)."),
		"Problem.errors[].parameter": about("Or the name of the parameter in the address."),
		"Problem.errors[].code":      about("Stable: required, between…"),
		"Problem.errors[].detail":    about("The sentence."),
		"Problem.errors[].rule":      about("The rule of the policy that does not allow it, by its id."),
		"Problem.errors[].reason":    about("Why the rule is as narrow as it is."),
		"Problem.errors[].owner":     about("Whom to ask for more."),
		"Problem.cloud":              about("What Cloud Backup answered, if it refused."),
		"Problem.cloud.Code":         about(""),
		"Problem.cloud.Message":      about(""),
		"Problem.cloud.RequestId":    about(""),
		"Problem.limit":              about("Whose limit it is: an account, a team, a source, an instance, or you."),
	}
}
