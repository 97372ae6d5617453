package web

import (
	"net/http"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// exampleKey is the Idempotency-Key of the first example. Most example answers belong to it.
const exampleKey = "before-deploy-42"

// examples returns submissions that the demo policy allows, one of each kind.
func examples() doc {
	return doc{
		"UDM_ECS": doc{"summary": "A whole instance", "value": doc{
			"Account":    "demo",
			"Region":     "cn-hangzhou",
			"SourceType": "UDM_ECS",
			"InstanceId": "i-bp1demoweb01",
			"Retention":  15,
			"JobName":    "before-upgrade",
		}},
		"ECS_FILE": doc{"summary": "Files on an instance", "value": doc{
			"Account":    "demo",
			"Region":     "cn-hangzhou",
			"SourceType": "ECS_FILE",
			"InstanceId": "i-bp1demoweb01",
			"VaultId":    "v-0001demovault01",
			"Retention":  30,
			"Include":    []string{"/home/alice/*.pdf"},
			"SpeedLimit": "9:18:20480",
		}},
		"CONTAINER": doc{"summary": "Volumes of a cluster", "value": doc{
			"Account":            "demo",
			"Region":             "cn-hangzhou",
			"SourceType":         "CONTAINER",
			"ContainerClusterId": "cc-0001democluster",
			"ClusterId":          "cl-0001democluster",
			"VaultId":            "v-0001demovault01",
			"Retention":          7,
			"ContainerResources": []doc{{
				"resourceType": "PV",
				"backupMethod": "FILE",
				"resourceId":   "674dac6d-74cd-47e9-a675-09e2f10d2c45",
				"pvPath":       "/",
			}},
		}},
		"WithPreset": doc{"summary": "With a preset of the policy", "value": doc{
			"Preset":     "before-release",
			"Account":    "demo",
			"Region":     "cn-hangzhou",
			"InstanceId": "i-bp1demoweb01",
		}},
	}
}

// exampleBegan is the time at which the example was submitted.
var exampleBegan = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// exampleJob returns the answer to the first example in the given state, after the changes.
func exampleJob(state backup.State, change ...func(*BackupJob)) BackupJob {
	b := BackupJob{
		SubmissionID: exampleID,
		PageURL:      pagePath(exampleID),
		Status:       state,
		Outcome:      state.Outcome(),
		JobID:        "job-000csy09q50a2jdcbwbo",
		JobName:      "before-upgrade-" + exampleID,
		RequestID:    "25F49E7B-7E39-542E-83AD-62E6E7F73786",
		Account:      "demo",
		Region:       "cn-hangzhou",
		SourceType:   "UDM_ECS",
		InstanceID:   "i-bp1demoweb01",
		Door:         backup.DoorAPI,
		ResourceName: "web01",
		AskedBy:      "demo",
		CreatedAt:    exampleBegan,
	}
	if state == backup.StateUnknown {
		b.ResourceName = "" // it is looked up when there is a job
	}
	for _, f := range change {
		f(&b)
	}
	return b
}

// exampleID is the id of the demo user's submission with exampleKey.
var exampleID = backup.Submission{
	Door:      backup.DoorAPI,
	Principal: identity.Principal{Issuer: "demo", Subject: "demo"},
	Key:       exampleKey,
}.ID()

// withProgress returns a change that sets the progress of a job, with its bytes.
func withProgress(progress int, done, total int64) func(*BackupJob) {
	return func(b *BackupJob) {
		b.Progress, b.BytesDone, b.BytesTotal, b.Speed, b.StartTime = &progress, done, total, 7340032, exampleBegan.Unix()+2
	}
}

// withEnd changes an example answer so that its job has ended.
func withEnd(b *BackupJob) { b.CompleteTime = exampleBegan.Unix() + 20 }

// Example answers, by operation.
var (
	answersToCreate = map[string]any{"created": exampleJob(backup.StateCreated)}
	answersUnknown  = map[string]any{"being checked": exampleJob(backup.StateUnknown, func(b *BackupJob) { b.JobID, b.RequestID = "", "" })}
	answersToShow   = map[string]any{
		"running":  exampleJob(backup.StateRunning, withProgress(4213, 63329784463, 150323855360)),
		"complete": exampleJob(backup.StateComplete, withProgress(10000, 150323855360, 150323855360), withEnd),
	}
	answersToCancel = map[string]any{"cancelling": exampleJob(
		backup.StateCanceling,
		withProgress(3154, 47412144640, 150323855360),
		func(b *BackupJob) { b.CancelledBy = "demo" },
	)}
	answersToList = map[string]any{"one page": BackupJobList{
		BackupJobs: []BackupJob{exampleJob(backup.StateComplete, withProgress(10000, 150323855360, 150323855360), withEnd)},
		Next:       cursor(backup.Place{At: exampleBegan, ID: exampleID}),
	}}
)

// answersToPresets has the presets of the demo policy.
var answersToPresets = map[string]any{"presets": Presets{Presets: []Preset{
	{
		Name: "before-release", Title: "Before a release", Description: "The whole instance, kept for two weeks",
		Values: map[string]string{"SourceType": "UDM_ECS", "Retention": "14", "JobName": "before-release", "Reason": "Release"},
	},
	{
		Name: "web-files", Title: "Files of a web server",
		Description: "/var/www without temporary files, kept for 90 days, slower by day",
		Values: map[string]string{
			"SourceType": "ECS_FILE", "Account": "demo", "Region": "cn-hangzhou", "VaultId": "v-0001demovault01", "Include": `["/var/www"]`,
			"Exclude": `["*.tmp"]`, "SpeedLimit": "8:20:2048", "Retention": "90",
		},
	},
	{
		Name: "nightly", Title: "Every night", Description: "The instance web01, kept for a week: a schedule names it",
		Values: map[string]string{
			"SourceType": "UDM_ECS", "Account": "demo", "Region": "cn-hangzhou", "InstanceId": "i-bp1demoweb01", "Retention": "7", "JobName": "nightly",
		},
	},
}}}

// with adds example answers to the description of a response.
func with(response doc, answers ...map[string]any) doc {
	all := doc{}
	for _, group := range answers {
		for name, value := range group {
			all[name] = doc{"value": value}
		}
	}
	response["content"].(doc)["application/json"].(doc)["examples"] = all
	return response
}

// exampleRequest is the request id in example problems.
const exampleRequest = "1-6923e0a1-15e4b2d0-4f1c2a7b9d3e"

// exampleProblem returns an example of a kind of problem.
func exampleProblem(f fault) Problem {
	p := problemOf(f, f.err, param.English)
	p.RequestID = exampleRequest
	switch {
	case f.name == invalid.name:
		m := param.NotBoolean("Detail.doCopy")
		p.Errors = []WrongField{{Field: m.Field, Pointer: pointer(m.Field), Code: m.Code, Detail: m.In(param.English)}}
	case f.status == http.StatusTooManyRequests:
		p.Limit = "you"
	case aboutSubmission(f.err):
		p.Instance = jobPath(exampleID)
	}
	return p
}

// aboutSubmission reports whether an error always concerns a submission, whose path is then the
// instance of the problem.
func aboutSubmission(err error) bool {
	for _, one := range []error{
		backup.ErrInProgress,
		backup.ErrKeyReused,
		backup.ErrNotSent,
		backup.ErrJobEnded,
		backup.ErrNoJob,
		backup.ErrNotCancelled,
		backup.ErrCancelRefused,
		errUnresolved,
	} {
		if err == one {
			return true
		}
	}
	return false
}

// exampleRefusal returns an example of a refusal by the cloud.
func exampleRefusal(code string, e backup.Explanation) Problem {
	p := problemOfRefusal(backup.Step{Code: code, RequestID: "25F49E7B-7E39-542E-83AD-62E6E7F73786"}, e, param.English)
	p.Instance, p.RequestID = jobPath(exampleID), exampleRequest
	return p
}
