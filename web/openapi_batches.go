package web

import (
	"fmt"
	"strings"

	"backupportal/function/batch"
	"backupportal/function/param"
)

// batchID describes the path parameter BatchId.
func batchID() doc {
	return doc{
		"name": "BatchId", "in": "path", "required": true, "description": "The BatchId in the answer to the request that created the batch.",
		"schema": doc{"type": "string", "pattern": "^[a-z2-7]{26}$"}, "example": "k7v2m4q5t3x6c5n2b6h4d2f4ja",
	}
}

// describeCreateBatch describes POST /api/v1/backup-batches.
func describeCreateBatch() doc {
	create := describeCreate()
	key := create["parameters"].([]doc)[0]
	return doc{
		"operationId": "createBackupBatch", "tags": []string{"backup batches"}, "summary": "Start many backups as one",
		"description": "Creates a batch of submissions with common parameters. Each item is a submission with a key of its own, made from the key of the batch and the place of the " +
			"item: it creates at most one job. The policy decides about each item; items that it refuses are listed and do not stop the others, unless OnRefused is stop. " +
			"If a target cannot be read, or has a wrong value, nothing is started. The answer is sent before the items are started. The policy decides " +
			"again when an item is started.",
		"parameters": []doc{key, {
			"name": "dry_run", "in": "query",
			"description": "true returns the decision about each item and starts nothing.",
			"schema":      doc{"type": "boolean"},
		}},
		"requestBody": doc{
			"required": true,
			"content": doc{"application/json": doc{
				"schema": ref("schemas/Batch"),
				"examples": doc{"two instances": doc{
					"summary": "Two instances with a pause after the first one",
					"value": doc{
						"Account": "demo", "Region": "cn-hangzhou", "Retention": 7, "Targets": []string{"i-bp1demoweb01", "i-bp1demoweb02"},
						"FirstBatch": 1, "MaxErrors": "10%", "Rate": "30/m",
					},
				}},
			}},
		},
		"responses": responses(submitting, doc{
			"201": answerOf("The batch was created.", []string{"BackupBatch"}, "Location", "Retry-After"),
			"200": answerOf("A repeated request: the batch as it is now, and Idempotent-Replayed is true. With dry_run: the decisions.",
				[]string{"BackupBatch", "BatchDryRun"}, "Location", "Idempotent-Replayed", "Retry-After"),
		}, 400, 403, 409, 413, 415, 422, 429, 502, 503),
	}
}

// describeShowBatch describes GET /api/v1/backup-batches/{BatchId}.
func describeShowBatch() doc {
	ok := answerOf("The batch as it is now.", []string{"BackupBatch"}, "Retry-After")
	ok["content"].(doc)[ndjson] = doc{"schema": doc{
		"description": "With this media type in Accept: first a line for each item, then a line for each change of an item, and at the end the batch without items.",
		"anyOf":       []doc{ref("schemas/BatchItem"), ref("schemas/BackupBatch")},
	}}
	return doc{
		"operationId": "showBackupBatch", "tags": []string{"backup batches"}, "summary": "One batch and a page of its items",
		"description": "Only the sender that created the batch can read it. Makes no request to the cloud. With wait, the answer is sent when the batch has ended or is paused, " +
			"or when the time is over.",
		"parameters": []doc{
			ref("parameters/BatchId"),
			{
				"name":        "wait",
				"in":          "query",
				"description": fmt.Sprintf("The longest time until the answer, in whole seconds. It is limited to %s and to the remaining time of the function.", param.Duration(longestWait).En),
				"schema":      doc{"type": "string", "pattern": "^" + waitPattern + "$"},
				"example":     "50s",
			},
			{
				"name": "after", "in": "query", "description": "Next of the previous answer.",
				"schema": doc{"type": "integer", "minimum": -1, "maximum": batch.MaxTargets},
			},
			{
				"name": "limit", "in": "query", "description": fmt.Sprintf("Number of items in the answer; 0 for none. Without it: %d.", itemsPage),
				"schema": doc{"type": "integer", "minimum": 0, "maximum": mostItems},
			},
			{
				"name": "status", "in": "query", "description": "States of items, separated by commas.",
				"schema": doc{"type": "string", "pattern": "^(" + statusPattern() + ")$"}, "example": "failed,refused",
			},
		},
		"responses": responses(reading, doc{"200": ok}, 400, 404, 422, 503),
	}
}

