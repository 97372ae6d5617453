package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"backupportal/function/backup"
)

// doc is a part of the API's description: an object of JSON.
type doc = map[string]any

// description is the OpenAPI 3.1 document of the JSON API. What a submission
// may hold comes from the table of fields, and the problems from that of
// errors.
func (s *Server) description() doc {
	return doc{
		"openapi": "3.1.0",
		"info": doc{
			"title": "Backup Portal", "version": "1",
			"description": "Asks for on-demand backups on Alibaba Cloud. Each submission makes at most one job of Cloud Backup (CreateBackupJob), " +
				"however often it is sent. Names that the cloud's API has are the cloud's.\n\n" +
				"What goes wrong is a problem (RFC 9457). The last part of its type never changes and says what happened; errors has an entry for each wrong " +
				"field, with a pointer into the body or the name of a parameter; request_id finds it in the log. After 409, 429 and 503 send the same request " +
				"again once Retry-After seconds are over.\n\n" +
				"To wait for a backup, ask for it with wait until Outcome is neither running nor unknown. The page /docs/api has scripts for pipelines that do.",
			"contact": doc{"name": "The operator of this portal"},
			"license": doc{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []doc{{"url": "/"}},
		"security": []doc{{"token": []string{}}},
		"tags": []doc{
			{"name": "backup jobs", "description": "Submissions and the jobs that are made of them."},
			{"name": "accounts", "description": "Whether backups can be made in an account."},
			{"name": "webhooks", "description": "Messages of others, of which the policy makes submissions."},
		},
		"paths": doc{
			"/api/v1/backup-jobs": doc{
				"post": describeCreate(),
				"get":  describeList(s.Zone.String()),
			},
			"/api/v1/backup-jobs/{SubmissionId}":        doc{"get": describeShow()},
			"/api/v1/backup-jobs/{SubmissionId}/cancel": doc{"post": describeCancel()},
			"/api/v1/accounts/{alias}/preflight":        doc{"get": describePreflight()},
			"/api/v1/accounts/{alias}/instances": doc{"get": describeCandidates(
				backup.Instances,
				"Instances to back up",
				"Those that a rule lets you back up.",
			)},
			"/api/v1/accounts/{alias}/disks": doc{"get": describeCandidates(
				backup.Disks,
				"Disks of an instance",
				"For Detail.diskIdList.",
			)},
			"/api/v1/accounts/{alias}/vaults": doc{"get": describeCandidates(
				backup.Vaults,
				"Backup vaults",
				"Those that can be written to now and that a rule lets you use.",
			)},
			"/api/v1/accounts/{alias}/clusters": doc{"get": describeCandidates(
				backup.Clusters,
				"Container clusters",
				"Those that Cloud Backup knows and that a rule lets you back up.",
			)},
			"/webhooks/{source}": doc{"post": describeWebhook()},
		},
		"components": doc{
			"schemas":    schemas(),
			"headers":    headers(),
			"parameters": doc{"SubmissionId": submissionID},
			"responses":  s.problems(),
			"securitySchemes": doc{"token": doc{
				"type":        "http",
				"scheme":      "bearer",
				"description": "A token that whoever runs the portal has made (token new). It is sent in this header, and never in an address.",
			}},
		},
	}
}

// openAPI answers with the description.
func (s *Server) openAPI(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, r, http.StatusOK, s.description())
}

// keyDays is how long a key stands for its submission, in days.
const keyDays = int(backup.KeyExpires / (24 * time.Hour))

func describeCreate() doc {
	return doc{
		"operationId": "createBackupJob", "tags": []string{"backup jobs"}, "summary": "Start a backup, once",
		"description": "Checks the submission, asks the policy, and calls CreateBackupJob at most once. A 4xx or 503 answer means that this request " +
			"started nothing; an earlier one with the same key may have, and instance leads to it where it is known. 202 means that the cloud's answer was lost: " +
			"the portal looks for the job in the cloud's list and sends nothing meanwhile; send the same request again, or read the submission, after Retry-After.",
		"parameters": []doc{
			{
				"name": "Idempotency-Key", "in": "header", "required": true,
				"description": fmt.Sprintf("Names the submission: the same key and the same content lead to the same job, for %d days from the first request with the key "+
					"(draft-ietf-httpapi-idempotency-key-header-07). After that the same key is that of a new submission. A repeat after the end has the first answer with "+
					"Idempotent-Replayed; while the first request is under way 409; with other content 422. Keys are the sender's own: those of other people and of other "+
					"doors are others. A request without the header is answered 400 and starts nothing. Choose one key for each backup, for example a random UUID "+
					"or the name of the deployment, and send it again with every retry. Visible ASCII without \\ and inner quotes; quotes around it do not count.", keyDays),
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
				"description": "true answers with the exact call and makes none.",
				"schema":      doc{"type": "boolean", "default": false},
			},
		},
		"requestBody": doc{
			"required": true,
			"content":  doc{"application/json": doc{"schema": ref("schemas/Submission"), "examples": examples()}},
		},
		"responses": responses(doc{
			"201": with(answerOf("The job was made.", []string{"BackupJob"}, "Location"), answersToCreate),
			"200": with(answerOf("A repeat: the first answer, and Idempotent-Replayed is true. Or, with dry_run, the call.", []string{
				"BackupJob",
				"DryRun",
			}, "Location", "Idempotent-Replayed"), answersToCreate),
			"202": with(answerOf(
				"It is not known yet whether there is a job (Status is UNKNOWN); it is being checked.",
				[]string{"BackupJob"},
				"Location", "Retry-After",
			), answersUnknown),
		}, 400, 403, 409, 413, 415, 422, 429, 502, 503),
	}
}

func describeList(zone string) doc {
	parameters := []doc{
		{
			"name":        "Whose",
			"in":          "query",
			"description": "mine: what you sent yourself. all: what you may see.",
			"schema":      doc{"type": "string", "enum": []string{"mine", "all"}, "default": "all"},
		},
		{
			"name":        "Status",
			"in":          "query",
			"description": "Words of Status, joined by commas.",
			"schema": doc{
				"type":    "string",
				"pattern": fmt.Sprintf("^%[1]s(,%[1]s){0,%[2]d}$", statePattern, mostStates-1),
			},
			"example": "FAILED,PARTIAL_COMPLETE",
		},
		{"name": "Account", "in": "query", "description": "The alias of an account.", "schema": schemaOf("Account")},
		{"name": "SourceType", "in": "query", "description": "The kind of backup.", "schema": schemaOf("SourceType")},
		{
			"name":        "InstanceId",
			"in":          "query",
			"description": "The instance, or the cluster of a container backup.",
			"schema":      doc{"type": "string", "pattern": "^" + resourcePattern + "$"},
		},
		{
			"name":        "From",
			"in":          "query",
			"description": "Submitted at or after this time (RFC 3339), or on this day or later. Days are the portal's own, from midnight in " + zone + ".",
			"schema":      doc{"type": "string"},
			"example":     "2026-11-23",
		},
		{
			"name":        "To",
			"in":          "query",
			"description": "Submitted before this time (RFC 3339), or on this day or earlier. A + in the address is written %2B.",
			"schema":      doc{"type": "string"},
			"example":     "2026-11-23T09:00:00Z",
		},
		{
			"name":        "limit",
			"in":          "query",
			"description": "How many there are in an answer.",
			"schema":      doc{"type": "integer", "minimum": 1, "maximum": mostRows, "default": historyPage},
		},
		{
			"name":        "before",
			"in":          "query",
			"description": "Next of the answer before. It stays valid whatever is submitted meanwhile.",
			"schema":      doc{"type": "string"},
		},
	}
	return doc{
		"operationId": "listBackupJobs", "tags": []string{"backup jobs"}, "summary": "The history, newest first",
		"description": "Submissions that you may see, and those that the policy refused. Nothing is asked of the cloud: jobs are as they were last seen, by whoever looked at one or by the last sweep. " +
			"With Status=RUNNING come jobs of which the cloud says a word that nobody knows.",
		"parameters": parameters,
		"responses": responses(doc{
			"200": with(answerOf("One page.", []string{"BackupJobList"}), answersToList),
		}, 400, 422, 503),
	}
}

var submissionID = doc{
	"name": "SubmissionId", "in": "path", "required": true, "description": "As in the answer that made it.",
	"schema": doc{"type": "string", "pattern": "^[a-z2-7]{26}(-[0-9]+)?$"}, "example": "k7v2m4q5t3x6c5n2b6h4d2f4ja",
}

func describeShow() doc {
	return doc{
		"operationId": "showBackupJob",
		"tags":        []string{"backup jobs"},
		"summary":     "One submission and its job, now or at its end",
		"description": "Asks the cloud about the job, at most once in 5 seconds, however many look. One that you may not see is not found. " +
			"With wait the answer comes once Outcome is neither running nor unknown, or when the time is over: then Retry-After says when to ask again.",
		"parameters": []doc{ref("parameters/SubmissionId"), {
			"name":        "wait",
			"in":          "query",
			"description": fmt.Sprintf("How long the answer may take, in whole seconds. It never takes longer than %v, nor than the function has time.", longestWait),
			"schema":      doc{"type": "string", "pattern": "^" + waitPattern + "$"},
			"example":     "50s",
		}},
		"responses": responses(doc{
			"200": with(answerOf("As it is now.", []string{"BackupJob"}, "Retry-After"), answersToShow),
		}, 400, 404, 422, 503),
	}
}

func describeCancel() doc {
	return doc{
		"operationId": "cancelBackupJob", "tags": []string{"backup jobs"}, "summary": "Cancel a job",
		"description": "Asks Cloud Backup to cancel the job. For whoever the policy lets cancel such a backup. A job that is being cancelled already, or was, is answered alike.",
		"parameters":  []doc{ref("parameters/SubmissionId")},
		"responses": responses(doc{
			"202": with(answerOf(
				"Cloud Backup took the request, and the job stops in a moment: Outcome becomes cancelled.",
				[]string{"BackupJob"},
				"Retry-After",
			), answersToCancel),
		}, 400, 403, 404, 409, 422, 429, 502, 503),
	}
}

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
			"description": "As in a submission.",
			"schema":      schemaOf(name),
		})
	}
	return doc{
		"operationId": "checkAccess",
		"tags":        []string{"accounts"},
		"summary":     "Whether backups can be made in an account, and what is in the way",
		"description": "Asks the cloud one question for each condition, in the order in which they stand on each other, and changes nothing. What failed has what to paste to mend it: " +
			"a policy document of RAM, or a command. An instance, a cluster or a vault that is named is looked for, too. An account, a region or an instance in which you may " +
			"create no backups is not found. So is a vault that no rule lets you use. Ten checks may be made in a minute.",
		"parameters": parameters,
		"responses": responses(doc{
			"200": answerOf("What was found. Passed is true if nothing is in the way.", []string{"Preflight"}),
		}, 400, 404, 422, 429, 503),
	}
}

