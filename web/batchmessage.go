package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"backupportal/function/admission"
	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/jsontext"
	"backupportal/function/param"
)

// isBatchMessage reports whether body requests a batch: it is a JSON object with the member Targets or Tag.
func (s *Server) isBatchMessage(body []byte) bool {
	var top map[string]json.RawMessage
	if s.Batches == nil || json.Unmarshal(jsontext.TrimMark(body), &top) != nil {
		return false
	}
	return isGiven(top["Targets"]) || isGiven(top["Tag"])
}

// isGiven reports whether value, the value of a member of an object, is neither missing nor null.
func isGiven(value json.RawMessage) bool { return len(value) > 0 && string(value) != "null" }

// createOnce creates the batch that m requests, or returns it if m is a repeat. It does not wait for the items: see
// [batch.Service.Create]. During the call it holds a slot for submissions.
func (s *Server) createOnce(ctx context.Context, m Message) (submitResult, error) {
	if len(m.Body) > maxBatchBody {
		return submitResult{}, &http.MaxBytesError{Limit: maxBatchBody}
	}
	request, own, err := batchInput(m.Body, messageMembers...)
	if err != nil {
		return submitResult{}, err
	}
	request.Door, request.Principal, request.Retry = backup.DoorEvent, m.Principal, m.Retry
	var mode runMode
	if request.Key, mode, err = readMessageMembers(m, own); err != nil {
		return submitResult{}, err
	}
	request.ByContent = m.ByContent && request.Key == m.Key
	slot, err := s.Admission.Enter(ctx, admission.Submission)
	if err != nil {
		return submitResult{}, err
	}
	defer slot.Leave()
	return s.createdBatch(admission.WithSlot(ctx, slot), request, mode)
}

// createdBatch creates the batch of an event, or checks it in a dry run.
func (s *Server) createdBatch(ctx context.Context, request batch.Request, mode runMode) (submitResult, error) {
	if mode != start {
		run, err := s.dryBatch(ctx, request)
		return submitResult{status: http.StatusOK, body: run}, err
	}
	b, replayed, err := s.Batches.Create(ctx, request)
	if err != nil {
		return submitResult{}, err
	}
	out := submitResult{
		status: http.StatusCreated, body: s.backupBatch(b), replayed: replayed, submission: b.ID, byContent: request.ByContent,
	}
	if replayed {
		out.status = http.StatusOK
	}
	return out, nil
}

// dryBatch returns what a batch would do. If the policy refuses every item, that is not an error here.
func (s *Server) dryBatch(ctx context.Context, request batch.Request) (BatchDryRun, error) {
	plan, err := s.Batches.Check(ctx, request)
	if _, denied := errors.AsType[*backup.DeniedError](err); err != nil && !(denied && plan.Items != nil) {
		return BatchDryRun{}, err
	}
	return batchDryRun(ctx, request, plan), nil
}

// batchMembers returns the names of the members of a batch that no submission has, followed by the names in more.
func batchMembers(more ...string) []string {
	return append(append([]string{"Targets", "Tag"}, batch.OptionNames...), more...)
}

// batchInput parses the JSON of a batch: the parameters of a submission for all items, Targets or Tag, and the
// options. The JSON may also have the members that more names. own has the values, not parsed, of all members that no
// submission has. The errors are those of [param.DecodeJSON], with the number of the target in the names of fields.
func batchInput(data []byte, more ...string) (request batch.Request, own map[string]json.RawMessage, err error) {
	common, own, err := param.DecodeJSON(data, batchMembers(more...)...)
	bad, ok := errors.AsType[param.InvalidError](err)
	if err != nil && !ok {
		return request, nil, err
	}
	request.Common = common
	bad = append(bad, readBatchOptions(&request.Options, own)...)
	if raw, given := own["Tag"]; given {
		if request.Tag, ok = param.Convert(param.String, raw); !ok {
			bad = append(bad, param.WrongType("Tag", param.String, raw))
		}
	}
	targets, wrong := readTargets(own["Targets"])
	request.Targets = targets
	if bad = append(bad, wrong...); len(bad) > 0 {
		return request, own, param.InvalidError(bad)
	}
	return request, own, nil
}
