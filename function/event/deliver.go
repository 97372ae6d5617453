package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"backupportal/function/event/envelope"
	"backupportal/function/jsontext"
)

// A RetryError asks the platform to deliver the event again. Its text reaches
// the caller, so the causes are only logged.
type RetryError struct{ Failed, Of int }

// Error implements error.
func (e *RetryError) Error() string {
	return fmt.Sprintf("%d of %d messages failed temporarily: send the event again", e.Failed, e.Of)
}

// A report is the answer to every event but a direct one. Who sent the event
// rarely reads it; a destination for asynchronous invocations may.
type report struct {
	Received int       `json:"received"`
	Accepted int       `json:"accepted"`
	Rejected int       `json:"rejected"`
	Results  []outcome `json:"results"`
}

type outcome struct {
	Kind    envelope.Kind   `json:"kind"`
	Source  string          `json:"source,omitempty"`
	ID      string          `json:"id"`
	Outcome string          `json:"outcome"` // accepted or rejected
	Reason  string          `json:"reason,omitempty"`
	Answer  json.RawMessage `json:"answer,omitempty"`
}

// deliver hands the event's messages to Submit one after the other. A direct
// message is answered with Submit's own answer. If one fails for now, the others
// are done all the same; in the repeated event they are recognised by their ids.
func (d Doors) deliver(ctx context.Context, event []byte) (json.RawMessage, error) {
	began := time.Now()
	inv, _ := FromContext(ctx)
	items, err := unpack(event, inv.RequestID)
	r, failed := report{Received: len(items), Results: []outcome{}}, 0
	defer func() {
		d.Log.InfoContext(ctx, "event", "kind", kindOf(items), "outcome", r.outcome(failed), "size", len(event),
			"messages", len(items), "rejected", r.Rejected, "failed", failed, "retry", inv.RetryCount,
			"duration_ms", time.Since(began).Milliseconds())
	}()
	if err != nil {
		shape, _ := errors.AsType[*ShapeError](err)
		d.Log.ErrorContext(ctx, "event not recognized", "size", shape.Size, "keys", shape.Keys)
		return nil, err
	}
	for _, it := range items {
		out, err := d.one(ctx, it)
		if err != nil {
			failed++
			d.Log.ErrorContext(ctx, "message failed temporarily", "kind", it.Kind, "event_source", it.Source, "id", it.ID, "error", err)
			continue
		}
		r.add(out)
	}
	switch {
	case failed > 0:
		return nil, &RetryError{Failed: failed, Of: len(items)}
	case len(items) == 1 && items[0].Kind == envelope.Direct:
		return r.Results[0].Answer, nil
	}
	return jsontext.Marshal(r)
}

// The outcomes of an event in the log.
const (
	outcomeAccepted   = "accepted"   // every message
	outcomeRejected   = "rejected"   // at least one message, for good
	outcomeFailed     = "failed"     // at least one message, for now
	outcomeUnreadable = "unreadable" // it holds no message
)

// outcome is that of the whole event, of which failed messages are not in r.
func (r *report) outcome(failed int) string {
	switch {
	case failed > 0:
		return outcomeFailed
	case r.Rejected > 0:
		return outcomeRejected
	case r.Accepted == 0:
		return outcomeUnreadable
	}
	return outcomeAccepted
}

// kindOf is the kind of the messages of one event: they came in one envelope.
func kindOf(items []item) envelope.Kind {
	if len(items) == 0 {
		return ""
	}
	return items[0].Kind
}

func (r *report) add(out outcome) {
	if out.Outcome == "rejected" {
		r.Rejected++
	} else {
		r.Accepted++
	}
	r.Results = append(r.Results, out)
}

func (d Doors) one(ctx context.Context, it item) (outcome, error) {
	out := outcome{Kind: it.Kind, Source: it.Source, ID: it.ID, Outcome: "accepted"}
	if it.bad != "" {
		d.Log.WarnContext(ctx, "message not recognized", "kind", it.Kind, "id", it.ID, "reason", it.bad)
		out.Outcome, out.Reason = "rejected", it.bad
		return out, nil
	}
	answer, err := d.submit(ctx, it.Message)
	if rejection, ok := errors.AsType[*Rejection](err); ok {
		out.Outcome, answer, err = "rejected", rejection.Answer, nil
	}
	out.Answer = answer
	return out, err
}

// submit makes a panic a passing failure: the SDK for Function Compute would
// send its stack to the caller, the one for Lambda would end the process.
func (d Doors) submit(ctx context.Context, m Message) (answer json.RawMessage, err error) {
	defer func() {
		if v := recover(); v != nil {
			stack := debug.Stack()
			d.Log.LogAttrs(ctx, slog.LevelError, "submission panicked", slog.String("panic", fmt.Sprint(v)),
				slog.String("stack", string(stack[:min(len(stack), maxStack)])))
			answer, err = nil, errors.New("submission panicked")
		}
	}()
	return d.Submit(ctx, m)
}
