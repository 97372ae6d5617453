package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"backupportal/function/admission"
	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// A Message is an event of the platform that requests a backup, or many as a batch.
type Message struct {
	Principal identity.Principal // the platform, for this kind of event
	Key       string             // idempotency key of the event; not used if the body has the member key
	ByContent bool               // Key is a hash of the content
	Retry     bool               // the platform marked the event as a repeat
	Body      []byte             // the JSON of a submission or of a batch, with the optional members key and dry_run
	Origin    string             // source that the event names; may be empty
	Heard     bool               // the sender reads the answer; other senders react only to errors
}

// SubmitMessage submits the backup that an event requests, or creates the batch: a body with Targets or Tag is one.
// It returns the answer of the JSON API, and accepted is true. The answer about a batch does not list its items. For a
// message that can never be accepted it returns a problem document, and accepted is false. An error means that the
// sender must send the message again: the portal failed, the submission is in progress, its result is unknown, or,
// for a sender that does not read the answer, there were too many requests.
//
// A sender that does not read the answer cannot ask later: only a repeated message leads to its
// backup. Such senders repeat a message a few times within seconds. But an unknown result
// becomes known only when the attempt's window (the time in which its call may be sent) has
// passed. So SubmitMessage waits for that as far as the deadline of ctx permits. If the time is
// too short, it returns errUnresolved.
func (s *Server) SubmitMessage(ctx context.Context, m Message) (answer json.RawMessage, accepted bool, err error) {
	sender := m.Principal
	m.Principal = s.named(sender, m.Origin)
	out, err := s.submitOnce(ctx, m)
	if err == nil && out.byContent {
		s.warnOfReplay(ctx, m.Principal, out)
	}
	for !m.Heard {
		wait, temporary := unresolved(out, err)
		if !temporary {
			break
		}
		if wait = min(wait, timeLeft(ctx)); wait <= 0 || s.Backups.Wait(ctx, wait) != nil {
			return nil, false, errUnresolved
		}
		out, err = s.submitOnce(ctx, m)
	}
	if err != nil {
		f := faultOf(err)
		later := f.status == http.StatusTooManyRequests && !m.Heard // the platform sends it again
		if f.status >= http.StatusInternalServerError || f.status == http.StatusConflict || later {
			s.Log.WarnContext(ctx, "event has no final outcome", "error", err)
			return nil, false, err
		}
		if kind, final := rejectionKind(err); final {
			s.reject(ctx, kind, backup.DoorEvent, sender, m.Origin, err)
		}
		out.body = problemOf(f, err, param.English)
	}
	switch body := out.body.(type) {
	case BackupJob:
		body.Replayed = out.replayed
		out.body = body
	case BackupBatch:
		body.Replayed = out.replayed
		out.body = body
	}
	problem, refused := out.body.(Problem)
	if refused {
		problem.RequestID = s.requestID(ctx)
		out.body = problem
	}
	answer, err = json.Marshal(out.body)
	return answer, !refused, err
}

// errUnresolved means that it is not known yet whether a submission started a job.
var errUnresolved = errors.New("it is not known yet whether a job exists: send the event again")

// unresolved reports whether the result of a submission is not known yet, because it is in
// progress or unknown. wait is how long it takes until it can be known.
func unresolved(out submitResult, err error) (wait time.Duration, temporary bool) {
	if busy, ok := inProgress(err); ok {
		return busy.RetryAfter, true
	}
	return out.retryAfter, err == nil && out.status == http.StatusAccepted
}

// attemptTime is the time that a submission needs after waiting: for one listing, one call and
// storing their results.
const attemptTime = 20 * time.Second

// timeLeft returns how long the handling of an event may wait before its last attempt. It is 0
// if ctx has no deadline, because the platform's limit is then unknown.
func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return time.Until(deadline) - attemptTime
}

// submitOnce submits the backup or creates the batch that m requests, without waiting for an unknown result. During
// the call it holds a slot for submissions (the right to be handled).
func (s *Server) submitOnce(ctx context.Context, m Message) (submitResult, error) {
	if s.isBatchMessage(m.Body) {
		return s.createOnce(ctx, m)
	}
	if len(m.Body) > maxBody {
		return submitResult{}, &http.MaxBytesError{Limit: maxBody}
	}
	params, own, err := param.DecodeJSON(m.Body, messageMembers...)
	if err := addValidation(params, err); err != nil {
		return submitResult{}, err
	}
	key, mode, err := readMessageMembers(m, own)
	if err != nil {
		return submitResult{}, err
	}
	slot, err := s.Admission.Enter(ctx, admission.Submission)
	if err != nil {
		return submitResult{}, err
	}
	defer slot.Leave()
	ctx = admission.WithSlot(ctx, slot)
	byContent := m.ByContent && key == m.Key
	out, err := s.submitJSON(ctx, backup.Submission{
		Door:      backup.DoorEvent,
		Principal: m.Principal,
		Key:       key,
		ByContent: byContent,
		Retry:     m.Retry,
		Params:    params,
	}, mode)
	out.byContent = byContent
	return out, err
}

// messageMembers are the members of a message that a request to the API does not have in its body.
var messageMembers = []string{"key", "dry_run"}

// readMessageMembers reads the members of m that are not parameters: its key, which is m.Key if it has none, and
// whether it is a dry run. The errors are a [param.InvalidError] and errKey.
func readMessageMembers(m Message, own map[string]json.RawMessage) (key string, mode runMode, err error) {
	key, mode = m.Key, start
	if raw, ok := own["dry_run"]; ok {
		value, ok := param.Convert(param.Boolean, raw)
		if !ok {
			return "", start, param.InvalidError{param.WrongType("dry_run", param.Boolean, raw)}
		}
		if value == "true" {
			mode = dryRun
		}
	}
	if raw, ok := own["key"]; ok && string(raw) != "null" {
		if key, ok = param.Convert(param.String, raw); !ok || !validKey(key) {
			return "", start, errKey
		}
	}
	return key, mode, nil
}
