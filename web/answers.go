package web

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/param"
	"backupportal/function/precheck"
)

// answerTypes are the Go types of the API's answers, by the names of their JSON Schemas. A field of
// one of these types becomes a reference to the schema.
var answerTypes = sync.OnceValue(func() map[string]reflect.Type {
	return map[string]reflect.Type{
		"BackupJob":     reflect.TypeFor[BackupJob](),
		"BackupJobList": reflect.TypeFor[BackupJobList](),
		"BackupBatch":   reflect.TypeFor[BackupBatch](),
		"BatchItem":     reflect.TypeFor[BatchItem](),
		"BatchDryRun":   reflect.TypeFor[BatchDryRun](),
		"DryRun":        reflect.TypeFor[DryRun](),
		"Preflight":     reflect.TypeFor[Preflight](),
		"Candidates":    reflect.TypeFor[Candidates](),
		"Presets":       reflect.TypeFor[Presets](),
		"Problem":       reflect.TypeFor[Problem](),
	}
})

// answerSchemas returns the JSON Schemas of all answers of the API. It makes them from the Go
// types by reflection.
//
// A member has the name in its json tag, and is required unless the tag has omitempty. Its type
// is the one that encoding/json writes. What Go types cannot express comes from answerWords. It
// panics for a kind of Go type that no answer uses yet.
func answerSchemas() doc {
	w := schemaWriter{words: answerWords(), written: map[string]bool{}}
	all := doc{}
	for name, t := range answerTypes() {
		all[name] = w.object(name, t)
	}
	return all
}

// A schemaWriter makes JSON Schemas of Go types. It identifies a member by a path: the schema's
// name and the JSON names of members, separated by dots. "[]" stands for the items of a list and
// "{}" for the values of a map.
type schemaWriter struct {
	words   map[string]doc  // keywords to add to a schema, by path
	written map[string]bool // every path that was visited, for a test
}

// object returns the JSON Schema of a struct type.
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

// value returns the schema of a member or item of type t.
func (w schemaWriter) value(path string, t reflect.Type) doc {
	for name, answer := range answerTypes() {
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
	case reflect.Int:
		return w.with(path, doc{"type": "integer"})
	case reflect.Int64:
		return w.with(path, doc{"type": "integer", "format": "int64"})
	}
	panic(fmt.Sprintf("web: no schema for %s, a %v", path, t))
}

// with adds the keywords for path to schema and returns it.
func (w schemaWriter) with(path string, schema doc) doc {
	w.written[path] = true
	maps.Copy(schema, w.words[path])
	return schema
}