func describeCandidates(kind backup.CandidateKind, summary, about string) doc {
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
			"description": "As in a submission.",
			"schema":      schemaOf("Region"),
		},
		{"name": "SourceType", "in": "query", "description": "The kind of backup.", "schema": schemaOf("SourceType")},
	}
	if kind == backup.Disks {
		parameters = append(parameters, doc{
			"name":        "InstanceId",
			"in":          "query",
			"required":    true,
			"description": "Whose they are.",
			"schema":      schemaOf("InstanceId"),
		})
	} else {
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
				"description": "Next of the answer before.",
				"schema":      doc{"type": "string"},
			})
	}
	return doc{
		"operationId": "list" + strings.ToUpper(string(kind[:1])) + string(kind[1:]),
		"tags":        []string{"accounts"},
		"summary":     summary,
		"description": about + " As it was at some time of the last minute. A page may hold fewer than the next one, or nothing, where the policy covers little. " +
			"An account that Cloud Backup goes into by itself shows no instances and disks.",
		"parameters": parameters,
		"responses":  responses(doc{"200": answerOf("One page.", []string{"Candidates"})}, 400, 404, 422, 429, 502, 503),
	}
}

func describeWebhook() doc {
	header := func(name, text string) doc {
		return doc{"name": name, "in": "header", "description": text, "schema": doc{"type": "string"}}
	}
	return doc{
		"operationId": "receiveWebhook",
		"tags":        []string{"webhooks"},
		"summary":     "A message of a source that the policy names",
		"description": "Whoever sends it is known by a signature (Standard Webhooks v1 or v1a, or GitHub's) or by a token, as the policy says of the source; nothing of a message " +
			"is read before. The policy has the template by which a submission is made of it. The same id is the same submission, for a week. After 409, 429 and 5xx send it again.",
		"security": []doc{},
		"parameters": []doc{
			{
				"name":        "source",
				"in":          "path",
				"required":    true,
				"description": "Its name in the policy.",
				"schema":      doc{"type": "string", "pattern": "^[a-z][a-z0-9-]{0,62}$"},
				"example":     "ci-payments",
			},
			header("webhook-id", "Standard Webhooks: the same for every delivery."),
			header("webhook-timestamp", "Standard Webhooks: seconds since 1970."),
			header("webhook-signature", "Standard Webhooks: up to 8 signatures, with blanks between them."),
			header("X-GitHub-Delivery", "GitHub: its name of the delivery. A repeat is known by the body, which is what GitHub signs."),
			header("X-Hub-Signature-256", "GitHub: the signature."),
			header("Idempotency-Key", "With a token: the same for every delivery. The policy may have the hash of the body take its place."),
		},
		"requestBody": doc{
			"required":    true,
			"description": "Any JSON, of 256 KB at most.",
			"content":     doc{"application/json": doc{"schema": doc{}}},
		},
		"responses": responses(doc{
			"201": answerOf("The job was made.", []string{"BackupJob"}, "Location"),
			"200": answerOf(
				"A repeat: the first answer, and Idempotent-Replayed is true.",
				[]string{"BackupJob"},
				"Location", "Idempotent-Replayed",
			),
			"204": doc{"description": "It is not one of the messages that start something."},
		}, 400, 403, 404, 409, 413, 415, 422, 429, 502, 503),
	}
}

