package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// A Message is an event that asks for a backup.
type Message struct {
	Principal identity.Principal
	Key       string // of the event, unless its body has one
	Body      []byte // a submission as the JSON endpoint takes it, and key and dry_run
	Heard     bool   // the sender reads the answer; otherwise only an error makes it send again
}

// SubmitMessage is the door for events. The answer is that of the JSON
// endpoint, or a problem, for a message that will never be accepted as it is.
// An error means that the sender should try again.
//
// Of one that does not read the answer, the message is its only way to a
// backup: while it is not known whether there is a job, that is an error, too.
// And because such senders try again a few times within seconds, and nothing
// new can be known before an attempt's window is over, the time that ctx gives is
// spent waiting for it.
func (s *Server) SubmitMessage(ctx context.Context, m Message) (answer json.RawMessage, accepted bool, err error) {
	out, err := s.message(ctx, m)
	for !m.Heard {
		wait, passing := unsettled(out, err)
		if !passing {
			break
		}
		if wait = min(wait, timeLeft(ctx)); wait <= 0 || s.Backups.Wait(ctx, wait) != nil {
			return nil, false, errUnsettled
		}
		out, err = s.message(ctx, m)
	}
	if err != nil {
		f := faultOf(err)
		later := f.status == http.StatusTooManyRequests && !m.Heard // sending it again is the platform's part
		if f.status >= http.StatusInternalServerError || f.status == http.StatusConflict || later {
			s.Log.WarnContext(ctx, "event has no final outcome", "error", err)
			return nil, false, err
		}
		out.body = problemOf(f, err, param.English)
	}
	if job, ok := out.body.(BackupJob); ok {
		job.Replayed = out.replayed
		out.body = job
	}
	problem, refused := out.body.(Problem)
	if refused {
		problem.RequestID = s.requestID(ctx)
		out.body = problem
	}
	answer, err = json.Marshal(out.body)
	return answer, !refused, err
}

// errUnsettled says that nobody knows yet what became of a submission.
var errUnsettled = errors.New("it is not known yet whether a job exists: send the event again")

// unsettled reports whether only time will tell what became of a submission,
// and how long.
func unsettled(out outcome, err error) (wait time.Duration, passing bool) {
	if busy, ok := inProgress(err); ok {
		return busy.RetryAfter, true
	}
	return out.retryAfter, err == nil && out.status == http.StatusAccepted
}

// lastLook is what a submission may take after a wait: a listing, a call and
// their records.
const lastLook = 20 * time.Second

// timeLeft is how long an event may wait for better times; not at all if
// nobody has said how long it may take.
func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return time.Until(deadline) - lastLook
}

// message reads and submits; what it returns is not yet in words.
func (s *Server) message(ctx context.Context, m Message) (outcome, error) {
	if len(m.Body) > maxBody {
		return outcome{}, &http.MaxBytesError{Limit: maxBody}
	}
	key := m.Key
	params, own, err := param.DecodeJSON(m.Body, "key", "dry_run")
	if err := withValues(params, err); err != nil {
		return outcome{}, err
	}
	var dryRun bool
	if raw, ok := own["dry_run"]; ok && json.Unmarshal(raw, &dryRun) != nil {
		return outcome{}, param.InvalidError{param.WrongType("dry_run", param.Boolean, raw)}
	}
	if raw, ok := own["key"]; ok && string(raw) != "null" && (json.Unmarshal(raw, &key) != nil || !validKey(key)) {
		return outcome{}, errKey
	}
	return s.submitJSON(ctx, backup.Submission{
		Door:      backup.DoorEvent,
		Principal: m.Principal,
		Key:       key,
		Params:    params,
	}, dryRun)
}
