package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// A doc is a JSON object of the API's description.
type doc = map[string]any

// description returns the OpenAPI 3.1 document of the JSON API. The schemas come from the table of
// fields and from Go types, the problems from the table of errors.
func (s *Server) description() doc {
	paths := s.paths()
	return doc{
		"openapi": "3.1.0",
		"info": doc{
			"title": "Backup Portal", "version": "1",
			"description": "Starts on-demand backups on Alibaba Cloud. Each submission creates at most one Cloud Backup job (CreateBackupJob), " +
				"even if it is sent several times. Parameters of the Cloud Backup API keep their names.\n\n" +
				"Errors are problem documents (RFC 9457). The last part of type identifies the kind of problem and never changes; errors has an entry for each wrong " +
				"field, with a pointer into the body or the name of a parameter; request_id identifies the request in the log. After 409, 429 and 503, send the same request " +
				"again after Retry-After seconds. A method that a URL does not support is answered 405 with the problem method and the header Allow.\n\n" +
				"To wait for a backup, read it with wait until Outcome is neither running nor unknown. The page /docs/api has pipeline scripts that do this.",
			"contact": doc{"name": "The operator of this portal"},
			"license": doc{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []doc{{"url": "/"}},
		"security": []doc{{"token": []string{}}},
		"tags": []doc{
			{"name": "backup jobs", "description": "Submissions and their jobs."},
			{"name": "backup batches", "description": "Many submissions as one."},
			{"name": "presets", "description": "Named values of the policy."},
			{"name": "accounts", "description": "Access checks and lists of resources in an account."},
			{"name": "webhooks", "description": "Messages from other systems that the policy turns into submissions."},
		},
		"paths": paths,
		"components": doc{
			"schemas":    schemas(),
			"headers":    headers(),
			"parameters": doc{"SubmissionId": submissionID, "BatchId": batchID()},
			"responses":  s.problems(paths),
			"securitySchemes": doc{"token": doc{
				"type":        "http",
				"scheme":      "bearer",
				"description": "A token created by the operator of the portal (token new). Send it in this header, never in a URL.",
			}},
		},
	}
}

// paths returns the operations of the API, by their paths.
func (s *Server) paths() doc {
	all := doc{
		jobsPath: doc{
			"post": describeCreate(),
			"get":  describeList(s.Zone.String()),
		},
		jobsPath + "/{SubmissionId}":        doc{"get": describeShow()},
		jobsPath + "/{SubmissionId}/cancel": doc{"post": describeCancel()},
		presetsPath:                         doc{"get": describePresets()},
		accountPath + "/preflight":          doc{"get": describePreflight()},
		webhookPath:                         doc{"post": describeWebhook()},
	}
	if s.Batches != nil {
		all[batchesPath] = doc{"post": describeCreateBatch()}
		all[batchesPath+"/{BatchId}"] = doc{"get": describeShowBatch()}
		for name, text := range batchChanges() {
			all[batchesPath+"/{BatchId}/"+name] = doc{"post": describeChangeBatch(name, text)}
		}
	}
	for _, list := range candidateLists {
		all[accountPath+"/"+string(list.kind)] = doc{"get": describeCandidates(list)}
	}
	return all
}

// openAPI answers GET /api/v1/openapi.json with the OpenAPI description of the API.
func (s *Server) openAPI(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, r, http.StatusOK, s.description())
}

// keyDays is how long a key identifies its submission, in days.
const keyDays = int(backup.KeyExpires / (24 * time.Hour))

// describeCreate returns the OpenAPI description of POST /api/v1/backup-jobs, which starts a
// backup.
func describeCreate() doc {
	return doc{
		"operationId": "createBackupJob", "tags": []string{"backup jobs"}, "summary": "Start a backup exactly once",
		"description": "Validates the submission, evaluates the policy, and starts at most one job by CreateBackupJob. A 4xx or 503 answer means that this request " +
			"did not start a backup; an earlier request with the same key may have started one, and instance is its path if it is known. 202 means that the cloud's answer was lost: " +
			"the portal looks for the job in the cloud's job list and sends no other request until then. After Retry-After, send the same request again or read the submission.",
		"parameters": []doc{
			{
				"name": "Idempotency-Key", "in": "header", "required": true,
				"description": fmt.Sprintf("Identifies the submission: requests with the same key and the same content lead to the same job, for %d days from the first request with the key "+
					"(draft-ietf-httpapi-idempotency-key-header-07). After that, the key identifies a new submission. A repeated request gets the first answer with "+
					"Idempotent-Replayed; 409 while the first request is in progress; 422 if the content differs. Keys of different senders and of different "+
					"doors are independent. A request without the header is answered 400 and starts nothing. Choose one key for each backup, for example a random UUID "+
					"or the name of the deployment, and send it again with every retry. Visible ASCII without \\ and inner quotes; surrounding quotes are ignored.", keyDays),
				"schema": doc{
					"type":      "string",
					"minLength": 1,
					"maxLength": 257,
					"pattern":   `^("[!#-\[\]-~]{1,255}"|[!#-\[\]-~]{1,255})$`,
				},
				"example":         exampleKey,
				"x-expires-after": fmt.Sprintf("P%dD", keyDays),
			},
			{
				"name":        "dry_run",
				"in":          "query",
				"description": "true returns the exact API call without sending it. The cloud gets no request. Without it the backup is started.",
				"schema":      doc{"type": "boolean"},
			},
			{
				"name": "checks",
				"in":   "query",
				"description": "true is a dry run that also asks the cloud whether the backup can succeed (Checks), for at most 3 seconds. " +
					"No backup is started, with any value of dry_run.",
				"schema": doc{"type": "boolean"},
			},
		},
		"requestBody": doc{
			"required": true,
			"content":  doc{"application/json": doc{"schema": ref("schemas/Submission"), "examples": examples()}},
		},
		"responses": responses(submitting, doc{
			"201": with(answerOf("The job was created.", []string{"BackupJob"}, "Location"), answersToCreate),
			"200": with(answerOf("A repeated request: the first answer, and Idempotent-Replayed is true. With dry_run or checks: the API call.", []string{
				"BackupJob",
				"DryRun",
			}, "Location", "Idempotent-Replayed"), answersToCreate),
			"202": with(answerOf(
				"It is not known yet whether a job exists (Status is UNKNOWN); it is being checked.",
				[]string{"BackupJob"},
				"Location", "Retry-After",
			), answersUnknown),
		}, 400, 403, 409, 413, 415, 422, 429, 502, 503),
	}
}

// describeList returns the OpenAPI description of GET /api/v1/backup-jobs, which lists
// submissions. zone is the time zone of the days in filters.
func describeList(zone string) doc {
	parameters := []doc{
		{
			"name": "Search",
			"in":   "query",
			"description": "A part of the name or the ID of the instance or cluster, of the requested name, of the name of a volume " +
				"or of the sender. Case is ignored.",
			"schema": doc{"type": "string", "maxLength": mostSearch, "pattern": `^[^\x00]*$`},
		},
		{
			"name":        "Whose",
			"in":          "query",
			"description": "mine: backups that you submitted. all, or no value: all backups that you are allowed to view.",
			"schema":      doc{"type": "string", "enum": []string{"mine", "all"}},
		},
		{
			"name":        "Status",
			"in":          "query",
			"description": "Values of Status, separated by commas.",
			"schema": doc{
				"type":    "string",
				"pattern": fmt.Sprintf("^%[1]s(,%[1]s){0,%[2]d}$", statePattern, mostStates-1),
			},
			"example": "FAILED,PARTIAL_COMPLETE",
		},
		{"name": "Account", "in": "query", "description": "The alias of an account.", "schema": schemaOf("Account")},
		{"name": "SourceType", "in": "query", "description": "The source type.", "schema": schemaOf("SourceType")},
		{
			"name":        "InstanceId",
			"in":          "query",
			"description": "The instance, or the cluster of a container backup.",
			"schema":      doc{"type": "string", "pattern": "^" + resourcePattern + "$"},
		},
		{
			"name":        "From",
			"in":          "query",
			"description": "Submitted at or after this time (RFC 3339), or on this day or later. Days begin at midnight in " + zone + ".",
			"schema":      doc{"type": "string", "pattern": "^(" + timePattern + ")$"},
			"example":     "2026-11-23",
		},
		{
			"name":        "To",
			"in":          "query",
			"description": "Submitted before this time (RFC 3339), or on this day or earlier. A + in the address is written %2B.",
			"schema":      doc{"type": "string", "pattern": "^(" + timePattern + ")$"},
			"example":     "2026-11-23T09:00:00Z",
		},
		{
			"name":        "limit",
			"in":          "query",
			"description": fmt.Sprintf("Number of submissions in an answer. Without it: %d.", historyPage),
			"schema":      doc{"type": "integer", "minimum": 1, "maximum": mostRows},
		},
		{
			"name":        "before",
			"in":          "query",
			"description": "Next of the previous answer. It stays valid when new backups are submitted.",
			"schema":      doc{"type": "string", "pattern": "^(" + cursorPattern + ")$"},
		},
	}
	return doc{
		"operationId": "listBackupJobs", "tags": []string{"backup jobs"}, "summary": "The history, newest first",
		"description": "Submissions that you are allowed to view, including those that the policy refused. Makes no request to the cloud: job states are as last seen by a status request or the last sweep. " +
			"Status=RUNNING includes jobs whose cloud status is unknown to the portal.",
		"parameters": parameters,
		"responses": responses(reading, doc{
			"200": with(answerOf("One page.", []string{"BackupJobList"}), answersToList),
		}, 400, 422, 503),
	}
}

// timePattern is a regular expression for a day or an RFC 3339 time. It cannot say that the day
// exists in the calendar.
const timePattern = dayPattern + `(T` + hourPattern + `:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]` + hourPattern + `))?`

const (
	dayPattern  = `[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])`
	hourPattern = `([01][0-9]|2[0-3]):[0-5][0-9]` // hour and minute, also of an offset from UTC
)

var submissionID = doc{
	"name": "SubmissionId", "in": "path", "required": true, "description": "The SubmissionId in the answer to the submission.",
	"schema": doc{"type": "string", "pattern": "^[a-z2-7]{26}(-[0-9]+)?$"}, "example": "k7v2m4q5t3x6c5n2b6h4d2f4ja",
}

// describeShow returns the OpenAPI description of GET /api/v1/backup-jobs/{SubmissionId}, which
// returns a submission.
func describeShow() doc {
	return doc{
		"operationId": "showBackupJob",
		"tags":        []string{"backup jobs"},
		"summary":     "One submission and its job",
		"description": "Reads the job from the cloud at most once in 5 seconds, independent of the number of requests. A submission that you are not allowed to view is not found. " +
			"With wait, the answer is sent when Outcome is neither running nor unknown, or when the time is over; then Retry-After says when to send the request again. " +
			"Retry-After is also sent while Consistency is waiting.",
		"parameters": []doc{ref("parameters/SubmissionId"), {
			"name":        "wait",
			"in":          "query",
			"description": fmt.Sprintf("The longest time until the answer, in whole seconds. It is limited to %s and to the remaining time of the function.", param.Duration(longestWait).En),
			"schema":      doc{"type": "string", "pattern": "^" + waitPattern + "$"},
			"example":     "50s",
		}},
		"responses": responses(reading, doc{
			"200": with(answerOf("The current state.", []string{"BackupJob"}, "Retry-After"), answersToShow),
		}, 400, 404, 422, 503),
	}
}

// describeCancel returns the OpenAPI description of POST
// /api/v1/backup-jobs/{SubmissionId}/cancel, which cancels a job.
func describeCancel() doc {
	return doc{
		"operationId": "cancelBackupJob", "tags": []string{"backup jobs"}, "summary": "Cancel a job",
		"description": "Requests the cancellation of the job from Cloud Backup. Requires a rule that allows you to cancel the backup. A job that is already cancelled or being cancelled gets the same answer.",
		"parameters":  []doc{ref("parameters/SubmissionId")},
		"responses": responses(cancelling, doc{
			"202": with(answerOf(
				"Cloud Backup accepted the request, and the job will stop soon: Outcome becomes cancelled.",
				[]string{"BackupJob"},
				"Retry-After",
			), answersToCancel),
		}, 400, 403, 404, 409, 422, 429, 502, 503),
	}
}

// describePresets returns the OpenAPI description of GET /api/v1/presets, which lists presets.
func describePresets() doc {
	return doc{
		"operationId": "listPresets",
		"tags":        []string{"presets"},
		"summary":     "The presets that you may use",
		"description": "A preset is a named set of parameters in the policy. A submission with Preset leaves these parameters out. The list has the presets with values " +
			"that a rule for you allows. Makes no request to the cloud.",
		"responses": responses(reading, doc{
			"200": with(answerOf("All presets.", []string{"Presets"}), answersToPresets),
		}, 400, 422, 503),
	}
}

// describePreflight returns the OpenAPI description of the operation that checks the portal's
// access to an account.
func describePreflight() doc {
	parameters := []doc{{
		"name":        "alias",
		"in":          "path",
		"required":    true,
		"description": "The alias of an account.",
		"schema":      schemaOf("Account"),
		"example":     "payments",
	}}
	for _, name := range accessParameters[1:] {
		parameters = append(parameters, doc{
			"name":        name,
			"in":          "query",
			"required":    name == "Region",
			"description": "The same as in a submission.",
			"schema":      schemaOf(name),
		})
	}
	return doc{
		"operationId": "checkAccess",
		"tags":        []string{"accounts"},
		"summary":     "Check whether backups can be created in an account",
		"description": "Sends one request to the cloud for each condition, in the order of their dependencies, and changes nothing. Each failed check has a fix to paste: " +
			"a RAM policy document or a command. Also checks the instance, cluster or vault in the request. An account, a region or an instance in which you may " +
			"not create backups is not found, and neither is a vault that no rule allows you to use. At most ten checks per minute.",
		"parameters": parameters,
		"responses": responses(reading, doc{
			"200": answerOf("The results of the checks. Passed is true if no check failed.", []string{"Preflight"}),
		}, 400, 404, 422, 429, 503),
	}
}

// describeCandidates returns the OpenAPI description of the operation that lists one kind of
// candidates: values that exist in an account, such as its instances. The operationId is made
// from the kind.
func describeCandidates(list candidateList) doc {
	kind := list.kind
	parameters := []doc{
		{
			"name":        "alias",
			"in":          "path",
			"required":    true,
			"description": "The alias of an account.",
			"schema":      schemaOf("Account"),
			"example":     "payments",
		},
		{
			"name":        "Region",
			"in":          "query",
			"required":    true,
			"description": "The same as in a submission.",
			"schema":      schemaOf("Region"),
		},
		{"name": "SourceType", "in": "query", "description": "The source type.", "schema": schemaOf("SourceType")},
	}
	if kind == backup.Disks {
		parameters = append(parameters, doc{
			"name":        "InstanceId",
			"in":          "query",
			"required":    true,
			"description": "The instance of the disks.",
			"schema":      schemaOf("InstanceId"),
		})
	}
	if kind == backup.Volumes {
		parameters = append(parameters, doc{
			"name":        "ClusterId",
			"in":          "query",
			"required":    true,
			"description": "The cluster of the volumes: its ContainerClusterId.",
			"schema":      schemaOf("ContainerClusterId"),
		})
	}
	if kind != backup.Disks {
		parameters = append(parameters,
			doc{
				"name":        "Search",
				"in":          "query",
				"description": "A part of the name, or a whole ID.",
				"schema":      doc{"type": "string", "maxLength": longestSearch},
			},
			doc{
				"name":        "Next",
				"in":          "query",
				"description": "Next of the previous answer.",
				"schema":      doc{"type": "string", "maxLength": longestNext, "pattern": "^[!-~]*$"},
			})
	}
	return doc{
		"operationId": "list" + strings.ToUpper(string(kind[:1])) + string(kind[1:]),
		"tags":        []string{"accounts"},
		"summary":     list.title.En,
		"description": strings.ReplaceAll(list.about.En, "`", "") + ". The list is at most one minute old. A page may have few items or none if the policy allows few of them. " +
			"Accounts with access hbr_cross_account have no instances and disks.",
		"parameters": parameters,
		"responses":  responses(reading, doc{"200": answerOf("One page.", []string{"Candidates"})}, 400, 404, 422, 429, 502, 503),
	}
}

// describeWebhook returns the OpenAPI description of POST /webhooks/{source}, which receives a
// message from another system.
func describeWebhook() doc {
	header := func(name, text string) doc {
		return doc{"name": name, "in": "header", "description": text, "schema": doc{"type": "string"}}
	}
	return doc{
		"operationId": "receiveWebhook",
		"tags":        []string{"webhooks"},
		"summary":     "Receive a webhook message from a source in the policy",
		"description": "The sender is identified by a signature (Standard Webhooks v1 or v1a, or GitHub's) or by a token, as the policy defines for the source; nothing of a message " +
			"is used before that. A template in the policy turns the message into a submission. For a week, messages with the same ID are the same submission; if the policy makes the hash of the body the ID (key: body), for 23 hours. After 409, 429 and 5xx, send the message again.",
		"security": []doc{},
		"parameters": []doc{
			{
				"name":        "source",
				"in":          "path",
				"required":    true,
				"description": "The name of the source in the policy.",
				"schema":      doc{"type": "string", "pattern": "^[a-z][a-z0-9-]{0,62}$"},
				"example":     "ci-payments",
			},
			header("webhook-id", "Standard Webhooks: the same for every delivery. Also svix-id."),
			header("webhook-timestamp", "Standard Webhooks: seconds since 1970. Also svix-timestamp."),
			header("webhook-signature", "Standard Webhooks: up to 8 signatures, separated by spaces. Also svix-signature."),
			header("X-GitHub-Delivery", "GitHub: the ID of the delivery. Repeated messages are recognized by the body, because GitHub signs only the body."),
			header("X-Hub-Signature-256", "GitHub: the signature."),
			header("Idempotency-Key", "With a token: the same value for every delivery of a message. The policy may use the hash of the body instead."),
		},
		"requestBody": doc{
			"required":    true,
			"description": fmt.Sprintf("Any JSON value, at most %d MB; on Lambda at most 6 MB.", MaxHook>>20),
			"content":     doc{"application/json": doc{"schema": doc{}}},
		},
		"responses": responses(submitting, doc{
			"201": answerOf("The job was created.", []string{"BackupJob"}, "Location"),
			"200": answerOf(
				"A repeated request: the first answer, and Idempotent-Replayed is true.",
				[]string{"BackupJob"},
				"Location", "Idempotent-Replayed",
			),
			"204": doc{"description": "The message matches no condition of the source and starts no backup."},
		}, 400, 403, 404, 409, 413, 415, 422, 429, 502, 503),
	}
}

// An operationKind is a group of operations of the API that return the same kinds of problems,
// with the same headers.
type operationKind string

// The kinds of operations.
const (
	reading    operationKind = "read"   // changes nothing
	submitting operationKind = "submit" // starts a backup
	cancelling operationKind = "cancel" // cancels a backup
	changing   operationKind = "change" // changes a batch
)

// responses returns good with references to the problems that an operation can return: those
// with one of statuses, and those that every operation can return.
func responses(kind operationKind, good doc, statuses ...int) doc {
	for _, status := range append(statuses, 401, 414, 421, 431, 500) {
		good[fmt.Sprint(status)] = ref("responses/" + problemName(kind, status))
	}
	return good
}

// problemName returns the name of the component that describes the problems of one kind of
// operation with one status.
func problemName(kind operationKind, status int) string { return fmt.Sprintf("%s-%d", kind, status) }

// ref returns a reference to a component of the document.
func ref(path string) doc { return doc{"$ref": "#/components/" + path} }

// answerOf returns a response with one of the schemas and with the named headers.
func answerOf(text string, schemas []string, headers ...string) doc {
	var bodies []doc
	for _, name := range schemas {
		bodies = append(bodies, ref("schemas/"+name))
	}
	body := bodies[0]
	if len(bodies) > 1 {
		body = doc{"oneOf": bodies}
	}
	response := doc{"description": text, "content": doc{"application/json": doc{"schema": body}}}
	if len(headers) > 0 {
		response["headers"] = headerRefs(headers)
	}
	return response
}

// headers returns the headers of answers, by name.
func headers() doc {
	return doc{
		"Location": doc{
			"description": "The path of the submission in this API.",
			"schema":      doc{"type": "string", "format": "uri-reference"},
		},
		"Idempotent-Replayed": doc{
			"description": "true: this is the answer of an earlier request with the same key.",
			"schema":      doc{"type": "string", "const": "true"},
		},
		"WWW-Authenticate": doc{
			"description": "How to authenticate (RFC 9110, 11.6.1).",
			"schema":      doc{"type": "string"},
		},
		"Link": doc{
			"description": "The page that explains Idempotency-Key (RFC 8288), if the header is missing.",
			"schema":      doc{"type": "string"},
		},
		"Retry-After": doc{
			"description": "Number of seconds to wait before the next request.",
			"schema":      doc{"type": "integer", "minimum": 1},
		},
	}
}

// problemHeaders returns the headers that problems can have, by the kind of the operation and
// the status.
var problemHeaders = sync.OnceValue(func() map[operationKind]map[int][]string {
	return map[operationKind]map[int][]string{
		reading: {
			http.StatusUnauthorized:       {"WWW-Authenticate"},
			http.StatusTooManyRequests:    {"Retry-After"},
			http.StatusServiceUnavailable: {"Retry-After"},
		},
		submitting: {
			http.StatusBadRequest:          {"Link"},
			http.StatusUnauthorized:        {"WWW-Authenticate"},
			http.StatusConflict:            {"Retry-After"},
			http.StatusUnprocessableEntity: {"Location", "Idempotent-Replayed"},
			http.StatusTooManyRequests:     {"Retry-After"},
			http.StatusBadGateway:          {"Location", "Idempotent-Replayed"},
			http.StatusServiceUnavailable:  {"Retry-After"},
		},
		cancelling: {
			http.StatusUnauthorized:       {"WWW-Authenticate"},
			http.StatusConflict:           {"Retry-After"},
			http.StatusTooManyRequests:    {"Retry-After"},
			http.StatusBadGateway:         {"Retry-After"},
			http.StatusServiceUnavailable: {"Retry-After"},
		},
		changing: {
			http.StatusUnauthorized:       {"WWW-Authenticate"},
			http.StatusTooManyRequests:    {"Retry-After"},
			http.StatusServiceUnavailable: {"Retry-After"},
		},
	}
})

// problemOperations returns the operations that have a problem, by its name, if not all have it. No
// operation has the problem method: it is the answer to a method that the URL does not support.
var problemOperations = sync.OnceValue(func() map[string][]operationKind {
	return map[string][]operationKind{
		"batch-ended":    {changing},
		"cancel-refused": {cancelling},
		"cool-down":      {submitting},
		"denied":         {submitting, cancelling},
		"in-progress":    {submitting},
		"key-malformed":  {submitting},
		"key-missing":    {submitting},
		"key-reused":     {submitting},
		"media-type":     {submitting},
		"method":         {},
		"not-cancelled":  {cancelling},
		"not-listed":     {reading, submitting},
		"not-sent":       {submitting},
		"not-started":    {cancelling},
		"other-site":     {submitting, cancelling, changing},
		"over":           {cancelling},
		"quota":          {submitting},
		"rate":           {submitting},
		"refused":        {submitting},
		"too-large":      {submitting},
		"unsettled":      {submitting},
		"unverified":     {submitting},
	}
})

// missingOperations returns, for each error that becomes a not-found problem, the kinds of
// operations that can return it.
var missingOperations = sync.OnceValue(func() map[error][]operationKind {
	return map[error][]operationKind{
		backup.ErrNotFound: {reading, cancelling},
		errNoBatch:         {reading, changing},
		errNoResource:      {reading},
		errNoSource:        {submitting},
		errNoPage:          {},
	}
})

// occurs reports whether an operation of this kind can return the problem that describes the
// error f.
func occurs(f fault, kind operationKind) bool {
	byName, limited := problemOperations()[f.name]
	byError, missing := missingOperations()[f.err]
	return (!limited || slices.Contains(byName, kind)) && (!missing || slices.Contains(byError, kind))
}

// problems returns, by name, the descriptions of the responses with a problem to which paths
// refers. They are made from the table of errors. Each kind of problem has an example.
func (s *Server) problems(paths doc) doc {
	all := doc{}
	for _, kind := range []operationKind{reading, submitting, cancelling, changing} {
		for status, kinds := range s.problemsOf(kind) {
			if name := problemName(kind, status); refersTo(paths, "responses/"+name) {
				all[name] = kinds.response(status, problemHeaders()[kind][status])
			}
		}
	}
	return all
}

// A problemGroup has all problems with one status: their names, and for each name its titles
// and an example.
type problemGroup struct {
	names    []string
	titles   map[string][]string
	examples doc
}

// problemsOf returns the problems that a kind of operation has, by status.
func (s *Server) problemsOf(kind operationKind) map[int]problemGroup {
	all := map[int]problemGroup{}
	add := func(f fault, p Problem) {
		name := f.name
		if !occurs(f, kind) {
			return
		}
		k, ok := all[p.Status]
		if !ok {
			k = problemGroup{titles: map[string][]string{}, examples: doc{}}
		}
		if k.examples[name] == nil {
			k.names = append(k.names, name)
			k.examples[name] = doc{"value": p}
		}
		if !slices.Contains(k.titles[name], p.Title) {
			k.titles[name] = append(k.titles[name], p.Title)
		}
		all[p.Status] = k
	}
	for _, f := range append([]fault{invalid, internalFault}, faults...) {
		add(f, exampleProblem(f))
	}
	for _, code := range []string{refusedForCaller, refusedForAdmin} {
		add(refusedByCaller, exampleRefusal(code, s.Backups.Explain(code)))
	}
	return all
}

// Error codes of the cloud in the two examples of a refusal. The sender of the request must act
// after the first, and the portal's operator after the second.
const (
	refusedForCaller = "VaultNotExist"
	refusedForAdmin  = "NoPermission"
)

// response returns the OpenAPI description of the response with the problems of k, which all
// have the status.
func (k problemGroup) response(status int, headers []string) doc {
	lines := make([]string, len(k.names))
	for i, name := range k.names {
		lines[i] = name + ": " + strings.Join(k.titles[name], " or ")
	}
	response := doc{
		"description": fmt.Sprintf("%s. Kinds, by the last part of type: %s.", http.StatusText(status), strings.Join(lines, "; ")),
		"content":     doc{"application/problem+json": doc{"schema": ref("schemas/Problem"), "examples": k.examples}},
	}
	if len(headers) > 0 {
		response["headers"] = headerRefs(headers)
	}
	return response
}

// headerRefs returns the references in the OpenAPI document to the headers with these names.
func headerRefs(names []string) doc {
	all := doc{}
	for _, name := range names {
		all[name] = ref("headers/" + name)
	}
	return all
}

// refersTo reports whether a part of the OpenAPI document contains a reference to the
// component.
func refersTo(part any, component string) bool {
	object, ok := part.(doc)
	if !ok {
		return false
	}
	for name, value := range object {
		if name == "$ref" && value == "#/components/"+component || refersTo(value, component) {
			return true
		}
	}
	return false
}