// responses adds problems to the good answers: those of the operation, and
// those that every address has.
func responses(good doc, statuses ...int) doc {
	for _, status := range append(statuses, 401, 405, 414, 421, 431, 500) {
		good[fmt.Sprint(status)] = ref(fmt.Sprint("responses/", status))
	}
	return good
}

// ref points to a component.
func ref(path string) doc { return doc{"$ref": "#/components/" + path} }

// answerOf is a response with one of the schemas, and with the headers that
// are named behind them.
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
		carried := doc{}
		for _, name := range headers {
			carried[name] = ref("headers/" + name)
		}
		response["headers"] = carried
	}
	return response
}

func headers() doc {
	return doc{
		"Location": doc{
			"description": "The submission's page, for people.",
			"schema":      doc{"type": "string", "format": "uri-reference"},
		},
		"Idempotent-Replayed": doc{
			"description": "true: this is the answer of an earlier request with the same key.",
			"schema":      doc{"type": "string", "const": "true"},
		},
		"WWW-Authenticate": doc{
			"description": "How to say who you are (RFC 9110, 11.6.1).",
			"schema":      doc{"type": "string"},
		},
		"Allow": doc{
			"description": "The methods that the address takes.",
			"schema":      doc{"type": "string"},
		},
		"Retry-After": doc{
			"description": "Seconds after which it makes sense to ask again.",
			"schema":      doc{"type": "integer", "minimum": 1},
		},
	}
}

