package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"backupportal/function/event/envelope"
	"backupportal/function/jsontext"
	"backupportal/function/trace"
)

// A RetryError is the error with which the platform delivers an event again. It says that
// Failed of the Of messages in the event failed and may succeed later. Its text does not
// contain the causes, because the caller sees it; the causes are logged.
type RetryError struct{ Failed, Of int }

// Error implements error.
func (e *RetryError) Error() string {
	return fmt.Sprintf("%d of %d messages failed temporarily: send the event again", e.Failed, e.Of)
}

// A report is the answer to every event except a single direct message. Few senders read it,
// but a destination for asynchronous invocations can receive it.
type report struct {
	Received int       `json:"received"`
	Accepted int       `json:"accepted"`
	Rejected int       `json:"rejected"`
	Results  []outcome `json:"results"`
}

// An outcome says in a report what happened to one message.
type outcome struct {
	Kind    envelope.Kind   `json:"kind"`
	Source  string          `json:"source,omitempty"`
	ID      string          `json:"id"`
	Outcome string          `json:"outcome"`          // outcomeAccepted or outcomeRejected
	Reason  string          `json:"reason,omitempty"` // why the message could not be read
	Answer  json.RawMessage `json:"answer,omitempty"` // the answer of Submit
}

// A batchAnswer names the records of a queue or stream that failed. Lambda and EventBridge Pipes accept the
// others, and deliver these again (“Reporting batch item failures”).
type batchAnswer struct {
	Failures []batchFailure `json:"batchItemFailures"`
}

// A batchFailure names one record.
type batchFailure struct {
	ID string `json:"itemIdentifier"`
}

// deliver passes the messages of an event to Submit, one after the other. The answer to a single
// direct message is that of Submit; otherwise it is a report. If a message fails and may succeed later,
// deliver continues with the others, and returns a [*RetryError] at the end. When the event is delivered
// again, Submit recognises the finished messages by their ids. The error is a [*ShapeError] if the event
// contains no message.
//
// The answer to records of a queue or stream of AWS is a batchAnswer. It names the records that failed and
// those that are rejected: a queue moves these to its dead-letter queue, instead of deleting them.
func (d Handlers) deliver(ctx context.Context, event []byte) (json.RawMessage, error) {
	began := time.Now()
	ctx, spans := trace.WithSpans(ctx)
	inv, _ := FromContext(ctx)
	items, err := unpack(event, inv.RequestID)
	r, failed := report{Received: len(items), Results: []outcome{}}, 0
	defer func() {
		line := []any{
			"kind", kindOf(items), "outcome", r.outcome(failed), "size", len(event),
			"messages", len(items), "rejected", r.Rejected, "failed", failed, "retry", inv.RetryCount,
			"duration_ms", time.Since(began).Milliseconds(),
		}
		if !spans.IsEmpty() {
			line = append(line, "spans", spans)
		}
		d.Log.InfoContext(withTraceOf(ctx, items), "event", line...)
		spans.Export(withTraceOf(ctx, items), d.Traces, "event "+string(kindOf(items)), r.outcome(failed))
	}()
	if err != nil {
		shape, _ := errors.AsType[*ShapeError](err)
		d.Log.ErrorContext(ctx, "event not recognized", "size", shape.Size, "keys", shape.Keys)
		d.notMessage(ctx, Message{}, err.Error())
		return nil, err
	}
	batch, unnamed := batchAnswer{Failures: []batchFailure{}}, 0
	for _, it := range items {
		ctx := withTraceOf(ctx, []item{it})
		out, err := d.submitItem(ctx, it)
		if it.failure != "" && (err != nil || out.Outcome == outcomeRejected) {
			batch.Failures = append(batch.Failures, batchFailure{it.failure})
		}
		if err != nil {
			failed++
			if it.failure == "" {
				unnamed++
			}
			d.Log.ErrorContext(ctx, "message failed temporarily", "kind", it.Kind, "event_source", it.Source, "id", it.ID, "error", err)
			continue
		}
		r.add(out)
	}
	switch {
	case unnamed > 0:
		return nil, &RetryError{Failed: failed, Of: len(items)}
	case slices.ContainsFunc(items, func(it item) bool { return it.failure != "" }):
		return jsontext.Marshal(batch)
	case len(items) == 1 && items[0].Kind == envelope.Direct:
		return r.Results[0].Answer, nil
	}
	return jsontext.Marshal(r)
}

// The outcomes of an event in the log. The first two are also those of a message in a report.
const (
	outcomeAccepted   = "accepted"   // every message was accepted
	outcomeRejected   = "rejected"   // at least one message can never succeed
	outcomeFailed     = "failed"     // at least one message failed and may succeed if it is sent again
	outcomeUnreadable = "unreadable" // the event contains no message
	outcomeUnserved   = "unserved"   // the event is known and not served
)

// outcome returns one word for the result of the whole event. failed is the number of messages
// that failed and may succeed if the platform sends them again; r does not count these.
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

// kindOf returns the kind of an event: that of its first message, or an empty string if there is
// no message.
func kindOf(items []item) envelope.Kind {
	if len(items) == 0 {
		return ""
	}
	return items[0].Kind
}

// add adds the result of one message to the report about an event.
func (r *report) add(out outcome) {
	if out.Outcome == outcomeRejected {
		r.Rejected++
	} else {
		r.Accepted++
	}
	r.Results = append(r.Results, out)
}

// submitItem passes one message to Submit. An element that is not a message is rejected. An
// error means that the platform should deliver the message again.
func (d Handlers) submitItem(ctx context.Context, it item) (outcome, error) {
	out := outcome{Kind: it.Kind, Source: it.Source, ID: it.ID, Outcome: outcomeAccepted}
	if it.reason != "" {
		d.Log.WarnContext(ctx, "message not recognized", "kind", it.Kind, "id", it.ID, "reason", it.reason)
		d.notMessage(ctx, it.Message, it.reason)
		out.Outcome, out.Reason = outcomeRejected, it.reason
		return out, nil
	}
	answer, err := d.submit(ctx, it.Message)
	if rejection, ok := errors.AsType[*Rejection](err); ok {
		out.Outcome, answer, err = outcomeRejected, rejection.Answer, nil
	}
	out.Answer = answer
	return out, err
}

// withTraceOf returns a context with the trace of the message if there is exactly one and it names a trace.
func withTraceOf(ctx context.Context, items []item) context.Context {
	if len(items) != 1 || items[0].Trace.IsZero() {
		return ctx
	}
	return trace.With(ctx, items[0].Trace)
}

// notMessage passes m, which contains no submission, and the reason to NotMessage, if that is set.
func (d Handlers) notMessage(ctx context.Context, m Message, reason string) {
	if d.NotMessage != nil {
		d.NotMessage(ctx, m, reason)
	}
}

// submit calls Submit and turns a panic into an error of this message. Without that, the SDK
// for Function Compute would send the stack to the caller, and the SDK for Lambda would end the
// process.
func (d Handlers) submit(ctx context.Context, m Message) (answer json.RawMessage, err error) {
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