// batchChanges returns the changes of a batch, by the last part of their paths.
func batchChanges() map[string]string {
	return map[string]string{
		"pause":  "Starts no further item. Items that were started go on. A batch that is paused stays as it is.",
		"resume": "Goes on after a pause. Failures until now no longer count for MaxErrors. A batch that runs stays as it is.",
		"cancel": "Skips all items that wait. Items that were started go on; each job can be cancelled by itself. A cancelled batch stays as it is.",
	}
}

// describeChangeBatch describes POST …/pause, …/resume and …/cancel.
func describeChangeBatch(name, text string) doc {
	return doc{
		"operationId": name + "BackupBatch", "tags": []string{"backup batches"}, "summary": strings.ToUpper(name[:1]) + name[1:] + " a batch",
		"description": text, "parameters": []doc{ref("parameters/BatchId")},
		"responses": responses(changing, doc{
			"200": answerOf("The batch after the change, without items.", []string{"BackupBatch"}, "Retry-After"),
		}, 400, 403, 404, 409, 422, 429, 503),
	}
}

// batchSchema returns the schema of a batch: the parameters of a submission, none of them required, with
// Targets and the options.
func batchSchema() doc {
	top := presetSchema()
	top["description"] = "The parameters of all items as in a submission, the targets (Targets or Tag), and the options of the batch. An item has the common parameters " +
		"and those of its target, which win."
	target := presetSchema()
	target["description"] = "Parameters of one item."
	delete(target, "required")
	about := func(kind, text string) doc { return doc{"type": kind, "description": text} }
	for name, schema := range map[string]doc{
		"Targets": {
			"type": "array", "minItems": 1, "maxItems": batch.MaxTargets,
			"description": "The IDs of instances, or objects with the parameters of one item each.",
			"items":       doc{"anyOf": []doc{{"type": "string", "pattern": "^ *i-[0-9A-Za-z-]{1,62} *$"}, target}},
		},
		"Tag": {
			"type": "string", "maxLength": batch.MaxTag,
			"description": "In place of Targets: all instances with this tag that the sender may back up, as key=value or a key alone. Account and Region, also those of the preset, " +
				"limit them. The tag is resolved once, when the batch is created. If no instance has it, nothing is started",
			"examples": []any{"stage=prod"},
		},
		"Concurrency": {
			"type": "integer", "minimum": 0, "maximum": batch.MaxTargets,
			"description": "The largest number of items that are being started or whose jobs have not ended. 0 or none: no limit",
		},
		"MaxErrors": {
			"type": "string", "pattern": "^(" + batch.MaxErrorsPattern + ")?$",
			"description": "How many items may fail, as a number or as a percentage of all items such as 10%. The batch pauses when more have failed. Items that were refused at " +
				"the start do not count. None: no limit",
		},
		"FirstBatch": {
			"type": "integer", "minimum": 0, "maximum": batch.MaxTargets,
			"description": "How many allowed items are started first; the others wait for their ends. 0 or none: all",
		},
		"AfterFirst": about("string", "What happens when the first items have ended. pause: the batch pauses until it is resumed. continue: it goes on if all of them succeeded, and pauses otherwise. Default: pause"),
		"Rate": {
			"type": "string", "pattern": "^(" + batch.RatePattern + ")?$",
			"description": "The highest rate at which items are started: a number, a slash and s, m or h. The rate becomes lower while the cloud refuses requests because there are too many. Default: " + batch.DefaultRate,
			"examples":    []any{"30/m"},
		},
		"OnRefused": about("string", "What happens if the policy refuses an item. skip: the others are started. stop: nothing is started. Default: skip"),
	} {
		properties(top)[name] = schema
	}
	properties(top)["AfterFirst"].(doc)["enum"] = []batch.AfterFirst{batch.AfterPause, batch.AfterContinue, ""}
	properties(top)["OnRefused"].(doc)["enum"] = []batch.OnRefused{batch.RefusedSkip, batch.RefusedStop, ""}
	delete(top, "required")
	return top
}