// problemHeaders are those that problems of a status may have.
var problemHeaders = map[int][]string{
	http.StatusUnauthorized:        {"WWW-Authenticate"},
	http.StatusMethodNotAllowed:    {"Allow"},
	http.StatusConflict:            {"Retry-After"},
	http.StatusUnprocessableEntity: {"Location", "Idempotent-Replayed"},
	http.StatusBadGateway:          {"Location", "Idempotent-Replayed", "Retry-After"},
	http.StatusTooManyRequests:     {"Retry-After"},
	http.StatusServiceUnavailable:  {"Retry-After"},
}

// problems are the responses for what can be wrong, by status, as the table of
// errors has them. Each kind has an example.
func (s *Server) problems() doc {
	lines, kinds := map[int][]string{}, map[int]doc{}
	add := func(p Problem, title string) {
		name := p.Type[strings.LastIndex(p.Type, ":")+1:]
		if kinds[p.Status] == nil {
			kinds[p.Status] = doc{}
		}
		if kinds[p.Status][name] == nil {
			lines[p.Status] = append(lines[p.Status], name+": "+title)
		}
		kinds[p.Status][name] = doc{"value": p}
	}
	for _, f := range append([]fault{invalid, ours}, faults...) {
		p := exampleProblem(f)
		add(p, p.Title)
	}
	for code, title := range map[string]string{
		"VaultNotExist": "Cloud Backup refused the request, which you can put right",
		"NoPermission":  "Cloud Backup refused the request, which an operator must put right",
	} {
		add(exampleRefusal(code, s.Backups.Explain(code)), title)
	}
	all := doc{}
	for status, examples := range kinds {
		response := doc{
			"description": fmt.Sprintf("%s. Kinds, by the last part of type: %s.", http.StatusText(status), strings.Join(lines[status], "; ")),
			"content":     doc{"application/problem+json": doc{"schema": ref("schemas/Problem"), "examples": examples}},
		}
		if names := problemHeaders[status]; names != nil {
			carried := doc{}
			for _, name := range names {
				carried[name] = ref("headers/" + name)
			}
			response["headers"] = carried
		}
		all[fmt.Sprint(status)] = response
	}
	return all
}
