package web

import (
	"context"
	"encoding/json"
	"net/http"

	"backupportal/function/backup"
)

// SubmitMessage is the door for events: body is a submission as the JSON
// endpoint takes it, with two keys of its own: key, in place of the event's
// own, and dry_run. The answer is the same object, or a problem, for a message
// that will never be accepted as it is. An error means that the sender should
// try again.
func (s *Server) SubmitMessage(ctx context.Context, p backup.Principal, key string, body []byte) (answer json.RawMessage, accepted bool, err error) {
	out, err := s.message(ctx, p, key, body)
	if err != nil {
		f := faultOf(err)
		if f.status >= http.StatusInternalServerError || f.status == http.StatusConflict {
			s.Log.Warn("event not finished", "error", err)
			return nil, false, err
		}
		out.body = problemOf(f, err, backup.English)
	}
	if job, ok := out.body.(BackupJob); ok {
		job.Replayed = out.replayed
		out.body = job
	}
	problem, refused := out.body.(Problem)
	if refused {
		problem.RequestID = s.RequestID(ctx)
		out.body = problem
	}
	answer, err = json.Marshal(out.body)
	return answer, !refused, err
}

// message reads and submits; what it returns is not yet in words.
func (s *Server) message(ctx context.Context, p backup.Principal, key string, body []byte) (outcome, error) {
	if len(body) > maxBody {
		return outcome{}, errBody
	}
	params, own, err := backup.DecodeJSON(body, "key", "dry_run")
	if err := withValues(params, err); err != nil {
		return outcome{}, err
	}
	var dryRun bool
	if raw, ok := own["dry_run"]; ok && json.Unmarshal(raw, &dryRun) != nil {
		return outcome{}, backup.InvalidError{backup.WrongType("dry_run", backup.Boolean, raw)}
	}
	if raw, ok := own["key"]; ok && string(raw) != "null" && (json.Unmarshal(raw, &key) != nil || !validKey(key)) {
		return outcome{}, errKey
	}
	return s.submitJSON(ctx, backup.Submission{Door: backup.DoorEvent, Principal: p, Key: key, Params: params}, dryRun)
}