// answerWords returns the parts of schemas that Go types cannot express, such as descriptions,
// by the path of the member. Every member has an entry; it is nil if the member's name explains
// enough.
func answerWords() map[string]doc {
	about := func(text string) doc { return doc{"description": text} }
	count := func(text string) doc { return doc{"description": text, "minimum": 0} }
	upTo := func(most int, text string) doc { return doc{"description": text, "minimum": 0, "maximum": most} }
	id := submissionID["schema"].(doc)
	return map[string]doc{
		"BackupJob":              about("A submission and the known values of its job."),
		"BackupJob.SubmissionId": id,
		"BackupJob.HtmlUrl": {
			"description": "The page of the submission, for people: a URL, or a path if the portal has no PUBLIC_URL. " +
				"Omitted if the portal has no pages.",
			"format": "uri-reference",
		},
		"BackupJob.Status": about("Portal states: SENDING (for half a minute even if the answer was lost), UNKNOWN " +
			"(being checked), REFUSED (by the cloud), DENIED (by the policy), NOT_SENT (may be " +
			"sent again). Job states: CREATED, QUEUED, RUNNING, CANCELING, COMPLETE, " +
			"PARTIAL_COMPLETE, FAILED, CANCELED, EXPIRED, UNAVAILABLE, or another value from the " +
			"cloud, which means that the job is in progress; the prefix JOB_ marks a cloud value that is also a " +
			"portal state, as in JOB_UNKNOWN."),
		"BackupJob.Outcome": {
			"description": "Summary of Status in values that never change. unknown: the portal is checking " +
				"whether a job exists. succeeded does not include a copy in another region. failed: " +
				"there is no backup.",
			"enum": backup.Outcomes,
		},
		"BackupJob.JobId":              about("The ID of the job, if one was created."),
		"BackupJob.JobName":            about("The requested name, followed by the ID that the portal appends."),
		"BackupJob.RequestId":          about("The cloud's request ID of the call that created the job or was refused."),
		"BackupJob.Account":            about("The account alias."),
		"BackupJob.Region":             about(""),
		"BackupJob.SourceType":         schemaOf("SourceType"),
		"BackupJob.InstanceId":         about("The ID of the instance."),
		"BackupJob.ResourceName":       about("The name of the instance or cluster when the backup was submitted. Omitted if it was not known."),
		"BackupJob.ContainerClusterId": about("The ID of the cluster, for container backups."),
		"BackupJob.Door": {
			"enum": []backup.Door{backup.DoorForm, backup.DoorAPI, backup.DoorWebhook, backup.DoorEvent},
		},
		"BackupJob.AskedBy":                           about("The name of the sender."),
		"BackupJob.Reason":                            about("Why the sender needs the backup, as in the first request with the key."),
		"BackupJob.Ticket":                            about("The ticket of the first request with the key."),
		"BackupJob.Preset":                            about("The preset that the first request with the key named."),
		"BackupJob.Notify":                            about("The receivers that the first request with the key chose. They get a message when the backup has ended."),
		"BackupJob.CreatedAt":                         about("When it was submitted."),
		"BackupJob.Progress":                          upTo(10000, "Progress, up to 10,000."),
		"BackupJob.BytesTotal":                        count("Bytes."),
		"BackupJob.BytesDone":                         count("Bytes."),
		"BackupJob.Speed":                             count("Average speed in KB/s."),
		"BackupJob.StartTime":                         count("UNIX seconds."),
		"BackupJob.CompleteTime":                      count("UNIX seconds."),
		"BackupJob.DestinationNativeSnapshotStatus":   about("State of the copy in another region."),
		"BackupJob.DestinationNativeSnapshotProgress": upTo(100, "Progress of the copy, in percent."),
		"BackupJob.ErrorMessage":                      about("The cloud's message or code for the job."),
		"BackupJob.Consistency": {
			"enum":        backup.ConsistencyStates,
			"description": "Whether an application-consistent backup is as consistent as requested. Left out for other backups, and if there is no backup.",
		},
		"BackupJob.ConsistentLevel": about("The consistency level of an application-consistent backup, as returned by the cloud."),
		"BackupJob.DowngradeReason": about("Why the level is lower than requested."),
		"BackupJob.CancelledBy":     about("The name of the person who cancelled the job."),
		"BackupJob.Code":            about("The code of a refusal, from the cloud or the portal."),
		"BackupJob.Message":         about("The cloud's message for a refusal."),
		"BackupJob.Denied":          about("Why the policy refused it."),
		"BackupJob.Denied[]":        about("One explanation for each rule."),
		"BackupJob.Notes":           about("What the portal changed or ignored in the given values."),
		"BackupJob.Notes[]":         about("One sentence for each value."),
		"BackupJob.Replayed":        about("In the answer to an event: an earlier event created the job."),

		"BackupJobList.BackupJobs": nil,
		"BackupJobList.Next":       about("The value of before for the next page. Omitted on the last page."),

		"BackupBatch":         about("A batch, with a page of its items."),
		"BackupBatch.BatchId": id,
		"BackupBatch.Status": {
			"description": "RUNNING: items are started, or their jobs run. PAUSED: no further item is started; see Pause. CANCELLED: items that waited are skipped, jobs go on. " +
				"ENDED: all items have ended.",
			"enum": batch.States,
		},
		"BackupBatch.Outcome": {
			"description": "One outcome for gates. running: an item can still change, also while the batch is paused. succeeded: all items succeeded. partial: some have a backup. " +
				"failed: none has one. cancelled: the batch was cancelled.",
			"enum": backup.Outcomes,
		},
		"BackupBatch.Pause": {
			"description": "Why it is paused. person: a request. FirstBatch: the first items have ended. MaxErrors: too many items failed.",
			"enum":        []batch.Pause{batch.PausePerson, batch.PauseFirst, batch.PauseErrors},
		},
		"BackupBatch.ChangedBy": about("The name of the sender of the last pause, resumption or cancellation."),
		"BackupBatch.Total":     {"description": "The number of items.", "minimum": 1, "maximum": batch.MaxTargets},
		"BackupBatch.Replayed":  about("In the answer to an event: an earlier event created the batch."),
		"BackupBatch.Counts":    about("The number of items in each state; states without items are left out."),
		"BackupBatch.Counts{}":  {"minimum": 1},
		"BackupBatch.PerMinute": count("How many items are started in a minute at present."),
		"BackupBatch.Seconds":   count("The estimated time until the last item is started."),
		"BackupBatch.Door": {
			"enum": []backup.Door{backup.DoorForm, backup.DoorAPI, backup.DoorWebhook, backup.DoorEvent},
		},
		"BackupBatch.AskedBy":             about("The name of the sender."),
		"BackupBatch.Reason":              about("Why the sender needs the backups."),
		"BackupBatch.Ticket":              about("The ticket of the request."),
		"BackupBatch.Preset":              about("The preset that the request named."),
		"BackupBatch.Options":             about("The options of the request."),
		"BackupBatch.Options.Concurrency": nil,
		"BackupBatch.Options.MaxErrors":   nil,
		"BackupBatch.Options.FirstBatch":  nil,
		"BackupBatch.Options.AfterFirst":  nil,
		"BackupBatch.Options.Rate":        nil,
		"BackupBatch.Options.OnRefused":   nil,
		"BackupBatch.CreatedAt":           about("When it was created."),
		"BackupBatch.EndedAt":             about("When its last item ended."),
		"BackupBatch.Items":               about("A page of items, in the order of Targets."),
		"BackupBatch.Next":                count("The value of after for the next page. Omitted on the last page."),

		"BatchItem":      about("One item of a batch."),
		"BatchItem.Item": count("Its place in Targets, from 0."),
		"BatchItem.Status": {
			"description": "waiting, starting, running (there is a job), unknown (being checked whether there is a job), succeeded, partial, failed, cancelled (the job was cancelled), " +
				"refused (by the policy, a limit or because of a value), skipped (the batch was cancelled first).",
			"enum": batch.ItemStates,
		},
		"BatchItem.Account":            about("The account alias."),
		"BatchItem.Region":             about(""),
		"BatchItem.InstanceId":         about("The ID of the instance."),
		"BatchItem.ContainerClusterId": about("The ID of the cluster."),
		"BatchItem.SubmissionId":       id,
		"BatchItem.HtmlUrl":            {"description": "The page of the submission, for people.", "format": "uri-reference"},
		"BatchItem.Code":               about("The code of a failure, from the cloud or the portal."),
		"BatchItem.Reasons":            about("Why it was refused or failed, in the language of the request."),
		"BatchItem.Reasons[]":          about("One sentence."),
		"BatchItem.UpdatedAt":          about("When its state changed last."),

		"BatchDryRun":                      about("What a batch would do."),
		"BatchDryRun.BatchId":              id,
		"BatchDryRun.Total":                count("The number of items."),
		"BatchDryRun.Allowed":              count("Items that would be started."),
		"BatchDryRun.Refused":              count("Items that the policy refuses."),
		"BatchDryRun.Seconds":              count("The shortest time until the last item is started."),
		"BatchDryRun.Items":                about("The decision about each item, in the order of Targets."),
		"BatchDryRun.Items[].Item":         count("Its place in Targets, from 0."),
		"BatchDryRun.Items[].Allowed":      about("Whether a rule allows it."),
		"BatchDryRun.Items[].Resource":     about("The ID of the instance or cluster."),
		"BatchDryRun.Items[].SubmissionId": id,
		"BatchDryRun.Items[].Rule":         about("The ID of the rule that allows it."),
		"BatchDryRun.Items[].Reasons":      about("Why it is refused, in the language of the request."),
		"BatchDryRun.Items[].Reasons[]":    about("One explanation for each rule."),

		"DryRun":              about("The exact API call of the submission."),
		"DryRun.SubmissionId": id,
		"DryRun.JobName":      nil,
		"DryRun.Account":      nil,
		"DryRun.Region":       nil,
		"DryRun.Preset":       about("The preset that the request named. Parameters contains its values."),
		"DryRun.Parameters":   about("Parameters of CreateBackupJob, as sent."),
		"DryRun.Notes":        about("What the portal changed or ignored in the given values."),
		"DryRun.Notes[]":      about("One sentence for each value."),
		"DryRun.Checks": about("With checks: what can be known before the start, the most important first. The cloud is asked for at most 3 seconds, and answers are at most a " +
			"minute old. What the cloud did not answer is not_checked and does not stop the backup."),
		"DryRun.Checks[].Code":  about("What was checked: instance, disks, vault… It never changes."),
		"DryRun.Checks[].Field": about("The parameter to change."),
		"DryRun.Checks[].Verdict": {
			"description": "change: Cloud Backup would refuse the backup until Field changes. wait: a limit is reached. warning: the backup may fail, or may not be needed. " +
				"not_checked: the cloud did not answer, or the portal may not ask. ok: as it must be.",
			"enum": precheck.Kinds,
		},
		"DryRun.Checks[].Title":   about("The result, in the language of the request."),
		"DryRun.Checks[].Text":    about("The reason, and what to do, in the language of the request."),
		"DryRun.Checks[].Until":   about("When the backup can start."),
		"DryRun.Previews":         nil,
		"DryRun.Previews[].title": nil,
		"DryRun.Previews[].code":  nil,

		"Preflight.Account":        about("The account alias."),
		"Preflight.Region":         about("The checked region."),
		"Preflight.Passed":         about("No check failed."),
		"Preflight.Checks":         nil,
		"Preflight.Checks[].Id":    about("A fixed ID: trust, hbr:CreateBackupJob and so on."),
		"Preflight.Checks[].Title": about("Title for users."),
		"Preflight.Checks[].State": {
			"description": "not_reached: an earlier check failed.",
			"enum":        []backup.CheckState{backup.CheckOK, backup.CheckFailed, backup.CheckNotReached},
		},
		"Preflight.Checks[].Finding": about("The result, for users."),
		"Preflight.Checks[].Evidence": about("The cloud's answer: Operation, Code, Message, RequestId, Identity, and from AccessDeniedDetail " +
			"AuthAction, PolicyType and NoPermissionType."),
		"Preflight.Checks[].Fixes":         nil,
		"Preflight.Checks[].Fixes[].title": about("Where to paste the fix."),
		"Preflight.Checks[].Fixes[].code":  about("The text to paste, without secrets."),

		"Candidates.Items":        nil,
		"Candidates.Items[].Id":   nil,
		"Candidates.Items[].Name": nil,
		"Candidates.Items[].Attributes": about("Other attributes, by their names in the cloud's API: Status, ZoneId, OSType; Type, " +
			"Category, PerformanceLevel, Size, Encrypted; VaultType, EncryptType, StorageSize (bytes); ClusterType, AgentStatus."),
		"Candidates.Items[].Tags": about("Tags of the instance."),
		"Candidates.Next":         about("The value of Next for the next page. Omitted on the last page."),

		"Presets.Presets":               about("The presets that you may use, in the order of the policy."),
		"Presets.Presets[].Name":        about("The value of Preset in a submission."),
		"Presets.Presets[].Title":       about("For people, in the language of the request."),
		"Presets.Presets[].Description": about("For people, in the language of the request."),
		"Presets.Presets[].Values":      about("The values, by parameter. Keys of Detail and Options are dotted: Detail.doCopy. Each value is the text that the policy has, lists as JSON."),
		"Presets.Presets[].Values{}":    nil,

		"Problem":        about("What went wrong (RFC 9457)."),
		"Problem.type":   about("A URN, one for each kind of problem: urn:backup-portal:problem:…"),
		"Problem.title":  about(""),
		"Problem.status": nil,
		"Problem.detail": about("What to do."),
		"Problem.instance": {
			"description": "The path of the submission in this API, if there is one.",
			"format":      "uri-reference",
		},
		"Problem.request_id":         about("ID for searching the log."),
		"Problem.errors":             about(fmt.Sprintf("One entry for each wrong field, or for each rule that does not allow the request. At most %d; detail says how many more there are.", param.MaxMistakes)),
		"Problem.errors[].field":     about("The parameter's name."),
		"Problem.errors[].pointer":   about("Where it is in the body, as a JSON pointer (RFC 6901)."),
		"Problem.errors[].parameter": about("The name of the query parameter."),
		"Problem.errors[].code":      about("A stable code: required, between…"),
		"Problem.errors[].detail":    about("The message."),
		"Problem.errors[].rule":      about("The ID of the policy rule that does not allow the request."),
		"Problem.errors[].reason":    about("The reason of the rule."),
		"Problem.errors[].owner":     about("Whom to contact about the rule."),
		"Problem.cloud":              about("The answer of Cloud Backup, if it refused the request."),
		"Problem.cloud.Code":         about(""),
		"Problem.cloud.Message":      about(""),
		"Problem.cloud.RequestId":    about(""),
		"Problem.limit":              about("What the limit applies to: an account, a team, a source, an instance, or you."),
	}
}
